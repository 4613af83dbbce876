//! The loop that all phases share: steps, the moving average, validation, the log, checkpoints.

pub mod begun;
mod report;
mod slopes;

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde_json::json;
use sha2::{Digest as _, Sha256};

pub use self::report::{End, EpochReport, PhaseError, StepReport, Verdict, Watch};
use super::checkpoint::{Bits, Checkpoint, CheckpointError, Position, VALUES};
use super::config::Course;
use super::journal::Journal;
use super::net::{Adam, AdamConfig, Store};
use super::objective::PARTS;
use super::set::hex;
use crate::model::config::StudentConfig;
use crate::model::conv::isa::InstructionSet;
use crate::model::conv::passes;
use crate::model::student::{Kernels, Student};
use crate::model::weights::Weights;

/// Steps between two lines of the log.
const LINE_EVERY: usize = 20;
/// Values that one piece of work takes.
const CHUNK: usize = 1 << 16;

/// The parts of a step's loss ([`Learning::parts`]; 0 for those that a phase has not), then the whole.
pub type Parts = [f64; 5];

/// Computes a step's slopes: adds them to the second argument, which is as long as what the store learns. A step may ask twice,
/// of other values; what teachers say of its faces is the same.
pub type Slopes<'a> = dyn FnMut(&mut Store, &mut [f32]) -> Result<Parts, PhaseError> + 'a;

/// Takes a step: its number, how many faces it has, and its slopes. False when it was to be the last.
pub type Step<'a> = dyn FnMut(usize, usize, &mut Slopes<'_>) -> Result<bool, PhaseError> + 'a;

/// What is learnt in a phase.
pub trait Learning {
    /// Steps of an epoch.
    fn steps(&self) -> usize;

    /// What a step's loss is made of, by name; four at most.
    fn parts(&self) -> &'static [&'static str] {
        &PARTS
    }

    /// Whether this phase learns a tensor of this name.
    fn learns(&self, name: &str) -> bool;

    /// Gives the steps of an epoch from one on, until `step` says false.
    ///
    /// # Errors
    /// What `step` says.
    fn epoch(&mut self, epoch: usize, from: usize, step: &mut Step<'_>) -> Result<(), PhaseError>;

    /// Scores of these values on the validation split.
    ///
    /// # Errors
    /// When the network fails.
    fn validate(&mut self, store: &Store, values: &[f32]) -> Result<Verdict, PhaseError>;
}

/// A phase: its files, its course, and what it depends on.
pub struct Phase<'a> {
    /// `teacher-cnn` and so on: the names of its files.
    pub name: &'a str,
    /// Where its checkpoint and log lie.
    pub folder: PathBuf,
    /// How it goes.
    pub course: Course,
    /// The optimiser.
    pub adam: AdamConfig,
    /// Steps between two checkpoints; one is written after each epoch, too.
    pub checkpoint_every: usize,
    /// All that the phase depends on ([`begun::all`]): a checkpoint of anything else is not gone on from.
    pub of: String,
}

/// All that changes from step to step.
struct State {
    store: Store,
    average: Vec<f32>,
    best: Vec<f32>,
    adam: Adam,
    position: Position,
}

/// Where the log of a phase lies.
pub fn log_of(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.log.jsonl"))
}

