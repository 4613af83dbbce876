//! The threads of a file's analysis, each until its input is over or its output is gone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvError, SyncSender, TryRecvError};
use std::time::{Duration, Instant};

use super::{Batch, BulkError, Options};
use crate::face::finder::{Finder, Schedule};
use crate::frame::{Frame, FrameStamp};
use crate::model::config::StudentConfig;
use crate::model::student::{NetworkError, Student};
use crate::pipeline::{Face, Observed, PipelineError, find_faces, given_face, read_faces};
use crate::source::{FrameSource, Next, SourceError};

/// Frames that the network may look through for faces before it works on those it has: in a long stretch without faces
/// a batch is never full.
const MOST_FRAMES: usize = 256;

/// A frame on its way, without its pixels: `T` is a [`Face`] before the network and an [`Observed`] behind it.
pub(super) struct Step<T> {
    pub stamp: FrameStamp,
    pub file: Option<Arc<str>>,
    pub outcome: Outcome,
    pub faces: Vec<T>,
}

/// What became of a frame at its source.
pub(super) enum Outcome {
    Decoded,
    /// With the reason, in words.
    Unreadable(String),
    Missing,
}

/// What a queue holds at its end.
pub(super) enum Last {
    /// The source is over.
    End {
        note: Option<String>,
    },
    Failed(BulkError),
}

/// What a queue holds; after a [`Last`] nothing follows.
pub(super) type Passed<T> = Result<Step<T>, Last>;

impl<T> Step<T> {
    /// The same frame at the next stage.
    fn with<U>(self, faces: Vec<U>) -> Step<U> {
        Step {
            stamp: self.stamp,
            file: self.file,
            outcome: self.outcome,
            faces,
        }
    }
}

impl From<PipelineError> for Last {
    fn from(error: PipelineError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<SourceError> for Last {
    fn from(error: SourceError) -> Self {
        Self::Failed(error.into())
    }
}

/// What a thread says of itself at its end.
#[derive(Default)]
pub(super) struct Worked {
    /// Time spent on work.
    pub busy: Duration,
    /// Faces that were read.
    pub faces: u64,
}

impl Worked {
    fn time<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let begun = Instant::now();
        let done = work();
        self.busy += begun.elapsed();
        done
    }
}

/// Takes the frames from the source and deals them out, one lane after the other.
pub(super) fn read(
    source: &mut (dyn FrameSource + Send),
    interrupted: &AtomicBool,
    lanes: &[SyncSender<Result<Next, SourceError>>],
) -> Worked {
    let mut worked = Worked::default();
    for lane in lanes.iter().cycle() {
        if interrupted.load(Ordering::SeqCst) {
            break;
        }
        let next = worked.time(|| source.next());
        let over = matches!(next, Ok(Next::End { .. }) | Err(_));
        if lane.send(next).is_err() || over {
            break;
        }
    }
    worked
}

/// How a frame becomes faces. The detector is not `Send`: it is made on the thread that it works on.
enum Search<'a> {
    Whole(Box<Finder>),
    Cropped(&'a StudentConfig),
}

/// Finds the faces of frames and lets the pixels go.
pub(super) fn find(
    config: &StudentConfig,
    options: &Options,
    stills: bool,
    frames: &Receiver<Result<Next, SourceError>>,
    faces: &SyncSender<Passed<Face>>,
) -> Worked {
    let mut worked = Worked::default();
    let mut search = if options.cropped {
        Search::Cropped(config)
    } else {
        match worked.time(|| Finder::new(Schedule::Thorough, config)) {
            Ok(finder) => Search::Whole(Box::new(finder)),
            Err(e) => {
                // Nobody hears it only where everybody has left already.
                let _ = faces.send(Err(PipelineError::from(e).into()));
                return worked;
            }
        }
    };
    let mut faces_of = |frame: &Frame| match &mut search {
        Search::Cropped(config) => vec![given_face(frame, config)],
        Search::Whole(finder) => {
            if stills {
                // Pictures have nothing to do with each other: ids begin anew.
                finder.reset();
            }
            find_faces(finder, frame, &options.tuning)
        }
    };
    while let Ok(next) = frames.recv() {
        let step = match next {
            Ok(Next::Frame(frame)) => Ok(Step {
                stamp: frame.stamp,
                file: frame.file.clone(),
                outcome: Outcome::Decoded,
                faces: worked.time(|| faces_of(&frame)),
            }),
            Ok(Next::Unreadable {
                stamp,
                file,
                reason,
            }) => Ok(Step {
                stamp,
                file,
                outcome: Outcome::Unreadable(reason),
                faces: Vec::new(),
            }),
            Ok(Next::Missing { stamp }) => Ok(Step {
                stamp,
                file: None,
                outcome: Outcome::Missing,
                faces: Vec::new(),
            }),
            Ok(Next::End { note }) => Err(Last::End { note }),
            Err(e) => Err(e.into()),
        };
        if faces.send(step).is_err() {
            break;
        }
    }
    worked
}

/// The finders' queues, taken from in the order in which the reader dealt to them.
pub(super) struct Lanes {
    lanes: Vec<Receiver<Passed<Face>>>,
    turn: usize,
}

impl Lanes {
    pub fn new(lanes: Vec<Receiver<Passed<Face>>>) -> Self {
        Self { lanes, turn: 0 }
    }

