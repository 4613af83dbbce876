//! How far annotators and model agree, every two and all together: over the selection, else over everything.

use std::ops::Range;

use eframe::egui::{
    Align, Align2, Color32, Layout, Rect, ScrollArea, Sense, Ui, UiBuilder, pos2, vec2,
};

use super::state::State;
use crate::gui::theme::{self, Palette};
use crate::gui::widgets;
use crate::metrics::{CLASS_DECIMALS, written};
use crate::numbers::grouped;
use crate::review::agreement::{Agreements, Group, Numbers, Pair, RangeAgreement};

/// What is compared: the word, what the matrix holds, and its number of two.
const KINDS: [(&str, &str); 3] = [
    (
        "Valence",
        "CCC of valence, every two over the frames that both rated",
    ),
    (
        "Arousal",
        "CCC of arousal, every two over the frames that both rated",
    ),
    (
        "Expression",
        "Cohen's kappa of expressions, every two over the frames that both labelled",
    ),
];

/// Height of a line of figures.
const LINE: f32 = 15.0;
/// Below that a row of the matrix cannot be read.
const LEAST_ROW: f32 = 11.0;

/// What a selection's agreement was made of: which sums, and which frames.
type Key = (u64, Range<usize>);

/// The panel and what it keeps.
#[derive(Default)]
pub struct Agree {
    /// Sums of all frames, and how many raters there were then.
    sums: Option<(RangeAgreement, usize)>,
    /// Counts sums.
    number: u64,
    kind: usize,
    made: Option<(Key, Agreements)>,
}

impl Agree {
    /// Takes sums that are done; `raters` is how many the project had.
    pub fn take(&mut self, sums: RangeAgreement, raters: usize) {
        self.sums = Some((sums, raters));
        self.number += 1;
    }

    /// Something else is open.
    pub fn clear(&mut self) {
        *self = Self {
            kind: self.kind,
            ..Self::default()
        };
    }

    fn make(&mut self, state: &State) -> Option<&Agreements> {
        // Sums of others than those who are here now say nothing: new ones are on their way.
        let (sums, _) = self
            .sums
            .as_ref()
            .filter(|s| s.1 == state.project.raters().len())?;
        let frames = state.selection.clone().unwrap_or(0..state.frames());
        let key = (self.number, frames.clone());
        if self.made.as_ref().is_none_or(|m| m.0 != key) {
            self.made = Some((key, sums.range(&state.project, frames)));
        }
        self.made.as_ref().map(|m| &m.1)
    }

    /// Shows it in the whole of `rect`.
    pub fn show(&mut self, ui: &mut Ui, rect: Rect, state: &State) {
        let p = Palette::of(ui.ctx());
        let bar = Rect::from_min_max(rect.min, pos2(rect.right(), rect.top() + 20.0));
        let row = UiBuilder::new()
            .max_rect(bar)
            .layout(Layout::left_to_right(Align::Center));
        let kind = self.kind;
        let chosen = ui.scope_builder(row, |ui| widgets::segmented(ui, "Agreement", &KINDS, kind));
        if let Some(kind) = chosen.inner {
            self.kind = kind;
        }
        let kind = self.kind;
        let below = Rect::from_min_max(pos2(rect.left(), bar.bottom() + 4.0), rect.max);
        let selected = state.selection.is_some();
        let words = match self.make(state) {
            None => "…",
            Some(all) if all.voices.len() < 2 => {
                "Two are needed: open another file of labels, or predictions."
            }
            Some(all) => {
                let height = all.voices.len() as f32 * LEAST_ROW + 4.0 * LINE + 16.0;
                let draw = |ui: &mut Ui, area: Rect| {
                    let bottom = area.bottom() - 3.0 * LINE - 6.0;
                    let grid = Rect::from_min_max(area.min, pos2(area.right(), bottom));
                    matrix(ui, grid, all, (kind, selected), &p);
                    let foot = Rect::from_min_max(pos2(area.left(), bottom + 6.0), area.max);
                    together(ui, foot, all, kind, &p);
                };
                if below.height() >= height {
                    draw(ui, below);
                    return;
                }
                // What has no room is scrolled to.
                ui.scope_builder(UiBuilder::new().max_rect(below), |ui| {
                    let area = ScrollArea::vertical().auto_shrink([false, false]);
                    area.show(ui, |ui| {
                        let size = vec2(ui.available_width() - 8.0, height);
                        let (area, _) = ui.allocate_exact_size(size, Sense::hover());
                        draw(ui, area);
                    });
                });
                return;
            }
        };
        let galley = ui
            .painter()
            .layout(words.to_owned(), theme::body(), p.muted, below.width());
        let area = Rect::from_min_size(below.min, galley.size());
        widgets::described(ui, area, "no agreement", || words.to_owned());
        ui.painter().galley(below.min, galley, p.muted);
    }
}

