//! An NVIDIA GPU by its driver, cuBLAS and NVRTC, which are looked for when they are wanted: nothing of them is needed to
//! build the program, or to run it without.
//!
//! This is the file that calls kernels: each call checks that its buffers are as long as the kernel reads and writes.

// A kernel is called with bare pointers and lengths; which they are is decided here alone, by the asserts before each call.
#![allow(unsafe_code)]

use std::ops::Range;
use std::sync::Arc;

use cudarc::cublas::{CudaBlas, Gemm, GemmConfig, sys};
use cudarc::driver::{
    CudaContext, CudaFunction, CudaSlice, CudaStream, CudaView, LaunchConfig, PinnedHostSlice,
    PushKernelArg,
};
use cudarc::nvrtc::compile_ptx;
use rayon::prelude::*;

/// What is compiled for the GPU that is there.
const SOURCE: &str = include_str!("kernels.cu");
/// Threads of a block where each has one piece of work.
const THREADS: u32 = 256;
/// Channels and rows that a block takes where it adds up.
const TILE: (u32, u32) = (32, 8);
/// The most blocks that share the rows of a sum, and the fewest rows that each lane of them is to have.
const SUM_BLOCKS: usize = 512;
const SUM_ROWS: usize = 16;
/// Values that one thread copies at a time.
const COPY: usize = 1 << 18;

/// Values on the GPU.
pub type Values = CudaSlice<f32>;

/// Why the GPU is of no use; the text says what to do.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct GpuError(String);

fn failed(what: &str) -> impl Fn(&dyn std::fmt::Display) -> GpuError + '_ {
    move |e| GpuError(format!("the GPU failed ({what}: {e})"))
}

macro_rules! kernels {
    ($($name:ident),* $(,)?) => {
        struct Kernels { $($name: CudaFunction),* }

        impl Kernels {
            fn load(context: &Arc<CudaContext>) -> Result<Self, GpuError> {
                let code = compile_ptx(SOURCE).map_err(|e| failed("compiling its kernels")(&e))?;
                let module = context.load_module(code).map_err(|e| failed("loading its kernels")(&e))?;
                let load = |name: &str| module.load_function(name).map_err(|e| failed(name)(&e));
                Ok(Self { $($name: load(stringify!($name))?),* })
            }
        }
    };
}

kernels!(
    picture_columns,
    columns,
    columns_back,
    moments,
    settle,
    settled,
    norm_relu,
    norm_add_relu,
    norm_both_relu,
    mask,
    slope_sums,
    settle_back,
    slopes_back,
    pool,
    pool_back,
    average,
    average_back,
    norm_plain,
    bias,
    bias_back,
    add,
);

/// How exact products are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Products {
    /// Factors are rounded to TF32, of 10 bits, where the GPU has it, and sums are f32: as PyTorch's convolutions are.
    Tf32,
    /// All is f32.
    F32,
}

/// The GPU.
pub struct Gpu {
    stream: Arc<CudaStream>,
    blas: CudaBlas,
    kernels: Kernels,
    name: String,
}

/// Calls a kernel; what it is called with was checked by who calls it.
macro_rules! call {
    ($gpu:expr, $kernel:ident, $shape:expr, $($arg:expr),+ $(,)?) => {{
        let gpu: &Gpu = $gpu;
        let stream = &gpu.stream;
        // SAFETY: the arguments are the kernel's, in its order, and no buffer is shorter than it goes.
        unsafe { stream.launch_builder(&gpu.kernels.$kernel)$(.arg($arg))+.launch($shape) }
            .map_err(|e| failed(stringify!($kernel))(&e))?;
    }};
}

/// A thread for each piece of work.
fn each(count: usize) -> LaunchConfig {
    LaunchConfig {
        grid_dim: ((count as u64).div_ceil(THREADS.into()) as u32, 1, 1),
        block_dim: (THREADS, 1, 1),
        shared_mem_bytes: 0,
    }
}

/// Blocks that share the rows of a sum.
fn sum_blocks(rows: usize) -> usize {
    rows.div_ceil(TILE.1 as usize * SUM_ROWS)
        .clamp(1, SUM_BLOCKS)
}

fn tiles(channels: usize, blocks: usize) -> LaunchConfig {
    LaunchConfig {
        grid_dim: (channels as u32 / TILE.0, blocks as u32, 1),
        block_dim: (TILE.0, TILE.1, 1),
        shared_mem_bytes: 0,
    }
}

