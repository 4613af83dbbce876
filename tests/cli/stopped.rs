//! Runs that are stopped, or killed, in their midst.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Scratch, rows};

#[test]
fn an_interrupted_analysis_leaves_whole_rows_beside_the_name() {
    let scratch = Scratch::new();
    // So long that no machine is through before it is stopped, and made quickly.
    let short = scratch.clip("short.mkv", 100, false, &["-c:v", "mjpeg", "-q:v", "5"]);
    let clip = scratch.path("long.mkv");
    let looped = Command::new("ffmpeg")
        .args(["-nostdin", "-v", "error", "-stream_loop", "79", "-i"])
        .arg(&short)
        .args(["-c", "copy"])
        .arg(&clip)
        .status();
    assert!(looped.unwrap().success());
    let mut child = scratch
        .command()
        .args(["analyze", clip.to_str().unwrap()])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let part = scratch.path("long.affect.csv.part");
    let end = Instant::now() + Duration::from_secs(60);
    // Rows come to the disk some hundred at a time.
    while std::fs::metadata(&part).map_or(0, |m| m.len()) == 0 && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(20));
    }
    Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status()
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!scratch.path("long.affect.csv").exists());
    let rows = rows(&part);
    assert!(rows.len() >= 100 && rows.len() < 8000, "{}", rows.len());
    let mut frames: Vec<usize> = rows.iter().map(|r| r["frame"].parse().unwrap()).collect();
    frames.dedup();
    assert_eq!(frames, (0..frames.len()).collect::<Vec<_>>());
    assert!(rows[..100].iter().all(|r| r["status"] == "ok"));
    #[cfg(target_os = "linux")]
    assert_eq!(running_with(&clip), 0, "its ffmpeg has ended with it");
}

/// Processes that have a path among their arguments.
#[cfg(target_os = "linux")]
fn running_with(path: &Path) -> usize {
    let path = path.to_str().unwrap().as_bytes();
    let processes = std::fs::read_dir("/proc").unwrap();
    let named = processes.filter_map(|process| {
        let arguments = std::fs::read(process.ok()?.path().join("cmdline")).ok()?;
        arguments
            .windows(path.len())
            .any(|w| w == path)
            .then_some(())
    });
    named.count()
}

#[test]
fn a_killed_recording_keeps_its_rows() {
    let scratch = Scratch::new();
    let mut child = scratch
        .command()
        .args(["record", "--source", "demo", "--out", "r.csv"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let part = scratch.path("r.csv.part");
    let end = Instant::now() + Duration::from_secs(30);
    while std::fs::metadata(&part).map_or(0, |m| m.len()) < 10_000 && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let text = std::fs::read_to_string(&part).unwrap();
    assert!(text.lines().count() > 20);
    scratch.refuses(
        &[
            "record", "--source", "demo", "--frames", "3", "--out", "r.csv",
        ],
        &["r.csv.part", "unfinished"],
    );
    assert_eq!(std::fs::read_to_string(&part).unwrap(), text);
}
