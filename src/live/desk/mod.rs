//! The threads behind the annotator's bench: one that fetches pictures, one that reads files, one that analyses.

mod analysis;
mod clerk;
mod example;
mod load;
mod ranking;
mod thumbs;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use self::analysis::Analysis;
pub use self::analysis::Means;
use self::clerk::Clerk;
use self::load::{Loaded, load, of_crops};
use self::ranking::Ranker;
use self::thumbs::Thumbs;
use super::export::Export;
use super::journal::Journal;
use super::pad::Pad;
use super::viewer::{Viewer, ViewerState};
use super::{ThreadError, spawn};
use crate::analysis::BoxPx;
use crate::review::Editor;
use crate::review::export::{ExportEnd, ExportOrder, ExportProgress};
use crate::review::project::Frames;
use crate::review::save::{Job, Saved};
use crate::review::session::{
    Engine, JournalWord, Phase, Progress, Request, SessionOrder, SessionWord, Update, Wanted,
};

/// What is said while the example is made.
const EXAMPLE: &str = "Making the example from the built-in demo";

/// The bench's threads. Dropped, they end.
pub struct Desk {
    means: Means,
    request: Request,
    phase: Phase,
    viewer: Option<Viewer>,
    /// The video's frames, once the viewer knows them.
    frames: Option<Frames>,
    numbering: Option<u64>,
    loading: Option<Receiver<Result<Loaded, String>>>,
    analysis: Option<Analysis>,
    export: Option<Export>,
    /// Why the last one could not begin, until the window has heard.
    no_export: Option<ExportProgress>,
    exports: u64,
    /// Why the last one could not begin, until the window has heard.
    refused: Option<Progress>,
    journal: Option<Journal>,
    /// The example, while it is being made: how far, and what is to be opened.
    example: Option<Example>,
    saving: Vec<(usize, Receiver<Result<Saved, String>>)>,
    ranker: Ranker,
    /// Once sessions are asked for.
    clerk: Option<Clerk>,
    /// Why it could not begin, until the window has heard.
    no_clerk: Option<String>,
    pad: Option<Pad>,
    runs: u64,
    thumbs: Option<Thumbs>,
}

impl Desk {
    /// With nothing open.
    pub fn new(means: Means) -> Self {
        Self {
            means,
            request: Request::default(),
            phase: Phase::Empty,
            viewer: None,
            frames: None,
            numbering: None,
            loading: None,
            analysis: None,
            export: None,
            no_export: None,
            exports: 0,
            refused: None,
            journal: None,
            example: None,
            saving: Vec::new(),
            ranker: Ranker::default(),
            clerk: None,
            no_clerk: None,
            pad: None,
            runs: 0,
            thumbs: None,
        }
    }

    fn fail(&mut self, reason: String) {
        self.loading = None;
        self.phase = Phase::Failed { reason };
    }

