//! The words on the faces of the picture: each lies where it covers no other face and no other words. Where there is no
//! room for the words of a face its number stands alone.

use std::sync::Arc;

use eframe::egui::{Color32, FontId, Galley, Painter, Pos2, Rect, Vec2, pos2, vec2};

use super::theme;

/// One face and what is to be said of it.
pub struct Tag {
    /// Its box on screen, points.
    pub face: Rect,
    /// The words.
    pub words: String,
    /// What stands where there is no room for them.
    pub number: String,
    /// It is the followed one: it has the first choice, and keeps its words.
    pub on: bool,
}

/// Between a box and its words, points.
const APART: f32 = 6.0;

/// Paints the words of all faces inside `shown`.
pub fn paint(painter: &Painter, shown: Rect, tags: &[Tag]) {
    let boxes: Vec<Rect> = tags.iter().map(|t| t.face).collect();
    let mut taken: Vec<Rect> = Vec::new();
    // The followed face chooses first; the order of the others is theirs.
    let (on, others): (Vec<usize>, Vec<usize>) = (0..tags.len()).partition(|i| tags[*i].on);
    for i in on.into_iter().chain(others) {
        let tag = &tags[i];
        let font = if tag.on {
            theme::semibold(12.0)
        } else {
            theme::caption()
        };
        let words = layout(painter, &tag.words, font);
        let places = places(tag.face, words.size() + vec2(12.0, 6.0), shown);
        let is_free = |plate: &&Rect| {
            let others = boxes.iter().enumerate().filter(|(j, _)| *j != i);
            !taken.iter().any(|t| t.intersects(**plate))
                && !others.into_iter().any(|(_, b)| b.intersects(**plate))
        };
        let free = places.iter().find(is_free).copied();
        let (plate, galley) = match (free, tag.on) {
            (Some(plate), _) => (plate, words),
            (None, true) => (places[0], words),
            (None, false) => {
                let number = layout(painter, &tag.number, theme::digits(11.0));
                let size = number.size() + vec2(8.0, 2.0);
                let corner = tag.face.left_top() + vec2(2.0, 2.0);
                (
                    Rect::from_min_size(inside(corner, size, shown), size),
                    number,
                )
            }
        };
        painter.rect_filled(plate, 5.0, Color32::from_black_alpha(170));
        painter.galley(plate.center() - galley.size() / 2.0, galley, Color32::WHITE);
        taken.push(plate);
    }
}

fn layout(painter: &Painter, text: &str, font: FontId) -> Arc<Galley> {
    painter.layout_no_wrap(text.to_owned(), font, Color32::WHITE)
}

/// Under the box and above it; the better one first.
fn places(face: Rect, size: Vec2, shown: Rect) -> [Rect; 2] {
    let x = face.center().x - size.x / 2.0;
    let plate = |y: f32| Rect::from_min_size(inside(pos2(x, y), size, shown), size);
    let (below, above) = (face.bottom() + APART, face.top() - size.y - APART);
    if below + size.y > shown.bottom() - 4.0 {
        [plate(above), plate(below)]
    } else {
        [plate(below), plate(above)]
    }
}

/// The nearest place for a plate that is wholly in the picture.
fn inside(min: Pos2, size: Vec2, shown: Rect) -> Pos2 {
    let least = shown.min + vec2(4.0, 4.0);
    let most = (shown.max - size - vec2(4.0, 4.0)).max(least);
    min.clamp(least, most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stay_in_the_picture_and_under_the_face_where_there_is_room() {
        let shown = Rect::from_min_size(pos2(0.0, 0.0), vec2(200.0, 100.0));
        let size = vec2(80.0, 20.0);
        let face = |x: f32, y: f32| Rect::from_min_size(pos2(x, y), vec2(40.0, 40.0));
        let [first, second] = places(face(80.0, 10.0), size, shown);
        assert!(first.top() > 50.0 && second.top() < 10.0);
        let [first, _] = places(face(180.0, 58.0), size, shown);
        assert!(first.bottom() < 58.0 && first.right() <= 196.0);
        for at in [face(-30.0, -30.0), face(190.0, 95.0)] {
            for plate in places(at, size, shown) {
                assert!(shown.contains_rect(plate), "{plate}");
            }
        }
    }
}
