//! The last seconds: expressions as a stack or as lines, valence and arousal as lines with their one-sigma bands.
//!
//! Painted by hand: the columns are means over fixed bins of time, so that nothing shimmers while it moves, and the
//! whole is a handful of meshes, however many samples there are.

use eframe::egui::{
    Align, Align2, Color32, Layout, Mesh, Painter, Pos2, Rect, Shape, Stroke, Ui, UiBuilder, pos2,
    vec2,
};

use super::action::Action;
use super::history::{Gap, Sample};
use super::layout::MARGIN;
use super::model::Model;
use super::theme::{self, Palette};
use super::widgets;
use crate::labels::Expression;
use crate::settings::{Settings, TIMELINE_LENGTHS_S, TimelineMode};

/// Width of one column, points.
const COLUMN: f32 = 2.0;

/// Shows it in the whole of `rect`.
pub fn show(ui: &mut Ui, rect: Rect, model: &Model, settings: &Settings) -> Vec<Action> {
    let p = Palette::of(ui.ctx());
    let mut actions = Vec::new();
    ui.painter().rect_filled(rect, 0.0, p.panel);
    ui.painter()
        .hline(rect.x_range(), rect.top() + 0.5, Stroke::new(1.0, p.line));
    header(ui, rect, settings, &p, &mut actions);

    let plot = Rect::from_min_max(
        pos2(rect.left() + 46.0, rect.top() + 30.0),
        pos2(rect.right() - 20.0, rect.bottom() - 24.0),
    );
    let split = plot.top() + (plot.height() * 0.46).round();
    let upper = Rect::from_min_max(plot.min, pos2(plot.right(), split));
    let lower = Rect::from_min_max(pos2(plot.left(), split + 9.0), plot.max);
    let painter = ui.painter().clone();
    grid(&painter, &p, (upper, lower), settings);
    if let Some(latest_s) = model.history.latest_s() {
        let scale = Scale {
            latest_s,
            length_s: settings.timeline_s,
            x: plot.x_range(),
        };
        let (runs, gaps) = model.history.runs(scale.begin_s());
        for gap in &gaps {
            draw_gap(&painter, &p, &scale, plot, gap);
        }
        // The band of a line may reach past +1; nothing is drawn outside its own part.
        let clip_x = plot.x_range().expand(0.0);
        let above = painter.with_clip_rect(Rect::from_x_y_ranges(clip_x, upper.y_range()));
        let below =
            painter.with_clip_rect(Rect::from_x_y_ranges(clip_x, lower.y_range()).expand(1.0));
        for run in &runs {
            let columns = columns(run, &scale);
            match settings.timeline_mode {
                TimelineMode::Stack => draw_stack(&above, &p, &columns, upper),
                TimelineMode::Lines => draw_lines(&above, &p, &columns, upper),
            }
            draw_affect(&below, &p, &columns, lower);
        }
    }
    if model.history.latest_s().is_none() {
        painter.text(
            plot.center(),
            Align2::CENTER_CENTER,
            "The line begins with the first picture",
            theme::caption(),
            p.faint,
        );
    }
    let length_s = settings.timeline_s;
    widgets::described(ui, plot, "timeline", || {
        format!("Timeline of the last {length_s:.0} seconds")
    })
    .on_hover_ui_at_pointer(|ui| {
        let at = ui.ctx().pointer_hover_pos();
        if let Some(text) = at.and_then(|at| reading_at(at, plot, model, settings)) {
            ui.label(eframe::egui::RichText::new(text).font(theme::digits(12.0)));
        } else {
            ui.label(
                "Above: the seven probabilities. Below: valence and arousal from −1 to +1, each with a band of one \
                 standard deviation. Where nobody was found there is a gap.",
            );
        }
    });
    actions
}

/// Time to points.
struct Scale {
    latest_s: f64,
    length_s: f64,
    x: eframe::egui::Rangef,
}

impl Scale {
    fn begin_s(&self) -> f64 {
        self.latest_s - self.length_s
    }

    fn x_of(&self, time_s: f64) -> f32 {
        let part = (time_s - self.begin_s()) / self.length_s;
        self.x.min + part as f32 * self.x.span()
    }

    /// Seconds in one column.
    fn bin_s(&self) -> f64 {
        self.length_s / f64::from((self.x.span() / COLUMN).clamp(16.0, 1000.0))
    }
}

/// The mean of the samples of one bin.
struct Column {
    x: f32,
    probabilities: [f32; Expression::COUNT],
    /// Mean and standard deviation of valence, then of arousal.
    affect: [(f32, f32); 2],
}

