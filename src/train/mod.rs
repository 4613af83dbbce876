//! Training by the paper's teacher-student distillation. So far: what is minimised.

pub mod loss;
