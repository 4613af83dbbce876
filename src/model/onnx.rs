//! A student's backbone and heads as an ONNX model, so that other runtimes can run the same weights.
//!
//! The graph is what the program itself computes: batch norms folded into the layers beside them, so that a runtime
//! that is timed against this one has no more to do. The recurrent heads are not in it: they read windows that this
//! program makes, and take less than a millisecond.

mod proto;
#[cfg(test)]
mod tests;

use prost::Message as _;

use self::proto::{
    ATTRIBUTE_INT, ATTRIBUTE_INTS, Attribute, Dimension, Entry, FLOAT, Graph, Model, Node, Opset,
    Shape, Tensor, TensorType, Type, Value,
};
use super::backbone::Layers;
use super::card::card;
use super::config::{Color, StudentConfig};
use super::conv::Conv;
use super::heads::HeadWeights;
use super::weights::{Weights, WeightsError};
use crate::labels::Expression;

/// ONNX operators of 2021: every runtime since reads them.
const OPSET: i64 = 17;
/// The file format's version that came with it.
const IR_VERSION: i64 = 8;
/// Protobuf's own limit on a message.
const LARGEST_MESSAGE_BYTES: usize = i32::MAX as usize;

/// The bytes of an ONNX model (opset 17, f32) of the backbone and both heads.
///
/// Input: `input [batch, channels, 112, 112]`, already normalised: `(v - mean) / scale` of pixel values `v` 0..=255, in
/// the order of the channels. Outputs: `pooled [batch, pooled]`; for each of the two heads the feature that the
/// recurrent heads read, `expression_feature` and `affect_feature [batch, hidden]`, and the CNN's own logits,
/// `expression [batch, 7]` and `affect [batch, 40]` (20 valence bins, then 20 arousal bins). Means, scale, colour order,
/// class order, the weights' SHA-256 and their licence are in the model's metadata.
///
/// # Errors
/// When the config or a tensor is wrong, or the network is larger than an ONNX file may be (2 GiB).
pub fn export(weights: &Weights) -> Result<Vec<u8>, WeightsError> {
    let config = StudentConfig::parse(&weights.config).map_err(|e| weights.wrong(e + "."))?;
    weights.check(&config)?;
    let model = model(weights, &config)?;
    let length = model.encoded_len();
    if length > LARGEST_MESSAGE_BYTES {
        return Err(weights.wrong(format!(
            "as ONNX they would take {length} bytes; a file of it holds {LARGEST_MESSAGE_BYTES} at most."
        )));
    }
    Ok(model.encode_to_vec())
}

fn model(weights: &Weights, config: &StudentConfig) -> Result<Model, WeightsError> {
    let [channels, height, width] = config.backbone.input;
    let (pooled, hidden) = (config.backbone.pooled(), config.heads.hidden);
    let mut graph = Builder::default();
    let x = graph.backbone(&Layers::load(weights, &config.backbone)?);
    // [B, pooled, 1, 1] to [B, pooled]
    let x = graph.node("GlobalAveragePool", "pool", &[&x], &[]);
    let x = graph.node("Flatten", "pooled", &[&x], &[int("axis", 1)]);
    let mut outputs = vec![value("pooled", &[pooled], "The backbone's features.")];
    for (name, size, what) in [
        (
            "expression",
            config.heads.expression,
            "Logits of the seven expressions, in the order of the metadata's `expressions`.",
        ),
        (
            "affect",
            config.heads.affect,
            "Logits of 20 bins over -1..1 for valence, then of 20 for arousal.",
        ),
    ] {
        let calibrated = (size, &config.calibration(false));
        let head = HeadWeights::load(weights, name, pooled, &config.heads, calibrated)?;
        graph.head(name, &x, &head, (pooled, hidden, size));
        outputs.extend([
            value(
                &format!("{name}_feature"),
                &[hidden],
                "What the recurrent head reads.",
            ),
            value(name, &[size], what),
        ]);
    }
    Ok(Model {
        ir_version: Some(IR_VERSION),
        producer_name: "affectscope".to_owned(),
        producer_version: env!("CARGO_PKG_VERSION").to_owned(),
        doc_string: format!(
            "CNN student of \"Multitask Multi-database Emotion Recognition\" (Vu, Beurton-Aimar, Marchand, ICCVW 2021): \
             backbone and two heads, batch norms folded in. {} The recurrent heads are not in it. It shows what a face \
             expresses to a trained network, not what a person feels.",
            input_note(config)
        ),
        opset_import: vec![Opset {
            domain: Some(String::new()),
            version: Some(OPSET),
        }],
        metadata_props: metadata(weights, config),
        graph: Some(Graph {
            node: graph.nodes,
            name: "student".to_owned(),
            initializer: graph.tensors,
            input: vec![value(
                "input",
                &[channels, height, width],
                &input_note(config),
            )],
            output: outputs,
        }),
    })
}

