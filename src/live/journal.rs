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
mod tests {
    use std::path::Path;
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::review::edit::Edit;
    use crate::review::entry::Entry;
    use crate::review::project::Frames;
    use crate::review::{Project, Start};

    /// A disk that is full until it is said to have room, and slow.
    struct Disk {
        full: Arc<AtomicBool>,
        slow: Duration,
        lines: Arc<Mutex<Vec<Stamped>>>,
    }

    impl Store for Disk {
        fn path(&self) -> PathBuf {
            PathBuf::from("clip.jsonl")
        }

        fn append(&mut self, line: &Stamped) -> io::Result<()> {
            std::thread::sleep(self.slow);
            if self.full.load(Ordering::SeqCst) {
                return Err(io::ErrorKind::StorageFull.into());
            }
            self.lines.lock().unwrap().push(line.clone());
            Ok(())
        }

        fn sync(&self) -> io::Result<()> {
            Ok(())
        }

        fn restore(&mut self) -> io::Result<bool> {
            Ok(false)
        }

        fn handle(&self) -> io::Result<Option<File>> {
            Ok(None)
        }
    }

    fn edited(steps: usize) -> Editor {
        let frames = Frames {
            times_s: (0..10).map(f64::from).collect(),
            pictures: None,
            note: None,
        };
        let mut project = Project::of_video(Path::new("clip.mp4"), frames);
        let mut editor = Editor::new("Eva");
        editor.new_rater(&mut project, "Eva", Start::Empty, "now");
        for step in 1..steps {
            let edit = Edit::Expression {
                frames: 0..10,
                to: crate::labels::Expression::ALL.get(step % 8).copied(),
            };
            editor.apply(&mut project, 0, edit, "now").unwrap();
        }
        editor
    }

    fn disk(full: bool, slow_us: u64) -> (Disk, Arc<AtomicBool>, Arc<Mutex<Vec<Stamped>>>) {
        let (full, lines) = (Arc::new(AtomicBool::new(full)), Arc::default());
        let disk = Disk {
            full: full.clone(),
            slow: Duration::from_micros(slow_us),
            lines: Arc::clone(&lines),
        };
        (disk, full, lines)
    }

    #[test]
    fn a_full_disk_is_told_and_nothing_is_lost_when_it_has_room_again() {
        let (disk, full, lines) = disk(true, 0);
        let woken = Arc::new(AtomicUsize::new(0));
        let wakes = woken.clone();
        let wake: Wake = Arc::new(move || {
            wakes.fetch_add(1, Ordering::SeqCst);
        });
        let mut journal = Journal::start_with(disk, wake).unwrap();
        journal.keep(&mut edited(40));
        let end = Instant::now() + Duration::from_secs(20);
        while journal.state().failed.is_none() && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
        let state = journal.state();
        let words = state.failed.unwrap();
        assert!(words.contains("kept in memory"), "{words}");
        assert_eq!((state.waiting, state.written), (40, 0));
        full.store(false, Ordering::SeqCst);
        while journal.state().waiting > 0 && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
        let state = journal.state();
        assert_eq!((state.waiting, state.written, state.failed), (0, 40, None));
        assert_eq!(
            woken.load(Ordering::SeqCst),
            2,
            "once for worse, once for better"
        );
        assert_eq!(lines.lock().unwrap().len(), 40);
    }

    #[test]
    fn whoever_annotates_never_waits_and_the_end_does() {
        let (disk, _, lines) = disk(false, 200);
        let mut editor = edited(3 * LINES_WAITING);
        let mut journal = Journal::start_with(disk, Arc::new(|| ())).unwrap();
        let begin = Instant::now();
        journal.keep(&mut editor);
        // Writing takes 0.6 s and more.
        assert!(
            begin.elapsed() < Duration::from_millis(300),
            "{:?}",
            begin.elapsed()
        );
        drop(journal);
        let lines = lines.lock().unwrap();
        assert_eq!(lines.len(), 3 * LINES_WAITING);
        let names = lines.iter().skip(1).map(|line| match &line.entry {
            Entry::Edit { edit, .. } => edit.title(),
            other => panic!("{other:?}"),
        });
        let wanted = (1..lines.len()).map(|step| {
            let name = crate::labels::Expression::ALL.get(step % 8);
            name.map_or("no expression", |e| e.name())
        });
        assert!(names.eq(wanted), "in order");
    }

    #[test]
    fn a_disk_that_stays_full_does_not_hold_up_the_end() {
        let (disk, _, lines) = disk(true, 0);
        let mut journal = Journal::start_with(disk, Arc::new(|| ())).unwrap();
        journal.keep(&mut edited(2000));
        let begin = Instant::now();
        drop(journal);
        assert!(begin.elapsed() < Duration::from_secs(5));
        assert!(lines.lock().unwrap().is_empty());
    }
}
