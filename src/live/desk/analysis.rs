//! The analysis of a whole video in the background of the bench: rows to a file beside it, records to the window.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::analysis::Record;
use crate::formats::output::{Output, OutputError, write_whole};
use crate::formats::rows::{RowFormat, RowWriter};
use crate::formats::sidecar::{Protocol, sidecar, sidecar_path};
use crate::live::bulk::{self, Batch, BulkError, Event};
use crate::live::closing::Closing;
use crate::live::{ThreadError, Wake, spawn};
use crate::model::device::Chosen;
use crate::model::student::Student;
use crate::review::session::Progress;
use crate::session::Tuning;
use crate::source::film::Numbering;
use crate::source::images::crops::CropSource;
use crate::source::{self, FrameSource, SourceError};

/// Records that may wait for the window; then the analysis waits.
const WAITING: usize = 4096;
/// The window is woken this often at most.
const WAKE_EVERY: Duration = Duration::from_millis(100);
/// What is said of small pictures that are numbered.
const CROPS: &str = "The pictures were read as faces that are cut out already, without detection:";
/// Names that are tried when one is taken.
const MOST_NAMES: usize = 100;

/// What an analysis runs with.
#[derive(Clone)]
pub struct Means {
    /// The network.
    pub student: Arc<Student>,
    /// Where it runs.
    pub device: Chosen,
    /// Wakes the window.
    pub wake: Wake,
    /// Where what takes its time ends.
    pub closing: Closing,
}

/// A running analysis. Dropped, it ends.
pub struct Analysis {
    records: Receiver<Record>,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    of: Arc<AtomicU64>,
    path: PathBuf,
    run: u64,
    thread: Option<JoinHandle<Result<Option<String>, String>>>,
    ended: Option<Result<Option<String>, String>>,
}

impl Analysis {
    /// Begins the analysis of a video. Pictures of a folder that are numbered by their names on purpose are faces that were cut
    /// out already, which otherwise is told by their sizes.
    ///
    /// # Errors
    /// When no file can be written or the system has no thread to give, in words.
    pub fn start(
        video: &Path,
        numbering: Numbering,
        means: Means,
        run: u64,
    ) -> Result<Self, String> {
        let output = output_for(video).map_err(|e| e.to_string())?;
        let path = table_of(output.part());
        let (sender, records) = sync_channel(WAITING);
        let (stop, done, of) = <(Arc<AtomicBool>, Arc<AtomicU64>, Arc<AtomicU64>)>::default();
        let work = Work {
            video: video.to_owned(),
            numbering,
            means,
            sender,
            stop: stop.clone(),
            done: done.clone(),
            of: of.clone(),
        };
        let thread = spawn("analyse-file", move || work.run(output))
            .map_err(|e: ThreadError| e.to_string())?;
        Ok(Self {
            records,
            stop,
            done,
            of,
            path,
            run,
            thread: Some(thread),
            ended: None,
        })
    }

