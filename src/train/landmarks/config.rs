//! What a landmark network's training is told: a TOML file, every field but the sets with a default.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::super::augment::Augment;
use super::super::config::check::{self, MOST, above, number, whole};
use super::super::config::{ConfigError, Course, NOTHING, Schedule, is_zero, load};
use super::super::net::AdamConfig;
use crate::model::points::{KIND, Layer, PointsConfig};

/// A landmark network's training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LandmarksConfig {
    /// Sets that `train prepare` made, of databases that come with landmarks. Relative to this file's folder.
    pub sets: Vec<PathBuf>,
    /// Everything random comes from it: the same seed, the same weights.
    #[serde(default = "one")]
    pub seed: u64,
    /// Threads that share a step; 0: as many as there are cores. The weights do not depend on it.
    #[serde(default)]
    pub threads: usize,
    /// `nothing`, or a weights file of this shape to begin with.
    #[serde(default = "nothing")]
    pub start: String,
    /// The network.
    #[serde(default)]
    pub network: NetworkShape,
    /// Where the network looks, and what it is shown that is no face.
    #[serde(default)]
    pub views: Views,
    /// What is done to the light and the pixels of a view; what moves them is in `views`, and not used of this.
    #[serde(default)]
    pub augment: Augment,
    /// The optimiser.
    #[serde(default)]
    pub adam: AdamConfig,
    /// How it goes.
    #[serde(default)]
    pub course: LandmarksCourse,
    /// For the card of the weights that come out.
    #[serde(default)]
    pub card: LandmarksCard,
}

/// The network's size.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkShape {
    /// 3x3 layers, from the picture on.
    pub layers: Vec<Layer>,
    /// Units of the full layer behind them.
    pub hidden: usize,
    /// Whether it says how likely it is a face.
    pub face_score: bool,
}

impl Default for NetworkShape {
    fn default() -> Self {
        let layer = |(channels, step)| Layer { channels, step };
        Self {
            layers: [(32, 2), (32, 2), (64, 1), (64, 2), (128, 1), (128, 2)]
                .map(layer)
                .to_vec(),
            hidden: 128,
            face_score: true,
        }
    }
}

/// Where the network looks. Lengths are in sides of the box that the detector would draw.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Views {
    /// Chance of being mirrored.
    pub flip: f64,
    /// Half of the faces are turned by about so many degrees (standard deviation),
    pub turn_sd_degrees: f64,
    /// the others by up to so many, either way.
    pub turn_degrees: f64,
    /// The box is off by so much along each axis (standard deviation).
    pub shift_sd: f64,
    /// Its size is off by so much (standard deviation of the ratio's logarithm).
    pub scale_sd: f64,
    /// Chance that what lies outside of the packed picture is another picture's, where it else is its edge repeated.
    pub other_around: f64,
    /// Chance of a view that shows no face.
    pub no_face: f64,
    /// Chance of a picture that ends about where the detector's box does, as databases of cropped faces (FER+) have them:
    /// around the box its edge is repeated. Most such views have 48 pixels a side or fewer.
    #[serde(skip_serializing_if = "is_zero")]
    pub tight: f64,
}

impl Default for Views {
    fn default() -> Self {
        Self {
            flip: 0.5,
            turn_sd_degrees: 12.0,
            turn_degrees: 50.0,
            shift_sd: 0.08,
            scale_sd: 0.13,
            other_around: 0.3,
            no_face: 0.2,
            tight: 0.0,
        }
    }
}

/// How training goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LandmarksCourse {
    /// Views of a step.
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
    /// The moving average keeps this much of itself in a step; 0: there is none.
    pub average: f64,
}

impl Default for LandmarksCourse {
    fn default() -> Self {
        Self {
            batch: 64,
            epochs: 80,
            patience: 20,
            rate: 2e-3,
            schedule: Schedule::Cosine,
            warm_up: 1.0,
            average: 0.999,
        }
    }
}

impl LandmarksCourse {
    /// As a phase has it.
    pub fn course(&self) -> Course {
        Course {
            epochs: self.epochs,
            patience: self.patience,
            rate: self.rate,
            schedule: self.schedule,
            warm_up: self.warm_up,
            average: self.average,
            sharpness: 0.0,
        }
    }
}

/// What the card of the weights says that the program cannot know.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LandmarksCard {
    /// On what.
    pub trained_on: String,
    /// Under which terms the weights may be used.
    pub licence: String,
}

fn one() -> u64 {
    1
}

fn nothing() -> String {
    NOTHING.to_owned()
}

impl LandmarksConfig {
    /// Reads a config.
    ///
    /// # Errors
    /// When it cannot be read, has an unknown field, or a value is out of range.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let mut config: Self = load::read(path)?;
        let wrong = load::wrong(path);
        config.check().map_err(&wrong)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for set in &mut config.sets {
            *set = folder.join(&*set);
        }
        load::start("start", &[NOTHING], &mut config.start, folder).map_err(&wrong)?;
        Ok(config)
    }

    /// The config of the network's file.
    pub fn network(&self) -> PointsConfig {
        PointsConfig {
            kind: KIND.to_owned(),
            layers: self.network.layers.clone(),
            hidden: self.network.hidden,
            face_score: self.network.face_score,
            origin: String::new(),
            trained_on: String::new(),
            licence: String::new(),
            scores: Default::default(),
        }
    }

    fn check(&self) -> Result<(), String> {
        if self.sets.is_empty() {
            return Err(
                "`sets` names no set; make one with `affectscope train prepare`.".to_owned(),
            );
        }
        whole("threads", self.threads, 0..=256)?;
        self.network()
            .check()
            .map_err(|e| format!("`network`: {e}"))?;
        check::augment(&self.augment)?;
        self.adam.check()?;
        let (views, course) = (&self.views, &self.course);
        number("views.flip", views.flip, 0.0..=1.0)?;
        let turn = views.turn_sd_degrees;
        number("views.turn_sd_degrees", turn, 0.0..=180.0)?;
        number("views.turn_degrees", views.turn_degrees, 0.0..=180.0)?;
        number("views.shift_sd", views.shift_sd, 0.0..=1.0)?;
        number("views.scale_sd", views.scale_sd, 0.0..=1.0)?;
        number("views.other_around", views.other_around, 0.0..=1.0)?;
        number("views.no_face", views.no_face, 0.0..=0.9)?;
        number("views.tight", views.tight, 0.0..=1.0)?;
        whole("course.batch", course.batch, 2..=1024)?;
        whole("course.epochs", course.epochs, 1..=MOST)?;
        whole("course.patience", course.patience, 1..=MOST)?;
        number("course.rate", course.rate, above(0.0, 10.0))?;
        number("course.warm_up", course.warm_up, 0.0..=MOST as f64)?;
        number("course.average", course.average, 0.0..1.0)
    }
}
