//! Which frame is shown when: a source's times on the even beat of a video file.

use std::ops::Range;

use crate::review::project::ASSUMED_RATE_HZ;

/// The fastest beat. A frame that is followed by another one sooner is not shown.
const MOST_HZ: f64 = 60.0;

/// Rates that files are made with, as a fraction each.
const COMMON: [(u32, u32); 13] = [
    (24_000, 1001),
    (24, 1),
    (25, 1),
    (30_000, 1001),
    (30, 1),
    (50, 1),
    (60_000, 1001),
    (60, 1),
    (100, 1),
    (120_000, 1001),
    (120, 1),
    (10, 1),
    (15, 1),
];

/// Frames a second as a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Above the line.
    pub above: u32,
    /// Below it.
    pub below: u32,
}

impl Rate {
    /// As a number.
    pub fn hz(self) -> f64 {
        f64::from(self.above) / f64::from(self.below)
    }

    /// The nearest fraction in thousandths.
    fn near(hz: f64) -> Self {
        Self {
            above: (hz * 1000.0).round().clamp(1.0, 1e6) as u32,
            below: 1000,
        }
    }
}

/// The frames of a rendered video in their order.
#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    /// Its rate.
    pub rate: Rate,
    /// Of each of its frames the frame of the source.
    pub shown: Vec<usize>,
    /// Frames of the source that are not shown, since another comes too soon after them.
    pub passed_over: usize,
    /// Whether the source has an even beat itself, so that each of its frames is shown once.
    pub even: bool,
    /// The time of the first frame in the source, seconds.
    pub from_s: f64,
}

impl Schedule {
    /// Of some frames of a source with these times (rising, seconds). A source whose frames come evenly keeps its rate,
    /// and each frame is shown once. Of any other each frame is shown from its time on until the next one's, to half a
    /// beat of up to 60 a second.
    ///
    /// `None` where there is no frame.
    pub fn new(times_s: &[f64], frames: Range<usize>) -> Option<Self> {
        let end = frames.end.min(times_s.len());
        let start = frames.start.min(end);
        let times = &times_s[start..end];
        let (&from_s, &last_s) = times.first().zip(times.last())?;
        let once = |rate| Self {
            rate,
            shown: (start..end).collect(),
            passed_over: 0,
            even: true,
            from_s,
        };
        let span_s = last_s - from_s;
        let rises = times.windows(2).all(|w| w[1] >= w[0]);
        if !(span_s > 0.0 && span_s.is_finite() && rises) {
            let step_s = times_s.get(end).map(|next| next - last_s);
            let hz = step_s
                .map(|s| 1.0 / s)
                .filter(|hz| (0.01..=1000.0).contains(hz));
            return Some(once(even_rate(hz.unwrap_or(ASSUMED_RATE_HZ), 1)));
        }
        let beats = times.len() - 1;
        let rate = even_rate(beats as f64 / span_s, beats);
        let off = |(i, t): (usize, &f64)| ((t - from_s) * rate.hz() - i as f64).abs();
        if times.iter().enumerate().map(off).all(|off| off < 0.5) {
            return Some(once(rate));
        }
        let shortest = times
            .windows(2)
            .map(|w| w[1] - w[0])
            .filter(|s| *s > 0.0)
            .fold(f64::INFINITY, f64::min);
        let rate = even_rate((1.0 / shortest).clamp(1.0, MOST_HZ), 1);
        // The last frame stays as long as frames do on the average.
        let beats = ((span_s + span_s / beats as f64) * rate.hz()).round();
        let mut shown = Vec::with_capacity(beats as usize);
        let mut at = 0;
        for beat in 0..beats.max(1.0) as usize {
            // A hair, so that frames half a beat off all fall to the same side.
            let time_s = from_s + (beat as f64 + 0.5) / rate.hz() + 1e-6;
            while times.get(at + 1).is_some_and(|t| *t <= time_s) {
                at += 1;
            }
            shown.push(start + at);
        }
        let mut distinct = shown.clone();
        distinct.dedup();
        Some(Self {
            rate,
            passed_over: times.len() - distinct.len(),
            shown,
            even: false,
            from_s,
        })
    }

