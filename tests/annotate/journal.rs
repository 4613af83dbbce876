//! The journal brings back what was done, as far as its lines are whole.

use std::path::{Path, PathBuf};

use affectscope::evaluate::files::Side;
use affectscope::labels::Expression;
use affectscope::review::edit::Edit;
use affectscope::review::journal::{
    self, Carried, JournalError, Opened, carry, path_beside, path_in, set_aside,
};
use affectscope::review::project::Frames;
use affectscope::review::rating::{RatingRun, Sample};
use affectscope::review::{Editor, Project, SegmentState, Start};
use proptest::prelude::*;
use tempfile::TempDir;

use super::{Annotator, WHEN, fingerprint, project, write_labels};

fn journal_of(folder: &TempDir) -> PathBuf {
    path_beside(&folder.path().join("clip.mp4"))
}

fn open(folder: &TempDir) -> Result<(Project, Opened), JournalError> {
    let mut project = project(folder.path());
    let opened = journal::open(&journal_of(folder), &mut project, "Eva", WHEN)?;
    Ok((project, opened))
}

fn keep(opened: &mut Opened) {
    for entry in opened.editor.take_entries() {
        opened.file.append(&entry).unwrap();
    }
}

/// Does things until so many lines are in the journal; the fingerprint after each number of lines.
fn annotate(folder: &TempDir, seed: u64, lines: usize) -> Vec<u64> {
    let (mut project, mut opened) = open(folder).unwrap();
    let mut annotator = Annotator(seed);
    let mut states = vec![fingerprint(&project, &opened.editor)];
    while opened.file.entries() < lines {
        annotator.act(&mut project, &mut opened.editor);
        let before = opened.file.entries();
        keep(&mut opened);
        assert!(opened.file.entries() <= before + 1);
        if opened.file.entries() > before {
            states.push(fingerprint(&project, &opened.editor));
        }
    }
    states
}

#[test]
fn edits_go_on_elsewhere_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    annotate(&folder, 3, 12);
    let (beside, elsewhere) = (journal_of(&folder), folder.path().join("elsewhere.jsonl"));
    assert_eq!(carry(&beside, &elsewhere).unwrap(), Carried::Copied);
    let bytes = |path: &Path| std::fs::read(path).unwrap();
    assert_eq!(bytes(&beside), bytes(&elsewhere));
    assert_eq!(carry(&elsewhere, &beside).unwrap(), Carried::Nothing);
    // More is done there, in the same project.
    let mut going = project(folder.path());
    let mut opened = journal::open(&elsewhere, &mut going, "Eva", WHEN).unwrap();
    let mut annotator = Annotator(8);
    let before = opened.file.entries();
    while opened.file.entries() < before + 5 {
        annotator.act(&mut going, &mut opened.editor);
        keep(&mut opened);
    }
    let states = fingerprint(&going, &opened.editor);
    // Not from under somebody who has it open.
    assert!(carry(&beside, &elsewhere).is_err_and(|e| matches!(e, JournalError::Busy(_))));
    drop(opened);
    assert_eq!(carry(&elsewhere, &beside).unwrap(), Carried::Copied);
    let (back, opened) = open(&folder).unwrap();
    assert_eq!(fingerprint(&back, &opened.editor), states);
    drop(opened);
    // Steps on both sides: neither is touched.
    let mut text = String::from_utf8(bytes(&elsewhere)).unwrap();
    text.truncate(text.trim_end().rfind('\n').unwrap() + 1);
    text.push_str("{\"other\":1}\n");
    std::fs::write(&elsewhere, &text).unwrap();
    let there = bytes(&beside);
    assert_eq!(carry(&elsewhere, &beside).unwrap(), Carried::Apart);
    assert_eq!(
        (bytes(&beside), bytes(&elsewhere)),
        (there, text.into_bytes())
    );
}

