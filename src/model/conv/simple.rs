//! The steps of a program that are no products.

#![allow(unsafe_code)]

use std::ops::Range;

use super::area::Area;
use super::program::Program;

impl Program {
    pub(super) fn quantise(&self, from: &Area, to: &Area, pictures: Range<usize>) {
        let pixels = from.height * from.width;
        for picture in pictures {
            // SAFETY: both areas lie in the arena and are distinct; this piece is the step's only one.
            let (values, bytes) = unsafe {
                (
                    self.values(from.at + picture * from.each, pixels * from.stride),
                    self.bytes_mut(to.begin() + picture * to.each, pixels * to.stride),
                )
            };
            let inverse = 1.0 / to.unit;
            for (from, to) in values
                .chunks_exact(from.stride)
                .zip(bytes.chunks_exact_mut(to.stride))
            {
                for (to, from) in to.iter_mut().zip(from) {
                    // The cast keeps to 0..=255.
                    *to = (from * inverse + 0.5) as u8;
                }
            }
        }
    }

    pub(super) fn max_pool(&self, from: &Area, to: &Area, picture: usize, rows: Range<usize>) {
        for oy in rows {
            for ox in 0..to.width {
                let at = to.at + picture * to.each + (oy * to.width + ox) * to.stride;
                let channels = from.stride.min(to.stride);
                // SAFETY: both areas lie in the arena and are distinct; the row is this piece's alone.
                let out = unsafe { self.values_mut(at, channels) };
                out.fill(f32::NEG_INFINITY);
                for y in 2 * oy..(2 * oy + 3).min(from.height) {
                    for x in 2 * ox..(2 * ox + 3).min(from.width) {
                        let at = from.at + picture * from.each + (y * from.width + x) * from.stride;
                        // SAFETY: as above; nobody writes there during this step.
                        let values = unsafe { self.values(at, from.stride) };
                        for (best, &value) in out.iter_mut().zip(values) {
                            *best = if value > *best { value } else { *best };
                        }
                    }
                }
            }
        }
    }

    pub(super) fn mean(&self, from: &Area, to: &Area, pictures: Range<usize>) {
        let pixels = from.height * from.width;
        for picture in pictures {
            // SAFETY: both areas lie in the arena and are distinct; this piece is the step's only one.
            let out = unsafe { self.values_mut(to.at + picture * to.each, to.stride) };
            out.fill(0.0);
            if from.holds_bytes() {
                let at = from.begin() + picture * from.each;
                // SAFETY: as above.
                let bytes = unsafe { self.bytes_mut(at, pixels * from.stride) };
                for pixel in bytes.chunks_exact(from.stride) {
                    for (sum, &byte) in out.iter_mut().zip(pixel) {
                        *sum += f32::from(byte);
                    }
                }
                out.iter_mut()
                    .for_each(|sum| *sum *= from.unit / pixels as f32);
                continue;
            }
            let at = from.at + picture * from.each;
            // SAFETY: as above.
            let values = unsafe { self.values(at, pixels * from.stride) };
            for pixel in values.chunks_exact(from.stride) {
                for (sum, value) in out.iter_mut().zip(pixel) {
                    *sum += value;
                }
            }
            out.iter_mut().for_each(|sum| *sum /= pixels as f32);
        }
    }
}
