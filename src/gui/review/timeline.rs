//! The whole video at a glance: expressions of model and raters, probabilities, valence and arousal, where they differ.

use std::collections::BTreeMap;
use std::ops::Range;

use eframe::egui::{
    Align2, Color32, CursorIcon, Mesh, Painter, PointerButton, Pos2, Rect, Sense, Shape, Stroke,
    Ui, pos2, vec2,
};

use super::act::Act;
use super::levels::{Levels, Lines};
use super::state::{State, clock};
use crate::gui::circumplex::signed;
use crate::gui::layout::MARGIN;
use crate::gui::statusbar::grouped;
use crate::gui::theme::{self, Palette};
use crate::gui::widgets;
use crate::labels::Expression;
use crate::review::Stroke as Curve;

/// Room for the names at the left.
const NAMES: f32 = 92.0;
/// Height of the axis and of the bar below it.
const AXIS: f32 = 18.0;
const BAR: f32 = 12.0;
/// Dashes of the raters' lines: drawn, left out. The first one's is whole.
const DASHES: [(f32, f32); 5] = [(0.0, 0.0), (6.0, 3.0), (2.0, 3.0), (10.0, 3.0), (1.0, 2.0)];

/// What the timeline remembers from frame to frame.
#[derive(Default)]
pub struct Timeline {
    levels: Levels,
    /// Where a selection was begun.
    anchor: Option<usize>,
    /// Values being drawn: whether of valence, and by frame.
    drawn: Option<(bool, BTreeMap<usize, f64>)>,
    /// Where the pen was last.
    last: Option<(usize, f64)>,
    /// The bar below is being dragged: by how many frames its middle is off the pointer.
    grip: Option<f64>,
}

/// Frames to points.
#[derive(Clone, Copy)]
struct Scale {
    from: f64,
    per_point: f64,
    left: f32,
    right: f32,
}

impl Scale {
    fn x(&self, frame: f64) -> f32 {
        self.left + ((frame - self.from) / self.per_point) as f32
    }

    fn frame(&self, x: f32) -> f64 {
        self.from + f64::from(x - self.left) * self.per_point
    }
}

/// A row of the timeline.
struct Row {
    name: String,
    spoken: String,
    rect: Rect,
    what: What,
}

#[derive(Clone, Copy, PartialEq)]
enum What {
    Model,
    Rater(usize),
    Stack,
    Valence,
    Arousal,
    Apart,
}

impl Timeline {
    /// Shows it in the whole of `rect`.
    pub fn show(&mut self, ui: &mut Ui, rect: Rect, state: &mut State) -> Vec<Act> {
        let p = Palette::of(ui.ctx());
        let mut acts = Vec::new();
        self.levels.update(state);
        let state = &*state;
        ui.painter().rect_filled(rect, 0.0, p.panel);
        ui.painter()
            .hline(rect.x_range(), rect.top() + 0.5, Stroke::new(1.0, p.line));
        let area = Rect::from_min_max(
            pos2(rect.left() + NAMES + 6.0, rect.top() + 8.0),
            pos2(
                rect.right() - MARGIN - 8.0,
                rect.bottom() - AXIS - BAR - 4.0,
            ),
        );
        if area.width() < 40.0 || area.height() < 30.0 {
            return acts;
        }
        // Whole frames, as the columns have them.
        let frames = super::levels::view(state);
        let scale = Scale {
            from: frames.start as f64,
            per_point: frames.len().max(1) as f64 / f64::from(area.width()),
            left: area.left(),
            right: area.right(),
        };
        let rows = rows(area, &self.levels, state);
        if rows.is_empty() {
            let words = "Predictions and labels are drawn here, frame by frame: open a file of them, or analyse the video.";
            let galley = ui.painter().layout(
                words.to_owned(),
                theme::body(),
                p.muted,
                area.width() - 40.0,
            );
            let at = area.center() - galley.size() / 2.0;
            widgets::described(
                ui,
                Rect::from_min_size(at, galley.size()),
                "no rows",
                || words.to_owned(),
            );
            ui.painter().galley(at, galley, p.muted);
        }
        let painter = ui.painter().with_clip_rect(area.expand2(vec2(0.5, 0.0)));
        self.gaps(&painter, &p, area, state);
        for row in &rows {
            self.row(ui, &painter, &p, row, state);
        }
        if state.cell.is_some() {
            self.cell_marks(&painter, &p, &scale, area, state);
        }
        selection(&painter, &p, &scale, area, state);
        axis(ui.painter(), &p, &scale, area, state);
        self.bar(ui, &p, area, state, &mut acts);
        head(ui.painter(), &p, &scale, area, state);
        self.drawing(&painter, &p, &scale, &rows);
        self.pointer(ui, &scale, (area, &rows), state, &mut acts);
        acts
    }

