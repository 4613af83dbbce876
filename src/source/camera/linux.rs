//! Which cameras Linux has. nokhwa's own list names every video node, those for metadata and output too; asking the
//! nodes themselves neither starts nor changes a camera that another program uses.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use nokhwa::utils::{CameraFormat, FrameFormat};
use v4l::capability::Flags;
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::video::Capture;
use v4l::video::capture::Parameters;
use v4l::{Device, Format, FourCC};

use super::CameraInfo;
use super::formats::{describe, rank};

/// What nokhwa reads, by the kernel's name.
const FORMATS: [(&[u8; 4], FrameFormat); 5] = [
    (b"YUYV", FrameFormat::YUYV),
    (b"MJPG", FrameFormat::MJPEG),
    (b"NV12", FrameFormat::NV12),
    (b"RGB3", FrameFormat::RAWRGB),
    (b"BGR3", FrameFormat::RAWBGR),
];

/// Sizes to ask of a camera that takes any size.
const USUAL_SIZES: [(u32, u32); 4] = [(640, 480), (1280, 720), (640, 360), (320, 240)];

/// The cameras, by number. One that may not be opened is in the list without formats, so that opening it says why.
pub(super) fn list() -> Vec<CameraInfo> {
    let mut cameras: Vec<_> = fs::read_dir("/dev")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            entry
                .file_name()
                .to_str()?
                .strip_prefix("video")?
                .parse()
                .ok()
        })
        .filter_map(look_at)
        .collect();
    cameras.sort_by_key(|camera| camera.index);
    cameras
}

fn look_at(index: u32) -> Option<CameraInfo> {
    let about = PathBuf::from(format!("/sys/class/video4linux/video{index}"));
    let read = |file: &str| {
        fs::read_to_string(about.join(file))
            .ok()
            .map(|text| text.trim().to_owned())
    };
    let (name, formats) = match Device::new(index as usize) {
        Ok(device) => {
            let capabilities = device.query_caps().ok()?;
            if !capabilities
                .capabilities
                .contains(Flags::VIDEO_CAPTURE | Flags::STREAMING)
            {
                return None;
            }
            let formats = rank(&formats(&device));
            if formats.is_empty() {
                return None;
            }
            (capabilities.card, formats)
        }
        // Its node is still there and it is not: unplugged while a program holds it.
        Err(error)
            if error.kind() != ErrorKind::PermissionDenied
                && error.kind() != ErrorKind::ResourceBusy =>
        {
            return None;
        }
        // The first node of a device is its picture, the others are metadata.
        Err(_) if read("index").is_none_or(|number| number == "0") => (String::new(), Vec::new()),
        Err(_) => return None,
    };
    let name = Some(name)
        .filter(|name| !name.is_empty())
        .or_else(|| read("name"));
    Some(CameraInfo {
        id: stable_id(index),
        index,
        name: name.unwrap_or_else(|| format!("video{index}")),
        formats: formats.iter().map(describe).collect(),
    })
}

/// The name of the link that stays with the device, or `video0` where the system makes none.
fn stable_id(index: u32) -> String {
    let node = PathBuf::from(format!("/dev/video{index}"));
    ["/dev/v4l/by-id", "/dev/v4l/by-path"]
        .iter()
        .find_map(|folder| link_to(Path::new(folder), &node))
        .unwrap_or_else(|| format!("video{index}"))
}

fn link_to(folder: &Path, node: &Path) -> Option<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .ok()?
        .flatten()
        .filter(|entry| fs::canonicalize(entry.path()).is_ok_and(|target| target == node))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    // Several links may lead there: the same one every time.
    names.sort();
    names.into_iter().next()
}

/// The number of the camera that a path leads to: `/dev/video0`, or a link to it.
pub(super) fn index_of_path(path: &str) -> Option<u32> {
    let node = fs::canonicalize(path).ok()?;
    node.to_str()?.strip_prefix("/dev/video")?.parse().ok()
}

