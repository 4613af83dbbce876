//! The real binary on real clips, and on everything a user may get wrong.

mod scratch;
#[cfg(unix)]
mod stopped;

use std::path::Path;
use std::process::Output;

pub use self::scratch::Scratch;
use super::pipeline::{canvas, portrait};

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn fine(output: &Output) {
    assert!(output.status.success(), "{}", stderr(output));
}

/// The table's rows as maps from column to value.
fn rows(path: &Path) -> Vec<std::collections::HashMap<String, String>> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    reader.deserialize().map(|row| row.unwrap()).collect()
}

#[test]
fn a_video_gives_a_row_for_every_frame_and_the_same_bytes_twice() {
    let scratch = Scratch::new();
    let clip = scratch.clip("clip.mp4", 70, false, &["-pix_fmt", "yuv420p"]);
    let clip = clip.to_str().unwrap();
    fine(&scratch.run(&["analyze", clip]));
    fine(&scratch.run(&["analyze", clip, "--out", "again.csv"]));
    let first = std::fs::read(scratch.path("clip.affect.csv")).unwrap();
    assert_eq!(first, std::fs::read(scratch.path("again.csv")).unwrap());
    let rows = rows(&scratch.path("clip.affect.csv"));
    assert_eq!(rows.len(), 70);
    for (i, row) in rows.iter().enumerate() {
        assert_eq!(row["frame"], i.to_string());
        assert!((row["time_s"].parse::<f64>().unwrap() - i as f64 / 30.0).abs() < 1e-4);
        assert_eq!(
            (
                row["status"].as_str(),
                row["face_id"].as_str(),
                row["latency_ms"].as_str()
            ),
            ("ok", "1", "")
        );
        let sum: f64 = affectscope::labels::Expression::ALL
            .iter()
            .map(|e| row[e.name()].parse::<f64>().unwrap())
            .sum();
        assert!((sum - 1.0).abs() < 1e-5);
    }
    let sidecar: serde_json::Value =
        serde_json::from_slice(&std::fs::read(scratch.path("clip.affect.json")).unwrap()).unwrap();
    assert_eq!(sidecar["counts"]["frames"], 70);
    assert_eq!(sidecar["weights"]["sha256"].as_str().unwrap().len(), 64);
    assert_eq!(sidecar["columns"].as_object().unwrap().len(), 32);
}

#[test]
fn a_face_that_leaves_changes_the_status_once() {
    let scratch = Scratch::new();
    let clip = scratch.clip("leaves.mkv", 40, true, &["-c:v", "ffv1"]);
    fine(&scratch.run(&["analyze", clip.to_str().unwrap()]));
    let states: Vec<String> = rows(&scratch.path("leaves.affect.csv"))
        .iter()
        .map(|r| r["status"].clone())
        .collect();
    assert_eq!(states[..20], vec!["ok"; 20]);
    assert_eq!(states[20..], vec!["no_face"; 20]);
}

#[test]
fn a_picture_a_folder_and_standard_output() {
    let scratch = Scratch::new();
    let folder = scratch.path("pictures");
    std::fs::create_dir(&folder).unwrap();
    portrait().save(folder.join("b, \"quoted\".png")).unwrap();
    canvas((900, 500), 0.8, &[(0, 20), (450, 30)])
        .save(folder.join("a.jpg"))
        .unwrap();
    std::fs::write(folder.join("c.png"), b"not a picture").unwrap();
    canvas((320, 240), 0.5, &[])
        .save(folder.join("d.bmp"))
        .unwrap();
    let output = scratch.run(&["analyze", "pictures"]);
    let told = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(
        told.contains("c.png: ") && told.contains("1 of its pictures could not be read"),
        "{told}"
    );
    let table = rows(&scratch.path("pictures.affect.csv"));
    let seen: Vec<(&str, &str, &str)> = table
        .iter()
        .map(|r| {
            (
                r["file"].as_str(),
                r["face_id"].as_str(),
                r["status"].as_str(),
            )
        })
        .collect();
    assert_eq!(
        seen,
        [
            ("a.jpg", "1", "ok"),
            ("a.jpg", "2", "ok"),
            ("b, \"quoted\".png", "1", "ok"),
            ("c.png", "", "unreadable"),
            ("d.bmp", "", "no_face"),
        ]
    );
    let output = scratch.run(&[
        "analyze",
        "pictures/a.jpg",
        "--out",
        "-",
        "--format",
        "jsonl",
        "--faces",
        "largest",
    ]);
    fine(&output);
    let lines: Vec<serde_json::Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["status"], "ok");
    assert_eq!(lines[0]["latency_ms"], serde_json::Value::Null);
}

