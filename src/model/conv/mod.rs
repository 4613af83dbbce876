//! Convolution on the CPU: image to columns, then one matrix product per layer, with nothing allocated per call.
//!
//! candle's own CPU convolution re-lays kernels and activations on every call; here weights are laid out once, batch
//! norm is folded into them, 1x1 layers read their input in place, and bias, residual and ReLU cost one pass.

pub mod isa;
mod kernel;
mod kernel8;
mod layout;
mod memory;
mod program;
mod team;

use super::weights::{Weights, WeightsError};
pub(super) use layout::{Area, Builder};
pub use program::{Network, Outputs};

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

/// Where a layer's output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Onto {
    /// Over whatever was there, the bias first.
    Fresh,
    /// On top of what is there: a residual, or the other branch's output.
    Add,
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

    /// Runs it on one picture `x: [c_in, h, w]`, into `out: [c_out, oh, ow]`; `columns` is scratch.
    pub fn run(
        &self,
        x: &[f32],
        (h, w): (usize, usize),
        columns: &mut Vec<f32>,
        out: &mut Vec<f32>,
        onto: Onto,
    ) {
        let (oh, ow) = (self.out_side(h), self.out_side(w));
        let pixels = oh * ow;
        let depth = self.c_in * self.kernel * self.kernel;
        debug_assert_eq!(x.len(), self.c_in * h * w);
        match onto {
            Onto::Fresh => {
                out.clear();
                out.reserve(self.c_out * pixels);
                for bias in &self.bias {
                    out.resize(out.len() + pixels, *bias);
                }
            }
            Onto::Add => {
                for (row, bias) in out.chunks_exact_mut(pixels).zip(&self.bias) {
                    row.iter_mut().for_each(|v| *v += bias);
                }
            }
        }
        if self.kernel == 1 && self.stride == 1 && self.pad == 0 {
            add_product(&self.weight, x, out, (self.c_out, depth, pixels));
        } else {
            self.columns(x, (h, w), (oh, ow), columns);
            add_product(&self.weight, columns, out, (self.c_out, depth, pixels));
        }
    }

    /// Writes the input as a matrix `[c_in * kernel * kernel, oh * ow]`.
    fn columns(
        &self,
        x: &[f32],
        (h, w): (usize, usize),
        (oh, ow): (usize, usize),
        columns: &mut Vec<f32>,
    ) {
        columns.clear();
        columns.resize(self.c_in * self.kernel * self.kernel * oh * ow, 0.0);
        let mut rows = columns.chunks_exact_mut(ow);
        for channel in x.chunks_exact(h * w) {
            for ky in 0..self.kernel {
                for kx in 0..self.kernel {
                    // The output columns whose input column x0 = ox * stride + kx - pad lies in the picture.
                    let first = self.pad.saturating_sub(kx).div_ceil(self.stride).min(ow);
                    let end = if w + self.pad > kx {
                        ((w + self.pad - kx - 1) / self.stride + 1).min(ow)
                    } else {
                        0
                    };
                    for oy in 0..oh {
                        let Some(row) = rows.next() else { return };
                        let y = oy * self.stride + ky;
                        if y < self.pad || y - self.pad >= h || first >= end {
                            continue;
                        }
                        let line = &channel[(y - self.pad) * w..][..w];
                        let from = first * self.stride + kx - self.pad;
                        if self.stride == 1 {
                            row[first..end].copy_from_slice(&line[from..from + end - first]);
                        } else {
                            for (to, value) in row[first..end]
                                .iter_mut()
                                .zip(line[from..].iter().step_by(self.stride))
                            {
                                *to = *value;
                            }
                        }
                    }
                }
            }
        }
    }
}

/// `max(x, 0)` in place.
pub fn relu(x: &mut [f32]) {
    x.iter_mut().for_each(|v| *v = v.max(0.0));
}

/// Max pool 3x3 step 2, no padding, ceil mode: `x [c, h, w]` to `out [c, oh, ow]`. Returns `(oh, ow)`.
pub fn max_pool_ceil(x: &[f32], (h, w): (usize, usize), out: &mut Vec<f32>) -> (usize, usize) {
    let (oh, ow) = (pooled_side(h), pooled_side(w));
    out.clear();
    for channel in x.chunks_exact(h * w) {
        for oy in 0..oh {
            let rows = &channel[2 * oy * w..(2 * oy + 3).min(h) * w];
            for ox in 0..ow {
                let (from, to) = (2 * ox, (2 * ox + 3).min(w));
                let best = rows
                    .chunks_exact(w)
                    .flat_map(|row| &row[from..to])
                    .fold(f32::NEG_INFINITY, |a, &b| a.max(b));
                out.push(best);
            }
        }
    }
    (oh, ow)
}

