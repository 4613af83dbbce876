//! Each database as it is distributed: which pictures, whose, with which labels, for which split.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::plan::{Entry, Place, Plan, split_of};
use super::tables::{Extra, annotations, not_read, of_pictures, passed_over, split_named};
use super::{Database, Options, PrepareError, frames};
use crate::analysis::Landmarks;
use crate::evaluate::files::Side;
use crate::formats::labels::{Label, LabelFormat};
use crate::labels::Expression;
use crate::train::faces::{self, Target};
use crate::train::set::{Labels, Split};

/// FER+'s folders.
const FERPLUS: [(&str, Split); 3] = [
    ("FER2013Train", Split::Train),
    ("FER2013Valid", Split::Validation),
    ("FER2013Test", Split::Test),
];
/// Where valence and arousal are from, when nobody rated them.
const PROJECTED_VOTES: &str = "a projection, not ratings: the votes' expressions by their circumplex norms (Russell and \
                               Mehrabian 1977), averaged by the votes";
/// Likewise.
const PROJECTED_EXPRESSION: &str =
    "a projection, not ratings: the expression's circumplex norm (Russell and Mehrabian 1977)";

/// Folders that the pictures of a database may lie in, under the one given.
const PICTURE_FOLDERS: [&str; 6] = [
    "",
    "image",
    "images",
    "origin",
    "Manually_Annotated_Images",
    "Manually_Annotated/Manually_Annotated_Images",
];

/// The error of a file or folder.
pub(super) fn wrong(path: &Path, reason: impl Into<String>) -> PrepareError {
    PrepareError::Input {
        path: path.to_owned(),
        reason: reason.into(),
    }
}

/// Everything that is to be done for a database.
///
/// # Errors
/// When its labels cannot be read, or it is not as it is distributed.
pub(super) fn plan(options: &Options) -> Result<Plan, PrepareError> {
    if !options.input.exists() {
        return Err(wrong(
            &options.input,
            "no such file or folder. Check --input.",
        ));
    }
    match options.database {
        Database::Ferplus => ferplus(options),
        Database::Faces13k => faces13k(options),
        Database::AffWild2 => frames::aff_wild2(options),
        Database::AfewVa => {
            frames::afew_va(options, &annotations(options, Some(LabelFormat::AfewVa))?)
        }
        Database::Affectnet => pictures(
            options,
            &annotations(options, Some(LabelFormat::Affectnet))?,
        ),
        Database::Expw => pictures(options, &annotations(options, Some(LabelFormat::Expw))?),
        Database::Table => {
            let side = annotations(options, None)?;
            let mut plan = match of_pictures(&side)? {
                true => pictures(options, &side)?,
                false => {
                    let mut plan = frames::table(options, &side)?;
                    plan.notes.extend(passed_over(&side));
                    plan
                }
            };
            plan.notes.extend(not_read(&side));
            Ok(plan)
        }
    }
}

/// What a row says, or why that is nothing.
pub(super) fn labels_of(label: &Label) -> Result<Labels, &'static str> {
    let affect = label.valence.zip(label.arousal);
    let labels = Labels {
        expression: label.expression,
        votes: None,
        affect: affect.map(|(v, a)| [v as f32, a as f32]),
    };
    if labels.any() {
        Ok(labels)
    } else if label.is_valid() {
        Err("valence or arousal without the other")
    } else {
        Err("no label, or one that is none of ours")
    }
}

/// The split that a file's name or one of its folders speaks of.
pub(super) fn split_in(path: &Path, under: &Path) -> Option<Split> {
    let inside = path
        .strip_prefix(under)
        .ok()
        .filter(|p| !p.as_os_str().is_empty());
    let inside = inside.unwrap_or_else(|| Path::new(path.file_name().unwrap_or_default()));
    let words = inside.components().rev().map(|part| {
        let name = part.as_os_str().to_string_lossy().to_ascii_lowercase();
        name.split(|c: char| !c.is_ascii_alphabetic())
            .find_map(Split::from_name)
    });
    words.flatten().next()
}

fn ferplus(options: &Options) -> Result<Plan, PrepareError> {
    let mut plan = Plan::new(options.input.clone());
    "the database's own folders".clone_into(&mut plan.split_by);
    PROJECTED_VOTES.clone_into(&mut plan.affect_from);
    let mut any = false;
    for (folder, split) in FERPLUS {
        let path = options.input.join(folder);
        if !path.is_dir() {
            continue;
        }
        any = true;
        let votes_path = path.join(faces::VOTES_FILE);
        let votes = faces::votes(&votes_path)?.ok_or_else(|| {
            wrong(
                &votes_path,
                "no such file. Each split of FER+ has its votes beside the pictures.",
            )
        })?;
        for (name, votes) in votes {
            let file = format!("{folder}/{name}");
            let target = match Target::of_votes(votes) {
                Ok(target) => target,
                Err(why) => {
                    plan.leave_out(&why.to_string(), &file);
                    continue;
                }
            };
            plan.entries.push(Entry {
                place: place(options, Place::Whole),
                labels: Labels {
                    expression: Some(target.expression),
                    votes: Some(target.votes),
                    affect: Some([target.valence, target.arousal]),
                },
                split,
                // Nobody knows who they are.
                subject: stem(&name).into(),
                sequence: None,
                group: None,
                file: file.into(),
            });
        }
    }
    if !any {
        let names = FERPLUS.map(|(name, _)| name).join(", ");
        return Err(wrong(
            &options.input,
            format!("none of FER+'s folders is in it ({names}). Give the folder that holds them."),
        ));
    }
    Ok(plan)
}