/// Where a convolution reads.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Side of what is read.
    pub side: usize,
    /// Side of what comes out.
    pub to: usize,
    /// Side of the kernel.
    pub kernel: usize,
    /// Its step.
    pub step: usize,
    /// Zeros around the picture.
    pub pad: usize,
}

impl Window {
    /// Whether it reads just the pixel that it writes.
    pub fn is_plain(&self) -> bool {
        self.kernel == 1 && self.step == 1
    }

    fn taps(&self) -> usize {
        self.kernel * self.kernel
    }

    fn numbers(&self) -> [i32; 5] {
        [self.side, self.to, self.kernel, self.step, self.pad].map(|n| n as i32)
    }
}

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
    /// The first NVIDIA GPU.
    ///
    /// # Errors
    /// When there is none, its libraries are not there, or it cannot be used; the text says which.
    pub fn open(products: Products) -> Result<Arc<Self>, GpuError> {
        let missing = |what: &str, where_from: &str| {
            GpuError(format!(
                "{what} is not there; {where_from}, or use --device cpu."
            ))
        };
        // SAFETY: opens and closes the libraries, as the loader does.
        let there = unsafe {
            [
                cudarc::driver::sys::is_culib_present(),
                sys::is_culib_present(),
                cudarc::nvrtc::sys::is_culib_present(),
            ]
        };
        if !there[0] {
            return Err(missing("NVIDIA's driver", "install it"));
        }
        if !there[1] || !there[2] {
            let what = if there[1] {
                "NVIDIA's NVRTC"
            } else {
                "NVIDIA's cuBLAS"
            };
            return Err(missing(
                what,
                "install the CUDA toolkit (12 or 13), or put the folder of its libraries in LD_LIBRARY_PATH",
            ));
        }
        let context = CudaContext::new(0).map_err(|e| failed("opening it")(&e))?;
        let name = context.name().map_err(|e| failed("its name")(&e))?;
        let stream = context.default_stream();
        let blas = CudaBlas::new(stream.clone()).map_err(|e| failed("cuBLAS")(&e))?;
        let mode = match products {
            Products::Tf32 => sys::cublasMath_t::CUBLAS_TF32_TENSOR_OP_MATH,
            Products::F32 => sys::cublasMath_t::CUBLAS_PEDANTIC_MATH,
        };
        // SAFETY: the handle is alive.
        unsafe { sys::cublasSetMathMode(*blas.handle(), mode) }
            .result()
            .map_err(|e| failed("cuBLAS")(&e))?;
        Ok(Arc::new(Self {
            kernels: Kernels::load(&context)?,
            stream,
            blas,
            name,
        }))
    }

    /// Its name, by the driver.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// So many zeros.
    ///
    /// # Errors
    /// When its memory is full.
    pub fn zeros(&self, len: usize) -> Result<Values, GpuError> {
        self.stream.alloc_zeros(len).map_err(|e| {
            GpuError(format!(
                "the GPU has no room for {:.0} MiB more ({e}). Give a smaller `batch` in the config, or use --device cpu.",
                len as f64 * 4.0 / f64::from(1 << 20)
            ))
        })
    }

    /// Bytes, anew.
    ///
    /// # Errors
    /// When its memory is full.
    pub fn bytes(&self, bytes: &[u8]) -> Result<CudaSlice<u8>, GpuError> {
        self.stream
            .clone_htod(bytes)
            .map_err(|e| failed("copying")(&e))
    }

    /// Some values to the beginning of a buffer.
    ///
    /// # Errors
    /// The driver's.
    pub fn set(&self, values: &[f32], to: &mut Values) -> Result<(), GpuError> {
        self.stream
            .memcpy_htod(values, to)
            .map_err(|e| failed("copying")(&e))
    }

    /// Some of a buffer's values.
    ///
    /// # Errors
    /// The driver's, for whatever was asked of the GPU before, too.
    pub fn get(&self, from: &Values, range: Range<usize>, to: &mut [f32]) -> Result<(), GpuError> {
        assert_eq!(range.len(), to.len());
        self.stream
            .memcpy_dtoh(&from.slice(range), to)
            .and_then(|()| self.stream.synchronize())
            .map_err(|e| failed("copying back")(&e))
    }

    /// Makes all of a buffer zero.
    ///
    /// # Errors
    /// The driver's.
    pub fn clear(&self, values: &mut Values) -> Result<(), GpuError> {
        self.stream
            .memset_zeros(values)
            .map_err(|e| failed("clearing")(&e))
    }

    /// `out [rows, to] = x [rows, depth] W [depth, to]`, with `W` somewhere in `values`.
    pub fn product(
        &self,
        (x, rows, depth): (&Values, usize, usize),
        (values, weight, to): (&Values, Range<usize>, usize),
        out: &mut Values,
    ) -> Result<(), GpuError> {
        assert!(x.len() >= rows * depth && weight.len() == depth * to && out.len() >= rows * to);
        // cuBLAS counts by columns: what lies by rows is the transposed, and products change sides.
        let by = config((false, false), [to, rows, depth], [to, depth, to], 0.0);
        self.gemm(by, &values.slice(weight), &x.as_view(), out, 0..rows * to)
    }

    /// `dW [depth, to] = x' [depth, rows] dy [rows, to]`, somewhere in `grads`.
    pub fn product_weight(
        &self,
        (x, rows, depth): (&Values, usize, usize),
        (slopes, to): (&Values, usize),
        (grads, weight): (&mut Values, Range<usize>),
    ) -> Result<(), GpuError> {
        assert!(x.len() >= rows * depth && slopes.len() >= rows * to && weight.len() == depth * to);
        let by = config((false, true), [to, depth, rows], [to, depth, to], 0.0);
        self.gemm(by, &slopes.as_view(), &x.as_view(), grads, weight)
    }

    /// `dx [rows, depth] = dy [rows, to] W' [to, depth]`, or added to what is there (`onto`).
    pub fn product_back(
        &self,
        (slopes, rows, to): (&Values, usize, usize),
        (values, weight, depth): (&Values, Range<usize>, usize),
        (out, onto): (&mut Values, bool),
    ) -> Result<(), GpuError> {
        assert!(
            slopes.len() >= rows * to && weight.len() == depth * to && out.len() >= rows * depth
        );
        let beta = if onto { 1.0 } else { 0.0 };
        let by = config((true, false), [depth, rows, to], [to, to, depth], beta);
        self.gemm(
            by,
            &values.slice(weight),
            &slopes.as_view(),
            out,
            0..rows * depth,
        )
    }

    fn gemm(
        &self,
        by: GemmConfig<f32>,
        a: &CudaView<'_, f32>,
        b: &CudaView<'_, f32>,
        out: &mut Values,
        range: Range<usize>,
    ) -> Result<(), GpuError> {
        // SAFETY: both factors and the product are as large as the three callers checked.
        unsafe { self.blas.gemm(by, a, b, &mut out.slice_mut(range)) }
            .map_err(|e| failed("a product")(&e))
    }

    /// What the first convolution reads of `pictures` pictures, `out [rows, taps * channels]`; `levels [channels, 256]`.
    pub fn picture_columns(
        &self,
        (pixels, levels): (&CudaSlice<u8>, &Values),
        (pictures, channels): (usize, usize),
        window: &Window,
        out: &mut Values,
    ) -> Result<(), GpuError> {
        let n = pictures * window.to * window.to * window.taps() * channels;
        assert!(pixels.len() == pictures * window.side * window.side * channels);
        assert!(levels.len() == channels * 256 && out.len() >= n);
        let [side, to, kernel, step, pad] = window.numbers();
        call!(
            self,
            picture_columns,
            each(n),
            pixels,
            levels,
            out,
            &(n as u64),
            &side,
            &to,
            &(channels as i32),
            &kernel,
            &step,
            &pad,
        );
        Ok(())
    }

    /// What a convolution reads: `from [pictures, side, side, channels]` to `out [rows, taps, channels]`.
    pub fn columns(
        &self,
        from: &Values,
        (pictures, channels): (usize, usize),
        window: &Window,
        out: &mut Values,
    ) -> Result<(), GpuError> {
        let n = pictures * window.to * window.to * window.taps() * channels;
        assert!(channels.is_multiple_of(4) && out.len() >= n);
        assert!(from.len() >= pictures * window.side * window.side * channels);
        let [side, to, kernel, step, pad] = window.numbers();
        let (n, quads) = (n / 4, channels as i32 / 4);
        call!(
            self,
            columns,
            each(n),
            from,
            out,
            &(n as u64),
            &side,
            &to,
            &quads,
            &kernel,
            &step,
            &pad
        );
        Ok(())
    }

    /// Slopes of [`Gpu::columns`] back to what was read: written, or added to what is there (`onto`).
    pub fn columns_back(
        &self,
        slopes: &Values,
        (pictures, channels): (usize, usize),
        window: &Window,
        (out, onto): (&mut Values, bool),
    ) -> Result<(), GpuError> {
        let n = pictures * window.side * window.side * channels;
        assert!(channels.is_multiple_of(4) && out.len() >= n);
        assert!(slopes.len() >= pictures * window.to * window.to * window.taps() * channels);
        let [side, to, kernel, step, pad] = window.numbers();
        let (n, quads) = (n / 4, channels as i32 / 4);
        call!(
            self,
            columns_back,
            each(n),
            slopes,
            out,
            &(n as u64),
            &side,
            &to,
            &quads,
            &kernel,
            &step,
            &pad,
            &i32::from(onto),
        );
        Ok(())
    }

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

    /// A full layer, `out [rows, to] = x [rows, from] W' + b` with `W [to, from]`, and the ReLU after it (`relu`).
    pub fn layer(
        &self,
        (x, rows, from): (&Values, usize, usize),
        (values, [weight, bias], to): (&Values, &[Range<usize>; 2], usize),
        relu: bool,
        out: &mut Values,
    ) -> Result<(), GpuError> {
        assert!(x.len() >= rows * from && weight.len() == from * to && out.len() >= rows * to);
        assert!(bias.len() == to && bias.end <= values.len());
        let by = config((true, false), [to, rows, from], [from, from, to], 0.0);
        self.gemm(
            by,
            &values.slice(weight.clone()),
            &x.as_view(),
            out,
            0..rows * to,
        )?;
        let n = rows * to;
        call!(
            self,
            bias,
            each(n),
            out,
            values,
            &(bias.start as u64),
            &(n as u64),
            &(to as i32),
            &i32::from(relu),
        );
        Ok(())
    }

    /// Slopes of a layer's weight and bias, from those of what came out: written to `grads`.
    pub fn layer_weights_back(
        &self,
        (x, rows, from): (&Values, usize, usize),
        (slopes, to): (&Values, usize),
        (grads, [weight, bias]): (&mut Values, &[Range<usize>; 2]),
    ) -> Result<(), GpuError> {
        assert!(x.len() >= rows * from && slopes.len() >= rows * to && weight.len() == from * to);
        assert!(bias.len() == to && bias.end <= grads.len());
        let by = config((false, true), [from, to, rows], [from, to, from], 0.0);
        self.gemm(by, &x.as_view(), &slopes.as_view(), grads, weight.clone())?;
        call!(
            self,
            bias_back,
            each(to),
            slopes,
            grads,
            &(bias.start as u64),
            &(to as u64),
            &(rows as i32),
        );
        Ok(())
    }

    /// Slopes of what a layer reads, from those of what came out.
    pub fn layer_back(
        &self,
        (slopes, rows, to): (&Values, usize, usize),
        (values, weight, from): (&Values, &Range<usize>, usize),
        out: &mut Values,
    ) -> Result<(), GpuError> {
        assert!(slopes.len() >= rows * to && weight.len() == from * to && out.len() >= rows * from);
        let by = config((false, false), [from, rows, to], [from, to, from], 0.0);
        self.gemm(
            by,
            &values.slice(weight.clone()),
            &slopes.as_view(),
            out,
            0..rows * from,
        )
    }

    /// Adds values to others.
    pub fn add(&self, from: &Values, len: usize, to: &mut Values) -> Result<(), GpuError> {
        assert!(from.len() >= len && to.len() >= len);
        call!(self, add, each(len), from, to, &(len as u64));
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

    /// Max pool 3x3 step 2 in ceil mode: `[pictures, side, side, channels]` to `[pictures, to, to, channels]`.
    pub fn pool(
        &self,
        from: &Values,
        (pictures, side, to, channels): (usize, usize, usize, usize),
        out: &mut Values,
    ) -> Result<(), GpuError> {
        let n = pictures * to * to * channels;
        assert!(from.len() >= pictures * side * side * channels && out.len() >= n);
        call!(
            self,
            pool,
            each(n),
            from,
            out,
            &(n as u64),
            &(side as i32),
            &(to as i32),
            &(channels as i32),
        );
        Ok(())
    }

    /// Slopes of [`Gpu::pool`] back.
    pub fn pool_back(
        &self,
        (from, slopes): (&Values, &Values),
        (pictures, side, to, channels): (usize, usize, usize, usize),
        out: &mut Values,
    ) -> Result<(), GpuError> {
        let n = pictures * side * side * channels;
        assert!(from.len() >= n && slopes.len() >= pictures * to * to * channels && out.len() >= n);
        call!(
            self,
            pool_back,
            each(n),
            from,
            slopes,
            out,
            &(n as u64),
            &(side as i32),
            &(to as i32),
            &(channels as i32),
        );
        Ok(())
    }

    /// Means over the pixels of each picture: `[pictures, pixels, channels]` to `[pictures, kept]`.
    pub fn average(
        &self,
        from: &Values,
        (pictures, pixels, channels, kept): (usize, usize, usize, usize),
        out: &mut Values,
    ) -> Result<(), GpuError> {
        let n = pictures * kept;
        assert!(from.len() >= pictures * pixels * channels && out.len() >= n && kept <= channels);
        let shape = [pixels, channels, kept].map(|n| n as i32);
        call!(
            self,
            average,
            each(n),
            from,
            out,
            &(n as u64),
            &shape[0],
            &shape[1],
            &shape[2]
        );
        Ok(())
    }

    /// Slopes of [`Gpu::average`] back.
    pub fn average_back(
        &self,
        slopes: &Values,
        (pictures, pixels, channels, kept): (usize, usize, usize, usize),
        out: &mut Values,
    ) -> Result<(), GpuError> {
        let n = pictures * pixels * channels;
        assert!(slopes.len() >= pictures * kept && out.len() >= n && kept <= channels);
        let shape = [pixels, channels, kept].map(|n| n as i32);
        call!(
            self,
            average_back,
            each(n),
            slopes,
            out,
            &(n as u64),
            &shape[0],
            &shape[1],
            &shape[2]
        );
        Ok(())
    }
}

