//! Databases of videos: labels frame by frame, joined where one video has both kinds, on crops, frames or the video
//! itself.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::databases::{labels_of, place, split_in, stem, wrong};
use super::plan::{Cast, Clip, Entry, Place, Plan, split_of};
use super::tables::{Extra, annotations, split_named};
use super::{Options, PrepareError};
use crate::evaluate::files::Side;
use crate::evaluate::pairing;
use crate::formats::labels::Person;
use crate::source::images::crops;
use crate::train::set::{Labels, Split};

/// Folders within folders are followed so deep: Aff-Wild2's videos come in batches.
const DEEPEST: usize = 2;

/// The labels of one person of one video.
struct Track {
    video: String,
    /// Who it is, where somebody says; else the video.
    subject: String,
    group: Option<String>,
    person: Option<Person>,
    split: Split,
    labels: BTreeMap<u64, Labels>,
}

/// What a file says of one video.
struct Said<'a> {
    name: String,
    video: &'a str,
    person: Option<Person>,
    split: Option<Split>,
    subject: Option<String>,
    group: Option<String>,
    /// By frame.
    labels: BTreeMap<u64, Labels>,
}

/// Aff-Wild2: expressions and valence-arousal come in files of their own, each kind with its own official split. A
/// video that has both keeps both on every frame. Where the two kinds put it into different splits it goes to the
/// stricter, with the labels of that split alone: nothing is scored that was learned, and official scores stay what
/// they are.
pub(super) fn aff_wild2(options: &Options) -> Result<Plan, PrepareError> {
    let side = annotations(options, None)?;
    tracks(options, &side)
}

/// A table by frames.
pub(super) fn table(options: &Options, side: &Side) -> Result<Plan, PrepareError> {
    tracks(options, side)
}

fn tracks(options: &Options, side: &Side) -> Result<Plan, PrepareError> {
    let under = options.annotations.as_ref().unwrap_or(&options.input);
    let mut plan = Plan::new(options.input.clone());
    let mut all = Vec::new();
    for loaded in &side.series {
        let series = &loaded.series;
        let name = pairing::name(series);
        let mut labels = BTreeMap::new();
        let extra = Extra::of(loaded)?;
        // The first row that says it speaks for the video.
        let (mut own_split, mut subject, mut group) = (None, None, None);
        for (row, label) in series.labels.iter().enumerate() {
            let Some(frame) = label.frame else {
                let reason = format!(
                    "line {}: no frame. Rows have to name a frame, or a picture; times alone do not tell which frame is meant.",
                    label.line
                );
                return Err(wrong(&loaded.path, reason));
            };
            let [split_text, subject_text, group_text] = extra.row(row);
            if let Some(text) = split_text {
                let split = split_named(text, loaded, label)?;
                if *own_split.get_or_insert(split) != split {
                    let reason = format!("line {}: the video stands in two splits", label.line);
                    return Err(wrong(&loaded.path, reason));
                }
            }
            subject = subject.or_else(|| subject_text.map(str::to_owned));
            group = group.or_else(|| group_text.map(str::to_owned));
            match labels_of(label) {
                Ok(one) => {
                    labels.insert(frame, one);
                }
                Err(why) => plan.leave_out(why, &format!("{name} frame {frame}")),
            }
        }
        all.push(Said {
            name,
            video: &series.video,
            person: series.person,
            split: own_split.or_else(|| split_in(&loaded.path, under)),
            subject,
            group,
            labels,
        });
    }
    let official = all.iter().any(|said| said.split.is_some());
    if official {
        "the database's own splits, by video; where labels of one video are in two, the stricter"
            .clone_into(&mut plan.split_by);
    }
    let tracks = join(all, &mut plan);
    if options.crops {
        on_crops(options, tracks, &mut plan)?;
    } else {
        on_videos(options, tracks, &mut plan)?;
    }
    Ok(plan)
}

