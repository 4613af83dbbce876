//! The window.
mod history;
