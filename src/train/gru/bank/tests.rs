//! Windows composed of faces whose features say who they are, and pictures of a made face.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::train::config::Shape;
use crate::train::net::Store;
use crate::train::phase::student_of;
use crate::train::set::Split;

/// So many faces; a feature is the number of its picture, and the affect head's the same below 0.
fn bank(faces: usize, looks: usize, moves: usize) -> Bank {
    let all = (0..faces * looks * moves).map(|n| n as f32);
    let labels = |face: usize| Labels {
        affect: Some([face as f32, 0.0]),
        ..Labels::default()
    };
    Bank {
        labels: (0..faces).map(labels).collect(),
        looks,
        moves,
        width: 1,
        features: [all.clone().collect(), all.map(|n| -n).collect()],
        taught: Vec::new(),
        weighted: None,
    }
}

fn faces_of(window: &[Pick; WINDOW]) -> Vec<u32> {
    let mut faces: Vec<u32> = window.iter().map(|pick| pick.face).collect();
    faces.dedup();
    faces
}

#[test]
fn an_epoch_depends_on_the_seed_and_on_itself_alone() {
    let bank = bank(50, 2, 3);
    let of = |seed, task, epoch| bank.compose(40, (seed, task, epoch));
    let first = of(7, Task::Both, 4);
    assert_eq!(first, of(7, Task::Both, 4));
    for other in [
        of(8, Task::Both, 4),
        of(7, Task::Affect, 4),
        of(7, Task::Both, 5),
    ] {
        assert_ne!(first, other);
    }
    // More windows are the same ones, and others behind them.
    assert_eq!(first, bank.compose(60, (7, Task::Both, 4))[..40]);
    assert!(Bank::default().compose(9, (7, Task::Both, 4)).is_empty());
}

#[test]
fn every_face_comes_once_before_any_comes_again() {
    let bank = bank(60, 2, 3);
    let windows = bank.compose(100, (1, Task::Both, 0));
    let order: Vec<u32> = windows.iter().flat_map(faces_of).collect();
    assert!(order.len() > 120, "{}", order.len());
    for all in order.chunks_exact(60) {
        let all: BTreeSet<_> = all.iter().collect();
        assert_eq!(all.len(), 60);
    }
}

#[test]
fn a_window_shows_up_to_three_faces_each_in_one_look_or_one_picture_that_stays() {
    let bank = bank(1000, 3, 4);
    let windows = bank.compose(600, (3, Task::Expression, 2));
    let (mut still, mut by_faces) = (0, BTreeMap::<usize, usize>::new());
    let mut pictures = BTreeSet::new();
    for window in &windows {
        *by_faces.entry(faces_of(window).len()).or_default() += 1;
        // A face that comes twice in a row could hide a change of looks; among 1000 there is none here.
        for face in window.chunk_by(|a, b| a.face == b.face) {
            let looks: BTreeSet<u32> = face.iter().map(|pick| pick.picture / 4).collect();
            assert_eq!(looks.len(), 1);
        }
        if window.iter().all(|pick| pick == &window[0]) && window[0].picture % 4 == 0 {
            still += 1;
        } else {
            pictures.extend(window.iter().map(|pick| pick.picture));
        }
    }
    assert!((130..230).contains(&still), "{still} of 600 stand still");
    assert_eq!(by_faces.keys().copied().collect::<Vec<_>>(), [1, 2, 3]);
    assert!(by_faces.values().all(|&count| count > 90), "{by_faces:?}");
    assert_eq!(pictures.len(), 12);
}

#[test]
fn rare_faces_come_more_often_where_they_weigh_more() {
    let mut bank = bank(100, 1, 2);
    let weights: Vec<f64> = (0..100).map(|i| if i < 10 { 9.0 } else { 1.0 }).collect();
    bank.weighted = Weighted::new(&weights).ok();
    let windows = bank.compose(2000, (5, Task::Both, 0));
    let all: Vec<u32> = windows.iter().flat_map(faces_of).collect();
    let rare = all.iter().filter(|face| **face < 10).count() as f64 / all.len() as f64;
    assert!((rare - 0.5).abs() < 0.03, "{rare}");
}

