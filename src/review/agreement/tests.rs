use super::super::made;
use super::super::track::{Rating, Track};
use super::*;
use crate::formats::labels::Person;
use crate::labels::Expression;
use crate::review::Rater;
use proptest::prelude::*;

/// Everything of a range, frame by frame, straight into the metrics.
fn slow(project: &Project, tracks: &[&Track], frames: Range<usize>) -> Group {
    let voices: Vec<usize> = (0..tracks.len()).collect();
    let mut group = Group::new(&Members {
        valence: voices.clone(),
        arousal: voices,
        all: None,
    });
    for frame in frames.start..frames.end.min(project.frames()) {
        let said: Vec<Rating> = tracks.iter().map(|t| t.get(frame)).collect();
        let mut counts = [0; Expression::COUNT];
        for expression in said.iter().filter_map(|r| r.expression) {
            counts[expression.index()] += 1;
        }
        group.expression.push(&counts);
        let numbers = |pick: fn(&Rating) -> Option<f64>| -> Vec<f64> {
            said.iter().map(|r| pick(r).unwrap_or(f64::NAN)).collect()
        };
        for (kind, numbers) in [
            (&mut group.valence, numbers(|r| r.valence)),
            (&mut group.arousal, numbers(|r| r.arousal)),
        ] {
            kind.icc.push(&numbers);
            kind.alpha.push(&numbers);
        }
    }
    group
}

fn close(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() < 1e-9,
        (a, b) => a == b,
    }
}

