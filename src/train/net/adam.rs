//! The optimiser's step.

use std::ops::Range;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::store::Store;
use crate::model::conv::isa::InstructionSet;
use crate::model::conv::passes::{self, AdamStep};

/// Values that one piece of work takes.
const CHUNK: usize = 1 << 16;

/// Adam's constants.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AdamConfig {
    /// Decay of the mean of slopes.
    pub beta1: f32,
    /// Decay of the mean of their squares.
    pub beta2: f32,
    /// Added to the root.
    pub epsilon: f32,
    /// Decoupled weight decay, of weights alone: norms and biases keep theirs.
    pub weight_decay: f32,
}

impl Default for AdamConfig {
    /// The paper's.
    fn default() -> Self {
        Self {
            beta1: 0.5,
            beta2: 0.999,
            epsilon: 1e-8,
            weight_decay: 0.0,
        }
    }
}

/// What Adam remembers, for the values that a phase learns.
#[derive(Debug, Clone)]
pub struct Adam {
    config: AdamConfig,
    /// Places in the store, and whether they decay.
    ranges: Vec<(Range<usize>, bool)>,
    /// Steps so far.
    pub steps: u64,
    /// Means of slopes, as long as what the store learns.
    pub first: Vec<f32>,
    /// Means of their squares.
    pub second: Vec<f32>,
}

impl Adam {
    /// For those of a store's learnt tensors that `learns` names.
    pub fn new(config: AdamConfig, store: &Store, learns: impl Fn(&str) -> bool) -> Self {
        let learnt = store
            .entries()
            .iter()
            .filter(|e| e.range.end <= store.learnt());
        let ranges = learnt
            .filter(|e| learns(&e.name))
            .map(|e| (e.range.clone(), e.shape.len() > 1))
            .collect();
        Self {
            config,
            ranges,
            steps: 0,
            first: vec![0.0; store.learnt()],
            second: vec![0.0; store.learnt()],
        }
    }

    /// One step down these slopes (as long as what the store learns).
    pub fn step(&mut self, store: &mut Store, grads: &[f32], rate: f64) {
        self.steps += 1;
        let set = InstructionSet::chosen();
        let t = self.steps as i32;
        let AdamConfig {
            beta1,
            beta2,
            epsilon,
            weight_decay,
        } = self.config;
        let step = AdamStep {
            rate: (rate / (1.0 - f64::from(beta1).powi(t))) as f32,
            second_scale: (1.0 / (1.0 - f64::from(beta2).powi(t)).sqrt()) as f32,
            beta1,
            beta2,
            epsilon,
            decay: 0.0,
        };
        for (range, decays) in &self.ranges {
            let step = AdamStep {
                decay: if *decays {
                    (rate * f64::from(weight_decay)) as f32
                } else {
                    0.0
                },
                ..step
            };
            let memory = (
                self.first[range.clone()].par_chunks_mut(CHUNK),
                self.second[range.clone()].par_chunks_mut(CHUNK),
            );
            let values = store.values[range.clone()].par_chunks_mut(CHUNK);
            (
                memory.0,
                memory.1,
                values,
                grads[range.clone()].par_chunks(CHUNK),
            )
                .into_par_iter()
                .for_each(|(first, second, values, grads)| {
                    passes::adam(set, grads, &step, first, second, values);
                });
        }
    }

    /// True when every slope of what is learnt is a number.
    pub fn are_numbers(&self, grads: &[f32]) -> bool {
        self.ranges.iter().all(|(range, _)| {
            let chunks = grads[range.clone()].par_chunks(CHUNK);
            chunks.all(|grads| grads.iter().all(|g| g.is_finite()))
        })
    }
}
