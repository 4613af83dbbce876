//! What a training run is told: a TOML file, every field with a default.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::augment::Augment;
use super::net::AdamConfig;
use crate::model::config::{
    BackboneConfig, Color, HeadsConfig, Mean, StudentConfig, TemporalConfig,
};

/// A training run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Sets that `train prepare` made. Relative to this file's folder.
    pub sets: Vec<PathBuf>,
    /// Everything random comes from it: the same seed, the same weights.
    #[serde(default = "one")]
    pub seed: u64,
    /// Threads that share a step; 0: as many as there are cores. The weights do not depend on it.
    #[serde(default)]
    pub threads: usize,
    /// Steps of a CNN's phase between two checkpoints; one is written after each epoch, too.
    #[serde(default = "checkpoint_steps")]
    pub checkpoint_steps: usize,
    /// Where the student begins: `nothing`, `built-in`, or a weights file of its shape.
    #[serde(default = "nothing")]
    pub start: String,
    /// The student.
    #[serde(default)]
    pub student: Shape,
    /// The teacher; without one the student learns from labels alone.
    #[serde(default)]
    pub teacher: Option<Teacher>,
    /// What is done to pictures of the training split.
    #[serde(default)]
    pub augment: Augment,
    /// The optimiser.
    #[serde(default)]
    pub adam: AdamConfig,
    /// The CNN's phase.
    #[serde(default)]
    pub cnn: Phase,
    /// The recurrent heads' phase; absent: a CNN alone.
    #[serde(default)]
    pub gru: Option<GruPhase>,
    /// For the card of the weights that come out.
    #[serde(default)]
    pub card: Card,
}

/// The teacher.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Teacher {
    /// Its network.
    #[serde(default)]
    pub shape: Shape,
    /// `nothing`, or a weights file of its shape to begin with.
    #[serde(default = "nothing")]
    pub start: String,
    /// Weights that are finished already: the teacher's phases are left out.
    #[serde(default)]
    pub weights: Option<PathBuf>,
    /// The CNN's phase; the student's where it is absent.
    #[serde(default)]
    pub cnn: Option<Phase>,
    /// The recurrent heads' phase; the student's where it is absent.
    #[serde(default)]
    pub gru: Option<GruPhase>,
}

/// A network's size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Shape {
    /// `gray` or `rgb`.
    pub color: Color,
    /// Taken off each pixel value: one number, or one for each colour.
    pub mean: Mean,
    /// What the difference is divided by.
    pub scale: f32,
    /// The side to which a crop is enlarged before its centre is taken, pixels: 134 for the reference's networks.
    pub resize: Option<usize>,
    /// Channels of the stem.
    pub stem: usize,
    /// Bottleneck width of each stage.
    pub widths: [usize; 4],
    /// Blocks in each stage.
    pub blocks: [usize; 4],
}

impl Default for Shape {
    /// The thin student.
    fn default() -> Self {
        Self {
            color: Color::Gray,
            mean: Mean::One(127.5),
            resize: None,
            scale: 64.0,
            stem: 32,
            widths: [32, 64, 128, 256],
            blocks: [2, 2, 3, 2],
        }
    }
}

impl Shape {
    /// The config of a network of this size, with recurrent heads or without.
    pub fn config(&self, temporal: bool) -> StudentConfig {
        StudentConfig {
            kind: "student".to_owned(),
            backbone: BackboneConfig {
                input: [self.color.channels(), 112, 112],
                color: self.color,
                mean: self.mean.clone(),
                scale: self.scale,
                stem: self.stem,
                widths: self.widths,
                blocks: self.blocks,
                expansion: 4,
            },
            heads: HeadsConfig {
                hidden: 128,
                expression: 7,
                affect: 40,
            },
            temporal: temporal.then(|| TemporalConfig {
                cell: "gru".to_owned(),
                hidden: 64,
                bidirectional: true,
                window: 32,
                rate_hz: 30.0,
            }),
            resize: self.resize,
            int8: None,
            temperatures: None,
            origin: String::new(),
            trained_on: String::new(),
            affect_labels: String::new(),
            licence: String::new(),
            scores: Default::default(),
        }
    }
}

