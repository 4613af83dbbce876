//! The card of a landmark network.

use std::fmt::Write as _;

use super::{cell, clean, or_unknown};
use crate::model::points::{PointsConfig, SIDE_PX};
use crate::model::weights::Weights;

/// Its lines, as text or as Markdown.
pub fn card(weights: &Weights, config: &PointsConfig, markdown: bool) -> String {
    let layers: Vec<String> = config
        .layers
        .iter()
        .map(|layer| match layer.step {
            1 => layer.channels.to_string(),
            step => format!("{} (step {step})", layer.channels),
        })
        .collect();
    let network = format!(
        "3x3 layers of {}, {} hidden units, {:.2} M weights, {:.1} M multiply-adds a look",
        layers.join(", "),
        config.hidden,
        weights.count() as f64 / 1e6,
        config.multiply_adds() as f64 / 1e6
    );
    let says = if config.face_score {
        "five points, and how likely it is a face"
    } else {
        "five points"
    };
    let input = format!("grey {SIDE_PX}x{SIDE_PX}, a square of 1.2 times the detector's box");
    let mut text = String::new();
    if markdown {
        text.push_str("| | |\n|---|---|\n");
    }
    let mut line = |name: &str, value: &str| {
        let _ = if markdown {
            writeln!(text, "| {} | {} |", cell(name), cell(value))
        } else {
            writeln!(text, "{name:<14} {}", clean(value))
        };
    };
    if !markdown {
        line("weights", &format!("{} ({})", weights.name, weights.origin));
    }
    line("network", &network);
    line("input", &input);
    line("says", says);
    line("origin", or_unknown(&config.origin));
    line("trained on", or_unknown(&config.trained_on));
    line("licence", or_unknown(&config.licence));
    line(if markdown { "SHA-256" } else { "sha256" }, &weights.sha256);
    if config.scores.is_empty() {
        line("scores", "none in the file");
    } else if markdown {
        text.push_str("\n| measured | |\n|---|---|\n");
        for (what, score) in &config.scores {
            let _ = writeln!(text, "| {} | {} |", cell(what), cell(score));
        }
    } else {
        for (what, score) in &config.scores {
            line("score", &format!("{what}: {score}"));
        }
    }
    text
}
