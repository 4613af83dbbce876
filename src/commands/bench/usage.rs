//! Processor time by thread and resident memory of this process, and what was left of the machine's cores, as Linux
//! tells them; elsewhere nothing is told.

use std::collections::BTreeMap;

/// What is known of the threads that were there, by thread id.
#[derive(Debug, Clone, Default)]
pub(super) struct Threads(BTreeMap<u32, Thread>);

/// One thread.
#[derive(Debug, Clone)]
struct Thread {
    name: String,
    /// Processor time.
    used_ns: u64,
    /// Time that it was ready to run and had no core.
    waited_ns: u64,
}

/// What a thread does, by its name.
pub(super) fn role(name: &str, main: &str) -> &'static str {
    const ROLES: [(&str, &str); 6] = [
        ("capture", CAPTURE),
        ("analysis", ANALYSIS),
        ("network", NETWORK),
        // Mesa's rasteriser, and its helpers of the same process.
        ("llvmpipe", SOFTWARE_RENDERER),
        ("swrast", SOFTWARE_RENDERER),
        ("bench", "bench"),
    ];
    if name == main {
        return MAIN;
    }
    ROLES
        .iter()
        .find(|(start, _)| name.starts_with(start))
        .map_or("other", |(_, role)| role)
}

const CAPTURE: &str = "capture";
const ANALYSIS: &str = "analysis";
const NETWORK: &str = "network threads";
/// The thread that the window is drawn on.
pub(super) const MAIN: &str = "main";
/// Threads that draw in place of a graphics card.
pub(super) const SOFTWARE_RENDERER: &str = "software renderer";
/// Whose waiting for a core makes a picture late.
pub(super) const WAITERS: [&str; 5] = [CAPTURE, ANALYSIS, NETWORK, MAIN, SOFTWARE_RENDERER];

impl Threads {
    /// As they are now; a thread that has ended since `self` was taken keeps what it had.
    pub fn refresh(&mut self) {
        let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
            return;
        };
        for task in tasks.flatten() {
            let Some(id) = task.file_name().to_str().and_then(|n| n.parse().ok()) else {
                continue;
            };
            // A thread may end between the two reads.
            let name = std::fs::read_to_string(task.path().join("comm"));
            let times = std::fs::read_to_string(task.path().join("schedstat"));
            if let (Ok(name), Ok(times)) = (name, times)
                && let Some(used_ns) = figure(&times, 0)
            {
                let thread = Thread {
                    name: name.trim().to_owned(),
                    used_ns,
                    waited_ns: figure(&times, 1).unwrap_or(0),
                };
                self.0.insert(id, thread);
            }
        }
    }

    /// Seconds of processor time since `before`, by what the threads do; `main` is the main thread's name.
    pub fn since(&self, before: &Self, main: &str) -> BTreeMap<&'static str, f64> {
        let mut seconds = BTreeMap::new();
        for (id, thread) in &self.0 {
            let before_ns = before.0.get(id).map_or(0, |t| t.used_ns);
            *seconds.entry(role(&thread.name, main)).or_insert(0.0) +=
                thread.used_ns.saturating_sub(before_ns) as f64 / 1e9;
        }
        seconds
    }

    /// Seconds that the threads of each of [`WAITERS`] have waited for a core since they began; `main` is the main
    /// thread's name.
    pub fn waited_s(&self, main: &str) -> [f64; WAITERS.len()] {
        WAITERS.map(|waiter| {
            let of = self.0.values().filter(|t| role(&t.name, main) == waiter);
            of.map(|t| t.waited_ns as f64 / 1e9).sum()
        })
    }
}

/// Ticks a second of the times in `/proc/stat` and `/proc/self/stat`: Linux promises this one to programs on all
/// machines that this is built for, whatever its own clock does.
const TICKS_PER_S: f64 = 100.0;

/// What the machine's cores gave to somebody else, seconds since it was started, summed over the cores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Cores {
    /// The hypervisor gave to other machines, while something here was ready to run.
    pub stolen_s: f64,
    /// Programs beside this one, and the system itself.
    pub others_s: f64,
}

impl Cores {
    /// As they are now.
    pub fn now() -> Option<Self> {
        let machine = std::fs::read_to_string("/proc/stat").ok()?;
        let own = std::fs::read_to_string("/proc/self/stat").ok()?;
        Self::of(&machine, &own)
    }

