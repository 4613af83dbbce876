//! Sessions from outside: the command, the threads behind the list, the system's bin, and names of faces in the commands.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use affectscope::review::Faces;
use affectscope::review::session::{Engine, SessionOrder, SessionWord};
use affectscope::review::sessions::{Session, look};

use super::desk::desk;

const HEADER: &str = "frame,time_s,face_id,status,box_x_px,box_y_px,box_w_px,box_h_px,neutral,anger,disgust,fear,happiness,sadness,surprise,expression,valence,arousal,valence_sd,arousal_sd\n";

/// Ten frames at 10 a second. Face 1 has valence 0.01 times the frame until it is lost; it comes back as face 4 on frame 6,
/// smaller than face 2, who is there all the time with the opposite.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("talk.affect.csv");
    let mut text = HEADER.to_owned();
    for frame in 0..10 {
        let (id, v) = (if frame < 6 { 1 } else { 4 }, f64::from(frame) / 100.0);
        let time_s = f64::from(frame) / 10.0;
        for (id, side, v) in [(id, 20, v), (2, 40, -v)] {
            text.push_str(&format!(
                "{frame},{time_s:.6},{id},ok,{id},1,{side},{side},0,0,0,0,1,0,0,happiness,{v:.2},0.1,0.1,0.1\n"
            ));
        }
    }
    std::fs::write(&table, text).unwrap();
    let sidecar = r#"{"program":"affectscope","source":{"given":"talk.mp4"},"weights":{"name":"student-thin"},"protocol":{"name":"offline"}}"#;
    std::fs::write(folder.path().join("talk.affect.json"), sidecar).unwrap();
    let mut labels = "frame,valence\n".to_owned();
    for frame in 0..10 {
        labels.push_str(&format!("{frame},0.0{frame}\n"));
    }
    std::fs::write(folder.path().join("talk.anna.csv"), labels).unwrap();
    (folder, table)
}

