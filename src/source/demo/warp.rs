//! The face's own movement: a smooth displacement of mouth, brows and eyes, and a mouth that closes.
//!
//! All places are in pixels of the portrait (512x512). A pixel of the moved face at `p` is the portrait's at `p - d(p)`;
//! places keep their order everywhere, so nothing folds or tears.

use super::motion::Mood;
use super::texture::{Texture, pack, smoothstep};

/// The box within which the face moves: left, top, right, bottom.
const FACE: [f32; 4] = [166.0, 74.0, 284.0, 200.0];

/// Parts of the face in the portrait.
const MOUTH: [f32; 2] = [224.5, 145.0];
const CORNERS: [[f32; 2]; 2] = [[204.5, 141.0], [245.0, 141.0]];
const BROWS: [[f32; 2]; 2] = [[201.0, 89.0], [251.0, 91.0]];
const BROW_ENDS: [[f32; 2]; 2] = [[210.5, 90.5], [240.0, 92.0]];
const EYES: [[f32; 2]; 2] = [[202.5, 101.0], [246.0, 103.5]];
const NOSE: [f32; 2] = [223.0, 125.0];

/// Between these heights, under the nose and in the neck, a mouth that opens or closes moves the face.
const CHANGES_FROM: f32 = 132.0;
const NECK: f32 = 199.0;

/// The folds from the nose to the corners of a mouth that smiles: middle and width.
const FOLDS: [[[f32; 2]; 2]; 2] = [[[199.0, 133.0], [7.0, 8.0]], [[247.5, 137.0], [6.0, 8.0]]];

/// Lips that meet, the line between them, and the inside of an open mouth.
const LIPS: [f32; 3] = [186.0, 118.0, 112.0];
const LIP_LINE: [f32; 3] = [118.0, 62.0, 58.0];
const INSIDE: [f32; 3] = [46.0, 16.0, 16.0];

/// A bell around a place: 1 there, about 0 at three times the width.
fn bell(at: [f32; 2], middle: [f32; 2], width: [f32; 2]) -> f32 {
    let (x, y) = (
        (at[0] - middle[0]) / width[0],
        (at[1] - middle[1]) / width[1],
    );
    (-0.5 * (x * x + y * y)).exp()
}

/// How far each part of the face moves at one place, for one unit of each part of a [`Mood`].
#[derive(Clone, Copy, Default)]
struct Reach {
    corners: [f32; 2],
    narrow: f32,
    brows: f32,
    inner_up: f32,
    inner_in: f32,
    eyes: f32,
    yaw: f32,
}

impl Reach {
    fn at(p: [f32; 2]) -> Self {
        let edge = |a: f32, low: f32, high: f32| smoothstep((a - low).min(high - a) / 10.0);
        let window = edge(p[0], FACE[0], FACE[2]) * edge(p[1], FACE[1], FACE[3]);
        let mut reach = Self::default();
        for side in [0, 1] {
            let outward = if side == 0 { -1.0 } else { 1.0 };
            let corner = bell(p, CORNERS[side], [9.0, 7.5]) * window;
            reach.corners[0] += 2.6 * outward * corner;
            reach.corners[1] -= 4.6 * corner;
            reach.brows -= 5.5 * bell(p, BROWS[side], [13.0, 6.0]) * window;
            reach.inner_up -= 3.8 * bell(p, BROW_ENDS[side], [7.0, 6.0]) * window;
            reach.inner_in -= 3.0 * outward * bell(p, BROW_ENDS[side], [8.0, 6.0]) * window;
            // Away from the middle of the eye, above and below.
            reach.eyes += 0.34 * (p[1] - EYES[side][1]) * bell(p, EYES[side], [10.0, 5.0]) * window;
        }
        // Towards the middle of the mouth.
        reach.narrow = -0.36 * (p[0] - MOUTH[0]) * bell(p, MOUTH, [20.0, 12.0]) * window;
        reach.yaw = 5.0 * bell(p, NOSE, [24.0, 30.0]) * window;
        reach
    }

