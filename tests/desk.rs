//! The threads behind the annotator's bench, on a real video: it opens, shows the frame that was asked for, keeps what was
//! mended, analyses, and says what is wrong.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use affectscope::labels::Expression;
use affectscope::live::Live;
use affectscope::model::device::{DeviceChoice, choose};
use affectscope::model::student::Student;
use affectscope::model::weights::Weights;
use affectscope::render::Look;
use affectscope::review::export::{ExportEnd, ExportOrder, ExportWhat};
use affectscope::review::report::{self, FIGURE_FILES};
use affectscope::review::save::{self, SaveFormat};
use affectscope::review::session::{Engine, Phase, Request, Update};
use affectscope::review::{Edit, SegmentState, Start};
use affectscope::session::Engine as _;
use candle_core::Device;

/// Longer than any of it takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const WHEN: &str = "2026-03-04T05:06:07Z";

/// A session's threads, and the bench's behind it.
pub fn desk() -> (Live, Box<dyn Engine>) {
    let student = Student::new(&Weights::load(None).unwrap(), &Device::Cpu).unwrap();
    let device = choose(DeviceChoice::Cpu).unwrap();
    let mut live = Live::start(student, &device, Arc::new(|| {})).unwrap();
    let desk = live.bench().unwrap();
    (live, desk)
}

/// Polls until `done` says so.
fn until(desk: &mut dyn Engine, what: &str, mut done: impl FnMut(&mut Update) -> bool) {
    let end = Instant::now() + PATIENCE;
    loop {
        let mut update = desk.poll();
        if done(&mut update) {
            return;
        }
        assert!(Instant::now() < end, "{what}: {:?}", update.phase);
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn open(desk: &mut dyn Engine, request: &Request) -> Update {
    desk.open(request);
    let mut opened = Update::default();
    until(desk, "opening", |update| {
        if let Phase::Failed { reason } = &update.phase {
            panic!("{reason}");
        }
        if update.project.is_some() {
            opened = std::mem::take(update);
        }
        opened.project.is_some()
    });
    opened
}

/// Thirty pictures of different greys, and labels for them.
fn pictures(folder: &Path) -> (PathBuf, PathBuf) {
    let pictures = folder.join("clip");
    std::fs::create_dir(&pictures).unwrap();
    let mut labels = "frame,expression,valence,arousal\n".to_owned();
    for i in 0..30u8 {
        let grey = image::RgbImage::from_pixel(48, 32, image::Rgb([i * 8; 3]));
        grey.save(pictures.join(format!("{i:03}.png"))).unwrap();
        labels.push_str(&format!("{i},neutral,0.1,0.{i}\n"));
    }
    let file = folder.join("clip.anna.csv");
    std::fs::write(&file, labels).unwrap();
    (pictures, file)
}

#[test]
fn every_frame_that_is_asked_for_comes_and_edits_are_there_the_next_time() {
    let folder = tempfile::tempdir().unwrap();
    let (video, labels) = pictures(folder.path());
    let request = Request {
        video: Some(video),
        predictions: None,
        annotations: vec![labels.clone()],
        example: false,
    };
    let (_live, mut desk) = desk();
    let opened = open(&mut *desk, &request);
    let (mut project, mut editor) = (opened.project.unwrap(), opened.editor.unwrap());
    assert_eq!((project.frames(), project.raters().len()), (30, 1));
    for frame in [7, 29, 0, 12, 11, 10] {
        desk.show(frame);
        until(&mut *desk, "a picture", |update| {
            let Some(picture) = &update.picture else {
                return false;
            };
            let index = picture.stamp.index as usize;
            assert_eq!(usize::from(picture.rgb()[0]), index * 8);
            index == frame
        });
    }
    desk.thumbnails(vec![(3, None), (5, None)]);
    let mut small = Vec::new();
    until(&mut *desk, "small pictures", |update| {
        small.extend(update.thumbnails.drain(..).map(|t| (t.frame, t.rgb[0])));
        small.len() == 2
    });
    assert_eq!(small, [(3, 24), (5, 40)]);

    let surprise = Edit::Expression {
        frames: 4..9,
        to: Some(Expression::Surprise),
    };
    editor.apply(&mut project, 0, surprise, WHEN).unwrap();
    desk.keep(&mut editor);
    until(&mut *desk, "the journal", |update| {
        update
            .journal
            .as_ref()
            .is_some_and(|j| j.waiting == 0 && j.failed.is_none())
    });
    // Opened again, as another day.
    let again = open(&mut *desk, &request);
    let project = again.project.unwrap();
    let mut editor = again.editor.unwrap();
    assert_eq!(
        project.raters()[0].track().expression(8),
        Some(Expression::Surprise)
    );
    assert_eq!(
        project.raters()[0].track().expression(9),
        Some(Expression::Neutral)
    );
    assert!(
        std::fs::read_to_string(&labels)
            .unwrap()
            .contains("8,neutral")
    );

    let out = folder.path().join("mended.csv");
    let job = save::prepare(&project, &mut editor, 0, SaveFormat::Csv, &out, false, WHEN).unwrap();
    desk.save(0, job);
    until(&mut *desk, "saving", |update| {
        update
            .saved
            .iter()
            .any(|(rater, saved)| *rater == 0 && saved.is_ok())
    });
    assert!(std::fs::read_to_string(&out).unwrap().contains("surprise"));
}

#[test]
fn an_analysis_writes_rows_beside_the_pictures_and_hands_on_every_record() {
    let folder = tempfile::tempdir().unwrap();
    let (video, _) = pictures(folder.path());
    let (_live, mut desk) = desk();
    open(
        &mut *desk,
        &Request {
            video: Some(video),
            ..Request::default()
        },
    );
    desk.analyse();
    let mut frames = Vec::new();
    let mut path = PathBuf::new();
    until(&mut *desk, "the analysis", |update| {
        frames.extend(update.records.iter().map(|r| r.stamp.index));
        let Some(progress) = &update.analysis else {
            return false;
        };
        path.clone_from(&progress.path);
        progress.ended.clone().is_some_and(|ended| {
            ended.unwrap();
            true
        })
    });
    assert_eq!(frames, (0..30).collect::<Vec<u64>>());
    assert_eq!(path, folder.path().join("clip.affect.csv"));
    let rows = std::fs::read_to_string(&path).unwrap();
    assert_eq!(rows.lines().count(), 31);
    // A second one does not write over the first.
    desk.analyse();
    until(&mut *desk, "the second", |update| {
        update
            .analysis
            .as_ref()
            .is_some_and(|p| p.run == 2 && p.ended == Some(Ok(None)))
    });
    assert!(folder.path().join("clip.2.affect.csv").is_file());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), rows);
}

