//! An opaque picture that is drawn on.

use fast_image_resize as fr;
use resvg::tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Rect, Stroke, StrokeDash,
    Transform,
};

use super::letters::{Face, Letters, Type};
use crate::frame::Frame;

/// A box: left, top, width, height in pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Area {
    pub x: f32,
    pub y: f32,
    pub w: f32,
    pub h: f32,
}

impl Area {
    pub fn right(&self) -> f32 {
        self.x + self.w
    }

    pub fn bottom(&self) -> f32 {
        self.y + self.h
    }

    /// On whole pixels.
    pub fn whole(&self) -> Self {
        let (x, y) = (self.x.round(), self.y.round());
        Self {
            x,
            y,
            w: self.right().round() - x,
            h: self.bottom().round() - y,
        }
    }
}

/// A colour, and how much of what is below it covers.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ink {
    /// `0xRRGGBB`.
    pub colour: u32,
    /// 0..=1.
    pub opacity: f32,
}

impl From<u32> for Ink {
    fn from(colour: u32) -> Self {
        Self {
            colour,
            opacity: 1.0,
        }
    }
}

impl Ink {
    pub fn faded(colour: u32, opacity: f32) -> Self {
        Self { colour, opacity }
    }

    fn paint(self) -> Paint<'static> {
        let part = |shift: u32| (self.colour >> shift & 0xff) as u8;
        let alpha = (self.opacity.clamp(0.0, 1.0) * 255.0).round() as u8;
        let mut paint = Paint::default();
        paint.set_color_rgba8(part(16), part(8), part(0), alpha);
        paint.anti_alias = true;
        paint
    }
}

/// The picture, and the letters that it is written on with.
pub(super) struct Canvas {
    pixels: Pixmap,
    pub letters: Letters,
    resizer: fr::Resizer,
    scaled: Vec<u8>,
}

impl Canvas {
    /// Of one colour; `None` for a size that no picture has.
    pub fn new(width_px: u32, height_px: u32, ground: u32) -> Option<Self> {
        let mut pixels = Pixmap::new(width_px, height_px)?;
        let part = |shift: u32| (ground >> shift & 0xff) as u8;
        pixels.fill(Color::from_rgba8(part(16), part(8), part(0), 255));
        Some(Self {
            pixels,
            letters: Letters::new(),
            resizer: fr::Resizer::new(),
            scaled: Vec::new(),
        })
    }

    /// What it is at the moment, to begin other pictures with.
    pub fn kept(&self) -> Pixmap {
        self.pixels.clone()
    }

    /// Begins with what was kept.
    pub fn begin(&mut self, kept: &Pixmap) {
        self.pixels.data_mut().copy_from_slice(kept.data());
    }

    /// As RGB.
    pub fn rgb(&self, out: &mut Vec<u8>) {
        out.clear();
        out.reserve(self.pixels.data().len() / 4 * 3);
        for pixel in self.pixels.data().chunks_exact(4) {
            out.extend_from_slice(&pixel[..3]);
        }
    }

    /// A filled box, without soft edges.
    pub fn fill(&mut self, area: Area, ink: impl Into<Ink>) {
        if let Some(rect) = Rect::from_xywh(area.x, area.y, area.w, area.h) {
            let mut paint = ink.into().paint();
            paint.anti_alias = false;
            self.pixels
                .fill_rect(rect, &paint, Transform::identity(), None);
        }
    }

    /// A filled box with round corners.
    pub fn rounded(&mut self, area: Area, radius: f32, ink: impl Into<Ink>) {
        if let Some(path) = rounded(area, radius) {
            self.area(&path, ink);
        }
    }

    /// A filled path.
    pub fn area(&mut self, path: &Path, ink: impl Into<Ink>) {
        let paint = ink.into().paint();
        let identity = Transform::identity();
        self.pixels
            .fill_path(path, &paint, FillRule::Winding, identity, None);
    }

    /// A line along a path; dashed with these lengths where there are any.
    pub fn stroke(&mut self, path: &Path, width: f32, dashes: &[f32], ink: impl Into<Ink>) {
        let stroke = Stroke {
            width,
            line_join: LineJoin::Round,
            line_cap: if dashes.is_empty() {
                LineCap::Round
            } else {
                LineCap::Butt
            },
            // An odd number of lengths would be refused, and the line be whole.
            dash: StrokeDash::new(dashes.to_vec(), 0.0),
            ..Stroke::default()
        };
        let paint = ink.into().paint();
        self.pixels
            .stroke_path(path, &paint, &stroke, Transform::identity(), None);
    }

    /// A line from one point to another.
    pub fn line(&mut self, from: (f32, f32), to: (f32, f32), width: f32, ink: impl Into<Ink>) {
        if let Some(path) = polyline(&[from, to]) {
            self.stroke(&path, width, &[], ink);
        }
    }

    /// A text; gives its width.
    pub fn text(&mut self, at: (f32, f32), kind: Type, text: &str) -> f32 {
        self.letters.draw(&mut self.pixels.as_mut(), at, kind, text)
    }

