//! The bar at the top: the source and what may be done with it.

use eframe::egui::{
    Align, Button, Layout, Popup, PopupCloseBehavior, RichText, Stroke, Ui, UiBuilder,
};

use super::action::Action;
use super::layout::{Areas, MARGIN};
use super::menu;
use super::model::Model;
use super::theme::{self, Palette};
use super::widgets::{self, Icon, ToolButton};
use crate::numbers::grouped;
use crate::session::{Recording, SourceState};
use crate::settings::Settings;
use crate::source::SourceSpec;

/// Shows it.
pub fn show(ui: &mut Ui, areas: &Areas, model: &Model, settings: &Settings) -> Vec<Action> {
    let p = Palette::of(ui.ctx());
    let rect = areas.top;
    ui.painter().rect_filled(rect, 0.0, p.panel);
    ui.painter().hline(
        rect.x_range(),
        rect.bottom() - 0.5,
        Stroke::new(1.0, p.line),
    );
    let mut actions = Vec::new();
    let inner = rect.shrink2(eframe::egui::vec2(MARGIN, 0.0));
    let right = ui.scope_builder(
        UiBuilder::new()
            .max_rect(inner)
            .layout(Layout::right_to_left(Align::Center)),
        |ui| {
            ui.spacing_mut().item_spacing.x = 8.0;
            buttons(ui, areas.compact, model, settings, &mut actions);
            ui.min_rect().left()
        },
    );
    let mut left_area = inner;
    left_area.max.x = right.inner - 12.0;
    ui.scope_builder(
        UiBuilder::new()
            .max_rect(left_area)
            .layout(Layout::left_to_right(Align::Center)),
        |ui| {
            ui.spacing_mut().item_spacing.x = 8.0;
            ui.label(RichText::new("Affectscope").font(theme::semibold(14.0)));
            ui.add_space(4.0);
            source(ui, model, &mut actions, left_area.right());
        },
    );
    actions
}

fn source(ui: &mut Ui, model: &Model, actions: &mut Vec<Action>, right: f32) {
    let p = Palette::of(ui.ctx());
    let status = &model.status;
    let dot = match status.state {
        SourceState::Running => p.live,
        SourceState::Starting | SourceState::Waiting { .. } => p.valence,
        SourceState::Failed { .. } => p.record,
        SourceState::Paused | SourceState::Ended { .. } => p.faint,
    };
    let title = source_title(model);
    // The name may be long; the button is never wider than a third of the bar.
    let room = (right - ui.cursor().left() - 60.0).clamp(60.0, 260.0);
    let galley = widgets::layout_elided(ui, &title, theme::body(), p.text, room - 44.0);
    let shown: String = if galley.elided {
        let keep = galley
            .rows
            .first()
            .map_or(0, |r| r.glyphs.len().saturating_sub(1));
        title.chars().take(keep).chain(['…']).collect()
    } else {
        title.clone()
    };
    let name = format!("Source: {title}");
    let button = ToolButton {
        name: &name,
        icon: Some(Icon::Record),
        icon_tint: Some(dot),
        label: &shown,
        opens: true,
        ..ToolButton::default()
    }
    .show(ui);
    source_menu(&button, model, actions);
    button.on_hover_text(state_words(model));

    let Some(info) = &status.info else {
        return;
    };
    let mut parts = vec![format!("{}×{}", info.width_px, info.height_px)];
    // Unrelated pictures are given at leisure; how often says nothing.
    if info.stills {
        if let Some(n) = info.frames.filter(|n| *n > 1) {
            parts.push(format!("{} pictures", grouped(n)));
        }
    } else if status.rates.captured_hz > 0.0 && matches!(status.state, SourceState::Running) {
        parts.push(format!("{:.1} fps", status.rates.captured_hz));
    } else if let Some(hz) = info.rate_hz {
        parts.push(format!("{hz:.1} fps"));
    }
    let mut hover = format!("The size of the picture and the rate at which {title} gives frames.");
    if let Some(format) = &info.format {
        hover.push_str(&format!("\nFrames come as {format}."));
    }
    let digits = widgets::layout(ui, &parts.join(" · "), theme::digits(12.0), p.muted);
    if ui.cursor().left() + digits.size().x < right {
        let text = RichText::new(parts.join(" · "))
            .font(theme::digits(12.0))
            .color(p.muted);
        ui.label(text).on_hover_text(hover);
    }
}

