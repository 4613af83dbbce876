//! The bottleneck ResNet in the Caffe layout: FER+ ResNet-50 and the thin default are two configs of it.
//!
//! He et al. 2016 with the stride on the first 1x1 of a stage (and on the projection) and a ceil-mode pool, as the
//! reference's FER+ ResNet-50 (VGG face descriptors, Caffe import) has them.

use std::sync::{Arc, Mutex};

use candle_core::{CpuStorage, CustomOp1, Device, Layout, Shape, Tensor};

use super::config::BackboneConfig;
use super::conv::{Conv, Onto, max_pool_ceil, relu};
use super::graph::Graph;
use super::weights::{Weights, WeightsError};

/// A bottleneck: `relu(expand(relu(spatial(relu(reduce(x))))) + project(x))`, or `+ x` where nothing changes size.
pub(super) struct Block {
    pub(super) reduce: Conv,
    pub(super) spatial: Conv,
    pub(super) expand: Conv,
    pub(super) project: Option<Conv>,
}

/// The layers, in order.
pub(super) struct Layers {
    pub(super) stem: Conv,
    pub(super) blocks: Vec<Block>,
    pooled: usize,
}

impl Layers {
    /// Reads the layers `backbone.*`.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub(super) fn load(weights: &Weights, config: &BackboneConfig) -> Result<Self, WeightsError> {
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
        Ok(Self {
            stem,
            blocks,
            pooled: config.pooled(),
        })
    }

    /// One picture `[c, h, w]` to `[pooled]`, appended to `out`.
    fn run(&self, picture: &[f32], (h, w): (usize, usize), arena: &mut Arena, out: &mut Vec<f32>) {
        let Arena {
            columns,
            x,
            narrow,
            wide,
            next,
        } = arena;
        self.stem.run(picture, (h, w), columns, next, Onto::Fresh);
        relu(next);
        let (h, w) = (self.stem.out_side(h), self.stem.out_side(w));
        let (mut h, mut w) = max_pool_ceil(next, (h, w), x);
        for block in &self.blocks {
            block.reduce.run(x, (h, w), columns, narrow, Onto::Fresh);
            relu(narrow);
            let small = (block.reduce.out_side(h), block.reduce.out_side(w));
            block.spatial.run(narrow, small, columns, wide, Onto::Fresh);
            relu(wide);
            match &block.project {
                Some(project) => {
                    project.run(x, (h, w), columns, next, Onto::Fresh);
                    std::mem::swap(x, next);
                }
                None => debug_assert_eq!(small, (h, w)),
            }
            block.expand.run(wide, small, columns, x, Onto::Add);
            relu(x);
            (h, w) = small;
        }
        let pixels = (h * w) as f32;
        out.extend(
            x.chunks_exact(h * w)
                .map(|channel| channel.iter().sum::<f32>() / pixels),
        );
    }
}

/// Buffers that outlive a call, so that a frame allocates nothing.
#[derive(Default)]
struct Arena {
    columns: Vec<f32>,
    x: Vec<f32>,
    narrow: Vec<f32>,
    wide: Vec<f32>,
    next: Vec<f32>,
}

/// The whole backbone as one operation of candle's on the CPU.
struct OnCpu {
    layers: Arc<Layers>,
    arena: Arc<Mutex<Arena>>,
}

impl CustomOp1 for OnCpu {
    fn name(&self) -> &'static str {
        "affectscope-backbone"
    }

    fn cpu_fwd(
        &self,
        storage: &CpuStorage,
        layout: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        let (batch, c, h, w) = layout.shape().dims4()?;
        let all = match (storage, layout.contiguous_offsets()) {
            (CpuStorage::F32(values), Some((from, to))) => &values[from..to],
            _ => candle_core::bail!("the backbone wants contiguous f32 input"),
        };
        // A panic elsewhere cannot leave the arena unusable: every buffer is cleared before use.
        let mut arena = self
            .arena
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut out = Vec::with_capacity(batch * self.layers.pooled);
        for picture in all.chunks_exact(c * h * w) {
            self.layers.run(picture, (h, w), &mut arena, &mut out);
        }
        Ok((
            CpuStorage::F32(out),
            Shape::from((batch, self.layers.pooled)),
        ))
    }
}

/// The backbone, on a device.
pub struct Backbone {
    layers: Arc<Layers>,
    arena: Arc<Mutex<Arena>>,
    graph: Option<Graph>,
}

impl Backbone {
    /// Reads the layers `backbone.*`.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen, or the device has no room.
    pub fn load(
        weights: &Weights,
        config: &BackboneConfig,
        device: &Device,
    ) -> Result<Self, WeightsError> {
        let layers = Layers::load(weights, config)?;
        let graph = (!device.is_cpu())
            .then(|| Graph::new(&layers, device))
            .transpose()
            .map_err(|e| weights.wrong(format!("they do not fit the device ({e}).")))?;
        Ok(Self {
            layers: Arc::new(layers),
            arena: Arc::default(),
            graph,
        })
    }

    /// `x [B, c, 112, 112]` to pooled features `[B, pooled]`.
    ///
    /// # Errors
    /// candle's, on a device that failed.
    pub fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        match &self.graph {
            Some(graph) => graph.run(x),
            None => x.contiguous()?.apply_op1_no_bwd(&OnCpu {
                layers: self.layers.clone(),
                arena: self.arena.clone(),
            }),
        }
    }

    /// The same through candle's own operations, to check [`Backbone::forward`] against.
    ///
    /// # Errors
    /// candle's.
    pub fn forward_reference(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        Graph::new(&self.layers, x.device())?.run(x)
    }
}
