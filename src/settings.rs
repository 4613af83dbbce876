//! What the user chose last time, kept in a small file of the user's configuration folder.
//!
//! Every field has a default and unknown fields are passed over, so that files of older and newer versions load. A
//! file that cannot be read is set aside as `.bad` and never stops the program.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::session::{Faces, Tuning};
use crate::smooth::Smoothing;

/// Light or dark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThemeChoice {
    /// Dark always.
    #[default]
    Dark,
    /// Light always.
    Light,
    /// As the desktop says; dark where it does not say.
    System,
}

/// How the timeline draws the expressions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TimelineMode {
    /// Stacked areas that fill the height: they sum to 1.
    #[default]
    Stack,
    /// Seven lines.
    Lines,
}

/// Which face is followed while the user has not chosen one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FollowMode {
    /// The largest at first; then it is kept as long as it is seen.
    #[default]
    Steady,
    /// The largest of every picture.
    Largest,
}

/// The lengths of the trace that may be chosen, seconds.
pub const TRACE_LENGTHS_S: [f64; 3] = [5.0, 15.0, 60.0];
/// The lengths of the timeline that may be chosen, seconds.
pub const TIMELINE_LENGTHS_S: [f64; 5] = [10.0, 30.0, 60.0, 120.0, 300.0];

/// So many folders of sessions are remembered.
pub const MOST_FOLDERS: usize = 12;

/// Everything that is remembered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Light or dark.
    pub theme: ThemeChoice,
    /// The source that was open last, as text (see [`crate::source::SourceSpec`]).
    pub source: Option<String>,
    /// The picture is shown mirrored, as in a looking glass. On screen only.
    pub mirror: bool,
    /// The five landmarks are drawn on the picture.
    pub landmarks: bool,
    /// Length of the trace in the circumplex, seconds, one of [`TRACE_LENGTHS_S`].
    pub trace_s: f64,
    /// Length of the timeline, seconds, one of [`TIMELINE_LENGTHS_S`].
    pub timeline_s: f64,
    /// How the timeline draws expressions.
    pub timeline_mode: TimelineMode,
    /// How the display is smoothed.
    pub smoothing: Smoothing,
    /// Which faces are read.
    pub faces: Faces,
    /// The smallest face looked for, part of the picture's height, 0.04..=0.5.
    pub min_face: f32,
    /// Future frames that each reading waits for, 0..=16.
    pub lookahead: usize,
    /// Which face is followed.
    pub follow: FollowMode,
    /// Where recordings go; `None`: the user's documents.
    pub record_folder: Option<PathBuf>,
    /// The picture is recorded beside the rows.
    pub record_picture: bool,
    /// Who annotates; empty: the user of this machine.
    pub annotator: String,
    /// Folders that are looked through for sessions beside that of the recordings: the one used last comes first, at most
    /// [`MOST_FOLDERS`].
    pub session_folders: Vec<PathBuf>,
    /// Inner size of the window, points.
    pub window_size: [f32; 2],
}

impl Default for Settings {
    fn default() -> Self {
        let tuning = Tuning::default();
        Self {
            theme: ThemeChoice::Dark,
            source: None,
            mirror: false,
            landmarks: true,
            trace_s: 15.0,
            timeline_s: 60.0,
            timeline_mode: TimelineMode::Stack,
            smoothing: Smoothing::default(),
            faces: tuning.faces,
            min_face: tuning.min_face,
            lookahead: tuning.lookahead,
            follow: FollowMode::Steady,
            record_folder: None,
            record_picture: false,
            annotator: String::new(),
            session_folders: Vec::new(),
            window_size: [1280.0, 800.0],
        }
    }
}

/// Settings could not be written.
#[derive(Debug, thiserror::Error)]
#[error("settings could not be kept in {path}: {reason}", path = path.display())]
pub struct SaveError {
    path: PathBuf,
    reason: String,
}

