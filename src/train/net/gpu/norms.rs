//! Calls of the kernels around norms: each checks that its buffers are as long as the kernel reads and writes.

// A kernel is called with bare pointers and lengths; which they are is decided here alone, by the asserts before each call.
#![allow(unsafe_code)]

use std::ops::Range;

use cudarc::driver::PushKernelArg;

use super::device::{Gpu, GpuError, Values, failed};
use super::kernels::{TILE, call, each, sum_blocks, tiles};

/// Where a norm's tensors begin among the network's values.
#[derive(Debug, Clone, Copy)]
pub struct NormAt {
    /// Scale.
    pub scale: u64,
    /// Shift.
    pub shift: u64,
    /// Running mean.
    pub mean: u64,
    /// Running variance.
    pub var: u64,
}

/// What follows a norm.
#[derive(Debug, Clone, Copy)]
pub enum Beside<'a> {
    /// Nothing is added.
    Nothing,
    /// These values are added.
    Values(&'a Values),
    /// Another convolution's, by its norm: what it reads, then its figures.
    Norm(&'a Values, &'a Values),
}

impl Gpu {
    /// The norm of a batch, `y [rows, channels]`, into `norm [4, channels]`; the running moments in `values` move.
    pub fn norm_of_batch(
        &self,
        y: &Values,
        (rows, channels): (usize, usize),
        (values, at): (&mut Values, NormAt),
        (momentum, epsilon): (f32, f64),
        (partial, norm): (&mut Values, &mut Values),
    ) -> Result<(), GpuError> {
        let blocks = sum_blocks(rows);
        check_norm(values, at, channels);
        assert!(
            y.len() >= rows * channels
                && norm.len() >= 4 * channels
                && partial.len() >= 2 * blocks * channels
        );
        let (long, wide) = (rows as u64, channels as i32);
        call!(
            self,
            moments,
            tiles(channels, blocks),
            y,
            &*values,
            &at.mean,
            &mut *partial,
            &long,
            &wide
        );
        call!(
            self,
            settle,
            tiles(channels, 1),
            &*partial,
            &(blocks as i32),
            values,
            &at.scale,
            &at.shift,
            &at.mean,
            &at.var,
            norm,
            &long,
            &wide,
            &momentum,
            &epsilon,
        );
        Ok(())
    }

    /// The norm by the running moments, into `norm [4, channels]`.
    pub fn norm_settled(
        &self,
        channels: usize,
        (values, at): (&Values, NormAt),
        epsilon: f64,
        norm: &mut Values,
    ) -> Result<(), GpuError> {
        check_norm(values, at, channels);
        assert!(norm.len() >= 4 * channels);
        call!(
            self,
            settled,
            each(channels),
            values,
            &at.scale,
            &at.shift,
            &at.mean,
            &at.var,
            norm,
            &(channels as u64),
            &epsilon,
        );
        Ok(())
    }

    /// `max(0, norm(y) + beside)`.
    pub fn relu(
        &self,
        (y, norm): (&Values, &Values),
        beside: Beside<'_>,
        (rows, channels): (usize, usize),
        out: &mut Values,
    ) -> Result<(), GpuError> {
        let (n, quads) = (rows * channels / 4, channels as i32 / 4);
        let long_enough = |values: &Values| values.len() >= rows * channels;
        assert!(
            long_enough(y)
                && long_enough(out)
                && norm.len() >= 4 * channels
                && channels.is_multiple_of(4)
        );
        match beside {
            Beside::Nothing => call!(self, norm_relu, each(n), y, norm, out, &(n as u64), &quads),
            Beside::Values(beside) => {
                assert!(long_enough(beside));
                call!(
                    self,
                    norm_add_relu,
                    each(n),
                    y,
                    norm,
                    beside,
                    out,
                    &(n as u64),
                    &quads
                );
            }
            Beside::Norm(other, other_norm) => {
                assert!(long_enough(other) && other_norm.len() >= 4 * channels);
                call!(
                    self,
                    norm_both_relu,
                    each(n),
                    y,
                    norm,
                    other,
                    other_norm,
                    out,
                    &(n as u64),
                    &quads
                );
            }
        }
        Ok(())
    }

    /// `norm(y)`.
    pub fn normed(
        &self,
        (y, norm): (&Values, &Values),
        (rows, channels): (usize, usize),
        out: &mut Values,
    ) -> Result<(), GpuError> {
        let (n, quads) = (rows * channels / 4, channels as i32 / 4);
        assert!(y.len() >= rows * channels && out.len() >= rows * channels);
        assert!(norm.len() >= 4 * channels && channels.is_multiple_of(4));
        call!(self, norm_plain, each(n), y, norm, out, &(n as u64), &quads);
        Ok(())
    }

