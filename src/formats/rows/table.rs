//! A table in any of the formats.

use std::io::{self, Write};
use std::path::Path;

use super::parquet::ParquetRows;
use super::{Cell, RowFormat, RowWriter, cells, columns};
use crate::analysis::Record;

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableFormat {
    /// As text, a line a row.
    Rows(RowFormat),
    /// As Parquet, which can be read once it is finished.
    Parquet,
}

impl TableFormat {
    /// The ending of its files.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Rows(rows) => rows.extension(),
            Self::Parquet => "parquet",
        }
    }

    /// The format of a file by the ending of its name; `None` for others.
    pub fn of_path(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_string_lossy().to_ascii_lowercase();
        match ending.as_str() {
            "csv" => Some(Self::Rows(RowFormat::Csv)),
            "jsonl" => Some(Self::Rows(RowFormat::Jsonl)),
            "parquet" => Some(Self::Parquet),
            _ => None,
        }
    }
}

/// Writes records, or cells, as a table of any format.
pub struct TableWriter<W: Write + Send> {
    inner: Inner<W>,
    with_file: bool,
    rows: u64,
}

enum Inner<W: Write + Send> {
    Rows(RowWriter<W>),
    Parquet(Box<ParquetRows<W>>),
}

impl<W: Write + Send> TableWriter<W> {
    /// Begins a table; `with_file` as for [`columns`].
    ///
    /// # Errors
    /// The writer's.
    pub fn new(out: W, format: TableFormat, with_file: bool) -> io::Result<Self> {
        let names = columns(with_file).into_iter().map(|c| c.name).collect();
        Self::of_columns(out, format, with_file, names)
    }

    pub(super) fn of_columns(
        out: W,
        format: TableFormat,
        with_file: bool,
        names: Vec<String>,
    ) -> io::Result<Self> {
        let inner = match format {
            TableFormat::Rows(rows) => {
                Inner::Rows(RowWriter::of_columns(out, rows, with_file, names)?)
            }
            TableFormat::Parquet => Inner::Parquet(Box::new(ParquetRows::new(out, &names)?)),
        };
        Ok(Self {
            inner,
            with_file,
            rows: 0,
        })
    }

    /// Writes a record: a row for each face, or one without.
    ///
    /// # Errors
    /// The writer's.
    pub fn write(&mut self, record: &Record) -> io::Result<()> {
        if record.readings.is_empty() {
            self.put(&cells(record, None, self.with_file))?;
        }
        for reading in &record.readings {
            self.put(&cells(record, Some(reading), self.with_file))?;
        }
        Ok(())
    }

    pub(super) fn put(&mut self, cells: &[Cell<'_>]) -> io::Result<()> {
        match &mut self.inner {
            Inner::Rows(rows) => rows.put(cells)?,
            Inner::Parquet(rows) => rows.row(cells)?,
        }
        self.rows += 1;
        Ok(())
    }

    /// Rows written.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Ends the table and gives the writer beneath.
    ///
    /// # Errors
    /// The writer's.
    pub fn finish(self) -> io::Result<W> {
        match self.inner {
            Inner::Rows(rows) => Ok(rows.into_inner()),
            Inner::Parquet(rows) => rows.finish(),
        }
    }
}
