//! How good weights are, and how far they can be believed: scores with intervals, calibration, and scores by group.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::score;
use super::set::Labels;
use crate::analysis::Landmarks;
use crate::evaluate::bootstrap::{self, LEVEL, RESAMPLES, SEED};
use crate::evaluate::matching::Scores;
use crate::evaluate::report::{SCORES, carries, scores};
use crate::labels::Estimate;
use crate::model::config::{AFFECT_BINS, Temperatures};
use crate::model::heads::estimate;

/// Bins of confidence over which the calibration error is taken (Guo et al. 2017).
const CONFIDENCE_BINS: usize = 15;
/// Of a normal distribution in the plane this part lies within one standard deviation: `1 - exp(-1/2)`.
const WITHIN_ONE_SIGMA: f64 = 0.393_469_340_287_366_6;
/// Groups of fewer faces say nothing.
const FEWEST: u64 = 20;

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

    /// What is read of it when its logits are divided by these, in the order expression, valence, arousal.
    fn said(&self, window: bool, divided: [f32; 3]) -> Option<Estimate> {
        let logits = self.logits(window)?;
        let by = |i: usize| {
            if i < AFFECT_BINS {
                divided[1]
            } else {
                divided[2]
            }
        };
        let expression: Vec<f32> = logits.expression.iter().map(|l| l / divided[0]).collect();
        let affect: Vec<f32> = logits
            .affect
            .iter()
            .enumerate()
            .map(|(i, l)| l / by(i))
            .collect();
        estimate(&expression, &affect)
    }
}

/// What can be told of a face's picture without people: how bright the crop is, how large and how turned the face.
pub fn groups(crop: &[u8], landmarks_px: &Landmarks) -> BTreeMap<String, String> {
    let mean = crop.iter().map(|&v| f64::from(v)).sum::<f64>() / crop.len().max(1) as f64;
    let [left, right, nose, ..] = landmarks_px.map(|[x, y]| (f64::from(x), f64::from(y)));
    let (dx, dy) = (right.0 - left.0, right.1 - left.1);
    let eyes_px = dx.hypot(dy).max(1e-6);
    // Where the nose tip lies along the line of the eyes, from their middle: 0 is frontal.
    let middle = ((left.0 + right.0) / 2.0, (left.1 + right.1) / 2.0);
    let aside = ((nose.0 - middle.0) * dx + (nose.1 - middle.1) * dy) / (eyes_px * eyes_px);
    let tilt_degrees = dy.atan2(dx).to_degrees();
    let of = |value: f64, steps: [(f64, &str); 2], last: &str| {
        let found = steps.iter().find(|(below, _)| value < *below);
        found.map_or(last, |(_, name)| name).to_owned()
    };
    BTreeMap::from([
        (
            "brightness".to_owned(),
            of(mean, [(70.0, "dark"), (140.0, "middle")], "bright"),
        ),
        (
            "face_size".to_owned(),
            of(
                eyes_px,
                [(16.0, "eyes under 16 px apart"), (32.0, "16 to 32 px")],
                "32 px and more",
            ),
        ),
        (
            "turned_aside".to_owned(),
            of(
                aside.abs(),
                [(0.12, "frontal"), (0.3, "half turned")],
                "turned",
            ),
        ),
        (
            "tilted".to_owned(),
            of(
                tilt_degrees.abs(),
                [(8.0, "upright"), (20.0, "8 to 20 degrees")],
                "more than 20 degrees",
            ),
        ),
    ])
}

/// Temperatures that make these answers as likely as can be: of expression (cross entropy of the label), valence and
/// arousal (of the label's bin). `None` where there are no labels.
pub fn fit(answers: &[Answer], window: bool) -> [Option<f32>; 3] {
    [0, 1, 2].map(|part| {
        let rows = rows(answers, window, part);
        (!rows.is_empty()).then(|| best_temperature(&rows))
    })
}

/// Logits and the right place among them, of expression (0), valence (1) or arousal (2).
fn rows(answers: &[Answer], window: bool, part: usize) -> Vec<(&[f32], usize)> {
    let row = |answer: &'_ Answer| {
        let label = match part {
            0 => answer.labels.expression?.index(),
            _ => {
                let value = answer.labels.affect?[part - 1];
                let bins = AFFECT_BINS as f32;
                (((value + 1.0) / 2.0 * bins).floor().clamp(0.0, bins - 1.0)) as usize
            }
        };
        Some(label)
    };
    answers
        .iter()
        .filter_map(|answer| {
            let label = row(answer)?;
            let logits = answer.logits(window)?;
            Some(match part {
                0 => (&*logits.expression, label),
                1 => (&logits.affect[..AFFECT_BINS], label),
                _ => (&logits.affect[AFFECT_BINS..], label),
            })
        })
        .collect()
}

