//! What makes a network's answers mean what they say: fitted on validation data after training, kept in the weights' config
//! and built into the last layer of each head once it is loaded (Guo et al., "On calibration of modern neural networks", ICML
//! 2017: temperature and vector scaling).

use serde::{Deserialize, Serialize};

use super::config::AFFECT_BINS;
use crate::labels::Expression;

/// What logits are divided by before they become probabilities, fitted on faces that nothing was learnt from (Guo et al.
/// 2017): 1 leaves them as they are.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Temperatures {
    /// The CNN's own expression logits.
    pub expression: f32,
    /// Its valence bins.
    pub valence: f32,
    /// Its arousal bins.
    pub arousal: f32,
    /// The recurrent head's expression logits.
    pub temporal_expression: f32,
    /// Its valence bins.
    pub temporal_valence: f32,
    /// Its arousal bins.
    pub temporal_arousal: f32,
}

impl Default for Temperatures {
    fn default() -> Self {
        Self {
            expression: 1.0,
            valence: 1.0,
            arousal: 1.0,
            temporal_expression: 1.0,
            temporal_valence: 1.0,
            temporal_arousal: 1.0,
        }
    }
}

impl Temperatures {
    /// All six.
    pub fn all(&self) -> [f32; 6] {
        let Self {
            expression,
            valence,
            arousal,
            temporal_expression,
            temporal_valence,
            temporal_arousal,
        } = *self;
        [
            expression,
            valence,
            arousal,
            temporal_expression,
            temporal_valence,
            temporal_arousal,
        ]
    }

    /// Of expression, valence and arousal: the CNN's own, or the recurrent heads'.
    pub fn of(&self, temporal: bool) -> [f32; 3] {
        let [a, b, c, d, e, f] = self.all();
        if temporal { [d, e, f] } else { [a, b, c] }
    }
}

/// Added to the logits of the expressions, in the order of [`Expression::ALL`], before they are divided by the temperature:
/// of a network that learnt rare expressions more often than they occur, or shares of votes where the label is their
/// majority, they make each expression as probable, on average, as it is frequent among the labels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Offsets {
    /// The CNN's own.
    pub expression: [f32; Expression::COUNT],
    /// The recurrent head's.
    pub temporal_expression: [f32; Expression::COUNT],
}

impl Offsets {
    /// The CNN's own, or the recurrent head's.
    pub fn of(&self, temporal: bool) -> [f32; Expression::COUNT] {
        if temporal {
            self.temporal_expression
        } else {
            self.expression
        }
    }
}

/// Of the CNN, or of the recurrent heads: `(logit + offset) / temperature` is what is said.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    /// Of expression, valence and arousal.
    pub temperatures: [f32; 3],
    /// Of the expressions.
    pub offsets: [f32; Expression::COUNT],
}

impl Default for Calibration {
    /// Answers as they were learnt.
    fn default() -> Self {
        Self {
            temperatures: [1.0; 3],
            offsets: [0.0; Expression::COUNT],
        }
    }
}

impl Calibration {
    /// The temperature and the offset of an output of a head: `name` is `expression` or `affect`.
    fn output(&self, name: &str, output: usize) -> (f32, f32) {
        let [expression, valence, arousal] = self.temperatures;
        match name {
            "expression" => (expression, self.offsets.get(output).copied().unwrap_or(0.0)),
            _ if output < AFFECT_BINS => (valence, 0.0),
            _ => (arousal, 0.0),
        }
    }

    /// Builds it into a head's last layer: `weight [outputs, inputs]`, `bias [outputs]`.
    pub(crate) fn soften(&self, name: &str, weight: &mut [f32], bias: &mut [f32]) {
        let inputs = (weight.len() / bias.len().max(1)).max(1);
        let rows = weight.chunks_exact_mut(inputs).zip(bias);
        for (output, (row, bias)) in rows.enumerate() {
            let (temperature, offset) = self.output(name, output);
            row.iter_mut().for_each(|w| *w /= temperature);
            *bias = (*bias + offset) / temperature;
        }
    }

    /// What makes answers that have this into answers that have another.
    pub fn to(&self, other: &Self) -> Change {
        let by = |part: usize| self.temperatures[part] / other.temperatures[part];
        let mut plus = other.offsets;
        for (plus, own) in plus.iter_mut().zip(self.offsets) {
            *plus = (*plus - own) / other.temperatures[0];
        }
        Change {
            by: [by(0), by(1), by(2)],
            plus,
        }
    }
}

/// What is done to logits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Change {
    /// They are multiplied: those of expression, valence and arousal.
    by: [f32; 3],
    /// Then this is added to those of the expressions.
    plus: [f32; Expression::COUNT],
}

impl Change {
    /// That of nothing.
    pub const NONE: Self = Self {
        by: [1.0; 3],
        plus: [0.0; Expression::COUNT],
    };

    /// Logits of the expressions, `[7]`.
    pub fn expression(&self, logits: &[f32]) -> Vec<f32> {
        let each = logits.iter().zip(self.plus);
        each.map(|(logit, plus)| logit * self.by[0] + plus)
            .collect()
    }

    /// Logits of the bins of valence and of arousal, `[40]`.
    pub fn affect(&self, logits: &[f32]) -> Vec<f32> {
        let each = logits.iter().enumerate();
        each.map(|(bin, logit)| logit * self.by[1 + usize::from(bin >= AFFECT_BINS)])
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_says_what_the_formula_says_and_answers_change_alike() {
        let with = Calibration {
            temperatures: [2.0, 0.5, 4.0],
            offsets: [1.0, -1.0, 0.5, 0.0, 0.0, 0.0, 0.0],
        };
        let (mut weight, mut bias) = (vec![3.0; 14], vec![5.0; 7]);
        with.soften("expression", &mut weight, &mut bias);
        assert_eq!(weight, [1.5; 14]);
        assert_eq!(bias, [3.0, 2.0, 2.75, 2.5, 2.5, 2.5, 2.5]);
        let (mut weight, mut bias) = (vec![1.0; 40], vec![1.0; 40]);
        with.soften("affect", &mut weight, &mut bias);
        assert_eq!((bias[19], bias[20], weight[0]), (2.0, 0.25, 2.0));

        let plain = Calibration::default();
        let logits = [5.0; 7];
        assert_eq!(
            plain.to(&with).expression(&logits),
            [3.0, 2.0, 2.75, 2.5, 2.5, 2.5, 2.5]
        );
        let back = with
            .to(&plain)
            .expression(&plain.to(&with).expression(&logits));
        assert_eq!(back, logits);
        assert_eq!(
            plain.to(&with).affect(&[1.0; 40])[18..22],
            [2.0, 2.0, 0.25, 0.25]
        );
        assert_eq!(with.to(&with), Change::NONE);
    }
}
