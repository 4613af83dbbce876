//! A convolution with its batch norm on the GPU, forth and back.

use std::ops::Range;

use cudarc::driver::CudaSlice;

use super::GpuBackboneError;
use super::block::Back;
use super::device::{Gpu, GpuError, Values};
use super::kernels::{Window, partial_len};
use super::norms::{Beside, NormAt};
use crate::train::net::store::Store;
use crate::train::net::unit::{EPSILON, MOMENTUM};

/// By which moments norms go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Norming {
    /// The batch's own, which move the running ones.
    Batch,
    /// The running ones.
    Settled,
}

/// Buffers that all layers share, one after the other.
pub(super) struct Scratch {
    /// What a convolution reads, laid out for one product.
    columns: Values,
    /// Sums of blocks.
    pub partial: Values,
}

/// How much of them the layers want.
#[derive(Default)]
pub(super) struct Wants {
    columns: usize,
    partial: usize,
}

impl Wants {
    /// Sums of so many rows and channels.
    pub fn partial(&mut self, rows: usize, channels: usize) {
        self.partial = self.partial.max(partial_len(rows, channels));
    }

    fn columns(&mut self, len: usize) {
        self.columns = self.columns.max(len);
    }

    /// Room for all that was asked for.
    pub fn scratch(&self, gpu: &Gpu) -> Result<Scratch, GpuError> {
        Ok(Scratch {
            columns: gpu.zeros(self.columns)?,
            partial: gpu.zeros(self.partial)?,
        })
    }
}

/// A convolution and its norm over a fixed batch.
pub(super) struct Unit {
    weight: Range<usize>,
    at: NormAt,
    window: Window,
    batch: usize,
    /// Channels that are stored of what it reads, and of what comes out.
    from: usize,
    to: usize,
    /// Before the norm, `[rows, to]`.
    y: Values,
    /// `[4, to]`
    norm: Values,
    /// `[3, to]`
    by: Values,
}

impl Unit {
    pub fn new(
        gpu: &Gpu,
        store: &Store,
        name: &str,
        (batch, from, to): (usize, usize, usize),
        window: Window,
        wants: &mut Wants,
    ) -> Result<Self, GpuBackboneError> {
        let at = |part: &str| store.range(&format!("{name}.{part}"));
        let begin = |part: &str| Ok::<_, GpuBackboneError>(at(part)?.start as u64);
        let rows = batch * window.to * window.to;
        if !window.is_plain() {
            wants.columns(rows * window.kernel * window.kernel * from);
        }
        wants.partial(rows, to);
        Ok(Self {
            weight: at("conv.weight")?,
            at: NormAt {
                scale: begin("bn.weight")?,
                shift: begin("bn.bias")?,
                mean: begin("bn.running_mean")?,
                var: begin("bn.running_var")?,
            },
            window,
            batch,
            from,
            to,
            y: gpu.zeros(rows * to)?,
            norm: gpu.zeros(4 * to)?,
            by: gpu.zeros(3 * to)?,
        })
    }

    /// Channels that come out, as they are stored.
    pub fn channels(&self) -> usize {
        self.to
    }

    /// Values that come out.
    pub fn len(&self) -> usize {
        self.rows() * self.to
    }

    /// Values that are read.
    pub fn read_len(&self) -> usize {
        self.batch * self.window.side * self.window.side * self.from
    }

    fn rows(&self) -> usize {
        self.batch * self.window.to * self.window.to
    }

    fn depth(&self) -> usize {
        self.window.kernel * self.window.kernel * self.from
    }

    /// Lays pictures out for [`Unit::forward_columns`].
    pub fn read_pictures(
        &self,
        gpu: &Gpu,
        pictures: (&CudaSlice<u8>, &Values),
        scratch: &mut Scratch,
    ) -> Result<(), GpuError> {
        gpu.picture_columns(
            pictures,
            (self.batch, self.from),
            &self.window,
            &mut scratch.columns,
        )
    }

    /// The convolution of what is laid out.
    pub fn forward_columns(
        &mut self,
        gpu: &Gpu,
        values: &Values,
        scratch: &mut Scratch,
    ) -> Result<(), GpuError> {
        let read = (&scratch.columns, self.rows(), self.depth());
        gpu.product(read, (values, self.weight.clone(), self.to), &mut self.y)
    }

