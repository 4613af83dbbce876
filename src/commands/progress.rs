//! How far an analysis is.

use std::path::Path;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::say;

/// A bar with rate and time left on a terminal; elsewhere a plain line now and then.
pub(super) struct Progress {
    bar: Option<ProgressBar>,
    name: String,
    total: Option<u64>,
    started: Instant,
    said: std::cell::Cell<Instant>,
}

/// Between two plain lines.
const PLAIN_EVERY_S: f64 = 10.0;

impl Progress {
    pub fn new(input: &Path, total: Option<u64>) -> Self {
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
                    "{msg} {bar:30} {pos}/{len} frames  {per_sec}  {eta} left",
                ),
                None => (
                    ProgressBar::with_draw_target(None, target),
                    "{msg} {spinner} {pos} frames  {per_sec}  {elapsed}",
                ),
            };
            if let Ok(style) = ProgressStyle::with_template(template) {
                bar.set_style(style);
            }
            bar.set_message(name.clone());
            bar
        });
        Self {
            bar,
            name,
            total,
            started: Instant::now(),
            said: std::cell::Cell::new(Instant::now()),
        }
    }

    pub fn at(&self, frames: u64) {
        if let Some(bar) = &self.bar {
            bar.set_position(frames);
        } else if self.said.get().elapsed().as_secs_f64() > PLAIN_EVERY_S {
            self.said.set(Instant::now());
            let rate = frames as f64 / self.started.elapsed().as_secs_f64();
            match self.total {
                Some(total) if total >= frames => say(&format!(
                    "{}: {frames} of {total} frames, {rate:.0}/s, {:.0} s left",
                    self.name,
                    (total - frames) as f64 / rate.max(1e-3)
                )),
                _ => say(&format!("{}: {frames} frames, {rate:.0}/s", self.name)),
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
