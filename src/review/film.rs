//! A video read through once: its frames' times, and small pictures of the faces on some of them.

use std::collections::BTreeMap;
use std::io::Cursor;

use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, resize};

use super::project::Frames;
use crate::analysis::BoxPx;
use crate::frame::Frame;
use crate::source::{FrameSource, Next, SourceError, SourceInfo};

/// The longer side of a small picture, pixels.
pub const THUMB_PX: u32 = 96;
/// Of a face's box so much is added on each side: the hair and the chin belong to what an annotator looks at.
const MARGIN: f32 = 0.25;
/// Of JPEG, 0..=100: some 4 kB a picture.
const QUALITY: u8 = 85;
/// More frames than this are not asked after between two words.
const TELL_EVERY: u64 = 16;

/// Frames of which a picture is wanted, with the face's box in it; without one the whole frame is shown.
pub type Wanted = BTreeMap<usize, Option<BoxPx>>;

/// What reading through gave.
#[derive(Debug)]
pub struct Film {
    /// What is known of the source.
    pub info: SourceInfo,
    /// Every frame's time, and its file where frames are pictures.
    pub frames: Frames,
    /// JPEG of the frames wanted that could be read.
    pub faces: BTreeMap<usize, Vec<u8>>,
    /// Frames that are there and cannot be decoded.
    pub unreadable: u64,
}

/// Reads a source to its end. `going_on` is told now and then how many frames are through and how many there may be,
/// and says whether to go on; `None` when it said no.
///
/// # Errors
/// [`SourceError`] when the stream broke.
pub fn read_through(
    source: &mut dyn FrameSource,
    wanted: &Wanted,
    going_on: &mut dyn FnMut(u64, Option<u64>) -> bool,
) -> Result<Option<Film>, SourceError> {
    let info = source.info().clone();
    let mut film = Film {
        frames: Frames::default(),
        faces: BTreeMap::new(),
        unreadable: 0,
        info,
    };
    let mut pictures: Vec<String> = Vec::new();
    loop {
        let done = film.frames.times_s.len();
        if (done as u64).is_multiple_of(TELL_EVERY) && !going_on(done as u64, film.info.frames) {
            return Ok(None);
        }
        let (stamp, file) = match source.next()? {
            Next::Frame(frame) => {
                if let Some(box_px) = wanted.get(&done)
                    && let Some(jpeg) = thumbnail(&frame, box_px.as_ref())
                {
                    film.faces.insert(done, jpeg);
                }
                (frame.stamp, frame.file)
            }
            Next::Unreadable { stamp, file, .. } => {
                film.unreadable += 1;
                (stamp, file)
            }
            Next::Missing { stamp } => (stamp, None),
            Next::End { note } => {
                film.frames.note = note;
                film.frames.pictures = (pictures.len() == done && done > 0).then_some(pictures);
                return Ok(Some(film));
            }
        };
        film.frames.times_s.push(stamp.time_s);
        pictures.extend(file.map(|f| f.to_string()));
    }
}

/// The face in a frame, with a margin, its longer side at most [`THUMB_PX`] pixels, as JPEG. Without a box, and with one
/// outside the picture, the whole frame.
pub fn thumbnail(frame: &Frame, face: Option<&BoxPx>) -> Option<Vec<u8>> {
    let small = small(frame, face)?;
    let mut jpeg = Cursor::new(Vec::new());
    let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, QUALITY);
    encoder.encode_image(&small).ok()?;
    Some(jpeg.into_inner())
}

/// As [`thumbnail`], as pixels.
pub fn small(frame: &Frame, face: Option<&BoxPx>) -> Option<RgbImage> {
    let (w, h) = (frame.width_px(), frame.height_px());
    let row_bytes = w * 3;
    let [x, y, w, h] = face
        .and_then(|b| cut(b, w, h))
        .unwrap_or([0, 0, w as u32, h as u32]);
    let scale = f64::from(THUMB_PX) / f64::from(w.max(h));
    let side = |px: u32| ((f64::from(px) * scale).round() as u32).max(1);
    let rows = frame.rgb().chunks_exact(row_bytes);
    let part = rows.skip(y as usize).take(h as usize);
    let part = part.flat_map(|row| &row[x as usize * 3..(x + w) as usize * 3]);
    let part = RgbImage::from_raw(w, h, part.copied().collect())?;
    Some(resize(&part, side(w), side(h), FilterType::CatmullRom))
}

/// A square about a face with its margin, as far as the picture reaches: `[x, y, w, h]`. `None` for a box that is no box
/// or that lies outside.
fn cut(face: &BoxPx, width_px: usize, height_px: usize) -> Option<[u32; 4]> {
    if [face.x, face.y, face.w, face.h]
        .iter()
        .any(|v| !v.is_finite())
    {
        return None;
    }
    let side = face.w.max(face.h) * (1.0 + 2.0 * MARGIN);
    let (cx, cy) = face.center();
    let within = |center: f32, most: usize| {
        let from = (center - side / 2.0).max(0.0).floor();
        let to = (center + side / 2.0).min(most as f32).ceil();
        (to - from >= 1.0).then_some((from as u32, (to - from) as u32))
    };
    let (x, w) = within(cx, width_px)?;
    let (y, h) = within(cy, height_px)?;
    Some([x, y, w, h])
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::frame::FrameStamp;

    fn face(x: f32, y: f32, w: f32, h: f32) -> BoxPx {
        BoxPx { x, y, w, h }
    }

    #[test]
    fn a_face_is_cut_with_its_margin_within_the_picture() {
        assert_eq!(
            cut(&face(100.0, 100.0, 40.0, 40.0), 640, 480),
            Some([90, 90, 60, 60])
        );
        // Over an edge: what there is of it.
        assert_eq!(
            cut(&face(-20.0, 0.0, 40.0, 40.0), 640, 480),
            Some([0, 0, 30, 50])
        );
        assert_eq!(cut(&face(700.0, 0.0, 40.0, 40.0), 640, 480), None);
        assert_eq!(cut(&face(f32::NAN, 0.0, 40.0, 40.0), 640, 480), None);
    }

    #[test]
    fn the_small_picture_shows_the_face() {
        // Grey with a red square of 40 pixels.
        let (w, h) = (320usize, 240usize);
        let mut rgb = vec![90u8; w * h * 3];
        for y in 100..140 {
            for x in 200..240 {
                rgb[(y * w + x) * 3..][..3].copy_from_slice(&[220, 30, 30]);
            }
        }
        let stamp = FrameStamp {
            index: 0,
            time_s: 0.0,
        };
        let frame = Frame::new(stamp, w, h, rgb).unwrap();
        let jpeg = thumbnail(&frame, Some(&face(200.0, 100.0, 40.0, 40.0))).unwrap();
        let small = image::load_from_memory(&jpeg).unwrap().to_rgb8();
        assert_eq!(small.dimensions(), (96, 96));
        let (middle, corner) = (small.get_pixel(48, 48).0, small.get_pixel(3, 3).0);
        assert!(middle[0] > 190 && middle[1] < 60, "{middle:?}");
        assert!(corner[0].abs_diff(corner[1]) < 20, "{corner:?}");
        let whole = thumbnail(&frame, None).unwrap();
        let whole = image::load_from_memory(&whole).unwrap();
        assert_eq!((whole.width(), whole.height()), (96, 72));
    }
}
