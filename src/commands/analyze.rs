//! `affectscope analyze`: files in, a table each out, by the offline protocol.

use std::collections::HashSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::progress::Progress;
use super::{BAD_INPUT, Failure, INTERRUPTED, Interrupt, load, say};
use crate::analysis::{Record, Status};
use crate::cli::AnalyzeArgs;
use crate::face::finder::Schedule;
use crate::formats::output::{Output, OutputError, write_whole};
use crate::formats::rows::RowWriter;
use crate::formats::sidecar::{Protocol, sidecar, sidecar_path};
use crate::offline::Offline;
use crate::pipeline::Pipeline;
use crate::source::{self, FrameSource, Next};

/// Where one input's rows go.
enum Target {
    Stdout,
    File(PathBuf),
}

/// What came of one input.
#[derive(Debug, Default)]
struct Summary {
    frames: u64,
    with_face: u64,
    unreadable: u64,
    rows: u64,
    faces: HashSet<u32>,
    /// How it ended early, if it did.
    note: Option<String>,
    interrupted: bool,
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
    let targets = targets(args)?;
    let (student, device) = load(&args.network)?;
    let tuning = args.faces.tuning(0);
    let mut pipeline = Pipeline::new(student, Schedule::Thorough, tuning)?;
    let interrupt = Interrupt::listen();
    let mut failed = Vec::new();
    for (input, target) in args.inputs.iter().zip(&targets) {
        if interrupt.is_set() {
            break;
        }
        pipeline.reset();
        let job = Job {
            args,
            input,
            target,
            device: &device.title,
        };
        match job.run(&mut pipeline, &interrupt) {
            Ok(summary) if summary.interrupted => break,
            Ok(Summary { note: Some(_), .. }) => failed.push(BAD_INPUT),
            Ok(_) => {}
            Err(failure) => {
                if args.inputs.len() == 1 {
                    return Err(failure);
                }
                say(&format!("affectscope: {failure}"));
                failed.push(failure.code);
            }
        }
    }
    if interrupt.is_set() {
        return Err(Failure {
            message: "stopped; what was analysed lies in the .part file".to_owned(),
            code: INTERRUPTED,
        });
    }
    match failed.iter().max() {
        None => Ok(()),
        Some(&code) if args.inputs.len() == 1 => Err(Failure {
            message: "the rows go up to where the input ends".to_owned(),
            code,
        }),
        Some(&code) => Err(Failure {
            message: format!(
                "{} of {} inputs were not analysed whole; the lines above say why",
                failed.len(),
                args.inputs.len()
            ),
            code,
        }),
    }
}

/// Decides where everything goes before anything is read.
fn targets(args: &AnalyzeArgs) -> Result<Vec<Target>, Failure> {
    let extension = args.format.extension();
    let name = |input: &Path| {
        // `clips/.` and `..` have no name of their own.
        let whole = input.file_name().map(PathBuf::from).or_else(|| {
            let full = input.canonicalize().ok()?;
            full.file_name().map(PathBuf::from)
        });
        let whole = whole.unwrap_or_else(|| PathBuf::from("input"));
        let stem = if input.is_dir() {
            whole.as_os_str()
        } else {
            whole.file_stem().unwrap_or_default()
        };
        let mut name = stem.to_owned();
        name.push(format!(".affect.{extension}"));
        PathBuf::from(name)
    };
    let targets: Vec<Target> = match &args.out {
        Some(out) if out.as_os_str() == "-" => {
            if args.inputs.len() > 1 {
                return Err(Failure::bad_input(
                    "--out -: standard output takes one input. Give a folder for several.",
                ));
            }
            vec![Target::Stdout]
        }
        None => args.inputs.iter().map(|i| Target::File(name(i))).collect(),
        Some(out) => {
            let as_folder = out.is_dir()
                || args.inputs.len() > 1
                || out
                    .as_os_str()
                    .to_string_lossy()
                    .ends_with(['/', std::path::MAIN_SEPARATOR]);
            if as_folder {
                std::fs::create_dir_all(out).map_err(|reason| OutputError::Io {
                    path: out.clone(),
                    reason,
                })?;
                args.inputs
                    .iter()
                    .map(|i| Target::File(out.join(name(i))))
                    .collect()
            } else {
                vec![Target::File(out.clone())]
            }
        }
    };
    for target in &targets {
        if let Target::File(path) = target {
            for output in [path, &sidecar_path(path)] {
                super::refuse_input_as_output(&args.inputs, output)?;
            }
        }
    }
    let mut seen = HashSet::new();
    for (input, target) in args.inputs.iter().zip(&targets) {
        if let Target::File(path) = target
            && !seen.insert(path.clone())
        {
            return Err(Failure::bad_input(format!(
                "{}: its rows would go to {}, where another input's go. Analyse it by itself with --out.",
                input.display(),
                path.display()
            )));
        }
    }
    Ok(targets)
}

