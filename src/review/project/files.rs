//! What the names of files say, and times where a file has holes.

use std::path::{Path, PathBuf};

use super::ASSUMED_RATE_HZ;
use crate::evaluate::files::Loaded;

/// Times without holes: a frame without a time follows the one before it by the usual step.
pub(super) fn filled(times_s: &[f64], frames: usize) -> Vec<f64> {
    let step_s = 1.0 / ASSUMED_RATE_HZ;
    let mut last = -step_s;
    (0..frames)
        .map(|i| {
            last = match times_s.get(i) {
                Some(t) if t.is_finite() && *t >= last => *t,
                _ => last + step_s,
            };
            last
        })
        .collect()
}

pub(super) fn file_name(path: &Path) -> String {
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// The video's name that a table's own has.
pub(super) fn video_of(table: &Path) -> String {
    let stem = file_stem(table);
    stem.strip_suffix(".affect").unwrap_or(&stem).to_owned()
}

/// What a folder without the wanted labels has, as a sentence.
pub(super) fn what_is_there(series: &[Loaded], tables: &[PathBuf]) -> String {
    let mut there: Vec<&str> = series.iter().map(|l| l.series.video.as_str()).collect();
    there.sort_unstable();
    there.dedup();
    let more = there.len().saturating_sub(5);
    there.truncate(5);
    match (there.as_slice(), tables) {
        ([], []) => "It holds no file of labels.".to_owned(),
        ([], [table, ..]) => format!("It holds predictions alone: {}.", file_name(table)),
        (names, _) if more > 0 => format!("It has: {} and {more} more.", names.join(", ")),
        (names, _) => format!("It has: {}.", names.join(", ")),
    }
}

pub(super) fn file_stem(path: &Path) -> String {
    let name = path.file_stem().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}
