//! How evenly a network does: by expression, beside how often each occurs, and by group.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Answer;
use crate::evaluate::bootstrap;
use crate::evaluate::matching::Scores;
use crate::evaluate::report::{SCORES, carries, scores};
use crate::labels::Expression;
use crate::metrics::Confusion;
use crate::model::calibration::Change;
use crate::train::score;
use crate::train::set::PerExpression;

/// Groups of fewer faces say nothing.
const FEWEST: u64 = 20;

/// Each expression that is labelled or read: how many faces are labelled with it and what share of all that is, in the
/// data and, where that is known, in what was learnt from; F1, precision and recall, `null` where they are undefined.
pub(super) fn by_expression(confusion: &Confusion, training: Option<&PerExpression>) -> Value {
    let counts = confusion.counts();
    let part = |some: u64, of: u64| (of > 0).then(|| some as f64 / of as f64);
    let training = training.map(|t| t.in_order());
    let mut all = Map::new();
    for (expression, f1) in Expression::ALL.into_iter().zip(confusion.f1()) {
        let i = expression.index();
        let labelled: u64 = counts[i].iter().sum();
        let read: u64 = counts.iter().map(|row| row[i]).sum();
        let mut one = json!({
            "count": labelled,
            "share": part(labelled, confusion.count()),
            "f1": f1,
            "precision": part(counts[i][i], read),
            "recall": part(counts[i][i], labelled),
        });
        if let Some(training) = training {
            one["training_count"] = training[i].into();
            one["training_share"] = json!(part(training[i], training.iter().sum()));
        }
        all.insert(expression.name().to_owned(), one);
    }
    all.into()
}

/// What groups are compared in.
const COMPARED: [(&str, &str); 3] = [
    ("expression", "accuracy"),
    ("valence", "ccc"),
    ("arousal", "ccc"),
];

/// Scores of each group of enough faces, by what is grouped by. A group is `below` in accuracy or a CCC where the upper end of
/// its 95 % interval lies below the score of all faces.
pub(super) fn by_group(answers: &[Answer], window: bool, all: &Scores) -> Value {
    let mut by: BTreeMap<(&str, &str), BTreeMap<&str, Scores>> = BTreeMap::new();
    for answer in answers {
        if let Some(said) = answer.said(window, &Change::NONE) {
            for (kind, group) in &answer.groups {
                let subjects = by.entry((kind, group)).or_default();
                let scores = subjects.entry(&answer.subject).or_default();
                score::push(scores, &said, &answer.labels);
            }
        }
    }
    let mut kinds: Map<String, Value> = Map::new();
    for ((kind, name), subjects) in by {
        let mut whole = Scores::default();
        subjects.values().for_each(|s| whole.merge(s));
        if whole.counts.matched < FEWEST {
            continue;
        }
        let subjects: Vec<Scores> = subjects.into_values().collect();
        let (mut intervals, mut below) = (json!({}), Vec::new());
        for (part, what, of) in SCORES {
            if !COMPARED.contains(&(part, what)) {
                continue;
            }
            let interval = bootstrap::interval(&subjects, |s| carries(s, part), of);
            intervals[part][what] = json!(interval);
            if interval.is_some_and(|[_, high]| of(all).is_some_and(|all| high < all)) {
                below.push(format!("{part}/{what}"));
            }
        }
        let mut group = scores(&whole, whole.counts.matched as usize);
        group.insert("intervals".to_owned(), intervals);
        group.insert("below".to_owned(), below.into());
        kinds.entry(kind).or_insert_with(|| json!({}))[name] = group.into();
    }
    kinds.into()
}

#[cfg(test)]
mod tests {
    use super::super::Logits;
    use super::*;
    use crate::train::set::Labels;

    /// A face labelled and read as these, in a group.
    fn answer(number: usize, label: Expression, read: Expression, group: &str) -> Answer {
        let mut expression = vec![0.0; Expression::COUNT];
        expression[read.index()] = 5.0;
        Answer {
            labels: Labels {
                expression: Some(label),
                ..Labels::default()
            },
            subject: number.to_string(),
            groups: [("brightness".to_owned(), group.to_owned())].into(),
            alone: Logits {
                expression,
                affect: vec![0.0; 40],
            },
            window: None,
        }
    }

    #[test]
    fn expressions_have_their_share_and_groups_that_are_worse_are_found() {
        use Expression::{Anger, Fear, Happiness};
        let mut answers = Vec::new();
        // In the dark every third fear is read as anger; ten faces are too few to speak of.
        for i in 0..300 {
            let dark = i % 2 == 0;
            let read = if dark && i % 3 == 0 { Anger } else { Fear };
            answers.push(answer(i, Fear, read, if dark { "dark" } else { "bright" }));
        }
        for i in 300..310 {
            answers.push(answer(i, Happiness, Anger, "middle"));
        }
        let training = PerExpression {
            fear: 30,
            anger: 10,
            ..PerExpression::default()
        };
        let report = super::super::report(&answers, [&Default::default(); 2], Some(&training));
        let fear = &report["expressions"]["fear"];
        assert_eq!(
            (&fear["count"], &fear["training_count"]),
            (&300.into(), &30.into())
        );
        let near = |value: &Value, wanted: f64| {
            let value = value.as_f64().expect("a number");
            assert!((value - wanted).abs() < 1e-12, "{value} for {wanted}");
        };
        near(&fear["share"], 300.0 / 310.0);
        near(&fear["training_share"], 0.75);
        near(&fear["recall"], 250.0 / 300.0);
        near(&fear["precision"], 1.0);
        assert_eq!(report["expressions"]["sadness"]["f1"], Value::Null);
        assert_eq!(report["expressions"]["happiness"]["recall"], 0.0);
        let groups = &report["groups"]["brightness"];
        assert_eq!(groups["dark"]["below"], json!(["expression/accuracy"]));
        assert_eq!(groups["bright"]["below"], json!([]));
        assert_eq!(groups.get("middle"), None);

        let card = super::super::sentences("made", &report);
        let spots: Vec<(&str, &str)> = card
            .weak_spots
            .iter()
            .map(|(what, said)| (&**what, &**said))
            .collect();
        // Expressions that nobody is labelled with are no weakness that was measured.
        assert_eq!(
            spots,
            [
                (
                    "made (310 faces), CNN, expression 1: happiness, F1 / recall",
                    "0.000 / 0.0 %; 10 faces (3.2 %); 0.0 % of the training split"
                ),
                (
                    "made (310 faces), CNN, expression 2: fear, F1 / recall",
                    "0.909 / 83.3 %; 300 faces (96.8 %); 75.0 % of the training split"
                ),
                (
                    "made (310 faces), CNN, weakest by brightness: dark, accuracy",
                    "66.7 %; 150 faces; 80.6 % of all"
                ),
                (
                    "made (310 faces), CNN, group clearly below the whole: brightness: dark, accuracy",
                    "66.7 %; 150 faces; 80.6 % of all"
                ),
            ]
        );
    }
}
