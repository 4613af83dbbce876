//! The two heads on the GPU.

use std::ops::Range;

use super::block::{Back, take};
use super::device::{Gpu, GpuError, Values};
use super::norms::NormAt;
use super::unit::{Norming, Scratch, Wants};
use crate::train::net::heads::{Heads, Places};
use crate::train::net::unit::{EPSILON, MOMENTUM};

/// Norms are of whole tiles of channels.
const TILE: usize = 32;

/// A norm: what it did to the last batch, and how slopes go back.
struct Norm {
    at: NormAt,
    width: usize,
    norm: Values,
    by: Values,
}

/// One head.
struct Head {
    norms: [Norm; 2],
    layers: [[Range<usize>; 2]; 2],
    /// Inputs, hidden units, outputs.
    sizes: [usize; 3],
    batch: usize,
    /// `norm(pooled)`, what the first layer makes of it, the norm of that, and logits.
    normed: Values,
    hidden: Values,
    feature: Values,
    logits: Values,
}

/// Both heads.
pub(super) struct GpuHeads([Head; 2]);

impl Norm {
    fn new(gpu: &Gpu, places: &[Range<usize>; 4], width: usize) -> Result<Self, GpuError> {
        let [scale, shift, mean, var] = [0, 1, 2, 3].map(|i| places[i].start as u64);
        Ok(Self {
            at: NormAt {
                scale,
                shift,
                mean,
                var,
            },
            width,
            norm: gpu.zeros(4 * width)?,
            by: gpu.zeros(3 * width)?,
        })
    }

    fn forward(
        &mut self,
        gpu: &Gpu,
        values: &mut Values,
        (x, rows): (&Values, usize),
        scratch: &mut Scratch,
        by: Norming,
        out: &mut Values,
    ) -> Result<(), GpuError> {
        let shape = (rows, self.width);
        match by {
            Norming::Batch => gpu.norm_of_batch(
                x,
                shape,
                (values, self.at),
                (MOMENTUM, EPSILON),
                (&mut scratch.partial, &mut self.norm),
            )?,
            Norming::Settled => {
                gpu.norm_settled(self.width, (values, self.at), EPSILON, &mut self.norm)?;
            }
        }
        gpu.normed((x, &self.norm), shape, out)
    }

    fn backward(
        &mut self,
        back: &mut Back<'_>,
        (x, slopes, rows): (&Values, &Values, usize),
        out: &mut Values,
    ) -> Result<(), GpuError> {
        let shape = (rows, self.width);
        back.gpu.norm_sums_back(
            (slopes, x, &self.norm),
            shape,
            false,
            (back.values, self.at),
            (&mut back.scratch.partial, &mut self.by, back.grads),
        )?;
        back.gpu
            .norm_back((slopes, x, &self.norm, &self.by), shape, false, out)
    }
}

impl Head {
    fn new(gpu: &Gpu, places: &Places, batch: usize) -> Result<Self, GpuError> {
        let sizes = places.sizes;
        let [inputs, hidden, outputs] = sizes;
        Ok(Self {
            norms: [
                Norm::new(gpu, &places.norms[0], inputs)?,
                Norm::new(gpu, &places.norms[1], hidden)?,
            ],
            layers: places.layers.clone(),
            sizes,
            batch,
            normed: gpu.zeros(batch * inputs)?,
            hidden: gpu.zeros(batch * hidden)?,
            feature: gpu.zeros(batch * hidden)?,
            logits: gpu.zeros(batch * outputs)?,
        })
    }

    fn forward(
        &mut self,
        gpu: &Gpu,
        values: &mut Values,
        pooled: &Values,
        scratch: &mut Scratch,
        by: Norming,
    ) -> Result<Vec<f32>, GpuError> {
        let ([inputs, hidden, outputs], rows) = (self.sizes, self.batch);
        let [first, second] = &mut self.norms;
        first.forward(gpu, values, (pooled, rows), scratch, by, &mut self.normed)?;
        let layer = (&*values, &self.layers[0], hidden);
        gpu.layer((&self.normed, rows, inputs), layer, true, &mut self.hidden)?;
        second.forward(
            gpu,
            values,
            (&self.hidden, rows),
            scratch,
            by,
            &mut self.feature,
        )?;
        let layer = (&*values, &self.layers[1], outputs);
        gpu.layer(
            (&self.feature, rows, hidden),
            layer,
            false,
            &mut self.logits,
        )?;
        let mut logits = vec![0.0; rows * outputs];
        let all = 0..logits.len();
        gpu.get(&self.logits, all, &mut logits)?;
        Ok(logits)
    }

