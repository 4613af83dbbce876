//! The annotator's bench, driven by the names that a screen reader would speak.

use std::path::{Path, PathBuf};
use std::process::Command as Process;
use std::sync::{Arc, Mutex};

use affectscope::analysis::{BoxPx, Record};
use affectscope::frame::{Frame, FrameStamp};
use affectscope::gui::{App, WindowOptions};
use affectscope::review::Editor;
use affectscope::review::export::{ExportEnd, ExportOrder, ExportProgress};
use affectscope::review::model::Model;
use affectscope::review::project::{Frames, Project};
use affectscope::review::save::Job;
use affectscope::review::session::{
    Engine, JournalWord, Phase, Progress, Ranking, Request, SessionOrder, Update, Wanted,
};
use affectscope::settings::Settings;
use eframe::egui::{Key, Modifiers, pos2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

use super::Dropped;
use super::fake::{Fake, record, running};

mod exports;
mod labels;
mod opening;
mod panels;
mod sessions;
mod unkept;

/// What the threads behind the bench say next, and what they were told.
#[derive(Default)]
pub struct Stage {
    update: Update,
    opened: Vec<Request>,
    shown: Vec<usize>,
    orders: Vec<&'static str>,
    /// Small pictures that were asked for last.
    wanted: Vec<(usize, Option<BoxPx>)>,
    /// What was asked of sessions.
    sessions: Vec<SessionOrder>,
    /// Rankings are left to a thread that is not there.
    idle_ranker: bool,
    /// A gamepad is looked at.
    stick_watched: bool,
    /// Lines for the journal.
    kept: usize,
    /// How the journal is.
    journal: Option<JournalWord>,
}

/// The engine that hands it out; a picture comes for every frame that is asked for.
#[derive(Clone, Default)]
pub struct FakeBench(Arc<Mutex<Stage>>);

impl FakeBench {
    fn with<T>(&self, change: impl FnOnce(&mut Stage) -> T) -> T {
        change(&mut self.0.lock().unwrap())
    }
}

impl Engine for FakeBench {
    fn poll(&mut self) -> Update {
        self.with(|s| {
            let phase = s.update.phase.clone();
            s.update.journal = s.journal.clone();
            std::mem::replace(
                &mut s.update,
                Update {
                    phase,
                    ..Update::default()
                },
            )
        })
    }

    fn open(&mut self, request: &Request) {
        self.with(|s| s.opened.push(request.clone()));
    }

    fn show(&mut self, frame: usize) {
        self.with(|s| {
            s.shown.push(frame);
            let stamp = FrameStamp {
                index: frame as u64,
                time_s: frame as f64 / 25.0,
            };
            s.update.picture = Some(Arc::new(Frame::new(stamp, 4, 3, vec![90; 36]).unwrap()));
        });
    }

    fn thumbnails(&mut self, wanted: Vec<(usize, Option<BoxPx>)>) {
        self.with(|s| s.wanted = wanted);
    }

    fn rank(&mut self, wanted: Wanted) {
        self.with(|s| {
            if !s.idle_ranker {
                s.update.ranking = Some(Ranking::of(&wanted));
            }
        });
    }

    fn watch_stick(&mut self, on: bool) {
        self.with(|s| s.stick_watched = on);
    }

    fn keep(&mut self, editor: &mut Editor) {
        let lines = editor.take_entries();
        self.with(|s| s.kept += lines.len());
    }

    fn save(&mut self, rater: usize, job: Job) {
        let saved = job.write().map_err(|e| e.to_string());
        self.with(|s| s.update.saved.push((rater, saved)));
    }

    fn sessions(&mut self, order: SessionOrder) {
        self.with(|s| s.sessions.push(order));
    }

    fn analyse(&mut self) {
        self.with(|s| s.orders.push("analyse"));
    }

    fn cancel(&mut self) {
        self.with(|s| s.orders.push("cancel"));
    }

    fn export(&mut self, _: ExportOrder) {
        self.with(|s| s.orders.push("export"));
    }

    fn cancel_export(&mut self) {
        self.with(|s| s.orders.push("cancel export"));
    }
}

/// A video of 200 frames; the labels say anger where the model says disgust on the frames 100 to 119, and are off by a
/// little in valence. Labels of valence and arousal lie in a second file of the same name.
fn files(folder: &Path) -> (PathBuf, [PathBuf; 2]) {
    let mut rows = String::from(
        "frame,time_s,face_id,status,box_x_px,box_y_px,box_w_px,box_h_px,neutral,anger,disgust,fear,happiness,sadness,surprise,expression,valence,arousal,valence_sd,arousal_sd\n",
    );
    let mut expr = String::from("Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise\n");
    let mut va = String::from("valence,arousal\n");
    for frame in 0..200 {
        let time_s = f64::from(frame) / 25.0;
        let wave = (f64::from(frame) / 30.0).sin();
        if (40..50).contains(&frame) {
            rows.push_str(&format!("{frame},{time_s:.6},,no_face{}\n", ",".repeat(16)));
        } else {
            let (name, code) = if frame % 7 == 0 {
                ("happiness", 4)
            } else {
                ("disgust", 2)
            };
            let p = |c: i32| if c == code { "0.7" } else { "0.05" };
            let shares: Vec<&str> = (0..7).map(p).collect();
            rows.push_str(&format!(
                "{frame},{time_s:.6},1,ok,1,1,2,2,{},{name},{:.6},{:.6},0.1,0.2\n",
                shares.join(","),
                wave * 0.8,
                wave * 0.3 + 0.1
            ));
        }
        let label = match frame {
            100..120 => 1,
            f if f % 50 == 49 => -1,
            f if f % 7 == 0 => 4,
            _ => 2,
        };
        expr.push_str(&format!("{label}\n"));
        va.push_str(&format!("{:.4},{:.4}\n", wave * 0.6 - 0.1, wave * 0.5));
    }
    let table = folder.join("talk.affect.csv");
    std::fs::write(&table, rows).unwrap();
    let [e, v] = ["EXPR", "VA"].map(|kind| {
        std::fs::create_dir_all(folder.join(kind)).unwrap();
        folder.join(kind).join("talk.txt")
    });
    std::fs::write(&e, expr.trim_end()).unwrap();
    std::fs::write(&v, va.trim_end()).unwrap();
    (table, [e, v])
}

/// The video without anything beside it.
fn bare(folder: &Path) -> Project {
    let times_s = (0..200).map(|f| f64::from(f) / 25.0).collect();
    let frames = Frames {
        times_s,
        pictures: None,
        note: None,
    };
    Project::of_video(&folder.join("talk.mp4"), frames)
}

fn project(folder: &Path) -> (Project, PathBuf) {
    let (table, labels) = files(folder);
    let mut project = bare(folder);
    project.set_model(Model::read(&table).unwrap());
    for path in &labels {
        project.add_labels(path).unwrap();
    }
    (project, table)
}

fn window(bench: &FakeBench, request: Request, size: [f32; 2]) -> Harness<'static, App> {
    let fake: Fake = running(&[1]);
    fake.with(|s| s.bench = Some(bench.clone()));
    let options = WindowOptions {
        review: Some(request),
        ..WindowOptions::default()
    };
    let mut harness = Harness::builder()
        .with_size(vec2(size[0], size[1]))
        .build_eframe(|cc| App::new(&cc.egui_ctx, Box::new(fake), Settings::default(), options));
    harness.run_steps(3);
    harness
}

