//! Opening in the bench: what cannot be read, what is read beside an analysis, what is dropped on it.

use super::*;

/// A bench on the video alone, which was asked for by its name.
fn video_alone(folder: &Path) -> (FakeBench, Harness<'static, App>) {
    let bench = FakeBench::default();
    bench.with(|s| {
        s.update.phase = Phase::Ready;
        s.update.project = Some(Box::new(bare(folder)));
    });
    let request = Request {
        video: Some(folder.join("talk.mp4")),
        ..Request::default()
    };
    let harness = window(&bench, request, [1280.0, 800.0]);
    (bench, harness)
}

/// The window is told how an analysis is.
fn analysing(bench: &FakeBench, run: u64, records: u64, ended: Option<Result<(), &str>>) {
    let rows = (0..records).map(|index| {
        let time_s = index as f64 / 25.0;
        Record::clone(&record(FrameStamp { index, time_s }, &[1]))
    });
    bench.with(|s| {
        s.update.records = rows.collect();
        s.update.analysis = Some(Progress {
            done: records,
            of: Some(200),
            path: PathBuf::from("talk.affect.csv"),
            run,
            ended: ended.map(|e| e.map(|()| None).map_err(str::to_owned)),
        });
    });
}

fn drop_files(harness: &mut Harness<'_, App>, paths: &[&Path]) {
    for path in paths {
        let file = Arc::new(Dropped((*path).to_owned()));
        harness.input_mut().dropped_files.push(file);
    }
    harness.run_steps(3);
}

#[test]
fn a_file_that_cannot_be_read_leaves_what_was_open() {
    let folder = tempfile::tempdir().unwrap();
    let (bench, mut harness) = video_alone(folder.path());
    let (_, labels) = files(folder.path());
    press(&mut harness, Key::ArrowRight);
    drop_files(&mut harness, &[&labels[0]]);
    let asked = bench.with(|s| s.opened.last().cloned().unwrap());
    assert_eq!(asked.annotations, [labels[0].clone()]);
    let reason = "talk.txt: line 3 is no label. Mend it, or give another file.";
    bench.with(|s| {
        s.update.phase = Phase::Failed {
            reason: reason.to_owned(),
        }
    });
    harness.run_steps(2);
    // What was open is opened again, without the file.
    let asked = bench.with(|s| s.opened.last().cloned().unwrap());
    assert_eq!(asked.annotations, Vec::<PathBuf>::new());
    assert_eq!(asked.video, Some(folder.path().join("talk.mp4")));
    bench.with(|s| {
        s.update.phase = Phase::Ready;
        s.update.project = Some(Box::new(bare(folder.path())));
    });
    harness.run_steps(3);
    assert!(has(&harness, reason));
    // And stands where it stood.
    harness.get_by_label("Frame 1, 00:00.040");
    let opened = bench.with(|s| s.opened.len());
    harness.run_steps(5);
    assert_eq!(bench.with(|s| s.opened.len()), opened, "no loop");
}

#[test]
fn labels_opened_beside_an_analysis_do_not_lose_it() {
    let folder = tempfile::tempdir().unwrap();
    let (bench, mut harness) = video_alone(folder.path());
    let (_, labels) = files(folder.path());
    analysing(&bench, 1, 100, None);
    harness.run_steps(3);
    assert!(has(&harness, "model: Happiness 0.81"));
    drop_files(&mut harness, &[&labels[0], &labels[1]]);
    assert_eq!(bench.with(|s| s.opened.len()), 2, "both at once");
    // The panels stay while they are read, and nothing can be changed.
    bench.with(|s| {
        s.update.phase = Phase::Opening {
            what: "Reading predictions and labels".to_owned(),
            part: None,
        }
    });
    harness.run_steps(3);
    harness.get_by_label("Reading predictions and labels…");
    assert!(has(&harness, "model: Happiness 0.81"));
    press(&mut harness, Key::Num3);
    assert_eq!(bench.with(|s| s.kept), 0);
    let mut with_labels = bare(folder.path());
    for path in &labels {
        with_labels.add_labels(path).unwrap();
    }
    bench.with(|s| {
        s.update.phase = Phase::Ready;
        s.update.project = Some(Box::new(with_labels));
    });
    harness.run_steps(3);
    assert!(has(&harness, "model: Happiness 0.81"));
    assert!(has(&harness, "labels: Happiness"));
    // Its end is a file, which labels opened later lie beside.
    analysing(&bench, 1, 0, Some(Ok(())));
    harness.run_steps(3);
    let other = folder.path().join("other.csv");
    std::fs::write(&other, "frame,valence,arousal\n0,0.1,0.2\n").unwrap();
    drop_files(&mut harness, &[&other]);
    let asked = bench.with(|s| s.opened.last().cloned().unwrap());
    assert_eq!(asked.predictions, Some(PathBuf::from("talk.affect.csv")));
    assert_eq!(asked.annotations.len(), 3);
}

#[test]
fn an_analysis_that_cannot_begin_takes_nothing_away() {
    let folder = tempfile::tempdir().unwrap();
    let (bench, mut harness) = opened(folder.path());
    assert!(has(&harness, "model: Happiness 0.70"));
    analysing(&bench, 1, 0, Some(Err("The disk is full.")));
    harness.run_steps(3);
    assert!(has(&harness, "The disk is full."));
    assert!(has(&harness, "model: Happiness 0.70"));
    // Rows of one that did begin take the place of what was there.
    analysing(&bench, 2, 3, None);
    harness.run_steps(3);
    assert!(has(&harness, "model: Happiness 0.81"));
}

#[test]
fn what_takes_too_long_to_open_is_given_up_for_what_was_open_before() {
    let folder = tempfile::tempdir().unwrap();
    let (bench, mut harness) = video_alone(folder.path());
    press(&mut harness, Key::ArrowRight);
    drop_files(&mut harness, &[&folder.path().join("hours.avi")]);
    bench.with(|s| {
        s.update.phase = Phase::Opening {
            what: "Looking through the video".to_owned(),
            part: None,
        }
    });
    harness.run_steps(3);
    // What is on its way is named, not what it takes the place of.
    harness.get_by_label("Video: hours.avi");
    harness.get_by_label("hours.avi");
    harness.get_by_label("Looking through the video…");
    press(&mut harness, Key::Escape);
    let asked = bench.with(|s| s.opened.last().cloned().unwrap());
    assert_eq!(asked.video, Some(folder.path().join("talk.mp4")));
    bench.with(|s| {
        s.update.phase = Phase::Ready;
        s.update.project = Some(Box::new(bare(folder.path())));
    });
    harness.run_steps(3);
    harness.get_by_label("Frame 1, 00:00.040");
}
