//! When the detector runs and what that misses, on frames made from the portrait.

use std::sync::Arc;

use affectscope::analysis::BoxPx;
use affectscope::face::detect::Detector;
use affectscope::face::finder::{Finder, Found, Schedule};
use affectscope::face::gray::Gray;
use affectscope::face::landmarks::LandmarkNet;
use affectscope::frame::Frame;
use affectscope::model::config::StudentConfig;
use affectscope::model::student::Student;
use affectscope::model::weights::Weights;
use affectscope::pipeline::Pipeline;
use affectscope::session::Tuning;
use allocation_counter::measure;
use image::RgbImage;

use super::pipeline::{canvas, frame};

const SIZE: (u32, u32) = (480, 360);
const RATE_HZ: f64 = 30.0;
const FOLLOWING: [Schedule; 2] = [Schedule::Thorough, Schedule::Spread];

fn finder(schedule: Schedule) -> Finder {
    let config = StudentConfig::parse(&Weights::load(None).unwrap().config).unwrap();
    Finder::new(schedule, &config).unwrap()
}

/// The portrait's face at a scale of 0.6 lies at about (90..180, 35..125) of its place.
fn with_faces(places: &[(i64, i64)]) -> RgbImage {
    canvas(SIZE, 0.6, places)
}

fn at(i: u64, picture: &RgbImage) -> Arc<Frame> {
    frame(i, i as f64 / RATE_HZ, picture)
}

/// Each frame's faces as ids and boxes.
fn run(finder: &mut Finder, frames: &[Arc<Frame>]) -> Vec<Vec<(u32, BoxPx)>> {
    let boxes = |found: &[Found]| {
        let boxes = found.iter().map(|f| (f.crop.face_id, f.detection.box_px));
        boxes.collect()
    };
    frames
        .iter()
        .map(|f| boxes(finder.find(f, &Tuning::default())))
        .collect()
}

/// A face that moves to and fro by a few pixels a frame.
fn swaying(count: u64) -> Vec<Arc<Frame>> {
    (0..count)
        .map(|i| {
            at(
                i,
                &with_faces(&[(60 + (40.0 * (i as f64 / 9.0).sin()) as i64, 20)]),
            )
        })
        .collect()
}

#[test]
fn a_face_that_stays_is_followed_by_its_landmarks_and_seldom_looked_at() {
    for schedule in FOLLOWING {
        let mut finder = finder(schedule);
        let frames: Vec<_> = (0..60).map(|i| at(i, &with_faces(&[(60, 20)]))).collect();
        let faces = run(&mut finder, &frames);
        let first = faces.iter().position(|f| !f.is_empty()).unwrap();
        // Live, a face of this size has its turn among the slices.
        let live = schedule == Schedule::Spread;
        assert!(first <= if live { 6 } else { 0 }, "{schedule:?} {first}");
        assert!(faces[first..].iter().all(|f| f.len() == 1 && f[0].0 == 1));
        let work = finder.work();
        assert!(work.checks <= 16, "{schedule:?} {work:?}");
        assert!(live || work.searches <= 2, "{work:?}");
    }
}

#[test]
fn a_face_is_where_a_search_of_every_frame_finds_it() {
    let frames = swaying(60);
    let reference = run(&mut finder(Schedule::EveryFrame), &frames);
    for schedule in FOLLOWING {
        let faces = run(&mut finder(schedule), &frames);
        for (i, (a, b)) in faces.iter().zip(&reference).enumerate().skip(7) {
            assert_eq!((a.len(), b.len()), (1, 1), "{schedule:?} frame {i}");
            assert!(
                a[0].1.iou(&b[0].1) > 0.7,
                "{schedule:?} frame {i}: {a:?} {b:?}"
            );
        }
    }
}

