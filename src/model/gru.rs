//! A bidirectional GRU with its output layer, on the host.
//!
//! 32 steps of 128 numbers are too small for candle's operations (and their launches on a GPU); plain loops over
//! transposed weights, which the compiler vectorises, take well under a millisecond.

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

/// `out += x * matrix` with `matrix [x.len(), out.len()]`.
fn add_row_product(x: &[f32], matrix: &[f32], out: &mut [f32]) {
    for (value, row) in x.iter().zip(matrix.chunks_exact(out.len())) {
        for (o, w) in out.iter_mut().zip(row) {
            *o += value * w;
        }
    }
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
        let Scratch { from_x, from_h } = scratch;
        from_x.clear();
        from_x.extend_from_slice(&self.b_ih);
        add_row_product(x, &self.w_ih, from_x);
        from_h.clear();
        from_h.extend_from_slice(&self.b_hh);
        add_row_product(h, &self.w_hh, from_h);
        for (i, value) in h.iter_mut().enumerate() {
            let r = sigmoid(from_x[i] + from_h[i]);
            let z = sigmoid(from_x[n + i] + from_h[n + i]);
            let new = (from_x[2 * n + i] + r * from_h[2 * n + i]).tanh();
            *value = (1.0 - z) * new + z * *value;
        }
    }
}

#[derive(Default)]
struct Scratch {
    from_x: Vec<f32>,
    from_h: Vec<f32>,
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
        outputs: usize,
    ) -> Result<Self, WeightsError> {
        let name = format!("temporal.{name}");
        let fc = weights.values(&format!("{name}.fc.weight"), &[outputs, 2 * hidden])?;
        Ok(Self {
            forward: Direction::load(weights, &name, "", (input, hidden))?,
            backward: Direction::load(weights, &name, "_reverse", (input, hidden))?,
            fc: transpose(&fc, 2 * hidden),
            fc_bias: weights.values(&format!("{name}.fc.bias"), &[outputs])?,
        })
    }

    /// Logits of every step of a sequence: `[T][outputs]`.
    pub fn sequence(&self, steps: &[&[f32]]) -> Vec<Vec<f32>> {
        let n = self.forward.hidden;
        let mut scratch = Scratch::default();
        let mut states = vec![vec![0.0; 2 * n]; steps.len()];
        let mut h = vec![0.0; n];
        for (x, state) in steps.iter().zip(&mut states) {
            self.forward.step(x, &mut h, &mut scratch);
            state[..n].copy_from_slice(&h);
        }
        h.fill(0.0);
        for (x, state) in steps.iter().zip(&mut states).rev() {
            self.backward.step(x, &mut h, &mut scratch);
            state[n..].copy_from_slice(&h);
        }
        states.iter().map(|state| self.output(state)).collect()
    }

    /// Logits of one step of a sequence, at the price of that step: what lies behind it and before it is run once,
    /// in one direction each. `None` when there is no such step.
    pub fn at(&self, steps: &[&[f32]], position: usize) -> Option<Vec<f32>> {
        if position >= steps.len() {
            return None;
        }
        let n = self.forward.hidden;
        let mut scratch = Scratch::default();
        let mut state = vec![0.0; 2 * n];
        for x in &steps[..=position] {
            self.forward.step(x, &mut state[..n], &mut scratch);
        }
        for x in steps[position..].iter().rev() {
            self.backward.step(x, &mut state[n..], &mut scratch);
        }
        Some(self.output(&state))
    }

    fn output(&self, state: &[f32]) -> Vec<f32> {
        let mut out = self.fc_bias.clone();
        let positive: Vec<f32> = state.iter().map(|v| v.max(0.0)).collect();
        add_row_product(&positive, &self.fc, &mut out);
        out
    }
}
