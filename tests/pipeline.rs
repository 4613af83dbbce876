//! Frames to readings, on pictures made from the portrait.

use std::sync::Arc;

use affectscope::analysis::{BoxPx, Crop, Place, Status};
use affectscope::face::finder::Schedule;
use affectscope::frame::{Frame, FrameStamp};
use affectscope::labels::{Estimate, Expression};
use affectscope::model::student::{Features, Student};
use affectscope::model::weights::Weights;
use affectscope::offline::Offline;
use affectscope::pipeline::{Observed, Pipeline};
use affectscope::session::Tuning;
use candle_core::Device;
use image::RgbImage;

pub fn portrait() -> RgbImage {
    image::load_from_memory(include_bytes!("../assets/astronaut.png"))
        .unwrap()
        .to_rgb8()
}

pub fn frame(index: u64, time_s: f64, picture: &RgbImage) -> Arc<Frame> {
    let (w, h) = picture.dimensions();
    let stamp = FrameStamp { index, time_s };
    Arc::new(Frame::new(stamp, w as usize, h as usize, picture.as_raw().clone()).unwrap())
}

pub fn pipeline(schedule: Schedule, tuning: Tuning) -> Pipeline {
    let student = Student::new(&Weights::load(None).unwrap(), &Device::Cpu).unwrap();
    Pipeline::new(student, schedule, tuning).unwrap()
}

/// A grey canvas with the portrait at each of these places, at this scale.
pub fn canvas(size: (u32, u32), scale: f32, places: &[(i64, i64)]) -> RgbImage {
    let side = (512.0 * scale) as u32;
    let small = image::imageops::resize(
        &portrait(),
        side,
        side,
        image::imageops::FilterType::Triangle,
    );
    let mut out = RgbImage::from_pixel(size.0, size.1, image::Rgb([90, 95, 100]));
    for &(x, y) in places {
        image::imageops::overlay(&mut out, &small, x, y);
    }
    out
}

#[test]
fn the_portrait_is_one_happy_face() {
    let analysis = pipeline(Schedule::Thorough, Tuning::default())
        .step(frame(0, 0.0, &portrait()))
        .unwrap()
        .remove(0);
    assert_eq!(analysis.record.status, Status::Ok);
    let reading = &analysis.record.readings[0];
    assert_eq!(analysis.record.readings.len(), 1);
    assert_eq!(reading.estimate.expression(), Expression::Happiness);
    assert!(reading.estimate.valence > 0.3);
    assert_eq!(reading.face_id, 1);
}

#[test]
fn a_face_hidden_for_a_moment_keeps_its_id_and_an_empty_picture_has_none() {
    let mut pipeline = pipeline(Schedule::Thorough, Tuning::default());
    let (there, gone) = (
        canvas((480, 360), 0.7, &[(60, 0)]),
        canvas((480, 360), 0.7, &[]),
    );
    let mut seen = Vec::new();
    for i in 0..40u64 {
        let hidden = (12..24).contains(&i);
        let picture = if hidden { &gone } else { &there };
        let analysis = pipeline
            .step(frame(i, i as f64 / 30.0, picture))
            .unwrap()
            .remove(0);
        assert_eq!(
            analysis.record.status == Status::NoFace,
            hidden,
            "frame {i}"
        );
        seen.extend(analysis.record.readings.iter().map(|r| r.face_id));
    }
    assert_eq!(seen, vec![1; 28]);
}

#[test]
fn the_live_schedule_finds_a_face_within_a_second_wherever_and_however_small_it_is() {
    for (scale, x, y) in [
        (0.9, 0, 0),
        (0.55, 300, 150),
        (0.45, 420, 260),
        (0.45, 10, 5),
    ] {
        let mut pipeline = pipeline(Schedule::Spread, Tuning::default());
        let picture = canvas((640, 480), scale, &[(x, y)]);
        let found = (0..30u64).find(|&i| {
            let analysis = pipeline
                .step(frame(i, i as f64 / 30.0, &picture))
                .unwrap()
                .remove(0);
            analysis.record.status == Status::Ok
        });
        assert!(found.is_some(), "at scale {scale}, {x} {y}");
    }
}

