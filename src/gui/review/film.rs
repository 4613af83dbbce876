//! The picture at the play-head with what model and raters say of it, and the buttons below.

use std::sync::Arc;

use eframe::egui::{
    Align, Align2, Color32, Layout, Rect, Shape, Stroke, TextEdit, Ui, UiBuilder, Vec2,
    epaint::RectShape, pos2, vec2,
};

use super::act::Act;
use super::state::{SPEEDS, State, clock, place};
use crate::frame::Frame;
use crate::gui::circumplex::signed;
use crate::gui::picture::{Screen, corners, margins, well};
use crate::gui::theme::{self, Palette};
use crate::gui::widgets::{self, Icon, ToolButton};
use crate::numbers::grouped;

/// The newest picture and how it came.
#[derive(Default)]
pub struct Film {
    screen: Screen,
    /// Counts pictures.
    number: u64,
    picture: Option<Arc<Frame>>,
    /// The frame that cannot be shown, and why.
    failed: Option<(usize, String)>,
    /// What is typed into the field for a place; `None`: the field is shut.
    place: Option<String>,
}

impl Film {
    /// Takes a new picture.
    pub fn take(&mut self, picture: Arc<Frame>) {
        self.number += 1;
        self.failed = None;
        self.picture = Some(picture);
    }

    /// There is none of this frame.
    pub fn fail(&mut self, frame: usize, reason: String) {
        self.failed = Some((frame, reason));
    }

    /// Something else is open now.
    pub fn clear(&mut self) {
        self.number += 1;
        self.picture = None;
        self.failed = None;
    }

    /// The frame whose picture is on screen.
    pub fn shown(&self) -> Option<usize> {
        self.picture.as_ref().map(|p| p.stamp.index as usize)
    }

    /// The frame that the area of the picture speaks of: the shown one, or the one that cannot be.
    fn meant(&self, state: &State) -> Option<usize> {
        let failed = self.failed.as_ref().map(|f| f.0);
        failed.filter(|f| *f == state.at()).or_else(|| self.shown())
    }

    /// Opens the field for a place.
    pub fn ask_place(&mut self) {
        self.place = Some(String::new());
    }

    /// Shows the picture.
    pub fn show(&mut self, ui: &mut Ui, rect: Rect, state: &State) {
        let p = Palette::of(ui.ctx());
        self.screen
            .load(ui.ctx(), self.number, self.picture.as_deref());
        let well = well(&p);
        let radius = f32::from(theme::RADIUS_LARGE);
        let shown_frame = self.shown();
        let unseen = self.failed.as_ref().filter(|f| f.0 == state.at());
        widgets::described(ui, rect, "picture", || match (unseen, shown_frame) {
            (Some((frame, _)), _) => format!("Frame {frame} cannot be shown"),
            (None, Some(frame)) => format!("Picture of frame {frame}"),
            (None, None) => "No picture".to_owned(),
        });
        let painter = ui.painter().with_clip_rect(rect);
        let failed = self
            .failed
            .as_ref()
            .filter(|(frame, _)| *frame == state.at());
        let (Some(texture), Some(picture), None) = (&self.screen.texture, &self.picture, failed)
        else {
            painter.rect_filled(rect, radius, well);
            let words = match failed {
                Some((frame, reason)) => format!("Frame {frame} cannot be shown.\n{reason}"),
                None if state.project.video.is_none() => {
                    "No video: labels and predictions are shown without pictures.".to_owned()
                }
                None => "…".to_owned(),
            };
            let width = (rect.width() - 40.0).max(80.0);
            let galley = painter.layout(words, theme::body(), p.muted, width);
            painter.galley(rect.center() - galley.size() / 2.0, galley, p.muted);
            return;
        };
        let size_px = vec2(picture.width_px() as f32, picture.height_px() as f32);
        let scale = (rect.width() / size_px.x).min(rect.height() / size_px.y);
        let area = Rect::from_center_size(rect.center(), size_px * scale);
        margins(&painter, rect, area, well);
        let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
        let image = RectShape::filled(area, radius, Color32::WHITE);
        painter.add(Shape::Rect(image.with_texture(texture.id(), uv)));
        // What is drawn on a picture is of that picture, even while a newer one is on its way.
        let frame = picture.stamp.index as usize;
        let face = overlay(&painter, state, frame, area, scale);
        tag(ui, &painter, state, frame, face, area);
    }

