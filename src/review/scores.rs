//! Scores of any range of frames, quickly, from the one metrics module.

use std::ops::Range;

use super::track::{Rating, Track};
use crate::evaluate::matching::Scores;

/// Frames of a block: a range costs at most two of them and one merge for every whole block between.
const BLOCK: usize = 1024;

/// A frame's label beside its prediction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beside {
    /// The frame.
    pub frame: usize,
    /// What the network says.
    pub said: Rating,
    /// What the person says.
    pub label: Rating,
}

/// Takes a pair as `evaluate` takes it.
pub fn push(scores: &mut Scores, said: &Rating, label: &Rating) {
    if label.is_empty() {
        return;
    }
    scores.counts.rows += 1;
    scores.counts.valid += 1;
    let expression = said.expression.zip(label.expression);
    let valence = said.valence.zip(label.valence);
    let arousal = said.arousal.zip(label.arousal);
    if let Some((said, label)) = expression {
        scores.expression.push(said, label);
    }
    if let Some((said, label)) = valence {
        scores.valence.push(said, label);
    }
    if let Some((said, label)) = arousal {
        scores.arousal.push(said, label);
    }
    if expression.is_some() || valence.is_some() || arousal.is_some() {
        scores.counts.matched += 1;
    } else {
        scores.counts.unmatched += 1;
    }
}

/// The scores of blocks of frames, so that those of a range are a few merges.
#[derive(Debug, Clone, Default)]
pub struct RangeScores {
    blocks: Vec<Scores>,
}

impl RangeScores {
    /// Of all frames; two tracks of one length.
    pub fn new(said: &Track, labels: &Track) -> Self {
        let blocks = (0..labels.len().div_ceil(BLOCK))
            .map(|block| of(said, labels, block * BLOCK..(block + 1) * BLOCK))
            .collect();
        Self { blocks }
    }

    /// Takes up that the labels of these frames have changed.
    pub fn update(&mut self, said: &Track, labels: &Track, changed: Range<usize>) {
        if changed.is_empty() {
            return;
        }
        for block in changed.start / BLOCK..=(changed.end - 1) / BLOCK {
            if let Some(scores) = self.blocks.get_mut(block) {
                *scores = of(said, labels, block * BLOCK..(block + 1) * BLOCK);
            }
        }
    }

    /// The scores of these frames.
    pub fn range(&self, said: &Track, labels: &Track, frames: Range<usize>) -> Scores {
        let frames = frames.start..frames.end.min(labels.len());
        let (first, last) = (frames.start.div_ceil(BLOCK), frames.end / BLOCK);
        if first >= last {
            return of(said, labels, frames);
        }
        let mut scores = of(said, labels, frames.start..first * BLOCK);
        for block in &self.blocks[first..last] {
            scores.merge(block);
        }
        scores.merge(&of(said, labels, last * BLOCK..frames.end));
        scores
    }
}

fn of(said: &Track, labels: &Track, frames: Range<usize>) -> Scores {
    let mut scores = Scores::default();
    for frame in frames.start..frames.end.min(labels.len()) {
        push(&mut scores, &said.get(frame), &labels.get(frame));
    }
    scores
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labels::Expression;
    use proptest::prelude::*;

    fn track(seed: u64, frames: usize) -> Track {
        let mut track = Track::empty(frames);
        let mut state = seed;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            (state >> 33) as usize
        };
        for frame in 0..frames {
            let (e, v, a) = (next() % 9, next() % 50, next() % 50);
            track.set(
                frame,
                Rating {
                    expression: Expression::ALL.get(e).copied(),
                    valence: (v < 41).then(|| v as f64 / 20.0 - 1.0),
                    arousal: (a < 41).then(|| a as f64 / 20.0 - 1.0),
                },
            );
        }
        track
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]
        #[test]
        fn a_range_has_the_scores_of_its_frames_after_any_change(
            frames in 1usize..5000, a in 0usize..5000, b in 0usize..5000, at in 0usize..5000, seed in any::<u64>(),
        ) {
            let (said, mut labels) = (track(seed, frames), track(!seed, frames));
            let mut scores = RangeScores::new(&said, &labels);
            labels.set(at, Rating { expression: Some(Expression::Fear), valence: Some(0.5), arousal: None });
            scores.update(&said, &labels, at..at + 1);
            let range = a.min(b)..a.max(b);
            let (quick, slow) = (scores.range(&said, &labels, range.clone()), of(&said, &labels, range));
            prop_assert_eq!(quick.expression, slow.expression);
            prop_assert_eq!(quick.counts, slow.counts);
            for (quick, slow) in [(quick.valence, slow.valence), (quick.arousal, slow.arousal)] {
                prop_assert_eq!(quick.count(), slow.count());
                match (quick.ccc(), slow.ccc()) {
                    (Some(quick), Some(slow)) => prop_assert!((quick - slow).abs() < 1e-9),
                    (quick, slow) => prop_assert_eq!(quick, slow),
                }
            }
        }
    }
}