/// One track a person of a video, both kinds of labels on it.
fn join(all: Vec<Said<'_>>, plan: &mut Plan) -> BTreeMap<String, Track> {
    let mut strictest: HashMap<String, Split> = HashMap::new();
    for said in &all {
        let split = said
            .split
            .unwrap_or_else(|| split_of(said.subject.as_deref().unwrap_or(said.video)));
        let known = strictest.entry(said.video.to_owned()).or_insert(split);
        *known = split.max(*known);
    }
    let mut tracks: BTreeMap<String, Track> = BTreeMap::new();
    for said in all {
        let strict = strictest.get(said.video).copied().unwrap_or(Split::Train);
        if said.split.is_some_and(|split| split != strict) {
            for frame in said.labels.keys() {
                plan.leave_out(
                    "a label of a video that other labels put into a stricter split",
                    &format!("{} frame {frame}", said.name),
                );
            }
            continue;
        }
        let track = tracks.entry(said.name).or_insert_with(|| Track {
            video: said.video.to_owned(),
            subject: said.subject.unwrap_or_else(|| said.video.to_owned()),
            group: said.group,
            person: said.person,
            split: strict,
            labels: BTreeMap::new(),
        });
        for (frame, labels) in said.labels {
            let known = track.labels.entry(frame).or_default();
            known.expression = known.expression.or(labels.expression);
            known.affect = known.affect.or(labels.affect);
        }
    }
    tracks
}

/// Crops of each track: `<video>/00001.jpg` is frame 0.
fn on_crops(
    options: &Options,
    tracks: BTreeMap<String, Track>,
    plan: &mut Plan,
) -> Result<(), PrepareError> {
    plan.as_reference = true;
    let folders = find(&options.input, &|path| path.is_dir().then(|| name_of(path)))?;
    let mut any = false;
    for (name, track) in tracks {
        let Some(folder) = folders.get(&name) else {
            leave_out_all(
                plan,
                &name,
                &track.labels,
                "there are no crops of this video",
            );
            continue;
        };
        any = true;
        let (pictures, _) = crops::numbered(folder)?;
        let sequence: Arc<str> = name.as_str().into();
        let subject: Arc<str> = track.subject.as_str().into();
        let group: Option<Arc<str>> = track.group.as_deref().map(Arc::from);
        for (frame, labels) in track.labels {
            match pictures.get(&(frame + 1)) {
                Some(picture) => plan.entries.push(Entry {
                    file: under(&options.input, &folder.join(picture)).into(),
                    place: Place::Aligned,
                    labels,
                    split: track.split,
                    subject: subject.clone(),
                    sequence: Some((sequence.clone(), frame)),
                    group: group.clone(),
                }),
                None => plan.leave_out(
                    "there is no crop of this frame",
                    &format!("{name} frame {frame}"),
                ),
            }
        }
    }
    if !any {
        let reason = "none of the labelled videos has a folder of crops in it. Give the folder that holds them.";
        return Err(wrong(&options.input, reason));
    }
    Ok(())
}

/// Videos by their names; both people of one are found in one go.
fn on_videos(
    options: &Options,
    tracks: BTreeMap<String, Track>,
    plan: &mut Plan,
) -> Result<(), PrepareError> {
    let videos = if options.input.is_file() {
        let name = stem(&name_of(&options.input)).to_owned();
        plan.root = options
            .input
            .parent()
            .map(Path::to_owned)
            .unwrap_or_default();
        HashMap::from([(name, options.input.clone())])
    } else {
        find(&options.input, &|path| {
            let ending = path.extension()?.to_string_lossy().to_ascii_lowercase();
            let video = ["mp4", "avi", "mkv", "mov", "webm", "m4v", "mpg", "wmv"];
            let is_one = path.is_file() && video.contains(&&*ending);
            is_one.then(|| stem(&name_of(path)).to_owned())
        })?
    };
    let alone = options.input.is_file() && tracks.len() == 1;
    let mut clips: BTreeMap<String, Clip> = BTreeMap::new();
    for (name, track) in tracks {
        let found = match alone {
            true => videos.values().next(),
            false => videos.get(&track.video),
        };
        let Some(path) = found else {
            leave_out_all(plan, &name, &track.labels, "the video is not there");
            continue;
        };
        let clip = clips.entry(track.video.clone()).or_insert_with(|| Clip {
            file: under(&plan.root, path).into(),
            subject: track.subject.as_str().into(),
            split: track.split,
            cast: Vec::new(),
        });
        clip.cast.push(Cast {
            person: track.person,
            sequence: name.as_str().into(),
            group: track.group.as_deref().map(Arc::from),
            labels: track.labels,
        });
    }
    if clips.is_empty() {
        let reason = "none of the labelled videos is in it. Give the folder that holds them; where it holds crops, give \
                      --crops.";
        return Err(wrong(&options.input, reason));
    }
    plan.clips = clips.into_values().collect();
    Ok(())
}