    /// How long it is, seconds.
    pub fn length_s(&self) -> f64 {
        self.shown.len() as f64 / self.rate.hz()
    }
}

/// A common rate where it is as good as this one over so many beats, else this one.
fn even_rate(hz: f64, beats: usize) -> Rate {
    let common = COMMON.map(|(above, below)| Rate { above, below });
    let off = |rate: &Rate| (rate.hz() / hz - 1.0).abs() * beats as f64;
    let near = common.into_iter().min_by(|a, b| off(a).total_cmp(&off(b)));
    // Less than a quarter of a beat at the end; over few beats, what rounded time stamps may make of a rate.
    match near {
        Some(rate) if off(&rate) < 0.25 && (rate.hz() / hz - 1.0).abs() < 0.01 => rate,
        _ => Rate::near(hz),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(times_s: &[f64]) -> Schedule {
        Schedule::new(times_s, 0..times_s.len()).unwrap()
    }

    #[test]
    fn an_even_source_keeps_its_rate_and_each_frame_once() {
        for (hz, (above, below)) in [
            (25.0, (25, 1)),
            (30_000.0 / 1001.0, (30_000, 1001)),
            (12.5, (12_500, 1000)),
        ] {
            // As Matroska has them: whole milliseconds.
            let times: Vec<f64> = (0..5000)
                .map(|i| (f64::from(i) / hz * 1000.0).round() / 1000.0 + 3.0)
                .collect();
            let schedule = of(&times);
            assert_eq!(schedule.rate, Rate { above, below });
            assert_eq!(schedule.shown, (0..5000).collect::<Vec<_>>());
            assert!(schedule.even && schedule.from_s == 3.0);
        }
        let part = Schedule::new(&[0.0, 0.04, 0.08, 0.12], 2..3).unwrap();
        assert_eq!((part.shown, part.rate.hz()), (vec![2], 25.0));
        assert_eq!(Schedule::new(&[0.0], 1..1), None);
    }

    #[test]
    fn an_uneven_source_holds_its_frames() {
        // A quarter of a second, then fifty a second.
        let mut times = vec![0.0, 0.25];
        times.extend((1..10).map(|i| 0.25 + f64::from(i) * 0.02));
        let schedule = of(&times);
        assert_eq!(schedule.rate.hz(), 50.0);
        assert!(!schedule.even && schedule.passed_over == 0);
        assert_eq!(schedule.shown.iter().filter(|f| **f == 0).count(), 12);
        assert_eq!(schedule.shown[12..15], [1, 2, 3]);
        // Three frames within a beat of the fastest: all but one are passed over.
        let fast = of(&[0.0, 0.5, 0.501, 0.502, 1.0]);
        assert_eq!((fast.rate.hz(), fast.passed_over), (60.0, 2));
    }

    proptest! {
        #[test]
        fn no_frame_is_early_or_late_by_more_than_a_beat(
            steps in prop::collection::vec(0.004f64..0.4, 2..120),
        ) {
            let mut at = 0.0;
            let times: Vec<f64> = steps.iter().map(|s| { at += s; at }).collect();
            let schedule = of(&times);
            let beat_s = 1.0 / schedule.rate.hz();
            prop_assert!(schedule.shown.windows(2).all(|w| w[0] <= w[1]));
            for (beat, &frame) in schedule.shown.iter().enumerate() {
                let time_s = schedule.from_s + beat as f64 * beat_s;
                prop_assert!(times[frame] <= time_s + beat_s);
                if let Some(next) = times.get(frame + 1) {
                    prop_assert!(*next > time_s - beat_s);
                }
            }
            let span = times[times.len() - 1] - times[0];
            prop_assert!((schedule.length_s() - span - span / (times.len() - 1) as f64).abs() <= beat_s);
        }
    }
}
