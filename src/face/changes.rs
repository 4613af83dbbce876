//! Where the picture has changed since it was last searched for faces: a coarse grid of light and texture.
//!
//! A face that was not there before changes several cells that lie together; a picture that stays as it was need not
//! be searched again. Cells that keep changing without a face (a talker's shoulders, a screen in the background) are
//! looked at less often than cells that change for the first time.

use super::gray::Gray;
use crate::analysis::BoxPx;

/// A cell's mean level must differ by this much, after the whole picture's own change of light.
const LIGHT: f32 = 9.0;
/// Or its mean step from pixel to pixel by this much,
const TEXTURE: f32 = 2.5;
/// and by this part of itself.
const TEXTURE_PART: f32 = 0.5;
/// A changed patch must be this large across and down, in smallest faces.
const PATCH_FACES: f32 = 0.6;
/// A cell that was searched within this time because it had changed is a restless one.
const RESTLESS_S: f64 = 1.5;
/// Fresh cells of a patch that make it urgent, in areas of the smallest face.
const FRESH_FACES: f32 = 0.3;
/// More than this part of the picture changes at once: another scene.
const CUT: f32 = 0.5;
/// Less than this part had changed the frame before: else everything is moving.
const CALM: f32 = 0.25;

/// A followed face's own, around its box, in parts of its size,
const OWN: f32 = 0.3;
/// and its body's, to both sides, above and below.
const BODY_ACROSS: f32 = 1.2;
const BODY_ABOVE: f32 = 0.8;
const BODY_BELOW: f32 = 3.0;

/// How long the last search must be ago, seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Patience {
    /// Before cells that change for the first time are searched.
    pub fresh_s: f64,
    /// Before cells that change again and again are searched.
    pub restless_s: f64,
}

/// Whose a cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Ground {
    /// Nobody's.
    Open,
    /// Around a face that is followed.
    Body,
    /// Under it.
    Face,
}

/// One cell.
#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    /// Mean level.
    light: f32,
    /// Mean difference of a pixel and its right neighbour.
    texture: f32,
}

impl Cell {
    fn differs(&self, other: &Self, shift: f32) -> bool {
        let texture = (self.texture - other.texture).abs();
        (self.light - other.light - shift).abs() > LIGHT
            || (texture > TEXTURE && texture > TEXTURE_PART * self.texture.max(other.texture))
    }
}

/// The grid, as it is and as it was.
#[derive(Debug, Default)]
pub struct Changes {
    size_px: (usize, usize),
    cell_px: usize,
    across: usize,
    down: usize,
    now: Vec<Cell>,
    before: Vec<Cell>,
    /// As each cell was when it was last searched.
    searched: Vec<Cell>,
    /// When it was last searched because it had changed.
    restless_s: Vec<f64>,
    /// What lies under and around the faces that are followed.
    ground: Vec<Ground>,
    changed: Vec<bool>,
    /// The part of the picture that moved since the frame before, and by how much it became lighter.
    moving: f32,
    moved_shift: f32,
    cut: bool,
    last_s: f64,
    // Sums of each column of pixels over a row of cells.
    light: Vec<u16>,
    texture: Vec<u16>,
    stack: Vec<usize>,
}

impl Changes {
    /// Takes in a frame. True when it cannot be compared with the one before: the first, or of another size.
    pub fn see(&mut self, gray: &Gray, min_face_px: f32) -> bool {
        // Of 8, 16 or 32 pixels: about three across the smallest face.
        let cell_px = match min_face_px / 3.0 {
            s if s >= 32.0 => 32,
            s if s >= 16.0 => 16,
            _ => 8,
        };
        let size_px = (gray.width_px, gray.height_px);
        let anew = self.size_px != size_px || self.cell_px != cell_px;
        if anew {
            (self.size_px, self.cell_px) = (size_px, cell_px);
            self.across = (gray.width_px / cell_px).max(1);
            self.down = (gray.height_px / cell_px).max(1);
            let cells = self.across * self.down;
            for grid in [&mut self.now, &mut self.before, &mut self.searched] {
                grid.clear();
                grid.resize(cells, Cell::default());
            }
            self.ground.clear();
            self.ground.resize(cells, Ground::Open);
            self.changed.clear();
            self.changed.resize(cells, false);
            self.restless_s.clear();
            self.restless_s.resize(cells, f64::NEG_INFINITY);
            self.last_s = f64::NEG_INFINITY;
            self.moving = 0.0;
        }
        std::mem::swap(&mut self.now, &mut self.before);
        self.measure(gray);
        self.cut = false;
        if !anew {
            let shift = self.shift(&self.before, |_| true);
            self.moved_shift = shift;
            let pairs = self.now.iter().zip(&self.before);
            let changed = pairs.filter(|(now, before)| now.differs(before, shift));
            let moving = changed.count() as f32 / self.now.len() as f32;
            self.cut = moving > CUT && self.moving < CALM;
            self.moving = moving;
        }
        anew
    }

