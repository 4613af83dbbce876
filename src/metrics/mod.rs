//! The scores of the field: concordance for valence and arousal, F1 and accuracy for expressions; and how far raters agree:
//! kappa, intraclass correlation ([`Icc`]), Krippendorff's alpha ([`NominalAlpha`], [`IntervalAlpha`]).
//!
//! One module for evaluation, training and the window. Both kinds are gathered frame by frame and merged, so that the
//! score of a set is that of all its frames in one row, as the ABAW challenges compute it.
//!
//! Where a score is undefined it is `None`, never a number that looks like one.

mod alpha;
mod icc;

pub use alpha::{IntervalAlpha, NominalAlpha};
pub use icc::{Icc, MeanSquares};

use crate::labels::Expression;

/// Pairs of a column that are summed before they are merged.
const CHUNK: usize = 256;

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

    /// The pairs of two columns; one that lacks either number (NaN) is none. The same as pushing each, but for the last
    /// digits, and several times faster: sums of a short piece are taken about its first pair.
    pub fn of(a: &[f64], b: &[f64]) -> Self {
        let mut all = Self::default();
        for (a, b) in a.chunks(CHUNK).zip(b.chunks(CHUNK)) {
            all.merge(&Self::of_piece(a, b));
        }
        all
    }

    fn of_piece(a: &[f64], b: &[f64]) -> Self {
        let there = |(a, b): &(&f64, &f64)| !a.is_nan() && !b.is_nan();
        let Some((&first_a, &first_b)) = a.iter().zip(b).find(there) else {
            return Self::default();
        };
        let (mut n, mut sum_a, mut sum_b) = (0.0, 0.0, 0.0);
        let (mut square_a, mut square_b, mut product, mut error) = (0.0, 0.0, 0.0, 0.0);
        for (a, b) in a.iter().zip(b).filter(there) {
            // Equal numbers leave exact zeros, so that a constant series stays one.
            let (off_a, off_b) = (a - first_a, b - first_b);
            n += 1.0;
            sum_a += off_a;
            sum_b += off_b;
            square_a += off_a * off_a;
            square_b += off_b * off_b;
            product += off_a * off_b;
            error += (a - b) * (a - b);
        }
        Self {
            count: n as u64,
            mean_a: first_a + sum_a / n,
            mean_b: first_b + sum_b / n,
            square_a: (square_a - sum_a * sum_a / n).max(0.0),
            square_b: (square_b - sum_b * sum_b / n).max(0.0),
            product: product - sum_a * sum_b / n,
            error,
        }
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
        let (n, below) = (self.count as f64, self.chance_error()?);
        (below > 0.0).then(|| (2.0 * self.product / n / below).clamp(-1.0, 1.0))
    }

    /// The mean squared error that two unrelated series of these means and variances have, the denominator of
    /// [`Agreement::ccc`]: `var_a + var_b + (mean_a - mean_b)^2`, in squares of the label's unit. `None` without pairs.
    ///
    /// Since the mean squared error is `var_a + var_b - 2 cov + (mean_a - mean_b)^2`, `1 - CCC` is exactly
    /// [`Agreement::mse`] over this: of the loss of concordance a pair makes `(a - b)^2 / (n chance_error)`, and all
    /// pairs' parts sum to it.
    pub fn chance_error(&self) -> Option<f64> {
        let n = self.count as f64;
        let between = (self.mean_a - self.mean_b).powi(2);
        (self.count > 0).then(|| (self.square_a + self.square_b) / n + between)
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

    /// Cohen's kappa (1960, *Educational and Psychological Measurement* 20): agreement beyond what the two's own habits
    /// would make by chance, `(po - pe) / (1 - pe)`; at most 1, 0 as by chance. The same whichever of the two is the label.
    ///
    /// `None` without frames, and where both say one and the same expression throughout (0 / 0).
    pub fn kappa(&self) -> Option<f64> {
        let wide = |n: u64| u128::from(n);
        let right: u128 = (0..Expression::COUNT)
            .map(|i| wide(self.counts[i][i]))
            .sum();
        let chance: u128 = (0..Expression::COUNT)
            .map(|i| {
                let labelled: u128 = self.counts[i].iter().map(|&n| wide(n)).sum();
                let predicted: u128 = self.counts.iter().map(|row| wide(row[i])).sum();
                labelled * predicted
            })
            .sum();
        let n = wide(self.count());
        // In whole numbers, so that "the same throughout" is exact.
        let (above, below) = ((n * right) as f64 - chance as f64, n * n - chance);
        (below > 0).then(|| above / below as f64)
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
        assert_eq!(Agreement::of(&[0.1; 1000], &[0.1; 1000]).ccc(), None);
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

    fn confusion<const N: usize>(table: [[u64; N]; N]) -> Confusion {
        let mut confusion = Confusion::default();
        for (row, label) in table.into_iter().zip(Expression::ALL) {
            for (n, predicted) in row.into_iter().zip(Expression::ALL) {
                (0..n).for_each(|_| confusion.push(predicted, label));
            }
        }
        confusion
    }

    #[test]
    fn kappa_is_that_of_published_tables() {
        // Kundel & Polansky 2003 (Radiology 228, 303-308), table A1, 110 mammograms by two readers: .3713 as R's
        // `vcdExtra` prints it for its copy of the table.
        let mammograms = confusion([[34, 10, 2, 0], [6, 8, 8, 2], [2, 5, 4, 12], [0, 1, 2, 14]]);
        assert!((mammograms.kappa().expect("defined") - 0.3713).abs() < 0.00005);
        // Boyd et al. 1982, in Altman, *Practical Statistics for Medical Research* (1991), pp. 403-405, and Stata's
        // manual of `kap`, 85 mammograms by two radiologists: .4728.
        let radiologists = confusion([[21, 12, 0, 0], [4, 17, 1, 0], [3, 9, 15, 2], [0, 0, 0, 1]]);
        assert!((radiologists.kappa().expect("defined") - 0.4728).abs() < 0.00005);
    }

    #[test]
    fn kappa_is_none_where_chance_could_not_disagree() {
        assert_eq!(Confusion::default().kappa(), None);
        assert_eq!(confusion([[0, 0], [0, 9]]).kappa(), None);
        assert_eq!(confusion([[4, 0], [0, 9]]).kappa(), Some(1.0));
        assert_eq!(confusion([[0, 7], [0, 0]]).kappa(), Some(0.0));
        assert_eq!(confusion([[0, 5], [5, 0]]).kappa(), Some(-1.0));
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
        fn columns_are_their_pairs(
            values in prop::collection::vec((-1.0f64..1.0, -1.0f64..1.0, 0u8..6), 0..900), far in -1e2f64..1e2,
        ) {
            let a: Vec<f64> = values.iter().map(|v| if v.2 == 0 { f64::NAN } else { v.0 + far }).collect();
            let b: Vec<f64> = values.iter().map(|v| if v.2 == 1 { f64::NAN } else { v.1 }).collect();
            let there: Vec<(f64, f64)> = a.iter().copied().zip(b.iter().copied())
                .filter(|(a, b)| !a.is_nan() && !b.is_nan()).collect();
            let (quick, slow) = (Agreement::of(&a, &b), agreement(&there));
            prop_assert_eq!(quick.count(), slow.count());
            for (quick, slow) in [
                (quick.ccc(), slow.ccc()), (quick.mse(), slow.mse()), (quick.chance_error(), slow.chance_error()),
            ] {
                match (quick, slow) {
                    (Some(quick), Some(slow)) => prop_assert!((quick - slow).abs() < 1e-9 * slow.abs().max(1.0)),
                    (quick, slow) => prop_assert_eq!(quick, slow),
                }
            }
        }

        #[test]
        fn what_concordance_lacks_is_the_error_beside_that_of_chance(pairs in pairs()) {
            let all = agreement(&pairs);
            if let (Some(ccc), Some(mse), Some(chance)) = (all.ccc(), all.mse(), all.chance_error()) {
                prop_assert!((1.0 - ccc - mse / chance).abs() < 1e-9);
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
