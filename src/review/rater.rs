//! What one person said of a video, laid on its frames.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use super::model::{MOST_FRAMES, Model};
use super::overlay::{Overlay, Patch};
use super::scores::Beside;
use super::track::{Rating, Track};
use crate::evaluate::files::Loaded;
use crate::formats::labels::{Label, LabelFormat, Person};

/// A file that labels came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Which.
    pub path: PathBuf,
    /// What it is written in.
    pub format: LabelFormat,
    /// The video that it speaks of, by its own word.
    pub video: String,
    /// Frames that it speaks of, where it has a row for every frame.
    pub frames: Option<u64>,
}

/// The frames of a video as labels find them.
#[derive(Debug, Clone, Copy)]
pub struct Axis<'a> {
    /// Time of each frame, seconds.
    pub times_s: &'a [f64],
    /// File names of the pictures, where frames are pictures.
    pub pictures: Option<&'a [String]>,
}

/// A rated moment that is no frame's: ratings that come by the clock.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Timed {
    time_s: f64,
    rating: Rating,
}

/// One person's labels.
#[derive(Debug, Clone, Default)]
pub struct Rater {
    /// What to call them.
    pub name: String,
    /// Where the labels came from; empty for labels that are made here.
    pub origins: Vec<Origin>,
    /// Which of two people of the video they speak of.
    pub person: Option<Person>,
    /// Labels that lie on no frame of the video: behind its last frame, or of a picture that is not there.
    pub beyond: usize,
    /// Ratings a second, for those that come by the clock.
    pub rated_hz: Option<f64>,
    /// By frame as the files have it, without offset; may be longer than the video.
    // Shared with copies of the project, of which one is made for each ranking.
    original: Arc<Track>,
    timed: Arc<Vec<Timed>>,
    offset_frames: i64,
    /// What the files say, with what is mended over it.
    track: Track,
    overlay: Overlay,
    /// What the files say alone; only while something is mended.
    laid: Option<Arc<Track>>,
    mended_places: usize,
}

impl Rater {
    /// Somebody who has said nothing yet.
    pub fn new(name: impl Into<String>, frames: usize) -> Self {
        Self {
            name: name.into(),
            track: Track::empty(frames),
            ..Self::default()
        }
    }

    /// Somebody who starts from what somebody else, or the network, says of every frame.
    pub fn starting_from(name: impl Into<String>, track: Track) -> Self {
        Self {
            name: name.into(),
            original: Arc::new(track.clone()),
            track,
            ..Self::default()
        }
    }

    /// Takes what a file says onto the frames. Several files of one person (expressions in one, valence and arousal in
    /// another) add up.
    pub fn add(&mut self, loaded: &Loaded, axis: Axis<'_>) {
        let series = &loaded.series;
        self.origins.push(Origin {
            path: loaded.path.clone(),
            format: loaded.format,
            video: series.video.clone(),
            frames: series.frames,
        });
        self.person = self.person.or(series.person);
        let clocked = by_clock(&series.labels, axis) && series.labels.iter().any(Label::is_valid);
        // By the clock a moment without a rating is one, too: else a frame there would be given that of another moment.
        let said = |l: &&Label| l.is_valid() || (clocked && l.time_s.is_some());
        for label in series.labels.iter().filter(said) {
            let rating = Rating {
                expression: label.expression,
                valence: label.valence,
                arousal: label.arousal,
            };
            if clocked {
                let time_s = label.time_s.unwrap_or(f64::NAN);
                if time_s.is_nan() {
                    self.beyond += 1;
                } else {
                    Arc::make_mut(&mut self.timed).push(Timed { time_s, rating });
                }
                continue;
            }
            match frame_of(label, axis).filter(|&f| f < MOST_FRAMES) {
                Some(frame) => {
                    let original = Arc::make_mut(&mut self.original);
                    original.grow(frame + 1);
                    let before = original.get(frame);
                    original.set(frame, rating.or(before));
                    self.beyond += usize::from(frame >= axis.times_s.len());
                }
                None => self.beyond += 1,
            }
        }
        Arc::make_mut(&mut self.timed).sort_by(|a, b| a.time_s.total_cmp(&b.time_s));
        if !self.timed.is_empty() {
            let times: Vec<f64> = self.timed.iter().map(|t| t.time_s).collect();
            self.rated_hz = step_s(&times).map(|s| 1.0 / s);
        }
        self.lay(axis);
    }