/// Mean negative log likelihood at a temperature.
fn surprise(rows: &[(&[f32], usize)], temperature: f64) -> f64 {
    let one = |&(logits, label): &(&[f32], usize)| {
        let soft: Vec<f64> = logits.iter().map(|l| f64::from(*l) / temperature).collect();
        let most = soft.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        most + soft.iter().map(|l| (l - most).exp()).sum::<f64>().ln() - soft[label]
    };
    rows.iter().map(one).sum::<f64>() / rows.len().max(1) as f64
}

/// By golden sections of its logarithm: the likelihood has one top (it is concave in the inverse).
fn best_temperature(rows: &[(&[f32], usize)]) -> f32 {
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    // Where all answers are right, none is sure enough: no further than four times either way.
    let (mut low, mut high) = (0.25f64.ln(), 4f64.ln());
    let at = |place: f64| surprise(rows, place.exp());
    let (mut a, mut b) = (high - golden * (high - low), low + golden * (high - low));
    let (mut of_a, mut of_b) = (at(a), at(b));
    while high - low > 1e-4 {
        if of_a < of_b {
            (high, b, of_b) = (b, a, of_a);
            a = high - golden * (high - low);
            of_a = at(a);
        } else {
            (low, a, of_a) = (a, b, of_b);
            b = low + golden * (high - low);
            of_b = at(b);
        }
    }
    (f64::midpoint(low, high)).exp() as f32
}

/// Expected calibration error: how far the share of right answers is from how sure they are, over bins of confidence.
fn calibration_error(answers: &[Answer], window: bool, divided: [f32; 3]) -> Option<f64> {
    let mut bins = [(0u64, 0.0, 0.0); CONFIDENCE_BINS];
    let mut count = 0;
    for answer in answers {
        let (Some(label), Some(said)) = (answer.labels.expression, answer.said(window, divided))
        else {
            continue;
        };
        let expression = said.expression();
        let sure = f64::from(said.probabilities[expression.index()]);
        let bin = &mut bins[((sure * CONFIDENCE_BINS as f64) as usize).min(CONFIDENCE_BINS - 1)];
        bin.0 += 1;
        bin.1 += sure;
        bin.2 += f64::from(u8::from(expression == label));
        count += 1;
    }
    let off: f64 = bins
        .iter()
        .map(|(_, sure, right)| (sure - right).abs())
        .sum();
    (count > 0).then(|| off / f64::from(count))
}

/// Part of the faces whose label lies within one standard deviation of the reading: of valence, of arousal, and within
/// the ellipse of both.
fn coverage(answers: &[Answer], window: bool, divided: [f32; 3]) -> Option<[f64; 3]> {
    let mut inside = [0u64; 3];
    let mut count = 0u64;
    for answer in answers {
        let (Some([valence, arousal]), Some(said)) =
            (answer.labels.affect, answer.said(window, divided))
        else {
            continue;
        };
        let off = |said: f32, label: f32, sd: f32| f64::from((said - label) / sd.max(1e-6)).powi(2);
        let (v, a) = (
            off(said.valence, valence, said.valence_sd),
            off(said.arousal, arousal, said.arousal_sd),
        );
        for (inside, within) in inside.iter_mut().zip([v <= 1.0, a <= 1.0, v + a <= 1.0]) {
            *inside += u64::from(within);
        }
        count += 1;
    }
    (count > 0).then(|| inside.map(|n| n as f64 / count as f64))
}

/// Everything that is known of some answers, under the keys of `evaluate`: scores with intervals, calibration without and
/// with the weights' own temperatures, and scores by group. The recurrent heads' are under `window`.
pub fn report(answers: &[Answer], temperatures: &Temperatures) -> Map<String, Value> {
    let mut report = of_heads(answers, false, temperatures);
    if answers.iter().any(|a| a.window.is_some()) {
        let mut window = of_heads(answers, true, temperatures);
        window.insert(
            "note".to_owned(),
            "each face as a window of 32 equal frames: what the program reads of a single picture"
                .into(),
        );
        report.insert("window".to_owned(), window.into());
    }
    let mut by: BTreeMap<&str, BTreeMap<&str, Scores>> = BTreeMap::new();
    for answer in answers {
        if let Some(said) = answer.said(false, [1.0; 3]) {
            for (kind, group) in &answer.groups {
                let scores = by.entry(kind).or_default().entry(group).or_default();
                score::push(scores, &said, &answer.labels);
            }
        }
    }
    let groups: Map<String, Value> = by
        .into_iter()
        .map(|(kind, groups)| {
            let groups = groups
                .into_iter()
                .filter(|(_, s)| s.counts.matched >= FEWEST);
            let groups: Map<String, Value> = groups
                .map(|(name, s)| {
                    (
                        name.to_owned(),
                        scores(&s, s.counts.matched as usize).into(),
                    )
                })
                .collect();
            (kind.to_owned(), groups.into())
        })
        .collect();
    report.insert("groups".to_owned(), groups.into());
    report
}

