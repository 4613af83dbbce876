//! The backbone through candle's own operations: what runs on a GPU, and what the CPU kernel is checked against.
//!
//! Channels last: two of three layers are 1x1, and then one matrix product over all pixels of all faces, with no copy
//! before it and none behind. Only the 3x3 layers and the stem go through candle's convolution, which wants channels
//! first. What is left beside the products is bound by memory, so passes over the wide tensors are few: the pool runs
//! before the stem's bias and ReLU (neither changes which value is largest), and a block's biases are added once.
//!
//! Everything stays f32, so that a GPU says what the CPU says to four digits. The ResNet-50 needs 2 GFLOP a face:
//! half precision is not what a data-centre GPU would lack.

use candle_core::{Device, Result, Tensor};

use super::backbone::Layers;
use super::config::pooled_side;
use super::conv::Conv;

/// A convolution that candle runs; the bias is whoever's comes next.
struct Spatial {
    weight: Tensor, // [c_out, c_in, k, k]
    stride: usize,
    pad: usize,
}

impl Spatial {
    fn new(conv: &Conv, device: &Device) -> Result<Self> {
        let k = conv.kernel;
        Ok(Self {
            weight: Tensor::from_slice(&conv.weight, (conv.c_out, conv.c_in, k, k), device)?,
            stride: conv.stride,
            pad: conv.pad,
        })
    }

    /// `[B, c_in, h, w]`, in any order in memory, to `[B, c_out, oh, ow]`, without the bias.
    fn run(&self, x: &Tensor) -> Result<Tensor> {
        // cuDNN is only asked for the one order that all of its algorithms know.
        if cfg!(feature = "cudnn") {
            x.contiguous()?
                .conv2d(&self.weight, self.pad, self.stride, 1, 1)
        } else {
            x.conv2d(&self.weight, self.pad, self.stride, 1, 1)
        }
    }
}

/// The weights of a 1x1 layer as a matrix `[c_in, c_out]`.
fn matrix(conv: &Conv, device: &Device) -> Result<Tensor> {
    if conv.kernel != 1 || conv.pad != 0 {
        candle_core::bail!("a layer of {0}x{0} is no 1x1 layer", conv.kernel);
    }
    Tensor::from_slice(&conv.weight, (conv.c_out, conv.c_in), device)?
        .t()?
        .contiguous()
}

/// `values` as `[values.len()]`.
fn vector(values: &[f32], device: &Device) -> Result<Tensor> {
    Tensor::from_slice(values, values.len(), device)
}

struct Block {
    stride: usize,
    reduce: Tensor,          // [c_in, width]
    reduce_bias: Tensor,     // [width]
    spatial: Spatial,        // [width, width, 3, 3]
    spatial_bias: Tensor,    // [width]
    expand: Tensor,          // [width, wide]
    project: Option<Tensor>, // [c_in, wide]
    bias: Tensor,            // [wide]: of expand, and of the projection with it
}

impl Block {
    fn new(block: &super::backbone::Block, device: &Device) -> Result<Self> {
        let mut bias = block.expand.bias.clone();
        if let Some(project) = &block.project {
            bias.iter_mut()
                .zip(&project.bias)
                .for_each(|(a, b)| *a += b);
        }
        let project = block.project.as_ref();
        Ok(Self {
            stride: block.reduce.stride,
            reduce: matrix(&block.reduce, device)?,
            reduce_bias: vector(&block.reduce.bias, device)?,
            spatial: Spatial::new(&block.spatial, device)?,
            spatial_bias: vector(&block.spatial.bias, device)?,
            expand: matrix(&block.expand, device)?,
            project: project.map(|p| matrix(p, device)).transpose()?,
            bias: vector(&bias, device)?,
        })
    }

    /// `[B, h, w, c_in]` to `[B, oh, ow, wide]`.
    fn run(&self, x: &Tensor) -> Result<Tensor> {
        let x = every(x, self.stride)?; // both 1x1 layers step alike
        let (b, h, w, c) = x.dims4()?;
        let x = x.reshape((b * h * w, c))?;
        let y = x
            .matmul(&self.reduce)?
            .broadcast_add(&self.reduce_bias)?
            .relu()?;
        let y = y.reshape((b, h, w, ()))?.permute((0, 3, 1, 2))?; // [B, width, h, w]
        let y = self.spatial.run(&y)?.permute((0, 2, 3, 1))?; // [B, h, w, width]
        let y = y
            .contiguous()?
            .reshape((b * h * w, ()))?
            .broadcast_add(&self.spatial_bias)?
            .relu()?;
        let residual = match &self.project {
            Some(project) => x.matmul(project)?,
            None => x,
        };
        (y.matmul(&self.expand)? + residual)?
            .broadcast_add(&self.bias)?
            .relu()?
            .reshape((b, h, w, ()))
    }
}

/// Every `stride`th row and column of `[B, h, w, c]`, from the first.
fn every(x: &Tensor, stride: usize) -> Result<Tensor> {
    if stride == 1 {
        return Ok(x.clone());
    }
    let (b, h, w, c) = x.dims4()?;
    let kept: Vec<u32> = (0..h)
        .step_by(stride)
        .flat_map(|y| (0..w).step_by(stride).map(move |x| (y * w + x) as u32))
        .collect();
    let count = kept.len();
    x.reshape((b, h * w, c))?
        .index_select(&Tensor::from_vec(kept, count, x.device())?, 1)?
        .reshape((b, h.div_ceil(stride), w.div_ceil(stride), c))
}

/// The backbone's layers on a device.
pub(super) struct Graph {
    stem: Spatial,
    stem_bias: Tensor, // [stem]
    blocks: Vec<Block>,
}

impl Graph {
    /// # Errors
    /// When the device has no room.
    pub(super) fn new(layers: &Layers, device: &Device) -> Result<Self> {
        let blocks = layers.blocks.iter().map(|b| Block::new(b, device));
        Ok(Self {
            stem: Spatial::new(&layers.stem, device)?,
            stem_bias: vector(&layers.stem.bias, device)?,
            blocks: blocks.collect::<Result<_>>()?,
        })
    }

    /// `x [B, c, h, w]`, in any order in memory, to `[B, pooled]`.
    ///
    /// # Errors
    /// candle's, on a device that failed.
    pub(super) fn run(&self, x: &Tensor) -> Result<Tensor> {
        let x = self.stem.run(x)?; // [B, stem, 56, 56]
        // Ceil mode without padding: repeating the last row and column changes no maximum.
        let (_, _, h, w) = x.dims4()?;
        let x = x.pad_with_same(2, 0, 2 * pooled_side(h) + 1 - h)?;
        let x = x.pad_with_same(3, 0, 2 * pooled_side(w) + 1 - w)?;
        let mut x = x
            .max_pool2d_with_stride(3, 2)?
            .permute((0, 2, 3, 1))?
            .contiguous()? // [B, 28, 28, stem]
            .broadcast_add(&self.stem_bias)?
            .relu()?;
        for block in &self.blocks {
            x = block.run(&x)?;
        }
        x.mean((1, 2)) // [B, pooled]
    }
}
