//! The recurrent heads' phase: windows of the finished CNN's features, from videos or made from stills.

use std::collections::HashSet;

use super::augment::{Augment, view};
use super::config::GruPhase;
use super::loader::{Place, places, task_of};
use super::net::{Store, Temporal};
use super::objective::{self, Targets, Task, TeacherLogits};
use super::phase::{Learning, Parts, PhaseError, Step, Verdict};
use super::random::Rng;

use super::score;
use super::set::{Labels, Sample, Set, Split};
use crate::analysis::Crop;
use crate::evaluate::matching::Scores;
use crate::face::align::TEMPLATE_PX;
use crate::labels::Expression;
use crate::model::config::{CROP_SIDE_PX, Color, StudentConfig};
use crate::model::heads::estimate;
use crate::model::student::{Features, NetworkError, Student};

/// Frames of a window, as the config of our networks has it.
pub const WINDOW: usize = 32;
/// Frames that may be missing within a sequence: more than a second at 30 a second begins a new one.
const MOST_GAP: u64 = 30;
/// The most faces that a made window shows, one after the other.
const MOST_FACES: usize = 3;
/// What the numbers of a stream are for; the CNN's phase has 1 and 2.
mod stream {
    pub const MADE: u64 = 3;
    pub const FRAME: u64 = 4;
    pub const ORDER: u64 = 5;
}

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

/// A frame of a window: a face, and the number of its view; `None`: as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Frame {
    place: Place,
    view: Option<u64>,
}

/// Windows of one split with all that is learnt from them.
pub struct Windows {
    task: Task,
    count: usize,
    /// Whether expressions are learnt from people's votes where there are any.
    votes: bool,
    /// Of the expression head and of the affect head, `[S, T, 128]`.
    features: [Vec<f32>; 2],
    /// `[S * T]`
    labels: Vec<Labels>,
    /// Of each step, where somebody teaches: `[S * T * 7]`, `[S * T * 40]`.
    taught: Option<TeacherLogits>,
}

/// The windows of a split: of its videos, and made from its stills where there are none.
fn frames(sets: &[Set], split: Split, task: Task, (made, seed): (usize, u64)) -> Vec<Vec<Frame>> {
    let all = places(sets, split, task);
    let mut windows = Vec::new();
    let mut stills = Vec::new();
    for (s, set) in sets.iter().enumerate() {
        let labelled = |labels: &Labels| task_of(labels) == Some(task);
        let mut moving = HashSet::new();
        for sequence in set.sequences(split, labelled, MOST_GAP) {
            for window in sequence.chunks_exact(WINDOW) {
                moving.extend(window.iter().copied());
                windows.push(
                    window
                        .iter()
                        .map(|&i| Frame {
                            place: (s, i),
                            view: None,
                        })
                        .collect(),
                );
            }
        }
        stills.extend(all.iter().filter(|p| p.0 == s && !moving.contains(&p.1)));
    }
    if stills.is_empty() {
        return windows;
    }
    for w in 0..made {
        let mut rng = Rng::stream(seed, &[stream::MADE, split as u64, task as u64, w as u64]);
        let faces = 1 + rng.below(MOST_FACES);
        let mut cuts: Vec<usize> = (1..faces).map(|_| rng.below(WINDOW)).collect();
        cuts.sort_unstable();
        let mut window: Vec<Frame> = Vec::with_capacity(WINDOW);
        for end in cuts.into_iter().chain([WINDOW]) {
            let place = stills[rng.below(stills.len())];
            let base = rng.bits();
            while window.len() < end {
                let view = Some(base.wrapping_add(window.len() as u64));
                window.push(Frame { place, view });
            }
        }
        windows.push(window);
    }
    windows
}