    /// Adds a layer's bias to each row, `y [rows, to]`, and what is below 0 becomes 0 (`relu`).
    pub fn add_bias(
        &self,
        (values, bias): (&Values, &Range<usize>),
        rows: usize,
        relu: bool,
        y: &mut Values,
    ) -> Result<(), GpuError> {
        let n = rows * bias.len();
        assert!(bias.end <= values.len() && y.len() >= n);
        let (begin, width) = (bias.start as u64, bias.len() as i32);
        call!(
            self,
            bias,
            each(n),
            y,
            values,
            &begin,
            &(n as u64),
            &width,
            &i32::from(relu)
        );
        Ok(())
    }

    /// The bias's slopes, sums of `slopes [rows, to]`: written to `grads`.
    pub fn bias_back(
        &self,
        (slopes, rows): (&Values, usize),
        (grads, bias): (&mut Values, &Range<usize>),
    ) -> Result<(), GpuError> {
        let n = bias.len();
        assert!(slopes.len() >= rows * n && bias.end <= grads.len());
        let begin = bias.start as u64;
        call!(
            self,
            bias_back,
            each(n),
            slopes,
            grads,
            &begin,
            &(n as u64),
            &(rows as i32)
        );
        Ok(())
    }

    /// Slopes become 0 where nothing came out.
    pub fn mask(&self, out: &Values, len: usize, slopes: &mut Values) -> Result<(), GpuError> {
        assert!(out.len() >= len && slopes.len() >= len && len.is_multiple_of(4));
        call!(self, mask, each(len / 4), out, slopes, &(len as u64 / 4));
        Ok(())
    }

    /// Sums of slopes behind a norm (`relu`: and a ReLU after it), from which `by [3, channels]` is made; slopes of scale
    /// and shift are added to `grads`.
    pub fn norm_sums_back(
        &self,
        (slopes, y, norm): (&Values, &Values, &Values),
        (rows, channels): (usize, usize),
        relu: bool,
        (values, at): (&Values, NormAt),
        (partial, by, grads): (&mut Values, &mut Values, &mut Values),
    ) -> Result<(), GpuError> {
        let blocks = sum_blocks(rows);
        check_norm(values, at, channels);
        assert!(
            slopes.len() >= rows * channels
                && y.len() >= rows * channels
                && norm.len() >= 4 * channels
        );
        assert!(partial.len() >= 2 * blocks * channels && by.len() >= 3 * channels);
        assert!(grads.len() as u64 >= at.scale.max(at.shift) + channels as u64);
        let (long, wide) = (rows as u64, channels as i32);
        call!(
            self,
            slope_sums,
            tiles(channels, blocks),
            slopes,
            y,
            norm,
            &mut *partial,
            &long,
            &wide,
            &i32::from(relu),
        );
        call!(
            self,
            settle_back,
            tiles(channels, 1),
            &*partial,
            &(blocks as i32),
            values,
            &at.scale,
            &at.shift,
            norm,
            by,
            grads,
            &long,
            &wide,
        );
        Ok(())
    }

    /// Slopes behind a norm become those of what it reads, by [`Gpu::norm_sums_back`], in another buffer.
    pub fn norm_back(
        &self,
        (slopes, y, norm, by): (&Values, &Values, &Values, &Values),
        (rows, channels): (usize, usize),
        relu: bool,
        out: &mut Values,
    ) -> Result<(), GpuError> {
        let len = rows * channels;
        assert!(
            slopes.len() >= len && y.len() >= len && out.len() >= len && channels.is_multiple_of(4)
        );
        assert!(norm.len() >= 4 * channels && by.len() >= 3 * channels);
        let (n, quads) = (len / 4, channels as i32 / 4);
        call!(
            self,
            slopes_back,
            each(n),
            slopes,
            y,
            norm,
            by,
            out,
            &(n as u64),
            &quads,
            &i32::from(relu)
        );
        Ok(())
    }
}

fn check_norm(values: &Values, at: NormAt, channels: usize) {
    assert!(channels.is_multiple_of(TILE.0 as usize));
    for begin in [at.scale, at.shift, at.mean, at.var] {
        assert!(values.len() as u64 >= begin + channels as u64);
    }
}
