//! The list of sessions, and the names of faces.

use std::path::Path;

use affectscope::review::Faces;
use affectscope::review::session::{SessionOrder, SessionWord};
use affectscope::review::sessions::{Detail, Found, RaterScores, Session, look};

use egui_kittest::kittest::NodeT as _;

use super::*;

/// Three sessions: `talk` with its video and labels, `walk` whose video is gone, and an empty one.
fn three(folder: &Path) -> Found {
    files(folder);
    std::fs::write(folder.join("talk.mp4"), "a film").unwrap();
    std::fs::copy(folder.join("EXPR/talk.txt"), folder.join("talk.anna.txt")).unwrap();
    let sidecar = |given: &str| {
        format!(
            "{{\"program\":\"affectscope\",\"source\":{{\"given\":\"{given}\"}},\"weights\":{{\"name\":\"student-thin\"}},\"protocol\":{{\"name\":\"offline\"}}}}"
        )
    };
    std::fs::write(folder.join("talk.affect.json"), sidecar("talk.mp4")).unwrap();
    let walk = "frame,time_s,face_id,status\n0,0.0,,no_face\n1,0.5,,no_face\n";
    std::fs::write(folder.join("walk.affect.csv"), walk).unwrap();
    std::fs::write(folder.join("walk.affect.json"), sidecar("walk.mp4")).unwrap();
    std::fs::write(folder.join("void.affect.csv"), "").unwrap();
    look(&[folder.to_owned()], &|| false)
}

/// A bench on nothing, which has heard of these sessions.
fn listed(found: &Found, size: [f32; 2]) -> (FakeBench, Harness<'static, App>) {
    let bench = FakeBench::default();
    let mut harness = window(&bench, Request::default(), size);
    hear(
        &bench,
        &mut harness,
        vec![SessionWord::Found(found.clone())],
    );
    (bench, harness)
}

fn hear(bench: &FakeBench, harness: &mut Harness<'_, App>, words: Vec<SessionWord>) {
    bench.with(|s| s.update.sessions = words);
    harness.run_steps(3);
}

fn session(found: &Found, name: &str) -> Session {
    found
        .sessions
        .iter()
        .find(|s| s.name == name)
        .unwrap()
        .clone()
}

fn last_order(bench: &FakeBench) -> SessionOrder {
    bench.with(|s| s.sessions.last().cloned().unwrap())
}

fn click(harness: &mut Harness<'_, App>, label: &str) {
    harness.get_by_label(label).click();
    harness.run_steps(3);
}

fn click_part(harness: &mut Harness<'_, App>, part: &str) {
    harness.get_by_label_contains(part).click();
    harness.run_steps(3);
}

/// The sessions on screen, from top to bottom.
fn rows(harness: &Harness<'_, App>) -> Vec<String> {
    let rows = harness.query_all_by_label_contains("Session ");
    let mut rows: Vec<(f32, String)> = rows
        .map(|row| {
            let label = row.accesskit_node().label().unwrap_or_default();
            let name = label.split(',').next().unwrap_or_default();
            (row.rect().top(), name.replace("Session ", ""))
        })
        .collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    rows.into_iter().map(|(_, name)| name).collect()
}

#[test]
fn sessions_are_looked_for_listed_and_opened_with_what_belongs_to_them() {
    let folder = tempfile::tempdir().unwrap();
    let found = three(folder.path());
    let bench = FakeBench::default();
    let mut harness = window(&bench, Request::default(), [1280.0, 800.0]);
    assert!(
        matches!(last_order(&bench), SessionOrder::Look(_)),
        "when the page is seen"
    );
    harness.get_by_label("Looking for recordings and analysed files …");
    hear(
        &bench,
        &mut harness,
        vec![SessionWord::Found(Found::default())],
    );
    harness.get_by_label("Recordings and analysed files will be listed here.");
    harness.get_by_label("Add a folder of sessions");
    hear(
        &bench,
        &mut harness,
        vec![SessionWord::Found(found.clone())],
    );
    assert_eq!(rows(&harness).len(), 3);
    assert!(has(&harness, "Session void"));
    assert!(has(&harness, "It is empty."));
    assert!(has(&harness, "its video is not there: walk.mp4"));
    let talk = session(&found, "talk");
    assert_eq!(talk.labels, [folder.path().join("talk.anna.txt")]);
    let detail = Detail::of(&talk);
    assert_eq!(detail.scores.len(), 1, "{detail:?}");
    let word = SessionWord::Detail(talk.table.clone(), Box::new(detail));
    hear(&bench, &mut harness, vec![word]);
    assert!(has(
        &harness,
        "200 frames, 1 face, student-thin, anna: macro F1"
    ));
    // Chosen by a click, opened by Enter.
    click_part(&mut harness, "Session talk");
    harness.get_by_label_contains("Session talk").focus();
    press(&mut harness, Key::Enter);
    let asked = bench.with(|s| s.opened.last().cloned().unwrap());
    assert_eq!(asked.video, Some(folder.path().join("talk.mp4")));
    assert_eq!(asked.predictions, Some(talk.table));
    assert_eq!(asked.annotations, [folder.path().join("talk.anna.txt")]);
}

