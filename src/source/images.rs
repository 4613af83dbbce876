//! Pictures: one file, a folder, or a numbered sequence.

pub mod crops;
mod decode;
mod names;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::decode::Picture;
use self::names::{ENDINGS, Pattern, natural_order};
use super::{FrameSource, Next, Pace, SourceError, SourceInfo};
use crate::frame::{Frame, FrameStamp};

/// Seconds from one picture of a folder to the next. They have no clock: picture n is at n seconds.
pub const FOLDER_STEP_S: f64 = 1.0;

/// Frames a second of a numbered sequence, which is taken for the frames of a video.
pub const SEQUENCE_RATE_HZ: f64 = 30.0;

/// A hole of more numbers than this ends a sequence: the file behind it belongs to something else.
const LONGEST_HOLE: u64 = 10_000;

/// Whether a path is read as pictures rather than as a video: a folder, a still picture by its ending (by its first
/// bytes where it has no ending), or a pattern such as `frame_%05d.png` that is not itself a file. A `.gif` is a video.
pub fn is_images(path: &Path) -> bool {
    if path.is_dir() {
        return true;
    }
    match ending(path) {
        Some(ending) => ENDINGS.contains(&ending.as_str()),
        None => decode::looks_like_one(path),
    }
}

/// Still pictures as frames, each in its own size, upright, transparency laid over mid-grey.
///
/// - A single picture is one frame at 0 s.
/// - A folder gives the pictures right in it, in natural order (`2` before `10`), hidden files left out: picture n is at
///   n × [`FOLDER_STEP_S`].
/// - A pattern such as `frame_%05d.png` gives the files of that name by number, from the lowest that is there:
///   1 / [`SEQUENCE_RATE_HZ`] apart by their numbers; a number that is missing is an unreadable frame.
///
/// A picture of a folder or sequence that cannot be decoded is [`Next::Unreadable`] and keeps its number and time.
pub struct ImageSource {
    info: SourceInfo,
    folder: PathBuf,
    entries: Entries,
    /// A single picture, decoded when it was opened.
    single: Option<Picture>,
    given: u64,
    step_s: f64,
    note: Option<String>,
}

/// The files by their order.
enum Entries {
    /// Their names.
    Names(Vec<std::ffi::OsString>),
    /// Numbers of a pattern, both ends included.
    Numbered {
        pattern: Pattern,
        first: u64,
        last: u64,
    },
}

impl Entries {
    fn count(&self) -> u64 {
        match self {
            Self::Names(names) => names.len() as u64,
            Self::Numbered { first, last, .. } => last - first + 1,
        }
    }

    fn name(&self, index: u64) -> Option<std::ffi::OsString> {
        match self {
            Self::Names(names) => names.get(usize::try_from(index).ok()?).cloned(),
            Self::Numbered {
                pattern,
                first,
                last,
            } => first
                .checked_add(index)
                .filter(|number| number <= last)
                .map(|number| pattern.name(number).into()),
        }
    }
}

