//! The flags of `affectscope bench`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};

use super::NetworkArgs;
use super::values::{camera_rate, frame_count, positive_seconds, rounds, up_to_256};

/// `affectscope bench`
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("by turns").args(["network", "training"]).multiple(true))]
pub struct BenchArgs {
    /// Measure the network: backbone and heads, input, recurrent window
    #[arg(long)]
    pub network: bool,
    /// Measure a step of training, on one thread unless told otherwise: the CNN forward and backward, and Adam
    #[arg(long)]
    pub training: bool,
    /// Measure every stage from a frame to its rows, on a clip [default: the built-in demo]
    #[arg(long, value_name = "INPUT", num_args = 0..=1)]
    #[allow(clippy::option_option)] // clap's way to say: absent, there, there with a value
    pub pipeline: Option<Option<PathBuf>>,
    /// Measure the live session for so long on a synthetic camera of 640x480, with the window where there is a display
    #[arg(long, value_name = "SECONDS", value_parser = positive_seconds)]
    pub live: Option<f64>,
    /// Print JSON in place of tables
    #[arg(long)]
    pub json: bool,
    /// Faces in one call of the network, and in a step of training [default: 1, and 32]
    #[arg(long, value_name = "N", value_parser = up_to_256, requires = "by turns")]
    pub batch: Option<usize>,
    /// Rounds in which everything that is compared gets a turn
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = rounds, requires = "by turns")]
    pub rounds: usize,
    /// Another runtime at the same work, by turns with ours: onnxruntime beside --network, pytorch beside --training
    /// (wants Python with `pip install onnxruntime` or `torch`)
    #[arg(long, value_enum, requires = "by turns")]
    pub peer: Vec<PeerArg>,
    /// Frames of INPUT or the demo that the stages are measured on (`analyze` beside them reads the whole INPUT, three times)
    #[arg(long, value_name = "N", default_value_t = 150, value_parser = frame_count, requires = "pipeline")]
    pub frames: usize,
    /// Frames a second of the synthetic camera
    #[arg(long, value_name = "HZ", default_value_t = 60.0, value_parser = camera_rate, requires = "live")]
    pub camera_hz: f64,
    /// The synthetic camera sends JPEG, as most webcams do
    #[arg(long, requires = "live")]
    pub mjpeg: bool,
    /// Measure the session alone, even where there is a display
    #[arg(long, requires = "live")]
    pub no_window: bool,
    /// Pause the session while it is measured: what an idle window costs
    #[arg(long, requires = "live")]
    pub paused: bool,
    /// Network and device.
    #[command(flatten)]
    pub network_args: NetworkArgs,
}

/// `bench --peer`
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PeerArg {
    /// ONNX Runtime, as Python's package brings it.
    Onnxruntime,
    /// PyTorch, likewise.
    Pytorch,
}

impl PeerArg {
    /// As it is given.
    pub fn name(self) -> &'static str {
        match self {
            Self::Onnxruntime => "onnxruntime",
            Self::Pytorch => "pytorch",
        }
    }
}
