//! What was found of a segment where prediction and labels, or annotators, disagree.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

/// How a disagreement was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SegmentState {
    /// Nobody has settled it.
    #[default]
    Open,
    /// The label is right, the network wrong.
    LabelRight,
    /// The network is right, the label wrong.
    ModelRight,
    /// Looked at, and not to be told.
    Unclear,
}

impl SegmentState {
    /// All of them, in the order of the menu.
    pub const ALL: [Self; 4] = [
        Self::Open,
        Self::LabelRight,
        Self::ModelRight,
        Self::Unclear,
    ];

    /// The name on screen.
    pub fn title(self) -> &'static str {
        match self {
            Self::Open => "Open",
            Self::LabelRight => "Label right",
            Self::ModelRight => "Model right",
            Self::Unclear => "Unclear",
        }
    }
}

/// What is kept of a segment.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Mark {
    /// How it was settled.
    pub state: SegmentState,
    /// In the annotator's own words; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

impl Mark {
    /// Open and without a note: nothing that would have to be kept.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The marks of a video's segments, by their frames.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Marks(BTreeMap<(usize, usize), Mark>);

impl Marks {
    /// Keeps a mark and gives the one that was there; an empty one is none.
    pub(super) fn set(&mut self, frames: &Range<usize>, mark: Mark) -> Mark {
        let key = (frames.start, frames.end);
        let before = if mark.is_empty() {
            self.0.remove(&key)
        } else {
            self.0.insert(key, mark)
        };
        before.unwrap_or_default()
    }

    /// The mark of exactly these frames.
    pub fn at(&self, frames: &Range<usize>) -> Option<&Mark> {
        self.0.get(&(frames.start, frames.end))
    }

    /// The mark of these frames, else the one whose frames are most nearly the same: of the frames of either, half at
    /// least are of both. Segments move a little when labels beside them are mended. Gives the mark's own frames, too.
    pub fn nearest(&self, frames: &Range<usize>) -> Option<(Range<usize>, &Mark)> {
        if let Some(mark) = self.at(frames) {
            return Some((frames.clone(), mark));
        }
        let shared = |a: usize, b: usize| b.min(frames.end).saturating_sub(a.max(frames.start));
        let alike = |a: usize, b: usize| {
            let both = shared(a, b);
            both as f64 / ((b - a) + frames.len() - both).max(1) as f64
        };
        // Only those that begin before these frames end can share any.
        let before = self.0.range(..(frames.end, 0));
        before
            .map(|(&(a, b), mark)| (alike(a, b), a..b, mark))
            .filter(|(alike, ..)| *alike >= 0.5)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, frames, mark)| (frames, mark))
    }

    /// All of them, by their first frame.
    pub fn iter(&self) -> impl Iterator<Item = (Range<usize>, &Mark)> {
        self.0.iter().map(|(&(a, b), mark)| (a..b, mark))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_segment_that_moved_a_little_keeps_its_mark() {
        let mut marks = Marks::default();
        let unclear = Mark {
            state: SegmentState::Unclear,
            note: "half a smile".to_owned(),
        };
        assert_eq!(marks.set(&(10..20), unclear.clone()), Mark::default());
        marks.set(
            &(20..30),
            Mark {
                state: SegmentState::LabelRight,
                ..Mark::default()
            },
        );
        assert_eq!(marks.nearest(&(10..20)), Some((10..20, &unclear)));
        assert_eq!(marks.nearest(&(12..21)), Some((10..20, &unclear)));
        assert_eq!(marks.nearest(&(0..14)), None);
        assert_eq!(marks.at(&(12..21)), None);
        assert_eq!(marks.nearest(&(22..31)).map(|m| m.0), Some(20..30));
        assert_eq!(marks.set(&(10..20), Mark::default()), unclear);
        assert_eq!(marks.len(), 1);
    }
}
