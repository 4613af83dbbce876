//! What the window shows is what the rows say: the same records through both, the digits side by side.
//!
//! The display's smoothing is off for this: with it on, the thin marks alone are the rows' values. The latency of the
//! status bar is not compared: it reaches to the drawn picture, the rows' `latency_ms` to the end of the analysis.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use affectscope::analysis::{Analysis, Record, Status};
use affectscope::formats::rows::RowFormat;
use affectscope::frame::FrameStamp;
use affectscope::gui::App;
use affectscope::labels::{Estimate, Expression};
use affectscope::record::{RecordPlan, RowsEnd, write_rows};
use affectscope::settings::Settings;
use affectscope::smooth::Smoothing;
use eframe::egui::Key;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use super::fake::{Fake, running};
use super::{has, window_of};

/// Frames a second of the records.
const RATE_HZ: f64 = 30.0;
/// Without a face these frames make a gap that is longer than a reading stays on screen.
const NOBODY: std::ops::Range<u64> = 30..50;

/// Numbers between 0 and 1 without a pattern that rounding could hide in.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1);
        (self.0 >> 40) as f32 / (1 << 24) as f32
    }

    fn estimate(&mut self) -> Estimate {
        // Now flat, now almost certain.
        let sharpness = 1.0 + 9.0 * self.next();
        let weights: [f32; 7] = std::array::from_fn(|_| self.next().powf(sharpness));
        let sum: f32 = weights.iter().sum();
        Estimate {
            probabilities: weights.map(|w| w / sum),
            valence: 2.0 * self.next() - 1.0,
            arousal: 2.0 * self.next() - 1.0,
            valence_sd: self.next(),
            arousal_sd: self.next(),
        }
    }
}

/// Two faces on each frame, but for the frames without any and some that were dropped.
fn records(template: &Record) -> Vec<Record> {
    let mut numbers = Numbers(20210704);
    (0..80)
        .map(|index| {
            let stamp = FrameStamp {
                index,
                time_s: index as f64 / RATE_HZ,
            };
            if NOBODY.contains(&index) {
                return Record::empty(stamp, None, Status::NoFace);
            }
            if index % 9 == 4 {
                return Record::empty(stamp, None, Status::Dropped);
            }
            let mut record = template.clone();
            record.stamp = stamp;
            record.latency_ms = Some(f64::from(10.0 * numbers.next()));
            for reading in &mut record.readings {
                reading.estimate = numbers.estimate();
            }
            // Close to nothing, from both sides.
            match index {
                5 => record.readings[0].estimate.valence = -0.004_999_6,
                6 => record.readings[0].estimate.valence = 0.004_999_6,
                _ => {}
            }
            record
        })
        .collect()
}

/// The file that the program's own writer makes of the records.
fn written(folder: &Path, records: &[Record], format: RowFormat) -> String {
    let plan = RecordPlan {
        path: folder.join(format!("rows.{}", format.extension())),
        picture: false,
        format,
        force: false,
        frames: None,
    };
    let (sender, receiver) = sync_channel(records.len());
    for record in records {
        sender.send(Arc::new(record.clone())).unwrap();
    }
    drop(sender);
    let end = write_rows(&plan, &receiver, |_| ());
    assert!(matches!(end, RowsEnd::Finished(_)), "{end:?}");
    std::fs::read_to_string(&plan.path).unwrap()
}

/// Cells by column, of the csv; a cell without a value is empty.
type Row = HashMap<String, String>;

/// The csv's rows, after a look whether the JSON lines have the very same.
fn rows(records: &[Record]) -> Vec<Row> {
    let folder = tempfile::tempdir().unwrap();
    let csv = written(folder.path(), records, RowFormat::Csv);
    let rows: Vec<Row> = csv::Reader::from_reader(csv.as_bytes())
        .deserialize()
        .map(Result::unwrap)
        .collect();
    let jsonl = written(folder.path(), records, RowFormat::Jsonl);
    assert_eq!(jsonl.lines().count(), rows.len());
    for (line, row) in jsonl.lines().zip(&rows) {
        let object: HashMap<String, serde_json::Value> = serde_json::from_str(line).unwrap();
        assert_eq!(object.len(), row.len());
        for (name, cell) in row {
            match &object[name] {
                serde_json::Value::Null => assert_eq!(cell, "", "{name}"),
                serde_json::Value::String(text) => assert_eq!(cell, text, "{name}"),
                number => assert_eq!(cell.parse::<f64>().ok(), number.as_f64(), "{name}"),
            }
        }
    }
    rows
}

/// Millionths, which is what a row has.
fn millionths(text: &str) -> i64 {
    let plain = text.replace('−', "-");
    let value: f64 = plain
        .parse()
        .unwrap_or_else(|_| panic!("{text} is no number"));
    (value * 1e6).round() as i64
}

/// Whether two decimals on screen are the row's six, rounded. Within half of the row's last decimal of a tie the two
/// may have gone different ways, from a number that neither shows.
fn assert_rounded(shown: &str, row: &Row, column: &str) {
    let apart = millionths(shown) - millionths(&row[column]);
    assert!(
        apart.abs() <= 5_000,
        "{column}: {shown} is not {}",
        row[column]
    );
    let decimals = shown.rsplit_once('.').map(|(_, d)| d.len());
    assert_eq!(decimals, Some(2), "{shown}");
    assert_ne!(shown, "−0.00", "{column}");
}

