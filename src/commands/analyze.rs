//! `affectscope analyze`: files in, a table or a submission each out, by the offline protocol.

mod frames;
mod inputs;
mod submission;
mod tables;

use std::path::PathBuf;
use std::sync::Arc;

use self::frames::Summary;
use self::inputs::Item;
use self::submission::Flat;
use super::{BAD_INPUT, Failure, INTERRUPTED, Interrupt, load, tell};
use crate::cli::{AnalyzeArgs, AnalyzeFormat};
use crate::formats::rows::{RowFormat, TableFormat};
use crate::model::device::Chosen;
use crate::model::student::Student;

/// Where one input's results go.
enum Target {
    /// A table on standard output.
    Stdout(RowFormat),
    /// A table in a file.
    File(PathBuf, TableFormat),
    /// A line a frame in two files of this folder, `EXPR_Set/<video>.txt` and `VA_Set/<video>.txt`.
    Submission(PathBuf),
    /// Rows of the two flat files of this folder.
    Flat(PathBuf),
}

/// One input on its way.
struct Job<'a> {
    args: &'a AnalyzeArgs,
    item: &'a Item,
    target: &'a Target,
    student: &'a Arc<Student>,
    device: &'a Chosen,
}

/// Analyses every input; one that fails does not end the others.
///
/// # Errors
/// The first failure's code, with a summary where there were several inputs.
pub fn run(args: &AnalyzeArgs) -> Result<(), Failure> {
    let done = analyze(args);
    if let (Err(_), Some(folder)) = (&done, &args.out) {
        // A folder made for tables that never came; one that holds anything stays.
        let _ = std::fs::remove_dir(folder);
    }
    done
}

fn analyze(args: &AnalyzeArgs) -> Result<(), Failure> {
    let items = inputs::items(args)?;
    let targets = inputs::targets(args, &items)?;
    let (student, device) = load(&args.network)?;
    let student = Arc::new(student);
    let interrupt = Interrupt::listen();
    let (mut failed, mut unread) = (Vec::new(), 0);
    let mut flat = Flat::default();
    for (item, target) in items.iter().zip(&targets) {
        if interrupt.is_set() {
            break;
        }
        let job = Job {
            args,
            item,
            target,
            student: &student,
            device: &device,
        };
        let done = match target {
            Target::Stdout(_) | Target::File(..) => job.table(&interrupt),
            Target::Submission(_) | Target::Flat(_) => job.submission(&interrupt, &mut flat),
        };
        match done {
            Ok(Summary {
                interrupted: true, ..
            }) => break,
            Ok(summary) => {
                unread += summary.unreadable;
                if summary.note.is_some() || summary.unreadable > 0 {
                    failed.push(BAD_INPUT);
                }
            }
            Err(failure) => {
                if items.len() == 1 {
                    return Err(failure);
                }
                tell(&failure);
                failed.push(failure.code);
            }
        }
    }
    if interrupt.is_set() {
        let message = match args.format() {
            AnalyzeFormat::Csv | AnalyzeFormat::Jsonl | AnalyzeFormat::Parquet => {
                "stopped; what was analysed lies in the .part file"
            }
            AnalyzeFormat::Abaw2021 => {
                "stopped; a submission wants every frame, so that nothing was written of this video"
            }
            AnalyzeFormat::AbawFlat => {
                "stopped; the flat files want every video, so that nothing was written"
            }
        };
        return Err(Failure::new(message, INTERRUPTED));
    }
    flat.write(args.force)?;
    match failed.iter().max() {
        None => Ok(()),
        Some(&code) if items.len() > 1 => Err(Failure::new(
            format!(
                "{} of {} inputs were not analysed whole; the lines above say why",
                failed.len(),
                items.len()
            ),
            code,
        )),
        Some(&code) => Err(Failure::new(
            match unread {
                0 => "the rows are of what could be read of it".to_owned(),
                n => {
                    let pictures = items.iter().any(|item| item.path.is_dir());
                    let what = if pictures { "pictures" } else { "frames" };
                    format!("{n} of its {what} could not be read; the lines above say which")
                }
            },
            code,
        )),
    }
}