fn opened(folder: &Path) -> (FakeBench, Harness<'static, App>) {
    let bench = FakeBench::default();
    let (project, _) = project(folder);
    bench.with(|s| {
        s.update.phase = Phase::Ready;
        s.update.project = Some(Box::new(project));
    });
    let harness = window(&bench, Request::default(), [1280.0, 800.0]);
    (bench, harness)
}

fn has(harness: &Harness<'_, App>, part: &str) -> bool {
    harness.query_all_by_label_contains(part).next().is_some()
}

fn press(harness: &mut Harness<'_, App>, key: Key) {
    harness.key_press(key);
    harness.run_steps(3);
}

#[test]
fn an_empty_bench_says_what_to_do_and_a_wrong_file_why_it_is_not_opened() {
    let bench = FakeBench::default();
    let mut harness = window(&bench, Request::default(), [900.0, 600.0]);
    harness.get_by_label("Check predictions against what people said");
    harness.get_by_label("Open predictions");
    harness.get_by_label("Open the example").click();
    harness.run_steps(3);
    assert!(bench.with(|s| s.opened.last().is_some_and(|r| r.example)));
    bench.with(|s| {
        s.update.phase = Phase::Opening {
            what: "Looking through the video".to_owned(),
            part: Some(0.4),
        }
    });
    harness.run_steps(3);
    harness.get_by_label("Looking through the video: 40 %");
    harness.get_by_label("The example");
    harness.get_by_label("Video: The example");
    harness.get_by_label("Cancel opening").click();
    harness.run_steps(3);
    bench.with(|s| s.update.phase = Phase::Empty);
    harness.run_steps(3);
    assert!(bench.with(|s| s.opened.last().is_some_and(Request::is_empty)));
    harness.get_by_label("Check predictions against what people said");
    bench.with(|s| {
        s.update.phase = Phase::Failed {
            reason: "talk.mp4: it is no video. Give another.".to_owned(),
        }
    });
    harness.run_steps(3);
    harness.get_by_label("It cannot be opened");
    harness.get_by_label("talk.mp4: it is no video. Give another.");
    harness.get_by_label("Back to the scope").click();
    harness.run_steps(3);
    harness.get_by_label("Mirror");
}

