//! The student network as a whole: aligned crops in, estimates out.

use candle_core::{Device, Tensor};

use super::backbone::Layers;
use super::card::card;
use super::config::{AFFECT_BINS, CROP_SIDE_PX, StudentConfig};
use super::cpu::{CpuNetwork, output};
use super::gru::TemporalHead;
use super::heads::{HeadWeights, estimate};
use super::on_device::DeviceNetwork;
use super::weights::{Weights, WeightsError};
use crate::analysis::Crop;
use crate::labels::{Estimate, Expression};
use crate::session::WeightsCard;

pub use super::cpu::PARTS;
pub use super::features::{FeatureVec, Features, NetworkError};
pub use super::kernels::{Kernels, Precision};
pub use super::on_device::LARGEST_BATCH;

/// What the recurrent heads say of every step of a window.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowLogits {
    /// `[T][7]`
    pub expression: Vec<Vec<f32>>,
    /// `[T][40]`: valence bins, then arousal bins.
    pub affect: Vec<Vec<f32>>,
}

struct Temporal {
    expression: TemporalHead,
    affect: TemporalHead,
}

/// What computes backbone and heads.
enum Runner {
    Kernels(Box<CpuNetwork>),
    Graph(Box<DeviceNetwork>),
}

/// The network on its device.
pub struct Student {
    config: StudentConfig,
    card: WeightsCard,
    sha256: String,
    runner: Runner,
    temporal: Option<Temporal>,
}

impl Student {
    /// Builds it from its weights: on the CPU with the best kernels that the machine has and one thread, else in
    /// candle's operations.
    ///
    /// # Errors
    /// When the config or a tensor is wrong, or the device has no room.
    pub fn new(weights: &Weights, device: &Device) -> Result<Self, WeightsError> {
        if device.is_cpu() {
            Self::with_kernels(weights, Kernels::default())
        } else {
            Self::on_graph(weights, device)
        }
    }

    /// On the CPU, with these kernels.
    ///
    /// # Errors
    /// As [`Student::new`], when the machine lacks the instruction set, and when 8 bits are wanted of weights that were
    /// not calibrated for them.
    pub fn with_kernels(weights: &Weights, kernels: Kernels) -> Result<Self, WeightsError> {
        let Kernels {
            set,
            threads,
            precision,
        } = kernels;
        if !set.is_here() {
            return Err(weights.wrong(format!("this machine has no {}.", set.title())));
        }
        let int8 = precision == Precision::Int8;
        Self::build(weights, |layers, config, heads| {
            let units = config.int8.as_ref().filter(|_| int8).map(|c| &*c.units);
            if int8 && units.is_none() {
                return Err(weights.wrong(
                    "they are not calibrated for 8 bits; `affectscope quantize` does that, or leave --precision out.",
                ));
            }
            let backbone = &config.backbone;
            let threads = match threads {
                0 => backbone.threads(),
                n => n,
            };
            let network = CpuNetwork::new(layers, backbone, heads, (set, threads), units);
            Ok(Runner::Kernels(Box::new(network)))
        })
    }

    /// What a byte must be worth at each point of the network for it to hold what these crops give: the units of
    /// [`Int8Config`](super::config::Int8Config).
    ///
    /// # Errors
    /// As [`Student::new`], and when a crop does not fit.
    pub fn calibrate(&self, crops: &[Crop]) -> Result<Vec<f32>, NetworkError> {
        self.check(crops)?;
        let mut units = vec![f32::MIN_POSITIVE; self.config.backbone.points()];
        if let Runner::Kernels(network) = &self.runner {
            for crop in crops {
                network.trace(crop, |point, values| {
                    let largest = values.iter().fold(0.0f32, |a, &b| a.max(b));
                    units[point] = units[point].max(largest / 255.0);
                });
            }
        }
        Ok(units)
    }

    /// Reads crops for the clock of whoever calls: `done(part)` is told whenever something of a part of [`PARTS`] is
    /// over, from the crops' bytes to the logits. Nothing is told in candle's operations.
    ///
    /// # Errors
    /// When a crop does not fit.
    pub fn run_watched(&self, crops: &[Crop], done: impl FnMut(usize)) -> Result<(), NetworkError> {
        self.check(crops)?;
        if let Runner::Kernels(network) = &self.runner {
            network.run_watched(crops, done);
        }
        Ok(())
    }

