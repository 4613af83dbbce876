//! The log of a run: JSON lines that a run which goes on continues without a gap.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Why the log cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[error("{path}: the log cannot be used ({reason}). Check the folder, its permissions and the space left.", path = path.display())]
pub struct JournalError {
    path: PathBuf,
    reason: io::Error,
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
        let fail = |reason| JournalError {
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
                let short = format!(
                    "it has fewer than the {lines} lines that the checkpoint beside it knows of"
                );
                return Err(fail(io::Error::new(io::ErrorKind::UnexpectedEof, short)));
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
            .map_err(|reason| JournalError {
                path: self.path.clone(),
                reason,
            })?;
        self.lines += 1;
        Ok(())
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
        let fail = |reason| JournalError {
            path: path.to_owned(),
            reason,
        };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(fail(e)),
        };
        Ok(text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect())
    }
}
