//! ONNX Runtime on the same weights and the same input, by turns with us.
//!
//! It runs in a Python process of its own, so that nothing of it is in this program. Its worker threads are told to
//! stop waiting busily when its turn is over; how much of the processor it still used between its turns is reported.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;

use candle_core::Tensor;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::contest::{Contender, calls_a_turn};
use crate::commands::Failure;
use crate::model::weights::Weights;

/// The program that the child runs.
const PROGRAM: &str = include_str!("peer.py");
/// What is compared, in this order.
pub(super) const OUTPUTS: [&str; 4] = [
    "expression_feature",
    "expression",
    "affect_feature",
    "affect",
];
/// Python's names, the likelier first.
const PYTHONS: [&str; 2] = ["python3", "python"];

/// What the child is to do.
#[derive(Serialize)]
struct Task<'a> {
    model: &'a Path,
    input: &'a Path,
    answer: &'a Path,
    shape: &'a [usize],
    outputs: [&'a str; 4],
    threads: usize,
    /// One session each, with or without busy waiting.
    spinning: &'a [bool],
}

/// A turn of one session.
#[derive(Serialize)]
struct Turn {
    session: usize,
    calls: u32,
}

/// Any line that the child answers.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Answer {
    /// What Python could not import.
    missing: Option<String>,
    /// What it broke on.
    failed: Option<String>,
    version: Option<String>,
    ms: Option<f64>,
    idle_cpu_ms: f64,
    idle_ms: f64,
}

/// The child process; it ends when this is dropped.
pub(super) struct Peer {
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    /// Version of ONNX Runtime.
    pub version: String,
    /// One session each: may its workers wait busily?
    pub spinning: Vec<bool>,
    /// What it computed from the input, the outputs one after the other.
    pub outputs: Vec<f32>,
    /// Between its turns: milliseconds, and milliseconds of processor time that it used.
    pub idle_ms: f64,
    pub idle_cpu_ms: f64,
    turns: u64,
    // Last: the files are there as long as the child is.
    _folder: TempDir,
}

impl Peer {
    /// Starts it on these weights and this input, `[B, channels, 112, 112]`.
    ///
    /// # Errors
    /// When Python or ONNX Runtime is not installed, or the model cannot be run.
    pub fn start(weights: &Weights, input: &Tensor, threads: usize) -> Result<Self, Failure> {
        // First what the user may lack: it is the likeliest, and the quickest to find out.
        let mut child = python()?;
        let folder = tempfile::tempdir().map_err(|e| files_failed(&e))?;
        let file = |name: &str| folder.path().join(name);
        let (model, values, answer) = (file("model.onnx"), file("input.f32"), file("output.f32"));
        std::fs::write(&model, super::onnx(weights)?).map_err(|e| files_failed(&e))?;
        let flat = input.flatten_all().and_then(|t| t.to_vec1::<f32>());
        let flat = flat.map_err(|e| Failure::broken(e.to_string()))?;
        let bytes: Vec<u8> = flat.iter().flat_map(|v| v.to_le_bytes()).collect();
        std::fs::write(&values, bytes).map_err(|e| files_failed(&e))?;
        // Without worker threads there is nobody to wait.
        let spinning = if threads == 1 {
            vec![true]
        } else {
            vec![true, false]
        };
        let (to, from) = match (child.stdin.take(), child.stdout.take()) {
            (Some(to), Some(from)) => (to, BufReader::new(from)),
            _ => return Err(gone("it has no pipes")),
        };
        let mut peer = Self {
            child,
            to: Some(to),
            from,
            version: String::new(),
            spinning,
            outputs: Vec::new(),
            idle_ms: 0.0,
            idle_cpu_ms: 0.0,
            turns: 0,
            _folder: folder,
        };
        let spinning = peer.spinning.clone();
        let ready = peer.ask(&Task {
            model: &model,
            input: &values,
            answer: &answer,
            shape: input.dims(),
            outputs: OUTPUTS,
            threads,
            spinning: &spinning,
        })?;
        peer.version = ready.version.unwrap_or_default();
        let bytes = std::fs::read(&answer).map_err(|e| files_failed(&e))?;
        let (values, _) = bytes.as_chunks::<4>();
        peer.outputs = values.iter().map(|b| f32::from_le_bytes(*b)).collect();
        Ok(peer)
    }

