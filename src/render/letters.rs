//! Letters as coverage: each drawn once from its outline and kept.

use std::collections::HashMap;

use resvg::tiny_skia::{FillRule, Mask, PathBuilder, PixmapMut, Transform};
use skrifa::instance::{LocationRef, Size};
use skrifa::outline::{DrawSettings, OutlinePen};
use skrifa::{FontRef, GlyphId, MetadataProvider as _};

use crate::fonts;

/// A typeface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Face {
    Sans,
    Bold,
    Mono,
    MonoMedium,
}

/// Where a text stands to its point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Type {
    pub face: Face,
    /// Height in pixels.
    pub size_px: f32,
    /// `0xRRGGBB`.
    pub colour: u32,
    pub anchor: Anchor,
}

/// Places between two pixels at which a letter may begin: evenly spaced words ask for it.
const PLACES: f32 = 4.0;
/// Letters that are kept; beyond, all are drawn anew.
const MOST_KEPT: usize = 4096;

#[derive(PartialEq, Eq, Hash)]
struct Key {
    face: Face,
    /// Bits of the size.
    size: u32,
    letter: char,
    place: u8,
}

#[derive(Clone, Copy)]
struct Found {
    font: usize,
    glyph: GlyphId,
    /// Unit: pixels.
    advance: f32,
}

struct Drawn {
    /// From the pen's pixel to the mask's left edge, and from the base line to its upper one.
    left: i32,
    top: i32,
    mask: Option<Mask>,
}

/// All letters that were drawn so far.
pub(super) struct Letters {
    /// The four faces, then those that are tried after them.
    fonts: Vec<FontRef<'static>>,
    found: HashMap<(Face, u32, char), Found>,
    drawn: HashMap<Key, Drawn>,
}

impl Letters {
    pub fn new() -> Self {
        let own = [
            fonts::INTER,
            fonts::INTER_SEMIBOLD,
            fonts::MONO,
            fonts::MONO_MEDIUM,
        ];
        let all = own.into_iter().chain(fonts::FALLBACKS);
        Self {
            // They are in the binary and are fonts: a test draws with each.
            fonts: all.filter_map(|bytes| FontRef::new(bytes).ok()).collect(),
            found: HashMap::new(),
            drawn: HashMap::new(),
        }
    }

    fn find(&mut self, face: Face, size_px: f32, letter: char) -> Option<Found> {
        let key = (face, size_px.to_bits(), letter);
        if let Some(found) = self.found.get(&key) {
            return Some(*found);
        }
        let own = match face {
            Face::Sans => 0,
            Face::Bold => 1,
            Face::Mono => 2,
            Face::MonoMedium => 3,
        };
        let chain = std::iter::once(own).chain(0..self.fonts.len());
        let has = |&i: &usize| self.fonts.get(i)?.charmap().map(letter).map(|g| (i, g));
        let (font, glyph) = chain
            .clone()
            .find_map(|i| has(&i))
            .unwrap_or((own, GlyphId::NOTDEF));
        let metrics = self
            .fonts
            .get(font)?
            .glyph_metrics(Size::new(size_px), LocationRef::default());
        let found = Found {
            font,
            glyph,
            advance: metrics.advance_width(glyph).unwrap_or(size_px / 2.0),
        };
        self.found.insert(key, found);
        Some(found)
    }

    /// How wide a text is, pixels.
    pub fn width_px(&mut self, face: Face, size_px: f32, text: &str) -> f32 {
        let advances = text.chars().filter_map(|c| self.find(face, size_px, c));
        advances.map(|found| found.advance).sum()
    }

    /// Draws a text on an opaque picture, its base line at `y`; gives its width.
    pub fn draw(
        &mut self,
        pixels: &mut PixmapMut<'_>,
        (x, y): (f32, f32),
        kind: Type,
        text: &str,
    ) -> f32 {
        let width = self.width_px(kind.face, kind.size_px, text);
        let mut pen = match kind.anchor {
            Anchor::Start => x,
            Anchor::Middle => x - width / 2.0,
            Anchor::End => x - width,
        };
        let base = y.round() as i32;
        for letter in text.chars() {
            let Some(found) = self.find(kind.face, kind.size_px, letter) else {
                continue;
            };
            let place = ((pen - pen.floor()) * PLACES).floor();
            let key = Key {
                face: kind.face,
                size: kind.size_px.to_bits(),
                letter,
                place: place as u8,
            };
            if self.drawn.len() >= MOST_KEPT {
                self.drawn.clear();
            }
            let font = self.fonts.get(found.font);
            let drawn = self
                .drawn
                .entry(key)
                .or_insert_with(|| outline(font, found.glyph, kind.size_px, place / PLACES));
            if let Some(mask) = &drawn.mask {
                let at = (pen.floor() as i32 + drawn.left, base + drawn.top);
                lay(pixels, mask, at, kind.colour);
            }
            pen += found.advance;
        }
        width
    }
}