impl Settings {
    /// Where the file lies: `affectscope/settings.toml` in the user's configuration folder, if there is one.
    pub fn default_path() -> Option<PathBuf> {
        Some(
            dirs::config_dir()?
                .join("affectscope")
                .join("settings.toml"),
        )
    }

    /// Reads the file. No file gives the defaults; a bad one gives the defaults and a note for the user, and is set
    /// aside with the ending `.bad`.
    pub fn load_from(path: &Path) -> (Self, Option<String>) {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return (Self::default(), None),
            Err(e) => return (Self::default(), Some(set_aside(path, &e.to_string()))),
        };
        match toml::from_str::<Self>(&text) {
            Ok(settings) => (settings.sane(), None),
            Err(e) => match Self::what_can_be_read(&text) {
                Some((settings, left)) => {
                    let note = format!(
                        "Settings that this version does not know are left at their defaults: {left}."
                    );
                    (settings.sane(), Some(note))
                }
                None => (Self::default(), Some(set_aside(path, e.message()))),
            },
        }
    }

    /// Every setting that can be read by itself, and the names of the others: one word of a newer version must not cost
    /// all the rest. `None` when the file is not TOML at all.
    fn what_can_be_read(text: &str) -> Option<(Self, String)> {
        let table: toml::Table = text.parse().ok()?;
        let (mut kept, mut left) = (toml::Table::new(), Vec::new());
        for (key, value) in table {
            let one = toml::Table::from_iter([(key.clone(), value.clone())]);
            if one.try_into::<Self>().is_ok() {
                kept.insert(key, value);
            } else {
                left.push(key);
            }
        }
        Some((kept.try_into().ok()?, left.join(", ")))
    }

    /// Writes the file beside and renames it, so that it is always whole.
    ///
    /// # Errors
    /// [`SaveError`] with the system's word when the folder or the file cannot be written.
    pub fn save_to(&self, path: &Path) -> Result<(), SaveError> {
        let fail = |reason: String| SaveError {
            path: path.to_owned(),
            reason,
        };
        let text = toml::to_string_pretty(self).map_err(|e| fail(e.to_string()))?;
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|e| fail(e.to_string()))?;
        }
        let beside = path.with_extension("toml.new");
        std::fs::write(&beside, text).map_err(|e| fail(e.to_string()))?;
        std::fs::rename(&beside, path).map_err(|e| fail(e.to_string()))
    }

    /// Remembers a folder that something was opened from: it comes first, and the one that was not used for longest may go.
    pub fn remember_folder(&mut self, folder: &Path) {
        // What is given from the command line may be told from where that was.
        let here = Path::new(".");
        let bare = folder.as_os_str().is_empty();
        let Ok(folder) = std::path::absolute(if bare { here } else { folder }) else {
            return;
        };
        self.session_folders.retain(|known| *known != folder);
        self.session_folders.insert(0, folder);
        self.session_folders.truncate(MOST_FOLDERS);
    }

    /// What the session is told of these settings.
    pub fn tuning(&self) -> Tuning {
        Tuning {
            faces: self.faces,
            min_face: self.min_face,
            lookahead: self.lookahead,
        }
    }

    /// Every value brought into its range: a file may have been edited by hand.
    fn sane(mut self) -> Self {
        let default = Self::default();
        if !TRACE_LENGTHS_S.contains(&self.trace_s) {
            self.trace_s = default.trace_s;
        }
        if !TIMELINE_LENGTHS_S.contains(&self.timeline_s) {
            self.timeline_s = default.timeline_s;
        }
        if !self.min_face.is_finite() {
            self.min_face = default.min_face;
        }
        self.min_face = self.min_face.clamp(0.04, 0.5);
        self.lookahead = self.lookahead.min(16);
        self.session_folders.truncate(MOST_FOLDERS);
        for (side, least) in self.window_size.iter_mut().zip([320.0, 240.0]) {
            *side = if side.is_finite() {
                side.clamp(least, 16_384.0)
            } else {
                1280.0
            };
        }
        self
    }
}

