//! Which expression was labelled, and what the model said of it.

use super::svg::{Anchor, INK, Svg, Type, mix, on, short};
use crate::labels::Expression;
use crate::metrics::Confusion;

/// A cell.
const CELL: (f64, f64) = (62.0, 34.0);
const LEFT: f64 = 104.0;
/// From the top of a matrix's part to its first row, and below its last.
const HEAD: f64 = 62.0;
const FOOT: f64 = 18.0;
const SIDE: f64 = Expression::COUNT as f64;
const WIDTH: f64 = LEFT + SIDE * CELL.0 + 14.0;

/// Matrices of confusion, one below the other, each with its name: labels downward, the model's expressions across. A
/// cell has the count of frames and its part of the row; cells are shaded by that part, so that seldom expressions are
/// seen as well as common ones.
pub fn confusion(matrices: &[(&str, &Confusion)]) -> String {
    let part = HEAD + SIDE * CELL.1 + FOOT;
    let height = (part * matrices.len() as f64).max(40.0);
    let names: Vec<&str> = matrices.iter().map(|m| m.0).collect();
    let title = format!("Confusion of expressions: {}", names.join(", "));
    let mut desc = "Rows are labelled expressions, columns those of the model.".to_owned();
    for (name, matrix) in matrices {
        let right: u64 = (0..Expression::COUNT).map(|i| matrix.counts()[i][i]).sum();
        desc += &format!(" {name}: {right} of {} frames alike.", matrix.count());
    }
    let mut svg = Svg::new(WIDTH, height, &title, &desc);
    for (i, (name, matrix)) in matrices.iter().enumerate() {
        one(&mut svg, part * i as f64, name, matrix);
    }
    svg.finish()
}

fn one(svg: &mut Svg, top: f64, name: &str, matrix: &Confusion) {
    let (x0, y0) = (LEFT, top + HEAD);
    svg.text(x0, top + 20.0, Type::TITLE, &short(name, 50));
    let caption = "labelled ↓  model →   frames, and part of the row";
    svg.text(x0, top + 36.0, Type::CAPTION, caption);
    let middle = Type::NAME.anchor(Anchor::Middle);
    for expression in Expression::ALL {
        let i = expression.index() as f64;
        let end = Type::NAME.anchor(Anchor::End);
        let y = y0 + (i + 0.5) * CELL.1 + 4.0;
        svg.text(x0 - 8.0, y, end, expression.title());
        let x = x0 + (i + 0.5) * CELL.0;
        svg.text(x, y0 - 7.0, middle, expression.title());
    }
    for (row, counts) in matrix.counts().iter().enumerate() {
        let labelled: u64 = counts.iter().sum();
        for (column, &count) in counts.iter().enumerate() {
            let (x, y) = (x0 + column as f64 * CELL.0, y0 + row as f64 * CELL.1);
            let part = match labelled {
                0 => 0.0,
                n => count as f64 / n as f64,
            };
            let fill = match count {
                0 => INK.background,
                _ => mix(INK.background, INK.accent, 0.08 + 0.92 * part),
            };
            svg.rect([x + 1.0, y + 1.0, CELL.0 - 2.0, CELL.1 - 2.0], fill);
            if count == 0 {
                continue;
            }
            let center = x + CELL.0 / 2.0;
            let word = middle.colour(on(fill));
            // Seven digits still fit.
            svg.text(center, y + 15.0, word, &count.to_string());
            svg.text(center, y + 27.0, word.size(9.5), &percent(part));
        }
        if labelled == 0 {
            let kind = Type::CAPTION.size(10.0);
            svg.text(
                x0 + 8.0,
                y0 + (row as f64 + 0.5) * CELL.1 + 4.0,
                kind,
                "never labelled",
            );
        }
    }
}

/// Whole percent; what is there at all is not 0, what is missing something is not 100.
fn percent(part: f64) -> String {
    let whole = (part * 100.0).round();
    if whole < 1.0 && part > 0.0 {
        "< 1 %".to_owned()
    } else if whole > 99.0 && part < 1.0 {
        "> 99 %".to_owned()
    } else {
        format!("{whole} %")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_and_parts_of_rows_stand_in_their_cells() {
        let mut matrix = Confusion::default();
        for (said, label, times) in [
            (Expression::Happiness, Expression::Happiness, 3),
            (Expression::Neutral, Expression::Happiness, 1),
            (Expression::Fear, Expression::Surprise, 2),
        ] {
            (0..times).for_each(|_| matrix.push(said, label));
        }
        let text = confusion(&[("rater <1>", &matrix), ("rater 2", &matrix)]);
        for word in [
            ">75 %<",
            ">25 %<",
            ">100 %<",
            "rater &lt;1&gt;",
            "3 of 6 frames alike",
        ] {
            assert!(text.contains(word), "{word}");
        }
        assert_eq!(text.matches(">never labelled<").count(), 10);
        assert_eq!(percent(0.001), "< 1 %");
        assert_eq!(percent(0.999), "> 99 %");
    }
}
