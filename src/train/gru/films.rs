//! Windows of videos: always the same ones, each frame as it is.

use std::collections::HashSet;

use super::bank::know;
use super::kept::Kept;
use super::{Batch, MOST_GAP, Taught, WINDOW, crop, network_crop};
use crate::analysis::Crop;
use crate::labels::Expression;
use crate::model::config::AFFECT_BINS;
use crate::model::student::Student;
use crate::train::augment::Augment;
use crate::train::loader::{Place, places, task_of};
use crate::train::objective::{Task, TeacherLogits};
use crate::train::phase::PhaseError;
use crate::train::random::Rng;
use crate::train::set::{Labels, Set, Split};
use crate::train::teacher::Teacher;

/// The windows of a split's videos, and the faces that are in none.
pub(super) fn split_up(
    sets: &[Set],
    split: Split,
    task: Task,
) -> (Vec<[Place; WINDOW]>, Vec<Place>) {
    let all = places(sets, split, task);
    let (mut windows, mut stills) = (Vec::new(), Vec::new());
    for (s, set) in sets.iter().enumerate() {
        let labelled = |labels: &Labels| task_of(labels) == Some(task);
        let mut moving = HashSet::new();
        for sequence in set.sequences(split, labelled, MOST_GAP) {
            for window in sequence.as_chunks::<WINDOW>().0 {
                moving.extend(window.iter().copied());
                windows.push(window.map(|i| (s, i)));
            }
        }
        stills.extend(all.iter().filter(|p| p.0 == s && !moving.contains(&p.1)));
    }
    (windows, stills)
}

/// What a finished CNN knows of the windows of videos, and a teacher says of them.
#[derive(Default)]
pub(super) struct Films {
    count: usize,
    /// Of the expression head and of the affect head, `[S, T, 128]`.
    features: [Vec<f32>; 2],
    /// `[S * T]`
    labels: Vec<Labels>,
    /// Of each step, where somebody teaches: `[S * T * 7]`, `[S * T * 40]`.
    taught: Option<TeacherLogits>,
}

impl Films {
    /// Runs the networks over the windows. `kept`: what they said before a run was killed. `progress` is told how many
    /// faces are done, and says whether to go on.
    pub fn of(
        sets: &[Set],
        windows: &[[Place; WINDOW]],
        student: &Student,
        by: Option<Taught<'_>>,
        (kept, progress): (&mut Kept, &mut dyn FnMut(usize) -> bool),
    ) -> Result<Self, PhaseError> {
        let mut all = Self {
            count: windows.len(),
            taught: by.map(|_| Default::default()),
            ..Self::default()
        };
        let own = WINDOW * student.config().heads.hidden;
        let lengths = match by {
            Some(_) => [
                own,
                own,
                WINDOW * Expression::COUNT,
                WINDOW * 2 * AFFECT_BINS,
            ],
            None => [own, own, 0, 0],
        };
        for window in windows {
            let crops = |student: &Student| -> Vec<Crop> {
                let faces = window.iter().map(|&(s, i)| {
                    let sample = sets[s].sample(i);
                    let pixels = crop(&sample, student.config(), &Augment::NONE, &mut Rng::new(0));
                    network_crop(student.config(), pixels)
                });
                faces.collect()
            };
            let [expression, affect, e, a] = kept.next(lengths, || {
                let own = know(student, &crops(student))?;
                let mut said = TeacherLogits::default();
                if let Some(Taught { teacher, is_cnn }) = by {
                    let theirs = match is_cnn {
                        true => None,
                        false => Some(know(&teacher.student, &crops(&teacher.student))?),
                    };
                    let [expression, affect] = theirs.as_ref().unwrap_or(&own);
                    teach(teacher, [&steps(expression), &steps(affect)], &mut said);
                }
                let [expression, affect] = own;
                Ok([expression, affect, said.0, said.1])
            })?;
            all.features[0].extend(expression);
            all.features[1].extend(affect);
            if let Some(taught) = &mut all.taught {
                taught.0.extend(e);
                taught.1.extend(a);
            }
            let labels = window.iter().map(|&(s, i)| *sets[s].sample(i).labels);
            all.labels.extend(labels);
            if !progress(WINDOW) {
                return Err(PhaseError::Interrupted);
            }
        }
        Ok(all)
    }

    /// Windows.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Puts a window into a batch.
    pub fn add(&self, window: usize, batch: &mut Batch) {
        let of = |values: &[f32], out: &mut Vec<f32>| {
            let each = values.len() / self.count.max(1);
            out.extend_from_slice(&values[window * each..(window + 1) * each]);
        };
        for (features, out) in self.features.iter().zip(&mut batch.features) {
            of(features, out);
        }
        let labels = &self.labels[window * WINDOW..(window + 1) * WINDOW];
        batch.labels.extend_from_slice(labels);
        if let (Some((expression, affect)), Some(out)) = (&self.taught, &mut batch.taught) {
            of(expression, &mut out.0);
            of(affect, &mut out.1);
        }
    }
}

/// A window's features, step by step.
fn steps(features: &[f32]) -> Vec<&[f32]> {
    features.chunks_exact(features.len() / WINDOW).collect()
}

/// What a teacher says of a window, of each head's features.
pub(super) fn teach(
    teacher: &Teacher,
    features: [&[&[f32]]; 2],
    (expression, affect): &mut TeacherLogits,
) {
    let said = teacher.window_logits(features);
    expression.extend(said.expression.concat());
    affect.extend(said.affect.concat());
}
