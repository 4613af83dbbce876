//! Scores beside the picture: over everything, over the selection, up to the play-head; and the confusion matrix.

use eframe::egui::{
    Align, Align2, Button, Color32, Layout, Rect, RichText, Role, Sense, Stroke, StrokeKind, Ui,
    UiBuilder, WidgetInfo, pos2, vec2,
};

use super::act::Act;
use super::agree::Agree;
use super::circle;
use super::state::{Below, State};
use crate::evaluate::matching::Scores;
use crate::gui::layout::MARGIN;
use crate::gui::theme::{self, Palette};
use crate::gui::widgets;
use crate::labels::Expression;
use crate::metrics::{SCORE_DECIMALS, written};
use crate::numbers::{counted, grouped};

/// The rows: name, what it means, how it is computed.
type Row = (&'static str, &'static str, fn(&Scores) -> Option<f64>);

const ROWS: [Row; 5] = [
    (
        "CCC valence",
        "Lin's concordance of valence: 1 is the same, 0 nothing in common",
        |s| s.valence.ccc(),
    ),
    ("CCC arousal", "Lin's concordance of arousal", |s| {
        s.arousal.ccc()
    }),
    ("Macro F1", "Mean F1 over the expressions that occur", |s| {
        s.expression.macro_f1()
    }),
    (
        "Accuracy",
        "Part of the frames whose expression is the label's",
        |s| s.expression.accuracy(),
    ),
    (
        "Criterion",
        "0.67 macro F1 + 0.33 accuracy (ABAW 2021)",
        |s| s.expression.criterion(),
    ),
];

/// What may be shown below the scores, in the order of their buttons.
const BELOW: [Below; 3] = [Below::Confusion, Below::Circumplex, Below::Agreement];

/// Names of the columns, as they are drawn and as they are spoken.
const COLUMNS: [(&str, &str); 3] = [
    ("all", "all"),
    ("selected", "selection"),
    ("to here", "to the play-head"),
];

/// Height of a row of figures, and where there is little room.
const ROW: f32 = 22.0;
const LOW_ROW: f32 = 16.0;

