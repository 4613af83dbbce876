//! What is analysed, and where its results go: all of it settled before anything is read.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::Target;
use crate::cli::{AnalyzeArgs, AnalyzeFormat};
use crate::commands::{Failure, refuse_input_as_output, say};
use crate::formats::output::OutputError;
use crate::formats::rows::{RowFormat, TableFormat};
use crate::formats::sidecar::sidecar_path;
use crate::source::SourceError;
use crate::source::images::crops::video_folders;
use crate::source::images::is_images;

/// The flat file of expressions.
pub(super) const FLAT_EXPRESSION: &str = "predictions_EXPR.txt";
/// The flat file of valence and arousal.
pub(super) const FLAT_VALENCE_AROUSAL: &str = "predictions_VA.txt";

/// One input: a video, a picture, a folder of pictures, or a video's folder of crops.
pub(super) struct Item {
    /// Where it is.
    pub path: PathBuf,
    /// What its results are called.
    pub name: OsString,
    /// The video that the crops were cut from, where it was given.
    pub video: Option<PathBuf>,
}

/// The inputs, folders of crops opened up.
pub(super) fn items(args: &AnalyzeArgs) -> Result<Vec<Item>, Failure> {
    let mut paths = Vec::new();
    for input in &args.inputs {
        if args.crops {
            let (folders, empty) = video_folders(input)?;
            if empty > 0 {
                say(&format!(
                    "{}: {empty} of its folders passed over: no crops in them",
                    input.display()
                ));
            }
            paths.extend(folders);
        } else {
            paths.push(input.clone());
        }
    }
    let several = paths.len() > 1;
    let videos = match &args.video {
        Some(video) if video.is_dir() => Some(Videos::in_folder(video)?),
        Some(video) if several => {
            return Err(Failure::bad_input(format!(
                "{}: --video is one video, and there are the crops of several. Give the folder of their videos.",
                video.display()
            )));
        }
        Some(video) if !video.exists() => return Err(SourceError::NotFound(video.clone()).into()),
        _ => None,
    };
    paths
        .into_iter()
        .map(|path| {
            let name = name_of(&path);
            let video = match (&videos, &args.video) {
                (Some(videos), _) => Some(videos.of(&name)?),
                (None, video) => video.clone(),
            };
            Ok(Item { path, name, video })
        })
        .collect()
}

/// The last part of a path, without its ending for a file.
pub(super) fn name_of(path: &Path) -> OsString {
    // `clips/.` and `..` have no name of their own.
    let whole = path.file_name().map(PathBuf::from).or_else(|| {
        let full = path.canonicalize().ok()?;
        full.file_name().map(PathBuf::from)
    });
    let whole = whole.unwrap_or_else(|| PathBuf::from("input"));
    let name = if path.is_dir() {
        whole.as_os_str()
    } else {
        whole.file_stem().unwrap_or_default()
    };
    name.to_owned()
}

/// The videos of a folder by their names.
struct Videos {
    folder: PathBuf,
    by_name: HashMap<String, PathBuf>,
}

impl Videos {
    fn in_folder(folder: &Path) -> Result<Self, Failure> {
        let failed = |reason| SourceError::Io {
            path: folder.to_owned(),
            reason,
        };
        let mut by_name = HashMap::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_file() {
                let stem = path.file_stem().unwrap_or_default();
                by_name.insert(stem.to_string_lossy().into_owned(), path);
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
            by_name,
        })
    }

    /// The video of some crops: of the same name, or of the name without `_left` or `_right` for one of two people.
    fn of(&self, crops: &OsString) -> Result<PathBuf, Failure> {
        let name = crops.to_string_lossy();
        let plain = ["_left", "_right"]
            .iter()
            .find_map(|end| name.strip_suffix(end));
        self.by_name
            .get(name.as_ref())
            .or_else(|| self.by_name.get(plain?))
            .cloned()
            .ok_or_else(|| {
                Failure::bad_input(format!(
                    "{}: there is no video named {name} in it. Without --video the crops alone say how many frames there are.",
                    self.folder.display()
                ))
            })
    }
}