    /// What is being drawn, above everything.
    fn drawing(&self, painter: &Painter, p: &Palette, scale: &Scale, rows: &[Row]) {
        let Some((valence, values)) = &self.drawn else {
            return;
        };
        let what = if *valence {
            What::Valence
        } else {
            What::Arousal
        };
        let Some(row) = rows.iter().find(|r| r.what == what) else {
            return;
        };
        let points: Vec<Pos2> = values
            .iter()
            .map(|(&frame, &v)| pos2(scale.x(frame as f64 + 0.5), y_of(row.rect, v)))
            .collect();
        match points.as_slice() {
            [one] => {
                painter.circle_filled(*one, 2.5, p.accent);
            }
            _ => {
                painter.line(points, Stroke::new(2.0, p.accent));
            }
        }
    }

    /// Takes the pointer's place into what is drawn; the frames that were jumped over lie on the way.
    fn draw(&mut self, rows: &[Row], at: Pos2, frame: usize) {
        if self.drawn.is_none() {
            let row = rows.iter().find(|r| {
                matches!(r.what, What::Valence | What::Arousal)
                    && r.rect.expand2(vec2(0.0, 3.0)).contains(at)
            });
            let Some(row) = row else { return };
            self.drawn = Some((row.what == What::Valence, BTreeMap::new()));
        }
        let Some((valence, values)) = &mut self.drawn else {
            return;
        };
        let what = if *valence {
            What::Valence
        } else {
            What::Arousal
        };
        let Some(row) = rows.iter().find(|r| r.what == what) else {
            return;
        };
        let reach = (row.rect.height() / 2.0 - 1.0).max(1.0);
        let value = f64::from((row.rect.center().y - at.y) / reach).clamp(-1.0, 1.0);
        if let Some((from, was)) = self.last {
            let (a, b) = (from.min(frame), from.max(frame));
            for f in a..=b {
                let part = if from == frame {
                    1.0
                } else {
                    (f as f64 - from as f64) / (frame as f64 - from as f64)
                };
                values.insert(f, was + (value - was) * part);
            }
        }
        values.insert(frame, value);
        self.last = Some((frame, value));
    }

    /// Where the model has nothing to say.
    fn gaps(&self, painter: &Painter, p: &Palette, area: Rect, state: &State) {
        if state.project.model().is_none() || state.blind {
            return;
        }
        let columns = self.levels.gaps(state, columns_of(area));
        let shade = p.line.gamma_multiply(if p.dark { 0.55 } else { 0.75 });
        for (range, gap) in runs(&columns) {
            if gap == Some(true) {
                let x = |i: usize| area.left() + i as f32;
                let from_to = Rect::from_min_max(
                    pos2(x(range.start), area.top()),
                    pos2(x(range.end), area.bottom()),
                );
                painter.rect_filled(from_to, 0.0, shade);
                let word = painter.layout_no_wrap("no face".to_owned(), theme::small(), p.muted);
                if word.size().x + 8.0 < from_to.width() {
                    let at = pos2(
                        from_to.center().x - word.size().x / 2.0,
                        area.bottom() - word.size().y - 2.0,
                    );
                    painter.galley(at, word, p.muted);
                }
            }
        }
    }

