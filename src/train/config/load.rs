//! Configs from files.

use std::path::{Path, PathBuf};

use super::{BUILT_IN, NOTHING, RunConfig};

/// Why a config cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: cannot be read ({reason}). Check the path.", path = path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// The system's word.
        reason: std::io::Error,
    },
    /// It is no such config; the reason has several lines, with the place underlined.
    #[error("{path}: {reason}", path = path.display())]
    Toml {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
    /// A value cannot be.
    #[error("{path}: {reason}", path = path.display())]
    Wrong {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
}

impl RunConfig {
    /// Reads a file; paths in it are relative to its folder.
    ///
    /// # Errors
    /// When it cannot be read, has an unknown field, or a value is out of range.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|reason| ConfigError::Io {
            path: path.to_owned(),
            reason,
        })?;
        let wrong = |reason: String| ConfigError::Wrong {
            path: path.to_owned(),
            reason,
        };
        let mut config: Self = toml::from_str(&text).map_err(|e| ConfigError::Toml {
            path: path.to_owned(),
            reason: e.to_string().trim_end().to_owned(),
        })?;
        config.check().map_err(wrong)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for set in &mut config.sets {
            *set = folder.join(&*set);
        }
        start("start", &mut config.start, folder).map_err(wrong)?;
        if let Some(teacher) = &mut config.teacher {
            start("teacher.start", &mut teacher.start, folder).map_err(wrong)?;
            teacher.weights = teacher.weights.take().map(|w| folder.join(w));
        }
        Ok(config)
    }
}

/// Makes a `start` that is no word a path of its own.
fn start(key: &str, text: &mut String, folder: &Path) -> Result<(), String> {
    if matches!(&**text, NOTHING | BUILT_IN) {
        return Ok(());
    }
    let file = folder.join(&*text);
    if !file.is_file() {
        return Err(format!(
            "`{key}` is {text:?}: give `{NOTHING}`, `{BUILT_IN}` or a weights file; there is no file {}.",
            file.display()
        ));
    }
    *text = file.to_string_lossy().into_owned();
    Ok(())
}
