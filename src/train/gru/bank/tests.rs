//! Windows composed of faces whose features say who they are, and pictures of a made face.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::train::teacher::made;

/// So many faces; a feature is the number of its picture, and the affect head's the same below 0.
fn bank(faces: usize, looks: usize, moves: usize) -> Bank {
    let all = (0..faces * looks * moves).map(|n| n as f32);
    let labels = |face: usize| Labels {
        affect: Some([face as f32, 0.0]),
        ..Labels::default()
    };
    Bank {
        labels: (0..faces * looks).map(|i| labels(i / looks)).collect(),
        looks,
        moves,
        features: [all.clone().collect(), all.map(|n| -n).collect()],
        taught: Default::default(),
        steady: false,
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
    bank.add(&window, None, &mut batch);
    bank.add(&bank.still(0), None, &mut batch);
    assert_eq!(batch.len(), 2);
    assert_eq!(batch.features[0][..31], [18.0; 31]);
    assert_eq!(batch.features[0][31..33], [29.0, 0.0]);
    assert_eq!(batch.features[1][31], -29.0);
    assert_eq!(batch.labels[31].affect, Some([4.0, 0.0]));
    assert_eq!(batch.labels[32].affect, Some([0.0, 0.0]));
}

#[test]
fn a_look_has_labels_of_its_own() {
    let mut bank = bank(5, 2, 3);
    bank.labels[3 * 2 + 1].affect = Some([-0.5, 0.25]);
    assert_eq!(bank.len(), 5);
    let mut window = bank.still(3);
    window[1].picture = 2;
    window[2].picture = 3;
    window[3].picture = 5;
    let mut batch = Batch::new(false);
    bank.add(&window, None, &mut batch);
    let affect: Vec<_> = batch.labels[..5]
        .iter()
        .map(|l| l.affect.unwrap())
        .collect();
    assert_eq!(
        affect,
        [
            [3.0, 0.0],
            [3.0, 0.0],
            [-0.5, 0.25],
            [-0.5, 0.25],
            [3.0, 0.0]
        ]
    );
}

#[test]
fn a_teacher_that_is_the_cnn_itself_needs_no_features_of_its_own() {
    let teacher = made(4);
    let mut bank = bank(3, 1, 2);
    let width = teacher.student.config().heads.hidden;
    let mut rng = Rng::new(1);
    for features in &mut bank.features {
        *features = (0..6 * width).map(|_| rng.unit() as f32).collect();
    }
    let taught = |bank: &Bank| {
        let mut batch = Batch::new(true);
        let mut window = bank.still(2);
        window[7].picture = 1;
        bank.add(&window, Some(&teacher), &mut batch);
        batch.taught.unwrap()
    };
    let shared = taught(&bank);
    assert_eq!((shared.0.len(), shared.1.len()), (WINDOW * 7, WINDOW * 40));
    assert_ne!(shared.0[7 * 7..8 * 7], shared.0[..7]);
    bank.taught = bank.features.clone();
    assert_eq!(taught(&bank), shared);
}

#[test]
fn a_steady_teacher_says_the_mean_of_all_frames_that_show_a_face() {
    let rows = |of: &[f32], width: usize| -> Vec<f32> {
        of.iter()
            .flat_map(|&v| (0..width).map(move |i| if i == 1 { v } else { 0.0 }))
            .collect()
    };
    let mut said = (
        rows(&[0.0, 1.0, 2.0, 5.0], 7),
        rows(&[3.0, 1.0, 2.0, 5.0], 40),
    );
    let before = said.clone();
    steady([1, 2, 1].into_iter(), &mut said.0, &mut said.1);
    let share = |row: &[f32]| row[1].exp() / row.iter().map(|l| l.exp()).sum::<f32>();
    for (width, said, before) in [(7, &said.0, &before.0), (20, &said.1, &before.1)] {
        let each = if width == 7 { 7 } else { 40 };
        let of = |all: &[f32], row: usize| share(&all[row * each..][..width]);
        assert_eq!(of(said, 0), of(before, 0));
        assert_eq!(of(said, 3), of(before, 3));
        let mean = (of(before, 1) + of(before, 2)) / 2.0;
        for row in [1, 2] {
            assert!((of(said, row) - mean).abs() < 1e-6, "{row}");
        }
    }
}
