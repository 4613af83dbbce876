//! What somebody, a person or the network, says of every frame.

use crate::labels::Expression;

/// Stands for no expression in a column.
const NONE: u8 = u8::MAX;

/// What is said of one frame.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rating {
    /// The expression; `None`: not said, or marked as invalid.
    pub expression: Option<Expression>,
    /// Valence in -1..=1, likewise.
    pub valence: Option<f64>,
    /// Arousal in -1..=1, likewise.
    pub arousal: Option<f64>,
}

impl Rating {
    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What this one says; of that which it says nothing of, what another says.
    pub fn or(self, other: Self) -> Self {
        Self {
            expression: self.expression.or(other.expression),
            valence: self.valence.or(other.valence),
            arousal: self.arousal.or(other.arousal),
        }
    }
}

/// What is said of every frame, in columns: 17 bytes a frame, so that a million frames are no burden.
#[derive(Debug, Clone, Default)]
pub struct Track {
    /// Index of the expression, or [`NONE`].
    expression: Vec<u8>,
    /// NaN where there is none.
    valence: Vec<f64>,
    arousal: Vec<f64>,
}

impl PartialEq for Track {
    /// Frame by frame; none equals none.
    fn eq(&self, other: &Self) -> bool {
        let same = |a: &[f64], b: &[f64]| {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|(a, b)| a == b || (a.is_nan() && b.is_nan()))
        };
        self.expression == other.expression
            && same(&self.valence, &other.valence)
            && same(&self.arousal, &other.arousal)
    }
}

impl Track {
    /// So many frames of which nothing is said.
    pub fn empty(frames: usize) -> Self {
        Self {
            expression: vec![NONE; frames],
            valence: vec![f64::NAN; frames],
            arousal: vec![f64::NAN; frames],
        }
    }

    /// At least so many frames; nothing is said of those that are new.
    pub fn grow(&mut self, frames: usize) {
        if frames > self.len() {
            self.expression.resize(frames, NONE);
            self.valence.resize(frames, f64::NAN);
            self.arousal.resize(frames, f64::NAN);
        }
    }

    /// Frames.
    pub fn len(&self) -> usize {
        self.expression.len()
    }

    /// True without frames.
    pub fn is_empty(&self) -> bool {
        self.expression.is_empty()
    }

    /// What is said of a frame; nothing behind the last.
    pub fn get(&self, frame: usize) -> Rating {
        Rating {
            expression: self.expression(frame),
            valence: number(self.valence.get(frame)),
            arousal: number(self.arousal.get(frame)),
        }
    }

    /// The expression of a frame.
    pub fn expression(&self, frame: usize) -> Option<Expression> {
        let index = *self.expression.get(frame)?;
        Expression::ALL.get(usize::from(index)).copied()
    }

    /// Says something else of a frame; a frame behind the last stays as it is not. A value that is no number is none.
    pub fn set(&mut self, frame: usize, rating: Rating) {
        if frame < self.len() {
            self.expression[frame] = rating.expression.map_or(NONE, |e| e.index() as u8);
            self.valence[frame] = rating.valence.unwrap_or(f64::NAN);
            self.arousal[frame] = rating.arousal.unwrap_or(f64::NAN);
        }
    }

    /// Valence of every frame; NaN where there is none.
    pub fn valence(&self) -> &[f64] {
        &self.valence
    }

    /// Arousal of every frame; NaN where there is none.
    pub fn arousal(&self) -> &[f64] {
        &self.arousal
    }

    /// Frames with an expression, with valence, with arousal.
    pub fn counts(&self) -> [usize; 3] {
        let numbers = |values: &[f64]| values.iter().filter(|v| !v.is_nan()).count();
        [
            self.expression.iter().filter(|&&e| e != NONE).count(),
            numbers(&self.valence),
            numbers(&self.arousal),
        ]
    }

    /// Frames of which something is said.
    pub fn said(&self) -> usize {
        (0..self.len()).filter(|&i| !self.get(i).is_empty()).count()
    }
}

fn number(value: Option<&f64>) -> Option<f64> {
    value.copied().filter(|v| !v.is_nan())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_got_and_what_lies_behind_the_end_is_nothing() {
        let mut track = Track::empty(3);
        let rating = Rating {
            expression: Some(Expression::Surprise),
            valence: Some(-0.25),
            arousal: None,
        };
        track.set(1, rating);
        track.set(3, rating);
        assert_eq!(track.get(1), rating);
        assert!(track.get(0).is_empty() && track.get(3).is_empty());
        assert_eq!((track.len(), track.said()), (3, 1));
        assert_eq!(track.counts(), [1, 1, 0]);
        assert_eq!(track, track.clone());
    }
}
