//! The frames of a rendered video: a picture of the source with everything that is said of it.

use std::ops::Range;

use resvg::tiny_skia::Pixmap;

use super::canvas::{Area, Canvas, Ink, polyline};
use super::layout::Layout;
use super::letters::{Anchor, Face, Type};
use super::timeline::{Shown, Timeline};
use crate::analysis::{BoxPx, Status};
use crate::colours::Colours;
use crate::frame::Frame;
use crate::numbers::grouped;
use crate::review::figure::ticks::clock;
use crate::review::model::Row;
use crate::review::{Faces, Model, Project};

mod bars;
mod circle;

/// Said once in every frame.
const WARNING: &str = "What a face shows to a trained network, not what a person feels.";

/// How the frames look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Width and height in pixels; see [`super::check_size`].
    pub size_px: (u32, u32),
    /// The light theme in place of the dark one.
    pub light: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            size_px: (1280, 720),
            light: false,
        }
    }
}

/// Draws frames, one after the other.
pub struct Movie<'a> {
    project: &'a Project,
    colours: Colours,
    layout: Layout,
    canvas: Canvas,
    /// What does not change.
    still: Pixmap,
    timeline: Timeline,
    rgb: Vec<u8>,
}

impl<'a> Movie<'a> {
    /// For some frames of a project; everything that stays is drawn at once. `None` for a size that no picture has.
    pub fn new(project: &'a Project, frames: Range<usize>, look: Look) -> Option<Self> {
        let colours = if look.light {
            Colours::LIGHT
        } else {
            Colours::DARK
        };
        let shown = Shown::of(project, &frames);
        let (w, h) = look.size_px;
        let layout = Layout::new(w, h, shown.height());
        let mut canvas = Canvas::new(w, h, colours.background)?;
        let l = &layout;
        let below = Area {
            x: 0.0,
            y: l.timeline.y - l.unit,
            w: w as f32,
            h: l.bottom.bottom() - l.timeline.y + l.unit,
        };
        for bar in [l.top, below] {
            canvas.fill(bar, colours.panel);
        }
        for y in [l.top.bottom() - l.unit, below.y, l.bottom.y] {
            let line = Area {
                y,
                h: l.unit.max(1.0),
                ..l.top
            };
            canvas.fill(line, colours.line);
        }
        let theme = (l.unit, &colours);
        let timeline = Timeline::draw(&mut canvas, project, frames, &shown, l.timeline, theme);
        let mut movie = Self {
            project,
            colours,
            still: canvas.kept(),
            layout,
            canvas,
            timeline,
            rgb: Vec::new(),
        };
        movie.words();
        movie.still_bars();
        movie.still_circle();
        movie.still = movie.canvas.kept();
        Some(movie)
    }

    /// A frame as RGB, `width * height * 3` bytes: frame `frame` of the project with its picture, or with the reason why
    /// there is none.
    pub fn draw(&mut self, frame: usize, picture: Result<&Frame, &str>) -> &[u8] {
        self.canvas.begin(&self.still);
        let time_s = self.project.times_s().get(frame).copied().unwrap_or(0.0);
        self.time(frame, time_s);
        match picture {
            Ok(picture) => self.picture(frame, picture),
            Err(reason) => self.no_picture(reason),
        }
        self.bars(frame);
        self.circle(frame, time_s);
        let theme = (self.layout.unit, &self.colours);
        self.timeline.play_head(&mut self.canvas, time_s, theme);
        self.canvas.rgb(&mut self.rgb);
        &self.rgb
    }

    fn kind(&self, face: Face, size: f32, colour: u32) -> Type {
        Type {
            face,
            size_px: size * self.layout.unit,
            colour,
            anchor: Anchor::Start,
        }
    }

    fn ended(&self, face: Face, size: f32, colour: u32) -> Type {
        Type {
            anchor: Anchor::End,
            ..self.kind(face, size, colour)
        }
    }

    /// Name above; weights and the warning below.
    fn words(&mut self) {
        let (u, top, bottom) = (self.layout.unit, self.layout.top, self.layout.bottom);
        let c = self.colours;
        let name = self.kind(Face::Bold, 15.0, c.text);
        let most = top.w * 0.6;
        let at = (12.0 * u, top.y + 25.0 * u);
        self.canvas.text_within(at, name, &self.project.name, most);
        let y = bottom.y + 17.0 * u;
        let warning = self.ended(Face::Sans, 11.0, c.muted);
        let end = bottom.right() - 12.0 * u;
        let used = self.canvas.text((end, y), warning, WARNING);
        let Some(model) = self.project.model() else {
            return;
        };
        let quiet = self.kind(Face::Sans, 11.0, c.muted);
        let x = 12.0 * u;
        let x = x + self.canvas.text((x, y), quiet, "weights ");
        let name = self.kind(Face::Bold, 11.0, c.text);
        let weights = model.weights.as_deref().unwrap_or("not named");
        let most = (end - used - x - 16.0 * u).max(0.0);
        self.canvas.text_within((x, y), name, weights, most);
    }

