//! An annotator whose program is killed loses the last second at the most.

use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use affectscope::live::journal::Journal;
use affectscope::review::journal::{self, path_beside};

use super::{Annotator, WHEN, fingerprint, project};

/// Where the annotator that is to be killed works.
const FOLDER: &str = "AFFECTSCOPE_TEST_ANNOTATES_IN";

fn now_us() -> u128 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_micros()
}

/// Annotates some 200 times a second until it is killed. Of every step it writes down how many lines the journal is to
/// have with it, when it was, and what all then looks like.
#[test]
#[ignore = "is started by the test below, to be killed"]
fn annotates_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let folder = Path::new(&folder);
    let mut project = project(folder);
    let path = path_beside(&folder.join("clip.mp4"));
    let opened = journal::open(&path, &mut project, "Eva", WHEN).unwrap();
    let mut lines = opened.file.entries();
    let mut editor = opened.editor;
    let mut journal = Journal::start(opened.file, Arc::new(|| ())).unwrap();
    let mut diary = File::options()
        .create(true)
        .append(true)
        .open(folder.join("diary"))
        .unwrap();
    let mut annotator = Annotator(lines as u64);
    let start = Instant::now();
    for step in 1.. {
        annotator.act(&mut project, &mut editor);
        let entries = editor.pending();
        if entries > 0 {
            lines += entries;
            let print = fingerprint(&project, &editor);
            let text = format!("{lines} {} {print}\n", now_us());
            diary.write_all(text.as_bytes()).unwrap();
            journal.keep(&mut editor);
        }
        let due = start + Duration::from_millis(5) * step;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if start.elapsed() > Duration::from_secs(120) {
            return;
        }
    }
}

struct Kill {
    /// Steps that were made more than a second before, and in all.
    old: usize,
    made: usize,
    /// How long before the kill the first step was made that is missing.
    lost_ms: u128,
}

fn kill_once(folder: &Path, life: Duration) -> Kill {
    let diary = folder.join("diary");
    let before = std::fs::metadata(&diary).map_or(0, |m| m.len());
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "annotate::killed::annotates_until_it_is_killed",
            "--ignored",
            "--test-threads=1",
        ])
        .env(FOLDER, folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let end = Instant::now() + Duration::from_secs(60);
    while std::fs::metadata(&diary).map_or(0, |m| m.len()) == before {
        assert!(Instant::now() < end, "the annotator does not begin");
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(life);
    let killed_us = now_us();
    child.kill().unwrap();
    child.wait().unwrap();

    // What was written down last may be half a line.
    let text = std::fs::read_to_string(&diary).unwrap();
    let steps: Vec<(usize, u128, u64)> = text
        .split_inclusive('\n')
        .filter_map(|line| {
            let mut words = line.strip_suffix('\n')?.split(' ');
            let mut next = || words.next();
            Some((
                next()?.parse().ok()?,
                next()?.parse().ok()?,
                next()?.parse().ok()?,
            ))
        })
        .collect();
    let mut project = project(folder);
    let path = path_beside(&folder.join("clip.mp4"));
    let opened = journal::open(&path, &mut project, "Eva", WHEN).unwrap();
    assert_eq!(opened.replayed.damage, None);
    let there = opened.replayed.entries;
    // The last word on a number of lines: what was lost the last time has been made anew.
    let then = steps.iter().rfind(|step| step.0 == there);
    if let Some(&(_, _, print)) = then {
        assert_eq!(
            fingerprint(&project, &opened.editor),
            print,
            "{there} lines"
        );
    }
    // Steps from before the last kill are judged by it, those since by this one.
    let since: Vec<_> = text[before as usize..].lines().collect();
    let mine = &steps[steps.len().saturating_sub(since.len())..];
    let old = mine.iter().filter(|step| step.1 + 1_000_000 < killed_us);
    let missing = mine.iter().find(|step| step.0 > there);
    let kill = Kill {
        old: old.clone().count(),
        made: mine.len(),
        lost_ms: missing.map_or(0, |step| killed_us.saturating_sub(step.1) / 1000),
    };
    let last_old = old.map(|step| step.0).max().unwrap_or(0);
    assert!(
        there >= last_old,
        "{there} lines of {last_old} that are older than a second"
    );
    // A step is a line, but for the first since the journal was opened, which is two.
    let half = steps.iter().any(|step| step.0 == there + 1);
    assert!(there == 0 || then.is_some() || half, "{there} lines");
    kill
}

/// Random, and told when it goes wrong.
fn random(of: usize) -> f64 {
    (RandomState::new().hash_one(of) >> 11) as f64 / (1u64 << 53) as f64
}

#[test]
fn killed_twenty_times_at_random_it_loses_a_second_at_the_most() {
    let kills: Vec<Kill> = std::thread::scope(|scope| {
        let one = |i: usize| {
            move || {
                let folder = tempfile::tempdir().unwrap();
                let twice =
                    [2 * i, 2 * i + 1].map(|k| Duration::from_secs_f64(0.3 + 1.7 * random(k)));
                twice.map(|life| kill_once(folder.path(), life))
            }
        };
        let threads: Vec<_> = (0..10).map(|i| scope.spawn(one(i))).collect();
        threads
            .into_iter()
            .flat_map(|t| t.join().unwrap())
            .collect()
    });
    let sum = |of: fn(&Kill) -> usize| kills.iter().map(of).sum::<usize>();
    let lost_ms = kills.iter().map(|k| k.lost_ms).max();
    println!(
        "{} kills, {} steps, {} of them older than a second; the oldest lost was made {lost_ms:?} ms before",
        kills.len(),
        sum(|k| k.made),
        sum(|k| k.old)
    );
    assert_eq!(kills.len(), 20);
    assert!(sum(|k| k.old) > 100, "nothing was at stake");
}
