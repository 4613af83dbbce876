//! What people get wrong, and what must not be scored by chance.

use serde_json::Value;

use super::{VA, lines};
use crate::cli::Scratch;

#[test]
fn what_cannot_be_scored_is_refused_in_words() {
    let scratch = Scratch::new();
    scratch.write("p/a.csv", "frame,valence\n0,0.1\n");
    scratch.write("p/b.csv", "frame,valence\n0,0.1\n");
    scratch.write("t/c.txt", &lines(VA, &["0,0"]));
    scratch.write("far.csv", "frame,valence\n7,0.1\n");
    scratch.write("invalid.txt", &lines(VA, &["-5,-5"]));
    scratch.write("bad.txt", &lines(VA, &["0,0", "0,zero"]));
    let refuse = |p: &str, t: &str, words: &[&str]| {
        scratch.refuses(
            &[
                "evaluate",
                "--predictions",
                p,
                "--annotations",
                t,
                "--out",
                "r.json",
            ],
            words,
        );
    };
    refuse("p", "t", &["nothing matches", "no video is on both sides"]);
    refuse(
        "far.csv",
        "t/c.txt",
        &["nothing matches", "none of 1 valid rows"],
    );
    refuse("far.csv", "invalid.txt", &["marked as invalid"]);
    refuse(
        "far.csv",
        "bad.txt",
        &["bad.txt: line 3, column 2", "'zero'"],
    );
    refuse("nowhere", "t", &["nowhere"]);
    refuse("far.csv", "nowhere", &["nowhere"]);
    scratch.write("header.csv", "frame,valence,arousal\n");
    refuse(
        "p",
        "header.csv",
        &["the annotations have a header and no rows"],
    );
    // One bad file among good ones is told, and the scores are without it.
    scratch.write("p/c.csv", "frame,valence\n0,0.1\n");
    scratch.write("t/d.txt", &lines(VA, &["2,2"]));
    let (code, table, said) = scratch.evaluate("p", "t", &[]);
    assert_eq!(code, 2, "{said}");
    assert!(
        said.contains("d.txt: line 2, column 1") && said.contains("1 file could not be used"),
        "{said}"
    );
    assert!(table.contains("1 video, 1 frame "), "{table}");
}

#[test]
fn a_video_without_any_face_is_counted_as_unmatched() {
    let scratch = Scratch::new();
    scratch.write("p/a.csv", "frame,status,valence\n0,ok,0.1\n1,ok,0.2\n");
    scratch.write("p/b.csv", "frame,status,valence\n0,no_face,\n1,no_face,\n");
    scratch.write("t/a.txt", &lines(VA, &["0.1,0", "0.2,0"]));
    scratch.write("t/b.txt", &lines(VA, &["0.1,0", "0.2,0"]));
    let report = scratch.report("p", "t", &[]);
    let counts = &report["counts"];
    assert_eq!(
        (counts["valid"].as_u64(), counts["unmatched"].as_u64()),
        (Some(4), Some(2))
    );
    assert_eq!(report["without_predictions"], serde_json::json!([]));
    // One video carries valence: it says nothing of how videos differ.
    assert_eq!(report["intervals"]["valence"]["ccc"], Value::Null);
}

#[test]
fn folders_are_never_a_pair_by_chance_and_pictures_never_of_another_folder() {
    let scratch = Scratch::new();
    scratch.write("p/cat.csv", "frame,valence\n0,0.1\n");
    scratch.write("t/dog.txt", &lines(VA, &["0.1,0"]));
    scratch.refuses(
        &["evaluate", "--predictions", "p", "--annotations", "t"],
        &["no video is on both sides"],
    );
    scratch.write(
        "p.csv",
        "picture,valence\na/1.jpg,0.1\na/2.jpg,0.3\n3.jpg,0.5\n",
    );
    scratch.write(
        "t.csv",
        "picture,valence\nb/1.jpg,0.1\nroot/a/2.jpg,0.3\nx/3.jpg,0.5\ny/3.jpg,0.5\n",
    );
    let report = scratch.report("p.csv", "t.csv", &[]);
    assert_eq!(
        (
            report["count"].as_u64(),
            report["counts"]["unmatched"].as_u64()
        ),
        (Some(1), Some(3))
    );
    // An annotation within a folder is not written over.
    scratch.write("q/dog.csv", "frame,valence\n0,0.1\n");
    scratch.refuses(
        &[
            "evaluate",
            "--predictions",
            "q",
            "--annotations",
            "t",
            "--out",
            "t/dog.txt",
            "--force",
        ],
        &["is an input"],
    );
}

