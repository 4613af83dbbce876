//! The thread that has the frame that is looked at.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use affectscope::live::viewer::{Opened, Shown, Viewer, ViewerState};
use affectscope::source::film::Numbering;

use super::clips::{number_in, read};
use super::films::{FRAMES, busy_clip, with_a_hollow_packet};

/// Longer than a loaded machine needs for any of it.
const LONG: Duration = Duration::from_secs(60);

struct Watched {
    viewer: Viewer,
    woken: Arc<AtomicUsize>,
}

fn start(path: &Path) -> Watched {
    let woken = Arc::new(AtomicUsize::new(0));
    let counted = woken.clone();
    let viewer = Viewer::start(
        path,
        Numbering::default(),
        Arc::new(move || {
            counted.fetch_add(1, Ordering::SeqCst);
        }),
    )
    .unwrap();
    Watched { viewer, woken }
}

impl Watched {
    fn until<T>(&self, mut found: impl FnMut(ViewerState, Option<Shown>) -> Option<T>) -> T {
        let end = Instant::now() + LONG;
        loop {
            let update = self.viewer.poll();
            if let Some(found) = found(update.state, update.picture) {
                return found;
            }
            assert!(Instant::now() < end, "nothing came");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn opened(&self) -> Arc<Opened> {
        self.until(|state, _| match state {
            ViewerState::Open(opened) => Some(opened),
            ViewerState::Opening(_) => None,
            ViewerState::Failed(reason) => panic!("{reason}"),
        })
    }

    fn shown(&self, index: usize) -> Shown {
        self.until(|_, shown| shown.filter(|shown| shown.index == index))
    }
}

#[test]
fn the_frame_that_was_asked_for_last_is_shown_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("clip.mp4");
    busy_clip(&file, 90, "-c:v libx264 -bf 3 -g 30 -pix_fmt yuv420p");
    let given = read(&file);
    let watched = start(&file);
    // An order may come before the film is open.
    watched.viewer.show(5);
    assert_eq!(number_in(&watched.shown(5).picture.unwrap()), 5);
    let opened = watched.opened();
    let times_s: Vec<f64> = given.frames.iter().map(|f| f.stamp.time_s).collect();
    assert_eq!(&*opened.times_s, times_s);
    assert_eq!(opened.info.frames, Some(90));
    assert!(opened.pictures.is_none() && opened.note.is_none());
    assert!(watched.woken.load(Ordering::SeqCst) >= 2);
    // Dragged to and fro along the timeline, 60 orders a second.
    let mut seen = 0;
    for step in 0..60 {
        watched.viewer.show((step * 37) % 90);
        if let Some(shown) = watched.viewer.poll().picture {
            assert_eq!(number_in(&shown.picture.unwrap()), shown.index);
            seen += 1;
        }
        std::thread::sleep(Duration::from_millis(16));
    }
    assert!(seen > 0, "nothing was seen on the way");
    watched.viewer.show(71);
    let shown = watched.shown(71).picture.unwrap();
    assert!(*shown == given.frames[71]);
    // One after the other, as keys are pressed.
    for index in (60..71).rev().chain(61..80) {
        watched.viewer.show(index);
        let shown = watched.shown(index).picture.unwrap();
        assert!(*shown == given.frames[index], "{index}");
    }
    watched.viewer.show(1_000_000);
    let reason = watched.shown(1_000_000).picture.unwrap_err();
    assert!(reason.contains("there are 90"), "{reason}");
    watched.viewer.show(3);
    assert!(watched.shown(3).picture.is_ok());
}

#[test]
fn what_cannot_be_opened_says_why() {
    let watched = start(Path::new("/no/such/file.mp4"));
    let reason = watched.until(|state, _| match state {
        ViewerState::Failed(reason) => Some(reason),
        _ => None,
    });
    assert!(reason.contains("no such file"), "{reason}");
}

#[test]
fn a_container_that_is_wrong_is_found_out_without_being_played() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hollow.mov");
    with_a_hollow_packet(&file);
    let watched = start(&file);
    let first = watched.opened();
    assert_eq!((first.times_s.len(), first.counted), (FRAMES, false));
    watched.viewer.show(10);
    assert!(watched.shown(10).picture.is_ok());
    let again = watched.until(|state, _| match state {
        ViewerState::Open(opened) if opened.counted => Some(opened),
        _ => None,
    });
    assert_eq!((again.times_s.len(), again.numbering), (FRAMES - 1, 1));
    assert!(
        again
            .note
            .as_ref()
            .is_some_and(|note| note.contains("71 frames"))
    );
    watched.viewer.show(FRAMES - 2);
    let last = watched.shown(FRAMES - 2).picture.unwrap();
    assert_eq!(number_in(&last), FRAMES - 1);
}

#[test]
fn a_dropped_viewer_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dropped-viewer.mkv");
    busy_clip(&file, 300, "-c:v libx264 -g 250 -pix_fmt yuv420p");
    for index in [0, 250, 100] {
        let watched = start(&file);
        watched.viewer.show(index);
        if index > 0 {
            watched.shown(index);
        }
        drop(watched);
    }
    #[cfg(target_os = "linux")]
    for process in std::fs::read_dir("/proc").unwrap().flatten() {
        let command = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        let name = file.as_os_str().as_encoded_bytes();
        assert!(
            !command.windows(name.len()).any(|part| part == name),
            "ffmpeg still runs"
        );
    }
}

/// Times of steps as somebody waits for them, in milliseconds: median and worst.
fn waits(watched: &Watched, indices: impl Iterator<Item = usize>, pause: Duration) -> String {
    let mut waits_ms: Vec<f64> = indices
        .map(|index| {
            let asked = Instant::now();
            watched.viewer.show(index);
            watched.shown(index).picture.unwrap();
            let wait = asked.elapsed();
            std::thread::sleep(pause.saturating_sub(wait));
            wait.as_secs_f64() * 1e3
        })
        .collect();
    waits_ms.sort_by(f64::total_cmp);
    let at = |part: f64| waits_ms[((waits_ms.len() - 1) as f64 * part) as usize];
    format!(
        "median {:.1}, 95 % {:.1}, worst {:.1} ms of {}",
        at(0.5),
        at(0.95),
        at(1.0),
        waits_ms.len()
    )
}

#[test]
#[ignore = "prints how long steps through the file in AFFECTSCOPE_FILM take"]
#[allow(clippy::print_stdout)]
fn how_long_steps_take() {
    let Some(file) = std::env::var_os("AFFECTSCOPE_FILM") else {
        return;
    };
    let begun = Instant::now();
    let watched = start(Path::new(&file));
    let frames = watched.opened().times_s.len();
    println!("{frames} frames, open after {:?}", begun.elapsed());
    watched.viewer.show(0);
    watched.shown(0);
    println!("first picture after {:?}", begun.elapsed());
    if frames > 5000 {
        return;
    }
    // The repeat rate of a held key.
    let held = Duration::from_millis(33);
    let (from, to) = (frames / 3, frames * 2 / 3);
    let steps = [
        ("forward, key held", waits(&watched, from..to, held)),
        ("back, key held", waits(&watched, (from..to).rev(), held)),
        (
            "back, at once",
            waits(&watched, (0..from).rev(), Duration::ZERO),
        ),
        ("forward, at once", waits(&watched, 0..from, Duration::ZERO)),
        (
            "at random",
            waits(&watched, (0..30).map(|n| n * 7919 % frames), Duration::ZERO),
        ),
    ];
    for (way, waits) in steps {
        println!("{way}: {waits}");
    }
}
