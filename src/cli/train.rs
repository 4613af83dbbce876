//! The flags of `affectscope train ...`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

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
