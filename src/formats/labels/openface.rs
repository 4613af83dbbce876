//! OpenFace's CSV (Baltrusaitis, Zadeh, Lim, Morency 2018), its head: which frame, when, whose face, how sure. It has
//! no expressions and no valence; it is read to be joined with tables that have.

use super::table::{Seen, Table};
use super::text::Source;
use super::{Label, LabelError, LabelFormat, Labels};

/// What its header begins with; older versions leave the face's number out.
pub(super) const HEADER: [&str; 4] = ["frame", "timestamp", "confidence", "success"];

/// Reads it. Frames count from 1 there; a row is kept whether the face was found or not, but has no face then.
pub(super) fn read(source: Source<'_>) -> Result<Labels, LabelError> {
    let mut rows = Table::open(source, 0, b',')?;
    let frame = rows.need("frame")?;
    let [time, confidence, success] = [
        rows.need("timestamp")?,
        rows.need("confidence")?,
        rows.need("success")?,
    ];
    let face = rows.find(&["face_id"]);
    let mut series = source.series();
    let mut seen = Seen::default();
    while let Some(row) = rows.next()? {
        row.number(Some(confidence), 0.0, 1.0)?;
        let found = row.needed(success, 0, 1)? == 1;
        let mut label = Label {
            line: row.line,
            frame: row.frame(Some(frame), 1)?,
            time_s: row.seconds(Some(time))?,
            face_id: row.face(face)?,
            ..Label::default()
        };
        if label.frame.is_none() {
            return Err(row.error(Some(frame), "empty; wanted is the frame's number, from 1"));
        }
        seen.add(&label)
            .map_err(|why| row.error(Some(frame), why))?;
        if !found {
            label.face_id = None;
        }
        series.labels.push(label);
    }
    series.frames = super::table::complete(&series.labels);
    Ok(Labels {
        format: LabelFormat::Openface,
        series: vec![series],
    })
}
