//! Samples as columns, and columns as strips and lines: what the timeline is painted with.
//!
//! The columns are means over fixed bins of time, so that nothing shimmers while it moves, and the whole is a handful of
//! meshes, however many samples there are. Corners that nobody could see are left out ([`corners`]): where a window is
//! drawn without a graphics card, a timeline costs what its triangles cost.

use eframe::egui::{Color32, Mesh, Painter, Pos2, Rangef, Rect, Shape, Stroke, pos2};

use super::history::Sample;
use super::theme::Palette;
use crate::labels::Expression;

/// Width of one column, points.
const COLUMN: f32 = 3.0;
/// A line may lie so far beside the columns that it leaves out, points.
const SLACK: f32 = 0.25;
/// Every column whose number divides by this is a corner, so that what is left out before it says nothing about what is
/// left out after it, and stays as it is while the timeline moves.
const STRETCH: i64 = 16;
/// A layer of the stack is left out where it is thinner than this, points: the next one begins below it.
const THIN: f32 = 0.25;

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
    /// Number of its bin, from time 0 on.
    bin: i64,
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
                bin: bin(samples[0]),
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

/// Which columns a line must pass through so that, straight between them, it lies within [`SLACK`] of all the others.
/// `heights` are what is drawn of a column, points: a few lines that share their corners.
fn corners<const N: usize>(
    columns: &[Column],
    heights: impl Fn(&Column) -> [f32; N],
) -> Vec<(f32, [f32; N])> {
    let all: Vec<(f32, [f32; N])> = columns.iter().map(|c| (c.x, heights(c))).collect();
    let straight = |from: usize, to: usize| {
        let ((x0, a), (x1, b)) = (all[from], all[to]);
        all[from + 1..to].iter().all(|(x, at)| {
            let part = (x - x0) / (x1 - x0).max(f32::EPSILON);
            (0..N).all(|i| (a[i] + part * (b[i] - a[i]) - at[i]).abs() <= SLACK)
        })
    };
    let mut kept = Vec::new();
    let mut from = 0;
    for (i, column) in columns.iter().enumerate() {
        let fixed = i == 0 || i + 1 == columns.len() || column.bin % STRETCH == 0;
        // The last one that could still be reached in a straight line is a corner where this one cannot.
        if i > from + 1 && !straight(from, i) {
            kept.push(all[i - 1]);
            from = i - 1;
        }
        if fixed {
            kept.push(all[i]);
            from = i;
        }
    }
    kept
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
    // What each layer reaches up to, points over the floor.
    let tops = corners(columns, |column| {
        let mut top = 0.0;
        column.probabilities.map(|probability| {
            top += probability;
            top.clamp(0.0, 1.0) * area.height()
        })
    });
    let n = tops.len();
    let mut mesh = Mesh::default();
    // How high it is covered.
    let mut covered = vec![0.0_f32; n];
    for expression in Expression::ALL {
        let i = expression.index();
        let color = p.of_expression(expression).gamma_multiply(0.86);
        let thick = |at: usize| tops.get(at).is_some_and(|(_, t)| t[i] - covered[at] > THIN);
        // A corner is drawn where it, or the one before or after it, is thick enough to be seen.
        let drawn: Vec<bool> = (0..n)
            .map(|at| thick(at) || thick(at + 1) || at.checked_sub(1).is_some_and(thick))
            .collect();
        let mut from = 0;
        for stretch in drawn.chunk_by(|a, b| a == b) {
            let to = from + stretch.len();
            if drawn[from] {
                let edges = (from..to).map(|at| {
                    let (x, t) = &tops[at];
                    (*x, area.bottom() - t[i], area.bottom() - covered[at])
                });
                strip(&mut mesh, color, edges);
                // The next one begins a little lower where this one ends, rather than leave a hole beside it.
                let inner = (from + usize::from(from > 0))..(to - usize::from(to < n));
                for at in inner {
                    covered[at] = tops[at].1[i];
                }
            }
            from = to;
        }
    }
    painter.add(Shape::mesh(mesh));
}

/// The seven as lines.
pub fn draw_lines(painter: &Painter, p: &Palette, columns: &[Column], area: Rect) {
    for expression in Expression::ALL {
        let points = corners(columns, |c| {
            let part = c.probabilities[expression.index()].clamp(0.0, 1.0);
            [area.bottom() - 1.0 - part * (area.height() - 2.0)]
        });
        let points = points.into_iter().map(|(x, [y])| pos2(x, y)).collect();
        let stroke = Stroke::new(1.5, p.of_expression(expression));
        line(painter, points, stroke);
    }
}

