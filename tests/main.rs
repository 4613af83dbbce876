//! Every test of the program from outside, one module a subject.

#![allow(clippy::unwrap_used)]

mod checkpoints;
mod cli;
mod crops;
mod face;
mod golden;
mod live;
mod losses;
mod pipeline;
mod rows;
mod sources;
mod ui;
