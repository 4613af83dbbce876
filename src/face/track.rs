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

/// What an aligned face looks like, coarsely: a small patch of zero mean and unit length.
#[derive(Debug, Clone, PartialEq)]
pub struct Look(Vec<f32>);

impl Look {
    /// From a square crop `[side, side, channels]`.
    pub fn of_crop(pixels: &[u8], side_px: usize, channels: usize) -> Option<Self> {
        if channels == 0 || side_px < LOOK_SIDE || pixels.len() != side_px * side_px * channels {
            return None;
        }
        let cell = side_px / LOOK_SIDE;
        let mut values = Vec::with_capacity(LOOK_SIDE * LOOK_SIDE);
        for cy in 0..LOOK_SIDE {
            for cx in 0..LOOK_SIDE {
                let rows =
                    (cy * cell..(cy + 1) * cell).map(|y| (y * side_px + cx * cell) * channels);
                let sum: u32 = rows
                    .flat_map(|i| &pixels[i..i + cell * channels])
                    .map(|&v| u32::from(v))
                    .sum();
                values.push(sum as f32);
            }
        }
        Some(Self::normal(values))
    }

    fn normal(mut values: Vec<f32>) -> Self {
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
        let mixed = self.0.iter().zip(&other.0);
        Self::normal(mixed.map(|(a, b)| a + weight * (b - a)).collect())
    }
}

/// A face on this frame.
#[derive(Debug, Clone, PartialEq)]
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
                None => look.clone(),
            });
        }
    }
}

/// All tracks.
#[derive(Debug, Default)]
pub struct Tracker {
    tracks: Vec<Track>,
    last_id: u32,
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
    pub fn update(&mut self, time_s: f64, sightings: &[Sighting]) -> Vec<u32> {
        self.alive(time_s);
        let mut ids = vec![None; sightings.len()];
        for (track, sighting) in self.assign(time_s, sightings) {
            self.tracks[track].see(&sightings[sighting], time_s);
            ids[sighting] = Some(self.tracks[track].id);
        }
        // New faces are numbered from the left, as one would count them.
        let mut new: Vec<usize> = (0..ids.len()).filter(|&i| ids[i].is_none()).collect();
        new.sort_by(|&a, &b| sightings[a].box_px.x.total_cmp(&sightings[b].box_px.x));
        for i in new {
            self.last_id += 1;
            ids[i] = Some(self.last_id);
            self.tracks.push(Track {
                id: self.last_id,
                box_px: sightings[i].box_px,
                seen_s: time_s,
                velocity: None,
                look: sightings[i].look.clone(),
            });
        }
        ids.into_iter().flatten().collect()
    }

    /// Pairs of track and sighting at least total cost, the impossible ones left out.
    fn assign(&self, time_s: f64, sightings: &[Sighting]) -> Vec<(usize, usize)> {
        let (rows, columns) = (self.tracks.len(), sightings.len());
        if rows == 0 || columns == 0 {
            return Vec::new();
        }
        // Integers, since the algorithm wants an order; a pair that cannot be costs more than any that can.
        const IMPOSSIBLE: i64 = 1_000_000_000;
        let cost = |track: usize, sighting: usize| {
            let cost = self.tracks[track].cost(&sightings[sighting], time_s);
            if cost.is_finite() && cost <= WORST_COST {
                (f64::from(cost) * 1e5) as i64
            } else {
                IMPOSSIBLE
            }
        };
        // The matrix must not have more rows than columns.
        let flipped = rows > columns;
        let matrix = if flipped {
            Matrix::from_fn(columns, rows, |(s, t)| cost(t, s))
        } else {
            Matrix::from_fn(rows, columns, |(t, s)| cost(t, s))
        };
        let (_, chosen) = kuhn_munkres_min(&matrix);
        let pairs = chosen.into_iter().enumerate();
        pairs
            .map(|(row, column)| {
                if flipped {
                    (column, row)
                } else {
                    (row, column)
                }
            })
            .filter(|&(t, s)| cost(t, s) < IMPOSSIBLE)
            .collect()
    }
}
