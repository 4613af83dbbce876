//! The history of annotating: every step can be taken back, without limit, and is handed on to be kept.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::edit::Edit;
use super::entry::{Entry, FileId, Registered, Stamped, name_of};
use super::mark::{Mark, Marks, SegmentState};
use super::model::MOST_FRAMES;
use super::overlay::Patch;
use super::project::Project;
use super::rater::Rater;
use super::track::Track;

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

/// How one person's labels came to be, of the steps that are not taken back.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// Edits.
    pub edits: usize,
    /// Of these, made while the predictions were hidden.
    pub blind: usize,
    /// Of these, rated live; at how many samples a second each was to be.
    pub rated_hz: Vec<f64>,
    /// When the first and the last were made.
    pub first_and_last: Option<(String, String)>,
    /// Who made them, in the order of their first.
    pub who: Vec<String>,
    /// Whose labels they started from, where it was somebody else's.
    pub copied_from: Option<String>,
}

/// How far from what was saved.
#[derive(Debug, Clone, Copy, Default)]
struct Standing {
    /// Steps made and not taken back.
    depth: usize,
    /// What was saved last.
    saved: Point,
    /// What is being saved.
    saving: Option<Point>,
}

/// A moment of the history.
#[derive(Debug, Clone, Copy, Default)]
struct Point {
    /// So many steps are common to it and the history as it stands ...
    common: usize,
    /// ... and it has so many more that are no longer to be had.
    lost: usize,
}

impl Standing {
    fn now(&self) -> Point {
        Point {
            common: self.depth,
            lost: 0,
        }
    }

    /// Steps from there to here.
    fn since(&self, point: Point) -> usize {
        self.depth.abs_diff(point.common) + point.lost
    }

