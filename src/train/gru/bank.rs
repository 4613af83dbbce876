//! What a finished CNN knows of every still face, and the windows that are composed of it, anew in each epoch.
//!
//! A face goes through the CNN once for each of its pictures: some appearances, and each of them moved a little, as a
//! still person is from frame to frame. A window is then a choice among them, which costs nothing.

use rayon::prelude::*;

use super::films::teach;
use super::{Batch, MOST_FACES, STILL_PART, WINDOW, crop, crop_of, network_crop, stream};
use crate::analysis::Crop;
use crate::face::align::TEMPLATE_PX;
use crate::model::config::{CROP_SIDE_PX, StudentConfig};
use crate::model::student::{Features, Student};
use crate::train::augment::Augment;
use crate::train::loader::Place;
use crate::train::objective::Task;
use crate::train::phase::PhaseError;
use crate::train::random::Rng;
use crate::train::sampler::Weighted;
use crate::train::set::{Labels, Sample, Set};
use crate::train::teacher::Teacher;

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
/// About so many pictures go through the network in one call.
const PICTURES: usize = 64;

/// Which pictures there are of each face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pictures<'a> {
    /// Appearances.
    pub looks: usize,
    /// Pictures of each: the first is the appearance itself, the others are moved a little.
    pub moves: usize,
    /// What an appearance is; [`Augment::NONE`]: the face as it is, in which case there is one.
    pub seen_as: &'a Augment,
    /// All that is random comes from it, and from the face's place.
    pub seed: u64,
}

