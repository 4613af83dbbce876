//! The bench's agreement panel, its strip of pictures, and rating with a gamepad.

use affectscope::review::rating::Stick;
use affectscope::review::session::Thumbnail;
use egui_kittest::kittest::NodeT as _;

use super::*;

#[test]
fn people_agree_or_not_without_predictions_too() {
    let folder = tempfile::tempdir().unwrap();
    let (_, labels) = files(folder.path());
    let mut project = bare(folder.path());
    for path in &labels {
        project.add_labels(path).unwrap();
    }
    let mut eva = "frame,valence,arousal\n".to_owned();
    for frame in 0..200 {
        eva.push_str(&format!("{frame},{},0.1\n", f64::from(frame % 40) / 50.0));
    }
    let path = folder.path().join("talk.eva.csv");
    std::fs::write(&path, eva).unwrap();
    project.add_labels(&path).unwrap();
    let bench = FakeBench::default();
    bench.with(|s| {
        s.update.phase = Phase::Ready;
        s.update.project = Some(Box::new(project));
    });
    let mut harness = window(&bench, Request::default(), [900.0, 600.0]);
    assert!(has(&harness, "Scores need predictions"));
    assert!(!has(&harness, "Below: Matrix"));
    harness.get_by_label("Below: Agree").click();
    harness.run_steps(4);
    assert!(has(&harness, "Valence, people: ICC(2,1) "));
    harness.get_by_label("Analyse the video").click();
    harness.run_steps(2);
    assert!(bench.with(|s| s.orders.contains(&"analyse")));
}

#[test]
fn agreement_has_the_scores_of_every_two() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut harness) = opened(folder.path());
    harness.get_by_label("Below: Agreement").click();
    harness.run_steps(3);
    // Of a person and the model it is the score above.
    let shown = |harness: &Harness<'_, App>, part: &str| {
        let node = harness.query_all_by_label_contains(part).next();
        let label = node.and_then(|n| n.accesskit_node().value()).unwrap();
        let rest = label[part.len()..].to_owned();
        rest.split([',', ' '])
            .next()
            .unwrap()
            .parse::<f64>()
            .unwrap()
    };
    let all = shown(&harness, "CCC valence, all ");
    let pair = shown(&harness, "CCC valence, labels and model: ");
    assert!((all - pair).abs() < 6e-4, "{all} {pair}");
    // One person alone: nothing among people.
    assert!(!has(&harness, "Valence, people"));
    assert!(has(&harness, "Valence, with the model: ICC(2,1) "));
    harness.get_by_label("Agreement: Expression").click();
    harness.run_steps(3);
    assert!(has(&harness, "Kappa expression, labels and model: "));
    // A second annotator who says the same: they agree wholly.
    harness.get_by_label("Labels: labels").click();
    harness.run_steps(3);
    harness.get_by_label("New labels, a copy of labels").click();
    harness.run_steps(3);
    for _ in 0..20 {
        harness.step();
    }
    harness.get_by_label("Agreement: Valence").click();
    harness.run_steps(3);
    let all_agree = (0..60).any(|_| {
        harness.step();
        has(
            &harness,
            "Valence, people: ICC(2,1) 1.000, ICC(2,k) 1.000, alpha 1.000",
        )
    });
    assert!(all_agree);
}

#[test]
fn pictures_are_asked_for_where_the_view_is() {
    let folder = tempfile::tempdir().unwrap();
    let (bench, mut harness) = opened(folder.path());
    harness.get_by_label("Pictures at even steps through the view");
    let wanted = |harness: &mut Harness<'_, App>| {
        for _ in 0..60 {
            harness.step();
        }
        bench.with(|s| s.wanted.clone())
    };
    let first = wanted(&mut harness);
    let frames: Vec<usize> = first.iter().map(|w| w.0).collect();
    assert!(
        [0, 8, 16, 192].iter().all(|f| frames.contains(f)),
        "{frames:?}"
    );
    assert!(first.iter().any(|w| w.1.is_some()), "cut around the face");
    // What has come is not asked for again; a closer view needs others.
    bench.with(|s| {
        s.update.thumbnails = frames
            .iter()
            .map(|&frame| Thumbnail {
                frame,
                width_px: 2,
                height_px: 2,
                rgb: Arc::new(vec![90; 12]),
            })
            .collect();
        s.wanted.clear();
    });
    assert_eq!(wanted(&mut harness), []);
    for _ in 0..4 {
        press(&mut harness, Key::Plus);
    }
    let closer: Vec<usize> = wanted(&mut harness).iter().map(|w| w.0).collect();
    assert!(!closer.is_empty() && closer.iter().all(|f| !frames.contains(f)));
}

#[test]
fn a_gamepad_rates_while_it_plays() {
    let folder = tempfile::tempdir().unwrap();
    let (bench, mut harness) = opened(folder.path());
    assert!(!bench.with(|s| s.stick_watched));
    press(&mut harness, Key::R);
    assert!(bench.with(|s| s.stick_watched));
    let stick = |play: bool, end: bool| {
        let stick = Stick {
            name: "Pad 360".to_owned(),
            at: [1.0, 0.0],
            play,
            end,
        };
        bench.with(|s| s.update.stick = Some(stick));
    };
    stick(false, false);
    harness.run_steps(1);
    assert!(has(&harness, "rating: pointer here, or Pad 360"));
    // Its button plays, once for being held.
    for _ in 0..8 {
        stick(true, false);
        harness.run_steps(1);
    }
    harness.get_by_label("Stop");
    for end in [false, true] {
        stick(false, end);
        harness.run_steps(1);
    }
    harness.get_by_label("Play");
    harness.run_steps(2);
    assert!(has(&harness, "Rated: "));
    assert!(!bench.with(|s| s.stick_watched));
    let wholly_pleasant = (0..60).any(|_| {
        press(&mut harness, Key::ArrowLeft);
        has(&harness, "V +1.00  A +0.00")
    });
    assert!(wholly_pleasant);
}
