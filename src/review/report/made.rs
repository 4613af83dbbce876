//! What the predictions were made with, from their sidecar.

use serde_json::Value;

use super::html::{Cell, Html};
use crate::review::Model;

/// Parts of a sidecar that are of no use to a reader of the report: names of columns, and what the page says anyway.
const PASSED_OVER: [&str; 5] = ["columns", "note", "program", "version", "weights"];

/// Of the weights, in this order; more may be there.
const CARD: [&str; 7] = [
    "name",
    "network",
    "origin",
    "trained_on",
    "affect_labels",
    "licence",
    "sha256",
];

/// Settings and the weights' card.
pub(super) fn with(page: &mut Html, model: &Model) {
    let Some(sidecar) = &model.sidecar else {
        page.explain(
            "The predictions have no sidecar of this program beside them, so that the weights and settings that they were \
             made with are not known.",
        );
        return;
    };
    let weights = &sidecar["weights"];
    if let Some(card) = weights.as_object() {
        let mut keys: Vec<&str> = CARD.into_iter().filter(|k| card.contains_key(*k)).collect();
        keys.extend(
            card.keys()
                .map(String::as_str)
                .filter(|k| !CARD.contains(k)),
        );
        let mut rows = Vec::new();
        for key in keys {
            list(&mut rows, key, &card[key]);
        }
        page.div("wide", |page| page.table("Weights", &[], &rows));
    }
    let mut rows = Vec::new();
    if let (Some(program), Some(version)) =
        (sidecar["program"].as_str(), sidecar["version"].as_str())
    {
        let made = format!("{program} {version}");
        rows.push(vec![Cell::text("made with"), Cell::text(made)]);
    }
    for (key, value) in sidecar.as_object().into_iter().flatten() {
        if !PASSED_OVER.contains(&key.as_str()) {
            list(&mut rows, key, value);
        }
    }
    page.div("wide", |page| page.table("Predictions", &[], &rows));
}

/// A value under its name, what is in it under both names.
fn list(rows: &mut Vec<Vec<Cell>>, name: &str, value: &Value) {
    let text = match value {
        Value::Null => return,
        Value::Object(map) => {
            for (key, value) in map {
                list(rows, &format!("{name}, {key}"), value);
            }
            return;
        }
        Value::String(text) if text.is_empty() => return,
        Value::String(text) => text.clone(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        other => other.to_string(),
    };
    let cell = if name.ends_with("sha256") {
        Cell::Code(text)
    } else {
        Cell::Text(text)
    };
    rows.push(vec![Cell::text(name.replace('_', " ")), cell]);
}
