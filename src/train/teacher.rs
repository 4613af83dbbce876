//! Finished networks that teach: one, or several who are asked together or in turn.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::augment::mirror_rows;
use super::config::Phase;
use super::learner::Learner;
use super::net::{Gpu, Store};
use super::objective::TeacherLogits;
use super::phase::PhaseError;
use crate::analysis::Crop;
use crate::labels::Expression;
use crate::model::config::{AFFECT_BINS, CROP_SIDE_PX, StudentConfig};
use crate::model::student::{Kernels, Student, WindowLogits};
use crate::model::weights::{Weights, WeightsError};

/// A finished network that teaches.
pub struct Teacher {
    /// It, as the program runs it.
    pub student: Student,
    weights: Weights,
    /// The CNN's last layer of either head, calibrated: weight `[outputs, hidden]` and bias.
    last: [(Vec<f32>, Vec<f32>); 2],
}

impl Teacher {
    /// Of a weights file.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn new(weights: Weights) -> Result<Self, PhaseError> {
        let kernels = Kernels {
            threads: rayon::current_num_threads(),
            ..Kernels::default()
        };
        let student = Student::with_kernels(&weights, kernels)?;
        let heads = &student.config().heads;
        let calibration = student.config().calibration(false);
        let last = |task: &str, outputs: usize| {
            let values = |part: &str, shape: &[usize]| {
                weights.values(&format!("heads.{task}.fc1.{part}"), shape)
            };
            let mut weight = values("weight", &[outputs, heads.hidden])?;
            let mut bias = values("bias", &[outputs])?;
            calibration.soften(task, &mut weight, &mut bias);
            Ok::<_, WeightsError>((weight, bias))
        };
        Ok(Self {
            last: [
                last("expression", heads.expression)?,
                last("affect", heads.affect)?,
            ],
            student,
            weights,
        })
    }

    /// What it is known by: a checksum of all that its answers depend on. What its card says is no part of it.
    pub fn checksum(&self) -> String {
        let config = StudentConfig {
            origin: String::new(),
            trained_on: String::new(),
            affect_labels: String::new(),
            licence: String::new(),
            scores: Default::default(),
            weak_spots: Default::default(),
            int8: None,
            ..self.student.config().clone()
        };
        let mut all = Sha256::new();
        all.update(serde_json::to_vec(&config).unwrap_or_default());
        for (name, shape) in self.weights.listing() {
            all.update(format!("{name} {shape:?}"));
            for value in self.weights.values(&name, &shape).unwrap_or_default() {
                all.update(value.to_le_bytes());
            }
        }
        let digest = all.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether its CNN is this one's, number for number: then it makes the same features of a picture.
    pub fn is_cnn_of(&self, other: &Self) -> bool {
        let of_cnn = |teacher: &Self| {
            let mut all = teacher.weights.listing();
            all.retain(|(name, _)| !name.starts_with("temporal."));
            all
        };
        let (own, theirs) = (self.student.config(), other.student.config());
        let tensors = of_cnn(self);
        own.backbone == theirs.backbone
            && own.heads == theirs.heads
            && own.resize_px() == theirs.resize_px()
            && tensors == of_cnn(other)
            && tensors.iter().all(|(name, shape)| {
                let values = |of: &Self| of.weights.values(name, shape).ok();
                values(self).is_some_and(|own| Some(own) == values(other))
            })
    }

    /// What it says of every step of a window, of each head's features `[T][128]`: its recurrent heads or, of a CNN alone, the
    /// CNN of each step by itself.
    pub fn window_logits(&self, features: [&[&[f32]]; 2]) -> WindowLogits {
        if let Some(logits) = self.student.sequence_logits(features) {
            return logits;
        }
        let say = |(weight, bias): &(Vec<f32>, Vec<f32>), steps: &[&[f32]]| -> Vec<Vec<f32>> {
            let one = |feature: &&[f32]| {
                let rows = weight.chunks_exact(feature.len()).zip(bias);
                rows.map(|(row, bias)| {
                    bias + row.iter().zip(*feature).map(|(w, x)| w * x).sum::<f32>()
                })
                .collect()
            };
            steps.iter().map(one).collect()
        };
        let [expression, affect] = &self.last;
        WindowLogits {
            expression: say(expression, features[0]),
            affect: say(affect, features[1]),
        }
    }
}

/// What a teacher's CNN says of a batch.
struct Says {
    teacher: Arc<Teacher>,
    /// On a GPU: it, with its values.
    there: Option<(Learner, Vec<f32>)>,
}