    fn displacement(&self, mood: &Mood, yaw: f32) -> [f32; 2] {
        [
            self.corners[0] * mood.corners
                + self.narrow * mood.narrow
                + self.inner_in * mood.inner_in
                + self.yaw * yaw,
            self.corners[1] * mood.corners
                + self.brows * mood.brows
                + self.inner_up * mood.inner_up
                + self.eyes * mood.eyes,
        ]
    }
}

/// The lines where the upper and the lower lip meet the teeth in the portrait, and how much a place lies between the
/// corners: 1 in the middle, 0 at and beyond them.
#[inline(always)]
fn lips(x: f32) -> ([f32; 2], f32) {
    let across = (x - MOUTH[0]) / 20.5;
    let bow = (1.0 - across * across).max(0.0);
    ([141.0 + 1.4 * bow, 141.6 + 8.8 * bow], bow)
}

/// What of the still face is seen at a height of a face whose lips close (`jaw` below 0) or part (above 0).
#[inline(always)]
fn mouth_from([x, y]: [f32; 2], jaw: f32) -> f32 {
    if !(CHANGES_FROM..NECK).contains(&y) {
        return y;
    }
    let ([upper, lower], bow) = lips(x);
    let (closing, opening) = ((-jaw).clamp(0.0, 1.0), jaw.max(0.0));
    // Closed, the lips meet a little below the middle and leave next to nothing of the teeth.
    let rise = (lower - upper) * 0.93 * closing;
    let new_upper = upper + 0.45 * rise - 1.0 * bow * opening;
    let drop = 13.0 * opening;
    let new_lower = lower - 0.55 * rise + drop * bow;
    if y < new_upper {
        let fade = smoothstep((y - CHANGES_FROM) / (new_upper - CHANGES_FROM));
        return y + (upper - new_upper) * fade;
    }
    if y < new_lower {
        return upper + (y - new_upper) * (lower - upper) / (new_lower - new_upper).max(0.01);
    }
    // Below the lips the whole jaw goes along, wider than the mouth.
    let across = (x - MOUTH[0]) / 26.0;
    let wide = 1.0 / (1.0 + across * across * across * across);
    let depth = smoothstep((y - new_lower) / 16.0);
    let shift = (new_lower - lower) * (1.0 - depth) + (0.75 * drop * wide - 0.3 * rise) * depth;
    y - shift * (1.0 - smoothstep((y - new_lower - 6.0) / (NECK - new_lower - 6.0)))
}

/// How much of the teeth is seen at a place (0..=1), and how far down between the lips it is (0..=1).
fn teeth(p: [f32; 2]) -> (f32, f32) {
    let ([upper, lower], _) = lips(p[0]);
    let across = (p[0] - MOUTH[0]) / 20.5;
    let inside = (p[1] - upper + 0.6)
        .min(lower - p[1] + 0.6)
        .min(6.0 * (1.0 - across.abs()));
    (
        smoothstep(inside / 1.2),
        ((p[1] - upper) / (lower - upper)).clamp(0.0, 1.0),
    )
}

/// How dark a frown makes a place, 0..=1: the brows, and two short lines between them.
fn frown(p: [f32; 2]) -> f32 {
    let mut dark = 0.0f32;
    for (from, to) in [
        ([188.0, 92.0], [213.0, 91.5]),
        ([238.0, 92.5], [263.0, 95.0]),
    ] {
        let along = ((p[0] - from[0]) / (to[0] - from[0])).clamp(0.0, 1.0);
        let arch = from[1] + (to[1] - from[1]) * along - 6.0 * along * (1.0 - along);
        let out = (p[0] - from[0] - along * (to[0] - from[0])) / 2.5;
        let off = (p[1] - arch) / 1.7;
        dark = dark.max((-0.5 * (out * out + off * off)).exp());
    }
    for x in [221.5, 229.0] {
        dark = dark.max(0.5 * bell(p, [x, 93.0], [1.1, 4.5]));
    }
    dark
}

