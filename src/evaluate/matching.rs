//! One video: which prediction stands beside which label.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::pairing::Pair;
use crate::formats::labels::{Label, Person, Series};
use crate::metrics::{Agreement, Confusion};

/// A labelled box and a predicted one that share less are not the same face.
const SAME_FACE_IOU: f32 = 0.3;

/// How labels find their predictions.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Only this face of the predictions.
    pub face: Option<u32>,
    /// A frame without a prediction takes the nearest one before it, as the reference code fills a submission.
    pub fill: bool,
}

/// What came of comparing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scores {
    /// Valence.
    pub valence: Agreement,
    /// Arousal.
    pub arousal: Agreement,
    /// Expressions.
    pub expression: Confusion,
    /// The rows.
    pub counts: Counts,
}

/// What became of the rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Annotation rows.
    pub rows: u64,
    /// Those that carry a label.
    pub valid: u64,
    /// Those marked as invalid.
    pub invalid: u64,
    /// Valid rows with a prediction beside them.
    pub matched: u64,
    /// Valid rows without: no such frame, no face on it, dropped, missing.
    pub unmatched: u64,
    /// Matched rows that took the prediction of an earlier frame.
    pub filled: u64,
    /// Rows where one of several faces had to be chosen.
    pub several_faces: u64,
}

impl Scores {
    /// Takes all of another's.
    pub fn merge(&mut self, other: &Self) {
        self.valence.merge(&other.valence);
        self.arousal.merge(&other.arousal);
        self.expression.merge(&other.expression);
        let (c, o) = (&mut self.counts, &other.counts);
        c.rows += o.rows;
        c.valid += o.valid;
        c.invalid += o.invalid;
        c.matched += o.matched;
        c.unmatched += o.unmatched;
        c.filled += o.filled;
        c.several_faces += o.several_faces;
    }
}

/// What a row speaks of, to tell whether two rows of different files speak of the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Moment {
    /// A frame.
    Frame(u64),
    /// A picture, and the face on it where several are labelled.
    Picture(String, Option<u32>),
    /// A time, its bits.
    Time(u64),
}

impl Moment {
    fn of(label: &Label) -> Self {
        match (label.frame, &label.picture) {
            (_, Some(picture)) => Self::Picture(picture.clone(), label.face_id),
            (Some(frame), _) => Self::Frame(frame),
            _ => Self::Time(label.time_s.unwrap_or(f64::NAN).to_bits()),
        }
    }
}

/// Compares the annotations of a pair with its predictions. Also gives what was matched, to count it once where
/// expressions and valence-arousal come in two files.
///
/// Of timed rows each takes the prediction that is nearest; one prediction may stand beside several labels.
pub fn compare(pair: &Pair<'_>, options: Options) -> (Scores, HashSet<Moment>) {
    let mut scores = Scores::default();
    let mut moments = HashSet::new();
    let asked = by_file(&pair.annotation.series.labels);
    let expression = pair.expression.map(|l| Index::new(&l.series, options.face));
    let affect = pair.affect.map(|l| Index::new(&l.series, options.face));
    for label in &pair.annotation.series.labels {
        scores.counts.rows += 1;
        if !label.is_valid() {
            scores.counts.invalid += 1;
            continue;
        }
        scores.counts.valid += 1;
        let mut hits = Vec::new();
        if let Some(wanted) = label.expression
            && let Some(hit) = expression
                .as_ref()
                .and_then(|index| index.find(label, &asked, pair.person, options.fill))
            && let Some(predicted) = hit.label.expression
        {
            scores.expression.push(predicted, wanted);
            hits.push(hit);
        }
        if (label.valence.is_some() || label.arousal.is_some())
            && let Some(hit) = affect
                .as_ref()
                .and_then(|index| index.find(label, &asked, pair.person, options.fill))
        {
            let valence = hit.label.valence.zip(label.valence);
            let arousal = hit.label.arousal.zip(label.arousal);
            if let Some((predicted, wanted)) = valence {
                scores.valence.push(predicted, wanted);
            }
            if let Some((predicted, wanted)) = arousal {
                scores.arousal.push(predicted, wanted);
            }
            if valence.is_some() || arousal.is_some() {
                hits.push(hit);
            }
        }
        if hits.is_empty() {
            scores.counts.unmatched += 1;
        } else {
            moments.insert(Moment::of(label));
            scores.counts.matched += 1;
            scores.counts.filled += u64::from(hits.iter().any(|h| h.filled));
            scores.counts.several_faces += u64::from(hits.iter().any(|h| h.several));
        }
    }
    (scores, moments)
}

