//! Every test of the program from outside, one module a subject.
mod ui;
