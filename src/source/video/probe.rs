//! What `ffprobe` says of a file, and which of its streams is the video.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::Stdio;

use serde::Deserialize;

use super::{Programs, as_url};
use crate::source::SourceError;

/// Pictures with more pixels than this are refused: one alone would take more than a gigabyte.
const MOST_PIXELS: u64 = 1 << 28;

/// What is known of a video before it is decoded.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Probe {
    /// The stream's number in the container.
    pub stream: usize,
    /// Name of the codec.
    pub codec: Option<String>,
    /// Name(s) of the container format.
    pub container: String,
    /// Width upright, in square pixels.
    pub width_px: usize,
    /// Height upright, in square pixels.
    pub height_px: usize,
    /// Average frames a second.
    pub rate_hz: Option<f64>,
    /// How many frames the container says there are.
    pub frames: Option<u64>,
    /// How long the container says the video stream is.
    pub duration_s: Option<f64>,
}

impl Probe {
    /// Asks `ffprobe`.
    ///
    /// # Errors
    /// [`SourceError::NoFfmpeg`] without it, [`SourceError::NotMedia`] when there is no video in the file.
    pub fn of(path: &Path, programs: &Programs) -> Result<Self, SourceError> {
        let output = super::command(&programs.ffprobe)
            .args(["-v", "error", "-protocol_whitelist", "file"])
            .args(["-print_format", "json", "-show_format", "-show_streams"])
            .arg("-i")
            .arg(as_url(path))
            .stdin(Stdio::null())
            .output()
            .map_err(|error| spawn_error(&error, "ffprobe"))?;
        let not_media = |reason: String| SourceError::NotMedia {
            path: path.to_owned(),
            reason,
        };
        let complaint = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            let cut_off = complaint.contains("moov atom not found") && begins_as_mp4(path);
            return Err(not_media(if cut_off {
                "the video is cut off: its index (moov atom), which an mp4 or mov file has at its end, is missing. \
                 Record or copy it again, or repair it first."
                    .to_owned()
            } else {
                unreadable(&complaint)
            }));
        }
        let listing: Listing = serde_json::from_slice(&output.stdout)
            .map_err(|_| not_media(unreadable(&complaint)))?;
        listing.best().map_err(not_media)
    }

    /// How many frames there may be, counted by the container or worked out of its length.
    pub fn expected_frames(&self) -> Option<u64> {
        self.frames.or_else(|| {
            let frames = (self.duration_s? * self.rate_hz?).round();
            // More than this is a broken header rather than a video.
            (1.0..1e9).contains(&frames).then_some(frames as u64)
        })
    }
}

/// Why a program could not be started.
pub(super) fn spawn_error(error: &std::io::Error, program: &'static str) -> SourceError {
    if error.kind() == std::io::ErrorKind::NotFound {
        SourceError::NoFfmpeg { program }
    } else {
        SourceError::Failed(format!(
            "{program} could not be started ({error}). Check that it runs in a terminal and try again."
        ))
    }
}

/// Says in one sentence why ffmpeg cannot read a file, from what it printed.
pub(super) fn unreadable(complaint: &str) -> String {
    if complaint.contains("Permission denied") {
        return "it may not be read. Check its permissions.".to_owned();
    }
    let why = complaint
        .lines()
        .rev()
        .map(|line| strip_tag(line).trim())
        .find(|line| !line.is_empty())
        // The last line repeats the path before the reason.
        .map_or("no reason given", |line| {
            line.rsplit_once(": ").map_or(line, |(_, reason)| reason)
        });
    format!(
        "it is not a video that ffmpeg can read ({}). Give a video, a picture or a folder of pictures.",
        why.chars().take(160).collect::<String>()
    )
}

/// Whether a file's first box is one that mp4 and mov files begin with. ffmpeg looks for the index of anything that is
/// named so, a text file too.
fn begins_as_mp4(path: &Path) -> bool {
    let mut head = [0; 8];
    File::open(path)
        .and_then(|mut file| file.read_exact(&mut head))
        .is_ok()
        && [b"ftyp", b"mdat", b"wide", b"free", b"skip", b"pnot"]
            .contains(&&[head[4], head[5], head[6], head[7]])
}

/// A line of ffmpeg's without its `[mov @ 0x5581]` in front.
pub(super) fn strip_tag(line: &str) -> &str {
    match line
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
    {
        Some((tag, rest)) if tag.contains(" @ ") => rest,
        _ => line,
    }
}

#[derive(Deserialize)]
struct Listing {
    #[serde(default)]
    streams: Vec<Stream>,
    #[serde(default)]
    format: Container,
}

#[derive(Deserialize, Default)]
struct Container {
    #[serde(default)]
    format_name: String,
    duration: Option<String>,
}

