//! ExpW's `label.lst` (Zhang, Luo, Loy, Tang 2018): one face a line, blanks between, no header.

use super::text::{self, Source, room};
use super::{Label, LabelError, LabelFormat, Labels};
use crate::analysis::BoxPx;
use crate::labels::Expression;

/// Its fields. The right edge comes before the lower one.
const FIELDS: [&str; 8] = [
    "image",
    "face_id",
    "top",
    "left",
    "right",
    "bottom",
    "confidence",
    "label",
];

/// Its expressions by number.
const CLASSES: [Expression; Expression::COUNT] = [
    Expression::Anger,
    Expression::Disgust,
    Expression::Fear,
    Expression::Happiness,
    Expression::Sadness,
    Expression::Surprise,
    Expression::Neutral,
];

/// Edges beyond are a mistake.
const MOST_PX: f64 = 1e7;

/// Whether a line is one of such a file: a name and seven numbers.
pub(super) fn is_line(line: &str) -> bool {
    let fields: Vec<&str> = line.split_whitespace().collect();
    fields.len() == FIELDS.len() && fields[1..].iter().all(|f| f.parse::<f64>().is_ok())
}

/// Reads it.
pub(super) fn read(source: Source<'_>) -> Result<Labels, LabelError> {
    let mut series = source.series();
    for (line, text) in source.lines() {
        room(&source, series.labels.len(), line)?;
        let fields: Vec<&str> = text.split_whitespace().collect();
        let error = |field: usize, reason: String| {
            let name = FIELDS.get(field).copied().unwrap_or("none");
            source.error(line, format!("{} ({name})", field + 1), reason)
        };
        if fields.len() != FIELDS.len() {
            let reason = format!(
                "{} fields; wanted are {}: {}",
                fields.len(),
                FIELDS.len(),
                FIELDS.join(", ")
            );
            return Err(error(fields.len().min(FIELDS.len() - 1), reason));
        }
        let whole = |field: usize, most: i64| {
            text::whole(fields[field], 0, most).map_err(|why| error(field, why))
        };
        let edge = |field: usize| {
            text::number(fields[field], -MOST_PX, MOST_PX).map_err(|why| error(field, why))
        };
        let face_id = u32::try_from(whole(1, u32::MAX.into())?).ok();
        let (top, left, right, bottom) = (edge(2)?, edge(3)?, edge(4)?, edge(5)?);
        text::number(fields[6], 0.0, 1e6).map_err(|why| error(6, why))?;
        let class = whole(7, Expression::COUNT as i64 - 1)?;
        series.labels.push(Label {
            line,
            picture: Some(text::slashes(fields[0])),
            face_id,
            box_px: (right > left && bottom > top).then_some(BoxPx {
                x: left as f32,
                y: top as f32,
                w: (right - left) as f32,
                h: (bottom - top) as f32,
            }),
            expression: CLASSES.get(class as usize).copied(),
            ..Label::default()
        });
    }
    Ok(Labels {
        format: LabelFormat::Expw,
        series: vec![series],
    })
}
