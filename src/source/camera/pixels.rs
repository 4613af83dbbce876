//! What cameras send, to 8-bit RGB.

use std::borrow::Cow;
use std::io::Cursor;

use image::codecs::jpeg::JpegDecoder;
use image::{ColorType, DynamicImage, ImageDecoder, ImageError};
use yuv::{YuvBiPlanarImage, YuvConversionMode, YuvRange, YuvStandardMatrix};

use crate::frame::{PixelPool, Pixels};

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
    pub rgb: Pixels,
}

/// Buffers that outlive a picture.
#[derive(Debug)]
pub(super) struct Buffers {
    pool: PixelPool,
    /// Of YUYV: the luma, then the colours.
    planes: Vec<u8>,
}

impl Buffers {
    /// Buffers for pictures of which at most so many are held at once.
    pub fn new(most: usize) -> Self {
        Self {
            pool: PixelPool::new(most),
            planes: Vec::new(),
        }
    }
}

/// Decodes one picture into a buffer of the pool. `Err` says in words what is wrong with it. Bytes after the picture
/// are ignored: drivers hand over whole buffers.
pub(super) fn decode(
    data: &[u8],
    format: PixelFormat,
    (width_px, height_px): (usize, usize),
    buffers: &mut Buffers,
) -> Result<Decoded, String> {
    let Buffers { pool, planes } = buffers;
    if format == PixelFormat::Mjpeg {
        return decode_jpeg(data, pool);
    }
    let pixels = width_px
        .checked_mul(height_px)
        .filter(|pixels| (1..=MOST_PIXELS).contains(pixels))
        .ok_or_else(|| format!("a picture of {width_px}x{height_px} pixels"))?;
    // Bytes of a row of pairs.
    let pairs = width_px.div_ceil(2) * 2;
    let bytes = match format {
        PixelFormat::Mjpeg | PixelFormat::Rgb | PixelFormat::Bgr => pixels * 3,
        PixelFormat::Yuyv => pairs * 2 * height_px,
        PixelFormat::Nv12 => pixels + pairs * height_px.div_ceil(2),
        PixelFormat::Grey => pixels,
    };
    let data = data
        .get(..bytes)
        .ok_or_else(|| format!("only {} of the picture's {bytes} bytes came", data.len()))?;
    let (width, height) = (width_px as u32, height_px as u32);
    let (range, matrix) = (YuvRange::Limited, YuvStandardMatrix::Bt601);
    let mode = YuvConversionMode::Balanced;
    let rgb = pool.fill(pixels * 3, |rgb| {
        let planar = |y_plane, uv_plane, y_stride: usize| YuvBiPlanarImage {
            y_plane,
            y_stride: y_stride as u32,
            uv_plane,
            uv_stride: pairs as u32,
            width,
            height,
        };
        let (to, _) = rgb.as_chunks_mut::<3>();
        match format {
            PixelFormat::Mjpeg | PixelFormat::Rgb => rgb.copy_from_slice(data),
            PixelFormat::Bgr => {
                for (to, &[b, g, r]) in to.iter_mut().zip(data.as_chunks().0) {
                    *to = [r, g, b];
                }
            }
            PixelFormat::Grey => {
                for (to, level) in to.iter_mut().zip(data) {
                    *to = [*level; 3];
                }
            }
            PixelFormat::Yuyv => {
                // The crate's own way from YUYV has six binary digits, which makes grey lighter by a level; from
                // planes it has thirteen.
                planes.resize(bytes, 0);
                let (y_plane, uv_plane) = planes.split_at_mut(bytes / 2);
                let both = y_plane.iter_mut().zip(uv_plane.iter_mut());
                for ((y, uv), from) in both.zip(data.as_chunks::<2>().0) {
                    [*y, *uv] = *from;
                }
                let image = planar(y_plane, uv_plane, pairs);
                yuv::yuv_nv16_to_rgb(&image, rgb, width * 3, range, matrix, mode)
                    .map_err(|error| error.to_string())?;
            }
            PixelFormat::Nv12 => {
                let (y_plane, uv_plane) = data.split_at(pixels);
                let image = planar(y_plane, uv_plane, width_px);
                yuv::yuv_nv12_to_rgb(&image, rgb, width * 3, range, matrix, mode)
                    .map_err(|error| error.to_string())?;
            }
        }
        Ok::<_, String>(())
    })?;
    Ok(Decoded {
        width_px,
        height_px,
        rgb,
    })
}

