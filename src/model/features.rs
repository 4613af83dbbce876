//! What the network knows of a face, and how it can fail on one.

use smallvec::SmallVec;

use crate::labels::Estimate;

/// A head's feature: 128 values, in place.
pub type FeatureVec = SmallVec<[f32; 128]>;

/// What the network knows of one face on one frame: enough to read it alone, or within a sequence.
#[derive(Debug, Clone, PartialEq)]
pub struct Features {
    /// The expression head's feature, `[128]`.
    pub expression: FeatureVec,
    /// The affect head's feature, `[128]`.
    pub affect: FeatureVec,
    /// What the CNN says by itself; the CNN-GRU does not use it.
    pub alone: Estimate,
}

/// The network failed on a face. The text says how.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The device's word.
    #[error("the network failed on this device ({0}). Try --device cpu.")]
    Device(#[from] candle_core::Error),
    /// It answered with something that is no number.
    #[error(
        "the network's answer is not a number; the weights are damaged. Give others with --weights."
    )]
    NotANumber,
    /// A crop of another size or colour model than the network's.
    #[error("a crop of {got} bytes was given to a network that wants {wanted}.")]
    Crop {
        /// Bytes given.
        got: usize,
        /// Bytes wanted.
        wanted: usize,
    },
}
