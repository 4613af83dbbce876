//! The menu at the right: settings, keys, about; and the small one with the choices of a recording.

use eframe::egui::{Button, Checkbox, Popup, PopupCloseBehavior, Response, RichText, Slider, Ui};

use super::action::Action;
use super::model::Model;
use super::theme::{self, Palette};
use super::widgets;
use crate::session::Faces;
use crate::settings::{FollowMode, Settings, ThemeChoice};
use crate::smooth::Smoothing;

/// Milliseconds of one look-ahead frame: the networks were trained at 30 frames a second.
const LOOKAHEAD_FRAME_MS: f64 = 1000.0 / 30.0;

/// Hangs the menu on its button.
pub fn show(button: &Response, model: &Model, settings: &Settings, actions: &mut Vec<Action>) {
    let popup = Popup::menu(button)
        .gap(4.0)
        .width(316.0)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    popup.show(|ui| {
        ui.set_min_width(316.0);
        ui.spacing_mut().item_spacing.y = 4.0;
        reading(ui, model, settings, actions);
        ui.separator();
        display(ui, model, settings, actions);
        ui.separator();
        let rows = [
            ("Check predictions…", "", Action::Review),
            ("Sessions…", "", Action::Sessions),
            ("Save a picture of the window", "S", Action::SavePicture),
            ("Keys", "F1", Action::ShowKeys),
            ("About Affectscope", "", Action::ShowAbout),
        ];
        for (label, shortcut, action) in rows {
            if ui
                .add(Button::selectable(false, label).right_text(key(shortcut)))
                .clicked()
            {
                actions.push(action);
                ui.close();
            }
        }
    });
}

fn reading(ui: &mut Ui, model: &Model, settings: &Settings, actions: &mut Vec<Action>) {
    caption(ui, "Reading");
    row(ui, "Faces", |ui| {
        let options = [
            ("All", "Every face is read"),
            (
                "Largest",
                "The largest face alone is read: quicker where many are in the picture",
            ),
        ];
        let on = usize::from(settings.faces == Faces::Largest);
        if let Some(i) = widgets::segmented(ui, "Faces", &options, on) {
            actions.push(Action::Faces(if i == 1 {
                Faces::Largest
            } else {
                Faces::All
            }));
        }
    });
    row(ui, "Follow", |ui| {
        let options = [
            (
                "One face",
                "The face that is shown stays the same as long as it is there",
            ),
            (
                "Largest",
                "Always the face that is the largest in the picture",
            ),
        ];
        let on = usize::from(settings.follow == FollowMode::Largest);
        if let Some(i) = widgets::segmented(ui, "Follow", &options, on) {
            actions.push(Action::FollowMode(if i == 1 {
                FollowMode::Largest
            } else {
                FollowMode::Steady
            }));
        }
    });
    row(ui, "Smallest face", |ui| {
        let mut percent = (settings.min_face * 100.0).round();
        let value = value_text(ui, &format!("{percent:.0} %"));
        let slider = ui
            .add(Slider::new(&mut percent, 4.0..=50.0).integer().show_value(false))
            .accessible_name("Smallest face, percent of the picture's height")
            .on_hover_text(
                "The smallest face that is looked for, as a part of the picture's height. Larger is quicker.",
            );
        if slider.changed() {
            actions.push(Action::MinFace(percent / 100.0));
        }
        value.on_hover_text("Part of the picture's height");
    });
    row(ui, "Look-ahead", |ui| {
        let mut frames = settings.lookahead;
        let cost_ms = if model.status.rates.lookahead_ms > 0.0 {
            model.status.rates.lookahead_ms
        } else {
            settings.lookahead as f64 * LOOKAHEAD_FRAME_MS
        };
        let value = value_text(ui, &format!("{frames} · {cost_ms:.0} ms"));
        let slider = ui
            .add(Slider::new(&mut frames, 0..=16).show_value(false))
            .accessible_name("Look-ahead, frames")
            .on_hover_text(
                "The network reads forwards and backwards in time. Each reading may wait for this many later frames: \
                 steadier, and later by the time shown.",
            );
        if slider.changed() {
            actions.push(Action::Lookahead(frames));
        }
        value.on_hover_text("Frames, and the time they cost");
    });
}

