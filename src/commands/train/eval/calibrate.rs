//! `train eval --calibrate`: weights whose probabilities mean what they say.

use std::path::Path;

use serde_json::{Map, Value, json};

use super::{Data, name};
use crate::cli::train::EvalArgs;
use crate::commands::{Failure, say};
use crate::formats::output::write_whole;
use crate::model::calibration::{Calibration, Offsets, Temperatures};
use crate::model::weights::Weights;
use crate::train::eval::{self, Answer, Fit};

/// Writes the weights with a calibration that fits these answers, and with the scores that they then have. `before`: the
/// scores of the weights as they are.
pub(super) fn calibrate(
    args: &EvalArgs,
    file: &Path,
    data: &Data,
    own: [&Calibration; 2],
    before: &Map<String, Value>,
) -> Result<(), Failure> {
    let what = if args.offsets {
        Fit::All
    } else {
        Fit::Temperatures
    };
    let every: Vec<&Answer> = data.answers.iter().collect();
    let new = [false, true].map(|window| {
        let mut fitted = eval::fit(&every, window, own[usize::from(window)], what);
        let within = |values: &mut [f32], least, most| {
            values.iter_mut().for_each(|v| *v = v.clamp(least, most));
        };
        within(&mut fitted.temperatures, 0.05, 20.0);
        within(&mut fitted.offsets, -20.0, 20.0);
        fitted
    });
    let [alone, window] = new;
    let temperatures = Temperatures {
        expression: alone.temperatures[0],
        valence: alone.temperatures[1],
        arousal: alone.temperatures[2],
        temporal_expression: window.temperatures[0],
        temporal_valence: window.temperatures[1],
        temporal_arousal: window.temperatures[2],
    };
    let offsets = Offsets {
        expression: alone.offsets,
        temporal_expression: window.offsets,
    };
    // The same answers, as the new weights give them.
    let changes = [own[0].to(&alone), own[1].to(&window)];
    let softened: Vec<Answer> = data
        .answers
        .iter()
        .map(|answer| answer.changed(changes.each_ref()))
        .collect();
    let mut report = eval::report(&softened, new.each_ref(), data.training.as_ref());
    // They are fitted on the faces that they are scored on: how they do on others stands beside it.
    for (temporal, own) in [false, true].into_iter().zip(own) {
        let side = match report.get_mut("window") {
            Some(window) if temporal => window.as_object_mut(),
            None if temporal => None,
            _ => Some(&mut report),
        };
        if let Some(side) = side {
            let scores =
                (what == Fit::All).then(|| eval::cross_fitted(&data.answers, temporal, own));
            if let Some(scores) = scores.flatten().map(|scores| scores.expression) {
                side["calibration"]["expression"]["cross_fitted"] =
                    json!({"accuracy": scores.accuracy(), "macro_f1": scores.macro_f1()});
            }
        }
    }
    let weights = Weights::load(args.network.weights.as_deref())?;
    let wrong = |e: serde_json::Error| Failure::broken(e.to_string());
    let mut config: Map<String, Value> = serde_json::from_str(&weights.config).map_err(wrong)?;
    config.insert(
        "temperatures".to_owned(),
        serde_json::to_value(temperatures).map_err(wrong)?,
    );
    config.remove("offsets");
    if offsets != Offsets::default() {
        let offsets = serde_json::to_value(offsets).map_err(wrong)?;
        config.insert("offsets".to_owned(), offsets);
    }
    for (key, said) in eval::sentences(&name(args), &report).json() {
        let entry = config.entry(key).or_insert_with(|| json!({}));
        if let (Some(known), Value::Object(said)) = (entry.as_object_mut(), said) {
            // What was said of it before is said anew; with other offsets, what was said of other faces no longer holds.
            let moved = own[0].offsets != alone.offsets || own[1].offsets != window.offsets;
            known.retain(|what, _| !moved && !what.starts_with(&format!("{} (", name(args))));
            known.extend(said);
        }
    }
    write_whole(
        file,
        &weights.to_safetensors(&Value::Object(config).to_string())?,
        args.force,
    )?;
    let value = |report: &Map<String, Value>, temporal: bool, what: &str| {
        let side = match temporal {
            false => report.get("calibration"),
            true => report.get("window").map(|window| &window["calibration"]),
        };
        side.and_then(|side| side["expression"][what].as_f64())
    };
    for (temporal, name) in [(false, "CNN"), (true, "CNN-GRU")] {
        let of = |what: &str| {
            Some((
                value(before, temporal, what)?,
                value(&report, temporal, what)?,
            ))
        };
        if let (Some((ece, new_ece)), Some((nll, new_nll))) = (of("ece"), of("nll")) {
            say(&format!(
                "{name}, expressions: calibration error {:.2} -> {:.2} %, log loss (which is what is fitted) {nll:.4} -> {new_nll:.4}",
                100.0 * ece,
                100.0 * new_ece
            ));
        }
    }
    say(&format!(
        "{} -> {}; the scores shown are those from before",
        weights.name,
        file.display()
    ));
    Ok(())
}
