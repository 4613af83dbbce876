//! The threads behind the annotator's bench: one that fetches pictures, one that reads files, one that analyses.

mod analysis;
mod clerk;
mod example;
mod load;
mod opening;
mod ranking;
mod thumbs;

use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use self::analysis::Analysis;
pub use self::analysis::Means;
use self::clerk::Clerk;
use self::load::{Loaded, numbering};
use self::opening::Example;
use self::ranking::Ranker;
use self::thumbs::Thumbs;
use super::export::Export;
use super::journal::Journal;
use super::pad::Pad;
use super::spawn;
use super::viewer::Viewer;
use crate::analysis::BoxPx;
use crate::review::Editor;
use crate::review::export::{ExportEnd, ExportOrder, ExportProgress};
use crate::review::project::Frames;
use crate::review::save::{Job, Saved};
use crate::review::session::{
    Engine, JournalWord, Phase, Progress, Request, SessionOrder, SessionWord, Update, Wanted,
};

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
    /// Why edits of what is open are not kept.
    unkept: Option<String>,
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
            unkept: None,
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
}

impl Engine for Desk {
    fn poll(&mut self) -> Update {
        let mut update = Update {
            request: self.take_example(),
            ..Update::default()
        };
        self.look(&mut update);
        self.take_loaded(&mut update);
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
        if let Some(reason) = &self.unkept {
            update.journal = Some(JournalWord::nowhere(reason));
        }
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
            None if request.is_empty() => self.phase = Phase::Empty,
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
        let numbering = numbering(self.request.predictions.as_deref());
        match Analysis::start(&video, numbering, self.means.clone(), self.runs) {
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
