//! The scores of the field: concordance for valence and arousal, F1 and accuracy for expressions.
//!
//! One module for evaluation, training and the window. Both kinds are gathered frame by frame and merged, so that the
//! score of a set is that of all its frames in one row, as the ABAW challenges compute it.
//!
//! Where a score is undefined it is `None`, never a number that looks like one.

use crate::labels::Expression;

/// How far one series of numbers agrees with another, gathered pair by pair.
///
/// Means and squares are kept about the running means (Welford 1962, merged after Chan et al. 1979), so that a long
/// series far from zero loses no digits.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Agreement {
    count: u64,
    mean_a: f64,
    mean_b: f64,
    /// Sums of squared differences from the mean, and of their products.
    square_a: f64,
    square_b: f64,
    product: f64,
    /// Sum of squared differences between the two.
    error: f64,
}

impl Agreement {
    /// Takes a pair: the prediction and the label, in either order.
    pub fn push(&mut self, a: f64, b: f64) {
        self.merge(&Self {
            count: 1,
            mean_a: a,
            mean_b: b,
            error: (a - b).powi(2),
            ..Self::default()
        });
    }

    /// Takes all pairs of another.
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        if self.count == 0 {
            *self = *other;
            return;
        }
        let (n, m) = (self.count as f64, other.count as f64);
        let share = n * m / (n + m);
        let (off_a, off_b) = (other.mean_a - self.mean_a, other.mean_b - self.mean_b);
        self.square_a += other.square_a + off_a * off_a * share;
        self.square_b += other.square_b + off_b * off_b * share;
        self.product += other.product + off_a * off_b * share;
        self.mean_a += off_a * m / (n + m);
        self.mean_b += off_b * m / (n + m);
        self.error += other.error;
        self.count += other.count;
    }

    /// Pairs taken.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Lin's concordance correlation coefficient (1989), -1..=1, as the ABAW challenges have it:
    /// `2 cov / (var_a + var_b + (mean_a - mean_b)^2)` with population moments (divided by n).
    ///
    /// One constant series against one that varies, or two different constants, agree in nothing: 0. No pairs, or two
    /// series that are one and the same constant (a single frame that is right among them), leave 0 / 0: `None`.
    pub fn ccc(&self) -> Option<f64> {
        if self.count == 0 {
            return None;
        }
        let n = self.count as f64;
        let between = (self.mean_a - self.mean_b).powi(2);
        let below = (self.square_a + self.square_b) / n + between;
        (below > 0.0).then(|| (2.0 * self.product / n / below).clamp(-1.0, 1.0))
    }

    /// Pearson's correlation, -1..=1. `None` when either series is constant: a single frame is.
    pub fn pearson(&self) -> Option<f64> {
        let below = self.square_a.sqrt() * self.square_b.sqrt();
        (below > 0.0).then(|| (self.product / below).clamp(-1.0, 1.0))
    }

    /// Mean squared error, in squares of the label's unit. `None` without pairs.
    pub fn mse(&self) -> Option<f64> {
        (self.count > 0).then(|| self.error / self.count as f64)
    }
}

/// How often each expression was labelled and what was predicted for it: `[label][prediction]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Confusion {
    counts: [[u64; Expression::COUNT]; Expression::COUNT],
}

impl Confusion {
    /// Takes a frame.
    pub fn push(&mut self, predicted: Expression, label: Expression) {
        self.counts[label.index()][predicted.index()] += 1;
    }

    /// Takes all frames of another.
    pub fn merge(&mut self, other: &Self) {
        for (row, more) in self.counts.iter_mut().zip(&other.counts) {
            for (count, more) in row.iter_mut().zip(more) {
                *count += more;
            }
        }
    }

    /// The counts, `[label][prediction]`, in the order of [`Expression::ALL`].
    pub fn counts(&self) -> &[[u64; Expression::COUNT]; Expression::COUNT] {
        &self.counts
    }

