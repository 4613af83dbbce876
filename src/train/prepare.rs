//! From a database as distributed to one packed set: read the labels, find and cut out the faces, split, pack.
//!
//! ```text
//! labels ─databases─▶ plan (every face, its labels, its split) ─work─▶ parts (N threads) ─finish─▶ SET
//! ```
//!
//! A part is written whole or not at all; killed at any moment, the same call goes on where it was, and the set is the
//! same to the last bit.

mod cut;
mod databases;
mod film;
mod finish;
mod frames;
mod parts;
mod plan;
mod tables;
mod unfinished;
mod work;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use self::cut::CutterError;
use self::parts::{FOLDER, PartError, Parts};
pub use self::unfinished::{Unfinished, unfinished};
use super::faces::FacesError;
use super::set::{FACES_FILE, MANIFEST_FILE, Manifest, PICTURES_FILE, VERSION};
use crate::face::finder::FinderError;
use crate::formats::labels::LabelError;
use crate::formats::output::{OutputError, part_path};
use crate::model::config::Color;
use crate::model::weights::WeightsError;
use crate::source::SourceError;

/// Why faces of a picture are left out that is there and cannot be read.
const UNREAD_PICTURE: &str = "the picture cannot be decoded";
/// Likewise, of a video.
const UNREAD_VIDEO: &str = "the video cannot be read";
/// Likewise, of the frames behind the damage.
const TORN_VIDEO: &str = "the video breaks off before this frame";

/// Faces that were left out because what they are in is there and cannot be read.
pub fn unread(manifest: &Manifest) -> u64 {
    let reasons = [UNREAD_PICTURE, UNREAD_VIDEO, TORN_VIDEO];
    let counts = reasons
        .iter()
        .filter_map(|reason| manifest.left_out.get(*reason));
    counts.map(|out| out.count).sum()
}

/// The databases that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Database {
    /// Aff-Wild2: its tree of annotations (--annotations), and its videos or crops
    AffWild2,
    /// AffectNet: training.csv and validation.csv, and the pictures
    Affectnet,
    /// ExpW: label.lst, and the pictures
    Expw,
    /// AFEW-VA: a folder a clip with its json and its frames
    AfewVa,
    /// FER+: FER2013Train, FER2013Valid and FER2013Test, each with label.csv beside the pictures
    Ferplus,
    /// A folder img and a labels.csv with expression, five landmarks and source name
    #[value(name = "faces13k")]
    Faces13k,
    /// Any table with pictures or frames and labels; columns split, subject and group are understood
    Table,
}

impl Database {
    /// The name on the command line and in the manifest.
    pub fn name(self) -> &'static str {
        match self {
            Self::AffWild2 => "aff-wild2",
            Self::Affectnet => "affectnet",
            Self::Expw => "expw",
            Self::AfewVa => "afew-va",
            Self::Ferplus => "ferplus",
            Self::Faces13k => "faces13k",
            Self::Table => "table",
        }
    }
}

/// What is to be prepared, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which database it is.
    pub database: Database,
    /// Its folder.
    pub input: PathBuf,
    /// Its labels, where they lie elsewhere.
    pub annotations: Option<PathBuf>,
    /// The set's folder.
    pub out: PathBuf,
    /// The pictures are aligned crops already.
    pub crops: bool,
    /// The colours to keep.
    pub color: Color,
    /// Replace a set that is there.
    pub force: bool,
}

