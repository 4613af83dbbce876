//! The few widgets that egui has not: icons that no font is needed for, and buttons with an icon and a key.

use eframe::egui::{
    Align2, Color32, CornerRadius, FontId, Id, Painter, Pos2, Rect, Response, Role, Sense, Shape,
    Stroke, StrokeKind, TextEdit, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use super::theme::{self, Palette};

/// Painted signs; the fonts need not have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Icon {
    /// Two bars.
    Pause,
    /// A triangle.
    Play,
    /// A filled circle.
    Record,
    /// Two arrows.
    Mirror,
    /// Three lines.
    Menu,
    /// A small triangle that points down.
    Chevron,
    /// A triangle with a bar: one frame back.
    StepBack,
    /// A triangle with a bar: one frame on.
    StepOn,
    /// A triangle that points left, with a bar at its tip: the first frame.
    First,
    /// Likewise to the right: the last frame.
    Last,
}

/// Paints an icon of about 12 points, centred.
pub fn paint_icon(painter: &Painter, icon: Icon, center: Pos2, color: Color32) {
    let at = |x: f32, y: f32| center + vec2(x, y);
    let stroke = Stroke::new(1.4, color);
    match icon {
        Icon::Pause => {
            for x in [-3.0, 3.0] {
                let bar = Rect::from_center_size(at(x, 0.0), vec2(3.0, 10.0));
                painter.rect_filled(bar, 1.0, color);
            }
        }
        Icon::Play => {
            let points = vec![at(-3.5, -5.0), at(5.0, 0.0), at(-3.5, 5.0)];
            painter.add(Shape::convex_polygon(points, color, Stroke::NONE));
        }
        Icon::Record => {
            painter.circle_filled(center, 4.5, color);
        }
        Icon::Mirror => {
            for (y, way) in [(-3.0, 1.0), (3.0, -1.0)] {
                painter.line_segment([at(-5.5, y), at(5.5, y)], stroke);
                let tip = at(5.5 * way, y);
                for side in [-2.6, 2.6] {
                    painter.line_segment([tip, tip + vec2(-2.6 * way, side)], stroke);
                }
            }
        }
        Icon::Menu => {
            for y in [-4.0, 0.0, 4.0] {
                painter.line_segment([at(-5.5, y), at(5.5, y)], stroke);
            }
        }
        Icon::StepBack | Icon::StepOn | Icon::First | Icon::Last => {
            let way = if matches!(icon, Icon::StepBack | Icon::First) {
                -1.0
            } else {
                1.0
            };
            // The bar stands behind the triangle for a step, at its tip for an end.
            let bar = if matches!(icon, Icon::StepBack | Icon::StepOn) {
                -4.5
            } else {
                4.5
            };
            let points = vec![
                at(-2.5 * way, -4.5),
                at(4.0 * way, 0.0),
                at(-2.5 * way, 4.5),
            ];
            painter.add(Shape::convex_polygon(points, color, Stroke::NONE));
            painter.line_segment([at(bar * way, -4.5), at(bar * way, 4.5)], stroke);
        }
        Icon::Chevron => {
            let points = vec![at(-3.5, -2.0), at(3.5, -2.0), at(0.0, 2.5)];
            painter.add(Shape::convex_polygon(points, color, Stroke::NONE));
        }
    }
}

/// A button of the top bar: icon, word and key, in a box of a fixed width so that nothing beside it moves.
#[derive(Debug, Clone, Copy, Default)]
pub struct ToolButton<'a> {
    /// Its accessible name.
    pub name: &'a str,
    /// The sign at the left.
    pub icon: Option<Icon>,
    /// The word; may be empty.
    pub label: &'a str,
    /// The key that does the same; shown muted, may be empty.
    pub key: &'a str,
    /// A chevron at the right: it opens a menu.
    pub opens: bool,
    /// Switched on.
    pub selected: bool,
    /// Icon, word and frame in this colour.
    pub tint: Option<Color32>,
    /// The icon alone in this colour.
    pub icon_tint: Option<Color32>,
    /// Digits in place of the plain face for the `key` text, in the tint.
    pub key_digits: bool,
    /// Width in points; `None`: as wide as its contents.
    pub width: Option<f32>,
}

const PAD: f32 = 10.0;
const ICON: f32 = 14.0;
const GAP: f32 = 6.0;

