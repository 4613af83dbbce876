//! What the figures were measured on, and with.

use serde::Serialize;

use crate::model::conv::isa::InstructionSet;

/// Word for what a system does not tell.
const UNKNOWN: &str = "unknown";

/// The machine and the versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// Cores that this process may use at once.
    pub cores: usize,
    /// The instruction set that the network's kernels were written for and that is in use.
    pub instruction_set: String,
    /// Name and version of the system.
    pub os: String,
    /// `x86_64`, `aarch64`, ...
    pub architecture: &'static str,
    /// Version of this program.
    pub affectscope: &'static str,
    /// The compiler that built it.
    pub rustc: &'static str,
    /// True when it was built without optimisation: such figures mean nothing.
    pub debug_build: bool,
}

impl Machine {
    /// This one.
    pub fn here() -> Self {
        Self {
            cpu: cpu().unwrap_or_else(|| UNKNOWN.to_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            instruction_set: InstructionSet::chosen().title().to_owned(),
            os: os(),
            architecture: std::env::consts::ARCH,
            affectscope: env!("CARGO_PKG_VERSION"),
            rustc: option_env!("AFFECTSCOPE_RUSTC").unwrap_or(UNKNOWN),
            debug_build: cfg!(debug_assertions),
        }
    }

    /// Lines for a terminal.
    pub fn lines(&self) -> String {
        let cores = match self.cores {
            1 => "1 core".to_owned(),
            n => format!("{n} cores"),
        };
        let warning = if self.debug_build {
            "\nwarning         built without --release: these figures mean nothing"
        } else {
            ""
        };
        format!(
            "machine         {}, {cores}, {}\nkernels         {}\nversions        affectscope {}, {}, {}{warning}\n",
            self.cpu,
            self.architecture,
            self.instruction_set,
            self.affectscope,
            self.rustc,
            self.os
        )
    }
}

#[cfg(target_os = "linux")]
fn cpu() -> Option<String> {
    let text = std::fs::read_to_string("/proc/cpuinfo").ok()?;
    value_of(&text, "model name", ':')
}

#[cfg(target_os = "macos")]
fn cpu() -> Option<String> {
    let output = std::process::Command::new("sysctl")
        .args(["-n", "machdep.cpu.brand_string"])
        .output()
        .ok()?;
    let name = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (!name.is_empty()).then_some(name)
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn cpu() -> Option<String> {
    // Windows sets it.
    std::env::var("PROCESSOR_IDENTIFIER").ok()
}

#[cfg(target_os = "linux")]
fn os() -> String {
    let name = std::fs::read_to_string("/etc/os-release")
        .ok()
        .and_then(|text| value_of(&text, "PRETTY_NAME", '='));
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").ok();
    match (name, kernel) {
        (Some(name), Some(kernel)) => format!("{name} (Linux {})", kernel.trim()),
        (Some(name), None) => name,
        (None, Some(kernel)) => format!("Linux {}", kernel.trim()),
        (None, None) => "Linux".to_owned(),
    }
}

#[cfg(not(target_os = "linux"))]
fn os() -> String {
    std::env::consts::OS.to_owned()
}

/// The value of the first line `name <separator> value`, without quotes.
#[cfg(any(target_os = "linux", test))]
fn value_of(text: &str, name: &str, separator: char) -> Option<String> {
    text.lines().find_map(|line| {
        let (key, value) = line.split_once(separator)?;
        let value = value.trim().trim_matches('"');
        (key.trim() == name && !value.is_empty()).then(|| value.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_what_linux_tells() {
        let cpus = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\n\nprocessor\t: 1\nmodel name\t: other\n";
        assert_eq!(
            value_of(cpus, "model name", ':').as_deref(),
            Some("Some CPU @ 2 GHz")
        );
        let os = "ID=x\nPRETTY_NAME=\"Some System 12\"\n";
        assert_eq!(
            value_of(os, "PRETTY_NAME", '=').as_deref(),
            Some("Some System 12")
        );
        assert_eq!(value_of("processor : 0\n", "model name", ':'), None);
    }

    #[test]
    fn this_machine_has_a_core_and_a_name() {
        let machine = Machine::here();
        assert!(machine.cores >= 1 && !machine.cpu.is_empty() && !machine.os.is_empty());
        assert!(machine.lines().starts_with("machine "));
    }
}
