//! Intraclass correlations: how far one of several raters may stand for all of them.

/// The raters' values for many targets, gathered target by target, and the intraclass correlations of the two-way
/// random model with absolute agreement (Shrout & Fleiss 1979, *Psychological Bulletin* 86: their case 2; McGraw & Wong
/// 1996, *Psychological Methods* 1: `ICC(A,1)` and `ICC(A,k)`).
///
/// A target (here: a frame) has a value of every rater or takes no part. Kept are the mean and the squares of the
/// targets' means, and for each rater those of what they say beyond the target's mean (Welford 1962, merged after Chan
/// et al. 1979). The residual of a rating in the two-way layout is just that, less the rater's own mean, so no sum of
/// squares is a small difference of large ones: series far from zero lose no digits, and equal ratings leave exact zeros.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Icc {
    targets: u64,
    /// Mean of the targets' means, and their squares about it.
    mean: f64,
    square: f64,
    /// For each rater, of rating minus the target's mean: the mean, and the squares about it.
    raters: Vec<(f64, f64)>,
}

/// The mean squares of the two-way layout, as Shrout & Fleiss name them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MeanSquares {
    /// Between targets (BMS), `n - 1` degrees of freedom.
    pub targets: f64,
    /// Between raters (JMS), `k - 1`.
    pub raters: f64,
    /// Residual (EMS), `(n - 1)(k - 1)`.
    pub residual: f64,
}

impl Icc {
    /// For so many raters.
    pub fn new(raters: usize) -> Self {
        Self {
            raters: vec![(0.0, 0.0); raters],
            ..Self::default()
        }
    }

    /// Takes a target: a value of each rater, in one order. A target that lacks a rater, or has a value that is no
    /// number, takes no part; says whether it did.
    pub fn push(&mut self, ratings: &[f64]) -> bool {
        if ratings.is_empty()
            || ratings.len() != self.raters.len()
            || ratings.iter().any(|r| r.is_nan())
        {
            return false;
        }
        self.targets += 1;
        let part = 1.0 / self.targets as f64;
        // About the first value: equal ratings have exactly that mean.
        let first = ratings[0];
        let beyond: f64 = ratings.iter().map(|r| r - first).sum();
        let mean = first + beyond / ratings.len() as f64;
        let off = mean - self.mean;
        self.mean += off * part;
        self.square += off * (mean - self.mean);
        for ((own, square), rating) in self.raters.iter_mut().zip(ratings) {
            let value = rating - mean;
            let off = value - *own;
            *own += off * part;
            *square += off * (value - *own);
        }
        true
    }

    /// Takes all targets of another of the same raters; one of other raters is left.
    pub fn merge(&mut self, other: &Self) {
        if other.targets == 0 || other.raters.len() != self.raters.len() {
            return;
        }
        if self.targets == 0 {
            *self = other.clone();
            return;
        }
        let (n, m) = (self.targets as f64, other.targets as f64);
        let (share, part) = (n * m / (n + m), m / (n + m));
        let off = other.mean - self.mean;
        self.square += other.square + off * off * share;
        self.mean += off * part;
        for ((own, square), (mean, more)) in self.raters.iter_mut().zip(&other.raters) {
            let off = mean - *own;
            *square += more + off * off * share;
            *own += off * part;
        }
        self.targets += other.targets;
    }

    /// Targets taken: those that all raters rated.
    pub fn targets(&self) -> u64 {
        self.targets
    }

    /// Raters.
    pub fn raters(&self) -> usize {
        self.raters.len()
    }

    /// The mean squares. `None` with fewer than two targets or two raters.
    pub fn mean_squares(&self) -> Option<MeanSquares> {
        if self.targets < 2 || self.raters.len() < 2 {
            return None;
        }
        let (n, k) = (self.targets as f64, self.raters.len() as f64);
        // The raters' means about the targets' means have mean zero but for rounding.
        let between: f64 = self.raters.iter().map(|(own, _)| own * own).sum();
        let residual: f64 = self.raters.iter().map(|(_, square)| square).sum();
        Some(MeanSquares {
            targets: k * self.square / (n - 1.0),
            raters: n * between / (k - 1.0),
            residual: residual / ((n - 1.0) * (k - 1.0)),
        })
    }

    /// `ICC(2,1)`: how far a single rater's value may be relied on,
    /// `(BMS - EMS) / (BMS + (k - 1) EMS + k (JMS - EMS) / n)`. At most 1; below 0 where raters differ on the targets
    /// more than the targets differ.
    ///
    /// `None` with fewer than two targets or raters, and where every rating is one and the same number (0 / 0).
    pub fn single(&self) -> Option<f64> {
        let (n, k, ms) = (
            self.targets as f64,
            self.raters.len() as f64,
            self.mean_squares()?,
        );
        let below = ms.targets + (k - 1.0) * ms.residual + k * (ms.raters - ms.residual) / n;
        (below > 0.0).then(|| ((ms.targets - ms.residual) / below).min(1.0))
    }

