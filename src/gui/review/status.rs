//! The bench's bar at the bottom: how far things are, what differs, what the model does not know.

use eframe::egui::{Rect, Stroke, Ui, pos2};

use super::state::State;
use crate::analysis::Status;
use crate::gui::layout::MARGIN;
use crate::gui::theme::{self, Palette};
use crate::gui::widgets;
use crate::numbers::counted;
use crate::review::session::JournalWord;

/// Figures that cost a walk over all frames, made once for each version of the state.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Figures {
    version: u64,
    rater: usize,
    no_face: usize,
    apart: Option<f64>,
    notes: Vec<String>,
}

impl Figures {
    /// Makes them anew if the state has changed.
    pub fn update(&mut self, state: &State) {
        if self.version == state.version() && self.rater == state.rater {
            return;
        }
        self.version = state.version();
        self.rater = state.rater;
        let frames = state.frames();
        self.no_face = state.project.model().map_or(0, |m| {
            let none = |f: &usize| m.status(*f) == Some(Status::NoFace);
            (0..frames).filter(none).count()
        });
        let whole = state.scores()[0].take();
        self.apart = whole.and_then(|s| s.expression.accuracy()).map(|a| 1.0 - a);
        self.notes = state.project.notes();
    }
}

/// What became of the edits.
pub struct Kept<'a> {
    /// The journal.
    pub journal: Option<&'a JournalWord>,
    /// Whether there are edits that were not saved as a file of labels.
    pub dirty: bool,
    /// The list of sessions has the window, and the keys.
    pub listed: bool,
}

/// Shows it in the whole of `rect`.
pub fn show(
    ui: &Ui,
    rect: Rect,
    (figures, kept): (&Figures, &Kept<'_>),
    state: Option<&State>,
    compact: bool,
) {
    let p = Palette::of(ui.ctx());
    ui.painter().rect_filled(rect, 0.0, p.panel);
    ui.painter()
        .hline(rect.x_range(), rect.top() + 0.5, Stroke::new(1.0, p.line));
    let y = rect.center().y;
    let hint = if kept.listed {
        "↑ ↓ choose · Enter open · F2 rename · Del to the bin"
    } else if compact || state.is_none() {
        "F1 keys"
    } else {
        "← → frame · J K L play · [ ] select · F1 keys"
    };
    let hint = widgets::layout(ui, hint, theme::caption(), p.muted);
    let hint_left = rect.right() - MARGIN - hint.size().x;
    ui.painter()
        .galley(pos2(hint_left, y - hint.size().y / 2.0), hint, p.muted);
    let Some(state) = state else { return };
    let mut x = rect.left() + MARGIN;
    let mut figure = |id: &str, word: &str, value: String, hover: String, alarm: bool| {
        let word = widgets::layout(ui, word, theme::caption(), p.muted);
        let color = if alarm { p.record } else { p.text };
        let value_galley = widgets::layout(ui, &value, theme::digits_medium(12.0), color);
        let width = word.size().x + 6.0 + value_galley.size().x;
        if x + width > hint_left - 12.0 {
            return;
        }
        let area = Rect::from_min_max(pos2(x, rect.top()), pos2(x + width, rect.bottom()));
        let spoken = format!("{} {value}", word.text());
        ui.painter()
            .galley(pos2(x, y - word.size().y / 2.0), word.clone(), p.muted);
        let at = pos2(x + word.size().x + 6.0, y - value_galley.size().y / 2.0);
        ui.painter().galley(at, value_galley, color);
        widgets::described(ui, area, id, || spoken.clone()).on_hover_text(hover);
        x += width + 20.0;
    };
    if let Some(journal) = kept.journal {
        let (word, alarm) = match (&journal.failed, journal.waiting) {
            (Some(_), _) => ("not kept", true),
            (None, 0) if kept.dirty => ("kept, not saved yet", false),
            (None, 0) => ("kept", false),
            (None, _) => ("being kept", false),
        };
        let why = journal.failed.clone().unwrap_or_else(|| {
            format!(
                "Each edit is written at once to {}. Ctrl+S saves the labels as a file of their own.",
                journal.path.display()
            )
        });
        figure("edits", "edits", word.to_owned(), why, alarm);
    }
    if state.draw {
        let hover =
            "A drag in the rows of valence and arousal draws values there. D ends it.".to_owned();
        figure(
            "drawing",
            "drawing",
            "on the timeline".to_owned(),
            hover,
            true,
        );
    }
    if let Some(run) = &state.rating {
        let hover = "R ends the rating; one undo takes it back".to_owned();
        figure(
            "rating",
            "rating live,",
            format!("{:.0} Hz", run.rate_hz()),
            hover,
            true,
        );
    }
    if let (Some(apart), false) = (figures.apart, state.blind) {
        figure(
            "apart",
            "other expression on",
            format!("{:.1} %", apart * 100.0),
            "Part of the labelled frames on which the model says another expression than the label"
                .to_owned(),
            false,
        );
    }
    if state.project.model().is_some() {
        figure(
            "no face",
            "no face on",
            counted(figures.no_face as u64, "frame"),
            "Frames that were looked at and have no face; they have no prediction".to_owned(),
            false,
        );
    }
    if let Some(range) = &state.selection {
        // To the end of its last frame, which at the video's end is as long as usual.
        let times = state.project.times_s();
        let last_s = || Some(times.last()? + 1.0 / state.project.rate_hz());
        let end_s = times.get(range.end).copied().or_else(last_s);
        let length_s = end_s
            .zip(times.get(range.start))
            .map_or(0.0, |(b, a)| b - a);
        figure(
            "selected",
            "selected",
            format!("{}, {length_s:.2} s", counted(range.len() as u64, "frame")),
            "Between [ and ], or dragged with shift; Esc lets it go".to_owned(),
            false,
        );
    }
    if !figures.notes.is_empty() {
        figure(
            "notes",
            "look at",
            match figures.notes.len() {
                1 => "1 note".to_owned(),
                n => format!("{n} notes"),
            },
            figures.notes.join("\n"),
            true,
        );
    }
}
