//! The files of the ABAW competitions: annotations and 2021 submissions of Aff-Wild2, and the flat file of ABAW 5
//! and 6 (their sites: ibug.doc.ic.ac.uk/resources/aff-wild2, affective-behavior-analysis-in-the-wild.github.io).

use std::collections::HashMap;

use super::table::{self, Seen, Table};
use super::text::{self, Source};
use super::{Label, LabelError, LabelFormat, Labels, Series};
use crate::labels::Expression;

/// What a line stands for when the frame has no valence or arousal.
const NO_VALUE: f64 = -5.0;
/// What stands for no expression.
const NO_CLASS: i64 = -1;
/// The eighth class of ABAW 3 and later: none of the seven.
const OTHER: i64 = 7;

/// The expressions' header, lower case, without blanks; `other` may follow.
fn is_expr_header(names: &[String]) -> bool {
    let seven = names.len() >= Expression::COUNT
        && Expression::ALL
            .iter()
            .zip(names)
            .all(|(e, n)| e.name() == n);
    seven && matches!(names.len() - Expression::COUNT, 0)
        || seven && names.len() == 8 && names[7] == "other"
}

/// Which of the two one-line-a-frame files these names are the header of.
pub(super) fn header_of(names: &[String]) -> Option<LabelFormat> {
    if names == ["valence", "arousal"] {
        Some(LabelFormat::AffWild2Va)
    } else if is_expr_header(names) {
        Some(LabelFormat::AffWild2Expr)
    } else {
        None
    }
}

/// Whether these names are the header of a flat file.
pub(super) fn is_flat_header(names: &[String]) -> bool {
    names.first().is_some_and(|n| n == "image_location") && header_of(&names[1..]).is_some()
}

/// A class number up to `last`: an expression, or one of those that stand for none.
fn class(text: &str, last: i64) -> Result<Option<Expression>, String> {
    let text = text.trim();
    if text.parse() == Ok(NO_VALUE) {
        return Ok(None);
    }
    match text::whole(text, NO_CLASS, last)? {
        NO_CLASS | OTHER => Ok(None),
        n => Ok(usize::try_from(n)
            .ok()
            .and_then(|n| Expression::ALL.get(n).copied())),
    }
}

/// A value in -1..=1, or -5 for none.
fn value(text: &str) -> Result<Option<f64>, String> {
    if text.trim().parse() == Ok(NO_VALUE) {
        return Ok(None);
    }
    text::number(text, -1.0, 1.0)
        .map(Some)
        .map_err(|reason| format!("{reason}, or -5 for none"))
}

/// The names in a header line.
pub(super) fn names_of(line: &str) -> Vec<String> {
    line.split(',').map(|n| n.trim().to_lowercase()).collect()
}

/// Reads a file with one line a frame. Its lines are counted, so that an empty one is an error and never passed over:
/// every frame after it would be another.
pub(super) fn read_frames(source: Source<'_>, format: LabelFormat) -> Result<Labels, LabelError> {
    let mut lines = source.lines();
    let header = lines.next().map_or("", |(_, line)| line);
    if header_of(&names_of(header)) != Some(format) {
        let reason = format!(
            "the header is {}; wanted is '{}'. Name the right format with --format.",
            text::short(header),
            match format {
                LabelFormat::AffWild2Va => super::abaw_write::VA_HEADER,
                _ => super::abaw_write::EXPR_HEADER,
            }
        );
        return Err(source.error(1, "1", reason));
    }
    // Only a header that names an eighth class has one.
    let last = match names_of(header).len() {
        8 => OTHER,
        _ => OTHER - 1,
    };
    let mut series = source.series();
    for (line, text) in lines {
        text::room(&source, series.labels.len(), line)?;
        let mut label = Label {
            line,
            frame: Some(line - 2),
            ..Label::default()
        };
        if text.trim().is_empty() {
            let reason = "an empty line. Every frame has a line; mark one without a label as invalid (-1, or -5,-5).";
            return Err(source.error(line, "1", reason));
        }
        let fields: Vec<&str> = text.split(',').collect();
        let names: &[&str] = match format {
            LabelFormat::AffWild2Va => &["valence", "arousal"],
            _ => &["expression"],
        };
        let column = |i: usize| match names.get(i) {
            Some(name) => format!("{} ({name})", i + 1),
            None => (i + 1).to_string(),
        };
        if fields.len() != names.len() {
            let reason = format!(
                "{} fields in {}; wanted is {} on every line ({}).",
                fields.len(),
                text::short(text),
                names.len(),
                names.join(",")
            );
            return Err(source.error(line, column(fields.len().min(names.len())), reason));
        }
        let at = |i: usize| move |reason: String| source.error(line, column(i), reason);
        if format == LabelFormat::AffWild2Va {
            label.valence = value(fields[0]).map_err(at(0))?;
            label.arousal = value(fields[1]).map_err(at(1))?;
        } else {
            label.expression = class(fields[0], last).map_err(at(0))?;
        }
        series.labels.push(label);
    }
    series.frames = Some(series.labels.len() as u64);
    Ok(Labels {
        format,
        series: vec![series],
    })
}

