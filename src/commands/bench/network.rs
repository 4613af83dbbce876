//! `bench --network`: the network's parts, and ONNX Runtime beside it.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use candle_core::Tensor;
use serde::Serialize;

use super::beside::{PeerReport, Way};
use super::contest::{self, Contender, Ours, Quartiles};
use super::frames;
use super::parts::{Parts, Samples};
use super::peer::{Files, ONNX_RUNTIME, Peer, PeerSession};
use super::table::Table;
use crate::analysis::Crop;
use crate::cli::{BenchArgs, PeerArg};
use crate::commands::Failure;
use crate::model::device::Chosen;
use crate::model::onnx;
use crate::model::student::{Features, NetworkError, PARTS, Precision, Student};
use crate::model::weights::Weights;

/// Faces of a call, unless told otherwise.
const BATCH: usize = 1;
/// What is compared, in this order.
const OUTPUTS: [&str; 4] = [
    "expression_feature",
    "expression",
    "affect_feature",
    "affect",
];

/// What came out. The times at the top are backbone and heads together, from the crops' bytes to features and logits.
/// The peer is timed from a normalised input.
#[derive(Debug, Serialize)]
pub(super) struct NetworkReport {
    #[serde(flatten)]
    whole: Quartiles,
    /// The median over the faces of a batch.
    per_face_ms: f64,
    faces_per_s: f64,
    weights: String,
    sha256: String,
    network: String,
    device: String,
    threads: usize,
    precision: &'static str,
    batch: usize,
    rounds: usize,
    /// Of the way from crops to readings, as a whole and in parts.
    stages: Vec<Stage>,
    /// Of backbone and heads: the same work with a clock between its parts. Empty on a GPU, which works behind our back.
    parts: Vec<Stage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<PeerReport<Spinning>>,
}

/// One part of the way.
#[derive(Debug, Serialize)]
struct Stage {
    name: &'static str,
    #[serde(flatten)]
    time: Quartiles,
}

/// How ONNX Runtime's workers wait.
#[derive(Debug, Serialize)]
struct Spinning {
    /// Busily within a run, which is its default.
    spinning: bool,
}

impl Way for Spinning {
    fn text(&self, threads: usize) -> &'static str {
        match (threads, self.spinning) {
            (1, _) => "",
            (_, true) => ", spinning",
            (_, false) => ", no spinning",
        }
    }
}

/// What ONNX Runtime is to do.
#[derive(Serialize)]
struct OnnxTask<'a> {
    model: PathBuf,
    input: PathBuf,
    answer: PathBuf,
    shape: &'a [usize],
    outputs: [&'a str; 4],
    threads: usize,
    /// One session each, with or without busy waiting.
    spinning: &'a [bool],
}