    /// Whether this frame shows another scene than the one before.
    pub fn is_cut(&self) -> bool {
        self.cut
    }

    /// Whether anything moved since the frame before.
    pub fn is_moving(&self) -> bool {
        self.moving > 0.0
    }

    fn measure(&mut self, gray: &Gray) {
        let (w, cell) = (gray.width_px, self.cell_px);
        for (cy, cells) in self.now.chunks_exact_mut(self.across).enumerate() {
            let rows = (cy * cell, ((cy + 1) * cell).min(gray.height_px));
            for sums in [&mut self.light, &mut self.texture] {
                sums.clear();
                sums.resize(w, 0);
            }
            for row in gray.pixels[rows.0 * w..rows.1 * w].chunks_exact(w) {
                for (sum, &v) in self.light.iter_mut().zip(row) {
                    *sum += u16::from(v);
                }
                for ((sum, &v), &next) in self.texture.iter_mut().zip(row).zip(&row[1..]) {
                    *sum += u16::from(v.abs_diff(next));
                }
            }
            for (cx, to) in cells.iter_mut().enumerate() {
                let columns = cx * cell..((cx + 1) * cell).min(w);
                let sum = |sums: &[u16]| sums.iter().map(|&v| u32::from(v)).sum::<u32>();
                let count = (columns.len() * (rows.1 - rows.0)).max(1) as f32;
                *to = Cell {
                    light: sum(&self.light[columns.clone()]) as f32 / count,
                    texture: sum(&self.texture[columns]) as f32 / count,
                };
            }
        }
    }

    /// By how much the whole picture is lighter than `then`: the median over the cells that `counts`.
    fn shift(&self, then: &[Cell], counts: impl Fn(usize) -> bool) -> f32 {
        let mut histogram = [0u32; 511];
        let mut total = 0;
        for (i, (now, then)) in self.now.iter().zip(then).enumerate() {
            if counts(i) {
                histogram
                    [((now.light - then.light).round() as i32 + 255).clamp(0, 510) as usize] += 1;
                total += 1;
            }
        }
        let mut below = 0;
        let median = histogram.iter().position(|&count| {
            below += count;
            2 * below >= total
        });
        median.map_or(0.0, |at| at as f32 - 255.0)
    }

    /// The cells that a box touches, as `(first, end)` across and down.
    fn cells(&self, area: &BoxPx) -> ((usize, usize), (usize, usize)) {
        let span = |from: f32, length: f32, count: usize| {
            let first = (from / self.cell_px as f32).floor().max(0.0) as usize;
            let end = ((from + length) / self.cell_px as f32).ceil().max(0.0) as usize;
            (first.min(count), end.min(count))
        };
        (
            span(area.x, area.w, self.across),
            span(area.y, area.h, self.down),
        )
    }

    /// Says where the faces are that are followed, until the next call: their boxes. What lies under them is left out;
    /// around them, where their hair and shoulders move, an edge may move by a cell, and only what comes suddenly is urgent.
    pub fn mask(&mut self, faces: impl Iterator<Item = BoxPx>) {
        self.ground.fill(Ground::Open);
        for face in faces {
            let body = BoxPx {
                x: face.x - BODY_ACROSS * face.w,
                y: face.y - BODY_ABOVE * face.h,
                w: face.w + 2.0 * BODY_ACROSS * face.w,
                h: face.h + (BODY_ABOVE + BODY_BELOW) * face.h,
            };
            let own = BoxPx {
                x: face.x - OWN * face.w,
                y: face.y - OWN * face.h,
                w: face.w + 2.0 * OWN * face.w,
                h: face.h + 2.0 * OWN * face.h,
            };
            for (area, ground) in [(body, Ground::Body), (own, Ground::Face)] {
                let (x, y) = self.cells(&area);
                for row in self
                    .ground
                    .chunks_exact_mut(self.across)
                    .take(y.1)
                    .skip(y.0)
                {
                    for cell in &mut row[x.0..x.1] {
                        *cell = (*cell).max(ground);
                    }
                }
            }
        }
    }

    /// Whether a cell is not as it was when it was last searched.
    fn has_changed(&self, i: usize, shift: f32) -> bool {
        match self.ground[i] {
            Ground::Face => false,
            Ground::Open => self.now[i].differs(&self.searched[i], shift),
            Ground::Body => self.is_new(i, &self.searched, shift),
        }
    }

