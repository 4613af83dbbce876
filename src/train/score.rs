//! How a network does on labelled faces: what is validated on, and what a card says.

use rayon::prelude::*;

use super::augment::plain;
use super::loader::Place;
use super::objective::TeacherLogits;
use super::phase::{PhaseError, Verdict};
use super::set::{Labels, Set};
use crate::analysis::Crop;
use crate::evaluate::matching::Scores;
use crate::labels::{Estimate, Expression};
use crate::model::config::{AFFECT_BINS, CROP_SIDE_PX, StudentConfig};
use crate::model::heads::estimate;
use crate::model::student::{NetworkError, Student};

/// Faces in one call.
const BATCH: usize = 32;

/// Takes a face.
pub fn push(scores: &mut Scores, said: &Estimate, labels: &Labels) {
    scores.counts.rows += 1;
    let any = labels.any();
    scores.counts.valid += u64::from(any);
    scores.counts.invalid += u64::from(!any);
    scores.counts.matched += u64::from(any);
    if let Some(expression) = labels.expression {
        scores.expression.push(said.expression(), expression);
    }
    if let Some([valence, arousal]) = labels.affect {
        scores.valence.push(said.valence.into(), valence.into());
        scores.arousal.push(said.arousal.into(), arousal.into());
    }
}

/// One number to choose by, 0..=1: the mean of ABAW 2021's criteria, `0.67 F1 + 0.33 accuracy` and the mean CCC of
/// valence and arousal, of those that there are labels for.
pub fn one(scores: &Scores) -> f64 {
    let affect = scores.valence.ccc().zip(scores.arousal.ccc());
    let affect = affect.map(|(valence, arousal)| (valence + arousal) / 2.0);
    let both: Vec<f64> = [scores.expression.criterion(), affect]
        .into_iter()
        .flatten()
        .collect();
    both.iter().sum::<f64>() / both.len().max(1) as f64
}

/// What a phase says of its scores.
pub fn verdict(scores: &Scores) -> Verdict {
    Verdict {
        score: one(scores),
        named: vec![
            ("accuracy", scores.expression.accuracy()),
            ("macro_f1", scores.expression.macro_f1()),
            ("ccc_valence", scores.valence.ccc()),
            ("ccc_arousal", scores.arousal.ccc()),
        ],
    }
}

/// The crops of some faces as the program itself makes them, in order, some at a time.
///
/// # Errors
/// What `take` says.
pub fn crops<E>(
    sets: &[Set],
    places: &[Place],
    student: &Student,
    mut take: impl FnMut(&[Place], &[Crop]) -> Result<(), E>,
) -> Result<(), E> {
    let config = student.config();
    for part in places.chunks(BATCH) {
        let crops: Vec<Crop> = part
            .iter()
            .map(|&place| {
                let mut pixels = vec![0; crop_bytes(config)];
                crop(config, sets, place, &mut pixels);
                Crop {
                    face_id: 1,
                    side_px: CROP_SIDE_PX,
                    channels: config.backbone.color.channels(),
                    pixels: pixels.into(),
                }
            })
            .collect();
        take(part, &crops)?;
    }
    Ok(())
}

fn crop_bytes(config: &StudentConfig) -> usize {
    CROP_SIDE_PX * CROP_SIDE_PX * config.backbone.color.channels()
}

/// One face's crop, as long as [`crop_bytes`].
fn crop(config: &StudentConfig, sets: &[Set], (s, i): Place, pixels: &mut [u8]) {
    let (color, resize_px) = (config.backbone.color, config.resize_px());
    plain(&sets[s].sample(i), color, resize_px, pixels);
}

/// Scores of what `logits` says of whole batches of crops: `[B * 7]`, `[B * 40]`, in order. The last batch is filled up with
/// black pictures.
///
/// # Errors
/// What `logits` says, and answers that are no numbers.
pub fn of_settled(
    config: &StudentConfig,
    sets: &[Set],
    places: &[Place],
    batch: usize,
    mut logits: impl FnMut(&[u8]) -> Result<Option<TeacherLogits>, PhaseError>,
) -> Result<Scores, PhaseError> {
    let mut scores = Scores::default();
    let bytes = crop_bytes(config);
    let mut pixels = vec![0; batch * bytes];
    for part in places.chunks(batch) {
        pixels[part.len() * bytes..].fill(0);
        pixels
            .par_chunks_mut(bytes)
            .zip(part)
            .for_each(|(pixels, &place)| crop(config, sets, place, pixels));
        let Some((expression, affect)) = logits(&pixels)? else {
            continue;
        };
        let said = expression
            .chunks_exact(Expression::COUNT)
            .zip(affect.chunks_exact(2 * AFFECT_BINS));
        for (&(s, i), (expression, affect)) in part.iter().zip(said) {
            let said = estimate(expression, affect).ok_or(NetworkError::NotANumber)?;
            push(&mut scores, &said, sets[s].sample(i).labels);
        }
    }
    Ok(scores)
}

/// Scores of the CNN's own answers.
///
/// # Errors
/// When the network fails.
pub fn of_cnn(student: &Student, sets: &[Set], places: &[Place]) -> Result<Scores, NetworkError> {
    let mut scores = Scores::default();
    crops(
        sets,
        places,
        student,
        |part, crops| -> Result<(), NetworkError> {
            for (&(s, i), features) in part.iter().zip(student.features(crops)?) {
                push(&mut scores, &features.alone, sets[s].sample(i).labels);
            }
            Ok(())
        },
    )?;
    Ok(scores)
}