    fn row(&self, ui: &Ui, painter: &Painter, p: &Palette, row: &Row, state: &State) {
        let muted = p.muted;
        let room = NAMES - MARGIN;
        let name = widgets::layout_elided(ui, &row.name, theme::caption(), muted, room);
        let at = pos2(
            row.rect.left() - 8.0 - name.size().x,
            row.rect.center().y - name.size().y / 2.0,
        );
        ui.painter().galley(at, name, muted);
        let spoken = row.spoken.clone();
        widgets::described(ui, row.rect, &format!("row {}", row.name), move || {
            spoken.clone()
        });
        let width = columns_of(row.rect);
        match row.what {
            What::Model | What::Rater(_) => {
                let columns = match row.what {
                    What::Rater(r) => self.levels.rater_expressions(state, r, width),
                    _ => self.levels.model_expressions(state, width),
                };
                for (range, expression) in runs(&columns) {
                    if let Some(e) = expression {
                        let x = |i: usize| row.rect.left() + i as f32;
                        let run = Rect::from_min_max(
                            pos2(x(range.start), row.rect.top()),
                            pos2(x(range.end), row.rect.bottom()),
                        );
                        let color = p.of_expression(e);
                        painter.rect_filled(
                            run,
                            0.0,
                            color.gamma_multiply(if p.dark { 0.86 } else { 1.0 }),
                        );
                        // The colour is never the only sign.
                        let word =
                            painter.layout_no_wrap(e.name().to_owned(), theme::small(), ink(color));
                        if word.size().x + 8.0 < run.width() && run.height() >= 11.0 {
                            let at = pos2(run.left() + 4.0, run.center().y - word.size().y / 2.0);
                            painter.galley(at, word, ink(color));
                        }
                    }
                }
            }
            What::Stack => self.stack(painter, p, row.rect, state),
            What::Valence | What::Arousal => {
                let lines = Lines {
                    valence: row.what == What::Valence,
                };
                let color = if lines.valence { p.valence } else { p.arousal };
                affect(
                    painter,
                    p,
                    row.rect,
                    (&self.levels, state, lines),
                    color,
                    width,
                );
            }
            What::Apart => {
                let columns = self.levels.apart(state, width);
                let mut mesh = Mesh::default();
                for (i, part) in columns.iter().enumerate() {
                    if let Some(part) = part {
                        let x = row.rect.left() + i as f32;
                        let cell = Rect::from_min_max(
                            pos2(x, row.rect.top()),
                            pos2(x + 1.0, row.rect.bottom()),
                        );
                        mesh.add_colored_rect(
                            cell,
                            p.record.gamma_multiply(0.06 + 0.94 * (*part as f32)),
                        );
                    }
                }
                painter.add(Shape::mesh(mesh));
            }
        }
    }

    fn stack(&self, painter: &Painter, p: &Palette, rect: Rect, state: &State) {
        let columns = self.levels.probabilities(state, columns_of(rect));
        let mut mesh = Mesh::default();
        for (i, shares) in columns.iter().enumerate() {
            let Some(shares) = shares else { continue };
            let x = rect.left() + i as f32;
            let mut y = rect.bottom();
            for e in Expression::ALL {
                let top = (y - shares[e.index()] * rect.height()).max(rect.top());
                let cell = Rect::from_min_max(pos2(x, top), pos2(x + 1.0, y));
                mesh.add_colored_rect(cell, p.of_expression(e));
                y = top;
            }
        }
        painter.add(Shape::mesh(mesh));
    }

