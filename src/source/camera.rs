//! Cameras, through nokhwa.

mod device;
mod formats;
mod huffman;
#[cfg(target_os = "linux")]
mod linux;
mod pixels;

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

pub use self::formats::choose_format;
pub use self::pixels::PixelFormat;

use self::device::Device;
use super::{FrameSource, Next, SourceError, SourceInfo};
use crate::clock::Clock;
use crate::frame::{Frame, FrameStamp, POOLED_FRAMES};

/// A camera that is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CameraInfo {
    /// Stays the same while the machine runs, and where the system allows it, after: what `camera:ID` takes.
    pub id: String,
    /// Its number in the system.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// What it offers, best first: `640x480 30/s MJPEG`. Empty where the system tells it of open cameras alone
    /// (macOS, Windows) and for one that may not be opened.
    pub formats: Vec<String>,
}

/// The cameras that are connected, by number. Neither starts nor disturbs any.
///
/// # Errors
/// [`SourceError::Failed`] when the system cannot be asked.
pub fn list() -> Result<Vec<CameraInfo>, SourceError> {
    #[cfg(target_os = "linux")]
    return Ok(linux::list());
    #[cfg(not(target_os = "linux"))]
    list_by_nokhwa()
}

#[cfg(not(target_os = "linux"))]
fn list_by_nokhwa() -> Result<Vec<CameraInfo>, SourceError> {
    let failed = |why: String| {
        SourceError::Failed(format!(
            "The system does not tell its cameras ({why}). Restart the program."
        ))
    };
    let found = catch_unwind(|| nokhwa::query(nokhwa::utils::ApiBackend::Auto))
        .map_err(|_| failed("the library gave up".to_owned()))?
        .map_err(|error| failed(error.to_string()))?;
    let mut cameras: Vec<_> = found
        .iter()
        .filter_map(|camera| {
            let name = camera.human_name();
            Some(CameraInfo {
                id: Some(camera.misc())
                    .filter(|id| !id.trim().is_empty())
                    .unwrap_or_else(|| name.clone()),
                index: camera.index().as_index().ok()?,
                name,
                formats: Vec::new(),
            })
        })
        .collect();
    cameras.sort_by_key(|camera| camera.index);
    Ok(cameras)
}

/// One picture as a camera sent it.
#[derive(Debug, Clone)]
pub struct RawFrame<'a> {
    /// Its bytes.
    pub data: Cow<'a, [u8]>,
    /// How it is coded.
    pub format: PixelFormat,
    /// Width in pixels; a JPEG's own counts.
    pub width_px: usize,
    /// Height in pixels; a JPEG's own counts.
    pub height_px: usize,
}

/// What a camera must be able to do: the seam where a test puts its own.
pub trait Grab {
    /// The next picture; waits for it, without limit when the device falls silent.
    ///
    /// # Errors
    /// [`SourceError::CameraLost`] when the device is gone or broke; it is not to be asked again.
    fn grab(&mut self) -> Result<RawFrame<'_>, SourceError>;
}

/// A running camera. Each frame is stamped when it comes, before it is decoded; one that cannot be decoded is
/// [`Next::Unreadable`] and keeps its number.
pub struct CameraSource {
    info: SourceInfo,
    camera: Box<dyn Grab>,
    clock: Clock,
    opened_s: f64,
    buffers: pixels::Buffers,
    given: u64,
}

impl CameraSource {
    /// Opens a camera: by its stable id, its number (`0`), its path (`/dev/video0`) or its exact name; `None` takes the
    /// first that opens. Asks for the user's permission where the system wants it.
    ///
    /// # Errors
    /// [`SourceError::NoCamera`] when there is none or none of that id, [`SourceError::CameraRefused`] when it cannot be
    /// opened.
    pub fn open(id: Option<&str>, clock: &Clock) -> Result<Self, SourceError> {
        let cameras = list()?;
        let wanted: Vec<&CameraInfo> = match id {
            Some(id) => vec![find(&cameras, id)?],
            None => cameras.iter().collect(),
        };
        let mut first_error = None;
        for camera in wanted {
            match Device::open(camera) {
                Ok((device, info)) => return Ok(Self::with_backend(info, Box::new(device), clock)),
                Err(error) => {
                    first_error.get_or_insert(error);
                }
            }
        }
        Err(first_error.unwrap_or_else(no_camera))
    }

