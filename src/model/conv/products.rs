//! Matrix products for training: the same kernels over a batch, safe to call.
//!
//! A convolution of a batch is `Y = gather(X) W` with `W [depth, channels]`; what it sends back is `gather'(dY) W'` (the
//! taps turned around), and what its weights get is `gather(X)^T dY`, the [`outer`] product: a tile of it is held in
//! registers while all pixels go by.

#![allow(unsafe_code)]

use std::ops::Range;

use super::isa::InstructionSet;
use super::kernel::{Kernel, Segment, Tile, kernel};
use super::layout::{BLOCK, blocks};
use super::memory::Aligned;
use super::outer::{OuterTile, outer_kernel};

/// Channels of a batch's values are stored in multiples of this: whole panels on every machine.
pub const LANE: usize = 32;
/// Values that a sweep of the outer product takes in at once: they stay in the second-level cache.
const SWEEP: usize = 192 * 1024;

/// Where a convolution reads each row of its left matrix.
pub struct Gather {
    tables: Vec<u32>,
    segments: Vec<Segment>,
    /// Products of a block of the sum: its segments, and where they begin.
    blocks: Vec<(Range<usize>, usize)>,
    rows: usize,
    depth: usize,
    /// No offset with its segment reaches beyond this.
    reach: usize,
}

/// The geometry of a convolution over a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Geometry {
    /// Pictures.
    pub batch: usize,
    /// Height and width of what is read.
    pub from: (usize, usize),
    /// Values between two pixels of it, all of them read.
    pub stride: usize,
    /// Values before the first pixel: zeros, as many as a pixel has at least, where there is padding.
    pub head: usize,
    /// Side of the kernel.
    pub kernel: usize,
    /// Step of the kernel.
    pub step: usize,
    /// Zeros around the picture.
    pub pad: usize,
    /// The padding is stored around each picture: a row of the kernel is read at once.
    pub stored: bool,
}

impl Geometry {
    /// Height and width of what comes out.
    pub fn to(&self) -> (usize, usize) {
        let side = |n: usize| (n + 2 * self.pad - self.kernel) / self.step + 1;
        (side(self.from.0), side(self.from.1))
    }

    /// Depth of the product: taps times channels.
    pub fn depth(&self) -> usize {
        self.kernel * self.kernel * self.stride
    }
}

impl Gather {
    /// The table of a convolution.
    pub fn new(g: &Geometry) -> Self {
        let (height, width) = g.from;
        let pad = if g.stored { 0 } else { g.pad };
        let (row, picture) = if g.stored {
            let wide = width + 2 * g.pad;
            (wide, wide * (height + 2 * g.pad))
        } else {
            (width, width * height)
        };
        let taps_x = if g.stored { 1 } else { g.kernel };
        let len = if g.stored { g.kernel } else { 1 } * g.stride;
        Self::of(
            g,
            (g.to(), (g.kernel, taps_x), len),
            |n, [oy, ox], [ky, kx]| {
                let (y, x) = (oy * g.step + ky, ox * g.step + kx);
                let inside =
                    g.stored || (y >= pad && x >= pad && y - pad < height && x - pad < width);
                inside.then(|| {
                    g.head + (n * picture + (y - pad.min(y)) * row + x - pad.min(x)) * g.stride
                })
            },
        )
    }

    /// The table that leads slopes back through a convolution `g` of more than one pixel: each pixel that was read gets
    /// the slopes of those that it went into, by the taps turned around. `stride`: values between two pixels of the
    /// slopes, after a row of as many zeros.
    pub fn back(g: &Geometry, stride: usize) -> Self {
        let (to_h, to_w) = g.to();
        // Where a slope lies along an axis, of those that the step has left out none.
        let along = |at: usize, tap: usize, count: usize| {
            let off = (at + g.pad + tap + 1).checked_sub(g.kernel)?;
            (off.is_multiple_of(g.step) && off / g.step < count).then_some(off / g.step)
        };
        let shape = (g.from, (g.kernel, g.kernel), stride);
        Self::of(g, shape, |n, [oy, ox], [ky, kx]| {
            let (y, x) = (along(oy, ky, to_h)?, along(ox, kx, to_w)?);
            Some(stride + ((n * to_h + y) * to_w + x) * stride)
        })
    }

