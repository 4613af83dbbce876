//! A whole set: its scores, each video's, and the report as JSON.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::bootstrap::{self, LEVEL, RESAMPLES, SEED, Score};
use super::files::Side;
use super::matching::{Counts, Moment, Options, Scores, behind, compare, lengths};
use super::pairing::{Pairs, pair};
use crate::formats::labels::LabelFormat;
use crate::labels::Expression;
use crate::metrics::{Agreement, Confusion};

/// One video.
#[derive(Debug, Clone)]
pub struct VideoScores {
    /// Its name, `_left` or `_right` included.
    pub video: String,
    /// The clip's name: two people of one clip are drawn together by the bootstrap.
    pub clip: String,
    /// Its scores.
    pub scores: Scores,
    /// Frames (or pictures) with a prediction beside a label; a frame with two labels is one.
    pub matched: HashSet<Moment>,
    /// The files that it was read from.
    pub files: BTreeSet<PathBuf>,
    /// Frames that the annotations and the predictions speak of, where they differ.
    pub lengths: Option<(u64, u64)>,
}

/// A set of videos.
#[derive(Debug)]
pub struct Report {
    /// All frames of all videos in one row.
    pub set: Scores,
    /// Each video, in the order of their names.
    pub videos: Vec<VideoScores>,
    /// The intervals of [`SCORES`].
    pub intervals: Vec<Option<[f64; 2]>>,
    /// Videos with annotations and no predictions.
    pub without_predictions: Vec<String>,
    /// Videos with predictions and no annotations.
    pub without_annotations: Vec<String>,
    /// What the user should know: files chosen between, lengths that differ.
    pub notes: Vec<String>,
}

/// The scores that have intervals: where they stand in the report, and how they are computed.
pub const SCORES: [(&str, &str, Score); 5] = [
    ("valence", "ccc", |s| s.valence.ccc()),
    ("arousal", "ccc", |s| s.arousal.ccc()),
    ("expression", "macro_f1", |s| s.expression.macro_f1()),
    ("expression", "accuracy", |s| s.expression.accuracy()),
    ("expression", "criterion", |s| s.expression.criterion()),
];

impl Report {
    /// Compares two sides.
    pub fn new(predictions: &Side, annotations: &Side, options: Options) -> Self {
        let Pairs {
            pairs,
            without_predictions,
            without_annotations,
            mut notes,
        } = pair(predictions, annotations);
        for side in [predictions, annotations] {
            for loaded in side
                .series
                .iter()
                .filter(|l| !l.series.passed_over.is_empty())
            {
                notes.push(format!(
                    "{}: columns passed over: {}",
                    loaded.path.display(),
                    loaded.series.passed_over.join(", ")
                ));
            }
        }
        let ours = |side: &Side| {
            let mut formats = side.series.iter().map(|l| l.format);
            formats.any(|format| format == LabelFormat::Affectscope)
        };
        if ours(annotations) && !ours(predictions) {
            notes.push(
                "the annotations are this program's own tables, and the predictions are not: were the two swapped?"
                    .to_owned(),
            );
        }
        let mut videos: Vec<VideoScores> = Vec::new();
        for pair in &pairs {
            let (scores, matched) = compare(pair, options);
            let lengths = lengths(pair);
            if let Some((behind, frames)) = behind(pair) {
                notes.push(format!(
                    "{}: {behind} annotation rows lie behind the last of {frames} predicted frames",
                    pair.video
                ));
            }
            if let Some((annotated, predicted)) = lengths {
                notes.push(format!(
                    "{}: {annotated} frames annotated, {predicted} predicted: {} {} annotations",
                    pair.video,
                    annotated.abs_diff(predicted),
                    if annotated > predicted {
                        "more"
                    } else {
                        "fewer"
                    }
                ));
            }
            let loaded = [Some(pair.annotation), pair.expression, pair.affect];
            let files: BTreeSet<PathBuf> = loaded
                .into_iter()
                .flatten()
                .map(|l| l.path.clone())
                .collect();
            // Expressions and valence-arousal of a video come in two files, and are one video.
            match videos.iter_mut().find(|v| v.video == pair.video) {
                Some(video) => {
                    video.scores.merge(&scores);
                    video.matched.extend(matched);
                    video.files.extend(files);
                    video.lengths = video.lengths.or(lengths);
                }
                None => videos.push(VideoScores {
                    video: pair.video.clone(),
                    clip: pair.annotation.series.video.clone(),
                    scores,
                    matched,
                    files,
                    lengths,
                }),
            }
        }
        videos.sort_by(|a, b| a.video.cmp(&b.video));
        let mut set = Scores::default();
        videos.iter().for_each(|v| set.merge(&v.scores));
        let mut clips: BTreeMap<&str, Scores> = BTreeMap::new();
        for video in &videos {
            clips.entry(&video.clip).or_default().merge(&video.scores);
        }
        let clips: Vec<Scores> = clips.into_values().collect();
        notes.sort();
        notes.dedup();
        Self {
            intervals: SCORES
                .map(|(group, _, score)| bootstrap::interval(&clips, |s| carries(s, group), score))
                .to_vec(),
            set,
            videos,
            without_predictions,
            without_annotations,
            notes,
        }
    }

