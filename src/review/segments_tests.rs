use proptest::prelude::*;

use super::super::made::{self, Said};
use super::super::track::Rating;
use super::*;
use crate::formats::labels::Label;
use crate::review::Model;

/// A minute and twenty seconds at 25 frames a second.
const FRAMES: usize = 2000;

fn wave(frame: usize) -> f64 {
    (frame as f64 / 60.0).sin() * 0.5
}

/// A sure network, right but for what `change` makes of it.
fn said(project: &mut Project, change: impl Fn(usize, &mut Said)) {
    made::predict(project, |frame| {
        let mut said = Said {
            expression: Expression::Neutral,
            probability: 0.95,
            valence: wave(frame),
            arousal: wave(frame + 500),
            sd: 0.08,
        };
        change(frame, &mut said);
        Some(said)
    });
}

fn right(frame: usize) -> Rating {
    Rating {
        expression: Some(Expression::Neutral),
        valence: Some(wave(frame)),
        arousal: Some(wave(frame + 500)),
    }
}

fn near(frames: &Range<usize>, wanted: Range<usize>) -> bool {
    frames.start.abs_diff(wanted.start) <= 6 && frames.end.abs_diff(wanted.end) <= 6
}

#[test]
fn what_was_planted_is_found_where_it_is_and_nothing_else() {
    let mut project = made::empty(FRAMES);
    said(&mut project, |frame, said| match frame {
        300..360 => (said.expression, said.probability) = (Expression::Happiness, 0.93),
        700..760 => said.valence = -said.valence.signum() * 0.6,
        1100..1160 => said.probability = 0.34,
        1160..1161 => said.probability = 0.95,
        1900..1901 => said.expression = Expression::Anger,
        _ => {}
    });
    made::rate(&mut project, "a", right);
    made::rate(&mut project, "b", |frame| match frame {
        1500..1550 => Rating {
            expression: Some(Expression::Fear),
            ..right(frame)
        },
        _ => right(frame),
    });
    let found = worst_first(&project, Some(0), MOST_SEGMENTS);
    let reasons: Vec<(Reason, String)> = found.iter().map(|s| (s.reason, s.words())).collect();
    assert_eq!(found.len(), 4, "{reasons:?}");
    let of = |reason| found.iter().find(|s| s.reason == reason).expect("planted");

    let other = of(Reason::OtherLabel);
    assert!(near(&other.frames, 300..360), "{other:?}");
    assert_eq!(
        other.words(),
        "confident, other label: Happiness 0.93 / Neutral"
    );
    assert!(other.score > 0.9 && other.score <= 0.93, "{other:?}");
    assert!((300..360).contains(&other.peak));
    assert_eq!(other.ccc_loss, None);

    let valence = of(Reason::Valence);
    assert!(near(&valence.frames, 700..760), "{valence:?}");
    let (sign, peak) = (wave(valence.peak).signum(), valence.peak);
    let wanted = format!("valence apart {:+.2} / {:+.2}", -0.6 * sign, wave(peak));
    assert_eq!(valence.words(), wanted);
    // Nothing else is apart, so that these frames make nearly the whole loss: a few at the edges may lie outside.
    let ccc = project
        .scores(0, 0..FRAMES)
        .valence
        .ccc()
        .expect("they vary");
    let loss = valence.ccc_loss.expect("told");
    let part = loss / (1.0 - ccc);
    assert!(part > 0.95 && part < 1.0 + 1e-9, "{loss} {ccc}");

    let raters = of(Reason::Raters);
    assert!(near(&raters.frames, 1500..1550), "{raters:?}");
    assert_eq!(raters.words(), "raters disagree Neutral / Fear");

    let unsure = of(Reason::Unsure);
    assert!(near(&unsure.frames, 1100..1160), "{unsure:?}");
    assert_eq!(unsure.words(), "model unsure Neutral 0.34");

    for segment in &found {
        let times_s = project.times_s();
        assert_eq!(segment.start_s, times_s[segment.frames.start]);
        assert!((segment.length_s - segment.frames.len() as f64 / 25.0).abs() < 1e-6);
    }
    assert_eq!(
        found,
        worst_first(&project, Some(0), MOST_SEGMENTS),
        "the same again"
    );
    assert_eq!(worst_first(&project, Some(0), 2), found[..2]);
}

#[test]
fn what_is_not_there_gives_no_reason() {
    let mut project = made::empty(FRAMES);
    assert!(worst_first(&project, None, 9).is_empty());
    assert!(worst_first(&project, Some(3), 9).is_empty());
    assert!(worst_first(&made::empty(0), Some(0), 9).is_empty());
    // Two people without a network.
    made::rate(&mut project, "a", right);
    made::rate(&mut project, "b", |frame| Rating {
        valence: Some(if frame < 100 { 0.9 } else { wave(frame) }),
        ..right(frame)
    });
    let found = worst_first(&project, Some(0), 9);
    assert!(!found.is_empty() && found.iter().all(|s| s.reason == Reason::Raters));
    assert!(found[0].detail.starts_with("valence +0.90 / "), "{found:?}");
    // A network without people.
    let mut project = made::empty(FRAMES);
    said(&mut project, |frame, said| {
        if frame >= 1950 {
            said.sd = 0.5;
        }
    });
    let found = worst_first(&project, None, 9);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].words(), "model unsure valence ±0.50");
    assert_eq!(found[0].frames.end, FRAMES);
}