    /// Rows are the pixels of the batch, of `to` a picture; each reads `len` values for every tap, where `place` says
    /// (picture, pixel, tap), or the zeros at the beginning.
    fn of(
        g: &Geometry,
        (to, taps, len): ((usize, usize), (usize, usize), usize),
        place: impl Fn(usize, [usize; 2], [usize; 2]) -> Option<usize>,
    ) -> Self {
        let (mut tables, mut segments, mut reach) = (Vec::new(), Vec::new(), 0);
        for ky in 0..taps.0 {
            for kx in 0..taps.1 {
                let table = tables.len();
                for n in 0..g.batch {
                    for oy in 0..to.0 {
                        for ox in 0..to.1 {
                            let offset = place(n, [oy, ox], [ky, kx]).unwrap_or(0);
                            reach = reach.max(offset + len);
                            tables.push(offset as u32);
                        }
                    }
                }
                for add in (0..len).step_by(BLOCK) {
                    let len = BLOCK.min(len - add);
                    segments.push(Segment { table, add, len });
                }
            }
        }
        assert!(reach < u32::MAX as usize, "a batch beyond 16 GiB");
        Self {
            blocks: blocks(&segments),
            tables,
            segments,
            rows: g.batch * to.0 * to.1,
            depth: taps.0 * taps.1 * len,
            reach,
        }
    }

    /// Rows of the product: pixels of the whole batch.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Length of a row.
    pub fn depth(&self) -> usize {
        self.depth
    }
}

/// The right matrix in the kernels' order.
pub struct Panels {
    values: Aligned,
    bias: Aligned,
    depth: usize,
    columns: usize,
    kernel: Kernel,
}

impl Panels {
    /// Room for a matrix `[depth, columns]`; columns are a multiple of [`LANE`].
    pub fn new(set: InstructionSet, depth: usize, columns: usize) -> Self {
        assert!(set.is_here() && columns.is_multiple_of(LANE));
        Self {
            values: Aligned::zeros(depth * columns),
            bias: Aligned::zeros(columns),
            depth,
            columns,
            kernel: kernel(set),
        }
    }

    /// Takes over a matrix `[depth, columns]`.
    pub fn fill(&mut self, matrix: &[f32]) {
        assert_eq!(matrix.len(), self.depth * self.columns);
        let width = self.kernel.columns;
        let values = self.values.as_mut_slice();
        for (k, row) in matrix.chunks_exact(self.columns).enumerate() {
            for (panel, part) in row.chunks_exact(width).enumerate() {
                values[(panel * self.depth + k) * width..][..width].copy_from_slice(part);
            }
        }
    }

    /// Takes over what sends slopes back through a convolution of `taps` taps: from `[taps, from, to]` the matrix
    /// `[taps turned around, to, from]`.
    pub fn fill_back(&mut self, matrix: &[f32], taps: usize, from: usize, to: usize) {
        assert!(
            matrix.len() == taps * from * to && self.depth == taps * to && self.columns == from
        );
        let width = self.kernel.columns;
        let values = self.values.as_mut_slice();
        for (tap, part) in matrix.chunks_exact(from * to).enumerate() {
            for (c, row) in part.chunks_exact(to).enumerate() {
                let (panel, column) = (c / width, c % width);
                let first = (panel * self.depth + (taps - 1 - tap) * to) * width + column;
                for (value, weight) in values[first..].iter_mut().step_by(width).zip(row) {
                    *value = *weight;
                }
            }
        }
    }
}

