//! Pictures made to be drawn from: packed pixels, soft edges, several sizes.

use image::RgbImage;
use image::imageops::{self, FilterType};

/// How many times larger than the portrait each level is. The level that is nearest to the size on screen is drawn
/// from, so that a far portrait does not flicker and a near one is not coarse.
const LEVELS: [f32; 4] = [1.5, 1.1, 0.8, 0.58];

/// Width of the soft edge around the portrait, in pixels of the portrait; on top the hair leaves less room.
const SOFT_EDGE_PX: f32 = 80.0;
const SOFT_TOP_PX: f32 = 30.0;

/// A picture of packed pixels: red in the lowest byte, then green, blue and opacity; colours already times opacity.
#[derive(Clone)]
pub(super) struct Texture {
    pub width: usize,
    pub height: usize,
    /// Pixels of this texture per pixel of the portrait.
    pub scale: f32,
    pub pixels: Vec<u32>,
}

impl Texture {
    /// The levels of a portrait, largest first, with soft edges.
    pub fn levels(portrait: &RgbImage) -> Vec<Self> {
        LEVELS
            .iter()
            .map(|&scale| {
                let side = |px: u32| (px as f32 * scale).round() as u32;
                let (width, height) = (side(portrait.width()), side(portrait.height()));
                let filter = if scale > 1.0 {
                    FilterType::CatmullRom
                } else {
                    FilterType::Triangle
                };
                let resized = imageops::resize(portrait, width, height, filter);
                let edge = |at: u32, soft_px: f32| smoothstep(at as f32 / (soft_px * scale));
                let pixels = resized
                    .enumerate_pixels()
                    .map(|(x, y, pixel)| {
                        let across = edge(x.min(width - 1 - x), SOFT_EDGE_PX);
                        let down = edge(y, SOFT_TOP_PX) * edge(height - 1 - y, SOFT_EDGE_PX);
                        pack(pixel.0.map(f32::from), across * down)
                    })
                    .collect();
                Self {
                    width: width as usize,
                    height: height as usize,
                    scale,
                    pixels,
                }
            })
            .collect()
    }

    /// The pixel at a place given in 1/65536 of a pixel, mixed of its four neighbours.
    /// The caller keeps the place inside: one pixel from the right and lower edge.
    #[inline(always)]
    pub fn at(&self, x: i32, y: i32) -> u32 {
        let first = (y >> 16) as usize * self.width + (x >> 16) as usize;
        let (fx, fy) = ((x as u32 >> 8) & 0xFF, (y as u32 >> 8) & 0xFF);
        // Outside, which the caller prevents, it is transparent.
        let (Some([a, b]), Some([c, d])) = (
            self.pixels.get(first..first + 2),
            self.pixels.get(first + self.width..first + self.width + 2),
        ) else {
            return 0;
        };
        mix(mix(*a, *b, fx), mix(*c, *d, fx), fy)
    }
}

/// The number of the level to draw from, for so many pixels on screen per pixel of the portrait.
pub(super) fn level_for(scale: f32) -> usize {
    LEVELS
        .iter()
        .rposition(|level| *level >= scale * 0.95)
        .unwrap_or(0)
}

/// Mixes two packed pixels; `part` of 256 is the second's. Two bytes are worked on at a time.
#[inline(always)]
fn mix(a: u32, b: u32, part: u32) -> u32 {
    const EVEN: u32 = 0x00FF_00FF;
    let even = ((a & EVEN) * (256 - part) + (b & EVEN) * part) >> 8;
    let odd = ((a >> 8) & EVEN) * (256 - part) + ((b >> 8) & EVEN) * part;
    (even & EVEN) | (odd & !EVEN)
}

/// A packed pixel of a colour (0..=255) and an opacity (0..=1).
pub(super) fn pack(rgb: [f32; 3], opacity: f32) -> u32 {
    let byte = |level: f32| level.round().clamp(0.0, 255.0) as u32;
    let [r, g, b] = rgb.map(|level| byte(level * opacity));
    r | g << 8 | b << 16 | byte(opacity * 255.0) << 24
}

/// 0 below 0, 1 above 1, smooth between.
pub(super) fn smoothstep(x: f32) -> f32 {
    let x = x.clamp(0.0, 1.0);
    x * x * (3.0 - 2.0 * x)
}

/// What is behind the portrait: the colour of the studio's wall in it, going on, lighter in the upper middle.
/// There is nothing in it to see, least of all a face.
pub(super) fn backdrop(portrait: &RgbImage, width: u32, height: u32) -> RgbImage {
    // A part of the picture where the wall is bare.
    let wall = imageops::crop_imm(portrait, 305, 20, 60, 110).to_image();
    let pixels = wall.pixels().len().max(1) as f32;
    let mean = wall.pixels().fold([0.0; 3], |sum, pixel| {
        [0, 1, 2].map(|c| sum[c] + f32::from(pixel.0[c]) / pixels)
    });
    RgbImage::from_fn(width, height, |x, y| {
        let (x, y) = (
            x as f32 / width as f32 - 0.5,
            y as f32 / height as f32 - 0.3,
        );
        let light = 1.0 - 0.5 * smoothstep((x * x + y * y).sqrt() / 0.95);
        image::Rgb(mean.map(|level| (level * light).round() as u8))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixing_keeps_the_bytes_apart() {
        assert_eq!(mix(0x0102_03FF, 0x0102_03FF, 77), 0x0102_03FF);
        assert_eq!(mix(0xFF00_FF00, 0x00FF_00FF, 128), 0x7F7F_7F7F);
        assert_eq!(mix(0x1234_5678, 0xFFFF_FFFF, 0), 0x1234_5678);
    }

    #[test]
    fn the_nearest_larger_level_is_taken() {
        assert_eq!(LEVELS[level_for(2.0)], 1.5);
        assert_eq!(LEVELS[level_for(1.0)], 1.1);
        assert_eq!(LEVELS[level_for(0.7)], 0.8);
        assert_eq!(LEVELS[level_for(0.1)], 0.58);
    }
}
