//! Whether probabilities mean what they say, and the temperatures that make them.

use super::Answer;
use crate::model::config::AFFECT_BINS;

/// Bins of confidence over which the calibration error is taken (Guo et al. 2017).
const CONFIDENCE_BINS: usize = 15;
/// Of a normal distribution in the plane this part lies within one standard deviation: `1 - exp(-1/2)`.
pub(super) const WITHIN_ONE_SIGMA: f64 = 0.393_469_340_287_366_6;

/// Temperatures that make these answers as likely as can be: of expression (cross entropy of the label), valence and
/// arousal (of the label's bin). `None` where there are no labels.
pub fn fit(answers: &[Answer], window: bool) -> [Option<f32>; 3] {
    [0, 1, 2].map(|part| {
        let rows = rows(answers, window, part);
        (!rows.is_empty()).then(|| best_temperature(&rows))
    })
}

/// Logits and the right place among them, of expression (0), valence (1) or arousal (2).
pub(super) fn rows(answers: &[Answer], window: bool, part: usize) -> Vec<(&[f32], usize)> {
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
pub(super) fn surprise(rows: &[(&[f32], usize)], temperature: f64) -> f64 {
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
pub(super) fn calibration_error(
    answers: &[Answer],
    window: bool,
    divided: [f32; 3],
) -> Option<f64> {
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
pub(super) fn coverage(answers: &[Answer], window: bool, divided: [f32; 3]) -> Option<[f64; 3]> {
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

#[cfg(test)]
mod tests {
    use super::super::tests::answers;
    use super::*;

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
}
