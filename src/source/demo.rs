//! The built-in demo: a portrait set in motion.
//!
//! The official portrait of Eileen Collins (NASA, public domain) moves, turns, comes near, goes far and leaves; mouth,
//! brows and eyes are warped through several moods. Nothing is stored but the picture: frame n is a pure function of n.

mod motion;
mod texture;
mod warp;

use std::convert::Infallible;

use image::{ImageFormat, RgbImage};

use self::motion::{Mood, Pose, RATE_HZ};
use self::texture::{Texture, backdrop, level_for};
use self::warp::FaceLevel;
use super::{FrameSource, Next, Pace, SourceError, SourceInfo};
use crate::frame::{Frame, FrameStamp, POOLED_FRAMES, PixelPool};

/// Width of a demo frame in pixels.
pub const WIDTH_PX: usize = 640;

/// Height of a demo frame in pixels.
pub const HEIGHT_PX: usize = 480;

static PORTRAIT: &[u8] = include_bytes!("../../assets/astronaut.png");

/// The middle of the face in the portrait, which is turned and scaled about it.
const FACE_MIDDLE: [f32; 2] = [224.0, 128.0];

/// The demo: 640x480 at 30 frames a second, without end.
pub struct DemoSource {
    info: SourceInfo,
    levels: Vec<FaceLevel>,
    backdrop: RgbImage,
    pool: PixelPool,
    given: u64,
}

impl Default for DemoSource {
    fn default() -> Self {
        Self::new()
    }
}

impl DemoSource {
    /// Prepares the portrait, which takes some tens of milliseconds. The first frame is number 0.
    pub fn new() -> Self {
        let portrait = image::load_from_memory_with_format(PORTRAIT, ImageFormat::Png)
            .map(|picture| picture.into_rgb8())
            .unwrap_or_else(|error| {
                // It is built in and a test reads it; a grey card is better than no program.
                tracing::error!(%error, "the built-in portrait cannot be read");
                RgbImage::from_pixel(512, 512, image::Rgb([128; 3]))
            });
        Self {
            info: SourceInfo {
                stills: false,
                title: "Demo portrait".to_owned(),
                pace: Pace::Clocked,
                width_px: WIDTH_PX,
                height_px: HEIGHT_PX,
                rate_hz: Some(RATE_HZ),
                frames: None,
                format: Some("made".to_owned()),
            },
            levels: Texture::levels(&portrait)
                .into_iter()
                .map(FaceLevel::new)
                .collect(),
            backdrop: backdrop(&portrait, WIDTH_PX as u32, HEIGHT_PX as u32),
            pool: PixelPool::new(POOLED_FRAMES),
            given: 0,
        }
    }

    /// The picture of frame `index`, `[HEIGHT_PX, WIDTH_PX, 3]`; the same for the same number, whatever came before.
    pub fn render(&mut self, index: u64) -> Vec<u8> {
        let mut rgb = vec![0; WIDTH_PX * HEIGHT_PX * 3];
        self.render_into(index, &mut rgb);
        rgb
    }

    /// The same over what was in `rgb`, which has the size of a frame.
    fn render_into(&mut self, index: u64, rgb: &mut [u8]) {
        rgb.copy_from_slice(self.backdrop.as_raw());
        let (pose, mood) = (Pose::at(index), Mood::at(index));
        if motion::is_away(index) {
            return;
        }
        if let Some(level) = self.levels.get_mut(level_for(pose.scale)) {
            lay_over(rgb, level.draw(&mood, pose.yaw), &pose);
        }
    }

    /// Whether frame `index` shows the backdrop alone, without a face.
    pub fn is_away(index: u64) -> bool {
        motion::is_away(index)
    }
}

impl FrameSource for DemoSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next(&mut self) -> Result<Next, SourceError> {
        let stamp = FrameStamp {
            index: self.given,
            time_s: self.given as f64 / RATE_HZ,
        };
        let mut pool = std::mem::replace(&mut self.pool, PixelPool::new(0));
        let made = pool.fill(WIDTH_PX * HEIGHT_PX * 3, |rgb| {
            self.render_into(self.given, rgb);
            Ok::<_, Infallible>(())
        });
        self.pool = pool;
        let Ok(rgb) = made;
        self.given += 1;
        Frame::new(stamp, WIDTH_PX, HEIGHT_PX, rgb)
            .map(Next::Frame)
            .map_err(|error| {
                SourceError::Failed(format!("The demo failed: {error}. Please report it."))
            })
    }
}

