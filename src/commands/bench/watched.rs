//! The live session with somebody who writes down what passes from it to the window.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::analysis::Status;
use crate::live::Live;
use crate::session::{Command, Engine, LiveStatus, Update};
use crate::source::camera::CameraInfo;

/// A duration, and when it ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timed {
    pub at: Instant,
    pub ms: f64,
}

/// What was written down, from the end of the warm-up on.
#[derive(Debug, Default)]
pub(super) struct Log {
    /// Nothing counts before it is set.
    pub since: Option<Instant>,
    /// Capture to analysed.
    pub analysed: Vec<Timed>,
    /// Capture to taken up by the window.
    pub taken: Vec<Timed>,
    /// Capture to drawn.
    pub drawn: Vec<Timed>,
    /// What each frame of the window took, from its begin to its being drawn.
    pub frames: Vec<Timed>,
    /// Records that waited for the window, at each look.
    pub waiting: Vec<(Instant, usize)>,
    pub records_missed: u64,
    /// Of the session, when counting began and at the last look.
    pub first: Option<(Instant, LiveStatus)>,
    pub last: Option<(Instant, LiveStatus)>,
    /// Taken up and not drawn yet.
    undrawn: Option<Timed>,
}

impl Log {
    fn take(&mut self, update: &Update, now_s: f64) {
        let now = Instant::now();
        self.last = Some((now, update.status.clone()));
        if self.since.is_none_or(|since| now < since) {
            return;
        }
        self.first
            .get_or_insert_with(|| (now, update.status.clone()));
        self.records_missed += update.records_missed;
        self.waiting.push((now, update.records.len()));
        let read = |s: Status| matches!(s, Status::Ok | Status::NoFace);
        for record in update.records.iter().filter(|r| read(r.status)) {
            if let Some(ms) = record.latency_ms {
                self.analysed.push(Timed { at: now, ms });
            }
        }
        let picture = update.picture.as_ref();
        if let Some(captured_s) = picture.and_then(|p| p.frame.captured_s) {
            let ms = (now_s - captured_s) * 1e3;
            let taken = Timed { at: now, ms };
            self.taken.push(taken);
            self.undrawn = Some(taken);
        }
    }

    /// A frame of the window is drawn that took this long.
    pub fn drawn(&mut self, frame_ms: f64) {
        let now = Instant::now();
        if self.since.is_none_or(|since| now < since) {
            return;
        }
        self.frames.push(Timed {
            at: now,
            ms: frame_ms,
        });
        if let Some(taken) = self.undrawn.take() {
            let ms = taken.ms + (now - taken.at).as_secs_f64() * 1e3;
            self.drawn.push(Timed { at: now, ms });
        }
    }
}

/// Shared between the engine, the window and whoever ends it.
#[derive(Clone, Default)]
pub(super) struct SharedLog(Arc<Mutex<Log>>);

impl SharedLog {
    /// A log whose room for so many frames is in memory from the beginning: what it takes must not look like the
    /// session's growth.
    pub fn with_room(frames: usize) -> Self {
        let blank = Timed {
            at: Instant::now(),
            ms: 0.0,
        };
        let room = || {
            let mut room = vec![blank; frames];
            room.clear();
            room
        };
        let mut waiting = vec![(blank.at, 1); frames];
        waiting.clear();
        Self(Arc::new(Mutex::new(Log {
            analysed: room(),
            taken: room(),
            drawn: room(),
            frames: room(),
            waiting,
            ..Log::default()
        })))
    }

    pub fn lock(&self) -> MutexGuard<'_, Log> {
        // Figures only: a panic elsewhere leaves nothing here that could mislead.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See the module's text.
pub(super) struct Watched {
    pub live: Live,
    pub log: SharedLog,
    /// Pause once counting begins.
    pub pause: bool,
}

impl Engine for Watched {
    fn poll(&mut self) -> Update {
        let update = self.live.poll();
        let mut log = self.log.lock();
        log.take(&update, self.live.now_s());
        if self.pause && log.since.is_some_and(|since| Instant::now() >= since) {
            self.pause = false;
            self.live.send(Command::Pause(true));
        }
        update
    }

    fn send(&mut self, command: Command) {
        self.live.send(command);
    }

    fn now_s(&self) -> f64 {
        self.live.now_s()
    }

    fn cameras(&mut self) -> Vec<CameraInfo> {
        // The computer's own cameras are nobody's business here.
        Vec::new()
    }
}
