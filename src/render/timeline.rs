//! The timeline of a rendered frame: drawn once, but for the play-head.

use std::ops::Range;

use super::canvas::{Area, Canvas, Ink, pieces, polyline};
use super::layout::NAMES;
use super::letters::{Anchor, Face, Type};
use crate::analysis::Status;
use crate::colours::Colours;
use crate::labels::Expression;
use crate::review::figure::cells::Cells;
use crate::review::figure::ticks::{clock, decimals_of, ticks};
use crate::review::{Model, Project, Rater, Track};

/// Annotators with a row of expressions, at most; all have their lines.
const MOST_ROWS: usize = 4;
/// Units: above the rows, a row, from one to the next, a panel, from one part to the next, marks of time.
const HEAD: f32 = 26.0;
const ROW: f32 = 11.0;
const ROW_STEP: f32 = 14.0;
const PANEL: f32 = 48.0;
const GAP: f32 = 7.0;
const MARKS: f32 = 20.0;
/// Units between two marks of time, at least.
const MARK_ROOM: f32 = 90.0;

/// What tells annotators' lines apart, in their order: lengths of dashes and of gaps.
const DASHES: [&[f32]; 5] = [
    &[],
    &[6.0, 3.0],
    &[2.0, 2.5],
    &[9.0, 3.0, 2.0, 3.0],
    &[13.0, 5.0],
];

/// How an annotator's line looks.
pub(super) fn dashes(rater: usize, unit: f32) -> Vec<f32> {
    let all = DASHES[rater % DASHES.len()].iter();
    all.map(|length| length * unit).collect()
}

/// What there is to show of some frames.
pub(super) struct Shown {
    model_row: bool,
    rater_rows: Vec<usize>,
    /// Valence, arousal: whether anybody says anything of it.
    panels: [bool; 2],
    /// Annotators with a line in a panel.
    lines: Vec<usize>,
}

fn affect(track: &Track, is_valence: bool) -> &[f64] {
    if is_valence {
        track.valence()
    } else {
        track.arousal()
    }
}

fn says(track: &Track, frames: &Range<usize>, is_valence: bool) -> bool {
    let all = affect(track, is_valence);
    let part = frames.start.min(all.len())..frames.end.min(all.len());
    all[part].iter().any(|v| !v.is_nan())
}

fn says_expression(track: &Track, frames: &Range<usize>) -> bool {
    frames.clone().any(|f| track.expression(f).is_some())
}

impl Shown {
    pub fn of(project: &Project, frames: &Range<usize>) -> Self {
        let model = project.model().map(Model::track);
        let raters = || project.raters().iter().enumerate();
        let speaking = |of: &dyn Fn(&Track) -> bool| -> Vec<usize> {
            let speaks = raters().filter(|(_, r)| of(r.track()));
            speaks.map(|(i, _)| i).collect()
        };
        let mut rater_rows = speaking(&|t| says_expression(t, frames));
        rater_rows.truncate(MOST_ROWS);
        let lines = speaking(&|t| says(t, frames, true) || says(t, frames, false));
        let any = |is_valence| {
            let mut tracks = raters().map(|(_, r)| r.track()).chain(model);
            tracks.any(|t| says(t, frames, is_valence))
        };
        Self {
            model_row: model.is_some_and(|t| says_expression(t, frames)),
            rater_rows,
            panels: [any(true), any(false)],
            lines,
        }
    }

    /// Height that it takes, in units.
    pub fn height(&self) -> f32 {
        let rows = self.rater_rows.len() + usize::from(self.model_row);
        let panels = self.panels.iter().filter(|p| **p).count();
        HEAD + rows as f32 * ROW_STEP + panels as f32 * (PANEL + GAP) + MARKS
    }
}

/// The axis, for the play-head.
pub(super) struct Timeline {
    cells: Cells,
    /// The plots.
    plot: Area,
}

impl Timeline {
    /// Draws all that stays.
    pub fn draw(
        canvas: &mut Canvas,
        project: &Project,
        frames: Range<usize>,
        shown: &Shown,
        within: Area,
        (unit, colours): (f32, &Colours),
    ) -> Self {
        let left = within.x + NAMES * unit;
        let top = within.y + HEAD * unit;
        let plot = Area {
            x: left,
            y: top,
            w: within.right() - 8.0 * unit - left,
            h: within.bottom() - MARKS * unit - GAP * unit - top,
        };
        let cells = Cells::new(project.times_s(), frames, f64::from(plot.w));
        let mut pen = Pen {
            canvas,
            cells: &cells,
            plot,
            y: top,
            unit,
            colours,
        };
        if let Some(model) = project.model() {
            pen.gaps(model);
        }
        pen.marks(within);
        if let (true, Some(model)) = (shown.model_row, project.model()) {
            let of = |f: usize| model.track().expression(f).map(Expression::index);
            pen.row("model", &of);
        }
        for rater in shown
            .rater_rows
            .iter()
            .filter_map(|&i| project.raters().get(i))
        {
            let of = |f: usize| rater.track().expression(f).map(Expression::index);
            pen.row(&rater.name, &of);
        }
        for is_valence in [true, false] {
            if shown.panels[usize::from(!is_valence)] {
                pen.panel(project, is_valence);
            }
        }
        pen.head(project, shown, within);
        Self { cells, plot }
    }

