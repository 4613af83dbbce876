//! Stable ids: which of this frame's faces is which of the last one's.
//!
//! Each track moves on by its own velocity and is matched to detections at least total cost (Kuhn-Munkres), the cost
//! being the distance in face widths, the change of size, and how much the aligned face looks like the track's. So
//! two faces that cross keep their ids, and one that is hidden for a moment gets its own back.

use pathfinding::kuhn_munkres::kuhn_munkres_min;
use pathfinding::matrix::Matrix;

use crate::analysis::BoxPx;

/// A face out of sight for longer than this is gone; one that comes later is a new one.
pub const FORGET_S: f64 = 1.0;
/// Nothing is matched at a higher cost; about one face width away and of another look.
const WORST_COST: f32 = 1.6;
/// How much a new velocity counts against the old one.
const VELOCITY_WEIGHT: f32 = 0.4;
/// How much a new look counts against the old one.
const LOOK_WEIGHT: f32 = 0.2;
/// Side of the look.
const LOOK_SIDE: usize = 14;

/// Numbers in a look.
const LOOK_CELLS: usize = LOOK_SIDE * LOOK_SIDE;

/// What an aligned face looks like, coarsely: a small patch of zero mean and unit length.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look([f32; LOOK_CELLS]);

impl Look {
    /// From a square crop `[side, side, channels]`.
    pub fn of_crop(pixels: &[u8], side_px: usize, channels: usize) -> Option<Self> {
        if channels == 0 || side_px < LOOK_SIDE || pixels.len() != side_px * side_px * channels {
            return None;
        }
        let cell = side_px / LOOK_SIDE;
        let mut values = [0.0; LOOK_CELLS];
        let rows = pixels.chunks_exact(side_px * channels);
        for (y, row) in rows.take(cell * LOOK_SIDE).enumerate() {
            let values = values[y / cell * LOOK_SIDE..].iter_mut();
            for (value, part) in values.zip(row.chunks_exact(cell * channels).take(LOOK_SIDE)) {
                *value += part.iter().map(|&v| u32::from(v)).sum::<u32>() as f32;
            }
        }
        Some(Self::normal(values))
    }

    fn normal(mut values: [f32; LOOK_CELLS]) -> Self {
        let mean = values.iter().sum::<f32>() / values.len().max(1) as f32;
        values.iter_mut().for_each(|v| *v -= mean);
        let length = values.iter().map(|v| v * v).sum::<f32>().sqrt().max(1e-6);
        values.iter_mut().for_each(|v| *v /= length);
        Self(values)
    }

    /// 1 for the same, 0 for unrelated, down to -1.
    pub fn likeness(&self, other: &Self) -> f32 {
        self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum()
    }

    fn towards(&self, other: &Self, weight: f32) -> Self {
        Self::normal(std::array::from_fn(|i| {
            self.0[i] + weight * (other.0[i] - self.0[i])
        }))
    }
}

/// A face on this frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sighting {
    /// Where.
    pub box_px: BoxPx,
    /// What it looks like, if known.
    pub look: Option<Look>,
}

/// A face followed over frames.
#[derive(Debug, Clone)]
pub struct Track {
    /// Its id, from 1.
    pub id: u32,
    /// Its box when last seen.
    pub box_px: BoxPx,
    /// When it was last seen, seconds.
    pub seen_s: f64,
    velocity: Option<(f32, f32)>, // px / s of the centre
    look: Option<Look>,
}

impl Track {
    /// Where it should be at a time, its velocity unchanged.
    pub fn predict(&self, time_s: f64) -> BoxPx {
        let dt = (time_s - self.seen_s).clamp(0.0, FORGET_S) as f32;
        let (vx, vy) = self.velocity.unwrap_or_default();
        BoxPx {
            x: self.box_px.x + vx * dt,
            y: self.box_px.y + vy * dt,
            ..self.box_px
        }
    }

    fn cost(&self, sighting: &Sighting, time_s: f64) -> f32 {
        let expected = self.predict(time_s);
        let ((x0, y0), (x1, y1)) = (expected.center(), sighting.box_px.center());
        let width = (expected.w + sighting.box_px.w) / 2.0;
        // The longer unseen, the less its place is known.
        let slack = 1.0 + 1.5 * (time_s - self.seen_s).clamp(0.0, FORGET_S) as f32;
        let distance = (x1 - x0).hypot(y1 - y0) / (width * slack).max(1e-3);
        let size = (sighting.box_px.w / expected.w).ln().abs();
        let look = match (&self.look, &sighting.look) {
            (Some(a), Some(b)) => 0.5 * (1.0 - a.likeness(b)),
            _ => 0.25,
        };
        distance + 0.7 * size + look
    }

