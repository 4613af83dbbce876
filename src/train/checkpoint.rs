//! A phase's whole state in one file: killed at any moment, a run goes on from the last one as if nothing had been.

use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};

use crate::formats::output::{OutputError, write_whole};
use crate::model::weights::safetensors_file;

/// A number that is read back to the last bit, whatever stands between.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(from = "u64", into = "u64")]
pub struct Bits(pub f64);

impl From<u64> for Bits {
    fn from(bits: u64) -> Self {
        Self(f64::from_bits(bits))
    }
}

impl From<Bits> for u64 {
    fn from(Bits(value): Bits) -> Self {
        value.to_bits()
    }
}

/// Where a phase is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// What the phase depends on, in JSON, and a checksum of the rest: another config must not go on from here.
    pub of: String,
    /// Epochs that are over.
    pub epoch: usize,
    /// Steps of the present epoch that are over.
    pub step: usize,
    /// Steps of the optimiser.
    pub steps: u64,
    /// The best validation score so far, and after which epoch.
    pub best: Option<(Bits, usize)>,
    /// Lines of the log that were written by then.
    pub lines: u64,
    /// Sums of the losses since the last line of the log, and their number.
    pub sums: ([Bits; 5], u64),
    /// The phase is over.
    pub done: bool,
}

/// A phase's state.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Where it is.
    pub position: Position,
    /// Values by name: the store's, the moving average's, the optimiser's, the best ones.
    pub values: Vec<(&'static str, Vec<f32>)>,
}

/// Why a checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// It cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// It is damaged, or another program's.
    #[error("{path}: {reason}. Remove the file to begin the phase anew.", path = path.display())]
    Wrong {
        /// Which file.
        path: std::path::PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Names of the values, in their order.
pub const VALUES: [&str; 5] = ["values", "average", "first", "second", "best"];

impl Checkpoint {
    /// Values of a name.
    pub fn take(&mut self, name: &str) -> Vec<f32> {
        let found = self.values.iter_mut().find(|(n, _)| *n == name);
        found
            .map(|(_, values)| std::mem::take(values))
            .unwrap_or_default()
    }

    /// Writes it beside its name, then renames: the one before stays until this one is whole.
    ///
    /// # Errors
    /// When the disk is full or refuses.
    pub fn save(&self, path: &Path) -> Result<(), CheckpointError> {
        let wrong = |reason: String| CheckpointError::Wrong {
            path: path.to_owned(),
            reason,
        };
        let position = serde_json::to_string(&self.position).map_err(|e| wrong(e.to_string()))?;
        let tensors: Vec<_> = self
            .values
            .iter()
            .map(|(name, values)| (*name, vec![values.len()], values.clone()))
            .collect();
        let file = safetensors_file(&tensors, ("position", &position))
            .map_err(|e| wrong(e.to_string()))?;
        Ok(write_whole(path, &file, true)?)
    }

    /// Reads one; `None` when there is none.
    ///
    /// # Errors
    /// When it is there and cannot be used.
    pub fn load(path: &Path) -> Result<Option<Self>, CheckpointError> {
        let wrong = |reason: String| CheckpointError::Wrong {
            path: path.to_owned(),
            reason,
        };
        let file = match std::fs::read(path) {
            Ok(file) => file,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(wrong(format!("cannot be read ({e})"))),
        };
        let (_, header) =
            SafeTensors::read_metadata(&file).map_err(|e| wrong(format!("it is damaged ({e})")))?;
        let position = header
            .metadata()
            .as_ref()
            .and_then(|m| m.get("position"))
            .ok_or_else(|| wrong("it is no checkpoint of a training run".to_owned()))?;
        let position =
            serde_json::from_str(position).map_err(|e| wrong(format!("its position: {e}")))?;
        let tensors =
            SafeTensors::deserialize(&file).map_err(|e| wrong(format!("it is damaged ({e})")))?;
        let mut values = Vec::new();
        for name in VALUES {
            let Ok(view) = tensors.tensor(name) else {
                continue;
            };
            if view.dtype() != Dtype::F32 {
                return Err(wrong(format!("`{name}` is not f32")));
            }
            let (chunks, _) = view.data().as_chunks::<4>();
            values.push((
                name,
                chunks.iter().map(|b| f32::from_le_bytes(*b)).collect(),
            ));
        }
        Ok(Some(Self { position, values }))
    }
}