    /// The line that moves.
    pub fn play_head(&self, canvas: &mut Canvas, time_s: f64, (unit, colours): (f32, &Colours)) {
        let x = self.plot.x + (self.cells.x(time_s) as f32).clamp(0.0, self.plot.w);
        let (top, bottom) = (self.plot.y - 5.0 * unit, self.plot.bottom());
        canvas.line((x, top), (x, bottom), 1.5 * unit, colours.text);
        let handle = Area {
            x: x - 4.0 * unit,
            y: top - 3.0 * unit,
            w: 8.0 * unit,
            h: 6.0 * unit,
        };
        canvas.rounded(handle, 2.0 * unit, colours.text);
    }
}

/// Draws from above to below.
struct Pen<'a> {
    canvas: &'a mut Canvas,
    cells: &'a Cells,
    plot: Area,
    y: f32,
    unit: f32,
    colours: &'a Colours,
}

impl Pen<'_> {
    fn caption(&self, anchor: Anchor) -> Type {
        Type {
            face: Face::Sans,
            size_px: 11.0 * self.unit,
            colour: self.colours.muted,
            anchor,
        }
    }

    /// Times, and lines through everything above them.
    fn marks(&mut self, within: Area) {
        if self.cells.cells.is_empty() {
            return;
        }
        let most = (self.plot.w / (MARK_ROOM * self.unit)) as usize;
        let marks = ticks(self.cells.from_s, self.cells.to_s, most.max(1));
        let decimals = decimals_of(&marks);
        let kind = self.caption(Anchor::Middle);
        for time_s in marks {
            let x = self.plot.x + self.cells.x(time_s) as f32;
            let (top, bottom) = (self.plot.y, self.plot.bottom());
            self.canvas
                .line((x, top), (x, bottom), self.unit, self.colours.line);
            let words = clock(time_s, decimals);
            let half = self
                .canvas
                .letters
                .width_px(kind.face, kind.size_px, &words)
                / 2.0;
            let x = x.min(within.right() - half);
            let y = bottom + 15.0 * self.unit;
            self.canvas.text((x, y), kind, &words);
        }
    }

    /// A ground where there was no face, or nobody looked; with a word where there is room.
    fn gaps(&mut self, model: &Model) {
        let gap = |f: usize| match (model.at(f), model.status(f)) {
            (None, Some(Status::Ok | Status::NoFace)) => Some(0),
            (None, Some(_)) => Some(1),
            _ => None,
        };
        let mut kind = self.caption(Anchor::Middle);
        kind.colour = self.colours.faint;
        for (left, right, what) in self.cells.runs(gap) {
            let area = Area {
                x: self.plot.x + left as f32,
                w: (right - left) as f32,
                ..self.plot
            };
            self.canvas.fill(area, self.colours.background);
            let words = ["no face", "not read"][what];
            if area.w > 60.0 * self.unit {
                let at = (
                    area.x + area.w / 2.0,
                    area.y + area.h / 2.0 + 4.0 * self.unit,
                );
                self.canvas.text(at, kind, words);
            }
        }
    }

    fn name(&mut self, y: f32, text: &str) {
        let kind = self.caption(Anchor::End);
        let x = self.plot.x - 8.0 * self.unit;
        let most = (NAMES - 12.0) * self.unit;
        self.canvas.text_within((x, y), kind, text, most);
    }

    fn row(&mut self, name: &str, kind: &dyn Fn(usize) -> Option<usize>) {
        self.name(self.y + 9.0 * self.unit, name);
        for (left, right, index) in self.cells.runs(kind) {
            // A hair at least, so that a single frame of an hour is seen.
            let w = ((right - left) as f32).max(1.0);
            let area = Area {
                x: self.plot.x + left as f32,
                y: self.y,
                w,
                h: ROW * self.unit,
            };
            self.canvas.fill(area, self.colours.expression[index]);
        }
        self.y += ROW_STEP * self.unit;
    }

    fn panel(&mut self, project: &Project, is_valence: bool) {
        let u = self.unit;
        let top = self.y + GAP * u / 2.0;
        let panel = Area {
            y: top,
            h: PANEL * u,
            ..self.plot
        };
        let (name, colour) = match is_valence {
            true => ("valence", self.colours.valence),
            false => ("arousal", self.colours.arousal),
        };
        let y = |v: f64| f64::from(top) + (1.0 - v.clamp(-1.0, 1.0)) / 2.0 * f64::from(panel.h);
        for v in [1.0, 0.0, -1.0] {
            let at = y(v) as f32;
            let ends = ((panel.x, at), (panel.right(), at));
            self.canvas.line(ends.0, ends.1, u, self.colours.line);
        }
        let small = Type {
            size_px: 9.5 * u,
            ..self.caption(Anchor::End)
        };
        for (v, word, below) in [(1.0, "+1", 7.0), (-1.0, "−1", 0.0)] {
            let at = (self.plot.x - 8.0 * u, y(v) as f32 + below * u);
            self.canvas.text(at, small, word);
        }
        let named = Type {
            colour,
            ..self.caption(Anchor::End)
        };
        let at = (self.plot.x - 8.0 * u, y(0.0) as f32 + 4.0 * u);
        self.canvas.text(at, named, name);
        if let Some(model) = project.model() {
            let said = |f: usize| {
                let row = model.at(f)?;
                Some(match is_valence {
                    true => (row.rating.valence?, f64::from(row.detail.valence_sd)),
                    false => (row.rating.arousal?, f64::from(row.detail.arousal_sd)),
                })
            };
            let span = |f| {
                let known = said(f).filter(|s| !s.1.is_nan());
                known.map(|(v, sd)| (v - sd, v + sd))
            };
            let band = self.moved(self.cells.band(span, y));
            if let Some(path) = pieces(&band, true) {
                self.canvas.area(&path, Ink::faded(colour, 0.25));
            }
            let value = |f| said(f).map_or(f64::NAN, |s| s.0);
            let line = self.moved(self.cells.line(value, y));
            if let Some(path) = pieces(&line, false) {
                self.canvas.stroke(&path, 1.6 * u, &[], colour);
            }
        }
        for (i, rater) in project.raters().iter().enumerate() {
            let all = affect(rater.track(), is_valence);
            let value = |f: usize| all.get(f).copied().unwrap_or(f64::NAN);
            let line = self.moved(self.cells.line(value, y));
            if let Some(path) = pieces(&line, false) {
                let ink = Ink::faded(self.colours.text, 0.85);
                self.canvas.stroke(&path, 1.1 * u, &dashes(i, u), ink);
            }
        }
        self.y += (PANEL + GAP) * u;
    }

    /// From units of the axis to pixels of the frame.
    fn moved(&self, all: Vec<Vec<(f64, f64)>>) -> Vec<Vec<(f32, f32)>> {
        let place = |(x, y): (f64, f64)| (self.plot.x + x as f32, y as f32);
        all.into_iter()
            .map(|piece| piece.into_iter().map(place).collect())
            .collect()
    }

    /// Which frames, and whose line is whose.
    fn head(&mut self, project: &Project, shown: &Shown, within: Area) {
        let u = self.unit;
        let base = within.y + 14.0 * u;
        let kind = self.caption(Anchor::End);
        let mut x = within.right() - 8.0 * u;
        let named = |i: &usize| {
            project
                .raters()
                .get(*i)
                .map(|r: &Rater| (*i, r.name.as_str()))
        };
        let raters: Vec<(usize, &str)> = shown.lines.iter().filter_map(named).collect();
        for (i, name) in raters.into_iter().rev() {
            // What does not fit is left out, and is still to be told by its row's name.
            if x < within.x + within.w / 3.0 {
                break;
            }
            x -= self.canvas.text_within((x, base), kind, name, 120.0 * u) + 6.0 * u;
            let line = polyline(&[(x - 24.0 * u, base - 4.0 * u), (x, base - 4.0 * u)]);
            if let Some(line) = line {
                let ink = self.colours.text;
                self.canvas.stroke(&line, 1.1 * u, &dashes(i, u), ink);
            }
            x -= 40.0 * u;
        }
        if project.model().is_some() {
            x -= self.canvas.text((x, base), kind, "model ± 1 sd") + 6.0 * u;
            for (part, colour) in [(0.0, self.colours.arousal), (12.0, self.colours.valence)] {
                let area = Area {
                    x: x - (part + 12.0) * u,
                    y: base - 9.0 * u,
                    w: 12.0 * u,
                    h: 10.0 * u,
                };
                self.canvas.fill(area, Ink::faded(colour, 0.25));
                let line = Area {
                    y: base - 5.0 * u,
                    h: (1.6 * u).max(1.0),
                    ..area
                };
                self.canvas.fill(line, colour);
            }
        }
        let words = format!(
            "{} – {}",
            clock(self.cells.from_s, 1),
            clock(self.cells.to_s, 1)
        );
        let at = (self.plot.x, base);
        self.canvas.text(at, self.caption(Anchor::Start), &words);
    }
}
