//! Weights files: safetensors with the network's config in the metadata, or the reference's PyTorch checkpoints.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use sha2::{Digest, Sha256};

use super::config::StudentConfig;
use super::pth;

/// The default student, in the binary.
pub const STUDENT: &[u8] = include_bytes!("../../weights/student-thin.safetensors");
/// The landmark network, in the binary.
pub const LANDMARKS: &[u8] = include_bytes!("../../weights/landmarks5.safetensors");
/// The face detector's model, in the binary.
pub const DETECTOR: &[u8] = include_bytes!("../../weights/seeta_fd_frontal_v1.0.bin");

/// More than any network of this family: a file above it is refused before it is read.
const LARGEST_FILE_BYTES: u64 = 2 << 30;

/// Why weights cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file cannot be read.
    #[error("weights {path}: cannot be read ({reason}). Check the path.", path = path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// The system's word.
        reason: std::io::Error,
    },
    /// The file is read and is not what is wanted.
    #[error(
        "weights {origin}: {reason} Give a student network as .safetensors, or the paper's as .pth; `affectscope info FILE` shows what one holds."
    )]
    Wrong {
        /// Which file.
        origin: String,
        /// What is wrong, as a sentence.
        reason: String,
    },
}

/// A weights file in memory, on the CPU.
pub struct Weights {
    /// `built in`, or the path.
    pub origin: String,
    /// Short name: the file's, without its ending.
    pub name: String,
    /// SHA-256 of the file, hexadecimal.
    pub sha256: String,
    /// The metadata's `config`, JSON.
    pub config: String,
    /// Whether it is a PyTorch checkpoint, whose config is implied.
    pub checkpoint: bool,
    tensors: BTreeMap<String, Tensor>,
}

impl Weights {
    /// Reads a file, or the built-in student for `None`.
    ///
    /// # Errors
    /// When it cannot be read or is no safetensors file.
    pub fn load(path: Option<&Path>) -> Result<Self, WeightsError> {
        let Some(path) = path else {
            return Self::from_bytes(STUDENT, "built in", "student-thin");
        };
        let io = |reason| WeightsError::Io {
            path: path.to_owned(),
            reason,
        };
        let origin = path.display().to_string();
        let there = std::fs::metadata(path).map_err(io)?;
        if !there.is_file() || there.len() > LARGEST_FILE_BYTES {
            return Err(WeightsError::Wrong {
                origin,
                reason: "this is no weights file.".to_owned(),
            });
        }
        let bytes = std::fs::read(path).map_err(io)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        Self::from_bytes(&bytes, &origin, &name)
    }

    /// Reads the bytes of a weights file, told from its content; `origin` and `name` are for messages and the card.
    ///
    /// A PyTorch checkpoint must hold the reference's CNN-GRU or CNN student, bare or nested under `state_dict` or
    /// `model`; it then stands under our own names, in f32, with the config that its shapes imply. What no tensor
    /// tells (RGB, FER+ means, crops resized to 134 pixels, windows of 32) is the reference code's.
    ///
    /// # Errors
    /// When they are neither a safetensors file with a `config` nor such a checkpoint.
    pub fn from_bytes(bytes: &[u8], origin: &str, name: &str) -> Result<Self, WeightsError> {
        let wrong = |reason: String| WeightsError::Wrong {
            origin: origin.to_owned(),
            reason,
        };
        if pth::looks_like_one(bytes) {
            let renamed = pth::read(bytes).and_then(pth::student).map_err(wrong)?;
            return Ok(Self {
                origin: origin.to_owned(),
                name: name.to_owned(),
                sha256: sha256(bytes),
                config: renamed.config,
                tensors: renamed.tensors,
                checkpoint: true,
            });
        }
        let (_, header) = safetensors::SafeTensors::read_metadata(bytes).map_err(|e| {
            wrong(format!(
                "it is neither a PyTorch checkpoint nor a readable safetensors file ({e})."
            ))
        })?;
        let entry = |key: &str| header.metadata().as_ref().and_then(|m| m.get(key));
        let config = entry("config").cloned().ok_or_else(|| {
            wrong(match entry("position") {
                Some(_) => "it is a checkpoint of `affectscope train`, to go on from; the weights lie beside it as .safetensors once the run is \
                            over."
                    .to_owned(),
                None => "it has no `config` in its metadata.".to_owned(),
            })
        })?;
        let tensors = candle_core::safetensors::load_buffer(bytes, &Device::Cpu)
            .map_err(|e| wrong(format!("it is damaged ({e}).")))?;
        Ok(Self {
            origin: origin.to_owned(),
            name: name.to_owned(),
            sha256: sha256(bytes),
            config,
            tensors: tensors.into_iter().collect(),
            checkpoint: false,
        })
    }

    /// An error about this file.
    pub fn wrong(&self, reason: impl Into<String>) -> WeightsError {
        WeightsError::Wrong {
            origin: self.origin.clone(),
            reason: reason.into(),
        }
    }

    /// How many weights it holds.
    pub fn count(&self) -> usize {
        self.tensors.values().map(Tensor::elem_count).sum()
    }

    /// Names and shapes, sorted by name.
    pub fn listing(&self) -> Vec<(String, Vec<usize>)> {
        self.tensors
            .iter()
            .map(|(name, tensor)| (name.clone(), tensor.dims().to_vec()))
            .collect()
    }

