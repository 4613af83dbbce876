//! A table of ours from one format into another: the same columns, the same values.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::{Cell, Kind, TableFormat, TableWriter, kind_of, number, parquet};
use crate::formats::labels::{self, LabelError, LabelFormat};
use crate::formats::output::{Output, OutputError, write_whole};
use crate::formats::sidecar::sidecar_path;

/// Tables above are refused, as by the readers of labels.
const MAX_BYTES: u64 = 1 << 30;

/// Why a table cannot be converted.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// It cannot be read, or a value in it cannot be.
    #[error(transparent)]
    Labels(#[from] LabelError),
    /// It is a file of labels of another kind.
    #[error("{path}: is no table of `affectscope analyze` or `record`. Give such a table.", path = .0.display())]
    NoRows(PathBuf),
    /// It cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// Writes a table of ours once more in the format given, with its sidecar beside it where there is one; gives the number
/// of rows. Numbers are to the last digit those of the table that is read.
///
/// # Errors
/// When `input` is no table of ours or wrong, and when `output` cannot be written; nothing is left of it then.
pub fn convert(
    input: &Path,
    output: &Path,
    format: TableFormat,
    force: bool,
) -> Result<u64, ConvertError> {
    // Every value is looked at before anything is written.
    if labels::read(input)?.format != LabelFormat::Affectscope {
        return Err(ConvertError::NoRows(input.to_owned()));
    }
    let unread = |reason| LabelError::Io {
        path: input.to_owned(),
        reason,
    };
    let unwritten = |reason| OutputError::Io {
        path: output.to_owned(),
        reason,
    };
    let (from, to) = (sidecar_path(input), sidecar_path(output));
    let sidecar = std::fs::read(&from).ok().filter(|_| from != to);
    let mut rows = Rows::open(input).map_err(unread)?;
    let out = Output::create(output, force)?;
    if sidecar.is_some() && !force && to.symlink_metadata().is_ok() {
        return Err(OutputError::Exists(to).into());
    }
    let names = rows.names.clone();
    let kinds: Vec<Kind> = names.iter().map(|name| kind_of(name)).collect();
    let mut table = TableWriter::of_columns(out, format, false, names).map_err(unwritten)?;
    while let Some(texts) = rows.next().map_err(unread)? {
        let cells: Vec<Cell<'_>> = texts
            .iter()
            .zip(&kinds)
            .map(|(text, kind)| match (text.as_str(), kind) {
                ("", _) => Cell::Empty,
                (text, Kind::Text) => Cell::Text(text),
                (text, _) => Cell::Number(text.trim().to_owned()),
            })
            .collect();
        table.put(&cells).map_err(unwritten)?;
    }
    let count = table.rows();
    table.finish().map_err(unwritten)?.finish()?;
    if let Some(bytes) = sidecar {
        write_whole(&to, &bytes, force)?;
    }
    Ok(count)
}

/// The rows of a table as texts, whatever it is written in.
struct Rows {
    names: Vec<String>,
    lines: Lines,
}

enum Lines {
    Csv(Box<csv::Reader<Box<dyn io::Read>>>),
    Json {
        file: BufReader<File>,
        /// A line that was read for its names.
        first: Option<String>,
    },
}

impl Rows {
    fn open(path: &Path) -> io::Result<Self> {
        let mut file = BufReader::new(File::open(path)?);
        let head = file.fill_buf()?;
        if parquet::is_parquet(head) {
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            let text = parquet::to_csv(bytes, MAX_BYTES).map_err(io::Error::other)?;
            return Self::csv(Box::new(io::Cursor::new(text)));
        }
        if head.starts_with(b"\xef\xbb\xbf") {
            file.consume(3);
        }
        let is_json = file.fill_buf()?.trim_ascii_start().starts_with(b"{");
        if !is_json {
            return Self::csv(Box::new(file));
        }
        let mut first = String::new();
        while first.trim().is_empty() && file.read_line(&mut first)? > 0 {}
        let object: Map<String, Value> = serde_json::from_str(&first)?;
        Ok(Self {
            names: object.keys().cloned().collect(),
            lines: Lines::Json {
                file,
                first: Some(first),
            },
        })
    }

    fn csv(from: Box<dyn io::Read>) -> io::Result<Self> {
        let mut reader = csv::Reader::from_reader(from);
        let names = reader.headers()?;
        Ok(Self {
            names: names.iter().map(|n| n.trim().to_lowercase()).collect(),
            lines: Lines::Csv(Box::new(reader)),
        })
    }

    fn next(&mut self) -> io::Result<Option<Vec<String>>> {
        match &mut self.lines {
            Lines::Csv(reader) => {
                let mut record = csv::StringRecord::new();
                if !reader.read_record(&mut record)? {
                    return Ok(None);
                }
                Ok(Some(record.iter().map(str::to_owned).collect()))
            }
            Lines::Json { file, first } => {
                let mut line = first.take().unwrap_or_default();
                while line.trim().is_empty() {
                    line.clear();
                    if file.read_line(&mut line)? == 0 {
                        return Ok(None);
                    }
                }
                let object: Map<String, Value> = serde_json::from_str(&line)?;
                let cell = |name: &String| text(object.get(name), kind_of(name));
                Ok(Some(self.names.iter().map(cell).collect()))
            }
        }
    }
}

fn text(value: Option<&Value>, kind: Kind) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(n)) => match (n.as_f64(), kind) {
            (Some(v), Kind::Number(Some(decimals))) => match number(v, decimals) {
                Cell::Number(text) => text,
                _ => String::new(),
            },
            _ => n.to_string(),
        },
        Some(other) => other.to_string(),
    }
}
