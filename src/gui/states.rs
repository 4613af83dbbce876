//! What stands over the picture while there is none to see, and why.

use eframe::egui::{
    Align, Color32, Frame, Layout, Rect, RichText, Stroke, Ui, UiBuilder, pos2, vec2,
};

use super::action::Action;
use super::model::Model;
use super::theme::{self, Palette};
use super::topbar::source_title;
use crate::session::SourceState;
use crate::source::SourceSpec;

/// A card: a headline, a sentence, buttons.
struct Card {
    headline: String,
    sentence: String,
    buttons: Vec<(&'static str, Action)>,
}

const OPEN: (&str, Action) = ("Open a file…", Action::PickFile);

fn demo() -> (&'static str, Action) {
    ("Watch the demo", Action::Open(SourceSpec::Demo))
}

/// Shows the card of the present state in the middle of `rect`, if there is one.
pub fn show(ui: &mut Ui, rect: Rect, model: &Model) -> Vec<Action> {
    let mut actions = Vec::new();
    if let SourceState::Ended { note } = &model.status.state
        && model.picture.is_some()
    {
        // A single picture has no end to speak of.
        if note.is_none() && model.is_single_picture() {
            return actions;
        }
        ended(ui, rect, model, note.as_deref(), &mut actions);
        return actions;
    }
    if let Some(card) = card(model) {
        draw(ui, rect, &card, &mut actions);
    }
    actions
}

fn card(model: &Model) -> Option<Card> {
    let is_camera = matches!(model.status.spec, Some(SourceSpec::Camera(_)));
    let is_file = matches!(model.status.spec, Some(SourceSpec::Path(_)));
    let title = source_title(model);
    match &model.status.state {
        SourceState::Running | SourceState::Paused if model.picture.is_some() => None,
        SourceState::Paused => Some(Card {
            headline: "Paused".to_owned(),
            sentence: "Press Space to go on.".to_owned(),
            buttons: vec![("Go on", Action::TogglePause)],
        }),
        SourceState::Running | SourceState::Starting if model.status.spec.is_none() => Some(Card {
            headline: "Nothing is open".to_owned(),
            sentence: "Choose a camera above, open a video or a picture, or drop one here."
                .to_owned(),
            buttons: vec![OPEN, demo()],
        }),
        SourceState::Running | SourceState::Starting => Some(Card {
            headline: "Starting up".to_owned(),
            sentence: if is_camera {
                format!("{title} is being opened; the first picture is on its way.")
            } else {
                format!("{title} is being opened.")
            },
            buttons: Vec::new(),
        }),
        SourceState::Waiting { reason } => Some(Card {
            headline: if is_camera {
                "Waiting for the camera".to_owned()
            } else {
                "Waiting".to_owned()
            },
            sentence: reason.clone(),
            buttons: vec![("Try again", Action::Again), OPEN, demo()],
        }),
        SourceState::Failed { reason } => Some(Card {
            headline: if is_camera && model.cameras.is_empty() {
                "No camera".to_owned()
            } else if is_camera {
                "The camera cannot be used".to_owned()
            } else if is_file {
                format!("{title} cannot be read")
            } else {
                "The source cannot be used".to_owned()
            },
            sentence: reason.clone(),
            buttons: vec![("Try again", Action::Again), OPEN, demo()],
        }),
        SourceState::Ended { note } => Some(Card {
            headline: "The end".to_owned(),
            sentence: note
                .clone()
                .unwrap_or_else(|| format!("{title} had no picture to show.")),
            buttons: vec![("Play again", Action::Again), OPEN, demo()],
        }),
    }
}

fn draw(ui: &mut Ui, rect: Rect, card: &Card, actions: &mut Vec<Action>) {
    let p = Palette::of(ui.ctx());
    let width = 400.0_f32.min(rect.width() - 32.0).max(120.0);
    // The sentence decides the height: laid out first, so that the card stands in the middle at once.
    let text_width = width - 48.0;
    let sentence = ui
        .painter()
        .layout(card.sentence.clone(), theme::body(), p.muted, text_width);
    let buttons_height = if card.buttons.is_empty() { 0.0 } else { 46.0 };
    let height = 24.0 + 24.0 + 6.0 + sentence.size().y + buttons_height + 24.0;
    let area = Rect::from_center_size(rect.center(), vec2(width, height));
    let frame = Frame::new()
        .fill(p.panel)
        .stroke(Stroke::new(1.0, p.line))
        .corner_radius(f32::from(theme::RADIUS_LARGE) + 2.0);
    ui.painter().add(frame.paint(area));
    let inner = area.shrink(24.0);
    ui.scope_builder(
        UiBuilder::new()
            .max_rect(inner)
            .layout(Layout::top_down(Align::Min)),
        |ui| {
            ui.spacing_mut().item_spacing = vec2(8.0, 6.0);
            let headline = RichText::new(&card.headline).font(theme::semibold(17.0));
            ui.add(eframe::egui::Label::new(headline).truncate());
            ui.add(eframe::egui::Label::new(RichText::new(&card.sentence).color(p.muted)).wrap());
            if card.buttons.is_empty() {
                return;
            }
            ui.add_space(10.0);
            ui.horizontal(|ui| {
                for (i, (label, action)) in card.buttons.iter().enumerate() {
                    let mut button = eframe::egui::Button::new(*label);
                    if i == 0 {
                        let ink = if p.dark { p.background } else { Color32::WHITE };
                        button = eframe::egui::Button::new(RichText::new(*label).color(ink))
                            .fill(p.accent)
                            .stroke(Stroke::NONE);
                    }
                    if ui.add(button).clicked() {
                        actions.push(action.clone());
                    }
                }
            });
        },
    );
}

/// A bar over the foot of the last picture, which stays to be looked at.
fn ended(ui: &mut Ui, rect: Rect, model: &Model, note: Option<&str>, actions: &mut Vec<Action>) {
    let p = Palette::of(ui.ctx());
    let width = 440.0_f32.min(rect.width() - 24.0).max(120.0);
    let text = note.unwrap_or("The last picture is shown.");
    let galley = ui
        .painter()
        .layout(text.to_owned(), theme::caption(), p.muted, width - 236.0);
    let height = (galley.size().y + 38.0).max(60.0);
    let area = Rect::from_min_size(
        pos2(rect.center().x - width / 2.0, rect.bottom() - height - 12.0),
        vec2(width, height),
    );
    let frame = Frame::new()
        .fill(p.panel)
        .stroke(Stroke::new(1.0, p.line))
        .corner_radius(f32::from(theme::RADIUS_LARGE));
    ui.painter().add(frame.paint(area));
    let words = Rect::from_min_max(
        area.min + vec2(16.0, 11.0),
        pos2(area.right() - 220.0, area.bottom()),
    );
    ui.scope_builder(UiBuilder::new().max_rect(words), |ui| {
        ui.spacing_mut().item_spacing.y = 3.0;
        let title = format!("End of {}", source_title(model));
        ui.add(
            eframe::egui::Label::new(RichText::new(title).font(theme::semibold(13.0))).truncate(),
        );
        ui.add(eframe::egui::Label::new(RichText::new(text).color(p.muted).size(12.0)).wrap());
    });
    let row = Rect::from_min_max(
        pos2(area.right() - 216.0, area.top()),
        area.max - vec2(12.0, 0.0),
    );
    ui.scope_builder(
        UiBuilder::new()
            .max_rect(row)
            .layout(Layout::right_to_left(Align::Center)),
        |ui| {
            if ui.button("Open a file…").clicked() {
                actions.push(Action::PickFile);
            }
            if ui.button("Play again").clicked() {
                actions.push(Action::Again);
            }
        },
    );
}