    fn see(&mut self, sighting: &Sighting, time_s: f64) {
        let dt = (time_s - self.seen_s) as f32;
        if dt > 1e-4 {
            let ((x0, y0), (x1, y1)) = (self.box_px.center(), sighting.box_px.center());
            let new = ((x1 - x0) / dt, (y1 - y0) / dt);
            self.velocity = Some(match self.velocity {
                // The first two sightings are all that is known.
                None => new,
                Some((vx, vy)) => (
                    vx + VELOCITY_WEIGHT * (new.0 - vx),
                    vy + VELOCITY_WEIGHT * (new.1 - vy),
                ),
            });
        }
        self.box_px = sighting.box_px;
        self.seen_s = time_s;
        if let Some(look) = &sighting.look {
            self.look = Some(match &self.look {
                Some(old) => old.towards(look, LOOK_WEIGHT),
                None => *look,
            });
        }
    }
}

/// All tracks.
#[derive(Debug, Default)]
pub struct Tracker {
    tracks: Vec<Track>,
    last_id: u32,
    // Scratch of an update: each sighting's id (0: none yet), the new ones, and pairs of track and sighting.
    ids: Vec<u32>,
    new: Vec<usize>,
    pairs: Vec<(usize, usize)>,
}

impl Tracker {
    /// No face yet; the first will be 1.
    pub fn new() -> Self {
        Self::default()
    }

    /// The tracks that are not forgotten at this time, oldest first. A time that runs backwards forgets them all.
    pub fn alive(&mut self, time_s: f64) -> &[Track] {
        self.tracks
            .retain(|t| (-1e-6..=FORGET_S).contains(&(time_s - t.seen_s)));
        &self.tracks
    }

    /// Takes a frame's faces and gives each its id, in their order.
    pub fn update(&mut self, time_s: f64, sightings: &[Sighting]) -> &[u32] {
        self.alive(time_s);
        self.ids.clear();
        self.ids.resize(sightings.len(), 0);
        self.assign(time_s, sightings);
        for &(track, sighting) in &self.pairs {
            self.tracks[track].see(&sightings[sighting], time_s);
            self.ids[sighting] = self.tracks[track].id;
        }
        // New faces are numbered from the left, as one would count them.
        self.new.clear();
        self.new
            .extend((0..sightings.len()).filter(|&i| self.ids[i] == 0));
        self.new
            .sort_unstable_by(|&a, &b| sightings[a].box_px.x.total_cmp(&sightings[b].box_px.x));
        for &i in &self.new {
            self.last_id += 1;
            self.ids[i] = self.last_id;
            self.tracks.push(Track {
                id: self.last_id,
                box_px: sightings[i].box_px,
                seen_s: time_s,
                velocity: None,
                look: sightings[i].look,
            });
        }
        &self.ids
    }

    /// Sets `pairs`: of track and sighting at least total cost, the impossible ones left out.
    fn assign(&mut self, time_s: f64, sightings: &[Sighting]) {
        self.pairs.clear();
        let (rows, columns) = (self.tracks.len(), sightings.len());
        if rows == 0 || columns == 0 {
            return;
        }
        // Integers, since the algorithm wants an order; a pair that cannot be costs more than any that can.
        const IMPOSSIBLE: i64 = 1_000_000_000;
        let tracks = &self.tracks;
        let cost = |track: usize, sighting: usize| {
            let cost = tracks[track].cost(&sightings[sighting], time_s);
            if cost.is_finite() && cost <= WORST_COST {
                (f64::from(cost) * 1e5) as i64
            } else {
                IMPOSSIBLE
            }
        };
        // Where each sighting's best track is another one, no other assignment costs less: the usual case.
        for sighting in 0..columns {
            let best = (0..rows).min_by_key(|&track| cost(track, sighting));
            let taken = |track| self.pairs.iter().any(|&(t, _)| t == track);
            match best {
                Some(track) if !taken(track) => self.pairs.push((track, sighting)),
                _ => break,
            }
        }
        if self.pairs.len() < columns {
            // The matrix must not have more rows than columns.
            let flipped = rows > columns;
            let matrix = if flipped {
                Matrix::from_fn(columns, rows, |(s, t)| cost(t, s))
            } else {
                Matrix::from_fn(rows, columns, |(t, s)| cost(t, s))
            };
            let (_, chosen) = kuhn_munkres_min(&matrix);
            self.pairs.clear();
            self.pairs
                .extend(chosen.into_iter().enumerate().map(|(row, column)| {
                    if flipped {
                        (column, row)
                    } else {
                        (row, column)
                    }
                }));
        }
        self.pairs.retain(|&(t, s)| cost(t, s) < IMPOSSIBLE);
    }
}
