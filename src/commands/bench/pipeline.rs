//! `bench --pipeline`: every stage from a frame to its rows, and the way as a whole.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use clap::Parser as _;
use serde::Serialize;

use super::contest::Quartiles;
use super::frames::Frames;
use super::table::Table;
use crate::analysis::{BoxPx, Crop};
use crate::cli::{BenchArgs, Cli, Command};
use crate::commands::Failure;
use crate::evaluate::bootstrap::quantile;
use crate::face::align;
use crate::face::detect::Detector;
use crate::face::finder::{FinderError, Schedule};
use crate::face::gray::Gray;
use crate::face::landmarks::LandmarkNet;
use crate::frame::PixelPool;
use crate::model::config::CROP_SIDE_PX;
use crate::model::student::Precision;
use crate::model::student::Student;
use crate::offline::Offline;
use crate::pipeline::{Pipeline, PipelineError};
use crate::session::Tuning;

/// Every so many frames the whole picture is searched, for its price.
const SCAN_EVERY: usize = 5;
/// Times that the whole way is gone; a stage's figures are over all frames of one time.
const PASSES: usize = 3;

/// What came out. The times at the top are of one frame through the whole way, as `analyze` goes it on one thread.
#[derive(Debug, Serialize)]
pub(super) struct PipelineReport {
    #[serde(flatten)]
    whole: Quartiles,
    /// Frames over the seconds they took together; the slow ones, with a full scan, weigh here.
    frames_per_s: f64,
    /// The same as a live session goes it: slices of a scan, and a reading at the end of each frame's past.
    live: LiveWay,
    input: String,
    frames: usize,
    faces: usize,
    width_px: usize,
    height_px: usize,
    stages: Vec<Stage>,
    /// `affectscope analyze` on the clip, from its start to the written table.
    #[serde(skip_serializing_if = "Option::is_none")]
    analyze: Option<Analyze>,
}

#[derive(Debug, Serialize)]
struct LiveWay {
    #[serde(flatten)]
    time: Quartiles,
    frames_per_s: f64,
}

/// One stage of a frame, or of a face.
#[derive(Debug, Serialize)]
struct Stage {
    name: &'static str,
    #[serde(flatten)]
    time: Quartiles,
}

#[derive(Debug, Serialize)]
struct Analyze {
    /// The whole clip, whose number of frames may be larger than that of the stages.
    frames: u64,
    #[serde(flatten)]
    time: Quartiles,
    /// At the median; quartiles of the slower and the faster runs.
    frames_per_s: f64,
    frames_per_s_quartile1: f64,
    frames_per_s_quartile3: f64,
}

/// Runs it.
pub(super) fn run(
    args: &BenchArgs,
    input: Option<&Path>,
    student: &Arc<Student>,
) -> Result<PipelineReport, Failure> {
    let loaded = Frames::load(input, args.frames)?;
    let frames = &loaded.frames;
    let (mut observe_ms, mut step_ms) = (Vec::new(), Vec::new());
    let mut boxes: Vec<Vec<BoxPx>> = Vec::new();
    // By turns, as in the network's rounds; the first time round is the warm-up.
    for pass in 0..=PASSES {
        let (ms, found) = offline_way(student, &loaded)?;
        let live_ms = live_way(student, &loaded)?;
        if pass > 0 {
            observe_ms.extend(ms);
            step_ms.extend(live_ms);
        }
        boxes = found;
    }
    let faces: usize = boxes.iter().map(Vec::len).sum();
    let mut stages = Vec::new();
    let mut add = |name: &'static str, samples_ms: &[f64]| {
        if let Some(time) = Quartiles::of(samples_ms) {
            stages.push(Stage { name, time });
        }
    };
    let name = if input.is_some() { "decode" } else { "render" };
    add(name, &loaded.source_ms);
    for (name, samples_ms) in stages_of(student, &loaded, &boxes)? {
        add(name, &samples_ms);
    }
    let rate = |samples_ms: &[f64]| samples_ms.len() as f64 * 1e3 / samples_ms.iter().sum::<f64>();
    let times = Quartiles::of(&observe_ms).zip(Quartiles::of(&step_ms));
    let (whole, live) = times.ok_or_else(|| Failure::broken("no frame was measured"))?;
    Ok(PipelineReport {
        whole,
        frames_per_s: rate(&observe_ms),
        live: LiveWay {
            time: live,
            frames_per_s: rate(&step_ms),
        },
        input: loaded.title.clone(),
        frames: frames.len(),
        faces,
        width_px: frames[0].width_px(),
        height_px: frames[0].height_px(),
        stages,
        analyze: input.map(|path| analyze(args, path)).transpose()?,
    })
}

