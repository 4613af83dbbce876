//! Pictures to measure on: the built-in demo, rendered before anything counts, or a clip.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use crate::analysis::Crop;
use crate::commands::Failure;
use crate::face::finder::Schedule;
use crate::frame::Frame;
use crate::model::student::Student;
use crate::pipeline::Pipeline;
use crate::session::Tuning;
use crate::source::demo::DemoSource;
use crate::source::{self, FrameSource, Next};

/// Pixels held in memory at most, bytes.
const MOST_BYTES: usize = 512 << 20;
/// Different faces in a batch; a larger one repeats them.
const DIFFERENT_FACES: usize = 8;
/// Frames of the demo between two of these, so that they look different.
const FACE_EVERY: usize = 20;

/// Frames in memory.
pub(super) struct Frames {
    /// What they show.
    pub title: String,
    pub frames: Vec<Arc<Frame>>,
    /// What making or decoding each took, milliseconds.
    pub source_ms: Vec<f64>,
}

impl Frames {
    /// The first frames of a clip, or of the demo.
    ///
    /// # Errors
    /// When the clip cannot be read, or has no frame.
    pub fn load(input: Option<&Path>, most: usize) -> Result<Self, Failure> {
        // A picture is decoded as it is opened; of a video that is no part of any frame.
        let mut opening = Some(Instant::now());
        let mut source: Box<dyn FrameSource> = match input {
            Some(path) => source::open_path(path)?,
            None => Box::new(DemoSource::new()),
        };
        let mut loaded = Self {
            title: source.info().title.clone(),
            frames: Vec::new(),
            source_ms: Vec::new(),
        };
        let mut bytes = 0;
        while loaded.frames.len() < most && bytes < MOST_BYTES {
            let opened = opening.take().filter(|_| source.info().stills);
            let start = opened.unwrap_or_else(Instant::now);
            match source.next()? {
                Next::Frame(frame) => {
                    loaded.source_ms.push(start.elapsed().as_secs_f64() * 1e3);
                    bytes += frame.rgb().len();
                    loaded.frames.push(Arc::new(frame));
                }
                Next::Unreadable { .. } | Next::Missing { .. } => {}
                Next::End { .. } => break,
            }
        }
        if loaded.frames.is_empty() {
            return Err(Failure::bad_input(format!(
                "{}: no frame could be read from it. Check that it plays elsewhere.",
                loaded.title
            )));
        }
        Ok(loaded)
    }
}

/// As many crops as wanted, cut from the demo as the pipeline cuts them for this network.
///
/// # Errors
/// When the network fails, or finds nobody: the program is damaged.
pub(super) fn crops(student: &Arc<Student>, count: usize) -> Result<Vec<Crop>, Failure> {
    let frames = Frames::load(None, DIFFERENT_FACES * FACE_EVERY)?.frames;
    let mut pipeline = Pipeline::new(student.clone(), Schedule::Thorough, Tuning::default())?;
    let mut crops = Vec::new();
    for frame in frames.iter().step_by(FACE_EVERY).take(count) {
        pipeline.reset();
        crops.extend(pipeline.observe(frame)?.into_iter().map(|o| o.crop));
    }
    if crops.is_empty() {
        return Err(Failure::broken(
            "nobody was found in the built-in demo. Install Affectscope again.",
        ));
    }
    Ok(crops.iter().cycle().take(count).cloned().collect())
}
