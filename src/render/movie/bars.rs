//! The bars of a rendered frame: how likely each expression is.

use super::super::canvas::Area;
use super::super::letters::Face;
use super::{Movie, absence};
use crate::labels::Expression;

impl Movie<'_> {
    /// Of a bar: its name's base line, and its trough.
    fn bar(&self, index: usize) -> (f32, Area) {
        let (u, area) = (self.layout.unit, self.layout.bars);
        let head = 24.0 * u;
        let step = (area.h - head) / Expression::COUNT as f32;
        let middle = area.y + head + (index as f32 + 0.5) * step;
        let x = area.x + 84.0 * u;
        let trough = Area {
            x,
            y: middle - 5.0 * u,
            w: area.right() - 46.0 * u - x,
            h: 10.0 * u,
        };
        (middle + 4.5 * u, trough)
    }

    pub(super) fn still_bars(&mut self) {
        let (u, area, c) = (self.layout.unit, self.layout.bars, self.colours);
        let y = area.y + 11.0 * u;
        let quiet = self.ended(Face::Sans, 11.0, c.muted);
        self.canvas.text((area.right(), y), quiet, "probability");
        for index in 0..Expression::COUNT {
            let (_, trough) = self.bar(index);
            self.canvas.rounded(trough, 3.0 * u, c.line);
        }
    }

    pub(super) fn bars(&mut self, frame: usize) {
        let (u, area, c) = (self.layout.unit, self.layout.bars, self.colours);
        let row = self.project.model().and_then(|m| m.at(frame)).copied();
        let y = area.y + 11.0 * u;
        let head = self.kind(Face::Bold, 12.0, c.text);
        let x = area.x + self.canvas.text((area.x, y), head, "Expression");
        let quiet = self.kind(Face::Sans, 12.0, c.muted);
        let of = match row {
            Some(row) => row.face_id.zip(self.project.model()).map(|(id, model)| {
                let title = model.names().title(id);
                format!(" · {title}")
            }),
            None => Some(format!(" · {}", absence(self.project.model(), frame))),
        };
        self.canvas.text((x, y), quiet, &of.unwrap_or_default());
        let said = row.and_then(|r| r.rating.expression);
        for expression in Expression::ALL {
            let (base, trough) = self.bar(expression.index());
            let is_said = said == Some(expression);
            let (face, colour) = match is_said {
                true => (Face::Bold, c.text),
                false => (Face::Sans, c.muted),
            };
            let name = self.kind(face, 12.5, colour);
            self.canvas.text((area.x, base), name, expression.title());
            let known = row.map(|r| r.detail.probabilities[expression.index()]);
            let Some(p) = known.filter(|p| !p.is_nan()) else {
                continue;
            };
            let filled = Area {
                w: trough.w * p.clamp(0.0, 1.0),
                ..trough
            };
            if filled.w >= 0.5 {
                let colour = c.expression[expression.index()];
                self.canvas.rounded(filled, 3.0 * u, colour);
            }
            let face = if is_said {
                Face::MonoMedium
            } else {
                Face::Mono
            };
            let number = self.ended(face, 12.0, colour);
            let at = (area.right(), base);
            self.canvas.text(at, number, &format!("{p:.2}"));
        }
    }
}
