//! The live session: the only place that starts threads.
//!
//! | thread | owns | gives |
//! |---|---|---|
//! | `capture-N` | the source | frames, through a slot (a camera: the newest wins; a file: waits) |
//! | `analysis` | the pipeline | records to the window and the rows' writer, the newest picture to the window |
//! | `rows` | the table being recorded | |
//! | `picture` | the video being recorded | |
//! | `cameras` | nothing | the list of cameras |
//! | `journal` | the journal of edits ([`journal`]) | |
//! | `journal-sync` | nothing; has the journal's file to wait for the disk | |
//!
//! The analysis of a file without a window ([`bulk`]) has its own, which end with it:
//!
//! | thread | owns | gives |
//! |---|---|---|
//! | `read` | the source | frames, through a bounded queue |
//! | `find-1` (pictures without a common time: `find-N`) | the detector and the tracks | faces, through a bounded queue |
//! | `network` | nothing; shares the student | features of faces in batches, through a bounded queue |
//! | the caller's | the offline protocol | records |
//!
//! A file that is looked at frame by frame ([`viewer`]) has two of its own:
//!
//! | thread | owns | gives |
//! |---|---|---|
//! | `viewer` | the film | the frame that was asked for last, through a lock that is held for a moment |
//! | `viewer-count` | nothing | the number of its frames as decoded, once, where its container alone told it |
//!
//! The annotator's bench has these beside a viewer and a journal, and they end with it:
//!
//! | thread | owns | gives |
//! |---|---|---|
//! | `review` | the files while they are read | the project with its history, once |
//! | `thumbnails` | the film once more, for small pictures | small pictures, through a bounded queue |
//! | `analyse-file` | the table being written, and the threads of [`bulk`] | records, through a bounded queue |
//! | `example` | the example while it is made, and the threads of [`bulk`] | what is to be opened, once |
//! | `sessions` | nothing; files while it reads, renames or deletes them | what was found, through a bounded queue |
//! | `closing` | what the bench leaves: journal, viewer, analysis, sessions | |
//! | `ranking` | a copy of the project | its worst stretches and how far all agree, once |
//! | `gamepad` | a gamepad, while somebody rates | how its stick stands, through a lock that is held for a moment |
//! | `save-labels` | the labels being saved | what was written, once |
//! | `export` | what is being exported, and its ffmpeg ([`export`]) | how far it is, and how it ended |
//!
//! A network that was asked for several threads has helpers of its own, `network-N` ([`crate::model::conv`]).
//!
//! A capture thread may hang in a camera's read without limit; it is then left alone, and ends when the read does.

mod analyse;
pub mod bulk;
mod capture;
mod closing;
mod desk;
pub mod export;
pub mod journal;
mod meter;
mod pad;
mod shared;
mod tape;
pub mod viewer;

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::model::device::Chosen;
use crate::model::student::Student;
use crate::record::{Encoder, RecordPlan, RowsEnd, write_picture, write_rows};
use crate::session::{Command, Engine, Recording, Tuning, Update};
use crate::source::camera::CameraInfo;
use crate::source::{FrameSource, SourceError, SourceSpec};

use closing::Closing;
use desk::{Desk, Means};
pub(crate) use shared::{Captured, Item, Shared, Skipped, StateChange};
use tape::Tape;

/// Rows that may wait for the disk: half a minute at 30 a second; then the analysis waits.
const ROWS_WAITING: usize = 1024;
/// Pictures that may wait for ffmpeg; then they are counted as dropped and stood for by the one before.
const PICTURES_WAITING: usize = 8;
/// How long the end of the session waits for what is being written.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// Tells whoever draws that there is something new.
pub type Wake = Arc<dyn Fn() + Send + Sync>;
/// Opens a source on the capture thread; tests put a synthetic camera here.
pub type Opener =
    Arc<dyn Fn(&SourceSpec, &Clock) -> Result<Box<dyn FrameSource>, SourceError> + Send + Sync>;

/// A running session.
pub struct Live {
    shared: Arc<Shared>,
    student: Arc<Student>,
    device: Chosen,
    tuning: Tuning,
    analysis: Option<JoinHandle<()>>,
    writers: Vec<JoinHandle<()>>,
    encoder: Arc<Encoder>,
    /// Benches that are ending.
    closing: Closing,
}

