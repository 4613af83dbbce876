//! Labels are made, mended, drawn, rated and settled.

use eframe::egui::Event;

use super::*;

#[test]
fn labels_are_mended_taken_back_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (bench, mut harness) = opened(folder.path());
    // Frame 1 is disgust to both; seven is surprise.
    press(&mut harness, Key::ArrowRight);
    press(&mut harness, Key::Num7);
    assert!(has(&harness, "labels: Surprise"));
    harness.get_by_label_contains("Labelled surprise, model disgust: 1 frame");
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    harness.run_steps(3);
    assert!(has(&harness, "labels: Disgust"));
    harness.key_press_modifiers(Modifiers::COMMAND | Modifiers::SHIFT, Key::Z);
    harness.run_steps(3);
    assert!(has(&harness, "labels: Surprise"));
    press(&mut harness, Key::Num0);
    assert!(!has(&harness, "labels: "));
    assert!(bench.with(|s| s.kept) >= 4, "every step is a line");
    // The files stay as they are.
    let text = std::fs::read_to_string(folder.path().join("EXPR/talk.txt")).unwrap();
    assert_eq!(text.lines().nth(2), Some("2"));
}

#[test]
fn keys_that_are_quicker_than_the_window_count_in_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut harness) = opened(folder.path());
    // All of it before the window is drawn once.
    let keys = [Key::ArrowRight, Key::Num7, Key::ArrowRight, Key::Num4];
    for key in keys {
        harness.key_press(key);
    }
    harness.run_steps(3);
    assert!(has(&harness, "labels: Fear"));
    press(&mut harness, Key::ArrowLeft);
    assert!(has(&harness, "labels: Surprise"));
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    harness.key_press(Key::ArrowRight);
    harness.run_steps(3);
    assert!(!has(&harness, "labels: Fear"));
}

#[test]
fn somebody_new_labels_from_nothing_and_a_selection_is_labelled_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut harness) = opened(folder.path());
    harness.get_by_label("Labels: labels").click();
    harness.run_steps(3);
    harness.get_by_label_contains("New labels, empty").click();
    harness.run_steps(3);
    assert!(has(&harness, "Against annotator"));
    press(&mut harness, Key::End);
    press(&mut harness, Key::CloseBracket);
    press(&mut harness, Key::Num5);
    // All 200 frames, of which 10 have no face.
    assert!(has(
        &harness,
        "Labelled happiness, model disgust: 163 frames"
    ));
}

#[test]
fn who_annotates_is_said_once_and_labels_are_called_so_or_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut harness) = opened(folder.path());
    let write = |harness: &mut Harness<'_, App>, field: &str, text: &str| {
        harness.get_by_label(field).focus();
        harness.run_steps(2);
        harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
        harness.get_by_label(field).type_text(text);
        harness.run_steps(2);
        press(harness, Key::Enter);
    };
    harness.get_by_label("Labels: labels").click();
    harness.run_steps(3);
    // No Enter: the click itself takes the name.
    harness.get_by_label("Name of who annotates").focus();
    harness.run_steps(2);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::A);
    harness
        .get_by_label("Name of who annotates")
        .type_text("Maria");
    harness.run_steps(2);
    let at = harness.get_by_label("New labels, empty").rect().center();
    harness.hover_at(at);
    harness.drag_at(at);
    harness.drop_at(at);
    harness.run_steps(3);
    assert_eq!(harness.state().settings().annotator, "Maria");
    assert!(has(&harness, "Against Maria"));
    harness.get_by_label("Labels: labels, Maria").click();
    harness.run_steps(3);
    write(&mut harness, "Name of the labels of Maria", "second pass");
    harness.get_by_label("Labels: labels, second pass");
    // Left empty, it stays; and it can be taken back.
    write(&mut harness, "Name of the labels of second pass", "");
    harness.get_by_label("Labels: labels, second pass");
    press(&mut harness, Key::Escape);
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    harness.run_steps(3);
    harness.get_by_label("Labels: labels, Maria");
}

#[test]
fn the_worst_stretches_are_walked_and_settled() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut harness) = opened(folder.path());
    assert!(has(
        &harness,
        "confident, other label: Disgust 0.70 / Anger"
    ));
    press(&mut harness, Key::N);
    let shown = (100..120).any(|f| has(&harness, &format!("Picture of frame {f}")));
    assert!(shown);
    press(&mut harness, Key::E);
    assert!(has(&harness, "Label right"));
    press(&mut harness, Key::E);
    assert!(has(&harness, "Model right"));
}

