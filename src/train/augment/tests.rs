//! Views: what they are and how far they go.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::face::gray::Gray;
use crate::frame::{Frame, FrameStamp, PixelPool};
use crate::train::set::{Labels, Split};
// By name: proptest's prelude has another.
use crate::train::random::Rng;
use proptest::prelude::*;

const NOTHING: Labels = Labels {
    expression: None,
    votes: None,
    affect: None,
};

fn sample(pixels: &[u8], (w, h): (usize, usize), landmarks: Landmarks) -> Sample<'_> {
    Sample {
        pixels,
        width_px: w,
        height_px: h,
        channels: pixels.len() / (w * h),
        landmarks,
        labels: &NOTHING,
        subject: 0,
        split: Split::Train,
        group: None,
        file: "a.png",
    }
}

/// Soft hills, so that half a pixel is not all the difference.
fn hills(w: usize, h: usize, channels: usize) -> Vec<u8> {
    let value = |i: usize| {
        let (x, y) = ((i / channels % w) as f64, (i / channels / w) as f64);
        let k = (i % channels) as f64;
        127.5 + 60.0 * (x / 9.0 + k).sin() + 60.0 * (y / 11.0 - k).cos()
    };
    (0..w * h * channels).map(|i| value(i) as u8).collect()
}

fn side() -> usize {
    CROP_SIDE_PX * CROP_SIDE_PX
}

proptest! {
    #[test]
    fn plain_is_the_crop_of_the_pipeline_to_the_bit(
        seed: u64, w in 40usize..168, h in 40usize..168, resize_px in prop_oneof![Just(112usize), Just(134)],
        angle in -1.0f64..1.0, scale in 0.2f64..1.6, off in -20f64..60.0,
    ) {
        let mut rng = Rng::new(seed);
        let rgb: Vec<u8> = (0..w * h * 3).map(|_| rng.bits() as u8).collect();
        let way = Similarity { a: scale * angle.cos(), b: scale * angle.sin(), tx: off, ty: off / 2.0 };
        let landmarks = TEMPLATE_PX.map(|[x, y]| {
            let (x, y) = way.apply(x.into(), y.into());
            [x as f32, y as f32]
        });
        let stamp = FrameStamp { index: 0, time_s: 0.0 };
        let frame = Frame::new(stamp, w, h, rgb.clone()).unwrap();
        let mut gray = Gray::default();
        gray.fill(&frame);
        for (color, pixels) in [(Color::Gray, &gray.pixels), (Color::Rgb, &rgb)] {
            let mut pool = PixelPool::new(0);
            let wanted = align::crop(&frame, &gray, &landmarks, (color, resize_px), &mut pool).unwrap();
            let sample = sample(pixels, (w, h), landmarks);
            let mut out = vec![9; side() * color.channels()];
            plain(&sample, color, resize_px, &mut out);
            prop_assert!(out == *wanted);
            let mut seen = vec![9; out.len()];
            view(&sample, color, resize_px, &Augment::NONE, &mut Rng::new(seed), &mut seen);
            prop_assert!(seen == out);
        }
    }

    #[test]
    fn a_generator_in_the_same_state_gives_the_same_view(seed: u64, channels in prop_oneof![Just(1usize), Just(3)]) {
        let pixels = hills(150, 160, channels);
        let landmarks = TEMPLATE_PX.map(|[x, y]| [x + 20.0, y + 22.0]);
        let sample = sample(&pixels, (150, 160), landmarks);
        for color in [Color::Gray, Color::Rgb] {
            let mut one = vec![0; side() * color.channels()];
            let mut two = vec![1; one.len()];
            let (mut rng, mut again) = (Rng::new(seed), Rng::new(seed));
            view(&sample, color, 112, &Augment::default(), &mut rng, &mut one);
            view(&sample, color, 112, &Augment::default(), &mut again, &mut two);
            prop_assert!(one == two);
            prop_assert_eq!(rng, again);
        }
    }
}

