//! Columns of the timeline: what lies on the frames of each point of its width, from summaries of the whole video.

use std::ops::Range;

use super::state::{Dirty, State};
use crate::analysis::Status;
use crate::labels::Expression;
use crate::review::pyramid::{Expressions, Extent, Flags, Mean};
use crate::review::{Disagreement, Pyramid, Track};

/// Above so many frames the row "apart" is not made anew with every edit.
const AT_ONCE: usize = 200_000;

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

/// Summaries of a track.
#[derive(Debug, Default)]
struct Rows {
    expressions: Pyramid<Expressions>,
    /// Valence, arousal.
    lines: [Pyramid<Extent>; 2],
    /// Whether there is any expression, any valence, any arousal.
    has: [bool; 3],
}

impl Rows {
    fn of(track: &Track) -> Self {
        let mut rows = Self {
            expressions: Pyramid::of_expressions(track),
            lines: [track.valence(), track.arousal()].map(Pyramid::of_numbers),
            has: [false; 3],
        };
        rows.look(track);
        rows
    }

    /// What there is any of, from the summaries.
    fn look(&mut self, track: &Track) {
        let all = 0..track.len();
        let said = |f: usize| Expressions::said(track.expression(f));
        let expressions = self.expressions.range(all.clone(), said);
        let any = |values: &[f64], line: &Pyramid<Extent>| {
            line.range(all.clone(), |f| Extent::of(values[f]))
                .get()
                .is_some()
        };
        self.has = [
            expressions.dominant().is_some(),
            any(track.valence(), &self.lines[0]),
            any(track.arousal(), &self.lines[1]),
        ];
    }

    fn update(&mut self, track: &Track, changed: &Range<usize>) {
        self.expressions.update_expressions(track, changed.clone());
        for (line, values) in self
            .lines
            .iter_mut()
            .zip([track.valence(), track.arousal()])
        {
            line.update_numbers(values, changed.clone());
        }
        self.look(track);
    }
}

/// What is kept between frames of the window.
#[derive(Debug, Default)]
pub struct Levels {
    rater: Option<usize>,
    model: Rows,
    raters: Vec<Rows>,
    gaps: Pyramid<Flags>,
    probabilities: Pyramid<Mean<{ Expression::COUNT }>>,
    sure: bool,
    /// The ends of the one-sigma bands, and their summaries, of valence and arousal.
    bands: [[(Vec<f64>, Pyramid<Extent>); 2]; 2],
    apart: Vec<f64>,
    aparts: Pyramid<Extent>,
    made: bool,
}

impl Levels {
    /// Takes up what has changed.
    pub fn update(&mut self, state: &mut State) {
        let dirty = std::mem::take(&mut state.dirty);
        let all = !self.made || dirty.contains(&Dirty::All);
        if all {
            self.made = true;
            self.all(state);
        } else {
            for change in &dirty {
                if let Dirty::Labels(rater, range) = change {
                    match (
                        self.raters.get_mut(*rater),
                        state.project.raters().get(*rater),
                    ) {
                        (Some(rows), Some(rater)) => rows.update(rater.track(), range),
                        _ => {
                            self.raters = state
                                .project
                                .raters()
                                .iter()
                                .map(|r| Rows::of(r.track()))
                                .collect();
                        }
                    }
                }
            }
        }
        let other = self.rater != Some(state.rater);
        let edited = !dirty.is_empty() && state.frames() <= AT_ONCE;
        if all || other || edited {
            self.rater = Some(state.rater);
            self.apart = match (
                state.project.model(),
                state.project.raters().get(state.rater),
            ) {
                (Some(_), Some(_)) => {
                    Disagreement::new(&state.project, Some(state.rater)).apart_column()
                }
                _ => Vec::new(),
            };
            self.aparts = Pyramid::of_numbers(&self.apart);
        }
    }

    fn all(&mut self, state: &State) {
        self.raters = state
            .project
            .raters()
            .iter()
            .map(|r| Rows::of(r.track()))
            .collect();
        let Some(model) = state.project.model() else {
            self.model = Rows::default();
            self.gaps = Pyramid::default();
            self.probabilities = Pyramid::default();
            self.sure = false;
            self.bands = Default::default();
            return;
        };
        self.model = Rows::of(model.track());
        self.gaps = Pyramid::new(model.frames, |f| {
            Flags::flag(model.status(f) == Some(Status::NoFace))
        });
        self.probabilities = Pyramid::new(model.frames, |f| shares(model, f));
        let all = self
            .probabilities
            .range(0..model.frames, |f| shares(model, f));
        self.sure = all.frames() > 0;
        self.bands = [true, false].map(|valence| {
            [-1.0, 1.0].map(|side| {
                let ends: Vec<f64> = (0..model.frames)
                    .map(|f| {
                        let Some(row) = model.at(f) else {
                            return f64::NAN;
                        };
                        let (value, sd) = if valence {
                            (row.rating.valence, row.detail.valence_sd)
                        } else {
                            (row.rating.arousal, row.detail.arousal_sd)
                        };
                        value.map_or(f64::NAN, |v| v + side * f64::from(sd))
                    })
                    .collect();
                let pyramid = Pyramid::of_numbers(&ends);
                (ends, pyramid)
            })
        });
    }

