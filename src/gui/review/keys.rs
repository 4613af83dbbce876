//! The bench's keyboard.

use eframe::egui::{Context, Key};

use super::act::Act;
use crate::labels::Expression;
use crate::review::save::SaveFormat;

const NUMBERS: [Key; Expression::COUNT] = [
    Key::Num1,
    Key::Num2,
    Key::Num3,
    Key::Num4,
    Key::Num5,
    Key::Num6,
    Key::Num7,
];

/// Every key and what it does.
pub const KEYS: [(&str, &str); 24] = [
    ("Space", "Play, or stop"),
    ("← →", "One frame; with shift one second"),
    ("J K L", "Backwards, stop, forwards; again: faster"),
    ("Home End", "First frame, last frame"),
    ("G", "Go to a frame or a time"),
    ("[ ]", "The selection begins here, ends here"),
    ("Z", "Zoom to the selection; without one, show everything"),
    (
        "+ −",
        "Zoom in, zoom out; also with the wheel over the timeline",
    ),
    ("Shift+drag", "Select on the timeline"),
    (
        "1 – 7",
        "The selection, else this frame, is neutral (1), anger, disgust, fear, happiness, sadness, surprise (7)",
    ),
    ("0", "No label; with shift: as in the file"),
    ("D", "Draw valence and arousal on the timeline, or not"),
    (
        "R",
        "Rate live with the pointer in the circumplex while it plays",
    ),
    ("Ctrl+Z", "Undo; with shift: redo"),
    ("Ctrl+S", "Save the labels as a csv"),
    ("N", "The next segment; with shift the one before"),
    (
        "E",
        "Settle the segment: label right, model right, unclear, open",
    ),
    ("B", "Hide the predictions, or show them"),
    ("O", "Open a video"),
    ("P", "Save a picture of the window"),
    ("T", "Dark or light"),
    ("Esc", "Nothing is selected; close what is open"),
    ("F1 or ?", "These keys"),
    ("Tab", "Next control; Enter presses it"),
];

/// What the keys ask for.
pub fn pressed(ctx: &Context, covered: bool) -> Vec<Act> {
    if ctx.text_edit_focused() {
        return Vec::new();
    }
    let focused = ctx.memory(|m| m.focused().is_some());
    ctx.input(|i| {
        let mut acts = Vec::new();
        if i.key_pressed(Key::F1) || i.key_pressed(Key::Questionmark) {
            acts.push(Act::Keys);
        }
        if !covered && i.modifiers.command {
            if i.key_pressed(Key::Z) {
                acts.push(if i.modifiers.shift {
                    Act::Redo
                } else {
                    Act::Undo
                });
            }
            if i.key_pressed(Key::Y) {
                acts.push(Act::Redo);
            }
            if i.key_pressed(Key::S) {
                acts.push(Act::Save(SaveFormat::Csv));
            }
        }
        if covered || i.modifiers.command || i.modifiers.ctrl || i.modifiers.alt {
            return acts;
        }
        let shift = i.modifiers.shift;
        if i.key_pressed(Key::Space) && !focused {
            acts.push(Act::Toggle);
        }
        for (key, way) in [(Key::ArrowLeft, -1), (Key::ArrowRight, 1)] {
            // Held down it goes on.
            for _ in 0..i.num_presses(key) {
                acts.push(if shift {
                    Act::StepSeconds(f64::from(way))
                } else {
                    Act::Step(i64::from(way))
                });
            }
        }
        let letters = [
            (Key::J, Act::Shuttle(false)),
            (Key::K, Act::Pause),
            (Key::L, Act::Shuttle(true)),
            (Key::Home, Act::Go(0)),
            (Key::End, Act::Go(i64::MAX)),
            (Key::OpenBracket, Act::Mark(false)),
            (Key::CloseBracket, Act::Mark(true)),
            (Key::D, Act::Draw),
            (Key::R, Act::Rate),
            (Key::E, Act::SettleNext),
            (Key::B, Act::Blind),
            (Key::O, Act::PickVideo),
            (Key::P, Act::SavePicture),
            (Key::T, Act::Theme),
            (Key::Escape, Act::Unselect),
        ];
        for (key, expression) in NUMBERS.into_iter().zip(Expression::ALL) {
            if i.key_pressed(key) {
                acts.push(Act::Label(Some(expression)));
            }
        }
        if i.key_pressed(Key::Num0) {
            acts.push(if shift { Act::Restore } else { Act::Clear });
        }
        if i.key_pressed(Key::N) {
            acts.push(Act::Walk(!shift));
        }
        for (key, act) in letters {
            if i.key_pressed(key) {
                acts.push(act);
            }
        }
        acts
    })
}