/// Shows them in the whole of `rect`.
pub fn show(ui: &mut Ui, rect: Rect, state: &State, agree: &mut Agree) -> Vec<Act> {
    let p = Palette::of(ui.ctx());
    ui.painter()
        .vline(rect.left() + 0.5, rect.y_range(), Stroke::new(1.0, p.line));
    let inner = rect.shrink2(vec2(MARGIN, 8.0));
    let painter = ui.painter().with_clip_rect(rect);
    let title = match state.rater_name() {
        Some(name) => format!("Against {name}"),
        None => "Scores".to_owned(),
    };
    let heading = widgets::layout_elided(ui, &title, theme::semibold(12.0), p.muted, inner.width());
    let at = inner.left_top() + vec2(0.0, 2.0);
    widgets::described(
        ui,
        Rect::from_min_size(at, heading.size()),
        "against",
        || title.clone(),
    );
    painter.galley(at, heading, p.muted);
    let mut acts = Vec::new();
    let scores = state.scores();
    if scores[0].is_none() || state.blind {
        let words = if state.blind {
            "Hidden while you rate.\nB shows the predictions again."
        } else if state.project.model().is_none() {
            "Scores need predictions:\nopen a file of them, or analyse the video."
        } else {
            "Scores need labels:\nopen a file of annotations."
        };
        let galley = painter.layout(words.to_owned(), theme::body(), p.muted, inner.width());
        let at = pos2(inner.left(), inner.top() + 30.0);
        widgets::described(
            ui,
            Rect::from_min_size(at, galley.size()),
            "no scores",
            || words.replace('\n', " "),
        );
        let mut bottom = at.y + galley.size().y + 12.0;
        painter.galley(at, galley, p.muted);
        if !state.blind && state.project.model().is_none() && state.project.video.is_some() {
            let area = Rect::from_min_size(pos2(inner.left(), bottom), vec2(150.0, 28.0));
            let button = Button::new("Analyse the video").min_size(area.size());
            if ui.put(area, button).clicked() {
                acts.push(Act::Analyse);
            }
            bottom = area.bottom() + 12.0;
        }
        // Who rates needs the circle all the same.
        let rest = Rect::from_min_max(pos2(inner.left(), bottom), inner.max);
        if rest.height() > 110.0 && state.project.raters().len() > 1 && !state.blind {
            acts.extend(lower(ui, rest, (state, &scores), agree, &p));
        } else if rest.height() > 90.0 && !state.project.raters().is_empty() {
            acts.extend(circle::show(ui, rest, state));
        }
        return acts;
    }
    let row_height = if rect.height() < 350.0 { LOW_ROW } else { ROW };
    let top = inner.top() + 24.0;
    let narrow = inner.width() < 240.0;
    let shown: &[usize] = if narrow { &[0, 1] } else { &[0, 1, 2] };
    let name_width = if narrow { 78.0 } else { 84.0 };
    let column = (inner.width() - name_width) / shown.len() as f32;
    let right_of = |i: usize| inner.left() + name_width + column * (i + 1) as f32;
    for (i, &c) in shown.iter().enumerate() {
        let at = pos2(right_of(i), top + 8.0);
        painter.text(
            at,
            Align2::RIGHT_CENTER,
            COLUMNS[c].0,
            theme::digits(11.0),
            if scores[c].is_some() {
                p.muted
            } else {
                p.faint
            },
        );
    }
    for (r, (name, what, of)) in ROWS.iter().enumerate() {
        let y = top + 18.0 + row_height * (r as f32 + 0.5);
        painter.text(
            pos2(inner.left(), y),
            Align2::LEFT_CENTER,
            *name,
            theme::caption(),
            p.text,
        );
        let whole = scores[0].as_ref().and_then(of);
        for (i, &c) in shown.iter().enumerate() {
            let value = scores[c].as_ref().map(of);
            let text = match value {
                None => String::new(),
                Some(value) => written(value, 3),
            };
            // Far below the whole: that is what an annotator looks for.
            let low =
                c == 1 && matches!((value.flatten(), whole), (Some(v), Some(w)) if v < w - 0.1);
            let color = if low { p.record } else { p.text };
            painter.text(
                pos2(right_of(i), y),
                Align2::RIGHT_CENTER,
                text,
                theme::digits(12.5),
                color,
            );
        }
        let line = Rect::from_min_max(
            pos2(inner.left(), y - row_height / 2.0),
            pos2(inner.right(), y + row_height / 2.0),
        );
        widgets::described(ui, line, name, || {
            let mut words = (*name).to_owned();
            for (value, (_, spoken)) in scores.iter().zip(COLUMNS) {
                if let Some(value) = value {
                    words.push_str(&format!(
                        ", {spoken} {}",
                        written(of(value), SCORE_DECIMALS)
                    ));
                }
            }
            words
        })
        .on_hover_ui(|ui| {
            ui.label(*what);
            for (value, (_, spoken)) in scores.iter().zip(COLUMNS) {
                if let Some(value) = value {
                    let text = format!("{spoken}: {}", written(of(value), SCORE_DECIMALS));
                    ui.label(RichText::new(text).font(theme::digits(12.0)));
                }
            }
        });
    }
    let y = top + 18.0 + row_height * ROWS.len() as f32 + 9.0;
    let counts = scores[0].as_ref().map(|s| s.counts.matched).unwrap_or(0);
    let words = format!("{} with a prediction", counted(counts, "labelled frame"));
    let galley = widgets::layout_elided(ui, &words, theme::small(), p.muted, inner.width());
    painter.galley(pos2(inner.left(), y - 6.0), galley, p.muted);
    let rest = Rect::from_min_max(pos2(inner.left(), y + 12.0), inner.max);
    if rest.height() < 110.0 {
        return acts;
    }
    acts.extend(lower(ui, rest, (state, &scores), agree, &p));
    acts
}

/// Matrix, circle and agreement, of which one is shown; the matrix where there are scores.
fn lower(
    ui: &mut Ui,
    rest: Rect,
    (state, scores): (&State, &[Option<Scores>; 3]),
    agree: &mut Agree,
    p: &Palette,
) -> Vec<Act> {
    let choices = match scores[0].is_some() {
        true => &BELOW[..],
        false => &BELOW[1..],
    };
    let bar = Rect::from_min_max(rest.min, pos2(rest.right(), rest.top() + 22.0));
    let below = Rect::from_min_max(pos2(rest.left(), bar.bottom() + 2.0), rest.max);
    let row = UiBuilder::new()
        .max_rect(bar)
        .layout(Layout::left_to_right(Align::Center));
    // Who rates needs the circle.
    let shown_below = if state.rating.is_some() || !choices.contains(&state.below) {
        Below::Circumplex
    } else {
        state.below
    };
    let [confusion_word, circle_word, agree_word] = if rest.width() < 240.0 {
        ["Matrix", "Circle", "Agree"]
    } else {
        ["Confusion", "Circumplex", "Agreement"]
    };
    let chosen = ui.scope_builder(row, |ui| {
        let options = [
            (confusion_word, "How often each label met each prediction"),
            (
                circle_word,
                "Where model and labels lie, and a place to rate",
            ),
            (
                agree_word,
                "How far annotators and model agree, every two and all together",
            ),
        ];
        let on = choices.iter().position(|b| *b == shown_below);
        let options = &options[BELOW.len() - choices.len()..];
        widgets::segmented(ui, "Below", options, on.unwrap_or(0))
    });
    let mut acts: Vec<Act> = chosen
        .inner
        .map(|i| Act::Below(choices[i]))
        .into_iter()
        .collect();
    match shown_below {
        Below::Circumplex => acts.extend(circle::show(ui, below, state)),
        Below::Confusion => acts.extend(confusion(ui, below, state, scores, p)),
        Below::Agreement => agree.show(ui, below, state),
    }
    acts
}

