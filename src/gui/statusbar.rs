//! The bar at the bottom: what an engineer asks. Every figure explains itself under the pointer.

use eframe::egui::{Galley, Rect, Role, Sense, Stroke, TextStyle, Ui, WidgetInfo, pos2, vec2};

use egui_plot::{HLine, Line, Plot, PlotPoints};

use super::layout::{Areas, MARGIN};
use super::model::Model;
use super::theme::{self, Palette};
use super::widgets;
use crate::numbers::grouped;

/// One figure: words and digits by turns.
struct Figure {
    id: &'static str,
    parts: Vec<Part>,
    hover: String,
    alarm: bool,
}

/// `(text, kind, least width in digits)`.
type Part = (String, Kind, usize);

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Word,
    Value,
    Digits,
}

/// What the program is honest about, and the same for narrow windows.
const MOTTOS: [&str; 2] = [
    "shows expressions, not feelings",
    "expressions, not feelings",
];

/// Shows it.
pub fn show(ui: &mut Ui, areas: &Areas, model: &Model) {
    let p = Palette::of(ui.ctx());
    let rect = areas.status;
    ui.painter().rect_filled(rect, 0.0, p.panel);
    ui.painter()
        .hline(rect.x_range(), rect.top() + 0.5, Stroke::new(1.0, p.line));
    let y = rect.center().y;

    let mottos = MOTTOS.map(|words| widgets::layout(ui, words, theme::caption(), p.muted));
    let motto_at = |motto: &Galley| {
        let size = motto.size();
        pos2(rect.right() - MARGIN - size.x, y - size.y / 2.0)
    };
    let figures = figures(model, areas.compact);
    let gap = if areas.compact { 14.0 } else { 20.0 };
    let mut x = rect.left() + MARGIN;
    // Words and digits stand on one line, whatever their faces.
    let base_y = motto_at(&mottos[0]).y + widgets::baseline(&mottos[0]);
    for figure in figures {
        let start = x;
        for (text, kind, digits) in &figure.parts {
            let (font, color) = match kind {
                Kind::Word => (theme::caption(), p.muted),
                Kind::Value if figure.alarm => (theme::caption(), p.record),
                Kind::Value => (theme::caption(), p.text),
                Kind::Digits if figure.alarm => (theme::digits_medium(12.0), p.record),
                Kind::Digits => (theme::digits_medium(12.0), p.text),
            };
            let galley = widgets::layout(ui, text, font, color);
            let least = *digits as f32 * 7.2;
            let width = galley.size().x.max(least);
            // Digits stand at the right of their place, so that they grow to the left.
            let at = pos2(
                x + width - galley.size().x,
                base_y - widgets::baseline(&galley),
            );
            ui.painter().galley(at, galley, color);
            x += width;
        }
        let area = Rect::from_min_max(pos2(start, rect.top()), pos2(x, rect.bottom()));
        let response = ui.interact(area, ui.scope_id().with(figure.id), Sense::hover());
        response.widget_info(|| {
            let words: Vec<&str> = figure.parts.iter().map(|(t, ..)| t.trim()).collect();
            WidgetInfo::labeled(Role::Label, true, words.join(" "))
        });
        response.on_hover_ui(|ui| {
            ui.set_max_width(320.0);
            ui.label(&figure.hover);
            if figure.id == "latency" {
                latency_plot(ui, model);
            }
        });
        x += gap;
    }
    // The longest that there is room for.
    if let Some(motto) = mottos.into_iter().find(|motto| x < motto_at(motto).x) {
        let at = motto_at(&motto);
        let area = Rect::from_min_size(at, motto.size()).expand2(vec2(0.0, 6.0));
        ui.painter().galley(at, motto, p.muted);
        widgets::described(ui, area, "motto", || MOTTOS[0].to_owned())
            .on_hover_text(super::about::HONEST_LINE);
    }
}

/// The latencies of the last pictures, as they came. Made only while somebody looks.
fn latency_plot(ui: &mut Ui, model: &Model) {
    let p = Palette::of(ui.ctx());
    let points: PlotPoints<'_> = model
        .latencies_ms()
        .enumerate()
        .map(|(i, ms)| [i as f64, ms])
        .collect();
    let Some((median, p95)) = model.latency_ms().filter(|_| !points.points().is_empty()) else {
        return;
    };
    let last = model.latencies_ms().len().saturating_sub(1).max(1);
    ui.add_space(2.0);
    let styles = &mut ui.style_mut().text_styles;
    styles.insert(TextStyle::Body, theme::small());
    Plot::new("latency plot")
        .height(84.0)
        .width(312.0)
        .show_background(false)
        .show_axes([false, true])
        .show_grid([false, true])
        .grid_color(p.line)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_drag(false)
        .allow_boxed_zoom(false)
        .show_crosshair(false)
        .sense(Sense::hover())
        .include_x(0.0)
        .include_x(last as f64)
        .include_y(0.0)
        .include_y(p95 * 1.3)
        .set_margin_fraction(vec2(0.0, 0.02))
        .y_axis_formatter(|mark, _| format!("{:.0} ms", mark.value))
        .show(ui, |plot| {
            let lines = [("median", median), ("95 %", p95)];
            for (name, ms) in lines {
                plot.hline(HLine::new(name, ms).color(p.faint).width(1.0));
            }
            plot.line(Line::new("latency", points).color(p.text).width(1.2));
        });
}