    /// What has been taken back is gone.
    fn fork(&mut self) {
        let depth = self.depth;
        for point in std::iter::once(&mut self.saved).chain(&mut self.saving) {
            point.lost += point.common.saturating_sub(depth);
            point.common = point.common.min(depth);
        }
    }
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

/// A change that can be swapped for its inverse.
#[derive(Debug, Clone)]
enum Change {
    Labels(u32, Patch),
    Offset(u32, i64),
    Name(u32, String),
    Mark(Range<usize>, Mark),
}

#[derive(Debug, Clone)]
struct Step {
    when: String,
    who: Arc<str>,
    blind: bool,
    title: &'static str,
    /// Whose labels it changes.
    rater: Option<u32>,
    frames: Option<Range<usize>>,
    rated_hz: Option<f64>,
    changes: Vec<Change>,
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
    /// The journal is one that was opened again, and has not been told yet.
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
        let edit = edit.within(project.frames())?;
        let id = self.id(project, rater, when)?;
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
                edit,
            },
        );
        Some(self.made(step))
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
        frames: Range<usize>,
        state: SegmentState,
        note: &str,
        when: &str,
    ) -> Option<Changed> {
        let mark = Mark {
            state,
            note: note.trim().to_owned(),
        };
        let empty = Mark::default();
        let same = *self.marks.at(&frames).unwrap_or(&empty) == mark;
        if (frames.is_empty() || same) && !self.replaying {
            return None;
        }
        let entry = Entry::Mark {
            frames: frames.clone(),
            state,
            note: mark.note.clone(),
        };
        let before = self.marks.set(&frames, mark);
        let changes = vec![Change::Mark(frames.clone(), before)];
        let mut step = self.step("mark", None, changes, when);
        step.frames = Some(frames);
        self.push(when, entry);
        Some(self.made(step))
    }

    /// Adds a rater, who is not taken back by an undo; gives their place. `None` when there is nobody to copy.
    pub fn new_rater(
        &mut self,
        project: &mut Project,
        name: &str,
        start: Start,
        when: &str,
    ) -> Option<usize> {
        self.take_up(project, when);
        let (copied_from, labels) = match start {
            Start::Empty => (None, None),
            Start::CopyOf(other) => {
                let other = project.raters().get(other)?;
                (Some(other.name.clone()), Some(other.track().clone()))
            }
            Start::CopyOfModel => {
                let model = project.model()?;
                let from = model.path.as_deref().map(name_of);
                let from =
                    from.map_or("the predictions".to_owned(), |f| format!("predictions {f}"));
                (Some(from), Some(model.track().clone()))
            }
        };
        let name = match name.trim() {
            "" => "annotator",
            name => name,
        };
        let name = project.free_name(name);
        let id = self.next_id;
        self.add_rater(
            project,
            id,
            name.clone(),
            copied_from.clone(),
            labels.clone(),
        );
        let entry = Entry::NewRater {
            rater: id,
            name,
            copied_from,
            labels,
        };
        self.push(when, entry);
        Some(self.known.len() - 1)
    }

    fn add_rater(
        &mut self,
        project: &mut Project,
        id: u32,
        name: String,
        copied_from: Option<String>,
        labels: Option<Track>,
    ) {
        let rater = match labels {
            Some(track) => Rater::starting_from(name, track),
            None => Rater::new(name, project.frames()),
        };
        project.add_rater(rater);
        self.known.push(Known {
            id: Some(id),
            copied_from,
            ..Known::default()
        });
        self.next_id = self.next_id.max(id + 1);
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

    /// How a rater's labels came to be.
    pub fn summary(&self, rater: usize) -> Summary {
        let mut summary = Summary::default();
        let Some(known) = self.known.get(rater) else {
            return summary;
        };
        summary.copied_from.clone_from(&known.copied_from);
        let labels = |s: &&Step| matches!(s.changes.first(), Some(Change::Labels(..)));
        let mine = self
            .done
            .iter()
            .filter(|s| known.id.is_some() && s.rater == known.id);
        for step in mine.filter(labels) {
            summary.edits += 1;
            summary.blind += usize::from(step.blind);
            summary.rated_hz.extend(step.rated_hz);
            let first = summary.first_and_last.take().map(|(first, _)| first);
            let first = first.unwrap_or_else(|| step.when.clone());
            summary.first_and_last = Some((first, step.when.clone()));
            if !summary.who.iter().any(|w| **w == *step.who) {
                summary.who.push(step.who.to_string());
            }
        }
        summary
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

    /// Gets to know raters and files that have been added to the project, and reads the files through. To be called when
    /// labels have been opened; edits do it themselves where it was not.
    pub fn take_up(&mut self, project: &Project, when: &str) {
        self.known
            .resize_with(project.raters().len(), Known::default);
        for (i, rater) in project.raters().iter().enumerate() {
            let known = &mut self.known[i];
            let news = known.id.is_none() || known.origins != rater.origins.len();
            if !news {
                continue;
            }
            known.origins = rater.origins.len();
            known.files = files_of(rater);
            let id = *known.id.get_or_insert(self.next_id);
            self.next_id = self.next_id.max(id + 1);
            let entry = if rater.origins.is_empty() {
                Entry::NewRater {
                    rater: id,
                    name: rater.name.clone(),
                    copied_from: None,
                    labels: Some(rater.track().clone()),
                }
            } else {
                Entry::Files(Registered {
                    rater: id,
                    name: rater.name.clone(),
                    files: self.known[i].files.clone(),
                })
            };
            self.push(when, entry);
        }
    }

    fn id(&mut self, project: &Project, rater: usize, when: &str) -> Option<u32> {
        let r = project.raters().get(rater)?;
        let known = self.known.get(rater);
        let known = known.filter(|k| k.origins == r.origins.len());
        if let Some(id) = known.and_then(|k| k.id) {
            return Some(id);
        }
        if self.replaying {
            return None;
        }
        self.take_up(project, when);
        self.known.get(rater)?.id
    }

    fn place(&self, id: u32) -> Option<usize> {
        self.known.iter().position(|k| k.id == Some(id))
    }

    fn count(&mut self, id: Option<u32>, change: impl FnOnce(&mut Standing)) {
        let known = self.known.iter_mut().find(|k| id.is_some() && k.id == id);
        if let Some(known) = known {
            change(&mut known.standing);
        }
    }

    fn step(
        &self,
        title: &'static str,
        rater: Option<u32>,
        changes: Vec<Change>,
        when: &str,
    ) -> Step {
        Step {
            when: when.to_owned(),
            who: self.who.clone(),
            blind: self.blind,
            title,
            rater,
            frames: None,
            rated_hz: None,
            changes,
        }
    }

    /// A step more. What was taken back before it is gone, and with it perhaps what was saved.
    fn made(&mut self, step: Step) -> Changed {
        self.undone.clear();
        for known in &mut self.known {
            known.standing.fork();
        }
        self.count(step.rater, |s| s.depth += 1);
        let changed = self.changed(&step);
        self.done.push(step);
        changed
    }

    fn changed(&self, step: &Step) -> Changed {
        Changed {
            rater: step.rater.and_then(|id| self.place(id)),
            frames: step.frames.clone(),
            title: step.title.to_owned(),
        }
    }

    /// Swaps the changes of a step for their inverses.
    fn turn(&mut self, project: &mut Project, mut step: Step) -> (Step, Changed) {
        let changes = std::mem::take(&mut step.changes);
        let swapped = changes.into_iter().map(|c| self.swap(project, c));
        step.changes = swapped.collect();
        step.changes.reverse();
        let changed = self.changed(&step);
        (step, changed)
    }

    fn swap(&mut self, project: &mut Project, change: Change) -> Change {
        let place = match &change {
            Change::Labels(id, _) | Change::Offset(id, _) | Change::Name(id, _) => self.place(*id),
            Change::Mark(..) => Some(0),
        };
        // Raters do not go; were one gone, its changes would wait for it.
        let Some(place) = place else {
            return change;
        };
        match change {
            Change::Labels(id, patch) => {
                let inverse = project.edit(place, &patch);
                Change::Labels(id, inverse.unwrap_or(patch))
            }
            Change::Offset(id, frames) => {
                let before = project.raters().get(place).map(Rater::offset_frames);
                project.set_offset(place, frames);
                Change::Offset(id, before.unwrap_or(frames))
            }
            Change::Name(id, name) => {
                let before = project.rename(place, name.clone());
                Change::Name(id, before.unwrap_or(name))
            }
            Change::Mark(frames, mark) => {
                let before = self.marks.set(&frames, mark);
                Change::Mark(frames, before)
            }
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

    /// The raters with files, for the head of a new journal; what was gathered of them is taken out.
    pub(super) fn take_registered(&mut self) -> Vec<Registered> {
        let mut registered = Vec::new();
        for stamped in std::mem::take(&mut self.entries) {
            match stamped.entry {
                Entry::Files(files) => registered.push(files),
                entry => self.entries.push(Stamped { entry, ..stamped }),
            }
        }
        registered
    }

    /// Begins to take up a journal: `ids` is what it calls each of the project's raters, `next_id` what it has called
    /// nobody.
    pub(super) fn begin_replay(
        &mut self,
        project: &Project,
        ids: &[Option<u32>],
        files: Vec<Vec<FileId>>,
        next_id: u32,
    ) {
        self.replaying = true;
        self.next_id = next_id;
        let raters = project.raters().iter().zip(ids).zip(files);
        self.known = raters
            .map(|((rater, id), files)| Known {
                id: *id,
                origins: rater.origins.len(),
                files,
                ..Known::default()
            })
            .collect();
    }

    /// Makes what a line of the journal says.
    pub(super) fn replay(&mut self, project: &mut Project, line: Stamped) {
        let when = &*line.when;
        let place = |editor: &Self, id| editor.place(id);
        match line.entry {
            Entry::Session { who, .. } => self.who = who.into(),
            Entry::Edit { rater, blind, edit } => {
                self.blind = blind;
                if let Some(rater) = place(self, rater) {
                    self.apply(project, rater, edit, when);
                }
            }
            Entry::Undo => {
                self.undo(project, when);
            }
            Entry::Redo => {
                self.redo(project, when);
            }
            Entry::Mark {
                frames,
                state,
                note,
            } => {
                self.mark(frames, state, &note, when);
            }
            Entry::Offset { rater, frames } => {
                if let Some(rater) = place(self, rater) {
                    self.set_offset(project, rater, frames, when);
                }
            }
            Entry::Rename { rater, name } => {
                if let Some(rater) = place(self, rater) {
                    self.rename(project, rater, &name, when);
                }
            }
            Entry::NewRater {
                rater,
                name,
                copied_from,
                labels,
            } => {
                let name = project.free_name(&name);
                self.add_rater(project, rater, name, copied_from, labels);
            }
            // Whose files these are was settled before.
            Entry::Files(_) => {}
            Entry::Saved { rater, since, .. } => self.count(Some(rater), |s| {
                s.saved.common = s.depth.saturating_sub(since);
                s.saved.lost = since.saturating_sub(s.depth);
            }),
        }
    }

    /// The journal is taken up; from here on `who` annotates.
    pub(super) fn end_replay(&mut self, who: &str) {
        self.replaying = false;
        self.blind = false;
        self.reopened = true;
        self.who = who.into();
    }
}

/// The files of a rater, each once; one that cannot be read any more is told by its name alone.
pub(super) fn files_of(rater: &Rater) -> Vec<FileId> {
    let paths: BTreeMap<&Path, ()> = rater.origins.iter().map(|o| (&*o.path, ())).collect();
    let id = |path: &Path| {
        FileId::of(path).unwrap_or_else(|_| FileId {
            name: name_of(path),
            bytes: 0,
            sha256: String::new(),
        })
    };
    paths.into_keys().map(id).collect()
}
