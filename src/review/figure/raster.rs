//! A figure as pixels.

use std::io::Cursor;

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder as _};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree};

use crate::fonts;

/// Pixels a unit of the figure, for print: a figure 760 units wide is 1520 pixels.
pub const PRINT: f32 = 2.0;

/// The most pixels on a side.
const MOST_PX: f32 = 16_384.0;

/// A figure that cannot be drawn.
#[derive(Debug, thiserror::Error)]
pub enum RasterError {
    /// It is no SVG that is understood.
    #[error("the figure cannot be drawn as pixels ({0}). Please report it.")]
    Svg(String),
    /// It has no size, or is too large.
    #[error("the figure cannot be drawn as pixels: {0} x {1} of them. Please report it.")]
    Size(f32, f32),
}

/// The PNG of an SVG, `scale` pixels for each of its units, with the fonts that are in the binary.
///
/// # Errors
/// When the text is no SVG, or the picture would be empty or above 16384 pixels on a side.
pub fn png(svg: &str, scale: f32) -> Result<Vec<u8>, RasterError> {
    let options = Options {
        fontdb: fonts::database(),
        ..Options::default()
    };
    let tree = Tree::from_str(svg, &options).map_err(|e| RasterError::Svg(e.to_string()))?;
    let size = tree.size();
    let (width, height) = (
        (size.width() * scale).round(),
        (size.height() * scale).round(),
    );
    let wrong = || RasterError::Size(width, height);
    if !(1.0..=MOST_PX).contains(&width) || !(1.0..=MOST_PX).contains(&height) {
        return Err(wrong());
    }
    let (w, h) = (width as u32, height as u32);
    let mut pixels = Pixmap::new(w, h).ok_or_else(wrong)?;
    resvg::render(
        &tree,
        Transform::from_scale(scale, scale),
        &mut pixels.as_mut(),
    );
    // The ground of a figure is opaque, and so is every pixel.
    let rgb: Vec<u8> = pixels
        .data()
        .chunks_exact(4)
        .flat_map(|p| [p[0], p[1], p[2]])
        .collect();
    let mut bytes = Cursor::new(Vec::new());
    PngEncoder::new(&mut bytes)
        .write_image(&rgb, w, h, ExtendedColorType::Rgb8)
        .map_err(|e| RasterError::Svg(e.to_string()))?;
    Ok(bytes.into_inner())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::svg::{Svg, Type};
    use super::*;

    fn picture(svg: &str) -> image::RgbImage {
        let png = png(svg, PRINT).unwrap();
        image::load_from_memory(&png).unwrap().to_rgb8()
    }

    /// Pixels that are not the ground's.
    fn inked(picture: &image::RgbImage) -> usize {
        let ground = *picture.get_pixel(0, 0);
        picture.pixels().filter(|p| **p != ground).count()
    }

    #[test]
    fn words_are_drawn_without_the_systems_fonts() {
        let with = |text: &str, bold: bool| {
            let mut svg = Svg::new(120.0, 30.0, "a", "b");
            let kind = Type {
                bold,
                ..Type::TITLE
            };
            svg.text(4.0, 20.0, kind, text);
            picture(&svg.finish())
        };
        let plain = with("valence ± −1 …", false);
        assert_eq!(plain.dimensions(), (240, 60));
        assert!(inked(&plain) > 300, "{}", inked(&plain));
        assert!(inked(&with("valence ± −1 …", true)) > inked(&plain));
        assert_eq!(inked(&with("", false)), 0);
        // Letters that Inter's part in the binary may lack are drawn, and not all as the same box.
        assert_ne!(with("Ж", false), with("Щ", false));
        assert_ne!(with("λ", false), with("φ", false));
    }

    #[test]
    fn what_is_no_figure_is_refused() {
        assert!(matches!(png("no svg", 2.0), Err(RasterError::Svg(_))));
        let vast = Svg::new(90_000.0, 10.0, "a", "b").finish();
        assert!(matches!(png(&vast, 2.0), Err(RasterError::Size(..))));
    }
}
