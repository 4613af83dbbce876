//! What stands in the picture's place, and what is said of a source.

use affectscope::gui::{App, WindowOptions};
use affectscope::session::{Command, SourceState};
use affectscope::settings::Settings;
use affectscope::source::SourceSpec;
use eframe::egui::vec2;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;

use super::fake::running;
use super::{has, window};

#[test]
fn a_missing_camera_is_said_in_words_and_the_demo_is_a_click_away() {
    let fake = running(&[]);
    fake.with(|s| {
        s.cameras.clear();
        s.update.picture = None;
        s.update.records.clear();
        s.update.status.info = None;
        s.update.status.state = SourceState::Failed {
            reason: "Plug one in, or open a file.".into(),
        };
    });
    let mut harness = window(&fake);
    harness.get_by_label("No camera");
    harness.get_by_label("Plug one in, or open a file.");
    harness.get_by_label("Watch the demo").click();
    harness.run_steps(2);
    assert_eq!(
        fake.commands().last(),
        Some(&Command::Open(SourceSpec::Demo))
    );
}

#[test]
fn other_states_have_their_cards() {
    for (state, words, button) in [
        (
            SourceState::Waiting {
                reason: "It was unplugged.".into(),
            },
            "Waiting for the camera",
            "Try again",
        ),
        (
            SourceState::Failed {
                reason: "It is in use.".into(),
            },
            "The camera cannot be used",
            "Try again",
        ),
        (
            SourceState::Ended { note: None },
            "End of Front camera",
            "Play again",
        ),
    ] {
        let fake = running(&[1]);
        fake.with(|s| s.update.status.state = state);
        let mut harness = window(&fake);
        harness.get_by_label(words);
        harness.get_by_label(button).click();
        harness.run_steps(2);
        let again = Command::Open(SourceSpec::Camera(None));
        assert_eq!(fake.commands().last(), Some(&again));
    }
}

#[test]
fn a_source_that_is_gone_leaves_no_reading_on_screen() {
    let fake = running(&[1]);
    let mut harness = window(&fake);
    harness.get_by_label("Happiness 0.81, the most probable");
    fake.with(|s| {
        s.update.status.state = SourceState::Waiting {
            reason: "Unplugged.".into(),
        };
    });
    harness.run_steps(2);
    harness.get_by_label("Happiness, no reading");
}

#[test]
fn the_demo_says_that_it_is_one() {
    let fake = running(&[1]);
    fake.with(|s| s.update.status.spec = Some(SourceSpec::Demo));
    assert!(has(&window(&fake), "Demo: a still portrait set in motion"));
    assert!(!has(&window(&running(&[1])), "Demo: a still portrait"));
}

#[test]
fn a_paused_window_asks_for_no_repaint() {
    let fake = running(&[1]);
    fake.with(|s| s.update.status.state = SourceState::Paused);
    let mut harness = window(&fake);
    harness.run_steps(5);
    // `run` goes on as long as a repaint is asked for, and gives up after a few steps.
    assert!(harness.run() <= 3);
    let wait = harness.output().viewport_output[&eframe::egui::ViewportId::ROOT].repaint_delay;
    assert_eq!(wait, std::time::Duration::MAX);
}

#[test]
fn a_new_source_forgets_the_old_one() {
    let fake = running(&[1]);
    let mut harness = window(&fake);
    harness.get_by_label("Picture with 1 face");
    fake.with(|s| {
        s.update.source_generation = 2;
        s.update.status.state = SourceState::Starting;
    });
    harness.run_steps(2);
    harness.get_by_label("No picture");
    harness.get_by_label("Starting up");
    harness.get_by_label("Happiness, no reading");
}

#[test]
fn a_source_that_nobody_asked_for_is_explained() {
    let fake = running(&[1]);
    fake.with(|s| s.update.status.spec = Some(SourceSpec::Demo));
    let options = WindowOptions {
        hoped_for: vec![SourceSpec::Camera(None), SourceSpec::Demo],
        ..WindowOptions::default()
    };
    fake.with(|s| s.cameras.clear());
    let mut harness = Harness::builder()
        .with_size(vec2(1280.0, 800.0))
        .build_eframe(|cc| {
            App::new(
                &cc.egui_ctx,
                Box::new(fake.clone()),
                Settings::default(),
                options,
            )
        });
    harness.run_steps(3);
    harness.get_by_label("No camera was found, so the demo is shown");
}