/// What the source is called on screen.
pub fn source_title(model: &Model) -> String {
    match (&model.status.info, &model.status.spec) {
        (Some(info), _) => info.title.clone(),
        (None, Some(SourceSpec::Demo)) => "Demo".to_owned(),
        (None, Some(SourceSpec::Camera(_))) => "Camera".to_owned(),
        (None, Some(SourceSpec::Path(path))) => path.file_name().map_or_else(
            || path.display().to_string(),
            |n| n.to_string_lossy().into_owned(),
        ),
        (None, None) => "No source".to_owned(),
    }
}

fn state_words(model: &Model) -> String {
    let state = match &model.status.state {
        SourceState::Starting => "starting".to_owned(),
        SourceState::Running => "running".to_owned(),
        SourceState::Paused => "paused".to_owned(),
        SourceState::Waiting { reason } => reason.clone(),
        SourceState::Ended { note } => note.clone().unwrap_or_else(|| "at its end".to_owned()),
        SourceState::Failed { reason } => reason.clone(),
    };
    format!(
        "{}: {state}\nClick to choose another source.",
        source_title(model)
    )
}

fn source_menu(button: &eframe::egui::Response, model: &Model, actions: &mut Vec<Action>) {
    let popup = Popup::menu(button)
        .gap(4.0)
        .width(260.0)
        .close_behavior(PopupCloseBehavior::CloseOnClick);
    popup.show(|ui| {
        actions.push(Action::WatchCameras);
        ui.set_min_width(260.0);
        menu::caption(ui, "Cameras");
        if model.cameras.is_empty() {
            ui.add_enabled(false, Button::new("No camera is connected"));
        }
        for camera in &model.cameras {
            let spec = SourceSpec::Camera(Some(camera.id.clone()));
            let on = model.status.spec.as_ref() == Some(&spec);
            let row = ui.add(Button::selectable(on, camera.name.as_str()).truncate());
            let row = match camera.formats.first() {
                Some(best) => row.on_hover_text(format!("{}\n{best}", camera.id)),
                None => row.on_hover_text(&camera.id),
            };
            if row.clicked() {
                actions.push(Action::Open(spec));
            }
        }
        ui.separator();
        if ui
            .add(Button::selectable(false, "Open a file…").right_text(menu::key("O")))
            .clicked()
        {
            actions.push(Action::PickFile);
        }
        if ui
            .add(Button::selectable(false, "Open a folder of pictures…"))
            .clicked()
        {
            actions.push(Action::PickFolder);
        }
        if ui
            .add(Button::selectable(model.is_demo(), "Demo portrait"))
            .clicked()
        {
            actions.push(Action::Open(SourceSpec::Demo));
        }
    });
}