    /// A text that fits into a width: cut, with its end kept, which is where names of files differ.
    pub fn text_within(&mut self, at: (f32, f32), kind: Type, text: &str, most_px: f32) -> f32 {
        let fitted = self.fitted(kind.face, kind.size_px, text, most_px);
        self.text(at, kind, &fitted)
    }

    fn fitted(&mut self, face: Face, size_px: f32, text: &str, most_px: f32) -> String {
        let mut width = |text: &str| self.letters.width_px(face, size_px, text);
        if width(text) <= most_px {
            return text.to_owned();
        }
        let starts = text.char_indices().map(|(at, _)| at).skip(1);
        let cut = starts.map(|at| format!("…{}", &text[at..]));
        let mut fits = cut.into_iter().filter(|t| width(t) <= most_px);
        fits.next().unwrap_or_default()
    }

    /// A picture, as large as it goes into a box without being cut; gives where it came to lie. A picture that cannot be
    /// laid out (of no size) leaves the box as it is.
    pub fn picture(&mut self, frame: &Frame, within: Area) -> Option<Area> {
        let (w, h) = (frame.width_px(), frame.height_px());
        let scale = (within.w / w as f32).min(within.h / h as f32);
        let side = |px: usize| (px as f32 * scale).round().max(1.0);
        let (to_w, to_h) = (side(w).min(within.w.floor()), side(h).min(within.h.floor()));
        let at = Area {
            x: (within.x + (within.w - to_w) / 2.0).round(),
            y: (within.y + (within.h - to_h) / 2.0).round(),
            w: to_w,
            h: to_h,
        };
        let (columns, rows) = (to_w as usize, to_h as usize);
        let scaled = if (columns, rows) == (w, h) {
            frame.rgb()
        } else {
            self.scaled.resize(columns * rows * 3, 0);
            let from =
                fr::images::ImageRef::new(w as u32, h as u32, frame.rgb(), fr::PixelType::U8x3);
            let to = fr::images::Image::from_slice_u8(
                columns as u32,
                rows as u32,
                &mut self.scaled,
                fr::PixelType::U8x3,
            );
            let options = fr::ResizeOptions::new()
                .resize_alg(fr::ResizeAlg::Convolution(fr::FilterType::Bilinear));
            self.resizer
                .resize(&from.ok()?, &mut to.ok()?, Some(&options))
                .ok()?;
            &self.scaled
        };
        let width = self.pixels.width() as usize;
        let first = (at.y as usize * width + at.x as usize) * 4;
        let data = self.pixels.data_mut();
        for (row, line) in scaled.chunks_exact(columns * 3).enumerate() {
            let begin = first + row * width * 4;
            let to = data.get_mut(begin..begin + columns * 4)?;
            for (to, from) in to.chunks_exact_mut(4).zip(line.chunks_exact(3)) {
                to[..3].copy_from_slice(from);
            }
        }
        Some(at)
    }
}

/// A path through points; `None` for fewer than two, or for places that are none.
pub(super) fn polyline(points: &[(f32, f32)]) -> Option<Path> {
    pieces(std::slice::from_ref(&points), false)
}

/// A path of several pieces, each closed where `close` says so. A piece of one point becomes a short dash.
pub(super) fn pieces<P: AsRef<[(f32, f32)]>>(all: &[P], close: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    for piece in all {
        let mut points = piece.as_ref().iter();
        let Some(&(x, y)) = points.next() else {
            continue;
        };
        path.move_to(x, y);
        if points.len() == 0 {
            path.line_to(x + 0.5, y);
        }
        for &(x, y) in points {
            path.line_to(x, y);
        }
        if close {
            path.close();
        }
    }
    path.finish()
}

/// An ellipse about a point.
pub(super) fn ellipse((x, y): (f32, f32), rx: f32, ry: f32) -> Option<Path> {
    PathBuilder::from_oval(Rect::from_ltrb(x - rx, y - ry, x + rx, y + ry)?)
}

fn rounded(area: Area, radius: f32) -> Option<Path> {
    let (l, t, r, b) = (area.x, area.y, area.right(), area.bottom());
    let radius = radius.min(area.w / 2.0).min(area.h / 2.0);
    if radius <= 0.0 {
        return Rect::from_ltrb(l, t, r, b).map(PathBuilder::from_rect);
    }
    // The handle of a quarter circle.
    let k = radius * (1.0 - 0.552_284_8);
    let mut path = PathBuilder::new();
    path.move_to(l + radius, t);
    path.line_to(r - radius, t);
    path.cubic_to(r - k, t, r, t + k, r, t + radius);
    path.line_to(r, b - radius);
    path.cubic_to(r, b - k, r - k, b, r - radius, b);
    path.line_to(l + radius, b);
    path.cubic_to(l + k, b, l, b - k, l, b - radius);
    path.line_to(l, t + radius);
    path.cubic_to(l, t + k, l + k, t, l + radius, t);
    path.close();
    path.finish()
}
