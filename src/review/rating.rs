//! Rating while the video plays, as with CARMA and DARMA (Girard 2014; Girard, Wright 2018): the rater moves a pointer or
//! a stick, which is looked at so many times a second.

use super::edit::{Edit, Stroke};
use super::rater::nearest;

/// How many times a second, where nobody says otherwise.
pub const DEFAULT_RATE_HZ: f64 = 30.0;

/// Samples further apart than so many seconds of the video and than so many of the usual steps are not of one sweep:
/// the video was moved.
const GAP_S: f64 = 0.25;
const GAP_STEPS: f64 = 5.0;

/// What is rated is handed on this often, seconds.
const PIECE_S: f64 = 0.5;

/// The fewest and the most samples a second: no window is drawn more often.
pub const RATES_HZ: std::ops::RangeInclusive<f64> = 1.0..=60.0;

/// A stick that stands no further from its middle is at rest: worn ones never come back wholly.
const REST: f64 = 0.08;

/// How a gamepad's left stick stands, and its two buttons.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Stick {
    /// What the system calls the gamepad.
    pub name: String,
    /// Right and up, each in -1..=1.
    pub at: [f32; 2],
    /// The lower button of the right hand: play, or stop.
    pub play: bool,
    /// The right one: the rating is over.
    pub end: bool,
}

impl Stick {
    /// Where an axis stands between its ends, in -1..=1.
    pub fn part(value: i32, from: i32, to: i32) -> f32 {
        let (value, from, to) = (f64::from(value), f64::from(from), f64::from(to));
        if to <= from {
            return 0.0;
        }
        (((value - from) / (to - from)).clamp(0.0, 1.0) * 2.0 - 1.0) as f32
    }

    /// The valence (to the right) and the arousal (up) that it stands for, in the circle; `None` while it is at rest.
    pub fn affect(&self) -> Option<(f64, f64)> {
        let [x, y] = self.at.map(f64::from);
        let far = x.hypot(y);
        if !far.is_finite() || far <= REST {
            return None;
        }
        // From the edge of the rest on, so that small values can be reached.
        let length = ((far - REST) / (1.0 - REST)).min(1.0);
        Some((x / far * length, y / far * length))
    }
}

/// Where the rater stood at a moment of the video.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Time in the video, seconds.
    pub time_s: f64,
    /// Valence in -1..=1; `None` where it is not being rated.
    pub valence: Option<f64>,
    /// Arousal, likewise.
    pub arousal: Option<f64>,
}

/// A rating that is going on.
#[derive(Debug, Clone)]
pub struct RatingRun {
    rate_hz: f64,
    due_s: Option<f64>,
    samples: Vec<Sample>,
    /// So many of them are in what [`RatingRun::piece`] gave.
    given: usize,
    /// When it gave something last, seconds of the same clock.
    gave_s: Option<f64>,
}

impl RatingRun {
    /// Begins one with so many samples a second; a rate that cannot be becomes [`DEFAULT_RATE_HZ`].
    pub fn new(rate_hz: f64) -> Self {
        let possible = rate_hz.is_finite() && rate_hz > 0.0;
        Self {
            rate_hz: if possible { rate_hz } else { DEFAULT_RATE_HZ },
            due_s: None,
            samples: Vec::new(),
            given: 0,
            gave_s: None,
        }
    }

    /// Samples a second that are wanted.
    pub fn rate_hz(&self) -> f64 {
        self.rate_hz
    }

    /// Shows where the rater stands; it is taken when the next sample is due at `now_s`, seconds of any steady clock. To
    /// be called as often as the window is drawn while the video plays. Says whether it was taken.
    pub fn offer(&mut self, now_s: f64, sample: Sample) -> bool {
        let step_s = 1.0 / self.rate_hz;
        // The window is not drawn to the microsecond.
        let slack_s = 0.1 * step_s;
        let due_s = self.due_s.unwrap_or(now_s);
        if now_s < due_s - slack_s || !sample.time_s.is_finite() {
            return false;
        }
        // Samples that were missed are not made up for.
        self.due_s = Some(if now_s - due_s > step_s { now_s } else { due_s } + step_s);
        self.samples.push(sample);
        true
    }

    /// What was taken so far.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// What has come since the last piece, as an edit, every half second of `now_s` at the most: so it can be kept before
    /// the rating is over. The edges of pieces are right once [`RatingRun::edit`] is made, too.
    pub fn piece(&mut self, now_s: f64, times_s: &[f64]) -> Option<Edit> {
        let gave_s = *self.gave_s.get_or_insert(now_s);
        if self.given == self.samples.len() || now_s - gave_s < PIECE_S {
            return None;
        }
        // The frames between two pieces have a sample on either side.
        let from = self.given.saturating_sub(2);
        (self.given, self.gave_s) = (self.samples.len(), Some(now_s));
        rated(&self.samples[from..], times_s, self.rate_hz)
    }

