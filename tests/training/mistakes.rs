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
                 [gru]\nbatch = 8\nepochs = 1\nmade = 24\nlooks = 1\nmix = 0.5\nfrom_teacher = true\n\
                 [teacher]\nweights = \"a/teacher-cnn.safetensors\"\n";
    std::fs::write(scratch.path("heads.toml"), heads).unwrap();
    let output = scratch.run(&["train", "run", "heads.toml", "--out", "b"]);
    assert_eq!(output.status.code(), Some(2));
    let said = stderr(&output);
    assert!(
        said.contains("`cnn.epochs` is 0") && said.contains("`start` is another network"),
        "{said}"
    );
    // What it says to write can be written.
    let (_, shape) = said.split_once("before all tables, `").unwrap();
    let (shape, _) = shape.split_once('`').unwrap();
    std::fs::write(scratch.path("heads.toml"), format!("{shape}\n{heads}")).unwrap();
    done(&scratch, &["train", "run", "heads.toml", "--out", "b"]);
    let info = |file: &str| String::from_utf8(scratch.run(&["info", file]).stdout).unwrap();
    assert!(info("b/student.safetensors").contains("widths [8, 16, 16, 16]"));

    // The other way round, what is too large is told with its shape, and whose key it is.
    let small =
        heads.replacen("a/teacher-cnn.safetensors", "built-in", 1) + "[student]\nstem = 8\n";
    refuses(
        &scratch,
        &small,
        "c",
        &["`start`", "`student`", "cannot grow", "stem = 32"],
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
        &["`cnn.warm_up` is 50", "6 epochs"],
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

    refuses(
        &scratch,
        &config("").replace("[adam]", "[teacher.cnn]\nbatch = 500\n[adam]"),
        "a",
        &["a step takes 500", "`teacher.cnn.batch`", "160 with labels"],
    );
    // Where it does not come to the heads they need nothing.
    let no_heads = config("")
        .replace("made = 24", "made = 0")
        .replace("epochs = 6", "epochs = 1");
    std::fs::write(scratch.path("no-heads.toml"), no_heads).unwrap();
    done(
        &scratch,
        &["train", "run", "no-heads.toml", "--until", "teacher-cnn"],
    );

    // Before the work, not after it.
    scratch.refuses(
        &[
            "train",
            "eval",
            "--data",
            "set",
            "--calibrate",
            "wrong.toml/a.safetensors",
        ],
        &["wrong.toml/a.safetensors", "cannot be written"],
    );

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
    refuses(
        &scratch,
        &alone,
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
    let output = scratch.run(&prepare);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("no face can be used (the picture is not there"));
    assert!(!scratch.path("set/unfinished").exists());
    super::face(3).save(table.join("there.png")).unwrap();
    std::fs::write(
        table.join("labels.csv"),
        "picture,expression\nthere.png,happiness\n",
    )
    .unwrap();
    done(&scratch, &prepare);

    std::fs::create_dir_all(scratch.path("empty/FER2013Train")).unwrap();
    std::fs::write(scratch.path("empty/FER2013Train/label.csv"), "").unwrap();
    let prepare = [
        "train", "prepare", "--format", "ferplus", "--input", "empty", "--out", "none",
    ];
    scratch.refuses(&prepare, &["there is none in it"]);
}

