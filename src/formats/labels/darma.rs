//! Ratings of CARMA and DARMA (Girard 2014; Girard, Wright 2018): rows on the session, a row of percent signs, then a
//! value or two for every second or part of one. CARMA rates one dimension, DARMA two: X is valence, Y is arousal.

use super::text::{self, Source, room};
use super::{Label, LabelError, LabelFormat, Labels};

/// What stands between the session's rows and the ratings.
const RULE: &str = "%%%%%%";

/// Seconds above are a mistake.
const MOST_SECONDS: f64 = 1e7;

/// Whether one of the first lines is the rule.
pub(super) fn has_rule(text: &str) -> bool {
    text.lines().take(40).any(is_rule)
}

fn is_rule(line: &str) -> bool {
    line.trim().trim_matches('"').starts_with(RULE)
}

fn fields(line: &str) -> Vec<&str> {
    line.split([',', '\t', ';'])
        .map(|field| field.trim().trim_matches('"').trim())
        .collect()
}

/// What a column of ratings is of.
#[derive(Clone, Copy, PartialEq)]
enum Dimension {
    Valence,
    Arousal,
}

impl Dimension {
    /// By a name, where it speaks of one of the two and not of both.
    fn of(name: &str) -> Option<Self> {
        let name = name.to_lowercase();
        let [valence, arousal] = ["valence", "arousal"].map(|word| name.contains(word));
        match (valence, arousal) {
            (true, false) => Some(Self::Valence),
            (false, true) => Some(Self::Arousal),
            _ => None,
        }
    }
}

/// What the session's rows say of the scale.
#[derive(Default)]
struct Scale {
    least: Option<f64>,
    most: Option<f64>,
    named: Option<Dimension>,
}

impl Scale {
    fn take(&mut self, line: &str) {
        let fields = fields(line);
        let (Some(key), value) = (fields.first(), fields.get(1).copied().unwrap_or("")) else {
            return;
        };
        let key = key.to_lowercase();
        // Whatever the rated file is called says nothing of the scale.
        if key.contains("file") {
            return;
        }
        let number = value.parse::<f64>().ok().filter(|v| v.is_finite());
        if key.contains("magnitude") {
            self.least = number.map(|v| -v.abs());
            self.most = number.map(f64::abs);
        } else if key.contains("min") {
            self.least = number;
        } else if key.contains("max") {
            self.most = number;
        }
        self.named = self.named.or_else(|| Dimension::of(line));
    }

    /// The ends of the scale; -1 and 1 where the file says nothing.
    fn ends(&self) -> (f64, f64) {
        match (self.least, self.most) {
            (Some(least), Some(most)) if least < most => (least, most),
            _ => (-1.0, 1.0),
        }
    }
}

