//! The strip of pictures above the rows: what is to be seen, at even steps through the view.

use std::ops::Range;

use eframe::egui::{Color32, Painter, Rect, pos2};

use super::super::pictures::Pictures;
use super::Scale;
use crate::gui::theme::Palette;

/// Room between two pictures.
const GAP: f32 = 2.0;

/// The frames of a view whose pictures stand side by side, each `side` points wide: at steps of a power of two, so that
/// the same ones are shown when the view moves or is zoomed a little.
pub(super) fn frames(view: &Range<usize>, scale: &Scale, side: f32) -> Vec<usize> {
    let least = f64::from(side + GAP) * scale.per_point;
    let step = (least.max(1.0).ceil() as usize).next_power_of_two();
    let first = view.start.div_ceil(step) * step;
    (first..view.end).step_by(step).collect()
}

/// Draws them, each with its left edge at its frame.
pub(super) fn show(
    painter: &Painter,
    p: &Palette,
    scale: &Scale,
    (rect, frames): (Rect, &[usize]),
    pictures: &mut Pictures,
) {
    let side = rect.height();
    let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
    for &frame in frames {
        let x = scale.x(frame as f64);
        let place = Rect::from_min_max(pos2(x, rect.top()), pos2(x + side, rect.bottom()));
        match pictures.get(frame) {
            Some(texture) => {
                let size = texture.size_vec2();
                let area = Rect::from_min_size(place.min, size * (side / size.x.max(size.y)));
                painter.image(texture.id(), area, uv, Color32::WHITE);
            }
            None => {
                painter.rect_filled(place, 3.0, p.line.gamma_multiply(0.6));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale(view: &Range<usize>) -> Scale {
        Scale {
            from: view.start as f64,
            per_point: view.len() as f64 / 1000.0,
            left: 0.0,
            right: 1000.0,
        }
    }

    #[test]
    fn pictures_stand_side_by_side_and_stay_when_the_view_moves() {
        let view = 0..10_000;
        let all = frames(&view, &scale(&view), 30.0);
        // 320 frames are 32 points wide: 512 is the power of two from there on.
        assert_eq!(all[..3], [0, 512, 1024]);
        let moved = 700..10_700;
        let others = frames(&moved, &scale(&moved), 30.0);
        assert_eq!(others[..2], [1024, 1536]);
        assert!(others.iter().filter(|f| all.contains(f)).count() >= all.len() - 3);
        for pair in all.windows(2) {
            assert!(scale(&view).x(pair[1] as f64) - scale(&view).x(pair[0] as f64) >= 32.0);
        }
    }

    #[test]
    fn few_frames_have_a_picture_each() {
        let view = 3..11;
        assert_eq!(
            frames(&view, &scale(&view), 30.0),
            [3, 4, 5, 6, 7, 8, 9, 10]
        );
    }
}
