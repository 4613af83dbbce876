//! What the network said of a video, from a file of predictions.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::faces::Faces;
use super::track::{Rating, Track};
use crate::analysis::{BoxPx, Record, Status};
use crate::formats::labels::{Detail, Label, LabelError, LabelFormat, Person, read_predictions};
use crate::formats::sidecar::sidecar_path;
use crate::labels::Expression;

/// Which of a frame's faces is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum FaceChoice {
    /// The largest on each frame, as `evaluate` takes it.
    #[default]
    Largest,
    /// The left or the right one: labels of one of two people.
    Side(Person),
    /// The one with this id.
    Id(u32),
}

/// One face on one frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// The frame.
    pub frame: u32,
    /// The face, where the file tells.
    pub face_id: Option<u32>,
    /// Where it is.
    pub box_px: Option<BoxPx>,
    /// What is read in it.
    pub rating: Rating,
    /// Probabilities and uncertainties; NaN where the file has none.
    pub detail: Detail,
}

/// A face of the video and how many frames it is on; ids that are joined are one face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Face {
    /// Its id; where several are joined, the one that stands for all.
    pub id: u32,
    /// Frames with a reading of it.
    pub frames: usize,
    /// The first of them.
    pub first: usize,
    /// Frames with readings of several of its ids: that of [`Face::id`] counts, else the first in the table.
    pub both: usize,
}

/// The predictions for a video.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// The file they were read from; `None` for those that are being made.
    pub path: Option<PathBuf>,
    /// Whether the file is one of this program's own tables.
    pub ours: bool,
    /// The name of the weights that spoke, where the sidecar tells.
    pub weights: Option<String>,
    /// The sidecar's content, where there is one.
    pub sidecar: Option<Value>,
    /// Frames that the file speaks of.
    pub frames: usize,
    /// Time stamps of its frames, seconds; empty where it has none.
    pub times_s: Vec<f64>,
    /// Every face on every frame, by frame.
    rows: Vec<Row>,
    /// [`Model::rows`] of frame `i` begin at `starts[i]`.
    starts: Vec<u32>,
    statuses: Vec<Status>,
    choice: FaceChoice,
    /// Names of faces, and ids that are one.
    names: Faces,
    /// Why what lies beside the table says nothing of its faces.
    pub names_failed: Option<String>,
    /// Of each frame the chosen row, or [`NO_ROW`].
    chosen: Vec<u32>,
    track: Track,
}

const NO_ROW: u32 = u32::MAX;

/// A frame number above this is refused: columns are kept for every frame.
pub const MOST_FRAMES: usize = 20_000_000;

impl Model {
    /// Reads a file of predictions: our own rows, or any other format with frames.
    ///
    /// # Errors
    /// When the file cannot be read or is wrong, or speaks of no frames.
    pub fn read(path: &Path) -> Result<Self, LabelError> {
        let (labels, details) = read_predictions(path)?;
        let series = labels.series.into_iter().next();
        let series = series.filter(|s| s.labels.iter().any(|l| l.frame.is_some()));
        let Some(series) = series else {
            return Err(LabelError::Unknown {
                path: path.to_owned(),
                reason: "its rows have no frame numbers. Give a table of `affectscope analyze` or `record`, or a submission."
                    .to_owned(),
            });
        };
        let mut model = Self {
            path: Some(path.to_owned()),
            ..Self::default()
        };
        model.add(&series.labels, details.as_deref());
        model.ours = labels.format == LabelFormat::Affectscope;
        if model.ours {
            model.sidecar = std::fs::read_to_string(sidecar_path(path))
                .ok()
                .and_then(|text| serde_json::from_str::<Value>(&text).ok())
                .filter(|value| value["program"] == "affectscope");
            let name = model
                .sidecar
                .as_ref()
                .and_then(|s| s["weights"]["name"].as_str());
            model.weights = name.map(str::to_owned);
        }
        match Faces::read(path) {
            Ok(names) => model.set_names(names),
            Err(e) => model.names_failed = Some(e.to_string()),
        }
        Ok(model)
    }

    /// Predictions from labels with frames; `details` one for each.
    pub fn from_labels(labels: &[Label], details: Option<&[Detail]>) -> Self {
        let mut model = Self::default();
        model.add(labels, details);
        model
    }

