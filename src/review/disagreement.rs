//! How far apart network and people are on each frame, and people among themselves: numbers in 0..=1, one scale for all
//! reasons, so that a list can be ranked across them.
//!
//! What has squares is measured against chance. `1 - CCC` is exactly the mean over the frames of `(a - b)^2 / chance
//! error` ([`Agreement::chance_error`]), and `1 - alpha` that of `observed / expected`; a frame's own term `x`, 0 where
//! they agree and 1 where they are as far apart as unrelated series are on average, becomes the score `x / (1 + x)`: half at
//! chance, 1 never quite. A label that is another than the network's scores the network's probability for its own; an
//! unsure network scores how near it comes to knowing nothing.

use super::agreement::Who;
use super::model::Model;
use super::project::Project;
use super::track::Track;
use crate::labels::Expression;
use crate::metrics::{Agreement, IntervalAlpha, NominalAlpha};
use serde::{Deserialize, Serialize};

/// A chance error below this counts as this: the squares of two unrelated series that each spread by 0.1. Less is within
/// the noise of a person's rating, and no disagreement should be made of it because a face hardly moves.
pub const LEAST_CHANCE_ERROR: f64 = 0.02;
/// Likewise for expressions: where nearly all labels are one expression, chance would differ on less than a quarter.
pub const LEAST_CHANCE_OTHER: f64 = 0.25;
/// Stands for the network's probability where a file has none: other labels are listed, behind those it was sure of.
pub const UNKNOWN_PROBABILITY: f64 = 0.6;
/// From here on a frame counts as one where they disagree: as far apart as by chance, or more likely the other label.
pub const APART: f64 = 0.5;
/// Fewer pairs in a window have no rolling concordance.
pub const LEAST_PAIRS: u64 = 8;

/// Standard deviation of a reading that knows nothing: evenly over -1..=1.
const BLIND_SD: f64 = 0.577_350_269_189_625_8;

/// Why a stretch of frames should be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The network gives another expression than the label, and means it.
    OtherLabel,
    /// Valence lies far from the label: it costs concordance.
    Valence,
    /// Arousal likewise.
    Arousal,
    /// People give different expressions, or valence or arousal far from each other.
    Raters,
    /// The network is not sure: no expression is probable, or the spread of valence or arousal is wide.
    Unsure,
}

impl Reason {
    /// All of them, in the order of equals.
    pub const ALL: [Self; 5] = [
        Self::OtherLabel,
        Self::Valence,
        Self::Arousal,
        Self::Raters,
        Self::Unsure,
    ];

    /// The words on screen.
    pub fn title(self) -> &'static str {
        match self {
            Self::OtherLabel => "confident, other label",
            Self::Valence => "valence apart",
            Self::Arousal => "arousal apart",
            Self::Raters => "raters disagree",
            Self::Unsure => "model unsure",
        }
    }
}

/// How unsure the network is of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Doubt {
    /// Its expression, the probability of it, and how near that is to knowing nothing, 0..=1.
    pub expression: Option<(Expression, f64, f64)>,
    /// Of valence and arousal: the standard deviation, and how near that is to knowing nothing, 0..=1.
    pub spread: [Option<(f64, f64)>; 2],
}

/// Scores of frames, against what chance makes of this video as a whole.
#[derive(Debug)]
pub struct Disagreement<'a> {
    model: Option<&'a Model>,
    label: Option<&'a Track>,
    people: Vec<&'a Track>,
    /// Network and label over the whole video: valence, arousal.
    pairs: [Agreement; 2],
    /// What chance makes of the people's labels.
    other: f64,
    spread: [f64; 2],
    frames: usize,
}

impl<'a> Disagreement<'a> {
    /// Takes the measure of a project. `against` is the rater whose labels the network is held to, a place in
    /// [`Project::raters`]; the people among themselves are those of [`Who::of`].
    pub fn new(project: &'a Project, against: Option<usize>) -> Self {
        let model = project.model();
        let label = against.and_then(|r| project.raters().get(r));
        let label = label.map(|r| r.track());
        let who = Who::of(project).raters.into_iter();
        let people: Vec<&Track> = who.map(|r| project.raters()[r].track()).collect();
        let pairs = match (model.map(Model::track), label) {
            (Some(said), Some(label)) => [
                Agreement::of(said.valence(), label.valence()),
                Agreement::of(said.arousal(), label.arousal()),
            ],
            _ => [Agreement::default(); 2],
        };
        let mut all = Self {
            model,
            label,
            people,
            pairs,
            other: LEAST_CHANCE_OTHER,
            spread: [LEAST_CHANCE_ERROR; 2],
            frames: project.frames(),
        };
        all.measure_people();
        all
    }

