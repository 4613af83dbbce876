//! `affectscope render`: a video with what is said of it drawn into its frames.

use std::path::PathBuf;
use std::sync::atomic::Ordering;

use super::progress::Progress;
use super::report::{face_choice, known_times, whole};
use super::{Failure, INTERRUPTED, Interrupt, refuse_input_as_output, say};
use crate::cli::RenderArgs;
use crate::formats::rows::table_beside;
use crate::formats::sidecar::sidecar_path;
use crate::render::{Container, Look, Order, RenderError, render};
use crate::review::figure::ticks::length;
use crate::review::project::Frames;
use crate::review::{FaceChoice, Model, Project};
use crate::source::SourceError;
use crate::source::film::{Film, Numbering};
use crate::source::images::is_images;

/// Pictures that the film keeps: frames come one after the other.
const FILM_BYTES: usize = 64 << 20;

impl From<RenderError> for Failure {
    fn from(error: RenderError) -> Self {
        if error.is_bad_input() {
            Self::bad_input(error.to_string())
        } else {
            Self::broken(error.to_string())
        }
    }
}

/// Renders it.
///
/// # Errors
/// With code 2 when an input cannot be read, the output cannot be that, or, after what there is of it was rendered, the
/// video ends early; 1 when something broke on the way, 130 when it
/// was stopped; nothing is left of the video then.
pub fn run(args: &RenderArgs) -> Result<(), Failure> {
    if !is_images(&args.video) && !args.video.exists() {
        return Err(SourceError::NotFound(args.video.clone()).into());
    }
    if Container::of_path(&args.out).is_none() {
        return Err(RenderError::Container(args.out.clone()).into());
    }
    let predictions = predictions(args)?;
    let mut inputs = vec![args.video.clone(), sidecar_path(&predictions)];
    inputs.push(predictions.clone());
    inputs.extend(args.annotations.clone());
    refuse_input_as_output(&inputs, &args.out)?;
    if args.out.symlink_metadata().is_ok() && !args.force {
        return Err(crate::formats::output::OutputError::Exists(args.out.clone()).into());
    }
    let interrupt = Interrupt::listen();
    let model = Model::read(&predictions)?;
    let flag = interrupt.flag();
    let watch = Box::new(move |_| !flag.load(Ordering::SeqCst));
    let numbering = Numbering::of_predictions(model.sidecar.as_ref());
    let way = (numbering, known_times(&model));
    let mut film = match Film::open_numbered(&args.video, way, FILM_BYTES, watch) {
        Err(_) if interrupt.is_set() => return Err(stopped()),
        film => film?,
    };
    let mut told = false;
    loop {
        let project = project(args, &model, &predictions, &film)?;
        if !told {
            told = true;
            for note in project.notes() {
                say(&note);
            }
        }
        let order = Order {
            project: &project,
            frames: frames(args, &project)?,
            look: Look {
                size_px: args.size,
                light: args.light,
            },
            out: &args.out,
            force: args.force,
        };
        let mut progress: Option<Progress> = None;
        let done = render(&order, &mut film, &mut |done, total| {
            progress
                .get_or_insert_with(|| Progress::from(&args.out, "frames", 0, total))
                .at(done);
            !interrupt.is_set()
        });
        if let Some(progress) = progress {
            progress.end();
        }
        match done {
            // Its frames are counted now.
            Err(RenderError::Renumbered(_)) if !interrupt.is_set() => {}
            Err(_) if interrupt.is_set() => return Err(stopped()),
            Err(error) => return Err(error.into()),
            Ok(None) => return Err(stopped()),
            Ok(Some(rendered)) => {
                for note in &rendered.notes {
                    say(note);
                }
                say(&format!(
                    "wrote {}: {} frames, {}",
                    rendered.path.display(),
                    rendered.frames,
                    length(rendered.length_s)
                ));
                whole(&project)?;
                return match film.ends_early() {
                    true => Err(Failure::bad_input(
                        "the video shows what could be read of it",
                    )),
                    false => Ok(()),
                };
            }
        }
    }
}

fn stopped() -> Failure {
    Failure::new("stopped; nothing was written", INTERRUPTED)
}

/// The predictions that were given, or the table beside the video.
fn predictions(args: &RenderArgs) -> Result<PathBuf, Failure> {
    if let Some(given) = &args.predictions {
        return Ok(given.clone());
    }
    table_beside(&args.video).ok_or_else(|| {
        let video = args.video.display();
        Failure::bad_input(format!(
            "{video}: there are no predictions for it. Make them with `affectscope analyze {video}`, and give the table \
             with --predictions."
        ))
    })
}

/// Everything that is said, on the frames of the film.
fn project(
    args: &RenderArgs,
    model: &Model,
    predictions: &std::path::Path,
    film: &Film,
) -> Result<Project, Failure> {
    let frames = Frames {
        times_s: film.times_s().to_vec(),
        pictures: film.pictures().map(<[String]>::to_vec),
        note: film.note().map(str::to_owned),
    };
    let mut project = Project::of_video(&args.video, frames);
    project.set_model(model.clone());
    for path in &args.annotations {
        project.add_labels(path)?;
    }
    let choice = face_choice(&project, model, predictions, args.face.as_ref())?;
    if choice != FaceChoice::Largest {
        project.choose(choice);
    }
    Ok(project)
}

/// The frames that are shown between the two times.
fn frames(args: &RenderArgs, project: &Project) -> Result<std::ops::Range<usize>, Failure> {
    let times_s = project.times_s();
    // The frame that is on screen at a time belongs to it.
    let start = args.from.map_or(0, |from| project.frame_at(from));
    let end = args
        .to
        .map_or(times_s.len(), |to| times_s.partition_point(|t| *t < to));
    let last_s = times_s.last().copied().unwrap_or(0.0);
    if let Some(from) = args.from.filter(|from| *from > last_s) {
        return Err(Failure::bad_input(format!(
            "--from {from}: the last frame of {} is at {last_s:.3} s. Give an earlier time.",
            args.video.display()
        )));
    }
    if end <= start {
        return Err(Failure::bad_input(
            "--from and --to: no frame lies between them. Give a later --to.",
        ));
    }
    Ok(start..end)
}
