//! Reading what the bench is to show.

use std::path::Path;
use std::time::SystemTime;

use crate::clock::utc_text;
use crate::formats::sidecar::sidecar_path;
use crate::review::Editor;
use crate::review::journal::{self, Carried, JournalFile, Opened};
use crate::review::model::Model;
use crate::review::project::{Frames, Project, ProjectError};
use crate::review::session::Request;

/// Whether predictions were made from a video's crops: the pictures' numbers are then its frames.
pub fn of_crops(predictions: &Path) -> bool {
    let text = std::fs::read_to_string(sidecar_path(predictions)).unwrap_or_default();
    serde_json::from_str::<serde_json::Value>(&text)
        .is_ok_and(|value| value["protocol"]["name"] == "crops")
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
    if let Some(path) = &request.predictions {
        project.set_model(Model::read(path).map_err(|e| e.to_string())?);
    }
    for path in &request.annotations {
        project.add_labels(path).map_err(|e| e.to_string())?;
    }
    if project.frames() == 0 {
        return Err(ProjectError::Nothing.to_string());
    }
    let (who, when) = (who(), utc_text(SystemTime::now()));
    let of = request.video.as_ref().or(request.predictions.as_ref());
    let Some(of) = of.or(request.annotations.first()) else {
        let editor = Editor::new(&who);
        return Ok(Loaded {
            project,
            editor,
            file: Err("there is no file beside which they could be kept".to_owned()),
            note: None,
        });
    };
    let beside = journal::path_beside(of);
    let elsewhere = dirs::data_local_dir().map(|folder| {
        let folder = folder.join("affectscope").join("review");
        journal::path_in(&folder, of)
    });
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
        },
        Err(e) => Loaded {
            project,
            editor: Editor::new(&who),
            file: Err(e.to_string()),
            note: None,
        },
    })
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
