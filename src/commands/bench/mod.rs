//! `affectscope bench`: how fast it is here, stage by stage.

mod beside;
mod camera;
mod contest;
mod frames;
mod live;
mod live_report;
mod machine;
mod network;
mod parts;
mod peer;
mod pipeline;
mod stretches;
mod table;
mod training;
mod usage;
mod watched;

use std::sync::Arc;

use serde::Serialize;

use self::live_report::LiveReport;
use self::machine::Machine;
use self::network::NetworkReport;
use self::pipeline::PipelineReport;
use self::training::TrainingReport;
use super::{Failure, load, print};
use crate::cli::{BenchArgs, PeerArg};

/// Everything that was measured.
#[derive(Debug, Serialize)]
struct Report {
    machine: Machine,
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<NetworkReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    training: Option<TrainingReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pipeline: Option<PipelineReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<LiveReport>,
}

/// Measures what was asked for, and prints it.
///
/// # Errors
/// When nothing was asked for, the input, the network or the peer cannot be had, or something broke on the way.
pub fn run(args: &BenchArgs) -> Result<(), Failure> {
    if !args.network && !args.training && args.pipeline.is_none() && args.live.is_none() {
        return Err(Failure::bad_input(
            "bench: nothing to measure. Give --network, --training, --pipeline [INPUT] or --live SECONDS, or several of them.",
        ));
    }
    for (peer, beside, there) in [
        (PeerArg::Onnxruntime, "--network", args.network),
        (PeerArg::Pytorch, "--training", args.training),
    ] {
        if args.peer.contains(&peer) && !there {
            return Err(Failure::bad_input(format!(
                "bench: --peer {} is measured beside {beside}. Give it, too.",
                peer.name()
            )));
        }
    }
    let (student, chosen) = load(&args.network_args)?;
    let student = Arc::new(student);
    let network = args.network.then(|| network::run(args, &student, &chosen));
    let network = network.transpose()?;
    let training = args.training.then(|| training::run(args, &student));
    let training = training.transpose()?;
    let pipeline = match &args.pipeline {
        Some(input) => Some(pipeline::run(args, input.as_deref(), &student)?),
        None => None,
    };
    let live = match args.live {
        Some(seconds) => Some(live::run(args, seconds, &student, &chosen)?),
        None => None,
    };
    let report = Report {
        machine: Machine::here(),
        network,
        training,
        pipeline,
        live,
    };
    if args.json {
        let text = serde_json::to_string_pretty(&report);
        let text = text.map_err(|e| Failure::broken(e.to_string()))?;
        print(&(text + "\n"))?;
        return Ok(());
    }
    let parts = [
        Some(report.machine.lines()),
        report.network.as_ref().map(NetworkReport::lines),
        report.training.as_ref().map(TrainingReport::lines),
        report.pipeline.as_ref().map(PipelineReport::lines),
        report.live.as_ref().map(LiveReport::lines),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    print(&parts.join("\n"))?;
    Ok(())
}