#[test]
fn a_batch_has_the_features_and_labels_of_what_was_picked() {
    let bank = bank(5, 2, 3);
    let mut window = bank.still(3);
    window[31] = Pick {
        face: 4,
        picture: 5,
    };
    let mut batch = Batch::new(false);
    bank.add(&window, None, &mut batch).unwrap();
    bank.add(&bank.still(0), None, &mut batch).unwrap();
    assert_eq!(batch.len(), 2);
    assert_eq!(batch.features[0][..31], [18.0; 31]);
    assert_eq!(batch.features[0][31..33], [29.0, 0.0]);
    assert_eq!(batch.features[1][31], -29.0);
    assert_eq!(batch.labels[31].affect, Some([4.0, 0.0]));
    assert_eq!(batch.labels[32].affect, Some([0.0, 0.0]));
}

#[test]
fn what_is_kept_is_counted_before_it_is_made() {
    let pictures = Pictures {
        looks: 2,
        moves: 4,
        seen_as: &Augment::NONE,
        seed: 0,
    };
    // 1 KiB a picture for two heads of 128, and as much for a teacher's.
    assert_eq!(pictures.bytes(1000, 128, 1), 8000 << 10);
    assert_eq!(pictures.bytes(1000, 128, 2), 16000 << 10);
}

#[test]
fn the_first_picture_of_a_look_is_the_look_and_the_others_are_near_it() {
    let pixels: Vec<u8> = (0..120 * 120)
        .map(|i| {
            (128.0 + 100.0 * (f64::from(i % 120) / 7.0).sin() * (f64::from(i / 120) / 9.0).cos())
                as u8
        })
        .collect();
    let labels = Labels::default();
    let sample = Sample {
        pixels: &pixels,
        width_px: 120,
        height_px: 120,
        channels: 1,
        landmarks: TEMPLATE_PX,
        labels: &labels,
        subject: 0,
        split: Split::Train,
        group: None,
        file: "a.png",
    };
    let shape = Shape {
        stem: 8,
        widths: [8; 4],
        blocks: [1; 4],
        ..Shape::default()
    };
    let config = shape.config(false);
    let of = |looks, moves, seen_as: &Augment| {
        let pictures = Pictures {
            looks,
            moves,
            seen_as,
            seed: 3,
        };
        pictures.of(&sample, (0, 5), &config)
    };
    let apart = |a: &Crop, b: &Crop| {
        let pairs = a.pixels.iter().zip(&*b.pixels);
        pairs.map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / a.pixels.len() as f64
    };
    // As it is, and moved.
    let plain = of(1, 3, &Augment::NONE);
    let as_is = crop(&sample, &config, &Augment::NONE, &mut Rng::new(9));
    assert_eq!(plain[0].pixels[..], as_is[..]);
    for moved in &plain[1..] {
        let apart = apart(&plain[0], moved);
        assert!((1.0..25.0).contains(&apart), "{apart}");
    }
    // Two looks differ more than either moves.
    let augment = Augment {
        flip: 0.0,
        turn_degrees: 30.0,
        shift_px: 10.0,
        ..Augment::default()
    };
    let views = of(2, 2, &augment);
    let [first, first_moved, second, second_moved] = &views[..] else {
        panic!("{} pictures", views.len());
    };
    let looks = apart(first, second);
    assert!(looks > apart(first, first_moved) && looks > apart(second, second_moved));
    // The same whenever it is asked for, and no other face's.
    let pixels = |crops: &[Crop]| crops.iter().map(|c| c.pixels.to_vec()).collect::<Vec<_>>();
    assert_eq!(pixels(&views), pixels(&of(2, 2, &augment)));

    // What a network makes of a picture is what the bank has of it.
    let mut store = Store::new(&config);
    let mut rng = Rng::new(1);
    store.begin(|| rng.unit() as f32);
    let student = student_of(&store, &store.values, &config).unwrap();
    let together = student.features(&views).unwrap();
    let alone = student.features(&views[2..3]).unwrap();
    assert_eq!(together[2].expression, alone[0].expression);
    assert_ne!(together[2].expression, together[0].expression);
}
