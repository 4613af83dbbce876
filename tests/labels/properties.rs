//! No input panics, and what was written is read back.

use std::path::Path;

use affectscope::analysis::Record;
use affectscope::formats::labels::abaw_write::{
    FLAT_EXPR_HEADER, FLAT_VA_HEADER, Filled, FrameLabel, Submission,
};
use affectscope::formats::labels::{Label, LabelFormat, Person, Series, parse, parse_as};
use affectscope::formats::rows::{RowFormat, RowWriter};
use affectscope::labels::Expression;
use clap::ValueEnum as _;
use proptest::prelude::*;

use super::SAMPLES;
use crate::rows::record;

fn submissions() -> impl Strategy<Value = Submission> {
    let frame =
        (0usize..7, -1.0f32..=1.0, -1.0f32..=1.0).prop_map(|(e, valence, arousal)| FrameLabel {
            expression: Expression::ALL[e],
            valence,
            arousal,
        });
    prop::collection::vec(prop::option::weighted(0.8, frame), 1..40).prop_map(|frames| Submission {
        video: "some video_right".to_owned(),
        frames,
    })
}

fn same(got: Option<f64>, wanted: Option<f32>) -> bool {
    match (got, wanted) {
        (Some(g), Some(w)) => (g - f64::from(w)).abs() <= 0.500_001e-4,
        (None, None) => true,
        _ => false,
    }
}

fn agrees(series: &Series, submission: &Submission, expression: bool, affect: bool) -> bool {
    series.labels.len() == submission.frames.len()
        && (0u64..)
            .zip(series.labels.iter().zip(&submission.frames))
            .all(|(i, (label, frame)): (u64, (&Label, _))| {
                label.frame == Some(i)
                    && (!expression || label.expression == frame.map(|f| f.expression))
                    && (!affect
                        || same(label.valence, frame.map(|f| f.valence))
                            && same(label.arousal, frame.map(|f| f.arousal)))
            })
}

fn any_text() -> impl Strategy<Value = Vec<u8>> {
    let changed = (
        prop::sample::select(SAMPLES.map(|s| s.0).to_vec()),
        prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..4), 0..6),
    )
        .prop_map(|(text, changes)| {
            let mut bytes = text.as_bytes().to_vec();
            for (at, to, how) in changes {
                if bytes.is_empty() {
                    break;
                }
                let at = at.index(bytes.len());
                match how {
                    0 => bytes[at] = to,
                    1 => bytes.insert(at, to),
                    2 => bytes.truncate(at),
                    // The line once more.
                    _ => {
                        let line: Vec<u8> = bytes[at..]
                            .split_inclusive(|b| *b == b'\n')
                            .next()
                            .unwrap_or_default()
                            .to_vec();
                        bytes.splice(at..at, line);
                    }
                }
            }
            bytes
        });
    prop_oneof![prop::collection::vec(any::<u8>(), 0..200), changed]
}

proptest! {
    #[test]
    fn no_input_panics(bytes in any_text()) {
        let path = Path::new("video.csv");
        if let Ok(labels) = parse(&bytes, path) {
            for label in labels.series.iter().flat_map(|s| &s.labels) {
                for value in [label.valence, label.arousal].into_iter().flatten() {
                    prop_assert!((-1.0..=1.0).contains(&value));
                }
                prop_assert!(label.frame.is_some() || label.time_s.is_some() || label.picture.is_some() || !label.is_valid());
            }
        }
        for format in LabelFormat::value_variants() {
            let _ = parse_as(&bytes, path, *format);
        }
    }

    #[test]
    fn a_submission_is_read_back_as_it_was_written(submission in submissions()) {
        let path = Path::new("some video_right.txt");
        let expr = parse_as(submission.expr_text().as_bytes(), path, LabelFormat::AffWild2Expr).unwrap();
        prop_assert!(agrees(&expr.series[0], &submission, true, false));
        let va = parse(submission.va_text().as_bytes(), path).unwrap();
        prop_assert!(agrees(&va.series[0], &submission, false, true));
        prop_assert_eq!((va.series[0].video.as_str(), va.series[0].person), ("some video", Some(Person::Right)));
        let flat = format!("{FLAT_VA_HEADER}\n{}", submission.flat_va_rows());
        prop_assert!(agrees(&parse(flat.as_bytes(), path).unwrap().series[0], &submission, false, true));
        let flat = format!("{FLAT_EXPR_HEADER}\n{}", submission.flat_expr_rows());
        prop_assert!(agrees(&parse(flat.as_bytes(), path).unwrap().series[0], &submission, true, false));
    }

    #[test]
    fn filling_takes_the_nearest_before_and_counts(submission in submissions()) {
        let mut filled = submission.clone();
        let Filled { from_before, from_after, invented } = filled.fill();
        let holes = submission.frames.iter().filter(|f| f.is_none()).count() as u64;
        prop_assert_eq!(from_before + from_after + invented, holes);
        for (i, frame) in filled.frames.iter().enumerate() {
            let before = submission.frames[..=i].iter().rev().flatten().next();
            let first = submission.frames.iter().flatten().next();
            if let Some(wanted) = before.or(first) {
                prop_assert_eq!(frame.as_ref(), Some(wanted));
            }
        }
    }

    #[test]
    fn our_own_rows_are_read_back(records in prop::collection::vec(record(), 1..8)) {
        let records: Vec<Record> = (0u64..).zip(records).map(|(i, mut record)| {
            record.stamp.index = i;
            record.readings.sort_by_key(|r| r.face_id);
            record.readings.dedup_by_key(|r| r.face_id);
            record
        }).collect();
        for format in [RowFormat::Csv, RowFormat::Jsonl] {
            let mut writer = RowWriter::new(Vec::new(), format, false).unwrap();
            records.iter().for_each(|r| writer.write(r).unwrap());
            let labels = parse(&writer.into_inner(), Path::new("v.affect.csv")).unwrap();
            prop_assert_eq!(labels.format, LabelFormat::Affectscope);
            let series = &labels.series[0];
            prop_assert_eq!(series.frames, Some(records.len() as u64));
            let mut labels = series.labels.iter();
            for record in &records {
                if record.readings.is_empty() {
                    let label = labels.next().unwrap();
                    prop_assert!(!label.is_valid() && label.frame == Some(record.stamp.index));
                }
                for reading in &record.readings {
                    let label = labels.next().unwrap();
                    prop_assert_eq!((label.frame, label.face_id), (Some(record.stamp.index), Some(reading.face_id)));
                    prop_assert_eq!(label.expression, Some(reading.estimate.expression()));
                    prop_assert!(same(label.valence, Some(reading.estimate.valence)));
                    prop_assert!(same(label.arousal, Some(reading.estimate.arousal)));
                }
            }
            prop_assert!(labels.next().is_none());
        }
    }
}
