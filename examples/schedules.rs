//! What each detector schedule finds and costs on real clips, beside a search of every frame.
//!
//! `cargo run --release --example schedules -- CLIP...` prints a table; a clip is anything that `analyze` reads.

#![allow(clippy::print_stdout)]

use std::path::Path;
use std::time::Instant;

use affectscope::analysis::BoxPx;
use affectscope::face::finder::{Finder, Schedule, Work};
use affectscope::frame::Frame;
use affectscope::model::config::StudentConfig;
use affectscope::model::weights::Weights;
use affectscope::session::Tuning;
use affectscope::source::{self, Next};

/// Frames of a clip that are taken.
const MOST_FRAMES: usize = 400;

struct Run {
    /// Each frame's faces.
    faces: Vec<Vec<(u32, BoxPx)>>,
    /// Each frame's time, ms, ascending.
    ms: Vec<f64>,
    work: Work,
}

fn frames(path: &Path) -> Result<Vec<Frame>, Box<dyn std::error::Error>> {
    let mut source = source::open_path(path)?;
    let mut frames = Vec::new();
    while frames.len() < MOST_FRAMES {
        match source.next()? {
            Next::Frame(frame) => frames.push(frame),
            Next::End { .. } => break,
            _ => {}
        }
    }
    Ok(frames)
}

fn run(finder: &mut Finder, schedule: Schedule, frames: &[Frame]) -> Run {
    finder.set_schedule(schedule);
    finder.reset();
    let (mut faces, mut ms) = (Vec::new(), Vec::new());
    for frame in frames {
        let start = Instant::now();
        let found = finder.find(frame, &Tuning::default());
        ms.push(start.elapsed().as_secs_f64() * 1e3);
        let boxes = found.iter().map(|f| (f.crop.face_id, f.detection.box_px));
        faces.push(boxes.collect());
    }
    ms.sort_by(f64::total_cmp);
    Run {
        faces,
        ms,
        work: finder.work(),
    }
}

/// Faces of `a` that `b` does not have on the same frame.
fn lacking(a: &Run, b: &Run) -> (usize, Vec<usize>) {
    let (mut count, mut frames) = (0, Vec::new());
    for (i, (a, b)) in a.faces.iter().zip(&b.faces).enumerate() {
        let missing = a
            .iter()
            .filter(|(_, x)| !b.iter().any(|(_, y)| x.iou(y) > 0.3));
        let missing = missing.count();
        count += missing;
        if missing > 0 {
            frames.push(i);
        }
    }
    (count, frames)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let config = StudentConfig::parse(&Weights::load(None)?.config)?;
    let mut finder = Finder::new(Schedule::EveryFrame, &config)?;
    println!(
        "clip, schedule: faces, missed, extra, same frames %, ids; ms mean, median, 95 %, most; checks, searches, landmark runs"
    );
    for path in std::env::args_os().skip(1) {
        let path = Path::new(&path);
        let frames = frames(path)?;
        let reference = run(&mut finder, Schedule::EveryFrame, &frames);
        for schedule in [Schedule::EveryFrame, Schedule::Thorough, Schedule::Spread] {
            let run = run(&mut finder, schedule, &frames);
            let (missed, missed_on) = lacking(&reference, &run);
            let (extra, extra_on) = lacking(&run, &reference);
            let mut off: Vec<usize> = missed_on.iter().chain(&extra_on).copied().collect();
            off.sort_unstable();
            off.dedup();
            let count = frames.len().max(1);
            let mut ids: Vec<u32> = run.faces.iter().flatten().map(|(id, _)| *id).collect();
            ids.sort_unstable();
            ids.dedup();
            let at = |part: f64| run.ms[((run.ms.len() - 1) as f64 * part) as usize];
            println!(
                "{} {}x{} {count} frames, {schedule:?}: {}, {missed}, {extra}, {:.1}, {}; {:.2}, {:.2}, {:.2}, {:.2}; {}, {}, {}",
                path.file_name().unwrap_or_default().to_string_lossy(),
                frames[0].width_px(),
                frames[0].height_px(),
                run.faces.iter().map(Vec::len).sum::<usize>(),
                100.0 * (count - off.len()) as f64 / count as f64,
                ids.len(),
                run.ms.iter().sum::<f64>() / count as f64,
                at(0.5),
                at(0.95),
                at(1.0),
                run.work.checks,
                run.work.searches,
                run.work.landmarks,
            );
            if std::env::var_os("WHERE").is_some() {
                println!("  missed on {missed_on:?}\n  extra on {extra_on:?}");
            }
        }
    }
    Ok(())
}
