//! Pictures that a landmark network is checked on: faces of a set under one condition or another.

use super::super::config::Views;
use super::super::views::{
    Gray as Picture, Kind, TIGHT_LARGER, TIGHT_SIDE_PX, View, Window, draw, usual_window,
};
use crate::analysis::{BoxPx, Landmarks};
use crate::face::gray::Gray;
use crate::face::landmarks::BOX_SCALE;
use crate::model::points::SIDE_PX;
use crate::train::augment::Augment;
use crate::train::random::Rng;
use crate::train::set::Sample;

/// How far a box is from the usual one, in its sides, as the detector's are: across, down, and the logarithm of its
/// size's ratio (standard deviations).
const JITTER: [f64; 3] = [0.045, 0.06, 0.06];
/// Side of the detector's box on most made pictures, pixels.
const BOX_SIDE_PX: f64 = 88.0;
/// Side of a made picture, in sides of the box: room for the detector, and for a face that is turned.
const PICTURE: f64 = 2.4;
/// Noise of a camera, grey levels (standard deviation): in little light, and on a picture at rest.
const NOISE: [f64; 2] = [4.0, 3.0];
/// The seed of all that is made here: two checks of the same weights say the same.
pub(super) const SEED: u64 = 20_21;

/// Under what a face is looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Condition {
    /// In words.
    pub name: &'static str,
    /// In reports.
    pub key: &'static str,
    /// In logs, of its error.
    pub error_key: &'static str,
    /// Turned by up to so many degrees, either way.
    turn_degrees: f64,
    /// Of its light, this part is left; then there is noise.
    light: f64,
    /// Side of the detector's box, pixels.
    pub(super) box_side_px: f64,
    /// Whether the picture ends where the box does.
    pub(in crate::train::landmarks) tight: bool,
    no_face: bool,
}

impl Condition {
    pub(super) const PLAIN: Self = Self {
        name: "a detector's box",
        key: "plain",
        error_key: "error_plain",
        turn_degrees: 0.0,
        light: 1.0,
        box_side_px: BOX_SIDE_PX,
        tight: false,
        no_face: false,
    };

    /// Those that faces are looked at under.
    pub const ALL: [Self; 5] = [
        Self::PLAIN,
        Self {
            name: "turned by up to 40 degrees",
            key: "turned",
            error_key: "error_turned",
            turn_degrees: 40.0,
            ..Self::PLAIN
        },
        Self {
            name: "a seventh of the light, and noise",
            key: "dark",
            error_key: "error_dark",
            light: 0.15,
            ..Self::PLAIN
        },
        Self {
            name: "a box of 32 pixels",
            key: "small",
            error_key: "error_small",
            box_side_px: 32.0,
            ..Self::PLAIN
        },
        Self {
            name: "a picture of 48 pixels that ends at the box",
            key: "tight",
            error_key: "error_tight",
            box_side_px: TIGHT_SIDE_PX as f64,
            tight: true,
            ..Self::PLAIN
        },
    ];

    /// What is no face.
    pub const NO_FACE: Self = Self {
        name: "no face",
        key: "no_face",
        error_key: "error_no_face",
        no_face: true,
        ..Self::PLAIN
    };

    /// The face as the network sees it in a box as the detector draws it; `number` tells faces apart.
    pub fn view(&self, sample: &Sample<'_>, number: u64) -> View {
        let mut rng = self.rng(number);
        let views = Views {
            flip: 0.0,
            no_face: f64::from(u8::from(self.no_face)),
            shift_sd: JITTER[0],
            scale_sd: JITTER[2],
            other_around: 0.0,
            turn_sd_degrees: 0.0,
            turn_degrees: 0.0,
            tight: 0.0,
        };
        if self.no_face {
            return draw(sample, None, &views, &Augment::NONE, &mut rng);
        }
        let Some(scene) = Scene::make(sample, self, &mut rng) else {
            return draw(sample, None, &views, &Augment::NONE, &mut rng);
        };
        let box_px = scene.detected(&mut rng);
        let (x, y) = box_px.center();
        let window = Window {
            center: [x.into(), y.into()],
            side: f64::from(box_px.w * BOX_SCALE),
            turn: 0.0,
            mirrored: false,
        };
        let picture = Picture::new(
            &scene.gray.pixels,
            [scene.gray.width_px, scene.gray.height_px],
        );
        let points = window.landmarks(&scene.landmarks);
        let [[x0, y0], [x1, y1], ..] = points;
        View {
            pixels: window.cut(&picture, None, SIDE_PX),
            points,
            eyes: (x1 - x0).hypot(y1 - y0),
            kind: Kind::Face,
        }
    }

