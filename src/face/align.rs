//! From five landmarks to the 112x112 crop that the network sees.

use std::convert::Infallible;

use super::gray::Gray;
use crate::analysis::Landmarks;
use crate::frame::{Frame, PixelPool, Pixels};
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

    /// What `first` and then this do to a point.
    pub fn after(&self, first: &Self) -> Self {
        let (tx, ty) = self.apply(first.tx, first.ty);
        Self {
            a: self.a * first.a - self.b * first.b,
            b: self.b * first.a + self.a * first.b,
            tx,
            ty,
        }
    }

    /// How much longer a line becomes.
    pub fn scale(&self) -> f64 {
        self.a.hypot(self.b)
    }
}

/// Pixels of N bytes each, row by row.
struct Plane<'a, const N: usize> {
    pixels: &'a [[u8; N]],
    width_px: usize,
    height_px: usize,
}

impl<'a, const N: usize> Plane<'a, N> {
    fn new(bytes: &'a [u8], width_px: usize, height_px: usize) -> Self {
        Self {
            pixels: bytes.as_chunks().0,
            width_px,
            height_px,
        }
    }

    /// Bilinear; outside of the picture is black, as the reference's warp has it.
    fn sample(&self, x: f64, y: f64) -> [f32; N] {
        let (w, h) = (self.width_px, self.height_px);
        let mut out = [0.0; N];
        // Also refuses NaN.
        if !(x > -1.0 && y > -1.0 && x < w as f64 && y < h as f64) {
            return out;
        }
        if x >= 0.0 && y >= 0.0 && x < (w - 1) as f64 && y < (h - 1) as f64 {
            return self.sample_inside(x, y);
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
                let pixel = self.pixels[py as usize * w + px as usize];
                for (o, v) in out.iter_mut().zip(pixel) {
                    *o += weight * f32::from(v);
                }
            }
        }
        out
    }

    /// The same, to the bit, where all four pixels lie in the picture: most of what is sampled, without asking for each.
    fn sample_inside(&self, x: f64, y: f64) -> [f32; N] {
        let (px, py) = (x as i32, y as i32);
        let (dx, dy) = ((x - f64::from(px)) as f32, (y - f64::from(py)) as f32);
        let at = py as usize * self.width_px + px as usize;
        let upper = &self.pixels[at..at + 2];
        let lower = &self.pixels[at + self.width_px..at + self.width_px + 2];
        let (a, b) = ((1.0 - dx) * (1.0 - dy), dx * (1.0 - dy));
        let (c, d) = ((1.0 - dx) * dy, dx * dy);
        // In this order, as above.
        std::array::from_fn(|k| {
            a * f32::from(upper[0][k])
                + b * f32::from(upper[1][k])
                + c * f32::from(lower[0][k])
                + d * f32::from(lower[1][k])
        })
    }

    /// Samples a crop `[112, 112, N]`; where the face is larger than the crop, several samples a pixel keep it from
    /// aliasing.
    fn warp(&self, to_picture: &Similarity, out: &mut [[u8; N]]) {
        let steps = (to_picture.scale().round() as usize).clamp(1, MOST_STEPS);
        // A square lies in the picture when its corners do, and so does each row of it.
        let (low, high) = (-0.5, CROP_SIDE_PX as f64 - 0.5);
        let inside = [(low, low), (low, high), (high, low), (high, high)]
            .into_iter()
            .all(|(x, y)| {
                let (x, y) = to_picture.apply(x, y);
                // A hair more than needed: points between the corners are rounded too.
                let right = self.width_px as f64 - 1.01;
                let bottom = self.height_px as f64 - 1.01;
                (0.01..right).contains(&x) && (0.01..bottom).contains(&y)
            });
        for (y, row) in out.chunks_exact_mut(CROP_SIDE_PX).enumerate() {
            if inside {
                self.row_inside(to_picture, y, steps, row);
            } else {
                self.row(to_picture, y, steps, row);
            }
        }
    }

    /// One row of a crop.
    fn row(&self, to_picture: &Similarity, y: usize, steps: usize, row: &mut [[u8; N]]) {
        let parts: [f64; MOST_STEPS] = std::array::from_fn(|step| step_part(step, steps));
        let count = (steps * steps) as f32;
        for (x, pixel) in row.iter_mut().enumerate() {
            let mut sum = [0.0; N];
            for sy in &parts[..steps] {
                for sx in &parts[..steps] {
                    let (px, py) = to_picture.apply(at_step(x, *sx), at_step(y, *sy));
                    for (s, v) in sum.iter_mut().zip(self.sample(px, py)) {
                        *s += v;
                    }
                }
            }
            *pixel = sum.map(|s| {
                let mean = if steps == 1 { s } else { s / count };
                // As f32::round rounds, without a call: an f64 holds this sum exactly.
                (f64::from(mean) + 0.5) as u8
            });
        }
    }

    /// The same where all of it lies in the picture, in whole numbers: some times faster, and equal to a level.
    fn row_inside(&self, to_picture: &Similarity, y: usize, steps: usize, row: &mut [[u8; N]]) {
        let mut sums = [[0u32; N]; CROP_SIDE_PX]; // of levels in 1/65536, at most 36 of them
        let fixed = |v: f64| (v * (1u64 << PLACE_BITS) as f64) as i64;
        let (step_x, step_y) = (
            fixed(to_picture.a / steps as f64),
            fixed(to_picture.b / steps as f64),
        );
        let part = |v: i64| ((v >> (PLACE_BITS - 10)) & 1023) as u32;
        for sy in 0..steps {
            let (px, py) = to_picture.apply(
                at_step(0, step_part(0, steps)),
                at_step(y, step_part(sy, steps)),
            );
            let (mut px, mut py) = (fixed(px), fixed(py));
            for sum in &mut sums {
                for _ in 0..steps {
                    let (dx, dy) = (part(px), part(py));
                    let at =
                        (py >> PLACE_BITS) as usize * self.width_px + (px >> PLACE_BITS) as usize;
                    let upper = &self.pixels[at..at + 2];
                    let lower = &self.pixels[at + self.width_px..at + self.width_px + 2];
                    for (k, sum) in sum.iter_mut().enumerate() {
                        let mix = |row: &[[u8; N]]| {
                            u32::from(row[0][k]) * (1024 - dx) + u32::from(row[1][k]) * dx
                        };
                        *sum += (mix(upper) * (1024 - dy) + mix(lower) * dy) >> 4;
                    }
                    px += step_x;
                    py += step_y;
                }
            }
        }
        let count = (steps * steps) as u32;
        for (pixel, sum) in row.iter_mut().zip(sums) {
            *pixel = sum.map(|s| ((s / count + 0x8000) >> 16) as u8);
        }
    }
}

