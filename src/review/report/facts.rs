//! What a report says of its files.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use super::format_name;
use crate::clock::utc;
use crate::formats::labels::LabelError;
use crate::review::Project;
use crate::source::SourceInfo;

/// Bytes read at a time.
const CHUNK: usize = 1 << 18;

/// A file that the report was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    /// What it is: the video, predictions, the labels of somebody.
    pub role: String,
    /// Which.
    pub path: PathBuf,
    /// What it is written in, where that is told from its content.
    pub format: Option<String>,
    /// Its length; `None` for a folder.
    pub bytes: Option<u64>,
    /// SHA-256, in hexadecimal digits; `None` for a folder.
    pub sha256: Option<String>,
}

impl FileFacts {
    /// Reads a file through for its sum; of a folder there is none. `stop` is asked now and then; `None` when it said so.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn of(
        role: impl Into<String>,
        path: &Path,
        format: Option<String>,
        stop: &dyn Fn() -> bool,
    ) -> io::Result<Option<Self>> {
        let mut facts = Self {
            role: role.into(),
            path: path.to_owned(),
            format,
            bytes: None,
            sha256: None,
        };
        // A pattern of numbered pictures is no file of its own.
        if !path.is_file() {
            return Ok(Some(facts));
        }
        let mut file = std::fs::File::open(path)?;
        let mut sum = Sha256::new();
        let mut buffer = vec![0; CHUNK];
        let mut bytes = 0;
        loop {
            if stop() {
                return Ok(None);
            }
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            sum.update(&buffer[..read]);
            bytes += read as u64;
        }
        facts.bytes = Some(bytes);
        facts.sha256 = Some(sum.finalize().iter().map(|b| format!("{b:02x}")).collect());
        Ok(Some(facts))
    }

    /// Its name without folders.
    pub fn name(&self) -> String {
        let name = self.path.file_name().unwrap_or(self.path.as_os_str());
        name.to_string_lossy().into_owned()
    }
}

/// What is known of the video.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct VideoFacts {
    /// Width and height, pixels.
    pub size_px: Option<(usize, usize)>,
    /// Nominal frames a second; `None` where it has no rate.
    pub rate_hz: Option<f64>,
    /// Frames that were read.
    pub frames: Option<usize>,
    /// From the first frame to the end of the last, seconds.
    pub length_s: Option<f64>,
    /// How it is coded.
    pub format: Option<String>,
    /// Why there are no pictures of it, or what else is to be known.
    pub note: Option<String>,
}

impl VideoFacts {
    /// Of a source that was read or looked through, with the times of its frames in seconds and what is to be known.
    pub fn of(info: &SourceInfo, times_s: &[f64], rate_hz: f64, note: Option<String>) -> Self {
        let span_s = times_s.first().zip(times_s.last()).map(|(a, b)| b - a);
        Self {
            size_px: Some((info.width_px, info.height_px)),
            rate_hz: (!info.stills && times_s.len() > 1).then_some(rate_hz),
            frames: Some(times_s.len()),
            length_s: span_s.filter(|_| !info.stills).map(|s| s + 1.0 / rate_hz),
            format: info.format.clone(),
            note,
        }
    }
}

/// All files that a project was made from: the video, the predictions, everybody's labels. `stop` is asked now and then;
/// `None` when it said so.
///
/// # Errors
/// When one of them cannot be read.
pub fn files(
    project: &Project,
    video: Option<&Path>,
    predictions: Option<&Path>,
    stop: &dyn Fn() -> bool,
) -> Result<Option<Vec<FileFacts>>, LabelError> {
    let mut asked: Vec<(String, &Path, Option<String>)> = Vec::new();
    asked.extend(video.map(|path| ("video".to_owned(), path, None)));
    asked.extend(predictions.map(|path| ("predictions".to_owned(), path, None)));
    for rater in project.raters() {
        for origin in &rater.origins {
            let format = format_name(origin.format).to_owned();
            asked.push((rater.name.clone(), &origin.path, Some(format)));
        }
    }
    let mut files = Vec::new();
    for (role, path, format) in asked {
        let read = FileFacts::of(role, path, format, stop).map_err(|reason| LabelError::Io {
            path: path.to_owned(),
            reason,
        })?;
        match read {
            Some(file) => files.push(file),
            None => return Ok(None),
        }
    }
    Ok(Some(files))
}

/// A moment as a report has it.
pub fn when(time: SystemTime) -> String {
    let [year, month, day, hour, minute, _] = utc(time);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02} UTC")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_that_of_the_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        std::fs::write(&path, "abc").unwrap();
        let facts = FileFacts::of("labels", &path, None, &|| false)
            .unwrap()
            .unwrap();
        // FIPS 180-2, appendix B.1.
        let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!((facts.bytes, facts.sha256.as_deref()), (Some(3), Some(sum)));
        assert_eq!(facts.name(), "a.csv");
        let none = FileFacts::of("video", folder.path(), None, &|| false).unwrap();
        assert_eq!(none.unwrap().sha256, None);
        assert_eq!(
            FileFacts::of("labels", &path, None, &|| true).unwrap(),
            None
        );
    }
}
