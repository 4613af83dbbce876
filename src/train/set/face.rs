//! A face of a set: as a row of the table, and as training takes it.

use crate::analysis::Landmarks;
use crate::labels::Expression;

/// What a face is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Split {
    /// To learn from.
    Train,
    /// To choose by: when to stop, which of several.
    Validation,
    /// To report.
    Test,
}

impl Split {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Train, Self::Validation, Self::Test];

    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Validation => "validation",
            Self::Test => "test",
        }
    }

    /// The split of this name; what others call it is understood too.
    pub fn from_name(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "train" | "training" => Some(Self::Train),
            "validation" | "valid" | "val" | "dev" | "development" => Some(Self::Validation),
            "test" | "testing" => Some(Self::Test),
            _ => None,
        }
    }
}

/// What is known of a face.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Labels {
    /// Its expression.
    pub expression: Option<Expression>,
    /// The share of each expression in people's votes, in the order of [`Expression::ALL`]; sums to 1.
    pub votes: Option<[f32; Expression::COUNT]>,
    /// Valence and arousal, -1..=1.
    pub affect: Option<[f32; 2]>,
}

impl Labels {
    /// Whether anything is known.
    pub fn any(&self) -> bool {
        self.expression.is_some() || self.votes.is_some() || self.affect.is_some()
    }
}

/// One row of `faces.csv`.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Where the picture begins in `pictures.bin`.
    pub offset: u64,
    /// Width of the picture, 1..=[`super::LONGEST_SIDE_PX`].
    pub width_px: usize,
    /// Height of the picture, likewise.
    pub height_px: usize,
    /// 1 or 3.
    pub channels: usize,
    /// In pixels of the picture.
    pub landmarks: Landmarks,
    /// What it is for.
    pub split: Split,
    /// Who it is, or which video or picture it is from, as well as is known: never in two splits.
    pub subject: String,
    /// The video and the face in it; `None` for a still.
    pub sequence: Option<String>,
    /// The frame of the video, from 0; there with `sequence`.
    pub frame: Option<u64>,
    /// The source file, under the database's folder.
    pub file: String,
    /// A group that scores are wanted for by itself.
    pub group: Option<String>,
    /// What is known of it.
    pub labels: Labels,
}

impl Row {
    /// Length of the picture.
    pub fn bytes(&self) -> u64 {
        // At most 168 * 168 * 3.
        (self.width_px * self.height_px * self.channels) as u64
    }
}

/// A face of a set.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// `[height, width, channels]`
    pub pixels: &'a [u8],
    /// Width of the picture.
    pub width_px: usize,
    /// Height of the picture.
    pub height_px: usize,
    /// 1 (grey) or 3 (R G B).
    pub channels: usize,
    /// In pixels of the picture.
    pub landmarks: Landmarks,
    /// What is known of it.
    pub labels: &'a Labels,
    /// A number for the subject, from 0; see [`super::Set::subject`].
    pub subject: u32,
    /// What it is for.
    pub split: Split,
    /// A group that scores are wanted for by itself.
    pub group: Option<&'a str>,
    /// The source file, under the database's folder.
    pub file: &'a str,
}
