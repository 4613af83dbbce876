//! What stands around the lines of the figure: how far apart they are, the axis, and whose line is whose.

use std::ops::Range;

use super::super::svg::{Anchor, INK, Path, Type, mix, short};
use super::super::ticks::{clock, decimals_of};
use super::{Apart, Figure, GAP, LEFT, LEGEND, PLOT, Part, RIGHT, WIDTH};

/// Height of the heat row.
const HEAT: f64 = 14.0;
/// Shades of the heat row.
const SHADES: usize = 8;

impl Figure<'_> {
    /// How far apart: the most of each column, in shades.
    pub(super) fn heat(&mut self, apart: Option<Apart<'_>>) {
        let Some(apart) = apart else {
            return;
        };
        let (y, cells) = (self.y, self.cells);
        let shade = |f: Range<usize>| {
            let values = f.filter_map(|f| apart.values.get(f).copied());
            let most = values.filter(|v| !v.is_nan()).reduce(f32::max)?;
            Some(((f64::from(most).clamp(0.0, 1.0) * SHADES as f64).ceil() as usize).max(1) - 1)
        };
        let mut areas: [Path; SHADES] = Default::default();
        let mut run: Option<(f64, f64, usize)> = None;
        for cell in &cells.cells {
            let shade = shade(cell.frames.clone());
            match (&mut run, shade) {
                (Some((_, right, of)), Some(shade)) if *of == shade => *right = cell.right,
                (before, shade) => {
                    if let Some((left, right, of)) = before.take() {
                        areas[of].rect(LEFT + left, y, right - left, HEAT);
                    }
                    run = shade.map(|shade| (cell.left, cell.right, shade));
                }
            }
        }
        if let Some((left, right, of)) = run {
            areas[of].rect(LEFT + left, y, right - left, HEAT);
        }
        if areas.iter().all(Path::is_empty) {
            return;
        }
        let name = Type::NAME.anchor(Anchor::End);
        self.text(LEFT - 8.0, y + 11.0, name, "apart");
        for (i, area) in areas.into_iter().enumerate() {
            self.parts.push(Part::Area(area, shade_colour(i), 1.0));
        }
        self.parts.push(Part::Frame([LEFT, y, PLOT, HEAT]));
        self.bands.push((y, y + HEAT));
        self.has_heat = true;
        self.y += HEAT + GAP;
    }

    /// Marks of time below everything, their lines behind it.
    pub(super) fn axis(&mut self) {
        let bottom = self.y - GAP + 5.0;
        let mut grid = Path::default();
        let decimals = decimals_of(&self.marks);
        let last = self.bands.len().saturating_sub(1);
        for &time_s in &self.marks.clone() {
            let x = LEFT + self.cells.x(time_s);
            for (i, &(top, end)) in self.bands.iter().enumerate() {
                let end = if i == last { bottom } else { end };
                grid.polyline(&[(x, top), (x, end)], false, 0.0);
            }
            let words = clock(time_s, decimals);
            // The last one stays in the figure.
            let half = 3.4 * words.len() as f64;
            let x = x.min(WIDTH - 2.0 - half);
            let kind = Type::CAPTION.anchor(Anchor::Middle);
            self.text(x, bottom + 12.0, kind, words);
        }
        self.parts.insert(0, Part::Stroke(grid, INK.line, 1.0, ""));
        let name = Type::NAME.anchor(Anchor::End);
        let unit = match self.marks.last() {
            Some(&last) if last >= 3600.0 => "time, h:min:s",
            _ => "time, min:s",
        };
        self.text(LEFT - 24.0, bottom + 12.0, name, unit);
        self.y = bottom + 12.0 + GAP + 6.0;
    }

    /// What the shades of the heat row mean.
    pub(super) fn heat_legend(&mut self, apart: Apart<'_>) {
        let y = self.y - 9.0;
        for i in 0..SHADES {
            let mut swatch = Path::default();
            swatch.rect(LEFT + 10.0 * i as f64, y, 10.0, 10.0);
            self.parts.push(Part::Area(swatch, shade_colour(i), 1.0));
        }
        let x = LEFT + 10.0 * SHADES as f64;
        self.parts.push(Part::Frame([LEFT, y, x - LEFT, 10.0]));
        let words = format!("apart: as one, to far apart; {}", apart.what);
        self.text(x + 8.0, self.y, Type::CAPTION, words);
        self.y += LEGEND;
    }

    /// Whose line is whose, in as many lines as it takes.
    pub(super) fn legend(&mut self) {
        let mut x = LEFT;
        let mut place = |figure: &mut Self, chars: usize| {
            let width = 44.0 + 6.4 * chars as f64;
            if x > LEFT && x + width > WIDTH - RIGHT {
                x = LEFT;
                figure.y += LEGEND;
            }
            let at = x;
            x += width;
            at
        };
        let at = place(self, 5);
        for (part, colour) in [(0.0, INK.valence), (13.0, INK.arousal)] {
            let mut line = Path::default();
            let y = self.y - 4.0;
            line.polyline(&[(at + part, y), (at + part + 13.0, y)], false, 0.0);
            self.parts.push(Part::Stroke(line, colour, 1.6, ""));
        }
        self.text(at + 32.0, self.y, Type::CAPTION, "model");
        if self.has_band {
            let words = "± one standard deviation, as the model has it";
            let at = place(self, words.len());
            for (part, colour) in [(0.0, INK.valence), (13.0, INK.arousal)] {
                let mut area = Path::default();
                area.rect(at + part, self.y - 9.0, 13.0, 10.0);
                self.parts.push(Part::Area(area, colour, 0.2));
            }
            self.text(at + 32.0, self.y, Type::CAPTION, words);
        }
        for (name, kind) in self.lines.clone() {
            let name = short(&name, 40);
            let at = place(self, name.chars().count());
            let mut line = Path::default();
            let y = self.y - 4.0;
            line.polyline(&[(at, y), (at + 26.0, y)], false, 0.0);
            self.parts
                .push(Part::Stroke(line, kind.colour, 1.2, kind.dashes));
            self.text(at + 32.0, self.y, Type::CAPTION, name);
        }
        self.y += LEGEND;
    }
}

fn shade_colour(shade: usize) -> u32 {
    let part = shade as f64 / (SHADES - 1) as f64;
    mix(INK.panel, INK.record, part)
}
