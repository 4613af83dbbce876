//! The viewer: a thread that has the frame of a file that somebody looks at, and those next to it, ready.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{ThreadError, Wake, spawn};
use crate::frame::Frame;
use crate::slot::Slot;
use crate::source::film::{CACHE_BYTES, Counted, Film, Numbering, Work};
use crate::source::{SourceError, SourceInfo};

/// How long a piece of work may wait for a decoder before the thread looks for another order.
const PATIENCE: Duration = Duration::from_millis(5);
/// How long the thread sleeps at most when there is nothing to do.
const NAP: Duration = Duration::from_millis(100);
/// A frame that is being fetched is shown, though another was asked for meanwhile, unless it takes longer than this: whoever
/// drags along the timeline sees what is passed.
const FINISH_WITHIN: Duration = Duration::from_secs(1);
/// Videos of at most so many frames are counted by decoding them, on one core, after they were opened.
const COUNTED_FRAMES: usize = 20_000;
/// How long after the opening: the first picture comes first.
const COUNT_AFTER: Duration = Duration::from_secs(2);
/// Parts of the way that are told while a file is opened.
const PROGRESS_STEP: f64 = 0.002;

/// What is known of an open film; the same until its frames are numbered again.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// What is known of the file; the number of frames is the true one.
    pub info: SourceInfo,
    /// The time of each frame in the order of showing, in seconds since the container's start.
    pub times_s: Arc<[f64]>,
    /// The files' names by frame, where frames are pictures; empty where there is none of a frame.
    pub pictures: Option<Arc<[String]>>,
    /// What the user should know: that it ends early, or that its container was wrong about its frames.
    pub note: Option<String>,
    /// The frames were found by decoding all of them, not by what the container says.
    pub counted: bool,
    /// Rises when the frames are numbered again, since the container had been wrong: labels by frame number must then
    /// be looked at again.
    pub numbering: u64,
}

/// How the film is.
#[derive(Debug, Clone, PartialEq)]
pub enum ViewerState {
    /// Its frames are being found: how far, 0..=1. For long this only takes where a video must be decoded for it.
    Opening(f64),
    /// It can be shown.
    Open(Arc<Opened>),
    /// It cannot, in words that end with what to do.
    Failed(String),
}

/// A frame that was asked for.
#[derive(Debug, Clone)]
pub struct Shown {
    /// Its number.
    pub index: usize,
    /// Its picture, or why there is none, in words.
    pub picture: Result<Arc<Frame>, String>,
}

/// What the viewer has to say.
#[derive(Debug, Clone)]
pub struct ViewerUpdate {
    /// How the film is.
    pub state: ViewerState,
    /// The newest frame, where one has come since the last time. While somebody drags along the timeline it may be one
    /// that was asked for before the last: its number says so. The last one comes in any case.
    pub picture: Option<Shown>,
    /// While an open video is decoded whole, since its container turned out wrong about its frames: how far, 0..=1.
    /// Frames wait for that.
    pub counting: Option<f64>,
}

/// What both sides see.
struct Shared {
    wanted: Slot<usize>,
    state: Mutex<ViewerUpdate>,
    stopped: AtomicBool,
    wake: Wake,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, ViewerUpdate> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    fn set(&self, state: ViewerState) {
        let mut update = self.lock();
        update.state = state;
        update.counting = None;
        drop(update);
        (self.wake)();
    }

    fn show(&self, index: usize, picture: Result<Frame, SourceError>) {
        let picture = picture.map(Arc::new).map_err(|e| e.to_string());
        self.lock().picture = Some(Shown { index, picture });
        (self.wake)();
    }

    /// Hears how far the opening is; says whether to go on.
    fn watch(self: &Arc<Self>) -> impl FnMut(f64) -> bool + Send + 'static {
        let shared = Arc::clone(self);
        let mut told = 0.0;
        move |part| {
            if part < told || part - told >= PROGRESS_STEP {
                told = part;
                let mut update = shared.lock();
                match &mut update.state {
                    ViewerState::Opening(so_far) => *so_far = part,
                    _ => update.counting = Some(part),
                }
                drop(update);
                (shared.wake)();
            }
            !shared.is_stopped()
        }
    }
}

