//! What a newcomer to training does wrong, and what stays as it was.

use super::ferplus;
use super::run::{config, done, prepared};
use crate::cli::{Scratch, stderr};

#[track_caller]
fn refuses(scratch: &Scratch, config: &str, out: &str, words: &[&str]) {
    std::fs::write(scratch.path("wrong.toml"), config).unwrap();
    scratch.refuses(&["train", "run", "wrong.toml", "--out", out], words);
}

#[test]
fn a_cnn_that_is_to_stay_as_it_is_does_not_grow_unseen() {
    let scratch = prepared();
    let two = config("").replace("epochs = 6", "epochs = 1");
    std::fs::write(scratch.path("run.toml"), two).unwrap();
    done(
        &scratch,
        &[
            "train",
            "run",
            "run.toml",
            "--out",
            "a",
            "--until",
            "teacher-cnn",
        ],
    );
    let heads = "sets = [\"set\"]\nstart = \"a/teacher-cnn.safetensors\"\n[cnn]\nepochs = 0\n\
                 [gru]\nbatch = 8\nepochs = 1\nmade = 24\nlooks = 1\n";
    let shape = [
        "[student]\n",
        "stem = 8\n",
        "widths = [8, 16, 16, 16]\n",
        "blocks = [1, 1, 1, 1]\n",
    ];
    refuses(
        &scratch,
        heads,
        "b",
        &[
            &["`cnn.epochs` is 0", "`start` is a smaller network"][..],
            &shape,
        ]
        .concat(),
    );
    // As it is told.
    let with_shape = format!("{heads}{}", shape.concat());
    std::fs::write(scratch.path("heads.toml"), with_shape).unwrap();
    done(&scratch, &["train", "run", "heads.toml", "--out", "b"]);
    let info = |file: &str| String::from_utf8(scratch.run(&["info", file]).stdout).unwrap();
    assert!(info("b/student.safetensors").contains("widths [8, 16, 16, 16]"));

    // The other way round, what is too large is told with its shape, and whose key it is.
    let small = heads.replace("a/teacher-cnn.safetensors", "built-in") + "[student]\nstem = 8\n";
    refuses(
        &scratch,
        &small,
        "c",
        &["`start`", "`student`", "cannot grow", "stem = 32\n"],
    );
}

#[test]
fn what_a_card_says_can_be_said_afterwards() {
    let scratch = prepared();
    let text = config("").replace("epochs = 6", "epochs = 1");
    std::fs::write(scratch.path("run.toml"), &text).unwrap();
    let run = ["train", "run", "run.toml", "--out", "out"];
    done(&scratch, &run);
    let log = std::fs::read(scratch.path("out/student-gru.log.jsonl")).unwrap();
    std::fs::write(
        scratch.path("run.toml"),
        text.replace("made faces", "drawn faces"),
    )
    .unwrap();
    done(&scratch, &run);
    assert_eq!(
        std::fs::read(scratch.path("out/student-gru.log.jsonl")).unwrap(),
        log
    );
    for name in ["teacher-cnn", "teacher", "student-cnn", "student"] {
        let file = format!("out/{name}.safetensors");
        let info = String::from_utf8(scratch.run(&["info", &file]).stdout).unwrap();
        assert!(info.contains("drawn faces"), "{name}: {info}");
    }
}

#[test]
fn what_cannot_be_learnt_is_known_before_anything_is() {
    let scratch = prepared();
    refuses(
        &scratch,
        &config("").replace("made = 24", "made = 0"),
        "a",
        &["`gru.made`", "`gru.batch`"],
    );
    refuses(
        &scratch,
        &config("").replace("[cnn]", "[cnn]\nkeep = 0.5"),
        "a",
        &["`cnn.keep` is 0.5", "`start` says nothing"],
    );
    refuses(
        &scratch,
        &config("").replace("[cnn]", "[cnn]\nwarm_up = 50.0"),
        "a",
        &["`cnn.warm_up` is 50", "from 0 to 6"],
    );
    refuses(
        &scratch,
        &config("").replace(
            "[teacher.shape]",
            "[teacher]\nweights = \"x.safetensors\"\n[teacher.shape]",
        ),
        "a",
        &["`teacher.weights`", "`teacher.shape`", "leave either out"],
    );
    assert!(!scratch.path("a/teacher-cnn.log.jsonl").exists());

    // A set of one split alone says so when it is made, and when it is to be learnt from.
    ferplus(&scratch.path("some"), [20, 0, 0]);
    let output = scratch.run(&[
        "train", "prepare", "--format", "ferplus", "--input", "some", "--out", "some-set",
    ]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("no face to validate on"),
        "{}",
        stderr(&output)
    );
    let alone = config("").replace("sets = [\"set\"]", "sets = [\"some-set\"]");
    let (cnn, _) = alone.split_once("[gru]").unwrap();
    refuses(
        &scratch,
        cnn,
        "d",
        &["no labelled face in their validation split"],
    );
}

#[test]
fn a_set_of_nothing_leaves_nothing() {
    let scratch = Scratch::new();
    let table = scratch.path("pictures");
    std::fs::create_dir(&table).unwrap();
    std::fs::write(
        table.join("labels.csv"),
        "picture,expression\nnowhere.png,happiness\n",
    )
    .unwrap();
    let prepare = [
        "train", "prepare", "--format", "table", "--input", "pictures", "--out", "set",
    ];
    scratch.refuses(&prepare, &["no face can be used", "not there"]);
    assert!(!scratch.path("set/unfinished").exists());
    super::face(3).save(table.join("there.png")).unwrap();
    std::fs::write(
        table.join("labels.csv"),
        "picture,expression\nthere.png,happiness\n",
    )
    .unwrap();
    done(&scratch, &prepare);

    ferplus(&scratch.path("empty"), [0, 0, 0]);
    let prepare = [
        "train", "prepare", "--format", "ferplus", "--input", "empty", "--out", "none",
    ];
    scratch.refuses(&prepare, &["there is none in it"]);
}

#[test]
fn all_keys_are_printed_and_are_a_config() {
    let scratch = prepared();
    let output = scratch.run(&["train", "run", "--keys"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let keys = String::from_utf8(output.stdout).unwrap();
    for key in ["in_turn = false", "bank_mib", "# weights ="] {
        assert!(keys.contains(key), "{key}");
    }
    assert_eq!(scratch.run(&["train", "run"]).status.code(), Some(2));
}
