//! What stands in the window before anything is open, while it is being opened, and when it cannot be.

use eframe::egui::{Align2, ProgressBar, Rect, Ui, UiBuilder, pos2, vec2};

use super::act::Act;
use crate::gui::theme::{self, Palette};
use crate::gui::widgets::{self, ToolButton};
use crate::review::session::Phase;

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

/// Shows it in the whole of `rect`.
pub fn show(ui: &mut Ui, rect: Rect, phase: &Phase) -> Vec<Act> {
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
            let y = line(ui, center.y - 30.0, what, theme::body(), p.muted);
            if let Some(part) = part {
                let bar = Rect::from_center_size(pos2(center.x, y + 18.0), vec2(280.0, 6.0));
                ui.scope_builder(UiBuilder::new().max_rect(bar), |ui| {
                    ui.add(ProgressBar::new(*part).desired_height(6.0));
                });
            }
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
            let top = center.y - 130.0;
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
            line(ui, bottom + 16.0, note, theme::caption(), p.muted);
        }
    }
    acts
}

fn buttons(ui: &mut Ui, rect: Rect, y: f32, acts: &mut Vec<Act>) -> f32 {
    let all = [
        ("Open a video", "O", Act::PickVideo),
        ("Open predictions", "", Act::PickPredictions),
        ("Open labels", "", Act::PickLabels),
        ("Open the example", "", Act::Example),
    ];
    let (width, gap) = (150.0, 10.0);
    let whole = width * all.len() as f32 + gap * (all.len() - 1) as f32;
    let area = Rect::from_min_size(pos2(rect.center().x - whole / 2.0, y), vec2(whole, 32.0));
    let row = UiBuilder::new()
        .max_rect(area)
        .layout(eframe::egui::Layout::left_to_right(
            eframe::egui::Align::Center,
        ));
    ui.scope_builder(row, |ui| {
        ui.spacing_mut().item_spacing.x = gap;
        for (name, key, act) in all {
            let button = ToolButton {
                name,
                label: name,
                key,
                width: Some(width),
                ..ToolButton::default()
            };
            if button.show(ui).clicked() {
                acts.push(act);
            }
        }
    });
    area.bottom()
}
