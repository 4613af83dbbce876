//! The frames of one input through the pipeline and the offline protocol.

use std::collections::HashSet;
use std::time::Instant;

use super::Job;
use super::inputs::name_of;
use crate::analysis::{Record, Status};
use crate::commands::progress::Progress;
use crate::commands::{Failure, Interrupt, say};
use crate::formats::sidecar::{Protocol, sidecar};
use crate::live::bulk::{self, Batch, Event};
use crate::model::config::CROP_SIDE_PX;
use crate::source::images::crops::CropSource;
use crate::source::video::VideoSource;
use crate::source::{self, FrameSource};

/// What came of one input.
#[derive(Debug, Default)]
pub(super) struct Summary {
    pub frames: u64,
    pub with_face: u64,
    pub unreadable: u64,
    pub missing: u64,
    pub rows: u64,
    pub faces: HashSet<u32>,
    /// How it ended early, if it did.
    pub note: Option<String>,
    pub interrupted: bool,
}

impl Job<'_> {
    /// Opens the input.
    pub(super) fn open(&self) -> Result<Box<dyn FrameSource + Send>, Failure> {
        if !self.args.crops {
            let source = source::open_path(&self.item.path)?;
            let side = CROP_SIDE_PX;
            if self.item.path.is_dir()
                && (source.info().width_px, source.info().height_px) == (side, side)
            {
                say(&format!(
                    "{}: pictures of {side}x{side}: if they are faces cropped already, --crops reads them as such",
                    self.item.path.display()
                ));
            }
            return Ok(source);
        }
        let times_s = match &self.item.video {
            None => None,
            Some(video) => {
                let (times_s, note) = VideoSource::times_s(video)?;
                let (crops, name) = (self.item.name.to_string_lossy(), name_of(video));
                if !crops.starts_with(&*name.to_string_lossy()) {
                    say(&format!(
                        "{}: {} frames of {} are counted for it, whose name is another",
                        self.item.path.display(),
                        times_s.len(),
                        video.display()
                    ));
                }
                if let Some(note) = note {
                    say(&format!("{}: {note}", video.display()));
                }
                Some(times_s)
            }
        };
        let crops = CropSource::open(&self.item.path, times_s)?;
        if crops.passed_over() > 0 {
            say(&format!(
                "{}: {} passed over: pictures not named by a number alone, or folders",
                self.item.path.display(),
                crops.passed_over()
            ));
        }
        Ok(Box::new(crops))
    }

    /// Takes every frame; `consume` gets the records in order, as soon as each is settled.
    pub(super) fn frames(
        &self,
        source: &mut (dyn FrameSource + Send),
        interrupt: &Interrupt,
        consume: &mut dyn FnMut(&Record) -> Result<(), Failure>,
    ) -> Result<Summary, Failure> {
        let path = &self.item.path;
        let progress = Progress::new(path, source.info().frames);
        let options = bulk::Options {
            tuning: self.args.faces.tuning(0),
            cropped: self.args.crops,
            batch: Batch::on(&self.device.device),
        };
        let mut summary = Summary::default();
        let end = bulk::run(
            source,
            self.student,
            &options,
            interrupt.as_flag(),
            &mut |event| match event {
                Event::Record(record) => {
                    for reading in &record.readings {
                        summary.faces.insert(reading.face_id);
                    }
                    match record.status {
                        Status::Ok => summary.with_face += 1,
                        Status::Unreadable => summary.unreadable += 1,
                        Status::Missing => summary.missing += 1,
                        Status::NoFace | Status::Dropped => {}
                    }
                    consume(record)
                }
                Event::Unreadable {
                    stamp,
                    file,
                    reason,
                } => {
                    let place = match file {
                        Some(file) if self.args.crops => path.join(file).display().to_string(),
                        Some(file) => file.to_owned(),
                        None => path.display().to_string(),
                    };
                    progress.say(&format!("{place}: frame {}: {reason}", stamp.index));
                    Ok(())
                }
                Event::Frames(frames) => {
                    progress.at(frames);
                    Ok(())
                }
            },
        )?;
        progress.end();
        tracing::debug!(times = ?end.times, "stages");
        summary.frames = end.times.frames;
        summary.note = end.note;
        summary.interrupted = end.interrupted;
        if summary.frames == 0 && !summary.interrupted {
            return Err(Failure::bad_input(format!(
                "{}: no frame could be read from it. Check that it plays elsewhere.",
                path.display()
            )));
        }
        Ok(summary)
    }

    /// What the results were made from and with, as text; `more` is put beside the counts.
    pub(super) fn sidecar_text(
        &self,
        source: &dyn FrameSource,
        summary: &Summary,
        with_file: bool,
        more: Option<(&str, serde_json::Value)>,
    ) -> Result<String, Failure> {
        let protocol = if self.args.crops {
            Protocol::Crops {
                resize_px: self.student.config().resize_px(),
                timed: self.item.video.is_some(),
            }
        } else if source.info().stills {
            Protocol::Stills
        } else {
            Protocol::Offline
        };
        let mut value = sidecar(
            self.student,
            &self.device.title,
            &self.args.faces.tuning(0),
            &self.item.path.display().to_string(),
            source.info(),
            &protocol,
            with_file,
        );
        value["counts"] = serde_json::json!({
            "frames": summary.frames,
            "frames_with_a_face": summary.with_face,
            "frames_unreadable": summary.unreadable,
            "frames_missing": summary.missing,
            "faces": summary.faces.len(),
            "rows": summary.rows,
        });
        value["ended_early"] = summary.note.clone().into();
        if let Some((key, more)) = more {
            value[key] = more;
        }
        let mut text =
            serde_json::to_string_pretty(&value).map_err(|e| Failure::broken(e.to_string()))?;
        text.push('\n');
        Ok(text)
    }

    /// A line on what was done.
    pub(super) fn report(&self, summary: &Summary, to: &str, started: Option<Instant>) {
        let rate = started.map_or(String::new(), |s| {
            format!(
                ", {:.0}/s",
                summary.frames as f64 / s.elapsed().as_secs_f64().max(1e-3)
            )
        });
        let count = |n: u64, what: &str| match n {
            0 => String::new(),
            n => format!(", {n} {what}"),
        };
        say(&format!(
            "{}: {} frames, {} with a face{}{}{rate} -> {to}",
            self.item.path.display(),
            summary.frames,
            summary.with_face,
            count(summary.unreadable, "unreadable"),
            count(summary.missing, "missing"),
        ));
        if let Some(note) = &summary.note {
            say(&format!("{}: {note}", self.item.path.display()));
        }
    }
}
