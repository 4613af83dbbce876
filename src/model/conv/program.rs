//! A network as a list of steps over one arena: laid out once, run without allocating.
//!
//! Activations are NHWC. A convolution is one matrix product whose left rows are looked up in a table of offsets
//! (`[segment][pixel]`), so that 1x1, strided 1x1, 3x3 and the 7x7 stem are one code path and no picture is ever
//! unrolled; taps outside the picture point at a row of zeros at the arena's beginning. Bias, residual and ReLU happen
//! in the registers that hold the sums. A block's last 1x1 and its projection are one product along their joined
//! depths: the projection's own output never exists.
//!
//! The first steps run picture by picture, since one fills the caches by itself; the last ones, whose weights are
//! large and whose pictures are small, run on all pictures of a group at once. No value depends on what was computed
//! beside it: batches give the same bits as single pictures.

#![allow(unsafe_code)]

use std::cell::UnsafeCell;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::area::Area;
use super::kernel::{Kernel, Segment, Tile};
use super::kernel8::{Kernel8, Tile8};
use super::memory::{Aligned, Packed};
use super::team::{Pieces, word};

/// Where a layer reads and writes. Offsets and lengths are in values of the areas it reads.
pub(super) struct Place {
    pub segments: Vec<Segment>,
    /// `[segment][pixel of all pictures]`
    pub tables: Vec<u32>,
    /// Added to every offset for each further picture, where a step runs on one picture of a group.
    pub from_each: usize,
    /// Pixels of one picture.
    pub pixels: usize,
    /// Output channels over the kernel's columns.
    pub panels: usize,
    pub to: Area,
}

/// A convolution (or a layer of weights) in f32.
pub(super) struct Layer {
    pub place: Place,
    /// Products of a block of the sum: its segments, and where its packed weights begin in a panel.
    pub blocks: Vec<(Range<usize>, usize)>,
    /// Where `[panel][depth][columns]` begin in the program's weights.
    pub weights: usize,
    /// `[panels * columns]`, likewise.
    pub bias: usize,
    pub depth: usize,
    /// On top of what is there: a residual.
    pub onto: bool,
    pub relu: bool,
}

/// A convolution in 8 bits, with its ReLU.
pub(super) struct Layer8 {
    pub place: Place,
    /// Where `[panel][depth / 4][columns][4]` begin in the program's bytes.
    pub weights: usize,
    /// `[panels * columns]` in the program's f32: what one of a sum is worth, and the bias, in units of the output.
    pub scale: usize,
    pub bias: usize,
    pub depth: usize,
    /// What one of the residual at the output is worth in units of the output; 0: none.
    pub residual: f32,
}

pub(super) enum Work {
    Conv(Layer),
    Conv8(Layer8),
    /// f32 to bytes.
    Quantise {
        from: Area,
        to: Area,
    },
    /// 3x3 step 2, no padding, ceil mode.
    MaxPool {
        from: Area,
        to: Area,
    },
    /// Over all pixels.
    Mean {
        from: Area,
        to: Area,
    },
    /// `x * scale + shift`, per channel, in place.
    Affine {
        at: Area,
        scale: Vec<f32>,
        shift: Vec<f32>,
    },
}

/// One step, and who has taken which of its pieces.
pub(super) struct Step {
    pub work: Work,
    pub pieces: Vec<Pieces>,
}

/// The arena. Who writes where is settled by [`Program::run`].
struct Arena(UnsafeCell<Aligned>);

// SAFETY: during a run every piece of a step writes a part of the arena that no other piece of that step reads or
// writes, and a step begins when the one before it is whole; between runs the arena is only reached through the lock
// that `Network::lock` holds.
unsafe impl Sync for Arena {}

/// The steps with their arena.
pub(super) struct Program {
    kernel: Kernel,
    kernel8: Kernel8,
    /// The steps before this one run picture by picture.
    pub grouped_from: usize,
    pub steps: Vec<Step>,
    /// Of all layers, in the order in which they are read.
    weights: Packed,
    weights8: Packed,
    arena: Arena,
    /// How many pictures there are, under the number of the run.
    pictures: AtomicU64,
    /// A piece broke off: nothing here is worth anything any more.
    broken: AtomicBool,
    pub threads: usize,
}

impl Program {
    pub fn new(
        (kernel, kernel8): (Kernel, Kernel8),
        grouped_from: usize,
        group: usize,
        work: Vec<Work>,
        (weights, weights8): (&[f32], &[u8]),
        arena_len: usize,
        threads: usize,
    ) -> Self {
        let steps = work.into_iter().enumerate().map(|(i, work)| Step {
            work,
            // A step that runs picture by picture is a step for each.
            pieces: (0..if i < grouped_from { group } else { 1 })
                .map(|_| Pieces::default())
                .collect(),
        });
        Self {
            kernel,
            kernel8,
            grouped_from,
            steps: steps.collect(),
            weights: Packed::new(weights),
            weights8: Packed::of_bytes(weights8),
            arena: Arena(UnsafeCell::new(Aligned::zeros(arena_len))),
            pictures: AtomicU64::new(0),
            broken: AtomicBool::new(false),
            threads,
        }
    }

