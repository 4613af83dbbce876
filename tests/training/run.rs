//! `train run` and `train eval` by the real binary: the path from pictures to weights that run, and that a run which is
//! killed ends with the same weights.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use image::Luma;
use safetensors::SafeTensors;
use serde_json::Value;

use super::face;
use crate::cli::{Scratch, stderr};

/// FER+'s folders with faces that carry their label in plain sight: a bar somewhere for each of four expressions.
fn faces(folder: &Path, counts: [u32; 2]) {
    let votes = [
        "9,1,0,0,0,0,0,0,0,0",
        "0,9,1,0,0,0,0,0,0,0",
        "0,0,8,0,0,2,0,0,0,0",
        "1,0,0,9,0,0,0,0,0,0",
    ];
    let mut number = 0;
    for (name, count) in ["FER2013Train", "FER2013Valid"].iter().zip(counts) {
        let split = folder.join(name);
        std::fs::create_dir_all(&split).unwrap();
        let mut table = String::new();
        for _ in 0..count {
            let kind = number % 4;
            let mut picture = face(number);
            // Across the whole width: a face may be mirrored.
            for (x, y) in (4..44).flat_map(|x| (0..8).map(move |y| (x, 4 + 10 * kind + y))) {
                picture.put_pixel(x, y, Luma([255]));
            }
            let file = format!("fer{number:07}.png");
            picture.save(split.join(&file)).unwrap();
            table.push_str(&format!(
                "{file},\"(0, 0, 48, 48)\",{}\n",
                votes[kind as usize]
            ));
            number += 1;
        }
        std::fs::write(split.join("label.csv"), table).unwrap();
    }
}

/// A small network for both, and few epochs: `extra` goes before the tables.
pub(super) fn config(extra: &str) -> String {
    format!(
        r#"
sets = ["set"]
seed = 3
checkpoint_steps = 4
{extra}

[student]
stem = 8
widths = [8, 8, 8, 8]
blocks = [1, 1, 1, 1]

[teacher.shape]
stem = 8
widths = [8, 16, 16, 16]
blocks = [1, 1, 1, 1]

[adam]
beta1 = 0.9

[cnn]
batch = 16
epochs = 6
patience = 6
rate = 4e-3
schedule = "cosine"
balance = 0.5
votes = true
average = 0.9

[gru]
batch = 8
epochs = 3
rate = 2e-3
schedule = "constant"
made = 24
looks = 1
moves = 2

[card]
trained_on = "made faces"
licence = "none"
"#
    )
}

#[track_caller]
pub(super) fn done(scratch: &Scratch, args: &[&str]) {
    let output = scratch.run(args);
    assert!(output.status.success(), "{args:?}: {}", stderr(&output));
}

/// A set of made faces and a config beside it.
pub(super) fn prepared() -> Scratch {
    let scratch = Scratch::new();
    faces(&scratch.path("faces"), [160, 40]);
    done(
        &scratch,
        &[
            "train", "prepare", "--format", "ferplus", "--input", "faces", "--out", "set",
        ],
    );
    std::fs::write(scratch.path("run.toml"), config("")).unwrap();
    scratch
}

fn lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// What a run leaves that another must leave, too.
fn left(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for name in ["teacher-cnn", "teacher-gru", "student-cnn", "student-gru"] {
        files.push(format!("{name}.log.jsonl"));
    }
    files.extend(
        [
            "teacher.safetensors",
            "student-cnn.safetensors",
            "student.safetensors",
            "curves.html",
        ]
        .map(str::to_owned),
    );
    files
        .into_iter()
        .map(|name| (name.clone(), std::fs::read(folder.join(&name)).unwrap()))
        .collect()
}

