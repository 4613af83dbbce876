//! A journal is taken up: its lines are made again, and handed on to nobody.

use super::{Editor, Known};
use crate::review::entry::{Entry, FileId, Registered, Stamped};
use crate::review::project::Project;

impl Editor {
    /// The raters with files, for the head of a new journal; what was gathered of them is taken out.
    pub(in crate::review) fn take_registered(&mut self) -> Vec<Registered> {
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
    pub(in crate::review) fn begin_replay(
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
    pub(in crate::review) fn replay(&mut self, project: &mut Project, line: Stamped) {
        let when = &*line.when;
        let place = |editor: &Self, id| editor.place(id);
        match line.entry {
            Entry::Session { who, .. } => self.who = who.into(),
            Entry::Edit {
                rater,
                blind,
                more,
                edit,
            } => {
                self.blind = blind;
                if let Some(rater) = place(self, rater) {
                    self.make(project, (rater, more), edit, when);
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
                reason,
                state,
                note,
            } => {
                self.mark((frames, reason), state, &note, when);
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
    pub(in crate::review) fn end_replay(&mut self, who: &str) {
        self.replaying = false;
        self.blind = false;
        self.reopened = true;
        self.who = who.into();
    }
}
