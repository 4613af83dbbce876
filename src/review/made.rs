//! Made projects for the tests of this module: slow waves with noise, raters who differ and leave frames out.

use std::ops::Range;
use std::path::Path;

use super::model::Model;
use super::overlay::{Patch, Runs};
use super::project::{Frames, Project};
use super::rater::Rater;
use super::track::Rating;
use crate::analysis::Status;
use crate::formats::labels::{Detail, Label};
use crate::labels::Expression;

/// Numbers that look random and are the same every time.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed ^ 0x9E37_79B9_7F4A_7C15)
    }

    /// In 0..1.
    pub fn next(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A project of so many frames at 25 a second, without raters or predictions.
pub fn empty(frames: usize) -> Project {
    Project::of_video(
        Path::new("made.mp4"),
        Frames {
            times_s: (0..frames).map(|f| f as f64 / 25.0).collect(),
            pictures: None,
            note: None,
        },
    )
}

/// Adds somebody who says `what` of each frame.
pub fn rate(project: &mut Project, name: &str, what: impl Fn(usize) -> Rating) -> usize {
    let frames = project.frames();
    let place = project.add_rater(Rater::new(name, frames));
    say(project, place, 0..frames, what);
    place
}

/// Has somebody say something else of some frames.
pub fn say(
    project: &mut Project,
    rater: usize,
    frames: Range<usize>,
    what: impl Fn(usize) -> Rating,
) {
    let said: Vec<Rating> = frames.clone().map(what).collect();
    let column = |of: fn(&Rating) -> Option<f64>| said.iter().map(of).collect::<Vec<_>>();
    let expressions: Vec<Option<Expression>> = said.iter().map(|r| r.expression).collect();
    let patch = Patch {
        start: frames.start,
        expression: Runs::of(&expressions),
        valence: Runs::of(&column(|r| r.valence)),
        arousal: Runs::of(&column(|r| r.arousal)),
    };
    project.edit(rater, &patch);
}

/// What a made network says of a frame.
#[derive(Clone, Copy)]
pub struct Said {
    pub expression: Expression,
    /// Of this expression; the rest is shared by the others. NaN: not told.
    pub probability: f32,
    pub valence: f64,
    pub arousal: f64,
    pub sd: f32,
}

/// Gives the project predictions; `None`: no face on the frame.
pub fn predict(project: &mut Project, what: impl Fn(usize) -> Option<Said>) {
    let mut labels = Vec::new();
    let mut details = Vec::new();
    for frame in 0..project.frames() {
        let said = what(frame);
        labels.push(Label {
            frame: Some(frame as u64),
            expression: said.map(|s| s.expression),
            valence: said.map(|s| s.valence),
            arousal: said.map(|s| s.arousal),
            ..Label::default()
        });
        let mut probabilities = [f32::NAN; Expression::COUNT];
        if let Some(said) = said {
            probabilities = [(1.0 - said.probability) / 6.0; Expression::COUNT];
            probabilities[said.expression.index()] = said.probability;
        }
        details.push(Detail {
            status: if said.is_some() {
                Status::Ok
            } else {
                Status::NoFace
            },
            probabilities,
            valence_sd: said.map_or(f32::NAN, |s| s.sd),
            arousal_sd: said.map_or(f32::NAN, |s| s.sd),
        });
    }
    project.set_model(Model::from_labels(&labels, Some(&details)));
}

/// Predictions and so many raters who mostly agree: each lacks a tenth of the frames, is a little noisy and says
/// another expression now and then.
pub fn project(frames: usize, raters: usize, seed: u64) -> Project {
    let mut project = empty(frames);
    let wave = |frame: usize, speed: f64| (frame as f64 / speed).sin() * 0.5;
    let expression = |frame: usize| Expression::ALL[frame / 90 % Expression::COUNT];
    let dice = std::cell::RefCell::new(Dice::new(seed));
    let roll = || dice.borrow_mut().next();
    predict(&mut project, |frame| {
        (roll() > 0.05).then(|| Said {
            expression: expression(frame + (roll() * 40.0) as usize),
            probability: 0.3 + 0.7 * roll() as f32,
            valence: wave(frame, 70.0) + roll() * 0.3 - 0.15,
            arousal: wave(frame, 110.0) + roll() * 0.3 - 0.15,
            sd: 0.5 * roll() as f32,
        })
    });
    for rater in 0..raters {
        rate(&mut project, &format!("rater {}", rater + 1), |frame| {
            let some = |value: f64| (roll() > 0.1).then_some(value);
            Rating {
                expression: some(0.0).map(|_| expression(frame + (roll() * 60.0) as usize)),
                valence: some(wave(frame, 72.0) + roll() * 0.1),
                arousal: some(wave(frame, 105.0) + roll() * 0.1 * rater as f64),
            }
        });
    }
    project
}
