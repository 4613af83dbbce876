//! What the session's threads share: one slot, one lock over the figures, and nothing that waits under it.

mod cameras;
mod passage;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::analyse::SILENT_S;
use super::meter::{LatencyMeter, RateMeter};
use super::tape::Tape;
use super::{Opener, Wake};
use crate::analysis::{Analysis, Record, Status};
use crate::clock::Clock;
use crate::frame::{Frame, FrameStamp};
use crate::model::device::Chosen;
use crate::session::{LiveStatus, SourceState, Tuning, WeightsCard};
use crate::slot::Slot;
use crate::source::camera::CameraInfo;
use crate::source::{FrameSource, SourceError, SourceInfo, SourceSpec};

/// A camera that is not open after this long does not answer.
const SLOW_OPEN_S: f64 = 3.5;
/// How long a recording that was stopped waits for its last row.
const LAST_ROW_S: f64 = 1.0;

/// A frame that will have no reading.
pub(crate) struct Skipped {
    pub stamp: FrameStamp,
    pub file: Option<Arc<str>>,
    pub status: Status,
}

/// What the capture thread hands on.
pub(crate) struct Captured {
    pub generation: u64,
    /// Frames before this one that nobody will read.
    pub skipped: Vec<Skipped>,
    pub item: Item,
}

/// A frame, or how it ended.
pub(crate) enum Item {
    Frame(Arc<Frame>),
    End { note: Option<String> },
    Failed(String),
}

/// A change of the source's state.
pub(crate) enum StateChange {
    To(SourceState),
}

#[derive(Default)]
pub(super) struct Inner {
    pub(super) status: LiveStatus,
    captured: RateMeter,
    analysed: RateMeter,
    latency: LatencyMeter,
    /// When the source was asked for, and when it last gave a frame.
    asked_s: f64,
    last_frame_s: Option<f64>,
    picture: Option<Arc<Analysis>>,
    records: VecDeque<Arc<Record>>,
    records_missed: u64,
    tuning: Option<Tuning>,
    pub(super) tape: Option<Tape>,
    pub(super) tape_id: u64,
    pub(super) tape_started_s: f64,
    /// Kept when the recording is over: its last words may come after.
    pub(super) picture_failure: Option<String>,
    cameras: Vec<CameraInfo>,
    cameras_asked_s: Option<f64>,
    listing: bool,
}

/// The state of a session.
pub(crate) struct Shared {
    pub clock: Clock,
    pub slot: Slot<Captured>,
    pub(super) wake: Wake,
    opener: Opener,
    generation: AtomicU64,
    stopped: AtomicBool,
    paused: AtomicBool,
    inner: Mutex<Inner>,
}

