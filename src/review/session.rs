//! What the annotator's bench says to the threads behind it and hears from them: plain data, no thread and no channel.

use std::path::PathBuf;
use std::sync::Arc;

use super::agreement::{RangeAgreement, Who};
use super::editor::Editor;
use super::export::{ExportOrder, ExportProgress};
use super::project::Project;
use super::rating::Stick;
use super::save::{Job, Saved};
use super::segments::{MOST_SEGMENTS, Segment, worst_first};
use super::sessions::{Detail, Found, Session};
use super::{Disagreement, Faces};
use crate::analysis::{BoxPx, Record};
use crate::frame::Frame;
use crate::source::SourceInfo;

/// What is to be opened together.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// A video, a picture, or a folder of pictures or crops.
    pub video: Option<PathBuf>,
    /// A file of predictions.
    pub predictions: Option<PathBuf>,
    /// Files or folders of labels.
    pub annotations: Vec<PathBuf>,
    /// The example in place of all these: it is made from the built-in demo when it is opened first.
    pub example: bool,
}

impl Request {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// How far opening is.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Phase {
    /// Nothing is open.
    #[default]
    Empty,
    /// Something is being read.
    Opening {
        /// What, in words.
        what: String,
        /// Which part of it is done, 0..=1, where that is known.
        part: Option<f32>,
    },
    /// It is open.
    Ready,
    /// It cannot be opened.
    Failed {
        /// Why, and what to do.
        reason: String,
    },
}

/// How an analysis in the background is.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Frames that are analysed.
    pub done: u64,
    /// Of so many, where that is known.
    pub of: Option<u64>,
    /// Where the rows are written.
    pub path: PathBuf,
    /// Counts analyses: another one begins with no predictions.
    pub run: u64,
    /// How it ended: `Ok` with a note if there is one, or why it failed.
    pub ended: Option<Result<Option<String>, String>>,
}

/// How the journal of edits is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JournalWord {
    /// Where it is; empty where there is none, and edits are not kept.
    pub path: PathBuf,
    /// Edits that are not on the disk yet.
    pub waiting: u64,
    /// Why they could not be written, until they are.
    pub failed: Option<String>,
}

impl JournalWord {
    /// There is none, for this reason.
    pub fn nowhere(reason: &str) -> Self {
        Self {
            failed: Some(reason.to_owned()),
            ..Self::default()
        }
    }

    /// Whether edits are not kept at all, which trying again does not mend by itself.
    pub fn is_nowhere(&self) -> bool {
        self.path.as_os_str().is_empty() && self.failed.is_some()
    }
}

/// A small picture of a frame, cut around a face where there is one.
#[derive(Debug, Clone, PartialEq)]
pub struct Thumbnail {
    /// Which frame.
    pub frame: usize,
    /// Width in pixels.
    pub width_px: usize,
    /// Height in pixels.
    pub height_px: usize,
    /// The pixels, `[height, width, 3]`.
    pub rgb: Arc<Vec<u8>>,
}

/// What is to be looked for in a project as it stands.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The project.
    pub project: Box<Project>,
    /// Against whom, a place in its raters.
    pub rater: usize,
    /// What the window calls this state.
    pub version: u64,
    /// Sums of how far everybody agrees, too.
    pub agreement: bool,
}

/// Where a project's model and labels are furthest apart.
#[derive(Debug, Clone, Default)]
pub struct Ranking {
    /// What the window called the state that it was made of.
    pub version: u64,
    /// Against whom.
    pub rater: usize,
    /// How many raters there were.
    pub raters: usize,
    /// The worst stretches, the worst first.
    pub segments: Vec<Segment>,
    /// How far apart they are on each frame, 0..=1; NaN where there is nothing to compare, empty without predictions or
    /// labels.
    pub apart: Vec<f64>,
    /// How far everybody agrees, if that was asked for.
    pub agreement: Option<Box<RangeAgreement>>,
}

impl Ranking {
    /// Of what is wanted. Goes over all frames several times.
    pub fn of(wanted: &Wanted) -> Self {
        let (project, rater) = (&*wanted.project, wanted.rater);
        let against = (!project.raters().is_empty()).then_some(rater);
        let compared = project.model().is_some() && against.is_some();
        Self {
            version: wanted.version,
            rater,
            raters: project.raters().len(),
            segments: worst_first(project, against, MOST_SEGMENTS),
            apart: if compared {
                Disagreement::new(project, against).apart_column()
            } else {
                Vec::new()
            },
            agreement: wanted
                .agreement
                .then(|| Box::new(RangeAgreement::new(project, &Who::of(project)))),
        }
    }
}

