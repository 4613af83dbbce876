//! The landmark network on the CPU: five points from a small grey picture, by our own kernels.

use super::conv::isa::InstructionSet;
use super::conv::{Builder, Conv, Network};
use super::weights::{Weights, WeightsError};

/// Side of the network's input, pixels.
pub const SIDE_PX: usize = 64;
const CHANNELS: [usize; 5] = [1, 16, 32, 64, 128];
const HIDDEN: usize = 128;
/// What a byte stands for: `(v - 127.5) / 64`.
const MEAN: f32 = 127.5;
const SCALE: f32 = 64.0;

/// Four 3x3 layers of step 2, then two full ones (weights/README.md); on the calling thread.
pub struct PointsNetwork {
    network: Network,
}

impl PointsNetwork {
    /// Reads `layers.{0..3}.{conv,bn}`, `fc0` and `fc1`, for an instruction set that this machine has.
    ///
    /// # Errors
    /// When a tensor is missing or misshapen.
    pub fn load(weights: &Weights, set: InstructionSet) -> Result<Self, WeightsError> {
        let full = |name: &str, from: usize, side: usize, to: usize| {
            Ok::<_, WeightsError>(Conv {
                c_in: from,
                c_out: to,
                kernel: side,
                stride: 1,
                pad: 0,
                // Flattened as (channel, row, column): a kernel that covers the whole picture.
                weight: weights.values(&format!("{name}.weight"), &[to, from * side * side])?,
                bias: weights.values(&format!("{name}.bias"), &[to])?,
            })
        };
        let mut b = Builder::new(set, 1, 1, CHANNELS[4]);
        let mut x = b.input(1, (SIDE_PX, SIDE_PX), 1); // [64, 64, 1]
        for i in 0..4 {
            let size = (CHANNELS[i], CHANNELS[i + 1]);
            let conv = Conv::load(weights, &format!("layers.{i}"), size, (3, 2, 1))?;
            let to = b.area(conv.c_out, conv.out_size(&x), false);
            x = b.conv(&[(&conv, x)], to, false, true);
        }
        let hidden = b.area(HIDDEN, (1, 1), false);
        b.conv(
            &[(&full("fc0", CHANNELS[4], 4, HIDDEN)?, x)],
            hidden,
            false,
            true,
        );
        let out = b.area(10, (1, 1), false);
        b.conv(&[(&full("fc1", HIDDEN, 1, 10)?, hidden)], out, false, false);
        Ok(Self {
            network: b.finish(vec![out]),
        })
    }

    /// x and y of each point over the picture's side, from `pixels [64, 64]`. Allocates nothing.
    pub fn read(&self, pixels: &[u8]) -> [[f32; 2]; 5] {
        let mut points = [[0.0; 2]; 5];
        let fill = |_, row: usize, values: &mut [f32]| {
            let bytes = pixels.iter().skip(row * SIDE_PX);
            for (value, &byte) in values.iter_mut().zip(bytes) {
                *value = (f32::from(byte) - MEAN) / SCALE;
            }
        };
        self.network.run(1, fill, |_, outputs| {
            for (point, xy) in points.iter_mut().zip(outputs.get(0).chunks_exact(2)) {
                point.copy_from_slice(xy);
            }
        });
        points
    }
}
