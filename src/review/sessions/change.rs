//! Renaming and deleting all files of a session at once.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::Session;
use super::Whole;
use crate::formats::output::{OutputError, write_whole};
use crate::formats::sidecar::sidecar_path;
use crate::review::entry::name_of;
use crate::review::journal::{self, JournalError};

/// Letters of a name; with endings it stays below what file systems take.
const MOST_LETTERS: usize = 120;

/// Why a session stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// It is being written.
    #[error("{0}: it is being written at this moment. Wait for its end.")]
    Running(String),
    /// No name for files.
    #[error("{name:?} is no name for files: {reason}.")]
    Name {
        /// What was given.
        name: String,
        /// Why not.
        reason: &'static str,
    },
    /// A file of that name is there.
    #[error("{path}: exists already. Give another name; nothing was renamed.", path = .0.display())]
    Taken(PathBuf),
    /// Somebody annotates it, or its journal is damaged.
    #[error("{0} Nothing was changed.")]
    Journal(#[from] JournalError),
    /// The system refuses.
    #[error("{path}: cannot be changed ({reason}). Check the folder and its permissions; all files have their names as before.", path = path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// The system's word.
        reason: io::Error,
    },
    /// The system refuses, and what was renamed could not be named back.
    #[error("{path}: cannot be changed ({reason}), and these files could not be named back: {}. Rename them by hand.", left.join(", "), path = path.display())]
    Half {
        /// Which file.
        path: PathBuf,
        /// The system's word.
        reason: io::Error,
        /// The files, by their present names.
        left: Vec<String>,
    },
    /// The system's bin takes it not, or not all of it.
    #[error("the system's bin did not take it ({reason}). Nothing was deleted for good; still in their place are {}. Delete them with the system's own means, if they are to go.", left.join(", "))]
    Bin {
        /// The system's word.
        reason: String,
        /// The files that are where they were.
        left: Vec<String>,
    },
}

/// What was renamed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renamed {
    /// The table's new path.
    pub table: PathBuf,
    /// How many files have another name now.
    pub files: usize,
}

/// A file that gets another name, another content, or both.
struct Step {
    from: PathBuf,
    to: PathBuf,
    content: Option<Content>,
}

struct Content {
    before: Vec<u8>,
    after: Vec<u8>,
}

/// Renames all files of a session whose names begin as it does, as one step: none, if a name is taken or the system
/// refuses one of them. Sidecars and journals that name other files of it get their new names, and so do the sidecars of
/// `others` whose video it has.
///
/// # Errors
/// [`ChangeError`].
pub fn rename(session: &Session, name: &str, others: &[Session]) -> Result<Renamed, ChangeError> {
    if session.whole == Whole::Running {
        return Err(ChangeError::Running(session.name.clone()));
    }
    let name = name.trim();
    if let Some(reason) = name_fault(name) {
        return Err(ChangeError::Name {
            name: name.to_owned(),
            reason,
        });
    }
    let steps = plan(session, name, others)?;
    for step in &steps {
        if step.from != step.to && step.to.symlink_metadata().is_ok() {
            return Err(ChangeError::Taken(step.to.clone()));
        }
    }
    carry_out(&steps)?;
    let table = steps.iter().find(|s| s.from == session.table);
    Ok(Renamed {
        table: table.map_or_else(|| session.table.clone(), |s| s.to.clone()),
        files: steps.iter().filter(|s| s.from != s.to).count(),
    })
}

/// Why files cannot be called so on one system or another, if they cannot.
pub fn name_fault(name: &str) -> Option<&'static str> {
    let bad = |c: char| c.is_control() || "<>:\"/\\|?*".contains(c);
    if name.is_empty() {
        Some("it is empty")
    } else if name.chars().count() > MOST_LETTERS {
        Some("it is too long")
    } else if name.contains(bad) {
        Some("it has one of < > : \" / \\ | ? *, or a sign that cannot be seen")
    } else if name.starts_with('.') || name.ends_with('.') {
        Some("it begins or ends with a full stop")
    } else {
        None
    }
}

fn plan(session: &Session, name: &str, others: &[Session]) -> Result<Vec<Step>, ChangeError> {
    let renamed = |path: &Path| {
        let rest = path.file_name()?.to_str()?.strip_prefix(&session.name)?;
        Some(path.with_file_name(format!("{name}{rest}")))
    };
    let mut steps: Vec<Step> = Vec::new();
    for path in &session.own {
        let to = renamed(path).unwrap_or_else(|| path.clone());
        steps.push(Step {
            from: path.clone(),
            to,
            content: None,
        });
    }
    // Both a file's name and its path may stand in another file.
    let mut words: BTreeMap<String, String> = BTreeMap::new();
    for step in steps.iter().filter(|s| s.from != s.to) {
        words.insert(name_of(&step.from), name_of(&step.to));
        let text = |path: &Path| path.display().to_string();
        words.insert(text(&step.from), text(&step.to));
    }
    for step in &mut steps {
        let is = |ending: &str| name_of(&step.from).ends_with(ending);
        step.content = if is(journal::ENDING) {
            journal_content(step)?
        } else if is(".json") {
            json_content(&step.from, |value| replace(value, &words))?
        } else {
            None
        };
    }
    for other in others.iter().filter(|o| o.table != session.table) {
        let video = other.video.as_deref();
        let moved = steps
            .iter()
            .find(|s| Some(&*s.from) == video && s.from != s.to);
        let Some(to) = moved.map(|s| s.to.clone()) else {
            continue;
        };
        let table = &other.table;
        let part = table.extension().is_some_and(|e| e == "part");
        let sidecar = if part {
            sidecar_path(&table.with_extension(""))
        } else {
            sidecar_path(table)
        };
        let content = json_content(&sidecar, |value| {
            value["source"]["given"] = Value::from(to.display().to_string());
        });
        // One that is not there says nothing of the video.
        if let Ok(Some(content)) = content {
            steps.push(Step {
                from: sidecar.clone(),
                to: sidecar,
                content: Some(content),
            });
        }
    }
    steps.retain(|s| s.from != s.to || s.content.is_some());
    Ok(steps)
}

