//! Taking the last frame's faces on to this one: by their landmarks, by the detector where those are not sure.

use super::{Face, Finder, Found, PLAIN_SCORE, Schedule, same_face};
use crate::face::carry::{Carried, USUAL, apart, misfit};
use crate::face::detect::Detection;
use crate::face::track::Track;
use crate::frame::Frame;

/// Seconds after which the detector looks again at a face that is followed.
const CHECK_S: f64 = 0.15;
/// Landmarks are sure of their face while it looks this much like it did when the detector last saw it,
const LIKENESS: f32 = 0.85;
/// while their shape is within so many pixels of the template's,
const MISFIT_PX: f64 = 6.0;
/// while their box is not further than this from where it was looked for (see [`apart`]).
const STRAY: f32 = 0.25;
/// and while the landmark network takes it for a face.
const FACE: f32 = 0.5;
/// The detector sees the face that the landmarks follow while their boxes are no further apart than this.
const SAME_PLACE: f32 = 0.4;
/// How much of a new look of the detector goes into the box that the landmarks carry.
const NEW_BOX: f64 = 0.3;

impl Finder {
    /// Takes the last frame's faces on to this one.
    pub(super) fn follow(&mut self, frame: &Frame) {
        let time_s = frame.stamp.time_s;
        let live = self.schedule == Schedule::Spread;
        // Live, one look a frame where the landmarks are sure: at the face that waits longest.
        let turns = self.last.iter().map(|f| f.checked_s);
        let turn_s = turns.fold(f64::INFINITY, f64::min);
        let mut had_turn = false;
        for i in 0..self.last.len() {
            let face = &self.last[i];
            let id = face.found.crop.face_id;
            let from = face.found.detection.box_px;
            // A face without an id was found when its frame was out, and has not been seen to move.
            let expected_px = if id == 0 {
                from
            } else {
                let Some(track) = self.tracker.alive(time_s).iter().find(|t| t.id == id) else {
                    continue;
                };
                track.predict(time_s)
            };
            let (dx, dy) = (expected_px.x - from.x, expected_px.y - from.y);
            let moved = face.found.landmarks_px.map(|[x, y]| [x + dx, y + dy]);
            let aligned = USUAL.on(&moved).and_then(|b| self.align(frame, b));
            let face = &self.last[i];
            let score = face.found.detection.score;
            let (carried, checked_s, checked_look) =
                (face.carried, face.checked_s, face.checked_look);
            // What the landmarks say, if they are sure.
            let followed = aligned.and_then(|aligned| {
                let likeness = match (&aligned.look, &checked_look) {
                    (Some(a), Some(b)) => a.likeness(b),
                    _ => 0.0,
                };
                let box_px = carried.on(&aligned.landmarks_px)?;
                let sure = likeness >= LIKENESS
                    && aligned.face.is_none_or(|face| face >= FACE)
                    && aligned.strayed <= STRAY
                    && misfit(&aligned.landmarks_px) <= MISFIT_PX;
                Some((aligned, box_px, likeness, sure))
            });
            let mut due =
                score < PLAIN_SCORE || !(0.0..CHECK_S).contains(&(time_s - checked_s + 1e-6));
            if live {
                due &= checked_s <= turn_s && !had_turn;
                had_turn |= due;
            }
            if let Some((aligned, box_px, likeness, true)) = followed {
                let mut face = Face {
                    look: aligned.look,
                    found: Found {
                        detection: Detection { box_px, score },
                        landmarks_px: aligned.landmarks_px,
                        crop: aligned.crop,
                    },
                    carried,
                    checked_s,
                    checked_look,
                    likeness,
                };
                // Live, nobody need wait for a look at a face that is plain.
                let waits = live && id != 0 && score >= PLAIN_SCORE;
                if due && !waits {
                    match self.check(box_px) {
                        Some(seen) => self.confirm(frame, face, seen),
                        None => self.lost.push(box_px),
                    }
                } else {
                    if due {
                        self.due_id = Some(id);
                    }
                    face.found.crop.face_id = id;
                    self.keep(face);
                }
                continue;
            }
            // Something is wrong: the detector decides where it is, if it is.
            let mut seen = self.check(expected_px);
            if seen.is_none()
                && let Some((_, box_px, ..)) = &followed
            {
                seen = self.check(*box_px);
            }
            let face = seen.and_then(|seen| match followed {
                Some((aligned, box_px, likeness, _)) if apart(&box_px, &seen.box_px) <= STRAY => {
                    // The landmarks are right; it looks another way now.
                    let face = Face {
                        look: aligned.look,
                        found: Found {
                            detection: Detection { box_px, score },
                            landmarks_px: aligned.landmarks_px,
                            crop: aligned.crop,
                        },
                        carried,
                        checked_s,
                        checked_look,
                        likeness,
                    };
                    Some((face, seen))
                }
                _ => self.face(frame, seen).map(|face| (face, seen)),
            });
            match face {
                Some((face, seen)) => self.confirm(frame, face, seen),
                None => self.lost.push(expected_px),
            }
        }
    }