#[test]
fn bad_input_is_one_line_and_code_2() {
    let scratch = Scratch::new();
    std::fs::write(scratch.path("text.mp4"), "I am a text.\n".repeat(100)).unwrap();
    std::fs::write(scratch.path("empty.mp4"), "").unwrap();
    std::fs::write(scratch.path("text.png"), "I am a text.").unwrap();
    std::fs::create_dir(scratch.path("nothing")).unwrap();
    std::fs::write(
        scratch.path("wrong.safetensors"),
        b"\x08\0\0\0\0\0\0\0{}      ",
    )
    .unwrap();
    portrait().save(scratch.path("face.png")).unwrap();
    std::fs::write(scratch.path("taken.csv"), "mine").unwrap();
    scratch.refuses(&["analyze", "text.mp4"], &["text.mp4"]);
    scratch.refuses(&["analyze", "empty.mp4"], &["empty.mp4", "empty"]);
    scratch.refuses(&["analyze", "text.png"], &["text.png"]);
    scratch.refuses(&["analyze", "nothing"], &["nothing", "picture"]);
    scratch.refuses(&["analyze", "gone.mp4"], &["gone.mp4", "no such file"]);
    scratch.refuses(
        &["analyze", "face.png", "--weights", "gone.safetensors"],
        &["gone.safetensors", "path"],
    );
    scratch.refuses(
        &["analyze", "face.png", "--weights", "wrong.safetensors"],
        &["wrong.safetensors", "config"],
    );
    scratch.refuses(
        &["analyze", "face.png", "--weights", "text.png"],
        &["text.png", "safetensors"],
    );
    scratch.refuses(
        &["analyze", "face.png", "--out", "face.png/x.csv"],
        &["x.csv", "cannot be written"],
    );
    // The folder is made for what can be read, and for nothing else.
    scratch.refuses(
        &["analyze", "text.mp4", "--out", "new/folder/x.csv"],
        &["text.mp4"],
    );
    scratch.refuses(
        &["convert", "face.png", "face.png"],
        &["is an input", "another name."],
    );
    scratch.refuses(
        &["analyze", "face.png", "--out", "taken.csv"],
        &["taken.csv", "exists", "--force"],
    );
    scratch.refuses(
        &["analyze", "face.png", "text.png", "--out", "-"],
        &["standard output"],
    );
    scratch.refuses(
        &[
            "record",
            "--source",
            "camera:none-such",
            "--out",
            "r.csv",
            "--frames",
            "3",
        ],
        &["camera"],
    );
    scratch.refuses(
        &["record", "--source", "gone.mp4", "--out", "r.csv"],
        &["gone.mp4"],
    );
    scratch.refuses(&["gone.mp4"], &["gone.mp4", "no such file"]);
    scratch.refuses(&["info", "text.png"], &["text.png"]);
    assert_eq!(
        std::fs::read_to_string(scratch.path("taken.csv")).unwrap(),
        "mine"
    );
    let cuda = scratch.run(&["analyze", "face.png", "--device", "cuda", "--out", "c.csv"]);
    if !cuda.status.success() {
        assert_eq!(cuda.status.code(), Some(2));
        assert!(stderr(&cuda).contains("--device cpu"));
    }
}

#[test]
fn outputs_go_into_folders_that_are_not_there_yet() {
    let scratch = Scratch::new();
    portrait().save(scratch.path("face.png")).unwrap();
    std::fs::write(
        scratch.path("label.csv"),
        "frame,expression\n0,neutral\n1,fear\n",
    )
    .unwrap();
    for (args, made) in [
        (
            "analyze face.png --out a/table/x.csv",
            "a/table/x.csv a/table/x.json",
        ),
        (
            "record --source demo --frames 5 --out b/r.csv",
            "b/r.csv b/r.json",
        ),
        (
            "evaluate --predictions label.csv --annotations label.csv --out c/report.json",
            "c/report.json",
        ),
        ("export-onnx d/e/student.onnx", "d/e/student.onnx"),
    ] {
        fine(&scratch.run(&args.split(' ').collect::<Vec<_>>()));
        for file in made.split(' ') {
            assert!(scratch.path(file).is_file(), "{args}: no {file}");
        }
    }
}

