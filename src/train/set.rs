//! The packed set: a database's faces, cut out, labelled and split, in three files that training reads at once.
//!
//! ```text
//! SET/pictures.bin    8-bit pictures [height, width, channels] one after the other, without anything between
//! SET/faces.csv       a row a face: where its picture lies, five landmarks, split, subject, labels; empty: none
//! SET/manifest.json   how it was made, what is in it, what was left out and why; written last
//! ```
//!
//! A picture holds what lies around the aligned face in the source: a square of 1.5 times the side of the template's, as
//! far as the source has it, so that a crop may be turned, shifted and scaled without running out of picture; at the
//! source's own resolution, made smaller only where its side would be above [`LONGEST_SIDE_PX`]. A source that is
//! small itself is kept whole.

mod face;
mod manifest;
mod map;
mod table;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use sha2::{Digest as _, Sha256};

use super::prepare::{Unfinished, unfinished};
use crate::analysis::Landmarks;

pub use self::face::{Labels, Row, Sample, Split};
pub(crate) use self::manifest::{Census, leave_out};
pub use self::manifest::{
    Counts, Files, LandmarksFrom, LeftOut, Made, Manifest, PerExpression, PerSplit, VERSION,
};
pub(crate) use self::table::{BadRow, RowReader};
pub use self::table::{LONGEST_SIDE_PX, RowWriter};

/// The names of the files.
pub const PICTURES_FILE: &str = "pictures.bin";
/// See [`PICTURES_FILE`].
pub const FACES_FILE: &str = "faces.csv";
/// See [`PICTURES_FILE`].
pub const MANIFEST_FILE: &str = "manifest.json";

/// Why a set cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SetError {
    /// `train prepare` has not finished it.
    #[error("{path}: `train prepare` has not finished this set; {through}. {how}", path = path.display())]
    Unfinished {
        /// The folder.
        path: PathBuf,
        /// How many faces are through.
        through: String,
        /// How to go on.
        how: String,
    },
    /// It is no set.
    #[error("{path}: no packed set ({reason}). Make one with `affectscope train prepare`.", path = path.display())]
    NoSet {
        /// The folder.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },
    /// The system refuses.
    #[error("{path}: cannot be read ({reason}). Check its permissions.", path = path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// The system's word.
        reason: io::Error,
    },
    /// It is of another version of the program.
    #[error("{path}: a packed set of version {found}; this program reads version {VERSION}. Prepare it again.", path = path.display())]
    Version {
        /// The folder.
        path: PathBuf,
        /// Its version.
        found: u64,
    },
    /// It was cut, changed or mixed up.
    #[error("{path}: {reason}. The set is damaged; prepare it again.", path = path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// A face as it is kept in memory: names are numbers.
struct Face {
    offset: usize,
    width_px: u16,
    height_px: u16,
    channels: u8,
    split: Split,
    landmarks: Landmarks,
    labels: Labels,
    subject: u32,
    sequence: Option<u32>,
    group: Option<u32>,
    frame: u64,
    file: Box<str>,
}

/// Names, each once, by number.
#[derive(Default)]
struct Names {
    numbers: HashMap<Box<str>, u32>,
    names: Vec<Box<str>>,
}

impl Names {
    fn number(&mut self, name: &str) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        // Rows are fewer than 2^32: each is more than a byte of a mapped file.
        let number = self.names.len() as u32;
        self.names.push(name.into());
        self.numbers.insert(name.into(), number);
        number
    }

    fn name(&self, number: u32) -> &str {
        &self.names[number as usize]
    }
}

/// A packed set, open: the table in memory, the pictures mapped.
pub struct Set {
    path: PathBuf,
    manifest: Manifest,
    pictures: Option<Mmap>,
    faces: Vec<Face>,
    subjects: Names,
    sequences: Names,
    groups: Names,
}

impl std::fmt::Debug for Set {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Set")
            .field("path", &self.path)
            .field("faces", &self.faces.len())
            .finish_non_exhaustive()
    }
}

