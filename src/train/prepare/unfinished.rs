//! What a set that `train prepare` has not finished says of itself.

use std::path::Path;

use serde::Deserialize;

use super::parts::{FOLDER, Note, PLAN};
use crate::model::config::Color;

/// An unfinished set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// Faces that are through, those left out included.
    pub faces: u64,
    /// Of so many; `None` where the set does not tell.
    pub total: Option<u64>,
    /// The command that goes on with it; empty where the set does not tell.
    pub command: String,
}

/// What it is to be made of, as far as the command tells.
#[derive(Deserialize)]
struct Plan {
    format: String,
    input: String,
    annotations: Option<String>,
    crops: bool,
    color: Color,
    /// Faces.
    count: Option<u64>,
}

/// What is said of a set's folder in which `train prepare` was stopped, or is at work; `None` of any other.
pub fn unfinished(set: &Path) -> Option<Unfinished> {
    let folder = set.join(FOLDER);
    let plan = std::fs::read(folder.join(PLAN)).ok()?;
    let plan: Option<Plan> = serde_json::from_slice(&plan).ok();
    let faces = std::fs::read_dir(&folder)
        .ok()?
        .flatten()
        .filter(|entry| entry.file_name() != PLAN)
        .filter(|entry| entry.path().extension().is_some_and(|e| e == "json"))
        .filter_map(|entry| {
            let note: Note = serde_json::from_slice(&std::fs::read(entry.path()).ok()?).ok()?;
            Some(note.faces)
        })
        .sum();
    Some(Unfinished {
        faces,
        total: plan.as_ref().and_then(|plan| plan.count),
        command: plan.map_or_else(String::new, |plan| command(&plan, set)),
    })
}

fn command(plan: &Plan, set: &Path) -> String {
    let mut words = vec![
        "affectscope train prepare --format".to_owned(),
        plan.format.clone(),
        "--input".to_owned(),
        quoted(&plan.input),
    ];
    if let Some(annotations) = &plan.annotations {
        words.extend(["--annotations".to_owned(), quoted(annotations)]);
    }
    if plan.crops {
        words.push("--crops".to_owned());
    }
    if plan.color == Color::Rgb {
        words.push("--color rgb".to_owned());
    }
    words.extend(["--out".to_owned(), quoted(&set.display().to_string())]);
    words.join(" ")
}

/// As a shell takes it.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/\\._-:+,=@~".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("\"{text}\"")
    }
}
