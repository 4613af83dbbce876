//! A video's faces as crops: Aff-Wild2's `cropped_aligned/<video>/00001.jpg`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::decode;
use super::names::{ENDINGS, natural_order};
use super::{ending, give, list, not_media};
use crate::frame::FrameStamp;
use crate::source::{FrameSource, Next, Pace, SourceError, SourceInfo};

/// Frames a second of a video that is not there to ask (most of Aff-Wild2 has 30).
pub const ASSUMED_RATE_HZ: f64 = 30.0;

/// The highest number that is taken for a frame's: 18 hours at 30 a second. Every frame below has a row.
const HIGHEST: u64 = 2_000_000;

/// A picture with a longer side is not taken for a face that was cut out, pixels.
const LARGEST_CROP_PX: usize = 256;

/// The numbered pictures of one video.
///
/// The number in a file's name is the frame, from 1 there and from 0 here. A number without a picture is
/// [`Next::Missing`], up to the highest that is there, or up to the video's last frame where its times are given.
pub struct CropSource {
    info: SourceInfo,
    folder: PathBuf,
    /// By number, from 1.
    names: BTreeMap<u64, OsString>,
    frames: u64,
    given: u64,
    times_s: Option<Vec<f64>>,
    passed_over: usize,
}

impl CropSource {
    /// Opens a video's folder; `times_s` are the times of the video's own frames, where the video is there.
    ///
    /// # Errors
    /// When the folder cannot be read or has no numbered picture, when a number comes twice, is 0 or absurd, and when
    /// there are crops behind the video's last frame.
    pub fn open(folder: &Path, times_s: Option<Vec<f64>>) -> Result<Self, SourceError> {
        let (names, passed_over) = numbered(folder)?;
        let Some(&highest) = names.keys().next_back() else {
            return Err(not_media(
                folder,
                "there is no picture named by its number (00001.jpg) in this folder. Give a video's folder of crops, \
                 or a folder of such folders."
                    .to_owned(),
            ));
        };
        let frames = match &times_s {
            Some(times_s) if highest > times_s.len() as u64 => {
                return Err(not_media(
                    folder,
                    format!(
                        "its crops go up to {highest}, and the video has {} frames. They are not of one video; give \
                         the right one with --video.",
                        times_s.len()
                    ),
                ));
            }
            Some(times_s) => times_s.len() as u64,
            None => highest,
        };
        let name = folder.file_name().map(OsString::from).or_else(|| {
            // `.` and `..` have no name of their own.
            let full = folder.canonicalize().ok()?;
            full.file_name().map(OsString::from)
        });
        let mut info = SourceInfo {
            title: name.unwrap_or_default().to_string_lossy().into_owned(),
            pace: Pace::File,
            stills: false,
            width_px: 0,
            height_px: 0,
            rate_hz: times_s.is_none().then_some(ASSUMED_RATE_HZ),
            frames: Some(frames),
            format: names.values().next().and_then(|n| ending(Path::new(n))),
        };
        let size = names
            .values()
            .find_map(|n| decode::size(&folder.join(n)).ok());
        if let Some((width_px, height_px)) = size {
            (info.width_px, info.height_px) = (width_px, height_px);
        }
        Ok(Self {
            info,
            folder: folder.to_owned(),
            names,
            frames,
            given: 0,
            times_s,
            passed_over,
        })
    }

    /// Pictures and folders beside them that are not named by a number, and are not read.
    pub fn passed_over(&self) -> usize {
        self.passed_over
    }

    /// Whether they look like faces that were cut out already, rather than like whole pictures that are numbered: small, and
    /// about as wide as high (Aff-Wild2's have 112 pixels). Told by the first of them.
    pub fn are_faces(&self) -> bool {
        let (w, h) = (self.info.width_px, self.info.height_px);
        w > 0 && w.max(h) <= LARGEST_CROP_PX && w.abs_diff(h) * 10 <= w.max(h)
    }

    /// How many pictures there are.
    pub fn pictures(&self) -> u64 {
        self.names.len() as u64
    }
}

impl CropSource {
    /// What there is at a place, whatever was read before; the end behind the last.
    pub(in crate::source) fn at(&self, index: u64) -> Next {
        if index >= self.frames {
            return Next::End { note: None };
        }
        let stamp = FrameStamp {
            index,
            time_s: self.time_s(index),
        };
        let Some(name) = self.names.get(&(index + 1)) else {
            return Next::Missing { stamp };
        };
        let picture = decode::decode_as_reference(&self.folder.join(name));
        give(stamp, name.to_string_lossy().into(), picture)
    }

    /// The pictures' names, one a frame; empty where there is none.
    pub(in crate::source) fn file_names(&self) -> Vec<String> {
        (1..=self.frames)
            .map(|number| self.names.get(&number))
            .map(|name| name.map_or_else(String::new, |n| n.to_string_lossy().into_owned()))
            .collect()
    }

