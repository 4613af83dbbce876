//! What the user did in the bench, as its panels tell it.

use std::ops::Range;
use std::path::PathBuf;

use super::export::ExportKind;
use super::state::Below;
use crate::labels::Expression;
use crate::review::save::SaveFormat;
use crate::review::session::{Request, SessionOrder};
use crate::review::{FaceChoice, Faces, SegmentState, Spot, Start, Stroke};

/// One thing the user did.
#[derive(Debug, Clone, PartialEq)]
pub enum Act {
    /// Go to this frame.
    Go(i64),
    /// Go by frames.
    Step(i64),
    /// Go by seconds.
    StepSeconds(f64),
    /// Play, or stop.
    Toggle,
    /// Stop.
    Pause,
    /// Play forwards (`true`) or backwards, faster each time.
    Shuttle(bool),
    /// Speed of playing.
    Speed(f64),
    /// Select these frames, both ends in it.
    Select(usize, usize),
    /// The selection begins (`false`) or ends (`true`) at the play-head.
    Mark(bool),
    /// Give up what is being opened.
    StopOpening,
    /// Nothing is selected.
    Unselect,
    /// Zoom about a frame.
    Zoom(f64, f64),
    /// Move the view by frames.
    Pan(f64),
    /// Show everything.
    Fit,
    /// Show these frames.
    Show(Range<usize>),
    /// Go to the next frames of a cell of the confusion matrix.
    Cell(Expression, Expression),
    /// No cell is marked.
    NoCell,
    /// Score against this rater.
    Rater(usize),
    /// Move this rater's labels by so many frames from where the files have them.
    Offset(usize, i64),
    /// Read this face.
    Face(FaceChoice),
    /// Hide the predictions, or show them.
    Blind,
    /// Go to a segment: its frames and its peak.
    Segment(Range<usize>, usize),
    /// The next segment (`true`), or the one before.
    Walk(bool),
    /// How a segment was settled, with a note.
    Settle(Spot, SegmentState, String),
    /// The chosen segment's next state.
    SettleNext,
    /// This expression over the selection, else on this frame; `None`: none.
    Label(Option<Expression>),
    /// Nothing is said of the selection, else of this frame.
    Clear,
    /// What the file says of the selection, else of this frame.
    Restore,
    /// Valence and arousal over the selection, else on this frame.
    Place(f64, f64),
    /// Values that were drawn on the timeline.
    Drawn(Stroke),
    /// Draw on the timeline, or not.
    Draw,
    /// Rate live, or end it.
    Rate,
    /// While rating: where the pointer stands in the circumplex, and whether it has just been moved.
    Pointer(Option<(f64, f64)>, bool),
    /// Samples a second of the next live rating.
    RateHz(f64),
    /// Take the last step back.
    Undo,
    /// Make it again.
    Redo,
    /// Somebody new who labels.
    NewRater(Start),
    /// Call somebody's labels something else.
    Rename(usize, String),
    /// This is who annotates from now on; empty: the user of this machine.
    Annotator(String),
    /// Save the labels.
    Save(SaveFormat),
    /// Make something to hand on.
    Export(ExportKind),
    /// End the export.
    CancelExport,
    /// What is shown below the scores.
    Below(Below),
    /// Ask for a video, for predictions, for labels.
    PickVideo,
    /// See [`Act::PickVideo`].
    PickFolder,
    /// See [`Act::PickVideo`].
    PickPredictions,
    /// See [`Act::PickVideo`].
    PickLabels,
    /// Open these files, by what they are.
    Take(Vec<PathBuf>),
    /// Open the example.
    Example,
    /// Analyse the video.
    Analyse,
    /// End the analysis.
    Cancel,
    /// Show the list of sessions, or leave it.
    Sessions(bool),
    /// Open a session.
    OpenSession(Box<Request>),
    /// Do something with sessions.
    Order(Box<SessionOrder>),
    /// Ask for a folder to look through for sessions.
    AddFolder,
    /// Look through a folder no more.
    ForgetFolder(PathBuf),
    /// Call the faces so.
    Names(Box<Faces>),
    /// Light or dark.
    Theme,
    /// Show the keys.
    Keys,
    /// Save a picture of the window.
    SavePicture,
    /// Open again what is open.
    OpenAgain,
    /// Leave the bench.
    Leave,
    /// Close the window.
    CloseWindow,
}

impl Act {
    /// Whether it changes labels or what is said of segments.
    pub fn makes_labels(&self) -> bool {
        matches!(
            self,
            Self::Label(_)
                | Self::Clear
                | Self::Restore
                | Self::Place(..)
                | Self::Drawn(_)
                | Self::Undo
                | Self::Redo
                | Self::Offset(..)
                | Self::Settle(..)
                | Self::SettleNext
                | Self::NewRater(_)
                | Self::Rate
        )
    }
}
