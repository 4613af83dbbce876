//! A file, as fast as the machine allows: its stages run side by side, and every frame comes out once, in order.
//!
//! ```text
//! read ─frames─▶ find-1 (unrelated pictures: find-N as well) ─faces─▶ network (batches) ─features─▶ the caller's thread
//! ```
//!
//! The caller's thread runs the offline protocol and hands the records on. Every queue is bounded: frames by their
//! bytes, and a frame's pixels are gone as soon as its faces are cut out of it. A stage that ends, whatever the reason,
//! drops its ends of the queues, and its neighbours end with it; a failure travels down the line as the last item, so
//! that what came before it comes out first.

mod stages;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::ScopedJoinHandle;
use std::time::{Duration, Instant};

use candle_core::Device;

use self::stages::{Lanes, Last, Outcome, Passed, Step, Worked};
use super::ThreadError;
use crate::analysis::{Record, Status};
use crate::frame::FrameStamp;
use crate::model::student::{NetworkError, Student};
use crate::offline::Offline;
use crate::pipeline::{Observed, PipelineError};
use crate::session::Tuning;
use crate::source::{FrameSource, SourceError, SourceInfo};

/// Bytes of pixels that may wait to be searched.
const WAITING_BYTES: usize = 64 << 20;
/// Frames that may wait to be searched, however small: enough to bridge a decoder's pauses.
const WAITING_FRAMES: usize = 8;
/// Pictures that are searched at a time, where they have nothing to do with each other.
const MOST_FINDERS: usize = 4;
/// Read frames that may wait for the rows.
const READ_WAITING: usize = 64;
/// How soon an interruption is noticed while nothing comes.
const PATIENCE: Duration = Duration::from_millis(50);

/// How faces are gathered for the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// Faces that the network gets at a time, at the most; at least 1.
    pub faces: usize,
    /// Wait until a batch is full (or the input over), so that the same faces share a batch in every run. Else
    /// whatever is there is taken, and a slow source is not waited for.
    pub full: bool,
}

impl Batch {
    /// On the CPU every picture is computed by itself: its numbers are the same in any company.
    pub const CPU: Self = Self {
        faces: 16,
        full: false,
    };
    /// A GPU wants many, and its last bits may depend on how many: two runs agree only in equal batches.
    pub const GPU: Self = Self {
        faces: 64,
        full: true,
    };

    /// What suits a device.
    pub fn on(device: &Device) -> Self {
        if device.is_cpu() {
            Self::CPU
        } else {
            Self::GPU
        }
    }
}

/// What is to be done with an input.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Which faces are looked for.
    pub tuning: Tuning,
    /// Its pictures are faces already, cropped; none is looked for, and no gap ends a sequence.
    pub cropped: bool,
    /// How faces are gathered for the network.
    pub batch: Batch,
}

/// What the caller hears, in the order of the frames.
#[derive(Debug)]
pub enum Event<'a> {
    /// A frame cannot be decoded. It has a record as well, which may come later.
    Unreadable {
        /// Which.
        stamp: FrameStamp,
        /// The file, where a source has one file a frame.
        file: Option<&'a str>,
        /// What is wrong with it, in words.
        reason: &'a str,
    },
    /// A record, as soon as no later frame can change it.
    Record(&'a Record),
    /// So many frames have come through so far, with face or without; most of their records are out.
    Frames(u64),
}

/// How busy the stages were: seconds of work by the clock, without the waiting for each other. What runs side by side
/// on too few cores takes longer than it would alone, and that is in it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct StageTimes {
    /// Taking frames from the source; for a video, the wait for ffmpeg's decoder is in it.
    pub read_s: f64,
    /// Detection, landmarks, tracking and cropping (or the preparation of crops), summed over [`StageTimes::finders`].
    pub find_s: f64,
    /// The network on batches of faces.
    pub network_s: f64,
    /// The windows of the offline protocol, and whatever the caller does with records.
    pub rows_s: f64,
    /// From the start to the last record.
    pub wall_s: f64,
    /// Threads that search, 1 for a video.
    pub finders: usize,
    /// Frames that came out, unreadable and missing ones included.
    pub frames: u64,
    /// Faces that were read, over all frames.
    pub faces: u64,
}