    /// Whether a piece was given.
    pub fn has_pieces(&self) -> bool {
        self.given > 0
    }

    /// What was rated so far was taken back: what follows stands for itself.
    pub fn begin_anew(&mut self) {
        self.samples.clear();
        self.given = 0;
    }

    /// The edit that the rating comes to; `None` when it lies on no frame.
    pub fn edit(&self, times_s: &[f64]) -> Option<Edit> {
        rated(&self.samples, times_s, self.rate_hz)
    }
}

/// Samples, in the order in which they were taken, as an edit of the frames at these ascending times: each frame gets the
/// sample that is nearest in time. Where the video was moved while rating, what was rated last holds, and frames that
/// were passed over get nothing. Before the first sample of a sweep and behind its last, frames up to half a step away
/// are taken.
pub fn rated(samples: &[Sample], times_s: &[f64], rate_hz: f64) -> Option<Edit> {
    let frame_step_s = median(times_s.windows(2).map(|w| w[1] - w[0])).unwrap_or(0.0);
    // Of each frame the sample it gets.
    let mut taken: Vec<(usize, Sample)> = Vec::new();
    let step_s = median(samples.windows(2).map(|w| w[1].time_s - w[0].time_s)).unwrap_or(0.0);
    let gap_s = GAP_S.max(GAP_STEPS * step_s).max(1.5 * frame_step_s);
    let one_sweep = |a: &Sample, b: &Sample| {
        let forward_s = b.time_s - a.time_s;
        (0.0..=gap_s).contains(&forward_s)
    };
    for sweep in samples.chunk_by(one_sweep) {
        let times: Vec<f64> = sweep.iter().map(|s| s.time_s).collect();
        let (Some(first), Some(last)) = (times.first(), times.last()) else {
            continue;
        };
        let half_s = step_s.max(frame_step_s) / 2.0 * 1.001 + 1e-6;
        let from = times_s.partition_point(|t| *t < first - half_s);
        let to = times_s.partition_point(|t| *t <= last + half_s);
        for (frame, time_s) in (from..to).zip(&times_s[from..to.max(from)]) {
            if let Some(at) = nearest(&times, *time_s) {
                // Of several at one moment the last: the video stood still, and the rater went on.
                let at = at + times[at..].iter().take_while(|t| **t == times[at]).count() - 1;
                taken.push((frame, sweep[at]));
            }
        }
    }
    // The sort keeps the order of equal frames: the last of each is what was rated last.
    taken.sort_by_key(|(frame, _)| *frame);
    let mut strokes: Vec<Stroke> = Vec::new();
    let mut kinds = None;
    for (i, (frame, sample)) in taken.iter().enumerate() {
        if taken.get(i + 1).is_some_and(|(next, _)| next == frame) {
            continue;
        }
        let of_sample = (sample.valence.is_some(), sample.arousal.is_some());
        if of_sample == (false, false) {
            continue;
        }
        let follows = strokes.last().is_some_and(|s| {
            s.start + s.valence.len().max(s.arousal.len()) == *frame && kinds == Some(of_sample)
        });
        if !follows {
            strokes.push(Stroke {
                start: *frame,
                ..Stroke::default()
            });
            kinds = Some(of_sample);
        }
        if let Some(stroke) = strokes.last_mut() {
            stroke.valence.extend(sample.valence.map(Some));
            stroke.arousal.extend(sample.arousal.map(Some));
        }
    }
    (!strokes.is_empty()).then_some(Edit::Rated { rate_hz, strokes })
}