/// How many frames each side speaks of, where both have a row for every frame and they differ:
/// `(annotated, predicted)`.
pub fn lengths(pair: &Pair<'_>) -> Option<(u64, u64)> {
    let annotated = pair.annotation.series.frames?;
    let labels = &pair.annotation.series.labels;
    let source = if labels.iter().any(|l| l.expression.is_some()) {
        pair.expression
    } else {
        pair.affect
    };
    let predicted = source?.series.frames?;
    (annotated != predicted).then_some((annotated, predicted))
}

/// For annotations that have no row for every frame: how many lie behind the last frame of predictions that have, and
/// how many frames those are.
pub fn behind(pair: &Pair<'_>) -> Option<(usize, u64)> {
    let annotation = &pair.annotation.series;
    let frames = pair.expression.or(pair.affect)?.series.frames?;
    let late = annotation
        .labels
        .iter()
        .filter(|l| l.frame.is_some_and(|f| f >= frames));
    let count = late.count();
    (annotation.frames.is_none() && count > 0).then_some((count, frames))
}

/// A prediction that was found.
#[derive(Clone, Copy)]
struct Hit<'a> {
    label: &'a Label,
    several: bool,
    filled: bool,
}

/// Predictions by what labels may ask for.
struct Index<'a> {
    by_frame: BTreeMap<u64, Vec<&'a Label>>,
    by_picture: HashMap<&'a str, Vec<&'a Label>>,
    /// By the file's name alone, where only one folder has it.
    by_file: HashMap<&'a str, Option<&'a str>>,
    by_time: Vec<(f64, Vec<&'a Label>)>,
    /// Half the time from one prediction to the next, as a rule (the median), seconds.
    half_step_s: f64,
}

impl<'a> Index<'a> {
    fn new(series: &'a Series, face: Option<u32>) -> Self {
        let labels = || {
            series
                .labels
                .iter()
                .filter(move |l| l.is_valid() && (face.is_none() || l.face_id == face))
        };
        let mut by_frame: BTreeMap<u64, Vec<&Label>> = BTreeMap::new();
        let mut by_picture: HashMap<&str, Vec<&Label>> = HashMap::new();
        let mut timed: Vec<(f64, &Label)> = Vec::new();
        for label in labels() {
            if let Some(frame) = label.frame {
                by_frame.entry(frame).or_default().push(label);
            }
            if let Some(picture) = label.picture.as_deref() {
                by_picture.entry(picture).or_default().push(label);
            }
            if let Some(time_s) = label.time_s {
                timed.push((time_s, label));
            }
        }
        timed.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut by_time: Vec<(f64, Vec<&Label>)> = Vec::new();
        for (time_s, label) in timed {
            match by_time.last_mut() {
                Some((last_s, faces)) if *last_s == time_s => faces.push(label),
                _ => by_time.push((time_s, vec![label])),
            }
        }
        let mut steps: Vec<f64> = by_time.windows(2).map(|w| w[1].0 - w[0].0).collect();
        steps.sort_by(f64::total_cmp);
        Self {
            half_step_s: steps.get(steps.len() / 2).copied().unwrap_or(0.0) / 2.0,
            by_frame,
            by_picture,
            by_file: by_file(&series.labels),
            by_time,
        }
    }