    /// The report as JSON. A score that is undefined is `null`.
    pub fn json(&self, given: &Value) -> Value {
        let mut intervals = Map::new();
        for ((group, name, _), interval) in SCORES.iter().zip(&self.intervals) {
            intervals.entry(*group).or_insert_with(|| json!({}))[*name] = json!(interval);
        }
        intervals.insert(
            "method".to_owned(),
            json!({
                "name": "percentile bootstrap over videos",
                "level": LEVEL,
                "resamples": RESAMPLES,
                "seed": SEED,
                "note": "null where fewer than two videos have labels of the kind, and where a score is undefined; two people of one video are drawn together",
            }),
        );
        let count = self.videos.iter().map(|v| v.matched.len()).sum();
        let mut report = scores(&self.set, count);
        report.insert("intervals".to_owned(), intervals.into());
        let videos: Vec<Value> = self
            .videos
            .iter()
            .map(|v| {
                let mut video = Map::new();
                video.insert("video".to_owned(), v.video.clone().into());
                let files: Vec<String> = v.files.iter().map(|f| f.display().to_string()).collect();
                video.insert("files".to_owned(), files.into());
                video.extend(scores(&v.scores, v.matched.len()));
                video.insert(
                    "frames".to_owned(),
                    v.lengths.map_or(Value::Null, |(annotated, predicted)| {
                        json!({"annotated": annotated, "predicted": predicted})
                    }),
                );
                video.into()
            })
            .collect();
        report.insert("videos".to_owned(), videos.into());
        report.insert(
            "without_predictions".to_owned(),
            self.without_predictions.clone().into(),
        );
        report.insert(
            "without_annotations".to_owned(),
            self.without_annotations.clone().into(),
        );
        report.insert("notes".to_owned(), self.notes.clone().into());
        report.insert("given".to_owned(), given.clone());
        report.insert(
            "program".to_owned(),
            format!("affectscope {}", env!("CARGO_PKG_VERSION")).into(),
        );
        report.into()
    }
}

/// Whether there is anything of a group of scores.
pub(crate) fn carries(scores: &Scores, group: &str) -> bool {
    match group {
        "valence" => scores.valence.count() > 0,
        "arousal" => scores.arousal.count() > 0,
        _ => scores.expression.count() > 0,
    }
}

/// Scores as the report has them; `count` are frames, pictures or faces.
pub fn scores(scores: &Scores, count: usize) -> Map<String, Value> {
    let Counts {
        rows,
        valid,
        invalid,
        matched,
        unmatched,
        filled,
        several_faces,
    } = scores.counts;
    let json = json!({
        "count": count,
        "counts": {
            "rows": rows,
            "valid": valid,
            "invalid": invalid,
            "matched": matched,
            "unmatched": unmatched,
            "filled": filled,
            "several_faces": several_faces,
        },
        "valence": agreement(&scores.valence),
        "arousal": agreement(&scores.arousal),
        "expression": confusion(&scores.expression),
    });
    match json {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn agreement(agreement: &Agreement) -> Value {
    json!({
        "count": agreement.count(),
        "ccc": agreement.ccc(),
        "mse": agreement.mse(),
        "pearson": agreement.pearson(),
    })
}

fn confusion(confusion: &Confusion) -> Value {
    let names = Expression::ALL.map(Expression::name);
    let per_class: Map<String, Value> = names
        .iter()
        .zip(confusion.f1())
        .map(|(name, f1)| ((*name).to_owned(), json!(f1)))
        .collect();
    json!({
        "count": confusion.count(),
        "accuracy": confusion.accuracy(),
        "macro_f1": confusion.macro_f1(),
        "criterion": confusion.criterion(),
        "per_class_f1": per_class,
        // [label][prediction], in the order of `classes`.
        "confusion": confusion.counts(),
        "classes": names,
    })
}
