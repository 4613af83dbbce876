//! Handing on, as the window shows it.

use egui_kittest::kittest::NodeT as _;

use super::*;

fn progress(run: u64, done: u64, ended: Option<ExportEnd>) -> ExportProgress {
    ExportProgress {
        title: "Rendered video",
        path: PathBuf::from("/tmp/talk.rendered.mp4"),
        done,
        of: 200,
        run,
        ended,
    }
}

fn hear(bench: &FakeBench, harness: &mut Harness<'_, App>, word: ExportProgress) {
    bench.with(|s| s.update.export = Some(word));
    harness.run_steps(3);
}

fn is_on(harness: &Harness<'_, App>, label: &str) -> bool {
    !harness.get_by_label(label).accesskit_node().is_disabled()
}

const ROWS: [&str; 5] = [
    "Report…",
    "Rendered video…",
    "Rendered video of the selection…",
    "Figures (SVG, PNG)…",
    "Rows (csv, jsonl, Parquet)…",
];

#[test]
fn what_can_be_exported_is_offered_and_what_lacks_something_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut harness) = opened(folder.path());
    harness.get_by_label("Export").click();
    harness.run_steps(3);
    let on: Vec<bool> = ROWS.iter().map(|row| is_on(&harness, row)).collect();
    assert_eq!(on, [true, true, false, true, true], "nothing is selected");

    // A video alone.
    let bench = FakeBench::default();
    bench.with(|s| {
        s.update.phase = Phase::Ready;
        s.update.project = Some(Box::new(bare(folder.path())));
    });
    let mut harness = window(&bench, Request::default(), [1280.0, 800.0]);
    harness.get_by_label("Export").click();
    harness.run_steps(3);
    let on: Vec<bool> = ROWS.iter().map(|row| is_on(&harness, row)).collect();
    assert_eq!(on, [false, true, false, false, false]);
}

#[test]
fn an_export_shows_how_far_it_is_can_be_stopped_and_its_end_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let (bench, mut harness) = opened(folder.path());
    hear(&bench, &mut harness, progress(1, 84, None));
    harness.get_by_label("Export: rendered video 42 %").click();
    harness.run_steps(3);
    harness.get_by_label_contains("talk.rendered.mp4");
    harness.get_by_label("Stop the export").click();
    harness.run_steps(3);
    assert!(bench.with(|s| s.orders.contains(&"cancel export")));

    hear(
        &bench,
        &mut harness,
        progress(1, 90, Some(ExportEnd::Stopped)),
    );
    harness.get_by_label("Export");
    assert!(has(
        &harness,
        "Rendered video: stopped; nothing was written."
    ));

    let reason = "there is no space left where the video is written.".to_owned();
    hear(
        &bench,
        &mut harness,
        progress(2, 10, Some(ExportEnd::Failed(reason))),
    );
    assert!(has(&harness, "not made: there is no space left"));
    let made = ExportEnd::Made(vec!["This ffmpeg has no libx264.".to_owned()]);
    hear(&bench, &mut harness, progress(3, 200, Some(made.clone())));
    let told = "Rendered video made: /tmp/talk.rendered.mp4. This ffmpeg has no libx264.";
    assert_eq!(harness.query_all_by_label_contains(told).count(), 1);
    hear(&bench, &mut harness, progress(3, 200, Some(made)));
    assert_eq!(harness.query_all_by_label_contains(told).count(), 1);
}