#[derive(Deserialize)]
struct Stream {
    index: usize,
    codec_type: Option<String>,
    codec_name: Option<String>,
    width: Option<u64>,
    height: Option<u64>,
    sample_aspect_ratio: Option<String>,
    avg_frame_rate: Option<String>,
    r_frame_rate: Option<String>,
    nb_frames: Option<String>,
    duration: Option<String>,
    #[serde(default)]
    disposition: Disposition,
    #[serde(default)]
    tags: serde_json::Map<String, serde_json::Value>,
    #[serde(default)]
    side_data_list: Vec<SideData>,
}

#[derive(Deserialize, Default)]
struct Disposition {
    #[serde(default)]
    default: u8,
    #[serde(default)]
    attached_pic: u8,
}

#[derive(Deserialize)]
struct SideData {
    rotation: Option<f64>,
}

impl Listing {
    /// The stream that a player would show: the default one, else the largest. `Err` says in words why there is none.
    fn best(&self) -> Result<Probe, String> {
        let is = |kind: &str| {
            self.streams
                .iter()
                .any(|stream| stream.codec_type.as_deref() == Some(kind))
        };
        // ffmpeg paints plain text files as a terminal would and calls it a video.
        if self.format.format_name == "tty" {
            return Err(
                "it is a text file, not a video. Give a video, a picture or a folder of pictures."
                    .to_owned(),
            );
        }
        let pixels = |stream: &Stream| {
            stream
                .width
                .unwrap_or(0)
                .saturating_mul(stream.height.unwrap_or(0))
        };
        let best = self
            .streams
            .iter()
            .filter(|stream| stream.codec_type.as_deref() == Some("video"))
            .filter(|stream| stream.disposition.attached_pic == 0)
            // `rev`, since `max_by_key` takes the last of equals.
            .rev()
            .max_by_key(|stream| (stream.disposition.default, pixels(stream)))
            .ok_or_else(|| {
                if is("audio") {
                    "it has sound and no video. Give a video, a picture or a folder of pictures."
                        .to_owned()
                } else {
                    "there is no video in it. Give a video, a picture or a folder of pictures."
                        .to_owned()
                }
            })?;
        // As a player shows it: the width is what is stretched.
        let shown = best.width.map(|width| {
            let shape = pixel_shape(best.sample_aspect_ratio.as_deref());
            ((width as f64 * shape).round() as u64).max(1)
        });
        let area = pixels(best).max(shown.unwrap_or(0).saturating_mul(best.height.unwrap_or(0)));
        let (width_px, height_px) = match (shown, best.height, area) {
            (Some(width), Some(height), 1..=MOST_PIXELS) if pixels(best) > 0 => {
                (width as usize, height as usize)
            }
            (_, _, _) if pixels(best) == 0 => {
                return Err(
                    "its video stream has no size that ffmpeg can tell; it is probably damaged. \
                            Record or copy it again."
                        .to_owned(),
                );
            }
            (width, height, _) => {
                return Err(format!(
                    "its pictures of {}x{} pixels are too large. Scale the video down first.",
                    width.unwrap_or(0),
                    height.unwrap_or(0)
                ));
            }
        };
        let sideways = best
            .side_data_list
            .iter()
            .filter_map(|data| data.rotation)
            .any(is_sideways)
            || best
                .tags
                .get("rotate")
                .and_then(|value| value.as_str()?.parse().ok())
                .is_some_and(is_sideways);
        let (width_px, height_px) = if sideways {
            (height_px, width_px)
        } else {
            (width_px, height_px)
        };
        let only_stream = !is("audio");
        Ok(Probe {
            stream: best.index,
            codec: best.codec_name.clone(),
            container: self.format.format_name.clone(),
            width_px,
            height_px,
            rate_hz: rate(best.avg_frame_rate.as_deref())
                .or_else(|| rate(best.r_frame_rate.as_deref())),
            frames: best
                .nb_frames
                .as_deref()
                .and_then(|frames| frames.parse().ok())
                .filter(|frames| *frames > 0),
            duration_s: seconds(best.duration.as_deref())
                .or_else(|| clock_time(best.tags.get("DURATION")?.as_str()?))
                // With sound beside it the container's length may be the sound's.
                .or_else(|| seconds(self.format.duration.as_deref()).filter(|_| only_stream)),
        })
    }
}

/// How much wider than high a stream's pixels are: DV, DVD and some camcorders' are not square. Within half a percent they
/// are taken for square, and what nobody could mean is.
fn pixel_shape(ratio: Option<&str>) -> f64 {
    let parts = ratio.and_then(|text| text.split_once(':'));
    let shape =
        parts.and_then(|(wide, high)| Some(wide.parse::<f64>().ok()? / high.parse::<f64>().ok()?));
    shape
        .filter(|s| (0.2..=5.0).contains(s) && (s - 1.0).abs() > 0.005)
        .unwrap_or(1.0)
}

/// Whether ffmpeg turns such a picture by a quarter; it allows one degree of error.
fn is_sideways(rotation_deg: f64) -> bool {
    let turn = rotation_deg.rem_euclid(180.0);
    (turn - 90.0).abs() < 1.0
}

