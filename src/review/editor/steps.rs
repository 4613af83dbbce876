//! Steps as they are kept: changes that are swapped for their inverses, taken back and made again.

use std::ops::Range;
use std::sync::Arc;

use super::{Changed, Editor, Standing};
use crate::review::mark::{Mark, Spot};
use crate::review::overlay::Patch;
use crate::review::project::Project;
use crate::review::rater::Rater;

/// A change that can be swapped for its inverse.
#[derive(Debug, Clone)]
pub(super) enum Change {
    Labels(u32, Patch),
    Offset(u32, i64),
    Name(u32, String),
    Mark(Spot, Mark),
}

#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) when: String,
    pub(super) who: Arc<str>,
    pub(super) blind: bool,
    pub(super) title: &'static str,
    /// Whose labels it changes.
    pub(super) rater: Option<u32>,
    pub(super) frames: Option<Range<usize>>,
    pub(super) rated_hz: Option<f64>,
    pub(super) changes: Vec<Change>,
}

impl Editor {
    pub(super) fn step(
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

    /// The last step goes on with this one. What was saved of it is no longer to be had.
    pub(super) fn grown(&mut self, rest: Step) -> Changed {
        self.undone.clear();
        self.count(rest.rater, Standing::outgrow);
        let changed = self.changed(&rest);
        if let Some(last) = self.done.last_mut() {
            // Taken back in the other order.
            last.changes.splice(0..0, rest.changes);
            last.frames = match (last.frames.take(), rest.frames) {
                (Some(a), Some(b)) => Some(a.start.min(b.start)..a.end.max(b.end)),
                (a, b) => a.or(b),
            };
        }
        changed
    }

    /// A step more. What was taken back before it is gone, and with it perhaps what was saved.
    pub(super) fn made(&mut self, step: Step) -> Changed {
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
    pub(super) fn turn(&mut self, project: &mut Project, mut step: Step) -> (Step, Changed) {
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
            Change::Mark(spot, mark) => {
                let before = self.marks.set(&spot, mark);
                Change::Mark(spot, before)
            }
        }
    }
}