impl Shared {
    pub fn new(wake: Wake, opener: Opener) -> Self {
        Self {
            clock: Clock::start(),
            slot: Slot::default(),
            wake,
            opener,
            generation: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            inner: Mutex::default(),
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Inner> {
        // Figures only: a panic elsewhere leaves nothing here that could mislead.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn introduce(&self, card: &WeightsCard, device: &Chosen) {
        let mut inner = self.lock();
        inner.status.weights = card.clone();
        inner.status.device = device.title.clone();
        inner.status.device_note = device.note.clone();
    }

    pub fn open(&self, spec: &SourceSpec) -> Result<Box<dyn FrameSource>, SourceError> {
        (self.opener)(spec, &self.clock)
    }

    // --- generations

    pub fn is_current(&self, generation: u64) -> bool {
        !self.is_stopped() && self.generation.load(Ordering::SeqCst) == generation
    }

    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    pub fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
    }

    pub fn new_generation(&self, spec: Option<SourceSpec>) -> u64 {
        let mut inner = self.lock();
        let generation = self.generation.fetch_add(1, Ordering::SeqCst) + 1;
        self.paused.store(false, Ordering::SeqCst);
        inner.status = LiveStatus {
            spec,
            weights: std::mem::take(&mut inner.status.weights),
            device: std::mem::take(&mut inner.status.device),
            device_note: inner.status.device_note.take(),
            recording: inner.status.recording.take(),
            rates: crate::session::Rates {
                lookahead_ms: inner.status.rates.lookahead_ms,
                ..Default::default()
            },
            info: None,
            state: SourceState::Starting,
        };
        inner.captured = RateMeter::default();
        inner.analysed = RateMeter::default();
        inner.latency = LatencyMeter::default();
        inner.asked_s = self.clock.now_s();
        inner.tape = None;
        inner.last_frame_s = None;
        inner.picture = None;
        inner.records.clear();
        drop(inner);
        (self.wake)();
        generation
    }

    /// A source is being opened: the watchdog speaks of this one.
    pub fn trying(&self, generation: u64, spec: &SourceSpec) {
        let mut inner = self.lock();
        if self.is_current(generation) {
            inner.status.spec = Some(spec.clone());
            inner.asked_s = self.clock.now_s();
        }
    }

    pub fn opened(&self, generation: u64, spec: &SourceSpec, info: &SourceInfo) {
        let mut inner = self.lock();
        if self.is_current(generation) {
            inner.status.spec = Some(spec.clone());
            inner.status.info = Some(info.clone());
            inner.asked_s = self.clock.now_s();
        }
    }

    pub fn set_state(&self, generation: u64, change: StateChange) {
        let mut inner = self.lock();
        if self.is_current(generation) {
            let StateChange::To(state) = change;
            inner.status.state = state;
        }
        drop(inner);
        (self.wake)();
    }

    /// The session cannot go on.
    pub fn fail(&self, reason: &str) {
        self.lock().status.state = SourceState::Failed {
            reason: reason.to_owned(),
        };
        (self.wake)();
    }

    /// Called while no frame comes: a camera that is silent is told.
    pub fn watch(&self) {
        let now_s = self.clock.now_s();
        let mut inner = self.lock();
        // A paused session publishes nothing more: its recording must end all the same.
        let late = |tape: &Tape| {
            tape.ends
                .is_some_and(|(_, asked_s)| now_s - asked_s > LAST_ROW_S)
        };
        if inner.tape.as_ref().is_some_and(late) {
            inner.tape = None;
        }
        let Inner {
            status,
            asked_s,
            last_frame_s,
            ..
        } = &mut *inner;
        let is_camera = matches!(status.spec, Some(SourceSpec::Camera(_)));
        let name = status
            .info
            .as_ref()
            .map_or("The camera", |i| i.title.as_str());
        let reason = match (&status.state, *last_frame_s) {
            (SourceState::Running, Some(last_s)) if is_camera && now_s - last_s > SILENT_S => {
                format!(
                    "{name} is connected and gives no frames. Check its cable and its shutter, or whether another program holds it."
                )
            }
            (SourceState::Starting, None) if is_camera && now_s - *asked_s > SLOW_OPEN_S => {
                format!(
                    "{name} does not answer yet. Check its cable, or whether another program holds it."
                )
            }
            _ => return,
        };
        status.state = SourceState::Waiting { reason };
        drop(inner);
        (self.wake)();
    }

    // --- the pause

    pub fn is_paused(&self) -> bool {
        self.paused.load(Ordering::SeqCst)
    }

    pub fn pause(&self, paused: bool) {
        let mut inner = self.lock();
        let state = match (&inner.status.state, paused) {
            (SourceState::Running | SourceState::Starting, true) => SourceState::Paused,
            (SourceState::Paused, false) => SourceState::Starting,
            _ => return,
        };
        self.paused.store(paused, Ordering::SeqCst);
        inner.status.state = state;
        inner.asked_s = self.clock.now_s();
        inner.last_frame_s = None;
        drop(inner);
        (self.wake)();
    }

    // --- settings

    pub fn tune(&self, tuning: Tuning) {
        self.lock().tuning = Some(tuning);
    }

    pub fn new_tuning(&self) -> Option<Tuning> {
        self.lock().tuning.take()
    }

    pub fn set_lookahead_ms(&self, ms: f64) {
        self.lock().status.rates.lookahead_ms = ms;
    }

    pub fn nominal_rate_hz(&self) -> f64 {
        let inner = self.lock();
        let rate_hz = inner.status.info.as_ref().and_then(|i| i.rate_hz);
        rate_hz
            .filter(|r| (1.0..=1000.0).contains(r))
            .unwrap_or(30.0)
    }
}
