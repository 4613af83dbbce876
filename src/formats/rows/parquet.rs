//! Rows as Parquet: the columns of the csv by the same names. Whole numbers are `INT64`, words are strings, everything
//! else is `DOUBLE`; where the csv leaves a cell empty there is a null. A number is the one that the csv prints.

use std::fs::File;
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::record::Field;
use parquet::schema::types::Type;

use super::{Cell, Kind, csv_line, kind_of, number};

/// Rows of a group, which is written at once: some 20 MiB are held for it.
const GROUP_ROWS: usize = 65_536;

/// What a Parquet file begins and ends with.
pub const MAGIC: &[u8] = b"PAR1";

/// The first and the last frame of a table, each with its time in seconds where there is one, from what the file's end
/// says of its columns: no row is read.
///
/// # Errors
/// Why it cannot be told, in words.
pub fn ends(path: &Path) -> Result<[(u64, Option<f64>); 2], String> {
    let broken = |e: &dyn std::fmt::Display| format!("It cannot be read as Parquet ({e}).");
    let file = File::open(path).map_err(|e| broken(&e))?;
    let read = catch_unwind(AssertUnwindSafe(|| SerializedFileReader::new(file)));
    let file = read
        .map_err(|_| broken(&"its end is damaged"))?
        .map_err(|e| broken(&e))?;
    let (mut frames, mut times_s): (Option<[i64; 2]>, Option<[f64; 2]>) = (None, None);
    for group in file.metadata().row_groups() {
        for column in group.columns() {
            match (column.column_path().string().as_str(), column.statistics()) {
                ("frame", Some(Statistics::Int64(s))) => {
                    if let (Some(&low), Some(&high)) = (s.min_opt(), s.max_opt()) {
                        let [a, b] = frames.unwrap_or([low, high]);
                        frames = Some([a.min(low), b.max(high)]);
                    }
                }
                ("time_s", Some(Statistics::Double(s))) => {
                    if let (Some(&low), Some(&high)) = (s.min_opt(), s.max_opt()) {
                        let [a, b] = times_s.unwrap_or([low, high]);
                        times_s = Some([a.min(low), b.max(high)]);
                    }
                }
                _ => {}
            }
        }
    }
    let Some([first, last]) = frames else {
        return Err(
            "Its end does not say which frames it has; write it again with `affectscope convert`."
                .to_owned(),
        );
    };
    let frame = |n: i64| u64::try_from(n).map_err(|_| "It has a frame below 0.".to_owned());
    let time_s = |i: usize| times_s.map(|t| t[i]).filter(|t| t.is_finite());
    Ok([(frame(first)?, time_s(0)), (frame(last)?, time_s(1))])
}

/// A column's cells of the group that is being gathered.
enum Values {
    Whole(Vec<i64>),
    Number(Vec<f64>),
    Text(Vec<ByteArray>),
}

struct Gathered {
    values: Values,
    /// Of each cell 1 where there is a value, 0 where it is null.
    there: Vec<i16>,
}

impl Gathered {
    fn new(kind: Kind) -> Self {
        Self {
            values: match kind {
                Kind::Whole => Values::Whole(Vec::new()),
                Kind::Text => Values::Text(Vec::new()),
                Kind::Number(_) => Values::Number(Vec::new()),
            },
            there: Vec::new(),
        }
    }

    fn push(&mut self, cell: &Cell<'_>) -> io::Result<()> {
        let text: &str = match cell {
            Cell::Empty => {
                self.there.push(0);
                return Ok(());
            }
            Cell::Text(text) => text,
            Cell::Number(text) => text,
        };
        let wrong = || io::Error::other(format!("{text} is no number"));
        match &mut self.values {
            Values::Whole(all) => all.push(text.parse().map_err(|_| wrong())?),
            Values::Number(all) => all.push(text.parse().map_err(|_| wrong())?),
            Values::Text(all) => all.push(ByteArray::from(text)),
        }
        self.there.push(1);
        Ok(())
    }

    fn write<W: Write + Send>(
        &mut self,
        group: &mut SerializedRowGroupWriter<'_, W>,
    ) -> Result<(), ParquetError> {
        fn put<T: DataType, W: Write + Send>(
            group: &mut SerializedRowGroupWriter<'_, W>,
            values: &[T::T],
            there: &[i16],
        ) -> Result<(), ParquetError> {
            let Some(mut column) = group.next_column()? else {
                return Err(ParquetError::General("a column too many".to_owned()));
            };
            column.typed::<T>().write_batch(values, Some(there), None)?;
            column.close()
        }
        let there = std::mem::take(&mut self.there);
        match &mut self.values {
            Values::Whole(all) => put::<Int64Type, W>(group, &std::mem::take(all), &there),
            Values::Number(all) => put::<DoubleType, W>(group, &std::mem::take(all), &there),
            Values::Text(all) => put::<ByteArrayType, W>(group, &std::mem::take(all), &there),
        }
    }
}

/// Writes rows as Parquet. It can be read once [`ParquetRows::finish`] has written what is at its end.
pub(super) struct ParquetRows<W: Write + Send> {
    file: SerializedFileWriter<W>,
    columns: Vec<Gathered>,
    gathered: usize,
}

// By value, as `map_err` hands it over.
#[allow(clippy::needless_pass_by_value)]
fn as_io(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(error) => io::Error::other(error.to_string()),
        },
        error => io::Error::other(error.to_string()),
    }
}

