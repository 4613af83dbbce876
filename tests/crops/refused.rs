//! Folders, checkpoints and outputs that are refused in words, and checkpoints that are converted.

use super::{picture, table, write_crops};
use crate::checkpoints::made::Made;
use crate::cli::Scratch;

#[test]
fn folders_that_are_no_crops_are_refused_in_words() {
    let scratch = Scratch::new();
    std::fs::create_dir_all(scratch.path("empty")).unwrap();
    scratch.refuses(&["analyze", "--crops", "empty"], &["empty", "00001.jpg"]);
    scratch.refuses(&["analyze", "--crops", "nowhere"], &["nowhere", "no such"]);
    write_crops(&scratch.path("zero"), [0u32, 1].into_iter());
    scratch.refuses(
        &["analyze", "--crops", "zero"],
        &["00000.png", "count from 1"],
    );
    write_crops(&scratch.path("twice"), [3u32].into_iter());
    picture(3).save(scratch.path("twice/3.png")).unwrap();
    scratch.refuses(&["analyze", "--crops", "twice"], &["number 3"]);
    write_crops(&scratch.path("far"), [1u32].into_iter());
    picture(3).save(scratch.path("far/4000000000.png")).unwrap();
    scratch.refuses(&["analyze", "--crops", "far"], &["4000000000.png"]);
    let video = scratch.clip("long.mkv", 3, false, &[]);
    write_crops(&scratch.path("long"), 1..=4);
    let video = video.to_str().unwrap();
    scratch.refuses(
        &["analyze", "--crops", "long", "--video", video],
        &["go up to 4", "3 frames"],
    );
    let done = scratch.run(&["analyze", video, "--video", video]);
    assert_eq!(done.status.code(), Some(2), "--video wants --crops");
    let force = |more: &[&str], words: &[&str]| {
        let args = [&["analyze", "--crops", "long", "--force"], more].concat();
        scratch.refuses(&args, words);
    };
    force(&["--out", "long/00003.png"], &["is a picture"]);
    std::fs::write(scratch.path("small.pth"), Made::default().bytes()).unwrap();
    force(
        &["--weights", "small.pth", "--out", "small.pth"],
        &["is an input"],
    );
    force(&["--video", video, "--out", video], &["is an input"]);
    write_crops(&scratch.path("a,b"), 1..=2);
    scratch.refuses(
        &[
            "analyze",
            "--crops",
            "a,b",
            "--format",
            "abaw-flat",
            "--out",
            "flat",
        ],
        &["a,b", "commas"],
    );
    std::fs::write(scratch.path("long/00002.png"), b"not a picture").unwrap();
    let done = scratch.run(&["analyze", "--crops", "long", "--out", "long.csv"]);
    assert_eq!(done.status.code(), Some(2));
    assert_eq!(&table(scratch.path("long.csv"))[1][3], "unreadable");
}

#[test]
fn a_checkpoint_is_converted_shown_and_refused_in_words() {
    let scratch = Scratch::new();
    std::fs::write(scratch.path("small.pth"), Made::default().bytes()).unwrap();
    let done = scratch.run(&[
        "convert",
        "small.pth",
        "small.safetensors",
        "--licence",
        "for tests",
    ]);
    assert!(done.status.success());
    let show = |file: &str| String::from_utf8(scratch.run(&["info", file]).stdout).unwrap();
    let (before, after) = (show("small.pth"), show("small.safetensors"));
    for text in [&before, &after] {
        assert!(text.contains("CNN-GRU, window 32, RGB 112x112"), "{text}");
        assert!(text.contains("enlarged to 134x134"), "{text}");
    }
    assert!(before.contains("a PyTorch checkpoint has none"), "{before}");
    assert!(
        after.contains("small.pth, SHA-256") && after.contains("for tests"),
        "{after}"
    );
    write_crops(&scratch.path("v"), 1..=3);
    for (weights, out) in [("small.pth", "a.csv"), ("small.safetensors", "b.csv")] {
        let done = scratch.run(&[
            "analyze",
            "--weights",
            weights,
            "--crops",
            "v",
            "--out",
            out,
        ]);
        assert!(done.status.success());
    }
    let bytes = |name: &str| std::fs::read(scratch.path(name)).unwrap();
    assert_eq!(
        bytes("a.csv"),
        bytes("b.csv"),
        "converted weights say the same"
    );
    scratch.refuses(
        &["convert", "small.pth", "small.safetensors"],
        &["small.safetensors", "--force"],
    );
    scratch.refuses(
        &["convert", "small.pth", "small.pth", "--force"],
        &["is an input"],
    );
    scratch.refuses(
        &["convert", "small.safetensors", "x.safetensors"],
        &["already"],
    );
    std::fs::write(scratch.path("cut.pth"), &bytes("small.pth")[..2000]).unwrap();
    scratch.refuses(
        &["convert", "cut.pth", "x.safetensors"],
        &["cut.pth", "cut off or damaged"],
    );
    scratch.refuses(
        &[
            "analyze",
            "--weights",
            "cut.pth",
            "--crops",
            "v",
            "--out",
            "c.csv",
        ],
        &["cut.pth"],
    );
}

#[test]
fn a_student_is_exported_for_other_runtimes_and_nothing_is_written_over() {
    let scratch = Scratch::new();
    std::fs::write(scratch.path("small.pth"), Made::default().bytes()).unwrap();
    for args in [
        &["export-onnx", "thin.onnx"][..],
        &["export-onnx", "--weights", "small.pth", "small.onnx"][..],
        &["export-onnx", "thin.onnx", "--force"][..],
    ] {
        let done = scratch.run(args);
        let said = String::from_utf8(done.stderr).unwrap();
        assert!(done.status.success(), "{said}");
        assert!(said.contains("recurrent heads are not in it"), "{said}");
    }
    let bytes = |name: &str| std::fs::read(scratch.path(name)).unwrap();
    assert!(bytes("thin.onnx").len() > 10_000_000);
    assert_ne!(bytes("thin.onnx"), bytes("small.onnx"));
    scratch.refuses(&["export-onnx", "thin.onnx"], &["thin.onnx", "--force"]);
    scratch.refuses(
        &[
            "export-onnx",
            "--weights",
            "small.pth",
            "small.pth",
            "--force",
        ],
        &["is an input"],
    );
    scratch.refuses(&["export-onnx", "-"], &["file"]);
    scratch.refuses(
        &["export-onnx", "--weights", "thin.onnx", "x.onnx"],
        &["thin.onnx", "neither a PyTorch checkpoint nor"],
    );
}
