//! The two heads while they learn, in candle's operations: small, and they differentiate themselves.

use std::ops::Range;

use candle_core::{Device, Result, Tensor, Var};

use super::gru::{add_slopes, var};
use super::store::{Store, StoreError};
use crate::model::config::StudentConfig;

/// As PyTorch's batch norm.
const EPSILON: f64 = 1e-5;
const MOMENTUM: f32 = 0.1;

/// One head's places in the store.
#[derive(Debug, Clone)]
pub(super) struct Places {
    /// Scale, shift, running mean and variance of both norms.
    pub norms: [[Range<usize>; 4]; 2],
    /// Weight and bias of both layers.
    pub layers: [[Range<usize>; 2]; 2],
    /// Inputs, hidden units, outputs.
    pub sizes: [usize; 3],
}

/// Both heads.
#[derive(Debug, Clone)]
pub struct Heads {
    places: [Places; 2],
}

/// What both heads made of a batch, ready to be differentiated.
pub struct HeadsPass {
    pooled: Var,
    learnt: Vec<(Range<usize>, Var)>,
    /// Expression logits, `[B, 7]`.
    pub expression: Tensor,
    /// Affect logits, `[B, 40]`: valence bins, then arousal bins.
    pub affect: Tensor,
}

impl Heads {
    /// The heads of a network of this config.
    ///
    /// # Errors
    /// When the store is not of this config.
    pub fn new(store: &Store, config: &StudentConfig) -> std::result::Result<Self, StoreError> {
        let heads = &config.heads;
        let place = |task: &str, outputs: usize| {
            let at = |part: String| store.range(&format!("heads.{task}.{part}"));
            let norm = |name: &str| {
                let [a, b, c, d] = ["weight", "bias", "running_mean", "running_var"]
                    .map(|f| at(format!("{name}.{f}")));
                Ok::<_, StoreError>([a?, b?, c?, d?])
            };
            let layer = |name: &str| {
                let [a, b] = ["weight", "bias"].map(|f| at(format!("{name}.{f}")));
                Ok::<_, StoreError>([a?, b?])
            };
            Ok::<_, StoreError>(Places {
                norms: [norm("bn0")?, norm("bn1")?],
                layers: [layer("fc0")?, layer("fc1")?],
                sizes: [config.backbone.pooled(), heads.hidden, outputs],
            })
        };
        Ok(Self {
            places: [
                place("expression", heads.expression)?,
                place("affect", heads.affect)?,
            ],
        })
    }

    /// Where both lie, the expression head first.
    pub(super) fn places(&self) -> &[Places; 2] {
        &self.places
    }

    /// Logits of a batch of pooled features, `[B, pooled]`. Moments are the batch's own, and move the running ones.
    ///
    /// # Errors
    /// candle's.
    pub fn forward(&self, store: &mut Store, pooled: &[f32]) -> Result<HeadsPass> {
        let width = self.places[0].sizes[0];
        let pooled = Var::from_slice(pooled, (pooled.len() / width, width), &Device::Cpu)?; // [B, pooled]
        let mut learnt = Vec::new();
        let mut logits = Vec::new();
        for places in &self.places {
            let [inputs, hidden, outputs] = places.sizes;
            let x = norm(store, &mut learnt, &pooled, &places.norms[0])?; // [B, pooled]
            let x = layer(store, &mut learnt, &x, &places.layers[0], (inputs, hidden))?.relu()?; // [B, hidden]
            let x = norm(store, &mut learnt, &x, &places.norms[1])?; // [B, hidden]
            logits.push(layer(
                store,
                &mut learnt,
                &x,
                &places.layers[1],
                (hidden, outputs),
            )?); // [B, outputs]
        }
        let (affect, expression) = (logits.pop(), logits.pop());
        let none = || candle_core::Error::Msg("a head is missing".to_owned());
        Ok(HeadsPass {
            pooled,
            learnt,
            expression: expression.ok_or_else(none)?,
            affect: affect.ok_or_else(none)?,
        })
    }
}

