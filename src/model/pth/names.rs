//! The reference code's names for the tensors of its student, and the config that their shapes imply.

use std::collections::BTreeMap;

use candle_core::Tensor;
use serde_json::{Value, json};

use super::super::config::{AFFECT_BINS, CROP_SIDE_PX, StudentConfig};
use super::super::weights::faults;
use crate::labels::Expression;

/// FER+'s mean of each channel, R G B (the published FER+ ResNet-50; the reference subtracts them and divides by nothing).
const FERPLUS_MEAN: [f64; 3] = [131.0912, 103.8827, 91.4953];
/// The reference resizes a crop to this side before it cuts the centre out.
const RESIZE_PX: usize = 134;
/// Frames in a window, as the reference trains and tests.
const WINDOW: usize = 32;

/// A state dict under our own names, with the config that it implies.
pub(in super::super) struct Renamed {
    /// JSON, as in the metadata of a safetensors file.
    pub config: String,
    /// By our names.
    pub tensors: BTreeMap<String, Tensor>,
}

/// Takes the reference's student, CNN-GRU or CNN alone, and gives it our names.
///
/// `Err` says, as sentences, which tensors are missing, surplus or of a wrong shape.
pub(in super::super) fn student(mut tensors: BTreeMap<String, Tensor>) -> Result<Renamed, String> {
    let temporal = tensors
        .keys()
        .any(|name| name.starts_with("backbone.backbone.model."));
    if !temporal
        && !tensors
            .keys()
            .any(|name| name.starts_with("backbone.model."))
    {
        let first: Vec<&str> = tensors.keys().map(String::as_str).take(3).collect();
        return Err(format!(
            "its tensors ({} of them: `{}`, ...) are not those of the paper's student, whose names begin with \
             `backbone.backbone.model.` (CNN-GRU) or `backbone.model.` (CNN).",
            tensors.len(),
            first.join("`, `")
        ));
    }
    let config = implied(&tensors, temporal)?;
    let text = config.to_string();
    let parsed = StudentConfig::parse(&text)
        .map_err(|e| format!("its tensors have shapes that fit no student ({e})."))?;

    let (mut missing, mut wrong) = (Vec::new(), Vec::new());
    let mut renamed = BTreeMap::new();
    for (ours, shape) in parsed.tensors() {
        let theirs = reference_name(&ours, temporal);
        match tensors.remove(&theirs) {
            None => missing.push(format!("`{theirs}`")),
            Some(tensor) if tensor.dims() != shape => {
                wrong.push(format!("`{theirs}` is {:?}, not {shape:?}", tensor.dims()));
            }
            Some(tensor) => {
                renamed.insert(ours, tensor);
            }
        }
    }
    // Counters are whole numbers as a rule and not even read; some are saved as floats.
    let surplus: Vec<String> = tensors
        .keys()
        .filter(|name| !name.ends_with(".num_batches_tracked"))
        .map(|name| format!("`{name}`"))
        .collect();
    faults(&missing, &surplus, &wrong)?;
    Ok(Renamed {
        config: text,
        tensors: renamed,
    })
}

