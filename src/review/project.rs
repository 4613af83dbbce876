//! A video with its predictions and everybody's labels.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::faces::Faces;
use super::model::{FaceChoice, Model};
use super::overlay::Patch;
use super::rater::{Axis, Rater};
use super::scores::{Beside, RangeScores, push};
use super::track::Track;
use crate::analysis::Record;
use crate::evaluate::files::{Loaded, Side, is_marked};
use crate::evaluate::matching::Scores;
use crate::formats::labels::LabelError;

mod error;
mod files;
mod names;
mod notes;

pub use self::error::ProjectError;
use self::files::{file_name, file_stem, filled, video_of, what_is_there};

/// Frames a second where nothing tells.
pub const ASSUMED_RATE_HZ: f64 = 25.0;

/// The frames of a video, as its index or its pictures' names tell.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Frames {
    /// Time of each, seconds.
    pub times_s: Vec<f64>,
    /// File names, where frames are pictures.
    pub pictures: Option<Vec<String>>,
    /// What is to be known of how the video ends, or of how its frames were found.
    pub note: Option<String>,
}

/// Everything that is known of one video. A clone shares the predictions.
#[derive(Debug, Clone, Default)]
pub struct Project {
    /// What to call it: the video's file name, else the predictions'.
    pub name: String,
    /// The video, a picture or a folder of pictures.
    pub video: Option<PathBuf>,
    /// What is to be known of how it ends: that it was cut off, for one.
    pub video_note: Option<String>,
    /// Whether [`Project::times_s`] are the video's own.
    pub from_video: bool,
    times_s: Vec<f64>,
    pictures: Option<Vec<String>>,
    model: Arc<Model>,
    has_model: bool,
    raters: Vec<Rater>,
    /// What was wrong with files of labels in a folder.
    unread: Vec<String>,
    /// What a folder of labels held beside them.
    passed_over: Vec<String>,
    /// Of each rater: scores by block, or by row where labels came by the clock.
    scoring: Vec<Scoring>,
}

#[derive(Debug, Clone)]
enum Scoring {
    Frames(RangeScores),
    Rows(Vec<Beside>),
}

impl Project {
    /// An empty project on the frames of a video.
    pub fn of_video(video: &Path, frames: Frames) -> Self {
        Self {
            name: file_name(video),
            video: Some(video.to_owned()),
            from_video: true,
            times_s: frames.times_s,
            pictures: frames.pictures,
            video_note: frames.note,
            ..Self::default()
        }
    }

    /// Takes predictions; where no video told the frames, theirs are taken.
    pub fn set_model(&mut self, model: impl Into<Arc<Model>>) {
        let model = model.into();
        if !self.from_video && model.frames > 0 {
            self.times_s = filled(&model.times_s, model.frames);
            if let (true, Some(path)) = (self.name.is_empty(), &model.path) {
                self.name = file_name(path);
            }
        }
        // Pictures have no clock of their own; those that were taken from a video are told apart by its rows.
        if self.pictures.is_some()
            && model.frames == self.times_s.len()
            && !model.times_s.is_empty()
        {
            self.times_s = filled(&model.times_s, model.frames);
        }
        self.has_model = true;
        self.model = model;
        self.lay_all();
    }

    /// Takes what an analysis has read; see [`Model::extend`].
    pub fn extend_model(&mut self, records: &[Record]) {
        self.has_model = true;
        Arc::make_mut(&mut self.model).extend(records);
        if !self.from_video {
            self.times_s = filled(&self.model.times_s, self.model.frames);
            self.lay_all();
        } else {
            self.score_all();
        }
    }

    /// Reads files of labels and adds a rater for them. Of a folder, the labels of this video. Files that carry
    /// different kinds under one name are one person's.
    ///
    /// # Errors
    /// [`ProjectError`]; nothing is added then.
    pub fn add_labels(&mut self, path: &Path) -> Result<(), ProjectError> {
        self.add_labels_but(path, &|_| false)
    }

