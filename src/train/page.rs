//! A run's curves as one HTML page that needs nothing beside it.

use std::fmt::Write as _;

use serde_json::Value;

/// Size of a drawing.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 220.0;
/// Room for the scales.
const LEFT: f64 = 52.0;
const BOTTOM: f64 = 24.0;

/// What tells curves apart.
const COLOURS: [&str; 6] = [
    "#3987e5", "#d95926", "#199e70", "#9085e9", "#c98500", "#c2487f",
];

/// A line of a drawing.
struct Curve {
    name: String,
    colour: &'static str,
    points: Vec<(f64, f64)>,
}

/// The page of a run's phases, from the lines of their logs: `(name, lines)`.
pub fn page(title: &str, phases: &[(&str, Vec<Value>)]) -> String {
    let mut text = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title>\n<style>\
         :root{{color-scheme:light dark}}body{{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem}}\
         h1{{font-size:1.3rem}}h2{{font-size:1.1rem;margin-top:2rem}}svg{{width:100%;height:auto;display:block;margin:.5rem 0}}\
         text{{fill:currentColor;font:12px system-ui,sans-serif}}.grid{{stroke:currentColor;opacity:.15}}\
         table{{border-collapse:collapse;font-variant-numeric:tabular-nums}}td,th{{padding:.15rem .8rem;text-align:right}}\
         .best{{font-weight:700}}</style></head>\n<body><h1>{title}</h1>\n",
        title = escape(title)
    );
    for (name, lines) in phases.iter().filter(|(_, lines)| !lines.is_empty()) {
        let _ = writeln!(text, "<h2>{}</h2>", escape(name));
        phase(&mut text, lines);
    }
    text.push_str("</body></html>\n");
    text
}

fn phase(text: &mut String, lines: &[Value]) {
    let number = |line: &Value, key: &str| line.get(key).and_then(Value::as_f64);
    let at = |line: &Value| {
        let epoch = number(line, "epoch")?;
        Some(match (number(line, "step"), number(line, "steps")) {
            (Some(step), Some(steps)) => epoch - 1.0 + step / steps,
            _ => epoch,
        })
    };
    let series = |key: &str, steps: bool| -> Vec<(f64, f64)> {
        lines
            .iter()
            .filter(|line| line.get("step").is_some() == steps)
            .filter_map(|line| at(line).zip(number(line, key)))
            .collect()
    };
    // What is not drawn: where a line stands, not what it says.
    let drawn = |steps: bool| {
        let mut keys: Vec<&str> = Vec::new();
        let lines = lines.iter().filter(|l| l.get("step").is_some() == steps);
        for (key, value) in lines.filter_map(Value::as_object).flatten() {
            let is_place = ["epoch", "step", "steps", "rate", "score"].contains(&&**key);
            if value.is_number() && !is_place && !keys.contains(&&**key) {
                keys.push(key);
            }
        }
        keys
    };
    let curve = |colour, key: &str, steps| Curve {
        name: written(key),
        colour,
        points: series(key, steps),
    };
    let curves = |keys: &[&str], steps| -> Vec<Curve> {
        let colours = COLOURS.into_iter().cycle();
        keys.iter()
            .zip(colours)
            .map(|(key, colour)| match *key {
                "loss" => curve("#888", "loss", steps),
                key => curve(colour, key, steps),
            })
            .collect()
    };
    let scores = drawn(false);
    draw(
        text,
        "Loss of the training batches over epochs",
        &curves(&drawn(true), true),
    );
    // Errors fall and the others rise: they share no scale.
    let (errors, others): (Vec<&str>, Vec<&str>) =
        scores.iter().partition(|key| key.starts_with("error"));
    draw(
        text,
        "Scores of the validation split over epochs",
        &curves(&others, false),
    );
    draw(
        text,
        "Errors on the validation split over epochs",
        &curves(&errors, false),
    );
    draw(
        text,
        "Learning rate over epochs",
        &[curve("#888", "rate", true)],
    );
    text.push_str("<table><tr><th>epoch</th>");
    for key in scores.iter().chain(&["score"]) {
        let _ = write!(text, "<th>{}</th>", escape(&written(key)));
    }
    text.push_str("</tr>\n");
    let best = series("score", false)
        .into_iter()
        .max_by(|a, b| a.1.total_cmp(&b.1));
    for line in lines.iter().filter(|line| line.get("score").is_some()) {
        let epoch = number(line, "epoch").unwrap_or(0.0);
        let mark = if best.is_some_and(|(at, _)| at == epoch) {
            " class=\"best\""
        } else {
            ""
        };
        let _ = write!(text, "<tr{mark}><td>{epoch}</td>");
        for key in scores.iter().chain(&["score"]) {
            let value = number(line, key).map_or("-".to_owned(), |v| format!("{v:.4}"));
            let _ = write!(text, "<td>{value}</td>");
        }
        text.push_str("</tr>\n");
    }
    text.push_str("</table>\n");
}

