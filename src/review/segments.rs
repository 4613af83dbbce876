//! Worst first: the stretches of a video that should be looked at, ranked.
//!
//! For each [`Reason`] the frames' scores ([`Disagreement`]) are smoothed over a short time, so that a flicker of one frame
//! is no event; stretches that stay above a threshold become segments, near ones are joined, and long ones are cut where
//! the disagreement is least, so that the worst part of a bad hour comes first. The same input gives the same list.

use std::ops::Range;

use super::disagreement::{Disagreement, Reason, column, number};
use super::mark::Spot;
use super::project::Project;
use crate::labels::Expression;

/// Segments that are listed unless somebody wants another number.
pub const MOST_SEGMENTS: usize = 200;
/// Time constant of the smoothing, seconds: a frame's neighbours count with `exp(-distance / this)`, before it and behind.
pub const SMOOTHED_S: f64 = 0.25;
/// A shorter stretch is no segment, unless it is all that can be compared there.
pub const LEAST_S: f64 = 0.4;
/// Segments of one reason that are no further apart are one.
pub const JOINED_S: f64 = 1.0;
/// A longer one is cut.
pub const LONGEST_S: f64 = 20.0;

/// A segment reaches as far as the smoothed score stays above this part of the threshold.
const EDGE: f64 = 0.8;

/// The smoothed score that makes a segment.
///
/// Half for what is measured against chance and for the probability of another label. People's expressions rarely go
/// far beyond chance: of three who rate, one against two makes 0.44 or more. An unsure network: below 0.44 for its most
/// probable expression, or a standard deviation above 0.375.
pub fn threshold(reason: Reason) -> f64 {
    match reason {
        Reason::OtherLabel | Reason::Valence | Reason::Arousal => 0.5,
        Reason::Raters => 0.4,
        Reason::Unsure => 0.65,
    }
}

/// A stretch of frames that should be looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment {
    /// Its frames.
    pub frames: Range<usize>,
    /// Why.
    pub reason: Reason,
    /// The highest smoothed score in it, 0..=1; ranks across reasons.
    pub score: f64,
    /// The frame that shows it best: where the score and its surroundings are highest together.
    pub peak: usize,
    /// Time of the first frame, seconds.
    pub start_s: f64,
    /// From the first frame to the end of the last, seconds.
    pub length_s: f64,
    /// What it is, in words: [`Reason::title`], but "other label" where the file tells no probability.
    pub title: &'static str,
    /// What is said at the peak: the network's before the label's, the people's in the order of their number.
    pub detail: String,
    /// For valence and arousal: how much of what the video lacks to a CCC of 1 is lost in these frames.
    pub ccc_loss: Option<f64>,
}

impl Segment {
    /// What a mark of it is of.
    pub fn spot(&self) -> Spot {
        (self.frames.clone(), Some(self.reason))
    }

    /// Title and detail in one line.
    pub fn words(&self) -> String {
        let between = if self.reason == Reason::OtherLabel {
            ": "
        } else {
            " "
        };
        format!("{}{between}{}", self.title, self.detail)
    }
}

/// The stretches where the network and a rater, or people among themselves, are furthest apart, and where the network is
/// unsure; the worst first, of equals the earlier, at most `most`. Where there are more, each reason keeps at least its
/// worst, an even part of the places.
///
/// `against` is the rater whose labels the network is held to, a place in [`Project::raters`]. Without labels there are only
/// stretches where the network is unsure, without predictions only those where people disagree.
pub fn worst_first(project: &Project, against: Option<usize>, most: usize) -> Vec<Segment> {
    let judged = Disagreement::new(project, against);
    let clock = Clock::new(project);
    let mut found = Vec::new();
    for reason in Reason::ALL {
        let raw = judged.column(reason);
        if raw.iter().all(|s| s.is_nan()) {
            continue;
        }
        let smoothed = clock.smooth(&raw);
        for frames in clock.stretches(&smoothed, threshold(reason)) {
            found.push(Found::new(reason, frames, &raw, &smoothed));
        }
    }
    found.sort_by(|a, b| {
        let order = b.score.total_cmp(&a.score);
        order
            .then(a.frames.start.cmp(&b.frames.start))
            .then(a.reason.cmp(&b.reason))
    });
    let found = kept(found, most);
    found.into_iter().map(|f| f.told(&judged, &clock)).collect()
}

/// The first `most` of a ranked list, in its order; but each reason keeps its best, an even part of the places, so that
/// one that is everywhere does not hide the others.
fn kept(found: Vec<Found>, most: usize) -> Vec<Found> {
    let even = most / Reason::ALL.len();
    let mut of_reason = [0; Reason::ALL.len()];
    let best: Vec<bool> = found
        .iter()
        .map(|f| {
            of_reason[f.reason as usize] += 1;
            of_reason[f.reason as usize] <= even
        })
        .collect();
    let mut left = most - best.iter().filter(|b| **b).count().min(most);
    let ranked = found.into_iter().zip(best);
    ranked
        .filter(|(_, best)| {
            let also = !best && left > 0;
            left -= usize::from(also);
            *best || also
        })
        .map(|(found, _)| found)
        .collect()
}

