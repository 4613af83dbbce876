//! The network's parts, with a clock between them.

use std::cell::RefCell;
use std::time::Instant;

use super::contest::{Contender, calls_a_turn};
use crate::analysis::Crop;
use crate::commands::Failure;
use crate::model::student::{PARTS, Student};

/// Milliseconds a call, for each of [`PARTS`] in every round.
pub(super) type Samples = [Vec<f64>; PARTS.len()];

/// Backbone and heads part by part: takes turns with what is timed as a whole.
pub(super) struct Parts<'a> {
    student: &'a Student,
    crops: &'a [Crop],
    samples_ms: &'a RefCell<Samples>,
    calls: u32,
}

impl<'a> Parts<'a> {
    pub fn new(student: &'a Student, crops: &'a [Crop], samples_ms: &'a RefCell<Samples>) -> Self {
        Self {
            student,
            crops,
            samples_ms,
            calls: 1,
        }
    }

    /// Some calls; gives milliseconds a call of each part.
    fn measure(&self, calls: u32) -> Result<[f64; PARTS.len()], Failure> {
        let mut sums_ms = [0.0; PARTS.len()];
        for _ in 0..calls {
            let mut last = Instant::now();
            self.student.run_watched(self.crops, |part| {
                let now = Instant::now();
                sums_ms[part] += (now - last).as_secs_f64() * 1e3;
                last = now;
            })?;
        }
        Ok(sums_ms.map(|ms| ms / f64::from(calls)))
    }
}

impl Contender for Parts<'_> {
    fn warm_up(&mut self) -> Result<(), Failure> {
        self.measure(1)?;
        self.calls = calls_a_turn(self.measure(2)?.iter().sum());
        Ok(())
    }

    fn turn(&mut self) -> Result<f64, Failure> {
        let each_ms = self.measure(self.calls)?;
        for (samples, ms) in self.samples_ms.borrow_mut().iter_mut().zip(each_ms) {
            samples.push(ms);
        }
        Ok(each_ms.iter().sum())
    }
}
