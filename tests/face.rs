//! Alignment and tracking, by their properties.

use affectscope::analysis::{BoxPx, Landmarks};
use affectscope::face::align::{Similarity, TEMPLATE_PX, crop};
use affectscope::face::gray::Gray;
use affectscope::face::landmarks::LandmarkNet;
use affectscope::face::track::{FORGET_S, Look, Sighting, Tracker};
use affectscope::frame::PixelPool;
use affectscope::model::config::Color;
use proptest::prelude::*;

use super::pipeline::{frame, portrait};

fn moved(points: &Landmarks, s: &Similarity) -> Landmarks {
    points.map(|[x, y]| {
        let (x, y) = s.apply(x.into(), y.into());
        [x as f32, y as f32]
    })
}

proptest! {
    #[test]
    fn a_fit_finds_the_turn_scale_and_shift_that_was_made(
        angle in -3.1f64..3.1, scale in 0.05f64..20.0, tx in -2000.0f64..2000.0, ty in -2000.0f64..2000.0,
    ) {
        let made = Similarity { a: scale * angle.cos(), b: scale * angle.sin(), tx, ty };
        let found = Similarity::fit(&TEMPLATE_PX, &moved(&TEMPLATE_PX, &made)).unwrap();
        prop_assert!((found.a - made.a).abs() < 1e-4 * scale.max(1.0));
        prop_assert!((found.b - made.b).abs() < 1e-4 * scale.max(1.0));
        // There and back is where it was.
        let (x, y) = found.apply(17.0, 91.0);
        let (x, y) = found.inverse().apply(x, y);
        prop_assert!((x - 17.0).abs() < 1e-6 && (y - 91.0).abs() < 1e-6);
    }

    #[test]
    fn no_landmarks_panic(points in prop::array::uniform5(prop::array::uniform2(prop::num::f32::ANY))) {
        let picture = frame(0, 0.0, &image::RgbImage::from_pixel(40, 30, image::Rgb([9, 9, 9])));
        let mut gray = Gray::default();
        gray.fill(&picture);
        let mut pool = PixelPool::new(1);
        for (color, resize_px) in [(Color::Gray, 112), (Color::Rgb, 134)] {
            if let Some(pixels) = crop(&picture, &gray, &points, (color, resize_px), &mut pool) {
                prop_assert_eq!(pixels.len(), 112 * 112 * color.channels());
            }
        }
    }

    #[test]
    fn any_boxes_get_one_id_each_and_none_twice(
        frames in prop::collection::vec(
            prop::collection::vec((-500.0f32..2500.0, -500.0f32..2500.0, 1.0f32..900.0), 0..6), 1..40,
        ),
        steps in prop::collection::vec(-0.5f64..1.5, 40),
    ) {
        let mut tracker = Tracker::new();
        let mut time_s = 0.0;
        for (boxes, step) in frames.iter().zip(steps) {
            time_s += step;
            let seen: Vec<Sighting> = boxes.iter().map(|&(x, y, side)| sighting(x, y, side)).collect();
            let mut ids = tracker.update(time_s, &seen).to_vec();
            prop_assert_eq!(ids.len(), boxes.len());
            ids.sort_unstable();
            ids.dedup();
            prop_assert_eq!(ids.len(), boxes.len());
        }
    }

    #[test]
    fn two_faces_that_cross_keep_their_ids(
        speed in 60.0f32..500.0, gap in 0.0f32..0.4, side in 60.0f32..160.0, height in -30.0f32..30.0,
    ) {
        let mut tracker = Tracker::new();
        let (mut left, mut right) = (0, 0);
        // They meet at 1 s; for a moment around it one hides the other.
        for i in 0..60 {
            let t = f64::from(i) / 30.0;
            let (a, b) = (speed * (t as f32 - 1.0), -speed * (t as f32 - 1.0));
            let mut seen = vec![sighting(500.0 + a, 200.0, side)];
            let hidden = (a - b).abs() < gap * side;
            if !hidden {
                seen.push(sighting(500.0 + b, 200.0 + height, side));
            }
            let ids = tracker.update(t, &seen);
            if i == 0 {
                (left, right) = (ids[0], ids[1]);
            } else if !hidden {
                prop_assert_eq!(ids, &[left, right], "frame {}", i);
            }
        }
    }
}

fn sighting(x: f32, y: f32, side: f32) -> Sighting {
    Sighting {
        box_px: BoxPx {
            x,
            y,
            w: side,
            h: side,
        },
        look: None,
    }
}

#[test]
fn the_first_faces_are_numbered_from_the_left() {
    let mut tracker = Tracker::new();
    let ids = tracker.update(
        0.0,
        &[sighting(300.0, 0.0, 50.0), sighting(10.0, 0.0, 50.0)],
    );
    assert_eq!(ids, [2, 1]);
}

#[test]
fn a_face_gets_its_id_back_after_a_short_absence_and_a_new_one_after_a_long_one() {
    let mut tracker = Tracker::new();
    let mut see = |time_s: f64, x: f32| tracker.update(time_s, &[sighting(x, 50.0, 80.0)])[0];
    assert_eq!((see(0.0, 100.0), see(0.1, 110.0)), (1, 1));
    // Hidden for 0.6 s while it moved on at its speed.
    assert_eq!(see(0.7, 170.0), 1);
    assert_eq!(see(0.7 + FORGET_S + 0.1, 170.0), 2);
    // A source that begins again forgets everyone.
    assert_eq!(see(0.0, 170.0), 3);
}

