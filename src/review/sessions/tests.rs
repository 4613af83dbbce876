//! Made folders with sessions in every state.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, SystemTime};

use super::*;
use crate::labels::Expression;
use crate::review::project::Frames;
use crate::review::{Edit, Faces, Project, journal};

const HEADER: &str = "frame,time_s,face_id,status,box_x_px,box_y_px,box_w_px,box_h_px,neutral,anger,disgust,fear,happiness,sadness,surprise,expression,valence,arousal,valence_sd,arousal_sd\n";
const WHEN: &str = "2026-03-04T05:06:07Z";

fn put(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A table of so many frames at 25 a second: face 1, happy, valence rising from 0 by hundredths.
fn table(frames: usize) -> String {
    let mut text = HEADER.to_owned();
    for f in 0..frames {
        text.push_str(&format!(
            "{f},{:.6},1,ok,1,1,2,2,0,0,0,0,1,0,0,happiness,{:.2},0.1,0.1,0.1\n",
            f as f64 / 25.0,
            f as f64 / 100.0
        ));
    }
    text
}

fn sidecar(given: &str, protocol: &str, picture: Option<&str>) -> String {
    let mut value = serde_json::json!({
        "program": "affectscope",
        "source": {"given": given},
        "weights": {"name": "student-thin"},
        "protocol": {"name": protocol},
    });
    if let Some(picture) = picture {
        value["picture"] = serde_json::json!({"file": picture});
    }
    value.to_string()
}

fn all(folder: &Path) -> Vec<Session> {
    look(&[folder.to_owned()], &|| false).sessions
}

fn one(folder: &Path, name: &str) -> Session {
    let mut all = all(folder);
    let at = all.iter().position(|s| s.name == name).unwrap();
    all.swap_remove(at)
}

fn names(paths: &[PathBuf]) -> Vec<String> {
    let name = |p: &PathBuf| p.file_name().unwrap().to_string_lossy().into_owned();
    let mut names: Vec<String> = paths.iter().map(name).collect();
    names.sort();
    names
}

/// Every file below a folder, with its content.
fn tree(folder: &Path) -> std::collections::BTreeMap<PathBuf, Vec<u8>> {
    let mut found = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(tree(&path));
        } else {
            let bytes = std::fs::read(&path).unwrap();
            found.insert(path, bytes);
        }
    }
    found
}

/// A recording with its picture, labels that were saved here, names of faces, and a journal of two lines.
fn recording(folder: &Path) {
    let at = |name: &str| folder.join(name);
    let picture = at("affectscope-20260730-134501Z.affect.mkv");
    put(&at("affectscope-20260730-134501Z.affect.csv"), &table(50));
    let side = sidecar(
        "camera",
        "live",
        Some("affectscope-20260730-134501Z.affect.mkv"),
    );
    put(&at("affectscope-20260730-134501Z.affect.json"), &side);
    put(&picture, "a film");
    let mut faces = Faces::default();
    faces.set_name(1, "Anna");
    faces
        .write(&at("affectscope-20260730-134501Z.affect.csv"))
        .unwrap();
    let mut project = film(&picture);
    let mut opened =
        journal::open(&journal::path_beside(&picture), &mut project, "Eva", WHEN).unwrap();
    let rater = opened
        .editor
        .new_rater(&mut project, "Eva", crate::review::Start::Empty, WHEN)
        .unwrap();
    let happy = Edit::Expression {
        frames: 3..9,
        to: Some(Expression::Happiness),
    };
    opened
        .editor
        .apply(&mut project, rater, happy, WHEN)
        .unwrap();
    for line in opened.editor.take_entries() {
        opened.file.append(&line).unwrap();
    }
    let labels = at("affectscope-20260730-134501Z.affect_Eva.csv");
    let job = crate::review::save::prepare(
        &project,
        &mut opened.editor,
        rater,
        crate::review::save::SaveFormat::Csv,
        &labels,
        false,
        WHEN,
    );
    job.unwrap().write().unwrap();
}

fn film(picture: &Path) -> Project {
    let times_s = (0..50).map(|f| f64::from(f) / 25.0).collect();
    let frames = Frames {
        times_s,
        pictures: None,
        note: None,
    };
    Project::of_video(picture, frames)
}