/// What is to be done with sessions, one after the other.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionOrder {
    /// Look through these folders, then read the sessions' tables one by one.
    Look(Vec<PathBuf>),
    /// Rename a session; `others` are told where its video is then.
    Rename {
        /// Which.
        session: Box<Session>,
        /// The new name.
        name: String,
        /// The other sessions.
        others: Vec<Session>,
    },
    /// Move a session to the system's bin.
    Delete(Box<Session>),
    /// Keep the names of faces beside this table.
    Names(PathBuf, Faces),
}

/// What became of it.
#[derive(Debug, Clone, PartialEq)]
pub enum SessionWord {
    /// What was found in the folders.
    Found(Found),
    /// What the whole of a table tells, by the table's path.
    Detail(PathBuf, Box<Detail>),
    /// A session was renamed or deleted, or why not; or why names of faces are not kept.
    Done(Result<String, String>),
}

/// What has happened since the last look.
#[derive(Debug, Default)]
pub struct Update {
    /// News of sessions, in order.
    pub sessions: Vec<SessionWord>,
    /// How far opening is.
    pub phase: Phase,
    /// What was opened in place of the example that was asked for.
    pub request: Option<Request>,
    /// What is open, once.
    pub project: Option<Box<Project>>,
    /// The history of its labels, with the project: empty, or as its journal has it.
    pub editor: Option<Box<Editor>>,
    /// How the journal of edits is, while one is written.
    pub journal: Option<JournalWord>,
    /// Labels that were saved, or why not; whose.
    pub saved: Vec<(usize, Result<Saved, String>)>,
    /// What is known of the video, where there is one.
    pub info: Option<SourceInfo>,
    /// What the user should know of the video: that it ends early, say.
    pub note: Option<String>,
    /// The newest picture, if a new one has come. Its stamp says which frame it is.
    pub picture: Option<Arc<Frame>>,
    /// A frame that cannot be shown, and why.
    pub no_picture: Option<(usize, String)>,
    /// What an analysis has read since the last look, in the order of the frames.
    pub records: Vec<Record>,
    /// How the analysis is, while there is one or one has just ended.
    pub analysis: Option<Progress>,
    /// How an export is, while there is one or one has just ended.
    pub export: Option<ExportProgress>,
    /// A ranking that was asked for.
    pub ranking: Option<Ranking>,
    /// How a gamepad stands, while one is looked at.
    pub stick: Option<Stick>,
    /// Small pictures that were asked for.
    pub thumbnails: Vec<Thumbnail>,
}

/// The threads behind the bench as the window sees them. No call waits.
pub trait Engine {
    /// What has happened since the last call.
    fn poll(&mut self) -> Update;
    /// Leaves what is open and opens this.
    fn open(&mut self, request: &Request);
    /// Shows this frame; the newest wish wins.
    fn show(&mut self, frame: usize);
    /// Makes small pictures of these frames, cut to the square around a face's box where there is one. What was asked
    /// before and not made yet is forgotten.
    fn thumbnails(&mut self, wanted: Vec<(usize, Option<BoxPx>)>);
    /// Looks for the worst stretches of a project as it stands; of several wishes the newest is looked at last.
    fn rank(&mut self, wanted: Wanted);
    /// Looks at a gamepad from now on, or no more.
    fn watch_stick(&mut self, on: bool);
    /// Takes the editor's new steps to be kept.
    fn keep(&mut self, editor: &mut Editor);
    /// Saves a rater's labels.
    fn save(&mut self, rater: usize, job: Job);
    /// Does something with sessions.
    fn sessions(&mut self, order: SessionOrder);
    /// Makes something of a project. One at a time: while another one runs, nothing happens.
    fn export(&mut self, order: ExportOrder);
    /// Ends the export; nothing is left of it.
    fn cancel_export(&mut self);
    /// Analyses the video that is open, and writes the rows beside it.
    fn analyse(&mut self);
    /// Ends the analysis; what it has read stays on screen.
    fn cancel(&mut self);
}