/// Whose counts the matrix has: the selection's where there is one.
fn confusion(
    ui: &mut Ui,
    rect: Rect,
    state: &State,
    scores: &[Option<Scores>; 3],
    p: &Palette,
) -> Vec<Act> {
    let mut acts = Vec::new();
    let (of, which) = match (&scores[1], &scores[0]) {
        (Some(selected), _) => (selected, "the selection"),
        (None, Some(all)) => (all, "all frames"),
        (None, None) => return acts,
    };
    let counts = of.expression.counts();
    ui.painter().text(
        rect.left_top() + vec2(0.0, 7.0),
        Align2::LEFT_CENTER,
        format!("of {which}"),
        theme::small(),
        p.muted,
    );
    ui.painter().text(
        pos2(rect.right(), rect.top() + 7.0),
        Align2::RIGHT_CENTER,
        "label ↓ model →",
        theme::small(),
        p.muted,
    );
    let names = 60.0;
    let grid = Rect::from_min_max(
        pos2(rect.left() + names, rect.top() + 16.0),
        pos2(rect.right(), rect.bottom() - 16.0),
    );
    let (cw, ch) = (grid.width() / 7.0, (grid.height() / 7.0).min(30.0));
    let font = if cw < 24.0 {
        theme::digits(9.0)
    } else {
        theme::digits(10.5)
    };
    for (r, label) in Expression::ALL.into_iter().enumerate() {
        let y = grid.top() + ch * (r as f32 + 0.5);
        ui.painter().text(
            pos2(grid.left() - 6.0, y),
            Align2::RIGHT_CENTER,
            label.name(),
            theme::small(),
            p.muted,
        );
        let row: u64 = counts[r].iter().sum();
        for (c, said) in Expression::ALL.into_iter().enumerate() {
            let cell = Rect::from_min_size(
                pos2(grid.left() + cw * c as f32, grid.top() + ch * r as f32),
                vec2(cw, ch),
            )
            .shrink(1.0);
            let n = counts[r][c];
            let part = if row > 0 { n as f32 / row as f32 } else { 0.0 };
            let response = ui.interact(cell, ui.scope_id().with(("cell", r, c)), Sense::CLICK);
            let chosen = state.cell == Some((label, said));
            response.widget_info(|| {
                let name = format!("Labelled {label}, model {said}: {}", counted(n, "frame"));
                WidgetInfo::selected(Role::Button, true, chosen, name)
            });
            let strength = if n == 0 { 0.0 } else { 0.14 + 0.62 * part };
            ui.painter()
                .rect_filled(cell, 3.0, p.line.gamma_multiply(0.5));
            ui.painter()
                .rect_filled(cell, 3.0, p.accent.gamma_multiply(strength));
            if chosen || response.hovered() || response.has_focus() {
                let stroke = Stroke::new(1.5, if chosen { p.text } else { p.accent });
                ui.painter()
                    .rect_stroke(cell, 3.0, stroke, StrokeKind::Inside);
            }
            if n > 0 {
                let strong = part > 0.5 && p.dark;
                let color = if strong { Color32::WHITE } else { p.text };
                ui.painter().text(
                    cell.center(),
                    Align2::CENTER_CENTER,
                    short(n),
                    font.clone(),
                    color,
                );
            }
            if response.clicked() {
                acts.push(if n > 0 {
                    Act::Cell(label, said)
                } else {
                    Act::NoCell
                });
            }
            response.on_hover_ui(|ui| {
                let percent = part * 100.0;
                ui.label(format!(
                    "{} frames labelled {label} that the model calls {said}: {percent:.1} % of those labelled {label}.",
                    grouped(n)
                ));
                if n > 0 {
                    ui.label("Click: the next of them.");
                }
            });
        }
    }
    for (c, said) in Expression::ALL.into_iter().enumerate() {
        let at = pos2(
            grid.left() + cw * (c as f32 + 0.5),
            grid.top() + ch * 7.0 + 8.0,
        );
        ui.painter().text(
            at,
            Align2::CENTER_CENTER,
            &said.name()[..if cw < 24.0 { 2 } else { 3 }],
            theme::small(),
            p.muted,
        );
    }
    acts
}

/// A count in four signs at most.
fn short(n: u64) -> String {
    match n {
        0..=9_999 => n.to_string(),
        10_000..=999_999 => format!("{}k", n / 1000),
        _ => format!("{:.1}M", n as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_fit_their_cells() {
        for (n, text) in [
            (0, "0"),
            (9_999, "9999"),
            (10_000, "10k"),
            (2_500_000, "2.5M"),
        ] {
            assert_eq!(short(n), text);
        }
    }

    #[test]
    fn every_row_is_named_once() {
        let names: std::collections::HashSet<_> = ROWS.iter().map(|r| r.0).collect();
        assert_eq!(names.len(), ROWS.len());
    }
}
