//! Samples as columns, and columns as strips and lines: what the timeline is painted with.
//!
//! The columns are means over fixed bins of time, so that nothing shimmers while it moves, and the whole is a handful of
//! meshes, however many samples there are.

use eframe::egui::{Color32, Mesh, Painter, Pos2, Rangef, Rect, Shape, Stroke, pos2};

use super::history::Sample;
use super::theme::Palette;
use crate::labels::Expression;

/// Width of one column, points.
const COLUMN: f32 = 3.0;

/// Time to points.
pub struct Scale {
    /// The time at the right end, seconds.
    pub latest_s: f64,
    /// Seconds from end to end.
    pub length_s: f64,
    /// The two ends, points.
    pub x: Rangef,
    /// Unrelated pictures: each stands for itself and is as wide as most of its second.
    pub stills: bool,
}

impl Scale {
    /// The time at the left end, seconds.
    pub fn begin_s(&self) -> f64 {
        self.latest_s - self.length_s
    }

    /// Where a time lies, points.
    pub fn x_of(&self, time_s: f64) -> f32 {
        let part = (time_s - self.begin_s()) / self.length_s;
        self.x.min + part as f32 * self.x.span()
    }

    /// Half the width of a sample that stands alone, points.
    fn half_width(&self) -> f32 {
        if self.stills {
            (0.36 * self.x.span() / self.length_s as f32).clamp(1.0, 24.0)
        } else {
            1.0
        }
    }

    /// Seconds in one column.
    fn bin_s(&self) -> f64 {
        self.length_s / f64::from((self.x.span() / COLUMN).clamp(16.0, 1000.0))
    }
}

/// The mean of the samples of one bin.
#[derive(Clone)]
pub struct Column {
    x: f32,
    probabilities: [f32; Expression::COUNT],
    /// Mean and standard deviation of valence, then of arousal.
    affect: [(f32, f32); 2],
}

/// Means over bins that are fixed in time. A column that stands alone is given twice, so that it can be seen.
pub fn columns(run: &[&Sample], scale: &Scale) -> Vec<Column> {
    let bin_s = scale.bin_s();
    let bin = |s: &Sample| (s.time_s / bin_s).floor() as i64;
    let mut columns: Vec<Column> = run
        .chunk_by(|a, b| bin(a) == bin(b))
        .map(|samples| {
            let n = samples.len() as f32;
            let mut probabilities = [0.0; Expression::COUNT];
            let mut affect = [(0.0, 0.0); 2];
            let mut time_s = 0.0;
            for sample in samples {
                let s = &sample.shown;
                for (sum, p) in probabilities.iter_mut().zip(s.probabilities) {
                    *sum += p;
                }
                affect[0].0 += s.valence;
                affect[0].1 += s.valence_sd;
                affect[1].0 += s.arousal;
                affect[1].1 += s.arousal_sd;
                time_s += sample.time_s;
            }
            let x = scale.x_of(time_s / f64::from(n));
            Column {
                x: x.clamp(scale.x.min, scale.x.max),
                probabilities: probabilities.map(|sum| sum / n),
                affect: affect.map(|(mean, sd)| (mean / n, sd / n)),
            }
        })
        .collect();
    if let [one] = columns.as_slice() {
        let half = scale.half_width();
        let (mut left, mut right) = (one.clone(), one.clone());
        (left.x, right.x) = (one.x - half, one.x + half);
        columns = vec![left, right];
    }
    columns
}

/// Adds a strip between two lines given as `(x, upper, lower)`.
fn strip(mesh: &mut Mesh, color: Color32, edge: impl Iterator<Item = (f32, f32, f32)>) {
    let mut first = true;
    for (x, upper, lower) in edge {
        let i = mesh.vertices.len() as u32;
        mesh.colored_vertex(pos2(x, upper), color);
        mesh.colored_vertex(pos2(x, lower), color);
        if !first {
            mesh.add_triangle(i - 2, i - 1, i);
            mesh.add_triangle(i - 1, i, i + 1);
        }
        first = false;
    }
}

/// The seven upon each other, up to the full height.
pub fn draw_stack(painter: &Painter, p: &Palette, columns: &[Column], area: Rect) {
    let mut mesh = Mesh::default();
    let mut floor = vec![0.0_f32; columns.len()];
    for expression in Expression::ALL {
        let i = expression.index();
        let color = p.of_expression(expression).gamma_multiply(0.86);
        let y = |part: f32| area.bottom() - part.clamp(0.0, 1.0) * area.height();
        let edges: Vec<(f32, f32, f32)> = columns
            .iter()
            .zip(&mut floor)
            .map(|(column, floor)| {
                let lower = *floor;
                *floor += column.probabilities[i];
                (column.x, y(*floor), y(lower))
            })
            .collect();
        strip(&mut mesh, color, edges.into_iter());
    }
    painter.add(Shape::mesh(mesh));
}

/// The seven as lines.
pub fn draw_lines(painter: &Painter, p: &Palette, columns: &[Column], area: Rect) {
    for expression in Expression::ALL {
        let points: Vec<Pos2> = columns
            .iter()
            .map(|c| {
                let part = c.probabilities[expression.index()].clamp(0.0, 1.0);
                pos2(c.x, area.bottom() - 1.0 - part * (area.height() - 2.0))
            })
            .collect();
        line(
            painter,
            points,
            Stroke::new(1.5, p.of_expression(expression)),
        );
    }
}

/// Valence and arousal with their bands.
pub fn draw_affect(painter: &Painter, p: &Palette, columns: &[Column], area: Rect) {
    let y = |value: f32| area.center().y - value.clamp(-1.3, 1.3) * area.height() / 2.0;
    let mut bands = Mesh::default();
    for (i, color) in [p.valence, p.arousal].into_iter().enumerate() {
        let color = color.gamma_multiply(if p.dark { 0.15 } else { 0.13 });
        let edges = columns.iter().map(|c| {
            let (mean, sd) = c.affect[i];
            (c.x, y(mean + sd), y(mean - sd))
        });
        strip(&mut bands, color, edges);
    }
    painter.add(Shape::mesh(bands));
    for (i, color) in [p.valence, p.arousal].into_iter().enumerate() {
        let points = columns
            .iter()
            .map(|c| pos2(c.x, y(c.affect[i].0)))
            .collect();
        line(painter, points, Stroke::new(1.5, color));
    }
}

/// A line, if there is one to draw.
fn line(painter: &Painter, points: Vec<Pos2>, stroke: Stroke) {
    if points.len() > 1 {
        painter.line(points, stroke);
    }
}
