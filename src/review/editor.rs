//! The history of annotating: every step can be taken back, without limit, and is handed on to be kept.

mod raters;
mod replay;
mod standing;
mod steps;
mod summary;

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

pub(super) use self::raters::files_of;
use self::standing::Standing;
use self::steps::{Change, Step};
pub use self::summary::Summary;
use super::edit::Edit;
use super::entry::{Entry, FileId, Stamped, name_of};
use super::mark::{Mark, Marks, SegmentState, Spot};
use super::model::MOST_FRAMES;
use super::project::Project;
use super::rater::Rater;

/// What a new rater starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Nothing.
    Empty,
    /// What another rater says, as it stands.
    CopyOf(usize),
    /// What the network says of the chosen face.
    CopyOfModel,
}

/// What a step did, for the window to tell and to go there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// Whose labels.
    pub rater: Option<usize>,
    /// Which frames; `None`: all, or none.
    pub frames: Option<Range<usize>>,
    /// What it was: `happiness`, `live rating`, `mark`.
    pub title: String,
}

/// What is known of a rater of the project.
#[derive(Debug, Clone, Default)]
struct Known {
    /// What the journal calls them; `None`: it has not heard of them.
    id: Option<u32>,
    /// How many origins were looked at for `files`.
    origins: usize,
    files: Vec<FileId>,
    copied_from: Option<String>,
    standing: Standing,
}

/// The history of a project's labels and marks. Its steps are gathered for the journal, see [`Editor::take_entries`].
#[derive(Debug, Default)]
pub struct Editor {
    who: Arc<str>,
    blind: bool,
    known: Vec<Known>,
    done: Vec<Step>,
    undone: Vec<Step>,
    marks: Marks,
    next_id: u32,
    entries: Vec<Stamped>,
    /// The journal has not been told yet who annotates: it is one that was opened again, or it is somebody else now.
    reopened: bool,
    replaying: bool,
}

impl Editor {
    /// A history without steps. `who` annotates.
    pub fn new(who: &str) -> Self {
        Self {
            who: who.into(),
            ..Self::default()
        }
    }

    /// Who annotates.
    pub fn who(&self) -> &str {
        &self.who
    }

    /// From now on somebody else annotates, which the journal says before their first edit. An empty name changes nothing.
    pub fn set_who(&mut self, who: &str) {
        let who = who.trim();
        if !who.is_empty() && who != &*self.who {
            self.who = who.into();
            self.reopened = true;
        }
    }

    /// From now on the predictions are hidden from who annotates, or not; kept with each edit.
    pub fn set_blind(&mut self, blind: bool) {
        self.blind = blind;
    }

    /// Whether they are.
    pub fn is_blind(&self) -> bool {
        self.blind
    }

    /// Makes an edit of a rater's labels, as far as it lies on the video. `when` is UTC. `None`: nothing came of it.
    pub fn apply(
        &mut self,
        project: &mut Project,
        rater: usize,
        edit: Edit,
        when: &str,
    ) -> Option<Changed> {
        self.make(project, (rater, false), edit, when)
    }

    /// As [`Editor::apply`], as the rest of the last step: both are taken back together. Where that was of another kind or
    /// of somebody else's labels, it is a step of its own.
    pub fn apply_more(
        &mut self,
        project: &mut Project,
        rater: usize,
        edit: Edit,
        when: &str,
    ) -> Option<Changed> {
        self.make(project, (rater, true), edit, when)
    }

    /// What both of them do.
    fn make(
        &mut self,
        project: &mut Project,
        (rater, more): (usize, bool),
        edit: Edit,
        when: &str,
    ) -> Option<Changed> {
        let edit = edit.within(project.frames())?;
        let id = self.id(project, rater, when)?;
        let of_last = |s: &Step| s.rater == Some(id) && s.title == edit.title();
        let more = more && self.done.last().is_some_and(of_last);
        let mut changes = Vec::new();
        let (mut frames, mut some) = (None::<Range<usize>>, false);
        for patch in edit.patches() {
            let inverse = project.edit(rater, &patch)?;
            some |= inverse != patch;
            let of_patch = patch.frames();
            frames = Some(match frames {
                Some(f) => f.start.min(of_patch.start)..f.end.max(of_patch.end),
                None => of_patch,
            });
            changes.push(Change::Labels(id, inverse));
        }
        // A line of the journal was a step, and stays one: what follows counts on it.
        if !some && !self.replaying {
            return None;
        }
        changes.reverse();
        let rated_hz = match &edit {
            Edit::Rated { rate_hz, .. } => Some(*rate_hz),
            _ => None,
        };
        let mut step = self.step(edit.title(), Some(id), changes, when);
        step.frames = frames;
        step.rated_hz = rated_hz;
        let blind = self.blind;
        self.push(
            when,
            Entry::Edit {
                rater: id,
                blind,
                more,
                edit,
            },
        );
        Some(if more {
            self.grown(step)
        } else {
            self.made(step)
        })
    }

    /// Moves a rater's labels by so many frames from where the files have them. What was mended stays on its frames.
    pub fn set_offset(
        &mut self,
        project: &mut Project,
        rater: usize,
        frames: i64,
        when: &str,
    ) -> Option<Changed> {
        let most = MOST_FRAMES as i64;
        let frames = frames.clamp(-most, most);
        let before = project.raters().get(rater)?.offset_frames();
        if before == frames && !self.replaying {
            return None;
        }
        let id = self.id(project, rater, when)?;
        project.set_offset(rater, frames);
        let changes = vec![Change::Offset(id, before)];
        let step = self.step("offset", Some(id), changes, when);
        self.push(when, Entry::Offset { rater: id, frames });
        Some(self.made(step))
    }