    fn passed<E>(&mut self, got: Result<Passed<Face>, E>) -> Result<Passed<Face>, E> {
        if got.is_ok() {
            self.turn = (self.turn + 1) % self.lanes.len();
        }
        got
    }

    fn recv(&mut self) -> Result<Passed<Face>, RecvError> {
        let got = self.lanes[self.turn].recv();
        self.passed(got)
    }

    fn try_recv(&mut self) -> Result<Passed<Face>, TryRecvError> {
        let got = self.lanes[self.turn].try_recv();
        self.passed(got)
    }
}

/// Reads faces in batches over consecutive frames, and gives the frames on in their order.
pub(super) fn network(
    student: &Student,
    batch: Batch,
    mut lanes: Lanes,
    features: &SyncSender<Passed<Observed>>,
) -> Worked {
    let mut worked = Worked::default();
    let mut gathering = Gathering::default();
    loop {
        let (steps, last) = gathering.next(&mut lanes, batch);
        if steps.is_empty() && last.is_none() {
            return worked;
        }
        let faces: usize = steps.iter().map(|step| step.faces.len()).sum();
        let (steps, last) = match worked.time(|| read_steps(student, steps, batch.faces)) {
            Ok(steps) => (steps, last),
            Err(e) => (Vec::new(), Some(PipelineError::from(e).into())),
        };
        worked.faces += faces as u64;
        for passed in steps.into_iter().map(Ok).chain(last.map(Err)) {
            let over = passed.is_err();
            if features.send(passed).is_err() || over {
                return worked;
            }
        }
    }
}

/// What is gathered for a batch.
#[derive(Default)]
struct Gathering {
    /// A frame whose faces found no room in the last one.
    held: Option<Step<Face>>,
}

impl Gathering {
    /// The next frames, and what ends the queue behind them. Nothing at all when the finders have left.
    fn next(&mut self, lanes: &mut Lanes, batch: Batch) -> (Vec<Step<Face>>, Option<Last>) {
        let mut steps: Vec<Step<Face>> = Vec::new();
        let mut faces = 0;
        while faces < batch.faces.max(1) && steps.len() < MOST_FRAMES {
            let passed = match self.held.take() {
                Some(held) => Some(Ok(held)),
                None if batch.full || steps.is_empty() => lanes.recv().ok(),
                None => lanes.try_recv().ok(),
            };
            match passed {
                Some(Ok(step)) if !steps.is_empty() && faces + step.faces.len() > batch.faces => {
                    self.held = Some(step);
                    break;
                }
                Some(Ok(step)) => {
                    faces += step.faces.len();
                    steps.push(step);
                }
                Some(Err(last)) => return (steps, Some(last)),
                None => break,
            }
        }
        (steps, None)
    }
}

/// The faces of some frames through the network, `most` at a time: one frame may have more.
fn read_steps(
    student: &Student,
    steps: Vec<Step<Face>>,
    most: usize,
) -> Result<Vec<Step<Observed>>, NetworkError> {
    let mut faces = Vec::new();
    let mut frames: Vec<(Step<Observed>, usize)> = Vec::with_capacity(steps.len());
    for mut step in steps {
        let count = step.faces.len();
        faces.append(&mut step.faces);
        frames.push((step.with(Vec::with_capacity(count)), count));
    }
    let mut observed = Vec::with_capacity(faces.len());
    while !faces.is_empty() {
        let rest = faces.split_off(faces.len().min(most.max(1)));
        observed.extend(read_faces(student, faces)?);
        faces = rest;
    }
    let mut observed = observed.into_iter();
    let filled = frames.into_iter().map(|(mut step, count)| {
        step.faces.extend(observed.by_ref().take(count));
        step
    });
    Ok(filled.collect())
}