impl ToolButton<'_> {
    /// Shows it, 28 high.
    pub fn show(self, ui: &mut Ui) -> Response {
        let p = Palette::of(ui.ctx());
        let label_color = self.tint.unwrap_or(p.text);
        let key_color = if self.key_digits {
            label_color
        } else {
            p.muted
        };
        let key_font = if self.key_digits {
            theme::digits(12.5)
        } else {
            theme::caption()
        };
        let label = layout(ui, self.label, theme::body(), label_color);
        let key = layout(ui, self.key, key_font, key_color);
        let parts = [
            self.icon.map_or(0.0, |_| ICON),
            label.size().x,
            key.size().x,
            if self.opens { 8.0 } else { 0.0 },
        ];
        let shown = parts.iter().filter(|w| **w > 0.0).count();
        let content = parts.iter().sum::<f32>() + GAP * shown.saturating_sub(1) as f32;
        let width = self.width.unwrap_or(content + 2.0 * PAD).max(28.0);
        let (rect, response) = ui.allocate_exact_size(vec2(width, 28.0), Sense::CLICK);
        response.widget_info(|| {
            if self.selected {
                WidgetInfo::selected(Role::Button, ui.is_enabled(), true, self.name)
            } else {
                WidgetInfo::labeled(Role::Button, ui.is_enabled(), self.name)
            }
        });
        if ui.is_rect_visible(rect) {
            let (fill, line) = frame_colors(&p, &response, self.selected);
            let line = self.tint.unwrap_or(line);
            let radius = CornerRadius::same(theme::RADIUS);
            ui.painter().rect(
                rect,
                radius,
                fill,
                Stroke::new(1.0, line),
                StrokeKind::Inside,
            );
            let y = rect.center().y;
            let mut x = (rect.center().x - content / 2.0).max(rect.left() + PAD);
            if self.opens || self.key_digits {
                x = rect.left() + PAD;
            }
            let base_y = if label.size().x > 0.0 {
                y - label.size().y / 2.0 + baseline(&label)
            } else {
                y - key.size().y / 2.0 + baseline(&key)
            };
            if let Some(icon) = self.icon {
                let color = self.icon_tint.unwrap_or(label_color);
                paint_icon(ui.painter(), icon, pos2(x + ICON / 2.0, y), color);
                x += ICON + GAP;
            }
            if label.size().x > 0.0 {
                let at = pos2(x, y - label.size().y / 2.0);
                x += label.size().x + GAP;
                ui.painter().galley(at, label, label_color);
            }
            if key.size().x > 0.0 {
                let at = pos2(x, base_y - baseline(&key));
                ui.painter().galley(at, key, key_color);
            }
            if self.opens {
                let at = pos2(rect.right() - PAD - 3.0, y);
                paint_icon(ui.painter(), Icon::Chevron, at, p.muted);
            }
        }
        response
    }
}

/// Fill and line of a button in its present state.
pub fn frame_colors(p: &Palette, response: &Response, selected: bool) -> (Color32, Color32) {
    let fill = if response.is_pointer_button_down_on() {
        p.line
    } else if response.hovered() || selected {
        p.hovered()
    } else {
        p.raised()
    };
    let line = if response.has_focus() {
        p.accent
    } else if selected {
        p.faint
    } else {
        p.line
    };
    (fill, line)
}

/// Small words side by side of which one is chosen. Gives the index of the one clicked.
pub fn segmented(
    ui: &mut Ui,
    what: &str,
    options: &[(&str, &str)],
    chosen: usize,
) -> Option<usize> {
    let p = Palette::of(ui.ctx());
    let mut clicked = None;
    let spacing = std::mem::replace(&mut ui.spacing_mut().item_spacing.x, 2.0);
    for (i, (word, hint)) in options.iter().enumerate() {
        let on = i == chosen;
        let color = if on { p.text } else { p.muted };
        let galley = layout(ui, word, theme::caption(), color);
        let (rect, response) =
            ui.allocate_exact_size(vec2(galley.size().x + 14.0, 20.0), Sense::CLICK);
        response.widget_info(|| {
            let name = format!("{what}: {word}");
            WidgetInfo::selected(Role::RadioButton, ui.is_enabled(), on, name)
        });
        let fill = if on {
            p.line
        } else if response.hovered() {
            p.hovered()
        } else {
            Color32::TRANSPARENT
        };
        ui.painter().rect_filled(rect, 5.0, fill);
        if response.has_focus() {
            let stroke = Stroke::new(1.0, p.accent);
            ui.painter()
                .rect_stroke(rect, 5.0, stroke, StrokeKind::Inside);
        }
        let at = rect.center() - galley.size() / 2.0;
        ui.painter().galley(at, galley, color);
        if response.clicked() {
            clicked = Some(i);
        }
        if !hint.is_empty() {
            response.on_hover_text(*hint);
        }
    }
    ui.spacing_mut().item_spacing.x = spacing;
    clicked
}

