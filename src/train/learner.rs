//! A CNN that learns, and one that teaches it, on the CPU or on a GPU.

use std::sync::Arc;

use candle_core::{Device, Var};

use super::loader::Batch;
use super::net::{Backbone, Gpu, GpuBackbone, GpuBackboneError, Heads, Store};
use super::objective::{self, Loss, TeacherLogits};
use super::phase::{Parts, PhaseError};
use crate::analysis::Crop;
use crate::labels::Expression;
use crate::model::config::{AFFECT_BINS, CROP_SIDE_PX, StudentConfig};
use crate::model::conv::isa::InstructionSet;
use crate::model::student::{Features, Kernels, Student, WindowLogits};
use crate::model::weights::{Weights, WeightsError};

/// Where a backbone is.
enum Eyes {
    Cpu(Box<Backbone>),
    Gpu(Box<GpuBackbone>),
}

impl Eyes {
    fn new(
        config: &StudentConfig,
        store: &Store,
        (batch, heads): (usize, &Heads),
        gpu: Option<&Arc<Gpu>>,
    ) -> Result<Self, PhaseError> {
        let config = &config.backbone;
        Ok(match gpu {
            Some(gpu) => {
                let room = (batch, Some(heads));
                Self::Gpu(Box::new(GpuBackbone::new(gpu, store, config, room)?))
            }
            None => {
                let set = InstructionSet::chosen();
                Self::Cpu(Box::new(Backbone::new(set, store, config, batch)?))
            }
        })
    }
}

/// The CNN, forth and back over a batch.
pub struct Learner {
    eyes: Eyes,
    heads: Heads,
    batch: usize,
}

impl Learner {
    /// Room for batches of just this many faces, on the CPU or this GPU; `config` is without recurrent heads.
    ///
    /// # Errors
    /// When the store is of another config, or the GPU has no room.
    pub fn new(
        config: &StudentConfig,
        store: &Store,
        batch: usize,
        gpu: Option<&Arc<Gpu>>,
    ) -> Result<Self, PhaseError> {
        let heads = Heads::new(store, config)?;
        Ok(Self {
            eyes: Eyes::new(config, store, (batch, &heads), gpu)?,
            heads,
            batch,
        })
    }

    /// Faces of a batch.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Whether [`Learner::settled`] can be asked.
    pub fn is_on_gpu(&self) -> bool {
        matches!(self.eyes, Eyes::Gpu(_))
    }

    /// Adds a batch's slopes to `grads`, as long as what the store learns; gives the loss and its parts. The batch moves
    /// the running moments in the store.
    ///
    /// # Errors
    /// When heads, loss or the GPU fail.
    pub fn slopes(
        &mut self,
        store: &mut Store,
        batch: &Batch,
        taught: Option<&TeacherLogits>,
        grads: &mut [f32],
    ) -> Result<Parts, PhaseError> {
        if let Eyes::Gpu(backbone) = &mut self.eyes
            && let Some(logits) = backbone.forward_whole(store, &batch.pixels)?
        {
            let [expression, affect] = variables(logits, self.batch)?;
            let loss = objective::of_batch(&expression, &affect, &batch.targets, taught)?;
            let slopes = loss.total.backward()?;
            let slopes_of = |logits: &Var| match slopes.get(logits) {
                Some(slopes) => slopes.flatten_all()?.to_vec1(),
                None => Ok(vec![0.0; logits.elem_count()]),
            };
            let of = [slopes_of(&expression)?, slopes_of(&affect)?];
            backbone.backward_whole([&of[0], &of[1]], grads)?;
            return parts(&loss);
        }
        let pooled = match &mut self.eyes {
            Eyes::Cpu(backbone) => backbone.forward(store, &batch.pixels),
            Eyes::Gpu(backbone) => backbone.forward(store, &batch.pixels)?,
        };
        let pass = self.heads.forward(store, &pooled)?;
        let loss = objective::of_batch(&pass.expression, &pass.affect, &batch.targets, taught)?;
        let slopes = pass.backward(&loss.total, grads)?;
        match &mut self.eyes {
            Eyes::Cpu(backbone) => backbone.backward(store, &slopes, grads),
            Eyes::Gpu(backbone) => backbone.backward(&slopes, grads)?,
        }
        parts(&loss)
    }

    /// The values that [`Learner::settled`] goes by. Nothing on the CPU.
    ///
    /// # Errors
    /// The GPU's.
    pub fn load(&mut self, values: &[f32]) -> Result<(), PhaseError> {
        match &mut self.eyes {
            Eyes::Cpu(_) => Ok(()),
            Eyes::Gpu(backbone) => Ok(backbone.load(values)?),
        }
    }

