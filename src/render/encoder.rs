//! One running `ffmpeg` that makes a video file of frames.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use super::schedule::Rate;
use crate::source::video;

/// The last so many bytes of what ffmpeg says are looked at.
const WORDS_BYTES: i64 = 4096;

/// What a video file is made as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// `.mp4`
    Mp4,
    /// `.mov`
    Mov,
    /// `.mkv`
    Matroska,
}

impl Container {
    /// By the ending of a name; `None` for others.
    pub fn of_path(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_string_lossy().to_ascii_lowercase();
        match ending.as_str() {
            "mp4" | "m4v" => Some(Self::Mp4),
            "mov" => Some(Self::Mov),
            "mkv" => Some(Self::Matroska),
            _ => None,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Mp4 => "mp4",
            Self::Mov => "mov",
            Self::Matroska => "matroska",
        }
    }

    /// Whether sound of this codec can lie in it as it is.
    fn takes(self, codec: &str) -> bool {
        match self {
            Self::Mp4 | Self::Mov => matches!(codec, "aac" | "mp3" | "ac3" | "eac3" | "alac"),
            Self::Matroska => true,
        }
    }
}

/// Sound that goes along.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sound<'a> {
    /// The file that it is in.
    pub path: &'a Path,
    /// Its codec, by ffmpeg's name.
    pub codec: String,
    /// Where the video begins in it, seconds.
    pub from_s: f64,
    /// How long the video is, seconds.
    pub length_s: f64,
}

/// What is made.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub size: (u32, u32),
    pub rate: Rate,
    pub container: Container,
    /// Where it is written to; what is there is written over.
    pub to: &'a Path,
    pub sound: Option<Sound<'a>>,
    /// What players show as the title.
    pub title: &'a str,
}

/// Why no video comes of it.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// `ffmpeg` is not there.
    #[error(
        "ffmpeg was not found, and videos are written with it. Install ffmpeg (Debian, Ubuntu: apt install ffmpeg; \
         macOS: brew install ffmpeg; Windows: winget install ffmpeg) and try again."
    )]
    NoFfmpeg,
    /// It cannot be started.
    #[error("ffmpeg could not be started ({0}). Check that it runs in a terminal and try again.")]
    NotStarted(io::Error),
    /// The disk is full.
    #[error("there is no space left where the video is written. Make room, or give another place.")]
    Full,
    /// It gave up.
    #[error(
        "ffmpeg could not write the video ({0}). Check the folder and the space left, or give another place."
    )]
    Failed(String),
}

/// A running encoder. Dropped, it is ended; what it has written is worth nothing then.
pub(super) struct Encoder {
    child: Child,
    frames: Option<ChildStdin>,
    words: File,
    /// Made as H.264; else as MPEG-4, by an ffmpeg without libx264.
    pub h264: bool,
}

/// The program.
pub(super) fn program() -> OsString {
    "ffmpeg".into()
}

