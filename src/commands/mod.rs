//! The commands, and how a failure becomes an exit code.

pub mod analyze;
pub mod bench;
pub mod convert;
pub mod devices;
pub mod evaluate;
pub mod export_onnx;
pub mod info;
mod progress;
pub mod quantize;
pub mod record;
pub mod render;
pub mod report;
pub mod sessions;
pub mod train;
mod unread;
pub mod window;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::cli::NetworkArgs;
use crate::formats::output::OutputError;
use crate::live::bulk::BulkError;
use crate::model::device::{self, Chosen, DeviceError};
use crate::model::student::{Kernels, NetworkError, Student};
use crate::model::weights::{Weights, WeightsError};
use crate::pipeline::PipelineError;
use crate::source::SourceError;

/// Exit code: an input, an option or a device is wrong.
pub const BAD_INPUT: u8 = 2;
/// Exit code: something broke on the way.
pub const BROKEN: u8 = 1;
/// Exit code: the user stopped it.
pub const INTERRUPTED: u8 = 130;

/// What the user is told (a line, with few exceptions), and the exit code.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What happened and what to do.
    message: String,
    /// [`BAD_INPUT`], [`BROKEN`] or [`INTERRUPTED`].
    pub code: u8,
}

impl Failure {
    /// A line and its code.
    pub fn new(message: impl Into<String>, code: u8) -> Self {
        Self {
            message: clean(&message.into()),
            code,
        }
    }

    /// The user's input is at fault.
    pub fn bad_input(message: impl Into<String>) -> Self {
        Self::new(message, BAD_INPUT)
    }

    /// Something broke.
    pub fn broken(message: impl Into<String>) -> Self {
        Self::new(message, BROKEN)
    }

    /// The same with lines below the first: the place in a file that is at fault.
    #[must_use]
    pub fn with_lines(mut self, lines: &str) -> Self {
        for line in lines.lines() {
            self.message.push('\n');
            self.message.push_str(&clean(line));
        }
        self
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        if error.is_bad_input() {
            Self::bad_input(error.to_string())
        } else {
            Self::broken(error.to_string())
        }
    }
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        match &error {
            // Nothing was wrong with what was asked for.
            OutputError::Io { reason, .. }
                if [StorageFull, QuotaExceeded, FileTooLarge].contains(&reason.kind()) =>
            {
                Self::broken(error.to_string())
            }
            _ => Self::bad_input(error.to_string()),
        }
    }
}

impl From<WeightsError> for Failure {
    fn from(error: WeightsError) -> Self {
        Self::bad_input(error.to_string())
    }
}

impl From<DeviceError> for Failure {
    fn from(error: DeviceError) -> Self {
        Self::bad_input(error.to_string())
    }
}

impl From<NetworkError> for Failure {
    fn from(error: NetworkError) -> Self {
        Self::broken(error.to_string())
    }
}

impl From<PipelineError> for Failure {
    fn from(error: PipelineError) -> Self {
        Self::broken(error.to_string())
    }
}

impl From<BulkError> for Failure {
    fn from(error: BulkError) -> Self {
        match error {
            BulkError::Source(error) => error.into(),
            BulkError::Pipeline(error) => error.into(),
            BulkError::Thread(_) | BulkError::Panicked(_) => Self::broken(error.to_string()),
        }
    }
}

/// The network asked for, on the device asked for. Where `auto` did not get the GPU that it tried, that is said once.
///
/// # Errors
/// When either cannot be had.
pub fn load(args: &NetworkArgs) -> Result<(Student, Chosen), Failure> {
    device::bound_threads();
    let chosen = device::choose(args.device)?;
    if let Some(note) = &chosen.note {
        say(&format!("note: {note}"));
    }
    let weights = Weights::load(args.weights.as_deref())?;
    if !chosen.device.is_cpu() {
        return Ok((Student::new(&weights, &chosen.device)?, chosen));
    }
    let kernels = Kernels {
        threads: args.threads.unwrap_or(0),
        precision: args.precision,
        ..Kernels::default()
    };
    let student = Student::with_kernels(&weights, kernels)?;
    let chosen = match student.kernels() {
        Some(kernels) => chosen.with_kernels(kernels),
        None => chosen,
    };
    Ok((student, chosen))
}

/// Set once the user asks for an end (Ctrl-C, or the system's word to terminate); asked twice, the program ends at once.
#[derive(Debug, Clone)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Listens from now on.
    pub fn listen() -> Self {
        Self::listen_and(|| {})
    }

    /// Listens from now on, and does this as well at the first word.
    pub fn listen_and(first: impl Fn() + Send + 'static) -> Self {
        /// A command within a command (a bench's) hears the same word: the system takes one listener alone.
        static HEARD: OnceLock<Arc<AtomicBool>> = OnceLock::new();
        if let Some(flag) = HEARD.get() {
            return Self(flag.clone());
        }
        let flag = HEARD.get_or_init(Arc::default).clone();
        let seen = flag.clone();
        let set = ctrlc::set_handler(move || {
            if seen.swap(true, Ordering::SeqCst) {
                std::process::exit(i32::from(INTERRUPTED));
            }
            first();
        });
        if let Err(e) = set {
            // Without it Ctrl-C ends the program at once; rows on disk stay whole.
            tracing::warn!("Ctrl-C cannot be caught: {e}");
        }
        Self(flag)
    }

    /// The flag itself, for whoever cannot know of commands.
    pub fn flag(&self) -> Arc<AtomicBool> {
        self.0.clone()
    }

    /// The flag, to look at.
    pub fn as_flag(&self) -> &AtomicBool {
        &self.0
    }

    /// True once it was asked for.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// A file name's control characters reach no terminal.
fn clean(text: &str) -> String {
    text.replace(char::is_control, " ")
}

/// Writes a line to standard error. One that nobody can read any more is no reason to end.
pub fn say(text: &str) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr().lock(), "{}", clean(text));
}

/// Writes a failure to standard error, likewise.
pub fn tell(failure: &Failure) {
    use std::io::Write as _;
    let _ = writeln!(std::io::stderr().lock(), "affectscope: {failure}");
}

/// Writes text to standard output; a reader that has gone away is no failure.
///
/// # Errors
/// When it goes to a file and the disk is full or refuses.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != std::io::ErrorKind::BrokenPipe => Err(Failure::broken(format!(
            "standard output: cannot be written ({e}). What it has is not whole; check the space left."
        ))),
        _ => Ok(()),
    }
}

/// Refuses to write over something that is to be read, whatever `--force` says.
/// A file that lies within a folder of inputs may be one of them, and is not written over.
fn refuse_output_within<'a>(
    folders: impl Iterator<Item = &'a PathBuf>,
    output: &Path,
) -> Result<(), Failure> {
    let Ok(there) = output.canonicalize() else {
        return Ok(());
    };
    let within = |f: &&PathBuf| f.canonicalize().is_ok_and(|f| there.starts_with(f));
    match folders.into_iter().find(within) {
        Some(folder) => Err(Failure::bad_input(format!(
            "{}: lies in {}, which is an input, and would be written over. Give the output another name.",
            output.display(),
            folder.display()
        ))),
        None => Ok(()),
    }
}

fn refuse_input_as_output(inputs: &[PathBuf], output: &Path) -> Result<(), Failure> {
    let Ok(there) = output.canonicalize() else {
        return Ok(());
    };
    if inputs
        .iter()
        .any(|i| i.canonicalize().is_ok_and(|i| i == there))
    {
        return Err(Failure::bad_input(format!(
            "{}: is an input, and would be written over. Give the output another name.",
            output.display()
        )));
    }
    Ok(())
}
