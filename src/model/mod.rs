//! The network of the paper: backbone, two heads, a recurrent layer for each, and what they say of a face.

pub mod backbone;
pub mod calibration;
mod card;
pub mod config;
pub mod conv;
mod cpu;
pub mod device;
mod features;
mod graph;
pub mod gru;
pub mod heads;
mod kernels;
mod on_device;
pub mod onnx;
pub mod points;
mod pth;
pub mod student;
mod upload;
pub mod weights;
