//! Affectscope.
pub mod analysis;
pub mod clock;
pub mod frame;
pub mod gui;
pub mod labels;
pub mod model;
pub mod session;
pub mod source;