/// Room for the sums of a layer of so many rows and channels.
pub fn partial_len(rows: usize, channels: usize) -> usize {
    2 * sum_blocks(rows) * channels
}

fn check_norm(values: &Values, at: NormAt, channels: usize) {
    assert!(channels.is_multiple_of(TILE.0 as usize));
    for begin in [at.scale, at.shift, at.mean, at.var] {
        assert!(values.len() as u64 >= begin + channels as u64);
    }
}

/// A product for cuBLAS: what is transposed, `m, n, k`, and the leading sides.
fn config(
    transposed: (bool, bool),
    [m, n, k]: [usize; 3],
    ld: [usize; 3],
    beta: f32,
) -> GemmConfig<f32> {
    let op = |transposed| {
        if transposed {
            sys::cublasOperation_t::CUBLAS_OP_T
        } else {
            sys::cublasOperation_t::CUBLAS_OP_N
        }
    };
    let [m, n, k] = [m, n, k].map(|n| n as i32);
    let [lda, ldb, ldc] = ld.map(|n| n as i32);
    GemmConfig {
        transa: op(transposed.0),
        transb: op(transposed.1),
        m,
        n,
        k,
        alpha: 1.0,
        lda,
        ldb,
        beta,
        ldc,
    }
}

/// Memory of the computer that the GPU reads and writes by itself.
pub struct Staging(PinnedHostSlice<f32>);

