//! The CNN's phase: teacher or student, from batches to slopes.

use std::sync::Arc;

use super::config::Phase;
use super::learner::Learner;
use super::loader::{Place, Plan, places};
use super::net::{Gpu, Store};
use super::objective::Task;
use super::phase::{Learning, PhaseError, Step, Verdict, student_of};
use super::score;
use super::set::{Set, Split};
use super::teacher::{Panel, Teacher};
use crate::model::config::StudentConfig;

/// What the CNN's phase learns from, and with.
pub struct CnnLearning<'a> {
    config: &'a StudentConfig,
    sets: &'a [Set],
    plan: Plan<'a>,
    /// Faces that are validated on.
    validation: Vec<Place>,
    teachers: Panel,
    learner: Learner,
}

impl<'a> CnnLearning<'a> {
    /// `config` is without recurrent heads; `phase` the plan's.
    ///
    /// # Errors
    /// When there is nothing to learn from or to validate on, or the store is of another config.
    pub fn new(
        config: &'a StudentConfig,
        store: &Store,
        (sets, plan, phase): (&'a [Set], Plan<'a>, &Phase),
        validation: Vec<Place>,
        (teachers, gpu): (&[Arc<Teacher>], Option<&Arc<Gpu>>),
    ) -> Result<Self, PhaseError> {
        let batch = phase.batch;
        has_faces(sets, (batch, "cnn"))?;
        Ok(Self {
            learner: Learner::new(config, store, batch, gpu)?,
            teachers: Panel::new(teachers, phase, gpu)?,
            config,
            sets,
            plan,
            validation,
        })
    }
}

/// Whether there are faces enough to learn from and some to validate on. `at`: where in a config the batch's size stands.
///
/// # Errors
/// When there are not.
pub fn has_faces(sets: &[Set], (batch, at): (usize, &str)) -> Result<(), PhaseError> {
    let faces = |split: Split| {
        let each = Task::ALL.map(|task| (task, places(sets, split, task).len()));
        each.into_iter().filter(|(_, faces)| *faces > 0)
    };
    if faces(Split::Train).all(|(_, faces)| faces < batch) {
        let there: Vec<String> = faces(Split::Train)
            .map(|(task, faces)| format!("{faces} with labels of the kind \"{}\"", task.name()))
            .collect();
        let there = match &*there {
            [] => "there is none".to_owned(),
            there => format!("there are {}", there.join(", ")),
        };
        return Err(PhaseError::NoFaces(format!(
            "The sets have too few faces to learn from: a step takes {batch} (`{at}.batch`) with the same kind of labels, and \
             {there}. Lower it, or add a set."
        )));
    }
    has_validation(sets)
}

/// Whether there are faces to validate on.
///
/// # Errors
/// When there are none.
pub fn has_validation(sets: &[Set]) -> Result<(), PhaseError> {
    let none = |task| places(sets, Split::Validation, task).is_empty();
    if !Task::ALL.into_iter().all(none) {
        return Ok(());
    }
    Err(PhaseError::NoFaces(
        "The sets have no labelled face in their validation split, so that nobody could tell which epoch is the best. Add a set \
         with some: a database's own split, a table whose column `split` says so, or one of more people, of whom some are then \
         put aside."
            .to_owned(),
    ))
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
            teachers,
            config,
            ..
        } = self;
        let channels = config.backbone.input[0];
        let before = epoch * plan.steps();
        plan.epoch(epoch, from, |number, batches| {
            let faces = batches.len() * learner.batch();
            // A step may want slopes twice; teachers say the same.
            let mut said = Vec::with_capacity(batches.len());
            step(number, faces, &mut |store, grads| {
                let mut sums = [0.0; 5];
                for (task, batch) in batches.iter().enumerate() {
                    if task == said.len() {
                        let turn = before + number + task;
                        said.push(teachers.logits(turn, &batch.pixels, channels)?);
                    }
                    let taught = &said[task];
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
        let scores = if self.learner.is_on_gpu() {
            let learner = &mut self.learner;
            let batch = learner.batch();
            learner.load(values)?;
            score::of_settled(self.config, self.sets, &self.validation, batch, |pixels| {
                learner.settled(values, pixels)
            })?
        } else {
            let student = student_of(store, values, self.config)?;
            score::of_cnn(&student, self.sets, &self.validation)?
        };
        Ok(score::verdict(&scores))
    }
}
