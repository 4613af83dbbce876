//! Files that are whole or not there: written beside as `NAME.part`, then renamed.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Why an output cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// It is there already.
    #[error("{path}: exists already. Give another name, or --force to replace it.", path = .0.display())]
    Exists(PathBuf),
    /// An unfinished recording of the same name is there.
    #[error("{path}: an unfinished file of an earlier run. Keep it under another name, or give --force to replace it.", path = .0.display())]
    PartExists(PathBuf),
    /// Another run is writing it.
    #[error("{path}: another run is writing this file. Wait for it, or give another name.", path = .0.display())]
    Busy(PathBuf),
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
    /// Folders that were made for it, the outermost last.
    made: Vec<PathBuf>,
    keep: bool,
    force: bool,
}

impl Output {
    /// Begins a file; the name itself stays untouched until [`Output::finish`]. A folder that is not there is made.
    ///
    /// # Errors
    /// When the name is taken or an unfinished file of an earlier run is there and `force` is false, when another run
    /// is writing it, or when the folder cannot be written to.
    pub fn create(path: &Path, force: bool) -> Result<Self, OutputError> {
        Self::begin(path, force, force)
    }

    fn begin(path: &Path, force: bool, over_part: bool) -> Result<Self, OutputError> {
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
                "it is a device or a pipe"
            };
            return Err(OutputError::Io {
                path: path.to_owned(),
                reason: io::Error::other(what),
            });
        }
        let part = part_path(path);
        if let Ok(there) = part.symlink_metadata() {
            if !there.is_file() {
                return Err(OutputError::Io {
                    path: part,
                    reason: io::Error::other("it is in the way and no ordinary file"),
                });
            }
            if !over_part {
                return Err(OutputError::PartExists(part));
            }
        }
        let made = make_folders(path).map_err(OutputError::io(path))?;
        // Not emptied before it is ours alone.
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&part)
            .map_err(OutputError::io(path))?;
        if let Err(std::fs::TryLockError::WouldBlock) = file.try_lock() {
            return Err(OutputError::Busy(path.to_owned()));
        }
        file.set_len(0).map_err(OutputError::io(path))?;
        Ok(Self {
            path: path.to_owned(),
            part,
            file: Some(BufWriter::with_capacity(1 << 16, file)),
            made,
            keep: false,
            force,
        })
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
        if let Some(file) = self.file.take() {
            file.into_inner()
                .map_err(io::IntoInnerError::into_error)
                .and_then(|f| f.sync_all())
                .map_err(OutputError::io(&self.path))?;
        }
        // It is whole; whatever hinders the rename must not cost it.
        self.keep = true;
        if !self.force && self.path.symlink_metadata().is_ok() {
            return Err(OutputError::Exists(self.path.clone()));
        }
        std::fs::rename(&self.part, &self.path).map_err(OutputError::io(&self.path))?;
        Ok(self.path.clone())
    }

    /// Leaves the part file behind as it is.
    pub fn leave_whole_part(mut self) -> PathBuf {
        self.keep = true;
        if let Some(file) = &mut self.file {
            // What does not fit any more is lost, and has been told.
            let _ = file.flush();
        }
        self.part.clone()
    }

    /// Leaves the work to another program: from now on the part file is written by whoever opens it, and not through
    /// this. It is still put in its place, or removed, by this.
    ///
    /// # Errors
    /// When what was written so far cannot be.
    pub fn hand_over(&mut self) -> Result<&Path, OutputError> {
        if let Some(file) = self.file.take() {
            let (file, left) = file.into_parts();
            let written = match left {
                Ok(left) => (&file).write_all(&left),
                Err(_) => Err(io::Error::other("the file is closed")),
            };
            written.map_err(OutputError::io(&self.path))?;
        }
        Ok(&self.part)
    }

    /// Leaves the part file behind, with whole lines alone: a full disk may have cut the last one.
    pub fn leave_part(mut self) -> PathBuf {
        self.keep = true;
        if let Some(mut file) = self.file.take() {
            // What does not fit any more is lost, and has been told.
            let _ = file.flush();
            let (mut file, _) = file.into_parts();
            let _ = cut_to_lines(&mut file);
        }
        self.part.clone()
    }
}

/// Makes the folder of a file, and those that it lies in; gives those that were not there, the outermost last.
fn make_folders(path: &Path) -> io::Result<Vec<PathBuf>> {
    let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) else {
        return Ok(Vec::new());
    };
    let missing = folder
        .ancestors()
        .take_while(|f| !f.as_os_str().is_empty() && !f.exists());
    let missing = missing.map(Path::to_owned).collect();
    std::fs::create_dir_all(folder)?;
    Ok(missing)
}

/// Cuts a file back to its last newline.
fn cut_to_lines(file: &mut File) -> io::Result<()> {
    let length = file.metadata()?.len();
    let tail = length.min(1 << 16);
    file.seek(io::SeekFrom::Start(length - tail))?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    match bytes.iter().rposition(|&b| b == b'\n') {
        Some(last) => file.set_len(length - tail + last as u64 + 1),
        None => Ok(()),
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
            for folder in &self.made {
                // One that others have written to by now stays.
                let _ = std::fs::remove_dir(folder);
            }
        }
    }
}

/// Whether [`write_whole`] can begin: told before the work that makes the bytes. Nothing stays of it.
///
/// # Errors
/// As [`write_whole`].
pub fn can_be_written(path: &Path, force: bool) -> Result<(), OutputError> {
    Output::begin(path, force, true).map(drop)
}

/// Writes a whole file beside its name, then renames it. What a killed run left of such a file is worth nothing, and
/// is written over.
///
/// # Errors
/// As [`Output::create`] and [`Output::finish`].
pub fn write_whole(path: &Path, bytes: &[u8], force: bool) -> Result<(), OutputError> {
    let mut output = Output::begin(path, force, true)?;
    output.write_all(bytes).map_err(OutputError::io(path))?;
    output.finish().map(|_| ())
}

/// A file that is to be written whole.
#[derive(Debug, Clone, Copy)]
pub struct Whole<'a> {
    /// Where to.
    pub path: &'a Path,
    /// Its content.
    pub bytes: &'a [u8],
    /// Over a file that is there.
    pub force: bool,
}

/// Writes files that belong together as [`write_whole`] does one: all lie beside their names before the first takes its
/// own, so that a full disk or a name that is taken leaves none of them.
///
/// # Errors
/// As [`write_whole`].
pub fn write_together(files: &[Whole<'_>]) -> Result<(), OutputError> {
    let mut outputs = Vec::new();
    let begun = files.iter().try_for_each(|Whole { path, bytes, force }| {
        outputs.push(Output::begin(path, *force, true)?);
        let Some(output) = outputs.last_mut() else {
            return Ok(());
        };
        let written = output.write_all(bytes).and_then(|()| output.flush());
        written.map_err(OutputError::io(path))
    });
    if let Err(error) = begun {
        // The last first: a folder that was made for one of them may hold others.
        while outputs.pop().is_some() {}
        return Err(error);
    }
    outputs
        .into_iter()
        .try_for_each(|output| output.finish().map(|_| ()))
}
