//! Edits that are not on the disk, many annotators, and windows that are too small.

use affectscope::review::session::JournalWord;
use eframe::egui::{ViewportCommand, ViewportEvent, ViewportId};

use super::*;

fn nowhere() -> JournalWord {
    JournalWord::nowhere(
        "talk.mp4.affectscope-review.jsonl: another window is annotating this video",
    )
}

#[test]
fn the_first_edit_that_nothing_would_keep_is_asked_about() {
    let folder = tempfile::tempdir().unwrap();
    let (bench, mut harness) = opened(folder.path());
    bench.with(|s| s.journal = Some(nowhere()));
    harness.run_steps(3);
    harness.get_by_label("edits not kept");
    press(&mut harness, Key::Num3);
    harness.get_by_label("Edits would not be kept");
    assert!(has(&harness, "another window is annotating"));
    harness.get_by_label("Cancel").click();
    harness.run_steps(3);
    assert_eq!(bench.with(|s| s.kept), 0, "nothing was labelled");
    press(&mut harness, Key::Num3);
    harness.get_by_label("Label all the same").click();
    harness.run_steps(3);
    press(&mut harness, Key::Num3);
    assert!(bench.with(|s| s.kept) > 0);
    assert!(!has(&harness, "Edits would not be kept"));
}

#[test]
fn trying_again_opens_the_same_again() {
    let folder = tempfile::tempdir().unwrap();
    let (bench, mut harness) = opened(folder.path());
    bench.with(|s| s.journal = Some(nowhere()));
    harness.run_steps(3);
    press(&mut harness, Key::Num3);
    let before = bench.with(|s| s.opened.len());
    harness.get_by_label("Try again").click();
    harness.run_steps(3);
    assert_eq!(bench.with(|s| s.opened.len()), before + 1);
}

/// Whether the window would close now.
fn closes(harness: &mut Harness<'_, App>) -> bool {
    let viewport = harness.input_mut().viewports.entry(ViewportId::ROOT);
    viewport.or_default().events.push(ViewportEvent::Close);
    harness.step();
    let cancelled = |harness: &Harness<'_, App>| {
        let out = harness.output().viewport_output.get(&ViewportId::ROOT);
        out.is_some_and(|v| v.commands.contains(&ViewportCommand::CancelClose))
    };
    let stays = cancelled(harness);
    harness.run_steps(3);
    !stays
}

#[test]
fn a_window_with_edits_that_are_not_on_the_disk_does_not_close_unasked() {
    let folder = tempfile::tempdir().unwrap();
    let (bench, mut harness) = opened(folder.path());
    let journal = |failed: Option<&str>| JournalWord {
        path: folder.path().join("journal"),
        waiting: if failed.is_some() { 3 } else { 0 },
        failed: failed.map(str::to_owned),
    };
    bench.with(|s| s.journal = Some(journal(None)));
    harness.run_steps(3);
    press(&mut harness, Key::Num3);
    assert!(closes(&mut harness), "all is on the disk");
    bench.with(|s| s.journal = Some(journal(Some("the disk is full"))));
    harness.run_steps(3);
    assert!(!closes(&mut harness));
    harness.get_by_label("3 edits are not on the disk");
    harness.get_by_label("Go back").click();
    harness.run_steps(3);
    assert!(!has(&harness, "3 edits are not on the disk"));
    // Leaving for the scope is no other thing.
    harness.get_by_label("Back to the scope").click();
    harness.run_steps(3);
    harness.get_by_label("3 edits are not on the disk");
    // There is room again.
    bench.with(|s| s.journal = Some(journal(None)));
    harness.run_steps(3);
    harness.get_by_label("Mirror");
}

#[test]
fn a_user_may_let_edits_go() {
    let folder = tempfile::tempdir().unwrap();
    let (bench, mut harness) = opened(folder.path());
    press(&mut harness, Key::Num3);
    bench.with(|s| s.journal = Some(nowhere()));
    harness.run_steps(3);
    assert!(!closes(&mut harness));
    harness.get_by_label("Lose them").click();
    harness.run_steps(3);
    assert!(closes(&mut harness));
}

#[test]
fn sixty_annotators_leave_room_for_the_lines() {
    let folder = tempfile::tempdir().unwrap();
    let (mut project, _) = project(folder.path());
    for i in 0..60 {
        let path = folder.path().join(format!("talk.r{i}.csv"));
        let rows: Vec<String> = (0..200)
            .map(|f| format!("{f},anger,0.1,{}", f64::from(i) / 100.0))
            .collect();
        std::fs::write(
            &path,
            format!("frame,expression,valence,arousal\n{}\n", rows.join("\n")),
        )
        .unwrap();
        project.add_labels(&path).unwrap();
    }
    for size in [[1280.0, 800.0], [900.0, 600.0]] {
        let bench = FakeBench::default();
        bench.with(|s| {
            s.update.phase = Phase::Ready;
            s.update.project = Some(Box::new(project.clone()));
        });
        let harness = window(&bench, Request::default(), size);
        let timeline = harness.get_by_label_contains("Timeline, frame").rect();
        for line in ["Valence of the model", "Arousal of the model"] {
            let row = harness.get_by_label_contains(line).rect();
            assert!(row.height() >= 26.0, "{size:?}: {row}");
            assert!(timeline.contains_rect(row), "{size:?}: {row} in {timeline}");
        }
        assert!(has(&harness, "more annotators have labels"));
    }
}

#[test]
fn a_window_that_is_too_small_shows_everything_smaller() {
    let folder = tempfile::tempdir().unwrap();
    let bench = FakeBench::default();
    let (project, _) = project(folder.path());
    bench.with(|s| {
        s.update.phase = Phase::Ready;
        s.update.project = Some(Box::new(project));
    });
    let mut harness = window(&bench, Request::default(), [500.0, 400.0]);
    harness.run_steps(4);
    let zoom = harness.ctx.zoom_factor();
    assert!((zoom - 500.0 / 900.0).abs() < 0.01, "{zoom}");
    harness.get_by_label("Back to the scope").click();
    harness.run_steps(4);
    harness.get_by_label("Mirror");
    assert_eq!(harness.ctx.zoom_factor(), zoom, "the scope, too");
    harness.set_size(vec2(1280.0, 800.0) / zoom);
    harness.run_steps(4);
    assert_eq!(harness.ctx.zoom_factor(), 1.0);
}