    /// Frames taken.
    pub fn count(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// Part of the frames that are right, 0..=1. `None` without frames.
    pub fn accuracy(&self) -> Option<f64> {
        let right: u64 = (0..Expression::COUNT).map(|i| self.counts[i][i]).sum();
        let all = self.count();
        (all > 0).then(|| right as f64 / all as f64)
    }

    /// F1 of each expression, `2 right / (labelled + predicted)`, 0..=1. `None` for one that was neither labelled nor
    /// predicted; 0 for one of which nothing is right.
    pub fn f1(&self) -> [Option<f64>; Expression::COUNT] {
        std::array::from_fn(|i| {
            let labelled: u64 = self.counts[i].iter().sum();
            let predicted: u64 = self.counts.iter().map(|row| row[i]).sum();
            let both = labelled + predicted;
            (both > 0).then(|| 2.0 * self.counts[i][i] as f64 / both as f64)
        })
    }

    /// Mean F1 over the expressions that occur among the labels or the predictions, 0..=1, as scikit-learn's
    /// `f1_score(average="macro")` has it, which the reference scores with. `None` without frames.
    pub fn macro_f1(&self) -> Option<f64> {
        let there: Vec<f64> = self.f1().into_iter().flatten().collect();
        (!there.is_empty()).then(|| there.iter().sum::<f64>() / there.len() as f64)
    }

    /// The criterion of ABAW 2021's expression track: `0.67 macro F1 + 0.33 accuracy`, 0..=1. `None` without frames.
    pub fn criterion(&self) -> Option<f64> {
        Some(0.67 * self.macro_f1()? + 0.33 * self.accuracy()?)
    }
}

/// Decimals of a score of a set or a video, wherever it is written.
pub const SCORE_DECIMALS: usize = 6;

/// Decimals of a score of a part: a class, a video in a list.
pub const CLASS_DECIMALS: usize = 3;

/// A score as it is written everywhere, in the table of `evaluate`, in the report and in the window; `-` where it is
/// undefined.
pub fn written(score: Option<f64>, decimals: usize) -> String {
    score.map_or("-".to_owned(), |score| format!("{score:.decimals$}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn agreement(pairs: &[(f64, f64)]) -> Agreement {
        let mut all = Agreement::default();
        pairs.iter().for_each(|&(a, b)| all.push(a, b));
        all
    }

    #[test]
    fn degenerate_series_have_the_scores_that_are_documented() {
        let none = agreement(&[]);
        assert_eq!((none.ccc(), none.pearson(), none.mse()), (None, None, None));
        let right = agreement(&[(0.25, 0.25)]);
        assert_eq!(
            (right.ccc(), right.pearson(), right.mse()),
            (None, None, Some(0.0))
        );
        let wrong = agreement(&[(0.25, 0.5)]);
        assert_eq!(
            (wrong.ccc(), wrong.pearson(), wrong.mse()),
            (Some(0.0), None, Some(0.0625))
        );
        let one_constant = agreement(&[(0.5, 0.0), (0.5, 1.0)]);
        assert_eq!(
            (one_constant.ccc(), one_constant.pearson()),
            (Some(0.0), None)
        );
        let same_constant = agreement(&[(0.1, 0.1); 100]);
        assert_eq!(
            (same_constant.ccc(), same_constant.mse()),
            (None, Some(0.0))
        );
        let other_constant = agreement(&[(0.1, 0.3); 100]);
        assert_eq!(
            (other_constant.ccc(), other_constant.pearson()),
            (Some(0.0), None)
        );
    }

    #[test]
    fn an_absent_class_takes_no_part_and_a_missed_one_counts_nothing() {
        use Expression::{Anger, Happiness, Neutral};
        let mut confusion = Confusion::default();
        assert_eq!(
            (
                confusion.accuracy(),
                confusion.macro_f1(),
                confusion.criterion()
            ),
            (None, None, None)
        );
        confusion.push(Neutral, Neutral);
        assert_eq!(
            (confusion.accuracy(), confusion.macro_f1()),
            (Some(1.0), Some(1.0))
        );
        confusion.push(Happiness, Anger);
        let f1 = confusion.f1();
        assert_eq!(f1[Neutral.index()], Some(1.0));
        assert_eq!(
            (f1[Anger.index()], f1[Happiness.index()]),
            (Some(0.0), Some(0.0))
        );
        assert_eq!(f1[Expression::Fear.index()], None);
        assert_eq!(confusion.macro_f1(), Some(1.0 / 3.0));
        assert_eq!(confusion.accuracy(), Some(0.5));
    }

    fn pairs() -> impl Strategy<Value = Vec<(f64, f64)>> {
        prop::collection::vec((-1.0f64..1.0, -1.0f64..1.0), 0..60)
    }

    proptest! {
        #[test]
        fn ccc_is_symmetric_bounded_and_no_more_than_pearson(pairs in pairs()) {
            let swapped: Vec<_> = pairs.iter().map(|&(a, b)| (b, a)).collect();
            let (one, other) = (agreement(&pairs), agreement(&swapped));
            match (one.ccc(), other.ccc()) {
                (Some(a), Some(b)) => prop_assert!((a - b).abs() < 1e-12 && a.abs() <= 1.0),
                (a, b) => prop_assert_eq!(a, b),
            }
            if let (Some(ccc), Some(pearson)) = (one.ccc(), one.pearson()) {
                prop_assert!(ccc.abs() <= pearson.abs() + 1e-9);
            }
        }

        #[test]
        fn a_series_agrees_with_itself_and_less_with_itself_shifted(
            values in prop::collection::vec(-1.0f64..1.0, 2..50), shift in 0.1f64..3.0,
        ) {
            let own: Vec<_> = values.iter().map(|&v| (v, v)).collect();
            if let Some(ccc) = agreement(&own).ccc() {
                prop_assert!((ccc - 1.0).abs() < 1e-9);
                let moved: Vec<_> = values.iter().map(|&v| (v, v + shift)).collect();
                prop_assert!(agreement(&moved).ccc() < Some(ccc));
            }
        }

        #[test]
        fn parts_merged_are_the_whole(pairs in pairs(), at in any::<prop::sample::Index>(), far in -1e3f64..1e3) {
            let pairs: Vec<_> = pairs.iter().map(|&(a, b)| (a + far, b + far)).collect();
            let (left, right) = pairs.split_at(at.index(pairs.len() + 1));
            let mut merged = agreement(left);
            merged.merge(&agreement(right));
            let whole = agreement(&pairs);
            prop_assert_eq!(merged.count(), whole.count());
            for (a, b) in [
                (merged.ccc(), whole.ccc()),
                (merged.mse(), whole.mse()),
                (merged.pearson(), whole.pearson()),
            ] {
                match (a, b) {
                    (Some(a), Some(b)) => prop_assert!((a - b).abs() < 1e-9),
                    (a, b) => prop_assert_eq!(a, b),
                }
            }
        }
    }
}