impl Pictures<'_> {
    /// Pictures of a face.
    fn each(&self) -> usize {
        self.looks * self.moves
    }

    /// Bytes of what is kept of them all: `width` numbers of either head, of one network or two.
    pub fn bytes(&self, faces: usize, width: usize, networks: usize) -> u64 {
        (faces * self.each() * 2 * width * networks * size_of::<f32>()) as u64
    }

    /// All pictures of a face as a network takes them, look by look.
    fn of(&self, sample: &Sample<'_>, (s, i): Place, config: &StudentConfig) -> Vec<Crop> {
        let at = |kind: u64, look: usize, moved: usize| {
            let place = [s, i, look, moved].map(|v| v as u64);
            Rng::stream(self.seed, &[&[kind][..], &place].concat())
        };
        let plain = *self.seen_as == Augment::NONE;
        let mut all = Vec::with_capacity(self.each());
        for look in 0..self.looks {
            let rng = &mut at(stream::LOOK, look, 0);
            let seen = crop(sample, config, self.seen_as, rng);
            let others = (1..self.moves).map(|moved| {
                let rng = &mut at(stream::MOVE, look, moved);
                let pixels = if plain {
                    crop(sample, config, &STILL, rng)
                } else {
                    // One picture of the face, which then moves. It is enlarged already.
                    let seen = Sample {
                        pixels: &seen,
                        width_px: CROP_SIDE_PX,
                        height_px: CROP_SIDE_PX,
                        channels: config.backbone.color.channels(),
                        landmarks: TEMPLATE_PX,
                        ..*sample
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

/// A picture of a face of the bank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pick {
    /// Which face.
    pub face: u32,
    /// Which of its pictures, look by look.
    pub picture: u32,
}

/// The faces.
#[derive(Default)]
pub(super) struct Bank {
    /// One a face.
    labels: Vec<Labels>,
    looks: usize,
    moves: usize,
    /// Values of either head's feature.
    width: usize,
    /// Of the expression head and of the affect head, `[faces, looks, moves, width]`.
    features: [Vec<f32>; 2],
    /// What a teacher knows of the same pictures; empty without one.
    taught: Vec<Features>,
    /// Faces are drawn by these weights; without, each once before any comes again.
    weighted: Option<Weighted>,
}

impl Bank {
    /// Runs the networks over all pictures of some faces. `progress` is told how many faces are done, and says whether to
    /// go on.
    pub fn of(
        (sets, faces): (&[Set], &[Place]),
        pictures: Pictures<'_>,
        student: &Student,
        teacher: Option<&Teacher>,
        weighted: Option<Weighted>,
        progress: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Self, PhaseError> {
        let mut bank = Self {
            labels: faces
                .iter()
                .map(|&(s, i)| *sets[s].sample(i).labels)
                .collect(),
            looks: pictures.looks,
            moves: pictures.moves,
            width: student.config().heads.hidden,
            weighted,
            ..Self::default()
        };
        let values = faces.len() * pictures.each() * bank.width;
        for features in &mut bank.features {
            features.reserve_exact(values);
        }
        for part in faces.chunks(PICTURES.div_ceil(pictures.each())) {
            let crops = |student: &Student| -> Vec<Crop> {
                let each = part.par_iter();
                let each = each.flat_map_iter(|&(s, i)| {
                    pictures.of(&sets[s].sample(i), (s, i), student.config())
                });
                each.collect()
            };
            for picture in student.features(&crops(student))? {
                bank.features[0].extend_from_slice(&picture.expression);
                bank.features[1].extend_from_slice(&picture.affect);
            }
            if let Some(teacher) = teacher {
                let teacher = &teacher.student;
                bank.taught.extend(teacher.features(&crops(teacher))?);
            }
            if !progress(part.len()) {
                return Err(PhaseError::Interrupted);
            }
        }
        Ok(bank)
    }

    /// Faces.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// The windows of an epoch. Some show one picture that does not change, as `train eval` reads a still; the others up
    /// to three faces, one after the other, each in one appearance that moves a little.
    pub fn compose(
        &self,
        made: usize,
        (seed, task, epoch): (u64, Task, usize),
    ) -> Vec<[Pick; WINDOW]> {
        if self.labels.is_empty() {
            return Vec::new();
        }
        let mut order = Order {
            bank: self,
            rng: Rng::stream(seed, &[stream::FACES, task as u64, epoch as u64]),
            left: Vec::new(),
        };
        let windows = (0..made).map(|w| {
            let place = [stream::MADE, task as u64, epoch as u64, w as u64];
            let mut rng = Rng::stream(seed, &place);
            let still = rng.chance(STILL_PART);
            let faces = if still { 1 } else { 1 + rng.below(MOST_FACES) };
            let mut cuts: Vec<usize> = (1..faces).map(|_| rng.below(WINDOW)).collect();
            cuts.sort_unstable();
            let mut window = [Pick {
                face: 0,
                picture: 0,
            }; WINDOW];
            let mut from = 0;
            for end in cuts.into_iter().chain([WINDOW]) {
                // A face of no frame is none.
                if from == end {
                    continue;
                }
                let face = order.next();
                let first = rng.below(self.looks) * self.moves;
                for pick in &mut window[from..end] {
                    let moved = if still { 0 } else { rng.below(self.moves) };
                    let picture = (first + moved) as u32;
                    *pick = Pick { face, picture };
                }
                from = end;
            }
            window
        });
        windows.collect()
    }

    /// A window that shows the first picture of a face all the time.
    pub fn still(&self, face: usize) -> [Pick; WINDOW] {
        let face = face as u32;
        [Pick { face, picture: 0 }; WINDOW]
    }

    /// Puts a window into a batch; `teacher` is whose the bank's own features of a teacher are.
    pub fn add(
        &self,
        window: &[Pick; WINDOW],
        teacher: Option<&Teacher>,
        batch: &mut Batch,
    ) -> Result<(), PhaseError> {
        let at = |pick: &Pick| pick.face as usize * self.looks * self.moves + pick.picture as usize;
        for pick in window {
            let from = at(pick) * self.width;
            for (features, out) in self.features.iter().zip(&mut batch.features) {
                out.extend_from_slice(&features[from..from + self.width]);
            }
            batch.labels.push(self.labels[pick.face as usize]);
        }
        if let (Some(teacher), Some(taught)) = (teacher, &mut batch.taught) {
            let steps: Vec<&Features> = window.iter().map(|pick| &self.taught[at(pick)]).collect();
            teach(teacher, &steps, taught);
        }
        Ok(())
    }
}

/// In which order an epoch takes the faces.
struct Order<'a> {
    bank: &'a Bank,
    rng: Rng,
    /// Those that have not come yet since all had.
    left: Vec<u32>,
}

impl Order<'_> {
    fn next(&mut self) -> u32 {
        if let Some(weighted) = &self.bank.weighted {
            return weighted.draw(&mut self.rng) as u32;
        }
        if self.left.is_empty() {
            self.left = (0..self.bank.len() as u32).collect();
            self.rng.shuffle(&mut self.left);
        }
        self.left.pop().unwrap_or_default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
