//! Predictions against annotations, frame by frame.
//!
//! [`files`] reads both sides, [`pairing`] finds which belong together, [`matching`] compares two series, [`report`]
//! puts the set together: scores over all frames in one row, as the ABAW challenges compute them, and for each video,
//! with bootstrap intervals over the videos ([`bootstrap`]).

pub mod bootstrap;
pub mod files;
pub mod matching;
pub mod pairing;
pub mod report;
pub mod table;
