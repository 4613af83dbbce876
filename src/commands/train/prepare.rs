//! `affectscope train prepare`: a database as distributed to one packed set.

use super::super::Failure;
use crate::cli::train::PrepareArgs;

/// Reads a database, finds and cuts out its faces, and writes the set.
///
/// # Errors
/// When an input cannot be used, the output is there already, or the user stopped it.
pub fn run(args: &PrepareArgs) -> Result<(), Failure> {
    Err(Failure::bad_input(format!(
        "{}: this database is not read yet",
        args.format.name()
    )))
}
