//! Scores as a weights file carries them.

use serde_json::{Map, Value};

/// What the card of weights says that was measured.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Card {
    /// What was measured, and what came out.
    pub scores: Vec<(String, String)>,
    /// Of the heads that the program shows: every expression, the weakest first; the weakest group of each kind; the groups that
    /// are clearly below the whole (see [`super::report`]).
    pub weak_spots: Vec<(String, String)>,
}

impl Card {
    /// As it stands in a report and in a weights file's config.
    pub fn json(&self) -> Map<String, Value> {
        let map = |pairs: &[(String, String)]| -> Map<String, Value> {
            let pairs = pairs.iter().cloned();
            pairs.map(|(what, said)| (what, said.into())).collect()
        };
        Map::from_iter([
            ("scores".to_owned(), map(&self.scores).into()),
            ("weak_spots".to_owned(), map(&self.weak_spots).into()),
        ])
    }
}

/// What a weights file carries in its card, from a [`super::report`] on data of this name.
pub fn sentences(data: &str, report: &Map<String, Value>) -> Card {
    let report = Value::from(report.clone());
    let count = number(&report, "/count").unwrap_or(0.0);
    let data = format!("{data} ({count} faces)");
    let mut card = Card::default();
    for (who, side) in [("CNN", ""), ("CNN-GRU on stills", "/window")] {
        if let Some(report) = report.pointer(side) {
            card.scores
                .extend(scores(&format!("{data}, {who}"), report));
            // The window's come last, and stay.
            card.weak_spots = weak_spots(&format!("{data}, {who}"), report);
        }
    }
    card
}

fn number(report: &Value, path: &str) -> Option<f64> {
    report.pointer(path).and_then(Value::as_f64)
}

/// The scores of one kind of heads.
fn scores(of: &str, report: &Value) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let mut add = |what: &str, paths: &[&str], digits: usize, factor: f64, unit: &str| {
        let values: Option<Vec<f64>> = paths.iter().map(|path| number(report, path)).collect();
        if let Some(values) = values {
            let values: Vec<String> = values
                .iter()
                .map(|v| format!("{:.digits$}{unit}", v * factor))
                .collect();
            all.push((format!("{of}, {what}"), values.join(" / ")));
        }
    };
    add("accuracy", &["/expression/accuracy"], 2, 100.0, " %");
    add("macro F1", &["/expression/macro_f1"], 3, 1.0, "");
    let calibration = "/calibration/expression";
    let offsets = report.pointer("/calibration/expression/offsets");
    let mut offsets = offsets.and_then(Value::as_object).into_iter().flatten();
    if offsets.any(|(_, offset)| offset.as_f64() != Some(0.0)) {
        for (when, of) in [
            ("without offsets", ["accuracy_before", "macro_f1_before"]),
            (
                "with temperature and offsets fitted on nine tenths and scored on the last, in turn",
                ["cross_fitted/accuracy", "cross_fitted/macro_f1"],
            ),
        ] {
            let [accuracy, macro_f1] = of.map(|of| format!("{calibration}/{of}"));
            add(&format!("accuracy {when}"), &[&accuracy], 2, 100.0, " %");
            add(&format!("macro F1 {when}"), &[&macro_f1], 3, 1.0, "");
        }
    }
    add(
        "CCC of valence / arousal",
        &["/valence/ccc", "/arousal/ccc"],
        3,
        1.0,
        "",
    );
    let votes = ["/votes/for_read", "/votes/for_label"];
    add(
        "share of people's votes for what is read / for the label",
        &votes,
        1,
        100.0,
        " %",
    );
    let (before, after) = (
        "/calibration/expression/ece_before",
        "/calibration/expression/ece",
    );
    if number(report, "/calibration/expression/temperature") == Some(1.0) {
        add("expected calibration error", &[after], 2, 100.0, " %");
    } else {
        add(
            "expected calibration error before / after",
            &[before, after],
            2,
            100.0,
            " %",
        );
    }
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
    all
}

/// Where one kind of heads is weak.
fn weak_spots(of: &str, report: &Value) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let expressions = report["expressions"].as_object().into_iter().flatten();
    let mut expressions: Vec<(f64, &String, &Value)> = expressions
        .filter(|(_, one)| number(one, "/count") > Some(0.0))
        .filter_map(|(name, one)| Some((number(one, "/f1")?, name, one)))
        .collect();
    // In the order of their names where they are equal.
    expressions.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (place, (f1, name, one)) in expressions.into_iter().enumerate() {
        let mut said = format!(
            "{f1:.3} / {}; {} faces ({})",
            percent(number(one, "/recall")),
            one["count"],
            percent(number(one, "/share"))
        );
        if let Some(share) = number(one, "/training_share") {
            said += &format!("; {} of the training split", percent(Some(share)));
        }
        all.push((
            format!("{of}, expression {}: {name}, F1 / recall", place + 1),
            said,
        ));
    }
    let (mut looked_at, mut below) = (0, Vec::new());
    for (kind, groups) in report["groups"].as_object().into_iter().flatten() {
        let groups = groups.as_object().into_iter().flatten();
        let groups: Vec<(&String, &Value)> = groups.collect();
        let kind = kind.replace('_', " ");
        looked_at += groups.len();
        // By the first of the scores that there is.
        let weakest = COMPARED.iter().find_map(|score| {
            let scored = groups
                .iter()
                .filter_map(|(name, group)| Some((number(group, score.0)?, *name, *group)));
            let (_, name, group) = scored.min_by(|a, b| a.0.total_cmp(&b.0))?;
            Some((score, name, group))
        });
        // One group is all there is of its kind.
        if let Some(((path, what, show), name, group)) = weakest.filter(|_| groups.len() > 1) {
            all.push((
                format!("{of}, weakest by {kind}: {name}, {what}"),
                beside(report, group, path, *show),
            ));
        }
        for (name, group) in groups {
            let scores = group["below"].as_array().into_iter().flatten();
            for score in scores.filter_map(Value::as_str) {
                let known = COMPARED.iter().find(|(path, ..)| path[1..] == *score);
                if let Some((path, what, show)) = known {
                    below.push((
                        format!("{of}, group clearly below the whole: {kind}: {name}, {what}"),
                        beside(report, group, path, *show),
                    ));
                }
            }
        }
    }
    if looked_at > 0 && below.is_empty() {
        below.push((
            format!("{of}, groups clearly below the whole"),
            format!("none of {looked_at}"),
        ));
    }
    all.extend(below);
    all
}

/// How a score is shown.
type Show = fn(Option<f64>) -> String;

/// What groups are compared in: where it stands in a report, its name, how it is shown.
const COMPARED: [(&str, &str, Show); 3] = [
    ("/expression/accuracy", "accuracy", percent),
    ("/valence/ccc", "CCC of valence", digits),
    ("/arousal/ccc", "CCC of arousal", digits),
];

/// A group's score beside that of all faces.
fn beside(report: &Value, group: &Value, path: &str, show: Show) -> String {
    format!(
        "{}; {} faces; {} of all",
        show(number(group, path)),
        group["count"],
        show(number(report, path))
    )
}

fn percent(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |v| format!("{:.1} %", v * 100.0))
}

fn digits(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |v| format!("{v:.3}"))
}
