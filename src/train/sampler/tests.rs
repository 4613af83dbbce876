//! Samplers against the formula, and over breaks.

#![allow(clippy::unwrap_used)]

use super::*;
// By name: proptest's prelude has another.
use crate::train::random::Rng;
use proptest::prelude::*;

fn labels() -> impl Strategy<Value = Vec<(usize, [f32; 2])>> {
    let value = || prop_oneof![-1f32..=1.0, Just(0.0), Just(1.0), Just(-1.0)];
    prop::collection::vec((0..7usize, [value(), value()]), 1..200)
}

/// The cell of a value by walking along the edges, as the words say it.
fn cell(value: f64, all: &[f64]) -> usize {
    let low = all.iter().copied().fold(f64::MAX, f64::min);
    let high = all.iter().copied().fold(f64::MIN, f64::max);
    let (low, high) = if low == high {
        (low - 0.5, low + 0.5)
    } else {
        (low, high)
    };
    let step = (high - low) / 20.0;
    let mut cell = 0;
    while cell < 19 && value >= (cell + 1) as f64 * step + low {
        cell += 1;
    }
    cell
}

proptest! {
    #[test]
    fn weights_are_those_of_the_formula(all in labels()) {
        let expressions: Vec<Expression> = all.iter().map(|(e, _)| Expression::ALL[*e]).collect();
        let affects: Vec<[f32; 2]> = all.iter().map(|(_, a)| *a).collect();
        let axis = |k: usize| affects.iter().map(|a| f64::from(a[k])).collect::<Vec<f64>>();
        let (valence, arousal) = (axis(0), axis(1));
        let places: Vec<(usize, usize)> = valence.iter().zip(&arousal)
            .map(|(v, a)| (cell(*v, &valence), cell(*a, &arousal))).collect();
        let mut sums = Vec::new();
        for (i, weight) in affect_weights(&affects).into_iter().enumerate() {
            let shared = places.iter().filter(|p| **p == places[i]).count() as f64;
            prop_assert_eq!(weight, 1.0 / shared);
            let of_class = expressions.iter().filter(|e| **e == expressions[i]).count() as f64;
            prop_assert_eq!(expression_weights(&expressions)[i], 1.0 / of_class);
            sums.push(1.0 / of_class + weight);
        }
        let most = sums.iter().copied().fold(0.0, f64::max);
        for (weight, sum) in joint_weights(&expressions, &affects).into_iter().zip(sums) {
            prop_assert!((weight - sum / most).abs() < 1e-12 && weight <= 1.0);
        }
    }

    #[test]
    fn a_sampler_goes_on_where_its_state_was_written(
        seed: u64, count in 1usize..60, before in 0usize..200, shuffled: bool,
    ) {
        let indices: Vec<usize> = (0..count).map(|i| i * 3 + 1).collect();
        let weights: Vec<f64> = (0..count).map(|i| 1.0 / (i + 1) as f64).collect();
        let make = || match shuffled {
            true => Sampler::shuffled(indices.clone(), Rng::new(seed)).unwrap(),
            false => Sampler::weighted(indices.clone(), &weights, Rng::new(seed)).unwrap(),
        };
        let mut whole = make();
        whole.batch(before);
        let text = serde_json::to_string(&whole.state()).unwrap();
        let mut again = match shuffled {
            true => Sampler::shuffled(indices.clone(), Rng::new(0)).unwrap(),
            false => Sampler::weighted(indices.clone(), &weights, Rng::new(0)).unwrap(),
        };
        again.restore(&serde_json::from_str(&text).unwrap()).unwrap();
        prop_assert_eq!(whole.batch(150), again.batch(150));
        prop_assert_eq!(whole.state(), again.state());
    }

    #[test]
    fn a_shuffled_epoch_has_each_face_once(seed: u64, count in 2usize..100) {
        let indices: Vec<usize> = (100..100 + count).collect();
        let mut sampler = Sampler::shuffled(indices.clone(), Rng::new(seed)).unwrap();
        let mut last = Vec::new();
        for epoch in 0..3 {
            let order = sampler.batch(count);
            let mut sorted = order.clone();
            sorted.sort_unstable();
            prop_assert_eq!(&sorted, &indices);
            prop_assert!(epoch == 0 || count < 10 || order != last);
            last = order;
        }
    }

    #[test]
    fn what_has_no_weight_is_never_drawn(seed: u64, weights in prop::collection::vec(prop_oneof![Just(0.0), 0f64..2.0], 1..50)) {
        match Weighted::new(&weights) {
            Ok(weighted) => {
                let mut rng = Rng::new(seed);
                for _ in 0..200 {
                    prop_assert!(weights[weighted.draw(&mut rng)] > 0.0);
                }
            }
            Err(error) => {
                prop_assert_eq!(error, WeightsFault::Nothing);
                prop_assert!(weights.iter().all(|w| *w == 0.0));
            }
        }
    }
}

#[test]
fn faces_are_drawn_as_often_as_their_weights_say() {
    let weights = [1.0, 0.0, 0.25, 0.5, 0.25];
    let weighted = Weighted::new(&weights).unwrap();
    let mut rng = Rng::new(5);
    let mut counts = [0usize; 5];
    for _ in 0..100_000 {
        counts[weighted.draw(&mut rng)] += 1;
    }
    for (count, weight) in counts.into_iter().zip(weights) {
        assert!(
            (count as f64 / 100_000.0 - weight / 2.0).abs() < 0.01,
            "{counts:?}"
        );
    }
}

#[test]
fn what_cannot_be_drawn_from_is_told() {
    assert_eq!(
        Sampler::shuffled(Vec::new(), Rng::new(0)).unwrap_err(),
        SamplerError::Empty
    );
    assert!(Sampler::weighted(vec![1, 2], &[1.0], Rng::new(0)).is_err());
    assert!(Sampler::weighted(vec![1, 2], &[1.0, -1.0], Rng::new(0)).is_err());
    assert!(Sampler::weighted(vec![1, 2], &[1.0, f64::NAN], Rng::new(0)).is_err());
    let mut sampler = Sampler::shuffled(vec![1, 2], Rng::new(0)).unwrap();
    let mut state = sampler.state();
    state.position = 3;
    assert!(sampler.restore(&state).is_err());
}
