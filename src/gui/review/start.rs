//! What stands in the window before anything is open, while it is being opened, and when it cannot be.

use eframe::egui::{Align2, Rect, Ui, UiBuilder, pos2, vec2};

use super::act::Act;
use super::sessions::{Shelf, middle};
use crate::gui::theme::{self, Palette};
use crate::gui::widgets::{self, ToolButton};
use crate::review::session::Phase;

/// What may be opened has so many buttons, each so wide, with a gap between.
const BUTTONS: usize = 4;
const WIDTH: f32 = 150.0;
const GAP: f32 = 10.0;

/// What one may do first, in three steps.
const STEPS: [(&str, &str); 3] = [
    (
        "1  A video",
        "or a folder of pictures or crops; or drop it here",
    ),
    (
        "2  Predictions",
        "a table of affectscope analyze or record, or analyse the video now",
    ),
    (
        "3  Labels",
        "Aff-Wild2, csv, DARMA, AFEW-VA …; several people's, if there are",
    ),
];

/// The bar of what is being opened.
const BAR: eframe::egui::Vec2 = vec2(280.0, 6.0);

/// Shows it in the whole of `rect`; `asked` is the name of what is being opened. Where sessions are known, they are listed
/// below what can be opened.
pub fn show(
    ui: &mut Ui,
    rect: Rect,
    phase: &Phase,
    asked: &str,
    shelf: Option<&mut Shelf>,
) -> Vec<Act> {
    let p = Palette::of(ui.ctx());
    let mut acts = Vec::new();
    let center = rect.center();
    let line = |ui: &Ui, y: f32, text: &str, font, color| {
        let width = (rect.width() - 80.0).clamp(120.0, 620.0);
        let galley = ui.painter().layout(text.to_owned(), font, color, width);
        let at = pos2(center.x - galley.size().x / 2.0, y);
        let area = Rect::from_min_size(at, galley.size());
        ui.painter().galley(at, galley, color);
        widgets::described(ui, area, text, || text.to_owned());
        area.bottom()
    };
    match phase {
        Phase::Opening { what, part } => {
            let mut y = center.y - 60.0;
            if !asked.is_empty() {
                y = line(ui, y, asked, theme::semibold(17.0), p.text) + 10.0;
            }
            let words = match part {
                Some(part) => format!("{what}: {:.0} %", part * 100.0),
                None => format!("{what}…"),
            };
            let y = line(ui, y, &words, theme::body(), p.muted);
            // Its place is kept where nothing is known of how far it is: nothing jumps when it is.
            let bar = Rect::from_center_size(pos2(center.x, y + 18.0), BAR);
            if let Some(part) = part {
                let mut done = bar;
                done.set_width(bar.width() * part.clamp(0.0, 1.0));
                ui.painter().rect_filled(bar, BAR.y / 2.0, p.line);
                ui.painter().rect_filled(done, BAR.y / 2.0, p.accent);
            }
            let size = vec2(110.0, 28.0);
            let at = pos2(center.x - size.x / 2.0, bar.bottom() + 18.0);
            let at = UiBuilder::new().max_rect(Rect::from_min_size(at, size));
            ui.scope_builder(at, |ui| {
                let stop = ToolButton {
                    name: "Cancel opening",
                    label: "Cancel",
                    key: "Esc",
                    width: Some(size.x),
                    ..ToolButton::default()
                };
                if stop.show(ui).clicked() {
                    acts.push(Act::StopOpening);
                }
            });
        }
        Phase::Failed { reason } => {
            let y = line(
                ui,
                center.y - 50.0,
                "It cannot be opened",
                theme::semibold(17.0),
                p.text,
            );
            let y = line(ui, y + 10.0, reason, theme::body(), p.muted);
            buttons(ui, rect, y + 18.0, &mut acts);
        }
        Phase::Empty | Phase::Ready => {
            let looking = shelf.as_ref().is_some_and(|s| s.is_looking());
            if let Some(shelf) = shelf.filter(|s| s.is_worth_showing()) {
                return with_sessions(ui, rect, shelf);
            }
            let top = center.y - 140.0;
            let title = "Check predictions against what people said";
            let y = line(ui, top, title, theme::semibold(20.0), p.text);
            let width = 460.0_f32.min(rect.width() - 60.0);
            let mut y = y + 22.0;
            for (what, more) in STEPS {
                let left = center.x - width / 2.0;
                ui.painter().text(
                    pos2(left, y),
                    Align2::LEFT_TOP,
                    what,
                    theme::semibold(13.0),
                    p.text,
                );
                let galley =
                    ui.painter()
                        .layout(more.to_owned(), theme::caption(), p.muted, width - 130.0);
                let height = galley.size().y;
                ui.painter()
                    .galley(pos2(left + 130.0, y + 1.0), galley, p.muted);
                y += height.max(18.0) + 10.0;
            }
            let bottom = buttons(ui, rect, y + 14.0, &mut acts);
            let note = "The original files are never changed.";
            let bottom = line(ui, bottom + 16.0, note, theme::caption(), p.muted);
            let note = if looking {
                "Looking for recordings and analysed files …"
            } else {
                "Recordings and analysed files will be listed here."
            };
            let bottom = line(ui, bottom + 26.0, note, theme::caption(), p.muted);
            let size = vec2(150.0, 28.0);
            let at = Rect::from_min_size(pos2(center.x - size.x / 2.0, bottom + 8.0), size);
            ui.scope_builder(UiBuilder::new().max_rect(at), |ui| {
                let add = ToolButton {
                    name: "Add a folder of sessions",
                    label: "Add their folder…",
                    width: Some(size.x),
                    ..ToolButton::default()
                };
                if add.show(ui).clicked() {
                    acts.push(Act::AddFolder);
                }
            });
        }
    }
    acts
}

