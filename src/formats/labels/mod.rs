//! Files of labels and of predictions: whatever their format, one [`Series`] for each video or set of pictures.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use super::rows::parquet;
use crate::analysis::BoxPx;
use crate::labels::Expression;

mod abaw;
pub mod abaw_write;
mod afew_va;
mod affectnet;
mod affectscope;
mod darma;
mod expw;
mod ferplus;
mod openface;
mod plain;
mod sniff;
mod table;
mod text;

pub use affectscope::Detail;
pub use sniff::{ENDINGS, sniff, sniff_file};

/// Files above are refused: no table of labels comes near.
const MAX_BYTES: u64 = 1 << 30;

/// Which person of a video with two a file speaks of: the suffix `_left` / `_right` of Aff-Wild2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Person {
    /// The one on the picture's left.
    Left,
    /// The one on the picture's right.
    Right,
}

/// What one row says. A row may carry several of `frame`, `time_s` and `picture`; at least one is there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Label {
    /// Line in the file, from 1, for messages (record number from 1 in a file without lines).
    pub line: u64,
    /// Frame of the video, from 0 (formats that count from 1 are turned).
    pub frame: Option<u64>,
    /// Seconds from the start of the video.
    pub time_s: Option<f64>,
    /// The picture's name as the file gives it, `/` between folders.
    pub picture: Option<String>,
    /// The face, where a file tells several apart.
    pub face_id: Option<u32>,
    /// Where the face is in the picture, pixels.
    pub box_px: Option<BoxPx>,
    /// The expression; `None` where the row has none or marks it as invalid.
    pub expression: Option<Expression>,
    /// Valence in -1..=1; `None` likewise.
    pub valence: Option<f64>,
    /// Arousal in -1..=1; `None` likewise.
    pub arousal: Option<f64>,
}

impl Label {
    /// Whether it says anything.
    pub fn is_valid(&self) -> bool {
        self.expression.is_some() || self.valence.is_some() || self.arousal.is_some()
    }
}

/// The labels or predictions of one video, or of one set of pictures.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// The video's name: the file's stem without `_left` / `_right` and without `.affect`, or what the rows say
    /// (`video/00001.jpg`).
    pub video: String,
    /// Which person of the video.
    pub person: Option<Person>,
    /// Every data row of the file, rows marked as invalid included, in the file's order.
    pub labels: Vec<Label>,
    /// How many frames the file speaks of, where it has a row for every frame: the lines of an Aff-Wild2 file, the
    /// last frame + 1 of our own rows. `None` for pictures and for sparse or timed rows.
    pub frames: Option<u64>,
    /// Columns of a plain csv that were not read: a misspelt name is among them.
    pub passed_over: Vec<String>,
}

impl Series {
    /// Rows that carry at least one label.
    pub fn valid(&self) -> usize {
        self.labels.iter().filter(|l| l.is_valid()).count()
    }

    /// Rows that carry none: marked as invalid, or frames without a face.
    pub fn invalid(&self) -> usize {
        self.labels.len() - self.valid()
    }
}

/// Which file format; told from a file's content, never from its name alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum LabelFormat {
    /// Our own rows (csv, jsonl or Parquet), as `analyze` and `record` write them.
    Affectscope,
    /// Aff-Wild2 expression annotations, and the 2021 submission of the same form.
    AffWild2Expr,
    /// Aff-Wild2 valence-arousal annotations, and the 2021 submission of the same form.
    AffWild2Va,
    /// The flat submission file of ABAW 5 and 6, valence-arousal or expression.
    AbawFlat,
    /// AffectNet's CSV.
    Affectnet,
    /// ExpW's `label.lst`.
    Expw,
    /// AFEW-VA's json, one a clip.
    AfewVa,
    /// FER+ votes, `fer2013new.csv`.
    Ferplus,
    /// DARMA or CARMA ratings.
    Darma,
    /// OpenFace's CSV: frames, times, faces and confidences, no labels of ours.
    Openface,
    /// A plain csv: `frame` or `time_s`, and any of `expression`, `valence`, `arousal`.
    Plain,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Labels {
    /// What it was told to be.
    pub format: LabelFormat,
    /// One for each video in it; at least one.
    pub series: Vec<Series>,
}

/// Why a file of labels cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LabelError {
    /// It cannot be read.
    #[error("{path}: cannot be read ({reason}). Check the path.", path = path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// The system's word.
        reason: io::Error,
    },
    /// No known format.
    #[error("{path}: {reason}", path = path.display())]
    Unknown {
        /// Which file.
        path: PathBuf,
        /// What was seen, and which formats are read.
        reason: String,
    },
    /// A value that cannot be.
    #[error("{path}: line {line}, column {column}: {reason}", path = path.display())]
    Value {
        /// Which file.
        path: PathBuf,
        /// From 1.
        line: u64,
        /// Field from 1 (with its name where there is a header), as in `3 (valence)`.
        column: String,
        /// What is wrong, with the text that was there and what is wanted.
        reason: String,
    },
}