/// Valence and arousal with their bands.
pub fn draw_affect(painter: &Painter, p: &Palette, columns: &[Column], area: Rect) {
    let y = |value: f32| area.center().y - value.clamp(-1.3, 1.3) * area.height() / 2.0;
    // Mean, and one standard deviation above and below it.
    let lines = [0, 1].map(|i| {
        corners(columns, |c| {
            let (mean, sd) = c.affect[i];
            [y(mean), y(mean + sd), y(mean - sd)]
        })
    });
    let mut bands = Mesh::default();
    for (points, color) in lines.iter().zip([p.valence, p.arousal]) {
        let color = color.gamma_multiply(if p.dark { 0.15 } else { 0.13 });
        let edges = points
            .iter()
            .map(|(x, [_, upper, lower])| (*x, *upper, *lower));
        strip(&mut bands, color, edges);
    }
    painter.add(Shape::mesh(bands));
    for (points, color) in lines.into_iter().zip([p.valence, p.arousal]) {
        let points = points.into_iter().map(|(x, [y, ..])| pos2(x, y)).collect();
        line(painter, points, Stroke::new(1.5, color));
    }
}

/// A line, if there is one to draw.
fn line(painter: &Painter, points: Vec<Pos2>, stroke: Stroke) {
    if points.len() > 1 {
        painter.line(points, stroke);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(bin: i64, probabilities: [f32; Expression::COUNT]) -> Column {
        Column {
            bin,
            x: 3.0 * bin as f32,
            probabilities,
            affect: [(0.0, 0.1); 2],
        }
    }

    /// A face that is at rest, then smiles, with noise as a camera's.
    fn smile() -> Vec<Column> {
        let mut seed = 7_u32;
        (0..400)
            .map(|i| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = (seed >> 8) as f32 / (1 << 24) as f32 * 0.01;
                let smile = ((i - 200) as f32 / 20.0).clamp(0.0, 0.9);
                let rest = 1.0 - smile - noise - 0.0004;
                column(i, [rest, 0.0001, 0.0001, 0.0001, smile, 0.0001, noise])
            })
            .collect()
    }

    #[test]
    fn what_is_left_out_lies_within_the_slack() {
        let columns = smile();
        let heights = |c: &Column| [60.0 * c.probabilities[0], 60.0 * c.probabilities[4]];
        let kept = corners(&columns, heights);
        assert!(kept.len() < columns.len() / 2, "{} corners", kept.len());
        for c in &columns {
            let after = kept.iter().position(|(x, _)| *x >= c.x).unwrap_or(0);
            let ((x1, b), (x0, a)) = (kept[after], kept[after.saturating_sub(1)]);
            let part = if x1 > x0 { (c.x - x0) / (x1 - x0) } else { 0.0 };
            for ((a, b), truth) in a.into_iter().zip(b).zip(heights(c)) {
                let drawn = a + part * (b - a);
                assert!((drawn - truth).abs() < SLACK + 1e-3, "{drawn} for {truth}");
            }
        }
    }

    /// What has been drawn keeps its corners while older columns leave and newer ones come.
    #[test]
    fn corners_stay_while_the_timeline_moves() {
        let columns = smile();
        let heights = |c: &Column| [60.0 * c.probabilities[0]];
        let bins = |part: &[Column]| -> Vec<i64> {
            let x = corners(part, heights).into_iter().map(|(x, _)| x);
            x.map(|x| (x / 3.0).round() as i64).collect()
        };
        let inside = |bins: Vec<i64>| -> Vec<i64> {
            bins.into_iter()
                .filter(|b| (64..=336).contains(b))
                .collect()
        };
        let all = inside(bins(&columns));
        for (left, right) in [(1, 400), (7, 390), (37, 351)] {
            assert_eq!(inside(bins(&columns[left..right])), all);
        }
    }

    #[test]
    fn one_column_and_none_are_drawn_without_a_word() {
        assert!(corners(&[], |_| [0.0]).is_empty());
        assert_eq!(corners(&smile()[..1], |_| [1.0]).len(), 1);
    }
}
