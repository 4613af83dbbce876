//! Boxes that move with the landmarks.

use super::align::{Similarity, TEMPLATE_PX};
use crate::analysis::{BoxPx, Landmarks};

/// A box as seen from the face: where its centre lies and how large it is where the landmarks lie at the template.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Carried {
    /// Its centre, in template pixels.
    center: (f64, f64),
    /// Its width and height, in template pixels.
    size: (f64, f64),
}

/// Where the detector puts its box, on average: the landmark network knows faces in such boxes.
pub const USUAL: Carried = Carried {
    center: (56.9, 68.2),
    size: (87.2, 87.2),
};

impl Carried {
    /// A box beside the landmarks of its face; `None` when the landmarks fit nothing.
    pub fn of(box_px: &BoxPx, landmarks: &Landmarks) -> Option<Self> {
        let fit = Similarity::fit(landmarks, &TEMPLATE_PX)?;
        let (x, y) = box_px.center();
        let scale = fit.scale();
        Some(Self {
            center: fit.apply(x.into(), y.into()),
            size: (f64::from(box_px.w) * scale, f64::from(box_px.h) * scale),
        })
    }

    /// The box of a face with these landmarks; `None` when they fit nothing.
    pub fn on(&self, landmarks: &Landmarks) -> Option<BoxPx> {
        let fit = Similarity::fit(&TEMPLATE_PX, landmarks)?;
        let (x, y) = fit.apply(self.center.0, self.center.1);
        let (w, h) = (self.size.0 * fit.scale(), self.size.1 * fit.scale());
        let ok = w.is_finite() && h.is_finite() && w >= 1.0 && h >= 1.0;
        ok.then_some(BoxPx {
            x: (x - w / 2.0) as f32,
            y: (y - h / 2.0) as f32,
            w: w as f32,
            h: h as f32,
        })
    }

    /// A part of the way to another.
    pub fn towards(&self, other: &Self, part: f64) -> Self {
        let mix =
            |a: (f64, f64), b: (f64, f64)| (a.0 + part * (b.0 - a.0), a.1 + part * (b.1 - a.1));
        Self {
            center: mix(self.center, other.center),
            size: mix(self.size, other.size),
        }
    }
}

/// How far landmarks are from the template's shape, in template pixels (root mean square); infinite when they fit
/// nothing.
pub fn misfit(landmarks: &Landmarks) -> f64 {
    let Some(fit) = Similarity::fit(landmarks, &TEMPLATE_PX) else {
        return f64::INFINITY;
    };
    let squares = landmarks.iter().zip(&TEMPLATE_PX).map(|(from, to)| {
        let (x, y) = fit.apply(from[0].into(), from[1].into());
        (x - f64::from(to[0])).powi(2) + (y - f64::from(to[1])).powi(2)
    });
    (squares.sum::<f64>() / landmarks.len() as f64).sqrt()
}

/// How far two boxes are apart: the distance of their centres in widths, or the logarithm of their sizes' ratio,
/// whichever is more.
pub fn apart(a: &BoxPx, b: &BoxPx) -> f32 {
    let ((x0, y0), (x1, y1)) = (a.center(), b.center());
    let size = (a.w + b.w) / 2.0;
    ((x1 - x0).hypot(y1 - y0) / size).max((a.w / b.w).ln().abs())
}