    pub(super) fn rng(&self, number: u64) -> Rng {
        let key = self.key.bytes().fold(0, |sum, b| sum * 31 + u64::from(b));
        Rng::stream(SEED, &[key, number])
    }
}

/// A picture with one face in it, and where it is.
pub(super) struct Scene {
    pub gray: Gray,
    pub landmarks: Landmarks,
    /// The detector's box, were it as usual; all of a picture that ends where its box does.
    pub usual: BoxPx,
    tight: bool,
}

impl Scene {
    /// `None` where the landmarks fit no face.
    pub fn make(sample: &Sample<'_>, condition: &Condition, rng: &mut Rng) -> Option<Self> {
        let turn = rng.between(-condition.turn_degrees, condition.turn_degrees);
        let usual = usual_window(&sample.landmarks, turn.to_radians())?;
        let box_side = usual.side / f64::from(BOX_SCALE);
        let part = if condition.tight { 1.0 } else { PICTURE };
        let side_px = (condition.box_side_px * part).round() as usize;
        let mut window = Window {
            side: box_side * side_px as f64 / condition.box_side_px,
            ..usual
        };
        if condition.tight {
            // Whoever cut the picture drew the box.
            let [across, down, size] = JITTER.map(|sd| rng.normal() * sd);
            window.center[0] += across * box_side;
            window.center[1] += down * box_side;
            window.side *= (TIGHT_LARGER + size).exp();
        }
        let mut pixels = window.cut(&Picture::of(sample), None, side_px);
        if condition.light < 1.0 {
            for value in &mut pixels {
                let level = f64::from(*value) * condition.light + rng.normal() * NOISE[0];
                *value = level.round() as u8;
            }
        }
        let side = side_px as f32;
        // The middle of the first pixel is 0.
        let landmarks = window.landmarks(&sample.landmarks);
        let landmarks = landmarks.map(|xy| xy.map(|v| v * side - 0.5));
        let w = condition.box_side_px as f32;
        let middle = if condition.tight {
            side / 2.0
        } else {
            (side - 1.0) / 2.0
        };
        Some(Self {
            gray: Gray {
                width_px: side_px,
                height_px: side_px,
                pixels,
            },
            landmarks,
            usual: BoxPx {
                x: middle - w / 2.0,
                y: middle - w / 2.0,
                w,
                h: w,
            },
            tight: condition.tight,
        })
    }

    /// A box as the detector might draw it.
    pub fn detected(&self, rng: &mut Rng) -> BoxPx {
        if self.tight {
            return self.usual;
        }
        let [across, down, size] = JITTER.map(|sd| (rng.normal() * sd) as f32);
        let (x, y) = self.usual.center();
        let w = self.usual.w * size.exp();
        BoxPx {
            x: x + across * self.usual.w - w / 2.0,
            y: y + down * self.usual.w - w / 2.0,
            w,
            h: w,
        }
    }

    /// The same picture a moment later.
    pub fn again(&self, rng: &mut Rng) -> Gray {
        let noisy = |value: &u8| (f64::from(*value) + rng.normal() * NOISE[1]).round() as u8;
        Gray {
            width_px: self.gray.width_px,
            height_px: self.gray.height_px,
            pixels: self.gray.pixels.iter().map(noisy).collect(),
        }
    }
}
