//! Tables with a header: what the readers of csv share.

use std::collections::HashMap;

use super::text::{MAX_FRAME, Source, newlines, number, room, whole};
use super::{Label, LabelError};
use crate::analysis::BoxPx;

/// Seconds above are a mistake.
const MAX_SECONDS: f64 = 1e9;

/// Boxes beyond are a mistake: no picture has so many pixels on a side.
const MAX_PX: f64 = 1e7;

/// A table with separated fields and a header.
pub(super) struct Table<'a> {
    source: Source<'a>,
    reader: csv::Reader<&'a [u8]>,
    /// The header's names, lower case, without blanks around them.
    pub(super) names: Vec<String>,
    /// The line of the header.
    pub(super) header_line: u64,
    /// Where in the text the reader was set on.
    start: usize,
    delimiter: u8,
    /// Up to which byte the ends of lines are counted, and how many there were.
    counted: (usize, u64),
    rows: usize,
}

impl<'a> Table<'a> {
    /// A table from its header on, which begins at byte `start` of the text.
    pub(super) fn open(
        source: Source<'a>,
        start: usize,
        delimiter: u8,
    ) -> Result<Self, LabelError> {
        let bytes = source.text.as_bytes();
        let mut table = Self {
            source,
            reader: csv::ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .delimiter(delimiter)
                .from_reader(&bytes[start..]),
            names: Vec::new(),
            header_line: 1,
            start,
            delimiter,
            counted: (start, newlines(&bytes[..start])),
            rows: 0,
        };
        let header = loop {
            match table.record()? {
                Some(record) if record.iter().all(|name| name.trim().is_empty()) => {}
                Some(record) => break record,
                None => {
                    let reason = "no header: nothing is there. Export the file again.";
                    return Err(source.error(table.line(), "1", reason));
                }
            }
        };
        table.header_line = table.line();
        table.names = header.iter().map(|n| n.trim().to_lowercase()).collect();
        Ok(table)
    }

    /// The line that the record read last begins on. The csv reader's own count is of no use: it takes a record to
    /// begin on the blank line before it.
    fn line(&self) -> u64 {
        1 + self.counted.1
    }

    fn record(&mut self) -> Result<Option<csv::StringRecord>, LabelError> {
        let text = self.source.text.as_bytes();
        let read = usize::try_from(self.reader.position().byte()).unwrap_or(usize::MAX);
        let mut begin = self.start.saturating_add(read).min(text.len());
        while matches!(text.get(begin), Some(b'\r' | b'\n')) {
            begin += 1;
        }
        self.counted.1 += newlines(&text[self.counted.0.min(begin)..begin]);
        self.counted.0 = begin;
        let mut record = csv::StringRecord::new();
        match self.reader.read_record(&mut record) {
            Ok(true) => {
                self.closed(begin, &record)?;
                Ok(Some(record))
            }
            Ok(false) => Ok(None),
            // The text is UTF-8 and in memory: nothing is known that could come here.
            Err(e) => Err(self.source.error(self.line(), "1", e.to_string())),
        }
    }

    /// Refuses the record that begins at this byte and was just read, if it runs over the end of its line and is not
    /// what a writer of csv would have made of it. A stray quote swallows every row to the next one; where it stands in
    /// a column that is passed over, they would be gone unsaid. Names of files may well have line breaks.
    fn closed(&self, begin: usize, record: &csv::StringRecord) -> Result<(), LabelError> {
        let text = self.source.text.as_bytes();
        let read = usize::try_from(self.reader.position().byte()).unwrap_or(usize::MAX);
        let end = self.start.saturating_add(read).clamp(begin, text.len());
        let raw = text[begin..end].trim_ascii_end();
        if newlines(raw) == 0 {
            return Ok(());
        }
        let mut writer = csv::WriterBuilder::new()
            .delimiter(self.delimiter)
            .from_writer(Vec::new());
        let written = writer
            .write_record(record)
            .ok()
            .and_then(|()| writer.into_inner().ok())
            .unwrap_or_default();
        if written.trim_ascii_end() == raw {
            return Ok(());
        }
        let reason =
            "a quote in this line is not closed before the line ends. Close it, or take it out.";
        Err(self.source.error(self.line(), "1", reason))
    }

    /// Where the first of these columns is.
    pub(super) fn find(&self, names: &[&str]) -> Option<usize> {
        names
            .iter()
            .find_map(|name| self.names.iter().position(|n| n == name))
    }