    /// What its norm does to the values of this batch.
    pub fn norm(
        &mut self,
        gpu: &Gpu,
        values: &mut Values,
        scratch: &mut Scratch,
        by: Norming,
    ) -> Result<(), GpuError> {
        match by {
            Norming::Batch => gpu.norm_of_batch(
                &self.y,
                (self.rows(), self.to),
                (values, self.at),
                (MOMENTUM, EPSILON),
                (&mut scratch.partial, &mut self.norm),
            ),
            Norming::Settled => {
                gpu.norm_settled(self.to, (values, self.at), EPSILON, &mut self.norm)
            }
        }
    }

    /// The convolution of a batch, and its norm.
    pub fn forward(
        &mut self,
        gpu: &Gpu,
        values: &mut Values,
        from: &Values,
        scratch: &mut Scratch,
        by: Norming,
    ) -> Result<(), GpuError> {
        if self.window.is_plain() {
            let read = (from, self.rows(), self.depth());
            gpu.product(read, (values, self.weight.clone(), self.to), &mut self.y)?;
        } else {
            gpu.columns(
                from,
                (self.batch, self.from),
                &self.window,
                &mut scratch.columns,
            )?;
            self.forward_columns(gpu, values, scratch)?;
        }
        self.norm(gpu, values, scratch, by)
    }

    /// `max(0, norm(y) + beside)`.
    pub fn relu(&self, gpu: &Gpu, beside: Beside<'_>, out: &mut Values) -> Result<(), GpuError> {
        gpu.relu((&self.y, &self.norm), beside, (self.rows(), self.to), out)
    }

    /// It, as what is added to another.
    pub fn beside(&self) -> Beside<'_> {
        Beside::Norm(&self.y, &self.norm)
    }

    /// Slopes behind the norm (`relu`: and the ReLU after it) to slopes of what the norm reads.
    pub fn norm_back(
        &mut self,
        back: &mut Back<'_>,
        slopes: &Values,
        relu: bool,
        out: &mut Values,
    ) -> Result<(), GpuError> {
        let shape = (self.rows(), self.to);
        back.gpu.norm_sums_back(
            (slopes, &self.y, &self.norm),
            shape,
            relu,
            (back.values, self.at),
            (&mut back.scratch.partial, &mut self.by, back.grads),
        )?;
        let of = (slopes, &self.y, &self.norm, &self.by);
        back.gpu.norm_back(of, shape, relu, out)
    }

    /// The weight's slopes: `from` is what was read, `slopes` those of what the norm reads.
    pub fn weight_back(
        &self,
        back: &mut Back<'_>,
        from: &Values,
        slopes: &Values,
    ) -> Result<(), GpuError> {
        if self.window.is_plain() {
            let read = (from, self.rows(), self.depth());
            let weight = (&mut *back.grads, self.weight.clone());
            return back.gpu.product_weight(read, (slopes, self.to), weight);
        }
        let shape = (self.batch, self.from);
        back.gpu
            .columns(from, shape, &self.window, &mut back.scratch.columns)?;
        self.weight_back_columns(back, slopes)
    }

    /// The same, of what is laid out.
    pub fn weight_back_columns(
        &self,
        back: &mut Back<'_>,
        slopes: &Values,
    ) -> Result<(), GpuError> {
        let read = (&back.scratch.columns, self.rows(), self.depth());
        let weight = (&mut *back.grads, self.weight.clone());
        back.gpu.product_weight(read, (slopes, self.to), weight)
    }

    /// Slopes of what was read: written, or added to what is there (`onto`).
    pub fn back(
        &self,
        back: &mut Back<'_>,
        slopes: &Values,
        (out, onto): (&mut Values, bool),
    ) -> Result<(), GpuError> {
        let slopes = (slopes, self.rows(), self.to);
        let weight = (back.values, self.weight.clone(), self.depth());
        if self.window.is_plain() {
            return back.gpu.product_back(slopes, weight, (out, onto));
        }
        let columns = &mut back.scratch.columns;
        back.gpu.product_back(slopes, weight, (columns, false))?;
        let shape = (self.batch, self.from);
        back.gpu
            .columns_back(columns, shape, &self.window, (out, onto))
    }
}
