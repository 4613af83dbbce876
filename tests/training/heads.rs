//! `train run` for the recurrent heads alone, and where it trains.

use safetensors::SafeTensors;

use super::run::{config, done, prepared};
use crate::cli::stderr;

#[test]
fn recurrent_heads_are_learnt_alone_on_a_cnn_that_stays() {
    let scratch = prepared();
    done(
        &scratch,
        &["train", "run", "run.toml", "--until", "student-cnn"],
    );
    let on = config("start = \"run/student-cnn.safetensors\"")
        .replace("[cnn]\nbatch = 16\nepochs = 6", "[cnn]\nepochs = 0")
        .replace(
            "[teacher.shape]\nstem = 8\nwidths = [8, 16, 16, 16]\nblocks = [1, 1, 1, 1]\n",
            "",
        );
    std::fs::write(scratch.path("on.toml"), on).unwrap();
    done(&scratch, &["train", "run", "on.toml"]);
    let [before, after] = ["run/student-cnn.safetensors", "on/student.safetensors"]
        .map(|file| std::fs::read(scratch.path(file)).unwrap());
    let before = SafeTensors::deserialize(&before).unwrap();
    let after = SafeTensors::deserialize(&after).unwrap();
    for (name, tensor) in before.tensors() {
        assert_eq!(tensor.data(), after.tensor(&name).unwrap().data(), "{name}");
    }
    let temporal = after.names().into_iter();
    assert!(temporal.filter(|n| n.starts_with("temporal.")).count() > 0);
    let log = std::fs::read_to_string(scratch.path("on/student-gru.log.jsonl")).unwrap();
    assert!(log.contains("\"epoch\":3"), "{log}");
    assert!(!scratch.path("on/student-cnn.log.jsonl").exists());

    // A CNN that was trained is not put out of its place by one that is merely kept.
    let until = ["--until", "student-cnn"];
    done(
        &scratch,
        &[&["train", "run", "on.toml", "--out", "on"][..], &until].concat(),
    );
    let other = std::fs::read_to_string(scratch.path("on.toml")).unwrap();
    let other = other.replace("seed = 3", "seed = 4");
    let made = other.replace("epochs = 0", "epochs = 1");
    std::fs::write(scratch.path("made.toml"), made).unwrap();
    done(
        &scratch,
        &[&["train", "run", "made.toml"][..], &until].concat(),
    );
    let other = other.replace("run/student-cnn", "made/student-cnn");
    std::fs::write(scratch.path("other.toml"), other).unwrap();
    let output =
        scratch.run(&[&["train", "run", "other.toml", "--out", "on"][..], &until].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("another CNN"),
        "{}",
        stderr(&output)
    );
    let kept = std::fs::read(scratch.path("on/student-cnn.safetensors")).unwrap();
    let kept = SafeTensors::deserialize(&kept).unwrap();
    for (name, tensor) in before.tensors() {
        assert_eq!(tensor.data(), kept.tensor(&name).unwrap().data(), "{name}");
    }
}

#[test]
fn a_cnn_that_learns_nothing_must_know_something() {
    let scratch = prepared();
    let nothing = config("").replace("epochs = 6", "epochs = 0");
    std::fs::write(scratch.path("run.toml"), nothing).unwrap();
    let output = scratch.run(&["train", "run", "run.toml"]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(
        said.contains("`cnn.epochs`") && said.contains("`start`"),
        "{said}"
    );
}

#[test]
fn a_gpu_that_is_not_there_is_said_so() {
    let scratch = prepared();
    let cuda = scratch.run(&["train", "run", "run.toml", "--device", "cuda"]);
    assert_eq!(cuda.status.code(), Some(2));
    let said = stderr(&cuda);
    assert!(
        said.contains("driver") && said.contains("--device cpu"),
        "{said}"
    );
    assert!(!scratch.path("run").exists(), "nothing is begun");
}

#[test]
fn another_run_s_folder_is_noticed_before_the_first_phase() {
    let scratch = prepared();
    done(&scratch, &["train", "run", "run.toml"]);
    // Of a run that is over, the recurrent heads alone are left.
    for phase in ["teacher-cnn", "student-cnn", "teacher-gru"] {
        std::fs::remove_file(scratch.path(&format!("run/{phase}.checkpoint"))).unwrap();
    }
    let slower = config("").replace("rate = 2e-3", "rate = 1e-3");
    std::fs::write(scratch.path("slower.toml"), slower).unwrap();
    let output = scratch.run(&["train", "run", "slower.toml", "--out", "run"]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(
        said.contains("`gru.rate` was 0.002 and is 0.001") && said.contains("student-gru"),
        "{said}"
    );
    assert!(!scratch.path("run/teacher-cnn.checkpoint").exists());

    // Without its teacher, or with one that is there already, it is another run as well.
    let (before, rest) = around_the_teacher(&config(""));
    for teacher in ["", "[teacher]\nweights = \"run/student.safetensors\"\n"] {
        std::fs::write(
            scratch.path("other.toml"),
            format!("{before}{teacher}{rest}"),
        )
        .unwrap();
        let output = scratch.run(&["train", "run", "other.toml", "--out", "run"]);
        assert_eq!(output.status.code(), Some(2));
        let said = stderr(&output);
        assert!(said.contains("another `weights of the teacher`"), "{said}");
        assert!(!scratch.path("run/student-cnn.checkpoint").exists());
    }
}

/// A config's parts before and after its teacher.
fn around_the_teacher(config: &str) -> (String, String) {
    let (before, rest) = config.split_once("[teacher.shape]").unwrap();
    let (_, rest) = rest.split_once("[adam]").unwrap();
    (before.to_owned(), format!("[adam]{rest}"))
}