    /// Whether the model has any expression, any valence, any arousal.
    pub fn model_has(&self) -> [bool; 3] {
        self.model.has
    }

    /// Likewise each rater.
    pub fn raters_have(&self) -> impl Iterator<Item = [bool; 3]> {
        self.raters.iter().map(|r| r.has)
    }

    /// Whether the model tells how probable its expressions are.
    pub fn is_sure(&self) -> bool {
        self.sure
    }

    /// Whether there is no face on any of the frames of a column.
    pub fn gaps(&self, state: &State, width: usize) -> Vec<Option<bool>> {
        let Some(model) = state.project.model() else {
            return Vec::new();
        };
        let of = |f: usize| Flags::flag(model.status(f) == Some(Status::NoFace));
        let columns = self.gaps.columns(view(state), width, of);
        columns.iter().map(|c| Some(c.all())).collect()
    }

    /// The model's most frequent expression of each column.
    pub fn model_expressions(&self, state: &State, width: usize) -> Vec<Option<Expression>> {
        match state.project.model() {
            Some(model) => expressions(&self.model, state, model.track(), width),
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
        match (self.raters.get(rater), state.project.raters().get(rater)) {
            (Some(rows), Some(rater)) => expressions(rows, state, rater.track(), width),
            _ => Vec::new(),
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
        let columns = self
            .probabilities
            .columns(view(state), width, |f| shares(model, f));
        columns.iter().map(Mean::get).collect()
    }

    /// One standard deviation about the model's line: the lowest and the highest of each column.
    pub fn band(&self, state: &State, lines: Lines, width: usize) -> Vec<Option<(f64, f64)>> {
        let [low, high] = &self.bands[usize::from(!lines.valence)];
        let of = |(values, pyramid): &(Vec<f64>, Pyramid<Extent>)| {
            pyramid.numbers(values, view(state), width)
        };
        let both = of(low).into_iter().zip(of(high));
        both.map(|(low, high)| Some((low?.0, high?.1))).collect()
    }

    /// The model's line: the lowest and the highest of each column.
    pub fn model_line(&self, state: &State, lines: Lines, width: usize) -> Vec<Option<(f64, f64)>> {
        match state.project.model() {
            Some(model) => line(&self.model, state, model.track(), lines, width),
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
        match (self.raters.get(rater), state.project.raters().get(rater)) {
            (Some(rows), Some(rater)) => line(rows, state, rater.track(), lines, width),
            _ => Vec::new(),
        }
    }

    /// How far model and labels are apart, the most of each column, 0..=1.
    pub fn apart(&self, state: &State, width: usize) -> Vec<Option<f64>> {
        let columns = self.aparts.numbers(&self.apart, view(state), width);
        columns
            .into_iter()
            .map(|c| c.map(|(_, most)| most))
            .collect()
    }
}

/// The frames in view, whole ones.
pub fn view(state: &State) -> Range<usize> {
    let from = state.view.start.max(0.0) as usize;
    from..(state.view.end.ceil() as usize).clamp(from, state.frames())
}

fn shares(model: &crate::review::Model, frame: usize) -> Mean<{ Expression::COUNT }> {
    let none = [f32::NAN; Expression::COUNT];
    Mean::of(
        model
            .at(frame)
            .map_or(&none, |row| &row.detail.probabilities),
    )
}

fn expressions(rows: &Rows, state: &State, track: &Track, width: usize) -> Vec<Option<Expression>> {
    let columns = rows.expressions.expressions(track, view(state), width);
    columns.iter().map(Expressions::dominant).collect()
}

fn line(
    rows: &Rows,
    state: &State,
    track: &Track,
    lines: Lines,
    width: usize,
) -> Vec<Option<(f64, f64)>> {
    let pyramid = &rows.lines[usize::from(!lines.valence)];
    pyramid.numbers(lines.of(track), view(state), width)
}
