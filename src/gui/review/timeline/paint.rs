//! How the rows of the timeline are painted.

use std::ops::Range;

use eframe::egui::{Align2, Color32, Mesh, Painter, Pos2, Rect, Shape, Stroke, Ui, pos2, vec2};

use super::super::levels::Columns;
use super::super::state::{State, clock};
use super::super::worst::state_of;
use super::rows::{Row, What};
use super::{AXIS, NAMES, Scale, Timeline};
use crate::gui::layout::MARGIN;
use crate::gui::theme::{self, Palette};
use crate::gui::widgets;
use crate::labels::Expression;
use crate::review::{Marks, Segment, SegmentState};

/// Dashes of the raters' lines: drawn, left out. The first one's is whole.
const DASHES: [(f32, f32); 5] = [(0.0, 0.0), (6.0, 3.0), (2.0, 3.0), (10.0, 3.0), (1.0, 2.0)];

/// A piece of a rater's line beside their name.
const SAMPLE: f32 = 13.0;

/// Where the model has nothing to say.
pub(super) fn gaps(painter: &Painter, p: &Palette, area: Rect, columns: &Columns) {
    let shade = p.line.gamma_multiply(if p.dark { 0.55 } else { 0.75 });
    for (range, gap) in runs(&columns.gaps) {
        if !gap {
            continue;
        }
        let from_to = run_rect(area, &range);
        painter.rect_filled(from_to, 0.0, shade);
        let word = painter.layout_no_wrap("no face".to_owned(), theme::small(), p.muted);
        if word.size().x + 8.0 < from_to.width() {
            let x = from_to.center().x - word.size().x / 2.0;
            let at = pos2(x, area.bottom() - word.size().y - 2.0);
            painter.galley(at, word, p.muted);
        }
    }
}

/// A row with its name.
pub(super) fn row(
    ui: &Ui,
    painter: &Painter,
    p: &Palette,
    row: &Row,
    (columns, state): (&Columns, &State),
) {
    // Whose line is whose, in the rows below.
    let sample = match row.what {
        What::Rater(r) => Some(rater_line(p, state, r)),
        _ => None,
    };
    let room = NAMES - MARGIN - if sample.is_some() { SAMPLE + 4.0 } else { 0.0 };
    let name = widgets::layout_elided(ui, &row.name, theme::caption(), p.muted, room);
    let at = pos2(
        row.rect.left() - 8.0 - name.size().x,
        row.rect.center().y - name.size().y / 2.0,
    );
    if let Some((stroke, dash)) = sample {
        let end = pos2(at.x - 4.0, row.rect.center().y);
        let points = [end - vec2(SAMPLE, 0.0), end];
        if dash.0 > 0.0 {
            let line = Shape::dashed_line(&points, stroke, dash.0, dash.1);
            ui.painter().extend(line);
        } else {
            ui.painter().line_segment(points, stroke);
        }
    }
    ui.painter().galley(at, name, p.muted);
    if matches!(row.what, What::Valence | What::Arousal) && row.rect.height() >= 44.0 {
        let x = row.rect.left() - 8.0;
        for (y, align, words) in [
            (row.rect.top() - 1.0, Align2::RIGHT_TOP, "+1"),
            (row.rect.bottom() + 1.0, Align2::RIGHT_BOTTOM, "−1"),
        ] {
            ui.painter()
                .text(pos2(x, y), align, words, theme::digits(10.0), p.faint);
        }
    }
    let id = format!("row {}", row.name);
    widgets::described(ui, row.rect, &id, || row.spoken.clone());
    match row.what {
        What::Model => expressions(painter, p, row.rect, &columns.model),
        What::Rater(r) => {
            if let Some(columns) = columns.raters.get(r) {
                expressions(painter, p, row.rect, columns);
            }
        }
        // Drawn with its pictures.
        What::Pictures | What::More(_) => {}
        What::Stack => stack(painter, p, row.rect, &columns.shares),
        What::Valence => affect(painter, p, row.rect, (columns, state), (0, p.valence)),
        What::Arousal => affect(painter, p, row.rect, (columns, state), (1, p.arousal)),
        What::Apart => apart(painter, p, row.rect, &columns.apart),
    }
}