impl Staging {
    /// For so many values.
    ///
    /// # Errors
    /// When the system locks no more memory.
    pub fn new(gpu: &Gpu, len: usize) -> Result<Self, GpuError> {
        let context = gpu.stream.context();
        // SAFETY: filled below, before anybody reads it.
        let mut slice = unsafe { context.alloc_pinned_with_flags::<f32>(len, 0) }
            .map_err(|e| failed("locking memory")(&e))?;
        slice
            .as_mut_slice()
            .map_err(|e| failed("locking memory")(&e))?
            .fill(0.0);
        Ok(Self(slice))
    }

    /// Values to the GPU: as many as there is room for.
    ///
    /// # Errors
    /// The driver's.
    pub fn send(&mut self, gpu: &Gpu, values: &[f32], to: &mut Values) -> Result<(), GpuError> {
        let staged = self.0.as_mut_slice().map_err(|e| failed("copying")(&e))?;
        assert_eq!(staged.len(), values.len());
        staged
            .par_chunks_mut(COPY)
            .zip(values.par_chunks(COPY))
            .for_each(|(to, from)| to.copy_from_slice(from));
        gpu.stream
            .memcpy_htod(&self.0, to)
            .map_err(|e| failed("copying")(&e))
    }

    /// Adds the GPU's values to some.
    ///
    /// # Errors
    /// The driver's, for whatever was asked of the GPU before, too.
    pub fn add(&mut self, gpu: &Gpu, from: &Values, to: &mut [f32]) -> Result<(), GpuError> {
        gpu.stream
            .memcpy_dtoh(from, &mut self.0)
            .map_err(|e| failed("copying back")(&e))?;
        let staged = self.0.as_slice().map_err(|e| failed("copying back")(&e))?;
        assert_eq!(staged.len(), to.len());
        to.par_chunks_mut(COPY)
            .zip(staged.par_chunks(COPY))
            .for_each(|(to, from)| to.iter_mut().zip(from).for_each(|(to, from)| *to += from));
        Ok(())
    }
}
