//! How good weights are, and how far they can be believed: scores with intervals, calibration, and scores by group.

mod calibration;
mod card;
mod fairness;
mod groups;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

pub use self::calibration::{Fit, cross_fitted, fit};
use self::calibration::{WITHIN_ONE_SIGMA, calibration_error, coverage, rows, surprise};
pub use self::card::{Card, sentences};
use self::fairness::{by_expression, by_group};
pub use self::groups::groups;
use super::score;
use super::set::{Labels, PerExpression};
use crate::evaluate::bootstrap::{self, LEVEL, RESAMPLES, SEED};
use crate::evaluate::matching::Scores;
use crate::evaluate::report::{SCORES, carries, scores};
use crate::labels::{Estimate, Expression};
use crate::model::calibration::{Calibration, Change};
use crate::model::heads::estimate;

/// Seven expression logits and forty affect logits of a face, as the network gives them.
#[derive(Debug, Clone, PartialEq)]
pub struct Logits {
    /// `[7]`
    pub expression: Vec<f32>,
    /// `[40]`
    pub affect: Vec<f32>,
}

/// What a network said of one labelled face.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What is labelled.
    pub labels: Labels,
    /// Whose faces are drawn together by the bootstrap.
    pub subject: String,
    /// Groups by what is grouped by: `brightness` -> `dark`.
    pub groups: BTreeMap<String, String>,
    /// The CNN's own.
    pub alone: Logits,
    /// The recurrent heads', of a window that shows nothing but this face.
    pub window: Option<Logits>,
}

impl Answer {
    fn logits(&self, window: bool) -> Option<&Logits> {
        if window {
            self.window.as_ref()
        } else {
            Some(&self.alone)
        }
    }

    /// What is read of it when its logits are changed.
    fn said(&self, window: bool, change: &Change) -> Option<Estimate> {
        let logits = self.logits(window)?;
        estimate(
            &change.expression(&logits.expression),
            &change.affect(&logits.affect),
        )
    }

    /// The answer as weights of another calibration give it: changes of the CNN's and of the recurrent heads'.
    pub fn changed(&self, [alone, window]: [&Change; 2]) -> Self {
        let changed = |logits: &Logits, change: &Change| Logits {
            expression: change.expression(&logits.expression),
            affect: change.affect(&logits.affect),
        };
        Self {
            alone: changed(&self.alone, alone),
            window: self.window.as_ref().map(|logits| changed(logits, window)),
            ..self.clone()
        }
    }
}

/// Everything that is known of some answers, under the keys of `evaluate`: scores with intervals, calibration without and
/// with the weights' own calibration (of the CNN, of the recurrent heads), scores by expression and by group. The recurrent heads' are under `window`.
/// `training` is how many faces of each expression were learnt from, where that is known.
pub fn report(
    answers: &[Answer],
    own: [&Calibration; 2],
    training: Option<&PerExpression>,
) -> Map<String, Value> {
    let mut report = of_heads(answers, false, own[0], training);
    if answers.iter().any(|a| a.window.is_some()) {
        let mut window = of_heads(answers, true, own[1], training);
        window.insert(
            "note".to_owned(),
            "each face as a window of 32 equal frames: what the program reads of a single picture"
                .into(),
        );
        report.insert("window".to_owned(), window.into());
    }
    report
}

fn of_heads(
    answers: &[Answer],
    window: bool,
    own: &Calibration,
    training: Option<&PerExpression>,
) -> Map<String, Value> {
    let mut all = Scores::default();
    let mut subjects: BTreeMap<&str, Scores> = BTreeMap::new();
    for answer in answers {
        if let Some(said) = answer.said(window, &Change::NONE) {
            score::push(&mut all, &said, &answer.labels);
            score::push(
                subjects.entry(&answer.subject).or_default(),
                &said,
                &answer.labels,
            );
        }
    }
    let subjects: Vec<Scores> = subjects.into_values().collect();
    let mut intervals = Map::new();
    for (group, name, score) in SCORES {
        let interval = bootstrap::interval(&subjects, |s| carries(s, group), score);
        intervals.entry(group).or_insert_with(|| json!({}))[name] = json!(interval);
    }
    intervals.insert(
        "method".to_owned(),
        json!({"name": "percentile bootstrap over subjects", "level": LEVEL, "resamples": RESAMPLES, "seed": SEED}),
    );
    // The answers come from weights that are calibrated already: undone, they are as they were learnt.
    let undone = own.to(&Calibration::default());
    let mut learnt = Scores::default();
    for answer in answers {
        if let Some(said) = answer.said(window, &undone) {
            score::push(&mut learnt, &said, &answer.labels);
        }
    }
    let every: Vec<&Answer> = answers.iter().collect();
    let fitted = fit(&every, window, own, Fit::All);
    let nll = |part: usize, change: &Change| {
        let rows = rows(&every, window, part, change);
        let outputs = rows.first()?.0.len();
        Some(surprise(&rows, 1.0, &vec![0.0; outputs]))
    };
    let part = |i: usize| {
        let here = nll(i, &Change::NONE);
        json!({
            "temperature": own.temperatures[i],
            "fitted_here": here.map(|_| fitted.temperatures[i]),
            "nll_before": nll(i, &undone),
            "nll": here,
        })
    };
    let by_name = |values: [f32; Expression::COUNT]| {
        let each = Expression::ALL.iter().zip(values);
        Value::from_iter(each.map(|(e, value)| (e.name(), value)))
    };
    let mut expression = part(0);
    expression["offsets"] = by_name(own.offsets);
    expression["offsets_fitted_here"] = by_name(fitted.offsets);
    expression["accuracy_before"] = json!(learnt.expression.accuracy());
    expression["macro_f1_before"] = json!(learnt.expression.macro_f1());
    expression["ece_before"] = json!(calibration_error(answers, window, &undone));
    expression["ece"] = json!(calibration_error(answers, window, &Change::NONE));
    let covered = |change: &Change| {
        coverage(answers, window, change).map(|[valence, arousal, ellipse]| {
            json!({"valence": valence, "arousal": arousal, "ellipse": ellipse})
        })
    };
    let mut report = scores(&all, all.counts.matched as usize);
    report.insert("votes".to_owned(), votes(answers, window));
    report.insert(
        "expressions".to_owned(),
        by_expression(&all.expression, training),
    );
    report.insert("groups".to_owned(), by_group(answers, window, &all));
    report.insert("intervals".to_owned(), intervals.into());
    report.insert(
        "calibration".to_owned(),
        json!({
            "expression": expression,
            "valence": part(1),
            "arousal": part(2),
            "one_sigma_coverage_before": covered(&undone),
            "one_sigma_coverage": covered(&Change::NONE),
            "one_sigma_expected": {"valence": 0.6827, "arousal": 0.6827, "ellipse": WITHIN_ONE_SIGMA},
        }),
    );
    report
}

