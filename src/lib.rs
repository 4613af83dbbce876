//! Affectscope.
pub mod analysis;
pub mod clock;
pub mod frame;
pub mod gui;
pub mod labels;
pub mod session;
pub mod settings;
pub mod smooth;
pub mod source;
