//! Predictions beside people's labels, frame by frame: what the annotator's bench and the report are made from.
//!
//! ```text
//! rows of ours ──▶ Model ─┐
//!                         ├─▶ Project ─▶ RangeScores, segments, pyramid ─▶ window, report
//! files of labels ▶ Rater ┘
//! ```
//!
//! No thread, no window, no clock. Everything lies on the frames of one video ([`Project::times_s`]); a label that was given
//! by time lies on the frame whose time is nearest. What is said of a frame is a [`Rating`], of all frames a [`Track`].

pub mod agreement;
pub mod disagreement;
pub mod figure;
pub mod film;
#[cfg(test)]
mod made;
pub mod model;
pub mod project;
pub mod rater;
pub mod report;
pub mod scores;
pub mod segments;
pub mod track;

pub use agreement::{Agreements, RangeAgreement, Who, agreement};
pub use disagreement::{Disagreement, Reason, rolling_ccc};
pub use model::{FaceChoice, Model};
pub use project::{Project, ProjectError};
pub use rater::Rater;
pub use scores::RangeScores;
pub use segments::{Segment, worst_first};
pub use track::{Rating, Track};
