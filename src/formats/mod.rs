//! Files: the rows that are written, their sidecar, and how a file is put on disk; labels and predictions that are read.

pub mod labels;
pub mod output;
pub mod rows;
pub mod sidecar;