#[test]
fn the_list_is_filtered_sorted_and_walked_by_keys() {
    let folder = tempfile::tempdir().unwrap();
    let mut found = three(folder.path());
    // Newest first: void, walk, talk.
    let order = ["void", "walk", "talk"];
    found
        .sessions
        .sort_by_key(|s| order.iter().position(|n| *n == s.name));
    let (bench, mut harness) = listed(&found, [900.0, 600.0]);
    assert_eq!(rows(&harness), order);
    click(&mut harness, "Sort by name");
    assert_eq!(rows(&harness), ["talk", "void", "walk"]);
    click(&mut harness, "Sort by name");
    assert_eq!(rows(&harness), ["walk", "void", "talk"]);
    click(&mut harness, "Sort by length");
    assert_eq!(
        rows(&harness),
        ["talk", "walk", "void"],
        "the longest first"
    );
    let talk = session(&found, "talk");
    let scored = |valence| Detail {
        faces: 2,
        names: vec!["Zoë".to_owned()],
        scores: vec![RaterScores {
            rater: "anna".to_owned(),
            frames: 10,
            ccc_valence: Some(valence),
            ccc_arousal: Some(valence),
            macro_f1: None,
            accuracy: None,
        }],
        failed: Vec::new(),
    };
    let walk = session(&found, "walk").table;
    let words = [(walk, 0.5), (talk.table.clone(), 0.25)];
    let words = words.map(|(t, v)| SessionWord::Detail(t, Box::new(scored(v))));
    hear(&bench, &mut harness, words.to_vec());
    click(&mut harness, "Sort by against labels");
    assert_eq!(rows(&harness), ["walk", "talk", "void"], "the best first");
    assert!(has(&harness, "anna: CCC valence 0.500 arousal 0.500"));
    harness.get_by_label("Filter sessions").focus();
    harness.get_by_label("Filter sessions").type_text("zoë");
    harness.run_steps(3);
    assert_eq!(rows(&harness), ["walk", "talk"], "by a face's name, too");
    harness.get_by_label("Filter sessions").type_text("x");
    harness.run_steps(3);
    harness.get_by_label("No session fits “zoëx”.");
    // Back to all, and down to the second.
    for _ in 0..4 {
        press(&mut harness, Key::Backspace);
    }
    press(&mut harness, Key::Escape);
    press(&mut harness, Key::ArrowDown);
    press(&mut harness, Key::ArrowDown);
    press(&mut harness, Key::Enter);
    let asked = bench.with(|s| s.opened.last().cloned().unwrap());
    assert_eq!(asked.predictions, Some(talk.table));
}

#[test]
fn a_session_is_renamed_and_deleted_after_a_word_of_warning() {
    let folder = tempfile::tempdir().unwrap();
    let found = three(folder.path());
    let (bench, mut harness) = listed(&found, [1280.0, 800.0]);
    let orders = |bench: &FakeBench| bench.with(|s| s.sessions.len());
    let before = orders(&bench);
    click_part(&mut harness, "Session talk");
    press(&mut harness, Key::F2);
    harness.get_by_label("Rename talk");
    assert!(has(&harness, "The video that was analysed keeps its name."));
    click(&mut harness, "Cancel");
    assert!(!has(&harness, "Rename talk"));
    press(&mut harness, Key::F2);
    // What cannot be a name is said while it is typed; Enter loses nothing.
    harness.get_by_label("New name").type_text("/May");
    harness.run_steps(2);
    assert!(has(&harness, "This cannot be its name: it has one of"));
    press(&mut harness, Key::Enter);
    assert!(has(&harness, "Rename talk"));
    assert_eq!(orders(&bench), before);
    for _ in 0..4 {
        press(&mut harness, Key::Backspace);
    }
    harness.get_by_label("New name").type_text(" of May");
    harness.run_steps(2);
    assert!(!has(&harness, "This cannot be its name"));
    click(&mut harness, "Rename");
    let SessionOrder::Rename { session, name, .. } = last_order(&bench) else {
        panic!("{:?}", last_order(&bench));
    };
    assert_eq!(
        (session.name.as_str(), name.as_str()),
        ("talk", "talk of May")
    );
    let reason = "talk of May.affect.csv: exists already. Give another name; nothing was renamed.";
    let failed = SessionWord::Done(Err(reason.to_owned()));
    hear(
        &bench,
        &mut harness,
        vec![failed, SessionWord::Found(found.clone())],
    );
    assert!(has(&harness, reason));
    // By the menu of its row.
    harness
        .get_by_label_contains("Session walk")
        .click_secondary();
    harness.run_steps(3);
    click_part(&mut harness, "Move to the bin…");
    harness.get_by_label("Move walk to the bin?");
    harness.get_by_label("walk.affect.json");
    assert_eq!(orders(&bench), before + 1, "asked first");
    press(&mut harness, Key::Escape);
    assert!(!has(&harness, "Move walk to the bin?"));
    assert_eq!(orders(&bench), before + 1);
    press(&mut harness, Key::Delete);
    click(&mut harness, "Move to the bin");
    let SessionOrder::Delete(session) = last_order(&bench) else {
        panic!("{:?}", last_order(&bench));
    };
    assert_eq!(session.name, "walk");
}

