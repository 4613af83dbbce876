//! Views of made pictures, and how they are scored.

use super::check::{Condition, told_apart};
use super::config::{LandmarksConfig, Views};
use super::views::{Gray, Kind, Tight, View, Window, draw, error, usual_window};
use crate::analysis::Landmarks;
use crate::face::align::TEMPLATE_PX;
use crate::model::points::SIDE_PX;
use crate::train::augment::Augment;
use crate::train::random::Rng;
use crate::train::set::{Labels, Sample, Split};

const W: usize = 90;
const H: usize = 100;

fn picture() -> Vec<u8> {
    let pixels = (0..W * H).map(|i| {
        let (x, y) = ((i % W) as f32, (i / W) as f32);
        (128.0 + 60.0 * (x / 9.0).sin() + 60.0 * (y / 13.0).cos()) as u8
    });
    pixels.collect()
}

/// The template's face, a little smaller, in the middle.
fn landmarks() -> Landmarks {
    TEMPLATE_PX.map(|[x, y]| [x * 0.7 + 6.0, y * 0.7 + 4.0])
}

fn sample<'a>(pixels: &'a [u8], labels: &'a Labels) -> Sample<'a> {
    Sample {
        pixels,
        width_px: W,
        height_px: H,
        channels: 1,
        landmarks: landmarks(),
        labels,
        subject: 0,
        split: Split::Train,
        group: None,
        file: "a.png",
    }
}

#[test]
fn landmarks_in_a_window_lie_on_what_they_lie_on_in_the_picture() {
    let pixels = picture();
    let gray = Gray::new(&pixels, [W, H]);
    let mut rng = Rng::new(4);
    for mirrored in [false, true] {
        for _ in 0..20 {
            let window = Window {
                center: [rng.between(40.0, 50.0), rng.between(45.0, 55.0)],
                side: rng.between(50.0, 60.0),
                turn: rng.between(-0.4, 0.4),
                mirrored,
            };
            // As many pixels as the picture has there: the same grey at the same place.
            let side_px = 4 * window.side.round() as usize;
            let cut = window.cut(&gray, None, side_px);
            let found = window.landmarks(&landmarks());
            let [eye, other_eye, ..] = found;
            let turned_over = (eye[0] < other_eye[0]) != (landmarks()[0][0] < landmarks()[1][0]);
            assert!(!turned_over, "what is on the left is called so");
            let truth = if mirrored {
                let [a, b, c, d, e] = landmarks();
                [b, a, c, e, d]
            } else {
                landmarks()
            };
            for ([u, v], [x, y]) in found.into_iter().zip(truth) {
                let at = |w: f32| ((w * side_px as f32) as usize).min(side_px - 1);
                let here = cut[at(v) * side_px + at(u)];
                let there = pixels[y.round() as usize * W + x.round() as usize];
                assert!(here.abs_diff(there) < 14, "{here} for {there}");
            }
        }
    }
}

#[test]
fn a_window_that_is_the_picture_shows_just_that() {
    let pixels = picture();
    let gray = Gray::new(&pixels, [W, H]);
    let window = Window {
        center: [39.5, 41.5],
        side: SIDE_PX as f64,
        turn: 0.0,
        mirrored: false,
    };
    let cut = window.cut(&gray, None, SIDE_PX);
    for y in 0..SIDE_PX {
        let from = (y + 10) * W + 8;
        assert_eq!(
            cut[y * SIDE_PX..(y + 1) * SIDE_PX],
            pixels[from..from + SIDE_PX]
        );
    }
}

#[test]
fn views_are_as_their_settings_say() {
    let (pixels, labels) = (picture(), Labels::default());
    let sample = sample(&pixels, &labels);
    let views = Views {
        no_face: 0.25,
        ..Views::default()
    };
    let count = 400;
    let mut none = 0;
    for seed in 0..count {
        let view = view(&sample, &views, seed);
        assert_eq!(view, self::view(&sample, &views, seed));
        assert_eq!(view.pixels.len(), SIDE_PX * SIDE_PX);
        match view.kind {
            Kind::NoFace => none += 1,
            // All five points are in the picture.
            Kind::Face => assert!(
                view.points
                    .as_flattened()
                    .iter()
                    .all(|v| (0.0..1.0).contains(v)),
                "{:?}",
                view.points
            ),
            Kind::Between => {}
        }
        assert!(view.eyes > 0.0);
    }
    assert!((60..140).contains(&none), "{none} of {count} are no face");
    // Without anything that moves it, a view is the usual window.
    let still = Views {
        flip: 0.0,
        turn_sd_degrees: 0.0,
        turn_degrees: 0.0,
        shift_sd: 0.0,
        scale_sd: 0.0,
        other_around: 0.0,
        no_face: 0.0,
        tight: 0.0,
    };
    let view = draw(&sample, None, &still, &Augment::NONE, &mut Rng::new(1));
    let window = usual_window(&landmarks(), 0.0).unwrap();
    assert_eq!(view.points, window.landmarks(&landmarks()));
    assert_eq!(view.pixels, window.cut(&Gray::of(&sample), None, SIDE_PX));
}

