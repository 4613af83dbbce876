//! `affectscope evaluate` through the binary: scores, pairing, counts and refusals.

mod mistakes;

use std::fmt::Write as _;

use serde_json::Value;

use super::cli::Scratch;
use super::losses::golden;

impl Scratch {
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn evaluate(
        &self,
        predictions: &str,
        annotations: &str,
        more: &[&str],
    ) -> (i32, String, String) {
        let mut args = vec![
            "evaluate",
            "--predictions",
            predictions,
            "--annotations",
            annotations,
        ];
        args.extend(more);
        let done = self.run(&args);
        (
            done.status.code().unwrap(),
            String::from_utf8(done.stdout).unwrap(),
            String::from_utf8(done.stderr).unwrap(),
        )
    }

    fn report(&self, predictions: &str, annotations: &str, more: &[&str]) -> Value {
        let mut more = more.to_vec();
        more.extend(["--out", "report.json", "--force"]);
        let (code, _, said) = self.evaluate(predictions, annotations, &more);
        assert_eq!(code, 0, "{said}");
        serde_json::from_slice(&std::fs::read(self.path("report.json")).unwrap()).unwrap()
    }
}

fn lines(header: &str, values: &[&str]) -> String {
    format!("{header}\n{}", values.join("\n"))
}

const VA: &str = "valence,arousal";
const EXPR: &str = "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise";

#[test]
fn the_series_of_the_reference_get_the_references_scores() {
    let golden = golden();
    let metrics = &golden["metrics"];
    let (mut va, mut expr, mut predicted) = (
        VA.to_owned(),
        EXPR.to_owned(),
        "frame,expression,valence,arousal\n".to_owned(),
    );
    for i in 0..400 {
        let (t, p) = (&metrics["true_va"][i], &metrics["pred_va"][i]);
        write!(va, "\n{},{}", t[0], t[1]).unwrap();
        write!(expr, "\n{}", metrics["true_expr"][i]).unwrap();
        writeln!(
            predicted,
            "{i},{},{},{}",
            metrics["pred_expr"][i], p[0], p[1]
        )
        .unwrap();
    }
    let scratch = Scratch::new();
    scratch.write("truth/VA_Set/Validation_Set/video.txt", &va);
    scratch.write("truth/EXPR_Set/Validation_Set/video.txt", &expr);
    scratch.write("video.csv", &predicted);
    let report = scratch.report("video.csv", "truth", &[]);
    let expected = &metrics["expected"];
    for (got, wanted) in [
        (&report["valence"]["ccc"], "ccc_valence"),
        (&report["arousal"]["ccc"], "ccc_arousal"),
        (&report["expression"]["macro_f1"], "macro_f1"),
        (&report["expression"]["accuracy"], "accuracy"),
        (&report["expression"]["criterion"], "criterion"),
    ] {
        let off = got.as_f64().unwrap() - expected[wanted].as_f64().unwrap();
        assert!(off.abs() < 1e-6, "{wanted}: {off}");
    }
    assert_eq!(
        (
            report["count"].as_u64(),
            report["counts"]["unmatched"].as_u64()
        ),
        (Some(400), Some(0))
    );
    let confusion: Vec<Vec<u64>> =
        serde_json::from_value(report["expression"]["confusion"].clone()).unwrap();
    assert_eq!(confusion.iter().flatten().sum::<u64>(), 400);
    // The table says the same, to six decimals.
    let (_, table, _) = scratch.evaluate("video.csv", "truth", &[]);
    let ccc = format!("{:.6}", expected["ccc_valence"].as_f64().unwrap());
    assert!(
        table.contains(&ccc) && table.contains("0.675000"),
        "{table}"
    );
}

