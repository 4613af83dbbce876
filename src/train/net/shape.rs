//! The backbone's blocks, in their order: what each reads and how wide it is.

use super::store::padded;
use crate::model::config::{BackboneConfig, CROP_SIDE_PX, pooled_side};

/// A bottleneck block.
pub(super) struct BlockShape {
    name: String,
    /// Channels that are stored of what it reads.
    pub from: usize,
    /// Channels within.
    pub width: usize,
    /// Channels that come out.
    pub wide: usize,
    /// Side of what it reads.
    pub side: usize,
    /// Side of what comes out.
    pub to: usize,
    /// Step of its first convolution, and of the projection.
    pub step: usize,
    /// Its input is projected, since it has another shape.
    pub projects: bool,
}

impl BlockShape {
    /// The name of one of its convolutions, as in a weights file.
    pub fn part(&self, part: &str) -> String {
        format!("{}.{part}", self.name)
    }
}

/// Side of what comes out of the stem's pool.
pub(super) fn pooled_stem_side() -> usize {
    pooled_side(CROP_SIDE_PX / 2)
}

/// All blocks. The first of a stage projects and, but in the first stage, steps.
pub(super) fn blocks(config: &BackboneConfig) -> Vec<BlockShape> {
    let (mut from, mut side) = (padded(config.stem), pooled_stem_side());
    let mut all = Vec::new();
    for (stage, (&width, &count)) in config.widths.iter().zip(&config.blocks).enumerate() {
        let wide = width * config.expansion;
        for block in 0..count {
            let step = if block == 0 && stage > 0 { 2 } else { 1 };
            let to = side.div_ceil(step);
            all.push(BlockShape {
                name: format!("backbone.stages.{stage}.{block}"),
                from,
                width,
                wide,
                side,
                to,
                step,
                projects: block == 0,
            });
            (from, side) = (padded(wide), to);
        }
    }
    all
}
