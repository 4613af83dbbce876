//! The flags of `affectscope train ...`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::values::up_to_256;
use crate::train::prepare::Database;

/// `affectscope train`
#[derive(Debug, Args)]
pub struct TrainArgs {
    /// Which step.
    #[command(subcommand)]
    pub command: TrainCommand,
}

/// The steps of training.
#[derive(Debug, Subcommand)]
pub enum TrainCommand {
    /// Read a database as distributed into one packed set: faces found, cut out, labelled and split
    Prepare(PrepareArgs),
    /// Train a teacher and a student as a config says; killed and run again, it goes on where it was
    Run(RunArgs),
    /// Train the landmark network as a config says, or check one: five points and a face score
    Landmarks(LandmarksArgs),
    /// Score weights on labelled faces: expressions, valence and arousal, calibration, and by group
    Eval(EvalArgs),
    /// Show what a packed set holds: counts by split and expression, and what was left out and why
    Manifest(ManifestArgs),
}

/// `affectscope train prepare`
#[derive(Debug, Args)]
pub struct PrepareArgs {
    /// Which database it is
    #[arg(long, value_enum)]
    pub format: Database,
    /// The database: its folder of pictures or videos; for ferplus the folder that holds FER2013Train, for faces13k the
    /// one that holds img and labels.csv
    #[arg(long, value_name = "PATH")]
    pub input: PathBuf,
    /// Its labels, a file or a folder [default: those under --input]
    #[arg(long, value_name = "PATH")]
    pub annotations: Option<PathBuf>,
    /// The folder to write; a run that was stopped goes on where it was
    #[arg(long, value_name = "SET")]
    pub out: PathBuf,
    /// The pictures are faces already cropped and aligned (Aff-Wild2's cropped_aligned)
    #[arg(long)]
    pub crops: bool,
    /// Colours of the pictures that are kept
    #[arg(long, value_enum, default_value_t)]
    pub color: ColorArg,
    /// Replace a set that is there, and begin anew
    #[arg(long)]
    pub force: bool,
}

/// `train prepare --color`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ColorArg {
    /// One channel.
    #[default]
    Gray,
    /// Three channels.
    Rgb,
}

/// `affectscope train manifest`
#[derive(Debug, Args)]
pub struct ManifestArgs {
    /// The packed set
    #[arg(value_name = "SET")]
    pub set: PathBuf,
    /// Print the manifest as it is stored, JSON
    #[arg(long)]
    pub json: bool,
}

/// `train run --device`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum TrainDevice {
    /// An NVIDIA GPU where there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// An NVIDIA GPU: its driver, cuBLAS and NVRTC are looked for, in any build.
    Cuda,
}

/// `affectscope train run`
#[derive(Debug, Args)]
pub struct RunArgs {
    /// What to train, on which sets, and how; --keys shows all there is, and the files weights/*.toml of the source are
    /// examples
    #[arg(value_name = "CONFIG.toml", required_unless_present = "keys")]
    pub config: Option<PathBuf>,
    /// Print every key of a config with what it means and its default, and train nothing
    #[arg(long, exclusive = true)]
    pub keys: bool,
    /// The folder of checkpoints, logs and weights [default: the config's name, in this folder]
    #[arg(long, short, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Threads that share a step [default: the config's, else one a core]; the weights do not depend on it
    #[arg(long, value_name = "N", value_parser = up_to_256)]
    pub threads: Option<usize>,
    /// Where CNNs learn; recurrent heads always learn on the CPU
    #[arg(long, value_enum, default_value_t)]
    pub device: TrainDevice,
    /// The last phase to run
    #[arg(long, value_name = "PHASE", value_parser = ["teacher-cnn", "teacher-gru", "student-cnn", "student-gru"])]
    pub until: Option<String>,
}

/// `affectscope train landmarks`
#[derive(Debug, Args)]
pub struct LandmarksArgs {
    /// On which sets, and how (weights/landmarks.toml shows all there is)
    #[arg(
        value_name = "CONFIG.toml",
        required_unless_present = "check",
        conflicts_with = "check"
    )]
    pub config: Option<PathBuf>,
    /// The folder of checkpoint, log and weights [default: the config's name, in this folder]
    #[arg(long, short, value_name = "DIR", conflicts_with = "check")]
    pub out: Option<PathBuf>,
    /// Threads that share a step [default: the config's, else one a core]; the weights do not depend on it
    #[arg(long, value_name = "N", value_parser = super::values::up_to_256)]
    pub threads: Option<usize>,
    /// Train nothing: check a network on the validation split of a packed set
    #[arg(long, value_name = "SET")]
    pub check: Option<PathBuf>,
    /// The landmark network to check [default: the built-in one]
    #[arg(long, value_name = "FILE", requires = "check")]
    pub weights: Option<PathBuf>,
    /// Write what the check says, JSON; - for standard output in place of the table
    #[arg(long, value_name = "FILE", requires = "check")]
    pub json: Option<PathBuf>,
    /// Write the weights with what the check says in their card
    #[arg(long, value_name = "OUT.safetensors", requires = "check")]
    pub card: Option<PathBuf>,
    /// Replace what is there
    #[arg(long, requires = "check")]
    pub force: bool,
}

/// `affectscope train eval`
#[derive(Debug, Args)]
pub struct EvalArgs {
    /// A packed set, or a split of FER+ as distributed (label.csv beside its pictures)
    #[arg(long, value_name = "SET|DIR")]
    pub data: PathBuf,
    /// Which part of a packed set [default: validation]
    #[arg(long, value_enum)]
    pub split: Option<SplitArg>,
    /// The landmark network that aligns a split of FER+ [default: the built-in one]
    #[arg(long, value_name = "FILE")]
    pub landmarks: Option<PathBuf>,
    /// Write all of it, JSON; - for standard output in place of the table
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Fit the temperatures on these faces, and write the weights with them and with these scores
    #[arg(long, value_name = "OUT.safetensors")]
    pub calibrate: Option<PathBuf>,
    /// Fit offsets of the expressions, too: each as probable, on average, as it is frequent among these faces
    #[arg(long, requires = "calibrate")]
    pub offsets: bool,
    /// Replace what is there
    #[arg(long)]
    pub force: bool,
    /// Network and device.
    #[command(flatten)]
    pub network: super::NetworkArgs,
}

/// `train eval --split`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum SplitArg {
    /// What was learnt from.
    Train,
    /// What was chosen by.
    #[default]
    Validation,
    /// What nothing was chosen by.
    Test,
}
