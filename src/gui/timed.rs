//! The same window with a clock around each of its frames: eframe tells how long a frame took, but not the part in which
//! it is handed to the display, which is where a software renderer does its work.

use std::time::Instant;

use eframe::{AppCreator, EframeWinitApplication, NativeOptions, UserEvent};
use winit::application::ApplicationHandler;
use winit::event::{DeviceEvent, DeviceId, StartCause, WindowEvent};
use winit::event_loop::{ActiveEventLoop, EventLoop};
use winit::window::WindowId;

use super::window::AfterPaint;

/// As [`eframe::run_native`], and tells how long each frame took.
pub(super) fn run(
    name: &str,
    options: NativeOptions,
    creator: AppCreator<'_>,
    after_paint: AfterPaint,
) -> eframe::Result {
    let events = EventLoop::<UserEvent>::with_user_event().build()?;
    let window = eframe::create_native(name, options, creator, &events);
    events.run_app(&mut Timed {
        window,
        after_paint,
    })?;
    Ok(())
}

struct Timed<'a> {
    window: EframeWinitApplication<'a>,
    after_paint: AfterPaint,
}

impl ApplicationHandler<UserEvent> for Timed<'_> {
    fn window_event(&mut self, events: &ActiveEventLoop, id: WindowId, event: WindowEvent) {
        let started = matches!(event, WindowEvent::RedrawRequested).then(Instant::now);
        self.window.window_event(events, id, event);
        if let Some(started) = started {
            (self.after_paint.0)(started.elapsed());
        }
    }

    fn new_events(&mut self, events: &ActiveEventLoop, cause: StartCause) {
        self.window.new_events(events, cause);
    }

    fn resumed(&mut self, events: &ActiveEventLoop) {
        self.window.resumed(events);
    }

    fn user_event(&mut self, events: &ActiveEventLoop, event: UserEvent) {
        self.window.user_event(events, event);
    }

    fn device_event(&mut self, events: &ActiveEventLoop, id: DeviceId, event: DeviceEvent) {
        self.window.device_event(events, id, event);
    }

    fn about_to_wait(&mut self, events: &ActiveEventLoop) {
        self.window.about_to_wait(events);
    }

    fn suspended(&mut self, events: &ActiveEventLoop) {
        self.window.suspended(events);
    }

    fn exiting(&mut self, events: &ActiveEventLoop) {
        self.window.exiting(events);
    }

    fn memory_warning(&mut self, events: &ActiveEventLoop) {
        self.window.memory_warning(events);
    }
}
