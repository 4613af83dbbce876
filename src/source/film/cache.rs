//! Decoded frames, as many as there is room for, those near the wanted one.

use std::collections::BTreeMap;

use super::Travel;
use crate::frame::Frame;

/// So many pictures are kept, however large they are.
const LEAST: usize = 4;

/// A frame that was passed counts as so many times further away than one that is to come.
const PASSED: usize = 4;

/// Frames by their numbers.
pub(super) struct Cache {
    frames: BTreeMap<usize, Frame>,
    bytes: usize,
    most_bytes: usize,
}

impl Cache {
    pub fn new(most_bytes: usize) -> Self {
        Self {
            frames: BTreeMap::new(),
            bytes: 0,
            most_bytes,
        }
    }

    /// How many frames of so many bytes there is room for.
    pub fn room(&self, frame_bytes: usize) -> usize {
        (self.most_bytes / frame_bytes.max(1)).max(LEAST)
    }

    pub fn has(&self, index: usize) -> bool {
        self.frames.contains_key(&index)
    }

    pub fn get(&self, index: usize) -> Option<Frame> {
        self.frames.get(&index).cloned()
    }

    pub fn clear(&mut self) {
        self.frames.clear();
        self.bytes = 0;
    }

    /// Keeps a frame; what is furthest from `want`, seen in the direction of travel, goes for it.
    pub fn put(&mut self, frame: Frame, want: usize, travel: Travel) {
        let index = frame.stamp.index as usize;
        self.bytes += frame.rgb().len();
        if let Some(old) = self.frames.insert(index, frame) {
            self.bytes -= old.rgb().len();
        }
        let away = |index: usize| {
            let passed = match travel {
                Travel::Forward => index < want,
                Travel::Backward => index > want,
            };
            index.abs_diff(want) * if passed { PASSED } else { 1 }
        };
        while self.bytes > self.most_bytes && self.frames.len() > LEAST {
            // One of both ends is the furthest.
            let (Some(low), Some(high)) =
                (self.frames.keys().next(), self.frames.keys().next_back())
            else {
                return;
            };
            let furthest = if away(*low) > away(*high) {
                *low
            } else {
                *high
            };
            if let Some(old) = self.frames.remove(&furthest) {
                self.bytes -= old.rgb().len();
            }
        }
    }

    /// The first frame from `index` on, up to `last`, that is not there.
    pub fn missing(&self, index: usize, last: usize) -> Option<usize> {
        (index..=last).find(|i| !self.has(*i))
    }

    /// The lowest frame of those that are there without a hole down from `index`.
    pub fn lowest(&self, index: usize) -> usize {
        let there = self.frames.range(..=index).rev().zip((0..=index).rev());
        there
            .take_while(|((have, _), wanted)| *have == wanted)
            .last()
            .map_or(index, |(_, lowest)| lowest)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::frame::FrameStamp;
    use proptest::prelude::*;

    fn frame(index: usize, pixels: usize) -> Frame {
        let stamp = FrameStamp {
            index: index as u64,
            time_s: 0.0,
        };
        Frame::new(stamp, pixels, 1, vec![0; pixels * 3]).unwrap()
    }

    #[test]
    fn what_was_passed_goes_first() {
        let mut cache = Cache::new(30 * 8);
        assert_eq!((cache.room(30), cache.room(1 << 40)), (8, LEAST));
        for index in 10..20 {
            cache.put(frame(index, 10), index, Travel::Forward);
        }
        assert_eq!(cache.lowest(19), 12);
        assert_eq!(
            (cache.missing(12, 25), cache.missing(12, 19)),
            (Some(20), None)
        );
        // Backwards from 13: what lies above goes for what lies below.
        for index in 7..12 {
            cache.put(frame(index, 10), 13, Travel::Backward);
        }
        assert_eq!((cache.lowest(13), cache.has(14)), (7, true));
        assert!(!cache.has(16));
        assert_eq!(cache.lowest(100), 100);
    }

    proptest! {
        #[test]
        fn it_never_holds_more_than_it_may(
            puts in prop::collection::vec((0usize..50, 1usize..40, 0usize..50, any::<bool>()), 1..100),
        ) {
            let mut cache = Cache::new(400);
            for (index, pixels, want, forward) in puts {
                let travel = if forward { Travel::Forward } else { Travel::Backward };
                cache.put(frame(index, pixels), want, travel);
                let held: usize = cache.frames.values().map(|f| f.rgb().len()).sum();
                prop_assert_eq!(held, cache.bytes);
                prop_assert!(held <= 400 || cache.frames.len() <= LEAST);
            }
        }
    }
}