impl Set {
    /// Opens a set. Its table is read and checked whole, so that no later call can fail; of the pictures the length is
    /// checked ([`Set::verify`] reads them all).
    ///
    /// # Errors
    /// When it is no set, unfinished, of another version, or damaged.
    pub fn open(path: &Path) -> Result<Self, SetError> {
        let manifest = read_manifest(path)?;
        let pictures_path = path.join(PICTURES_FILE);
        let pictures = File::open(&pictures_path)
            .and_then(|file| map::map(&file))
            .map_err(|reason| SetError::Io {
                path: pictures_path.clone(),
                reason,
            })?;
        let length = pictures.as_ref().map_or(0, |map| map.len()) as u64;
        if length != manifest.files.pictures_bytes {
            return Err(SetError::Damaged {
                path: pictures_path,
                reason: format!(
                    "it has {length} bytes, and the manifest says {}",
                    manifest.files.pictures_bytes
                ),
            });
        }
        let faces_path = path.join(FACES_FILE);
        let damaged = |reason: String| SetError::Damaged {
            path: faces_path.clone(),
            reason,
        };
        let text = std::fs::read(&faces_path).map_err(|reason| SetError::Io {
            path: faces_path.clone(),
            reason,
        })?;
        if hex(&Sha256::digest(&text)) != manifest.files.faces_sha256 {
            return Err(damaged(
                "its content is not what the manifest's checksum says".to_owned(),
            ));
        }
        let mut set = Self {
            path: path.to_owned(),
            pictures,
            faces: Vec::new(),
            subjects: Names::default(),
            sequences: Names::default(),
            groups: Names::default(),
            manifest,
        };
        let bad = |bad: BadRow| damaged(format!("line {}: {}", bad.line, bad.reason));
        let mut rows = RowReader::new(&*text).map_err(bad)?;
        let mut census = Census::default();
        while let Some(row) = rows.next().map_err(bad)? {
            set.add(&row, length).map_err(damaged)?;
            census.add(&row);
        }
        let (counts, in_two_splits) = census.done();
        if let Some(subject) = in_two_splits.first() {
            return Err(damaged(format!("{subject:?} stands in two splits")));
        }
        if counts != set.manifest.splits || set.faces.len() as u64 != set.manifest.faces {
            return Err(damaged(
                "its faces are not those that the manifest counts".to_owned(),
            ));
        }
        Ok(set)
    }

    fn add(&mut self, row: &Row, length: u64) -> Result<(), String> {
        let end = row.offset.checked_add(row.bytes());
        if end.is_none_or(|end| end > length) {
            return Err(format!(
                "the picture of {:?} lies behind the last one",
                row.file
            ));
        }
        if row.channels != self.manifest.made.color.channels() {
            return Err(format!("{:?} has {} channels", row.file, row.channels));
        }
        self.faces.push(Face {
            offset: row.offset as usize,
            width_px: row.width_px as u16,
            height_px: row.height_px as u16,
            channels: row.channels as u8,
            split: row.split,
            landmarks: row.landmarks,
            labels: row.labels,
            subject: self.subjects.number(&row.subject),
            sequence: row.sequence.as_deref().map(|s| self.sequences.number(s)),
            group: row.group.as_deref().map(|g| self.groups.number(g)),
            frame: row.frame.unwrap_or(0),
            file: row.file.as_str().into(),
        });
        Ok(())
    }

    /// How many faces there are, of all splits.
    pub fn len(&self) -> usize {
        self.faces.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.faces.is_empty()
    }

