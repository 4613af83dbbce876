//! The strip under the picture: every face just as the network sees it. A click follows one.

use std::collections::HashMap;

use eframe::egui::{
    Align2, ColorImage, Rect, Role, Sense, Shape, Stroke, StrokeKind, TextureHandle,
    TextureOptions, Ui, WidgetInfo, epaint::RectShape, pos2, vec2,
};

use super::action::Action;
use super::model::Model;
use super::theme::{self, Palette};
use super::topbar::clock;
use super::widgets;
use crate::analysis::Crop;

/// The crops on the graphics card, by face.
#[derive(Default)]
pub struct Crops {
    textures: HashMap<u32, TextureHandle>,
    loaded: u64,
}

impl Crops {
    /// Loads the crops of the newest picture, once, and lets go of the faces that are gone.
    pub fn load(&mut self, ctx: &eframe::egui::Context, model: &Model) {
        if self.loaded == model.pictures {
            return;
        }
        self.loaded = model.pictures;
        let crops = model
            .picture
            .as_ref()
            .map_or(&[][..], |p| p.crops.as_slice());
        self.textures
            .retain(|id, _| crops.iter().any(|c| c.face_id == *id));
        for crop in crops {
            let Some(image) = crop_image(crop) else {
                continue;
            };
            match self.textures.get_mut(&crop.face_id) {
                Some(texture) => texture.set(image, TextureOptions::LINEAR),
                None => {
                    let name = format!("face {}", crop.face_id);
                    let texture = ctx.load_texture(name, image, TextureOptions::LINEAR);
                    self.textures.insert(crop.face_id, texture);
                }
            }
        }
    }
}

/// `None` when the crop's size is not what it says.
fn crop_image(crop: &Crop) -> Option<ColorImage> {
    let size = [crop.side_px, crop.side_px];
    let pixels = crop.side_px.checked_mul(crop.side_px)?;
    if pixels == 0 || crop.pixels.len() != pixels.checked_mul(crop.channels)? {
        return None;
    }
    match crop.channels {
        1 => Some(ColorImage::from_gray(size, &crop.pixels)),
        3 => Some(ColorImage::from_rgb(size, &crop.pixels)),
        _ => None,
    }
}

/// Shows the strip in `rect`.
pub fn show(ui: &mut Ui, rect: Rect, model: &Model, crops: &mut Crops) -> Vec<Action> {
    crops.load(ui.ctx(), model);
    let p = Palette::of(ui.ctx());
    let mut actions = Vec::new();
    let side = rect.height();
    let readings = model.readings();
    // The followed face has words beside it; the others stand at the right of them.
    let words_width = if rect.width() < 420.0 { 150.0 } else { 214.0 };
    let mut x = rect.left();
    let followed = model.followed;
    let order = readings
        .iter()
        .filter(|r| Some(r.face_id) == followed)
        .chain(readings.iter().filter(|r| Some(r.face_id) != followed));
    let mut hidden = 0;
    for reading in order {
        let on = Some(reading.face_id) == followed;
        if x + side > rect.right() {
            hidden += 1;
            continue;
        }
        let tile = Rect::from_min_size(pos2(x, rect.top()), vec2(side, side));
        let id = reading.face_id;
        let response = ui.interact(tile, ui.scope_id().with(("face", id)), Sense::CLICK);
        response.widget_info(|| {
            let name = if on {
                format!("Face {id}, followed")
            } else {
                format!("Follow face {id}")
            };
            WidgetInfo::selected(Role::Button, true, on, name)
        });
        let radius = f32::from(theme::RADIUS);
        match crops.textures.get(&id) {
            Some(texture) => {
                let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
                let shape = RectShape::filled(tile, radius, eframe::egui::Color32::WHITE);
                ui.painter()
                    .add(Shape::Rect(shape.with_texture(texture.id(), uv)));
            }
            None => {
                ui.painter().rect_filled(tile, radius, p.line);
            }
        }
        let (width, color) = if on {
            (2.0, p.accent)
        } else if response.hovered() || response.has_focus() {
            (2.0, p.muted)
        } else {
            (1.0, p.line)
        };
        let stroke = Stroke::new(width, color);
        ui.painter()
            .rect_stroke(tile, radius, stroke, StrokeKind::Inside);
        if !on {
            let corner = tile.left_bottom() + vec2(4.0, -20.0);
            widgets::chip_small(ui.painter(), corner, &id.to_string());
        }
        if response.clicked() {
            actions.push(Action::Follow(id));
        }
        let estimate = &reading.estimate;
        let kind = crop_kind(model, id);
        response.on_hover_text(format!(
            "Face {id}: {} {:.2}.\nThe {kind} pixels that the network sees.{}",
            estimate.expression().name(),
            estimate.confidence(),
            if on { "" } else { "\nClick to follow it." },
        ));
        x += side + 10.0;
        if on {
            words(
                ui,
                pos2(x, tile.center().y),
                model,
                reading.place.map_or(0.0, |place| place.detection_score),
                id,
            );
            x += words_width;
        }
    }
    if readings.is_empty() && model.picture.is_some() && !model.is_stale() {
        let tile = Rect::from_min_size(rect.min, vec2(side, side));
        let stroke = Stroke::new(1.0, p.line);
        ui.painter()
            .rect_stroke(tile, 6.0, stroke, StrokeKind::Inside);
        ui.painter().text(
            tile.right_center() + vec2(10.0, 0.0),
            Align2::LEFT_CENTER,
            "No face on this picture",
            theme::body(),
            p.muted,
        );
    }
    if hidden > 0 {
        ui.painter().text(
            rect.right_center(),
            Align2::RIGHT_CENTER,
            format!("+{hidden} more"),
            theme::caption(),
            p.muted,
        );
    }
    actions
}

