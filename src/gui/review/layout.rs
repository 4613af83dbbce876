//! Where everything of the bench lies: one pure function of the window's size.

use eframe::egui::{Rect, pos2};

use crate::gui::layout::{STATUS_HEIGHT, TOP_HEIGHT};

/// The areas of the bench, in points. None overlaps another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Areas {
    /// The bar at the top.
    pub top: Rect,
    /// The worst segments.
    pub worst: Rect,
    /// The picture.
    pub picture: Rect,
    /// Play, steps, frame and time.
    pub transport: Rect,
    /// Scores and confusion.
    pub scores: Rect,
    /// The timeline, from edge to edge.
    pub timeline: Rect,
    /// The bar at the bottom.
    pub status: Rect,
    /// Too narrow for words that only help.
    pub compact: bool,
}

impl Areas {
    /// The areas of a window; drawn for 1280 x 800, sound from 900 x 600, unbroken below.
    pub fn of(window: Rect) -> Self {
        let (w, h) = (window.width().max(320.0), window.height().max(240.0));
        let (left, top) = (window.left(), window.top());
        let (right, bottom) = (left + w, top + h);
        let compact = w < 1120.0;
        let main_top = top + TOP_HEIGHT;
        let status_top = bottom - STATUS_HEIGHT;
        let timeline_height = (h * 0.375).clamp(180.0, 460.0).min(h * 0.45);
        let timeline_top = status_top - timeline_height;
        let side = if compact { 0.245 } else { 0.228 };
        let left_width = (w * side).clamp(150.0, 340.0).min(w * 0.3);
        let right_width = (w * side).clamp(206.0, 340.0).min(w * 0.3);
        let (picture_left, picture_right) = (left + left_width, right - right_width);
        let transport_top = timeline_top - 44.0;
        Self {
            top: Rect::from_min_max(pos2(left, top), pos2(right, main_top)),
            worst: Rect::from_min_max(pos2(left, main_top), pos2(picture_left, timeline_top)),
            picture: Rect::from_min_max(
                pos2(picture_left + 10.0, main_top + 10.0),
                pos2(picture_right - 10.0, transport_top.max(main_top + 12.0)),
            ),
            transport: Rect::from_min_max(
                pos2(picture_left, transport_top),
                pos2(picture_right, timeline_top),
            ),
            scores: Rect::from_min_max(pos2(picture_right, main_top), pos2(right, timeline_top)),
            timeline: Rect::from_min_max(pos2(left, timeline_top), pos2(right, status_top)),
            status: Rect::from_min_max(pos2(left, status_top), pos2(right, bottom)),
            compact,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use eframe::egui::vec2;

    #[test]
    fn nothing_overlaps_or_leaves_the_window() {
        for (w, h) in [
            (900.0, 600.0),
            (1280.0, 800.0),
            (1920.0, 1080.0),
            (900.0, 1400.0),
        ] {
            let window = Rect::from_min_size(pos2(0.0, 0.0), vec2(w, h));
            let a = Areas::of(window);
            let all = [
                a.top,
                a.worst,
                a.picture,
                a.transport,
                a.scores,
                a.timeline,
                a.status,
            ];
            for (i, rect) in all.iter().enumerate() {
                assert!(window.contains_rect(*rect), "{i} at {w}x{h}: {rect}");
                assert!(rect.width() > 100.0 && rect.height() > 25.0, "{i}: {rect}");
                for other in &all[i + 1..] {
                    let both = rect.intersect(*other);
                    assert!(
                        both.width() <= 0.0 || both.height() <= 0.0,
                        "{i} at {w}x{h}"
                    );
                }
            }
        }
    }
}
