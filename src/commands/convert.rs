//! `affectscope convert`: a table of rows in another format; a PyTorch checkpoint as a safetensors file with its config in
//! the metadata.

use serde_json::{Map, Value};

use super::{Failure, refuse_input_as_output, say};
use crate::cli::ConvertArgs;
use crate::formats::output::write_whole;
use crate::formats::rows::{TableFormat, convert};
use crate::formats::sidecar::sidecar_path;
use crate::model::config::StudentConfig;
use crate::model::weights::Weights;

/// Converts it.
///
/// # Errors
/// When the input is neither a table of ours nor a checkpoint of the paper's student, or the output is there or cannot be
/// written.
pub fn run(args: &ConvertArgs) -> Result<(), Failure> {
    refuse_input_as_output(std::slice::from_ref(&args.input), &args.output)?;
    match TableFormat::of_path(&args.output) {
        Some(format) => table(args, format),
        None if TableFormat::of_path(&args.input).is_some() => Err(Failure::bad_input(format!(
            "{}: a table is written as .csv, .jsonl or .parquet. Give a name that ends so.",
            args.output.display()
        ))),
        None => weights(args),
    }
}

fn table(args: &ConvertArgs, format: TableFormat) -> Result<(), Failure> {
    // The sidecar goes along, and is an input, too.
    let sidecar = sidecar_path(&args.input);
    refuse_input_as_output(&[sidecar], &args.output)?;
    let rows = convert(&args.input, &args.output, format, args.force)
        .map_err(|e| Failure::bad_input(e.to_string()))?;
    say(&format!(
        "{} -> {}: {rows} rows",
        args.input.display(),
        args.output.display()
    ));
    Ok(())
}

fn weights(args: &ConvertArgs) -> Result<(), Failure> {
    if args.output.as_os_str() == "-" {
        return Err(Failure::bad_input(
            "-: weights are written to a file. Give its name.",
        ));
    }
    let weights = Weights::load(Some(&args.input))?;
    if !weights.checkpoint {
        return Err(Failure::bad_input(format!(
            "{}: is a safetensors file already; --weights takes it as it is.",
            args.input.display()
        )));
    }
    let mut config: Map<String, Value> =
        serde_json::from_str(&weights.config).map_err(|e| Failure::broken(e.to_string()))?;
    config.insert(
        "origin".to_owned(),
        format!("{}, SHA-256 {}", file_name(args), weights.sha256).into(),
    );
    for (key, text) in [
        ("trained_on", &args.trained_on),
        ("affect_labels", &args.affect_labels),
        ("licence", &args.licence),
    ] {
        if !text.is_empty() {
            config.insert(key.to_owned(), text.as_str().into());
        }
    }
    let config = Value::Object(config).to_string();
    StudentConfig::parse(&config).map_err(|e| Failure::broken(e.to_string()))?;
    let bytes = weights.to_safetensors(&config)?;
    write_whole(&args.output, &bytes, args.force)?;
    say(&format!(
        "{} -> {}: {:.1} M weights, {:.1} MB",
        args.input.display(),
        args.output.display(),
        weights.count() as f64 / 1e6,
        bytes.len() as f64 / 1e6
    ));
    Ok(())
}

fn file_name(args: &ConvertArgs) -> String {
    let name = args.input.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}
