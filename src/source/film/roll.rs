//! What to decode next of a video, and by which decoder.
//!
//! Two runs at most: one ahead of the wanted frame, which stands still while nobody takes its frames; and one behind it,
//! which begins at a key before, lets go of what it passes, and ends where the kept frames begin.

use std::time::Duration;

use super::cache::Cache;
use super::{Travel, Work};
use crate::source::SourceError;
use crate::source::video::reel::{Counted, Reel, Run, Step};

/// What it costs to start a decoder, in frames that are decoded and let go of.
const START_COST: usize = 25;

/// What a frame costs that is converted and handed over, in frames that are decoded and let go of.
const FRAME_COST: usize = 2;

/// Frames before the wanted one that come with it at least, when somebody goes backwards.
const COMES_WITH: usize = 8;

/// What a piece of work came to.
pub(super) enum Done {
    Work(Work),
    /// The container was wrong about the frames: they were counted, and are others now.
    Renumbered,
}

/// Why a frame cannot be had.
pub(super) enum Broken {
    /// What it is read with broke.
    Source(SourceError),
    /// This frame cannot; without a full stop.
    Frame(String),
}

impl From<SourceError> for Broken {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}

/// A run that ends before a frame.
struct Behind {
    run: Run,
    end: usize,
}

/// Which run brings what is needed next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Job {
    /// The run ahead as it is.
    Ahead,
    /// The run behind as it is.
    Behind,
    /// A new run ahead from a frame on.
    NewAhead(usize),
    /// A new run behind, from the first frame to before the second.
    NewBehind(usize, usize),
}

/// A video being looked at.
pub(super) struct Roll {
    reel: Reel,
    ahead: Option<Run>,
    behind: Option<Behind>,
    /// Runs that were off since the last frame came.
    tries: usize,
}

impl Roll {
    pub fn new(reel: Reel, ahead: Option<Run>) -> Self {
        Self {
            reel,
            ahead,
            behind: None,
            tries: 0,
        }
    }

    pub fn reel(&self) -> &Reel {
        &self.reel
    }

    /// Takes a count for what is true. Says whether the frames are others than before.
    pub fn settle(&mut self, cache: &mut Cache, counted: Counted) -> bool {
        let renumbered = self.reel.settle(counted);
        if renumbered {
            self.forget(cache);
        }
        renumbered
    }

    fn forget(&mut self, cache: &mut Cache) {
        cache.clear();
        (self.ahead, self.behind) = (None, None);
        self.tries = 0;
    }

    /// Brings one frame, or waits for one up to `patience`.
    pub fn work(
        &mut self,
        cache: &mut Cache,
        want: usize,
        travel: Travel,
        patience: Duration,
        watch: &mut dyn FnMut(f64) -> bool,
    ) -> Result<Done, Broken> {
        let Some(job) = self.job(cache, want, travel) else {
            return Ok(Done::Work(Work::Idle));
        };
        match job {
            Job::NewAhead(from) => {
                // The old one ends first: two decoders at a time are enough.
                self.ahead = None;
                self.ahead = Some(self.reel.start(from, self.tries)?);
            }
            Job::NewBehind(from, end) => {
                self.behind = None;
                let run = self.reel.start(from, self.tries)?;
                self.behind = Some(Behind { run, end });
            }
            Job::Ahead | Job::Behind => {}
        }
        let is_ahead = matches!(job, Job::Ahead | Job::NewAhead(_));
        let run = if is_ahead {
            self.ahead.as_mut()
        } else {
            self.behind.as_mut().map(|behind| &mut behind.run)
        };
        let Some(run) = run else {
            return Ok(Done::Work(Work::Busy));
        };
        let step = self.reel.step(run, patience);
        let off = match step {
            Ok(Step::Frame(frame)) => {
                self.tries = 0;
                cache.put(frame, want, travel);
                self.behind
                    .take_if(|behind| behind.run.next() >= behind.end);
                return Ok(Done::Work(Work::Busy));
            }
            Ok(Step::Waiting) => return Ok(Done::Work(Work::Busy)),
            Ok(Step::Off(off)) => Ok(off),
            Err(error) => Err(error),
        };
        let run = if is_ahead {
            self.ahead.take()
        } else {
            self.behind.take().map(|behind| behind.run)
        };
        let off = off?;
        if run.is_some_and(|run| self.reel.may_retry(&run, off)) {
            self.tries += 1;
            return Ok(Done::Work(Work::Busy));
        }
        self.tries = 0;
        if self.reel.counted() {
            return Err(Broken::Frame(
                "ffmpeg does not give it a second time. The file is damaged there, or has changed: go to another \
                 frame, or open it again"
                    .to_owned(),
            ));
        }
        tracing::info!(
            ?off,
            "the video's packets do not tell its frames: it is decoded once"
        );
        let renumbered = self.reel.recount(watch)?;
        self.forget(cache);
        Ok(if renumbered {
            Done::Renumbered
        } else {
            Done::Work(Work::Busy)
        })
    }

    /// What to do next; `None`: nothing.
    fn job(&self, cache: &Cache, want: usize, travel: Travel) -> Option<Job> {
        let room = cache.room(self.reel.frame_bytes());
        // Half of the room on either side of the wanted frame; a window behind is fetched when half of the one before it has
        // been gone through.
        let half = (room / 2).saturating_sub(1).max(1);
        if !cache.has(want) {
            if self.brings(want) {
                return Some(Job::Behind);
            }
            return Some(match travel {
                Travel::Forward => self.ahead_to(want),
                Travel::Backward => {
                    let first = self.reel.key(want).max((want + 1).saturating_sub(half));
                    let first = first.min(want.saturating_sub(COMES_WITH.min(half)));
                    Job::NewBehind(first, want + 1)
                }
            });
        }
        let (ahead, behind) = match travel {
            Travel::Forward => (room / 2, room / 8),
            Travel::Backward => (0, half),
        };
        let last = (want + ahead).min(self.reel.frames().saturating_sub(1));
        if let Some(missing) = cache.missing(want, last) {
            return Some(self.ahead_to(missing));
        }
        let low = cache.lowest(want);
        if low == 0 || want - low >= behind {
            return None;
        }
        Some(match &self.behind {
            Some(running) if running.end == low && running.run.next() < low => Job::Behind,
            _ => Job::NewBehind(low.saturating_sub(behind), low),
        })
    }

    /// Whether the run behind will come by a frame.
    fn brings(&self, index: usize) -> bool {
        self.behind
            .as_ref()
            .is_some_and(|behind| (behind.run.next()..behind.end).contains(&index))
    }

    /// Goes on with the run ahead where that is the shortest way to a frame.
    fn ahead_to(&self, index: usize) -> Job {
        let anew = START_COST + index - self.reel.key(index);
        match &self.ahead {
            Some(run) if run.next() <= index && FRAME_COST * (index - run.next()) <= anew => {
                Job::Ahead
            }
            _ => Job::NewAhead(index),
        }
    }
}
