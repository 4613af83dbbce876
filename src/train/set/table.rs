//! The rows of `faces.csv`: written, and read with every value checked.

use std::io::{Read, Write};

use super::{Labels, Row, Split};
use crate::analysis::{LANDMARK_NAMES, Landmarks};
use crate::labels::Expression;

/// The longest side of a picture that is kept, pixels: a small picture is kept whole, a large one cut and shrunk.
pub const LONGEST_SIDE_PX: usize = 168;

/// Landmarks further off are a mistake.
const MOST_PX: f32 = 1e5;
/// Frame numbers above are a mistake.
const MOST_FRAME: u64 = 1_000_000_000;
/// Shares of votes may differ from 1 in sum by this, for what is lost in writing.
const SHARES: f32 = 1e-3;

/// The names of the columns, in order.
pub fn header() -> Vec<String> {
    let mut names: Vec<String> = ["offset", "width_px", "height_px", "channels"]
        .map(str::to_owned)
        .into();
    for landmark in LANDMARK_NAMES {
        names.extend(["x", "y"].map(|axis| format!("{landmark}_{axis}_px")));
    }
    names.extend(
        [
            "split",
            "subject",
            "sequence",
            "frame",
            "file",
            "group",
            "expression",
        ]
        .map(str::to_owned),
    );
    names.extend(Expression::ALL.map(|e| format!("votes_{e}")));
    names.extend(["valence", "arousal"].map(str::to_owned));
    names
}

/// Writes rows.
pub struct RowWriter<W: Write>(csv::Writer<W>);

impl<W: Write> RowWriter<W> {
    /// Begins with the header.
    ///
    /// # Errors
    /// The system's word.
    pub fn new(out: W) -> Result<Self, csv::Error> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(header())?;
        Ok(Self(writer))
    }

    /// Writes a row.
    ///
    /// # Errors
    /// The system's word.
    pub fn write(&mut self, row: &Row) -> Result<(), csv::Error> {
        let mut fields = vec![
            row.offset.to_string(),
            row.width_px.to_string(),
            row.height_px.to_string(),
            row.channels.to_string(),
        ];
        // Shortest digits that read back as the same number.
        fields.extend(row.landmarks.as_flattened().iter().map(f32::to_string));
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        fields.extend([
            row.split.name().to_owned(),
            row.subject.clone(),
            text(&row.sequence),
            row.frame.map_or_else(String::new, |f| f.to_string()),
            row.file.clone(),
            text(&row.group),
            row.labels
                .expression
                .map_or("", Expression::name)
                .to_owned(),
        ]);
        match row.labels.votes {
            Some(votes) => fields.extend(votes.map(|v| v.to_string())),
            None => fields.extend([const { String::new() }; Expression::COUNT]),
        }
        match row.labels.affect {
            Some(affect) => fields.extend(affect.map(|v| v.to_string())),
            None => fields.extend([const { String::new() }; 2]),
        }
        self.0.write_record(fields)
    }

    /// The writer below, with everything written to it.
    ///
    /// # Errors
    /// The system's word.
    pub fn finish(self) -> std::io::Result<W> {
        self.0
            .into_inner()
            .map_err(|e| std::io::Error::other(e.to_string()))
    }
}

/// Why a row cannot be: the line, from 1, and the reason.
#[derive(Debug)]
pub struct BadRow {
    pub line: u64,
    pub reason: String,
}

/// Reads rows.
pub struct RowReader<R: Read> {
    inner: csv::Reader<R>,
    record: csv::StringRecord,
}

impl<R: Read> RowReader<R> {
    /// Reads the header.
    pub fn new(from: R) -> Result<Self, BadRow> {
        let mut inner = csv::Reader::from_reader(from);
        let bad = |reason: String| BadRow { line: 1, reason };
        let names = inner.headers().map_err(|e| bad(e.to_string()))?;
        if !names.iter().eq(header().iter()) {
            return Err(bad("the header is not that of a packed set".to_owned()));
        }
        Ok(Self {
            inner,
            record: csv::StringRecord::new(),
        })
    }