    /// Shows the buttons.
    pub fn transport(&mut self, ui: &mut Ui, rect: Rect, state: &State, compact: bool) -> Vec<Act> {
        let mut acts = Vec::new();
        // Laid out from the left, and then centred by what it took the last time.
        let id = ui.scope_id().with("transport width");
        let width: f32 = ui.data(|d| d.get_temp(id)).unwrap_or(rect.width() * 0.8);
        let left = (rect.center().x - width / 2.0).max(rect.left() + 10.0);
        let area = Rect::from_min_max(pos2(left, rect.top()), rect.max);
        let row = UiBuilder::new()
            .max_rect(area)
            .layout(Layout::left_to_right(Align::Center));
        let used = ui.scope_builder(row, |ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            let button = |ui: &mut Ui, name: &str, icon: Icon| {
                let tool = ToolButton {
                    name,
                    icon: Some(icon),
                    width: Some(28.0),
                    ..ToolButton::default()
                };
                tool.show(ui).on_hover_text(name).clicked()
            };
            if !compact && button(ui, "First frame", Icon::First) {
                acts.push(Act::Go(0));
            }
            if button(ui, "One frame back", Icon::StepBack) {
                acts.push(Act::Step(-1));
            }
            let (name, icon) = if state.is_playing() {
                ("Stop", Icon::Pause)
            } else {
                ("Play", Icon::Play)
            };
            let play = ToolButton {
                name,
                icon: Some(icon),
                label: name,
                key: if compact { "" } else { "Space" },
                width: Some(if compact { 74.0 } else { 110.0 }),
                ..ToolButton::default()
            };
            if play.show(ui).clicked() {
                acts.push(Act::Toggle);
            }
            if button(ui, "One frame on", Icon::StepOn) {
                acts.push(Act::Step(1));
            }
            if !compact && button(ui, "Last frame", Icon::Last) {
                acts.push(Act::Go(i64::MAX));
            }
            ui.add_space(6.0);
            self.place_field(ui, state, &mut acts, compact);
            ui.add_space(4.0);
            let speed = state.speed;
            let word = format!("{}{}×", if speed < 0.0 { "−" } else { "" }, speed.abs());
            let tool = ToolButton {
                name: &format!("Speed {word}"),
                key: &word,
                opens: true,
                width: Some(66.0),
                ..ToolButton::default()
            };
            let response = tool.show(ui);
            eframe::egui::Popup::menu(&response)
                .gap(4.0)
                .width(90.0)
                .show(|ui| {
                    for speed in SPEEDS {
                        let on = speed == state.speed;
                        if ui.selectable_label(on, format!("{speed}×")).clicked() {
                            acts.push(Act::Speed(speed));
                        }
                    }
                });
            response.on_hover_text("Speed of playing; J and L double it");
            ui.min_rect().width()
        });
        ui.data_mut(|d| d.insert_temp(id, used.inner));
        acts
    }

    /// Frame and time; a field for a place once it was clicked.
    fn place_field(&mut self, ui: &mut Ui, state: &State, acts: &mut Vec<Act>, compact: bool) {
        let p = Palette::of(ui.ctx());
        let width = if compact { 150.0 } else { 190.0 };
        if let Some(text) = &mut self.place {
            let field = TextEdit::singleline(text)
                .hint_text("frame, 1:23 or 83s")
                .font(theme::digits(12.5))
                .desired_width(width - 16.0);
            let response = ui.add(field).accessible_name("Go to frame or time");
            response.request_focus();
            let (enter, leave) = ui.input(|i| {
                (
                    i.key_pressed(eframe::egui::Key::Enter),
                    i.key_pressed(eframe::egui::Key::Escape),
                )
            });
            if enter && let Some(frame) = place(text, &state.project) {
                acts.push(Act::Go(frame as i64));
            }
            if enter || leave || response.clicked_elsewhere() {
                self.place = None;
            }
            return;
        }
        // The number is that of the picture on screen, not of the one that was asked for.
        let frame = self
            .meant(state)
            .filter(|_| state.project.video.is_some())
            .unwrap_or(state.at());
        let time_s = state.project.times_s().get(frame).copied().unwrap_or(0.0);
        let late = frame != state.at();
        let (number, time) = (grouped(frame as u64), clock(time_s));
        let (rect, response) =
            ui.allocate_exact_size(vec2(width, 28.0), eframe::egui::Sense::CLICK);
        response.widget_info(|| {
            let name = format!("Frame {frame}, {time}");
            eframe::egui::WidgetInfo::labeled(eframe::egui::Role::Button, true, name)
        });
        if response.hovered() || response.has_focus() {
            ui.painter().rect_filled(rect, 6.0, p.hovered());
        }
        let color = if late { p.muted } else { p.text };
        let words = if compact {
            number
        } else {
            format!("frame {number}")
        };
        let middle = rect.left() + width * if compact { 0.42 } else { 0.54 };
        ui.painter().text(
            pos2(middle - 6.0, rect.center().y),
            Align2::RIGHT_CENTER,
            words,
            theme::digits(12.5),
            color,
        );
        ui.painter().text(
            pos2(middle + 6.0, rect.center().y),
            Align2::LEFT_CENTER,
            time,
            theme::digits(12.5),
            p.muted,
        );
        if response
            .on_hover_text("Click, or G: go to a frame or a time")
            .clicked()
        {
            self.ask_place();
        }
    }
}

