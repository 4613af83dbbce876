//! A real camera through nokhwa.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use nokhwa::utils::{CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType};
use nokhwa::{Buffer, Camera, NokhwaError};

use super::formats::{pixel_format, rank, short_name};
use super::{CameraInfo, Grab, RawFrame};
use crate::source::{Pace, SourceError, SourceInfo};

/// Everything that we can decode.
const DECODABLE: &[FrameFormat] = &[
    FrameFormat::MJPEG,
    FrameFormat::YUYV,
    FrameFormat::NV12,
    FrameFormat::GRAY,
    FrameFormat::RAWRGB,
    FrameFormat::RAWBGR,
];

/// How many of a camera's formats are tried.
const TRIES: usize = 4;

/// An open camera.
pub(super) struct Device {
    // Taken out to be dropped.
    camera: Option<Camera>,
    name: String,
    last: Option<Buffer>,
}

impl Device {
    /// Opens a camera in its best format and starts it.
    ///
    /// # Errors
    /// [`SourceError::CameraRefused`] when it is in use, not allowed, or offers nothing that can be read.
    pub fn open(info: &CameraInfo) -> Result<(Self, SourceInfo), SourceError> {
        let mut camera = guarded(|| start(info)).unwrap_or_else(|| {
            Err(SourceError::CameraRefused(format!(
                "The camera \"{}\" describes itself in a way that cannot be read. Try another camera.",
                info.name
            )))
        })?;
        let format = camera.camera_format();
        if let Err(error) = guarded(|| camera.open_stream()).unwrap_or_else(crashed) {
            let error = refused(&info.name, &error.to_string());
            close(camera);
            return Err(error);
        }
        let source = SourceInfo {
            stills: false,
            title: info.name.clone(),
            pace: Pace::Camera,
            width_px: format.width() as usize,
            height_px: format.height() as usize,
            rate_hz: Some(f64::from(format.frame_rate()))
                .filter(|rate| (1.0..=1000.0).contains(rate)),
            frames: None,
            format: Some(short_name(format.format()).to_owned()),
        };
        let device = Self {
            camera: Some(camera),
            name: info.name.clone(),
            last: None,
        };
        Ok((device, source))
    }
}

impl Grab for Device {
    fn grab(&mut self) -> Result<RawFrame<'_>, SourceError> {
        let camera = self.camera.as_mut();
        let buffer = camera
            .and_then(|camera| guarded(|| camera.frame()))
            .unwrap_or_else(crashed)
            .map_err(|error| lost(&self.name, &error.to_string()))?;
        let buffer = self.last.insert(buffer);
        Ok(RawFrame {
            data: Cow::Borrowed(buffer.buffer()),
            format: pixel_format(buffer.source_frame_format()),
            width_px: buffer.resolution().width() as usize,
            height_px: buffer.resolution().height() as usize,
        })
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        if let Some(camera) = self.camera.take() {
            close(camera);
        }
    }
}

/// nokhwa panics when a stream cannot be stopped, as after a device broke.
fn close(camera: Camera) {
    if guarded(|| drop(camera)).is_none() {
        tracing::warn!("the camera could not be closed in order");
    }
}

/// Runs what may panic inside nokhwa (a driver's step of zero, a lock left by an earlier panic); `None` if it did.
fn guarded<T>(run: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(run)).ok()
}

fn crashed<T>() -> Result<T, NokhwaError> {
    Err(NokhwaError::GeneralError(
        "its driver gave an answer that makes no sense".to_owned(),
    ))
}

fn request(format: CameraFormat) -> RequestedFormat<'static> {
    RequestedFormat::with_formats(RequestedFormatType::Exact(format), DECODABLE)
}

