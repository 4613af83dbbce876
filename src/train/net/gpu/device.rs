//! An NVIDIA GPU by its driver, cuBLAS and NVRTC, which are looked for when they are wanted: nothing of them is needed to
//! build the program, or to run it without.

// The driver's libraries are opened, memory is locked and cuBLAS is told how exact to be: each place says why that is sound.
#![allow(unsafe_code)]

use std::ops::Range;
use std::panic::catch_unwind;
use std::sync::Arc;

use cudarc::cublas::{CudaBlas, sys};
use cudarc::driver::sys::CUresult;
use cudarc::driver::{CudaContext, CudaSlice, CudaStream, DriverError, PinnedHostSlice};
use rayon::prelude::*;

use super::kernels::Kernels;

/// Values that one thread copies at a time.
const COPY: usize = 1 << 18;

/// Values on the GPU.
pub type Values = CudaSlice<f32>;

/// Why the GPU is of no use.
#[derive(Debug, Clone, thiserror::Error)]
pub enum GpuError {
    /// There is none, as on most computers.
    #[error("no NVIDIA GPU with its driver is here")]
    None,
    /// It cannot be used, or no more.
    #[error("{0}")]
    Failed(String),
}

pub(super) fn failed(what: &str) -> impl Fn(&dyn std::fmt::Display) -> GpuError + '_ {
    move |e| GpuError::Failed(format!("the GPU failed ({what}: {e})"))
}

/// What the driver says of memory that was asked for.
fn no_room(what: &str, bytes: usize) -> impl Fn(DriverError) -> GpuError + '_ {
    move |e| match e.0 {
        CUresult::CUDA_ERROR_OUT_OF_MEMORY => GpuError::Failed(format!(
            "the GPU has no room for {:.0} MiB more; a smaller `batch` in the config wants less",
            bytes as f64 / f64::from(1 << 20)
        )),
        _ => failed(what)(&e),
    }
}

/// Whether NVIDIA's driver, cuBLAS and NVRTC are there.
#[cfg(not(feature = "cuda"))]
fn libraries() -> [bool; 3] {
    // SAFETY: opens and closes them, as the loader does.
    unsafe {
        [
            cudarc::driver::sys::is_culib_present(),
            sys::is_culib_present(),
            cudarc::nvrtc::sys::is_culib_present(),
        ]
    }
}

/// They are linked: without them the program does not start.
#[cfg(feature = "cuda")]
fn libraries() -> [bool; 3] {
    [true; 3]
}

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
    pub(super) stream: Arc<CudaStream>,
    pub(super) blas: CudaBlas,
    pub(super) kernels: Kernels,
    name: String,
}

fn old_libraries() -> GpuError {
    failed("its libraries")(&"they lack a function; install a newer driver or toolkit")
}

/// The first GPU's, where its libraries are there.
fn context() -> Result<Arc<CudaContext>, GpuError> {
    let [driver, cublas, nvrtc] = libraries();
    if !driver {
        return Err(GpuError::None);
    }
    let missing = [(cublas, "cuBLAS"), (nvrtc, "NVRTC")];
    if let Some((_, name)) = missing.into_iter().find(|(there, _)| !there) {
        return Err(GpuError::Failed(format!(
            "NVIDIA's {name} is not there; install the CUDA toolkit (12 or 13; on Windows 13), or put the folder of its \
             libraries in LD_LIBRARY_PATH (on Windows: PATH)"
        )));
    }
    CudaContext::new(0).map_err(|e| match e.0 {
        CUresult::CUDA_ERROR_NO_DEVICE | CUresult::CUDA_ERROR_STUB_LIBRARY => GpuError::None,
        _ => failed("opening it")(&e),
    })
}

impl Gpu {
    /// The first NVIDIA GPU.
    ///
    /// # Errors
    /// When there is none, its libraries are not there, or it cannot be used; the text says which.
    pub fn open(products: Products) -> Result<Arc<Self>, GpuError> {
        // cudarc panics where a library lacks a function: those of a driver that is much older.
        catch_unwind(|| Self::opened(products)).unwrap_or_else(|_| Err(old_libraries()))
    }

    fn opened(products: Products) -> Result<Arc<Self>, GpuError> {
        let context = context()?;
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

    /// The name of the GPU that [`Gpu::open`] would open, without getting it ready.
    ///
    /// # Errors
    /// As [`Gpu::open`].
    pub fn found() -> Result<String, GpuError> {
        catch_unwind(|| context()?.name().map_err(|e| failed("its name")(&e)))
            .unwrap_or_else(|_| Err(old_libraries()))
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
        self.stream
            .alloc_zeros(len)
            .map_err(no_room("memory", len * size_of::<f32>()))
    }

    /// Bytes, anew.
    ///
    /// # Errors
    /// When its memory is full.
    pub fn bytes(&self, bytes: &[u8]) -> Result<CudaSlice<u8>, GpuError> {
        self.stream
            .clone_htod(bytes)
            .map_err(no_room("copying", bytes.len()))
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

    /// Waits until all that was asked of it is done.
    ///
    /// # Errors
    /// The driver's, for any of it.
    pub fn wait(&self) -> Result<(), GpuError> {
        self.stream.synchronize().map_err(|e| failed("waiting")(&e))
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
}

/// Memory of the computer that the GPU reads and writes by itself, whenever it comes to it: whoever touches it waits for the
/// GPU first. (The slice's own event would not do: on a context's one stream cudarc records none.)
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
        gpu.wait()?;
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
        gpu.wait()?;
        let staged = self.0.as_slice().map_err(|e| failed("copying back")(&e))?;
        assert_eq!(staged.len(), to.len());
        to.par_chunks_mut(COPY)
            .zip(staged.par_chunks(COPY))
            .for_each(|(to, from)| to.iter_mut().zip(from).for_each(|(to, from)| *to += from));
        Ok(())
    }
}
