//! Training the landmark network: five points in a detector's box, and whether it is a face at all.
//!
//! It learns from packed sets whose landmarks are the database's own. Every view of a face is drawn anew: the box off as
//! a detector's is and more, the face turned in the picture, in little or one-sided light, in few pixels, partly covered, or in a picture that ends where the box does.
//! A part of the views shows no face: the box beside it, far too large or too small, the face upside down or in pieces.

pub mod check;
pub mod config;
pub mod views;

use std::path::{Path, PathBuf};

use candle_core::{D, Device, Tensor};
use rayon::prelude::*;

use self::check::Condition;
use self::config::LandmarksConfig;
use self::views::{Kind, View, draw};
use super::ahead::ahead;
use super::checkpoint::CheckpointError;
use super::config::NOTHING;
use super::held::Held;
use super::loader::Place;
use super::net::{Points, Store};
use super::phase::begun::{self, known};
use super::phase::{Learning, Phase, PhaseError, Step, Verdict, Watch};
use super::random::Rng;
use super::set::{Set, Split};
use crate::formats::output::write_whole;
use crate::model::conv::isa::InstructionSet;
use crate::model::points::{PLACES, PointsConfig, PointsNetwork};
use crate::model::weights::Weights;

/// The name of the phase and of its files.
pub const PHASE: &str = "landmarks";
/// The weights that come out.
pub const WEIGHTS_FILE: &str = "landmarks.safetensors";

/// What the face score counts beside the points.
const FACE_PART: f64 = 0.2;
/// Distances this much below an eye distance count as squares: a slope that is none has no direction.
const SOFT: f64 = 0.01;
/// Added to the spread of the random numbers of training, so that those of other uses differ.
const VIEW_STREAM: u64 = 11;
const ORDER_STREAM: u64 = 12;

/// A run: what it is told, and its sets.
pub struct LandmarksRun<'a> {
    /// What it is told.
    pub config: &'a LandmarksConfig,
    /// Its sets.
    pub sets: &'a [Set],
    /// Where checkpoint, log and weights go.
    pub out: &'a Path,
    /// Threads that make batches.
    pub makers: usize,
}

impl LandmarksRun<'_> {
    /// Trains to the end, from the checkpoint that is there; gives the weights file, scored on the validation split.
    ///
    /// # Errors
    /// [`PhaseError`].
    pub fn run(&self, watch: &mut dyn Watch) -> Result<PathBuf, PhaseError> {
        let network = self.config.network();
        let mut begin = Store::of_points(&network);
        let mut rng = Rng::stream(self.config.seed, &[0]);
        begin.begin(|| rng.unit() as f32);
        let mut start = self.config.start.clone();
        if start != NOTHING {
            let weights = Weights::load(Some(Path::new(&start)))?;
            begin.load(&weights, |_| false)?;
            start = weights.sha256;
        }
        let mut learning = LandmarkLearning::new(self, &network, &begin)?;
        let phase = Phase {
            name: PHASE,
            folder: self.out.to_owned(),
            course: self.config.course.course(),
            adam: self.config.adam,
            checkpoint_every: usize::MAX,
            of: self.depends_on(&start),
        };
        let _held = Held::hold(self.out)?;
        let (store, _) = phase.run(&mut learning, begin, watch)?;
        let file = self.out.join(WEIGHTS_FILE);
        let card = &self.config.card;
        let mut network = PointsConfig {
            origin: format!("affectscope {} train landmarks", env!("CARGO_PKG_VERSION")),
            trained_on: card.trained_on.clone(),
            licence: card.licence.clone(),
            ..network
        };
        let weights = weights_of(&store, &store.values, &network)?;
        network.scores = check::check(&weights, self.sets)?.card();
        let bytes = bytes_of(&store, &store.values, &network)?;
        write_whole(&file, &bytes, true).map_err(CheckpointError::from)?;
        Ok(file)
    }

    /// All that the numbers depend on; neither threads nor where things lie.
    fn depends_on(&self, start: &str) -> String {
        let sets = self.sets.iter();
        let sets: Vec<_> = sets.map(|set| &set.manifest().files).collect();
        let config = self.config;
        begun::all(&[
            known("seed", &config.seed),
            known("start", &start),
            known("network", &config.network),
            known("views", &config.views),
            known("augment", &config.augment),
            known("adam", &config.adam),
            known("course", &config.course),
            known("sets", &sets),
        ])
    }
}

