//! What a training run is told: a TOML file, every field with a default.

pub(in crate::train) mod check;
mod course;
pub(in crate::train) mod load;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub(in crate::train) use self::course::is_zero;
pub use self::course::{Course, GruPhase, Phase, Schedule};
pub use self::load::ConfigError;
use super::augment::Augment;
use super::net::AdamConfig;
use crate::model::config::{
    BackboneConfig, Color, HeadsConfig, Mean, StudentConfig, TemporalConfig,
};

/// A `start` without weights.
pub const NOTHING: &str = "nothing";
/// A `start` with the weights that are in the program.
pub const BUILT_IN: &str = "built-in";

/// A training run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Sets that `train prepare` made. Relative to this file's folder.
    pub sets: Vec<PathBuf>,
    /// Everything random comes from it: the same seed, on the CPU the same weights.
    #[serde(default = "one")]
    pub seed: u64,
    /// Threads that share a step; 0: as many as there are cores. The weights do not depend on it.
    #[serde(default)]
    pub threads: usize,
    /// Steps of a CNN's phase between two checkpoints; one is written after each epoch, too.
    #[serde(default = "checkpoint_steps")]
    pub checkpoint_steps: usize,
    /// Where the student begins: `nothing`, `built-in`, or a weights file of its shape or a smaller one, out of which it
    /// grows (`train/net/grow.rs`).
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
    /// `nothing`, `built-in`, or a weights file to begin with, of its shape or a smaller one, out of which it grows.
    #[serde(default = "nothing")]
    pub start: String,
    /// Weights that are finished already, one file or several: the teacher's phases are left out. Of several, a CNN learns
    /// what they say on average; recurrent heads have one teacher.
    #[serde(default, deserialize_with = "one_or_several")]
    pub weights: Vec<PathBuf>,
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
    /// A network's.
    pub fn of(config: &StudentConfig) -> Self {
        let backbone = &config.backbone;
        Self {
            color: backbone.color,
            mean: backbone.mean.clone(),
            scale: backbone.scale,
            resize: config.resize,
            stem: backbone.stem,
            widths: backbone.widths,
            blocks: backbone.blocks,
        }
    }

    /// As a line of a config, of this name.
    pub fn written(&self, table: &str) -> String {
        let values = toml::Value::try_from(self).map_or_else(|e| e.to_string(), |v| v.to_string());
        format!("{table} = {values}")
    }

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
            offsets: None,
            origin: String::new(),
            trained_on: String::new(),
            affect_labels: String::new(),
            licence: String::new(),
            scores: Default::default(),
            weak_spots: Default::default(),
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

/// A path, or several.
fn one_or_several<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<PathBuf>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a path, or a list of paths")]
    enum Paths {
        One(PathBuf),
        Several(Vec<PathBuf>),
    }
    Ok(match Paths::deserialize(from)? {
        Paths::One(path) => vec![path],
        Paths::Several(paths) if paths.is_empty() => {
            return Err(serde::de::Error::custom(
                "an empty list; name a file, or leave it out to train a teacher",
            ));
        }
        Paths::Several(paths) => paths,
    })
}

fn one() -> u64 {
    1
}

fn checkpoint_steps() -> usize {
    50
}

fn nothing() -> String {
    NOTHING.to_owned()
}
