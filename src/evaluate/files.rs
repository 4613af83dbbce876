//! The files of one side, predictions or annotations: one file, or every file of labels under a folder.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};

use crate::formats::labels::{self, ENDINGS, LabelError, LabelFormat, Labels, Series};

/// Folders within folders are followed so deep: Aff-Wild2's tree has three.
const DEEPEST: usize = 8;

/// More files than any data set of videos has; a link to the root of the disk leads to more.
const MOST_FILES: usize = 100_000;

/// The first line of a journal is no longer.
const LONGEST_HEAD: u64 = 1 << 20;

/// One series and the file it came from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The file.
    pub path: PathBuf,
    /// What it was told to be.
    pub format: LabelFormat,
    /// Its content, or one video of it.
    pub series: Series,
}

/// One side.
#[derive(Debug, Default)]
pub struct Side {
    /// Every series, in the order of the files' paths.
    pub series: Vec<Loaded>,
    /// Whether it is one file that was given, not a folder.
    pub single_file: bool,
    /// Files of no known format, passed over.
    pub unknown: Vec<PathBuf>,
    /// Files that are of a known format and wrong.
    pub broken: Vec<LabelError>,
}

impl Side {
    /// Reads a file, or all files of labels under a folder. In a folder a file that cannot be used does not end the
    /// others; sidecars of ours and journals of edits are no labels.
    ///
    /// # Errors
    /// When `path` itself cannot be read, or is a file that holds no labels.
    pub fn load(path: &Path, format: Option<LabelFormat>) -> Result<Self, LabelError> {
        let read = |path: &Path| match format {
            Some(format) => labels::read_as(path, format),
            None => labels::read(path),
        };
        let mut side = Self::default();
        if !path.is_dir() {
            side.single_file = true;
            side.add(path, read(path)?);
            return Ok(side);
        }
        let mut walk = Walk::default();
        walk.folder(path, DEEPEST)?;
        side.broken = walk.broken;
        walk.files.sort();
        for file in walk.files {
            match read(&file) {
                Ok(labels) => side.add(&file, labels),
                Err(LabelError::Unknown { .. }) if is_sidecar(&file) => {}
                Err(LabelError::Unknown { .. }) => side.unknown.push(file),
                Err(error) => side.broken.push(error),
            }
        }
        Ok(side)
    }

    /// Lets go of the tables of predictions that stand among labels: those that are `predictions` themselves or copies of
    /// them, and, where there are labels of people, all tables of ours. Only of a folder; a file that was given is meant.
    /// Gives what was let go of.
    pub fn without_predictions(&mut self, predictions: &[PathBuf]) -> Vec<PathBuf> {
        if self.single_file {
            return Vec::new();
        }
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        let theirs: HashSet<PathBuf> = predictions.iter().map(|p| real(p)).collect();
        let is_ours = |l: &Loaded| l.format == LabelFormat::Affectscope;
        let labelled = self.series.iter().any(|l| !is_ours(l));
        let is_theirs = |path: &Path| {
            let mut copies = predictions.iter();
            theirs.contains(&real(path)) || copies.any(|p| is_copy(p, path))
        };
        let mut gone = Vec::new();
        self.series.retain(|l| {
            let goes = is_ours(l) && (labelled || gone.contains(&l.path) || is_theirs(&l.path));
            if goes && !gone.contains(&l.path) {
                gone.push(l.path.clone());
            }
            !goes
        });
        gone
    }

    fn add(&mut self, path: &Path, labels: Labels) {
        let format = labels.format;
        self.series
            .extend(labels.series.into_iter().map(|series| Loaded {
                path: path.to_owned(),
                format,
                series,
            }));
    }
}

/// The files of a tree, each once, whatever links there are.
#[derive(Default)]
struct Walk {
    files: Vec<PathBuf>,
    broken: Vec<LabelError>,
    seen: HashSet<PathBuf>,
}

impl Walk {
    fn folder(&mut self, folder: &Path, depth: usize) -> Result<(), LabelError> {
        let io = |reason| LabelError::Io {
            path: folder.to_owned(),
            reason,
        };
        for entry in std::fs::read_dir(folder).map_err(io)? {
            let path = entry.map_err(io)?.path();
            let hidden = path
                .file_name()
                .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            // A link that leads nowhere is no file; one that leads back has been seen.
            let Some(real) = path.canonicalize().ok().filter(|_| !hidden) else {
                continue;
            };
            let wanted = real.is_dir()
                || ending(&path).is_some_and(|ending| ENDINGS.contains(&ending.as_str()));
            if !wanted || !self.seen.insert(real.clone()) {
                continue;
            }
            if !real.is_dir() {
                self.files.push(path);
            } else if depth > 0
                && let Err(error) = self.folder(&path, depth - 1)
            {
                self.broken.push(error);
            }
            if self.files.len() > MOST_FILES {
                let reason = format!("there are more than {MOST_FILES} files in it");
                return Err(io(std::io::Error::other(reason)));
            }
        }
        Ok(())
    }
}

/// Whether a name is a video's with an annotator's behind it, as in `talk.eva`.
pub fn is_marked(name: &str, video: &str) -> bool {
    name.strip_prefix(video)
        .is_some_and(|rest| rest.len() > 1 && rest.starts_with('.'))
}

/// Whether two files have the same bytes.
fn is_copy(a: &Path, b: &Path) -> bool {
    let size = |path: &Path| path.metadata().map(|m| m.len()).ok();
    let content = |path: &Path| std::fs::read(path).ok();
    size(a).is_some() && size(a) == size(b) && content(a).is_some() && content(a) == content(b)
}

fn ending(path: &Path) -> Option<String> {
    Some(path.extension()?.to_string_lossy().to_ascii_lowercase())
}

/// Whether a file is what lies beside a table of ours, or a journal of edits beside a video.
fn is_sidecar(path: &Path) -> bool {
    let ours = |text: &str| {
        serde_json::from_str::<serde_json::Value>(text)
            .is_ok_and(|value| value["program"] == "affectscope")
    };
    match ending(path).as_deref() {
        Some("json") => std::fs::read_to_string(path).is_ok_and(|text| ours(&text)),
        Some("jsonl") => File::open(path).is_ok_and(|file| {
            let mut line = String::new();
            let mut head = BufReader::new(file.take(LONGEST_HEAD));
            head.read_line(&mut line).is_ok() && ours(&line)
        }),
        _ => false,
    }
}
