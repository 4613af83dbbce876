//! What an annotator does to labels.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::overlay::{Patch, Runs};
use crate::labels::Expression;

/// Valence and arousal of frames that follow one another, as drawn or rated.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Stroke {
    /// The first frame.
    pub start: usize,
    /// Valence in -1..=1 from there on, `None` where there is to be none. Without values valence stays as it is.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "super::words")]
    pub valence: Vec<Option<f64>>,
    /// Arousal, likewise.
    #[serde(default, skip_serializing_if = "Vec::is_empty", with = "super::words")]
    pub arousal: Vec<Option<f64>>,
}

/// One step of annotating: what one undo takes back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Edit {
    /// An expression over some frames.
    Expression {
        /// Which frames.
        frames: Range<usize>,
        /// The expression; `None`: none is given there.
        #[serde(with = "super::words::expression")]
        to: Option<Expression>,
    },
    /// Values that were drawn.
    Values(Stroke),
    /// Values that were rated while the video played; see [`super::rating`].
    Rated {
        /// How many times a second was to be rated.
        rate_hz: f64,
        /// The values; several where the video was moved in between.
        strokes: Vec<Stroke>,
    },
    /// Nothing is said of some frames any more.
    Clear {
        /// Which frames.
        frames: Range<usize>,
    },
    /// What the files say of some frames is to hold again.
    Restore {
        /// Which frames.
        frames: Range<usize>,
    },
}

impl Edit {
    /// The part of it that lies on a video of so many frames, its values within -1..=1 (one that is no number is none);
    /// `None` when nothing remains.
    pub fn within(self, frames: usize) -> Option<Self> {
        let cut = |range: Range<usize>| range.start..range.end.min(frames);
        let some = |range: &Range<usize>| range.start < range.end;
        match self {
            Self::Expression { frames, to } => {
                let frames = cut(frames);
                some(&frames).then_some(Self::Expression { frames, to })
            }
            Self::Clear { frames } => {
                let frames = cut(frames);
                some(&frames).then_some(Self::Clear { frames })
            }
            Self::Restore { frames } => {
                let frames = cut(frames);
                some(&frames).then_some(Self::Restore { frames })
            }
            Self::Values(stroke) => stroke.within(frames).map(Self::Values),
            Self::Rated { rate_hz, strokes } => {
                let strokes = strokes.into_iter().filter_map(|s| s.within(frames));
                let strokes: Vec<Stroke> = strokes.collect();
                (!strokes.is_empty()).then_some(Self::Rated { rate_hz, strokes })
            }
        }
    }

    /// The changes that it makes, one after the other.
    pub(super) fn patches(&self) -> Vec<Patch> {
        match self {
            Self::Expression { frames, to } => vec![Patch {
                start: frames.start,
                expression: Runs::repeated(Some(*to), frames.len()),
                ..Patch::default()
            }],
            Self::Clear { frames } => vec![Patch::all(frames, Some(()))],
            Self::Restore { frames } => vec![Patch::all(frames, None)],
            Self::Values(stroke) => vec![stroke.patch()],
            Self::Rated { strokes, .. } => strokes.iter().map(Stroke::patch).collect(),
        }
    }

    /// Whether it can be made on a video of so many frames as it stands: one that comes from a file.
    pub(super) fn fits(&self, frames: usize) -> bool {
        match self {
            Self::Expression { frames: range, .. }
            | Self::Clear { frames: range }
            | Self::Restore { frames: range } => range.start <= range.end && range.end <= frames,
            Self::Values(stroke) => stroke.fits(frames),
            Self::Rated { strokes, .. } => strokes.iter().all(|s| s.fits(frames)),
        }
    }

    /// What to call it: "happiness", "drawn values".
    pub fn title(&self) -> &'static str {
        match self {
            Self::Expression { to, .. } => to.map_or("no expression", Expression::name),
            Self::Values(stroke) => match (stroke.valence.is_empty(), stroke.arousal.is_empty()) {
                (false, true) => "valence",
                (true, false) => "arousal",
                _ => "valence and arousal",
            },
            Self::Rated { .. } => "live rating",
            Self::Clear { .. } => "clear",
            Self::Restore { .. } => "as in the file",
        }
    }
}

impl Stroke {
    fn within(mut self, frames: usize) -> Option<Self> {
        let room = frames.saturating_sub(self.start);
        for values in [&mut self.valence, &mut self.arousal] {
            values.truncate(room);
            for value in values {
                *value = value.filter(|v| v.is_finite()).map(|v| v.clamp(-1.0, 1.0));
            }
        }
        (!self.valence.is_empty() || !self.arousal.is_empty()).then_some(self)
    }

    fn fits(&self, frames: usize) -> bool {
        let longest = self.valence.len().max(self.arousal.len());
        let mut values = self.valence.iter().chain(&self.arousal).flatten();
        self.start
            .checked_add(longest)
            .is_some_and(|end| end <= frames)
            && values.all(|v| (-1.0..=1.0).contains(v))
    }

    fn patch(&self) -> Patch {
        Patch {
            start: self.start,
            valence: Runs::of(&self.valence),
            arousal: Runs::of(&self.arousal),
            ..Patch::default()
        }
    }
}