/// Analyses the numbered pictures 1, 2 and 4 of this size: the records' frames and faces, and the sidecar.
fn analysed_numbered(size_px: (u32, u32)) -> (Vec<(u64, usize)>, serde_json::Value) {
    let folder = tempfile::tempdir().unwrap();
    let video = folder.path().join("clip");
    std::fs::create_dir(&video).unwrap();
    let grey = image::RgbImage::from_pixel(size_px.0, size_px.1, image::Rgb([90; 3]));
    for number in [1, 2, 4] {
        grey.save(video.join(format!("{number:05}.jpg"))).unwrap();
    }
    let (_live, mut desk) = desk();
    let request = Request {
        video: Some(video),
        ..Request::default()
    };
    open(&mut *desk, &request);
    desk.analyse();
    let mut frames = Vec::new();
    until(&mut *desk, "the analysis", |update| {
        let records = update.records.iter();
        frames.extend(records.map(|r| (r.stamp.index, r.readings.len())));
        let ended = update.analysis.as_ref().and_then(|p| p.ended.clone());
        ended.is_some_and(|ended| ended.is_ok())
    });
    let sidecar = std::fs::read_to_string(folder.path().join("clip.affect.json")).unwrap();
    (frames, serde_json::from_str(&sidecar).unwrap())
}

#[test]
fn small_numbered_pictures_are_read_as_faces_and_large_ones_are_searched() {
    let (frames, sidecar) = analysed_numbered((112, 112));
    assert_eq!(frames, [(0, 1), (1, 1), (2, 0), (3, 1)]);
    assert_eq!(sidecar["protocol"]["name"], "crops");
    // Nobody is in these; their numbers are the frames all the same.
    let (frames, sidecar) = analysed_numbered((320, 240));
    assert_eq!(frames, [(0, 0), (1, 0), (2, 0), (3, 0)]);
    assert_ne!(sidecar["protocol"]["name"], "crops");
}

