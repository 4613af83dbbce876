//! Finished networks that teach: one, or several who are asked together or in turn.

mod panel;

use sha2::{Digest as _, Sha256};

pub use self::panel::{Panel, on_average};
use super::phase::PhaseError;
use crate::model::config::StudentConfig;
use crate::model::student::{Kernels, Student, WindowLogits};
use crate::model::weights::{Weights, WeightsError};

/// A finished network that teaches.
pub struct Teacher {
    /// It, as the program runs it.
    pub student: Student,
    weights: Weights,
    /// The CNN's last layer of either head, calibrated: weight `[outputs, hidden]` and bias.
    last: [(Vec<f32>, Vec<f32>); 2],
}

impl Teacher {
    /// Of a weights file.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn new(weights: Weights) -> Result<Self, PhaseError> {
        let kernels = Kernels {
            threads: rayon::current_num_threads(),
            ..Kernels::default()
        };
        let student = Student::with_kernels(&weights, kernels)?;
        let heads = &student.config().heads;
        let calibration = student.config().calibration(false);
        let last = |task: &str, outputs: usize| {
            let values = |part: &str, shape: &[usize]| {
                weights.values(&format!("heads.{task}.fc1.{part}"), shape)
            };
            let mut weight = values("weight", &[outputs, heads.hidden])?;
            let mut bias = values("bias", &[outputs])?;
            calibration.soften(task, &mut weight, &mut bias);
            Ok::<_, WeightsError>((weight, bias))
        };
        Ok(Self {
            last: [
                last("expression", heads.expression)?,
                last("affect", heads.affect)?,
            ],
            student,
            weights,
        })
    }

    /// What it is known by: a checksum of all that its answers depend on. What its card says is no part of it.
    pub fn checksum(&self) -> String {
        let config = StudentConfig {
            origin: String::new(),
            trained_on: String::new(),
            affect_labels: String::new(),
            licence: String::new(),
            scores: Default::default(),
            weak_spots: Default::default(),
            int8: None,
            ..self.student.config().clone()
        };
        let mut all = Sha256::new();
        all.update(serde_json::to_vec(&config).unwrap_or_default());
        for (name, shape) in self.weights.listing() {
            all.update(format!("{name} {shape:?}"));
            for value in self.weights.values(&name, &shape).unwrap_or_default() {
                all.update(value.to_le_bytes());
            }
        }
        let digest = all.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether its CNN is this one's, number for number: then it makes the same features of a picture.
    pub fn is_cnn_of(&self, other: &Self) -> bool {
        let of_cnn = |teacher: &Self| {
            let mut all = teacher.weights.listing();
            all.retain(|(name, _)| !name.starts_with("temporal."));
            all
        };
        let (own, theirs) = (self.student.config(), other.student.config());
        let tensors = of_cnn(self);
        own.backbone == theirs.backbone
            && own.heads == theirs.heads
            && own.resize_px() == theirs.resize_px()
            && tensors == of_cnn(other)
            && tensors.iter().all(|(name, shape)| {
                let values = |of: &Self| of.weights.values(name, shape).ok();
                values(self).is_some_and(|own| Some(own) == values(other))
            })
    }

    /// What it says of every step of a window, of each head's features `[T][128]`: its recurrent heads or, of a CNN alone, the
    /// CNN of each step by itself.
    pub fn window_logits(&self, features: [&[&[f32]]; 2]) -> WindowLogits {
        if let Some(logits) = self.student.sequence_logits(features) {
            return logits;
        }
        let say = |(weight, bias): &(Vec<f32>, Vec<f32>), steps: &[&[f32]]| -> Vec<Vec<f32>> {
            let one = |feature: &&[f32]| {
                let rows = weight.chunks_exact(feature.len()).zip(bias);
                rows.map(|(row, bias)| {
                    bias + row.iter().zip(*feature).map(|(w, x)| w * x).sum::<f32>()
                })
                .collect()
            };
            steps.iter().map(one).collect()
        };
        let [expression, affect] = &self.last;
        WindowLogits {
            expression: say(expression, features[0]),
            affect: say(affect, features[1]),
        }
    }
}

/// A small CNN that nobody trained, of this seed.
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) fn made(seed: u64) -> Teacher {
    made_with(seed, |_| {})
}

/// The same with another config.
#[cfg(test)]
#[allow(clippy::unwrap_used)]
fn made_with(seed: u64, change: impl FnOnce(&mut serde_json::Value)) -> Teacher {
    let mut json = serde_json::json!({
        "kind": "student",
        "backbone": {
            "input": [1, 112, 112], "color": "gray", "mean": 120.0, "scale": 60.0,
            "stem": 8, "widths": [8, 8, 8, 8], "blocks": [1, 1, 1, 1], "expansion": 2,
        },
        "heads": {"hidden": 16, "expression": 7, "affect": 40},
        "temperatures": {"expression": 0.6, "valence": 0.8, "arousal": 0.9},
        "offsets": {"expression": [0.5, -0.5, 0.25, 0.0, -1.0, 0.75, 0.0]},
    });
    change(&mut json);
    let json = json.to_string();
    let config = StudentConfig::parse(&json).unwrap();
    let mut rng = super::random::Rng::new(seed);
    let mut store = super::net::Store::new(&config);
    store.begin(|| rng.unit() as f32);
    let bytes = store.to_safetensors(&store.values, &json).unwrap();
    Teacher::new(Weights::from_bytes(&bytes, "made", "made").unwrap()).unwrap()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