    /// Asks it to end.
    pub fn cancel(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    /// What has come since the last call, and how far it is. Never waits.
    pub fn poll(&mut self) -> (Vec<Record>, Progress) {
        let mut records: Vec<Record> = self.records.try_iter().collect();
        if self.thread.as_ref().is_some_and(JoinHandle::is_finished)
            && let Some(thread) = self.thread.take()
        {
            let broke =
                "The analysis broke down, which is a mistake in this program. Please report it.";
            self.ended = Some(thread.join().unwrap_or_else(|_| Err(broke.to_owned())));
            records.extend(self.records.try_iter());
        }
        let of = self.of.load(Ordering::Relaxed);
        let progress = Progress {
            done: self.done.load(Ordering::Relaxed),
            of: (of > 0).then_some(of),
            path: self.path.clone(),
            run: self.run,
            ended: self.ended.clone(),
        };
        (records, progress)
    }
}

impl Drop for Analysis {
    fn drop(&mut self) {
        self.cancel();
        // Whoever waits at the full channel must not wait for ever.
        let Some(thread) = self.thread.take() else {
            return;
        };
        let end = Instant::now() + Duration::from_secs(5);
        while !thread.is_finished() && Instant::now() < end {
            self.records.try_iter().for_each(drop);
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

struct Work {
    video: PathBuf,
    numbering: Numbering,
    means: Means,
    sender: SyncSender<Record>,
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    of: Arc<AtomicU64>,
}

/// Why it ended early.
enum Broken {
    Bulk(BulkError),
    Disk(OutputError),
    /// Nobody looks any more.
    Gone,
}

impl From<BulkError> for Broken {
    fn from(error: BulkError) -> Self {
        Self::Bulk(error)
    }
}

impl Work {
    fn run(self, output: Output) -> Result<Option<String>, String> {
        let outcome = self.rows(output);
        (self.means.wake)();
        outcome
    }

    fn rows(&self, mut output: Output) -> Result<Option<String>, String> {
        let (mut source, cropped) = self.source().map_err(|e| e.to_string())?;
        let info = source.info().clone();
        self.of.store(info.frames.unwrap_or(0), Ordering::Relaxed);
        let with_file = info.stills && self.video.is_dir();
        output.keep_part();
        let path = table_of(output.part());
        let failed = |reason| OutputError::Io {
            path: path.clone(),
            reason,
        };
        let mut writer =
            RowWriter::new(output, RowFormat::Csv, with_file).map_err(|e| failed(e).to_string())?;
        let tuning = Tuning::default();
        let options = bulk::Options {
            tuning,
            cropped,
            batch: Batch::on(&self.means.device.device),
        };
        let mut woken = Instant::now();
        let end = bulk::run(
            &mut *source,
            &self.means.student,
            &options,
            &self.stop,
            &mut |event| match event {
                Event::Record(record) => {
                    writer.write(record).map_err(|e| Broken::Disk(failed(e)))?;
                    self.sender.send(record.clone()).map_err(|_| Broken::Gone)?;
                    if woken.elapsed() >= WAKE_EVERY {
                        woken = Instant::now();
                        (self.means.wake)();
                    }
                    Ok(())
                }
                Event::Unreadable { .. } => Ok(()),
                Event::Frames(frames) => {
                    self.done.store(frames, Ordering::Relaxed);
                    Ok(())
                }
            },
        );
        let rows = writer.rows();
        let output = writer.into_inner();
        let end = match end {
            Ok(end) => end,
            Err(broken) => {
                let why = match broken {
                    Broken::Bulk(e) => e.to_string(),
                    Broken::Disk(e) => e.to_string(),
                    Broken::Gone => String::new(),
                };
                let part = output.leave_part();
                return Err(format!("{why} {rows} rows lie in {}.", part.display()));
            }
        };
        if end.interrupted {
            let part = output.leave_part();
            return Err(format!(
                "The analysis was stopped; {rows} rows lie in {}.",
                part.display()
            ));
        }
        output.finish().map_err(|e| e.to_string())?;
        let protocol = if cropped {
            Protocol::Crops {
                resize_px: self.means.student.config().resize_px(),
                timed: false,
            }
        } else if info.stills {
            Protocol::Stills
        } else {
            Protocol::Offline
        };
        let value = sidecar(
            &self.means.student,
            &self.means.device.title,
            &tuning,
            &self.video.display().to_string(),
            &info,
            &protocol,
            with_file,
        );
        let text = serde_json::to_string_pretty(&value).map_err(|e| e.to_string())?;
        write_whole(&sidecar_path(&path), text.as_bytes(), true).map_err(|e| e.to_string())?;
        let read = cropped.then(|| format!("{CROPS} {}", path.display()));
        let notes: Vec<String> = read.into_iter().chain(end.note).collect();
        Ok((!notes.is_empty()).then(|| notes.join(" ")))
    }

    /// The frames as the bench's film numbers them, and whether they are faces that were cut out already.
    fn source(&self) -> Result<(Box<dyn FrameSource + Send>, bool), SourceError> {
        if self.numbering.is_by_name(&self.video) {
            let source = CropSource::open(&self.video, None)?;
            let faces = self.numbering == Numbering::ByName || source.are_faces();
            return Ok((Box::new(source), faces));
        }
        Ok((source::open_path(&self.video)?, false))
    }
}

/// The table of a part file.
fn table_of(part: &Path) -> PathBuf {
    part.with_extension("")
}

/// A table beside the video that is not there yet; in the folder of the recordings where that may not be written to.
fn output_for(video: &Path) -> Result<Output, OutputError> {
    let stem = video
        .file_stem()
        .unwrap_or(video.as_os_str())
        .to_string_lossy()
        .into_owned();
    let beside = video.parent().map(Path::to_owned).unwrap_or_default();
    let mut last = None;
    let elsewhere = dirs::document_dir()
        .filter(|f| f.is_dir())
        .or_else(dirs::home_dir);
    for folder in [Some(beside), elsewhere].into_iter().flatten() {
        for n in 1..MOST_NAMES {
            let more = if n == 1 {
                String::new()
            } else {
                format!(".{n}")
            };
            let path = folder.join(format!("{stem}{more}.affect.csv"));
            if sidecar_path(&path).exists() {
                continue;
            }
            match Output::create(&path, false) {
                Ok(output) => return Ok(output),
                Err(OutputError::Exists(_) | OutputError::PartExists(_) | OutputError::Busy(_)) => {
                }
                Err(error) => {
                    last = Some(error);
                    break;
                }
            }
        }
    }
    Err(last.unwrap_or_else(|| OutputError::Exists(video.to_owned())))
}
