//! Rows: what is written is what was read, whatever is in it.

use std::sync::Arc;

use affectscope::analysis::{BoxPx, Place, Reading, Record, Status};
use affectscope::formats::output::{Output, OutputError, part_path, write_whole};
use affectscope::formats::rows::{RowFormat, RowWriter, columns};
use affectscope::frame::FrameStamp;
use affectscope::labels::{Estimate, Expression};
use proptest::prelude::*;
use std::io::Write as _;

fn written(records: &[Record], format: RowFormat, with_file: bool) -> String {
    let mut writer = RowWriter::new(Vec::new(), format, with_file).unwrap();
    for record in records {
        writer.write(record).unwrap();
    }
    String::from_utf8(writer.into_inner()).unwrap()
}

fn reading() -> impl Strategy<Value = Reading> {
    (
        1u32..1000,
        -5e3f32..5e3,
        prop::array::uniform7(0.0f32..1.0),
        prop::array::uniform4(-1.0f32..1.0),
        prop::array::uniform5(prop::array::uniform2(-1e4f32..1e4)),
    )
        .prop_map(|(face_id, x, p, va, landmarks_px)| {
            let sum: f32 = p.iter().sum::<f32>().max(1e-6);
            Reading {
                face_id,
                place: Some(Place {
                    detection_score: x.abs(),
                    box_px: BoxPx {
                        x,
                        y: -x,
                        w: 10.5,
                        h: 20.25,
                    },
                    landmarks_px,
                }),
                estimate: Estimate {
                    probabilities: p.map(|v| v / sum),
                    valence: va[0],
                    arousal: va[1],
                    valence_sd: va[2].abs(),
                    arousal_sd: va[3].abs(),
                },
            }
        })
}

pub fn record() -> impl Strategy<Value = Record> {
    (
        any::<u32>(),
        0.0f64..1e5,
        prop::option::of(".{0,20}"),
        prop::collection::vec(reading(), 0..4),
        prop::option::of(0.0f64..1e4),
        0..3u8,
    )
        .prop_map(|(index, time_s, file, readings, latency_ms, why)| Record {
            stamp: FrameStamp {
                index: index.into(),
                time_s,
            },
            file: file.map(Arc::from),
            status: match (readings.is_empty(), why) {
                (false, _) => Status::Ok,
                (_, 0) => Status::NoFace,
                (_, 1) => Status::Dropped,
                _ => Status::Unreadable,
            },
            readings: readings.into(),
            latency_ms,
        })
}

fn near(text: &str, value: f32, unit: f64) -> bool {
    text.parse::<f64>()
        .is_ok_and(|v| (v - f64::from(value)).abs() <= 0.51 * unit + 1e-6 * f64::from(value.abs()))
}

proptest! {
    #[test]
    fn csv_reads_back_as_it_was(records in prop::collection::vec(record(), 0..6)) {
        let text = written(&records, RowFormat::Csv, true);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let header: Vec<String> = reader.headers().unwrap().iter().map(String::from).collect();
        let names: Vec<String> = columns(true).into_iter().map(|c| c.name).collect();
        prop_assert_eq!(header, names);
        let mut rows = reader.records();
        for record in &records {
            let readings: Vec<Option<&Reading>> = match record.readings.is_empty() {
                true => vec![None],
                false => record.readings.iter().map(Some).collect(),
            };
            for reading in readings {
                let row = rows.next().unwrap().unwrap();
                prop_assert_eq!(&row[0], record.file.as_deref().unwrap_or(""));
                prop_assert_eq!(row[1].parse::<u64>().unwrap(), record.stamp.index);
                prop_assert!((row[2].parse::<f64>().unwrap() - record.stamp.time_s).abs() < 1e-6);
                prop_assert_eq!(&row[4], record.status.name());
                match reading {
                    None => prop_assert!((5..22).all(|i| row[i].is_empty())),
                    Some(r) => {
                        prop_assert_eq!(row[3].parse::<u32>().unwrap(), r.face_id);
                        prop_assert!(near(&row[6], r.place.unwrap().box_px.x, 0.01));
                        for (i, p) in r.estimate.probabilities.iter().enumerate() {
                            prop_assert!(near(&row[10 + i], *p, 1e-6));
                        }
                        prop_assert_eq!(&row[17], r.estimate.expression().name());
                        prop_assert!(near(&row[18], r.estimate.valence, 1e-6));
                        prop_assert!(near(&row[32], r.place.unwrap().landmarks_px[4][1], 0.01));
                    }
                }
            }
        }
        prop_assert!(rows.next().is_none());
    }

    #[test]
    fn every_json_line_is_an_object_with_the_same_names(records in prop::collection::vec(record(), 0..4)) {
        let names: Vec<String> = columns(true).into_iter().map(|c| c.name).collect();
        for line in written(&records, RowFormat::Jsonl, true).lines() {
            let value: serde_json::Value = serde_json::from_str(line).unwrap();
            prop_assert_eq!(value.as_object().unwrap().keys().cloned().collect::<Vec<_>>(), names.clone());
        }
    }
}

#[test]
fn the_columns_stand_in_the_order_that_was_promised() {
    let names: Vec<String> = columns(false).into_iter().map(|c| c.name).collect();
    assert_eq!(
        names.join(","),
        "frame,time_s,face_id,status,detection_score,box_x_px,box_y_px,box_w_px,box_h_px,neutral,anger,disgust,fear,\
         happiness,sadness,surprise,expression,valence,arousal,valence_sd,arousal_sd,latency_ms,eye_image_left_x_px,\
         eye_image_left_y_px,eye_image_right_x_px,eye_image_right_y_px,nose_tip_x_px,nose_tip_y_px,mouth_image_left_x_px,\
         mouth_image_left_y_px,mouth_image_right_x_px,mouth_image_right_y_px"
    );
    assert_eq!(
        Expression::ALL.map(Expression::index),
        [0, 1, 2, 3, 4, 5, 6]
    );
}

#[test]
fn an_output_is_whole_or_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    {
        let mut output = Output::create(&path, false).unwrap();
        output.write_all(b"half").unwrap();
    }
    assert_eq!(
        std::fs::read_dir(&folder).unwrap().count(),
        0,
        "dropped unfinished: nothing is left"
    );
    write_whole(&path, b"old", false).unwrap();
    assert!(matches!(
        write_whole(&path, b"new", false),
        Err(OutputError::Exists(_))
    ));
    {
        let mut output = Output::create(&path, true).unwrap();
        output.write_all(b"new").unwrap();
        assert_eq!(
            std::fs::read(&path).unwrap(),
            b"old",
            "the name is untouched until the end"
        );
        output.finish().unwrap();
    }
    assert_eq!(std::fs::read(&path).unwrap(), b"new");
    std::fs::remove_file(&path).unwrap();
    std::fs::write(part_path(&path), b"of a killed run").unwrap();
    assert!(matches!(
        Output::create(&path, false),
        Err(OutputError::PartExists(_))
    ));
    assert_eq!(std::fs::read(part_path(&path)).unwrap(), b"of a killed run");
}