    /// Calls a rater something else; numbered where another has the name.
    pub fn rename(
        &mut self,
        project: &mut Project,
        rater: usize,
        name: &str,
        when: &str,
    ) -> Option<Changed> {
        let name = name.trim();
        let before = &project.raters().get(rater)?.name;
        if (name.is_empty() || before == name) && !self.replaying {
            return None;
        }
        let name = if before == name {
            name.to_owned()
        } else {
            project.free_name(name)
        };
        let id = self.id(project, rater, when)?;
        let before = project.rename(rater, name.clone())?;
        let step = self.step("rename", None, vec![Change::Name(id, before)], when);
        self.push(when, Entry::Rename { rater: id, name });
        Some(self.made(step))
    }

    /// Keeps what was found of a segment; [`SegmentState::Open`] without a note forgets it.
    pub fn mark(
        &mut self,
        (frames, reason): Spot,
        state: SegmentState,
        note: &str,
        when: &str,
    ) -> Option<Changed> {
        let mark = Mark {
            state,
            note: note.trim().to_owned(),
        };
        let empty = Mark::default();
        let spot = (frames.clone(), reason);
        let same = *self.marks.at(&spot).unwrap_or(&empty) == mark;
        if (frames.is_empty() || same) && !self.replaying {
            return None;
        }
        let entry = Entry::Mark {
            frames: frames.clone(),
            reason,
            state,
            note: mark.note.clone(),
        };
        let before = self.marks.set(&spot, mark);
        let changes = vec![Change::Mark(spot, before)];
        let mut step = self.step("mark", None, changes, when);
        step.frames = Some(frames);
        self.push(when, entry);
        Some(self.made(step))
    }

    /// Takes back the last step.
    pub fn undo(&mut self, project: &mut Project, when: &str) -> Option<Changed> {
        let step = self.done.pop()?;
        self.count(step.rater, |s| s.depth -= 1);
        self.push(when, Entry::Undo);
        let (step, changed) = self.turn(project, step);
        self.undone.push(step);
        Some(changed)
    }

    /// Makes the step again that was taken back last.
    pub fn redo(&mut self, project: &mut Project, when: &str) -> Option<Changed> {
        let step = self.undone.pop()?;
        self.count(step.rater, |s| s.depth += 1);
        self.push(when, Entry::Redo);
        let (step, changed) = self.turn(project, step);
        self.done.push(step);
        Some(changed)
    }

    /// What [`Editor::undo`] would take back, as `happiness`.
    pub fn undo_title(&self) -> Option<&'static str> {
        self.done.last().map(|s| s.title)
    }

    /// What [`Editor::redo`] would make again.
    pub fn redo_title(&self) -> Option<&'static str> {
        self.undone.last().map(|s| s.title)
    }

    /// A rater's labels are being saved as they stand.
    pub(super) fn begin_save(&mut self, project: &Project, rater: usize, when: &str) {
        let id = self.id(project, rater, when);
        self.count(id, |s| s.saving = Some(s.now()));
    }

    /// Takes note that a rater's labels are in these files, as they stood when they were taken out to be saved (see
    /// [`super::save::prepare`]); the steps since are counted from there.
    pub fn saved(&mut self, project: &Project, rater: usize, files: &[&Path], when: &str) {
        let Some(id) = self.id(project, rater, when) else {
            return;
        };
        let files = files.iter().map(|f| name_of(f)).collect();
        let mut since = 0;
        self.count(Some(id), |s| {
            s.saved = s.saving.take().unwrap_or(s.now());
            since = s.since(s.saved);
        });
        self.push(
            when,
            Entry::Saved {
                rater: id,
                since,
                files,
            },
        );
    }

    /// Steps between a rater's labels as they stand and as they were saved last, else as they were opened. All of them
    /// are in the journal, saved or not.
    pub fn edits_since_saved(&self, rater: usize) -> usize {
        let standing = self.known.get(rater).map(|k| k.standing);
        standing.map_or(0, |s| s.since(s.saved))
    }

    /// Whether anybody's labels differ from what was saved or opened.
    pub fn is_dirty(&self) -> bool {
        (0..self.known.len()).any(|rater| self.edits_since_saved(rater) > 0)
    }

    /// How many separate runs of frames differ from the rater's files.
    pub fn edited_places(&self, project: &Project, rater: usize) -> usize {
        project.raters().get(rater).map_or(0, Rater::mended_places)
    }

    /// What was found of segments.
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// The files that a rater's labels came from, as they were when they were opened.
    pub fn files(&self, rater: usize) -> &[FileId] {
        self.known.get(rater).map_or(&[], |k| &k.files)
    }

    /// Lines that the journal has not been given yet.
    pub fn pending(&self) -> usize {
        self.entries.len()
    }

    /// What the journal has not been given yet, in order.
    pub fn take_entries(&mut self) -> Vec<Stamped> {
        std::mem::take(&mut self.entries)
    }

    fn count(&mut self, id: Option<u32>, change: impl FnOnce(&mut Standing)) {
        let known = self.known.iter_mut().find(|k| id.is_some() && k.id == id);
        if let Some(known) = known {
            change(&mut known.standing);
        }
    }

    fn push(&mut self, when: &str, entry: Entry) {
        if self.replaying {
            return;
        }
        if std::mem::take(&mut self.reopened) {
            self.entries.push(Stamped {
                when: when.to_owned(),
                entry: Entry::Session {
                    who: self.who.to_string(),
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                },
            });
        }
        self.entries.push(Stamped {
            when: when.to_owned(),
            entry,
        });
    }
}
