//! `affectscope train run`: teacher and student, phase by phase.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::super::{Failure, INTERRUPTED, Interrupt, print, say};
use crate::cli::train::{RunArgs, TrainDevice};
use crate::formats::output::write_whole;
use crate::model::config::Color;
use crate::train::config::{ConfigError, RunConfig};
use crate::train::journal::{Journal, JournalError};
use crate::train::landmarks::PHASE as LANDMARKS;
use crate::train::net::{Gpu, GpuError, Products};
use crate::train::page::page;
use crate::train::phase::{End, EpochReport, PhaseError, StepReport, Watch, log_of};
use crate::train::prepare::unfinished;
use crate::train::run::{PHASES, Run, RunWatch};
use crate::train::set::{MANIFEST_FILE, Set, SetError};

/// All keys of a config.
const KEYS: &str = include_str!("../../../weights/keys.toml");
/// Between two plain lines.
const PLAIN_EVERY_S: f64 = 30.0;

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        match &error {
            ConfigError::Toml { path, reason } => {
                // The place in the file lies below.
                let (first, rest) = reason.split_once('\n').unwrap_or((reason, ""));
                Self::bad_input(format!("{}: {first}", path.display())).with_lines(rest)
            }
            _ => Self::bad_input(error.to_string()),
        }
    }
}

impl From<PhaseError> for Failure {
    fn from(error: PhaseError) -> Self {
        match error {
            PhaseError::Interrupted => Self::new(error.to_string(), INTERRUPTED),
            PhaseError::NoFaces(_)
            | PhaseError::Weights(_)
            | PhaseError::Store(_)
            | PhaseError::Busy(_)
            | PhaseError::Journal(JournalError::Short { .. })
            | PhaseError::OtherRun { .. } => Self::bad_input(error.to_string()),
            _ => Self::broken(error.to_string()),
        }
    }
}

/// Trains.
///
/// # Errors
/// When the config, a set or weights cannot be used, the disk is full, or a loss is no number.
pub fn run(args: &RunArgs) -> Result<(), Failure> {
    // Without a config clap has seen --keys.
    let Some(file) = &args.config else {
        return print(KEYS);
    };
    let config = RunConfig::load(file)?;
    let sets = config
        .sets
        .iter()
        .map(|path| Set::open(path))
        .collect::<Result<Vec<_>, SetError>>();
    let sets = sets.map_err(|e| Failure::bad_input(e.to_string()))?;
    let out = args
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(file.file_stem().unwrap_or_default()));
    no_set(&out)?;
    if let Some(until) = args.until.as_deref().filter(|u| u.starts_with("teacher"))
        && config
            .teacher
            .as_ref()
            .is_none_or(|t| !t.weights.is_empty())
    {
        return Err(Failure::bad_input(format!(
            "{}: it trains no teacher, so that there is no phase {until}. Give another --until.",
            file.display()
        )));
    }
    for set in sets.iter().filter(|_| config.student.color == Color::Rgb) {
        if set.manifest().made.color == Color::Gray {
            say(&format!(
                "note: {}: its pictures are grey, and the student reads red, green and blue: it sees the same in all three. `train \
                 prepare --color rgb` keeps colours, where a database has them",
                set.path().display()
            ));
        }
    }
    let (pool, makers) = threads(args.threads.unwrap_or(config.threads))?;
    let gpu = if config.learns_a_cnn() {
        gpu(args.device)?
    } else {
        None
    };
    let run = Run {
        config: &config,
        sets: &sets,
        out: &out,
        until: args.until.as_deref(),
        makers,
        gpu: gpu.as_ref(),
    };
    let mut show = Show::new(Interrupt::listen(), &out);
    let file = pool.install(|| run.run(&mut show));
    show.end();
    say(&format!("{} is finished", file?.display()));
    Ok(())
}

/// A run does not put its files among a set's.
pub(super) fn no_set(out: &Path) -> Result<(), Failure> {
    if out.join(MANIFEST_FILE).is_file() || unfinished(out).is_some() {
        return Err(Failure::bad_input(format!(
            "{}: it is a packed set. Give another --out.",
            out.display()
        )));
    }
    Ok(())
}

/// The GPU that is asked for; `None` for the CPU.
fn gpu(on: TrainDevice) -> Result<Option<Arc<Gpu>>, Failure> {
    if on == TrainDevice::Cpu {
        return Ok(None);
    }
    match Gpu::open(Products::Tf32) {
        Ok(gpu) => {
            say(&format!("on {}", gpu.name()));
            Ok(Some(gpu))
        }
        Err(e) if on == TrainDevice::Cuda => Err(Failure::bad_input(format!(
            "train run: {e}. Without it: --device cpu."
        ))),
        Err(GpuError::None) => Ok(None),
        Err(e) => {
            say(&format!("on the CPU: {e}"));
            Ok(None)
        }
    }
}

