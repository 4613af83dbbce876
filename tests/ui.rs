//! The window with a made-up session behind it, driven by the names that a screen reader would speak.

#![allow(clippy::unwrap_used)]

mod bench;
mod fake;
mod layout;
mod recording;
mod rows;
mod states;

use std::path::PathBuf;

use affectscope::gui::{App, HONEST_LINE, WindowOptions};
use affectscope::session::{Command, SourceState};
use affectscope::settings::{Settings, ThemeChoice};
use affectscope::source::SourceSpec;
use eframe::egui::{Key, Theme, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use fake::{Fake, running};

fn window_of(fake: &Fake, size: [f32; 2], settings: Settings) -> Harness<'static, App> {
    let engine = fake.clone();
    let mut harness = Harness::builder()
        .with_size(vec2(size[0], size[1]))
        .build_eframe(|cc| {
            App::new(
                &cc.egui_ctx,
                Box::new(engine),
                settings,
                WindowOptions::default(),
            )
        });
    harness.run_steps(3);
    harness
}

fn window(fake: &Fake) -> Harness<'static, App> {
    window_of(fake, [1280.0, 800.0], Settings::default())
}

fn has(harness: &Harness<'_, App>, part: &str) -> bool {
    harness.query_all_by_label_contains(part).next().is_some()
}

#[test]
fn bars_show_values_and_mark_the_top_one() {
    let harness = window(&running(&[1]));
    harness.get_by_label("Happiness 0.81, the most probable");
    harness.get_by_label("Surprise 0.09");
    harness.get_by_label("Anger 0.02");
    harness.get_by_label("Valence +0.64 plus or minus 0.18, arousal −0.37 plus or minus 0.12");
}

#[test]
fn without_a_face_no_number_is_shown() {
    let harness = window(&running(&[]));
    harness.get_by_label("Happiness, no reading");
    harness.get_by_label("Valence and arousal: no face");
}

#[test]
fn keys_become_orders() {
    let fake = running(&[1]);
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings {
        record_folder: Some(folder.path().to_owned()),
        record_picture: true,
        ..Settings::default()
    };
    let mut harness = window_of(&fake, [1280.0, 800.0], settings);
    harness.key_press(Key::Space);
    harness.run_steps(2);
    harness.key_press(Key::R);
    harness.run_steps(2);
    let commands = fake.commands();
    assert!(matches!(commands[0], Command::Tune(_)));
    assert_eq!(commands[1], Command::Pause(true));
    let Command::Record { path, picture } = &commands[2] else {
        panic!("{commands:?}");
    };
    assert!(*picture);
    assert_eq!(path.parent(), Some(folder.path()));
    assert!(path.to_string_lossy().ends_with("Z.affect.csv"));

    fake.with(|s| s.update.status.state = SourceState::Paused);
    harness.run_steps(2);
    harness.get_by_label("Resume");
    harness.key_press(Key::Space);
    harness.run_steps(2);
    assert_eq!(fake.commands()[3], Command::Pause(false));
}

#[test]
fn the_theme_and_the_mirror_change_and_are_remembered() {
    let mut harness = window(&running(&[1]));
    assert_eq!(harness.ctx.theme(), Theme::Dark);
    harness.key_press(Key::T);
    harness.key_press(Key::M);
    harness.run_steps(2);
    assert_eq!(harness.ctx.theme(), Theme::Light);
    assert_eq!(harness.state().settings().theme, ThemeChoice::Light);
    assert!(harness.state().settings().mirror);
    harness.get_by_label("Mirror").click();
    harness.run_steps(2);
    assert!(!harness.state().settings().mirror);
}

#[test]
fn the_picker_lists_cameras_by_name_and_opens_them() {
    let fake = running(&[1]);
    let mut harness = window(&fake);
    harness.get_by_label("Source: Front camera").click();
    harness.run_steps(3);
    harness.get_by_label("Desk camera").click();
    harness.run_steps(2);
    let wanted = SourceSpec::Camera(Some("usb-2".into()));
    assert_eq!(fake.commands().last(), Some(&Command::Open(wanted)));
    assert_eq!(
        harness.state().settings().source.as_deref(),
        Some("camera:usb-2")
    );
}