/// How a phase goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Phase {
    /// Pictures of each task in a step.
    pub batch: usize,
    /// Epochs at most.
    pub epochs: usize,
    /// Epochs without a better score after which it stops.
    pub patience: usize,
    /// Learning rate at its height.
    pub rate: f64,
    /// How the rate goes.
    pub schedule: Schedule,
    /// Epochs in which the rate rises from nothing.
    pub warm_up: f64,
    /// Samples are drawn with replacement, each with its weight to this power: 1 is the paper's, 0 takes every sample
    /// once an epoch, in a new order.
    pub balance: f64,
    /// The share of votes is the target where it is known, in place of the label.
    pub votes: bool,
    /// Part of the target that is spread over all expressions.
    pub smoothing: f64,
    /// The moving average keeps this much of itself in a step; 0: there is none.
    pub average: f64,
}

impl Default for Phase {
    /// The paper's CNN.
    fn default() -> Self {
        Self {
            batch: 64,
            epochs: 40,
            patience: 5,
            rate: 1e-4,
            schedule: Schedule::Steps,
            warm_up: 0.0,
            balance: 1.0,
            votes: false,
            smoothing: 0.0,
            average: 0.0,
        }
    }
}

/// How the learning rate goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// A tenth of itself every three epochs (the reference's).
    Steps,
    /// Half a cosine down to nothing at the last epoch.
    Cosine,
    /// As it is.
    Constant,
}

/// How any phase goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    /// Epochs at most.
    pub epochs: usize,
    /// Epochs without a better score after which it stops.
    pub patience: usize,
    /// Learning rate at its height.
    pub rate: f64,
    /// How the rate goes.
    pub schedule: Schedule,
    /// Epochs in which the rate rises from nothing.
    pub warm_up: f64,
    /// What the moving average keeps of itself in a step; 0: there is none.
    pub average: f64,
}

impl Phase {
    /// Its course.
    pub fn course(&self) -> Course {
        Course {
            epochs: self.epochs,
            patience: self.patience,
            rate: self.rate,
            schedule: self.schedule,
            warm_up: self.warm_up,
            average: self.average,
        }
    }
}

impl GruPhase {
    /// Its course.
    pub fn course(&self) -> Course {
        Course {
            epochs: self.epochs,
            patience: self.patience,
            rate: self.rate,
            schedule: self.schedule,
            warm_up: 0.0,
            average: 0.0,
        }
    }
}

impl Course {
    /// The learning rate at a time, in epochs.
    pub fn rate_at(&self, epoch: f64) -> f64 {
        let rise = if epoch < self.warm_up {
            epoch / self.warm_up
        } else {
            1.0
        };
        let fall = match self.schedule {
            Schedule::Steps => 0.1f64.powi((epoch / 3.0).floor() as i32),
            Schedule::Constant => 1.0,
            Schedule::Cosine => {
                let whole = (self.epochs as f64 - self.warm_up).max(1e-9);
                let part = ((epoch - self.warm_up) / whole).clamp(0.0, 1.0);
                (1.0 + (std::f64::consts::PI * part).cos()) / 2.0
            }
        };
        self.rate * rise * fall
    }
}

/// The recurrent heads' phase.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GruPhase {
    /// Sequences in a step.
    pub batch: usize,
    /// Epochs at most.
    pub epochs: usize,
    /// Epochs without a better score after which it stops.
    pub patience: usize,
    /// Learning rate at its height.
    pub rate: f64,
    /// How the rate goes.
    pub schedule: Schedule,
    /// Sequences of 32 that are made from stills, where a set has no videos: of the training split.
    pub made: usize,
    /// The same of the validation split.
    pub made_validation: usize,
    /// Learn people's votes where there are any, not their majority alone.
    pub votes: bool,
    /// Show the faces of made sequences of the training split in views as the CNN's phase has them, not plainly: a CNN
    /// is surer of the very pictures that it learnt than of any other.
    pub views: bool,
}

