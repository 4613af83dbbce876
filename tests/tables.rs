//! Tables as Parquet, and from one format into another.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use affectscope::analysis::{Record, Status};
use affectscope::formats::labels;
use affectscope::formats::rows::{RowFormat, TableFormat, TableWriter, columns, convert};
use affectscope::frame::FrameStamp;
use parquet::file::reader::{FileReader as _, SerializedFileReader};
use parquet::record::Field;
use proptest::prelude::*;

use super::cli::{Scratch, stderr};
use super::rows::record;

const PARQUET: TableFormat = TableFormat::Parquet;
const CSV: TableFormat = TableFormat::Rows(RowFormat::Csv);

fn written(records: &[Record], format: TableFormat, with_file: bool) -> Vec<u8> {
    let mut table = TableWriter::new(Vec::new(), format, with_file).unwrap();
    for record in records {
        table.write(record).unwrap();
    }
    table.finish().unwrap()
}

/// What a field is as text; numbers to as many digits as the csv has.
fn matches(field: &Field, text: &str) -> bool {
    match field {
        Field::Null => text.is_empty(),
        Field::Long(v) => text.parse() == Ok(*v),
        Field::Double(v) => text.parse() == Ok(*v),
        Field::Str(v) => v == text,
        _ => false,
    }
}

fn read_back(path: &Path) -> Vec<Vec<(String, Field)>> {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    rows.map(|row| row.unwrap().into_columns()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn parquet_holds_what_the_csv_says(records in prop::collection::vec(record(), 0..6)) {
        let text = written(&records, CSV, true);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.parquet");
        std::fs::write(&path, written(&records, PARQUET, true)).unwrap();
        let back = read_back(&path);
        let mut reader = csv::Reader::from_reader(&text[..]);
        let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
        prop_assert_eq!(back.len(), rows.len());
        let names: Vec<String> = columns(true).into_iter().map(|c| c.name).collect();
        for (row, fields) in rows.iter().zip(&back) {
            for ((text, (name, field)), wanted) in row.iter().zip(fields).zip(&names) {
                prop_assert_eq!(name, wanted);
                prop_assert!(matches(field, text), "{}: {:?} for {}", name, field, text);
            }
        }
    }

    #[test]
    fn from_one_format_into_another_and_back_changes_no_byte(
        records in prop::collection::vec(record(), 1..5).prop_map(|mut all| {
            // Frames as a table has them: each once.
            for (i, record) in all.iter_mut().enumerate() {
                record.stamp.index = i as u64;
                for (face, reading) in record.readings.iter_mut().enumerate() {
                    reading.face_id = face as u32 + 1;
                    reading.estimate.valence_sd = reading.estimate.valence_sd.min(1.0);
                    reading.estimate.arousal_sd = reading.estimate.arousal_sd.min(1.0);
                }
            }
            all
        }),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("a.csv"), written(&records, CSV, true)).unwrap();
        for format in [PARQUET, TableFormat::Rows(RowFormat::Jsonl)] {
            let between = at(&format!("b.{}", format.extension()));
            convert(&at("a.csv"), &between, format, true).unwrap();
            convert(&between, &at("c.csv"), CSV, true).unwrap();
            prop_assert_eq!(
                String::from_utf8(std::fs::read(at("a.csv")).unwrap()).unwrap(),
                String::from_utf8(std::fs::read(at("c.csv")).unwrap()).unwrap()
            );
            // The same labels are read from each.
            let (a, b) = (labels::read(&at("a.csv")).unwrap(), labels::read(&between).unwrap());
            prop_assert_eq!(a.series[0].valid(), b.series[0].valid());
        }
    }

    #[test]
    fn a_damaged_parquet_file_is_refused_and_nothing_breaks(cut in 0usize..4000, at in 0usize..4000, to: u8) {
        let records: Vec<Record> = (0..50)
            .map(|i| {
                let stamp = FrameStamp { index: i, time_s: i as f64 / 30.0 };
                Record::empty(stamp, Some(Arc::from("a.png")), Status::NoFace)
            })
            .collect();
        let mut bytes = written(&records, PARQUET, true);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.parquet");
        let (cut, at) = (cut % bytes.len(), at % bytes.len());
        std::fs::write(&path, &bytes[..cut]).unwrap();
        prop_assert!(labels::read(&path).is_err());
        bytes[at] = to;
        std::fs::write(&path, &bytes).unwrap();
        // Whatever it says, it says it.
        let _ = labels::read(&path).map_err(|e| e.to_string());
    }
}

