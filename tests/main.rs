//! Every test of the program from outside, one module a subject.

mod golden;
mod pipeline;
mod sources;
mod ui;