impl Default for GruPhase {
    /// The paper's.
    fn default() -> Self {
        Self {
            batch: 16,
            epochs: 40,
            patience: 6,
            rate: 1e-4,
            schedule: Schedule::Steps,
            made: 4000,
            made_validation: 500,
            votes: false,
            views: false,
        }
    }
}

/// What the weights' card says that no measurement tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Card {
    /// What they were trained on, and under which terms that is had.
    pub trained_on: String,
    /// Where valence and arousal labels come from.
    pub affect_labels: String,
    /// Terms of the weights.
    pub licence: String,
}

fn one() -> u64 {
    1
}

fn checkpoint_steps() -> usize {
    50
}

fn nothing() -> String {
    "nothing".to_owned()
}

/// Why a config cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: cannot be read ({reason}). Check the path.", path = path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// The system's word.
        reason: std::io::Error,
    },
    /// It is no such config.
    #[error("{path}: {reason}", path = path.display())]
    Wrong {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
}

impl RunConfig {
    /// Reads a file; paths in it are relative to its folder.
    ///
    /// # Errors
    /// When it cannot be read, has an unknown field, or a value is out of range.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|reason| ConfigError::Io {
            path: path.to_owned(),
            reason,
        })?;
        let wrong = |reason: String| ConfigError::Wrong {
            path: path.to_owned(),
            reason,
        };
        let mut config: Self = toml::from_str(&text).map_err(|e| wrong(e.to_string()))?;
        config.check().map_err(wrong)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for set in &mut config.sets {
            *set = folder.join(&*set);
        }
        let start = |text: &mut String| {
            if !matches!(&**text, "nothing" | "built-in") {
                *text = folder.join(&*text).to_string_lossy().into_owned();
            }
        };
        start(&mut config.start);
        if let Some(teacher) = &mut config.teacher {
            start(&mut teacher.start);
            teacher.weights = teacher.weights.take().map(|w| folder.join(w));
        }
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        let teacher = self.teacher.as_ref();
        if self.checkpoint_steps == 0 {
            return Err("`checkpoint_steps` must be at least 1.".to_owned());
        }
        self.augment.check().map_err(|e| format!("{e}."))?;
        if self.sets.is_empty() {
            return Err(
                "`sets` names no set; make one with `affectscope train prepare`.".to_owned(),
            );
        }
        for phase in [Some(&self.cnn), teacher.and_then(|t| t.cnn.as_ref())]
            .into_iter()
            .flatten()
        {
            let ok = (2..=1024).contains(&phase.batch)
                && (1..=10_000).contains(&phase.epochs)
                && phase.patience >= 1
                && phase.rate > 0.0
                && phase.rate < 10.0
                && phase.warm_up >= 0.0
                && (0.0..=1.0).contains(&phase.balance)
                && (0.0..1.0).contains(&phase.smoothing)
                && (0.0..1.0).contains(&phase.average);
            if !ok {
                return Err(format!(
                    "a value of a CNN's phase is out of range: {phase:?}."
                ));
            }
        }
        for phase in [self.gru.as_ref(), teacher.and_then(|t| t.gru.as_ref())]
            .into_iter()
            .flatten()
        {
            let ok = (1..=1024).contains(&phase.batch)
                && (1..=10_000).contains(&phase.epochs)
                && phase.patience >= 1
                && phase.rate > 0.0
                && phase.rate < 10.0
                && phase.made <= 1_000_000
                && phase.made_validation <= 1_000_000;
            if !ok {
                return Err(format!(
                    "a value of the recurrent phase is out of range: {phase:?}."
                ));
            }
        }
        for shape in [Some(&self.student), teacher.map(|t| &t.shape)]
            .into_iter()
            .flatten()
        {
            let json = serde_json::to_string(&shape.config(self.gru.is_some()))
                .map_err(|e| e.to_string())?;
            StudentConfig::parse(&json).map_err(|e| format!("a network's shape: {e}."))?;
        }
        Ok(())
    }
}
