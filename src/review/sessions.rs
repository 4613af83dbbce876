//! Recordings and analysed files, found in folders: what there is, where its video and its labels are, and what belongs
//! together when it is renamed or deleted.
//!
//! A session is a table of this program's own rows. The list is made from sidecars and from the first and the last rows;
//! what needs a whole table ([`Detail`]: faces and scores) is read for one session at a time.

mod change;
mod detail;
mod folder;
mod table;
#[cfg(test)]
mod tests;
pub mod words;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

pub use self::change::{ChangeError, Renamed, delete, name_fault, rename, to_bin};
pub use self::detail::{Detail, RaterScores};
use self::folder::Listing;
use super::session::Request;

/// Folders within a folder are looked through so deep.
const DEEPEST: usize = 2;
/// More folders are not looked through.
const MOST_FOLDERS: usize = 4000;
/// More sessions are not listed.
const MOST_SESSIONS: usize = 10_000;

/// Where rows came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Recorded live.
    Recording,
    /// A file or a folder, analysed.
    Analysis,
}

/// How whole a session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Whole {
    /// All is there.
    Yes,
    /// It is being written at this moment.
    Running,
    /// Whoever wrote it ended before its time: the rows up to there are whole.
    Unfinished,
    /// It cannot be read.
    No,
}

/// A recording or an analysed file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Session {
    /// Its name: that of the table, without endings.
    pub name: String,
    /// The table.
    pub table: PathBuf,
    /// Where the rows came from.
    pub kind: Kind,
    /// How whole it is.
    pub whole: Whole,
    /// What is wrong with it, in words.
    pub trouble: Option<String>,
    /// When it was made, UTC, as `2026-07-30T13:45:01Z`: by a recording's name, else by the file's own time.
    pub when: String,
    /// Frames.
    pub frames: Option<u64>,
    /// From the first frame to the end of the last, seconds.
    pub length_s: Option<f64>,
    /// The weights that spoke, where the sidecar tells.
    pub weights: Option<String>,
    /// What was analysed, as it was given.
    pub source: Option<String>,
    /// Its video or pictures, where they still are.
    pub video: Option<PathBuf>,
    /// Labels that lie beside the table or the video.
    pub labels: Vec<PathBuf>,
    /// Every file that is the session's own: these are renamed and deleted together. A video that was analysed, and
    /// labels of it, are not.
    pub own: Vec<PathBuf>,
    /// Bytes of all of these.
    pub bytes: u64,
}

impl Session {
    /// Whether it can be opened: an unfinished one can, up to where it ends.
    pub fn can_be_opened(&self) -> bool {
        matches!(self.whole, Whole::Yes | Whole::Unfinished)
    }

    /// What is to be opened: rows, video and labels.
    pub fn request(&self) -> Request {
        Request {
            video: self.video.clone(),
            predictions: Some(self.table.clone()),
            annotations: self.labels.clone(),
            example: false,
        }
    }

    /// What was analysed and is no longer where it was, as it was given. None for a camera.
    pub fn missing(&self) -> Option<&str> {
        let source = self.source.as_deref().filter(|_| self.video.is_none())?;
        folder::is_path(source).then_some(source)
    }

    /// Whether every word of a filter is in its name, its folder, its source, its weights or its time.
    pub fn fits(&self, filter: &str) -> bool {
        let folder = self.table.parent().unwrap_or(Path::new(""));
        let texts = [
            &*self.name,
            &*folder.to_string_lossy(),
            self.source.as_deref().unwrap_or(""),
            self.weights.as_deref().unwrap_or(""),
            &*self.when,
        ]
        .map(str::to_lowercase);
        let filter = filter.to_lowercase();
        let mut words = filter.split_whitespace();
        words.all(|word| texts.iter().any(|text| text.contains(word)))
    }
}

/// What was found in folders.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Found {
    /// The sessions, the newest first.
    pub sessions: Vec<Session>,
    /// Folders that could not be read, and what else is to be known, in words.
    pub notes: Vec<String>,
}

/// Looks through folders, and two levels of the folders in them; hidden ones are passed over, and none is looked through
/// twice. `stop` is asked before each folder; what was found until then is given.
pub fn look(folders: &[PathBuf], stop: &dyn Fn() -> bool) -> Found {
    let mut found = Found::default();
    let mut seen = HashSet::new();
    for folder in folders {
        visit(folder, DEEPEST, &mut seen, &mut found, stop);
    }
    if seen.len() >= MOST_FOLDERS {
        found.notes.push(format!(
            "More than {MOST_FOLDERS} folders lie in these; the others were not looked through. Choose folders that are nearer to the recordings."
        ));
    }
    if found.sessions.len() > MOST_SESSIONS {
        found.notes.push(format!(
            "{} sessions were found; the newest {MOST_SESSIONS} are listed.",
            found.sessions.len()
        ));
    }
    let newest = |s: &Session| std::cmp::Reverse(s.when.clone());
    found
        .sessions
        .sort_by_cached_key(|s| (newest(s), s.table.clone()));
    found.sessions.truncate(MOST_SESSIONS);
    found
}

fn visit(
    folder: &Path,
    depth: usize,
    seen: &mut HashSet<PathBuf>,
    found: &mut Found,
    stop: &dyn Fn() -> bool,
) {
    if stop() || seen.len() >= MOST_FOLDERS {
        return;
    }
    // By its real name, which links do not hide.
    let real = match folder.canonicalize() {
        Ok(real) => real,
        Err(reason) => {
            found.notes.push(unreadable(folder, &reason));
            return;
        }
    };
    if !seen.insert(real) {
        return;
    }
    let listing = match Listing::of(folder) {
        Ok(listing) => listing,
        Err(reason) => {
            found.notes.push(unreadable(folder, &reason));
            return;
        }
    };
    found.sessions.extend(listing.sessions());
    if depth > 0 {
        for inner in &listing.folders {
            visit(&folder.join(inner), depth - 1, seen, found, stop);
        }
    }
}

fn unreadable(folder: &Path, reason: &std::io::Error) -> String {
    format!(
        "{}: cannot be looked through ({reason}). Check the folder, or take it from the list.",
        folder.display()
    )
}
