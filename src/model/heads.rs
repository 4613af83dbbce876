//! The two heads over the pooled features, and what their logits say.

use candle_core::{Device, Tensor};

use super::calibration::Calibration;
use super::config::{AFFECT_BINS, HeadsConfig};
use super::conv::Conv;
use super::weights::{Weights, WeightsError};
use crate::labels::{Estimate, Expression};

/// BN -> FC -> ReLU -> BN = the feature, then FC -> logits, with the first batch norm folded into its layer.
pub struct HeadWeights {
    /// `pooled` to `hidden`, as a 1x1 convolution.
    pub fc0: Conv,
    /// The second batch norm's scale, `[hidden]`.
    pub scale: Vec<f32>,
    /// Its shift, `[hidden]`.
    pub shift: Vec<f32>,
    /// `hidden` to `outputs`, as a 1x1 convolution.
    pub fc1: Conv,
}

impl HeadWeights {
    /// Reads `heads.{name}.{bn0,fc0,bn1,fc1}`; `outputs` answers, calibrated.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn load(
        weights: &Weights,
        name: &str,
        pooled: usize,
        config: &HeadsConfig,
        (outputs, calibration): (usize, &Calibration),
    ) -> Result<Self, WeightsError> {
        let task = name;
        let name = format!("heads.{task}");
        let hidden = config.hidden;
        let (scale0, shift0) = weights.batch_norm(&format!("{name}.bn0"), pooled)?;
        let mut fc0 = weights.values(&format!("{name}.fc0.weight"), &[hidden, pooled])?;
        let mut fc0_bias = weights.values(&format!("{name}.fc0.bias"), &[hidden])?;
        for (row, bias) in fc0.chunks_exact_mut(pooled).zip(&mut fc0_bias) {
            for ((w, scale), shift) in row.iter_mut().zip(&scale0).zip(&shift0) {
                *bias += *w * shift;
                *w *= scale;
            }
        }
        let (scale, shift) = weights.batch_norm(&format!("{name}.bn1"), hidden)?;
        let mut fc1 = weights.values(&format!("{name}.fc1.weight"), &[outputs, hidden])?;
        let mut fc1_bias = weights.values(&format!("{name}.fc1.bias"), &[outputs])?;
        calibration.soften(task, &mut fc1, &mut fc1_bias);
        Ok(Self {
            fc0: Conv::pointwise(pooled, fc0, fc0_bias),
            scale,
            shift,
            fc1: Conv::pointwise(hidden, fc1, fc1_bias),
        })
    }
}

/// A head on a device, as candle's operations.
pub struct Head {
    fc0: Tensor,       // [pooled, hidden]
    fc0_bias: Tensor,  // [hidden]
    bn1_scale: Tensor, // [hidden]
    bn1_shift: Tensor, // [hidden]
    fc1: Tensor,       // [hidden, outputs]
    fc1_bias: Tensor,  // [outputs]
}

impl Head {
    /// Puts a head on a device.
    ///
    /// # Errors
    /// candle's, when the device has no room.
    pub fn new(weights: &HeadWeights, device: &Device) -> candle_core::Result<Self> {
        let vector = |v: &[f32]| Tensor::from_slice(v, v.len(), device);
        let matrix = |conv: &Conv| {
            Tensor::from_slice(&conv.weight, (conv.c_out, conv.c_in), device)?
                .t()?
                .contiguous()
        };
        Ok(Self {
            fc0: matrix(&weights.fc0)?,
            fc0_bias: vector(&weights.fc0.bias)?,
            bn1_scale: vector(&weights.scale)?,
            bn1_shift: vector(&weights.shift)?,
            fc1: matrix(&weights.fc1)?,
            fc1_bias: vector(&weights.fc1.bias)?,
        })
    }

