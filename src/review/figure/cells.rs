//! Frames laid along an axis of time: each in a cell of its own, or, where there are more frames than columns, all
//! frames of a column in one cell.

use std::ops::Range;

/// The cells of some frames.
pub(crate) struct Cells {
    /// The first frame's time, seconds.
    pub from_s: f64,
    /// Where the last frame ends, seconds.
    pub to_s: f64,
    /// Of each cell: where it begins and ends, in units from the axis's left end, and its frames.
    pub cells: Vec<Cell>,
    /// Frames of a column where they were joined, as a rule.
    pub joined: Option<usize>,
    width: f64,
}

/// A stretch of the axis.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cell {
    pub left: f64,
    pub right: f64,
    pub frames: Range<usize>,
}

impl Cells {
    /// Of the frames in `frames`, on an axis of `width` units with a column for each.
    pub fn new(times_s: &[f64], frames: Range<usize>, width: f64) -> Self {
        let end = frames.end.min(times_s.len());
        let frames = frames.start.min(end)..end;
        let times = &times_s[frames.clone()];
        let (from_s, last_s) = match (times.first(), times.last()) {
            (Some(&first), Some(&last)) => (first, last),
            _ => (0.0, 0.0),
        };
        // A frame lasts until the next one begins; the last as long as frames do on the average.
        let step_s = (last_s - from_s) / (times.len().max(2) - 1) as f64;
        let step_s = if step_s > 0.0 { step_s } else { 1.0 };
        let to_s = match times_s.get(end) {
            Some(&next) if next > last_s => next,
            _ => last_s + step_s,
        };
        let mut all = Self {
            from_s,
            to_s,
            cells: Vec::new(),
            joined: None,
            width,
        };
        let columns = width.floor().max(1.0) as usize;
        if times.len() <= columns {
            for (i, &time_s) in times.iter().enumerate() {
                let next_s = times.get(i + 1).copied().unwrap_or(to_s);
                all.cells.push(Cell {
                    left: all.x(time_s),
                    right: all.x(next_s),
                    frames: frames.start + i..frames.start + i + 1,
                });
            }
            return all;
        }
        all.joined = Some(times.len().div_ceil(columns));
        let mut begin = 0;
        for column in 0..columns {
            let right = (column + 1) as f64 * width / columns as f64;
            let until_s = from_s + (to_s - from_s) * (column + 1) as f64 / columns as f64;
            let stop = match column + 1 == columns {
                true => times.len(),
                false => begin + times[begin..].partition_point(|t| *t < until_s),
            };
            match all.cells.last_mut() {
                // No frame begins here: the one before goes on.
                Some(before) if stop == begin => before.right = right,
                _ => all.cells.push(Cell {
                    left: column as f64 * width / columns as f64,
                    right,
                    frames: frames.start + begin..frames.start + stop,
                }),
            }
            begin = stop;
        }
        all
    }

    /// Where a time lies, in units from the axis's left end.
    pub fn x(&self, time_s: f64) -> f64 {
        (time_s - self.from_s) / (self.to_s - self.from_s) * self.width
    }

    /// What most frames of each cell are, neighbours of one kind joined; `None` leaves a gap.
    pub fn runs<K: Copy + PartialEq + Ord>(
        &self,
        kind: impl Fn(usize) -> Option<K>,
    ) -> Vec<(f64, f64, K)> {
        let mut runs: Vec<(f64, f64, K)> = Vec::new();
        let mut kinds: Vec<Option<K>> = Vec::new();
        for cell in &self.cells {
            kinds.clear();
            kinds.extend(cell.frames.clone().map(&kind));
            let Some(most) = most_frequent(&mut kinds) else {
                continue;
            };
            match runs.last_mut() {
                Some((_, right, last)) if *last == most && (*right - cell.left).abs() < 1e-9 => {
                    *right = cell.right;
                }
                _ => runs.push((cell.left, cell.right, most)),
            }
        }
        runs
    }

    /// A line through values, broken where a cell has none (NaN): the range of each cell's values, in the order in which
    /// its ends come. `y` turns a value into units.
    pub fn line(
        &self,
        value: impl Fn(usize) -> f64,
        y: impl Fn(f64) -> f64,
    ) -> Vec<Vec<(f64, f64)>> {
        let mut pieces = vec![Vec::new()];
        for cell in &self.cells {
            let mut low: Option<(usize, f64)> = None;
            let mut high: Option<(usize, f64)> = None;
            for frame in cell.frames.clone() {
                let v = value(frame);
                if v.is_nan() {
                    continue;
                }
                if low.is_none_or(|(_, l)| v < l) {
                    low = Some((frame, v));
                }
                if high.is_none_or(|(_, h)| v > h) {
                    high = Some((frame, v));
                }
            }
            let (Some(low), Some(high)) = (low, high) else {
                end_piece(&mut pieces);
                continue;
            };
            let (first, second) = if low.0 <= high.0 {
                (low, high)
            } else {
                (high, low)
            };
            let x = (cell.left + cell.right) / 2.0;
            let (a, b) = (y(first.1), y(second.1));
            if let Some(piece) = pieces.last_mut() {
                // What is thinner than a line needs one point.
                if (a - b).abs() < 0.5 {
                    piece.push((x, (a + b) / 2.0));
                } else {
                    piece.extend([(x, a), (x, b)]);
                }
            }
        }
        pieces.retain(|p| !p.is_empty());
        pieces
    }

