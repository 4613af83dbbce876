//! Faces with ids, landmarks and crops on each frame: the detector's schedule lives here.
//!
//! A face that was found is followed by its landmarks, which cost a twentieth of a look with the detector: the landmark
//! network is run again in the box that the last landmarks say. The detector looks near the face every few frames, and
//! at once when the landmarks are no longer sure of what they follow. New faces are searched for where the picture has
//! changed since it was last searched.

use super::align;
use super::carry::{Carried, USUAL, apart, misfit};
use super::changes::{Changes, Patience};
use super::detect::{Detection, Detector, DetectorError};
use super::gray::Gray;
use super::landmarks::LandmarkNet;
use super::search::{Portion, clipped, plan};
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
    /// In slices, one a frame at the most, so that no frame takes long: what a live picture wants.
    Spread,
    /// The whole picture on every frame, and nothing followed: slow, to measure the others against.
    EveryFrame,
}

/// Seconds after which the detector looks again at a face that is followed.
const CHECK_S: f64 = 0.15;
/// A face with a lower score must be seen again in a closer look when it is new, and on every frame after.
const PLAIN_SCORE: f32 = 12.0;
/// Landmarks are sure of their face while it looks this much like it did when the detector last saw it,
const LIKENESS: f32 = 0.85;
/// while their shape is within so many pixels of the template's,
const MISFIT_PX: f64 = 6.0;
/// and while their box is not further than this from where it was looked for (see [`apart`]).
const STRAY: f32 = 0.25;
/// A box that is further from where it was looked for makes the landmark network look again.
const REFINE: f32 = 0.06;
/// The detector sees the face that the landmarks follow while their boxes are no further apart than this.
const SAME_PLACE: f32 = 0.4;
/// How much of a new look of the detector goes into the box that the landmarks carry.
const NEW_BOX: f64 = 0.3;

