//! `affectscope train manifest`: what a packed set holds.

use super::super::Failure;
use crate::cli::train::ManifestArgs;

/// Prints the manifest of a set.
///
/// # Errors
/// When it is no set.
pub fn run(args: &ManifestArgs) -> Result<(), Failure> {
    Err(Failure::bad_input(format!(
        "{}: no set can be read yet",
        args.set.display()
    )))
}
