//! One input's rows, as they come, into a table.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::frames::Summary;
use super::{Job, Target};
use crate::commands::{Failure, Interrupt, say};
use crate::formats::output::{Output, OutputError, write_whole};
use crate::formats::rows::{RowWriter, TableFormat, TableWriter};
use crate::formats::sidecar::sidecar_path;

impl Job<'_> {
    /// Analyses the input into its table.
    pub(super) fn table(&self, interrupt: &Interrupt) -> Result<Summary, Failure> {
        match self.target {
            Target::File(path, format) => self.table_in_file(path, *format, interrupt),
            Target::Stdout(format) => {
                let mut source = self.open()?;
                let with_file = source.info().stills && self.item.path.is_dir();
                let out = io::BufWriter::new(io::stdout().lock());
                let mut writer = RowWriter::new(out, *format, with_file).map_err(stdout_failed)?;
                let summary = self.frames(&mut *source, interrupt, &mut |record| {
                    writer.write(record).map_err(stdout_failed)
                })?;
                writer.flush().map_err(stdout_failed)?;
                self.report(&summary, "standard output", None);
                Ok(summary)
            }
            Target::Submission(_) | Target::Flat(_) => Ok(Summary::default()),
        }
    }

    fn table_in_file(
        &self,
        path: &Path,
        format: TableFormat,
        interrupt: &Interrupt,
    ) -> Result<Summary, Failure> {
        let mut source = self.open()?;
        let with_file = source.info().stills && self.item.path.is_dir();
        let sidecar_path = sidecar_path(path);
        if !self.args.force && sidecar_path.exists() {
            if let Some(other) = other_format(path) {
                return Err(Failure::bad_input(format!(
                    "{}: exists already, and goes with {other}, the same rows in another format. `affectscope convert {other} {}` \
                     makes this one of it; to analyse anew, give another name, or --force.",
                    sidecar_path.display(),
                    path.display(),
                    other = other.display()
                )));
            }
            return Err(OutputError::Exists(sidecar_path).into());
        }
        let failed = |reason| OutputError::Io {
            path: path.to_owned(),
            reason,
        };
        let output = Output::create(path, self.args.force)?;
        let mut writer = TableWriter::new(output, format, with_file).map_err(failed)?;
        let started = Instant::now();
        let done = self.frames(&mut *source, interrupt, &mut |record| {
            writer
                .write(record)
                .map_err(|reason| Failure::broken(failed(reason).to_string()))
        });
        let rows = writer.rows();
        // A Parquet file is finished even where the rows end early: without its end nobody could read it.
        let output = match writer.finish() {
            Ok(output) => output,
            Err(reason) => match done {
                Err(failure) => return Err(failure),
                Ok(_) => return Err(Failure::broken(failed(reason).to_string())),
            },
        };
        let leave = |output: Output| match format {
            TableFormat::Rows(_) => output.leave_part(),
            TableFormat::Parquet => output.leave_whole_part(),
        };
        let mut summary = match done {
            Ok(summary) => summary,
            Err(failure) => {
                // Rows of a decoder or disk that broke midway are worth keeping.
                if rows > 0 {
                    let part = leave(output);
                    let text = format!("{failure} {rows} rows lie in {}.", part.display());
                    return Err(Failure::new(text, failure.code));
                }
                return Err(failure);
            }
        };
        summary.rows = rows;
        if summary.interrupted {
            let part = leave(output);
            say(&format!(
                "{}: stopped after {} frames; {rows} rows lie in {}",
                self.item.path.display(),
                summary.frames,
                part.display()
            ));
            return Ok(summary);
        }
        self.refuse_unreadable(&summary, with_file)?;
        output
            .finish()
            .map_err(|e| Failure::broken(e.to_string()))?;
        let text = self.sidecar_text(&*source, &summary, with_file, None)?;
        write_whole(&sidecar_path, text.as_bytes(), self.args.force)
            .map_err(|e| Failure::broken(e.to_string()))?;
        self.report(&summary, &path.display().to_string(), Some(started));
        Ok(summary)
    }

    /// An input of which nothing at all could be decoded is a wrong one.
    pub(super) fn refuse_unreadable(
        &self,
        summary: &Summary,
        with_file: bool,
    ) -> Result<(), Failure> {
        if summary.frames > summary.unreadable + summary.missing || with_file {
            return Ok(());
        }
        Err(Failure::bad_input(format!(
            "{}: it cannot be decoded. Check that it opens elsewhere.",
            self.item.path.display()
        )))
    }
}

// By value, as `map_err` hands it over.
#[allow(clippy::needless_pass_by_value)]
fn stdout_failed(reason: io::Error) -> Failure {
    Failure::broken(format!(
        "standard output cannot be written to ({reason}). Give a file with --out."
    ))
}

/// The table of this name that is there in another format: it has the same sidecar.
fn other_format(path: &Path) -> Option<PathBuf> {
    if path.exists() {
        return None;
    }
    let endings = ["csv", "parquet", "jsonl"];
    let mut others = endings.iter().map(|ending| path.with_extension(ending));
    others.find(|other| other.is_file())
}