/// AFEW-VA: the frames of a clip lie beside its json, `00000.png` is frame 0.
pub(super) fn afew_va(options: &Options, side: &Side) -> Result<Plan, PrepareError> {
    let mut plan = Plan::new(options.input.clone());
    for loaded in &side.series {
        let series = &loaded.series;
        let beside = loaded.path.parent().unwrap_or(&options.input).to_owned();
        let folder = [beside, options.input.join(&series.video)]
            .into_iter()
            .find(|folder| {
                let first = series.labels.iter().find_map(|l| l.frame);
                first.is_some_and(|frame| folder.join(format!("{frame:05}.png")).is_file())
            });
        let subject: Arc<str> = series.video.as_str().into();
        for label in &series.labels {
            let frame = label.frame.unwrap_or(0);
            let what = format!("{} frame {frame}", series.video);
            let labels = match labels_of(label) {
                Ok(labels) => labels,
                Err(why) => {
                    plan.leave_out(why, &what);
                    continue;
                }
            };
            let Some(folder) = &folder else {
                plan.leave_out("the clip's frames are not there", &what);
                continue;
            };
            let file = folder.join(format!("{frame:05}.png"));
            plan.entries.push(Entry {
                file: under(&options.input, &file).into(),
                place: place(options, Place::Search),
                labels,
                split: split_of(&series.video),
                subject: subject.clone(),
                sequence: Some((subject.clone(), frame)),
                group: None,
            });
        }
    }
    Ok(plan)
}

fn leave_out_all(plan: &mut Plan, name: &str, labels: &BTreeMap<u64, Labels>, why: &str) {
    for frame in labels.keys() {
        plan.leave_out(why, &format!("{name} frame {frame}"));
    }
}

/// What lies under a folder, by the names that `named` gives; of two of one name the first in order of their paths.
fn find(
    folder: &Path,
    named: &dyn Fn(&Path) -> Option<String>,
) -> Result<HashMap<String, PathBuf>, PrepareError> {
    let mut found = HashMap::new();
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let list = || -> std::io::Result<Vec<OsString>> {
            fs::read_dir(&folder)?
                .map(|entry| Ok(entry?.file_name()))
                .collect()
        };
        let mut names = match list() {
            Ok(names) => names,
            Err(e) if depth == 0 => {
                return Err(wrong(
                    &folder,
                    format!("cannot be read ({e}). Check --input."),
                ));
            }
            Err(_) => continue,
        };
        names.sort();
        // The last that is pushed is the first that is read.
        for name in names.into_iter().rev() {
            if name.as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let path = folder.join(&name);
            if let Some(name) = named(&path) {
                let first = found.entry(name).or_insert_with(|| path.clone());
                if path < *first {
                    first.clone_from(&path);
                }
            }
            // A folder of crops has thousands of pictures and nothing else; its names are all digits.
            let pictures = depth > 0 && path.extension().is_some();
            if depth < DEEPEST && !pictures && path.is_dir() {
                folders.push((path, depth + 1));
            }
        }
    }
    Ok(found)
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

/// A path as files are named under the root, with `/` between folders.
fn under(root: &Path, path: &Path) -> String {
    let inside = path.strip_prefix(root).unwrap_or(path);
    inside.to_string_lossy().replace('\\', "/")
}