    /// As [`Project::add_labels`], without the files that `are_here` already; each of them is told in the notes.
    ///
    /// # Errors
    /// As there.
    pub fn add_labels_but(
        &mut self,
        path: &Path,
        are_here: &dyn Fn(&Path) -> bool,
    ) -> Result<(), ProjectError> {
        let mut side = Side::load(path, None)?;
        let mut here: Vec<PathBuf> = Vec::new();
        side.series.retain(|l| {
            let is_here = are_here(&l.path);
            if is_here && !here.contains(&l.path) {
                here.push(l.path.clone());
            }
            !is_here
        });
        self.passed_over.extend(here.iter().map(|file| {
            format!(
                "{}: saved from labels that are here as they stand now; not shown a second time.",
                file_name(file)
            )
        }));
        if side.series.is_empty() && !here.is_empty() {
            return Ok(());
        }
        let predictions = self.model.path.clone().filter(|_| self.has_model);
        let real = |path: &Path| path.canonicalize().ok();
        if side.single_file
            && let Some(predictions) = &predictions
            && real(predictions).is_some_and(|p| real(path) == Some(p))
        {
            return Err(ProjectError::Same(path.to_owned()));
        }
        let tables = side.without_predictions(predictions.as_slice());
        let stem = self.stem();
        let is_whole = side.single_file || stem.is_empty();
        let is_mine = |video: &str| is_whole || video == stem || is_marked(video, &stem);
        let mine = side.series.iter().filter(|l| is_mine(&l.series.video));
        let mine: Vec<&Loaded> = mine.collect();
        // What is wrong in a folder and of this video is told; the rest of a database is not its business.
        let is_of_it = |error: &LabelError| {
            let path = error.path();
            is_whole || path.is_dir() || file_stem(path).starts_with(&stem)
        };
        let mut broken = side.broken;
        broken.retain(is_of_it);
        if mine.is_empty() {
            if !broken.is_empty() {
                return Err(broken.swap_remove(0).into());
            }
            return Err(ProjectError::NotInFolder {
                folder: path.to_owned(),
                video: stem,
                there: what_is_there(&side.series, &tables),
            });
        }
        if self.times_s.is_empty() && !self.from_video {
            let frames = mine
                .iter()
                .flat_map(|l| &l.series.labels)
                .filter_map(|l| l.frame);
            let path = mine[0].path.clone();
            let Some(last) = frames.max() else {
                return Err(ProjectError::NoFrames(path));
            };
            if last >= super::model::MOST_FRAMES as u64 {
                return Err(ProjectError::TooManyFrames { path, frame: last });
            }
            self.times_s = filled(&[], last as usize + 1);
        }
        for loaded in mine {
            self.add(loaded);
        }
        self.unread.extend(broken.iter().map(ToString::to_string));
        for file in side
            .unknown
            .iter()
            .filter(|f| !is_whole && is_mine(&file_stem(f)))
        {
            self.passed_over.push(format!(
                "{}: no labels of a format that is read; passed over.",
                file.display()
            ));
        }
        for table in tables.iter().filter(|t| is_mine(&video_of(t))) {
            self.passed_over.push(format!(
                "{}: predictions, not labels; passed over in the folder of labels. Given by its own name it is compared.",
                table.display()
            ));
        }
        self.score_all();
        Ok(())
    }

    /// What was wrong with files of labels in folders that were given; the others count without them.
    pub fn unread(&self) -> &[String] {
        &self.unread
    }

    fn add(&mut self, loaded: &Loaded) {
        let name = self.rater_name(loaded);
        let kinds = |track: &Track| track.counts();
        let axis = Axis {
            times_s: &self.times_s,
            pictures: self.pictures.as_deref(),
        };
        let mut rater = Rater::new(&name, self.times_s.len());
        rater.add(loaded, axis);
        // Expressions in one file, valence and arousal in another, both of one name: one person.
        let [expression, valence, arousal] = kinds(rater.track());
        let same = self.raters.iter_mut().find(|r| {
            let [e, v, a] = kinds(r.track());
            r.name == name
                && r.person == rater.person
                && (e == 0 || expression == 0)
                && (v + a == 0 || valence + arousal == 0)
        });
        match same {
            Some(same) => same.add(loaded, axis),
            None => {
                let name = self.told_apart(&name, &loaded.path);
                rater.name = self.free_name(&name);
                self.raters.push(rater);
            }
        }
    }

    /// A rater whose labels come from no file; gives their place.
    pub fn add_rater(&mut self, mut rater: Rater) -> usize {
        let axis = Axis {
            times_s: &self.times_s,
            pictures: self.pictures.as_deref(),
        };
        rater.set_offset(rater.offset_frames(), axis);
        self.raters.push(rater);
        self.score_all();
        self.raters.len() - 1
    }

    /// The video's name without its ending, else the predictions' video.
    pub fn stem(&self) -> String {
        match (&self.video, &self.model.path) {
            (Some(video), _) => file_stem(video),
            (None, Some(path)) => video_of(path),
            (None, None) => String::new(),
        }
    }

    fn lay_all(&mut self) {
        let axis = Axis {
            times_s: &self.times_s,
            pictures: self.pictures.as_deref(),
        };
        for rater in &mut self.raters {
            let offset = rater.offset_frames();
            rater.set_offset(offset, axis);
        }
        self.score_all();
    }