/// What a face's crop is, as in `112×112 grey`.
fn crop_kind(model: &Model, face_id: u32) -> String {
    let crop = model
        .picture
        .as_ref()
        .and_then(|p| p.crops.iter().find(|c| c.face_id == face_id));
    match crop {
        Some(c) if c.channels == 1 => format!("{0}×{0} grey", c.side_px),
        Some(c) => format!("{0}×{0} RGB", c.side_px),
        None => "112×112".to_owned(),
    }
}

/// Three lines beside the followed face.
fn words(ui: &Ui, at: eframe::egui::Pos2, model: &Model, score: f32, id: u32) {
    let p = Palette::of(ui.ctx());
    let painter = ui.painter();
    let line = |y: f32| at + vec2(0.0, y);
    let name = painter.text(
        line(-20.0),
        Align2::LEFT_CENTER,
        format!("Face {id}"),
        theme::semibold(13.0),
        p.text,
    );
    painter.text(
        pos2(name.right() + 5.0, line(-20.0).y),
        Align2::LEFT_CENTER,
        if model.pinned {
            "followed, chosen"
        } else {
            "followed"
        },
        theme::body(),
        p.muted,
    );
    let kind = crop_kind(model, id);
    painter.text(
        line(0.0),
        Align2::LEFT_CENTER,
        format!("{kind}, as the network sees it"),
        theme::caption(),
        p.muted,
    );
    let mut x = at.x;
    let seen = clock(model.history.seen_for_s(id).unwrap_or(0.0));
    // A face of unrelated pictures is not seen for any time.
    let seen = if model.history.is_stills() {
        vec![("score ".to_owned(), false)]
    } else {
        vec![
            ("seen for ".to_owned(), false),
            (seen, true),
            (" · score ".to_owned(), false),
        ]
    };
    for (text, is_digits) in seen.into_iter().chain([(format!("{score:.1}"), true)]) {
        let font = if is_digits {
            theme::digits(12.0)
        } else {
            theme::caption()
        };
        let galley = painter.layout_no_wrap(text, font, p.muted);
        let width = galley.size().x;
        painter.galley(
            pos2(x, at.y + 24.0 - widgets::baseline(&galley)),
            galley,
            p.muted,
        );
        x += width;
    }
}
