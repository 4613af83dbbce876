//! The app: takes up what the session says, shows it, and turns what the user does into orders.

mod orders;

use std::time::Duration;

use eframe::egui::{self, Context, Ui, ViewportCommand};

use super::action::Action;
use super::background::Background;
use super::faces::Crops;
use super::layout::Areas;
use super::model::Model;
use super::picture::Screen;
use super::review::Bench;
use super::shot::Shot;
use super::toast::Toasts;
use super::window::{Pace, ScreenshotResult, WindowOptions};
use super::{about, bars, circumplex, faces, keys, picture, statusbar, theme, timeline, topbar};
use crate::session::{Command, Engine, SourceState};
use crate::settings::Settings;
use crate::source::SourceSpec;

/// Settings are written this long after the last change, seconds.
const SAVE_AFTER_S: f64 = 1.5;
/// How often the session is asked while it may change without a picture coming.
const WATCH: Duration = Duration::from_millis(500);

/// The window's content. Give it to eframe, or to a test harness with a made-up [`Engine`].
pub struct App {
    engine: Box<dyn Engine>,
    pub(super) settings: Settings,
    pub(super) model: Model,
    pub(super) background: Background,
    pub(super) toasts: Toasts,
    pub(super) shot: Shot,
    options: WindowOptions,
    pace: Pace,
    screen: Screen,
    /// The annotator's bench, while it is open: it then has the window.
    pub(super) bench: Option<Bench>,
    /// The live source waits for the bench to be left.
    pub(super) paused_for_bench: bool,
    /// The zoom of everything before it was drawn smaller; see [`App::shrink`].
    pub(super) own_zoom: Option<f32>,
    crops: Crops,
    pub(super) show_keys: bool,
    pub(super) show_about: bool,
    /// When the settings changed last, seconds of egui's clock.
    changed_s: Option<f64>,
    window_size: Option<egui::Vec2>,
    recording_failed: bool,
    picture_failed: bool,
    /// Where rows are being written.
    recording_to: Option<std::path::PathBuf>,
    device_note: Option<String>,
    /// A source has been opened, so that what was hoped for is answered.
    opened: bool,
}

impl App {
    /// An app that shows what this engine says. Tells the engine its tuning, and which source to open if the options
    /// name one.
    pub fn new(
        ctx: &Context,
        mut engine: Box<dyn Engine>,
        settings: Settings,
        options: WindowOptions,
    ) -> Self {
        theme::install(ctx, options.theme.unwrap_or(settings.theme));
        engine.send(Command::Tune(settings.tuning()));
        let mut toasts = Toasts::default();
        if let Some(note) = &options.note {
            toasts.add(note.clone(), true);
        }
        let mut model = Model::new(&settings);
        model.cameras = engine.cameras();
        model.theme = options.theme.unwrap_or(settings.theme);
        let shot = Shot::new(options.screenshot.clone());
        let mut app = Self {
            engine,
            model,
            background: Background::default(),
            toasts,
            shot,
            pace: Pace::default(),
            screen: Screen::default(),
            bench: None,
            paused_for_bench: false,
            own_zoom: None,
            crops: Crops::default(),
            show_keys: false,
            show_about: false,
            changed_s: None,
            window_size: None,
            recording_failed: false,
            picture_failed: false,
            recording_to: None,
            device_note: None,
            opened: false,
            settings,
            options,
        };
        if let Some(spec) = app.options.open.clone() {
            app.open(spec);
        }
        if let Some(request) = app.options.review.take() {
            app.review(request);
        }
        app
    }

    /// The settings as they are now.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whom to tell how the picture of the window that was asked for came out.
    pub(super) fn report_screenshot_to(&mut self, result: ScreenshotResult) {
        self.shot.report_to(result);
    }

    /// Where to leave word of each frame's begin.
    pub(super) fn keep(&mut self, pace: Pace) {
        self.pace = pace;
    }

    fn save_when_due(&mut self, ctx: &Context) {
        let Some(changed_s) = self.changed_s else {
            return;
        };
        let since_s = ctx.input(|i| i.time) - changed_s;
        if since_s < SAVE_AFTER_S {
            let rest_s = (SAVE_AFTER_S - since_s).clamp(0.01, SAVE_AFTER_S);
            ctx.request_repaint_after(Duration::from_secs_f64(rest_s));
            return;
        }
        self.changed_s = None;
        if let Some(path) = self.options.settings_path.clone() {
            self.background.save_settings(self.settings.clone(), path);
        }
    }

    /// Keys, dropped files, and the size of the window.
    fn input(&mut self, ui: &Ui) -> Vec<Action> {
        let ctx = ui.ctx();
        let mut actions = Vec::new();
        let covered = self.show_about || self.show_keys;
        actions.extend(keys::pressed(ctx, &self.model, covered));
        let dropped = ctx.input(|i| {
            let file = i.raw.dropped_files.first();
            file.map(|f| f.path().to_owned())
        });
        if let Some(path) = dropped {
            actions.push(Action::Open(SourceSpec::Path(path)));
        }
        let (size, ordinary) = ctx.input(|i| {
            let viewport = i.viewport();
            let large = viewport.maximized.unwrap_or(false) || viewport.fullscreen.unwrap_or(false);
            (i.viewport_rect().size(), !large)
        });
        if ordinary && size.x >= 320.0 && size.y >= 240.0 {
            self.window_size = Some(size);
        }
        actions
    }

