//! The lines of a journal behind the first, and whose labels they are of.

use std::path::Path;

use super::Head;
use super::error::JournalError;
use super::file::unsealed;
use crate::review::entry::{Entry, FileId, Registered, Stamped};
use crate::review::project::Project;

/// The lines behind the first, as far as they are whole.
pub(super) struct Body {
    pub(super) entries: Vec<Stamped>,
    /// The sum of the last of them.
    pub(super) sum: String,
    /// Where it ends.
    pub(super) whole: usize,
    pub(super) torn: bool,
    pub(super) damaged: bool,
    /// Raters with files, as they were known last.
    registered: Vec<Registered>,
    /// Raters of whom there are steps.
    used: Vec<u32>,
    pub(super) next_id: u32,
}

pub(super) fn read_body(
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
    /// The names of files that labels were saved in, each with the names of the files that those labels came from.
    pub(super) fn saved_files(&self) -> Vec<(String, Vec<String>)> {
        let from = |id: u32| {
            let of = self.registered.iter().find(|r| r.rater == id);
            let files = of.map_or(&[][..], |r| &r.files);
            files.iter().map(|f| f.name.clone()).collect::<Vec<_>>()
        };
        let mut all = Vec::new();
        for line in &self.entries {
            if let Entry::Saved { rater, files, .. } = &line.entry {
                all.extend(files.iter().map(|file| (file.clone(), from(*rater))));
            }
        }
        all
    }

    /// What the journal calls each of the project's raters: by the content of their files, in whatever order they were
    /// opened. Of those with the same files the one with the same name comes first.
    pub(super) fn matching(
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