impl Encoder {
    pub fn start(program: &OsString, plan: &Plan<'_>) -> Result<Self, EncodeError> {
        let h264 = has_libx264(program)?;
        let words = tempfile::tempfile().map_err(EncodeError::NotStarted)?;
        let said = words.try_clone().map_err(EncodeError::NotStarted)?;
        let mut command = command(program, plan, h264);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::from(said));
        let mut child = command.spawn().map_err(not_started)?;
        let frames = child.stdin.take();
        Ok(Self {
            child,
            frames,
            words,
            h264,
        })
    }

    /// Takes a frame, `width * height * 3` bytes.
    pub fn frame(&mut self, rgb: &[u8]) -> Result<(), EncodeError> {
        let written = match &mut self.frames {
            Some(frames) => frames.write_all(rgb),
            None => Err(io::Error::other("it takes no input")),
        };
        // The pipe breaks when ffmpeg ends, and it says why.
        written.map_err(|error| self.why(&error.to_string()))
    }

    /// Ends the video. The file is whole when this is `Ok`.
    pub fn finish(mut self) -> Result<(), EncodeError> {
        drop(self.frames.take());
        match self.child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(self.why(&status.to_string())),
            Err(error) => Err(self.why(&error.to_string())),
        }
    }

    fn why(&mut self, otherwise: &str) -> EncodeError {
        drop(self.frames.take());
        // Its last words come as it ends, which it does without frames.
        let _ = self.child.wait();
        let mut text = Vec::new();
        let end = self.words.seek(io::SeekFrom::End(0)).unwrap_or(0);
        let begin = end.saturating_sub(WORDS_BYTES as u64);
        let _ = self
            .words
            .seek(io::SeekFrom::Start(begin))
            .and_then(|_| self.words.read_to_end(&mut text));
        let text = String::from_utf8_lossy(&text);
        if text.contains("No space left on device") {
            return EncodeError::Full;
        }
        let mut lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
        EncodeError::Failed(lines.next_back().unwrap_or(otherwise).to_owned())
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        drop(self.frames.take());
        // Gone already is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

// By value, as `map_err` hands it over.
#[allow(clippy::needless_pass_by_value)]
fn not_started(error: io::Error) -> EncodeError {
    match error.kind() {
        io::ErrorKind::NotFound => EncodeError::NoFfmpeg,
        _ => EncodeError::NotStarted(error),
    }
}

fn has_libx264(program: &OsString) -> Result<bool, EncodeError> {
    let listed = video::command(program)
        .args(["-hide_banner", "-loglevel", "error", "-encoders"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .map_err(not_started)?;
    let listed = String::from_utf8_lossy(&listed.stdout);
    Ok(listed
        .lines()
        .any(|line| line.split_whitespace().nth(1) == Some("libx264")))
}

fn command(program: &OsString, plan: &Plan<'_>, h264: bool) -> Command {
    let (w, h) = plan.size;
    let mut command = video::command(program);
    command
        .args([
            "-nostdin",
            "-hide_banner",
            "-nostats",
            "-loglevel",
            "error",
            "-y",
        ])
        .args(["-f", "rawvideo", "-pix_fmt", "rgb24"])
        .args(["-s", &format!("{w}x{h}")])
        .args([
            "-framerate",
            &format!("{}/{}", plan.rate.above, plan.rate.below),
        ])
        .args(["-i", "pipe:0"]);
    if let Some(sound) = &plan.sound {
        command
            .args(["-protocol_whitelist", "file"])
            .args(["-ss", &format!("{:.6}", sound.from_s.max(0.0))])
            .args(["-t", &format!("{:.6}", sound.length_s)])
            .arg("-i")
            .arg(video::as_url(sound.path))
            .args(["-map", "0:v:0", "-map", "1:a:0"]);
        // From within, only what is decoded begins where it should: packets as they are begin where the file could be
        // entered.
        if sound.from_s <= 0.0 && plan.container.takes(&sound.codec) {
            command.args(["-c:a", "copy"]);
        } else {
            command.args(["-c:a", "aac", "-b:a", "160k"]);
        }
    }
    // The colours of HD, said so: players guess otherwise.
    command.args([
        "-vf",
        "scale=out_color_matrix=bt709:out_range=tv,format=yuv420p",
        "-colorspace",
        "bt709",
        "-color_primaries",
        "bt709",
        "-color_trc",
        "bt709",
    ]);
    if h264 {
        // As good as the lines and letters need; quick, since somebody waits.
        command.args(["-c:v", "libx264", "-preset", "veryfast", "-crf", "20"]);
    } else {
        command.args(["-c:v", "mpeg4", "-q:v", "3"]);
    }
    if plan.container != Container::Matroska {
        command.args(["-movflags", "+faststart"]);
    }
    command
        .args(["-metadata", &format!("title={}", plan.title)])
        .args(["-f", plan.container.name()])
        .arg(video::as_url(plan.to));
    command
}