impl LabelError {
    /// Which file or folder.
    pub fn path(&self) -> &Path {
        match self {
            Self::Io { path, .. } | Self::Unknown { path, .. } | Self::Value { path, .. } => path,
        }
    }
}

/// Reads a file of labels or predictions, in whatever of the [`LabelFormat`]s it is.
///
/// # Errors
/// When it cannot be read, is no ordinary file or above 1 GiB, is in none of the formats, or holds a value that cannot
/// be; nothing of it is used then.
pub fn read(path: &Path) -> Result<Labels, LabelError> {
    parse(&bytes_of(path)?, path)
}

/// Reads a file of labels or predictions in the format given.
///
/// # Errors
/// As [`read`].
pub fn read_as(path: &Path, format: LabelFormat) -> Result<Labels, LabelError> {
    parse_as(&bytes_of(path)?, path, format)
}

/// Reads a table of our own rows with all they say: the labels as [`read`] gives them, and a [`Detail`] for each. `None`
/// for the details where the file is of another format; the labels then are as [`read`] gives them.
///
/// # Errors
/// As [`read`].
pub fn read_predictions(path: &Path) -> Result<(Labels, Option<Vec<Detail>>), LabelError> {
    let bytes = bytes_of(path)?;
    if sniff(&bytes) != Some(LabelFormat::Affectscope) {
        return Ok((parse(&bytes, path)?, None));
    }
    let source = text::Source::decode(&bytes, path)?;
    let (labels, details) = affectscope::read_detailed(source)?;
    Ok((labels, Some(details)))
}

/// Columns of a plain csv that no label is in, by their names: the texts of each row, in the order of the labels that
/// [`read_as`] gives. `None` for a column that is not there.
///
/// # Errors
/// As [`read`].
pub fn plain_columns<const N: usize>(
    path: &Path,
    names: [&str; N],
) -> Result<[Option<Vec<String>>; N], LabelError> {
    plain::columns(text::Source::decode(&bytes_of(path)?, path)?, names)
}

fn bytes_of(path: &Path) -> Result<Vec<u8>, LabelError> {
    let io = |reason| LabelError::Io {
        path: path.to_owned(),
        reason,
    };
    // Asked before it is opened: that would wait for the other end of a pipe.
    let there = path.metadata().map_err(io)?;
    if there.is_dir() {
        return Err(io(io::Error::other("it is a folder")));
    }
    if !there.is_file() {
        return Err(io(io::Error::other("it is a device or a pipe")));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(io)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io(io::Error::other(
            "it is above 1 GiB, larger than any table of labels",
        )));
    }
    if parquet::is_parquet(&bytes) {
        // As text it is read like every other: a line is a row, the header the first.
        return parquet::to_csv(bytes, MAX_BYTES).map_err(|reason| LabelError::Unknown {
            path: path.to_owned(),
            reason,
        });
    }
    Ok(bytes)
}

/// Reads the bytes of a file; `path` is for messages, and for the video's name where the content has none.
///
/// # Errors
/// As [`read`].
pub fn parse(bytes: &[u8], path: &Path) -> Result<Labels, LabelError> {
    // First of all, so that a workbook or a picture is said to be no text.
    let source = text::Source::decode(bytes, path)?;
    match sniff(bytes) {
        Some(format) => parse_source(source, format),
        None => Err(LabelError::Unknown {
            path: path.to_owned(),
            reason: sniff::unknown(source.text),
        }),
    }
}

/// Reads the bytes of a file in the format given; see [`parse`].
///
/// # Errors
/// As [`read`].
pub fn parse_as(bytes: &[u8], path: &Path, format: LabelFormat) -> Result<Labels, LabelError> {
    parse_source(text::Source::decode(bytes, path)?, format)
}

fn parse_source(source: text::Source<'_>, format: LabelFormat) -> Result<Labels, LabelError> {
    match format {
        LabelFormat::Affectscope => affectscope::read(source),
        LabelFormat::AffWild2Expr | LabelFormat::AffWild2Va => abaw::read_frames(source, format),
        LabelFormat::AbawFlat => abaw::read_flat(source),
        LabelFormat::Affectnet => affectnet::read(source),
        LabelFormat::Expw => expw::read(source),
        LabelFormat::AfewVa => afew_va::read(source),
        LabelFormat::Ferplus => ferplus::read(source),
        LabelFormat::Darma => darma::read(source),
        LabelFormat::Openface => openface::read(source),
        LabelFormat::Plain => plain::read(source),
    }
}
