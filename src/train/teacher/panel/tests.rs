//! What several say, against what each says alone.

use super::*;
use crate::train::random::Rng;
use crate::train::teacher::made;
use crate::train::teacher::tests::noise;

#[test]
fn several_are_averaged_as_probabilities_and_what_is_no_number_stays_none() {
    let sure = |of: usize, sure: f32| -> TeacherLogits {
        let one = |len: usize| (0..len).map(|i| if i == of { sure } else { 0.0 }).collect();
        (one(7), one(40))
    };
    assert_eq!(on_average(Vec::new()), None);
    let alone = sure(0, 2.0);
    assert_eq!(on_average(vec![alone.clone()]), Some(alone));
    // Of logits ln 2 and six zeros, the probabilities are 2/8 and 1/8.
    let two = (2f32).ln();
    let (expression, affect) = on_average(vec![sure(0, two), sure(1, two)]).unwrap();
    for (i, logit) in expression.iter().enumerate() {
        let wanted = if i < 2 { 1.5 / 8.0 } else { 1.0 / 8.0 };
        assert!((logit.exp() - wanted).abs() < 1e-6, "{i}: {logit}");
    }
    // Valence and arousal are questions of their own: twenty bins each.
    let sums = affect
        .chunks(20)
        .map(|bins| bins.iter().map(|l| l.exp()).sum::<f32>());
    assert!(sums.into_iter().all(|sum| (sum - 1.0).abs() < 1e-5));
    assert!((affect[0].exp() - 1.5 / 21.0).abs() < 1e-6);
    // Certain against certain.
    let (expression, _) = on_average(vec![sure(0, 200.0), sure(1, 200.0)]).unwrap();
    assert!((expression[0].exp() - 0.5).abs() < 1e-6 && expression[2].is_finite());
    let (expression, _) = on_average(vec![sure(0, f32::NAN), sure(1, 1.0)]).unwrap();
    assert!(
        expression.iter().all(|logit| logit.is_nan()),
        "{expression:?}"
    );
}

#[test]
fn all_are_asked_together_or_one_after_the_other_and_of_mirrored_faces_too() {
    let teachers = [Arc::new(made(2)), Arc::new(made(3))];
    let faces = noise(2, &mut Rng::new(5));
    let mut turned = faces.clone();
    mirror_rows(&mut turned, 1);
    assert_eq!(turned[..CROP_SIDE_PX], {
        let mut row = faces[..CROP_SIDE_PX].to_vec();
        row.reverse();
        row
    });
    let panel = |in_turn: bool, mirrored: bool, teachers: &[Arc<Teacher>]| {
        let phase = Phase {
            batch: 2,
            in_turn,
            mirrored,
            ..Phase::default()
        };
        Panel::new(teachers, &phase, None).unwrap()
    };
    let said = |mut panel: Panel, turn: usize| panel.logits(turn, &faces, 1).unwrap();
    let one = |of: usize, faces: &[u8]| {
        let mut alone = panel(false, false, &teachers[of..=of]);
        alone.logits(7, faces, 1).unwrap().unwrap()
    };
    let each = [
        one(0, &faces),
        one(1, &faces),
        one(0, &turned),
        one(1, &turned),
    ];
    let apart = |a: &TeacherLogits, b: &TeacherLogits| {
        a.0.iter().zip(&b.0).any(|(a, b)| (a - b).abs() > 1e-4)
    };
    assert!(apart(&each[0], &each[1]) && apart(&each[0], &each[2]));

    assert_eq!(said(panel(false, false, &[]), 0), None);
    assert_eq!(said(panel(true, true, &[]), 3), None);
    let together = said(panel(false, false, &teachers), 1);
    assert_eq!(together, on_average(each[..2].to_vec()));
    let together = said(panel(false, true, &teachers), 1);
    assert_eq!(together, on_average(each.to_vec()));
    let more = [
        teachers[0].clone(),
        teachers[1].clone(),
        teachers[0].clone(),
    ];
    let twice = [each[0].clone(), each[1].clone(), each[0].clone()];
    let together = said(panel(false, false, &more), 1);
    assert_eq!(together, on_average(twice.to_vec()));
    assert_eq!(panel(false, false, &more).says.len(), 2);
    for (turn, whose) in [0, 1, 0, 0].into_iter().enumerate() {
        let in_turn = said(panel(true, false, &more), turn);
        assert_eq!(in_turn.as_ref(), Some(&each[whose]), "{turn}");
    }
    for (turn, whose) in [0, 1, 0, 1].into_iter().enumerate() {
        let in_turn = said(panel(true, false, &teachers), turn);
        assert_eq!(in_turn.as_ref(), Some(&each[whose]), "{turn}");
    }
    for (turn, whose) in [0, 1, 2, 3, 0].into_iter().enumerate() {
        let in_turn = said(panel(true, true, &teachers), turn);
        assert_eq!(in_turn.as_ref(), Some(&each[whose]), "{turn}");
    }
}