/// What the caller hears on the way.
#[derive(Debug, Clone, Copy)]
pub enum Heard<'a> {
    /// Something that the user should know.
    Note(&'a str),
    /// So many faces are through, of so many; the first time those of earlier runs.
    Faces {
        /// Through.
        done: u64,
        /// Of.
        total: u64,
    },
    /// A picture or a video that cannot be read, and why; what it was to give is left out.
    Unread(&'a str),
    /// A picture that is not there; databases often lack some.
    Missing(&'a str),
    /// All faces are through, and the set is written.
    Packing,
}

/// How it ended.
#[derive(Debug)]
pub enum Outcome {
    /// The set is there.
    Whole(Box<Manifest>),
    /// It was interrupted; the same call goes on.
    Interrupted,
}

/// Why a set cannot be prepared.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// A file of labels.
    #[error(transparent)]
    Labels(#[from] LabelError),
    /// FER+'s votes.
    #[error(transparent)]
    Votes(#[from] FacesError),
    /// A folder, or a video's program.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The unfinished set.
    #[error(transparent)]
    Part(#[from] PartError),
    /// A file of the set.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The table of the set.
    #[error("{path}: cannot be written ({reason}). Check the folder, its permissions and the space left.", path = .0.display(), reason = .1)]
    Csv(PathBuf, csv::Error),
    /// A built-in model.
    #[error(transparent)]
    Cutter(#[from] CutterError),
    /// A built-in model.
    #[error(transparent)]
    Finder(#[from] FinderError),
    /// A built-in model.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The system gives no thread.
    #[error("a thread cannot be started ({0}). Close other programs and try again.")]
    Thread(std::io::Error),
    /// A worker panicked.
    #[error("a worker ended unexpectedly; what is done stays, and the same command goes on")]
    Panicked,
    /// The database is not as it is distributed.
    #[error("{path}: {reason}", path = path.display())]
    Input {
        /// Which file or folder.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// A subject stands in two splits.
    #[error("{subject:?} stands in two splits{more}: a network would be scored on what it learned by heart. Put each subject into one.",
        more = if *count > 1 { format!(", and so do {} others", count - 1) } else { String::new() })]
    TwoSplits {
        /// The first.
        subject: String,
        /// How many there are.
        count: usize,
    },
    /// No face came through.
    #[error("{path}: no face can be used ({left_out}). Check --format, --input and --annotations.", path = path.display())]
    Nothing {
        /// The database.
        path: PathBuf,
        /// What was left out and why.
        left_out: String,
    },
    /// There is a set already.
    #[error("{path}: exists already. Give another name, or --force to replace it.", path = .0.display())]
    Exists(PathBuf),
    /// The folder is another's.
    #[error("{folder}: there is {name} in it, which is of no set. Give a new folder.", folder = .0.display(), name = .1)]
    Foreign(PathBuf, String),
}

impl PrepareError {
    /// True when the user's input is at fault, false when something broke on the way.
    pub fn is_bad_input(&self) -> bool {
        match self {
            Self::Thread(_) | Self::Panicked => false,
            Self::Source(error) => error.is_bad_input(),
            _ => true,
        }
    }
}

/// Prepares a set, or goes on with one that was left unfinished.
///
/// # Errors
/// [`PrepareError`]; faces that cannot be used are no error but are left out, counted by reason.
pub fn prepare(
    options: &Options,
    interrupt: &AtomicBool,
    heard: &mut dyn FnMut(Heard<'_>),
) -> Result<Outcome, PrepareError> {
    refuse_foreign(&options.out)?;
    let plan = databases::plan(options)?;
    for note in &plan.notes {
        heard(Heard::Note(note));
    }
    let total = plan.faces();
    if total == 0 {
        return Err(PrepareError::Nothing {
            path: options.input.clone(),
            left_out: match finish::summary(&plan.left_out) {
                none if none.is_empty() => "there is none in it".to_owned(),
                reasons => reasons,
            },
        });
    }
    let text = plan_text(options, total, &plan.checksum());
    let there = options.out.join(MANIFEST_FILE).is_file();
    // With parts of the same plan beside it, it is what a killed run was about to replace or has just written.
    if there && !options.force && !Parts::are_of(&options.out, &text) {
        return Err(PrepareError::Exists(options.out.clone()));
    }
    let parts = Parts::open(&options.out, &text, options.force)?;
    let whole = work::run(&plan, &parts, options.color, interrupt, heard)?;
    if !whole {
        return Ok(Outcome::Interrupted);
    }
    heard(Heard::Packing);
    let manifest = match finish::finish(options, &plan, &parts, work::jobs(&plan).len()) {
        Err(wrong @ (PrepareError::Nothing { .. } | PrepareError::TwoSplits { .. })) => {
            // It is the input that has to change: what was made of it could not be gone on with, and would be in the way.
            // Where that fails, --force is what is left; the input's fault is what has to be told. Of the folder: ours if it is
            // empty; with anything in it, it stays.
            let _ = parts.remove();
            let _ = std::fs::remove_dir(&options.out);
            return Err(wrong);
        }
        other => other?,
    };
    parts.remove()?;
    Ok(Outcome::Whole(Box::new(manifest)))
}

/// What an unfinished set is known by.
fn plan_text(options: &Options, total: u64, checksum: &str) -> String {
    serde_json::json!({
        "version": VERSION,
        "program": env!("CARGO_PKG_VERSION"),
        "format": options.database.name(),
        "input": options.input,
        "annotations": options.annotations,
        "crops": options.crops,
        "color": options.color,
        "count": total,
        "faces": checksum,
    })
    .to_string()
}

/// A folder with other things in it is not written to, whatever --force says.
fn refuse_foreign(out: &Path) -> Result<(), PrepareError> {
    let Ok(entries) = std::fs::read_dir(out) else {
        // Not there yet, or told when it is written to.
        return Ok(());
    };
    let ours = [FOLDER, PICTURES_FILE, FACES_FILE, MANIFEST_FILE];
    for entry in entries.flatten() {
        let name = entry.file_name();
        let known = ours
            .iter()
            .any(|our| *our == name || *part_path(Path::new(our)) == *name);
        if !known {
            let name = name.to_string_lossy().into_owned();
            return Err(PrepareError::Foreign(out.to_owned(), name));
        }
    }
    Ok(())
}