/// How far under its top the letters of a line stand, so that lines of two faces can be set on one.
pub fn baseline(galley: &eframe::egui::Galley) -> f32 {
    let row = galley.rows.first();
    let glyph = row.and_then(|r| r.glyphs.first().map(|g| r.pos.y + g.pos.y));
    glyph.unwrap_or(galley.size().y * 0.8)
}

/// Lays out one line of text.
pub fn layout(
    ui: &Ui,
    text: &str,
    font: FontId,
    color: Color32,
) -> std::sync::Arc<eframe::egui::Galley> {
    ui.painter().layout_no_wrap(text.to_owned(), font, color)
}

/// Lays out one line of text, with an ellipsis where it is wider than `width`.
pub fn layout_elided(
    ui: &Ui,
    text: &str,
    font: FontId,
    color: Color32,
    width: f32,
) -> std::sync::Arc<eframe::egui::Galley> {
    let mut job = eframe::egui::text::LayoutJob::simple_singleline(text.to_owned(), font, color);
    job.wrap = eframe::egui::text::TextWrapping::truncate_at_width(width.max(8.0));
    ui.painter().layout_job(job)
}

/// A chip on the picture: white words on a dark rounded box, whatever the theme, since what is below is a picture.
pub fn chip(painter: &Painter, min: Pos2, text: &str, dot: Option<Color32>) -> Rect {
    let color = Color32::from_gray(240);
    let galley = painter.layout_no_wrap(text.to_owned(), theme::caption(), color);
    let dot_width = if dot.is_some() { 14.0 } else { 0.0 };
    let rect = Rect::from_min_size(min, galley.size() + vec2(16.0 + dot_width, 8.0));
    painter.rect_filled(rect, 6.0, Color32::from_black_alpha(176));
    if let Some(dot) = dot {
        painter.circle_filled(pos2(rect.left() + 13.0, rect.center().y), 3.5, dot);
    }
    painter.galley(rect.min + vec2(8.0 + dot_width, 4.0), galley, color);
    rect
}

/// A smaller chip for a number on a thumbnail.
pub fn chip_small(painter: &Painter, min: Pos2, text: &str) {
    let color = Color32::from_gray(240);
    let galley = painter.layout_no_wrap(text.to_owned(), theme::digits(11.0), color);
    let rect = Rect::from_min_size(min, galley.size() + vec2(8.0, 2.0));
    painter.rect_filled(rect, 4.0, Color32::from_black_alpha(176));
    painter.galley(rect.min + vec2(4.0, 1.0), galley, color);
}

/// The size a chip will have.
pub fn chip_size(painter: &Painter, text: &str) -> Vec2 {
    let galley = painter.layout_no_wrap(text.to_owned(), theme::caption(), Color32::WHITE);
    galley.size() + vec2(16.0, 8.0)
}

/// A painted piece that says something: gives it an accessible name (and a place to hover).
pub fn described(ui: &Ui, rect: Rect, id: &str, label: impl Fn() -> String) -> Response {
    let response = ui.interact(rect, ui.scope_id().with(id), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, label()));
    response
}
/// A name cut to a width, with an ellipsis.
pub fn elided(ui: &Ui, text: &str, width: f32) -> String {
    let galley = layout_elided(ui, text, theme::body(), Palette::of(ui.ctx()).text, width);
    if !galley.elided {
        return text.to_owned();
    }
    let keep = galley
        .rows
        .first()
        .map_or(0, |r| r.glyphs.len().saturating_sub(1));
    text.chars().take(keep).chain(['…']).collect()
}

/// A field for a short name in a menu, as wide as the first of `field` and called the second; what was typed once Enter is
/// pressed or something else is clicked, if that is another than `known`.
pub fn typed(ui: &mut Ui, id: Id, known: &str, hint: &str, field: (f32, &str)) -> Option<String> {
    // What is being typed, until it is taken or left.
    let mut text = ui
        .data(|d| d.get_temp(id))
        .unwrap_or_else(|| known.to_owned());
    let edit = TextEdit::singleline(&mut text)
        .desired_width(field.0)
        .char_limit(crate::review::faces::MOST_LETTERS)
        .align(Align2::LEFT_CENTER)
        .min_size(vec2(0.0, 24.0))
        .hint_text(hint);
    let response = ui.add(edit).accessible_name(field.1.to_owned());
    // At once, not a frame later: the click may be on something that goes by the name, or that closes the menu.
    let left = response.lost_focus() || response.clicked_elsewhere();
    let typing = ui.data(|d| d.get_temp::<String>(id)).is_some() || response.changed();
    if response.has_focus() && !left {
        ui.data_mut(|d| d.insert_temp(id, text));
        return None;
    }
    ui.data_mut(|d| d.remove::<String>(id));
    (left && typing && text != known).then_some(text)
}
