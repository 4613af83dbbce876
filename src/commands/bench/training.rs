//! `bench --training`: a step of the student's CNN, and PyTorch's on the same network and batch beside it.

use std::cell::RefCell;
use std::path::PathBuf;
use std::rc::Rc;

use serde::Serialize;

use super::beside::{PeerReport, Way};
use super::contest::{self, Contender, Ours, Quartiles};
use super::peer::{Files, PYTORCH, Peer, PeerSession};
use super::table::Table;
use crate::cli::{BenchArgs, PeerArg};
use crate::commands::Failure;
use crate::labels::Expression;
use crate::model::config::{BackboneConfig, CROP_SIDE_PX, HeadsConfig, StudentConfig};
use crate::model::conv::isa::InstructionSet;
use crate::model::student::Student;
use crate::model::weights::Weights;
use crate::train::learner::Learner;
use crate::train::loader::Batch;
use crate::train::net::{Adam, AdamConfig, Store};
use crate::train::objective::{Targets, Task};
use crate::train::phase::PhaseError;
use crate::train::random::Rng;

/// Faces of a step, unless told otherwise.
const BATCH: usize = 32;
/// As in the paper.
const RATE: f64 = 1e-4;

/// What came out: times of a step, from the crops' bytes to the changed weights.
#[derive(Debug, Serialize)]
pub(super) struct TrainingReport {
    #[serde(flatten)]
    whole: Quartiles,
    faces_per_s: f64,
    weights: String,
    sha256: String,
    instruction_set: &'static str,
    threads: usize,
    batch: usize,
    rounds: usize,
    /// Of the first step.
    loss: f32,
    /// Its outputs are the loss and the slope of every weight in the first step.
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<PeerReport<Layout>>,
}

/// How PyTorch keeps pictures.
#[derive(Debug, Serialize)]
struct Layout {
    /// The channels of a pixel beside each other; otherwise plane after plane, as it does by default.
    channels_last: bool,
}

impl Way for Layout {
    fn text(&self, _: usize) -> &'static str {
        if self.channels_last {
            ", channels last"
        } else {
            ", plain"
        }
    }
}

/// What PyTorch is to do.
#[derive(Serialize)]
struct TorchTask<'a> {
    /// All tensors, in the order of `tensors`.
    values: PathBuf,
    /// `[B, 112, 112, channels]`, bytes.
    pixels: PathBuf,
    answer: PathBuf,
    /// Names and shapes: those that are learnt first.
    tensors: Vec<(&'a str, &'a [usize])>,
    backbone: &'a BackboneConfig,
    heads: &'a HeadsConfig,
    means: Vec<f32>,
    expression: Vec<usize>,
    affect: &'a [[f32; 2]],
    rate: f64,
    betas: [f32; 2],
    epsilon: f32,
    threads: usize,
    /// A session each.
    channels_last: &'a [bool],
}

/// A network in training.
struct Trainer {
    store: Store,
    learner: Learner,
    adam: Adam,
    grads: Vec<f32>,
    batch: Batch,
}

impl Trainer {
    /// The loss, with the slopes in `grads`.
    fn slopes(&mut self) -> Result<f32, PhaseError> {
        self.grads.fill(0.0);
        let parts = self
            .learner
            .slopes(&mut self.store, &self.batch, None, &mut self.grads)?;
        Ok(parts[4] as f32)
    }

    fn step(&mut self) -> Result<(), PhaseError> {
        self.slopes()?;
        self.adam.step(&mut self.store, &self.grads, RATE);
        Ok(())
    }

    /// The loss, then every slope in the file's order.
    fn outputs(&self, loss: f32) -> Vec<f32> {
        let learnt = self.store.entries().iter();
        let learnt = learnt.filter(|e| e.range.end <= self.store.learnt());
        let slopes = learnt.flat_map(|e| self.store.in_file_order(e, &self.grads));
        [loss].into_iter().chain(slopes).collect()
    }
}

