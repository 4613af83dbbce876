//! The journal of annotating: a file of JSON lines that every step is added to, so that nothing is lost when the program
//! or the machine ends in the midst of it.
//!
//! The first line says of which video and of which files of labels it is, every other one is an [`Entry`]. Each line
//! ends in a check sum over itself and the one before it: what was cut off, damaged or put in another order is seen, and
//! what comes before it is taken. A file is one program's at a time.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::editor::{Editor, files_of};
use super::entry::{Entry, FileId, Registered, Stamped, hex, name_of};
use super::project::Project;

/// What a journal begins with.
const MARKER: &str = r#"{"program":"affectscope","holds":"review journal","#;
/// The format of the lines.
const FORMAT: u32 = 1;
/// What follows a video's name.
const ENDING: &str = ".affectscope-review.jsonl";
/// Journals above are refused: years of annotating.
const MOST_BYTES: u64 = 1 << 30;
/// Digits of a check sum.
const SUM_DIGITS: usize = 12;

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
    fn io(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        |reason| Self::Io {
            path: path.to_owned(),
            reason,
        }
    }

    /// Whether the folder cannot be written to: another is then to be taken, see [`path_in`].
    pub fn is_unwritable(&self) -> bool {
        use io::ErrorKind::{NotADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem};
        let kinds = [
            PermissionDenied,
            ReadOnlyFilesystem,
            NotFound,
            NotADirectory,
        ];
        matches!(self, Self::Io { reason, .. } if kinds.contains(&reason.kind()))
    }
}

/// Where a video's journal lies: beside it, `VIDEO.affectscope-review.jsonl`.
pub fn path_beside(video: &Path) -> PathBuf {
    let mut name = video.file_name().unwrap_or(video.as_os_str()).to_owned();
    name.push(ENDING);
    video.with_file_name(name)
}

/// Where a video's journal lies in a folder for journals of all videos: its name has a mark of the video's whole path.
pub fn path_in(folder: &Path, video: &Path) -> PathBuf {
    let whole = video.canonicalize().unwrap_or_else(|_| video.to_owned());
    let mark = hex(&Sha256::digest(whole.as_os_str().as_encoded_bytes()));
    folder.join(format!("{}-{}{ENDING}", name_of(video), &mark[..8]))
}

/// Gives a journal another name, so that a new one can be begun; returns that name.
///
/// # Errors
/// When another program has it, or the system refuses.
pub fn set_aside(path: &Path) -> Result<PathBuf, JournalError> {
    let file = OpenOptions::new().read(true).write(true).open(path);
    let file = file.map_err(JournalError::io(path))?;
    lock(&file, path)?;
    let aside = free(path, "before");
    std::fs::rename(path, &aside).map_err(JournalError::io(path))?;
    Ok(aside)
}

/// A name beside that is not taken. Its ending is none that files of labels have.
fn free(path: &Path, word: &str) -> PathBuf {
    let numbered = (1..).map(|n| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".{word}-{n}"));
        PathBuf::from(name)
    });
    let mut names = numbered.take(100_000);
    names
        .find(|p| p.symlink_metadata().is_err())
        .unwrap_or_else(|| path.with_extension(word))
}

#[derive(Debug, Serialize, Deserialize)]
struct Video {
    name: String,
    frames: usize,
}

#[derive(Debug, Serialize, Deserialize)]
struct Head {
    program: String,
    holds: String,
    format: u32,
    version: String,
    when: String,
    who: String,
    video: Video,
    raters: Vec<Registered>,
}

/// The part of a head that every version has.
#[derive(Deserialize)]
struct AnyHead {
    format: u32,
    #[serde(default)]
    version: String,
}

/// A damaged place in a journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Damage {
    /// Its line, from 1.
    pub line: usize,
    /// Lines that were not taken.
    pub not_taken: usize,
    /// The whole file as it was found.
    pub copy: PathBuf,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "The journal of edits is damaged in line {}: {} of its lines could not be taken, the steps before them are here. The damaged file is kept as {}.",
            self.line,
            self.not_taken,
            self.copy.display()
        )
    }
}

