//! The circumplex: valence to the right, arousal upwards, the present reading with its one-sigma ellipse, and its trace.

use eframe::egui::{
    Align2, Color32, Painter, Pos2, Rect, Response, Shape, Stroke, Ui, UiBuilder, pos2, vec2,
};

use super::action::Action;
use super::history::Sample;
use super::model::Model;
use super::theme::{self, Palette};
use super::widgets;
use crate::settings::{Settings, TRACE_LENGTHS_S};

/// The trace is drawn in this many strokes, each paler than the next newer one.
const AGES: usize = 12;
/// The most points of the trace; more are thinned.
const MAX_POINTS: usize = 480;

/// Shows it in the whole of `rect`.
pub fn show(ui: &mut Ui, rect: Rect, model: &Model, settings: &Settings) -> Vec<Action> {
    let p = Palette::of(ui.ctx());
    let mut actions = Vec::new();
    header(ui, rect, settings, &p, &mut actions);

    let body = Rect::from_min_max(pos2(rect.left(), rect.top() + 26.0), rect.max);
    // The words at the sides need about 62 points on each, those above and below 16.
    let radius = ((body.width() / 2.0 - 66.0).min(body.height() / 2.0 - 16.0)).max(24.0);
    let center = pos2(body.center().x, body.center().y);
    let painter = ui.painter().with_clip_rect(rect);
    frame(&painter, &p, center, radius, body);

    let sample = model.current();
    values(&painter, &p, body, sample);

    let to_screen =
        |v: f32, a: f32| center + vec2(v.clamp(-1.2, 1.2), -a.clamp(-1.2, 1.2)) * radius;
    if let Some(latest_s) = model.history.latest_s() {
        let from_s = (latest_s - settings.trace_s).max(model.trace_from_s);
        let (runs, _) = model.history.runs(from_s);
        trace(&painter, &p, &runs, (latest_s, settings.trace_s), to_screen);
    }
    if let Some(sample) = sample {
        let s = &sample.shown;
        let at = to_screen(s.valence, s.arousal);
        let sigma = vec2(s.valence_sd, s.arousal_sd).clamp(vec2(0.0, 0.0), vec2(1.0, 1.0));
        painter.add(Shape::ellipse_filled(
            at,
            sigma * radius,
            p.accent.gamma_multiply(0.16),
        ));
        painter.add(Shape::ellipse_stroke(
            at,
            sigma * radius,
            Stroke::new(1.0, p.accent.gamma_multiply(0.55)),
        ));
        painter.circle_filled(at, 7.0, p.background);
        painter.circle_filled(at, 5.0, p.accent);
    }
    described(ui, body, model).on_hover_ui(|ui| {
        ui.label(
            "Valence: unpleasant −1 to pleasant +1. Arousal: calm −1 to active +1.\n\
             The point is the present reading, smoothed for the eye; the ellipse is one standard deviation of the \
             network's own uncertainty; the line is where the point has been, older parts paler.",
        );
    });
    actions
}

fn header(ui: &mut Ui, rect: Rect, settings: &Settings, p: &Palette, actions: &mut Vec<Action>) {
    let y = rect.top() + 12.0;
    let narrow = rect.width() < 360.0;
    ui.painter().text(
        pos2(rect.left(), y),
        Align2::LEFT_CENTER,
        if narrow {
            "Affect"
        } else {
            "Valence and arousal"
        },
        theme::semibold(12.0),
        p.muted,
    );
    let area = Rect::from_min_max(
        pos2(rect.left() + 60.0, y - 11.0),
        pos2(rect.right(), y + 11.0),
    );
    let layout = eframe::egui::Layout::right_to_left(eframe::egui::Align::Center);
    ui.scope_builder(UiBuilder::new().max_rect(area).layout(layout), |ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        let clear = quiet_button(ui, "Clear", "Clear the trace");
        if clear.clicked() {
            actions.push(Action::ClearTrace);
        }
        let chosen = TRACE_LENGTHS_S.iter().position(|s| *s == settings.trace_s);
        // Right to left: the segments are put in a box that runs the usual way.
        ui.scope(|ui| {
            ui.set_max_width(118.0);
            ui.with_layout(
                eframe::egui::Layout::left_to_right(eframe::egui::Align::Center),
                |ui| {
                    let words = [
                        ("5 s", "The trace shows the last 5 seconds"),
                        ("15 s", "The trace shows the last 15 seconds"),
                        ("60 s", "The trace shows the last 60 seconds"),
                    ];
                    let clicked = widgets::segmented(ui, "Trace", &words, chosen.unwrap_or(1));
                    if let Some(length_s) = clicked.and_then(|i| TRACE_LENGTHS_S.get(i)) {
                        actions.push(Action::TraceLength(*length_s));
                    }
                },
            );
        });
    });
}

