//! The file of a journal: locked, added to line by line, each with its check sum.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::error::JournalError;
use crate::formats::output::write_whole;
use crate::review::entry::{Stamped, hex};

/// Digits of a check sum.
const SUM_DIGITS: usize = 12;

/// A journal that can be added to. Other programs are kept out until it is dropped; one without an entry is then
/// removed.
#[derive(Debug)]
pub struct JournalFile {
    pub(super) path: PathBuf,
    pub(super) file: File,
    /// Where the last whole line ends; what is behind it is half a line.
    pub(super) whole: u64,
    pub(super) half: bool,
    pub(super) sum: String,
    pub(super) entries: usize,
}

impl JournalFile {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Lines behind the first.
    pub fn entries(&self) -> usize {
        self.entries
    }

    /// Adds a line; it is with the system when this returns, see [`JournalFile::sync`].
    ///
    /// # Errors
    /// When the disk is full or refuses; it may then be tried again, and no half line is left in between.
    pub fn append(&mut self, line: &Stamped) -> io::Result<()> {
        self.add(&serde_json::to_string(line)?)?;
        self.entries += 1;
        Ok(())
    }

    pub(super) fn add(&mut self, json: &str) -> io::Result<()> {
        if std::mem::replace(&mut self.half, true) {
            self.file.set_len(self.whole)?;
            self.file.seek(SeekFrom::Start(self.whole))?;
        }
        let (line, sum) = sealed(&self.sum, json);
        self.file.write_all(line.as_bytes())?;
        self.half = false;
        self.whole += line.len() as u64;
        self.sum = sum;
        Ok(())
    }

    /// Sees to it that the journal still lies under its name: programs that copy files about may have removed it or put
    /// an older one in its place. What has been written goes there anew; true when it had to.
    ///
    /// # Errors
    /// When another file is there that is not an older state of this one, or the system refuses. It may be tried again.
    pub fn restore(&mut self) -> io::Result<bool> {
        if is_there(&self.file, &self.path) {
            return Ok(false);
        }
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(0))?;
        let read = (&self.file).take(self.whole).read_to_end(&mut bytes);
        self.file.seek(SeekFrom::Start(self.whole))?;
        read?;
        match std::fs::read(&self.path) {
            Ok(there) if !bytes.starts_with(&there) => {
                return Err(io::Error::other(
                    "another program has put another file in its place",
                ));
            }
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        write_whole(&self.path, &bytes, true).map_err(io::Error::other)?;
        let mut file = OpenOptions::new().read(true).write(true).open(&self.path)?;
        lock(&file, &self.path).map_err(io::Error::other)?;
        file.seek(SeekFrom::Start(self.whole))?;
        self.file = file;
        Ok(true)
    }

    /// Waits until the disk has what was added.
    ///
    /// # Errors
    /// When it refuses.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Another handle to wait with.
    ///
    /// # Errors
    /// When the system has none to give.
    pub fn handle(&self) -> io::Result<File> {
        self.file.try_clone()
    }
}

impl Drop for JournalFile {
    fn drop(&mut self) {
        // Elsewhere somebody else may have opened it in between.
        #[cfg(unix)]
        if self.entries == 0 && is_there(&self.file, &self.path) {
            // Should it stay, it is one without steps.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// A line with its check sum and its end, and the sum.
pub(super) fn sealed(before: &str, json: &str) -> (String, String) {
    let sum = sum_of(before, json);
    let body = json.strip_suffix('}').unwrap_or(json);
    (format!("{body},\"sum\":\"{sum}\"}}\n"), sum)
}

fn sum_of(before: &str, json: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(before);
    hash.update(json);
    let mut sum = hex(&hash.finalize());
    sum.truncate(SUM_DIGITS);
    sum
}

/// The line without its check sum, and the sum, where it is the right one.
pub(super) fn unsealed(before: &str, line: &[u8]) -> Option<(String, String)> {
    // A carriage return is what an editor or a version control makes of a line's end.
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = std::str::from_utf8(line).ok()?.strip_suffix("\"}")?;
    let (rest, sum) = line.split_at_checked(line.len().checked_sub(SUM_DIGITS)?)?;
    let json = format!("{}}}", rest.strip_suffix(",\"sum\":\"")?);
    (sum_of(before, &json) == sum).then(|| (json, sum.to_owned()))
}

/// How often a lock is asked for, and how long between: a program that we start holds what we have open until it is
/// its own, and with it the lock of a journal that we have just closed.
const LOCK_TRIES: usize = 20;
const LOCK_AGAIN: Duration = Duration::from_millis(10);

pub(super) fn lock(file: &File, path: &Path) -> Result<(), JournalError> {
    let mut tries = 1..LOCK_TRIES;
    let locked = loop {
        match file.try_lock() {
            Err(std::fs::TryLockError::WouldBlock) if tries.next().is_some() => {
                std::thread::sleep(LOCK_AGAIN);
            }
            locked => break locked,
        }
    };
    match locked {
        Err(std::fs::TryLockError::WouldBlock) => Err(JournalError::Busy(path.to_owned())),
        // File systems without locks: better annotate without.
        Err(std::fs::TryLockError::Error(reason)) => {
            tracing::warn!("{}: cannot be locked ({reason})", path.display());
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// Whether this name still is this file's: another program may have removed it after we opened it.
#[cfg(unix)]
fn is_there(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    match (file.metadata(), path.metadata()) {
        (Ok(a), Ok(b)) => (a.dev(), a.ino()) == (b.dev(), b.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_there(_: &File, path: &Path) -> bool {
    path.exists()
}

pub(super) fn open_locked(path: &Path) -> Result<File, JournalError> {
    let io = JournalError::io(path);
    if let Ok(there) = path.metadata()
        && !there.is_file()
    {
        return Err(io(io::Error::other("it is no ordinary file")));
    }
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(&io)?;
    }
    for _ in 0..10 {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let file = options.open(path).map_err(&io)?;
        lock(&file, path)?;
        if is_there(&file, path) {
            return Ok(file);
        }
    }
    Err(JournalError::Busy(path.to_owned()))
}