#[test]
fn two_single_files_are_a_pair_whatever_they_are_called() {
    let scratch = Scratch::new();
    scratch.write(
        "mine.csv",
        "frame,valence,arousal\n0,0.1,0\n1,0.2,0.5\n2,0.3,-0.5\n",
    );
    scratch.write(
        "theirs.txt",
        &lines(VA, &["0.1,0", "-5,-5", "0.3,-0.5", "0.9,0.9"]),
    );
    let report = scratch.report("mine.csv", "theirs.txt", &[]);
    assert_eq!(report["counts"]["valid"], 3);
    assert_eq!(report["counts"]["invalid"], 1);
    assert_eq!(report["counts"]["matched"], 2);
    assert_eq!(report["counts"]["unmatched"], 1);
    assert_eq!(report["valence"]["mse"], 0.0);
    assert_eq!(report["expression"]["accuracy"], Value::Null);
    assert_eq!(
        report["intervals"]["valence"]["ccc"],
        Value::Null,
        "one video has no interval"
    );
    // The fourth frame takes the third's estimate when asked to.
    let report = scratch.report("mine.csv", "theirs.txt", &["--fill"]);
    assert_eq!(
        (
            report["counts"]["matched"].as_u64(),
            report["counts"]["filled"].as_u64()
        ),
        (Some(3), Some(1))
    );
    let (_, _, said) = scratch.evaluate("mine.csv", "theirs.txt", &[]);
    assert!(
        said.contains("4 frames annotated, 3 predicted: 1 more"),
        "{said}"
    );
}

#[test]
fn what_is_no_probability_is_refused() {
    let scratch = Scratch::new();
    let header = "frame,time_s,face_id,status,box_x_px,box_y_px,box_w_px,box_h_px,neutral,anger,disgust,fear,happiness,sadness,surprise,expression,valence,arousal";
    for (bad, said) in [("NaN", "NaN"), ("1.5", "1.5"), ("-0.1", "-0.1")] {
        scratch.write(
            "p.csv",
            &format!("{header}\n0,0,1,ok,0,0,9,9,{bad},0,0,0,0,0,0,fear,0.5,0.5\n"),
        );
        scratch.write("t.csv", "frame,expression\n0,fear\n");
        let (code, _, words) = scratch.evaluate("p.csv", "t.csv", &[]);
        assert_eq!(code, 2, "{words}");
        assert!(
            words.contains("p.csv: line 2") && words.contains("neutral") && words.contains(said),
            "{words}"
        );
        let done = scratch.run(&["convert", "p.csv", "p.jsonl"]);
        assert_eq!(done.status.code(), Some(2));
        assert!(!scratch.path("p.jsonl").exists());
    }
}