impl Heads {
    /// Logits of pooled features by the running moments, in `values` that lie as a store's: `[B, pooled]` to `[B * 7]` and
    /// `[B * 40]`.
    ///
    /// # Errors
    /// candle's.
    pub fn settled(&self, values: &[f32], pooled: &[f32]) -> Result<[Vec<f32>; 2]> {
        let width = self.places[0].sizes[0];
        let pooled = Tensor::from_slice(pooled, (pooled.len() / width, width), &Device::Cpu)?; // [B, pooled]
        let tensor = |range: &Range<usize>, shape: &[usize]| {
            Tensor::from_slice(&values[range.clone()], shape, &Device::Cpu)
        };
        let norm = |x: &Tensor, places: &[Range<usize>; 4]| {
            let [scale, shift, mean, var] = places;
            let of = |range| tensor(range, &[1, x.dim(1)?]);
            let deviation = (of(var)? + EPSILON)?.sqrt()?;
            x.broadcast_sub(&of(mean)?)?
                .broadcast_div(&deviation)?
                .broadcast_mul(&of(scale)?)?
                .broadcast_add(&of(shift)?)
        };
        let layer = |x: &Tensor, [weight, bias]: &[Range<usize>; 2], from: usize, to: usize| {
            x.matmul(&tensor(weight, &[to, from])?.t()?)?
                .broadcast_add(&tensor(bias, &[to])?)
        };
        let mut logits = [Vec::new(), Vec::new()];
        for (places, logits) in self.places.iter().zip(&mut logits) {
            let [inputs, hidden, outputs] = places.sizes;
            let x = norm(&pooled, &places.norms[0])?; // [B, pooled]
            let x = layer(&x, &places.layers[0], inputs, hidden)?.relu()?; // [B, hidden]
            let x = norm(&x, &places.norms[1])?; // [B, hidden]
            *logits = layer(&x, &places.layers[1], hidden, outputs)? // [B, outputs]
                .flatten_all()?
                .to_vec1()?;
        }
        Ok(logits)
    }
}

impl HeadsPass {
    /// Slopes of a loss made of the logits: those of the heads' values are added to `grads`, those of the pooled
    /// features come back, `[B, pooled]`.
    ///
    /// # Errors
    /// candle's.
    pub fn backward(&self, loss: &Tensor, grads: &mut [f32]) -> Result<Vec<f32>> {
        let slopes = add_slopes(loss, &self.learnt, grads)?;
        match slopes.get(&self.pooled) {
            Some(slope) => slope.flatten_all()?.to_vec1(),
            None => Ok(vec![0.0; self.pooled.elem_count()]),
        }
    }
}

/// A batch norm in training: by the batch's own moments. `[B, C]`
fn norm(
    store: &mut Store,
    learnt: &mut Vec<(Range<usize>, Var)>,
    x: &Tensor,
    places: &[Range<usize>; 4],
) -> Result<Tensor> {
    let [scale, shift, running_mean, running_var] = places;
    let count = x.dim(0)?;
    let mean = x.mean_keepdim(0)?; // [1, C]
    let off = x.broadcast_sub(&mean)?; // [B, C]
    let variance = off.sqr()?.mean_keepdim(0)?; // [1, C]
    let unbiased = count as f32 / (count as f32 - 1.0).max(1.0);
    for (range, new, by) in [
        (running_mean, &mean, 1.0),
        (running_var, &variance, unbiased),
    ] {
        let new = new.flatten_all()?.to_vec1::<f32>()?;
        for (old, new) in store.values[range.clone()].iter_mut().zip(new) {
            *old += MOMENTUM * (by * new - *old);
        }
    }
    let deviation = (variance + EPSILON)?.sqrt()?;
    let width = [x.dim(1)?];
    let (scale, shift) = (
        var(store, learnt, scale, &width)?,
        var(store, learnt, shift, &width)?,
    );
    off.broadcast_div(&deviation)?
        .broadcast_mul(&scale)?
        .broadcast_add(&shift)
}

/// `x W' + b`: `[B, from]` to `[B, to]`.
pub(super) fn layer(
    store: &Store,
    learnt: &mut Vec<(Range<usize>, Var)>,
    x: &Tensor,
    [weight, bias]: &[Range<usize>; 2],
    (from, to): (usize, usize),
) -> Result<Tensor> {
    let weight = var(store, learnt, weight, &[to, from])?;
    let bias = var(store, learnt, bias, &[to])?;
    x.matmul(&weight.t()?)?.broadcast_add(&bias)
}
