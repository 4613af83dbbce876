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
mod tests;
