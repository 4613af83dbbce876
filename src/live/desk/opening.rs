//! Opening: the video's frames are found, then predictions and labels are read.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use super::load::{load, numbering};
use super::thumbs::Thumbs;
use super::{Desk, example};
use crate::live::journal::Journal;
use crate::live::viewer::{Viewer, ViewerState};
use crate::live::{ThreadError, spawn};
use crate::review::project::Frames;
use crate::review::session::{Engine as _, Phase, Request, Update};

/// What is said while the example is made.
const EXAMPLE: &str = "Making the example from the built-in demo";

/// The example while it is being made.
pub(super) struct Example {
    /// Thousandths.
    part: Arc<AtomicU32>,
    made: Receiver<Result<Request, String>>,
}

impl Desk {
    pub(super) fn fail(&mut self, reason: String) {
        self.loading = None;
        self.phase = Phase::Failed { reason };
    }

    /// Reads predictions and labels on a thread of its own.
    pub(super) fn load(&mut self) {
        let (sender, receiver) = sync_channel(1);
        let (request, frames, wake) = (
            self.request.clone(),
            self.frames.clone(),
            self.means.wake.clone(),
        );
        // It is written to its end first: the same journal may be opened again.
        let before = self.journal.take();
        self.unkept = None;
        let work = move || {
            drop(before);
            // A bench that is gone has no use for it.
            let _ = sender.send(load(&request, frames));
            wake();
        };
        match spawn("review", work) {
            Ok(_) => {
                self.loading = Some(receiver);
                self.phase = Phase::Opening {
                    what: "Reading predictions and labels".to_owned(),
                    part: None,
                };
            }
            Err(e) => self.fail(e.to_string()),
        }
    }

    pub(super) fn make_example(&mut self) {
        let (sender, made) = sync_channel(1);
        let part = Arc::<AtomicU32>::default();
        let (means, theirs) = (self.means.clone(), part.clone());
        let work = move || {
            let request = example::make(&example::base(), &means, &mut |done| {
                theirs.store((done * 1e3) as u32, Ordering::Relaxed);
                (means.wake)();
            });
            let _ = sender.send(request);
            (means.wake)();
        };
        match spawn("example", work) {
            Ok(_) => {
                self.example = Some(Example { part, made });
                self.phase = Phase::Opening {
                    what: EXAMPLE.to_owned(),
                    part: None,
                };
            }
            Err(e) => self.fail(e.to_string()),
        }
    }

    /// Opens the example once it is made; says what was opened.
    pub(super) fn take_example(&mut self) -> Option<Request> {
        let example = self.example.as_ref()?;
        match example.made.try_recv() {
            Ok(Ok(request)) => {
                self.example = None;
                self.open(&request);
                return Some(request);
            }
            Ok(Err(reason)) => {
                self.example = None;
                self.fail(reason);
            }
            Err(TryRecvError::Empty) => {
                let part = example.part.load(Ordering::Relaxed) as f32 / 1e3;
                self.phase = Phase::Opening {
                    what: EXAMPLE.to_owned(),
                    part: Some(part),
                };
            }
            Err(TryRecvError::Disconnected) => {
                self.example = None;
                self.fail("Making the example broke down, which is a mistake in this program. Please report it.".to_owned());
            }
        }
        None
    }

    pub(super) fn view(&mut self, video: &Path) -> Result<(), ThreadError> {
        let wake = self.means.wake.clone();
        let numbering = numbering(self.request.predictions.as_deref());
        self.viewer = Some(Viewer::start(video, numbering, wake.clone())?);
        self.thumbs = Some(Thumbs::new(video, numbering, wake));
        Ok(())
    }

    /// What is said of a video that cannot be read can be shown without it.
    fn without_pictures(&mut self, reason: String, update: &mut Update) {
        if self.request.predictions.is_none() && self.request.annotations.is_empty() {
            self.fail(reason);
            return;
        }
        update.note = Some(format!(
            "{reason} What is said of it is shown without pictures."
        ));
        self.request.video = None;
        update.request = Some(self.request.clone());
        self.load();
    }

    /// What the viewer has found and decoded.
    pub(super) fn look(&mut self, update: &mut Update) {
        if let Some(viewer) = &self.viewer {
            let seen = viewer.poll();
            match seen.state {
                ViewerState::Opening(part) => {
                    if matches!(self.phase, Phase::Opening { .. }) {
                        self.phase = Phase::Opening {
                            what: "Looking through the video".to_owned(),
                            part: Some(part as f32),
                        };
                    }
                }
                ViewerState::Open(opened) => {
                    // Numbered anew, when the container had been wrong: everything is laid on its frames again.
                    if self.numbering != Some(opened.numbering) {
                        self.numbering = Some(opened.numbering);
                        self.frames = Some(Frames {
                            times_s: opened.times_s.to_vec(),
                            pictures: opened.pictures.as_ref().map(|p| p.to_vec()),
                            note: opened.note.clone(),
                        });
                        update.info = Some(opened.info.clone());
                        self.load();
                    }
                }
                ViewerState::Failed(reason) => {
                    let gone = (self.viewer.take(), self.thumbs.take());
                    self.means.closing.end(gone);
                    self.without_pictures(reason, update);
                }
            }
            if let Some(shown) = seen.picture {
                match shown.picture {
                    Ok(picture) => update.picture = Some(picture),
                    Err(reason) => update.no_picture = Some((shown.index, reason)),
                }
            }
        }
    }

    /// What was read.
    pub(super) fn take_loaded(&mut self, update: &mut Update) {
        if let Some(loading) = &self.loading {
            match loading.try_recv() {
                Ok(Ok(loaded)) => {
                    self.loading = None;
                    self.phase = Phase::Ready;
                    update.project = Some(Box::new(loaded.project));
                    update.editor = Some(Box::new(loaded.editor));
                    if loaded.unread.is_some() {
                        self.request.predictions = None;
                        update.request = Some(self.request.clone());
                    }
                    update.note = update.note.take().or(loaded.unread).or(loaded.note);
                    let journal = loaded.file.and_then(|file| {
                        let journal = Journal::start(file, self.means.wake.clone());
                        journal.map_err(|e| e.to_string())
                    });
                    self.unkept = journal.as_ref().err().cloned();
                    self.journal = journal.ok();
                }
                Ok(Err(reason)) => self.fail(reason),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => {
                    self.fail("Reading the files broke down, which is a mistake in this program. Please report it.".to_owned());
                }
            }
        }
    }
}