    fn time(&mut self, frame: usize, time_s: f64) {
        let (u, top) = (self.layout.unit, self.layout.top);
        let words = format!("frame {} · {}", grouped(frame as u64), clock(time_s, 3));
        let kind = self.ended(Face::Mono, 13.0, self.colours.text);
        let at = (top.right() - 12.0 * u, top.y + 25.0 * u);
        self.canvas.text(at, kind, &words);
    }

    fn no_picture(&mut self, reason: &str) {
        let at = self.layout.picture;
        self.canvas.fill(at, self.colours.panel);
        let mut kind = self.kind(Face::Sans, 13.0, self.colours.muted);
        kind.anchor = Anchor::Middle;
        let middle = (at.x + at.w / 2.0, at.y + at.h / 2.0);
        self.canvas.text_within(middle, kind, reason, at.w * 0.9);
    }

    fn picture(&mut self, frame: usize, picture: &Frame) {
        let Some(place) = self.canvas.picture(picture, self.layout.picture) else {
            return self.no_picture("this frame has no picture");
        };
        let Some(model) = self.project.model() else {
            return;
        };
        let scale = place.w / picture.width_px() as f32;
        let chosen = model.at(frame);
        let is_chosen = |row: &Row| chosen.is_some_and(|c| std::ptr::eq(c, row));
        for row in model.faces_at(frame) {
            if let Some(face) = row.box_px {
                let ink = if is_chosen(row) {
                    Ink::from(self.colours.accent)
                } else {
                    Ink::faded(0x00ff_ffff, 0.55)
                };
                self.corners(on_picture(&face, place, scale), place, ink);
            }
        }
        for row in model.faces_at(frame) {
            if let Some(face) = row.box_px {
                let tag = tag(row, model.names());
                if !tag.is_empty() {
                    self.tag(on_picture(&face, place, scale), place, &tag);
                }
            }
        }
    }

    /// The corners of a box, as far as they are within the picture.
    fn corners(&mut self, face: Area, place: Area, ink: Ink) {
        let u = self.layout.unit;
        let arm = (face.w.min(face.h) / 5.0).min(26.0 * u);
        let x = |v: f32| v.clamp(place.x, place.right());
        let y = |v: f32| v.clamp(place.y, place.bottom());
        for (cx, to_x) in [(face.x, arm), (face.right(), -arm)] {
            for (cy, to_y) in [(face.y, arm), (face.bottom(), -arm)] {
                // A corner outside has no place in the picture.
                if x(cx) != cx || y(cy) != cy {
                    continue;
                }
                let corner = [(x(cx + to_x), cy), (cx, cy), (cx, y(cy + to_y))];
                if let Some(path) = polyline(&corner) {
                    self.canvas.stroke(&path, 2.5 * u, &[], ink);
                }
            }
        }
    }

    fn tag(&mut self, face: Area, place: Area, text: &str) {
        let u = self.layout.unit;
        let kind = self.kind(Face::Sans, 12.0, 0x00ff_ffff);
        let width = self.canvas.letters.width_px(kind.face, kind.size_px, text) + 14.0 * u;
        let height = 19.0 * u;
        let most_x = (place.right() - width).max(place.x);
        let most_y = (place.bottom() - height).max(place.y);
        let area = Area {
            x: face.x.clamp(place.x, most_x),
            y: (face.bottom() + 5.0 * u).clamp(place.y, most_y),
            w: width.min(place.w),
            h: height,
        };
        self.canvas.rounded(area, 4.0 * u, Ink::faded(0, 0.66));
        let at = (area.x + 7.0 * u, area.y + 13.5 * u);
        self.canvas.text(at, kind, text);
    }
}

fn on_picture(face: &BoxPx, place: Area, scale: f32) -> Area {
    Area {
        x: place.x + face.x * scale,
        y: place.y + face.y * scale,
        w: face.w * scale,
        h: face.h * scale,
    }
}

/// What stands below a face.
fn tag(row: &Row, names: &Faces) -> String {
    let mut parts = Vec::new();
    parts.extend(row.face_id.map(|id| match names.name(id) {
        Some(name) => name.to_owned(),
        None => names.one(id).to_string(),
    }));
    if let Some(expression) = row.rating.expression {
        let p = row.detail.probabilities[expression.index()];
        parts.push(match p.is_nan() {
            true => expression.title().to_owned(),
            false => format!("{} {p:.2}", expression.title()),
        });
    }
    parts.join(" · ")
}

/// Why there is no reading of a frame.
fn absence(model: Option<&Model>, frame: usize) -> &'static str {
    let Some(model) = model else {
        return "no predictions";
    };
    match model.status(frame) {
        None => "no prediction",
        Some(Status::Ok) => "another face",
        Some(Status::NoFace) => "no face",
        Some(Status::Dropped | Status::Unreadable | Status::Missing) => "not read",
    }
}