/// The middle of the steps that lead forward.
fn median(steps: impl Iterator<Item = f64>) -> Option<f64> {
    let mut steps: Vec<f64> = steps.filter(|s| *s > 0.0).collect();
    if steps.is_empty() {
        return None;
    }
    let middle = steps.len() / 2;
    Some(*steps.select_nth_unstable_by(middle, f64::total_cmp).1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(time_s: f64, valence: f64) -> Sample {
        Sample {
            time_s,
            valence: Some(valence),
            arousal: Some(-valence),
        }
    }

    fn strokes(edit: Option<Edit>) -> Vec<Stroke> {
        match edit {
            Some(Edit::Rated { strokes, .. }) => strokes,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn each_frame_gets_the_nearest_sample() {
        // 25 frames a second, 30 samples a second, from 1 s to 2 s.
        let times: Vec<f64> = (0..100).map(|i| f64::from(i) / 25.0).collect();
        let samples: Vec<Sample> = (30..=60)
            .map(|i| at(f64::from(i) / 30.0, f64::from(i) / 100.0))
            .collect();
        let strokes = strokes(rated(&samples, &times, 30.0));
        assert_eq!(strokes.len(), 1);
        assert_eq!((strokes[0].start, strokes[0].valence.len()), (25, 26));
        // Frame 26 at 1.04 s: samples at 1.0333 and 1.0667.
        assert_eq!(strokes[0].valence[1], Some(0.31));
        assert_eq!(strokes[0].arousal[1], Some(-0.31));
        assert_eq!(strokes[0].valence[25], Some(0.60));
    }

    #[test]
    fn what_is_rated_again_holds_and_what_is_passed_over_stays() {
        let times: Vec<f64> = (0..1000).map(|i| f64::from(i) / 25.0).collect();
        let sweep =
            |from: i32, to: i32, v: f64| (from..to).map(move |i| at(f64::from(i) / 30.0, v));
        // One second, back by half of it, then on to the tenth second.
        let samples: Vec<Sample> = sweep(0, 31, 0.1)
            .chain(sweep(15, 46, 0.2))
            .chain(sweep(300, 331, 0.3))
            .collect();
        let strokes = strokes(rated(&samples, &times, 30.0));
        let found: Vec<(usize, usize)> =
            strokes.iter().map(|s| (s.start, s.valence.len())).collect();
        assert_eq!(found, [(0, 39), (250, 26)]);
        // The second sweep begins at 0.5 s, half a frame before which frame 12 (0.48 s) is its own.
        assert_eq!(
            (strokes[0].valence[11], strokes[0].valence[12]),
            (Some(0.1), Some(0.2))
        );
        assert_eq!(strokes[1].valence[0], Some(0.3));
    }

    #[test]
    fn samples_are_taken_at_the_stated_rate() {
        let mut run = RatingRun::new(30.0);
        // A window at 60 Hz, with a second in which it was not drawn.
        for i in 0..120 {
            let now_s = 100.0 + f64::from(i) / 60.0 + if i >= 60 { 1.0 } else { 0.0 };
            run.offer(now_s, at(now_s - 100.0, 0.0));
        }
        assert_eq!(run.samples().len(), 60);
        assert_eq!(RatingRun::new(f64::NAN).rate_hz(), DEFAULT_RATE_HZ);
        assert_eq!(RatingRun::new(30.0).edit(&[0.0, 0.04]), None);
    }

    #[test]
    fn where_one_dimension_is_rated_the_other_stays() {
        let samples = [0.0, 0.04].map(|time_s| Sample {
            time_s,
            valence: None,
            arousal: Some(0.5),
        });
        let strokes = strokes(rated(&samples, &[0.0, 0.04, 0.08], 25.0));
        assert_eq!(
            strokes,
            [Stroke {
                start: 0,
                valence: vec![],
                arousal: vec![Some(0.5); 2]
            }]
        );
    }

    proptest! {
        #[test]
        fn any_samples_give_strokes_of_their_own_frames(
            moments in prop::collection::vec((0.0f64..20.0, -1.0f64..=1.0), 0..60),
            step_s in 0.01f64..0.1, frames in 0usize..200,
        ) {
            let times: Vec<f64> = (0..frames).map(|i| i as f64 * step_s).collect();
            let samples: Vec<Sample> = moments.iter().map(|&(t, v)| at(t, v)).collect();
            let mut end = 0;
            if let Some(edit) = rated(&samples, &times, 30.0) {
                prop_assert_eq!(edit.clone().within(frames), Some(edit.clone()));
                for stroke in strokes(Some(edit)) {
                    prop_assert!(stroke.start >= end && !stroke.valence.is_empty());
                    end = stroke.start + stroke.valence.len();
                    prop_assert_eq!(stroke.valence.len(), stroke.arousal.len());
                    for value in stroke.valence.iter().flatten() {
                        prop_assert!(moments.iter().any(|m| m.1 == *value));
                    }
                }
            }
        }
    }

    #[test]
    fn a_stick_reaches_the_whole_circle_and_rests_in_its_middle() {
        let at = |x: f32, y: f32| {
            let stick = Stick {
                at: [x, y],
                ..Stick::default()
            };
            stick.affect()
        };
        assert_eq!(at(0.0, 0.0), None);
        assert_eq!(at(0.05, -0.05), None);
        assert_eq!(at(1.0, 0.0), Some((1.0, 0.0)));
        // A square stick's corner is the circle's edge.
        let (v, a) = at(-1.0, 1.0).unwrap();
        assert!((v.hypot(a) - 1.0).abs() < 1e-9 && (v + a).abs() < 1e-9);
        let (v, _) = at(0.1, 0.0).unwrap();
        assert!(v > 0.0 && v < 0.03, "{v}");
        assert_eq!(at(f32::NAN, 0.0), None);
        assert_eq!(Stick::part(0, -32768, 32767), 0.000_015_259_022);
        assert_eq!(Stick::part(255, 0, 255), 1.0);
        assert_eq!(Stick::part(7, 3, 3), 0.0);
    }
}