/// Runs it.
pub(super) fn run(
    args: &BenchArgs,
    student: &Arc<Student>,
    chosen: &Chosen,
) -> Result<NetworkReport, Failure> {
    let threads = student.kernels().map_or(1, |k| k.threads);
    let batch = args.batch.unwrap_or(BATCH);
    let crops = frames::crops(student, batch)?;
    let input = student.input(&crops)?;
    let features = student.features(&crops)?;
    let window = student.window().map(|(steps, _)| {
        let step = &features[0];
        vec![step; steps]
    });
    // Without worker threads there is nobody to wait.
    let spinning: &[bool] = if threads == 1 {
        &[true]
    } else {
        &[true, false]
    };
    let peer = if args.peer.contains(&PeerArg::Onnxruntime) {
        let weights = Weights::load(args.network_args.weights.as_deref())?;
        let task = |files: &Files<'_>| {
            let flat = input.flatten_all().and_then(|t| t.to_vec1::<f32>());
            let flat = flat.map_err(NetworkError::from)?;
            Ok(OnnxTask {
                model: files.write("model.onnx", &onnx::export(&weights)?)?,
                input: files.write_f32("input.f32", &flat)?,
                answer: files.answer.clone(),
                shape: input.dims(),
                outputs: OUTPUTS,
                threads,
                spinning,
            })
        };
        Some(Rc::new(RefCell::new(Peer::start(ONNX_RUNTIME, task)?)))
    } else {
        None
    };

    let parts: RefCell<Samples> = RefCell::default();
    let mut names = vec!["network"];
    let mut contenders: Vec<Box<dyn Contender + '_>> = vec![
        // From the crops' bytes: more than the peer has to do.
        ours(|| settle(&student.outputs(&crops)?[0].0)),
    ];
    if let Some(window) = &window {
        names.push("gru_window");
        contenders.push(ours(|| student.read_at(window, window.len() - 1).map(drop)));
    }
    names.push("crop_to_reading");
    contenders.push(ours(|| crop_to_reading(student, &crops)));
    if student.kernels().is_some() {
        names.push("parts");
        contenders.push(Box::new(Parts::new(student, &crops, &parts)));
    }
    let own = contenders.len();
    if let Some(peer) = &peer {
        for session in 0..spinning.len() {
            contenders.push(Box::new(PeerSession::new(peer.clone(), session)));
        }
    }
    let samples_ms = contest::run(&mut contenders, args.rounds)?;
    drop(contenders);

    let times: Vec<Quartiles> = samples_ms.iter().filter_map(|s| Quartiles::of(s)).collect();
    let whole = times[0];
    let peer = match peer {
        Some(peer) => {
            let ours = flat(&student.outputs(&crops)?)?;
            let ways = spinning.iter().map(|&spinning| Spinning { spinning });
            Some(PeerReport::new(
                ONNX_RUNTIME,
                &peer.borrow(),
                threads,
                &ours,
                (&samples_ms[0], whole),
                (ways.collect(), &samples_ms[own..], &times[own..]),
            ))
        }
        None => None,
    };
    let card = student.card();
    Ok(NetworkReport {
        whole,
        per_face_ms: whole.median_ms / batch as f64,
        faces_per_s: batch as f64 * 1e3 / whole.median_ms,
        weights: card.name.clone(),
        sha256: student.sha256().to_owned(),
        network: card.network.clone(),
        device: chosen.title.clone(),
        threads,
        precision: match student.kernels() {
            Some(k) if k.precision == Precision::Int8 => "int8",
            _ => "f32",
        },
        batch,
        rounds: args.rounds,
        stages: names
            .into_iter()
            .zip(times)
            .skip(1)
            .filter(|(name, _)| *name != "parts")
            .map(|(name, time)| Stage { name, time })
            .collect(),
        parts: PARTS
            .iter()
            .zip(parts.take())
            .filter_map(|(name, samples_ms)| {
                let time = Quartiles::of(&samples_ms)?;
                Some(Stage { name, time })
            })
            .collect(),
        peer,
    })
}

fn ours<'a>(mut call: impl FnMut() -> Result<(), NetworkError> + 'a) -> Box<dyn Contender + 'a> {
    Box::new(Ours::new(move || call().map_err(Failure::from)))
}

/// Waits until a device that works behind our back has finished.
fn settle(result: &Tensor) -> Result<(), NetworkError> {
    Ok(result.device().synchronize()?)
}

/// Everything that a frame's faces cost once they are cropped: each is read at the end of a window.
fn crop_to_reading(student: &Student, crops: &[Crop]) -> Result<(), NetworkError> {
    let features: Vec<Features> = student.features(crops)?;
    let steps = student.window().map_or(1, |(steps, _)| steps);
    for step in &features {
        student.read_at(&vec![step; steps], steps - 1)?;
    }
    Ok(())
}

/// In the order of [`OUTPUTS`].
fn flat(outputs: &[(Tensor, Tensor); 2]) -> Result<Vec<f32>, Failure> {
    let mut values = Vec::new();
    for tensor in outputs
        .iter()
        .flat_map(|(feature, logits)| [feature, logits])
    {
        let row = tensor.flatten_all().and_then(|t| t.to_vec1::<f32>());
        values.extend(row.map_err(NetworkError::from)?);
    }
    Ok(values)
}

impl NetworkReport {
    /// A table for a terminal.
    pub fn lines(&self) -> String {
        let mut text = format!(
            "network         {}: {}; {}, {}, batch {}, {} rounds\n",
            self.weights, self.network, self.device, self.precision, self.batch, self.rounds
        );
        let mut table = Table::new("ms a call");
        table.row("backbone and heads", &self.whole);
        for part in &self.parts {
            table.row(&format!("  {}", part.name.replace('_', " ")), &part.time);
        }
        for stage in &self.stages {
            let name = match stage.name {
                "gru_window" => "GRU, a window",
                _ => "crops to readings",
            };
            table.row(name, &stage.time);
        }
        if let Some(peer) = &self.peer {
            peer.rows(&mut table);
        }
        text.push_str(&table.text());
        let _ = writeln!(
            text,
            "  {:.3} ms a face, {:.0} faces a second",
            self.per_face_ms, self.faces_per_s
        );
        if let Some(peer) = &self.peer {
            text.push_str(&peer.lines("outputs"));
        }
        text
    }
}
