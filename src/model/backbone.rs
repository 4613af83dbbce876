//! The bottleneck ResNet in the Caffe layout: FER+ ResNet-50 and the thin default are two configs of it.
//!
//! He et al. 2016 with the stride on the first 1x1 of a stage (and on the projection) and a ceil-mode pool, as the
//! reference's FER+ ResNet-50 (VGG face descriptors, Caffe import) has them.

use super::config::BackboneConfig;
use super::conv::Conv;
use super::weights::{Weights, WeightsError};

/// A bottleneck: `relu(expand(relu(spatial(relu(reduce(x))))) + project(x))`, or `+ x` where nothing changes size.
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
