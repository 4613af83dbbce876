//! Pictures that are faces already: the reference's preprocessing of Aff-Wild2's `cropped_aligned`.

use super::gray::luma;
use super::resample;
use crate::analysis::Crop;
use crate::frame::Frame;
use crate::model::config::{CROP_SIDE_PX, Color, StudentConfig};

/// Prepares a cropped face for a network as the reference does: resized to a square (bilinear, antialiased where it
/// shrinks, as PIL has it) of the side that the network's config says (134 pixels for the paper's), its centre of
/// 112x112 cut out. A network that takes grey gets the luma of the picture, resized likewise. The face has the id 1.
pub fn prepare(frame: &Frame, config: &StudentConfig) -> Crop {
    let color = config.backbone.color;
    let channels = color.channels();
    let grey: Vec<u8>;
    let pixels = match color {
        Color::Rgb => frame.rgb(),
        Color::Gray => {
            let (rgb, _) = frame.rgb().as_chunks::<3>();
            grey = rgb.iter().map(|&[r, g, b]| luma(r, g, b)).collect();
            &grey
        }
    };
    let side = config.resize_px();
    let size = (frame.width_px(), frame.height_px());
    let resized = resample::resize(pixels, channels, size, (side, side));
    // As torchvision's CenterCrop rounds.
    let off = ((side - CROP_SIDE_PX) as f64 / 2.0).round_ties_even() as usize;
    let row = CROP_SIDE_PX * channels;
    let cut = (off..off + CROP_SIDE_PX).flat_map(|y| {
        let start = (y * side + off) * channels;
        &resized[start..start + row]
    });
    Crop {
        face_id: 1,
        side_px: CROP_SIDE_PX,
        channels,
        pixels: cut.copied().collect(),
    }
}
