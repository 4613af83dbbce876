//! Submissions to the ABAW competitions: every frame of a video has one line, whoever was in it.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;

use super::frames::Summary;
use super::inputs::{FLAT_EXPRESSION, FLAT_VALENCE_AROUSAL, make_folder};
use super::{Job, Target};
use crate::analysis::{Reading, Record};
use crate::commands::{Failure, Interrupt, say};
use crate::formats::labels::abaw_write::{
    FLAT_EXPR_HEADER, FLAT_VA_HEADER, Filled, FrameLabel, Submission,
};
use crate::formats::output::write_whole;

/// The rows of the flat files, video after video.
#[derive(Default)]
pub(super) struct Flat {
    folder: Option<PathBuf>,
    expression: String,
    valence_arousal: String,
    /// Each video's sidecar, to be written with the rows.
    sidecars: Vec<(PathBuf, String)>,
}

impl Flat {
    /// Writes both, when there are rows.
    pub(super) fn write(&self, force: bool) -> Result<(), Failure> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        for (name, header, rows) in [
            (FLAT_EXPRESSION, FLAT_EXPR_HEADER, &self.expression),
            (FLAT_VALENCE_AROUSAL, FLAT_VA_HEADER, &self.valence_arousal),
        ] {
            let text = format!("{header}\n{rows}");
            let path = folder.join(name);
            write(&path, &text, force)?;
            say(&format!("-> {}", path.display()));
        }
        for (path, text) in &self.sidecars {
            write(path, text, force)?;
        }
        Ok(())
    }
}

fn write(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    write_whole(path, text.as_bytes(), force).map_err(|e| Failure::broken(e.to_string()))
}

/// A submission has one face a frame: the largest.
fn largest(record: &Record) -> Option<&Reading> {
    record
        .readings
        .iter()
        .max_by(|a, b| a.area_px2().total_cmp(&b.area_px2()))
}

impl Job<'_> {
    /// Analyses the input into its lines of a submission.
    pub(super) fn submission(
        &self,
        interrupt: &Interrupt,
        flat: &mut Flat,
    ) -> Result<Summary, Failure> {
        let mut source = self.open()?;
        if source.info().stills {
            return Err(Failure::bad_input(format!(
                "{}: a submission has the frames of a video; these are pictures. Give a video, or crops with --crops.",
                self.item.path.display()
            )));
        }
        let started = Instant::now();
        let mut submission = Submission {
            video: self.item.name.to_string_lossy().into_owned(),
            frames: Vec::new(),
        };
        let mut several = 0u64;
        let mut summary = self.frames(&mut *source, interrupt, &mut |record| {
            several += u64::from(record.readings.len() > 1);
            submission.frames.push(largest(record).map(|r| FrameLabel {
                expression: r.estimate.expression(),
                valence: r.estimate.valence,
                arousal: r.estimate.arousal,
            }));
            Ok(())
        })?;
        if summary.interrupted {
            return Ok(summary);
        }
        self.refuse_unreadable(&summary, false)?;
        let filled = submission.fill();
        summary.rows = submission.frames.len() as u64;
        let force = self.args.force;
        let files = self.target.files(&self.item.name);
        let [expression, valence_arousal, sidecar] = files.as_slice() else {
            return Err(Failure::broken("a submission has three files"));
        };
        let more = json!({
            "lines": summary.rows,
            "filled_with_the_estimate_before": filled.from_before,
            "filled_with_the_first_estimate": filled.from_after,
            "without_any_estimate": filled.invented,
            "frames_with_several_faces": several,
            "note": "one line a frame: the largest face's; a frame without one has the nearest estimate before it, as the reference code fills it",
        });
        let text = self.sidecar_text(&*source, &summary, false, Some(("submission", more)))?;
        let to = match self.target {
            Target::Flat(folder) => {
                flat.folder = Some(folder.clone());
                flat.expression += &submission.flat_expr_rows();
                flat.valence_arousal += &submission.flat_va_rows();
                flat.sidecars.push((sidecar.clone(), text));
                "the flat files, when all are done".to_owned()
            }
            _ => {
                for (file, text) in [
                    (expression, submission.expr_text()),
                    (valence_arousal, submission.va_text()),
                ] {
                    make_folder(file.parent().unwrap_or(Path::new(".")))?;
                    write(file, &text, force)?;
                }
                write(sidecar, &text, force)?;
                format!("{}, {}", expression.display(), valence_arousal.display())
            }
        };
        self.report(&summary, &to, Some(started));
        self.tell(&summary, source.info().frames, filled, several);
        Ok(summary)
    }

    /// What whoever submits it must know.
    fn tell(&self, summary: &Summary, claimed: Option<u64>, filled: Filled, several: u64) {
        let path = self.item.path.display();
        let lines = summary.rows;
        let tell = |text: String| say(&format!("{path}: {text}"));
        if self.args.crops && self.item.video.is_none() {
            tell(format!(
                "{lines} lines, up to the highest crop; the video may have more frames. --video VIDEO counts them."
            ));
        }
        match claimed {
            Some(claimed) if claimed != lines => tell(format!(
                "{lines} lines for {lines} frames decoded; the video's header says {claimed}, {} {}.",
                claimed.abs_diff(lines),
                if claimed > lines { "more" } else { "fewer" }
            )),
            _ => {}
        }
        if filled.from_before + filled.from_after > 0 {
            tell(format!(
                "{} frames without a face were given the nearest estimate before them, {} the first one after.",
                filled.from_before, filled.from_after
            ));
        }
        if filled.invented > 0 {
            tell("no frame had a face: every line says neutral, 0, 0.".to_owned());
        }
        if several > 0 {
            tell(format!(
                "{several} frames have several faces; the largest was taken."
            ));
        }
    }
}
