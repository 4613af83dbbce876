//! The log of a run: JSON lines that a run which goes on continues without a gap.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Why the log cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The system refuses.
    #[error("{path}: the log cannot be used ({reason}). Check the folder, its permissions and the space left.", path = path.display())]
    Io {
        /// The log.
        path: PathBuf,
        /// The system's word.
        reason: io::Error,
    },
    /// It was cut, or is not the checkpoint's.
    #[error(
        "{path}: the log has fewer than the {lines} lines that the checkpoint beside it knows of: it was cut, or is another run's. \
         Bring it back to go on, or begin anew in another folder (--out).",
        path = path.display()
    )]
    Short {
        /// The log.
        path: PathBuf,
        /// How many it should have at least.
        lines: u64,
    },
}

/// One phase's log.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    lines: u64,
}

impl Journal {
    /// Opens it (its folder is made when there is none), and forgets what was written after its first `lines` lines: a checkpoint knows of no more. What was
    /// killed in the midst of a line has written none.
    ///
    /// # Errors
    /// When the file cannot be read, written or cut, or has fewer lines.
    pub fn open(path: &Path, lines: u64) -> Result<Self, JournalError> {
        let fail = |reason| JournalError::Io {
            path: path.to_owned(),
            reason,
        };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(fail)?;
        }
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(path)
            .map_err(fail)?;
        let (mut bytes, mut reader) = (0, BufReader::new(&file));
        let mut line = Vec::new();
        for _ in 0..lines {
            line.clear();
            let read = reader.read_until(b'\n', &mut line).map_err(fail)?;
            if line.last() != Some(&b'\n') {
                return Err(JournalError::Short {
                    path: path.to_owned(),
                    lines,
                });
            }
            bytes += read as u64;
        }
        file.set_len(bytes).map_err(fail)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            lines,
        })
    }

    /// Adds a line.
    ///
    /// # Errors
    /// When the disk is full or refuses.
    pub fn write(&mut self, line: &Value) -> Result<(), JournalError> {
        let text = format!("{line}\n");
        self.file
            .write_all(text.as_bytes())
            .map_err(|reason| JournalError::Io {
                path: self.path.clone(),
                reason,
            })?;
        self.lines += 1;
        Ok(())
    }

    /// Sees to it that what was written is on the disk, and there after a power cut.
    ///
    /// # Errors
    /// When the disk is full or refuses.
    pub fn sync(&self) -> Result<(), JournalError> {
        self.file.sync_data().map_err(|reason| JournalError::Io {
            path: self.path.clone(),
            reason,
        })
    }

    /// Lines so far.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// All lines so far.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(path: &Path) -> Result<Vec<Value>, JournalError> {
        let fail = |reason| JournalError::Io {
            path: path.to_owned(),
            reason,
        };
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(fail(e)),
        };
        // A damaged line is passed over, and no other.
        Ok(String::from_utf8_lossy(&bytes)
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_checkpoint_does_not_know_of_is_forgotten_and_what_it_misses_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run/log.jsonl");
        let mut journal = Journal::open(&path, 0).unwrap();
        for n in 0..3 {
            journal.write(&json!({"n": n})).unwrap();
        }
        // Killed in the midst of a line.
        std::fs::write(&path, std::fs::read_to_string(&path).unwrap() + "{\"n\"").unwrap();
        let mut journal = Journal::open(&path, 2).unwrap();
        journal.write(&json!({"n": 9})).unwrap();
        assert_eq!(journal.lines(), 3);
        let read: Vec<_> = Journal::read(&path).unwrap();
        assert_eq!(read, [json!({"n": 0}), json!({"n": 1}), json!({"n": 9})]);

        let short = Journal::open(&path, 4).unwrap_err();
        assert!(matches!(short, JournalError::Short { lines: 4, .. }));
        let told = short.to_string();
        assert!(
            told.contains("log.jsonl") && told.contains("Bring it back"),
            "{told}"
        );
        assert_eq!(Journal::read(&path).unwrap().len(), 3, "nothing is cut");
    }
}
