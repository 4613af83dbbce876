//! Columns of the timeline: what lies on the frames of each point of its width, from summaries of the whole video.

use std::ops::Range;

use super::state::{Dirty, State};
use crate::analysis::Status;
use crate::labels::Expression;
use crate::review::pyramid::{Expressions, Extent, Flags, Mean};
use crate::review::{Pyramid, Track};

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

    fn dominant(
        &self,
        track: &Track,
        frames: Range<usize>,
        width: usize,
    ) -> Vec<Option<Expression>> {
        let columns = self.expressions.expressions(track, frames, width);
        columns.iter().map(Expressions::dominant).collect()
    }

    fn numbers(&self, track: &Track, frames: &Range<usize>, width: usize) -> [Line; 2] {
        let [valence, arousal] = &self.lines;
        [
            valence.numbers(track.valence(), frames.clone(), width),
            arousal.numbers(track.arousal(), frames.clone(), width),
        ]
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

/// What the frames of each point of the timeline's width hold; made anew when the view or what lies in it has changed.
#[derive(Debug, Default)]
pub struct Columns {
    /// Whether there is no face on any of the frames.
    pub gaps: Vec<bool>,
    /// The model's most frequent expression.
    pub model: Vec<Option<Expression>>,
    /// Each rater's.
    pub raters: Vec<Vec<Option<Expression>>>,
    /// Mean probabilities.
    pub shares: Vec<Option<[f32; Expression::COUNT]>>,
    /// The lowest and the highest of one standard deviation about the model's lines, of valence and of arousal.
    pub bands: [Line; 2],
    /// The model's lines.
    pub lines: [Line; 2],
    /// Each rater's.
    pub rater_lines: Vec<[Line; 2]>,
    /// How far model and labels are apart, the most of each, 0..=1.
    pub apart: Vec<Option<f64>>,
}

/// The lowest and the highest of each column.
pub type Line = Vec<Option<(f64, f64)>>;

/// What columns were made of: the view, its width, the state's version, and which ranking.
type Key = (Range<usize>, usize, u64, u64);

/// What is kept between frames of the window.
#[derive(Debug, Default)]
pub struct Levels {
    model: Rows,
    raters: Vec<Rows>,
    gaps: Pyramid<Flags>,
    probabilities: Pyramid<Mean<{ Expression::COUNT }>>,
    sure: bool,
    /// The ends of the one-sigma bands, and their summaries, of valence and arousal.
    bands: [[(Vec<f64>, Pyramid<Extent>); 2]; 2],
    apart: Vec<f64>,
    aparts: Pyramid<Extent>,
    /// Counts rankings.
    ranked: u64,
    made: bool,
    columns: Columns,
    of: Option<Key>,
}

impl Levels {
    /// Takes up what has changed.
    pub fn update(&mut self, state: &mut State) {
        let dirty = std::mem::take(&mut state.dirty);
        if !self.made || dirty.contains(&Dirty::All) {
            self.made = true;
            self.all(state);
            return;
        }
        for change in &dirty {
            if let Dirty::Labels(rater, range) = change {
                let raters = state.project.raters();
                match (self.raters.get_mut(*rater), raters.get(*rater)) {
                    (Some(rows), Some(rater)) => rows.update(rater.track(), range),
                    _ => self.raters = raters.iter().map(|r| Rows::of(r.track())).collect(),
                }
            }
        }
    }

    /// Takes how far model and labels are apart.
    pub fn rank(&mut self, apart: Vec<f64>) {
        self.aparts = Pyramid::of_numbers(&apart);
        self.apart = apart;
        self.ranked += 1;
    }

    /// The columns of the view, `width` of them.
    pub fn columns(&mut self, state: &State, width: usize) -> &Columns {
        let key = (view(state), width, state.version(), self.ranked);
        if self.of.as_ref() != Some(&key) {
            self.columns = self.make(state, key.0.clone(), width);
            self.of = Some(key);
        }
        &self.columns
    }

    fn make(&self, state: &State, view: Range<usize>, width: usize) -> Columns {
        let view = || view.clone();
        let raters = || self.raters.iter().zip(state.project.raters());
        let mut columns = Columns {
            raters: raters()
                .map(|(rows, r)| rows.dominant(r.track(), view(), width))
                .collect(),
            rater_lines: raters()
                .map(|(rows, r)| rows.numbers(r.track(), &view(), width))
                .collect(),
            apart: self
                .aparts
                .numbers(&self.apart, view(), width)
                .into_iter()
                .map(|c| c.map(|(_, most)| most))
                .collect(),
            ..Columns::default()
        };
        let Some(model) = state.project.model() else {
            return columns;
        };
        let gap = |f: usize| Flags::flag(model.status(f) == Some(Status::NoFace));
        let gaps = self.gaps.columns(view(), width, gap);
        columns.gaps = gaps.iter().map(Flags::all).collect();
        columns.model = self.model.dominant(model.track(), view(), width);
        columns.lines = self.model.numbers(model.track(), &view(), width);
        let shares = self
            .probabilities
            .columns(view(), width, |f| shares(model, f));
        columns.shares = shares.iter().map(Mean::get).collect();
        columns.bands = [0, 1].map(|i| {
            let [low, high] = &self.bands[i];
            let of = |(values, pyramid): &(Vec<f64>, Pyramid<Extent>)| {
                pyramid.numbers(values, view(), width)
            };
            let both = of(low).into_iter().zip(of(high));
            both.map(|(low, high)| Some((low?.0, high?.1))).collect()
        });
        columns
    }

    fn all(&mut self, state: &State) {
        let raters = state.project.raters();
        self.raters = raters.iter().map(|r| Rows::of(r.track())).collect();
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