#[test]
fn a_recording_has_its_picture_labels_and_time() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path());
    let all = all(folder.path());
    assert_eq!(
        all.len(),
        1,
        "labels and journals are no sessions: {all:#?}"
    );
    let s = &all[0];
    assert_eq!((s.kind, s.whole), (Kind::Recording, Whole::Yes));
    assert_eq!(
        (s.trouble.as_deref(), s.when.as_str()),
        (None, "2026-07-30T13:45:01Z")
    );
    // Fifty frames at 25 a second: 49 steps and the last frame's own.
    assert_eq!(s.frames, Some(50));
    assert!((s.length_s.unwrap() - 2.0).abs() < 1e-9, "{:?}", s.length_s);
    assert_eq!(s.weights.as_deref(), Some("student-thin"));
    let picture = folder
        .path()
        .join("affectscope-20260730-134501Z.affect.mkv");
    assert_eq!(s.video.as_deref(), Some(&*picture));
    assert_eq!(
        names(&s.labels),
        ["affectscope-20260730-134501Z.affect_Eva.csv"]
    );
    assert_eq!(s.own.len(), 7, "{:?}", s.own);
    let detail = Detail::of(s);
    assert_eq!((detail.faces, &*detail.names[0]), (1, "Anna"));
    assert_eq!(detail.failed, Vec::<String>::new());
    // Six frames are labelled happy, and happy is what all of them are.
    assert_eq!(
        (detail.scores[0].frames, detail.scores[0].accuracy),
        (6, Some(1.0))
    );
}

#[test]
fn labels_of_the_file_that_was_recorded_from_stay_with_that_file() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    put(&at("vids/talk.mp4"), "film");
    put(&at("vids/talk_eva.csv"), "frame,valence\n0,0.1\n");
    // One whose name is the video's, one of another name, and one beside the video itself.
    for table_of in ["rec/talk", "rec/session", "vids/talk"] {
        put(&at(&format!("{table_of}.csv")), &table(3));
        let sidecar = sidecar(&at("vids/talk.mp4").display().to_string(), "live", None);
        put(&at(&format!("{table_of}.json")), &sidecar);
        let path = at(&format!("{table_of}.csv"));
        let found = all(path.parent().unwrap());
        let session = found.iter().find(|s| s.table == path).unwrap();
        assert_eq!(session.kind, Kind::Recording);
        let own = names(&session.own);
        assert!(!own.contains(&"talk_eva.csv".to_owned()), "{own:?}");
        assert!(!own.contains(&"talk.mp4".to_owned()), "{own:?}");
    }
}

#[test]
fn an_analysed_file_knows_its_video_and_takes_only_its_own_labels() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    put(&at("videos/talk.mp4"), "a film");
    put(&at("videos/talk_2.mp4"), "another");
    let given = at("videos/talk.mp4").display().to_string();
    put(&at("rows/talk.affect.csv"), &table(3));
    put(
        &at("rows/talk.affect.json"),
        &sidecar(&given, "offline", None),
    );
    put(&at("rows/other.csv"), &table(2));
    put(
        &at("rows/other.json"),
        &sidecar("gone.mp4", "offline", None),
    );
    // A table of somebody else's, without a sidecar of ours.
    put(&at("rows/plain.csv"), "frame,valence\n0,0.5\n");
    let va = "valence,arousal\n0.0,0.1\n0.02,0.1\n0.04,0.1\n";
    put(&at("videos/talk.txt"), va);
    put(
        &at("videos/talk.anna.csv"),
        "frame,valence\n0,0.0\n1,0.01\n2,0.02\n",
    );
    put(&at("videos/VA_Set/talk_eva.txt"), va);
    put(&at("videos/talk_2.txt"), va);
    put(&at("videos/talkative.txt"), va);
    put(&at("videos/talk.notes.txt"), "Anna was late.\n");
    let s = one(folder.path(), "talk");
    assert_eq!(s.kind, Kind::Analysis);
    assert_eq!(s.video, Some(at("videos/talk.mp4")));
    assert_eq!(
        names(&s.labels),
        ["talk.anna.csv", "talk.txt", "talk_eva.txt"]
    );
    // The video and its labels are not the session's to delete.
    assert_eq!(names(&s.own), ["talk.affect.csv", "talk.affect.json"]);
    let detail = Detail::of(&s);
    assert_eq!(detail.failed, Vec::<String>::new());
    let of = |name: &str| detail.scores.iter().find(|s| s.rater == name).unwrap();
    assert_eq!(of("anna").ccc_valence, Some(1.0));
    // By hand: 0, 0.01, 0.02 against 0, 0.02, 0.04. Covariance 4e-4/3, variances 2e-4/3 and 8e-4/3, means 0.01 apart:
    // 2 * 4/3 / (2/3 + 8/3 + 1) = 8/13.
    assert!((of("labels").ccc_valence.unwrap() - 8.0 / 13.0).abs() < 1e-12);
    let other = one(folder.path(), "other");
    assert_eq!(
        (other.video.as_deref(), other.missing()),
        (None, Some("gone.mp4"))
    );
    let names: Vec<String> = all(folder.path()).into_iter().map(|s| s.name).collect();
    assert!(!names.contains(&"plain".to_owned()), "{names:?}");
    assert!(other.fits("THIN oth") && !other.fits("oth fat"));
}

