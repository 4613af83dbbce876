//! What one batch is to be like: its labels, and the loss that they and a teacher make of the network's answers.

use candle_core::{D, Device, Result, Tensor};
use candle_nn::ops::log_softmax;

use super::loss;
use crate::labels::Expression;
use crate::model::config::AFFECT_BINS;

/// What the faces of a batch are labelled with. A task's batch carries the task's labels on every face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Task {
    /// Expressions.
    Expression,
    /// Valence and arousal.
    Affect,
    /// Both (the paper's EXPR_VA).
    Both,
}

impl Task {
    /// In the order in which a step takes them.
    pub const ALL: [Self; 3] = [Self::Expression, Self::Affect, Self::Both];

    /// As logs have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Expression => "expression",
            Self::Affect => "affect",
            Self::Both => "both",
        }
    }

    /// Whether it has expressions.
    pub fn has_expression(self) -> bool {
        self != Self::Affect
    }

    /// Whether it has valence and arousal.
    pub fn has_affect(self) -> bool {
        self != Self::Expression
    }
}

/// Labels of a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Targets {
    /// What is labelled.
    pub task: Task,
    /// Shares of the expressions, `[B][7]`, each row's sum 1; empty without, or where they are not to be learnt.
    pub expression: Vec<[f32; Expression::COUNT]>,
    /// Valence and arousal, `[B][2]`; empty likewise.
    pub affect: Vec<[f32; 2]>,
}

/// A loss and what it is made of.
#[derive(Debug)]
pub struct Loss {
    /// To be differentiated; a scalar.
    pub total: Tensor,
    /// Supervision of expressions, of valence, of arousal; distillation of all three together. 0 where there is none.
    pub parts: [f32; 4],
}

/// The names of [`Loss::parts`].
pub const PARTS: [&str; 4] = ["expression", "valence", "arousal", "distillation"];

/// A teacher's logits for the same faces: `[B * 7]`, `[B * 40]`.
pub type TeacherLogits = (Vec<f32>, Vec<f32>);

/// What a network minimises on a batch.
///
/// Alone: the supervision of what is labelled. With a teacher (the student): for expressions, valence and arousal each
/// [`loss::together`] of supervision, where there is a label, and distillation.
///
/// `expression [B, 7]`, `affect [B, 40]`.
///
/// # Errors
/// candle's, for shapes that do not fit.
pub fn of_batch(
    expression: &Tensor,
    affect: &Tensor,
    targets: &Targets,
    teacher: Option<&TeacherLogits>,
) -> Result<Loss> {
    let bins = |t: &Tensor, i: usize| {
        t.narrow(D::Minus1, i * AFFECT_BINS, AFFECT_BINS)?
            .contiguous()
    };
    let logits = [expression.clone(), bins(affect, 0)?, bins(affect, 1)?];
    let mut supervision = [None, None, None];
    if targets.task.has_expression() && !targets.expression.is_empty() {
        supervision[0] = Some(shares(&logits[0], &targets.expression)?);
    }
    if targets.task.has_affect() && !targets.affect.is_empty() {
        for dimension in 0..2 {
            let labels: Vec<f32> = targets.affect.iter().map(|va| va[dimension]).collect();
            let labels = Tensor::from_vec(labels, targets.affect.len(), &Device::Cpu)?; // [B]
            supervision[1 + dimension] = Some(loss::affect(&logits[1 + dimension], &labels)?);
        }
    }
    let mut parts = [0.0; 4];
    for (part, loss) in parts.iter_mut().zip(&supervision) {
        if let Some(loss) = loss {
            *part = loss.to_scalar()?;
        }
    }
    let terms = match teacher {
        None => supervision.into_iter().flatten().collect::<Vec<_>>(),
        Some((t_expression, t_affect)) => {
            let rows = expression.dim(0)?;
            let t_expression =
                Tensor::from_slice(t_expression, (rows, Expression::COUNT), &Device::Cpu)?; // [B, 7]
            let t_affect = Tensor::from_slice(t_affect, (rows, 2 * AFFECT_BINS), &Device::Cpu)?; // [B, 40]
            let theirs = [t_expression, bins(&t_affect, 0)?, bins(&t_affect, 1)?];
            let mut terms = Vec::new();
            for ((mine, theirs), supervision) in logits.iter().zip(&theirs).zip(&supervision) {
                let distillation = loss::distillation(mine, theirs, loss::TEMPERATURE)?;
                parts[3] += distillation.to_scalar::<f32>()?;
                terms.push(loss::together(supervision.as_ref(), &distillation)?);
            }
            terms
        }
    };
    let mut sum = Tensor::zeros((), expression.dtype(), &Device::Cpu)?;
    for term in terms {
        sum = (sum + term)?;
    }
    Ok(Loss { total: sum, parts })
}

/// Cross entropy with shares in place of one label each, the mean over the batch: `logits [B, 7]`.
fn shares(logits: &Tensor, shares: &[[f32; Expression::COUNT]]) -> Result<Tensor> {
    let rows = shares.len();
    let shares = Tensor::from_slice(
        shares.as_flattened(),
        (rows, Expression::COUNT),
        &Device::Cpu,
    )?; // [B, 7]
    let entropy = (log_softmax(logits, D::Minus1)? * shares)?.sum(D::Minus1)?; // [B]
    entropy.mean_all()?.neg()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn shares_of_one_expression_are_its_cross_entropy() {
        let logits = Tensor::new(
            &[
                [0.3f32, -1.0, 2.0, 0.1, 0.0, -0.5, 1.0],
                [1.0, 0.0, 0.0, 0.2, 0.3, -2.0, 0.5],
            ],
            &Device::Cpu,
        )
        .unwrap();
        let labels = Tensor::new(&[2u32, 4], &Device::Cpu).unwrap();
        let mut rows = [[0.0; 7]; 2];
        (rows[0][2], rows[1][4]) = (1.0, 1.0);
        let a = loss::expression(&logits, &labels)
            .unwrap()
            .to_scalar::<f32>()
            .unwrap();
        let b = shares(&logits, &rows).unwrap().to_scalar::<f32>().unwrap();
        assert!((a - b).abs() < 1e-6, "{a} {b}");
    }

    #[test]
    fn what_has_no_label_is_learnt_from_the_teacher_alone() {
        let of = |task| {
            let mut row = [0.0; 7];
            row[0] = 1.0;
            Targets {
                task,
                expression: vec![row; 3],
                affect: vec![[0.1, 0.2], [0.3, -0.4], [-0.9, 0.0]],
            }
        };
        let values: Vec<f32> = (0..3 * 47).map(|i| (i as f32 * 0.37).sin()).collect();
        let expression = Tensor::from_slice(&values[..21], (3, 7), &Device::Cpu).unwrap();
        let affect = Tensor::from_slice(&values[21..], (3, 40), &Device::Cpu).unwrap();
        // A teacher that says the same: no distillation is left.
        let teacher = (values[..21].to_vec(), values[21..].to_vec());
        let alone = of_batch(&expression, &affect, &of(Task::Both), None).unwrap();
        let taught = of_batch(&expression, &affect, &of(Task::Both), Some(&teacher)).unwrap();
        let scalar = |t: &Tensor| t.to_scalar::<f32>().unwrap();
        assert!((scalar(&taught.total) - 0.6 * scalar(&alone.total)).abs() < 1e-4);
        let some = of_batch(&expression, &affect, &of(Task::Expression), Some(&teacher)).unwrap();
        assert!((scalar(&some.total) - 0.6 * alone.parts[0]).abs() < 1e-4);
        assert_eq!((some.parts[1], some.parts[2]), (0.0, 0.0));
    }
}