impl Windows {
    /// Runs a finished CNN over the windows of a split; windows that are made from stills show each face in a view of
    /// `seen_as`, moved a little from frame to frame. `teacher` is another's, with recurrent heads. `progress` is told how
    /// many of how many are done, and says whether to go on.
    ///
    /// # Errors
    /// When a network fails, or it was to end.
    pub fn of(
        (sets, split, task): (&[Set], Split, Task),
        made: (usize, u64),
        (votes, seen_as): (bool, &Augment),
        student: &Student,
        teacher: Option<&Student>,
        mut progress: impl FnMut(usize, usize) -> bool,
    ) -> Result<Self, PhaseError> {
        let windows = frames(sets, split, task, made);
        let mut all = Self {
            task,
            count: windows.len(),
            votes,
            features: Default::default(),
            labels: Vec::with_capacity(windows.len() * WINDOW),
            taught: teacher.map(|_| Default::default()),
        };
        for (done, window) in windows.iter().enumerate() {
            if !progress(done, windows.len()) {
                return Err(PhaseError::Interrupted);
            }
            let crops = |student: &Student| crops(sets, window, student.config(), seen_as);
            for step in student.features(&crops(student))? {
                all.features[0].extend_from_slice(&step.expression);
                all.features[1].extend_from_slice(&step.affect);
            }
            all.labels.extend(
                window
                    .iter()
                    .map(|f| *sets[f.place.0].sample(f.place.1).labels),
            );
            if let (Some(teacher), Some((expression, affect))) = (teacher, &mut all.taught) {
                let steps = teacher.features(&crops(teacher))?;
                let steps: Vec<&Features> = steps.iter().collect();
                let said = teacher.window_logits(&steps).ok_or_else(|| {
                    PhaseError::NoFaces("The teacher has no recurrent heads.".to_owned())
                })?;
                expression.extend(said.expression.concat());
                affect.extend(said.affect.concat());
            }
        }
        Ok(all)
    }

    /// Windows.
    pub fn len(&self) -> usize {
        self.count
    }

    /// True without any.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Features of some windows, `[S, T, 128]` each.
    fn features(&self, which: &[usize]) -> [Vec<f32>; 2] {
        [0, 1].map(|head| gather(&self.features[head], which, self.count))
    }

    fn targets(&self, which: &[usize]) -> Targets {
        let labels = || {
            which
                .iter()
                .flat_map(|w| &self.labels[w * WINDOW..(w + 1) * WINDOW])
        };
        let one = |e: Expression| std::array::from_fn(|i| if i == e.index() { 1.0 } else { 0.0 });
        Targets {
            task: self.task,
            expression: if self.task.has_expression() {
                labels()
                    .map(|l| match l.votes {
                        Some(votes) if self.votes => votes,
                        _ => l.expression.map_or([0.0; 7], one),
                    })
                    .collect()
            } else {
                Vec::new()
            },
            affect: if self.task.has_affect() {
                labels().map(|l| l.affect.unwrap_or_default()).collect()
            } else {
                Vec::new()
            },
        }
    }
}

/// Some windows' values, one after the other; every window has as many.
fn gather(values: &[f32], which: &[usize], count: usize) -> Vec<f32> {
    let each = values.len() / count.max(1);
    which
        .iter()
        .flat_map(|w| &values[w * each..(w + 1) * each])
        .copied()
        .collect()
}

/// The frames of a window as a network takes them.
fn crops(sets: &[Set], window: &[Frame], config: &StudentConfig, seen_as: &Augment) -> Vec<Crop> {
    let color = config.backbone.color;
    let kind = (color, config.resize_px());
    let crop = |sample: &Sample<'_>, how: &Augment, kind: (Color, usize), number: u64| {
        let mut pixels = vec![0; CROP_SIDE_PX * CROP_SIDE_PX * color.channels()];
        let mut rng = Rng::stream(number, &[stream::FRAME]);
        view(sample, kind.0, kind.1, how, &mut rng, &mut pixels);
        pixels
    };
    // A made window shows a face as one picture of it, which then moves.
    let mut picture: Option<(Place, Vec<u8>)> = None;
    let frames = window.iter().map(|frame| {
        let (s, i) = frame.place;
        let sample = sets[s].sample(i);
        let pixels = match frame.view {
            None => crop(&sample, &Augment::NONE, kind, 0),
            Some(number) if *seen_as == Augment::NONE => crop(&sample, &STILL, kind, number),
            Some(number) => {
                let (_, seen) = match picture.take() {
                    Some(seen) if seen.0 == frame.place => picture.insert(seen),
                    _ => picture.insert((frame.place, crop(&sample, seen_as, kind, number))),
                };
                let seen = Sample {
                    pixels: &*seen,
                    width_px: CROP_SIDE_PX,
                    height_px: CROP_SIDE_PX,
                    channels: color.channels(),
                    landmarks: TEMPLATE_PX,
                    ..sample
                };
                // It is enlarged already.
                crop(&seen, &STILL, (color, CROP_SIDE_PX), number)
            }
        };
        Crop {
            face_id: 1,
            side_px: CROP_SIDE_PX,
            channels: color.channels(),
            pixels: pixels.into(),
        }
    });
    frames.collect()
}

/// What the recurrent phase learns from, and with.
pub struct GruLearning<'a> {
    phase: &'a GruPhase,
    heads: Temporal,
    training: Vec<Windows>,
    validation: Vec<Windows>,
    seed: u64,
}

