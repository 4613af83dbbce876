//! Backbone and heads on a device that is not ours to program: in candle's operations.

use candle_core::{Device, Tensor};

use super::backbone::Layers;
use super::config::BackboneConfig;
use super::features::{Features, NetworkError};
use super::graph::Graph;
use super::heads::{Head, HeadWeights, estimate};
use super::upload::Upload;
use crate::analysis::Crop;

/// The largest batch on a device, faces: more are run one batch after the other, so that the room they take is bounded.
pub const LARGEST_BATCH: usize = 64;

/// Backbone and heads in candle's operations: what runs on a GPU, and what the CPU's kernels are checked against.
pub(super) struct DeviceNetwork {
    upload: Upload,
    backbone: Graph,
    pub expression: Head,
    pub affect: Head,
}

impl DeviceNetwork {
    /// Puts it on a device.
    ///
    /// # Errors
    /// candle's, when the device has no room.
    pub fn new(
        layers: &Layers,
        config: &BackboneConfig,
        [expression, affect]: [&HeadWeights; 2],
        device: &Device,
    ) -> candle_core::Result<Self> {
        Ok(Self {
            upload: Upload::new(config, device)?,
            backbone: Graph::new(layers, device)?,
            expression: Head::new(expression, device)?,
            affect: Head::new(affect, device)?,
        })
    }

    /// Pooled features `[B, pooled]`, in batches of [`LARGEST_BATCH`] at most.
    pub fn pooled(&self, crops: &[Crop]) -> candle_core::Result<Tensor> {
        let run = |part: &[Crop]| self.backbone.run(&self.upload.input(part)?);
        if crops.len() <= LARGEST_BATCH {
            return run(crops);
        }
        let parts = crops.chunks(LARGEST_BATCH).map(run);
        Tensor::cat(&parts.collect::<candle_core::Result<Vec<_>>>()?, 0)
    }

    /// Features of crops of the right size, in their order.
    pub fn features(&self, crops: &[Crop]) -> Result<Vec<Features>, NetworkError> {
        let pooled = self.pooled(crops)?; // [B, pooled]
        let (expression, expression_logits) = self.expression.forward(&pooled)?; // [B, 128], [B, 7]
        let (affect, affect_logits) = self.affect.forward(&pooled)?; // [B, 128], [B, 40]
        // One copy from the device for all four: each waits for everything before it.
        let all = [&expression, &affect, &expression_logits, &affect_logits];
        let widths = all.map(|t| t.dims().last().copied().unwrap_or(0));
        let rows = Tensor::cat(&all, 1)?.to_vec2::<f32>()?; // [B, 128 + 128 + 7 + 40]
        rows.iter()
            .map(|row| {
                let (expression, rest) = row.split_at(widths[0]);
                let (affect, rest) = rest.split_at(widths[1]);
                let (expression_logits, affect_logits) = rest.split_at(widths[2]);
                Ok(Features {
                    expression: expression.into(),
                    affect: affect.into(),
                    alone: estimate(expression_logits, affect_logits)
                        .ok_or(NetworkError::NotANumber)?,
                })
            })
            .collect()
    }
}