#[test]
fn the_list_is_reached_from_what_is_open_which_stays_and_is_not_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let found = three(folder.path());
    let talk = session(&found, "talk");
    let bench = FakeBench::default();
    let (project, _) = project(folder.path());
    bench.with(|s| {
        s.update.phase = Phase::Ready;
        s.update.project = Some(Box::new(project));
    });
    let mut harness = window(&bench, talk.request(), [1280.0, 800.0]);
    press(&mut harness, Key::ArrowRight);
    click(&mut harness, "Menu");
    click_part(&mut harness, "Sessions…");
    let SessionOrder::Look(folders) = last_order(&bench) else {
        panic!("{:?}", last_order(&bench));
    };
    assert!(
        folders.contains(&folder.path().to_owned()),
        "what was opened from: {folders:?}"
    );
    hear(&bench, &mut harness, vec![SessionWord::Found(found)]);
    let kept = bench.with(|s| s.kept);
    click_part(&mut harness, "Session talk");
    press(&mut harness, Key::Num5);
    assert_eq!(bench.with(|s| s.kept), kept, "keys are the list's");
    let orders = bench.with(|s| s.sessions.len());
    press(&mut harness, Key::Delete);
    click(&mut harness, "Move to the bin");
    assert!(has(&harness, "It is open here"));
    assert_eq!(bench.with(|s| s.sessions.len()), orders);
    press(&mut harness, Key::Escape);
    harness.get_by_label("Frame 1, 00:00.040");
}

#[test]
fn a_face_is_named_joined_and_parted_and_the_rows_stay() {
    let folder = tempfile::tempdir().unwrap();
    let (table, labels) = files(folder.path());
    // From frame 150 on the face came back under another id.
    let text = std::fs::read_to_string(&table).unwrap();
    let rows = text.lines().enumerate().map(|(i, line)| match i {
        151.. => line.replacen(",1,ok,", ",4,ok,", 1) + "\n",
        _ => line.to_owned() + "\n",
    });
    std::fs::write(&table, rows.collect::<String>()).unwrap();
    let before = std::fs::read(&table).unwrap();
    let mut project = bare(folder.path());
    project.set_model(Model::read(&table).unwrap());
    project.add_labels(&labels[0]).unwrap();
    let bench = FakeBench::default();
    bench.with(|s| {
        s.update.phase = Phase::Ready;
        s.update.project = Some(Box::new(project));
    });
    let mut harness = window(&bench, Request::default(), [1280.0, 800.0]);
    click(&mut harness, "Predictions: talk.affect.csv");
    click(&mut harness, "Face 1, 140 frames");
    harness.get_by_label("Name of face 1").focus();
    harness.get_by_label("Name of face 1").type_text("Anna");
    harness.run_steps(2);
    press(&mut harness, Key::Enter);
    let SessionOrder::Names(path, names) = last_order(&bench) else {
        panic!("{:?}", last_order(&bench));
    };
    assert_eq!((path, names.name(1)), (table.clone(), Some("Anna")));
    assert!(
        has(&harness, "Anna, model: Happiness 0.70"),
        "on the picture"
    );
    click(&mut harness, "Face 4, 50 frames");
    click(&mut harness, "face 4 is the same person as Anna");
    harness.get_by_label("Anna, face 1 and 1 more, 190 frames");
    let SessionOrder::Names(_, names) = last_order(&bench) else {
        panic!("{:?}", last_order(&bench));
    };
    assert_eq!((names.one(4), names.title(4)), (1, "Anna".to_owned()));
    // What the threads write is what is read the next time.
    names.write(&table).unwrap();
    assert_eq!(Model::read(&table).unwrap().faces()[0].frames, 190);
    click(&mut harness, "Part face 4 from it");
    harness.get_by_label("Face 4, 50 frames");
    assert_eq!(
        std::fs::read(&table).unwrap(),
        before,
        "the rows are as they were"
    );
    assert_eq!(
        Faces::path_beside(&table),
        folder.path().join("talk.affect.faces.json")
    );
}
