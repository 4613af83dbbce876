//! Frames, records and pictures on their way from the capture to the window and the recording.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::TrySendError;

use super::{Shared, Tape};
use crate::analysis::{Analysis, Record};
use crate::frame::Frame;
use crate::record::restamp;
use crate::session::{SourceState, Update};
use crate::source::Pace;

/// Records that may wait for the window: a minute at 30 a second.
const RECORDS_WAITING: usize = 2048;

impl Shared {
    /// Every frame that was captured passes here, on the capture thread.
    pub fn captured(&self, generation: u64, frame: &Arc<Frame>) {
        let now_s = self.clock.now_s();
        let mut inner = self.lock();
        if !self.is_current(generation) {
            return;
        }
        inner.captured.tick(now_s);
        inner.last_frame_s = Some(now_s);
        if matches!(
            inner.status.state,
            SourceState::Starting | SourceState::Waiting { .. } | SourceState::Failed { .. }
        ) {
            inner.status.state = SourceState::Running;
        }
        let mut late = false;
        if let Some(tape) = inner.tape.as_mut().filter(|tape| tape.ends.is_none()) {
            tape.captured = Some(frame.stamp.index);
            let origin = *tape.origin.get_or_insert(frame.stamp);
            if let Some(pictures) = &tape.pictures {
                let stamp = restamp(frame.stamp, origin);
                late = matches!(
                    pictures.try_send((stamp, frame.clone())),
                    Err(TrySendError::Full(_))
                );
            }
        }
        if late && let Some(recording) = &mut inner.status.recording {
            recording.pictures_dropped += 1;
        }
    }

    pub fn dropped(&self, generation: u64) {
        let mut inner = self.lock();
        if self.is_current(generation) {
            inner.status.rates.dropped += 1;
        }
    }

    /// How the frames of the open source are to be taken, and whether they are unrelated pictures.
    pub fn kind(&self) -> (Pace, bool) {
        let inner = self.lock();
        let info = inner.status.info.as_ref();
        info.map_or((Pace::Camera, false), |i| (i.pace, i.stills))
    }

    /// A settled record, in the order of its frames: to the window, and to the recording, which may make this wait.
    pub fn publish_record(&self, generation: u64, record: &Arc<Record>) {
        let mut inner = self.lock();
        if !self.is_current(generation) {
            return;
        }
        if inner.records.len() == RECORDS_WAITING {
            inner.records.pop_front();
            inner.records_missed += 1;
        }
        inner.records.push_back(record.clone());
        let index = record.stamp.index;
        let row = inner.tape.as_mut().and_then(|tape| {
            let origin = tape.origin?;
            tape.published = Some(index);
            let last = tape.ends.map_or(u64::MAX, |(last, _)| last);
            (origin.index..=last).contains(&index).then(|| {
                let mut row = (**record).clone();
                row.stamp = restamp(record.stamp, origin);
                (tape.rows.clone(), Arc::new(row))
            })
        });
        let over = |tape: &Tape| tape.ends.is_some_and(|(last, _)| index >= last);
        if inner.tape.as_ref().is_some_and(over) {
            inner.tape = None;
        }
        drop(inner);
        if let Some((rows, row)) = row {
            // A writer that is gone has said why.
            let _ = rows.send(row);
        }
    }

    pub fn publish_picture(
        &self,
        generation: u64,
        analysis: Analysis,
        latency_ms: Option<f64>,
        now_s: f64,
    ) {
        let mut inner = self.lock();
        if !self.is_current(generation) {
            return;
        }
        inner.analysed.tick(now_s);
        inner.status.rates.analysed += 1;
        if let Some(ms) = latency_ms {
            inner.latency.add(ms);
        }
        inner.picture = Some(Arc::new(analysis));
        drop(inner);
        (self.wake)();
    }

    pub fn take_update(&self) -> Update {
        let now_s = self.clock.now_s();
        let mut inner = self.lock();
        let inner = &mut *inner;
        let (median, p95) = inner.latency.quantiles_ms();
        let rates = &mut inner.status.rates;
        rates.captured_hz = inner.captured.rate_hz(now_s);
        rates.analysed_hz = inner.analysed.rate_hz(now_s);
        rates.latency_median_ms = median;
        rates.latency_p95_ms = p95;
        if let Some(recording) = &mut inner.status.recording
            && recording.failed.is_none()
        {
            recording.seconds = now_s - inner.tape_started_s;
        }
        Update {
            status: inner.status.clone(),
            picture: inner.picture.take(),
            records: inner.records.drain(..).collect(),
            records_missed: std::mem::take(&mut inner.records_missed),
            source_generation: self.generation.load(Ordering::SeqCst),
        }
    }
}
