//! What needs the whole of a session's table.

use serde::Serialize;

use super::Session;
use crate::review::{Model, Project};

/// What the whole of a table tells, beside the labels that there are.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Detail {
    /// Faces: ids, of which several may be one.
    pub faces: usize,
    /// The faces that have names.
    pub names: Vec<String>,
    /// Scores against the labels, of the largest face on each frame.
    pub scores: Vec<RaterScores>,
    /// What of it could not be read, in words.
    pub failed: Vec<String>,
}

/// Scores against one rater: the numbers of `affectscope evaluate`. `None` where they are undefined.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RaterScores {
    /// Whose labels.
    pub rater: String,
    /// Frames with a label and a prediction.
    pub frames: u64,
    /// Concordance of valence, -1..=1.
    pub ccc_valence: Option<f64>,
    /// Concordance of arousal.
    pub ccc_arousal: Option<f64>,
    /// Macro F1 of the expressions, 0..=1.
    pub macro_f1: Option<f64>,
    /// Accuracy of the expressions, 0..=1.
    pub accuracy: Option<f64>,
}

impl Detail {
    /// Reads a session's table and the labels beside it.
    pub fn of(session: &Session) -> Self {
        let mut detail = Self::default();
        let model = match Model::read(&session.table) {
            Ok(model) => model,
            Err(e) => {
                detail.failed.push(e.to_string());
                return detail;
            }
        };
        detail.failed.extend(model.names_failed.clone());
        let faces = model.faces();
        let names = faces.iter().filter_map(|f| model.names().name(f.id));
        detail.names = names.map(str::to_owned).collect();
        detail.faces = faces.len();
        // Labels are known by the video's name; its frames are those of the rows.
        let mut project = Project::default();
        project.video.clone_from(&session.video);
        project.set_model(model);
        for path in &session.labels {
            if let Err(e) = project.add_labels(path) {
                detail.failed.push(e.to_string());
            }
        }
        for (i, rater) in project.raters().iter().enumerate() {
            let scores = project.scores(i, 0..project.frames());
            detail.scores.push(RaterScores {
                rater: rater.name.clone(),
                frames: scores.counts.matched,
                ccc_valence: scores.valence.ccc(),
                ccc_arousal: scores.arousal.ccc(),
                macro_f1: scores.expression.macro_f1(),
                accuracy: scores.expression.accuracy(),
            });
        }
        detail
    }
}