    /// By how many frames the labels are moved, later where positive.
    pub fn offset_frames(&self) -> i64 {
        self.offset_frames
    }

    /// Moves the labels by so many frames from where the files have them.
    pub fn set_offset(&mut self, frames: i64, axis: Axis<'_>) {
        self.offset_frames = frames;
        self.lay(axis);
    }

    /// Labels that came by the clock are scored row by row, not frame by frame, as long as nothing in them is mended.
    pub fn is_timed(&self) -> bool {
        !self.timed.is_empty() && self.overlay.is_empty()
    }

    /// What is said of each frame of the video.
    pub fn track(&self) -> &Track {
        &self.track
    }

    /// Says something else of some frames, whatever the files say, and gives the change that takes it back. It stays on
    /// these frames when the labels are moved; the files stay as they are.
    pub fn edit(&mut self, patch: &Patch) -> Patch {
        let frames = patch.frames();
        let frames = frames.start.min(self.track.len())..frames.end.min(self.track.len());
        // A place may begin behind the last of these frames, now that the one before it has become the file's.
        let around = frames.start..(frames.end + 1).min(self.track.len());
        let laid = self
            .laid
            .get_or_insert_with(|| Arc::new(self.track.clone()));
        let before = places(laid, &self.track, around.clone());
        let inverse = self.overlay.swap(patch);
        for frame in frames {
            self.track
                .set(frame, self.overlay.over(frame, laid.get(frame)));
        }
        self.mended_places = self.mended_places + places(laid, &self.track, around) - before;
        if self.overlay.is_empty() {
            self.laid = None;
        }
        inverse
    }

    /// Whether a frame is said to be something else than the files say.
    pub fn is_mended(&self, frame: usize) -> bool {
        let laid = self.laid.as_ref();
        laid.is_some_and(|laid| laid.get(frame) != self.track.get(frame))
    }

    /// How many runs of frames there are that are said to be something else than the files say.
    pub fn mended_places(&self) -> usize {
        self.mended_places
    }

    fn lay(&mut self, axis: Axis<'_>) {
        self.lay_files(axis);
        self.laid = None;
        self.mended_places = 0;
        if !self.overlay.is_empty() {
            let laid = self.track.clone();
            for frame in 0..laid.len() {
                self.track
                    .set(frame, self.overlay.over(frame, laid.get(frame)));
            }
            self.mended_places = places(&laid, &self.track, 0..laid.len());
            self.laid = Some(Arc::new(laid));
        }
    }

    fn lay_files(&mut self, axis: Axis<'_>) {
        let frames = axis.times_s.len();
        self.track = Track::empty(frames);
        for frame in 0..frames {
            let from = frame as i64 - self.offset_frames;
            if let Ok(from) = usize::try_from(from) {
                let rating = self.original.get(from);
                if !rating.is_empty() {
                    self.track.set(frame, rating);
                }
            }
        }
        if self.timed.is_empty() {
            return;
        }
        let times: Vec<f64> = self.timed.iter().map(|t| t.time_s).collect();
        let step_s = step_s(&times)
            .unwrap_or(0.0)
            .max(step_s(axis.times_s).unwrap_or(0.0));
        for frame in 0..frames {
            let Some(&time_s) = usize::try_from(frame as i64 - self.offset_frames)
                .ok()
                .and_then(|f| axis.times_s.get(f))
            else {
                continue;
            };
            if let Some(at) = nearest(&times, time_s)
                && (times[at] - time_s).abs() <= step_s / 2.0 * 1.001 + 1e-6
            {
                let (by_clock, by_frame) = (self.timed[at].rating, self.track.get(frame));
                self.track.set(frame, by_clock.or(by_frame));
            }
        }
    }