fn count_and_score(pair: &Pair, kind: usize) -> (u64, Option<f64>) {
    match kind {
        0 => (pair.valence.count(), pair.valence.ccc()),
        1 => (pair.arousal.count(), pair.arousal.ccc()),
        _ => (pair.expression.count(), pair.expression.kappa()),
    }
}

fn matrix(ui: &mut Ui, rect: Rect, all: &Agreements, (kind, selected): (usize, bool), p: &Palette) {
    let (word, _) = KINDS[kind];
    let score = ["CCC", "CCC", "Kappa"][kind];
    let names = 70.0;
    let count = all.voices.len();
    let grid = Rect::from_min_max(
        pos2(rect.left() + names, rect.top() + 15.0),
        rect.right_bottom(),
    );
    let (cw, ch) = (
        (grid.width() / count as f32).min(56.0),
        (grid.height() / count as f32).min(24.0),
    );
    let of = if selected {
        "of the selection"
    } else {
        "of all frames"
    };
    ui.painter().text(
        rect.left_top() + vec2(0.0, 7.0),
        Align2::LEFT_CENTER,
        format!("{score} {of}"),
        theme::small(),
        p.muted,
    );
    if ch < LEAST_ROW - 2.0 {
        return;
    }
    for (i, voice) in all.voices.iter().enumerate() {
        let y = grid.top() + ch * (i as f32 + 0.5);
        let name = widgets::layout_elided(ui, &voice.name, theme::small(), p.muted, names - 8.0);
        let at = pos2(grid.left() - 6.0 - name.size().x, y - name.size().y / 2.0);
        ui.painter().galley(at, name, p.muted);
    }
    let cell = |row: usize, column: usize| {
        let at = grid.min + vec2(cw * column as f32, ch * row as f32);
        Rect::from_min_size(at, vec2(cw, ch)).shrink(1.0)
    };
    for i in 0..count {
        ui.painter()
            .rect_filled(cell(i, i), 3.0, p.line.gamma_multiply(0.35));
    }
    let font = theme::digits(if cw < 28.0 { 9.5 } else { 10.5 });
    for pair in &all.pairs {
        let (frames, score_of) = count_and_score(pair, kind);
        let (a, b) = (&all.voices[pair.a].name, &all.voices[pair.b].name);
        for (row, column) in [(pair.a, pair.b), (pair.b, pair.a)] {
            let area = cell(row, column);
            ui.painter()
                .rect_filled(area, 3.0, p.line.gamma_multiply(0.5));
            let part = score_of.unwrap_or(0.0).clamp(0.0, 1.0) as f32;
            let strength = if part > 0.0 { 0.1 + 0.66 * part } else { 0.0 };
            ui.painter()
                .rect_filled(area, 3.0, p.accent.gamma_multiply(strength));
            let color = if part > 0.6 && p.dark {
                Color32::WHITE
            } else {
                p.text
            };
            let text = score_of.map_or("–".to_owned(), |v| match format!("{v:.2}") {
                one if one.starts_with('1') => "1.0".to_owned(),
                part => part.replace("0.", "."),
            });
            ui.painter().text(
                area.center(),
                Align2::CENTER_CENTER,
                text,
                font.clone(),
                color,
            );
            // One name for both halves.
            if row == pair.a {
                let said = format!(
                    "{score} {}, {a} and {b}: {}",
                    word.to_lowercase(),
                    written(score_of, CLASS_DECIMALS)
                );
                widgets::described(ui, area, &format!("pair {row} {column}"), || said.clone())
                    .on_hover_text(format!(
                        "{said}\n{} frames that both rated",
                        grouped(frames)
                    ));
            } else {
                ui.interact(
                    area,
                    ui.scope_id().with(("pair", row, column)),
                    Sense::hover(),
                )
                .on_hover_text(format!(
                    "{a} and {b}: {}\n{} frames that both rated",
                    written(score_of, CLASS_DECIMALS),
                    grouped(frames)
                ));
            }
        }
    }
}

