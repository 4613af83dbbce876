//! Opening: what is open, what is on its way, and what to go back to when that cannot be read.

use std::path::{Path, PathBuf};

use eframe::egui::{Rect, Ui, vec2};

use super::state::State;
use super::{Act, Bench};
use crate::formats::labels::{self, LabelFormat};
use crate::formats::rows::table_beside;
use crate::gui::widgets;
use crate::review::project::Project;
use crate::review::session::{Phase, Request};

/// What was opened last, and what it lies on.
#[derive(Debug, Default)]
pub(super) struct Opening {
    /// What was asked for last.
    pub asked: Request,
    /// What was open before, as long as it is; `None` before anything was.
    good: Option<Request>,
    /// What was asked for could not be read, and what was open before is opened again.
    returning: bool,
}

impl Opening {
    /// Begins with a request.
    pub fn new(asked: Request) -> Self {
        Self {
            asked,
            ..Self::default()
        }
    }

    /// The name of what was asked for last; empty where there is none.
    pub fn title(&self) -> String {
        let Request {
            video,
            predictions,
            annotations,
            example,
        } = &self.asked;
        let path = video.as_ref().or(predictions.as_ref());
        match path.or(annotations.first()) {
            Some(path) => path
                .file_name()
                .unwrap_or(path.as_os_str())
                .to_string_lossy()
                .into_owned(),
            None if *example => "The example".to_owned(),
            None => String::new(),
        }
    }

    /// It is open now; gives what was open before.
    fn opened(&mut self) -> Option<Request> {
        self.returning = false;
        self.good.replace(self.asked.clone())
    }

    /// A whole analysis of what is open was written to this file.
    pub fn analysed(&mut self, path: &Path) {
        self.asked.predictions = Some(path.to_owned());
        if let Some(good) = &mut self.good
            && good.video == self.asked.video
        {
            good.predictions = Some(path.to_owned());
        }
    }
}

impl Bench {
    /// What is open, or is being opened.
    pub fn request(&self) -> &Request {
        &self.opening.asked
    }

    /// Opens files by what they are, all at once: labels or predictions by their content, everything else as a video.
    pub fn take(&mut self, paths: &[PathBuf]) {
        let kinds: Vec<Option<LabelFormat>> = paths.iter().map(|p| labels::sniff_file(p)).collect();
        let mut request = self.opening.asked.clone();
        if let Some(video) = kinds.iter().rposition(Option::is_none) {
            request = self.beside(&paths[video]);
        }
        for (path, kind) in paths.iter().zip(kinds) {
            match kind {
                Some(LabelFormat::Affectscope) => request.predictions = Some(path.clone()),
                Some(_) => add(&mut request, path),
                None => {}
            }
        }
        self.open(request);
    }

    /// Opens a video; predictions and labels that belong to another one are left behind.
    pub fn open_video(&mut self, path: &Path) {
        self.open(self.beside(path));
    }

    fn beside(&self, video: &Path) -> Request {
        let alone = self.opening.asked.video.is_none() && !self.opening.asked.example;
        let base = if alone {
            self.opening.asked.clone()
        } else {
            Request::default()
        };
        Request {
            predictions: base.predictions.clone().or_else(|| table_beside(video)),
            video: Some(video.to_owned()),
            ..base
        }
    }

    /// Opens predictions beside what is open.
    pub fn open_predictions(&mut self, path: &Path) {
        let mut request = self.opening.asked.clone();
        request.predictions = Some(path.to_owned());
        self.open(request);
    }

    /// Opens labels beside what is open.
    pub fn open_labels(&mut self, path: &Path) {
        let mut request = self.opening.asked.clone();
        add(&mut request, path);
        self.open(request);
    }

    pub(super) fn open(&mut self, request: Request) {
        let nowhere = self.is_kept_nowhere() && self.editor.is_dirty();
        if self.state.is_some() && self.is_still() && nowhere {
            let words = "The edits of these labels are kept nowhere yet: save them (Ctrl+S) before something else is opened.";
            self.words.push((words.to_owned(), true));
            return;
        }
        self.opening.returning = false;
        self.begin(request);
    }

