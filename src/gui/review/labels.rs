//! Everybody's labels in their menu: whose the scores are against, what they are called, by how many frames each is moved, who
//! annotates now, new ones and saved ones.

use eframe::egui::{Button, DragValue, Id, Popup, PopupCloseBehavior, RichText, Ui};

use super::act::Act;
use super::state::State;
use crate::gui::menu;
use crate::gui::widgets::{self, ToolButton};
use crate::numbers::{counted, grouped};
use crate::review::Start;
use crate::review::save::SaveFormat;

/// The button with its menu. `annotator` is who annotates.
pub fn button(ui: &mut Ui, state: &State, annotator: &str, acts: &mut Vec<Act>, compact: bool) {
    let names: Vec<&str> = state
        .project
        .raters()
        .iter()
        .map(|r| r.name.as_str())
        .collect();
    let word = match names.as_slice() {
        [] => "none".to_owned(),
        names => widgets::elided(ui, &names.join(", "), if compact { 80.0 } else { 130.0 }),
    };
    let button = ToolButton {
        name: &format!(
            "Labels: {}",
            if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            }
        ),
        label: if compact { "" } else { "Labels" },
        key: &word,
        opens: true,
        ..ToolButton::default()
    };
    let response = button.show(ui);
    let popup = Popup::menu(&response)
        .gap(4.0)
        .width(330.0)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    popup.show(|ui| {
        ui.set_min_width(330.0);
        if !state.project.raters().is_empty() {
            menu::caption(ui, "Scores are against");
        }
        for (i, rater) in state.project.raters().iter().enumerate() {
            ui.horizontal(|ui| {
                let [e, v, _] = rater.track().counts();
                let words = format!(
                    "{}  ·  {}, {} valence",
                    rater.name,
                    counted(e as u64, "expression"),
                    grouped(v as u64)
                );
                let response = ui.add(Button::selectable(state.rater == i, words));
                if response.clicked() {
                    acts.push(Act::Rater(i));
                }
                if let Some(origin) = rater.origins.first() {
                    response.on_hover_text(origin.path.display().to_string());
                }
            });
            ui.horizontal(|ui| {
                ui.add_space(12.0);
                ui.label(RichText::new("called").size(12.0).weak());
                let name = format!("Name of the labels of {}", rater.name);
                let id = Id::unique(("name of labels", i));
                if let Some(name) = widgets::typed(ui, id, &rater.name, "", (110.0, &name)) {
                    acts.push(Act::Rename(i, name));
                }
                ui.label(RichText::new("moved by").size(12.0).weak());
                let mut offset = rater.offset_frames();
                let field = DragValue::new(&mut offset).speed(0.2).suffix(" frames");
                let response = ui
                    .add(field)
                    .accessible_name(format!("Offset of {}, frames", rater.name));
                if response.changed() {
                    acts.push(Act::Offset(i, offset));
                }
                response.on_hover_text("Later where positive. The file stays as it is.");
            });
        }
        if !state.project.raters().is_empty() {
            ui.separator();
        }
        ui.horizontal(|ui| {
            ui.label(RichText::new("Who annotates").size(12.0).weak());
            let id = Id::unique("who annotates");
            let field = (150.0, "Name of who annotates");
            if let Some(name) = widgets::typed(ui, id, annotator, "your name", field) {
                acts.push(Act::Annotator(name));
            }
        })
        .response
        .on_hover_text(
            "New labels are called so; kept with every edit, and in the file beside saved labels.",
        );
        let mut row = |ui: &mut Ui, on: bool, label: &str, act: Act| {
            if ui
                .add_enabled(on, Button::selectable(false, label))
                .clicked()
            {
                acts.push(act);
                ui.close();
            }
        };
        row(ui, true, "Open a file of labels…", Act::PickLabels);
        row(ui, true, "New labels, empty", Act::NewRater(Start::Empty));
        if let Some(name) = state.rater_name() {
            let copy = format!("New labels, a copy of {name}");
            row(ui, true, &copy, Act::NewRater(Start::CopyOf(state.rater)));
        }
        let there = state.project.model().is_some();
        let copy = "New labels, a copy of the model's";
        row(ui, there, copy, Act::NewRater(Start::CopyOfModel));
        if let Some(name) = state.rater_name() {
            ui.separator();
            for format in SaveFormat::ALL {
                let label = format!("Save {name} as {}…", format.title());
                row(ui, true, &label, Act::Save(format));
            }
        }
    });
    response.on_hover_text(
        "Everybody's labels, whose the scores are against, and by how many frames each is moved",
    );
}
