//! The model that is written is read back and run, node by node, and must say what the student says.

use std::collections::BTreeMap;
use std::io::Read as _;

use candle_core::Device;
use candle_core::Tensor as Values;
use prost::Message as _;

use super::proto::{Attribute, Model, Node, Type};
use super::{FLOAT, export};
use crate::analysis::Crop;
use crate::model::student::Student;
use crate::model::weights::Weights;

fn built_in() -> Weights {
    Weights::load(None).expect("it is built in")
}

fn decoded(weights: &Weights) -> Model {
    Model::decode(export(weights).expect("exports").as_slice()).expect("decodes")
}

/// The golden checkpoint of the paper's ResNet-50.
fn checkpoint() -> Weights {
    let packed: &[u8] = include_bytes!("../../../tests/data/abaw2021-pattern.pth.xz");
    let mut bytes = Vec::new();
    lzma_rust2::XzReader::new(packed, true)
        .read_to_end(&mut bytes)
        .expect("unpacks");
    Weights::from_bytes(&bytes, "test", "test").expect("is a checkpoint")
}

fn crops(count: usize, channels: usize) -> Vec<Crop> {
    (0..count)
        .map(|n| Crop {
            face_id: 1,
            side_px: 112,
            channels,
            pixels: (0..112 * 112 * channels)
                .map(|i| {
                    let (x, y) = (i / channels % 112, i / channels / 112);
                    ((7 * x + 13 * y + 29 * n + 51 * (i % channels) + (x * y) % 97) % 256) as u8
                })
                .collect(),
        })
        .collect()
}

fn numbers<'a>(node: &'a Node, name: &str) -> Option<&'a Attribute> {
    node.attribute.iter().find(|a| a.name == name)
}