impl<W: Write + Send> ParquetRows<W> {
    pub fn new(out: W, names: &[String]) -> io::Result<Self> {
        let kinds: Vec<Kind> = names.iter().map(|name| kind_of(name)).collect();
        let fields = names.iter().zip(&kinds).map(|(name, kind)| {
            let (physical, logical) = match kind {
                Kind::Whole => (Physical::INT64, None),
                Kind::Number(_) => (Physical::DOUBLE, None),
                Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            };
            Type::primitive_type_builder(name, physical)
                .with_logical_type(logical)
                .with_repetition(Repetition::OPTIONAL)
                .build()
                .map(Arc::new)
        });
        let fields = fields.collect::<Result<Vec<_>, _>>().map_err(as_io)?;
        let schema = Type::group_type_builder("rows").with_fields(fields).build();
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("affectscope ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let schema = Arc::new(schema.map_err(as_io)?);
        Ok(Self {
            file: SerializedFileWriter::new(out, schema, Arc::new(properties)).map_err(as_io)?,
            columns: kinds.into_iter().map(Gathered::new).collect(),
            gathered: 0,
        })
    }

    pub fn row(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.push(cell)?;
        }
        self.gathered += 1;
        if self.gathered == GROUP_ROWS {
            self.write_group()?;
        }
        Ok(())
    }

    fn write_group(&mut self) -> io::Result<()> {
        if self.gathered == 0 {
            return Ok(());
        }
        self.gathered = 0;
        let mut group = self.file.next_row_group().map_err(as_io)?;
        for column in &mut self.columns {
            column.write(&mut group).map_err(as_io)?;
        }
        group.close().map_err(as_io)?;
        Ok(())
    }

    /// Writes the rest; gives the writer beneath.
    pub fn finish(mut self) -> io::Result<W> {
        self.write_group()?;
        self.file.into_inner().map_err(as_io)
    }
}

/// Whether a file begins as Parquet does.
pub(in crate::formats) fn is_parquet(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// A table of Parquet as the csv that it would be, at most `most_bytes` long. Numbers in columns of ours have as many
/// decimals as our csv has.
///
/// # Errors
/// Why it cannot be read, in words, with what to do.
pub(in crate::formats) fn to_csv(bytes: Vec<u8>, most_bytes: u64) -> Result<Vec<u8>, String> {
    let read = AssertUnwindSafe(|| read(bytes, most_bytes));
    // The reader of a damaged file may give up in its own way.
    catch_unwind(read).unwrap_or_else(|_| Err(damaged("it is not built as Parquet is")))
}

fn damaged(why: &str) -> String {
    format!("it begins as Parquet does and cannot be read ({why}). Write or copy it again.")
}

fn read(bytes: Vec<u8>, most_bytes: u64) -> Result<Vec<u8>, String> {
    let broken = |e: ParquetError| damaged(&e.to_string());
    let file = SerializedFileReader::new(Bytes::from(bytes)).map_err(broken)?;
    let metadata = file.metadata();
    let fields = metadata.file_metadata().schema().get_fields();
    if let Some(nested) = fields.iter().find(|f| f.is_group()) {
        return Err(format!(
            "its column {} is a table of its own, which no table of labels has. Write each column as a number or a word.",
            nested.name()
        ));
    }
    for group in metadata.row_groups() {
        for column in group.columns() {
            let compression = column.compression();
            if !matches!(compression, Compression::UNCOMPRESSED | Compression::SNAPPY) {
                return Err(format!(
                    "it is compressed as {compression}, and Parquet is read uncompressed or as Snappy. Write it again so."
                ));
            }
        }
    }
    let kinds: Vec<Kind> = fields.iter().map(|f| kind_of(f.name())).collect();
    let names = fields.iter().map(|f| f.name().as_bytes());
    let mut text = csv_line(names).map_err(|e| e.to_string())?;
    for row in file.get_row_iter(None).map_err(broken)? {
        let row = row.map_err(broken)?;
        let cells: Vec<String> = row
            .get_column_iter()
            .zip(&kinds)
            .map(|((_, field), kind)| cell(field, *kind))
            .collect();
        text.extend(csv_line(cells.iter().map(String::as_bytes)).map_err(|e| e.to_string())?);
        if text.len() as u64 > most_bytes {
            return Err(
                "it is above 1 GiB as text, larger than any table of labels. Check what it is."
                    .to_owned(),
            );
        }
    }
    Ok(text)
}

fn cell(field: &Field, kind: Kind) -> String {
    let float = |v: f64| match (number(v, kind.decimals()), kind) {
        // A whole number of ours that some other program keeps as a float, as soon as one is missing.
        (_, Kind::Whole) if v.is_finite() && v.fract() == 0.0 => format!("{v:.0}"),
        (Cell::Number(text), Kind::Number(Some(_))) => text,
        (Cell::Number(_), _) => v.to_string(),
        _ => String::new(),
    };
    match field {
        Field::Null => String::new(),
        Field::Str(text) => text.clone(),
        Field::Double(v) => float(*v),
        Field::Float(v) => float(f64::from(*v)),
        Field::Float16(v) => float(v.to_f64()),
        Field::Bytes(bytes) => String::from_utf8_lossy(bytes.data()).into_owned(),
        Field::Byte(v) => v.to_string(),
        Field::Short(v) => v.to_string(),
        Field::Int(v) => v.to_string(),
        Field::Long(v) => v.to_string(),
        Field::UByte(v) => v.to_string(),
        Field::UShort(v) => v.to_string(),
        Field::UInt(v) => v.to_string(),
        Field::ULong(v) => v.to_string(),
        other => other.to_string(),
    }
}