/// A word that is a button, without a frame.
fn quiet_button(ui: &mut Ui, word: &str, name: &str) -> Response {
    use eframe::egui::{Role, Sense, StrokeKind, WidgetInfo};
    let p = Palette::of(ui.ctx());
    let galley = widgets::layout(ui, word, theme::caption(), p.muted);
    let (rect, response) = ui.allocate_exact_size(galley.size() + vec2(12.0, 6.0), Sense::CLICK);
    response.widget_info(|| WidgetInfo::labeled(Role::Button, true, name));
    if response.hovered() {
        ui.painter().rect_filled(rect, 5.0, p.hovered());
    }
    if response.has_focus() {
        let stroke = Stroke::new(1.0, p.accent);
        ui.painter()
            .rect_stroke(rect, 5.0, stroke, StrokeKind::Inside);
    }
    let color = if response.hovered() { p.text } else { p.muted };
    let at = rect.center() - galley.size() / 2.0;
    ui.painter()
        .galley_with_override_text_color(at, galley, color);
    response
}

/// Circle, axes and words.
fn frame(painter: &Painter, p: &Palette, center: Pos2, radius: f32, body: Rect) {
    let line = Stroke::new(1.0, p.line);
    painter.circle_stroke(center, radius, Stroke::new(1.5, p.line));
    let half: Vec<Pos2> = (0..=72)
        .map(|i| {
            let angle = i as f32 / 72.0 * std::f32::consts::TAU;
            center + vec2(angle.cos(), angle.sin()) * radius * 0.5
        })
        .collect();
    painter.extend(Shape::dashed_line(&half, line, 2.0, 4.0));
    let reach = radius + 7.0;
    painter.hline((center.x - reach)..=(center.x + reach), center.y, line);
    painter.vline(center.x, (center.y - reach)..=(center.y + reach), line);

    let word = |at: Pos2, align: Align2, text: &str, color: Color32| {
        painter.text(at, align, text, theme::small(), color);
    };
    word(
        pos2(center.x + 6.0, center.y - radius - 8.0),
        Align2::LEFT_CENTER,
        "active +1",
        p.muted,
    );
    word(
        pos2(center.x + 6.0, center.y + radius + 8.0),
        Align2::LEFT_CENTER,
        "calm −1",
        p.muted,
    );
    let left = (center.x - radius - 6.0).max(body.left() + 58.0);
    word(
        pos2(left, center.y - 8.0),
        Align2::RIGHT_CENTER,
        "unpleasant",
        p.muted,
    );
    word(
        pos2(left, center.y + 8.0),
        Align2::RIGHT_CENTER,
        "−1",
        p.muted,
    );
    let right = center.x + radius + 6.0;
    word(
        pos2(right, center.y - 8.0),
        Align2::LEFT_CENTER,
        "pleasant",
        p.muted,
    );
    word(
        pos2(right, center.y + 8.0),
        Align2::LEFT_CENTER,
        "+1",
        p.muted,
    );
    for (x, y, text) in [
        (-1.0, -1.0, "tense"),
        (1.0, -1.0, "excited"),
        (-1.0, 1.0, "bored"),
        (1.0, 1.0, "content"),
    ] {
        // In a small circle the words move inwards, so that they do not lie on its line.
        let part = if radius < 100.0 { 0.46 } else { 0.60 };
        let at = center + vec2(x, y) * radius * part;
        word(at, Align2::CENTER_CENTER, text, p.faint);
    }
}

