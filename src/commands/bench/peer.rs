//! Another runtime on the same work, by turns with us.
//!
//! It runs in a Python process of its own, so that nothing of it is in this program. How much of the processor it still
//! used between its turns is reported: its worker threads may wait busily.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::contest::{Contender, calls_a_turn, calls_to_warm_up};
use crate::commands::Failure;

/// Python's names, the likelier first.
const PYTHONS: [&str; 2] = ["python3", "python"];

/// A runtime that Python brings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Runtime {
    /// As `--peer` has it.
    pub name: &'static str,
    /// As people call it.
    title: &'static str,
    /// As pip installs it.
    package: &'static str,
    /// The program that the child runs.
    program: &'static str,
}

/// The fastest general runtime for a network that is finished.
pub(super) const ONNX_RUNTIME: Runtime = Runtime {
    name: "onnxruntime",
    title: "ONNX Runtime",
    package: "onnxruntime",
    program: concat!(
        include_str!("peer/child.py"),
        include_str!("peer/onnxruntime.py")
    ),
};

/// What networks are trained with elsewhere.
pub(super) const PYTORCH: Runtime = Runtime {
    name: "pytorch",
    title: "PyTorch",
    package: "torch",
    program: concat!(
        include_str!("peer/child.py"),
        include_str!("peer/pytorch.py")
    ),
};

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

/// The files of a task.
pub(super) struct Files<'a> {
    folder: &'a Path,
    /// Where the child writes what it computed: f32, one after the other.
    pub answer: std::path::PathBuf,
    runtime: Runtime,
}

impl Files<'_> {
    /// Writes one for the child to read; gives its path.
    ///
    /// # Errors
    /// When the folder for temporary files is full.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<std::path::PathBuf, Failure> {
        let path = self.folder.join(name);
        std::fs::write(&path, bytes).map_err(|e| self.runtime.files_failed(&e))?;
        Ok(path)
    }

    /// The same, of numbers.
    ///
    /// # Errors
    /// As [`Files::write`].
    pub fn write_f32(&self, name: &str, values: &[f32]) -> Result<std::path::PathBuf, Failure> {
        let bytes: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.write(name, &bytes)
    }
}

/// The child process; it ends when this is dropped.
pub(super) struct Peer {
    runtime: Runtime,
    child: Child,
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
    /// Version of the runtime.
    pub version: String,
    /// What it computed, one value after the other.
    pub outputs: Vec<f32>,
    /// Between its turns: milliseconds, and milliseconds of processor time that it used.
    idle_ms: f64,
    idle_cpu_ms: f64,
    turns: u64,
    // Last: the files are there as long as the child is.
    _folder: TempDir,
}

impl Peer {
    /// Starts it on what `task` says, a JSON object with the paths of the files that it wrote.
    ///
    /// # Errors
    /// When Python or the runtime is not installed, or it cannot do the task.
    pub fn start<T: Serialize>(
        runtime: Runtime,
        task: impl FnOnce(&Files<'_>) -> Result<T, Failure>,
    ) -> Result<Self, Failure> {
        // First what the user may lack: it is the likeliest, and the quickest to find out.
        let mut child = runtime.python()?;
        let folder = tempfile::tempdir().map_err(|e| runtime.files_failed(&e))?;
        let files = Files {
            folder: folder.path(),
            answer: folder.path().join("answer.f32"),
            runtime,
        };
        let answer = files.answer.clone();
        let task = task(&files)?;
        let (to, from) = match (child.stdin.take(), child.stdout.take()) {
            (Some(to), Some(from)) => (to, BufReader::new(from)),
            _ => return Err(runtime.gone("it has no pipes")),
        };
        let mut peer = Self {
            runtime,
            child,
            to: Some(to),
            from,
            version: String::new(),
            outputs: Vec::new(),
            idle_ms: 0.0,
            idle_cpu_ms: 0.0,
            turns: 0,
            _folder: folder,
        };
        peer.version = peer.ask(&task)?.version.unwrap_or_default();
        let bytes = std::fs::read(&answer).map_err(|e| runtime.files_failed(&e))?;
        let (values, _) = bytes.as_chunks::<4>();
        peer.outputs = values.iter().map(|b| f32::from_le_bytes(*b)).collect();
        Ok(peer)
    }

    /// Part of a core that it used between its turns: 0 when it leaves us alone.
    pub fn idle_core_part(&self) -> f64 {
        self.idle_cpu_ms / self.idle_ms.max(1e-9)
    }

    /// The largest difference of any of our outputs from its, and our largest.
    pub fn difference(&self, ours: &[f32]) -> (f64, f64) {
        let largest = |values: &mut dyn Iterator<Item = f32>| {
            values.map(|v| f64::from(v.abs())).fold(0.0, f64::max)
        };
        // Another number of outputs is no agreement, whatever the first ones say.
        let difference = if ours.len() == self.outputs.len() {
            largest(&mut ours.iter().zip(&self.outputs).map(|(a, b)| a - b))
        } else {
            f64::INFINITY
        };
        (difference, largest(&mut ours.iter().copied()))
    }

    /// Writes a line, reads a line.
    fn ask(&mut self, question: &impl Serialize) -> Result<Answer, Failure> {
        let runtime = self.runtime;
        let mut line = serde_json::to_string(question).map_err(|e| runtime.gone(&e.to_string()))?;
        line.push('\n');
        let to = self
            .to
            .as_mut()
            .ok_or_else(|| runtime.gone("it has ended"))?;
        // One that has ended already has said why, or says nothing.
        let sent = to.write_all(line.as_bytes()).and_then(|()| to.flush());
        let mut answer = String::new();
        let read = self.from.read_line(&mut answer);
        if answer.is_empty() {
            let why = sent.err().or(read.err());
            return Err(runtime.gone(&why.map_or("it ended".to_owned(), |e| e.to_string())));
        }
        let answer: Answer =
            serde_json::from_str(&answer).map_err(|e| runtime.gone(&e.to_string()))?;
        if let Some(missing) = &answer.missing {
            return Err(runtime.lacking(&format!("Python lacks it ({missing})")));
        }
        match &answer.failed {
            Some(reason) => Err(runtime.gone(reason)),
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
        answer
            .ms
            .ok_or_else(|| self.runtime.gone("it told no time"))
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
        peer.turn(self.session, calls_to_warm_up(call_ms))?;
        Ok(())
    }

    fn turn(&mut self) -> Result<f64, Failure> {
        self.peer.borrow_mut().turn(self.session, self.calls)
    }
}

impl Runtime {
    fn python(self) -> Result<Child, Failure> {
        for name in PYTHONS {
            let started = Command::new(name)
                .args(["-c", self.program])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn();
            match started {
                Ok(child) => return Ok(child),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => {}
                Err(e) => return Err(self.lacking(&format!("{name} cannot be started ({e})"))),
            }
        }
        Err(self.lacking(&format!(
            "python3 was not found, and {} runs in it",
            self.title
        )))
    }

    fn lacking(self, what: &str) -> Failure {
        let Self { name, package, .. } = self;
        Failure::bad_input(format!(
            "--peer {name}: {what}. Install Python 3, then `pip install {package}`, and try again."
        ))
    }

    fn files_failed(self, reason: &std::io::Error) -> Failure {
        Failure::broken(format!(
            "the files for {} cannot be kept in the folder for temporary files ({reason}). Make room there and try again.",
            self.title
        ))
    }

    fn gone(self, reason: &str) -> Failure {
        let Self { title, package, .. } = self;
        Failure::broken(format!(
            "{title} failed: {reason}. Run the bench without --peer, or try another version of {package}."
        ))
    }
}
