//! Five points in a detected face: a small network of ours over a grey 64x64 picture.

use super::carry::{USUAL, apart};
use super::gray::{Gray, Resizer};
use crate::analysis::{BoxPx, Landmarks};
use crate::model::conv::isa::InstructionSet;
use crate::model::points::{PointsNetwork, Reading, SIDE_PX};
use crate::model::weights::{LANDMARKS, Weights, WeightsError};

/// The network's picture is a square this much wider than the detector's box (weights/README.md).
pub const BOX_SCALE: f32 = 1.2;

/// A box that is further from where the landmarks were looked for makes the network look again.
const REFINE: f32 = 0.06;

/// Landmarks that do not depend on who made the box that they were looked for in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settled {
    /// The five points, in pixels of the picture.
    pub landmarks_px: Landmarks,
    /// The box that they say: where the detector would put it, on average.
    pub box_px: BoxPx,
    /// How often the network looked.
    pub looks: u64,
    /// How likely there is a face where it looked last, 0..=1; `None` where the weights do not say.
    pub face: Option<f32>,
}

/// The network, with its buffers.
pub struct LandmarkNet {
    network: PointsNetwork,
    resizer: Resizer,
    square: Gray,
    small: Gray,
}

impl LandmarkNet {
    /// Loads the built-in network.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn new() -> Result<Self, WeightsError> {
        Self::of(&Weights::from_bytes(
            LANDMARKS,
            "built-in landmarks",
            "landmarks5",
        )?)
    }

    /// The network of these weights.
    ///
    /// # Errors
    /// When they are another network's.
    pub fn of(weights: &Weights) -> Result<Self, WeightsError> {
        Ok(Self {
            network: PointsNetwork::load(weights, InstructionSet::chosen())?,
            resizer: Resizer::default(),
            square: Gray::default(),
            small: Gray::default(),
        })
    }

    /// The five points of the face in this box, in pixels of the picture.
    pub fn find(&mut self, gray: &Gray, box_px: BoxPx) -> Landmarks {
        self.look(gray, box_px).points
    }

    /// What the network says of a picture, `pixels [64, 64]`, as it is.
    pub fn read(&self, pixels: &[u8]) -> Reading {
        self.network.read(pixels)
    }

    /// What the network says of this box; points in pixels of the picture.
    fn look(&mut self, gray: &Gray, box_px: BoxPx) -> Reading {
        let side = (box_px.w.max(box_px.h) * BOX_SCALE).round().max(2.0);
        let (cx, cy) = box_px.center();
        let (x0, y0) = ((cx - side / 2.0).round(), (cy - side / 2.0).round());
        let side_px = side as usize;
        gray.cut((x0 as i64, y0 as i64), (side_px, side_px), &mut self.square);
        self.resizer
            .resize(&self.square, (SIDE_PX, SIDE_PX), &mut self.small);
        let mut reading = self.network.read(&self.small.pixels);
        // The network counts from the square's edge, the picture from the middle of its first pixel.
        for [x, y] in &mut reading.points {
            (*x, *y) = (x0 - 0.5 + *x * side, y0 - 0.5 + *y * side);
        }
        reading
    }

    /// The five points of the face in this box; whoever made the box, the network looks again in the one that its
    /// landmarks say when that is another. `None` when they fit no face.
    pub fn settle(&mut self, gray: &Gray, near_px: BoxPx) -> Option<Settled> {
        let mut reading = self.look(gray, near_px);
        let mut box_px = USUAL.on(&reading.points)?;
        let mut looks = 1;
        if apart(&box_px, &near_px) > REFINE {
            reading = self.look(gray, box_px);
            box_px = USUAL.on(&reading.points)?;
            looks = 2;
        }
        Some(Settled {
            landmarks_px: reading.points,
            box_px,
            looks,
            face: reading.face,
        })
    }
}