/// Boxes of the faces on a frame; gives that of the chosen one.
fn overlay(
    painter: &eframe::egui::Painter,
    state: &State,
    frame: usize,
    area: Rect,
    scale: f32,
) -> Option<Rect> {
    let model = state.project.model()?;
    let chosen = model.at(frame).and_then(|r| r.box_px);
    let mut found = None;
    for row in model.faces_at(frame) {
        let Some(b) = row.box_px else { continue };
        let face = Rect::from_min_size(area.min + vec2(b.x, b.y) * scale, vec2(b.w, b.h) * scale);
        let on = chosen == Some(b);
        let color = if on {
            Palette::DARK.accent
        } else {
            Color32::from_white_alpha(200)
        };
        corners(painter, face, color, if on { 2.5 } else { 1.5 });
        if on {
            found = Some(face);
        } else if let Some(id) = row.face_id {
            let names = model.names();
            let text = names.name(id).map_or_else(|| id.to_string(), str::to_owned);
            widgets::chip_small(painter, face.left_top() + vec2(4.0, 4.0), &text);
        }
    }

    found
}

/// What is said of the frame, below the face.
fn tag(
    ui: &Ui,
    painter: &eframe::egui::Painter,
    state: &State,
    frame: usize,
    face: Option<Rect>,
    area: Rect,
) {
    let mut lines = Vec::new();
    let p = Palette::DARK;
    if let Some(model) = state.project.model().filter(|_| !state.blind) {
        let said = model.track().get(frame);
        match said.expression {
            Some(e) => {
                let sure = model
                    .confidence(frame)
                    .map(|c| format!(" {c:.2}"))
                    .unwrap_or_default();
                lines.push((format!("model: {}{sure}", e.title()), p.of_expression(e)));
            }
            None => {
                let why = model.status(frame).map_or("no prediction", |s| match s {
                    crate::analysis::Status::Ok => "another face",
                    crate::analysis::Status::NoFace => "no face",
                    crate::analysis::Status::Dropped => "dropped while recording",
                    crate::analysis::Status::Unreadable => "unreadable",
                    crate::analysis::Status::Missing => "no prediction",
                });
                lines.push((format!("model: {why}"), p.muted));
            }
        }
        let name = model.at(frame).and_then(|r| r.face_id);
        if let (Some(name), Some((text, _))) =
            (name.and_then(|id| model.names().name(id)), lines.last_mut())
        {
            text.insert_str(0, &format!("{name}, "));
        }
        if let (Some(v), Some(a)) = (said.valence, said.arousal)
            && let Some((text, _)) = lines.last_mut()
        {
            text.push_str(&format!("  V {} A {}", signed(v as f32), signed(a as f32)));
        }
    }
    if let Some(rater) = state.project.raters().get(state.rater) {
        let label = rater.track().get(frame);
        if !label.is_empty() {
            let mut text = format!("{}:", rater.name);
            if let Some(e) = label.expression {
                text.push_str(&format!(" {}", e.title()));
            }
            for (letter, value) in [("V", label.valence), ("A", label.arousal)] {
                if let Some(value) = value {
                    text.push_str(&format!("  {letter} {}", signed(value as f32)));
                }
            }
            lines.push((
                text,
                label.expression.map_or(p.text, |e| p.of_expression(e)),
            ));
        }
    }
    if lines.is_empty() {
        return;
    }
    let galleys: Vec<_> = lines
        .iter()
        .map(|(text, color)| {
            let galley = widgets::layout_elided(
                ui,
                text,
                theme::caption(),
                Color32::from_gray(240),
                area.width() - 60.0,
            );
            (galley, *color)
        })
        .collect();
    let width = galleys.iter().map(|(g, _)| g.size().x).fold(0.0, f32::max) + 30.0;
    let size = vec2(width, 8.0 + 17.0 * galleys.len() as f32);
    let under = face.map_or(pos2(area.center().x, area.bottom() - size.y - 10.0), |f| {
        pos2(f.center().x, f.bottom() + 8.0)
    });
    let max = area.max - size - Vec2::splat(6.0);
    let x = (under.x - size.x / 2.0).clamp(area.left() + 6.0, max.x.max(area.left() + 6.0));
    let y = under.y.clamp(area.top() + 6.0, max.y.max(area.top() + 6.0));
    let chip = Rect::from_min_size(pos2(x, y), size);
    painter.rect_filled(chip, 6.0, Color32::from_black_alpha(184));
    for (i, (galley, color)) in galleys.into_iter().enumerate() {
        let y = chip.top() + 4.0 + 17.0 * i as f32;
        painter.circle(pos2(chip.left() + 12.0, y + 8.0), 4.0, color, Stroke::NONE);
        painter.galley(pos2(chip.left() + 22.0, y), galley, Color32::from_gray(240));
    }
    widgets::described(ui, chip, "said", || {
        let words: Vec<&str> = lines.iter().map(|(t, _)| t.as_str()).collect();
        words.join("; ")
    });
}
