//! Affectscope.
pub mod analysis;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod face;
pub mod formats;
pub mod frame;
pub mod gui;
pub mod labels;
pub mod live;
pub mod model;
pub mod offline;
pub mod pipeline;
pub mod record;
pub mod session;
pub mod slot;
pub mod source;
