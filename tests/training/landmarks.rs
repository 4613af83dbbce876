//! `train landmarks` by the real binary: from pictures with landmarks to a network that finds them, and that a run which
//! is killed ends with the same weights.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use super::portrait;
use crate::cli::{Scratch, stderr};

/// The points of the portrait's face, in its pixels.
const POINTS: [[f32; 2]; 5] = [
    [204.0, 101.2],
    [245.8, 103.9],
    [222.8, 124.8],
    [200.2, 140.7],
    [243.7, 143.6],
];

/// A faces13k folder: one face at so many places of its pictures, each by another person.
fn faces(folder: &Path, count: u32) {
    std::fs::create_dir_all(folder.join("img")).unwrap();
    let portrait = image::imageops::grayscale(&portrait());
    let names = ["right_eye", "left_eye", "nose", "mouth_right", "mouth_left"];
    let mut table = "image,expression,source".to_owned();
    for name in names {
        table += &format!(",{name}_x,{name}_y");
    }
    for number in 0..count {
        let (left, top) = (154 + number % 13, 54 + number / 13 % 11);
        let face = image::imageops::crop_imm(&portrait, left, top, 128, 128).to_image();
        face.save(folder.join(format!("img/{number}.png"))).unwrap();
        table += &format!("\n{number}.png,happiness,Some_Body_{number}_0001.jpg");
        for [x, y] in POINTS {
            table += &format!(",{},{}", x - left as f32, y - top as f32);
        }
    }
    table.push('\n');
    std::fs::write(folder.join("labels.csv"), table).unwrap();
}

const CONFIG: &str = r#"
sets = ["set"]
seed = 3

[network]
layers = [{ channels = 8, step = 2 }, { channels = 16, step = 2 }, { channels = 16, step = 2 }]
hidden = 32

[views]
turn_degrees = 10.0
turn_sd_degrees = 5.0

[adam]
beta1 = 0.9

[course]
batch = 16
epochs = 14
patience = 14
rate = 4e-3
average = 0.9

[card]
trained_on = "made faces"
licence = "none"
"#;

fn prepared() -> Scratch {
    let scratch = Scratch::new();
    faces(&scratch.path("faces"), 110);
    let output = scratch.run(&[
        "train", "prepare", "--format", "faces13k", "--input", "faces", "--out", "set",
    ]);
    assert!(output.status.success(), "{}", stderr(&output));
    std::fs::write(scratch.path("l.toml"), CONFIG).unwrap();
    scratch
}

fn log(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_landmark_network_learns_where_the_points_are_and_goes_on_after_every_kill() {
    let scratch = prepared();
    let run = ["train", "landmarks", "l.toml", "--threads", "1", "--out"];
    // A student's run was here before.
    std::fs::create_dir_all(scratch.path("whole")).unwrap();
    let line = "{\"phase\":\"student-cnn\",\"epoch\":1,\"score\":0.5,\"accuracy\":0.5}\n";
    std::fs::write(scratch.path("whole/student-cnn.log.jsonl"), line).unwrap();
    let output = scratch.run(&[&run[..], &["whole"]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let lines = log(&scratch.path("whole/landmarks.log.jsonl"));
    let of = |key: &str| -> Vec<f64> { lines.iter().filter_map(|l| l[key].as_f64()).collect() };
    let errors = of("error_plain");
    assert_eq!(errors.len(), 14);
    assert!(errors[13] < 0.5 * errors[0], "{errors:?}");
    assert!(of("face").last() < of("face").first());
    let page = std::fs::read_to_string(scratch.path("whole/curves.html")).unwrap();
    assert!(page.contains("error plain") && page.contains("face AUC"));
    assert!(page.contains("<h2>student-cnn</h2>"), "its curves stay");

    // What it says of itself is what a check says.
    let weights = "whole/landmarks.safetensors";
    let check = ["train", "landmarks", "--check", "set", "--json", "-"];
    let report = |more: &[&str]| -> Value {
        let output = scratch.run(&[&check[..], more].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let ours = report(&["--weights", weights]);
    let built_in = report(&[]);
    assert_eq!(ours["faces"], built_in["faces"]);
    let error = |report: &Value| report["conditions"]["plain"]["mean"].as_f64().unwrap();
    assert!(error(&ours) < 0.3, "{ours}");
    assert!(error(&built_in) < 0.15, "{built_in}");
    assert!(ours["face_auc"].as_f64() > Some(0.5), "{ours}");

    // Killed at moments that are as good as random for it, it ends as one that was not.
    let mut kills = 0;
    loop {
        let mut child = scratch.command();
        child.args([&run[..], &["killed"]].concat());
        child.stderr(std::process::Stdio::null());
        let mut child = child.spawn().unwrap();
        std::thread::sleep(Duration::from_millis(200 + 300 * kills));
        let over = child.try_wait().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        if over.is_some() {
            break;
        }
        kills += 1;
    }
    assert!(kills > 0, "only {kills} kills");
    for name in ["landmarks.log.jsonl", "landmarks.safetensors"] {
        let of = |folder: &str| std::fs::read(scratch.path(folder).join(name)).unwrap();
        assert!(
            of("whole") == of("killed"),
            "{name} is another after {kills} kills"
        );
    }
}

/// The built-in student's file.
fn student() -> String {
    let file = std::path::absolute("weights/student-thin.safetensors").unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn landmarks_are_not_learnt_from_our_own_answers() {
    let scratch = Scratch::new();
    super::ferplus(&scratch.path("faces"), [40, 20, 0]);
    let output = scratch.run(&[
        "train", "prepare", "--format", "ferplus", "--input", "faces", "--out", "set",
    ]);
    assert!(output.status.success(), "{}", stderr(&output));
    std::fs::write(scratch.path("l.toml"), CONFIG).unwrap();
    let words = ["landmarks are the database's own", "faces13k"];
    scratch.refuses(&["train", "landmarks", "l.toml"], &words);
    scratch.refuses(&["train", "landmarks", "--check", "set"], &words);
    scratch.refuses(&["train", "landmarks", "none.toml"], &["none.toml"]);
    scratch.refuses(
        &[
            "train",
            "landmarks",
            "--check",
            "set",
            "--weights",
            "set/faces.csv",
        ],
        &["faces.csv"],
    );
    // A student's weights are another network's.
    scratch.refuses(
        &[
            "train",
            "landmarks",
            "--check",
            "set",
            "--weights",
            &student(),
        ],
        &["student-thin", "no landmark network"],
    );
    std::fs::write(
        scratch.path("bad.toml"),
        CONFIG.replace("hidden = 32", "hidden = 0"),
    )
    .unwrap();
    scratch.refuses(&["train", "landmarks", "bad.toml"], &["bad.toml", "hidden"]);
}
