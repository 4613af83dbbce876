//! The keyboard.

use eframe::egui::{Context, Key, Theme};

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

/// What the keys ask for. While a card covers the window only the key of the keys works (Esc closes the card itself).
pub fn pressed(ctx: &Context, model: &Model, covered: bool) -> Vec<Action> {
    if ctx.text_edit_focused() {
        return Vec::new();
    }
    // A control that has the focus is pressed with Space.
    let focused = ctx.memory(|m| m.focused().is_some());
    let dark = ctx.theme() == Theme::Dark;
    ctx.input(|i| {
        let mut actions = Vec::new();
        if i.key_pressed(Key::F1) || i.key_pressed(Key::Questionmark) {
            actions.push(Action::ShowKeys);
        }
        if covered || i.modifiers.command || i.modifiers.ctrl || i.modifiers.alt {
            return actions;
        }
        let letters = [
            (Key::R, Action::ToggleRecord),
            (Key::O, Action::PickFile),
            (Key::M, Action::ToggleMirror),
            (Key::S, Action::SavePicture),
            (
                Key::T,
                Action::Theme(if dark {
                    ThemeChoice::Light
                } else {
                    ThemeChoice::Dark
                }),
            ),
        ];
        if i.key_pressed(Key::Space) && !focused {
            actions.push(Action::TogglePause);
        }
        for (key, action) in letters {
            if i.key_pressed(key) {
                actions.push(action);
            }
        }
        let readings = model.readings();
        for (place, key) in NUMBERS.into_iter().enumerate() {
            if !i.key_pressed(key) {
                continue;
            }
            // The number that is on screen beside a face; else its place in the row.
            let face = readings
                .iter()
                .find(|r| r.face_id as usize == place + 1)
                .or_else(|| readings.get(place));
            actions.extend(face.map(|r| Action::Follow(r.face_id)));
        }
        actions
    })
}
