//! Training by the paper's teacher-student distillation: faces packed into sets, seen in ever new views, drawn by their
//! labels; a network that learns from them; and how it does.
//!
//! ```text
//! database ─prepare─▶ set (pictures, labels, splits) ─sampler─▶ faces ─augment─▶ batches (loader) ─▶ net, objective
//! phase: steps, moving average, validation, log, checkpoints, for [`cnn`] and [`gru`]
//! ```

pub mod ahead;
pub mod augment;
pub mod checkpoint;
pub mod cnn;
pub mod config;
pub mod eval;
pub mod faces;
pub mod gru;
pub mod held;
pub mod journal;
pub mod landmarks;
pub mod learner;
pub mod loader;
pub mod loss;
pub mod net;
pub mod objective;
pub mod page;
pub mod phase;
pub mod prepare;
pub mod random;
pub mod run;
pub mod sampler;
pub mod score;
pub mod set;
pub mod teacher;
