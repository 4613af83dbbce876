//! Faces with ids, landmarks and crops on each frame: the detector's schedule lives here.
//!
//! A face that was found is followed by its landmarks, which cost a twentieth of a look with the detector: the landmark
//! network is run again in the box that the last landmarks say. The detector looks near the face every few frames, and
//! at once when the landmarks are no longer sure of what they follow. New faces are searched for where the picture has
//! changed since it was last searched.
//!
//! Live, what the detector does for a face that is surely followed, and for faces beside it, waits until the frame is
//! out ([`Finder::find_rest`]): it would make that frame late and changes nothing on it that anybody could see.

mod follow;
mod hunt;

use super::align;
use super::carry::{Carried, apart};
use super::changes::Changes;
use super::detect::{Detection, Detector, DetectorError};
use super::gray::Gray;
use super::landmarks::{LandmarkNet, Settled};
use super::search::Portion;
use super::track::{Look, Sighting, Tracker};
use crate::analysis::{BoxPx, Crop, Landmarks};
use crate::frame::{Frame, PixelPool};
use crate::model::config::{CROP_SIDE_PX, Color, StudentConfig};
use crate::model::weights::WeightsError;
use crate::session::{Faces, Tuning};

/// When the picture is searched, and how much of it at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schedule {
    /// Whatever is due, at once: what a file wants.
    Thorough,
    /// In slices, one a frame at the most, and behind the frame where a face is followed already, so that no frame
    /// takes long: what a live picture wants.
    Spread,
    /// The whole picture on every frame, and nothing followed: slow, to measure the others against.
    EveryFrame,
}

/// A face with a lower score must be seen again in a closer look when it is new, and on every frame after.
const PLAIN_SCORE: f32 = 12.0;

/// What the landmark network gives less than this for is no face, whatever the detector says.
const NO_FACE: f32 = 0.1;

/// Two boxes that share more than this are one face.
const SAME_FACE_IOU: f32 = 0.35;
/// So are two of which the smaller lies in the larger by more than this.
const INSIDE: f32 = 0.6;
/// Most crops that go round.
const MOST_CROPS: usize = 64;

/// A face on a frame, not yet read.
#[derive(Debug, Clone)]
pub struct Found {
    /// Where, and how plainly when the detector last looked.
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

/// How much work was done since the beginning or the last [`Finder::reset`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Frames taken.
    pub frames: u64,
    /// Looks of the detector at one face.
    pub checks: u64,
    /// Searches of the picture or of a part of it.
    pub searches: u64,
    /// Runs of the landmark network.
    pub landmarks: u64,
}

/// A face that is followed.
struct Face {
    found: Found,
    look: Option<Look>,
    /// The detector's box, as the landmarks carry it.
    carried: Carried,
    /// When the detector last looked, and what the face looked like then.
    checked_s: f64,
    checked_look: Option<Look>,
    /// How much it looks like it did then.
    likeness: f32,
}

/// Landmarks and crop of a face, and how they were come by.
struct Aligned {
    landmarks_px: Landmarks,
    crop: Crop,
    look: Option<Look>,
    /// How far the landmarks' box is from where they were looked for.
    strayed: f32,
    /// How likely it is a face, as the landmark network says, if it says.
    face: Option<f32>,
}

/// What waits until the frame is out.
#[derive(Debug, Clone, Copy)]
struct Rest {
    min_face_px: f32,
    /// The detector has looked at a face on this frame.
    looked: bool,
    /// The face that it is to look at, which the landmarks are sure of.
    due_id: Option<u32>,
}

