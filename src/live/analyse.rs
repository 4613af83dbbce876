//! The analysis thread: owns the pipeline, turns captured frames into records, and watches over a silent camera.

use std::sync::Arc;
use std::time::Duration;

use super::{Captured, Item, Shared, StateChange};
use crate::analysis::{Analysis, Record};
use crate::face::finder::Schedule;
use crate::model::student::Student;
use crate::pipeline::Pipeline;
use crate::session::{SourceState, Tuning};

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
            pipeline.reset();
        }
        for skip in skipped {
            shared.publish_record(
                of,
                &Arc::new(Record::empty(skip.stamp, skip.file, skip.status)),
            );
        }
        let done = match item {
            Item::Frame(frame) => pipeline.step(frame),
            Item::End { note } => {
                let rest = pipeline.flush();
                shared.set_state(of, StateChange::To(SourceState::Ended { note }));
                rest
            }
            Item::Failed(reason) => {
                let rest = pipeline.flush();
                shared.set_state(of, StateChange::To(SourceState::Failed { reason }));
                rest
            }
        };
        match done {
            Ok(analyses) => {
                for analysis in analyses {
                    publish(shared, of, analysis);
                }
            }
            Err(e) => {
                shared.fail(&e.to_string());
                return;
            }
        }
    }
}

fn publish(shared: &Shared, generation: u64, mut analysis: Analysis) {
    let now_s = shared.clock.now_s();
    let latency_ms = analysis.frame.captured_s.map(|s| (now_s - s) * 1e3);
    if shared.rows_have_latency() {
        let mut record = (*analysis.record).clone();
        record.latency_ms = latency_ms;
        analysis.record = Arc::new(record);
    }
    shared.publish_record(generation, &analysis.record);
    shared.publish_picture(generation, analysis, latency_ms, now_s);
}