    /// Logits of a whole batch of crops on the GPU, by the running moments of the values that were loaded: `[B * 7]`,
    /// `[B * 40]`. `None` on the CPU, where a [`Student`] is faster.
    ///
    /// # Errors
    /// The GPU's.
    pub fn settled(
        &mut self,
        values: &[f32],
        pixels: &[u8],
    ) -> Result<Option<TeacherLogits>, PhaseError> {
        match &mut self.eyes {
            Eyes::Cpu(_) => Ok(None),
            Eyes::Gpu(backbone) => {
                let [expression, affect] = match backbone.settled_whole(pixels)? {
                    Some(logits) => logits,
                    None => self.heads.settled(values, &backbone.settled(pixels)?)?,
                };
                Ok(Some((expression, affect)))
            }
        }
    }
}

/// A loss and what it is made of.
fn parts(loss: &Loss) -> Result<Parts, PhaseError> {
    let total: f32 = loss.total.to_scalar()?;
    let [a, b, c, d] = loss.parts.map(f64::from);
    Ok([a, b, c, d, total.into()])
}

/// Logits to differentiate by, `[B, 7]` and `[B, 40]`.
fn variables(logits: [Vec<f32>; 2], batch: usize) -> Result<[Var; 2], PhaseError> {
    let [expression, affect] = logits.map(|logits| {
        let width = logits.len() / batch;
        Var::from_vec(logits, (batch, width), &Device::Cpu)
    });
    Ok([expression?, affect?])
}

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

    /// What it says of every step of a window: its recurrent heads or, of a CNN alone, the CNN of each step by itself.
    pub fn window_logits(&self, steps: &[&Features]) -> WindowLogits {
        if let Some(logits) = self.student.window_logits(steps) {
            return logits;
        }
        let say = |(weight, bias): &(Vec<f32>, Vec<f32>), feature: &[f32]| -> Vec<f32> {
            let rows = weight.chunks_exact(feature.len()).zip(bias);
            rows.map(|(row, bias)| bias + row.iter().zip(feature).map(|(w, x)| w * x).sum::<f32>())
                .collect()
        };
        let [expression, affect] = &self.last;
        let each = |of: &dyn Fn(&Features) -> Vec<f32>| steps.iter().map(|step| of(step)).collect();
        WindowLogits {
            expression: each(&|step| say(expression, &step.expression)),
            affect: each(&|step| say(affect, &step.affect)),
        }
    }
}

/// What a teacher's CNN says of a batch: it sees the very same views.
pub struct Says {
    teacher: Arc<Teacher>,
    /// On a GPU: it, with its values.
    there: Option<(Learner, Vec<f32>)>,
}

impl Says {
    /// For batches of just this many faces.
    ///
    /// # Errors
    /// When the GPU has no room.
    pub fn new(
        teacher: &Arc<Teacher>,
        batch: usize,
        gpu: Option<&Arc<Gpu>>,
    ) -> Result<Self, PhaseError> {
        let there = match gpu {
            None => None,
            Some(_) => {
                let config = StudentConfig {
                    temporal: None,
                    ..teacher.student.config().clone()
                };
                let mut store = Store::new(&config);
                store.load(&teacher.weights, |_| false)?;
                for (task, (weight, bias)) in ["expression", "affect"].iter().zip(&teacher.last) {
                    store.put(&format!("heads.{task}.fc1.weight"), weight)?;
                    store.put(&format!("heads.{task}.fc1.bias"), bias)?;
                }
                let mut learner = Learner::new(&config, &store, batch, gpu)?;
                learner.load(&store.values)?;
                Some((learner, store.values))
            }
        };
        Ok(Self {
            teacher: teacher.clone(),
            there,
        })
    }

    /// Logits of a batch of crops, `[B, 112, 112, channels]`: `[B * 7]`, `[B * 40]`.
    ///
    /// # Errors
    /// When the network or the GPU fails.
    pub fn logits(&mut self, pixels: &[u8], channels: usize) -> Result<TeacherLogits, PhaseError> {
        if let Some((learner, values)) = &mut self.there
            && let Some(logits) = learner.settled(values, pixels)?
        {
            return Ok(logits);
        }
        let crops: Vec<Crop> = pixels
            .chunks_exact(CROP_SIDE_PX * CROP_SIDE_PX * channels)
            .map(|pixels| Crop {
                face_id: 1,
                side_px: CROP_SIDE_PX,
                channels,
                pixels: pixels.to_vec().into(),
            })
            .collect();
        let (expression, affect) = self.teacher.student.cnn_logits(&crops)?;
        Ok((
            expression.flatten_all()?.to_vec1()?,
            affect.flatten_all()?.to_vec1()?,
        ))
    }
}