    fn measure_people(&mut self) {
        if self.people.len() < 2 {
            return;
        }
        let mut expression = NominalAlpha::default();
        let mut numbers = [IntervalAlpha::default(); 2];
        for frame in 0..self.frames {
            expression.push(&self.said(frame));
            for (kind, all) in numbers.iter_mut().enumerate() {
                all.merge(&self.rated(kind, frame));
            }
        }
        self.other = expression.expected().unwrap_or(0.0).max(self.other);
        for (spread, all) in self.spread.iter_mut().zip(&numbers) {
            *spread = all.expected().unwrap_or(0.0).max(*spread);
        }
    }

    /// How many people give each expression.
    fn said(&self, frame: usize) -> [u32; Expression::COUNT] {
        let mut said = [0; Expression::COUNT];
        for expression in self.people.iter().filter_map(|t| t.expression(frame)) {
            said[expression.index()] += 1;
        }
        said
    }

    /// What people give valence (0) or arousal (1), as a unit of alpha.
    fn rated(&self, kind: usize, frame: usize) -> IntervalAlpha {
        let mut unit = IntervalAlpha::default();
        unit.push_all(
            self.people
                .iter()
                .filter_map(|t| number(column(t, kind), frame)),
        );
        unit
    }

    /// Frames of the project.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// Network and label of a frame: valence (`kind` 0) or arousal (1), where both are there.
    pub(super) fn numbers(&self, kind: usize, frame: usize) -> Option<(f64, f64)> {
        let said = number(column(self.model?.track(), kind), frame)?;
        Some((said, number(column(self.label?, kind), frame)?))
    }

    /// The network's expression of a frame, its probability where the file tells, and the label, where both are there.
    pub(super) fn expressions(
        &self,
        frame: usize,
    ) -> Option<(Expression, Option<f64>, Expression)> {
        let (model, label) = (self.model?, self.label?);
        let label = label.expression(frame)?;
        let said = model.track().expression(frame)?;
        Some((said, model.confidence(frame).map(f64::from), label))
    }

    /// How unsure the network is of a frame; nothing where it says nothing.
    pub(super) fn doubt(&self, frame: usize) -> Doubt {
        let Some((model, row)) = self.model.and_then(|m| Some((m, m.at(frame)?))) else {
            return Doubt::default();
        };
        let expression = row.rating.expression.zip(model.confidence(frame));
        let sd = |sd: f32| {
            let sd = f64::from(sd);
            (!sd.is_nan()).then(|| (sd, (sd / BLIND_SD).clamp(0.0, 1.0)))
        };
        Doubt {
            expression: expression.map(|(expression, probability)| {
                let p = f64::from(probability);
                let even = 1.0 / Expression::COUNT as f64;
                (expression, p, ((1.0 - p) / (1.0 - even)).clamp(0.0, 1.0))
            }),
            spread: [sd(row.detail.valence_sd), sd(row.detail.arousal_sd)],
        }
    }

    /// How far people are apart on a frame: in expression, in valence, in arousal; each where two rated it.
    pub(super) fn among_people(&self, frame: usize) -> [Option<f64>; 3] {
        let mut unit = NominalAlpha::default();
        unit.push(&self.said(frame));
        let number = |kind: usize| {
            let observed = self.rated(kind, frame).observed()?;
            Some(beside_chance(observed, self.spread[kind]))
        };
        let expression = unit.observed().map(|seen| beside_chance(seen, self.other));
        [expression, number(0), number(1)]
    }

    /// The people whose labels are compared.
    pub(super) fn people(&self) -> &[&'a Track] {
        &self.people
    }

    /// What is lost of the concordance of valence (`kind` 0) or arousal (1) by one frame: all frames' together are
    /// `1 - CCC` of the whole video. `None` where there is no concordance.
    pub(super) fn loss(&self, kind: usize, frame: usize) -> Option<f64> {
        let pairs = &self.pairs[kind];
        let chance = pairs.chance_error().filter(|c| *c > 0.0)?;
        let (said, label) = self.numbers(kind, frame)?;
        Some((said - label).powi(2) / (pairs.count() as f64 * chance))
    }

