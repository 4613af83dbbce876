//! A face, or none, as the landmark network sees it: 64x64 pixels of a square around the detector's box.

use super::super::augment::{Augment, photo};
use super::super::random::Rng;
use super::super::set::Sample;
use super::config::Views;
use crate::analysis::Landmarks;
use crate::face::carry::USUAL;
use crate::face::gray::luma;
use crate::face::landmarks::BOX_SCALE;
use crate::model::points::SIDE_PX;

/// A box that is off by more than this many of its sides is no plain case any more: neither a face nor none,
const BETWEEN_SHIFT: f64 = 0.22;
/// or by more than this in the logarithm of its size.
const BETWEEN_SCALE: f64 = 0.4;
/// Most samples a pixel and axis where the picture is made smaller.
const MOST_SAMPLES: usize = 4;
/// A face in pieces: so many a side.
const PIECES: usize = 4;
/// Side of FER+'s pictures, pixels: that of every other tight picture, too. The rest have from a few to many.
pub(super) const TIGHT_SIDE_PX: usize = 48;
const TIGHT_SIDES_PX: [f64; 2] = [20.0, 96.0];
/// FER+'s pictures are so much larger than the box that our detector would draw (the ratio's logarithm; measured on its
/// training split, where the standard deviation is 0.09).
pub(super) const TIGHT_LARGER: f64 = 0.11;
/// How far an edge of a tight picture is from where it should be, in sides of the window (standard deviation),
const TIGHT_EDGE_SD: f64 = 0.008;
/// the chance that an edge lies further in,
const TIGHT_CUT: f64 = 0.1;
/// and by how much at most, in sides of the window.
const TIGHT_CUT_PART: f64 = 0.08;

/// What a view shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A face where the detector would have it.
    Face,
    /// A face, but the box is off.
    Between,
    /// No face, or none that fills the box.
    NoFace,
}

/// A picture for the landmark network, and what it is to say of it.
#[derive(Debug, Clone, PartialEq)]
pub struct View {
    /// `[64, 64]`
    pub pixels: Vec<u8>,
    /// The five points over the picture's side, 0 its left and upper edge and 1 the others.
    pub points: Landmarks,
    /// The distance of the eye centres, over the side.
    pub eyes: f32,
    /// What it shows.
    pub kind: Kind,
}

impl View {
    /// The mean distance of points from where they should be, in eye distances.
    pub fn error(&self, points: &Landmarks) -> f64 {
        error(points, &self.points)
    }
}

/// The mean distance of points from the true ones, in the true eye distance (the normalised mean error).
pub fn error(points: &Landmarks, truth: &Landmarks) -> f64 {
    let apart = |[x0, y0]: [f32; 2], [x1, y1]: [f32; 2]| f64::from((x1 - x0).hypot(y1 - y0));
    let sum: f64 = points.iter().zip(truth).map(|(a, b)| apart(*a, *b)).sum();
    sum / points.len() as f64 / apart(truth[0], truth[1])
}

/// A grey picture of the set.
pub struct Gray<'a> {
    pixels: std::borrow::Cow<'a, [u8]>,
    size: [i64; 2],
}

impl<'a> Gray<'a> {
    /// `pixels [height, width]` of a picture of this width and height.
    pub fn new(pixels: &'a [u8], [w, h]: [usize; 2]) -> Self {
        Self {
            pixels: pixels.into(),
            size: [w as i64, h as i64],
        }
    }

    /// A sample's.
    pub fn of(sample: &Sample<'a>) -> Self {
        let pixels = match sample.channels {
            3 => {
                let (rgb, _) = sample.pixels.as_chunks::<3>();
                rgb.iter().map(|&[r, g, b]| luma(r, g, b)).collect()
            }
            _ => sample.pixels.into(),
        };
        Self {
            pixels,
            size: [sample.width_px as i64, sample.height_px as i64],
        }
    }

    /// The pixel there, its edges repeated, or `around` where it has none.
    fn at(&self, x: i64, y: i64, around: Option<&Self>) -> f32 {
        let [w, h] = self.size;
        let inside = (0..w).contains(&x) && (0..h).contains(&y);
        match around {
            // Mirrored again and again: it has no edge of its own.
            Some(other) if !inside => {
                let [w, h] = other.size;
                let fold = |v: i64, n: i64| (v.rem_euclid(2 * n) - n).abs().min(n - 1);
                f32::from(other.pixels[(fold(y, h) * w + fold(x, w)) as usize])
            }
            _ => f32::from(self.pixels[(y.clamp(0, h - 1) * w + x.clamp(0, w - 1)) as usize]),
        }
    }

