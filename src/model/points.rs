//! The landmark network on the CPU: five points from a small grey picture, and whether it is a face at all, by our own
//! kernels.

use serde::{Deserialize, Serialize};

use super::conv::isa::InstructionSet;
use super::conv::{Builder, Conv, Network};
use super::weights::{Weights, WeightsError};

/// Side of the network's input, pixels.
pub const SIDE_PX: usize = 64;
/// Numbers that say where the points are: x and y of five.
pub const PLACES: usize = 10;
/// What a byte stands for: `(v - 127.5) / 64`.
const MEAN: f32 = 127.5;
const SCALE: f32 = 64.0;

/// What a byte of the picture is worth to the network.
pub fn level(byte: u8) -> f32 {
    (f32::from(byte) - MEAN) / SCALE
}

/// A 3x3 layer with its batch norm and ReLU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Layer {
    /// Channels that come out.
    pub channels: usize,
    /// 1 or 2.
    pub step: usize,
}

/// The shape of a landmark network, and what is known of it: the `config` of its file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PointsConfig {
    /// `landmarks5`
    pub kind: String,
    /// From the picture on.
    pub layers: Vec<Layer>,
    /// Units of the full layer behind them.
    pub hidden: usize,
    /// Whether an eleventh number says how likely it is a face (a logit).
    #[serde(default)]
    pub face_score: bool,
    /// The program that made the weights.
    #[serde(default)]
    pub origin: String,
    /// On what.
    #[serde(default)]
    pub trained_on: String,
    /// Under which terms they may be used.
    #[serde(default)]
    pub licence: String,
    /// What was measured, and what came out.
    #[serde(default)]
    pub scores: std::collections::BTreeMap<String, String>,
}

/// The word that the config of every landmark network has.
pub const KIND: &str = "landmarks5";

impl PointsConfig {
    /// Reads the config of a weights file; the first weights' (four layers of step 2, named by their channels alone) too.
    ///
    /// # Errors
    /// What is wrong with it, as a sentence.
    pub fn parse(json: &str) -> Result<Self, String> {
        #[derive(Deserialize)]
        struct First {
            kind: String,
            channels: Vec<usize>,
        }
        let config = match serde_json::from_str::<Self>(json) {
            Ok(config) => config,
            Err(e) => {
                let first: First = serde_json::from_str(json)
                    .map_err(|_| format!("its config is no landmark network's ({e})."))?;
                let layer = |channels| Layer { channels, step: 2 };
                Self {
                    kind: first.kind,
                    layers: first.channels.into_iter().map(layer).collect(),
                    hidden: 128,
                    face_score: false,
                    origin: String::new(),
                    trained_on: String::new(),
                    licence: String::new(),
                    scores: Default::default(),
                }
            }
        };
        config.check()?;
        Ok(config)
    }

    /// Whether such a network can be.
    ///
    /// # Errors
    /// What cannot, as a sentence.
    pub fn check(&self) -> Result<(), String> {
        const MOST: usize = 1024;
        if self.kind != KIND {
            return Err(format!("it is of kind `{}`, not `{KIND}`.", self.kind));
        }
        let ok = (1..=16).contains(&self.layers.len())
            && (1..=MOST).contains(&self.hidden)
            && self
                .layers
                .iter()
                .all(|l| (1..=MOST).contains(&l.channels) && (1..=2).contains(&l.step));
        if !ok {
            return Err(format!(
                "a landmark network has 1 to 16 layers of 1 to {MOST} channels and step 1 or 2, and 1 to {MOST} hidden units."
            ));
        }
        Ok(())
    }

    /// Side of what the last layer gives, pixels.
    pub fn last_side(&self) -> usize {
        self.layers
            .iter()
            .fold(SIDE_PX, |side, layer| side.div_ceil(layer.step))
    }

    /// Channels of what the last layer gives.
    pub fn last_channels(&self) -> usize {
        self.layers.last().map_or(1, |layer| layer.channels)
    }

    /// Numbers that come out.
    pub fn outputs(&self) -> usize {
        PLACES + usize::from(self.face_score)
    }

    /// Multiply-adds of a look.
    pub fn multiply_adds(&self) -> usize {
        let (mut side, mut from, mut sum) = (SIDE_PX, 1, 0);
        for layer in &self.layers {
            side = side.div_ceil(layer.step);
            sum += 9 * from * layer.channels * side * side;
            from = layer.channels;
        }
        sum + from * side * side * self.hidden + self.hidden * self.outputs()
    }