fn ints(node: &Node, name: &str) -> Vec<usize> {
    let found = numbers(node, name).unwrap_or_else(|| panic!("{} lacks {name}", node.name));
    assert_eq!(found.r#type, super::ATTRIBUTE_INTS);
    found.ints.iter().map(|&v| v as usize).collect()
}

fn int(node: &Node, name: &str) -> i64 {
    let found = numbers(node, name).unwrap_or_else(|| panic!("{} lacks {name}", node.name));
    assert_eq!(found.r#type, super::ATTRIBUTE_INT);
    found.i.expect("an int has its value")
}

/// ONNX's max pool in ceil mode without padding, by its definition.
fn max_pool(x: &Values, kernel: usize, stride: usize) -> candle_core::Result<Values> {
    let (b, c, h, w) = x.dims4()?;
    let side = |side: usize| (side - kernel).div_ceil(stride) + 1;
    let (oh, ow) = (side(h), side(w));
    let values = x.flatten_all()?.to_vec1::<f32>()?;
    let mut out = Vec::new();
    for plane in values.chunks_exact(h * w) {
        for oy in 0..oh {
            for ox in 0..ow {
                let mut best = f32::NEG_INFINITY;
                for y in oy * stride..(oy * stride + kernel).min(h) {
                    for x in ox * stride..(ox * stride + kernel).min(w) {
                        best = best.max(plane[y * w + x]);
                    }
                }
                out.push(best);
            }
        }
    }
    Values::from_vec(out, (b, c, oh, ow), x.device())
}

/// Runs a node whose inputs are all known.
fn run(node: &Node, inputs: &[&Values]) -> candle_core::Result<Values> {
    match (node.op_type.as_str(), inputs) {
        ("Conv", [x, weight, bias]) => {
            let (_, _, kh, kw) = weight.dims4()?;
            assert_eq!(ints(node, "kernel_shape"), [kh, kw]);
            assert_eq!(
                (ints(node, "dilations"), int(node, "group")),
                (vec![1, 1], 1)
            );
            let (pads, strides) = (ints(node, "pads"), ints(node, "strides"));
            assert!(pads.len() == 4 && pads.iter().all(|&p| p == pads[0]));
            assert_eq!(strides, [strides[0]; 2]);
            x.conv2d(weight, pads[0], strides[0], 1, 1)?
                .broadcast_add(&bias.reshape((1, (), 1, 1))?)
        }
        ("MaxPool", [x]) => {
            assert_eq!(int(node, "ceil_mode"), 1);
            assert_eq!(ints(node, "pads"), [0; 4]);
            max_pool(x, ints(node, "kernel_shape")[0], ints(node, "strides")[0])
        }
        ("Relu", [x]) => x.relu(),
        ("Add", [a, b]) => a.broadcast_add(b),
        ("Mul", [a, b]) => a.broadcast_mul(b),
        ("GlobalAveragePool", [x]) => x.mean_keepdim(3)?.mean_keepdim(2),
        ("Flatten", [x]) => {
            assert_eq!(int(node, "axis"), 1);
            x.flatten_from(1)
        }
        ("Gemm", [x, weight, bias]) => {
            assert_eq!(int(node, "transB"), 1);
            x.matmul(&weight.t()?)?.broadcast_add(bias)
        }
        (op, inputs) => panic!("{}: {op} with {} inputs", node.name, inputs.len()),
    }
}

fn dims(kind: Option<&Type>) -> (Option<String>, Vec<i64>) {
    let tensor = kind
        .and_then(|t| t.tensor_type.as_ref())
        .expect("is a tensor");
    assert_eq!(tensor.elem_type, FLOAT);
    let shape = &tensor.shape.as_ref().expect("has a shape").dim;
    let fixed = shape[1..].iter().map(|d| d.dim_value.expect("is fixed"));
    (shape[0].dim_param.clone(), fixed.collect())
}

/// Runs a whole model, with every rule that a runtime checks: each name is written once, and before it is read.
fn evaluate(model: &Model, input: &Values) -> BTreeMap<String, Values> {
    let graph = model.graph.as_ref().expect("has a graph");
    let mut known = BTreeMap::from([("input".to_owned(), input.clone())]);
    let mut unread = std::collections::BTreeSet::new();
    for tensor in &graph.initializer {
        let dims: Vec<usize> = tensor.dims.iter().map(|&d| d as usize).collect();
        assert_eq!(tensor.data_type, FLOAT);
        let values: Vec<f32> = tensor
            .raw_data
            .as_chunks::<4>()
            .0
            .iter()
            .map(|b| f32::from_le_bytes(*b))
            .collect();
        let values = Values::from_vec(values, dims, &Device::Cpu).expect("fits its shape");
        assert!(known.insert(tensor.name.clone(), values).is_none());
        unread.insert(tensor.name.clone());
    }
    for node in &graph.node {
        let inputs: Vec<&Values> = node
            .input
            .iter()
            .map(|name| {
                unread.remove(name);
                known
                    .get(name)
                    .unwrap_or_else(|| panic!("{}: `{name}` is not known yet", node.name))
            })
            .collect();
        let output = run(node, &inputs).unwrap_or_else(|e| panic!("{}: {e}", node.name));
        assert_eq!(node.output.len(), 1);
        assert!(known.insert(node.output[0].clone(), output).is_none());
    }
    assert!(unread.is_empty(), "initialisers without use: {unread:?}");
    let batch = input.dims()[0];
    graph
        .output
        .iter()
        .map(|output| {
            let values = known.remove(&output.name).expect("is computed");
            let (batched, fixed) = dims(output.r#type.as_ref());
            assert_eq!(batched.as_deref(), Some("batch"));
            let wanted = std::iter::once(batch).chain(fixed.iter().map(|&d| d as usize));
            assert_eq!(values.dims(), wanted.collect::<Vec<_>>());
            (output.name.clone(), values)
        })
        .collect()
}

#[track_caller]
fn same(name: &str, got: &Values, wanted: &[f32]) {
    let got = got.flatten_all().and_then(|t| t.to_vec1::<f32>());
    let got = got.expect("are f32");
    assert_eq!(got.len(), wanted.len(), "{name}");
    for (i, (g, w)) in got.iter().zip(wanted).enumerate() {
        assert!(
            (g - w).abs() <= 1e-4 * w.abs().max(1.0),
            "{name}[{i}]: {g}, wanted {w}"
        );
    }
}

#[track_caller]
fn says_what_the_student_says(weights: &Weights, channels: usize, count: usize) {
    let student = Student::new(weights, &Device::Cpu).expect("is a student");
    let crops = crops(count, channels);
    let outputs = evaluate(
        &decoded(weights),
        &student.input(&crops).expect("are crops"),
    );
    let names: Vec<&str> = outputs.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "affect",
            "affect_feature",
            "expression",
            "expression_feature",
            "pooled"
        ]
    );
    let flat = |t: &Values| t.flatten_all().and_then(|t| t.to_vec1::<f32>());
    let pooled = student.pooled(&crops).expect("runs");
    same("pooled", &outputs["pooled"], &flat(&pooled).expect("f32"));
    let (expression, affect) = student.cnn_logits(&crops).expect("runs");
    same(
        "expression",
        &outputs["expression"],
        &flat(&expression).expect("f32"),
    );
    same("affect", &outputs["affect"], &flat(&affect).expect("f32"));
    let features = student.features(&crops).expect("runs");
    let expression: Vec<f32> = features
        .iter()
        .flat_map(|f| f.expression.to_vec())
        .collect();
    same(
        "expression_feature",
        &outputs["expression_feature"],
        &expression,
    );
    let affect: Vec<f32> = features.iter().flat_map(|f| f.affect.to_vec()).collect();
    same("affect_feature", &outputs["affect_feature"], &affect);
}

#[test]
fn the_thin_model_says_what_the_student_says() {
    says_what_the_student_says(&built_in(), 1, 3);
}

#[test]
fn the_papers_model_says_what_the_student_says() {
    says_what_the_student_says(&checkpoint(), 3, 1);
}

#[test]
fn the_model_says_how_it_is_used_and_where_it_is_from() {
    let weights = built_in();
    let model = decoded(&weights);
    assert_eq!(model.ir_version, Some(8));
    assert_eq!(model.opset_import.len(), 1);
    assert_eq!(model.opset_import[0].version, Some(17));
    let said: BTreeMap<&str, &str> = model
        .metadata_props
        .iter()
        .map(|e| (e.key.as_str(), e.value.as_str()))
        .collect();
    assert_eq!(said["weights_sha256"], weights.sha256);
    assert_eq!(
        (said["color"], said["mean"], said["scale"]),
        ("gray", "[127.5]", "64")
    );
    assert_eq!(
        said["expressions"],
        "neutral,anger,disgust,fear,happiness,sadness,surprise"
    );
    assert!(said["licence"].contains("research"), "{}", said["licence"]);
    assert!(model.doc_string.contains("recurrent heads are not in it"));
    let graph = model.graph.as_ref().expect("has a graph");
    assert_eq!(graph.input.len(), 1);
    assert_eq!(graph.input[0].name, "input");
    assert_eq!(
        dims(graph.input[0].r#type.as_ref()),
        (Some("batch".to_owned()), vec![1, 112, 112])
    );
    assert!(graph.input[0].doc_string.contains("(v - mean) / scale"));
}

#[test]
fn batch_norms_are_folded_and_no_recurrent_layer_is_written() {
    let graph = decoded(&built_in()).graph.expect("has a graph");
    for node in &graph.node {
        assert_ne!(node.op_type, "BatchNormalization", "{}", node.name);
    }
    assert!(graph.initializer.iter().all(|t| !t.name.contains("gru")));
    // 1 stem, 9 blocks of 3, 4 projections.
    let convs = graph.node.iter().filter(|n| n.op_type == "Conv").count();
    assert_eq!(convs, 1 + 9 * 3 + 4);
}

#[test]
fn what_is_no_student_is_refused() {
    let landmarks =
        Weights::from_bytes(crate::model::weights::LANDMARKS, "l", "l").expect("is safetensors");
    let error = export(&landmarks).expect_err("is no student").to_string();
    assert!(error.contains("config"), "{error}");
}
