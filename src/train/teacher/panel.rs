//! Several teachers of a CNN: asked together or in turn, of faces as they are or mirrored.

use std::sync::Arc;

use super::Teacher;
use crate::analysis::Crop;
use crate::labels::Expression;
use crate::model::config::{AFFECT_BINS, CROP_SIDE_PX, StudentConfig};
use crate::train::augment::mirror_rows;
use crate::train::config::Phase;
use crate::train::learner::Learner;
use crate::train::net::{Gpu, Store};
use crate::train::objective::TeacherLogits;
use crate::train::phase::PhaseError;

/// What a teacher's CNN says of a batch.
struct Says {
    teacher: Arc<Teacher>,
    /// On a GPU: it, with its values.
    there: Option<(Learner, Vec<f32>)>,
}

impl Says {
    fn new(
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

    fn logits(&mut self, pixels: &[u8], channels: usize) -> Result<TeacherLogits, PhaseError> {
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

/// All who teach a CNN. They see the very views that it sees, or those mirrored.
pub struct Panel {
    /// Each teacher once, however often it is named.
    says: Vec<Says>,
    /// What a batch may be asked: which teacher, and whether it is shown the faces mirrored.
    questions: Vec<(usize, bool)>,
    in_turn: bool,
}

impl Panel {
    /// For batches of just as many faces as the phase has.
    ///
    /// # Errors
    /// When the GPU has no room.
    pub fn new(
        teachers: &[Arc<Teacher>],
        phase: &Phase,
        gpu: Option<&Arc<Gpu>>,
    ) -> Result<Self, PhaseError> {
        let ways: &[bool] = if phase.mirrored {
            &[false, true]
        } else {
            &[false]
        };
        let mut says: Vec<Says> = Vec::new();
        let mut named = Vec::new();
        for teacher in teachers {
            let known = says.iter().position(|s| Arc::ptr_eq(&s.teacher, teacher));
            named.push(known.unwrap_or(says.len()));
            if known.is_none() {
                says.push(Says::new(teacher, phase.batch, gpu)?);
            }
        }
        let of_way = |&way: &bool| named.iter().map(move |&of| (of, way));
        Ok(Self {
            questions: ways.iter().flat_map(of_way).collect(),
            says,
            in_turn: phase.in_turn,
        })
    }

    /// What is taught of a batch of crops, `[B, 112, 112, channels]`: logits `[B * 7]`, `[B * 40]`, or `None` where nobody
    /// teaches. `turn` counts on from batch to batch.
    ///
    /// # Errors
    /// When a network or the GPU fails.
    pub fn logits(
        &mut self,
        turn: usize,
        pixels: &[u8],
        channels: usize,
    ) -> Result<Option<TeacherLogits>, PhaseError> {
        let questions = match self.in_turn {
            true if !self.questions.is_empty() => {
                let at = turn % self.questions.len();
                &self.questions[at..=at]
            }
            _ => &self.questions[..],
        };
        let turned = questions.iter().any(|&(_, way)| way).then(|| {
            let mut turned = pixels.to_vec();
            mirror_rows(&mut turned, channels);
            turned
        });
        let mut said: Vec<TeacherLogits> = Vec::with_capacity(questions.len());
        for (at, question) in questions.iter().enumerate() {
            // Who is named more often has said it already.
            let before = questions[..at].iter().position(|q| q == question);
            let logits = match before {
                Some(before) => said[before].clone(),
                None => {
                    let (of, way) = *question;
                    let seen = turned.as_deref().filter(|_| way).unwrap_or(pixels);
                    self.says[of].logits(seen, channels)?
                }
            };
            said.push(logits);
        }
        Ok(on_average(said))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
