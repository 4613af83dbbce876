//! The annotator's bench: a video with its predictions and everybody's labels, where they differ, and how much.
//!
//! [`Bench`] takes up what its [`Engine`] says, draws the panels, and does what they tell; what concerns the whole window
//! (dialogs, theme, leaving) it hands to the app.

pub mod act;
mod annotate;
mod circle;
mod film;
mod keys;
mod layout;
mod levels;
mod scores;
mod start;
mod state;
mod status;
mod timeline;
mod top;
mod worst;

use std::path::{Path, PathBuf};

use eframe::egui::{Context, Ui};

pub use self::act::Act;
use self::film::Film;
pub use self::keys::KEYS;
use self::layout::Areas;
use self::state::State;
use self::status::Figures;
use self::timeline::Timeline;
use self::worst::Worst;
use crate::formats::labels::{self, LabelFormat};
use crate::review::Editor;
use crate::review::save::SaveFormat;
use crate::review::session::{Engine, JournalWord, Phase, Progress, Request};
use crate::source::SourceInfo;

/// The bench in the window.
pub struct Bench {
    engine: Box<dyn Engine>,
    request: Request,
    phase: Phase,
    state: Option<State>,
    info: Option<SourceInfo>,
    analysis: Option<Progress>,
    film: Film,
    timeline: Timeline,
    figures: Figures,
    worst: Worst,
    editor: Editor,
    journal: Option<JournalWord>,
    /// Labels that are to be saved once a name is chosen.
    to_save: Option<SaveFormat>,
    /// The frame that the engine was asked for last.
    asked: Option<usize>,
    /// Words that the user should see, taken by the app.
    words: Vec<(String, bool)>,
}

impl Bench {
    /// A bench, with something opened at once unless the request is empty.
    pub fn new(mut engine: Box<dyn Engine>, request: Request) -> Self {
        if !request.is_empty() {
            engine.open(&request);
        }
        Self {
            engine,
            request,
            phase: Phase::default(),
            state: None,
            info: None,
            analysis: None,
            film: Film::default(),
            timeline: Timeline::default(),
            figures: Figures::default(),
            worst: Worst::default(),
            editor: Editor::default(),
            journal: None,
            to_save: None,
            asked: None,
            words: Vec::new(),
        }
    }

    /// Words for the user since the last call, and whether they are an alarm.
    pub fn take_words(&mut self) -> Vec<(String, bool)> {
        std::mem::take(&mut self.words)
    }

    /// Takes up what has happened.
    pub fn logic(&mut self, ctx: &Context) {
        let update = self.engine.poll();
        self.phase = update.phase;
        if update.info.is_some() {
            self.info = update.info;
        }
        self.words.extend(update.note.map(|note| (note, true)));
        if let Some(request) = update.request {
            self.request = request;
        }
        if let Some(project) = update.project {
            let state = State::new(*project);
            for note in state.project.notes() {
                self.words.push((note, false));
            }
            self.state = Some(state);
            self.asked = None;
            self.worst.clear();
            self.editor = update.editor.map(|e| *e).unwrap_or_default();
        }
        self.take_journal(update.journal);
        for (rater, saved) in update.saved {
            self.take_saved(rater, saved);
        }
        self.worst.take(ctx, update.thumbnails);
        if let Some(picture) = update.picture {
            self.film.take(picture);
        }
        if let Some((frame, reason)) = update.no_picture {
            self.film.fail(frame, reason);
        }
        if let Some(state) = &mut self.state {
            let fresh = match (&self.analysis, &update.analysis) {
                (Some(old), Some(new)) => old.run != new.run,
                (None, Some(_)) => true,
                _ => false,
            };
            if fresh {
                state.project.set_model(Default::default());
                state.changed();
            }
            if !update.records.is_empty() {
                state.project.extend_model(&update.records);
                state.changed();
            }
        }
        if let Some(new) = &update.analysis {
            let before = self
                .analysis
                .as_ref()
                .is_some_and(|old| old.run == new.run && old.ended.is_some());
            match &new.ended {
                Some(Ok(note)) if !before => {
                    let mut words = format!("Analysed to {}", new.path.display());
                    if let Some(note) = note {
                        words = format!("{words}. {note}");
                    }
                    self.words.push((words, false));
                }
                Some(Err(reason)) if !before => self.words.push((reason.clone(), true)),
                _ => {}
            }
        }
        self.analysis = update.analysis.or(self.analysis.take());
        if let Some(state) = &mut self.state {
            let now_s = ctx.input(|i| i.time);
            state.sample(now_s);
            if state.tick(now_s) {
                ctx.request_repaint();
            }
            if self.asked != Some(state.at()) {
                self.asked = Some(state.at());
                self.engine.show(state.at());
            }
            self.figures.update(state);
            if let Some(wanted) = self.worst.update(state, now_s, ctx) {
                self.engine.thumbnails(wanted);
            }
        }
        self.end_rating_when_stopped();
        self.engine.keep(&mut self.editor);
    }

