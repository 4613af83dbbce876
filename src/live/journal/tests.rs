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