impl ImageSource {
    /// Opens a picture, a folder or a pattern.
    ///
    /// # Errors
    /// [`SourceError`] when it is not there or may not be read, when a single picture cannot be decoded, and when a
    /// folder has no picture that can.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => Self::open_folder(path),
            Ok(metadata) if metadata.is_file() => Self::open_single(path),
            Ok(_) => Err(not_media(
                path,
                "it is not an ordinary file. Give a picture or a folder of pictures.".to_owned(),
            )),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let pattern = path
                    .file_name()
                    .and_then(|name| Pattern::parse(name.to_str()?));
                match pattern {
                    Some(pattern) if pattern.is_picture() => Self::open_sequence(path, pattern),
                    _ => Err(SourceError::NotFound(path.to_owned())),
                }
            }
            Err(reason) => Err(io(path, reason)),
        }
    }

    fn open_single(path: &Path) -> Result<Self, SourceError> {
        if let Err(reason) = fs::File::open(path) {
            return Err(io(path, reason));
        }
        let picture = decode::decode(path).map_err(|reason| {
            not_media(
                path,
                format!("{reason}. Give a picture that other programs can show."),
            )
        })?;
        let name = path.file_name().unwrap_or(path.as_os_str()).to_owned();
        let mut source = Self::new(
            path,
            parent(path),
            Entries::Names(vec![name]),
            FOLDER_STEP_S,
        );
        source.info.format = ending(path);
        (source.info.width_px, source.info.height_px) = (picture.width_px, picture.height_px);
        source.single = Some(picture);
        Ok(source)
    }

    fn open_folder(path: &Path) -> Result<Self, SourceError> {
        let mut names: Vec<_> = list(path)?
            .into_iter()
            .filter(|name| {
                let file = path.join(name);
                let hidden = name.as_encoded_bytes().starts_with(b".");
                !hidden
                    && match ending(&file) {
                        Some(ending) => ENDINGS.contains(&ending.as_str()) && file.is_file(),
                        None => decode::looks_like_one(&file),
                    }
            })
            .collect();
        if names.is_empty() {
            return Err(not_media(
                path,
                "there are no pictures in this folder (jpg, png, bmp, tiff, webp, pnm; subfolders are not searched). \
                 Give a folder that has some."
                    .to_owned(),
            ));
        }
        names.sort_by(|a, b| {
            natural_order(&a.to_string_lossy(), &b.to_string_lossy()).then_with(|| a.cmp(b))
        });
        Self::new(path, path.to_owned(), Entries::Names(names), FOLDER_STEP_S).with_size(path)
    }

    fn open_sequence(path: &Path, pattern: Pattern) -> Result<Self, SourceError> {
        let folder = parent(path);
        let mut numbers: Vec<u64> = list(&folder)?
            .into_iter()
            .filter_map(|name| pattern.number(name.to_str()?))
            .collect();
        numbers.sort_unstable();
        let Some(&first) = numbers.first() else {
            return Err(not_media(
                path,
                "there is no file of such a name, whatever the number. Check the pattern."
                    .to_owned(),
            ));
        };
        let hole = numbers
            .windows(2)
            .find(|pair| pair[1] - pair[0] > LONGEST_HOLE);
        let last = hole.map_or(numbers.last().copied().unwrap_or(first), |pair| pair[0]);
        let note = hole.map(|pair| {
            format!(
                "The sequence was read up to {}: the next file is {}. Number the files without such a hole to read all.",
                pattern.name(pair[0]),
                pattern.name(pair[1])
            )
        });
        let entries = Entries::Numbered {
            pattern,
            first,
            last,
        };
        let mut source =
            Self::new(path, folder, entries, 1.0 / SEQUENCE_RATE_HZ).with_size(path)?;
        source.info.rate_hz = Some(SEQUENCE_RATE_HZ);
        source.info.stills = false;
        source.note = note;
        Ok(source)
    }

    fn new(path: &Path, folder: PathBuf, entries: Entries, step_s: f64) -> Self {
        let title = match path.file_name() {
            Some(name) => name.to_string_lossy().into_owned(),
            // `.` and `..` have no name of their own.
            None => path.display().to_string(),
        };
        Self {
            info: SourceInfo {
                title,
                pace: Pace::File,
                stills: true,
                width_px: 0,
                height_px: 0,
                rate_hz: None,
                frames: Some(entries.count()),
                format: None,
            },
            folder,
            entries,
            single: None,
            given: 0,
            step_s,
            note: None,
        }
    }

    /// Takes the size of the first picture that has one.
    fn with_size(mut self, path: &Path) -> Result<Self, SourceError> {
        let mut first_reason = None;
        for index in 0..self.entries.count() {
            let Some(name) = self.entries.name(index) else {
                break;
            };
            let file = self.folder.join(&name);
            match decode::size(&file) {
                Ok((width_px, height_px)) => {
                    self.info.format = ending(&file);
                    (self.info.width_px, self.info.height_px) = (width_px, height_px);
                    return Ok(self);
                }
                Err(reason) => {
                    first_reason
                        .get_or_insert_with(|| format!("{}: {reason}", name.to_string_lossy()));
                }
            }
        }
        Err(not_media(
            path,
            format!(
                "none of its {} pictures can be read (the first: {}). Give pictures that other programs can show.",
                self.entries.count(),
                first_reason.unwrap_or_default()
            ),
        ))
    }
}

