//! A run's folder is one run's at a time.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use super::phase::PhaseError;

/// It stays when a run is over: removed, two runs that begin at that very moment could both hold it.
const LOCK: &str = "lock";

/// The folder of a run, held as long as this lives. The system lets go of it when the program is killed.
#[derive(Debug)]
pub struct Held {
    folder: PathBuf,
    _lock: File,
    /// The folder was not there before.
    made: bool,
}

impl Held {
    /// Makes the folder if need be, and holds it. On file systems that know no locks nothing is held.
    ///
    /// # Errors
    /// When another run holds it, or the system refuses.
    pub fn hold(folder: &Path) -> Result<Self, PhaseError> {
        let path = folder.join(LOCK);
        let refused = |reason| PhaseError::Lock {
            path: path.clone(),
            reason,
        };
        let made = !folder.exists();
        fs::create_dir_all(folder).map_err(refused)?;
        let mut options = File::options();
        let options = options.write(true).create(true).truncate(false);
        let lock = options.open(&path).map_err(refused)?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => Err(PhaseError::Busy(folder.to_owned())),
            _ => Ok(Self {
                folder: folder.to_owned(),
                _lock: lock,
                made,
            }),
        }
    }
}

impl Drop for Held {
    /// A run that could not begin leaves nothing.
    fn drop(&mut self) {
        let alone = |folder: &Path| fs::read_dir(folder).is_ok_and(|all| all.count() == 1);
        if self.made && alone(&self.folder) {
            let _ = fs::remove_file(self.folder.join(LOCK));
            let _ = fs::remove_dir(&self.folder);
        }
    }
}