    /// From the texts of the two files.
    fn of(machine: &str, own: &str) -> Option<Self> {
        let cores = machine.lines().next()?.strip_prefix("cpu ")?;
        let ticks: Vec<u64> = cores
            .split_whitespace()
            .map_while(|n| n.parse().ok())
            .collect();
        // The guests' times, which come after these, are in the user's already.
        let &[
            user,
            nice,
            system,
            _idle,
            _waiting_for_disk,
            irq,
            soft_irq,
            stolen,
            ..,
        ] = ticks.as_slice()
        else {
            return None;
        };
        // The name, in brackets, may have blanks in it. After it: the state, ten more, and the times.
        let (_, after_name) = own.rsplit_once(')')?;
        let own = figure(after_name, 11)? + figure(after_name, 12)?;
        let busy = user + nice + system + irq + soft_irq;
        Some(Self {
            stolen_s: stolen as f64 / TICKS_PER_S,
            others_s: (busy as f64 - own as f64) / TICKS_PER_S,
        })
    }
}

/// The name of the calling thread, as the system has it.
pub(super) fn own_name() -> String {
    std::fs::read_to_string("/proc/thread-self/comm").map_or(String::new(), |n| n.trim().to_owned())
}

/// Resident memory, bytes.
pub(super) fn resident_bytes() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("VmRSS:"))?;
    Some(figure(line, 0)? * 1024)
}

/// The number at a place of a line, counted from 0.
fn figure(line: &str, place: usize) -> Option<u64> {
    line.split_whitespace().nth(place)?.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_told_apart_by_name() {
        assert_eq!(role("capture-1", "affectscope"), "capture");
        assert_eq!(role("affectscope", "affectscope"), MAIN);
        assert_eq!(role("llvmpipe-0", "affectscope"), SOFTWARE_RENDERER);
        assert_eq!(role("gmain", "affectscope"), "other");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn work_shows_up_where_it_was_done() {
        let mut before = Threads::default();
        before.refresh();
        let mut x = 0_u64;
        let start = std::time::Instant::now();
        while start.elapsed().as_millis() < 30 {
            x = std::hint::black_box(x + 1);
        }
        let mut after = before.clone();
        after.refresh();
        let name = own_name();
        assert!(after.since(&before, &name)[MAIN] > 0.0);
        assert!(resident_bytes().is_some_and(|b| b > 1 << 20));
    }

    #[test]
    fn the_cores_are_read_from_what_linux_tells() {
        let machine = "cpu  1000 20 300 4000 50 6 70 800 9 1\ncpu0 1 2 3 4 5 6 7 8 9 10\n";
        let own = "42 (two (words) R) S 1 1 1 0 -1 0 0 0 0 0 500 100 0 0 20 0 1 0 5 0 0";
        let cores = Cores::of(machine, own);
        assert_eq!(
            cores,
            Some(Cores {
                stolen_s: 8.0,
                others_s: 7.96,
            })
        );
        assert_eq!(Cores::of("cpu  1 2 3\n", own), None);
        assert_eq!(Cores::of(machine, "42 (short) S"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn another_program_s_work_is_others_and_our_waiting_is_told() {
        let before = Cores::now();
        let mut busy = std::process::Command::new("sh")
            .args(["-c", "while :; do :; done"])
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(300));
        let after = Cores::now();
        busy.kill().unwrap();
        busy.wait().unwrap();
        let others_s = after.unwrap().others_s - before.unwrap().others_s;
        assert!(others_s > 0.05, "{others_s}");
        // More threads than cores: some of them wait.
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let waited_s = || {
            let mut threads = Threads::default();
            threads.refresh();
            threads.waited_s("no name")[1]
        };
        std::thread::scope(|scope| {
            for _ in 0..=cores {
                let work = || {
                    let start = std::time::Instant::now();
                    while start.elapsed().as_millis() < 200 {
                        std::hint::black_box(start);
                    }
                    waited_s()
                };
                let thread = std::thread::Builder::new().name("analysis".to_owned());
                thread.spawn_scoped(scope, work).unwrap();
            }
            std::thread::sleep(std::time::Duration::from_millis(150));
            assert!(waited_s() > 0.0);
        });
    }
}
