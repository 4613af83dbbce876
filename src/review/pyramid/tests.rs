use super::super::track::Rating;
use super::*;
use proptest::prelude::*;

fn number(kind: u16) -> f64 {
    match kind % 6 {
        0 => f64::NAN,
        _ => f64::from(kind) / 1000.0 - 30.0,
    }
}

fn slow(values: &[f64]) -> Option<(f64, f64)> {
    let there = values.iter().copied().filter(|v| !v.is_nan());
    let min = there.clone().reduce(f64::min)?;
    Some((min, there.reduce(f64::max)?))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn least_and_greatest_are_those_of_the_frames_after_any_change(
        kinds in prop::collection::vec(any::<u16>(), 0..1500),
        a in 0usize..1600, b in 0usize..1600, at in 0usize..1600, long in 0usize..90,
        width in 1usize..400, size in 0usize..2500,
    ) {
        let mut values: Vec<f64> = kinds.iter().map(|k| number(*k)).collect();
        let mut pyramid = Pyramid::of_numbers(&values);
        let range = a.min(b)..a.max(b);
        let clip = |r: &Range<usize>, n: usize| r.start.min(n)..r.end.min(n);
        let of = |values: &[f64], frame: usize| Extent::of(values[frame]);
        let n = values.len();
        prop_assert_eq!(pyramid.range(range.clone(), |f| of(&values, f)).get(), slow(&values[clip(&range, n)]));
        // An edit.
        let changed = at..at + long;
        for frame in clip(&changed, n) {
            values[frame] = number((frame * 7 + long) as u16);
        }
        pyramid.update_numbers(&values, changed);
        prop_assert_eq!(pyramid.range(range.clone(), |f| of(&values, f)).get(), slow(&values[clip(&range, n)]));
        // Another length: predictions that grow while they are made.
        let more: Vec<f64> = (values.len()..size).map(|f| number((f * 31) as u16)).collect();
        values.extend(more);
        values.truncate(size);
        pyramid.update_numbers(&values, 0..0);
        let n = values.len();
        prop_assert_eq!(pyramid.frames(), n);
        let columns = pyramid.numbers(&values, range.clone(), width);
        prop_assert_eq!(columns.len(), width);
        for (x, column) in columns.into_iter().enumerate() {
            prop_assert_eq!(column, slow(&values[clip(&pixel_frames(&range, width, x), n)]));
        }
        prop_assert_eq!(pyramid.range(0..usize::MAX, |f| of(&values, f)).get(), slow(&values));
    }

    #[test]
    fn expressions_and_gaps_are_counted(
        kinds in prop::collection::vec(0usize..9, 1..900), a in 0usize..900, b in 0usize..900,
        at in 0usize..900, width in 1usize..200,
    ) {
        let rating = |kind: usize| Rating { expression: Expression::ALL.get(kind).copied(), ..Rating::default() };
        let mut track = Track::empty(kinds.len());
        kinds.iter().enumerate().for_each(|(frame, kind)| track.set(frame, rating(*kind)));
        let mut pyramid = Pyramid::of_expressions(&track);
        track.set(at, rating(3));
        pyramid.update_expressions(&track, at..at + 1);
        let range = a.min(b)..a.max(b).min(kinds.len());
        for (x, column) in pyramid.expressions(&track, range.clone(), width).iter().enumerate() {
            let frames = pixel_frames(&range, width, x);
            let frames: Vec<Option<Expression>> = frames.map(|f| track.expression(f)).collect();
            prop_assert_eq!(column.frames() as usize, frames.len());
            prop_assert_eq!(column.has_gap(), frames.iter().any(Option::is_none));
            let most = Expression::ALL.map(|e| frames.iter().flatten().filter(|f| **f == e).count());
            let max = most.iter().max().copied().unwrap_or(0);
            let first = Expression::ALL.into_iter().find(|e| max > 0 && most[e.index()] == max);
            prop_assert_eq!(column.dominant(), first);
        }
    }

    #[test]
    fn columns_of_pixels_share_the_frames_out(start in 0usize..50, n in 0usize..300, width in 1usize..120) {
        let range = start..start + n;
        let columns: Vec<_> = (0..width).map(|x| pixel_frames(&range, width, x)).collect();
        prop_assert!(columns.iter().all(|c| (!c.is_empty() || n == 0) && c.end <= range.end));
        if n >= width {
            prop_assert_eq!(columns.iter().map(|c| c.len()).sum::<usize>(), n);
            prop_assert!(columns.windows(2).all(|c| c[0].end == c[1].start));
        }
    }
}

#[test]
fn flags_and_means_of_a_range() {
    let of = |frame: usize| Flags::flag((100..103).contains(&frame));
    let flags = Pyramid::new(1000, of);
    assert!(flags.range(0..1000, of).any() && !flags.range(0..1000, of).all());
    assert!(flags.range(100..103, of).all() && !flags.range(103..1000, of).any());
    assert!(!flags.range(7..7, of).all());

    let share = |frame: usize| {
        let p = if frame < 500 { 0.25 } else { 0.75 };
        Mean::of(&[p, if frame == 3 { f32::NAN } else { 1.0 - p }])
    };
    let means = Pyramid::new(1000, share);
    assert_eq!(means.range(0..1000, share).frames(), 999);
    assert_eq!(means.range(500..1000, share).get(), Some([0.75, 0.25]));
    assert_eq!(means.range(400..600, share).get(), Some([0.5, 0.5]));
    assert_eq!(means.range(3..4, share).get(), None);
}

#[test]
fn a_range_of_a_million_frames_touches_few_of_them() {
    let touched = std::cell::Cell::new(0);
    let of = |frame: usize| {
        touched.set(touched.get() + 1);
        Extent::of(frame as f64)
    };
    let mut pyramid = Pyramid::new(1_000_000, of);
    assert_eq!(touched.replace(0), 1_000_000);
    let columns = pyramid.columns(123..999_877, 1200, of);
    assert_eq!(columns[0].get(), Some((123.0, 955.0)));
    assert!(touched.replace(0) <= 1200 * 30);
    pyramid.update(1_000_000, 777_777..777_787, of);
    assert!(touched.replace(0) <= 2 * LEAF);
    let summaries: usize = pyramid.levels.iter().map(Vec::len).sum();
    assert!(summaries * LEAF < 1_400_000, "{summaries}");
}
