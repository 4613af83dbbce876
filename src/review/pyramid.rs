//! Level of detail: what a column says of any range of frames, without going over them.
//!
//! A [`Pyramid`] keeps a [`Summary`] of every 16 frames, of every four of those, and so on to one of all. A range of
//! `n` frames is then at most 30 frames at its ends and six summaries for each of `log4 n` levels, so that a million frames
//! are drawn as quickly as a thousand. The column itself stays with its owner and is handed in: the same one that the
//! pyramid was made of, or [`Pyramid::update`]d for.

use std::ops::Range;

use super::track::Track;
use crate::labels::Expression;

/// Frames of the lowest summaries.
const LEAF: usize = 16;
/// Summaries that make one of the next level.
const FACTOR: usize = 4;

/// What is known of some frames; the default knows of none.
pub trait Summary: Copy + Default {
    /// Takes those of another.
    fn add(&mut self, other: &Self);
}

/// Least and greatest of some numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extent {
    min: f64,
    max: f64,
}

impl Default for Extent {
    fn default() -> Self {
        Self {
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
        }
    }
}

impl Extent {
    /// Of one number; NaN is none.
    pub fn of(value: f64) -> Self {
        if value.is_nan() {
            Self::default()
        } else {
            Self {
                min: value,
                max: value,
            }
        }
    }

    /// `(least, greatest)`; `None` without a number.
    pub fn get(&self) -> Option<(f64, f64)> {
        (self.min <= self.max).then_some((self.min, self.max))
    }
}

impl Summary for Extent {
    fn add(&mut self, other: &Self) {
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }
}

/// How many of some frames are of each of `K` kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally<const K: usize>([u32; K]);

impl<const K: usize> Default for Tally<K> {
    fn default() -> Self {
        Self([0; K])
    }
}

impl<const K: usize> Tally<K> {
    /// Of one frame of this kind, below `K`.
    pub fn of(kind: usize) -> Self {
        let mut tally = Self::default();
        if let Some(count) = tally.0.get_mut(kind) {
            *count = 1;
        }
        tally
    }

    /// Frames of each kind.
    pub fn counts(&self) -> &[u32; K] {
        &self.0
    }

    /// Frames of all kinds.
    pub fn frames(&self) -> u32 {
        self.0.iter().sum()
    }
}

impl<const K: usize> Summary for Tally<K> {
    fn add(&mut self, other: &Self) {
        for (count, more) in self.0.iter_mut().zip(&other.0) {
            *count += more;
        }
    }
}

/// Expressions of some frames; the last kind is "none".
pub type Expressions = Tally<{ Expression::COUNT + 1 }>;

impl Expressions {
    /// Of one frame.
    pub fn said(expression: Option<Expression>) -> Self {
        Self::of(expression.map_or(Expression::COUNT, Expression::index))
    }

    /// The expression on most of the frames, the first in order of equals; `None` where none of them has one.
    pub fn dominant(&self) -> Option<Expression> {
        let most = Expression::ALL
            .into_iter()
            .rev()
            .max_by_key(|e| self.0[e.index()])?;
        (self.0[most.index()] > 0).then_some(most)
    }

    /// Whether any of the frames has none.
    pub fn has_gap(&self) -> bool {
        self.0[Expression::COUNT] > 0
    }
}

/// Of some frames, those for which something holds.
pub type Flags = Tally<2>;

impl Flags {
    /// Of one frame.
    pub fn flag(holds: bool) -> Self {
        Self::of(usize::from(holds))
    }

    /// Whether it holds for any of them.
    pub fn any(&self) -> bool {
        self.0[1] > 0
    }

    /// Whether it holds for all of them, and there are any.
    pub fn all(&self) -> bool {
        self.0[1] > 0 && self.0[0] == 0
    }
}

/// The mean of `K` numbers over the frames that have them, for a stack of probabilities.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mean<const K: usize> {
    sums: [f32; K],
    frames: u32,
}

