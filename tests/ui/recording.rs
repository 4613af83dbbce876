//! The button that records, and what it says.

use std::path::PathBuf;

use affectscope::session::{Command, Recording, SourceState};
use eframe::egui::{Event, Key, Modifiers};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use super::fake::{Fake, running};
use super::{has, window};

/// A session that runs with one face and records.
fn recording() -> Fake {
    let fake = running(&[1]);
    fake.with(|s| {
        s.update.status.recording = Some(Recording {
            path: PathBuf::from("/tmp/x.affect.csv"),
            picture: None,
            rows: 1260,
            pictures_dropped: 0,
            seconds: 42.0,
            failed: None,
            picture_failed: None,
        });
    });
    fake
}

#[test]
fn a_recording_shows_its_rows_and_its_end() {
    let fake = recording();
    let mut harness = window(&fake);
    let chip = harness.get_by_label("Stop recording, 1260 rows written to /tmp/x.affect.csv");
    chip.click();
    harness.run_steps(2);
    assert_eq!(fake.commands().last(), Some(&Command::StopRecording));
    fake.with(|s| {
        if let Some(r) = &mut s.update.status.recording {
            r.failed = Some("the disk is full".into());
        }
    });
    harness.run_steps(3);
    harness.get_by_label("Record");
    assert!(has(&harness, "The recording stopped: the disk is full"));
}

#[test]
fn nothing_can_be_recorded_where_no_frame_will_come() {
    let failed = || SourceState::Failed {
        reason: "It is no video.".into(),
    };
    for (state, why) in [
        (failed(), "the source cannot be used"),
        (SourceState::Ended { note: None }, "it is at its end"),
    ] {
        let fake = running(&[1]);
        fake.with(|s| s.update.status.state = state);
        let mut harness = window(&fake);
        let button = harness.get_by_label_contains("Record. Nothing to record");
        assert!(button.accesskit_node().is_disabled());
        button.hover();
        harness.run_steps(60);
        // Its name, and the words under the pointer.
        assert_eq!(harness.query_all_by_label_contains(why).count(), 2);
        let button = harness.get_by_label_contains("Record. Nothing to record");
        button.click();
        harness.key_press(Key::R);
        harness.run_steps(3);
        let record = |c: &Command| matches!(c, Command::Record { .. });
        assert!(!fake.commands().iter().any(record));
        // It may come back.
        fake.with(|s| s.update.status.state = SourceState::Running);
        harness.run_steps(2);
        assert!(
            !harness
                .get_by_label("Record")
                .accesskit_node()
                .is_disabled()
        );
    }
    // A recording that runs can be ended in any state.
    let fake = recording();
    fake.with(|s| s.update.status.state = failed());
    let mut harness = window(&fake);
    harness.key_press(Key::R);
    harness.run_steps(2);
    assert_eq!(fake.commands().last(), Some(&Command::StopRecording));
}

#[test]
fn a_key_held_down_or_pressed_with_another_does_not_begin_and_end_recordings() {
    let fake = running(&[1]);
    let mut harness = window(&fake);
    let key = |pressed, modifiers| Event::Key {
        key: Key::R,
        physical_key: None,
        pressed,
        repeat: false,
        modifiers,
    };
    let records = |fake: &Fake| {
        let record = |c: &Command| matches!(c, Command::Record { .. } | Command::StopRecording);
        fake.commands().iter().filter(|c| record(c)).count()
    };
    // Ctrl is let go of before the frame that sees the key.
    harness.event(key(true, Modifiers::CTRL));
    harness.event(key(false, Modifiers::NONE));
    harness.run_steps(3);
    assert_eq!(records(&fake), 0);
    // A key that goes down again without having come up is one that is held.
    for _ in 0..5 {
        harness.event(key(true, Modifiers::NONE));
        harness.run_steps(2);
    }
    assert_eq!(records(&fake), 1);
}