/// One level of the portrait with what is needed to move its face.
pub(super) struct FaceLevel {
    still: Texture,
    /// The level as it was last drawn.
    moved: Texture,
    left: usize,
    top: usize,
    columns: usize,
    rows: usize,
    reach: Vec<Reach>,
    /// Pixels between the lips: where, how much, how far down.
    mouth: Vec<(usize, f32, f32)>,
    /// Pixels of the folds: where, how much, and the colour without the fold.
    folds: Vec<(usize, f32, [f32; 3])>,
    /// Pixels that a frown darkens: where and how much.
    frown: Vec<(usize, f32)>,
    /// `still` with the mouth painted, the rows of the face only used.
    painted: Texture,
}

impl FaceLevel {
    pub fn new(still: Texture) -> Self {
        let scale = still.scale;
        let [left, top, right, bottom] = FACE.map(|side| (side * scale).round() as usize);
        let place = |x: usize, y: usize| [(x as f32 + 0.5) / scale, (y as f32 + 0.5) / scale];
        let reach = (top..bottom)
            .flat_map(|y| (left..right).map(move |x| Reach::at(place(x, y))))
            .collect();
        let (mut mouth, mut folds, mut dark) = (Vec::new(), Vec::new(), Vec::new());
        for y in top..bottom {
            for x in left..right {
                let (p, at) = (place(x, y), y * still.width + x);
                let (amount, depth) = teeth(p);
                if amount > 0.0 {
                    mouth.push((at, amount, depth));
                }
                let fold: f32 = FOLDS
                    .iter()
                    .map(|[middle, width]| bell(p, *middle, *width))
                    .sum();
                if fold > 0.02 && amount < 1.0 {
                    folds.push((at, fold.min(1.0) * (1.0 - amount), around(&still, x, y)));
                }
                let frown = frown(p);
                if frown > 0.02 {
                    dark.push((at, frown));
                }
            }
        }
        Self {
            moved: still.clone(),
            painted: still.clone(),
            still,
            left,
            top,
            columns: right - left,
            rows: bottom - top,
            reach,
            mouth,
            folds,
            frown: dark,
        }
    }

    /// The portrait with this face.
    pub fn draw(&mut self, mood: &Mood, yaw: f32) -> &Texture {
        self.paint(mood);
        let (scale, width) = (self.still.scale * 65536.0, self.still.width);
        for row in 0..self.rows {
            let y = self.top + row;
            let line = y * width + self.left;
            let reaches = &self.reach[row * self.columns..(row + 1) * self.columns];
            let pixels = &mut self.moved.pixels[line..line + self.columns];
            for (column, (pixel, reach)) in pixels.iter_mut().zip(reaches).enumerate() {
                let [dx, dy] = reach.displacement(mood, yaw);
                let place = [
                    (self.left + column) as f32 / self.still.scale - dx,
                    y as f32 / self.still.scale - dy,
                ];
                let [x, y] = [place[0], mouth_from(place, mood.jaw)].map(|at| (at * scale) as i32);
                *pixel = self.painted.at(x, y);
            }
        }
        &self.moved
    }

