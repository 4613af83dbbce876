//! Values of one layer for a batch.

use crate::model::conv::memory::Aligned;

/// Rows that one piece of work takes: a whole number of tiles of every kernel, and little enough for the second-level
/// cache.
pub(super) const CHUNK: usize = 14 * 3 * 10;

/// `[rows][channels]`, after one row of zeros that padding points at.
pub(super) struct Plane {
    buffer: Aligned,
    rows: usize,
    channels: usize,
}

impl Plane {
    pub fn new(rows: usize, channels: usize) -> Self {
        Self {
            buffer: Aligned::zeros((rows + 1) * channels),
            rows,
            channels,
        }
    }

    pub fn channels(&self) -> usize {
        self.channels
    }

    /// The row of zeros, then the values: what offsets are counted in.
    pub fn all(&self) -> &[f32] {
        &self.buffer.as_slice()[..(self.rows + 1) * self.channels]
    }

    pub fn values(&self) -> &[f32] {
        &self.all()[self.channels..]
    }

    pub fn values_mut(&mut self) -> &mut [f32] {
        let all = (self.rows + 1) * self.channels;
        &mut self.buffer.as_mut_slice()[self.channels..all]
    }
}

/// Planes that go round, since slopes of one layer are of no use once they are passed on.
#[derive(Default)]
pub(super) struct Spare(Vec<Aligned>);

impl Spare {
    /// A plane with anything in it but its row of zeros.
    pub fn take(&mut self, rows: usize, channels: usize) -> Plane {
        let wanted = (rows + 1) * channels;
        let fitting = |len: usize| len >= wanted;
        let best = (0..self.0.len())
            .filter(|&i| fitting(self.0[i].as_slice().len()))
            .min_by_key(|&i| self.0[i].as_slice().len());
        let mut buffer = match best {
            Some(i) => self.0.swap_remove(i),
            None => Aligned::zeros(wanted),
        };
        buffer.as_mut_slice()[..channels].fill(0.0);
        Plane {
            buffer,
            rows,
            channels,
        }
    }

    pub fn give(&mut self, plane: Plane) {
        self.0.push(plane.buffer);
    }
}