/// Runs it.
pub(super) fn run(args: &BenchArgs, student: &Student) -> Result<TrainingReport, Failure> {
    let batch = args.batch.unwrap_or(BATCH);
    if batch < 2 {
        return Err(Failure::bad_input(
            "bench --training: a step wants a batch of at least 2 faces. Give another --batch.",
        ));
    }
    let threads = args.network_args.threads.unwrap_or(1);
    let config = StudentConfig {
        temporal: None,
        ..student.config().clone()
    };
    let mut store = Store::new(&config);
    let weights = Weights::load(args.network_args.weights.as_deref())?;
    store.load(&weights, |_| false).map_err(PhaseError::from)?;
    let adam_config = AdamConfig::default();
    let mut trainer = Trainer {
        learner: Learner::new(&config, &store, batch, None)?,
        adam: Adam::new(adam_config, &store, |_| true),
        grads: vec![0.0; store.learnt()],
        batch: made(batch, config.backbone.input[0]),
        store,
    };
    let layouts = [true, false];
    let peer = if args.peer.contains(&PeerArg::Pytorch) {
        let task = |files: &Files<'_>| {
            let store = &trainer.store;
            let values: Vec<f32> = store
                .entries()
                .iter()
                .flat_map(|e| store.in_file_order(e, &store.values))
                .collect();
            let Batch { pixels, targets } = &trainer.batch;
            Ok(TorchTask {
                values: files.write_f32("values.f32", &values)?,
                pixels: files.write("pixels.u8", pixels)?,
                answer: files.answer.clone(),
                tensors: store
                    .entries()
                    .iter()
                    .map(|e| (&*e.name, &*e.shape))
                    .collect(),
                backbone: &config.backbone,
                heads: &config.heads,
                means: config.backbone.means(),
                expression: (0..batch).map(expression_of).collect(),
                affect: &targets.affect,
                rate: RATE,
                betas: [adam_config.beta1, adam_config.beta2],
                epsilon: adam_config.epsilon,
                threads,
                channels_last: &layouts,
            })
        };
        Some(Rc::new(RefCell::new(Peer::start(PYTORCH, task)?)))
    } else {
        None
    };

    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|e| Failure::broken(format!("no threads for training ({e})")))?;
    let loss = pool.install(|| trainer.slopes())?;
    let outputs = trainer.outputs(loss);
    let mut contenders: Vec<Box<dyn Contender + '_>> =
        vec![Box::new(Ours::new(|| Ok(pool.install(|| trainer.step())?)))];
    if let Some(peer) = &peer {
        for session in 0..layouts.len() {
            contenders.push(Box::new(PeerSession::new(peer.clone(), session)));
        }
    }
    let samples_ms = contest::run(&mut contenders, args.rounds)?;
    drop(contenders);

    let times: Vec<Quartiles> = samples_ms.iter().filter_map(|s| Quartiles::of(s)).collect();
    let whole = times[0];
    Ok(TrainingReport {
        whole,
        faces_per_s: batch as f64 * 1e3 / whole.median_ms,
        weights: student.card().name.clone(),
        sha256: student.sha256().to_owned(),
        instruction_set: InstructionSet::chosen().title(),
        threads,
        batch,
        rounds: args.rounds,
        loss,
        peer: peer.map(|peer| {
            let ways = layouts.map(|channels_last| Layout { channels_last });
            PeerReport::new(
                PYTORCH,
                &peer.borrow(),
                threads,
                &outputs,
                (&samples_ms[0], whole),
                (ways.into(), &samples_ms[1..], &times[1..]),
            )
        }),
    })
}

/// The expression that a face of the batch is labelled with, by its place in the order.
fn expression_of(face: usize) -> usize {
    face % Expression::COUNT
}

/// Noise, labelled with everything: what a step takes does not depend on what it learns.
fn made(batch: usize, channels: usize) -> Batch {
    let mut rng = Rng::new(1);
    let mut label = || (rng.unit() * 1.98 - 0.99) as f32;
    let affect = (0..batch).map(|_| [label(), label()]).collect();
    Batch {
        pixels: (0..batch * CROP_SIDE_PX * CROP_SIDE_PX * channels)
            .map(|_| rng.below(256) as u8)
            .collect(),
        targets: Targets {
            task: Task::Both,
            expression: (0..batch)
                .map(|face| std::array::from_fn(|e| f32::from(u8::from(e == expression_of(face)))))
                .collect(),
            affect,
        },
    }
}

impl TrainingReport {
    /// A table for a terminal.
    pub fn lines(&self) -> String {
        let mut text = format!(
            "training        the CNN of {}: {}, f32, {}, batch {}, {} rounds\n",
            self.weights,
            self.instruction_set,
            match self.threads {
                1 => "1 thread".to_owned(),
                n => format!("{n} threads"),
            },
            self.batch,
            self.rounds
        );
        let mut table = Table::new("ms a step");
        table.row("forward, backward, Adam", &self.whole);
        if let Some(peer) = &self.peer {
            peer.rows(&mut table);
        }
        text.push_str(&table.text());
        text.push_str(&format!("  {:.0} faces a second\n", self.faces_per_s));
        if let Some(peer) = &self.peer {
            text.push_str(&peer.lines("loss and slopes"));
        }
        text
    }
}