    /// Names and shapes of its tensors.
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let mut tensors = Vec::new();
        let mut from = 1;
        for (i, layer) in self.layers.iter().enumerate() {
            let to = layer.channels;
            tensors.push((format!("layers.{i}.conv.weight"), vec![to, from, 3, 3]));
            for part in ["weight", "bias", "running_mean", "running_var"] {
                tensors.push((format!("layers.{i}.bn.{part}"), vec![to]));
            }
            from = to;
        }
        let flat = self.last_channels() * self.last_side() * self.last_side();
        for (name, from, to) in [
            ("fc0", flat, self.hidden),
            ("fc1", self.hidden, self.outputs()),
        ] {
            tensors.push((format!("{name}.weight"), vec![to, from]));
            tensors.push((format!("{name}.bias"), vec![to]));
        }
        tensors
    }
}

/// What the network says of a picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    /// x and y of each point over the picture's side.
    pub points: [[f32; 2]; 5],
    /// How likely it is that a face fills the picture as it should, 0..=1; `None` where the weights do not say.
    pub face: Option<f32>,
}

/// 3x3 layers, then two full ones (weights/README.md); on the calling thread.
pub struct PointsNetwork {
    network: Network,
    face_score: bool,
}

impl PointsNetwork {
    /// Reads `layers.*.{conv,bn}`, `fc0` and `fc1`, for an instruction set that this machine has.
    ///
    /// # Errors
    /// When the config is another network's, or a tensor is missing or misshapen.
    pub fn load(weights: &Weights, set: InstructionSet) -> Result<Self, WeightsError> {
        let config = PointsConfig::parse(&weights.config).map_err(|e| weights.wrong(e))?;
        let full = |name: &str, from: usize, side: usize, to: usize| {
            Ok::<_, WeightsError>(Conv {
                c_in: from,
                c_out: to,
                kernel: side,
                stride: 1,
                pad: 0,
                // Flattened as (channel, row, column): a kernel that covers the whole picture.
                weight: weights.values(&format!("{name}.weight"), &[to, from * side * side])?,
                bias: weights.values(&format!("{name}.bias"), &[to])?,
            })
        };
        let widest = config.layers.iter().map(|l| l.channels).max();
        let mut b = Builder::new(set, 1, 1, widest.unwrap_or(1).max(config.hidden));
        let mut x = b.input(1, (SIDE_PX, SIDE_PX), 1); // [64, 64, 1]
        let mut from = 1;
        for (i, layer) in config.layers.iter().enumerate() {
            let size = (from, layer.channels);
            let conv = Conv::load(weights, &format!("layers.{i}"), size, (3, layer.step, 1))?;
            let to = b.area(conv.c_out, conv.out_size(&x), false);
            x = b.conv(&[(&conv, x)], to, false, true);
            from = layer.channels;
        }
        let hidden = b.area(config.hidden, (1, 1), false);
        let fc0 = full("fc0", from, config.last_side(), config.hidden)?;
        b.conv(&[(&fc0, x)], hidden, false, true);
        let outputs = config.outputs();
        let out = b.area(outputs, (1, 1), false);
        let fc1 = full("fc1", config.hidden, 1, outputs)?;
        b.conv(&[(&fc1, hidden)], out, false, false);
        Ok(Self {
            network: b.finish(vec![out]),
            face_score: config.face_score,
        })
    }

    /// What it says of `pixels [64, 64]`. Allocates nothing.
    pub fn read(&self, pixels: &[u8]) -> Reading {
        let mut reading = Reading {
            points: [[0.0; 2]; 5],
            face: None,
        };
        let fill = |_, row: usize, values: &mut [f32]| {
            let bytes = pixels.iter().skip(row * SIDE_PX);
            for (value, &byte) in values.iter_mut().zip(bytes) {
                *value = level(byte);
            }
        };
        self.network.run(1, fill, |_, outputs| {
            let values = outputs.get(0);
            for (point, xy) in reading.points.iter_mut().zip(values.chunks_exact(2)) {
                point.copy_from_slice(xy);
            }
            if self.face_score {
                reading.face = values.get(PLACES).map(|logit| 1.0 / (1.0 + (-logit).exp()));
            }
        });
        reading
    }
}
