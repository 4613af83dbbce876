//! The face's own movement: a smooth displacement of mouth, brows and eyes, and a mouth that closes.
//!
//! All places are in pixels of the portrait (512x512). A pixel of the moved face at `p` is the portrait's at `p - d(p)`;
//! `d` changes by less than a pixel a pixel everywhere, so nothing folds or tears.

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
    jaw: f32,
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
        // The jaw hangs from the lower lip down and ends in the neck.
        let down = smoothstep((p[1] - 143.5) / 12.0) * (1.0 - smoothstep((p[1] - 176.0) / 20.0));
        let across = (p[0] - MOUTH[0]) / 25.0;
        reach.jaw = 7.0 * down * (-0.5 * across * across).exp() * window;
        reach.yaw = 5.0 * bell(p, NOSE, [24.0, 30.0]) * window;
        reach
    }

    fn displacement(&self, mood: &Mood, yaw: f32) -> [f32; 2] {
        // A mouth closes by half as much as it opens.
        let jaw = if mood.jaw < 0.0 {
            0.45 * mood.jaw
        } else {
            mood.jaw
        };
        [
            self.corners[0] * mood.corners + self.inner_in * mood.inner_in + self.yaw * yaw,
            self.corners[1] * mood.corners
                + self.jaw * jaw
                + self.brows * mood.brows
                + self.inner_up * mood.inner_up
                + self.eyes * mood.eyes,
        ]
    }
}

/// How much of the teeth is seen at a place (0..=1), and how far down between the lips it is (0..=1).
fn teeth(p: [f32; 2]) -> (f32, f32) {
    let across = (p[0] - MOUTH[0]) / 20.5;
    let bow = (1.0 - across * across).max(0.0);
    let (upper, lower) = (141.2 + 1.0 * bow, 141.8 + 8.6 * bow);
    let inside = (p[1] - upper + 0.6)
        .min(lower - p[1] + 0.6)
        .min(6.0 * (1.0 - across.abs()));
    (
        smoothstep(inside / 1.2),
        ((p[1] - upper) / (lower - upper)).clamp(0.0, 1.0),
    )
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
        let mut mouth = Vec::new();
        for y in top..bottom {
            for x in left..right {
                let (amount, depth) = teeth(place(x, y));
                if amount > 0.0 {
                    mouth.push((y * still.width + x, amount, depth));
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
        }
    }

    /// The portrait with this face.
    pub fn draw(&mut self, mood: &Mood, yaw: f32) -> &Texture {
        self.paint_mouth(mood.jaw);
        let (scale, width) = (self.still.scale * 65536.0, self.still.width);
        for row in 0..self.rows {
            let y = self.top + row;
            let line = y * width + self.left;
            let reaches = &self.reach[row * self.columns..(row + 1) * self.columns];
            let pixels = &mut self.moved.pixels[line..line + self.columns];
            for (column, (pixel, reach)) in pixels.iter_mut().zip(reaches).enumerate() {
                let [dx, dy] = reach.displacement(mood, yaw);
                let x = ((self.left + column) << 16) as i32 - (dx * scale) as i32;
                *pixel = self.painted.at(x, (y << 16) as i32 - (dy * scale) as i32);
            }
        }
        &self.moved
    }

    /// Closed, the lips' colour covers the teeth; open, it is dark below them.
    fn paint_mouth(&mut self, jaw: f32) {
        let (closed, open) = (smoothstep(-1.4 * jaw), smoothstep(1.4 * jaw));
        for &(at, amount, depth) in &self.mouth {
            let Some(still) = self.still.pixels.get(at) else {
                continue;
            };
            let [r, g, b, _] = still.to_le_bytes().map(f32::from);
            // The line lies in the middle and is a third of the height wide.
            let line = 1.0 - smoothstep((depth - 0.5).abs() / 0.3);
            let below = smoothstep((depth - 0.3) / 0.3);
            let mixed = [0, 1, 2].map(|c| {
                let level = [r, g, b][c];
                let lips = LIPS[c] + (LIP_LINE[c] - LIPS[c]) * line;
                let level = level + (lips - level) * amount * closed;
                level + (INSIDE[c] - level) * amount * below * open
            });
            if let Some(pixel) = self.painted.pixels.get_mut(at) {
                *pixel = pack(mixed, 1.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_folds_or_tears() {
        for index in (0..4000).step_by(7) {
            let mood = Mood::at(index);
            for yaw in [-0.8, 0.8] {
                let d = |x: f32, y: f32| Reach::at([x, y]).displacement(&mood, yaw);
                for y in (70..204).step_by(3) {
                    for x in (160..290).step_by(3) {
                        let (x, y) = (x as f32, y as f32);
                        let (here, right, below) = (d(x, y), d(x + 0.5, y), d(x, y + 0.5));
                        assert!((right[0] - here[0]) / 0.5 < 1.0, "{index}: x at {x} {y}");
                        assert!((below[1] - here[1]) / 0.5 < 1.0, "{index}: y at {x} {y}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_edge_of_the_face_stays() {
        let mood = Mood {
            corners: 1.0,
            jaw: 1.0,
            brows: 1.0,
            inner_up: 1.0,
            inner_in: 1.0,
            eyes: 1.0,
        };
        for along in 0..100 {
            let (x, y) = (FACE[0] + 1.18 * along as f32, FACE[1] + 1.26 * along as f32);
            for p in [[x, FACE[1]], [x, FACE[3]], [FACE[0], y], [FACE[2], y]] {
                assert_eq!(Reach::at(p).displacement(&mood, 1.0), [0.0, 0.0]);
            }
        }
    }
}