/// Side of [`max_pool_ceil`]'s output; a window must begin inside the picture.
pub fn pooled_side(side: usize) -> usize {
    side.saturating_sub(3).div_ceil(2) + 1
}

/// `out [m, n] += a [m, k] * b [k, n]`, all row-major, on the calling thread.
#[allow(unsafe_code)]
pub fn add_product(a: &[f32], b: &[f32], out: &mut [f32], (m, k, n): (usize, usize, usize)) {
    assert!(a.len() == m * k && b.len() == k * n && out.len() == m * n);
    // SAFETY: the lengths are those of the three matrices (checked above), the strides are theirs, and `out` is
    // borrowed exclusively; gemm reads and writes nothing else.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.as_mut_ptr(),
            1,
            n as isize,
            true,
            a.as_ptr(),
            1,
            k as isize,
            b.as_ptr(),
            1,
            n as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition, one product at a time.
    fn naive(conv: &Conv, x: &[f32], (h, w): (usize, usize)) -> Vec<f32> {
        let (oh, ow) = (conv.out_side(h), conv.out_side(w));
        let mut out = Vec::new();
        for o in 0..conv.c_out {
            for oy in 0..oh {
                for ox in 0..ow {
                    let mut sum = conv.bias[o];
                    for c in 0..conv.c_in {
                        for ky in 0..conv.kernel {
                            for kx in 0..conv.kernel {
                                let y = (oy * conv.stride + ky).wrapping_sub(conv.pad);
                                let x0 = (ox * conv.stride + kx).wrapping_sub(conv.pad);
                                if y < h && x0 < w {
                                    let k = conv.kernel;
                                    sum += conv.weight[((o * conv.c_in + c) * k + ky) * k + kx]
                                        * x[(c * h + y) * w + x0];
                                }
                            }
                        }
                    }
                    out.push(sum);
                }
            }
        }
        out
    }

    #[test]
    fn agrees_with_the_definition_on_odd_sizes() {
        let (mut columns, mut out) = (Vec::new(), Vec::new());
        for (kernel, stride, pad) in [(1, 1, 0), (1, 2, 0), (3, 1, 1), (3, 2, 1), (7, 2, 3)] {
            for (h, w) in [(7, 7), (8, 5), (13, 10), (9, 23)] {
                let conv = Conv {
                    c_in: 3,
                    c_out: 5,
                    kernel,
                    stride,
                    pad,
                    weight: (0..5 * 3 * kernel * kernel)
                        .map(|i| ((i * 37 % 23) as f32 - 11.0) / 9.0)
                        .collect(),
                    bias: vec![0.5, -1.0, 0.0, 2.0, 0.25],
                };
                let x: Vec<f32> = (0..3 * h * w)
                    .map(|i| ((i * 29 % 31) as f32 - 15.0) / 7.0)
                    .collect();
                conv.run(&x, (h, w), &mut columns, &mut out, Onto::Fresh);
                let wanted = naive(&conv, &x, (h, w));
                assert_eq!(out.len(), wanted.len());
                for (a, b) in out.iter().zip(&wanted) {
                    assert!(
                        (a - b).abs() < 1e-4,
                        "{kernel}/{stride} on {h}x{w}: {a} {b}"
                    );
                }
                let once = out.clone();
                conv.run(&x, (h, w), &mut columns, &mut out, Onto::Add);
                for (a, b) in out.iter().zip(&once) {
                    assert!((a - 2.0 * b).abs() < 1e-4);
                }
            }
        }
    }

    #[test]
    fn the_pool_is_in_ceil_mode_without_padding() {
        let mut out = Vec::new();
        let x: Vec<f32> = (0..16).map(|v| v as f32).collect();
        assert_eq!(max_pool_ceil(&x, (4, 4), &mut out), (2, 2));
        assert_eq!(out, [10.0, 11.0, 14.0, 15.0]);
        assert_eq!(pooled_side(56), 28);
        assert_eq!(pooled_side(5), 2);
    }
}