    /// A source over any camera, as one made for a test.
    pub fn with_backend(info: SourceInfo, camera: Box<dyn Grab>, clock: &Clock) -> Self {
        Self {
            info,
            camera,
            clock: *clock,
            opened_s: clock.now_s(),
            buffers: pixels::Buffers::new(POOLED_FRAMES),
            given: 0,
        }
    }
}

impl FrameSource for CameraSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next(&mut self) -> Result<Next, SourceError> {
        let raw = self.camera.grab()?;
        let captured_s = self.clock.now_s();
        let stamp = FrameStamp {
            index: self.given,
            time_s: captured_s - self.opened_s,
        };
        self.given += 1;
        // No decoder of ours is known to panic; a camera's noise is not worth a program that ends.
        let buffers = &mut self.buffers;
        let decoded = catch_unwind(AssertUnwindSafe(|| {
            pixels::decode(
                &raw.data,
                raw.format,
                (raw.width_px, raw.height_px),
                buffers,
            )
        }))
        .unwrap_or_else(|_| Err("its decoder gave up".to_owned()));
        let frame = decoded.and_then(|decoded| {
            Frame::new(stamp, decoded.width_px, decoded.height_px, decoded.rgb)
                .map_err(|error| error.to_string())
        });
        Ok(match frame {
            Ok(mut frame) => {
                frame.captured_s = Some(captured_s);
                Next::Frame(frame)
            }
            Err(reason) => Next::Unreadable {
                stamp,
                file: None,
                reason,
            },
        })
    }

    fn skip(&mut self) -> Result<(), SourceError> {
        self.camera.grab()?;
        self.given += 1;
        Ok(())
    }
}

/// The camera that is meant by an id.
fn find<'a>(cameras: &'a [CameraInfo], id: &str) -> Result<&'a CameraInfo, SourceError> {
    if cameras.is_empty() {
        return Err(no_camera());
    }
    let by = |is: &dyn Fn(&CameraInfo) -> bool| cameras.iter().find(|camera| is(camera));
    #[cfg(target_os = "linux")]
    let path_index = linux::index_of_path(id);
    #[cfg(not(target_os = "linux"))]
    let path_index: Option<u32> = None;
    by(&|camera| camera.id == id)
        .or_else(|| by(&|camera| id.parse() == Ok(camera.index)))
        .or_else(|| by(&|camera| path_index == Some(camera.index)))
        .or_else(|| by(&|camera| camera.name == id))
        .ok_or_else(|| {
            let known: Vec<_> = cameras
                .iter()
                .map(|camera| format!("{} ({}, {})", camera.index, camera.name, camera.id))
                .collect();
            SourceError::NoCamera(format!(
                "There is no camera \"{id}\". Choose one of these: {}.",
                known.join("; ")
            ))
        })
}

fn no_camera() -> SourceError {
    SourceError::NoCamera(
        "No camera was found. Connect one, or open a video, a folder of pictures or the demo instead.".to_owned(),
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_camera_is_found_by_each_of_its_names() {
        let camera = |id: &str, index: u32, name: &str| CameraInfo {
            id: id.to_owned(),
            index,
            name: name.to_owned(),
            formats: Vec::new(),
        };
        let cameras = [
            camera("usb-a", 0, "Same name"),
            camera("usb-b", 2, "Same name"),
            camera("7", 4, "Third"),
        ];
        let index_of = |id: &str| find(&cameras, id).map(|camera| camera.index).ok();
        assert_eq!(index_of("usb-b"), Some(2));
        assert_eq!(index_of("0"), Some(0));
        assert_eq!(index_of("7"), Some(4));
        assert_eq!(index_of("Same name"), Some(0));
        assert_eq!(index_of("Third"), Some(4));
        let error = find(&cameras, "usb-c").unwrap_err();
        assert!(matches!(error, SourceError::NoCamera(_)));
        assert!(
            error.to_string().contains("usb-b") && error.to_string().contains("usb-c"),
            "{error}"
        );
        assert!(
            find(&[], "0")
                .unwrap_err()
                .to_string()
                .starts_with("No camera was found")
        );
    }
}
