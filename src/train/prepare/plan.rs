//! What is to be done: every face of a database with its labels and its split, before any picture is looked at.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use crate::analysis::{BoxPx, Landmarks};
use crate::formats::labels::Person;
use crate::train::set::{Labels, LandmarksFrom, LeftOut, Split, hex};

/// Where in its picture a face is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Place {
    /// The picture is a face's box.
    Whole,
    /// In this box, whoever drew it.
    Box(BoxPx),
    /// The largest that the detector finds.
    Search,
    /// At these landmarks.
    Landmarks(Landmarks),
    /// Where the template has it: the picture is an aligned crop.
    Aligned,
}

/// A face in a picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The picture, under the plan's root.
    pub file: Box<str>,
    /// Where it is.
    pub place: Place,
    /// What is known of it.
    pub labels: Labels,
    /// What it is for.
    pub split: Split,
    /// Who or what is never in two splits.
    pub subject: Arc<str>,
    /// The video and the face in it, and the frame from 0.
    pub sequence: Option<(Arc<str>, u64)>,
    /// A group that scores are wanted for by itself.
    pub group: Option<Arc<str>>,
}

/// One person of a video.
#[derive(Debug, Clone, PartialEq)]
pub struct Cast {
    /// Which of two; `None`: the largest face.
    pub person: Option<Person>,
    /// The name of the video and the face in it.
    pub sequence: Arc<str>,
    /// A group that scores are wanted for by itself.
    pub group: Option<Arc<str>>,
    /// By frame, from 0.
    pub labels: BTreeMap<u64, Labels>,
}

/// A video.
#[derive(Debug, Clone, PartialEq)]
pub struct Clip {
    /// The file, under the plan's root.
    pub file: Box<str>,
    /// Who or what is never in two splits.
    pub subject: Arc<str>,
    /// What it is for.
    pub split: Split,
    /// Whose labels there are.
    pub cast: Vec<Cast>,
}

/// All of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// What files are named under.
    pub root: PathBuf,
    /// Faces in pictures.
    pub entries: Vec<Entry>,
    /// Videos.
    pub clips: Vec<Clip>,
    /// Whether pictures are decoded as the reference code decodes its crops.
    pub as_reference: bool,
    /// What was left out already.
    pub left_out: BTreeMap<String, LeftOut>,
    /// Where the splits are from.
    pub split_by: String,
    /// Where valence and arousal are from.
    pub affect_from: String,
    /// What the user should know.
    pub notes: Vec<String>,
}

/// Where valence and arousal are from when the database has them.
pub const RATED: &str = "the database's own ratings";
/// Where splits are from when the database has none.
pub const HASHED: &str =
    "a hash of the subject's name, one in ten for validation: the database has no splits";

impl Plan {
    /// A plan without faces.
    pub fn new(root: PathBuf) -> Self {
        Self {
            root,
            entries: Vec::new(),
            clips: Vec::new(),
            as_reference: false,
            left_out: BTreeMap::new(),
            split_by: HASHED.to_owned(),
            affect_from: RATED.to_owned(),
            notes: Vec::new(),
        }
    }

    /// Leaves a face, a picture or a row out.
    pub fn leave_out(&mut self, reason: &str, what: &str) {
        crate::train::set::leave_out(&mut self.left_out, reason, what);
    }

    /// How many labelled faces there are.
    pub fn faces(&self) -> u64 {
        let filmed = self.clips.iter().flat_map(|clip| &clip.cast);
        self.entries.len() as u64 + filmed.map(|cast| cast.labels.len() as u64).sum::<u64>()
    }

    /// Where its landmarks are from: the database, where it has them for every face.
    pub fn landmarks_from(&self) -> LandmarksFrom {
        let all = |wanted: fn(&Place) -> bool| {
            self.clips.is_empty() && self.entries.iter().all(|entry| wanted(&entry.place))
        };
        if all(|place| matches!(place, Place::Landmarks(_))) {
            LandmarksFrom::Database
        } else if all(|place| matches!(place, Place::Aligned)) {
            LandmarksFrom::Template
        } else {
            LandmarksFrom::Program
        }
    }

    /// A checksum of everything that the set depends on, but for the pictures themselves.
    pub fn checksum(&self) -> String {
        let mut hash = Sha256::new();
        for entry in &self.entries {
            hash.update(format!("{entry:?}\n"));
        }
        for clip in &self.clips {
            hash.update(format!("{clip:?}\n"));
        }
        hash.update(format!("{:?}", (self.as_reference, &self.left_out)));
        hex(&hash.finalize())
    }
}

/// The split of a subject where the database has none: the same for ever, whatever else is there.
pub fn split_of(subject: &str) -> Split {
    let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(subject).into();
    if u32::from_be_bytes([a, b, c, d]) < u32::MAX / 10 {
        Split::Validation
    } else {
        Split::Train
    }
}
