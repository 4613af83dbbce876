//! The frames of a rendered video: a picture of the source with everything that is said of it.

use std::ops::Range;

use resvg::tiny_skia::Pixmap;

use super::canvas::{Area, Canvas, Ink, ellipse, polyline};
use super::layout::Layout;
use super::letters::{Anchor, Face, Type};
use super::timeline::{Shown, Timeline};
use crate::analysis::{BoxPx, Status};
use crate::colours::Colours;
use crate::frame::Frame;
use crate::labels::Expression;
use crate::numbers::grouped;
use crate::review::figure::ticks::clock;
use crate::review::model::Row;
use crate::review::{Faces, Model, Project, Rating};

/// Said once in every frame.
const WARNING: &str = "What a face shows to a trained network, not what a person feels.";
/// How long the point in the circumplex leaves its trace, seconds.
const TRAIL_S: f64 = 3.0;
/// The trace fades in so many steps.
const TRAIL_STEPS: usize = 8;
/// Annotators whose words stand beside the circumplex, at most.
const MOST_SAID: usize = 3;

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

    /// Of a bar: its name's base line, and its trough.
    fn bar(&self, index: usize) -> (f32, Area) {
        let (u, area) = (self.layout.unit, self.layout.bars);
        let head = 24.0 * u;
        let step = (area.h - head) / Expression::COUNT as f32;
        let middle = area.y + head + (index as f32 + 0.5) * step;
        let x = area.x + 84.0 * u;
        let trough = Area {
            x,
            y: middle - 5.0 * u,
            w: area.right() - 46.0 * u - x,
            h: 10.0 * u,
        };
        (middle + 4.5 * u, trough)
    }

    fn still_bars(&mut self) {
        let (u, area, c) = (self.layout.unit, self.layout.bars, self.colours);
        let y = area.y + 11.0 * u;
        let quiet = self.ended(Face::Sans, 11.0, c.muted);
        self.canvas.text((area.right(), y), quiet, "probability");
        for index in 0..Expression::COUNT {
            let (_, trough) = self.bar(index);
            self.canvas.rounded(trough, 3.0 * u, c.line);
        }
    }

    fn bars(&mut self, frame: usize) {
        let (u, area, c) = (self.layout.unit, self.layout.bars, self.colours);
        let row = self.project.model().and_then(|m| m.at(frame)).copied();
        let y = area.y + 11.0 * u;
        let head = self.kind(Face::Bold, 12.0, c.text);
        let x = area.x + self.canvas.text((area.x, y), head, "Expression");
        let quiet = self.kind(Face::Sans, 12.0, c.muted);
        let of = match row {
            Some(row) => row.face_id.zip(self.project.model()).map(|(id, model)| {
                let title = model.names().title(id);
                format!(" · {title}")
            }),
            None => Some(format!(" · {}", absence(self.project.model(), frame))),
        };
        self.canvas.text((x, y), quiet, &of.unwrap_or_default());
        let said = row.and_then(|r| r.rating.expression);
        for expression in Expression::ALL {
            let (base, trough) = self.bar(expression.index());
            let is_said = said == Some(expression);
            let (face, colour) = match is_said {
                true => (Face::Bold, c.text),
                false => (Face::Sans, c.muted),
            };
            let name = self.kind(face, 12.5, colour);
            self.canvas.text((area.x, base), name, expression.title());
            let known = row.map(|r| r.detail.probabilities[expression.index()]);
            let Some(p) = known.filter(|p| !p.is_nan()) else {
                continue;
            };
            let filled = Area {
                w: trough.w * p.clamp(0.0, 1.0),
                ..trough
            };
            if filled.w >= 0.5 {
                let colour = c.expression[expression.index()];
                self.canvas.rounded(filled, 3.0 * u, colour);
            }
            let face = if is_said {
                Face::MonoMedium
            } else {
                Face::Mono
            };
            let number = self.ended(face, 12.0, colour);
            let at = (area.right(), base);
            self.canvas.text(at, number, &format!("{p:.2}"));
        }
    }

    /// Middle and radius.
    fn circle_place(&self) -> ((f32, f32), f32) {
        let area = self.layout.circle;
        let middle = (area.x + area.w / 2.0, area.y + area.h / 2.0);
        (middle, area.w / 2.0 - 6.0 * self.layout.unit)
    }

    fn still_circle(&mut self) {
        let (u, c) = (self.layout.unit, self.colours);
        let ((x, y), radius) = self.circle_place();
        for (part, dashes) in [(1.0, vec![]), (0.5, vec![2.0 * u, 4.0 * u])] {
            if let Some(path) = ellipse((x, y), radius * part, radius * part) {
                self.canvas.stroke(&path, u, &dashes, c.line);
            }
        }
        self.canvas
            .line((x - radius, y), (x + radius, y), u, c.line);
        self.canvas
            .line((x, y - radius), (x, y + radius), u, c.line);
        let start = self.kind(Face::Sans, 10.0, c.faint);
        let end = self.ended(Face::Sans, 10.0, c.faint);
        let (near, above) = (6.0 * u, 5.0 * u);
        self.canvas
            .text((x - radius + near, y - above), start, "unpleasant");
        self.canvas
            .text((x + radius - near, y - above), end, "pleasant");
        self.canvas
            .text((x + near, y - radius + 14.0 * u), start, "active");
        self.canvas
            .text((x + near, y + radius - near), start, "calm");
        let said = self.layout.said;
        let head = self.kind(Face::Bold, 12.0, c.text);
        let at = (said.x, said.y + 11.0 * u);
        self.canvas.text(at, head, "Valence and arousal");
    }

    fn circle(&mut self, frame: usize, time_s: f64) {
        let (u, c) = (self.layout.unit, self.colours);
        let ((x, y), radius) = self.circle_place();
        let place = |v: f64, a: f64| (x + v as f32 * radius, y - a as f32 * radius);
        self.trail(frame, time_s, &place);
        let row = self.project.model().and_then(|m| m.at(frame)).copied();
        let point = row.and_then(|r| r.rating.valence.zip(r.rating.arousal));
        if let (Some(row), Some((v, a))) = (row, point) {
            let at = place(v, a);
            let sd = (row.detail.valence_sd, row.detail.arousal_sd);
            if let Some(path) = ellipse(at, sd.0 * radius, sd.1 * radius) {
                self.canvas.area(&path, Ink::faded(c.accent, 0.2));
                self.canvas.stroke(&path, u, &[], Ink::faded(c.accent, 0.7));
            }
            for (r, colour) in [(6.0, c.background), (4.5, c.accent)] {
                if let Some(path) = ellipse(at, r * u, r * u) {
                    self.canvas.area(&path, colour);
                }
            }
        }
        let several = self.project.raters().len() > 1;
        for (i, rater) in self.project.raters().iter().enumerate() {
            let rating = rater.track().get(frame);
            if let (Some(v), Some(a)) = (rating.valence, rating.arousal) {
                let at = place(v, a);
                if let Some(path) = ellipse(at, 4.0 * u, 4.0 * u) {
                    self.canvas.stroke(&path, 1.5 * u, &[], c.text);
                }
                if several {
                    let number = self.kind(Face::Sans, 9.5, c.text);
                    let at = (at.0 + 6.0 * u, at.1 - 3.0 * u);
                    self.canvas.text(at, number, &(i + 1).to_string());
                }
            }
        }
        self.said(frame, row.as_ref(), several);
    }

    fn trail(&mut self, frame: usize, time_s: f64, place: &dyn Fn(f64, f64) -> (f32, f32)) {
        let Some(model) = self.project.model() else {
            return;
        };
        let times = self.project.times_s();
        let first = times.partition_point(|t| *t < time_s - TRAIL_S).min(frame);
        let mut points: Vec<(f64, (f32, f32))> = Vec::new();
        for at in (first..=frame).rev() {
            let rating = model.at(at).map(|r| r.rating);
            let Some((v, a)) = rating.and_then(|r| r.valence.zip(r.arousal)) else {
                // The trace begins anew where nothing was said.
                break;
            };
            points.push((time_s - times[at], place(v, a)));
        }
        let u = self.layout.unit;
        for step in (0..TRAIL_STEPS).rev() {
            let age = |i: usize| i as f64 * TRAIL_S / TRAIL_STEPS as f64;
            let begin = points.partition_point(|p| p.0 < age(step));
            let end = points.partition_point(|p| p.0 < age(step + 1));
            // One point of the next step, so that there is no gap.
            let part: Vec<_> = points[begin..(end + 1).min(points.len())]
                .iter()
                .map(|p| p.1)
                .collect();
            if let Some(path) = polyline(&part) {
                let opacity = 0.85 * (1.0 - step as f32 / TRAIL_STEPS as f32);
                let ink = Ink::faded(self.colours.accent, opacity);
                self.canvas.stroke(&path, 1.5 * u, &[], ink);
            }
        }
    }

    /// The numbers: the network's, and below them everybody's.
    fn said(&mut self, frame: usize, row: Option<&Row>, several: bool) {
        let (u, c, area) = (self.layout.unit, self.colours, self.layout.said);
        let mut y = area.y + 34.0 * u;
        let of = |value: Option<f64>, sd: f32| match (value, sd.is_nan()) {
            (None, _) => "-".to_owned(),
            (Some(v), true) => signed(v),
            (Some(v), false) => format!("{} ±{sd:.2}", signed(v)),
        };
        if let Some(row) = row {
            let (rating, detail) = (row.rating, row.detail);
            for (letter, value, sd, colour) in [
                ("V", rating.valence, detail.valence_sd, c.valence),
                ("A", rating.arousal, detail.arousal_sd, c.arousal),
            ] {
                let kind = self.kind(Face::Mono, 12.0, colour);
                let words = format!("{letter} {}", of(value, sd));
                self.canvas.text((area.x, y), kind, &words);
                y += 17.0 * u;
            }
        } else {
            let kind = self.kind(Face::Sans, 12.0, c.muted);
            let words = absence(self.project.model(), frame);
            self.canvas.text((area.x, y), kind, words);
            y += 34.0 * u;
        }
        y += 8.0 * u;
        for (i, rater) in self.project.raters().iter().take(MOST_SAID).enumerate() {
            if y + 31.0 * u > area.bottom() {
                break;
            }
            let name = match several {
                true => format!("{} {}", i + 1, rater.name),
                false => rater.name.clone(),
            };
            let kind = self.kind(Face::Sans, 11.0, c.muted);
            self.canvas
                .text_within((area.x, y), kind, &name, area.w - 6.0 * u);
            let [expression, affect] = said_of(rater.track().get(frame));
            y += 15.0 * u;
            let kind = self.kind(Face::Sans, 11.0, c.text);
            self.canvas.text((area.x, y), kind, &expression);
            y += 15.0 * u;
            let kind = self.kind(Face::Mono, 11.0, c.text);
            self.canvas.text((area.x, y), kind, &affect);
            y += 20.0 * u;
        }
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

fn signed(v: f64) -> String {
    let text = format!("{v:+.2}");
    match text.as_str() {
        "-0.00" => "+0.00".to_owned(),
        _ => text.replace('-', "−"),
    }
}

/// Expression, valence and arousal in words, each a line.
fn said_of(rating: Rating) -> [String; 2] {
    if rating.is_empty() {
        return ["no label".to_owned(), String::new()];
    }
    let number = |letter: &str, v: Option<f64>| v.map(|v| format!("{letter} {}", signed(v)));
    let numbers = [("V", rating.valence), ("A", rating.arousal)];
    let numbers = numbers.iter().filter_map(|(l, v)| number(l, *v));
    [
        rating.expression.map_or("-", |e| e.title()).to_owned(),
        numbers.collect::<Vec<_>>().join(" "),
    ]
}