    /// A face, `0..len()`.
    ///
    /// # Panics
    /// When there are fewer.
    pub fn sample(&self, i: usize) -> Sample<'_> {
        let face = &self.faces[i];
        let (w, h) = (usize::from(face.width_px), usize::from(face.height_px));
        let channels = usize::from(face.channels);
        let pixels: &[u8] = self.pictures.as_deref().unwrap_or(&[]);
        Sample {
            pixels: &pixels[face.offset..face.offset + w * h * channels],
            width_px: w,
            height_px: h,
            channels,
            landmarks: face.landmarks,
            labels: &face.labels,
            subject: face.subject,
            split: face.split,
            group: face.group.map(|g| self.groups.name(g)),
            file: &face.file,
        }
    }

    /// The name of a subject by its number in [`Sample`].
    ///
    /// # Panics
    /// When there are fewer.
    pub fn subject(&self, number: u32) -> &str {
        self.subjects.name(number)
    }

    /// How it was made and what is in it.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The folder it was opened from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The faces of a split that carry what a task needs, in the set's order.
    pub fn indices(&self, split: Split, wants: impl Fn(&Labels) -> bool) -> Vec<usize> {
        let wanted =
            |(i, face): (usize, &Face)| (face.split == split && wants(&face.labels)).then_some(i);
        self.faces.iter().enumerate().filter_map(wanted).collect()
    }

    /// The runs of frames of a split, each of one face in one video, in order of the frames, of those that carry what
    /// a task needs. A gap of more than `most_gap` frames ends a run (1: frame upon frame). Stills are in none.
    pub fn sequences(
        &self,
        split: Split,
        wants: impl Fn(&Labels) -> bool,
        most_gap: u64,
    ) -> Vec<Vec<usize>> {
        let mut by_sequence: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for i in self.indices(split, wants) {
            if let Some(sequence) = self.faces[i].sequence {
                by_sequence.entry(sequence).or_default().push(i);
            }
        }
        let mut runs = Vec::new();
        for mut frames in by_sequence.into_values() {
            frames.sort_by_key(|&i| self.faces[i].frame);
            let near =
                |a: &usize, b: &usize| self.faces[*b].frame - self.faces[*a].frame <= most_gap;
            runs.extend(frames.chunk_by(near).map(<[usize]>::to_vec));
        }
        runs
    }

    /// Reads every picture and compares the whole with the manifest's checksum.
    ///
    /// # Errors
    /// When they differ.
    pub fn verify(&self) -> Result<(), SetError> {
        let pixels: &[u8] = self.pictures.as_deref().unwrap_or(&[]);
        if hex(&Sha256::digest(pixels)) == self.manifest.files.pictures_sha256 {
            return Ok(());
        }
        Err(SetError::Damaged {
            path: self.path.join(PICTURES_FILE),
            reason: "its content is not what the manifest's checksum says".to_owned(),
        })
    }
}

/// The manifest of a set, without opening the rest.
///
/// # Errors
/// As [`Set::open`].
pub fn read_manifest(path: &Path) -> Result<Manifest, SetError> {
    let file = path.join(MANIFEST_FILE);
    let text = std::fs::read(&file).map_err(|reason| {
        if reason.kind() == io::ErrorKind::NotFound {
            if let Some(Unfinished {
                faces,
                total,
                command,
            }) = unfinished(path)
            {
                let of = total.map_or_else(String::new, |total| format!(" of {total}"));
                let through = format!("{faces}{of} faces are through");
                let how = if command.is_empty() {
                    "The command that began it goes on where it was.".to_owned()
                } else {
                    format!("Where it was it goes on with: {command}")
                };
                return SetError::Unfinished {
                    path: path.to_owned(),
                    through,
                    how,
                };
            }
            SetError::NoSet {
                path: path.to_owned(),
                reason: format!("there is no {MANIFEST_FILE} in it"),
            }
        } else {
            SetError::Io {
                path: file.clone(),
                reason,
            }
        }
    })?;
    let damaged = |reason: &serde_json::Error| SetError::Damaged {
        path: file.clone(),
        reason: reason.to_string(),
    };
    let value: serde_json::Value = serde_json::from_slice(&text).map_err(|e| damaged(&e))?;
    // Before the rest: another version may have other names.
    if let Some(found) = value["version"]
        .as_u64()
        .filter(|&v| v != u64::from(VERSION))
    {
        return Err(SetError::Version {
            path: path.to_owned(),
            found,
        });
    }
    serde_json::from_value(value).map_err(|e| damaged(&e))
}

/// A checksum in words.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
