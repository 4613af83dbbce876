//! How a network does on a set: what is validated on, and what a card says.

use super::augment::plain;
use super::loader::Place;
use super::set::{Labels, Set};
use crate::analysis::Crop;
use crate::labels::Estimate;
use crate::metrics::{Agreement, Confusion};
use crate::model::config::CROP_SIDE_PX;
use crate::model::student::{NetworkError, Student};

/// Faces in one call.
const BATCH: usize = 32;

/// Scores of one network on some faces.
#[derive(Debug, Clone, Default)]
pub struct Scores {
    /// Expressions.
    pub confusion: Confusion,
    /// Valence.
    pub valence: Agreement,
    /// Arousal.
    pub arousal: Agreement,
}

impl Scores {
    /// Takes a face.
    pub fn push(&mut self, said: &Estimate, labels: &Labels) {
        if let Some(expression) = labels.expression {
            self.confusion.push(said.expression(), expression);
        }
        if let Some([valence, arousal]) = labels.affect {
            self.valence.push(said.valence.into(), valence.into());
            self.arousal.push(said.arousal.into(), arousal.into());
        }
    }

    /// One number to choose by, 0..=1: the mean of ABAW 2021's criteria, `0.67 F1 + 0.33 accuracy` and the mean CCC of
    /// valence and arousal, of those that there are labels for.
    pub fn one(&self) -> f64 {
        let affect = self
            .valence
            .ccc()
            .zip(self.arousal.ccc())
            .map(|(v, a)| (v + a) / 2.0);
        let both: Vec<f64> = [self.confusion.criterion(), affect]
            .into_iter()
            .flatten()
            .collect();
        both.iter().sum::<f64>() / both.len().max(1) as f64
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
    let channels = config.backbone.color.channels();
    for part in places.chunks(BATCH) {
        let crops: Vec<Crop> = part
            .iter()
            .map(|&(s, i)| {
                let mut pixels = vec![0; CROP_SIDE_PX * CROP_SIDE_PX * channels];
                plain(
                    &sets[s].sample(i),
                    config.backbone.color,
                    config.resize_px(),
                    &mut pixels,
                );
                Crop {
                    face_id: 1,
                    side_px: CROP_SIDE_PX,
                    channels,
                    pixels: pixels.into(),
                }
            })
            .collect();
        take(part, &crops)?;
    }
    Ok(())
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
                scores.push(&features.alone, sets[s].sample(i).labels);
            }
            Ok(())
        },
    )?;
    Ok(scores)
}