    /// The time of a frame, in seconds.
    pub(in crate::source) fn time_s(&self, index: u64) -> f64 {
        let own_s = self.times_s.as_ref().and_then(|t| t.get(index as usize));
        own_s.copied().unwrap_or(index as f64 / ASSUMED_RATE_HZ)
    }
}

impl FrameSource for CropSource {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next(&mut self) -> Result<Next, SourceError> {
        if self.given >= self.frames {
            return Ok(Next::End { note: None });
        }
        self.given += 1;
        Ok(self.at(self.given - 1))
    }
}

/// Whether a folder is one video's crops rather than pictures of all kinds: every picture in it is named by a number
/// from 1 on, of five digits at least, as Aff-Wild2 writes them.
pub fn is_crops(folder: &Path) -> bool {
    numbered(folder).is_ok_and(|(names, others)| {
        let long = |name: &OsString| Path::new(name).file_stem().is_some_and(|s| s.len() >= 5);
        others == 0 && !names.is_empty() && names.values().all(long)
    })
}

/// The videos' folders under a path: itself, when there are numbered pictures in it, else those of its folders that
/// have some, in natural order; and how many of its folders have none.
///
/// # Errors
/// When it cannot be read or there are none.
pub fn video_folders(path: &Path) -> Result<(Vec<PathBuf>, usize), SourceError> {
    if !path.is_dir() {
        return Err(match path.try_exists() {
            Ok(true) => not_media(
                path,
                "is not a folder. --crops takes a video's folder of crops (00001.jpg, ...), or a folder of such folders."
                    .to_owned(),
            ),
            _ => SourceError::NotFound(path.to_owned()),
        });
    }
    let mut names = list(path)?;
    if names.iter().any(|name| number(name).is_some()) {
        return Ok((vec![path.to_owned()], 0));
    }
    names.retain(|name| path.join(name).is_dir() && !name.as_encoded_bytes().starts_with(b"."));
    let all = names.len();
    names.retain(|name| {
        let inside = list(&path.join(name));
        inside.is_ok_and(|inside| inside.iter().any(|n| number(n).is_some()))
    });
    let empty = all - names.len();
    if names.is_empty() {
        return Err(not_media(
            path,
            "there are no crops in it: neither pictures named by their numbers (00001.jpg) nor folders of such. Give \
             a video's folder of crops, or a folder of such folders."
                .to_owned(),
        ));
    }
    names.sort_by(|a, b| natural_order(&a.to_string_lossy(), &b.to_string_lossy()));
    Ok((
        names.into_iter().map(|name| path.join(name)).collect(),
        empty,
    ))
}

/// The pictures of a folder by their numbers (frame 0 of a video is number 1), and how many other pictures and folders
/// there are.
///
/// # Errors
/// When the folder cannot be read, a number comes twice, is 0 or absurd.
pub fn numbered(folder: &Path) -> Result<(BTreeMap<u64, OsString>, usize), SourceError> {
    let mut names = BTreeMap::new();
    let mut others = 0;
    for name in list(folder)? {
        let Some(number) = number(&name) else {
            let path = folder.join(&name);
            let picture = ending(&path).is_some_and(|e| ENDINGS.contains(&e.as_str()));
            let hidden = name.as_encoded_bytes().starts_with(b".");
            others += usize::from(!hidden && (picture || path.is_dir()));
            continue;
        };
        let shown = name.to_string_lossy().into_owned();
        if number == 0 || number > HIGHEST {
            return Err(not_media(
                folder,
                format!(
                    "the number of {shown} cannot be a frame's: crops count from 1, to at most {HIGHEST}. Rename it."
                ),
            ));
        }
        if let Some(other) = names.insert(number, name) {
            return Err(not_media(
                folder,
                format!(
                    "{} and {shown} are both number {number}. Leave one of them.",
                    other.to_string_lossy()
                ),
            ));
        }
    }
    Ok((names, others))
}

/// The number of a picture that is named by nothing else.
fn number(name: &std::ffi::OsStr) -> Option<u64> {
    let path = Path::new(name);
    let stem = path.file_stem()?.to_str()?;
    let digits = !stem.is_empty() && stem.bytes().all(|byte| byte.is_ascii_digit());
    let picture = ending(path).is_some_and(|ending| ENDINGS.contains(&ending.as_str()));
    // A number that fits no integer is beyond all frames, and is told so.
    (digits && picture).then(|| stem.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crop_is_named_by_its_number_alone() {
        for (name, wanted) in [
            ("00001.jpg", Some(1)),
            ("12.PNG", Some(12)),
            ("00000.jpg", Some(0)),
            ("99999999999999999999999.jpg", Some(u64::MAX)),
            ("a1.jpg", None),
            ("1.txt", None),
            ("1", None),
            (".jpg", None),
            ("1.2.jpg", None),
        ] {
            assert_eq!(number(std::ffi::OsStr::new(name)), wanted, "{name}");
        }
    }
}
