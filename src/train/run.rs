//! A whole run: teacher and student, CNN and recurrent heads, one after the other (paper, section 3).

mod before;
mod known;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::cnn::CnnLearning;
use super::config::{BUILT_IN, GruPhase, NOTHING, Phase as CnnPhase, RunConfig, Shape};
use super::gru::{GruLearning, Shown, Taught, WINDOW, Windows};
use super::held::Held;
use super::loader::{Place, Plan, places};
use super::net::{Gpu, Store};
use super::objective::Task;
use super::phase::begun::{WEIGHTS, known};
use super::phase::{Learning, Phase, PhaseError, Step, Verdict, Watch};
use super::random::Rng;
use super::set::{Set, Split};
use super::teacher::Teacher;
use crate::formats::output::write_whole;
use crate::model::config::StudentConfig;
use crate::model::weights::Weights;

/// The phases, in their order.
pub const PHASES: [&str; 4] = ["teacher-cnn", "teacher-gru", "student-cnn", "student-gru"];

/// Whoever watches a run.
pub trait RunWatch: Watch {
    /// A phase begins, or goes on.
    fn phase(&mut self, name: &str, what: &str);
    /// Features of faces are computed: so many of so many. False: it is to end.
    fn features(&mut self, done: usize, of: usize) -> bool;
}

/// A run.
pub struct Run<'a> {
    /// What it is told.
    pub config: &'a RunConfig,
    /// Its sets.
    pub sets: &'a [Set],
    /// Where checkpoints, logs and weights go.
    pub out: &'a Path,
    /// The last phase that is wanted.
    pub until: Option<&'a str>,
    /// Threads that make batches.
    pub makers: usize,
    /// The GPU that the CNNs learn on, where it is not the CPU.
    pub gpu: Option<&'a Arc<Gpu>>,
}

