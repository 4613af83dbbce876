//! Aligned lines for a terminal.

use std::fmt::Write as _;

use super::contest::Quartiles;

/// Rows of a name, a median and quartiles.
pub(super) struct Table {
    head: String,
    rows: Vec<(String, Quartiles)>,
}

impl Table {
    /// An empty one whose figures are of this kind.
    pub fn new(head: &str) -> Self {
        Self {
            head: head.to_owned(),
            rows: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn row(&mut self, name: &str, time: &Quartiles) {
        self.rows.push((name.to_owned(), *time));
    }

    /// The lines, each ending with a newline.
    pub fn text(&self) -> String {
        let longest = self.rows.iter().map(|(name, _)| name.chars().count());
        let width = longest
            .chain([self.head.chars().count()])
            .max()
            .unwrap_or(0);
        let mut text = format!(
            "  {:<width$}  {:>9}  {:>9}  {:>9}\n",
            self.head, "median", "25 %", "75 %"
        );
        for (name, q) in &self.rows {
            let _ = writeln!(
                text,
                "  {name:<width$}  {:>9}  {:>9}  {:>9}",
                digits(q.median_ms),
                digits(q.quartile1_ms),
                digits(q.quartile3_ms)
            );
        }
        text
    }
}

/// Three places after the point, four where a figure is small.
fn digits(ms: f64) -> String {
    if ms < 0.1 {
        format!("{ms:.4}")
    } else {
        format!("{ms:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_under_each_other() {
        let mut table = Table::new("ms");
        let time = |ms: f64| Quartiles {
            median_ms: ms,
            quartile1_ms: ms / 2.0,
            quartile3_ms: ms * 2.0,
        };
        table.row("a long name", &time(12.5));
        table.row("b", &time(0.05));
        let text = table.text();
        let widths: Vec<usize> = text.lines().map(str::len).collect();
        assert_eq!(widths, [widths[0]; 3], "{text}");
        assert!(text.contains("12.500") && text.contains("0.0500"));
    }
}
