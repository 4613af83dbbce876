//! The unfinished set: what was done so far, in parts that are whole or not there.
//!
//! ```text
//! SET/unfinished/plan.json    of what it is to be made; another plan does not go on with it
//! SET/unfinished/lock         held while a run works on it
//! SET/unfinished/N.bin        the pictures of part N, then
//! SET/unfinished/N.csv        its rows, offsets from the part's beginning, then
//! SET/unfinished/N.json       what was left out of it; with this file the part is done
//! ```

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Write as _};
use std::path::{Path, PathBuf};

use crate::formats::output::{Output, OutputError, write_whole};
use crate::train::set::{BadRow, LeftOut, Row, RowReader, RowWriter, leave_out};

/// The folder in the set's.
pub const FOLDER: &str = "unfinished";
/// See [`FOLDER`].
pub const PLAN: &str = "plan.json";
const LOCK: &str = "lock";

/// What goes wrong with the parts.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// A file cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A file or folder that the system refuses.
    #[error("{path}: {reason}. Check the folder, its permissions and the space left.", path = path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// The system's word.
        reason: io::Error,
    },
    /// Another run is at it.
    #[error("{path}: another run is preparing this set. Wait for it, or give another name with --out.", path = .0.display())]
    Busy(PathBuf),
    /// An earlier run was to make something else.
    #[error("{path}: an unfinished set of other pictures, labels or options. Give the same ones to go on, or --force to begin anew.", path = .0.display())]
    OtherPlan(PathBuf),
    /// A part was changed.
    #[error("{path}: {reason}. Begin anew with --force.", path = path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

fn io_at(path: &Path) -> impl FnOnce(io::Error) -> PartError + '_ {
    move |reason| PartError::Io {
        path: path.to_owned(),
        reason,
    }
}

/// The folder of parts, locked.
pub struct Parts {
    folder: PathBuf,
    lock: File,
}

impl Parts {
    /// Begins in the set's folder, or goes on there; with `anew` whatever an earlier run left is removed.
    ///
    /// # Errors
    /// When it is of another plan, or another run is at it.
    pub fn open(set: &Path, plan: &str, anew: bool) -> Result<Self, PartError> {
        let folder = set.join(FOLDER);
        fs::create_dir_all(&folder).map_err(io_at(&folder))?;
        let lock_path = folder.join(LOCK);
        let lock = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&lock_path)
            .map_err(io_at(&lock_path))?;
        if let Err(fs::TryLockError::WouldBlock) = lock.try_lock() {
            return Err(PartError::Busy(set.to_owned()));
        }
        let parts = Self { folder, lock };
        let plan_path = parts.folder.join(PLAN);
        match fs::read_to_string(&plan_path) {
            Ok(known) if known == plan && !anew => return Ok(parts),
            Ok(_) if !anew => return Err(PartError::OtherPlan(set.to_owned())),
            Ok(_) => parts.clear()?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(e) => return Err(io_at(&plan_path)(e)),
        }
        write_whole(&plan_path, plan.as_bytes(), true)?;
        Ok(parts)
    }

    /// Removes all but the lock.
    fn clear(&self) -> Result<(), PartError> {
        let gone = || {
            // The plan first: parts without one are of no plan.
            fs::remove_file(self.folder.join(PLAN))?;
            for entry in fs::read_dir(&self.folder)? {
                let entry = entry?;
                if entry.file_name() != LOCK {
                    fs::remove_file(entry.path())?;
                }
            }
            Ok(())
        };
        gone().map_err(io_at(&self.folder))
    }

    /// Whether a set's folder has parts of this plan.
    pub fn are_of(set: &Path, plan: &str) -> bool {
        fs::read_to_string(set.join(FOLDER).join(PLAN)).is_ok_and(|known| known == plan)
    }

    /// The set is written: the parts are needed no more.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn remove(self) -> Result<(), PartError> {
        self.clear()?;
        let Self { folder, lock } = self;
        // Some systems remove no file that is open.
        drop(lock);
        fs::remove_dir_all(&folder).map_err(io_at(&folder))
    }

    fn file(&self, part: usize, ending: &str) -> PathBuf {
        self.folder.join(format!("{part:06}.{ending}"))
    }

    /// How many faces a part has, those left out included; `None` when it is not done.
    pub fn done(&self, part: usize) -> Option<u64> {
        self.note(part).ok().map(|note| note.faces)
    }

    fn note(&self, part: usize) -> Result<Note, PartError> {
        let path = self.file(part, "json");
        let text = fs::read(&path).map_err(io_at(&path))?;
        serde_json::from_slice(&text).map_err(|e| PartError::Damaged {
            path,
            reason: e.to_string(),
        })
    }

    /// Begins a part; what an earlier run left of it is written over.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn begin(&self, part: usize) -> Result<PartWriter<'_>, PartError> {
        Ok(PartWriter {
            parts: self,
            part,
            pictures: Output::create(&self.file(part, "bin"), true)?,
            rows: Vec::new(),
            bytes: 0,
            note: Note::default(),
        })
    }

    /// The rows of a part.
    ///
    /// # Errors
    /// When the system refuses, or the part was changed.
    pub fn rows(&self, part: usize) -> Result<Vec<Row>, PartError> {
        let path = self.file(part, "csv");
        let file = File::open(&path).map_err(io_at(&path))?;
        let bad = |bad: BadRow| PartError::Damaged {
            path: path.clone(),
            reason: format!("line {}: {}", bad.line, bad.reason),
        };
        let mut reader = RowReader::new(BufReader::new(file)).map_err(bad)?;
        let mut rows = Vec::new();
        while let Some(row) = reader.next().map_err(bad)? {
            rows.push(row);
        }
        Ok(rows)
    }

    /// The pictures of a part, in the order of its rows.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn pictures(&self, part: usize) -> Result<(PathBuf, BufReader<File>), PartError> {
        let path = self.file(part, "bin");
        let file = File::open(&path).map_err(io_at(&path))?;
        Ok((path, BufReader::with_capacity(1 << 20, file)))
    }

    /// What was left out of a part.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn left_out(&self, part: usize) -> Result<BTreeMap<String, LeftOut>, PartError> {
        self.note(part).map(|note| note.left_out)
    }
}

