//! What edits do, and that all of it can be taken back.

use affectscope::formats::labels::Label;
use affectscope::labels::Expression;
use affectscope::review::edit::{Edit, Stroke};
use affectscope::review::{Editor, Model, Rating, Start};
use proptest::prelude::*;

use super::{Act, Annotator, FRAMES, State, WHEN, project, state};

fn model() -> Model {
    let label = |frame: usize| Label {
        frame: Some(frame as u64),
        expression: Some(Expression::ALL[frame % 7]),
        valence: Some((frame as f64 / 30.0).sin() * 0.9),
        arousal: Some(0.25),
        ..Label::default()
    };
    let labels: Vec<Label> = (0..FRAMES).map(label).collect();
    Model::from_labels(&labels, None)
}

fn paint(frames: std::ops::Range<usize>, to: Option<Expression>) -> Edit {
    Edit::Expression { frames, to }
}

#[test]
fn an_edit_changes_its_kind_on_its_frames_and_is_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut project = project(folder.path());
    let mut editor = Editor::new("Eva");
    let before = project.raters()[0].track().clone();
    let fear = Some(Expression::Fear);
    let made = editor
        .apply(&mut project, 0, paint(290..400, fear), WHEN)
        .unwrap();
    assert_eq!(
        (made.rater, made.frames, &*made.title),
        (Some(0), Some(290..300), "fear")
    );
    let drawn = Stroke {
        start: 100,
        valence: vec![Some(3.0), None, Some(f64::NAN), Some(-0.125)],
        arousal: vec![],
    };
    editor
        .apply(&mut project, 0, Edit::Values(drawn), WHEN)
        .unwrap();
    let track = project.raters()[0].track().clone();
    for frame in 0..FRAMES {
        let mut wanted = before.get(frame);
        match frame {
            290.. => wanted.expression = fear,
            100 => wanted.valence = Some(1.0),
            101 | 102 => wanted.valence = None,
            103 => wanted.valence = Some(-0.125),
            _ => {}
        }
        assert_eq!(track.get(frame), wanted, "frame {frame}");
    }
    assert_eq!(editor.edits_since_saved(0), 2);
    // Frames 101 and 102 had neither valence nor arousal before.
    assert_eq!(editor.edited_places(&project, 0), 3);
    assert_eq!(
        (editor.undo_title(), editor.redo_title()),
        (Some("valence"), None)
    );
    editor.undo(&mut project, WHEN).unwrap();
    assert_eq!(editor.redo_title(), Some("valence"));
    editor.undo(&mut project, WHEN).unwrap();
    assert!(editor.undo(&mut project, WHEN).is_none());
    assert_eq!(project.raters()[0].track(), &before);
    assert_eq!(
        (editor.is_dirty(), editor.edited_places(&project, 0)),
        (false, 0)
    );
    // What cannot lie on the video is nothing, and no step.
    for edit in [
        paint(5..5, fear),
        paint(300..310, fear),
        Edit::Values(Stroke {
            start: usize::MAX,
            valence: vec![Some(0.0)],
            arousal: vec![],
        }),
    ] {
        assert_eq!(editor.apply(&mut project, 0, edit, WHEN), None);
    }
    assert!(
        editor
            .apply(&mut project, 9, paint(0..5, fear), WHEN)
            .is_none()
    );
    assert_eq!(editor.redo_title(), Some("fear"));
}

#[test]
fn edits_stay_on_their_frames_when_labels_are_moved_or_predictions_come() {
    let folder = tempfile::tempdir().unwrap();
    let mut project = project(folder.path());
    let mut editor = Editor::new("Eva");
    let file = project.raters()[0].track().clone();
    let edit = paint(50..60, Some(Expression::Surprise));
    editor.apply(&mut project, 0, edit, WHEN).unwrap();
    editor.set_offset(&mut project, 0, 30, WHEN).unwrap();
    project.set_model(model());
    let track = project.raters()[0].track();
    for frame in 0..FRAMES {
        let moved = frame
            .checked_sub(30)
            .map(|f| file.get(f))
            .unwrap_or_default();
        let wanted = match frame {
            50..60 => Rating {
                expression: Some(Expression::Surprise),
                ..moved
            },
            _ => moved,
        };
        assert_eq!(track.get(frame), wanted, "frame {frame}");
    }
    // The edit taken back, the moved labels are there; the offset is a step of its own.
    editor.undo(&mut project, WHEN).unwrap();
    editor.undo(&mut project, WHEN).unwrap();
    assert_eq!(project.raters()[0].track(), &file);
    editor.redo(&mut project, WHEN).unwrap();
    project.set_offset(0, 7);
    editor.undo(&mut project, WHEN).unwrap();
    assert_eq!(project.raters()[0].track().get(57), file.get(50));
}

#[test]
fn the_scores_follow_every_edit_and_labels_by_the_clock_become_those_of_frames() {
    let folder = tempfile::tempdir().unwrap();
    let mut project = project(folder.path());
    project.set_model(model());
    let mut editor = Editor::new("Eva");
    let scored = |project: &affectscope::review::Project, rater| {
        let scores = project.scores(rater, 0..FRAMES);
        (
            scores.valence.count(),
            scores.valence.ccc(),
            scores.expression.clone(),
        )
    };
    let (timed, framed) = (scored(&project, 1), scored(&project, 0));
    assert!(project.raters()[1].is_timed());
    assert_eq!(timed.0, 120);
    // What the network says itself: the agreement is perfect.
    for rater in [0, 1] {
        let track = project.model().unwrap().track();
        let stroke = Stroke {
            start: 0,
            valence: track.valence().iter().map(|v| Some(*v)).collect(),
            arousal: vec![],
        };
        editor
            .apply(&mut project, rater, Edit::Values(stroke), WHEN)
            .unwrap();
        let (n, ccc, _) = scored(&project, rater);
        assert_eq!(n, FRAMES as u64);
        assert!((ccc.unwrap() - 1.0).abs() < 1e-9);
    }
    assert!(!project.raters()[1].is_timed());
    editor.undo(&mut project, WHEN).unwrap();
    editor.undo(&mut project, WHEN).unwrap();
    assert!(project.raters()[1].is_timed());
    assert_eq!((scored(&project, 1), scored(&project, 0)), (timed, framed));
}

