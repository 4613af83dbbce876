//! What takes time, on named threads of its own: file dialogs, and writing pictures of the window. Each hands its result
//! to a bounded channel that the app looks into, and wakes the window.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use eframe::egui::{ColorImage, Context};

use crate::formats::labels::ENDINGS;

/// A dialog that is gone sooner was never there.
const AT_ONCE: Duration = Duration::from_millis(200);

/// What a dialog was opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// A file to analyse.
    File,
    /// A folder of pictures to analyse.
    Folder,
    /// The folder of the recordings.
    RecordFolder,
    /// A folder to look through for sessions.
    SessionsFolder,
    /// The bench's video, or its folder of pictures.
    ReviewVideo,
    /// See [`Asked::ReviewVideo`].
    ReviewFolder,
    /// The bench's predictions.
    ReviewPredictions,
    /// The bench's labels.
    ReviewLabels,
    /// The name of labels to be saved.
    ReviewSave,
    /// The name of what is exported.
    ReviewExport,
    /// The folder that the folder of figures is made in.
    ReviewExportFolder,
}

/// What came of work in the background.
#[derive(Debug)]
pub enum Done {
    /// A dialog was closed; `None`: nothing was chosen.
    Chosen(Asked, Option<PathBuf>),
    /// No dialog came up. With the name that was suggested, where something was to be saved.
    NoDialog(Asked, Option<PathBuf>),
    /// A picture of the window was written, or why not.
    Picture(Result<PathBuf, String>),
    /// The settings could not be written.
    Failed(String),
}

/// The two ends of the channel, and whether a dialog is open.
pub struct Background {
    sender: SyncSender<Done>,
    receiver: Receiver<Done>,
    dialog_open: bool,
}

impl Default for Background {
    fn default() -> Self {
        // One dialog, a picture or two, a failed write of settings: eight is plenty, and a sender that finds it full
        // waits on its own thread.
        let (sender, receiver) = sync_channel(8);
        Self {
            sender,
            receiver,
            dialog_open: false,
        }
    }
}

impl Background {
    /// The next result, if there is one. Never waits.
    pub fn next(&mut self) -> Option<Done> {
        let done = self.receiver.try_recv().ok()?;
        if matches!(done, Done::Chosen(..) | Done::NoDialog(..)) {
            self.dialog_open = false;
        }
        Some(done)
    }

    /// Opens a dialog, unless one is open. To save something, `start` is the name that is suggested.
    pub fn ask(&mut self, ctx: &Context, asked: Asked, start: Option<PathBuf>) {
        if self.dialog_open {
            return;
        }
        self.dialog_open = true;
        let (sender, ctx) = (self.sender.clone(), ctx.clone());
        let suggested = start.clone();
        let (start, name) = match (asked, start) {
            (Asked::ReviewSave | Asked::ReviewExport, Some(path)) => {
                let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
                (path.parent().map(Into::into), name)
            }
            (_, start) => (start, None),
        };
        let work = move || {
            let asked_at = Instant::now();
            let mut dialog = rfd::FileDialog::new();
            if let Some(start) = start {
                dialog = dialog.set_directory(start);
            }
            let chosen = match asked {
                Asked::File => dialog
                    .set_title("Open a video or a picture")
                    .add_filter("Videos and pictures", &MEDIA)
                    .add_filter("All files", &["*"])
                    .pick_file(),
                Asked::Folder => dialog.set_title("Open a folder of pictures").pick_folder(),
                Asked::RecordFolder => dialog.set_title("Where recordings go").pick_folder(),
                Asked::SessionsFolder => dialog
                    .set_title("A folder with recordings or analysed files")
                    .pick_folder(),
                Asked::ReviewVideo => dialog
                    .set_title("Open a video to check")
                    .add_filter("Videos and pictures", &MEDIA)
                    .add_filter("All files", &["*"])
                    .pick_file(),
                Asked::ReviewFolder => dialog
                    .set_title("Open a folder of pictures or crops to check")
                    .pick_folder(),
                Asked::ReviewExportFolder => dialog
                    .set_title("Where the folder of figures is made")
                    .pick_folder(),
                Asked::ReviewSave | Asked::ReviewExport => {
                    let name = name.unwrap_or_default();
                    dialog
                        .set_title(if asked == Asked::ReviewSave {
                            "Save labels"
                        } else {
                            "Export"
                        })
                        .set_file_name(name)
                        .save_file()
                }
                Asked::ReviewPredictions | Asked::ReviewLabels => dialog
                    .set_title(if asked == Asked::ReviewLabels {
                        "Open labels"
                    } else {
                        "Open predictions"
                    })
                    .add_filter("Tables", &ENDINGS)
                    .add_filter("All files", &["*"])
                    .pick_file(),
            };
            let done = match chosen {
                // Nobody closes a dialog so soon: this system has none to show, and says so in no other way.
                None if asked_at.elapsed() < AT_ONCE => {
                    let saves = matches!(asked, Asked::ReviewSave | Asked::ReviewExport);
                    Done::NoDialog(asked, suggested.filter(|_| saves))
                }
                chosen => Done::Chosen(asked, chosen),
            };
            // A window that is gone has no use for the answer.
            let _ = sender.send(done);
            ctx.request_repaint();
        };
        if spawn("affectscope-dialog", work).is_err() {
            self.dialog_open = false;
        }
    }

    /// Writes a picture of the window as PNG.
    pub fn write_picture(&self, ctx: &Context, image: Arc<ColorImage>, path: PathBuf) {
        let (sender, ctx) = (self.sender.clone(), ctx.clone());
        let work = move || {
            let result = write_png(&image, &path).map(|()| path);
            let _ = sender.send(Done::Picture(result));
            ctx.request_repaint();
        };
        if let Err(e) = spawn("affectscope-picture", work) {
            let _ = self.sender.try_send(Done::Picture(Err(e.to_string())));
        }
    }

    /// Writes the settings.
    pub fn save_settings(&self, settings: crate::settings::Settings, path: PathBuf) {
        let sender = self.sender.clone();
        let work = move || {
            if let Err(e) = settings.save_to(&path) {
                let _ = sender.send(Done::Failed(e.to_string()));
            }
        };
        if let Err(e) = spawn("affectscope-settings", work) {
            let _ = self.sender.try_send(Done::Failed(e.to_string()));
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map(drop)
}

const MEDIA: [&str; 22] = [
    "mp4", "m4v", "mov", "avi", "mkv", "webm", "mpg", "mpeg", "wmv", "flv", "ts", "3gp", "ogv",
    "jpg", "jpeg", "png", "bmp", "gif", "tif", "tiff", "webp", "ppm",
];

/// Writes a PNG beside its name and renames it, so that it is whole or not there.
pub fn write_png(image: &ColorImage, path: &Path) -> Result<(), String> {
    let fail = |e: &dyn std::fmt::Display| format!("{} could not be written: {e}", path.display());
    let rgb: Vec<u8> = image
        .pixels
        .iter()
        .flat_map(|c| [c.r(), c.g(), c.b()])
        .collect();
    let size = |i: usize| u32::try_from(image.size[i]).map_err(|e| fail(&e));
    let picture = image::RgbImage::from_raw(size(0)?, size(1)?, rgb)
        .ok_or_else(|| fail(&"it has no pixels"))?;
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    picture
        .save_with_format(&beside, image::ImageFormat::Png)
        .map_err(|e| fail(&e))?;
    std::fs::rename(&beside, path).map_err(|e| fail(&e))
}