/// The two figures, with their spread.
fn values(painter: &Painter, p: &Palette, body: Rect, sample: Option<&Sample>) {
    let figures = sample.map(|s| {
        let s = &s.shown;
        [(s.valence, s.valence_sd), (s.arousal, s.arousal_sd)]
    });
    for (i, (letter, color)) in [("V", p.valence), ("A", p.arousal)].into_iter().enumerate() {
        let text = match figures {
            Some(figures) => {
                let (value, sd) = figures[i];
                format!("{letter} {} ±{sd:.2}", signed(value))
            }
            None => format!("{letter}  –"),
        };
        let at = body.left_top() + vec2(0.0, 4.0 + 17.0 * i as f32);
        let color = if figures.is_some() {
            color
        } else {
            color.gamma_multiply(0.6)
        };
        let size = if body.width() < 360.0 { 11.5 } else { 12.5 };
        painter.text(at, Align2::LEFT_TOP, text, theme::digits(size), color);
    }
}

/// `+0.64`, `−0.10`: always as wide, with a true minus sign, and none before nothing but zeros.
pub fn signed(value: f32) -> String {
    let digits = format!("{:.2}", value.abs());
    let sign = if value < 0.0 && digits != "0.00" {
        '−'
    } else {
        '+'
    };
    format!("{sign}{digits}")
}

/// The trace: a few strokes from old to new, each in the colour of its age.
fn trace(
    painter: &Painter,
    p: &Palette,
    runs: &[Vec<&Sample>],
    (latest_s, length_s): (f64, f64),
    to_screen: impl Fn(f32, f32) -> Pos2,
) {
    let total: usize = runs.iter().map(Vec::len).sum();
    let thin = total.div_ceil(MAX_POINTS).max(1);
    for run in runs {
        let mut points: Vec<Pos2> = Vec::new();
        let mut age = usize::MAX;
        let flush = |points: &mut Vec<Pos2>, age: usize| {
            let newest = 1.0 - age as f32 / AGES as f32;
            let color = p.accent.gamma_multiply(0.10 + 0.75 * newest * newest);
            let stroke = Stroke::new(1.0 + 0.8 * newest, color);
            if points.len() > 1 {
                painter.line(std::mem::take(points), stroke);
            } else {
                points.clear();
            }
        };
        // One that stands alone: an unrelated picture.
        if let [sample] = run.as_slice() {
            let part = ((latest_s - sample.time_s) / length_s).clamp(0.0, 1.0) as f32;
            let color = p.accent.gamma_multiply(0.85 - 0.6 * part);
            let at = to_screen(sample.shown.valence, sample.shown.arousal);
            painter.circle_filled(at, 2.5, color);
            continue;
        }
        // The last sample is always kept: the line must reach the point.
        let kept = run
            .iter()
            .enumerate()
            .filter(|(i, _)| i % thin == 0 || i + 1 == run.len());
        for (_, sample) in kept {
            let part = ((latest_s - sample.time_s) / length_s).clamp(0.0, 0.999);
            let sample_age = (part * AGES as f64) as usize;
            let at = to_screen(sample.shown.valence, sample.shown.arousal);
            if sample_age != age {
                points.push(at);
                flush(&mut points, age.min(AGES));
                age = sample_age;
            }
            points.push(at);
        }
        flush(&mut points, age.min(AGES));
    }
}

fn described(ui: &Ui, body: Rect, model: &Model) -> Response {
    widgets::described(ui, body, "circumplex", || match model.current() {
        Some(s) => format!(
            "Valence {} plus or minus {:.2}, arousal {} plus or minus {:.2}",
            signed(s.shown.valence),
            s.shown.valence_sd,
            signed(s.shown.arousal),
            s.shown.arousal_sd
        ),
        None => "Valence and arousal: no face".to_owned(),
    })
}
