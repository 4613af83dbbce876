//! Faces in a picture: rustface (SeetaFace's funnel cascade) at a chosen smallest face.
//!
//! rustface 0.1.7 looks for faces of 40 pixels and more whatever it is told, so that the smallest face is chosen by
//! resizing the picture before.

use super::gray::{Gray, Resizer};
use crate::analysis::BoxPx;

/// The smallest face that the detector sees, in pixels of what it is given.
pub(super) const WINDOW_PX: f32 = 40.0;
/// Below it lie knees and wallpaper; the weakest true face of the clips tried scores 9.9.
const THRESHOLD: f64 = 2.0;
/// A looked-for face is brought to this size: region of 1.6 faces in 96 pixels.
const NEAR_REGION_PX: usize = 96;
const NEAR_REGION_FACES: f32 = 1.6;

/// A face as found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Where.
    pub box_px: BoxPx,
    /// How plainly, from about 2.
    pub score: f32,
}

/// The detector. Not `Send`: made on the thread that uses it.
pub struct Detector {
    inner: Box<dyn rustface::Detector>,
    resizer: Resizer,
    region: Gray,
    scaled: Gray,
}

/// The built-in model cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the built-in face detector cannot be loaded ({0}). Install Affectscope again.")]
pub struct DetectorError(std::io::Error);

impl Detector {
    /// Loads the built-in model.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn new() -> Result<Self, DetectorError> {
        let model = rustface::read_model(crate::model::weights::DETECTOR).map_err(DetectorError)?;
        let mut inner = rustface::create_detector_with_model(model);
        inner.set_score_thresh(THRESHOLD);
        inner.set_pyramid_scale_factor(0.8);
        inner.set_slide_window_step(4, 4);
        Ok(Self {
            inner,
            resizer: Resizer::default(),
            region: Gray::default(),
            scaled: Gray::default(),
        })
    }

    /// Every face of at least `min_face_px` in the whole picture, the plainest first.
    pub fn scan(&mut self, gray: &Gray, min_face_px: f32) -> Vec<Detection> {
        let whole = BoxPx {
            x: 0.0,
            y: 0.0,
            w: gray.width_px as f32,
            h: gray.height_px as f32,
        };
        self.scan_region(gray, whole, min_face_px)
    }

    /// The same in a part of the picture, in whole pixels; what reaches over the edge is left out.
    pub fn scan_region(&mut self, gray: &Gray, region: BoxPx, min_face_px: f32) -> Vec<Detection> {
        let x0 = region.x.floor().max(0.0);
        let y0 = region.y.floor().max(0.0);
        let x1 = (region.x + region.w).ceil().min(gray.width_px as f32);
        let y1 = (region.y + region.h).ceil().min(gray.height_px as f32);
        if x1 - x0 < 8.0 || y1 - y0 < 8.0 {
            return Vec::new();
        }
        // Enlarging by more than 4 finds nothing more and costs without end.
        let scale = (WINDOW_PX / min_face_px.max(1.0)).min(4.0);
        let size = (
            ((x1 - x0) * scale).round().max(1.0) as usize,
            ((y1 - y0) * scale).round().max(1.0) as usize,
        );
        let inside = BoxPx {
            x: x0,
            y: y0,
            w: x1 - x0,
            h: y1 - y0,
        };
        self.resizer
            .resize_region(gray, inside, size, &mut self.scaled);
        let (sx, sy) = (inside.w / size.0 as f32, inside.h / size.1 as f32);
        detections(&mut *self.inner, &self.scaled, (x0, y0), (sx, sy))
    }

    /// The face near where one was, if it still is there. `last_px` is its box on the frame before, moved on.
    pub fn near(&mut self, gray: &Gray, last_px: BoxPx) -> Option<Detection> {
        let side = (last_px.w.max(last_px.h) * NEAR_REGION_FACES)
            .round()
            .max(8.0);
        let (cx, cy) = last_px.center();
        let (x0, y0) = ((cx - side / 2.0).round(), (cy - side / 2.0).round());
        let side_px = side as usize;
        gray.cut((x0 as i64, y0 as i64), (side_px, side_px), &mut self.region);
        let size = (NEAR_REGION_PX, NEAR_REGION_PX);
        self.resizer.resize(&self.region, size, &mut self.scaled);
        let scale = side_px as f32 / NEAR_REGION_PX as f32;
        detections(&mut *self.inner, &self.scaled, (x0, y0), (scale, scale))
            .into_iter()
            // A face of another size beside it is another face.
            .filter(|d| (0.6..1.7).contains(&(d.box_px.w / last_px.w)))
            .max_by(|a, b| overlap_score(a, last_px).total_cmp(&overlap_score(b, last_px)))
    }
}

fn overlap_score(detection: &Detection, last_px: BoxPx) -> f32 {
    detection.box_px.iou(&last_px) + detection.score.min(30.0) / 300.0
}

fn detections(
    detector: &mut dyn rustface::Detector,
    scaled: &Gray,
    (x0, y0): (f32, f32),
    (sx, sy): (f32, f32),
) -> Vec<Detection> {
    let (w, h) = (scaled.width_px as u32, scaled.height_px as u32);
    if w < WINDOW_PX as u32 || h < WINDOW_PX as u32 {
        return Vec::new();
    }
    let image = rustface::ImageData::new(&scaled.pixels, w, h);
    let mut found: Vec<Detection> = detector
        .detect(&image)
        .into_iter()
        .map(|face| {
            let b = face.bbox();
            Detection {
                box_px: BoxPx {
                    x: x0 + b.x() as f32 * sx,
                    y: y0 + b.y() as f32 * sy,
                    w: b.width() as f32 * sx,
                    h: b.height() as f32 * sy,
                },
                score: face.score() as f32,
            }
        })
        .filter(|d| d.box_px.w >= 1.0 && d.box_px.h >= 1.0)
        .collect();
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    found
}