#[cfg(unix)]
#[test]
fn links_that_lead_back_count_nothing_twice_and_double_annotations_are_told() {
    let scratch = Scratch::new();
    scratch.write("p/a.csv", "frame,valence\n0,0.1\n1,0.4\n");
    scratch.write("t/a.txt", &lines(VA, &["0.1,0", "0.4,0"]));
    for (to, link) in [
        (".", "t/dot"),
        ("../t", "t/up"),
        ("nowhere.txt", "t/lost.txt"),
    ] {
        std::os::unix::fs::symlink(to, scratch.path(link)).unwrap();
    }
    let report = scratch.report("p", "t", &[]);
    assert_eq!(report["counts"]["rows"], 2);
    scratch.write("t/again/a.txt", &lines(VA, &["0.4,0", "0.1,0"]));
    let (code, _, said) = scratch.evaluate("p", "t", &[]);
    assert_eq!(code, 0);
    assert!(
        said.contains("a: its valence and arousal are annotated in 2 files"),
        "{said}"
    );
    // The report on standard output is all that stands there.
    let (_, json, _) = scratch.evaluate("p", "t", &["--out", "-"]);
    assert!(serde_json::from_str::<Value>(&json).is_ok());
}

#[test]
fn what_could_be_a_mistake_is_told() {
    let scratch = Scratch::new();
    let ours = "frame,status,expression,valence\n0,ok,fear,0.5\n1,ok,fear,0.6\n";
    scratch.write("p/v.csv", ours);
    scratch.write("p/v_left.csv", ours);
    scratch.write("t/v.txt", &lines(VA, &["0.5,0", "0.6,0"]));
    scratch.write("t/v_left.txt", &lines(VA, &["0.5,0", "0.6,0"]));
    scratch.write("t/v_right.txt", &lines(VA, &["-0.5,0", "-0.6,0"]));
    // The other person of a video whose table has one face a frame is nobody's prediction.
    let report = scratch.report("p", "t", &[]);
    assert_eq!(
        report["without_predictions"],
        serde_json::json!(["v_right"])
    );
    assert_eq!(report["valence"]["mse"], 0.0);
    assert_eq!(
        report["videos"][0]["files"],
        serde_json::json!(["p/v.csv", "t/v.txt"])
    );
    let said = |p: &str, t: &str| scratch.evaluate(p, t, &[]).2;
    assert!(said("p", "t").contains("v_right: the predictions of v have one face"));
    scratch.write("late.csv", "frame,valence\n0,0.5\n500,0.5\n");
    assert!(
        said("p/v.csv", "late.csv")
            .contains("1 annotation rows lie behind the last of 2 predicted frames")
    );
    // A misspelt column, and the two sides swapped.
    scratch.write("plain.csv", "frame,emotion,valence\n0,fear,0.5\n");
    assert!(said("p/v.csv", "plain.csv").contains("columns passed over: emotion"));
    assert!(said("plain.csv", "p/v.csv").contains("swapped"));
    // The folder of a report is made, where it can be.
    let (code, _, said) = scratch.evaluate("p", "t", &["--out", "new/r.json"]);
    assert_eq!(code, 0, "{said}");
    assert!(scratch.path("new/r.json").is_file());
    let (code, _, said) = scratch.evaluate("p", "t", &["--out", "late.csv/r.json"]);
    assert!(
        code == 2 && said.contains("late.csv/r.json: cannot be written"),
        "{said}"
    );
}
