//! A convolution with its batch norm, forth and back.

use std::ops::Range;
use std::sync::Arc;

use rayon::prelude::*;

use super::plane::{CHUNK, Plane};
use super::store::{Store, StoreError, padded};
use crate::model::conv::isa::InstructionSet;
use crate::model::conv::passes::{self, Backward, Scaling};
use crate::model::conv::products::{Gather, Geometry, Panels, outer, product};

/// As PyTorch's, and the reference's.
pub(super) const EPSILON: f64 = 1e-5;
/// What a batch adds to the running moments.
pub(super) const MOMENTUM: f32 = 0.1;
/// Rows of a weight's slope that one piece of work takes: whole tiles of every kernel.
const DEPTH_CHUNK: usize = 14 * 3;

/// Where its tensors lie in the store.
struct Places {
    weight: Range<usize>,
    scale: Range<usize>,
    shift: Range<usize>,
    running_mean: Range<usize>,
    running_var: Range<usize>,
}

/// What a convolution reads and where it lies.
pub(super) struct Shape {
    /// Channels that are stored of what is read.
    pub from: usize,
    /// Channels of what comes out.
    pub to: usize,
    pub geometry: Geometry,
}

/// A convolution and its norm over a fixed batch.
pub(super) struct Unit {
    set: InstructionSet,
    places: Places,
    taps: usize,
    from: usize,
    to: usize,
    gather: Arc<Gather>,
    /// What slopes are read through on their way back; `None` where nobody wants them (the stem).
    back: Option<Arc<Gather>>,
    forward: Panels,
    backward: Option<Panels>,
    /// Before the norm.
    y: Plane,
    mean: Vec<f32>,
    deviation: Vec<f32>,
    scale: Vec<f32>,
    shift: Vec<f32>,
}

/// Slopes behind a norm, before they are on its values.
struct Sums {
    slopes: Vec<f64>,
    products: Vec<f64>,
}

impl Unit {
    /// `gather` and `back` are shared among units of one geometry.
    pub fn new(
        set: InstructionSet,
        store: &Store,
        name: &str,
        shape: &Shape,
        gather: &Arc<Gather>,
        back: Option<&Arc<Gather>>,
    ) -> Result<Self, StoreError> {
        let at = |part: &str| store.range(&format!("{name}.{part}"));
        let to = padded(shape.to);
        let taps = shape.geometry.kernel * shape.geometry.kernel;
        Ok(Self {
            set,
            places: Places {
                weight: at("conv.weight")?,
                scale: at("bn.weight")?,
                shift: at("bn.bias")?,
                running_mean: at("bn.running_mean")?,
                running_var: at("bn.running_var")?,
            },
            taps,
            from: shape.from,
            to,
            forward: Panels::new(set, gather.depth(), to),
            backward: back.map(|back| Panels::new(set, back.depth(), shape.from)),
            gather: gather.clone(),
            back: back.cloned(),
            y: Plane::new(gather.rows(), to),
            mean: vec![0.0; to],
            deviation: vec![0.0; to],
            scale: vec![0.0; to],
            shift: vec![0.0; to],
        })
    }

    /// Pixels of the batch that come out.
    pub fn rows(&self) -> usize {
        self.gather.rows()
    }

    /// Channels that come out, as they are stored.
    pub fn channels(&self) -> usize {
        self.to
    }

    /// The instructions that it runs on.
    pub fn set(&self) -> InstructionSet {
        self.set
    }