#[cfg(unix)]
#[test]
fn a_journal_that_was_removed_or_replaced_is_there_again() {
    let folder = tempfile::tempdir().unwrap();
    annotate(&folder, 5, 6);
    let path = journal_of(&folder);
    let older = std::fs::read(&path).unwrap();
    let (mut project, mut opened) = open(&folder).unwrap();
    let mut annotator = Annotator(2);
    let mut go_on = |opened: &mut Opened| {
        let before = opened.file.entries();
        while opened.file.entries() < before + 3 {
            annotator.act(&mut project, &mut opened.editor);
            keep(opened);
        }
        fingerprint(&project, &opened.editor)
    };
    go_on(&mut opened);
    std::fs::remove_file(&path).unwrap();
    opened.file.restore().unwrap();
    go_on(&mut opened);
    // A program that copies files about brings an older one.
    std::fs::write(folder.path().join("older"), &older).unwrap();
    std::fs::rename(folder.path().join("older"), &path).unwrap();
    opened.file.restore().unwrap();
    let state = go_on(&mut opened);
    // Somebody else's is left alone.
    std::fs::write(folder.path().join("foreign"), "something else").unwrap();
    let mine = std::fs::read(&path).unwrap();
    std::fs::rename(folder.path().join("foreign"), &path).unwrap();
    assert!(opened.file.restore().is_err());
    assert_eq!(std::fs::read(&path).unwrap(), b"something else");
    std::fs::write(&path, mine).unwrap();
    drop(opened);
    let (back, opened) = open(&folder).unwrap();
    assert_eq!(fingerprint(&back, &opened.editor), state);
}

#[test]
fn what_was_done_is_there_again_and_can_be_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let (mut project, mut opened) = open(&folder).unwrap();
    assert_eq!(opened.replayed, Default::default());
    let file = project.raters()[0].track().clone();
    let editor = &mut opened.editor;
    editor.set_blind(true);
    let edit = Edit::Expression {
        frames: 10..20,
        to: Some(Expression::Anger),
    };
    editor.apply(&mut project, 0, edit, WHEN).unwrap();
    let new = editor
        .new_rater(&mut project, "Eva", Start::CopyOf(0), WHEN)
        .unwrap();
    editor
        .apply(&mut project, new, Edit::Clear { frames: 0..5 }, WHEN)
        .unwrap();
    editor
        .mark((40..60, None), SegmentState::ModelRight, "clear", WHEN)
        .unwrap();
    editor.set_offset(&mut project, 1, -4, WHEN).unwrap();
    editor.undo(&mut project, WHEN).unwrap();
    keep(&mut opened);
    let then = fingerprint(&project, &opened.editor);
    drop((project, opened));

    let mut project = super::project(folder.path());
    let mut again = journal::open(&journal_of(&folder), &mut project, "Otto", WHEN).unwrap();
    assert_eq!((again.replayed.entries, again.replayed.torn), (6, false));
    assert_eq!(fingerprint(&project, &again.editor), then);
    assert_eq!(again.editor.redo_title(), Some("offset"));
    assert_eq!(again.editor.summary(0).blind, 1);
    assert_eq!(
        (again.editor.who(), again.editor.is_blind()),
        ("Otto", false)
    );
    // What the next one does is theirs.
    let edit = Edit::Clear { frames: 0..5 };
    again
        .editor
        .apply(&mut project, 0, edit, "2026-03-05T00:00:00Z")
        .unwrap();
    keep(&mut again);
    let summary = again.editor.summary(0);
    assert_eq!(
        (summary.edits, summary.who),
        (2, vec!["Eva".to_owned(), "Otto".to_owned()])
    );
    // Somebody takes over without opening it anew.
    again.editor.set_who(" ");
    again.editor.set_who("Maria");
    let edit = Edit::Clear { frames: 5..9 };
    again.editor.apply(&mut project, 0, edit, WHEN).unwrap();
    keep(&mut again);
    drop((project, again));
    let (mut project, mut third) = open(&folder).unwrap();
    assert_eq!(third.editor.summary(0).who, ["Eva", "Otto", "Maria"]);
    while third.editor.undo(&mut project, WHEN).is_some() {}
    assert_eq!(project.raters()[0].track(), &file);
}

