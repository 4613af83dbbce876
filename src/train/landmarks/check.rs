//! How good a landmark network is: on faces nobody learnt from, in a detector's boxes, turned, dark and small.

mod scene;

use std::collections::BTreeMap;

use rayon::prelude::*;
use serde::Serialize;

pub use self::scene::Condition;
use self::scene::{SEED, Scene};
use super::places;
use super::views::error;
use crate::analysis::{BoxPx, Landmarks};
use crate::face::align::TEMPLATE_PX;
use crate::face::detect::Detector;
use crate::face::landmarks::LandmarkNet;
use crate::model::weights::Weights;
use crate::train::phase::PhaseError;
use crate::train::random::Rng;
use crate::train::set::{Sample, Set, Split};

/// An error above this, in eye distances, is a miss.
const MISS: f64 = 0.1;
/// Frames of a picture at rest.
const FRAMES: u64 = 16;
/// Every so manieth face is looked at at rest.
const AT_REST_EVERY: usize = 5;

/// What was found under one condition. Errors are in eye distances.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Errors {
    /// Faces.
    pub faces: usize,
    /// Mean error at the first look, in the box as it is.
    pub first_look: f64,
    /// Mean error as the program looks: again in the box that the landmarks say, where that is another.
    pub mean: f64,
    /// Its median.
    pub median: f64,
    /// Part of the faces with an error above a tenth.
    pub misses: f64,
}

impl Errors {
    /// Of pairs of errors: at the first look, and as the program looks.
    fn of(all: &[[f64; 2]]) -> Self {
        let mut last: Vec<f64> = all.iter().map(|e| e[1]).collect();
        last.sort_by(f64::total_cmp);
        let count = all.len().max(1) as f64;
        Self {
            faces: all.len(),
            first_look: all.iter().map(|e| e[0]).sum::<f64>() / count,
            mean: last.iter().sum::<f64>() / count,
            median: last.get(last.len() / 2).copied().unwrap_or_default(),
            misses: last.iter().filter(|e| **e > MISS).count() as f64 / count,
        }
    }
}

/// What a check says.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Report {
    /// Faces of the validation split whose landmarks are the database's own.
    pub faces: usize,
    /// In made boxes, by condition.
    pub conditions: BTreeMap<&'static str, Errors>,
    /// In the detector's own boxes.
    pub detector: Errors,
    /// Faces that the detector did not find.
    pub undetected: usize,
    /// How still the points are on a picture at rest: the standard deviation along an axis, in pixels of the aligned
    /// crop (112 a side), under camera noise of three grey levels.
    pub rest_px: f64,
    /// How often a face has a higher face score than what is none; `None` where the network has no such score.
    pub face_auc: Option<f64>,
    /// Part of the faces that have a face score of a half and more, over all conditions.
    pub faces_kept: Option<f64>,
    /// Part of what is no face that has less.
    pub no_faces_refused: Option<f64>,
}

impl Report {
    /// As the card of the weights has it.
    pub fn card(&self) -> BTreeMap<String, String> {
        let mut card = BTreeMap::new();
        let mut add = |what: String, said: String| card.insert(what, said);
        let percent = |part: f64| format!("{:.2} %", 100.0 * part);
        let on = format!("{} faces of people held out", self.faces);
        for condition in Condition::ALL {
            if let Some(errors) = self.conditions.get(condition.key) {
                add(
                    format!("{on}, {}, mean error over the eye distance", condition.name),
                    percent(errors.mean),
                );
            }
        }
        add(
            format!("{on}, in the detector's own boxes, mean error over the eye distance"),
            format!(
                "{} ({} not detected)",
                percent(self.detector.mean),
                self.undetected
            ),
        );
        add(
            "a picture at rest, standard deviation of a point in the crop".to_owned(),
            format!("{:.2} px", self.rest_px),
        );
        if let (Some(kept), Some(refused)) = (self.faces_kept, self.no_faces_refused) {
            add(
                "face score of a half: faces kept / others refused".to_owned(),
                format!("{} / {}", percent(kept), percent(refused)),
            );
        }
        card
    }
}

/// How often one of the first is above one of the second (the area under the ROC curve; ties count half); `None` where
/// there are none.
pub fn told_apart(faces: &[f32], others: &[f32]) -> Option<f64> {
    if faces.is_empty() || others.is_empty() {
        return None;
    }
    let mut sorted = others.to_vec();
    sorted.sort_by(f32::total_cmp);
    let sum: usize = faces
        .iter()
        .map(|face| {
            let below = sorted.partition_point(|other| other < face);
            let up_to = sorted.partition_point(|other| other <= face);
            below + up_to
        })
        .sum();
    Some(sum as f64 / 2.0 / faces.len() as f64 / others.len() as f64)
}

/// A network's answers in one picture: errors, and the face score at the last look.
fn look(net: &mut LandmarkNet, scene: &Scene, box_px: BoxPx) -> ([f64; 2], Option<f32>) {
    let first = net.find(&scene.gray, box_px);
    let (last, face) = match net.settle(&scene.gray, box_px) {
        Some(settled) => (settled.landmarks_px, settled.face),
        None => (first, None),
    };
    let errors = [first, last].map(|found| error(&found, &scene.landmarks));
    (errors, face)
}