fn io_of(path: &Path) -> impl FnOnce(io::Error) -> ChangeError + '_ {
    |reason| ChangeError::Io {
        path: path.to_owned(),
        reason,
    }
}

/// A file of JSON as it becomes; `None` where nothing changes, or where it is none.
fn json_content(
    path: &Path,
    change: impl FnOnce(&mut Value),
) -> Result<Option<Content>, ChangeError> {
    let before = std::fs::read(path).map_err(io_of(path))?;
    let Ok(mut value) = serde_json::from_slice::<Value>(&before) else {
        return Ok(None);
    };
    let old = value.clone();
    change(&mut value);
    if value == old {
        return Ok(None);
    }
    let Ok(mut after) = serde_json::to_vec_pretty(&value) else {
        return Ok(None);
    };
    after.push(b'\n');
    Ok(Some(Content { before, after }))
}

/// A journal knows the name of what it is of.
fn journal_content(step: &Step) -> Result<Option<Content>, ChangeError> {
    let of = |path: &Path| {
        let name = name_of(path);
        name.strip_suffix(journal::ENDING).map(str::to_owned)
    };
    let (Some(from), Some(to)) = (of(&step.from), of(&step.to)) else {
        return Ok(None);
    };
    let renamed = journal::of_other_name(&step.from, &from, &to)?;
    Ok(renamed.map(|(before, after)| Content { before, after }))
}

/// Puts new names in the place of old ones, wherever a whole text is one.
fn replace(value: &mut Value, words: &BTreeMap<String, String>) {
    match value {
        Value::String(text) => {
            if let Some(new) = words.get(text) {
                text.clone_from(new);
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|v| replace(v, words)),
        Value::Object(values) => values.values_mut().for_each(|v| replace(v, words)),
        _ => {}
    }
}

/// Makes all steps or none.
fn carry_out(steps: &[Step]) -> Result<(), ChangeError> {
    let mut moved: Vec<&Step> = Vec::new();
    let mut written: Vec<&Step> = Vec::new();
    let result = steps
        .iter()
        .filter(|s| s.from != s.to)
        .try_for_each(|step| {
            // Asked once more: what was put there in between would be written over.
            let there = step.to.symlink_metadata().is_ok();
            let renamed = if there {
                Err(io::ErrorKind::AlreadyExists.into())
            } else {
                std::fs::rename(&step.from, &step.to)
            };
            renamed.map_err(|e| (step.from.clone(), e))?;
            moved.push(step);
            Ok(())
        });
    let result = result.and_then(|()| {
        steps.iter().try_for_each(|step| {
            let Some(content) = &step.content else {
                return Ok(());
            };
            let done = write_whole(&step.to, &content.after, true);
            done.map_err(|e| (step.to.clone(), plain(e)))?;
            written.push(step);
            Ok(())
        })
    });
    let Err((path, reason)) = result else {
        return Ok(());
    };
    let mut left = Vec::new();
    for step in written {
        let before = step.content.as_ref().map(|c| &c.before);
        if before.is_some_and(|b| write_whole(&step.to, b, true).is_err()) {
            left.push(step.to.display().to_string());
        }
    }
    for step in moved.iter().rev() {
        if std::fs::rename(&step.to, &step.from).is_err() {
            left.push(step.to.display().to_string());
        }
    }
    if left.is_empty() {
        Err(ChangeError::Io { path, reason })
    } else {
        Err(ChangeError::Half { path, reason, left })
    }
}

fn plain(error: OutputError) -> io::Error {
    match error {
        OutputError::Io { reason, .. } => reason,
        other => io::Error::other(other.to_string()),
    }
}

/// Gives all files of a session to `bin`, the table last: what the bin does not take is still a session. `bin` is
/// [`to_bin`], but in tests.
///
/// # Errors
/// [`ChangeError`]; nothing is ever deleted for good.
pub fn delete(
    session: &Session,
    bin: &mut dyn FnMut(&[PathBuf]) -> Result<(), String>,
) -> Result<usize, ChangeError> {
    if session.whole == Whole::Running {
        return Err(ChangeError::Running(session.name.clone()));
    }
    for path in &session.own {
        if name_of(path).ends_with(journal::ENDING) {
            journal::refuse_busy(path)?;
        }
    }
    let files: Vec<PathBuf> = session.own.iter().rev().cloned().collect();
    match bin(&files) {
        Ok(()) => Ok(files.len()),
        Err(reason) => {
            let there = files.iter().filter(|p| p.symlink_metadata().is_ok());
            Err(ChangeError::Bin {
                reason,
                left: there.map(|p| p.display().to_string()).collect(),
            })
        }
    }
}

/// Moves files to the system's bin. On Linux this is the folder of the freedesktop specification, with or without a
/// desktop.
///
/// # Errors
/// In words, when there is no bin or it does not take one of them; those before it are in the bin then.
pub fn to_bin(paths: &[PathBuf]) -> Result<(), String> {
    // One after the other: each is then either in the bin or in its place.
    paths.iter().try_for_each(|path| {
        trash::delete(path).map_err(|e| match e {
            trash::Error::Unknown { description } => description,
            trash::Error::Os { description, .. } => description,
            trash::Error::FileSystem { path, source } => format!("{}: {source}", path.display()),
            other => other.to_string(),
        })
    })
}
