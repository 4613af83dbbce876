//! The recurrent heads while they learn, in candle's operations: a bidirectional GRU, ReLU, a full layer, for each task.

use std::ops::Range;

use candle_core::{Device, Result, Tensor, Var};
use candle_nn::ops::sigmoid;

use super::store::{Store, StoreError};
use crate::model::config::StudentConfig;

/// Weights and biases of one direction: of the input, of the state.
type Direction = [Range<usize>; 4];

#[derive(Debug, Clone)]
struct Places {
    directions: [Direction; 2],
    /// Weight and bias of the last layer.
    last: [Range<usize>; 2],
    /// Features, units of a direction, outputs.
    sizes: [usize; 3],
}

/// Both recurrent heads.
#[derive(Debug, Clone)]
pub struct Temporal {
    places: [Places; 2],
}

/// What they made of some windows, ready to be differentiated.
pub struct TemporalPass {
    learnt: Vec<(Range<usize>, Var)>,
    /// Expression logits, `[S * T, 7]`.
    pub expression: Tensor,
    /// Affect logits, `[S * T, 40]`.
    pub affect: Tensor,
}

impl Temporal {
    /// The recurrent heads of a network of this config.
    ///
    /// # Errors
    /// When the store has none.
    pub fn new(store: &Store, config: &StudentConfig) -> std::result::Result<Self, StoreError> {
        let temporal = config
            .temporal
            .as_ref()
            .ok_or_else(|| StoreError::Missing("temporal".to_owned()))?;
        let place = |task: &str, outputs: usize| {
            let at = |part: String| store.range(&format!("temporal.{task}.{part}"));
            let direction = |end: &str| {
                let [a, b, c, d] = ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]
                    .map(|p| at(format!("gru.{p}{end}")));
                Ok::<_, StoreError>([a?, b?, c?, d?])
            };
            Ok::<_, StoreError>(Places {
                directions: [direction("")?, direction("_reverse")?],
                last: [at("fc.weight".to_owned())?, at("fc.bias".to_owned())?],
                sizes: [config.heads.hidden, temporal.hidden, outputs],
            })
        };
        Ok(Self {
            places: [
                place("expression", config.heads.expression)?,
                place("affect", config.heads.affect)?,
            ],
        })
    }

    /// Logits of every step of some windows. `features`: those of the expression head and of the affect head,
    /// `[S, T, 128]` each.
    ///
    /// # Errors
    /// candle's.
    pub fn forward(
        &self,
        store: &Store,
        features: [&[f32]; 2],
        windows: usize,
    ) -> Result<TemporalPass> {
        let mut learnt = Vec::new();
        let mut logits = Vec::new();
        for (places, features) in self.places.iter().zip(features) {
            let [width, units, outputs] = places.sizes;
            let steps = features.len() / (windows * width);
            let x = Tensor::from_slice(features, (windows, steps, width), &Device::Cpu)?; // [S, T, 128]
            let mut sides = Vec::new();
            for (direction, backwards) in places.directions.iter().zip([false, true]) {
                sides.push(side(store, &mut learnt, &x, direction, units, backwards)?);
            }
            let both = Tensor::cat(&sides, 2)?.relu()?; // [S, T, 2 * units]
            let rows = both.reshape((windows * steps, 2 * units))?;
            let weight = var(store, &mut learnt, &places.last[0], &[outputs, 2 * units])?;
            let bias = var(store, &mut learnt, &places.last[1], &[outputs])?;
            logits.push(rows.matmul(&weight.t()?)?.broadcast_add(&bias)?); // [S * T, outputs]
        }
        let none = || candle_core::Error::Msg("a recurrent head is missing".to_owned());
        let (affect, expression) = (logits.pop(), logits.pop());
        Ok(TemporalPass {
            learnt,
            expression: expression.ok_or_else(none)?,
            affect: affect.ok_or_else(none)?,
        })
    }
}

impl TemporalPass {
    /// Slopes of a loss made of the logits are added to `grads`.
    ///
    /// # Errors
    /// candle's.
    pub fn backward(&self, loss: &Tensor, grads: &mut [f32]) -> Result<()> {
        add_slopes(loss, &self.learnt, grads).map(drop)
    }
}

/// One direction of a GRU: `[S, T, 128]` to `[S, T, units]` (gates r, z, n as PyTorch has them).
fn side(
    store: &Store,
    learnt: &mut Vec<(Range<usize>, Var)>,
    x: &Tensor,
    [input, state, input_bias, state_bias]: &Direction,
    units: usize,
    backwards: bool,
) -> Result<Tensor> {
    let (windows, steps, width) = x.dims3()?;
    let input = var(store, learnt, input, &[3 * units, width])?;
    let state = var(store, learnt, state, &[3 * units, units])?.t()?;
    let input_bias = var(store, learnt, input_bias, &[3 * units])?;
    let state_bias = var(store, learnt, state_bias, &[3 * units])?;
    let gates = x
        .reshape((windows * steps, width))?
        .matmul(&input.t()?)?
        .broadcast_add(&input_bias)?;
    let gates = gates.reshape((windows, steps, 3 * units))?; // [S, T, 3 * units]
    let mut h = Tensor::zeros((windows, units), x.dtype(), x.device())?; // [S, units]
    let mut out = vec![None; steps];
    let order: Box<dyn Iterator<Item = usize>> = if backwards {
        Box::new((0..steps).rev())
    } else {
        Box::new(0..steps)
    };
    for t in order {
        let i = gates.narrow(1, t, 1)?.squeeze(1)?; // [S, 3 * units]
        let s = h.matmul(&state)?.broadcast_add(&state_bias)?; // [S, 3 * units]
        let part = |g: &Tensor, k: usize| g.narrow(1, k * units, units);
        let r = sigmoid(&(part(&i, 0)? + part(&s, 0)?)?)?;
        let z = sigmoid(&(part(&i, 1)? + part(&s, 1)?)?)?;
        let n = (part(&i, 2)? + (r * part(&s, 2)?)?)?.tanh()?;
        h = (&n + (z * (h - &n)?)?)?;
        out[t] = Some(h.clone());
    }
    Tensor::stack(&out.into_iter().flatten().collect::<Vec<_>>(), 1)
}

/// A value that is learnt, as candle has it.
pub(super) fn var(
    store: &Store,
    learnt: &mut Vec<(Range<usize>, Var)>,
    range: &Range<usize>,
    shape: &[usize],
) -> Result<Tensor> {
    let var = Var::from_slice(&store.values[range.clone()], shape, &Device::Cpu)?;
    learnt.push((range.clone(), var.clone()));
    Ok(var.as_tensor().clone())
}

/// Adds the slopes of what is learnt to `grads`; gives all slopes.
pub(super) fn add_slopes(
    loss: &Tensor,
    learnt: &[(Range<usize>, Var)],
    grads: &mut [f32],
) -> Result<candle_core::backprop::GradStore> {
    let slopes = loss.backward()?;
    for (range, var) in learnt {
        if let Some(slope) = slopes.get(var) {
            let slope = slope.flatten_all()?.to_vec1::<f32>()?;
            grads[range.clone()]
                .iter_mut()
                .zip(slope)
                .for_each(|(sum, g)| *sum += g);
        }
    }
    Ok(slopes)
}
