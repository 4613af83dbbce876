//! Handing on: a report, a rendered video, figures, rows; made in the background.

use std::path::{Path, PathBuf};

use eframe::egui::{Button, Popup, RichText, Ui};

use super::Bench;
use super::act::Act;
use super::state::State;
use crate::gui::menu;
use crate::gui::widgets::ToolButton;
use crate::render::Look;
use crate::review::export::{ExportEnd, ExportOrder, ExportProgress, ExportWhat};

/// What the user may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportKind {
    /// The page.
    Report,
    /// The whole video.
    Video,
    /// The video of the selected frames.
    Selection,
    /// A folder of figures.
    Figures,
    /// The table.
    Rows,
}

/// What is being exported.
#[derive(Debug, Default)]
pub(super) struct Exports {
    /// What is to be made once a name is chosen.
    wanted: Option<ExportWhat>,
    progress: Option<ExportProgress>,
}

impl Exports {
    /// Takes up how an export is; its end is told once.
    pub fn take(&mut self, new: Option<ExportProgress>, words: &mut Vec<(String, bool)>) {
        let Some(new) = new else { return };
        let old = self.progress.as_ref();
        let heard = old.is_some_and(|old| old.run == new.run && old.ended.is_some());
        if let (Some(end), false) = (&new.ended, heard) {
            let title = new.title;
            words.push(match end {
                ExportEnd::Made(notes) => {
                    let made = format!("{title} made: {}", new.path.display());
                    let all = std::iter::once(made).chain(notes.iter().cloned());
                    (all.collect::<Vec<_>>().join(". ").replace("..", "."), false)
                }
                ExportEnd::Stopped => (format!("{title}: stopped; nothing was written."), false),
                ExportEnd::Failed(reason) => (format!("{title} not made: {reason}"), true),
            });
        }
        self.progress = Some(new);
    }

    /// The one that runs.
    pub fn running(&self) -> Option<&ExportProgress> {
        self.progress.as_ref().filter(|p| p.ended.is_none())
    }
}

/// The button and its menu.
pub(super) fn button(
    ui: &mut Ui,
    state: &State,
    running: Option<&ExportProgress>,
    compact: bool,
    acts: &mut Vec<Act>,
) {
    let word = match running {
        None => String::new(),
        Some(progress) => match progress.part() {
            Some(part) => format!("{:.0} %", part * 100.0),
            None => "…".to_owned(),
        },
    };
    let name = match running {
        None => "Export".to_owned(),
        Some(progress) => format!("Export: {} {word}", progress.title.to_lowercase()),
    };
    let button = ToolButton {
        name: &name,
        label: if compact && running.is_some() {
            ""
        } else {
            "Export"
        },
        key: &word,
        opens: true,
        ..ToolButton::default()
    };
    let response = button.show(ui);
    Popup::menu(&response).gap(4.0).width(290.0).show(|ui| {
        ui.set_min_width(290.0);
        if let Some(progress) = running {
            menu::caption(ui, progress.title);
            ui.label(
                RichText::new(progress.path.display().to_string())
                    .size(12.0)
                    .weak(),
            );
            if ui
                .add(Button::selectable(false, "Stop the export"))
                .clicked()
            {
                acts.push(Act::CancelExport);
            }
            return;
        }
        let project = &state.project;
        let (video, model) = (project.video.is_some(), project.model().is_some());
        let labels = !project.raters().is_empty();
        let selected = state.selection.is_some();
        for (on, label, kind, needs) in [
            (
                model && labels,
                "Report…",
                ExportKind::Report,
                "predictions and labels",
            ),
            (video, "Rendered video…", ExportKind::Video, "a video"),
            (
                video && selected,
                "Rendered video of the selection…",
                ExportKind::Selection,
                "a video and a selection ([ and ])",
            ),
            (labels, "Figures (SVG, PNG)…", ExportKind::Figures, "labels"),
            (
                model,
                "Rows (csv, jsonl, Parquet)…",
                ExportKind::Rows,
                "predictions",
            ),
        ] {
            let row = ui.add_enabled(on, Button::selectable(false, label));
            if row.clicked() {
                acts.push(Act::Export(kind));
            }
            row.on_disabled_hover_text(format!("It needs {needs}."));
        }
    });
    response.on_hover_text("A page, a video or files to hand on, made in the background");
}

impl Bench {
    /// Something is to be exported; gives a name for it that is free, for figures the folder that theirs is made in.
    pub fn begin_export(&mut self, kind: ExportKind, light: bool) -> Option<PathBuf> {
        let state = self.state.as_ref()?;
        let look = Look {
            light,
            ..Look::default()
        };
        let what = match kind {
            ExportKind::Report => ExportWhat::Report,
            ExportKind::Figures => ExportWhat::Figures,
            ExportKind::Rows => ExportWhat::Rows,
            ExportKind::Video => ExportWhat::Video {
                frames: 0..state.frames(),
                look,
            },
            ExportKind::Selection => ExportWhat::Video {
                frames: state.selection.clone()?,
                look,
            },
        };
        let beside = state.project.video.as_deref();
        let beside = beside.or(self.opening.asked.predictions.as_deref());
        let folder = beside.and_then(Path::parent).unwrap_or(Path::new("."));
        let path = match kind {
            ExportKind::Figures => folder.to_owned(),
            _ => what.suggested_path(&state.project.stem(), folder),
        };
        self.exports.wanted = Some(what);
        Some(path)
    }

    /// Exports under the name, or into the folder, that was chosen.
    pub fn export_to(&mut self, path: &Path) {
        let Some(what) = self.exports.wanted.take() else {
            return;
        };
        let Some(state) = &self.state else { return };
        let to = match what {
            ExportWhat::Figures => what.suggested_path(&state.project.stem(), path),
            _ => path.to_owned(),
        };
        let order = ExportOrder {
            project: Box::new(state.project.clone()),
            marks: self.editor.marks().clone(),
            predictions: self.opening.asked.predictions.clone(),
            what,
            to,
        };
        match order.check() {
            Ok(()) => self.engine.export(order),
            Err(reason) => self.words.push((reason, true)),
        }
    }
}
