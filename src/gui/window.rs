//! The window itself: what the system must have, and eframe around the app.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use eframe::egui;

use super::app::App;
use super::timed;
use crate::session::Engine;
use crate::settings::{Settings, ThemeChoice};
use crate::source::SourceSpec;

/// A picture of the window to be written, after which it closes.
#[derive(Debug, Clone, PartialEq)]
pub struct Screenshot {
    /// The PNG file.
    pub path: PathBuf,
    /// Seconds after the window's first frame.
    pub after_s: f64,
}

/// How the window is to be started.
#[derive(Debug, Clone, Default)]
pub struct WindowOptions {
    /// In place of the theme of the settings, and not remembered.
    pub theme: Option<ThemeChoice>,
    /// In place of the size of the settings, points, and not remembered.
    pub size: Option<[f32; 2]>,
    /// What is tried in this order, when nobody asked for a source: the window says which of it could not be had.
    pub hoped_for: Vec<SourceSpec>,
    /// Write a picture of the window, then close.
    pub screenshot: Option<Screenshot>,
    /// The source to open at the start; `None`: the engine has been told already.
    pub open: Option<SourceSpec>,
    /// Where the settings are kept; `None`: nowhere.
    pub settings_path: Option<PathBuf>,
    /// Set from outside when the window is to close: the system's word to terminate.
    pub quit: Option<Arc<AtomicBool>>,
    /// Words that the user should see at the start: a note on the settings, say.
    pub note: Option<String>,
    /// Begin at the annotator's bench, with this open.
    pub review: Option<crate::review::session::Request>,
    /// Who annotates there, in place of who the settings say; not remembered.
    pub annotator: Option<String>,
    /// Told after each frame; for measurements.
    pub after_paint: Option<AfterPaint>,
}

/// Called on the window's thread when a frame has been handed to the display, with how long it took from its begin,
/// the display's own waiting included.
#[derive(Clone)]
pub struct AfterPaint(pub Arc<dyn Fn(Duration) + Send + Sync>);

impl std::fmt::Debug for AfterPaint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AfterPaint")
    }
}

/// Why there is no window. Every text ends with what to do.
#[derive(Debug, thiserror::Error)]
pub enum WindowError {
    /// Neither X11 nor Wayland is there.
    #[error(
        "There is no display: neither DISPLAY nor WAYLAND_DISPLAY is set. Start this from a desktop session, or analyse \
         files without a window: affectscope analyze FILE."
    )]
    NoDisplay,
    /// A library that windows need under X11 is missing.
    #[error(
        "{0} is not installed, and a window needs it. Install it (Debian, Ubuntu: apt install libxkbcommon-x11-0; Fedora: \
         dnf install libxkbcommon-x11; Arch: pacman -S libxkbcommon-x11) and try again."
    )]
    MissingLibrary(&'static str),
    /// The window system or OpenGL said no.
    #[error(
        "The window could not be opened: {0}. Check that the display can be reached and that OpenGL drivers are installed \
         (Debian, Ubuntu: apt install libegl1 libgl1-mesa-dri)."
    )]
    Failed(String),
    /// The picture of the window could not be written.
    #[error("{0}. Check the folder and try again.")]
    Screenshot(String),
}

/// egui answers a plain `request_repaint` with two frames, to let layouts settle; one that is asked for with a delay,
/// however short, with one. Software OpenGL has no frame to spare.
const WAKE_DELAY: Duration = Duration::from_nanos(1);
/// Between two frames that were asked for by news. A display waits for itself where OpenGL is in hardware; software
/// OpenGL does not, and a camera of 120 frames a second would be drawn 120 times. Somewhat less than a display's 1/60 s,
/// so that a camera of 60 is never late for its own next picture.
const LEAST_BETWEEN: Duration = Duration::from_millis(13);

/// When the last frame began: news that come early wait for the next.
#[derive(Debug, Clone, Default)]
pub(super) struct Pace(Arc<Mutex<Option<Instant>>>);

impl Pace {
    /// A frame begins.
    pub(super) fn frame_begins(&self) {
        if let Ok(mut last) = self.0.lock() {
            *last = Some(Instant::now());
        }
    }

