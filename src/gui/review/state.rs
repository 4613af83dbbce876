//! What the bench shows: the project, where the play-head is, what is selected. No egui in it.

use std::ops::Range;

use crate::evaluate::matching::Scores;
use crate::labels::Expression;
use crate::review::Project;
use crate::review::rating::{DEFAULT_RATE_HZ, RatingRun, Sample, Stick};

mod view;

/// Speeds of playing, forwards; backwards the same with a minus.
pub const SPEEDS: [f64; 5] = [0.25, 0.5, 1.0, 2.0, 4.0];

/// What has changed since the timeline was last made.
#[derive(Debug, Clone, PartialEq)]
pub enum Dirty {
    /// Everything.
    All,
    /// Some frames of a rater's labels.
    Labels(usize, Range<usize>),
}

/// What is shown below the scores.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Below {
    /// The confusion matrix.
    #[default]
    Confusion,
    /// The circumplex.
    Circumplex,
    /// How far everybody agrees.
    Agreement,
}

/// Playing since a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Playing {
    /// When it began, seconds of the window's clock.
    since_s: f64,
    /// The video's time then, seconds.
    from_s: f64,
}

/// The bench's state.
#[derive(Debug)]
pub struct State {
    /// What is open.
    pub project: Project,
    /// Where the play-head is.
    at: usize,
    /// Seconds of video a second; below 0 backwards.
    pub speed: f64,
    playing: Option<Playing>,
    /// The frames that the timeline shows.
    pub view: Range<f64>,
    /// What is selected.
    pub selection: Option<Range<usize>>,
    /// Against whom the scores are, an index of the project's raters.
    pub rater: usize,
    /// A cell of the confusion matrix, `(label, prediction)`, whose frames are marked.
    pub cell: Option<(Expression, Expression)>,
    /// Predictions are hidden, so that they do not lead who rates.
    pub blind: bool,
    /// A live rating that is going on.
    pub rating: Option<RatingRun>,
    /// Where the rater stands, valence and arousal.
    pub pointer: Option<(f64, f64)>,
    /// How a gamepad stands, while a rating is going on.
    pub stick: Option<Stick>,
    /// The stick was moved since the pointer was: it rates.
    pub by_stick: bool,
    /// Samples a second of a live rating.
    pub rate_hz: f64,
    /// A drag on the lines of the timeline draws.
    pub draw: bool,
    /// What is shown below the scores.
    pub below: Below,
    /// Grows with everything that changes what is drawn of the project.
    version: u64,
    /// What the timeline has not taken up yet.
    pub dirty: Vec<Dirty>,
}

impl State {
    /// At the first frame of a project, with all of it in view.
    pub fn new(project: Project) -> Self {
        let frames = project.frames();
        Self {
            project,
            at: 0,
            speed: 1.0,
            playing: None,
            view: 0.0..(frames.max(1) as f64),
            selection: None,
            rater: 0,
            cell: None,
            blind: false,
            rating: None,
            pointer: None,
            stick: None,
            by_stick: false,
            rate_hz: DEFAULT_RATE_HZ,
            draw: false,
            below: Below::default(),
            version: 1,
            dirty: vec![Dirty::All],
        }
    }

    /// Its versions go on from those of what was open before.
    pub fn follow(&mut self, before: &Self) {
        self.version = before.version + 1;
    }

    /// Stands where another state of the same video stood.
    pub fn resume(&mut self, before: &Self) {
        self.follow(before);
        let name = before.rater_name();
        let same = self
            .project
            .raters()
            .iter()
            .position(|r| Some(r.name.as_str()) == name);
        self.rater = same.unwrap_or(0);
        (self.blind, self.below, self.draw) = (before.blind, before.below, before.draw);
        (self.speed, self.rate_hz) = (before.speed, before.rate_hz);
        if self.frames() == before.frames() {
            self.at = before.at;
            self.view = before.view.clone();
            self.selection.clone_from(&before.selection);
        }
    }

    /// Grows with everything that changes what is drawn of the project.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Everything has changed.
    pub fn changed(&mut self) {
        self.version += 1;
        self.dirty = vec![Dirty::All];
        let last = self.frames().saturating_sub(1);
        self.at = self.at.min(last);
    }