/// Of the faces whose expression was voted on, the mean share of the votes that went to the label and to what is read: a
/// voter agrees with the label that often, and with the network that often. `null` where nothing was voted on.
fn votes(answers: &[Answer], window: bool) -> Value {
    let (mut count, mut label, mut read) = (0u64, 0.0, 0.0);
    for answer in answers {
        let (Some(votes), Some(labelled)) = (answer.labels.votes, answer.labels.expression) else {
            continue;
        };
        let Some(said) = answer.said(window, &Change::NONE).map(|s| s.expression()) else {
            continue;
        };
        count += 1;
        label += f64::from(votes[labelled.index()]);
        read += f64::from(votes[said.index()]);
    }
    let share = |sum: f64| sum / count as f64;
    (count > 0)
        .then(|| json!({"count": count, "for_label": share(label), "for_read": share(read)}))
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::random::Rng;

    /// As learnt, CNN and recurrent heads.
    fn own() -> [&'static Calibration; 2] {
        static PLAIN: std::sync::LazyLock<Calibration> =
            std::sync::LazyLock::new(Calibration::default);
        [&PLAIN; 2]
    }

    /// Answers whose logits are `sharper` times what they should be.
    pub(super) fn answers(count: usize, sharper: f32) -> Vec<Answer> {
        let mut rng = Rng::new(4);
        (0..count)
            .map(|i| {
                let logits: Vec<f32> = (0..47).map(|_| 1.5 * rng.normal() as f32).collect();
                // Labels drawn by what the true logits say.
                let mut draw = |logits: &[f32]| {
                    let weights: Vec<f64> = logits.iter().map(|l| f64::from(*l).exp()).collect();
                    let mut at = rng.unit() * weights.iter().sum::<f64>();
                    weights
                        .iter()
                        .position(|w| {
                            at -= w;
                            at < 0.0
                        })
                        .unwrap_or(0)
                };
                let (e, v, a) = (
                    draw(&logits[..7]),
                    draw(&logits[7..27]),
                    draw(&logits[27..]),
                );
                let middle = |bin: usize| (bin as f32 + 0.5) / 10.0 - 1.0;
                let sharp: Vec<f32> = logits.iter().map(|l| l * sharper).collect();
                Answer {
                    labels: Labels {
                        expression: Some(Expression::ALL[e]),
                        votes: None,
                        affect: Some([middle(v), middle(a)]),
                    },
                    subject: i.to_string(),
                    groups: BTreeMap::new(),
                    alone: Logits {
                        expression: sharp[..7].to_vec(),
                        affect: sharp[7..].to_vec(),
                    },
                    window: None,
                }
            })
            .collect()
    }

    #[test]
    fn votes_for_the_label_and_for_what_is_read_are_mean_shares() {
        let mut answers = answers(3, 1.0);
        assert_eq!(report(&answers, own(), None)["votes"], Value::Null);
        for (answer, read) in answers.iter_mut().zip([0, 1, 2]) {
            answer.labels.expression = Some(Expression::Neutral);
            answer.labels.votes = Some([0.5, 0.25, 0.0, 0.25, 0.0, 0.0, 0.0]);
            answer.alone.expression = vec![0.0; 7];
            answer.alone.expression[read] = 9.0;
        }
        answers[2].labels.votes = None;
        let votes = &report(&answers, own(), None)["votes"];
        assert_eq!(
            *votes,
            json!({"count": 2, "for_label": 0.5, "for_read": 0.375})
        );
    }

    #[test]
    fn a_report_has_what_evaluate_has() {
        let report = report(&answers(200, 1.0), own(), None);
        assert_eq!(report["count"], 200);
        for path in [
            "/expression/macro_f1",
            "/valence/ccc",
            "/calibration/expression/ece",
            "/intervals/expression/accuracy/0",
        ] {
            let value = Value::from(report.clone()).pointer(path).cloned();
            assert!(
                value.as_ref().is_some_and(Value::is_number),
                "{path}: {value:?}"
            );
        }
    }
}
