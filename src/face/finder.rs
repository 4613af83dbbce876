//! Faces with ids, landmarks and crops on each frame: the detector's schedule lives here.

use super::align;
use super::detect::{Detection, Detector, DetectorError};
use super::gray::Gray;
use super::landmarks::LandmarkNet;
use super::track::{Look, Sighting, Tracker};
use crate::analysis::{BoxPx, Crop, Landmarks};
use crate::frame::Frame;
use crate::model::config::{CROP_SIDE_PX, Color, StudentConfig};
use crate::model::weights::WeightsError;
use crate::session::{Faces, Tuning};

/// When the whole picture is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// At once whenever a face may be missing, and every quarter of a second: what a file wants.
    Thorough,
    /// In slices, one a frame at the most, so that no frame takes long: what a live picture wants.
    Spread,
}

/// Seconds between full scans while every face is where it was.
const RESCAN_S: f64 = 0.25;
/// Frames between two slices while a face is followed.
const SLICE_EVERY: u64 = 4;
/// Tiles of the picture for the smallest faces, across and down.
const TILES: (usize, usize) = (3, 2);
/// Two boxes that share more than this are one face.
const SAME_FACE_IOU: f32 = 0.35;
/// So are two of which the smaller lies in the larger by more than this.
const INSIDE: f32 = 0.6;
/// A new face with a lower score must be seen again in a closer look.
const PLAIN_SCORE: f32 = 12.0;

/// A face on a frame, not yet read.
#[derive(Debug, Clone)]
pub struct Found {
    /// Where and how plainly.
    pub detection: Detection,
    /// The five points.
    pub landmarks_px: Landmarks,
    /// The aligned crop, with the face's id.
    pub crop: Crop,
}

