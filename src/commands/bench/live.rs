//! `bench --live`: the real session on a synthetic camera, with the real window where there is a display.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::camera::Pictures;
use super::live_report::{Latency, LiveReport, Memory};
use super::stretches::{Look, Stretches};
use super::usage::{self, SOFTWARE_RENDERER, Threads};
use super::watched::{Log, SharedLog, Timed, Watched};
use crate::cli::BenchArgs;
use crate::commands::window::late_wake;
use crate::commands::{Failure, say};
use crate::evaluate::bootstrap::quantile;
use crate::gui::{self, AfterPaint, WindowOptions};
use crate::live::{Live, Wake};
use crate::model::device::Chosen;
use crate::model::student::Student;
use crate::session::Engine as _;
use crate::settings::Settings;
use crate::slot::Slot;
use crate::source::SourceSpec;

/// Frames that are written down without asking for more memory meanwhile: some two hours.
const MOST_LOGGED: usize = 500_000;
/// Before anything counts: the window opens, the caches fill.
const WARM_UP: Duration = Duration::from_secs(3);
/// Begin and end of a run are compared over a minute, or over a third of a shorter run.
const PART: Duration = Duration::from_secs(60);
/// Between two looks at memory, threads and cores.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The longest nap of whoever waits for the end.
const NAP: Duration = Duration::from_millis(100);
/// Size of the window, points.
const WINDOW: [f32; 2] = [1280.0, 800.0];

/// What the second thread saw.
struct Seen {
    from: Instant,
    to: Instant,
    before: Threads,
    after: Threads,
    memory: Vec<(Instant, u64)>,
    looks: Vec<Look>,
}

/// Runs it.
pub(super) fn run(
    args: &BenchArgs,
    seconds: f64,
    student: &Arc<Student>,
    chosen: &Chosen,
) -> Result<LiveReport, Failure> {
    let pictures = Pictures::prepare(args.camera_hz, args.mjpeg)?;
    let missed = pictures.missed();
    let window = !args.no_window && gui::has_display();
    if !window && !args.no_window {
        say("no display: the session alone is measured, without the window");
    }
    let (wake, window_wake) = late_wake();
    let broken = |e: &dyn std::fmt::Display| Failure::broken(e.to_string());
    let mut live = Live::start_with(student.clone(), chosen, wake.clone(), pictures.opener())
        .map_err(|e| broken(&e))?;
    live.open_first(vec![SourceSpec::Camera(None)]);
    // No display shows more a second than this, nor does the window.
    let most_hz = args.camera_hz.max(80.0);
    let log = SharedLog::with_room(((seconds * most_hz) as usize + 1000).min(MOST_LOGGED));
    let from = Instant::now() + WARM_UP;
    log.lock().since = Some(from);
    let engine = Watched {
        live,
        log: log.clone(),
        pause: args.paused,
    };
    let (quit, over) = (
        Arc::new(AtomicBool::new(false)),
        Arc::<AtomicBool>::default(),
    );
    let to = from + Duration::from_secs_f64(seconds);
    let (theirs, done, missed_there) = (quit.clone(), over.clone(), missed.clone());
    let main = usage::own_name();
    let main_there = main.clone();
    let watcher = std::thread::Builder::new()
        .name("bench".to_owned())
        .spawn(move || {
            let mut missed_before = 0;
            let seen = look_on((from, to), &main_there, &done, || {
                missed_before = missed_there.load(Ordering::Relaxed);
            });
            theirs.store(true, Ordering::SeqCst);
            wake();
            (seen, missed_there.load(Ordering::Relaxed) - missed_before)
        })
        .map_err(|e| broken(&e))?;
    let shown = if window {
        let painted = log.clone();
        let options = WindowOptions {
            size: Some(WINDOW),
            quit: Some(quit),
            after_paint: Some(AfterPaint(Arc::new(move |took| {
                painted.lock().drawn(took.as_secs_f64() * 1e3);
            }))),
            ..WindowOptions::default()
        };
        let factory = move |wake: Wake| {
            // Set once, here.
            let _ = window_wake.set(wake);
            Box::new(engine) as _
        };
        gui::run(factory, Settings::default(), options).map_err(|e| broken(&e))
    } else {
        let news = Arc::new(Slot::default());
        let put = news.clone();
        // Set once, here.
        let _ = window_wake.set(Arc::new(move || put.put(|_| ())));
        session_alone(engine, &news, &quit);
        Ok(())
    };
    over.store(true, Ordering::SeqCst);
    let seen = watcher.join();
    shown?;
    let (seen, camera_missed) = seen.map_err(|_| Failure::broken("the watching thread broke"))?;
    let seen = seen.ok_or_else(|| {
        Failure::broken("the window was closed before the time was over. Leave it open.")
    })?;
    let log = log.lock();
    let about = About {
        args,
        window,
        weights: student.card().name.clone(),
        threads: student.kernels().map_or(1, |k| k.threads),
        camera_missed,
        main: &main,
    };
    Ok(report(&about, &log, &seen))
}

/// Takes up what comes as soon as it comes, as a window would that costs nothing to draw.
fn session_alone(mut engine: Watched, news: &Slot<()>, quit: &AtomicBool) {
    while !quit.load(Ordering::SeqCst) {
        if news.take(NAP).is_some() {
            engine.poll();
        }
    }
}