    /// Closed areas between two values, `(low, high)`, likewise.
    pub fn band(
        &self,
        value: impl Fn(usize) -> Option<(f64, f64)>,
        y: impl Fn(f64) -> f64,
    ) -> Vec<Vec<(f64, f64)>> {
        let mut pieces: Vec<Vec<(f64, f64, f64)>> = vec![Vec::new()];
        for cell in &self.cells {
            let span = cell.frames.clone().filter_map(&value);
            match span.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))) {
                Some((low, high)) => {
                    let x = (cell.left + cell.right) / 2.0;
                    if let Some(piece) = pieces.last_mut() {
                        piece.push((x, y(low), y(high)));
                    }
                }
                None => end_piece(&mut pieces),
            }
        }
        pieces.retain(|p| !p.is_empty());
        pieces
            .into_iter()
            .map(|p| {
                let up = p.iter().map(|&(x, _, high)| (x, high));
                up.chain(p.iter().rev().map(|&(x, low, _)| (x, low)))
                    .collect()
            })
            .collect()
    }
}

fn end_piece<T>(pieces: &mut Vec<Vec<T>>) {
    if pieces.last().is_some_and(|p| !p.is_empty()) {
        pieces.push(Vec::new());
    }
}

/// The first in order of those that are most.
fn most_frequent<K: Copy + PartialEq + Ord>(kinds: &mut [Option<K>]) -> Option<K> {
    if let [one] = kinds {
        return *one;
    }
    kinds.sort_unstable();
    let mut best: Option<(usize, Option<K>)> = None;
    for same in kinds.chunk_by(|a, b| a == b) {
        if best.is_none_or(|(count, _)| same.len() > count) {
            best = Some((same.len(), same[0]));
        }
    }
    best.and_then(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_frame_is_in_one_cell_and_cells_fill_the_axis(
            steps in prop::collection::vec(0.001f64..2.0, 1..400), from in 0usize..100, width in 20f64..200.0,
        ) {
            let mut at = 3.0;
            let times: Vec<f64> = steps.iter().map(|s| { at += s; at }).collect();
            let from = from.min(times.len() - 1);
            let all = Cells::new(&times, from..times.len(), width);
            let mut next = from;
            let mut right = 0.0;
            for cell in &all.cells {
                prop_assert_eq!(cell.frames.start, next);
                prop_assert!((cell.left - right).abs() < 1e-6 && cell.right >= cell.left);
                next = cell.frames.end;
                right = cell.right;
            }
            prop_assert_eq!(next, times.len());
            prop_assert!((right - width).abs() < 1e-6);
            prop_assert!(all.cells.len() <= width.ceil() as usize);
        }

        #[test]
        fn a_line_keeps_the_extremes_and_breaks_where_nothing_is(
            values in prop::collection::vec(prop::option::weighted(0.8, -1f64..1.0), 1..600), width in 10f64..100.0,
        ) {
            let times: Vec<f64> = (0..values.len()).map(|i| i as f64).collect();
            let all = Cells::new(&times, 0..times.len(), width);
            let value = |i: usize| values[i].unwrap_or(f64::NAN);
            let pieces = all.line(value, |v| v * 1000.0);
            let drawn = pieces.iter().flatten().map(|p| p.1);
            let (low, high) = drawn.fold((f64::INFINITY, -f64::INFINITY), |(l, h), v| (l.min(v), h.max(v)));
            let there = values.iter().flatten().map(|v| v * 1000.0);
            let (l, h) = there.fold((f64::INFINITY, -f64::INFINITY), |(l, h), v| (l.min(v), h.max(v)));
            prop_assert!(pieces.is_empty() == (l > h));
            if l <= h {
                prop_assert!((low - l).abs() < 0.51 && (high - h).abs() < 0.51, "{} {} {} {}", low, l, high, h);
            }
            let band = all.band(|i| values[i].map(|v| (v - 0.1, v + 0.1)), |v| v);
            prop_assert_eq!(band.len(), pieces.len());
        }
    }

    #[test]
    fn a_column_is_what_most_of_its_frames_are() {
        let times: Vec<f64> = (0..12).map(f64::from).collect();
        let kinds = [1, 1, 2, 2, 2, 2, 0, 0, 0, 3, 3, 3];
        let kind = |i: usize| Some(kinds[i]).filter(|k| *k != 0);
        let joined = Cells::new(&times, 0..12, 4.0);
        assert_eq!(joined.joined, Some(3));
        assert_eq!(
            joined.runs(kind),
            [(0.0, 1.0, 1), (1.0, 2.0, 2), (3.0, 4.0, 3)]
        );
        let exact = Cells::new(&times, 0..12, 12.0);
        assert_eq!(exact.joined, None);
        assert_eq!(
            exact.runs(kind),
            [(0.0, 2.0, 1), (2.0, 6.0, 2), (9.0, 12.0, 3)]
        );
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        let none = Cells::new(&[], 0..0, 100.0);
        assert!(none.cells.is_empty() && none.line(|_| 0.0, |v| v).is_empty());
        let one = Cells::new(&[5.0], 0..1, 100.0);
        assert_eq!(one.line(|_| 0.5, |v| v), [vec![(50.0, 0.5)]]);
        assert_eq!(one.runs(|_| Some(1)), [(0.0, 100.0, 1)]);
    }
}
