//! Our own rows, csv or jsonl, as [`crate::formats::rows`] writes them. Columns are found by their names, in any
//! order; others than those wanted are passed over.

use serde_json::{Map, Value};

use super::table::{Row, Seen, Table};
use super::text::{self, Source};
use super::{Label, LabelError, LabelFormat, Labels, Series};
use crate::analysis::Status;
use crate::labels::Expression;

/// The columns that are read.
const COLUMNS: [&str; 21] = [
    "file",
    "frame",
    "time_s",
    "face_id",
    "status",
    "box_x_px",
    "box_y_px",
    "box_w_px",
    "box_h_px",
    "expression",
    "valence",
    "arousal",
    "valence_sd",
    "arousal_sd",
    "neutral",
    "anger",
    "disgust",
    "fear",
    "happiness",
    "sadness",
    "surprise",
];

/// What our own rows say beyond a label.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detail {
    /// Why there are values, or none.
    pub status: Status,
    /// Probabilities, 0..=1 each; NaN where there are none.
    pub probabilities: [f32; Expression::COUNT],
    /// Standard deviation of the network's own distribution over valence; NaN where there is none.
    pub valence_sd: f32,
    /// Likewise over arousal.
    pub arousal_sd: f32,
}

/// Every word in the column `status`; all but the first mean that the row has no values.
const STATUSES: [Status; 5] = [
    Status::Ok,
    Status::NoFace,
    Status::Dropped,
    Status::Unreadable,
    Status::Missing,
];

/// The most that a standard deviation can be: half at either end of -1..=1.
const MOST_SD: f64 = 1.0;

/// Where each of [`COLUMNS`] is.
struct Places([Option<usize>; COLUMNS.len()]);

impl Places {
    fn of(&self, name: &str) -> Option<usize> {
        let i = COLUMNS.iter().position(|c| *c == name)?;
        self.0[i]
    }
}

/// Reads our own rows, in csv or jsonl: told apart by the first character.
pub(super) fn read(source: Source<'_>) -> Result<Labels, LabelError> {
    Ok(labels(read_into(source, None)?))
}

/// Reads our own rows with all they say: a detail for every label, in the same order.
pub(super) fn read_detailed(source: Source<'_>) -> Result<(Labels, Vec<Detail>), LabelError> {
    let mut reading = read_into(source, Some(Vec::new()))?;
    let details = reading.details.take().unwrap_or_default();
    Ok((labels(reading), details))
}

fn labels(reading: Reading) -> Labels {
    Labels {
        format: LabelFormat::Affectscope,
        series: vec![reading.finish()],
    }
}

fn read_into(source: Source<'_>, details: Option<Vec<Detail>>) -> Result<Reading, LabelError> {
    let mut reading = Reading {
        series: source.series(),
        seen: Seen::default(),
        with_file: false,
        details,
    };
    if source.text.trim_start().starts_with('{') {
        read_jsonl(source, &mut reading)?;
    } else {
        let mut rows = Table::open(source, 0, b',')?;
        for name in ["frame", "status"] {
            rows.need(name)?;
        }
        let places = Places(COLUMNS.map(|name| rows.find(&[name])));
        reading.with_file = places.of("file").is_some();
        while let Some(row) = rows.next()? {
            reading.add(&row, &places)?;
        }
    }
    Ok(reading)
}

