//! `affectscope report`: predictions beside people's labels, as one page.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::progress::Progress;
use super::{Failure, INTERRUPTED, Interrupt, print, refuse_input_as_output, say};
use crate::cli::{FaceArg, ReportArgs};
use crate::formats::output::{can_be_written, write_whole};
use crate::formats::sidecar::sidecar_path;
use crate::review::film::{Film, Wanted, read_through};
use crate::review::project::Frames;
use crate::review::report::{self, FIGURE_FILES, Facts, VideoFacts, figures, page};
use crate::review::{FaceChoice, Model, Project, ProjectError};
use crate::source::film::Numbering;
use crate::source::images::crops::CropSource;
use crate::source::images::is_images;
use crate::source::{FrameSource, SourceError, open_path};

impl From<ProjectError> for Failure {
    fn from(error: ProjectError) -> Self {
        Self::bad_input(error.to_string())
    }
}

/// Makes it.
///
/// # Errors
/// With code 2 when an input cannot be read or nothing can be compared, and, after the page is out, when the video could
/// not be read or ends early.
pub fn run(args: &ReportArgs) -> Result<(), Failure> {
    // A pattern of numbered pictures is no file.
    if !is_images(&args.video) && !args.video.exists() {
        return Err(SourceError::NotFound(args.video.clone()).into());
    }
    let outputs = outputs(args)?;
    let interrupt = Interrupt::listen();
    let model = Model::read(&args.predictions)?;
    let before = Frames {
        times_s: known_times(&model).unwrap_or_default(),
        ..Frames::default()
    };
    let mut project = project(args, &model, Some(before))?;
    let inputs = inputs(args, &project);
    for output in &outputs {
        refuse_input_as_output(&inputs, output)?;
    }
    let mut watched = Watched::default();
    let unread = match watch(args, &model, &mut project, &mut watched, &interrupt) {
        Ok(()) => None,
        Err(Stop::Interrupted) => return Err(stopped()),
        Err(Stop::Wrong(failure)) => return Err(failure),
        Err(Stop::Unread(error)) => Some(error),
    };
    let matched = |i| project.scores(i, 0..project.frames()).counts.matched;
    if (0..project.raters().len()).all(|i| matched(i) == 0) {
        return Err(Failure::bad_input(nothing(args, &project)));
    }
    for note in project.notes() {
        say(&note);
    }
    let early = watched
        .film
        .as_ref()
        .is_some_and(|f| f.frames.note.is_some());
    let facts = match facts(args, &project, watched, unread.as_ref(), &interrupt)? {
        Some(facts) => facts,
        None => return Err(stopped()),
    };
    write(args, &project, &facts)?;
    match unread {
        None => {
            whole(&project)?;
            match early {
                true => Err(Failure::bad_input(
                    "the report is of what could be read of it",
                )),
                false => Ok(()),
            }
        }
        Some(error) => Err(Failure::bad_input(format!(
            "{error} The report is without pictures of it."
        ))),
    }
}

/// Whether all labels that were given could be read.
///
/// # Errors
/// With code 2 when a file of a folder could not; the notes have said which, and why.
pub(super) fn whole(project: &Project) -> Result<(), Failure> {
    match project.unread().len() {
        0 => Ok(()),
        1 => Err(Failure::bad_input(
            "a file of labels could not be used; the lines above say why, and the result is without it",
        )),
        n => Err(Failure::bad_input(format!(
            "{n} files of labels could not be used; the lines above say why, and the result is without them"
        ))),
    }
}

fn stopped() -> Failure {
    Failure::new("stopped; nothing was written", INTERRUPTED)
}

/// The files that will be written, none of which may be there without `--force`.
fn outputs(args: &ReportArgs) -> Result<Vec<PathBuf>, Failure> {
    let mut outputs = Vec::new();
    if args.out.as_os_str() != "-" {
        outputs.push(args.out.clone());
    }
    if let Some(folder) = &args.figures {
        outputs.extend(FIGURE_FILES.map(|name| folder.join(name)));
    }
    let inputs = [&args.video, &args.predictions];
    let inputs: Vec<PathBuf> = inputs
        .into_iter()
        .chain(&args.annotations)
        .cloned()
        .collect();
    for output in &outputs {
        refuse_input_as_output(&inputs, output)?;
        can_be_written(output, args.force)?;
    }
    Ok(outputs)
}

