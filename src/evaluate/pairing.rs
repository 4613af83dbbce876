//! Which predictions belong to which annotations.

use std::collections::{BTreeMap, BTreeSet};

use super::files::{Loaded, Side};
use crate::formats::labels::{LabelFormat, Person, Series};

/// Annotations of a video with the predictions for it.
#[derive(Debug)]
pub struct Pair<'a> {
    /// The video's name, `_left` or `_right` included.
    pub video: String,
    /// The annotations.
    pub annotation: &'a Loaded,
    /// Where predicted expressions are.
    pub expression: Option<&'a Loaded>,
    /// Where predicted valence and arousal are: often the same file.
    pub affect: Option<&'a Loaded>,
    /// Which face of each frame is meant, where the predictions know several people and the annotation one of two.
    pub person: Option<Person>,
}

/// What belongs together, and what is left.
#[derive(Debug, Default)]
pub struct Pairs<'a> {
    /// In the order of the annotations' files.
    pub pairs: Vec<Pair<'a>>,
    /// Videos with annotations and no predictions.
    pub without_predictions: Vec<String>,
    /// Videos with predictions and no annotations.
    pub without_annotations: Vec<String>,
    /// What the user should know of the choice.
    pub notes: Vec<String>,
}

/// The video's name as its files have it.
pub fn name(series: &Series) -> String {
    format!("{}{}", series.video, side(series.person))
}

fn side(person: Option<Person>) -> &'static str {
    match person {
        Some(Person::Left) => "_left",
        Some(Person::Right) => "_right",
        None => "",
    }
}

/// The name that annotations go by: of labels that carry their annotator's (`talk.eva`) the video's, where there are predictions
/// of it and none of that name.
fn named_for(series: &Series, predictions: &BTreeMap<String, Vec<&Loaded>>) -> String {
    let end = side(series.person);
    let known = |video: &str| {
        let own = format!("{video}{end}");
        (predictions.contains_key(&own) || predictions.contains_key(video)).then_some(own)
    };
    let dots = series.video.rmatch_indices('.').map(|(at, _)| at);
    std::iter::once(series.video.len())
        .chain(dots.filter(|at| *at > 0))
        .find_map(|at| known(&series.video[..at]))
        .unwrap_or_else(|| name(series))
}

/// Pairs both sides by the videos' names. Two single files with one series each are a pair whatever their names are.
pub fn pair<'a>(predictions: &'a Side, annotations: &'a Side) -> Pairs<'a> {
    let mut out = Pairs::default();
    let mut used: BTreeSet<String> = BTreeSet::new();
    let mut by_name: BTreeMap<String, Vec<&Loaded>> = BTreeMap::new();
    for loaded in &predictions.series {
        by_name
            .entry(name(&loaded.series))
            .or_default()
            .push(loaded);
    }
    let alone = predictions.single_file
        && annotations.single_file
        && predictions.series.len() == 1
        && annotations.series.len() == 1;
    for annotation in &annotations.series {
        let series = &annotation.series;
        let own = named_for(series, &by_name);
        let (key, person) = if alone {
            let told_apart = predictions.series[0].series.person.is_some();
            (
                name(&predictions.series[0].series),
                series.person.filter(|_| !told_apart),
            )
        } else if by_name.contains_key(&own) {
            (own.clone(), None)
        } else {
            // One of two people, in predictions that know both.
            let video = own.strip_suffix(side(series.person)).unwrap_or(&own);
            (video.to_owned(), series.person)
        };
        if person.is_some() && !alone && by_name.get(&key).is_some_and(|all| !knows_sides(all)) {
            out.notes.push(format!(
                "{own}: the predictions of {key} have one face a frame, and nobody knows whose; they are not used for it"
            ));
            out.without_predictions.push(own);
            continue;
        }
        let Some(sources) = by_name.get(&key) else {
            out.without_predictions.push(own);
            continue;
        };
        used.insert(key);
        let expression = choose(sources, |s| s.expression, &own, &mut out.notes);
        let affect = choose(sources, |s| s.affect, &own, &mut out.notes);
        // A video in which no face was ever found is there all the same: its labels have no prediction.
        let any = sources.first().copied();
        out.pairs.push(Pair {
            video: own,
            annotation,
            expression: expression.or(any),
            affect: affect.or(any),
            person,
        });
    }
    for (what, kind) in [
        ("expressions", (|c| c.expression) as fn(&Carries) -> bool),
        ("valence and arousal", |c| c.affect),
    ] {
        let mut files: BTreeMap<&str, Vec<&Loaded>> = BTreeMap::new();
        for pair in &out.pairs {
            if kind(&carries(&pair.annotation.series)) {
                files.entry(&pair.video).or_default().push(pair.annotation);
            }
        }
        for (video, several) in files.into_iter().filter(|(_, files)| files.len() > 1) {
            out.notes.push(format!(
                "{video}: its {what} are annotated in {} files ({}, {}); the rows of all of them count",
                several.len(),
                several[0].path.display(),
                several[1].path.display()
            ));
        }
    }
    out.without_annotations = by_name
        .into_keys()
        .filter(|key| !used.contains(key))
        .collect();
    out.without_predictions.sort();
    out.without_predictions.dedup();
    out.notes.sort();
    out.notes.dedup();
    out
}

/// Whether predictions can tell the left face from the right one: several with boxes on some frame.
fn knows_sides(sources: &[&Loaded]) -> bool {
    sources.iter().any(|loaded| {
        let boxed = loaded.series.labels.iter().filter(|l| l.box_px.is_some());
        let mut frames: Vec<u64> = boxed.filter_map(|l| l.frame).collect();
        frames.sort_unstable();
        frames.windows(2).any(|pair| pair[0] == pair[1])
    })
}

struct Carries {
    expression: bool,
    affect: bool,
}

fn carries(series: &Series) -> Carries {
    Carries {
        expression: series.labels.iter().any(|l| l.expression.is_some()),
        affect: series
            .labels
            .iter()
            .any(|l| l.valence.is_some() || l.arousal.is_some()),
    }
}

/// The one of several files that carries what is wanted; a table before its json lines.
fn choose<'a>(
    sources: &[&'a Loaded],
    wanted: fn(&Carries) -> bool,
    video: &str,
    notes: &mut Vec<String>,
) -> Option<&'a Loaded> {
    let able: Vec<&Loaded> = sources
        .iter()
        .filter(|l| wanted(&carries(&l.series)))
        .copied()
        .collect();
    let is_csv = |l: &Loaded| l.path.extension().is_some_and(|e| e == "csv");
    let best = able
        .iter()
        .find(|l| l.format == LabelFormat::Affectscope && is_csv(l))
        .or(able.first())
        .copied()?;
    if able.len() > 1 {
        notes.push(format!(
            "{video}: {} files have predictions for it; {} is used",
            able.len(),
            best.path.display()
        ));
    }
    Some(best)
}