impl StageTimes {
    /// The busiest stage's seconds: what the wall time would be if nothing else cost any.
    pub fn slowest_s(&self) -> f64 {
        let find_s = self.find_s / self.finders.max(1) as f64;
        [self.read_s, find_s, self.network_s, self.rows_s]
            .into_iter()
            .fold(0.0, f64::max)
    }
}

/// How it ended.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Summary {
    /// What the user should know about an early end of the source, in words.
    pub note: Option<String>,
    /// The flag was set before the end: records end where they were then.
    pub interrupted: bool,
    /// How long it took.
    pub times: StageTimes,
}

/// Why it ended early.
#[derive(Debug, thiserror::Error)]
pub enum BulkError {
    /// The source broke.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// Faces cannot be looked for, or the network failed.
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    /// The system has no thread to give.
    #[error(transparent)]
    Thread(#[from] ThreadError),
    /// A stage panicked.
    #[error(
        "the thread `{0}` broke down, which is a mistake in this program; the lines above say where. Please report it."
    )]
    Panicked(&'static str),
}

/// Takes every frame of a source to its record; `consume` gets them on the calling thread.
///
/// `interrupted` is looked at all the time: once it is set, the frames on their way are let go of, and the records
/// of those that have come through are given out.
///
/// # Errors
/// [`BulkError`], after the records that were settled by the frames before it (where the network failed: before that
/// batch), and whatever `consume` gives. All threads have ended then.
pub fn run<E: From<BulkError>>(
    source: &mut (dyn FrameSource + Send),
    student: &Arc<Student>,
    options: &Options,
    interrupted: &AtomicBool,
    consume: &mut dyn FnMut(Event<'_>) -> Result<(), E>,
) -> Result<Summary, E> {
    let started = Instant::now();
    let stills = source.info().stills;
    let finders = finders(source.info());
    let waiting = frames_waiting(source.info(), finders);
    let batch = options.batch;
    let mut times = StageTimes {
        finders,
        ..StageTimes::default()
    };
    let drained = std::thread::scope(|scope| -> Result<Summary, E> {
        let (features_in, features_out) = sync_channel(READ_WAITING);
        let (mut frame_lanes, mut face_lanes) = (Vec::new(), Vec::new());
        let mut searching = Vec::new();
        for n in 1..=finders {
            let (frames_in, frames_out) = sync_channel(waiting);
            // Room for a whole batch, so that the search goes on while the network works.
            let (faces_in, faces_out) = sync_channel(batch.faces.max(1).div_ceil(finders));
            frame_lanes.push(frames_in);
            face_lanes.push(faces_out);
            searching.push(spawn(scope, &format!("find-{n}"), move || {
                stages::find(student.config(), options, stills, &frames_out, &faces_in)
            })?);
        }
        let reading = spawn(scope, "read", move || {
            stages::read(source, interrupted, &frame_lanes)
        })?;
        let network = spawn(scope, "network", move || {
            stages::network(student, batch, Lanes::new(face_lanes), &features_in)
        })?;
        let mut drain = Drain {
            student,
            offline: if options.cropped {
                Offline::unbroken()
            } else {
                Offline::default()
            },
            stills,
            consume,
            waited: Duration::ZERO,
            frames: 0,
        };
        let begun = Instant::now();
        let drained = drain.run(features_out, interrupted);
        times.rows_s = begun.elapsed().saturating_sub(drain.waited).as_secs_f64();
        times.frames = drain.frames;
        // Nobody is at the end of the line any more: each of them ends at its next item.
        let mut panicked = None;
        let mut join = |name, thread: ScopedJoinHandle<'_, Worked>| {
            let worked = thread.join().unwrap_or_else(|_| {
                panicked = Some(name);
                Worked::default()
            });
            times.faces += worked.faces;
            worked.busy.as_secs_f64()
        };
        times.network_s = join("network", network);
        times.find_s = searching.into_iter().map(|find| join("find", find)).sum();
        times.read_s = join("read", reading);
        match (drained?, panicked) {
            (_, Some(name)) => Err(BulkError::Panicked(name).into()),
            (end, None) => Ok(end),
        }
    })?;
    times.wall_s = started.elapsed().as_secs_f64();
    Ok(Summary { times, ..drained })
}

