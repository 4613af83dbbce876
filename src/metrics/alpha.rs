//! Krippendorff's alpha: how far any number of raters agree beyond chance, whoever rated what.
//!
//! Krippendorff, *Computing Krippendorff's Alpha-Reliability* (University of Pennsylvania, 2011): `1 - Do / De`, the
//! disagreement that is seen within units over the one that chance would make of the same values. A unit (here: a frame)
//! counts with the values that it has; one with fewer than two takes no part. Both are gathered in one pass, from sums
//! of each unit alone, never from pairs of values.

use crate::labels::Expression;

/// Alpha of categories (the nominal difference: same or other), gathered unit by unit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct NominalAlpha {
    units: u64,
    /// How often each expression was said, in units that take part.
    counts: [u64; Expression::COUNT],
    /// Sum over the units of `pairs that differ / (values - 1)`: the coincidences off the diagonal.
    apart: f64,
}

impl NominalAlpha {
    /// Takes a unit: how many raters said each expression of it, in the order of [`Expression::ALL`].
    pub fn push(&mut self, said: &[u32; Expression::COUNT]) {
        let values: u64 = said.iter().map(|&n| u64::from(n)).sum();
        if values < 2 {
            return;
        }
        self.units += 1;
        let same: u64 = said.iter().map(|&n| u64::from(n) * u64::from(n)).sum();
        self.apart += (values * values - same) as f64 / (values - 1) as f64;
        for (count, &n) in self.counts.iter_mut().zip(said) {
            *count += u64::from(n);
        }
    }

    /// Takes all units of another.
    pub fn merge(&mut self, other: &Self) {
        self.units += other.units;
        self.apart += other.apart;
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
    }

    /// Units with two values or more.
    pub fn units(&self) -> u64 {
        self.units
    }

    /// Values in these.
    pub fn values(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The part of pairs of values within units that differ (`Do`), 0..=1. `None` without units.
    pub fn observed(&self) -> Option<f64> {
        (self.units > 0).then(|| self.apart / self.values() as f64)
    }

    /// The part of pairs of values that would differ by chance (`De`), 0..=1. `None` without units.
    pub fn expected(&self) -> Option<f64> {
        let n = u128::from(self.values());
        let same: u128 = self.counts.iter().map(|&c| u128::from(c).pow(2)).sum();
        (n > 1).then(|| (n * n - same) as f64 / (n * (n - 1)) as f64)
    }

    /// Alpha: 1 where all agree, 0 where chance would do as well, below 0 where they differ systematically.
    ///
    /// `None` without a unit that two rated, and where only one expression was ever said: chance could not disagree.
    pub fn alpha(&self) -> Option<f64> {
        let expected = self.expected()?;
        let observed = self.observed()?;
        (expected > 0.0).then(|| 1.0 - observed / expected)
    }
}

/// Alpha of numbers (the interval difference: squared), gathered unit by unit from moments.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct IntervalAlpha {
    units: u64,
    values: u64,
    /// Mean of all values in units that take part, and their squares about it.
    mean: f64,
    square: f64,
    /// Sum over the units of `values / (values - 1)` times the squares about the unit's own mean.
    apart: f64,
}

impl IntervalAlpha {
    /// Takes a unit: its values; those that are no number are missing.
    pub fn push(&mut self, said: &[f64]) {
        self.push_all(said.iter().copied());
    }

    /// As [`IntervalAlpha::push`], from wherever the values lie.
    pub fn push_all(&mut self, said: impl Iterator<Item = f64>) {
        let mut said = said.filter(|v| !v.is_nan());
        let Some(first) = said.next() else {
            return;
        };
        // About the first value: equal values leave exact zeros.
        let (mut n, mut sum, mut squares) = (1.0, 0.0, 0.0);
        for value in said {
            let off = value - first;
            n += 1.0;
            sum += off;
            squares += off * off;
        }
        if n < 2.0 {
            return;
        }
        let own = (squares - sum * sum / n).max(0.0);
        self.merge(&Self {
            units: 1,
            values: n as u64,
            mean: first + sum / n,
            square: own,
            apart: own * n / (n - 1.0),
        });
    }

    /// Takes all units of another.
    pub fn merge(&mut self, other: &Self) {
        if other.values == 0 {
            return;
        }
        if self.values == 0 {
            *self = *other;
            return;
        }
        let (n, m) = (self.values as f64, other.values as f64);
        let (off, part) = (other.mean - self.mean, m / (n + m));
        self.square += other.square + off * off * n * part;
        self.mean += off * part;
        self.units += other.units;
        self.values += other.values;
        self.apart += other.apart;
    }

    /// Units with two values or more.
    pub fn units(&self) -> u64 {
        self.units
    }

    /// Values in these.
    pub fn values(&self) -> u64 {
        self.values
    }

    /// The mean squared difference of two values of one unit (`Do`). `None` without units.
    pub fn observed(&self) -> Option<f64> {
        (self.units > 0).then(|| 2.0 * self.apart / self.values as f64)
    }

    /// The mean squared difference of two values by chance (`De`). `None` without units.
    pub fn expected(&self) -> Option<f64> {
        (self.values > 1).then(|| 2.0 * self.square / (self.values - 1) as f64)
    }