    fn find(
        &self,
        label: &Label,
        asked: &HashMap<&str, Option<&str>>,
        person: Option<Person>,
        fill: bool,
    ) -> Option<Hit<'a>> {
        if let Some(faces) = self.faces(label, asked) {
            return choose(faces, label, person);
        }
        if !fill {
            return None;
        }
        let (_, faces) = self.by_frame.range(..label.frame?).next_back()?;
        choose(faces, label, person).map(|hit| Hit {
            filled: true,
            ..hit
        })
    }

    /// By frame where both have frames; else by the picture's name, or its file's where that is plain; else by the
    /// nearest time within half a step.
    fn faces(&self, label: &Label, asked: &HashMap<&str, Option<&str>>) -> Option<&[&'a Label]> {
        if let Some(frame) = label.frame
            && !self.by_frame.is_empty()
        {
            return self.by_frame.get(&frame).map(Vec::as_slice);
        }
        if let Some(picture) = label.picture.as_deref()
            && !self.by_picture.is_empty()
        {
            let faces = self.by_picture.get(picture).or_else(|| {
                // A name that two folders have says nothing, on either side.
                (*asked.get(file_of(picture))?)?;
                let known = (*self.by_file.get(file_of(picture))?)?;
                let same = within(known, picture) || within(picture, known);
                self.by_picture.get(known).filter(|_| same)
            });
            return faces.map(Vec::as_slice);
        }
        let time_s = label.time_s?;
        let after = self.by_time.partition_point(|(s, _)| *s < time_s);
        let near = self.by_time.get(after.saturating_sub(1)..)?.iter().take(2);
        let (best_s, faces) =
            near.min_by(|a, b| (a.0 - time_s).abs().total_cmp(&(b.0 - time_s).abs()))?;
        // A hair more than half, for times written with few decimals.
        ((best_s - time_s).abs() <= self.half_step_s * 1.001 + 1e-6).then_some(faces)
    }
}

/// Pictures by their files' names; `None` where two folders have one of that name.
fn by_file(labels: &[Label]) -> HashMap<&str, Option<&str>> {
    let mut out: HashMap<&str, Option<&str>> = HashMap::new();
    for picture in labels.iter().filter_map(|l| l.picture.as_deref()) {
        out.entry(file_of(picture))
            .and_modify(|known| *known = known.filter(|k| *k == picture))
            .or_insert(Some(picture));
    }
    out
}

/// Whether one path ends with the other, folder by folder.
fn within(short: &str, long: &str) -> bool {
    long.strip_suffix(short)
        .is_some_and(|front| front.ends_with('/'))
}

fn file_of(picture: &str) -> &str {
    picture.rsplit('/').next().unwrap_or(picture)
}

/// The face that is meant: the one that shares most with the labelled box; else the left or right one, for one of two
/// people; else the largest, the first where there are no boxes.
fn choose<'a>(faces: &[&'a Label], label: &Label, person: Option<Person>) -> Option<Hit<'a>> {
    let area = |l: &Label| l.box_px.map_or(0.0, |b| b.w * b.h);
    let center_x = |l: &Label| l.box_px.map_or(0.0, |b| b.center().0);
    let boxed = faces.iter().any(|l| l.box_px.is_some());
    let best = match (label.box_px, person) {
        (Some(wanted), _) if boxed => {
            let share = |l: &Label| l.box_px.map_or(0.0, |b| b.iou(&wanted));
            faces
                .iter()
                .max_by(|a, b| share(a).total_cmp(&share(b)))
                .filter(|l| share(l) >= SAME_FACE_IOU)
        }
        (_, Some(Person::Left)) if boxed => faces
            .iter()
            .min_by(|a, b| center_x(a).total_cmp(&center_x(b))),
        (_, Some(Person::Right)) if boxed => faces
            .iter()
            .max_by(|a, b| center_x(a).total_cmp(&center_x(b))),
        // `rev`, since `max_by` takes the last of equals.
        _ => faces
            .iter()
            .rev()
            .max_by(|a, b| area(a).total_cmp(&area(b))),
    };
    best.map(|label| Hit {
        label,
        several: faces.len() > 1,
        filled: false,
    })
}