    /// Before a run: how many pictures there are, and that nothing of it is done.
    pub fn prepare(&self, run: u64, pictures: usize) {
        self.pictures
            .store(word(run, pictures as u64), Ordering::Release);
        for pieces in self.steps.iter().flat_map(|s| &s.pieces) {
            pieces.begin(run);
        }
    }

    /// Does what is left of a run; every thread of the team comes through here. `done(step)` is called after each step,
    /// once for each picture where they are run one by one. False when that run is over: for a helper that comes late,
    /// and never for the caller.
    pub fn run(&self, run: u64, mut done: impl FnMut(usize)) -> bool {
        let pictures = self.pictures.load(Ordering::Acquire);
        if pictures >> 32 != run {
            return false;
        }
        let pictures = (pictures & 0xffff_ffff) as usize;
        let mut one = |i: usize, turn: usize, range: Range<usize>| {
            let whole = self.step(run, &self.steps[i], turn, range);
            if whole {
                done(i);
            }
            whole
        };
        (0..pictures)
            .all(|picture| (0..self.grouped_from).all(|i| one(i, picture, picture..picture + 1)))
            && (self.grouped_from..self.steps.len()).all(|i| one(i, 0, 0..pictures))
    }

    /// True when a piece of any run panicked.
    pub fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    pub fn step(&self, run: u64, step: &Step, turn: usize, pictures: Range<usize>) -> bool {
        let units = |place: &Place, rows: usize| {
            let tiles = (place.pixels * pictures.len()).div_ceil(rows);
            // A few pieces a thread, so that a thread that is late has not much to be waited for.
            match self.threads {
                1 => 1,
                threads => (tiles * place.panels).min(4 * threads),
            }
        };
        let count = match &step.work {
            Work::Conv(layer) => units(&layer.place, self.kernel.rows),
            Work::Conv8(layer) => units(&layer.place, self.kernel8.rows),
            Work::MaxPool { .. } => pictures.len().max(self.threads),
            Work::Quantise { .. } | Work::Mean { .. } | Work::Affine { .. } => 1,
        };
        step.pieces[turn].share(run, count, |piece| {
            let unbroken = Unbroken(&self.broken);
            let part = |whole: usize| whole * piece / count..whole * (piece + 1) / count;
            match &step.work {
                Work::Conv(layer) => self.conv(layer, pictures.clone(), part),
                Work::Conv8(layer) => self.conv8(layer, pictures.clone(), part),
                Work::Quantise { from, to } => self.quantise(from, to, pictures.clone()),
                Work::MaxPool { from, to } => {
                    for picture in pictures.clone() {
                        self.max_pool(from, to, picture, part(to.height));
                    }
                }
                Work::Mean { from, to } => self.mean(from, to, pictures.clone()),
                Work::Affine { at, scale, shift } => {
                    for picture in pictures.clone() {
                        // SAFETY: the area lies in the arena, and this piece is the step's only one.
                        let values =
                            unsafe { self.values_mut(at.at + picture * at.each, scale.len()) };
                        for ((value, scale), shift) in values.iter_mut().zip(scale).zip(shift) {
                            *value = *value * scale + shift;
                        }
                    }
                }
            }
            std::mem::forget(unbroken);
        })
    }

    fn conv(&self, layer: &Layer, pictures: Range<usize>, part: impl Fn(usize) -> Range<usize>) {
        let Kernel {
            rows,
            columns,
            tile,
        } = self.kernel;
        let (place, stride) = (&layer.place, layer.place.to.stride);
        let to = place.to.at + pictures.start * place.to.each;
        panels(place, rows, pictures.len(), part, |panel, tiles, whole| {
            // Over all tiles of a block as many lines as four steps of it have.
            let lines = (columns / 4).div_ceil(tiles.len());
            for (i, (segments, begin)) in layer.blocks.iter().enumerate() {
                let segments = &place.segments[segments.clone()];
                let weights = layer.weights + (panel * layer.depth + begin) * columns;
                let block: usize = segments.iter().map(|s| s.len).sum();
                // What comes next in memory is what is read next, but for where another thread goes on.
                let next_is_ours = self.threads == 1 || i + 1 < layer.blocks.len() || !whole;
                for (n, rows) in tiles.iter_rows().enumerate() {
                    // SAFETY: the builder made tables, segments, weights and areas for each other, so that all lies
                    // within the arena and the weights; the tile's output is this piece's alone.
                    unsafe {
                        let arena: *mut f32 = (*self.arena.0.get()).as_mut_ptr();
                        tile(&Tile {
                            arena: arena.add(pictures.start * place.from_each),
                            tables: &place.tables,
                            segments,
                            row: rows.start,
                            rows: rows.len(),
                            weights: self.weights.as_ptr().add(weights),
                            lines_ahead: if next_is_ours { lines } else { 0 },
                            ahead: self
                                .weights
                                .as_ptr()
                                .wrapping_add(weights + block * columns)
                                .wrapping_add(n * block / 4 * lines * 16),
                            bias: self.weights.as_ptr().add(layer.bias + panel * columns),
                            out: arena.add(to + rows.start * stride + panel * columns),
                            out_stride: stride,
                            first: i == 0,
                            onto: layer.onto || i > 0,
                            relu: layer.relu && i + 1 == layer.blocks.len(),
                        });
                    }
                }
            }
        });
    }

