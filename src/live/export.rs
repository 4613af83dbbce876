//! Making something of a project behind the window: a report, a rendered video, figures or rows.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use super::{ThreadError, Wake, spawn};
use crate::formats::output::{Whole, write_together, write_whole};
use crate::formats::rows::{TableFormat, convert};
use crate::numbers::counted;
use crate::render::{Order, RenderError, render};
use crate::review::export::{ExportEnd, ExportOrder, ExportProgress, ExportWhat};
use crate::review::film::thumbnail;
use crate::review::report::{self, Facts, VideoFacts, figures, page};
use crate::source::SourceError;
use crate::source::film::{Film, Numbering};

/// The window is woken this often at most.
const WAKE_EVERY: Duration = Duration::from_millis(100);
/// Pictures that the film keeps.
const FILM_BYTES: usize = 64 << 20;
/// How long the end of the bench waits for an export to stop.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A running export. Dropped, it ends, and nothing is left of it.
pub struct Export {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    of: Arc<AtomicU64>,
    end: Receiver<ExportEnd>,
    thread: Option<JoinHandle<()>>,
    progress: ExportProgress,
}

impl Export {
    /// Begins an export; `run` is told with its progress.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(order: ExportOrder, run: u64, wake: Wake) -> Result<Self, ThreadError> {
        let (sender, end) = sync_channel(1);
        let (stop, done, of) = <(Arc<AtomicBool>, Arc<AtomicU64>, Arc<AtomicU64>)>::default();
        let progress = ExportProgress {
            title: order.what.title(),
            path: order.to.clone(),
            done: 0,
            of: 0,
            run,
            ended: None,
        };
        let mut work = Work {
            stop: stop.clone(),
            done: done.clone(),
            of: of.clone(),
            wake,
            woken: Instant::now(),
        };
        let thread = spawn("export", move || {
            let end = match work.make(&order) {
                Ok(Some(notes)) => ExportEnd::Made(notes),
                Ok(None) => ExportEnd::Stopped,
                Err(_) if work.stops() => ExportEnd::Stopped,
                Err(reason) => ExportEnd::Failed(reason),
            };
            // A bench that is gone has no use for it.
            let _ = sender.send(end);
            (work.wake)();
        })?;
        Ok(Self {
            stop,
            done,
            of,
            end,
            thread: Some(thread),
            progress,
        })
    }

    /// Asks it to end.
    pub fn cancel(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    /// Whether it has ended.
    pub fn is_over(&self) -> bool {
        self.progress.ended.is_some()
    }

    /// How far it is. Never waits.
    pub fn poll(&mut self) -> ExportProgress {
        if self.progress.ended.is_none() {
            self.progress.done = self.done.load(Ordering::Relaxed);
            self.progress.of = self.of.load(Ordering::Relaxed);
            self.progress.ended = match self.end.try_recv() {
                Ok(end) => Some(end),
                Err(TryRecvError::Empty) => None,
                Err(TryRecvError::Disconnected) => Some(ExportEnd::Failed(
                    "The export broke down, which is a mistake in this program. Please report it."
                        .to_owned(),
                )),
            };
        }
        self.progress.clone()
    }
}

impl Drop for Export {
    fn drop(&mut self) {
        self.cancel();
        let Some(thread) = self.thread.take() else {
            return;
        };
        let end = Instant::now() + LAST_WORDS;
        while !thread.is_finished() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        if thread.is_finished() && thread.join().is_err() {
            tracing::error!("the thread of an export panicked");
        }
    }
}

struct Work {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    of: Arc<AtomicU64>,
    wake: Wake,
    woken: Instant,
}

/// What the user should know; `None`: it was stopped.
type Made = Result<Option<Vec<String>>, String>;