    /// In candle's own operations, on any device: what the kernels are checked against.
    ///
    /// # Errors
    /// As [`Student::new`].
    pub fn on_graph(weights: &Weights, device: &Device) -> Result<Self, WeightsError> {
        Self::build(weights, |layers, config, heads| {
            DeviceNetwork::new(layers, &config.backbone, heads, device)
                .map(|network| Runner::Graph(Box::new(network)))
                .map_err(|e| weights.wrong(format!("they do not fit the device ({e}).")))
        })
    }

    fn build(
        weights: &Weights,
        runner: impl FnOnce(&Layers, &StudentConfig, [&HeadWeights; 2]) -> Result<Runner, WeightsError>,
    ) -> Result<Self, WeightsError> {
        let config = StudentConfig::parse(&weights.config).map_err(|e| weights.wrong(e + "."))?;
        weights.check(&config)?;
        let pooled = config.backbone.pooled();
        let heads = &config.heads;
        let calibration = config.calibration(false);
        let head = |name, outputs| {
            HeadWeights::load(weights, name, pooled, heads, (outputs, &calibration))
        };
        let expression = head("expression", heads.expression)?;
        let affect = head("affect", heads.affect)?;
        let temporal = config.temporal.as_ref().map(|t| {
            let calibration = config.calibration(true);
            let load = |name, outputs| {
                let calibrated = (outputs, &calibration);
                TemporalHead::load(weights, name, heads.hidden, t.hidden, calibrated)
            };
            Ok::<_, WeightsError>(Temporal {
                expression: load("expression", heads.expression)?,
                affect: load("affect", heads.affect)?,
            })
        });
        let layers = Layers::load(weights, &config.backbone)?;
        let runner = runner(&layers, &config, [&expression, &affect])?;
        Ok(Self {
            runner,
            temporal: temporal.transpose()?,
            card: card(weights, &config),
            sha256: weights.sha256.clone(),
            config,
        })
    }

    /// The kernels that it runs on; `None` in candle's operations.
    pub fn kernels(&self) -> Option<Kernels> {
        match &self.runner {
            Runner::Kernels(network) => Some(network.kernels()),
            Runner::Graph(_) => None,
        }
    }

    /// Its shape.
    pub fn config(&self) -> &StudentConfig {
        &self.config
    }

    /// What the weights say of themselves.
    pub fn card(&self) -> &WeightsCard {
        &self.card
    }

    /// SHA-256 of the weights file, hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Frames in a window and the rate it was trained at; `None` for a CNN alone.
    pub fn window(&self) -> Option<(usize, f64)> {
        let temporal = self.config.temporal.as_ref()?;
        Some((temporal.window, temporal.rate_hz))
    }

    /// Refuses crops of another size or colour model than the network's.
    fn check(&self, crops: &[Crop]) -> Result<(), NetworkError> {
        let channels = self.config.backbone.input[0];
        let wanted = channels * CROP_SIDE_PX * CROP_SIDE_PX;
        match crops
            .iter()
            .find(|c| c.pixels.len() != wanted || c.channels != channels)
        {
            Some(crop) => Err(NetworkError::Crop {
                got: crop.pixels.len(),
                wanted,
            }),
            None => Ok(()),
        }
    }

    /// The network's input from crops, made on the host: `(v - mean) / scale`, `[B, channels, 112, 112]`.
    ///
    /// # Errors
    /// When a crop is not of the network's size and colour model.
    pub fn input(&self, crops: &[Crop]) -> Result<Tensor, NetworkError> {
        self.check(crops)?;
        let channels = self.config.backbone.input[0];
        let means = self.config.backbone.means();
        let scale = self.config.backbone.scale;
        let mut values = Vec::with_capacity(crops.len() * channels * CROP_SIDE_PX * CROP_SIDE_PX);
        for crop in crops {
            for (channel, mean) in means.iter().enumerate() {
                let plane = crop.pixels.iter().skip(channel).step_by(channels);
                values.extend(plane.map(|&v| (f32::from(v) - mean) / scale));
            }
        }
        let shape = (crops.len(), channels, CROP_SIDE_PX, CROP_SIDE_PX);
        Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
    }

