//! The recording, as the session's threads see it.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use super::shared::Shared;
use crate::analysis::Record;
use crate::formats::output::write_whole;
use crate::formats::sidecar::{Protocol, sidecar, sidecar_path};
use crate::frame::{Frame, FrameStamp};
use crate::model::student::Student;
use crate::session::{Recording, Tuning};

/// The ends of the channels to a recording's writers.
pub(crate) struct Tape {
    pub rows: SyncSender<Arc<Record>>,
    pub pictures: Option<SyncSender<(FrameStamp, Arc<Frame>)>>,
    /// Its first frame; set by the capture thread.
    pub origin: Option<FrameStamp>,
    /// The newest frame that was captured for it, and the newest that became a row.
    pub captured: Option<u64>,
    pub published: Option<u64>,
    /// Its last frame and when the end was asked for: what was captured until then still becomes rows, so that picture
    /// and rows end together.
    pub ends: Option<(u64, f64)>,
}

impl Tape {
    pub fn new(
        rows: SyncSender<Arc<Record>>,
        pictures: Option<SyncSender<(FrameStamp, Arc<Frame>)>>,
    ) -> Self {
        Self {
            rows,
            pictures,
            origin: None,
            captured: None,
            published: None,
            ends: None,
        }
    }
}

impl Shared {
    pub fn start_recording(&self, tape: Tape, recording: Recording) -> u64 {
        let mut inner = self.lock();
        inner.tape = Some(tape);
        inner.tape_id += 1;
        inner.tape_started_s = self.clock.now_s();
        inner.status.recording = Some(recording);
        inner.picture_failure = None;
        inner.tape_id
    }

    /// No further frame belongs to the recording. The channels are let go of when the last one has become a row; the
    /// writers end when they have written what is in them.
    pub fn stop_recording(&self) {
        let now_s = self.clock.now_s();
        let mut inner = self.lock();
        match &mut inner.tape {
            Some(tape) if tape.ends.is_none() && tape.captured > tape.published => {
                tape.ends = tape.captured.map(|last| (last, now_s));
            }
            Some(tape) if tape.ends.is_some() => {}
            _ => inner.tape = None,
        }
    }

    pub fn rows_written(&self, id: u64, rows: u64) {
        let mut inner = self.lock();
        if inner.tape_id == id
            && let Some(recording) = &mut inner.status.recording
        {
            recording.rows = rows;
        }
        drop(inner);
        (self.wake)();
    }

    pub fn picture_failure(&self) -> Option<String> {
        self.lock().picture_failure.clone()
    }

    pub fn picture_failed(&self, id: u64, reason: String) {
        let mut inner = self.lock();
        if inner.tape_id == id
            && let Some(recording) = &mut inner.status.recording
        {
            recording.picture = None;
            recording.picture_failed = Some(reason.clone());
        }
        inner.picture_failure = Some(reason);
        drop(inner);
        (self.wake)();
    }

    /// The rows' writer is done; `failed` says what went wrong, if something did.
    pub fn end_recording(&self, id: u64, failed: Option<String>) {
        let mut inner = self.lock();
        if inner.tape_id == id {
            inner.tape = None;
            match (failed, &mut inner.status.recording) {
                (Some(reason), Some(recording)) => recording.failed = Some(reason),
                (None, Some(recording)) if recording.failed.is_some() => {}
                _ => inner.status.recording = None,
            }
        }
        drop(inner);
        (self.wake)();
    }

    pub fn write_sidecar(
        &self,
        rows: &Path,
        force: bool,
        student: &Student,
        device: &str,
        tuning: &Tuning,
    ) -> Result<(), String> {
        let (spec, info, picture) = {
            let inner = self.lock();
            let picture = inner
                .status
                .recording
                .as_ref()
                .and_then(|r| r.picture.clone());
            (
                inner.status.spec.clone(),
                inner.status.info.clone(),
                picture,
            )
        };
        let (Some(spec), Some(info)) = (spec, info) else {
            return Ok(());
        };
        let mut value = sidecar(
            student,
            device,
            tuning,
            &spec.to_string(),
            &info,
            &Protocol::Live,
            false,
        );
        value["picture"] = serde_json::json!({
            "file": picture.and_then(|p| p.file_name().map(|n| n.to_string_lossy().into_owned())),
            "note": "frame n of the picture is frame n of the rows; the rows have the times",
        });
        let mut text = serde_json::to_string_pretty(&value).map_err(|e| e.to_string())?;
        text.push('\n');
        write_whole(&sidecar_path(rows), text.as_bytes(), force).map_err(|e| e.to_string())
    }
}
