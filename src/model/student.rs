//! The student network as a whole: aligned crops in, estimates out.

use candle_core::{Device, Tensor};

use super::backbone::Backbone;
use super::config::{CROP_SIDE_PX, StudentConfig};
use super::gru::TemporalHead;
use super::heads::{Head, estimate};
use super::weights::{Weights, WeightsError};
use crate::analysis::Crop;
use crate::labels::Estimate;
use crate::session::WeightsCard;

/// What the network knows of one face on one frame: enough to read it alone, or within a sequence.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    /// The expression head's feature, `[128]`.
    pub expression: Box<[f32]>,
    /// The affect head's feature, `[128]`.
    pub affect: Box<[f32]>,
    /// What the CNN says by itself; the CNN-GRU does not use it.
    pub alone: Estimate,
}

/// What the recurrent heads say of every step of a window.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowLogits {
    /// `[T][7]`
    pub expression: Vec<Vec<f32>>,
    /// `[T][40]`: valence bins, then arousal bins.
    pub affect: Vec<Vec<f32>>,
}

/// The network failed on a face. The text says how.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The device's word.
    #[error("the network failed on this device ({0}). Try --device cpu.")]
    Device(#[from] candle_core::Error),
    /// It answered with something that is no number.
    #[error(
        "the network's answer is not a number; the weights are damaged. Give others with --weights."
    )]
    NotANumber,
    /// A crop of another size or colour model than the network's.
    #[error("a crop of {got} bytes was given to a network that wants {wanted}.")]
    Crop {
        /// Bytes given.
        got: usize,
        /// Bytes wanted.
        wanted: usize,
    },
}

struct Temporal {
    expression: TemporalHead,
    affect: TemporalHead,
}

/// The network on its device.
pub struct Student {
    config: StudentConfig,
    card: WeightsCard,
    sha256: String,
    device: Device,
    backbone: Backbone,
    expression: Head,
    affect: Head,
    temporal: Option<Temporal>,
}

