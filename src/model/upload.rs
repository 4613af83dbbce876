//! Crops to a device other than the CPU: as bytes, a quarter of what f32 would be, made the network's input there.

use candle_core::{DType, Device, Result, Tensor};

use super::config::{BackboneConfig, CROP_SIDE_PX};
use crate::analysis::Crop;

/// What turns bytes into the network's input, on its device.
pub(super) struct Upload {
    means: Tensor, // [channels]
    scale: f64,
    channels: usize,
}

impl Upload {
    /// # Errors
    /// candle's, on a device that failed.
    pub(super) fn new(config: &BackboneConfig, device: &Device) -> Result<Self> {
        let means = config.means();
        Ok(Self {
            means: Tensor::from_slice(&means, means.len(), device)?,
            scale: f64::from(config.scale),
            channels: means.len(),
        })
    }

    /// `(v - mean) / scale` of crops of the right size: `[B, channels, 112, 112]`, channels last in memory. Nothing
    /// here waits for the device.
    ///
    /// # Errors
    /// candle's, on a device that failed.
    pub(super) fn input(&self, crops: &[Crop]) -> Result<Tensor> {
        let bytes = crops
            .iter()
            .map(|c| &*c.pixels)
            .collect::<Vec<_>>()
            .concat();
        let shape = (crops.len(), CROP_SIDE_PX, CROP_SIDE_PX, self.channels);
        let x = Tensor::from_vec(bytes, shape, self.means.device())?
            .to_dtype(DType::F32)?
            .broadcast_sub(&self.means)?; // [B, 112, 112, channels]
        let x = if self.scale == 1.0 {
            x
        } else {
            (x / self.scale)?
        };
        x.permute((0, 3, 1, 2))
    }
}
