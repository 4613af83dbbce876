//! The workers: each takes the next part that is not done, decodes, finds, cuts and writes it. Parts are numbered, so
//! that the set does not depend on who was first.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use super::cut::{Cutter, Kept};
use super::film::Filmed;
use super::parts::{PartWriter, Parts};
use super::plan::{Entry, Plan};
use super::{Heard, PrepareError, UNREAD_PICTURE};
use crate::frame::Frame;
use crate::model::config::Color;
use crate::source::images;
use crate::train::set::Row;

/// Faces of pictures that are a part: some seconds of work at the most, which is what a kill costs.
const PART_FACES: usize = 256;
/// Reports that may wait to be shown.
const REPORTS: usize = 64;

/// What a part is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Job {
    /// These entries of the plan.
    Pictures(Range<usize>),
    /// This clip of the plan.
    Clip(usize),
}

/// All parts, in the set's order.
pub fn jobs(plan: &Plan) -> Vec<Job> {
    let count = plan.entries.len();
    (0..count)
        .step_by(PART_FACES)
        .map(|first| Job::Pictures(first..count.min(first + PART_FACES)))
        .chain((0..plan.clips.len()).map(Job::Clip))
        .collect()
}

/// What a worker says.
enum Report {
    /// So many more faces are through.
    Faces(u64),
    /// This cannot be read.
    Unread(String),
    /// This is not there.
    Missing(String),
    /// It cannot go on.
    Failed(PrepareError),
}