/// A film on its own thread. Nothing here waits; dropped, it ends its thread and the decoders.
pub struct Viewer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Viewer {
    /// Opens a file or folder as [`Film::open_numbered`] does; `wake` is called whenever [`Viewer::poll`] has something new.
    ///
    /// # Errors
    /// When the system has no thread to give. What is wrong with the file, [`Viewer::poll`] says.
    pub fn start(
        path: impl Into<PathBuf>,
        numbering: Numbering,
        wake: Wake,
    ) -> Result<Self, ThreadError> {
        let path = path.into();
        Self::start_with(wake, move |watch| {
            Film::open_numbered(&path, (numbering, None), CACHE_BYTES, watch)
        })
    }

    fn start_with(
        wake: Wake,
        open: impl FnOnce(crate::source::film::Watch) -> Result<Film, SourceError> + Send + 'static,
    ) -> Result<Self, ThreadError> {
        let shared = Arc::new(Shared {
            wanted: Slot::default(),
            state: Mutex::new(ViewerUpdate {
                state: ViewerState::Opening(0.0),
                picture: None,
                counting: None,
            }),
            stopped: AtomicBool::new(false),
            wake,
        });
        let theirs = shared.clone();
        let thread = spawn("viewer", move || match open(Box::new(theirs.watch())) {
            Ok(film) => Viewing::new(theirs, film).run(),
            Err(error) => theirs.set(ViewerState::Failed(error.to_string())),
        })?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Asks for a frame; the newest order wins.
    pub fn show(&self, index: usize) {
        self.shared.wanted.put(|_| index);
    }

    /// How the film is, and the newest frame since the last call.
    pub fn poll(&self) -> ViewerUpdate {
        let ended = self.thread.as_ref().is_none_or(JoinHandle::is_finished);
        let mut update = self.shared.lock();
        if ended && !matches!(update.state, ViewerState::Failed(_)) {
            update.state = ViewerState::Failed(
                "The thread `viewer` broke down, which is a mistake in this program; the terminal says where. Please \
                 report it."
                    .to_owned(),
            );
        }
        ViewerUpdate {
            state: update.state.clone(),
            picture: update.picture.take(),
            counting: update.counting,
        }
    }
}

impl Drop for Viewer {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the viewer thread panicked");
        }
    }
}

/// A frame on its way.
struct Fetching {
    index: usize,
    since: Instant,
}

/// The thread's own.
struct Viewing {
    shared: Arc<Shared>,
    film: Film,
    /// The order that is being carried out.
    fetching: Option<Fetching>,
    /// The newest order, where it waits for the one before it.
    newest: Option<usize>,
    /// The frame that was shown last, by its number.
    shown: Option<usize>,
    numbering: u64,
    counting: Option<JoinHandle<Option<Counted>>>,
}

impl Viewing {
    fn new(shared: Arc<Shared>, film: Film) -> Self {
        let mut viewing = Self {
            numbering: film.numbering(),
            shared,
            film,
            fetching: None,
            newest: None,
            shown: None,
            counting: None,
        };
        viewing.tell();
        viewing.count();
        viewing
    }

    fn tell(&self) {
        let film = &self.film;
        self.shared.set(ViewerState::Open(Arc::new(Opened {
            info: film.info().clone(),
            times_s: film.shared_times_s(),
            pictures: film.shared_pictures(),
            note: film.note().map(str::to_owned),
            counted: film.counted(),
            numbering: film.numbering(),
        })));
    }