    /// Some of a rater's labels have changed; `None`: all of them.
    pub fn labels_changed(&mut self, rater: usize, frames: Option<Range<usize>>) {
        self.version += 1;
        let frames = frames.unwrap_or(0..self.frames());
        self.dirty.push(Dirty::Labels(rater, frames));
    }

    /// Frames of the project.
    pub fn frames(&self) -> usize {
        self.project.frames()
    }

    /// The frame at the play-head.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Time of the play-head, seconds.
    pub fn time_s(&self) -> f64 {
        self.project.times_s().get(self.at).copied().unwrap_or(0.0)
    }

    /// Whether it plays.
    pub fn is_playing(&self) -> bool {
        self.playing.is_some()
    }

    /// Goes to a frame, or the nearest that is there, and stops playing.
    pub fn go(&mut self, frame: i64) {
        self.playing = None;
        self.set(frame);
    }

    fn set(&mut self, frame: i64) {
        let last = self.frames().saturating_sub(1) as i64;
        self.at = frame.clamp(0, last) as usize;
        self.keep_in_view();
    }

    /// Goes by so many frames.
    pub fn step(&mut self, frames: i64) {
        self.go(self.at as i64 + frames);
    }

    /// Goes by so many seconds.
    pub fn step_s(&mut self, seconds: f64) {
        let to = self.project.frame_at(self.time_s() + seconds) as i64;
        // At least one frame, where a frame lasts longer.
        let to = if seconds > 0.0 {
            to.max(self.at as i64 + 1)
        } else {
            to.min(self.at as i64 - 1)
        };
        self.go(to);
    }

    /// Plays at a speed, from the start again if it stood at the end.
    pub fn play(&mut self, now_s: f64, speed: f64) {
        if self.frames() < 2 {
            return;
        }
        if speed > 0.0 && self.at + 1 >= self.frames() {
            self.set(0);
        }
        self.speed = speed;
        self.playing = Some(Playing {
            since_s: now_s,
            from_s: self.time_s(),
        });
    }

    /// Stops.
    pub fn pause(&mut self) {
        self.playing = None;
    }

    /// Plays, or stops.
    pub fn toggle(&mut self, now_s: f64) {
        if self.is_playing() {
            self.pause();
        } else {
            let speed = if self.speed > 0.0 { self.speed } else { 1.0 };
            self.play(now_s, speed);
        }
    }

    /// The key L or J: plays in that direction, faster each time.
    pub fn shuttle(&mut self, now_s: f64, forwards: bool) {
        let sign = if forwards { 1.0 } else { -1.0 };
        let speed = match self.playing {
            Some(_) if self.speed * sign > 0.0 => (self.speed.abs() * 2.0).min(4.0),
            _ => 1.0,
        };
        self.play(now_s, speed * sign);
    }

    /// Moves the play-head to where playing has come; true while it plays.
    pub fn tick(&mut self, now_s: f64) -> bool {
        let Some(playing) = self.playing else {
            return false;
        };
        let time_s = playing.from_s + (now_s - playing.since_s) * self.speed;
        let frame = self.project.frame_at(time_s);
        let last = self.frames().saturating_sub(1);
        self.set(frame as i64);
        let ended = if self.speed > 0.0 {
            frame >= last
        } else {
            time_s <= self.project.times_s().first().copied().unwrap_or(0.0)
        };
        if ended {
            self.playing = None;
        }
        self.is_playing()
    }

    /// Shows the rating where the rater stands, while it plays.
    pub fn sample(&mut self, now_s: f64) {
        let Some(playing) = self.playing else { return };
        let time_s = playing.from_s + (now_s - playing.since_s) * self.speed;
        let rated = self.rated();
        if let (Some(run), Some((valence, arousal))) = (&mut self.rating, rated) {
            run.offer(
                now_s,
                Sample {
                    time_s,
                    valence: Some(valence),
                    arousal: Some(arousal),
                },
            );
        }
    }

    /// Where the rater stands: where the stick does, once it was moved, else the pointer.
    pub fn rated(&self) -> Option<(f64, f64)> {
        match &self.stick {
            // At rest it stands in the middle.
            Some(stick) if self.by_stick => Some(stick.affect().unwrap_or_default()),
            _ => self.pointer,
        }
    }

