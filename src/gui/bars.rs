//! The seven bars: the smoothed probability as the bar and the figure, the raw one as a thin mark.

use eframe::egui::{Align2, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::model::Model;
use super::theme::{self, Palette};
use crate::labels::Expression;

/// Shows the bars in the whole of `rect`.
pub fn show(ui: &mut Ui, rect: Rect, model: &Model) {
    let p = Palette::of(ui.ctx());
    let sample = model.current();
    let painter = ui.painter().with_clip_rect(rect);
    let header_y = rect.top() + 12.0;
    let title = match (model.followed, sample) {
        (Some(id), Some(_)) => format!("Expression · face {id}"),
        _ if model.picture.is_some() && !model.is_stale() => "Expression · no face".to_owned(),
        _ => "Expression".to_owned(),
    };
    painter.text(
        pos2(rect.left(), header_y),
        Align2::LEFT_CENTER,
        title,
        theme::semibold(12.0),
        p.muted,
    );
    painter.text(
        pos2(rect.right(), header_y),
        Align2::RIGHT_CENTER,
        "probability",
        theme::caption(),
        p.muted,
    );

    let top = sample.map(|s| s.shown.expression());
    let rows_top = rect.top() + 28.0;
    let row_height = ((rect.bottom() - rows_top - 6.0) / 7.0).max(12.0);
    let bar_height = (row_height * 0.52).clamp(10.0, 16.0);
    let name_width = if rect.width() < 340.0 { 76.0 } else { 92.0 };
    let bar_x = (rect.left() + name_width)..=(rect.right() - 54.0);
    let bar_width = (bar_x.end() - bar_x.start()).max(1.0);
    for expression in Expression::ALL {
        let i = expression.index();
        let y = rows_top + row_height * (i as f32 + 0.5);
        let is_top = top == Some(expression);
        let (name_font, name_color) = if is_top {
            (theme::semibold(13.0), p.text)
        } else {
            (theme::body(), p.muted)
        };
        painter.text(
            pos2(rect.left(), y),
            Align2::LEFT_CENTER,
            expression.title(),
            name_font,
            name_color,
        );
        let trough = Rect::from_min_size(
            pos2(*bar_x.start(), y - bar_height / 2.0),
            vec2(bar_width, bar_height),
        );
        painter.rect_filled(trough, 3.0, p.line);
        if let Some(sample) = sample {
            let shown = sample.shown.probabilities[i].clamp(0.0, 1.0);
            let raw = sample.raw.probabilities[i].clamp(0.0, 1.0);
            let color = p.of_expression(expression);
            let color = if is_top {
                color
            } else {
                color.gamma_multiply(0.82)
            };
            let bar = Rect::from_min_size(trough.min, vec2(bar_width * shown, bar_height));
            if bar.width() > 0.5 {
                painter.rect_filled(bar, 3.0_f32.min(bar.width() / 2.0), color);
            }
            let x = trough.left() + (bar_width * raw).clamp(1.0, bar_width - 1.0);
            let mark = Rect::from_center_size(pos2(x, y), vec2(2.0, bar_height + 3.0));
            painter.rect_filled(mark, 0.0, p.text);
        }
        let value = sample.map_or("–".to_owned(), |s| {
            format!("{:.2}", s.shown.probabilities[i])
        });
        let (font, color) = match (is_top, sample) {
            (true, _) => (theme::digits_medium(13.0), p.text),
            (false, Some(_)) => (theme::digits(13.0), p.muted),
            (false, None) => (theme::digits(13.0), p.faint),
        };
        painter.text(
            pos2(rect.right(), y),
            Align2::RIGHT_CENTER,
            value,
            font,
            color,
        );

        let row = Rect::from_min_max(
            pos2(rect.left(), y - row_height / 2.0),
            pos2(rect.right(), y + row_height / 2.0),
        );
        let response = ui.interact(row, ui.scope_id().with(("bar", i)), Sense::hover());
        response.widget_info(|| {
            let label = match sample {
                Some(s) => format!(
                    "{} {:.2}{}",
                    expression.title(),
                    s.shown.probabilities[i],
                    if is_top { ", the most probable" } else { "" }
                ),
                None => format!("{}, no reading", expression.title()),
            };
            WidgetInfo::labeled(Role::Label, true, label)
        });
        response.on_hover_ui(|ui| {
            ui.label(hover_text(
                expression,
                sample.map(|s| (s.shown.probabilities[i], s.raw.probabilities[i])),
            ));
        });
    }
}

fn hover_text(expression: Expression, values: Option<(f32, f32)>) -> String {
    let what = format!(
        "{}: the network's probability that the face shows it. The seven sum to 1.",
        expression.title()
    );
    match values {
        Some((shown, raw)) => format!(
            "{what}\nBar: smoothed for the eye, {shown:.3}. Thin mark: the raw reading, {raw:.3}."
        ),
        None => what,
    }
}
