//! The worst stretches of a project, looked for beside the window: a long video takes a good part of a second.

use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use crate::live::{Wake, spawn};
use crate::review::session::{Ranking, Wanted};

/// One at a time; of those that are asked for meanwhile the newest.
#[derive(Default)]
pub struct Ranker {
    running: Option<Receiver<Ranking>>,
    next: Option<Wanted>,
}

impl Ranker {
    /// Asks for a ranking.
    pub fn ask(&mut self, wanted: Wanted, wake: &Wake) {
        self.next = Some(wanted);
        self.begin(wake);
    }

    /// One that is done. Never waits.
    pub fn poll(&mut self, wake: &Wake) -> Option<Ranking> {
        let ranking = match self.running.as_ref()?.try_recv() {
            Ok(ranking) => Some(ranking),
            Err(TryRecvError::Empty) => return None,
            Err(TryRecvError::Disconnected) => None,
        };
        self.running = None;
        self.begin(wake);
        ranking
    }

    fn begin(&mut self, wake: &Wake) {
        if self.running.is_some() {
            return;
        }
        let Some(wanted) = self.next.take() else {
            return;
        };
        let (sender, receiver) = sync_channel(1);
        let wake = wake.clone();
        let work = move || {
            // A bench that is gone has no use for it.
            let _ = sender.send(Ranking::of(&wanted));
            wake();
        };
        match spawn("ranking", work) {
            Ok(_) => self.running = Some(receiver),
            Err(e) => tracing::warn!("{e}"),
        }
    }
}