    /// Starts to count the frames where the container alone has told them.
    fn count(&mut self) {
        let Some(count) = self.film.count() else {
            return;
        };
        if self.film.frames() > COUNTED_FRAMES {
            return;
        }
        let shared = self.shared.clone();
        let counting = std::thread::Builder::new()
            .name("viewer-count".to_owned())
            .spawn(move || {
                let begin = Instant::now() + COUNT_AFTER;
                while Instant::now() < begin {
                    if shared.is_stopped() {
                        return None;
                    }
                    std::thread::sleep(NAP);
                }
                let counted = count.run(&mut |_| !shared.is_stopped());
                counted.inspect_err(|e| tracing::warn!("{e}")).ok()
            });
        match counting {
            Ok(counting) => self.counting = Some(counting),
            // What comes is compared with what the container says all the same.
            Err(error) => tracing::warn!("the frames cannot be counted: {error}"),
        }
    }

    /// Takes the count where it is done.
    fn settle(&mut self) {
        let Some(counting) = self.counting.take_if(|counting| counting.is_finished()) else {
            return;
        };
        if let Ok(Some(counted)) = counting.join()
            && !self.film.counted()
        {
            if self.film.settle(counted) {
                self.renumbered();
            } else {
                self.tell();
            }
        }
    }

    /// Tells of another numbering, and shows what now bears the number that is looked at.
    fn renumbered(&mut self) {
        if self.numbering != self.film.numbering() {
            self.numbering = self.film.numbering();
            self.tell();
            if self.fetching.is_none()
                && let Some(index) = self.shown
            {
                self.order(index);
            }
        }
    }

    /// The thread's whole life.
    fn run(mut self) {
        let mut patience = NAP;
        while !self.shared.is_stopped() {
            if let Some(index) = self.shared.wanted.take(patience) {
                self.order(index);
            }
            self.settle();
            if self.shared.is_stopped() {
                break;
            }
            let idle = self.work();
            patience = if idle { NAP } else { Duration::ZERO };
        }
        drop(self.film);
        if let Some(counting) = self.counting {
            // A panic there would be ours, and lose no more than the count.
            let _ = counting.join();
        }
    }

    /// Takes an order: shows what is there, else fetches it, after what is being fetched where that may still be soon.
    fn order(&mut self, index: usize) {
        let busy = self
            .fetching
            .as_ref()
            .filter(|fetching| fetching.index != index)
            .filter(|fetching| fetching.since.elapsed() < FINISH_WITHIN);
        if busy.is_some() && !self.film.has(index) {
            self.newest = Some(index);
            return;
        }
        self.newest = None;
        let since = match self.fetching.take() {
            Some(same) if same.index == index => same.since,
            _ => Instant::now(),
        };
        match self.film.ask(index) {
            Ok(Some(frame)) => self.show(index, Ok(frame)),
            Ok(None) => self.fetching = Some(Fetching { index, since }),
            Err(error) => self.show(index, Err(error)),
        }
    }

    fn show(&mut self, index: usize, picture: Result<Frame, SourceError>) {
        self.fetching = None;
        self.shown = Some(index);
        self.shared.show(index, picture);
        if let Some(newest) = self.newest.take() {
            self.order(newest);
        }
    }

    /// Does a piece of work; true when there is nothing more to do.
    fn work(&mut self) -> bool {
        let counted = self.film.counted();
        let done = self.film.work(PATIENCE);
        if counted != self.film.counted() && self.numbering == self.film.numbering() {
            // Counted after all, and the container was right.
            self.tell();
        }
        self.renumbered();
        let Some(fetching) = &self.fetching else {
            // Nothing was asked for yet: frame 0 is made ready; what is wrong with it is told when it is wanted.
            return !matches!(done, Ok(Work::Busy));
        };
        let index = fetching.index;
        match done {
            Err(error) => self.show(index, Err(error)),
            Ok(_) => match self.film.ask(index) {
                Ok(Some(frame)) => self.show(index, Ok(frame)),
                Ok(None) => {}
                Err(error) => self.show(index, Err(error)),
            },
        }
        if let Some(newest) = self.newest.take() {
            // Too old by now?
            self.order(newest);
        }
        false
    }
}