/// A thread could not be started.
#[derive(Debug, thiserror::Error)]
#[error("a thread cannot be started ({0}). Close some programs and try again.")]
pub struct ThreadError(#[from] std::io::Error);

impl Live {
    /// Starts the session with real sources.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(
        student: impl Into<Arc<Student>>,
        device: &Chosen,
        wake: Wake,
    ) -> Result<Self, ThreadError> {
        Self::start_with(student, device, wake, Arc::new(crate::source::open))
    }

    /// Starts the session with another way to open sources.
    ///
    /// # Errors
    /// As [`Live::start`].
    pub fn start_with(
        student: impl Into<Arc<Student>>,
        device: &Chosen,
        wake: Wake,
        opener: Opener,
    ) -> Result<Self, ThreadError> {
        let student = student.into();
        let shared = Arc::new(Shared::new(wake, opener));
        shared.introduce(student.card(), device);
        let (theirs, network) = (shared.clone(), student.clone());
        let analysis = spawn("analysis", move || analyse::run(&theirs, network))?;
        Ok(Self {
            shared,
            student,
            device: device.clone(),
            tuning: Tuning::default(),
            analysis: Some(analysis),
            writers: Vec::new(),
            encoder: Arc::default(),
            closing: Closing::default(),
        })
    }

    /// Opens the first of these that can be opened; the last one is waited for.
    pub fn open_first(&mut self, candidates: Vec<SourceSpec>) {
        self.shared.stop_recording();
        let generation = self.shared.new_generation(candidates.last().cloned());
        let capture = capture::Capture::new(self.shared.clone(), generation);
        if let Err(e) = spawn(&format!("capture-{generation}"), move || {
            capture.run(&candidates);
        }) {
            self.shared.fail(&e.to_string());
        }
    }

    /// Begins a recording; one that runs is ended first.
    pub fn record(&mut self, plan: &RecordPlan) {
        self.shared.stop_recording();
        self.writers.retain(|writer| !writer.is_finished());
        let (rows_in, rows_out) = sync_channel(ROWS_WAITING);
        let (pictures_in, pictures_out) = sync_channel(PICTURES_WAITING);
        let tape = Tape::new(rows_in, plan.picture.then_some(pictures_in));
        let id = self.shared.start_recording(
            tape,
            Recording {
                path: plan.path.clone(),
                picture: plan.picture_path(),
                rows: 0,
                pictures_dropped: 0,
                seconds: 0.0,
                failed: None,
                picture_failed: None,
            },
        );
        let (shared, network, device, tuning) = (
            self.shared.clone(),
            self.student.clone(),
            self.device.title.clone(),
            self.tuning,
        );
        let theirs = plan.clone();
        let rows = spawn("rows", move || {
            let plan = theirs;
            let end = write_rows(&plan, &rows_out, |rows| shared.rows_written(id, rows));
            // Nobody waits at a full channel for a writer that is gone.
            drop(rows_out);
            match end {
                RowsEnd::Finished(path) => {
                    let failed =
                        shared.write_sidecar(&path, plan.force, &network, &device, &tuning);
                    shared.end_recording(id, failed.err());
                }
                RowsEnd::Empty => {
                    let reason = "no frame came; nothing was recorded.".to_owned();
                    shared.end_recording(id, Some(reason));
                }
                RowsEnd::Failed(reason) => shared.end_recording(id, Some(reason)),
            }
        });
        let mut started = vec![rows];
        if let Some(path) = plan.picture_path() {
            let (shared, force, limit) = (self.shared.clone(), plan.force, plan.frames);
            let encoder = Arc::new(Encoder::default());
            self.encoder = encoder.clone();
            started.push(spawn("picture", move || {
                let rate_hz = shared.nominal_rate_hz();
                if let Err(reason) =
                    write_picture(&path, force, rate_hz, limit, &pictures_out, &encoder)
                {
                    shared.picture_failed(id, reason);
                }
            }));
        }
        for thread in started {
            match thread {
                Ok(handle) => self.writers.push(handle),
                Err(e) => self.shared.end_recording(id, Some(e.to_string())),
            }
        }
    }

    /// Why the picture of the last recording is not whole, if it is not.
    pub fn picture_failure(&self) -> Option<String> {
        self.shared.picture_failure()
    }

    /// Ends the recording and waits until it is on disk.
    pub fn finish_recording(&mut self) {
        self.shared.stop_recording();
        let end = Instant::now() + LAST_WORDS;
        while self.writers.iter().any(|w| !w.is_finished()) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(10));
        }
        if self.writers.iter().any(|w| !w.is_finished()) {
            // An encoder that hangs; its thread then says so.
            self.encoder.kill();
            std::thread::sleep(Duration::from_millis(200));
        }
        self.writers.retain(|writer| !writer.is_finished());
    }
}

impl Engine for Live {
    fn poll(&mut self) -> Update {
        self.shared.take_update()
    }

    fn send(&mut self, command: Command) {
        match command {
            Command::Open(spec) => self.open_first(vec![spec]),
            Command::Pause(paused) => self.shared.pause(paused),
            Command::Tune(tuning) => {
                self.tuning = tuning;
                self.shared.tune(tuning);
            }
            Command::Record { path, picture } => self.record(&RecordPlan {
                path,
                picture,
                format: Default::default(),
                force: false,
                frames: None,
            }),
            Command::StopRecording => self.shared.stop_recording(),
        }
    }

    fn bench(&mut self) -> Option<Box<dyn crate::review::session::Engine>> {
        Some(Box::new(Desk::new(Means {
            student: self.student.clone(),
            device: self.device.clone(),
            wake: self.shared.wake.clone(),
            closing: self.closing.clone(),
        })))
    }

    fn now_s(&self) -> f64 {
        self.shared.clock.now_s()
    }

    fn cameras(&mut self) -> Vec<CameraInfo> {
        if self.shared.may_list_cameras() {
            let shared = self.shared.clone();
            if let Err(e) = spawn("cameras", move || shared.list_cameras()) {
                tracing::warn!("{e}");
            }
        }
        self.shared.known_cameras()
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.finish_recording();
        self.closing.wait();
        self.shared.stop();
        if let Some(analysis) = self.analysis.take()
            && analysis.join().is_err()
        {
            tracing::error!("the analysis thread panicked");
        }
        // The capture thread is not joined: a silent camera's read may never come back.
    }
}

fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, ThreadError> {
    Ok(std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)?)
}