/// How a crop becomes the input, in words.
fn input_note(config: &StudentConfig) -> String {
    let backbone = &config.backbone;
    format!(
        "The input is {}, normalised: (v - mean) / scale for each channel, with v of 0 to 255, mean {:?} and scale {}.",
        match backbone.color {
            Color::Gray => "one grey channel (0.299 R + 0.587 G + 0.114 B)",
            Color::Rgb => "three channels in the order R, G, B",
        },
        backbone.means(),
        backbone.scale
    )
}

/// What a user of the model must know, each by its name.
fn metadata(weights: &Weights, config: &StudentConfig) -> Vec<Entry> {
    let card = card(weights, config);
    let said = |text: &str| match text {
        "" => "not said in the file".to_owned(),
        text => text.to_owned(),
    };
    let color = match config.backbone.color {
        Color::Gray => "gray",
        Color::Rgb => "RGB",
    };
    [
        ("weights", weights.name.clone()),
        ("weights_sha256", weights.sha256.clone()),
        ("licence", said(&card.licence)),
        ("trained_on", said(&card.trained_on)),
        ("affect_labels", said(&card.affect_labels)),
        ("color", color.to_owned()),
        ("mean", format!("{:?}", config.backbone.means())),
        ("scale", config.backbone.scale.to_string()),
        ("resize_px", config.resize_px().to_string()),
        ("expressions", Expression::ALL.map(Expression::name).join(",")),
        (
            "affect",
            "20 bins of valence, then 20 of arousal: softmax of each, expectation over linspace(-1, 1, 20)".to_owned(),
        ),
    ]
    .map(|(key, value)| Entry {
        key: key.to_owned(),
        value,
    })
    .into()
}

/// Nodes and initialisers so far. A node's one output has the node's name, and so is written once.
#[derive(Default)]
struct Builder {
    nodes: Vec<Node>,
    tensors: Vec<Tensor>,
}

impl Builder {
    /// Adds a node, and gives its output's name.
    fn node(&mut self, op: &str, name: &str, inputs: &[&str], attributes: &[Attribute]) -> String {
        self.nodes.push(Node {
            input: inputs.iter().map(|&i| i.to_owned()).collect(),
            output: vec![name.to_owned()],
            name: name.to_owned(),
            op_type: op.to_owned(),
            attribute: attributes.to_vec(),
        });
        name.to_owned()
    }

    /// Adds an initialiser, and gives its name.
    fn tensor(&mut self, name: String, dims: &[usize], values: &[f32]) -> String {
        self.tensors.push(Tensor {
            dims: dims.iter().map(|&d| d as i64).collect(),
            data_type: FLOAT,
            name: name.clone(),
            raw_data: values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        });
        name
    }

    fn relu(&mut self, x: &str) -> String {
        self.node("Relu", &format!("{x}.relu"), &[x], &[])
    }

