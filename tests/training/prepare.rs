//! `train prepare` on FER+'s layout: what is kept, what is left out, and that a run that was stopped goes on.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use affectscope::analysis::BoxPx;
use affectscope::face::gray::Gray;
use affectscope::face::landmarks::LandmarkNet;
use affectscope::labels::Expression;
use affectscope::model::config::Color;
use affectscope::train::prepare::{Database, Heard, Outcome, PrepareError, prepare};
use affectscope::train::set::{Set, Split};

use super::{attempt, content, face, ferplus, options, whole};
use crate::cli::{Scratch, stderr};

#[test]
fn faces_are_kept_with_their_labels_and_splits() {
    let folder = tempfile::tempdir().unwrap();
    let (input, out) = (folder.path().join("in"), folder.path().join("set"));
    ferplus(&input, [20, 10, 5]);
    // One that is no picture, one that is not there, one that is in two splits.
    std::fs::write(input.join("FER2013Train/fer0000000.png"), b"none").unwrap();
    std::fs::remove_file(input.join("FER2013Train/fer0000001.png")).unwrap();
    face(20)
        .save(input.join("FER2013Train/fer0000002.png"))
        .unwrap();
    let (manifest, set) = whole(&options(Database::Ferplus, &input, &out));
    assert_eq!(set.manifest(), &manifest);
    let counts = Split::ALL.map(|split| manifest.splits.of(split).faces);
    assert_eq!(counts, [13, 8, 4]);
    assert_eq!(manifest.faces, 25);
    assert_eq!(
        (
            manifest.subjects_in_two_splits,
            manifest.pictures_in_two_splits
        ),
        (0, 0)
    );
    assert_eq!(manifest.splits.train.subjects, 13);
    assert_eq!(
        manifest.splits.validation.expressions.in_order(),
        [2, 2, 0, 2, 2, 0, 0]
    );
    assert!(manifest.made.affect_from.contains("not ratings"));
    let left_out: Vec<(&str, u64, &str)> = manifest
        .left_out
        .iter()
        .map(|(reason, out)| (&**reason, out.count, &*out.first))
        .collect();
    assert_eq!(
        left_out,
        [
            (
                "most votes are for contempt",
                7,
                "FER2013Train/fer0000004.png"
            ),
            (
                "the picture cannot be decoded",
                1,
                "FER2013Train/fer0000000.png"
            ),
            ("the picture is not there", 1, "FER2013Train/fer0000001.png"),
            (
                "the same picture is in another split",
                1,
                "FER2013Train/fer0000002.png"
            ),
        ]
    );

    let first = set.sample(0);
    assert_eq!(
        (first.file, first.split),
        ("FER2013Train/fer0000003.png", Split::Train)
    );
    assert_eq!(first.labels.expression, Some(Expression::Anger));
    assert_eq!(
        first.labels.votes.unwrap(),
        [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    );
    assert_eq!(first.labels.affect, Some([-0.51, 0.59]));
    assert_eq!(
        (first.width_px, first.height_px, first.channels),
        (48, 48, 1)
    );
    let grey = face(3);
    assert!(
        first
            .pixels
            .iter()
            .zip(grey.as_raw())
            .all(|(a, b)| a.abs_diff(*b) <= 1)
    );
    // Landmarks as the calibration finds them.
    let gray = Gray {
        width_px: 48,
        height_px: 48,
        pixels: first.pixels.to_vec(),
    };
    let box_px = BoxPx {
        x: 0.0,
        y: 0.0,
        w: 48.0,
        h: 48.0,
    };
    let landmarks = LandmarkNet::new().unwrap().find(&gray, box_px);
    assert_eq!(landmarks, first.landmarks);
    let with_votes = set.indices(Split::Validation, |l| l.votes.is_some());
    assert_eq!(with_votes.len(), 8);
    assert!(set.sequences(Split::Train, |_| true, 1).is_empty());
}

#[test]
fn a_run_that_was_interrupted_anywhere_goes_on_to_the_same_set() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in");
    ferplus(&input, [900, 40, 0]);
    let at_once = folder.path().join("at-once");
    whole(&options(Database::Ferplus, &input, &at_once));
    for stop_at in [0, 1, 2] {
        let out = folder.path().join(format!("stopped-{stop_at}"));
        let options = options(Database::Ferplus, &input, &out);
        let interrupt = AtomicBool::new(false);
        let mut reports = 0;
        let ended = prepare(&options, &interrupt, &mut |heard| {
            if matches!(heard, Heard::Faces { .. }) {
                interrupt.store(reports >= stop_at, Ordering::Relaxed);
                reports += 1;
            }
        });
        if matches!(ended, Ok(Outcome::Interrupted)) {
            assert!(Set::open(&out).is_err());
            // What a kill leaves of a part.
            std::fs::write(out.join("unfinished/000002.bin.part"), b"half").unwrap();
            std::fs::write(out.join("unfinished/000003.bin"), b"half").unwrap();
            let _ = std::fs::remove_file(out.join("unfinished/000003.json"));
            if stop_at == 1 {
                // Anew is anew: parts of pictures that have changed since, or that are damaged, are not used.
                std::fs::write(out.join("unfinished/000000.csv"), b"half").unwrap();
                whole(&super::Options {
                    force: true,
                    ..options.clone()
                });
                assert!(content(&out) == content(&at_once));
                continue;
            }
            // Another database must not go on with it.
            let other = super::Options {
                color: Color::Rgb,
                ..options.clone()
            };
            let refused = attempt(&other).unwrap_err().to_string();
            assert!(refused.contains("unfinished"), "{refused}");
            let mut first = None;
            let again = prepare(&options, &AtomicBool::new(false), &mut |heard| {
                if let Heard::Faces { done, .. } = heard {
                    first.get_or_insert(done);
                }
            });
            assert!(matches!(again, Ok(Outcome::Whole(_))), "{again:?}");
            assert!(stop_at == 0 || first > Some(0));
        }
        assert!(content(&out) == content(&at_once));
    }
}

