//! Whether probabilities mean what they say, and the temperatures and offsets that make them.

use std::collections::BTreeMap;

use super::Answer;
use super::score;
use crate::evaluate::matching::Scores;
use crate::labels::Expression;
use crate::model::calibration::{Calibration, Change};
use crate::model::config::AFFECT_BINS;

/// Bins of confidence over which the calibration error is taken (Guo et al. 2017).
const CONFIDENCE_BINS: usize = 15;
/// Of a normal distribution in the plane this part lies within one standard deviation: `1 - exp(-1/2)`.
pub(super) const WITHIN_ONE_SIGMA: f64 = 0.393_469_340_287_366_6;

/// An expression with fewer labels than this keeps its offset: they would say more of these faces than of others.
const FEWEST_LABELS: u32 = 20;
/// Parts of the faces, each scored by what was fitted on the others.
const PARTS: usize = 10;

/// What is fitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// Temperatures; offsets stay.
    Temperatures,
    /// Temperatures, and the offsets of the expressions that occur often enough.
    All,
}

/// The calibration that makes these answers, which have their `own`, as likely as can be: those of expression (cross entropy
/// of the label), valence and arousal (of the label's bin). Where there are no labels, what they have.
pub fn fit(answers: &[&Answer], window: bool, own: &Calibration, what: Fit) -> Calibration {
    let mut fitted = *own;
    let plain = own.to(&Calibration::default());
    let rows = |part| rows(answers, window, part, &plain);
    for part in [1, 2] {
        let rows = rows(part);
        if !rows.is_empty() {
            fitted.temperatures[part] = best_temperature(&rows, &[0.0; AFFECT_BINS]);
        }
    }
    let rows = rows(0);
    let mut counts = [0; Expression::COUNT];
    rows.iter().for_each(|(_, label)| counts[*label] += 1);
    match what {
        _ if rows.is_empty() => {}
        // One alone says nothing of the others.
        Fit::All if counts.iter().filter(|&&n| n >= FEWEST_LABELS).count() > 1 => {
            (fitted.temperatures[0], fitted.offsets) = best_offsets(&rows, counts, own.offsets);
        }
        _ => {
            let mut moved = rows;
            for (logits, _) in &mut moved {
                logits
                    .iter_mut()
                    .zip(own.offsets)
                    .for_each(|(l, o)| *l += o);
            }
            fitted.temperatures[0] = best_temperature(&moved, &[0.0; Expression::COUNT]);
        }
    }
    fitted
}

/// Scores of faces that their calibration was not fitted on: [`fit`] on nine tenths of the subjects, for the last tenth, ten
/// times. `None` where there are fewer than ten subjects.
pub fn cross_fitted(answers: &[Answer], window: bool, own: &Calibration) -> Option<Scores> {
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for answer in answers {
        let next = places.len();
        places.entry(&answer.subject).or_insert(next);
    }
    if places.len() < PARTS {
        return None;
    }
    let part_of = |answer: &Answer| {
        places
            .get(&*answer.subject)
            .map_or(0, |place| place % PARTS)
    };
    let mut scores = Scores::default();
    for part in 0..PARTS {
        let (theirs, others): (Vec<&Answer>, Vec<&Answer>) =
            answers.iter().partition(|answer| part_of(answer) == part);
        let change = own.to(&fit(&others, window, own, Fit::All));
        for answer in theirs {
            if let Some(said) = answer.said(window, &change) {
                score::push(&mut scores, &said, &answer.labels);
            }
        }
    }
    Some(scores)
}

/// Logits, and the right place among them.
pub(super) type Row = (Vec<f32>, usize);