    fn conv8(&self, layer: &Layer8, pictures: Range<usize>, part: impl Fn(usize) -> Range<usize>) {
        let Kernel8 {
            rows,
            columns,
            tile,
        } = self.kernel8;
        let (place, stride) = (&layer.place, layer.place.to.stride);
        let to = place.to.begin() + pictures.start * place.to.each;
        panels(place, rows, pictures.len(), part, |panel, tiles, whole| {
            let lines = (columns / 4).div_ceil(tiles.len());
            let weights = layer.weights + panel * layer.depth * columns;
            for (n, rows) in tiles.iter_rows().enumerate() {
                // SAFETY: as in `conv`; offsets are in bytes.
                unsafe {
                    let arena: *mut u8 = (*self.arena.0.get()).as_mut_ptr().cast();
                    tile(&Tile8 {
                        arena: arena.add(pictures.start * place.from_each),
                        tables: &place.tables,
                        segments: &place.segments,
                        row: rows.start,
                        rows: rows.len(),
                        weights: self.weights8.as_ptr().cast::<i8>().add(weights),
                        lines_ahead: if self.threads == 1 || !whole {
                            lines
                        } else {
                            0
                        },
                        ahead: self
                            .weights8
                            .as_ptr()
                            .cast::<i8>()
                            .wrapping_add(weights + layer.depth * columns)
                            .wrapping_add(n * layer.depth / 16 * lines * 64),
                        scale: self.weights.as_ptr().add(layer.scale + panel * columns),
                        bias: self.weights.as_ptr().add(layer.bias + panel * columns),
                        out: arena.add(to + rows.start * stride + panel * columns),
                        out_stride: stride,
                        residual: layer.residual,
                    });
                }
            }
        });
    }

    /// # Safety
    /// The range lies in the arena, and nobody writes there while the slice lives.
    pub unsafe fn values(&self, at: usize, len: usize) -> &[f32] {
        // SAFETY: the caller's word.
        unsafe { std::slice::from_raw_parts((*self.arena.0.get()).as_ptr().add(at), len) }
    }

    /// # Safety
    /// As [`Program::values_mut`]; the range is in bytes.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn bytes_mut(&self, at: usize, len: usize) -> &mut [u8] {
        // SAFETY: the caller's word.
        unsafe {
            let bytes: *mut u8 = (*self.arena.0.get()).as_mut_ptr().cast();
            std::slice::from_raw_parts_mut(bytes.add(at), len)
        }
    }

    /// # Safety
    /// The range lies in the arena, and nobody else reads or writes there while the slice lives.
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn values_mut(&self, at: usize, len: usize) -> &mut [f32] {
        // SAFETY: the caller's word.
        unsafe { std::slice::from_raw_parts_mut((*self.arena.0.get()).as_mut_ptr().add(at), len) }
    }
}

/// Dropped only where a piece panics.
struct Unbroken<'a>(&'a AtomicBool);

impl Drop for Unbroken<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Some of a matrix's rows, in tiles of nearly the same size: the last is not a narrow one.
struct Tiles {
    rows: usize,
    all: usize,
    these: Range<usize>,
}

impl Tiles {
    fn len(&self) -> usize {
        self.these.len()
    }

    fn iter_rows(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (rows, all) = (self.rows, self.all);
        self.these
            .clone()
            .map(move |tile| tile * rows / all..(tile + 1) * rows / all)
    }
}

/// Goes through a part of a layer's output, panel by panel: `work(panel, its tiles, whether the part ends here)`.
fn panels(
    place: &Place,
    most_rows: usize,
    pictures: usize,
    part: impl Fn(usize) -> Range<usize>,
    mut work: impl FnMut(usize, &Tiles, bool),
) {
    let rows = place.pixels * pictures;
    let all = rows.div_ceil(most_rows);
    let units = part(all * place.panels);
    let mut unit = units.start;
    while unit < units.end {
        let panel = unit / all;
        let last = units.end.min((panel + 1) * all);
        let these = unit - panel * all..last - panel * all;
        work(panel, &Tiles { rows, all, these }, last == units.end);
        unit = last;
    }
}