#[test]
fn keys_walk_frame_by_frame_and_the_picture_is_that_of_the_number() {
    let folder = tempfile::tempdir().unwrap();
    let (bench, mut harness) = opened(folder.path());
    harness.get_by_label("Picture of frame 0");
    press(&mut harness, Key::ArrowRight);
    harness.get_by_label("Picture of frame 1");
    harness.get_by_label("Frame 1, 00:00.040");
    harness.key_press_modifiers(Modifiers::SHIFT, Key::ArrowRight);
    harness.run_steps(3);
    harness.get_by_label("Frame 26, 00:01.040");
    press(&mut harness, Key::End);
    harness.get_by_label("Picture of frame 199");
    press(&mut harness, Key::Home);
    harness.get_by_label("Timeline, frame 0 of 200");
    assert_eq!(bench.with(|s| s.shown.clone()), [0, 1, 26, 199, 0]);
    press(&mut harness, Key::Space);
    harness.get_by_label("Stop");
    press(&mut harness, Key::K);
    harness.get_by_label("Play");
    press(&mut harness, Key::G);
    harness
        .get_by_label("Go to frame or time")
        .type_text("0:04");
    harness.run_steps(2);
    press(&mut harness, Key::Enter);
    harness.get_by_label("Frame 100, 00:04.000");
}

#[test]
fn the_figures_are_those_of_evaluate_to_the_last_digit() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut harness) = opened(folder.path());
    let run = |annotations: &str| {
        let out = Process::new(env!("CARGO_BIN_EXE_affectscope"))
            .args(["evaluate", "--predictions"])
            .arg(folder.path().join("talk.affect.csv"))
            .arg("--annotations")
            .arg(folder.path().join(annotations).join("talk.txt"))
            .output()
            .unwrap();
        assert!(
            out.status.success(),
            "{}",
            String::from_utf8_lossy(&out.stderr)
        );
        String::from_utf8(out.stdout).unwrap()
    };
    // `name  frames  value ...`
    let figure = |text: &str, name: &str| {
        let line = text.lines().find(|l| l.starts_with(name)).unwrap();
        line[name.len()..]
            .split_whitespace()
            .nth(1)
            .unwrap()
            .to_owned()
    };
    let (expr, va) = (run("EXPR"), run("VA"));
    for (window, text, name) in [
        ("CCC valence", &va, "valence"),
        ("CCC arousal", &va, "arousal"),
        ("Macro F1", &expr, "macro F1"),
        ("Accuracy", &expr, "accuracy"),
        ("Criterion", &expr, "criterion"),
    ] {
        let wanted = format!("{window}, all {}", figure(text, name));
        assert!(has(&harness, &wanted), "{wanted}\n{text}");
    }
    harness.get_by_label("Against labels");
    harness.get_by_label("Labelled anger, model disgust: 17 frames");
    // The same over a selection of all frames.
    press(&mut harness, Key::End);
    press(&mut harness, Key::CloseBracket);
    let accuracy = figure(&expr, "accuracy");
    assert!(has(
        &harness,
        &format!("Accuracy, all {accuracy}, selection {accuracy}, to the play-head {accuracy}")
    ));
}

#[test]
fn a_cell_of_the_confusion_leads_to_its_frames() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut harness) = opened(folder.path());
    harness
        .get_by_label("Labelled anger, model disgust: 17 frames")
        .click();
    harness.run_steps(3);
    harness.get_by_label("Picture of frame 100");
    // Frame 105 is happiness to the model: the next run begins behind it.
    harness
        .get_by_label("Labelled anger, model disgust: 17 frames")
        .click();
    harness.run_steps(3);
    harness.get_by_label("Picture of frame 106");
}

#[test]
fn who_rates_blind_sees_no_prediction() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut harness) = opened(folder.path());
    assert!(has(&harness, "model: Happiness 0.70"));
    press(&mut harness, Key::B);
    assert!(!has(&harness, "model: "));
    assert!(!has(&harness, "Expressions of the model"));
    assert!(!has(&harness, "CCC valence"));
    assert!(has(&harness, "labels: Happiness"));
    press(&mut harness, Key::B);
    assert!(has(&harness, "CCC valence"));
}

