//! What is told of what cannot be used, or comes out otherwise than somebody meant.

use super::run::{config, done, prepared};
use crate::cli::{Scratch, stderr};

#[test]
fn a_table_is_told_what_is_not_read_of_it() {
    let scratch = Scratch::new();
    let folder = scratch.path("in");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("other.csv"), "image,emotion\na.png,happy\n").unwrap();
    std::fs::write(folder.join("a readme.txt"), "Labels of somebody.\n").unwrap();
    let prepare = [
        "train", "prepare", "--format", "table", "--input", "in", "--out", "set",
    ];
    // No file of it is a table: why the first is none.
    scratch.refuses(
        &prepare,
        &[
            "other.csv",
            "begins with 'image,emotion'",
            "frame, time_s or picture",
        ],
    );
    let rows = "picture,expression,person\nx.png,happiness,bob\ny.png,sadness,ann\n";
    std::fs::write(folder.join("labels.csv"), rows).unwrap();
    let output = scratch.run(&prepare);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    for words in [
        "passed over: in/other.csv: no format of labels is known",
        "1 file is no labels",
        "nothing is read from the column 'person'",
        "arousal, split, subject, group",
        "x.png: the picture is not there",
        "y.png: the picture is not there",
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

#[test]
fn a_packed_set_is_no_folder_of_pictures() {
    let scratch = prepared();
    scratch.refuses(
        &["quantize", "--calibrate", "set", "out.safetensors"],
        &["set", "a set of `train prepare`", "made from"],
    );
}

#[test]
fn a_run_says_why_it_ends_and_when_a_set_has_no_colours() {
    let scratch = prepared();
    let text = config("")
        .replace("stem = 8", "stem = 8\ncolor = \"rgb\"")
        .replace("epochs = 6\npatience = 6", "epochs = 40\npatience = 1")
        .replace("\"cosine\"", "\"constant\"");
    std::fs::write(scratch.path("run.toml"), text).unwrap();
    let run = [
        "train",
        "run",
        "run.toml",
        "--out",
        "out",
        "--until",
        "teacher-cnn",
    ];
    let output = scratch.run(&run);
    assert!(output.status.success(), "{}", stderr(&output));
    let said = stderr(&output);
    assert!(said.contains("note: set: its pictures are grey"), "{said}");
    let log = scratch.path("out/teacher-cnn.log.jsonl");
    let text = std::fs::read_to_string(&log).unwrap();
    let epochs = text
        .lines()
        .filter(|line| line.contains("\"score\""))
        .count();
    assert!(epochs < 40);
    let stopped = format!(
        "teacher-cnn: stopped after epoch {epochs}, since none was better than epoch {}",
        epochs - 1
    );
    assert!(said.contains(&stopped), "{said}");

    // The page is there after a run, whatever happened to it before.
    let page = scratch.path("out/curves.html");
    std::fs::remove_file(&page).unwrap();
    done(&scratch, &run);
    assert!(page.is_file());
    scratch.refuses(
        &["train", "run", "run.toml", "--out", "set"],
        &["set: it is a packed set", "--out"],
    );

    // What is finished does not need its log any more.
    let weights = std::fs::read(scratch.path("out/teacher-cnn.safetensors")).unwrap();
    std::fs::write(&log, "").unwrap();
    done(&scratch, &run);
    assert_eq!(
        std::fs::read(scratch.path("out/teacher-cnn.safetensors")).unwrap(),
        weights
    );
}
