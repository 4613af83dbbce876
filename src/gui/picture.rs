//! The picture with what was found in it.

use std::sync::Arc;

use eframe::egui::{
    Align2, Color32, ColorImage, CornerRadius, Painter, Pos2, Rect, Shape, Stroke, TextureHandle,
    TextureOptions, Ui, epaint::RectShape, pos2, vec2,
};

use super::action::Action;
use super::labels::{self, Tag};
use super::model::Model;
use super::states;
use super::theme::{self, Palette};
use super::widgets;
use crate::analysis::Reading;
use crate::frame::Frame;
use crate::session::SourceState;
use crate::settings::Settings;

/// Wider pictures are thinned before they go to the graphics card, pixels.
const WIDEST_PX: usize = 1920;

/// The picture on the graphics card: one texture, set anew for each new picture.
#[derive(Default)]
pub struct Screen {
    pub(super) texture: Option<TextureHandle>,
    /// What was loaded last: once it is on the graphics card, its memory takes the next one.
    image: Arc<ColorImage>,
    loaded: u64,
}

impl Screen {
    /// Takes the picture that has this number, unless it has it already.
    pub(super) fn load(&mut self, ctx: &eframe::egui::Context, number: u64, frame: Option<&Frame>) {
        if self.loaded == number {
            return;
        }
        self.loaded = number;
        let Some(frame) = frame else {
            self.texture = None;
            return;
        };
        let most = ctx.input(|i| i.max_texture_side).clamp(64, WIDEST_PX);
        match Arc::get_mut(&mut self.image) {
            Some(image) => thin(frame, most, image),
            None => {
                let mut image = ColorImage::default();
                thin(frame, most, &mut image);
                self.image = Arc::new(image);
            }
        }
        let image = self.image.clone();
        match &mut self.texture {
            Some(texture) => texture.set(image, TextureOptions::LINEAR),
            None => {
                self.texture = Some(ctx.load_texture("picture", image, TextureOptions::LINEAR));
            }
        }
    }
}

/// Makes `image` the frame, no side longer than `most`: every second, third ... pixel where it is larger.
fn thin(frame: &Frame, most: usize, image: &mut ColorImage) {
    let (w, h) = (frame.width_px(), frame.height_px());
    let step = w.max(h).div_ceil(most).max(1);
    let (rgb, _) = frame.rgb().as_chunks::<3>();
    let color = |&[r, g, b]: &[u8; 3]| Color32::from_rgb(r, g, b);
    image.pixels.clear();
    if step == 1 {
        image.pixels.extend(rgb.iter().map(color));
    } else {
        let rows = rgb.chunks_exact(w).step_by(step);
        image
            .pixels
            .extend(rows.flat_map(|row| row.iter().step_by(step).map(color)));
    }
    image.size = [w.div_ceil(step), h.div_ceil(step)];
    image.source_size = vec2(image.size[0] as f32, image.size[1] as f32);
}

/// Shows the picture, or what stands in its place, in the whole of `rect`.
pub fn show(
    ui: &mut Ui,
    rect: Rect,
    model: &Model,
    settings: &Settings,
    screen: &mut Screen,
) -> Vec<Action> {
    let frame = model.picture.as_ref().map(|picture| &*picture.frame);
    screen.load(ui.ctx(), model.pictures, frame);
    let p = Palette::of(ui.ctx());
    let radius = f32::from(theme::RADIUS_LARGE);
    let well = well(&p);
    widgets::described(ui, rect, "picture", || {
        let faces = model.readings().len();
        match &model.picture {
            Some(_) if faces == 1 => "Picture with 1 face".to_owned(),
            Some(_) => format!("Picture with {faces} faces"),
            None => "No picture".to_owned(),
        }
    });
    let mut shown = rect;
    if screen.texture.is_none() {
        ui.painter().rect_filled(rect, radius, well);
    }
    if let (Some(texture), Some(picture)) = (&screen.texture, &model.picture) {
        let size_px = vec2(
            picture.frame.width_px() as f32,
            picture.frame.height_px() as f32,
        );
        let scale = (rect.width() / size_px.x).min(rect.height() / size_px.y);
        shown = Rect::from_center_size(rect.center(), size_px * scale);
        margins(ui.painter(), rect, shown, well);
        let (u0, u1) = if settings.mirror {
            (1.0, 0.0)
        } else {
            (0.0, 1.0)
        };
        let uv = Rect::from_min_max(pos2(u0, 0.0), pos2(u1, 1.0));
        let image = RectShape::filled(shown, radius, Color32::WHITE);
        ui.painter()
            .add(Shape::Rect(image.with_texture(texture.id(), uv)));
        let map = Map {
            shown,
            scale,
            width_px: size_px.x,
            mirror: settings.mirror,
        };
        let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
        if matches!(
            model.status.state,
            SourceState::Running | SourceState::Paused | SourceState::Ended { .. }
        ) {
            overlay(&painter, model, settings, &map);
        } else {
            ui.painter()
                .rect_filled(shown, radius, Color32::from_black_alpha(150));
        }
    }
    chips(ui, rect, shown, model, &p);
    states::show(ui, rect, model)
}

