//! Configs from files: read, and every value checked.

use std::path::{Path, PathBuf};

use super::RunConfig;
use crate::model::config::StudentConfig;

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
    /// It is no such config.
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
        let mut config: Self = toml::from_str(&text).map_err(|e| wrong(e.to_string()))?;
        config.check().map_err(wrong)?;
        let folder = path.parent().unwrap_or(Path::new(""));
        for set in &mut config.sets {
            *set = folder.join(&*set);
        }
        let start = |text: &mut String| {
            if !matches!(&**text, "nothing" | "built-in") {
                *text = folder.join(&*text).to_string_lossy().into_owned();
            }
        };
        start(&mut config.start);
        if let Some(teacher) = &mut config.teacher {
            start(&mut teacher.start);
            teacher.weights = teacher.weights.take().map(|w| folder.join(w));
        }
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        let teacher = self.teacher.as_ref();
        if self.checkpoint_steps == 0 {
            return Err("`checkpoint_steps` must be at least 1.".to_owned());
        }
        self.augment.check().map_err(|e| format!("{e}."))?;
        if self.sets.is_empty() {
            return Err(
                "`sets` names no set; make one with `affectscope train prepare`.".to_owned(),
            );
        }
        for phase in [Some(&self.cnn), teacher.and_then(|t| t.cnn.as_ref())]
            .into_iter()
            .flatten()
        {
            let ok = (2..=1024).contains(&phase.batch)
                && (1..=10_000).contains(&phase.epochs)
                && phase.patience >= 1
                && phase.rate > 0.0
                && phase.rate < 10.0
                && phase.warm_up >= 0.0
                && (0.0..=1.0).contains(&phase.balance)
                && (0.0..1.0).contains(&phase.smoothing)
                && (0.0..1.0).contains(&phase.average);
            if !ok {
                return Err(format!(
                    "a value of a CNN's phase is out of range: {phase:?}."
                ));
            }
        }
        for phase in [self.gru.as_ref(), teacher.and_then(|t| t.gru.as_ref())]
            .into_iter()
            .flatten()
        {
            let ok = (1..=1024).contains(&phase.batch)
                && (1..=10_000).contains(&phase.epochs)
                && phase.patience >= 1
                && phase.rate > 0.0
                && phase.rate < 10.0
                && phase.made <= 1_000_000
                && phase.made_validation <= 1_000_000;
            if !ok {
                return Err(format!(
                    "a value of the recurrent phase is out of range: {phase:?}."
                ));
            }
        }
        for shape in [Some(&self.student), teacher.map(|t| &t.shape)]
            .into_iter()
            .flatten()
        {
            let json = serde_json::to_string(&shape.config(self.gru.is_some()))
                .map_err(|e| e.to_string())?;
            StudentConfig::parse(&json).map_err(|e| format!("a network's shape: {e}."))?;
        }
        Ok(())
    }
}
