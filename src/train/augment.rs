//! A face as the network sees it: plainly, or in one of its endless random views.
//!
//! A view is one warp from the packed picture, in which the alignment and everything that moves pixels are one, so that
//! nothing is resampled twice; then what happens on the way to a camera's picture: something in front of the face,
//! light, blur, few pixels, noise.

pub(in crate::train) mod photo;

use serde::{Deserialize, Serialize};

use super::random::Rng;
use super::set::Sample;
use crate::analysis::Landmarks;
use crate::face::align::{self, Similarity, TEMPLATE_PX};
use crate::face::gray::luma;
use crate::model::config::{CROP_SIDE_PX, Color};

/// How far views go. Every number is at least 0, and 0 leaves the thing out; chances are at most 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augment {
    /// Chance of being mirrored.
    pub flip: f64,
    /// Turned by up to so many degrees, either way; at most 180.
    pub turn_degrees: f64,
    /// Larger or smaller by up to this part; at most 1.
    pub scale: f64,
    /// Shifted by up to so many pixels of the crop, along each axis; at most 112.
    pub shift_px: f64,
    /// Each landmark is off by so many pixels of the crop (standard deviation along each axis), as those of a landmark
    /// network are; at most 20.
    pub landmarks_px: f64,
    /// Contrast is multiplied by up to 1 + this, or divided by it; at most 10.
    pub gain: f64,
    /// Up to so many grey levels brighter or darker; at most 255.
    pub bias: f64,
    /// Brightness to the power of up to 1 + this, or its inverse; at most 10.
    pub gamma: f64,
    /// Chance of being blurred.
    pub blur: f64,
    /// The most blur, as the standard deviation of a Gaussian in pixels of the crop; at most 5.
    pub blur_px: f64,
    /// Chance of being seen in few pixels.
    pub low_resolution: f64,
    /// The fewest pixels a side of the crop; from 8 on.
    pub low_resolution_px: usize,
    /// Chance of a dark picture: down to a tenth of its light.
    pub dark: f64,
    /// Chance of light from one side.
    pub side_light: f64,
    /// Chance that what lies outside of the picture is its edge repeated, where it else is black.
    pub border: f64,
    /// Chance of a noisy picture.
    pub noise: f64,
    /// The most noise, as the standard deviation in grey levels; at most 100.
    pub noise_levels: f64,
    /// Chance of something in front of the face.
    pub occlusion: f64,
    /// The most that it covers, as a part of the crop's area; at most 1.
    pub occlusion_part: f64,
}

impl Default for Augment {
    fn default() -> Self {
        Self {
            flip: 0.5,
            turn_degrees: 12.0,
            scale: 0.1,
            shift_px: 4.0,
            landmarks_px: 1.2,
            gain: 0.3,
            bias: 25.0,
            gamma: 0.4,
            blur: 0.15,
            blur_px: 1.5,
            low_resolution: 0.2,
            low_resolution_px: 28,
            dark: 0.0,
            side_light: 0.0,
            border: 0.0,
            noise: 0.25,
            noise_levels: 8.0,
            occlusion: 0.2,
            occlusion_part: 0.15,
        }
    }
}

/// A setting that cannot be.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("augmentation: {field} is {value}; it must be a number from {least} to {most}")]
pub struct AugmentError {
    /// The setting's name.
    pub field: &'static str,
    /// Its value.
    pub value: f64,
    /// The lowest that is allowed.
    pub least: f64,
    /// The highest that is allowed.
    pub most: f64,
}

impl Augment {
    /// Views that are all the plain one.
    pub const NONE: Self = Self {
        flip: 0.0,
        turn_degrees: 0.0,
        scale: 0.0,
        shift_px: 0.0,
        landmarks_px: 0.0,
        gain: 0.0,
        bias: 0.0,
        gamma: 0.0,
        blur: 0.0,
        blur_px: 0.0,
        low_resolution: 0.0,
        low_resolution_px: CROP_SIDE_PX,
        dark: 0.0,
        side_light: 0.0,
        border: 0.0,
        noise: 0.0,
        noise_levels: 0.0,
        occlusion: 0.0,
        occlusion_part: 0.0,
    };