fn run(args: &[&str], folder: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_affectscope"))
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn told(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// The words that come until `done` says that it was the last.
fn until(desk: &mut dyn Engine, mut done: impl FnMut(&SessionWord) -> bool) -> Vec<SessionWord> {
    let (mut words, end) = (Vec::new(), Instant::now() + Duration::from_secs(60));
    loop {
        for word in desk.poll().sessions {
            words.push(word);
            if done(&words[words.len() - 1]) {
                return words;
            }
        }
        assert!(Instant::now() < end, "{words:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn found(words: &[SessionWord]) -> Vec<Session> {
    let found = words.iter().find_map(|w| match w {
        SessionWord::Found(found) => Some(found.sessions.clone()),
        _ => None,
    });
    found.unwrap()
}

#[test]
fn the_command_lists_what_is_there_and_scores_it_as_evaluate_does() {
    let (folder, _) = folder();
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("void.affect.csv"), "").unwrap();
    let output = run(&["sessions", "."], folder.path());
    let (out, err) = told(&output);
    assert!(output.status.success() && err.is_empty(), "{err}");
    assert!(
        out.contains("talk  ") && out.contains("0:01.0  10 frames  student-thin"),
        "{out}"
    );
    assert!(out.contains("its video is not there: talk.mp4"), "{out}");
    assert!(
        out.contains("labels: ./talk.anna.csv") && out.contains("It is empty."),
        "{out}"
    );
    let output = run(&["sessions", ".", "--scores", "--json"], folder.path());
    let listed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let sessions = listed["sessions"].as_array().unwrap();
    let talk = sessions.iter().find(|s| s["name"] == "talk").unwrap();
    assert_eq!(
        (talk["frames"].as_u64(), talk["whole"].as_str()),
        (Some(10), Some("yes"))
    );
    assert_eq!(talk["detail"]["faces"], 3);
    // The largest face on each frame says the opposite of the labels. With a mean of 0.045 and a variance of 0.000825 each,
    // CCC is 2 * -0.000825 / (2 * 0.000825 + 0.09^2).
    let wanted = -0.00165 / (0.00165 + 0.0081);
    let ccc = &talk["detail"]["scores"][0]["ccc_valence"];
    assert!((ccc.as_f64().unwrap() - wanted).abs() < 1e-9, "{ccc}");
    let args = [
        "evaluate",
        "--predictions",
        "talk.affect.csv",
        "--annotations",
        "talk.anna.csv",
        "-o",
        "-",
    ];
    let report: serde_json::Value =
        serde_json::from_slice(&run(&args, folder.path()).stdout).unwrap();
    assert!(report.to_string().contains(&ccc.to_string()), "{report}");
    let output = run(&["sessions", "nowhere"], folder.path());
    let (_, err) = told(&output);
    assert_eq!(output.status.code(), Some(2));
    assert!(err.contains("nowhere: no such folder"), "{err}");
    std::fs::create_dir(at("bare")).unwrap();
    let (out, err) = told(&run(&["sessions", "bare"], folder.path()));
    assert!(
        out.is_empty() && err.contains("no recordings and no analysed files in bare"),
        "{err}"
    );
}

#[test]
fn tables_in_parquet_and_in_a_folder_of_their_own_are_listed_with_their_video() {
    let (folder, table) = folder();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("clips")).unwrap();
    std::fs::create_dir(at("tables")).unwrap();
    std::fs::write(at("clips/talk.mp4"), "").unwrap();
    let sidecar = std::fs::read_to_string(at("talk.affect.json")).unwrap();
    let sidecar = sidecar.replace("\"talk.mp4\"", "\"clips/talk.mp4\"");
    let converted = run(
        &["convert", "talk.affect.csv", "tables/talk.affect.parquet"],
        folder.path(),
    );
    assert!(converted.status.success(), "{}", told(&converted).1);
    std::fs::write(at("tables/talk.affect.json"), sidecar).unwrap();
    std::fs::write(at("tables/cut.affect.parquet"), b"PAR1 and no end").unwrap();
    let all = look(&[folder.path().to_owned()], &|| false);
    let whole = all.sessions.iter().find(|s| s.table == table).unwrap();
    let found = look(&[at("tables")], &|| false);
    let talk = found.sessions.iter().find(|s| s.name == "talk").unwrap();
    assert_eq!((talk.frames, talk.length_s), (whole.frames, whole.length_s));
    assert_eq!(talk.frames, Some(10));
    let video = talk.video.as_ref().unwrap().canonicalize().unwrap();
    assert_eq!(video, at("clips/talk.mp4").canonicalize().unwrap());
    let cut = found.sessions.iter().find(|s| s.name == "cut").unwrap();
    assert!(cut.trouble.as_ref().is_some_and(|t| t.contains("Parquet")));
}

#[test]
fn a_named_face_that_was_joined_is_scored_as_one() {
    let (folder, table) = folder();
    fn args(face: &str) -> [&str; 9] {
        let [predictions, labels] = ["talk.affect.csv", "talk.anna.csv"];
        [
            "evaluate",
            "--predictions",
            predictions,
            "--annotations",
            labels,
            "--face",
            face,
            "-o",
            "-",
        ]
    }
    let scored = |face: &str| -> (Option<f64>, u64) {
        let output = run(&args(face), folder.path());
        let (out, err) = told(&output);
        assert!(output.status.success(), "{err}");
        let report: serde_json::Value = serde_json::from_str(&out).unwrap();
        let value = report["valence"]["ccc"].as_f64();
        (
            value,
            report["counts"]["matched"]
                .as_u64()
                .unwrap_or_else(|| panic!("{report}")),
        )
    };
    assert_eq!(scored("1").1, 6);
    let output = run(&args("Anna"), folder.path());
    let (_, err) = told(&output);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        err.contains("no face of the predictions is called Anna"),
        "{err}"
    );
    let mut names = Faces::default();
    names.set_name(1, "Anna");
    names.join(4, 1);
    names.write(&table).unwrap();
    // Her valence is that of the labels, on all frames, whichever of her ids or names is given.
    for face in ["anna", "1", "4"] {
        assert_eq!(scored(face), (Some(1.0), 10), "{face}");
    }
    let page = |face: &str| {
        let args = [
            "report",
            "talk.affect.csv",
            "--predictions",
            "talk.affect.csv",
            "--annotations",
            "talk.anna.csv",
            "-o",
            "-",
            "--face",
            face,
        ];
        told(&run(&args, folder.path()))
    };
    // There is no video, so it ends with a word about that; the page is whole.
    let (out, _) = page("anna");
    assert!(
        out.contains("Predictions of Anna, face 1 and what was joined to it: 4"),
        "{out}"
    );
    let (_, err) = page("Ben");
    assert!(
        err.contains("has no face Ben. It has: 1 (Anna), 2."),
        "{err}"
    );
    // Other rows under that name have other faces.
    let text = std::fs::read_to_string(&table).unwrap();
    std::fs::write(&table, text.replace("0.09", "0.08")).unwrap();
    let output = run(&args("1"), folder.path());
    let (_, err) = told(&output);
    assert!(err.contains("the names are of other predictions"), "{err}");
}

#[test]
fn the_threads_find_read_rename_and_keep_names() {
    let (folder, _) = folder();
    let (live, mut desk) = desk();
    desk.sessions(SessionOrder::Look(vec![folder.path().to_owned()]));
    let words = until(&mut *desk, |w| matches!(w, SessionWord::Detail(..)));
    let sessions = found(&words);
    assert_eq!(sessions.len(), 1);
    desk.sessions(SessionOrder::Rename {
        session: Box::new(sessions[0].clone()),
        name: "walk".to_owned(),
        others: Vec::new(),
    });
    let words = until(&mut *desk, |w| matches!(w, SessionWord::Detail(..)));
    assert!(
        matches!(&words[0], SessionWord::Done(Ok(said)) if said.contains("walk now: 2 files")),
        "{words:?}"
    );
    let table = folder.path().join("walk.affect.csv");
    assert_eq!(found(&words)[0].table, table);
    desk.sessions(SessionOrder::Rename {
        session: Box::new(sessions[0].clone()),
        name: "run".to_owned(),
        others: Vec::new(),
    });
    let words = until(&mut *desk, |w| matches!(w, SessionWord::Done(_)));
    assert!(
        matches!(&words[words.len() - 1], SessionWord::Done(Err(_))),
        "{words:?}"
    );
    // Whoever leaves at once loses no name.
    let mut names = Faces::default();
    for name in ["A", "An", "Ann", "Anna"] {
        names.set_name(1, name);
        desk.sessions(SessionOrder::Names(table.clone(), names.clone()));
    }
    drop(desk);
    drop(live);
    assert_eq!(Faces::read(&table).unwrap().name(1), Some("Anna"));
}

/// The test below runs this one by itself, with a bin of its own.
#[cfg(target_os = "linux")]
#[test]
#[ignore = "run by another test, with another home"]
fn deletes_what_it_is_told() {
    let Some(folder) = std::env::var_os("AFFECTSCOPE_TEST_FOLDER") else {
        return;
    };
    let (_live, mut desk) = desk();
    let session = look(&[PathBuf::from(folder)], &|| false).sessions.remove(0);
    desk.sessions(SessionOrder::Delete(Box::new(session)));
    let words = until(&mut *desk, |w| matches!(w, SessionWord::Done(_)));
    let Some(SessionWord::Done(done)) = words.last() else {
        return;
    };
    done.clone().unwrap_or_else(|reason| panic!("{reason}"));
}

#[cfg(target_os = "linux")]
#[test]
fn what_is_deleted_lies_in_the_systems_bin_and_stays_where_there_is_none() {
    let (folder, table) = folder();
    let rows = std::fs::read(&table).unwrap();
    // Beside the folder, and so on the same disk: the bin is then that of the home.
    let home = tempfile::tempdir().unwrap();
    let delete = |data: &Path| {
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "sessions::deletes_what_it_is_told", "--ignored"])
            .env("XDG_DATA_HOME", data)
            .env("HOME", home.path())
            .env("AFFECTSCOPE_TEST_FOLDER", folder.path())
            .env_remove("DISPLAY")
            .env_remove("DBUS_SESSION_BUS_ADDRESS")
            .output()
            .unwrap()
    };
    // Where the bin would be is a file: there is none.
    let none = home.path().join("none");
    std::fs::write(&none, "").unwrap();
    let (out, _) = told(&delete(&none));
    assert!(out.contains("the system's bin did not take it"), "{out}");
    assert!(out.contains("Nothing was deleted for good"), "{out}");
    assert_eq!(std::fs::read(&table).unwrap(), rows);
    assert_eq!(
        look(&[folder.path().to_owned()], &|| false).sessions[0]
            .own
            .len(),
        2
    );
    let data = home.path().join("data");
    let output = delete(&data);
    let (out, err) = told(&output);
    assert!(output.status.success(), "{out}{err}");
    let bin = data.join("Trash");
    assert_eq!(
        std::fs::read(bin.join("files/talk.affect.csv")).unwrap(),
        rows
    );
    let info = std::fs::read_to_string(bin.join("info/talk.affect.csv.trashinfo")).unwrap();
    assert!(
        info.contains("DeletionDate=") && info.contains("talk.affect.csv"),
        "{info}"
    );
    assert!(!table.exists() && !folder.path().join("talk.affect.json").exists());
    assert!(
        folder.path().join("talk.anna.csv").exists(),
        "labels of a video stay"
    );
}