#[test]
fn what_is_rated_is_kept_in_pieces_and_is_one_step() {
    let folder = tempfile::tempdir().unwrap();
    let (mut project, mut opened) = open(&folder).unwrap();
    let before = project.raters()[0].track().clone();
    let times = project.times_s().to_vec();
    let mut run = RatingRun::new(30.0);
    let (mut pieces, mut whole) = (0, project.clone());
    for i in 0..90 {
        let now_s = f64::from(i) / 30.0;
        let sample = Sample {
            time_s: 1.0 + now_s,
            valence: Some(f64::from(i) / 100.0),
            arousal: Some(-f64::from(i) / 200.0),
        };
        assert!(run.offer(now_s, sample));
        let more = run.has_pieces();
        if let Some(edit) = run.piece(now_s, &times) {
            let (editor, project) = (&mut opened.editor, &mut project);
            let made = match more {
                true => editor.apply_more(project, 0, edit, WHEN),
                false => editor.apply(project, 0, edit, WHEN),
            };
            assert!(made.is_some());
            pieces += 1;
            keep(&mut opened);
        }
    }
    // Three seconds: all but the last half of one is kept, should it end here.
    assert_eq!((pieces, opened.file.entries()), (5, 5));
    let left = open_copy(&folder);
    assert_eq!(left.raters()[0].track(), project.raters()[0].track());
    let edit = run.edit(&times).unwrap();
    opened
        .editor
        .apply_more(&mut project, 0, edit.clone(), WHEN);
    keep(&mut opened);
    Editor::new("Eva").apply(&mut whole, 0, edit, WHEN).unwrap();
    let rated = whole.raters()[0].track().clone();
    assert_eq!(project.raters()[0].track(), &rated);
    let state = fingerprint(&project, &opened.editor);
    assert_eq!(opened.editor.edits_since_saved(0), 1);
    drop((project, opened));
    let (mut project, mut opened) = open(&folder).unwrap();
    assert_eq!(fingerprint(&project, &opened.editor), state);
    opened.editor.undo(&mut project, WHEN).unwrap();
    assert_eq!(project.raters()[0].track(), &before);
    assert!(opened.editor.undo(&mut project, WHEN).is_none());
    opened.editor.redo(&mut project, WHEN).unwrap();
    assert_eq!(project.raters()[0].track(), &rated);
    // Behind another step it is one of its own.
    let edit = Edit::Clear { frames: 0..2 };
    opened.editor.apply(&mut project, 0, edit, WHEN).unwrap();
    let edit = Edit::Clear { frames: 2..4 };
    opened
        .editor
        .apply_more(&mut project, 0, edit, WHEN)
        .unwrap();
    assert_eq!(opened.editor.edits_since_saved(0), 2);
}

/// The project as it is when the journal is opened from a copy.
fn open_copy(folder: &TempDir) -> Project {
    let copy = folder.path().join("copy.jsonl");
    std::fs::copy(journal_of(folder), &copy).unwrap();
    let mut project = project(folder.path());
    drop(journal::open(&copy, &mut project, "Eva", WHEN).unwrap());
    std::fs::remove_file(copy).unwrap();
    project
}

#[test]
fn line_ends_of_another_system_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let states = annotate(&folder, 5, 12);
    let text = std::fs::read_to_string(journal_of(&folder)).unwrap();
    std::fs::write(journal_of(&folder), text.replace('\n', "\r\n")).unwrap();
    let (project, opened) = open(&folder).unwrap();
    assert_eq!(opened.replayed.damage, None);
    assert_eq!(Some(&fingerprint(&project, &opened.editor)), states.last());
}

