//! What a phase tells: how it goes, and why it ended before its end.

use std::path::{Path, PathBuf};

use crate::model::student::NetworkError;
use crate::model::weights::WeightsError;
use crate::train::checkpoint::CheckpointError;
use crate::train::journal::JournalError;
use crate::train::net::{GpuError, StoreError};

/// Why a phase ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum PhaseError {
    /// A checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The log.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The values to begin with.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Weights that were made cannot be read back.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The GPU.
    #[error("{0}. The same command with --device cpu goes on without it.")]
    Gpu(#[from] GpuError),
    /// Heads or loss.
    #[error("the step failed ({0})")]
    Candle(#[from] candle_core::Error),
    /// Weights cannot be written in the file's format.
    #[error("the weights cannot be written ({0})")]
    Format(#[from] safetensors::SafeTensorError),
    /// There is nothing to learn from, or nothing to validate on.
    #[error("{0}")]
    NoFaces(String),
    /// The folder is another run's.
    #[error(
        "{folder}: a run was begun there with another config: {differences}. Give another --out to begin anew, or the config \
         of then to go on; {checkpoint} is where it is.",
        folder = folder.display(),
        checkpoint = checkpoint.display()
    )]
    OtherRun {
        /// Of the run.
        folder: PathBuf,
        /// Of the phase.
        checkpoint: PathBuf,
        /// What differs: keys of the config, sets.
        differences: String,
    },
    /// Another run works in the folder.
    #[error("{folder}: another run is training there. Wait for it, or give another folder with --out.", folder = .0.display())]
    Busy(PathBuf),
    /// The folder's lock.
    #[error("{path}: {reason}. Check the folder, its permissions and the space left.", path = path.display())]
    Lock {
        /// Its file.
        path: PathBuf,
        /// The system's word.
        reason: std::io::Error,
    },
    /// What the finished CNN knows of the faces, while the recurrent heads are not finished.
    #[error(
        "{path}: what the CNN knows of the faces cannot be kept there ({reason}). Check the folder, its permissions and the space left; \
         what is there by this name may be removed.",
        path = path.display()
    )]
    Kept {
        /// Its file.
        path: PathBuf,
        /// The system's word.
        reason: std::io::Error,
    },
    /// A number that is none.
    #[error(
        "{phase}: {what} is no number in epoch {epoch}, step {step} (rate {rate:.2e}). Lower {lower} in the config and begin anew, with \
         another --out. {}",
        before_it(checkpoint.as_deref())
    )]
    NotANumber {
        /// Which phase.
        phase: String,
        /// The loss, by its part, or the slopes.
        what: String,
        /// What is to be lowered.
        lower: &'static str,
        /// From 1.
        epoch: usize,
        /// From 1.
        step: usize,
        /// The learning rate there.
        rate: f64,
        /// The last one before it, where there is one.
        checkpoint: Option<PathBuf>,
    },
    /// The user asked for an end; the checkpoint is written.
    #[error("interrupted; the same command goes on from here")]
    Interrupted,
}

/// Where what was learnt before numbers were lost is.
fn before_it(checkpoint: Option<&Path>) -> String {
    match checkpoint {
        Some(path) => format!("The last good checkpoint is {}.", path.display()),
        None => "No checkpoint was written before.".to_owned(),
    }
}

/// What a phase tells whoever watches.
pub trait Watch {
    /// After each step.
    fn step(&mut self, report: &StepReport);
    /// After each epoch.
    fn epoch(&mut self, report: &EpochReport<'_>);
    /// True once the phase is to end at the next step.
    fn is_over(&self) -> bool;
}

/// A step that is over.
#[derive(Debug, Clone, Copy)]
pub struct StepReport {
    /// Epoch, from 0.
    pub epoch: usize,
    /// Epochs at most.
    pub epochs: usize,
    /// Steps of this epoch that are over.
    pub step: usize,
    /// Steps of an epoch.
    pub steps: usize,
    /// Faces of a step.
    pub faces: usize,
    /// The loss.
    pub loss: f64,
    /// The learning rate.
    pub rate: f64,
}

/// An epoch that is over.
#[derive(Debug)]
pub struct EpochReport<'a> {
    /// Epoch, from 0.
    pub epoch: usize,
    /// On the validation split.
    pub verdict: &'a Verdict,
    /// The best epoch so far, from 0.
    pub best_epoch: usize,
    /// Whether the phase is over with it.
    pub ends: Option<End>,
}

/// How a phase ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// All its epochs are through.
    Whole,
    /// There was no better epoch for as long as its patience.
    Early,
}

/// What the validation split says of some values.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Verdict {
    /// One number to choose by: the more the better.
    pub score: f64,
    /// What else is known, by the names that the log has it under; `None`: no label for it.
    pub named: Vec<(&'static str, Option<f64>)>,
}
