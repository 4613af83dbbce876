//! What is saved is read back to the bit, and no file that was opened is ever written to.

use std::path::{Path, PathBuf};

use affectscope::evaluate::files::Side;
use affectscope::labels::Expression;
use affectscope::review::edit::{Edit, Stroke};
use affectscope::review::project::Frames;
use affectscope::review::save::{self, SaveError, SaveFormat, Saved, suggested_path};
use affectscope::review::{Editor, Project, Rating, Start, Track};
use proptest::prelude::*;

use super::{FRAMES, WHEN, project};

fn save(
    project: &Project,
    editor: &mut Editor,
    rater: usize,
    format: SaveFormat,
    path: &Path,
) -> Result<Saved, SaveError> {
    save::prepare(project, editor, rater, format, path, false, WHEN)?.write()
}

fn empty(folder: &Path, times_s: Vec<f64>) -> Project {
    let frames = Frames {
        times_s,
        pictures: None,
        note: None,
    };
    Project::of_video(&folder.join("clip.mp4"), frames)
}

/// The labels of a file or a folder, laid on the frames as the program does it.
fn laid(project: &Project, labels: &Path) -> Track {
    let folder = labels.parent().unwrap();
    let mut again = empty(folder, project.times_s().to_vec());
    again.add_labels(labels).unwrap();
    assert_eq!(again.raters().len(), 1, "{}", labels.display());
    again.raters()[0].track().clone()
}

fn ratings() -> impl Strategy<Value = Vec<Rating>> {
    let value = || {
        prop::option::weighted(
            0.7,
            prop_oneof![
                -1.0f64..=1.0,
                Just(-1.0),
                Just(0.1),
                Just(1e-12),
                Just(-0.0)
            ],
        )
    };
    let expression = prop::option::weighted(0.7, 0usize..7);
    let rating = (expression, value(), value()).prop_map(|(e, valence, arousal)| Rating {
        expression: e.map(|e| Expression::ALL[e]),
        valence,
        arousal,
    });
    prop::collection::vec(rating, 1..60)
}

/// An editor with a rater who says this.
fn saying(folder: &Path, ratings: &[Rating], times_s: Vec<f64>) -> (Project, Editor) {
    let mut project = empty(folder, times_s);
    let mut editor = Editor::new("Eva");
    editor
        .new_rater(&mut project, "Eva", Start::Empty, WHEN)
        .unwrap();
    let stroke = Stroke {
        start: 0,
        valence: ratings.iter().map(|r| r.valence).collect(),
        arousal: ratings.iter().map(|r| r.arousal).collect(),
    };
    editor.apply(&mut project, 0, Edit::Values(stroke), WHEN);
    for (frame, r) in ratings.iter().enumerate() {
        let edit = Edit::Expression {
            frames: frame..frame + 1,
            to: r.expression,
        };
        editor.apply(&mut project, 0, edit, WHEN);
    }
    (project, editor)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn what_is_saved_is_read_back_to_the_bit(ratings in ratings(), variable in any::<bool>()) {
        let mut time_s = 0.0;
        // Of a variable rate no frame is further from the next than twice the usual.
        let times_s = (0..ratings.len()).map(|i| {
            let now = time_s;
            time_s += if variable && i % 3 == 0 { 0.031 } else { 1.0 / 25.0 };
            now
        });
        let folder = tempfile::tempdir().unwrap();
        let (project, mut editor) = saying(folder.path(), &ratings, times_s.collect());
        let track = project.raters()[0].track().clone();
        let [e, v, a] = track.counts();
        for (n, format) in SaveFormat::ALL.into_iter().enumerate() {
            let own = folder.path().join(n.to_string());
            let path = own.join(format!("clip.{}", format.ending()));
            let saved = match save(&project, &mut editor, 0, format, &path) {
                Err(SaveError::Nothing) => {
                    prop_assert_eq!(track.said(), 0);
                    continue;
                }
                Err(SaveError::Unfit(_)) => {
                    prop_assert!(format == SaveFormat::Darma && v + a == 0);
                    continue;
                }
                saved => saved.unwrap(),
            };
            let back = match saved.files.len() {
                // Expressions, and valence and arousal: one person's, from the folder.
                2 => laid(&project, &own),
                _ => laid(&project, &saved.files[0]),
            };
            if format == SaveFormat::Darma {
                let mut affect = Track::empty(track.len());
                for frame in 0..track.len() {
                    affect.set(frame, Rating { expression: None, ..track.get(frame) });
                }
                prop_assert_eq!(back, affect);
                prop_assert_eq!(saved.left_out.len(), usize::from(e > 0));
            } else {
                prop_assert_eq!(back, track.clone());
                prop_assert!(saved.left_out.is_empty());
            }
        }
    }
}