    /// Writes a line, reads a line.
    fn ask(&mut self, question: &impl Serialize) -> Result<Answer, Failure> {
        let mut line = serde_json::to_string(question).map_err(|e| gone(&e.to_string()))?;
        line.push('\n');
        let to = self.to.as_mut().ok_or_else(|| gone("it has ended"))?;
        // One that has ended already has said why, or says nothing.
        let sent = to.write_all(line.as_bytes()).and_then(|()| to.flush());
        let mut answer = String::new();
        let read = self.from.read_line(&mut answer);
        if answer.is_empty() {
            let why = sent.err().or(read.err());
            return Err(gone(&why.map_or("it ended".to_owned(), |e| e.to_string())));
        }
        let answer: Answer = serde_json::from_str(&answer).map_err(|e| gone(&e.to_string()))?;
        if let Some(missing) = &answer.missing {
            return Err(Failure::bad_input(format!(
                "--peer onnxruntime: Python lacks it ({missing}). Install it with `pip install onnxruntime`, and try again."
            )));
        }
        match &answer.failed {
            Some(reason) => Err(gone(reason)),
            None => Ok(answer),
        }
    }

    fn turn(&mut self, session: usize, calls: u32) -> Result<f64, Failure> {
        let answer = self.ask(&Turn { session, calls })?;
        // The time before its first turn is loading.
        if self.turns > 0 {
            self.idle_ms += answer.idle_ms;
            self.idle_cpu_ms += answer.idle_cpu_ms;
        }
        self.turns += 1;
        answer.ms.ok_or_else(|| gone("it told no time"))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // It reads the end of its input and goes; one that computes still is not waited for.
        self.to = None;
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One of its sessions, as a contender.
pub(super) struct PeerSession {
    peer: Rc<RefCell<Peer>>,
    session: usize,
    calls: u32,
}

impl PeerSession {
    pub fn new(peer: Rc<RefCell<Peer>>, session: usize) -> Self {
        Self {
            peer,
            session,
            calls: 1,
        }
    }
}

impl Contender for PeerSession {
    fn warm_up(&mut self) -> Result<(), Failure> {
        let mut peer = self.peer.borrow_mut();
        peer.turn(self.session, 3)?;
        let call_ms = peer.turn(self.session, 3)?;
        self.calls = calls_a_turn(call_ms);
        // As long as we warm up ourselves.
        peer.turn(self.session, self.calls.saturating_mul(10))?;
        Ok(())
    }

    fn turn(&mut self) -> Result<f64, Failure> {
        self.peer.borrow_mut().turn(self.session, self.calls)
    }
}

fn python() -> Result<Child, Failure> {
    for name in PYTHONS {
        let started = Command::new(name)
            .args(["-c", PROGRAM])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        match started {
            Ok(child) => return Ok(child),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
            Err(e) => {
                return Err(Failure::bad_input(format!(
                    "--peer onnxruntime: {name} cannot be started ({e}). Install Python 3 and `pip install onnxruntime`."
                )));
            }
        }
    }
    Err(Failure::bad_input(
        "--peer onnxruntime: python3 was not found, and ONNX Runtime runs in it. Install Python 3, then `pip install \
         onnxruntime`, and try again.",
    ))
}

fn files_failed(reason: &std::io::Error) -> Failure {
    Failure::broken(format!(
        "the files for ONNX Runtime cannot be kept in the folder for temporary files ({reason}). Make room there and try \
         again."
    ))
}

fn gone(reason: &str) -> Failure {
    Failure::broken(format!(
        "ONNX Runtime failed: {reason}. Run the bench without --peer, or try another version of onnxruntime."
    ))
}
