//! Videos, through the ffmpeg and ffprobe programs.
//!
//! `ffprobe` is asked once what is in the file; one `ffmpeg` then decodes it, once, and gives every frame with its own
//! time stamp (`decoder.rs`). Nothing is linked: a decoder that crashes on a hostile file is another process.
//!
//! [`VideoSource`] reads from the first frame to the last. Any frame at any time is [`crate::source::film`]'s; what that
//! needs of a video is here too: which frames there are (`index.rs`), and decoders that begin within (`reel.rs`).

mod decoder;
mod index;
mod probe;
pub(super) mod reel;

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use self::decoder::{Begin, Decoded, Decoder, Ending, EveryFrame, seconds};
use self::probe::{Probe, unreadable};
use super::{FrameSource, Next, Pace, SourceError, SourceInfo};
use crate::frame::{Frame, FrameStamp, POOLED_FRAMES};
use crate::numbers::counted;

/// A child process that a Ctrl-C in the terminal does not reach: what becomes of it is for this program to say.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> std::process::Command {
    #[cfg_attr(not(any(unix, windows)), allow(unused_mut))]
    let mut command = std::process::Command::new(program);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    // CREATE_NEW_PROCESS_GROUP
    #[cfg(windows)]
    std::os::windows::process::CommandExt::creation_flags(&mut command, 0x200);
    command
}

/// The path as ffmpeg takes it: without the prefix a name such as `a:b.mp4` or `-x.mp4` means something else.
pub(crate) fn as_url(path: &Path) -> OsString {
    let mut url = OsString::from("file:");
    url.push(path);
    url
}

