//! The session's one monotonic clock.

use std::time::{Duration, Instant};

/// Seconds since the session began, the same for every thread that holds a copy.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock that reads 0 now.
    pub fn start() -> Self {
        Self {
            start: Instant::now(),
        }
    }

    /// Seconds since the start.
    pub fn now_s(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }

    /// How long until the clock reads `time_s`; zero when it already has.
    pub fn until(&self, time_s: f64) -> Duration {
        Duration::try_from_secs_f64(time_s - self.now_s()).unwrap_or(Duration::ZERO)
    }
}