#[test]
fn valence_is_drawn_on_the_timeline_and_taken_back_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (bench, mut harness) = opened(folder.path());
    press(&mut harness, Key::D);
    let row = harness
        .get_by_label("Valence of the model and of each rater")
        .rect();
    let before = bench.with(|s| s.kept);
    // From the first frame to the last, all of it at the top.
    harness.drag_at(row.left_top() + vec2(1.0, 1.0));
    harness.run_steps(1);
    for part in 1..=10 {
        let x = row.left() + row.width() * part as f32 / 10.0 - 1.0;
        harness.hover_at(pos2(x, row.top() + 1.0));
        harness.run_steps(1);
    }
    harness.drop_at(row.right_top() + vec2(-1.0, 1.0));
    harness.run_steps(3);
    assert!(has(&harness, "labels: Happiness  V +1.00"));
    assert!(bench.with(|s| s.kept) > before);
    press(&mut harness, Key::End);
    assert!(has(&harness, "V +1.00"));
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    harness.run_steps(3);
    assert!(!has(&harness, "V +1.00"));
}

#[test]
fn who_rates_live_moves_the_pointer_while_it_plays() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut harness) = opened(folder.path());
    press(&mut harness, Key::R);
    let circle = harness.get_by_label_contains("Circumplex: ").rect();
    harness.hover_at(circle.center());
    harness.run_steps(2);
    harness.key_press(Key::Space);
    for _ in 0..8 {
        harness.hover_at(circle.center());
        harness.run_steps(1);
    }
    press(&mut harness, Key::K);
    // The middle of the circle on frames that were played, whatever the file says of them. The test's clock ticks
    // slowly: not each of them has a sample near it.
    let middle = "V +0.00  A +0.00";
    let mut steps = 0;
    while !has(&harness, middle) {
        steps += 1;
        assert!(steps < 60, "nothing was rated");
        press(&mut harness, Key::ArrowLeft);
    }
    harness.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    harness.run_steps(3);
    assert!(!has(&harness, middle));
}

/// Figures for the README, by hand: `cargo test --release -- --ignored --nocapture a_million_frames`.

#[test]
fn a_note_is_typed_and_its_letters_are_no_keys() {
    let folder = tempfile::tempdir().unwrap();
    let (bench, mut harness) = opened(folder.path());
    let before = bench.with(|s| s.kept);
    harness
        .query_all_by_label_contains("confident, other label: ")
        .next()
        .unwrap()
        .click_secondary();
    harness.run_steps(3);
    for (key, letter) in [(Key::E, "e"), (Key::N, "n"), (Key::Num3, "3")] {
        harness.key_press(key);
        harness.event(Event::Text(letter.to_owned()));
        harness.run_steps(2);
    }
    assert_eq!(
        bench.with(|s| s.kept),
        before,
        "nothing was settled or labelled"
    );
    // The note itself is what Enter keeps.
    // The note itself is what Enter keeps.
    let mut fields = harness.query_all_by_label("Note");
    assert!(fields.any(|n| n.value().as_deref() == Some("en3")));
    drop(fields);
    press(&mut harness, Key::Enter);
    assert_eq!(bench.with(|s| s.kept), before + 1);
}

#[test]
fn label_keys_rest_while_a_menu_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let (bench, mut harness) = opened(folder.path());
    harness.get_by_label("Labels: labels").click();
    harness.run_steps(3);
    press(&mut harness, Key::Num2);
    assert_eq!(bench.with(|s| s.kept), 0);
    press(&mut harness, Key::Escape);
    press(&mut harness, Key::Delete);
    assert_eq!(bench.with(|s| s.kept), 0, "only 0 clears");
    press(&mut harness, Key::Num2);
    assert!(bench.with(|s| s.kept) > 0);
}

#[test]
fn drawing_is_said_and_has_rows_to_draw_on() {
    let folder = tempfile::tempdir().unwrap();
    let bench = FakeBench::default();
    bench.with(|s| {
        s.update.phase = Phase::Ready;
        s.update.project = Some(Box::new(bare(folder.path())));
    });
    let mut harness = window(&bench, Request::default(), [1280.0, 800.0]);
    assert!(!has(&harness, "Valence of the model") && !has(&harness, "drawing"));
    press(&mut harness, Key::D);
    harness.get_by_label("drawing on the timeline");
    assert!(has(&harness, "Valence of the model") && has(&harness, "Arousal of the model"));
    press(&mut harness, Key::D);
    assert!(!has(&harness, "drawing on the timeline"));
}