/// Finds, aligns and follows faces. Not `Send`.
pub struct Finder {
    detector: Detector,
    landmarks: LandmarkNet,
    tracker: Tracker,
    changes: Changes,
    gray: Gray,
    crops: PixelPool,
    schedule: Schedule,
    color: Color,
    resize_px: usize,
    /// The faces of the last frame, or of this one as they come. Those found when it was out have no id yet (0).
    faces: Vec<Face>,
    /// While a frame is worked on: the faces of the one before.
    last: Vec<Face>,
    /// Boxes of the faces lost on this frame.
    lost: Vec<BoxPx>,
    /// What is still to be searched, the most urgent last.
    portions: Vec<Portion>,
    sightings: Vec<Sighting>,
    out: Vec<Found>,
    whole_s: Option<f64>,
    slice_s: f64,
    /// While a frame is worked on: the face whose check may wait.
    due_id: Option<u32>,
    rest: Option<Rest>,
    work: Work,
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
            changes: Changes::default(),
            gray: Gray::default(),
            crops: PixelPool::new(MOST_CROPS),
            schedule,
            color: config.backbone.color,
            resize_px: config.resize_px(),
            faces: Vec::new(),
            last: Vec::new(),
            lost: Vec::new(),
            portions: Vec::new(),
            sightings: Vec::new(),
            out: Vec::new(),
            whole_s: None,
            slice_s: f64::NEG_INFINITY,
            due_id: None,
            rest: None,
            work: Work::default(),
        })
    }

    /// Another schedule, from the next frame on.
    pub fn set_schedule(&mut self, schedule: Schedule) {
        self.schedule = schedule;
        self.portions.clear();
        self.rest = None;
    }

    /// Forgets every face; ids begin at 1 again.
    pub fn reset(&mut self) {
        self.tracker = Tracker::new();
        self.changes = Changes::default();
        self.faces.clear();
        self.portions.clear();
        self.out.clear();
        self.whole_s = None;
        self.slice_s = f64::NEG_INFINITY;
        self.rest = None;
        self.work = Work::default();
    }

    /// How much work was done.
    pub fn work(&self) -> Work {
        self.work
    }

    /// The faces of a frame, in order of their ids, and all work for the frames to come.
    pub fn find(&mut self, frame: &Frame, tuning: &Tuning) -> &[Found] {
        self.find_first(frame, tuning);
        self.find_rest(frame);
        &self.out
    }

    /// The faces of a frame, in order of their ids, as soon as they are known: for the frames to come something may be
    /// left to do, which is [`Finder::find_rest`].
    pub fn find_first(&mut self, frame: &Frame, tuning: &Tuning) -> &[Found] {
        self.work.frames += 1;
        self.gray.fill(frame);
        let time_s = frame.stamp.time_s;
        let min_face_px = (tuning.min_face * frame.height_px() as f32).max(12.0);
        std::mem::swap(&mut self.faces, &mut self.last);
        self.faces.clear();
        self.lost.clear();
        (self.due_id, self.rest) = (None, None);
        if self.schedule == Schedule::EveryFrame {
            self.last.clear();
            self.search(frame, self.all(min_face_px), usize::MAX);
        } else {
            let anew = self.changes.see(&self.gray, min_face_px);
            if anew || self.changes.is_cut() {
                self.last.clear();
            }
            let checks = self.work.checks;
            self.follow(frame);
            self.find_hidden(frame);
            let looked = self.work.checks > checks;
            if self.schedule != Schedule::Spread {
                self.search_due(frame, min_face_px, anew);
            } else if anew || self.faces.is_empty() {
                // There is nothing that anybody waits for.
                self.search_slice(frame, min_face_px, anew, looked);
            } else {
                self.rest = Some(Rest {
                    min_face_px,
                    looked,
                    due_id: self.due_id,
                });
            }
        }
        self.name(time_s);

        self.out.clear();
        if tuning.faces == Faces::Largest {
            let area = |f: &Face| f.found.detection.box_px.w * f.found.detection.box_px.h;
            let largest = self.faces.iter().max_by(|a, b| area(a).total_cmp(&area(b)));
            self.out.extend(largest.map(|face| face.found.clone()));
        } else {
            self.out
                .extend(self.faces.iter().map(|face| face.found.clone()));
        }
        &self.out
    }

    /// What [`Finder::find_first`] left to do on the same frame: a look of the detector at a face that the landmarks are
    /// sure of, and a slice of the search for others. What comes of it shows on the next frame.
    pub fn find_rest(&mut self, frame: &Frame) {
        let Some(rest) = self.rest.take() else {
            return;
        };
        let looked = rest.due_id.is_some_and(|id| self.check_followed(frame, id));
        self.search_slice(frame, rest.min_face_px, false, rest.looked || looked);
    }

    fn has(&self, box_px: &BoxPx) -> bool {
        self.faces
            .iter()
            .any(|f| same_face(&f.found.detection.box_px, box_px))
    }

    /// A closer look of the detector at a face.
    fn check(&mut self, near_px: BoxPx) -> Option<Detection> {
        self.work.checks += 1;
        self.detector.near(&self.gray, near_px)
    }

    /// A face as the detector has just seen it; `None` where the landmark network sees none.
    fn face(&mut self, frame: &Frame, seen: Detection) -> Option<Face> {
        let aligned = self.align(frame, seen.box_px)?;
        if aligned.face.is_some_and(|face| face < NO_FACE) {
            return None;
        }
        Some(Face {
            carried: Carried::of(&seen.box_px, &aligned.landmarks_px)?,
            look: aligned.look,
            found: Found {
                detection: seen,
                landmarks_px: aligned.landmarks_px,
                crop: aligned.crop,
            },
            checked_s: frame.stamp.time_s,
            checked_look: aligned.look,
            likeness: 1.0,
        })
    }

    /// Landmarks and crop of the face in a box. Whoever made the box, the landmark network looks again in the box that
    /// its landmarks say when that is another one, so that they do not depend on it.
    fn align(&mut self, frame: &Frame, near_px: BoxPx) -> Option<Aligned> {
        let Settled {
            landmarks_px,
            box_px,
            looks,
            face,
        } = self.landmarks.settle(&self.gray, near_px)?;
        self.work.landmarks += looks;
        let kind = (self.color, self.resize_px);
        let pixels = align::crop(frame, &self.gray, &landmarks_px, kind, &mut self.crops)?;
        let channels = self.color.channels();
        Some(Aligned {
            landmarks_px,
            look: Look::of_crop(&pixels, CROP_SIDE_PX, channels),
            crop: Crop {
                face_id: 0,
                side_px: CROP_SIDE_PX,
                channels,
                pixels,
            },
            strayed: apart(&box_px, &near_px),
            face,
        })
    }

    /// Gives the faces their ids and sorts them by these.
    fn name(&mut self, time_s: f64) {
        self.sightings.clear();
        self.sightings
            .extend(self.faces.iter().map(|face| Sighting {
                box_px: face.found.detection.box_px,
                look: face.look,
            }));
        let ids = self.tracker.update(time_s, &self.sightings);
        for (face, id) in self.faces.iter_mut().zip(ids) {
            face.found.crop.face_id = *id;
        }
        self.faces
            .sort_unstable_by_key(|face| face.found.crop.face_id);
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
