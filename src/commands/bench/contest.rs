//! Several things timed by turns, in one process: what slows the machine for a while slows all of them.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::commands::Failure;
use crate::evaluate::bootstrap::quantile;

/// A turn is at least this long, so that the clock's grain is nothing beside it.
const TURN: Duration = Duration::from_millis(10);
/// Before anything counts, each runs for this long.
const WARM_UP: Duration = Duration::from_millis(150);
/// A turn is never more calls than this.
const MOST_CALLS: u32 = 100_000;

/// Median and quartiles of some durations, milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Quartiles {
    pub median_ms: f64,
    pub quartile1_ms: f64,
    pub quartile3_ms: f64,
}

impl Quartiles {
    /// Of these, in any order; `None` of nothing.
    pub fn of(samples_ms: &[f64]) -> Option<Self> {
        let mut sorted = samples_ms.to_vec();
        sorted.sort_by(f64::total_cmp);
        (!sorted.is_empty()).then(|| Self {
            median_ms: quantile(&sorted, 0.5),
            quartile1_ms: quantile(&sorted, 0.25),
            quartile3_ms: quantile(&sorted, 0.75),
        })
    }
}

/// One that takes turns.
pub(super) trait Contender {
    /// Runs until it is warm, and finds out how many calls make a turn.
    fn warm_up(&mut self) -> Result<(), Failure>;

    /// One turn; gives milliseconds a call.
    fn turn(&mut self) -> Result<f64, Failure>;
}

/// How many calls make a turn, when a call takes this long.
pub(super) fn calls_a_turn(call_ms: f64) -> u32 {
    let calls = TURN.as_secs_f64() * 1e3 / call_ms.max(1e-6);
    calls.ceil().clamp(1.0, f64::from(MOST_CALLS)) as u32
}

/// How many calls warm a contender up, when a call takes this long.
pub(super) fn calls_to_warm_up(call_ms: f64) -> u32 {
    let calls = WARM_UP.as_secs_f64() * 1e3 / call_ms.max(1e-6);
    calls.ceil().clamp(1.0, f64::from(MOST_CALLS)) as u32
}

/// A function of ours.
pub(super) struct Ours<F> {
    call: F,
    calls: u32,
}

impl<F: FnMut() -> Result<(), Failure>> Ours<F> {
    pub fn new(call: F) -> Self {
        Self { call, calls: 1 }
    }
}

impl<F: FnMut() -> Result<(), Failure>> Contender for Ours<F> {
    fn warm_up(&mut self) -> Result<(), Failure> {
        let (start, mut calls) = (Instant::now(), 0_u32);
        while calls < 2 || start.elapsed() < WARM_UP {
            (self.call)()?;
            calls += 1;
        }
        self.calls = calls_a_turn(start.elapsed().as_secs_f64() * 1e3 / f64::from(calls));
        Ok(())
    }

    fn turn(&mut self) -> Result<f64, Failure> {
        let start = Instant::now();
        for _ in 0..self.calls {
            (self.call)()?;
        }
        Ok(start.elapsed().as_secs_f64() * 1e3 / f64::from(self.calls))
    }
}

/// Warms all of them up, then gives each a turn in every round; who begins goes round. Gives the milliseconds a call of
/// every round, for each contender.
pub(super) fn run(
    contenders: &mut [Box<dyn Contender + '_>],
    rounds: usize,
) -> Result<Vec<Vec<f64>>, Failure> {
    for contender in contenders.iter_mut() {
        contender.warm_up()?;
    }
    let count = contenders.len();
    let mut samples_ms = vec![Vec::with_capacity(rounds); count];
    for round in 0..rounds {
        for turn in 0..count {
            let which = (round + turn) % count;
            samples_ms[which].push(contenders[which].turn()?);
        }
    }
    Ok(samples_ms)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    struct Named<'a>(&'a RefCell<Vec<usize>>, usize);

    impl Contender for Named<'_> {
        fn warm_up(&mut self) -> Result<(), Failure> {
            Ok(())
        }

        fn turn(&mut self) -> Result<f64, Failure> {
            self.0.borrow_mut().push(self.1);
            Ok(self.1 as f64)
        }
    }

    #[test]
    fn every_round_has_a_turn_of_each_and_another_begins() {
        let turns = RefCell::default();
        let mut contenders: Vec<Box<dyn Contender + '_>> =
            vec![Box::new(Named(&turns, 0)), Box::new(Named(&turns, 1))];
        let samples_ms = run(&mut contenders, 3).unwrap();
        assert_eq!(samples_ms, [[0.0; 3], [1.0; 3]]);
        assert_eq!(*turns.borrow(), [0, 1, 1, 0, 0, 1]);
    }

    #[test]
    fn quartiles_lie_between() {
        assert_eq!(Quartiles::of(&[]), None);
        let of_five = Quartiles::of(&[5.0, 1.0, 4.0, 2.0, 3.0]).unwrap();
        assert_eq!(of_five.median_ms, 3.0);
        assert_eq!((of_five.quartile1_ms, of_five.quartile3_ms), (2.0, 4.0));
    }

    #[test]
    fn short_calls_are_many_a_turn_and_a_long_one_is_one() {
        assert_eq!(calls_a_turn(50.0), 1);
        assert_eq!(calls_a_turn(1.0), 10);
        assert_eq!(calls_a_turn(0.0), MOST_CALLS);
    }
}
