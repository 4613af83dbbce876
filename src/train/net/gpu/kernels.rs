//! Calls of the kernels between matrix products: each checks that its buffers are as long as the kernel reads and writes.

// A kernel is called with bare pointers and lengths; which they are is decided here alone, by the asserts before each call.
#![allow(unsafe_code)]

use std::sync::Arc;

use cudarc::driver::{CudaContext, CudaFunction, CudaSlice, LaunchConfig, PushKernelArg};
use cudarc::nvrtc::compile_ptx;

use super::device::{Gpu, GpuError, Values, failed};

/// What is compiled for the GPU that is there.
const SOURCE: &str = include_str!("kernels.cu");
/// Threads of a block where each has one piece of work.
const THREADS: u32 = 256;
/// Channels and rows that a block takes where it adds up.
pub(super) const TILE: (u32, u32) = (32, 8);
/// The most blocks that share the rows of a sum, and the fewest rows that each lane of them is to have.
const SUM_BLOCKS: usize = 512;
const SUM_ROWS: usize = 16;

macro_rules! kernels {
    ($($name:ident),* $(,)?) => {
        /// All of them, compiled.
        pub(super) struct Kernels { $(pub(super) $name: CudaFunction),* }

        impl Kernels {
            /// Compiles them.
            ///
            /// # Errors
            /// The compiler's and the driver's.
            pub fn load(context: &Arc<CudaContext>) -> Result<Self, GpuError> {
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

pub(super) use call;

/// A thread for each piece of work.
pub(super) fn each(count: usize) -> LaunchConfig {
    LaunchConfig {
        grid_dim: ((count as u64).div_ceil(THREADS.into()) as u32, 1, 1),
        block_dim: (THREADS, 1, 1),
        shared_mem_bytes: 0,
    }
}

/// Blocks that share the rows of a sum.
pub(super) fn sum_blocks(rows: usize) -> usize {
    rows.div_ceil(TILE.1 as usize * SUM_ROWS)
        .clamp(1, SUM_BLOCKS)
}

pub(super) fn tiles(channels: usize, blocks: usize) -> LaunchConfig {
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

impl Gpu {
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

    /// Adds values to others.
    pub fn add(&self, from: &Values, len: usize, to: &mut Values) -> Result<(), GpuError> {
        assert!(from.len() >= len && to.len() >= len);
        call!(self, add, each(len), from, to, &(len as u64));
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
