//! How the phases of a run go.

use serde::{Deserialize, Serialize};

/// How a phase goes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Phase {
    /// Pictures of each task in a step.
    pub batch: usize,
    /// Epochs at most. 0: the CNN stays what it begins with, and the recurrent heads alone are learnt.
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
    /// Chance that another face of the batch lies over one, as through a glass, by any part up to a half; the labels are
    /// mixed alike (Zhang et al., "mixup", ICLR 2018). What such a face shows is asked of the teacher, too, so that it tells
    /// more than of the faces that there are (Beyer et al., "Knowledge distillation: a good teacher is patient and
    /// consistent", CVPR 2022).
    #[serde(skip_serializing_if = "is_zero")]
    pub mix: f64,
    /// Of several teachers each batch is asked of one, all in turn, in place of the mean of all, for the time of one. On
    /// average over the batches it comes to nearly the same: the distillation's slopes are linear in a teacher's
    /// probabilities, softened, where the mean of all is taken before.
    #[serde(skip_serializing_if = "is_false")]
    pub in_turn: bool,
    /// Teachers are asked of the faces mirrored, too: what a network says of both, on average, is closer to the votes than
    /// of one. It is twice the time, unless they are asked in turn.
    #[serde(skip_serializing_if = "is_false")]
    pub mirrored: bool,
    /// Learn from the teachers alone: labels of the training split are not learnt (`balance` still draws by them). A network
    /// that learns its labels by heart is surer of the very faces that it learnt than of any other; what teachers say of views
    /// and of faces that lie over one another (`mix`) is not to be learnt so.
    #[serde(skip_serializing_if = "is_false")]
    pub from_teacher: bool,
    /// Slopes are taken where the loss is worst this far from the weights (a Euclidean distance over all of them), in place of
    /// at the weights: a step twice as long, towards weights about which the loss is flat (Foret et al., "Sharpness-aware
    /// minimization for efficiently improving generalization", ICLR 2021). 0: at the weights.
    #[serde(skip_serializing_if = "is_zero")]
    pub sharpness: f64,
    /// This part of the weights that it begins with is let go of: the rest, and as much of first, random values, is where it
    /// begins. A network that goes on from another's weights generalises worse than one that begins with nothing, and so it
    /// finds weights of its own (Ash and Adams, "On warm-starting neural network training", NeurIPS 2020). 0 where it begins
    /// with nothing.
    #[serde(skip_serializing_if = "is_zero")]
    pub forget: f64,
    /// The moving average keeps this much of itself in a step; 0: there is none.
    pub average: f64,
    /// This part of the weights that it began with is in those that come out: of a network that knew something already,
    /// a mean of before and after is often better than either, and forgets less (Wortsman et al., "Robust fine-tuning of
    /// zero-shot models", CVPR 2022). 0 where it begins with nothing. The course does not depend on it.
    #[serde(skip_serializing_if = "is_zero")]
    pub keep: f64,
}

/// What was not asked for is not written: a checkpoint from before there was such a thing is gone on from.
pub(in crate::train) fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

fn is_false(value: &bool) -> bool {
    !value
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
            mix: 0.0,
            in_turn: false,
            mirrored: false,
            from_teacher: false,
            sharpness: 0.0,
            forget: 0.0,
            average: 0.0,
            keep: 0.0,
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
    /// How far from the weights slopes are taken ([`Phase::sharpness`]).
    pub sharpness: f64,
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
            sharpness: self.sharpness,
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
            average: self.average,
            sharpness: 0.0,
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
    /// The moving average keeps this much of itself in a step; 0: there is none.
    pub average: f64,
    /// Sequences of 32 that an epoch composes of the stills, each epoch others; 0: videos alone are learnt from and
    /// validated on. Every still of the validation split is validated on once.
    pub made: usize,
    /// Learn people's votes where there are any, not their majority alone.
    pub votes: bool,
    /// Show the stills of the training split in views as the CNN's phase has them, not plainly: a CNN is surer of the very
    /// pictures that it learnt than of any other.
    pub views: bool,
    /// In how many such views each still goes through the CNN; a sequence shows a face in one of them.
    pub looks: usize,
    /// In how many pictures, of each view: the view itself, and the same moved a little, as from frame to frame.
    pub moves: usize,
    /// Faces of the stills are drawn with replacement, by the rarity of their labels to this power; 0: each once before
    /// any comes again.
    pub balance: f64,
    /// Chance that another face lies over a view, as in the CNN's phase: heads that learn on what the CNN makes of its own
    /// training pictures meet faces there that it tells apart too well.
    #[serde(skip_serializing_if = "is_zero")]
    pub mix: f64,
    /// Learn from the teacher alone: labels of the training split are not learnt (`balance` still draws by them). Of a still face that moves a little, a
    /// teacher without recurrent heads then says the same on all frames of a window that show it, the mean of what it says
    /// of them, so that the heads learn to be steady. For heads on a CNN that teaches them itself: the labels of the very
    /// faces that it was trained on would make them surer than it is.
    #[serde(skip_serializing_if = "is_false")]
    pub from_teacher: bool,
    /// The most memory for what the CNN makes of the stills, MiB: `faces * looks * moves` KiB for our networks, as much
    /// again for a teacher that is not that CNN itself.
    pub bank_mib: usize,
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
            average: 0.0,
            made: 4000,
            votes: false,
            views: false,
            looks: 2,
            moves: 4,
            balance: 0.0,
            mix: 0.0,
            from_teacher: false,
            bank_mib: 4096,
        }
    }
}
