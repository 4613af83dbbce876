//! `affectscope [INPUT]`: the window; `affectscope review`: the window at the annotator's bench.

use std::sync::{Arc, OnceLock};

use super::{Failure, Interrupt, load};
use crate::cli::{LookArgs, NetworkArgs, ReviewArgs, ThemeArg, WindowArgs};
use crate::formats::labels::{LabelFormat, sniff_file};
use crate::formats::rows::table_beside;
use crate::gui::{self, Screenshot, WindowError, WindowOptions};
use crate::live::{Live, Wake};
use crate::review::session::Request;
use crate::settings::{Settings, ThemeChoice};
use crate::source::SourceSpec;

/// What the window begins with.
enum Begin {
    /// The first of these sources that opens; `true`: the user asked for it.
    Source(Vec<SourceSpec>, bool),
    /// The annotator's bench.
    Review(Request, Option<String>),
}

/// Opens the window and stays until it is closed.
///
/// # Errors
/// When the input is not there, the network cannot be had, or there is no display.
pub fn run(args: &WindowArgs) -> Result<(), Failure> {
    let (settings, note) = settings();
    let candidates = candidates(args, &settings)?;
    let begin = Begin::Source(candidates, args.spec().is_some());
    open(&args.network, &args.look, settings, note, begin)
}

/// Opens the window at the annotator's bench.
///
/// # Errors
/// As [`run`].
pub fn review(args: &ReviewArgs) -> Result<(), Failure> {
    let example = args
        .video
        .as_deref()
        .is_some_and(|v| v.as_os_str() == "demo");
    let given = args.video.as_ref().filter(|_| !example);
    // A table or labels alone are opened as what they are.
    let kind = given.and_then(|path| sniff_file(path));
    let video = given.filter(|_| kind.is_none());
    let (mut predictions, mut annotations) = (args.predictions.clone(), args.annotations.clone());
    match (kind, given) {
        (Some(LabelFormat::Affectscope), Some(table)) if predictions.is_none() => {
            predictions = Some(table.clone());
        }
        (Some(_), Some(labels)) => annotations.insert(0, labels.clone()),
        _ => {}
    }
    let files = [video, predictions.as_ref()];
    for path in files.into_iter().flatten().chain(&annotations) {
        if !path.exists() && !path.to_string_lossy().contains('%') {
            return Err(crate::source::SourceError::NotFound(path.clone()).into());
        }
    }
    let beside = || table_beside(video?);
    let request = Request {
        video: video.cloned(),
        predictions: predictions.clone().or_else(beside),
        annotations,
        example,
    };
    let (settings, note) = settings();
    open(
        &args.network,
        &args.look,
        settings,
        note,
        Begin::Review(request, args.annotator.clone()),
    )
}

fn settings() -> (Settings, Option<String>) {
    match &Settings::default_path() {
        Some(path) => Settings::load_from(path),
        None => (Settings::default(), None),
    }
}

fn open(
    network: &NetworkArgs,
    look: &LookArgs,
    settings: Settings,
    note: Option<String>,
    begin: Begin,
) -> Result<(), Failure> {
    let (student, device) = load(network)?;
    let (wake, window_wake) = late_wake();
    // A recording in the window ends well when the system says stop.
    let interrupt = Interrupt::listen_and({
        let wake = wake.clone();
        move || wake()
    });
    let mut live =
        Live::start(student, &device, wake).map_err(|e| Failure::broken(e.to_string()))?;
    let mut annotator = None;
    let (hoped_for, review) = match begin {
        Begin::Source(candidates, asked) => {
            // Where the user asked for a source there is nothing to explain.
            let hoped_for = if asked {
                Vec::new()
            } else {
                candidates.clone()
            };
            live.open_first(candidates);
            (hoped_for, None)
        }
        Begin::Review(request, who) => {
            annotator = who;
            (Vec::new(), Some(request))
        }
    };
    let options = WindowOptions {
        theme: look.theme.map(|theme| match theme {
            ThemeArg::Dark => ThemeChoice::Dark,
            ThemeArg::Light => ThemeChoice::Light,
            ThemeArg::System => ThemeChoice::System,
        }),
        size: look.size.map(|(w, h)| [w, h]),
        hoped_for,
        screenshot: look
            .screenshot
            .clone()
            .zip(look.after)
            .map(|(path, after_s)| Screenshot { path, after_s }),
        open: None,
        review,
        annotator,
        after_paint: None,
        settings_path: Settings::default_path(),
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
