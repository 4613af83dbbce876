//! What a journal of annotating has on its lines.

use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::disagreement::Reason;
use super::edit::Edit;
use super::mark::SegmentState;
use super::track::Track;

/// A file by its content: it may have been moved since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileId {
    /// Its name, without the folder.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256, hexadecimal; empty when it could not be read.
    pub sha256: String,
}

impl FileId {
    /// Reads a file through.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn of(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let (mut hash, mut bytes) = (Sha256::new(), 0);
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            hash.update(&buffer[..read]);
            bytes += read as u64;
        }
        Ok(Self {
            name: name_of(path),
            bytes,
            sha256: hex(&hash.finalize()),
        })
    }

    /// Whether both are known to have the same content.
    pub fn is(&self, other: &Self) -> bool {
        !self.sha256.is_empty() && (self.bytes, &self.sha256) == (other.bytes, &other.sha256)
    }
}

/// A file's name without its folder.
pub(super) fn name_of(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// Bytes in hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Somebody whose labels come from files.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Registered {
    /// What the journal's other lines call them.
    pub rater: u32,
    /// Their name.
    pub name: String,
    /// Their files.
    pub files: Vec<FileId>,
}

/// A line of a journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Entry {
    /// The journal was opened again, and what follows is from then on.
    Session {
        /// Who annotates.
        who: String,
        /// The program's version.
        version: String,
    },
    /// Labels were mended.
    Edit {
        /// Whose.
        rater: u32,
        /// Whether the predictions were hidden.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        blind: bool,
        /// Whether it is the rest of the step before, with which it is taken back.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        more: bool,
        /// How.
        edit: Edit,
    },
    /// The last step was taken back.
    Undo,
    /// The step taken back last was made again.
    Redo,
    /// A segment was settled.
    Mark {
        /// Which.
        frames: Range<usize>,
        /// For what reason it is one; in journals of old not told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Reason>,
        /// How.
        state: SegmentState,
        /// With which words.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        note: String,
    },
    /// Labels were moved.
    Offset {
        /// Whose.
        rater: u32,
        /// By so many frames from where the files have them.
        frames: i64,
    },
    /// A rater is called something else.
    Rename {
        /// Who.
        rater: u32,
        /// The new name.
        name: String,
    },
    /// Somebody began, without a file.
    NewRater {
        /// Who.
        rater: u32,
        /// Their name.
        name: String,
        /// Whose labels they started from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        copied_from: Option<String>,
        /// Those labels themselves: what they were copied from may be another by the next time.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            with = "super::words::track"
        )]
        labels: Option<Track>,
    },
    /// Files of labels were opened.
    Files(Registered),
    /// Labels were saved.
    Saved {
        /// Whose.
        rater: u32,
        /// Steps that were made while it was being written, and are not in it.
        #[serde(default)]
        since: usize,
        /// As what.
        files: Vec<String>,
    },
}

/// A line with its time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stamped {
    /// When, UTC.
    pub when: String,
    /// What.
    #[serde(flatten)]
    pub entry: Entry,
}
