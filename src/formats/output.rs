//! Files that are whole or not there: written beside as `NAME.part`, then renamed.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Why an output cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// It is there already.
    #[error("{path}: exists already. Give another name with --out, or --force to replace it.", path = .0.display())]
    Exists(PathBuf),
    /// An unfinished recording of the same name is there.
    #[error("{path}: an unfinished file of an earlier run. Keep it under another name, or give --force to replace it.", path = .0.display())]
    PartExists(PathBuf),
    /// The system refuses.
    #[error("{path}: cannot be written ({reason}). Check the folder, its permissions and the space left.", path = path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// The system's word.
        reason: io::Error,
    },
}

impl OutputError {
    fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |reason| Self::Io {
            path: path.to_owned(),
            reason,
        }
    }
}

/// `NAME.part` beside `NAME`.
pub fn part_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".part");
    PathBuf::from(name)
}

/// A file being written beside its name. Dropped unfinished, it is removed; see [`Output::keep_part`].
pub struct Output {
    path: PathBuf,
    part: PathBuf,
    file: Option<BufWriter<File>>,
    keep: bool,
}

impl Output {
    /// Begins a file; the name itself stays untouched until [`Output::finish`].
    ///
    /// # Errors
    /// When the name is taken and `force` is false, or the folder cannot be written to.
    pub fn create(path: &Path, force: bool) -> Result<Self, OutputError> {
        if !force && path.symlink_metadata().is_ok() {
            return Err(OutputError::Exists(path.to_owned()));
        }
        // A link is followed, so that what it points to is replaced and not the link; a device or a pipe must not be
        // renamed over at all.
        let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if let Ok(there) = path.metadata()
            && !there.is_file()
        {
            let what = if there.is_dir() {
                "it is a folder"
            } else {
                "it is a device or a pipe; use --out -"
            };
            return Err(OutputError::Io {
                path: path.to_owned(),
                reason: io::Error::other(what),
            });
        }
        let part = part_path(path);
        let file = File::create(&part).map_err(OutputError::io(path))?;
        Ok(Self {
            path: path.to_owned(),
            part,
            file: Some(BufWriter::with_capacity(1 << 16, file)),
            keep: false,
        })
    }

    /// As [`Output::create`], and an unfinished file of an earlier run is not touched either unless `force`d.
    ///
    /// # Errors
    /// As [`Output::create`], and when such a file is there.
    pub fn create_kept(path: &Path, force: bool) -> Result<Self, OutputError> {
        let part = part_path(path);
        if !force && path.symlink_metadata().is_err() && part.symlink_metadata().is_ok() {
            return Err(OutputError::PartExists(part));
        }
        let mut output = Self::create(path, force)?;
        output.keep = true;
        Ok(output)
    }

    /// From now on what is written stays as `NAME.part` even when [`Output::finish`] is never reached.
    pub fn keep_part(&mut self) {
        self.keep = true;
    }

    /// It is not worth keeping: nothing will be left of it.
    pub fn discard(&mut self) {
        self.keep = false;
    }

    /// Where it is being written.
    pub fn part(&self) -> &Path {
        &self.part
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// When the last bytes cannot be written or the name cannot be taken; the part file then stays.
    pub fn finish(mut self) -> Result<PathBuf, OutputError> {
        self.keep = true;
        if let Some(file) = self.file.take() {
            file.into_inner()
                .map_err(io::IntoInnerError::into_error)
                .and_then(|f| f.sync_all())
                .map_err(OutputError::io(&self.path))?;
        }
        std::fs::rename(&self.part, &self.path).map_err(OutputError::io(&self.path))?;
        Ok(self.path.clone())
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.file {
            Some(file) => file.write(bytes),
            None => Err(io::Error::other("the file is closed")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        drop(self.file.take());
        if !self.keep {
            // Already renamed, or gone with its folder: nothing is left behind either way.
            let _ = std::fs::remove_file(&self.part);
        }
    }
}

/// Writes a whole file beside its name, then renames it.
///
/// # Errors
/// As [`Output::create`] and [`Output::finish`].
pub fn write_whole(path: &Path, bytes: &[u8], force: bool) -> Result<(), OutputError> {
    let mut output = Output::create(path, force)?;
    output.write_all(bytes).map_err(OutputError::io(path))?;
    output.finish().map(|_| ())
}