#[test]
fn the_sidecar_says_how_the_labels_came_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let mut project = project(folder.path());
    let mut editor = Editor::new("Eva");
    let stroke = |start| Stroke {
        start,
        valence: vec![Some(0.5); 20],
        arousal: vec![],
    };
    editor
        .apply(
            &mut project,
            0,
            Edit::Values(stroke(0)),
            "2026-01-01T00:00:00Z",
        )
        .unwrap();
    editor.set_blind(true);
    let rated = Edit::Rated {
        rate_hz: 30.0,
        strokes: vec![stroke(100)],
    };
    editor
        .apply(&mut project, 0, rated, "2026-01-02T00:00:00Z")
        .unwrap();
    editor
        .apply(
            &mut project,
            0,
            Edit::Clear { frames: 0..300 },
            "2026-01-03T00:00:00Z",
        )
        .unwrap();
    editor.undo(&mut project, WHEN).unwrap();
    editor.set_offset(&mut project, 0, 2, WHEN).unwrap();
    let path = folder.path().join("out/clip_eva.csv");
    let saved = save(&project, &mut editor, 0, SaveFormat::Csv, &path).unwrap();
    assert_eq!(saved.sidecars, [folder.path().join("out/clip_eva.json")]);
    let text = std::fs::read_to_string(&saved.sidecars[0]).unwrap();
    let said: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&said["program"], &said["version"]),
        (&"affectscope".into(), &env!("CARGO_PKG_VERSION").into())
    );
    assert_eq!(
        (&said["saved_by"], &said["saved_at"], &said["rater"]),
        (&"Eva".into(), &WHEN.into(), &"anna".into())
    );
    assert_eq!(
        (&said["offset_frames"], &said["edits"]["count"]),
        (&2.into(), &2.into())
    );
    assert_eq!(said["edits"]["first_at"], "2026-01-01T00:00:00Z");
    assert_eq!(said["edits"]["last_at"], "2026-01-02T00:00:00Z");
    assert_eq!(said["edits"]["by"], serde_json::json!(["Eva"]));
    assert_eq!(
        said["live_ratings"]["wanted_rates_hz"],
        serde_json::json!([30.0])
    );
    assert_eq!(
        said["predictions"]["hidden_while_annotating"],
        "for some edits"
    );
    let from = &said["made_from"][0];
    assert_eq!(from["name"], "clip_anna.csv");
    assert_eq!(from["sha256"].as_str().unwrap().len(), 64);
    // It is saved now; what is done while it is written is not.
    editor.saved(&project, 0, &[&path], WHEN);
    assert_eq!(editor.edits_since_saved(0), 0);
    let job = save::prepare(&project, &mut editor, 0, SaveFormat::Csv, &path, true, WHEN).unwrap();
    editor
        .apply(&mut project, 0, Edit::Clear { frames: 0..5 }, WHEN)
        .unwrap();
    job.write().unwrap();
    editor.saved(&project, 0, &[&path], WHEN);
    assert_eq!(editor.edits_since_saved(0), 1);
    // The folder can be read as one of labels.
    let side = Side::load(&folder.path().join("out"), None).unwrap();
    assert_eq!(
        (side.series.len(), side.unknown.len(), side.broken.len()),
        (1, 0, 0)
    );
}

fn listing(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut all: Vec<(PathBuf, Vec<u8>)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.is_file())
        .map(|p| (p.clone(), std::fs::read(&p).unwrap()))
        .collect();
    all.sort();
    all
}

