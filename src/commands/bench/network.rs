//! `bench --network`: the network's parts, and ONNX Runtime beside it.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::rc::Rc;
use std::sync::Arc;

use candle_core::Tensor;
use serde::Serialize;

use super::contest::{self, Contender, Ours, Quartiles};
use super::frames;
use super::parts::{Parts, Samples};
use super::peer::{Peer, PeerSession};
use super::table::Table;
use crate::analysis::Crop;
use crate::cli::BenchArgs;
use crate::commands::Failure;
use crate::evaluate::bootstrap::quantile;
use crate::model::device::Chosen;
use crate::model::student::{Features, NetworkError, PARTS, Precision, Student};
use crate::model::weights::Weights;

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
    peer: Option<PeerReport>,
}

/// One part of the way.
#[derive(Debug, Serialize)]
struct Stage {
    name: &'static str,
    #[serde(flatten)]
    time: Quartiles,
}

/// ONNX Runtime beside us.
#[derive(Debug, Serialize)]
struct PeerReport {
    name: &'static str,
    version: String,
    threads: usize,
    /// Our median over its best session's.
    ratio: f64,
    sessions: Vec<PeerTime>,
    /// The largest difference of any output, and the largest output.
    largest_difference: f64,
    largest_output: f64,
    /// Part of a core that it used between its turns: 0 when it leaves us alone.
    idle_core_part: f64,
}

/// One way to run it.
#[derive(Debug, Serialize)]
struct PeerTime {
    /// Its workers wait busily within a run, which is its default.
    spinning: bool,
    #[serde(flatten)]
    time: Quartiles,
    /// Our median over its median.
    ratio: f64,
    /// Quartiles of our time over its time in the same round.
    ratio_quartile1: f64,
    ratio_quartile3: f64,
}

/// Runs it.
pub(super) fn run(
    args: &BenchArgs,
    student: &Arc<Student>,
    chosen: &Chosen,
) -> Result<NetworkReport, Failure> {
    let threads = student.kernels().map_or(1, |k| k.threads);
    let crops = frames::crops(student, args.batch)?;
    let input = student.input(&crops)?;
    let features = student.features(&crops)?;
    let window = student.window().map(|(steps, _)| {
        let step = &features[0];
        vec![step; steps]
    });
    let peer = match args.peer {
        Some(_) => {
            let weights = Weights::load(args.network_args.weights.as_deref())?;
            Some(Rc::new(RefCell::new(Peer::start(
                &weights, &input, threads,
            )?)))
        }
        None => None,
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
        for session in 0..peer.borrow().spinning.len() {
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
            Some(peer_report(
                &peer.borrow(),
                threads,
                &ours,
                (&samples_ms[0], whole),
                (&samples_ms[own..], &times[own..]),
            ))
        }
        None => None,
    };
    let card = student.card();
    Ok(NetworkReport {
        whole,
        per_face_ms: whole.median_ms / args.batch as f64,
        faces_per_s: args.batch as f64 * 1e3 / whole.median_ms,
        weights: card.name.clone(),
        sha256: student.sha256().to_owned(),
        network: card.network.clone(),
        device: chosen.title.clone(),
        threads,
        precision: match student.kernels() {
            Some(k) if k.precision == Precision::Int8 => "int8",
            _ => "f32",
        },
        batch: args.batch,
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

/// In the order of [`super::peer::OUTPUTS`].
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

fn peer_report(
    peer: &Peer,
    threads: usize,
    outputs: &[f32],
    (ours_ms, ours): (&[f64], Quartiles),
    (theirs_ms, theirs): (&[Vec<f64>], &[Quartiles]),
) -> PeerReport {
    let sessions: Vec<PeerTime> = peer
        .spinning
        .iter()
        .zip(theirs_ms.iter().zip(theirs))
        .map(|(&spinning, (samples_ms, &time))| {
            let mut ratios: Vec<f64> = ours_ms.iter().zip(samples_ms).map(|(a, b)| a / b).collect();
            ratios.sort_by(f64::total_cmp);
            PeerTime {
                spinning,
                time,
                ratio: ours.median_ms / time.median_ms,
                ratio_quartile1: quantile(&ratios, 0.25),
                ratio_quartile3: quantile(&ratios, 0.75),
            }
        })
        .collect();
    let differences = outputs
        .iter()
        .zip(&peer.outputs)
        .map(|(a, b)| f64::from((a - b).abs()));
    // Another number of outputs is no agreement, whatever the first ones say.
    let same_number = outputs.len() == peer.outputs.len();
    PeerReport {
        name: "onnxruntime",
        version: peer.version.clone(),
        threads,
        ratio: sessions.iter().map(|s| s.ratio).fold(0.0, f64::max),
        sessions,
        largest_difference: if same_number {
            differences.fold(0.0, f64::max)
        } else {
            f64::INFINITY
        },
        largest_output: outputs
            .iter()
            .map(|v| f64::from(v.abs()))
            .fold(0.0, f64::max),
        idle_core_part: peer.idle_cpu_ms / peer.idle_ms.max(1e-9),
    }
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
            for session in &peer.sessions {
                let how = match (peer.threads, session.spinning) {
                    (1, _) => "",
                    (_, true) => ", spinning",
                    (_, false) => ", no spinning",
                };
                table.row(&format!("onnxruntime {}{how}", peer.version), &session.time);
            }
        }
        text.push_str(&table.text());
        let _ = writeln!(
            text,
            "  {:.3} ms a face, {:.0} faces a second",
            self.per_face_ms, self.faces_per_s
        );
        if let Some(peer) = &self.peer {
            for session in &peer.sessions {
                let _ = writeln!(
                    text,
                    "  ours over onnxruntime{}: {:.3} ({:.3} to {:.3})",
                    match (peer.threads, session.spinning) {
                        (1, _) => "",
                        (_, true) => " spinning",
                        (_, false) => " not spinning",
                    },
                    session.ratio,
                    session.ratio_quartile1,
                    session.ratio_quartile3
                );
            }
            let _ = writeln!(
                text,
                "  largest difference {:.2e} of outputs up to {:.1}; between its turns it used {:.1} % of a core",
                peer.largest_difference,
                peer.largest_output,
                peer.idle_core_part * 100.0
            );
        }
        text
    }
}