/// The label that begins so.
fn label(harness: &Harness<'_, App>, start: &str) -> String {
    let all = harness.query_all_by_label_contains(start);
    // A plain label has its words as its value.
    let mut labels = all.filter_map(|node| {
        let node = node.accesskit_node();
        node.label().or_else(|| node.value())
    });
    let found = labels.find(|label| label.starts_with(start));
    found.unwrap_or_else(|| panic!("nothing says `{start}`"))
}

fn show(fake: &Fake, harness: &mut Harness<'_, App>, record: &Record, template: &Analysis) {
    let record = Arc::new(record.clone());
    fake.with(|stage| {
        if matches!(record.status, Status::Ok | Status::NoFace) {
            stage.update.picture = Some(Arc::new(Analysis {
                record: record.clone(),
                ..template.clone()
            }));
        }
        stage.update.records = vec![record];
    });
    harness.run_steps(2);
}

#[test]
fn the_numbers_on_screen_are_those_of_the_rows() {
    let fake = running(&[1, 2]);
    let mut template = None;
    fake.with(|stage| {
        template = stage.update.picture.take();
        stage.update.records.clear();
    });
    let template = template.unwrap();
    let records = records(&template.record);
    let rows = rows(&records);
    let settings = Settings {
        smoothing: Smoothing::Off,
        ..Settings::default()
    };
    let mut harness = window_of(&fake, [1280.0, 800.0], settings);
    let mut followed = "1";
    let (mut compared, mut without) = (0, 0);
    for record in &records {
        show(&fake, &mut harness, record, &template);
        if record.stamp.index == 60 {
            harness.key_press(Key::Num2);
            harness.run_steps(2);
            followed = "2";
        }
        let frame = record.stamp.index.to_string();
        let of_frame = || rows.iter().filter(|row| row["frame"] == frame);
        match record.status {
            Status::Ok => {
                let row = of_frame().find(|row| row["face_id"] == followed).unwrap();
                for expression in Expression::ALL {
                    let label = label(&harness, &format!("{} ", expression.title()));
                    let (value, top) = match label.split_once(", ") {
                        Some((value, words)) => (value, words == "the most probable"),
                        None => (label.as_str(), false),
                    };
                    let (_, digits) = value.rsplit_once(' ').unwrap();
                    assert_rounded(digits, row, expression.name());
                    assert_eq!(top, row["expression"] == expression.name(), "{label}");
                }
                let label = label(&harness, "Valence ");
                let words: Vec<&str> = label.split([' ', ',']).filter(|w| !w.is_empty()).collect();
                let [
                    "Valence",
                    valence,
                    "plus",
                    "or",
                    "minus",
                    valence_sd,
                    "arousal",
                    arousal,
                    "plus",
                    "or",
                    "minus",
                    arousal_sd,
                ] = words[..]
                else {
                    panic!("{label}");
                };
                for (shown, column) in [
                    (valence, "valence"),
                    (valence_sd, "valence_sd"),
                    (arousal, "arousal"),
                    (arousal_sd, "arousal_sd"),
                ] {
                    assert_rounded(shown, row, column);
                }
                let faces = of_frame().count();
                assert_eq!(label_of_faces(&harness), faces.to_string());
                compared += 1;
            }
            Status::NoFace => {
                let row = of_frame().next().unwrap();
                assert_eq!((&*row["face_id"], &*row["valence"]), ("", ""));
                assert_eq!(label_of_faces(&harness), "0");
                // The last reading stays for half a second, so that a face that flickers does not.
                if record.stamp.index > NOBODY.start + (0.5 * RATE_HZ) as u64 {
                    assert!(has(&harness, "Happiness, no reading"));
                    assert!(has(&harness, "Valence and arousal: no face"));
                    without += 1;
                }
            }
            _ => {}
        }
    }
    assert!(compared > 45 && without >= 4, "{compared}, {without}");
}

/// How many faces the status bar counts.
fn label_of_faces(harness: &Harness<'_, App>) -> String {
    label(harness, "faces ").replace("faces ", "")
}

/// Smoothed for the eye, the raw reading is still told beside it.
#[test]
fn a_smoothed_bar_tells_the_row_s_value_too() {
    let fake = running(&[1]);
    let mut template = None;
    fake.with(|stage| {
        template = stage.update.picture.take();
        stage.update.records.clear();
    });
    let template = template.unwrap();
    let mut records = records(&template.record);
    records.truncate(4);
    let rows = rows(&records);
    let mut harness = window_of(&fake, [1280.0, 800.0], Settings::default());
    for record in &records {
        show(&fake, &mut harness, record, &template);
    }
    let shown = label(&harness, "Happiness ");
    harness.get_by_label(&shown).hover();
    harness.run_steps(60);
    let hover = label(&harness, "Happiness: the network's probability");
    let (_, raw) = hover.rsplit_once("the raw reading, ").unwrap();
    let row = rows.last().unwrap();
    let apart = millionths(raw.trim_end_matches('.')) - millionths(&row["happiness"]);
    assert!(apart.abs() <= 500, "{raw} is not {}", row["happiness"]);
    // And the bar is another figure: something was smoothed.
    let bar = shown.split([' ', ',']).nth(1).unwrap();
    let smoothed = millionths(bar) - millionths(&row["happiness"]);
    assert!(smoothed.abs() > 5_000, "{bar} {}", row["happiness"]);
}
