//! The capture thread: owns the source, stamps its frames, hands them on.

use std::sync::Arc;
use std::time::Duration;

use super::{Captured, Item, Shared, Skipped, StateChange};
use crate::analysis::Status;
use crate::frame::{Frame, FrameStamp};
use crate::session::SourceState;
use crate::source::{FrameSource, Next, Pace, SourceError, SourceSpec};

/// How long a thread sleeps at most before it looks whether it is still wanted.
const NAP: Duration = Duration::from_millis(50);
/// Between two tries at a camera that is away.
const RETRY_S: f64 = 1.0;
/// A file or the demo that is later than this no longer tries to catch up.
const BEHIND_S: f64 = 0.25;
/// Frames dropped in a row that are remembered one by one.
const SKIPPED_LIMIT: usize = 10_000;

/// Opens sources, one after the other until one opens, and reads it until another is wanted.
pub(super) struct Capture {
    pub shared: Arc<Shared>,
    pub generation: u64,
    /// Number of the next frame; goes on when a camera comes back.
    index: u64,
    /// Where the source's time 0 lies on the session's clock.
    base_s: Option<f64>,
    skipped: Vec<Skipped>,
}

impl Capture {
    pub(super) fn new(shared: Arc<Shared>, generation: u64) -> Self {
        Self {
            shared,
            generation,
            index: 0,
            base_s: None,
            skipped: Vec::new(),
        }
    }

    /// The thread's whole life.
    pub(super) fn run(mut self, candidates: &[SourceSpec]) {
        let Some((last, others)) = candidates.split_last() else {
            return;
        };
        for spec in others {
            if !self.wanted() {
                return;
            }
            self.shared.trying(self.generation, spec);
            match self.shared.open(spec) {
                Ok(source) => {
                    self.stay(spec, source);
                    return;
                }
                Err(e) => tracing::info!("{spec}: {e}"),
            }
        }
        self.shared.trying(self.generation, last);
        self.until_open(last, false);
    }

    /// False once another source was asked for, or the session ends.
    fn wanted(&self) -> bool {
        self.shared.is_current(self.generation)
    }

    fn nap(&self, seconds: f64) {
        let end_s = self.shared.clock.now_s() + seconds;
        while self.wanted() {
            let left = self.shared.clock.until(end_s);
            if left.is_zero() {
                return;
            }
            std::thread::sleep(left.min(NAP));
        }
    }

    /// Reads a source, and takes it up again when it was lost.
    fn stay(&mut self, spec: &SourceSpec, source: Box<dyn FrameSource>) {
        if let Some(error) = self.read(spec, source) {
            if !error.may_pass() {
                self.send(Item::Failed(error.to_string()));
                return;
            }
            self.shared.set_state(
                self.generation,
                StateChange::To(SourceState::Waiting {
                    reason: format!("{error} It is taken up again as soon as it is back."),
                }),
            );
            self.nap(RETRY_S);
            self.until_open(spec, true);
        }
    }

    /// Tries to open a source until it opens or is no longer wanted; gives up only where trying again cannot help.
    fn until_open(&mut self, spec: &SourceSpec, was_open: bool) {
        while self.wanted() {
            match self.shared.open(spec) {
                Ok(source) => {
                    self.stay(spec, source);
                    return;
                }
                Err(e) => {
                    let reason = e.to_string();
                    let state = if was_open {
                        SourceState::Waiting {
                            reason: format!("{reason} It is taken up again as soon as it is back."),
                        }
                    } else {
                        SourceState::Failed { reason }
                    };
                    self.shared
                        .set_state(self.generation, StateChange::To(state));
                    if !e.may_pass() {
                        return;
                    }
                    self.nap(RETRY_S);
                }
            }
        }
    }

