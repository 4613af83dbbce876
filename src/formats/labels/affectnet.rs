//! AffectNet's CSV (Mollahosseini, Hasani, Mahoor 2017): one picture a row, with its face's box.

use super::table::Table;
use super::text::{self, Source};
use super::{Label, LabelError, LabelFormat, Labels};
use crate::labels::Expression;

/// Its columns; the facial landmarks are passed over.
pub(super) const HEADER: [&str; 2] = ["subdirectory_filepath", "face_x"];

/// Its expressions by number; 7 to 10 (contempt, none, uncertain, no face) are none of ours.
const CLASSES: [Expression; Expression::COUNT] = [
    Expression::Neutral,
    Expression::Happiness,
    Expression::Sadness,
    Expression::Surprise,
    Expression::Fear,
    Expression::Disgust,
    Expression::Anger,
];
const LAST_CLASS: i64 = 10;

/// What stands for no valence or arousal.
const NO_VALUE: f64 = -2.0;

/// Reads it. Rows whose expression is none of the seven keep what valence and arousal they have.
pub(super) fn read(source: Source<'_>) -> Result<Labels, LabelError> {
    let mut rows = Table::open(source, 0, b',')?;
    let picture = rows.need(HEADER[0])?;
    let [expression, valence, arousal] = [
        rows.need("expression")?,
        rows.need("valence")?,
        rows.need("arousal")?,
    ];
    let place = ["face_x", "face_y", "face_width", "face_height"].map(|name| rows.find(&[name]));
    let mut series = source.series();
    while let Some(row) = rows.next()? {
        let name = row.text(Some(picture));
        if name.is_empty() {
            return Err(row.error(Some(picture), "empty; wanted is the picture's path"));
        }
        let class = row.needed(expression, 0, LAST_CLASS)?;
        series.labels.push(Label {
            line: row.line,
            picture: Some(text::slashes(name)),
            box_px: row.box_px(place)?,
            expression: CLASSES.get(class as usize).copied(),
            valence: row.rating(valence, NO_VALUE)?,
            arousal: row.rating(arousal, NO_VALUE)?,
            ..Label::default()
        });
    }
    Ok(Labels {
        format: LabelFormat::Affectnet,
        series: vec![series],
    })
}