impl<const K: usize> Default for Mean<K> {
    fn default() -> Self {
        Self {
            sums: [0.0; K],
            frames: 0,
        }
    }
}

impl<const K: usize> Mean<K> {
    /// Of one frame; where any number is NaN the frame has none.
    pub fn of(values: &[f32; K]) -> Self {
        if values.iter().any(|v| v.is_nan()) {
            return Self::default();
        }
        Self {
            sums: *values,
            frames: 1,
        }
    }

    /// The means; `None` without a frame that has numbers.
    pub fn get(&self) -> Option<[f32; K]> {
        (self.frames > 0).then(|| self.sums.map(|sum| sum / self.frames as f32))
    }

    /// Frames that have numbers.
    pub fn frames(&self) -> u32 {
        self.frames
    }
}

impl<const K: usize> Summary for Mean<K> {
    fn add(&mut self, other: &Self) {
        for (sum, more) in self.sums.iter_mut().zip(&other.sums) {
            *sum += more;
        }
        self.frames += other.frames;
    }
}

/// Summaries of all frames of a column, level by level.
#[derive(Debug, Clone, Default)]
pub struct Pyramid<S> {
    frames: usize,
    /// The first of every [`LEAF`] frames; each next of every [`FACTOR`] of the one before; the last has one.
    levels: Vec<Vec<S>>,
}

impl<S: Summary> Pyramid<S> {
    /// Of so many frames; `of` gives what is known of each.
    pub fn new(frames: usize, of: impl Fn(usize) -> S) -> Self {
        let mut pyramid = Self {
            frames: 0,
            levels: Vec::new(),
        };
        pyramid.update(frames, 0..frames, of);
        pyramid
    }

    /// Frames.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// Takes up that these frames have changed, and that there are so many now: those beyond what there was are taken
    /// up whether named or not. Costs what has changed, and a few summaries for each level.
    pub fn update(&mut self, frames: usize, changed: Range<usize>, of: impl Fn(usize) -> S) {
        let (mut from, mut to) = (changed.start.min(frames), changed.end.min(frames));
        if frames != self.frames {
            let grown = self.frames.min(frames);
            (from, to) = (if from < to { from.min(grown) } else { grown }, frames);
        }
        self.frames = frames;
        let mut below = frames.div_ceil(LEAF);
        let mut sizes = Vec::new();
        if below > 0 {
            sizes.push(below);
            while below > 1 {
                below = below.div_ceil(FACTOR);
                sizes.push(below);
            }
        }
        // A level that was not there is made of all that lies below it.
        let known = self.levels.len();
        self.levels.resize_with(sizes.len(), Vec::new);
        for (level, &size) in sizes.iter().enumerate() {
            let (mut first, mut last) = if level == 0 {
                (from / LEAF, to.div_ceil(LEAF))
            } else {
                (from / FACTOR, to.div_ceil(FACTOR))
            };
            if level >= known {
                (first, last) = (0, size);
            }
            // A column that became shorter leaves its last summary too full.
            if self.levels[level].len() > size {
                first = first.min(size.saturating_sub(1));
                last = size;
            }
            self.levels[level].resize(size, S::default());
            for at in first..last.min(size) {
                let sum = if level == 0 {
                    sum_of(at * LEAF..((at + 1) * LEAF).min(frames), &of)
                } else {
                    let below = &self.levels[level - 1];
                    let mut sum = S::default();
                    let end = ((at + 1) * FACTOR).min(below.len());
                    for part in &below[at * FACTOR..end] {
                        sum.add(part);
                    }
                    sum
                };
                self.levels[level][at] = sum;
            }
            (from, to) = (first, last.min(size));
        }
    }