/// What was taken from a journal.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replayed {
    /// Lines behind the first.
    pub entries: usize,
    /// Whether a line that was being written when the program ended was dropped.
    pub torn: bool,
    /// What could not be read.
    pub damage: Option<Damage>,
}

/// A journal that is open, with the history that was in it.
#[derive(Debug)]
pub struct Opened {
    /// The history; its new steps are to be handed to the file.
    pub editor: Editor,
    /// The file.
    pub file: JournalFile,
    /// What was taken from it.
    pub replayed: Replayed,
}

/// A journal that can be added to. Other programs are kept out until it is dropped; one without an entry is then
/// removed.
#[derive(Debug)]
pub struct JournalFile {
    path: PathBuf,
    file: File,
    /// Where the last whole line ends; what is behind it is half a line.
    whole: u64,
    half: bool,
    sum: String,
    entries: usize,
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

    fn add(&mut self, json: &str) -> io::Result<()> {
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
fn sealed(before: &str, json: &str) -> (String, String) {
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
fn unsealed(before: &str, line: &[u8]) -> Option<(String, String)> {
    let line = std::str::from_utf8(line).ok()?.strip_suffix("\"}")?;
    let (rest, sum) = line.split_at_checked(line.len().checked_sub(SUM_DIGITS)?)?;
    let json = format!("{}}}", rest.strip_suffix(",\"sum\":\"")?);
    (sum_of(before, &json) == sum).then(|| (json, sum.to_owned()))
}

fn lock(file: &File, path: &Path) -> Result<(), JournalError> {
    match file.try_lock() {
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

fn open_locked(path: &Path) -> Result<File, JournalError> {
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

/// Opens the journal of a project, or begins it, and brings the project to where the journal ends. Raters who are made
/// here come from the journal: none is to be in the project yet. `who` annotates from now on, `when` is UTC. Files of
/// labels are read through.
///
/// # Errors
/// [`JournalError`].
pub fn open(
    path: &Path,
    project: &mut Project,
    who: &str,
    when: &str,
) -> Result<Opened, JournalError> {
    let io = JournalError::io(path);
    let mut file = open_locked(path)?;
    let length = file.metadata().map_err(&io)?.len();
    if length > MOST_BYTES {
        return Err(io(io::Error::other("it is above 1 GiB")));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(&io)?;

    let marker = MARKER.as_bytes();
    let begins = bytes.starts_with(marker) || marker.starts_with(&bytes);
    if !begins {
        return Err(JournalError::NotOurs(path.to_owned()));
    }
    let Some(end) = bytes.iter().position(|&b| b == b'\n') else {
        // Nothing, or half of a first line.
        let replayed = Replayed {
            torn: !bytes.is_empty(),
            ..Replayed::default()
        };
        return begin(path, file, project, who, when, replayed);
    };
    let Some((json, sum)) = unsealed("", &bytes[..end]) else {
        let damage = keep_damaged(path, &bytes, 0, 1)?;
        let replayed = Replayed {
            damage: Some(damage),
            ..Replayed::default()
        };
        return begin(path, file, project, who, when, replayed);
    };
    let head = head_of(path, &json)?;
    let ours = name(project);
    if (&head.video.name, head.video.frames) != (&ours, project.frames()) {
        return Err(JournalError::OtherVideo {
            path: path.to_owned(),
            theirs: format!("{} ({} frames)", head.video.name, head.video.frames),
            ours: format!("{ours} ({} frames)", project.frames()),
        });
    }
    let body = read_body(path, &bytes, end + 1, sum, &head)?;
    let files: Vec<Vec<FileId>> = project.raters().iter().map(files_of).collect();
    let ids = body.matching(path, project, &files)?;

    // From here on it is the right one.
    let damage = match body.damaged {
        true => Some(keep_damaged(
            path,
            &bytes,
            body.whole,
            body.entries.len() + 2,
        )?),
        false => None,
    };
    if body.whole < bytes.len() {
        file.set_len(body.whole as u64).map_err(&io)?;
    }
    file.seek(SeekFrom::Start(body.whole as u64)).map_err(&io)?;
    let replayed = Replayed {
        entries: body.entries.len(),
        torn: body.torn,
        damage,
    };
    let file = JournalFile {
        path: path.to_owned(),
        file,
        whole: body.whole as u64,
        half: false,
        sum: body.sum.clone(),
        entries: body.entries.len(),
    };
    let mut editor = Editor::new(&head.who);
    editor.begin_replay(project, &ids, files, body.next_id);
    for entry in body.entries {
        editor.replay(project, entry);
    }
    editor.end_replay(who);
    editor.take_up(project, when);
    Ok(Opened {
        editor,
        file,
        replayed,
    })
}

fn name(project: &Project) -> String {
    let video = project.video.as_deref().map(name_of);
    video.unwrap_or_else(|| project.name.clone())
}

fn head_of(path: &Path, json: &str) -> Result<Head, JournalError> {
    let newer = |version: &str| JournalError::Newer {
        path: path.to_owned(),
        version: version.to_owned(),
    };
    match serde_json::from_str::<AnyHead>(json) {
        Ok(head) if head.format != FORMAT => return Err(newer(&head.version)),
        _ => {}
    }
    // The sum is right: whoever wrote it meant it.
    serde_json::from_str(json).map_err(|_| newer("of another format"))
}

/// Begins a journal in an open file.
fn begin(
    path: &Path,
    mut file: File,
    project: &Project,
    who: &str,
    when: &str,
    replayed: Replayed,
) -> Result<Opened, JournalError> {
    let io = JournalError::io(path);
    let mut editor = Editor::new(who);
    editor.take_up(project, when);
    let head = Head {
        program: "affectscope".to_owned(),
        holds: "review journal".to_owned(),
        format: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        when: when.to_owned(),
        who: who.to_owned(),
        video: Video {
            name: name(project),
            frames: project.frames(),
        },
        raters: editor.take_registered(),
    };
    file.set_len(0).map_err(&io)?;
    file.seek(SeekFrom::Start(0)).map_err(&io)?;
    let mut file = JournalFile {
        path: path.to_owned(),
        file,
        whole: 0,
        half: false,
        sum: String::new(),
        entries: 0,
    };
    let json = serde_json::to_string(&head).map_err(|e| io(e.into()))?;
    file.add(&json).map_err(&io)?;
    Ok(Opened {
        editor,
        file,
        replayed,
    })
}

/// Keeps a copy of a file whose line `line` is damaged, which begins at this byte.
fn keep_damaged(
    path: &Path,
    bytes: &[u8],
    begin: usize,
    line: usize,
) -> Result<Damage, JournalError> {
    let copy = free(path, "damaged");
    let mut options = OpenOptions::new();
    let written = options
        .write(true)
        .create_new(true)
        .open(&copy)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
    written.map_err(JournalError::io(&copy))?;
    let rest = bytes[begin..].split(|&b| b == b'\n');
    Ok(Damage {
        line,
        not_taken: rest.filter(|line| !line.is_empty()).count(),
        copy,
    })
}

/// The lines behind the first, as far as they are whole.
struct Body {
    entries: Vec<Stamped>,
    /// The sum of the last of them.
    sum: String,
    /// Where it ends.
    whole: usize,
    torn: bool,
    damaged: bool,
    /// Raters with files, as they were known last.
    registered: Vec<Registered>,
    /// Raters of whom there are steps.
    used: Vec<u32>,
    next_id: u32,
}

fn read_body(
    path: &Path,
    bytes: &[u8],
    begin: usize,
    sum: String,
    head: &Head,
) -> Result<Body, JournalError> {
    let next_id = head.raters.iter().map(|r| r.rater + 1).max();
    let mut body = Body {
        entries: Vec::new(),
        sum,
        whole: begin,
        torn: false,
        damaged: false,
        registered: head.raters.clone(),
        used: Vec::new(),
        next_id: next_id.unwrap_or(0),
    };
    let mut made: Vec<u32> = Vec::new();
    let mut version = head.version.clone();
    for line in bytes[begin..].split_inclusive(|&b| b == b'\n') {
        let Some(text) = line.strip_suffix(b"\n") else {
            body.torn = true;
            break;
        };
        let Some((json, sum)) = unsealed(&body.sum, text) else {
            body.damaged = true;
            break;
        };
        let Ok(stamped) = serde_json::from_str::<Stamped>(&json) else {
            return Err(JournalError::Newer {
                path: path.to_owned(),
                version,
            });
        };
        let known = |id: &u32| made.contains(id) || body.registered.iter().any(|r| r.rater == *id);
        let possible = match &stamped.entry {
            Entry::Session { version: v, .. } => {
                version.clone_from(v);
                true
            }
            Entry::Edit { rater, edit, .. } => known(rater) && edit.fits(head.video.frames),
            Entry::Offset { rater, .. }
            | Entry::Rename { rater, .. }
            | Entry::Saved { rater, .. } => known(rater),
            Entry::NewRater { rater, .. } => !known(rater) && *rater < u32::MAX,
            Entry::Files(files) => !made.contains(&files.rater) && files.rater < u32::MAX,
            Entry::Undo | Entry::Redo | Entry::Mark { .. } => true,
        };
        if !possible {
            body.damaged = true;
            break;
        }
        match &stamped.entry {
            Entry::Edit { rater, .. }
            | Entry::Offset { rater, .. }
            | Entry::Rename { rater, .. }
                if !made.contains(rater) && !body.used.contains(rater) =>
            {
                body.used.push(*rater);
            }
            Entry::NewRater { rater, .. } => {
                made.push(*rater);
                body.next_id = body.next_id.max(rater + 1);
            }
            Entry::Files(files) => {
                body.next_id = body.next_id.max(files.rater + 1);
                body.registered.retain(|r| r.rater != files.rater);
                body.registered.push(files.clone());
            }
            _ => {}
        }
        body.whole += line.len();
        body.sum = sum;
        body.entries.push(stamped);
    }
    Ok(body)
}

impl Body {
    /// What the journal calls each of the project's raters: by the content of their files, in whatever order they were
    /// opened. Of those with the same files the one with the same name comes first.
    fn matching(
        &self,
        path: &Path,
        project: &Project,
        files: &[Vec<FileId>],
    ) -> Result<Vec<Option<u32>>, JournalError> {
        let mut ids: Vec<Option<u32>> = vec![None; files.len()];
        // Raters with steps first: they must find theirs.
        let mut wanted: Vec<&Registered> = self.registered.iter().collect();
        wanted.sort_by_key(|r| (!self.used.contains(&r.rater), r.rater));
        for registered in wanted {
            let all = |ours: &[FileId]| {
                let has = |theirs: &FileId| ours.iter().any(|o| o.is(theirs));
                !registered.files.is_empty() && registered.files.iter().all(has)
            };
            let fits = (0..files.len()).filter(|&i| ids[i].is_none() && all(&files[i]));
            let best = fits.min_by_key(|&i| {
                (
                    files[i].len() != registered.files.len(),
                    project.raters()[i].name != registered.name,
                )
            });
            match best {
                Some(i) => ids[i] = Some(registered.rater),
                None if self.used.contains(&registered.rater) => {
                    let names = registered.files.iter().map(|f| f.name.as_str());
                    let names: Vec<&str> = names.collect();
                    return Err(JournalError::OtherLabels {
                        path: path.to_owned(),
                        missing: format!("{} ({})", registered.name, names.join(", ")),
                    });
                }
                None => {}
            }
        }
        Ok(ids)
    }
}