    /// Whether every setting is in its range.
    ///
    /// # Errors
    /// The first that is not.
    pub fn check(&self) -> Result<(), AugmentError> {
        let side = CROP_SIDE_PX as f64;
        for (field, value, least, most) in [
            ("flip", self.flip, 0.0, 1.0),
            ("turn_degrees", self.turn_degrees, 0.0, 180.0),
            ("scale", self.scale, 0.0, 1.0),
            ("shift_px", self.shift_px, 0.0, side),
            ("landmarks_px", self.landmarks_px, 0.0, 20.0),
            ("gain", self.gain, 0.0, 10.0),
            ("bias", self.bias, 0.0, 255.0),
            ("gamma", self.gamma, 0.0, 10.0),
            ("blur", self.blur, 0.0, 1.0),
            ("blur_px", self.blur_px, 0.0, 5.0),
            ("low_resolution", self.low_resolution, 0.0, 1.0),
            (
                "low_resolution_px",
                self.low_resolution_px as f64,
                8.0,
                side,
            ),
            ("dark", self.dark, 0.0, 1.0),
            ("side_light", self.side_light, 0.0, 1.0),
            ("border", self.border, 0.0, 1.0),
            ("noise", self.noise, 0.0, 1.0),
            ("noise_levels", self.noise_levels, 0.0, 100.0),
            ("occlusion", self.occlusion, 0.0, 1.0),
            ("occlusion_part", self.occlusion_part, 0.0, 1.0),
        ] {
            if !(least..=most).contains(&value) {
                return Err(AugmentError {
                    field,
                    value,
                    least,
                    most,
                });
            }
        }
        Ok(())
    }
}

/// The aligned crop, as [`align::crop`] makes it of the sample's picture; black where the landmarks fit nothing.
///
/// `out [112, 112, channels of color]`. A set of grey pictures gives colour crops with three equal channels.
///
/// # Panics
/// When `out` has another length.
pub fn plain(sample: &Sample<'_>, color: Color, resize_px: usize, out: &mut [u8]) {
    let way = align::to_picture(&sample.landmarks, &TEMPLATE_PX, resize_px);
    warp(sample, color, way.as_ref(), out);
}

/// A random view of the face. The same generator in the same state gives the same view, and is drawn from as often
/// whatever the picture is.
///
/// `out` as in [`plain`]; the settings as [`Augment::check`] wants them.
///
/// # Panics
/// When `out` has another length.
pub fn view(
    sample: &Sample<'_>,
    color: Color,
    resize_px: usize,
    augment: &Augment,
    rng: &mut Rng,
    out: &mut [u8],
) {
    let mirrored = rng.chance(augment.flip);
    let landmarks = if mirrored {
        mirror(&sample.landmarks, sample.width_px)
    } else {
        sample.landmarks
    };
    // A landmark that is off in the picture moves the face as one that is off in the template, the other way.
    let mut template_px = TEMPLATE_PX;
    if augment.landmarks_px > 0.0 {
        for value in template_px.as_flattened_mut() {
            *value += (rng.normal() * augment.landmarks_px) as f32;
        }
    }
    let moved = movement(augment, rng);
    let way = align::to_picture(&landmarks, &template_px, resize_px)
        .map(|to_picture| to_picture.after(&moved))
        .map(|way| {
            if mirrored {
                mirrored_way(&way, sample.width_px)
            } else {
                way
            }
        });
    // What is asked for alone is drawn for: settings without it give the views that they always gave.
    if augment.border > 0.0 && rng.chance(augment.border) {
        let (pixels, sample, way) = with_border(sample, way);
        let sample = Sample {
            pixels: &pixels,
            ..sample
        };
        warp(&sample, color, way.as_ref(), out);
    } else {
        warp(sample, color, way.as_ref(), out);
    }
    let channels = color.channels();
    if mirrored {
        mirror_rows(out, channels);
    }
    photo::develop(augment, rng, (CROP_SIDE_PX, channels), out);
}