    /// How long news that have come now are to wait.
    fn delay(&self) -> Duration {
        let last = self.0.lock().map_or(None, |last| *last);
        let since = last.map_or(LEAST_BETWEEN, |last| last.elapsed());
        LEAST_BETWEEN.saturating_sub(since).max(WAKE_DELAY)
    }
}

/// The window's title.
const NAME: &str = "Affectscope";

/// How the wish for a [`Screenshot`] ended; shared between the app and [`run`].
pub(super) type ScreenshotResult = Arc<Mutex<Option<Result<(), String>>>>;

/// Opens the window and stays until it is closed. `engine_factory` is called once, on this thread, with a function that
/// wakes the window from any thread.
///
/// # Errors
/// [`WindowError`] when there is no display, a library is missing, the window system refuses, or the asked-for picture
/// could not be written.
pub fn run(
    engine_factory: impl FnOnce(Arc<dyn Fn() + Send + Sync>) -> Box<dyn Engine>,
    settings: Settings,
    options: WindowOptions,
) -> Result<(), WindowError> {
    check_display()?;
    let result: ScreenshotResult = Arc::default();
    let wants_screenshot = options.screenshot.is_some();
    let native = eframe::NativeOptions {
        viewport: viewport(options.size.unwrap_or(settings.window_size)),
        renderer: eframe::Renderer::Glow,
        // Noise on every pixel buys nothing here and costs on software OpenGL.
        dithering: false,
        ..eframe::NativeOptions::default()
    };
    let app_result = Arc::clone(&result);
    let after_paint = options.after_paint.clone();
    let creator: eframe::AppCreator<'_> = Box::new(move |cc| {
        let ctx = cc.egui_ctx.clone();
        let pace = Pace::default();
        let theirs = pace.clone();
        let engine = engine_factory(Arc::new(move || ctx.request_repaint_after(theirs.delay())));
        let mut app = App::new(&cc.egui_ctx, engine, settings, options);
        app.report_screenshot_to(app_result);
        app.keep(pace);
        Ok(Box::new(app))
    });
    // winit panics where a library cannot be loaded; the user should read words.
    let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| match after_paint {
        Some(after_paint) => timed::run(NAME, native, creator, after_paint),
        None => eframe::run_native(NAME, native, creator),
    }));
    match outcome {
        Ok(Ok(())) => {}
        Ok(Err(e)) => return Err(WindowError::Failed(plain(&e.to_string()))),
        Err(panic) => return Err(explain(panic.as_ref())),
    }
    if wants_screenshot {
        let written = result.lock().map_or(None, |mut r| r.take());
        return match written {
            Some(Ok(())) => Ok(()),
            Some(Err(e)) => Err(WindowError::Screenshot(e)),
            None => Err(WindowError::Screenshot(
                "The window was closed before its picture was taken".to_owned(),
            )),
        };
    }
    Ok(())
}

fn viewport(size: [f32; 2]) -> egui::ViewportBuilder {
    let mut viewport = egui::ViewportBuilder::default()
        .with_title(NAME)
        .with_app_id("affectscope")
        .with_inner_size(size)
        .with_min_inner_size([size[0].min(900.0), size[1].min(600.0)])
        .with_drag_and_drop(true);
    if let Ok(icon) = icon() {
        viewport = viewport.with_icon(icon);
    }
    viewport
}

fn icon() -> image::ImageResult<egui::IconData> {
    let bytes = include_bytes!("../../assets/icon.png");
    let icon = image::load_from_memory_with_format(bytes, image::ImageFormat::Png)?.into_rgba8();
    Ok(egui::IconData {
        width: icon.width(),
        height: icon.height(),
        rgba: icon.into_raw(),
    })
}

/// A panic of the window system in words.
fn explain(panic: &(dyn std::any::Any + Send)) -> WindowError {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("it stopped without a word");
    if text.contains("xkbcommon") {
        WindowError::MissingLibrary("libxkbcommon-x11")
    } else {
        WindowError::Failed(plain(text))
    }
}