#[test]
fn the_look_ahead_holds_each_picture_back_until_its_future_is_known() {
    let tuning = Tuning {
        lookahead: 4,
        ..Tuning::default()
    };
    let mut pipeline = pipeline(Schedule::Thorough, tuning);
    assert!((pipeline.lookahead_s() - 4.0 / 30.0).abs() < 1e-9);
    let picture = canvas((480, 360), 0.7, &[(60, 0)]);
    let mut out = Vec::new();
    for i in 0..12u64 {
        let ready = pipeline.step(frame(i, i as f64 / 30.0, &picture)).unwrap();
        assert_eq!(ready.len(), usize::from(i >= 4), "frame {i}");
        out.extend(ready);
    }
    out.extend(pipeline.flush().unwrap());
    let numbers: Vec<u64> = out.iter().map(|a| a.record.stamp.index).collect();
    assert_eq!(numbers, (0..12).collect::<Vec<_>>());
    assert!(
        out.iter()
            .all(|a| a.record.stamp == a.frame.stamp && a.crops.len() == a.record.readings.len())
    );
}

#[test]
fn a_look_ahead_of_a_whole_window_reads_what_the_offline_protocol_reads() {
    // 31 frames of future and none of past: the first frame's window is the file's first window.
    let tuning = Tuning {
        lookahead: 31,
        ..Tuning::default()
    };
    let mut live = pipeline(Schedule::Thorough, tuning);
    let mut files = pipeline(Schedule::Thorough, Tuning::default());
    let mut offline = Offline::default();
    let (mut first, mut records) = (Vec::new(), Vec::new());
    for i in 0..32u64 {
        let frame = frame(
            i,
            i as f64 / 30.0,
            &canvas((480, 360), 0.7, &[(i as i64 * 2, 0)]),
        );
        first.extend(live.step(frame.clone()).unwrap());
        let faces = files.observe(&frame).unwrap();
        records.extend(
            offline
                .push(files.student(), frame.stamp, None, Status::Ok, faces)
                .unwrap(),
        );
    }
    assert_eq!((first.len(), records.len()), (1, 32));
    let (a, b) = (
        &first[0].record.readings[0].estimate,
        &records[0].readings[0].estimate,
    );
    for (p, q) in a.probabilities.iter().zip(&b.probabilities) {
        assert!((p - q).abs() < 1e-5, "{a:?} {b:?}");
    }
    assert!((a.valence - b.valence).abs() < 1e-5);
}

#[test]
fn a_picture_reads_the_same_live_and_offline() {
    let mut live = pipeline(Schedule::Thorough, Tuning::default());
    let mut files = pipeline(Schedule::Thorough, Tuning::default());
    let frame = frame(0, 0.0, &portrait());
    let shown = live.step(frame.clone()).unwrap().remove(0).record.readings[0].estimate;
    let mut offline = Offline::default();
    let faces = files.observe(&frame).unwrap();
    offline
        .push(files.student(), frame.stamp, None, Status::Ok, faces)
        .unwrap();
    let written = offline.finish(files.student()).unwrap()[0].readings[0].estimate;
    for (a, b) in shown.probabilities.iter().zip(&written.probabilities) {
        assert!((a - b).abs() < 1e-5, "{shown:?} {written:?}");
    }
}

/// Features that differ from step to step, as if of one face.
fn observed(student: &Student, face_id: u32, seed: u64) -> Observed {
    let pixels = (0..112 * 112u64)
        .map(|i| ((i * 7 + (i / 112) * 13 + seed * 29) % 256) as u8)
        .collect();
    let crop = Crop {
        face_id,
        side_px: 112,
        channels: 1,
        pixels,
    };
    let features = student
        .features(std::slice::from_ref(&crop))
        .unwrap()
        .remove(0);
    let box_px = BoxPx {
        x: 0.0,
        y: 0.0,
        w: 9.0,
        h: 9.0,
    };
    Observed {
        place: Some(Place {
            detection_score: 5.0,
            box_px,
            landmarks_px: [[0.0; 2]; 5],
        }),
        crop,
        features,
    }
}