#[test]
fn predictions_without_probabilities_are_another_label_behind_the_confident_ones() {
    let mut project = made::empty(100);
    let labels: Vec<Label> = (0..100)
        .map(|frame| Label {
            frame: Some(frame),
            expression: Some(Expression::Sadness),
            ..Label::default()
        })
        .collect();
    project.set_model(Model::from_labels(&labels, None));
    made::rate(&mut project, "a", right);
    let found = worst_first(&project, Some(0), 9);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].words(), "other label: Sadness / Neutral");
    assert!((found[0].score - 0.6).abs() < 1e-9);
    assert_eq!(found[0].frames, 0..100);
}

#[test]
fn a_long_disagreement_is_cut_and_its_worst_part_comes_first() {
    let mut project = made::empty(FRAMES);
    said(&mut project, |frame, said| {
        said.expression = Expression::Anger;
        said.probability = if (1200..1300).contains(&frame) {
            0.97
        } else {
            0.7
        };
    });
    made::rate(&mut project, "a", right);
    let found = worst_first(&project, Some(0), MOST_SEGMENTS);
    assert!(found.len() >= 4, "{found:?}");
    assert!(
        found
            .iter()
            .all(|s| s.length_s <= LONGEST_S + 1e-9 && s.length_s >= LEAST_S)
    );
    assert!(found[0].frames.contains(&1250) && found[0].score > 0.96);
    let frames: usize = found.iter().map(|s| s.frames.len()).sum();
    assert_eq!(frames, FRAMES, "nothing is lost by cutting");
}

#[test]
fn labels_far_between_are_segments_of_their_own() {
    let mut project = made::empty(FRAMES);
    said(&mut project, |_, said| said.expression = Expression::Anger);
    made::rate(&mut project, "a", |frame| match frame % 250 {
        0 => right(frame),
        _ => Rating::default(),
    });
    let found = worst_first(&project, Some(0), MOST_SEGMENTS);
    assert_eq!(found.len(), 8);
    assert!(found.iter().all(|s| s.frames == (s.peak..s.peak + 1)));
    // The same, with enough said in between: one frame is a flicker then.
    made::rate(&mut project, "b", |frame| match frame % 250 {
        0 => right(frame),
        _ => Rating {
            expression: Some(Expression::Anger),
            ..Rating::default()
        },
    });
    let found = worst_first(&project, Some(1), MOST_SEGMENTS);
    assert!(
        found.iter().all(|s| s.reason != Reason::OtherLabel),
        "{found:?}"
    );
}

#[test]
fn one_reason_that_is_everywhere_does_not_hide_the_others() {
    let mut project = made::empty(20_000);
    said(&mut project, |frame, said| {
        if frame % 100 < 50 {
            said.expression = Expression::Anger;
        }
        if frame % 1000 > 900 {
            said.probability = 0.33;
            said.expression = Expression::Neutral;
        }
    });
    made::rate(&mut project, "a", right);
    let all = worst_first(&project, Some(0), 1000);
    let unsure = |found: &[Segment]| found.iter().filter(|s| s.reason == Reason::Unsure).count();
    assert_eq!((unsure(&all), all.len() > 150), (20, true), "{}", all.len());
    let some = worst_first(&project, Some(0), 50);
    assert_eq!((unsure(&some), some.len()), (10, 50));
    assert!(some.windows(2).all(|w| w[0].score >= w[1].score));
    assert_eq!(some[..40], all[..40]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn a_list_is_ranked_and_its_segments_lie_in_the_video(
        frames in 0usize..3000, raters in 0usize..3, seed in any::<u64>(), most in 0usize..60,
    ) {
        let project = made::project(frames, raters, seed);
        let found = worst_first(&project, Some(0), most);
        prop_assert!(found.len() <= most);
        prop_assert!(found.windows(2).all(|w| w[0].score >= w[1].score));
        for (i, a) in found.iter().enumerate() {
            prop_assert!(a.frames.start < a.frames.end && a.frames.end <= frames);
            prop_assert!(a.frames.contains(&a.peak) && (0.0..=1.0).contains(&a.score));
            prop_assert!(a.score >= threshold(a.reason) && !a.detail.is_empty());
            prop_assert!(a.length_s <= LONGEST_S + 1e-6);
            for b in found.iter().skip(i + 1).filter(|b| b.reason == a.reason) {
                prop_assert!(a.frames.end <= b.frames.start || b.frames.end <= a.frames.start);
            }
        }
    }

    #[test]
    fn smoothing_is_the_mean_that_is_documented(
        raw in prop::collection::vec((0.0f64..1.0, 0u8..4), 1..80),
    ) {
        let raw: Vec<f64> = raw.iter().map(|(v, kind)| if *kind == 0 { f64::NAN } else { *v }).collect();
        let project = made::empty(raw.len());
        let smoothed = Clock::new(&project).smooth(&raw);
        for (at, smoothed) in smoothed.iter().enumerate() {
            let (mut sum, mut weights) = (0.0, 0.0);
            for (other, value) in raw.iter().enumerate().filter(|(_, v)| !v.is_nan()) {
                let weight = (-(at as f64 - other as f64).abs() / 25.0 / SMOOTHED_S).exp();
                sum += weight * value;
                weights += weight;
            }
            if raw[at].is_nan() {
                prop_assert!(smoothed.is_nan());
            } else {
                prop_assert!((smoothed - sum / weights).abs() < 1e-9);
            }
        }
    }
}