/// A weights file's bytes.
fn bytes_of(store: &Store, values: &[f32], network: &PointsConfig) -> Result<Vec<u8>, PhaseError> {
    let json = serde_json::to_string(network).map_err(|e| PhaseError::NoFaces(e.to_string()))?;
    Ok(store.to_safetensors(values, &json)?)
}

/// Weights that run, of these values.
fn weights_of(
    store: &Store,
    values: &[f32],
    network: &PointsConfig,
) -> Result<Weights, PhaseError> {
    let bytes = bytes_of(store, values, network)?;
    Ok(Weights::from_bytes(&bytes, "in training", "in training")?)
}

/// The faces of a split whose landmarks are the database's own.
pub fn places(sets: &[Set], split: Split) -> Vec<Place> {
    let mut all = Vec::new();
    for (s, set) in sets.iter().enumerate() {
        if set.manifest().made.has_own_landmarks() {
            all.extend(set.indices(split, |_| true).into_iter().map(|i| (s, i)));
        }
    }
    all
}

/// The network and what it learns from.
struct LandmarkLearning<'a> {
    run: &'a LandmarksRun<'a>,
    network: PointsConfig,
    learner: Points,
    places: Vec<Place>,
    /// Of the validation split, always the same: by condition.
    validation: Vec<(&'static str, Vec<View>)>,
    no_faces: Vec<View>,
}

impl<'a> LandmarkLearning<'a> {
    fn new(
        run: &'a LandmarksRun<'a>,
        network: &PointsConfig,
        store: &Store,
    ) -> Result<Self, PhaseError> {
        let (sets, batch) = (run.sets, run.config.course.batch);
        let [training, validation] =
            [Split::Train, Split::Validation].map(|split| places(sets, split));
        if training.len() < batch || validation.is_empty() {
            return Err(PhaseError::NoFaces(format!(
                "The sets have {} faces to learn from and {} to validate on whose landmarks are the database's own; \
                 a batch of {batch} is the least. `--format faces13k` gives such a set; where landmarks were found by this \
                 program's network there is nothing to learn.",
                training.len(),
                validation.len()
            )));
        }
        let of = |condition: &Condition| -> Vec<View> {
            let views = validation.par_iter().enumerate();
            views
                .map(|(i, &(s, face))| condition.view(&sets[s].sample(face), i as u64))
                .collect()
        };
        Ok(Self {
            learner: Points::new(InstructionSet::chosen(), store, network, batch)?,
            network: network.clone(),
            places: training,
            // What is not learnt is not chosen by.
            validation: Condition::ALL
                .iter()
                .filter(|c| !c.tight || run.config.views.tight > 0.0)
                .map(|c| (c.error_key, of(c)))
                .collect(),
            no_faces: of(&Condition::NO_FACE),
            run,
        })
    }

    fn batch(&self, order: &[usize], [epoch, step]: [usize; 2]) -> Batch {
        let config = self.run.config;
        let size = config.course.batch;
        let mut batch = Batch::default();
        for (i, &at) in order[step * size..(step + 1) * size].iter().enumerate() {
            let place = [VIEW_STREAM, epoch as u64, step as u64, i as u64];
            let mut rng = Rng::stream(config.seed, &place);
            let of = |at: usize| {
                let (s, face) = self.places[at];
                self.run.sets[s].sample(face)
            };
            let other = rng.below(self.places.len());
            batch.add(&draw(
                &of(at),
                Some(&of(other)),
                &config.views,
                &config.augment,
                &mut rng,
            ));
        }
        batch
    }
}

/// Views and what the network is to say of them.
#[derive(Default)]
struct Batch {
    /// `[B, 64, 64]`
    pixels: Vec<u8>,
    /// `[B, 5, 2]`, over the side.
    points: Vec<f32>,
    /// `[B]`: what an error of a side counts, in eye distances; 0 where there is no face.
    weights: Vec<f32>,
    /// `[B]`: 1 a face, 0 none.
    faces: Vec<f32>,
    /// `[B]`: 0 where it can be said either way.
    sure: Vec<f32>,
}

impl Batch {
    fn add(&mut self, view: &View) {
        self.pixels.extend(&view.pixels);
        self.points.extend(view.points.as_flattened());
        let there = view.kind != Kind::NoFace;
        self.weights.push(if there { 1.0 / view.eyes } else { 0.0 });
        self.faces.push(f32::from(view.kind == Kind::Face));
        self.sure.push(f32::from(view.kind != Kind::Between));
    }