#[test]
fn all_keys_are_printed() {
    let scratch = Scratch::new();
    let output = scratch.run(&["train", "run", "--keys"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let keys = String::from_utf8(output.stdout).unwrap();
    for key in ["in_turn = false", "bank_mib", "# weights ="] {
        assert!(keys.contains(key), "{key}");
    }
    assert_eq!(scratch.run(&["train", "run"]).status.code(), Some(2));
}

#[test]
fn what_cannot_be_trained_on_is_told() {
    let scratch = prepared();
    let refuses = |text: &str, words: &[&str]| {
        std::fs::write(scratch.path("bad.toml"), text).unwrap();
        scratch.refuses(&["train", "run", "bad.toml"], words);
    };
    refuses("sets = []", &["bad.toml", "train prepare"]);
    refuses("sets = [\"nowhere\"]", &["nowhere"]);
    refuses(
        "sets = [\"set\", \"./set\"]",
        &["set twice", "count double"],
    );
    // Without a teacher there is no phase of a teacher's.
    let whole = config("");
    let (before, rest) = whole.split_once("[teacher.shape]").unwrap();
    let (_, rest) = rest.split_once("[adam]").unwrap();
    std::fs::write(scratch.path("bad.toml"), format!("{before}[adam]{rest}")).unwrap();
    let until = ["train", "run", "bad.toml", "--until", "teacher-cnn"];
    scratch.refuses(&until, &["bad.toml", "no phase teacher-cnn"]);
    // A folder is one run's at a time.
    std::fs::create_dir(scratch.path("busy")).unwrap();
    let lock = std::fs::File::create(scratch.path("busy/lock")).unwrap();
    lock.try_lock().unwrap();
    let again = ["train", "run", "run.toml", "--out", "busy"];
    scratch.refuses(&again, &["busy: another run is training there"]);
    // Labels are not written over by what is said of them.
    let data = ["train", "eval", "--data", "faces/FER2013Valid", "--force"];
    let over = [&data[..], &["--json", "faces/FER2013Valid/label.csv"]].concat();
    scratch.refuses(&over, &["label.csv", "is an input"]);
    // What is no config is shown with its place.
    std::fs::write(scratch.path("bad.toml"), "sets = [\"set\"]\nrate = 3\n").unwrap();
    let output = scratch.run(&["train", "run", "bad.toml"]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    let told: Vec<&str> = text.lines().collect();
    assert!(
        told[0].contains("bad.toml: ") && told[0].contains("line 2"),
        "{text}"
    );
    assert!(
        told.contains(&"2 | rate = 3") && told.contains(&"  | ^^^^"),
        "{text}"
    );
    refuses(
        &config("").replace("batch = 16", "batch = 4000"),
        &["`cnn.batch` is 4000", "from 2 to 1024"],
    );
    refuses(
        &config("").replace("[cnn]", "[cnn]\nkeep = 1.0"),
        &["`cnn.keep` is 1", "below 1"],
    );
    // 160 faces, a KiB for each picture and network: two that are known before anything is learnt.
    refuses(
        &config("").replace("moves = 2", "moves = 50\nbank_mib = 2"),
        &["200 still faces", "50 pictures", "`gru.bank_mib` allows 2"],
    );
    refuses(
        &config("start = \"bild-in\""),
        &["`start`", "bild-in", "`built-in`", "no file"],
    );
    refuses(&config("start = \"set/faces.csv\""), &["faces.csv"]);
    refuses(
        &config("").replace("batch = 16", "batch = 1000"),
        &[
            "too few faces",
            "a step takes 1000",
            "160 with labels",
            "\"both\"",
        ],
    );
    scratch.refuses(
        &["train", "run", "nothing.toml"],
        &["nothing.toml", "cannot be read"],
    );
    scratch.refuses(
        &["train", "eval", "--data", "faces"],
        &["neither", "faces/FER2013Train, faces/FER2013Valid"],
    );
    scratch.refuses(
        &["train", "eval", "--data", "nowhere"],
        &["nowhere", "no such folder"],
    );

    // A rate at which numbers burst: it says where, and the last good state stays.
    let output = {
        std::fs::write(
            scratch.path("hot.toml"),
            config("").replace("rate = 4e-3", "rate = 9.0\nwarm_up = 0.5"),
        )
        .unwrap();
        scratch.run(&[
            "train",
            "run",
            "hot.toml",
            "--out",
            "hot",
            "--until",
            "teacher-cnn",
        ])
    };
    if !output.status.success() {
        let text = stderr(&output);
        assert!(
            text.contains("is no number in epoch") && text.contains("checkpoint"),
            "{text}"
        );
    }

    // Another config does not go on from this one's checkpoint.
    done(
        &scratch,
        &[
            "train",
            "run",
            "run.toml",
            "--out",
            "out",
            "--until",
            "teacher-cnn",
        ],
    );
    std::fs::write(
        scratch.path("other.toml"),
        config("")
            .replace("seed = 3", "seed = 4")
            .replace("rate = 4e-3", "rate = 2e-3"),
    )
    .unwrap();
    scratch.refuses(
        &[
            "train",
            "run",
            "other.toml",
            "--out",
            "out",
            "--until",
            "teacher-cnn",
        ],
        &[
            "another config",
            "`seed` was 3 and is 4",
            "`cnn.rate` was 0.004 and is 0.002",
            "another --out",
        ],
    );
    // A checkpoint that was cut is told, and not trusted.
    let file = scratch.path("out/teacher-cnn.checkpoint");
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    let output = scratch.run(&[
        "train",
        "run",
        "run.toml",
        "--out",
        "out",
        "--until",
        "teacher-cnn",
    ]);
    assert!(
        !output.status.success() && stderr(&output).contains("teacher-cnn.checkpoint"),
        "{}",
        stderr(&output)
    );
}
