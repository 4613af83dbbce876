//! Every value of a network in one flat store: what an optimiser, a moving average and a checkpoint want.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::model::config::StudentConfig;
use crate::model::conv::products::LANE;
use crate::model::points::PointsConfig;
use crate::model::weights::{Weights, WeightsError, safetensors_file};

/// How a tensor lies in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// As in the file.
    Plain,
    /// A value for each channel, with zeros up to a whole lane.
    Channels,
    /// A convolution: `[to, from, taps]` in the file, `[taps, from, to]` here, both with zeros up to whole lanes; the
    /// stem's `from` without, since its pictures have just their colours.
    Convolution {
        from: usize,
        /// Channels that are stored of what it reads.
        stored: usize,
        to: usize,
        taps: usize,
    },
}

/// One tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// As in the weights file.
    pub name: String,
    /// As in the weights file.
    pub shape: Vec<usize>,
    /// Where it lies.
    pub range: Range<usize>,
    layout: Layout,
}

/// Why a store cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The weights to begin with.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// No such tensor.
    #[error("the network has no tensor `{0}`")]
    Missing(String),
}

/// All tensors of a network: those that are learnt first, then the running moments of the batch norms.
#[derive(Debug, Clone)]
pub struct Store {
    entries: Vec<Entry>,
    by_name: BTreeMap<String, usize>,
    learnt: usize,
    /// The values.
    pub values: Vec<f32>,
}

/// The layers that read pictures: of a student, and of a landmark network.
const FIRST: [&str; 2] = ["backbone.stem.conv.weight", "layers.0.conv.weight"];
/// Where convolutions and their norms lie.
const CONVOLUTIONS: [&str; 2] = ["backbone.", "layers."];

/// Rounded up to whole lanes.
pub(super) fn padded(channels: usize) -> usize {
    channels.next_multiple_of(LANE)
}

/// Whether a tensor is counted, not learnt.
fn is_running(name: &str) -> bool {
    name.ends_with("running_mean") || name.ends_with("running_var")
}

impl Store {
    /// Room for a network of this config; all zeros.
    pub fn new(config: &StudentConfig) -> Self {
        Self::of(&config.tensors())
    }

    /// Room for a landmark network of this config; all zeros.
    pub fn of_points(config: &PointsConfig) -> Self {
        Self::of(&config.tensors())
    }

    fn of(tensors: &[(String, Vec<usize>)]) -> Self {
        let (mut entries, mut len) = (Vec::new(), 0);
        let mut learnt = 0;
        for running in [false, true] {
            for (name, shape) in tensors.iter().filter(|(n, _)| is_running(n) == running) {
                let layout = match shape[..] {
                    [to, from, h, w] => Layout::Convolution {
                        from,
                        // Pictures have just their colours.
                        stored: if FIRST.contains(&&**name) {
                            from
                        } else {
                            padded(from)
                        },
                        to,
                        taps: h * w,
                    },
                    [_] if CONVOLUTIONS.iter().any(|c| name.starts_with(c)) => Layout::Channels,
                    _ => Layout::Plain,
                };
                let size = match layout {
                    Layout::Plain => shape.iter().product(),
                    Layout::Channels => padded(shape[0]),
                    Layout::Convolution {
                        stored, to, taps, ..
                    } => taps * stored * padded(to),
                };
                // Cache lines of their own.
                let start = len;
                len = (start + size).next_multiple_of(16);
                entries.push(Entry {
                    name: name.clone(),
                    shape: shape.clone(),
                    range: start..start + size,
                    layout,
                });
            }
            if !running {
                learnt = len;
            }
        }
        let by_name = entries
            .iter()
            .enumerate()
            .map(|(i, e)| (e.name.clone(), i))
            .collect();
        Self {
            entries,
            by_name,
            learnt,
            values: vec![0.0; len],
        }
    }

    /// First values: He's normal for convolutions (fan out), PyTorch's uniform for full and recurrent layers, one and
    /// zero for norms.
    ///
    /// `unit` gives numbers from 0 to below 1.
    pub fn begin(&mut self, mut unit: impl FnMut() -> f32) {
        for i in 0..self.entries.len() {
            let Entry { name, shape, .. } = &self.entries[i];
            let count = shape.iter().product();
            let last = name.rsplit('.').next().unwrap_or_default();
            let mut uniform =
                |bound: f32| (0..count).map(|_| bound * (2.0 * unit() - 1.0)).collect();
            let values: Vec<f32> = if let [to, _, h, w] = shape[..] {
                let sd = (2.0 / (to * h * w) as f32).sqrt();
                // Box and Muller 1958.
                let mut normal =
                    || (-2.0 * (1.0 - unit()).ln()).sqrt() * (std::f32::consts::TAU * unit()).cos();
                (0..count).map(|_| sd * normal()).collect()
            } else if name.contains(".gru.") {
                // [3 * hidden, ...]
                uniform(1.0 / (shape[0] as f32 / 3.0).sqrt())
            } else if name.contains("bn") {
                vec![
                    if matches!(last, "weight" | "running_var") {
                        1.0
                    } else {
                        0.0
                    };
                    count
                ]
            } else {
                let from = match shape[..] {
                    [_, from] => from,
                    // A bias: what its weight is read from.
                    _ => self
                        .entry(&format!("{}weight", name.trim_end_matches("bias")))
                        .map_or(1, |e| e.shape[1]),
                };
                uniform(1.0 / (from as f32).sqrt())
            };
            self.set(i, &values);
        }
    }