/// Reads it. Values are brought from the file's own scale to -1..=1; a cell that is empty or `NaN` is no label.
pub(super) fn read(source: Source<'_>) -> Result<Labels, LabelError> {
    let mut lines = source.lines().peekable();
    let mut scale = Scale::default();
    let mut names: Option<(u64, Vec<&str>)> = None;
    let is_names = |line: &str| {
        fields(line)
            .first()
            .is_some_and(|f| ["second", "seconds", "time"].contains(&f.to_lowercase().as_str()))
    };
    let mut rule = 0;
    for (line, text) in lines.by_ref() {
        rule = line;
        if is_rule(text) {
            break;
        }
        // Some versions name the columns before the rule.
        if is_names(text) {
            names = Some((line, fields(text)));
        } else {
            scale.take(text);
        }
    }
    if let Some((line, text)) = lines.next_if(|(_, text)| is_names(text)) {
        names = Some((line, fields(text)));
    }
    let Some((names_line, names)) = names else {
        let reason = "the columns have no names: wanted is a row such as 'Second,X,Y' beside the row of percent signs";
        return Err(source.error(rule.max(1), "1", reason));
    };
    let ratings = &names[1..];
    let dimensions: Vec<(usize, Dimension)> = match ratings {
        [one] => {
            let Some(dimension) = Dimension::of(one).or(scale.named) else {
                let reason = format!(
                    "{} says neither valence nor arousal, and a file of CARMA does not say which it is. Name the column \
                     'valence' or 'arousal'.",
                    text::short(one)
                );
                return Err(source.error(names_line, "2", reason));
            };
            vec![(1, dimension)]
        }
        [x, y, ..] => {
            let dimension = |name: &str, letter: &str, meant| {
                Dimension::of(name).or(name.eq_ignore_ascii_case(letter).then_some(meant))
            };
            let first = dimension(x, "x", Dimension::Valence);
            let second = dimension(y, "y", Dimension::Arousal);
            let (Some(first), Some(second)) = (first, second) else {
                // The names are the rater's own; other pairs are common, affiliation and dominance for one.
                let (column, name) = if first.is_none() { ("2", x) } else { ("3", y) };
                let reason = format!(
                    "{} is none of valence, arousal, X (valence) and Y (arousal). Name the columns after what was \
                     rated; other dimensions cannot be used.",
                    text::short(name)
                );
                return Err(source.error(names_line, column, reason));
            };
            if first == second {
                let reason = "two columns of the same dimension. Name one 'valence' and the other 'arousal'.";
                return Err(source.error(names_line, "3", reason));
            }
            vec![(1, first), (2, second)]
        }
        [] => {
            let reason = "no column of ratings beside the seconds";
            return Err(source.error(names_line, "2", reason));
        }
    };
    let (least, most) = scale.ends();
    let mut series = source.series();
    for (line, text) in lines {
        if text.trim().is_empty() {
            continue;
        }
        room(&source, series.labels.len(), line)?;
        let fields = fields(text);
        let error = |field: usize, reason: String| {
            let column = match names.get(field) {
                Some(name) => format!("{} ({name})", field + 1),
                None => (field + 1).to_string(),
            };
            source.error(line, column, reason)
        };
        let second = text::number(fields[0], 0.0, MOST_SECONDS).map_err(|why| error(0, why))?;
        let mut label = Label {
            line,
            time_s: Some(second),
            ..Label::default()
        };
        for &(field, dimension) in &dimensions {
            let text = fields.get(field).copied().unwrap_or("");
            if text.is_empty() || text.eq_ignore_ascii_case("nan") {
                continue;
            }
            let value = text::number(text, least, most).map_err(|why| {
                error(
                    field,
                    format!(
                        "{why}: the scale of the file's first rows, or -1 to 1 where they give none"
                    ),
                )
            })?;
            let value = Some(if least == -most {
                // Without rounding on the way: -1 to 1 stays as it is written.
                value / most
            } else {
                (value - least) / (most - least) * 2.0 - 1.0
            });
            match dimension {
                Dimension::Valence => label.valence = value,
                Dimension::Arousal => label.arousal = value,
            }
        }
        series.labels.push(label);
    }
    Ok(Labels {
        format: LabelFormat::Darma,
        series: vec![series],
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::parse;
    use super::*;

    #[test]
    fn ratings_of_other_dimensions_are_not_taken_for_ours() {
        let darma = |x: &str, y: &str| {
            let text = format!(
                "Time of Rating,1,,\nMagnitude,100,,\nSecond,{x},{y},Button\n%%%%%%,%%%%%%,%%%%%%,%%%%%%\n1,50,-100,0\n"
            );
            parse(text.as_bytes(), Path::new("v.csv"))
        };
        for (x, y) in [("X", "Y"), ("Valence", "Arousal"), ("Valence", "Y")] {
            let label = &darma(x, y).unwrap().series[0].labels[0];
            assert_eq!((label.valence, label.arousal), (Some(0.5), Some(-1.0)));
        }
        let turned = &darma("Arousal", "Valence").unwrap().series[0].labels[0];
        assert_eq!((turned.valence, turned.arousal), (Some(-1.0), Some(0.5)));
        for (x, y, wanted) in [
            ("Affiliation", "Dominance", "2"),
            ("Arousal", "Dominance", "3"),
            ("Arousal", "Y", "3"),
        ] {
            assert!(
                matches!(darma(x, y), Err(LabelError::Value { line: 3, column, .. }) if column == wanted),
                "{x}, {y}"
            );
        }
    }
}
