//! Pictures of the window: on the key S, and once for a window that was started for one.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant, SystemTime};

use eframe::egui::{ColorImage, Context, ScreenshotCallback, ViewportCommand};

use super::background::Background;
use super::paths;
use super::window::{Screenshot, ScreenshotResult};

/// How the picture of a window that was started for it stands.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Wanted {
    Waiting,
    Asked,
    Writing,
}

/// See the module's text.
pub struct Shot {
    sender: SyncSender<Arc<ColorImage>>,
    receiver: Receiver<Arc<ColorImage>>,
    wanted: Option<(Screenshot, Wanted)>,
    first_frame: Option<Instant>,
    result: Option<ScreenshotResult>,
}

impl Shot {
    /// Nothing yet; `wanted` is taken by itself when its time has come.
    pub fn new(wanted: Option<Screenshot>) -> Self {
        let (sender, receiver) = sync_channel(1);
        Self {
            sender,
            receiver,
            wanted: wanted.map(|w| (w, Wanted::Waiting)),
            first_frame: None,
            result: None,
        }
    }

    /// Whom to tell how the wanted one came out.
    pub fn report_to(&mut self, result: ScreenshotResult) {
        self.result = Some(result);
    }

    /// Asks for a picture of the next frame.
    pub fn request(&self, ctx: &Context) {
        let (sender, wake) = (self.sender.clone(), ctx.clone());
        let callback = ScreenshotCallback::new(move |image| {
            // One that is still waiting to be written is as good.
            let _ = sender.try_send(image);
            wake.request_repaint();
        });
        ctx.send_viewport_cmd(ViewportCommand::Screenshot(callback));
        ctx.request_repaint();
    }

    /// Called at the end of every frame: counts from the first and asks when it is time.
    pub fn first_frame(&mut self, ctx: &Context) {
        let Some((wanted, Wanted::Waiting)) = &self.wanted else {
            return;
        };
        let first = *self.first_frame.get_or_insert_with(Instant::now);
        let rest_s = wanted.after_s.clamp(0.0, 3600.0) - first.elapsed().as_secs_f64();
        if rest_s > 0.0 {
            ctx.request_repaint_after(Duration::from_secs_f64(rest_s));
            return;
        }
        self.request(ctx);
        if let Some((_, state)) = &mut self.wanted {
            *state = Wanted::Asked;
        }
    }

    /// Hands a picture that has been taken to the background.
    pub fn write_when_taken(&mut self, ctx: &Context, background: &Background) {
        let Ok(image) = self.receiver.try_recv() else {
            return;
        };
        let path = match &mut self.wanted {
            Some((wanted, state @ Wanted::Asked)) => {
                *state = Wanted::Writing;
                wanted.path.clone()
            }
            _ => paths::fresh(&paths::picture_folder(), SystemTime::now(), "png"),
        };
        background.write_picture(ctx, image, path);
    }

    /// Takes note of a picture that was written or not; true when the window was started for it and may close.
    pub fn finished(&self, result: &Result<std::path::PathBuf, String>) -> bool {
        let is_wanted = match (&self.wanted, result) {
            (Some((wanted, Wanted::Writing)), Ok(path)) => wanted.path == *path,
            (Some((_, Wanted::Writing)), Err(_)) => true,
            _ => false,
        };
        if is_wanted
            && let Some(slot) = &self.result
            && let Ok(mut slot) = slot.lock()
        {
            *slot = Some(result.clone().map(drop));
        }
        is_wanted
    }
}