/// What lies around a picture.
pub(super) fn well(p: &Palette) -> Color32 {
    if p.dark {
        Color32::from_rgb(0x0b, 0x0d, 0x10)
    } else {
        Color32::from_rgb(0xe4, 0xe8, 0xee)
    }
}

/// Fills what the picture leaves of its place, and nothing behind it: pixels are dear without a graphics card.
pub(super) fn margins(painter: &Painter, rect: Rect, shown: Rect, well: Color32) {
    let round = theme::RADIUS_LARGE;
    let (left, right, top, bottom) = (
        CornerRadius {
            nw: round,
            sw: round,
            ne: 0,
            se: 0,
        },
        CornerRadius {
            ne: round,
            se: round,
            nw: 0,
            sw: 0,
        },
        CornerRadius {
            nw: round,
            ne: round,
            sw: 0,
            se: 0,
        },
        CornerRadius {
            sw: round,
            se: round,
            nw: 0,
            ne: 0,
        },
    );
    for (part, radius) in [
        (
            Rect::from_min_max(rect.min, pos2(shown.left(), rect.bottom())),
            left,
        ),
        (
            Rect::from_min_max(pos2(shown.right(), rect.top()), rect.max),
            right,
        ),
        (
            Rect::from_min_max(rect.min, pos2(rect.right(), shown.top())),
            top,
        ),
        (
            Rect::from_min_max(pos2(rect.left(), shown.bottom()), rect.max),
            bottom,
        ),
    ] {
        if part.width() >= 1.0 && part.height() >= 1.0 {
            painter.rect_filled(part, radius, well);
        }
    }
}

/// From pixels of the picture to points of the window.
struct Map {
    shown: Rect,
    scale: f32,
    width_px: f32,
    mirror: bool,
}

impl Map {
    fn at(&self, x: f32, y: f32) -> Pos2 {
        let x = if self.mirror { self.width_px - x } else { x };
        self.shown.min + vec2(x, y) * self.scale
    }
}

fn overlay(painter: &Painter, model: &Model, settings: &Settings, map: &Map) {
    // The dark theme's blue in both: it lies on the picture, not on the window.
    let accent = Palette::DARK.accent;
    let mut tags = Vec::new();
    for reading in model.readings() {
        let on = model.followed == Some(reading.face_id);
        let color = if on {
            accent
        } else {
            Color32::from_white_alpha(210)
        };
        let Some(place) = &reading.place else {
            continue;
        };
        let b = &place.box_px;
        let face = Rect::from_two_pos(map.at(b.x, b.y), map.at(b.x + b.w, b.y + b.h));
        corners(painter, face, color, if on { 2.5 } else { 1.5 });
        if settings.landmarks {
            let dot = (face.width() / 32.0).clamp(1.5, 3.0);
            for [x, y] in place.landmarks_px {
                let at = map.at(x, y);
                painter.circle(
                    at,
                    dot,
                    color,
                    Stroke::new(1.0, Color32::from_black_alpha(160)),
                );
            }
        }
        tags.push(Tag {
            face,
            words: face_label(model, reading, on),
            number: reading.face_id.to_string(),
            on,
        });
    }
    labels::paint(painter, map.shown, &tags);
}

fn face_label(model: &Model, reading: &Reading, on: bool) -> String {
    let id = reading.face_id;
    // The smoothed figures where there are some, so that the picture and the bars say the same.
    let estimate = model
        .history
        .current(id)
        .map_or(reading.estimate, |s| s.shown);
    let expression = estimate.expression().title();
    if on {
        format!("{id} · {expression} {:.2}", estimate.confidence())
    } else {
        format!("{id} · {expression}")
    }
}