#[test]
fn live_the_detector_works_behind_the_frames_of_a_face_that_is_surely_followed() {
    let frames: Vec<_> = (0..75)
        .map(|i| {
            let places: &[(i64, i64)] = if i < 30 {
                &[(200, 20)]
            } else {
                &[(200, 20), (-60, 120)]
            };
            at(i, &with_faces(places))
        })
        .collect();
    let mut finder = finder(Schedule::Spread);
    let detector = |f: &Finder| f.work().checks + f.work().searches;
    let (mut ids, mut behind, mut before_it) = (Vec::<Vec<u32>>::new(), 0, 0);
    for frame in &frames {
        let before = detector(&finder);
        let found = finder.find_first(frame, &Tuning::default());
        let now: Vec<u32> = found.iter().map(|f| f.crop.face_id).collect();
        let out = detector(&finder);
        finder.find_rest(frame);
        let done = detector(&finder);
        // Nothing is left to do twice.
        finder.find_rest(frame);
        assert_eq!(detector(&finder), done);
        if ids.last().is_some_and(|last| *last == [1]) && now == [1] {
            before_it += out - before;
            behind += done - out;
        }
        ids.push(now);
    }
    // A look every 0.15 s, and slices of searches; before the frame is out only where the landmarks are not sure of the
    // face, as when it has just been found.
    assert!(
        behind >= 6 && before_it <= 2,
        "{behind} behind, {before_it} before"
    );
    let first = ids.iter().position(|ids| !ids.is_empty()).unwrap();
    let second = ids.iter().position(|ids| ids.len() == 2).unwrap();
    assert!(
        first <= 6 && (31..=60).contains(&second),
        "{first} {second}"
    );
    assert!(ids[first..second].iter().all(|ids| *ids == [1]));
    assert!(ids[second..].iter().all(|ids| *ids == [1, 2]), "{ids:?}");
}

#[test]
fn two_runs_are_the_same_to_the_bit() {
    let frames = swaying(40);
    for schedule in FOLLOWING {
        let mut finder = finder(schedule);
        let first = run(&mut finder, &frames);
        finder.reset();
        assert_eq!(first, run(&mut finder, &frames), "{schedule:?}");
    }
}

#[test]
fn a_new_face_is_noticed_within_half_a_second_and_the_others_keep_their_ids() {
    let frames: Vec<_> = (0..60)
        .map(|i| {
            let places: &[(i64, i64)] = if i < 30 {
                &[(200, 20)]
            } else {
                &[(200, 20), (-60, 120)]
            };
            at(i, &with_faces(places))
        })
        .collect();
    let faces = run(&mut finder(Schedule::Thorough), &frames);
    let ids = |i: usize| faces[i].iter().map(|f| f.0).collect::<Vec<_>>();
    assert_eq!(ids(29), [1]);
    let noticed = (30..60).find(|&i| faces[i].len() == 2).unwrap();
    assert!(noticed <= 45, "{noticed}");
    assert!((noticed..60).all(|i| ids(i) == [1, 2]));
}

#[test]
fn a_face_that_vanishes_is_lost_within_a_fifth_of_a_second() {
    for schedule in FOLLOWING {
        let frames: Vec<_> = (0..40)
            .map(|i| at(i, &with_faces(if i < 20 { &[(100, 20)] } else { &[] })))
            .collect();
        let faces = run(&mut finder(schedule), &frames);
        assert_eq!(faces[19].len(), 1, "{schedule:?}");
        let lost = (20..40).find(|&i| faces[i].is_empty()).unwrap();
        assert!(lost <= 26, "{schedule:?} {lost}");
        assert!(faces[lost..].iter().all(Vec::is_empty), "{schedule:?}");
    }
}

#[test]
fn nobody_is_left_on_the_background_when_a_face_walks_out() {
    for schedule in FOLLOWING {
        // At 12 pixels a frame; its face is out of the picture from frame 40 on.
        let frames: Vec<_> = (0..60)
            .map(|i| at(i, &with_faces(&[(20 + 12 * i as i64, 20)])))
            .collect();
        let faces = run(&mut finder(schedule), &frames);
        assert!(faces[10..20].iter().all(|f| f.len() == 1), "{schedule:?}");
        for (i, faces) in faces.iter().enumerate() {
            for (_, b) in faces {
                // The middle of the face, in the picture's coordinates.
                let wanted = 20.0 + 12.0 * i as f32 + 132.0;
                assert!(
                    (b.center().0 - wanted).abs() < 30.0,
                    "{schedule:?} {i}: {b:?}"
                );
            }
        }
        assert!(faces[40..].iter().all(Vec::is_empty), "{schedule:?}");
    }
}

