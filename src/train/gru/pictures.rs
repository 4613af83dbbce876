//! Which pictures of a still face the recurrent heads learn from: its appearances, each moved a little.

use super::{crop, crop_of, network_crop, stream};
use crate::analysis::Crop;
use crate::face::align::TEMPLATE_PX;
use crate::model::config::{CROP_SIDE_PX, StudentConfig};
use crate::train::augment::Augment;
use crate::train::loader::{Place, over, shares};
use crate::train::random::Rng;
use crate::train::set::{Labels, Sample};

/// From one frame to the next a face moves this little: what a detector and a still person do. Light changes with it.
const STILL: Augment = Augment {
    flip: 0.0,
    turn_degrees: 2.0,
    scale: 0.02,
    shift_px: 1.0,
    landmarks_px: 0.5,
    gain: 0.05,
    bias: 4.0,
    noise: 1.0,
    noise_levels: 4.0,
    ..Augment::NONE
};
/// Which pictures there are of each face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pictures<'a> {
    /// Appearances.
    pub looks: usize,
    /// Pictures of each: the first is the appearance itself, the others are moved a little.
    pub moves: usize,
    /// What an appearance is; [`Augment::NONE`]: the face as it is, in which case there is one.
    pub seen_as: &'a Augment,
    /// Chance that another face lies over an appearance, by any part up to a half.
    pub mix: f64,
    /// All that is random comes from it, and from the face's place.
    pub seed: u64,
}

/// The still faces of a split and task.
#[derive(Clone, Copy)]
pub(super) struct Stills<'a> {
    /// Where they are.
    pub places: &'a [Place],
    /// A face of a place.
    pub sample: &'a (dyn Fn(Place) -> Sample<'a> + Sync),
}

impl<'a> Stills<'a> {
    fn face(&self, at: usize) -> Sample<'a> {
        (self.sample)(self.places[at])
    }
}

impl Pictures<'_> {
    /// Pictures of a face.
    pub fn each(&self) -> usize {
        self.looks * self.moves
    }

    /// Bytes of what is kept of them all: `width` numbers of either head, of one network or two.
    pub fn bytes(&self, faces: usize, width: usize, networks: usize) -> u64 {
        (faces * self.each() * 2 * width * networks * size_of::<f32>()) as u64
    }

    fn rng(&self, kind: u64, (s, i): Place, look: usize, moved: usize) -> Rng {
        let place = [s, i, look, moved].map(|v| v as u64);
        Rng::stream(self.seed, &[&[kind][..], &place].concat())
    }

    /// Which face lies over an appearance of another, by which part, and by which numbers it is seen.
    fn guest(&self, stills: Stills<'_>, at: usize, look: usize) -> Option<(usize, f32, Rng)> {
        let mut rng = self.rng(stream::GUEST, stills.places[at], look, 0);
        let mixed = rng.chance(self.mix);
        mixed.then(|| {
            let part = rng.between(0.0, 0.5) as f32;
            (rng.below(stills.places.len()), part, rng)
        })
    }

    /// What is known of each appearance of a face. Of one that another face lies over it is a mean, of the votes or of the
    /// labels, and no expression alone.
    pub fn labels(&self, stills: Stills<'_>, at: usize, votes: bool) -> Vec<Labels> {
        let own = stills.face(at).labels;
        let each = (0..self.looks).map(|look| {
            let Some((guest, part, _)) = self.guest(stills, at, look) else {
                return *own;
            };
            let guest = stills.face(guest).labels;
            let mean = |values: [f32; 2]| (1.0 - part) * values[0] + part * values[1];
            let (a, b) = (shares(own, votes), shares(guest, votes));
            Labels {
                expression: None,
                votes: own
                    .expression
                    .and(guest.expression)
                    .map(|_| std::array::from_fn(|i| mean([a[i], b[i]]))),
                affect: own
                    .affect
                    .zip(guest.affect)
                    .map(|(a, b)| std::array::from_fn(|i| mean([a[i], b[i]]))),
            }
        });
        each.collect()
    }

    /// All pictures of a face as a network takes them, look by look.
    pub fn of(&self, stills: Stills<'_>, at: usize, config: &StudentConfig) -> Vec<Crop> {
        let place = stills.places[at];
        let sample = stills.face(at);
        let plain = *self.seen_as == Augment::NONE;
        let mut all = Vec::with_capacity(self.each());
        for look in 0..self.looks {
            let rng = &mut self.rng(stream::LOOK, place, look, 0);
            let mut seen = crop(&sample, config, self.seen_as, rng);
            let guest = self.guest(stills, at, look);
            let as_it_is = plain && guest.is_none();
            if let Some((guest, part, mut rng)) = guest {
                let own = seen.len();
                seen.extend(crop(&stills.face(guest), config, self.seen_as, &mut rng));
                over(&mut seen, &[part, 0.0], |level| (level + 0.5) as u8);
                seen.truncate(own);
            }
            let others = (1..self.moves).map(|moved| {
                let rng = &mut self.rng(stream::MOVE, place, look, moved);
                let pixels = if as_it_is {
                    crop(&sample, config, &STILL, rng)
                } else {
                    // One picture of the face, which then moves. It is enlarged already.
                    let seen = Sample {
                        pixels: &seen,
                        width_px: CROP_SIDE_PX,
                        height_px: CROP_SIDE_PX,
                        channels: config.backbone.color.channels(),
                        landmarks: TEMPLATE_PX,
                        ..sample
                    };
                    crop_of(&seen, (config, CROP_SIDE_PX), &STILL, rng)
                };
                network_crop(config, pixels)
            });
            let others: Vec<Crop> = others.collect();
            all.push(network_crop(config, seen));
            all.extend(others);
        }
        all
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