impl Says {
    fn new(
        teacher: &Arc<Teacher>,
        batch: usize,
        gpu: Option<&Arc<Gpu>>,
    ) -> Result<Self, PhaseError> {
        let there = match gpu {
            None => None,
            Some(_) => {
                let config = StudentConfig {
                    temporal: None,
                    ..teacher.student.config().clone()
                };
                let mut store = Store::new(&config);
                store.load(&teacher.weights, |_| false)?;
                for (task, (weight, bias)) in ["expression", "affect"].iter().zip(&teacher.last) {
                    store.put(&format!("heads.{task}.fc1.weight"), weight)?;
                    store.put(&format!("heads.{task}.fc1.bias"), bias)?;
                }
                let mut learner = Learner::new(&config, &store, batch, gpu)?;
                learner.load(&store.values)?;
                Some((learner, store.values))
            }
        };
        Ok(Self {
            teacher: teacher.clone(),
            there,
        })
    }

    fn logits(&mut self, pixels: &[u8], channels: usize) -> Result<TeacherLogits, PhaseError> {
        if let Some((learner, values)) = &mut self.there
            && let Some(logits) = learner.settled(values, pixels)?
        {
            return Ok(logits);
        }
        let crops: Vec<Crop> = pixels
            .chunks_exact(CROP_SIDE_PX * CROP_SIDE_PX * channels)
            .map(|pixels| Crop {
                face_id: 1,
                side_px: CROP_SIDE_PX,
                channels,
                pixels: pixels.to_vec().into(),
            })
            .collect();
        let (expression, affect) = self.teacher.student.cnn_logits(&crops)?;
        Ok((
            expression.flatten_all()?.to_vec1()?,
            affect.flatten_all()?.to_vec1()?,
        ))
    }
}

/// What several teachers say on average: logits of the mean of their probabilities, of each question (the expressions, the
/// bins of valence, those of arousal) for itself. One's own are left as they are; `None` of none.
pub fn on_average(mut said: Vec<TeacherLogits>) -> Option<TeacherLogits> {
    if said.len() < 2 {
        return said.pop();
    }
    let mean = |of: fn(&TeacherLogits) -> &Vec<f32>, width: usize| -> Vec<f32> {
        let mut sums = vec![0.0; said.first().map_or(0, |one| of(one).len())];
        for logits in said.iter().map(of) {
            for (sums, row) in sums.chunks_exact_mut(width).zip(logits.chunks_exact(width)) {
                let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let whole: f32 = row.iter().map(|logit| (logit - most).exp()).sum();
                for (sum, logit) in sums.iter_mut().zip(row) {
                    *sum += (logit - most).exp() / whole;
                }
            }
        }
        let count = said.len() as f32;
        sums.iter()
            .map(|sum| {
                let mean = sum / count;
                // What is no number stays none, and is told of.
                if mean < f32::MIN_POSITIVE {
                    f32::MIN_POSITIVE.ln()
                } else {
                    mean.ln()
                }
            })
            .collect()
    };
    Some((
        mean(|one| &one.0, Expression::COUNT),
        mean(|one| &one.1, AFFECT_BINS),
    ))
}

/// All who teach a CNN. They see the very views that it sees, or those mirrored.
pub struct Panel {
    /// Each teacher once, however often it is named.
    says: Vec<Says>,
    /// What a batch may be asked: which teacher, and whether it is shown the faces mirrored.
    questions: Vec<(usize, bool)>,
    in_turn: bool,
}

impl Panel {
    /// For batches of just as many faces as the phase has.
    ///
    /// # Errors
    /// When the GPU has no room.
    pub fn new(
        teachers: &[Arc<Teacher>],
        phase: &Phase,
        gpu: Option<&Arc<Gpu>>,
    ) -> Result<Self, PhaseError> {
        let ways: &[bool] = if phase.mirrored {
            &[false, true]
        } else {
            &[false]
        };
        let mut says: Vec<Says> = Vec::new();
        let mut named = Vec::new();
        for teacher in teachers {
            let known = says.iter().position(|s| Arc::ptr_eq(&s.teacher, teacher));
            named.push(known.unwrap_or(says.len()));
            if known.is_none() {
                says.push(Says::new(teacher, phase.batch, gpu)?);
            }
        }
        let of_way = |&way: &bool| named.iter().map(move |&of| (of, way));
        Ok(Self {
            questions: ways.iter().flat_map(of_way).collect(),
            says,
            in_turn: phase.in_turn,
        })
    }

