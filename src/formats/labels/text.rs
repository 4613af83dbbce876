//! What all the readers share: text with its path, lines, names, numbers with their range.

use std::path::Path;

use super::{LabelError, Person, Series};

/// Frame numbers above are a mistake: a year of video at 30 frames a second.
pub(super) const MAX_FRAME: u64 = 1_000_000_000;

/// More rows than a day and more at 100 frames a second; keeps a hostile file from filling the memory.
const MAX_ROWS: usize = 20_000_000;

/// A file's text, without a byte order mark, and where it came from.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a str,
}

impl<'a> Source<'a> {
    /// The text of a file's bytes, or where they stop being UTF-8.
    pub(super) fn decode(bytes: &'a [u8], path: &'a Path) -> Result<Self, LabelError> {
        match std::str::from_utf8(without_mark(bytes)) {
            Ok(text) => Ok(Self { path, text }),
            Err(e) => {
                let good = &without_mark(bytes)[..e.valid_up_to()];
                let line_start = good.iter().rposition(|&b| b == b'\n').map_or(0, |i| i + 1);
                Err(LabelError::Value {
                    path: path.to_owned(),
                    line: 1 + newlines(good),
                    column: format!("byte {}", 1 + good.len() - line_start),
                    reason: "not UTF-8 text. Save the file as UTF-8; workbooks (xls, xlsx) have to be exported as csv."
                        .to_owned(),
                })
            }
        }
    }

    /// The error for a place in this file.
    pub(super) fn error(
        &self,
        line: u64,
        column: impl Into<String>,
        reason: impl Into<String>,
    ) -> LabelError {
        LabelError::Value {
            path: self.path.to_owned(),
            line,
            column: column.into(),
            reason: reason.into(),
        }
    }

    /// The error of the JSON reader. What follows `line` lines into the file is said to be there.
    pub(super) fn json_error(&self, before: u64, error: &serde_json::Error) -> LabelError {
        let text = error.to_string();
        // The place is told apart from the reason.
        let reason = text.rfind(" at line ").map_or(&*text, |end| &text[..end]);
        self.error(
            before + (error.line().max(1) as u64),
            format!("{} (character)", error.column()),
            format!("{reason}. Correct the file, or export it again."),
        )
    }

    /// A series without labels, named after the file.
    pub(super) fn series(&self) -> Series {
        let stem = self.path.file_stem().unwrap_or_default().to_string_lossy();
        let stem = stem.strip_suffix(".affect").unwrap_or(&stem);
        series(stem)
    }

    /// The lines without their ends, those at the end of the file that are blank left out.
    pub(super) fn lines(&self) -> impl Iterator<Item = (u64, &'a str)> + use<'a> {
        let text = self.text.trim_end_matches(|c: char| c.is_whitespace());
        (1..).zip(text.lines())
    }
}

/// The bytes behind a byte order mark.
pub(super) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

pub(super) fn newlines(bytes: &[u8]) -> u64 {
    bytes.iter().filter(|&&b| b == b'\n').count() as u64
}

/// A series without labels, its person told from the name's ending.
pub(super) fn series(name: &str) -> Series {
    let (video, person) = if let Some(video) = name.strip_suffix("_left") {
        (video, Some(Person::Left))
    } else if let Some(video) = name.strip_suffix("_right") {
        (video, Some(Person::Right))
    } else {
        (name, None)
    };
    Series {
        video: video.to_owned(),
        person,
        labels: Vec::new(),
        frames: None,
        passed_over: Vec::new(),
    }
}

/// `text` cut to what fits into a message.
pub(super) fn short(text: &str) -> String {
    const MOST: usize = 60;
    let text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MOST + 1)
        .collect();
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("'{}...'", &text[..end]),
        None => format!("'{text}'"),
    }
}

/// A number in `least..=most`, or the reason why not.
pub(super) fn number(text: &str, least: f64, most: f64) -> Result<f64, String> {
    match text.trim().parse::<f64>() {
        Ok(value) if value.is_finite() && (least..=most).contains(&value) => Ok(value),
        Ok(value) if value.is_finite() => Err(format!(
            "{} is outside of {least} to {most}",
            short(text.trim())
        )),
        _ => Err(format!(
            "{} is not a number; wanted is one from {least} to {most}",
            short(text.trim())
        )),
    }
}

/// A whole number in `least..=most`, or the reason why not.
pub(super) fn whole(text: &str, least: i64, most: i64) -> Result<i64, String> {
    match text.trim().parse::<i64>() {
        Ok(value) if (least..=most).contains(&value) => Ok(value),
        Ok(_) => Err(format!(
            "{} is outside of {least} to {most}",
            short(text.trim())
        )),
        Err(_) => Err(format!(
            "{} is not a whole number; wanted is one from {least} to {most}",
            short(text.trim())
        )),
    }
}

/// Folders of a picture's name with `/` between, however the file writes them.
pub(super) fn slashes(name: &str) -> String {
    name.replace('\\', "/")
}

/// The error of a file with too many rows; asked before each is kept.
pub(super) fn room(source: &Source<'_>, rows: usize, line: u64) -> Result<(), LabelError> {
    if rows < MAX_ROWS {
        return Ok(());
    }
    let reason = format!("more than {MAX_ROWS} rows. Split the file.");
    Err(source.error(line, "1", reason))
}
