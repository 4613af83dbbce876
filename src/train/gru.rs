//! The recurrent heads' phase: windows of the finished CNN's features, of videos or composed of stills.

mod bank;
mod films;
mod kept;
mod pictures;
mod room;

use std::path::Path;

use self::bank::Bank;
use self::films::{Films, split_up};
use self::kept::Kept;
use self::pictures::Stills;
pub use self::room::{has_room, has_windows};
use self::room::{networks, pictures, too_few};
use super::augment::{Augment, view};
use super::config::GruPhase;
use super::loader::{Place, shares, weights_of};
use super::net::{Store, Temporal};
use super::objective::{self, Targets, Task, TeacherLogits};
use super::phase::{Learning, Parts, PhaseError, Step, Verdict};
use super::random::Rng;
use super::score;
use super::set::{Labels, Sample, Set, Split};
use super::teacher::Teacher;
use crate::analysis::Crop;
use crate::evaluate::matching::Scores;
use crate::model::config::{CROP_SIDE_PX, StudentConfig};
use crate::model::heads::estimate;
use crate::model::student::{NetworkError, Student};

/// Frames of a window, as the config of our networks has it.
pub const WINDOW: usize = 32;
/// Frames that may be missing within a sequence: more than a second at 30 a second begins a new one.
const MOST_GAP: u64 = 30;
/// The most faces that a composed window shows, one after the other.
const MOST_FACES: usize = 3;
/// Part of the composed windows that show one picture all the time.
const STILL_PART: f64 = 0.3;
/// What the numbers of a stream are for; the CNN's phase has 1 to 3, by another seed.
mod stream {
    pub const MADE: u64 = 3;
    pub const MOVE: u64 = 4;
    pub const ORDER: u64 = 5;
    pub const LOOK: u64 = 6;
    pub const FACES: u64 = 7;
    pub const GUEST: u64 = 8;
}

/// Some windows with all that is learnt from them.
#[derive(Default)]
struct Batch {
    /// Of the expression head and of the affect head, `[S, T, 128]`.
    features: [Vec<f32>; 2],
    /// `[S * T]`
    labels: Vec<Labels>,
    /// Of each step, where somebody teaches: `[S * T * 7]`, `[S * T * 40]`.
    taught: Option<TeacherLogits>,
}

impl Batch {
    fn new(taught: bool) -> Self {
        Self {
            taught: taught.then(Default::default),
            ..Self::default()
        }
    }

    /// Windows.
    fn len(&self) -> usize {
        self.labels.len() / WINDOW
    }
}

/// Windows of one split and task: those of its videos, and what others are composed of.
pub struct Windows<'a> {
    task: Task,
    /// Whether expressions are learnt from people's votes where there are any.
    votes: bool,
    /// Whether labels are not learnt at all.
    from_teacher: bool,
    films: Films,
    bank: Bank,
    /// Windows of stills in an epoch.
    made: usize,
    teacher: Option<&'a Teacher>,
    /// What is kept of the stills, in memory.
    bytes: u64,
}

/// How the faces of a split are shown to the recurrent heads.
pub struct Shown<'a> {
    /// The phase.
    pub phase: &'a GruPhase,
    /// All that is random comes from it.
    pub seed: u64,
    /// What the CNN's phase does to pictures.
    pub augment: &'a Augment,
}

/// Who teaches the recurrent heads.
#[derive(Clone, Copy)]
pub struct Taught<'a> {
    /// It.
    pub teacher: &'a Teacher,
    /// Whether its CNN is the one that the heads learn on ([`Teacher::is_cnn_of`]): it has seen everything already.
    pub is_cnn: bool,
}