/// What several teachers say on average: logits of the mean of their probabilities, of each question (the expressions, the
/// bins of valence, those of arousal) for itself. One's own are left as they are; `None` of none.
pub fn on_average(mut said: Vec<TeacherLogits>) -> Option<TeacherLogits> {
    if said.len() < 2 {
        return said.pop();
    }
    let mean = |of: fn(&TeacherLogits) -> &Vec<f32>, width: usize| -> Vec<f32> {
        let mut sums = vec![0.0; said.first().map_or(0, |one| of(one).len())];
        for logits in said.iter().map(of) {
            for (sums, row) in sums.chunks_exact_mut(width).zip(logits.chunks_exact(width)) {
                let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let whole: f32 = row.iter().map(|logit| (logit - most).exp()).sum();
                for (sum, logit) in sums.iter_mut().zip(row) {
                    *sum += (logit - most).exp() / whole;
                }
            }
        }
        let count = said.len() as f32;
        sums.iter()
            .map(|sum| {
                let mean = sum / count;
                // What is no number stays none, and is told of.
                if mean < f32::MIN_POSITIVE {
                    f32::MIN_POSITIVE.ln()
                } else {
                    mean.ln()
                }
            })
            .collect()
    };
    Some((
        mean(|one| &one.0, Expression::COUNT),
        mean(|one| &one.1, AFFECT_BINS),
    ))
}

impl From<GpuBackboneError> for PhaseError {
    fn from(error: GpuBackboneError) -> Self {
        match error {
            GpuBackboneError::Gpu(e) => e.into(),
            GpuBackboneError::Store(e) => e.into(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::train::random::Rng;

    #[test]
    fn several_are_averaged_as_probabilities_and_what_is_no_number_stays_none() {
        let sure = |of: usize, sure: f32| -> TeacherLogits {
            let one = |len: usize| (0..len).map(|i| if i == of { sure } else { 0.0 }).collect();
            (one(7), one(40))
        };
        assert_eq!(on_average(Vec::new()), None);
        let alone = sure(0, 2.0);
        assert_eq!(on_average(vec![alone.clone()]), Some(alone));
        // Of logits ln 2 and six zeros, the probabilities are 2/8 and 1/8.
        let two = (2f32).ln();
        let (expression, affect) = on_average(vec![sure(0, two), sure(1, two)]).unwrap();
        for (i, logit) in expression.iter().enumerate() {
            let wanted = if i < 2 { 1.5 / 8.0 } else { 1.0 / 8.0 };
            assert!((logit.exp() - wanted).abs() < 1e-6, "{i}: {logit}");
        }
        // Valence and arousal are questions of their own: twenty bins each.
        let sums = affect
            .chunks(20)
            .map(|bins| bins.iter().map(|l| l.exp()).sum::<f32>());
        assert!(sums.into_iter().all(|sum| (sum - 1.0).abs() < 1e-5));
        assert!((affect[0].exp() - 1.5 / 21.0).abs() < 1e-6);
        // Certain against certain.
        let (expression, _) = on_average(vec![sure(0, 200.0), sure(1, 200.0)]).unwrap();
        assert!((expression[0].exp() - 0.5).abs() < 1e-6 && expression[2].is_finite());
        let (expression, _) = on_average(vec![sure(0, f32::NAN), sure(1, 1.0)]).unwrap();
        assert!(
            expression.iter().all(|logit| logit.is_nan()),
            "{expression:?}"
        );
    }

    #[test]
    fn a_cnn_alone_teaches_what_it_says_of_each_step() {
        let json = serde_json::json!({
            "kind": "student",
            "backbone": {
                "input": [1, 112, 112], "color": "gray", "mean": 120.0, "scale": 60.0,
                "stem": 8, "widths": [8, 8, 8, 8], "blocks": [1, 1, 1, 1], "expansion": 2,
            },
            "heads": {"hidden": 16, "expression": 7, "affect": 40},
            "temperatures": {"expression": 0.6, "valence": 0.8, "arousal": 0.9},
            "offsets": {"expression": [0.5, -0.5, 0.25, 0.0, -1.0, 0.75, 0.0]},
        })
        .to_string();
        let config = StudentConfig::parse(&json).unwrap();
        let mut rng = Rng::new(2);
        let mut store = Store::new(&config);
        store.begin(|| rng.unit() as f32);
        let bytes = store.to_safetensors(&store.values, &json).unwrap();
        let weights = Weights::from_bytes(&bytes, "made", "made").unwrap();
        let teacher = Teacher::new(weights).unwrap();
        let crops: Vec<Crop> = (0..3)
            .map(|_| Crop {
                face_id: 1,
                side_px: CROP_SIDE_PX,
                channels: 1,
                pixels: (0..CROP_SIDE_PX * CROP_SIDE_PX)
                    .map(|_| (255.0 * rng.unit()) as u8)
                    .collect(),
            })
            .collect();
        let steps = teacher.student.features(&crops).unwrap();
        let said = teacher.window_logits(&steps.iter().collect::<Vec<_>>());
        let (expression, affect) = teacher.student.cnn_logits(&crops).unwrap();
        for (said, theirs) in [(said.expression, expression), (said.affect, affect)] {
            let theirs = theirs.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let said = said.concat();
            assert_eq!(said.len(), theirs.len());
            for (a, b) in said.iter().zip(&theirs) {
                assert!((a - b).abs() < 1e-4 * b.abs().max(1.0), "{a} {b}");
            }
        }
    }
}