/// Everything that is read.
fn inputs(args: &ReportArgs, project: &Project) -> Vec<PathBuf> {
    let mut inputs = vec![
        args.video.clone(),
        args.predictions.clone(),
        sidecar_path(&args.predictions),
    ];
    let origins = project.raters().iter().flat_map(|r| &r.origins);
    inputs.extend(origins.map(|o| o.path.clone()));
    inputs
}

/// The times of the predictions, where every frame has one: a table of ours has the container's own.
pub(super) fn known_times(model: &Model) -> Option<Vec<f64>> {
    let whole = !model.times_s.is_empty() && model.times_s.iter().all(|t| t.is_finite());
    whole.then(|| model.times_s.clone())
}

/// The project on the frames of the video; on the predictions' own without them.
fn project(args: &ReportArgs, model: &Model, frames: Option<Frames>) -> Result<Project, Failure> {
    let known = frames.as_ref().is_some_and(|f| !f.times_s.is_empty());
    let mut project = Project::of_video(&args.video, frames.unwrap_or_default());
    project.from_video = known;
    project.set_model(model.clone());
    for path in &args.annotations {
        project.add_labels(path)?;
    }
    let choice = face_choice(&project, model, &args.predictions, args.face.as_ref())?;
    if choice != FaceChoice::Largest {
        project.choose(choice);
    }
    Ok(project)
}

/// Which face is meant: the one that was asked for, else the one on the labels' side, else the largest.
pub(super) fn face_choice(
    project: &Project,
    model: &Model,
    predictions: &Path,
    face: Option<&FaceArg>,
) -> Result<FaceChoice, Failure> {
    let people = project.raters().iter().filter_map(|r| r.person);
    let mut people: Vec<_> = people.collect();
    people.sort();
    people.dedup();
    Ok(match (face, people.as_slice()) {
        (_, [_, _, ..]) => {
            return Err(Failure::bad_input(
                "the labels are of two people, and this is of one. Give the files of the left one or of the right one.",
            ));
        }
        (Some(face), _) => {
            let names = model.names();
            let id = match face {
                FaceArg::Id(id) => Some(names.one(*id)),
                FaceArg::Name(name) => names.named(name),
            };
            let faces = model.faces();
            let there = id.filter(|id| faces.iter().any(|f| f.id == *id));
            let Some(id) = there else {
                return Err(Failure::bad_input(no_face(predictions, face, model)));
            };
            FaceChoice::Id(id)
        }
        (None, [person]) => FaceChoice::Side(*person),
        (None, []) => FaceChoice::Largest,
    })
}

fn no_face(predictions: &Path, face: &FaceArg, model: &Model) -> String {
    let faces = model.faces();
    let called = |id: u32| match model.names().name(id) {
        Some(name) => format!("{id} ({name})"),
        None => id.to_string(),
    };
    let there: Vec<String> = faces.iter().take(8).map(|f| called(f.id)).collect();
    let there = match faces.len() {
        0 => "Its faces have no ids.".to_owned(),
        n if n > 8 => format!("It has {n}: {}, ...", there.join(", ")),
        _ => format!("It has: {}.", there.join(", ")),
    };
    format!("{}: has no face {face}. {there}", predictions.display())
}

fn nothing(args: &ReportArgs, project: &Project) -> String {
    let notes = project.notes();
    format!(
        "nothing to compare: no label in {} has a prediction at its frame, picture or time that speaks of the same thing. {}",
        args.annotations
            .iter()
            .map(|a| a.display().to_string())
            .collect::<Vec<_>>()
            .join(", "),
        match notes.first() {
            Some(note) => note.clone(),
            None => "Check that both are of the same video.".to_owned(),
        }
    )
}

/// What reading through the video gave.
#[derive(Default)]
struct Watched {
    film: Option<Film>,
    /// JPEG by frame.
    faces: BTreeMap<usize, Vec<u8>>,
}

/// Why there is no video to go by.
enum Stop {
    Interrupted,
    Wrong(Failure),
    /// It is there and cannot be read.
    Unread(SourceError),
}

