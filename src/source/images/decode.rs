//! One picture file to upright 8-bit RGB.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek};
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageReader, Limits};

/// Longest side that is read, in pixels.
const LONGEST_SIDE_PX: u32 = 32_768;

/// Most memory that one picture may take while it is decoded.
const MOST_BYTES: u64 = 1 << 30;

/// What shines through transparent pixels. Mid-grey: the outline of a cut-out head then stands out neither from dark
/// nor from light hair more than it must, where black or white would draw an edge that a detector may take for a face's.
const BEHIND: u32 = 128;

/// An upright picture without transparency.
#[derive(Debug)]
pub(super) struct Picture {
    pub width_px: usize,
    pub height_px: usize,
    pub rgb: Vec<u8>,
}

/// Decodes a file by its content, whatever its name says. `Err` says in words what is wrong with it.
pub(super) fn decode(path: &Path) -> Result<Picture, String> {
    let mut decoder = open(path)?
        .into_decoder()
        .map_err(|error| in_words(&error))?;
    // Each pixel is held twice for a moment: as stored, and as RGB.
    if decoder.total_bytes() > MOST_BYTES / 2 {
        let (width, height) = decoder.dimensions();
        return Err(format!(
            "{width}x{height} pixels are too many; scale it down"
        ));
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    if jpeg_is_cut(path) {
        return Err("it ends early: the file is cut off; copy it again".to_owned());
    }
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|error| in_words(&error))?;
    picture.apply_orientation(orientation);
    let rgb = if picture.color().has_alpha() {
        over_grey(&picture.into_rgba8())
    } else {
        picture.into_rgb8()
    };
    Ok(Picture {
        width_px: rgb.width() as usize,
        height_px: rgb.height() as usize,
        rgb: rgb.into_raw(),
    })
}

/// Decodes a file as the reference code's PIL does: a JPEG by libjpeg, to the bit, and as it is stored, whatever its
/// EXIF says of its orientation. Other kinds, and what libjpeg cannot make RGB of, as [`decode`] does.
pub(super) fn decode_as_reference(path: &Path) -> Result<Picture, String> {
    let bytes = std::fs::read(path).map_err(|error| format!("it cannot be read ({error})"))?;
    let small = size(path).is_ok_and(|(w, h)| (w * h) as u64 * 3 <= MOST_BYTES / 2);
    if bytes.starts_with(&[0xff, 0xd8])
        && small
        && !jpeg_is_cut(path)
        && let Some(picture) = by_libjpeg(&bytes)
    {
        return Ok(picture);
    }
    decode(path)
}

/// `None` for what it cannot read.
fn by_libjpeg(bytes: &[u8]) -> Option<Picture> {
    let read = || -> std::io::Result<Picture> {
        let mut decoder = mozjpeg::Decompress::new_mem(bytes)?.rgb()?;
        let (width_px, height_px) = (decoder.width(), decoder.height());
        let pixels: Vec<[u8; 3]> = decoder.read_scanlines()?;
        decoder.finish()?;
        Ok(Picture {
            width_px,
            height_px,
            rgb: pixels.into_flattened(),
        })
    };
    // libjpeg leaves a damaged file by unwinding; nothing outlives it.
    std::panic::catch_unwind(read).ok()?.ok()
}

/// Whether a file is a JPEG whose last scan has no end: the decoder fills what is missing with grey and says nothing.
fn jpeg_is_cut(path: &Path) -> bool {
    const START: &[u8] = &[0xff, 0xd8];
    const SCAN: &[u8] = &[0xff, 0xda];
    const END: &[u8] = &[0xff, 0xd9];
    let Ok(bytes) = std::fs::read(path) else {
        return false;
    };
    // Within a scan 0xff is followed by zero or a restart mark, so that the end's mark is only an end.
    let last = |mark: &[u8]| bytes.windows(2).rposition(|pair| pair == mark);
    bytes.starts_with(START) && last(END) < last(SCAN)
}

/// Width and height upright, from the header alone.
pub(super) fn size(path: &Path) -> Result<(usize, usize), String> {
    let mut decoder = open(path)?
        .into_decoder()
        .map_err(|error| in_words(&error))?;
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    Ok(match decoder.orientation() {
        Ok(
            Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH,
        ) => (height, width),
        _ => (width, height),
    })
}

/// Whether the first bytes are those of a still picture (a GIF moves, and counts as a video).
pub(super) fn looks_like_one(path: &Path) -> bool {
    // Opening a pipe would wait for its other end.
    path.is_file()
        && File::open(path)
            .ok()
            .and_then(|file| {
                ImageReader::new(BufReader::new(file))
                    .with_guessed_format()
                    .ok()
            })
            .and_then(|reader| reader.format())
            .is_some_and(|format| format != image::ImageFormat::Gif)
}

fn open(path: &Path) -> Result<ImageReader<impl BufRead + Seek>, String> {
    let file = File::open(path).map_err(|error| format!("it cannot be read ({error})"))?;
    if file.metadata().is_ok_and(|metadata| metadata.len() == 0) {
        return Err("the file is empty".to_owned());
    }
    let mut reader = ImageReader::new(BufReader::new(file))
        .with_guessed_format()
        .map_err(|error| format!("it cannot be read ({error})"))?;
    if reader.format().is_none() {
        return Err("it is not a picture of a known kind".to_owned());
    }
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE_PX);
    limits.max_image_height = Some(LONGEST_SIDE_PX);
    limits.max_alloc = Some(MOST_BYTES);
    reader.limits(limits);
    Ok(reader)
}

fn over_grey(picture: &image::RgbaImage) -> image::RgbImage {
    image::RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let [r, g, b, a] = picture.get_pixel(x, y).0;
        let a = u32::from(a);
        image::Rgb([r, g, b].map(|c| ((u32::from(c) * a + BEHIND * (255 - a) + 127) / 255) as u8))
    })
}

/// The decoder's words, cut to a length that fits a line.
fn in_words(error: &ImageError) -> String {
    let text = match error {
        ImageError::Limits(_) => format!("it is too large to be decoded ({error})"),
        ImageError::Unsupported(_) => format!("this kind of picture is not supported ({error})"),
        _ => format!("it is damaged ({error})"),
    };
    let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    one_line.chars().take(200).collect()
}
