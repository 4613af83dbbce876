//! The backbone on an NVIDIA GPU: the same forth and back as [`super::Backbone`], by matrix products of cuBLAS and kernels of
//! our own between them.
//!
//! The network's values lie on the GPU as they lie in the [`Store`], which stays the one that counts: it is copied there
//! before each batch, and slopes and running moments are copied back. Products are rounded to TF32 (10 bits), as PyTorch's
//! convolutions are; `NVIDIA_TF32_OVERRIDE=0` forbids it.
//!
//! | file | |
//! |---|---|
//! | `device.rs` | the GPU, its memory and what is copied |
//! | `products.rs` | matrix products, by cuBLAS |
//! | `kernels.rs`, `norms.rs`, `kernels.cu` | what happens between them |
//! | `unit.rs`, `block.rs`, `heads.rs` | a convolution with its norm, a bottleneck block, the heads |

mod block;
mod device;
mod heads;
mod kernels;
mod norms;
mod products;
mod unit;

use std::sync::Arc;

use cudarc::driver::CudaSlice;

use block::{Back, Block, take};
pub use device::{Gpu, GpuError, Products};
use device::{Staging, Values};
use heads::GpuHeads;
use kernels::Window;
use norms::Beside;
use unit::{Norming, Scratch, Unit, Wants};

use super::heads::Heads;
use super::shape::{self, BlockShape, pooled_stem_side};
use super::store::{Store, StoreError, padded};
use crate::model::config::{BackboneConfig, CROP_SIDE_PX};

/// Padding of the stem.
const STEM_PAD: usize = 3;

/// The backbone on the GPU, with room for a batch.
pub struct GpuBackbone {
    gpu: Arc<Gpu>,
    batch: usize,
    channels: usize,
    pooled: usize,
    levels: Values,
    pixels: Option<CudaSlice<u8>>,
    stem: Unit,
    stem_out: Values,
    pool: Values,
    blocks: Vec<Block>,
    last_side: usize,
    /// Means of the last values, and their slopes.
    means: Values,
    slopes: Values,
    heads: Option<GpuHeads>,
    scratch: Scratch,
    values: Values,
    grads: Values,
    values_staging: Staging,
    grads_staging: Staging,
    /// Slopes that are passed on.
    spare: Vec<Values>,
}

/// Why a backbone cannot be on the GPU.
#[derive(Debug, thiserror::Error)]
pub enum GpuBackboneError {
    /// The GPU.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// The network.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl GpuBackbone {
    /// Room for batches of just this many pictures, with these heads beside the backbone where their widths are multiples
    /// of 32.
    ///
    /// # Errors
    /// When the store is not of this config, or the GPU has no room for it.
    pub fn new(
        gpu: &Arc<Gpu>,
        store: &Store,
        config: &BackboneConfig,
        (batch, heads): (usize, Option<&Heads>),
    ) -> Result<Self, GpuBackboneError> {
        let channels = config.input[0];
        let mut wants = Wants::default();
        let mut unit = |name: &str, from: usize, to: usize, window: Window| {
            Unit::new(
                gpu,
                store,
                name,
                (batch, from, padded(to)),
                window,
                &mut wants,
            )
        };
        let stem = unit(
            "backbone.stem",
            channels,
            config.stem,
            Window {
                side: CROP_SIDE_PX,
                to: CROP_SIDE_PX / 2,
                kernel: 7,
                step: 2,
                pad: STEM_PAD,
            },
        )?;
        let stem_out = gpu.zeros(stem.len())?;
        let mut last_side = pooled_stem_side();
        let pool = gpu.zeros(batch * last_side * last_side * padded(config.stem))?;
        let mut blocks = Vec::new();
        for shape in shape::blocks(config) {
            let BlockShape {
                from, width, wide, ..
            } = shape;
            let read = Window {
                side: shape.side,
                to: shape.to,
                kernel: 1,
                step: shape.step,
                pad: 0,
            };
            let plain = Window {
                side: shape.to,
                step: 1,
                ..read
            };
            let around = Window {
                kernel: 3,
                pad: 1,
                ..plain
            };
            let reduce = unit(&shape.part("reduce"), from, width, read)?;
            let spatial = unit(&shape.part("spatial"), padded(width), width, around)?;
            let expand = unit(&shape.part("expand"), padded(width), wide, plain)?;
            let project = if shape.projects {
                Some(unit(&shape.part("project"), from, wide, read)?)
            } else {
                None
            };
            blocks.push(Block {
                narrow: gpu.zeros(reduce.len())?,
                wide: gpu.zeros(spatial.len())?,
                out: gpu.zeros(expand.len())?,
                reduce,
                spatial,
                expand,
                project,
            });
            last_side = shape.to;
        }
        let levels: Vec<f32> = config
            .means()
            .iter()
            .flat_map(|mean| (0..256).map(move |v| (v as f32 - mean) / config.scale))
            .collect();
        let mut level_values = gpu.zeros(levels.len())?;
        gpu.set(&levels, &mut level_values)?;
        let heads = match heads {
            Some(heads) => GpuHeads::new(gpu, heads, batch, &mut wants)?,
            None => None,
        };
        let scratch = wants.scratch(gpu)?;
        // What was copied from here is there before it is freed here.
        gpu.wait()?;
        Ok(Self {
            heads,
            slopes: gpu.zeros(batch * config.pooled())?,
            levels: level_values,
            pixels: None,
            means: gpu.zeros(batch * config.pooled())?,
            values: gpu.zeros(store.values.len())?,
            grads: gpu.zeros(store.learnt())?,
            values_staging: Staging::new(gpu, store.values.len())?,
            grads_staging: Staging::new(gpu, store.learnt())?,
            spare: Vec::new(),
            gpu: gpu.clone(),
            batch,
            channels,
            pooled: config.pooled(),
            stem,
            stem_out,
            pool,
            blocks,
            last_side,
            scratch,
        })
    }