/// Why faces cannot be looked for at all.
#[derive(Debug, thiserror::Error)]
pub enum FinderError {
    /// The detector.
    #[error(transparent)]
    Detector(#[from] DetectorError),
    /// The landmark network.
    #[error(transparent)]
    Landmarks(#[from] WeightsError),
}

/// Finds, aligns and follows faces. Not `Send`.
pub struct Finder {
    detector: Detector,
    landmarks: LandmarkNet,
    tracker: Tracker,
    gray: Gray,
    schedule: Schedule,
    color: Color,
    resize_px: usize,
    scanned_s: Option<f64>,
    frames: u64,
    slice: u64,
}

impl Finder {
    /// Loads the built-in models; crops will be as this network takes them.
    ///
    /// # Errors
    /// When a built-in model is damaged.
    pub fn new(schedule: Schedule, config: &StudentConfig) -> Result<Self, FinderError> {
        Ok(Self {
            detector: Detector::new()?,
            landmarks: LandmarkNet::new()?,
            tracker: Tracker::new(),
            gray: Gray::default(),
            schedule,
            color: config.backbone.color,
            resize_px: config.resize_px(),
            scanned_s: None,
            frames: 0,
            slice: 0,
        })
    }

    /// Another schedule, from the next frame on.
    pub fn set_schedule(&mut self, schedule: Schedule) {
        self.schedule = schedule;
    }

    /// Forgets every face; ids begin at 1 again.
    pub fn reset(&mut self) {
        self.tracker = Tracker::new();
        self.scanned_s = None;
        self.frames = 0;
        self.slice = 0;
    }

    /// The faces of a frame, in order of their ids.
    pub fn find(&mut self, frame: &Frame, tuning: &Tuning) -> Vec<Found> {
        self.gray.fill(frame);
        let time_s = frame.stamp.time_s;
        let min_face_px = (tuning.min_face * frame.height_px() as f32).max(12.0);
        let detections = self.detect(time_s, min_face_px);
        self.frames += 1;

        let mut faces: Vec<Found> = detections
            .into_iter()
            .filter_map(|detection| self.align(frame, detection))
            .collect();
        let sightings: Vec<Sighting> = faces
            .iter()
            .map(|face| Sighting {
                box_px: face.detection.box_px,
                look: Look::of_crop(&face.crop.pixels, face.crop.side_px, face.crop.channels),
            })
            .collect();
        for (face, id) in faces
            .iter_mut()
            .zip(self.tracker.update(time_s, &sightings))
        {
            face.crop.face_id = id;
        }
        if tuning.faces == Faces::Largest {
            let area = |f: &Found| f.detection.box_px.w * f.detection.box_px.h;
            let largest = faces.into_iter().max_by(|a, b| area(a).total_cmp(&area(b)));
            return largest.into_iter().collect();
        }
        faces.sort_by_key(|face| face.crop.face_id);
        faces
    }

    fn align(&mut self, frame: &Frame, detection: Detection) -> Option<Found> {
        let landmarks_px = self.landmarks.find(&self.gray, detection.box_px);
        let pixels = align::crop(
            frame,
            &self.gray,
            &landmarks_px,
            (self.color, self.resize_px),
        )?;
        Some(Found {
            detection,
            landmarks_px,
            crop: Crop {
                face_id: 0,
                side_px: CROP_SIDE_PX,
                channels: self.color.channels(),
                pixels,
            },
        })
    }

    fn detect(&mut self, time_s: f64, min_face_px: f32) -> Vec<Detection> {
        let expected: Vec<BoxPx> = self
            .tracker
            .alive(time_s)
            .iter()
            .map(|track| track.predict(time_s))
            .collect();
        let mut found: Vec<Detection> = expected
            .iter()
            .filter_map(|&last_px| self.detector.near(&self.gray, last_px))
            .collect();
        let one_each = found.len() == expected.len();
        merge(&mut found);
        let tracked = found.len();
        let new = match self.schedule {
            Schedule::Thorough => {
                let due = self
                    .scanned_s
                    .is_none_or(|s| !(0.0..RESCAN_S).contains(&(time_s - s)));
                if tracked == 0 || !one_each || due {
                    self.scanned_s = Some(time_s);
                    self.detector.scan(&self.gray, min_face_px)
                } else {
                    Vec::new()
                }
            }
            Schedule::Spread => {
                if tracked == 0 || self.frames.is_multiple_of(SLICE_EVERY) {
                    self.scan_slice(min_face_px)
                } else {
                    Vec::new()
                }
            }
        };
        for detection in new {
            if found
                .iter()
                .any(|f| same_face(&f.box_px, &detection.box_px))
            {
                continue;
            }
            // A closer look keeps what only seemed a face out of the tracks.
            let closer = self.detector.near(&self.gray, detection.box_px);
            match closer {
                Some(closer) if !found.iter().any(|f| same_face(&f.box_px, &closer.box_px)) => {
                    found.push(closer);
                }
                None if detection.score >= PLAIN_SCORE => found.push(detection),
                _ => {}
            }
        }
        found
    }

    /// One part of a full scan: every second time the whole picture for faces of twice the smallest size, else the
    /// next tile for the small ones.
    fn scan_slice(&mut self, min_face_px: f32) -> Vec<Detection> {
        let slice = self.slice;
        self.slice += 1;
        let (w, h) = (self.gray.width_px as f32, self.gray.height_px as f32);
        if slice.is_multiple_of(2) {
            return self.detector.scan(&self.gray, 2.0 * min_face_px);
        }
        let (across, down) = TILES;
        let tile = (slice / 2) as usize % (across * down);
        let (tw, th) = (w / across as f32, h / down as f32);
        // Wide enough that a face of twice the smallest size lies whole in one tile.
        let margin = 1.25 * min_face_px;
        let region = BoxPx {
            x: (tile % across) as f32 * tw - margin,
            y: (tile / across) as f32 * th - margin,
            w: tw + 2.0 * margin,
            h: th + 2.0 * margin,
        };
        self.detector.scan_region(&self.gray, region, min_face_px)
    }
}

fn same_face(a: &BoxPx, b: &BoxPx) -> bool {
    if a.iou(b) > SAME_FACE_IOU {
        return true;
    }
    let w = (a.x + a.w).min(b.x + b.w) - a.x.max(b.x);
    let h = (a.y + a.h).min(b.y + b.h) - a.y.max(b.y);
    let smaller = (a.w * a.h).min(b.w * b.h);
    w > 0.0 && h > 0.0 && w * h > INSIDE * smaller
}

/// Keeps the plainest of each face's boxes.
fn merge(found: &mut Vec<Detection>) {
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Detection> = Vec::with_capacity(found.len());
    for detection in found.drain(..) {
        if !kept.iter().any(|k| same_face(&k.box_px, &detection.box_px)) {
            kept.push(detection);
        }
    }
    *found = kept;
}