/// A segment before its words are made.
struct Found {
    reason: Reason,
    frames: Range<usize>,
    score: f64,
    peak: usize,
}

impl Found {
    fn new(reason: Reason, frames: Range<usize>, raw: &[f64], smoothed: &[f64]) -> Self {
        let (mut score, mut best, mut peak) = (0.0_f64, f64::NEG_INFINITY, frames.start);
        for frame in frames.clone() {
            let shown = raw[frame] * smoothed[frame];
            if shown.is_nan() {
                continue;
            }
            score = score.max(smoothed[frame]);
            if shown > best {
                (best, peak) = (shown, frame);
            }
        }
        Self {
            reason,
            frames,
            score: score.clamp(0.0, 1.0),
            peak,
        }
    }

    fn told(self, judged: &Disagreement<'_>, clock: &Clock<'_>) -> Segment {
        let (title, detail) = words(judged, self.reason, self.peak);
        let loss = |kind: usize| {
            let lost = self.frames.clone().filter_map(|f| judged.loss(kind, f));
            lost.reduce(|a, b| a + b)
        };
        Segment {
            reason: self.reason,
            score: self.score,
            peak: self.peak,
            start_s: clock.times_s[self.frames.start],
            length_s: clock.length_s(&self.frames),
            title,
            detail,
            ccc_loss: match self.reason {
                Reason::Valence => loss(0),
                Reason::Arousal => loss(1),
                _ => None,
            },
            frames: self.frames,
        }
    }
}

fn words(judged: &Disagreement<'_>, reason: Reason, frame: usize) -> (&'static str, String) {
    let mut title = reason.title();
    let detail = match reason {
        Reason::OtherLabel => judged.expressions(frame).map(|(said, p, label)| {
            let (said, label) = (said.title(), label.title());
            match p {
                Some(p) => format!("{said} {p:.2} / {label}"),
                None => {
                    title = "other label";
                    format!("{said} / {label}")
                }
            }
        }),
        Reason::Valence | Reason::Arousal => judged
            .numbers(usize::from(reason == Reason::Arousal), frame)
            .map(|(said, label)| format!("{} / {}", signed(said), signed(label))),
        Reason::Raters => Some(people(judged, frame)),
        Reason::Unsure => {
            let doubt = judged.doubt(frame);
            let spread = doubt.spread.iter().zip(["valence", "arousal"]);
            let spread = spread.filter_map(|(sd, name)| Some((name, (*sd)?)));
            // Of equals the first.
            let widest = spread.rev().max_by(|a, b| a.1.1.total_cmp(&b.1.1));
            match (doubt.expression, widest) {
                (Some((_, _, doubt)), Some((name, (sd, wide)))) if wide > doubt => {
                    Some(format!("{name} ±{sd:.2}"))
                }
                (Some((expression, p, _)), _) => Some(format!("{} {p:.2}", expression.title())),
                (None, Some((name, (sd, _)))) => Some(format!("{name} ±{sd:.2}")),
                (None, None) => None,
            }
        }
    };
    (title, detail.unwrap_or_default())
}

/// What people say of a frame: expressions, the one of most people first; or the ends of valence or arousal, where
/// those are further apart.
fn people(judged: &Disagreement<'_>, frame: usize) -> String {
    let [expression, valence, arousal] = judged.among_people(frame);
    let (kind, name, score) = if arousal > valence {
        (1, "arousal", arousal)
    } else {
        (0, "valence", valence)
    };
    if score > expression {
        let said = judged.people().iter();
        let said: Vec<f64> = said
            .filter_map(|track| number(column(track, kind), frame))
            .collect();
        let most = said.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let least = said.iter().copied().fold(f64::INFINITY, f64::min);
        return format!("{name} {} / {}", signed(most), signed(least));
    }
    let mut said: Vec<(usize, Expression)> = Expression::ALL.map(|e| (0, e)).to_vec();
    for track in judged.people() {
        if let Some(expression) = track.expression(frame) {
            said[expression.index()].0 += 1;
        }
    }
    said.retain(|(n, _)| *n > 0);
    said.sort_by_key(|(n, expression)| (std::cmp::Reverse(*n), *expression));
    let names: Vec<&str> = said.iter().map(|(_, e)| e.title()).collect();
    names.join(" / ")
}

/// With its sign and two digits; nothing is minus zero.
fn signed(value: f64) -> String {
    let text = format!("{value:+.2}");
    if text == "-0.00" {
        "+0.00".to_owned()
    } else {
        text
    }
}

/// The video's time: how much frames have to do with each other.
struct Clock<'a> {
    times_s: &'a [f64],
    step_s: f64,
    /// What is left of a frame's weight at the next: `kept[i]` from frame `i - 1` to `i`.
    kept: Vec<f64>,
}

