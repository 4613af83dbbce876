//! Reading what the bench is to show.

use std::path::Path;
use std::time::SystemTime;

use crate::clock::utc_text;
use crate::formats::sidecar::sidecar_path;
use crate::review::Editor;
use crate::review::journal::{self, JournalError, JournalFile, Opened};
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
    /// What the edits to come are written to.
    pub file: Option<JournalFile>,
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
            file: None,
            note: None,
        });
    };
    let mut opened = journal::open(&journal::path_beside(of), &mut project, &who, &when);
    if opened.as_ref().is_err_and(JournalError::is_unwritable)
        && let Some(folder) = dirs::data_local_dir()
    {
        let folder = folder.join("affectscope").join("review");
        if std::fs::create_dir_all(&folder).is_ok() {
            opened = journal::open(&journal::path_in(&folder, of), &mut project, &who, &when);
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
            file: Some(file),
            note: replayed.damage.map(|d| d.to_string()),
        },
        Err(e) => Loaded {
            project,
            editor: Editor::new(&who),
            file: None,
            note: Some(format!("Edits are not kept: {e}")),
        },
    })
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