impl ImageSource {
    /// What there is at a place, whatever was read before; the end behind the last.
    pub(super) fn at(&mut self, index: u64) -> Next {
        let Some(name) = self.entries.name(index) else {
            return Next::End { note: None };
        };
        let stamp = FrameStamp {
            index,
            time_s: self.time_s(index),
        };
        let file: Arc<str> = name.to_string_lossy().into();
        let path = self.folder.join(&name);
        let picture = match self.single.take() {
            Some(picture) => Ok(picture),
            None if !path.exists() => Err("it is not there".to_owned()),
            None => decode::decode(&path),
        };
        give(stamp, file, picture)
    }

    /// The files' names by their order.
    pub(super) fn file_names(&self) -> Vec<String> {
        (0..self.entries.count())
            .filter_map(|index| self.entries.name(index))
            .map(|name| name.to_string_lossy().into_owned())
            .collect()
    }

    /// The time of a picture, in seconds.
    pub(super) fn time_s(&self, index: u64) -> f64 {
        index as f64 * self.step_s
    }

    /// What the user should know about how it ends.
    pub(super) fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }
}

impl FrameSource for ImageSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next(&mut self) -> Result<Next, SourceError> {
        if self.given >= self.entries.count() {
            return Ok(Next::End {
                note: self.note.take(),
            });
        }
        self.given += 1;
        Ok(self.at(self.given - 1))
    }
}

/// A decoded file as a frame, or why it is none.
fn give(stamp: FrameStamp, file: Arc<str>, picture: Result<Picture, String>) -> Next {
    let frame = picture.and_then(|picture| {
        Frame::new(stamp, picture.width_px, picture.height_px, picture.rgb)
            .map_err(|error| error.to_string())
    });
    match frame {
        Ok(mut frame) => {
            frame.file = Some(file);
            Next::Frame(frame)
        }
        Err(reason) => Next::Unreadable {
            stamp,
            file: Some(file),
            reason,
        },
    }
}

fn ending(path: &Path) -> Option<String> {
    Some(path.extension()?.to_string_lossy().to_ascii_lowercase())
}

/// The folder that a file is in.
fn parent(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The names in a folder.
fn list(folder: &Path) -> Result<Vec<std::ffi::OsString>, SourceError> {
    fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect())
        .map_err(|reason| io(folder, reason))
}

fn io(path: &Path, reason: std::io::Error) -> SourceError {
    if reason.kind() == ErrorKind::NotFound {
        SourceError::NotFound(path.to_owned())
    } else {
        SourceError::Io {
            path: path.to_owned(),
            reason,
        }
    }
}

fn not_media(path: &Path, reason: String) -> SourceError {
    SourceError::NotMedia {
        path: path.to_owned(),
        reason,
    }
}

/// Reads one picture file, upright, as its first and only frame; with `as_reference` as the reference code reads its
/// crops.
///
/// # Errors
/// What is wrong with it, in words.
pub fn read(path: &Path, as_reference: bool) -> Result<Frame, String> {
    let picture = match as_reference {
        true => decode::decode_as_reference(path),
        false => decode::decode(path),
    }?;
    let stamp = FrameStamp {
        index: 0,
        time_s: 0.0,
    };
    Frame::new(stamp, picture.width_px, picture.height_px, picture.rgb).map_err(|e| e.to_string())
}