    /// `pooled [B, pooled]` to `(feature [B, hidden], logits [B, outputs])`. On the CPU the numbers of a row are the
    /// same, to the bit, whatever other rows there are.
    ///
    /// # Errors
    /// candle's, on a device that failed.
    pub fn forward(&self, pooled: &Tensor) -> candle_core::Result<(Tensor, Tensor)> {
        let count = pooled.dim(0)?;
        if count < 2 || !pooled.device().is_cpu() {
            return self.rows(pooled);
        }
        // Row by row: in what order a matrix product sums depends on its height and on the machine's caches.
        let (mut features, mut logits) = (Vec::with_capacity(count), Vec::with_capacity(count));
        for row in 0..count {
            let (feature, logit) = self.rows(&pooled.narrow(0, row, 1)?)?;
            features.push(feature);
            logits.push(logit);
        }
        Ok((Tensor::cat(&features, 0)?, Tensor::cat(&logits, 0)?))
    }

    fn rows(&self, pooled: &Tensor) -> candle_core::Result<(Tensor, Tensor)> {
        let feature = pooled
            .matmul(&self.fc0)?
            .broadcast_add(&self.fc0_bias)?
            .relu()?
            .broadcast_mul(&self.bn1_scale)?
            .broadcast_add(&self.bn1_shift)?; // [B, hidden]
        let logits = feature.matmul(&self.fc1)?.broadcast_add(&self.fc1_bias)?; // [B, outputs]
        Ok((feature, logits))
    }
}

/// Softmax of some logits.
pub fn softmax<const N: usize>(logits: &[f32; N]) -> [f32; N] {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut out = logits.map(|l| (l - top).exp());
    let sum: f32 = out.iter().sum();
    out.iter_mut().for_each(|p| *p /= sum);
    out
}

/// Expectation and standard deviation of softmax(20 bins) over `linspace(-1, 1, 20)`.
fn moments(logits: &[f32; AFFECT_BINS]) -> (f32, f32) {
    let value = |bin: usize| -1.0 + 2.0 * bin as f32 / (AFFECT_BINS - 1) as f32;
    let weights = softmax(logits);
    let mean: f32 = weights.iter().enumerate().map(|(i, p)| p * value(i)).sum();
    let variance: f32 = weights
        .iter()
        .enumerate()
        .map(|(i, p)| p * (value(i) - mean).powi(2))
        .sum();
    (mean, variance.max(0.0).sqrt())
}

/// What seven expression logits and forty affect logits say.
///
/// `None` when a slice has another length or a value is not finite: such an answer must not become a number.
pub fn estimate(expression: &[f32], affect: &[f32]) -> Option<Estimate> {
    let expression: &[f32; Expression::COUNT] = expression.try_into().ok()?;
    let valence: &[f32; AFFECT_BINS] = affect.get(..AFFECT_BINS)?.try_into().ok()?;
    let arousal: &[f32; AFFECT_BINS] = affect.get(AFFECT_BINS..)?.try_into().ok()?;
    if expression.iter().chain(affect).any(|v| !v.is_finite()) {
        return None;
    }
    let ((valence, valence_sd), (arousal, arousal_sd)) = (moments(valence), moments(arousal));
    Some(Estimate {
        probabilities: softmax(expression),
        valence,
        arousal,
        valence_sd,
        arousal_sd,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_certain_bin_has_no_spread_and_equal_bins_have_the_uniform_one() {
        let mut affect = [0.0; 40];
        affect[19] = 80.0;
        let one = estimate(&[0.0; 7], &affect).expect("finite");
        assert!((one.valence - 1.0).abs() < 1e-6 && one.valence_sd < 1e-6);
        assert!(one.arousal.abs() < 1e-6);
        // sd of 20 equal points on [-1, 1]: sqrt((20^2 - 1) / 12) * 2 / 19
        assert!((one.arousal_sd - (399.0f32 / 12.0).sqrt() * 2.0 / 19.0).abs() < 1e-5);
        assert!((one.probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_number_that_is_none_gives_no_estimate() {
        assert!(estimate(&[f32::NAN; 7], &[0.0; 40]).is_none());
        assert!(estimate(&[0.0; 6], &[0.0; 40]).is_none());
        assert!(estimate(&[0.0; 7], &[0.0; 39]).is_none());
    }
}