#[test]
fn folders_are_paired_by_video_and_the_set_is_one_row() {
    let scratch = Scratch::new();
    let ours = "frame,time_s,face_id,status,box_x_px,box_y_px,box_w_px,box_h_px,expression,valence,arousal\n";
    scratch.write(
        "p/a.affect.csv",
        &format!("{ours}0,0,1,ok,0,0,9,9,fear,0.5,0.5\n1,0.1,1,ok,0,0,9,9,anger,-0.5,0.1\n"),
    );
    scratch.write(
        "p/a.affect.json",
        r#"{"program": "affectscope", "counts": {"frames": 2}}"#,
    );
    // Two people: the left one is the smaller.
    scratch.write(
        "p/b.affect.csv",
        &format!("{ours}0,0,1,ok,100,0,50,50,happiness,0.9,0.9\n0,0,2,ok,10,0,20,20,sadness,-0.9,-0.2\n1,0.1,1,ok,100,0,50,50,happiness,0.7,0.8\n1,0.1,2,ok,10,0,20,20,sadness,-0.7,-0.1\n"),
    );
    scratch.write(
        "p/lonely.affect.csv",
        &format!("{ours}0,0,,no_face,,,,,,,\n"),
    );
    scratch.write("p/notes.txt", "remember the milk");
    scratch.write(
        "t/VA_Set/Train_Set/a.txt",
        &lines(VA, &["0.5,0.5", "-0.5,0.1"]),
    );
    scratch.write("t/EXPR_Set/Train_Set/a.txt", &lines(EXPR, &["3", "1"]));
    scratch.write(
        "t/VA_Set/Train_Set/b_left.txt",
        &lines(VA, &["-0.9,-0.2", "-0.7,-0.1"]),
    );
    scratch.write(
        "t/VA_Set/Train_Set/b_right.txt",
        &lines(VA, &["0.9,0.9", "0.7,0.8"]),
    );
    scratch.write("t/VA_Set/Train_Set/absent.txt", &lines(VA, &["0,0"]));
    let report = scratch.report("p", "t", &[]);
    let close = |value: &Value| assert!((value.as_f64().unwrap() - 1.0).abs() < 1e-9, "{value}");
    close(&report["valence"]["ccc"]);
    close(&report["arousal"]["ccc"]);
    close(&report["expression"]["accuracy"]);
    assert_eq!(report["valence"]["count"], 6);
    assert_eq!(report["counts"]["several_faces"], 4);
    let names: Vec<&str> = report["videos"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v["video"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["a", "b_left", "b_right"]);
    assert_eq!(report["without_predictions"][0], "absent");
    assert_eq!(report["without_annotations"][0], "lonely");
    let interval: Vec<f64> =
        serde_json::from_value(report["intervals"]["valence"]["ccc"].clone()).unwrap();
    assert!(interval[0] <= 1.0 && interval[1] >= 1.0 - 1e-9);
    // The same bytes twice, and nothing is written over unasked.
    let bytes = std::fs::read(scratch.path("report.json")).unwrap();
    scratch.report("p", "t", &[]);
    assert_eq!(bytes, std::fs::read(scratch.path("report.json")).unwrap());
    let (code, table, said) = scratch.evaluate("p", "t", &["--out", "report.json"]);
    assert_eq!((code, table.as_str()), (2, ""), "{said}");
    let (_, table, said) = scratch.evaluate("p", "t", &[]);
    assert!(
        said.contains("notes.txt") && !said.contains("affect.json"),
        "{said}"
    );
    assert!(
        table.contains("absent") && table.contains("lonely") && table.contains("worst first"),
        "{table}"
    );
    // One face alone: the first face of b is the right one.
    let report = scratch.report("p", "t", &["--face", "1"]);
    assert!(report["valence"]["ccc"].as_f64().unwrap() < 0.9);
}

#[test]
fn labels_that_carry_their_annotators_name_are_of_the_video_and_tables_beside_them_are_no_labels() {
    let scratch = Scratch::new();
    let table = "frame,time_s,face_id,status,box_x_px,box_y_px,box_w_px,box_h_px,expression,valence,arousal\n\
        0,0,1,ok,0,0,9,9,fear,0.5,0.5\n1,0.1,1,ok,0,0,9,9,anger,-0.5,0.1\n";
    scratch.write("p/v1.talk.affect.csv", table);
    // A copy beside the labels, as where everything lies in one folder.
    scratch.write("t/v1.talk.affect.csv", table);
    scratch.write("t/v1.talk.clara.csv", "frame,expression\n0,fear\n1,fear\n");
    let report = scratch.report("p", "t", &[]);
    assert_eq!(report["expression"]["accuracy"], 0.5);
    assert_eq!(report["expression"]["count"], 2);
    assert_eq!(report["valence"]["count"], 0);
    assert_eq!(report["videos"][0]["video"], "v1.talk");
    // Labels of another name are of no video here, and the table is none of theirs.
    scratch.write("u/v1.talk.affect.csv", table);
    scratch.write("u/v1.talk_clara.csv", "frame,expression\n0,fear\n1,fear\n");
    let (code, _, said) = scratch.evaluate("p", "u", &[]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("predictions, not labels"), "{said}");
}

#[test]
fn a_submission_is_evaluated_as_it_lies() {
    let scratch = Scratch::new();
    for (side, class) in [("sub", "4"), ("truth/Validation_Set", "5")] {
        scratch.write(
            &format!("{side}/EXPR_Set/v.txt"),
            &lines(EXPR, &["4", class, "-1", "0"]),
        );
        scratch.write(
            &format!("{side}/VA_Set/v.txt"),
            &lines(VA, &["0.1,0.2", "0.3,0.1", "-5,-5", "0,0.9"]),
        );
    }
    let report = scratch.report("sub", "truth", &[]);
    assert_eq!(report["expression"]["count"], 3);
    assert!((report["expression"]["accuracy"].as_f64().unwrap() - 2.0 / 3.0).abs() < 1e-12);
    assert_eq!(report["valence"]["count"], 3);
    assert_eq!(report["videos"].as_array().unwrap().len(), 1);
}

#[test]
fn times_and_pictures_find_their_predictions() {
    let scratch = Scratch::new();
    scratch.write(
        "p.csv",
        "frame,time_s,valence\n0,0.0,0.1\n1,0.04,0.2\n2,0.08,0.3\n",
    );
    scratch.write("t.csv", "time_s,valence\n0.041,0.2\n0.085,0.3\n0.5,0.9\n");
    let report = scratch.report("p.csv", "t.csv", &[]);
    assert_eq!(
        (
            report["valence"]["count"].as_u64(),
            report["valence"]["mse"].as_f64()
        ),
        (Some(2), Some(0.0))
    );
    scratch.write("pictures.csv", "file,frame,status,face_id,box_x_px,box_y_px,box_w_px,box_h_px,expression\nx.jpg,0,ok,1,20,10,40,60,happiness\nx.jpg,0,ok,2,300,10,400,600,fear\ny.jpg,1,no_face,,,,,,\n");
    scratch.write(
        "label.lst",
        "some/x.jpg 0 10 20 60 70 50 3\nsome/y.jpg 0 1 1 9 9 50 3\n",
    );
    let report = scratch.report("pictures.csv", "label.lst", &[]);
    assert_eq!(
        (
            report["expression"]["count"].as_u64(),
            report["expression"]["accuracy"].as_f64()
        ),
        (Some(1), Some(1.0)),
        "by the labelled box"
    );
    assert_eq!(report["counts"]["unmatched"], 1);
}

#[test]
fn a_clip_analysed_is_a_clip_that_can_be_scored() {
    let scratch = Scratch::new();
    let clip = scratch.clip("talk.mkv", 10, true, &[]);
    let clip = clip.to_str().unwrap();
    assert!(
        scratch
            .run(&["analyze", clip, "--out", "csv/"])
            .status
            .success()
    );
    assert!(
        scratch
            .run(&["analyze", clip, "--format", "abaw2021", "--out", "sub"])
            .status
            .success()
    );
    // The submission fills the frames without a face, the rows do not; where there is a face they agree.
    let report = scratch.report("csv", "sub", &[]);
    assert_eq!(report["expression"]["count"], 5);
    assert_eq!(report["expression"]["accuracy"], 1.0);
    assert!(report["valence"]["mse"].as_f64().unwrap() < 1e-8);
    assert_eq!(report["counts"]["unmatched"], 10);
    let report = scratch.report("csv", "sub", &["--fill"]);
    assert_eq!(
        (
            report["counts"]["unmatched"].as_u64(),
            report["counts"]["filled"].as_u64()
        ),
        (Some(0), Some(10))
    );
}

#[test]
fn one_of_two_people_in_a_single_file_is_the_left_one() {
    let scratch = Scratch::new();
    scratch.write(
        "p.csv",
        "frame,status,face_id,box_x_px,box_y_px,box_w_px,box_h_px,valence\n\
         0,ok,1,100,0,50,50,0.9\n0,ok,2,10,0,20,20,-0.9\n1,ok,1,100,0,50,50,0.1\n1,ok,2,10,0,20,20,-0.2\n",
    );
    scratch.write("v_left.txt", &lines(VA, &["-0.9,0", "-0.2,0"]));
    let report = scratch.report("p.csv", "v_left.txt", &[]);
    assert_eq!(report["valence"]["mse"], 0.0);
}
