//! What was read in the last minutes, for the timeline and the trace.
//!
//! Bounded in time ([`KEEP_S`]) and in number ([`MAX_SAMPLES`]). A frame on which nobody was found ends a line; so does
//! a followed face that is away for longer than [`AWAY_S`]. A frame that was dropped says nothing and ends nothing.
//!
//! Unrelated pictures ([`History::set_stills`]) are neither smoothed nor joined; each counts as a second of the timeline.

use std::collections::{BTreeMap, VecDeque};

use crate::analysis::{Record, Status};
use crate::labels::Estimate;
use crate::smooth::{Smoother, Smoothing};

/// How far back it reaches, seconds.
pub const KEEP_S: f64 = 300.0;
/// The most samples kept of one face: 60 a second over the whole time.
pub const MAX_SAMPLES: usize = 18_000;
/// The most faces kept; the one that was seen longest ago goes first.
pub const MAX_FACES: usize = 16;
/// A face that is not seen for longer than this leaves a gap, seconds.
pub const AWAY_S: f64 = 0.5;

/// One face at one time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// The frame's time, seconds.
    pub time_s: f64,
    /// As the network said it.
    pub raw: Estimate,
    /// As it is shown.
    pub shown: Estimate,
}

/// The samples of one face.
#[derive(Debug)]
struct Track {
    samples: VecDeque<Sample>,
    smoother: Smoother,
    first_seen_s: f64,
}

/// A stretch of the timeline without a line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gap {
    /// From this time, seconds.
    pub from_s: f64,
    /// To this time, seconds.
    pub to_s: f64,
    /// Why.
    pub why: GapReason,
}

/// Why there is no line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GapReason {
    /// Frames were looked at and nobody was in them.
    NoFace,
    /// Others were there; the followed one was not.
    Away,
    /// No frame was looked at.
    NoPicture,
}

impl GapReason {
    /// The word on the timeline.
    pub fn word(self) -> &'static str {
        match self {
            Self::NoFace => "no face",
            Self::Away => "other faces",
            Self::NoPicture => "no picture",
        }
    }
}

/// See the module's text.
#[derive(Debug)]
pub struct History {
    smoothing: Smoothing,
    stills: bool,
    tracks: BTreeMap<u32, Track>,
    /// Time and number of faces of every frame that was looked at.
    frames: VecDeque<(f64, u16)>,
    /// Which face was followed from when on, oldest first.
    lineage: Vec<(f64, u32)>,
    latest_s: Option<f64>,
}

impl History {
    /// An empty history.
    pub fn new(smoothing: Smoothing) -> Self {
        Self {
            smoothing,
            stills: false,
            tracks: BTreeMap::new(),
            frames: VecDeque::new(),
            lineage: Vec::new(),
            latest_s: None,
        }
    }

    /// Forgets everything: a new source begins.
    pub fn clear(&mut self) {
        *self = Self {
            stills: self.stills,
            ..Self::new(self.smoothing)
        };
    }

    /// From now on the frames are unrelated pictures, or are not.
    pub fn set_stills(&mut self, stills: bool) {
        self.stills = stills;
    }

    /// True when the frames are unrelated pictures.
    pub fn is_stills(&self) -> bool {
        self.stills
    }

    /// Where a record stands on the timeline, seconds. Unrelated pictures have no time; they are counted.
    pub fn time_of(&self, record: &Record) -> f64 {
        if self.stills {
            record.stamp.index as f64
        } else {
            record.stamp.time_s
        }
    }

    /// Time of the newest frame, seconds.
    pub fn latest_s(&self) -> Option<f64> {
        self.latest_s
    }

    /// Takes one record.
    pub fn push(&mut self, record: &Record) {
        if matches!(record.status, Status::Dropped | Status::Unreadable) {
            return;
        }
        let time_s = self.time_of(record);
        if !time_s.is_finite() {
            return;
        }
        if self.latest_s.is_some_and(|latest| time_s < latest) {
            // A source that went back in time (a clip that begins again): what was is not comparable.
            self.clear();
        }
        self.latest_s = Some(time_s);
        let faces = u16::try_from(record.readings.len()).unwrap_or(u16::MAX);
        self.frames.push_back((time_s, faces));
        for reading in &record.readings {
            let smoothing = self.smoothing;
            let track = self.tracks.entry(reading.face_id).or_insert_with(|| Track {
                samples: VecDeque::new(),
                smoother: Smoother::new(smoothing),
                first_seen_s: time_s,
            });
            if self.stills {
                track.smoother.reset();
            }
            let shown = track.smoother.step(time_s, &reading.estimate);
            track.samples.push_back(Sample {
                time_s,
                raw: reading.estimate,
                shown,
            });
        }
        self.evict(time_s - KEEP_S);
    }

    fn evict(&mut self, before_s: f64) {
        while self.frames.len() > MAX_SAMPLES
            || self.frames.front().is_some_and(|(t, _)| *t < before_s)
        {
            self.frames.pop_front();
        }
        self.tracks.retain(|_, track| {
            while track.samples.len() > MAX_SAMPLES
                || track.samples.front().is_some_and(|s| s.time_s < before_s)
            {
                track.samples.pop_front();
            }
            !track.samples.is_empty()
        });
        while self.tracks.len() > MAX_FACES {
            let oldest = self.tracks.iter().min_by(|a, b| {
                let last = |t: &Track| t.samples.back().map_or(f64::MIN, |s| s.time_s);
                last(a.1).total_cmp(&last(b.1))
            });
            let Some(id) = oldest.map(|(id, _)| *id) else {
                break;
            };
            self.tracks.remove(&id);
        }
        // The last entry that began before the window still rules its start.
        let keep_from = self
            .lineage
            .iter()
            .rposition(|(t, _)| *t < before_s)
            .unwrap_or(0);
        self.lineage.drain(..keep_from);
    }

