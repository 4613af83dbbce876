//! Folders in which predictions and labels lie side by side, and labels that cannot be read.

use super::*;

const SAYS_ALL: &str = "frame,expression,valence,arousal\n";

/// A csv of labels of the first frames.
fn labels(sign: f64) -> String {
    let mut text = SAYS_ALL.to_owned();
    for i in 0..FRAMES {
        let (v, a) = (sign * wave(i, 0.12, 0.8), wave(i, 0.05, 0.5));
        writeln!(text, "{i},anger,{v},{a}").unwrap();
    }
    text
}

fn mixed() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("all/talk.mp4", "no video at all");
    scratch.write("all/talk.affect.csv", &predictions());
    scratch.write("all/talk.csv", &labels(1.0));
    scratch.write("all/talk.eva.csv", &labels(-1.0));
    scratch.write("alone/talk.csv", &labels(1.0));
    scratch
}

fn report(scratch: &Scratch, annotations: &str) -> (Option<i32>, String, String) {
    let done = scratch.run(&[
        "report",
        "all/talk.mp4",
        "--predictions",
        "all/talk.affect.csv",
        "--annotations",
        annotations,
        "--no-faces",
        "--force",
        "--out",
        "page.html",
    ]);
    let page = std::fs::read_to_string(scratch.path("page.html")).unwrap_or_default();
    (
        done.status.code(),
        String::from_utf8(done.stderr).unwrap(),
        page,
    )
}

#[test]
fn predictions_in_the_folder_of_labels_are_not_compared_with_themselves() {
    let scratch = mixed();
    let scores = |annotations: &str| {
        let (code, table, said) = scratch.evaluate("all/talk.affect.csv", annotations, &[]);
        assert_eq!(code, 0, "{said}");
        (table, said)
    };
    std::fs::remove_file(scratch.path("all/talk.eva.csv")).unwrap();
    let (table, said) = scores("all");
    assert_eq!(table, scores("alone").0);
    assert!(said.contains("talk.affect.csv passed over"), "{said}");
    // The same folder on both sides: tables of ours are predictions, the rest are labels.
    let (code, both, said) = scratch.evaluate("all", "all", &[]);
    assert_eq!((code, both), (0, table), "{said}");

    let scratch = mixed();
    let (_, said, page) = report(&scratch, "all");
    assert!(said.contains("predictions, not labels"), "{said}");
    let cells = rows(&page).concat();
    assert!(cells.iter().any(|c| c.contains("eva")), "{cells:?}");
    assert!(
        !cells.iter().any(|c| c == "rows" || c == "1.000000"),
        "nobody agrees wholly with themselves: {cells:?}"
    );
    let refused = scratch.run(&[
        "report",
        "all/talk.mp4",
        "--predictions",
        "all/talk.affect.csv",
        "--annotations",
        "all/talk.affect.csv",
        "--out",
        "same.html",
    ]);
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(2));
    assert!(said.contains("the predictions themselves"), "{said}");
}

#[test]
fn labels_of_the_video_that_cannot_be_read_are_told() {
    let scratch = mixed();
    scratch.write("bad/talk.csv", &labels(1.0));
    scratch.write("bad/more/talk.csv", "frame,expression\n0,joyful\n");
    scratch.write("bad/other.csv", "frame,expression\n0,joyful\n");
    let (code, said, page) = report(&scratch, "bad");
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("more/talk.csv: line 2") && said.contains("joyful"),
        "{said}"
    );
    assert!(!said.contains("other.csv"), "another video's: {said}");
    assert!(!page.is_empty());
    // Alone, it is the reason.
    std::fs::remove_file(scratch.path("bad/talk.csv")).unwrap();
    let (code, said, _) = report(&scratch, "bad");
    assert_eq!(code, Some(2));
    assert!(said.contains("more/talk.csv: line 2"), "{said}");
    // And nothing at all is said to be nothing at all.
    std::fs::create_dir(scratch.path("empty")).unwrap();
    let (code, said, _) = report(&scratch, "empty");
    assert_eq!(code, Some(2));
    assert!(said.contains("It holds no file of labels."), "{said}");
}

#[test]
fn annotators_whose_files_have_one_name_are_called_by_their_folders() {
    let scratch = mixed();
    for (who, sign) in [("eva", 1.0), ("bob", -1.0), ("carl", 0.5)] {
        scratch.write(&format!("raters/{who}/talk.csv"), &labels(sign));
    }
    let done = scratch.run(&[
        "report",
        "all/talk.mp4",
        "--predictions",
        "all/talk.affect.csv",
        "--annotations",
        "raters/eva",
        "raters/bob",
        "raters/carl",
        "--no-faces",
        "--out",
        "page.html",
    ]);
    // The video is none.
    assert_eq!(done.status.code(), Some(2));
    let page = std::fs::read_to_string(scratch.path("page.html")).unwrap();
    let cells = rows(&page).concat();
    for who in ["eva", "bob", "carl"] {
        assert!(cells.iter().any(|c| c == who), "{who}: {cells:?}");
    }
    assert!(!cells.iter().any(|c| c.starts_with("labels")), "{cells:?}");
}
