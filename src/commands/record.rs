//! `affectscope record`: the live pipeline without a window.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Failure, INTERRUPTED, Interrupt, load, say};
use crate::cli::RecordArgs;
use crate::formats::output::OutputError;
use crate::formats::sidecar::sidecar_path;
use crate::live::Live;
use crate::record::RecordPlan;
use crate::session::{Command, Engine, SourceState};
use crate::source::{SourceError, SourceSpec};

/// How often the session is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Between two lines of progress.
const SAY_EVERY_S: f64 = 5.0;

/// Records until the frames or seconds are there, the source ends, or the user stops it.
///
/// # Errors
/// When the source, the network or the output cannot be had, or the camera stays away for longer than `--wait`.
pub fn run(args: &RecordArgs) -> Result<(), Failure> {
    let Ok(spec) = args.source.parse::<SourceSpec>();
    let plan = RecordPlan {
        path: args.out.clone(),
        picture: args.picture,
        format: args.format,
        force: args.force,
        frames: args.frames,
    };
    check_outputs(&plan, &spec)?;
    let (student, device) = load(&args.network)?;
    let interrupt = Interrupt::listen();
    let mut live = Live::start(student, &device, Arc::new(|| {}))
        .map_err(|e| Failure::broken(e.to_string()))?;
    live.send(Command::Tune(args.faces.tuning(args.lookahead.into())));
    // Before the source: no frame is captured that is not recorded.
    live.open_first(vec![spec]);
    live.record(&plan);
    let watch = Watch {
        args,
        interrupt: &interrupt,
        started: None,
        waiting: None,
        said: Instant::now(),
        rows: 0,
        last_words: String::new(),
    };
    let ended = watch.until_done(&mut live);
    live.finish_recording();
    let last = live.poll().status;
    let recording = last.recording;
    let failed = recording.as_ref().and_then(|r| r.failed.clone());
    let picture_failed = recording
        .and_then(|r| r.picture_failed)
        .or(live.picture_failure());
    if let Some(reason) = &picture_failed {
        say(&format!("affectscope: {reason}"));
    }
    ended?;
    if let Some(reason) = failed {
        return Err(Failure::broken(reason));
    }
    say(&format!(
        "recorded -> {} ({} frames dropped)",
        plan.path.display(),
        last.rates.dropped
    ));
    match picture_failed {
        Some(_) => Err(Failure::broken("the rows are whole, the picture is not")),
        None => Ok(()),
    }
}

fn check_outputs(plan: &RecordPlan, spec: &SourceSpec) -> Result<(), Failure> {
    let sidecar = sidecar_path(&plan.path);
    let outputs: Vec<_> = [Some(plan.path.clone()), Some(sidecar), plan.picture_path()]
        .into_iter()
        .flatten()
        .collect();
    if plan.picture_path().as_ref() == Some(&plan.path) {
        return Err(Failure::bad_input(
            "--out: the picture will have the ending .mkv. Give the table another one, such as .csv.",
        ));
    }
    for path in outputs {
        if let SourceSpec::Path(input) = spec {
            super::refuse_input_as_output(std::slice::from_ref(input), &path)?;
        }
        if !plan.force && path.symlink_metadata().is_ok() {
            return Err(OutputError::Exists(path).into());
        }
    }
    if plan.path.as_os_str() == "-" {
        return Err(Failure::bad_input(
            "--out -: record writes a file. Give its name.",
        ));
    }
    if plan.picture && !crate::record::has_ffmpeg() {
        return Err(SourceError::NoFfmpeg { program: "ffmpeg" }.into());
    }
    // A folder that cannot be written to is told before a camera is opened.
    drop(crate::formats::output::Output::create(
        &plan.path, plan.force,
    )?);
    Ok(())
}

struct Watch<'a> {
    args: &'a RecordArgs,
    interrupt: &'a Interrupt,
    /// When the first frame came.
    started: Option<Instant>,
    /// Since when the source gives nothing.
    waiting: Option<Instant>,
    said: Instant,
    rows: u64,
    last_words: String,
}

impl Watch<'_> {
    fn until_done(mut self, live: &mut Live) -> Result<(), Failure> {
        loop {
            std::thread::sleep(LOOK_EVERY);
            let update = live.poll();
            let status = &update.status;
            if !update.records.is_empty() {
                self.started.get_or_insert_with(Instant::now);
            }
            let Some(recording) = &status.recording else {
                return Ok(());
            };
            self.rows = self.rows.max(recording.rows);
            if let Some(reason) = &recording.failed {
                return Err(Failure::broken(reason.clone()));
            }
            if self.interrupt.is_set() {
                live.finish_recording();
                let text = format!("stopped; {}", self.rows_until_then());
                return Err(Failure::new(text, INTERRUPTED));
            }
            let seconds = self.started.map(|s| s.elapsed().as_secs_f64());
            if self
                .args
                .seconds
                .zip(seconds)
                .is_some_and(|(limit, now)| now >= limit)
            {
                return Ok(());
            }
            if self.source(&status.state)? {
                return Ok(());
            }
            if self.said.elapsed().as_secs_f64() > SAY_EVERY_S {
                self.said = Instant::now();
                let rates = &status.rates;
                say(&format!(
                    "{} rows, captured {:.1}/s, analysed {:.1}/s, latency {:.0} ms, dropped {}",
                    self.rows,
                    rates.captured_hz,
                    rates.analysed_hz,
                    rates.latency_median_ms,
                    rates.dropped
                ));
            }
        }
    }

    fn rows_until_then(&self) -> String {
        match self.started {
            Some(_) => format!("the rows until then lie in {}", self.args.out.display()),
            None => "no frame had come, so that there is no file".to_owned(),
        }
    }

    /// True when the source is over.
    fn source(&mut self, state: &SourceState) -> Result<bool, Failure> {
        match state {
            SourceState::Ended { note } => {
                if let Some(note) = note {
                    say(note);
                }
                return Ok(true);
            }
            SourceState::Failed { reason } if self.started.is_none() => {
                return Err(Failure::bad_input(reason.clone()));
            }
            SourceState::Failed { reason } => return Err(Failure::broken(reason.clone())),
            SourceState::Waiting { reason } => {
                if *reason != self.last_words {
                    say(reason);
                    self.last_words.clone_from(reason);
                }
                let since = *self.waiting.get_or_insert_with(Instant::now);
                if since.elapsed().as_secs_f64() > self.args.wait {
                    let rows = self.rows_until_then();
                    return Err(Failure::broken(format!(
                        "no frame for {:.0} seconds; {rows}. {reason}",
                        self.args.wait
                    )));
                }
            }
            _ => {
                if self.waiting.take().is_some() {
                    say("frames again");
                    self.last_words.clear();
                }
            }
        }
        Ok(false)
    }
}