/// Means over bins that are fixed in time.
fn columns(run: &[Sample], scale: &Scale) -> Vec<Column> {
    let bin_s = scale.bin_s();
    let bin = |s: &Sample| (s.time_s / bin_s).floor() as i64;
    run.chunk_by(|a, b| bin(a) == bin(b))
        .map(|samples| {
            let n = samples.len() as f32;
            let mut probabilities = [0.0; Expression::COUNT];
            let mut affect = [(0.0, 0.0); 2];
            let mut time_s = 0.0;
            for sample in samples {
                let s = &sample.shown;
                for (sum, p) in probabilities.iter_mut().zip(s.probabilities) {
                    *sum += p / n;
                }
                affect[0].0 += s.valence / n;
                affect[0].1 += s.valence_sd / n;
                affect[1].0 += s.arousal / n;
                affect[1].1 += s.arousal_sd / n;
                time_s += sample.time_s / f64::from(n);
            }
            Column {
                x: scale.x_of(time_s).clamp(scale.x.min, scale.x.max),
                probabilities,
                affect,
            }
        })
        .collect()
}

/// Adds a strip between two lines given as `(x, upper, lower)`.
fn strip(mesh: &mut Mesh, color: Color32, edge: impl Iterator<Item = (f32, f32, f32)>) {
    let mut first = true;
    for (x, upper, lower) in edge {
        let i = mesh.vertices.len() as u32;
        mesh.colored_vertex(pos2(x, upper), color);
        mesh.colored_vertex(pos2(x, lower), color);
        if !first {
            mesh.add_triangle(i - 2, i - 1, i);
            mesh.add_triangle(i - 1, i, i + 1);
        }
        first = false;
    }
}

fn draw_stack(painter: &Painter, p: &Palette, columns: &[Column], area: Rect) {
    let mut mesh = Mesh::default();
    let mut floor = vec![0.0_f32; columns.len()];
    for expression in Expression::ALL {
        let i = expression.index();
        let color = p.of_expression(expression).gamma_multiply(0.86);
        let y = |part: f32| area.bottom() - part.clamp(0.0, 1.0) * area.height();
        let edges: Vec<(f32, f32, f32)> = columns
            .iter()
            .zip(&mut floor)
            .map(|(column, floor)| {
                let lower = *floor;
                *floor += column.probabilities[i];
                (column.x, y(*floor), y(lower))
            })
            .collect();
        // A single column is a hair's breadth wide.
        let edges = match edges.as_slice() {
            [(x, a, b)] => vec![(x - 1.0, *a, *b), (x + 1.0, *a, *b)],
            _ => edges,
        };
        strip(&mut mesh, color, edges.into_iter());
    }
    painter.add(Shape::mesh(mesh));
}

fn draw_lines(painter: &Painter, p: &Palette, columns: &[Column], area: Rect) {
    for expression in Expression::ALL {
        let points: Vec<Pos2> = columns
            .iter()
            .map(|c| {
                let part = c.probabilities[expression.index()].clamp(0.0, 1.0);
                pos2(c.x, area.bottom() - 1.0 - part * (area.height() - 2.0))
            })
            .collect();
        line(
            painter,
            points,
            Stroke::new(1.5, p.of_expression(expression)),
        );
    }
}

fn draw_affect(painter: &Painter, p: &Palette, columns: &[Column], area: Rect) {
    let y = |value: f32| area.center().y - value.clamp(-1.3, 1.3) * area.height() / 2.0;
    let mut bands = Mesh::default();
    for (i, color) in [p.valence, p.arousal].into_iter().enumerate() {
        let color = color.gamma_multiply(if p.dark { 0.15 } else { 0.13 });
        let edges = columns.iter().map(|c| {
            let (mean, sd) = c.affect[i];
            (c.x, y(mean + sd), y(mean - sd))
        });
        strip(&mut bands, color, edges);
    }
    painter.add(Shape::mesh(bands));
    for (i, color) in [p.valence, p.arousal].into_iter().enumerate() {
        let points = columns
            .iter()
            .map(|c| pos2(c.x, y(c.affect[i].0)))
            .collect();
        line(painter, points, Stroke::new(1.5, color));
    }
}

/// A line, or a point where there is only one.
fn line(painter: &Painter, points: Vec<Pos2>, stroke: Stroke) {
    match points.as_slice() {
        [] => {}
        [one] => {
            painter.circle_filled(*one, stroke.width, stroke.color);
        }
        _ => {
            painter.line(points, stroke);
        }
    }
}

fn draw_gap(painter: &Painter, p: &Palette, scale: &Scale, plot: Rect, gap: &Gap) {
    let from_x = scale.x_of(gap.from_s).max(plot.left());
    let to_x = scale.x_of(gap.to_s).min(plot.right());
    if to_x - from_x < 1.0 {
        return;
    }
    let shade = if p.dark {
        p.line.gamma_multiply(0.42)
    } else {
        p.background
    };
    let area = Rect::from_min_max(pos2(from_x, plot.top()), pos2(to_x, plot.bottom()));
    painter.rect_filled(area, 0.0, shade);
    let word = painter.layout_no_wrap(gap.why.word().to_owned(), theme::small(), p.muted);
    if word.size().x + 8.0 < area.width() {
        let at = pos2(area.center().x, plot.top() + plot.height() * 0.23) - word.size() / 2.0;
        painter.galley(at, word, p.muted);
    }
}

