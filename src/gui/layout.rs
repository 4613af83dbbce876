//! Where everything lies: one pure function of the window's size.

use eframe::egui::{Rect, pos2};

/// The areas of the window, in points. None overlaps another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Areas {
    /// The bar at the top: source and buttons.
    pub top: Rect,
    /// The picture.
    pub picture: Rect,
    /// The faces under it.
    pub faces: Rect,
    /// The seven bars.
    pub bars: Rect,
    /// The circumplex.
    pub circumplex: Rect,
    /// The timeline, from edge to edge.
    pub timeline: Rect,
    /// The bar at the bottom.
    pub status: Rect,
    /// Too narrow for words that only help.
    pub compact: bool,
}

/// Height of the bar at the top.
pub const TOP_HEIGHT: f32 = 44.0;
/// Height of the bar at the bottom.
pub const STATUS_HEIGHT: f32 = 28.0;
/// Space at the sides of the top bar, the timeline and the status bar.
pub const MARGIN: f32 = 12.0;

impl Areas {
    /// The areas of a window; drawn for 1280 x 800, sound from 900 x 600, unbroken below.
    pub fn of(window: Rect) -> Self {
        let (w, h) = (window.width().max(320.0), window.height().max(240.0));
        let (left, top) = (window.left(), window.top());
        let right = left + w;
        let bottom = top + h;
        let compact = w < 1120.0;

        let status_top = bottom - STATUS_HEIGHT;
        let timeline_height = (h * 0.2325).clamp(136.0, 300.0).min(h * 0.4);
        let timeline_top = status_top - timeline_height;
        let main_top = top + TOP_HEIGHT;
        let main_height = (timeline_top - main_top).max(0.0);

        let right_width = (w * 0.336).clamp(296.0, 620.0).min(w * 0.5);
        let right_left = right - MARGIN - right_width;
        let picture_right = right_left - 14.0;
        let faces_height = if main_height < 420.0 { 64.0 } else { 76.0 };
        let faces_top = timeline_top - 8.0 - faces_height;
        let picture = Rect::from_min_max(
            pos2(left + 10.0, main_top + 10.0),
            pos2(picture_right, (faces_top - 8.0).max(main_top + 10.0)),
        );

        // Rows of 23 where there is room, down to 19; more in a large window.
        let row = bar_row_height(main_height);
        let bars_height = 28.0 + 7.0 * row + 6.0;
        let bars_top = main_top + 6.0;
        let split = (bars_top + bars_height).min(timeline_top);
        Self {
            top: Rect::from_min_max(pos2(left, top), pos2(right, main_top)),
            picture,
            faces: Rect::from_min_max(
                pos2(left + 10.0, faces_top),
                pos2(picture_right, faces_top + faces_height),
            ),
            bars: Rect::from_min_max(pos2(right_left, bars_top), pos2(right - MARGIN, split)),
            circumplex: Rect::from_min_max(
                pos2(right_left, split),
                pos2(right - MARGIN, (timeline_top - 4.0).max(split)),
            ),
            timeline: Rect::from_min_max(pos2(left, timeline_top), pos2(right, status_top)),
            status: Rect::from_min_max(pos2(left, status_top), pos2(right, bottom)),
            compact,
        }
    }
}

/// Height of one row of the bars when the main area is this high.
fn bar_row_height(main_height: f32) -> f32 {
    (main_height * 0.0424).clamp(19.0, 32.0).round()
}

#[cfg(test)]
mod tests {
    use super::*;
    use eframe::egui::vec2;

    fn all(areas: &Areas) -> [(&'static str, Rect); 7] {
        [
            ("top", areas.top),
            ("picture", areas.picture),
            ("faces", areas.faces),
            ("bars", areas.bars),
            ("circumplex", areas.circumplex),
            ("timeline", areas.timeline),
            ("status", areas.status),
        ]
    }

    #[test]
    fn nothing_overlaps_or_leaves_the_window() {
        for (w, h) in [
            (900.0, 600.0),
            (1280.0, 800.0),
            (1920.0, 1080.0),
            (3840.0, 2160.0),
            (900.0, 1400.0),
        ] {
            let window = Rect::from_min_size(pos2(0.0, 0.0), vec2(w, h));
            let all = all(&Areas::of(window));
            for (i, (name, rect)) in all.iter().enumerate() {
                assert!(window.contains_rect(*rect), "{name} at {w}x{h}: {rect}");
                assert!(
                    rect.width() > 100.0 && rect.height() > 25.0,
                    "{name}: {rect}"
                );
                for (other, its) in &all[i + 1..] {
                    let both = rect.intersect(*its);
                    assert!(
                        both.width() <= 0.0 || both.height() <= 0.0,
                        "{name} and {other} at {w}x{h}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_tiny_window_gives_finite_areas() {
        for side in [0.0, 50.0, 320.0] {
            let window = Rect::from_min_size(pos2(0.0, 0.0), vec2(side, side));
            for (name, rect) in all(&Areas::of(window)) {
                assert!(rect.is_finite(), "{name}");
            }
        }
    }
}