#[test]
fn an_analysis_is_asked_for_and_grows_on_screen() {
    let folder = tempfile::tempdir().unwrap();
    let bench = FakeBench::default();
    bench.with(|s| {
        s.update.phase = Phase::Ready;
        s.update.project = Some(Box::new(bare(folder.path())));
    });
    let mut harness = window(&bench, Request::default(), [1280.0, 800.0]);
    assert!(has(&harness, "Scores need predictions"));
    harness.get_by_label("Predictions: none").click();
    harness.run_steps(3);
    harness
        .get_by_label_contains("Analyse the video now")
        .click();
    harness.run_steps(3);
    assert_eq!(bench.with(|s| s.orders.clone()), ["analyse"]);
    let first = Record::clone(&record(
        FrameStamp {
            index: 0,
            time_s: 0.0,
        },
        &[1],
    ));
    bench.with(|s| {
        s.update.records = vec![first];
        s.update.analysis = Some(Progress {
            done: 100,
            of: Some(200),
            path: folder.path().join("talk.affect.csv"),
            run: 1,
            ended: None,
        });
    });
    harness.run_steps(3);
    harness.get_by_label("Predictions: analysing 50 %");
    assert!(has(&harness, "model: Happiness 0.81"));
}

#[test]
#[ignore = "measures, and asserts nothing"]
#[allow(clippy::print_stdout)]
fn a_million_frames() {
    use std::fmt::Write as _;
    use std::time::Instant;
    const FRAMES: usize = 1_000_000;
    let folder = tempfile::tempdir().unwrap();
    let resident_mib = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status
            .lines()
            .find(|l| l.starts_with("VmRSS"))
            .unwrap_or_default();
        let kib: f64 = line
            .split_whitespace()
            .nth(1)
            .and_then(|n| n.parse().ok())
            .unwrap_or(0.0);
        kib / 1024.0
    };
    let mut rows = String::from(
        "frame,time_s,face_id,status,box_x_px,box_y_px,box_w_px,box_h_px,neutral,anger,disgust,fear,happiness,sadness,surprise,expression,valence,arousal,valence_sd,arousal_sd\n",
    );
    let mut labels = String::from("frame,expression,valence,arousal\n");
    let names = [
        "neutral",
        "anger",
        "disgust",
        "fear",
        "happiness",
        "sadness",
        "surprise",
    ];
    for frame in 0..FRAMES {
        let (wave, name) = ((frame as f64 / 900.0).sin(), names[frame / 400 % 7]);
        let _ = writeln!(
            rows,
            "{frame},{:.6},1,ok,1,1,2,2,0.1,0.1,0.1,0.1,0.4,0.1,0.1,{name},{wave:.6},{:.6},0.1,0.2",
            frame as f64 / 25.0,
            wave * 0.5
        );
        let _ = writeln!(
            labels,
            "{frame},{},{:.4},{:.4}",
            names[(frame + 90) / 400 % 7],
            wave * 0.8,
            wave * 0.6
        );
    }
    let (table, file) = (
        folder.path().join("long.affect.csv"),
        folder.path().join("long.anna.csv"),
    );
    std::fs::write(&table, &rows).unwrap();
    std::fs::write(&file, &labels).unwrap();
    println!("files: {} and {} MiB", rows.len() >> 20, labels.len() >> 20);
    drop((rows, labels));
    let before = resident_mib();
    let begun = Instant::now();
    let mut project = Project::default();
    project.set_model(Model::read(&table).unwrap());
    project.add_labels(&file).unwrap();
    println!(
        "read: {:.2} s, {:.0} MiB more",
        begun.elapsed().as_secs_f64(),
        resident_mib() - before
    );
    let bench = FakeBench::default();
    bench.with(|s| {
        s.update.phase = Phase::Ready;
        s.update.project = Some(Box::new(project));
    });
    let begun = Instant::now();
    let mut harness = window(&bench, Request::default(), [1280.0, 800.0]);
    println!(
        "first three frames of the window: {:.2} s, {:.0} MiB in all",
        begun.elapsed().as_secs_f64(),
        resident_mib()
    );
    // In the program the ranking has a thread of its own.
    bench.with(|s| s.idle_ranker = true);
    let mut measure = |what: &str, keys: &[Key]| {
        let mut times = Vec::new();
        for i in 0..120 {
            harness.key_press(keys[i % keys.len()]);
            let begun = Instant::now();
            harness.run_steps(1);
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        println!(
            "{what}: median {:.1} ms, 95 % {:.1} ms, most {:.1} ms",
            times[60], times[114], times[119]
        );
    };
    measure("whole in view, frame by frame", &[Key::ArrowRight]);
    measure(
        "zooming in and out",
        &[Key::Plus, Key::Plus, Key::Minus, Key::Minus],
    );
    measure("jumping from end to end", &[Key::End, Key::Home]);
    measure("labelling", &[Key::Num3, Key::Num4]);
}
