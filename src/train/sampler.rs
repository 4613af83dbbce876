//! Which faces come next: drawn by their labels' rarity, or each once an epoch.
//!
//! The paper's CNN phases draw with replacement, rare labels as often as common ones: an expression by one over the
//! count of its class, valence and arousal by one over the count of their cell in a 20x20 histogram over the labels' own
//! range, both by the sum of the two. Weights of one set are scaled to a maximum of 1, as the reference has them.

use serde::{Deserialize, Serialize};

use super::random::Rng;
use crate::labels::Expression;

/// Cells of the histogram along each axis.
pub const CELLS: usize = 20;

/// Weights of faces by their expressions: one over the count of the class.
pub fn expression_weights(labels: &[Expression]) -> Vec<f64> {
    let mut counts = [0u64; Expression::COUNT];
    for label in labels {
        counts[label.index()] += 1;
    }
    let weight = |label: &Expression| 1.0 / counts[label.index()] as f64;
    labels.iter().map(weight).collect()
}

/// Weights of faces by `[valence, arousal]`: one over the count of the cell that `numpy.histogram2d(bins=20)` puts them
/// in: equal cells over the labels' own range, the upper edge within the last one.
pub fn affect_weights(labels: &[[f32; 2]]) -> Vec<f64> {
    let along = |axis: usize| {
        let values: Vec<f64> = labels.iter().map(|l| f64::from(l[axis])).collect();
        cells(&values)
    };
    let (valence, arousal) = (along(0), along(1));
    let mut counts = vec![0u64; CELLS * CELLS];
    let places: Vec<usize> = valence
        .iter()
        .zip(&arousal)
        .map(|(v, a)| v * CELLS + a)
        .collect();
    for &place in &places {
        counts[place] += 1;
    }
    places.iter().map(|&p| 1.0 / counts[p] as f64).collect()
}

/// Weights of faces that carry both: the sum of the two, scaled to a maximum of 1.
pub fn joint_weights(expressions: &[Expression], affects: &[[f32; 2]]) -> Vec<f64> {
    let both = expression_weights(expressions)
        .into_iter()
        .zip(affect_weights(affects));
    scaled(both.map(|(e, a)| e + a).collect())
}

/// Weights with the highest at 1.
pub fn scaled(mut weights: Vec<f64>) -> Vec<f64> {
    let most = weights.iter().copied().fold(0.0, f64::max);
    if most > 0.0 {
        for weight in &mut weights {
            *weight /= most;
        }
    }
    weights
}

/// The cell of each value along one axis.
fn cells(values: &[f64]) -> Vec<usize> {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    // As numpy has it for values that are all the same.
    let (low, high) = if low == high {
        (low - 0.5, high + 0.5)
    } else {
        (low, high)
    };
    // As numpy's linspace computes them; the last is the range's end itself.
    let step = (high - low) / CELLS as f64;
    let mut edges: Vec<f64> = (0..CELLS).map(|i| i as f64 * step + low).collect();
    edges.push(high);
    values
        .iter()
        .map(|value| {
            let right = edges.partition_point(|edge| edge <= value);
            // The range's end belongs to the last cell.
            right.clamp(1, CELLS) - 1
        })
        .collect()
}

/// Draws places `0..len` with replacement, by weights.
#[derive(Debug, Clone)]
pub struct Weighted {
    /// The sum of the weights up to each.
    sums: Vec<f64>,
}

/// Weights that nothing can be drawn by.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum WeightsFault {
    /// There is none above 0.
    #[error("there is nothing to draw: no face has a weight above 0")]
    Nothing,
    /// One is negative or no number.
    #[error("the weight of face {place} is {weight}")]
    Bad {
        /// Which, from 0.
        place: usize,
        /// What it is.
        weight: f64,
    },
}

impl Weighted {
    /// From one weight a place, each at least 0.
    ///
    /// # Errors
    /// When one is none, or all are 0.
    pub fn new(weights: &[f64]) -> Result<Self, WeightsFault> {
        let mut sum = 0.0;
        let mut sums = Vec::with_capacity(weights.len());
        for (place, &weight) in weights.iter().enumerate() {
            if !(weight >= 0.0 && weight.is_finite()) {
                return Err(WeightsFault::Bad { place, weight });
            }
            sum += weight;
            sums.push(sum);
        }
        if !(sum > 0.0 && sum.is_finite()) {
            return Err(WeightsFault::Nothing);
        }
        Ok(Self { sums })
    }

