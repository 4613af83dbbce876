//! What the user asked for, turned into orders for the session and into settings.

use std::path::PathBuf;
use std::time::SystemTime;

use eframe::egui::{Context, Ui, ViewportCommand};

use super::{App, WATCH};
use crate::gui::action::Action;
use crate::gui::background::{Asked, Done};
use crate::gui::review::{Act, Bench, ExportKind, KEYS};
use crate::gui::{about, paths, theme};
use crate::review::session::Request;
use crate::session::{Command, SourceState};
use crate::settings::{Settings, ThemeChoice};
use crate::source::SourceSpec;

/// The least size that scope and bench are laid out for, points.
const LEAST: [f32; 2] = [900.0, 600.0];

/// Nothing can be chosen.
const NO_DIALOG: &str = "This system shows no file dialog: drop the file on this window, or give it on the command line. (On Linux dialogs come with xdg-desktop-portal or zenity.)";
/// A name cannot be chosen.
const NO_DIALOG_TO_SAVE: &str = "This system shows no file dialog: the suggested name is taken. (On Linux dialogs come with xdg-desktop-portal or zenity.)";

impl App {
    pub(super) fn open(&mut self, spec: SourceSpec) {
        self.opened = true;
        self.model.fallback = None;
        self.settings.source = Some(spec.to_string());
        self.engine.send(Command::Open(spec));
    }

    /// Does what the user asked for.
    pub(super) fn perform(&mut self, ctx: &Context, action: Action) {
        let before = self.settings.clone();
        match action {
            Action::Open(spec) => self.open(spec),
            Action::Again => {
                if let Some(spec) = self.model.status.spec.clone() {
                    self.open(spec);
                }
            }
            Action::WatchCameras => {
                // No reason to draw again at once.
                self.model.cameras = self.engine.cameras();
                ctx.request_repaint_after(WATCH);
                return;
            }
            Action::PickFile | Action::PickFolder => {
                let asked = if action == Action::PickFile {
                    Asked::File
                } else {
                    Asked::Folder
                };
                let start = match &self.model.status.spec {
                    Some(SourceSpec::Path(path)) => path.parent().map(Into::into),
                    _ => None,
                };
                self.background.ask(ctx, asked, start);
            }
            Action::PickRecordFolder => {
                let start = paths::record_folder(&self.settings);
                self.background.ask(ctx, Asked::RecordFolder, Some(start));
            }
            Action::TogglePause => match self.model.status.state {
                SourceState::Paused => self.engine.send(Command::Pause(false)),
                SourceState::Running => self.engine.send(Command::Pause(true)),
                SourceState::Ended { .. } => return self.perform(ctx, Action::Again),
                _ => {}
            },
            Action::ToggleRecord => self.toggle_record(),
            Action::SavePicture => self.shot.request(ctx),
            Action::Follow(face_id) => self.model.follow(face_id),
            Action::ClearTrace => {
                self.model.trace_from_s = self.model.history.latest_s().unwrap_or(f64::MIN);
            }
            Action::Smoothing(smoothing) => {
                self.settings.smoothing = smoothing;
                self.model.history.set_smoothing(smoothing);
            }
            Action::Theme(choice) => {
                self.settings.theme = choice;
                self.model.theme = choice;
                theme::choose(ctx, choice);
            }
            Action::Review => {
                let video = match &self.model.status.spec {
                    Some(SourceSpec::Path(path)) => Some(path.clone()),
                    _ => None,
                };
                self.review(Request {
                    video,
                    ..Request::default()
                });
            }
            // The bench on nothing is that list.
            Action::Sessions => self.review(Request::default()),
            Action::ShowKeys => self.show_keys = !self.show_keys,
            Action::ShowAbout => self.show_about = true,
            Action::ToggleMirror => self.settings.mirror = !self.settings.mirror,
            Action::RecordPicture(on) => self.settings.record_picture = on,
            Action::TraceLength(length_s) => self.settings.trace_s = length_s,
            Action::TimelineLength(length_s) => self.settings.timeline_s = length_s,
            Action::TimelineMode(mode) => self.settings.timeline_mode = mode,
            Action::Faces(faces) => self.settings.faces = faces,
            Action::FollowMode(mode) => self.settings.follow = mode,
            Action::MinFace(part) => self.settings.min_face = part.clamp(0.04, 0.5),
            Action::Lookahead(frames) => self.settings.lookahead = frames.min(16),
            Action::Landmarks(on) => self.settings.landmarks = on,
        }
        if self.settings.tuning() != before.tuning() {
            self.engine.send(Command::Tune(self.settings.tuning()));
        }
        if self.settings != before {
            self.changed_s = Some(ctx.input(|i| i.time));
        }
        ctx.request_repaint();
    }

