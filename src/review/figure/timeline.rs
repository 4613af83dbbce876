//! Expressions, valence and arousal over time: the model's and everybody's.

use std::ops::Range;

use super::cells::Cells;
use super::svg::{Anchor, INK, Path, Svg, Type, on, short};
use super::ticks::{clock, ticks};
use crate::analysis::Status;
use crate::labels::Expression;
use crate::review::{Model, Project, Rater, Track};

mod around;

const WIDTH: f64 = 760.0;
/// Left of the plots: names and scales.
const LEFT: f64 = 100.0;
const RIGHT: f64 = 14.0;
const PLOT: f64 = WIDTH - LEFT - RIGHT;
/// Height of a row of expressions, and to the next.
const ROW: f64 = 16.0;
const ROW_STEP: f64 = 20.0;
/// Height of valence and of arousal.
const PANEL: f64 = 100.0;
/// Between the parts.
const GAP: f64 = 16.0;
/// Height of a line of a legend.
const LEGEND: f64 = 18.0;
/// Characters of a name in the margin.
const NAME: usize = 15;
/// Units between two marks of time, at least.
const TICK_ROOM: f64 = 64.0;

/// What tells raters' lines apart, in their order; the same again in a lighter ink for those behind.
const DASHES: [&str; 5] = ["", "5 2.5", "1.5 2", "8 2.5 1.5 2.5", "11 4"];

/// How far somebody and the model, or people, are apart, by frame.
#[derive(Debug, Clone, Copy)]
pub struct Apart<'a> {
    /// Of each frame 0 (as one) to 1 (as far as can be); NaN where nothing is to be compared.
    pub values: &'a [f32],
    /// What is compared, in a few words, for the legend.
    pub what: &'a str,
}

/// What a stretch of a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Expression(u8),
    NoFace,
    Unread,
}

/// The timeline of some frames of a project: a row of expressions for the model and each rater, valence and arousal with
/// the prediction, its band of one standard deviation and each rater's line, and a heat row of how far they are apart
/// where that is given. Rows and panels that nobody says anything of are left out.
///
/// The figure is about 760 units wide. Of frames that share a column the most frequent expression and the range of
/// values are drawn, so that a million frames take no more than some thousand do.
pub fn timeline(project: &Project, frames: Range<usize>, apart: Option<Apart<'_>>) -> String {
    let cells = Cells::new(project.times_s(), frames.clone(), PLOT);
    let mut figure = Figure::new(project, &cells);
    figure.head(project, &cells, frames.len());
    figure.rows(project);
    for (affect, is_valence) in [("valence", true), ("arousal", false)] {
        figure.panel(project, affect, is_valence);
    }
    figure.heat(apart);
    figure.axis();
    figure.finish(project, apart)
}

/// What is drawn, from behind to front, while the height is not known yet.
struct Figure<'a> {
    cells: &'a Cells,
    /// Where the next part begins.
    y: f64,
    parts: Vec<Part>,
    /// Marks of time.
    marks: Vec<f64>,
    /// Tops and bottoms of what the marks of time lead through.
    bands: Vec<(f64, f64)>,
    has_band: bool,
    has_heat: bool,
    lines: Vec<(String, Line)>,
}

#[derive(Clone, Copy)]
struct Line {
    colour: u32,
    dashes: &'static str,
}

enum Part {
    Text(f64, f64, Type, String),
    Area(Path, u32, f64),
    Stroke(Path, u32, f64, &'static str),
    Frame([f64; 4]),
}

impl<'a> Figure<'a> {
    fn new(project: &Project, cells: &'a Cells) -> Self {
        let most = (PLOT / TICK_ROOM) as usize;
        let raters = project.raters().iter().enumerate();
        let lines = raters.map(|(i, r)| (r.name.clone(), line_of(i))).collect();
        Self {
            cells,
            y: 10.0,
            parts: Vec::new(),
            marks: match cells.cells.is_empty() {
                true => Vec::new(),
                false => ticks(cells.from_s, cells.to_s, most),
            },
            bands: Vec::new(),
            has_band: false,
            has_heat: false,
            lines,
        }
    }