/// Checks weights on the validation split of some sets.
///
/// # Errors
/// When the weights are no landmark network's, the detector cannot be had, or there is no face to check on.
pub fn check(weights: &Weights, sets: &[Set]) -> Result<Report, PhaseError> {
    let faces = places(sets, Split::Validation);
    if faces.is_empty() {
        return Err(PhaseError::NoFaces(
            "The set has no faces to validate on whose landmarks are the database's own; `--format faces13k` gives such a set \
             (prepare it again if an older version of the program did)."
                .to_owned(),
        ));
    }
    // Each worker has its own buffers.
    LandmarkNet::of(weights)?;
    let net = || LandmarkNet::of(weights).ok();
    let sample = |i: usize| sets[faces[i].0].sample(faces[i].1);
    let mut report = Report {
        faces: faces.len(),
        ..Report::default()
    };
    let mut scores = Vec::new();
    for condition in Condition::ALL {
        let said: Vec<_> = (0..faces.len())
            .into_par_iter()
            .map_init(net, |net, i| {
                let mut rng = condition.rng(i as u64);
                let scene = Scene::make(&sample(i), &condition, &mut rng)?;
                let box_px = scene.detected(&mut rng);
                Some(look(net.as_mut()?, &scene, box_px))
            })
            .flatten()
            .collect();
        let errors: Vec<_> = said.iter().map(|(errors, _)| *errors).collect();
        scores.extend(said.iter().filter_map(|(_, face)| *face));
        report.conditions.insert(condition.key, Errors::of(&errors));
    }
    let detected: Vec<Option<[f64; 2]>> = (0..faces.len())
        .into_par_iter()
        .map_init(
            || (net(), Detector::new().ok()),
            |(net, detector), i| {
                let condition = Condition::PLAIN;
                let scene = Scene::make(&sample(i), &condition, &mut condition.rng(i as u64))?;
                let least = (condition.box_side_px / 2.0) as f32;
                let found = detector.as_mut()?.scan(&scene.gray, least);
                let iou = |box_px: &BoxPx| box_px.iou(&scene.usual);
                let best = found
                    .iter()
                    .map(|d| d.box_px)
                    .max_by(|a, b| iou(a).total_cmp(&iou(b)))
                    .filter(|best| iou(best) > 0.35)?;
                Some(look(net.as_mut()?, &scene, best).0)
            },
        )
        .collect();
    let found: Vec<[f64; 2]> = detected.iter().flatten().copied().collect();
    report.undetected = detected.len() - found.len();
    report.detector = Errors::of(&found);
    let still: Vec<f64> = (0..faces.len())
        .into_par_iter()
        .step_by(AT_REST_EVERY)
        .map_init(net, |net, i| at_rest(net.as_mut()?, &sample(i), i as u64))
        .flatten()
        .collect();
    report.rest_px = still.iter().sum::<f64>() / still.len().max(1) as f64;
    let others: Vec<f32> = (0..faces.len())
        .into_par_iter()
        .map_init(net, |net, i| {
            let view = Condition::NO_FACE.view(&sample(i), i as u64);
            net.as_mut()?.read(&view.pixels).face
        })
        .flatten()
        .collect();
    report.face_auc = told_apart(&scores, &others);
    let part = |of: &[f32], wanted: &dyn Fn(f32) -> bool| {
        let count = of.iter().filter(|face| wanted(**face)).count();
        (!of.is_empty()).then(|| count as f64 / of.len() as f64)
    };
    report.faces_kept = part(&scores, &|face| face >= 0.5);
    report.no_faces_refused = part(&others, &|face| face < 0.5);
    Ok(report)
}

/// The standard deviation of the points along an axis on noisy frames of one picture, in pixels of the aligned crop.
fn at_rest(net: &mut LandmarkNet, sample: &Sample<'_>, number: u64) -> Option<f64> {
    let mut rng = Rng::stream(SEED, &[number]);
    let scene = Scene::make(sample, &Condition::PLAIN, &mut rng)?;
    // A face that is followed is looked for where it was.
    let mut near_px = scene.detected(&mut rng);
    let (mut sums, mut squares) = ([[0.0f64; 2]; 5], [[0.0f64; 2]; 5]);
    for _ in 0..FRAMES {
        let settled = net.settle(&scene.again(&mut rng), near_px)?;
        near_px = settled.box_px;
        for (i, point) in settled.landmarks_px.iter().enumerate() {
            for axis in 0..2 {
                let value = f64::from(point[axis]);
                sums[i][axis] += value;
                squares[i][axis] += value * value;
            }
        }
    }
    let frames = FRAMES as f64;
    let variance: f64 = sums
        .as_flattened()
        .iter()
        .zip(squares.as_flattened())
        .map(|(sum, square)| (square - sum * sum / frames).max(0.0) / (frames - 1.0))
        .sum::<f64>()
        / 10.0;
    // The crop is so much larger than the picture's face.
    let eyes_px = |[[x0, y0], [x1, y1], ..]: Landmarks| f64::from((x1 - x0).hypot(y1 - y0));
    Some(variance.sqrt() * eyes_px(TEMPLATE_PX) / eyes_px(scene.landmarks))
}