    fn add(&mut self, labels: &[Label], details: Option<&[Detail]>) {
        let frame_of = |l: &Label| {
            let frame = usize::try_from(l.frame?).ok()?;
            (frame < MOST_FRAMES).then_some(frame)
        };
        self.frames = labels
            .iter()
            .filter_map(frame_of)
            .max()
            .map_or(0, |f| f + 1);
        self.statuses = vec![Status::Missing; self.frames];
        self.times_s = vec![f64::NAN; self.frames];
        for (i, label) in labels.iter().enumerate() {
            let Some(frame) = frame_of(label) else {
                continue;
            };
            if let Some(time_s) = label.time_s {
                self.times_s[frame] = time_s;
            }
            let detail = details.and_then(|d| d.get(i)).copied().unwrap_or(Detail {
                status: if label.is_valid() {
                    Status::Ok
                } else {
                    Status::NoFace
                },
                probabilities: [f32::NAN; Expression::COUNT],
                valence_sd: f32::NAN,
                arousal_sd: f32::NAN,
            });
            self.statuses[frame] = detail.status;
            if label.is_valid() {
                self.rows.push(Row {
                    frame: frame as u32,
                    face_id: label.face_id,
                    box_px: label.box_px,
                    rating: Rating {
                        expression: label.expression,
                        valence: label.valence,
                        arousal: label.arousal,
                    },
                    detail,
                });
            }
        }
        if self.times_s.iter().all(|t| t.is_nan()) {
            self.times_s.clear();
        }
        self.rows.sort_by_key(|r| r.frame);
        self.index();
        self.choose(FaceChoice::default());
    }

    /// Takes records as they come from an analysis, in the order of their frames; an older frame than the last is
    /// passed over.
    pub fn extend(&mut self, records: &[Record]) {
        if self.starts.is_empty() {
            self.starts.push(0);
        }
        for record in records {
            let Ok(frame) = usize::try_from(record.stamp.index) else {
                continue;
            };
            if frame < self.frames || frame >= MOST_FRAMES {
                continue;
            }
            // Frames that nobody speaks of lie between.
            self.frames = frame + 1;
            self.statuses.resize(frame, Status::Missing);
            self.statuses.push(record.status);
            self.times_s.resize(frame, f64::NAN);
            self.times_s.push(record.stamp.time_s);
            self.starts.resize(frame + 1, self.rows.len() as u32);
            self.rows.extend(record.readings.iter().map(|r| {
                let e = &r.estimate;
                Row {
                    frame: frame as u32,
                    face_id: Some(r.face_id),
                    box_px: r.place.map(|p| p.box_px),
                    rating: Rating {
                        expression: Some(e.expression()),
                        valence: Some(f64::from(e.valence)),
                        arousal: Some(f64::from(e.arousal)),
                    },
                    detail: Detail {
                        status: record.status,
                        probabilities: e.probabilities,
                        valence_sd: e.valence_sd,
                        arousal_sd: e.arousal_sd,
                    },
                }
            }));
            self.starts.push(self.rows.len() as u32);
            self.chosen.resize(frame, NO_ROW);
            self.chosen.push(NO_ROW);
            self.track.grow(frame + 1);
            self.choose_at(frame);
        }
    }

    fn choose_at(&mut self, frame: usize) {
        if let Some(at) = pick(self.faces_at(frame), self.choice, &self.names) {
            let at = self.starts[frame] + at as u32;
            self.chosen[frame] = at;
            self.track.set(frame, self.rows[at as usize].rating);
        }
    }

    fn index(&mut self) {
        self.starts = vec![0; self.frames + 1];
        for row in &self.rows {
            self.starts[row.frame as usize + 1] += 1;
        }
        for i in 0..self.frames {
            self.starts[i + 1] += self.starts[i];
        }
    }

    /// The faces on a frame.
    pub fn faces_at(&self, frame: usize) -> &[Row] {
        match (self.starts.get(frame), self.starts.get(frame + 1)) {
            (Some(&from), Some(&to)) => &self.rows[from as usize..to as usize],
            _ => &[],
        }
    }