impl<'a> Clock<'a> {
    fn new(project: &'a Project) -> Self {
        let times_s = project.times_s();
        let kept = (0..times_s.len()).map(|i| {
            let before = i.checked_sub(1).map_or(f64::NAN, |b| times_s[b]);
            (-(times_s[i] - before).max(0.0) / SMOOTHED_S).exp()
        });
        Self {
            times_s,
            step_s: 1.0 / project.rate_hz(),
            kept: kept.collect(),
        }
    }

    fn length_s(&self, frames: &Range<usize>) -> f64 {
        match frames.end.checked_sub(1) {
            Some(last) => self.times_s[last] - self.times_s[frames.start] + self.step_s,
            None => 0.0,
        }
    }

    /// The mean of the scores about each frame that has one, weighted by `exp(-|time| / SMOOTHED_S)`; NaN elsewhere.
    fn smooth(&self, raw: &[f64]) -> Vec<f64> {
        /// Weighted sums that fade, with weights too small to matter taken for none.
        fn step(sums: (f64, f64), kept: f64, value: f64) -> (f64, f64) {
            let (sum, weight) = (sums.0 * kept, sums.1 * kept);
            let faded = if weight < 1e-12 {
                (0.0, 0.0)
            } else {
                (sum, weight)
            };
            if value.is_nan() {
                faded
            } else {
                (faded.0 + value, faded.1 + 1.0)
            }
        }
        let mut sums = (0.0, 0.0);
        let mut before: Vec<(f64, f64)> = Vec::with_capacity(raw.len());
        for (value, kept) in raw.iter().zip(&self.kept) {
            sums = step(sums, kept.min(1.0), *value);
            before.push(sums);
        }
        let mut smoothed = vec![f64::NAN; raw.len()];
        let mut sums = (0.0, 0.0);
        for frame in (0..raw.len()).rev() {
            let kept = self.kept.get(frame + 1).map_or(0.0, |k| k.min(1.0));
            sums = step(sums, kept, raw[frame]);
            if !raw[frame].is_nan() {
                // The frame itself is in both.
                let sum = before[frame].0 + sums.0 - raw[frame];
                let weight = before[frame].1 + sums.1 - 1.0;
                smoothed[frame] = sum / weight;
            }
        }
        smoothed
    }

    /// Where the score stays high: in order, without overlap.
    fn stretches(&self, smoothed: &[f64], threshold: f64) -> Vec<Range<usize>> {
        let mut joined: Vec<Range<usize>> = Vec::new();
        let mut frame = 0;
        while frame < smoothed.len() {
            let start = frame;
            let mut high = false;
            while smoothed.get(frame).is_some_and(|s| *s >= threshold * EDGE) {
                high |= smoothed[frame] >= threshold;
                frame += 1;
            }
            if high {
                match joined.last_mut() {
                    Some(last) if self.gap_s(last.end, start) <= JOINED_S => last.end = frame,
                    _ => joined.push(start..frame),
                }
            }
            frame = frame.max(start + 1);
        }
        let compared = |frame: usize| smoothed.get(frame).is_some_and(|s| !s.is_nan());
        joined.retain(|frames| {
            let alone = !frames.start.checked_sub(1).is_some_and(compared) && !compared(frames.end);
            alone || self.length_s(frames) >= LEAST_S - 1e-9
        });
        let cut = joined.into_iter().flat_map(|f| self.cut(f, smoothed));
        cut.filter(|frames| smoothed[frames.clone()].iter().any(|s| *s >= threshold))
            .collect()
    }

    /// From the end of the frame before `end` to the start of `start`.
    fn gap_s(&self, end: usize, start: usize) -> f64 {
        let last = end.saturating_sub(1);
        self.times_s[start] - self.times_s[last] - self.step_s - 1e-9
    }

    /// Pieces of at most [`LONGEST_S`], cut where the score is least in the second half of what may be taken; a frame
    /// without a score is the best place.
    fn cut(&self, frames: Range<usize>, smoothed: &[f64]) -> Vec<Range<usize>> {
        // The last piece is no shorter than a segment may be.
        let long_enough =
            |f: &f64| frames.end > 0 && self.times_s[frames.end - 1] - f + self.step_s >= LEAST_S;
        let latest = self.times_s[..frames.end].partition_point(long_enough);
        let mut pieces = Vec::new();
        let mut start = frames.start;
        while self.length_s(&(start..frames.end)) > LONGEST_S {
            let from_s = self.times_s[start];
            let until = |part: f64| {
                let rest = &self.times_s[start..frames.end];
                start + rest.partition_point(|t| t - from_s < LONGEST_S * part)
            };
            let (first, last) = (until(0.5), until(1.0).min(latest));
            let score = |f: &usize| {
                let score = smoothed[*f];
                if score.is_nan() { -1.0 } else { score }
            };
            // The latest of equals: fewer pieces.
            let least = (first..last)
                .rev()
                .min_by(|a, b| score(a).total_cmp(&score(b)));
            let at = least.unwrap_or(last).max(start + 1);
            if at >= frames.end {
                break;
            }
            pieces.push(start..at);
            start = at;
        }
        pieces.push(start..frames.end);
        pieces
    }
}

#[cfg(test)]
#[path = "segments_tests.rs"]
mod tests;