/// What is said of a part that is done.
#[derive(Default, serde::Serialize, serde::Deserialize)]
pub struct Note {
    /// Those left out included.
    pub faces: u64,
    left_out: BTreeMap<String, LeftOut>,
}

/// A part on its way.
pub struct PartWriter<'a> {
    parts: &'a Parts,
    part: usize,
    pictures: Output,
    rows: Vec<Row>,
    bytes: u64,
    note: Note,
}

impl PartWriter<'_> {
    /// Adds a face; the row's offset is set.
    ///
    /// # Errors
    /// When the disk is full, say.
    pub fn add(&mut self, mut row: Row, pixels: &[u8]) -> Result<(), PartError> {
        let path = self.pictures.part().to_owned();
        self.pictures.write_all(pixels).map_err(io_at(&path))?;
        row.offset = self.bytes;
        self.bytes += pixels.len() as u64;
        self.rows.push(row);
        self.note.faces += 1;
        Ok(())
    }

    /// Leaves a face out.
    pub fn leave_out(&mut self, reason: &str, what: &str) {
        leave_out(&mut self.note.left_out, reason, what);
        self.note.faces += 1;
    }

    /// Puts it in its place. A part that is dropped before is gone.
    ///
    /// # Errors
    /// When the disk is full, say.
    pub fn finish(self) -> Result<(), PartError> {
        self.pictures.finish()?;
        let path = self.parts.file(self.part, "csv");
        let mut rows = RowWriter::new(Vec::new()).map_err(|e| io_at(&path)(io::Error::other(e)))?;
        for row in &self.rows {
            rows.write(row)
                .map_err(|e| io_at(&path)(io::Error::other(e)))?;
        }
        let text = rows.finish().map_err(io_at(&path))?;
        write_whole(&path, &text, true)?;
        let path = self.parts.file(self.part, "json");
        let note = serde_json::to_vec(&self.note).map_err(|e| io_at(&path)(e.into()))?;
        write_whole(&path, &note, true)?;
        Ok(())
    }
}
