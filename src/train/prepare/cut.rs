//! From a picture to what a set keeps of it: landmarks, and the part around the aligned face.

use crate::analysis::{BoxPx, Landmarks};
use crate::face::align::{self, Similarity, TEMPLATE_PX};
use crate::face::detect::{Detector, DetectorError};
use crate::face::gray::Gray;
use crate::face::landmarks::LandmarkNet;
use crate::face::resample;
use crate::frame::Frame;
use crate::model::config::{CROP_SIDE_PX, Color};
use crate::model::weights::WeightsError;
use crate::train::set::LONGEST_SIDE_PX;

use super::plan::Place;

/// The side of what is kept, in sides of the template's square.
const AROUND: f64 = 1.5;
/// The smallest face that is searched for, as a part of the picture's height.
const MIN_FACE: f32 = 0.08;

/// What a set keeps of a face.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// `[height, width, channels]`
    pub pixels: Vec<u8>,
    /// 1..=[`LONGEST_SIDE_PX`]
    pub width_px: usize,
    /// Likewise.
    pub height_px: usize,
    /// In pixels of what is kept.
    pub landmarks: Landmarks,
}

/// Why a set cannot be prepared at all.
#[derive(Debug, thiserror::Error)]
pub enum CutterError {
    /// The detector.
    #[error(transparent)]
    Detector(#[from] DetectorError),
    /// The landmark network.
    #[error(transparent)]
    Landmarks(#[from] WeightsError),
}

/// Finds and cuts out faces. Not `Send`.
pub struct Cutter {
    landmarks: LandmarkNet,
    detector: Detector,
    gray: Gray,
    part: Gray,
    color: Color,
}

impl Cutter {
    /// Loads the built-in models.
    ///
    /// # Errors
    /// When one is damaged.
    pub fn new(color: Color) -> Result<Self, CutterError> {
        Ok(Self {
            landmarks: LandmarkNet::new()?,
            detector: Detector::new()?,
            gray: Gray::default(),
            part: Gray::default(),
            color,
        })
    }

    /// The face of a picture, or why there is none.
    pub fn cut(&mut self, frame: &Frame, place: Place) -> Result<Kept, &'static str> {
        self.gray.fill(frame);
        let landmarks = self.find(place)?;
        self.keep(frame, &landmarks)
    }

    /// The face at these landmarks, of a frame that is the same as before or another.
    pub fn cut_at(&mut self, frame: &Frame, landmarks: &Landmarks) -> Result<Kept, &'static str> {
        self.gray.fill(frame);
        self.keep(frame, landmarks)
    }

    fn find(&mut self, place: Place) -> Result<Landmarks, &'static str> {
        let whole = BoxPx {
            x: 0.0,
            y: 0.0,
            w: self.gray.width_px as f32,
            h: self.gray.height_px as f32,
        };
        let near_px = match place {
            Place::Landmarks(landmarks) => return Ok(landmarks),
            Place::Aligned => return Ok(template_in(self.gray.width_px, self.gray.height_px)),
            // As the network's picture of it was trained on: no second look.
            Place::Whole => return Ok(self.landmarks.find(&self.gray, whole)),
            // People and other detectors draw boxes in many ways.
            Place::Box(box_px) => self
                .detector
                .near(&self.gray, box_px)
                .map_or(box_px, |seen| seen.box_px),
            Place::Search => {
                let found = self
                    .detector
                    .scan(&self.gray, (MIN_FACE * whole.h).max(12.0));
                let area = |b: &BoxPx| b.w * b.h;
                let largest = found
                    .into_iter()
                    .max_by(|a, b| area(&a.box_px).total_cmp(&area(&b.box_px)));
                largest.ok_or("no face was found")?.box_px
            }
        };
        self.landmarks
            .settle(&self.gray, near_px)
            .map(|settled| settled.landmarks_px)
            .ok_or("the landmarks fit no face")
    }

    fn keep(&mut self, frame: &Frame, landmarks: &Landmarks) -> Result<Kept, &'static str> {
        let to_picture = align::to_picture(landmarks, &TEMPLATE_PX, CROP_SIDE_PX)
            .ok_or("the landmarks fit no face")?;
        let size_px = (frame.width_px(), frame.height_px());
        let (x, y, w, h) =
            square(&to_picture, size_px).ok_or("the face lies outside of its picture")?;
        let channels = self.color.channels();
        let pixels = match self.color {
            Color::Gray => {
                self.gray.cut((x as i64, y as i64), (w, h), &mut self.part);
                self.part.pixels.clone()
            }
            Color::Rgb => frame
                .rgb()
                .chunks_exact(3 * size_px.0)
                .skip(y)
                .take(h)
                .flat_map(|row| &row[3 * x..3 * (x + w)])
                .copied()
                .collect(),
        };
        let longest = w.max(h);
        let (to_w, to_h) = if longest > LONGEST_SIDE_PX {
            let part = LONGEST_SIDE_PX as f64 / longest as f64;
            let shrunk = |side: usize| ((side as f64 * part).round() as usize).max(1);
            (shrunk(w), shrunk(h))
        } else {
            (w, h)
        };
        let pixels = match (to_w, to_h) == (w, h) {
            true => pixels,
            false => resample::resize(&pixels, channels, (w, h), (to_w, to_h)),
        };
        // Pixel centres move as the resize moves them.
        let (by_x, by_y) = (to_w as f32 / w as f32, to_h as f32 / h as f32);
        let moved = landmarks.map(|[px, py]| {
            [
                (px - x as f32 + 0.5) * by_x - 0.5,
                (py - y as f32 + 0.5) * by_y - 0.5,
            ]
        });
        let landmarks = if (to_w, to_h) == (w, h) {
            // To the bit where nothing is resized.
            landmarks.map(|[px, py]| [px - x as f32, py - y as f32])
        } else {
            moved
        };
        Ok(Kept {
            pixels,
            width_px: to_w,
            height_px: to_h,
            landmarks,
        })
    }
}