    /// The score of a frame for a reason, 0..=1; `None` where there is nothing to compare.
    pub fn score(&self, reason: Reason, frame: usize) -> Option<f64> {
        match reason {
            Reason::Valence | Reason::Arousal => {
                let kind = usize::from(reason == Reason::Arousal);
                let (said, label) = self.numbers(kind, frame)?;
                let chance = self.pairs[kind].chance_error().unwrap_or(0.0);
                Some(beside_chance(
                    (said - label).powi(2),
                    chance.max(LEAST_CHANCE_ERROR),
                ))
            }
            Reason::OtherLabel => {
                let (said, probability, label) = self.expressions(frame)?;
                let meant = probability.unwrap_or(UNKNOWN_PROBABILITY);
                Some(if said == label {
                    0.0
                } else {
                    meant.clamp(0.0, 1.0)
                })
            }
            Reason::Raters => {
                if self.people.len() < 2 {
                    return None;
                }
                most(self.among_people(frame))
            }
            Reason::Unsure => {
                let doubt = self.doubt(frame);
                let [valence, arousal] = doubt.spread;
                most([
                    doubt.expression.map(|(_, _, score)| score),
                    valence.map(|(_, score)| score),
                    arousal.map(|(_, score)| score),
                ])
            }
        }
    }

    /// How far network and label are apart on a frame, 0..=1: the most of other label, valence and arousal. `None`
    /// where there is nothing to compare.
    pub fn apart(&self, frame: usize) -> Option<f64> {
        most([
            self.score(Reason::OtherLabel, frame),
            self.score(Reason::Valence, frame),
            self.score(Reason::Arousal, frame),
        ])
    }

    /// The scores of all frames for a reason; NaN where there is nothing to compare.
    pub fn column(&self, reason: Reason) -> Vec<f64> {
        let score = |frame| self.score(reason, frame).unwrap_or(f64::NAN);
        (0..self.frames).map(score).collect()
    }

    /// [`Disagreement::apart`] of all frames, for the heat row; NaN where there is nothing to compare.
    pub fn apart_column(&self) -> Vec<f64> {
        let score = |frame| self.apart(frame).unwrap_or(f64::NAN);
        (0..self.frames).map(score).collect()
    }
}

/// The part of the compared frames whose score is [`APART`] or more, 0..=1. `None` where nothing was compared.
pub fn part_apart(scores: &[f64]) -> Option<f64> {
    let there = scores.iter().filter(|s| !s.is_nan()).count();
    let apart = scores.iter().filter(|s| **s >= APART).count();
    (there > 0).then(|| apart as f64 / there as f64)
}

/// Concordance of two columns in a window about each frame, from half of `window_s` before it to half behind it; NaN
/// where it is undefined or the window has fewer than [`LEAST_PAIRS`] pairs. Times ascend. The window slides by merging
/// alone (a queue of two stacks): nothing is ever taken away, so that no digits are lost on the way.
pub fn rolling_ccc(a: &[f64], b: &[f64], times_s: &[f64], window_s: f64) -> Vec<f64> {
    let pair = |frame: usize| {
        let mut one = Agreement::default();
        if let (Some(a), Some(b)) = (number(a, frame), number(b, frame)) {
            one.push(a, b);
        }
        one
    };
    let half_s = window_s / 2.0 + 1e-9;
    // Frames `from..to` are in the window; `front[k]` has those from the k-th last of the front stack on, `back` the rest.
    let (mut from, mut to) = (0, 0);
    let mut front: Vec<Agreement> = Vec::new();
    let mut back = Agreement::default();
    let mut rolling = Vec::with_capacity(times_s.len());
    for &time_s in times_s {
        while to < times_s.len() && times_s[to] <= time_s + half_s {
            back.merge(&pair(to));
            to += 1;
        }
        while from < to && times_s[from] < time_s - half_s {
            if front.is_empty() {
                let mut sum = Agreement::default();
                for frame in (from..to).rev() {
                    sum.merge(&pair(frame));
                    front.push(sum);
                }
                back = Agreement::default();
            }
            front.pop();
            from += 1;
        }
        let mut window = front.last().copied().unwrap_or_default();
        window.merge(&back);
        let enough = window.count() >= LEAST_PAIRS;
        rolling.push(window.ccc().filter(|_| enough).unwrap_or(f64::NAN));
    }
    rolling
}

fn beside_chance(seen: f64, chance: f64) -> f64 {
    let times = seen / chance;
    times / (1.0 + times)
}

fn most<const N: usize>(scores: [Option<f64>; N]) -> Option<f64> {
    scores.into_iter().flatten().reduce(f64::max)
}

pub(super) fn column(track: &Track, kind: usize) -> &[f64] {
    if kind == 0 {
        track.valence()
    } else {
        track.arousal()
    }
}

pub(super) fn number(column: &[f64], frame: usize) -> Option<f64> {
    column.get(frame).copied().filter(|v| !v.is_nan())
}

#[cfg(test)]
mod tests;
