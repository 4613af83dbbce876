//! `train eval --calibrate`: offsets of the expressions.

use serde_json::Value;

use super::run::{done, prepared};
use crate::cli::stderr;

#[test]
fn offsets_are_fitted_where_there_are_labels_enough_and_said_in_the_card() {
    let scratch = prepared();
    done(&scratch, &["train", "run", "run.toml", "--out", "run"]);
    let eval = |weights: &str, more: &[&str]| {
        let args = ["train", "eval", "--data", "faces/FER2013Train"];
        let args = [&args[..], &["--json", "-", "--weights", weights], more].concat();
        let output = scratch.run(&args);
        assert!(output.status.success(), "{}", stderr(&output));
        serde_json::from_slice::<Value>(&output.stdout).unwrap()
    };
    let student = "run/student.safetensors";
    let before = eval(student, &["--calibrate", "soft.safetensors", "--offsets"]);
    let only = ["--calibrate", "only.safetensors"];
    eval(student, &only);
    let (soft, only) = (eval("soft.safetensors", &[]), eval("only.safetensors", &[]));
    let of = |report: &Value, side: &str| {
        let calibration = report.pointer(&format!("{side}/calibration/expression"));
        calibration.unwrap().clone()
    };
    for side in ["", "/window"] {
        let (before, soft, only) = (of(&before, side), of(&soft, side), of(&only, side));
        let nll = |of: &Value| of["nll"].as_f64().unwrap();
        assert!(nll(&soft) <= nll(&only) + 1e-6 && nll(&only) <= nll(&before) + 1e-6);
        let offset = |of: &Value, name: &str| of["offsets"][name].as_f64().unwrap();
        // Forty faces each show four of them, and none any other.
        for name in ["anger", "disgust", "fear"] {
            assert_eq!(offset(&soft, name), 0.0, "{name}");
        }
        assert!(offset(&soft, "happiness").abs() > 1e-4, "{soft}");
        assert_eq!(offset(&only, "happiness"), 0.0);
        // Undone, it is what it was.
        assert_eq!(soft["accuracy_before"], before["accuracy_before"]);
        let [a, b] = [&soft, &before].map(|of| of["nll_before"].as_f64().unwrap());
        assert!((a - b).abs() < 1e-4, "{a} {b}");
    }
    let card = |file: &str| {
        let output = scratch.run(&["info", "--markdown", file]);
        String::from_utf8(output.stdout).unwrap()
    };
    for words in ["accuracy without offsets", "fitted on nine tenths"] {
        assert!(card("soft.safetensors").contains(words));
        assert!(!card("only.safetensors").contains(words));
    }
}