    /// Whether a cell shows what neither it nor a cell around it showed `then`: among bodies, what lies between those
    /// has only moved here from there.
    fn is_new(&self, i: usize, then: &[Cell], shift: f32) -> bool {
        let now = &self.now[i];
        if !now.differs(&then[i], shift) {
            return false;
        }
        let (x, y) = (i % self.across, i / self.across);
        let (mut low, mut high, mut texture) = (f32::INFINITY, f32::NEG_INFINITY, 0.0f32);
        for ny in y.saturating_sub(1)..(y + 2).min(self.down) {
            for nx in x.saturating_sub(1)..(x + 2).min(self.across) {
                let was = &then[ny * self.across + nx];
                (low, high) = (low.min(was.light), high.max(was.light));
                texture = texture.max(was.texture);
            }
        }
        let light = now.light - shift;
        light < low - LIGHT
            || light > high + LIGHT
            || now.texture > texture + TEXTURE.max(TEXTURE_PART * texture)
    }

    /// The part of the picture that should be searched now because it has changed since it last was; `None` when
    /// nothing has, or the last search was just now.
    pub fn due(&mut self, time_s: f64, min_face_px: f32, patience: Patience) -> Option<BoxPx> {
        let waited_s = time_s - self.last_s;
        if waited_s < patience.fresh_s.min(patience.restless_s) {
            return None;
        }
        let shift = self.shift(&self.searched, |i| self.ground[i] != Ground::Face);
        for i in 0..self.now.len() {
            self.changed[i] = self.has_changed(i, shift);
        }
        let least = (PATCH_FACES * min_face_px / self.cell_px as f32)
            .round()
            .max(2.0) as usize;
        let least_fresh = FRESH_FACES * (min_face_px / self.cell_px as f32).powi(2);
        let mut due: Option<Patch> = None;
        for i in 0..self.now.len() {
            if !self.changed[i] {
                continue;
            }
            let patch = self.patch(i, time_s);
            if patch.x.1 - patch.x.0 < least || patch.y.1 - patch.y.0 < least {
                continue;
            }
            let urgent = patch.fresh as f32 >= least_fresh && waited_s >= patience.fresh_s;
            if urgent || waited_s >= patience.restless_s {
                due = Some(due.map_or(patch, |d| d.with(&patch)));
            }
        }
        due.map(|patch| {
            let px = |cells: usize| (cells * self.cell_px) as f32;
            BoxPx {
                x: px(patch.x.0),
                y: px(patch.y.0),
                w: px(patch.x.1 - patch.x.0),
                h: px(patch.y.1 - patch.y.0),
            }
        })
    }

    /// The changed cells that touch each other, from one of them on; they are taken out of `changed`.
    fn patch(&mut self, start: usize, time_s: f64) -> Patch {
        let (sx, sy) = (start % self.across, start / self.across);
        let mut patch = Patch {
            x: (sx, sx + 1),
            y: (sy, sy + 1),
            fresh: 0,
        };
        self.changed[start] = false;
        self.stack.clear();
        self.stack.push(start);
        while let Some(at) = self.stack.pop() {
            let (x, y) = (at % self.across, at / self.across);
            // Bodies are never still: there only what comes from one frame to the next is fresh.
            let fresh = match self.ground[at] {
                Ground::Body => self.is_new(at, &self.before, self.moved_shift),
                _ => !(0.0..RESTLESS_S).contains(&(time_s - self.restless_s[at])),
            };
            patch = patch.with(&Patch {
                x: (x, x + 1),
                y: (y, y + 1),
                fresh: u32::from(fresh),
            });
            for ny in y.saturating_sub(1)..(y + 2).min(self.down) {
                for nx in x.saturating_sub(1)..(x + 2).min(self.across) {
                    let next = ny * self.across + nx;
                    if std::mem::take(&mut self.changed[next]) {
                        self.stack.push(next);
                    }
                }
            }
        }
        patch
    }

    /// Notes that this part was searched as it is now, because it had changed.
    pub fn searched(&mut self, time_s: f64, area: &BoxPx) {
        self.last_s = time_s;
        let (x, y) = self.cells(area);
        for cy in y.0..y.1 {
            for i in cy * self.across + x.0..cy * self.across + x.1 {
                // What is hidden by a face stays as it was known.
                if self.ground[i] != Ground::Face {
                    self.searched[i] = self.now[i];
                    self.restless_s[i] = time_s;
                }
            }
        }
    }

    /// Notes that the whole picture was searched as it is now, whatever had changed.
    pub fn searched_whole(&mut self, time_s: f64) {
        self.last_s = time_s;
        self.searched.copy_from_slice(&self.now);
    }
}

/// Cells that changed together: columns and rows from the first to one past the last, and how many of them are fresh.
#[derive(Debug, Clone, Copy)]
struct Patch {
    x: (usize, usize),
    y: (usize, usize),
    fresh: u32,
}

impl Patch {
    fn with(&self, other: &Self) -> Self {
        Self {
            x: (self.x.0.min(other.x.0), self.x.1.max(other.x.1)),
            y: (self.y.0.min(other.y.0), self.y.1.max(other.y.1)),
            fresh: self.fresh + other.fresh,
        }
    }
}
