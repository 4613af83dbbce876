//! What weights say of themselves.

use std::collections::BTreeMap;

use super::config::StudentConfig;
use super::weights::Weights;
use crate::session::WeightsCard;

/// What weights of this config say of themselves.
pub(super) fn card(weights: &Weights, config: &StudentConfig) -> WeightsCard {
    let kind = match &config.temporal {
        Some(t) => format!("CNN-GRU, window {}", t.window),
        None => "CNN".to_owned(),
    };
    let [c, h, w] = config.backbone.input;
    let color = if c == 1 { "grey" } else { "RGB" };
    WeightsCard {
        name: weights.name.clone(),
        origin: weights.origin.clone(),
        hash: weights.sha256.chars().take(12).collect(),
        network: format!(
            "{kind}, {color} {w}x{h}, {:.1} M weights",
            weights.count() as f64 / 1e6
        ),
        input: match &config.temporal {
            Some(t) => format!("{color} {w}×{h}, window {}", t.window),
            None => format!("{color} {w}×{h}, no window"),
        },
        trained_on: config.trained_on.clone(),
        affect_labels: config.affect_labels.clone(),
        licence: config.licence.clone(),
        scores: pairs(&config.scores),
        weak_spots: pairs(&config.weak_spots),
    }
}

fn pairs(said: &BTreeMap<String, String>) -> Vec<(String, String)> {
    said.iter().map(|(a, b)| (a.clone(), b.clone())).collect()
}
