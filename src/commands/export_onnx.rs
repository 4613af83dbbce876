//! `affectscope export-onnx`: a student's backbone and heads as an ONNX model.

use super::{Failure, refuse_input_as_output, say};
use crate::cli::ExportOnnxArgs;
use crate::formats::output::write_whole;
use crate::model::onnx;
use crate::model::weights::Weights;

/// Writes it.
///
/// # Errors
/// When the weights are no student network, or the output is there or cannot be written.
pub fn run(args: &ExportOnnxArgs) -> Result<(), Failure> {
    refuse_input_as_output(args.weights.as_slice(), &args.output)?;
    if args.output.as_os_str() == "-" {
        return Err(Failure::bad_input(
            "-: a model is written to a file. Give its name.",
        ));
    }
    let weights = Weights::load(args.weights.as_deref())?;
    let bytes = onnx::export(&weights)?;
    write_whole(&args.output, &bytes, args.force)?;
    say(&format!(
        "{} ({}) -> {}: backbone and heads, {:.1} MB. The recurrent heads are not in it.",
        weights.name,
        weights.origin,
        args.output.display(),
        bytes.len() as f64 / 1e6
    ));
    Ok(())
}
