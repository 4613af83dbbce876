//! What is made of a project to be handed on: what the window asks for, and hears of it.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::mark::Marks;
use super::project::Project;
use crate::formats::rows::TableFormat;
use crate::render::Look;

/// What is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportWhat {
    /// The page of `affectscope report`.
    Report,
    /// The video with everything drawn into its frames, as `affectscope render`.
    Video {
        /// Which frames.
        frames: Range<usize>,
        /// How it looks.
        look: Look,
    },
    /// The report's figures as SVG and PNG, in a folder of their own.
    Figures,
    /// The table of predictions in the format that the name's ending says.
    Rows,
}

impl ExportWhat {
    /// What it is called.
    pub fn title(&self) -> &'static str {
        match self {
            Self::Report => "Report",
            Self::Video { .. } => "Rendered video",
            Self::Figures => "Figures",
            Self::Rows => "Rows",
        }
    }

    /// A name for it that nothing has yet, in a folder. Of figures it is the name of their folder.
    pub fn suggested_path(&self, stem: &str, folder: &Path) -> PathBuf {
        let (end, ending) = match self {
            Self::Report => ("report", ".html"),
            Self::Video { .. } => ("rendered", ".mp4"),
            Self::Figures => ("figures", ""),
            Self::Rows => ("rows", ".parquet"),
        };
        let stem = if stem.is_empty() { "predictions" } else { stem };
        let first = folder.join(format!("{stem}.{end}{ending}"));
        let more = (2..1000).map(|n| folder.join(format!("{stem}.{end}-{n}{ending}")));
        let mut names = std::iter::once(first.clone()).chain(more);
        names
            .find(|path| path.symlink_metadata().is_err())
            .unwrap_or(first)
    }
}

/// What is to be made of what.
#[derive(Debug, Clone)]
pub struct ExportOrder {
    /// The project as it stands, with what is mended in it.
    pub project: Box<Project>,
    /// What was found of segments.
    pub marks: Marks,
    /// The file of predictions, where there is one.
    pub predictions: Option<PathBuf>,
    /// What is made.
    pub what: ExportWhat,
    /// The file, or for figures the folder; a file that is there is replaced, whoever chose the name was asked.
    pub to: PathBuf,
}

impl ExportOrder {
    /// Why it cannot be made, in words with what to do: what it needs is not there, its name says no format, or it would
    /// be written over something that it is made from.
    ///
    /// # Errors
    /// Those words.
    pub fn check(&self) -> Result<(), String> {
        let needs = |there: bool, what: &str| match there {
            true => Ok(()),
            false => Err(format!(
                "{}: there {what}. Open them first.",
                self.what.title()
            )),
        };
        let raters = !self.project.raters().is_empty();
        match &self.what {
            ExportWhat::Report => {
                needs(self.predictions.is_some(), "are no predictions")?;
                needs(raters, "are no labels")?;
            }
            ExportWhat::Video { .. } => {
                needs(self.project.video.is_some(), "is no video and its pictures")?;
            }
            ExportWhat::Figures => needs(raters, "are no labels")?,
            ExportWhat::Rows => {
                needs(self.predictions.is_some(), "are no predictions")?;
                if TableFormat::of_path(&self.to).is_none() {
                    return Err(format!(
                        "{}: rows are written as .csv, .jsonl or .parquet. Give a name that ends so.",
                        self.to.display()
                    ));
                }
            }
        }
        let Ok(to) = self.to.canonicalize() else {
            return Ok(());
        };
        let origins = self.project.raters().iter().flat_map(|r| &r.origins);
        let sidecar = self.predictions.as_deref();
        let sidecar = sidecar.map(crate::formats::sidecar::sidecar_path);
        let mut inputs = origins
            .map(|o| o.path.as_path())
            .chain(self.project.video.as_deref())
            .chain(self.predictions.as_deref())
            .chain(sidecar.as_deref());
        match inputs.any(|i| i.canonicalize().is_ok_and(|i| i == to)) {
            true => Err(format!(
                "{}: is open here, and would be written over. Give another name.",
                self.to.display()
            )),
            false => Ok(()),
        }
    }
}

/// How an export is.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportProgress {
    /// What it is called.
    pub title: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// Steps that are done: frames, or files.
    pub done: u64,
    /// Of so many; 0 before that is known.
    pub of: u64,
    /// Counts exports.
    pub run: u64,
    /// How it ended.
    pub ended: Option<ExportEnd>,
}

impl ExportProgress {
    /// Which part is done, 0..=1.
    pub fn part(&self) -> Option<f32> {
        (self.of > 0).then(|| self.done.min(self.of) as f32 / self.of as f32)
    }
}

/// How an export ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportEnd {
    /// It is there; what the user should know of it, a sentence each.
    Made(Vec<String>),
    /// It was stopped, and nothing is left of it.
    Stopped,
    /// It failed, and why; nothing is left of it.
    Failed(String),
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn names_are_free_and_inputs_are_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let first = ExportWhat::Rows.suggested_path("talk", path);
        assert_eq!(first, path.join("talk.rows.parquet"));
        std::fs::write(&first, "x").unwrap();
        let second = ExportWhat::Rows.suggested_path("talk", path);
        assert_eq!(second, path.join("talk.rows-2.parquet"));

        let table = path.join("talk.affect.csv");
        std::fs::write(&table, "x").unwrap();
        let mut order = ExportOrder {
            project: Box::default(),
            marks: Marks::default(),
            predictions: None,
            what: ExportWhat::Rows,
            to: second,
        };
        assert!(order.check().unwrap_err().contains("no predictions"));
        order.predictions = Some(table.clone());
        assert_eq!(order.check(), Ok(()));
        order.to = table;
        assert!(order.check().unwrap_err().contains("written over"));
        order.to = path.join("rows.xlsx");
        assert!(order.check().unwrap_err().contains(".parquet"));
        order.what = ExportWhat::Report;
        assert!(order.check().unwrap_err().contains("no labels"));
    }
}
