//! The paper's losses (section 3), in operations that can be differentiated; numbers as the reference code has them.

use candle_core::{D, DType, Result, Tensor};
use candle_nn::loss::cross_entropy;
use candle_nn::ops::{log_softmax, softmax};

use crate::model::config::AFFECT_BINS;

/// What the logits are divided by before teacher and student are compared.
pub const TEMPERATURE: f64 = 1.5;

/// The part of the ground truth where there is a label; the teacher has the rest (the paper's lambda).
pub const GROUND_TRUTH: f64 = 0.6;

/// Keeps a batch in which prediction and label are one and the same constant from dividing by zero.
const TINY: f64 = 1e-8;

/// Supervision of expressions: cross entropy, the mean over the batch.
///
/// `logits [B, 7]`, `labels [B]` as `u32` in the order of [`crate::labels::Expression::ALL`]; gives a scalar.
///
/// # Errors
/// candle's, for shapes that do not fit.
pub fn expression(logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
    cross_entropy(logits, labels)
}

/// Supervision of valence or of arousal: cross entropy on 20 equal bins of -1..=1, plus `1 - CCC` of the expectation.
///
/// `logits [B, 20]`, `labels [B]` as `f32`; gives a scalar.
///
/// # Errors
/// candle's, for shapes that do not fit.
pub fn affect(logits: &Tensor, labels: &Tensor) -> Result<Tensor> {
    let entropy = cross_entropy(logits, &bins(labels)?)?;
    let concordance = ccc(&expectation(logits)?, labels)?;
    entropy + concordance.affine(-1.0, 1.0)?
}

/// The bin of each label: `floor((label + 1) / 2 * 20)`, the label 1 in the last one. `[B]` to `[B]` as `u32`.
///
/// # Errors
/// candle's.
pub fn bins(labels: &Tensor) -> Result<Tensor> {
    let bins = AFFECT_BINS as f64;
    labels
        .affine(1.0, 1.0)?
        // Only then: f32's -0.8 lies below the edge at -0.8, and must not be rounded onto it.
        .affine(bins / 2.0, 0.0)?
        .floor()?
        .clamp(0.0, bins - 1.0)?
        .to_dtype(DType::U32)
}

/// The expectation of each row's distribution over `linspace(-1, 1, 20)`: `[B, 20]` to `[B]`.
///
/// # Errors
/// candle's.
pub fn expectation(logits: &Tensor) -> Result<Tensor> {
    let step = 2.0 / (AFFECT_BINS - 1) as f64;
    let values = Tensor::arange(0u32, AFFECT_BINS as u32, logits.device())?
        .to_dtype(logits.dtype())?
        .affine(step, -1.0)?; // [20]
    softmax(logits, D::Minus1)?
        .broadcast_mul(&values)?
        .sum(D::Minus1) // [B]
}

/// Concordance of a batch as the reference's *loss* has it: with the unbiased standard deviations (divided by n - 1), where
/// its metric ([`crate::metrics::Agreement`]) has those of the population. `[B]` and `[B]` to a scalar.
///
/// A batch of one has no deviation: 0, with no slope. So has a batch of constants that differ.
///
/// # Errors
/// candle's.
pub fn ccc(predicted: &Tensor, labels: &Tensor) -> Result<Tensor> {
    let count = predicted.elem_count();
    if count < 2 {
        return Tensor::zeros((), predicted.dtype(), predicted.device());
    }
    let (mean_p, mean_l) = (predicted.mean_all()?, labels.mean_all()?);
    let off_p = predicted.broadcast_sub(&mean_p)?; // [B]
    let off_l = labels.broadcast_sub(&mean_l)?; // [B]
    let unbiased = 1.0 / (count - 1) as f64;
    let covariance = ((&off_p * &off_l)?.sum_all()? * unbiased)?;
    let variances = ((off_p.sqr()?.sum_all()? + off_l.sqr()?.sum_all()?)? * unbiased)?;
    let below = ((variances + (mean_p - mean_l)?.sqr()?)? + TINY)?;
    (covariance * 2.0)? / below
}

/// Distillation: Kullback-Leibler divergence of the student's softened distribution from the teacher's, the mean over
/// the batch, times the square of the temperature (Hinton et al. 2015), for expressions, valence bins or arousal bins.
///
/// `student [B, C]`, `teacher [B, C]`; gives a scalar. The teacher gets no slope.
///
/// # Errors
/// candle's, for shapes that do not fit.
pub fn distillation(student: &Tensor, teacher: &Tensor, temperature: f64) -> Result<Tensor> {
    let soft = 1.0 / temperature;
    let student = log_softmax(&(student * soft)?, D::Minus1)?; // [B, C]
    let teacher = log_softmax(&(teacher.detach() * soft)?, D::Minus1)?; // [B, C]
    let apart = (teacher.exp()? * (teacher - student)?)?.sum(D::Minus1)?; // [B]
    apart.mean_all()? * (temperature * temperature)
}

/// What the student minimises for one task: `0.6 supervision + 0.4 distillation` where there are labels, distillation
/// alone where there are none.
///
/// # Errors
/// candle's.
pub fn together(supervision: Option<&Tensor>, distillation: &Tensor) -> Result<Tensor> {
    match supervision {
        Some(supervision) => (supervision * GROUND_TRUTH)? + (distillation * (1.0 - GROUND_TRUTH))?,
        None => Ok(distillation.clone()),
    }
}