/// On Linux the formats are known from the device node itself, and set before nokhwa looks.
#[cfg(target_os = "linux")]
fn start(info: &CameraInfo) -> Result<Camera, SourceError> {
    let formats = rank(&super::linux::formats_of(info.index));
    let mut last = "it offers no format that can be read".to_owned();
    if formats.is_empty() {
        // Perhaps it may not be opened at all: the attempt tells.
        let any = CameraFormat::new_from(640, 480, FrameFormat::YUYV, 30);
        if let Err(error) = super::linux::prepare(info.index, &any) {
            last = error.to_string();
        }
    }
    for format in formats.iter().take(TRIES) {
        let opened = super::linux::prepare(info.index, format)
            .map_err(|error| error.to_string())
            .and_then(|set| {
                let index = CameraIndex::Index(info.index);
                Camera::new(index, request(set)).map_err(|error| error.to_string())
            });
        match opened {
            Ok(camera) => return Ok(camera),
            Err(error) => last = error,
        }
    }
    Err(refused(&info.name, &last))
}

/// Elsewhere a camera tells its formats when it is open; the first open takes any.
#[cfg(not(target_os = "linux"))]
fn start(info: &CameraInfo) -> Result<Camera, SourceError> {
    ask_permission(&info.name)?;
    let any = RequestedFormat::with_formats(RequestedFormatType::None, DECODABLE);
    let mut camera = Camera::new(CameraIndex::Index(info.index), any)
        .map_err(|error| refused(&info.name, &error.to_string()))?;
    for format in rank(&camera.compatible_camera_formats().unwrap_or_default())
        .into_iter()
        .take(TRIES)
    {
        match camera.set_camera_requset(request(format)) {
            Ok(_) => break,
            // It goes on in the format that it has.
            Err(error) => tracing::debug!(%error, "the camera refused a format"),
        }
    }
    Ok(camera)
}

/// macOS asks the user once whether the program may see; elsewhere the answer is yes.
#[cfg(not(target_os = "linux"))]
fn ask_permission(name: &str) -> Result<(), SourceError> {
    if nokhwa::nokhwa_check() {
        return Ok(());
    }
    let (answer, answered) = std::sync::mpsc::channel();
    nokhwa::nokhwa_initialize(move |granted| {
        // Nobody waits any more after a minute.
        let _ = answer.send(granted);
    });
    match answered.recv_timeout(std::time::Duration::from_secs(60)) {
        Ok(true) => Ok(()),
        _ => Err(SourceError::CameraRefused(format!(
            "The camera \"{name}\" may not be used. Allow it in System Settings, Privacy & Security, Camera, and try \
             again."
        ))),
    }
}

/// Why a camera does not open, from the system's words.
fn refused(name: &str, why: &str) -> SourceError {
    let small = why.to_ascii_lowercase();
    SourceError::CameraRefused(
        if small.contains("os error 16)") || small.contains("busy") {
            format!(
                "The camera \"{name}\" is in use. Close the program that uses it, or connect the camera again, and try again."
            )
        } else if small.contains("os error 13)")
            || small.contains("permission denied")
            || small.contains("access denied")
        {
            let how = if cfg!(target_os = "linux") {
                "Add yourself to the group video (sudo usermod -aG video $USER), log in again, and try again."
            } else {
                "Allow this program to use the camera in the system's privacy settings and try again."
            };
            format!("The camera \"{name}\" may not be opened. {how}")
        } else {
            format!(
                "The camera \"{name}\" cannot be used ({why}). Connect it again or try another camera."
            )
        },
    )
}

/// How a camera was lost, from the system's words.
fn lost(name: &str, why: &str) -> SourceError {
    SourceError::CameraLost(if why.contains("os error 19)") {
        format!("The camera \"{name}\" was disconnected. Connect it again.")
    } else {
        format!(
            "The camera \"{name}\" stopped working ({why}). Connect it again or try another camera."
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_words_become_advice() {
        let busy = refused("Cam", "V4L2 Error: Device or resource busy (os error 16)").to_string();
        assert!(busy.contains("is in use."), "{busy}");
        let denied = refused("Cam", "Permission denied (os error 13)").to_string();
        assert!(denied.contains("may not be opened"), "{denied}");
        if cfg!(target_os = "linux") {
            assert!(denied.contains("group video"), "{denied}");
        }
        assert!(refused("Cam", "no idea").may_pass());
        let gone = lost(
            "Cam",
            "Could not capture frame: No such device (os error 19)",
        )
        .to_string();
        assert!(gone.contains("was disconnected"), "{gone}");
        assert!(
            lost("Cam", "Input/output error (os error 5)")
                .to_string()
                .contains("os error 5")
        );
    }
}
