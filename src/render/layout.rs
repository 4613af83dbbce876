//! Where everything lies in a rendered frame.

use super::canvas::Area;

/// The least that a frame can be, longer and shorter side in pixels: below, its words cannot be read.
pub const LEAST_PX: (u32, u32) = (960, 540);
/// The most that a side can be: 8K.
pub const MOST_PX: u32 = 7680;

/// Whether a frame can be of this size; why not, in words.
///
/// # Errors
/// For odd sides, which H.264 with its colours at half size cannot have, and for sides out of range.
pub fn check_size((w, h): (u32, u32)) -> Result<(), String> {
    if w % 2 != 0 || h % 2 != 0 {
        return Err(format!("{w}x{h}: both sides must be even numbers"));
    }
    let (long, short) = LEAST_PX;
    if w.max(h) < long || w.min(h) < short {
        return Err(format!(
            "{w}x{h}: too small to read; at least {long}x{short} or {short}x{long}"
        ));
    }
    if w.max(h) > MOST_PX {
        return Err(format!("{w}x{h}: at most {MOST_PX} on a side"));
    }
    Ok(())
}

/// The parts of a frame.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Layout {
    /// Pixels of a unit: lengths below are given for a frame of 1280x720.
    pub unit: f32,
    /// Name and time.
    pub top: Area,
    /// The video's picture.
    pub picture: Area,
    /// The seven bars.
    pub bars: Area,
    /// What is said of valence and arousal, as numbers.
    pub said: Area,
    /// The circumplex, square.
    pub circle: Area,
    /// Names left of the timeline's rows, and its plots.
    pub timeline: Area,
    /// Weights and words.
    pub bottom: Area,
}

/// Units left of the timeline's plots.
pub(super) const NAMES: f32 = 88.0;

impl Layout {
    /// For a frame of this size whose timeline is to have so many units of height.
    pub fn new(width_px: u32, height_px: u32, timeline: f32) -> Self {
        let (w, h) = (width_px as f32, height_px as f32);
        let is_tall = h > w;
        let unit = if is_tall {
            (w / 720.0).min(h / 1280.0)
        } else {
            (w / 1280.0).min(h / 720.0)
        };
        let u = |units: f32| units * unit;
        let area = |x: f32, y: f32, w: f32, h: f32| Area { x, y, w, h }.whole();
        let top = area(0.0, 0.0, w, u(40.0));
        let bottom = area(0.0, h - u(26.0), w, u(26.0));
        let gap = u(12.0);
        let timeline_h = u(timeline);
        let timeline = area(gap, bottom.y - timeline_h, w - 2.0 * gap, timeline_h);
        let inner = area(
            gap,
            top.bottom() + gap,
            w - 2.0 * gap,
            timeline.y - gap - top.bottom() - gap,
        );
        let (picture, panel) = if is_tall {
            let panel_h = u(250.0).min(inner.h / 2.0);
            (
                area(inner.x, inner.y, inner.w, inner.h - panel_h - gap),
                area(inner.x, inner.bottom() - panel_h, inner.w, panel_h),
            )
        } else {
            let panel_w = u(392.0);
            (
                area(inner.x, inner.y, inner.w - panel_w - gap, inner.h),
                area(inner.right() - panel_w, inner.y, panel_w, inner.h),
            )
        };
        let (bars, affect) = if is_tall {
            let half = (panel.w - gap) / 2.0;
            (
                area(panel.x, panel.y, half, panel.h),
                area(panel.right() - half, panel.y, half, panel.h),
            )
        } else {
            let bars_h = u(172.0);
            (
                area(panel.x, panel.y, panel.w, bars_h),
                area(
                    panel.x,
                    panel.y + bars_h + gap,
                    panel.w,
                    panel.h - bars_h - gap,
                ),
            )
        };
        let said_w = u(132.0);
        let side = (affect.w - said_w).min(affect.h).max(u(40.0));
        let circle = area(
            affect.right() - side,
            affect.y + (affect.h - side) / 2.0,
            side,
            side,
        );
        Self {
            unit,
            top,
            picture,
            bars,
            said: area(affect.x, affect.y, affect.w - side, affect.h),
            circle,
            timeline,
            bottom,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sizes_that_cannot_be_are_told() {
        for (size, word) in [
            ((1281, 720), "even"),
            ((640, 360), "too small"),
            ((960, 400), "too small"),
            ((9000, 2000), "at most"),
        ] {
            let said = check_size(size).err().unwrap_or_default();
            assert!(said.contains(word), "{said}");
        }
        for size in [(960, 540), (540, 960), (1280, 720), (3840, 2160)] {
            assert_eq!(check_size(size), Ok(()));
        }
    }

    proptest! {
        #[test]
        fn nothing_lies_on_anything_else_or_outside(w in 480u32..2000, h in 480u32..2000, timeline in 120f32..260.0) {
            let (w, h) = (w * 2, h * 2);
            prop_assume!(check_size((w, h)).is_ok());
            let l = Layout::new(w, h, timeline);
            let all = [l.top, l.picture, l.bars, l.said, l.circle, l.timeline, l.bottom];
            for (i, a) in all.iter().enumerate() {
                prop_assert!(a.w >= 1.0 && a.h >= 1.0, "{i} {a:?}");
                prop_assert!(a.x >= 0.0 && a.y >= 0.0 && a.right() <= w as f32 && a.bottom() <= h as f32, "{i} {a:?}");
                for (j, b) in all.iter().enumerate().skip(i + 1) {
                    let apart = a.right() <= b.x + 1.0 || b.right() <= a.x + 1.0
                        || a.bottom() <= b.y + 1.0 || b.bottom() <= a.y + 1.0;
                    prop_assert!(apart, "{i} {a:?}, {j} {b:?}");
                }
            }
        }
    }
}