    /// Closed, the lips' colour covers the teeth; open, it is dark below them. Folds go, a frown darkens.
    fn paint(&mut self, mood: &Mood) {
        let (smooth, dark) = (
            mood.smooth.clamp(0.0, 1.0),
            0.6 * mood.frown.clamp(0.0, 1.0),
        );
        let (still, painted) = (&self.still, &mut self.painted);
        for &(at, amount, without) in &self.folds {
            repaint(still, painted, at, |rgb| {
                [0, 1, 2].map(|c| rgb[c] + (without[c] - rgb[c]) * amount * smooth)
            });
        }
        for &(at, amount) in &self.frown {
            repaint(still, painted, at, |rgb| {
                rgb.map(|level| level * (1.0 - amount * dark))
            });
        }
        let (closed, open) = (smoothstep(-1.4 * mood.jaw), smoothstep(1.4 * mood.jaw));
        for &(at, amount, depth) in &self.mouth {
            let line = 1.0 - smoothstep((depth - 0.5).abs() / 0.45);
            let below = smoothstep((depth - 0.08) / 0.15);
            repaint(still, painted, at, |rgb| {
                [0, 1, 2].map(|c| {
                    let lips = LIPS[c] + (LIP_LINE[c] - LIPS[c]) * line;
                    let level = rgb[c] + (lips - rgb[c]) * amount * closed;
                    level + (INSIDE[c] - level) * amount * below * open
                })
            });
        }
    }
}

/// Sets a pixel to what is made of its colour in the still picture.
#[inline(always)]
fn repaint(
    still: &Texture,
    painted: &mut Texture,
    at: usize,
    of: impl FnOnce([f32; 3]) -> [f32; 3],
) {
    if let (Some(still), Some(pixel)) = (still.pixels.get(at), painted.pixels.get_mut(at)) {
        let [r, g, b, _] = still.to_le_bytes().map(f32::from);
        *pixel = pack(of([r, g, b]), 1.0);
    }
}

/// The mean colour around a pixel, near ones more.
fn around(still: &Texture, x: usize, y: usize) -> [f32; 3] {
    let width = 4.5 * still.scale;
    let reach = (2.0 * width) as usize;
    let (mut sum, mut weights) = ([0.0; 3], 0.0);
    for v in y.saturating_sub(reach)..(y + reach).min(still.height) {
        for u in x.saturating_sub(reach)..(x + reach).min(still.width) {
            let weight = bell([u as f32, v as f32], [x as f32, y as f32], [width; 2]);
            let Some(pixel) = still.pixels.get(v * still.width + u) else {
                continue;
            };
            let [r, g, b, _] = pixel.to_le_bytes().map(f32::from);
            // Skin, not lips or teeth or what is dark.
            let skin = if r > 150.0 && r - g > 22.0 && r - g < 75.0 {
                1.0
            } else {
                0.05
            };
            for (sum, level) in sum.iter_mut().zip([r, g, b]) {
                *sum += weight * skin * level;
            }
            weights += weight * skin;
        }
    }
    sum.map(|level| level / f32::max(weights, 1e-6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_folds_or_tears() {
        for index in (0..4000).step_by(7) {
            let mood = Mood::at(index);
            for yaw in [-0.8, 0.8] {
                let from = |x: f32, y: f32| {
                    let [dx, dy] = Reach::at([x, y]).displacement(&mood, yaw);
                    [x - dx, mouth_from([x - dx, y - dy], mood.jaw)]
                };
                for y in (70..204).step_by(3) {
                    for x in (160..290).step_by(3) {
                        let (x, y) = (x as f32, y as f32);
                        let (here, right, below) = (from(x, y), from(x + 0.5, y), from(x, y + 0.5));
                        assert!(right[0] > here[0], "{index}: x at {x} {y}");
                        assert!(below[1] > here[1], "{index}: y at {x} {y}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_edge_of_the_face_stays() {
        let mood = Mood {
            corners: 1.0,
            narrow: 1.0,
            jaw: 1.0,
            brows: 1.0,
            inner_up: 1.0,
            inner_in: 1.0,
            eyes: 1.0,
            smooth: 1.0,
            frown: 1.0,
        };
        for along in 0..100 {
            let (x, y) = (FACE[0] + 1.18 * along as f32, FACE[1] + 1.26 * along as f32);
            for p in [[x, FACE[1]], [x, FACE[3]], [FACE[0], y], [FACE[2], y]] {
                assert_eq!(Reach::at(p).displacement(&mood, 1.0), [0.0, 0.0]);
            }
        }
    }
}
