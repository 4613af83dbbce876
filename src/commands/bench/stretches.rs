//! The latency of a live run stretch by stretch, and what kept it from the cores meanwhile: the hypervisor, other
//! programs, its own threads. With the two side by side a trend can be told from noise.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::usage::{Cores, Threads, WAITERS};
use super::watched::Timed;
use crate::evaluate::bootstrap::quantile;

/// Length of a slice of a long run.
const SLICE_S: f64 = 60.0;
/// A run of fewer minutes than this is cut into [`SHORT_SLICES`].
const FEW_SLICES: usize = 10;
/// Slices of a shorter run.
const SHORT_SLICES: usize = 12;

/// The counters at a moment, summed since some moment of the past.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    pub at: Instant,
    /// `None` where the system does not tell.
    pub cores: Option<Cores>,
    /// Seconds that the threads of each of [`WAITERS`] were ready and had no core.
    pub waited_s: [f64; WAITERS.len()],
}

impl Look {
    /// The counters as they are now; `threads` were just refreshed, `main` is the main thread's name.
    pub fn now(threads: &Threads, main: &str) -> Self {
        Self {
            at: Instant::now(),
            cores: Cores::now(),
            waited_s: threads.waited_s(main),
        }
    }
}

/// What kept the session from the cores, percent of one core. `null` where the system does not tell.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Contention {
    /// The hypervisor gave it to other machines, while something here was ready to run.
    pub stolen_percent: Option<f64>,
    /// Programs beside this one had it, the display's server among them.
    pub others_percent: Option<f64>,
    /// Threads of this program were ready to run and had no core, by what they do. Beside the hypervisor and other
    /// programs they wait for each other.
    pub waited_percent: Option<BTreeMap<&'static str, f64>>,
}

/// A stretch of the run: capture to window, and what kept it from the cores.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Stretch {
    /// `null` when no picture came to the window in it.
    pub median_ms: Option<f64>,
    pub p95_ms: Option<f64>,
    #[serde(flatten)]
    pub contention: Contention,
}

/// All stretches of a run.
#[derive(Debug, Serialize)]
pub(super) struct Stretches {
    pub first: Stretch,
    pub last: Stretch,
    pub whole: Stretch,
    /// Length of each of `slices`.
    pub slice_s: f64,
    /// One after the other, from begin to end.
    pub slices: Vec<Stretch>,
}

impl Stretches {
    /// Those of a run from `from` to `to`, whose first and last part are `part` long. `taken` and `looks` are in the
    /// order of time.
    pub fn of(
        (from, to): (Instant, Instant),
        part: Duration,
        taken: &[Timed],
        looks: &[Look],
    ) -> Self {
        let whole = to.saturating_duration_since(from);
        let count = slices(whole.as_secs_f64());
        let slice = whole / count as u32;
        // Pictures that came a little before the first look or after the last one belong to the ends.
        let number = |t: &Timed| {
            let since = t.at.saturating_duration_since(from).as_secs_f64();
            ((since / slice.as_secs_f64().max(1e-9)) as usize).min(count - 1)
        };
        let stretch = |(begin, end): (Instant, Instant), wanted: &dyn Fn(&Timed) -> bool| {
            let mut sorted: Vec<f64> = taken.iter().filter(|t| wanted(t)).map(|t| t.ms).collect();
            sorted.sort_by(f64::total_cmp);
            let at = |part: f64| (!sorted.is_empty()).then(|| quantile(&sorted, part));
            Stretch {
                median_ms: at(0.5),
                p95_ms: at(0.95),
                contention: contention(looks, begin, end),
            }
        };
        let (first_end, last_begin) = (from + part, from + whole.saturating_sub(part));
        Self {
            first: stretch((from, first_end), &|t| t.at < first_end),
            last: stretch((last_begin, to), &|t| t.at > last_begin),
            whole: stretch((from, to), &|_| true),
            slice_s: slice.as_secs_f64(),
            slices: (0..count)
                .map(|i| {
                    let begin = from + slice * i as u32;
                    stretch((begin, begin + slice), &|t| number(t) == i)
                })
                .collect(),
        }
    }
}

/// How many slices a run is cut into: whole minutes, or twelve where that would be few.
fn slices(seconds: f64) -> usize {
    let minutes = (seconds / SLICE_S).round() as usize;
    if minutes < FEW_SLICES {
        SHORT_SLICES
    } else {
        minutes
    }
}

