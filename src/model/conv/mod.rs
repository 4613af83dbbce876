//! The networks on the CPU: convolutions as one indirect matrix product each, by kernels of our own.
//!
//! | file | |
//! |---|---|
//! | `isa.rs` | which instructions are used |
//! | `kernel.rs`, `kernel8.rs` | the microkernels, f32 and 8 bits: the innermost loops |
//! | `layout.rs`, `pack.rs` | from layers to a program: places, tables, packed weights |
//! | `program.rs`, `simple.rs`, `network.rs` | runs it |
//! | `team.rs` | threads that share a run |
//! | `memory.rs` | alignment and large pages |
//! | `products.rs`, `outer.rs`, `passes.rs` | the same for training: a batch forth, and its slopes back |
//! | `rows.rs` | one row times a matrix, for the recurrent heads |
//!
//! Here: a convolution as it is read from a file, its batch norm folded in.

mod area;
pub mod isa;
mod kernel;
mod kernel8;
mod layout;
pub mod memory;
mod network;
mod outer;
mod pack;
pub mod passes;
pub mod products;
mod program;
mod rows;
mod simple;
mod team;

use super::weights::{Weights, WeightsError};
pub(super) use area::Area;
pub(super) use layout::Builder;
pub use network::{Network, Outputs};
pub(super) use rows::add_row_product;

/// A convolution with its batch norm folded in.
#[derive(Debug, Clone)]
pub struct Conv {
    /// Input channels.
    pub c_in: usize,
    /// Output channels.
    pub c_out: usize,
    /// Side of the kernel.
    pub kernel: usize,
    /// Step.
    pub stride: usize,
    /// Zeros around the input.
    pub pad: usize,
    /// `[c_out, c_in * kernel * kernel]`
    pub weight: Vec<f32>,
    /// `[c_out]`
    pub bias: Vec<f32>,
}

impl Conv {
    /// Reads `{name}.conv.weight` and `{name}.bn.*`.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn load(
        weights: &Weights,
        name: &str,
        (c_in, c_out): (usize, usize),
        (kernel, stride, pad): (usize, usize, usize),
    ) -> Result<Self, WeightsError> {
        let mut weight = weights.values(
            &format!("{name}.conv.weight"),
            &[c_out, c_in, kernel, kernel],
        )?;
        let (scale, bias) = weights.batch_norm(&format!("{name}.bn"), c_out)?;
        for (row, s) in weight.chunks_exact_mut(c_in * kernel * kernel).zip(&scale) {
            row.iter_mut().for_each(|w| *w *= s);
        }
        Ok(Self {
            c_in,
            c_out,
            kernel,
            stride,
            pad,
            weight,
            bias,
        })
    }

    /// A layer `[c_out, c_in]` over one pixel: a matrix and its bias.
    pub fn pointwise(c_in: usize, weight: Vec<f32>, bias: Vec<f32>) -> Self {
        Self {
            c_in,
            c_out: bias.len(),
            kernel: 1,
            stride: 1,
            pad: 0,
            weight,
            bias,
        }
    }

    /// Side of the output for a side of the input.
    pub fn out_side(&self, side: usize) -> usize {
        (side + 2 * self.pad - self.kernel) / self.stride + 1
    }

    /// Height and width of the output for an area.
    pub(super) fn out_size(&self, from: &Area) -> (usize, usize) {
        (self.out_side(from.height), self.out_side(from.width))
    }
}

#[cfg(test)]
mod tests;