    /// Between four pixels.
    fn between(&self, x: f64, y: f64, around: Option<&Self>) -> f32 {
        let (left, top) = (x.floor(), y.floor());
        let (right, below) = ((x - left) as f32, (y - top) as f32);
        let (left, top) = (left as i64, top as i64);
        let row = |y: i64| {
            let (a, b) = (self.at(left, y, around), self.at(left + 1, y, around));
            a + right * (b - a)
        };
        let (a, b) = (row(top), row(top + 1));
        a + below * (b - a)
    }
}

/// A square of a picture, perhaps turned or mirrored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Window {
    /// Its centre, in pixels of the picture (0 is the middle of the first).
    pub center: [f64; 2],
    /// Its side, in pixels of the picture.
    pub side: f64,
    /// How far it is turned, radians.
    pub turn: f64,
    /// Whether left and right change places.
    pub mirrored: bool,
}

impl Window {
    /// Where a place of the window (0..1 along each axis) lies in the picture.
    fn to_picture(self, u: f64, v: f64) -> (f64, f64) {
        let u = if self.mirrored { 0.5 - u } else { u - 0.5 };
        let v = v - 0.5;
        let (sin, cos) = self.turn.sin_cos();
        (
            self.center[0] + self.side * (cos * u - sin * v),
            self.center[1] + self.side * (sin * u + cos * v),
        )
    }

    /// Where landmarks of the picture lie in the window, and by which names: a mirrored face's left is its right.
    pub fn landmarks(self, landmarks: &Landmarks) -> Landmarks {
        let (sin, cos) = self.turn.sin_cos();
        let points = landmarks.map(|[x, y]| {
            let (x, y) = (f64::from(x) - self.center[0], f64::from(y) - self.center[1]);
            let u = (cos * x + sin * y) / self.side;
            let v = (cos * y - sin * x) / self.side;
            let u = if self.mirrored { 0.5 - u } else { 0.5 + u };
            [u as f32, (v + 0.5) as f32]
        });
        let [eye, other_eye, nose, mouth, other_mouth] = points;
        if self.mirrored {
            [other_eye, eye, nose, other_mouth, mouth]
        } else {
            points
        }
    }

    /// The picture in it, `[side_px, side_px]`.
    pub fn cut(self, picture: &Gray<'_>, around: Option<&Gray<'_>>, side_px: usize) -> Vec<u8> {
        let step = 1.0 / side_px as f64;
        let samples = ((self.side * step).ceil() as usize).clamp(1, MOST_SAMPLES);
        let part = step / samples as f64;
        let mut pixels = Vec::with_capacity(side_px * side_px);
        for y in 0..side_px {
            for x in 0..side_px {
                let mut sum = 0.0;
                for i in 0..samples * samples {
                    let u = x as f64 * step + ((i % samples) as f64 + 0.5) * part;
                    let v = y as f64 * step + ((i / samples) as f64 + 0.5) * part;
                    let (x, y) = self.to_picture(u, v);
                    sum += picture.between(x, y, around);
                }
                // The cast keeps to 0..=255.
                pixels.push((sum / (samples * samples) as f32).round() as u8);
            }
        }
        pixels
    }
}

/// A picture that ends within the window: how many pixels a side the window has in it, and how many of them lie beyond
/// its left, upper, right and lower edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tight {
    /// Pixels along a side of the window.
    pub side_px: usize,
    /// Of these, what the picture has not.
    pub beyond_px: [usize; 4],
}

impl Tight {
    /// A random one, its edges about where the detector's box has them.
    fn draw(rng: &mut Rng) -> Self {
        let [least, most] = TIGHT_SIDES_PX.map(f64::ln);
        let any = rng.between(least, most).exp();
        let box_px = if rng.chance(0.5) {
            TIGHT_SIDE_PX as f64
        } else {
            any
        };
        let side = (box_px * f64::from(BOX_SCALE)).round();
        let margin = (1.0 - 1.0 / f64::from(BOX_SCALE)) / 2.0;
        let beyond_px = [(); 4].map(|()| {
            let off = rng.normal() * TIGHT_EDGE_SD;
            let further = rng.between(0.0, TIGHT_CUT_PART);
            let further = if rng.chance(TIGHT_CUT) { further } else { 0.0 };
            // The cast keeps to what is not negative.
            ((margin + off + further) * side).round() as usize
        });
        Self {
            side_px: side as usize,
            beyond_px,
        }
    }

    /// What a window of a larger picture shows of this one, `[side_px, side_px]`.
    pub fn cut(
        &self,
        window: Window,
        picture: &Gray<'_>,
        around: Option<&Gray<'_>>,
        side_px: usize,
    ) -> Vec<u8> {
        let whole = window.cut(picture, around, self.side_px);
        let [left, top, right, below] = self.beyond_px.map(|px| px.min(self.side_px / 3));
        let [w, h] = [self.side_px - left - right, self.side_px - top - below];
        let rows = whole.chunks_exact(self.side_px).skip(top).take(h);
        let inner: Vec<u8> = rows.flat_map(|row| &row[left..left + w]).copied().collect();
        let middle = (self.side_px - 1) as f64 / 2.0;
        let window = Window {
            center: [middle - left as f64, middle - top as f64],
            side: self.side_px as f64,
            turn: 0.0,
            mirrored: false,
        };
        window.cut(&Gray::new(&inner, [w, h]), None, side_px)
    }
}

