//! Where recordings and pictures go, what they are called, and words on a source that could not be had.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::clock::utc;
use crate::settings::Settings;
use crate::source::SourceSpec;

/// The folder of recordings: the chosen one, else the user's documents, videos or home, else the current one.
pub fn record_folder(settings: &Settings) -> PathBuf {
    settings
        .record_folder
        .clone()
        .or_else(|| existing(dirs::document_dir()))
        .or_else(|| existing(dirs::video_dir()))
        .or_else(|| existing(dirs::home_dir()))
        .unwrap_or_else(|| PathBuf::from("."))
}

/// The folder of pictures of the window: the user's pictures, documents or home, else the current one.
pub fn picture_folder() -> PathBuf {
    existing(dirs::picture_dir())
        .or_else(|| existing(dirs::document_dir()))
        .or_else(|| existing(dirs::home_dir()))
        .unwrap_or_else(|| PathBuf::from("."))
}

/// The folders that are looked through for sessions: that of the recordings, then those that the user added or opened
/// something from, each once.
pub fn session_folders(settings: &Settings) -> Vec<PathBuf> {
    let mut folders = vec![record_folder(settings)];
    for folder in &settings.session_folders {
        if !folders.contains(folder) {
            folders.push(folder.clone());
        }
    }
    folders
}

fn existing(folder: Option<PathBuf>) -> Option<PathBuf> {
    folder.filter(|f| f.is_dir())
}

/// What to say when `got` was opened and something before it in `hoped_for` was not.
pub fn fallback(hoped_for: &[SourceSpec], got: &SourceSpec, some_camera: bool) -> Option<String> {
    let at = hoped_for.iter().position(|spec| spec == got)?;
    let missed = hoped_for[..at].last()?;
    let file = hoped_for[..at].iter().find_map(|spec| match spec {
        SourceSpec::Path(path) => Some(path),
        _ => None,
    });
    let instead = match got {
        SourceSpec::Demo => "the demo is shown",
        SourceSpec::Camera(_) => "the camera is shown",
        SourceSpec::Path(_) => "another is shown",
    };
    let why = match (file, missed) {
        (Some(path), _) => {
            let name = path.file_name().unwrap_or(path.as_os_str());
            format!("{} could not be opened", name.to_string_lossy())
        }
        (None, SourceSpec::Camera(_)) if some_camera => "No camera could be used".to_owned(),
        (None, _) => "No camera was found".to_owned(),
    };
    Some(format!("{why}, so {instead}"))
}

/// A file `affectscope-YYYYMMDD-HHMMSSZ.ENDING` in the folder, numbered where that is taken. The time is UTC: the
/// program carries no table of time zones.
pub fn fresh(folder: &Path, now: SystemTime, ending: &str) -> PathBuf {
    let stem = format!("affectscope-{}", stamp(now));
    let mut path = folder.join(format!("{stem}.{ending}"));
    let mut number = 2;
    while path.exists() && number < 1000 {
        path = folder.join(format!("{stem}-{number}.{ending}"));
        number += 1;
    }
    path
}

/// `20260730-134501Z`.
fn stamp(time: SystemTime) -> String {
    let [year, month, day, hour, minute, second] = utc(time);
    format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn the_stamp_is_the_utc_date() {
        let at = |s| stamp(UNIX_EPOCH + Duration::from_secs(s));
        assert_eq!(at(0), "19700101-000000Z");
        assert_eq!(at(951_782_400), "20000229-000000Z");
        assert_eq!(at(1_785_419_101), "20260730-134501Z");
    }

    #[test]
    fn what_was_hoped_for_and_not_had_is_named() {
        use SourceSpec::{Camera, Demo};
        let say = |hoped: &[SourceSpec], got| fallback(hoped, &got, false).unwrap_or_default();
        let plain = [Camera(None), Demo];
        assert_eq!(
            say(&plain, Demo),
            "No camera was found, so the demo is shown"
        );
        assert_eq!(say(&plain, Camera(None)), "");
        let clip = [SourceSpec::Path("/a/clip.mp4".into()), Camera(None), Demo];
        assert_eq!(
            say(&clip, Demo),
            "clip.mp4 could not be opened, so the demo is shown"
        );
        assert_eq!(say(&[], Demo), "");
    }

    #[test]
    fn a_taken_name_is_numbered() {
        let folder = tempfile::tempdir().unwrap();
        let first = fresh(folder.path(), UNIX_EPOCH, "affect.csv");
        assert!(first.ends_with("affectscope-19700101-000000Z.affect.csv"));
        std::fs::write(&first, "").unwrap();
        let second = fresh(folder.path(), UNIX_EPOCH, "affect.csv");
        assert!(second.ends_with("affectscope-19700101-000000Z-2.affect.csv"));
    }
}
