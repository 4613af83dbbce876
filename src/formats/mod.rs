//! File formats.

pub mod output;
pub mod rows;
pub mod sidecar;