    fn text(&mut self, x: f64, y: f64, kind: Type, text: impl Into<String>) {
        self.parts.push(Part::Text(x, y, kind, text.into()));
    }

    fn head(&mut self, project: &Project, cells: &Cells, frames: usize) {
        self.text(LEFT, self.y + 11.0, Type::TITLE, short(&project.name, 60));
        let span = match frames {
            0 => "no frames".to_owned(),
            n => format!(
                "{n} {} from {} to {}",
                if n == 1 { "frame" } else { "frames" },
                clock(cells.from_s, 1),
                clock(cells.to_s, 1)
            ),
        };
        self.text(LEFT, self.y + 27.0, Type::CAPTION, span);
        self.y += 38.0;
        if let Some(n) = cells.joined {
            let words = format!(
                "up to {n} in each column: the most frequent expression, the range of the values"
            );
            self.text(LEFT, self.y + 3.0, Type::CAPTION, words);
            self.y += 14.0;
        }
    }

    /// Expressions.
    fn rows(&mut self, project: &Project) {
        let top = self.y;
        let mut seen = [false; 2];
        let mut any = false;
        if let Some(model) = project.model()
            && self.says_expression(model.track())
        {
            let runs = self.cells.runs(|f| model_kind(model, f));
            seen = [Kind::NoFace, Kind::Unread].map(|k| runs.iter().any(|r| r.2 == k));
            self.row("model", &runs);
            any = true;
        }
        for rater in project.raters() {
            if self.says_expression(rater.track()) {
                let of = |f| rater.track().expression(f);
                let kind = |f| of(f).map(|e| Kind::Expression(e.index() as u8));
                self.row(&rater.name, &self.cells.runs(kind));
                any = true;
            }
        }
        if !any {
            return;
        }
        self.bands.push((top, self.y));
        self.y += 2.0;
        let mut x = LEFT;
        for expression in Expression::ALL {
            let mut swatch = Path::default();
            swatch.rect(x, self.y, 10.0, 10.0);
            let colour = INK.expression[expression.index()];
            self.parts.push(Part::Area(swatch, colour, 1.0));
            self.text(x + 14.0, self.y + 9.0, Type::CAPTION, expression.title());
            x += 26.0 + 6.4 * expression.title().len() as f64;
        }
        for (kind, name, seen) in [
            (Kind::NoFace, "no face", seen[0]),
            (Kind::Unread, "not read", seen[1]),
        ] {
            if seen {
                self.gap(kind, x, self.y, 14.0, 10.0);
                self.text(x + 18.0, self.y + 9.0, Type::CAPTION, name);
                x += 30.0 + 6.4 * name.len() as f64;
            }
        }
        self.y += 10.0 + GAP;
    }

    /// Whether columns join so many frames that lines go up and down within them.
    fn is_dense(&self) -> bool {
        self.cells.joined.is_some_and(|n| n > 50)
    }

    fn says_expression(&self, track: &Track) -> bool {
        let mut frames = self.cells.cells.iter().flat_map(|c| c.frames.clone());
        frames.any(|f| track.expression(f).is_some())
    }

    fn row(&mut self, name: &str, runs: &[(f64, f64, Kind)]) {
        let y = self.y;
        let named = short(name, NAME);
        self.text(LEFT - 8.0, y + 12.0, Type::NAME.anchor(Anchor::End), named);
        let mut areas: [Path; Expression::COUNT] = Default::default();
        let mut words = Vec::new();
        for &(left, right, kind) in runs {
            let (x, w) = (LEFT + left, right - left);
            match kind {
                Kind::Expression(index) => {
                    let index = usize::from(index);
                    areas[index].rect(x, y, w, ROW);
                    let title = Expression::ALL[index].title();
                    if w > 10.0 + 6.0 * title.len() as f64 {
                        let ground = INK.expression[index];
                        let kind = Type::CAPTION.size(10.0).anchor(Anchor::Middle);
                        words.push((x + w / 2.0, kind.colour(on(ground)), title));
                    }
                }
                gap => self.gap(gap, x, y, w, ROW),
            }
        }
        for (area, colour) in areas.into_iter().zip(INK.expression) {
            self.parts.push(Part::Area(area, colour, 1.0));
        }
        for (x, kind, title) in words {
            self.text(x, y + 11.5, kind, title);
        }
        self.y += ROW_STEP;
    }

