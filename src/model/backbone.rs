//! The bottleneck ResNet in the Caffe layout: FER+ ResNet-50 and the thin default are two configs of it.
//!
//! He et al. 2016 with the stride on the first 1x1 of a stage (and on the projection) and a ceil-mode pool, as the
//! reference's FER+ ResNet-50 (VGG face descriptors, Caffe import) has them.

use candle_core::{Device, Tensor};

use super::config::BackboneConfig;
use super::conv::{Conv, pooled_side};
use super::weights::{Weights, WeightsError};

/// A bottleneck block.
pub(super) struct Block {
    pub reduce: Conv,
    pub spatial: Conv,
    pub expand: Conv,
    pub project: Option<Conv>,
}

/// The layers, in order.
pub(super) struct Layers {
    pub stem: Conv,
    pub blocks: Vec<Block>,
}

impl Layers {
    /// Reads the layers `backbone.*`.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn load(weights: &Weights, config: &BackboneConfig) -> Result<Self, WeightsError> {
        let stem = Conv::load(
            weights,
            "backbone.stem",
            (config.input[0], config.stem),
            (7, 2, 3),
        )?;
        let mut blocks = Vec::new();
        let mut channels = config.stem;
        for (stage, (&width, &count)) in config.widths.iter().zip(&config.blocks).enumerate() {
            for block in 0..count {
                let name = format!("backbone.stages.{stage}.{block}");
                let stride = if stage > 0 && block == 0 { 2 } else { 1 };
                let wide = width * config.expansion;
                let load = |part: &str, size, shape| {
                    Conv::load(weights, &format!("{name}.{part}"), size, shape)
                };
                blocks.push(Block {
                    reduce: load("reduce", (channels, width), (1, stride, 0))?,
                    spatial: load("spatial", (width, width), (3, 1, 1))?,
                    expand: load("expand", (width, wide), (1, 1, 0))?,
                    project: (block == 0)
                        .then(|| load("project", (channels, wide), (1, stride, 0)))
                        .transpose()?,
                });
                channels = wide;
            }
        }
        Ok(Self { stem, blocks })
    }
}

/// A layer of the candle graph: what runs on a GPU, and what the CPU kernel is checked against.
struct GraphConv {
    weight: Tensor, // [c_out, c_in, k, k]
    bias: Tensor,   // [1, c_out, 1, 1]
    stride: usize,
    pad: usize,
}

impl GraphConv {
    fn new(conv: &Conv, device: &Device) -> candle_core::Result<Self> {
        let k = conv.kernel;
        Ok(Self {
            weight: Tensor::from_slice(&conv.weight, (conv.c_out, conv.c_in, k, k), device)?,
            bias: Tensor::from_slice(&conv.bias, (1, conv.c_out, 1, 1), device)?,
            stride: conv.stride,
            pad: conv.pad,
        })
    }

    fn run(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        x.conv2d(&self.weight, self.pad, self.stride, 1, 1)?
            .broadcast_add(&self.bias)
    }
}

/// The backbone in candle's operations.
pub(super) struct Graph {
    stem: GraphConv,
    blocks: Vec<[Option<GraphConv>; 4]>,
}

impl Graph {
    /// Puts the layers on a device.
    pub fn new(layers: &Layers, device: &Device) -> candle_core::Result<Self> {
        let conv = |c: &Conv| GraphConv::new(c, device);
        let blocks = layers.blocks.iter().map(|b| {
            Ok([
                Some(conv(&b.reduce)?),
                Some(conv(&b.spatial)?),
                Some(conv(&b.expand)?),
                b.project.as_ref().map(conv).transpose()?,
            ])
        });
        Ok(Self {
            stem: conv(&layers.stem)?,
            blocks: blocks.collect::<candle_core::Result<_>>()?,
        })
    }

    /// `x [B, c, 112, 112]` to pooled features `[B, pooled]`.
    pub fn run(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let x = self.stem.run(x)?.relu()?; // [B, stem, 56, 56]
        // Ceil mode without padding: repeating the last row and column changes no maximum.
        let (_, _, h, w) = x.dims4()?;
        let x = x.pad_with_same(2, 0, 2 * pooled_side(h) + 1 - h)?;
        let x = x.pad_with_same(3, 0, 2 * pooled_side(w) + 1 - w)?;
        let mut x = x.max_pool2d_with_stride(3, 2)?; // [B, stem, 28, 28]
        for [reduce, spatial, expand, project] in &self.blocks {
            let (Some(reduce), Some(spatial), Some(expand)) = (reduce, spatial, expand) else {
                candle_core::bail!("a block lacks a layer");
            };
            let y = reduce.run(&x)?.relu()?;
            let y = spatial.run(&y)?.relu()?;
            let y = expand.run(&y)?;
            let residual = match project {
                Some(project) => project.run(&x)?,
                None => x,
            };
            x = (y + residual)?.relu()?;
        }
        x.mean((2, 3)) // [B, pooled]
    }
}
