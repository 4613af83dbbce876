//! The random numbers of training: one small generator whose whole state goes into a checkpoint.
//!
//! The generator is xoshiro256++ (Blackman and Vigna 2019). How its bits become numbers is written down here and not
//! left to a library: the same seed must make the same training in a year, too.

use rand_xoshiro::rand_core::{Rng as _, SeedableRng as _};
use rand_xoshiro::{SplitMix64, Xoshiro256PlusPlus};
use serde::{Deserialize, Serialize};

/// A generator of random numbers. Written as `{"s":[u64; 4]}`, its whole state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Xoshiro256PlusPlus", into = "Xoshiro256PlusPlus")]
pub struct Rng(Xoshiro256PlusPlus);

/// A state of nothing but zeros: such a generator gives zeros for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a random state of nothing but zeros; the checkpoint is damaged")]
pub struct ZeroState;

impl TryFrom<Xoshiro256PlusPlus> for Rng {
    type Error = ZeroState;

    fn try_from(inner: Xoshiro256PlusPlus) -> Result<Self, ZeroState> {
        // The library itself never makes such a state from a seed.
        let zero = serde_json::from_value(serde_json::json!({ "s": [0, 0, 0, 0] }));
        if zero.is_ok_and(|zero: Xoshiro256PlusPlus| zero == inner) {
            return Err(ZeroState);
        }
        Ok(Self(inner))
    }
}

impl From<Rng> for Xoshiro256PlusPlus {
    fn from(rng: Rng) -> Self {
        rng.0
    }
}

impl Rng {
    /// A generator from a seed.
    pub fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// A generator of its own for a place in the training, such as `[epoch, step, sample]`: what it gives does not
    /// depend on which thread asks, or when.
    pub fn stream(seed: u64, place: &[u64]) -> Self {
        // Each number is mixed before and after it joins, so that neighbours do not meet; turned, so that a number that
        // is the state's own does not undo it.
        let mix = |value| SplitMix64::seed_from_u64(value).next_u64();
        let seed = place.iter().fold(mix(seed), |state, &part| {
            mix(state.rotate_left(23).wrapping_add(mix(part)))
        });
        Self::new(seed)
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform in `0.0..1.0`, in steps of 2^-53.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// Uniform from `low` up to `high`.
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + self.unit() * (high - low)
    }

    /// True with this chance, 0..=1.
    pub fn chance(&mut self, chance: f64) -> bool {
        self.unit() < chance
    }

    /// Uniform in `0..count`, exactly; 0 where `count` is 0.
    pub fn below(&mut self, count: usize) -> usize {
        let count = count as u64;
        if count < 2 {
            return 0;
        }
        // Multiply and reject (Lemire 2019).
        loop {
            let product = u128::from(self.bits()) * u128::from(count);
            if product as u64 >= count.wrapping_neg() % count {
                return (product >> 64) as usize;
            }
        }
    }

    /// Normal, of mean 0 and standard deviation 1 (Box and Muller 1958).
    pub fn normal(&mut self) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Puts the items into a random order, each order as likely as any (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    // By name: proptest's prelude has another.
    use super::Rng;
    use proptest::prelude::*;

    #[test]
    fn a_state_that_was_written_goes_on_where_it_was() {
        let mut rng = Rng::new(7);
        let drawn: Vec<u64> = (0..100).map(|_| rng.bits()).collect();
        let text = serde_json::to_string(&rng).unwrap();
        let mut again: Rng = serde_json::from_str(&text).unwrap();
        assert_eq!(again, rng);
        for _ in 0..100 {
            assert_eq!(again.bits(), rng.bits());
        }
        assert!(!drawn.contains(&again.bits()));
        assert!(serde_json::from_str::<Rng>(r#"{"s":[0,0,0,0]}"#).is_err());
        assert!(serde_json::from_str::<Rng>(r#"{"s":[1,0,0]}"#).is_err());
    }

    #[test]
    fn what_a_seed_gives_is_settled() {
        // Computed apart, from the authors' definition of both generators. Whatever changes these numbers changes every
        // training that was written down.
        let mut rng = Rng::new(1);
        let drawn = [rng.bits(), rng.bits(), rng.bits()];
        let wanted = [
            0xcfc5_d07f_6f03_c29b,
            0xbf42_4132_963f_e08d,
            0x19a3_7d57_57aa_f520,
        ];
        assert_eq!(drawn, wanted);
        let mut rng = Rng::stream(1, &[2, 3]);
        let wanted = [0x17cc_bb7a_66e5_1385, 0xa360_2079_199a_a89b];
        assert_eq!([rng.bits(), rng.bits()], wanted);
        assert_eq!(Rng::new(1).below(1000), 811);
    }

    #[test]
    fn numbers_are_spread_as_they_should() {
        let mut rng = Rng::new(3);
        let count = 200_000;
        let (mut sum, mut squares, mut fourth, mut ten) = (0.0, 0.0, 0.0, [0usize; 10]);
        for _ in 0..count {
            let x = rng.normal();
            sum += x;
            squares += x * x;
            fourth += x.powi(4);
            ten[rng.below(10)] += 1;
        }
        let n = f64::from(count);
        assert!((sum / n).abs() < 0.01 && (squares / n - 1.0).abs() < 0.02);
        assert!((fourth / n - 3.0).abs() < 0.1);
        assert!(
            ten.iter().all(|&c| c.abs_diff(count as usize / 10) < 700),
            "{ten:?}"
        );
    }

    #[test]
    fn neighbouring_places_have_nothing_in_common() {
        let mut seen = std::collections::HashSet::new();
        for a in 0..50 {
            for b in 0..50 {
                assert!(seen.insert(Rng::stream(0, &[a, b]).bits()));
                assert!(seen.insert(Rng::stream(0, &[a, b, 0]).bits()));
            }
        }
    }

    proptest! {
        #[test]
        fn ranges_are_kept(seed: u64, count in 1usize..1000, low in -5f64..5.0, wide in 0f64..9.0) {
            let mut rng = Rng::new(seed);
            prop_assert!(rng.below(count) < count);
            let x = rng.between(low, low + wide);
            prop_assert!(x >= low && x <= low + wide);
            let mut items: Vec<usize> = (0..count).collect();
            rng.shuffle(&mut items);
            items.sort_unstable();
            prop_assert_eq!(items, (0..count).collect::<Vec<_>>());
        }
    }
}