#[test]
fn a_truncated_video_gives_its_rows_and_says_so() {
    let scratch = Scratch::new();
    let clip = scratch.clip("whole.mkv", 60, false, &["-c:v", "mjpeg", "-q:v", "5"]);
    let bytes = std::fs::read(&clip).unwrap();
    std::fs::write(scratch.path("cut.mkv"), &bytes[..bytes.len() / 2]).unwrap();
    let output = scratch.run(&["analyze", "cut.mkv"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("early"), "{}", stderr(&output));
    let rows = rows(&scratch.path("cut.affect.csv")).len();
    assert!((20..45).contains(&rows), "{rows}");
    // Labels of the whole are not blamed for it, and neither result passes for a whole one.
    let labels: String = (0..60).map(|i| format!("{i},neutral\n")).collect();
    scratch.write("people.csv", &format!("frame,expression\n{labels}"));
    for made in [
        "report cut.mkv --predictions cut.affect.csv --annotations people.csv --out cut.html",
        "render cut.mkv --predictions cut.affect.csv --annotations people.csv --out cut.mp4",
    ] {
        let output = scratch.run(&made.split(' ').collect::<Vec<_>>());
        assert_eq!(output.status.code(), Some(2), "{made}");
        let said = stderr(&output);
        let (early, labels) = (
            said.find("cut.mkv ends early after"),
            said.find("has 60 frames"),
        );
        assert!(early.is_some() && early < labels, "{said}");
        assert!(scratch.path(made.rsplit(' ').next().unwrap()).is_file());
    }
}

#[test]
fn one_bad_file_does_not_end_a_batch() {
    let scratch = Scratch::new();
    portrait().save(scratch.path("a.png")).unwrap();
    std::fs::write(scratch.path("bad.mp4"), "no").unwrap();
    portrait().save(scratch.path("z.png")).unwrap();
    let output = scratch.run(&["analyze", "a.png", "bad.mp4", "z.png", "--out", "tables"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("1 of 3"), "{}", stderr(&output));
    for name in ["a", "z"] {
        assert_eq!(
            rows(&scratch.path(&format!("tables/{name}.affect.csv"))).len(),
            1
        );
    }
    assert!(!scratch.path("tables/bad.affect.csv").exists());
    // Two inputs of one name would overwrite each other.
    std::fs::create_dir(scratch.path("other")).unwrap();
    portrait().save(scratch.path("other/a.png")).unwrap();
    scratch.refuses(&["analyze", "a.png", "other/a.png"], &["a.affect.csv"]);
}

#[test]
fn a_record_of_the_demo_has_each_frame_once() {
    let scratch = Scratch::new();
    let output = scratch.run(&[
        "record", "--source", "demo", "--frames", "45", "--out", "demo.csv",
    ]);
    fine(&output);
    let rows = rows(&scratch.path("demo.csv"));
    let frames: Vec<u64> = rows.iter().map(|r| r["frame"].parse().unwrap()).collect();
    assert_eq!(frames, (0..45).collect::<Vec<_>>());
    assert!(
        rows.iter()
            .any(|r| r["status"] == "ok" && r["latency_ms"].parse::<f64>().unwrap() > 0.0)
    );
    assert!(
        rows.iter()
            .filter(|r| r["status"] == "dropped")
            .all(|r| r["latency_ms"].is_empty())
    );
}

#[cfg(unix)]
#[test]
fn odd_outputs_are_kept_whole() {
    let scratch = Scratch::new();
    portrait().save(scratch.path("face.png")).unwrap();
    // The table itself may be called .json.
    fine(&scratch.run(&[
        "analyze", "face.png", "--out", "x.json", "--format", "jsonl",
    ]));
    let line: serde_json::Value =
        serde_json::from_slice(&std::fs::read(scratch.path("x.json")).unwrap()).unwrap();
    assert_eq!(line["status"], "ok");
    assert!(scratch.path("x.sidecar.json").exists());
    // A link is followed; a device is never replaced.
    std::fs::write(scratch.path("real.csv"), "old").unwrap();
    std::os::unix::fs::symlink(scratch.path("real.csv"), scratch.path("link.csv")).unwrap();
    fine(&scratch.run(&["analyze", "face.png", "--out", "link.csv", "--force"]));
    assert!(
        scratch
            .path("link.csv")
            .symlink_metadata()
            .unwrap()
            .is_symlink()
    );
    assert_eq!(rows(&scratch.path("real.csv")).len(), 1);
    std::fs::remove_file(scratch.path("link.json")).unwrap();
    scratch.refuses(
        &["analyze", "face.png", "--out", "/dev/null", "--force"],
        &["/dev/null", "device"],
    );
}

#[test]
fn devices_and_info_speak() {
    let scratch = Scratch::new();
    let devices = scratch.run(&["devices"]);
    fine(&devices);
    let text = String::from_utf8(devices.stdout).unwrap();
    assert!(text.contains("cameras:") && text.contains("cpu"), "{text}");
    let info = scratch.run(&["info"]);
    fine(&info);
    let text = String::from_utf8(info.stdout).unwrap();
    for word in ["student-thin", "CNN-GRU", "FER+", "not what a person feels"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    // The card of the repository is what the program says, never typed.
    let card = String::from_utf8(scratch.run(&["info", "--markdown"]).stdout).unwrap();
    let readme = std::fs::read_to_string("weights/README.md").unwrap();
    assert!(
        readme.contains(card.trim()),
        "weights/README.md lacks:\n{card}"
    );
}
