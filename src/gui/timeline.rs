//! The last seconds: expressions as a stack or as lines, valence and arousal as lines with their one-sigma bands.
//!
//! Unrelated pictures stand side by side, each for itself: no line joins them, and the axis counts them.

use eframe::egui::{Align, Align2, Layout, Painter, Pos2, Rect, Stroke, Ui, UiBuilder, pos2, vec2};

use super::action::Action;
use super::history::Gap;
use super::layout::MARGIN;
use super::model::Model;
use super::series::{self, Scale};
use super::theme::{self, Palette};
use super::widgets;
use crate::settings::{Settings, TIMELINE_LENGTHS_S, TimelineMode};

/// Shows it in the whole of `rect`.
pub fn show(ui: &mut Ui, rect: Rect, model: &Model, settings: &Settings) -> Vec<Action> {
    let p = Palette::of(ui.ctx());
    let mut actions = Vec::new();
    ui.painter().rect_filled(rect, 0.0, p.panel);
    ui.painter()
        .hline(rect.x_range(), rect.top() + 0.5, Stroke::new(1.0, p.line));
    let stills = model.history.is_stills();
    header(ui, rect, settings, stills, &p, &mut actions);

    let plot = Rect::from_min_max(
        pos2(rect.left() + 46.0, rect.top() + 30.0),
        pos2(rect.right() - 20.0, rect.bottom() - 24.0),
    );
    let split = plot.top() + (plot.height() * 0.46).round();
    let upper = Rect::from_min_max(plot.min, pos2(plot.right(), split));
    let lower = Rect::from_min_max(pos2(plot.left(), split + 9.0), plot.max);
    let painter = ui.painter().clone();
    grid(&painter, &p, (upper, lower), settings, stills);
    if let Some(latest_s) = model.history.latest_s() {
        let scale = Scale {
            // The newest picture is as wide as the others.
            latest_s: latest_s + if stills { 0.5 } else { 0.0 },
            length_s: settings.timeline_s,
            x: plot.x_range(),
            stills,
        };
        let (runs, gaps) = model.history.runs(scale.begin_s());
        for gap in &gaps {
            draw_gap(&painter, &p, &scale, plot, gap);
        }
        // The band of a line may reach past +1; nothing is drawn outside its own part.
        let above = painter.with_clip_rect(upper);
        let below = painter.with_clip_rect(lower.expand(1.0));
        for run in &runs {
            let columns = series::columns(run, &scale);
            match settings.timeline_mode {
                TimelineMode::Stack => series::draw_stack(&above, &p, &columns, upper),
                TimelineMode::Lines => series::draw_lines(&above, &p, &columns, upper),
            }
            series::draw_affect(&below, &p, &columns, lower);
        }
    }
    if model.history.latest_s().is_none() {
        painter.text(
            upper.center(),
            Align2::CENTER_CENTER,
            "The line begins with the first picture",
            theme::caption(),
            p.muted,
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

fn grid(
    painter: &Painter,
    p: &Palette,
    (upper, lower): (Rect, Rect),
    settings: &Settings,
    stills: bool,
) {
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
    let unit = if stills { "" } else { " s" };
    let last = if stills { "last" } else { "now" };
    for i in 0..=steps {
        let part = i as f32 / steps as f32;
        let seconds = length_s * f64::from(1.0 - part);
        let x = lower.left() + part * lower.width();
        let (align, text) = match i {
            0 => (Align2::LEFT_CENTER, format!("−{seconds:.0}{unit}")),
            i if i == steps => (Align2::RIGHT_CENTER, last.to_owned()),
            _ => (Align2::CENTER_CENTER, format!("−{seconds:.0}{unit}")),
        };
        painter.vline(x, (lower.bottom())..=(lower.bottom() + 3.0), stroke);
        label(pos2(x, y), align, text);
    }
}

fn header(
    ui: &mut Ui,
    rect: Rect,
    settings: &Settings,
    stills: bool,
    p: &Palette,
    actions: &mut Vec<Action>,
) {
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
        let words = if stills {
            ["10", "30", "60", "120", "300"]
        } else {
            ["10 s", "30 s", "60 s", "2 min", "5 min"]
        };
        let lengths = words.map(|word| (word, ""));
        if let Some(s) = widgets::segmented(ui, "Timeline", &lengths, chosen)
            .and_then(|i| TIMELINE_LENGTHS_S.get(i))
        {
            actions.push(Action::TimelineLength(*s));
        }
        if stills {
            let word = eframe::egui::RichText::new("pictures").font(theme::caption());
            ui.label(word.color(p.muted));
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
    let stills = model.history.is_stills();
    let end_s = latest_s + if stills { 0.5 } else { 0.0 };
    let time_s = end_s - settings.timeline_s * (1.0 - part);
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
    let when = if stills {
        format!("picture {:.0}", near.time_s + 1.0)
    } else {
        format!("{:.1} s ago", latest_s - near.time_s)
    };
    Some(format!(
        "{when}\n{} {:.2}\nvalence {} ±{:.2}\narousal {} ±{:.2}",
        expression.name(),
        s.confidence(),
        super::circumplex::signed(s.valence),
        s.valence_sd,
        super::circumplex::signed(s.arousal),
        s.arousal_sd
    ))
}