    /// Pictures of a batch.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Whether the heads are here: then logits and their slopes are what goes in and out.
    pub fn has_heads(&self) -> bool {
        self.heads.is_some()
    }

    /// A batch of crops, `pixels [batch, 112, 112, channels]`, to pooled features `[batch, pooled]`. Moments are the
    /// batch's own, and move the running ones in the store.
    ///
    /// # Errors
    /// The GPU's.
    pub fn forward(&mut self, store: &mut Store, pixels: &[u8]) -> Result<Vec<f32>, GpuError> {
        self.load(&store.values)?;
        self.run(pixels, Norming::Batch)?;
        let pooled = self.pooled()?;
        self.moments_to(store)?;
        Ok(pooled)
    }

    /// A batch of crops to logits, `[B * 7]` and `[B * 40]`, likewise. `None` where the heads are not here.
    ///
    /// # Errors
    /// The GPU's.
    pub fn forward_whole(
        &mut self,
        store: &mut Store,
        pixels: &[u8],
    ) -> Result<Option<[Vec<f32>; 2]>, GpuError> {
        if self.heads.is_none() {
            return Ok(None);
        }
        self.load(&store.values)?;
        self.run(pixels, Norming::Batch)?;
        let logits = self.logits(Norming::Batch)?;
        self.moments_to(store)?;
        Ok(logits)
    }

    /// The network's values, for [`GpuBackbone::settled`].
    ///
    /// # Errors
    /// The GPU's.
    pub fn load(&mut self, values: &[f32]) -> Result<(), GpuError> {
        self.values_staging
            .send(&self.gpu, values, &mut self.values)
    }

    /// Pooled features by the running moments of the values that were loaded, `[batch, pooled]`.
    ///
    /// # Errors
    /// The GPU's.
    pub fn settled(&mut self, pixels: &[u8]) -> Result<Vec<f32>, GpuError> {
        self.run(pixels, Norming::Settled)?;
        self.pooled()
    }

    /// Logits by them, `[B * 7]` and `[B * 40]`. `None` where the heads are not here.
    ///
    /// # Errors
    /// The GPU's.
    pub fn settled_whole(&mut self, pixels: &[u8]) -> Result<Option<[Vec<f32>; 2]>, GpuError> {
        if self.heads.is_none() {
            return Ok(None);
        }
        self.run(pixels, Norming::Settled)?;
        self.logits(Norming::Settled)
    }

    fn logits(&mut self, by: Norming) -> Result<Option<[Vec<f32>; 2]>, GpuError> {
        let Some(heads) = &mut self.heads else {
            return Ok(None);
        };
        let (values, scratch) = (&mut self.values, &mut self.scratch);
        heads
            .forward(&self.gpu, values, &self.means, scratch, by)
            .map(Some)
    }

    fn pooled(&self) -> Result<Vec<f32>, GpuError> {
        let mut pooled = vec![0.0; self.batch * self.pooled];
        let all = 0..pooled.len();
        self.gpu.get(&self.means, all, &mut pooled)?;
        Ok(pooled)
    }

    /// The running moments.
    fn moments_to(&self, store: &mut Store) -> Result<(), GpuError> {
        let (learnt, all) = (store.learnt(), store.values.len());
        self.gpu
            .get(&self.values, learnt..all, &mut store.values[learnt..])
    }

