use super::super::made::{self, Said};
use super::super::track::Rating;
use super::*;
use proptest::prelude::*;

const FRAMES: usize = 400;

fn said(valence: f64) -> Said {
    Said {
        expression: Expression::Happiness,
        probability: 0.8,
        valence,
        arousal: 0.0,
        sd: 0.1,
    }
}

#[test]
fn all_frames_losses_are_what_the_concordance_lacks() {
    let project = made::project(2000, 1, 4);
    let judged = Disagreement::new(&project, Some(0));
    let scores = project.scores(0, 0..2000);
    for (kind, scores) in [(0, scores.valence), (1, scores.arousal)] {
        let lost: f64 = (0..2000).filter_map(|f| judged.loss(kind, f)).sum();
        let ccc = scores.ccc().expect("they vary");
        assert!((1.0 - ccc - lost).abs() < 1e-9, "{ccc} {lost}");
    }
}

#[test]
fn a_frame_as_far_apart_as_chance_scores_a_half() {
    let wave = |f: usize| (f as f64 / 9.0).sin() * 0.5;
    let mut project = made::empty(FRAMES);
    made::predict(&mut project, |f| Some(said(wave(f))));
    made::rate(&mut project, "a", |f| Rating {
        valence: Some(wave(f)),
        ..Rating::default()
    });
    let judged = Disagreement::new(&project, Some(0));
    let chance = judged.pairs[0].chance_error().expect("pairs");
    assert_eq!(judged.apart(17), Some(0.0));
    assert_eq!(judged.score(Reason::OtherLabel, 17), None);
    assert_eq!(judged.score(Reason::Raters, 17), None, "one alone");
    let mut project = project;
    // One frame of so many moves the measure little.
    let far = wave(17) - chance.sqrt();
    let far = Rating {
        valence: Some(far),
        ..Rating::default()
    };
    made::say(&mut project, 0, 17..18, |_| far);
    let judged = Disagreement::new(&project, Some(0));
    let score = judged.score(Reason::Valence, 17).expect("both are there");
    assert!((score - 0.5).abs() < 0.01, "{score}");
    assert_eq!(judged.apart(17), Some(score));
    let apart = judged.apart_column();
    assert_eq!(part_apart(&apart).map(|p| p < 0.01), Some(true));
    assert_eq!(part_apart(&[f64::NAN, 0.5, 0.2, 0.9]), Some(2.0 / 3.0));
    assert_eq!(part_apart(&[f64::NAN]), None);
}

#[test]
fn a_face_that_hardly_moves_makes_no_disagreement_of_noise() {
    let mut project = made::empty(FRAMES);
    made::predict(&mut project, |f| Some(said(0.01 * (f % 3) as f64)));
    made::rate(&mut project, "a", |f| Rating {
        valence: Some(0.01 * (f % 2) as f64),
        ..Rating::default()
    });
    let judged = Disagreement::new(&project, Some(0));
    assert!(judged.apart_column().iter().all(|s| *s < 0.05));
}

#[test]
fn other_labels_count_with_the_probability_and_doubt_with_its_lack() {
    let mut project = made::empty(4);
    made::predict(&mut project, |f| {
        let probability = [0.93, 0.93, f32::NAN, 1.0 / 7.0][f];
        Some(Said {
            probability,
            sd: [0.1, 0.3, f32::NAN, 0.1][f],
            ..said(0.0)
        })
    });
    made::rate(&mut project, "a", |f| Rating {
        expression: Some(if f == 0 {
            Expression::Happiness
        } else {
            Expression::Neutral
        }),
        ..Rating::default()
    });
    let judged = Disagreement::new(&project, Some(0));
    let near = |score: Option<f64>, wanted: f64| {
        let score = score.expect("told");
        assert!((score - wanted).abs() < 1e-6, "{score} {wanted}");
    };
    near(judged.score(Reason::OtherLabel, 0), 0.0);
    near(judged.score(Reason::OtherLabel, 1), 0.93);
    near(judged.score(Reason::OtherLabel, 2), UNKNOWN_PROBABILITY);
    near(judged.score(Reason::Unsure, 0), 0.1 / BLIND_SD);
    near(judged.score(Reason::Unsure, 1), 0.3 / BLIND_SD);
    assert_eq!(
        judged.score(Reason::Unsure, 2),
        None,
        "the file does not tell"
    );
    near(judged.score(Reason::Unsure, 3), 1.0);
    assert_eq!(judged.score(Reason::Unsure, 4), None, "behind the end");
}

#[test]
fn raters_disagree_by_what_chance_makes_of_their_labels() {
    let mut project = made::empty(FRAMES);
    let label = |f: usize| Expression::ALL[f % 2];
    for (name, other) in [("a", false), ("b", true)] {
        made::rate(&mut project, name, move |f| Rating {
            expression: Some(if other && f == 8 {
                Expression::Fear
            } else {
                label(f)
            }),
            valence: (f < 200).then_some(if other && f == 9 { -0.9 } else { 0.5 }),
            arousal: None,
        });
    }
    let judged = Disagreement::new(&project, None);
    // Two labels, half each: chance differs on half the pairs, a frame where both differ on all.
    let score = judged.score(Reason::Raters, 8).expect("two rated");
    assert!((score - 2.0 / 3.0).abs() < 0.01, "{score}");
    assert_eq!(judged.score(Reason::Raters, 7), Some(0.0));
    assert!(judged.score(Reason::Raters, 9) > Some(0.9));
    assert_eq!(judged.apart(8), None, "no network");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_rolling_concordance_is_that_of_each_window(
        values in prop::collection::vec((-1.0f64..1.0, -1.0f64..1.0, 0u8..8, 0.0f64..0.1), 0..200),
        window_s in 0.0f64..6.0,
    ) {
        let a: Vec<f64> = values.iter().map(|v| if v.2 == 0 { f64::NAN } else { v.0 }).collect();
        let b: Vec<f64> = values.iter().map(|v| if v.2 == 1 { f64::NAN } else { v.1 }).collect();
        let mut time_s = 0.0;
        let times_s: Vec<f64> = values.iter().map(|v| { time_s += v.3; time_s }).collect();
        let rolling = rolling_ccc(&a, &b, &times_s, window_s);
        prop_assert_eq!(rolling.len(), values.len());
        for (at, rolling) in rolling.iter().enumerate() {
            let mut window = Agreement::default();
            for f in 0..values.len() {
                let near = (times_s[f] - times_s[at]).abs() <= window_s / 2.0 + 1e-9;
                if near && !a[f].is_nan() && !b[f].is_nan() {
                    window.push(a[f], b[f]);
                }
            }
            match window.ccc() {
                Some(ccc) if window.count() >= LEAST_PAIRS => prop_assert!((ccc - rolling).abs() < 1e-9),
                _ => prop_assert!(rolling.is_nan()),
            }
        }
    }
}

#[test]
fn a_window_of_two_constants_that_are_one_has_no_concordance() {
    let times_s: Vec<f64> = (0..200).map(f64::from).collect();
    let a: Vec<f64> = (0..200)
        .map(|f| if f < 60 { f64::from(f % 7) / 7.0 } else { 0.1 })
        .collect();
    let rolling = rolling_ccc(&a, &a, &times_s, 20.0);
    assert!((rolling[30] - 1.0).abs() < 1e-12);
    assert!(rolling[70..].iter().all(|c| c.is_nan()));
}
