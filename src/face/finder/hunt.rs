//! Searching for faces that are new: where the picture has changed, where one was lost, now and then everywhere.

use super::{Finder, PLAIN_SCORE};
use crate::analysis::BoxPx;
use crate::face::changes::Patience;
use crate::face::search::{Portion, clipped, plan};
use crate::frame::Frame;

/// Seconds after which the whole picture is searched again, whatever has changed.
const WHOLE_S: f64 = 5.0;
/// The same while nobody is in it.
const WHOLE_EMPTY_S: f64 = 1.0;
/// How long changes wait while faces are followed, and while none is.
const PATIENCE: Patience = Patience {
    fresh_s: 0.09,
    restless_s: 0.9,
};
const PATIENCE_EMPTY: Patience = Patience {
    fresh_s: 0.0,
    restless_s: 0.06,
};
/// A lost face is searched for around its place, in an area of this many times its size,
const LOST_AREA: f32 = 3.0;
/// if it is no smaller than this part of what it was.
const LOST_SIZE: f32 = 0.6;
/// Live: the most pixels that the detector is given at once; about 9 ms.
const SLICE_PX: f32 = 45_000.0;
/// Live: seconds between two slices while a face is followed.
const SLICE_S: f64 = 0.1;
/// Live: closer looks that a portion gets, one a frame; then it is the next one's turn, whatever it showed.
const MOST_LOOKS: usize = 4;
/// Live: most portions that wait; the least urgent give way, until the whole picture's next turn.
const MOST_PORTIONS: usize = 256;

impl Finder {
    /// Searches at once what must be searched.
    pub(super) fn search_due(&mut self, frame: &Frame, min_face_px: f32, anew: bool) {
        let time_s = frame.stamp.time_s;
        if self.whole_is_due(time_s, anew) {
            self.note_whole(time_s);
            self.search(frame, self.all(min_face_px), usize::MAX);
            return;
        }
        self.portions.clear();
        self.plan_lost(min_face_px);
        self.plan_changed(time_s, min_face_px, f32::INFINITY);
        let whole = self.all(min_face_px);
        let cost_px: f32 = self.portions.iter().map(Portion::cost_px).sum();
        if cost_px > whole.cost_px() {
            self.portions.clear();
            self.portions.push(whole);
        }
        while let Some(portion) = self.portions.pop() {
            self.search(frame, portion, usize::MAX);
        }
    }

    /// Searches one slice of what must be searched, if it is time for one.
    pub(super) fn search_slice(
        &mut self,
        frame: &Frame,
        min_face_px: f32,
        anew: bool,
        looked: bool,
    ) {
        let time_s = frame.stamp.time_s;
        if self.whole_is_due(time_s, anew) {
            self.note_whole(time_s);
            self.portions.clear();
            let (all, size) = (self.all(min_face_px).region, self.size());
            plan(&mut self.portions, all, min_face_px, size, SLICE_PX);
        } else if self.portions.is_empty() {
            self.plan_changed(time_s, min_face_px, SLICE_PX);
        }
        self.plan_lost(min_face_px);
        let over = self.portions.len().saturating_sub(MOST_PORTIONS);
        self.portions.drain(..over);
        let waited = !(0.0..SLICE_S).contains(&(time_s - self.slice_s));
        let empty = self.faces.is_empty();
        if (empty || (waited && !looked))
            && let Some(mut portion) = self.portions.pop()
        {
            self.slice_s = time_s;
            // While small faces are looked for everywhere, a large one that comes must not wait until all is done.
            let coarse_px = (self.all(1.0).cost_px() / SLICE_PX).sqrt();
            let turn = empty && self.changes.is_moving() && self.work.frames.is_multiple_of(2);
            if turn && portion.min_face_px < coarse_px {
                self.portions.push(portion);
                portion = self.all(coarse_px);
            }
            // Some of what it showed must be looked at more closely yet.
            if let Some(rest) = self.search(frame, portion, 1) {
                self.portions.push(rest);
            }
        }
    }

    /// Plans a search around each face that was lost on this frame.
    fn plan_lost(&mut self, min_face_px: f32) {
        let whole = self.all(min_face_px).region;
        for lost in &self.lost {
            let min_face_px = (LOST_SIZE * lost.w).max(min_face_px);
            let region = clipped(lost, (LOST_AREA - 1.0) / 2.0 * lost.w, &whole);
            self.portions.push(Portion {
                region,
                min_face_px,
                looked_at: 0,
            });
        }
    }

    /// Plans a search of what has changed.
    fn plan_changed(&mut self, time_s: f64, min_face_px: f32, slice_px: f32) {
        let boxes = self.faces.iter().map(|f| f.found.detection.box_px);
        self.changes.mask(boxes);
        let patience = if self.faces.is_empty() {
            PATIENCE_EMPTY
        } else {
            PATIENCE
        };
        if let Some(changed) = self.changes.due(time_s, min_face_px, patience) {
            self.changes.searched(time_s, &changed);
            let size = self.size();
            plan(&mut self.portions, changed, min_face_px, size, slice_px);
        }
    }

    fn whole_is_due(&self, time_s: f64, anew: bool) -> bool {
        let most_s = if self.faces.is_empty() && self.last.is_empty() {
            WHOLE_EMPTY_S
        } else {
            WHOLE_S
        };
        let within = |s: f64| (0.0..most_s).contains(&(time_s - s));
        anew || self.changes.is_cut() || !self.whole_s.is_some_and(within)
    }

    fn note_whole(&mut self, time_s: f64) {
        self.whole_s = Some(time_s);
        self.changes.searched_whole(time_s);
    }

    fn size(&self) -> (usize, usize) {
        (self.gray.width_px, self.gray.height_px)
    }

    /// The whole picture.
    pub(super) fn all(&self, min_face_px: f32) -> Portion {
        Portion {
            region: BoxPx {
                x: 0.0,
                y: 0.0,
                w: self.gray.width_px as f32,
                h: self.gray.height_px as f32,
            },
            min_face_px,
            looked_at: 0,
        }
    }

    /// Searches a portion and adds the faces that are new. A closer look keeps what only seemed a face out of the
    /// tracks; where more than `looks` of them are needed, what is left comes back, for a later frame.
    pub(super) fn search(
        &mut self,
        frame: &Frame,
        portion: Portion,
        looks: usize,
    ) -> Option<Portion> {
        self.work.searches += 1;
        let found = self
            .detector
            .scan_region(&self.gray, portion.region, portion.min_face_px);
        let (mut looked, mut doubtful) = (0, 0);
        for detection in found {
            if self.has(&detection.box_px) {
                continue;
            }
            let mut seen = detection;
            if detection.score < PLAIN_SCORE {
                doubtful += 1;
                // On a still picture these are the ones that an earlier frame's turn ended with.
                if doubtful <= portion.looked_at {
                    continue;
                }
                if looked >= looks {
                    let looked_at = portion.looked_at + looked;
                    return (looked_at < MOST_LOOKS).then_some(Portion {
                        looked_at,
                        ..portion
                    });
                }
                looked += 1;
                match self.check(detection.box_px) {
                    Some(closer) if !self.has(&closer.box_px) => seen = closer,
                    _ => continue,
                }
            }
            if let Some(face) = self.face(frame, seen) {
                self.faces.push(face);
            }
        }
        None
    }
}