    /// Hatched: nobody is there. Empty with a ground: nobody looked.
    fn gap(&mut self, kind: Kind, x: f64, y: f64, w: f64, h: f64) {
        let mut ground = Path::default();
        ground.rect(x, y, w, h);
        let is_hatched = kind == Kind::NoFace;
        let colour = if is_hatched { INK.background } else { INK.line };
        self.parts.push(Part::Area(ground, colour, 1.0));
        if is_hatched {
            let mut hatch = Path::default();
            hatch.hatch(x, y, w, h);
            self.parts.push(Part::Stroke(hatch, INK.muted, 0.8, ""));
        }
    }

    /// Valence or arousal.
    fn panel(&mut self, project: &Project, affect: &str, is_valence: bool) {
        let of = |track: &Track, f: usize| {
            let all = if is_valence {
                track.valence()
            } else {
                track.arousal()
            };
            all.get(f).copied().unwrap_or(f64::NAN)
        };
        let frames = || self.cells.cells.iter().flat_map(|c| c.frames.clone());
        let says = |track: &Track| frames().any(|f| !of(track, f).is_nan());
        let model = project.model().filter(|m| says(m.track()));
        let raters: Vec<(usize, &Rater)> = project
            .raters()
            .iter()
            .enumerate()
            .filter(|(_, r)| says(r.track()))
            .collect();
        if model.is_none() && raters.is_empty() {
            return;
        }
        let colour = if is_valence { INK.valence } else { INK.arousal };
        let top = self.y;
        let y = |v: f64| top + (1.0 - v.clamp(-1.0, 1.0)) / 2.0 * PANEL;
        if let Some(model) = model {
            let mut ground = Path::default();
            let gap = |f| (model.status(f).is_some() && model.at(f).is_none()).then_some(());
            for (left, right, ()) in self.cells.runs(gap) {
                ground.rect(LEFT + left, top, right - left, PANEL);
            }
            self.parts.push(Part::Area(ground, INK.background, 1.0));
        }
        self.parts.push(Part::Frame([LEFT, top, PLOT, PANEL]));
        let mut zero = Path::default();
        zero.polyline(&[(LEFT, y(0.0)), (LEFT + PLOT, y(0.0))], false, 0.0);
        self.parts.push(Part::Stroke(zero, INK.faint, 0.8, ""));
        let end = Type::CAPTION.anchor(Anchor::End);
        for (v, word) in [(1.0, "+1"), (0.0, "0"), (-1.0, "−1")] {
            self.text(LEFT - 6.0, y(v) + 4.0 + 4.0 * v, end, word);
        }
        let (high, low) = match is_valence {
            true => ("pleasant", "unpleasant"),
            false => ("active", "calm"),
        };
        let small = end.size(10.0);
        self.text(LEFT - 24.0, y(1.0) + 8.0, small, high);
        self.text(LEFT - 24.0, y(-1.0), small, low);
        let name = Type {
            bold: true,
            ..end.colour(colour)
        };
        self.text(LEFT - 24.0, y(0.0) + 4.0, name, affect);
        if let Some(model) = model {
            self.prediction(model, is_valence, &y, colour);
        }
        for (i, rater) in raters {
            let path = self.path(|f| of(rater.track(), f), &y);
            let line = line_of(i);
            // Thin, where a line fills what lies behind it.
            let width = if self.is_dense() { 0.8 } else { 1.2 };
            self.parts
                .push(Part::Stroke(path, line.colour, width, line.dashes));
        }
        self.bands.push((top, top + PANEL));
        self.y += PANEL + GAP;
    }

