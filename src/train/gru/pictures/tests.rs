//! Pictures of made faces.

use super::*;
use crate::labels::Expression;
use crate::train::config::Shape;
use crate::train::net::Store;
use crate::train::phase::student_of;
use crate::train::set::Split;

const NOTHING_KNOWN: Labels = Labels {
    expression: None,
    votes: None,
    affect: None,
};

fn face<'a>(pixels: &'a [u8], labels: &'a Labels) -> Sample<'a> {
    Sample {
        pixels,
        width_px: 120,
        height_px: 120,
        channels: 1,
        landmarks: TEMPLATE_PX,
        labels,
        subject: 0,
        split: Split::Train,
        group: None,
        file: "a.png",
    }
}

fn config() -> StudentConfig {
    let shape = Shape {
        stem: 8,
        widths: [8; 4],
        blocks: [1; 4],
        ..Shape::default()
    };
    shape.config(false)
}

#[test]
fn what_is_kept_is_counted_before_it_is_made() {
    let pictures = Pictures {
        looks: 2,
        moves: 4,
        seen_as: &Augment::NONE,
        mix: 0.0,
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
    let sample = face(&pixels, &NOTHING_KNOWN);
    let config = config();
    let of = |looks, moves, seen_as: &Augment| {
        let pictures = Pictures {
            looks,
            moves,
            seen_as,
            mix: 0.0,
            seed: 3,
        };
        let stills = Stills {
            places: &[(0, 5)],
            sample: &|_| sample,
        };
        pictures.of(stills, 0, &config)
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

#[test]
fn a_face_that_another_lies_over_is_a_mean_of_both_in_pixels_and_labels_alike() {
    // One is black and happy, the other white and sad; any mean of the two tells by how much.
    let (black, white) = (vec![0; 120 * 120], vec![250; 120 * 120]);
    let labels = |expression: Expression, affect| Labels {
        expression: Some(expression),
        votes: None,
        affect: Some(affect),
    };
    let happy = labels(Expression::Happiness, [0.8, 0.4]);
    let sad = labels(Expression::Sadness, [-0.6, -0.2]);
    let sample = |(_, i): Place| match i {
        0 => face(&black, &happy),
        _ => face(&white, &sad),
    };
    let stills = Stills {
        places: &[(0, 0), (0, 1)],
        sample: &sample,
    };
    let pictures = |mix: f64| Pictures {
        looks: 200,
        moves: 2,
        seen_as: &Augment::NONE,
        mix,
        seed: 4,
    };
    let config = config();
    let all = pictures(0.5).of(stills, 0, &config);
    let known = pictures(0.5).labels(stills, 0, false);
    let (mut alone, mut with_itself, mut mixed) = (0, 0, 0);
    for (look, labels) in all.chunks(2).zip(&known) {
        let level = look[0].pixels[56 * 112 + 56];
        assert!(look[0].pixels.iter().all(|&p| p == level));
        let part = f32::from(level) / 250.0;
        assert!((0.0..=0.502).contains(&part), "{part}");
        if *labels == happy {
            assert_eq!(level, 0);
            alone += 1;
            continue;
        }
        assert_eq!(labels.expression, None);
        let (shares, [valence, arousal]) = (labels.votes.unwrap(), labels.affect.unwrap());
        assert!((shares.iter().sum::<f32>() - 1.0).abs() < 1e-6);
        let sadness = shares[Expression::Sadness.index()];
        assert!((sadness - part).abs() < 0.003, "{sadness} {part}");
        assert!((shares[Expression::Happiness.index()] - (1.0 - sadness)).abs() < 1e-6);
        assert!((valence - (0.8 - 1.4 * sadness)).abs() < 1e-5);
        assert!((arousal - (0.4 - 0.6 * sadness)).abs() < 1e-5);
        // What moves is the picture of both: its light is near.
        let moved = f32::from(look[1].pixels[56 * 112 + 56]);
        assert!((moved - f32::from(level)).abs() < 30.0, "{moved} {level}");
        if level == 0 {
            with_itself += 1;
        } else {
            mixed += 1;
        }
    }
    assert!((75..125).contains(&alone), "{alone}");
    assert!(with_itself > 25 && mixed > 25, "{with_itself} {mixed}");

    // The same whenever it is asked for; and without mixing, what it was before there was any.
    let pixels = |crops: &[Crop]| crops.iter().map(|c| c.pixels.to_vec()).collect::<Vec<_>>();
    assert_eq!(pixels(&all), pixels(&pictures(0.5).of(stills, 0, &config)));
    assert!(
        pictures(0.0)
            .labels(stills, 1, false)
            .iter()
            .all(|l| *l == sad)
    );
    let plain = pictures(0.0).of(stills, 1, &config);
    assert!(
        plain
            .iter()
            .step_by(2)
            .all(|c| c.pixels.iter().all(|&p| p == 250))
    );
}

#[test]
fn what_people_voted_is_mixed_where_votes_are_learnt() {
    let pixels = vec![9; 120 * 120];
    let votes = [0.5, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0];
    let labels = Labels {
        expression: Some(Expression::Happiness),
        votes: Some(votes),
        affect: None,
    };
    let stills = Stills {
        places: &[(0, 0)],
        sample: &|_| face(&pixels, &labels),
    };
    let pictures = Pictures {
        looks: 1,
        moves: 1,
        seen_as: &Augment::NONE,
        mix: 1.0,
        seed: 1,
    };
    let of = |as_votes: bool| pictures.labels(stills, 0, as_votes)[0];
    assert_eq!(of(true).votes, Some(votes));
    let happy = of(false).votes.unwrap();
    assert_eq!(happy[Expression::Happiness.index()], 1.0);
    assert_eq!(of(true).affect, None);
    // The heads learn them in either case.
    assert_eq!(shares(&of(false), false), happy);
    assert_eq!(shares(&labels, true), votes);
    assert_eq!(shares(&labels, false), happy);
    assert_eq!(shares(&NOTHING_KNOWN, true), [0.0; 7]);
}