/// Its columns of landmarks, image-left eye first: the person's right is the picture's left.
const FACES13K_LANDMARKS: [&str; 5] =
    ["right_eye", "left_eye", "nose", "mouth_right", "mouth_left"];

fn faces13k(options: &Options) -> Result<Plan, PrepareError> {
    let table = options.annotations.clone();
    let path = table.unwrap_or_else(|| options.input.join("labels.csv"));
    let mut plan = Plan::new(options.input.clone());
    PROJECTED_EXPRESSION.clone_into(&mut plan.affect_from);
    let mut rows = csv::Reader::from_path(&path)
        .map_err(|e| wrong(&path, format!("cannot be read ({e}). Check --input.")))?;
    let names = rows
        .headers()
        .map_err(|e| wrong(&path, e.to_string()))?
        .clone();
    let column = |name: &str| {
        let place = names.iter().position(|n| n == name);
        place.ok_or_else(|| {
            wrong(
                &path,
                format!("the header has no column '{name}'. Check --format."),
            )
        })
    };
    let (picture, expression, source) =
        (column("image")?, column("expression")?, column("source")?);
    let mut places = Vec::new();
    for name in FACES13K_LANDMARKS {
        places.extend([column(&format!("{name}_x"))?, column(&format!("{name}_y"))?]);
    }
    // The first line is the header.
    for (line, row) in (2..).zip(rows.records()) {
        let row = row.map_err(|e| wrong(&path, e.to_string()))?;
        let text = |place: usize| row.get(place).unwrap_or("").trim();
        let file = format!("img/{}", text(picture));
        let mut landmarks: Landmarks = Default::default();
        for (value, &place) in landmarks.as_flattened_mut().iter_mut().zip(&places) {
            let number = text(place).parse().ok().filter(|v: &f32| v.is_finite());
            *value = number.ok_or_else(|| {
                wrong(
                    &path,
                    format!("line {line}: {:?} is no landmark", text(place)),
                )
            })?;
        }
        let name = text(expression);
        let Some(expression) = Expression::from_name(name) else {
            let reason = match name {
                "contempt" => "contempt is none of the seven expressions",
                _ => "an expression that is none of the seven",
            };
            plan.leave_out(reason, &file);
            continue;
        };
        let source = stem(text(source));
        let person = source.rsplit_once('_').map_or(source, |(person, _)| person);
        let (valence, arousal) = faces::norm(expression);
        plan.entries.push(Entry {
            file: file.into(),
            place: place(options, Place::Landmarks(landmarks)),
            labels: Labels {
                expression: Some(expression),
                votes: None,
                affect: Some([valence, arousal]),
            },
            split: split_of(person),
            subject: person.into(),
            sequence: None,
            group: None,
        });
    }
    Ok(plan)
}

/// A database of pictures with a row a face: AffectNet, ExpW, or a table.
fn pictures(options: &Options, side: &Side) -> Result<Plan, PrepareError> {
    let under = options.annotations.as_ref().unwrap_or(&options.input);
    let names = || side.series.iter().flat_map(|l| &l.series.labels);
    let names = || names().filter_map(|label| label.picture.as_deref());
    let mut plan = Plan::new(root(&options.input, &names()));
    plan.notes.extend(passed_over(side));
    let mut told = [false; 2];
    for loaded in &side.series {
        let extra = Extra::of(loaded)?;
        let file_split = split_in(&loaded.path, under);
        for (place_in_file, label) in loaded.series.labels.iter().enumerate() {
            let Some(picture) = &label.picture else {
                continue;
            };
            let labels = match labels_of(label) {
                Ok(labels) => labels,
                Err(why) => {
                    plan.leave_out(why, picture);
                    continue;
                }
            };
            let [split, subject, group] = extra.row(place_in_file);
            // Several faces of one picture stay together.
            let subject = subject.unwrap_or(picture);
            let split = split
                .map(|text| split_named(text, loaded, label))
                .transpose()?
                .or(file_split);
            told[usize::from(split.is_some())] = true;
            let found = label.box_px.map_or(Place::Search, Place::Box);
            plan.entries.push(Entry {
                file: picture.as_str().into(),
                place: place(options, found),
                labels,
                split: split.unwrap_or_else(|| split_of(subject)),
                subject: subject.into(),
                sequence: None,
                group: group.map(Arc::from),
            });
        }
    }
    match told {
        [_, false] => {}
        [false, true] => "the database's own splits".clone_into(&mut plan.split_by),
        [true, true] => {
            "the database's own splits, and where it has none a hash of the subject's name, one in ten for validation"
                .clone_into(&mut plan.split_by);
        }
    }
    Ok(plan)
}

/// Where a face is: with --crops where the template has it, whatever the database says.
pub(super) fn place(options: &Options, found: Place) -> Place {
    if options.crops { Place::Aligned } else { found }
}

/// The folder that the pictures' names begin in: the first under which one of them is found.
fn root<'a>(input: &Path, names: &(impl Iterator<Item = &'a str> + Clone)) -> PathBuf {
    /// Names that are tried: a database may well lack some.
    const TRIED: usize = 100;
    let folders = PICTURE_FOLDERS.map(|folder| match folder {
        "" => input.to_owned(),
        folder => input.join(folder),
    });
    let first = folders
        .iter()
        .find(|folder| names.clone().take(TRIED).any(|n| folder.join(n).is_file()));
    first.unwrap_or(&folders[0]).clone()
}

/// A file's name without its ending.
pub(super) fn stem(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}