fn grid(painter: &Painter, p: &Palette, (upper, lower): (Rect, Rect), settings: &Settings) {
    let stroke = Stroke::new(1.0, p.line);
    let label = |at: Pos2, align: Align2, text: String| {
        painter.text(at, align, text, theme::small(), p.muted);
    };
    for (value, text) in [(1.0, "+1"), (0.0, "0"), (-1.0, "−1")] {
        let y = (lower.center().y - value * lower.height() / 2.0).round() + 0.5;
        painter.hline(lower.x_range(), y, stroke);
        label(
            pos2(lower.left() - 6.0, y),
            Align2::RIGHT_CENTER,
            text.to_owned(),
        );
    }
    for (part, text) in [(1.0, "1"), (0.0, "0")] {
        let y = upper.bottom() - part * upper.height();
        let inward = if part > 0.5 { 5.0 } else { -5.0 };
        label(
            pos2(upper.left() - 6.0, y + inward),
            Align2::RIGHT_CENTER,
            text.to_owned(),
        );
    }
    if settings.timeline_mode == TimelineMode::Lines {
        for y in [upper.top(), upper.center().y, upper.bottom()] {
            painter.hline(upper.x_range(), y.round() + 0.5, stroke);
        }
    }
    let (length_s, y) = (settings.timeline_s, lower.bottom() + 11.0);
    let steps = if length_s < 20.0 { 5 } else { 6 };
    for i in 0..=steps {
        let part = i as f32 / steps as f32;
        let seconds = length_s * f64::from(1.0 - part);
        let x = lower.left() + part * lower.width();
        let (align, text) = match i {
            0 => (Align2::LEFT_CENTER, format!("−{seconds:.0} s")),
            i if i == steps => (Align2::RIGHT_CENTER, "now".to_owned()),
            _ => (Align2::CENTER_CENTER, format!("−{seconds:.0} s")),
        };
        painter.vline(x, (lower.bottom())..=(lower.bottom() + 3.0), stroke);
        let x = if i == 0 { x - 12.0 } else { x };
        label(pos2(x, y), align, text);
    }
}

fn header(ui: &mut Ui, rect: Rect, settings: &Settings, p: &Palette, actions: &mut Vec<Action>) {
    let area = Rect::from_min_max(
        pos2(rect.left() + MARGIN, rect.top() + 4.0),
        pos2(rect.right() - MARGIN, rect.top() + 26.0),
    );
    let row = UiBuilder::new()
        .max_rect(area)
        .layout(Layout::left_to_right(Align::Center));
    ui.scope_builder(row, |ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        ui.label(
            eframe::egui::RichText::new("Last")
                .font(theme::semibold(12.0))
                .color(p.muted),
        );
        let chosen = TIMELINE_LENGTHS_S
            .iter()
            .position(|s| *s == settings.timeline_s)
            .unwrap_or(2);
        let lengths = [
            ("10 s", ""),
            ("30 s", ""),
            ("60 s", ""),
            ("2 min", ""),
            ("5 min", ""),
        ];
        if let Some(s) = widgets::segmented(ui, "Timeline", &lengths, chosen)
            .and_then(|i| TIMELINE_LENGTHS_S.get(i))
        {
            actions.push(Action::TimelineLength(*s));
        }
        ui.add_space(8.0);
        let modes = [
            (
                "Stack",
                "The seven probabilities one upon the other; they fill the height",
            ),
            ("Lines", "The seven probabilities as lines"),
        ];
        let on = usize::from(settings.timeline_mode == TimelineMode::Lines);
        if let Some(i) = widgets::segmented(ui, "Expressions as", &modes, on) {
            actions.push(Action::TimelineMode(if i == 1 {
                TimelineMode::Lines
            } else {
                TimelineMode::Stack
            }));
        }
    });
    let mut x = area.right();
    for (word, color) in [("arousal", p.arousal), ("valence", p.valence)] {
        let galley = widgets::layout(ui, word, theme::semibold(12.0), color);
        let size = galley.size();
        x -= size.x;
        let y = area.center().y;
        ui.painter()
            .galley(pos2(x, y - size.y / 2.0), galley, color);
        x -= 12.0;
        let dash = Rect::from_min_size(pos2(x, y - 1.0), vec2(8.0, 2.0));
        ui.painter().rect_filled(dash, 1.0, color);
        x -= 14.0;
    }
}

/// What was read under the pointer.
fn reading_at(at: Pos2, plot: Rect, model: &Model, settings: &Settings) -> Option<String> {
    let latest_s = model.history.latest_s()?;
    let part = f64::from((at.x - plot.left()) / plot.width());
    let time_s = latest_s - settings.timeline_s * (1.0 - part);
    let near = model
        .history
        .followed(time_s - 0.5)
        .take_while(|s| s.time_s < time_s + 0.5)
        .min_by(|a, b| {
            (a.time_s - time_s)
                .abs()
                .total_cmp(&(b.time_s - time_s).abs())
        })?;
    let s = &near.raw;
    let expression = s.expression();
    Some(format!(
        "{:.1} s ago\n{} {:.2}\nvalence {} ±{:.2}\narousal {} ±{:.2}",
        latest_s - near.time_s,
        expression.name(),
        s.confidence(),
        super::circumplex::signed(s.valence),
        s.valence_sd,
        super::circumplex::signed(s.arousal),
        s.arousal_sd
    ))
}