#[test]
fn a_tight_picture_is_the_same_within_its_edges_and_repeats_them_beyond() {
    let pixels = picture();
    let gray = Gray::new(&pixels, [W, H]);
    let window = Window {
        center: [44.0, 50.0],
        side: 58.0,
        turn: 0.2,
        mirrored: true,
    };
    let tight = Tight {
        side_px: 58,
        beyond_px: [5, 7, 3, 9],
    };
    let plain = window.cut(&gray, None, SIDE_PX);
    let cut = tight.cut(window, &gray, None, SIDE_PX);
    let px = |pixel: usize| (pixel as f64 + 0.5) * 58.0 / SIDE_PX as f64;
    for y in 0..SIDE_PX {
        for x in 0..SIDE_PX {
            // From the middle of the picture's first pixel to that of its last.
            let inside = (5.5..=54.5).contains(&px(x)) && (7.5..=48.5).contains(&px(y));
            let (here, there) = (cut[y * SIDE_PX + x], plain[y * SIDE_PX + x]);
            assert!(
                !inside || here.abs_diff(there) < 6,
                "{here} for {there} at {x}, {y}"
            );
            // What lies beyond an edge is what lies at it: 5.5 px are in the window's 6th pixel.
            if px(x) < 5.5 {
                assert_eq!(here, cut[y * SIDE_PX]);
            }
            if px(y) > 48.5 {
                assert_eq!(here, cut[(SIDE_PX - 1) * SIDE_PX + x]);
            }
        }
    }
    assert_ne!(plain[..SIDE_PX], plain[3 * SIDE_PX..4 * SIDE_PX]);
}

#[test]
fn tight_views_show_faces_and_others_with_edges_and_their_points_stay_where_the_face_is() {
    let (pixels, labels) = (picture(), Labels::default());
    let sample = sample(&pixels, &labels);
    let with = |tight: f64| Views {
        tight,
        turn_sd_degrees: 0.0,
        turn_degrees: 0.0,
        shift_sd: 0.0,
        scale_sd: 0.0,
        flip: 0.0,
        ..Views::default()
    };
    let drawn = |tight: f64, seed: u64| {
        draw(
            &sample,
            None,
            &with(tight),
            &Augment::NONE,
            &mut Rng::new(seed),
        )
    };
    // The window's four first columns show one and the same column of the picture.
    let has_edge = |view: &View| {
        let rows = view.pixels.chunks_exact(SIDE_PX);
        rows.filter(|row| row[..4] == [row[0]; 4]).count() > SIDE_PX * 3 / 4
    };
    let (mut faces, mut others) = (0, 0);
    for seed in 0..200 {
        let tight = drawn(1.0, seed);
        match tight.kind {
            Kind::NoFace => others += usize::from(has_edge(&tight)),
            _ => {
                faces += usize::from(has_edge(&tight));
                // The usual window, but larger.
                let window = usual_window(&landmarks(), 0.0).unwrap();
                let larger = Window {
                    side: window.side * 0.11f64.exp(),
                    ..window
                };
                assert!(error(&tight.points, &larger.landmarks(&landmarks())) < 1e-6);
            }
        }
    }
    assert!(faces > 120 && others > 10, "{faces} faces, {others} others");
    let plain = (0..50)
        .map(|seed| drawn(0.0, seed))
        .filter(|v| v.kind == Kind::Face);
    assert_eq!(plain.filter(has_edge).count(), 0);
}

#[test]
fn a_tight_picture_is_checked_as_a_cropped_face_of_48_pixels() {
    let (pixels, labels) = (picture(), Labels::default());
    let sample = sample(&pixels, &labels);
    let condition = Condition::ALL.iter().find(|c| c.tight).unwrap();
    let view = condition.view(&sample, 3);
    assert_eq!(view.kind, Kind::Face);
    for row in view.pixels.chunks_exact(SIDE_PX) {
        // 48 of 57.6 pixels are in the middle, and its last ones' halves are repeated, too.
        assert_eq!(row[..5], [row[0]; 5]);
        assert_eq!(row[SIDE_PX - 5..], [row[SIDE_PX - 1]; 5]);
    }
    assert_ne!(view.pixels[10 * SIDE_PX + 5..][..5], [view.pixels[0]; 5]);
}

fn view(sample: &Sample<'_>, views: &Views, seed: u64) -> View {
    let mut rng = Rng::new(seed);
    draw(sample, Some(sample), views, &Augment::default(), &mut rng)
}

#[test]
fn errors_are_in_eye_distances() {
    let truth = [[0.0, 0.0], [10.0, 0.0], [5.0, 5.0], [2.0, 9.0], [8.0, 9.0]];
    let mut found = truth;
    found[2] = [5.0, 8.0];
    found[3] = [2.0, 7.0];
    assert!((error(&found, &truth) - (3.0 + 2.0) / 5.0 / 10.0).abs() < 1e-9);
}

#[test]
fn how_often_a_face_is_told_from_what_is_none() {
    assert_eq!(told_apart(&[], &[0.5]), None);
    assert_eq!(told_apart(&[0.9, 0.8], &[0.1, 0.2]), Some(1.0));
    assert_eq!(told_apart(&[0.5], &[0.5]), Some(0.5));
    // 0.9 is above both, 0.3 above one of two.
    assert_eq!(told_apart(&[0.9, 0.3], &[0.1, 0.4]), Some(0.75));
}

#[test]
fn settings_out_of_range_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("l.toml");
    let said = |text: &str| {
        std::fs::write(&path, text).unwrap();
        match LandmarksConfig::load(&path) {
            Ok(_) => String::new(),
            Err(e) => e.to_string(),
        }
    };
    assert_eq!(said("sets = [\"a\"]"), "");
    assert!(said("sets = []").contains("train prepare"));
    assert!(said("sets = [\"a\"]\n[course]\nbatch = 1").contains("course.batch"));
    assert!(said("sets = [\"a\"]\n[views]\nno_face = 2.0").contains("views.no_face"));
    assert!(said("sets = [\"a\"]\n[views]\ntight = 1.5").contains("views.tight"));
    assert!(said("sets = [\"a\"]\n[augment]\ndark = -1.0").contains("dark"));
    assert!(said("sets = [\"a\"]\n[network]\nhidden = 0").contains("hidden"));
    assert!(said("sets = [\"a\"]\nspeed = 1").contains("speed"));
}
