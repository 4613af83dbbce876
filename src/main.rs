//! The program: parse, start the log, one match over the commands, errors to exit codes.

use std::process::ExitCode;

use affectscope::cli::{Cli, Command};
use affectscope::commands::{self, Failure};
use clap::Parser as _;

fn main() -> ExitCode {
    let cli = Cli::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_env("AFFECTSCOPE_LOG")
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("error,rfd=off")),
        )
        .with_writer(std::io::stderr)
        .init();
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            commands::tell(&failure);
            ExitCode::from(failure.code)
        }
    }
}

fn run(cli: &Cli) -> Result<(), Failure> {
    match &cli.command {
        Some(Command::Analyze(args)) => commands::analyze::run(args),
        Some(Command::Bench(args)) => commands::bench::run(args),
        Some(Command::Convert(args)) => commands::convert::run(args),
        Some(Command::Devices) => commands::devices::run(),
        Some(Command::Evaluate(args)) => commands::evaluate::run(args),
        Some(Command::ExportOnnx(args)) => commands::export_onnx::run(args),
        Some(Command::Info(args)) => commands::info::run(args),
        Some(Command::Quantize(args)) => commands::quantize::run(args),
        Some(Command::Record(args)) => commands::record::run(args),
        Some(Command::Review(args)) => commands::window::review(args),
        Some(Command::Render(args)) => commands::render::run(args),
        Some(Command::Sessions(args)) => commands::sessions::run(args),
        Some(Command::Report(args)) => commands::report::run(args),
        Some(Command::Train(args)) => commands::train::run(args),
        None => commands::window::run(&cli.window),
    }
}
