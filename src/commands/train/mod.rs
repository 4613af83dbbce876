//! `affectscope train ...`: the steps from a database to weights.

mod eval;
mod landmarks;
mod manifest;
mod prepare;
mod run;

use super::Failure;
use crate::cli::train::{TrainArgs, TrainCommand};

/// Runs the step asked for.
///
/// # Errors
/// The step's.
pub fn run(args: &TrainArgs) -> Result<(), Failure> {
    match &args.command {
        TrainCommand::Prepare(args) => prepare::run(args),
        TrainCommand::Eval(args) => eval::run(args),
        TrainCommand::Run(args) => run::run(args),
        TrainCommand::Landmarks(args) => landmarks::run(args),
        TrainCommand::Manifest(args) => manifest::run(args),
    }
}
