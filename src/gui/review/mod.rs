//! The annotator's bench: a video with its predictions and everybody's labels, where they differ, and how much.
//!
//! [`Bench`] takes up what its [`Engine`] says, draws the panels, and does what they tell; what concerns the whole window
//! (dialogs, theme, leaving) it hands to the app.

pub mod act;
mod agree;
mod annotate;
mod circle;
mod export;
mod faces;
mod film;
mod growing;
mod keys;
mod labels;
mod layout;
mod levels;
mod opening;
mod pictures;
mod scores;
mod sessions;
mod start;
mod state;
mod status;
mod timeline;
mod top;
mod unkept;
mod worst;

use std::path::PathBuf;

use eframe::egui::{Context, Modifiers, Popup, Ui};

pub use self::act::Act;
use self::agree::Agree;
pub use self::export::ExportKind;
use self::export::Exports;
use self::film::Film;
pub use self::keys::KEYS;
use self::layout::Areas;
use self::opening::Opening;
use self::pictures::Pictures;
use self::sessions::Shelf;
use self::state::{Below, State};
use self::status::Figures;
use self::timeline::Timeline;
use self::unkept::Unkept;
use self::worst::Worst;
use crate::analysis::Record;
use crate::review::Editor;
use crate::review::save::SaveFormat;
use crate::review::session::{Engine, JournalWord, Phase, Progress, Request, Wanted};
use crate::source::SourceInfo;

/// The bench in the window.
pub struct Bench {
    engine: Box<dyn Engine>,
    opening: Opening,
    phase: Phase,
    state: Option<State>,
    info: Option<SourceInfo>,
    analysis: Option<Progress>,
    exports: Exports,
    /// The analysis whose rows the project's predictions are, as long as no file of predictions took their place.
    grown: Option<u64>,
    /// What it has read and the project has not.
    rows: Vec<Record>,
    /// When rows were taken up last.
    grew_s: f64,
    /// The state's version when it was opened: what was ranked before is of something else.
    since: u64,
    film: Film,
    timeline: Timeline,
    figures: Figures,
    worst: Worst,
    /// The list of sessions.
    shelf: Shelf,
    agree: Agree,
    pictures: Pictures,
    editor: Editor,
    /// Who annotates, where it is somebody else than the user of this machine.
    annotator: String,
    journal: Option<JournalWord>,
    unkept: Unkept,
    /// Labels that are to be saved once a name is chosen.
    to_save: Option<SaveFormat>,
    /// The frame that the engine was asked for last.
    asked: Option<usize>,
    /// Words that the user should see, taken by the app.
    words: Vec<(String, bool)>,
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.end_rating_now();
        self.engine.keep(&mut self.editor);
    }
}

impl Bench {
    /// A bench, with something opened at once unless the request is empty.
    pub fn new(mut engine: Box<dyn Engine>, request: Request) -> Self {
        if !request.is_empty() {
            engine.open(&request);
        }
        Self {
            engine,
            opening: Opening::new(request),
            phase: Phase::default(),
            state: None,
            info: None,
            analysis: None,
            exports: Exports::default(),
            grown: None,
            rows: Vec::new(),
            grew_s: f64::NEG_INFINITY,
            since: 0,
            film: Film::default(),
            timeline: Timeline::default(),
            figures: Figures::default(),
            worst: Worst::default(),
            shelf: Shelf::default(),
            agree: Agree::default(),
            pictures: Pictures::default(),
            editor: Editor::default(),
            annotator: String::new(),
            journal: None,
            unkept: Unkept::default(),
            to_save: None,
            asked: None,
            words: Vec::new(),
        }
    }

    /// From now on this is who annotates; an empty name changes nothing.
    pub fn call_annotator(&mut self, name: &str) {
        name.trim().clone_into(&mut self.annotator);
        self.editor.set_who(name);
    }

    /// Words for the user since the last call, and whether they are an alarm.
    pub fn take_words(&mut self) -> Vec<(String, bool)> {
        std::mem::take(&mut self.words)
    }