    /// What is known of these frames; `of` as for [`Pyramid::new`].
    pub fn range(&self, frames: Range<usize>, of: impl Fn(usize) -> S) -> S {
        let (mut from, mut to) = (frames.start, frames.end.min(self.frames));
        let mut sum = S::default();
        if from >= to {
            return sum;
        }
        // Up from both ends: at each level what does not fill a summary of the next.
        let (first, last) = (from.div_ceil(LEAF), to / LEAF);
        if first >= last {
            return sum_of(from..to, of);
        }
        sum.add(&sum_of(from..first * LEAF, &of));
        sum.add(&sum_of(last * LEAF..to, &of));
        (from, to) = (first, last);
        for level in &self.levels {
            let (first, last) = (from.div_ceil(FACTOR), to / FACTOR);
            if first >= last {
                level[from..to].iter().for_each(|part| sum.add(part));
                break;
            }
            level[from..first * FACTOR]
                .iter()
                .for_each(|part| sum.add(part));
            level[last * FACTOR..to]
                .iter()
                .for_each(|part| sum.add(part));
            (from, to) = (first, last);
        }
        sum
    }

    /// What is known of each of `width` columns of pixels that show these frames ([`pixel_frames`]).
    pub fn columns(&self, frames: Range<usize>, width: usize, of: impl Fn(usize) -> S) -> Vec<S> {
        (0..width)
            .map(|x| self.range(pixel_frames(&frames, width, x), &of))
            .collect()
    }
}

impl Pyramid<Extent> {
    /// Of a column of numbers; NaN is none.
    pub fn of_numbers(values: &[f64]) -> Self {
        Self::new(values.len(), |frame| Extent::of(values[frame]))
    }

    /// Takes up that these frames of the column have changed, or that it has become longer.
    pub fn update_numbers(&mut self, values: &[f64], changed: Range<usize>) {
        self.update(values.len(), changed, |frame| Extent::of(values[frame]));
    }

    /// `(least, greatest)` of each of `width` columns of pixels that show these frames; `None` where there is no number.
    pub fn numbers(
        &self,
        values: &[f64],
        frames: Range<usize>,
        width: usize,
    ) -> Vec<Option<(f64, f64)>> {
        let of = |frame: usize| {
            values
                .get(frame)
                .map_or_else(Extent::default, |v| Extent::of(*v))
        };
        let columns = self.columns(frames, width, of);
        columns.iter().map(Extent::get).collect()
    }
}

impl Pyramid<Expressions> {
    /// Of the expressions of a track.
    pub fn of_expressions(track: &Track) -> Self {
        Self::new(track.len(), |frame| {
            Expressions::said(track.expression(frame))
        })
    }

    /// Takes up that these frames of the track have changed, or that it has become longer.
    pub fn update_expressions(&mut self, track: &Track, changed: Range<usize>) {
        self.update(track.len(), changed, |frame| {
            Expressions::said(track.expression(frame))
        });
    }

    /// The expressions of each of `width` columns of pixels that show these frames.
    pub fn expressions(
        &self,
        track: &Track,
        frames: Range<usize>,
        width: usize,
    ) -> Vec<Expressions> {
        self.columns(frames, width, |frame| {
            Expressions::said(track.expression(frame))
        })
    }
}

/// The frames that column `x` of `width` shows of a range. Where there are more frames than columns every frame is in one of
/// them; where there are fewer each column shows the frame that it lies on.
pub fn pixel_frames(frames: &Range<usize>, width: usize, x: usize) -> Range<usize> {
    let (n, width, x) = (frames.len() as u128, width.max(1) as u128, x as u128);
    // Wide numbers: no video is long enough to matter, but a product might.
    let at = |x: u128| frames.start + (x * n / width) as usize;
    let first = at(x);
    let last = at(x + 1).max(first + 1);
    first.min(frames.end)..last.min(frames.end)
}

fn sum_of<S: Summary>(frames: Range<usize>, of: impl Fn(usize) -> S) -> S {
    let mut sum = S::default();
    for frame in frames {
        sum.add(&of(frame));
    }
    sum
}

#[cfg(test)]
mod tests;
