//! Groups of faces that can be told without a look at them.

use std::collections::BTreeMap;

use crate::analysis::Landmarks;
use crate::labels::Expression;

/// What can be told of a face's picture without people: how bright the crop is, how large and how turned the face. Where people
/// voted on its expression, how far they agreed, too: where they did not, no reading can be right for all of them.
pub fn groups(
    crop: &[u8],
    landmarks_px: &Landmarks,
    votes: Option<&[f32; Expression::COUNT]>,
) -> BTreeMap<String, String> {
    let mean = crop.iter().map(|&v| f64::from(v)).sum::<f64>() / crop.len().max(1) as f64;
    let [left, right, nose, ..] = landmarks_px.map(|[x, y]| (f64::from(x), f64::from(y)));
    let (dx, dy) = (right.0 - left.0, right.1 - left.1);
    let eyes_px = dx.hypot(dy).max(1e-6);
    // Where the nose tip lies along the line of the eyes, from their middle: 0 is frontal.
    let middle = ((left.0 + right.0) / 2.0, (left.1 + right.1) / 2.0);
    let aside = ((nose.0 - middle.0) * dx + (nose.1 - middle.1) * dy) / (eyes_px * eyes_px);
    let tilt_degrees = dy.atan2(dx).to_degrees();
    let of = |value: f64, steps: [(f64, &str); 2], last: &str| {
        let found = steps.iter().find(|(below, _)| value < *below);
        found.map_or(last, |(_, name)| name).to_owned()
    };
    let voted = votes.map(|votes| {
        let most = votes.iter().copied().fold(0.0, f32::max);
        let steps = [(0.7, "under 70 % for one"), (0.9995, "70 % and more")];
        (
            "votes".to_owned(),
            of(f64::from(most), steps, "all for one"),
        )
    });
    let mut groups = BTreeMap::from([
        (
            "brightness".to_owned(),
            of(mean, [(70.0, "dark"), (140.0, "middle")], "bright"),
        ),
        (
            "face_size".to_owned(),
            of(
                eyes_px,
                [(16.0, "eyes under 16 px apart"), (32.0, "16 to 32 px")],
                "32 px and more",
            ),
        ),
        (
            "turned_aside".to_owned(),
            of(
                aside.abs(),
                [(0.12, "frontal"), (0.3, "half turned")],
                "turned",
            ),
        ),
        (
            "tilted".to_owned(),
            of(
                tilt_degrees.abs(),
                [(8.0, "upright"), (20.0, "8 to 20 degrees")],
                "more than 20 degrees",
            ),
        ),
    ]);
    groups.extend(voted);
    groups
}
