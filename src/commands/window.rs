//! `affectscope [INPUT]`: the window.

use std::sync::{Arc, OnceLock};

use super::{Failure, Interrupt, load};
use crate::cli::{ThemeArg, WindowArgs};
use crate::gui::{self, Screenshot, WindowError, WindowOptions};
use crate::live::{Live, Wake};
use crate::settings::{Settings, ThemeChoice};
use crate::source::SourceSpec;

/// Opens the window and stays until it is closed.
///
/// # Errors
/// When the input is not there, the network cannot be had, or there is no display.
pub fn run(args: &WindowArgs) -> Result<(), Failure> {
    let settings_path = Settings::default_path();
    let (settings, note) = match &settings_path {
        Some(path) => Settings::load_from(path),
        None => (Settings::default(), None),
    };
    let candidates = candidates(args, &settings)?;
    let (student, device) = load(&args.network)?;
    let (wake, window_wake) = late_wake();
    // A recording in the window ends well when the system says stop.
    let interrupt = Interrupt::listen_and({
        let wake = wake.clone();
        move || wake()
    });
    let mut live =
        Live::start(student, &device, wake).map_err(|e| Failure::broken(e.to_string()))?;
    // Where the user asked for a source there is nothing to explain.
    let hoped_for = if args.spec().is_none() {
        candidates.clone()
    } else {
        Vec::new()
    };
    live.open_first(candidates);
    let options = WindowOptions {
        theme: args.theme.map(|theme| match theme {
            ThemeArg::Dark => ThemeChoice::Dark,
            ThemeArg::Light => ThemeChoice::Light,
            ThemeArg::System => ThemeChoice::System,
        }),
        size: args.size.map(|(w, h)| [w, h]),
        hoped_for,
        screenshot: args
            .screenshot
            .clone()
            .zip(args.after)
            .map(|(path, after_s)| Screenshot { path, after_s }),
        open: None,
        after_paint: None,
        settings_path,
        quit: Some(interrupt.flag()),
        note,
    };
    let factory = move |wake: Wake| {
        // Set once, here.
        let _ = window_wake.set(wake);
        Box::new(live) as _
    };
    gui::run(factory, settings, options).map_err(|e| match e {
        WindowError::Screenshot(_) | WindowError::NoDisplay | WindowError::MissingLibrary(_) => {
            Failure::bad_input(e.to_string())
        }
        WindowError::Failed(_) => Failure::broken(e.to_string()),
    })
}

/// The session starts before the window does: once the window's own wake is put into the cell, the session's does that.
pub(super) fn late_wake() -> (Wake, Arc<OnceLock<Wake>>) {
    let later: Arc<OnceLock<Wake>> = Arc::default();
    let waker = later.clone();
    let wake: Wake = Arc::new(move || {
        if let Some(wake) = waker.get() {
            wake();
        }
    });
    (wake, later)
}

/// What to open: what was asked for; else the last source, else a camera, else the demo.
fn candidates(args: &WindowArgs, settings: &Settings) -> Result<Vec<SourceSpec>, Failure> {
    if let Some(spec) = args.spec() {
        // Told on the terminal that it was asked on; the window has words of its own for what it finds inside.
        if let SourceSpec::Path(path) = &spec
            && !path.exists()
            && !path.to_string_lossy().contains('%')
        {
            return Err(crate::source::SourceError::NotFound(path.clone()).into());
        }
        return Ok(vec![spec]);
    }
    let last = settings.source.as_deref().map(|text| {
        let Ok(spec) = text.parse::<SourceSpec>();
        spec
    });
    let mut candidates: Vec<SourceSpec> = last.into_iter().collect();
    for other in [SourceSpec::Camera(None), SourceSpec::Demo] {
        if !candidates.contains(&other) {
            candidates.push(other);
        }
    }
    Ok(candidates)
}
