//! One picture and when it was taken.

use std::sync::Arc;

/// Which frame, and when: what is known of a frame even when its pixels are gone.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct FrameStamp {
    /// Counts every frame that the source gave, from 0, those that were dropped later included.
    pub index: u64,
    /// Seconds: the container's own time stamp for a file, seconds since the source was opened for a camera.
    pub time_s: f64,
}

/// A picture as 8-bit RGB, upright, without padding.
#[derive(Clone, PartialEq)]
pub struct Frame {
    /// Its number and its time.
    pub stamp: FrameStamp,
    /// When it was captured, in seconds of the session's one monotonic clock
    /// (see [`crate::clock::Clock`]); `None` where nobody waits for it, as in a file.
    pub captured_s: Option<f64>,
    /// The file it came from, where a source has one file a frame.
    pub file: Option<Arc<str>>,
    width_px: usize,
    height_px: usize,
    rgb: Vec<u8>,
}

impl Frame {
    /// A frame from `width_px * height_px * 3` bytes, row by row, R G B.
    ///
    /// # Errors
    /// [`FrameSizeError`] when a side is zero or the number of bytes is not that.
    pub fn new(
        stamp: FrameStamp,
        width_px: usize,
        height_px: usize,
        rgb: Vec<u8>,
    ) -> Result<Self, FrameSizeError> {
        let wanted = width_px
            .checked_mul(height_px)
            .and_then(|pixels| pixels.checked_mul(3));
        if width_px == 0 || height_px == 0 || wanted != Some(rgb.len()) {
            return Err(FrameSizeError {
                width_px,
                height_px,
                bytes: rgb.len(),
            });
        }
        Ok(Self {
            stamp,
            captured_s: None,
            file: None,
            width_px,
            height_px,
            rgb,
        })
    }

    /// Width in pixels, at least 1.
    pub fn width_px(&self) -> usize {
        self.width_px
    }

    /// Height in pixels, at least 1.
    pub fn height_px(&self) -> usize {
        self.height_px
    }

    /// The pixels: `[height, width, 3]`, 0..=255.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }
}

impl std::fmt::Debug for Frame {
    // The pixels would fill the screen of whoever prints one.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frame")
            .field("stamp", &self.stamp)
            .field("captured_s", &self.captured_s)
            .field("file", &self.file)
            .field("size_px", &(self.width_px, self.height_px))
            .finish_non_exhaustive()
    }
}

/// The bytes handed over are not a picture of the size said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a picture of {width_px}x{height_px} pixels cannot have {bytes} bytes")]
pub struct FrameSizeError {
    width_px: usize,
    height_px: usize,
    bytes: usize,
}