    fn score_all(&mut self) {
        self.scoring = (0..self.raters.len()).map(|i| self.scoring_of(i)).collect();
    }

    fn scoring_of(&self, rater: usize) -> Scoring {
        let rater = &self.raters[rater];
        if rater.is_timed() {
            let times_s = if self.model.times_s.is_empty() {
                &self.times_s
            } else {
                &self.model.times_s
            };
            Scoring::Rows(rater.beside(&self.model, times_s))
        } else {
            Scoring::Frames(RangeScores::new(self.model.track(), rater.track()))
        }
    }

    /// Frames of the video.
    pub fn frames(&self) -> usize {
        self.times_s.len()
    }

    /// Time of each frame, seconds.
    pub fn times_s(&self) -> &[f64] {
        &self.times_s
    }

    /// File names of the pictures, where frames are pictures.
    pub fn pictures(&self) -> Option<&[String]> {
        self.pictures.as_deref()
    }

    /// What the network says; `None` without predictions.
    pub fn model(&self) -> Option<&Model> {
        self.has_model.then_some(&self.model)
    }

    /// The predictions, to be shared.
    pub fn shared_model(&self) -> Option<Arc<Model>> {
        self.has_model.then(|| self.model.clone())
    }

    /// Everybody's labels.
    pub fn raters(&self) -> &[Rater] {
        &self.raters
    }

    /// Another of the video's faces is meant.
    pub fn choose(&mut self, choice: FaceChoice) {
        Arc::make_mut(&mut self.model).choose(choice);
        self.score_all();
    }

    /// Calls the faces otherwise; see [`Model::set_names`].
    pub fn set_names(&mut self, names: Faces) {
        Arc::make_mut(&mut self.model).set_names(names);
        self.score_all();
    }

    /// Moves a rater's labels by so many frames from where the files have them.
    pub fn set_offset(&mut self, rater: usize, frames: i64) {
        let axis = Axis {
            times_s: &self.times_s,
            pictures: self.pictures.as_deref(),
        };
        if let Some(r) = self.raters.get_mut(rater) {
            r.set_offset(frames, axis);
            self.scoring[rater] = self.scoring_of(rater);
        }
    }

    /// Changes what a rater says of some frames, and gives the change that takes it back; see [`Rater::edit`]. As long as
    /// anything is mended in labels that came by the clock, they are those of the frames. [`super::Editor`] keeps the
    /// history.
    pub fn edit(&mut self, rater: usize, patch: &Patch) -> Option<Patch> {
        let r = self.raters.get_mut(rater)?;
        let inverse = r.edit(patch);
        match &mut self.scoring[rater] {
            Scoring::Frames(scores) if !r.is_timed() => {
                scores.update(self.model.track(), r.track(), patch.frames());
            }
            _ => self.scoring[rater] = self.scoring_of(rater),
        }
        Some(inverse)
    }

    /// Calls a rater something else; gives the name before.
    pub fn rename(&mut self, rater: usize, name: String) -> Option<String> {
        let rater = self.raters.get_mut(rater)?;
        Some(std::mem::replace(&mut rater.name, name))
    }

    /// A rater's labels against the predictions, over some frames: the numbers of `affectscope evaluate`.
    pub fn scores(&self, rater: usize, frames: Range<usize>) -> Scores {
        let (Some(r), Some(scoring)) = (self.raters.get(rater), self.scoring.get(rater)) else {
            return Scores::default();
        };
        match scoring {
            Scoring::Frames(scores) => scores.range(self.model.track(), r.track(), frames),
            Scoring::Rows(rows) => {
                let mut scores = Scores::default();
                for row in rows.iter().filter(|b| frames.contains(&b.frame)) {
                    push(&mut scores, &row.said, &row.label);
                }
                scores
            }
        }
    }

    /// Nominal frames a second: the median of the steps.
    pub fn rate_hz(&self) -> f64 {
        let mut steps: Vec<f64> = self.times_s.windows(2).map(|w| w[1] - w[0]).collect();
        if steps.is_empty() {
            return ASSUMED_RATE_HZ;
        }
        let middle = steps.len() / 2;
        let (_, step_s, _) = steps.select_nth_unstable_by(middle, f64::total_cmp);
        if *step_s > 0.0 {
            1.0 / *step_s
        } else {
            ASSUMED_RATE_HZ
        }
    }

    /// The frame that is shown at a time.
    pub fn frame_at(&self, time_s: f64) -> usize {
        self.times_s
            .partition_point(|t| *t <= time_s)
            .saturating_sub(1)
    }
}
