//! Figures as SVG text, and from it as pixels ([`raster`]): pure functions of the data, on a light ground, for paper and screens alike.
//!
//! Every text is in a generic font family, every figure has a `<title>` and a `<desc>`, nothing in it refers to anything
//! outside it, and it stays small however many frames there are: what is finer than a column of the figure is drawn as
//! the range, or the most frequent, of the column's frames.

pub(crate) mod cells;
mod circumplex;
mod confusion;
pub mod raster;
mod svg;
pub mod ticks;
mod timeline;

pub use circumplex::{Cloud, circumplex};
pub use confusion::confusion;
pub use timeline::{Apart, timeline};

pub(super) use svg::{escape, inline};