/// Without the place in winit's source where it stopped, which nobody who reads this has.
fn plain(text: &str) -> String {
    let after_place = text.split_once(".rs:").and_then(|(_, rest)| {
        let words = rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ':');
        (!words.trim().is_empty()).then_some(words)
    });
    let words = after_place.unwrap_or(text).trim().trim_end_matches('.');
    let mut chars = words.chars();
    let first = chars.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}

/// Whether a window can be opened here, as far as that is known without opening one.
pub fn has_display() -> bool {
    check_display().is_ok()
}

#[cfg(not(target_os = "linux"))]
fn check_display() -> Result<(), WindowError> {
    Ok(())
}

#[cfg(target_os = "linux")]
fn check_display() -> Result<(), WindowError> {
    let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
    let wayland = set("WAYLAND_DISPLAY") || set("WAYLAND_SOCKET");
    check_linux(set("DISPLAY"), wayland, || {
        library_missing("libxkbcommon-x11.so.0")
    })
}

/// The decision alone, for tests.
#[cfg(any(target_os = "linux", test))]
fn check_linux(
    x11: bool,
    wayland: bool,
    missing: impl FnOnce() -> bool,
) -> Result<(), WindowError> {
    match (x11, wayland) {
        (false, false) => Err(WindowError::NoDisplay),
        (true, false) if missing() => Err(WindowError::MissingLibrary("libxkbcommon-x11")),
        _ => Ok(()),
    }
}

/// True only when it is sure: the loader's cache was read and does not name it, and it is in none of the usual folders.
#[cfg(target_os = "linux")]
fn library_missing(name: &str) -> bool {
    let Ok(cache) = std::fs::read("/etc/ld.so.cache") else {
        return false;
    };
    if cache.windows(name.len()).any(|w| w == name.as_bytes()) {
        return false;
    }
    let usual = ["/usr/lib", "/usr/lib64", "/lib", "/lib64", "/usr/local/lib"];
    let with_triplets = usual.iter().flat_map(|dir| {
        let inner = std::fs::read_dir(dir).into_iter().flatten().flatten();
        let folders = inner.map(|e| e.path()).filter(|p| p.is_dir());
        std::iter::once(PathBuf::from(dir)).chain(folders)
    });
    let from_environment = std::env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    !with_triplets
        .chain(std::env::split_paths(&from_environment))
        .any(|dir: PathBuf| Path::new(&dir).join(name).exists())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn no_display_and_a_missing_library_are_said_in_words() {
        let none = check_linux(false, false, || false).unwrap_err().to_string();
        assert!(none.contains("DISPLAY") && none.contains("affectscope analyze"));
        let missing = check_linux(true, false, || true).unwrap_err().to_string();
        assert!(missing.contains("apt install libxkbcommon-x11-0"));
        assert!(check_linux(true, true, || true).is_ok());
        assert!(check_linux(true, false, || false).is_ok());
    }

    #[test]
    fn a_panic_of_winit_is_explained() {
        let panic: Box<dyn std::any::Any + Send> =
            Box::new("Library libxkbcommon-x11.so could not be loaded.".to_owned());
        assert!(matches!(
            explain(panic.as_ref()),
            WindowError::MissingLibrary(_)
        ));
    }

    #[test]
    fn a_place_in_the_source_of_winit_is_left_out() {
        let text = "winit EventLoopError: os error at /some/where/winit-0.30.13/src/platform_impl/linux/mod.rs:788: Failed to \
                    open connection to X server";
        assert_eq!(plain(text), "failed to open connection to X server");
        assert_eq!(plain("No GL context."), "no GL context");
        let error = WindowError::Failed(plain(text)).to_string();
        assert!(error.starts_with("The window could not be opened: failed to open connection"));
    }

    #[test]
    fn news_wait_for_the_display_and_no_longer() {
        let pace = Pace::default();
        assert_eq!(pace.delay(), WAKE_DELAY);
        pace.frame_begins();
        let wait = pace.delay();
        assert!(wait <= LEAST_BETWEEN && wait >= WAKE_DELAY, "{wait:?}");
        std::thread::sleep(LEAST_BETWEEN);
        assert_eq!(pace.delay(), WAKE_DELAY);
    }

    #[test]
    fn the_icon_is_a_square_picture() {
        let icon = icon().unwrap();
        assert_eq!((icon.width, icon.height), (256, 256));
    }
}