    /// Values of weights that hold a network of this shape, or its part: tensors that are not there keep what they have
    /// where `missing` says that they may. Gives how many were taken.
    ///
    /// # Errors
    /// When a tensor is missing, or has another shape.
    pub fn load(
        &mut self,
        weights: &Weights,
        may_miss: impl Fn(&str) -> bool,
    ) -> Result<usize, StoreError> {
        let there: BTreeMap<String, Vec<usize>> = weights.listing().into_iter().collect();
        let mut taken = 0;
        for i in 0..self.entries.len() {
            let Entry { name, shape, .. } = &self.entries[i];
            if !there.contains_key(name) && may_miss(name) {
                continue;
            }
            let values = weights.values(name, shape)?;
            self.set(i, &values);
            taken += 1;
        }
        Ok(taken)
    }

    /// Values of another network's tensors, where it has them.
    pub fn take_from(&mut self, other: &Self) {
        for i in 0..self.entries.len() {
            let Entry { name, range, .. } = &self.entries[i];
            if let Some(theirs) = other
                .entry(name)
                .filter(|e| e.shape == self.entries[i].shape)
            {
                self.values[range.clone()].copy_from_slice(&other.values[theirs.range.clone()]);
            }
        }
    }

    /// All tensors, those that are learnt first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Values that are learnt: the first so many.
    pub fn learnt(&self) -> usize {
        self.learnt
    }

    /// A tensor by its name.
    pub fn entry(&self, name: &str) -> Option<&Entry> {
        self.by_name.get(name).map(|&i| &self.entries[i])
    }

    /// Where a tensor lies.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn range(&self, name: &str) -> Result<Range<usize>, StoreError> {
        let entry = self
            .entry(name)
            .ok_or_else(|| StoreError::Missing(name.to_owned()))?;
        Ok(entry.range.clone())
    }

    /// A tensor's values in the file's order, from values that lie as the store's own.
    pub fn in_file_order(&self, entry: &Entry, values: &[f32]) -> Vec<f32> {
        let part = &values[entry.range.clone()];
        match entry.layout {
            Layout::Plain => part.to_vec(),
            Layout::Channels => part[..entry.shape[0]].to_vec(),
            Layout::Convolution {
                from,
                stored,
                to,
                taps,
            } => {
                let wide = padded(to);
                let mut all = Vec::with_capacity(to * from * taps);
                for o in 0..to {
                    for c in 0..from {
                        all.extend((0..taps).map(|tap| part[(tap * stored + c) * wide + o]));
                    }
                }
                all
            }
        }
    }

    /// Sets a tensor from values in the file's order.
    ///
    /// # Errors
    /// When there is none of that name.
    pub fn put(&mut self, name: &str, values: &[f32]) -> Result<(), StoreError> {
        let i = *self
            .by_name
            .get(name)
            .ok_or_else(|| StoreError::Missing(name.to_owned()))?;
        self.set(i, values);
        Ok(())
    }

    /// Sets a tensor from values in the file's order.
    fn set(&mut self, i: usize, values: &[f32]) {
        let Entry { range, layout, .. } = &self.entries[i];
        let part = &mut self.values[range.clone()];
        match *layout {
            Layout::Plain | Layout::Channels => part[..values.len()].copy_from_slice(values),
            Layout::Convolution {
                from,
                stored,
                to,
                taps,
            } => {
                let wide = padded(to);
                for (o, row) in values.chunks_exact(from * taps).enumerate() {
                    for (c, kernel) in row.chunks_exact(taps).enumerate() {
                        for (tap, value) in kernel.iter().enumerate() {
                            part[(tap * stored + c) * wide + o] = *value;
                        }
                    }
                }
            }
        }
    }

    /// A weights file's bytes: these values under the store's names, with this config in the metadata.
    ///
    /// # Errors
    /// What the format says.
    pub fn to_safetensors(
        &self,
        values: &[f32],
        config: &str,
    ) -> Result<Vec<u8>, safetensors::SafeTensorError> {
        let tensors: Vec<_> = self
            .entries
            .iter()
            .map(|e| (&*e.name, e.shape.clone(), self.in_file_order(e, values)))
            .collect();
        safetensors_file(&tensors, ("config", config))
    }
}
