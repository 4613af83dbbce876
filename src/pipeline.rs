//! Frame in, analysis out. No thread, no window, no clock of its own: time is what the frames say.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use smallvec::SmallVec;

use crate::analysis::{Analysis, Crop, Crops, Place, Reading, Readings, Record, Status};
use crate::face::cropped;
use crate::face::finder::{Finder, FinderError, Found, Schedule, Work};
use crate::face::track::FORGET_S;
use crate::frame::Frame;
use crate::labels::Estimate;
use crate::model::config::StudentConfig;
use crate::model::student::{Features, NetworkError, Student};
use crate::session::Tuning;

/// Why a frame could not be analysed.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The detector or the landmark network cannot be made.
    #[error(transparent)]
    Finder(#[from] FinderError),
    /// The network failed.
    #[error(transparent)]
    Network(#[from] NetworkError),
}

/// A face of a frame with its features, not yet read within its sequence.
#[derive(Debug, Clone)]
pub struct Observed {
    /// Where it was found; `None` for a face that was given cropped.
    pub place: Option<Place>,
    /// What the network sees of it, with its id.
    pub crop: Crop,
    /// What the network knows of it.
    pub features: Features,
}

impl Observed {
    /// The row of this face, given what was read in it.
    pub fn reading(&self, estimate: Estimate) -> Reading {
        Reading {
            face_id: self.crop.face_id,
            place: self.place,
            estimate,
        }
    }
}

/// A face of a frame, cropped as the network takes it, and not yet read.
#[derive(Debug, Clone)]
pub struct Face {
    /// Where it was found; `None` for a face that was given cropped.
    pub place: Option<Place>,
    /// What the network will see of it, with its id.
    pub crop: Crop,
}

/// The first half of the way: the faces of a frame, in order of their ids.
pub fn find_faces(finder: &mut Finder, frame: &Frame, tuning: &Tuning) -> Vec<Face> {
    let found = finder.find(frame, tuning);
    found.iter().map(Face::from).collect()
}

impl From<&Found> for Face {
    fn from(found: &Found) -> Self {
        Self {
            place: Some(Place {
                detection_score: found.detection.score,
                box_px: found.detection.box_px,
                landmarks_px: found.landmarks_px,
            }),
            crop: found.crop.clone(),
        }
    }
}

/// The first half for a picture that is a face already, cropped and aligned as Aff-Wild2's `cropped_aligned` are: the
/// reference's preprocessing in place of detection (see [`cropped::prepare`]). Its face has the id 1.
pub fn given_face(frame: &Frame, config: &StudentConfig) -> Face {
    Face {
        place: None,
        crop: cropped::prepare(frame, config),
    }
}

/// The second half of the way: the network's features of some faces, of one frame or of several, in their order.
///
/// # Errors
/// When the network fails.
pub fn read_faces(student: &Student, faces: Vec<Face>) -> Result<Vec<Observed>, NetworkError> {
    let (places, crops): (Vec<Option<Place>>, Vec<Crop>) = faces
        .into_iter()
        .map(|face| (face.place, face.crop))
        .unzip();
    let features = student.features(&crops)?;
    let faces = places.into_iter().zip(crops).zip(features);
    Ok(faces
        .map(|((place, crop), features)| Observed {
            place,
            crop,
            features,
        })
        .collect())
}

/// A face's past, for the live policy.
#[derive(Default)]
struct History {
    steps: VecDeque<(f64, Features)>,
}

struct Pending {
    frame: Arc<Frame>,
    faces: SmallVec<[(Reading, Crop); 2]>,
}

/// What a step gives: mostly the analysis of one frame.
pub type Analyses = SmallVec<[Analysis; 1]>;

/// Records that go round, so that a frame whose record nobody holds any more gives its place to a later one.
#[derive(Default)]
struct Records {
    held: VecDeque<Arc<Record>>,
}

impl Records {
    /// More than wait for the window while it keeps up.
    const MOST: usize = 16;

    fn put(&mut self, record: Record) -> Arc<Record> {
        if let Some(mut oldest) = self.held.pop_front() {
            if let Some(place) = Arc::get_mut(&mut oldest) {
                *place = record;
                self.held.push_back(oldest.clone());
                return oldest;
            }
            if self.held.len() + 1 < Self::MOST {
                self.held.push_front(oldest);
            }
        }
        let new = Arc::new(record);
        self.held.push_back(new.clone());
        new
    }
}

/// The live pipeline: detect, align, read each face within its own recent past.
pub struct Pipeline {
    finder: Finder,
    student: Arc<Student>,
    tuning: Tuning,
    histories: HashMap<u32, History>,
    pending: VecDeque<Pending>,
    /// Which steps of a face's history make the window at hand.
    chosen: Vec<usize>,
    /// Of the frame at hand, kept for their room.
    faces: Vec<Face>,
    crops: Vec<Crop>,
    features: Vec<Features>,
    records: Records,
}

impl Pipeline {
    /// A pipeline around a network.
    ///
    /// # Errors
    /// When a built-in model is damaged.
    pub fn new(
        student: impl Into<Arc<Student>>,
        schedule: Schedule,
        tuning: Tuning,
    ) -> Result<Self, PipelineError> {
        let student = student.into();
        Ok(Self {
            finder: Finder::new(schedule, student.config())?,
            student,
            tuning,
            histories: HashMap::new(),
            pending: VecDeque::new(),
            chosen: Vec::new(),
            faces: Vec::new(),
            crops: Vec::new(),
            features: Vec::new(),
            records: Records::default(),
        })
    }

    /// The network.
    pub fn student(&self) -> &Student {
        &self.student
    }

    /// How much work finding faces was since the beginning or the last [`Pipeline::reset`].
    pub fn finding(&self) -> Work {
        self.finder.work()
    }

    /// New settings, from the next frame on.
    pub fn tune(&mut self, tuning: Tuning) {
        self.tuning = tuning;
    }

    /// When the whole picture is searched, from the next frame on.
    pub fn set_schedule(&mut self, schedule: Schedule) {
        self.finder.set_schedule(schedule);
    }

    /// Forgets all faces and frames: a new source begins.
    pub fn reset(&mut self) {
        self.finder.reset();
        self.histories.clear();
        self.pending.clear();
    }

    /// Faces and features of one frame: what live and offline have in common.
    ///
    /// # Errors
    /// When the network fails.
    pub fn observe(&mut self, frame: &Frame) -> Result<Vec<Observed>, PipelineError> {
        let faces = find_faces(&mut self.finder, frame, &self.tuning);
        Ok(read_faces(&self.student, faces)?)
    }

    /// How long the look-ahead holds a frame back, seconds.
    pub fn lookahead_s(&self) -> f64 {
        match self.student.window() {
            Some((window, rate_hz)) => self.tuning.lookahead.min(window - 1) as f64 / rate_hz,
            None => 0.0,
        }
    }

    /// Takes a frame; gives the analysis of the newest frame whose future is known: with no look-ahead this one, else
    /// an earlier one, picture and all, so that what is shown belongs together. Earlier ones that became ready with
    /// it come first. In the steady state nothing is allocated.
    ///
    /// # Errors
    /// When the network fails.
    pub fn step(&mut self, frame: Arc<Frame>) -> Result<Analyses, PipelineError> {
        let same = Arc::clone(&frame);
        let analyses = self.step_timed(frame, |_| None)?;
        self.step_rest(&same);
        Ok(analyses)
    }

    /// The same as soon as it is known, for whoever shows it: [`Pipeline::step_rest`] is still to be done.
    /// `latency_ms` says how long each frame took, when its record is made.
    ///
    /// # Errors
    /// As [`Pipeline::step`].
    pub fn step_timed(
        &mut self,
        frame: Arc<Frame>,
        latency_ms: impl Fn(&Frame) -> Option<f64>,
    ) -> Result<Analyses, PipelineError> {
        let time_s = frame.stamp.time_s;
        let found = self.finder.find_first(&frame, &self.tuning);
        self.faces.clear();
        self.faces.extend(found.iter().map(Face::from));
        self.crops.clear();
        self.crops.extend(self.faces.iter().map(|f| f.crop.clone()));
        self.student
            .features_into(&self.crops, &mut self.features)?;
        let mut faces = SmallVec::new();
        for (face, features) in self.faces.drain(..).zip(self.features.drain(..)) {
            let reading = Reading {
                face_id: face.crop.face_id,
                place: face.place,
                // Until its future is known, what the CNN alone says stands in; nobody sees it.
                estimate: features.alone,
            };
            let history = self.histories.entry(reading.face_id).or_default();
            history.steps.push_back((time_s, features));
            faces.push((reading, face.crop));
        }
        // No crop is held longer than its frame.
        self.crops.clear();
        self.pending.push_back(Pending { frame, faces });
        self.forget(time_s);
        let ready_s = time_s - self.lookahead_s() + 1e-6;
        self.release(|pending| pending.frame.stamp.time_s <= ready_s, latency_ms)
    }

    /// What [`Pipeline::step_timed`] left to do on the same frame for the frames to come (see [`Finder::find_rest`]).
    pub fn step_rest(&mut self, frame: &Frame) {
        self.finder.find_rest(frame);
    }

    /// The analyses still held back, read with what future there is: at the end of a source.
    ///
    /// # Errors
    /// When the network fails.
    pub fn flush(&mut self) -> Result<Analyses, PipelineError> {
        self.flush_timed(|_| None)
    }

    /// The same; `latency_ms` as in [`Pipeline::step_timed`].
    ///
    /// # Errors
    /// When the network fails.
    pub fn flush_timed(
        &mut self,
        latency_ms: impl Fn(&Frame) -> Option<f64>,
    ) -> Result<Analyses, PipelineError> {
        self.release(|_| true, latency_ms)
    }

    fn release(
        &mut self,
        ready: impl Fn(&Pending) -> bool,
        latency_ms: impl Fn(&Frame) -> Option<f64>,
    ) -> Result<Analyses, PipelineError> {
        let mut out = Analyses::new();
        while self.pending.front().is_some_and(&ready) {
            let Some(Pending { frame, faces }) = self.pending.pop_front() else {
                break;
            };
            let mut readings = Readings::new();
            let mut crops = Crops::new();
            for (mut reading, crop) in faces {
                reading.estimate = self.read(reading.face_id, frame.stamp.time_s)?;
                readings.push(reading);
                crops.push(crop);
            }
            let record = self.records.put(Record {
                stamp: frame.stamp,
                file: frame.file.clone(),
                status: if readings.is_empty() {
                    Status::NoFace
                } else {
                    Status::Ok
                },
                readings,
                latency_ms: latency_ms(&frame),
            });
            out.push(Analysis {
                frame,
                record,
                crops,
            });
        }
        Ok(out)
    }

    /// The face at a time, read within its past (and as much future as the look-ahead has gathered), sampled at the
    /// training rate by the clock: a camera of 15 or 60 frames a second gives the network the same 30.
    fn read(&mut self, face_id: u32, time_s: f64) -> Result<Estimate, PipelineError> {
        let Some(History { steps }) = self.histories.get(&face_id) else {
            return Err(NetworkError::NotANumber.into());
        };
        let (window, rate_hz) = self.student.window().unwrap_or((1, 30.0));
        let ahead = self.tuning.lookahead.min(window - 1);
        let half_step_s = 0.5 / rate_hz;
        let (first_s, last_s) = match (steps.front(), steps.back()) {
            (Some(first), Some(last)) => (first.0 - half_step_s, last.0 + half_step_s),
            _ => return Err(NetworkError::NotANumber.into()),
        };
        let chosen = &mut self.chosen;
        chosen.clear();
        let mut position = 0;
        for k in 0..window {
            let offset = k as f64 - (window - 1 - ahead) as f64;
            let at_s = time_s + offset / rate_hz;
            // Before the face was first seen, and after the newest frame, there is nothing to read.
            if at_s < first_s || at_s > last_s {
                continue;
            }
            let away_s = |i: &usize| (steps[*i].0 - at_s).abs();
            let nearest = (0..steps.len()).min_by(|a, b| away_s(a).total_cmp(&away_s(b)));
            if let Some(nearest) = nearest {
                if offset <= 0.0 {
                    position = chosen.len();
                }
                chosen.push(nearest);
            }
        }
        // A face seen for less than a window is read as a file shorter than one is: its last step repeated.
        if let Some(&last) = chosen.last() {
            chosen.resize(window.max(chosen.len()), last);
        }
        let step = |i: usize| &steps[chosen[i]].1;
        Ok(self.student.read_step(chosen.len(), step, position)?)
    }

    /// Drops what no later reading can need.
    fn forget(&mut self, time_s: f64) {
        let (window, rate_hz) = self.student.window().unwrap_or((1, 30.0));
        let keep_s = window as f64 / rate_hz + self.lookahead_s() + 0.1;
        self.histories.retain(|_, history| {
            while history
                .steps
                .front()
                .is_some_and(|(s, _)| time_s - s > keep_s)
                && history.steps.len() > 1
            {
                history.steps.pop_front();
            }
            history
                .steps
                .back()
                .is_some_and(|(s, _)| (0.0..=FORGET_S + keep_s).contains(&(time_s - s)))
        });
    }
}