#[test]
fn a_mirrored_view_is_the_crop_of_the_mirrored_picture() {
    for channels in [1, 3] {
        let (w, h) = (151, 140);
        let pixels = hills(w, h, channels);
        let mut mirrored = pixels.clone();
        for row in mirrored.chunks_exact_mut(w * channels) {
            let flipped: Vec<u8> = row.rchunks(channels).flatten().copied().collect();
            row.copy_from_slice(&flipped);
        }
        let landmarks = TEMPLATE_PX.map(|[x, y]| [x * 0.9 + 30.0, y * 0.9 + 4.0 * x / 50.0 + 12.0]);
        let color = if channels == 1 {
            Color::Gray
        } else {
            Color::Rgb
        };
        let mut wanted = vec![0; side() * channels];
        plain(
            &sample(&mirrored, (w, h), mirror(&landmarks, w)),
            color,
            112,
            &mut wanted,
        );
        let mut out = vec![0; wanted.len()];
        let augment = Augment {
            flip: 1.0,
            ..Augment::NONE
        };
        view(
            &sample(&pixels, (w, h), landmarks),
            color,
            112,
            &augment,
            &mut Rng::new(1),
            &mut out,
        );
        let most = out.iter().zip(&wanted).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(most <= Some(1), "{most:?}");
    }
}

#[test]
fn a_view_moves_as_far_as_it_may_and_no_further() {
    // A white dot at the crop's centre, wherever the view puts it.
    let pixels = {
        let mut pixels = vec![0; 168 * 168];
        for y in 82..86 {
            pixels[y * 168 + 82..y * 168 + 86].fill(255);
        }
        pixels
    };
    let landmarks = TEMPLATE_PX.map(|[x, y]| [x + 28.0, y + 28.0]);
    let sample = sample(&pixels, (168, 168), landmarks);
    let augment = Augment {
        shift_px: 6.0,
        turn_degrees: 30.0,
        scale: 0.2,
        ..Augment::NONE
    };
    let mut most = 0f64;
    for seed in 0..300 {
        let mut out = vec![0; side()];
        view(
            &sample,
            Color::Gray,
            112,
            &augment,
            &mut Rng::new(seed),
            &mut out,
        );
        let (mut sum, mut x, mut y) = (0.0, 0.0, 0.0);
        for (i, &v) in out.iter().enumerate() {
            sum += f64::from(v);
            x += f64::from(v) * (i % 112) as f64;
            y += f64::from(v) * (i / 112) as f64;
        }
        let off = (x / sum - 55.5).abs().max((y / sum - 55.5).abs());
        // The picture shifts by up to 6, of its own pixels scaled and turned.
        assert!(off < 6.0 * 1.2 * 1.38 + 0.5, "{off}");
        most = most.max(off);
    }
    assert!(most > 4.0, "{most}");
}

