//! Where the portrait is and what it feels, by the frame's number.

use std::f32::consts::TAU;

use super::texture::smoothstep;

/// Frames a second.
pub(super) const RATE_HZ: f64 = 30.0;

/// The portrait leaves once in so many frames.
const ROUND_FRAMES: u64 = 690;

/// Seconds of a round at which it begins to leave, is gone, begins to return, and is back. Its face is out of the
/// picture for a second and a half: enough to see what the program says then, and no reason to think it has stopped.
const LEAVES_S: f32 = 19.5;
const GONE_S: f32 = 20.6;
const RETURNS_S: f32 = 20.8;
const BACK_S: f32 = 21.9;

/// How far it goes to the side, in pixels on screen: out of sight at any size that it has then.
const FAR_AWAY_PX: f32 = 840.0;

/// How the portrait lies on the screen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pose {
    /// Where the middle of the face is, pixels.
    pub x_px: f32,
    pub y_px: f32,
    /// Pixels on screen per pixel of the portrait.
    pub scale: f32,
    /// In-plane turn, radians, clockwise.
    pub roll: f32,
    /// Turn to the side, -1..=1.
    pub yaw: f32,
}

/// What the face does, 0 as in the picture.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Mood {
    /// Corners of the mouth up.
    pub corners: f32,
    /// Corners of the mouth together.
    pub narrow: f32,
    /// Mouth open (below 0: closed).
    pub jaw: f32,
    /// Brows up.
    pub brows: f32,
    /// Inner ends of the brows up.
    pub inner_up: f32,
    /// Inner ends of the brows together.
    pub inner_in: f32,
    /// Eyes wide.
    pub eyes: f32,
    /// Folds beside the nose flat.
    pub smooth: f32,
    /// Brows dark and drawn.
    pub frown: f32,
}

const HAPPY: Mood = Mood {
    corners: 0.5,
    narrow: 0.0,
    jaw: 0.0,
    brows: 0.15,
    inner_up: 0.0,
    inner_in: 0.0,
    eyes: -0.1,
    smooth: 0.0,
    frown: 0.0,
};
const CALM: Mood = Mood {
    corners: -1.9,
    narrow: 1.1,
    jaw: -0.5,
    brows: -0.7,
    inner_up: -0.4,
    inner_in: 0.3,
    eyes: -0.4,
    smooth: 1.0,
    frown: 0.1,
};
const AMAZED: Mood = Mood {
    corners: -1.0,
    narrow: 1.3,
    jaw: 0.9,
    brows: 0.6,
    inner_up: 0.3,
    inner_in: -0.2,
    eyes: 0.2,
    smooth: 1.0,
    frown: 0.1,
};
const SAD: Mood = Mood {
    corners: -1.9,
    narrow: 1.0,
    jaw: -0.6,
    brows: -0.8,
    inner_up: 1.1,
    inner_in: 0.6,
    eyes: -0.6,
    smooth: 1.0,
    frown: 0.2,
};
const ANGRY: Mood = Mood {
    corners: -1.9,
    narrow: 1.1,
    jaw: -0.6,
    brows: -0.95,
    inner_up: -0.7,
    inner_in: 0.6,
    eyes: -0.3,
    smooth: 1.0,
    frown: 0.35,
};

/// One after the other, three seconds each. They take 21 seconds and a round takes 23, so that a mood is seen at
/// another place in every round.
const MOODS: [Mood; 7] = [HAPPY, AMAZED, ANGRY, CALM, SAD, HAPPY, CALM];
const MOOD_FRAMES: u64 = 90;
/// Seconds from one mood to the next.
const CHANGE_S: f32 = 0.9;

impl Mood {
    fn mix(self, to: Self, part: f32) -> Self {
        let of = |from: f32, to: f32| from + (to - from) * part;
        Self {
            corners: of(self.corners, to.corners),
            narrow: of(self.narrow, to.narrow),
            jaw: of(self.jaw, to.jaw),
            brows: of(self.brows, to.brows),
            inner_up: of(self.inner_up, to.inner_up),
            inner_in: of(self.inner_in, to.inner_in),
            eyes: of(self.eyes, to.eyes),
            smooth: of(self.smooth, to.smooth),
            frown: of(self.frown, to.frown),
        }
    }

