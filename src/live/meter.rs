//! Rates and latencies, over a short past.

use std::collections::VecDeque;

/// Rates are counted over this long.
const RATE_S: f64 = 2.0;
/// Latencies are kept of so many frames.
const LATENCIES: usize = 120;

/// Counts events a second.
#[derive(Debug, Default)]
pub struct RateMeter {
    times_s: VecDeque<f64>,
}

impl RateMeter {
    /// One happened.
    pub fn tick(&mut self, now_s: f64) {
        self.times_s.push_back(now_s);
        self.forget(now_s);
    }

    /// How many a second, over the last two.
    pub fn rate_hz(&mut self, now_s: f64) -> f64 {
        self.forget(now_s);
        match (self.times_s.front(), self.times_s.back()) {
            (Some(first), Some(last)) if self.times_s.len() > 1 => {
                // Up to now when the last one is overdue: a source that stops falls to 0.
                let gap = (last - first) / (self.times_s.len() - 1) as f64;
                let end = if now_s - last > 2.0 * gap {
                    now_s
                } else {
                    *last
                };
                (self.times_s.len() - 1) as f64 / (end - first).max(1e-3)
            }
            _ => 0.0,
        }
    }

    fn forget(&mut self, now_s: f64) {
        while self.times_s.front().is_some_and(|t| now_s - t > RATE_S) {
            self.times_s.pop_front();
        }
    }
}

/// Median and 95th percentile of the last 120.
#[derive(Debug, Default)]
pub struct LatencyMeter {
    last_ms: VecDeque<f64>,
    sorted: Vec<f64>,
}

impl LatencyMeter {
    /// One more.
    pub fn add(&mut self, ms: f64) {
        if self.last_ms.len() == LATENCIES {
            self.last_ms.pop_front();
        }
        self.last_ms.push_back(ms);
    }

    /// `(median, p95)`; zeros before the first.
    pub fn quantiles_ms(&mut self) -> (f64, f64) {
        self.sorted.clear();
        self.sorted.extend(&self.last_ms);
        self.sorted.sort_by(f64::total_cmp);
        let at = |part: f64| {
            let last = self.sorted.len().saturating_sub(1) as f64;
            self.sorted
                .get((last * part).round() as usize)
                .copied()
                .unwrap_or(0.0)
        };
        (at(0.5), at(0.95))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_source_has_its_rate_and_a_dead_one_none() {
        let mut meter = RateMeter::default();
        for i in 0..90 {
            meter.tick(f64::from(i) / 30.0);
        }
        assert!((meter.rate_hz(89.0 / 30.0) - 30.0).abs() < 0.1);
        assert!(meter.rate_hz(4.0) < 25.0);
        assert_eq!(meter.rate_hz(10.0), 0.0);
    }

    #[test]
    fn quantiles_are_of_the_last_ones() {
        let mut meter = LatencyMeter::default();
        assert_eq!(meter.quantiles_ms(), (0.0, 0.0));
        for i in 0..1000 {
            meter.add(f64::from(i));
        }
        let (median, p95) = meter.quantiles_ms();
        assert!((939.0..941.0).contains(&median) && (992.0..995.0).contains(&p95));
    }
}
