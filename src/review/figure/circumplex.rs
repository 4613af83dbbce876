//! Where valence and arousal lie: a density over the plane for the model and each rater.

use super::svg::{Anchor, INK, Path, Svg, Type, mix, short};
use crate::review::Track;

/// Side of a plane.
const SIDE: f64 = 200.0;
/// From one plane to the next, and from its top to the next one's.
const STEP: (f64, f64) = (256.0, 284.0);
const LEFT: f64 = 48.0;
const TOP: f64 = 62.0;
/// Planes beside each other.
const ACROSS: usize = 3;
/// Cells along a side.
const CELLS: usize = 25;
const SHADES: usize = 9;

/// Somebody's valence and arousal.
#[derive(Debug, Clone, Copy)]
pub struct Cloud<'a> {
    /// Whose.
    pub name: &'a str,
    /// Of every frame.
    pub track: &'a Track,
}

/// How often each part of the valence-arousal plane (Russell 1980: unpleasant to pleasant, calm to active) is said, a
/// plane for each cloud: 25 x 25 cells, darker the more frames (by the square root of the count, so that seldom ones are
/// seen), with the unit circle.
pub fn circumplex(title: &str, clouds: &[Cloud<'_>]) -> String {
    let across = clouds.len().clamp(1, ACROSS);
    let down = clouds.len().div_ceil(ACROSS).max(1);
    let width = LEFT + (across - 1) as f64 * STEP.0 + SIDE + 16.0;
    let height = TOP + (down - 1) as f64 * STEP.1 + SIDE + 40.0;
    let names: Vec<&str> = clouds.iter().map(|c| c.name).collect();
    let desc = format!(
        "How often each part of the plane of valence (to the right) and arousal (upward) is said by {}, one plane each.",
        names.join(", ")
    );
    let mut svg = Svg::new(width.max(300.0), height, title, &desc);
    let fits = (width / 7.5) as usize;
    svg.text(LEFT, 22.0, Type::TITLE, &short(title, fits));
    for (i, cloud) in clouds.iter().enumerate() {
        let x = LEFT + (i % ACROSS) as f64 * STEP.0;
        let y = TOP + (i / ACROSS) as f64 * STEP.1;
        plane(&mut svg, x, y, cloud);
    }
    svg.finish()
}

/// Cells by row from above, and how many frames there are in all.
fn counted(track: &Track) -> ([[u64; CELLS]; CELLS], u64) {
    let mut cells = [[0; CELLS]; CELLS];
    let mut all = 0;
    let cell = |v: f64| ((v + 1.0) / 2.0 * CELLS as f64).clamp(0.0, CELLS as f64 - 1.0) as usize;
    for (&v, &a) in track.valence().iter().zip(track.arousal()) {
        if !v.is_nan() && !a.is_nan() {
            cells[CELLS - 1 - cell(a)][cell(v)] += 1;
            all += 1;
        }
    }
    (cells, all)
}

fn plane(svg: &mut Svg, x: f64, y: f64, cloud: &Cloud<'_>) {
    let (cells, all) = counted(cloud.track);
    let most = cells.iter().flatten().copied().max().unwrap_or(0);
    let step = SIDE / CELLS as f64;
    svg.rect([x, y, SIDE, SIDE], INK.background);
    let mut areas: [Path; SHADES] = Default::default();
    for (row, counts) in cells.iter().enumerate() {
        for (column, &count) in counts.iter().enumerate() {
            if count > 0 {
                let part = (count as f64 / most as f64).sqrt();
                let shade = ((part * SHADES as f64).ceil() as usize).clamp(1, SHADES) - 1;
                let at = (x + column as f64 * step, y + row as f64 * step);
                areas[shade].rect(at.0, at.1, step, step);
            }
        }
    }
    for (shade, area) in areas.iter().enumerate() {
        svg.area(area, shade_colour(shade), 1.0);
    }
    let (cx, cy) = (x + SIDE / 2.0, y + SIDE / 2.0);
    svg.line((x, cy), (x + SIDE, cy), INK.faint);
    svg.line((cx, y), (cx, y + SIDE), INK.faint);
    svg.circle((cx, cy), SIDE / 2.0, INK.faint);
    svg.frame([x, y, SIDE, SIDE], INK.line);

    svg.text(
        x,
        y - 20.0,
        Type {
            bold: true,
            ..Type::NAME
        },
        &short(cloud.name, 26),
    );
    let frames = if all == 1 { "frame" } else { "frames" };
    let said = match most {
        0 => "no frame with both".to_owned(),
        most => format!("{all} {frames}, at most {most} in a cell"),
    };
    svg.text(x, y - 6.0, Type::CAPTION, &said);
    let middle = Type::CAPTION.anchor(Anchor::Middle);
    let end = Type::CAPTION.anchor(Anchor::End);
    let below = y + SIDE + 13.0;
    svg.text(x, below, Type::CAPTION, "−1");
    svg.text(x + SIDE, below, end, "+1");
    svg.text(cx, below, middle.colour(INK.valence), "valence");
    let small = |kind: Type| kind.size(10.0);
    svg.text(x, below + 13.0, small(Type::CAPTION), "unpleasant");
    svg.text(x + SIDE, below + 13.0, small(end), "pleasant");
    svg.upward(x - 6.0, cy, middle.colour(INK.arousal), "arousal");
    svg.text(x - 5.0, y + 9.0, end, "+1");
    svg.text(x - 5.0, y + SIDE, end, "−1");
    svg.upward(x - 25.0, y + SIDE, small(Type::CAPTION), "calm");
    svg.upward(x - 25.0, y, small(end), "active");
}

fn shade_colour(shade: usize) -> u32 {
    // The lightest is still told from the ground.
    let part = 0.12 + 0.88 * shade as f64 / (SHADES - 1) as f64;
    mix(INK.background, mix(INK.accent, 0, 0.35), part)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::review::Rating;

    #[test]
    fn every_frame_with_both_is_in_its_cell() {
        let mut track = Track::empty(6);
        let at = |valence, arousal| Rating {
            expression: None,
            valence,
            arousal,
        };
        track.set(0, at(Some(1.0), Some(1.0)));
        track.set(1, at(Some(-1.0), Some(-1.0)));
        track.set(2, at(Some(0.0), Some(0.0)));
        track.set(3, at(Some(0.01), Some(-0.01)));
        track.set(4, at(Some(0.5), None));
        let (cells, all) = counted(&track);
        assert_eq!(all, 4);
        assert_eq!(
            (cells[0][CELLS - 1], cells[CELLS - 1][0], cells[12][12]),
            (1, 1, 2),
            "active and pleasant are above and right"
        );
        let cloud = Cloud {
            name: "a & b",
            track: &track,
        };
        let text = circumplex("Where they lie", &[cloud; 4]);
        assert!(text.contains("4 frames, at most 2 in a cell") && text.contains("a &amp; b"));
        assert_eq!(text.matches("<circle").count(), 4);
        assert!(text.len() < 20_000);
        assert!(circumplex("None", &[]).ends_with("</svg>\n"));
    }
}
