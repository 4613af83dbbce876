//! The scores against each rater: the numbers of `affectscope evaluate`, in its digits.

use super::html::{Cell, Html};
use crate::evaluate::matching::Scores;
use crate::evaluate::table::{CLASS_DECIMALS, SCORE_DECIMALS, number};
use crate::formats::labels::LabelFormat;
use crate::labels::Expression;
use crate::metrics::Agreement;
use crate::review::Rater;
use crate::review::figure::confusion;

/// A score of a set, as `evaluate` prints it.
fn score(value: Option<f64>) -> Cell {
    Cell::number(number(value, SCORE_DECIMALS))
}

/// One row for each rater.
pub(super) fn overview(page: &mut Html, all: &[(&Rater, Scores)]) {
    let rows: Vec<Vec<Cell>> = all
        .iter()
        .map(|(rater, s)| {
            vec![
                Cell::text(&rater.name),
                Cell::count(s.counts.matched),
                score(s.valence.ccc()),
                score(s.arousal.ccc()),
                score(s.expression.macro_f1()),
                score(s.expression.accuracy()),
                score(s.expression.criterion()),
            ]
        })
        .collect();
    page.table(
        "The model against each rater",
        &[
            "against",
            "compared",
            "CCC valence",
            "CCC arousal",
            "macro F1",
            "accuracy",
            "criterion",
        ],
        &rows,
    );
}

/// Everything of one rater.
pub(super) fn rater(page: &mut Html, rater: &Rater, scores: &Scores) {
    page.say("h3", &rater.name);
    let unit = if rater.is_timed() {
        "ratings"
    } else {
        "frames"
    };
    let c = scores.counts;
    let mut said = format!(
        "{} {unit} with a prediction beside a label, {} labelled without a prediction.",
        c.matched, c.unmatched
    );
    if let Some(person) = rater.person {
        said += &format!(" Labels of the {} person.", super::side(person));
    }
    page.say("p", &said);
    let e = &scores.expression;
    page.div("side", |page| {
        let numbers = [("valence", &scores.valence), ("arousal", &scores.arousal)];
        if numbers.iter().any(|(_, a)| a.count() > 0) {
            let rows = numbers.map(|(name, a)| affect(name, a));
            page.table(
                "Valence and arousal",
                &["", unit, "CCC", "Pearson", "MSE"],
                &rows,
            );
        }
        if e.count() == 0 {
            return;
        }
        let rows = [
            ("macro F1", e.macro_f1()),
            ("accuracy", e.accuracy()),
            ("criterion", e.criterion()),
        ]
        .map(|(name, value)| vec![Cell::text(name), Cell::count(e.count()), score(value)]);
        page.table("Expressions", &["", unit, "score"], &rows);
        let counts = e.counts();
        let rows: Vec<Vec<Cell>> = Expression::ALL
            .iter()
            .zip(e.f1())
            .map(|(expression, f1)| {
                let i = expression.index();
                let said: u64 = counts.iter().map(|row| row[i]).sum();
                vec![
                    Cell::text(expression.name()),
                    Cell::count(counts[i].iter().sum()),
                    Cell::count(said),
                    Cell::number(number(f1, CLASS_DECIMALS)),
                ]
            })
            .collect();
        page.table(
            "Each expression",
            &["", "labelled", "predicted", "F1"],
            &rows,
        );
    });
    if e.count() > 0 {
        let title = format!("{} and the model", rater.name);
        page.div("matrix keep", |page| {
            page.figure(&confusion(&[(&title, e)]), "");
        });
    }
}

fn affect(name: &str, a: &Agreement) -> Vec<Cell> {
    vec![
        Cell::text(name),
        Cell::count(a.count()),
        score(a.ccc()),
        score(a.pearson()),
        score(a.mse()),
    ]
}

/// What the scores are, in a few words.
pub(super) fn meaning(page: &mut Html) {
    page.explain(
        "These are the numbers of `affectscope evaluate` on the same files. CCC: Lin's concordance, 2 cov / (var + var + \
         (mean - mean)²). Macro F1: over the expressions that occur. Criterion: 0.67 F1 + 0.33 accuracy, as ABAW 2021 has \
         it. \"-\": undefined, or nothing to compare.",
    );
}

/// A format as people call it.
pub fn format_name(format: LabelFormat) -> &'static str {
    match format {
        LabelFormat::Affectscope => "rows of Affectscope",
        LabelFormat::AffWild2Expr => "Aff-Wild2, expressions",
        LabelFormat::AffWild2Va => "Aff-Wild2, valence and arousal",
        LabelFormat::AbawFlat => "ABAW, flat",
        LabelFormat::Affectnet => "AffectNet",
        LabelFormat::Expw => "ExpW",
        LabelFormat::AfewVa => "AFEW-VA",
        LabelFormat::Ferplus => "FER+",
        LabelFormat::Darma => "DARMA or CARMA",
        LabelFormat::Openface => "OpenFace",
        LabelFormat::Plain => "plain csv",
    }
}