impl Student {
    /// Builds it from its weights.
    ///
    /// # Errors
    /// When the config or a tensor is wrong, or the device has no room.
    pub fn new(weights: &Weights, device: &Device) -> Result<Self, WeightsError> {
        let config = StudentConfig::parse(&weights.config).map_err(|e| weights.wrong(e + "."))?;
        weights.check(&config)?;
        let pooled = config.backbone.pooled();
        let heads = &config.heads;
        let head = |name, outputs| Head::load(weights, name, pooled, heads, outputs, device);
        let temporal = config.temporal.as_ref().map(|t| {
            let load =
                |name, outputs| TemporalHead::load(weights, name, heads.hidden, t.hidden, outputs);
            Ok::<_, WeightsError>(Temporal {
                expression: load("expression", heads.expression)?,
                affect: load("affect", heads.affect)?,
            })
        });
        Ok(Self {
            backbone: Backbone::load(weights, &config.backbone, device)?,
            expression: head("expression", heads.expression)?,
            affect: head("affect", heads.affect)?,
            temporal: temporal.transpose()?,
            card: card(weights, &config),
            sha256: weights.sha256.clone(),
            device: device.clone(),
            config,
        })
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

    /// The network's input from crops: `(v - mean) / scale`, `[B, channels, 112, 112]`.
    ///
    /// # Errors
    /// When a crop is not of the network's size and colour model.
    pub fn input(&self, crops: &[Crop]) -> Result<Tensor, NetworkError> {
        let channels = self.config.backbone.input[0];
        let wanted = channels * CROP_SIDE_PX * CROP_SIDE_PX;
        let means = self.config.backbone.means();
        let scale = self.config.backbone.scale;
        let mut values = Vec::with_capacity(crops.len() * wanted);
        for crop in crops {
            if crop.pixels.len() != wanted || crop.channels != channels {
                return Err(NetworkError::Crop {
                    got: crop.pixels.len(),
                    wanted,
                });
            }
            for (channel, mean) in means.iter().enumerate() {
                let plane = crop.pixels.iter().skip(channel).step_by(channels);
                values.extend(plane.map(|&v| (f32::from(v) - mean) / scale));
            }
        }
        let shape = (crops.len(), channels, CROP_SIDE_PX, CROP_SIDE_PX);
        Ok(Tensor::from_vec(values, shape, &self.device)?)
    }

    /// Pooled features of the backbone, `[B, pooled]`.
    ///
    /// # Errors
    /// As [`Student::input`], and when the device failed.
    pub fn pooled(&self, crops: &[Crop]) -> Result<Tensor, NetworkError> {
        self.pooled_from(&self.input(crops)?)
    }

    /// The same from an input that was made before, `[B, channels, 112, 112]`.
    ///
    /// # Errors
    /// When the device failed.
    pub fn pooled_from(&self, input: &Tensor) -> Result<Tensor, NetworkError> {
        Ok(self.backbone.forward(input)?)
    }

    /// Both heads over pooled features `[B, pooled]`, the expression's first: the feature `[B, 128]` and the CNN's own
    /// logits `[B, 7]` or `[B, 40]`.
    ///
    /// # Errors
    /// When the device failed.
    pub fn heads(&self, pooled: &Tensor) -> Result<[(Tensor, Tensor); 2], NetworkError> {
        Ok([
            self.expression.forward(pooled)?,
            self.affect.forward(pooled)?,
        ])
    }

    /// The same through candle's own operations, to check the kernels against.
    ///
    /// # Errors
    /// As [`Student::pooled`].
    pub fn pooled_reference(&self, crops: &[Crop]) -> Result<Tensor, NetworkError> {
        Ok(self.backbone.forward_reference(&self.input(crops)?)?)
    }

    /// Logits of the CNN alone: expression `[B, 7]` and affect `[B, 40]`.
    ///
    /// # Errors
    /// As [`Student::pooled`].
    pub fn cnn_logits(&self, crops: &[Crop]) -> Result<(Tensor, Tensor), NetworkError> {
        let [(_, expression), (_, affect)] = self.heads(&self.pooled(crops)?)?;
        Ok((expression, affect))
    }

    /// Features of some crops, in their order.
    ///
    /// # Errors
    /// As [`Student::pooled`], and when the answer is no number.
    pub fn features(&self, crops: &[Crop]) -> Result<Vec<Features>, NetworkError> {
        if crops.is_empty() {
            return Ok(Vec::new());
        }
        let pooled = self.pooled(crops)?; // [B, pooled]
        // [B, 128], [B, 7]; [B, 128], [B, 40]
        let [(expression, expression_logits), (affect, affect_logits)] = self.heads(&pooled)?;
        let rows = expression
            .to_vec2::<f32>()?
            .into_iter()
            .zip(affect.to_vec2::<f32>()?)
            .zip(expression_logits.to_vec2::<f32>()?)
            .zip(affect_logits.to_vec2::<f32>()?);
        rows.map(|(((expression, affect), e_logits), a_logits)| {
            Ok(Features {
                expression: expression.into(),
                affect: affect.into(),
                alone: estimate(&e_logits, &a_logits).ok_or(NetworkError::NotANumber)?,
            })
        })
        .collect()
    }

    /// Logits of every step of one window through the recurrent heads; `None` for a CNN alone.
    pub fn window_logits(&self, steps: &[&Features]) -> Option<WindowLogits> {
        let temporal = self.temporal.as_ref()?;
        let expression: Vec<&[f32]> = steps.iter().map(|s| &*s.expression).collect();
        let affect: Vec<&[f32]> = steps.iter().map(|s| &*s.affect).collect();
        Some(WindowLogits {
            expression: temporal.expression.sequence(&expression),
            affect: temporal.affect.sequence(&affect),
        })
    }

    /// The reading of one step within a window of steps (the CNN's own for a CNN alone).
    ///
    /// # Errors
    /// When there is no such step, or the answer is no number.
    pub fn read_at(&self, steps: &[&Features], position: usize) -> Result<Estimate, NetworkError> {
        let Some(temporal) = &self.temporal else {
            let step = steps.get(position).ok_or(NetworkError::NotANumber)?;
            return Ok(step.alone);
        };
        let expression: Vec<&[f32]> = steps.iter().map(|s| &*s.expression).collect();
        let affect: Vec<&[f32]> = steps.iter().map(|s| &*s.affect).collect();
        temporal
            .expression
            .at(&expression, position)
            .zip(temporal.affect.at(&affect, position))
            .and_then(|(e, a)| estimate(&e, &a))
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

fn card(weights: &Weights, config: &StudentConfig) -> WeightsCard {
    let kind = match &config.temporal {
        Some(t) => format!("CNN-GRU, window {}", t.window),
        None => "CNN".to_owned(),
    };
    let [c, h, w] = config.backbone.input;
    let color = if c == 1 { "grey" } else { "RGB" };
    WeightsCard {
        name: weights.name.clone(),
        origin: weights.origin.clone(),
        hash: weights.sha256.chars().take(12).collect(),
        network: format!(
            "{kind}, {color} {w}x{h}, {:.1} M weights",
            weights.count() as f64 / 1e6
        ),
        input: match &config.temporal {
            Some(t) => format!("{color} {w}×{h}, window {}", t.window),
            None => format!("{color} {w}×{h}, no window"),
        },
        trained_on: config.trained_on.clone(),
        affect_labels: config.affect_labels.clone(),
        licence: match config.licence.as_str() {
            "" => weights.claims.licence.clone(),
            said => said.to_owned(),
        },
        scores: config
            .scores
            .iter()
            .chain(&weights.claims.scores)
            .map(|(a, b)| (a.clone(), b.clone()))
            .collect(),
    }
}

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