    /// Labels beside predictions, one for each label, where labels came by the clock: as `evaluate` pairs them, each
    /// with the prediction that is nearest in time. `times_s` are the predictions' own times.
    pub fn beside(&self, model: &Model, times_s: &[f64]) -> Vec<Beside> {
        let valid: Vec<(f64, usize)> = (0..model.frames.min(times_s.len()))
            .filter(|&f| model.at(f).is_some())
            .map(|f| (times_s[f], f))
            .filter(|(t, _)| !t.is_nan())
            .collect();
        let times: Vec<f64> = valid.iter().map(|v| v.0).collect();
        let half_s = median_step(&times).unwrap_or(0.0) / 2.0;
        let near = |t: &Timed| {
            let at = nearest(&times, t.time_s)?;
            ((times[at] - t.time_s).abs() <= half_s * 1.001 + 1e-6).then_some(valid[at].1)
        };
        self.timed
            .iter()
            .filter(|t| !t.rating.is_empty())
            .map(|t| {
                let hit = near(t);
                // A label without a prediction still belongs somewhere.
                let frame = hit.or_else(|| nearest(times_s, t.time_s)).unwrap_or(0);
                let moved = frame as i64 + self.offset_frames;
                let frame = usize::try_from(moved).unwrap_or(0);
                let said = hit.map_or_else(Rating::default, |hit| {
                    let moved = usize::try_from(hit as i64 + self.offset_frames);
                    moved.map_or_else(|_| Rating::default(), |f| model.track().get(f))
                });
                Beside {
                    frame,
                    said,
                    label: t.rating,
                }
            })
            .collect()
    }
}

/// How many runs of frames that differ begin in a range.
fn places(laid: &Track, track: &Track, frames: Range<usize>) -> usize {
    let differs = |frame: usize| laid.get(frame) != track.get(frame);
    let begins = |&frame: &usize| differs(frame) && (frame == 0 || !differs(frame - 1));
    frames.filter(begins).count()
}

/// Whether these rows speak of times alone.
fn by_clock(labels: &[Label], axis: Axis<'_>) -> bool {
    let mut valid = labels.iter().filter(|l| l.is_valid());
    valid.all(|l| {
        l.frame.is_none() && l.time_s.is_some() && (l.picture.is_none() || axis.pictures.is_none())
    })
}

fn frame_of(label: &Label, axis: Axis<'_>) -> Option<usize> {
    if let (Some(picture), Some(pictures)) = (&label.picture, axis.pictures) {
        let file = |name: &str| name.rsplit('/').next().unwrap_or(name).to_owned();
        let wanted = file(picture);
        return pictures.iter().position(|p| file(p) == wanted);
    }
    let frame = label.frame?;
    usize::try_from(frame).ok()
}

/// The index of the nearest of ascending times.
pub(crate) fn nearest(times: &[f64], time_s: f64) -> Option<usize> {
    let after = times.partition_point(|t| *t < time_s);
    let near = after.saturating_sub(1)..(after + 1).min(times.len());
    near.min_by(|&a, &b| {
        (times[a] - time_s)
            .abs()
            .total_cmp(&(times[b] - time_s).abs())
    })
}

/// The median time from one to the next, as `evaluate` has it.
fn median_step(times: &[f64]) -> Option<f64> {
    let mut steps: Vec<f64> = times.windows(2).map(|w| w[1] - w[0]).collect();
    steps.sort_by(f64::total_cmp);
    steps.get(steps.len() / 2).copied()
}

fn step_s(times: &[f64]) -> Option<f64> {
    median_step(times).filter(|s| *s > 0.0)
}
