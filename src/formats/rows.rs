//! The program's own rows: one for each frame and face, and one for every frame without a face.

mod convert;
pub(crate) mod parquet;
mod table;

use std::io::{self, Write};

use crate::analysis::{LANDMARK_NAMES, Reading, Record};
use crate::labels::Expression;

pub use self::convert::{ConvertError, convert};
pub use self::table::{TableFormat, TableWriter};

/// The table of a video that lies beside it, in whatever format `analyze` wrote it.
pub fn table_beside(video: &std::path::Path) -> Option<std::path::PathBuf> {
    let endings = ["affect.csv", "affect.parquet", "affect.jsonl"];
    let mut tables = endings.iter().map(|end| video.with_extension(end));
    tables.find(|table| table.is_file())
}

/// How rows are written as they come, each whole once it is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum RowFormat {
    /// Comma-separated, with a header line.
    #[default]
    Csv,
    /// One JSON object a line, with the same names; absent values are `null`.
    Jsonl,
}

impl RowFormat {
    /// The ending of its files.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Jsonl => "jsonl",
        }
    }
}

/// A column and what it means, for the sidecar.
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its unit or range, and what an empty cell means.
    pub unit: &'static str,
}

/// The columns in their order; `with_file` puts `file` first (tables made from a folder).
pub fn columns(with_file: bool) -> Vec<Column> {
    let column = |name: &str, unit: &'static str| Column {
        name: name.to_owned(),
        unit,
    };
    let mut all = Vec::new();
    if with_file {
        all.push(column("file", "the picture's file name"));
    }
    all.extend([
        column("frame", "number of the frame, from 0"),
        column(
            "time_s",
            "seconds: the container's time stamp, or since the first frame for a camera",
        ),
        column("face_id", "stays with a face while it is tracked, from 1"),
        column("status", "ok, no_face, dropped, unreadable, missing"),
        column("detection_score", "the detector's score, about 2 and up"),
        column("box_x_px", "pixels, left edge of the face box"),
        column("box_y_px", "pixels, upper edge"),
        column("box_w_px", "pixels"),
        column("box_h_px", "pixels"),
    ]);
    all.extend(Expression::ALL.map(|e| column(e.name(), "probability, 0 to 1")));
    all.extend([
        column("expression", "the most probable expression"),
        column("valence", "-1 unpleasant to +1 pleasant"),
        column("arousal", "-1 calm to +1 active"),
        column(
            "valence_sd",
            "standard deviation of the network's own distribution over valence",
        ),
        column(
            "arousal_sd",
            "standard deviation of the network's own distribution over arousal",
        ),
        column(
            "latency_ms",
            "milliseconds from capture to the end of the analysis; empty for files",
        ),
    ]);
    for name in LANDMARK_NAMES {
        for axis in ["x", "y"] {
            all.push(column(
                &format!("{name}_{axis}_px"),
                "pixels; left and right are the picture's",
            ));
        }
    }
    all
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Whole,
    /// With so many decimals, where it is a column of ours.
    Number(Option<usize>),
    Text,
}

impl Kind {
    fn decimals(self) -> usize {
        match self {
            Self::Number(decimals) => decimals.unwrap_or(6),
            Self::Whole | Self::Text => 0,
        }
    }
}

/// What the column of this name holds; text, where it is none of ours.
fn kind_of(name: &str) -> Kind {
    match name {
        "frame" | "face_id" => Kind::Whole,
        "file" | "status" | "expression" => Kind::Text,
        "detection_score" => Kind::Number(Some(SCORE_DECIMALS)),
        "time_s" | "valence" | "arousal" | "valence_sd" | "arousal_sd" => {
            Kind::Number(Some(DECIMALS))
        }
        "latency_ms" => Kind::Number(Some(PX_DECIMALS)),
        name if Expression::ALL.iter().any(|e| e.name() == name) => Kind::Number(Some(DECIMALS)),
        name if columns(false).iter().any(|c| c.name == name) => Kind::Number(Some(PX_DECIMALS)),
        _ => Kind::Text,
    }
}

/// Decimals of times, probabilities, valence and arousal.
const DECIMALS: usize = 6;
/// Of pixels and milliseconds.
const PX_DECIMALS: usize = 2;
/// Of the detector's score.
const SCORE_DECIMALS: usize = 3;

/// A cell: text, a number as it is to be printed, or nothing.
enum Cell<'a> {
    Text(&'a str),
    Number(String),
    Empty,
}

/// `value` with so many decimals, and never a minus before nothing but zeros.
fn number(value: f64, decimals: usize) -> Cell<'static> {
    if !value.is_finite() {
        return Cell::Empty;
    }
    let text = format!("{value:.decimals$}");
    let zero = text.starts_with('-') && text.bytes().all(|b| matches!(b, b'-' | b'.' | b'0'));
    Cell::Number(if zero { text[1..].to_owned() } else { text })
}