/// Decides where everything goes.
pub(super) fn targets(args: &AnalyzeArgs, items: &[Item]) -> Result<Vec<Target>, Failure> {
    let targets = match args.format() {
        AnalyzeFormat::Csv => tables(args, items, TableFormat::Rows(RowFormat::Csv))?,
        AnalyzeFormat::Jsonl => tables(args, items, TableFormat::Rows(RowFormat::Jsonl))?,
        AnalyzeFormat::Parquet => tables(args, items, TableFormat::Parquet)?,
        AnalyzeFormat::Abaw2021 | AnalyzeFormat::AbawFlat => submissions(args, items)?,
    };
    // Everything that is read, crops and pictures of a folder by what they are.
    let mut inputs: Vec<PathBuf> = items.iter().map(|item| item.path.clone()).collect();
    inputs.extend(items.iter().filter_map(|item| item.video.clone()));
    inputs.extend(args.network.weights.clone());
    let mut seen = HashSet::new();
    for (item, target) in items.iter().zip(&targets) {
        let results = target.files(&item.name);
        for output in &results {
            refuse_input_as_output(&inputs, output)?;
            if output.is_file() && is_images(output) {
                return Err(Failure::bad_input(format!(
                    "{}: is a picture, and would be written over. Give another name with --out.",
                    output.display()
                )));
            }
        }
        // The flat files are everybody's; the sidecar is each one's own.
        if let Some(own) = results.last()
            && !seen.insert(own.clone())
        {
            return Err(Failure::bad_input(format!(
                "{}: its rows would go to {}, where another input's go. Analyse it by itself with --out.",
                item.path.display(),
                results[0].display()
            )));
        }
    }
    Ok(targets)
}

impl Target {
    /// The files that it will write; the sidecar is the last.
    pub(super) fn files(&self, name: &OsString) -> Vec<PathBuf> {
        let named = |folder: &Path, end: &str| {
            let mut file = name.clone();
            file.push(end);
            folder.join(file)
        };
        match self {
            Self::Stdout(_) => Vec::new(),
            Self::File(path, _) => vec![path.clone(), sidecar_path(path)],
            Self::Submission(folder) => vec![
                named(&folder.join("EXPR_Set"), ".txt"),
                named(&folder.join("VA_Set"), ".txt"),
                named(folder, ".submission.json"),
            ],
            Self::Flat(folder) => vec![
                folder.join(FLAT_EXPRESSION),
                folder.join(FLAT_VALENCE_AROUSAL),
                named(folder, ".submission.json"),
            ],
        }
    }
}

pub(super) fn make_folder(folder: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(folder).map_err(|reason| {
        OutputError::Io {
            path: folder.to_owned(),
            reason,
        }
        .into()
    })
}

fn tables(args: &AnalyzeArgs, items: &[Item], format: TableFormat) -> Result<Vec<Target>, Failure> {
    let file = |item: &Item| {
        let mut name = item.name.clone();
        name.push(format!(".affect.{}", format.extension()));
        name
    };
    Ok(match &args.out {
        Some(out) if out.as_os_str() == "-" => {
            if items.len() > 1 {
                return Err(Failure::bad_input(
                    "--out -: standard output takes one input. Give a folder for several.",
                ));
            }
            let TableFormat::Rows(format) = format else {
                return Err(Failure::bad_input(
                    "--out -: Parquet is written to a file. Give its name, or --format csv or jsonl.",
                ));
            };
            vec![Target::Stdout(format)]
        }
        None => items
            .iter()
            .map(|item| Target::File(file(item).into(), format))
            .collect(),
        Some(out) => {
            // A folder of videos is one even when there is a single video in it.
            let of_videos = args.crops && items.iter().any(|i| !args.inputs.contains(&i.path));
            let as_folder = out.is_dir()
                || of_videos
                || items.len() > 1
                || out
                    .as_os_str()
                    .to_string_lossy()
                    .ends_with(['/', std::path::MAIN_SEPARATOR]);
            if as_folder {
                make_folder(out)?;
                items
                    .iter()
                    .map(|item| Target::File(out.join(file(item)), format))
                    .collect()
            } else {
                vec![Target::File(out.clone(), format)]
            }
        }
    })
}

fn submissions(args: &AnalyzeArgs, items: &[Item]) -> Result<Vec<Target>, Failure> {
    let folder = match &args.out {
        Some(out) if out.as_os_str() == "-" || out.is_file() => {
            return Err(Failure::bad_input(format!(
                "--out {}: a submission is several files. Give a folder.",
                out.display()
            )));
        }
        Some(out) => out.clone(),
        None => PathBuf::from("."),
    };
    if args.format() == AnalyzeFormat::AbawFlat
        && let Some(item) = items.iter().find(|item| {
            let name = item.name.to_string_lossy();
            name.contains([',', '"', '/', '\\']) || name.contains(char::is_control)
        })
    {
        return Err(Failure::bad_input(format!(
            "{}: a flat submission has the video's name in each row, and nobody could read this one back. Rename it \
             without commas, quotes or line breaks.",
            item.path.display()
        )));
    }
    make_folder(&folder)?;
    let target = || match args.format() {
        AnalyzeFormat::Abaw2021 => Target::Submission(folder.clone()),
        _ => Target::Flat(folder.clone()),
    };
    let targets: Vec<Target> = items.iter().map(|_| target()).collect();
    if !args.force {
        for (item, target) in items.iter().zip(&targets) {
            for file in target.files(&item.name) {
                if file.exists() {
                    return Err(OutputError::Exists(file).into());
                }
            }
        }
    }
    Ok(targets)
}