#[test]
fn a_click_or_a_number_follows_a_face() {
    let mut harness = window(&running(&[1, 2]));
    harness.get_by_label("Face 1, followed");
    harness.get_by_label("Follow face 2").click();
    harness.run_steps(2);
    harness.get_by_label("Face 2, followed");
    harness.key_press(Key::Num1);
    harness.run_steps(2);
    harness.get_by_label("Face 1, followed");
}

#[test]
fn the_keys_are_shown_and_closed() {
    let mut harness = window(&running(&[1]));
    harness.key_press(Key::F1);
    harness.run_steps(3);
    harness.get_by_label("Keys");
    harness.get_by_label("Mirror the picture on screen");
    harness.key_press(Key::Escape);
    harness.run_steps(3);
    assert!(!has(&harness, "Mirror the picture on screen"));
}

#[test]
fn about_says_what_it_is_and_what_it_is_not() {
    let mut harness = window(&running(&[1]));
    harness.get_by_label("Menu").click();
    harness.run_steps(3);
    harness.get_by_label_contains("About Affectscope").click();
    harness.run_steps(3);
    harness.get_by_label(HONEST_LINE);
    assert!(has(&harness, "Frames never leave this machine"));
    assert!(has(&harness, "pictures with labels"));
    assert!(has(&harness, "FER+ accuracy: 0.81"));
}

#[test]
fn settings_in_the_menu_reach_the_session() {
    let fake = running(&[1]);
    let mut harness = window(&fake);
    harness.get_by_label("Menu").click();
    harness.run_steps(3);
    harness.get_by_label("Faces: Largest").click();
    harness.run_steps(2);
    let Some(Command::Tune(tuning)) = fake.commands().last().cloned() else {
        panic!("no tuning");
    };
    assert_eq!(tuning.faces, affectscope::session::Faces::Largest);
    harness.get_by_label("Smoothing: Off").click();
    harness.run_steps(2);
    assert_eq!(
        harness.state().settings().smoothing,
        affectscope::smooth::Smoothing::Off
    );
}

#[test]
fn every_figure_of_the_status_bar_explains_itself() {
    let mut harness = window(&running(&[1]));
    for (figure, hover) in [
        (
            "weights student-thin · grey 112×112, window 32",
            "FER+ accuracy: 0.81",
        ),
        ("on CPU, 1 thread", "Where the networks run"),
        ("captured 30.0 /s", "Frames that the source gave"),
        ("analysed 29.5 /s", "Frames that were read"),
        ("latency 21 ms, 95 % 21 ms", "median and 95th percentile"),
        ("dropped 1 234", "captured and never read"),
        ("faces 1", "Faces read on the newest picture"),
        ("shows expressions, not feelings", "not what a person feels"),
    ] {
        harness.get_by_label(figure).hover();
        harness.run_steps(60);
        assert!(has(&harness, hover), "{figure}");
    }
}

#[test]
fn a_theme_for_this_once_is_marked_in_the_menu_and_not_remembered() {
    let fake = running(&[1]);
    let options = WindowOptions {
        theme: Some(ThemeChoice::Light),
        ..WindowOptions::default()
    };
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
    harness.get_by_label("Menu").click();
    harness.run_steps(3);
    let light = harness.get_by_label("Theme: Light");
    assert_eq!(
        light.accesskit_node().toggled(),
        Some(eframe::egui::accesskit::Toggled::True)
    );
    assert_eq!(harness.state().settings().theme, ThemeChoice::Dark);
}

/// A file as the desktop hands it over.
#[derive(Debug)]
pub struct Dropped(pub PathBuf);

impl eframe::egui::DroppedFile for Dropped {
    fn path(&self) -> &std::path::Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        Err("nobody reads it here".to_owned())
    }
}

#[test]
fn a_file_dropped_on_the_window_is_opened() {
    let fake = running(&[]);
    let mut harness = window(&fake);
    let path = PathBuf::from("/somewhere/talk.mp4");
    harness
        .input_mut()
        .dropped_files
        .push(std::sync::Arc::new(Dropped(path.clone())));
    harness.run_steps(2);
    let open = Command::Open(SourceSpec::Path(path));
    assert_eq!(fake.commands().iter().filter(|c| **c == open).count(), 1);
}