    /// Pooled features of the backbone, `[B, pooled]`.
    ///
    /// # Errors
    /// As [`Student::input`], and when the device failed.
    pub fn pooled(&self, crops: &[Crop]) -> Result<Tensor, NetworkError> {
        self.check(crops)?;
        match &self.runner {
            Runner::Graph(network) => Ok(network.pooled(crops)?),
            Runner::Kernels(network) => {
                let mut values = Vec::new();
                network.run(crops, |_, outputs| {
                    values.extend_from_slice(outputs.get(output::POOLED));
                });
                let shape = (crops.len(), self.config.backbone.pooled());
                Ok(Tensor::from_vec(values, shape, &Device::Cpu)?)
            }
        }
    }

    /// Logits of the CNN alone: expression `[B, 7]` and affect `[B, 40]`.
    ///
    /// # Errors
    /// As [`Student::pooled`].
    pub fn cnn_logits(&self, crops: &[Crop]) -> Result<(Tensor, Tensor), NetworkError> {
        let [(_, expression), (_, affect)] = self.outputs(crops)?;
        Ok((expression, affect))
    }

    /// Everything that backbone and heads say of some crops, the expression head's first: the feature `[B, 128]`, and
    /// the CNN's own logits `[B, 7]` or `[B, 40]`.
    ///
    /// # Errors
    /// As [`Student::pooled`].
    pub fn outputs(&self, crops: &[Crop]) -> Result<[(Tensor, Tensor); 2], NetworkError> {
        self.check(crops)?;
        match &self.runner {
            Runner::Graph(network) => {
                let pooled = network.pooled(crops)?;
                Ok([
                    network.expression.forward(&pooled)?,
                    network.affect.forward(&pooled)?,
                ])
            }
            Runner::Kernels(network) => {
                let mut values: [[Vec<f32>; 2]; 2] = Default::default();
                network.run(crops, |_, outputs| {
                    for (head, [feature, logits]) in values.iter_mut().enumerate() {
                        feature.extend_from_slice(outputs.get(output::FEATURES[head]));
                        logits.extend_from_slice(outputs.get(output::LOGITS[head]));
                    }
                });
                let rows = crops.len();
                let tensor = |values: Vec<f32>| {
                    let width = values.len() / rows.max(1);
                    Tensor::from_vec(values, (rows, width), &Device::Cpu)
                };
                let [expression, affect] = values.map(|[feature, logits]| {
                    Ok::<_, NetworkError>((tensor(feature)?, tensor(logits)?))
                });
                Ok([expression?, affect?])
            }
        }
    }

    /// Features of some crops, in their order.
    ///
    /// # Errors
    /// As [`Student::pooled`], and when the answer is no number.
    pub fn features(&self, crops: &[Crop]) -> Result<Vec<Features>, NetworkError> {
        let mut all = Vec::with_capacity(crops.len());
        self.features_into(crops, &mut all)?;
        Ok(all)
    }

    /// The same in place of what `all` holds. On the CPU it allocates nothing where there is room.
    ///
    /// # Errors
    /// As [`Student::features`].
    pub fn features_into(
        &self,
        crops: &[Crop],
        all: &mut Vec<Features>,
    ) -> Result<(), NetworkError> {
        all.clear();
        if crops.is_empty() {
            return Ok(());
        }
        self.check(crops)?;
        match &self.runner {
            Runner::Graph(network) => all.extend(network.features(crops)?),
            Runner::Kernels(network) => {
                let mut whole = true;
                network.run(crops, |_, outputs| {
                    let [expression, affect] = output::FEATURES.map(|o| outputs.get(o));
                    let [e_logits, a_logits] = output::LOGITS.map(|o| outputs.get(o));
                    match estimate(e_logits, a_logits) {
                        Some(alone) => all.push(Features {
                            expression: expression.into(),
                            affect: affect.into(),
                            alone,
                        }),
                        None => whole = false,
                    }
                });
                if !whole {
                    return Err(NetworkError::NotANumber);
                }
            }
        }
        Ok(())
    }

