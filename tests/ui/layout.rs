//! Sizes and names of everything in the window.

use std::path::PathBuf;

use affectscope::session::Recording;
use affectscope::settings::Settings;
use eframe::egui::{Rect, pos2, vec2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};

use super::fake::running;
use super::{window, window_of};

#[test]
fn small_and_large_windows_keep_everything_apart_and_inside() {
    for size in [[900.0, 600.0], [1280.0, 800.0], [1920.0, 1080.0]] {
        let fake = running(&[1, 2]);
        fake.with(|s| {
            s.update.status.recording = Some(Recording {
                path: PathBuf::from("/tmp/x.affect.csv"),
                picture: None,
                rows: 1_234_567,
                pictures_dropped: 0,
                seconds: 4000.0,
                failed: None,
                picture_failed: None,
            });
        });
        let harness = window_of(&fake, size, Settings::default());
        let inside = Rect::from_min_size(pos2(0.0, 0.0), vec2(size[0], size[1]));
        let names = [
            "Source: Front camera",
            "Pause",
            "Mirror",
            "Recording options",
            "Menu",
            "Stop recording, 1234567 rows written to /tmp/x.affect.csv",
            "Picture with 2 faces",
            "Face 1, followed",
            "Follow face 2",
            "Happiness 0.81, the most probable",
            "Clear the trace",
            "Valence +0.64 plus or minus 0.18, arousal −0.37 plus or minus 0.12",
            "Timeline of the last 60 seconds",
            "faces 2",
            "shows expressions, not feelings",
        ];
        let rects: Vec<Rect> = names
            .iter()
            .map(|n| harness.get_by_label(n).rect())
            .collect();
        for (i, rect) in rects.iter().enumerate() {
            assert!(
                inside.contains_rect(*rect),
                "{} at {size:?}: {rect}",
                names[i]
            );
            for (j, other) in rects.iter().enumerate().skip(i + 1) {
                let both = rect.intersect(*other);
                assert!(
                    both.width() <= 0.5 || both.height() <= 0.5,
                    "{} and {} at {size:?}",
                    names[i],
                    names[j]
                );
            }
        }
    }
}

#[test]
fn every_control_has_a_name() {
    let mut harness = window(&running(&[1, 2]));
    harness.get_by_label("Menu").click();
    harness.run_steps(3);
    let unnamed: Vec<String> = harness
        .query_all(egui_kittest::kittest::by().predicate(|n| {
            use eframe::egui::accesskit::Role;
            let control = matches!(
                n.role(),
                Role::Button | Role::CheckBox | Role::RadioButton | Role::Slider | Role::ComboBox
            );
            control && n.label().is_none_or(|l| l.trim().is_empty())
        }))
        .map(|n| format!("{:?}", n.accesskit_node().role()))
        .collect();
    assert!(unnamed.is_empty(), "{unnamed:?}");
}
