//! What the window says to the live session and hears from it: plain data, no thread and no channel.

use std::path::PathBuf;
use std::sync::Arc;

use crate::analysis::{Analysis, Record};
use crate::source::{SourceInfo, SourceSpec};

/// Which faces are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Faces {
    /// Every face.
    #[default]
    All,
    /// The largest one alone.
    Largest,
}

/// What may be changed while it runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tuning {
    /// Which faces are read.
    pub faces: Faces,
    /// The smallest face that is looked for, as a part of the picture's height, 0.04..=0.5.
    pub min_face: f32,
    /// Future frames at the training rate that each reading waits for: 0 (at once) to 16.
    pub lookahead: usize,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            faces: Faces::All,
            min_face: 0.08,
            lookahead: 0,
        }
    }
}

/// An order to the live session.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Leave the present source and open this one.
    Open(SourceSpec),
    /// Stop taking frames (`true`), or go on.
    Pause(bool),
    /// New settings.
    Tune(Tuning),
    /// Write rows to this file from now on, and the picture beside it if asked.
    Record {
        /// The csv file; must not exist.
        path: PathBuf,
        /// Also write the picture to a video of the same name (needs ffmpeg).
        picture: bool,
    },
    /// End the recording.
    StopRecording,
}

/// How the source is.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum SourceState {
    /// Being opened, or waiting for its first frame.
    #[default]
    Starting,
    /// Frames come.
    Running,
    /// Held by the user.
    Paused,
    /// It is open and gives no frames (the seconds since the last one), or it is gone and looked for again.
    /// `reason` says which, and what to do.
    Waiting {
        /// In words.
        reason: String,
    },
    /// The file is over. `note` tells if it ended early.
    Ended {
        /// In words.
        note: Option<String>,
    },
    /// It cannot be used. `reason` says why and what to do.
    Failed {
        /// In words.
        reason: String,
    },
}

/// How the recording is.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// The rows' file.
    pub path: PathBuf,
    /// The picture's file, if one is written.
    pub picture: Option<PathBuf>,
    /// Rows on disk.
    pub rows: u64,
    /// Pictures that could not be written in time; their rows are there.
    pub pictures_dropped: u64,
    /// Seconds since it began.
    pub seconds: f64,
    /// Why it stopped by itself (a full disk, say), in words.
    pub failed: Option<String>,
    /// Why the picture stopped, while the rows go on, in words.
    pub picture_failed: Option<String>,
}

/// The figures of the status bar.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rates {
    /// Frames captured a second, over the last two seconds.
    pub captured_hz: f64,
    /// Frames analysed a second, likewise.
    pub analysed_hz: f64,
    /// Median time from capture to analysed, milliseconds, over the last 120 frames; 0 before the first.
    pub latency_median_ms: f64,
    /// Its 95th percentile.
    pub latency_p95_ms: f64,
    /// Frames captured and never analysed, since the source was opened.
    pub dropped: u64,
    /// Frames analysed since the source was opened.
    pub analysed: u64,
    /// Milliseconds that the look-ahead holds each picture back; 0 when it is off.
    pub lookahead_ms: f64,
}

/// What the weights say of themselves.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WeightsCard {
    /// Short name: the file's, without its ending.
    pub name: String,
    /// `built in`, or the path.
    pub origin: String,
    /// First 12 hexadecimal digits of the file's SHA-256.
    pub hash: String,
    /// `CNN-GRU` or `CNN`, then size of input and number of weights.
    pub network: String,
    /// What goes in: colour model, size, and frames in a window, as in `RGB 112×112, window 32`.
    pub input: String,
    /// What it was trained on.
    pub trained_on: String,
    /// Where its valence and arousal labels came from.
    pub affect_labels: String,
    /// Under which terms they may be used; empty when the file does not say.
    pub licence: String,
    /// `(what, score)` pairs of the card, empty when the weights carry none.
    pub scores: Vec<(String, String)>,
    /// Where they are weak, likewise: expressions beside how often they occur, groups of faces below the whole.
    pub weak_spots: Vec<(String, String)>,
}

/// How everything stands.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LiveStatus {
    /// What was asked for.
    pub spec: Option<SourceSpec>,
    /// What is open.
    pub info: Option<SourceInfo>,
    /// How it is.
    pub state: SourceState,
    /// The figures.
    pub rates: Rates,
    /// The recording, while there is one or one has just failed.
    pub recording: Option<Recording>,
    /// The weights; default before they are loaded.
    pub weights: WeightsCard,
    /// `CPU, 1 thread`, `CUDA 0: ...`.
    pub device: String,
    /// A word on the device that the user should see: a GPU asked for and not found.
    pub device_note: Option<String>,
}

/// What has happened since the last look.
#[derive(Debug, Clone, Default)]
pub struct Update {
    /// How everything stands.
    pub status: LiveStatus,
    /// The newest picture, if a new one has come.
    pub picture: Option<Arc<Analysis>>,
    /// Every record since the last look, oldest first, dropped frames included. A new source starts again at frame 0.
    pub records: Vec<Arc<Record>>,
    /// Records lost because nobody looked for too long (they are in the recording all the same).
    pub records_missed: u64,
    /// Counts the sources opened; when it changes, what is on screen belongs to an older one.
    pub source_generation: u64,
}

/// The live session as the window sees it. Neither call waits.
pub trait Engine {
    /// What has happened since the last call.
    fn poll(&mut self) -> Update;
    /// Gives an order.
    fn send(&mut self, command: Command);
    /// Seconds of the session's clock, as in [`crate::frame::Frame::captured_s`].
    fn now_s(&self) -> f64;
    /// Threads for the annotator's bench; `None` where there are none to be had.
    fn bench(&mut self) -> Option<Box<dyn crate::review::session::Engine>> {
        None
    }
    /// The cameras that are connected, as last looked up in the background; asks for a new look-up.
    fn cameras(&mut self) -> Vec<crate::source::camera::CameraInfo>;
}