#[test]
fn many_rows_are_written_in_groups() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.parquet");
    let mut table = TableWriter::new(File::create(&path).unwrap(), PARQUET, false).unwrap();
    for i in 0..70_000 {
        let stamp = FrameStamp {
            index: i,
            time_s: i as f64 / 25.0,
        };
        table
            .write(&Record::empty(stamp, None, Status::NoFace))
            .unwrap();
    }
    assert_eq!(table.rows(), 70_000);
    drop(table.finish().unwrap());
    let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
    assert_eq!(reader.num_row_groups(), 2);
    let read = labels::read(&path).unwrap();
    assert_eq!(read.series[0].frames, Some(70_000));
}

#[test]
fn analyze_writes_parquet_and_evaluate_reads_it_as_it_reads_the_csv() {
    let scratch = Scratch::new();
    let clip = scratch.clip("clip.mkv", 20, false, &["-c:v", "mjpeg", "-q:v", "3"]);
    let clip = clip.to_str().unwrap();
    for out in ["rows.csv", "rows2.parquet"] {
        let done = scratch.run(&["analyze", clip, "--out", out]);
        assert!(done.status.success(), "{}", stderr(&done));
    }
    // By the ending of its name; the sidecar lies beside.
    assert!(scratch.path("rows2.json").exists());
    let done = scratch.run(&["convert", "rows2.parquet", "back.csv"]);
    assert!(done.status.success(), "{}", stderr(&done));
    let read = |name: &str| std::fs::read(scratch.path(name)).unwrap();
    assert_eq!(read("rows.csv"), read("back.csv"));
    let sidecar: serde_json::Value = serde_json::from_slice(&read("back.json")).unwrap();
    assert_eq!(sidecar["counts"]["frames"], 20);

    // The same name in another format has the same sidecar: the way there is told.
    let told = [
        "rows.json",
        "goes with rows.csv",
        "affectscope convert rows.csv rows.parquet",
    ];
    scratch.refuses(&["analyze", clip, "--out", "rows.parquet"], &told);
    let done = scratch.run(&["convert", "rows.csv", "rows.parquet"]);
    assert!(done.status.success(), "{}", stderr(&done));

    let mut truth = "frame,valence,arousal\n".to_owned();
    for i in 0..20 {
        truth.push_str(&format!("{i},0.{},-0.{}\n", i % 9, i % 7));
    }
    scratch.write("truth.csv", &truth);
    let of = |predictions: &str| {
        let (code, table, said) = scratch.evaluate(predictions, "truth.csv", &[]);
        assert_eq!(code, 0, "{said}");
        let from = table.find("valence").unwrap();
        table[from..].to_owned()
    };
    assert_eq!(of("rows.csv"), of("rows2.parquet"));

    scratch.refuses(
        &["convert", "rows.csv", "back.csv"],
        &["back.csv", "--force"],
    );
    scratch.refuses(
        &["convert", "rows.csv", "rows.txt"],
        &["rows.txt", ".parquet"],
    );
    scratch.refuses(
        &["convert", "truth.csv", "x.parquet"],
        &["truth.csv", "no table"],
    );
    scratch.refuses(
        &["convert", "rows.csv", "rows.csv", "--force"],
        &["is an input"],
    );
    let stdout = ["analyze", clip, "--format", "parquet", "--out", "-"];
    scratch.refuses(&stdout, &["Parquet is written to a file"]);
    scratch.write("bad.parquet", "PAR1 and then nothing PAR1");
    scratch.refuses(
        &["convert", "bad.parquet", "x.csv"],
        &["bad.parquet", "Parquet"],
    );
}