fn display(ui: &mut Ui, model: &Model, settings: &Settings, actions: &mut Vec<Action>) {
    caption(ui, "Display");
    row(ui, "Smoothing", |ui| {
        let options = Smoothing::ALL.map(|s| (s.title(), s.hint()));
        let on = Smoothing::ALL.iter().position(|s| *s == settings.smoothing);
        if let Some(i) = widgets::segmented(ui, "Smoothing", &options, on.unwrap_or(0))
            && let Some(smoothing) = Smoothing::ALL.get(i)
        {
            actions.push(Action::Smoothing(*smoothing));
        }
    });
    row(ui, "Theme", |ui| {
        let choices = [ThemeChoice::Dark, ThemeChoice::Light, ThemeChoice::System];
        let options = [
            ("Dark", ""),
            ("Light", ""),
            ("System", "As the desktop says"),
        ];
        let on = choices.iter().position(|c| *c == model.theme);
        if let Some(i) = widgets::segmented(ui, "Theme", &options, on.unwrap_or(0))
            && let Some(choice) = choices.get(i)
        {
            actions.push(Action::Theme(*choice));
        }
    });
    row(ui, "Landmarks", |ui| {
        let on = usize::from(!settings.landmarks);
        let options = [("Shown", ""), ("Hidden", "")];
        if let Some(i) = widgets::segmented(ui, "Landmarks", &options, on) {
            actions.push(Action::Landmarks(i == 0));
        }
    });
}

/// Hangs the choices of a recording on their button.
pub fn recording(button: &Response, model: &Model, settings: &Settings, actions: &mut Vec<Action>) {
    let popup = Popup::menu(button)
        .gap(4.0)
        .width(320.0)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    popup.show(|ui| {
        let p = Palette::of(ui.ctx());
        ui.set_min_width(320.0);
        caption(ui, "Recording");
        let mut picture = settings.record_picture;
        let idle = !model.is_recording();
        // An empty box must be seen as one, on white too.
        ui.visuals_mut().widgets.inactive.bg_stroke.color = p.faint;
        let check = ui
            .add_enabled(idle, Checkbox::new(&mut picture, "Record the picture too"))
            .on_hover_text(
                "A video beside the rows; needs ffmpeg. Without it only numbers are written.",
            )
            .on_disabled_hover_text("Ends with the present recording");
        if check.changed() {
            actions.push(Action::RecordPicture(picture));
        }
        ui.add_space(2.0);
        let folder = super::paths::record_folder(settings);
        ui.label(
            RichText::new(format!("Into {}", folder.display()))
                .color(p.muted)
                .size(12.0),
        );
        if ui
            .add(Button::selectable(false, "Choose the folder…"))
            .clicked()
        {
            actions.push(Action::PickRecordFolder);
            ui.close();
        }
        if let Some(recording) = &model.status.recording {
            ui.separator();
            let rows = crate::numbers::grouped(recording.rows);
            let text = format!("{rows} rows in {}", recording.path.display());
            ui.label(RichText::new(text).color(p.muted).size(12.0));
            for failed in recording.failed.iter().chain(&recording.picture_failed) {
                ui.label(RichText::new(failed).color(p.record).size(12.0));
            }
        }
    });
}

/// A small heading in a menu.
pub fn caption(ui: &mut Ui, text: &str) {
    let p = Palette::of(ui.ctx());
    ui.label(
        RichText::new(text)
            .font(theme::semibold(11.0))
            .color(p.muted),
    );
}

/// A key at the right of a row.
pub fn key(text: &str) -> RichText {
    RichText::new(text).font(theme::caption()).weak()
}

/// A name at the left, a control at the right.
fn row(ui: &mut Ui, name: &str, add: impl FnOnce(&mut Ui)) {
    ui.horizontal(|ui| {
        ui.set_min_height(26.0);
        ui.spacing_mut().interact_size.y = 18.0;
        ui.spacing_mut().slider_width = 116.0;
        ui.label(name);
        let left = ui.min_rect().left() + 104.0;
        ui.add_space((left - ui.cursor().left()).max(0.0));
        add(ui);
    });
}

/// A figure of fixed width before a slider, so that the slider stays where it is.
fn value_text(ui: &mut Ui, text: &str) -> Response {
    let p = Palette::of(ui.ctx());
    let galley = widgets::layout(ui, text, theme::digits(12.0), p.muted);
    let size = eframe::egui::vec2(80.0, 20.0);
    let (rect, response) = ui.allocate_exact_size(size, eframe::egui::Sense::hover());
    let at = eframe::egui::pos2(rect.left(), rect.center().y - galley.size().y / 2.0);
    ui.painter().galley(at, galley, p.muted);
    response
}
