//! Smoothing for the eye. What is written to files and what is scored is never smoothed.
//!
//! Three ways: none; an exponential mean with a fixed time constant; and the one-euro filter
//! (Casiez, Roussel, Vogel: *1 Euro Filter: A Simple Speed-based Low-pass Filter for Noisy Input in
//! Interactive Systems*, CHI 2012), a low pass whose cut-off rises with the speed of the signal: calm where
//! nothing happens, quick where something does.
//!
//! The seven probabilities share one weight in each step, taken from the fastest of them, so that a mean of two
//! distributions stays a distribution: they sum to 1 before and after. Valence and arousal share another.

use crate::labels::{Estimate, Expression};

/// How the display is smoothed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Smoothing {
    /// Raw values.
    Off,
    /// A fixed time constant of [`TIME_CONSTANT_S`].
    Exponential,
    /// The one-euro filter: as the exponential one at rest, quicker in motion.
    #[default]
    OneEuro,
}

impl Smoothing {
    /// All choices, in the order of the menu.
    pub const ALL: [Self; 3] = [Self::Off, Self::Exponential, Self::OneEuro];

    /// The name on screen.
    pub fn title(self) -> &'static str {
        match self {
            Self::Off => "Off",
            Self::Exponential => "Steady",
            Self::OneEuro => "Adaptive",
        }
    }

    /// What it does, in one sentence.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Off => "Bars, trace and timeline show every reading as it comes.",
            Self::Exponential => {
                "An exponential mean with a time constant of a quarter of a second."
            }
            Self::OneEuro => {
                "The one-euro filter: calm when the face is still, quick when it moves."
            }
        }
    }
}

/// Time constant at rest, seconds.
pub const TIME_CONSTANT_S: f64 = 0.25;
/// After this long without a value the old state says nothing of the new one, seconds.
pub const FORGET_AFTER_S: f64 = 0.5;
/// Hertz of cut-off gained for each unit of speed (probability, or affect, per second).
const SPEED_GAIN: f64 = 0.8;
/// Cut-off of the low pass that the speed itself goes through, hertz, as in the paper.
const SPEED_CUTOFF_HZ: f64 = 1.0;

/// How many values of one reading are smoothed: seven probabilities, valence, arousal.
const VALUES: usize = Expression::COUNT + 2;

/// The smoother of one face.
#[derive(Debug, Clone)]
pub struct Smoother {
    smoothing: Smoothing,
    last: Option<State>,
}

#[derive(Debug, Clone)]
struct State {
    time_s: f64,
    raw: [f64; VALUES],
    value: [f64; VALUES],
    speed: [f64; VALUES],
}

impl Smoother {
    /// A smoother that has seen nothing.
    pub fn new(smoothing: Smoothing) -> Self {
        Self {
            smoothing,
            last: None,
        }
    }

    /// Forgets all: the next value passes unchanged.
    pub fn reset(&mut self) {
        self.last = None;
    }

    /// Takes the reading of `time_s` (seconds, rising) and gives the one to show. The standard deviations pass
    /// unchanged. A pause of more than [`FORGET_AFTER_S`], or a step back in time, resets it.
    pub fn step(&mut self, time_s: f64, raw: &Estimate) -> Estimate {
        let now = values(raw);
        let Some(last) = &self.last else {
            self.remember(time_s, now, now, [0.0; VALUES]);
            return *raw;
        };
        let dt_s = time_s - last.time_s;
        if self.smoothing == Smoothing::Off || !(0.0..=FORGET_AFTER_S).contains(&dt_s) {
            self.remember(time_s, now, now, [0.0; VALUES]);
            return *raw;
        }
        if dt_s == 0.0 {
            return estimate(&last.value, raw);
        }
        let speed_weight = weight(dt_s, 1.0 / (std::f64::consts::TAU * SPEED_CUTOFF_HZ));
        let speed: [f64; VALUES] = std::array::from_fn(|i| {
            let new = (now[i] - last.raw[i]) / dt_s;
            last.speed[i] + speed_weight * (new - last.speed[i])
        });
        let group_weight = |range: std::ops::Range<usize>| {
            let tau_s = match self.smoothing {
                Smoothing::OneEuro => {
                    let fastest = speed[range].iter().fold(0.0_f64, |a, b| a.max(b.abs()));
                    let rest_hz = 1.0 / (std::f64::consts::TAU * TIME_CONSTANT_S);
                    1.0 / (std::f64::consts::TAU * (rest_hz + SPEED_GAIN * fastest))
                }
                Smoothing::Off | Smoothing::Exponential => TIME_CONSTANT_S,
            };
            weight(dt_s, tau_s)
        };
        let (expression, affect) = (
            group_weight(0..Expression::COUNT),
            group_weight(Expression::COUNT..VALUES),
        );
        let value: [f64; VALUES] = std::array::from_fn(|i| {
            let weight = if i < Expression::COUNT {
                expression
            } else {
                affect
            };
            last.value[i] + weight * (now[i] - last.value[i])
        });
        self.remember(time_s, now, value, speed);
        estimate(&value, raw)
    }