impl<'a> Windows<'a> {
    /// Runs a finished CNN over the windows of a split's videos and over every still face: of the training split in some
    /// appearances, each moved a little; of the others as they are. `taught`: who teaches. `keep`: a file that has what the
    /// networks said before a run was killed, and by what it is known as this run's. `progress` is told how many faces of how
    /// many are done, and says whether to go on.
    ///
    /// # Errors
    /// When a network or the file fails, or it was to end.
    pub fn of(
        (sets, split, task): (&[Set], Split, Task),
        shown: &Shown<'_>,
        student: &Student,
        taught: Option<Taught<'a>>,
        keep: (&Path, &str),
        mut progress: impl FnMut(usize, usize) -> bool,
    ) -> Result<Self, PhaseError> {
        let phase = shown.phase;
        let training = split == Split::Train;
        let (windows, mut stills) = split_up(sets, split, task);
        if phase.made == 0 {
            stills.clear();
        }
        let pictures = pictures(split, shown);
        let width = student.config().heads.hidden;
        let bytes = pictures.bytes(
            stills.len(),
            width,
            networks(taught.is_some_and(|t| !t.is_cnn)),
        );
        let whole = windows.len() * WINDOW + stills.len();
        let mut done = 0;
        let mut progress = |faces: usize| {
            done += faces;
            progress(done, whole)
        };
        let mut kept = match whole {
            0 => Kept::default(),
            _ => Kept::open(keep.0, keep.1)?,
        };
        let films = Films::of(sets, &windows, student, taught, (&mut kept, &mut progress))?;
        let weighted = training.then(|| weights_of(task, sets, &stills, phase.balance));
        let sample = |(s, i): Place| sets[s].sample(i);
        let stills = Stills {
            places: &stills,
            sample: &sample,
        };
        let bank = Bank::of(
            (stills, phase.votes, phase.from_teacher),
            pictures,
            student,
            taught,
            weighted.flatten(),
            (&mut kept, &mut progress),
        )?;
        Ok(Self {
            task,
            votes: phase.votes,
            from_teacher: phase.from_teacher && training,
            films,
            bank,
            made: phase.made,
            teacher: taught.map(|t| t.teacher),
            bytes,
        })
    }

    /// Windows of videos.
    pub fn films(&self) -> usize {
        self.films.len()
    }

    /// Still faces.
    pub fn stills(&self) -> usize {
        self.bank.len()
    }

    /// What is kept of the still faces, bytes of memory.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Windows of an epoch.
    pub fn len(&self) -> usize {
        let made = if self.bank.len() > 0 { self.made } else { 0 };
        self.films.len() + made
    }

    /// True without any.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn targets(&self, labels: &[Labels]) -> Targets {
        let shares = |labels: &Labels| shares(labels, self.votes);
        let affect = |labels: &Labels| labels.affect.unwrap_or_default();
        let wanted = |of_task: bool| match of_task && !self.from_teacher {
            true => labels,
            false => &[],
        };
        Targets {
            task: self.task,
            expression: wanted(self.task.has_expression())
                .iter()
                .map(shares)
                .collect(),
            affect: wanted(self.task.has_affect()).iter().map(affect).collect(),
        }
    }
}

/// A face as a network with this config takes it.
fn crop(sample: &Sample<'_>, config: &StudentConfig, how: &Augment, rng: &mut Rng) -> Vec<u8> {
    crop_of(sample, (config, config.resize_px()), how, rng)
}

fn crop_of(
    sample: &Sample<'_>,
    (config, resize_px): (&StudentConfig, usize),
    how: &Augment,
    rng: &mut Rng,
) -> Vec<u8> {
    let color = config.backbone.color;
    let mut pixels = vec![0; CROP_SIDE_PX * CROP_SIDE_PX * color.channels()];
    view(sample, color, resize_px, how, rng, &mut pixels);
    pixels
}

fn network_crop(config: &StudentConfig, pixels: Vec<u8>) -> Crop {
    Crop {
        face_id: 1,
        side_px: CROP_SIDE_PX,
        channels: config.backbone.color.channels(),
        pixels: pixels.into(),
    }
}