/// The same for those who have sessions: what can be opened in a row, and the list.
fn with_sessions(ui: &mut Ui, rect: Rect, shelf: &mut Shelf) -> Vec<Act> {
    let p = Palette::of(ui.ctx());
    let mut acts = Vec::new();
    let inner = middle(rect);
    let title = "Check predictions against what people said";
    let galley = widgets::layout(ui, title, theme::semibold(17.0), p.text);
    let area = Rect::from_min_size(inner.min + vec2(0.0, 16.0), galley.size());
    ui.painter().galley(area.min, galley, p.text);
    widgets::described(ui, area, title, || title.to_owned());
    let bottom = buttons_from(ui, inner.left(), area.bottom() + 12.0, &mut acts);
    let mut body = inner;
    body.min.y = bottom + 14.0;
    body.max.y -= 6.0;
    acts.extend(shelf.list(ui, body));
    acts
}

fn buttons(ui: &mut Ui, rect: Rect, y: f32, acts: &mut Vec<Act>) -> f32 {
    let whole = WIDTH * BUTTONS as f32 + GAP * (BUTTONS - 1) as f32;
    buttons_from(ui, rect.center().x - whole / 2.0, y, acts)
}

fn buttons_from(ui: &mut Ui, left: f32, y: f32, acts: &mut Vec<Act>) -> f32 {
    let all: [_; BUTTONS] = [
        ("Open a video", "O", Act::PickVideo),
        ("Open predictions", "", Act::PickPredictions),
        ("Open labels", "", Act::PickLabels),
        ("Open the example", "", Act::Example),
    ];
    let whole = WIDTH * BUTTONS as f32 + GAP * (BUTTONS - 1) as f32;
    let area = Rect::from_min_size(pos2(left, y), vec2(whole, 32.0));
    let row = UiBuilder::new()
        .max_rect(area)
        .layout(eframe::egui::Layout::left_to_right(
            eframe::egui::Align::Center,
        ));
    ui.scope_builder(row, |ui| {
        ui.spacing_mut().item_spacing.x = GAP;
        for (name, key, act) in all {
            let button = ToolButton {
                name,
                label: name,
                key,
                width: Some(WIDTH),
                ..ToolButton::default()
            };
            if button.show(ui).clicked() {
                acts.push(act);
            }
        }
    });
    area.bottom()
}