/// How many parts of an unfinished set are done.
fn parts_in(set: &Path) -> usize {
    let names = (0..).map(|part| set.join(format!("unfinished/{part:06}.json")));
    // They are done in any order.
    names.take(10).filter(|path| path.is_file()).count()
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_says_so_and_goes_on() {
    let scratch = Scratch::new();
    ferplus(&scratch.path("in"), [1300, 0, 0]);
    let args = [
        "train", "prepare", "--format", "ferplus", "--input", "in", "--out", "set",
    ];
    let mut child = scratch
        .command()
        .args(args)
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    while child.try_wait().unwrap().is_none() && parts_in(&scratch.path("set")) == 0 {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let told = std::process::Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    // It may be through already, where the machine is fast.
    if told.unwrap().success() && child.wait().unwrap().code() == Some(130) {
        assert!(!scratch.path("set/manifest.json").exists());
        let words = [
            "has not finished",
            " of 1040 faces are through",
            "affectscope train prepare --format ferplus --input in --out set",
        ];
        scratch.refuses(&["train", "manifest", "set"], &words);
        scratch.refuses(&["train", "eval", "--data", "set"], &words);
        let done = scratch.run(&args);
        assert!(done.status.success(), "{}", stderr(&done));
        assert!(stderr(&done).contains("goes on after"), "{}", stderr(&done));
    }
    assert_eq!(Set::open(&scratch.path("set")).unwrap().len(), 1040);
}

#[test]
fn pictures_that_cannot_be_read_are_told_and_the_rest_is_used() {
    let scratch = Scratch::new();
    ferplus(&scratch.path("in"), [20, 10, 0]);
    let bad = ["FER2013Train/fer0000003.png", "FER2013Valid/fer0000021.png"];
    for file in bad {
        std::fs::write(scratch.path("in").join(file), b"none").unwrap();
    }
    let output = scratch.run(&[
        "train", "prepare", "--format", "ferplus", "--input", "in", "--out", "set",
    ]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    for words in bad.into_iter().chain(["without 2 faces"]) {
        assert!(text.contains(words), "{words} is not in: {text}");
    }
    assert_eq!(Set::open(&scratch.path("set")).unwrap().len(), 22);
    let output = scratch.run(&["train", "eval", "--data", "in/FER2013Valid"]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(
        text.contains("fer0000021.png") && text.contains("1 picture could not be read"),
        "{text}"
    );
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("7 labelled faces"), "{table}");
}

#[test]
fn killed_runs_leave_what_the_next_one_goes_on_with() {
    let scratch = Scratch::new();
    ferplus(&scratch.path("in"), [1300, 30, 0]);
    let args = |out| {
        [
            "train", "prepare", "--format", "ferplus", "--input", "in", "--out", out,
        ]
    };
    let done = scratch.run(&args("whole"));
    assert!(done.status.success(), "{}", stderr(&done));
    let table = String::from_utf8(done.stdout).unwrap();
    assert!(table.contains("subjects in two splits: 0"), "{table}");
    for parts in 1..4 {
        let mut child = scratch
            .command()
            .args(args("killed"))
            .stderr(std::process::Stdio::null())
            .stdout(std::process::Stdio::null())
            .spawn()
            .unwrap();
        // Killed once so many parts are there, wherever it is then.
        while child.try_wait().unwrap().is_none() {
            if parts_in(&scratch.path("killed")) >= parts {
                let _ = child.kill();
            }
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
    let done = scratch.run(&args("killed"));
    // The last of the killed runs may have been faster than the kill.
    let text = stderr(&done);
    assert!(
        done.status.success() || text.contains("exists already"),
        "{text}"
    );
    assert!(content(&scratch.path("killed")) == content(&scratch.path("whole")));
    let shown = scratch.run(&["train", "manifest", "killed", "--json"]);
    assert!(shown.status.success());
    let manifest: serde_json::Value = serde_json::from_slice(&shown.stdout).unwrap();
    assert_eq!(manifest["subjects_in_two_splits"], 0);
    assert!(
        scratch
            .run(&["train", "manifest", "killed"])
            .status
            .success()
    );
}

#[test]
fn what_is_there_is_replaced_only_when_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let (input, out) = (folder.path().join("in"), folder.path().join("set"));
    ferplus(&input, [6, 3, 0]);
    let mut options = options(Database::Ferplus, &input, &out);
    whole(&options);
    assert!(matches!(attempt(&options), Err(PrepareError::Exists(_))));
    options.color = Color::Rgb;
    assert!(matches!(attempt(&options), Err(PrepareError::Exists(_))));
    options.force = true;
    let (manifest, set) = whole(&options);
    assert_eq!(manifest.made.color, Color::Rgb);
    assert_eq!(set.sample(0).channels, 3);

    std::fs::write(out.join("thesis.txt"), b"mine").unwrap();
    assert!(matches!(attempt(&options), Err(PrepareError::Foreign(..))));
    std::fs::remove_file(out.join("thesis.txt")).unwrap();
    // Another run is at it.
    std::fs::create_dir(out.join("unfinished")).unwrap();
    let lock = std::fs::File::create(out.join("unfinished/lock")).unwrap();
    lock.try_lock().unwrap();
    let refused = attempt(&options).unwrap_err().to_string();
    assert!(refused.contains("another run"), "{refused}");
}

#[test]
fn what_is_no_database_is_told() {
    let scratch = Scratch::new();
    std::fs::create_dir(scratch.path("empty")).unwrap();
    let args = |format, input| {
        [
            "train", "prepare", "--format", format, "--input", input, "--out", "set",
        ]
    };
    scratch.refuses(&args("ferplus", "nothing"), &["nothing", "no such"]);
    scratch.refuses(&args("ferplus", "empty"), &["FER2013Train"]);
    scratch.refuses(&args("faces13k", "empty"), &["labels.csv"]);
    for format in ["aff-wild2", "affectnet", "expw", "afew-va", "table"] {
        scratch.refuses(&args(format, "empty"), &["empty", "no labels"]);
    }
    scratch.refuses(&["train", "manifest", "empty"], &["no packed set"]);
}