#[test]
fn the_offline_protocol_in_a_stream_is_the_offline_protocol_on_the_whole() {
    let student = Student::new(&Weights::load(None).unwrap(), &Device::Cpu).unwrap();
    let all: Vec<Observed> = (0..100).map(|i| observed(&student, 1, i)).collect();
    for length in [1, 5, 31, 32, 33, 63, 64, 65, 100] {
        let features: Vec<Features> = all[..length].iter().map(|o| o.features.clone()).collect();
        let wanted = student.read_sequence(&features).unwrap();
        let mut offline = Offline::default();
        let mut records = Vec::new();
        for (i, face) in all[..length].iter().enumerate() {
            let stamp = FrameStamp {
                index: i as u64,
                time_s: i as f64 / 25.0,
            };
            records.extend(
                offline
                    .push(&student, stamp, None, Status::Ok, vec![face.clone()])
                    .unwrap(),
            );
            assert!(i + 1 - records.len() < 32, "no more waits than a window");
        }
        records.extend(offline.finish(&student).unwrap());
        assert_eq!(
            records.iter().map(|r| r.stamp.index).collect::<Vec<_>>(),
            (0..length as u64).collect::<Vec<_>>()
        );
        let got: Vec<Estimate> = records.iter().map(|r| r.readings[0].estimate).collect();
        assert_eq!(got, wanted, "length {length}");
    }
}

#[test]
fn a_gap_of_more_than_a_second_starts_a_new_sequence() {
    let student = Student::new(&Weights::load(None).unwrap(), &Device::Cpu).unwrap();
    let all: Vec<Observed> = (0..20).map(|i| observed(&student, 1, i)).collect();
    let features: Vec<Features> = all.iter().map(|o| o.features.clone()).collect();
    let read = |gap_s: f64| {
        let mut offline = Offline::default();
        let mut records = Vec::new();
        for (i, face) in all.iter().enumerate() {
            let time_s = i as f64 / 30.0 + if i >= 10 { gap_s } else { 0.0 };
            let stamp = FrameStamp {
                index: i as u64,
                time_s,
            };
            records.extend(
                offline
                    .push(&student, stamp, None, Status::Ok, vec![face.clone()])
                    .unwrap(),
            );
        }
        records.extend(offline.finish(&student).unwrap());
        records
            .iter()
            .map(|r| r.readings[0].estimate)
            .collect::<Vec<_>>()
    };
    assert_eq!(read(0.5), student.read_sequence(&features).unwrap());
    let apart = [&features[..10], &features[10..]]
        .map(|part| student.read_sequence(part).unwrap())
        .concat();
    assert_eq!(read(1.5), apart);
}

#[test]
fn two_faces_that_cross_in_the_picture_keep_their_ids() {
    let mut pipeline = pipeline(Schedule::Thorough, Tuning::default());
    let face = image::imageops::crop_imm(&portrait(), 130, 20, 190, 230).to_image();
    let mut other = image::imageops::flip_horizontal(&face);
    other
        .pixels_mut()
        .for_each(|p| p.0 = p.0.map(|v| (f32::from(v) * 0.6) as u8));
    let (mut firsts, mut lasts) = (Vec::new(), Vec::new());
    for i in 0..50u64 {
        let mut picture = RgbImage::from_pixel(960, 320, image::Rgb([90, 95, 100]));
        // The dark one passes behind.
        image::imageops::overlay(&mut picture, &other, 720 - 14 * i as i64, 40);
        image::imageops::overlay(&mut picture, &face, 40 + 14 * i as i64, 40);
        let analysis = pipeline
            .step(frame(i, i as f64 / 30.0, &picture))
            .unwrap()
            .remove(0);
        let mut seen: Vec<(i32, u32)> = analysis
            .record
            .readings
            .iter()
            .map(|r| (r.place.unwrap().box_px.x as i32, r.face_id))
            .collect();
        seen.sort_unstable();
        let ids: Vec<u32> = seen.into_iter().map(|(_, id)| id).collect();
        if i == 5 {
            firsts = ids;
        } else if i == 49 {
            lasts = ids;
        }
    }
    assert_eq!(firsts.len(), 2);
    lasts.reverse();
    assert_eq!(firsts, lasts);
}