    fn conv(&mut self, name: &str, x: &str, conv: &Conv) -> String {
        let (k, stride, pad) = (conv.kernel, conv.stride, conv.pad);
        let weight = self.tensor(
            format!("{name}.weight"),
            &[conv.c_out, conv.c_in, k, k],
            &conv.weight,
        );
        let bias = self.tensor(format!("{name}.bias"), &[conv.c_out], &conv.bias);
        self.node(
            "Conv",
            name,
            &[x, &weight, &bias],
            &[
                ints("dilations", &[1, 1]),
                int("group", 1),
                ints("kernel_shape", &[k, k]),
                ints("pads", &[pad; 4]),
                ints("strides", &[stride; 2]),
            ],
        )
    }

    /// `input` to the last stage's output; gives its name.
    fn backbone(&mut self, layers: &Layers) -> String {
        let x = self.conv("stem", "input", &layers.stem);
        let x = self.relu(&x);
        let mut x = self.node(
            "MaxPool",
            "stem.pool",
            &[&x],
            &[
                int("ceil_mode", 1),
                ints("kernel_shape", &[3, 3]),
                ints("pads", &[0; 4]),
                ints("strides", &[2, 2]),
            ],
        );
        for (i, block) in layers.blocks.iter().enumerate() {
            let name = |part: &str| format!("block{i}.{part}");
            let y = self.conv(&name("reduce"), &x, &block.reduce);
            let y = self.relu(&y);
            let y = self.conv(&name("spatial"), &y, &block.spatial);
            let y = self.relu(&y);
            let y = self.conv(&name("expand"), &y, &block.expand);
            let residual = match &block.project {
                Some(project) => self.conv(&name("project"), &x, project),
                None => x,
            };
            let sum = self.node("Add", &name("sum"), &[&y, &residual], &[]);
            x = self.relu(&sum);
        }
        x
    }

    /// FC -> ReLU -> scale and shift = the feature `{name}_feature`, then FC -> the logits `{name}`.
    fn head(
        &mut self,
        name: &str,
        pooled: &str,
        head: &HeadWeights,
        (length, hidden, size): (usize, usize, usize),
    ) {
        let part = |part: &str| format!("heads.{name}.{part}");
        // Y = X * transposed weight + bias
        let transposed = [int("transB", 1)];
        let weight = self.tensor(part("fc0.weight"), &[hidden, length], &head.fc0.weight);
        let bias = self.tensor(part("fc0.bias"), &[hidden], &head.fc0.bias);
        let x = self.node("Gemm", &part("fc0"), &[pooled, &weight, &bias], &transposed);
        let x = self.relu(&x);
        let scale = self.tensor(part("bn1.scale"), &[hidden], &head.scale);
        let x = self.node("Mul", &part("bn1"), &[&x, &scale], &[]);
        let shift = self.tensor(part("bn1.shift"), &[hidden], &head.shift);
        let feature = self.node("Add", &format!("{name}_feature"), &[&x, &shift], &[]);
        let weight = self.tensor(part("fc1.weight"), &[size, hidden], &head.fc1.weight);
        let bias = self.tensor(part("fc1.bias"), &[size], &head.fc1.bias);
        self.node("Gemm", name, &[&feature, &weight, &bias], &transposed);
    }
}

fn int(name: &str, value: i64) -> Attribute {
    Attribute {
        name: name.to_owned(),
        i: Some(value),
        ints: Vec::new(),
        r#type: ATTRIBUTE_INT,
    }
}

fn ints(name: &str, values: &[usize]) -> Attribute {
    Attribute {
        name: name.to_owned(),
        i: None,
        ints: values.iter().map(|&v| v as i64).collect(),
        r#type: ATTRIBUTE_INTS,
    }
}

/// An f32 value `[batch, dims...]`.
fn value(name: &str, dims: &[usize], note: &str) -> Value {
    let batch = Dimension {
        dim_value: None,
        dim_param: Some("batch".to_owned()),
    };
    let fixed = dims.iter().map(|&d| Dimension {
        dim_value: Some(d as i64),
        dim_param: None,
    });
    Value {
        name: name.to_owned(),
        doc_string: note.to_owned(),
        r#type: Some(Type {
            tensor_type: Some(TensorType {
                elem_type: FLOAT,
                shape: Some(Shape {
                    dim: std::iter::once(batch).chain(fixed).collect(),
                }),
            }),
        }),
    }
}
