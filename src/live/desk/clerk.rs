//! What is done with sessions, on a thread of its own: looking through folders, reading tables one by one, renaming,
//! deleting, and keeping names of faces.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use crate::live::{ThreadError, Wake, spawn};
use crate::numbers::counted;
use crate::review::session::{SessionOrder, SessionWord};
use crate::review::sessions::{self, Detail, Session};

/// Orders that may wait in the channel; more wait on the window's side.
const ORDERS: usize = 8;
/// Words that may wait for the window; then the thread waits.
const WORDS: usize = 64;
/// How long the end waits for what is being written.
const LAST_WORDS: Duration = Duration::from_secs(10);

/// The thread's handle. Dropped, it does what it was told to write, and ends.
pub struct Clerk {
    orders: Option<SyncSender<SessionOrder>>,
    behind: VecDeque<SessionOrder>,
    words: Receiver<SessionWord>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Clerk {
    /// Begins.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(wake: Wake) -> Result<Self, ThreadError> {
        let (orders, theirs) = sync_channel(ORDERS);
        let (sender, words) = sync_channel(WORDS);
        let stop = Arc::<AtomicBool>::default();
        let mut work = Work {
            words: sender,
            wake,
            stop: stop.clone(),
            folders: Vec::new(),
            to_read: VecDeque::new(),
            known: HashMap::new(),
        };
        let thread = spawn("sessions", move || work.run(&theirs))?;
        Ok(Self {
            orders: Some(orders),
            behind: VecDeque::new(),
            words,
            stop,
            thread: Some(thread),
        })
    }

    /// Gives an order. Never waits.
    pub fn ask(&mut self, order: SessionOrder) {
        // Of looks that were not begun the newest is enough, and of names for one table likewise.
        self.behind.retain(|old| match (old, &order) {
            (SessionOrder::Look(_), SessionOrder::Look(_)) => false,
            (SessionOrder::Names(a, _), SessionOrder::Names(b, _)) => a != b,
            _ => true,
        });
        self.behind.push_back(order);
        self.hand_over();
    }

    fn hand_over(&mut self) {
        let Some(orders) = &self.orders else { return };
        while let Some(order) = self.behind.pop_front() {
            match orders.try_send(order) {
                Ok(()) => {}
                Err(TrySendError::Full(order) | TrySendError::Disconnected(order)) => {
                    self.behind.push_front(order);
                    break;
                }
            }
        }
    }

    /// What has been found and done since the last call. Never waits.
    pub fn poll(&mut self) -> Vec<SessionWord> {
        self.hand_over();
        self.words.try_iter().collect()
    }
}

impl Drop for Clerk {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let end = Instant::now() + LAST_WORDS;
        let Some(thread) = self.thread.take() else {
            return;
        };
        while !thread.is_finished() && Instant::now() < end {
            self.hand_over();
            if self.behind.is_empty() {
                self.orders = None;
            }
            // Whoever waits at the full channel must not wait for ever.
            self.words.try_iter().for_each(drop);
            std::thread::sleep(Duration::from_millis(5));
        }
        if thread.is_finished() && thread.join().is_err() {
            tracing::error!("the thread of sessions panicked");
        }
    }
}

/// What a detail was read from: file, length and time of each.
type Stamp = Vec<(PathBuf, u64, Option<SystemTime>)>;

struct Work {
    words: SyncSender<SessionWord>,
    wake: Wake,
    stop: Arc<AtomicBool>,
    folders: Vec<PathBuf>,
    /// Sessions whose tables have not been read.
    to_read: VecDeque<Session>,
    known: HashMap<PathBuf, (Stamp, Detail)>,
}

impl Work {
    fn run(&mut self, orders: &Receiver<SessionOrder>) {
        loop {
            let order = if self.to_read.is_empty() || self.ends() {
                orders.recv().map_err(|_| TryRecvError::Disconnected)
            } else {
                orders.try_recv()
            };
            match order {
                Ok(order) => self.obey(order),
                Err(TryRecvError::Empty) => {
                    if let Some(session) = self.to_read.pop_front() {
                        self.read(&session);
                    }
                }
                Err(TryRecvError::Disconnected) => return,
            }
        }
    }

    fn ends(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    fn say(&self, word: SessionWord) {
        // A bench that is gone has no use for it.
        let _ = self.words.send(word);
        (self.wake)();
    }

    fn obey(&mut self, order: SessionOrder) {
        let done = match order {
            SessionOrder::Look(folders) => {
                self.folders = folders;
                self.look();
                return;
            }
            SessionOrder::Rename {
                session,
                name,
                others,
            } => sessions::rename(&session, &name, &others)
                .map(|done| {
                    let to = done.table.display();
                    format!(
                        "{} is {name} now: {}, {to}.",
                        session.name,
                        counted(done.files as u64, "file")
                    )
                })
                .map_err(|e| e.to_string()),
            SessionOrder::Delete(session) => sessions::delete(&session, &mut sessions::to_bin)
                .map(|files| {
                    let word = if files == 1 { "file is" } else { "files are" };
                    format!("{}: {files} {word} in the system's bin.", session.name)
                })
                .map_err(|e| e.to_string()),
            SessionOrder::Names(table, names) => {
                if let Err(e) = names.write(&table) {
                    let words = format!("The names of faces are not kept: {e}");
                    self.say(SessionWord::Done(Err(words)));
                }
                return;
            }
        };
        self.say(SessionWord::Done(done));
        self.look();
    }

    fn look(&mut self) {
        if self.ends() {
            return;
        }
        let found = sessions::look(&self.folders, &|| self.ends());
        let readable = found.sessions.iter().filter(|s| s.can_be_opened());
        self.to_read = readable.cloned().collect();
        self.say(SessionWord::Found(found));
    }

    /// Reads a table, unless it was read before and has not changed.
    fn read(&mut self, session: &Session) {
        let stamp = stamp(session);
        let known = self.known.get(&session.table);
        let detail = match known.filter(|(then, _)| *then == stamp) {
            Some((_, detail)) => detail.clone(),
            None => {
                let detail = Detail::of(session);
                let kept = (stamp, detail.clone());
                self.known.insert(session.table.clone(), kept);
                detail
            }
        };
        let table = session.table.clone();
        self.say(SessionWord::Detail(table, Box::new(detail)));
    }
}

fn stamp(session: &Session) -> Stamp {
    let of = |path: &Path| {
        let there = path.metadata().ok();
        (
            path.to_owned(),
            there.as_ref().map_or(0, std::fs::Metadata::len),
            there.and_then(|m| m.modified().ok()),
        )
    };
    let names = crate::review::Faces::path_beside(&session.table);
    let files = [session.table.as_path(), &names].into_iter();
    files
        .chain(session.labels.iter().map(PathBuf::as_path))
        .map(of)
        .collect()
}
