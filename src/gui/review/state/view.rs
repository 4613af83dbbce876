//! Which part of the video the timeline shows.

use std::ops::Range;

use super::State;

/// The fewest frames that the timeline shows.
const LEAST_VIEW: f64 = 8.0;

impl State {
    /// Moves the view so that the play-head is in it.
    pub(super) fn keep_in_view(&mut self) {
        let at = self.at as f64;
        if self.view.contains(&at) {
            return;
        }
        let length = self.view.end - self.view.start;
        // A tenth before it, so that what comes is seen.
        let start = if at >= self.view.end {
            at - length * 0.1
        } else {
            at - length * 0.9
        };
        self.view_from(start, length);
    }

    fn view_from(&mut self, start: f64, length: f64) {
        let frames = self.frames().max(1) as f64;
        let length = length.clamp(LEAST_VIEW.min(frames), frames);
        let start = start.clamp(0.0, frames - length);
        self.view = start..start + length;
    }

    /// Zooms about a frame; above 1 comes closer.
    pub fn zoom(&mut self, factor: f64, about: f64) {
        let length = self.view.end - self.view.start;
        let new = length / factor.clamp(0.01, 100.0);
        let part = ((about - self.view.start) / length).clamp(0.0, 1.0);
        let frames = self.frames().max(1) as f64;
        let new = new.clamp(LEAST_VIEW.min(frames), frames);
        self.view_from(about - part * new, new);
    }

    /// Moves the view by so many frames.
    pub fn pan(&mut self, frames: f64) {
        let length = self.view.end - self.view.start;
        self.view_from(self.view.start + frames, length);
    }

    /// Shows these frames, with a little around them.
    pub fn show_range(&mut self, range: &Range<usize>) {
        let length = (range.len() as f64).max(1.0);
        self.view_from(range.start as f64 - length * 0.5, length * 2.0);
    }

    /// Shows everything.
    pub fn fit(&mut self) {
        self.view = 0.0..(self.frames().max(1) as f64);
    }
}