/// Looks at memory, threads and cores until the time is over; `None` when it was over before. `main` is the main
/// thread's name.
fn look_on(
    (from, to): (Instant, Instant),
    main: &str,
    over: &AtomicBool,
    begin: impl FnOnce(),
) -> Option<Seen> {
    let nap_until = |end: Instant| {
        while Instant::now() < end {
            if over.load(Ordering::SeqCst) {
                return None;
            }
            std::thread::sleep(NAP.min(end.saturating_duration_since(Instant::now())));
        }
        Some(())
    };
    nap_until(from)?;
    begin();
    let mut before = Threads::default();
    before.refresh();
    let most = (to.saturating_duration_since(from).as_secs() as usize + 8).min(MOST_LOGGED);
    let mut seen = Seen {
        from: Instant::now(),
        to,
        after: before.clone(),
        before,
        memory: Vec::with_capacity(most),
        looks: Vec::with_capacity(most),
    };
    let mut next = seen.from;
    loop {
        let now = Instant::now();
        // A thread that ends before the next look keeps what it had at this one.
        seen.after.refresh();
        seen.looks.push(Look::now(&seen.after, main));
        seen.memory
            .extend(usage::resident_bytes().map(|bytes| (now, bytes)));
        if now >= to {
            break;
        }
        next += LOOK_EVERY;
        nap_until(next.min(to))?;
    }
    seen.to = Instant::now();
    Some(seen)
}

/// What is known beside the log.
struct About<'a> {
    args: &'a BenchArgs,
    window: bool,
    weights: String,
    threads: usize,
    camera_missed: u64,
    main: &'a str,
}

fn report(about: &About<'_>, log: &Log, seen: &Seen) -> LiveReport {
    let seconds = (seen.to - seen.from).as_secs_f64();
    let part = PART.min(Duration::from_secs_f64(seconds / 3.0));
    let in_first = |at: Instant| at < seen.from + part;
    let in_last = |at: Instant| at + part > seen.to;
    let cpu_percent: BTreeMap<&'static str, f64> = seen
        .after
        .since(&seen.before, about.main)
        .into_iter()
        .map(|(role, busy_s)| (role, busy_s / seconds * 100.0))
        .collect();
    let own = cpu_percent
        .iter()
        .filter(|(role, _)| ![SOFTWARE_RENDERER, "bench"].contains(*role));
    let rates = rates(log);
    let stretches = Stretches::of((seen.from, seen.to), part, &log.taken, &seen.looks);
    let waiting = |wanted: &dyn Fn(Instant) -> bool| {
        let of = log.waiting.iter().filter(|(at, _)| wanted(*at));
        of.map(|(_, count)| *count).max()
    };
    LiveReport {
        seconds,
        window: about.window,
        paused: about.args.paused,
        camera_hz: about.args.camera_hz,
        camera_format: if about.args.mjpeg { "MJPEG" } else { "RGB" },
        weights: about.weights.clone(),
        threads: about.threads,
        captured_hz: rates.0,
        analysed_hz: rates.1,
        dropped: rates.2,
        camera_missed: about.camera_missed,
        records_missed: log.records_missed,
        capture_to_analysed: latency(&log.analysed),
        capture_to_window: latency(&log.taken),
        capture_to_drawn: latency(&log.drawn),
        frames_hz: about.window.then(|| log.frames.len() as f64 / seconds),
        frame: latency(&log.frames),
        cpu_percent_own: own.map(|(_, percent)| percent).sum(),
        cpu_percent,
        memory: memory(&seen.memory, &in_first, &in_last),
        part_s: part.as_secs_f64(),
        first_p95_ms: stretches.first.p95_ms,
        last_p95_ms: stretches.last.p95_ms,
        first_waiting: waiting(&in_first),
        last_waiting: waiting(&in_last),
        stretches,
    }
}

/// Captured a second, analysed a second, dropped.
fn rates(log: &Log) -> (f64, f64, u64) {
    let (Some((first, begin)), Some((last, end))) = (&log.first, &log.last) else {
        return (0.0, 0.0, 0);
    };
    let seconds = (*last - *first).as_secs_f64().max(1e-3);
    let analysed = end.rates.analysed.saturating_sub(begin.rates.analysed);
    let dropped = end.rates.dropped.saturating_sub(begin.rates.dropped);
    (
        (analysed + dropped) as f64 / seconds,
        analysed as f64 / seconds,
        dropped,
    )
}

fn latency(times: &[Timed]) -> Option<Latency> {
    let mut sorted: Vec<f64> = times.iter().map(|t| t.ms).collect();
    sorted.sort_by(f64::total_cmp);
    Some(Latency {
        most_ms: *sorted.last()?,
        median_ms: quantile(&sorted, 0.5),
        p95_ms: quantile(&sorted, 0.95),
    })
}

fn memory(
    looks: &[(Instant, u64)],
    in_first: &dyn Fn(Instant) -> bool,
    in_last: &dyn Fn(Instant) -> bool,
) -> Option<Memory> {
    let mean_mib = |wanted: &dyn Fn(Instant) -> bool| {
        let of: Vec<f64> = looks
            .iter()
            .filter(|(at, _)| wanted(*at))
            .map(|(_, bytes)| *bytes as f64 / f64::from(1 << 20))
            .collect();
        (!of.is_empty()).then(|| of.iter().sum::<f64>() / of.len() as f64)
    };
    let (first_mib, last_mib) = (mean_mib(in_first)?, mean_mib(in_last)?);
    Some(Memory {
        first_mib,
        last_mib,
        growth_percent: (last_mib / first_mib - 1.0) * 100.0,
    })
}