/// The sample with its edge repeated around it, half its sides wide, and the way into that picture.
fn with_border<'a>(
    sample: &Sample<'a>,
    way: Option<Similarity>,
) -> (Vec<u8>, Sample<'a>, Option<Similarity>) {
    let (w, h, channels) = (sample.width_px, sample.height_px, sample.channels);
    let (left, top) = (w / 2, h / 2);
    let (to_w, to_h) = (w + 2 * left, h + 2 * top);
    let mut pixels = Vec::with_capacity(to_w * to_h * channels);
    for y in 0..to_h {
        let row = y.saturating_sub(top).min(h - 1) * w;
        for x in 0..to_w {
            let at = (row + x.saturating_sub(left).min(w - 1)) * channels;
            pixels.extend_from_slice(&sample.pixels[at..at + channels]);
        }
    }
    let around = Sample {
        width_px: to_w,
        height_px: to_h,
        ..*sample
    };
    let way = way.map(|way| Similarity {
        tx: way.tx + left as f64,
        ty: way.ty + top as f64,
        ..way
    });
    (pixels, around, way)
}

/// Where a pixel of the view lies in the plain crop: turned, scaled and shifted about the crop's centre.
fn movement(augment: &Augment, rng: &mut Rng) -> Similarity {
    let either = |most: f64, rng: &mut Rng| rng.between(-most, most);
    let angle = either(augment.turn_degrees, rng).to_radians();
    // As often so much larger as so much smaller.
    let scale = either((1.0 + augment.scale).ln(), rng).exp();
    let (dx, dy) = (either(augment.shift_px, rng), either(augment.shift_px, rng));
    let center = (CROP_SIDE_PX - 1) as f64 / 2.0;
    let mut moved = Similarity {
        a: scale * angle.cos(),
        b: scale * angle.sin(),
        tx: 0.0,
        ty: 0.0,
    };
    let (x, y) = moved.apply(center, center);
    (moved.tx, moved.ty) = (center - x + dx, center - y + dy);
    moved
}

/// The landmarks of the mirrored picture: what was on the left is on the right, and is called so.
fn mirror(landmarks: &Landmarks, width_px: usize) -> Landmarks {
    let last = (width_px - 1) as f32;
    let [eye, other_eye, nose, mouth, other_mouth] = landmarks.map(|[x, y]| [last - x, y]);
    [other_eye, eye, nose, other_mouth, mouth]
}

/// From the mirrored crop to the picture as it is, where `way` leads from the crop to the mirrored picture: two mirrors
/// and a similarity between them are a similarity.
fn mirrored_way(way: &Similarity, width_px: usize) -> Similarity {
    let across = (CROP_SIDE_PX - 1) as f64;
    Similarity {
        a: way.a,
        b: -way.b,
        tx: (width_px - 1) as f64 - (way.a * across + way.tx),
        ty: way.b * across + way.ty,
    }
}

/// Exchanges left and right of pictures that are 112 pixels wide.
pub(in crate::train) fn mirror_rows(out: &mut [u8], channels: usize) {
    for row in out.chunks_exact_mut(CROP_SIDE_PX * channels) {
        match channels {
            1 => row.reverse(),
            _ => row.as_chunks_mut::<3>().0.reverse(),
        }
    }
}

/// The one sampling of the picture.
fn warp(sample: &Sample<'_>, color: Color, way: Option<&Similarity>, out: &mut [u8]) {
    let pixels = CROP_SIDE_PX * CROP_SIDE_PX;
    assert_eq!(out.len(), pixels * color.channels(), "the crop's length");
    let Some(way) = way else {
        out.fill(0);
        return;
    };
    let size_px = (sample.width_px, sample.height_px);
    match (color, sample.channels) {
        (Color::Gray, 3) => {
            let (rgb, _) = sample.pixels.as_chunks::<3>();
            let gray: Vec<u8> = rgb.iter().map(|&[r, g, b]| luma(r, g, b)).collect();
            align::warp(&gray, size_px, Color::Gray, way, out);
        }
        (Color::Rgb, 1) => {
            let mut gray = vec![0; pixels];
            align::warp(sample.pixels, size_px, Color::Gray, way, &mut gray);
            for (pixel, value) in out.as_chunks_mut::<3>().0.iter_mut().zip(gray) {
                *pixel = [value; 3];
            }
        }
        _ => align::warp(sample.pixels, size_px, color, way, out),
    }
}

#[cfg(test)]
mod tests;