    /// Ticks over the frames of the chosen cell of the confusion matrix.
    fn cell_marks(&self, painter: &Painter, p: &Palette, scale: &Scale, area: Rect, state: &State) {
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

    /// The bar below: what part of the video is in view.
    fn bar(&mut self, ui: &Ui, p: &Palette, area: Rect, state: &State, acts: &mut Vec<Act>) {
        let bar = Rect::from_min_max(
            pos2(area.left(), area.bottom() + AXIS + 2.0),
            pos2(area.right(), area.bottom() + AXIS + 2.0 + BAR - 4.0),
        );
        let frames = state.frames().max(1) as f64;
        let x = |f: f64| bar.left() + (f / frames) as f32 * bar.width();
        ui.painter()
            .rect_filled(bar, 4.0, p.line.gamma_multiply(0.6));
        let mut thumb = Rect::from_min_max(
            pos2(x(state.view.start), bar.top()),
            pos2(x(state.view.end), bar.bottom()),
        );
        if thumb.width() < 14.0 {
            thumb = Rect::from_center_size(thumb.center(), vec2(14.0, bar.height()));
        }
        let response = ui.interact(
            bar.expand2(vec2(0.0, 3.0)),
            ui.scope_id().with("timeline bar"),
            Sense::click_and_drag(),
        );
        let color = if response.hovered() || response.dragged() {
            p.muted
        } else {
            p.faint
        };
        ui.painter().rect_filled(thumb, 4.0, color);
        let Some(at) = response.interact_pointer_pos() else {
            self.grip = None;
            return;
        };
        let frame = f64::from((at.x - bar.left()) / bar.width()) * frames;
        let middle = (state.view.start + state.view.end) / 2.0;
        let grip = *self.grip.get_or_insert(if thumb.contains(at) {
            middle - frame
        } else {
            0.0
        });
        acts.push(Act::Pan(frame + grip - middle));
    }

    fn pointer(
        &mut self,
        ui: &Ui,
        scale: &Scale,
        (area, rows): (Rect, &[Row]),
        state: &State,
        acts: &mut Vec<Act>,
    ) {
        let sensed = Rect::from_min_max(area.min, pos2(area.right(), area.bottom() + AXIS));
        let response = ui.interact(
            sensed,
            ui.scope_id().with("timeline"),
            Sense::click_and_drag(),
        );
        response.widget_info(|| {
            let name = format!("Timeline, frame {} of {}", state.at(), state.frames());
            eframe::egui::WidgetInfo::labeled(eframe::egui::Role::Slider, true, name)
        });
        let last = state.frames().saturating_sub(1) as f64;
        let frame_at = |x: f32| scale.frame(x).floor().clamp(0.0, last) as usize;
        let (shift, secondary) = ui.input(|i| {
            (
                i.modifiers.shift,
                i.pointer.button_down(PointerButton::Secondary),
            )
        });
        if let Some(at) = response.interact_pointer_pos() {
            let frame = frame_at(at.x);
            let pressed = ui.input(|i| i.pointer.press_origin()).unwrap_or(at);
            let on_line = |r: &Row| {
                matches!(r.what, What::Valence | What::Arousal) && r.rect.contains(pressed)
            };
            if state.draw && !shift && (self.drawn.is_some() || rows.iter().any(on_line)) {
                self.draw(rows, at, frame);
            } else if shift || secondary || self.anchor.is_some() {
                let anchor = *self.anchor.get_or_insert(frame);
                if anchor != frame || state.selection.is_some() {
                    acts.push(Act::Select(anchor, frame));
                }
            } else if ui.input(|i| i.pointer.primary_down()) || response.clicked() {
                acts.push(Act::Go(frame as i64));
            }
        }
        if !ui.input(|i| i.pointer.any_down()) {
            self.anchor = None;
            self.last = None;
            if let Some((valence, values)) = self.drawn.take()
                && let (Some((&first, _)), Some((&last, _))) =
                    (values.first_key_value(), values.last_key_value())
            {
                let values = (first..=last).map(|f| values.get(&f).copied()).collect();
                let stroke = Curve {
                    start: first,
                    ..Curve::default()
                };
                acts.push(Act::Drawn(if valence {
                    Curve {
                        valence: values,
                        ..stroke
                    }
                } else {
                    Curve {
                        arousal: values,
                        ..stroke
                    }
                }));
            }
        }
        if state.draw && response.hovered() {
            ui.ctx().set_cursor_icon(CursorIcon::Crosshair);
        }
        if !response.hovered() {
            return;
        }
        if shift {
            ui.ctx().set_cursor_icon(CursorIcon::Text);
        }
        let Some(at) = ui.ctx().pointer_hover_pos() else {
            return;
        };
        let (scroll, pinch) = ui.input(|i| (i.smooth_scroll_delta(), i.zoom_delta()));
        if pinch != 1.0 {
            acts.push(Act::Zoom(f64::from(pinch), scale.frame(at.x)));
        } else if scroll.x.abs() > scroll.y.abs() {
            acts.push(Act::Pan(-f64::from(scroll.x) * scale.per_point));
        } else if scroll.y != 0.0 {
            acts.push(Act::Zoom(
                f64::from(scroll.y / 120.0).exp2(),
                scale.frame(at.x),
            ));
        }
        let frame = frame_at(at.x);
        let line = Stroke::new(1.0, Palette::of(ui.ctx()).muted.gamma_multiply(0.5));
        ui.painter().vline(at.x, area.y_range(), line);
        if response.dragged() {
            return;
        }
        response.on_hover_ui_at_pointer(|ui| {
            for (i, text) in values(state, frame).into_iter().enumerate() {
                let font = if i == 0 {
                    theme::digits_medium(12.0)
                } else {
                    theme::digits(12.0)
                };
                ui.label(eframe::egui::RichText::new(text).font(font));
            }
        });
    }
}

/// One column a point.
fn columns_of(rect: Rect) -> usize {
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

/// Which rows there are, and where: expressions first, then what is left to the lines.
fn rows(area: Rect, levels: &Levels, state: &State) -> Vec<Row> {
    let raters = state.project.raters();
    let model = state.project.model().filter(|_| !state.blind);
    let mine = levels.model_has().map(|has| has && model.is_some());
    let carries = |kind: usize| mine[kind] || levels.raters_have().any(|has| has[kind]);
    let mut kinds: Vec<(What, String, String, f32)> = Vec::new();
    let with_expressions: Vec<usize> = levels
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
    for r in with_expressions {
        let name = raters[r].name.clone();
        let spoken = format!("Expressions of {name}");
        kinds.push((What::Rater(r), name, spoken, high));
    }
    let lines = usize::from(carries(1)) + usize::from(carries(2));
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

/// Valence or arousal: the model's line with its band, and each rater's.
fn affect(
    painter: &Painter,
    p: &Palette,
    rect: Rect,
    (levels, state, lines): (&Levels, &State, Lines),
    color: Color32,
    width: usize,
) {
    let y = |v: f64| y_of(rect, v);
    let grid = Stroke::new(1.0, p.line);
    for value in [-1.0, 0.0, 1.0] {
        painter.hline(rect.x_range(), y(value).round() + 0.5, grid);
    }
    if !state.blind {
        let mut mesh = Mesh::default();
        for (i, band) in levels.band(state, lines, width).iter().enumerate() {
            if let Some((low, high)) = band {
                let x = rect.left() + i as f32;
                let cell = Rect::from_min_max(pos2(x, y(*high)), pos2(x + 1.0, y(*low)));
                mesh.add_colored_rect(cell, color.gamma_multiply(if p.dark { 0.20 } else { 0.24 }));
            }
        }
        painter.add(Shape::mesh(mesh));
        line(
            painter,
            rect,
            &levels.model_line(state, lines, width),
            y,
            Stroke::new(1.6, color),
            (0.0, 0.0),
        );
    }
    for r in 0..state.project.raters().len() {
        let mine = r == state.rater;
        let stroke = Stroke::new(
            if mine { 1.5 } else { 1.0 },
            if mine { p.text } else { p.muted },
        );
        line(
            painter,
            rect,
            &levels.rater_line(state, r, lines, width),
            y,
            stroke,
            DASHES[r % DASHES.len()],
        );
    }
}

/// Where a value of -1..=1 lies in a row.
fn y_of(rect: Rect, value: f64) -> f32 {
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

fn selection(painter: &Painter, p: &Palette, scale: &Scale, area: Rect, state: &State) {
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

fn head(painter: &Painter, p: &Palette, scale: &Scale, area: Rect, state: &State) {
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

/// Times below, as many as there is room for.
fn axis(painter: &Painter, p: &Palette, scale: &Scale, area: Rect, state: &State) {
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

/// What is said of a frame, in lines.
fn values(state: &State, frame: usize) -> Vec<String> {
    let project = &state.project;
    let time_s = project.times_s().get(frame).copied().unwrap_or(0.0);
    let mut lines = vec![format!(
        "frame {}  {}",
        grouped(frame as u64),
        clock(time_s)
    )];
    let said = |name: &str, r: crate::review::Rating, more: String| {
        let expression = r
            .expression
            .map_or(String::new(), |e| format!(" {e}{more}"));
        let number = |letter: &str, v: Option<f64>| {
            v.map_or(String::new(), |v| {
                format!("  {letter} {}", signed(v as f32))
            })
        };
        format!(
            "{name}:{expression}{}{}",
            number("V", r.valence),
            number("A", r.arousal)
        )
    };
    if let Some(model) = project.model().filter(|_| !state.blind) {
        let sure = model
            .confidence(frame)
            .map_or(String::new(), |c| format!(" {c:.2}"));
        let rating = model.track().get(frame);
        if rating.is_empty() {
            let why = model.status(frame).map_or("no prediction", |s| s.name());
            lines.push(format!("model: {}", why.replace('_', " ")));
        } else {
            lines.push(said("model", rating, sure));
        }
    }
    for rater in project.raters() {
        let rating = rater.track().get(frame);
        if !rating.is_empty() {
            lines.push(said(&rater.name, rating, String::new()));
        }
    }
    lines
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
