//! Students that several finished networks teach, and faces that lie over one another.

use serde_json::Value;

use super::run::{config, done, prepared};
use crate::cli::{Scratch, stderr};

/// The config of a student alone, taught by these files.
fn taught(by: &str) -> String {
    let whole = config("");
    let (student, rest) = whole.split_once("[teacher.shape]").unwrap();
    let (_, rest) = rest.split_once("[adam]").unwrap();
    let (cnn, rest) = rest.split_once("[gru]").unwrap();
    let (_, card) = rest.split_once("[card]").unwrap();
    format!("{student}[teacher]\nweights = {by}\n[adam]{cnn}[card]{card}")
        .replace("epochs = 6", "epochs = 2")
}

fn log(scratch: &Scratch, run: &str) -> Vec<Value> {
    let text = std::fs::read_to_string(scratch.path(run).join("student-cnn.log.jsonl")).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

/// Two finished networks beside a set, and what a config makes of it.
fn with_teachers() -> Scratch {
    let scratch = prepared();
    for (seed, name) in [("seed = 3", "one"), ("seed = 4", "two")] {
        let text = config("")
            .replace("seed = 3", seed)
            .replace("epochs = 6", "epochs = 2");
        std::fs::write(scratch.path(name).with_extension("toml"), text).unwrap();
        let config = format!("{name}.toml");
        done(
            &scratch,
            &["train", "run", &config, "--until", "teacher-cnn"],
        );
    }
    scratch
}

#[test]
fn a_student_learns_from_several_what_they_say_on_average() {
    let scratch = with_teachers();
    let asked = |by: &str, out: &str, how: &str| {
        let mut text = taught(by).replacen("[cnn]\n", &format!("[cnn]\n{how}"), 1);
        if how.contains("from_teacher") {
            text = text.replacen("votes = true\n", "", 1);
        }
        std::fs::write(scratch.path("run.toml"), text).unwrap();
        done(&scratch, &["train", "run", "run.toml", "--out", out]);
        let lines = log(&scratch, out);
        lines
            .iter()
            .find_map(|line| line["distillation"].as_f64())
            .unwrap()
    };
    let run = |by: &str, out: &str| asked(by, out, "");
    let one = run("\"one/teacher-cnn.safetensors\"", "a");
    let two = run("[\"two/teacher-cnn.safetensors\"]", "b");
    let both = run(
        "[\"one/teacher-cnn.safetensors\", \"two/teacher-cnn.safetensors\"]",
        "c",
    );
    let twice = run(
        "[\"one/teacher-cnn.safetensors\", \"one/teacher-cnn.safetensors\"]",
        "d",
    );
    assert!((one - twice).abs() < 1e-3 * one, "{one} {twice}");
    // The mean of two is nearer to anything than they are on average (the divergence is convex).
    assert!(
        both > 0.0 && both < 0.5 * (one + two) + 1e-3,
        "{one} {two} {both}"
    );
    assert!((both - one).abs() > 1e-4, "{one} {both}");

    // In turn: of one and the same it is that one, and of the two the second is heard in the second step.
    let names = |a: &str, b: &str| {
        format!("[\"{a}/teacher-cnn.safetensors\", \"{b}/teacher-cnn.safetensors\"]")
    };
    let in_turn = asked(&names("one", "one"), "e", "in_turn = true\n");
    assert_eq!(in_turn, one);
    let in_turn = asked(&names("one", "two"), "f", "in_turn = true\n");
    assert!(
        (in_turn - one).abs() > 1e-4 && (in_turn - both).abs() > 1e-4,
        "{in_turn} {one} {both}"
    );
    let mirrored = asked("\"one/teacher-cnn.safetensors\"", "g", "mirrored = true\n");
    assert!((mirrored - one).abs() > 1e-6, "{mirrored} {one}");

    // What they say alone, or beside the labels.
    asked(
        &names("one", "two"),
        "h",
        "from_teacher = true\nmix = 0.5\n",
    );
    for (out, labels) in [("c", true), ("h", false)] {
        let lines = log(&scratch, out);
        let first = lines.iter().find(|line| line["loss"].is_f64()).unwrap();
        for part in ["expression", "valence", "arousal"] {
            assert_eq!(first[part].as_f64().unwrap() > 0.0, labels, "{first}");
        }
    }

    // Other teachers are another run, and so is another way to ask them.
    let text = taught(&names("one", "two")).replacen("[cnn]\n", "[cnn]\nmirrored = true\n", 1);
    std::fs::write(scratch.path("run.toml"), text).unwrap();
    let output = scratch.run(&["train", "run", "run.toml", "--out", "c"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("`cnn.mirrored`"),
        "{}",
        stderr(&output)
    );
    std::fs::write(
        scratch.path("run.toml"),
        taught("[\"one/teacher-cnn.safetensors\", \"two/teacher-cnn.safetensors\"]"),
    )
    .unwrap();
    let output = scratch.run(&["train", "run", "run.toml", "--out", "d"]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(said.contains("weights of teacher 2"), "{said}");
}

#[test]
fn recurrent_heads_have_one_teacher_and_a_teacher_is_a_file() {
    let scratch = prepared();
    let gru = "\n[gru]\nmade = 24\n";
    for (by, extra, words) in [
        (
            "[\"a.safetensors\", \"b.safetensors\"]",
            gru,
            "recurrent heads have one teacher",
        ),
        ("3", "", "a path, or a list of paths"),
        (
            "[\"a.safetensors\", \"b.safetensors\"]",
            "",
            "a.safetensors",
        ),
    ] {
        std::fs::write(scratch.path("run.toml"), taught(by) + extra).unwrap();
        let output = scratch.run(&["train", "run", "run.toml"]);
        assert_eq!(output.status.code(), Some(2), "{by}");
        let said = stderr(&output);
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn faces_that_lie_over_one_another_are_learnt_from_as_well() {
    let scratch = prepared();
    let mixed = config("")
        .replace("votes = true", "votes = true\nmix = 0.8")
        .replace("epochs = 6", "epochs = 12");
    let (student, rest) = mixed.split_once("[teacher.shape]").unwrap();
    let (_, rest) = rest.split_once("[adam]").unwrap();
    std::fs::write(scratch.path("run.toml"), format!("{student}[adam]{rest}")).unwrap();
    let until = ["train", "run", "run.toml", "--until", "student-cnn"];
    done(
        &scratch,
        &[&until[..], &["--out", "a", "--threads", "1"]].concat(),
    );
    done(
        &scratch,
        &[&until[..], &["--out", "b", "--threads", "2"]].concat(),
    );
    let (a, b) = (log(&scratch, "a"), log(&scratch, "b"));
    let losses: Vec<f64> = a.iter().filter_map(|line| line["loss"].as_f64()).collect();
    assert!(losses.last() < losses.first(), "{losses:?}");
    let last = |log: &[Value]| {
        log.iter()
            .rev()
            .find_map(|line| line["loss"].as_f64())
            .unwrap()
    };
    assert!(
        (last(&a) - last(&b)).abs() < 1e-6,
        "by any number of threads"
    );
}