fn cells<'a>(record: &'a Record, reading: Option<&Reading>, with_file: bool) -> Vec<Cell<'a>> {
    let mut row = Vec::with_capacity(34);
    if with_file {
        row.push(record.file.as_deref().map_or(Cell::Empty, Cell::Text));
    }
    row.push(Cell::Number(record.stamp.index.to_string()));
    row.push(number(record.stamp.time_s, DECIMALS));
    row.push(reading.map_or(Cell::Empty, |r| Cell::Number(r.face_id.to_string())));
    row.push(Cell::Text(record.status.name()));
    match reading {
        Some(r) => {
            match &r.place {
                Some(place) => {
                    row.push(number(f64::from(place.detection_score), SCORE_DECIMALS));
                    let b = place.box_px;
                    row.extend([b.x, b.y, b.w, b.h].map(|v| number(f64::from(v), PX_DECIMALS)));
                }
                None => row.extend((0..5).map(|_| Cell::Empty)),
            }
            let e = &r.estimate;
            row.extend(e.probabilities.map(|p| number(f64::from(p), DECIMALS)));
            row.push(Cell::Text(e.expression().name()));
            row.extend(
                [e.valence, e.arousal, e.valence_sd, e.arousal_sd]
                    .map(|v| number(f64::from(v), DECIMALS)),
            );
        }
        None => row.extend((0..17).map(|_| Cell::Empty)),
    }
    row.push(
        record
            .latency_ms
            .map_or(Cell::Empty, |ms| number(ms, PX_DECIMALS)),
    );
    match reading.and_then(|r| r.place) {
        Some(place) => row.extend(
            place
                .landmarks_px
                .iter()
                .flatten()
                .map(|&v| number(f64::from(v), PX_DECIMALS)),
        ),
        None => row.extend((0..10).map(|_| Cell::Empty)),
    }
    row
}

/// Writes records as rows.
pub struct RowWriter<W: Write> {
    format: RowFormat,
    with_file: bool,
    names: Vec<String>,
    out: W,
    line: Vec<u8>,
    rows: u64,
}

impl<W: Write> RowWriter<W> {
    /// Begins a table; the header is written at once.
    ///
    /// # Errors
    /// The writer's.
    pub fn new(out: W, format: RowFormat, with_file: bool) -> io::Result<Self> {
        let names = columns(with_file).into_iter().map(|c| c.name).collect();
        Self::of_columns(out, format, with_file, names)
    }

    /// Of a table with these columns; what is written is [`RowWriter::put`] alone.
    fn of_columns(
        out: W,
        format: RowFormat,
        with_file: bool,
        names: Vec<String>,
    ) -> io::Result<Self> {
        let mut writer = Self {
            format,
            with_file,
            names,
            out,
            line: Vec::new(),
            rows: 0,
        };
        if format == RowFormat::Csv {
            writer.line = csv_line(writer.names.iter().map(String::as_bytes))?;
            writer.out.write_all(&writer.line)?;
        }
        Ok(writer)
    }

    /// Writes a record: a row for each face, or one without. Each row goes out in one piece, so that what is on disk
    /// is whole rows.
    ///
    /// # Errors
    /// The writer's.
    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        if record.readings.is_empty() {
            self.row(record, None)?;
        }
        for reading in &record.readings {
            self.row(record, Some(reading))?;
        }
        Ok(())
    }

    fn row(&mut self, record: &Record, reading: Option<&Reading>) -> io::Result<()> {
        self.put(&cells(record, reading, self.with_file))
    }

    /// Writes a row, a cell for each column.
    fn put(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        debug_assert_eq!(cells.len(), self.names.len());
        match self.format {
            RowFormat::Csv => {
                self.line = csv_line(cells.iter().map(|cell| match cell {
                    Cell::Text(text) => text.as_bytes(),
                    Cell::Number(text) => text.as_bytes(),
                    Cell::Empty => b"",
                }))?;
            }
            RowFormat::Jsonl => {
                self.line.clear();
                for (i, (name, cell)) in self.names.iter().zip(cells).enumerate() {
                    self.line.push(if i == 0 { b'{' } else { b',' });
                    serde_json::to_writer(&mut self.line, name)?;
                    self.line.push(b':');
                    match cell {
                        Cell::Text(text) => serde_json::to_writer(&mut self.line, text)?,
                        Cell::Number(text) => self.line.extend_from_slice(text.as_bytes()),
                        Cell::Empty => self.line.extend_from_slice(b"null"),
                    }
                }
                self.line.extend_from_slice(b"}\n");
            }
        }
        self.out.write_all(&self.line)?;
        self.rows += 1;
        Ok(())
    }

    /// Rows written.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Hands everything on to the system.
    ///
    /// # Errors
    /// The writer's.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// The writer beneath.
    pub fn into_inner(self) -> W {
        self.out
    }
}

fn csv_line<'a>(fields: impl Iterator<Item = &'a [u8]>) -> io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new()
        .buffer_capacity(1 << 10)
        .from_writer(Vec::new());
    for field in fields {
        writer.write_field(field)?;
    }
    writer.write_record(None::<&[u8]>)?;
    writer.into_inner().map_err(|e| e.into_error())
}