    /// The faces of the video that have ids, the one on most frames first.
    pub fn faces(&self) -> Vec<Face> {
        // Each with its last frame, and how many rows it has there.
        let mut faces: BTreeMap<u32, (Face, Option<u32>, u32)> = BTreeMap::new();
        for row in &self.rows {
            let Some(id) = row.face_id.map(|id| self.names.one(id)) else {
                continue;
            };
            let none = Face {
                id,
                frames: 0,
                first: row.frame as usize,
                both: 0,
            };
            let (face, last, rows) = faces.entry(id).or_insert((none, None, 0));
            if *last == Some(row.frame) {
                *rows += 1;
                face.both += usize::from(*rows == 2);
            } else {
                face.frames += 1;
                (*last, *rows) = (Some(row.frame), 1);
            }
        }
        let mut faces: Vec<Face> = faces.into_values().map(|(face, ..)| face).collect();
        faces.sort_by_key(|f| (std::cmp::Reverse(f.frames), f.id));
        faces
    }

    /// What the faces are called, and which ids are one.
    pub fn names(&self) -> &Faces {
        &self.names
    }

    /// Calls the faces otherwise; what was read of them stays, but another row may be the chosen one.
    pub fn set_names(&mut self, names: Faces) {
        let other = |id: u32| self.names.one(id) != names.one(id);
        let joined = self.rows.iter().any(|r| r.face_id.is_some_and(other));
        self.names = names;
        self.names_failed = None;
        if let (FaceChoice::Id(id), true) = (self.choice, joined) {
            self.choose(FaceChoice::Id(id));
        }
    }

    /// Which face [`Model::track`] is of.
    pub fn choice(&self) -> FaceChoice {
        self.choice
    }

    /// Makes [`Model::track`] that of another face.
    pub fn choose(&mut self, choice: FaceChoice) {
        self.choice = match choice {
            FaceChoice::Id(id) => FaceChoice::Id(self.names.one(id)),
            choice => choice,
        };
        self.chosen = vec![NO_ROW; self.frames];
        self.track = Track::empty(self.frames);
        for frame in 0..self.frames {
            self.choose_at(frame);
        }
    }

    /// The chosen face on a frame.
    pub fn at(&self, frame: usize) -> Option<&Row> {
        let at = *self.chosen.get(frame)?;
        self.rows.get(at as usize)
    }

    /// Why a frame has readings, or none; `None` behind the last.
    pub fn status(&self, frame: usize) -> Option<Status> {
        self.statuses.get(frame).copied()
    }

    /// What is said of the chosen face on every frame.
    pub fn track(&self) -> &Track {
        &self.track
    }

    /// How sure it is of its most probable expression on a frame, 0..=1, where the file tells.
    pub fn confidence(&self, frame: usize) -> Option<f32> {
        let row = self.at(frame)?;
        let expression = row.rating.expression?;
        Some(row.detail.probabilities[expression.index()]).filter(|p| !p.is_nan())
    }
}

/// As `evaluate` chooses: the largest, the first of equals; by side where there are boxes. Of ids that are one the row of
/// the one that stands for them, else the first.
fn pick(faces: &[Row], choice: FaceChoice, names: &Faces) -> Option<usize> {
    let area = |r: &Row| r.box_px.map_or(0.0, |b| b.w * b.h);
    let center = |r: &Row| r.box_px.map_or(0.0, |b| b.center().0);
    let boxed = faces.iter().any(|r| r.box_px.is_some());
    let numbered = faces.iter().enumerate();
    let best = match choice {
        FaceChoice::Id(id) => {
            let is = |r: &Row| r.face_id.map(|id| names.one(id)) == Some(id);
            let itself = |r: &Row| r.face_id == Some(id);
            let found = numbered.clone().find(|(_, r)| itself(r));
            found.or_else(|| numbered.clone().find(|(_, r)| is(r)))
        }
        FaceChoice::Side(Person::Left) if boxed => {
            numbered.min_by(|a, b| center(a.1).total_cmp(&center(b.1)))
        }
        FaceChoice::Side(Person::Right) if boxed => {
            numbered.max_by(|a, b| center(a.1).total_cmp(&center(b.1)))
        }
        // `rev`, since `max_by` takes the last of equals.
        _ => numbered
            .rev()
            .max_by(|a, b| area(a.1).total_cmp(&area(b.1))),
    };
    best.map(|(i, _)| i)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
