//! What an annotator should know before trusting the scores.

use super::names::beyond;
use super::{Project, file_name, file_stem};
use crate::formats::labels::LabelFormat;
use crate::numbers::{counted, grouped};
use crate::review::model::FaceChoice;
use crate::review::rater::Rater;

impl Project {
    /// What the user should know: lengths and names that differ, labels that lie on no frame.
    pub fn notes(&self) -> Vec<String> {
        // First: it may be why what follows does not fit.
        let ended = self.video_note.as_deref();
        let mut notes: Vec<String> = (ended.into_iter())
            .map(|note| format!("{}.", note.trim_end_matches('.')))
            .collect();
        let own = self.stem();
        let frames = self.frames();
        if self.has_model && self.from_video && self.model.frames != frames {
            notes.push(format!(
                "The predictions speak of {}, the video has {}.",
                counted(self.model.frames as u64, "frame"),
                grouped(frames as u64)
            ));
        }
        notes.extend(self.model.names_failed.clone());
        if let FaceChoice::Id(id) = self.model.choice()
            && let Some(face) = self.model.faces().iter().find(|f| f.id == id && f.both > 0)
        {
            notes.push(format!(
                "Several ids of {} are on the same frame {} times: the row of face {id} counts there, else the first.",
                self.model.names().title(id),
                face.both
            ));
        }
        let ours = |rater: &Rater| {
            let mut formats = rater.origins.iter().map(|o| o.format);
            formats.any(|format| format == LabelFormat::Affectscope)
        };
        if self.has_model
            && self.model.path.is_some()
            && !self.model.ours
            && self.raters.iter().any(ours)
        {
            notes.push(
                "The labels are this program's own tables, and the predictions are not: were the two swapped?"
                    .to_owned(),
            );
        }
        if let (true, false, Some(path)) = (self.has_model, self.model.ours, &self.model.path) {
            notes.push(format!(
                "The predictions, {}, are no table of this program: they carry no probabilities, as a submission does, or people's labels do.",
                file_name(path)
            ));
        }
        notes.extend(self.unread.iter().chain(&self.passed_over).cloned());
        for rater in &self.raters {
            for origin in &rater.origins {
                if let Some(n) = origin.frames
                    && n != frames as u64
                {
                    notes.push(format!(
                        "{}: {} has {}, the video {}.",
                        rater.name,
                        file_name(&origin.path),
                        counted(n, "frame"),
                        grouped(frames as u64)
                    ));
                }
                let stem = file_stem(&origin.path);
                if !own.is_empty() && origin.video != own && beyond(&stem, &own).is_none() {
                    notes.push(format!(
                        "{}: the name of {} has no {own} in it. Check that it is of this video.",
                        rater.name,
                        file_name(&origin.path)
                    ));
                }
            }
            if rater.beyond > 0 {
                notes.push(format!(
                    "{}: {} on no frame of the video.",
                    rater.name,
                    match rater.beyond {
                        1 => "1 label lies".to_owned(),
                        n => format!("{n} labels lie"),
                    }
                ));
            }
            if rater.offset_frames() != 0 {
                notes.push(format!(
                    "{}: labels are moved by {:+} frames.",
                    rater.name,
                    rater.offset_frames()
                ));
            }
            if let (Some(hz), true) = (rater.rated_hz, rater.is_timed()) {
                notes.push(format!(
                    "{}: rated by the clock, {hz:.1} times a second; each frame shows the rating that is nearest in time, and each rating counts once in the scores.",
                    rater.name
                ));
            }
        }
        notes
    }
}