/// Moves a bad file out of the way and says so.
fn set_aside(path: &Path, reason: &str) -> String {
    let bad = path.with_extension("toml.bad");
    let kept = match std::fs::rename(path, &bad) {
        Ok(()) => format!("It is kept as {}.", bad.display()),
        Err(e) => format!("It could not be set aside: {e}."),
    };
    format!("The settings could not be read ({reason}); the defaults are used. {kept}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep").join("settings.toml");
        let settings = Settings {
            theme: ThemeChoice::Light,
            source: Some("camera:usb-1".into()),
            mirror: true,
            trace_s: 60.0,
            timeline_s: 300.0,
            timeline_mode: TimelineMode::Lines,
            smoothing: Smoothing::Exponential,
            faces: Faces::Largest,
            min_face: 0.2,
            lookahead: 8,
            follow: FollowMode::Largest,
            record_folder: Some("/somewhere".into()),
            record_picture: true,
            annotator: "Maria".into(),
            session_folders: vec!["/a".into(), "/b".into()],
            window_size: [900.0, 600.0],
            landmarks: false,
        };
        settings.save_to(&path).unwrap();
        assert_eq!(Settings::load_from(&path), (settings, None));
        assert_eq!(
            std::fs::read_dir(path.parent().unwrap()).unwrap().count(),
            1
        );
    }

    #[test]
    fn folders_are_remembered_by_when_they_were_used() {
        let mut settings = Settings::default();
        for n in 0..20 {
            settings.remember_folder(Path::new(&format!("/f/{n}")));
        }
        settings.remember_folder(Path::new("/f/12"));
        let folders = &settings.session_folders;
        assert_eq!(folders.len(), MOST_FOLDERS);
        let first: Vec<_> = folders[..3].iter().map(|f| f.to_str().unwrap()).collect();
        assert_eq!(first, ["/f/12", "/f/19", "/f/18"]);
        assert_eq!(folders.iter().filter(|f| f.ends_with("12")).count(), 1);
        // A bare name's folder is the one that the program was started in.
        settings.remember_folder(Path::new(""));
        let here = std::env::current_dir().unwrap();
        assert_eq!(settings.session_folders[0], here);
    }

    #[test]
    fn no_file_means_defaults_and_no_note() {
        let folder = tempfile::tempdir().unwrap();
        let (settings, note) = Settings::load_from(&folder.path().join("none.toml"));
        assert_eq!((settings, note), (Settings::default(), None));
    }

    #[test]
    fn a_bad_file_is_set_aside_with_a_note() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.toml");
        for bad in [&b"theme = ["[..], b"\xff\xfe\x00"] {
            std::fs::write(&path, bad).unwrap();
            let (settings, note) = Settings::load_from(&path);
            assert_eq!(settings, Settings::default());
            assert!(note.unwrap().contains(".bad"));
            assert!(!path.exists());
            assert_eq!(std::fs::read(path.with_extension("toml.bad")).unwrap(), bad);
        }
    }

    #[test]
    fn one_word_of_another_version_costs_that_setting_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.toml");
        std::fs::write(&path, "theme = \"ultraviolet\"\nmirror = true\n").unwrap();
        let (settings, note) = Settings::load_from(&path);
        assert!(note.unwrap().contains("theme"));
        assert!(settings.mirror && path.exists());
        assert_eq!(settings.theme, ThemeChoice::default());
    }

    #[test]
    fn unknown_fields_and_values_out_of_range_do_no_harm() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.toml");
        std::fs::write(
            &path,
            "tomorrow = 1\nmirror = true\ntrace_s = 7.0\nmin_face = 9.0\nlookahead = 99\nwindow_size = [nan, 1.0]\n",
        )
        .unwrap();
        let (settings, note) = Settings::load_from(&path);
        assert_eq!(note, None);
        assert!(settings.mirror);
        assert_eq!(settings.trace_s, 15.0);
        assert_eq!(settings.min_face, 0.5);
        assert_eq!(settings.lookahead, 16);
        assert_eq!(settings.window_size, [1280.0, 240.0]);
    }
}