#[test]
fn looks_tell_faces_apart_where_places_do_not() {
    let patch = |seed: usize| {
        let pixels: Vec<u8> = (0..112 * 112)
            .map(|i| ((i / 8 % 14 * seed + i / 900 * 31 * seed) % 251) as u8)
            .collect();
        Look::of_crop(&pixels, 112, 1)
    };
    let (one, two) = (patch(17), patch(41));
    let with = |x: f32, look: &Option<Look>| Sighting {
        look: *look,
        ..sighting(x, 0.0, 100.0)
    };
    let mut tracker = Tracker::new();
    for i in 0..5 {
        let ids = tracker.update(f64::from(i) / 30.0, &[with(0.0, &one), with(60.0, &two)]);
        assert_eq!(ids, [1, 2]);
    }
    // Half a second later both stand in between; only their looks differ.
    let ids = tracker.update(0.6, &[with(32.0, &two), with(28.0, &one)]);
    assert_eq!(ids, [2, 1]);
}

#[test]
fn the_crop_is_upright_and_at_the_template_however_the_picture_lies() {
    let mut pipeline = super::pipeline::pipeline(
        affectscope::face::finder::Schedule::Thorough,
        affectscope::session::Tuning::default(),
    );
    let straight = pipeline.step(frame(0, 0.0, &portrait())).unwrap().remove(0);
    let larger = image::imageops::resize(
        &portrait(),
        900,
        900,
        image::imageops::FilterType::CatmullRom,
    );
    pipeline.reset();
    let large = pipeline.step(frame(0, 0.0, &larger)).unwrap().remove(0);
    let (a, b) = (&straight.crops[0], &large.crops[0]);
    let likeness = Look::of_crop(&a.pixels, 112, 1)
        .unwrap()
        .likeness(&Look::of_crop(&b.pixels, 112, 1).unwrap());
    assert!(likeness > 0.85, "{likeness}");
}

/// The portrait in grey, and where the detector has its face.
fn portrait_and_box() -> (Gray, BoxPx) {
    let mut gray = Gray::default();
    gray.fill(&frame(0, 0.0, &portrait()));
    let box_px = BoxPx {
        x: 174.0,
        y: 69.0,
        w: 97.0,
        h: 97.0,
    };
    (gray, box_px)
}

#[test]
fn the_landmark_network_knows_a_face_from_what_is_none() {
    let (gray, face_px) = portrait_and_box();
    let mut net = LandmarkNet::new().unwrap();
    let mut score = |box_px: BoxPx| net.settle(&gray, box_px).and_then(|s| s.face).unwrap();
    assert!(score(face_px) > 0.9);
    // Off by as much as a detector's box is.
    for (dx, dy) in [(6.0, 0.0), (-6.0, 0.0), (0.0, 6.0), (0.0, -6.0)] {
        let off = BoxPx {
            x: face_px.x + dx,
            y: face_px.y + dy,
            ..face_px
        };
        assert!(score(off) > 0.9, "off by {dx}, {dy}");
    }
    // The suit, the flag, the helmet, the wall.
    for (x, y) in [(60.0, 300.0), (20.0, 60.0), (330.0, 380.0), (380.0, 100.0)] {
        let none = BoxPx {
            x,
            y,
            w: 97.0,
            h: 97.0,
        };
        // Where it looks, not where a second look might take it.
        let mut pixels = vec![0; 64 * 64];
        let side = none.w * 1.2;
        for (i, pixel) in pixels.iter_mut().enumerate() {
            let at = |v: usize, from: f32| (from - 9.7 + (v as f32 + 0.5) * side / 64.0) as usize;
            let (px, py) = (at(i % 64, x).min(511), at(i / 64, y).min(511));
            *pixel = gray.pixels[py * gray.width_px + px];
        }
        let said = net_score(&pixels);
        assert!(said < 0.1, "{x}, {y}: {said}");
    }
}

/// The face score of a picture as it is.
fn net_score(pixels: &[u8]) -> f32 {
    LandmarkNet::new().unwrap().read(pixels).face.unwrap()
}

#[test]
fn landmarks_do_not_depend_on_how_fine_the_picture_is() {
    let (gray, box_px) = portrait_and_box();
    let mut net = LandmarkNet::new().unwrap();
    let at_one = net.find(&gray, box_px);
    // Each pixel twice, along both axes: what lies at v lies at 2 v + 1/2 now.
    let (w, h) = (gray.width_px, gray.height_px);
    let pixels = (0..4 * w * h).map(|i| gray.pixels[i / (2 * w) / 2 * w + i % (2 * w) / 2]);
    let twice = Gray {
        width_px: 2 * w,
        height_px: 2 * h,
        pixels: pixels.collect(),
    };
    let double = |v: f32| 2.0 * v;
    let at_two = net.find(
        &twice,
        BoxPx {
            x: double(box_px.x) + 0.5,
            y: double(box_px.y) + 0.5,
            w: double(box_px.w),
            h: double(box_px.h),
        },
    );
    for ([x, y], [twice_x, twice_y]) in at_one.into_iter().zip(at_two) {
        let off = ((twice_x - 0.5) / 2.0 - x).hypot((twice_y - 0.5) / 2.0 - y);
        assert!(off < 0.35, "off by {off} px");
    }
}