impl<'a> GruLearning<'a> {
    /// `config` is with recurrent heads.
    ///
    /// # Errors
    /// When there is nothing to learn from or to validate on, or the store is of another config.
    pub fn new(
        config: &StudentConfig,
        store: &Store,
        (phase, seed): (&'a GruPhase, u64),
        training: Vec<Windows>,
        validation: Vec<Windows>,
    ) -> Result<Self, PhaseError> {
        let training: Vec<_> = training
            .into_iter()
            .filter(|w| w.len() >= phase.batch)
            .collect();
        let validation: Vec<_> = validation.into_iter().filter(|w| !w.is_empty()).collect();
        if training.is_empty() || validation.is_empty() {
            return Err(PhaseError::NoFaces(format!(
                "The sets have too few windows of {WINDOW} frames for the recurrent phase: a batch of {} is the least.",
                phase.batch
            )));
        }
        Ok(Self {
            heads: Temporal::new(store, config)?,
            phase,
            training,
            validation,
            seed,
        })
    }
}

impl Learning for GruLearning<'_> {
    fn steps(&self) -> usize {
        let sizes = self.training.iter().map(|w| w.len() / self.phase.batch);
        sizes.min().unwrap_or(0)
    }

    fn learns(&self, name: &str) -> bool {
        name.starts_with("temporal.")
    }

    fn epoch(&mut self, epoch: usize, from: usize, step: &mut Step<'_>) -> Result<(), PhaseError> {
        let size = self.phase.batch;
        let orders: Vec<Vec<usize>> = self
            .training
            .iter()
            .map(|windows| {
                let mut order: Vec<usize> = (0..windows.len()).collect();
                Rng::stream(
                    self.seed,
                    &[stream::ORDER, windows.task as u64, epoch as u64],
                )
                .shuffle(&mut order);
                order
            })
            .collect();
        for number in from..self.steps() {
            let faces = self.training.len() * size * WINDOW;
            let go_on = step(number, faces, &mut |store, grads| {
                let mut sums = [0.0; 5];
                for (windows, order) in self.training.iter().zip(&orders) {
                    let which = &order[number * size..(number + 1) * size];
                    let parts = slopes(&self.heads, store, windows, which, grads)?;
                    sums.iter_mut()
                        .zip(parts)
                        .for_each(|(sum, part)| *sum += part);
                }
                Ok(sums)
            })?;
            if !go_on {
                break;
            }
        }
        Ok(())
    }

    fn validate(&mut self, store: &Store, values: &[f32]) -> Result<Verdict, PhaseError> {
        let mut scores = Scores::default();
        let mut averaged = store.clone();
        averaged.values.copy_from_slice(values);
        for windows in &self.validation {
            let all: Vec<usize> = (0..windows.len()).collect();
            for which in all.chunks(self.phase.batch) {
                let [expression, affect] = windows.features(which);
                let pass = self
                    .heads
                    .forward(&averaged, [&expression, &affect], which.len())?;
                let (expression, affect) = (
                    pass.expression.to_vec2::<f32>()?,
                    pass.affect.to_vec2::<f32>()?,
                );
                let labels = which
                    .iter()
                    .flat_map(|w| &windows.labels[w * WINDOW..(w + 1) * WINDOW]);
                for ((expression, affect), labels) in expression.iter().zip(&affect).zip(labels) {
                    let said = estimate(expression, affect).ok_or(NetworkError::NotANumber)?;
                    score::push(&mut scores, &said, labels);
                }
            }
        }
        Ok(score::verdict(&scores))
    }
}

/// Adds the slopes of some windows.
fn slopes(
    heads: &Temporal,
    store: &Store,
    windows: &Windows,
    which: &[usize],
    grads: &mut [f32],
) -> Result<Parts, PhaseError> {
    let [expression, affect] = windows.features(which);
    let pass = heads.forward(store, [&expression, &affect], which.len())?;
    let taught = windows.taught.as_ref().map(|(e, a)| {
        (
            gather(e, which, windows.count),
            gather(a, which, windows.count),
        )
    });
    let loss = objective::of_batch(
        &pass.expression,
        &pass.affect,
        &windows.targets(which),
        taught.as_ref(),
    )?;
    pass.backward(&loss.total, grads)?;
    let total: f32 = loss.total.to_scalar()?;
    let [a, b, c, d] = loss.parts.map(f64::from);
    Ok([a, b, c, d, total.into()])
}