struct Job<'a> {
    args: &'a AnalyzeArgs,
    input: &'a Path,
    target: &'a Target,
    device: &'a str,
}

impl Job<'_> {
    fn run(&self, pipeline: &mut Pipeline, interrupt: &Interrupt) -> Result<Summary, Failure> {
        let mut source = source::open_path(self.input)?;
        let with_file = source.info().stills && self.input.is_dir();
        match self.target {
            Target::Stdout => {
                let out = io::BufWriter::new(io::stdout().lock());
                let mut writer =
                    RowWriter::new(out, self.args.format, with_file).map_err(stdout_failed)?;
                let summary = self.frames(&mut *source, pipeline, &mut writer, interrupt)?;
                writer.flush().map_err(stdout_failed)?;
                self.report(&summary, "standard output", None);
                Ok(summary)
            }
            Target::File(path) => {
                let sidecar_path = sidecar_path(path);
                if !self.args.force && sidecar_path.exists() {
                    return Err(OutputError::Exists(sidecar_path).into());
                }
                let failed = |reason| OutputError::Io {
                    path: path.clone(),
                    reason,
                };
                let output = Output::create(path, self.args.force)?;
                let mut writer =
                    RowWriter::new(output, self.args.format, with_file).map_err(failed)?;
                let started = Instant::now();
                let done = self.frames(&mut *source, pipeline, &mut writer, interrupt);
                let rows = writer.rows();
                let output = writer.into_inner();
                let summary = match done {
                    Ok(summary) => summary,
                    Err(failure) => {
                        // Rows of a decoder or disk that broke midway are worth keeping.
                        if rows > 0 {
                            let part = output.leave_part();
                            return Err(Failure {
                                message: format!(
                                    "{failure} {rows} rows lie in {}.",
                                    part.display()
                                ),
                                ..failure
                            });
                        }
                        return Err(failure);
                    }
                };
                if summary.interrupted {
                    let part = output.leave_part();
                    say(&format!(
                        "{}: stopped after {} frames; {rows} rows lie in {}",
                        self.input.display(),
                        summary.frames,
                        part.display()
                    ));
                    return Ok(summary);
                }
                if summary.frames == summary.unreadable && !with_file {
                    return Err(Failure::bad_input(format!(
                        "{}: it cannot be decoded. Check that it opens elsewhere.",
                        self.input.display()
                    )));
                }
                output
                    .finish()
                    .map_err(|e| Failure::broken(e.to_string()))?;
                self.write_sidecar(&sidecar_path, &*source, pipeline, &summary, with_file)?;
                self.report(&summary, &path.display().to_string(), Some(started));
                Ok(summary)
            }
        }
    }

    fn frames(
        &self,
        source: &mut dyn FrameSource,
        pipeline: &mut Pipeline,
        writer: &mut RowWriter<impl Write>,
        interrupt: &Interrupt,
    ) -> Result<Summary, Failure> {
        let progress = Progress::new(self.input, source.info().frames);
        let stills = source.info().stills;
        let mut offline = Offline::default();
        let mut summary = Summary::default();
        let mut write = |summary: &mut Summary, records: Vec<Record>| -> Result<(), Failure> {
            for record in records {
                for reading in &record.readings {
                    summary.faces.insert(reading.face_id);
                }
                summary.with_face += u64::from(record.status == Status::Ok);
                writer.write(&record).map_err(|reason| match self.target {
                    Target::Stdout => stdout_failed(reason),
                    Target::File(path) => {
                        let path = path.clone();
                        Failure::broken(OutputError::Io { path, reason }.to_string())
                    }
                })?;
            }
            summary.rows = writer.rows();
            Ok(())
        };
        let network = crate::pipeline::PipelineError::from;
        loop {
            if interrupt.is_set() {
                summary.interrupted = true;
                break;
            }
            let next = source.next()?;
            let (stamp, file, status, faces) = match next {
                Next::Frame(frame) => {
                    if stills {
                        // Pictures have nothing to do with each other: ids and sequences begin anew.
                        pipeline.reset();
                    }
                    let faces = pipeline.observe(&frame)?;
                    let status = if faces.is_empty() {
                        Status::NoFace
                    } else {
                        Status::Ok
                    };
                    (frame.stamp, frame.file.clone(), status, faces)
                }
                Next::Unreadable {
                    stamp,
                    file,
                    reason,
                } => {
                    progress.say(&format!(
                        "{}: frame {}: {reason}",
                        file.as_deref().unwrap_or(&self.input.display().to_string()),
                        stamp.index
                    ));
                    summary.unreadable += 1;
                    (stamp, file, Status::Unreadable, Vec::new())
                }
                Next::End { note } => {
                    // A decoder that was interrupted with us ends early too.
                    summary.interrupted = interrupt.is_set();
                    summary.note = note;
                    break;
                }
            };
            summary.frames += 1;
            let student = pipeline.student();
            let mut records = offline
                .push(student, stamp, file, status, faces)
                .map_err(network)?;
            if stills {
                records.extend(offline.finish(student).map_err(network)?);
            }
            write(&mut summary, records)?;
            progress.at(summary.frames);
        }
        let rest = offline.finish(pipeline.student()).map_err(network)?;
        write(&mut summary, rest)?;
        progress.end();
        if summary.frames == 0 && !summary.interrupted {
            return Err(Failure::bad_input(format!(
                "{}: no frame could be read from it. Check that it plays elsewhere.",
                self.input.display()
            )));
        }
        Ok(summary)
    }

    fn write_sidecar(
        &self,
        path: &Path,
        source: &dyn FrameSource,
        pipeline: &Pipeline,
        summary: &Summary,
        with_file: bool,
    ) -> Result<(), Failure> {
        let mut value = sidecar(
            pipeline.student(),
            self.device,
            &self.args.faces.tuning(0),
            &self.input.display().to_string(),
            source.info(),
            if source.info().stills {
                Protocol::Stills
            } else {
                Protocol::Offline
            },
            with_file,
        );
        value["counts"] = serde_json::json!({
            "frames": summary.frames,
            "frames_with_a_face": summary.with_face,
            "frames_unreadable": summary.unreadable,
            "faces": summary.faces.len(),
            "rows": summary.rows,
        });
        value["ended_early"] = summary.note.clone().into();
        let mut text =
            serde_json::to_string_pretty(&value).map_err(|e| Failure::broken(e.to_string()))?;
        text.push('\n');
        write_whole(path, text.as_bytes(), self.args.force)
            .map_err(|e| Failure::broken(e.to_string()))
    }

    fn report(&self, summary: &Summary, to: &str, started: Option<Instant>) {
        let rate = started.map_or(String::new(), |s| {
            format!(
                ", {:.0}/s",
                summary.frames as f64 / s.elapsed().as_secs_f64().max(1e-3)
            )
        });
        let unreadable = match summary.unreadable {
            0 => String::new(),
            n => format!(", {n} unreadable"),
        };
        say(&format!(
            "{}: {} frames, {} with a face{unreadable}{rate} -> {to}",
            self.input.display(),
            summary.frames,
            summary.with_face
        ));
        if let Some(note) = &summary.note {
            say(&format!("{}: {note}", self.input.display()));
        }
    }
}

// By value, as `map_err` hands it over.
#[allow(clippy::needless_pass_by_value)]
fn stdout_failed(reason: io::Error) -> Failure {
    Failure::broken(format!(
        "standard output cannot be written to ({reason}). Give a file with --out."
    ))
}
