//! What `bench --live` found, as JSON and for a terminal.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::stretches::{Contention, Stretch, Stretches};

/// What came out. Where a figure has no meaning (no window, another system than Linux), it is `null`.
#[derive(Debug, Serialize)]
pub(super) struct LiveReport {
    pub seconds: f64,
    /// The real window was drawn; else the session ran alone and its pictures were taken up as they came.
    pub window: bool,
    /// The session was paused while it was measured.
    pub paused: bool,
    pub camera_hz: f64,
    pub camera_format: &'static str,
    pub weights: String,
    pub threads: usize,
    pub captured_hz: f64,
    pub analysed_hz: f64,
    /// Captured and never analysed.
    pub dropped: u64,
    /// Never captured: the capture thread came too late for them.
    pub camera_missed: u64,
    /// Analysed, and lost on the way to the window.
    pub records_missed: u64,
    pub capture_to_analysed: Option<Latency>,
    /// Until the window's thread has it in hand: what a graphics card would add is not in it.
    pub capture_to_window: Option<Latency>,
    /// Until the frame that shows it has been handed to the display, the renderer's work included.
    pub capture_to_drawn: Option<Latency>,
    pub frames_hz: Option<f64>,
    pub frame: Option<Latency>,
    /// Percent of one core, by what the threads do.
    pub cpu_percent: BTreeMap<&'static str, f64>,
    /// All of these but the software renderer and the bench itself.
    pub cpu_percent_own: f64,
    pub memory: Option<Memory>,
    /// 95th percentiles of capture to window, of the first part and of the last one.
    pub part_s: f64,
    pub first_p95_ms: Option<f64>,
    pub last_p95_ms: Option<f64>,
    /// The most records that waited for the window, in the first part and in the last one.
    pub first_waiting: Option<usize>,
    pub last_waiting: Option<usize>,
    /// Capture to window in the first part, in the last one, in all and slice by slice, and what kept the session from
    /// the cores meanwhile.
    #[serde(flatten)]
    pub stretches: Stretches,
}

#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Latency {
    pub median_ms: f64,
    pub p95_ms: f64,
    pub most_ms: f64,
}

/// Resident memory: means over the first part and the last one.
#[derive(Debug, Serialize)]
pub(super) struct Memory {
    pub first_mib: f64,
    pub last_mib: f64,
    /// `last / first - 1`, percent.
    pub growth_percent: f64,
}

impl LiveReport {
    /// Lines for a terminal.
    pub fn lines(&self) -> String {
        let mut text = format!(
            "live            640x480 {} at {:.0}/s, {} ({} thread{}), {}{}, {:.0} s\n",
            self.camera_format,
            self.camera_hz,
            self.weights,
            self.threads,
            if self.threads == 1 { "" } else { "s" },
            if self.window {
                "with the window"
            } else {
                "without a window"
            },
            if self.paused { ", paused" } else { "" },
            self.seconds
        );
        let mut line = |name: &str, value: String| {
            let _ = writeln!(text, "  {name:<24} {value}");
        };
        line(
            "captured, analysed",
            format!(
                "{:.1}/s, {:.1}/s; {} dropped, {} missed by the capture",
                self.captured_hz, self.analysed_hz, self.dropped, self.camera_missed
            ),
        );
        let latency = |l: &Latency| {
            format!(
                "{:.1} ms, 95 % {:.1} ms, at most {:.1} ms",
                l.median_ms, l.p95_ms, l.most_ms
            )
        };
        for (name, value) in [
            ("capture to analysed", &self.capture_to_analysed),
            ("capture to window", &self.capture_to_window),
            ("capture to drawn", &self.capture_to_drawn),
            ("a frame of the window", &self.frame),
        ] {
            if let Some(value) = value {
                line(name, latency(value));
            }
        }
        if let Some(frames_hz) = self.frames_hz {
            line("frames drawn", format!("{frames_hz:.1}/s"));
        }
        if self.cpu_percent.is_empty() {
            line("cores", "not told on this system".to_owned());
        } else {
            let parts = self.cpu_percent.iter();
            let parts: Vec<String> = parts.map(|(n, p)| format!("{n} {p:.1} %")).collect();
            let all = format!(
                "{:.1} % of one, ours: {}",
                self.cpu_percent_own,
                parts.join(", ")
            );
            line("cores", all);
        }
        if let Some(memory) = &self.memory {
            line(
                "memory",
                format!(
                    "{:.1} MiB in the first {:.0} s, {:.1} MiB in the last ({:+.1} %)",
                    memory.first_mib, self.part_s, memory.last_mib, memory.growth_percent
                ),
            );
        }
        for (name, value) in self.stretches.lines(self.part_s) {
            line(&name, value);
        }
        if let (Some(first), Some(last)) = (self.first_waiting, self.last_waiting) {
            line(
                "records waiting",
                format!(
                    "at most {first} in the first {:.0} s, {last} in the last",
                    self.part_s
                ),
            );
        }
        text
    }
}

impl Stretches {
    /// Names and values for a terminal; `part_s` is the length of the first part and of the last one.
    fn lines(&self, part_s: f64) -> Vec<(String, String)> {
        let mut lines = Vec::new();
        let mut line = |name: &str, unit: &str, of: &dyn Fn(&Stretch) -> Option<f64>| {
            let parts = (of(&self.first), of(&self.last), of(&self.whole));
            if let (Some(first), Some(last), Some(whole)) = parts {
                let value = format!(
                    "{first:.1} {unit} in the first {part_s:.0} s, {last:.1} {unit} in the last, {whole:.1} {unit} in all"
                );
                lines.push((name.to_owned(), value));
            }
        };
        line("to the window, median", "ms", &|s| s.median_ms);
        line("to the window, 95 %", "ms", &|s| s.p95_ms);
        let of_core = "% of a core";
        let cores = |of: fn(&Contention) -> Option<f64>| move |s: &Stretch| of(&s.contention);
        line(
            "taken by the hypervisor",
            of_core,
            &cores(|c| c.stolen_percent),
        );
        line(
            "taken by other programs",
            of_core,
            &cores(|c| c.others_percent),
        );
        let waiters = self.whole.contention.waited_percent.iter().flatten();
        for (waiter, _) in waiters {
            line(&format!("core awaited: {waiter}"), of_core, &|s| {
                s.contention.waited_percent.as_ref()?.get(waiter).copied()
            });
        }
        let each = |of: &dyn Fn(&Stretch) -> Option<f64>| {
            let figures: Vec<Option<f64>> = self.slices.iter().map(of).collect();
            let told = figures.iter().any(Option::is_some);
            let words = figures
                .iter()
                .map(|f| f.map_or("-".to_owned(), |f| format!("{f:.1}")));
            told.then(|| words.collect::<Vec<_>>().join(" "))
        };
        let slices = [
            ("95 %", "ms", each(&|s| s.p95_ms)),
            ("hypervisor", of_core, each(&cores(|c| c.stolen_percent))),
            ("others", of_core, each(&cores(|c| c.others_percent))),
        ];
        for (name, unit, figures) in slices {
            if let Some(figures) = figures {
                let name = format!("{name}, each {} s", short(self.slice_s));
                lines.push((name, format!("{figures} {unit}")));
            }
        }
        lines
    }
}

/// Seconds with one place after the point, or none where it would be 0.
fn short(seconds: f64) -> String {
    let text = format!("{seconds:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}