#[test]
fn a_new_scene_is_searched_at_once() {
    let other = |i: u64| {
        let mut picture = canvas(SIZE, 0.8, &[(-20, -10)]);
        image::imageops::invert(&mut picture);
        let face = canvas((200, 180), 0.6, &[(-50, 0)]);
        image::imageops::overlay(&mut picture, &face, 260, 150);
        at(i, &picture)
    };
    let mut frames: Vec<_> = (0..15).map(|i| at(i, &with_faces(&[(-60, 20)]))).collect();
    frames.extend((15..25).map(other));
    let faces = run(&mut finder(Schedule::Thorough), &frames);
    assert!(faces[14][0].1.center().0 < 150.0);
    assert!(
        faces[15].iter().any(|f| f.1.center().0 > 260.0),
        "{:?}",
        faces[15]
    );
}

#[test]
fn a_steady_picture_allocates_nothing_of_its_own() {
    let frames = swaying(60);
    let tuning = Tuning::default();
    let mut finder = finder(Schedule::Thorough);
    // What the libraries below allocate for one run of the landmark network, and for one look of the detector.
    let (mut net, mut detector, mut gray) = (
        LandmarkNet::new().unwrap(),
        Detector::new().unwrap(),
        Gray::default(),
    );
    gray.fill(&frames[0]);
    let box_px = finder.find(&frames[0], &tuning)[0].detection.box_px;
    net.find(&gray, box_px);
    let per_run = measure(|| {
        net.find(&gray, box_px);
    })
    .count_total;
    detector.near(&gray, box_px);
    let per_look = measure(|| {
        detector.near(&gray, box_px);
    })
    .count_total;
    for frame in &frames[1..30] {
        finder.find(frame, &tuning);
    }
    let mut without = 0;
    for frame in &frames[30..] {
        let before = finder.work();
        let count = measure(|| {
            finder.find(frame, &tuning);
        })
        .count_total;
        let after = finder.work();
        let own = count - per_run * (after.landmarks - before.landmarks);
        match (
            after.checks - before.checks,
            after.searches - before.searches,
        ) {
            (0, 0) => {
                without += 1;
                assert_eq!(own, 0, "of {count}");
            }
            // It depends on what it sees.
            (looks, 0) => assert!(own <= 2 * per_look * looks, "{own}, {per_look} a look"),
            _ => {}
        }
    }
    assert!(without > 15, "{without}");
}

#[test]
fn a_steady_frame_goes_the_whole_way_without_an_allocation() {
    let student = Student::new(&Weights::load(None).unwrap(), &candle_core::Device::Cpu).unwrap();
    let mut pipeline = Pipeline::new(student, Schedule::Spread, Tuning::default()).unwrap();
    let picture = with_faces(&[(100, 60)]);
    let frames: Vec<Arc<Frame>> = (0..240).map(|i| at(i, &picture)).collect();
    // What detector and resizer allocate by themselves: a finder on the same frames, which has nothing of its own (see
    // above).
    let mut finder = finder(Schedule::Spread);
    let (mut ours, mut theirs) = (0, 0);
    for frame in &frames {
        let found = measure(|| {
            finder.find(frame, &Tuning::default());
        });
        let mut readings = 0;
        let all = measure(|| {
            let out = pipeline.step(frame.clone()).unwrap();
            readings = out.iter().map(|a| a.record.readings.len()).sum();
        });
        if frame.stamp.index > 120 {
            assert_eq!(readings, 1);
            ours += all.count_total;
            theirs += found.count_total;
        }
    }
    // A buffer that grows once more is no steady allocation.
    assert!(ours <= theirs + 2, "{ours}, {theirs} by the finder");
}
