//! The bench's keyboard.

use eframe::egui::{Context, Key};

use super::act::Act;
use crate::gui::keys::presses;
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

/// What the keys ask for, in the order in which they were pressed: somebody who is quicker than the window labels the frame
/// that is meant.
pub fn pressed(ctx: &Context, covered: bool) -> Vec<Act> {
    if ctx.text_edit_focused() {
        return Vec::new();
    }
    let focused = ctx.memory(|m| m.focused().is_some());
    ctx.input(|i| {
        let asked = presses(i).filter_map(|(key, repeat, modifiers)| {
            if matches!(key, Key::F1 | Key::Questionmark) {
                return (!repeat).then_some(Act::Keys);
            }
            if covered {
                return None;
            }
            if modifiers.command {
                return with_command(key, modifiers.shift).filter(|act| !repeat || goes_on(act));
            }
            if modifiers.ctrl || modifiers.alt || (key == Key::Space && focused) {
                return None;
            }
            plain(key, modifiers.shift).filter(|act| !repeat || goes_on(act))
        });
        asked.collect()
    })
}

/// Held down it goes on.
fn goes_on(act: &Act) -> bool {
    matches!(
        act,
        Act::Step(_) | Act::StepSeconds(_) | Act::Walk(_) | Act::Undo | Act::Redo
    )
}

fn with_command(key: Key, shift: bool) -> Option<Act> {
    match key {
        Key::Z if shift => Some(Act::Redo),
        Key::Z => Some(Act::Undo),
        Key::Y => Some(Act::Redo),
        Key::S => Some(Act::Save(SaveFormat::Csv)),
        _ => None,
    }
}

fn plain(key: Key, shift: bool) -> Option<Act> {
    let mut numbers = NUMBERS.into_iter().zip(Expression::ALL);
    if let Some((_, expression)) = numbers.find(|(number, _)| *number == key) {
        return Some(Act::Label(Some(expression)));
    }
    let way: i32 = if key == Key::ArrowLeft { -1 } else { 1 };
    Some(match key {
        Key::ArrowLeft | Key::ArrowRight if shift => Act::StepSeconds(f64::from(way)),
        Key::ArrowLeft | Key::ArrowRight => Act::Step(i64::from(way)),
        Key::Space => Act::Toggle,
        Key::J => Act::Shuttle(false),
        Key::K => Act::Pause,
        Key::L => Act::Shuttle(true),
        Key::Home => Act::Go(0),
        Key::End => Act::Go(i64::MAX),
        Key::OpenBracket => Act::Mark(false),
        Key::CloseBracket => Act::Mark(true),
        Key::D => Act::Draw,
        Key::R => Act::Rate,
        Key::N => Act::Walk(!shift),
        Key::E => Act::SettleNext,
        Key::Num0 if shift => Act::Restore,
        Key::Num0 => Act::Clear,
        Key::B => Act::Blind,
        Key::O => Act::PickVideo,
        Key::P => Act::SavePicture,
        Key::T => Act::Theme,
        Key::Escape => Act::Unselect,
        _ => return None,
    })
}