    /// `ICC(2,k)`: how far the mean of these raters may be relied on, `(BMS - EMS) / (BMS + (JMS - EMS) / n)`. At most
    /// 1; below 0 without limit.
    ///
    /// `None` with fewer than two targets or raters; and where the denominator, an estimate of a variance, is not above
    /// 0: every rating is one and the same number, or the targets hardly differ beside the residual.
    pub fn mean(&self) -> Option<f64> {
        let (n, ms) = (self.targets as f64, self.mean_squares()?);
        let below = ms.targets + (ms.raters - ms.residual) / n;
        (below > 0.0).then(|| ((ms.targets - ms.residual) / below).min(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn icc(rows: &[Vec<f64>]) -> Icc {
        let mut icc = Icc::new(rows.first().map_or(0, Vec::len));
        for row in rows {
            assert!(icc.push(row));
        }
        icc
    }

    /// Shrout & Fleiss 1979, table 2: four judges' ratings of six targets.
    const SHROUT_FLEISS: [[f64; 4]; 6] = [
        [9.0, 2.0, 5.0, 8.0],
        [6.0, 1.0, 3.0, 2.0],
        [8.0, 4.0, 6.0, 8.0],
        [7.0, 1.0, 2.0, 6.0],
        [10.0, 5.0, 6.0, 9.0],
        [6.0, 2.0, 4.0, 7.0],
    ];

    #[test]
    fn the_example_of_shrout_and_fleiss_1979() {
        let icc = icc(&SHROUT_FLEISS.map(Vec::from));
        // Their tables 3 and 4: BMS 11.24, JMS 32.49, EMS 1.02; ICC(2,1) .29, ICC(2,4) .62.
        let ms = icc.mean_squares().expect("six targets");
        assert!((ms.targets - 11.24).abs() < 0.005, "{ms:?}");
        assert!((ms.raters - 32.49).abs() < 0.005, "{ms:?}");
        assert!((ms.residual - 1.02).abs() < 0.005, "{ms:?}");
        assert!((icc.single().expect("defined") - 0.290).abs() < 0.0005);
        assert!((icc.mean().expect("defined") - 0.620).abs() < 0.0005);
        assert_eq!((icc.targets(), icc.raters()), (6, 4));
    }

    #[test]
    fn what_is_undefined_is_none() {
        let none = (None, None);
        let both = |rows: &[Vec<f64>]| (icc(rows).single(), icc(rows).mean());
        assert_eq!(both(&[]), none);
        assert_eq!(both(&[vec![0.1, 0.2, 0.3]]), none, "one target");
        assert_eq!(both(&[vec![0.1], vec![0.7]]), none, "one rater");
        assert_eq!(
            both(&vec![vec![0.1, 0.1, 0.1]; 50]),
            none,
            "one number everywhere"
        );
        // Targets do not differ, raters do: they agree in nothing, as CCC has it for two constants.
        let (single, mean) = both(&vec![vec![0.1, 0.7]; 50]);
        assert_eq!((single, mean), (Some(0.0), Some(0.0)));
        // Two raters in perfect opposition: the targets' means do not differ.
        let (single, mean) = both(&[vec![0.5, -0.5], vec![-0.5, 0.5], vec![0.25, -0.25]]);
        assert!(single.expect("defined") < 0.0, "{single:?}");
        assert_eq!(mean, None);
    }

    #[test]
    fn a_target_that_lacks_a_rater_takes_no_part() {
        let mut gathered = Icc::new(4);
        for row in SHROUT_FLEISS {
            assert!(gathered.push(&row));
            assert!(!gathered.push(&[row[0], f64::NAN, row[2], row[3]]));
            assert!(!gathered.push(&row[..3]));
        }
        assert_eq!(gathered, icc(&SHROUT_FLEISS.map(Vec::from)));
        gathered.merge(&Icc::new(3));
        assert_eq!(gathered.targets(), 6);
    }

    /// The sums of squares as textbooks have them.
    fn slow(rows: &[Vec<f64>]) -> (f64, f64) {
        let (n, k) = (rows.len() as f64, rows[0].len() as f64);
        let grand = rows.iter().flatten().sum::<f64>() / (n * k);
        let target: Vec<f64> = rows.iter().map(|r| r.iter().sum::<f64>() / k).collect();
        let rater: Vec<f64> = (0..rows[0].len())
            .map(|j| rows.iter().map(|r| r[j]).sum::<f64>() / n)
            .collect();
        let mut residual = 0.0;
        for (row, target) in rows.iter().zip(&target) {
            for (x, rater) in row.iter().zip(&rater) {
                residual += (x - target - rater + grand).powi(2);
            }
        }
        let squares = |means: &[f64]| means.iter().map(|m| (m - grand).powi(2)).sum::<f64>();
        let (b, j, e) = (
            k * squares(&target) / (n - 1.0),
            n * squares(&rater) / (k - 1.0),
            residual / ((n - 1.0) * (k - 1.0)),
        );
        (
            (b - e) / (b + (k - 1.0) * e + k * (j - e) / n),
            (b - e) / (b + (j - e) / n),
        )
    }

    proptest! {
        #[test]
        fn gathered_in_parts_it_is_the_textbook(
            rows in (2usize..6).prop_flat_map(|k| {
                prop::collection::vec(prop::collection::vec(-1.0f64..1.0, k), 3..40)
            }),
            at in any::<prop::sample::Index>(), far in -100f64..100.0,
        ) {
            let far: Vec<Vec<f64>> = rows.iter().map(|r| r.iter().map(|x| x + far).collect()).collect();
            let (left, right) = far.split_at(at.index(far.len() + 1));
            let mut merged = Icc::new(rows[0].len());
            merged.merge(&icc(left));
            merged.merge(&icc(right));
            prop_assert_eq!(merged.targets(), rows.len() as u64);
            let (single, mean) = slow(&rows);
            prop_assert!((merged.single().expect("they vary") - single).abs() < 1e-9);
            if let Some(merged) = merged.mean() {
                prop_assert!((merged - mean).abs() < 1e-6 * mean.abs().max(1.0), "{} {}", merged, mean);
            }
        }
    }
}
