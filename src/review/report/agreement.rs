//! How far people agree among themselves, and with the model as one more.

use super::html::{Cell, Html};
use crate::evaluate::table::{CLASS_DECIMALS, number};
use crate::review::agreement::{Agreements, Group, Numbers, Pair};

fn score(value: Option<f64>) -> Cell {
    Cell::number(number(value, CLASS_DECIMALS))
}

/// The scores of every two, and of all together.
pub(super) fn section(page: &mut Html, all: &Agreements) {
    page.explain(
        "CCC: Lin's concordance. Kappa: Cohen's, of expressions. Alpha: Krippendorff's, nominal for expressions, interval \
         for valence and arousal, over frames that two or more rated. ICC(2,1), ICC(2,k): two-way random, absolute \
         agreement, of one rater and of the mean of all, over frames that all rated. 1: they agree; 0: as by chance. \"-\": \
         undefined, or nothing to compare.",
    );
    pairs(page, all);
    if members(&all.people) > 1 {
        group(page, "People among themselves", &all.people);
    }
    if let Some(with_model) = &all.with_model {
        group(page, "People, and the model as one more", with_model);
    }
}

/// How many rate valence or arousal, or two where expressions are compared.
fn members(group: &Group) -> usize {
    let numbers = group.valence.members.len().max(group.arousal.members.len());
    numbers.max(if group.expression.units() > 0 { 2 } else { 0 })
}

/// Every two: the matrix, written as a list, which keeps the counts of frames beside the scores.
fn pairs(page: &mut Html, all: &Agreements) {
    let row = |pair: &Pair| {
        let (a, b) = (&all.voices[pair.a].name, &all.voices[pair.b].name);
        vec![
            Cell::text(format!("{a} and {b}")),
            Cell::count(pair.valence.count()),
            score(pair.valence.ccc()),
            Cell::count(pair.arousal.count()),
            score(pair.arousal.ccc()),
            Cell::count(pair.expression.count()),
            score(pair.expression.kappa()),
        ]
    };
    let rows: Vec<Vec<Cell>> = all.pairs.iter().map(row).collect();
    page.table(
        "Every two",
        &[
            "",
            "frames",
            "CCC valence",
            "frames",
            "CCC arousal",
            "frames",
            "kappa",
        ],
        &rows,
    );
}

fn group(page: &mut Html, caption: &str, group: &Group) {
    let numbers = |name: &str, n: &Numbers| {
        vec![
            Cell::text(name),
            Cell::count(n.alpha.units()),
            score(n.alpha.alpha()),
            Cell::count(n.members.len() as u64),
            Cell::count(n.icc.targets()),
            score(n.icc.single()),
            score(n.icc.mean()),
        ]
    };
    let none = || Cell::number("");
    let rows = [
        vec![
            Cell::text("expression"),
            Cell::count(group.expression.units()),
            score(group.expression.alpha()),
            none(),
            none(),
            none(),
            none(),
        ],
        numbers("valence", &group.valence),
        numbers("arousal", &group.arousal),
    ];
    page.table(
        caption,
        &[
            "",
            "frames of two",
            "alpha",
            "raters",
            "frames of all",
            "ICC(2,1)",
            "ICC(2,k)",
        ],
        &rows,
    );
}