    /// What is taught of a batch of crops, `[B, 112, 112, channels]`: logits `[B * 7]`, `[B * 40]`, or `None` where nobody
    /// teaches. `turn` counts on from batch to batch.
    ///
    /// # Errors
    /// When a network or the GPU fails.
    pub fn logits(
        &mut self,
        turn: usize,
        pixels: &[u8],
        channels: usize,
    ) -> Result<Option<TeacherLogits>, PhaseError> {
        let questions = match self.in_turn {
            true if !self.questions.is_empty() => {
                let at = turn % self.questions.len();
                &self.questions[at..=at]
            }
            _ => &self.questions[..],
        };
        let turned = questions.iter().any(|&(_, way)| way).then(|| {
            let mut turned = pixels.to_vec();
            mirror_rows(&mut turned, channels);
            turned
        });
        let mut said: Vec<TeacherLogits> = Vec::with_capacity(questions.len());
        for (at, question) in questions.iter().enumerate() {
            // Who is named more often has said it already.
            let before = questions[..at].iter().position(|q| q == question);
            let logits = match before {
                Some(before) => said[before].clone(),
                None => {
                    let (of, way) = *question;
                    let seen = turned.as_deref().filter(|_| way).unwrap_or(pixels);
                    self.says[of].logits(seen, channels)?
                }
            };
            said.push(logits);
        }
        Ok(on_average(said))
    }
}

/// A small CNN that nobody trained, of this seed.
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) fn made(seed: u64) -> Teacher {
    made_with(seed, |_| {})
}

