//! The window.
//!
//! Data flows one way. [`App`] holds the session's [`crate::session::Engine`]; its `logic` takes up what has happened
//! into the `model`, its `ui` gives each panel a rectangle and that model to read. A panel returns what the user did, and
//! the app turns it into orders for the session and into settings. Nothing here waits: dialogs and files are the
//! business of threads of their own (`background`).

mod about;
mod action;
mod app;
mod background;
mod bars;
mod circumplex;
mod faces;
mod history;
mod keys;
mod labels;
mod layout;
mod menu;
mod model;
pub(crate) mod paths;
mod picture;
pub mod review;
mod series;
mod shot;
mod states;
mod statusbar;
pub mod theme;
mod timed;
mod timeline;
mod toast;
mod topbar;
mod widgets;
mod window;

pub use about::HONEST_LINE;
pub use app::App;
pub use window::{AfterPaint, Screenshot, WindowError, WindowOptions, has_display, run};