/// Milliseconds of every frame through the offline way, and the boxes found on it.
fn offline_way(
    student: &Arc<Student>,
    loaded: &Frames,
) -> Result<(Vec<f64>, Vec<Vec<BoxPx>>), Failure> {
    let mut pipeline = Pipeline::new(student.clone(), Schedule::Thorough, Tuning::default())?;
    let mut offline = Offline::default();
    let (mut all_ms, mut boxes) = (Vec::new(), Vec::new());
    for frame in &loaded.frames {
        let start = Instant::now();
        let faces = pipeline.observe(frame)?;
        boxes.push(
            faces
                .iter()
                .filter_map(|f| f.place.map(|p| p.box_px))
                .collect(),
        );
        let status = if faces.is_empty() {
            crate::analysis::Status::NoFace
        } else {
            crate::analysis::Status::Ok
        };
        offline.push(student, frame.stamp, None, status, faces)?;
        all_ms.push(start.elapsed().as_secs_f64() * 1e3);
    }
    let start = Instant::now();
    offline.finish(student)?;
    // The last windows belong to the last frame.
    if let Some(last_ms) = all_ms.last_mut() {
        *last_ms += start.elapsed().as_secs_f64() * 1e3;
    }
    Ok((all_ms, boxes))
}

/// Milliseconds of every frame through the live way.
fn live_way(student: &Arc<Student>, loaded: &Frames) -> Result<Vec<f64>, Failure> {
    let mut pipeline = Pipeline::new(student.clone(), Schedule::Spread, Tuning::default())?;
    let step = |frame: &Arc<_>| {
        let start = Instant::now();
        pipeline.step(Arc::clone(frame))?;
        Ok(start.elapsed().as_secs_f64() * 1e3)
    };
    loaded.frames.iter().map(step).collect()
}

/// Each stage alone, frame after frame, on the faces that the whole way found.
fn stages_of(
    student: &Arc<Student>,
    loaded: &Frames,
    boxes: &[Vec<BoxPx>],
) -> Result<Vec<(&'static str, Vec<f64>)>, Failure> {
    let mut detector = Detector::new().map_err(|e| PipelineError::from(FinderError::from(e)))?;
    let mut pool = PixelPool::new(4);
    let mut net = LandmarkNet::new().map_err(|e| PipelineError::from(FinderError::from(e)))?;
    let color = student.config().backbone.color;
    let resize_px = student.config().resize_px();
    let mut gray = Gray::default();
    let mut all: [Vec<f64>; 8] = Default::default();
    let [grey, scan, near, landmarks, align, input, network, gru] = &mut all;
    let timed = |into: &mut Vec<f64>, start: Instant| {
        into.push(start.elapsed().as_secs_f64() * 1e3);
    };
    let mut last: &[BoxPx] = &[];
    for (i, (frame, found)) in loaded.frames.iter().zip(boxes).enumerate() {
        let start = Instant::now();
        gray.fill(frame);
        timed(grey, start);
        if i % SCAN_EVERY == 0 {
            let min_face_px = Tuning::default().min_face * frame.height_px() as f32;
            let start = Instant::now();
            detector.scan(&gray, min_face_px);
            timed(scan, start);
        }
        for &box_px in last {
            let start = Instant::now();
            detector.near(&gray, box_px);
            timed(near, start);
        }
        last = found;
        for &box_px in found {
            let start = Instant::now();
            let points_px = net.find(&gray, box_px);
            timed(landmarks, start);
            let start = Instant::now();
            let pixels = align::crop(frame, &gray, &points_px, (color, resize_px), &mut pool);
            timed(align, start);
            let Some(pixels) = pixels else { continue };
            let crop = Crop {
                face_id: 1,
                side_px: CROP_SIDE_PX,
                channels: color.channels(),
                pixels,
            };
            let start = Instant::now();
            student.input(std::slice::from_ref(&crop))?;
            timed(input, start);
            let start = Instant::now();
            let features = student.features(std::slice::from_ref(&crop))?;
            timed(network, start);
            if let Some((steps, _)) = student.window() {
                let window = vec![&features[0]; steps];
                let start = Instant::now();
                student.read_at(&window, steps - 1)?;
                timed(gru, start);
            }
        }
    }
    let names = [
        "grey",
        "detector_scan",
        "detector_near",
        "landmarks",
        "align",
        "input",
        "features",
        "gru_window",
    ];
    Ok(names.into_iter().zip(all).collect())
}

