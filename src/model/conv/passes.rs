//! What training does to a batch's values between two products: batch norms, ReLUs and their slopes, one pass each.
//!
//! Values are `[rows][channels]`. The loops are plain; each is compiled once for every instruction set.

#![allow(unsafe_code)]

use super::isa::InstructionSet;
use crate::model::config::pooled_side;

/// What a batch norm does to the values, per channel: `y * scale + shift`.
pub struct Scaling<'a> {
    /// `[channels]`
    pub scale: &'a [f32],
    /// `[channels]`
    pub shift: &'a [f32],
}

/// What a batch norm does to slopes, per channel: `g * slope + y * value + constant`.
pub struct Backward<'a> {
    /// `[channels]`
    pub slope: &'a [f32],
    /// `[channels]`
    pub value: &'a [f32],
    /// `[channels]`
    pub constant: &'a [f32],
}

macro_rules! passes {
    ($($(#[$doc:meta])* pub fn $name:ident($($arg:ident: $type:ty),* $(,)?) $body:block)*) => {
        mod plain {
            use super::*;
            $(#[inline(always)] pub fn $name($($arg: $type),*) $body)*
        }
        #[cfg(target_arch = "x86_64")]
        mod avx512 {
            use super::*;
            $(#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")] pub fn $name($($arg: $type),*) { plain::$name($($arg),*) })*
        }
        #[cfg(target_arch = "x86_64")]
        mod avx2 {
            use super::*;
            $(#[target_feature(enable = "avx2,fma")] pub fn $name($($arg: $type),*) { plain::$name($($arg),*) })*
        }
        $(
            $(#[$doc])*
            pub fn $name(set: InstructionSet, $($arg: $type),*) {
                match set {
                    // SAFETY: it has been asked whether the machine has them.
                    #[cfg(target_arch = "x86_64")]
                    InstructionSet::Avx512 if set.is_here() => unsafe { avx512::$name($($arg),*) },
                    // SAFETY: likewise.
                    #[cfg(target_arch = "x86_64")]
                    InstructionSet::Avx2 if set.is_here() => unsafe { avx2::$name($($arg),*) },
                    _ => plain::$name($($arg),*),
                }
            }
        )*
    };
}

passes! {
    /// Adds up each channel's values and their squares, counted from `origin [channels]`: `sums [2 * channels]`.
    pub fn moments(values: &[f32], origin: &[f32], sums: &mut [f32]) {
        let channels = origin.len();
        let (sum, squares) = sums.split_at_mut(channels);
        for row in values.chunks_exact(channels) {
            for (((v, o), sum), square) in row.iter().zip(origin).zip(sum.iter_mut()).zip(squares.iter_mut()) {
                let off = v - o;
                *sum += off;
                *square += off * off;
            }
        }
    }

    /// `out = max(0, values * scale + shift)`.
    pub fn norm_relu(values: &[f32], by: &Scaling<'_>, out: &mut [f32]) {
        let channels = by.scale.len();
        for (out, row) in out.chunks_exact_mut(channels).zip(values.chunks_exact(channels)) {
            for (((out, v), scale), shift) in out.iter_mut().zip(row).zip(by.scale).zip(by.shift) {
                *out = (v * scale + shift).max(0.0);
            }
        }
    }

    /// `out = max(0, values * scale + shift + beside)`: the end of a block that adds its input.
    pub fn norm_add_relu(values: &[f32], by: &Scaling<'_>, beside: &[f32], out: &mut [f32]) {
        let channels = by.scale.len();
        let rows = values.chunks_exact(channels).zip(beside.chunks_exact(channels));
        for (out, (row, beside)) in out.chunks_exact_mut(channels).zip(rows) {
            let both = row.iter().zip(beside);
            for (((out, (v, b)), scale), shift) in out.iter_mut().zip(both).zip(by.scale).zip(by.shift) {
                *out = (v * scale + shift + b).max(0.0);
            }
        }
    }

    /// `out = max(0, values * scale + shift + the same of others)`: the end of a block that projects its input.
    pub fn norm_both_relu(values: &[f32], by: &Scaling<'_>, others: &[f32], others_by: &Scaling<'_>, out: &mut [f32]) {
        let channels = by.scale.len();
        let rows = values.chunks_exact(channels).zip(others.chunks_exact(channels));
        for (out, (row, other)) in out.chunks_exact_mut(channels).zip(rows) {
            let mine = row.iter().zip(by.scale).zip(by.shift);
            let theirs = other.iter().zip(others_by.scale).zip(others_by.shift);
            for ((out, ((v, scale), shift)), ((o, o_scale), o_shift)) in out.iter_mut().zip(mine).zip(theirs) {
                *out = (v * scale + shift + o * o_scale + o_shift).max(0.0);
            }
        }
    }

    /// Slopes of what a ReLU held back become 0: where `out`, its output, is.
    pub fn mask(out: &[f32], slopes: &mut [f32]) {
        for (slope, out) in slopes.iter_mut().zip(out) {
            *slope = if *out > 0.0 { *slope } else { 0.0 };
        }
    }

    /// Adds up each channel's slopes, and their products with the values counted from `origin [channels]`:
    /// `sums [2 * channels]`. `by`: slopes count only where a ReLU behind that norm lets them through.
    pub fn slope_sums(slopes: &[f32], values: &[f32], origin: &[f32], by: Option<&Scaling<'_>>, sums: &mut [f32]) {
        let channels = origin.len();
        let (sum, products) = sums.split_at_mut(channels);
        for (slopes, row) in slopes.chunks_exact(channels).zip(values.chunks_exact(channels)) {
            let all = slopes.iter().zip(row).zip(origin).zip(sum.iter_mut()).zip(products.iter_mut());
            match by {
                Some(by) => {
                    for (((((g, v), o), sum), product), (scale, shift)) in all.zip(by.scale.iter().zip(by.shift)) {
                        let g = if v * scale + shift > 0.0 { *g } else { 0.0 };
                        *sum += g;
                        *product += g * (v - o);
                    }
                }
                None => {
                    for ((((g, v), o), sum), product) in all {
                        *sum += g;
                        *product += g * (v - o);
                    }
                }
            }
        }
    }

    /// Slopes behind a batch norm become those before it, in place; `by` as in [`slope_sums`].
    pub fn slopes_back(values: &[f32], back: &Backward<'_>, by: Option<&Scaling<'_>>, slopes: &mut [f32]) {
        let channels = back.slope.len();
        for (slopes, row) in slopes.chunks_exact_mut(channels).zip(values.chunks_exact(channels)) {
            let all = slopes.iter_mut().zip(row).zip(back.slope).zip(back.value).zip(back.constant);
            match by {
                Some(by) => {
                    for (((((g, v), s), y), c), (scale, shift)) in all.zip(by.scale.iter().zip(by.shift)) {
                        let kept = if v * scale + shift > 0.0 { *g } else { 0.0 };
                        *g = kept * s + v * y + c;
                    }
                }
                None => {
                    for ((((g, v), s), y), c) in all {
                        *g = *g * s + v * y + c;
                    }
                }
            }
        }
    }
    /// The same into another place.
    pub fn slopes_back_to(slopes: &[f32], values: &[f32], back: &Backward<'_>, out: &mut [f32]) {
        let channels = back.slope.len();
        let rows = slopes.chunks_exact(channels).zip(values.chunks_exact(channels));
        for (out, (slopes, row)) in out.chunks_exact_mut(channels).zip(rows) {
            let all = out.iter_mut().zip(slopes).zip(row).zip(back.slope).zip(back.value).zip(back.constant);
            for (((((out, g), v), s), y), c) in all {
                *out = g * s + v * y + c;
            }
        }
    }

    /// Max pool 3x3 step 2 in ceil mode of one picture: `values [height, width, channels]` to `out [ceil, ceil, channels]`.
    pub fn pool(values: &[f32], size: (usize, usize, usize), out: &mut [f32]) {
        let (height, width, channels) = size;
        let to_width = pooled_side(width);
        for (place, out) in out.chunks_exact_mut(channels).enumerate() {
            let (oy, ox) = (place / to_width, place % to_width);
            out.fill(f32::NEG_INFINITY);
            for y in 2 * oy..(2 * oy + 3).min(height) {
                for x in 2 * ox..(2 * ox + 3).min(width) {
                    let row = &values[(y * width + x) * channels..][..channels];
                    for (best, v) in out.iter_mut().zip(row) {
                        *best = if *v > *best { *v } else { *best };
                    }
                }
            }
        }
    }

    /// Sends a pool's slopes to the first value of each window that is its largest: adds to `back`, as large as `values`.
    /// `left [channels]` is scratch.
    pub fn pool_back(values: &[f32], size: (usize, usize, usize), out: &[f32], slopes: &[f32], left: &mut [f32], back: &mut [f32]) {
        let (height, width, channels) = size;
        let to_width = pooled_side(width);
        let places = out.chunks_exact(channels).zip(slopes.chunks_exact(channels));
        for (place, (out, slopes)) in places.enumerate() {
            let (oy, ox) = (place / to_width, place % to_width);
            left.copy_from_slice(slopes);
            for y in 2 * oy..(2 * oy + 3).min(height) {
                for x in 2 * ox..(2 * ox + 3).min(width) {
                    let at = (y * width + x) * channels;
                    let all = values[at..][..channels].iter().zip(out).zip(left.iter_mut());
                    for (back, ((v, best), left)) in back[at..][..channels].iter_mut().zip(all) {
                        let hit = *v == *best;
                        *back += if hit { *left } else { 0.0 };
                        *left = if hit { 0.0 } else { *left };
                    }
                }
            }
        }
    }

    /// Adam's step (Kingma and Ba 2015), with decoupled weight decay (Loshchilov and Hutter 2019).
    pub fn adam(slopes: &[f32], by: &AdamStep, first: &mut [f32], second: &mut [f32], values: &mut [f32]) {
        let all = slopes.iter().zip(first).zip(second).zip(values);
        for (((g, m), v), value) in all {
            *m = by.beta1 * *m + (1.0 - by.beta1) * g;
            *v = by.beta2 * *v + (1.0 - by.beta2) * g * g;
            *value -= by.decay * *value + by.rate * *m / (v.sqrt() * by.second_scale + by.epsilon);
        }
    }

    /// `average += part * (values - average)`.
    pub fn follow(values: &[f32], part: f32, average: &mut [f32]) {
        for (average, value) in average.iter_mut().zip(values) {
            *average += part * (value - *average);
        }
    }
}

/// One step of Adam: what is the same for all values.
#[derive(Debug, Clone, Copy)]
pub struct AdamStep {
    /// Learning rate over `1 - beta1^t`.
    pub rate: f32,
    /// `1 / sqrt(1 - beta2^t)`.
    pub second_scale: f32,
    /// Decay of the mean.
    pub beta1: f32,
    /// Decay of the mean of squares.
    pub beta2: f32,
    /// Added to the root, as PyTorch does it.
    pub epsilon: f32,
    /// Learning rate times weight decay.
    pub decay: f32,
}