/// The config that the shapes imply. Colour, mean and window are in no tensor: they are the reference's.
fn implied(tensors: &BTreeMap<String, Tensor>, temporal: bool) -> Result<Value, String> {
    let outer = if temporal { "backbone." } else { "" };
    let dims = |name: &str, rank: usize| {
        let tensor = tensors
            .get(name)
            .ok_or_else(|| format!("the tensor `{name}` is missing."))?;
        match tensor.dims() {
            dims if dims.len() == rank => Ok(dims.to_vec()),
            dims => Err(format!(
                "the tensor `{name}` is {dims:?}; {rank} dimensions are wanted."
            )),
        }
    };
    let conv = |name: &str| dims(&format!("{outer}backbone.model.{name}.weight"), 4);
    let stem = conv("conv1_7x7_s2")?;
    if stem[1] != 3 {
        return Err(format!(
            "its input has {} channels; the paper's student takes 3 (RGB).",
            stem[1]
        ));
    }
    let mut widths = Vec::new();
    let mut blocks = Vec::new();
    for stage in 2..=5 {
        widths.push(conv(&format!("conv{stage}_1_1x1_reduce"))?[0]);
        // Counted from 1, by any of a block's tensors, so that one that is missing is called missing.
        let start = format!("{outer}backbone.model.conv{stage}_");
        let last = tensors
            .keys()
            .filter_map(|name| name.strip_prefix(&start)?.split('_').next()?.parse().ok())
            .filter(|block: &usize| *block <= 64)
            .max();
        blocks.push(last.unwrap_or(0));
    }
    let wide = conv("conv2_1_1x1_increase")?[0];
    let hidden = dims(&format!("{outer}classifier.0.fc_0.weight"), 2)?[0];
    let mut config = json!({
        "kind": "student",
        "backbone": {
            "input": [3, CROP_SIDE_PX, CROP_SIDE_PX],
            "color": "rgb",
            "mean": FERPLUS_MEAN,
            "scale": 1.0,
            "stem": stem[0],
            "widths": widths,
            "blocks": blocks,
            "expansion": wide / widths[0].max(1),
        },
        "resize": RESIZE_PX,
        "heads": {
            "hidden": hidden,
            "expression": Expression::COUNT,
            "affect": 2 * AFFECT_BINS,
        },
    });
    if temporal {
        let units = dims("classifier.0.GRU_layer.weight_hh_l0", 2)?[1];
        config["temporal"] = json!({
            "cell": "gru",
            "hidden": units,
            "bidirectional": true,
            "window": WINDOW,
            "rate_hz": 30.0,
        });
    }
    Ok(config)
}

/// The reference's name for one of our tensors.
fn reference_name(ours: &str, temporal: bool) -> String {
    let outer = if temporal { "backbone." } else { "" };
    let parts: Vec<&str> = ours.split('.').collect();
    let task = |name: &str| u8::from(name == "affect");
    match parts.as_slice() {
        ["backbone", "stem", rest @ ..] => {
            format!("{outer}backbone.model.conv1_7x7_s2{}", layer(rest))
        }
        ["backbone", "stages", stage, block, part, rest @ ..] => {
            let number = |text: &str, add: usize| text.parse::<usize>().unwrap_or(0) + add;
            let part = match *part {
                "reduce" => "1x1_reduce",
                "spatial" => "3x3",
                "expand" => "1x1_increase",
                _ => "1x1_proj",
            };
            format!(
                "{outer}backbone.model.conv{}_{}_{part}{}",
                number(stage, 2),
                number(block, 1),
                layer(rest)
            )
        }
        ["heads", name, part, field] => {
            let part = match *part {
                "fc0" => "fc_0",
                "fc1" => "fc_1",
                other => other,
            };
            format!("{outer}classifier.{}.{part}.{field}", task(name))
        }
        ["temporal", name, "gru", field] => {
            // weight_ih -> weight_ih_l0, weight_ih_reverse -> weight_ih_l0_reverse
            let field = match field.strip_suffix("_reverse") {
                Some(field) => format!("{field}_l0_reverse"),
                None => format!("{field}_l0"),
            };
            format!("classifier.{}.GRU_layer.{field}", task(name))
        }
        ["temporal", name, "fc", field] => format!("classifier.{}.fc_1.{field}", task(name)),
        _ => ours.to_owned(),
    }
}

/// `conv.weight` -> `.weight`, `bn.bias` -> `_bn.bias`
fn layer(parts: &[&str]) -> String {
    match parts {
        ["conv", field] => format!(".{field}"),
        ["bn", field] => format!("_bn.{field}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_reference() {
        for (ours, theirs) in [
            (
                "backbone.stem.conv.weight",
                "backbone.backbone.model.conv1_7x7_s2.weight",
            ),
            (
                "backbone.stages.0.0.project.bn.running_var",
                "backbone.backbone.model.conv2_1_1x1_proj_bn.running_var",
            ),
            (
                "backbone.stages.3.2.spatial.conv.weight",
                "backbone.backbone.model.conv5_3_3x3.weight",
            ),
            ("heads.affect.fc0.bias", "backbone.classifier.1.fc_0.bias"),
            (
                "temporal.expression.gru.weight_hh_reverse",
                "classifier.0.GRU_layer.weight_hh_l0_reverse",
            ),
            ("temporal.affect.fc.weight", "classifier.1.fc_1.weight"),
        ] {
            assert_eq!(reference_name(ours, true), theirs);
        }
        assert_eq!(
            reference_name("heads.expression.fc1.weight", false),
            "classifier.0.fc_1.weight"
        );
    }
}