/// The square in which the landmark network looks for a face with these landmarks, were the detector's box as usual and
/// the picture turned by this many radians; `None` where the landmarks fit nothing.
pub fn usual_window(landmarks: &Landmarks, turn: f64) -> Option<Window> {
    let box_px = USUAL.on(landmarks)?;
    let (x, y) = box_px.center();
    Some(Window {
        center: [x.into(), y.into()],
        side: f64::from(box_px.w * BOX_SCALE),
        turn,
        mirrored: false,
    })
}

/// A random view of a face, or of something that is none. `other` is what may lie around it.
pub fn draw(
    sample: &Sample<'_>,
    other: Option<&Sample<'_>>,
    views: &Views,
    augment: &Augment,
    rng: &mut Rng,
) -> View {
    let mirrored = rng.chance(views.flip);
    let degrees = if rng.chance(0.5) {
        rng.normal() * views.turn_sd_degrees
    } else {
        rng.between(-views.turn_degrees, views.turn_degrees)
    };
    let shift = [(); 2].map(|()| rng.normal() * views.shift_sd);
    let mut scale = rng.normal() * views.scale_sd;
    let around = rng.chance(views.other_around);
    let no_face = rng.chance(views.no_face);
    // What is asked for alone is drawn for: settings without it give the views that they always gave. Faces and what is
    // none are tight alike: an edge says nothing of a face.
    let tight = (views.tight > 0.0 && rng.chance(views.tight)).then(|| Tight::draw(rng));
    if tight.is_some() {
        scale += TIGHT_LARGER;
    }
    let usual = usual_window(&sample.landmarks, degrees.to_radians());
    let mut window = usual.unwrap_or(Window {
        center: [sample.width_px as f64 / 2.0, sample.height_px as f64 / 2.0],
        side: sample.width_px as f64,
        turn: 0.0,
        mirrored,
    });
    window.mirrored = mirrored;
    let box_side = window.side / f64::from(BOX_SCALE);
    let mut off = |dx: f64, dy: f64, by: f64| {
        window.center[0] += dx * box_side;
        window.center[1] += dy * box_side;
        window.side *= by;
    };
    let mut kind = Kind::Face;
    let mut in_pieces = false;
    if no_face || usual.is_none() {
        kind = Kind::NoFace;
        match rng.below(5) {
            0 => {
                let (far, way) = (
                    rng.between(0.6, 1.5),
                    rng.between(0.0, std::f64::consts::TAU),
                );
                off(far * way.cos(), far * way.sin(), scale.exp());
            }
            1 => off(shift[0], shift[1], rng.between(0.25, 0.45)),
            2 => off(shift[0], shift[1], rng.between(2.2, 3.5)),
            3 => {
                off(shift[0], shift[1], scale.exp());
                window.turn += std::f64::consts::PI;
            }
            _ => {
                off(shift[0], shift[1], scale.exp());
                in_pieces = true;
            }
        }
    } else {
        off(shift[0], shift[1], scale.exp());
        if shift[0].hypot(shift[1]) > BETWEEN_SHIFT || scale.abs() > BETWEEN_SCALE {
            kind = Kind::Between;
        }
    }
    let around = other.filter(|_| around).map(Gray::of);
    let picture = Gray::of(sample);
    let mut pixels = match tight {
        None => window.cut(&picture, around.as_ref(), SIDE_PX),
        Some(tight) => tight.cut(window, &picture, around.as_ref(), SIDE_PX),
    };
    if in_pieces {
        pixels = mix_up(&pixels, rng);
    }
    photo::develop(augment, rng, (SIDE_PX, 1), &mut pixels);
    let points = window.landmarks(&sample.landmarks);
    let [[x0, y0], [x1, y1], ..] = points;
    View {
        pixels,
        points,
        eyes: (x1 - x0).hypot(y1 - y0),
        kind,
    }
}

/// The picture's pieces in another order.
fn mix_up(pixels: &[u8], rng: &mut Rng) -> Vec<u8> {
    let piece = SIDE_PX / PIECES;
    let mut order: Vec<usize> = (0..PIECES * PIECES).collect();
    rng.shuffle(&mut order);
    (0..SIDE_PX * SIDE_PX)
        .map(|i| {
            let (x, y) = (i % SIDE_PX, i / SIDE_PX);
            let from = order[y / piece * PIECES + x / piece];
            let (left, top) = (from % PIECES * piece, from / PIECES * piece);
            pixels[(top + y % piece) * SIDE_PX + left + x % piece]
        })
        .collect()
}
