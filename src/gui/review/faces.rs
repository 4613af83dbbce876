//! The faces of the predictions in their menu: which one is read, what they are called, and which of them are one person.

use eframe::egui::{Button, Id, RichText, Stroke, Ui};

use super::act::Act;
use super::state::State;
use crate::formats::labels::Person;
use crate::gui::menu;
use crate::gui::theme::Palette;
use crate::gui::widgets;
use crate::numbers::{counted, grouped};
use crate::review::model::{Face, Model};
use crate::review::{FaceChoice, Faces};

/// So many faces have a row: those on most frames.
const MOST_ROWS: usize = 12;

/// Shows them. `growing`: rows are still coming, and with them ids.
pub fn rows(ui: &mut Ui, state: &State, model: &Model, growing: bool, acts: &mut Vec<Act>) {
    menu::caption(ui, "Face");
    let mut choice = |ui: &mut Ui, words: String, choice: FaceChoice| {
        let on = model.choice() == choice;
        if ui.add(Button::selectable(on, words)).clicked() {
            acts.push(Act::Face(choice));
        }
    };
    let largest = "The largest on each frame".to_owned();
    choice(ui, largest, FaceChoice::Largest);
    if state.project.raters().iter().any(|r| r.person.is_some()) {
        for (side, word) in [(Person::Left, "left"), (Person::Right, "right")] {
            choice(ui, format!("The one on the {word}"), FaceChoice::Side(side));
        }
    }
    let faces = model.faces();
    for face in faces.iter().take(MOST_ROWS) {
        choice(ui, words(model.names(), face), FaceChoice::Id(face.id));
    }
    if faces.len() > MOST_ROWS {
        let more = format!("and {} on fewer frames", faces.len() - MOST_ROWS);
        ui.label(RichText::new(more).size(12.0).weak());
    }
    if faces.is_empty() {
        return;
    }
    let chosen = match model.choice() {
        FaceChoice::Id(id) => faces.iter().find(|f| f.id == id),
        _ => None,
    };
    match chosen {
        _ if growing => hint(ui, "Faces can be named when the analysis has ended."),
        None => hint(ui, "Choose a face to name it, or to join it with another."),
        Some(face) => {
            ui.indent("face", |ui| edit(ui, model, face, &faces, acts));
        }
    }
}

fn hint(ui: &mut Ui, text: &str) {
    ui.label(RichText::new(text).size(12.0).weak());
}

/// `Anna, face 1, 120 frames`.
fn words(names: &Faces, face: &Face) -> String {
    let frames = counted(face.frames as u64, "frame");
    let joined = names.joined_to(face.id).count();
    let ids = match joined {
        0 => format!("face {}", face.id),
        n => format!("face {} and {n} more", face.id),
    };
    match names.name(face.id) {
        Some(name) => format!("{name}, {ids}, {frames}"),
        None => format!("F{}, {frames}", &ids[1..]),
    }
}

/// A button within a menu, where buttons have no frame of their own.
fn small(ui: &Ui, text: &str) -> Button<'static> {
    let p = Palette::of(ui.ctx());
    let text = RichText::new(text).size(12.0);
    let framed = Button::new(text).fill(p.raised());
    framed.stroke(Stroke::new(1.0, p.line)).small()
}

/// Name and joins of the chosen face.
fn edit(ui: &mut Ui, model: &Model, face: &Face, faces: &[Face], acts: &mut Vec<Act>) {
    let names = model.names();
    let mut change = |change: &dyn Fn(&mut Faces)| {
        let mut new = names.clone();
        change(&mut new);
        if new != *names {
            acts.push(Act::Names(Box::new(new)));
        }
    };
    let known = names.name(face.id).unwrap_or("").to_owned();
    ui.horizontal(|ui| {
        ui.label(RichText::new("Name").size(12.0).weak());
        let id = Id::unique(("name of face", face.id));
        let field = (150.0, &*format!("Name of face {}", face.id));
        if let Some(name) = widgets::typed(ui, id, &known, "nobody yet", field) {
            change(&|names| names.set_name(face.id, &name));
        }
    });
    let others = faces.iter().filter(|f| f.id != face.id).take(MOST_ROWS);
    let others: Vec<&Face> = others.collect();
    if !others.is_empty() {
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new("Same person as").size(12.0).weak());
            for other in others {
                let title = names.title(other.id);
                let button = ui.add(small(ui, &title));
                let button = button.accessible_name(format!(
                    "{} is the same person as {title}",
                    names.title(face.id)
                ));
                let hint = "Both ids are one face from now on. The rows stay as they are, and it can be parted again.";
                if button.on_hover_text(hint).clicked() {
                    change(&|names| {
                        names.join(face.id, other.id);
                    });
                }
            }
        });
    }
    let joined: Vec<u32> = names.joined_to(face.id).collect();
    if !joined.is_empty() {
        ui.horizontal_wrapped(|ui| {
            ui.label(RichText::new("Joined").size(12.0).weak());
            for id in joined {
                let button = ui.add(small(ui, &format!("face {id}  ×")));
                let button = button.accessible_name(format!("Part face {id} from it"));
                let hint = "It is a face of its own again";
                if button.on_hover_text(hint).clicked() {
                    change(&|names| {
                        names.part(id);
                    });
                }
            }
        });
    }
    if face.both > 0 {
        let text = format!(
            "On {} frames several of these are there at once: were two people joined? The row of face {} counts.",
            grouped(face.both as u64),
            face.id
        );
        ui.label(RichText::new(text).size(12.0).weak());
    }
}