/// Some rows of `out = gather(from) matrix`, or of the same on top of what is there (`onto`): `out` are those rows,
/// `[rows, columns]`.
pub fn product(
    gather: &Gather,
    from: &[f32],
    matrix: &Panels,
    rows: Range<usize>,
    onto: bool,
    out: &mut [f32],
) {
    let columns = matrix.columns;
    assert!(gather.reach <= from.len() && rows.end <= gather.rows && gather.depth == matrix.depth);
    assert_eq!(out.len(), rows.len() * columns);
    let Kernel {
        rows: most,
        columns: width,
        tile,
    } = matrix.kernel;
    let tiles = rows.len().div_ceil(most);
    for panel in 0..columns / width {
        for (i, (segments, begin)) in gather.blocks.iter().enumerate() {
            for n in 0..tiles {
                let (first, last) = (n * rows.len() / tiles, (n + 1) * rows.len() / tiles);
                // SAFETY: the gather's offsets lie within `from` and its rows within its tables, the panel's weights are
                // `depth` times `width`, and the tile's rows lie within `out`: all asserted above. The instruction set
                // was here when the panels were made.
                unsafe {
                    tile(&Tile {
                        arena: from.as_ptr(),
                        tables: &gather.tables,
                        segments: &gather.segments[segments.clone()],
                        row: rows.start + first,
                        rows: last - first,
                        weights: matrix
                            .values
                            .as_ptr()
                            .add((panel * matrix.depth + begin) * width),
                        lines_ahead: 0,
                        ahead: matrix.values.as_ptr(),
                        bias: matrix.bias.as_ptr().add(panel * width),
                        out: out.as_mut_ptr().add(first * columns + panel * width),
                        out_stride: columns,
                        first: i == 0,
                        onto: onto || i > 0,
                        relu: false,
                    });
                }
            }
        }
    }
}

/// Adds some rows of `gather(from)^T slopes`: rows `depth` of the weights' slopes, `sum [depth.len(), columns]`;
/// `slopes [gather.rows(), columns]`.
pub fn outer(
    set: InstructionSet,
    gather: &Gather,
    from: &[f32],
    (slopes, columns): (&[f32], usize),
    depth: Range<usize>,
    sum: &mut [f32],
) {
    assert!(set.is_here() && columns.is_multiple_of(LANE));
    assert!(gather.reach <= from.len() && depth.end <= gather.depth);
    assert!(slopes.len() == gather.rows * columns && sum.len() == depth.len() * columns);
    let kernel = outer_kernel(set);
    // Sweeps over pixels, so that a sweep's slopes stay near; each adds to the whole sum.
    let sweep = (SWEEP / columns.max(1)).clamp(128, gather.rows.max(128));
    for first in (0..gather.rows).step_by(sweep) {
        let pixels = first..(first + sweep).min(gather.rows);
        let mut begin = 0;
        for segment in &gather.segments {
            let here = begin.max(depth.start)..(begin + segment.len).min(depth.end);
            if here.start < here.end {
                let tiles = here.len().div_ceil(kernel.rows);
                for t in 0..tiles {
                    let (k, last) = (
                        here.start + t * here.len() / tiles,
                        here.start + (t + 1) * here.len() / tiles,
                    );
                    for column in (0..columns).step_by(kernel.columns) {
                        // SAFETY: asserted above: offsets within `from`, pixels within tables and slopes, rows and
                        // columns within `sum`; the instruction set is here.
                        unsafe {
                            (kernel.tile)(&OuterTile {
                                from: from.as_ptr().add(segment.add + k - begin),
                                offsets: gather.tables.as_ptr().add(segment.table + pixels.start),
                                slopes: slopes.as_ptr().add(pixels.start * columns + column),
                                slope_stride: columns,
                                pixels: pixels.len(),
                                rows: last - k,
                                sum: sum.as_mut_ptr().add((k - depth.start) * columns + column),
                                sum_stride: columns,
                            });
                        }
                    }
                }
            }
            begin += segment.len;
        }
    }
}