/// A letter's coverage, moved to the right by a part of a pixel.
fn outline(font: Option<&FontRef<'_>>, glyph: GlyphId, size_px: f32, by: f32) -> Drawn {
    let nothing = Drawn {
        left: 0,
        top: 0,
        mask: None,
    };
    let mut pen = Pen {
        path: PathBuilder::new(),
        by,
    };
    let glyph = font.and_then(|f| f.outline_glyphs().get(glyph));
    let settings = DrawSettings::unhinted(Size::new(size_px), LocationRef::default());
    let path = glyph
        .and_then(|g| g.draw(settings, &mut pen).ok())
        .and_then(|_| pen.path.finish());
    let Some(path) = path else {
        return nothing;
    };
    let bounds = path.bounds();
    let (left, top) = (bounds.left().floor(), bounds.top().floor());
    let side = |from: f32, to: f32| (to.ceil() - from) as u32 + 1;
    let (w, h) = (side(left, bounds.right()), side(top, bounds.bottom()));
    let Some(mut mask) = Mask::new(w, h) else {
        return nothing;
    };
    let to_mask = Transform::from_translate(-left, -top);
    mask.fill_path(&path, FillRule::Winding, true, to_mask);
    Drawn {
        left: left as i32,
        top: top as i32,
        mask: Some(mask),
    }
}

/// Lays a colour through a mask.
fn lay(pixels: &mut PixmapMut<'_>, mask: &Mask, (left, top): (i32, i32), colour: u32) {
    let (width, height) = (pixels.width() as i32, pixels.height() as i32);
    let (w, h) = (mask.width() as i32, mask.height() as i32);
    let ink = [colour >> 16 & 0xff, colour >> 8 & 0xff, colour & 0xff];
    let columns = 0.max(-left)..w.min(width - left);
    let data = pixels.data_mut();
    for row in 0.max(-top)..h.min(height - top) {
        for column in columns.clone() {
            let cover = u32::from(mask.data()[(row * w + column) as usize]);
            if cover == 0 {
                continue;
            }
            let at = (((top + row) * width + left + column) * 4) as usize;
            for (to, ink) in data[at..at + 3].iter_mut().zip(ink) {
                *to = ((u32::from(*to) * (255 - cover) + ink * cover + 127) / 255) as u8;
            }
        }
    }
}

/// Takes an outline, whose `y` goes up, as a path, whose `y` goes down.
struct Pen {
    path: PathBuilder,
    by: f32,
}

impl OutlinePen for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        self.path.move_to(x + self.by, -y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.path.line_to(x + self.by, -y);
    }

    fn quad_to(&mut self, cx: f32, cy: f32, x: f32, y: f32) {
        self.path.quad_to(cx + self.by, -cy, x + self.by, -y);
    }

    fn curve_to(&mut self, ax: f32, ay: f32, bx: f32, by: f32, x: f32, y: f32) {
        let d = self.by;
        self.path.cubic_to(ax + d, -ay, bx + d, -by, x + d, -y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use resvg::tiny_skia::{Color, Pixmap};

    fn drawn(face: Face, text: &str, anchor: Anchor) -> (Pixmap, f32) {
        let mut pixels = Pixmap::new(200, 40).unwrap();
        pixels.fill(Color::WHITE);
        let kind = Type {
            face,
            size_px: 20.0,
            colour: 0,
            anchor,
        };
        let mut letters = Letters::new();
        let width = letters.draw(&mut pixels.as_mut(), (100.0, 28.0), kind, text);
        (pixels, width)
    }

    /// From the first column with ink to the last.
    fn span(pixels: &Pixmap) -> (usize, usize) {
        let inked = |x: &usize| (0..40).any(|y| pixels.data()[(y * 200 + x) * 4] < 128);
        let columns: Vec<usize> = (0..200).filter(inked).collect();
        (columns[0], columns[columns.len() - 1])
    }

    #[test]
    fn every_font_draws_and_digits_of_the_mono_ones_are_equally_wide() {
        for face in [Face::Sans, Face::Bold, Face::Mono, Face::MonoMedium] {
            let (pixels, width) = drawn(face, "±0.64 −", Anchor::Start);
            let (left, right) = span(&pixels);
            assert!(
                left >= 99 && right as f32 <= 101.0 + width,
                "{face:?}: {left} {right} {width}"
            );
        }
        let mut letters = Letters::new();
        let mut width = |text: &str| letters.width_px(Face::Mono, 13.0, text);
        assert_eq!(width("1111"), width("8.80"));
        // Not in Inter's part: found in another font, each in its own shape.
        assert_ne!(
            drawn(Face::Sans, "Ж", Anchor::Start).0,
            drawn(Face::Sans, "Щ", Anchor::Start).0
        );
    }

    #[test]
    fn texts_stand_where_they_are_put_and_leave_the_picture_unharmed() {
        let (pixels, width) = drawn(Face::Sans, "HHH", Anchor::End);
        let (left, right) = span(&pixels);
        assert!(right < 100 && left as f32 > 98.0 - width);
        let (left, right) = span(&drawn(Face::Sans, "HHH", Anchor::Middle).0);
        assert!((left + right).abs_diff(200) <= 2, "{left} {right}");
        // Over every edge.
        let mut small = Pixmap::new(3, 3).unwrap();
        let kind = Type {
            face: Face::Bold,
            size_px: 40.0,
            colour: 0x00ff_0000,
            anchor: Anchor::Middle,
        };
        Letters::new().draw(&mut small.as_mut(), (1.0, 2.0), kind, "WWW\u{10ffff}");
    }
}