/// Does every part that is not done. `heard` gets the count of faces that are through, those of earlier runs included,
/// what cannot be read, and what is not there.
///
/// Gives false when it was interrupted; what is done stays.
///
/// # Errors
/// The first worker's that could not go on; the others end at their next face.
pub fn run(
    plan: &Plan,
    parts: &Parts,
    color: Color,
    interrupt: &AtomicBool,
    heard: &mut dyn FnMut(Heard<'_>),
) -> Result<bool, PrepareError> {
    let mut faces = 0;
    let mut todo = Vec::new();
    for (number, job) in jobs(plan).into_iter().enumerate() {
        match parts.done(number) {
            Some(done) => faces += done,
            None => todo.push((number, job)),
        }
    }
    let total = plan.faces();
    heard(Heard::Faces { done: faces, total });
    let workers = thread::available_parallelism()
        .map_or(1, std::num::NonZero::get)
        .min(todo.len());
    let (next, stop) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (reports, received) = sync_channel(REPORTS);
    let mut failed = None;
    thread::scope(|scope| {
        for number in 1..=workers {
            let reports = reports.clone();
            let worker = Worker {
                plan,
                parts,
                color,
                todo: &todo,
                next: &next,
                halts: [interrupt, &stop],
            };
            let started = thread::Builder::new()
                .name(format!("prepare-{number}"))
                .spawn_scoped(scope, move || worker.work(&reports));
            if let Err(e) = started {
                stop.store(true, Ordering::Relaxed);
                failed = Some(PrepareError::Thread(e));
                break;
            }
        }
        drop(reports);
        for report in received {
            match report {
                Report::Faces(more) => {
                    faces += more;
                    heard(Heard::Faces { done: faces, total });
                }
                Report::Unread(what) => heard(Heard::Unread(&what)),
                Report::Missing(what) => heard(Heard::Missing(&what)),
                Report::Failed(error) => {
                    stop.store(true, Ordering::Relaxed);
                    failed.get_or_insert(error);
                }
            }
        }
    });
    match failed {
        Some(error) => Err(error),
        None => Ok(todo.iter().all(|(number, _)| parts.done(*number).is_some())),
    }
}

struct Worker<'a> {
    plan: &'a Plan,
    parts: &'a Parts,
    color: Color,
    todo: &'a [(usize, Job)],
    next: &'a AtomicUsize,
    /// The user's and the other workers' word to end.
    halts: [&'a AtomicBool; 2],
}

impl Worker<'_> {
    fn work(&self, reports: &SyncSender<Report>) {
        // A receiver that has gone has nothing to hear any more.
        let say = |report| drop(reports.send(report));
        let worked = catch_unwind(AssertUnwindSafe(|| self.parts(&say)));
        match worked {
            Ok(Ok(())) => {}
            Ok(Err(error)) => say(Report::Failed(error)),
            Err(_) => say(Report::Failed(PrepareError::Panicked)),
        }
    }

    fn halted(&self) -> bool {
        self.halts.iter().any(|halt| halt.load(Ordering::Relaxed))
    }

    fn parts(&self, say: &dyn Fn(Report)) -> Result<(), PrepareError> {
        let mut cutter = Cutter::new(self.color)?;
        loop {
            let place = self.next.fetch_add(1, Ordering::Relaxed);
            let Some((number, job)) = self.todo.get(place) else {
                return Ok(());
            };
            let mut part = self.parts.begin(*number)?;
            let through = |faces| say(Report::Faces(faces));
            let unread = |what| say(Report::Unread(what));
            let whole = match job {
                Job::Pictures(range) => {
                    let entries = &self.plan.entries[range.clone()];
                    self.pictures(entries, &mut cutter, &mut part, say)?
                }
                Job::Clip(clip) => {
                    let halted = || self.halted();
                    let mut filmed =
                        Filmed::new(&mut cutter, self.color, &halted, &through, &unread);
                    filmed.clip(&self.plan.root, &self.plan.clips[*clip], &mut part)?
                }
            };
            if !whole {
                return Ok(());
            }
            part.finish()?;
            if let Job::Pictures(range) = job {
                through(range.len() as u64);
            }
        }
    }

    /// False when it was halted.
    fn pictures(
        &self,
        entries: &[Entry],
        cutter: &mut Cutter,
        part: &mut PartWriter<'_>,
        say: &dyn Fn(Report),
    ) -> Result<bool, PrepareError> {
        // A picture with several faces has its rows one after the other.
        let mut last: Option<(PathBuf, Result<Frame, &'static str>)> = None;
        for entry in entries {
            if self.halted() {
                return Ok(false);
            }
            let path = self.plan.root.join(&*entry.file);
            let (_, frame) = match last.take().filter(|(known, _)| *known == path) {
                Some(same) => last.insert(same),
                None => {
                    let read = picture(&path, self.plan.as_reference, say);
                    last.insert((path, read))
                }
            };
            let kept = frame
                .as_ref()
                .map_err(|why| *why)
                .and_then(|frame| cutter.cut(frame, entry.place));
            match kept {
                Ok(kept) => part.add(row_of(entry, &kept, self.color), &kept.pixels)?,
                Err(why) => part.leave_out(why, &entry.file),
            }
        }
        Ok(true)
    }
}

/// A picture, or why there is none.
fn picture(path: &Path, as_reference: bool, say: &dyn Fn(Report)) -> Result<Frame, &'static str> {
    if !path.is_file() {
        say(Report::Missing(path.display().to_string()));
        return Err("the picture is not there");
    }
    // Decoders of damaged files may end by unwinding.
    let read = catch_unwind(|| images::read(path, as_reference));
    let why = match read {
        Ok(Ok(frame)) => return Ok(frame),
        Ok(Err(why)) => why.to_string(),
        Err(_) => "its decoder broke".to_owned(),
    };
    say(Report::Unread(format!("{}: {why}", path.display())));
    Err(UNREAD_PICTURE)
}

fn row_of(entry: &Entry, kept: &Kept, color: Color) -> Row {
    let (sequence, frame) = match &entry.sequence {
        Some((name, frame)) => (Some(name.to_string()), Some(*frame)),
        None => (None, None),
    };
    Row {
        offset: 0,
        width_px: kept.width_px,
        height_px: kept.height_px,
        channels: color.channels(),
        landmarks: kept.landmarks,
        split: entry.split,
        subject: entry.subject.to_string(),
        sequence,
        frame,
        file: entry.file.to_string(),
        group: entry.group.as_deref().map(str::to_owned),
        labels: entry.labels,
    }
}