/// What the recurrent phase learns from, and with.
pub struct GruLearning<'a> {
    phase: &'a GruPhase,
    heads: Temporal,
    training: Vec<Windows<'a>>,
    validation: Vec<Windows<'a>>,
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
        training: Vec<Windows<'a>>,
        validation: Vec<Windows<'a>>,
    ) -> Result<Self, PhaseError> {
        let training: Vec<_> = training
            .into_iter()
            .filter(|w| w.len() >= phase.batch)
            .collect();
        let validation: Vec<_> = validation.into_iter().filter(|w| !w.is_empty()).collect();
        if training.is_empty() || validation.is_empty() {
            return Err(too_few(phase, "gru"));
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
        // What is composed depends on the epoch alone: whoever goes on within it sees the same.
        let plans = self.training.iter().map(|windows| {
            let task = windows.task;
            let made = windows.bank.compose(windows.made, (self.seed, task, epoch));
            let mut order: Vec<usize> = (0..windows.films.len() + made.len()).collect();
            let place = [stream::ORDER, task as u64, epoch as u64];
            Rng::stream(self.seed, &place).shuffle(&mut order);
            (windows, made, order)
        });
        let plans: Vec<_> = plans.collect();
        for number in from..self.steps() {
            let faces = self.training.len() * size * WINDOW;
            let go_on = step(number, faces, &mut |store, grads| {
                let mut sums = [0.0; 5];
                for (windows, made, order) in &plans {
                    let mut batch = Batch::new(windows.teacher.is_some());
                    for &window in &order[number * size..(number + 1) * size] {
                        match window.checked_sub(windows.films.len()) {
                            None => windows.films.add(window, &mut batch),
                            Some(of) => windows.bank.add(&made[of], windows.teacher, &mut batch),
                        }
                    }
                    let parts = slopes(&self.heads, store, windows, &batch, grads)?;
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
            let films: Vec<usize> = (0..windows.films.len()).collect();
            for part in films.chunks(self.phase.batch) {
                let mut batch = Batch::default();
                part.iter()
                    .for_each(|&window| windows.films.add(window, &mut batch));
                self.score(&averaged, &batch, 1, &mut scores)?;
            }
            // A still counts once: by the first step, as the offline protocol and `train eval` read it.
            let stills: Vec<usize> = (0..windows.bank.len()).collect();
            for part in stills.chunks(self.phase.batch) {
                let mut batch = Batch::default();
                for &face in part {
                    let still = windows.bank.still(face);
                    windows.bank.add(&still, None, &mut batch);
                }
                self.score(&averaged, &batch, WINDOW, &mut scores)?;
            }
        }
        Ok(score::verdict(&scores))
    }
}

impl GruLearning<'_> {
    /// Scores every so manieth frame of a batch.
    fn score(
        &self,
        store: &Store,
        batch: &Batch,
        every: usize,
        scores: &mut Scores,
    ) -> Result<(), PhaseError> {
        let [expression, affect] = &batch.features;
        let pass = self
            .heads
            .forward(store, [expression, affect], batch.len())?;
        let (expression, affect) = (
            pass.expression.to_vec2::<f32>()?,
            pass.affect.to_vec2::<f32>()?,
        );
        let frames = expression.iter().zip(&affect).zip(&batch.labels);
        for ((expression, affect), labels) in frames.step_by(every) {
            let said = estimate(expression, affect).ok_or(NetworkError::NotANumber)?;
            score::push(scores, &said, labels);
        }
        Ok(())
    }
}

/// Adds the slopes of some windows.
fn slopes(
    heads: &Temporal,
    store: &Store,
    windows: &Windows<'_>,
    batch: &Batch,
    grads: &mut [f32],
) -> Result<Parts, PhaseError> {
    let [expression, affect] = &batch.features;
    let pass = heads.forward(store, [expression, affect], batch.len())?;
    let loss = objective::of_batch(
        &pass.expression,
        &pass.affect,
        &windows.targets(&batch.labels),
        batch.taught.as_ref(),
    )?;
    pass.backward(&loss.total, grads)?;
    let total: f32 = loss.total.to_scalar()?;
    let [a, b, c, d] = loss.parts.map(f64::from);
    Ok([a, b, c, d, total.into()])
}