fn contention(looks: &[Look], begin: Instant, end: Instant) -> Contention {
    let seconds = end.saturating_duration_since(begin).as_secs_f64();
    let percent = |counter: &dyn Fn(&Look) -> Option<f64>| {
        let spent_s = at(looks, end, counter)? - at(looks, begin, counter)?;
        // What others had is the difference of two clocks that do not tick together.
        (seconds > 0.0).then(|| (spent_s / seconds * 100.0).max(0.0))
    };
    let waited: BTreeMap<&'static str, f64> = WAITERS
        .iter()
        .enumerate()
        // A thread that was never there has waited for nothing, which is not worth a word.
        .filter(|(i, _)| looks.iter().any(|look| look.waited_s[*i] > 0.0))
        .filter_map(|(i, role)| Some((*role, percent(&|look| Some(look.waited_s[i]))?)))
        .collect();
    Contention {
        stolen_percent: percent(&|look| look.cores.map(|c| c.stolen_s)),
        others_percent: percent(&|look| look.cores.map(|c| c.others_s)),
        waited_percent: (!waited.is_empty()).then_some(waited),
    }
}

/// A counter at a moment, on the line between the looks before and after it.
fn at(looks: &[Look], moment: Instant, counter: &dyn Fn(&Look) -> Option<f64>) -> Option<f64> {
    let next = looks.partition_point(|look| look.at < moment);
    let before = looks.get(next.saturating_sub(1))?;
    let after = looks.get(next).unwrap_or(before);
    let (low, high) = (counter(before)?, counter(after)?);
    let between_s = after.at.saturating_duration_since(before.at).as_secs_f64();
    if between_s <= 0.0 {
        return Some(low);
    }
    let since_s = moment.saturating_duration_since(before.at).as_secs_f64();
    Some(low + (high - low) * (since_s / between_s).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A look each second: from the fifth second on the hypervisor takes half a core, and the second waiter waits a
    /// tenth of each second from the beginning.
    fn looks(from: Instant) -> Vec<Look> {
        (0..=10)
            .map(|s| Look {
                at: from + Duration::from_secs(s),
                cores: Some(Cores {
                    stolen_s: 3.0 + 0.5 * s.saturating_sub(5) as f64,
                    others_s: 70.0,
                }),
                waited_s: std::array::from_fn(|i| if i == 1 { 0.1 * s as f64 } else { 0.0 }),
            })
            .collect()
    }

    #[test]
    fn what_was_taken_is_told_where_it_was_taken() {
        let from = Instant::now();
        let to = from + Duration::from_secs(10);
        let taken: Vec<Timed> = (0..100)
            .map(|i| Timed {
                at: from + Duration::from_millis(100 * i),
                ms: if i < 50 { 4.0 } else { 9.0 },
            })
            .collect();
        let all = Stretches::of((from, to), Duration::from_secs(4), &taken, &looks(from));
        let stolen = |s: &Stretch| s.contention.stolen_percent.map(f64::round);
        assert_eq!(stolen(&all.first), Some(0.0));
        assert_eq!(stolen(&all.last), Some(50.0));
        assert_eq!(stolen(&all.whole), Some(25.0));
        assert_eq!(all.first.median_ms, Some(4.0));
        assert_eq!(all.last.p95_ms, Some(9.0));
        assert_eq!(all.whole.contention.others_percent, Some(0.0));
        let waited = all.last.contention.waited_percent;
        let waited: Vec<_> = waited.into_iter().flatten().collect();
        assert_eq!(waited.len(), 1, "{waited:?}");
        assert!(waited[0].0 == WAITERS[1] && (waited[0].1 - 10.0).abs() < 1e-6);
        assert_eq!(all.slices.len(), SHORT_SLICES);
        let of_slices: Vec<_> = all.slices.iter().map(|s| s.p95_ms).collect();
        assert_eq!(of_slices[..6], [Some(4.0); 6]);
        assert_eq!(of_slices[6..], [Some(9.0); 6]);
        // The slice in which it begins has it from there on.
        assert_eq!(stolen(&all.slices[5]), Some(0.0));
        assert_eq!(stolen(&all.slices[6]), Some(50.0));
    }

    #[test]
    fn a_system_that_tells_nothing_has_no_figures() {
        let from = Instant::now();
        let to = from + Duration::from_secs(2);
        let silent = Look {
            at: from,
            cores: None,
            waited_s: [0.0; WAITERS.len()],
        };
        let all = Stretches::of((from, to), Duration::from_secs(1), &[], &[silent]);
        let nothing = Stretch {
            median_ms: None,
            p95_ms: None,
            contention: Contention {
                stolen_percent: None,
                others_percent: None,
                waited_percent: None,
            },
        };
        assert_eq!(all.whole, nothing);
        assert_eq!(all.slices, vec![nothing; SHORT_SLICES]);
    }

    #[test]
    fn a_long_run_is_told_by_the_minute() {
        assert_eq!(slices(20.0), SHORT_SLICES);
        assert_eq!(slices(599.9), 10);
        assert_eq!(slices(3600.2), 60);
    }
}