#[test]
fn light_blur_few_pixels_noise_and_things_in_front_do_what_they_say() {
    let pixels = hills(168, 168, 1);
    let landmarks = TEMPLATE_PX.map(|[x, y]| [x + 28.0, y + 28.0]);
    let sample = sample(&pixels, (168, 168), landmarks);
    let mut still = vec![0; side()];
    plain(&sample, Color::Gray, 112, &mut still);
    let seen = |augment: &Augment, seed| {
        let mut out = vec![0; side()];
        view(
            &sample,
            Color::Gray,
            112,
            augment,
            &mut Rng::new(seed),
            &mut out,
        );
        out
    };
    let rough = |p: &[u8]| -> f64 {
        p.windows(2)
            .map(|w| f64::from(w[0].abs_diff(w[1])))
            .sum::<f64>()
            / p.len() as f64
    };
    let apart = |p: &[u8]| -> f64 {
        let off = |(a, b): (&u8, &u8)| (f64::from(*a) - f64::from(*b)).powi(2);
        (p.iter().zip(&still).map(off).sum::<f64>() / p.len() as f64).sqrt()
    };
    let mean = |p: &[u8]| p.iter().map(|&v| f64::from(v)).sum::<f64>() / p.len() as f64;

    let bias = Augment {
        bias: 20.0,
        ..Augment::NONE
    };
    let shifts: Vec<f64> = (0..50)
        .map(|s| mean(&seen(&bias, s)) - mean(&still))
        .collect();
    assert!(shifts.iter().all(|s| s.abs() <= 20.6) && shifts.iter().any(|s| s.abs() > 15.0));
    // Contrast leaves the mean where it is, and gamma the order of levels.
    let gain = Augment {
        gain: 0.4,
        ..Augment::NONE
    };
    assert!((0..50).all(|s| (mean(&seen(&gain, s)) - mean(&still)).abs() < 2.0));
    let blurred = Augment {
        blur: 1.0,
        blur_px: 3.0,
        ..Augment::NONE
    };
    assert!((0..20).all(|s| rough(&seen(&blurred, s)) <= rough(&still) + 0.1));
    let few = Augment {
        low_resolution: 1.0,
        low_resolution_px: 16,
        ..Augment::NONE
    };
    assert!((0..20).any(|s| apart(&seen(&few, s)) > 2.0));
    let noisy = Augment {
        noise: 1.0,
        noise_levels: 10.0,
        ..Augment::NONE
    };
    let noises: Vec<f64> = (0..50).map(|s| apart(&seen(&noisy, s))).collect();
    assert!(
        noises.iter().all(|&n| n < 10.5) && noises.iter().any(|&n| n > 8.0),
        "{noises:?}"
    );
    let hidden = Augment {
        occlusion: 1.0,
        occlusion_part: 0.2,
        ..Augment::NONE
    };
    for seed in 0..50 {
        let out = seen(&hidden, seed);
        let changed = out
            .iter()
            .zip(&still)
            .filter(|(a, b)| a.abs_diff(**b) > 1)
            .count();
        assert!(
            changed > 0 && changed as f64 <= 0.21 * side() as f64,
            "{changed}"
        );
    }
}

#[test]
fn blur_has_the_spread_it_is_asked_for() {
    for (sd_px, channels) in [(0.4, 1), (0.9, 1), (1.5, 3), (2.2, 1)] {
        let mut crop = vec![0u8; side() * channels];
        for k in 0..channels {
            // A bright column, thick enough not to be rounded away.
            for y in 0..CROP_SIDE_PX {
                crop[(y * CROP_SIDE_PX + 56) * channels + k] = 255;
            }
        }
        photo::blur(sd_px, (CROP_SIDE_PX, channels), &mut crop);
        let row = &crop[50 * CROP_SIDE_PX * channels..51 * CROP_SIDE_PX * channels];
        let (mut sum, mut square) = (0.0, 0.0);
        for (i, &v) in row.iter().step_by(channels).enumerate() {
            sum += f64::from(v);
            square += f64::from(v) * (i as f64 - 56.0).powi(2);
        }
        let found = (square / sum).sqrt();
        assert!((found - sd_px).abs() < 0.15, "{sd_px}: {found}");
    }
}

#[test]
fn settings_are_checked_and_read_by_name() {
    assert_eq!(Augment::default().check(), Ok(()));
    assert_eq!(Augment::NONE.check(), Ok(()));
    for bad in [
        Augment {
            flip: 1.5,
            ..Augment::NONE
        },
        Augment {
            noise_levels: f64::NAN,
            ..Augment::NONE
        },
        Augment {
            low_resolution_px: 2,
            ..Augment::NONE
        },
    ] {
        assert!(bad.check().is_err());
    }
    let read: Augment = toml::from_str("flip = 0.25").unwrap();
    assert_eq!(
        read,
        Augment {
            flip: 0.25,
            ..Augment::default()
        }
    );
    assert!(toml::from_str::<Augment>("flipp = 0.25").is_err());
}
