//! The first and the last rows of a table: how many frames it has, and how long they take.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use serde_json::Value;

use crate::formats::labels::{LabelFormat, sniff};
use crate::formats::rows::parquet;

/// Bytes that are read at either end. A row has some hundred.
const END_BYTES: u64 = 64 << 10;

/// What the ends of a table tell.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Glance {
    /// The last frame's number, and one.
    pub frames: Option<u64>,
    /// From the first frame to the end of the last, seconds; the last is taken to last as long as the others do.
    pub length_s: Option<f64>,
    /// The last row is half a row.
    pub cut: bool,
}

/// A row's frame and time.
type Stamp = (u64, Option<f64>);

/// How the rows of a table are read.
enum Columns {
    Csv { frame: usize, time_s: Option<usize> },
    Jsonl,
}

/// Reads the ends of a table.
///
/// # Errors
/// Why it is none, in words.
pub(super) fn glance(path: &Path) -> Result<Glance, String> {
    let io = |e: io::Error| format!("It cannot be read ({e}).");
    // Asked before it is opened: that would wait for the other end of a pipe.
    let there = path.metadata().map_err(io)?;
    if !there.is_file() {
        return Err("It is no ordinary file.".to_owned());
    }
    let length = there.len();
    if length == 0 {
        return Err("It is empty.".to_owned());
    }
    let mut file = File::open(path).map_err(io)?;
    let mut head = Vec::new();
    let mut start = (&mut file).take(END_BYTES);
    start.read_to_end(&mut head).map_err(io)?;
    if sniff(&head) != Some(LabelFormat::Affectscope) {
        return Err("It does not begin as a table of this program's rows.".to_owned());
    }
    if head.starts_with(parquet::MAGIC) {
        return parquet::ends(path).map(|ends| Glance::of(ends, false));
    }
    let from = length.saturating_sub(END_BYTES);
    file.seek(SeekFrom::Start(from)).map_err(io)?;
    let mut tail = Vec::new();
    file.take(END_BYTES).read_to_end(&mut tail).map_err(io)?;
    let cut = tail.last() != Some(&b'\n');

    let mut lines = head.split(|&b| b == b'\n');
    let (columns, first) = if head.trim_ascii_start().starts_with(b"{") {
        (Columns::Jsonl, lines.next())
    } else {
        let header = lines.next().unwrap_or_default();
        let names = fields(header).unwrap_or_default();
        let place = |name: &str| names.iter().position(|n| n.trim() == name);
        let frame = place("frame").ok_or("It has no column of frames.")?;
        let time_s = place("time_s");
        (Columns::Csv { frame, time_s }, lines.next())
    };
    let first = first.and_then(|line| columns.stamp(line));
    // The last piece is what follows the last line's end: nothing, or half a row.
    let whole = tail.rsplit(|&b| b == b'\n').skip(1);
    let last = whole
        .filter(|line| !line.trim_ascii().is_empty())
        .find_map(|line| columns.stamp(line));
    let (Some(first), Some(last)) = (first, last) else {
        return Err("It has no rows.".to_owned());
    };
    Ok(Glance::of([first, last], cut))
}

impl Glance {
    fn of([first, last]: [Stamp; 2], cut: bool) -> Self {
        let steps = last.0.saturating_sub(first.0);
        let length_s = first.1.zip(last.1).and_then(|(a, b)| {
            let lasts_s = b - a;
            (steps > 0 && lasts_s > 0.0).then(|| lasts_s + lasts_s / steps as f64)
        });
        Self {
            frames: last.0.checked_add(1),
            length_s,
            cut,
        }
    }
}

impl Columns {
    fn stamp(&self, line: &[u8]) -> Option<Stamp> {
        let finite = |t: &f64| t.is_finite();
        match *self {
            Self::Csv { frame, time_s } => {
                let fields = fields(line)?;
                let number = fields.get(frame)?.trim().parse().ok()?;
                let time_s = time_s.and_then(|at| fields.get(at)?.trim().parse().ok());
                Some((number, time_s.filter(finite)))
            }
            Self::Jsonl => {
                let row: Value = serde_json::from_slice(line).ok()?;
                Some((
                    row["frame"].as_u64()?,
                    row["time_s"].as_f64().filter(finite),
                ))
            }
        }
    }
}

/// The fields of one line of csv.
fn fields(line: &[u8]) -> Option<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(line);
    let record = reader.byte_records().next()?.ok()?;
    let text = |field: &[u8]| String::from_utf8_lossy(field).into_owned();
    Some(record.iter().map(text).collect())
}