impl Phase<'_> {
    /// Where its checkpoint lies.
    pub fn checkpoint(&self) -> PathBuf {
        self.folder.join(format!("{}.checkpoint", self.name))
    }

    /// Trains from `begin` (or from the checkpoint that is there) to the end; gives the best values and their score.
    ///
    /// # Errors
    /// [`PhaseError`]; whatever it is, the checkpoint that is there stays good.
    pub fn run(
        &self,
        learning: &mut dyn Learning,
        begin: Store,
        watch: &mut dyn Watch,
    ) -> Result<(Store, f64), PhaseError> {
        let mut state = self.begin(begin, learning)?;
        if state.position.done {
            // Its log is no one's concern any more.
            return Ok(Self::best_of(state));
        }
        let mut journal = Journal::open(&log_of(&self.folder, self.name), state.position.lines)?;
        let mut grads = vec![0.0; state.store.learnt()];
        while !state.position.done {
            let epoch = state.position.epoch;
            let over = self.epoch(learning, &mut state, &mut grads, &mut journal, watch)?;
            if !over {
                self.save(&mut state, &journal)?;
                return Err(PhaseError::Interrupted);
            }
            let verdict = learning.validate(&state.store, &state.average)?;
            let score = verdict.score;
            let best = state
                .position
                .best
                .is_none_or(|(before, _)| score > before.0);
            if best {
                state.position.best = Some((Bits(score), epoch));
                state.best.clone_from(&state.average);
            }
            let mut line =
                json!({"phase": self.name, "epoch": epoch + 1, "score": score, "best": best});
            for (name, value) in &verdict.named {
                line[*name] = json!(value);
            }
            journal.write(&line)?;
            let best_epoch = state.position.best.map_or(epoch, |(_, at)| at);
            let ends = match epoch + 1 >= self.course.epochs {
                true => Some(End::Whole),
                false if epoch - best_epoch >= self.course.patience => Some(End::Early),
                false => None,
            };
            state.position.epoch += 1;
            state.position.step = 0;
            state.position.done = ends.is_some();
            self.save(&mut state, &journal)?;
            // What is told has come to stay.
            watch.epoch(&EpochReport {
                epoch,
                verdict: &verdict,
                best_epoch,
                ends,
            });
        }
        Ok(Self::best_of(state))
    }

    /// The best values of a phase that is over, and their score.
    fn best_of(mut state: State) -> (Store, f64) {
        let score = state.position.best.map_or(0.0, |(score, _)| score.0);
        state.store.values = state.best;
        (state.store, score)
    }

    /// Whether its checkpoint says that it is over.
    ///
    /// # Errors
    /// When the checkpoint cannot be used, or is of another config.
    pub fn is_done(&self) -> Result<bool, PhaseError> {
        Ok(self.there()?.is_some_and(|c| c.position.done))
    }

    /// The checkpoint, where there is one.
    fn there(&self) -> Result<Option<Checkpoint>, PhaseError> {
        let Some(there) = Checkpoint::load(&self.checkpoint())? else {
            return Ok(None);
        };
        let (then, now) = (&there.position.of, self.of());
        if *then == now {
            return Ok(Some(there));
        }
        Err(self.other_run(
            begun::differences(then, &now, begun::Now::All)
                .unwrap_or_else(|| "what differs is not known".to_owned()),
        ))
    }

    fn other_run(&self, differences: String) -> PhaseError {
        PhaseError::OtherRun {
            folder: self.folder.clone(),
            checkpoint: self.checkpoint(),
            differences,
        }
    }

    /// Before the phases that it builds on are over, with what is known by then: whether its folder has another run's
    /// checkpoint of it.
    ///
    /// # Errors
    /// When it has, or the checkpoint cannot be used.
    pub fn is_another(&self) -> Result<(), PhaseError> {
        let there = Checkpoint::load(&self.checkpoint())?;
        let differ = |there: Checkpoint| {
            begun::differences(&there.position.of, &self.of(), begun::Now::BeforeItsTime)
        };
        match there.and_then(differ) {
            Some(differences) => Err(self.other_run(differences)),
            None => Ok(()),
        }
    }

    /// Its course as checkpoints know it.
    fn written_course(&self) -> String {
        let course = Course {
            // -0 is 0, and written otherwise.
            sharpness: self.course.sharpness + 0.0,
            ..self.course.clone()
        };
        format!("{course:?}").replace(", sharpness: 0.0 }", " }")
    }

    /// What a checkpoint of this phase is known by.
    fn of(&self) -> String {
        // What was not asked for is no part of it: a checkpoint from before there was such a thing is gone on from.
        let rest = format!("{} {} {:?}", self.name, self.written_course(), self.adam);
        format!("{}\n{}", self.of, hex(&Sha256::digest(rest)))
    }

    /// From the checkpoint, or anew.
    fn begin(&self, store: Store, learning: &dyn Learning) -> Result<State, PhaseError> {
        let mut adam = Adam::new(self.adam, &store, |name| learning.learns(name));
        let of = self.of();
        let path = self.checkpoint();
        let Some(mut there) = self.there()? else {
            return Ok(State {
                average: store.values.clone(),
                best: store.values.clone(),
                adam,
                store,
                position: Position {
                    of,
                    epoch: 0,
                    step: 0,
                    steps: 0,
                    best: None,
                    lines: 0,
                    sums: Default::default(),
                    done: false,
                },
            });
        };
        let wrong = |reason: &str| CheckpointError::Wrong {
            path: path.clone(),
            reason: reason.to_owned(),
        };
        let [values, average, first, second, best] = VALUES.map(|name| there.take(name));
        let (all, learnt) = (store.values.len(), store.learnt());
        if [values.len(), average.len(), best.len()] != [all; 3]
            || [first.len(), second.len()] != [learnt; 2]
        {
            return Err(wrong("it is of another network").into());
        }
        adam.steps = there.position.steps;
        (adam.first, adam.second) = (first, second);
        let mut store = store;
        store.values = values;
        Ok(State {
            store,
            average,
            best,
            adam,
            position: there.position,
        })
    }

    fn save(&self, state: &mut State, journal: &Journal) -> Result<(), PhaseError> {
        state.position.steps = state.adam.steps;
        state.position.lines = journal.lines();
        // The checkpoint is on the disk when it is written, and the lines that it knows of are before it.
        journal.sync()?;
        let values = [
            &state.store.values,
            &state.average,
            &state.adam.first,
            &state.adam.second,
            &state.best,
        ];
        let checkpoint = Checkpoint {
            position: state.position.clone(),
            values: VALUES.into_iter().zip(values.map(Clone::clone)).collect(),
        };
        Ok(checkpoint.save(&self.checkpoint())?)
    }

    /// The rest of the present epoch; false when it was to end before.
    fn epoch(
        &self,
        learning: &mut dyn Learning,
        state: &mut State,
        grads: &mut [f32],
        journal: &mut Journal,
        watch: &mut dyn Watch,
    ) -> Result<bool, PhaseError> {
        let (epoch, steps) = (state.position.epoch, learning.steps());
        let names = learning.parts();
        let mut whole = true;
        learning.epoch(epoch, state.position.step, &mut |step, faces, slopes| {
            if watch.is_over() {
                whole = false;
                return Ok(false);
            }
            let rate = self
                .course
                .rate_at(epoch as f64 + step as f64 / steps as f64);
            grads
                .par_chunks_mut(CHUNK)
                .for_each(|grads| grads.fill(0.0));
            let parts = slopes(&mut state.store, grads)?;
            let at = (epoch, step, rate);
            self.are_numbers(names, &parts, (&state.adam, grads), at, false)?;
            if self.course.sharpness > 0.0 {
                let parts = self.slopes_beside(state, grads, slopes)?;
                self.are_numbers(names, &parts, (&state.adam, grads), at, true)?;
            }
            state.adam.step(&mut state.store, grads, rate);
            self.follow(state);
            let (sums, count) = &mut state.position.sums;
            sums.iter_mut()
                .zip(parts)
                .for_each(|(sum, part)| sum.0 += part);
            *count += 1;
            state.position.step = step + 1;
            if (step + 1) % LINE_EVERY == 0 || step + 1 == steps {
                let means = sums.map(|sum| sum.0 / *count as f64);
                let mut line = json!({
                    "phase": self.name, "epoch": epoch + 1, "step": step + 1, "steps": steps,
                    "rate": rate, "loss": means[4],
                });
                for (name, mean) in names.iter().zip(means) {
                    line[name] = json!(mean);
                }
                journal.write(&line)?;
                (*sums, *count) = Default::default();
            }
            watch.step(&StepReport {
                epoch,
                epochs: self.course.epochs,
                step: step + 1,
                steps,
                faces,
                loss: parts[4],
                rate,
            });
            if (step + 1) % self.checkpoint_every == 0 && step + 1 < steps {
                self.save(state, journal)?;
            }
            Ok(true)
        })?;
        Ok(whole)
    }

    /// The moving average takes the step's values in.
    fn follow(&self, state: &mut State) {
        let keep = self.course.average;
        if keep == 0.0 {
            state.average.clone_from(&state.store.values);
            return;
        }
        // Young, it must not hold on to the first values.
        let steps = state.adam.steps as f64;
        let keep = keep.min((1.0 + steps) / (10.0 + steps));
        let set = InstructionSet::chosen();
        let values = state.store.values.par_chunks(CHUNK);
        let average = state.average.par_chunks_mut(CHUNK);
        average.zip(values).for_each(|(average, values)| {
            passes::follow(set, values, (1.0 - keep) as f32, average);
        });
    }
}

/// A network that runs, of these values.
///
/// # Errors
/// When they are no numbers any more.
pub fn student_of(
    store: &Store,
    values: &[f32],
    config: &StudentConfig,
) -> Result<Student, PhaseError> {
    let json = serde_json::to_string(config).map_err(|e| PhaseError::NoFaces(e.to_string()))?;
    let bytes = store.to_safetensors(values, &json)?;
    let weights = Weights::from_bytes(&bytes, "in training", "in training")?;
    let kernels = Kernels {
        threads: rayon::current_num_threads(),
        ..Kernels::default()
    };
    Ok(Student::with_kernels(&weights, kernels)?)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
