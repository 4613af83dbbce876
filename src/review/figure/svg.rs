//! SVG as text.

use std::fmt::Write as _;

use crate::colours::Colours;

/// The colours of figures.
pub(super) const INK: Colours = Colours::LIGHT;

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
    /// Height in units of the figure.
    pub size: f64,
    pub bold: bool,
    /// `0xRRGGBB`.
    pub colour: u32,
    pub anchor: Anchor,
}

impl Type {
    /// Captions.
    pub const CAPTION: Self = Self {
        size: 11.0,
        bold: false,
        colour: INK.muted,
        anchor: Anchor::Start,
    };
    /// Names of rows and axes.
    pub const NAME: Self = Self {
        colour: INK.text,
        ..Self::CAPTION
    };
    /// Titles.
    pub const TITLE: Self = Self {
        size: 13.0,
        bold: true,
        ..Self::NAME
    };

    pub const fn anchor(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }

    pub const fn colour(self, colour: u32) -> Self {
        Self { colour, ..self }
    }

    pub const fn size(self, size: f64) -> Self {
        Self { size, ..self }
    }
}

/// What a file of its own needs, and a page does not.
const NAMESPACE: &str = " xmlns=\"http://www.w3.org/2000/svg\"";

/// A figure as it stands in a page of HTML.
pub(in crate::review) fn inline(svg: &str) -> String {
    svg.replacen(NAMESPACE, "", 1)
}

/// A figure in the making.
pub(super) struct Svg(String);

impl Svg {
    /// Of a size in units; `title` names it and `desc` says what is to be seen, for those who cannot.
    pub fn new(width: f64, height: f64, title: &str, desc: &str) -> Self {
        Self(format!(
            "<svg{NAMESPACE} viewBox=\"0 0 {w} {h}\" width=\"{w}\" height=\"{h}\" role=\"img\" \
             font-family=\"sans-serif\">\n<title>{}</title>\n<desc>{}</desc>\n\
             <rect width=\"{w}\" height=\"{h}\" fill=\"{}\"/>\n",
            escape(title),
            escape(desc),
            hex(INK.panel),
            w = number(width),
            h = number(height),
        ))
    }

    pub fn finish(mut self) -> String {
        self.0.push_str("</svg>\n");
        self.0
    }

    fn put(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a string does not fail.
        let _ = self.0.write_fmt(text);
        self.0.push('\n');
    }

    pub fn text(&mut self, x: f64, y: f64, kind: Type, text: &str) {
        let anchor = match kind.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if kind.bold {
            " font-weight=\"600\""
        } else {
            ""
        };
        self.put(format_args!(
            "<text x=\"{}\" y=\"{}\" font-size=\"{}\"{weight}{anchor} fill=\"{}\">{}</text>",
            number(x),
            number(y),
            number(kind.size),
            hex(kind.colour),
            escape(text)
        ));
    }

    /// A text from bottom to top about its point.
    pub fn upward(&mut self, x: f64, y: f64, kind: Type, text: &str) {
        self.put(format_args!(
            "<g transform=\"translate({} {}) rotate(-90)\">",
            number(x),
            number(y)
        ));
        self.text(0.0, 0.0, kind, text);
        self.put(format_args!("</g>"));
    }

    pub fn rect(&mut self, at: [f64; 4], fill: u32) {
        let [x, y, w, h] = at.map(number);
        self.put(format_args!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" fill=\"{}\"/>",
            hex(fill)
        ));
    }

    pub fn frame(&mut self, at: [f64; 4], stroke: u32) {
        let [x, y, w, h] = at.map(number);
        self.put(format_args!(
            "<rect x=\"{x}\" y=\"{y}\" width=\"{w}\" height=\"{h}\" fill=\"none\" stroke=\"{}\"/>",
            hex(stroke)
        ));
    }

    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: u32) {
        self.put(format_args!(
            "<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke=\"{}\"/>",
            number(from.0),
            number(from.1),
            number(to.0),
            number(to.1),
            hex(stroke)
        ));
    }

    pub fn circle(&mut self, center: (f64, f64), radius: f64, stroke: u32) {
        self.put(format_args!(
            "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"none\" stroke=\"{}\"/>",
            number(center.0),
            number(center.1),
            number(radius),
            hex(stroke)
        ));
    }

    /// An area; nothing for an empty path.
    pub fn area(&mut self, path: &Path, fill: u32, opacity: f64) {
        if path.is_empty() {
            return;
        }
        let opacity = if opacity < 1.0 {
            format!(" fill-opacity=\"{}\"", number(opacity))
        } else {
            String::new()
        };
        self.put(format_args!(
            "<path d=\"{}\" fill=\"{}\"{opacity}/>",
            path.0,
            hex(fill)
        ));
    }

    /// A line along a path, dashed where `dashes` says so.
    pub fn stroke(&mut self, path: &Path, stroke: u32, width: f64, dashes: &str) {
        if path.is_empty() {
            return;
        }
        let dashes = if dashes.is_empty() {
            String::new()
        } else {
            format!(" stroke-dasharray=\"{dashes}\"")
        };
        self.put(format_args!(
            "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" stroke-linejoin=\"round\"{dashes}/>",
            path.0,
            hex(stroke),
            number(width)
        ));
    }
}