/// The same with another config.
#[cfg(test)]
#[allow(clippy::unwrap_used)]
fn made_with(seed: u64, change: impl FnOnce(&mut serde_json::Value)) -> Teacher {
    let mut json = serde_json::json!({
        "kind": "student",
        "backbone": {
            "input": [1, 112, 112], "color": "gray", "mean": 120.0, "scale": 60.0,
            "stem": 8, "widths": [8, 8, 8, 8], "blocks": [1, 1, 1, 1], "expansion": 2,
        },
        "heads": {"hidden": 16, "expression": 7, "affect": 40},
        "temperatures": {"expression": 0.6, "valence": 0.8, "arousal": 0.9},
        "offsets": {"expression": [0.5, -0.5, 0.25, 0.0, -1.0, 0.75, 0.0]},
    });
    change(&mut json);
    let json = json.to_string();
    let config = StudentConfig::parse(&json).unwrap();
    let mut rng = super::random::Rng::new(seed);
    let mut store = Store::new(&config);
    store.begin(|| rng.unit() as f32);
    let bytes = store.to_safetensors(&store.values, &json).unwrap();
    Teacher::new(Weights::from_bytes(&bytes, "made", "made").unwrap()).unwrap()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::train::random::Rng;

    #[test]
    fn several_are_averaged_as_probabilities_and_what_is_no_number_stays_none() {
        let sure = |of: usize, sure: f32| -> TeacherLogits {
            let one = |len: usize| (0..len).map(|i| if i == of { sure } else { 0.0 }).collect();
            (one(7), one(40))
        };
        assert_eq!(on_average(Vec::new()), None);
        let alone = sure(0, 2.0);
        assert_eq!(on_average(vec![alone.clone()]), Some(alone));
        // Of logits ln 2 and six zeros, the probabilities are 2/8 and 1/8.
        let two = (2f32).ln();
        let (expression, affect) = on_average(vec![sure(0, two), sure(1, two)]).unwrap();
        for (i, logit) in expression.iter().enumerate() {
            let wanted = if i < 2 { 1.5 / 8.0 } else { 1.0 / 8.0 };
            assert!((logit.exp() - wanted).abs() < 1e-6, "{i}: {logit}");
        }
        // Valence and arousal are questions of their own: twenty bins each.
        let sums = affect
            .chunks(20)
            .map(|bins| bins.iter().map(|l| l.exp()).sum::<f32>());
        assert!(sums.into_iter().all(|sum| (sum - 1.0).abs() < 1e-5));
        assert!((affect[0].exp() - 1.5 / 21.0).abs() < 1e-6);
        // Certain against certain.
        let (expression, _) = on_average(vec![sure(0, 200.0), sure(1, 200.0)]).unwrap();
        assert!((expression[0].exp() - 0.5).abs() < 1e-6 && expression[2].is_finite());
        let (expression, _) = on_average(vec![sure(0, f32::NAN), sure(1, 1.0)]).unwrap();
        assert!(
            expression.iter().all(|logit| logit.is_nan()),
            "{expression:?}"
        );
    }

    /// Crops of noise, `[faces, 112, 112, 1]`.
    fn noise(faces: usize, rng: &mut Rng) -> Vec<u8> {
        (0..faces * CROP_SIDE_PX * CROP_SIDE_PX)
            .map(|_| (255.0 * rng.unit()) as u8)
            .collect()
    }

    #[test]
    fn a_cnn_alone_teaches_what_it_says_of_each_step() {
        let teacher = made(2);
        let crops: Vec<Crop> = noise(3, &mut Rng::new(2))
            .chunks(CROP_SIDE_PX * CROP_SIDE_PX)
            .map(|pixels| Crop {
                face_id: 1,
                side_px: CROP_SIDE_PX,
                channels: 1,
                pixels: pixels.to_vec().into(),
            })
            .collect();
        let steps = teacher.student.features(&crops).unwrap();
        let expression: Vec<&[f32]> = steps.iter().map(|s| &*s.expression).collect();
        let affect: Vec<&[f32]> = steps.iter().map(|s| &*s.affect).collect();
        let said = teacher.window_logits([&expression, &affect]);
        let (expression, affect) = teacher.student.cnn_logits(&crops).unwrap();
        for (said, theirs) in [(said.expression, expression), (said.affect, affect)] {
            let theirs = theirs.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let said = said.concat();
            assert_eq!(said.len(), theirs.len());
            for (a, b) in said.iter().zip(&theirs) {
                assert!((a - b).abs() < 1e-4 * b.abs().max(1.0), "{a} {b}");
            }
        }
    }

    #[test]
    fn a_cnn_is_known_by_its_numbers() {
        assert!(made(2).is_cnn_of(&made(2)));
        assert!(!made(2).is_cnn_of(&made(3)));
        assert_eq!(made(2).checksum(), made(2).checksum());
        assert_ne!(made(2).checksum(), made(3).checksum());
        // What a card says is no number of it; how sure it is does not change what it sees, and another way to cut faces out does.
        let carded = made_with(2, |c| c["trained_on"] = "faces".into());
        assert_eq!(carded.checksum(), made(2).checksum());
        let surer = made_with(2, |c| c["temperatures"]["expression"] = 0.3.into());
        assert_ne!(surer.checksum(), made(2).checksum());
        assert!(surer.is_cnn_of(&made(2)));
        let closer = made_with(2, |c| c["resize"] = 134.into());
        assert!(!closer.is_cnn_of(&made(2)));
    }

    #[test]
    fn all_are_asked_together_or_one_after_the_other_and_of_mirrored_faces_too() {
        let teachers = [Arc::new(made(2)), Arc::new(made(3))];
        let faces = noise(2, &mut Rng::new(5));
        let mut turned = faces.clone();
        mirror_rows(&mut turned, 1);
        assert_eq!(turned[..CROP_SIDE_PX], {
            let mut row = faces[..CROP_SIDE_PX].to_vec();
            row.reverse();
            row
        });
        let panel = |in_turn: bool, mirrored: bool, teachers: &[Arc<Teacher>]| {
            let phase = Phase {
                batch: 2,
                in_turn,
                mirrored,
                ..Phase::default()
            };
            Panel::new(teachers, &phase, None).unwrap()
        };
        let said = |mut panel: Panel, turn: usize| panel.logits(turn, &faces, 1).unwrap();
        let one = |of: usize, faces: &[u8]| {
            let mut alone = panel(false, false, &teachers[of..=of]);
            alone.logits(7, faces, 1).unwrap().unwrap()
        };
        let each = [
            one(0, &faces),
            one(1, &faces),
            one(0, &turned),
            one(1, &turned),
        ];
        let apart = |a: &TeacherLogits, b: &TeacherLogits| {
            a.0.iter().zip(&b.0).any(|(a, b)| (a - b).abs() > 1e-4)
        };
        assert!(apart(&each[0], &each[1]) && apart(&each[0], &each[2]));

        assert_eq!(said(panel(false, false, &[]), 0), None);
        assert_eq!(said(panel(true, true, &[]), 3), None);
        let together = said(panel(false, false, &teachers), 1);
        assert_eq!(together, on_average(each[..2].to_vec()));
        let together = said(panel(false, true, &teachers), 1);
        assert_eq!(together, on_average(each.to_vec()));
        let more = [
            teachers[0].clone(),
            teachers[1].clone(),
            teachers[0].clone(),
        ];
        let twice = [each[0].clone(), each[1].clone(), each[0].clone()];
        let together = said(panel(false, false, &more), 1);
        assert_eq!(together, on_average(twice.to_vec()));
        assert_eq!(panel(false, false, &more).says.len(), 2);
        for (turn, whose) in [0, 1, 0, 0].into_iter().enumerate() {
            let in_turn = said(panel(true, false, &more), turn);
            assert_eq!(in_turn.as_ref(), Some(&each[whose]), "{turn}");
        }
        for (turn, whose) in [0, 1, 0, 1].into_iter().enumerate() {
            let in_turn = said(panel(true, false, &teachers), turn);
            assert_eq!(in_turn.as_ref(), Some(&each[whose]), "{turn}");
        }
        for (turn, whose) in [0, 1, 2, 3, 0].into_iter().enumerate() {
            let in_turn = said(panel(true, true, &teachers), turn);
            assert_eq!(in_turn.as_ref(), Some(&each[whose]), "{turn}");
        }
    }
}
