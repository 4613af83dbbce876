//! Where activations lie.

/// Activations of one layer in the arena: `[picture][height][width][stride]`, of which `channels` are meant. What lies
/// between `channels` and `stride` is zero, or never read.
#[derive(Debug, Clone, Copy)]
pub(in crate::model) struct Area {
    pub at: usize,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub stride: usize,
    /// Zeros around the picture, stored.
    pub pad: usize,
    /// Between two pictures; 0 where there is room for one alone.
    pub each: usize,
    /// What one of its bytes is worth, where it holds bytes; 0 where it holds f32. Its place in the arena (`at`) is in
    /// f32 all the same; its strides are in its own values.
    pub unit: f32,
}

impl Area {
    /// Where a pixel begins within its picture.
    pub fn pixel(&self, y: usize, x: usize) -> usize {
        self.stored(y + self.pad, x + self.pad)
    }

    /// The same, counted from the corner of the padding.
    pub(super) fn stored(&self, y: usize, x: usize) -> usize {
        (y * (self.width + 2 * self.pad) + x) * self.stride
    }

    /// Values of one picture.
    pub(super) fn len(&self) -> usize {
        (self.height + 2 * self.pad) * (self.width + 2 * self.pad) * self.stride
    }

    /// Where it begins, in its own values.
    pub fn begin(&self) -> usize {
        if self.holds_bytes() {
            4 * self.at
        } else {
            self.at
        }
    }

    pub fn holds_bytes(&self) -> bool {
        self.unit != 0.0
    }
}