    /// Draws it; gives what the app is to do. `covered`: a card lies over the window.
    pub fn ui(&mut self, ui: &mut Ui, covered: bool) -> Vec<Act> {
        let areas = Areas::of(ui.max_rect());
        let mut acts = keys::pressed(ui.ctx(), covered);
        let dropped: Vec<PathBuf> = ui.ctx().input(|i| {
            i.raw
                .dropped_files
                .iter()
                .map(|f| f.path().to_owned())
                .collect()
        });
        acts.extend(dropped.into_iter().map(Act::Take));
        let bar = top::Top {
            state: self.state.as_ref(),
            info: self.info.as_ref(),
            analysis: self.analysis.as_ref(),
            compact: areas.compact,
        };
        acts.extend(top::show(ui, areas.top, &bar));
        match (&mut self.state, &self.phase) {
            (Some(state), Phase::Ready | Phase::Empty) => {
                self.film.show(ui, areas.picture, state);
                acts.extend(
                    self.film
                        .transport(ui, areas.transport, state, areas.compact),
                );
                acts.extend(self.worst.show(ui, areas.worst, state, self.editor.marks()));
                acts.extend(scores::show(ui, areas.scores, state));
                acts.extend(self.timeline.show(ui, areas.timeline, state));
            }
            _ => {
                let mut middle = areas.worst.union(areas.scores);
                middle.max.y = areas.timeline.bottom();
                acts.extend(start::show(ui, middle, &self.phase));
            }
        }
        let open = self
            .state
            .as_ref()
            .filter(|_| matches!(self.phase, Phase::Ready | Phase::Empty));
        let kept = status::Kept {
            journal: self.journal.as_ref(),
            dirty: self.editor.is_dirty(),
        };
        status::show(
            ui,
            areas.status,
            (&self.figures, &kept),
            open,
            areas.compact,
        );
        if ui.ctx().input(|i| !i.raw.hovered_files.is_empty()) {
            super::picture::drop_hint(ui, ui.max_rect());
        }
        let now_s = ui.ctx().input(|i| i.time);
        if !covered && !ui.ctx().text_edit_focused() {
            self.more_keys(ui.ctx(), &mut acts);
        }
        acts.retain(|act| !self.perform(act, now_s));
        acts
    }

    /// Keys that need to know what is on screen.
    fn more_keys(&mut self, ctx: &Context, acts: &mut Vec<Act>) {
        use eframe::egui::Key;
        let (go, zoom, closer, farther) = ctx.input(|i| {
            let plain = !(i.modifiers.command || i.modifiers.ctrl || i.modifiers.alt);
            let closer = i.key_pressed(Key::Plus) || i.key_pressed(Key::Equals);
            (
                plain && i.key_pressed(Key::G),
                plain && i.key_pressed(Key::Z),
                plain && closer,
                plain && i.key_pressed(Key::Minus),
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
            Act::Take(path) => {
                self.take(path);
                return true;
            }
            Act::Example => {
                self.open(Request {
                    example: true,
                    ..Request::default()
                });
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
            _ => {}
        }
        if self.annotate(act) {
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
            Act::Rater(rater) => state.rater = *rater,
            Act::Face(choice) => {
                state.project.choose(*choice);
                state.changed();
            }
            Act::Circle(on) => state.circle = *on,
            Act::Draw => state.draw = !state.draw,
            Act::Pointer(at) => state.pointer = *at,
            _ => return false,
        }
        true
    }

    /// Opens a file by what it is: labels or predictions by their content, everything else as a video.
    pub fn take(&mut self, path: &Path) {
        let format = if path.is_dir() { None } else { sniff(path) };
        match format {
            Some(LabelFormat::Affectscope) => self.open_predictions(path),
            Some(_) => self.open_labels(path),
            None => self.open_video(path),
        }
    }

    /// Opens a video; predictions and labels that belong to another one are left behind.
    pub fn open_video(&mut self, path: &Path) {
        let alone = self.request.video.is_none();
        let mut request = if alone {
            std::mem::take(&mut self.request)
        } else {
            Request::default()
        };
        request.video = Some(path.to_owned());
        self.open(request);
    }

    /// Opens predictions beside what is open.
    pub fn open_predictions(&mut self, path: &Path) {
        let mut request = self.request.clone();
        request.predictions = Some(path.to_owned());
        self.open(request);
    }

    /// Opens labels beside what is open.
    pub fn open_labels(&mut self, path: &Path) {
        let mut request = self.request.clone();
        if !request.annotations.iter().any(|p| p == path) {
            request.annotations.push(path.to_owned());
        }
        self.open(request);
    }

    fn open(&mut self, request: Request) {
        self.engine.open(&request);
        if request.video != self.request.video {
            self.film.clear();
        }
        self.request = request;
        self.phase = Phase::Opening {
            what: "Opening".to_owned(),
            part: None,
        };
    }

    /// What is open.
    pub fn request(&self) -> &Request {
        &self.request
    }
}

/// Which label format a file has, from its first bytes.
fn sniff(path: &Path) -> Option<LabelFormat> {
    use std::io::Read as _;
    let ending = path.extension()?.to_string_lossy().to_lowercase();
    if !["txt", "csv", "tsv", "jsonl", "json", "lst"].contains(&ending.as_str()) {
        return None;
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(64 << 10).read_to_end(&mut bytes).ok()?;
    labels::sniff(&bytes)
}