/// Curves over one pair of scales.
fn draw(text: &mut String, title: &str, curves: &[Curve]) {
    let curves: Vec<&Curve> = curves
        .iter()
        .filter(|c| c.points.iter().any(|p| p.1 != 0.0))
        .collect();
    let all = || curves.iter().flat_map(|c| &c.points);
    if all().count() < 2 {
        return;
    }
    let range = |values: &mut dyn Iterator<Item = f64>| {
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| {
            (low.min(v), high.max(v))
        })
    };
    let (x0, x1) = range(&mut all().map(|p| p.0));
    let (y0, y1) = range(&mut all().map(|p| p.1));
    // What stays the same is drawn in the middle.
    let (y0, y1) = match y1 > y0 {
        true => (y0, y1),
        false => (y0 - 0.1 * y0.abs(), y0 + 0.1 * y0.abs()),
    };
    let (x_span, y_span) = ((x1 - x0).max(1e-9), y1 - y0);
    let x = |v: f64| LEFT + (v - x0) / x_span * (WIDTH - LEFT - 8.0);
    let y = |v: f64| 8.0 + (y1 - v) / y_span * (HEIGHT - BOTTOM - 8.0);
    let _ = writeln!(
        text,
        "<figure><figcaption>{title}</figcaption><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">"
    );
    for part in 0..=4 {
        let value = y0 + y_span * f64::from(part) / 4.0;
        let _ = writeln!(
            text,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{0:.1}\" y2=\"{0:.1}\"/><text x=\"{1}\" y=\"{2:.1}\" text-anchor=\"end\">{3}</text>",
            y(value),
            LEFT - 6.0,
            y(value) + 4.0,
            short(value)
        );
        let value = x0 + x_span * f64::from(part) / 4.0;
        let _ = writeln!(
            text,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            x(value).min(WIDTH - 16.0),
            HEIGHT - 6.0,
            short(value)
        );
    }
    for curve in &curves {
        let points: Vec<String> = curve
            .points
            .iter()
            .map(|p| format!("{:.1},{:.1}", x(p.0), y(p.1)))
            .collect();
        let _ = writeln!(
            text,
            "<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"1.6\" points=\"{}\"><title>{}</title></polyline>",
            curve.colour,
            points.join(" "),
            escape(&curve.name)
        );
    }
    text.push_str("</svg><p>");
    for curve in &curves {
        let _ = write!(
            text,
            "<span style=\"color:{}\">&#9632;</span> {} &nbsp; ",
            curve.colour,
            escape(&curve.name)
        );
    }
    text.push_str("</p></figure>\n");
}

/// A key of the log as a reader has it.
fn written(key: &str) -> String {
    let words: Vec<&str> = key
        .split('_')
        .map(|word| match word {
            "f1" => "F1",
            "ccc" => "CCC",
            "auc" => "AUC",
            "loss" => "all",
            word => word,
        })
        .collect();
    words.join(" ")
}

/// Four digits that count.
fn short(value: f64) -> String {
    match value.abs() {
        0.0 => "0".to_owned(),
        v if v < 1e-2 => format!("{value:.1e}"),
        v if v < 1.0 => format!("{value:.3}"),
        v if v < 100.0 => format!("{value:.2}"),
        v if v < 1e5 => format!("{value:.0}"),
        _ => format!("{value:.1e}"),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_page_has_every_curve_and_the_best_epoch() {
        let lines = vec![
            json!({"epoch": 1, "step": 10, "steps": 20, "loss": 2.0, "expression": 1.5, "rate": 1e-3}),
            json!({"epoch": 1, "step": 20, "steps": 20, "loss": 1.0, "expression": 0.7, "rate": 9e-4}),
            json!({"epoch": 1, "score": 0.5, "accuracy": 0.4, "macro_f1": 0.3}),
            json!({"epoch": 2, "score": 0.6, "accuracy": 0.5, "macro_f1": 0.4}),
        ];
        let text = page(
            "A <run>",
            &[("student-cnn", lines), ("student-gru", Vec::new())],
        );
        assert!(text.contains("A &lt;run&gt;") && !text.contains("student-gru"));
        assert_eq!(text.matches("<polyline").count(), 5);
        assert!(text.contains("<tr class=\"best\"><td>2</td>"));
        assert!(!text.contains("http"));
    }

    #[test]
    fn a_curve_that_stays_the_same_lies_in_the_middle_of_its_drawing() {
        let lines = [0.25, 0.5, 0.75, 1.0].map(
            |part| json!({"epoch": 1, "step": 4.0 * part, "steps": 4, "loss": 3e16, "rate": 1e-3}),
        );
        let text = page("A run", &[("student-cnn", lines.to_vec())]);
        assert!(text.contains("3.0e16"), "{text}");
        let heights = text.split("<line class=\"grid\"").skip(1).map(|line| {
            let (_, rest) = line.split_once("y1=\"").unwrap_or_default();
            let (height, _) = rest.split_once('"').unwrap_or_default();
            height.parse::<f64>().unwrap_or(f64::NAN)
        });
        let heights: Vec<f64> = heights.collect();
        assert!(heights.len() >= 10, "two drawings");
        let inside = |h: &f64| (0.0..=HEIGHT).contains(h);
        assert!(heights.iter().all(inside), "{heights:?}");
    }
}