/// A video is followed frame by frame, so that one thread must see them all; pictures that have nothing to do with each
/// other are searched by several, as far as there are cores and room.
fn finders(info: &SourceInfo) -> usize {
    if !info.stills {
        return 1;
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let pictures = info.frames.and_then(|n| usize::try_from(n).ok());
    cores
        .min(pictures.unwrap_or(MOST_FINDERS))
        .min(MOST_FINDERS)
        .min(WAITING_BYTES / frame_bytes(info))
        .max(1)
}

/// How many frames may wait in front of each finder; at least one, so that reading goes on meanwhile.
fn frames_waiting(info: &SourceInfo, finders: usize) -> usize {
    (WAITING_BYTES / frame_bytes(info) / finders).clamp(1, WAITING_FRAMES)
}

fn frame_bytes(info: &SourceInfo) -> usize {
    (info.width_px * info.height_px * 3).max(1)
}

fn spawn<'scope, 'env, T: Send + 'scope>(
    scope: &'scope std::thread::Scope<'scope, 'env>,
    name: &str,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Result<ScopedJoinHandle<'scope, T>, BulkError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn_scoped(scope, work)
        .map_err(|e| ThreadError::from(e).into())
}

/// The end of the line, on the caller's thread.
struct Drain<'a, E> {
    student: &'a Student,
    offline: Offline,
    stills: bool,
    consume: &'a mut dyn FnMut(Event<'_>) -> Result<(), E>,
    waited: Duration,
    frames: u64,
}

impl<E: From<BulkError>> Drain<'_, E> {
    fn run(
        &mut self,
        features: Receiver<Passed<Observed>>,
        interrupted: &AtomicBool,
    ) -> Result<Summary, E> {
        let mut end = Summary::default();
        loop {
            end.interrupted = interrupted.load(Ordering::SeqCst);
            if end.interrupted {
                break;
            }
            let asked = Instant::now();
            let got = features.recv_timeout(PATIENCE);
            self.waited += asked.elapsed();
            match got {
                Ok(Ok(step)) => self.take(step)?,
                Ok(Err(Last::Failed(error))) => return Err(error.into()),
                Ok(Err(Last::End { note })) => {
                    // A decoder that was interrupted with us ends early too.
                    end.interrupted = interrupted.load(Ordering::SeqCst);
                    end.note = note;
                    break;
                }
                Err(RecvTimeoutError::Timeout) => {}
                // The reader saw the flag first, or a stage panicked: joining it tells.
                Err(RecvTimeoutError::Disconnected) => {
                    end.interrupted = interrupted.load(Ordering::SeqCst);
                    break;
                }
            }
        }
        // Whoever waits at a full queue ends, while the last windows are read.
        drop(features);
        let rest = self.offline.finish(self.student);
        self.give(&rest.map_err(failed)?)?;
        Ok(end)
    }

    fn take(&mut self, step: Step<Observed>) -> Result<(), E> {
        let status = match &step.outcome {
            Outcome::Decoded if step.faces.is_empty() => Status::NoFace,
            Outcome::Decoded => Status::Ok,
            Outcome::Missing => Status::Missing,
            Outcome::Unreadable(reason) => {
                (self.consume)(Event::Unreadable {
                    stamp: step.stamp,
                    file: step.file.as_deref(),
                    reason,
                })?;
                Status::Unreadable
            }
        };
        self.frames += 1;
        let mut records = self
            .offline
            .push(self.student, step.stamp, step.file, status, step.faces)
            .map_err(failed)?;
        if self.stills {
            records.extend(self.offline.finish(self.student).map_err(failed)?);
        }
        self.give(&records)?;
        (self.consume)(Event::Frames(self.frames))
    }

    fn give(&mut self, records: &[Record]) -> Result<(), E> {
        records
            .iter()
            .try_for_each(|record| (self.consume)(Event::Record(record)))
    }
}

fn failed(error: NetworkError) -> BulkError {
    PipelineError::from(error).into()
}