/// The command itself, whatever threads and batches it uses.
fn analyze(args: &BenchArgs, path: &Path) -> Result<Analyze, Failure> {
    let folder = tempfile::tempdir()
        .map_err(|e| Failure::broken(format!("no folder for temporary files ({e})")))?;
    let table = folder.path().join("rows.csv");
    let mut words = vec![
        "affectscope".into(),
        "analyze".into(),
        "--force".into(),
        "--out".into(),
        table.clone().into_os_string(),
    ];
    if let Some(weights) = &args.network_args.weights {
        words.extend(["--weights".into(), weights.clone().into_os_string()]);
    }
    if let Some(threads) = args.network_args.threads {
        words.extend(["--threads".into(), threads.to_string().into()]);
    }
    if args.network_args.precision == Precision::Int8 {
        words.extend(["--precision".into(), "int8".into()]);
    }
    words.extend(["--".into(), path.as_os_str().to_owned()]);
    let cli = Cli::try_parse_from(words).map_err(|e| Failure::broken(e.to_string()))?;
    let Some(Command::Analyze(analyze)) = &cli.command else {
        return Err(Failure::broken("analyze is not a command"));
    };
    let (mut all_ms, mut frames) = (Vec::new(), 0);
    for _ in 0..PASSES {
        let start = Instant::now();
        crate::commands::analyze::run(analyze)?;
        all_ms.push(start.elapsed().as_secs_f64() * 1e3);
        frames = frames_of(&table)?;
    }
    let time = Quartiles::of(&all_ms).ok_or_else(|| Failure::broken("nothing was measured"))?;
    let mut rates: Vec<f64> = all_ms.iter().map(|ms| frames as f64 * 1e3 / ms).collect();
    rates.sort_by(f64::total_cmp);
    Ok(Analyze {
        frames,
        time,
        frames_per_s: quantile(&rates, 0.5),
        frames_per_s_quartile1: quantile(&rates, 0.25),
        frames_per_s_quartile3: quantile(&rates, 0.75),
    })
}

/// How many frames the sidecar of a table counts.
fn frames_of(table: &Path) -> Result<u64, Failure> {
    let sidecar = crate::formats::sidecar::sidecar_path(table);
    let text = std::fs::read_to_string(&sidecar).map_err(|e| Failure::broken(e.to_string()))?;
    let value: serde_json::Value =
        serde_json::from_str(&text).map_err(|e| Failure::broken(e.to_string()))?;
    Ok(value["counts"]["frames"].as_u64().unwrap_or(0))
}

impl PipelineReport {
    /// A table for a terminal.
    pub fn lines(&self) -> String {
        let mut text = format!(
            "pipeline        {}: {} frames of {}x{}, {} faces\n",
            self.input, self.frames, self.width_px, self.height_px, self.faces
        );
        let mut table = Table::new("ms a frame");
        table.row("the whole way of a file", &self.whole);
        table.row("the whole way, live", &self.live.time);
        for stage in &self.stages {
            let name = match stage.name {
                "decode" => "  decode",
                "render" => "  render the demo",
                "grey" => "  grey",
                "detector_scan" => "  detector, full scan",
                "detector_near" => "  detector, near a face",
                "landmarks" => "  landmarks",
                "align" => "  align and crop",
                "input" => "  input from a crop",
                "features" => "  network, from a crop",
                "gru_window" => "  GRU, a window",
                other => other,
            };
            table.row(name, &stage.time);
        }
        text.push_str(&table.text());
        let _ = writeln!(
            text,
            "  {:.1} frames a second as a file on one thread, {:.1} live",
            self.frames_per_s, self.live.frames_per_s
        );
        if let Some(analyze) = &self.analyze {
            let _ = writeln!(
                text,
                "  analyze: {:.1} frames a second ({:.1} to {:.1}), {} frames from start to written table",
                analyze.frames_per_s,
                analyze.frames_per_s_quartile1,
                analyze.frames_per_s_quartile3,
                analyze.frames
            );
        }
        text
    }
}
