//! Why a journal cannot be used.

use std::io;
use std::path::{Path, PathBuf};

/// Why a journal cannot be used. Nothing has been changed then, neither the file nor the project.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The system refuses.
    #[error("{path}: the journal of edits cannot be used ({reason}). Check the folder, its permissions and the space left.", path = path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// The system's word.
        reason: io::Error,
    },
    /// Another program has it.
    #[error("{path}: another window or program is annotating this video. Close it there first.", path = .0.display())]
    Busy(PathBuf),
    /// It is something else.
    #[error("{path}: this is no journal of edits, or its beginning is damaged. Set it aside to begin a new one; it is kept under another name.", path = .0.display())]
    NotOurs(PathBuf),
    /// It was written by a later version.
    #[error("{path}: the journal of edits was written by a newer Affectscope ({version}). Open it with that version.", path = path.display())]
    Newer {
        /// Which file.
        path: PathBuf,
        /// Which version.
        version: String,
    },
    /// It is of another video.
    #[error("{path}: the journal of edits is of the video {theirs}, not of {ours}. Open that video, or set the journal aside to begin a new one; it is kept under another name.", path = path.display())]
    OtherVideo {
        /// Which file.
        path: PathBuf,
        /// The journal's video and its frames.
        theirs: String,
        /// The one that is open.
        ours: String,
    },
    /// It is of other labels.
    #[error("{path}: the journal has edits of {missing}, which are not open or have been changed since. Open these files as they were, or set the journal aside to begin a new one; it is kept under another name.", path = path.display())]
    OtherLabels {
        /// Which file.
        path: PathBuf,
        /// The rater and the files.
        missing: String,
    },
}

impl JournalError {
    pub(super) fn io(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        |reason| Self::Io {
            path: path.to_owned(),
            reason,
        }
    }

    /// Whether the folder cannot be written to: another is then to be taken, see [`path_in`].
    pub fn is_unwritable(&self) -> bool {
        use io::ErrorKind::{
            InvalidFilename, NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem,
        };
        let kinds = [
            PermissionDenied,
            ReadOnlyFilesystem,
            NotFound,
            NotADirectory,
            InvalidFilename,
        ];
        matches!(self, Self::Io { reason, .. } if kinds.contains(&reason.kind()))
    }
}
