use affectscope::source::demo::{DemoSource, HEIGHT_PX, WIDTH_PX};
use affectscope::source::{FrameSource, Next, Pace};

/// Mean difference of two pictures, 0..=255.
fn difference(a: &[u8], b: &[u8]) -> f64 {
    let sum: u64 = a
        .iter()
        .zip(b)
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    sum as f64 / a.len() as f64
}

#[test]
fn frames_are_a_pure_function_of_their_number() {
    let (mut one, mut other) = (DemoSource::new(), DemoSource::new());
    let backwards: Vec<_> = (0..40)
        .rev()
        .map(|index| other.render(index * 37))
        .collect();
    for index in 0..40 {
        assert!(
            one.render(index * 37) == backwards[39 - index as usize],
            "frame {}",
            index * 37
        );
    }
}

#[test]
fn the_stream_is_clocked_and_counts() {
    let mut demo = DemoSource::new();
    let info = demo.info().clone();
    assert_eq!(
        (info.width_px, info.height_px, info.rate_hz),
        (640, 480, Some(30.0))
    );
    assert_eq!((info.pace, info.frames), (Pace::Clocked, None));
    assert_eq!(info.title, "Demo portrait");
    for index in 0..40u64 {
        let Next::Frame(frame) = demo.next().unwrap() else {
            panic!("the demo has no end")
        };
        assert_eq!(frame.stamp.index, index);
        assert!((frame.stamp.time_s - index as f64 / 30.0).abs() < 1e-12);
        assert_eq!((frame.width_px(), frame.height_px()), (WIDTH_PX, HEIGHT_PX));
        if index % 10 == 0 {
            assert!(frame.rgb() == DemoSource::new().render(index));
        }
    }
}

#[test]
fn it_moves_without_jumps_and_leaves_an_empty_backdrop() {
    let mut demo = DemoSource::new();
    let mut before = demo.render(0);
    let away: Vec<u64> = (0..690)
        .filter(|index| DemoSource::is_away(*index))
        .collect();
    assert!((5..=9).contains(&away.len()));
    let empty = demo.render(away[0]);
    for index in 1..690 {
        let picture = demo.render(index);
        let step = difference(&before, &picture);
        assert!(step < 35.0, "frame {index}: {step}");
        let from_empty = difference(&empty, &picture);
        if DemoSource::is_away(index) {
            assert_eq!(from_empty, 0.0, "frame {index}");
        } else if !(away[0] - 20..away[away.len() - 1] + 20).contains(&index) {
            assert!(step > 0.0, "frame {index} stands still");
        }
        before = picture;
    }
    // Next to the time away the portrait is all but gone: nothing pops out of sight.
    for index in [away[0] - 1, away[away.len() - 1] + 1] {
        assert!(difference(&empty, &demo.render(index)) < 0.5, "{index}");
    }
    // The backdrop is calm: neighbours hardly differ.
    let steps = empty
        .windows(4)
        .map(|w| w[0].abs_diff(w[3]))
        .filter(|step| *step > 8)
        .count();
    assert!(steps < 2 * HEIGHT_PX * 4, "{steps}");
}

/// `cargo test --release the_cost_of_a_frame -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
#[allow(clippy::print_stdout)]
fn the_cost_of_a_frame() {
    let mut demo = DemoSource::new();
    let start = std::time::Instant::now();
    for index in 0..690 {
        std::hint::black_box(demo.render(index));
    }
    println!(
        "{:.2} ms a frame",
        start.elapsed().as_secs_f64() * 1e3 / 690.0
    );
}