/// Binary digits behind the point of a place in the picture.
const PLACE_BITS: u32 = 24;

/// Samples a pixel along an axis, at the most.
const MOST_STEPS: usize = 6;

/// How far into a pixel a sample lies, along an axis.
fn step_part(step: usize, steps: usize) -> f64 {
    (step as f64 + 0.5) / steps as f64
}

/// Where a pixel's sample lies along an axis.
fn at_step(pixel: usize, part: f64) -> f64 {
    pixel as f64 + part - 0.5
}

/// The way from a crop's pixels back to the picture's, where the landmarks belong at `template_px` of a crop that was
/// enlarged from 112 to `resize_px` a side and cut to its centre; `None` when the landmarks fit nothing.
pub fn to_picture(
    landmarks: &Landmarks,
    template_px: &Landmarks,
    resize_px: usize,
) -> Option<Similarity> {
    let to_picture = Similarity::fit(landmarks, template_px)?
        .enlarged(resize_px)
        .inverse();
    let sizes = to_picture.scale();
    (sizes.is_finite() && sizes > 0.0).then_some(to_picture)
}

/// Samples a crop `out [112, 112, channels]` from the pixels `[height, width, channels]` of a picture.
pub fn warp(
    pixels: &[u8],
    (width_px, height_px): (usize, usize),
    color: Color,
    to_picture: &Similarity,
    out: &mut [u8],
) {
    match color {
        Color::Gray => {
            Plane::<1>::new(pixels, width_px, height_px).warp(to_picture, out.as_chunks_mut().0);
        }
        Color::Rgb => {
            Plane::<3>::new(pixels, width_px, height_px).warp(to_picture, out.as_chunks_mut().0);
        }
    }
}

