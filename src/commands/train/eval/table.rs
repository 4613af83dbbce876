//! The scores for a terminal.

use serde_json::{Map, Value};

use crate::labels::Expression;

/// A table for a terminal.
pub(super) fn table(report: &Map<String, Value>) -> String {
    let value = Value::from(report.clone());
    let at = |path: &str| value.pointer(path).and_then(Value::as_f64);
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
    let plain = [
        (
            "accuracy, no offsets",
            "calibration/expression/accuracy_before",
        ),
        (
            "macro F1, no offsets",
            "calibration/expression/macro_f1_before",
        ),
        ("votes for what is read", "votes/for_read"),
        ("  for the label", "votes/for_label"),
        ("calibration error", "calibration/expression/ece"),
        ("  uncalibrated", "calibration/expression/ece_before"),
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
    ];
    let voted = at("/votes/for_label").is_some();
    let offset = ["", "/window"].iter().any(|side| {
        let offsets = value.pointer(&format!("{side}/calibration/expression/offsets"));
        let mut offsets = offsets.and_then(Value::as_object).into_iter().flatten();
        offsets.any(|(_, offset)| offset.as_f64() != Some(0.0))
    });
    for (name, path) in plain {
        if !voted && path.starts_with("votes/") || !offset && name.ends_with("no offsets") {
            continue;
        }
        let sides = ["", "/window"].map(|side| number(at(&format!("{side}/{path}"))));
        text.push_str(&format!(
            "{name:<22}{:>9}   {:<18}{:>9}\n",
            sides[0], "", sides[1]
        ));
    }
    text.push_str(&expressions(report));
    text.push_str(&groups(report));
    text
}

/// Each expression: how often it occurs, and how well it is read.
fn expressions(report: &Map<String, Value>) -> String {
    let training = report["expressions"]["neutral"]
        .get("training_share")
        .is_some();
    let mut text = format!(
        "\n{:<22}{:>7}{:>9}{}{:>10}{:>9}{:>12}{:>9}\n",
        "by expression",
        "faces",
        "share",
        if training { "  training" } else { "" },
        "CNN: F1",
        "recall",
        "window: F1",
        "recall"
    );
    for expression in Expression::ALL {
        let of = |heads: &Value| heads[expression.name()].clone();
        let alone = of(&report["expressions"]);
        let window = report.get("window").map(|w| of(&w["expressions"]));
        let part = |v: Option<f64>| v.map_or("-".to_owned(), |v| format!("{:.1} %", v * 100.0));
        let scores = |one: &Value| (number(one["f1"].as_f64()), part(one["recall"].as_f64()));
        let ((f1, recall), (window_f1, window_recall)) =
            (scores(&alone), scores(&window.unwrap_or_default()));
        let learnt = if training {
            format!("{:>10}", part(alone["training_share"].as_f64()))
        } else {
            String::new()
        };
        text.push_str(&format!(
            "  {:<20}{:>7}{:>9}{learnt}{f1:>10}{recall:>9}{window_f1:>12}{window_recall:>9}\n",
            expression.name(),
            alone["count"].as_u64().unwrap_or(0),
            part(alone["share"].as_f64())
        ));
    }
    text
}

/// The CNN's scores in each group; those clearly below the whole are marked.
fn groups(report: &Map<String, Value>) -> String {
    let mut text = String::new();
    let groups = report["groups"].as_object().into_iter().flatten();
    for (kind, groups) in groups {
        text.push_str(&format!("\n{} (CNN)\n", kind.replace('_', " ")));
        for (name, scores) in groups.as_object().into_iter().flatten() {
            let at = |path: &str| scores.pointer(path).and_then(Value::as_f64);
            let below = scores["below"].as_array().is_some_and(|b| !b.is_empty());
            text.push_str(&format!(
                "  {name:<24}{:>6} faces   accuracy {}   macro F1 {}   CCC {} / {}{}\n",
                scores["count"],
                number(at("/expression/accuracy")),
                number(at("/expression/macro_f1")),
                number(at("/valence/ccc")),
                number(at("/arousal/ccc")),
                if below { "   below the whole" } else { "" }
            ));
        }
    }
    text
}

fn number(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |v| format!("{v:.4}"))
}