fn of_heads(answers: &[Answer], window: bool, temperatures: &Temperatures) -> Map<String, Value> {
    let own = temperatures.of(window);
    let mut all = Scores::default();
    let mut subjects: BTreeMap<&str, Scores> = BTreeMap::new();
    for answer in answers {
        if let Some(said) = answer.said(window, [1.0; 3]) {
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
    // The answers come from weights that are softened already: undone, they are as they were learnt.
    let undone = own.map(|t| 1.0 / t);
    let fitted = fit(answers, window);
    let nll = |part: usize, temperature: f32| {
        let rows = rows(answers, window, part);
        (!rows.is_empty()).then(|| surprise(&rows, f64::from(temperature)))
    };
    let part = |i: usize| {
        json!({
            "temperature": own[i],
            "fitted_here": fitted[i].map(|t| t * own[i]),
            "nll_before": nll(i, undone[i]),
            "nll": nll(i, 1.0),
        })
    };
    let mut expression = part(0);
    expression["ece_before"] = json!(calibration_error(answers, window, undone));
    expression["ece"] = json!(calibration_error(answers, window, [1.0; 3]));
    let covered = |divided: [f32; 3]| {
        coverage(answers, window, divided).map(|[valence, arousal, ellipse]| {
            json!({"valence": valence, "arousal": arousal, "ellipse": ellipse})
        })
    };
    let mut report = scores(&all, all.counts.matched as usize);
    report.insert("intervals".to_owned(), intervals.into());
    report.insert(
        "calibration".to_owned(),
        json!({
            "expression": expression,
            "valence": part(1),
            "arousal": part(2),
            "one_sigma_coverage_before": covered(undone),
            "one_sigma_coverage": covered([1.0; 3]),
            "one_sigma_expected": {"valence": 0.6827, "arousal": 0.6827, "ellipse": WITHIN_ONE_SIGMA},
        }),
    );
    report
}

/// The scores that a weights file carries in its card, from a [`report`].
pub fn sentences(data: &str, report: &Map<String, Value>) -> Vec<(String, String)> {
    let report = Value::from(report.clone());
    let at = |path: &str| report.pointer(path).and_then(Value::as_f64);
    let mut all = Vec::new();
    let count = at("/count").unwrap_or(0.0);
    for (who, side) in [("CNN", ""), ("CNN-GRU on stills", "/window")] {
        let mut add = |what: &str, paths: &[&str], digits: usize, factor: f64, unit: &str| {
            let values: Option<Vec<f64>> = paths
                .iter()
                .map(|path| at(&format!("{side}{path}")))
                .collect();
            if let Some(values) = values {
                let values: Vec<String> = values
                    .iter()
                    .map(|v| format!("{:.digits$}{unit}", v * factor))
                    .collect();
                all.push((
                    format!("{data} ({count} faces), {who}, {what}"),
                    values.join(" / "),
                ));
            }
        };
        add("accuracy", &["/expression/accuracy"], 2, 100.0, " %");
        add("macro F1", &["/expression/macro_f1"], 3, 1.0, "");
        add(
            "CCC of valence / arousal",
            &["/valence/ccc", "/arousal/ccc"],
            3,
            1.0,
            "",
        );
        let ece = [
            "/calibration/expression/ece_before",
            "/calibration/expression/ece",
        ];
        add(
            "expected calibration error before / after",
            &ece,
            2,
            100.0,
            " %",
        );
        let ellipse = [
            "/calibration/one_sigma_coverage/ellipse",
            "/calibration/one_sigma_expected/ellipse",
        ];
        add(
            "labels within the one-sigma ellipse / expected",
            &ellipse,
            1,
            100.0,
            " %",
        );
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::Expression;
    use crate::train::random::Rng;

    /// Answers whose logits are `sharper` times what they should be.
    fn answers(count: usize, sharper: f32) -> Vec<Answer> {
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
    fn the_temperature_that_was_lost_is_found() {
        for sharper in [0.6, 1.0, 2.5] {
            for fitted in fit(&answers(4000, sharper), false) {
                let fitted = fitted.expect("labels are there");
                assert!(
                    (fitted / sharper - 1.0).abs() < 0.08,
                    "{fitted} for {sharper}"
                );
            }
        }
    }

    #[test]
    fn calibration_is_better_with_the_fitted_temperature() {
        let answers = answers(4000, 2.5);
        let before = calibration_error(&answers, false, [1.0; 3]).expect("labels");
        let after = calibration_error(&answers, false, [2.5; 3]).expect("labels");
        assert!(before > 0.15 && after < 0.03, "{before} to {after}");
        let within = coverage(&answers, false, [2.5; 3]).expect("labels");
        // Labels drawn from the bins themselves: the ellipse covers about what it says.
        assert!((within[2] - WITHIN_ONE_SIGMA).abs() < 0.08, "{within:?}");
    }

    #[test]
    fn a_report_has_what_evaluate_has() {
        let report = report(&answers(200, 1.0), &Temperatures::default());
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