/// What all of a group have in common, in one line each.
fn together(ui: &mut Ui, rect: Rect, all: &Agreements, kind: usize, p: &Palette) {
    let columns = ["ICC(2,1)", "ICC(2,k)", "alpha"];
    let width = (rect.width() - 78.0) / columns.len() as f32;
    let narrow = width < 54.0;
    let short = ["ICC2,1", "ICC2,k", "alpha"];
    let right_of = |i: usize| rect.left() + 78.0 + width * (i + 1) as f32;
    let shown = |i: usize| kind < 2 || i == 2;
    for (i, name) in columns.iter().enumerate().filter(|(i, _)| shown(*i)) {
        let at = pos2(right_of(i), rect.top() + LINE / 2.0);
        ui.painter().text(
            at,
            Align2::RIGHT_CENTER,
            if narrow { short[i] } else { *name },
            theme::digits(if narrow { 9.5 } else { 10.5 }),
            p.muted,
        );
    }
    let people =
        Some(&all.people).filter(|_| all.voices.iter().filter(|v| v.rater.is_some()).count() > 1);
    let groups = [
        ("people", people),
        ("with the model", all.with_model.as_ref()),
    ];
    for (line, (name, group)) in groups.into_iter().enumerate() {
        let Some(group) = group else { continue };
        let y = rect.top() + LINE * (line as f32 + 1.5);
        ui.painter().text(
            pos2(rect.left(), y),
            Align2::LEFT_CENTER,
            name,
            theme::small(),
            p.text,
        );
        let values = values(group, kind);
        let mut spoken = Vec::new();
        for (i, value) in values.iter().enumerate().filter(|(i, _)| shown(*i)) {
            let text = written(*value, 3);
            spoken.push(format!(
                "{} {}",
                columns[i],
                written(*value, CLASS_DECIMALS)
            ));
            let at = pos2(right_of(i), y);
            ui.painter()
                .text(at, Align2::RIGHT_CENTER, text, theme::digits(11.5), p.text);
        }
        let area = Rect::from_min_max(
            pos2(rect.left(), y - LINE / 2.0),
            pos2(rect.right(), y + LINE / 2.0),
        );
        let said = format!("{}, {name}: {}", KINDS[kind].0, spoken.join(", "));
        widgets::described(ui, area, name, || said.clone())
            .on_hover_text(format!("{said}\n{}", basis(group, kind)));
    }
}

fn numbers(group: &Group, kind: usize) -> Option<&Numbers> {
    [&group.valence, &group.arousal].get(kind).copied()
}

fn values(group: &Group, kind: usize) -> [Option<f64>; 3] {
    match numbers(group, kind) {
        Some(n) => [n.icc.single(), n.icc.mean(), n.alpha.alpha()],
        None => [None, None, group.expression.alpha()],
    }
}

/// Over how many frames, in words.
fn basis(group: &Group, kind: usize) -> String {
    match numbers(group, kind) {
        Some(n) => format!(
            "ICC: two-way random, absolute agreement, of one rater and of the mean of all {}, over {} frames that all rated. \
             Alpha: Krippendorff's, interval, over {} frames that two or more rated.",
            n.members.len(),
            grouped(n.icc.targets()),
            grouped(n.alpha.units())
        ),
        None => format!(
            "Alpha: Krippendorff's, nominal, over {} frames that two or more labelled.",
            grouped(group.expression.units())
        ),
    }
}
