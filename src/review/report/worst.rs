//! The stretches that should be looked at, over all raters.

use std::collections::BTreeMap;

use super::html::{Cell, Html, picture};
use crate::metrics::{CLASS_DECIMALS, written};
use crate::review::disagreement::{Disagreement, Reason};
use crate::review::figure::ticks::{clock, length};
use crate::review::segments::{Segment, worst_first};
use crate::review::{Mark, Marks, Project, film::Wanted};

/// Segments that a report shows.
pub const SHOWN: usize = 20;

/// Of each rater so many are found before the worst of all are taken.
const FOUND: usize = 4 * SHOWN;

/// A segment, and whose labels it is against.
#[derive(Debug, Clone, PartialEq)]
pub struct Worst {
    /// Which frames, and why.
    pub segment: Segment,
    /// Names of the raters; empty where it is not about one's labels.
    pub against: Vec<String>,
    /// How somebody settled it; see [`settled`].
    pub mark: Option<Mark>,
}

/// Puts what was found of segments to them.
pub fn settled(worst: &mut [Worst], marks: &Marks) {
    for one in worst {
        one.mark = marks.nearest(&one.segment.spot()).map(|m| m.1.clone());
    }
}

/// The worst segments against any rater, at most [`SHOWN`], the worst first. What is apart from several raters at one
/// time and for one reason is one, told as it is against the one it is furthest from.
pub fn worst(project: &Project) -> Vec<Worst> {
    let mut all: Vec<Worst> = Vec::new();
    for (i, rater) in project.raters().iter().enumerate() {
        for segment in worst_first(project, Some(i), FOUND) {
            let about_one = !matches!(segment.reason, Reason::Raters | Reason::Unsure);
            // Found alike beside every rater.
            if about_one || i == 0 {
                all.push(Worst {
                    segment,
                    against: about_one.then(|| rater.name.clone()).into_iter().collect(),
                    mark: None,
                });
            }
        }
    }
    // Stable: of equals the one of the first rater stays first.
    all.sort_by(|a, b| b.segment.score.total_cmp(&a.segment.score));
    let mut shown: Vec<Worst> = Vec::new();
    for one in all {
        match shown.iter_mut().find(|s| same(s, &one)) {
            Some(known) => known.against.extend(one.against),
            None => shown.push(one),
        }
    }
    shown.truncate(SHOWN);
    shown
}

/// Whether two are of one reason, against different people, and share more than half of the shorter.
fn same(a: &Worst, b: &Worst) -> bool {
    let (x, y) = (&a.segment.frames, &b.segment.frames);
    let shared = x.end.min(y.end).saturating_sub(x.start.max(y.start));
    a.segment.reason == b.segment.reason
        && b.against.iter().all(|name| !a.against.contains(name))
        && !a.against.is_empty()
        && shared * 2 > x.len().min(y.len())
}

/// How far the model is from the rater it is furthest from, of every frame, 0..=1; NaN where there is no label. `None`
/// where nothing is compared.
pub(super) fn apart(project: &Project) -> Option<Vec<f32>> {
    let mut most = vec![f32::NAN; project.frames()];
    for rater in 0..project.raters().len() {
        let column = Disagreement::new(project, Some(rater)).apart_column();
        for (most, value) in most.iter_mut().zip(column) {
            // `max` passes over NaN.
            *most = most.max(value as f32);
        }
    }
    most.iter().any(|v| !v.is_nan()).then_some(most)
}

/// The frames that show these segments, and the face in them.
pub fn wanted(project: &Project, worst: &[Worst]) -> Wanted {
    let peaks = worst.iter().map(|w| w.segment.peak);
    peaks
        .map(|frame| {
            let row = project.model().and_then(|m| m.at(frame));
            (frame, row.and_then(|r| r.box_px))
        })
        .collect()
}

pub(super) fn section(
    page: &mut Html,
    project: &Project,
    worst: &[Worst],
    faces: &BTreeMap<usize, Vec<u8>>,
) {
    page.explain(
        "Stretches where the model is far from the labels or unsure, or people from each other; the worst first. How far: \
         for another label the model's probability for its own, for numbers 0.5 where they are as far apart as by chance.",
    );
    if worst.is_empty() {
        page.say(
            "p",
            "There is none: nowhere are they far apart for long enough.",
        );
        return;
    }
    let with_faces = worst.iter().any(|w| faces.contains_key(&w.segment.peak));
    let with_marks = worst.iter().any(|w| w.mark.is_some());
    let rows: Vec<Vec<Cell>> = worst
        .iter()
        .enumerate()
        .map(|(i, one)| {
            let s = &one.segment;
            let mut row = vec![Cell::text((i + 1).to_string())];
            if with_faces {
                row.push(match faces.get(&s.peak) {
                    Some(jpeg) => Cell::Raw(picture(jpeg, &format!("frame {}", s.peak))),
                    None => Cell::text(""),
                });
            }
            let end_s = s.start_s + s.length_s;
            let time_s = project.times_s().get(s.peak).copied().unwrap_or(f64::NAN);
            row.extend([
                Cell::Short(format!("{} to {}", clock(s.start_s, 1), clock(end_s, 1))),
                Cell::Short(length(s.length_s)),
                Cell::text(s.words()),
                Cell::text(one.against.join(", ")),
                Cell::text(format!("frame {} at {}", s.peak, clock(time_s, 2))),
                Cell::number(written(Some(s.score), CLASS_DECIMALS)),
            ]);
            if with_marks {
                row.push(Cell::text(
                    one.mark.as_ref().map_or(String::new(), Mark::words),
                ));
            }
            row
        })
        .collect();
    let mut head = vec![
        "",
        "time",
        "length",
        "why: model / label",
        "against",
        "worst at",
        "how far",
    ];
    if with_faces {
        head.insert(1, "face");
    }
    if with_marks {
        head.push("found");
    }
    page.div("wide", |page| page.table("", &head, &rows));
}