fn figures(model: &Model, compact: bool) -> Vec<Figure> {
    let word = |text: &str| (text.to_owned(), Kind::Word, 0);
    let value = |text: String| (text, Kind::Value, 0);
    let digits = |text: String, least: usize| (text, Kind::Digits, least);
    let s = &model.status;
    let weights = if s.weights.name.is_empty() {
        "loading".to_owned()
    } else {
        s.weights.name.clone()
    };
    let device = if s.device.is_empty() {
        "…".to_owned()
    } else {
        s.device.clone()
    };
    let faces = model.readings().len();
    let (median, p95) = model
        .latency_ms()
        .map_or(("–".to_owned(), "–".to_owned()), |(m, p)| {
            (format!("{m:.0}"), format!("{p:.0}"))
        });
    let (captured, analysed, per_s) = if compact {
        ("in ", "read ", "/s")
    } else {
        ("captured ", "analysed ", "/s")
    };
    let weights_hover = format!(
        "The weights that speak: {weights} ({}), {}{}",
        s.weights.origin,
        s.weights.network,
        s.weights
            .scores
            .iter()
            .map(|(what, score)| format!("\n{what}: {score}"))
            .collect::<String>()
    );
    let mut weights_parts = vec![word("weights "), value(weights)];
    if !compact && !s.weights.input.is_empty() {
        weights_parts.push(word(&format!(" · {}", s.weights.input)));
    }
    let device_hover = match &s.device_note {
        Some(note) => format!("Where the networks run: {device}.\n{note}"),
        None => format!("Where the networks run: {device}."),
    };
    let mut latency = vec![
        word("latency "),
        digits(median, 2),
        word(if compact { " / " } else { " ms, 95 % " }),
        digits(p95, 2),
        word(" ms"),
    ];
    let lookahead_ms = s.rates.lookahead_ms;
    if lookahead_ms > 0.0 {
        latency.push(word(&format!(" +{lookahead_ms:.0}")));
    }
    vec![
        Figure {
            id: "weights",
            parts: weights_parts,
            hover: weights_hover,
            alarm: false,
        },
        Figure {
            id: "device",
            parts: vec![word("on "), value(device)],
            hover: device_hover,
            alarm: s.device_note.is_some(),
        },
        Figure {
            id: "captured",
            parts: vec![
                word(captured),
                digits(rate(s.rates.captured_hz), 4),
                word(per_s),
            ],
            hover: "Frames that the source gave each second, over the last two seconds.".to_owned(),
            alarm: false,
        },
        Figure {
            id: "analysed",
            parts: vec![
                word(analysed),
                digits(rate(s.rates.analysed_hz), 4),
                word(per_s),
            ],
            hover: format!(
                "Frames that were read each second, over the last two seconds; {} in all.",
                grouped(s.rates.analysed)
            ),
            alarm: false,
        },
        Figure {
            id: "latency",
            parts: latency,
            hover: format!(
                "Time from the capture of a picture to its being drawn: median and 95th percentile of the last 120 \
                 pictures. The analysis alone: {:.0} ms, 95 % {:.0} ms.{}",
                s.rates.latency_median_ms,
                s.rates.latency_p95_ms,
                if lookahead_ms > 0.0 {
                    format!(" The look-ahead holds each reading back by {lookahead_ms:.0} ms more.")
                } else {
                    String::new()
                }
            ),
            alarm: false,
        },
        Figure {
            id: "dropped",
            parts: vec![word("dropped "), digits(grouped(s.rates.dropped), 1)],
            hover: dropped_hover(model.missed),
            alarm: false,
        },
        Figure {
            id: "faces",
            parts: vec![word("faces "), digits(faces.to_string(), 1)],
            hover: "Faces read on the newest picture.".to_owned(),
            alarm: false,
        },
    ]
}

fn dropped_hover(missed: u64) -> String {
    let mut text = "Frames that were captured and never read, because a newer one had come. Recordings list each of them."
        .to_owned();
    if missed > 0 {
        text.push_str(&format!(
            "\n{} more were read and are not in the timeline: the window was busy or hidden.",
            grouped(missed)
        ));
    }
    text
}

fn rate(hz: f64) -> String {
    format!("{hz:.1}")
}