    /// Reads predictions and labels on a thread of its own.
    fn load(&mut self) {
        let (sender, receiver) = sync_channel(1);
        let (request, frames, wake) = (
            self.request.clone(),
            self.frames.clone(),
            self.means.wake.clone(),
        );
        // It is written to its end first: the same journal may be opened again.
        let before = self.journal.take();
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

    fn make_example(&mut self) {
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
    fn take_example(&mut self) -> Option<Request> {
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

    fn view(&mut self, video: &Path) -> Result<(), ThreadError> {
        let wake = self.means.wake.clone();
        let crops = video.is_dir() && self.request.predictions.as_deref().is_some_and(of_crops);
        self.viewer = Some(if crops {
            Viewer::start_crops(video, None, wake.clone())?
        } else {
            Viewer::start(video, wake.clone())?
        });
        self.thumbs = Some(Thumbs::new(video, crops, wake));
        Ok(())
    }
}

/// The example while it is being made.
struct Example {
    /// Thousandths.
    part: Arc<AtomicU32>,
    made: Receiver<Result<Request, String>>,
}

impl Engine for Desk {
    fn poll(&mut self) -> Update {
        let mut update = Update {
            request: self.take_example(),
            ..Update::default()
        };
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
                        });
                        update.info = Some(opened.info.clone());
                        update.note.clone_from(&opened.note);
                        self.load();
                    }
                }
                ViewerState::Failed(reason) => {
                    self.means.closing.end(self.viewer.take());
                    self.fail(reason);
                }
            }
            if let Some(shown) = seen.picture {
                match shown.picture {
                    Ok(picture) => update.picture = Some(picture),
                    Err(reason) => update.no_picture = Some((shown.index, reason)),
                }
            }
        }
        if let Some(loading) = &self.loading {
            match loading.try_recv() {
                Ok(Ok(loaded)) => {
                    self.loading = None;
                    self.phase = Phase::Ready;
                    update.project = Some(Box::new(loaded.project));
                    update.editor = Some(Box::new(loaded.editor));
                    update.note = update.note.or(loaded.note);
                    self.journal = loaded.file.and_then(|file| {
                        let journal = Journal::start(file, self.means.wake.clone());
                        journal
                            .map_err(|e| update.note = Some(format!("Edits are not kept: {e}")))
                            .ok()
                    });
                }
                Ok(Err(reason)) => self.fail(reason),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => {
                    self.fail("Reading the files broke down, which is a mistake in this program. Please report it.".to_owned());
                }
            }
        }
        if let Some(analysis) = &mut self.analysis {
            let (records, progress) = analysis.poll();
            update.records = records;
            update.analysis = Some(progress);
        }
        update.export = self.export.as_mut().map(Export::poll);
        if self.no_export.is_some() {
            update.export = self.no_export.take();
        }
        if let Some(refused) = self.refused.take() {
            update.analysis = Some(refused);
        }
        update.journal = self.journal.as_ref().map(|journal| {
            let state = journal.state();
            JournalWord {
                path: state.path,
                waiting: state.waiting,
                failed: state.failed,
            }
        });
        self.saving.retain(|(rater, saved)| match saved.try_recv() {
            Ok(saved) => {
                update.saved.push((*rater, saved));
                false
            }
            Err(TryRecvError::Empty) => true,
            Err(TryRecvError::Disconnected) => {
                let broke =
                    "Saving broke down, which is a mistake in this program. Please report it.";
                update.saved.push((*rater, Err(broke.to_owned())));
                false
            }
        });
        if let Some(clerk) = &mut self.clerk {
            update.sessions = clerk.poll();
        }
        let failed = self.no_clerk.take().map(|e| SessionWord::Done(Err(e)));
        update.sessions.extend(failed);
        update.ranking = self.ranker.poll(&self.means.wake);
        update.stick = self.pad.as_ref().and_then(Pad::stick);
        if let Some(thumbs) = &mut self.thumbs {
            update.thumbnails = thumbs.poll();
        }
        update.phase = self.phase.clone();
        update
    }

    fn open(&mut self, request: &Request) {
        let same = self.request.video == request.video && self.frames.is_some() && !request.example;
        self.request = request.clone();
        // An analysis goes on while labels are opened beside it.
        if !same || request.predictions.is_some() {
            self.means.closing.end(self.analysis.take());
        }
        self.loading = None;
        self.example = None;
        if same {
            self.load();
            return;
        }
        self.means
            .closing
            .end((self.viewer.take(), self.thumbs.take()));
        self.frames = None;
        self.numbering = None;
        match request.video.clone() {
            _ if request.example => self.make_example(),
            Some(video) => match self.view(&video) {
                Ok(()) => {
                    self.phase = Phase::Opening {
                        what: "Looking through the video".to_owned(),
                        part: None,
                    };
                }
                Err(e) => self.fail(e.to_string()),
            },
            None => self.load(),
        }
    }

    fn show(&mut self, frame: usize) {
        if let Some(viewer) = &self.viewer {
            viewer.show(frame);
        }
    }

    fn thumbnails(&mut self, wanted: Vec<(usize, Option<BoxPx>)>) {
        if let Some(thumbs) = &mut self.thumbs {
            thumbs.ask(wanted);
        }
    }

    fn rank(&mut self, wanted: Wanted) {
        self.ranker.ask(wanted, &self.means.wake);
    }

    fn sessions(&mut self, order: SessionOrder) {
        if self.clerk.is_none() {
            match Clerk::start(self.means.wake.clone()) {
                Ok(clerk) => self.clerk = Some(clerk),
                Err(e) => {
                    self.no_clerk = Some(e.to_string());
                    (self.means.wake)();
                    return;
                }
            }
        }
        if let Some(clerk) = &mut self.clerk {
            clerk.ask(order);
        }
    }

    fn export(&mut self, order: ExportOrder) {
        if self.export.as_mut().is_some_and(|e| {
            e.poll();
            !e.is_over()
        }) {
            return;
        }
        self.exports += 1;
        let (title, path, run) = (order.what.title(), order.to.clone(), self.exports);
        self.export = None;
        match Export::start(order, run, self.means.wake.clone()) {
            Ok(export) => self.export = Some(export),
            Err(e) => {
                self.no_export = Some(ExportProgress {
                    title,
                    path,
                    done: 0,
                    of: 0,
                    run,
                    ended: Some(ExportEnd::Failed(e.to_string())),
                });
                (self.means.wake)();
            }
        }
    }

    fn cancel_export(&mut self) {
        if let Some(export) = &self.export {
            export.cancel();
        }
    }

    fn analyse(&mut self) {
        let Some(video) = self.request.video.clone() else {
            return;
        };
        self.means.closing.end(self.analysis.take());
        self.runs += 1;
        match Analysis::start(&video, self.means.clone(), self.runs) {
            Ok(analysis) => self.analysis = Some(analysis),
            Err(reason) => {
                self.refused = Some(Progress {
                    done: 0,
                    of: None,
                    path: video,
                    run: self.runs,
                    ended: Some(Err(reason)),
                });
                (self.means.wake)();
            }
        }
    }

    fn watch_stick(&mut self, on: bool) {
        if on != self.pad.is_some() {
            self.pad = on.then(|| Pad::start(self.means.wake.clone())).flatten();
        }
    }

    fn keep(&mut self, editor: &mut Editor) {
        match &mut self.journal {
            Some(journal) => journal.keep(editor),
            // Nobody keeps them; they must not pile up.
            None => drop(editor.take_entries()),
        }
    }

    fn save(&mut self, rater: usize, job: Job) {
        let (sender, receiver) = sync_channel(1);
        let wake = self.means.wake.clone();
        let work = move || {
            let _ = sender.send(job.write().map_err(|e| e.to_string()));
            wake();
        };
        match spawn("save-labels", work) {
            Ok(_) => self.saving.push((rater, receiver)),
            Err(e) => tracing::warn!("{e}"),
        }
    }

    fn cancel(&mut self) {
        if let Some(analysis) = &self.analysis {
            analysis.cancel();
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let all = (
            self.journal.take(),
            self.viewer.take(),
            self.analysis.take(),
            self.clerk.take(),
        );
        self.means.closing.end(all);
    }
}