#[test]
fn from_pictures_to_weights_that_run() {
    let scratch = prepared();
    done(&scratch, &["train", "run", "run.toml", "--out", "out"]);
    let log = lines(&scratch.path("out/student-cnn.log.jsonl"));
    let losses: Vec<f64> = log
        .iter()
        .filter_map(|line| line["loss"].as_f64())
        .collect();
    assert!(
        losses.len() >= 4 && losses.last() < losses.first(),
        "{losses:?}"
    );
    assert!(
        log.iter()
            .any(|line| line["distillation"].as_f64() > Some(0.0)),
        "nobody taught"
    );
    let scores: Vec<f64> = log
        .iter()
        .filter_map(|line| line["accuracy"].as_f64())
        .collect();
    assert_eq!(scores.len(), 6);

    // The program takes them, shows their card, and scores them: on the set as on the folder it was made of.
    let student = "out/student.safetensors";
    let info = scratch.run(&["info", student]);
    let card = String::from_utf8(info.stdout).unwrap();
    assert!(
        card.contains("made faces") && card.contains("32 frames"),
        "{card}"
    );
    let mut reports = Vec::new();
    for data in ["set", "faces/FER2013Valid"] {
        let output = scratch.run(&[
            "train",
            "eval",
            "--data",
            data,
            "--weights",
            student,
            "--json",
            "-",
        ]);
        assert!(output.status.success(), "{}", stderr(&output));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["count"], 40, "{data}");
        assert_eq!(report["expression"]["count"], 40);
        assert!(
            report["valence"]["ccc"].is_number()
                && report["calibration"]["expression"]["ece"].is_number()
        );
        assert!(report["window"]["expression"]["accuracy"].is_number());
        // A set tells how often each expression was learnt from; a folder of one split does not.
        let happiness = &report["expressions"]["happiness"];
        assert_eq!(happiness["count"], 10);
        assert_eq!(happiness["share"], 0.25);
        let learnt = happiness.get("training_share").and_then(Value::as_f64);
        assert_eq!(learnt, (data == "set").then_some(0.25));
        let spots = report["card"]["weak_spots"].as_object().unwrap();
        let named = |words: &str| spots.keys().any(|what| what.contains(words));
        assert!(
            named("expression 1: ") && named("clearly below the whole"),
            "{spots:?}"
        );
        assert!(!named("fear"), "no face is labelled so: {spots:?}");
        reports.push(report["expression"].clone());
    }
    assert_eq!(reports[0], reports[1]);
    // Better than the most frequent expression, which a quarter of the faces have.
    assert!(
        reports[0]["accuracy"].as_f64() > Some(0.5),
        "{}",
        reports[0]
    );

    // A folder that is one split has no others.
    let whole = scratch.run(&[
        "train",
        "eval",
        "--data",
        "faces/FER2013Valid",
        "--split",
        "test",
    ]);
    assert_eq!(whole.status.code(), Some(2));
    assert!(
        stderr(&whole).contains("is one split of FER+"),
        "{}",
        stderr(&whole)
    );

    // Calibrated, they are as right as before, and surer of it.
    done(
        &scratch,
        &[
            "train",
            "eval",
            "--data",
            "set",
            "--weights",
            student,
            "--calibrate",
            "soft.safetensors",
        ],
    );
    let output = scratch.run(&[
        "train",
        "eval",
        "--data",
        "set",
        "--weights",
        "soft.safetensors",
        "--json",
        "-",
    ]);
    let soft: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(soft["expression"]["accuracy"], reports[0]["accuracy"]);
    let of = |name: &str| soft["calibration"]["expression"][name].as_f64().unwrap();
    assert!(of("nll") <= of("nll_before") + 1e-9);
    let card = String::from_utf8(scratch.run(&["info", "soft.safetensors"]).stdout).unwrap();
    assert!(card.contains("CNN-GRU on stills, accuracy"), "{card}");
    let card = scratch
        .run(&["info", "--markdown", "soft.safetensors"])
        .stdout;
    let card = String::from_utf8(card).unwrap();
    let weak = card.split("| where it is weak | |").nth(1).unwrap();
    assert!(
        weak.contains("expression 1: ") && weak.contains("25.0 % of the training split"),
        "{card}"
    );
}

