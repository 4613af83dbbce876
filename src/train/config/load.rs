//! Configs from files.

use std::path::{Path, PathBuf};

use super::{BUILT_IN, NOTHING, RunConfig, Teacher};

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

/// Reads a TOML file.
///
/// # Errors
/// When it cannot be read, or has an unknown field or a value of another kind.
pub(in crate::train) fn read<T: serde::de::DeserializeOwned>(
    path: &Path,
) -> Result<T, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|reason| ConfigError::Io {
        path: path.to_owned(),
        reason,
    })?;
    toml::from_str(&text).map_err(|e| ConfigError::Toml {
        path: path.to_owned(),
        reason: e.to_string().trim_end().to_owned(),
    })
}

/// What is wrong with a value, as an error.
pub(in crate::train) fn wrong(path: &Path) -> impl Fn(String) -> ConfigError {
    move |reason| ConfigError::Wrong {
        path: path.to_owned(),
        reason,
    }
}

impl RunConfig {
    /// Whether a CNN is learnt at all: without, a GPU is of no use.
    pub fn learns_a_cnn(&self) -> bool {
        let of_teacher =
            |t: &Teacher| t.weights.is_empty() && t.cnn.as_ref().unwrap_or(&self.cnn).epochs > 0;
        self.cnn.epochs > 0 || self.teacher.as_ref().is_some_and(of_teacher)
    }

    /// Reads a file; paths in it are relative to its folder.
    ///
    /// # Errors
    /// When it cannot be read, has an unknown field, or a value is out of range.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let mut config: Self = read(path)?;
        let wrong = wrong(path);
        config.check().map_err(&wrong)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for set in &mut config.sets {
            let named = std::mem::take(set);
            *set = folder.join(&named);
            if !set.is_dir() {
                return Err(wrong(format!(
                    "`sets` has {:?}, and there is no folder {}. Paths are relative to the config's folder; `affectscope train \
                     prepare` makes sets.",
                    named.display().to_string(),
                    set.display()
                )));
            }
        }
        if let Some(twice) = twice(&config.sets) {
            return Err(wrong(format!(
                "`sets` has {} twice: its faces would count double.",
                twice.display()
            )));
        }
        let words = [NOTHING, BUILT_IN];
        start("start", &words, &mut config.start, folder).map_err(&wrong)?;
        if let Some(teacher) = &mut config.teacher {
            start("teacher.start", &words, &mut teacher.start, folder).map_err(&wrong)?;
            for file in &mut teacher.weights {
                let named = std::mem::take(file);
                *file = folder.join(&named);
                if !file.is_file() {
                    return Err(wrong(format!(
                        "`teacher.weights` has {:?}, and there is no file {}. Paths are relative to the config's folder.",
                        named.display().to_string(),
                        file.display()
                    )));
                }
            }
        }
        Ok(config)
    }
}

/// A set that is named twice, by whatever way.
fn twice(sets: &[PathBuf]) -> Option<&PathBuf> {
    let real = |set: &PathBuf| set.canonicalize().unwrap_or_else(|_| set.clone());
    let seen: Vec<PathBuf> = sets.iter().map(real).collect();
    let mut places = seen.iter().enumerate();
    let (at, _) = places.find(|(i, set)| seen[..*i].contains(set))?;
    sets.get(at)
}

/// Makes a `start` that is none of the words a path of its own.
///
/// # Errors
/// When there is no such file.
pub(in crate::train) fn start(
    key: &str,
    words: &[&str],
    text: &mut String,
    folder: &Path,
) -> Result<(), String> {
    if words.contains(&&**text) {
        return Ok(());
    }
    let file = folder.join(&*text);
    if !file.is_file() {
        let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
        return Err(format!(
            "`{key}` is {text:?}: give {} or a weights file; there is no file {}.",
            words.join(", "),
            file.display()
        ));
    }
    *text = file.to_string_lossy().into_owned();
    Ok(())
}
