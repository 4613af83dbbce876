//! The writers of a recording: rows on disk as they come, and the picture beside them. Run on threads of their own.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::analysis::Record;
use crate::formats::output::{Output, OutputError, part_path};
use crate::formats::rows::{RowFormat, RowWriter};
use crate::frame::{Frame, FrameStamp};

/// Rows lie on disk after this long at the latest.
const FLUSH_EVERY: Duration = Duration::from_secs(1);

/// What to record, and where.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordPlan {
    /// The rows' file.
    pub path: PathBuf,
    /// Also write the picture, to the same name with the ending `.mkv`.
    pub picture: bool,
    /// How rows are written.
    pub format: RowFormat,
    /// Replace what is there.
    pub force: bool,
    /// Stop after so many captured frames.
    pub frames: Option<u64>,
}

impl RecordPlan {
    /// Where the picture goes.
    pub fn picture_path(&self) -> Option<PathBuf> {
        self.picture.then(|| self.path.with_extension("mkv"))
    }
}

/// A record as its recording has it: frames and times count from the recording's first frame.
pub fn restamp(stamp: FrameStamp, origin: FrameStamp) -> FrameStamp {
    FrameStamp {
        index: stamp.index.saturating_sub(origin.index),
        time_s: stamp.time_s - origin.time_s,
    }
}

/// True when ffmpeg can be started.
pub fn has_ffmpeg() -> bool {
    let started = Command::new("ffmpeg")
        .arg("-version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    started.is_ok()
}

/// The encoder of a picture, where another thread can end it if it hangs.
#[derive(Debug, Default)]
pub struct Encoder(Mutex<Option<Child>>);

impl Encoder {
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Child>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends it at once, if it runs.
    pub fn kill(&self) {
        if let Some(child) = &mut *self.lock() {
            // Gone already is as good.
            let _ = child.kill();
        }
    }

    /// Waits for its end; another thread may kill it meanwhile.
    fn wait(&self) -> io::Result<std::process::ExitStatus> {
        loop {
            match &mut *self.lock() {
                Some(child) => {
                    if let Some(status) = child.try_wait()? {
                        return Ok(status);
                    }
                }
                None => return Err(io::Error::other("it never ran")),
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        self.kill();
        if let Some(child) = &mut *self.lock() {
            let _ = child.wait();
        }
    }
}

/// How the rows' writer ended.
#[derive(Debug)]
pub enum RowsEnd {
    /// In its place.
    Finished(PathBuf),
    /// No frame came; nothing is left behind.
    Empty,
    /// It broke, in words; rows up to there lie in the part file.
    Failed(String),
}

/// Writes rows until the sender is gone or the plan's frames are there, then puts the file in its place. `wrote` hears
/// the number of rows on disk.
pub fn write_rows(
    plan: &RecordPlan,
    records: &Receiver<Arc<Record>>,
    mut wrote: impl FnMut(u64),
) -> RowsEnd {
    let failed = |reason: io::Error| OutputError::Io {
        path: plan.path.clone(),
        reason,
    };
    let mut run = || -> Result<Option<PathBuf>, OutputError> {
        let mut output = Output::create(&plan.path, plan.force)?;
        output.keep_part();
        let mut writer = RowWriter::new(output, plan.format, false).map_err(failed)?;
        writer.flush().map_err(failed)?;
        let mut flushed = Instant::now();
        let mut frames = 0;
        loop {
            match records.recv_timeout(FLUSH_EVERY / 4) {
                Ok(record) => {
                    writer.write(&record).map_err(failed)?;
                    frames += 1;
                    if plan.frames.is_some_and(|limit| frames >= limit) {
                        break;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if flushed.elapsed() >= FLUSH_EVERY {
                writer.flush().map_err(failed)?;
                wrote(writer.rows());
                flushed = Instant::now();
            }
        }
        let rows = writer.rows();
        let mut output = writer.into_inner();
        if rows == 0 {
            output.discard();
            return Ok(None);
        }
        let path = output.finish()?;
        wrote(rows);
        Ok(Some(path))
    };
    match run() {
        Ok(Some(path)) => RowsEnd::Finished(path),
        Ok(None) => RowsEnd::Empty,
        Err(e) => RowsEnd::Failed(e.to_string()),
    }
}

/// Writes the picture: frame n of the video is frame n of the rows, whatever was late or lost on the way.
///
/// Motion JPEG in Matroska: every frame stands alone, so that it can be scrubbed exactly, and a killed recording
/// plays up to its end.
pub fn write_picture(
    path: &Path,
    force: bool,
    rate_hz: f64,
    limit: Option<u64>,
    frames: &Receiver<(FrameStamp, Arc<Frame>)>,
    encoder: &Encoder,
) -> Result<(), String> {
    let part = part_path(path);
    if !force && (path.exists() || part.exists()) {
        return Err(format!(
            "{}: exists already. Give another name.",
            path.display()
        ));
    }
    let Ok((_, first)) = frames.recv() else {
        return Ok(());
    };
    let size = (first.width_px(), first.height_px());
    let (child, mut stdin) = start_ffmpeg(&part, size, rate_hz)?;
    *encoder.lock() = Some(child);
    let broken = |e: io::Error| {
        format!(
            "{}: the picture cannot be written ({e}). Check the space left.",
            path.display()
        )
    };
    let mut written = 0;
    let mut last = first.clone();
    let mut put =
        |stdin: &mut ChildStdin, stamp: FrameStamp, frame: Arc<Frame>| -> io::Result<()> {
            // A frame that never came here is stood for by the one before it.
            while written < stamp.index {
                stdin.write_all(last.rgb())?;
                written += 1;
            }
            if (frame.width_px(), frame.height_px()) == size {
                last = frame;
            }
            if written == stamp.index {
                stdin.write_all(last.rgb())?;
                written += 1;
            }
            Ok(())
        };
    let mut result = put(
        &mut stdin,
        FrameStamp {
            index: 0,
            time_s: 0.0,
        },
        first,
    );
    while result.is_ok() {
        let Ok((stamp, frame)) = frames.recv() else {
            break;
        };
        if limit.is_some_and(|limit| stamp.index >= limit) {
            break;
        }
        result = put(&mut stdin, stamp, frame);
    }
    drop(stdin);
    let ended = encoder.wait();
    result.map_err(broken)?;
    match ended {
        Ok(status) if status.success() => std::fs::rename(&part, path).map_err(broken),
        Ok(status) => Err(format!(
            "{}: ffmpeg ended with {status}. Check the space left.",
            path.display()
        )),
        Err(e) => Err(broken(e)),
    }
}

fn start_ffmpeg(
    part: &Path,
    (w, h): (usize, usize),
    rate_hz: f64,
) -> Result<(Child, ChildStdin), String> {
    let mut target = std::ffi::OsString::from("file:");
    target.push(part);
    let child = crate::source::video::command("ffmpeg")
        .args([
            "-nostdin", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24",
        ])
        .args([
            "-s",
            &format!("{w}x{h}"),
            "-r",
            &format!("{rate_hz:.3}"),
            "-i",
            "-",
        ])
        .args([
            "-c:v", "mjpeg", "-q:v", "4", "-pix_fmt", "yuvj420p", "-f", "matroska",
        ])
        .arg(target)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let mut child = child.map_err(|e| {
        format!("the picture is not recorded: ffmpeg cannot be started ({e}). Install ffmpeg; rows are recorded all the same.")
    })?;
    match child.stdin.take() {
        Some(stdin) => Ok((child, stdin)),
        None => Err("the picture is not recorded: ffmpeg takes no input.".to_owned()),
    }
}
