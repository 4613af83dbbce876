//! A folder with the program at hand.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

use super::stderr;
use crate::pipeline::canvas;

/// A folder to work in, with the program at hand.
pub struct Scratch(TempDir);

impl Scratch {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_affectscope"));
        command
            .current_dir(&self.0)
            .env("XDG_CONFIG_HOME", self.path("config"))
            // What is bit for bit the same is so on the CPU.
            .env("CUDA_VISIBLE_DEVICES", "")
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command().args(args).output().unwrap()
    }

    /// One line that says it, the exit code, and nothing left behind.
    #[track_caller]
    pub fn refuses(&self, args: &[&str], words: &[&str]) {
        let before = self.listing();
        let output = self.run(args);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {text}");
        assert_eq!(
            text.trim().lines().count(),
            1,
            "{args:?}: one line, not: {text}"
        );
        for word in words {
            assert!(text.contains(word), "{args:?}: `{word}` is not in: {text}");
        }
        assert_eq!(self.listing(), before, "{args:?}: something is left behind");
    }

    pub fn listing(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(&self.0)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }

    /// The portrait sliding over a grey ground, and out of it if asked, as a video.
    pub fn clip(&self, name: &str, frames: u32, leaves: bool, options: &[&str]) -> PathBuf {
        let path = self.path(name);
        let mut raw = Vec::new();
        for i in 0..frames {
            let away = if leaves && i >= frames / 2 { 2000 } else { 0 };
            raw.extend(canvas((480, 360), 0.7, &[(i64::from(i) + away, 0)]).into_raw());
        }
        let raw_path = self.path("frames.raw");
        std::fs::write(&raw_path, raw).unwrap();
        let done = Command::new("ffmpeg")
            .args([
                "-nostdin", "-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s",
                "480x360", "-r", "30", "-i",
            ])
            .arg(&raw_path)
            .args(options)
            .arg(&path)
            .status()
            .unwrap();
        assert!(done.success());
        std::fs::remove_file(raw_path).unwrap();
        path
    }
}