/// By image's decoder, which is faster than libjpeg without its assembler, and full size: the window shows the frame.
fn decode_jpeg(data: &[u8], pool: &mut PixelPool) -> Result<Decoded, String> {
    let damaged = |error: ImageError| format!("a damaged JPEG ({error})");
    let data = with_tables(data);
    let decoder = JpegDecoder::new(Cursor::new(&*data)).map_err(damaged)?;
    let (width, height) = decoder.dimensions();
    let (width_px, height_px) = (width as usize, height as usize);
    let pixels = width_px.saturating_mul(height_px);
    if pixels > MOST_PIXELS {
        return Err(format!("a JPEG of {width}x{height} pixels"));
    }
    let rgb = if decoder.color_type() == ColorType::Rgb8 {
        pool.fill(pixels * 3, |rgb| decoder.read_image(rgb).map_err(damaged))?
    } else {
        let picture = DynamicImage::from_decoder(decoder).map_err(damaged)?;
        picture.into_rgb8().into_raw().into()
    };
    Ok(Decoded {
        width_px,
        height_px,
        rgb,
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

    fn decoded(data: &[u8], format: PixelFormat, size: (usize, usize)) -> Result<Decoded, String> {
        decode(data, format, size, &mut Buffers::new(1))
    }

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
        let picture = decoded(&bare, PixelFormat::Mjpeg, (64, 48)).unwrap();
        assert_eq!(
            picture,
            decoded(&whole, PixelFormat::Mjpeg, (64, 48)).unwrap()
        );
        assert_eq!((picture.width_px, picture.height_px), (64, 48));
        // Red grows to the right and green downwards.
        let at = |x: usize, y: usize| &picture.rgb[(y * 64 + x) * 3..][..3];
        assert!(
            at(60, 5)[0] > 200 && at(60, 5)[1] < 60 && at(60, 5)[2] < 70,
            "{:?}",
            at(60, 5)
        );
        assert!(at(4, 45)[0] < 50 && at(4, 45)[1] > 190, "{:?}", at(4, 45));
        // What a driver leaves behind the picture does no harm.
        let padded = [bare, vec![0xAB; 1000]].concat();
        assert_eq!(
            decoded(&padded, PixelFormat::Mjpeg, (64, 48)).unwrap(),
            picture
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
            let picture = decoded(&data, format, (4, 3)).unwrap();
            assert_eq!(picture.rgb.len(), 36, "{format:?}");
            assert!(is_red(&picture.rgb), "{format:?} {:?}", &picture.rgb[..]);
            assert!(decoded(&data[..data.len() - 1], format, (4, 3)).is_err());
        }
        assert_eq!(
            decoded(&[16, 128, 235, 128], PixelFormat::Yuyv, (2, 1))
                .unwrap()
                .rgb[..],
            [0, 0, 0, 255, 255, 255]
        );
        assert_eq!(
            decoded(&[7, 8], PixelFormat::Grey, (2, 1)).unwrap().rgb[..],
            [7, 7, 7, 8, 8, 8]
        );
    }

    /// BT.601 with levels 16..=235 to RGB, by its definition.
    fn by_definition(y: u8, u: u8, v: u8) -> [u8; 3] {
        let (y, u, v) = (
            f32::from(y) - 16.0,
            f32::from(u) - 128.0,
            f32::from(v) - 128.0,
        );
        let light = 255.0 / 219.0 * y;
        let colour = 255.0 / 224.0;
        [
            light + colour * 1.402 * v,
            light - colour * (0.344_136 * u + 0.714_136 * v),
            light + colour * 1.772 * u,
        ]
        .map(|level| level.round().clamp(0.0, 255.0) as u8)
    }

    #[test]
    #[ignore = "prints times; run with --nocapture"]
    #[allow(clippy::print_stderr)]
    fn times_of_each_format() {
        let time = |name: &str, run: &mut dyn FnMut()| {
            let mut ms: Vec<f64> = (0..60)
                .map(|_| {
                    let start = std::time::Instant::now();
                    run();
                    start.elapsed().as_secs_f64() * 1e3
                })
                .collect();
            ms.sort_by(f64::total_cmp);
            eprintln!("{name}: {:.2} ms", ms[30]);
        };
        let portrait = image::load_from_memory(include_bytes!("../../../assets/astronaut.png"));
        let portrait = portrait.unwrap().to_rgb8();
        for (w, h) in [(640usize, 480usize), (1280, 720)] {
            let picture = image::imageops::resize(
                &portrait,
                w as u32,
                h as u32,
                image::imageops::FilterType::Triangle,
            );
            let mut buffers = Buffers::new(1);
            let yuv: Vec<u8> = (0..w * h * 2).map(|i| (i * 7 % 251) as u8).collect();
            for format in [PixelFormat::Yuyv, PixelFormat::Nv12] {
                time(&format!("{w}x{h} {format:?}"), &mut || {
                    decode(&yuv, format, (w, h), &mut buffers).unwrap();
                });
            }
            for subsampling in [false, true] {
                let jpeg = if subsampling {
                    let mut encoder = mozjpeg::Compress::new(mozjpeg::ColorSpace::JCS_RGB);
                    encoder.set_size(w, h);
                    encoder.set_fastest_defaults();
                    encoder.set_quality(85.0);
                    encoder.set_chroma_sampling_pixel_sizes((2, 1), (2, 1));
                    let mut encoder = encoder.start_compress(Vec::new()).unwrap();
                    encoder.write_scanlines(picture.as_raw()).unwrap();
                    encoder.finish().unwrap()
                } else {
                    let mut jpeg = Vec::new();
                    image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 85)
                        .encode_image(&picture)
                        .unwrap();
                    jpeg
                };
                let name = format!("{w}x{h} JPEG of {} bytes, 4:2:2 {subsampling}", jpeg.len());
                time(&name, &mut || {
                    decode(&jpeg, PixelFormat::Mjpeg, (w, h), &mut buffers).unwrap();
                });
                time(&format!("{name}, mozjpeg"), &mut || {
                    let decoder = mozjpeg::Decompress::new_mem(&jpeg).unwrap();
                    let mut decoder = decoder.rgb().unwrap();
                    let rows: Vec<[u8; 3]> = decoder.read_scanlines().unwrap();
                    assert_eq!(rows.len(), w * h);
                });
                time(&format!("{name}, image as it was"), &mut || {
                    let decoder = JpegDecoder::new(Cursor::new(&*jpeg)).unwrap();
                    let picture = DynamicImage::from_decoder(decoder).unwrap();
                    assert_eq!(picture.into_rgb8().into_raw().len(), w * h * 3);
                });
            }
        }
    }

    proptest! {
        #[test]
        fn yuv_is_bt601(
            (w, h, data) in (1usize..40, 1usize..6)
                .prop_flat_map(|(w, h)| (Just(w), Just(h), prop::collection::vec(any::<u8>(), (w + 1) * 2 * (h + 1))))
        ) {
            let pairs = w.div_ceil(2) * 2;
            let yuyv = |x: usize, y: usize| {
                let at = y * pairs * 2 + x / 2 * 4;
                (data[at + x % 2 * 2], data[at + 1], data[at + 3])
            };
            let nv12 = |x: usize, y: usize| {
                let at = w * h + y / 2 * pairs + x / 2 * 2;
                (data[y * w + x], data[at], data[at + 1])
            };
            for format in [PixelFormat::Yuyv, PixelFormat::Nv12] {
                let pixel = |x: usize, y: usize| match format {
                    PixelFormat::Yuyv => yuyv(x, y),
                    _ => nv12(x, y),
                };
                let picture = decoded(&data, format, (w, h)).unwrap();
                for (i, got) in picture.rgb.chunks(3).enumerate() {
                    let (y, u, v) = pixel(i % w, i / w);
                    let wanted = by_definition(y.clamp(16, 235), u, v);
                    // Levels below black and above white are no picture's.
                    if (16..=235).contains(&y) {
                        for (got, wanted) in got.iter().zip(wanted) {
                            prop_assert!(got.abs_diff(wanted) <= 1, "{format:?} {i}: {got} {wanted}");
                        }
                    }
                }
            }
        }

        #[test]
        fn nothing_that_a_camera_sends_panics(
            data in proptest::collection::vec(any::<u8>(), 0..600), width in 0usize..20, height in 0usize..20,
            format in 0usize..6,
        ) {
            let format = [
                PixelFormat::Mjpeg, PixelFormat::Yuyv, PixelFormat::Nv12, PixelFormat::Grey, PixelFormat::Rgb,
                PixelFormat::Bgr,
            ][format];
            if let Ok(picture) = decoded(&data, format, (width, height)) {
                prop_assert_eq!(picture.rgb.len(), picture.width_px * picture.height_px * 3);
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
                if let Ok(picture) = decoded(&data, PixelFormat::Mjpeg, (64, 48)) {
                    prop_assert_eq!(picture.rgb.len(), picture.width_px * picture.height_px * 3);
                }
            }
        }
    }
}