    /// The detector's look at a face of this frame, when the frame is out; false when there is no such face, since two
    /// came to be one.
    pub(super) fn check_followed(&mut self, frame: &Frame, id: u32) -> bool {
        let of_id = |f: &Face| f.found.crop.face_id == id;
        let Some(place) = self.faces.iter().position(of_id) else {
            return false;
        };
        let face = self.faces.remove(place);
        let box_px = face.found.detection.box_px;
        match self.check(box_px) {
            Some(seen) => self.confirm(frame, face, seen),
            None => self.lost.push(box_px),
        }
        true
    }

    /// Keeps a face that the detector has seen on this frame: where the landmarks have it if the detector agrees, else
    /// where the detector has it.
    fn confirm(&mut self, frame: &Frame, mut face: Face, seen: Detection) {
        if apart(&face.found.detection.box_px, &seen.box_px) > SAME_PLACE {
            match self.face(frame, seen) {
                Some(anew) => face = anew,
                None => return,
            }
        }
        if let Some(new) = Carried::of(&seen.box_px, &face.found.landmarks_px) {
            face.carried = face.carried.towards(&new, NEW_BOX);
            if let Some(box_px) = face.carried.on(&face.found.landmarks_px) {
                face.found.detection.box_px = box_px;
            }
        }
        face.found.detection.score = seen.score;
        face.checked_s = frame.stamp.time_s;
        face.checked_look = face.look;
        self.keep(face);
    }

    /// Adds a face, unless it is there; of two that came to be one, the one that looks more like itself stays.
    fn keep(&mut self, face: Face) {
        let box_px = face.found.detection.box_px;
        let there = self
            .faces
            .iter_mut()
            .find(|f| same_face(&f.found.detection.box_px, &box_px));
        match there {
            None => self.faces.push(face),
            Some(there) if face.likeness > there.likeness => *there = face,
            Some(_) => {}
        }
    }

    /// Looks for the faces that were out of sight on the last frame already.
    pub(super) fn find_hidden(&mut self, frame: &Frame) {
        let time_s = frame.stamp.time_s;
        let hidden = |t: &Track, last: &[Face]| !last.iter().any(|f| f.found.crop.face_id == t.id);
        let tracks = self.tracker.alive(time_s).iter();
        let count = tracks.filter(|t| hidden(t, &self.last)).count();
        // Live, one a frame.
        let turns = match self.schedule {
            Schedule::Spread => count.min(1),
            _ => count,
        };
        for turn in 0..turns {
            let nth = (self.work.frames as usize + turn) % count;
            let mut tracks = self.tracker.alive(time_s).iter();
            let expected = tracks.by_ref().filter(|t| hidden(t, &self.last)).nth(nth);
            let Some(expected_px) = expected.map(|t| t.predict(time_s)) else {
                continue;
            };
            if let Some(seen) = self.check(expected_px)
                && let Some(face) = self.face(frame, seen)
                && !self.has(&face.found.detection.box_px)
            {
                self.faces.push(face);
            }
        }
    }
}
