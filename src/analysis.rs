//! What the pipeline says of one frame: the one type that rows, plots and pictures are made from.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::frame::{Frame, FrameStamp, Pixels};
use crate::labels::Estimate;

/// An upright box in the picture, in pixels; may reach over the picture's edge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BoxPx {
    /// Left edge.
    pub x: f32,
    /// Upper edge.
    pub y: f32,
    /// Width, above 0.
    pub w: f32,
    /// Height, above 0.
    pub h: f32,
}

impl BoxPx {
    /// The centre, `(x, y)`.
    pub fn center(&self) -> (f32, f32) {
        (self.x + self.w / 2.0, self.y + self.h / 2.0)
    }

    /// Intersection over union with another box, 0..=1.
    pub fn iou(&self, other: &Self) -> f32 {
        let w = (self.x + self.w).min(other.x + other.w) - self.x.max(other.x);
        let h = (self.y + self.h).min(other.y + other.h) - self.y.max(other.y);
        if w <= 0.0 || h <= 0.0 {
            return 0.0;
        }
        let both = w * h;
        both / (self.w * self.h + other.w * other.h - both)
    }
}

/// Five points in pixels of the picture, `[x, y]` each, in the order of [`LANDMARK_NAMES`].
pub type Landmarks = [[f32; 2]; 5];

/// The landmarks' names in files. "Image left" is the left of the picture as stored, whoever's left that is.
pub const LANDMARK_NAMES: [&str; 5] = [
    "eye_image_left",
    "eye_image_right",
    "nose_tip",
    "mouth_image_left",
    "mouth_image_right",
];

/// Why a row has numbers, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// A face was found and read.
    Ok,
    /// The frame was looked at; nobody is in it.
    NoFace,
    /// The frame was captured and never looked at: a newer one had come.
    Dropped,
    /// The frame or file could not be decoded.
    Unreadable,
    /// Among crops of a video: there is none of this number.
    Missing,
}

impl Status {
    /// The word in the column `status`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NoFace => "no_face",
            Self::Dropped => "dropped",
            Self::Unreadable => "unreadable",
            Self::Missing => "missing",
        }
    }
}

/// One face on one frame, in numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// Stays with the face as long as it is tracked; counts from 1.
    pub face_id: u32,
    /// Where it was found; `None` for a picture that was given as a face already cropped.
    pub place: Option<Place>,
    /// What the network reads in it.
    pub estimate: Estimate,
}

impl Reading {
    /// The area of its box in square pixels; 0 where it has none.
    pub fn area_px2(&self) -> f32 {
        self.place.map_or(0.0, |p| p.box_px.w * p.box_px.h)
    }
}

/// Where a face is in its picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// The detector's score of this face when it last looked at it, which it does every few frames; about 2 (barely) to
    /// 60 and more (plain).
    pub detection_score: f32,
    /// The detector's box; between its looks it moves, grows and shrinks with the landmarks.
    pub box_px: BoxPx,
    /// The five landmarks.
    pub landmarks_px: Landmarks,
}

/// The readings of a frame: those of one or two faces without a place of their own in memory.
pub type Readings = SmallVec<[Reading; 2]>;

/// The crops of a frame, likewise.
pub type Crops = SmallVec<[Crop; 2]>;

/// All that is known of one frame, without its pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Which frame.
    pub stamp: FrameStamp,
    /// The file it came from, where a source has one file a frame.
    pub file: Option<Arc<str>>,
    /// [`Status::Ok`] exactly when `readings` is not empty.
    pub status: Status,
    /// One for each face, in order of their ids.
    pub readings: Readings,
    /// From capture to the end of the analysis, milliseconds; `None` for a file.
    pub latency_ms: Option<f64>,
}

impl Record {
    /// A record of a frame that has no reading, for the reason given.
    pub fn empty(stamp: FrameStamp, file: Option<Arc<str>>, status: Status) -> Self {
        Self {
            stamp,
            file,
            status,
            readings: Readings::new(),
            latency_ms: None,
        }
    }

    /// The reading of the face with this id.
    pub fn face(&self, face_id: u32) -> Option<&Reading> {
        self.readings.iter().find(|r| r.face_id == face_id)
    }
}

/// An aligned face, just as the network sees it: `side x side` pixels of 1 or 3 channels.
#[derive(Clone, PartialEq)]
pub struct Crop {
    /// The face it shows.
    pub face_id: u32,
    /// Pixels on each side (112).
    pub side_px: usize,
    /// 1 (grey) or 3 (RGB).
    pub channels: usize,
    /// `[side, side, channels]`, 0..=255.
    pub pixels: Pixels,
}

impl std::fmt::Debug for Crop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Crop(face {}, {}x{}x{})",
            self.face_id, self.side_px, self.side_px, self.channels
        )
    }
}

/// A frame with its record and the crops of its faces.
#[derive(Debug, Clone)]
pub struct Analysis {
    /// The picture.
    pub frame: Arc<Frame>,
    /// What was read in it.
    pub record: Arc<Record>,
    /// One for each of the record's readings, in the same order.
    pub crops: Crops,
}
