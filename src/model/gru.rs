//! A bidirectional GRU with its output layer, on the host.
//!
//! 32 steps of 128 numbers are too small for candle's operations (and their launches on a GPU): a step is two rows
//! times a matrix, by our own loops.

use std::cell::RefCell;

use super::calibration::Calibration;
use super::conv::add_row_product;
use super::conv::isa::InstructionSet;
use super::weights::{Weights, WeightsError};

/// One direction; gates in PyTorch's order r, z, n.
struct Direction {
    hidden: usize,
    w_ih: Vec<f32>, // [input, 3 * hidden]
    w_hh: Vec<f32>, // [hidden, 3 * hidden]
    b_ih: Vec<f32>, // [3 * hidden]
    b_hh: Vec<f32>, // [3 * hidden]
}

/// `[rows, columns]` to `[columns, rows]`.
fn transpose(matrix: &[f32], columns: usize) -> Vec<f32> {
    (0..columns)
        .flat_map(|column| matrix.iter().skip(column).step_by(columns).copied())
        .collect()
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

impl Direction {
    fn load(
        weights: &Weights,
        name: &str,
        suffix: &str,
        (input, hidden): (usize, usize),
    ) -> Result<Self, WeightsError> {
        let get = |part: &str, shape: &[usize]| {
            weights.values(&format!("{name}.gru.{part}{suffix}"), shape)
        };
        Ok(Self {
            hidden,
            w_ih: transpose(&get("weight_ih", &[3 * hidden, input])?, input),
            w_hh: transpose(&get("weight_hh", &[3 * hidden, hidden])?, hidden),
            b_ih: get("bias_ih", &[3 * hidden])?,
            b_hh: get("bias_hh", &[3 * hidden])?,
        })
    }

    /// h' = (1 - z) n + z h, with n = tanh(W_in x + b_in + r (W_hn h + b_hn))  (Cho et al. 2014, as PyTorch has it)
    fn step(&self, x: &[f32], h: &mut [f32], scratch: &mut Scratch) {
        let n = self.hidden;
        let set = InstructionSet::chosen();
        let Scratch { from_x, from_h, .. } = scratch;
        from_x.clear();
        from_x.extend_from_slice(&self.b_ih);
        add_row_product(set, x, &self.w_ih, from_x);
        from_h.clear();
        from_h.extend_from_slice(&self.b_hh);
        add_row_product(set, h, &self.w_hh, from_h);
        for (i, value) in h.iter_mut().enumerate() {
            let r = sigmoid(from_x[i] + from_h[i]);
            let z = sigmoid(from_x[n + i] + from_h[n + i]);
            // tanh(a) = 2 sigmoid(2a) - 1: right to the last digits of a gate, and one exponential.
            let new = 2.0 * sigmoid(2.0 * (from_x[2 * n + i] + r * from_h[2 * n + i])) - 1.0;
            *value = (1.0 - z) * new + z * *value;
        }
    }
}

#[derive(Default)]
struct Scratch {
    from_x: Vec<f32>,
    from_h: Vec<f32>,
    state: Vec<f32>,
}

thread_local! {
    /// Outlives a call, so that a reading allocates nothing but what it gives.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// GRU -> ReLU -> FC, for one task.
pub struct TemporalHead {
    forward: Direction,
    backward: Direction,
    fc: Vec<f32>,      // [2 * hidden, outputs]
    fc_bias: Vec<f32>, // [outputs]
}

impl TemporalHead {
    /// Reads `temporal.{name}.gru.*` and `temporal.{name}.fc`.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn load(
        weights: &Weights,
        name: &str,
        input: usize,
        hidden: usize,
        (outputs, calibration): (usize, &Calibration),
    ) -> Result<Self, WeightsError> {
        let task = name;
        let name = format!("temporal.{task}");
        let mut fc = weights.values(&format!("{name}.fc.weight"), &[outputs, 2 * hidden])?;
        let mut fc_bias = weights.values(&format!("{name}.fc.bias"), &[outputs])?;
        calibration.soften(task, &mut fc, &mut fc_bias);
        Ok(Self {
            forward: Direction::load(weights, &name, "", (input, hidden))?,
            backward: Direction::load(weights, &name, "_reverse", (input, hidden))?,
            fc: transpose(&fc, 2 * hidden),
            fc_bias,
        })
    }

    /// Logits of every step of a sequence: `[T][outputs]`.
    pub fn sequence(&self, steps: &[&[f32]]) -> Vec<Vec<f32>> {
        let n = self.forward.hidden;
        let mut states = vec![vec![0.0; 2 * n]; steps.len()];
        let mut h = vec![0.0; n];
        SCRATCH.with_borrow_mut(|scratch| {
            for (x, state) in steps.iter().zip(&mut states) {
                self.forward.step(x, &mut h, scratch);
                state[..n].copy_from_slice(&h);
            }
            h.fill(0.0);
            for (x, state) in steps.iter().zip(&mut states).rev() {
                self.backward.step(x, &mut h, scratch);
                state[n..].copy_from_slice(&h);
            }
        });
        let logits = states.iter_mut().map(|state| {
            let mut logits = self.fc_bias.clone();
            self.output(state, &mut logits);
            logits
        });
        logits.collect()
    }

    /// Logits of one step of a sequence of `count`, into `logits [outputs]`, at the price of that step: what lies behind
    /// it and before it is run once, in one direction each. Allocates nothing. False when there is no such step.
    pub fn at<'a>(
        &self,
        count: usize,
        step: impl Fn(usize) -> &'a [f32],
        position: usize,
        logits: &mut [f32],
    ) -> bool {
        if position >= count || logits.len() != self.fc_bias.len() {
            return false;
        }
        let n = self.forward.hidden;
        SCRATCH.with_borrow_mut(|scratch| {
            let mut state = std::mem::take(&mut scratch.state);
            state.clear();
            state.resize(2 * n, 0.0);
            for i in 0..=position {
                self.forward.step(step(i), &mut state[..n], scratch);
            }
            for i in (position..count).rev() {
                self.backward.step(step(i), &mut state[n..], scratch);
            }
            logits.copy_from_slice(&self.fc_bias);
            self.output(&mut state, logits);
            scratch.state = state;
        });
        true
    }

    /// ReLU and the output layer: adds to the bias that `logits` holds.
    fn output(&self, state: &mut [f32], logits: &mut [f32]) {
        state.iter_mut().for_each(|v| *v = v.max(0.0));
        add_row_product(InstructionSet::chosen(), state, &self.fc, logits);
    }
}
