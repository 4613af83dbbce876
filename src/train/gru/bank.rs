//! What a finished CNN knows of every still face, and the windows that are composed of it, anew in each epoch.
//!
//! A face goes through the CNN once for each of its pictures: some appearances, and each of them moved a little, as a
//! still person is from frame to frame. A window is then a choice among them, which costs nothing.

use rayon::prelude::*;

use super::films::teach;
use super::kept::Kept;
use super::pictures::{Pictures, Stills};
use super::{Batch, MOST_FACES, STILL_PART, Taught, WINDOW, stream};
use crate::analysis::Crop;
use crate::labels::Expression;
use crate::model::config::AFFECT_BINS;
use crate::model::student::Student;
use crate::train::objective::Task;
use crate::train::phase::PhaseError;
use crate::train::random::Rng;
use crate::train::sampler::Weighted;
use crate::train::set::Labels;
use crate::train::teacher::{Teacher, on_average};

/// About so many pictures go through the network in one call.
const PICTURES: usize = 64;

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
    /// One an appearance, `[faces, looks]`.
    labels: Vec<Labels>,
    looks: usize,
    moves: usize,
    /// Of the expression head and of the affect head, `[faces, looks, moves, width]`.
    features: [Vec<f32>; 2],
    /// What a teacher knows of the same pictures; empty without one, and where it knows what the student does.
    taught: [Vec<f32>; 2],
    /// A CNN that teaches says the same of all frames that show a face.
    steady: bool,
    /// Faces are drawn by these weights; without, each once before any comes again.
    weighted: Option<Weighted>,
}

impl Bank {
    /// Runs the networks over all pictures of some faces. `votes`: these are learnt where there are any; `steady`: a CNN that
    /// teaches says the same of all frames that show a face. `kept`: what they said before a run was killed. `progress` is
    /// told how many faces are done, and says whether to go on.
    pub fn of(
        (stills, votes, steady): (Stills<'_>, bool, bool),
        pictures: Pictures<'_>,
        student: &Student,
        taught: Option<Taught<'_>>,
        weighted: Option<Weighted>,
        (kept, progress): (&mut Kept, &mut dyn FnMut(usize) -> bool),
    ) -> Result<Self, PhaseError> {
        let faces: Vec<usize> = (0..stills.places.len()).collect();
        let mut bank = Self {
            labels: faces
                .iter()
                .flat_map(|&at| pictures.labels(stills, at, votes))
                .collect(),
            looks: pictures.looks,
            moves: pictures.moves,
            weighted,
            steady,
            ..Self::default()
        };
        let another = taught.filter(|t| !t.is_cnn).map(|t| &t.teacher.student);
        let (own, theirs) = (
            student.config().heads.hidden,
            another.map_or(0, |teacher| teacher.config().heads.hidden),
        );
        let lengths =
            |faces: usize| [own, own, theirs, theirs].map(|n| faces * pictures.each() * n);
        let banks = bank.features.iter_mut().chain(&mut bank.taught);
        for (bank, values) in banks.zip(lengths(faces.len())) {
            bank.reserve_exact(values);
        }
        for part in faces.chunks(PICTURES.div_ceil(pictures.each())) {
            let crops = |student: &Student| -> Vec<Crop> {
                let each = part.par_iter();
                let each = each.flat_map_iter(|&at| pictures.of(stills, at, student.config()));
                each.collect()
            };
            let known = kept.next(lengths(part.len()), || {
                let [a, b] = know(student, &crops(student))?;
                let [c, d] = match another {
                    Some(teacher) => know(teacher, &crops(teacher))?,
                    None => Default::default(),
                };
                Ok([a, b, c, d])
            })?;
            let banks = bank.features.iter_mut().chain(&mut bank.taught);
            for (bank, known) in banks.zip(known) {
                bank.extend(known);
            }
            if !progress(part.len()) {
                return Err(PhaseError::Interrupted);
            }
        }
        Ok(bank)
    }

    /// Faces.
    pub fn len(&self) -> usize {
        self.labels.len() / self.looks.max(1)
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
    pub fn add<'a>(
        &'a self,
        window: &[Pick; WINDOW],
        teacher: Option<&Teacher>,
        batch: &mut Batch,
    ) {
        let known = |features: &'a [Vec<f32>; 2], head: usize| -> Vec<&'a [f32]> {
            let width = features[head].len() / (self.labels.len() * self.moves);
            let each = window.iter().map(|pick| {
                let at = pick.face as usize * self.looks * self.moves + pick.picture as usize;
                &features[head][at * width..(at + 1) * width]
            });
            each.collect()
        };
        let own = [known(&self.features, 0), known(&self.features, 1)];
        for (own, out) in own.iter().zip(&mut batch.features) {
            out.extend(own.iter().copied().flatten());
        }
        batch.labels.extend(window.iter().map(|pick| {
            let look = pick.picture as usize / self.moves;
            self.labels[pick.face as usize * self.looks + look]
        }));
        if let (Some(teacher), Some(taught)) = (teacher, &mut batch.taught) {
            let theirs = match self.taught[0].is_empty() {
                true => own,
                false => [known(&self.taught, 0), known(&self.taught, 1)],
            };
            let from = (taught.0.len(), taught.1.len());
            teach(teacher, [&theirs[0], &theirs[1]], taught);
            if self.steady && teacher.student.config().temporal.is_none() {
                let look = |pick: &Pick| (pick.face, pick.picture as usize / self.moves);
                let runs = window.chunk_by(|a, b| look(a) == look(b));
                let (expression, affect) = (&mut taught.0[from.0..], &mut taught.1[from.1..]);
                steady(runs.map(<[Pick]>::len), expression, affect);
            }
        }
    }
}

/// Puts the mean of what is said of each run of frames in the place of what is said of one: logits `[T * 7]`, `[T * 40]`.
fn steady(runs: impl Iterator<Item = usize>, expression: &mut [f32], affect: &mut [f32]) {
    let mut expression = expression.chunks_exact_mut(Expression::COUNT);
    let mut affect = affect.chunks_exact_mut(2 * AFFECT_BINS);
    for frames in runs {
        let mut rows: Vec<_> = (&mut expression).zip(&mut affect).take(frames).collect();
        let each = rows.iter().map(|(e, a)| (e.to_vec(), a.to_vec()));
        if let Some((e, a)) = on_average(each.collect()) {
            for row in &mut rows {
                row.0.copy_from_slice(&e);
                row.1.copy_from_slice(&a);
            }
        }
    }
}

/// What a network knows of some pictures, of the expression head and of the affect head.
pub(super) fn know(network: &Student, crops: &[Crop]) -> Result<[Vec<f32>; 2], PhaseError> {
    let mut known = [Vec::new(), Vec::new()];
    for picture in network.features(crops)? {
        known[0].extend_from_slice(&picture.expression);
        known[1].extend_from_slice(&picture.affect);
    }
    Ok(known)
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