fn run_rect(rect: Rect, columns: &Range<usize>) -> Rect {
    let x = |i: usize| rect.left() + i as f32;
    Rect::from_min_max(
        pos2(x(columns.start), rect.top()),
        pos2(x(columns.end), rect.bottom()),
    )
}

/// One point wide, from the lower `y` to the upper.
fn column_rect(rect: Rect, column: usize, top: f32, bottom: f32) -> Rect {
    let x = rect.left() + column as f32;
    Rect::from_min_max(pos2(x, top), pos2(x + 1.0, bottom))
}

fn expressions(painter: &Painter, p: &Palette, rect: Rect, columns: &[Option<Expression>]) {
    for (range, expression) in runs(columns) {
        let Some(e) = expression else { continue };
        let run = run_rect(rect, &range);
        let color = p.of_expression(e);
        let fill = color.gamma_multiply(if p.dark { 0.86 } else { 1.0 });
        painter.rect_filled(run, 0.0, fill);
        // The colour is never the only sign.
        let word = painter.layout_no_wrap(e.name().to_owned(), theme::small(), ink(color));
        if word.size().x + 8.0 < run.width() && run.height() >= 11.0 {
            let at = pos2(run.left() + 4.0, run.center().y - word.size().y / 2.0);
            painter.galley(at, word, ink(color));
        }
    }
}

fn stack(painter: &Painter, p: &Palette, rect: Rect, columns: &[Option<[f32; Expression::COUNT]>]) {
    let mut mesh = Mesh::default();
    for (i, shares) in columns.iter().enumerate() {
        let Some(shares) = shares else { continue };
        let mut y = rect.bottom();
        for e in Expression::ALL {
            let top = (y - shares[e.index()] * rect.height()).max(rect.top());
            mesh.add_colored_rect(column_rect(rect, i, top, y), p.of_expression(e));
            y = top;
        }
    }
    painter.add(Shape::mesh(mesh));
}

fn apart(painter: &Painter, p: &Palette, rect: Rect, columns: &[Option<f64>]) {
    let mut mesh = Mesh::default();
    for (i, part) in columns.iter().enumerate() {
        if let Some(part) = part {
            let color = p.record.gamma_multiply(0.06 + 0.94 * (*part as f32));
            mesh.add_colored_rect(column_rect(rect, i, rect.top(), rect.bottom()), color);
        }
    }
    painter.add(Shape::mesh(mesh));
}

impl Timeline {
    /// Ticks over the frames of the chosen cell of the confusion matrix.
    pub(super) fn cell_marks(
        &self,
        painter: &Painter,
        p: &Palette,
        scale: &Scale,
        area: Rect,
        state: &State,
    ) {
        let frames = state.frames();
        let from = state.view.start.max(0.0) as usize;
        let to = (state.view.end.ceil() as usize).min(frames);
        let step = ((scale.per_point).floor() as usize).max(1);
        for frame in (from..to).step_by(step) {
            if (frame..(frame + step).min(to)).any(|f| state.in_cell(f)) {
                let x = scale.x(frame as f64);
                let tick = Rect::from_min_size(
                    pos2(x, area.top() - 4.0),
                    vec2((1.0 / scale.per_point as f32).max(1.5), 4.0),
                );
                painter
                    .with_clip_rect(area.expand(5.0))
                    .rect_filled(tick, 0.0, p.accent);
            }
        }
    }
}

/// One column a point.
pub(super) fn columns_of(rect: Rect) -> usize {
    (rect.width().floor() as usize).max(1)
}

/// Runs of equal neighbours.
fn runs<T: PartialEq + Copy>(columns: &[T]) -> Vec<(Range<usize>, T)> {
    let mut out: Vec<(Range<usize>, T)> = Vec::new();
    for (i, &value) in columns.iter().enumerate() {
        match out.last_mut() {
            Some((range, last)) if *last == value => range.end = i + 1,
            _ => out.push((i..i + 1, value)),
        }
    }
    out
}

