//! What cameras send, to 8-bit RGB.

use std::borrow::Cow;
use std::io::Cursor;

use image::codecs::jpeg::JpegDecoder;
use image::{DynamicImage, ImageDecoder};

/// Pictures with more pixels than this are no camera's.
const MOST_PIXELS: usize = 1 << 26;

/// How a camera codes its pictures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PixelFormat {
    /// One JPEG a picture, mostly without Huffman tables.
    Mjpeg,
    /// Two pixels in four bytes: Y U Y V, BT.601 with levels 16..=235.
    Yuyv,
    /// A plane of Y, then one of U V at half the size both ways; levels as in YUYV.
    Nv12,
    /// One byte a pixel.
    Grey,
    /// Three bytes a pixel: R G B.
    Rgb,
    /// Three bytes a pixel: B G R.
    Bgr,
}

/// A decoded picture.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    pub width_px: usize,
    pub height_px: usize,
    pub rgb: Vec<u8>,
}

/// Decodes one picture. `Err` says in words what is wrong with it. Bytes after the picture are ignored: drivers hand
/// over whole buffers.
pub(super) fn decode(
    data: &[u8],
    format: PixelFormat,
    width_px: usize,
    height_px: usize,
) -> Result<Decoded, String> {
    if format == PixelFormat::Mjpeg {
        return decode_jpeg(data);
    }
    let pixels = width_px
        .checked_mul(height_px)
        .filter(|pixels| (1..=MOST_PIXELS).contains(pixels))
        .ok_or_else(|| format!("a picture of {width_px}x{height_px} pixels"))?;
    let bytes = match format {
        PixelFormat::Mjpeg | PixelFormat::Rgb | PixelFormat::Bgr => pixels * 3,
        PixelFormat::Yuyv => width_px.div_ceil(2) * 4 * height_px,
        PixelFormat::Nv12 => pixels + width_px.div_ceil(2) * 2 * height_px.div_ceil(2),
        PixelFormat::Grey => pixels,
    };
    let data = data
        .get(..bytes)
        .ok_or_else(|| format!("only {} of the picture's {bytes} bytes came", data.len()))?;
    let mut rgb = Vec::with_capacity(pixels * 3);
    match format {
        PixelFormat::Mjpeg => {}
        PixelFormat::Rgb => rgb.extend_from_slice(data),
        PixelFormat::Bgr => rgb.extend(
            data.chunks_exact(3)
                .flat_map(|bgr| [bgr[2], bgr[1], bgr[0]]),
        ),
        PixelFormat::Grey => rgb.extend(data.iter().flat_map(|level| [*level; 3])),
        PixelFormat::Yuyv => {
            for row in data.chunks_exact(width_px.div_ceil(2) * 4) {
                for pair in row.chunks_exact(4) {
                    let colour = Chroma::new(pair[1], pair[3]);
                    rgb.extend(colour.rgb(pair[0]));
                    rgb.extend(colour.rgb(pair[2]));
                }
                // The last pair of an odd row has a pixel too many.
                rgb.truncate(rgb.len() - 3 * (width_px % 2));
            }
        }
        PixelFormat::Nv12 => {
            let (luma, chroma) = data.split_at(pixels);
            for (y, row) in luma.chunks_exact(width_px).enumerate() {
                let colours = chroma
                    .chunks_exact(width_px.div_ceil(2) * 2)
                    .nth(y / 2)
                    .unwrap_or(&[]);
                for (pair, colour) in row.chunks(2).zip(colours.chunks_exact(2)) {
                    let colour = Chroma::new(colour[0], colour[1]);
                    pair.iter().for_each(|level| rgb.extend(colour.rgb(*level)));
                }
            }
        }
    }
    Ok(Decoded {
        width_px,
        height_px,
        rgb,
    })
}

/// What the colour of a pixel adds to its R, G and B, in 1/256.
struct Chroma([i32; 3]);

impl Chroma {
    fn new(u: u8, v: u8) -> Self {
        let (u, v) = (i32::from(u) - 128, i32::from(v) - 128);
        Self([409 * v, -100 * u - 208 * v, 516 * u])
    }

    #[inline]
    fn rgb(&self, y: u8) -> [u8; 3] {
        let light = 298 * (i32::from(y) - 16) + 128;
        self.0.map(|part| ((light + part) >> 8).clamp(0, 255) as u8)
    }
}

