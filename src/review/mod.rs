//! Predictions beside people's labels, frame by frame: what the annotator's bench and the report are made from.
//!
//! ```text
//! rows of ours ──▶ Model ─┐
//!                         ├─▶ Project ─▶ RangeScores, agreement, segments, pyramid ─▶ window, report
//! files of labels ▶ Rater ┘
//! ```
//!
//! What people mend lies over the files' labels ([`overlay`]), is an [`Edit`] in the history of an [`Editor`], and a line
//! of the [`journal`]; [`save`] makes files of it.
//!
//! No thread, no window, no clock. Everything lies on the frames of one video ([`Project::times_s`]); a label that was given
//! by time lies on the frame whose time is nearest. What is said of a frame is a [`Rating`], of all frames a [`Track`].

pub mod agreement;
pub mod disagreement;
pub mod edit;
pub mod editor;
pub mod entry;
pub mod export;
pub mod faces;
pub mod figure;
pub mod film;
pub mod journal;
#[cfg(test)]
mod made;
pub mod mark;
pub mod model;
pub mod overlay;
pub mod project;
pub mod pyramid;
pub mod rater;
pub mod rating;
pub mod report;
pub mod save;
pub mod scores;
pub mod segments;
pub mod session;
pub mod sessions;
pub mod track;
mod words;

pub use agreement::{Agreements, RangeAgreement, Who, agreement};
pub use disagreement::{Disagreement, Reason, rolling_ccc};
pub use edit::{Edit, Stroke};
pub use editor::{Changed, Editor, Start};
pub use faces::Faces;
pub use mark::{Mark, Marks, SegmentState, Spot};
pub use model::{FaceChoice, Model};
pub use project::{Project, ProjectError};
pub use pyramid::Pyramid;
pub use rater::Rater;
pub use scores::RangeScores;
pub use segments::{Segment, worst_first};
pub use track::{Rating, Track};
