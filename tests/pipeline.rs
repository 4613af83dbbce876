//! Frames to readings, on pictures made from the portrait.

use std::sync::Arc;

use affectscope::analysis::Status;
use affectscope::face::finder::Schedule;
use affectscope::frame::{Frame, FrameStamp};
use affectscope::labels::Expression;
use affectscope::model::student::Student;
use affectscope::model::weights::Weights;
use affectscope::pipeline::Pipeline;
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
    println!("{reading:?}");
    assert_eq!(analysis.record.readings.len(), 1);
    assert_eq!(reading.estimate.expression(), Expression::Happiness);
    assert!(reading.estimate.valence > 0.3);
    assert_eq!(reading.face_id, 1);
}

#[test]
#[ignore = "a look at any picture: PICTURE=file, crops to /tmp/crop-N.png"]
fn look() {
    let picture = image::open(std::env::var("PICTURE").unwrap())
        .unwrap()
        .to_rgb8();
    let mut pipeline = pipeline(Schedule::Thorough, Tuning::default());
    for round in 0..5 {
        let t = std::time::Instant::now();
        let analysis = pipeline
            .step(frame(round, round as f64 / 30.0, &picture))
            .unwrap()
            .remove(0);
        println!("{:?}", t.elapsed());
        for (r, c) in analysis.record.readings.iter().zip(&analysis.crops) {
            println!(
                "{} {:.1} {:?} {} {:.2} v {:.2} a {:.2}",
                r.face_id,
                r.detection_score,
                r.box_px,
                r.estimate.expression(),
                r.estimate.confidence(),
                r.estimate.valence,
                r.estimate.arousal
            );
            image::GrayImage::from_raw(112, 112, c.pixels.clone())
                .unwrap()
                .save(format!("/tmp/crop-{}.png", r.face_id))
                .unwrap();
        }
    }
}
