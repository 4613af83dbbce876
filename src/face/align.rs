//! From five landmarks to the 112x112 crop that the network sees.

use super::gray::Gray;
use crate::analysis::Landmarks;
use crate::frame::Frame;
use crate::model::config::{CROP_SIDE_PX, Color};

/// Where the landmarks lie in a crop of 112x112 (the ArcFace template, as the reference code has it), image-left eye first.
pub const TEMPLATE_PX: Landmarks = [
    [38.2946, 51.6963],
    [73.5318, 51.5014],
    [56.0252, 71.7366],
    [41.5493, 92.3655],
    [70.7299, 92.2041],
];

/// Turn, scale and shift: `(x, y) -> (a x - b y + tx, b x + a y + ty)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Similarity {
    /// Scale times cosine.
    pub a: f64,
    /// Scale times sine.
    pub b: f64,
    /// Shift to the right.
    pub tx: f64,
    /// Shift down.
    pub ty: f64,
}

impl Similarity {
    /// The least-squares similarity that takes `from` to `to` (Umeyama 1991; in the plane, without mirroring, it has
    /// this closed form). `None` when the points coincide or are not finite.
    pub fn fit(from: &Landmarks, to: &Landmarks) -> Option<Self> {
        let mean = |points: &Landmarks, k: usize| {
            points.iter().map(|p| f64::from(p[k])).sum::<f64>() / points.len() as f64
        };
        let (fx, fy, gx, gy) = (mean(from, 0), mean(from, 1), mean(to, 0), mean(to, 1));
        let (mut dot, mut cross, mut spread) = (0.0, 0.0, 0.0);
        for (p, q) in from.iter().zip(to) {
            let (px, py) = (f64::from(p[0]) - fx, f64::from(p[1]) - fy);
            let (qx, qy) = (f64::from(q[0]) - gx, f64::from(q[1]) - gy);
            dot += px * qx + py * qy;
            cross += px * qy - py * qx;
            spread += px * px + py * py;
        }
        let (a, b) = (dot / spread, cross / spread);
        let ok = spread > 1e-9 && (a * a + b * b) > 1e-18 && a.is_finite() && b.is_finite();
        ok.then_some(Self {
            a,
            b,
            tx: gx - (a * fx - b * fy),
            ty: gy - (b * fx + a * fy),
        })
    }

    /// Where a point goes.
    pub fn apply(&self, x: f64, y: f64) -> (f64, f64) {
        (
            self.a * x - self.b * y + self.tx,
            self.b * x + self.a * y + self.ty,
        )
    }

    /// The way back.
    pub fn inverse(&self) -> Self {
        let norm = self.a * self.a + self.b * self.b;
        let (a, b) = (self.a / norm, -self.b / norm);
        Self {
            a,
            b,
            tx: -(a * self.tx - b * self.ty),
            ty: -(b * self.tx + a * self.ty),
        }
    }

    /// To the centre of a crop that is resized from 112 to `resize_px` a side: pixel centres move as a resize moves them.
    fn enlarged(&self, resize_px: usize) -> Self {
        let by = resize_px as f64 / CROP_SIDE_PX as f64;
        // As torchvision's CenterCrop rounds.
        let off = ((resize_px - CROP_SIDE_PX) as f64 / 2.0).round_ties_even();
        let shift = |t: f64| (t + 0.5) * by - 0.5 - off;
        Self {
            a: self.a * by,
            b: self.b * by,
            tx: shift(self.tx),
            ty: shift(self.ty),
        }
    }

    /// How much longer a line becomes.
    pub fn scale(&self) -> f64 {
        self.a.hypot(self.b)
    }
}

/// One channel or three, read at broken positions.
trait Plane<const N: usize> {
    fn pixel(&self, x: usize, y: usize) -> [f32; N];
    fn size(&self) -> (usize, usize);
}

impl Plane<1> for Gray {
    fn pixel(&self, x: usize, y: usize) -> [f32; 1] {
        [f32::from(self.pixels[y * self.width_px + x])]
    }
    fn size(&self) -> (usize, usize) {
        (self.width_px, self.height_px)
    }
}

impl Plane<3> for Frame {
    fn pixel(&self, x: usize, y: usize) -> [f32; 3] {
        let i = (y * self.width_px() + x) * 3;
        let p = &self.rgb()[i..i + 3];
        [f32::from(p[0]), f32::from(p[1]), f32::from(p[2])]
    }
    fn size(&self) -> (usize, usize) {
        (self.width_px(), self.height_px())
    }
}

/// Bilinear; outside of the picture is black, as the reference's warp has it.
fn sample<const N: usize>(plane: &impl Plane<N>, x: f64, y: f64) -> [f32; N] {
    let (w, h) = plane.size();
    let mut out = [0.0; N];
    // Also refuses NaN.
    if !(x > -1.0 && y > -1.0 && x < w as f64 && y < h as f64) {
        return out;
    }
    let (fx, fy) = (x.floor(), y.floor());
    let (dx, dy) = ((x - fx) as f32, (y - fy) as f32);
    for (ox, oy, weight) in [
        (0, 0, (1.0 - dx) * (1.0 - dy)),
        (1, 0, dx * (1.0 - dy)),
        (0, 1, (1.0 - dx) * dy),
        (1, 1, dx * dy),
    ] {
        let (px, py) = (fx as i64 + ox, fy as i64 + oy);
        if px >= 0 && py >= 0 && (px as usize) < w && (py as usize) < h {
            for (o, v) in out.iter_mut().zip(plane.pixel(px as usize, py as usize)) {
                *o += weight * v;
            }
        }
    }
    out
}

/// Samples a crop; where the face is larger than the crop, several samples a pixel keep it from aliasing.
fn warp<const N: usize>(plane: &impl Plane<N>, to_picture: &Similarity) -> Vec<u8> {
    let steps = (to_picture.scale().round() as usize).clamp(1, 6);
    let mut pixels = Vec::with_capacity(CROP_SIDE_PX * CROP_SIDE_PX * N);
    for y in 0..CROP_SIDE_PX {
        for x in 0..CROP_SIDE_PX {
            let mut sum = [0.0; N];
            for sy in 0..steps {
                for sx in 0..steps {
                    let off = |s: usize| (s as f64 + 0.5) / steps as f64 - 0.5;
                    let (px, py) = to_picture.apply(x as f64 + off(sx), y as f64 + off(sy));
                    for (s, v) in sum.iter_mut().zip(sample(plane, px, py)) {
                        *s += v;
                    }
                }
            }
            pixels.extend(sum.map(|s| (s / (steps * steps) as f32).round() as u8));
        }
    }
    pixels
}

/// The crop's pixels `[112, 112, channels]`; `None` when the landmarks fit nothing.
///
/// A network that was trained on the centre of enlarged crops (`resize_px` above 112: the reference's, 134) gets the
/// same part of the face, sampled from the picture at once.
pub fn crop(
    frame: &Frame,
    gray: &Gray,
    landmarks: &Landmarks,
    (color, resize_px): (Color, usize),
) -> Option<Vec<u8>> {
    let to_crop = Similarity::fit(landmarks, &TEMPLATE_PX)?.enlarged(resize_px);
    let to_picture = to_crop.inverse();
    let sizes = to_picture.scale();
    if !sizes.is_finite() || sizes <= 0.0 {
        return None;
    }
    Some(match color {
        Color::Gray => warp(gray, &to_picture),
        Color::Rgb => warp(frame, &to_picture),
    })
}