#[test]
fn a_run_that_is_killed_ends_as_one_that_is_not() {
    let scratch = prepared();
    // With all that depends on where in its course a run is.
    let text = config("").replace(
        "[cnn]\n",
        "[cnn]\nin_turn = true\nmirrored = true\nmix = 0.5\nsharpness = 0.1\n",
    );
    let (cnn, gru) = text.split_once("[gru]\n").unwrap();
    let (gru, card) = gru.split_once("[card]").unwrap();
    let text = format!(
        "{cnn}[teacher.gru]\n{gru}[gru]\nmix = 0.5\nfrom_teacher = true\n{gru}[card]{card}"
    );
    std::fs::write(scratch.path("run.toml"), text).unwrap();
    done(
        &scratch,
        &[
            "train",
            "run",
            "run.toml",
            "--out",
            "whole",
            "--threads",
            "1",
        ],
    );
    // Labels are the teacher's heads' to learn, and the teacher the student's.
    for (name, labels) in [("teacher-gru", true), ("student-gru", false)] {
        let log = lines(&scratch.path(&format!("whole/{name}.log.jsonl")));
        let first = log.iter().find(|line| line["loss"].is_f64()).unwrap();
        assert_eq!(first["expression"].as_f64() > Some(0.0), labels, "{first}");
        assert_eq!(
            first["distillation"].as_f64() > Some(0.0),
            !labels,
            "{first}"
        );
    }
    let mut kills = 0;
    loop {
        let mut child = scratch.command();
        child.args([
            "train",
            "run",
            "run.toml",
            "--out",
            "killed",
            "--threads",
            "1",
        ]);
        child.stderr(std::process::Stdio::null());
        let mut child = child.spawn().unwrap();
        // Moments that are as good as random for the child, a little later each time so that it gets on.
        std::thread::sleep(Duration::from_millis(60 + 53 * kills));
        let over = child.try_wait().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        if over.is_some() {
            break;
        }
        kills += 1;
    }
    assert!(kills > 3, "only {kills} kills");
    let (whole, killed) = (left(&scratch.path("whole")), left(&scratch.path("killed")));
    for ((name, a), (_, b)) in whole.iter().zip(&killed) {
        assert!(a == b, "{name} is another after {kills} kills");
    }
    // What the CNN knew of the faces is wanted no more.
    for entry in std::fs::read_dir(scratch.path("killed")).unwrap() {
        let path = entry.unwrap().path();
        assert_ne!(path.extension(), Some("features".as_ref()), "{path:?}");
    }
}

#[test]
fn weights_that_come_out_are_between_those_of_before_and_after_where_it_is_wanted() {
    let scratch = prepared();
    let whole = config("");
    let alone = |extra: &str| {
        let (before, rest) = whole.split_once("[teacher.shape]").unwrap();
        let (_, rest) = rest.split_once("[adam]").unwrap();
        let text = format!("{before}[adam]{rest}").replace("epochs = 6", "epochs = 2");
        text.replace("checkpoint_steps = 4", extra)
    };
    let run = |config: &str, out: &str| {
        std::fs::write(scratch.path("run.toml"), config).unwrap();
        let args = [
            "train",
            "run",
            "run.toml",
            "--until",
            "student-cnn",
            "--out",
            out,
        ];
        done(&scratch, &args);
        let file = std::fs::read(scratch.path(out).join("student-cnn.safetensors")).unwrap();
        let tensors = SafeTensors::deserialize(&file).unwrap();
        let values = tensors.tensors().into_iter().flat_map(|(name, tensor)| {
            let values = tensor.data().as_chunks::<4>().0.iter();
            let values: Vec<f32> = values.map(|b| f32::from_le_bytes(*b)).collect();
            let values = values.into_iter().enumerate();
            values.map(move |(i, value)| ((name.clone(), i), value))
        });
        values.collect::<BTreeMap<(String, usize), f32>>()
    };
    let before = run(&alone(""), "first");
    let then = "start = \"first/student-cnn.safetensors\"";
    let after = run(&alone(then), "second");
    let log = std::fs::read(scratch.path("second/student-cnn.log.jsonl")).unwrap();
    // The course is the same: nothing is learnt again.
    let kept = alone(then).replace("[cnn]", "[cnn]\nkeep = 0.25");
    let between = run(&kept, "second");
    assert_eq!(
        std::fs::read(scratch.path("second/student-cnn.log.jsonl")).unwrap(),
        log
    );
    let mut moved = 0;
    for (name, value) in &between {
        let (before, after) = (before[name], after[name]);
        assert!(
            (value - (0.25 * before + 0.75 * after)).abs() < 1e-5,
            "{name:?}"
        );
        moved += usize::from((value - after).abs() > 1e-5);
    }
    assert!(moved > between.len() / 2, "{moved} of {}", between.len());
    assert_eq!(run(&alone(then), "second"), after);

    // What is let go of in the beginning: with hardly a step, what comes out is what it begins with.
    let forgetful = alone(then)
        .replace("[cnn]", "[cnn]\nforget = 0.25")
        .replace("rate = 4e-3", "rate = 1e-12");
    let first = run(&forgetful, "third");
    let stem: Vec<f32> = first
        .iter()
        .filter(|((name, _), _)| name == "backbone.stem.conv.weight")
        .map(|(name, value)| value - 0.75 * before[name])
        .collect();
    let square = |values: &[f32]| values.iter().map(|v| v * v).sum::<f32>() / values.len() as f32;
    // He's, of 8 channels and 7x7 pixels.
    let wanted = 0.25 * (2.0f32 / (8.0 * 49.0)).sqrt();
    let sd = square(&stem).sqrt();
    assert!((sd / wanted - 1.0).abs() < 0.2, "{sd} {wanted}");
}
