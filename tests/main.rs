//! Every test of the program from outside, one module a subject.

#![allow(clippy::unwrap_used)]

mod annotate;
mod bulk;
mod checkpoints;
mod cli;
mod crops;
mod desk;
mod evaluate;
mod face;
mod golden;
mod labels;
mod live;
mod losses;
mod parity;
mod pipeline;
mod quantize;
mod render;
mod report;
mod rows;
mod schedule;
mod sessions;
mod sources;
mod speed;
mod tables;
mod training;
mod ui;