    fn begin(&mut self, request: Request) {
        self.engine.keep(&mut self.editor);
        self.engine.open(&request);
        let same = request.video == self.opening.asked.video && !request.example;
        let other_predictions = request.predictions != self.opening.asked.predictions;
        if !same {
            self.film.clear();
        }
        // The engine ends an analysis whose video is left, or whose rows nobody would see.
        if !same || (other_predictions && request.predictions.is_some()) {
            let running = self.analysis.take().is_some_and(|a| a.ended.is_none());
            if running && !self.opening.returning {
                let words = "The analysis was stopped: something else was opened.";
                self.words.push((words.to_owned(), false));
            }
        }
        if let Some(state) = &mut self.state {
            state.pause();
            state.rating = None;
        }
        self.opening.asked = request;
        self.phase = Phase::Opening {
            what: "Opening".to_owned(),
            part: None,
        };
    }

    /// Gives up what is being opened: what was open before is opened again, or nothing is.
    pub(super) fn stop_opening(&mut self) {
        if !matches!(self.phase, Phase::Opening { .. }) {
            return;
        }
        self.opening.returning = true;
        match self.opening.good.clone() {
            Some(good) if good != self.opening.asked => self.begin(good),
            Some(_) => {}
            None => {
                self.engine.open(&Request::default());
                self.opening.asked = Request::default();
                self.phase = Phase::Empty;
            }
        }
    }

    /// Takes what has been opened; where it is the same video as before, the play-head, the view and what an analysis has
    /// read so far stay.
    pub(super) fn take_project(&mut self, mut project: Project) {
        self.forget_unkept();
        let before = self.opening.opened();
        let now = &self.opening.asked;
        let same = before
            .as_ref()
            .is_some_and(|b| b.video.is_some() && b.video == now.video);
        let old = self.state.take();
        if let (Some(old), Some(before), true) = (&old, &before, same)
            && self.grown.is_some()
            && before.predictions == now.predictions
            && old.frames() == project.frames()
            && let Some(model) = old.project.shared_model()
        {
            project.set_model(model);
        } else {
            self.grown = None;
            self.rows.clear();
        }
        self.words
            .extend(project.notes().into_iter().map(|note| (note, false)));
        let mut state = State::new(project);
        match &old {
            Some(old) if same => state.resume(old),
            Some(old) => state.follow(old),
            None => {}
        }
        self.since = state.version();
        self.state = Some(state);
        self.shelf.opened(&self.opening.asked);
        self.asked = None;
        if !same {
            self.worst.clear();
            self.agree.clear();
            self.pictures.clear();
        }
        self.timeline.rank(Vec::new());
    }

    /// What was asked for cannot be read: says why, and opens again what was open before.
    pub(super) fn fall_back(&mut self) {
        let Phase::Failed { reason } = &self.phase else {
            return;
        };
        let Some(good) = self.opening.good.clone() else {
            return;
        };
        if self.opening.returning || good == self.opening.asked {
            return;
        }
        self.words.push((reason.clone(), true));
        self.opening.returning = true;
        self.begin(good);
    }

    /// Whether the panels can be shown: something is open, or the same video is being read again with something beside it.
    pub(super) fn is_shown(&self) -> bool {
        let Some(state) = &self.state else {
            return false;
        };
        match &self.phase {
            Phase::Ready | Phase::Empty => true,
            Phase::Opening { .. } => {
                state.project.video.is_some() && state.project.video == self.opening.asked.video
            }
            Phase::Failed { .. } => false,
        }
    }

    /// Whether something is on its way that takes the place of what was open.
    pub(super) fn is_on_its_way(&self) -> bool {
        matches!(self.phase, Phase::Opening { .. }) && !self.is_shown()
    }

    /// Whether labels can be changed: not while files are read that would take the place of what is on screen.
    pub(super) fn is_still(&self) -> bool {
        matches!(self.phase, Phase::Ready | Phase::Empty)
    }

    /// Says over the picture that something is being read.
    pub(super) fn reading(&self, ui: &Ui, picture: Rect) {
        let Phase::Opening { what, part } = &self.phase else {
            return;
        };
        let words = match part {
            Some(part) => format!("{what}: {:.0} %", part * 100.0),
            None => format!("{what}…"),
        };
        let size = widgets::chip_size(ui.painter(), &words);
        let at = picture.center_top() + vec2(-size.x / 2.0, 12.0);
        let chip = widgets::chip(ui.painter(), at, &words, None);
        widgets::described(ui, chip, "reading", || words.clone());
    }

    /// Acts that would change labels or what is open are refused while something is read.
    pub(super) fn refuses(&self, act: &Act) -> bool {
        let needs_all = matches!(act, Act::Save(_) | Act::Export(_) | Act::Analyse);
        !self.is_still() && (needs_all || act.makes_labels())
    }
}

fn add(request: &mut Request, labels: &Path) {
    if !request.annotations.iter().any(|p| p == labels) {
        request.annotations.push(labels.to_owned());
    }
}