/// Black or white, whichever is read better on a colour.
fn ink(color: Color32) -> Color32 {
    let [r, g, b, _] = color.to_array().map(f32::from);
    if 0.299 * r + 0.587 * g + 0.114 * b > 128.0 {
        Color32::from_gray(16)
    } else {
        Color32::from_gray(245)
    }
}

/// Valence or arousal (`which` is 0 or 1): the model's line with its band, and each rater's.
fn affect(
    painter: &Painter,
    p: &Palette,
    rect: Rect,
    (columns, state): (&Columns, &State),
    (which, color): (usize, Color32),
) {
    let y = |v: f64| y_of(rect, v);
    let grid = Stroke::new(1.0, p.line);
    for value in [-1.0, 0.0, 1.0] {
        painter.hline(rect.x_range(), y(value).round() + 0.5, grid);
    }
    if !state.blind {
        let mut mesh = Mesh::default();
        let shade = color.gamma_multiply(if p.dark { 0.20 } else { 0.24 });
        for (i, band) in columns.bands[which].iter().enumerate() {
            if let Some((low, high)) = band {
                mesh.add_colored_rect(column_rect(rect, i, y(*high), y(*low)), shade);
            }
        }
        painter.add(Shape::mesh(mesh));
        let stroke = Stroke::new(1.6, color);
        line(painter, rect, &columns.lines[which], y, stroke, (0.0, 0.0));
    }
    for (r, lines) in columns.rater_lines.iter().enumerate() {
        let (stroke, dash) = rater_line(p, state, r);
        line(painter, rect, &lines[which], y, stroke, dash);
    }
}

/// How a rater's line is drawn: whose labels the scores are against stands out.
fn rater_line(p: &Palette, state: &State, rater: usize) -> (Stroke, (f32, f32)) {
    let (width, color) = if rater == state.rater {
        (1.5, p.text)
    } else {
        (1.0, p.muted)
    };
    (Stroke::new(width, color), DASHES[rater % DASHES.len()])
}

/// Where a value of -1..=1 lies in a row.
pub(super) fn y_of(rect: Rect, value: f64) -> f32 {
    rect.center().y - value.clamp(-1.0, 1.0) as f32 * (rect.height() / 2.0 - 1.0)
}

/// A line through the columns; where a column holds many values it is as tall as they reach.
fn line(
    painter: &Painter,
    rect: Rect,
    columns: &[Option<(f64, f64)>],
    y: impl Fn(f64) -> f32,
    stroke: Stroke,
    dash: (f32, f32),
) {
    let mut points: Vec<Pos2> = Vec::new();
    let flush = |points: &mut Vec<Pos2>| {
        if points.len() == 1 {
            painter.circle_filled(points[0], stroke.width, stroke.color);
        } else if dash.0 > 0.0 {
            painter.extend(Shape::dashed_line(points, stroke, dash.0, dash.1));
        } else if points.len() > 1 {
            painter.line(points.clone(), stroke);
        }
        points.clear();
    };
    for (i, column) in columns.iter().enumerate() {
        let Some((low, high)) = column else {
            flush(&mut points);
            continue;
        };
        let x = rect.left() + i as f32 + 0.5;
        let (a, b) = (y(*low), y(*high));
        if (a - b).abs() < 1.0 {
            points.push(pos2(x, (a + b) / 2.0));
        } else {
            // The nearer end first, so that the line does not cross itself.
            let near = points
                .last()
                .is_none_or(|l| (l.y - a).abs() < (l.y - b).abs());
            let (first, second) = if near { (a, b) } else { (b, a) };
            points.push(pos2(x, first));
            points.push(pos2(x, second));
        }
    }
    flush(&mut points);
}