#[test]
fn originals_are_never_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let clip = folder.path().join("clip.mp4");
    std::fs::write(&clip, "a video").unwrap();
    let mut project = project(folder.path());
    let mut editor = Editor::new("Eva");
    editor
        .apply(&mut project, 0, Edit::Clear { frames: 0..9 }, WHEN)
        .unwrap();
    let mut originals = vec![
        clip,
        folder.path().join("clip_anna.csv"),
        folder.path().join("clip_ben.csv"),
    ];
    originals.push(
        folder
            .path()
            .join("../")
            .join(folder.path().file_name().unwrap())
            .join("clip_anna.csv"),
    );
    #[cfg(unix)]
    {
        let links = ["link.csv", "hard.csv"].map(|name| folder.path().join(name));
        std::os::unix::fs::symlink(&originals[1], &links[0]).unwrap();
        std::fs::hard_link(&originals[1], &links[1]).unwrap();
        originals.extend(links);
    }
    let before = listing(folder.path());
    for original in originals {
        for force in [false, true] {
            let job = save::prepare(
                &project,
                &mut editor,
                0,
                SaveFormat::Csv,
                &original,
                force,
                WHEN,
            );
            match job.unwrap().write() {
                Err(error @ SaveError::Original { .. }) => {
                    let words = error.to_string();
                    assert!(
                        words.contains("never written over") && words.contains("_mended"),
                        "{words}"
                    );
                }
                other => panic!("{}: {other:?}", original.display()),
            }
        }
    }
    assert_eq!(listing(folder.path()), before);
    // The suggested name is free, and read as the same video's.
    let path = suggested_path(&project, 0, SaveFormat::Csv, folder.path());
    assert_eq!(path, folder.path().join("clip.anna.csv"));
    save(&project, &mut editor, 0, SaveFormat::Csv, &path).unwrap();
    assert_eq!(laid(&project, &path), *project.raters()[0].track());
}

#[test]
fn what_is_there_stays_unless_it_is_to_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let project = project(folder.path());
    let mut editor = Editor::new("Eva");
    let path = folder.path().join("new.csv");
    let stranger = folder.path().join("new.json");
    std::fs::write(&stranger, "{\"somebody's\": 1}").unwrap();
    let saved = save(&project, &mut editor, 0, SaveFormat::Csv, &path).unwrap();
    assert_eq!(saved.sidecars, [folder.path().join("new.csv.json")]);
    assert_eq!(
        std::fs::read_to_string(&stranger).unwrap(),
        "{\"somebody's\": 1}"
    );
    let before = listing(folder.path());
    let error = save(&project, &mut editor, 1, SaveFormat::Csv, &path).unwrap_err();
    assert!(error.to_string().contains("exists already"), "{error}");
    assert_eq!(listing(folder.path()), before);
    // Of two files that belong together none is written when one cannot be.
    let both = folder.path().join("set/clip.txt");
    let taken = folder.path().join("set/VA_Set/clip.txt");
    std::fs::create_dir_all(taken.parent().unwrap()).unwrap();
    std::fs::write(&taken, "somebody's").unwrap();
    save(&project, &mut editor, 0, SaveFormat::AffWild2, &both).unwrap_err();
    assert!(!folder.path().join("set/EXPR_Set").exists());
    assert_eq!(std::fs::read_to_string(&taken).unwrap(), "somebody's");
    // By force it is replaced, with its sidecar.
    let job = save::prepare(&project, &mut editor, 1, SaveFormat::Csv, &path, true, WHEN);
    let again = job.unwrap().write().unwrap();
    assert_eq!(again, saved);
    let text = std::fs::read_to_string(&again.sidecars[0]).unwrap();
    assert!(text.contains("\"rater\": \"ben\""), "{text}");
    assert_eq!(
        std::fs::read_to_string(&path).unwrap().lines().count(),
        FRAMES + 1
    );
}

#[test]
fn what_a_format_cannot_hold_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("clip.csv");
    let fear = Rating {
        expression: Some(Expression::Fear),
        ..Rating::default()
    };
    let (project, mut editor) = saying(folder.path(), &[fear], vec![0.0]);
    let error = save(&project, &mut editor, 0, SaveFormat::Darma, &path).unwrap_err();
    assert!(error.to_string().contains("no expressions"), "{error}");
    let calm = Rating {
        arousal: Some(-0.5),
        ..Rating::default()
    };
    let (project, mut editor) = saying(folder.path(), &[calm, calm], vec![-0.02, 0.02]);
    let error = save(&project, &mut editor, 0, SaveFormat::Darma, &path).unwrap_err();
    assert!(error.to_string().contains("begin before 0"), "{error}");
    let (project, mut editor) = saying(folder.path(), &[Rating::default()], vec![0.0]);
    assert!(matches!(
        save(&project, &mut editor, 0, SaveFormat::Csv, &path),
        Err(SaveError::Nothing)
    ));
    assert_eq!(listing(folder.path()), []);
}