#[test]
fn a_new_rater_starts_from_nothing_or_from_somebody() {
    let folder = tempfile::tempdir().unwrap();
    let mut project = project(folder.path());
    let mut editor = Editor::new("Eva");
    assert_eq!(
        editor.new_rater(&mut project, "m", Start::CopyOfModel, WHEN),
        None
    );
    assert_eq!(
        editor.new_rater(&mut project, "m", Start::CopyOf(7), WHEN),
        None
    );
    project.set_model(model());
    let empty = editor
        .new_rater(&mut project, "anna", Start::Empty, WHEN)
        .unwrap();
    let copy = editor
        .new_rater(&mut project, "copy", Start::CopyOf(0), WHEN)
        .unwrap();
    let said = editor
        .new_rater(&mut project, "said", Start::CopyOfModel, WHEN)
        .unwrap();
    assert_eq!(project.raters()[empty].name, "anna 2");
    assert_eq!(project.raters()[empty].track().said(), 0);
    assert_eq!(project.raters()[copy].track(), project.raters()[0].track());
    assert_eq!(
        project.raters()[said].track(),
        project.model().unwrap().track()
    );
    editor
        .apply(&mut project, copy, Edit::Clear { frames: 0..100 }, WHEN)
        .unwrap();
    assert_eq!(
        editor.edited_places(&project, copy),
        2,
        "frames 48 and 49 had no label"
    );
    assert_eq!(
        project.raters()[0].track().get(60).expression,
        Some(Expression::Fear)
    );
    editor
        .apply(&mut project, copy, Edit::Restore { frames: 0..100 }, WHEN)
        .unwrap();
    assert_eq!(project.raters()[copy].track(), project.raters()[0].track());
}

#[test]
fn steps_since_the_save_are_counted_through_undo_and_new_ways() {
    let folder = tempfile::tempdir().unwrap();
    let mut project = project(folder.path());
    let mut editor = Editor::new("Eva");
    let edit = |i: usize| paint(i * 10..i * 10 + 1, None);
    for i in 0..4 {
        editor.apply(&mut project, 0, edit(i), WHEN).unwrap();
    }
    editor.saved(&project, 0, &[], WHEN);
    assert!(!editor.is_dirty());
    editor.undo(&mut project, WHEN).unwrap();
    editor.undo(&mut project, WHEN).unwrap();
    assert_eq!(editor.edits_since_saved(0), 2);
    editor.redo(&mut project, WHEN).unwrap();
    assert_eq!(editor.edits_since_saved(0), 1);
    // Another way from here: what was saved is one step back on the old way and one on the new.
    editor.apply(&mut project, 0, edit(7), WHEN).unwrap();
    assert_eq!(editor.edits_since_saved(0), 2);
    editor.undo(&mut project, WHEN).unwrap();
    assert_eq!(editor.edits_since_saved(0), 1);
    assert!(editor.is_dirty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_steps_are_taken_back_and_made_again(seed in any::<u64>(), acts in 1usize..80) {
        let folder = tempfile::tempdir().unwrap();
        let mut project = project(folder.path());
        if seed % 2 == 0 {
            project.set_model(model());
        }
        let mut editor = Editor::new("Eva");
        let mut annotator = Annotator(seed);
        // What undo and redo must lead to.
        let mut states: Vec<State> = vec![state(&project, &editor)];
        let mut at = 0;
        for _ in 0..acts {
            let (came, act) = annotator.act(&mut project, &mut editor);
            let now = state(&project, &editor);
            match act {
                Act::Step if came => {
                    states.truncate(at + 1);
                    states.push(now.clone());
                    at += 1;
                }
                Act::Undo => {
                    prop_assert_eq!(came, at > 0);
                    at -= usize::from(came);
                }
                Act::Redo => {
                    prop_assert_eq!(came, at + 1 < states.len());
                    at += usize::from(came);
                }
                _ => {}
            }
            // Raters who have come since are not taken back.
            let then = &states[at];
            let n = then.names.len();
            prop_assert_eq!(&now.tracks[..n], &then.tracks[..]);
            prop_assert_eq!(&now.names[..n], &then.names[..]);
            prop_assert_eq!(&now.offsets[..n], &then.offsets[..]);
            prop_assert_eq!(&now.marks, &then.marks);
        }
        // Places that are counted as they come are those that are there.
        for rater in project.raters() {
            let mended: Vec<bool> = (0..FRAMES).map(|f| rater.is_mended(f)).collect();
            let places = mended.chunk_by(|a, b| a == b).filter(|run| run[0]).count();
            prop_assert_eq!(rater.mended_places(), places);
        }
        while editor.undo(&mut project, WHEN).is_some() {}
        let first = &states[0];
        prop_assert_eq!(&state(&project, &editor).tracks[..2], &first.tracks[..]);
        prop_assert_eq!(project.raters().iter().map(|r| r.mended_places()).sum::<usize>(), 0);
    }
}