#[test]
fn what_is_said_of_a_video_is_shown_where_the_video_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let (_, labels) = pictures(folder.path());
    let video = folder.path().join("clip.mp4");
    std::fs::write(&video, "no video at all").unwrap();
    let (_live, mut desk) = desk();
    desk.open(&Request {
        video: Some(video),
        annotations: vec![labels.clone()],
        ..Request::default()
    });
    let (mut note, mut instead) = (None, None);
    until(&mut *desk, "opening", |update| {
        note = note.take().or(update.note.take());
        instead = instead.take().or(update.request.take());
        let Some(project) = &update.project else {
            return false;
        };
        assert_eq!((project.frames(), project.raters().len()), (30, 1));
        true
    });
    let note = note.unwrap();
    assert!(
        note.contains("clip.mp4") && note.contains("without pictures"),
        "{note}"
    );
    let instead = instead.unwrap();
    assert_eq!((instead.video, instead.annotations), (None, vec![labels]));
}

#[test]
fn labels_that_were_saved_beside_the_video_are_there_once() {
    let folder = tempfile::tempdir().unwrap();
    let (video, labels) = pictures(folder.path());
    let mut request = Request {
        video: Some(video),
        annotations: vec![labels],
        ..Request::default()
    };
    let (_live, mut desk) = desk();
    let opened = open(&mut *desk, &request);
    let (mut project, mut editor) = (opened.project.unwrap(), opened.editor.unwrap());
    let eva = editor
        .new_rater(&mut project, "Eva", Start::CopyOf(0), WHEN)
        .unwrap();
    let out = save::suggested_path(&project, eva, SaveFormat::Csv, folder.path());
    assert_eq!(out, folder.path().join("clip.Eva.csv"));
    let job = save::prepare(
        &project,
        &mut editor,
        eva,
        SaveFormat::Csv,
        &out,
        false,
        WHEN,
    );
    job.unwrap().write().unwrap();
    editor.saved(&project, eva, &[&out], WHEN);
    desk.keep(&mut editor);
    until(&mut *desk, "the journal", |update| {
        update.journal.as_ref().is_some_and(|j| j.waiting == 0)
    });
    // As a session has it: every file of labels beside the video.
    request.annotations.push(out);
    let again = open(&mut *desk, &request);
    let project = again.project.unwrap();
    let names: Vec<&str> = project.raters().iter().map(|r| r.name.as_str()).collect();
    assert_eq!(names, ["anna", "Eva"]);
    let notes = project.notes().join(" ");
    assert!(
        notes.contains("clip.Eva.csv: saved from labels that are here"),
        "{notes}"
    );
}

#[test]
fn a_table_beside_the_video_that_cannot_be_read_does_not_lock_it_out() {
    let folder = tempfile::tempdir().unwrap();
    let (video, labels) = pictures(folder.path());
    let table = folder.path().join("clip.affect.csv");
    std::fs::write(
        &table,
        "frame,time_s,face_id,status,expression\nno number,,,,\n",
    )
    .unwrap();
    let (_live, mut desk) = desk();
    desk.open(&Request {
        video: Some(video.clone()),
        predictions: Some(table),
        annotations: vec![labels.clone()],
        example: false,
    });
    until(&mut *desk, "opening", |update| {
        if let Phase::Failed { reason } = &update.phase {
            panic!("{reason}");
        }
        let Some(project) = &update.project else {
            return false;
        };
        assert!(project.model().is_none() && project.raters().len() == 1);
        let note = update.note.clone().unwrap();
        assert!(
            note.contains("clip.affect.csv") && note.contains("without predictions"),
            "{note}"
        );
        let instead = update.request.clone().unwrap();
        assert_eq!(
            (instead.video, instead.predictions),
            (Some(video.clone()), None)
        );
        true
    });
}

#[test]
fn what_cannot_be_opened_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("talk.mp4");
    std::fs::write(&text, "no video at all").unwrap();
    let (_live, mut desk) = desk();
    let mut failed = |request: Request, part: &str| {
        desk.open(&request);
        until(&mut *desk, part, |update| match &update.phase {
            Phase::Failed { reason } => {
                assert!(reason.contains(part), "{reason}");
                true
            }
            Phase::Ready => panic!("it opened"),
            _ => false,
        });
    };
    failed(
        Request {
            video: Some(text),
            ..Request::default()
        },
        "talk.mp4",
    );
    let wrong = folder.path().join("wrong.csv");
    std::fs::write(&wrong, "frame,valence\n0,7\n").unwrap();
    failed(
        Request {
            annotations: vec![wrong],
            ..Request::default()
        },
        "line 2",
    );
    failed(
        Request {
            predictions: Some(folder.path().join("none.csv")),
            ..Request::default()
        },
        "none.csv",
    );
}