fn decode_jpeg(data: &[u8]) -> Result<Decoded, String> {
    let data = with_tables(data);
    let decoder = JpegDecoder::new(Cursor::new(&*data))
        .map_err(|error| format!("a damaged JPEG ({error})"))?;
    let (width, height) = decoder.dimensions();
    if (width as usize).saturating_mul(height as usize) > MOST_PIXELS {
        return Err(format!("a JPEG of {width}x{height} pixels"));
    }
    let picture =
        DynamicImage::from_decoder(decoder).map_err(|error| format!("a damaged JPEG ({error})"))?;
    Ok(Decoded {
        width_px: width as usize,
        height_px: height as usize,
        rgb: picture.into_rgb8().into_raw(),
    })
}

/// The JPEG, with the standard Huffman tables in front of its first scan if it brings none of its own.
fn with_tables(data: &[u8]) -> Cow<'_, [u8]> {
    let mut at = 2;
    while let Some(&[0xFF, marker]) = data.get(at..at + 2) {
        match marker {
            // Padding before a marker.
            0xFF => at += 1,
            // It has tables.
            0xC4 => return Cow::Borrowed(data),
            // The scan begins and none came.
            0xDA => {
                let mut whole = Vec::with_capacity(data.len() + 432);
                whole.extend_from_slice(&data[..at]);
                for (class_and_number, lengths, values) in TABLES {
                    let bytes = (2 + 1 + lengths.len() + values.len()) as u16;
                    whole.extend([0xFF, 0xC4]);
                    whole.extend(bytes.to_be_bytes());
                    whole.push(class_and_number);
                    whole.extend(lengths);
                    whole.extend(values);
                }
                whole.extend_from_slice(&data[at..]);
                return Cow::Owned(whole);
            }
            // Markers that stand alone.
            0x01 | 0xD0..=0xD8 => at += 2,
            _ => match data.get(at + 2..at + 4) {
                Some(&[high, low]) => at += 2 + usize::from(u16::from_be_bytes([high, low])).max(2),
                _ => break,
            },
        }
    }
    // Not a JPEG that we understand: the decoder will say why.
    Cow::Borrowed(data)
}

/// The tables of ITU-T T.81, Annex K.3: class and number, how many codes of each length 1..=16, their values.
const TABLES: [(u8, [u8; 16], &[u8]); 4] = [
    (0x00, [0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0], &DC),
    (
        0x10,
        [0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7D],
        &AC_LUMA,
    ),
    (0x01, [0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0], &DC),
    (
        0x11,
        [0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77],
        &AC_CHROMA,
    ),
];

const DC: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

#[rustfmt::skip]
const AC_LUMA: [u8; 162] = [
    0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07,
    0x22, 0x71, 0x14, 0x32, 0x81, 0x91, 0xA1, 0x08, 0x23, 0x42, 0xB1, 0xC1, 0x15, 0x52, 0xD1, 0xF0,
    0x24, 0x33, 0x62, 0x72, 0x82, 0x09, 0x0A, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x25, 0x26, 0x27, 0x28,
    0x29, 0x2A, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49,
    0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69,
    0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89,
    0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7,
    0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3, 0xC4, 0xC5,
    0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA, 0xE1, 0xE2,
    0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF1, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8,
    0xF9, 0xFA,
];

