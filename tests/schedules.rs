//! What each detector schedule finds and costs on real clips, beside a search of every frame.
//!
//! `cargo run --release --example schedules -- CLIP...` prints a table; a clip is anything that `analyze` reads.

#![allow(clippy::print_stdout)]

use std::path::Path;
use std::time::Instant;

use affectscope::analysis::{BoxPx, Crop};
use affectscope::face::finder::{Finder, Schedule, Work};
use affectscope::frame::Frame;
use affectscope::labels::Estimate;
use affectscope::model::student::{NetworkError, Student};
use affectscope::model::weights::Weights;
use affectscope::session::Tuning;
use affectscope::source::{self, Next};
use candle_core::Device;

/// Frames of a clip that are taken.
const MOST_FRAMES: usize = 400;
/// Boxes that share more than this are one face's.
const SAME_IOU: f32 = 0.3;

/// A face's id, its box, and what the network's CNN reads in its crop.
type Face = (u32, BoxPx, Estimate);

struct Run {
    /// Each frame's faces.
    faces: Vec<Vec<Face>>,
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

fn run(
    finder: &mut Finder,
    student: &Student,
    schedule: Schedule,
    frames: &[Frame],
) -> Result<Run, NetworkError> {
    finder.set_schedule(schedule);
    finder.reset();
    let (mut faces, mut ms) = (Vec::new(), Vec::new());
    for frame in frames {
        let start = Instant::now();
        let found = finder.find(frame, &Tuning::default());
        ms.push(start.elapsed().as_secs_f64() * 1e3);
        let crops: Vec<Crop> = found.iter().map(|f| f.crop.clone()).collect();
        let read = student.features(&crops)?;
        let both = found.iter().zip(read);
        faces.push(
            both.map(|(f, read)| (f.crop.face_id, f.detection.box_px, read.alone))
                .collect(),
        );
    }
    ms.sort_by(f64::total_cmp);
    Ok(Run {
        faces,
        ms,
        work: finder.work(),
    })
}

/// Mean absolute differences of the faces that both have: of the probabilities, of valence, of arousal.
fn differences(a: &Run, b: &Run) -> [f64; 3] {
    let (mut sums, mut count) = ([0.0; 3], 0);
    for (a, b) in a.faces.iter().zip(&b.faces) {
        for (_, x, p) in a {
            let best = b
                .iter()
                .max_by(|(_, y, _), (_, z, _)| x.iou(y).total_cmp(&x.iou(z)));
            let Some((_, _, q)) = best.filter(|(_, y, _)| x.iou(y) > SAME_IOU) else {
                continue;
            };
            count += 1;
            let off = p.probabilities.iter().zip(&q.probabilities);
            sums[0] += off.map(|(p, q)| f64::from((p - q).abs())).sum::<f64>() / 7.0;
            sums[1] += f64::from((p.valence - q.valence).abs());
            sums[2] += f64::from((p.arousal - q.arousal).abs());
        }
    }
    sums.map(|sum| sum / f64::from(count.max(1)))
}

/// Faces of `a` that `b` does not have on the same frame.
fn lacking(a: &Run, b: &Run) -> (usize, Vec<usize>) {
    let (mut count, mut frames) = (0, Vec::new());
    for (i, (a, b)) in a.faces.iter().zip(&b.faces).enumerate() {
        let missing = a
            .iter()
            .filter(|(_, x, _)| !b.iter().any(|(_, y, _)| x.iou(y) > SAME_IOU));
        let missing = missing.count();
        count += missing;
        if missing > 0 {
            frames.push(i);
        }
    }
    (count, frames)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let student = Student::new(&Weights::load(None)?, &Device::Cpu)?;
    let mut finder = Finder::new(Schedule::EveryFrame, student.config())?;
    println!(
        "clip, schedule: faces, missed, extra, same frames %, ids; ms mean, median, 95 %, most; checks, searches, landmark runs; mean differences of probabilities, valence, arousal"
    );
    for path in std::env::args_os().skip(1) {
        let path = Path::new(&path);
        let frames = frames(path)?;
        let reference = run(&mut finder, &student, Schedule::EveryFrame, &frames)?;
        for schedule in [Schedule::EveryFrame, Schedule::Thorough, Schedule::Spread] {
            let run = run(&mut finder, &student, schedule, &frames)?;
            let (missed, missed_on) = lacking(&reference, &run);
            let (extra, extra_on) = lacking(&run, &reference);
            let mut off: Vec<usize> = missed_on.iter().chain(&extra_on).copied().collect();
            off.sort_unstable();
            off.dedup();
            let count = frames.len().max(1);
            let mut ids: Vec<u32> = run.faces.iter().flatten().map(|(id, ..)| *id).collect();
            ids.sort_unstable();
            ids.dedup();
            let [p, v, a] = differences(&run, &reference);
            let at = |part: f64| run.ms[((run.ms.len() - 1) as f64 * part) as usize];
            println!(
                "{} {}x{} {count} frames, {schedule:?}: {}, {missed}, {extra}, {:.1}, {}; {:.2}, {:.2}, {:.2}, {:.2}; {}, {}, {}; {p:.4}, {v:.4}, {a:.4}",
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