/// The data of a path, in tenths of a unit, which keeps it short.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Path(String);

fn tenths(v: f64) -> i64 {
    (v * 10.0).round() as i64
}

impl Path {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Lines from point to point; `close` leads back to the first. A single point becomes a dash of `dot` units.
    pub fn polyline(&mut self, points: &[(f64, f64)], close: bool, dot: f64) {
        let Some(&(x, y)) = points.first() else {
            return;
        };
        let mut at = (tenths(x), tenths(y));
        self.0.push('M');
        put(&mut self.0, at.0);
        put_next(&mut self.0, at.1);
        let mut moved = false;
        for &(x, y) in &points[1..] {
            let to = (tenths(x), tenths(y));
            let (dx, dy) = (to.0 - at.0, to.1 - at.1);
            match (dx, dy) {
                (0, 0) => continue,
                (dx, 0) => {
                    self.0.push('h');
                    put(&mut self.0, dx);
                }
                (0, dy) => {
                    self.0.push('v');
                    put(&mut self.0, dy);
                }
                (dx, dy) => {
                    self.0.push('l');
                    put(&mut self.0, dx);
                    put_next(&mut self.0, dy);
                }
            }
            at = to;
            moved = true;
        }
        if !moved {
            self.0.push('h');
            put(&mut self.0, tenths(dot.max(0.6)));
        }
        if close {
            self.0.push('z');
        }
    }

    /// A box.
    pub fn rect(&mut self, x: f64, y: f64, w: f64, h: f64) {
        let (left, right) = (tenths(x), tenths(x + w));
        if right <= left {
            return;
        }
        self.0.push('M');
        put(&mut self.0, left);
        put_next(&mut self.0, tenths(y));
        self.0.push('h');
        put(&mut self.0, right - left);
        self.0.push('v');
        put(&mut self.0, tenths(h));
        self.0.push('h');
        put(&mut self.0, left - right);
        self.0.push('z');
    }

    /// Slanted lines over a box, their places the same whatever box they are in.
    pub fn hatch(&mut self, x: f64, y: f64, w: f64, h: f64) {
        const APART: f64 = 5.0;
        // Lines of x + y = k * APART.
        let first = ((x + y) / APART).ceil() as i64;
        let last = ((x + w + y + h) / APART).floor() as i64;
        for k in first..=last {
            let sum = k as f64 * APART;
            let from = (x.max(sum - y - h), (sum - x).min(y + h));
            let to = ((x + w).min(sum - y), (sum - x - w).max(y));
            if tenths(to.0) > tenths(from.0) {
                self.polyline(&[from, to], false, 0.0);
            }
        }
    }
}

/// A number of tenths, as short as it can be.
fn put(out: &mut String, tenths: i64) {
    let (whole, rest) = (tenths.abs() / 10, tenths.abs() % 10);
    let sign = if tenths < 0 { "-" } else { "" };
    let _ = match (whole, rest) {
        (whole, 0) => write!(out, "{sign}{whole}"),
        (0, rest) => write!(out, "{sign}.{rest}"),
        (whole, rest) => write!(out, "{sign}{whole}.{rest}"),
    };
}

/// Likewise, behind another.
fn put_next(out: &mut String, tenths: i64) {
    if tenths >= 0 {
        out.push(' ');
    }
    put(out, tenths);
}

/// A number with at most two decimals.
fn number(v: f64) -> String {
    let text = format!("{v:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0" } else { text }.to_owned()
}

pub(super) fn hex(colour: u32) -> String {
    format!("#{colour:06x}")
}

/// Between two colours; `part` in 0..=1.
pub(super) fn mix(from: u32, to: u32, part: f64) -> u32 {
    let part = part.clamp(0.0, 1.0);
    let channel = |shift: u32| {
        let (a, b) = (
            f64::from(from >> shift & 0xff),
            f64::from(to >> shift & 0xff),
        );
        ((a + (b - a) * part).round() as u32) << shift
    };
    channel(16) | channel(8) | channel(0)
}

/// How light a colour is to the eye, 0..=1 (relative luminance of WCAG 2, which contrast is told from).
pub(super) fn luminance(colour: u32) -> f64 {
    let channel = |shift: u32| {
        let v = f64::from(colour >> shift & 0xff) / 255.0;
        if v <= 0.04045 {
            v / 12.92
        } else {
            ((v + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0)
}

/// The ink or white, whichever is read better on a ground.
pub(super) fn on(ground: u32) -> u32 {
    // Where the contrast to either is the same: (l + .05)² = 1.05 (.014 + .05).
    if luminance(ground) > 0.209 {
        INK.text
    } else {
        0x00ff_ffff
    }
}

/// Text that means nothing but itself in XML and HTML. Control characters, which XML does not know, become blanks.
pub(in crate::review) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// A name that fits its place, its end kept: there names of files differ.
pub(super) fn short(name: &str, most: usize) -> String {
    let chars: Vec<char> = name.chars().collect();
    if chars.len() <= most {
        return name.to_owned();
    }
    let end = &chars[chars.len() - most.saturating_sub(1)..];
    std::iter::once('…').chain(end.iter().copied()).collect()
}

#[cfg(test)]
mod tests;