    fn prediction(&mut self, model: &Model, is_valence: bool, y: &dyn Fn(f64) -> f64, colour: u32) {
        let said = |f: usize| {
            let row = model.at(f)?;
            let (value, sd) = match is_valence {
                true => (row.rating.valence, row.detail.valence_sd),
                false => (row.rating.arousal, row.detail.arousal_sd),
            };
            Some((value?, f64::from(sd)))
        };
        let mut band = Path::default();
        let span = |f| {
            said(f)
                .filter(|s| !s.1.is_nan())
                .map(|(v, sd)| (v - sd, v + sd))
        };
        for piece in self.cells.band(span, y) {
            let piece: Vec<_> = piece.iter().map(|p| (LEFT + p.0, p.1)).collect();
            band.polyline(&piece, true, 0.0);
        }
        self.has_band |= !band.is_empty();
        self.parts.push(Part::Area(band, colour, 0.2));
        let path = self.path(|f| said(f).map_or(f64::NAN, |s| s.0), y);
        self.parts.push(Part::Stroke(path, colour, 1.6, ""));
    }

    fn path(&self, value: impl Fn(usize) -> f64, y: &dyn Fn(f64) -> f64) -> Path {
        let mut path = Path::default();
        for piece in self.cells.line(value, y) {
            let piece: Vec<_> = piece.iter().map(|p| (LEFT + p.0, p.1)).collect();
            path.polyline(&piece, false, 1.0);
        }
        path
    }

    fn finish(mut self, project: &Project, apart: Option<Apart<'_>>) -> String {
        let affect = |track: &Track| {
            let [_, valence, arousal] = track.counts();
            valence + arousal > 0
        };
        // Whose labels are expressions alone has no line.
        let raters = project.raters().iter();
        let lined: Vec<bool> = raters.map(|r| affect(r.track())).collect();
        let mut keep = lined.iter();
        self.lines.retain(|_| keep.next().copied().unwrap_or(false));
        if !self.lines.is_empty() || project.model().is_some_and(|m| affect(m.track())) {
            self.legend();
        }
        if let (true, Some(apart)) = (self.has_heat, apart) {
            self.heat_legend(apart);
        }
        let title = format!("Timeline of {}", project.name);
        let names: Vec<&str> = project.raters().iter().map(|r| r.name.as_str()).collect();
        let desc = format!(
            "Over the time of the video: the expression that the model reads and that is labelled by {0}; valence and \
             arousal from -1 to +1, of the model with a band of one standard deviation, and of {0}.",
            if names.is_empty() {
                "nobody".to_owned()
            } else {
                names.join(", ")
            }
        );
        let mut svg = Svg::new(WIDTH, self.y - 6.0, &title, &desc);
        for part in &self.parts {
            match part {
                Part::Text(x, y, kind, text) => svg.text(*x, *y, *kind, text),
                Part::Area(path, colour, opacity) => svg.area(path, *colour, *opacity),
                Part::Stroke(path, colour, width, dashes) => {
                    svg.stroke(path, *colour, *width, dashes);
                }
                Part::Frame(at) => svg.frame(*at, INK.line),
            }
        }
        svg.finish()
    }
}

fn line_of(rater: usize) -> Line {
    Line {
        colour: match rater / DASHES.len() {
            0 => INK.text,
            _ => INK.muted,
        },
        dashes: DASHES[rater % DASHES.len()],
    }
}

fn model_kind(model: &Model, frame: usize) -> Option<Kind> {
    match (model.at(frame), model.status(frame)?) {
        (Some(row), _) => row
            .rating
            .expression
            .map(|e| Kind::Expression(e.index() as u8)),
        (None, Status::Ok | Status::NoFace) => Some(Kind::NoFace),
        (None, _) => Some(Kind::Unread),
    }
}

#[cfg(test)]
mod tests;
