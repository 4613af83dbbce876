//! Why a video, its predictions and its labels make no project.

use std::path::PathBuf;

use crate::formats::labels::LabelError;

/// Why a project cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// A file of predictions or labels is wrong.
    #[error(transparent)]
    Labels(#[from] LabelError),
    /// A folder of labels has none for this video.
    #[error("{folder}: no labels in it are of the video {video}. {there}", folder = folder.display())]
    NotInFolder {
        /// Which.
        folder: PathBuf,
        /// The video's name.
        video: String,
        /// What is there, as a sentence.
        there: String,
    },
    /// The labels that were given are the predictions.
    #[error("{path}: these are the predictions themselves. Give somebody's labels, or a table of other predictions.", path = .0.display())]
    Same(PathBuf),
    /// Labels alone, which do not say how many frames there are.
    #[error("{path}: its labels are of times, not of frames. Give their video, or predictions, as well.", path = .0.display())]
    NoFrames(PathBuf),
    /// Labels alone, of more frames than can be held.
    #[error("{path}: it speaks of frame {frame}; without a video, frames below {most} can be shown. Give the video as well.", path = path.display(), most = crate::review::model::MOST_FRAMES)]
    TooManyFrames {
        /// Which file.
        path: PathBuf,
        /// The highest frame.
        frame: u64,
    },
    /// Neither a video nor predictions nor labels say how many frames there are.
    #[error("there is nothing to show: no video, no predictions and no labels with frames.")]
    Nothing,
}