/// Seconds after which the whole picture is searched again, whatever has changed.
const WHOLE_S: f64 = 5.0;
/// The same while nobody is in it.
const WHOLE_EMPTY_S: f64 = 1.0;
/// How long changes wait while faces are followed, and while none is.
const PATIENCE: Patience = Patience {
    fresh_s: 0.09,
    restless_s: 0.9,
};
const PATIENCE_EMPTY: Patience = Patience {
    fresh_s: 0.0,
    restless_s: 0.06,
};
/// A lost face is searched for around its place, in an area of this many times its size,
const LOST_AREA: f32 = 3.0;
/// if it is no smaller than this part of what it was.
const LOST_SIZE: f32 = 0.6;
/// Live: the most pixels that the detector is given at once; about 9 ms.
const SLICE_PX: f32 = 45_000.0;
/// Live: seconds between two slices while a face is followed.
const SLICE_S: f64 = 0.1;
/// Live: most portions that wait.
const MOST_PORTIONS: usize = 256;

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
    /// The faces of the last frame, or of this one as they come.
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
            work: Work::default(),
        })
    }

    /// Another schedule, from the next frame on.
    pub fn set_schedule(&mut self, schedule: Schedule) {
        self.schedule = schedule;
        self.portions.clear();
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
        self.work = Work::default();
    }

    /// How much work was done.
    pub fn work(&self) -> Work {
        self.work
    }

    /// The faces of a frame, in order of their ids.
    pub fn find(&mut self, frame: &Frame, tuning: &Tuning) -> &[Found] {
        self.work.frames += 1;
        self.gray.fill(frame);
        let time_s = frame.stamp.time_s;
        let min_face_px = (tuning.min_face * frame.height_px() as f32).max(12.0);
        std::mem::swap(&mut self.faces, &mut self.last);
        self.faces.clear();
        self.lost.clear();
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
            match self.schedule {
                Schedule::Spread => self.search_slice(frame, min_face_px, anew, looked),
                _ => self.search_due(frame, min_face_px, anew),
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

    /// Takes the last frame's faces on to this one.
    fn follow(&mut self, frame: &Frame) {
        let time_s = frame.stamp.time_s;
        let live = self.schedule == Schedule::Spread;
        // Live, the face whose turn it is, and at no time more than it.
        let turns = self.last.iter().map(|f| f.checked_s);
        let turn_s = turns.fold(f64::INFINITY, f64::min);
        let mut had_turn = false;
        for i in 0..self.last.len() {
            let face = &self.last[i];
            let id = face.found.crop.face_id;
            let Some(track) = self.tracker.alive(time_s).iter().find(|t| t.id == id) else {
                continue;
            };
            let expected_px = track.predict(time_s);
            let from = face.found.detection.box_px;
            let (dx, dy) = (expected_px.x - from.x, expected_px.y - from.y);
            let moved = face.found.landmarks_px.map(|[x, y]| [x + dx, y + dy]);
            let aligned = USUAL.on(&moved).and_then(|b| self.align(frame, b));
            let face = &self.last[i];
            let score = face.found.detection.score;
            let (carried, checked_s, checked_look) =
                (face.carried, face.checked_s, face.checked_look);
            // What the landmarks say, if they are sure.
            let followed = aligned.and_then(|aligned| {
                let likeness = match (&aligned.look, &checked_look) {
                    (Some(a), Some(b)) => a.likeness(b),
                    _ => 0.0,
                };
                let box_px = carried.on(&aligned.landmarks_px)?;
                let sure = likeness >= LIKENESS
                    && aligned.strayed <= STRAY
                    && misfit(&aligned.landmarks_px) <= MISFIT_PX;
                Some((aligned, box_px, likeness, sure))
            });
            let mut due =
                score < PLAIN_SCORE || !(0.0..CHECK_S).contains(&(time_s - checked_s + 1e-6));
            if live {
                due &= checked_s <= turn_s && !had_turn;
                had_turn |= due;
            }
            if let Some((aligned, box_px, likeness, true)) = followed {
                let mut face = Face {
                    look: aligned.look,
                    found: Found {
                        detection: Detection { box_px, score },
                        landmarks_px: aligned.landmarks_px,
                        crop: aligned.crop,
                    },
                    carried,
                    checked_s,
                    checked_look,
                    likeness,
                };
                if due {
                    match self.check(box_px) {
                        Some(seen) => self.confirm(frame, face, seen),
                        None => self.lost.push(box_px),
                    }
                } else {
                    face.found.crop.face_id = id;
                    self.keep(face);
                }
                continue;
            }
            // Something is wrong: the detector decides where it is, if it is.
            let mut seen = self.check(expected_px);
            if seen.is_none()
                && let Some((_, box_px, ..)) = &followed
            {
                seen = self.check(*box_px);
            }
            let face = seen.and_then(|seen| match followed {
                Some((aligned, box_px, likeness, _)) if apart(&box_px, &seen.box_px) <= STRAY => {
                    // The landmarks are right; it looks another way now.
                    let face = Face {
                        look: aligned.look,
                        found: Found {
                            detection: Detection { box_px, score },
                            landmarks_px: aligned.landmarks_px,
                            crop: aligned.crop,
                        },
                        carried,
                        checked_s,
                        checked_look,
                        likeness,
                    };
                    Some((face, seen))
                }
                _ => self.face(frame, seen).map(|face| (face, seen)),
            });
            match face {
                Some((face, seen)) => self.confirm(frame, face, seen),
                None => self.lost.push(expected_px),
            }
        }
    }

    /// Keeps a face that the detector has seen on this frame: where the landmarks have it if the detector agrees, else
    /// where the detector has it.
    fn confirm(&mut self, frame: &Frame, mut face: Face, seen: Detection) {
        if apart(&face.found.detection.box_px, &seen.box_px) > SAME_PLACE {
            match self.face(frame, seen) {
                Some(anew) => face = anew,
                None => return,
            }
        }
        if let Some(new) = Carried::of(&seen.box_px, &face.found.landmarks_px) {
            face.carried = face.carried.towards(&new, NEW_BOX);
            if let Some(box_px) = face.carried.on(&face.found.landmarks_px) {
                face.found.detection.box_px = box_px;
            }
        }
        face.found.detection.score = seen.score;
        face.checked_s = frame.stamp.time_s;
        face.checked_look = face.look;
        self.keep(face);
    }

    /// Adds a face, unless it is there; of two that came to be one, the one that looks more like itself stays.
    fn keep(&mut self, face: Face) {
        let box_px = face.found.detection.box_px;
        let there = self
            .faces
            .iter_mut()
            .find(|f| same_face(&f.found.detection.box_px, &box_px));
        match there {
            None => self.faces.push(face),
            Some(there) if face.likeness > there.likeness => *there = face,
            Some(_) => {}
        }
    }

    /// Looks for the faces that were out of sight on the last frame already.
    fn find_hidden(&mut self, frame: &Frame) {
        let time_s = frame.stamp.time_s;
        let hidden = |t: &super::track::Track, last: &[Face]| {
            !last.iter().any(|f| f.found.crop.face_id == t.id)
        };
        let tracks = self.tracker.alive(time_s).iter();
        let count = tracks.filter(|t| hidden(t, &self.last)).count();
        // Live, one a frame.
        let turns = match self.schedule {
            Schedule::Spread => count.min(1),
            _ => count,
        };
        for turn in 0..turns {
            let nth = (self.work.frames as usize + turn) % count;
            let mut tracks = self.tracker.alive(time_s).iter();
            let expected = tracks.by_ref().filter(|t| hidden(t, &self.last)).nth(nth);
            let Some(expected_px) = expected.map(|t| t.predict(time_s)) else {
                continue;
            };
            if let Some(seen) = self.check(expected_px)
                && let Some(face) = self.face(frame, seen)
                && !self.has(&face.found.detection.box_px)
            {
                self.faces.push(face);
            }
        }
    }

    /// Searches at once what must be searched.
    fn search_due(&mut self, frame: &Frame, min_face_px: f32, anew: bool) {
        let time_s = frame.stamp.time_s;
        if self.whole_is_due(time_s, anew) {
            self.note_whole(time_s);
            self.search(frame, self.all(min_face_px), usize::MAX);
            return;
        }
        self.portions.clear();
        self.plan_lost(min_face_px);
        self.plan_changed(time_s, min_face_px, f32::INFINITY);
        let whole = self.all(min_face_px);
        let cost_px: f32 = self.portions.iter().map(Portion::cost_px).sum();
        if cost_px > whole.cost_px() {
            self.portions.clear();
            self.portions.push(whole);
        }
        while let Some(portion) = self.portions.pop() {
            self.search(frame, portion, usize::MAX);
        }
    }

    /// Searches one slice of what must be searched, if it is time for one.
    fn search_slice(&mut self, frame: &Frame, min_face_px: f32, anew: bool, looked: bool) {
        let time_s = frame.stamp.time_s;
        if self.whole_is_due(time_s, anew) {
            self.note_whole(time_s);
            self.portions.clear();
            let (all, size) = (self.all(min_face_px).region, self.size());
            plan(&mut self.portions, all, min_face_px, size, SLICE_PX);
        } else if self.portions.is_empty() {
            self.plan_changed(time_s, min_face_px, SLICE_PX);
        }
        self.plan_lost(min_face_px);
        self.portions.truncate(MOST_PORTIONS);
        let waited = !(0.0..SLICE_S).contains(&(time_s - self.slice_s));
        let empty = self.faces.is_empty();
        if (empty || (waited && !looked))
            && let Some(mut portion) = self.portions.pop()
        {
            self.slice_s = time_s;
            // While small faces are looked for everywhere, a large one that comes must not wait until all is done.
            let coarse_px = (self.all(1.0).cost_px() / SLICE_PX).sqrt();
            let turn = empty && self.changes.is_moving() && self.work.frames.is_multiple_of(2);
            if turn && portion.min_face_px < coarse_px {
                self.portions.push(portion);
                portion = self.all(coarse_px);
            }
            if !self.search(frame, portion, 1) {
                // Some of what it showed must be looked at more closely yet.
                self.portions.push(portion);
            }
        }
    }

    /// Plans a search around each face that was lost on this frame.
    fn plan_lost(&mut self, min_face_px: f32) {
        let whole = self.all(min_face_px).region;
        for lost in &self.lost {
            let min_face_px = (LOST_SIZE * lost.w).max(min_face_px);
            let region = clipped(lost, (LOST_AREA - 1.0) / 2.0 * lost.w, &whole);
            self.portions.push(Portion {
                region,
                min_face_px,
            });
        }
    }

    /// Plans a search of what has changed.
    fn plan_changed(&mut self, time_s: f64, min_face_px: f32, slice_px: f32) {
        let boxes = self.faces.iter().map(|f| f.found.detection.box_px);
        self.changes.mask(boxes);
        let patience = if self.faces.is_empty() {
            PATIENCE_EMPTY
        } else {
            PATIENCE
        };
        if let Some(changed) = self.changes.due(time_s, min_face_px, patience) {
            self.changes.searched(time_s, &changed);
            let size = self.size();
            plan(&mut self.portions, changed, min_face_px, size, slice_px);
        }
    }

    fn whole_is_due(&self, time_s: f64, anew: bool) -> bool {
        let most_s = if self.faces.is_empty() && self.last.is_empty() {
            WHOLE_EMPTY_S
        } else {
            WHOLE_S
        };
        let within = |s: f64| (0.0..most_s).contains(&(time_s - s));
        anew || self.changes.is_cut() || !self.whole_s.is_some_and(within)
    }

    fn note_whole(&mut self, time_s: f64) {
        self.whole_s = Some(time_s);
        self.changes.searched_whole(time_s);
    }

    fn size(&self) -> (usize, usize) {
        (self.gray.width_px, self.gray.height_px)
    }

    /// The whole picture.
    fn all(&self, min_face_px: f32) -> Portion {
        Portion {
            region: BoxPx {
                x: 0.0,
                y: 0.0,
                w: self.gray.width_px as f32,
                h: self.gray.height_px as f32,
            },
            min_face_px,
        }
    }

    /// Searches a portion and adds the faces that are new. A closer look keeps what only seemed a face out of the
    /// tracks; false if more than `looks` of them were needed.
    fn search(&mut self, frame: &Frame, portion: Portion, looks: usize) -> bool {
        self.work.searches += 1;
        let found = self
            .detector
            .scan_region(&self.gray, portion.region, portion.min_face_px);
        let mut looked = 0;
        for detection in found {
            if self.has(&detection.box_px) {
                continue;
            }
            let mut seen = detection;
            if detection.score < PLAIN_SCORE {
                if looked >= looks {
                    return false;
                }
                looked += 1;
                match self.check(detection.box_px) {
                    Some(closer) if !self.has(&closer.box_px) => seen = closer,
                    _ => continue,
                }
            }
            if let Some(face) = self.face(frame, seen) {
                self.faces.push(face);
            }
        }
        true
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

    /// A face as the detector has just seen it.
    fn face(&mut self, frame: &Frame, seen: Detection) -> Option<Face> {
        let aligned = self.align(frame, seen.box_px)?;
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
        self.work.landmarks += 1;
        let mut landmarks_px = self.landmarks.find(&self.gray, near_px);
        let mut box_px = USUAL.on(&landmarks_px)?;
        if apart(&box_px, &near_px) > REFINE {
            self.work.landmarks += 1;
            landmarks_px = self.landmarks.find(&self.gray, box_px);
            box_px = USUAL.on(&landmarks_px)?;
        }
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