    /// Smooths everything anew.
    pub fn set_smoothing(&mut self, smoothing: Smoothing) {
        self.smoothing = smoothing;
        for track in self.tracks.values_mut() {
            track.smoother = Smoother::new(smoothing);
            for sample in &mut track.samples {
                if self.stills {
                    track.smoother.reset();
                }
                sample.shown = track.smoother.step(sample.time_s, &sample.raw);
            }
        }
    }

    /// The newest sample of a face, if it is no older than [`AWAY_S`].
    pub fn current(&self, face_id: u32) -> Option<&Sample> {
        let sample = self.tracks.get(&face_id)?.samples.back()?;
        (self.latest_s? - sample.time_s <= AWAY_S).then_some(sample)
    }

    /// Seconds between the first and the last sight of a face.
    pub fn seen_for_s(&self, face_id: u32) -> Option<f64> {
        let track = self.tracks.get(&face_id)?;
        Some(track.samples.back()?.time_s - track.first_seen_s)
    }

    /// From now on this face is followed; `all_along` also for the time that is past (the user asked to see it).
    pub fn follow(&mut self, face_id: u32, all_along: bool) {
        if all_along {
            self.lineage.clear();
        }
        if self.lineage.last().is_some_and(|(_, id)| *id == face_id) {
            return;
        }
        let from_s = if self.lineage.is_empty() {
            f64::NEG_INFINITY
        } else {
            self.latest_s.unwrap_or(f64::NEG_INFINITY)
        };
        self.lineage.push((from_s, face_id));
    }

    /// The samples of the followed face (of the one that was followed at each time) from `from_s` on, oldest first.
    pub fn followed(&self, from_s: f64) -> impl Iterator<Item = &Sample> + '_ {
        self.lineage
            .iter()
            .enumerate()
            .flat_map(move |(i, (start_s, id))| {
                let start_s = start_s.max(from_s);
                let end_s = self.lineage.get(i + 1).map_or(f64::INFINITY, |(t, _)| *t);
                let samples = self.tracks.get(id).map(|track| {
                    let begin = track.samples.partition_point(|s| s.time_s < start_s);
                    track
                        .samples
                        .range(begin..)
                        .take_while(move |s| s.time_s < end_s)
                });
                samples.into_iter().flatten()
            })
    }

    /// The followed samples from `from_s` on as unbroken runs, and the gaps between them up to the newest frame.
    pub fn runs(&self, from_s: f64) -> (Vec<Vec<&Sample>>, Vec<Gap>) {
        let Some(latest_s) = self.latest_s else {
            return (Vec::new(), Vec::new());
        };
        let away_s = self.away_s();
        let mut empty = self
            .frames
            .iter()
            .skip(self.frames.partition_point(|(t, _)| *t < from_s))
            .filter(|(_, faces)| *faces == 0)
            .map(|(t, _)| *t)
            .peekable();
        let mut runs: Vec<Vec<&Sample>> = Vec::new();
        let mut gaps = Vec::new();
        let mut last_s: Option<f64> = None;
        for sample in self.followed(from_s) {
            let mut seen_empty = false;
            while empty.next_if(|t| *t < sample.time_s).is_some() {
                seen_empty = true;
            }
            let broken = last_s.is_none_or(|t| sample.time_s - t > away_s) || seen_empty;
            if self.stills {
                runs.push(Vec::new());
            } else if broken {
                let from_s = last_s.or_else(|| self.first_frame_s(from_s));
                if let Some(from_s) = from_s
                    && from_s < sample.time_s
                {
                    gaps.push(self.gap(from_s, sample.time_s));
                }
                runs.push(Vec::new());
            }
            if let Some(run) = runs.last_mut() {
                run.push(sample);
            }
            last_s = Some(sample.time_s);
        }
        // An empty place says enough of a picture without a face.
        if self.stills {
            return (runs, gaps);
        }
        let tail_from_s = last_s.or_else(|| self.first_frame_s(from_s));
        if let Some(tail_s) = tail_from_s
            && (latest_s - tail_s > away_s || empty.peek().is_some())
            && tail_s < latest_s
        {
            gaps.push(self.gap(tail_s, latest_s));
        }
        (runs, gaps)
    }

    /// [`AWAY_S`], or more where frames come so seldom that every pause would be a gap.
    fn away_s(&self) -> f64 {
        let n = self.frames.len().min(60);
        match (
            self.frames
                .len()
                .checked_sub(n)
                .and_then(|i| self.frames.get(i)),
            self.frames.back(),
        ) {
            (Some((first, _)), Some((last, _))) if n > 2 => {
                AWAY_S.max(3.0 * (last - first) / (n - 1) as f64)
            }
            _ => AWAY_S,
        }
    }

    fn first_frame_s(&self, from_s: f64) -> Option<f64> {
        let first = self.frames.partition_point(|(t, _)| *t < from_s);
        // A frame before the window means that the window begins within the history.
        if first > 0 {
            Some(from_s)
        } else {
            self.frames.front().map(|(t, _)| *t)
        }
    }

    fn gap(&self, from_s: f64, to_s: f64) -> Gap {
        let begin = self.frames.partition_point(|(t, _)| *t <= from_s);
        let (mut none, mut some) = (0, 0);
        for (_, faces) in self.frames.range(begin..).take_while(|(t, _)| *t < to_s) {
            *(if *faces == 0 { &mut none } else { &mut some }) += 1;
        }
        let why = match (none, some) {
            (0, 0) => GapReason::NoPicture,
            (none, some) if none >= some => GapReason::NoFace,
            _ => GapReason::Away,
        };
        Gap { from_s, to_s, why }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "history_tests.rs"]
mod tests;
