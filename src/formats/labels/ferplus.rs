//! FER+ (Barsoum, Zhang, Ferrer, Zhang 2016): `fer2013new.csv`, ten votes a picture.

use super::table::Table;
use super::text::{self, Source};
use super::{Label, LabelError, LabelFormat, Labels};
use crate::labels::Expression;

/// Its columns of votes; the last three are none of ours.
const VOTES: [(&str, Option<Expression>); 10] = [
    ("neutral", Some(Expression::Neutral)),
    ("happiness", Some(Expression::Happiness)),
    ("surprise", Some(Expression::Surprise)),
    ("sadness", Some(Expression::Sadness)),
    ("anger", Some(Expression::Anger)),
    ("disgust", Some(Expression::Disgust)),
    ("fear", Some(Expression::Fear)),
    ("contempt", None),
    ("unknown", None),
    ("nf", None),
];

/// More voters than it ever had.
const MOST_VOTES: i64 = 1000;

/// What tells it from other tables with columns of expressions.
pub(super) const HEADER: [&str; 3] = ["usage", "image name", "contempt"];

/// Reads it: the expression with most votes. Where contempt, "unknown" or "no face" has most, where two share the
/// most, and for the rows without a picture that its authors left out, there is none.
pub(super) fn read(source: Source<'_>) -> Result<Labels, LabelError> {
    let mut rows = Table::open(source, 0, b',')?;
    let picture = rows.need("image name")?;
    let mut columns = Vec::with_capacity(VOTES.len());
    for (name, expression) in VOTES {
        columns.push((rows.need(name)?, expression));
    }
    let mut series = source.series();
    while let Some(row) = rows.next()? {
        let name = row.text(Some(picture)).to_owned();
        let mut most = 0;
        let mut chosen = None;
        for (column, expression) in &columns {
            let votes = row.needed(*column, 0, MOST_VOTES)?;
            if votes > most {
                (most, chosen) = (votes, *expression);
            } else if votes == most {
                chosen = None;
            }
        }
        series.labels.push(Label {
            line: row.line,
            expression: chosen.filter(|_| !name.is_empty()),
            picture: (!name.is_empty()).then(|| text::slashes(&name)),
            ..Label::default()
        });
    }
    Ok(Labels {
        format: LabelFormat::Ferplus,
        series: vec![series],
    })
}