    /// The loss of the network's numbers `out [B, 11]`: of the points, in eye distances; of the face score, in nats; both.
    fn loss(&self, out: &Tensor) -> candle_core::Result<[Tensor; 3]> {
        let size = self.faces.len();
        let row = |values: &[f32]| Tensor::from_slice(values, size, &Device::Cpu); // [B]
        let points = out.narrow(1, 0, PLACES)?.reshape((size, 5, 2))?; // [B, 5, 2]
        let wanted = Tensor::from_slice(&self.points, (size, 5, 2), &Device::Cpu)?;
        let weights = row(&self.weights)?;
        let off = (points - wanted)?.broadcast_mul(&weights.reshape((size, 1, 1))?)?;
        let apart = ((off.sqr()?.sum(D::Minus1)? + SOFT * SOFT)?.sqrt()? - SOFT)?; // [B, 5]
        let there = self.weights.iter().filter(|w| **w > 0.0).count().max(1);
        let points = (apart.mean(1)?.sum_all()? / there as f64)?;
        if out.dim(1)? == PLACES {
            let none = Tensor::zeros((), out.dtype(), out.device())?;
            return Ok([points.clone(), none, points]);
        }
        let logit = out.narrow(1, PLACES, 1)?.squeeze(1)?; // [B]
        // ln(1 + e^x) - x y, without large powers.
        let soft = (logit.relu()? + (logit.abs()?.neg()?.exp()? + 1.0)?.log()?)?;
        let each = ((soft - (logit * row(&self.faces)?)?)? * row(&self.sure)?)?;
        let sure = self.sure.iter().sum::<f32>().max(1.0);
        let face = (each.sum_all()? / f64::from(sure))?;
        let total = (&points + (&face * FACE_PART)?)?;
        Ok([points, face, total])
    }
}

impl Learning for LandmarkLearning<'_> {
    fn steps(&self) -> usize {
        self.places.len() / self.run.config.course.batch
    }

    fn parts(&self) -> &'static [&'static str] {
        &["points", "face"]
    }

    fn learns(&self, _: &str) -> bool {
        true
    }

    fn epoch(&mut self, epoch: usize, from: usize, step: &mut Step<'_>) -> Result<(), PhaseError> {
        let mut order: Vec<usize> = (0..self.places.len()).collect();
        let place = [ORDER_STREAM, epoch as u64];
        Rng::stream(self.run.config.seed, &place).shuffle(&mut order);
        let steps = from..self.steps();
        // The network is the worker's, the rest the makers'.
        let network = self.network.clone();
        let store = Store::of_points(&network);
        let placeholder = Points::new(InstructionSet::chosen(), &store, &network, 1)?;
        let mut learner = std::mem::replace(&mut self.learner, placeholder);
        let maker = &*self;
        let result = ahead(
            maker.run.makers,
            steps,
            |number| maker.batch(&order, [epoch, number]),
            |number, batch: &Batch| {
                step(number, learner.batch(), &mut |store, grads| {
                    let pass = learner.forward(store, &batch.pixels)?;
                    let [points, face, total] = batch.loss(&pass.out)?;
                    learner.backward(store, &pass, &total, grads)?;
                    let [points, face, total] =
                        [points, face, total].map(|part| part.to_scalar::<f32>().map(f64::from));
                    Ok([points?, face?, 0.0, 0.0, total?])
                })
            },
        );
        self.learner = learner;
        result
    }

    fn validate(&mut self, store: &Store, values: &[f32]) -> Result<Verdict, PhaseError> {
        let weights = weights_of(store, values, &self.network)?;
        let network = PointsNetwork::load(&weights, InstructionSet::chosen())?;
        let mut verdict = Verdict::default();
        let mut sum = 0.0;
        let mut faces = Vec::new();
        for (name, views) in &self.validation {
            let said: Vec<_> = views
                .par_iter()
                .map(|view| {
                    let reading = network.read(&view.pixels);
                    (view.error(&reading.points), reading.face)
                })
                .collect();
            let error = said.iter().map(|(e, _)| e).sum::<f64>() / said.len().max(1) as f64;
            sum += error;
            verdict.named.push((name, Some(error)));
            faces.extend(said.iter().filter_map(|(_, face)| *face));
        }
        let no_faces: Vec<f32> = self
            .no_faces
            .par_iter()
            .filter_map(|view| network.read(&view.pixels).face)
            .collect();
        let told = check::told_apart(&faces, &no_faces);
        verdict.named.push(("face_auc", told));
        let mean = sum / self.validation.len().max(1) as f64;
        verdict.score = 1.0 - mean - told.map_or(0.0, |auc| 1.0 - auc);
        Ok(verdict)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
