//! What the user did, as the panels tell it. The app turns it into orders and settings.

use crate::session::Faces;
use crate::settings::{FollowMode, ThemeChoice, TimelineMode};
use crate::smooth::Smoothing;
use crate::source::SourceSpec;

/// One thing the user did.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Open this source.
    Open(SourceSpec),
    /// Open the present source again.
    Again,
    /// The list of cameras is on screen: keep it fresh.
    WatchCameras,
    /// Ask for a file to open.
    PickFile,
    /// Ask for a folder to open.
    PickFolder,
    /// Pause, or go on.
    TogglePause,
    /// Mirror the picture on screen, or not.
    ToggleMirror,
    /// Begin a recording, or end it.
    ToggleRecord,
    /// Record the picture too.
    RecordPicture(bool),
    /// Ask for the folder of the recordings.
    PickRecordFolder,
    /// Save a picture of the window.
    SavePicture,
    /// Follow this face.
    Follow(u32),
    /// Length of the trace, seconds.
    TraceLength(f64),
    /// Empty the trace.
    ClearTrace,
    /// Length of the timeline, seconds.
    TimelineLength(f64),
    /// How the timeline draws.
    TimelineMode(TimelineMode),
    /// How the display is smoothed.
    Smoothing(Smoothing),
    /// Which faces are read.
    Faces(Faces),
    /// Which face is followed.
    FollowMode(FollowMode),
    /// The smallest face, part of the picture's height.
    MinFace(f32),
    /// Frames of look-ahead.
    Lookahead(usize),
    /// Light or dark.
    Theme(ThemeChoice),
    /// Draw the landmarks.
    Landmarks(bool),
    /// Open the annotator's bench: on the file that is open, else on nothing.
    Review,
    /// Open the bench on the list of sessions.
    Sessions,
    /// Show the keys.
    ShowKeys,
    /// Show what this is.
    ShowAbout,
}
