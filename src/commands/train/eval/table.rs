//! The scores for a terminal.

use serde_json::{Map, Value};

use crate::labels::Expression;

/// A table for a terminal.
pub(super) fn table(report: &Map<String, Value>) -> String {
    let value = Value::from(report.clone());
    let at = |path: &str| value.pointer(path).and_then(Value::as_f64);
    let number = |v: Option<f64>| v.map_or("-".to_owned(), |v| format!("{v:.4}"));
    let mut text = format!(
        "{} labelled faces of {}\n\n",
        report["count"],
        report["data"].as_str().unwrap_or_default()
    );
    text.push_str(&format!(
        "{:<22}{:>9}   {:<18}{:>9}   {:<18}\n",
        "", "CNN", "95 %", "window", "95 %"
    ));
    for (name, path) in [
        ("accuracy", "expression/accuracy"),
        ("macro F1", "expression/macro_f1"),
        ("CCC valence", "valence/ccc"),
        ("CCC arousal", "arousal/ccc"),
    ] {
        let mut line = format!("{name:<22}");
        for side in ["", "/window"] {
            let interval = [0, 1].map(|i| at(&format!("{side}/intervals/{path}/{i}")));
            let interval = match interval {
                [Some(low), Some(high)] => format!("{low:.4} to {high:.4}"),
                _ => "-".to_owned(),
            };
            line.push_str(&format!(
                "{:>9}   {interval:<18}",
                number(at(&format!("{side}/{path}")))
            ));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    for (name, path) in [
        ("calibration error", "calibration/expression/ece"),
        ("  without temperature", "calibration/expression/ece_before"),
        (
            "within one sigma, V",
            "calibration/one_sigma_coverage/valence",
        ),
        (
            "within one sigma, A",
            "calibration/one_sigma_coverage/arousal",
        ),
        (
            "within the ellipse",
            "calibration/one_sigma_coverage/ellipse",
        ),
    ] {
        let sides = ["", "/window"].map(|side| number(at(&format!("{side}/{path}"))));
        text.push_str(&format!(
            "{name:<22}{:>9}   {:<18}{:>9}\n",
            sides[0], "", sides[1]
        ));
    }
    text.push_str("\nF1 by expression (CNN)\n");
    for (i, expression) in Expression::ALL.into_iter().enumerate() {
        let row = value
            .pointer(&format!("/expression/confusion/{i}"))
            .and_then(Value::as_array);
        let faces: u64 = row.map_or(0, |row| row.iter().filter_map(Value::as_u64).sum());
        let f1 = number(at(&format!(
            "/expression/per_class_f1/{}",
            expression.name()
        )));
        text.push_str(&format!(
            "  {:<20}{f1:>9}   {faces} faces\n",
            expression.name()
        ));
    }
    let groups = report["groups"].as_object().into_iter().flatten();
    for (kind, groups) in groups {
        text.push_str(&format!("\n{}\n", kind.replace('_', " ")));
        for (name, scores) in groups.as_object().into_iter().flatten() {
            let at = |path: &str| scores.pointer(path).and_then(Value::as_f64);
            text.push_str(&format!(
                "  {name:<24}{:>6} faces   accuracy {}   macro F1 {}   CCC {} / {}\n",
                scores["count"],
                number(at("/expression/accuracy")),
                number(at("/expression/macro_f1")),
                number(at("/valence/ccc")),
                number(at("/arousal/ccc"))
            ));
        }
    }
    text
}