/// Those of expression (0), valence (1) or arousal (2), changed.
pub(super) fn rows(answers: &[&Answer], window: bool, part: usize, change: &Change) -> Vec<Row> {
    let label_of = |answer: &Answer| {
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
    let row = |answer: &&Answer| {
        let label = label_of(answer)?;
        let logits = answer.logits(window)?;
        let mut every = logits.expression.iter().chain(&logits.affect);
        // Of a face that cannot be read nothing is learnt.
        if every.any(|logit| !logit.is_finite()) {
            return None;
        }
        let affect = || change.affect(&logits.affect);
        Some(match part {
            0 => (change.expression(&logits.expression), label),
            1 => (affect().drain(..AFFECT_BINS).collect(), label),
            _ => (affect().drain(AFFECT_BINS..).collect(), label),
        })
    };
    answers.iter().filter_map(row).collect()
}

/// Logits divided by a temperature, with something added: their probabilities into `out`, and the logarithm of their sum
/// before they were that.
fn soft(logits: &[f32], temperature: f64, plus: &[f64], out: &mut [f64]) -> f64 {
    for ((out, logit), plus) in out.iter_mut().zip(logits).zip(plus) {
        *out = f64::from(*logit) / temperature + plus;
    }
    let most = out.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    out.iter_mut()
        .for_each(|value| *value = (*value - most).exp());
    let sum: f64 = out.iter().sum();
    out.iter_mut().for_each(|value| *value /= sum);
    most + sum.ln()
}

/// Mean negative log likelihood at a temperature, with something added to the logits that it divided.
pub(super) fn surprise(rows: &[Row], temperature: f64, plus: &[f64]) -> f64 {
    let mut out = vec![0.0; plus.len()];
    let one = |(logits, label): &Row| {
        let whole = soft(logits, temperature, plus, &mut out);
        whole - f64::from(logits[*label]) / temperature - plus[*label]
    };
    rows.iter().map(one).sum::<f64>() / rows.len().max(1) as f64
}

/// By golden sections of its logarithm: the likelihood has one top (it is concave in the inverse).
fn best_temperature(rows: &[Row], plus: &[f64]) -> f32 {
    let golden = (5f64.sqrt() - 1.0) / 2.0;
    // Where all answers are right, none is sure enough: no further than four times either way.
    let (mut low, mut high) = (0.25f64.ln(), 4f64.ln());
    let at = |place: f64| surprise(rows, place.exp(), plus);
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

/// Temperature and offsets of the expressions, in turns: the likelihood has one top (it is concave in the inverse of the
/// temperature and in the offsets divided by it). At it an expression is, on average, as probable as it is frequent, and
/// towards that each turn leads. Expressions with too few labels keep their `own`, and what is fitted is which of the others
/// a face shows.
fn best_offsets(
    rows: &[Row],
    counts: [u32; Expression::COUNT],
    own: [f32; Expression::COUNT],
) -> (f32, [f32; Expression::COUNT]) {
    let fitted = counts.map(|count| count >= FEWEST_LABELS);
    let rows: Vec<Row> = rows.iter().filter(|row| fitted[row.1]).cloned().collect();
    let mut plus = fitted.map(|fitted| if fitted { 0.0 } else { f64::NEG_INFINITY });
    let mut temperature = best_temperature(&rows, &plus);
    for _ in 0..50 {
        let before = (temperature, plus);
        for _ in 0..20 {
            let mut sums = [0.0; Expression::COUNT];
            let mut out = [0.0; Expression::COUNT];
            for (logits, _) in &rows {
                soft(logits, temperature.into(), &plus, &mut out);
                sums.iter_mut().zip(out).for_each(|(sum, p)| *sum += p);
            }
            for (i, plus) in plus.iter_mut().enumerate().filter(|(i, _)| fitted[*i]) {
                *plus += (f64::from(counts[i]) / sums[i].max(f64::MIN_POSITIVE)).ln();
            }
        }
        temperature = best_temperature(&rows, &plus);
        let moved = |i: usize| (plus[i] - before.1[i]).abs();
        let most = (0..plus.len()).filter(|i| fitted[*i]).map(moved);
        if most.fold(0.0, f64::max) < 1e-3 && (temperature - before.0).abs() < 1e-3 {
            break;
        }
    }
    // One number on all of them changes nothing: on average they stay where they were beside the others.
    let mut offsets = own;
    let new = plus.map(|plus| (f64::from(temperature) * plus) as f32);
    let at = || (0..new.len()).filter(|i| fitted[*i]);
    let off = at().map(|i| own[i] - new[i]).sum::<f32>() / at().count().max(1) as f32;
    at().for_each(|i| offsets[i] = new[i] + off);
    (temperature, offsets)
}

/// Expected calibration error: how far the share of right answers is from how sure they are, over bins of confidence.
pub(super) fn calibration_error(answers: &[Answer], window: bool, change: &Change) -> Option<f64> {
    let mut bins = [(0u64, 0.0, 0.0); CONFIDENCE_BINS];
    let mut count = 0;
    for answer in answers {
        let (Some(label), Some(said)) = (answer.labels.expression, answer.said(window, change))
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
pub(super) fn coverage(answers: &[Answer], window: bool, change: &Change) -> Option<[f64; 3]> {
    let mut inside = [0u64; 3];
    let mut count = 0u64;
    for answer in answers {
        let (Some([valence, arousal]), Some(said)) =
            (answer.labels.affect, answer.said(window, change))
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

#[cfg(test)]
mod tests {
    use super::super::tests::answers;
    use super::*;

    fn at(temperature: f32) -> Calibration {
        Calibration {
            temperatures: [temperature; 3],
            ..Calibration::default()
        }
    }

    #[test]
    fn the_temperature_that_was_lost_is_found() {
        for sharper in [0.6, 1.0, 2.5] {
            let answers = answers(4000, sharper);
            let answers: Vec<&Answer> = answers.iter().collect();
            for what in [Fit::Temperatures, Fit::All] {
                let fitted = fit(&answers, false, &Calibration::default(), what);
                for temperature in fitted.temperatures {
                    assert!(
                        (temperature / sharper - 1.0).abs() < 0.08,
                        "{temperature} for {sharper}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_offsets_that_were_lost_are_found_and_rare_expressions_keep_theirs() {
        let lost = [0.5, -0.4, 0.3, 0.0, -0.6, 0.2, 0.0];
        let mut answers = answers(6000, 1.5);
        for answer in &mut answers {
            let logits = answer.alone.expression.iter_mut();
            logits.zip(lost).for_each(|(logit, lost)| *logit -= lost);
        }
        let all: Vec<&Answer> = answers.iter().collect();
        let found = fit(&all, false, &Calibration::default(), Fit::All);
        for (found, lost) in found.offsets.iter().zip(lost) {
            assert!((found - lost).abs() < 0.2, "{found} for {lost}");
        }
        // What it is fitted on, it makes as frequent on average as it is.
        let change = Calibration::default().to(&found);
        let mut sums = [0.0; 7];
        let mut counts = [0.0; 7];
        for answer in &answers {
            let said = answer.said(false, &change).expect("finite");
            sums.iter_mut()
                .zip(said.probabilities)
                .for_each(|(s, p)| *s += f64::from(p));
            counts[answer.labels.expression.expect("a label").index()] += 1.0;
        }
        for (sum, count) in sums.iter().zip(counts) {
            assert!((sum - count).abs() < 2.0, "{sum} of {count}");
        }
        // Fitted again, they stay.
        let softened: Vec<Answer> = answers
            .iter()
            .map(|answer| answer.changed([&change, &Change::NONE]))
            .collect();
        let again = fit(
            &softened.iter().collect::<Vec<_>>(),
            false,
            &found,
            Fit::All,
        );
        for (a, b) in again.offsets.iter().zip(found.offsets) {
            assert!((a - b).abs() < 5e-3, "{a} {b}");
        }
        // Nobody shows anger: its offset stays, and the others are on average where they were beside it.
        let some: Vec<&Answer> = all
            .into_iter()
            .filter(|a| a.labels.expression != Some(Expression::Anger))
            .collect();
        let found = fit(&some, false, &Calibration::default(), Fit::All).offsets;
        assert_eq!(found[Expression::Anger.index()], 0.0);
        assert!(found.iter().sum::<f32>().abs() < 1e-4, "{found:?}");
        assert!((found[0] - found[4] - 1.1).abs() < 0.2, "{found:?}");
    }

    #[test]
    fn scores_of_faces_that_were_not_fitted_on_do_not_know_their_labels() {
        // The logits say nothing but which of two expressions was made rarer; one subject has all the labels of the one.
        let mut answers = answers(400, 1.0);
        for (i, answer) in answers.iter_mut().enumerate() {
            answer.alone.expression = vec![0.0, 0.4, -9.0, -9.0, -9.0, -9.0, -9.0];
            let first = i % 4 != 0;
            answer.labels.expression = Some(Expression::ALL[usize::from(!first)]);
            answer.subject = if first { "one" } else { "others" }.to_owned();
            if !first {
                answer.subject += &i.to_string();
            }
        }
        let own = Calibration::default();
        let right = |scores: &Scores| scores.expression.accuracy().expect("faces");
        let all: Vec<&Answer> = answers.iter().collect();
        let here = own.to(&fit(&all, false, &own, Fit::All));
        let mut fitted = Scores::default();
        for answer in &answers {
            let said = answer.said(false, &here).expect("finite");
            score::push(&mut fitted, &said, &answer.labels);
        }
        // Fitted on all, the more frequent one is read; on the others, nobody knows that it is.
        assert!((right(&fitted) - 0.75).abs() < 1e-9, "{}", right(&fitted));
        let others = cross_fitted(&answers, false, &own).expect("many subjects");
        assert!(right(&others) < 0.26, "{}", right(&others));
        answers
            .iter_mut()
            .for_each(|a| a.subject = "one".to_owned());
        assert!(cross_fitted(&answers, false, &own).is_none());
    }

    #[test]
    fn calibration_is_better_with_the_fitted_temperature() {
        let answers = answers(4000, 2.5);
        let change = Calibration::default().to(&at(2.5));
        let before = calibration_error(&answers, false, &Change::NONE).expect("labels");
        let after = calibration_error(&answers, false, &change).expect("labels");
        assert!(before > 0.15 && after < 0.03, "{before} to {after}");
        let within = coverage(&answers, false, &change).expect("labels");
        // Labels drawn from the bins themselves: the ellipse covers about what it says.
        assert!((within[2] - WITHIN_ONE_SIGMA).abs() < 0.08, "{within:?}");
    }
}
