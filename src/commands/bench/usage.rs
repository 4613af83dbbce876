//! Processor time by thread and resident memory of this process, as Linux tells them; elsewhere nothing is told.

use std::collections::BTreeMap;

/// Processor time of the threads that were there, nanoseconds by thread id, with the threads' names.
#[derive(Debug, Clone, Default)]
pub(super) struct Threads(BTreeMap<u32, (String, u64)>);

/// What a thread does, by its name.
pub(super) fn role(name: &str, main: &str) -> &'static str {
    const ROLES: [(&str, &str); 6] = [
        ("capture", "capture"),
        ("analysis", "analysis"),
        ("network", "network threads"),
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

/// The thread that the window is drawn on.
pub(super) const MAIN: &str = "main";
/// Threads that draw in place of a graphics card.
pub(super) const SOFTWARE_RENDERER: &str = "software renderer";

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
            let used = std::fs::read_to_string(task.path().join("schedstat"));
            if let (Ok(name), Some(used_ns)) = (name, used.ok().and_then(|text| first(&text))) {
                self.0.insert(id, (name.trim().to_owned(), used_ns));
            }
        }
    }

    /// Seconds of processor time since `before`, by what the threads do; `main` is the main thread's name.
    pub fn since(&self, before: &Self, main: &str) -> BTreeMap<&'static str, f64> {
        let mut seconds = BTreeMap::new();
        for (id, (name, used_ns)) in &self.0 {
            let before_ns = before.0.get(id).map_or(0, |(_, ns)| *ns);
            *seconds.entry(role(name, main)).or_insert(0.0) +=
                used_ns.saturating_sub(before_ns) as f64 / 1e9;
        }
        seconds
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
    Some(first(line)? * 1024)
}

/// The first number of a line.
fn first(text: &str) -> Option<u64> {
    text.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
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
}
