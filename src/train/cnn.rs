//! The CNN's phase: teacher or student, from batches to slopes.

use std::sync::Arc;

use super::loader::{Batch, Place, Plan};
use super::net::{Backbone, Heads, Store};
use super::objective::{self, TeacherLogits};
use super::phase::{Learning, Parts, PhaseError, Step, Verdict, student_of};
use super::score;
use super::set::Set;
use crate::analysis::Crop;
use crate::model::config::{CROP_SIDE_PX, StudentConfig};
use crate::model::conv::isa::InstructionSet;
use crate::model::student::Student;

/// What the CNN's phase learns from, and with.
pub struct CnnLearning<'a> {
    config: &'a StudentConfig,
    sets: &'a [Set],
    plan: Plan<'a>,
    /// Faces that are validated on.
    validation: Vec<Place>,
    teacher: Option<Arc<Student>>,
    learner: Learner,
}

/// The CNN, forth and back over a batch.
pub struct Learner {
    backbone: Backbone,
    heads: Heads,
}

impl<'a> CnnLearning<'a> {
    /// `config` is without recurrent heads; `batch` what the plan's phase says.
    ///
    /// # Errors
    /// When there is nothing to learn from or to validate on, or the store is of another config.
    pub fn new(
        config: &'a StudentConfig,
        store: &Store,
        (sets, plan, batch): (&'a [Set], Plan<'a>, usize),
        validation: Vec<Place>,
        teacher: Option<Arc<Student>>,
    ) -> Result<Self, PhaseError> {
        if plan.steps() == 0 || validation.is_empty() {
            let what = if plan.steps() == 0 {
                "training"
            } else {
                "validation"
            };
            return Err(PhaseError::NoFaces(format!(
                "The sets have too few faces in their {what} split: a batch of {batch} faces with the same kinds of labels is the least."
            )));
        }
        Ok(Self {
            learner: Learner {
                backbone: Backbone::new(InstructionSet::chosen(), store, &config.backbone, batch)?,
                heads: Heads::new(store, config)?,
            },
            config,
            sets,
            plan,
            validation,
            teacher,
        })
    }
}

impl Learning for CnnLearning<'_> {
    fn steps(&self) -> usize {
        self.plan.steps()
    }

    fn learns(&self, name: &str) -> bool {
        !name.starts_with("temporal.")
    }

    fn epoch(&mut self, epoch: usize, from: usize, step: &mut Step<'_>) -> Result<(), PhaseError> {
        let Self {
            plan,
            learner,
            teacher,
            config,
            ..
        } = self;
        let channels = config.backbone.input[0];
        plan.epoch(epoch, from, |number, batches| {
            let faces = batches.len() * learner.backbone.batch();
            step(number, faces, &mut |store, grads| {
                let mut sums = [0.0; 5];
                for batch in batches {
                    let taught = match &teacher {
                        Some(teacher) => Some(logits(teacher, batch, channels)?),
                        None => None,
                    };
                    let parts = learner.slopes(store, batch, taught.as_ref(), grads)?;
                    sums.iter_mut()
                        .zip(parts)
                        .for_each(|(sum, part)| *sum += part);
                }
                Ok(sums)
            })
        })
    }

    fn validate(&mut self, store: &Store, values: &[f32]) -> Result<Verdict, PhaseError> {
        let student = student_of(store, values, self.config)?;
        let scores = score::of_cnn(&student, self.sets, &self.validation)?;
        Ok(score::verdict(&scores))
    }
}

impl Learner {
    /// Room for batches of just this many faces; `config` is without recurrent heads.
    ///
    /// # Errors
    /// When the store is of another config.
    pub fn new(config: &StudentConfig, store: &Store, batch: usize) -> Result<Self, PhaseError> {
        Ok(Self {
            backbone: Backbone::new(InstructionSet::chosen(), store, &config.backbone, batch)?,
            heads: Heads::new(store, config)?,
        })
    }

    /// Adds a batch's slopes to `grads`, as long as what the store learns; gives the loss and its parts. The batch moves
    /// the running moments in the store.
    ///
    /// # Errors
    /// When heads or loss fail.
    pub fn slopes(
        &mut self,
        store: &mut Store,
        batch: &Batch,
        taught: Option<&TeacherLogits>,
        grads: &mut [f32],
    ) -> Result<Parts, PhaseError> {
        let pooled = self.backbone.forward(store, &batch.pixels);
        let pass = self.heads.forward(store, &pooled)?;
        let loss = objective::of_batch(&pass.expression, &pass.affect, &batch.targets, taught)?;
        let total: f32 = loss.total.to_scalar()?;
        let slopes = pass.backward(&loss.total, grads)?;
        self.backbone.backward(store, &slopes, grads);
        let [a, b, c, d] = loss.parts.map(f64::from);
        Ok([a, b, c, d, total.into()])
    }
}

/// A teacher's logits for a batch: it sees the very same views.
fn logits(teacher: &Student, batch: &Batch, channels: usize) -> Result<TeacherLogits, PhaseError> {
    let crops: Vec<Crop> = batch
        .pixels
        .chunks_exact(CROP_SIDE_PX * CROP_SIDE_PX * channels)
        .map(|pixels| Crop {
            face_id: 1,
            side_px: CROP_SIDE_PX,
            channels,
            pixels: pixels.to_vec().into(),
        })
        .collect();
    let (expression, affect) = teacher.cnn_logits(&crops)?;
    Ok((
        expression.flatten_all()?.to_vec1()?,
        affect.flatten_all()?.to_vec1()?,
    ))
}