    /// The next row.
    pub fn next(&mut self) -> Result<Option<Row>, BadRow> {
        match self.inner.read_record(&mut self.record) {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(e) => {
                return Err(BadRow {
                    line: e.position().map_or(0, csv::Position::line),
                    reason: e.to_string(),
                });
            }
        }
        let line = self.record.position().map_or(0, csv::Position::line);
        row(&self.record)
            .map(Some)
            .map_err(|reason| BadRow { line, reason })
    }
}

/// The fields of a record, one after the other.
struct Fields<'a>(csv::StringRecordIter<'a>);

impl<'a> Fields<'a> {
    fn text(&mut self) -> &'a str {
        self.0.next().unwrap_or("")
    }

    fn optional(&mut self) -> Option<String> {
        Some(self.text().to_owned()).filter(|text| !text.is_empty())
    }

    fn whole(&mut self, what: &str, least: u64, most: u64) -> Result<u64, String> {
        let text = self.text();
        text.parse()
            .ok()
            .filter(|n| (least..=most).contains(n))
            .ok_or_else(|| format!("{what} is {text:?}, not a whole number from {least} to {most}"))
    }

    fn number(&mut self, what: &str, least: f32, most: f32) -> Result<f32, String> {
        let text = self.text();
        text.parse()
            .ok()
            .filter(|n| (least..=most).contains(n))
            .ok_or_else(|| format!("{what} is {text:?}, not a number from {least} to {most}"))
    }

    /// All of them, or none.
    fn numbers<const N: usize>(
        &mut self,
        what: &str,
        least: f32,
        most: f32,
    ) -> Result<Option<[f32; N]>, String> {
        let rest = Fields(self.0.clone());
        let mut empty = rest.0;
        if empty.by_ref().take(N).all(str::is_empty) {
            self.0 = empty;
            return Ok(None);
        }
        let mut out = [0.0; N];
        for value in &mut out {
            *value = self.number(what, least, most)?;
        }
        Ok(Some(out))
    }
}

fn row(record: &csv::StringRecord) -> Result<Row, String> {
    let mut fields = Fields(record.iter());
    let offset = fields.whole("offset", 0, u64::MAX)?;
    let longest = LONGEST_SIDE_PX as u64;
    let width_px = fields.whole("width_px", 1, longest)? as usize;
    let height_px = fields.whole("height_px", 1, longest)? as usize;
    let channels = fields.whole("channels", 1, 3)? as usize;
    let mut landmarks: Landmarks = Default::default();
    for value in landmarks.as_flattened_mut() {
        *value = fields.number("a landmark", -MOST_PX, MOST_PX)?;
    }
    let text = fields.text();
    let split = Split::from_name(text).ok_or_else(|| format!("{text:?} is no split"))?;
    let subject = fields.text().to_owned();
    if subject.is_empty() {
        return Err("there is no subject".to_owned());
    }
    let sequence = fields.optional();
    let text = fields.text();
    let frame = match text {
        "" => None,
        text => Some(
            text.parse()
                .ok()
                .filter(|&n| n <= MOST_FRAME)
                .ok_or_else(|| format!("{text:?} is no frame"))?,
        ),
    };
    if sequence.is_some() != frame.is_some() {
        return Err("sequence and frame go together".to_owned());
    }
    let file = fields.text().to_owned();
    let group = fields.optional();
    let text = fields.text();
    let expression = match text {
        "" => None,
        text => Some(
            Expression::ALL
                .into_iter()
                .find(|e| e.name() == text)
                .ok_or_else(|| format!("{text:?} is no expression"))?,
        ),
    };
    let votes = fields.numbers::<{ Expression::COUNT }>("a share of votes", 0.0, 1.0)?;
    if let Some(votes) = votes
        && (votes.iter().sum::<f32>() - 1.0).abs() > SHARES
    {
        return Err("the shares of votes are not 1 together".to_owned());
    }
    let affect = fields.numbers::<2>("valence or arousal", -1.0, 1.0)?;
    Ok(Row {
        offset,
        width_px,
        height_px,
        channels,
        landmarks,
        split,
        subject,
        sequence,
        frame,
        file,
        group,
        labels: Labels {
            expression,
            votes,
            affect,
        },
    })
}