/// Draws a texture over a picture, turned and scaled as the pose says.
fn lay_over(rgb: &mut [u8], texture: &Texture, pose: &Pose) {
    // Turned to the side, a face is narrower.
    let narrow = 1.0 - 0.12 * pose.yaw * pose.yaw;
    let per_px = texture.scale / pose.scale * 65536.0;
    let (sin, cos) = pose.roll.sin_cos();
    // Steps in the texture for one pixel to the right, and for one down.
    let right = [(cos / narrow * per_px) as i32, (-sin * per_px) as i32];
    let down = [sin / narrow * per_px, cos * per_px];
    let inside = [
        ((texture.width as i32) - 1) << 16,
        ((texture.height as i32) - 1) << 16,
    ];
    for (y, row) in rgb.chunks_exact_mut(WIDTH_PX * 3).enumerate() {
        let (dx, dy) = (-pose.x_px, y as f32 - pose.y_px);
        let start = [0, 1].map(|axis| {
            let at = FACE_MIDDLE[axis] * texture.scale * 65536.0
                + dx * right[axis] as f32
                + dy * down[axis];
            at as i32
        });
        let [from, to] = inside_span(start, right, inside);
        let Some(pixels) = row.get_mut(from * 3..to * 3) else {
            continue;
        };
        let mut x = start[0] + right[0] * from as i32;
        let mut y = start[1] + right[1] * from as i32;
        for pixel in pixels.chunks_exact_mut(3) {
            let [r, g, b, opacity] = texture.at(x, y).to_le_bytes();
            if opacity == 255 {
                pixel.copy_from_slice(&[r, g, b]);
            } else {
                let behind = 255 - u32::from(opacity);
                for (level, over) in pixel.iter_mut().zip([r, g, b]) {
                    // Close to a division by 255, and never above what fits.
                    *level =
                        over.saturating_add(((u32::from(*level) * behind * 257 + 257) >> 16) as u8);
                }
            }
            x = x.wrapping_add(right[0]);
            y = y.wrapping_add(right[1]);
        }
    }
}

/// The columns of a row, first and one past the last, whose place in the texture lies inside it on both axes.
fn inside_span(start: [i32; 2], step: [i32; 2], inside: [i32; 2]) -> [usize; 2] {
    let (mut from, mut to) = (0i64, WIDTH_PX as i64);
    for axis in [0, 1] {
        let (start, step, end) = (
            i64::from(start[axis]),
            i64::from(step[axis]),
            i64::from(inside[axis]) - 1,
        );
        // start + n * step must lie in 0..=end.
        let (low, high) = match step {
            0 if (0..=end).contains(&start) => continue,
            0 => return [0, 0],
            1.. => (
                (-start + step - 1).div_euclid(step),
                (end - start).div_euclid(step),
            ),
            _ => (
                (start - end - step - 1).div_euclid(-step),
                start.div_euclid(-step),
            ),
        };
        from = from.max(low);
        to = to.min(high + 1);
    }
    if from < to {
        [from as usize, to as usize]
    } else {
        [0, 0]
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_span_is_what_lies_inside(
            start: [i16; 2], step in [-3000i32..3000, -3000i32..3000], inside in [1i32..40_000, 1i32..40_000]
        ) {
            let start = start.map(i32::from);
            let [from, to] = inside_span(start, step, inside);
            for n in 0..WIDTH_PX {
                let is_inside = [0, 1].iter().all(|&axis| {
                    let at = start[axis] + step[axis] * n as i32;
                    (0..inside[axis]).contains(&at)
                });
                prop_assert_eq!(is_inside, (from..to).contains(&n), "{}", n);
            }
        }
    }

    #[test]
    fn the_built_in_portrait_can_be_read() {
        let portrait = image::load_from_memory_with_format(PORTRAIT, ImageFormat::Png).unwrap();
        assert_eq!((portrait.width(), portrait.height()), (512, 512));
    }
}