/// Threads that share a step (0: one a core), and how many make batches beside them.
pub(super) fn threads(wanted: usize) -> Result<(rayon::ThreadPool, usize), Failure> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(if wanted == 0 { cores } else { wanted })
        .thread_name(|i| format!("training {i}"))
        .build()
        .map_err(|e| Failure::broken(format!("no threads for training ({e})")))?;
    Ok((pool, cores.div_ceil(4)))
}

/// Progress on a terminal, or lines now and then.
pub(super) struct Show {
    interrupt: Interrupt,
    name: String,
    bar: ProgressBar,
    plain: bool,
    out: PathBuf,
    /// When the phase went on, and which step that was.
    began: Option<(Instant, usize)>,
    said: Instant,
}

impl Show {
    pub(super) fn new(interrupt: Interrupt, out: &Path) -> Self {
        let target = ProgressDrawTarget::stderr();
        let plain = target.is_hidden();
        let bar = ProgressBar::with_draw_target(Some(1), target);
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        Self {
            interrupt,
            out: out.to_owned(),
            name: String::new(),
            bar,
            plain,
            began: None,
            said: Instant::now(),
        }
    }

    fn line(&self, text: &str) {
        if self.plain {
            say(text);
        } else {
            self.bar.println(text);
        }
    }

    /// True where a plain line is due.
    fn due(&mut self) -> bool {
        let due = self.plain && self.said.elapsed().as_secs_f64() > PLAIN_EVERY_S;
        if due {
            self.said = Instant::now();
        }
        due
    }

    /// Clears the progress, and leaves the page as the logs are: a run that was killed may not have come to write it.
    pub(super) fn end(&self) {
        self.bar.finish_and_clear();
        self.page();
    }

    /// The curves so far. A page that cannot be written is no reason to stop.
    fn page(&self) {
        let read = |name: &&'static str| {
            let lines = Journal::read(&log_of(&self.out, name)).unwrap_or_default();
            (*name, lines)
        };
        // A student's and a landmark network's runs may share a folder, and then the page.
        let logs: Vec<_> = PHASES.iter().chain(&[LANDMARKS]).map(read).collect();
        if logs.iter().all(|(_, lines)| lines.is_empty()) {
            return;
        }
        let file = self.out.join("curves.html");
        if let Err(e) = write_whole(&file, page("Training", &logs).as_bytes(), true) {
            say(&format!("note: {e}"));
        }
    }
}

impl Watch for Show {
    fn step(&mut self, report: &StepReport) {
        let StepReport {
            epoch,
            epochs,
            step,
            steps,
            faces,
            loss,
            rate,
        } = *report;
        let present = epoch * steps + step;
        let (began, first) = *self.began.get_or_insert((Instant::now(), present));
        let each_s = began.elapsed().as_secs_f64() / (present - first).max(1) as f64;
        let left_s = each_s * (epochs * steps - present) as f64;
        let text = format!(
            "epoch {}/{epochs}, loss {loss:.4}, rate {rate:.1e}, {:.0} faces/s, at most {} left",
            epoch + 1,
            faces as f64 / each_s.max(1e-9),
            duration(left_s)
        );
        if self.due() {
            say(&format!("{}: step {step}/{steps}, {text}", self.name));
        }
        self.bar.set_length(steps as u64);
        self.bar.set_position(step as u64);
        self.bar.set_message(text);
    }

    fn epoch(&mut self, report: &EpochReport<'_>) {
        let named: Vec<String> = report
            .verdict
            .named
            .iter()
            .filter_map(|(name, value)| {
                Some(format!("{} {:.4}", name.replace('_', " "), (*value)?))
            })
            .collect();
        self.line(&format!(
            "{} epoch {}: {}{}",
            self.name,
            report.epoch + 1,
            named.join(", "),
            if report.best_epoch == report.epoch {
                ", the best so far"
            } else {
                ""
            }
        ));
        let (epoch, best) = (report.epoch + 1, report.best_epoch + 1);
        match report.ends {
            Some(End::Whole) => self.line(&format!(
                "{}: all {epoch} epochs are through; the best is epoch {best}",
                self.name
            )),
            Some(End::Early) => self.line(&format!(
                "{}: stopped after epoch {epoch}, since none was better than epoch {best} for as long as `patience` says",
                self.name
            )),
            None => {}
        }
        self.page();
    }

    fn is_over(&self) -> bool {
        self.interrupt.is_set()
    }
}

impl RunWatch for Show {
    fn phase(&mut self, name: &str, what: &str) {
        name.clone_into(&mut self.name);
        self.began = None;
        self.line(&format!("{name}: {what}"));
    }

    fn features(&mut self, done: usize, of: usize) -> bool {
        if self.due() {
            say(&format!("{}: faces {done}/{of}", self.name));
        }
        self.bar.set_length(of as u64);
        self.bar.set_position(done as u64);
        self.bar.set_message("faces".to_owned());
        !self.interrupt.is_set()
    }
}

/// `1 h 20 min`, `3 min`, `40 s`.
fn duration(seconds: f64) -> String {
    let minutes = (seconds / 60.0).round() as u64;
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{seconds:.0} s"),
        (0, m) => format!("{m} min"),
        (h, m) => format!("{h} h {m} min"),
    }
}