/// What a camera offers, as far as it can be decoded; empty when it cannot be asked.
pub(super) fn formats_of(index: u32) -> Vec<CameraFormat> {
    Device::new(index as usize)
        .map(|device| formats(&device))
        .unwrap_or_default()
}

fn formats(device: &Device) -> Vec<CameraFormat> {
    let mut formats = Vec::new();
    for offered in device.enum_formats().unwrap_or_default() {
        let known = FORMATS
            .iter()
            .find(|(code, _)| offered.fourcc == FourCC::new(code));
        let Some(&(_, format)) = known else {
            continue;
        };
        for (width, height) in sizes(device, offered.fourcc) {
            for rate in rates(device, offered.fourcc, width, height) {
                formats.push(CameraFormat::new_from(width, height, format, rate));
            }
        }
    }
    formats
}

fn sizes(device: &Device, code: FourCC) -> Vec<(u32, u32)> {
    let offered = device.enum_framesizes(code).unwrap_or_default();
    let listed = offered.into_iter().flat_map(|offered| match offered.size {
        FrameSizeEnum::Discrete(size) => vec![(size.width, size.height)],
        FrameSizeEnum::Stepwise(steps) => {
            let fits = |side: u32, low: u32, high: u32, step: u32| {
                (low..=high).contains(&side) && (side - low).is_multiple_of(step.max(1))
            };
            let usual = USUAL_SIZES.into_iter().filter(|&(width, height)| {
                fits(width, steps.min_width, steps.max_width, steps.step_width)
                    && fits(
                        height,
                        steps.min_height,
                        steps.max_height,
                        steps.step_height,
                    )
            });
            usual.chain([(steps.max_width, steps.max_height)]).collect()
        }
    });
    listed.take(200).collect()
}

/// Whole frames a second; 0 where the driver does not say.
fn rates(device: &Device, code: FourCC, width: u32, height: u32) -> Vec<u32> {
    let rate = |above: u32, below: u32| (f64::from(below) / f64::from(above.max(1))).round() as u32;
    let mut rates: Vec<u32> = device
        .enum_frameintervals(code, width, height)
        .unwrap_or_default()
        .into_iter()
        .flat_map(|offered| match offered.interval {
            FrameIntervalEnum::Discrete(interval) => {
                vec![rate(interval.numerator, interval.denominator)]
            }
            FrameIntervalEnum::Stepwise(steps) => {
                let fastest = rate(steps.min.numerator, steps.min.denominator);
                let slowest = rate(steps.max.numerator, steps.max.denominator);
                vec![30.clamp(slowest.min(fastest), fastest.max(slowest))]
            }
        })
        .take(200)
        .collect();
    rates.sort_unstable();
    rates.dedup();
    if rates.is_empty() { vec![0] } else { rates }
}

/// Sets a format before nokhwa opens the camera, and says what the driver made of it. nokhwa gives up on a camera whose
/// present format it does not know, whatever it is told to set, and on one that answers with another rate.
///
/// # Errors
/// The system's own, when the camera may not be opened or is in use, which nokhwa would put into prose.
pub(super) fn prepare(index: u32, format: &CameraFormat) -> std::io::Result<CameraFormat> {
    let device = Device::new(index as usize)?;
    let code = |format: FrameFormat| FORMATS.iter().find(|(_, known)| *known == format);
    let Some((code, _)) = code(format.format()) else {
        return Ok(*format);
    };
    let set = device.set_format(&Format::new(
        format.width(),
        format.height(),
        FourCC::new(code),
    ))?;
    if let Err(error) = device.set_params(&Parameters::with_fps(format.frame_rate().max(1))) {
        // Some drivers have one rate and no way to set it.
        tracing::debug!(%error, index, "the camera's rate could not be set");
    }
    let interval = device.params()?.interval;
    let known = FORMATS
        .iter()
        .find(|(code, _)| set.fourcc == FourCC::new(code));
    Ok(CameraFormat::new_from(
        set.width,
        set.height,
        known.map_or(format.format(), |(_, format)| *format),
        interval.denominator / interval.numerator.max(1),
    ))
}
