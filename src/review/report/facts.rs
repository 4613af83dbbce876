//! What a report says of its files.

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

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