#[test]
fn a_report_figures_rows_and_a_video_are_made_behind_the_window_and_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let (video, labels) = pictures(folder.path());
    let mut rows = "frame,time_s,face_id,status,expression,valence,arousal\n".to_owned();
    for i in 0..30 {
        rows.push_str(&format!(
            "{i},{:.6},1,ok,happiness,0.5,0.{i}\n",
            f64::from(i) / 25.0
        ));
    }
    let predictions = folder.path().join("clip.affect.csv");
    std::fs::write(&predictions, rows).unwrap();
    let request = Request {
        video: Some(video),
        predictions: Some(predictions.clone()),
        annotations: vec![labels],
        example: false,
    };
    let (_live, mut desk) = desk();
    let opened = open(&mut *desk, &request);
    let (mut project, mut editor) = (opened.project.unwrap(), opened.editor.unwrap());
    let surprise = Edit::Expression {
        frames: 4..9,
        to: Some(Expression::Surprise),
    };
    let whose = project.raters()[0].name.clone();
    editor.apply(&mut project, 0, surprise, WHEN).unwrap();
    let worst = report::worst(&project)[0].segment.spot();
    let found = SegmentState::ModelRight;
    editor.mark(worst, found, "a grin, not joy", WHEN).unwrap();
    let at = |name: &str| folder.path().join(name);
    let look = Look::default();
    let made = |desk: &mut dyn Engine, what: ExportWhat, to: &Path| {
        desk.export(ExportOrder {
            project: project.clone(),
            marks: editor.marks().clone(),
            predictions: Some(predictions.clone()),
            what,
            to: to.to_owned(),
        });
        let mut end = None;
        until(desk, "an export", |update| {
            end = update.export.take().and_then(|e| e.ended);
            end.is_some()
        });
        end.unwrap()
    };
    for (what, to) in [
        (ExportWhat::Report, "page.html"),
        (ExportWhat::Figures, "clip.figures"),
        (ExportWhat::Rows, "rows.parquet"),
        (ExportWhat::Video { frames: 3..9, look }, "part.mp4"),
    ] {
        let end = made(&mut *desk, what, &at(to));
        assert!(matches!(end, ExportEnd::Made(_)), "{to}: {end:?}");
    }
    let page = std::fs::read_to_string(at("page.html")).unwrap();
    assert!(page.contains(&format!("{whose}: mended in 1 place")));
    assert!(page.contains("Model right: a grin, not joy"));
    assert!(
        page.contains("data:image/jpeg;base64,"),
        "faces of the worst segments"
    );
    for name in FIGURE_FILES {
        assert!(at("clip.figures").join(name).exists(), "{name}");
    }
    assert_eq!(std::fs::read(at("rows.parquet")).unwrap()[..4], *b"PAR1");
    let source = affectscope::source::film::Film::open(&at("part.mp4")).unwrap();
    assert_eq!(source.frames(), 6);

    // What it is made from is not written over, and a file that cannot be is told.
    let end = made(&mut *desk, ExportWhat::Rows, &predictions);
    assert!(matches!(end, ExportEnd::Failed(reason) if reason.contains("written over")));
    let end = made(&mut *desk, ExportWhat::Report, &at("page.html/in.html"));
    assert!(matches!(end, ExportEnd::Failed(_)), "{end:?}");

    // Stopped at once: nothing is left of it.
    let look = Look {
        size_px: (3840, 2160),
        ..look
    };
    desk.export(ExportOrder {
        project: project.clone(),
        marks: editor.marks().clone(),
        predictions: None,
        what: ExportWhat::Video {
            frames: 0..30,
            look,
        },
        to: at("stopped.mp4"),
    });
    desk.cancel_export();
    until(&mut *desk, "the end of an export", |update| {
        let end = update.export.take().and_then(|e| e.ended);
        assert!(end.is_none() || end == Some(ExportEnd::Stopped), "{end:?}");
        end.is_some()
    });
    assert!(!at("stopped.mp4").exists() && !at("stopped.mp4.part").exists());
}
