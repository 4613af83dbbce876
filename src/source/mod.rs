//! Where frames come from: a camera, a video, pictures, or the built-in demo.
//!
//! A source is opened and read on one thread; it waits in [`FrameSource::next`] and nowhere else. A file of which any frame
//! may be wanted at any time is a [`film::Film`].

pub mod camera;
pub mod demo;
pub mod film;
pub mod images;
pub mod video;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::clock::Clock;
use crate::frame::{Frame, FrameStamp};

/// What the user asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceSpec {
    /// A camera by its stable id or its index as `affectscope devices` lists them; `None`: the first that opens.
    Camera(Option<String>),
    /// The built-in demo.
    Demo,
    /// A video, a picture, or a folder of pictures.
    Path(PathBuf),
}

impl std::str::FromStr for SourceSpec {
    type Err = std::convert::Infallible;

    /// `camera`, `camera:ID`, `demo`, else a path (`./demo` for a file of that name).
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "demo" => Self::Demo,
            "camera" => Self::Camera(None),
            _ => match text.strip_prefix("camera:") {
                Some("") => Self::Camera(None),
                Some(id) => Self::Camera(Some(id.to_owned())),
                None => Self::Path(PathBuf::from(text)),
            },
        })
    }
}

impl std::fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Camera(None) => f.write_str("camera"),
            Self::Camera(Some(id)) => write!(f, "camera:{id}"),
            Self::Demo => f.write_str("demo"),
            Self::Path(path) => write!(f, "{}", path.display()),
        }
    }
}

/// How a source's frames are to be taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// They come when they come (a camera); the newest wins when the analysis is behind.
    Camera,
    /// They are made on demand at a steady rate (the demo); the reader keeps time, the newest wins.
    Clocked,
    /// They wait to be read (a file); none is ever dropped.
    File,
}

/// What is known of an open source.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceInfo {
    /// What to call it on screen: the camera's name, the file's name, "Demo portrait".
    pub title: String,
    /// How to take its frames.
    pub pace: Pace,
    /// Width of a frame in pixels, rotation applied; of the first one where they differ.
    pub width_px: usize,
    /// Height of a frame in pixels.
    pub height_px: usize,
    /// Nominal frames a second, where it has a rate.
    pub rate_hz: Option<f64>,
    /// How many frames there will be, where that is known before reading; a container may be wrong about it.
    pub frames: Option<u64>,
    /// True for unrelated pictures: no frame says anything about the next.
    pub stills: bool,
    /// How the frames are coded: `YUYV`, `MJPEG`, `h264`, ...
    pub format: Option<String>,
}

/// What came of asking for a frame.
#[derive(Debug)]
pub enum Next {
    /// A frame.
    Frame(Frame),
    /// A frame is there and cannot be decoded.
    Unreadable {
        /// Which.
        stamp: FrameStamp,
        /// The file, where a source has one file a frame.
        file: Option<Arc<str>>,
        /// What is wrong with it, in words.
        reason: String,
    },
    /// There is no picture of this frame, and others come after it (crops of a video, where no face was found).
    Missing {
        /// Which.
        stamp: FrameStamp,
    },
    /// No more frames. `note` says so in words when the end came early (a truncated file).
    End {
        /// What the user should know about how it ended.
        note: Option<String>,
    },
}

/// A stream of frames.
pub trait FrameSource {
    /// What is known of it.
    fn info(&self) -> &SourceInfo;

    /// The next frame; waits for it. A camera that falls silent may wait without limit.
    ///
    /// # Errors
    /// [`SourceError`] when the stream broke; it is not to be asked again.
    fn next(&mut self) -> Result<Next, SourceError>;

    /// Waits for the next frame and lets it go; a camera need not decode what nobody will see.
    ///
    /// # Errors
    /// As [`FrameSource::next`].
    fn skip(&mut self) -> Result<(), SourceError> {
        self.next().map(drop)
    }
}

/// Opens what was asked for.
///
/// # Errors
/// [`SourceError`] saying what is wrong with it and what to do.
pub fn open(spec: &SourceSpec, clock: &Clock) -> Result<Box<dyn FrameSource>, SourceError> {
    Ok(match spec {
        SourceSpec::Camera(id) => Box::new(camera::CameraSource::open(id.as_deref(), clock)?),
        SourceSpec::Demo => Box::new(demo::DemoSource::new()),
        SourceSpec::Path(path) => open_path(path)?,
    })
}

/// Opens a file or folder: a folder or a picture as pictures, everything else as a video. Such a source may be read on
/// another thread than it was opened on.
///
/// # Errors
/// As [`open`].
pub fn open_path(path: &Path) -> Result<Box<dyn FrameSource + Send>, SourceError> {
    Ok(if images::is_images(path) {
        Box::new(images::ImageSource::open(path)?)
    } else {
        Box::new(video::VideoSource::open(path)?)
    })
}

/// Why a source cannot be opened, or broke. Every text ends with what to do.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// There is nothing of that name.
    #[error("{}: no such file or folder. Check the path.", .0.display())]
    NotFound(PathBuf),
    /// It is there and may not be read.
    #[error("{path}: cannot be read ({reason}). Check its permissions.", path = path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// The system's word.
        reason: std::io::Error,
    },
    /// It is there and is no video or picture.
    #[error("{path}: {reason}", path = path.display())]
    NotMedia {
        /// Which file.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
    /// `ffmpeg` or `ffprobe` is not installed.
    #[error(
        "{program} was not found, and videos are read with it. Install ffmpeg (Debian, Ubuntu: apt install ffmpeg; \
         macOS: brew install ffmpeg; Windows: winget install ffmpeg) and try again."
    )]
    NoFfmpeg {
        /// The program that was looked for.
        program: &'static str,
    },
    /// No camera is connected, or none of that id.
    #[error("{0}")]
    NoCamera(String),
    /// The camera is there and cannot be opened: in use, or not allowed.
    #[error("{0}")]
    CameraRefused(String),
    /// The camera was there and is gone: unplugged, or it broke.
    #[error("{0}")]
    CameraLost(String),
    /// It has no such frame, or one that cannot be shown.
    #[error("{path}: frame {index} cannot be shown: {reason}.", path = path.display())]
    NoFrame {
        /// Which file.
        path: PathBuf,
        /// Which frame, from 0.
        index: usize,
        /// Why, without a full stop.
        reason: String,
    },
    /// Decoding broke for a reason that is not the input's.
    #[error("{0}")]
    Failed(String),
}

impl SourceError {
    /// True when the user's input is at fault (exit code 2), false when something broke on the way (exit code 1).
    pub fn is_bad_input(&self) -> bool {
        !matches!(self, Self::CameraLost(_) | Self::Failed(_))
    }

    /// True when trying again later may help: the camera may come back or be freed.
    pub fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::NoCamera(_) | Self::CameraRefused(_) | Self::CameraLost(_)
        )
    }
}
