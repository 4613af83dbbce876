//! A video with what is said of it drawn into its frames: the picture with its faces, bars, circumplex and timeline.
//!
//! ```text
//! Film ──frame──▶ Movie (picture + project ─▶ RGB) ──▶ Encoder (ffmpeg) ─▶ OUT.part ─▶ OUT
//!                    ▲ which frame when: Schedule
//! ```
//!
//! No thread, no window, no clock. Colours are [`crate::colours`]', letters the fonts' in the binary ([`crate::fonts`]).

mod canvas;
mod encoder;
mod layout;
mod letters;
mod movie;
mod schedule;
mod timeline;

use std::ops::Range;
use std::path::{Path, PathBuf};

pub use self::encoder::{Container, EncodeError};
use self::encoder::{Encoder, Plan, Sound};
pub use self::layout::check_size;
pub use self::movie::{Look, Movie};
pub use self::schedule::{Rate, Schedule};
use crate::formats::output::{Output, OutputError};
use crate::review::Project;
use crate::source::film::Film;
use crate::source::{SourceError, images, video};

/// What is to be rendered.
#[derive(Debug)]
pub struct Order<'a> {
    /// What is said of the video; its frames must be those of the film.
    pub project: &'a Project,
    /// Which of its frames.
    pub frames: Range<usize>,
    /// How it looks.
    pub look: Look,
    /// The file to write: `.mp4`, `.mov` or `.mkv`.
    pub out: &'a Path,
    /// Replace what is there.
    pub force: bool,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Rendered {
    /// The file.
    pub path: PathBuf,
    /// Its frames.
    pub frames: usize,
    /// How long it is, seconds.
    pub length_s: f64,
    /// What the user should know, a sentence each.
    pub notes: Vec<String>,
}

/// Why a video cannot be rendered.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The name's ending says no format that is written.
    #[error("{path}: a video is written as .mp4, .mov or .mkv. Give a name that ends so.", path = .0.display())]
    Container(PathBuf),
    /// The size cannot be.
    #[error("{0}. Give another size.")]
    Size(String),
    /// There is no frame to render.
    #[error("there is no frame to render between these times.")]
    NoFrames,
    /// The film turned out to have other frames than the project: its container had been wrong.
    #[error("{path}: its container was wrong about its frames, which have been counted now. Render it again.", path = .0.display())]
    Renumbered(PathBuf),
    /// The source cannot be read any further.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// The file cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The encoder failed.
    #[error("{path}: {reason}", path = path.display())]
    Encode {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: EncodeError,
    },
}

impl RenderError {
    /// True when the user's input is at fault, false when something broke on the way.
    pub fn is_bad_input(&self) -> bool {
        match self {
            Self::Source(error) => error.is_bad_input(),
            Self::Renumbered(_) => false,
            Self::Encode { reason, .. } => matches!(reason, EncodeError::NoFfmpeg),
            _ => true,
        }
    }
}

/// Renders a video. The file is written beside its name and takes it when it is whole. `going_on` hears before each frame
/// how many are made, of how many, and says whether to go on; when it says no nothing is left, and `None` comes back.
///
/// # Errors
/// [`RenderError`]; nothing is left of the file then.
pub fn render(
    order: &Order<'_>,
    film: &mut Film,
    going_on: &mut dyn FnMut(u64, u64) -> bool,
) -> Result<Option<Rendered>, RenderError> {
    let container = Container::of_path(order.out)
        .ok_or_else(|| RenderError::Container(order.out.to_owned()))?;
    check_size(order.look.size_px).map_err(RenderError::Size)?;
    let project = order.project;
    let renumbered = || RenderError::Renumbered(film_path(project));
    if film.frames() != project.frames() {
        return Err(renumbered());
    }
    let numbering = film.numbering();
    let schedule =
        Schedule::new(project.times_s(), order.frames.clone()).ok_or(RenderError::NoFrames)?;
    let size = order.look.size_px;
    let mut movie = Movie::new(project, order.frames.clone(), order.look)
        .ok_or_else(|| RenderError::Size(format!("{}x{}: no picture is so", size.0, size.1)))?;
    let mut output = Output::create(order.out, order.force)?;
    let failed = |reason| RenderError::Encode {
        path: order.out.to_owned(),
        reason,
    };
    let plan = Plan {
        size,
        rate: schedule.rate,
        container,
        to: output.hand_over()?,
        sound: sound(project, &schedule),
        title: &project.name,
    };
    let mut encoder = Encoder::start(&encoder::program(), &plan).map_err(failed)?;
    let has_sound = plan.sound.is_some();
    let h264 = encoder.h264;
    let total = schedule.shown.len() as u64;
    let mut unreadable = 0;
    let mut last: Option<usize> = None;
    let mut rgb: Vec<u8> = Vec::new();
    for (done, &frame) in schedule.shown.iter().enumerate() {
        if !going_on(done as u64, total) {
            return Ok(None);
        }
        // A frame that is held is drawn once.
        if last != Some(frame) {
            last = Some(frame);
            let drawn = match film.frame(frame) {
                Ok(picture) => movie.draw(frame, Ok(&picture)),
                Err(SourceError::NoFrame { .. }) if film.numbering() == numbering => {
                    unreadable += 1;
                    movie.draw(frame, Err("this frame cannot be decoded"))
                }
                Err(SourceError::NoFrame { .. }) => return Err(renumbered()),
                Err(error) => return Err(error.into()),
            };
            rgb.clear();
            rgb.extend_from_slice(drawn);
            if film.numbering() != numbering {
                return Err(renumbered());
            }
        }
        encoder.frame(&rgb).map_err(failed)?;
    }
    going_on(total, total);
    encoder.finish().map_err(failed)?;
    let path = output.finish()?;
    let mut notes = Vec::new();
    if !h264 {
        notes.push(
            "This ffmpeg has no libx264: the video is MPEG-4, larger and not as sharp.".to_owned(),
        );
    }
    if !schedule.even {
        let mut note = format!(
            "The source has no even rate: its frames are held as long as they last, at {:.2} a second.",
            schedule.rate.hz()
        );
        if schedule.passed_over > 0 {
            note.push_str(&format!(
                " {} of its frames come too close together to be shown.",
                schedule.passed_over
            ));
        }
        notes.push(note);
    }
    if unreadable > 0 {
        notes.push(format!(
            "{unreadable} of its frames cannot be decoded, and are shown without a picture."
        ));
    }
    if !has_sound {
        tracing::debug!("the source has no sound");
    }
    Ok(Some(Rendered {
        path,
        frames: schedule.shown.len(),
        length_s: schedule.length_s(),
        notes,
    }))
}

fn film_path(project: &Project) -> PathBuf {
    project.video.clone().unwrap_or_default()
}

/// The sound of a video, from its first frame that is rendered on. Pictures have none.
fn sound<'a>(project: &'a Project, schedule: &Schedule) -> Option<Sound<'a>> {
    let path = project.video.as_deref()?;
    if path.is_dir() || images::is_images(path) {
        return None;
    }
    Some(Sound {
        path,
        codec: video::sound_codec(path)?,
        from_s: schedule.from_s,
        length_s: schedule.length_s(),
    })
}