/// Reads the video through: for its frames, which the project then lies on, and for the faces of the worst segments. As a
/// rule once; again only where it turns out to have other frames than the predictions say, and so other segments.
fn watch(
    args: &ReportArgs,
    model: &Model,
    project: &mut Project,
    watched: &mut Watched,
    interrupt: &Interrupt,
) -> Result<(), Stop> {
    let mut asked = Wanted::new();
    loop {
        let mut wanted = wanted(args, project);
        wanted.retain(|frame, _| !asked.contains_key(frame));
        if watched.film.is_some() && wanted.is_empty() {
            return Ok(());
        }
        let mut source = open(args, model).map_err(|error| match error {
            SourceError::NotFound(_) | SourceError::Io { .. } => Stop::Wrong(error.into()),
            error => Stop::Unread(error),
        })?;
        let mut progress: Option<Progress> = None;
        let mut going_on = |done, total| {
            progress
                .get_or_insert_with(|| Progress::new(&args.video, total))
                .at(done);
            !interrupt.is_set()
        };
        let film = read_through(&mut *source, &wanted, &mut going_on);
        if let Some(progress) = progress {
            progress.end();
        }
        let mut film = film.map_err(Stop::Unread)?.ok_or(Stop::Interrupted)?;
        watched.faces.append(&mut film.faces);
        asked.append(&mut wanted);
        let same = project.from_video
            && project.times_s() == film.frames.times_s
            && project.pictures() == film.frames.pictures.as_deref();
        if !same {
            let frames = Some(film.frames.clone());
            *project = self::project(args, model, frames).map_err(Stop::Wrong)?;
        }
        project.video_note.clone_from(&film.frames.note);
        watched.film = Some(film);
    }
}

/// The frames as the predictions number them: those for crops count the frames of the video that they were cut from.
fn open(args: &ReportArgs, model: &Model) -> Result<Box<dyn FrameSource>, SourceError> {
    let numbering = Numbering::of_predictions(model.sidecar.as_ref());
    if numbering.is_by_name(&args.video) {
        return Ok(Box::new(CropSource::open(&args.video, known_times(model))?));
    }
    Ok(open_path(&args.video)?)
}

/// The frames whose faces the page shows.
fn wanted(args: &ReportArgs, project: &Project) -> Wanted {
    if args.no_faces {
        return Wanted::new();
    }
    report::wanted(project, &report::worst(project))
}

/// What the page says of its files; `None` when it was interrupted.
fn facts(
    args: &ReportArgs,
    project: &Project,
    watched: Watched,
    unread: Option<&SourceError>,
    interrupt: &Interrupt,
) -> Result<Option<Facts>, Failure> {
    let stop = || interrupt.is_set();
    let files = report::files(project, Some(&args.video), Some(&args.predictions), &stop)?;
    let Some(files) = files else {
        return Ok(None);
    };
    let mut video = VideoFacts::default();
    if let Some(film) = &watched.film {
        let note = match (&film.frames.note, film.unreadable) {
            (None, 0) => None,
            (Some(note), 0) => Some(format!("{}.", note.trim_end_matches('.'))),
            (note, n) => {
                let note = note
                    .as_ref()
                    .map(|n| format!("{}. ", n.trim_end_matches('.')));
                let note = note.unwrap_or_default();
                Some(format!("{note}{n} of its frames cannot be decoded."))
            }
        };
        video = VideoFacts::of(&film.info, &film.frames.times_s, project.rate_hz(), note);
    }
    if let Some(error) = unread {
        video.note = Some(format!(
            "The video could not be read, so that there are no pictures of it, and its frames are those that the \
             predictions speak of: {error}"
        ));
    }
    Ok(Some(Facts {
        video,
        files,
        faces: watched.faces,
        when: report::when(SystemTime::now()),
    }))
}

/// All of it, or nothing that was not there before.
fn write(args: &ReportArgs, project: &Project, facts: &Facts) -> Result<(), Failure> {
    let mut outputs: Vec<(PathBuf, Vec<u8>)> = Vec::new();
    if let Some(folder) = &args.figures {
        for figure in figures(project) {
            let files = figure.files().map_err(|e| Failure::broken(e.to_string()))?;
            outputs.extend(files.map(|(name, bytes)| (folder.join(name), bytes)));
        }
    }
    let page = page(project, &report::worst(project), facts);
    let to_stdout = args.out.as_os_str() == "-";
    if !to_stdout {
        outputs.push((args.out.clone(), page.clone().into_bytes()));
    }
    let mut made: Vec<&Path> = Vec::new();
    for (path, bytes) in &outputs {
        let is_new = path.symlink_metadata().is_err();
        if let Err(error) = write_whole(path, bytes, args.force) {
            for path in made {
                // What cannot be taken back stays; the error is told all the same.
                let _ = std::fs::remove_file(path);
            }
            return Err(error.into());
        }
        if is_new {
            made.push(path);
        }
    }
    if to_stdout {
        print(&page)?;
    }
    for (path, _) in &outputs {
        say(&format!("wrote {}", path.display()));
    }
    Ok(())
}