/// The codec of a file's first sound, by ffmpeg's name; `None` where there is none, or nobody can tell.
pub(crate) fn sound_codec(path: &Path) -> Option<String> {
    let output = command(Programs::default().ffprobe)
        .args(["-v", "error", "-protocol_whitelist", "file"])
        .args([
            "-select_streams",
            "a:0",
            "-show_entries",
            "stream=codec_name",
        ])
        .args(["-of", "default=noprint_wrappers=1:nokey=1", "-i"])
        .arg(as_url(path))
        .stdin(std::process::Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let name = text.lines().next()?.trim();
    (output.status.success() && !name.is_empty()).then(|| name.to_owned())
}

/// Frames a second where neither the stream nor its frames have a clock.
const ASSUMED_RATE_HZ: f64 = 25.0;

/// The programs that are run.
#[derive(Debug, Clone)]
struct Programs {
    ffmpeg: OsString,
    ffprobe: OsString,
}

impl Default for Programs {
    fn default() -> Self {
        Self {
            ffmpeg: "ffmpeg".into(),
            ffprobe: "ffprobe".into(),
        }
    }
}

/// A video file, frame by frame: each frame of its video stream once, in the order of showing, upright.
///
/// A frame's time is the container's own time stamp, in seconds since the container's start, which is where its first
/// stream begins: the first frame of a usual file is at 0, and a little later where the sound begins first. A frame
/// without a time stamp follows the one before it by the nominal rate. Transparent parts show what colour is stored
/// below them, mostly black. Pictures keep their stored size: pixels that are not square stay so.
pub struct VideoSource {
    info: SourceInfo,
    path: PathBuf,
    probe: Probe,
    every_frame: EveryFrame,
    decoder: Option<Decoder>,
    /// The first frame, which is decoded to know that there is one.
    first: Option<Decoded>,
    given: u64,
    times: Times,
}

/// Makes times of time stamps, one frame after the other.
#[derive(Debug, Clone, Copy)]
struct Times {
    step_s: f64,
    first_s: f64,
    last_s: Option<f64>,
    /// So many frames would fit into the holes between those that came.
    lost: u64,
}

impl Times {
    fn new(rate_hz: Option<f64>) -> Self {
        Self {
            step_s: 1.0 / rate_hz.unwrap_or(ASSUMED_RATE_HZ),
            first_s: 0.0,
            last_s: None,
            lost: 0,
        }
    }

    fn next_s(&mut self, ticks: Option<i64>) -> f64 {
        let time_s = match (ticks, self.last_s) {
            (Some(ticks), _) => seconds(ticks),
            (None, Some(last_s)) => last_s + self.step_s,
            (None, None) => 0.0,
        };
        let steps = self
            .last_s
            .map_or(1.0, |last_s| (time_s - last_s) / self.step_s);
        if self.last_s.is_none() {
            self.first_s = time_s;
        }
        // The cast holds what is too much.
        self.lost += (steps.round() as u64).saturating_sub(1);
        self.last_s = Some(time_s);
        time_s
    }

    /// From the first frame to the last.
    fn seen_s(&self) -> f64 {
        self.last_s.unwrap_or(0.0) - self.first_s
    }
}

impl VideoSource {
    /// Opens a video and decodes its first frame.
    ///
    /// # Errors
    /// [`SourceError`] when the file is not there, may not be read, or has no video in it, and when ffmpeg is missing.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        Self::open_with(path, &Programs::default())
    }

    fn open_with(path: &Path, programs: &Programs) -> Result<Self, SourceError> {
        check_file(path)?;
        let probe = Probe::of(path, programs)?;
        let mut every_frame = EveryFrame::FpsMode;
        let (decoder, first) = match start(path, &probe, programs, every_frame)? {
            Start::Running(decoder, first) => (decoder, first),
            Start::Ended(ending) if ending.complaints.too_old => {
                every_frame = EveryFrame::Vsync;
                match start(path, &probe, programs, every_frame)? {
                    Start::Running(decoder, first) => (decoder, first),
                    Start::Ended(ending) => return Err(no_frame(path, &ending)),
                }
            }
            Start::Ended(ending) => return Err(no_frame(path, &ending)),
        };
        let info = SourceInfo {
            stills: false,
            title: path
                .file_name()
                .unwrap_or(path.as_os_str())
                .to_string_lossy()
                .into_owned(),
            pace: Pace::File,
            width_px: probe.width_px,
            height_px: probe.height_px,
            rate_hz: probe.rate_hz,
            frames: probe.expected_frames(),
            format: probe.codec.clone(),
        };
        Ok(Self {
            times: Times::new(info.rate_hz),
            info,
            path: path.to_owned(),
            probe,
            every_frame,
            decoder: Some(decoder),
            first: Some(first),
            given: 0,
        })
    }

    /// The time of every frame of a video, in seconds, by decoding all of it: how many there really are, whatever its
    /// header says. With a note when the video ends early.
    ///
    /// # Errors
    /// As [`VideoSource::open`] and [`FrameSource::next`].
    pub fn times_s(path: &Path) -> Result<(Vec<f64>, Option<String>), SourceError> {
        let mut source = Self::open(path)?;
        let mut times_s = Vec::new();
        loop {
            match source.next()? {
                Next::Frame(frame) => times_s.push(frame.stamp.time_s),
                Next::Unreadable { stamp, .. } | Next::Missing { stamp } => {
                    times_s.push(stamp.time_s);
                }
                Next::End { note } => return Ok((times_s, note)),
            }
        }
    }

    fn end_note(&self, ending: &Ending) -> Option<String> {
        let file_bytes = fs::metadata(&self.path).map_or(0, |metadata| metadata.len());
        let note = early_end(&self.probe, self.given, &self.times, ending, file_bytes)?;
        Some(format!("{} {note}", self.info.title))
    }
}

impl FrameSource for VideoSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next(&mut self) -> Result<Next, SourceError> {
        let decoded = match (self.first.take(), self.decoder.as_mut()) {
            (Some(first), _) => Some(first),
            (None, Some(decoder)) => decoder.next()?,
            (None, None) => return Ok(Next::End { note: None }),
        };
        let Some(decoded) = decoded else {
            let ending = self.decoder.take().map(Decoder::finish);
            let note = ending.and_then(|ending| self.end_note(&ending));
            return Ok(Next::End { note });
        };
        let stamp = FrameStamp {
            index: self.given,
            time_s: self.times.next_s(decoded.ticks),
        };
        self.given += 1;
        Frame::new(stamp, self.info.width_px, self.info.height_px, decoded.rgb)
            .map(Next::Frame)
            .map_err(|error| {
                SourceError::Failed(format!(
                    "{}: {error}. Please report it.",
                    self.path.display()
                ))
            })
    }
}