    /// Takes how a gamepad stands now.
    pub fn take_stick(&mut self, stick: Option<Stick>) {
        if stick.as_ref().is_some_and(|s| s.affect().is_some()) {
            self.by_stick = true;
        }
        self.stick = stick;
    }

    /// What an edit is of: the selection, else the frame at the play-head.
    pub fn edited(&self) -> Range<usize> {
        self.selection
            .clone()
            .unwrap_or(self.at..(self.at + 1).min(self.frames()))
    }

    /// Selects from one frame to another, both in it.
    pub fn select(&mut self, a: usize, b: usize) {
        let last = self.frames().saturating_sub(1);
        let (a, b) = (a.min(last), b.min(last));
        self.selection = (self.frames() > 0).then(|| a.min(b)..a.max(b) + 1);
    }

    /// The selection begins here (`[`), or ends here (`]`).
    pub fn mark(&mut self, end: bool) {
        let (at, last) = (self.at, self.frames().saturating_sub(1));
        let (from, to) = match &self.selection {
            Some(s) if end => (s.start.min(at), at),
            Some(s) => (at, (s.end - 1).max(at)),
            None if end => (0, at),
            None => (at, last),
        };
        self.select(from, to);
    }

    /// The rater whose labels the scores are against.
    pub fn rater_name(&self) -> Option<&str> {
        self.project
            .raters()
            .get(self.rater)
            .map(|r| r.name.as_str())
    }

    /// Scores over everything, over the selection, and up to the play-head.
    pub fn scores(&self) -> [Option<Scores>; 3] {
        if self.project.model().is_none() || self.project.raters().is_empty() {
            return [None, None, None];
        }
        let of = |range| self.project.scores(self.rater, range);
        [
            Some(of(0..self.frames())),
            self.selection.clone().map(of),
            Some(of(0..self.at + 1)),
        ]
    }

    /// Whether a frame is one of the chosen cell of the confusion matrix.
    pub fn in_cell(&self, frame: usize) -> bool {
        let (Some((label, said)), Some(model), Some(rater)) = (
            self.cell,
            self.project.model(),
            self.project.raters().get(self.rater),
        ) else {
            return false;
        };
        rater.track().expression(frame) == Some(label)
            && model.track().expression(frame) == Some(said)
    }

    /// Chooses a cell and goes to its next run of frames behind the play-head, from the start again behind the last.
    pub fn next_in_cell(&mut self, label: Expression, said: Expression) {
        let same = self.cell == Some((label, said));
        self.cell = Some((label, said));
        let from = if same { self.at + 1 } else { 0 };
        let begins = |s: &Self, f: usize| s.in_cell(f) && (f == 0 || !s.in_cell(f - 1));
        let frames = self.frames();
        let next = (from..frames)
            .chain(0..from.min(frames))
            .find(|&f| begins(self, f));
        if let Some(frame) = next {
            self.go(frame as i64);
        }
    }
}

/// `01:02:03.450`, hours only where there are some.
pub fn clock(time_s: f64) -> String {
    let ms = (time_s.max(0.0) * 1e3).round() as u64;
    let (h, m, s, ms) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000);
    if h > 0 {
        format!("{h}:{m:02}:{s:02}.{ms:03}")
    } else {
        format!("{m:02}:{s:02}.{ms:03}")
    }
}

/// What a user may type to go somewhere: a frame's number, or a time with colons (`1:23.4`) or an s (`83.4s`).
pub fn place(text: &str, project: &Project) -> Option<usize> {
    let text = text.trim();
    let time_s = if let Some(seconds) = text.strip_suffix('s') {
        seconds.trim().parse::<f64>().ok()?
    } else if text.contains(':') {
        let mut total = 0.0;
        for part in text.split(':') {
            total = total * 60.0 + part.trim().parse::<f64>().ok().filter(|v| *v >= 0.0)?;
        }
        total
    } else {
        let digits: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        return digits
            .parse::<usize>()
            .ok()
            .map(|f| f.min(project.frames().saturating_sub(1)));
    };
    time_s.is_finite().then(|| project.frame_at(time_s))
}

#[cfg(test)]
mod tests;
