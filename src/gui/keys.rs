//! The keyboard.

use eframe::egui::{Context, Event, InputState, Key, Modifiers, Theme};

use super::action::Action;
use super::model::Model;
use crate::settings::ThemeChoice;

const NUMBERS: [Key; 9] = [
    Key::Num1,
    Key::Num2,
    Key::Num3,
    Key::Num4,
    Key::Num5,
    Key::Num6,
    Key::Num7,
    Key::Num8,
    Key::Num9,
];

/// The keys that went down since the last frame, in their order, whether each is one held down, and what was held with it
/// then: somebody who is quicker than the window had let go of it since.
pub fn presses(input: &InputState) -> impl Iterator<Item = (Key, bool, Modifiers)> {
    input.events.iter().filter_map(|event| match event {
        Event::Key {
            key,
            pressed: true,
            repeat,
            modifiers,
            ..
        } => Some((*key, *repeat, *modifiers)),
        _ => None,
    })
}

/// What the keys ask for, in the order in which they were pressed; one that is held down asks once. While a card covers the
/// window only the key of the keys works (Esc closes the card itself).
pub fn pressed(ctx: &Context, model: &Model, covered: bool) -> Vec<Action> {
    if ctx.text_edit_focused() {
        return Vec::new();
    }
    // A control that has the focus is pressed with Space.
    let focused = ctx.memory(|m| m.focused().is_some());
    let dark = ctx.theme() == Theme::Dark;
    ctx.input(|i| {
        let asked = presses(i).filter_map(|(key, repeat, modifiers)| {
            if repeat {
                return None;
            }
            if matches!(key, Key::F1 | Key::Questionmark) {
                return Some(Action::ShowKeys);
            }
            let other = modifiers.command || modifiers.ctrl || modifiers.alt;
            if covered || other || (key == Key::Space && focused) {
                return None;
            }
            plain(key, model, dark)
        });
        asked.collect()
    })
}

fn plain(key: Key, model: &Model, dark: bool) -> Option<Action> {
    Some(match key {
        Key::Space => Action::TogglePause,
        Key::R => Action::ToggleRecord,
        Key::O => Action::PickFile,
        Key::M => Action::ToggleMirror,
        Key::S => Action::SavePicture,
        Key::T if dark => Action::Theme(ThemeChoice::Light),
        Key::T => Action::Theme(ThemeChoice::Dark),
        _ => {
            let place = NUMBERS.iter().position(|n| *n == key)?;
            let readings = model.readings();
            // The number that is on screen beside a face; else its place in the row.
            let face = readings
                .iter()
                .find(|r| r.face_id as usize == place + 1)
                .or_else(|| readings.get(place))?;
            Action::Follow(face.face_id)
        }
    })
}
