//! The bench's bar at the top: what is open, against whom, and what may be done with it.

use eframe::egui::{
    Align, Button, Layout, Popup, PopupCloseBehavior, RichText, Stroke, Ui, UiBuilder, vec2,
};

use super::act::Act;
use super::state::State;
use super::{export, faces, labels};
use crate::gui::layout::MARGIN;
use crate::gui::menu;
use crate::gui::theme::{self, Palette};
use crate::gui::widgets::{self, Icon, ToolButton};
use crate::numbers::{counted, grouped};
use crate::review::Project;
use crate::review::export::ExportProgress;
use crate::review::session::Progress;
use crate::source::SourceInfo;

/// What the bar shows beside the state.
pub struct Top<'a> {
    /// What is open; `None` before anything is.
    pub state: Option<&'a State>,
    /// The name of what is being opened in its place.
    pub coming: Option<&'a str>,
    /// What is known of the video.
    pub info: Option<&'a SourceInfo>,
    /// The analysis in the background.
    pub analysis: Option<&'a Progress>,
    /// Who annotates.
    pub annotator: &'a str,
    /// The export in the background.
    pub export: Option<&'a ExportProgress>,
    /// Too narrow for words that only help.
    pub compact: bool,
}

/// Shows it in the whole of `rect`.
pub fn show(ui: &mut Ui, rect: eframe::egui::Rect, top: &Top<'_>) -> Vec<Act> {
    let p = Palette::of(ui.ctx());
    ui.painter().rect_filled(rect, 0.0, p.panel);
    ui.painter().hline(
        rect.x_range(),
        rect.bottom() - 0.5,
        Stroke::new(1.0, p.line),
    );
    let mut acts = Vec::new();
    let inner = rect.shrink2(vec2(MARGIN, 0.0));
    let row = |layout| UiBuilder::new().max_rect(inner).layout(layout);
    let right = ui.scope_builder(row(Layout::right_to_left(Align::Center)), |ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        right_side(ui, top, &mut acts);
        ui.min_rect().left()
    });
    let mut left = inner;
    left.max.x = right.inner - 12.0;
    let row = UiBuilder::new()
        .max_rect(left)
        .layout(Layout::left_to_right(Align::Center));
    ui.scope_builder(row, |ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        let back = ToolButton {
            name: "Back to the scope",
            label: "‹ Scope",
            ..ToolButton::default()
        };
        if back
            .show(ui)
            .on_hover_text("Leave the bench for the live scope")
            .clicked()
        {
            acts.push(Act::Leave);
        }
        left_side(ui, top, left.right(), &mut acts);
    });
    acts
}

fn left_side(ui: &mut Ui, top: &Top<'_>, right: f32, acts: &mut Vec<Act>) {
    let p = Palette::of(ui.ctx());
    let none = top.coming.filter(|name| !name.is_empty());
    let none = none.unwrap_or("Nothing is open");
    let title = top.state.map_or(none, |s| &s.project.name);
    let room = if top.compact { 130.0 } else { 200.0 };
    let button = ToolButton {
        name: &format!("Video: {title}"),
        label: &widgets::elided(ui, title, room),
        opens: true,
        ..ToolButton::default()
    };
    let response = button.show(ui);
    Popup::menu(&response).gap(4.0).width(230.0).show(|ui| {
        ui.set_min_width(230.0);
        open_rows(ui, acts);
    });
    let Some(state) = top.state else { return };
    let frames = counted(state.frames() as u64, "frame");
    let mut words = vec![frames];
    if let (Some(info), false) = (top.info, top.compact) {
        words.insert(0, rate_words(&state.project));
        words.insert(0, format!("{}×{}", info.width_px, info.height_px));
    }
    // Predictions and labels come first; figures stand where there is room left.
    predictions(ui, state, top.analysis, acts, top.compact);
    labels::button(ui, state, top.annotator, acts, top.compact);
    let digits = widgets::layout(ui, &words.join(" · "), theme::digits(12.0), p.muted);
    if ui.cursor().left() + digits.size().x < right {
        ui.label(
            RichText::new(words.join(" · "))
                .font(theme::digits(12.0))
                .color(p.muted),
        );
    }
}

fn open_rows(ui: &mut Ui, acts: &mut Vec<Act>) {
    menu::caption(ui, "Open");
    for (label, key, act) in [
        ("Video or picture…", "O", Act::PickVideo),
        ("Folder of pictures or crops…", "", Act::PickFolder),
        ("Predictions…", "", Act::PickPredictions),
        ("Labels…", "", Act::PickLabels),
        ("The example", "", Act::Example),
        ("Sessions…", "", Act::Sessions(true)),
    ] {
        if ui
            .add(Button::selectable(false, label).right_text(menu::key(key)))
            .clicked()
        {
            acts.push(act);
        }
    }
}