    /// Logits of every step of one window through the recurrent heads; `None` for a CNN alone.
    pub fn window_logits(&self, steps: &[&Features]) -> Option<WindowLogits> {
        let expression: Vec<&[f32]> = steps.iter().map(|s| &*s.expression).collect();
        let affect: Vec<&[f32]> = steps.iter().map(|s| &*s.affect).collect();
        self.sequence_logits([&expression, &affect])
    }

    /// The same of each head's features, the expression head's and the affect head's, `[T][128]` each.
    pub fn sequence_logits(&self, [expression, affect]: [&[&[f32]]; 2]) -> Option<WindowLogits> {
        let temporal = self.temporal.as_ref()?;
        Some(WindowLogits {
            expression: temporal.expression.sequence(expression),
            affect: temporal.affect.sequence(affect),
        })
    }

    /// The reading of one step within a window of steps (the CNN's own for a CNN alone).
    ///
    /// # Errors
    /// When there is no such step, or the answer is no number.
    pub fn read_at(&self, steps: &[&Features], position: usize) -> Result<Estimate, NetworkError> {
        self.read_step(steps.len(), |i| steps[i], position)
    }

    /// The same of a window whose steps are looked up: `step(0..count)`. Allocates nothing.
    ///
    /// # Errors
    /// As [`Student::read_at`].
    pub fn read_step<'a>(
        &self,
        count: usize,
        step: impl Fn(usize) -> &'a Features,
        position: usize,
    ) -> Result<Estimate, NetworkError> {
        if position >= count {
            return Err(NetworkError::NotANumber);
        }
        let Some(temporal) = &self.temporal else {
            return Ok(step(position).alone);
        };
        let mut expression = [0.0; Expression::COUNT];
        let mut affect = [0.0; 2 * AFFECT_BINS];
        let read =
            temporal
                .expression
                .at(count, |i| &step(i).expression, position, &mut expression)
                && temporal
                    .affect
                    .at(count, |i| &step(i).affect, position, &mut affect);
        read.then(|| estimate(&expression, &affect))
            .flatten()
            .ok_or(NetworkError::NotANumber)
    }

    /// The offline protocol on one face's sequence: windows that do not overlap, the last one shifted back to end at
    /// the last frame, each frame keeping its first reading (the reference code's test loop).
    ///
    /// # Errors
    /// When an answer is no number.
    pub fn read_sequence(&self, steps: &[Features]) -> Result<Vec<Estimate>, NetworkError> {
        let Some((window, _)) = self.window() else {
            return Ok(steps.iter().map(|s| s.alone).collect());
        };
        let mut estimates = Vec::with_capacity(steps.len());
        for first in window_starts(steps.len(), window) {
            // A sequence shorter than the window repeats its last frame.
            let chosen: Vec<&Features> = (first..first + window)
                .filter_map(|i| steps.get(i.min(steps.len() - 1)))
                .collect();
            let Some(WindowLogits { expression, affect }) = self.window_logits(&chosen) else {
                continue;
            };
            let seen = estimates.len() - first;
            for (e, a) in expression.iter().zip(&affect).skip(seen) {
                if estimates.len() < steps.len() {
                    estimates.push(estimate(e, a).ok_or(NetworkError::NotANumber)?);
                }
            }
        }
        Ok(estimates)
    }
}

/// First frames of the windows over `length` frames: 0, w, 2w, ..., the last one shifted back.
pub fn window_starts(length: usize, window: usize) -> Vec<usize> {
    if length == 0 {
        return Vec::new();
    }
    if length <= window {
        return vec![0];
    }
    let mut starts: Vec<usize> = (0..=length - window).step_by(window).collect();
    if !length.is_multiple_of(window) {
        starts.push(length - window);
    }
    starts
}

#[cfg(test)]
mod upload_tests;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_window_is_shifted_back() {
        assert_eq!(window_starts(0, 32), [0usize; 0]);
        assert_eq!(window_starts(1, 32), [0]);
        assert_eq!(window_starts(32, 32), [0]);
        assert_eq!(window_starts(33, 32), [0, 1]);
        assert_eq!(window_starts(64, 32), [0, 32]);
        assert_eq!(window_starts(70, 32), [0, 32, 38]);
    }
}