    /// Alpha: 1 where all agree, 0 where chance would do as well, below 0 where they differ systematically.
    ///
    /// `None` without a unit that two rated, and where every value is one and the same: chance could not disagree.
    pub fn alpha(&self) -> Option<f64> {
        let expected = self.expected()?;
        let observed = self.observed()?;
        (expected > 0.0).then(|| 1.0 - observed / expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Krippendorff 2011, section C: four observers, twelve units, 0 where a value is missing.
    const KRIPPENDORFF: [[u8; 12]; 4] = [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
        [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
    ];

    fn units(rows: &[Vec<u8>]) -> (NominalAlpha, IntervalAlpha) {
        let (mut nominal, mut interval) = (NominalAlpha::default(), IntervalAlpha::default());
        for unit in 0..rows.first().map_or(0, Vec::len) {
            let mut said = [0; Expression::COUNT];
            let mut values = Vec::new();
            for row in rows {
                match row[unit] {
                    0 => values.push(f64::NAN),
                    v => {
                        said[usize::from(v)] += 1;
                        values.push(f64::from(v));
                    }
                }
            }
            nominal.push(&said);
            interval.push(&values);
        }
        (nominal, interval)
    }

    #[test]
    fn the_example_of_krippendorff_2011() {
        let (nominal, interval) = units(&KRIPPENDORFF.map(Vec::from));
        // The last unit has one value, so that eleven with forty values are left.
        assert_eq!((nominal.units(), nominal.values()), (11, 40));
        assert_eq!((interval.units(), interval.values()), (11, 40));
        assert!((nominal.alpha().expect("defined") - 0.743).abs() < 0.0005);
        assert!((interval.alpha().expect("defined") - 0.849).abs() < 0.0005);
    }

    #[test]
    fn what_is_undefined_is_none() {
        let both = |rows: &[Vec<u8>]| {
            let (nominal, interval) = units(rows);
            (nominal.alpha(), interval.alpha())
        };
        assert_eq!(both(&[]), (None, None));
        assert_eq!(both(&[vec![1, 2, 3]]), (None, None), "one rater");
        assert_eq!(
            both(&[vec![1, 0, 3], vec![0, 2, 0]]),
            (None, None),
            "never on one unit"
        );
        assert_eq!(
            both(&[vec![4; 90], vec![4; 90], vec![4; 90]]),
            (None, None),
            "one value"
        );
        assert_eq!(
            both(&[vec![1, 2, 3], vec![1, 2, 3]]),
            (Some(1.0), Some(1.0))
        );
        let mut constant = IntervalAlpha::default();
        for _ in 0..1000 {
            constant.push(&[0.1, 0.1, f64::NAN, 0.1]);
        }
        assert_eq!((constant.alpha(), constant.units()), (None, 1000));
    }

    /// `1 - Do / De` over pairs of values, as it is defined.
    fn slow(rows: &[Vec<u8>], difference: impl Fn(u8, u8) -> f64) -> Option<f64> {
        let units: Vec<Vec<u8>> = (0..rows[0].len())
            .map(|u| rows.iter().map(|r| r[u]).filter(|v| *v != 0).collect())
            .filter(|u: &Vec<u8>| u.len() > 1)
            .collect();
        let all: Vec<u8> = units.iter().flatten().copied().collect();
        let pairs = |values: &[u8]| {
            let mut sum = 0.0;
            for (i, a) in values.iter().enumerate() {
                for (j, b) in values.iter().enumerate() {
                    sum += if i == j { 0.0 } else { difference(*a, *b) };
                }
            }
            sum
        };
        let n = all.len() as f64;
        let seen: f64 = units
            .iter()
            .map(|u| pairs(u) / (u.len() - 1) as f64)
            .sum::<f64>()
            / n;
        let expected = pairs(&all) / (n * (n - 1.0));
        (expected > 0.0).then(|| 1.0 - seen / expected)
    }

    proptest! {
        #[test]
        fn it_is_what_the_pairs_of_values_make_it(
            rows in (2usize..5, 1usize..30).prop_flat_map(|(k, n)| {
                prop::collection::vec(prop::collection::vec(0u8..6, n), k)
            }),
            at in any::<prop::sample::Index>(),
        ) {
            let at = at.index(rows[0].len() + 1);
            let part = |from: usize, to: usize| -> Vec<Vec<u8>> {
                rows.iter().map(|r| r[from..to].to_vec()).collect()
            };
            let (mut nominal, mut interval) = units(&part(0, at));
            let (more_nominal, more_interval) = units(&part(at, rows[0].len()));
            nominal.merge(&more_nominal);
            interval.merge(&more_interval);
            for (quick, slow) in [
                (nominal.alpha(), slow(&rows, |a, b| f64::from(u8::from(a != b)))),
                (interval.alpha(), slow(&rows, |a, b| (f64::from(a) - f64::from(b)).powi(2))),
            ] {
                match (quick, slow) {
                    (Some(quick), Some(slow)) => prop_assert!((quick - slow).abs() < 1e-9, "{} {}", quick, slow),
                    (quick, slow) => prop_assert_eq!(quick, slow),
                }
            }
        }
    }
}
