//! The landmark network over a fixed batch, forth and back: its convolutions by our own kernels, the two full layers in
//! candle's operations.

use std::ops::Range;
use std::sync::Arc;

use candle_core::{Device, Result, Tensor, Var};
use rayon::prelude::*;

use super::gru::add_slopes;
use super::heads::layer;
use super::plane::{Plane, Spare};
use super::store::{Store, StoreError, padded};
use super::unit::{Shape, Unit};
use crate::model::conv::isa::InstructionSet;
use crate::model::conv::products::{Gather, Geometry};
use crate::model::points::{PointsConfig, SIDE_PX, level};

/// Padding of the first layer, stored around each picture.
const PAD: usize = 1;

/// A landmark network with room for a batch.
pub struct Points {
    batch: usize,
    /// Pictures with their padding, `[B, 66, 66]`.
    input: Vec<f32>,
    layers: Vec<(Unit, Plane)>,
    /// Side of what the last layer gives, and its channels in the file.
    last: (usize, usize),
    /// Weight and bias of both full layers.
    full: [[Range<usize>; 2]; 2],
    hidden: usize,
    outputs: usize,
    spare: Spare,
}

/// What the network made of a batch, ready to be differentiated.
pub struct PointsPass {
    flat: Var,
    learnt: Vec<(Range<usize>, Var)>,
    /// `[B, outputs]`
    pub out: Tensor,
}

impl Points {
    /// Room for batches of just this many pictures.
    ///
    /// # Errors
    /// When the store is not of this config.
    pub fn new(
        set: InstructionSet,
        store: &Store,
        config: &PointsConfig,
        batch: usize,
    ) -> std::result::Result<Self, StoreError> {
        let (mut side, mut from) = (SIDE_PX, 1);
        let mut layers = Vec::new();
        for (i, layer) in config.layers.iter().enumerate() {
            let first = i == 0;
            let geometry = Geometry {
                batch,
                from: (side, side),
                stride: from,
                head: if first { 0 } else { from },
                kernel: 3,
                step: layer.step,
                pad: PAD,
                stored: first,
            };
            let to = padded(layer.channels);
            let gather = Arc::new(Gather::new(&geometry));
            // Nobody asks for the slopes of the picture.
            let back = (!first).then(|| Arc::new(Gather::back(&geometry, to)));
            let shape = Shape {
                from,
                to: layer.channels,
                geometry,
            };
            let name = format!("layers.{i}");
            let unit = Unit::new(set, store, &name, &shape, &gather, back.as_ref())?;
            let plane = Plane::new(unit.rows(), unit.channels());
            layers.push((unit, plane));
            (side, from) = (geometry.to().0, to);
        }
        let at = |name: &str| {
            let [weight, bias] =
                ["weight", "bias"].map(|part| store.range(&format!("{name}.{part}")));
            Ok::<_, StoreError>([weight?, bias?])
        };
        let wide = SIDE_PX + 2 * PAD;
        Ok(Self {
            batch,
            input: vec![0.0; batch * wide * wide],
            layers,
            last: (side, config.last_channels()),
            full: [at("fc0")?, at("fc1")?],
            hidden: config.hidden,
            outputs: config.outputs(),
            spare: Spare::default(),
        })
    }

    /// Pictures of a batch.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// What comes out for a batch of pictures, `pixels [B, 64, 64]`. Moments are the batch's own, and move the running
    /// ones in the store.
    ///
    /// # Errors
    /// candle's.
    pub fn forward(&mut self, store: &mut Store, pixels: &[u8]) -> Result<PointsPass> {
        self.fill(pixels);
        for i in 0..self.layers.len() {
            let (before, rest) = self.layers.split_at_mut(i);
            let from = before.last().map_or(&*self.input, |(_, plane)| plane.all());
            let (unit, plane) = &mut rest[0];
            unit.forward(store, from);
            unit.relu(plane);
        }
        let (side, channels) = self.last;
        let pixels = side * side;
        let mut flat = vec![0.0; self.batch * pixels * channels];
        if let Some((_, last)) = self.layers.last() {
            let stored = last.channels();
            let pictures = last.values().chunks_exact(pixels * stored);
            for (flat, values) in flat.chunks_exact_mut(pixels * channels).zip(pictures) {
                for (i, pixel) in values.chunks_exact(stored).enumerate() {
                    for (c, value) in pixel[..channels].iter().enumerate() {
                        flat[c * pixels + i] = *value;
                    }
                }
            }
        }
        let flat = Var::from_vec(flat, (self.batch, channels * pixels), &Device::Cpu)?; // [B, C * side * side]
        let mut learnt = Vec::new();
        let [fc0, fc1] = &self.full;
        let wide = channels * pixels;
        let x = layer(store, &mut learnt, &flat, fc0, (wide, self.hidden))?.relu()?; // [B, hidden]
        let out = layer(store, &mut learnt, &x, fc1, (self.hidden, self.outputs))?; // [B, outputs]
        Ok(PointsPass { flat, learnt, out })
    }

    /// Slopes of a loss made of the last batch's numbers, back through all of it: those of the store's values are added
    /// to `grads`.
    ///
    /// # Errors
    /// candle's.
    pub fn backward(
        &mut self,
        store: &Store,
        pass: &PointsPass,
        loss: &Tensor,
        grads: &mut [f32],
    ) -> Result<()> {
        let slopes = add_slopes(loss, &pass.learnt, grads)?;
        let (side, channels) = self.last;
        let (Some(flat), Some((last, _))) = (slopes.get(&pass.flat), self.layers.last()) else {
            return Ok(());
        };
        let flat = flat.flatten_all()?.to_vec1::<f32>()?;
        let (pixels, stored) = (side * side, last.channels());
        let mut slopes = self.spare.take(last.rows(), stored);
        let pictures = slopes.values_mut().chunks_exact_mut(pixels * stored);
        for (to, flat) in pictures.zip(flat.chunks_exact(pixels * channels)) {
            for (i, pixel) in to.chunks_exact_mut(stored).enumerate() {
                pixel[channels..].fill(0.0);
                for (c, slope) in pixel[..channels].iter_mut().enumerate() {
                    *slope = flat[c * pixels + i];
                }
            }
        }
        for i in (0..self.layers.len()).rev() {
            let (before, rest) = self.layers.split_at_mut(i);
            let (unit, _) = &mut rest[0];
            unit.norm_back(store, true, &mut slopes, grads);
            let Some((_, from)) = before.last() else {
                unit.weight_back(&self.input, &slopes, grads);
                break;
            };
            unit.weight_back(from.all(), &slopes, grads);
            let mut of_read = self.spare.take(before[i - 1].0.rows(), from.channels());
            unit.back(store, &slopes, false, &mut of_read);
            self.spare.give(std::mem::replace(&mut slopes, of_read));
        }
        self.spare.give(slopes);
        Ok(())
    }

    /// Writes the input within its padding.
    fn fill(&mut self, pixels: &[u8]) {
        let wide = SIDE_PX + 2 * PAD;
        assert_eq!(pixels.len(), self.batch * SIDE_PX * SIDE_PX);
        self.input
            .par_chunks_mut(wide * wide)
            .zip(pixels.par_chunks(SIDE_PX * SIDE_PX))
            .for_each(|(to, from)| {
                for (y, row) in from.chunks_exact(SIDE_PX).enumerate() {
                    let at = (y + PAD) * wide + PAD;
                    for (to, &byte) in to[at..at + SIDE_PX].iter_mut().zip(row) {
                        *to = level(byte);
                    }
                }
            });
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