fn seconds(text: Option<&str>) -> Option<f64> {
    text?
        .parse()
        .ok()
        .filter(|s: &f64| s.is_finite() && *s > 0.0)
}

/// `00:01:02.500000000`, as Matroska writes a stream's length.
fn clock_time(text: &str) -> Option<f64> {
    let mut total = 0.0;
    for part in text.split(':') {
        total = total * 60.0 + part.trim().parse::<f64>().ok()?;
    }
    Some(total).filter(|s| s.is_finite() && *s > 0.0)
}

/// `30000/1001`.
fn rate(text: Option<&str>) -> Option<f64> {
    let (above, below) = text?.split_once('/')?;
    let rate = above.parse::<f64>().ok()? / below.parse::<f64>().ok()?;
    // 90000 and the like is the clock of a stream whose rate nobody knows.
    (rate.is_finite() && rate > 0.0 && rate <= 1000.0).then_some(rate)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn best(json: &str) -> Result<Probe, String> {
        serde_json::from_str::<Listing>(json).unwrap().best()
    }

    #[test]
    fn pixels_that_are_not_square_are_shown_as_wide_as_a_player_shows_them() {
        let size = |ratio: &str, rotation: i32| {
            let json = format!(
                r#"{{"streams": [{{"index": 0, "codec_type": "video", "width": 1440, "height": 1080,
                    "sample_aspect_ratio": "{ratio}", "side_data_list": [{{"rotation": {rotation}}}]}}]}}"#
            );
            let probe = best(&json).unwrap();
            (probe.width_px, probe.height_px)
        };
        assert_eq!(size("4:3", 0), (1920, 1080));
        assert_eq!(size("4:3", 90), (1080, 1920));
        assert_eq!(size("10:11", 0), (1309, 1080));
        for square in ["1:1", "0:1", "N/A", "", "1:0", "-4:3", "900:899", "1000:1"] {
            assert_eq!(size(square, 0), (1440, 1080), "{square}");
        }
    }

    #[test]
    fn the_default_stream_is_taken_and_a_cover_picture_is_not() {
        let probe = best(
            r#"{"streams": [
                {"index": 0, "codec_type": "video", "width": 3000, "height": 3000, "disposition": {"attached_pic": 1}},
                {"index": 1, "codec_type": "audio"},
                {"index": 2, "codec_type": "video", "width": 64, "height": 48, "avg_frame_rate": "30000/1001",
                 "nb_frames": "12", "duration": "0.4", "disposition": {"default": 1},
                 "side_data_list": [{"side_data_type": "Display Matrix", "rotation": -90}]},
                {"index": 3, "codec_type": "video", "width": 640, "height": 480}],
                "format": {"format_name": "mov", "duration": "9.0"}}"#,
        )
        .unwrap();
        assert_eq!(probe.stream, 2);
        assert_eq!((probe.width_px, probe.height_px), (48, 64));
        assert_eq!(probe.frames, Some(12));
        assert_eq!(probe.duration_s, Some(0.4));
        assert!((probe.rate_hz.unwrap() - 29.97).abs() < 0.001);
    }

    #[test]
    fn a_file_without_video_says_what_it_has() {
        let sound = best(r#"{"streams": [{"index": 0, "codec_type": "audio"}]}"#).unwrap_err();
        assert!(sound.contains("sound and no video"), "{sound}");
        assert!(best("{}").unwrap_err().contains("no video in it"));
        let text = r#"{"streams": [{"index": 0, "codec_type": "video", "width": 640, "height": 400}],
                       "format": {"format_name": "tty"}}"#;
        assert!(best(text).unwrap_err().contains("text file"));
    }

    #[test]
    fn sizes_that_cannot_be_are_refused() {
        let of = |width: &str, height: &str| {
            best(&format!(
                r#"{{"streams": [{{"index": 0, "codec_type": "video", "width": {width}, "height": {height}}}]}}"#
            ))
        };
        assert!(of("0", "0").unwrap_err().contains("no size"));
        assert!(of("100000", "100000").unwrap_err().contains("too large"));
        assert!(
            of("18446744073709551615", "18446744073709551615")
                .unwrap_err()
                .contains("too large")
        );
    }

    #[test]
    fn complaints_become_sentences() {
        assert!(
            unreadable("file:/a/b: c.mp4: Invalid data found when processing input\n")
                .contains("(Invalid data found when processing input)")
        );
        assert!(unreadable("").contains("no reason given"));
    }

    #[test]
    fn numbers_are_read_with_care() {
        assert_eq!(rate(Some("25/1")), Some(25.0));
        assert_eq!(rate(Some("0/0")), None);
        assert_eq!(rate(Some("90000/1")), None);
        assert_eq!(clock_time("00:01:02.5"), Some(62.5));
        assert_eq!(clock_time("N/A"), None);
        assert!(is_sideways(-90.0) && is_sideways(270.0) && is_sideways(90.4));
        assert!(!is_sideways(180.0) && !is_sideways(0.0) && !is_sideways(45.0));
    }
}
