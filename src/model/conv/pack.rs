//! Weights in the order in which the kernels read them.

use super::Conv;
use super::kernel8::{LARGEST_WEIGHT, STEP};
use super::layout::Builder;

impl Builder {
    /// Weights as `[panel][depth][columns]`, depth in the order of the segments: for each convolution its taps row by
    /// row, and within a tap its channels. Biases add up.
    pub(super) fn pack(&mut self, convs: &[&Conv], depth: usize) -> (usize, usize) {
        let columns = self.kernel.columns;
        let panels = convs[0].c_out.div_ceil(columns);
        // Both begin on a cache line.
        let bias = self.weights.len().next_multiple_of(16);
        let weights = (bias + panels * columns).next_multiple_of(16);
        self.weights.resize(weights + panels * depth * columns, 0.0);
        let (biases, packed) = self.weights[bias..].split_at_mut(weights - bias);
        let mut begin = 0;
        for conv in convs {
            let taps = conv.kernel * conv.kernel;
            for (out, row) in conv.weight.chunks_exact(conv.c_in * taps).enumerate() {
                let (panel, column) = (out / columns, out % columns);
                for (c, kernel) in row.chunks_exact(taps).enumerate() {
                    for (tap, &weight) in kernel.iter().enumerate() {
                        let k = begin + tap * conv.c_in + c;
                        packed[(panel * depth + k) * columns + column] = weight;
                    }
                }
            }
            for (sum, b) in biases.iter_mut().zip(&conv.bias) {
                *sum += b;
            }
            begin += taps * conv.c_in;
        }
        (weights, bias)
    }

    /// Weights as `[panel][depth / 4][columns][4]` in -63..=63, what one of each output's sums is worth, and biases.
    /// Several sources share an output's sum: their steps are one. `units`: what a byte of each source is worth, `unit`:
    /// of the output.
    pub(super) fn pack8(
        &mut self,
        convs: &[&Conv],
        units: &[f32],
        depth: usize,
        unit: f32,
    ) -> (usize, usize, usize) {
        let columns = self.kernel8.columns;
        let padded = convs[0].c_out.next_multiple_of(columns);
        let bias = self.weights.len().next_multiple_of(16);
        let scale = bias + padded;
        self.weights.resize(scale + padded, 0.0);
        let weights = self.weights8.len().next_multiple_of(64);
        self.weights8.resize(weights + padded * depth, 0);
        for out in 0..convs[0].c_out {
            let row = |conv: &Conv| {
                let len = conv.weight.len() / conv.c_out;
                out * len..(out + 1) * len
            };
            let worth = convs.iter().zip(units).map(|(conv, from)| {
                let largest = conv.weight[row(conv)]
                    .iter()
                    .fold(0.0f32, |a, w| a.max(w.abs()));
                largest * from
            });
            let step = (worth.fold(0.0, f32::max) / LARGEST_WEIGHT).max(f32::MIN_POSITIVE);
            self.weights[scale + out] = step / unit;
            let (panel, column) = (out / columns, out % columns);
            let mut begin = 0;
            for (conv, from) in convs.iter().zip(units) {
                let taps = conv.kernel * conv.kernel;
                let len = conv.c_in.next_multiple_of(STEP);
                for (i, weight) in conv.weight[row(conv)].iter().enumerate() {
                    let (c, tap) = (i / taps, i % taps);
                    let k = begin + tap * len + c;
                    let at =
                        ((panel * depth / STEP + k / STEP) * columns + column) * STEP + k % STEP;
                    self.weights8[weights + at] = (weight * from / step).round() as i8 as u8;
                }
                self.weights[bias + out] += conv.bias[out] / unit;
                begin += taps * len;
            }
        }
        (weights, scale, bias)
    }
}