fn predictions(
    ui: &mut Ui,
    state: &State,
    analysis: Option<&Progress>,
    acts: &mut Vec<Act>,
    compact: bool,
) {
    let model = state.project.model();
    let running = analysis.filter(|a| a.ended.is_none());
    let word = match (running, model) {
        (Some(a), _) => match a.of.filter(|n| *n > 0) {
            Some(of) => format!("analysing {:.0} %", a.done as f64 * 100.0 / of as f64),
            None => format!("analysing, {}", grouped(a.done)),
        },
        (None, Some(model)) => {
            let name = model.weights.clone().or_else(|| {
                let file = model.path.as_ref()?.file_name()?;
                Some(file.to_string_lossy().into_owned())
            });
            widgets::elided(
                ui,
                &name.unwrap_or_else(|| "analysed now".to_owned()),
                if compact { 90.0 } else { 140.0 },
            )
        }
        (None, None) => "none".to_owned(),
    };
    let button = ToolButton {
        name: &format!("Predictions: {word}"),
        label: if compact { "" } else { "Predictions" },
        key: &word,
        opens: true,
        ..ToolButton::default()
    };
    let response = button.show(ui);
    let popup = Popup::menu(&response)
        .gap(4.0)
        .width(300.0)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    popup.show(|ui| {
        ui.set_min_width(300.0);
        if let Some(model) = model {
            faces::rows(ui, state, model, running.is_some(), acts);
            ui.separator();
        }
        if ui
            .add(Button::selectable(false, "Open a file of predictions…"))
            .clicked()
        {
            acts.push(Act::PickPredictions);
            ui.close();
        }
        if running.is_some() {
            if ui
                .add(Button::selectable(false, "Stop the analysis"))
                .clicked()
            {
                acts.push(Act::Cancel);
                ui.close();
            }
        } else {
            let there = state.project.video.is_some();
            let again = if model.is_some() {
                "Analyse the video again"
            } else {
                "Analyse the video now"
            };
            if ui
                .add_enabled(there, Button::selectable(false, again))
                .clicked()
            {
                acts.push(Act::Analyse);
                ui.close();
            }
        }
    });
    response.on_hover_text(match model.and_then(|m| m.path.as_ref()) {
        Some(path) => path.display().to_string(),
        None => "What the network says of every frame".to_owned(),
    });
}

fn right_side(ui: &mut Ui, top: &Top<'_>, acts: &mut Vec<Act>) {
    let more = ToolButton {
        name: "Menu",
        icon: Some(Icon::Menu),
        width: Some(34.0),
        ..ToolButton::default()
    }
    .show(ui);
    Popup::menu(&more).gap(4.0).width(250.0).show(|ui| {
        ui.set_min_width(250.0);
        for (label, key, act) in [
            ("Sessions…", "", Act::Sessions(true)),
            ("Dark or light", "T", Act::Theme),
            ("Save a picture of the window", "P", Act::SavePicture),
            ("Keys", "F1", Act::Keys),
            ("Back to the scope", "", Act::Leave),
        ] {
            if ui
                .add(Button::selectable(false, label).right_text(menu::key(key)))
                .clicked()
            {
                acts.push(act);
            }
        }
    });
    let Some(state) = top.state else { return };
    export::button(ui, state, top.export, top.compact, acts);
    let blind = ToolButton {
        name: "Blind",
        label: "Blind",
        key: if top.compact { "" } else { "B" },
        selected: state.blind,
        ..ToolButton::default()
    };
    let hint = "Hide what the model says while you rate";
    if blind.show(ui).on_hover_text(hint).clicked() {
        acts.push(Act::Blind);
    }
}

/// The rate; where it is uneven that is said, and what it is on the whole.
fn rate_words(project: &Project) -> String {
    let (usual, times) = (project.rate_hz(), project.times_s());
    let length_s = times.last().zip(times.first()).map_or(0.0, |(b, a)| b - a);
    let whole = (times.len().saturating_sub(1)) as f64 / length_s.max(1e-9);
    if length_s > 0.0 && (whole / usual - 1.0).abs() > 0.01 {
        return format!("{whole:.2} fps, uneven");
    }
    format!("{usual:.2} fps")
}