/// Where the template's points lie in an aligned crop of this size.
fn template_in(width_px: usize, height_px: usize) -> Landmarks {
    let part = |side: usize| side as f32 / CROP_SIDE_PX as f32;
    let (by_x, by_y) = (part(width_px), part(height_px));
    TEMPLATE_PX.map(|[x, y]| [(x + 0.5) * by_x - 0.5, (y + 0.5) * by_y - 0.5])
}

/// What of a picture is kept, `(x, y, w, h)` in whole pixels: all of a small one, else the square around the aligned
/// face as far as the picture has it; `None` where that is nothing.
fn square(
    to_picture: &Similarity,
    (width_px, height_px): (usize, usize),
) -> Option<(usize, usize, usize, usize)> {
    if width_px.max(height_px) <= LONGEST_SIDE_PX {
        return Some((0, 0, width_px, height_px));
    }
    let center = (CROP_SIDE_PX - 1) as f64 / 2.0;
    let (cx, cy) = to_picture.apply(center, center);
    let side = (AROUND * CROP_SIDE_PX as f64 * to_picture.scale())
        .round()
        .max(1.0);
    let along = |center: f64, length: usize| {
        let first = (center - (side - 1.0) / 2.0).round();
        let from = first.max(0.0);
        let to = (first + side).min(length as f64);
        // Also refuses what is no number.
        (to > from).then_some((from as usize, (to - from) as usize))
    };
    let ((x, w), (y, h)) = (along(cx, width_px)?, along(cy, height_px)?);
    (w > 0 && h > 0).then_some((x, y, w, h))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::frame::FrameStamp;
    use proptest::prelude::*;

    fn frame(w: usize, h: usize) -> Frame {
        let stamp = FrameStamp {
            index: 0,
            time_s: 0.0,
        };
        let rgb: Vec<u8> = (0..w * h)
            .flat_map(|i| {
                let (x, y) = (i % w, i / w);
                [
                    (x * 2 % 256) as u8,
                    (y * 2 % 256) as u8,
                    ((x + y) % 256) as u8,
                ]
            })
            .collect();
        Frame::new(stamp, w, h, rgb).unwrap()
    }

    #[test]
    fn what_is_kept_gives_the_crop_of_the_source() {
        let frame = frame(600, 500);
        let mut gray = Gray::default();
        gray.fill(&frame);
        for color in [Color::Gray, Color::Rgb] {
            let mut cutter = Cutter::new(color).unwrap();
            let landmarks = TEMPLATE_PX.map(|[x, y]| [x * 0.9 + 210.25, y * 0.9 + 151.5]);
            let kept = cutter.cut_at(&frame, &landmarks).unwrap();
            assert_eq!((kept.width_px, kept.height_px), (151, 151));
            let mut pool = crate::frame::PixelPool::new(0);
            let wanted = align::crop(&frame, &gray, &landmarks, (color, 112), &mut pool).unwrap();
            let way = align::to_picture(&kept.landmarks, &TEMPLATE_PX, 112).unwrap();
            let mut out = vec![0; wanted.len()];
            align::warp(&kept.pixels, (151, 151), color, &way, &mut out);
            for (a, b) in out.iter().zip(&wanted) {
                assert!(a.abs_diff(*b) <= 1);
            }
        }
    }

    #[test]
    fn a_large_face_is_made_smaller_and_a_small_picture_is_kept_whole() {
        let mut cutter = Cutter::new(Color::Gray).unwrap();
        let large = frame(900, 800);
        let landmarks = TEMPLATE_PX.map(|[x, y]| [x * 3.0 + 250.0, y * 3.0 + 200.0]);
        let kept = cutter.cut_at(&large, &landmarks).unwrap();
        assert_eq!((kept.width_px, kept.height_px), (168, 168));
        let way = align::to_picture(&kept.landmarks, &TEMPLATE_PX, 112).unwrap();
        assert!((way.scale() - 1.0).abs() < 1e-3);
        let small = frame(48, 60);
        let kept = cutter.cut(&small, Place::Whole).unwrap();
        assert_eq!((kept.width_px, kept.height_px), (48, 60));
        let kept = cutter.cut(&frame(112, 112), Place::Aligned).unwrap();
        assert_eq!(kept.landmarks, TEMPLATE_PX);
        assert!(cutter.cut(&large, Place::Search).is_err());
        let outside = landmarks.map(|[x, y]| [x - 5000.0, y]);
        assert!(cutter.cut_at(&large, &outside).is_err());
        assert!(cutter.cut_at(&large, &[[3.0, 3.0]; 5]).is_err());
    }

    proptest! {
        #[test]
        fn whatever_the_landmarks_nothing_breaks(
            points in prop::array::uniform10(prop_oneof![-1e5f32..1e5, -50f32..300.0]), w in 1usize..300, h in 1usize..300,
        ) {
            let mut landmarks: Landmarks = Default::default();
            landmarks.as_flattened_mut().copy_from_slice(&points);
            let frame = frame(w, h);
            let to_picture = align::to_picture(&landmarks, &TEMPLATE_PX, CROP_SIDE_PX);
            if let Some((x, y, kw, kh)) = to_picture.and_then(|way| square(&way, (w, h))) {
                prop_assert!(kw >= 1 && kh >= 1 && x + kw <= frame.width_px() && y + kh <= frame.height_px());
            }
        }
    }
}