/// What is wrong with a path before any program is run on it.
fn check_file(path: &Path) -> Result<(), SourceError> {
    let io = |reason: std::io::Error| {
        if reason.kind() == ErrorKind::NotFound {
            SourceError::NotFound(path.to_owned())
        } else {
            SourceError::Io {
                path: path.to_owned(),
                reason,
            }
        }
    };
    let not_media = |reason: &str| {
        Err(SourceError::NotMedia {
            path: path.to_owned(),
            reason: reason.to_owned(),
        })
    };
    let metadata = fs::metadata(path).map_err(io)?;
    if metadata.is_dir() {
        return not_media("it is a folder, not a video. Give a video file.");
    }
    // Opening a pipe would wait for its other end.
    if !metadata.is_file() {
        return not_media("it is not an ordinary file. Give a video file.");
    }
    File::open(path).map_err(io)?;
    if metadata.len() == 0 {
        return not_media("the file is empty. Record or copy it again.");
    }
    Ok(())
}

enum Start {
    Running(Decoder, Decoded),
    Ended(Ending),
}

/// Starts ffmpeg and waits for the first frame.
fn start(
    path: &Path,
    probe: &Probe,
    programs: &Programs,
    every_frame: EveryFrame,
) -> Result<Start, SourceError> {
    let begin = Begin::Start { skip: 0 };
    let mut decoder = Decoder::start(path, probe, programs, every_frame, begin, POOLED_FRAMES)?;
    Ok(match decoder.next()? {
        Some(first) => Start::Running(decoder, first),
        None => Start::Ended(decoder.finish()),
    })
}

fn no_frame(path: &Path, ending: &Ending) -> SourceError {
    SourceError::NotMedia {
        path: path.to_owned(),
        reason: match &ending.complaints.last {
            Some(last) => unreadable(last),
            None => "there is no frame in its video stream. Record or copy it again.".to_owned(),
        },
    }
}

/// The rest of a sentence that begins with the file's name, when the video stopped before its end, or lacks frames within.
///
/// No single sign will do: a container counts frames that an edit list hides or that were left out, and sound may be
/// cut where the video is whole.
fn early_end(
    probe: &Probe,
    given: u64,
    times: &Times,
    ending: &Ending,
    file_bytes: u64,
) -> Option<String> {
    let seen_s = times.seen_s();
    let frame_s = 1.0 / probe.rate_hz.unwrap_or(ASSUMED_RATE_HZ);
    let all_there = probe.frames.is_some_and(|frames| given >= frames);
    // Only mp4 and mov have edit lists; elsewhere the count in the header is right where the length is guessed.
    let wanted_s = if probe.container.contains("mp4") {
        probe.duration_s
    } else {
        probe.frames.map(|frames| frames as f64 * frame_s)
    };
    let too_few = probe.frames.is_some_and(|frames| given < frames)
        && wanted_s.is_none_or(|wanted_s| seen_s + frame_s < wanted_s - frame_s.max(0.1));
    // A transport stream is made of whole packets, of one of three sizes.
    let half_packet = probe.container == "mpegts"
        && [188, 192, 204]
            .iter()
            .all(|bytes| !file_bytes.is_multiple_of(*bytes));
    let complaints = &ending.complaints;
    // A video of uneven rate has holes, and a container counts frames that are not to be shown: both together, and a
    // complaint, are damage.
    let uncounted = probe
        .frames
        .map_or(u64::MAX, |frames| frames.saturating_sub(given));
    let lost = times.lost.min(uncounted);
    let reaches_end = wanted_s.map_or(complaints.cut.is_none(), |wanted_s| {
        seen_s + frame_s >= wanted_s - frame_s.max(0.1)
    });
    if complaints.undecoded > 0 && lost > 0 && reaches_end && ending.success {
        return Some(format!(
            "is damaged: {} within it could not be decoded. Those behind are numbered without them, so that labels by frame numbers \
             do not fit there. Copy or record it again.",
            counted(lost, "frame")
        ));
    }
    if too_few || half_packet || (complaints.cut.is_some() && !all_there) {
        let of = match probe.frames {
            Some(frames) => format!(" of {frames}"),
            None => String::new(),
        };
        Some(format!(
            "ends early after {given}{of} frames: the file seems truncated. Copy or record it again if the rest matters."
        ))
    } else if !ending.success {
        Some(format!(
            "ends early after {given} frames: ffmpeg gave up on it ({}). Check the file.",
            complaints.last.as_deref().unwrap_or("no reason given")
        ))
    } else {
        if complaints.count > 0 {
            tracing::warn!(count = complaints.count, last = ?complaints.last, "ffmpeg met errors in the video");
        }
        None
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
