//! `affectscope info`: the card of a weights file.

mod landmarks;

use std::fmt::Write as _;

use super::{Failure, print};
use crate::cli::InfoArgs;
use crate::model::config::Color;
use crate::model::points::PointsConfig;
use crate::model::student::Student;
use crate::model::weights::Weights;
use crate::session::WeightsCard;

/// Longer values are cut.
const LONGEST_LINE: usize = 2000;

/// Prints the card.
///
/// # Errors
/// When the file cannot be read, or is neither a student nor a landmark network.
pub fn run(args: &InfoArgs) -> Result<(), Failure> {
    let weights = Weights::load(args.weights.as_deref())?;
    if let Ok(config) = PointsConfig::parse(&weights.config) {
        print(&landmarks::card(&weights, &config, args.markdown))?;
        return Ok(());
    }
    let student = Student::new(&weights, &candle_core::Device::Cpu)?;
    let (card, config) = (student.card(), student.config());
    if args.markdown {
        print(&markdown(card, student.sha256()))?;
        return Ok(());
    }
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<14} {}", clean(value));
    };
    line("weights", &format!("{} ({})", card.name, card.origin));
    line("sha256", student.sha256());
    line("network", &card.network);
    line(
        "backbone",
        &format!(
            "stem {}, widths {:?}, blocks {:?}, features {}",
            config.backbone.stem,
            config.backbone.widths,
            config.backbone.blocks,
            config.backbone.pooled()
        ),
    );
    line(
        "input",
        &format!(
            "{} {}x{}, (v - {:?}) / {}",
            match config.backbone.color {
                Color::Gray => "grey",
                Color::Rgb => "RGB",
            },
            config.backbone.input[2],
            config.backbone.input[1],
            config.backbone.means(),
            config.backbone.scale
        ),
    );
    if let Some(side) = config.resize {
        line(
            "crop",
            &format!(
                "enlarged to {side}x{side}, its centre of {w}x{w} cut out",
                w = config.backbone.input[2]
            ),
        );
    }
    match student.window() {
        Some((window, rate_hz)) => line("window", &format!("{window} frames at {rate_hz} Hz")),
        None => line("window", "none: each frame by itself"),
    }
    if weights.checkpoint {
        line(
            "config",
            "a PyTorch checkpoint has none: sizes from its tensors; RGB, means, crop and window as in the reference code",
        );
    }
    if !config.origin.is_empty() {
        line("origin", &config.origin);
    }
    line("trained on", or_unknown(&card.trained_on));
    line("affect labels", or_unknown(&card.affect_labels));
    line("licence", or_unknown(&card.licence));
    match &config.int8 {
        Some(int8) => line("8 bits", &format!("--precision int8; {}", int8.measured)),
        None => line("8 bits", "not calibrated (affectscope quantize)"),
    }
    if card.scores.is_empty() {
        line("scores", "none in the file");
    }
    for (what, score) in &card.scores {
        line("score", &format!("{what}: {score}"));
    }
    for (what, spot) in &card.weak_spots {
        line("weak spot", &format!("{what}: {spot}"));
    }
    line(
        "to know",
        "it shows what a face expresses to a trained network, not what a person feels",
    );
    print(&text)?;
    Ok(())
}

/// The card as tables.
fn markdown(card: &WeightsCard, sha256: &str) -> String {
    let mut text = "| | |\n|---|---|\n".to_owned();
    for (name, value) in [
        ("network", &*card.network),
        ("input", &*card.input),
        ("trained on", or_unknown(&card.trained_on)),
        ("valence and arousal", or_unknown(&card.affect_labels)),
        ("licence", or_unknown(&card.licence)),
        ("SHA-256", sha256),
    ] {
        let _ = writeln!(text, "| {name} | {} |", cell(value));
    }
    for (title, pairs) in [
        ("measured", &card.scores),
        ("where it is weak", &card.weak_spots),
    ] {
        if pairs.is_empty() {
            continue;
        }
        let _ = write!(text, "\n| {title} | |\n|---|---|\n");
        for (what, said) in pairs {
            let _ = writeln!(text, "| {} | {} |", cell(what), cell(said));
        }
    }
    text
}

/// Whatever a file says of itself, it gets a line, and no way to the terminal's controls.
fn clean(text: &str) -> String {
    let clean = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    clean.take(LONGEST_LINE).collect()
}

/// A cell of a Markdown table.
fn cell(text: &str) -> String {
    text.replace(char::is_control, " ").replace('|', "\\|")
}

fn or_unknown(text: &str) -> &str {
    if text.is_empty() {
        "not said in the file"
    } else {
        text
    }
}
