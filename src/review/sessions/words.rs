//! Sessions in words, for the window and the terminal.

use super::{Detail, RaterScores};
use crate::metrics::{CLASS_DECIMALS, written};

/// `2026-07-30 13:45`, UTC.
pub fn day_and_minute(when: &str) -> String {
    when.get(..16)
        .map_or(when.to_owned(), |w| w.replace('T', " "))
}

/// `1:02:03`, or `0:04.5` below ten seconds.
pub fn length(length_s: f64) -> String {
    let tenths = (length_s.max(0.0) * 10.0).round() as u64;
    let (h, m, s, tenth) = (
        tenths / 36_000,
        tenths / 600 % 60,
        tenths / 10 % 60,
        tenths % 10,
    );
    match (h, m) {
        (0, 0) if s < 10 => format!("0:{s:02}.{tenth}"),
        (0, _) => format!("{m}:{s:02}"),
        _ => format!("{h}:{m:02}:{s:02}"),
    }
}

/// `anna: CCC valence 0.512 arousal 0.401, macro F1 0.612, accuracy 0.702`: what there are labels for.
pub fn against(scores: &RaterScores) -> String {
    let mut parts = Vec::new();
    let value = |v: Option<f64>| written(v, CLASS_DECIMALS);
    if scores.ccc_valence.is_some() || scores.ccc_arousal.is_some() {
        parts.push(format!(
            "CCC valence {} arousal {}",
            value(scores.ccc_valence),
            value(scores.ccc_arousal)
        ));
    }
    if scores.accuracy.is_some() {
        parts.push(format!(
            "macro F1 {}, accuracy {}",
            value(scores.macro_f1),
            value(scores.accuracy)
        ));
    }
    if parts.is_empty() {
        parts.push("no frame has both a label and a prediction".to_owned());
    }
    format!("{}: {}", scores.rater, parts.join(", "))
}

/// `2 faces`, with the names of those that have one: `3 faces: Anna, Ben`.
pub fn faces(detail: &Detail) -> String {
    let faces = match detail.faces {
        1 => "1 face".to_owned(),
        n => format!("{n} faces"),
    };
    if detail.names.is_empty() {
        faces
    } else {
        format!("{faces}: {}", detail.names.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_as_people_write_them() {
        let written = [0.0, 4.52, 9.99, 59.94, 61.0, 3723.0].map(length);
        assert_eq!(
            written,
            ["0:00.0", "0:04.5", "0:10", "0:59", "1:01", "1:02:03"]
        );
        assert_eq!(day_and_minute("2026-07-30T13:45:01Z"), "2026-07-30 13:45");
    }
}