    /// Where this column is; an error when it is not there.
    pub(super) fn need(&self, name: &str) -> Result<usize, LabelError> {
        self.find(&[name]).ok_or_else(|| {
            self.source.error(
                self.header_line,
                "1",
                format!("the header has no column '{name}'. Add it, or name the right format with --format."),
            )
        })
    }

    /// The next row, with as many fields as the header; rows of nothing but blanks are passed over.
    pub(super) fn next(&mut self) -> Result<Option<Row<'a, '_>>, LabelError> {
        loop {
            let Some(record) = self.record()? else {
                return Ok(None);
            };
            if record.iter().all(|field| field.trim().is_empty()) {
                continue;
            }
            let line = self.line();
            room(&self.source, self.rows, line)?;
            self.rows += 1;
            if record.len() != self.names.len() {
                let column = record.len().min(self.names.len()) + 1;
                let column = match self.names.get(column - 1) {
                    Some(name) => format!("{column} ({name})"),
                    None => column.to_string(),
                };
                let reason = format!(
                    "{} fields where the header has {}. Give every row as many fields as the header.",
                    record.len(),
                    self.names.len()
                );
                return Err(self.source.error(line, column, reason));
            }
            return Ok(Some(Row {
                source: self.source,
                names: &self.names,
                record,
                line,
            }));
        }
    }
}

/// One row of a table.
pub(super) struct Row<'a, 't> {
    pub(super) source: Source<'a>,
    pub(super) names: &'t [String],
    pub(super) record: csv::StringRecord,
    pub(super) line: u64,
}

impl Row<'_, '_> {
    /// The field as it stands; empty where there is no such column.
    pub(super) fn raw(&self, field: Option<usize>) -> &str {
        field.and_then(|i| self.record.get(i)).unwrap_or("")
    }

    /// The field without blanks around it.
    pub(super) fn text(&self, field: Option<usize>) -> &str {
        self.raw(field).trim()
    }

    /// The error for a field of this row.
    pub(super) fn error(&self, field: Option<usize>, reason: impl Into<String>) -> LabelError {
        let column = match field {
            Some(i) => match self.names.get(i) {
                Some(name) => format!("{} ({name})", i + 1),
                None => (i + 1).to_string(),
            },
            None => "1".to_owned(),
        };
        self.source.error(self.line, column, reason)
    }

    /// A number in this range; `None` where the field is empty.
    pub(super) fn number(
        &self,
        field: Option<usize>,
        least: f64,
        most: f64,
    ) -> Result<Option<f64>, LabelError> {
        match self.text(field) {
            "" => Ok(None),
            text => number(text, least, most)
                .map(Some)
                .map_err(|reason| self.error(field, reason)),
        }
    }

    /// A whole number in this range; `None` where the field is empty.
    pub(super) fn whole(
        &self,
        field: Option<usize>,
        least: i64,
        most: i64,
    ) -> Result<Option<i64>, LabelError> {
        match self.text(field) {
            "" => Ok(None),
            text => whole(text, least, most)
                .map(Some)
                .map_err(|reason| self.error(field, reason)),
        }
    }

    /// A whole number in this range that must be there.
    pub(super) fn needed(&self, field: usize, least: i64, most: i64) -> Result<i64, LabelError> {
        self.whole(Some(field), least, most)?.ok_or_else(|| {
            self.error(
                Some(field),
                format!("empty; wanted is a whole number from {least} to {most}"),
            )
        })
    }

    /// A number in this range that must be there, or the word that stands for none.
    pub(super) fn rating(&self, field: usize, none: f64) -> Result<Option<f64>, LabelError> {
        let text = self.text(Some(field));
        if text.parse() == Ok(none) {
            return Ok(None);
        }
        match number(text, -1.0, 1.0) {
            Ok(value) => Ok(Some(value)),
            Err(reason) => Err(self.error(Some(field), format!("{reason}, or {none} for none"))),
        }
    }

    /// A frame number from 0 of a column that counts from `first`.
    pub(super) fn frame(
        &self,
        field: Option<usize>,
        first: u64,
    ) -> Result<Option<u64>, LabelError> {
        let whole = self.whole(field, first as i64, (MAX_FRAME + first) as i64)?;
        Ok(whole.map(|n| n as u64 - first))
    }

