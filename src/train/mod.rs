//! Training by the paper's teacher-student distillation. So far: what is minimised, and faces to
//! calibrate and check on.

pub mod faces;
pub mod loss;