    /// Slopes of logits to slopes of pooled features.
    fn backward(
        &mut self,
        back: &mut Back<'_>,
        (pooled, slopes): (&Values, &[f32]),
        out: &mut Values,
    ) -> Result<(), GpuError> {
        let ([inputs, hidden, outputs], rows, gpu) = (self.sizes, self.batch, back.gpu);
        let [first, second] = &mut self.norms;
        gpu.set(slopes, &mut self.logits)?;
        let of = (&self.logits, outputs);
        let weights = (&mut *back.grads, &self.layers[1]);
        gpu.layer_weights_back((&self.feature, rows, hidden), of, weights)?;
        let mut of_feature = take(back.spare, gpu, rows * hidden)?;
        let weight = (back.values, &self.layers[1][0], hidden);
        gpu.layer_back((&self.logits, rows, outputs), weight, &mut of_feature)?;
        let mut of_hidden = take(back.spare, gpu, rows * hidden)?;
        second.backward(back, (&self.hidden, &of_feature, rows), &mut of_hidden)?;
        gpu.mask(&self.hidden, rows * hidden, &mut of_hidden)?;
        let weights = (&mut *back.grads, &self.layers[0]);
        gpu.layer_weights_back((&self.normed, rows, inputs), (&of_hidden, hidden), weights)?;
        let mut of_normed = take(back.spare, gpu, rows * inputs)?;
        let weight = (back.values, &self.layers[0][0], inputs);
        gpu.layer_back((&of_hidden, rows, hidden), weight, &mut of_normed)?;
        first.backward(back, (pooled, &of_normed, rows), out)?;
        back.spare.extend([of_feature, of_hidden, of_normed]);
        Ok(())
    }
}

impl GpuHeads {
    /// `None` where widths are no whole tiles: then the CPU has to do them.
    pub fn new(
        gpu: &Gpu,
        heads: &Heads,
        batch: usize,
        wants: &mut Wants,
    ) -> Result<Option<Self>, GpuError> {
        let places = heads.places();
        let whole = |places: &Places| places.sizes[..2].iter().all(|n| n.is_multiple_of(TILE));
        if !places.iter().all(whole) {
            return Ok(None);
        }
        for width in places.iter().flat_map(|p| &p.sizes[..2]) {
            wants.partial(batch, *width);
        }
        let [expression, affect] = places;
        Ok(Some(Self([
            Head::new(gpu, expression, batch)?,
            Head::new(gpu, affect, batch)?,
        ])))
    }

    /// Logits of pooled features, `[B * 7]` and `[B * 40]`.
    pub fn forward(
        &mut self,
        gpu: &Gpu,
        values: &mut Values,
        pooled: &Values,
        scratch: &mut Scratch,
        by: Norming,
    ) -> Result<[Vec<f32>; 2], GpuError> {
        let [expression, affect] = &mut self.0;
        Ok([
            expression.forward(gpu, values, pooled, scratch, by)?,
            affect.forward(gpu, values, pooled, scratch, by)?,
        ])
    }

    /// Slopes of logits to slopes of pooled features.
    pub fn backward(
        &mut self,
        back: &mut Back<'_>,
        pooled: &Values,
        slopes: [&[f32]; 2],
        out: &mut Values,
    ) -> Result<(), GpuError> {
        let [expression, affect] = &mut self.0;
        let len = affect.batch * affect.sizes[0];
        let mut other = take(back.spare, back.gpu, len)?;
        expression.backward(back, (pooled, slopes[0]), out)?;
        affect.backward(back, (pooled, slopes[1]), &mut other)?;
        back.gpu.add(&other, len, out)?;
        back.spare.push(other);
        Ok(())
    }
}
