//! Reading what the bench is to show.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::clock::utc_text;
use crate::formats::rows::table_beside;
use crate::formats::sidecar::sidecar_path;
use crate::review::Editor;
use crate::review::journal::{self, Carried, JournalFile, Opened, SavedFiles};
use crate::review::model::Model;
use crate::review::project::{Frames, Project, ProjectError};
use crate::review::session::Request;
use crate::source::film::Numbering;

/// How the pictures of a folder are numbered, by predictions of them.
pub fn numbering(predictions: Option<&Path>) -> Numbering {
    let text = predictions.and_then(|p| std::fs::read_to_string(sidecar_path(p)).ok());
    let sidecar = text.and_then(|t| serde_json::from_str::<serde_json::Value>(&t).ok());
    Numbering::of_predictions(sidecar.as_ref())
}

/// A project with its history.
pub struct Loaded {
    /// What was asked for.
    pub project: Project,
    pub editor: Editor,
    /// What the edits to come are written to, or why they are not.
    pub file: Result<JournalFile, String>,
    /// What the user should know of the journal.
    pub note: Option<String>,
    /// Why the predictions beside the video were passed over.
    pub unread: Option<String>,
}

/// What a request asks for, read, with the edits of earlier times.
///
/// # Errors
/// In words, when a file cannot be used or there is nothing to show.
pub fn load(request: &Request, frames: Option<Frames>) -> Result<Loaded, String> {
    let mut project = match (&request.video, frames) {
        (Some(video), Some(frames)) => Project::of_video(video, frames),
        _ => Project::default(),
    };
    let mut unread = None;
    if let Some(path) = &request.predictions {
        match Model::read(path) {
            Ok(model) => project.set_model(model),
            // Taken because it lies beside the video: nobody has asked for it.
            Err(e) if project.video.as_deref().and_then(table_beside).as_ref() == Some(path) => {
                unread = Some(format!("{e} The video is shown without predictions."));
            }
            Err(e) => return Err(e.to_string()),
        }
    }
    let of = request.video.as_ref().or(request.predictions.as_ref());
    let of = of.or(request.annotations.first());
    let saved = of.map_or(SavedFiles::default(), |of| saved_files(of));
    let bare = project.clone();
    add_labels(&mut project, request, &saved)?;
    let (who, when) = (who(), utc_text(SystemTime::now()));
    let Some(of) = of else {
        let editor = Editor::new(&who);
        return Ok(Loaded {
            project,
            editor,
            file: Err("there is no file beside which they could be kept".to_owned()),
            note: None,
            unread,
        });
    };
    let beside = journal::path_beside(of);
    let elsewhere = elsewhere(of);
    let mut note = None;
    if let Some(elsewhere) = elsewhere.as_ref().filter(|path| path.is_file()) {
        note = came_back(elsewhere, &beside);
    }
    let mut opened = journal::open(&beside, &mut project, &who, &when);
    if let Err(error) = &opened
        && error.is_unwritable()
        && let Some(elsewhere) = &elsewhere
    {
        let (there, word) = gone_elsewhere(&beside, elsewhere);
        note = Some(word);
        if there {
            opened = journal::open(elsewhere, &mut project, &who, &when);
        }
    }
    Ok(match opened {
        Ok(Opened {
            editor,
            file,
            replayed,
        }) => Loaded {
            project,
            editor,
            file: Ok(file),
            note: replayed.damage.map(|d| d.to_string()).or(note),
            unread,
        },
        Err(e) => Loaded {
            // Without the journal the files that were saved from it are all there is.
            project: {
                let mut project = bare;
                add_labels(&mut project, request, &SavedFiles::default())?;
                project
            },
            editor: Editor::new(&who),
            file: Err(e.to_string()),
            note: None,
            unread,
        },
    })
}

fn add_labels(project: &mut Project, request: &Request, saved: &SavedFiles) -> Result<(), String> {
    for path in &request.annotations {
        let is_here = |file: &Path| saved.has(file, &request.annotations);
        project
            .add_labels_but(path, &is_here)
            .map_err(|e| e.to_string())?;
    }
    match project.frames() {
        0 => Err(ProjectError::Nothing.to_string()),
        _ => Ok(()),
    }
}

/// The files that labels in the journal of this were saved in, wherever the journal lies.
fn saved_files(of: &Path) -> SavedFiles {
    let beside = journal::path_beside(of);
    if beside.is_file() {
        return SavedFiles::of(&beside);
    }
    let elsewhere = elsewhere(of).filter(|path| path.is_file());
    elsewhere.map_or(SavedFiles::default(), |path| SavedFiles::of(&path))
}

/// Where the journal of this lies while nothing can be written beside it.
fn elsewhere(of: &Path) -> Option<PathBuf> {
    let folder = dirs::data_local_dir()?.join("affectscope").join("review");
    Some(journal::path_in(&folder, of))
}

/// Where edits were kept while the video's folder could not be written to: they go on beside it, where they fit.
fn came_back(elsewhere: &Path, beside: &Path) -> Option<String> {
    match journal::carry(elsewhere, beside) {
        Ok(Carried::Copied) => Some(format!(
            "Edits that were kept in {} while the video's folder could not be written to are here again.",
            elsewhere.display()
        )),
        Ok(Carried::Apart) => Some(format!(
            "{} has other edits of this video, made while its folder could not be written to. They are not shown: what is shown are those of {}.",
            elsewhere.display(),
            beside.display()
        )),
        // Not writable still: that is told below.
        Ok(Carried::Nothing) | Err(_) => None,
    }
}

/// The video's folder cannot be written to: edits go on elsewhere, with those that are beside the video as their
/// beginning. Whether they can, and what the user should know.
fn gone_elsewhere(beside: &Path, elsewhere: &Path) -> (bool, String) {
    let folder = elsewhere.parent().map(std::fs::create_dir_all);
    let carried = match folder {
        Some(Err(reason)) => Err(reason.to_string()),
        _ => journal::carry(beside, elsewhere).map_err(|e| e.to_string()),
    };
    let at = elsewhere.display();
    match carried {
        Ok(Carried::Apart) => (
            true,
            format!(
                "The video's folder cannot be written to: edits are kept in {at}. {} has others, made since; they are not shown.",
                beside.display()
            ),
        ),
        Ok(Carried::Copied | Carried::Nothing) => (
            true,
            format!("The video's folder cannot be written to: edits are kept in {at}."),
        ),
        Err(reason) => (false, reason),
    }
}

/// Who annotates: the user's name on this machine.
fn who() -> String {
    let named = ["USER", "USERNAME", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok());
    named
        .filter(|n| !n.trim().is_empty())
        .unwrap_or_else(|| "annotator".to_owned())
}
