//! The circumplex of a rendered frame, and the numbers beside it.

use super::super::canvas::{Ink, ellipse, polyline};
use super::super::letters::Face;
use super::{Movie, absence};
use crate::review::Rating;
use crate::review::model::Row;

/// How long the point in the circumplex leaves its trace, seconds.
const TRAIL_S: f64 = 3.0;
/// The trace fades in so many steps.
const TRAIL_STEPS: usize = 8;
/// Annotators whose words stand beside the circumplex, at most.
const MOST_SAID: usize = 3;

impl Movie<'_> {
    /// Middle and radius.
    fn circle_place(&self) -> ((f32, f32), f32) {
        let area = self.layout.circle;
        let middle = (area.x + area.w / 2.0, area.y + area.h / 2.0);
        (middle, area.w / 2.0 - 6.0 * self.layout.unit)
    }

    pub(super) fn still_circle(&mut self) {
        let (u, c) = (self.layout.unit, self.colours);
        let ((x, y), radius) = self.circle_place();
        for (part, dashes) in [(1.0, vec![]), (0.5, vec![2.0 * u, 4.0 * u])] {
            if let Some(path) = ellipse((x, y), radius * part, radius * part) {
                self.canvas.stroke(&path, u, &dashes, c.line);
            }
        }
        self.canvas
            .line((x - radius, y), (x + radius, y), u, c.line);
        self.canvas
            .line((x, y - radius), (x, y + radius), u, c.line);
        let start = self.kind(Face::Sans, 10.0, c.faint);
        let end = self.ended(Face::Sans, 10.0, c.faint);
        let (near, above) = (6.0 * u, 5.0 * u);
        self.canvas
            .text((x - radius + near, y - above), start, "unpleasant");
        self.canvas
            .text((x + radius - near, y - above), end, "pleasant");
        self.canvas
            .text((x + near, y - radius + 14.0 * u), start, "active");
        self.canvas
            .text((x + near, y + radius - near), start, "calm");
        let said = self.layout.said;
        let head = self.kind(Face::Bold, 12.0, c.text);
        let at = (said.x, said.y + 11.0 * u);
        self.canvas.text(at, head, "Valence and arousal");
    }

    pub(super) fn circle(&mut self, frame: usize, time_s: f64) {
        let (u, c) = (self.layout.unit, self.colours);
        let ((x, y), radius) = self.circle_place();
        let place = |v: f64, a: f64| (x + v as f32 * radius, y - a as f32 * radius);
        self.trail(frame, time_s, &place);
        let row = self.project.model().and_then(|m| m.at(frame)).copied();
        let point = row.and_then(|r| r.rating.valence.zip(r.rating.arousal));
        if let (Some(row), Some((v, a))) = (row, point) {
            let at = place(v, a);
            let sd = (row.detail.valence_sd, row.detail.arousal_sd);
            if let Some(path) = ellipse(at, sd.0 * radius, sd.1 * radius) {
                self.canvas.area(&path, Ink::faded(c.accent, 0.2));
                self.canvas.stroke(&path, u, &[], Ink::faded(c.accent, 0.7));
            }
            for (r, colour) in [(6.0, c.background), (4.5, c.accent)] {
                if let Some(path) = ellipse(at, r * u, r * u) {
                    self.canvas.area(&path, colour);
                }
            }
        }
        let several = self.project.raters().len() > 1;
        for (i, rater) in self.project.raters().iter().enumerate() {
            let rating = rater.track().get(frame);
            if let (Some(v), Some(a)) = (rating.valence, rating.arousal) {
                let at = place(v, a);
                if let Some(path) = ellipse(at, 4.0 * u, 4.0 * u) {
                    self.canvas.stroke(&path, 1.5 * u, &[], c.text);
                }
                if several {
                    let number = self.kind(Face::Sans, 9.5, c.text);
                    let at = (at.0 + 6.0 * u, at.1 - 3.0 * u);
                    self.canvas.text(at, number, &(i + 1).to_string());
                }
            }
        }
        self.said(frame, row.as_ref(), several);
    }

    fn trail(&mut self, frame: usize, time_s: f64, place: &dyn Fn(f64, f64) -> (f32, f32)) {
        let Some(model) = self.project.model() else {
            return;
        };
        let times = self.project.times_s();
        let first = times.partition_point(|t| *t < time_s - TRAIL_S).min(frame);
        let mut points: Vec<(f64, (f32, f32))> = Vec::new();
        for at in (first..=frame).rev() {
            let rating = model.at(at).map(|r| r.rating);
            let Some((v, a)) = rating.and_then(|r| r.valence.zip(r.arousal)) else {
                // The trace begins anew where nothing was said.
                break;
            };
            points.push((time_s - times[at], place(v, a)));
        }
        let u = self.layout.unit;
        for step in (0..TRAIL_STEPS).rev() {
            let age = |i: usize| i as f64 * TRAIL_S / TRAIL_STEPS as f64;
            let begin = points.partition_point(|p| p.0 < age(step));
            let end = points.partition_point(|p| p.0 < age(step + 1));
            // One point of the next step, so that there is no gap.
            let part: Vec<_> = points[begin..(end + 1).min(points.len())]
                .iter()
                .map(|p| p.1)
                .collect();
            if let Some(path) = polyline(&part) {
                let opacity = 0.85 * (1.0 - step as f32 / TRAIL_STEPS as f32);
                let ink = Ink::faded(self.colours.accent, opacity);
                self.canvas.stroke(&path, 1.5 * u, &[], ink);
            }
        }
    }

    /// The numbers: the network's, and below them everybody's.
    fn said(&mut self, frame: usize, row: Option<&Row>, several: bool) {
        let (u, c, area) = (self.layout.unit, self.colours, self.layout.said);
        let mut y = area.y + 34.0 * u;
        let of = |value: Option<f64>, sd: f32| match (value, sd.is_nan()) {
            (None, _) => "-".to_owned(),
            (Some(v), true) => signed(v),
            (Some(v), false) => format!("{} ±{sd:.2}", signed(v)),
        };
        if let Some(row) = row {
            let (rating, detail) = (row.rating, row.detail);
            for (letter, value, sd, colour) in [
                ("V", rating.valence, detail.valence_sd, c.valence),
                ("A", rating.arousal, detail.arousal_sd, c.arousal),
            ] {
                let kind = self.kind(Face::Mono, 12.0, colour);
                let words = format!("{letter} {}", of(value, sd));
                self.canvas.text((area.x, y), kind, &words);
                y += 17.0 * u;
            }
        } else {
            let kind = self.kind(Face::Sans, 12.0, c.muted);
            let words = absence(self.project.model(), frame);
            self.canvas.text((area.x, y), kind, words);
            y += 34.0 * u;
        }
        y += 8.0 * u;
        for (i, rater) in self.project.raters().iter().take(MOST_SAID).enumerate() {
            if y + 31.0 * u > area.bottom() {
                break;
            }
            let name = match several {
                true => format!("{} {}", i + 1, rater.name),
                false => rater.name.clone(),
            };
            let kind = self.kind(Face::Sans, 11.0, c.muted);
            self.canvas
                .text_within((area.x, y), kind, &name, area.w - 6.0 * u);
            let [expression, affect] = said_of(rater.track().get(frame));
            y += 15.0 * u;
            let kind = self.kind(Face::Sans, 11.0, c.text);
            self.canvas.text((area.x, y), kind, &expression);
            y += 15.0 * u;
            let kind = self.kind(Face::Mono, 11.0, c.text);
            self.canvas.text((area.x, y), kind, &affect);
            y += 20.0 * u;
        }
    }
}

fn signed(v: f64) -> String {
    let text = format!("{v:+.2}");
    match text.as_str() {
        "-0.00" => "+0.00".to_owned(),
        _ => text.replace('-', "−"),
    }
}

/// Expression, valence and arousal in words, each a line.
fn said_of(rating: Rating) -> [String; 2] {
    if rating.is_empty() {
        return ["no label".to_owned(), String::new()];
    }
    let number = |letter: &str, v: Option<f64>| v.map(|v| format!("{letter} {}", signed(v)));
    let numbers = [("V", rating.valence), ("A", rating.arousal)];
    let numbers = numbers.iter().filter_map(|(l, v)| number(l, *v));
    [
        rating.expression.map_or("-", |e| e.title()).to_owned(),
        numbers.collect::<Vec<_>>().join(" "),
    ]
}
