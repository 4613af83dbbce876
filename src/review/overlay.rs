//! What is mended in somebody's labels, kept apart from what the files say: so that it can be taken back, and stays on its
//! frames when the files' labels are moved.

use std::ops::Range;

use super::track::Rating;
use crate::labels::Expression;

/// What an edit made of one kind of label on one frame. `None`: it is as the files have it. `Some(None)`: nothing is
/// said there any more.
pub type Cell<T> = Option<Option<T>>;

/// Cells of frames that follow one another, equal ones counted.
#[derive(Debug, Clone, PartialEq)]
pub struct Runs<T>(Vec<(u32, Cell<T>)>);

impl<T> Default for Runs<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy + PartialEq> Runs<T> {
    /// The same cell on so many frames.
    pub fn repeated(cell: Cell<T>, frames: usize) -> Self {
        let mut runs = Self::default();
        runs.push(cell, u32::try_from(frames).unwrap_or(u32::MAX));
        runs
    }

    /// A cell more for each value.
    pub fn of(values: &[Option<T>]) -> Self {
        let mut runs = Self::default();
        for value in values {
            runs.push(Some(*value), 1);
        }
        runs
    }

    fn push(&mut self, cell: Cell<T>, frames: u32) {
        match self.0.last_mut() {
            _ if frames == 0 => {}
            Some((n, last)) if *last == cell && n.checked_add(frames).is_some() => *n += frames,
            _ => self.0.push((frames, cell)),
        }
    }

    /// Frames.
    pub fn frames(&self) -> usize {
        self.0.iter().map(|(n, _)| *n as usize).sum()
    }

    fn cells(&self) -> impl Iterator<Item = Cell<T>> + '_ {
        let run = |&(n, cell): &(u32, Cell<T>)| std::iter::repeat_n(cell, n as usize);
        self.0.iter().flat_map(run)
    }
}

/// A change of what is said from a frame on: a kind of label without cells stays as it is. Its inverse is one, too.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Patch {
    /// The first frame.
    pub start: usize,
    /// Expressions from there on.
    pub expression: Runs<Expression>,
    /// Valence from there on.
    pub valence: Runs<f64>,
    /// Arousal from there on.
    pub arousal: Runs<f64>,
}

impl Patch {
    /// All kinds of labels of some frames become the same.
    pub fn all(frames: &Range<usize>, said: Option<()>) -> Self {
        let n = frames.len();
        Self {
            start: frames.start,
            expression: Runs::repeated(said.map(|()| None), n),
            valence: Runs::repeated(said.map(|()| None), n),
            arousal: Runs::repeated(said.map(|()| None), n),
        }
    }

    /// The frames that it speaks of.
    pub fn frames(&self) -> Range<usize> {
        let most = (self.expression.frames())
            .max(self.valence.frames())
            .max(self.arousal.frames());
        self.start..self.start + most
    }
}

#[derive(Debug, Clone)]
struct Column<T>(Vec<Cell<T>>);

impl<T> Default for Column<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy + PartialEq> Column<T> {
    fn get(&self, frame: usize) -> Cell<T> {
        self.0.get(frame).copied().flatten()
    }

    /// Puts cells in their places and gives those that were there.
    fn swap(&mut self, start: usize, runs: &Runs<T>, touched: &mut usize) -> Runs<T> {
        let mut before = Runs::default();
        let end = start + runs.frames();
        if self.0.len() < end {
            self.0.resize(end, None);
        }
        for (cell, place) in runs.cells().zip(&mut self.0[start..end]) {
            before.push(*place, 1);
            *touched += usize::from(cell.is_some());
            *touched -= usize::from(place.is_some());
            *place = cell;
        }
        before
    }
}

/// Everything that is mended in one person's labels.
#[derive(Debug, Clone, Default)]
pub(super) struct Overlay {
    expression: Column<Expression>,
    valence: Column<f64>,
    arousal: Column<f64>,
    /// Cells that are not as the files have it.
    touched: usize,
}

impl Overlay {
    /// Makes a change and gives its inverse.
    pub fn swap(&mut self, patch: &Patch) -> Patch {
        let (start, touched) = (patch.start, &mut self.touched);
        Patch {
            start,
            expression: self.expression.swap(start, &patch.expression, touched),
            valence: self.valence.swap(start, &patch.valence, touched),
            arousal: self.arousal.swap(start, &patch.arousal, touched),
        }
    }

    /// What is said of a frame of which the files say `below`.
    pub fn over(&self, frame: usize, below: Rating) -> Rating {
        Rating {
            expression: self.expression.get(frame).unwrap_or(below.expression),
            valence: self.valence.get(frame).unwrap_or(below.valence),
            arousal: self.arousal.get(frame).unwrap_or(below.arousal),
        }
    }

    /// Whether all is as the files have it.
    pub fn is_empty(&self) -> bool {
        self.touched == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cells() -> impl Strategy<Value = Vec<Cell<f64>>> {
        let cell = prop_oneof![
            Just(None),
            Just(Some(None)),
            (0u8..4).prop_map(|v| Some(Some(f64::from(v) / 4.0)))
        ];
        prop::collection::vec(cell, 0..30)
    }

    proptest! {
        #[test]
        fn a_change_and_its_inverse_are_nothing(
            patches in prop::collection::vec((0usize..20, cells()), 1..8),
        ) {
            let mut overlay = Overlay::default();
            let mut plain: Vec<Cell<f64>> = vec![None; 64];
            let mut inverses = Vec::new();
            let mut states = Vec::new();
            for (start, cells) in &patches {
                let mut patch = Patch { start: *start, ..Patch::default() };
                for cell in cells {
                    patch.valence.push(*cell, 1);
                }
                states.push(plain.clone());
                plain[*start..start + cells.len()].copy_from_slice(cells);
                inverses.push(overlay.swap(&patch));
                let got: Vec<Cell<f64>> = (0..64).map(|f| overlay.valence.get(f)).collect();
                prop_assert_eq!(&got, &plain);
                prop_assert_eq!(overlay.is_empty(), plain.iter().all(Option::is_none));
            }
            while let (Some(inverse), Some(state)) = (inverses.pop(), states.pop()) {
                overlay.swap(&inverse);
                let got: Vec<Cell<f64>> = (0..64).map(|f| overlay.valence.get(f)).collect();
                prop_assert_eq!(got, state);
            }
            prop_assert!(overlay.is_empty());
        }
    }

    #[test]
    fn an_inverse_keeps_only_what_changed() {
        let mut overlay = Overlay::default();
        let drawn: Vec<Option<f64>> = (0..1000).map(|i| Some(f64::from(i) / 1000.0)).collect();
        let inverse = overlay.swap(&Patch {
            start: 5,
            valence: Runs::of(&drawn),
            ..Patch::default()
        });
        assert_eq!(inverse.valence.0, [(1000, None)]);
        assert!(inverse.expression.0.is_empty() && inverse.arousal.0.is_empty());
    }
}