    fn panels(&mut self, ui: &mut Ui) -> Vec<Action> {
        let window = ui.max_rect();
        let areas = Areas::of(window);
        let (model, settings) = (&self.model, &self.settings);
        // The background is what the frame is cleared with: painting it would double the pixels of a frame.
        let mut actions = topbar::show(ui, &areas, model, settings);
        actions.extend(picture::show(
            ui,
            areas.picture,
            model,
            settings,
            &mut self.screen,
        ));
        actions.extend(faces::show(ui, areas.faces, model, &mut self.crops));
        bars::show(ui, areas.bars, model);
        actions.extend(circumplex::show(ui, areas.circumplex, model, settings));
        actions.extend(timeline::show(ui, areas.timeline, model, settings));
        statusbar::show(ui, &areas, model);
        if ui.ctx().input(|i| !i.raw.hovered_files.is_empty()) {
            let what = "A video, a picture, or a folder of pictures";
            picture::drop_hint(ui, window, "Drop to analyse", what);
        }
        if self.show_about {
            self.show_about = about::about(ui.ctx(), model);
        }
        if self.show_keys {
            self.show_keys = about::keys(ui.ctx());
        }
        self.toasts.show(ui.ctx(), areas.picture);
        actions
    }
}

impl eframe::App for App {
    fn logic(&mut self, ctx: &Context, _frame: &mut eframe::Frame) {
        if let Some(bench) = &mut self.bench {
            bench.logic(ctx);
            for (words, alarm) in bench.take_words() {
                self.toasts.add(words, alarm);
            }
        }
        self.remember_opened(ctx);
        let update = self.engine.poll();
        let now_s = self.engine.now_s();
        self.model.take(update, now_s, self.settings.follow);
        self.finish_background(ctx);
        self.shot.write_when_taken(ctx, &self.background);
        self.save_when_due(ctx);
        if !self.opened
            && self.model.status.info.is_some()
            && let Some(got) = &self.model.status.spec
        {
            self.opened = true;
            let some_camera = !self.engine.cameras().is_empty();
            self.model.fallback = super::paths::fallback(&self.options.hoped_for, got, some_camera);
        }

        if self.model.status.device_note != self.device_note {
            self.device_note.clone_from(&self.model.status.device_note);
            if let Some(note) = &self.device_note {
                self.toasts.add(note.clone(), true);
            }
        }
        let failed = self
            .model
            .status
            .recording
            .as_ref()
            .and_then(|r| r.failed.clone());
        if let Some(reason) = failed.as_ref().filter(|_| !self.recording_failed) {
            self.toasts
                .add(format!("The recording stopped: {reason}"), true);
        }
        self.recording_failed = failed.is_some();
        // Said once it is on disk, not when it was asked for.
        match &self.model.status.recording {
            Some(recording) if recording.failed.is_none() => {
                self.recording_to = Some(recording.path.clone());
            }
            Some(_) => self.recording_to = None,
            None => {
                if let Some(path) = self.recording_to.take() {
                    self.toasts
                        .add(format!("Recorded to {}", path.display()), false);
                }
            }
        }
        let picture_failed = self
            .model
            .status
            .recording
            .as_ref()
            .and_then(|r| r.picture_failed.clone());
        if let Some(reason) = picture_failed.as_ref().filter(|_| !self.picture_failed) {
            self.toasts
                .add(format!("Rows go on, the picture does not: {reason}"), true);
        }
        self.picture_failed = picture_failed.is_some();
        if self
            .options
            .quit
            .as_ref()
            .is_some_and(|quit| quit.load(std::sync::atomic::Ordering::SeqCst))
        {
            ctx.send_viewport_cmd(ViewportCommand::Close);
        } else if ctx.input(|i| i.viewport().close_requested())
            && let Some(bench) = &mut self.bench
            && !bench.may_close()
        {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            ctx.request_repaint();
        }

        // These states end without a picture that would wake the window.
        let camera_failed = matches!(self.model.status.state, SourceState::Failed { .. })
            && matches!(self.model.status.spec, Some(SourceSpec::Camera(_)));
        if camera_failed {
            self.model.cameras = self.engine.cameras();
        }
        if camera_failed
            || matches!(
                self.model.status.state,
                SourceState::Starting | SourceState::Waiting { .. }
            )
        {
            ctx.request_repaint_after(WATCH);
        }
    }

    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        self.pace.frame_begins();
        let ctx = ui.ctx().clone();
        self.shrink(&ctx);
        if self.bench.is_some() {
            self.show_bench(ui);
            self.shot.first_frame(&ctx);
            return;
        }
        let mut actions = self.input(ui);
        actions.extend(self.panels(ui));
        for action in actions {
            self.perform(&ctx, action);
        }
        self.shot.first_frame(&ctx);
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }

    fn on_exit(&mut self, _gl: Option<&eframe::glow::Context>) {
        // Before the session, which waits for what the bench has to write.
        self.bench = None;
        // A size asked for this once is not the one to come back to.
        if let Some(size) = self.window_size.filter(|_| self.options.size.is_none()) {
            self.settings.window_size = [size.x, size.y];
        }
        if let Some(path) = &self.options.settings_path
            && let Err(e) = self.settings.save_to(path)
        {
            tracing::warn!("{e}");
        }
    }
}