#[rustfmt::skip]
const AC_CHROMA: [u8; 162] = [
    0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71,
    0x13, 0x22, 0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xA1, 0xB1, 0xC1, 0x09, 0x23, 0x33, 0x52, 0xF0,
    0x15, 0x62, 0x72, 0xD1, 0x0A, 0x16, 0x24, 0x34, 0xE1, 0x25, 0xF1, 0x17, 0x18, 0x19, 0x1A, 0x26,
    0x27, 0x28, 0x29, 0x2A, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3A, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48,
    0x49, 0x4A, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5A, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68,
    0x69, 0x6A, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7A, 0x82, 0x83, 0x84, 0x85, 0x86, 0x87,
    0x88, 0x89, 0x8A, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9A, 0xA2, 0xA3, 0xA4, 0xA5,
    0xA6, 0xA7, 0xA8, 0xA9, 0xAA, 0xB2, 0xB3, 0xB4, 0xB5, 0xB6, 0xB7, 0xB8, 0xB9, 0xBA, 0xC2, 0xC3,
    0xC4, 0xC5, 0xC6, 0xC7, 0xC8, 0xC9, 0xCA, 0xD2, 0xD3, 0xD4, 0xD5, 0xD6, 0xD7, 0xD8, 0xD9, 0xDA,
    0xE2, 0xE3, 0xE4, 0xE5, 0xE6, 0xE7, 0xE8, 0xE9, 0xEA, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0xF7, 0xF8,
    0xF9, 0xFA,
];

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use image::{ImageFormat, Rgb, RgbImage};
    use proptest::prelude::*;

    fn jpeg() -> Vec<u8> {
        let picture = RgbImage::from_fn(64, 48, |x, y| Rgb([(x * 4) as u8, (y * 5) as u8, 30]));
        let mut jpeg = Cursor::new(Vec::new());
        picture.write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
        jpeg.into_inner()
    }

    /// The JPEG without its Huffman tables, as many cameras send it.
    fn stripped(jpeg: &[u8]) -> Vec<u8> {
        let mut bare = jpeg[..2].to_vec();
        let mut at = 2;
        let mut tables = 0;
        loop {
            let (marker, length) = (
                jpeg[at + 1],
                usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]])),
            );
            if marker == 0xDA {
                bare.extend(&jpeg[at..]);
                assert!(tables > 0);
                return bare;
            }
            if marker == 0xC4 {
                tables += 1;
            } else {
                bare.extend(&jpeg[at..at + 2 + length]);
            }
            at += 2 + length;
        }
    }

    #[test]
    fn a_jpeg_without_tables_is_the_same_picture() {
        let whole = jpeg();
        let bare = stripped(&whole);
        assert!(bare.len() + 400 < whole.len());
        assert!(
            JpegDecoder::new(Cursor::new(&bare))
                .and_then(DynamicImage::from_decoder)
                .is_err()
        );
        let decoded = decode(&bare, PixelFormat::Mjpeg, 64, 48).unwrap();
        assert_eq!(decoded, decode(&whole, PixelFormat::Mjpeg, 64, 48).unwrap());
        assert_eq!((decoded.width_px, decoded.height_px), (64, 48));
        // Red grows to the right and green downwards.
        let at = |x: usize, y: usize| &decoded.rgb[(y * 64 + x) * 3..][..3];
        assert!(
            at(60, 5)[0] > 200 && at(60, 5)[1] < 60 && at(60, 5)[2] < 70,
            "{:?}",
            at(60, 5)
        );
        assert!(at(4, 45)[0] < 50 && at(4, 45)[1] > 190, "{:?}", at(4, 45));
        // What a driver leaves behind the picture does no harm.
        let padded = [bare, vec![0xAB; 1000]].concat();
        assert_eq!(
            decode(&padded, PixelFormat::Mjpeg, 64, 48).unwrap(),
            decoded
        );
    }

    #[test]
    fn raw_formats_show_the_right_colours() {
        // Red, by BT.601: Y 81, U 90, V 240.
        let is_red = |rgb: &[u8]| {
            rgb.chunks(3)
                .all(|pixel| pixel[0] > 250 && pixel[1] < 4 && pixel[2] < 4)
        };
        for (format, data) in [
            (PixelFormat::Yuyv, [81, 90, 81, 240].repeat(6)),
            (
                PixelFormat::Nv12,
                [vec![81; 12], [90, 240].repeat(4)].concat(),
            ),
            (PixelFormat::Rgb, [255, 0, 0].repeat(12)),
            (PixelFormat::Bgr, [0, 0, 255].repeat(12)),
        ] {
            let decoded = decode(&data, format, 4, 3).unwrap();
            assert_eq!(decoded.rgb.len(), 36, "{format:?}");
            assert!(is_red(&decoded.rgb), "{format:?} {:?}", decoded.rgb);
            assert!(decode(&data[..data.len() - 1], format, 4, 3).is_err());
        }
        assert_eq!(
            decode(&[16, 128, 235, 128], PixelFormat::Yuyv, 2, 1)
                .unwrap()
                .rgb,
            [0, 0, 0, 255, 255, 255]
        );
        assert_eq!(
            decode(&[7, 8], PixelFormat::Grey, 2, 1).unwrap().rgb,
            [7, 7, 7, 8, 8, 8]
        );
    }

    proptest! {
        #[test]
        fn nothing_that_a_camera_sends_panics(
            data in proptest::collection::vec(any::<u8>(), 0..600), width in 0usize..20, height in 0usize..20,
            format in 0usize..6,
        ) {
            let format = [
                PixelFormat::Mjpeg, PixelFormat::Yuyv, PixelFormat::Nv12, PixelFormat::Grey, PixelFormat::Rgb,
                PixelFormat::Bgr,
            ][format];
            if let Ok(decoded) = decode(&data, format, width, height) {
                prop_assert_eq!(decoded.rgb.len(), decoded.width_px * decoded.height_px * 3);
            }
        }

        #[test]
        fn a_corrupt_jpeg_does_not_panic(changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..20), end: usize) {
            for mut data in [jpeg(), stripped(&jpeg())] {
                for (at, byte) in &changes {
                    let length = data.len();
                    data[at % length] = *byte;
                }
                data.truncate(end % (data.len() + 1));
                if let Ok(decoded) = decode(&data, PixelFormat::Mjpeg, 64, 48) {
                    prop_assert_eq!(decoded.rgb.len(), decoded.width_px * decoded.height_px * 3);
                }
            }
        }
    }
}