#[test]
fn what_is_broken_unfinished_or_being_written_is_listed_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    put(&at("empty.affect.csv"), "");
    put(&at("bare.affect.csv"), HEADER);
    put(&at("other.affect.csv"), "a,b\n1,2\n");
    put(
        &at("cut.affect.csv"),
        table(4).trim_end_matches("0.1,0.1\n"),
    );
    put(&at("dead.affect.csv.part"), &table(7));
    put(&at("odd.affect.json"), "{");
    put(&at("odd.affect.csv"), &table(2));
    put(
        &at("lines.affect.jsonl"),
        "{\"frame\":4,\"time_s\":0.5,\"status\":\"ok\"}\n{\"frame\":5,\"time_s\":0.75,\"status\":\"no_face\"}\n",
    );
    let long_ago = SystemTime::now() - Duration::from_secs(60);
    let dead = std::fs::File::options()
        .append(true)
        .open(at("dead.affect.csv.part"))
        .unwrap();
    dead.set_modified(long_ago).unwrap();
    let of = |name: &str| one(folder.path(), name);
    let said = |name: &str, whole: Whole, words: &str| {
        let s = of(name);
        assert_eq!(s.whole, whole, "{name}");
        let trouble = s.trouble.unwrap_or_default();
        assert!(trouble.contains(words), "{name}: {trouble}");
    };
    said("empty", Whole::No, "It is empty");
    said("bare", Whole::No, "no rows");
    said("other", Whole::No, "does not begin as a table");
    said("cut", Whole::Unfinished, "last row is cut");
    assert_eq!(of("cut").frames, Some(3), "of whole rows");
    said("dead", Whole::Unfinished, "ended early");
    assert_eq!(of("dead").frames, Some(7));
    dead.lock().unwrap();
    said("dead", Whole::Running, "at this moment");
    let error = rename(&of("dead"), "alive", &[]).unwrap_err();
    assert!(matches!(error, ChangeError::Running(_)), "{error}");
    said("odd", Whole::Yes, "");
    assert_eq!(of("odd").weights, None);
    let lines = of("lines");
    // Half a second and three quarters: a step of a quarter.
    assert_eq!((lines.frames, lines.length_s), (Some(6), Some(0.5)));
    let missing = look(&[at("nowhere")], &|| false);
    assert!(missing.notes[0].contains("nowhere"), "{:?}", missing.notes);
    assert_eq!(
        look(&[folder.path().to_owned()], &|| true),
        Found::default()
    );
}

#[test]
fn folders_within_folders_are_seen_once_and_hidden_ones_never() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for place in ["a", "a/b", "a/b/c", ".hidden"] {
        put(&at(&format!("{place}/x.affect.csv")), &table(2));
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink(at("a"), at("a/again")).unwrap();
    let found = look(&[folder.path().to_owned(), at("a")], &|| false);
    let tables: Vec<_> = found.sessions.iter().map(|s| s.table.clone()).collect();
    assert_eq!(tables.len(), 2, "{tables:?}");
}

