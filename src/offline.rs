//! The offline protocol on a stream of frames: every face's sequence in windows of 32, the last one shifted back.
//!
//! A record is given out as soon as no later frame can change it, so that memory holds a window of features a face,
//! whatever the video's length.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::analysis::{Readings, Record, Status};
use crate::frame::FrameStamp;
use crate::model::student::{Features, NetworkError, Student};
use crate::pipeline::Observed;

/// In a video, a face unseen for longer starts a new sequence.
const NEW_SEQUENCE_S: f64 = 1.0;

struct Waiting {
    record: Record,
    /// Readings that have no estimate yet.
    open: usize,
}

/// One face's unbroken sequence.
struct Sequence {
    last_s: f64,
    /// The newest features: what has not been read, and before it enough for a last window.
    features: VecDeque<Features>,
    /// Steps seen in all.
    count: usize,
    /// Steps read.
    read: usize,
    /// For each step not yet read: its frame's serial number.
    frames: VecDeque<u64>,
}

/// Gathers observations, gives out records in the order of their frames.
pub struct Offline {
    /// A face unseen for longer starts a new sequence.
    longest_gap_s: f64,
    waiting: VecDeque<Waiting>,
    /// Serial number of the first waiting frame.
    first: u64,
    sequences: HashMap<u32, Sequence>,
}

impl Default for Offline {
    fn default() -> Self {
        Self {
            longest_gap_s: NEW_SEQUENCE_S,
            waiting: VecDeque::new(),
            first: 0,
            sequences: HashMap::new(),
        }
    }
}

impl Offline {
    /// One in which no gap ends a sequence: crops of a video follow each other in the windows whatever numbers are
    /// missing between them, as the reference code lists the files that are there.
    pub fn unbroken() -> Self {
        Self {
            longest_gap_s: f64::INFINITY,
            ..Self::default()
        }
    }

    /// Takes a frame's faces (or none, with the reason); gives out the records that are settled.
    ///
    /// # Errors
    /// When the network's answer is no number.
    pub fn push(
        &mut self,
        student: &Student,
        stamp: FrameStamp,
        file: Option<Arc<str>>,
        status: Status,
        faces: Vec<Observed>,
    ) -> Result<Vec<Record>, NetworkError> {
        let longest_gap_s = self.longest_gap_s;
        self.close(student, |s| stamp.time_s - s.last_s > longest_gap_s)?;
        let serial = self.first + self.waiting.len() as u64;
        let mut readings = Readings::with_capacity(faces.len());
        let mut full = Vec::new();
        for face in faces {
            let reading = face.reading(face.features.alone);
            let sequence = self.sequences.entry(reading.face_id).or_insert(Sequence {
                last_s: stamp.time_s,
                features: VecDeque::new(),
                count: 0,
                read: 0,
                frames: VecDeque::new(),
            });
            sequence.last_s = stamp.time_s;
            sequence.features.push_back(face.features);
            sequence.count += 1;
            sequence.frames.push_back(serial);
            full.push(reading.face_id);
            readings.push(reading);
        }
        self.waiting.push_back(Waiting {
            open: readings.len(),
            record: Record {
                stamp,
                file,
                status,
                readings,
                latency_ms: None,
            },
        });
        let window = student.window().map_or(1, |(window, _)| window);
        for face_id in full {
            if let Some(sequence) = self.sequences.get_mut(&face_id)
                && sequence.count - sequence.read >= window
            {
                let settled = sequence.read_window(student, window)?;
                self.settle(face_id, settled);
            }
        }
        Ok(self.settled())
    }

    /// The end of the video, or of one picture among unrelated ones: settles everything.
    ///
    /// # Errors
    /// As [`Offline::push`].
    pub fn finish(&mut self, student: &Student) -> Result<Vec<Record>, NetworkError> {
        self.close(student, |_| true)?;
        Ok(self.settled())
    }

    /// Ends the sequences that are over and reads what is left of them.
    fn close(
        &mut self,
        student: &Student,
        over: impl Fn(&Sequence) -> bool,
    ) -> Result<(), NetworkError> {
        let window = student.window().map_or(1, |(window, _)| window);
        let mut ended: Vec<u32> = self
            .sequences
            .iter()
            .filter(|(_, s)| over(s))
            .map(|(id, _)| *id)
            .collect();
        ended.sort_unstable();
        for face_id in ended {
            if let Some(mut sequence) = self.sequences.remove(&face_id) {
                let settled = sequence.read_window(student, window)?;
                self.settle(face_id, settled);
            }
        }
        Ok(())
    }

    fn settle(&mut self, face_id: u32, settled: Vec<(u64, crate::labels::Estimate)>) {
        for (serial, estimate) in settled {
            let Some(waiting) = self.waiting.get_mut((serial - self.first) as usize) else {
                continue;
            };
            for reading in &mut waiting.record.readings {
                if reading.face_id == face_id {
                    reading.estimate = estimate;
                    waiting.open -= 1;
                }
            }
        }
    }

    fn settled(&mut self) -> Vec<Record> {
        let mut out = Vec::new();
        while self.waiting.front().is_some_and(|w| w.open == 0) {
            if let Some(waiting) = self.waiting.pop_front() {
                self.first += 1;
                out.push(waiting.record);
            }
        }
        out
    }
}

impl Sequence {
    /// Reads the newest window; what was read before keeps its first reading.
    fn read_window(
        &mut self,
        student: &Student,
        window: usize,
    ) -> Result<Vec<(u64, crate::labels::Estimate)>, NetworkError> {
        let new = self.count - self.read;
        if new == 0 {
            return Ok(Vec::new());
        }
        let kept = self.features.len();
        let steps: Vec<Features> = self
            .features
            .iter()
            .skip(kept.saturating_sub(window))
            .cloned()
            .collect();
        let estimates = student.read_sequence(&steps)?;
        let first_new = estimates.len().saturating_sub(new);
        let out = self
            .frames
            .drain(..)
            .zip(estimates.into_iter().skip(first_new))
            .collect();
        self.read = self.count;
        // A shifted last window reaches back over at most window - 1 steps that have been read.
        while self.features.len() >= window {
            self.features.pop_front();
        }
        Ok(out)
    }
}