    /// Checks that it holds just the tensors of a network of this config.
    ///
    /// # Errors
    /// Names those that are missing, surplus, or of a wrong shape.
    pub fn check(&self, config: &StudentConfig) -> Result<(), WeightsError> {
        let (mut missing, mut misshapen) = (Vec::new(), Vec::new());
        let wanted: BTreeMap<String, Vec<usize>> = config.tensors().into_iter().collect();
        for (name, shape) in &wanted {
            match self.tensors.get(name) {
                None => missing.push(format!("`{name}`")),
                Some(tensor) if tensor.dims() != shape => {
                    misshapen.push(format!("`{name}` is {:?}, not {shape:?}", tensor.dims()));
                }
                Some(_) => {}
            }
        }
        let surplus: Vec<String> = self
            .tensors
            .keys()
            .filter(|name| !wanted.contains_key(*name))
            .map(|name| format!("`{name}`"))
            .collect();
        faults(&missing, &surplus, &misshapen).map_err(|reason| self.wrong(reason))
    }

    /// The same network as the bytes of a safetensors file: every tensor in f32, and this config in the metadata.
    ///
    /// # Errors
    /// As [`Weights::values`].
    pub fn to_safetensors(&self, config: &str) -> Result<Vec<u8>, WeightsError> {
        let mut tensors = Vec::with_capacity(self.tensors.len());
        for (name, tensor) in &self.tensors {
            let values = self.values(name, tensor.dims())?;
            tensors.push((&**name, tensor.dims().to_vec(), values));
        }
        safetensors_file(&tensors, ("config", config))
            .map_err(|e| self.wrong(format!("they cannot be written ({e}).")))
    }

    /// A tensor's values in row-major order, when it is there with just this shape.
    ///
    /// # Errors
    /// When it is missing, has another shape, or holds a value that is no number.
    pub fn values(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, WeightsError> {
        let tensor = self
            .tensors
            .get(name)
            .ok_or_else(|| self.wrong(format!("the tensor `{name}` is missing.")))?;
        if tensor.dims() != shape {
            return Err(self.wrong(format!(
                "the tensor `{name}` is {:?}; {shape:?} is wanted.",
                tensor.dims()
            )));
        }
        let values = tensor
            .to_dtype(DType::F32)
            .and_then(|t| t.flatten_all())
            .and_then(|t| t.to_vec1::<f32>())
            .map_err(|e| self.wrong(format!("the tensor `{name}` cannot be used ({e}).")))?;
        if values.iter().any(|v| !v.is_finite()) {
            return Err(self.wrong(format!(
                "the tensor `{name}` holds values that are not finite."
            )));
        }
        Ok(values)
    }

    /// A batch norm's scale and shift per channel: `y = x * scale + shift` (eps 1e-5).
    ///
    /// # Errors
    /// As [`Weights::values`].
    pub fn batch_norm(
        &self,
        name: &str,
        channels: usize,
    ) -> Result<(Vec<f32>, Vec<f32>), WeightsError> {
        let get = |part: &str| self.values(&format!("{name}.{part}"), &[channels]);
        let (weight, bias) = (get("weight")?, get("bias")?);
        let (mean, var) = (get("running_mean")?, get("running_var")?);
        if var.iter().any(|v| *v < 0.0) {
            return Err(self.wrong(format!(
                "the tensor `{name}.running_var` holds a negative variance."
            )));
        }
        let scale: Vec<f32> = weight
            .iter()
            .zip(&var)
            .map(|(w, v)| w / (v + 1e-5).sqrt())
            .collect();
        let shift = bias
            .iter()
            .zip(&mean)
            .zip(&scale)
            .map(|((b, m), s)| b - m * s)
            .collect();
        Ok((scale, shift))
    }
}

/// The bytes of a safetensors file of f32 tensors (name, shape, values), with one word of metadata.
///
/// # Errors
/// What the format says.
pub fn safetensors_file(
    tensors: &[(&str, Vec<usize>, Vec<f32>)],
    (key, value): (&str, &str),
) -> Result<Vec<u8>, safetensors::SafeTensorError> {
    let bytes: Vec<Vec<u8>> = tensors
        .iter()
        .map(|(_, _, values)| values.iter().flat_map(|v| v.to_le_bytes()).collect())
        .collect();
    let views = tensors
        .iter()
        .zip(&bytes)
        .map(|((name, shape, _), bytes)| {
            safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), bytes)
                .map(|view| (*name, view))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let metadata = [(key.to_owned(), value.to_owned())].into_iter().collect();
    safetensors::serialize(views, Some(metadata))
}

/// What keeps tensors from making a student: one sentence for each kind of fault, names and all.
pub(super) fn faults(
    missing: &[String],
    surplus: &[String],
    wrong: &[String],
) -> Result<(), String> {
    let sentences: Vec<String> = [
        ("missing", missing),
        ("surplus", surplus),
        ("of a wrong shape", wrong),
    ]
    .into_iter()
    .filter(|(_, names)| !names.is_empty())
    .map(|(what, names)| {
        const SHOWN: usize = 6;
        let more = match names.len().saturating_sub(SHOWN) {
            0 => String::new(),
            n => format!(", and {n} more"),
        };
        let shown = &names[..names.len().min(SHOWN)];
        format!("{} {what}: {}{more}.", names.len(), shown.join(", "))
    })
    .collect();
    if sentences.is_empty() {
        return Ok(());
    }
    Err(format!(
        "its tensors do not make a student. {}",
        sentences.join(" ")
    ))
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
