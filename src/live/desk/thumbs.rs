//! Small pictures of frames, fetched by a thread of their own so that they never stand in the way of the play-head.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use crate::analysis::BoxPx;
use crate::live::{Wake, spawn};
use crate::review::film::small;
use crate::review::session::Thumbnail;
use crate::slot::Slot;
use crate::source::film::{CACHE_BYTES, Film, Numbering};

/// Pictures that may wait for the window; then the thread waits.
const WAITING: usize = 64;
/// How often the thread looks whether it is to end.
const PATIENCE: Duration = Duration::from_millis(200);

/// What is wanted: frames, with the box of a face.
type Wanted = Vec<(usize, Option<BoxPx>)>;

/// The thread's handle. Dropped, it ends.
pub struct Thumbs {
    video: PathBuf,
    numbering: Numbering,
    wake: Wake,
    shared: Arc<Shared>,
    /// Once the thread runs.
    pictures: Option<Receiver<Thumbnail>>,
}

#[derive(Default)]
struct Shared {
    wanted: Slot<Wanted>,
    stop: AtomicBool,
}

impl Thumbs {
    /// For a video; the thread begins with the first wish.
    pub fn new(video: &Path, numbering: Numbering, wake: Wake) -> Self {
        Self {
            video: video.to_owned(),
            numbering,
            wake,
            shared: Arc::default(),
            pictures: None,
        }
    }

    /// Asks for these; what was asked before and is not made yet is forgotten.
    pub fn ask(&mut self, wanted: Wanted) {
        self.shared.wanted.put(|_| wanted);
        if self.pictures.is_some() {
            return;
        }
        let (sender, receiver) = sync_channel(WAITING);
        let of = (self.video.clone(), self.numbering);
        let (wake, shared) = (self.wake.clone(), self.shared.clone());
        match spawn("thumbnails", move || {
            work((&of.0, of.1), &wake, &shared, &sender);
        }) {
            Ok(_) => self.pictures = Some(receiver),
            Err(e) => tracing::warn!("{e}"),
        }
    }

    /// What has been made since the last call. Never waits.
    pub fn poll(&mut self) -> Vec<Thumbnail> {
        self.pictures.iter().flat_map(Receiver::try_iter).collect()
    }
}

impl Drop for Thumbs {
    fn drop(&mut self) {
        // Not joined: a decoder may be at work, and its end is of no interest. A full channel ends with its receiver.
        self.shared.stop.store(true, Ordering::SeqCst);
    }
}

fn work(
    (video, numbering): (&Path, Numbering),
    wake: &Wake,
    shared: &Shared,
    sender: &SyncSender<Thumbnail>,
) {
    let stopped = || shared.stop.load(Ordering::SeqCst);
    let way = (numbering, None);
    let mut film = match Film::open_numbered(video, way, CACHE_BYTES, Box::new(|_| true)) {
        Ok(film) => film,
        Err(e) => {
            // The viewer says it on screen.
            tracing::debug!("{e}");
            return;
        }
    };
    while !stopped() {
        let Some(mut wanted) = shared.wanted.take(PATIENCE) else {
            continue;
        };
        // In the order of the film, so that a run of frames is decoded once.
        wanted.sort_by_key(|w| w.0);
        for (frame, face) in wanted {
            if stopped() {
                return;
            }
            if shared.wanted.is_full() {
                break;
            }
            let Some(picture) = film
                .frame(frame)
                .ok()
                .and_then(|f| small(&f, face.as_ref()))
            else {
                continue;
            };
            let thumbnail = Thumbnail {
                frame,
                width_px: picture.width() as usize,
                height_px: picture.height() as usize,
                rgb: Arc::new(picture.into_raw()),
            };
            if sender.send(thumbnail).is_err() {
                return;
            }
            wake();
        }
    }
}