    fn remember(
        &mut self,
        time_s: f64,
        raw: [f64; VALUES],
        value: [f64; VALUES],
        speed: [f64; VALUES],
    ) {
        self.last = Some(State {
            time_s,
            raw,
            value,
            speed,
        });
    }
}

/// The part of the way to the new value that is gone in `dt_s` with the time constant `tau_s`, 0..=1.
fn weight(dt_s: f64, tau_s: f64) -> f64 {
    1.0 - (-dt_s / tau_s).exp()
}

fn values(e: &Estimate) -> [f64; VALUES] {
    std::array::from_fn(|i| {
        f64::from(match i {
            i if i < Expression::COUNT => e.probabilities[i],
            Expression::COUNT => e.valence,
            _ => e.arousal,
        })
    })
}

fn estimate(values: &[f64; VALUES], raw: &Estimate) -> Estimate {
    Estimate {
        probabilities: std::array::from_fn(|i| values[i] as f32),
        valence: values[Expression::COUNT] as f32,
        arousal: values[Expression::COUNT + 1] as f32,
        ..*raw
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(happiness: f32, valence: f32) -> Estimate {
        let rest = (1.0 - happiness) / 6.0;
        let mut probabilities = [rest; 7];
        probabilities[Expression::Happiness.index()] = happiness;
        Estimate {
            probabilities,
            valence,
            arousal: valence / 2.0,
            valence_sd: 0.2,
            arousal_sd: 0.1,
        }
    }

    #[test]
    fn a_constant_stays_constant() {
        for smoothing in Smoothing::ALL {
            let mut smoother = Smoother::new(smoothing);
            let raw = reading(0.6, 0.3);
            for i in 0..60 {
                let shown = smoother.step(f64::from(i) / 30.0, &raw);
                for (a, b) in shown.probabilities.iter().zip(raw.probabilities) {
                    assert!((a - b).abs() < 1e-6, "{smoothing:?}");
                }
                assert!((shown.valence - 0.3).abs() < 1e-6);
            }
        }
    }

    #[test]
    fn a_step_is_followed_without_overshoot_and_the_sum_stays_one() {
        for smoothing in Smoothing::ALL {
            let mut smoother = Smoother::new(smoothing);
            smoother.step(0.0, &reading(0.1, -0.5));
            let mut before = (0.1, -0.5);
            for i in 1..90 {
                let shown = smoother.step(f64::from(i) / 30.0, &reading(0.9, 0.7));
                let now = (
                    shown.probabilities[Expression::Happiness.index()],
                    shown.valence,
                );
                assert!(now.0 >= before.0 - 1e-6 && now.0 <= 0.9 + 1e-6);
                assert!(now.1 >= before.1 - 1e-6 && now.1 <= 0.7 + 1e-6);
                assert!((shown.probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);
                before = now;
            }
            assert!(before.0 > 0.89, "{smoothing:?} arrives: {before:?}");
        }
    }

    #[test]
    fn one_euro_is_quicker_than_the_exponential_mean_in_motion() {
        let after_100_ms = |smoothing| {
            let mut smoother = Smoother::new(smoothing);
            smoother.step(0.0, &reading(0.1, 0.0));
            let mut shown = reading(0.1, 0.0);
            for i in 1..4 {
                shown = smoother.step(f64::from(i) / 30.0, &reading(0.9, 0.9));
            }
            shown.valence
        };
        assert!(after_100_ms(Smoothing::OneEuro) > after_100_ms(Smoothing::Exponential));
    }

    #[test]
    fn a_gap_and_a_step_back_in_time_reset_it() {
        let mut smoother = Smoother::new(Smoothing::OneEuro);
        smoother.step(0.0, &reading(0.1, -0.9));
        let shown = smoother.step(FORGET_AFTER_S + 0.1, &reading(0.9, 0.9));
        assert_eq!(shown.valence, 0.9);
        let shown = smoother.step(0.0, &reading(0.2, 0.1));
        assert_eq!(shown.valence, 0.1);
        smoother.reset();
        assert_eq!(smoother.step(0.01, &reading(0.3, 0.4)).valence, 0.4);
    }
}
