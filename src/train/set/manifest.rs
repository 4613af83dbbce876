//! What a packed set says of itself.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::{Row, Split};
use crate::labels::Expression;
use crate::model::config::Color;

/// The version of the sets that are written and read.
pub const VERSION: u32 = 1;

/// How a set was made and what is in it: `manifest.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Of the set's form, see [`VERSION`].
    pub version: u32,
    /// From what it was made, and how.
    pub made: Made,
    /// All faces.
    pub faces: u64,
    /// Of each split.
    pub splits: PerSplit<Counts>,
    /// Subjects that stand in two splits: 0, or the set would not have been written.
    pub subjects_in_two_splits: u64,
    /// Pictures that are the same, pixel by pixel, in two splits: 0 likewise.
    pub pictures_in_two_splits: u64,
    /// What was left out, by the reason in words.
    pub left_out: BTreeMap<String, LeftOut>,
    /// The files beside the manifest.
    pub files: Files,
}

/// From what a set was made, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Made {
    /// The program and its version.
    pub program: String,
    /// Which database, as `train prepare --format` names it.
    pub format: String,
    /// Its folder, as given.
    pub input: String,
    /// Its labels, as given.
    pub annotations: Option<String>,
    /// Whether the pictures were faces already.
    pub crops: bool,
    /// The colours that were kept.
    pub color: Color,
    /// Where the splits are from, in words.
    pub split_by: String,
    /// Where valence and arousal are from, in words: people who rated them, or a projection of something else.
    pub affect_from: String,
    /// Where the landmarks are from: the database itself, or this program's network, which then has nothing to learn from
    /// them.
    #[serde(default)]
    pub landmarks_from: LandmarksFrom,
}

impl Made {
    /// Whether the landmarks are the database's own.
    pub fn has_own_landmarks(&self) -> bool {
        self.landmarks_from == LandmarksFrom::Database
    }
}

/// Where a set's landmarks are from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LandmarksFrom {
    /// The program's own network found them.
    #[default]
    Program,
    /// The database comes with them.
    Database,
    /// The pictures are aligned crops: they lie where the template has them.
    Template,
}

/// One value for each split.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerSplit<T> {
    /// To learn from.
    pub train: T,
    /// To choose by.
    pub validation: T,
    /// To report.
    pub test: T,
}

impl<T> PerSplit<T> {
    /// A split's.
    pub fn of(&self, split: Split) -> &T {
        match split {
            Split::Train => &self.train,
            Split::Validation => &self.validation,
            Split::Test => &self.test,
        }
    }

    /// A split's, to change.
    pub fn of_mut(&mut self, split: Split) -> &mut T {
        match split {
            Split::Train => &mut self.train,
            Split::Validation => &mut self.validation,
            Split::Test => &mut self.test,
        }
    }
}

/// How many there are of what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// Faces.
    pub faces: u64,
    /// People, videos or pictures that were split by.
    pub subjects: u64,
    /// Videos, by face; 0 for stills.
    pub sequences: u64,
    /// Faces with an expression.
    pub with_expression: u64,
    /// Faces with the votes behind it.
    pub with_votes: u64,
    /// Faces with valence and arousal.
    pub with_affect: u64,
    /// Faces with both.
    pub with_expression_and_affect: u64,
    /// Faces of each expression.
    pub expressions: PerExpression,
}

/// One number for each expression, written by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // the names say it
pub struct PerExpression {
    pub neutral: u64,
    pub anger: u64,
    pub disgust: u64,
    pub fear: u64,
    pub happiness: u64,
    pub sadness: u64,
    pub surprise: u64,
}

impl PerExpression {
    /// Of one expression.
    pub fn of_mut(&mut self, expression: Expression) -> &mut u64 {
        match expression {
            Expression::Neutral => &mut self.neutral,
            Expression::Anger => &mut self.anger,
            Expression::Disgust => &mut self.disgust,
            Expression::Fear => &mut self.fear,
            Expression::Happiness => &mut self.happiness,
            Expression::Sadness => &mut self.sadness,
            Expression::Surprise => &mut self.surprise,
        }
    }

    /// In the order of [`Expression::ALL`].
    pub fn in_order(mut self) -> [u64; Expression::COUNT] {
        Expression::ALL.map(|e| *self.of_mut(e))
    }
}

/// Faces, pictures or rows that were left out for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first: String,
}

/// Gathers what is left out.
pub(crate) fn leave_out(all: &mut BTreeMap<String, LeftOut>, reason: &str, what: &str) {
    match all.get_mut(reason) {
        Some(known) => known.count += 1,
        None => {
            let first = LeftOut {
                count: 1,
                first: what.to_owned(),
            };
            all.insert(reason.to_owned(), first);
        }
    }
}

/// The files beside the manifest, so that one that was cut or changed is noticed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// Length of `pictures.bin`.
    pub pictures_bytes: u64,
    /// Its SHA-256, hexadecimal.
    pub pictures_sha256: String,
    /// Length of `faces.csv`.
    pub faces_bytes: u64,
    /// Its SHA-256, hexadecimal.
    pub faces_sha256: String,
}

/// Counts faces as they come.
#[derive(Default)]
pub(crate) struct Census {
    counts: PerSplit<Counts>,
    subjects: HashMap<String, Split>,
    sequences: BTreeSet<(Split, String)>,
    in_two_splits: BTreeSet<String>,
}

impl Census {
    pub fn add(&mut self, row: &Row) {
        if let Some(known) = self.subjects.get(&row.subject) {
            if *known != row.split {
                self.in_two_splits.insert(row.subject.clone());
            }
        } else {
            self.subjects.insert(row.subject.clone(), row.split);
            self.counts.of_mut(row.split).subjects += 1;
        }
        if let Some(sequence) = &row.sequence
            && self.sequences.insert((row.split, sequence.clone()))
        {
            self.counts.of_mut(row.split).sequences += 1;
        }
        let counts = self.counts.of_mut(row.split);
        counts.faces += 1;
        let labels = &row.labels;
        if let Some(expression) = labels.expression {
            *counts.expressions.of_mut(expression) += 1;
            counts.with_expression += 1;
            counts.with_expression_and_affect += u64::from(labels.affect.is_some());
        }
        counts.with_votes += u64::from(labels.votes.is_some());
        counts.with_affect += u64::from(labels.affect.is_some());
    }

    /// The counts, and the subjects that stand in two splits.
    pub fn done(self) -> (PerSplit<Counts>, BTreeSet<String>) {
        (self.counts, self.in_two_splits)
    }
}