    /// What the norm does to the values of this batch.
    pub fn scaling(&self) -> Scaling<'_> {
        Scaling {
            scale: &self.scale,
            shift: &self.shift,
        }
    }

    /// The convolution of a batch, and its moments: afterwards the norm is known, and what it reads is [`Unit::y`].
    pub fn forward(&mut self, store: &mut Store, from: &[f32]) {
        let (set, to) = (self.set, self.to);
        self.forward.fill(&store.values[self.places.weight.clone()]);
        let origin = store.values[self.places.running_mean.clone()].to_vec();
        let rows = self.gather.rows();
        let mut partial = vec![0.0f32; rows.div_ceil(CHUNK) * 2 * to];
        let (gather, matrix) = (&*self.gather, &self.forward);
        self.y
            .values_mut()
            .par_chunks_mut(CHUNK * to)
            .zip(partial.par_chunks_mut(2 * to))
            .enumerate()
            .for_each(|(i, (out, sums))| {
                let first = i * CHUNK;
                product(
                    gather,
                    from,
                    matrix,
                    first..first + out.len() / to,
                    false,
                    out,
                );
                passes::moments(set, out, &origin, sums);
            });
        let sums = add_up(&partial, to);
        let count = rows as f64;
        for (c, &origin) in origin.iter().enumerate() {
            let off = sums.slopes[c] / count;
            let variance = (sums.products[c] / count - off * off).max(0.0);
            let mean = f64::from(origin) + off;
            let deviation = 1.0 / (variance + EPSILON).sqrt();
            let scale = f64::from(store.values[self.places.scale.start + c]) * deviation;
            self.mean[c] = mean as f32;
            self.deviation[c] = deviation as f32;
            self.scale[c] = scale as f32;
            self.shift[c] =
                (f64::from(store.values[self.places.shift.start + c]) - mean * scale) as f32;
            let unbiased = variance * count / (count - 1.0).max(1.0);
            let mut follow = |at: usize, new: f64| {
                let old = &mut store.values[at];
                *old += MOMENTUM * (new as f32 - *old);
            };
            follow(self.places.running_mean.start + c, mean);
            follow(self.places.running_var.start + c, unbiased);
        }
    }

    /// Before the norm, `[rows, channels]`.
    pub fn y(&self) -> &[f32] {
        self.y.values()
    }

    /// `max(0, norm(y))`.
    pub fn relu(&self, out: &mut Plane) {
        let (set, to) = (self.set, self.to);
        let chunks = out.values_mut().par_chunks_mut(CHUNK * to);
        chunks
            .zip(self.y().par_chunks(CHUNK * to))
            .for_each(|(out, y)| {
                passes::norm_relu(set, y, &self.scaling(), out);
            });
    }

    /// `max(0, norm(y) + beside)`, or with another unit's norm in place of what is beside.
    pub fn relu_of_sum(&self, beside: Result<&[f32], &Self>, out: &mut Plane) {
        let (set, to) = (self.set, self.to);
        let chunks = out.values_mut().par_chunks_mut(CHUNK * to);
        let chunks = chunks.zip(self.y().par_chunks(CHUNK * to));
        match beside {
            Ok(beside) => {
                chunks
                    .zip(beside.par_chunks(CHUNK * to))
                    .for_each(|((out, y), beside)| {
                        passes::norm_add_relu(set, y, &self.scaling(), beside, out);
                    });
            }
            Err(other) => {
                chunks
                    .zip(other.y().par_chunks(CHUNK * to))
                    .for_each(|((out, y), others)| {
                        passes::norm_both_relu(
                            set,
                            y,
                            &self.scaling(),
                            others,
                            &other.scaling(),
                            out,
                        );
                    });
            }
        }
    }

    /// Slopes behind the norm become slopes of [`Unit::y`], in place; those of scale and shift are added to `grads`.
    /// `relu`: the norm is followed by one, and slopes are behind it.
    pub fn norm_back(&self, store: &Store, relu: bool, slopes: &mut Plane, grads: &mut [f32]) {
        let sums = self.slope_sums(relu, slopes.values());
        let back = self.backward_of(store, &sums, grads);
        let (set, to) = (self.set, self.to);
        let scaling = self.scaling();
        let by = relu.then_some(&scaling);
        let chunks = slopes.values_mut().par_chunks_mut(CHUNK * to);
        chunks
            .zip(self.y().par_chunks(CHUNK * to))
            .for_each(|(slopes, y)| {
                passes::slopes_back(set, y, &back.of(), by, slopes);
            });
    }

    /// The same without a ReLU, into another plane.
    pub fn norm_back_to(&self, store: &Store, slopes: &Plane, out: &mut Plane, grads: &mut [f32]) {
        let sums = self.slope_sums(false, slopes.values());
        let back = self.backward_of(store, &sums, grads);
        let (set, to) = (self.set, self.to);
        let chunks = out.values_mut().par_chunks_mut(CHUNK * to);
        let both = slopes
            .values()
            .par_chunks(CHUNK * to)
            .zip(self.y().par_chunks(CHUNK * to));
        chunks.zip(both).for_each(|(out, (slopes, y))| {
            passes::slopes_back_to(set, slopes, y, &back.of(), out);
        });
    }

    fn slope_sums(&self, relu: bool, slopes: &[f32]) -> Sums {
        let (set, to) = (self.set, self.to);
        let mut partial = vec![0.0f32; self.rows().div_ceil(CHUNK) * 2 * to];
        let scaling = self.scaling();
        let by = relu.then_some(&scaling);
        let both = slopes
            .par_chunks(CHUNK * to)
            .zip(self.y().par_chunks(CHUNK * to));
        partial
            .par_chunks_mut(2 * to)
            .zip(both)
            .for_each(|(sums, (slopes, y))| {
                passes::slope_sums(set, slopes, y, &self.mean, by, sums);
            });
        add_up(&partial, to)
    }

    /// `dy = s (g - mean(g) - (y - m) d^2 mean(g (y - m)))`, with `s` scale over deviation, as coefficients per channel.
    fn backward_of(&self, store: &Store, sums: &Sums, grads: &mut [f32]) -> Coefficients {
        let count = self.rows() as f64;
        let mut back = Coefficients::default();
        for c in 0..self.to {
            let deviation = f64::from(self.deviation[c]);
            let scale = f64::from(store.values[self.places.scale.start + c]) * deviation;
            let value = -scale * deviation * deviation * sums.products[c] / count;
            back.slope.push(scale as f32);
            back.value.push(value as f32);
            back.constant
                .push((-scale * sums.slopes[c] / count - value * f64::from(self.mean[c])) as f32);
            grads[self.places.scale.start + c] += (sums.products[c] * deviation) as f32;
            grads[self.places.shift.start + c] += sums.slopes[c] as f32;
        }
        back
    }

    /// Adds the weight's slopes to `grads`: `from` is what was read, `slopes` those of [`Unit::y`].
    pub fn weight_back(&self, from: &[f32], slopes: &Plane, grads: &mut [f32]) {
        let to = self.to;
        grads[self.places.weight.clone()]
            .par_chunks_mut(DEPTH_CHUNK * to)
            .enumerate()
            .for_each(|(i, sum)| {
                let first = i * DEPTH_CHUNK;
                outer(
                    self.set,
                    &self.gather,
                    from,
                    (slopes.values(), to),
                    first..first + sum.len() / to,
                    sum,
                );
            });
    }

    /// Slopes of what was read, from those of [`Unit::y`]: written to `out`, or added to what is there (`onto`). Where
    /// the kernel is one pixel, `out` has the pixels that were read alone.
    pub fn back(&mut self, store: &Store, slopes: &Plane, onto: bool, out: &mut Plane) {
        let (Some(gather), Some(matrix)) = (&self.back, &mut self.backward) else {
            return;
        };
        matrix.fill_back(
            &store.values[self.places.weight.clone()],
            self.taps,
            self.from,
            self.to,
        );
        let (matrix, channels) = (&*matrix, self.from);
        out.values_mut()
            .par_chunks_mut(CHUNK * channels)
            .enumerate()
            .for_each(|(i, out)| {
                let first = i * CHUNK;
                product(
                    gather,
                    slopes.all(),
                    matrix,
                    first..first + out.len() / channels,
                    onto,
                    out,
                );
            });
    }
}

#[derive(Default)]
struct Coefficients {
    slope: Vec<f32>,
    value: Vec<f32>,
    constant: Vec<f32>,
}

impl Coefficients {
    fn of(&self) -> Backward<'_> {
        Backward {
            slope: &self.slope,
            value: &self.value,
            constant: &self.constant,
        }
    }
}

/// Sums of all chunks `[chunks][2 * channels]`, in their order.
fn add_up(partial: &[f32], channels: usize) -> Sums {
    let mut all = vec![0.0f64; 2 * channels];
    for chunk in partial.chunks_exact(2 * channels) {
        for (sum, v) in all.iter_mut().zip(chunk) {
            *sum += f64::from(*v);
        }
    }
    let products = all.split_off(channels);
    Sums {
        slopes: all,
        products,
    }
}
