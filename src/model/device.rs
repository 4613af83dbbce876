//! Where the network runs.

use candle_core::Device;

use super::student::{Kernels, Precision};

/// What the user asked for with `--device`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum DeviceChoice {
    /// A GPU where there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// An NVIDIA GPU; wants a build with `--features cuda`.
    Cuda,
    /// An Apple GPU; wants a build with `--features metal`.
    Metal,
}

/// A device that was found.
#[derive(Debug, Clone)]
pub struct Chosen {
    /// For candle.
    pub device: Device,
    /// For the status bar: `CPU, 1 thread`.
    pub title: String,
    /// Why it is not the GPU that `auto` tried, where it tried one.
    pub note: Option<String>,
}

impl Chosen {
    /// The same, its title with what the network runs on: `CPU, AVX-512, 1 thread`.
    #[must_use]
    pub fn with_kernels(self, kernels: Kernels) -> Self {
        let threads = match kernels.threads {
            1 => "1 thread".to_owned(),
            n => format!("{n} threads"),
        };
        let int8 = match kernels.precision {
            Precision::Int8 => ", 8 bits",
            Precision::F32 => "",
        };
        Self {
            title: format!("CPU, {}{int8}, {threads}", kernels.set.title()),
            ..self
        }
    }
}

/// The device asked for cannot be had; the text says what to do.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct DeviceError(String);

fn cpu(note: Option<String>) -> Chosen {
    Chosen {
        device: Device::Cpu,
        title: "CPU, 1 thread".to_owned(),
        note,
    }
}

/// The GPU's own name, where the driver tells it.
fn gpu_name(device: &Device) -> Option<String> {
    #[cfg(feature = "cuda")]
    if let Ok(cuda) = device.as_cuda_device() {
        return cuda.cuda_stream().context().name().ok();
    }
    #[cfg(feature = "metal")]
    if let Ok(metal) = device.as_metal_device() {
        return Some(metal.metal_device().architecture_name());
    }
    let _ = device;
    None
}

/// True where an NVIDIA GPU's driver is loaded and this build has no use for it.
pub fn leaves_nvidia_unused() -> bool {
    !cfg!(feature = "cuda") && std::path::Path::new("/proc/driver/nvidia/version").exists()
}

fn gpu(
    name: &str,
    feature: &str,
    built: bool,
    open: impl Fn(usize) -> candle_core::Result<Device>,
) -> Result<Chosen, DeviceError> {
    if !built {
        return Err(DeviceError(format!(
            "this build cannot use {name}. Build with `cargo build --release --features {feature}`, or use --device cpu."
        )));
    }
    let device = open(0).map_err(|e| {
        DeviceError(format!(
            "{name} cannot be used ({e}). Check the driver, or use --device cpu."
        ))
    })?;
    Ok(Chosen {
        title: match gpu_name(&device) {
            Some(model) => format!("{name} 0: {model}"),
            None => format!("{name} 0"),
        },
        device,
        note: None,
    })
}

/// Opens the device asked for; `auto` falls back on the CPU with a note.
///
/// # Errors
/// When a GPU was asked for by name and cannot be had.
pub fn choose(choice: DeviceChoice) -> Result<Chosen, DeviceError> {
    let cuda = || gpu("CUDA", "cuda", cfg!(feature = "cuda"), Device::new_cuda);
    let metal = || gpu("Metal", "metal", cfg!(feature = "metal"), Device::new_metal);
    let or_cpu = |gpu: Result<Chosen, DeviceError>| {
        gpu.unwrap_or_else(|e| cpu(Some(format!("{e} The CPU is used."))))
    };
    match choice {
        DeviceChoice::Cpu => Ok(cpu(None)),
        DeviceChoice::Cuda => cuda(),
        DeviceChoice::Metal => metal(),
        DeviceChoice::Auto if cfg!(feature = "cuda") => Ok(or_cpu(cuda())),
        DeviceChoice::Auto if cfg!(feature = "metal") => Ok(or_cpu(metal())),
        DeviceChoice::Auto => Ok(cpu(None)),
    }
}

/// Keeps candle's thread pool from taking the cores that the camera and the window need: its workers wait busily.
pub fn bound_threads() {
    // Fails only when the pool exists already, and then it is bounded or in use.
    let _ = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build_global();
}