    /// Seconds, at most a little before the start: containers may say so.
    pub(super) fn seconds(&self, field: Option<usize>) -> Result<Option<f64>, LabelError> {
        self.number(field, -MAX_SECONDS, MAX_SECONDS)
    }

    /// The number of a face.
    pub(super) fn face(&self, field: Option<usize>) -> Result<Option<u32>, LabelError> {
        let whole = self.whole(field, 0, u32::MAX.into())?;
        Ok(whole.and_then(|n| u32::try_from(n).ok()))
    }

    /// A box from the columns of its left and upper edge, width and height; `None` where a field is empty or the box
    /// has no area.
    pub(super) fn box_px(&self, fields: [Option<usize>; 4]) -> Result<Option<BoxPx>, LabelError> {
        let mut found = [0.0f32; 4];
        for (value, field) in found.iter_mut().zip(fields) {
            match self.number(field, -MAX_PX, MAX_PX)? {
                Some(number) => *value = number as f32,
                None => return Ok(None),
            }
        }
        let [x, y, w, h] = found;
        Ok((w > 0.0 && h > 0.0).then_some(BoxPx { x, y, w, h }))
    }
}

/// Watches that no frame is there twice.
#[derive(Default)]
pub(super) struct Seen(HashMap<(Option<String>, u64, Option<u32>), u64>);

impl Seen {
    /// Remembers the row; the reason why not where the same frame and face were there before.
    pub(super) fn add(&mut self, label: &Label) -> Result<(), String> {
        let Some(frame) = label.frame else {
            return Ok(());
        };
        let key = (label.picture.clone(), frame, label.face_id);
        match self.0.insert(key, label.line) {
            None => Ok(()),
            Some(before) => Err(format!(
                "the same frame{} as in line {before}. Keep one of the two.",
                if label.face_id.is_some() {
                    " and face"
                } else {
                    ""
                }
            )),
        }
    }
}

/// How many frames the labels speak of, if every frame from 0 to the last is there.
pub(super) fn complete(labels: &[Label]) -> Option<u64> {
    let mut frames = labels
        .iter()
        .map(|l| l.frame)
        .collect::<Option<Vec<u64>>>()?;
    frames.sort_unstable();
    frames.dedup();
    let count = frames.len() as u64;
    (frames.last().is_some_and(|&last| last + 1 == count)).then_some(count)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::parse;
    use super::*;
    use crate::analysis::{Record, Status};
    use crate::formats::rows::{RowFormat, RowWriter};
    use crate::frame::FrameStamp;

    fn rows(text: &str) -> Vec<Label> {
        let mut labels = parse(text.as_bytes(), Path::new("v.csv")).unwrap();
        labels.series.remove(0).labels
    }

    #[test]
    fn a_quote_left_open_costs_no_row_unsaid() {
        // The last column is passed over: without a check, one row would come of three.
        for text in [
            "frame,valence,note\n0,0.5,\"left open\n1,0.6,b\n2,0.7,c\n",
            "frame,valence,note\r\n0,0.5,\"left open\r\n1,0.6,\"b\r\n2,0.7,c\r\n",
        ] {
            match parse(text.as_bytes(), Path::new("v.csv")) {
                Err(LabelError::Value { line, reason, .. }) => {
                    assert_eq!(line, 2);
                    assert!(reason.contains("quote"), "{reason}");
                }
                other => panic!("{other:?}"),
            }
        }
        let whole = "frame,valence,note\n0,0.5,\"two\nlines\"\n1,0.6,\"a, \"\"b\"\"\"\n";
        assert_eq!(rows(whole).len(), 2);
        assert_eq!(rows(whole)[1].line, 4);

        // A name with line breaks and quotes is written so that it is read back.
        let stamp = FrameStamp {
            index: 0,
            time_s: 0.0,
        };
        let name = " \"a\"\r\nb,c.jpg ";
        let record = Record::empty(stamp, Some(name.into()), Status::NoFace);
        for format in [RowFormat::Csv, RowFormat::Jsonl] {
            let mut writer = RowWriter::new(Vec::new(), format, true).unwrap();
            writer.write(&record).unwrap();
            let text = String::from_utf8(writer.into_inner()).unwrap();
            assert_eq!(rows(&text)[0].picture.as_deref(), Some(name));
        }
    }
}
