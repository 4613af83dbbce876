//! Training by the paper's teacher-student distillation: faces packed into sets, seen in ever new views, drawn by their
//! labels; and what is minimised.
//!
//! ```text
//! database ─prepare─▶ set (pictures, labels, splits) ─sampler─▶ faces ─augment─▶ crops
//! ```

pub mod augment;
pub mod faces;
pub mod loss;
pub mod prepare;
pub mod random;
pub mod sampler;
pub mod set;