impl Work {
    fn stops(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    /// Tells how far it is; says whether to go on.
    fn at(&mut self, done: u64, of: u64) -> bool {
        self.done.store(done, Ordering::Relaxed);
        self.of.store(of, Ordering::Relaxed);
        if self.woken.elapsed() >= WAKE_EVERY {
            self.woken = Instant::now();
            (self.wake)();
        }
        !self.stops()
    }

    fn make(&mut self, order: &ExportOrder) -> Made {
        order.check()?;
        match &order.what {
            ExportWhat::Report => self.report(order),
            ExportWhat::Video { frames, look } => {
                let mut film = self.film(order)?;
                let order = Order {
                    project: &order.project,
                    frames: frames.clone(),
                    look: *look,
                    out: &order.to,
                    force: true,
                };
                // Once more, where the container turns out to be wrong: its frames are counted then.
                for _ in 0..2 {
                    match render(&order, &mut film, &mut |done, of| self.at(done, of)) {
                        Ok(rendered) => return Ok(rendered.map(|r| r.notes)),
                        Err(RenderError::Renumbered(_)) => {
                            if let Some(count) = film.count() {
                                let counted = count.run(&mut |_| !self.stops());
                                film.settle(counted.map_err(|e| e.to_string())?);
                            }
                        }
                        Err(error) => return Err(error.to_string()),
                    }
                }
                Err(
                    "The video has other frames now than when it was opened. Open it again."
                        .to_owned(),
                )
            }
            ExportWhat::Figures => self.figures(order),
            ExportWhat::Rows => {
                let format = TableFormat::of_path(&order.to);
                let Some((format, from)) = format.zip(order.predictions.as_deref()) else {
                    return Ok(None);
                };
                let rows = convert(from, &order.to, format, true).map_err(|e| e.to_string())?;
                Ok(Some(vec![format!("{rows} rows.")]))
            }
        }
    }

    fn film(&self, order: &ExportOrder) -> Result<Film, String> {
        let path = order.project.video.as_deref().unwrap_or(Path::new(""));
        let sidecar = order.project.model().and_then(|m| m.sidecar.as_ref());
        let way = (Numbering::of_predictions(sidecar), None);
        let stop = self.stop.clone();
        let watch = Box::new(move |_| !stop.load(Ordering::SeqCst));
        let film = Film::open_numbered(path, way, FILM_BYTES, watch);
        film.map_err(|e| e.to_string())
    }

    fn figures(&mut self, order: &ExportOrder) -> Made {
        let mut files = Vec::new();
        let all = figures(&order.project);
        let of = all.len() as u64;
        for (done, figure) in all.into_iter().enumerate() {
            if !self.at(done as u64, of) {
                return Ok(None);
            }
            files.extend(figure.files().map_err(|e| e.to_string())?);
        }
        let files: Vec<_> = files
            .into_iter()
            .map(|(name, bytes)| (order.to.join(name), bytes))
            .collect();
        let whole: Vec<Whole<'_>> = files
            .iter()
            .map(|(path, bytes)| Whole {
                path,
                bytes,
                force: false,
            })
            .collect();
        write_together(&whole).map_err(|e| e.to_string())?;
        Ok(Some(vec![format!(
            "{}.",
            counted(files.len() as u64, "file")
        )]))
    }

    fn report(&mut self, order: &ExportOrder) -> Made {
        let project = &order.project;
        let mut worst = report::worst(project);
        report::settled(&mut worst, &order.marks);
        let wanted = report::wanted(project, &worst);
        let of = wanted.len() as u64 + 1;
        let mut faces = BTreeMap::new();
        let mut video = VideoFacts::default();
        let mut notes = Vec::new();
        if project.video.is_some() {
            match self.film(order) {
                Ok(mut film) => {
                    for (done, (frame, face)) in wanted.iter().enumerate() {
                        if !self.at(done as u64, of) {
                            return Ok(None);
                        }
                        match film.frame(*frame) {
                            Ok(picture) => {
                                let jpeg = thumbnail(&picture, face.as_ref());
                                faces.extend(jpeg.map(|jpeg| (*frame, jpeg)));
                            }
                            // It is left out, as one that cannot be decoded is from the command's report.
                            Err(SourceError::NoFrame { .. }) => {}
                            Err(error) => return Err(error.to_string()),
                        }
                    }
                    let note = film.note().map(|n| format!("{}.", n.trim_end_matches('.')));
                    let (times_s, rate_hz) = (project.times_s(), project.rate_hz());
                    video = VideoFacts::of(film.info(), times_s, rate_hz, note);
                }
                Err(_) if self.stops() => return Ok(None),
                Err(error) => {
                    let note = format!(
                        "The video could not be read, so that there are no pictures of it: {error}"
                    );
                    notes.push(note.clone());
                    video.note = Some(note);
                }
            }
        }
        if !self.at(wanted.len() as u64, of) {
            return Ok(None);
        }
        let (path, predictions) = (project.video.as_deref(), order.predictions.as_deref());
        let files = report::files(project, path, predictions, &|| self.stops());
        let Some(files) = files.map_err(|e| e.to_string())? else {
            return Ok(None);
        };
        let facts = Facts {
            video,
            files,
            faces,
            when: report::when(SystemTime::now()),
        };
        let text = page(project, &worst, &facts);
        write_whole(&order.to, text.as_bytes(), true).map_err(|e| e.to_string())?;
        Ok(Some(notes))
    }
}
