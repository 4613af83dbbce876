//! Affectscope.
pub mod analysis;
pub mod clock;
pub mod face;
pub mod formats;
pub mod frame;
pub mod gui;
pub mod labels;
pub mod model;
pub mod offline;
pub mod pipeline;
pub mod session;
pub mod slot;
pub mod source;
