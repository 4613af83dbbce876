//! `affectscope train prepare`: a database as distributed to one packed set.

use super::super::progress::Progress;
use super::super::unread::Unread;
use super::super::{Failure, INTERRUPTED, Interrupt, print, say};
use super::manifest::table;
use crate::cli::train::{ColorArg, PrepareArgs};
use crate::model::config::Color;
use crate::train::prepare::{Heard, Options, Outcome, PrepareError, prepare, unread};
use crate::train::set::Split;

impl From<PrepareError> for Failure {
    fn from(error: PrepareError) -> Self {
        if error.is_bad_input() {
            Self::bad_input(error.to_string())
        } else {
            Self::broken(error.to_string())
        }
    }
}

/// Reads a database, finds and cuts out its faces, and writes the set.
///
/// # Errors
/// When an input cannot be used, the output is there already, or the user stopped it.
pub fn run(args: &PrepareArgs) -> Result<(), Failure> {
    let options = Options {
        database: args.format,
        input: args.input.clone(),
        annotations: args.annotations.clone(),
        out: args.out.clone(),
        crops: args.crops,
        color: match args.color {
            ColorArg::Gray => Color::Gray,
            ColorArg::Rgb => Color::Rgb,
        },
        force: args.force,
    };
    let interrupt = Interrupt::listen();
    let mut progress: Option<Progress> = None;
    let (mut unread_now, mut missing) = (Unread::default(), Unread::default());
    let outcome = prepare(&options, interrupt.as_flag(), &mut |heard| match heard {
        Heard::Note(note) => say(&format!("note: {note}")),
        Heard::Faces { done, total } => match &progress {
            Some(progress) => progress.at(done),
            None => {
                if done > 0 && done < total {
                    say(&format!("goes on after {done} of {total} faces"));
                }
                progress = Some(Progress::from(&args.out, "faces", done, total));
            }
        },
        Heard::Unread(what) => unread_now.tell(what, progress.as_ref()),
        Heard::Missing(what) => missing.tell_missing(what, progress.as_ref()),
        Heard::Packing => {
            if let Some(progress) = progress.take() {
                progress.end();
            }
            unread_now.tell_rest();
            missing.tell_rest();
            say("packing");
        }
    });
    if let Some(progress) = progress {
        progress.end();
    }
    match outcome? {
        Outcome::Whole(manifest) => {
            print(&table(&manifest))?;
            for (split, what) in [
                (Split::Train, "learn from"),
                (Split::Validation, "validate on"),
            ] {
                if manifest.splits.of(split).faces == 0 {
                    say(&format!(
                        "note: {}: there is no face to {what}; `train run` then needs another set beside it",
                        args.out.display()
                    ));
                }
            }
            match unread(&manifest) {
                0 => Ok(()),
                n => Err(Failure::bad_input(format!(
                    "{}: the set is made, without {n} {} of pictures or videos that could not be read{}.",
                    args.out.display(),
                    if n == 1 { "face" } else { "faces" },
                    // Those of an earlier run were told by that.
                    if unread_now.any() {
                        "; lines above say which"
                    } else {
                        ""
                    }
                ))),
            }
        }
        Outcome::Interrupted => Err(Failure::new(
            "stopped; the same command goes on where it was",
            INTERRUPTED,
        )),
    }
}