#[test]
fn every_line_is_json_and_the_folder_of_a_journal_is_still_one_of_labels() {
    let folder = tempfile::tempdir().unwrap();
    annotate(&folder, 5, 30);
    let text = std::fs::read_to_string(journal_of(&folder)).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(lines.len(), 31);
    assert_eq!(lines[0]["who"], "Eva");
    assert_eq!(lines[0]["video"]["name"], "clip.mp4");
    assert_eq!(lines[0]["raters"][0]["files"][0]["name"], "clip_anna.csv");
    assert!(
        lines[1..]
            .iter()
            .all(|l| l["when"] == WHEN && l["do"].is_string())
    );
    let side = Side::load(folder.path(), None).unwrap();
    assert_eq!(
        (side.series.len(), side.unknown.len(), side.broken.len()),
        (2, 0, 0)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    #[test]
    fn cut_anywhere_it_opens_with_the_lines_before(seed in any::<u64>(), cuts in prop::collection::vec(0.0f64..1.0, 12)) {
        let folder = tempfile::tempdir().unwrap();
        let states = annotate(&folder, seed, 25);
        let path = journal_of(&folder);
        let whole = std::fs::read(&path).unwrap();
        for cut in cuts {
            let bytes = &whole[..(cut * (whole.len() + 1) as f64) as usize];
            std::fs::write(&path, bytes).unwrap();
            let lines = bytes.iter().filter(|&&b| b == b'\n').count();
            let (project, opened) = open(&folder).unwrap();
            prop_assert_eq!(opened.replayed.entries, lines.saturating_sub(1));
            prop_assert_eq!(&opened.replayed.damage, &None);
            prop_assert_eq!(fingerprint(&project, &opened.editor), states[lines.saturating_sub(1)]);
            prop_assert_eq!(opened.replayed.torn, !bytes.is_empty() && bytes.last() != Some(&b'\n'));
        }
    }

    #[test]
    fn damaged_anywhere_it_opens_with_the_lines_before_and_the_file_is_kept(
        seed in any::<u64>(), places in prop::collection::vec((0.0f64..1.0, 1u8..), 6),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let states = annotate(&folder, seed, 25);
        let path = journal_of(&folder);
        let whole = std::fs::read(&path).unwrap();
        for (place, change) in places {
            let place = (place * whole.len() as f64) as usize;
            let mut bytes = whole.clone();
            bytes[place] ^= change;
            std::fs::write(&path, &bytes).unwrap();
            let lines = whole[..place].iter().filter(|&&b| b == b'\n').count();
            let (mut project, mut opened) = match open(&folder) {
                Ok(opened) => opened,
                Err(JournalError::NotOurs(_)) => {
                    prop_assert!(place < 50, "{place}");
                    prop_assert_eq!(std::fs::read(&path).unwrap(), bytes);
                    continue;
                }
                Err(e) => panic!("{e}"),
            };
            let taken = lines.saturating_sub(1);
            prop_assert_eq!(opened.replayed.entries, taken);
            prop_assert_eq!(fingerprint(&project, &opened.editor), states[taken]);
            if place + 1 == whole.len() {
                prop_assert!(opened.replayed.torn);
            } else {
                let damage = opened.replayed.damage.clone().unwrap();
                prop_assert_eq!(damage.line, lines + 1);
                prop_assert!(damage.to_string().contains("damaged in line"));
                let split = bytes.split(|&b| b == b'\n').filter(|l| !l.is_empty()).count();
                prop_assert_eq!(damage.not_taken, split - lines);
                prop_assert_eq!(std::fs::read(&damage.copy).unwrap(), bytes);
            }
            // It goes on from there.
            let edit = Edit::Expression { frames: 0..200, to: Some(Expression::ALL[place % 7]) };
            let edit_at = opened.editor.apply(&mut project, 0, edit, WHEN);
            keep(&mut opened);
            let then = fingerprint(&project, &opened.editor);
            drop(opened);
            let (project, opened) = open(&folder).unwrap();
            prop_assert_eq!((opened.replayed.damage, opened.replayed.torn), (None, false));
            prop_assert!(edit_at.is_none() || fingerprint(&project, &opened.editor) == then);
        }
    }
}

#[test]
fn a_second_program_is_refused_and_an_unused_journal_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (project, opened) = open(&folder).unwrap();
    let path = journal_of(&folder);
    assert!(matches!(open(&folder), Err(JournalError::Busy(p)) if p == path));
    assert!(matches!(set_aside(&path), Err(JournalError::Busy(_))));
    drop((project, opened));
    #[cfg(unix)]
    assert!(!path.exists());
    let (mut project, mut opened) = open(&folder).unwrap();
    opened
        .editor
        .apply(&mut project, 0, Edit::Clear { frames: 0..9 }, WHEN)
        .unwrap();
    keep(&mut opened);
    drop(opened);
    assert_eq!(open(&folder).unwrap().1.replayed.entries, 1);
}

