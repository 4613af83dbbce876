//! What was found of a segment where prediction and labels, or annotators, disagree.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::disagreement::Reason;

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
    /// `Model right: a grin, not joy`.
    pub fn words(&self) -> String {
        match self.note.as_str() {
            "" => self.state.title().to_owned(),
            note => format!("{}: {note}", self.state.title()),
        }
    }

    /// Open and without a note: nothing that would have to be kept.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// What a mark is of: a stretch that stands in the list for a reason. `None`: a mark of old, which was of the frames alone.
pub type Spot = (Range<usize>, Option<Reason>);

/// The marks of a video's segments, by their frames and reasons.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Marks(BTreeMap<(usize, usize, Option<Reason>), Mark>);

impl Marks {
    /// Keeps a mark and gives the one that was there; an empty one is none.
    pub(super) fn set(&mut self, (frames, reason): &Spot, mark: Mark) -> Mark {
        let key = (frames.start, frames.end, *reason);
        let before = if mark.is_empty() {
            self.0.remove(&key)
        } else {
            self.0.insert(key, mark)
        };
        before.unwrap_or_default()
    }

    /// The mark of exactly this.
    pub fn at(&self, (frames, reason): &Spot) -> Option<&Mark> {
        self.0.get(&(frames.start, frames.end, *reason))
    }

    /// The mark of this, else the one of the same reason whose frames are most nearly the same: of the frames of either, half
    /// at least are of both. Segments move a little when labels beside them are mended. Gives the mark's own spot, too.
    pub fn nearest(&self, spot: &Spot) -> Option<(Spot, &Mark)> {
        if let Some(mark) = self.at(spot) {
            return Some((spot.clone(), mark));
        }
        let (frames, reason) = spot;
        let shared = |a: usize, b: usize| b.min(frames.end).saturating_sub(a.max(frames.start));
        let alike = |a: usize, b: usize| {
            let both = shared(a, b);
            both as f64 / ((b - a) + frames.len() - both).max(1) as f64
        };
        // Only those that begin before these frames end can share any.
        let before = self.0.range(..(frames.end, 0, None));
        before
            .filter(|((.., of), _)| of == reason || of.is_none())
            .map(|(&(a, b, of), mark)| (alike(a, b), (a..b, of), mark))
            .filter(|(alike, ..)| *alike >= 0.5)
            .max_by(|a, b| a.0.total_cmp(&b.0))
            .map(|(_, spot, mark)| (spot, mark))
    }

    /// All of them, by their first frame.
    pub fn iter(&self) -> impl Iterator<Item = (Spot, &Mark)> {
        self.0.iter().map(|(&(a, b, of), mark)| ((a..b, of), mark))
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
        let label = |frames: Range<usize>| (frames, Some(Reason::OtherLabel));
        let first = label(10..20);
        assert_eq!(marks.set(&first, unclear.clone()), Mark::default());
        let right = Mark {
            state: SegmentState::LabelRight,
            ..Mark::default()
        };
        marks.set(&label(20..30), right.clone());
        assert_eq!(marks.nearest(&first), Some((first.clone(), &unclear)));
        assert_eq!(
            marks.nearest(&label(12..21)),
            Some((first.clone(), &unclear))
        );
        assert_eq!(marks.nearest(&label(0..14)), None);
        assert_eq!(marks.at(&label(12..21)), None);
        assert_eq!(
            marks.nearest(&label(22..31)).map(|m| m.0),
            Some(label(20..30))
        );
        // The same frames for another reason are another matter; a mark of old is of whatever lies there.
        let other = (10..20, Some(Reason::Raters));
        assert_eq!(marks.nearest(&other), None);
        marks.set(&(9..20, None), right.clone());
        assert_eq!(marks.nearest(&other), Some(((9..20, None), &right)));
        assert_eq!(marks.set(&first, Mark::default()), unclear);
        assert_eq!(marks.len(), 2);
    }
}