pub(super) fn selection(painter: &Painter, p: &Palette, scale: &Scale, area: Rect, state: &State) {
    let Some(range) = &state.selection else {
        return;
    };
    let (a, b) = (scale.x(range.start as f64), scale.x(range.end as f64));
    let band = Rect::from_min_max(pos2(a, area.top()), pos2(b.max(a + 1.0), area.bottom()));
    painter.rect_filled(band, 0.0, p.accent.gamma_multiply(0.16));
    for x in [a, b] {
        painter.vline(x, area.y_range(), Stroke::new(1.0, p.accent));
    }
}

pub(super) fn head(painter: &Painter, p: &Palette, scale: &Scale, area: Rect, state: &State) {
    let middle = state.at() as f64 + 0.5;
    let x = scale.x(middle);
    if x < area.left() - 1.0 || x > scale.right + 1.0 {
        return;
    }
    painter.vline(
        x,
        (area.top() - 4.0)..=(area.bottom() + 4.0),
        Stroke::new(1.5, p.text),
    );
    let knob = Rect::from_center_size(pos2(x, area.top() - 4.0), vec2(8.0, 6.0));
    painter.rect_filled(knob, 2.0, p.text);
}

/// The worst segments, as bars on the axis: open ones stand out.
pub(super) fn markers(
    ui: &Ui,
    p: &Palette,
    (scale, area): (&Scale, Rect),
    segments: &[Segment],
    marks: &Marks,
) {
    let painter = ui.painter().with_clip_rect(Rect::from_x_y_ranges(
        area.x_range(),
        ui.max_rect().y_range(),
    ));
    // The worst is drawn last, above the others.
    for segment in segments.iter().rev() {
        let (a, b) = (
            scale.x(segment.frames.start as f64),
            scale.x(segment.frames.end as f64),
        );
        let open = state_of(segment, marks) == SegmentState::Open;
        let color = if open { p.record } else { p.faint };
        let top = area.bottom() + 1.0;
        let bar = Rect::from_min_max(pos2(a, top), pos2(b.max(a + 2.0), top + 3.0));
        painter.rect_filled(bar, 1.0, color);
    }
}

/// Times below, as many as there is room for.
pub(super) fn axis(painter: &Painter, p: &Palette, scale: &Scale, area: Rect, state: &State) {
    let times = state.project.times_s();
    let Some(&last_s) = times.last() else { return };
    let time_of = |frame: f64| {
        let frame = frame.clamp(0.0, times.len() as f64 - 1.0);
        times[frame as usize]
    };
    let (from_s, to_s) = (
        time_of(state.view.start),
        time_of(state.view.end).min(last_s),
    );
    let most = (area.width() / 90.0).max(1.0);
    let wanted_s = (to_s - from_s) / f64::from(most);
    const STEPS_S: [f64; 18] = [
        0.04, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1200.0,
        1800.0, 3600.0, 7200.0,
    ];
    let step_s = STEPS_S
        .into_iter()
        .find(|s| *s >= wanted_s)
        .unwrap_or(14_400.0);
    let mut tick_s = (from_s / step_s).ceil() * step_s;
    let y = area.bottom() + AXIS / 2.0 + 1.0;
    while tick_s <= to_s + 1e-9 {
        let frame = times.partition_point(|t| *t < tick_s - 1e-9);
        let x = scale.x(frame as f64);
        if x > scale.right + 1.0 {
            break;
        }
        painter.vline(
            x,
            area.bottom()..=(area.bottom() + 3.0),
            Stroke::new(1.0, p.faint),
        );
        let text = clock(tick_s);
        let text = if step_s >= 1.0 {
            text[..text.len() - 4].to_owned()
        } else {
            text[..text.len() - 1].to_owned()
        };
        painter.text(
            pos2(x, y),
            Align2::CENTER_CENTER,
            text,
            theme::small(),
            p.muted,
        );
        tick_s += step_s;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_join_equal_neighbours() {
        assert_eq!(runs(&[1, 1, 2, 1]), [(0..2, 1), (2..3, 2), (3..4, 1)]);
        assert!(runs::<u8>(&[]).is_empty());
    }
}
