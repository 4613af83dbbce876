//! Affectscope: an oscilloscope for facial affect.
//!
//! Data flows one way:
//!
//! ```text
//! source ──Frame──▶ face (detect, landmarks, align, track) ──Crop──▶ model (student) ──Features──▶ reading
//!    live:    capture thread ─Slot─▶ analysis thread (pipeline) ─┬─▶ window   the newest picture, every record
//!                                                                └─▶ writer   every record, never lost
//!    a file:  source ─▶ find_faces ─▶ read_faces (batches) ─▶ offline (windows of 32) ─▶ rows or a submission
//!    crops:   source ─▶ given_face ─▶ the same     (both side by side in live::bulk, the halves are pipeline's)
//! formats::labels ─▶ evaluate (pairing, matching) ─▶ metrics ─▶ report
//!              rows, labels ─▶ review (project, scores, segments) ─▶ the annotator's bench, the report's page
//! ```
//!
//! The core (`pipeline`, `offline` and all below) has no thread, window or clock, but for the helpers that a network on
//! the CPU may be given (`model::conv`); [`live`] alone starts pipeline
//! threads (its table says which); the window's helpers for dialogs and files live in `gui::background`, the workers that
//! prepare a set in `train::prepare::work`.
//!
//! Read in this order: [`frame`], [`labels`], [`analysis`]; then [`source`], [`face`], [`model`]; then [`pipeline`] and
//! [`offline`]; [`formats`], [`metrics`] and [`evaluate`] (what annotations say); [`review`] (predictions beside labels: the annotator's bench and the report); [`train`] (databases to packed sets, views of them, what is minimised); then [`session`] (what the window and the live session say to each other), [`live`], [`gui`], and
//! [`commands`].

pub mod analysis;
pub mod cli;
pub mod clock;
pub mod colours;
pub mod commands;
pub mod evaluate;
pub mod face;
pub mod fonts;
pub mod formats;
pub mod frame;
pub mod gui;
pub mod labels;
pub mod live;
pub mod metrics;
pub mod model;
pub mod numbers;
pub mod offline;
pub mod pipeline;
pub mod record;
pub mod render;
pub mod review;
pub mod session;
pub mod settings;
pub mod slot;
pub mod smooth;
pub mod source;
pub mod train;