    /// Takes up what has happened.
    pub fn logic(&mut self, ctx: &Context) {
        let now_s = ctx.input(|i| i.time);
        let mut update = self.engine.poll();
        self.phase = std::mem::take(&mut update.phase);
        if update.info.is_some() {
            self.info = update.info.take();
        }
        self.words
            .extend(update.note.take().map(|note| (note, true)));
        if let Some(request) = update.request.take() {
            self.opening.asked = request;
        }
        if let Some(project) = update.project.take() {
            self.take_project(*project);
            self.editor = update.editor.take().map(|e| *e).unwrap_or_default();
            self.editor.set_who(&self.annotator);
        }
        self.take_journal(update.journal.take());
        self.shelf
            .take(std::mem::take(&mut update.sessions), &mut self.words);
        for (rater, saved) in std::mem::take(&mut update.saved) {
            self.take_saved(rater, saved);
        }
        self.pictures
            .take(ctx, std::mem::take(&mut update.thumbnails));
        if let Some(picture) = update.picture.take() {
            self.film.take(picture);
        }
        if let Some((frame, reason)) = update.no_picture.take() {
            self.film.fail(frame, reason);
        }
        self.exports.take(update.export.take(), &mut self.words);
        self.grow(ctx, &mut update, now_s);
        self.take_stick(update.stick.take(), now_s);
        if let Some(state) = &mut self.state {
            state.sample(now_s);
            if state.tick(now_s) {
                ctx.request_repaint();
            }
            if self.asked != Some(state.at()) {
                self.asked = Some(state.at());
                self.engine.show(state.at());
            }
            self.figures.update(state);
            if self.worst.is_due(state, now_s, ctx) {
                self.engine.rank(Wanted {
                    project: Box::new(state.project.clone()),
                    rater: state.rater,
                    version: state.version(),
                    agreement: state.below == Below::Agreement,
                });
            }
            // What was ranked of other labels, or of what was open before, says nothing here.
            if let Some(ranking) = update
                .ranking
                .filter(|r| r.rater == state.rater && r.version >= self.since)
            {
                self.worst.rank(ranking.segments);
                self.timeline.rank(ranking.apart);
                if let Some(sums) = ranking.agreement {
                    self.agree.take(*sums, ranking.raters);
                }
            }
            let peaks = self.worst.segments().iter().map(|s| s.peak);
            let frames = peaks.chain(self.timeline.strip(now_s, ctx));
            if let Some(wanted) = self.pictures.missing(frames, state.project.model()) {
                self.engine.thumbnails(wanted);
            }
        }
        self.keep_rating(now_s);
        self.end_rating_when_stopped();
        self.engine.keep(&mut self.editor);
        self.fall_back();
    }

    /// Draws it; gives what the app is to do. `covered`: a card lies over the window.
    pub fn ui(&mut self, ui: &mut Ui, covered: bool) -> Vec<Act> {
        let areas = Areas::of(ui.max_rect());
        let shown = self.is_shown();
        let covered = covered
            || self.shelf.covers(shown)
            || self.asks_about_edits()
            || Popup::is_any_open(ui.ctx());
        let mut acts = keys::pressed(ui.ctx(), covered);
        let dropped: Vec<PathBuf> = ui.ctx().input(|i| {
            i.raw
                .dropped_files
                .iter()
                .map(|f| f.path().to_owned())
                .collect()
        });
        if !dropped.is_empty() {
            acts.push(Act::Take(dropped));
        }
        let coming = self.is_on_its_way().then(|| self.opening.title());
        let bar = top::Top {
            state: self.state.as_ref().filter(|_| coming.is_none()),
            coming: coming.as_deref(),
            info: self.info.as_ref(),
            analysis: self.analysis.as_ref(),
            annotator: self.editor.who(),
            export: self.exports.running(),
            compact: areas.compact,
        };
        acts.extend(top::show(ui, areas.top, &bar));
        let shown = shown && !self.shelf.is_open();
        match &mut self.state {
            Some(state) if shown => {
                self.film.show(ui, areas.picture, state);
                acts.extend(
                    self.film
                        .transport(ui, areas.transport, state, areas.compact),
                );
                let marks = self.editor.marks();
                let list = (&*state, marks);
                acts.extend(self.worst.show(ui, areas.worst, list, &mut self.pictures));
                acts.extend(scores::show(ui, areas.scores, state, &mut self.agree));
                let segments = (self.worst.segments(), marks);
                let (timeline, pictures) = (&mut self.timeline, &mut self.pictures);
                acts.extend(timeline.show(ui, areas.timeline, state, segments, pictures));
                self.reading(ui, areas.picture);
            }
            _ => {
                let mut middle = areas.worst.union(areas.scores);
                middle.max.y = areas.timeline.bottom();
                acts.extend(self.start(ui, middle));
            }
        }
        let open = self.state.as_ref().filter(|_| shown);
        let kept = status::Kept {
            journal: self.journal.as_ref(),
            dirty: self.editor.is_dirty(),
            listed: open.is_none() && self.is_still() && self.shelf.is_worth_showing(),
        };
        status::show(
            ui,
            areas.status,
            (&self.figures, &kept),
            open,
            areas.compact,
        );
        if ui.ctx().input(|i| !i.raw.hovered_files.is_empty()) {
            let what = "A video, predictions, labels, or several of them at once";
            super::picture::drop_hint(ui, ui.max_rect(), "Drop to open", what);
        }
        let now_s = ui.ctx().input(|i| i.time);
        if !covered && !ui.ctx().text_edit_focused() {
            self.more_keys(ui.ctx(), &mut acts);
        }
        acts.extend(self.ask_about_edits(ui.ctx()));
        acts.retain(|act| !self.refuses(act) && !self.holds_back(act) && !self.perform(act, now_s));
        acts
    }

