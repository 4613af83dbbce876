//! Options that several commands have: how a window looks, network and device, how faces are looked for.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::values::{min_face, positive_seconds, up_to_256, window_size};
use crate::model::device::DeviceChoice;
use crate::model::student::Precision;
use crate::session::{Faces, Tuning};

/// How a window looks, this once.
#[derive(Debug, Args)]
pub struct LookArgs {
    /// Colours of the window, this once
    #[arg(long, value_enum)]
    pub theme: Option<ThemeArg>,
    /// Write a picture of the window to FILE (PNG) and exit
    #[arg(long, value_name = "FILE", requires = "after")]
    pub screenshot: Option<PathBuf>,
    /// Seconds after the window opened at which --screenshot is taken
    #[arg(long, value_name = "SECONDS", requires = "screenshot", value_parser = positive_seconds)]
    pub after: Option<f64>,
    /// Size of the window in points, such as 1280x800
    #[arg(long, value_name = "WxH", value_parser = window_size)]
    pub size: Option<(f32, f32)>,
}

/// `--theme`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ThemeArg {
    /// Light on dark.
    Dark,
    /// Dark on light.
    Light,
    /// As the desktop has it.
    System,
}

/// Network and device, common to all commands that analyse.
#[derive(Debug, Args)]
pub struct NetworkArgs {
    /// Student weights in place of the built-in ones: .safetensors, or the paper's own checkpoints (.pth)
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// Where the network runs
    #[arg(long, value_enum, default_value_t)]
    pub device: DeviceChoice,
    /// Threads that share the network's work on a face, on the CPU [default: 1 for a small network such as the built-in
    /// one, 2 for one as large as the paper's]
    #[arg(long, value_name = "N", value_parser = up_to_256)]
    pub threads: Option<usize>,
    /// Arithmetic of the network on the CPU
    #[arg(long, value_enum, default_value_t)]
    pub precision: Precision,
}

/// How faces are looked for.
#[derive(Debug, Args)]
pub struct FaceArgs {
    /// Read every face, or the largest alone
    #[arg(long, value_enum, default_value_t = FacesArg::All)]
    pub faces: FacesArg,
    /// The smallest face looked for, as a part of the picture's height
    #[arg(long, value_name = "PART", default_value_t = 0.08, value_parser = min_face)]
    pub min_face: f32,
}

/// `--faces`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FacesArg {
    /// Every face.
    All,
    /// The largest alone.
    Largest,
}

impl FaceArgs {
    /// As the pipeline takes them.
    pub fn tuning(&self, lookahead: usize) -> Tuning {
        Tuning {
            faces: match self.faces {
                FacesArg::All => Faces::All,
                FacesArg::Largest => Faces::Largest,
            },
            min_face: self.min_face,
            lookahead,
        }
    }
}