fn refused(folder: &TempDir, project: &mut Project, words: &[&str]) {
    let path = journal_of(folder);
    let before = std::fs::read(&path).unwrap();
    let tracks: Vec<_> = project.raters().iter().map(|r| r.track().clone()).collect();
    let error = journal::open(&path, project, "Eva", WHEN)
        .unwrap_err()
        .to_string();
    for word in words {
        assert!(error.contains(word), "{word}: {error}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
    let now: Vec<_> = project.raters().iter().map(|r| r.track().clone()).collect();
    assert_eq!(now, tracks);
}

#[test]
fn a_journal_of_another_video_or_other_labels_is_refused_with_words() {
    let folder = tempfile::tempdir().unwrap();
    let (mut first, mut opened) = open(&folder).unwrap();
    opened
        .editor
        .apply(&mut first, 0, Edit::Clear { frames: 0..9 }, WHEN)
        .unwrap();
    keep(&mut opened);
    drop(opened);
    let video = |name: &str, frames: usize| {
        let times_s = (0..frames).map(|i| i as f64 / 25.0).collect();
        Project::of_video(
            &folder.path().join(name),
            Frames {
                times_s,
                pictures: None,
                note: None,
            },
        )
    };
    refused(
        &folder,
        &mut video("clip.mp4", 299),
        &[
            "clip.mp4 (300 frames)",
            "clip.mp4 (299 frames)",
            "set the journal aside",
        ],
    );
    refused(
        &folder,
        &mut video("other.mp4", 300),
        &["clip.mp4", "other.mp4"],
    );
    // The labels with edits are not there.
    let [anna, ben] = write_labels(folder.path());
    let mut without = video("clip.mp4", 300);
    without.add_labels(&ben).unwrap();
    refused(
        &folder,
        &mut without,
        &["anna (clip_anna.csv)", "not open or have been changed"],
    );
    // They have been changed.
    let text = std::fs::read_to_string(&anna).unwrap();
    std::fs::write(&anna, text.replace("neutral", "sadness")).unwrap();
    let mut changed = video("clip.mp4", 300);
    changed.add_labels(&anna).unwrap();
    refused(&folder, &mut changed, &["anna (clip_anna.csv)"]);
    // In another order, under another name, without those that nobody edited: they are found by their content.
    std::fs::remove_file(&anna).unwrap();
    let renamed = folder.path().join("clip_zoe.csv");
    std::fs::write(&renamed, text).unwrap();
    let mut project = video("clip.mp4", 300);
    project.add_labels(&renamed).unwrap();
    let again = journal::open(&journal_of(&folder), &mut project, "Eva", WHEN).unwrap();
    assert_eq!(project.raters()[0].track(), first.raters()[0].track());
    drop(again);
    let mut project = video("clip.mp4", 300);
    project.add_labels(&ben).unwrap();
    project.add_labels(&renamed).unwrap();
    let again = journal::open(&journal_of(&folder), &mut project, "Eva", WHEN).unwrap();
    assert_eq!(project.raters()[1].track(), first.raters()[0].track());
    assert_eq!(again.editor.edits_since_saved(1), 1);
    drop(again);
    // Set aside, a new one is begun, and the old one is kept.
    let old = std::fs::read(journal_of(&folder)).unwrap();
    let aside = set_aside(&journal_of(&folder)).unwrap();
    assert_eq!(std::fs::read(&aside).unwrap(), old);
    assert!(
        journal::open(
            &journal_of(&folder),
            &mut video("other.mp4", 300),
            "Eva",
            WHEN
        )
        .is_ok()
    );
}

#[test]
fn labels_that_are_opened_later_are_known_from_then_on() {
    let folder = tempfile::tempdir().unwrap();
    let [anna, ben] = write_labels(folder.path());
    let times_s = (0..300).map(|i| f64::from(i) / 25.0).collect();
    let frames = Frames {
        times_s,
        pictures: None,
        note: None,
    };
    let mut project = Project::of_video(&folder.path().join("clip.mp4"), frames.clone());
    let path = journal_of(&folder);
    let mut opened = journal::open(&path, &mut project, "Eva", WHEN).unwrap();
    let own = opened
        .editor
        .new_rater(&mut project, "Eva", Start::Empty, WHEN)
        .unwrap();
    let edit = |to| Edit::Expression {
        frames: 3..9,
        to: Some(to),
    };
    opened
        .editor
        .apply(&mut project, own, edit(Expression::Fear), WHEN)
        .unwrap();
    project.add_labels(&anna).unwrap();
    opened
        .editor
        .apply(&mut project, 1, edit(Expression::Disgust), WHEN)
        .unwrap();
    keep(&mut opened);
    drop(opened);
    let mut again = Project::of_video(&folder.path().join("clip.mp4"), frames);
    again.add_labels(&ben).unwrap();
    again.add_labels(&anna).unwrap();
    let opened = journal::open(&path, &mut again, "Eva", WHEN).unwrap();
    let named = |name: &str| again.raters().iter().find(|r| r.name == name).unwrap();
    assert_eq!(named("Eva").track(), project.raters()[own].track());
    assert_eq!(named("anna").track(), project.raters()[1].track());
    assert_eq!(opened.replayed.entries, 4);
}

#[test]
fn a_journal_of_a_newer_version_and_a_strange_file_stay_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    annotate(&folder, 1, 5);
    let path = journal_of(&folder);
    std::fs::write(&path, "frame,valence\n0,0.5\n").unwrap();
    refused(
        &folder,
        &mut project(folder.path()),
        &["no journal of edits"],
    );
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    let error = open(&folder).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("no ordinary file"), "{error}");
    let nowhere = folder.path().join("clip_anna.csv/folder/clip.mp4.jsonl");
    let error = journal::open(&nowhere, &mut project(folder.path()), "Eva", WHEN)
        .map(|_| ())
        .unwrap_err();
    assert!(error.is_unwritable(), "{error}");
    let (a, b) = (
        path_in(folder.path(), Path::new("/a/clip.mp4")),
        path_in(folder.path(), Path::new("/b/clip.mp4")),
    );
    assert!(a != b && a.starts_with(folder.path()));
}

#[test]
fn an_editor_without_a_journal_gathers_its_steps() {
    let folder = tempfile::tempdir().unwrap();
    let mut project = project(folder.path());
    let mut editor = Editor::new("Eva");
    editor
        .apply(&mut project, 0, Edit::Clear { frames: 0..9 }, WHEN)
        .unwrap();
    assert_eq!(
        editor.take_entries().len(),
        3,
        "two raters' files and an edit"
    );
    assert_eq!(editor.files(0)[0].name, "clip_anna.csv");
}