    /// Keys that need to know what is on screen.
    fn more_keys(&mut self, ctx: &Context, acts: &mut Vec<Act>) {
        use eframe::egui::Key;
        // By each event's own modifiers: Ctrl may be up again when the frame is drawn.
        let (go, zoom, closer, farther) = ctx.input_mut(|i| {
            let mut plain = |key| i.consume_key(Modifiers::NONE, key);
            (
                plain(Key::G),
                plain(Key::Z),
                plain(Key::Plus) || plain(Key::Equals),
                plain(Key::Minus),
            )
        });
        let Some(state) = &self.state else { return };
        if go {
            self.film.ask_place();
            // The letter itself is no place.
            ctx.input_mut(|i| {
                i.events
                    .retain(|e| !matches!(e, eframe::egui::Event::Text(_)));
            });
        }
        if zoom {
            acts.push(state.selection.clone().map_or(Act::Fit, Act::Show));
        }
        if closer != farther {
            acts.push(Act::Zoom(if closer { 2.0 } else { 0.5 }, state.at() as f64));
        }
    }

    /// Does it, if it is the bench's business.
    fn perform(&mut self, act: &Act, now_s: f64) -> bool {
        match act {
            // The app remembers the name; what is done in the same moment is by them already.
            Act::Annotator(name) => {
                self.call_annotator(name);
                return false;
            }
            Act::Take(paths) => {
                self.take(paths);
                return true;
            }
            Act::Example => {
                self.open(Request {
                    example: true,
                    ..Request::default()
                });
                return true;
            }
            Act::StopOpening => {
                self.stop_opening();
                return true;
            }
            Act::Unselect if self.is_on_its_way() => {
                self.stop_opening();
                return true;
            }
            Act::OpenAgain => {
                self.open(self.opening.asked.clone());
                return true;
            }
            Act::Analyse => {
                self.engine.analyse();
                return true;
            }
            Act::Cancel => {
                self.engine.cancel();
                return true;
            }
            Act::CancelExport => {
                self.engine.cancel_export();
                return true;
            }
            _ => {}
        }
        if self.annotate(act) || self.shelve(act) {
            return true;
        }
        let Some(state) = &mut self.state else {
            return false;
        };
        match act {
            Act::Go(frame) => state.go(*frame),
            Act::Step(frames) => state.step(*frames),
            Act::StepSeconds(seconds) => state.step_s(*seconds),
            Act::Toggle => state.toggle(now_s),
            Act::Pause => state.pause(),
            Act::Shuttle(forwards) => state.shuttle(now_s, *forwards),
            Act::Speed(speed) if state.is_playing() => state.play(now_s, *speed),
            Act::Speed(speed) => state.speed = *speed,
            Act::Select(a, b) => state.select(*a, *b),
            Act::Mark(end) => state.mark(*end),
            Act::Unselect => {
                state.selection = None;
                state.cell = None;
            }
            Act::Zoom(factor, about) => state.zoom(*factor, *about),
            Act::Pan(frames) => state.pan(*frames),
            Act::Fit => state.fit(),
            Act::Show(range) => state.show_range(range),
            Act::Cell(label, said) => state.next_in_cell(*label, *said),
            Act::NoCell => state.cell = None,
            Act::Rater(rater) => {
                // What was rated is of whose turn it was.
                self.end_rating_now();
                if let Some(state) = &mut self.state {
                    state.rater = *rater;
                }
                self.timeline.rank(Vec::new());
            }
            Act::Face(choice) => {
                self.pictures.clear();
                state.project.choose(*choice);
                state.changed();
            }
            Act::Below(below) => state.below = *below,
            Act::Draw => state.draw = !state.draw,
            Act::Pointer(at, moved) => {
                state.pointer = *at;
                state.by_stick &= !(*moved && at.is_some());
            }
            Act::RateHz(rate_hz) => state.rate_hz = *rate_hz,
            _ => return false,
        }
        true
    }
}