impl Run<'_> {
    /// Runs all phases that are not over yet; gives the student's weights file, or that of the last phase wanted.
    ///
    /// # Errors
    /// [`PhaseError`].
    pub fn run(&self, watch: &mut dyn RunWatch) -> Result<PathBuf, PhaseError> {
        let student = Who {
            name: "student",
            before: "",
            shape_key: "student",
            shape: &self.config.student,
            start: &self.config.start,
        };
        // A student that cannot begin is known before its teacher is trained.
        self.begin("student-cnn", &student, &student.shape.config(false))?;
        self.stays(&student, &self.config.cnn)?;
        let _held = Held::hold(self.out)?;
        let RunConfig { teacher, .. } = self.config;
        self.can_be_learnt()?;
        let mut taught = match teacher {
            Some(teacher) => self.teachers(&teacher.weights)?,
            None => Vec::new(),
        };
        let learnt = teacher.as_ref().filter(|_| taught.is_empty());
        if !self.until.is_some_and(|until| until.starts_with("teacher")) {
            let phases = (&self.config.cnn, self.config.gru.as_ref());
            self.is_free(&student, phases, (&taught, learnt.is_some()))?;
        }
        if let Some(teacher) = learnt {
            let cnn = teacher.cnn.as_ref().unwrap_or(&self.config.cnn);
            let gru = teacher.gru.as_ref().or(self.config.gru.as_ref());
            let who = Who {
                name: "teacher",
                before: "teacher.",
                shape_key: "teacher.shape",
                shape: &teacher.shape,
                start: &teacher.start,
            };
            self.stays(&who, cnn)?;
            self.is_free(&who, (cnn, gru), (&[], false))?;
            let file = self.one(&who, (cnn, gru), &[], watch)?;
            if self.until.is_some_and(|until| until.starts_with("teacher")) {
                return Ok(file);
            }
            taught = self.teachers(&[file])?;
        }
        self.one(
            &student,
            (&self.config.cnn, self.config.gru.as_ref()),
            &taught,
            watch,
        )
    }

    /// Both phases of one network.
    fn one(
        &self,
        who: &Who<'_>,
        (cnn, gru): (&CnnPhase, Option<&GruPhase>),
        teachers: &[Arc<Teacher>],
        watch: &mut dyn RunWatch,
    ) -> Result<PathBuf, PhaseError> {
        let name = format!("{}-cnn", who.name);
        let config = who.shape.config(false);
        let file = self.out.join(format!("{name}.safetensors"));
        let store = self.cnn(&name, who, &config, cnn, teachers, watch)?;
        if cnn.epochs == 0 && file.exists() {
            is_it(&file, &store, &config)?;
        } else {
            self.write(&file, &store, &config)?;
        }
        let gru_name = format!("{}-gru", who.name);
        let Some(gru) = gru.filter(|_| self.until != Some(&*name)) else {
            return Ok(file);
        };
        let whole = who.shape.config(true);
        let mut begin = Store::new(&whole);
        let mut rng = self.rng(&gru_name);
        begin.begin(|| rng.unit() as f32);
        begin.take_from(&store);
        let network = (who, &whole, begin);
        let store = self.gru(&gru_name, &file, network, gru, teachers, watch)?;
        let file = self.out.join(format!("{}.safetensors", who.name));
        self.write(&file, &store, &whole)?;
        Ok(file)
    }

    /// What a network begins with, how that is known (a word, or the checksum of its weights), and whether it grew out of a
    /// smaller one.
    fn begin(
        &self,
        name: &str,
        who: &Who<'_>,
        config: &StudentConfig,
    ) -> Result<(Store, String, bool), PhaseError> {
        let mut begin = Store::new(config);
        let mut rng = self.rng(name);
        begin.begin(|| rng.unit() as f32);
        let mut known = who.start.to_owned();
        let mut grown = false;
        if who.start != NOTHING {
            let path = (who.start != BUILT_IN).then(|| Path::new(who.start));
            let weights = Weights::load(path)?;
            grown = begin
                .grow(&weights, || rng.unit() as f32)
                .map_err(|e| self.is_no_start(who, &weights, &e))?;
            if path.is_some() {
                known = weights.sha256;
            }
        }
        Ok((begin, known, grown))
    }

    fn cnn(
        &self,
        name: &str,
        who: &Who<'_>,
        config: &StudentConfig,
        phase: &CnnPhase,
        teachers: &[Arc<Teacher>],
        watch: &mut dyn RunWatch,
    ) -> Result<Store, PhaseError> {
        let (mut begin, start, grown) = self.begin(name, who, config)?;
        let of = self.depends_on(who, self.of_cnn(who, &start, phase), teachers);
        let files = self.phase(name, phase.course(), self.config.checkpoint_steps, of);
        // Another run's folder is refused before anything is made for it.
        files.is_done()?;
        if phase.epochs == 0 {
            watch.phase(name, "no epochs: it stays what it begins with");
            return Ok(begin);
        }
        let plan = Plan::new(
            self.sets,
            phase,
            &self.config.augment,
            config,
            (self.seed(name), self.makers),
        );
        let validation: Vec<Place> = Task::ALL
            .into_iter()
            .flat_map(|task| places(self.sets, Split::Validation, task))
            .collect();
        let tasks: Vec<String> = plan
            .faces()
            .iter()
            .map(|(task, n)| format!("{n} faces ({})", task.name()))
            .collect();
        let what = format!(
            "{}; {} to validate on; {} steps an epoch{}",
            tasks.join(", "),
            validation.len(),
            plan.steps(),
            match (who.start != NOTHING, phase.forget) {
                (true, forget) if forget > 0.0 => {
                    format!("; {} % of what it begins with is let go of", 100.0 * forget)
                }
                _ if grown => "; it begins as the smaller network that it grows out of".to_owned(),
                _ => String::new(),
            },
        );
        let before = (who.start != NOTHING && phase.keep > 0.0).then(|| begin.values.clone());
        if who.start != NOTHING && phase.forget > 0.0 {
            let mut rng = Rng::stream(self.seed(name), &[1]);
            let mut first = Store::new(config);
            first.begin(|| rng.unit() as f32);
            keep(&first.values, phase.forget, &mut begin.values);
        }
        let mut learning = CnnLearning::new(
            config,
            &begin,
            (self.sets, plan, phase),
            validation,
            (teachers, self.gpu),
        )?;
        watch.phase(name, &what);
        let mut store = self.finish(&files, &mut learning, begin, watch)?;
        if let Some(before) = before {
            keep(&before, phase.keep, &mut store.values);
        }
        Ok(store)
    }

    fn gru(
        &self,
        name: &str,
        cnn: &Path,
        (who, config, begin): (&Who<'_>, &StudentConfig, Store),
        phase: &GruPhase,
        teachers: &[Arc<Teacher>],
        watch: &mut dyn RunWatch,
    ) -> Result<Store, PhaseError> {
        let cnn = Teacher::new(Weights::load(Some(cnn))?)?;
        let student = &cnn.student;
        let of = self.depends_on(
            who,
            vec![
                known(&self.key(who, "gru"), phase),
                known(&format!("{WEIGHTS} the CNN"), &cnn.checksum()),
            ],
            teachers,
        );
        let known_by = of.clone();
        let phase_files = self.phase(name, phase.course(), usize::MAX, of);
        let features = |split: Split, task: Task| {
            let file = format!("{name}.{}-{}.features", split.name(), task.name());
            self.out.join(file)
        };
        let forget_features = || {
            for split in Split::ALL {
                for task in Task::ALL {
                    // Most were never there. One that cannot be removed costs room on the disk, and nothing else.
                    let _ = std::fs::remove_file(features(split, task));
                }
            }
        };
        if phase_files.is_done()? {
            // Nothing is learnt any more: windows are not wanted.
            forget_features();
            return self.finish(&phase_files, &mut Over, begin, watch);
        }
        watch.phase(name, "features of the finished CNN");
        let taught = teachers.first().map(|teacher| Taught {
            is_cnn: teacher.is_cnn_of(&cnn),
            teacher,
        });
        let seed = self.seed(name);
        let shown = Shown {
            phase,
            seed,
            augment: &self.config.augment,
        };
        let mut of = |split: Split| {
            let windows = Task::ALL.into_iter().map(|task| {
                let taught = taught.filter(|_| split == Split::Train);
                let of = (self.sets, split, task);
                let file = features(split, task);
                Windows::of(
                    of,
                    &shown,
                    student,
                    taught,
                    (&file, &known_by),
                    |done, of| watch.features(done, of),
                )
            });
            windows.collect::<Result<Vec<_>, PhaseError>>()
        };
        let (training, validation) = (of(Split::Train)?, of(Split::Validation)?);
        watch.phase(name, &told(&training, &validation));
        let mut learning = GruLearning::new(config, &begin, (phase, seed), training, validation)?;
        let store = self.finish(&phase_files, &mut learning, begin, watch)?;
        forget_features();
        Ok(store)
    }

    fn phase<'b>(
        &self,
        name: &'b str,
        course: super::config::Course,
        every: usize,
        of: String,
    ) -> Phase<'b> {
        Phase {
            name,
            folder: self.out.to_owned(),
            course,
            adam: self.config.adam,
            checkpoint_every: every,
            of,
        }
    }

    fn finish(
        &self,
        phase: &Phase<'_>,
        learning: &mut dyn Learning,
        begin: Store,
        watch: &mut dyn RunWatch,
    ) -> Result<Store, PhaseError> {
        let (store, _) = phase.run(learning, begin, watch)?;
        Ok(store)
    }

    fn write(&self, file: &Path, store: &Store, config: &StudentConfig) -> Result<(), PhaseError> {
        let card = &self.config.card;
        let config = StudentConfig {
            origin: format!("affectscope {} train run", env!("CARGO_PKG_VERSION")),
            trained_on: card.trained_on.clone(),
            affect_labels: card.affect_labels.clone(),
            licence: card.licence.clone(),
            ..config.clone()
        };
        let json =
            serde_json::to_string(&config).map_err(|e| PhaseError::NoFaces(e.to_string()))?;
        let bytes = store.to_safetensors(&store.values, &json)?;
        Ok(write_whole(file, &bytes, true).map_err(super::checkpoint::CheckpointError::from)?)
    }
}

