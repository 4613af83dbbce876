//! Columns of the timeline: what lies on the frames of each point of its width.

use std::ops::Range;

use super::state::State;
use crate::analysis::Status;
use crate::labels::Expression;
use crate::review::Track;

/// Which of the two lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lines {
    /// Valence, else arousal.
    pub valence: bool,
}

impl Lines {
    fn of(self, track: &Track) -> &[f64] {
        if self.valence {
            track.valence()
        } else {
            track.arousal()
        }
    }
}

/// What is kept between frames of the window.
#[derive(Debug, Default)]
pub struct Levels {
    version: u64,
}

impl Levels {
    /// Takes up what has changed.
    pub fn update(&mut self, state: &State) {
        self.version = state.version;
    }

    /// Whether there is nothing to say of the frames of a column.
    pub fn gaps(&self, state: &State, width: usize) -> Vec<Option<bool>> {
        let Some(model) = state.project.model() else {
            return Vec::new();
        };
        let none = |f: usize| matches!(model.status(f), Some(Status::NoFace));
        columns(state, width, |mut frames| frames.all(none))
    }

    /// The model's most frequent expression of each column.
    pub fn model_expressions(&self, state: &State, width: usize) -> Vec<Option<Expression>> {
        match state.project.model() {
            Some(model) => expressions(state, model.track(), width),
            None => Vec::new(),
        }
    }

    /// A rater's.
    pub fn rater_expressions(
        &self,
        state: &State,
        rater: usize,
        width: usize,
    ) -> Vec<Option<Expression>> {
        match state.project.raters().get(rater) {
            Some(rater) => expressions(state, rater.track(), width),
            None => Vec::new(),
        }
    }

    /// Mean probabilities of each column.
    pub fn probabilities(
        &self,
        state: &State,
        width: usize,
    ) -> Vec<Option<[f32; Expression::COUNT]>> {
        let Some(model) = state.project.model() else {
            return Vec::new();
        };
        columns(state, width, |frames| {
            // A few frames of many say enough of a point's colour.
            let step = (frames.len() / 8).max(1);
            let mut sum = [0.0; Expression::COUNT];
            let mut n = 0.0;
            for row in frames.step_by(step).filter_map(|f| model.at(f)) {
                if !row.detail.probabilities[0].is_nan() {
                    sum.iter_mut()
                        .zip(row.detail.probabilities)
                        .for_each(|(s, p)| *s += p);
                    n += 1.0;
                }
            }
            (n > 0.0).then(|| sum.map(|s| s / n))
        })
        .into_iter()
        .map(Option::flatten)
        .collect()
    }

    /// One standard deviation about the model's line: the lowest and the highest of each column.
    pub fn band(&self, state: &State, lines: Lines, width: usize) -> Vec<Option<(f64, f64)>> {
        let Some(model) = state.project.model() else {
            return Vec::new();
        };
        columns(state, width, |frames| {
            let step = (frames.len() / 8).max(1);
            let ends = frames.step_by(step).filter_map(|f| {
                let row = model.at(f)?;
                let (value, sd) = if lines.valence {
                    (row.rating.valence?, row.detail.valence_sd)
                } else {
                    (row.rating.arousal?, row.detail.arousal_sd)
                };
                (!sd.is_nan()).then(|| (value - f64::from(sd), value + f64::from(sd)))
            });
            ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
        })
        .into_iter()
        .map(Option::flatten)
        .collect()
    }

    /// The model's line: the lowest and the highest of each column.
    pub fn model_line(&self, state: &State, lines: Lines, width: usize) -> Vec<Option<(f64, f64)>> {
        match state.project.model() {
            Some(model) => line(state, lines.of(model.track()), width),
            None => Vec::new(),
        }
    }

    /// A rater's.
    pub fn rater_line(
        &self,
        state: &State,
        rater: usize,
        lines: Lines,
        width: usize,
    ) -> Vec<Option<(f64, f64)>> {
        match state.project.raters().get(rater) {
            Some(rater) => line(state, lines.of(rater.track()), width),
            None => Vec::new(),
        }
    }

    /// How far model and labels are apart, the most of each column: 0 the same, 1 another expression or half of the
    /// scale.
    pub fn apart(&self, state: &State, width: usize) -> Vec<Option<f64>> {
        let (Some(model), Some(rater)) = (
            state.project.model(),
            state.project.raters().get(state.rater),
        ) else {
            return Vec::new();
        };
        let of = |f: usize| {
            let (said, label) = (model.track().get(f), rater.track().get(f));
            let expression = said
                .expression
                .zip(label.expression)
                .map(|(a, b)| if a == b { 0.0 } else { 1.0 });
            let near = |a: Option<f64>, b: Option<f64>| Some((a? - b?).abs().min(1.0));
            [
                expression,
                near(said.valence, label.valence),
                near(said.arousal, label.arousal),
            ]
            .into_iter()
            .flatten()
            .reduce(f64::max)
        };
        columns(state, width, |frames| {
            frames.filter_map(of).reduce(f64::max)
        })
        .into_iter()
        .map(Option::flatten)
        .collect()
    }
}

/// What `of` makes of the frames of each column of the view; `None` where there are none.
fn columns<T>(state: &State, width: usize, of: impl Fn(Range<usize>) -> T) -> Vec<Option<T>> {
    let frames = state.frames();
    let per = (state.view.end - state.view.start) / width as f64;
    (0..width)
        .map(|i| {
            let from = state.view.start + i as f64 * per;
            let first = (from.max(0.0) as usize).min(frames);
            let last = ((from + per).ceil() as usize).clamp(first, frames);
            // A frame that is wider than a point is in all of its points alone.
            let last = if per < 1.0 {
                (first + 1).min(frames)
            } else {
                last
            };
            (first < last).then(|| of(first..last))
        })
        .collect()
}

fn expressions(state: &State, track: &Track, width: usize) -> Vec<Option<Expression>> {
    columns(state, width, |frames| {
        let mut counts = [0u32; Expression::COUNT];
        for e in frames.filter_map(|f| track.expression(f)) {
            counts[e.index()] += 1;
        }
        let best = Expression::ALL
            .into_iter()
            .rev()
            .max_by_key(|e| counts[e.index()])?;
        (counts[best.index()] > 0).then_some(best)
    })
    .into_iter()
    .map(Option::flatten)
    .collect()
}

fn line(state: &State, values: &[f64], width: usize) -> Vec<Option<(f64, f64)>> {
    columns(state, width, |frames| {
        let frames = frames.start.min(values.len())..frames.end.min(values.len());
        let there = values[frames].iter().copied().filter(|v| !v.is_nan());
        there
            .map(|v| (v, v))
            .reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    })
    .into_iter()
    .map(Option::flatten)
    .collect()
}
