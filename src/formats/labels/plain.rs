//! A plain csv: `frame`, `time_s` or `picture`, and any of `expression`, `valence`, `arousal`.

use super::table::{self, Seen, Table};
use super::text::{self, Source};
use super::{Label, LabelError, LabelFormat, Labels};
use crate::labels::Expression;

/// What the columns are called. Frames count from 0, times are seconds.
const FRAME: [&str; 1] = ["frame"];
const TIME: [&str; 1] = ["time_s"];
const PICTURE: [&str; 2] = ["picture", "file"];
const LABELS: [&str; 3] = ["expression", "valence", "arousal"];
/// Whose face a row speaks of.
const FACE: &str = "face_id";

/// Whether these names are the header of such a file.
pub(super) fn is_header(names: &[String]) -> bool {
    let any = |wanted: &[&str]| names.iter().any(|n| wanted.contains(&&**n));
    (any(&FRAME) || any(&TIME) || any(&PICTURE)) && any(&LABELS)
}

/// The delimiter under which the line is such a header: a comma, a semicolon or a tab.
pub(super) fn delimiter(header: &str) -> Option<u8> {
    [b',', b';', b'\t'].into_iter().find(|&delimiter| {
        let names: Vec<String> = header
            .split(char::from(delimiter))
            .map(|n| n.trim().trim_matches('"').trim().to_lowercase())
            .collect();
        is_header(&names)
    })
}

/// The table of a plain csv, at its first row.
fn open(source: Source<'_>) -> Result<Table<'_>, LabelError> {
    let header = source.text.trim_start().lines().next().unwrap_or("");
    match delimiter(header) {
        Some(delimiter) => Table::open(source, 0, delimiter),
        None => {
            let reason = format!(
                "the header is {}; wanted are frame, time_s or picture, and one of expression, valence and arousal at \
                 least, with commas, semicolons or tabs between",
                text::short(header)
            );
            Err(source.error(1, "1", reason))
        }
    }
}

/// The texts of other columns, row by row.
pub(super) fn columns<const N: usize>(
    source: Source<'_>,
    names: [&str; N],
) -> Result<[Option<Vec<String>>; N], LabelError> {
    let mut rows = open(source)?;
    let places = names.map(|name| rows.find(&[name]));
    let mut columns = places.map(|place| place.map(|_| Vec::new()));
    while let Some(row) = rows.next()? {
        for (column, place) in columns.iter_mut().zip(places) {
            if let Some(column) = column {
                column.push(row.text(place).to_owned());
            }
        }
    }
    Ok(columns)
}

/// Reads a plain csv. Empty cells are labels that are not there; there is no number that means none.
pub(super) fn read(source: Source<'_>) -> Result<Labels, LabelError> {
    let mut rows = open(source)?;
    for name in FRAME.iter().chain(&TIME).chain(&PICTURE).chain(&LABELS) {
        if rows.names.iter().filter(|n| n == name).count() > 1 {
            let reason = format!("the header has the column '{name}' twice. Keep one of the two.");
            return Err(source.error(rows.header_line, "1", reason));
        }
    }
    let [frame, time, picture] = [rows.find(&FRAME), rows.find(&TIME), rows.find(&PICTURE)];
    let face = rows.find(&[FACE]);
    let [expression, valence, arousal] = LABELS.map(|name| rows.find(&[name]));
    let mut series = source.series();
    let known = [frame, time, picture, face, expression, valence, arousal];
    series.passed_over = (0..rows.names.len())
        .filter(|i| !known.contains(&Some(*i)))
        .map(|i| rows.names[i].clone())
        .collect();
    let mut seen = Seen::default();
    while let Some(row) = rows.next()? {
        let name = row.text(picture);
        let mut label = Label {
            line: row.line,
            frame: row.frame(frame, 0)?,
            time_s: row.seconds(time)?,
            picture: (!name.is_empty()).then(|| text::slashes(name)),
            face_id: row.face(face)?,
            valence: row.number(valence, -1.0, 1.0)?,
            arousal: row.number(arousal, -1.0, 1.0)?,
            ..Label::default()
        };
        if label.frame.is_none() && label.time_s.is_none() && label.picture.is_none() {
            let reason = "empty: the row says of no frame, time or picture what it labels";
            return Err(row.error(frame.or(time).or(picture), reason));
        }
        let text = row.text(expression);
        if !text.is_empty() {
            label.expression = Some(named(text).map_err(|why| row.error(expression, why))?);
        }
        seen.add(&label).map_err(|why| row.error(frame, why))?;
        series.labels.push(label);
    }
    if picture.is_none() {
        series.frames = table::complete(&series.labels);
    }
    Ok(Labels {
        format: LabelFormat::Plain,
        series: vec![series],
    })
}

/// An expression by its name, or by its number in our order.
fn named(text: &str) -> Result<Expression, String> {
    let number = || Expression::ALL.get(text.parse::<usize>().ok()?).copied();
    Expression::from_name(text).or_else(number).ok_or_else(|| {
        format!(
            "{} is no expression; wanted is a name ({}) or a number from 0 to 6 in that order",
            text::short(text),
            Expression::ALL.map(Expression::name).join(", ")
        )
    })
}