/// Whether a file has just these values: a CNN that is merely kept must not take the place of one that was trained.
fn is_it(file: &Path, store: &Store, config: &StudentConfig) -> Result<(), PhaseError> {
    let mut there = Store::new(config);
    let same = Weights::load(Some(file))
        .is_ok_and(|weights| there.load(&weights, |_| false).is_ok())
        && there.values == store.values;
    if same {
        return Ok(());
    }
    Err(PhaseError::NoFaces(format!(
        "{}: it is there and is another CNN than the one to begin with. Give another --out.",
        file.display()
    )))
}

/// What the recurrent heads learn from and are validated on, in words.
fn told(training: &[Windows<'_>], validation: &[Windows<'_>]) -> String {
    fn sum<'a>(all: &[Windows<'a>], of: fn(&Windows<'a>) -> usize) -> usize {
        all.iter().map(of).sum()
    }
    let bytes: u64 = training.iter().chain(validation).map(Windows::bytes).sum();
    format!(
        "{} windows of {WINDOW} an epoch, {} of them of videos, the others of {} still faces ({:.1} MiB of features); {} windows \
         and {} still faces to validate on",
        sum(training, Windows::len),
        sum(training, Windows::films),
        sum(training, Windows::stills),
        bytes as f64 / f64::from(1 << 20),
        sum(validation, Windows::films),
        sum(validation, Windows::stills),
    )
}

/// Puts this part of other values into some.
fn keep(before: &[f32], part: f64, values: &mut [f32]) {
    for (value, before) in values.iter_mut().zip(before) {
        *value = (part * f64::from(*before) + (1.0 - part) * f64::from(*value)) as f32;
    }
}

/// A phase that is over: its checkpoint has all that is wanted of it.
struct Over;

impl Learning for Over {
    fn steps(&self) -> usize {
        0
    }

    fn learns(&self, _: &str) -> bool {
        false
    }

    fn epoch(&mut self, _: usize, _: usize, _: &mut Step<'_>) -> Result<(), PhaseError> {
        Ok(())
    }

    fn validate(&mut self, _: &Store, _: &[f32]) -> Result<Verdict, PhaseError> {
        Ok(Verdict::default())
    }
}

/// One of the two networks.
struct Who<'a> {
    name: &'a str,
    /// What stands before its keys in the config.
    before: &'a str,
    /// Where its shape stands there.
    shape_key: &'a str,
    shape: &'a Shape,
    start: &'a str,
}
