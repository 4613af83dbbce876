//! How far something long is.

use std::path::Path;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::say;

/// A bar with rate and time left on a terminal; elsewhere a plain line now and then.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    name: String,
    /// What is counted.
    unit: &'static str,
    /// Where it began: what an earlier run did says nothing of the rate.
    first: u64,
    total: Option<u64>,
    started: Instant,
    said: std::cell::Cell<Instant>,
}

/// Between two plain lines.
const PLAIN_EVERY_S: f64 = 10.0;

impl Progress {
    /// Frames of an input, from the first.
    pub fn new(input: &Path, total: Option<u64>) -> Self {
        Self::with(input, "frames", 0, total)
    }

    /// Something else of which some is done already.
    pub fn from(input: &Path, unit: &'static str, first: u64, total: u64) -> Self {
        Self::with(input, unit, first, Some(total))
    }

    fn with(input: &Path, unit: &'static str, first: u64, total: Option<u64>) -> Self {
        let name = input
            .file_name()
            .unwrap_or(input.as_os_str())
            .to_string_lossy()
            .into_owned();
        let target = ProgressDrawTarget::stderr();
        let bar = (!target.is_hidden()).then(|| {
            let (bar, template) = match total {
                Some(total) => (
                    ProgressBar::with_draw_target(Some(total), target),
                    "{msg} {bar:30} {pos}/{len} {prefix}  {per_sec}  {eta} left",
                ),
                None => (
                    ProgressBar::with_draw_target(None, target),
                    "{msg} {spinner} {pos} {prefix}  {per_sec}  {elapsed}",
                ),
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.set_message(name.clone());
            bar.set_prefix(unit);
            bar.with_position(first)
        });
        Self {
            bar,
            name,
            unit,
            first,
            total,
            started: Instant::now(),
            said: std::cell::Cell::new(Instant::now()),
        }
    }

    pub fn at(&self, done: u64) {
        let unit = self.unit;
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        } else if self.said.get().elapsed().as_secs_f64() > PLAIN_EVERY_S {
            self.said.set(Instant::now());
            let more = done.saturating_sub(self.first);
            let rate = more as f64 / self.started.elapsed().as_secs_f64();
            match self.total {
                Some(total) if total >= done => say(&format!(
                    "{}: {done} of {total} {unit}, {rate:.0}/s, {:.0} s left",
                    self.name,
                    (total - done) as f64 / rate.max(1e-3)
                )),
                _ => say(&format!("{}: {done} {unit}, {rate:.0}/s", self.name)),
            }
        }
    }

    pub fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => say(text),
        }
    }

    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
