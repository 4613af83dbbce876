//! The analysis thread: owns the pipeline, turns captured frames into records, and watches over a silent camera.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::{Captured, Item, Shared, StateChange};
use crate::analysis::{Analysis, Record};
use crate::face::finder::{Schedule, Work};
use crate::frame::Frame;
use crate::model::student::Student;
use crate::pipeline::Pipeline;
use crate::session::{SourceState, Tuning};
use crate::source::Pace;

/// The longest wait for a frame before the watchdog looks.
const PATIENCE: Duration = Duration::from_millis(100);
/// A camera that gives nothing for this long is silent.
pub(super) const SILENT_S: f64 = 2.5;

/// The thread's whole life.
pub(super) fn run(shared: &Arc<Shared>, student: Arc<Student>) {
    let mut tuning = Tuning::default();
    let mut pipeline = match Pipeline::new(student, Schedule::Spread, tuning) {
        Ok(pipeline) => pipeline,
        Err(e) => {
            shared.fail(&e.to_string());
            return;
        }
    };
    let mut generation = 0;
    let mut kind = (Pace::Camera, false);
    // Frames without a reading, until the frames before them are out: the look-ahead holds those back.
    let mut held: VecDeque<Record> = VecDeque::new();
    while !shared.is_stopped() {
        if let Some(new) = shared.new_tuning() {
            tuning = new;
            pipeline.tune(tuning);
            shared.set_lookahead_ms(pipeline.lookahead_s() * 1e3);
        }
        let Some(Captured {
            generation: of,
            skipped,
            item,
        }) = shared.slot.take(PATIENCE)
        else {
            shared.watch();
            continue;
        };
        if !shared.is_current(of) {
            continue;
        }
        if of != generation {
            generation = of;
            kind = shared.kind();
            // A file waits for us, so that every frame may be searched whole.
            pipeline.set_schedule(match kind.0 {
                Pace::File => Schedule::Thorough,
                Pace::Camera | Pace::Clocked => Schedule::Spread,
            });
            pipeline.reset();
            held.clear();
        }
        held.extend(
            skipped
                .into_iter()
                .map(|s| Record::empty(s.stamp, s.file, s.status)),
        );
        // Latency belongs to frames that were captured, not to those of a file.
        let latency_ms = |frame: &Frame| match kind.0 {
            Pace::File => None,
            Pace::Camera | Pace::Clocked => since_capture_ms(shared, frame),
        };
        let mut stepped = None;
        let done = match item {
            Item::Frame(frame) => {
                stepped = Some(frame.clone());
                if kind.1 {
                    // Pictures have nothing to do with each other.
                    pipeline.reset();
                }
                pipeline.step_timed(frame, latency_ms)
            }
            Item::End { note } => {
                let rest = pipeline.flush_timed(latency_ms);
                shared.set_state(of, StateChange::To(SourceState::Ended { note }));
                rest
            }
            Item::Failed(reason) => {
                let rest = pipeline.flush_timed(latency_ms);
                shared.set_state(of, StateChange::To(SourceState::Failed { reason }));
                rest
            }
        };
        match done {
            Ok(analyses) => {
                for analysis in analyses {
                    let index = analysis.frame.stamp.index;
                    while let Some(record) = held.pop_front_if(|r| r.stamp.index < index) {
                        shared.publish_record(of, &Arc::new(record));
                    }
                    publish(shared, of, analysis, pipeline.finding());
                }
                match stepped {
                    // What the next frames need of this one, now that nobody waits for it.
                    Some(frame) => pipeline.step_rest(&frame),
                    None => {
                        for record in held.drain(..) {
                            shared.publish_record(of, &Arc::new(record));
                        }
                    }
                }
            }
            Err(e) => {
                shared.fail(&e.to_string());
                return;
            }
        }
    }
}

fn since_capture_ms(shared: &Shared, frame: &Frame) -> Option<f64> {
    let now_s = shared.clock.now_s();
    frame.captured_s.map(|s| (now_s - s) * 1e3)
}

fn publish(shared: &Shared, generation: u64, analysis: Analysis, finding: Work) {
    let latency_ms = since_capture_ms(shared, &analysis.frame);
    // What a slow frame was slow by: counters beside its latency.
    let index = analysis.frame.stamp.index;
    tracing::trace!("frame {index}: {latency_ms:?} ms, {finding:?}");
    shared.publish_record(generation, &analysis.record);
    shared.publish_picture(generation, analysis, latency_ms, shared.clock.now_s());
}