#[test]
fn a_recording_is_renamed_as_a_whole_and_opens_as_before() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path());
    // An analysis of the recording's picture.
    let old = folder
        .path()
        .join("affectscope-20260730-134501Z.affect.mkv");
    put(&folder.path().join("again.affect.csv"), &table(4));
    let given = old.display().to_string();
    put(
        &folder.path().join("again.affect.json"),
        &sidecar(&given, "offline", None),
    );
    let before = one(folder.path(), "affectscope-20260730-134501Z");
    let rows = std::fs::read(&before.table).unwrap();
    let renamed = rename(&before, " Anna, first ", &all(folder.path())).unwrap();
    assert_eq!(renamed.files, 7);
    let after = one(folder.path(), "Anna, first");
    assert_eq!(after.table, renamed.table);
    assert_eq!(std::fs::read(&after.table).unwrap(), rows);
    assert_eq!(
        names(&after.own),
        [
            "Anna, first.affect.csv",
            "Anna, first.affect.faces.json",
            "Anna, first.affect.json",
            "Anna, first.affect.mkv",
            "Anna, first.affect.mkv.affectscope-review.jsonl",
            "Anna, first.affect_Eva.csv",
            "Anna, first.affect_Eva.json",
        ]
    );
    // Every file that names another names it by its new name.
    for (path, bytes) in tree(folder.path()) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        assert!(
            !text.contains("affectscope-20260730"),
            "{}: {text}",
            path.display()
        );
    }
    let again = one(folder.path(), "again");
    assert_eq!(again.video, after.video);
    assert_eq!(Detail::of(&after).names, ["Anna"]);
    // The journal is of the film under its new name, with its steps.
    let picture = after.video.unwrap();
    let mut project = film(&picture);
    let opened = journal::open(&journal::path_beside(&picture), &mut project, "Eva", WHEN).unwrap();
    assert_eq!(opened.replayed.damage, None);
    assert_eq!(project.raters()[0].track().counts(), [6, 0, 0]);
    // While somebody annotates, it stays as it is.
    let after = one(folder.path(), "Anna, first");
    let error = rename(&after, "b", &[]).unwrap_err();
    assert!(matches!(error, ChangeError::Journal(_)), "{error}");
    let error = delete(&after, &mut |_| panic!("not asked")).unwrap_err();
    assert!(matches!(error, ChangeError::Journal(_)), "{error}");
}

#[test]
fn a_name_that_is_taken_or_none_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path());
    put(&folder.path().join("b.affect_Eva.csv"), "mine");
    let session = one(folder.path(), "affectscope-20260730-134501Z");
    let before = tree(folder.path());
    let error = rename(&session, "b", &[]).unwrap_err().to_string();
    assert!(
        error.contains("b.affect_Eva.csv: exists already"),
        "{error}"
    );
    for bad in ["", "  ", "a/b", "..", "a:b", "x\ny", &"n".repeat(200)] {
        let error = rename(&session, bad, &[]).unwrap_err();
        assert!(
            matches!(error, ChangeError::Name { .. }),
            "{bad:?}: {error}"
        );
    }
    assert_eq!(tree(folder.path()), before);
}

#[cfg(unix)]
#[test]
fn what_was_renamed_is_named_back_when_the_system_refuses_one() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path());
    let mut session = one(folder.path(), "affectscope-20260730-134501Z");
    // A file that is gone when its turn comes.
    let gone = folder.path().join("affectscope-20260730-134501Z.gone");
    session.own.push(gone);
    let before = tree(folder.path());
    let error = rename(&session, "b", &[]).unwrap_err();
    assert!(matches!(error, ChangeError::Io { .. }), "{error}");
    assert_eq!(tree(folder.path()), before);
}

#[test]
fn deleting_gives_all_its_files_to_the_bin_and_nothing_is_lost_without_one() {
    let folder = tempfile::tempdir().unwrap();
    recording(folder.path());
    put(&folder.path().join("mine.txt"), "mine");
    let session = one(folder.path(), "affectscope-20260730-134501Z");
    let before = tree(folder.path());
    let error = delete(&session, &mut |_| Err("there is none".to_owned())).unwrap_err();
    let words = error.to_string();
    assert!(
        words.contains("there is none") && words.contains("affect.mkv"),
        "{words}"
    );
    assert_eq!(tree(folder.path()), before);
    let bin = tempfile::tempdir().unwrap();
    let mut taken = Vec::new();
    let deleted = delete(&session, &mut |paths| {
        for path in paths {
            std::fs::rename(path, bin.path().join(path.file_name().unwrap())).unwrap();
            taken.push(path.clone());
        }
        Ok(())
    });
    assert_eq!(deleted.unwrap(), 7);
    assert_eq!(taken.last(), Some(&session.table), "the table goes last");
    assert_eq!(
        names(&tree(folder.path()).into_keys().collect::<Vec<_>>()),
        ["mine.txt"]
    );
}