/// Reads a flat file: a row a picture, `video/00001.jpg` with the frame's number from 1.
pub(super) fn read_flat(source: Source<'_>) -> Result<Labels, LabelError> {
    let mut rows = Table::open(source, 0, b',')?;
    if !is_flat_header(&rows.names) {
        let reason = "the header is none of a flat ABAW file (image_location,valence,arousal or \
                      image_location,Neutral,...,Other). Name the right format with --format.";
        return Err(source.error(rows.header_line, "1", reason));
    }
    let va = rows.names.len() == 3;
    if !va {
        // The header names the classes; the rows give one number.
        rows.names = vec!["image_location".to_owned(), "expression".to_owned()];
    }
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut all: Vec<(Series, Seen)> = Vec::new();
    while let Some(row) = rows.next()? {
        let picture = text::slashes(row.text(Some(0)));
        let Some((video, frame)) = place(&picture) else {
            let reason = format!(
                "{} is no picture of a video; wanted is video/00001.jpg, its number from 1 to {}",
                text::short(&picture),
                text::MAX_FRAME
            );
            return Err(row.error(Some(0), reason));
        };
        let next = all.len();
        let place = *places.entry(video.to_owned()).or_insert(next);
        if place == next {
            all.push((text::series(video), Seen::default()));
        }
        let (series, seen) = &mut all[place];
        let mut label = Label {
            line: row.line,
            frame: Some(frame),
            picture: Some(picture.clone()),
            ..Label::default()
        };
        let at = |i: usize| {
            let row = &row;
            move |reason: String| row.error(Some(i), reason)
        };
        if va {
            label.valence = value(row.text(Some(1))).map_err(at(1))?;
            label.arousal = value(row.text(Some(2))).map_err(at(2))?;
        } else {
            label.expression = class(row.text(Some(1)), OTHER).map_err(at(1))?;
        }
        seen.add(&Label {
            picture: None,
            ..label.clone()
        })
        .map_err(at(0))?;
        series.labels.push(label);
    }
    let mut series: Vec<Series> = all.into_iter().map(|(series, _)| series).collect();
    for one in &mut series {
        one.frames = table::complete(&one.labels);
    }
    if series.is_empty() {
        series.push(source.series());
    }
    Ok(Labels {
        format: LabelFormat::AbawFlat,
        series,
    })
}

/// The video and the frame, from 0, that a picture's name speaks of.
fn place(picture: &str) -> Option<(&str, u64)> {
    let (video, name) = picture.rsplit_once('/')?;
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let digits = !stem.is_empty() && stem.bytes().all(|b| b.is_ascii_digit());
    let number: u64 = digits.then(|| stem.parse().ok())??;
    let known = !video.is_empty() && (1..=text::MAX_FRAME).contains(&number);
    known.then(|| (video, number - 1))
}
