//! What cameras send, to 8-bit RGB.

use std::io::Cursor;

use image::codecs::jpeg::JpegDecoder;
use image::{ColorType, DynamicImage, ImageDecoder, ImageError};
use yuv::{YuvBiPlanarImage, YuvConversionMode, YuvRange, YuvStandardMatrix};

use super::huffman::with_tables;
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

/// By image's decoder, which is faster than libjpeg without its assembler, and full size: the window shows the frame, and
/// a face is cropped from it. A picture of half the size would save the detector nothing: libjpeg, the one here that can
/// decode it smaller, takes 1.09 ms for it at 640x480 (6.0 at 1920x1080) where image's takes 1.19 (6.6) for the whole.
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
                let picture = decoded(&data, format, (w, h)).unwrap();
                for (i, got) in picture.rgb.chunks(3).enumerate() {
                    let (x, y) = (i % w, i / w);
                    let (y, u, v) = if format == PixelFormat::Yuyv { yuyv(x, y) } else { nv12(x, y) };
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
