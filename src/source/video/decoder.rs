//! One running `ffmpeg`: pixels on its standard output, time stamps and complaints on its standard error.

use std::io::{BufRead, BufReader, ErrorKind, Read};
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Programs;
use super::as_url;
use super::probe::{Probe, spawn_error, strip_tag};
use crate::frame::{PixelPool, Pixels};
use crate::source::SourceError;

/// Time stamps travel as whole numbers of this unit: it divides every common frame rate and time base without rest.
pub(super) const TICKS_PER_S: u32 = 705_600_000;

/// Where decoding begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Begin {
    /// At the file's first frame; the first `skip` frames are decoded and let go of.
    Start {
        /// How many.
        skip: usize,
    },
    /// At a place within, with the time stamps that a run from the start would give.
    Within {
        /// Where to look for a frame to begin with, in seconds since the container's start: at it or before.
        seek_s: f64,
        /// The stamp of the frame that is to come first: the one that needs none before it.
        key: i64,
        /// The stamp of the frame to go on with; those between are decoded and let go of.
        from: i64,
    },
}

/// How long the time stamp of a frame that is here already may take. It was written before the frame was.
const STAMP_PATIENCE: Duration = Duration::from_secs(10);

/// Longest part of a line of ffmpeg's that is kept.
const LINE_BYTES: usize = 400;

/// Which option makes ffmpeg give every frame once; the first is unknown before ffmpeg 5.1, the second goes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EveryFrame {
    FpsMode,
    Vsync,
}

impl EveryFrame {
    /// As words of a command line.
    pub fn arguments(self) -> [&'static str; 2] {
        match self {
            Self::FpsMode => ["-fps_mode", "passthrough"],
            Self::Vsync => ["-vsync", "0"],
        }
    }
}

/// What ffmpeg complained about.
#[derive(Debug, Default, Clone)]
pub(super) struct Complaints {
    /// How many lines it printed.
    pub count: u64,
    /// How many of them say that something could not be decoded.
    pub undecoded: u64,
    /// The first line that says that the file stops too soon.
    pub cut: Option<String>,
    /// The last line.
    pub last: Option<String>,
    /// It does not know the option [`EveryFrame::FpsMode`].
    pub too_old: bool,
}

impl Complaints {
    pub fn note(&mut self, line: &str) {
        let line = strip_tag(line).trim();
        if line.is_empty() {
            return;
        }
        self.count += 1;
        self.too_old |= line.contains("fps_mode");
        let small = line.to_ascii_lowercase();
        let undecoded = [
            "error while decoding",
            "error splitting",
            "error at mb",
            "invalid data",
            "invalid mb",
            "corrupt",
            "damaged",
        ];
        self.undecoded += u64::from(undecoded.iter().any(|word| small.contains(word)));
        let says_cut = [
            "partial file",
            "prematurely",
            "truncat",
            "end of file",
            "moov atom not found",
        ]
        .iter()
        .any(|word| small.contains(word));
        if says_cut && self.cut.is_none() {
            self.cut = Some(line.to_owned());
        }
        self.last = Some(line.to_owned());
    }
}

/// How a run ended.
#[derive(Debug, Clone)]
pub(super) struct Ending {
    /// ffmpeg said that all went well.
    pub success: bool,
    /// What it complained about on the way.
    pub complaints: Complaints,
}

impl Ending {
    /// Of something nobody complained about.
    pub fn quiet() -> Self {
        Self {
            success: true,
            complaints: Complaints::default(),
        }
    }
}

/// A decoded frame.
pub(super) struct Decoded {
    /// Its pixels.
    pub rgb: Pixels,
    /// Its time since the container's start, where it has one, in units of which [`seconds`] makes seconds.
    pub ticks: Option<i64>,
}

/// Seconds of a time stamp.
pub(super) fn seconds(ticks: i64) -> f64 {
    ticks as f64 / f64::from(TICKS_PER_S)
}

/// A running `ffmpeg`; dropped, it is ended and waited for.
pub(super) struct Decoder {
    child: Child,
    pixels: ChildStdout,
    stamps: Option<Receiver<Option<i64>>>,
    /// The stamp of a frame that is on its way.
    announced: Option<Option<i64>>,
    complaints: Arc<Mutex<Complaints>>,
    reader: Option<JoinHandle<()>>,
    frame_bytes: usize,
    pool: PixelPool,
}

