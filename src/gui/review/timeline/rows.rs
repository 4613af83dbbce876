//! Which rows the timeline has, and where.

use eframe::egui::{Rect, pos2};

use super::super::levels::Levels;
use super::super::state::State;

/// Height of the strip of pictures, and of an area that has room for it beside one row of expressions.
const STRIP: f32 = 38.0;
const STRIP_FROM: f32 = 170.0;

/// The least height of a line's row.
const LINE: f32 = 28.0;

/// A row of the timeline.
pub(super) struct Row {
    pub(super) name: String,
    pub(super) spoken: String,
    pub(super) rect: Rect,
    pub(super) what: What,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum What {
    Pictures,
    Model,
    Rater(usize),
    /// So many raters' rows had no room.
    More(usize),
    Stack,
    Valence,
    Arousal,
    Apart,
}

/// Which rows there are, and where: expressions first, then what is left to the lines.
pub(super) fn rows(area: Rect, levels: &Levels, state: &State) -> Vec<Row> {
    let raters = state.project.raters();
    let model = state.project.model().filter(|_| !state.blind);
    let mine = levels.model_has().map(|has| has && model.is_some());
    // Where one draws there is something to draw on.
    let drawn_on = |kind: usize| kind > 0 && state.draw;
    let carries =
        |kind: usize| mine[kind] || drawn_on(kind) || levels.raters_have().any(|has| has[kind]);
    let mut kinds: Vec<(What, String, String, f32)> = Vec::new();
    let mut with_expressions: Vec<usize> = levels
        .raters_have()
        .enumerate()
        .filter(|(r, has)| has[0] && *r < raters.len())
        .map(|(r, _)| r)
        .collect();
    let many = with_expressions.len() > 5;
    let high = if many { 11.0 } else { 15.0 };
    if mine[0] {
        kinds.push((
            What::Model,
            "model".to_owned(),
            "Expressions of the model".to_owned(),
            high,
        ));
    }
    let lines = usize::from(carries(1)) + usize::from(carries(2));
    // The lines come first: they are drawn on, and show everybody at once.
    let room = area.height() - (LINE + 5.0) * lines as f32 - 34.0;
    let fit = (room / (high + 3.0)).max(0.0) as usize;
    let left = with_expressions.len() - with_expressions.len().min(fit.saturating_sub(2).max(1));
    let left = if fit >= with_expressions.len() + kinds.len() {
        0
    } else {
        left
    };
    if left > 0 {
        // Whose labels are chosen stays in view.
        with_expressions.sort_by_key(|r| *r != state.rater);
        with_expressions.truncate(with_expressions.len() - left);
        with_expressions.sort_unstable();
    }
    for r in with_expressions {
        let name = raters[r].name.clone();
        let spoken = format!("Expressions of {name}");
        kinds.push((What::Rater(r), name, spoken, high));
    }
    if left > 0 {
        kinds.push((
            What::More(left),
            format!("{left} more"),
            format!("{left} more annotators have labels: a taller window has room for them, and the one that is chosen is always here"),
            high,
        ));
    }
    // Where they leave enough to the rest.
    if state.project.video.is_some() && area.height() > STRIP_FROM + 16.0 * kinds.len() as f32 {
        kinds.insert(
            0,
            (
                What::Pictures,
                "pictures".to_owned(),
                "Pictures at even steps through the view".to_owned(),
                STRIP,
            ),
        );
    }
    let fixed: f32 = kinds.iter().map(|k| k.3 + 3.0).sum();
    let rest = area.height() - fixed - if model.is_some() { 13.0 } else { 0.0 };
    let sure = model.is_some() && levels.is_sure();
    let stack = if sure && rest > 110.0 {
        (rest * 0.2).clamp(22.0, 60.0)
    } else {
        0.0
    };
    if stack > 0.0 {
        kinds.push((
            What::Stack,
            "probability".to_owned(),
            "Probabilities of the seven expressions".to_owned(),
            stack,
        ));
    }
    let each = ((rest - stack - 8.0) / lines.max(1) as f32 - 5.0).max(16.0);
    if carries(1) {
        kinds.push((
            What::Valence,
            "valence".to_owned(),
            "Valence of the model and of each rater".to_owned(),
            each,
        ));
    }
    if carries(2) {
        kinds.push((
            What::Arousal,
            "arousal".to_owned(),
            "Arousal of the model and of each rater".to_owned(),
            each,
        ));
    }
    if model.is_some() && !raters.is_empty() {
        kinds.push((
            What::Apart,
            "apart".to_owned(),
            "How far model and labels are apart".to_owned(),
            10.0,
        ));
    }
    let mut y = area.top();
    kinds
        .into_iter()
        .map(|(what, name, spoken, height)| {
            let rect = Rect::from_min_max(
                pos2(area.left(), y),
                pos2(area.right(), (y + height).min(area.bottom())),
            );
            y += height
                + if matches!(what, What::Valence | What::Arousal) {
                    5.0
                } else {
                    3.0
                };
            Row {
                name,
                spoken,
                rect,
                what,
            }
        })
        .collect()
}
