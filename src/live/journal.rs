//! The journal of edits, written beside the window: each edit as soon as it is made, with the disk's own word for it
//! every half second.
//!
//! A disk that takes its time for that word holds up nothing, since it is waited for by a thread of its own: what was
//! written survives the end of the program all the same, the word is for the end of the machine.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{LAST_WORDS, ThreadError, Wake, spawn};
use crate::review::Editor;
use crate::review::entry::Stamped;
use crate::review::journal::JournalFile;

/// Lines that may wait for the disk; further ones wait with who made them.
const LINES_WAITING: usize = 1024;
/// How often the disk is asked for its word.
const SYNC_EVERY: Duration = Duration::from_millis(500);
/// How long after a failure it is tried again.
const AGAIN_AFTER: Duration = Duration::from_millis(if cfg!(test) { 20 } else { 1000 });

/// How the journal stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JournalState {
    /// Where it is.
    pub path: PathBuf,
    /// Lines written since it was opened.
    pub written: u64,
    /// Lines that are not written yet.
    pub waiting: u64,
    /// Why the last attempt failed, until one succeeds. The edits are in memory, and it is tried again every second.
    pub failed: Option<String>,
}

/// What lines are written to.
trait Store: Send + 'static {
    fn path(&self) -> PathBuf;
    fn append(&mut self, line: &Stamped) -> io::Result<()>;
    fn sync(&self) -> io::Result<()>;
    fn restore(&mut self) -> io::Result<bool>;
    fn handle(&self) -> io::Result<Option<File>>;
}

impl Store for JournalFile {
    fn path(&self) -> PathBuf {
        Self::path(self).to_owned()
    }

    fn append(&mut self, line: &Stamped) -> io::Result<()> {
        Self::append(self, line)
    }

    fn sync(&self) -> io::Result<()> {
        Self::sync(self)
    }

    fn restore(&mut self) -> io::Result<bool> {
        Self::restore(self)
    }

    fn handle(&self) -> io::Result<Option<File>> {
        Self::handle(self).map(Some)
    }
}

#[derive(Default)]
struct Common {
    state: Mutex<JournalState>,
    closing: AtomicBool,
}

impl Common {
    fn state(&self) -> MutexGuard<'_, JournalState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A journal that is being written. Dropped, it waits until everything is on the disk, ten seconds at the most.
pub struct Journal {
    common: Arc<Common>,
    lines: Option<SyncSender<Stamped>>,
    /// What found the queue full.
    behind: VecDeque<Stamped>,
    writer: Option<JoinHandle<()>>,
}

impl Journal {
    /// Starts to write; `wake` is called when [`Journal::state`] has changed for better or worse.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(file: JournalFile, wake: Wake) -> Result<Self, ThreadError> {
        Self::start_with(file, wake)
    }

    fn start_with(store: impl Store, wake: Wake) -> Result<Self, ThreadError> {
        let common = Arc::new(Common::default());
        common.state().path = store.path();
        let (lines_in, lines_out) = sync_channel(LINES_WAITING);
        let (sync_in, sync_out) = sync_channel::<Option<File>>(1);
        let handle = store.handle()?;
        let syncs = handle.is_some();
        let (theirs, wakes) = (common.clone(), wake.clone());
        if let Some(mut file) = handle {
            spawn("journal-sync", move || {
                while let Ok(newer) = sync_out.recv() {
                    file = newer.unwrap_or(file);
                    if let Err(reason) = file.sync_data() {
                        fail(&theirs, &wakes, &reason);
                    }
                }
            })?;
        }
        let theirs = common.clone();
        let writer = spawn("journal", move || {
            let writer = Writer {
                common: theirs,
                wake,
                store,
                sync: syncs.then_some(sync_in),
                newer: None,
                astray: false,
            };
            writer.run(&lines_out);
        })?;
        Ok(Self {
            common,
            lines: Some(lines_in),
            behind: VecDeque::new(),
            writer: Some(writer),
        })
    }

    /// Takes an editor's new steps to be written. Never waits; to be called after each step, or each time that the
    /// window is drawn.
    pub fn keep(&mut self, editor: &mut Editor) {
        let entries = editor.take_entries();
        self.common.state().waiting += entries.len() as u64;
        self.behind.extend(entries);
        self.hand_over();
    }

    fn hand_over(&mut self) {
        let Some(lines) = &self.lines else { return };
        while let Some(line) = self.behind.pop_front() {
            match lines.try_send(line) {
                Ok(()) => {}
                Err(TrySendError::Full(line) | TrySendError::Disconnected(line)) => {
                    self.behind.push_front(line);
                    break;
                }
            }
        }
    }