/// A line of jsonl is turned to the row that it would be in csv, so that both are read in one way.
fn read_jsonl(source: Source<'_>, reading: &mut Reading) -> Result<(), LabelError> {
    let names = COLUMNS.map(str::to_owned);
    let places = Places(std::array::from_fn(Some));
    for (line, text) in source.lines() {
        if text.trim().is_empty() {
            continue;
        }
        text::room(&source, reading.series.labels.len(), line)?;
        let object: Map<String, Value> =
            serde_json::from_str(text).map_err(|e| source.json_error(line - 1, &e))?;
        reading.with_file |= object.contains_key("file");
        let mut record = csv::StringRecord::new();
        for (i, name) in COLUMNS.iter().enumerate() {
            match object.get(*name) {
                None | Some(Value::Null) => record.push_field(""),
                Some(Value::String(text)) => record.push_field(text),
                Some(Value::Number(number)) => record.push_field(&number.to_string()),
                Some(other) => {
                    let reason = format!(
                        "{} is neither text nor a number",
                        text::short(&other.to_string())
                    );
                    return Err(source.error(line, format!("{} ({name})", i + 1), reason));
                }
            }
        }
        let row = Row {
            source,
            names: &names,
            record,
            line,
        };
        reading.add(&row, &places)?;
    }
    Ok(())
}

struct Reading {
    series: Series,
    seen: Seen,
    with_file: bool,
    /// Where they are wanted.
    details: Option<Vec<Detail>>,
}

impl Reading {
    fn add(&mut self, row: &Row<'_, '_>, places: &Places) -> Result<(), LabelError> {
        let status = places.of("status");
        let word = row.text(status);
        let Some(known) = STATUSES.into_iter().find(|s| s.name() == word) else {
            let reason = format!(
                "{} is no status; known are {}",
                text::short(word),
                STATUSES.map(Status::name).join(", ")
            );
            return Err(row.error(status, reason));
        };
        let at = places.of("frame");
        let Some(frame) = row.frame(at, 0)? else {
            return Err(row.error(at, "empty; every row has the number of its frame, from 0"));
        };
        // Taken as it stands: blanks are part of a file's name.
        let picture = row.raw(places.of("file"));
        let mut label = Label {
            line: row.line,
            frame: Some(frame),
            time_s: row.seconds(places.of("time_s"))?,
            picture: (!picture.is_empty()).then(|| picture.to_owned()),
            face_id: row.face(places.of("face_id"))?,
            ..Label::default()
        };
        if known == Status::Ok {
            let edges = ["box_x_px", "box_y_px", "box_w_px", "box_h_px"];
            label.box_px = row.box_px(edges.map(|name| places.of(name)))?;
            label.valence = row.number(places.of("valence"), -1.0, 1.0)?;
            label.arousal = row.number(places.of("arousal"), -1.0, 1.0)?;
            let at = places.of("expression");
            let name = row.text(at);
            if !name.is_empty() {
                label.expression = Some(Expression::from_name(name).ok_or_else(|| {
                    row.error(at, format!("{} is no expression", text::short(name)))
                })?);
            }
        }
        self.seen
            .add(&label)
            .map_err(|reason| row.error(at, reason))?;
        self.series.labels.push(label);
        // Looked at even where nobody wants it: what is no probability must not be taken for one later.
        let detail = detail(row, places, known)?;
        if let Some(details) = &mut self.details {
            details.push(detail);
        }
        Ok(())
    }

    fn finish(mut self) -> Series {
        let frames = || self.series.labels.iter().filter_map(|l| l.frame);
        let from_start = frames().min() == Some(0);
        if from_start && !self.with_file {
            self.series.frames = frames().max().map(|last| last + 1);
        }
        self.series
    }
}

fn detail(row: &Row<'_, '_>, places: &Places, status: Status) -> Result<Detail, LabelError> {
    let mut detail = Detail {
        status,
        probabilities: [f32::NAN; Expression::COUNT],
        valence_sd: f32::NAN,
        arousal_sd: f32::NAN,
    };
    if status != Status::Ok {
        return Ok(detail);
    }
    let number = |name: &str, most: f64| -> Result<f32, LabelError> {
        let number = row.number(places.of(name), 0.0, most)?;
        Ok(number.map_or(f32::NAN, |n| n as f32))
    };
    for expression in Expression::ALL {
        detail.probabilities[expression.index()] = number(expression.name(), 1.0)?;
    }
    detail.valence_sd = number("valence_sd", MOST_SD)?;
    detail.arousal_sd = number("arousal_sd", MOST_SD)?;
    Ok(detail)
}
