//! Scores as a weights file carries them.

use serde_json::{Map, Value};

/// The scores that a weights file carries in its card, from a [`super::report`].
pub fn sentences(data: &str, report: &Map<String, Value>) -> Vec<(String, String)> {
    let report = Value::from(report.clone());
    let at = |path: &str| report.pointer(path).and_then(Value::as_f64);
    let mut all = Vec::new();
    let count = at("/count").unwrap_or(0.0);
    for (who, side) in [("CNN", ""), ("CNN-GRU on stills", "/window")] {
        let mut add = |what: &str, paths: &[&str], digits: usize, factor: f64, unit: &str| {
            let values: Option<Vec<f64>> = paths
                .iter()
                .map(|path| at(&format!("{side}{path}")))
                .collect();
            if let Some(values) = values {
                let values: Vec<String> = values
                    .iter()
                    .map(|v| format!("{:.digits$}{unit}", v * factor))
                    .collect();
                all.push((
                    format!("{data} ({count} faces), {who}, {what}"),
                    values.join(" / "),
                ));
            }
        };
        add("accuracy", &["/expression/accuracy"], 2, 100.0, " %");
        add("macro F1", &["/expression/macro_f1"], 3, 1.0, "");
        add(
            "CCC of valence / arousal",
            &["/valence/ccc", "/arousal/ccc"],
            3,
            1.0,
            "",
        );
        let ece = [
            "/calibration/expression/ece_before",
            "/calibration/expression/ece",
        ];
        add(
            "expected calibration error before / after",
            &ece,
            2,
            100.0,
            " %",
        );
        let ellipse = [
            "/calibration/one_sigma_coverage/ellipse",
            "/calibration/one_sigma_expected/ellipse",
        ];
        add(
            "labels within the one-sigma ellipse / expected",
            &ellipse,
            1,
            100.0,
            " %",
        );
    }
    all
}
