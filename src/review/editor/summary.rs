//! How somebody's labels came to be.

use super::{Change, Editor, Step};

/// How one person's labels came to be, of the steps that are not taken back.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// Edits.
    pub edits: usize,
    /// Of these, made while the predictions were hidden.
    pub blind: usize,
    /// Of these, rated live; at how many samples a second each was to be.
    pub rated_hz: Vec<f64>,
    /// When the first and the last were made.
    pub first_and_last: Option<(String, String)>,
    /// Who made them, in the order of their first.
    pub who: Vec<String>,
    /// Whose labels they started from, where it was somebody else's.
    pub copied_from: Option<String>,
}

impl Editor {
    /// How a rater's labels came to be.
    pub fn summary(&self, rater: usize) -> Summary {
        let mut summary = Summary::default();
        let Some(known) = self.known.get(rater) else {
            return summary;
        };
        summary.copied_from.clone_from(&known.copied_from);
        let labels = |s: &&Step| matches!(s.changes.first(), Some(Change::Labels(..)));
        let mine = self
            .done
            .iter()
            .filter(|s| known.id.is_some() && s.rater == known.id);
        for step in mine.filter(labels) {
            summary.edits += 1;
            summary.blind += usize::from(step.blind);
            summary.rated_hz.extend(step.rated_hz);
            let first = summary.first_and_last.take().map(|(first, _)| first);
            let first = first.unwrap_or_else(|| step.when.clone());
            summary.first_and_last = Some((first, step.when.clone()));
            if !summary.who.iter().any(|w| **w == *step.who) {
                summary.who.push(step.who.to_string());
            }
        }
        summary
    }
}
