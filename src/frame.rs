//! One picture and when it was taken.

use std::ops::Deref;
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
    rgb: Pixels,
}

impl Frame {
    /// A frame from `width_px * height_px * 3` bytes, row by row, R G B. A source of many frames takes them from a
    /// [`PixelPool`].
    ///
    /// # Errors
    /// [`FrameSizeError`] when a side is zero or the number of bytes is not that.
    pub fn new(
        stamp: FrameStamp,
        width_px: usize,
        height_px: usize,
        rgb: impl Into<Pixels>,
    ) -> Result<Self, FrameSizeError> {
        let rgb = rgb.into();
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

/// Bytes of a picture, shared: a clone is another hold on the same bytes, and nobody changes them.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Pixels(Arc<Vec<u8>>);

impl Deref for Pixels {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Pixels {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Arc::new(bytes))
    }
}

impl FromIterator<u8> for Pixels {
    fn from_iter<I: IntoIterator<Item = u8>>(bytes: I) -> Self {
        Vec::from_iter(bytes).into()
    }
}

impl<'a> IntoIterator for &'a Pixels {
    type Item = &'a u8;
    type IntoIter = std::slice::Iter<'a, u8>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl std::fmt::Debug for Pixels {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pixels({} bytes)", self.len())
    }
}

/// Frames that a source lets go round: those that the live session holds at once, with a look-ahead of half a second.
pub const POOLED_FRAMES: usize = 24;

/// Buffers that go round: one is filled again once nobody holds its pixels any more, wherever they went. In the
/// steady state a stream of pictures allocates nothing.
#[derive(Debug)]
pub struct PixelPool {
    buffers: Vec<Arc<Vec<u8>>>,
    most: usize,
}

impl PixelPool {
    /// A pool that keeps at most so many buffers; what is taken beyond them is not kept.
    pub fn new(most: usize) -> Self {
        Self {
            buffers: Vec::with_capacity(most),
            most,
        }
    }

    /// Pixels as `write` makes them. It is given exactly `bytes` bytes with anything in them, and must set them all.
    ///
    /// # Errors
    /// What `write` says; the buffer stays in the pool.
    pub fn fill<E>(
        &mut self,
        bytes: usize,
        write: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<Pixels, E> {
        let free = self
            .buffers
            .iter_mut()
            .position(|buffer| Arc::get_mut(buffer).is_some());
        let at = match free {
            Some(at) => at,
            None if self.buffers.len() < self.most => {
                self.buffers.push(Arc::default());
                self.buffers.len() - 1
            }
            None => {
                let mut buffer = vec![0; bytes];
                write(&mut buffer)?;
                return Ok(buffer.into());
            }
        };
        let buffer = &mut self.buffers[at];
        // Nobody else holds it: this takes the buffer as it is and clones nothing.
        let own = Arc::make_mut(buffer);
        if own.capacity() > 2 * bytes {
            // The source has smaller pictures now.
            *own = Vec::new();
        }
        own.resize(bytes, 0);
        write(own)?;
        Ok(Pixels(Arc::clone(buffer)))
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_held_never_changes_and_what_is_not_goes_round(
            steps in prop::collection::vec((1usize..50, 0usize..6, any::<bool>()), 1..80), most in 0usize..5,
        ) {
            let mut pool = PixelPool::new(most);
            let mut held: Vec<(u8, usize, Pixels)> = Vec::new();
            for (i, (bytes, drop, fails)) in steps.into_iter().enumerate() {
                let value = i as u8;
                let made = pool.fill(bytes, |buffer| {
                    assert_eq!(buffer.len(), bytes);
                    buffer.fill(value);
                    if fails { Err("no") } else { Ok(()) }
                });
                prop_assert_eq!(made.is_err(), fails);
                held.extend(made.ok().map(|pixels| (value, bytes, pixels)));
                if drop < held.len() {
                    held.swap_remove(drop);
                }
                prop_assert!(pool.buffers.len() <= most);
                for (value, bytes, pixels) in &held {
                    prop_assert_eq!(&**pixels, &vec![*value; *bytes][..]);
                }
            }
        }
    }

    #[test]
    fn a_buffer_that_came_back_is_the_next_one() {
        let mut pool = PixelPool::new(2);
        let mut one = |value: u8| {
            pool.fill(9, |buffer| {
                buffer.fill(value);
                Ok::<_, ()>(())
            })
            .unwrap()
        };
        let (a, b) = (one(1), one(2));
        let place = a.as_ptr();
        drop(a);
        let c = one(3);
        assert_eq!((c.as_ptr(), c[0], b[0]), (place, 3, 2));
    }
}
