//! Five points in a detected face: a small network of ours over a grey 64x64 picture.

use super::gray::{Gray, Resizer};
use crate::analysis::{BoxPx, Landmarks};
use crate::model::conv::{Conv, Onto, add_product, relu};
use crate::model::weights::{LANDMARKS, Weights, WeightsError};

/// Side of the network's input.
const SIDE_PX: usize = 64;
/// Its picture is a square this much wider than the detector's box (weights/README.md).
const BOX_SCALE: f32 = 1.2;
const CHANNELS: [usize; 5] = [1, 16, 32, 64, 128];
const HIDDEN: usize = 128;

/// The network, with its buffers.
pub struct LandmarkNet {
    layers: Vec<Conv>,
    fc0: (Vec<f32>, Vec<f32>), // [128, 2048], [128]
    fc1: (Vec<f32>, Vec<f32>), // [10, 128], [10]
    resizer: Resizer,
    square: Gray,
    small: Gray,
    x: Vec<f32>,
    y: Vec<f32>,
    columns: Vec<f32>,
    hidden: Vec<f32>,
    out: Vec<f32>,
}

impl LandmarkNet {
    /// Loads the built-in network.
    ///
    /// # Errors
    /// When it is damaged.
    pub fn new() -> Result<Self, WeightsError> {
        let weights = Weights::from_bytes(LANDMARKS, "built-in landmarks", "landmarks5")?;
        let layers = (0..4).map(|i| {
            let name = format!("layers.{i}");
            Conv::load(&weights, &name, (CHANNELS[i], CHANNELS[i + 1]), (3, 2, 1))
        });
        let fc = |name: &str, from: usize, to: usize| {
            Ok::<_, WeightsError>((
                weights.values(&format!("{name}.weight"), &[to, from])?,
                weights.values(&format!("{name}.bias"), &[to])?,
            ))
        };
        Ok(Self {
            layers: layers.collect::<Result<_, _>>()?,
            fc0: fc("fc0", CHANNELS[4] * 16, HIDDEN)?,
            fc1: fc("fc1", HIDDEN, 10)?,
            resizer: Resizer::default(),
            square: Gray::default(),
            small: Gray::default(),
            x: Vec::new(),
            y: Vec::new(),
            columns: Vec::new(),
            hidden: Vec::new(),
            out: Vec::new(),
        })
    }

    /// The five points of the face in this box, in pixels of the picture.
    pub fn find(&mut self, gray: &Gray, box_px: BoxPx) -> Landmarks {
        let side = (box_px.w.max(box_px.h) * BOX_SCALE).round().max(2.0);
        let (cx, cy) = box_px.center();
        let (x0, y0) = ((cx - side / 2.0).round(), (cy - side / 2.0).round());
        let side_px = side as usize;
        gray.cut((x0 as i64, y0 as i64), (side_px, side_px), &mut self.square);
        self.resizer
            .resize(&self.square, (SIDE_PX, SIDE_PX), &mut self.small);
        self.x.clear();
        self.x.extend(
            self.small
                .pixels
                .iter()
                .map(|&v| (f32::from(v) - 127.5) / 64.0),
        ); // [1, 64, 64]
        let mut size = SIDE_PX;
        for layer in &self.layers {
            layer.run(
                &self.x,
                (size, size),
                &mut self.columns,
                &mut self.y,
                Onto::Fresh,
            );
            relu(&mut self.y);
            std::mem::swap(&mut self.x, &mut self.y);
            size = layer.out_side(size);
        }
        let (hidden, out) = (&mut self.hidden, &mut self.out);
        hidden.clone_from(&self.fc0.1); // [128]
        add_product(&self.fc0.0, &self.x, hidden, (HIDDEN, self.x.len(), 1));
        relu(hidden);
        out.clone_from(&self.fc1.1); // [10]: x, y of each point over the square's side
        add_product(&self.fc1.0, hidden, out, (10, HIDDEN, 1));
        std::array::from_fn(|i| [x0 + out[2 * i] * side, y0 + out[2 * i + 1] * side])
    }
}
