//! `affectscope train landmarks`: the landmark network, trained or checked.

use std::path::{Path, PathBuf};

use super::super::{Failure, Interrupt, print, refuse_input_as_output, refuse_output_within, say};
use super::run::{Show, no_set, threads};
use crate::cli::train::LandmarksArgs;
use crate::formats::output::{can_be_written, write_whole};
use crate::model::points::PointsConfig;
use crate::model::weights::{LANDMARKS, Weights};
use crate::train::landmarks::check::{Condition, Errors, Report, check};
use crate::train::landmarks::config::LandmarksConfig;
use crate::train::landmarks::{LandmarksRun, PHASE, places};
use crate::train::run::RunWatch as _;
use crate::train::set::{Set, Split};

/// Trains or checks.
///
/// # Errors
/// When the config, a set or weights cannot be used, the disk is full, or a loss is no number.
pub fn run(args: &LandmarksArgs) -> Result<(), Failure> {
    match (&args.config, &args.check) {
        (Some(config), _) => train(args, config),
        (None, Some(set)) => checked(args, set),
        (None, None) => Err(Failure::bad_input("Give a config, or --check and a set.")),
    }
}

fn open(path: &Path) -> Result<Set, Failure> {
    Set::open(path).map_err(|e| Failure::bad_input(e.to_string()))
}

fn train(args: &LandmarksArgs, config_path: &Path) -> Result<(), Failure> {
    let config = LandmarksConfig::load(config_path)?;
    let sets = config.sets.iter().map(|path| open(path));
    let sets = sets.collect::<Result<Vec<_>, Failure>>()?;
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(config_path.file_stem().unwrap_or_default()));
    no_set(&out)?;
    let (pool, makers) = threads(args.threads.unwrap_or(config.threads))?;
    let run = LandmarksRun {
        config: &config,
        sets: &sets,
        out: &out,
        makers,
    };
    let mut show = Show::new(Interrupt::listen(), &out);
    let [learnt, held_out] =
        [Split::Train, Split::Validation].map(|split| places(&sets, split).len());
    if learnt > 0 && held_out > 0 {
        show.phase(PHASE, &format!("{learnt} faces; {held_out} to validate on"));
    }
    let file = pool.install(|| run.run(&mut show));
    show.end();
    say(&format!("{} is finished", file?.display()));
    Ok(())
}

fn checked(args: &LandmarksArgs, set: &Path) -> Result<(), Failure> {
    let inputs: Vec<PathBuf> = args.weights.iter().cloned().collect();
    for file in [&args.json, &args.card].into_iter().flatten() {
        refuse_output_within([&set.to_owned()].into_iter(), file)?;
        refuse_input_as_output(&inputs, file)?;
        if file.as_os_str() != "-" {
            can_be_written(file, args.force)?;
        }
    }
    let weights = match &args.weights {
        Some(path) => Weights::load(Some(path))?,
        None => Weights::from_bytes(LANDMARKS, "built-in landmarks", "landmarks5")?,
    };
    let config = PointsConfig::parse(&weights.config).map_err(|_| {
        Failure::bad_input(format!(
            "weights {}: no landmark network. Give one that `affectscope train landmarks` made.",
            weights.origin
        ))
    })?;
    let (pool, _) = threads(args.threads.unwrap_or(0))?;
    let sets = [open(set)?];
    let report = pool.install(|| check(&weights, &sets))?;
    let json = serde_json::to_string_pretty(&report)
        .map_err(|e| Failure::broken(format!("the report cannot be written ({e})")))?;
    if let Some(file) = &args.card {
        let config = PointsConfig {
            scores: report.card(),
            ..config
        };
        let config = serde_json::to_string(&config)
            .map_err(|e| Failure::broken(format!("the card cannot be written ({e})")))?;
        write_whole(file, &weights.to_safetensors(&config)?, args.force)
            .map_err(|e| Failure::bad_input(e.to_string()))?;
    }
    match &args.json {
        Some(path) if path.as_os_str() == "-" => print(&format!("{json}\n"))?,
        Some(path) => {
            print(&table(&report))?;
            write_whole(path, format!("{json}\n").as_bytes(), args.force)
                .map_err(|e| Failure::bad_input(e.to_string()))?;
        }
        None => print(&table(&report))?,
    }
    Ok(())
}

fn table(report: &Report) -> String {
    let mut text = format!(
        "{} faces of people held out; the error is the points' mean distance over that of the eyes\n\n{:<36} {:>7} {:>11} {:>7} {:>7} {:>7}\n",
        report.faces, "", "faces", "first look", "error", "median", "> 10 %"
    );
    let mut line = |name: &str, errors: &Errors| {
        let [first, mean, median, misses] =
            [errors.first_look, errors.mean, errors.median, errors.misses].map(|v| 100.0 * v);
        text += &format!(
            "{name:<36} {:>7} {first:>9.2} % {mean:>5.2} % {median:>5.2} % {misses:>5.1} %\n",
            errors.faces
        );
    };
    line("the detector's own boxes", &report.detector);
    for condition in Condition::ALL {
        if let Some(errors) = report.conditions.get(condition.key) {
            line(condition.name, errors);
        }
    }
    text += &format!(
        "\nnot detected: {}\nat rest, with a camera's noise: {:.3} px of the crop (standard deviation)\n",
        report.undetected, report.rest_px
    );
    if let (Some(auc), Some(kept), Some(refused)) =
        (report.face_auc, report.faces_kept, report.no_faces_refused)
    {
        text += &format!(
            "face score: area under the curve {auc:.4}; at a half {:.2} % of the faces kept, {:.2} % of the others refused\n",
            100.0 * kept,
            100.0 * refused
        );
    }
    text
}