impl Decoder {
    /// Starts to decode the stream that `probe` found, from `begin` on. So many frames go round within; whoever keeps
    /// frames for long has none of it.
    ///
    /// # Errors
    /// [`SourceError::NoFfmpeg`], or [`SourceError::Failed`] when no process or thread can be started.
    pub fn start(
        path: &Path,
        probe: &Probe,
        programs: &Programs,
        every_frame: EveryFrame,
        begin: Begin,
        pooled: usize,
    ) -> Result<Self, SourceError> {
        let (width_px, height_px) = (probe.width_px, probe.height_px);
        // What nobody asked for is neither converted nor piped. `gte` of a frame without a stamp is false.
        let select = match begin {
            Begin::Start { skip: 0 } => String::new(),
            Begin::Start { skip } => format!("select='gte(n,{skip})',"),
            Begin::Within { key, from, .. } => {
                format!("select='eq(pts,{key})+gte(pts,{from})+isnan(pts)',")
            }
        };
        // The time stamp is printed for each frame as it passes. `add` is there because `print` skips bare frames.
        // The last two bring frames of another size, which a stream may hold, to the first one's.
        let filters = format!(
            "settb=1/{TICKS_PER_S},{select}\
             metadata=mode=add:key=affectscope:value=1,\
             metadata=mode=print:key=affectscope:file='pipe\\:2':direct=1,\
             scale={width_px}:{height_px},format=rgb24"
        );
        let mut command = super::command(&programs.ffmpeg);
        command.args(["-nostdin", "-hide_banner", "-nostats", "-loglevel", "error"]);
        if let Begin::Within { seek_s, .. } = begin {
            // Stamps count from the container's start, as they do without a seek, and nothing is cut away by time.
            command
                .args(["-copyts", "-start_at_zero", "-noaccurate_seek", "-ss"])
                .arg(format!("{seek_s:.6}"));
        }
        let mut child = command
            // A playlist must not make the program reach for the network.
            .args(["-protocol_whitelist", "file", "-i"])
            .arg(as_url(path))
            .args(["-map", &format!("0:{}", probe.stream)])
            .args(["-vf", &filters])
            .args(every_frame.arguments())
            .args(["-c:v", "rawvideo", "-f", "rawvideo", "pipe:1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| spawn_error(&error, "ffmpeg"))?;
        let pipes = child.stdout.take().zip(child.stderr.take());
        let Some((pixels, words)) = pipes else {
            end(&mut child);
            return Err(SourceError::Failed(
                "ffmpeg was started without its pipes. Try again.".to_owned(),
            ));
        };
        let complaints = Arc::new(Mutex::new(Complaints::default()));
        let (sender, stamps) = channel();
        let noted = Arc::clone(&complaints);
        // The queue needs no bound of its own: ffmpeg runs ahead of the pixels by the few frames that it buffers.
        let reader = std::thread::Builder::new()
            .name("video-stamps".to_owned())
            .spawn(move || read_words(words, &sender, &noted));
        let reader = match reader {
            Ok(reader) => reader,
            Err(error) => {
                end(&mut child);
                return Err(SourceError::Failed(format!(
                    "no thread could be started ({error}). Close other programs and try again."
                )));
            }
        };
        Ok(Self {
            child,
            pixels,
            stamps: Some(stamps),
            announced: None,
            complaints,
            reader: Some(reader),
            frame_bytes: width_px * height_px * 3,
            pool: PixelPool::new(pooled),
        })
    }

    /// The next frame; `None` after the last whole one.
    ///
    /// # Errors
    /// [`SourceError::Failed`] when the pipe breaks.
    pub fn next(&mut self) -> Result<Option<Decoded>, SourceError> {
        let pixels = &mut self.pixels;
        let read = self
            .pool
            .fill(self.frame_bytes, |rgb| pixels.read_exact(rgb));
        let rgb = match read {
            Ok(rgb) => rgb,
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => {
                return Err(SourceError::Failed(format!(
                    "The pipe from ffmpeg broke ({error}). Try again."
                )));
            }
        };
        Ok(Some(Decoded {
            rgb,
            ticks: self.stamp(),
        }))
    }

    /// Waits for a frame up to this long. True when [`Decoder::next`] will not wait for longer than a picture takes to
    /// come through a pipe: a frame is on its way, or there are no more.
    pub fn ready(&mut self, patience: Duration) -> bool {
        if self.announced.is_some() {
            return true;
        }
        match self.stamps.as_ref().map(|s| s.recv_timeout(patience)) {
            Some(Ok(stamp)) => {
                self.announced = Some(stamp);
                true
            }
            Some(Err(RecvTimeoutError::Timeout)) => false,
            Some(Err(RecvTimeoutError::Disconnected)) | None => true,
        }
    }

    fn stamp(&mut self) -> Option<i64> {
        if let Some(stamp) = self.announced.take() {
            return stamp;
        }
        match self.stamps.as_ref()?.recv_timeout(STAMP_PATIENCE) {
            Ok(stamp) => stamp,
            Err(error) => {
                // Once out of step, stamps would belong to other frames: go on without.
                self.stamps = None;
                if error == RecvTimeoutError::Timeout {
                    tracing::warn!(
                        "ffmpeg tells no time stamps any more: the nominal rate is used"
                    );
                }
                None
            }
        }
    }

    /// Waits for ffmpeg, which has closed its output, and says how it went.
    pub fn finish(mut self) -> Ending {
        let success = self.child.wait().is_ok_and(|status| status.success());
        if let Some(reader) = self.reader.take() {
            // A panic there would be ours, and lose no more than the complaints.
            let _ = reader.join();
        }
        let complaints = self
            .complaints
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        Ending {
            success,
            complaints,
        }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        end(&mut self.child);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

/// Ends a child and takes its exit status, so that no zombie stays.
pub(super) fn end(child: &mut Child) {
    // It may have ended by itself: nothing to do then.
    let _ = child.kill();
    let _ = child.wait();
}

/// Sorts what ffmpeg prints into time stamps and complaints, until it closes the pipe.
fn read_words(words: ChildStderr, stamps: &Sender<Option<i64>>, complaints: &Mutex<Complaints>) {
    let mut words = BufReader::new(words);
    let mut line = Vec::new();
    while let Ok(true) = read_line(&mut words, &mut line) {
        let text = String::from_utf8_lossy(&line);
        if let Some(stamp) = parse_stamp(&text) {
            // Nobody listens once the decoder is out of step; the pipe must be emptied all the same.
            let _ = stamps.send(stamp);
        } else if !text.trim_end().ends_with("affectscope=1") {
            tracing::debug!(line = %text.trim_end(), "ffmpeg");
            complaints
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .note(&text);
        }
    }
}

/// Reads a line into `line`, its first [`LINE_BYTES`] bytes; false at the end.
pub(super) fn read_line(from: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    let mut any = false;
    loop {
        let available = match from.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if available.is_empty() {
            return Ok(any);
        }
        any = true;
        let newline = available.iter().position(|byte| *byte == b'\n');
        let part = newline.unwrap_or(available.len());
        line.extend(&available[..part.min(LINE_BYTES.saturating_sub(line.len()))]);
        from.consume(newline.map_or(part, |at| at + 1));
        if newline.is_some() {
            return Ok(true);
        }
    }
}

/// The time in `frame:12   pts:4711    pts_time:0.5`: `Some(None)` when the frame has none, `None` for other lines.
/// (`pts_time` is rounded to six digits, so it is not the one to read.) It may stand behind the begin of a complaint, which
/// ffmpeg prints in two pieces.
pub(super) fn parse_stamp(line: &str) -> Option<Option<i64>> {
    let rest = &line[line.rfind("frame:")? + "frame:".len()..];
    if !rest.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let ticks = rest
        .split_whitespace()
        .find_map(|word| word.strip_prefix("pts:"))?;
    Some(ticks.parse::<i64>().ok())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn stamps_are_told_from_complaints() {
        assert_eq!(
            parse_stamp("frame:0    pts:0       pts_time:0"),
            Some(Some(0))
        );
        let third = parse_stamp("frame:1    pts:23520000 pts_time:0.0333333")
            .unwrap()
            .unwrap();
        assert!((seconds(third) - 1.0 / 30.0).abs() < 1e-15);
        assert_eq!(
            parse_stamp("frame:3    pts:-352800000 pts_time:-0.5"),
            Some(Some(-352_800_000))
        );
        assert_eq!(
            parse_stamp("frame:7    pts:NOPTS   pts_time:NOPTS"),
            Some(None)
        );
        let within = "[h264 @ 0x55abf8a67640] frame:23   pts:69000   pts_time:0.766667";
        assert_eq!(parse_stamp(within), Some(Some(69_000)));
        assert_eq!(parse_stamp("[h264 @ 0x1] frame: broken"), None);
        assert_eq!(parse_stamp("frame:"), None);
    }

    #[test]
    fn a_line_without_end_takes_no_memory() {
        let mut flood = std::io::Cursor::new([vec![b'x'; 1_000_000], b"\nframe".to_vec()].concat());
        let mut line = Vec::new();
        assert!(read_line(&mut flood, &mut line).unwrap());
        assert_eq!(line.len(), LINE_BYTES);
        assert!(read_line(&mut flood, &mut line).unwrap());
        assert_eq!(line, b"frame");
        assert!(!read_line(&mut flood, &mut line).unwrap());
    }

    #[test]
    fn complaints_keep_what_matters() {
        let mut complaints = Complaints::default();
        for _ in 0..1000 {
            complaints.note("[h264 @ 0x1] error while decoding MB 1 2");
        }
        complaints.note("[matroska,webm @ 0x1] File ended prematurely at pos. 512 (0x200)");
        complaints.note("");
        assert_eq!((complaints.count, complaints.undecoded), (1001, 1000));
        assert_eq!(
            complaints.cut.as_deref(),
            Some("File ended prematurely at pos. 512 (0x200)")
        );
        assert!(!complaints.too_old);
        complaints.note("Unrecognized option 'fps_mode'.");
        assert!(complaints.too_old);
    }
}
