//! What to search, and in which portions: a picture or a part of it for faces of every size.
//!
//! The detector's time goes with the pixels that it is given, and most of those serve the smallest faces. A part of
//! the picture is therefore searched closely for small faces, more widely and coarsely for larger ones.

use crate::analysis::BoxPx;

use super::detect::WINDOW_PX;

/// Sizes that one portion is for, from the smallest to this many times it; larger ones have a portion of their own.
const OCTAVE: f32 = 2.0;
/// A face needs this much of its size around it.
const ROOM: f32 = 1.2;

/// A region to be searched in one go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Portion {
    /// Where, within the picture.
    pub region: BoxPx,
    /// The smallest face looked for.
    pub min_face_px: f32,
    /// Of its doubtful boxes so many, the plainest, were looked at more closely already.
    pub looked_at: usize,
}

impl Portion {
    /// What it costs: the pixels that the detector is given.
    pub fn cost_px(&self) -> f32 {
        let scale = WINDOW_PX / self.min_face_px;
        self.region.w * self.region.h * scale * scale
    }
}

/// Adds portions that find every face that touches `around`, none dearer than `slice_px` where a face's size allows
/// it. The coarsest come last.
pub fn plan(
    portions: &mut Vec<Portion>,
    around: BoxPx,
    smallest_px: f32,
    (w, h): (usize, usize),
    slice_px: f32,
) {
    let whole = BoxPx {
        x: 0.0,
        y: 0.0,
        w: w as f32,
        h: h as f32,
    };
    let mut min_face_px = smallest_px;
    loop {
        let room = OCTAVE * ROOM * min_face_px;
        let region = clipped(&around, room, &whole);
        let all = Portion {
            region: whole,
            min_face_px,
            looked_at: 0,
        };
        // A search of the whole finds larger faces by the way.
        let last = OCTAVE * min_face_px >= whole.w.min(whole.h);
        if last || (region.w * region.h > 0.8 * whole.w * whole.h && all.cost_px() <= slice_px) {
            portions.push(all);
            return;
        }
        tiles(
            portions,
            Portion {
                region,
                min_face_px,
                looked_at: 0,
            },
            slice_px,
            room,
        );
        min_face_px *= OCTAVE;
    }
}

/// Splits a portion into tiles that overlap by `room`, so that each face lies whole in one.
fn tiles(portions: &mut Vec<Portion>, of: Portion, slice_px: f32, room: f32) {
    let Portion {
        region,
        min_face_px,
        ..
    } = of;
    let side = |length: f32, count: usize| (length - room).max(0.0) / count as f32 + room;
    let (mut across, mut down) = (1, 1);
    loop {
        let (tw, th) = (
            side(region.w, across).min(region.w),
            side(region.h, down).min(region.h),
        );
        let tile = Portion {
            region: BoxPx {
                w: tw,
                h: th,
                ..region
            },
            min_face_px,
            looked_at: 0,
        };
        // More tiles than this would be overlap alone.
        if tile.cost_px() <= slice_px || across * down >= 64 {
            for j in 0..down {
                for i in 0..across {
                    let region = BoxPx {
                        x: region.x + i as f32 * (tw - room).max(0.0),
                        y: region.y + j as f32 * (th - room).max(0.0),
                        w: tw,
                        h: th,
                    };
                    portions.push(Portion {
                        region,
                        min_face_px,
                        looked_at: 0,
                    });
                }
            }
            return;
        }
        if tw >= th {
            across += 1;
        } else {
            down += 1;
        }
    }
}

/// A box with so much around it, as far as the picture goes.
pub fn clipped(area: &BoxPx, around_px: f32, whole: &BoxPx) -> BoxPx {
    let x0 = (area.x - around_px).clamp(0.0, whole.w);
    let y0 = (area.y - around_px).clamp(0.0, whole.h);
    BoxPx {
        x: x0,
        y: y0,
        w: (area.x + area.w + around_px).clamp(x0, whole.w) - x0,
        h: (area.y + area.h + around_px).clamp(y0, whole.h) - y0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_face_that_touches_what_changed_lies_whole_in_a_portion_for_its_size(
            w in 64usize..2000, h in 64usize..1200, smallest in 0.04f32..0.4,
            (ax, ay, aw, ah) in (0.0f32..1.0, 0.0f32..1.0, 0.01f32..1.0, 0.01f32..1.0),
            (fx, fy, size) in (0.0f32..1.0, 0.0f32..1.0, 0.0f32..1.0),
            slice_px in prop::option::of(30_000.0f32..100_000.0),
        ) {
            let (w_px, h_px) = (w as f32, h as f32);
            let smallest_px = (smallest * h_px).max(12.0);
            let around = BoxPx { x: ax * w_px, y: ay * h_px, w: aw * w_px, h: ah * h_px };
            let around = clipped(&around, 0.0, &BoxPx { x: 0.0, y: 0.0, w: w_px, h: h_px });
            let side = smallest_px + size * (w_px.min(h_px) - smallest_px).max(0.0);
            let face = BoxPx { x: fx * (w_px - side).max(0.0), y: fy * (h_px - side).max(0.0), w: side, h: side };
            prop_assume!(side <= w_px.min(h_px) && around.iou(&face) > 0.0);
            let mut portions = Vec::new();
            plan(&mut portions, around, smallest_px, (w, h), slice_px.unwrap_or(f32::INFINITY));
            let holds = |p: &Portion| {
                let r = p.region;
                p.min_face_px <= side + 0.01
                    && r.x <= face.x + 0.01 && r.y <= face.y + 0.01
                    && face.x + side <= r.x + r.w + 0.01 && face.y + side <= r.y + r.h + 0.01
            };
            prop_assert!(portions.iter().any(holds), "{face:?} in {portions:?}");
            prop_assert!(portions.len() < 400);
        }
    }
}
