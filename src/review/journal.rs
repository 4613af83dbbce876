//! The journal of annotating: a file of JSON lines that every step is added to, so that nothing is lost when the program
//! or the machine ends in the midst of it.
//!
//! The first line says of which video and of which files of labels it is, every other one is an
//! [`Entry`](super::entry::Entry). Each line ends in a check sum over itself and the one before it: what was cut off,
//! damaged or put in another order is seen, and what comes before it is taken. A file is one program's at a time.

mod body;
mod error;
mod file;

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use self::body::read_body;
pub use self::error::JournalError;
pub use self::file::JournalFile;
use self::file::{lock, open_locked, sealed, unsealed};
use super::editor::{Editor, files_of};
use super::entry::{FileId, Registered, hex, name_of};
use super::project::Project;
use crate::formats::output::write_whole;

/// What a journal begins with.
const MARKER: &str = r#"{"program":"affectscope","holds":"review journal","#;
/// The format of the lines.
const FORMAT: u32 = 1;
/// What follows a video's name.
pub(super) const ENDING: &str = ".affectscope-review.jsonl";
/// Journals above are refused: years of annotating.
const MOST_BYTES: u64 = 1 << 30;

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
    // As much of a long name as all file systems take.
    let name: String = name_of(video).chars().take(60).collect();
    folder.join(format!("{name}-{}{ENDING}", &mark[..8]))
}

/// What became of two journals of one video; see [`carry`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carried {
    /// The first has nothing that the second has not.
    Nothing,
    /// The second has what the first had.
    Copied,
    /// Each has steps of its own, and both are as they were.
    Apart,
}

/// Brings the edits of a journal into another place, where they go on: a folder cannot be written to any more, or can be
/// again. The first stays as it is.
///
/// # Errors
/// When the second place cannot be written to, or another program has the journal there.
pub fn carry(from: &Path, to: &Path) -> Result<Carried, JournalError> {
    let Ok(theirs) = std::fs::read(from) else {
        return Ok(Carried::Nothing);
    };
    let whole = theirs
        .iter()
        .rposition(|&b| b == b'\n')
        .map_or(0, |end| end + 1);
    let theirs = &theirs[..whole];
    let io = JournalError::io(to);
    let lock = match refuse_busy(to) {
        Ok(file) => Some(file),
        Err(JournalError::Io { reason, .. }) if reason.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let mut ours = Vec::new();
    if let Some(mut file) = lock.as_ref() {
        file.read_to_end(&mut ours).map_err(&io)?;
    }
    if ours.starts_with(theirs) {
        return Ok(Carried::Nothing);
    }
    if !theirs.starts_with(&ours) {
        return Ok(Carried::Apart);
    }
    write_whole(to, theirs, true).map_err(|e| io(io::Error::other(e.to_string())))?;
    Ok(Carried::Copied)
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
            "The journal of edits is damaged in line {}: {} of its lines could not be taken{}. The damaged file is kept as {}.",
            self.line,
            self.not_taken,
            if self.line > 1 {
                ", the steps before them are here"
            } else {
                ", and no edit is here"
            },
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

/// Files that labels of a journal were saved in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SavedFiles(Vec<(String, Vec<String>)>);

impl SavedFiles {
    /// What the journal says of it; nothing where there is none or it cannot be read.
    pub fn of(journal: &Path) -> Self {
        let fits = journal.metadata().is_ok_and(|m| m.len() <= MOST_BYTES);
        let bytes = std::fs::read(journal).ok().filter(|_| fits);
        let read = |bytes: Vec<u8>| {
            let end = bytes.iter().position(|&b| b == b'\n')?;
            let (json, sum) = unsealed("", &bytes[..end])?;
            let head = head_of(journal, &json).ok()?;
            let body = read_body(journal, &bytes, end + 1, sum, &head).ok()?;
            Some(Self(body.saved_files()))
        };
        bytes.and_then(read).unwrap_or_default()
    }

    /// Whether a file holds labels that the journal brings itself: those of somebody who began without a file, or of whom
    /// one of `others` is the file.
    pub fn has(&self, file: &Path, others: &[PathBuf]) -> bool {
        let name = name_of(file);
        self.0.iter().any(|(saved, from)| {
            let opened = |from: &String| others.iter().any(|other| name_of(other) == *from);
            *saved == name && (from.is_empty() || from.iter().any(opened))
        })
    }
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

/// The content of a file before and after a change.
pub type BeforeAndAfter = (Vec<u8>, Vec<u8>);

/// A journal as it is, and as it is once what it is of has another name: its head names the new one, and all check sums,
/// each of which is over the one before it, are made anew. `None` where it is of another name, or of nothing yet.
///
/// # Errors
/// When somebody annotates at this moment, when the journal is damaged, or the system refuses.
pub fn of_other_name(
    path: &Path,
    from: &str,
    to: &str,
) -> Result<Option<BeforeAndAfter>, JournalError> {
    let mut file = refuse_busy(path)?;
    let mut before = Vec::new();
    file.read_to_end(&mut before)
        .map_err(JournalError::io(path))?;
    let mut lines = before.split_inclusive(|&b| b == b'\n');
    let head = lines.next().unwrap_or_default();
    let Some(head) = head.strip_suffix(b"\n") else {
        return Ok(None);
    };
    let not_ours = || JournalError::NotOurs(path.to_owned());
    let (json, mut old_sum) = unsealed("", head).ok_or_else(not_ours)?;
    let mut head = head_of(path, &json)?;
    if head.video.name != from {
        return Ok(None);
    }
    to.clone_into(&mut head.video.name);
    let json = serde_json::to_string(&head).map_err(|e| JournalError::io(path)(e.into()))?;
    let (line, mut new_sum) = sealed("", &json);
    let mut after = line.into_bytes();
    for line in lines {
        // Half a line at the end is what a program that was killed left: it is dropped when the journal is opened.
        let Some(text) = line.strip_suffix(b"\n") else {
            break;
        };
        let (json, sum) = unsealed(&old_sum, text).ok_or_else(not_ours)?;
        old_sum = sum;
        let (line, sum) = sealed(&new_sum, &json);
        new_sum = sum;
        after.extend_from_slice(line.as_bytes());
    }
    Ok(Some((before, after)))
}

/// Opens a journal to read it, unless somebody annotates.
///
/// # Errors
/// [`JournalError::Busy`], or when the system refuses.
pub fn refuse_busy(path: &Path) -> Result<File, JournalError> {
    let file = OpenOptions::new().read(true).write(true).open(path);
    let file = file.map_err(JournalError::io(path))?;
    lock(&file, path)?;
    Ok(file)
}
