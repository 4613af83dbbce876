//! The report for a terminal.

use std::fmt::Write as _;

use super::report::{Report, SCORES, VideoScores};
use crate::labels::Expression;

/// Videos listed; the rest is in the JSON.
const LISTED: usize = 20;

/// Names listed of what has no counterpart.
const NAMED: usize = 5;

/// Decimals of a score of a set or a video, wherever it is written.
pub const SCORE_DECIMALS: usize = 6;

/// Decimals of a score of a part: a class, a video in a list.
pub const CLASS_DECIMALS: usize = 3;

/// The report as text for people: six decimals for the set, three for the rest.
pub fn text(report: &Report) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write(report, &mut out);
    out
}

fn write(report: &Report, out: &mut String) -> std::fmt::Result {
    let set = &report.set;
    let c = set.counts;
    writeln!(
        out,
        "{}, {} with a prediction beside a label\n{} annotation rows (a frame may have one in each of two files): \
         {} valid, {} marked invalid; {} matched, {} unmatched",
        match report.videos.len() {
            1 => "1 video".to_owned(),
            n => format!("{n} videos"),
        },
        match report.videos.iter().map(|v| v.matched.len()).sum() {
            1usize => "1 frame".to_owned(),
            n => format!("{n} frames"),
        },
        c.rows,
        c.valid,
        c.invalid,
        c.matched,
        c.unmatched
    )?;
    if c.filled > 0 {
        writeln!(
            out,
            "{} of the matched were filled with the prediction before",
            c.filled
        )?;
    }
    if c.several_faces > 0 {
        writeln!(
            out,
            "{} of the matched had several faces to choose from",
            c.several_faces
        )?;
    }

    let interval = |name: (&str, &str)| {
        let at = SCORES
            .iter()
            .position(|(group, score, _)| (*group, *score) == name);
        match at.and_then(|at| report.intervals[at]) {
            Some([low, high]) => format!("[{low:.3}, {high:.3}]"),
            None => "-".to_owned(),
        }
    };
    writeln!(
        out,
        "\n{:<12} {:>9} {:>10} {:>18} {:>10} {:>10}",
        "", "frames", "CCC", "95 %", "Pearson", "MSE"
    )?;
    for (name, a) in [("valence", &set.valence), ("arousal", &set.arousal)] {
        writeln!(
            out,
            "{name:<12} {:>9} {:>10} {:>18} {:>10} {:>10}",
            a.count(),
            number(a.ccc(), SCORE_DECIMALS),
            interval((name, "ccc")),
            number(a.pearson(), SCORE_DECIMALS),
            number(a.mse(), SCORE_DECIMALS)
        )?;
    }
    let e = &set.expression;
    writeln!(
        out,
        "\n{:<12} {:>9} {:>10} {:>18}",
        "expression", "frames", "score", "95 %"
    )?;
    for (name, key, value) in [
        ("macro F1", "macro_f1", e.macro_f1()),
        ("accuracy", "accuracy", e.accuracy()),
        ("criterion", "criterion", e.criterion()),
    ] {
        writeln!(
            out,
            "{name:<12} {:>9} {:>10} {:>18}",
            e.count(),
            number(value, SCORE_DECIMALS),
            interval(("expression", key))
        )?;
    }
    if e.count() > 0 {
        confusion(report, out)?;
    }
    if report.videos.len() > 1 {
        videos(report, out)?;
    }
    if report.intervals.iter().any(Option::is_none) {
        writeln!(
            out,
            "\n- under 95 %: fewer than two videos have such labels (two people of one video count as one), or the score is \
             undefined"
        )?;
    }
    for (what, names) in [
        (
            "annotated, without predictions",
            &report.without_predictions,
        ),
        (
            "predicted, without annotations",
            &report.without_annotations,
        ),
    ] {
        if !names.is_empty() {
            let shown: Vec<String> = names.iter().take(NAMED).map(|n| short(n)).collect();
            let shown = shown.join(", ");
            let more = match names.len().saturating_sub(NAMED) {
                0 => String::new(),
                n => format!(", and {n} more"),
            };
            writeln!(out, "\n{} {what}: {shown}{more}", names.len())?;
        }
    }
    Ok(())
}

/// Rows are labels, columns predictions.
fn confusion(report: &Report, out: &mut String) -> std::fmt::Result {
    let e = &report.set.expression;
    write!(out, "\n{:<12} {:>9}  predicted", "labelled", "F1")?;
    writeln!(out)?;
    write!(out, "{:<12} {:>9}", "", "")?;
    for expression in Expression::ALL {
        write!(out, " {:>9}", expression.name())?;
    }
    writeln!(out)?;
    for ((expression, f1), row) in Expression::ALL.iter().zip(e.f1()).zip(e.counts()) {
        write!(
            out,
            "{:<12} {:>9}",
            expression.name(),
            number(f1, CLASS_DECIMALS)
        )?;
        for count in row {
            write!(out, " {count:>9}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Each video, the worst first: by the mean of the scores that it has.
fn videos(report: &Report, out: &mut String) -> std::fmt::Result {
    let mean = |v: &VideoScores| {
        let scores = [
            v.scores.valence.ccc(),
            v.scores.arousal.ccc(),
            v.scores.expression.criterion(),
        ];
        let there: Vec<f64> = scores.into_iter().flatten().collect();
        match there.len() {
            0 => f64::INFINITY,
            n => there.iter().sum::<f64>() / n as f64,
        }
    };
    let mut videos: Vec<&VideoScores> = report.videos.iter().collect();
    videos.sort_by(|a, b| mean(a).total_cmp(&mean(b)));
    writeln!(
        out,
        "\n{:<32} {:>8} {:>9} {:>9} {:>9} {:>9} {:>9}",
        "video, worst first", "matched", "unmatched", "V CCC", "A CCC", "macro F1", "criterion"
    )?;
    for v in videos.iter().take(LISTED) {
        let s = &v.scores;
        writeln!(
            out,
            "{:<32} {:>8} {:>9} {:>9} {:>9} {:>9} {:>9}",
            short(&v.video),
            s.counts.matched,
            s.counts.unmatched,
            number(s.valence.ccc(), CLASS_DECIMALS),
            number(s.arousal.ccc(), CLASS_DECIMALS),
            number(s.expression.macro_f1(), CLASS_DECIMALS),
            number(s.expression.criterion(), CLASS_DECIMALS)
        )?;
    }
    if videos.len() > LISTED {
        writeln!(
            out,
            "and {} more; --out FILE has all of them",
            videos.len() - LISTED
        )?;
    }
    Ok(())
}

/// A score as it is printed, with so many decimals; `-` where it is undefined. Tables, window and report print with it.
pub fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or("-".to_owned(), |v| format!("{v:.decimals$}"))
}

/// A name that fits its column, its end kept.
fn short(name: &str) -> String {
    let clean: Vec<char> = name
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if clean.len() <= 32 {
        return clean.into_iter().collect();
    }
    std::iter::once('…')
        .chain(clean[clean.len() - 31..].iter().copied())
        .collect()
}