fn same(a: &Group, b: &Group) {
    assert_eq!(a.expression.units(), b.expression.units());
    assert_eq!(a.expression.values(), b.expression.values());
    assert!(close(a.expression.alpha(), b.expression.alpha()));
    for (a, b) in [(&a.valence, &b.valence), (&a.arousal, &b.arousal)] {
        assert_eq!(a.members, b.members);
        assert_eq!(
            (a.icc.targets(), a.alpha.units()),
            (b.icc.targets(), b.alpha.units())
        );
        assert_eq!(a.alpha.values(), b.alpha.values());
        assert!(close(a.alpha.alpha(), b.alpha.alpha()));
        assert!(close(a.icc.single(), b.icc.single()));
        assert!(close(a.icc.mean(), b.icc.mean()), "{a:?} {b:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn a_range_has_the_agreement_of_its_frames_after_any_change(
        frames in 1usize..9000, a in 0usize..9000, b in 0usize..9000, at in 0usize..9000, seed in any::<u64>(),
    ) {
        let mut project = made::project(frames, 3, seed);
        let who = Who::of(&project);
        let mut ranges = RangeAgreement::new(&project, &who);
        let changed = at.min(frames)..(at + 30).min(frames);
        let fear = Rating { expression: Some(Expression::Fear), valence: Some(-0.9), arousal: None };
        made::say(&mut project, 1, changed.clone(), |_| fear);
        ranges.update(&project, changed);
        let range = a.min(b)..a.max(b);
        let quick = ranges.range(&project, range.clone());
        let once = agreement(&project, &who, range.clone());
        let mut tracks: Vec<&Track> = project.raters().iter().map(Rater::track).collect();
        same(&quick.people, &slow(&project, &tracks, range.clone()));
        same(&once.people, &quick.people);
        tracks.extend(project.model().map(|m| m.track()));
        let all = quick.with_model.as_ref().expect("the network speaks");
        same(all, &slow(&project, &tracks, range.clone()));
        prop_assert_eq!(&quick.voices, &once.voices);
        prop_assert_eq!(quick.pairs.len(), 6);
        for (quick, once) in quick.pairs.iter().zip(&once.pairs) {
            prop_assert_eq!((quick.a, quick.b), (once.a, once.b));
            prop_assert_eq!(&quick.expression, &once.expression);
            prop_assert_eq!(quick.valence.count(), once.valence.count());
            prop_assert!(close(quick.valence.ccc(), once.valence.ccc()));
            prop_assert!(close(quick.arousal.ccc(), once.arousal.ccc()));
            let mut pushed = Agreement::default();
            for frame in range.start..range.end.min(frames) {
                let pair = (tracks[quick.a].get(frame).arousal, tracks[quick.b].get(frame).arousal);
                if let (Some(a), Some(b)) = pair {
                    pushed.push(a, b);
                }
            }
            prop_assert_eq!(pushed.count(), quick.arousal.count());
            prop_assert!(close(pushed.ccc(), quick.arousal.ccc()));
        }
    }
}

#[test]
fn beside_the_network_everybody_has_the_scores_of_the_project() {
    let project = made::project(3000, 2, 5);
    let range = 100..2900;
    let all = agreement(&project, &Who::of(&project), range.clone());
    assert_eq!(all.voices.len(), 3);
    assert_eq!(
        (all.voices[2].name.as_str(), all.voices[2].rater),
        ("model", None)
    );
    let (valence, kappa) = (all.valence_ccc(), all.kappa());
    for rater in 0..2 {
        let scores = project.scores(rater, range.clone());
        assert!(scores.valence.ccc().is_some());
        assert_eq!(valence[rater][2], scores.valence.ccc());
        assert_eq!(valence[2][rater], scores.valence.ccc());
        assert_eq!(kappa[rater][2], scores.expression.kappa());
    }
    assert_eq!(valence[1][0], valence[0][1]);
    assert_eq!((valence[0][0], kappa[2][2]), (None, None));
}

#[test]
fn who_rates_expressions_alone_is_not_waited_for_until_they_rate_more() {
    let mut project = made::project(500, 2, 9);
    let third = made::rate(&mut project, "third", |_| Rating {
        expression: Some(Expression::Anger),
        ..Rating::default()
    });
    let who = Who::of(&project);
    let mut ranges = RangeAgreement::new(&project, &who);
    let before = ranges.range(&project, 0..500);
    assert_eq!(before.people.valence.members, [0, 1]);
    assert!(before.people.valence.icc.targets() > 300);
    assert!(before.people.expression.values() > before.people.valence.alpha.values());
    let half = Rating {
        valence: Some(0.5),
        ..Rating::default()
    };
    made::say(&mut project, third, 7..9, |_| half);
    ranges.update(&project, 7..9);
    let after = ranges.range(&project, 0..500);
    assert_eq!(after.people.valence.members, [0, 1, 2]);
    assert!(after.people.valence.icc.targets() <= 2);
    assert_eq!(after.people.arousal.members, [0, 1]);
    same(&after.people, &agreement(&project, &who, 0..500).people);
}

#[test]
fn labels_of_two_people_are_not_compared() {
    let mut project = made::project(50, 1, 1);
    for (name, person) in [("left", Person::Left), ("right", Person::Right)] {
        let mut rater = Rater::new(name, 50);
        rater.person = Some(person);
        project.add_rater(rater);
    }
    assert_eq!(Who::of(&project).raters, [0, 1]);
    project.choose(FaceChoice::Side(Person::Right));
    assert_eq!(Who::of(&project).raters, [0, 2]);
}

#[test]
fn without_two_people_or_frames_there_is_no_score() {
    let project = made::project(300, 1, 3);
    let one = agreement(&project, &Who::of(&project), 0..300);
    assert_eq!(one.people.valence.icc.single(), None);
    assert_eq!(one.people.expression.alpha(), None);
    let all = one.with_model.expect("the network speaks");
    assert!(all.valence.icc.single().is_some());
    let nobody = Who {
        raters: vec![0, 17],
        model: false,
    };
    let none = agreement(&project, &nobody, 900..920);
    assert_eq!(
        (none.with_model, none.pairs.len(), none.voices.len()),
        (None, 0, 1)
    );
    let nothing = agreement(&made::empty(0), &Who::default(), 0..0);
    assert_eq!(nothing.people.valence.alpha.alpha(), None);
}