    /// Opens the bench; the live source waits meanwhile, unless it is being recorded.
    pub(super) fn review(&mut self, request: Request) {
        let Some(engine) = self.engine.bench() else {
            self.toasts.add(
                "The bench has no threads to work with. Start the program again.".to_owned(),
                true,
            );
            return;
        };
        let mut bench = Bench::new(engine, request);
        bench.look_in(paths::session_folders(&self.settings));
        let annotator = self.options.annotator.as_ref();
        bench.call_annotator(annotator.unwrap_or(&self.settings.annotator));
        self.bench = Some(bench);
        if self.model.status.state == SourceState::Running && !self.model.is_recording() {
            self.engine.send(Command::Pause(true));
            self.paused_for_bench = true;
        }
    }

    /// In a window that is smaller than the panels are laid out for, everything is drawn smaller.
    pub(super) fn shrink(&mut self, ctx: &Context) {
        let zoom = ctx.zoom_factor();
        let room = ctx.content_rect().size() * zoom;
        let most = (room.x / LEAST[0]).min(room.y / LEAST[1]).max(0.4);
        let own = self.own_zoom.unwrap_or(zoom);
        let wanted = own.min(most);
        if (wanted - zoom).abs() > 0.01 {
            self.own_zoom = Some(own).filter(|own| wanted < *own);
            ctx.set_zoom_factor(wanted);
            ctx.request_repaint();
        }
    }

    /// Draws the bench and does what it asks for.
    pub(super) fn show_bench(&mut self, ui: &mut Ui) {
        let ctx = ui.ctx().clone();
        let covered = self.show_keys;
        let Some(bench) = &mut self.bench else { return };
        let acts = bench.ui(ui, covered);
        let video = bench.request().video.as_ref();
        let start: Option<PathBuf> = video.and_then(|v| v.parent().map(Into::into));
        for act in acts {
            let asked = match act {
                Act::PickVideo => Some(Asked::ReviewVideo),
                Act::PickFolder => Some(Asked::ReviewFolder),
                Act::PickPredictions => Some(Asked::ReviewPredictions),
                Act::PickLabels => Some(Asked::ReviewLabels),
                Act::AddFolder => Some(Asked::SessionsFolder),
                Act::Save(_) => Some(Asked::ReviewSave),
                Act::Export(ExportKind::Figures) => Some(Asked::ReviewExportFolder),
                Act::Export(_) => Some(Asked::ReviewExport),
                _ => None,
            };
            let start = match &act {
                Act::Save(format) => self.bench.as_mut().and_then(|b| b.begin_save(*format)),
                Act::Export(kind) => {
                    let light = ctx.theme() == eframe::egui::Theme::Light;
                    let bench = self.bench.as_mut();
                    bench.and_then(|b| b.begin_export(*kind, light))
                }
                _ => start.clone(),
            };
            match act {
                Act::Theme => {
                    let choice = match ctx.theme() {
                        eframe::egui::Theme::Dark => ThemeChoice::Light,
                        eframe::egui::Theme::Light => ThemeChoice::Dark,
                    };
                    self.perform(&ctx, Action::Theme(choice));
                }
                Act::Keys => self.show_keys = !self.show_keys,
                Act::SavePicture => self.shot.request(&ctx),
                Act::ForgetFolder(folder) => self.change_folders(&ctx, |settings| {
                    settings.session_folders.retain(|f| *f != folder);
                }),
                Act::Annotator(name) if !name.trim().is_empty() => {
                    self.options.annotator = None;
                    name.trim().clone_into(&mut self.settings.annotator);
                    self.changed_s = Some(ctx.input(|i| i.time));
                }
                Act::CloseWindow => ctx.send_viewport_cmd(ViewportCommand::Close),
                Act::Leave => {
                    self.bench = None;
                    if std::mem::take(&mut self.paused_for_bench) {
                        self.engine.send(Command::Pause(false));
                    }
                }
                _ => {}
            }
            if let Some(asked) = asked {
                self.background.ask(&ctx, asked, start);
            }
        }
        if self.show_keys {
            self.show_keys = about::keys_of(&ctx, &KEYS);
        }
        let window = ui.max_rect();
        self.toasts.show(&ctx, window.with_max_y(window.center().y));
    }

