//! What this is, and the keys: two cards over the window.

use eframe::egui::{Context, Id, Modal, RichText, ScrollArea, Ui, vec2};

use super::model::Model;
use super::theme::{self, Palette};

/// What the figures mean, and what they do not.
pub const HONEST_LINE: &str =
    "It shows what a face expresses to a trained network, not what a person feels.";

/// What becomes of the pictures.
const PRIVACY_LINE: &str = "Frames never leave this machine; nothing is recorded unless you ask.";

/// Every key and what it does.
pub const KEYS: [(&str, &str); 10] = [
    ("Space", "Pause, or go on"),
    ("R", "Record, or end the recording"),
    ("O", "Open a file"),
    ("M", "Mirror the picture on screen"),
    ("S", "Save a picture of the window"),
    ("1 – 9", "Follow the face of that number"),
    ("T", "Dark or light"),
    ("Tab", "Next control; Enter presses it"),
    ("F1 or ?", "These keys"),
    ("Esc", "Close what is open"),
];

/// The card that says what this is. False when it is to be closed.
pub fn about(ctx: &Context, model: &Model) -> bool {
    card(ctx, "about", "About Affectscope", |ui| {
        let p = Palette::of(ui.ctx());
        ui.label(RichText::new(HONEST_LINE).font(theme::semibold(13.0)));
        ui.label(RichText::new(PRIVACY_LINE).color(p.muted));
        ui.add_space(4.0);
        let w = &model.status.weights;
        if w.name.is_empty() {
            ui.label(RichText::new("The weights are being loaded.").color(p.muted));
        } else {
            field(
                ui,
                "Weights",
                &format!("{} ({}), SHA-256 {}", w.name, w.origin, w.hash),
            );
            field(ui, "Network", &w.network);
            let said = |text: &str| match text {
                "" => "The file does not say.".to_owned(),
                text => text.to_owned(),
            };
            field(ui, "Trained on", &said(&w.trained_on));
            field(ui, "Affect labels", &said(&w.affect_labels));
            if w.scores.is_empty() {
                field(ui, "How good", "These weights carry no scores.");
            }
            for (i, (what, score)) in w.scores.iter().enumerate() {
                let name = if i == 0 { "How good" } else { "" };
                field(ui, name, &format!("{what}: {score}"));
            }
        }
        field(ui, "Runs on", &model.status.device);
        ui.add_space(4.0);
        field(
            ui,
            "Method",
            "Vu, Beurton-Aimar, Marchand: Multitask Multi-database Emotion Recognition, ICCVW 2021",
        );
        field(
            ui,
            "Licences",
            concat!(
                "Affectscope ",
                env!("CARGO_PKG_VERSION"),
                ": MIT or Apache-2.0. Face detector model: SeetaFace, BSD-2-Clause. Type: Inter and JetBrains Mono, SIL \
                 Open Font License 1.1. Demo portrait: NASA, public domain. This software is based in part on the work of \
                 the Independent JPEG Group (libjpeg, through mozjpeg)."
            ),
        );
    })
}

/// The card that lists the keys. False when it is to be closed.
pub fn keys(ctx: &Context) -> bool {
    keys_of(ctx, &KEYS)
}

/// The card that lists these keys. False when it is to be closed.
pub fn keys_of(ctx: &Context, keys: &[(&str, &str)]) -> bool {
    card(ctx, "keys", "Keys", |ui| {
        let p = Palette::of(ui.ctx());
        for &(key, what) in keys {
            ui.horizontal(|ui| {
                let width = 84.0;
                let (rect, _) =
                    ui.allocate_exact_size(vec2(width, 20.0), eframe::egui::Sense::hover());
                let galley = super::widgets::layout(ui, key, theme::digits(12.0), p.text);
                let at = rect.left_center() - vec2(0.0, galley.size().y / 2.0);
                let cap =
                    eframe::egui::Rect::from_min_size(at, galley.size()).expand2(vec2(6.0, 2.0));
                let cap = cap.translate(vec2(6.0, 0.0));
                ui.painter().rect_filled(cap, 4.0, p.line);
                ui.painter().galley(at + vec2(6.0, 0.0), galley, p.text);
                ui.label(RichText::new(what).color(p.muted));
            });
        }
    })
}

fn field(ui: &mut Ui, name: &str, value: &str) {
    let p = Palette::of(ui.ctx());
    if value.is_empty() {
        return;
    }
    ui.horizontal_top(|ui| {
        let (rect, _) = ui.allocate_exact_size(vec2(92.0, 17.0), eframe::egui::Sense::hover());
        let galley = super::widgets::layout(ui, name, theme::caption(), p.muted);
        ui.painter()
            .galley(rect.min + vec2(0.0, 1.0), galley, p.muted);
        ui.add(eframe::egui::Label::new(RichText::new(value).size(12.5)).wrap());
    });
}

fn card(ctx: &Context, id: &str, title: &str, add: impl FnOnce(&mut Ui)) -> bool {
    let p = Palette::of(ctx);
    let room = ctx.content_rect().size();
    let modal = Modal::new(Id::unique(("card", id)))
        .backdrop_color(eframe::egui::Color32::from_black_alpha(if p.dark {
            150
        } else {
            90
        }))
        .frame(eframe::egui::Frame::popup(&ctx.global_style()).inner_margin(20))
        .show(ctx, |ui| {
            ui.set_width(532.0_f32.min(room.x - 80.0));
            ui.spacing_mut().item_spacing.y = 6.0;
            ui.label(RichText::new(title).font(theme::semibold(17.0)));
            ui.add_space(4.0);
            ScrollArea::vertical()
                .max_height((room.y - 170.0).max(120.0))
                .show(ui, add);
            ui.add_space(6.0);
            ui.button("Close").clicked()
        });
    !(modal.inner || modal.should_close())
}