    /// How it stands.
    pub fn state(&self) -> JournalState {
        self.common.state().clone()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let end = Instant::now() + LAST_WORDS;
        self.common.closing.store(true, Ordering::Release);
        let wait = || std::thread::sleep(Duration::from_millis(5));
        let runs =
            |writer: &Option<JoinHandle<()>>| writer.as_ref().is_some_and(|w| !w.is_finished());
        if let Some(writer) = &self.writer {
            writer.thread().unpark();
        }
        while !self.behind.is_empty() && runs(&self.writer) && Instant::now() < end {
            self.hand_over();
            wait();
        }
        self.lines = None;
        while runs(&self.writer) && Instant::now() < end {
            wait();
        }
        let state = self.state();
        if state.waiting > 0 {
            tracing::error!(
                "{}: {} edits could not be written ({})",
                state.path.display(),
                state.waiting,
                state
                    .failed
                    .unwrap_or_else(|| "the disk does not answer".to_owned())
            );
        }
        if !runs(&self.writer)
            && let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the journal's thread panicked");
        }
    }
}

fn fail(common: &Common, wake: &Wake, reason: &io::Error) {
    let words = {
        let mut state = common.state();
        let words = format!(
            "{}: edits cannot be written to the journal ({reason}). They are kept in memory and tried again every second; make room, or save the labels under a name.",
            state.path.display()
        );
        state
            .failed
            .replace(words.clone())
            .is_none()
            .then_some(words)
    };
    if let Some(words) = words {
        tracing::warn!("{words}");
        wake();
    }
}

struct Writer<S> {
    common: Arc<Common>,
    wake: Wake,
    store: S,
    sync: Option<SyncSender<Option<File>>>,
    /// What is to be waited for from now on, until the other thread has it.
    newer: Option<File>,
    /// It is not under its name.
    astray: bool,
}

impl<S: Store> Writer<S> {
    fn run(mut self, lines: &Receiver<Stamped>) {
        // When the disk is to be asked for its word on what was written.
        let mut due: Option<Instant> = None;
        loop {
            let next = match due {
                Some(due) => lines.recv_timeout(due.saturating_duration_since(Instant::now())),
                None => lines.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match next {
                Ok(line) => {
                    if !self.write(&line) {
                        // The last attempt before the end; what else waits would fail as well.
                        return;
                    }
                    due.get_or_insert_with(|| Instant::now() + SYNC_EVERY);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if due.is_some_and(|due| due <= Instant::now()) {
                due = None;
                if !self.is_in_its_place() {
                    due = Some(Instant::now() + AGAIN_AFTER);
                }
                if let Some(sync) = &self.sync {
                    // Full: it is asked already, and has not begun.
                    if let Err(TrySendError::Full(newer)) = sync.try_send(self.newer.take()) {
                        self.newer = newer;
                        due = Some(Instant::now() + SYNC_EVERY);
                    }
                }
            }
        }
        self.is_in_its_place();
        if let Err(reason) = self.store.sync() {
            fail(&self.common, &self.wake, &reason);
        }
    }

    /// Whether the journal lies under its name, or does again.
    fn is_in_its_place(&mut self) -> bool {
        match self.store.restore() {
            Ok(anew) => {
                if anew {
                    self.newer = self.store.handle().ok().flatten();
                }
                if std::mem::take(&mut self.astray) && self.common.state().failed.take().is_some() {
                    (self.wake)();
                }
                true
            }
            Err(reason) => {
                self.astray = true;
                fail(&self.common, &self.wake, &reason);
                false
            }
        }
    }

    /// Until it is written; false when the program ends and it could not be.
    fn write(&mut self, line: &Stamped) -> bool {
        loop {
            // Asked before: an attempt after the end began is the last one.
            let closing = self.common.closing.load(Ordering::Acquire);
            match self.store.append(line) {
                Ok(()) => {
                    let mut state = self.common.state();
                    state.written += 1;
                    state.waiting -= 1;
                    // A journal that is not under its name is not well because a line went into it.
                    let better = !self.astray && state.failed.take().is_some();
                    drop(state);
                    if better {
                        (self.wake)();
                    }
                    return true;
                }
                Err(reason) => fail(&self.common, &self.wake, &reason),
            }
            if closing {
                return false;
            }
            std::thread::park_timeout(AGAIN_AFTER);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