    fn run(&mut self, pixels: &[u8], by: Norming) -> Result<(), GpuError> {
        assert_eq!(
            pixels.len(),
            self.batch * CROP_SIDE_PX * CROP_SIDE_PX * self.channels
        );
        let Self {
            gpu,
            scratch,
            values,
            stem,
            ..
        } = self;
        let pixels = self.pixels.insert(gpu.bytes(pixels)?);
        let picture = (&*pixels, &self.levels);
        stem.read_pictures(gpu, picture, scratch)?;
        stem.forward_columns(gpu, values, scratch)?;
        stem.norm(gpu, values, scratch, by)?;
        stem.relu(gpu, Beside::Nothing, &mut self.stem_out)?;
        let sides = (CROP_SIDE_PX / 2, pooled_stem_side());
        let shape = (self.batch, sides.0, sides.1, stem.channels());
        gpu.pool(&self.stem_out, shape, &mut self.pool)?;
        for i in 0..self.blocks.len() {
            let (before, rest) = self.blocks.split_at_mut(i);
            let from = before.last().map_or(&self.pool, |b| &b.out);
            rest[0].forward(gpu, values, from, scratch, by)?;
        }
        let shape = self.last_shape();
        let last = self.blocks.last().map_or(&self.pool, |b| &b.out);
        self.gpu.average(last, shape, &mut self.means)
    }

    /// Pictures, pixels, stored channels and kept ones of what the means are of.
    fn last_shape(&self) -> (usize, usize, usize, usize) {
        let channels = self
            .blocks
            .last()
            .map_or(self.stem.channels(), |b| b.expand.channels());
        (
            self.batch,
            self.last_side * self.last_side,
            channels,
            self.pooled,
        )
    }

    /// Slopes of the last batch's pooled features, `[batch, pooled]`, back through all of it: those of the store's values
    /// are added to `grads`.
    ///
    /// # Errors
    /// The GPU's.
    pub fn backward(&mut self, pooled: &[f32], grads: &mut [f32]) -> Result<(), GpuError> {
        self.gpu.set(pooled, &mut self.slopes)?;
        self.gpu.clear(&mut self.grads)?;
        self.back()?;
        self.grads_staging.add(&self.gpu, &self.grads, grads)
    }

    /// Slopes of the last batch's logits, `[B * 7]` and `[B * 40]`, likewise. Nothing where the heads are not here.
    ///
    /// # Errors
    /// The GPU's.
    pub fn backward_whole(
        &mut self,
        logits: [&[f32]; 2],
        grads: &mut [f32],
    ) -> Result<(), GpuError> {
        let Some(heads) = &mut self.heads else {
            return Ok(());
        };
        self.gpu.clear(&mut self.grads)?;
        let mut back = Back {
            gpu: &self.gpu,
            values: &self.values,
            grads: &mut self.grads,
            scratch: &mut self.scratch,
            spare: &mut self.spare,
        };
        heads.backward(&mut back, &self.means, logits, &mut self.slopes)?;
        self.back()?;
        self.grads_staging.add(&self.gpu, &self.grads, grads)
    }

    /// Slopes of pooled features through the backbone.
    fn back(&mut self) -> Result<(), GpuError> {
        let shape = self.last_shape();
        let mut slopes = take(&mut self.spare, &self.gpu, shape.0 * shape.1 * shape.2)?;
        self.gpu.average_back(&self.slopes, shape, &mut slopes)?;
        let mut back = Back {
            gpu: &self.gpu,
            values: &self.values,
            grads: &mut self.grads,
            scratch: &mut self.scratch,
            spare: &mut self.spare,
        };
        for i in (0..self.blocks.len()).rev() {
            let (before, rest) = self.blocks.split_at_mut(i);
            let from = before.last().map_or(&self.pool, |b| &b.out);
            slopes = rest[0].backward(&mut back, from, slopes)?;
        }
        let (gpu, stem) = (&self.gpu, &mut self.stem);
        let sides = (CROP_SIDE_PX / 2, pooled_stem_side());
        let shape = (self.batch, sides.0, sides.1, stem.channels());
        let mut of_stem = take(back.spare, gpu, stem.len())?;
        gpu.pool_back((&self.stem_out, &slopes), shape, &mut of_stem)?;
        back.spare.push(slopes);
        let mut of_y = take(back.spare, gpu, stem.len())?;
        stem.norm_back(&mut back, &of_stem, true, &mut of_y)?;
        if let Some(pixels) = &self.pixels {
            stem.read_pictures(gpu, (pixels, &self.levels), back.scratch)?;
            stem.weight_back_columns(&mut back, &of_y)?;
        }
        back.spare.extend([of_stem, of_y]);
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::print_stderr)]
mod tests;