    /// Changes what is remembered of the folders of sessions; they are looked through anew.
    fn change_folders(&mut self, ctx: &Context, change: impl FnOnce(&mut Settings)) {
        let before = self.settings.session_folders.clone();
        change(&mut self.settings);
        if self.settings.session_folders != before {
            self.changed_s = Some(ctx.input(|i| i.time));
        }
        if let Some(bench) = &mut self.bench {
            bench.look_in(paths::session_folders(&self.settings));
        }
    }

    /// Remembers the folder that something was opened from in the bench.
    pub(super) fn remember_opened(&mut self, ctx: &Context) {
        let opened = self.bench.as_mut().and_then(Bench::take_opened);
        if let Some(folder) = opened {
            self.change_folders(ctx, |settings| settings.remember_folder(&folder));
        }
    }

    fn toggle_record(&mut self) {
        if self.model.is_recording() {
            self.engine.send(Command::StopRecording);
            return;
        }
        // The key: the button is greyed out.
        if let Some(why) = self.model.cannot_record() {
            self.toasts.add(why.to_owned(), true);
            return;
        }
        let folder = paths::record_folder(&self.settings);
        let now = SystemTime::now();
        let path = paths::fresh(&folder, now, "affect.csv");
        self.toasts
            .add(format!("Recording to {}", path.display()), false);
        self.engine.send(Command::Record {
            path,
            picture: self.settings.record_picture,
        });
    }

    pub(super) fn finish_background(&mut self, ctx: &Context) {
        while let Some(done) = self.background.next() {
            match done {
                Done::Chosen(_, None) => {}
                Done::NoDialog(asked @ (Asked::ReviewSave | Asked::ReviewExport), Some(path)) => {
                    if let Some(bench) = &mut self.bench {
                        self.toasts.add(NO_DIALOG_TO_SAVE.to_owned(), true);
                        match asked {
                            Asked::ReviewSave => bench.save_as(&path),
                            _ => bench.export_to(&path),
                        }
                    }
                }
                Done::NoDialog(..) => self.toasts.add(NO_DIALOG.to_owned(), true),
                Done::Chosen(Asked::File | Asked::Folder, Some(path)) => {
                    self.perform(ctx, Action::Open(SourceSpec::Path(path)));
                }
                Done::Chosen(Asked::RecordFolder, Some(path)) => {
                    self.settings.record_folder = Some(path);
                    self.changed_s = Some(ctx.input(|i| i.time));
                }
                Done::Chosen(Asked::SessionsFolder, Some(path)) => {
                    self.change_folders(ctx, |settings| settings.remember_folder(&path));
                }
                Done::Chosen(asked, Some(path)) => {
                    if let Some(bench) = &mut self.bench {
                        match asked {
                            Asked::ReviewPredictions => bench.open_predictions(&path),
                            Asked::ReviewLabels => bench.open_labels(&path),
                            Asked::ReviewSave => bench.save_as(&path),
                            Asked::ReviewExport | Asked::ReviewExportFolder => {
                                bench.export_to(&path);
                            }
                            _ => bench.open_video(&path),
                        }
                    }
                }
                Done::Picture(result) => {
                    if self.shot.finished(&result) {
                        ctx.send_viewport_cmd(ViewportCommand::Close);
                    } else {
                        match result {
                            Ok(path) => {
                                let text = format!("Picture saved: {}", path.display());
                                self.toasts.add(text, false);
                            }
                            Err(reason) => self.toasts.add(reason, true),
                        }
                    }
                }
                Done::Failed(reason) => self.toasts.add(reason, true),
            }
        }
    }
}