    /// The mood of a frame.
    pub fn at(index: u64) -> Self {
        let of = |number: u64| MOODS[(number % MOODS.len() as u64) as usize];
        let number = index / MOOD_FRAMES;
        let into_s = (index % MOOD_FRAMES) as f32 / RATE_HZ as f32;
        // The picture's own smile comes before everything.
        let before = number.checked_sub(1).map_or(MOODS[0], of);
        before.mix(of(number), smoothstep(into_s / CHANGE_S))
    }
}

/// A swing between -1 and 1. The number is taken within whole periods, so that it stays exact after days.
fn swing(index: u64, period_frames: u64, ahead: f32) -> f32 {
    ((index % period_frames) as f32 / period_frames as f32 * TAU + ahead).sin()
}

impl Pose {
    /// The pose of a frame.
    pub fn at(index: u64) -> Self {
        let round = index / ROUND_FRAMES;
        let into_s = (index % ROUND_FRAMES) as f32 / RATE_HZ as f32;
        let between = |from: f32, to: f32| smoothstep((into_s - from) / (to - from));
        let away = between(LEAVES_S, GONE_S) - between(RETURNS_S, BACK_S);
        // Left and right by turns.
        let side = if round.is_multiple_of(2) { -1.0 } else { 1.0 };
        // Once a round it walks off to the back and returns.
        let far = between(8.0, 10.5) - between(12.0, 14.5);
        let near = 1.18 + 0.2 * swing(index, 330, 0.0);
        let yaw = 0.8 * swing(index, 210, 0.5);
        Self {
            x_px: 320.0 + 60.0 * swing(index, 270, 0.0) * (1.0 + far) + side * away * FAR_AWAY_PX,
            y_px: 215.0 + 16.0 * swing(index, 190, 1.0) + 25.0 * far,
            scale: near + (0.66 - near) * far,
            roll: 0.16 * swing(index, 240, 0.3) + 0.04 * swing(index, 97, 0.0),
            yaw,
        }
    }
}

/// Whether the portrait is wholly out of sight in a frame.
pub(super) fn is_away(index: u64) -> bool {
    let into_s = (index % ROUND_FRAMES) as f32 / RATE_HZ as f32;
    (GONE_S..=RETURNS_S).contains(&into_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_jumps() {
        for index in 0..3 * ROUND_FRAMES {
            let (a, b) = (Pose::at(index), Pose::at(index + 1));
            assert!((a.x_px - b.x_px).abs() < 45.0, "{index}");
            assert!((a.y_px - b.y_px).abs() < 2.0, "{index}");
            assert!((a.scale - b.scale).abs() < 0.02, "{index}");
            assert!((a.roll - b.roll).abs() < 0.02, "{index}");
            assert!((a.yaw - b.yaw).abs() < 0.04, "{index}");
            let (a, b) = (Mood::at(index), Mood::at(index + 1));
            assert!(
                (a.jaw - b.jaw).abs() < 0.15 && (a.corners - b.corners).abs() < 0.15,
                "{index}"
            );
        }
    }

    #[test]
    fn the_face_is_large_enough_and_leaves_for_a_moment() {
        let heights: Vec<f32> = (0..ROUND_FRAMES)
            .map(|index| Pose::at(index).scale * 100.0)
            .collect();
        assert!(heights.iter().all(|px| *px > 60.0));
        let large = heights.iter().filter(|px| **px >= 90.0).count();
        assert!(large as f32 > 0.75 * heights.len() as f32, "{large}");
        // To either side: no face for more than the second after which the window says so, and little longer.
        for round in [0, 1] {
            let frames = round * ROUND_FRAMES..(round + 1) * ROUND_FRAMES;
            let out = |index: &u64| !(0.0..640.0).contains(&Pose::at(*index).x_px);
            let faceless = frames.clone().filter(out).count();
            assert!((36..=48).contains(&faceless), "{faceless}");
            let away = frames.filter(|index| is_away(*index)).count();
            assert!((5..=9).contains(&away), "{away}");
        }
    }
}