/// The four corners of a box, each arm a seventh of a side.
pub(super) fn corners(painter: &Painter, face: Rect, color: Color32, width: f32) {
    let arm = (face.width().min(face.height()) / 7.0).clamp(5.0, 30.0);
    let stroke = Stroke::new(width, color);
    // A shade under the line, so that it is seen on a bright sky too.
    let shade = Stroke::new(width + 2.0, Color32::from_black_alpha(90));
    for (corner, dx, dy) in [
        (face.left_top(), 1.0, 1.0),
        (face.right_top(), -1.0, 1.0),
        (face.left_bottom(), 1.0, -1.0),
        (face.right_bottom(), -1.0, -1.0),
    ] {
        let points = vec![
            corner + vec2(arm * dx, 0.0),
            corner,
            corner + vec2(0.0, arm * dy),
        ];
        painter.line(points.clone(), shade);
        painter.line(points, stroke);
    }
}

/// What the picture says of itself: demo, paused, and hints.
fn chips(ui: &Ui, rect: Rect, shown: Rect, model: &Model, p: &Palette) {
    let painter = ui.painter().with_clip_rect(rect);
    let corner = shown.left_top().max(rect.left_top()) + vec2(10.0, 10.0);
    let mut at = corner;
    if model.is_demo() && model.picture.is_some() {
        let text = "Demo: a still portrait set in motion by the program";
        let chip = widgets::chip(&painter, at, text, None);
        widgets::described(ui, chip, "demo chip", || text.to_owned());
        at.y = chip.bottom() + 6.0;
    }
    if let Some(text) = model.fallback.as_ref().filter(|_| model.picture.is_some()) {
        let chip = widgets::chip(&painter, at, text, None);
        widgets::described(ui, chip, "fallback chip", || text.clone());
        at.y = chip.bottom() + 6.0;
    }
    if model.is_paused() {
        let chip = widgets::chip(&painter, at, "Paused", Some(p.valence));
        widgets::described(ui, chip, "paused chip", || "Paused".to_owned());
    }
    if let Some(hint) = model.hint() {
        let size = widgets::chip_size(&painter, hint.text());
        let min = pos2(
            shown.center().x - size.x / 2.0,
            shown.bottom() - size.y - 12.0,
        );
        let chip = widgets::chip(&painter, min, hint.text(), None);
        widgets::described(ui, chip, "hint", || hint.text().to_owned());
    }
}

/// The hint while a file is held over the window: what dropping does, and what may be dropped.
pub fn drop_hint(ui: &Ui, window: Rect, title: &str, what: &str) {
    let p = Palette::of(ui.ctx());
    let layer = eframe::egui::LayerId::new(
        eframe::egui::Order::Foreground,
        eframe::egui::Id::unique("drop hint"),
    );
    let painter = ui.ctx().layer_painter(layer);
    painter.rect_filled(window, 0.0, p.background.gamma_multiply(0.86));
    let area = window.shrink(24.0);
    painter.rect_stroke(
        area,
        12.0,
        Stroke::new(2.0, p.accent),
        eframe::egui::StrokeKind::Inside,
    );
    let at = area.center();
    painter.text(
        at - vec2(0.0, 12.0),
        Align2::CENTER_CENTER,
        title,
        theme::semibold(20.0),
        p.text,
    );
    painter.text(
        at + vec2(0.0, 16.0),
        Align2::CENTER_CENTER,
        what,
        theme::body(),
        p.muted,
    );
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::frame::FrameStamp;

    #[test]
    fn large_pictures_are_thinned_and_small_ones_kept() {
        let stamp = FrameStamp {
            index: 0,
            time_s: 0.0,
        };
        let frame = |w: usize, h: usize| Frame::new(stamp, w, h, vec![7; w * h * 3]).unwrap();
        // One image takes them all.
        let mut image = ColorImage::default();
        for (w, h, most, size) in [
            (640, 480, 1920, [640, 480]),
            (3841, 11, 1920, [1281, 4]),
            (1, 1, 64, [1, 1]),
        ] {
            thin(&frame(w, h), most, &mut image);
            assert_eq!(image.size, size);
            assert_eq!(image.pixels, vec![Color32::from_gray(7); size[0] * size[1]]);
        }
    }
}
