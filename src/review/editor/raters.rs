//! Whose labels are mended: raters from files, and those who begin here.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Editor, Known, Start};
use crate::review::entry::{Entry, FileId, Registered, name_of};
use crate::review::project::Project;
use crate::review::rater::Rater;
use crate::review::track::Track;

impl Editor {
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

    pub(super) fn add_rater(
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

    pub(super) fn id(&mut self, project: &Project, rater: usize, when: &str) -> Option<u32> {
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

    pub(super) fn place(&self, id: u32) -> Option<usize> {
        self.known.iter().position(|k| k.id == Some(id))
    }
}

/// The files of a rater, each once; one that cannot be read any more is told by its name alone.
pub(in crate::review) fn files_of(rater: &Rater) -> Vec<FileId> {
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