    /// The next place.
    pub fn draw(&self, rng: &mut Rng) -> usize {
        let total = self.sums.last().copied().unwrap_or(0.0);
        let at = rng.unit() * total;
        // A place of weight 0 has the sum of the one before it, and is never the first above.
        let place = self.sums.partition_point(|&sum| sum <= at);
        // Rounding may put `at` on the total itself.
        if place < self.sums.len() {
            place
        } else {
            self.sums.partition_point(|&sum| sum < total)
        }
    }
}

/// How a sampler draws.
#[derive(Debug, Clone)]
enum Way {
    Weighted(Weighted),
    /// The order of this epoch.
    Shuffled(Vec<usize>),
}

/// What a sampler is asked to draw next depends on this alone, and on what it was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SamplerState {
    /// The generator: as it is, or as it was when this epoch was shuffled.
    pub rng: Rng,
    /// How many were drawn in this epoch.
    pub position: usize,
}

/// Draws faces for ever; see [`Sampler::state`] for how it goes on after a break.
#[derive(Debug, Clone)]
pub struct Sampler {
    indices: Vec<usize>,
    way: Way,
    /// For a shuffled one, as it was before the shuffle.
    rng: Rng,
    position: usize,
}

/// A sampler that cannot be, or a state that is not its own.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SamplerError {
    /// The weights.
    #[error(transparent)]
    Weights(#[from] WeightsFault),
    /// There are no faces.
    #[error("there are no faces to draw from")]
    Empty,
    /// The weights are not one a face.
    #[error("there are {weights} weights for {faces} faces")]
    Lengths {
        /// How many weights.
        weights: usize,
        /// How many faces.
        faces: usize,
    },
    /// The position lies behind the end.
    #[error("the checkpoint is at face {position} of {faces}: it is of another set")]
    Position {
        /// As the state has it.
        position: usize,
        /// How many there are.
        faces: usize,
    },
}

impl Sampler {
    /// Draws with replacement: `indices` (of a set's faces) by one weight each.
    ///
    /// # Errors
    /// When there is nothing to draw.
    pub fn weighted(indices: Vec<usize>, weights: &[f64], rng: Rng) -> Result<Self, SamplerError> {
        if indices.len() != weights.len() {
            return Err(SamplerError::Lengths {
                weights: weights.len(),
                faces: indices.len(),
            });
        }
        let way = Way::Weighted(Weighted::new(weights)?);
        Ok(Self {
            indices,
            way,
            rng,
            position: 0,
        })
    }

    /// Draws each once an epoch, every epoch in another order.
    ///
    /// # Errors
    /// When there are none.
    pub fn shuffled(indices: Vec<usize>, rng: Rng) -> Result<Self, SamplerError> {
        if indices.is_empty() {
            return Err(SamplerError::Empty);
        }
        let mut sampler = Self {
            way: Way::Shuffled(Vec::new()),
            indices,
            rng,
            position: 0,
        };
        sampler.shuffle();
        Ok(sampler)
    }

    /// How many draws are an epoch: as many as there are faces.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    /// Never: a sampler has something to draw.
    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// How many were drawn in this epoch.
    pub fn position(&self) -> usize {
        self.position
    }

    /// The order of the epoch that begins with the generator as it is, which stays so.
    fn shuffle(&mut self) {
        if let Way::Shuffled(order) = &mut self.way {
            order.clear();
            order.extend(0..self.indices.len());
            self.rng.clone().shuffle(order);
        }
    }

    /// Begins the next epoch.
    fn turn(&mut self) {
        self.position = 0;
        if let Way::Shuffled(order) = &mut self.way {
            // To where the shuffle of the last epoch left it.
            self.rng.shuffle(order);
            self.shuffle();
        }
    }

    /// The next face.
    pub fn draw(&mut self) -> usize {
        if self.position == self.indices.len() {
            self.turn();
        }
        let place = match &self.way {
            Way::Weighted(weighted) => weighted.draw(&mut self.rng),
            Way::Shuffled(order) => order[self.position],
        };
        self.position += 1;
        self.indices[place]
    }

    /// The next `count` faces.
    pub fn batch(&mut self, count: usize) -> Vec<usize> {
        (0..count).map(|_| self.draw()).collect()
    }

    /// For a checkpoint.
    pub fn state(&self) -> SamplerState {
        SamplerState {
            rng: self.rng.clone(),
            position: self.position,
        }
    }

    /// Goes on from a checkpoint; the sampler must have been made of the same faces and weights.
    ///
    /// # Errors
    /// When the state cannot be this sampler's.
    pub fn restore(&mut self, state: &SamplerState) -> Result<(), SamplerError> {
        if state.position > self.indices.len() {
            return Err(SamplerError::Position {
                position: state.position,
                faces: self.indices.len(),
            });
        }
        self.rng = state.rng.clone();
        self.position = state.position;
        self.shuffle();
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
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
}