/// The crop's pixels `[112, 112, channels]`, in a buffer of the pool; `None` when the landmarks fit nothing.
///
/// A network that was trained on the centre of enlarged crops (`resize_px` above 112: the reference's, 134) gets the
/// same part of the face, sampled from the picture at once.
pub fn crop(
    frame: &Frame,
    gray: &Gray,
    landmarks: &Landmarks,
    (color, resize_px): (Color, usize),
    pool: &mut PixelPool,
) -> Option<Pixels> {
    let to_picture = to_picture(landmarks, &TEMPLATE_PX, resize_px)?;
    let bytes = CROP_SIDE_PX * CROP_SIDE_PX * color.channels();
    let (pixels, size_px) = match color {
        Color::Gray => (&*gray.pixels, (gray.width_px, gray.height_px)),
        Color::Rgb => (frame.rgb(), (frame.width_px(), frame.height_px())),
    };
    let made = pool.fill(bytes, |out| {
        warp(pixels, size_px, color, &to_picture, out);
        Ok::<_, Infallible>(())
    });
    made.ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn samples_and_their_rounding_are_those_of_the_formula_to_the_bit(
            x in -3f64..12.0, y in -3f64..9.0, pixels in prop::collection::vec(any::<u8>(), 70), level in 0f32..255.4,
        ) {
            let plane = Plane::<1>::new(&pixels, 10, 7);
            let (dx, dy) = ((x - x.floor()) as f32, (y - y.floor()) as f32);
            let at = |ox: i64, oy: i64| {
                let (px, py) = (x.floor() as i64 + ox, y.floor() as i64 + oy);
                let inside = (0..10).contains(&px) && (0..7).contains(&py);
                if inside { f32::from(pixels[(py * 10 + px) as usize]) } else { 0.0 }
            };
            let mut sum = (1.0 - dx) * (1.0 - dy) * at(0, 0);
            sum += dx * (1.0 - dy) * at(1, 0);
            sum += (1.0 - dx) * dy * at(0, 1);
            sum += dx * dy * at(1, 1);
            prop_assert_eq!(plane.sample(x, y)[0].to_bits(), sum.to_bits());
            prop_assert_eq!((f64::from(level) + 0.5) as u8, level.round() as u8);
        }

        #[test]
        fn whole_numbers_give_the_same_crop_to_a_level(
            angle in -3.1f64..3.1, scale in 0.3f64..2.4, pixels in prop::collection::vec(any::<[u8; 3]>(), 97)
        ) {
            let (w, h) = (400, 390);
            let bytes: Vec<u8> = (0..w * h).flat_map(|i| pixels[i * i % 97]).collect();
            let plane = Plane::<3>::new(&bytes, w, h);
            let (a, b) = (scale * angle.cos(), scale * angle.sin());
            let mut fit = Similarity { a, b, tx: 0.0, ty: 0.0 };
            let (x, y) = fit.apply(55.5, 55.5);
            (fit.tx, fit.ty) = (199.3 - x, 195.1 - y);
            let steps = (scale.round() as usize).max(1);
            for row in [0, 1, 55, 111] {
                let (mut exact, mut fast) = ([[0; 3]; CROP_SIDE_PX], [[0; 3]; CROP_SIDE_PX]);
                plane.row(&fit, row, steps, &mut exact);
                plane.row_inside(&fit, row, steps, &mut fast);
                for (a, b) in exact.as_flattened().iter().zip(fast.as_flattened()) {
                    prop_assert!(a.abs_diff(*b) <= 1, "row {row}");
                }
            }
        }
    }
}