    /// Reads frames to the end; gives back what broke, if something did.
    fn read(&mut self, spec: &SourceSpec, mut source: Box<dyn FrameSource>) -> Option<SourceError> {
        self.shared.opened(self.generation, spec, source.info());
        let pace = source.info().pace;
        let mut paused = false;
        while self.wanted() {
            if self.shared.is_paused() {
                paused = true;
                if pace == Pace::Camera {
                    // Read on, so that the picture is fresh when it goes on; nobody sees these.
                    if let Err(e) = source.skip() {
                        return Some(e);
                    }
                } else {
                    std::thread::sleep(NAP);
                }
                continue;
            }
            if paused && pace != Pace::Camera {
                self.base_s = None;
            }
            paused = false;
            let next = match source.next() {
                Ok(next) => next,
                Err(e) => return Some(e),
            };
            if !self.wanted() {
                break;
            }
            match next {
                Next::Frame(frame) => self.frame(pace, frame),
                Next::Unreadable {
                    stamp,
                    file,
                    reason,
                } => {
                    tracing::warn!("frame {}: {reason}", stamp.index);
                    let stamp = self.stamp(pace, stamp);
                    self.skipped.push(Skipped {
                        stamp,
                        file,
                        status: Status::Unreadable,
                    });
                }
                Next::Missing { stamp } => {
                    let stamp = self.stamp(pace, stamp);
                    self.skipped.push(Skipped {
                        stamp,
                        file: None,
                        status: Status::Missing,
                    });
                }
                Next::End { note } => {
                    self.send(Item::End { note });
                    return None;
                }
            }
        }
        None
    }

    /// Numbers and times as the session has them: a camera that comes back goes on where it was.
    fn stamp(&mut self, pace: Pace, stamp: FrameStamp) -> FrameStamp {
        if pace == Pace::File {
            return stamp;
        }
        let index = self.index;
        self.index += 1;
        let time_s = match pace {
            Pace::Camera => {
                let now_s = self.shared.clock.now_s();
                now_s - *self.base_s.get_or_insert(now_s)
            }
            _ => stamp.time_s,
        };
        FrameStamp { index, time_s }
    }

    fn frame(&mut self, pace: Pace, mut frame: Frame) {
        frame.stamp = self.stamp(pace, frame.stamp);
        if pace != Pace::Camera {
            self.keep_time(frame.stamp.time_s);
            frame.captured_s = Some(self.shared.clock.now_s());
        }
        let frame = Arc::new(frame);
        self.shared.captured(self.generation, &frame);
        let captured = Captured {
            generation: self.generation,
            skipped: std::mem::take(&mut self.skipped),
            item: Item::Frame(frame),
        };
        if pace == Pace::File {
            self.offer(captured);
        } else {
            self.shared.slot.put(|old| self.displace(old, captured));
        }
    }

    /// Waits until a frame of a file or the demo is due.
    fn keep_time(&mut self, time_s: f64) {
        let now_s = self.shared.clock.now_s();
        let base_s = *self.base_s.get_or_insert(now_s - time_s);
        let due_s = base_s + time_s;
        if now_s - due_s > BEHIND_S || due_s - now_s > 5.0 {
            // Late beyond catching up, or a gap in the time stamps nobody would sit through.
            self.base_s = Some(now_s - time_s);
        } else {
            self.nap(due_s - now_s);
        }
    }

    /// A frame that nobody had taken when the next one came becomes a row of its own, in its place before it.
    fn displace(&self, old: Option<Captured>, mut new: Captured) -> Captured {
        let Some(mut old) = old.filter(|old| old.generation == self.generation) else {
            return new;
        };
        if let Item::Frame(frame) = old.item {
            self.shared.dropped(self.generation);
            old.skipped.push(Skipped {
                stamp: frame.stamp,
                file: frame.file.clone(),
                status: Status::Dropped,
            });
        }
        old.skipped.append(&mut new.skipped);
        let over = old.skipped.len().saturating_sub(SKIPPED_LIMIT);
        old.skipped.drain(..over);
        new.skipped = old.skipped;
        new
    }

    fn send(&mut self, item: Item) {
        let captured = Captured {
            generation: self.generation,
            skipped: std::mem::take(&mut self.skipped),
            item,
        };
        self.offer(captured);
    }

    /// Waits until the analysis takes it.
    fn offer(&self, mut captured: Captured) {
        while self.wanted() {
            match self.shared.slot.offer(captured, NAP) {
                Ok(()) => return,
                Err(back) => captured = back,
            }
        }
    }
}