/// From right to left.
fn buttons(
    ui: &mut Ui,
    compact: bool,
    model: &Model,
    settings: &Settings,
    actions: &mut Vec<Action>,
) {
    let p = Palette::of(ui.ctx());
    let button = ToolButton {
        name: "Menu",
        icon: Some(Icon::Menu),
        width: Some(34.0),
        ..ToolButton::default()
    }
    .show(ui);
    menu::show(&button, model, settings, actions);
    button.on_hover_text("Settings, keys, about");

    record_buttons(ui, &p, model, settings, actions);

    let mirror = ToolButton {
        name: "Mirror",
        icon: Some(Icon::Mirror),
        label: if compact { "" } else { "Mirror" },
        selected: settings.mirror,
        icon_tint: settings.mirror.then_some(p.accent),
        ..ToolButton::default()
    }
    .show(ui)
    .on_hover_text("Mirror the picture on screen, as in a looking glass (M). What is read and recorded does not change.");
    if mirror.clicked() {
        actions.push(Action::ToggleMirror);
    }
    let paused = model.is_paused();
    let ended = matches!(model.status.state, SourceState::Ended { .. });
    let can_pause = ended
        || matches!(
            model.status.state,
            SourceState::Running | SourceState::Paused
        );
    let (name, label, hint) = match (paused, ended) {
        (true, _) => ("Resume", "Resume", "Go on (Space)"),
        (_, true) => (
            "Play once more",
            "Again",
            "Play it from the beginning (Space)",
        ),
        _ => ("Pause", "Pause", "Hold the picture (Space)"),
    };
    let pause = ui
        .add_enabled_ui(can_pause, |ui| {
            ToolButton {
                name,
                icon: Some(if paused || ended {
                    Icon::Play
                } else {
                    Icon::Pause
                }),
                label: if compact { "" } else { label },
                key: if compact { "" } else { "Space" },
                width: Some(if compact { 34.0 } else { 128.0 }),
                ..ToolButton::default()
            }
            .show(ui)
        })
        .inner
        .on_hover_text(hint);
    if pause.clicked() {
        actions.push(Action::TogglePause);
    }
}

fn record_buttons(
    ui: &mut Ui,
    p: &Palette,
    model: &Model,
    settings: &Settings,
    actions: &mut Vec<Action>,
) {
    // Right to left: the small button that opens the choices stands at the right of the large one.
    let more = ToolButton {
        name: "Recording options",
        opens: true,
        width: Some(26.0),
        ..ToolButton::default()
    }
    .show(ui);
    menu::recording(&more, model, settings, actions);
    more.on_hover_text("What is recorded, and where");
    ui.add_space(-4.0);
    let recording = model.status.recording.as_ref();
    let response = match recording.filter(|r| r.failed.is_none()) {
        Some(recording) => {
            let figures = format!(
                "{} · {} rows",
                clock(recording.seconds),
                grouped(recording.rows)
            );
            let name = format!(
                "Stop recording, {} rows written to {}",
                recording.rows,
                recording.path.display()
            );
            ToolButton {
                name: &name,
                icon: Some(Icon::Record),
                label: "Recording",
                key: &figures,
                key_digits: true,
                tint: Some(p.record),
                width: Some(252.0),
                ..ToolButton::default()
            }
            .show(ui)
            .on_hover_text(recording_hover(recording))
        }
        None => {
            let why_not = model.cannot_record();
            let name = why_not.map_or("Record".to_owned(), |why| format!("Record. {why}"));
            let button = ToolButton {
                name: &name,
                icon: Some(Icon::Record),
                label: "Record",
                key: "R",
                icon_tint: Some(p.record),
                ..ToolButton::default()
            };
            ui.add_enabled_ui(why_not.is_none(), |ui| button.show(ui))
                .inner
                .on_hover_text(
                    "Write every reading to a file as it comes (R). Nothing is recorded unless you ask.",
                )
                .on_disabled_hover_text(why_not.unwrap_or_default())
        }
    };
    if response.clicked() {
        actions.push(Action::ToggleRecord);
    }
}

fn recording_hover(recording: &Recording) -> String {
    let mut text = format!(
        "{} rows are on disk in\n{}\nClick, or press R, to end the recording.",
        grouped(recording.rows),
        recording.path.display()
    );
    if let Some(picture) = &recording.picture {
        text.push_str(&format!("\nThe picture goes to {}", picture.display()));
    }
    if recording.pictures_dropped > 0 {
        text.push_str(&format!(
            "\n{} pictures could not be written in time; their rows are there.",
            grouped(recording.pictures_dropped)
        ));
    }
    text
}

/// `00:42`, `1:02:03`.
pub fn clock(seconds: f64) -> String {
    let s = seconds.max(0.0) as u64;
    let (h, m, s) = (s / 3600, s / 60 % 60, s % 60);
    if h > 0 {
        format!("{h}:{m:02}:{s:02}")
    } else {
        format!("{m:02}:{s:02}")
    }
}
