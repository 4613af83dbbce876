//! What networks know of faces, kept beside the checkpoint until a phase is over: a run that was killed goes on from there,
//! and does not ask them again, which of a large database takes hours.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::train::phase::PhaseError;

/// How a file begins, before the checksum of what it depends on.
const MAGIC: &[u8; 8] = b"affknow1";
/// Where its first piece begins.
const FIRST: usize = MAGIC.len() + 32;
/// Bytes of a piece before its numbers: how many there are of each kind.
const LENGTHS: usize = 4 * size_of::<u64>();
/// Bytes behind them: the first of a checksum.
const SUM: usize = 8;

/// Some rows of numbers, of up to four kinds.
pub(super) type Piece = [Vec<f32>; 4];

/// Pieces in the order in which they are made.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// `None`: nothing is kept.
    file: Option<(PathBuf, File)>,
    /// Where the next piece is, if it is there; `None` behind the last one.
    next: Option<u64>,
}

impl Kept {
    /// In this file, which is begun anew where it is of something else or of another version. `of`: all that the pieces depend
    /// on.
    ///
    /// # Errors
    /// When the file cannot be read or written, or what is there is no file of this folder alone.
    pub fn open(path: &Path, of: &str) -> Result<Self, PhaseError> {
        let open = || -> io::Result<Self> {
            // A link may lead to somebody's own file, and a pipe waits for its other end.
            if path.symlink_metadata().is_ok_and(|there| !there.is_file()) {
                return Err(io::Error::other("it is no ordinary file"));
            }
            let mut file = File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)?;
            let mut wanted = MAGIC.to_vec();
            let version = env!("CARGO_PKG_VERSION");
            wanted.extend(Sha256::digest(format!("{version}\n{of}")));
            let mut head = Vec::with_capacity(FIRST);
            (&mut file).take(FIRST as u64).read_to_end(&mut head)?;
            if head != wanted {
                file.set_len(0)?;
                file.rewind()?;
                file.write_all(&wanted)?;
            }
            Ok(Self {
                file: Some((path.to_owned(), file)),
                next: Some(FIRST as u64),
            })
        };
        open().map_err(|reason| cannot(path, reason))
    }

    /// The next piece: what was kept of it, or what `make` makes of it, which is then kept. `lengths`: how many numbers it
    /// has of each kind; what is there of other lengths is none.
    ///
    /// # Errors
    /// What `make` says, or that the file cannot be read or written.
    pub fn next(
        &mut self,
        lengths: [usize; 4],
        make: impl FnOnce() -> Result<Piece, PhaseError>,
    ) -> Result<Piece, PhaseError> {
        let Some((path, file)) = &mut self.file else {
            return make();
        };
        if let Some(at) = self.next {
            match read(file, at, lengths).map_err(|e| cannot(path, e))? {
                Some((piece, behind)) => {
                    self.next = Some(behind);
                    return Ok(piece);
                }
                None => self.next = None,
            }
        }
        let piece = make()?;
        file.write_all(&bytes_of(&piece))
            .map_err(|e| cannot(path, e))?;
        Ok(piece)
    }
}

/// The piece of these lengths that begins here, and where the next one does. Where none is whole, the file ends here from now
/// on.
fn read(file: &mut File, at: u64, lengths: [usize; 4]) -> io::Result<Option<(Piece, u64)>> {
    let size = LENGTHS + lengths.iter().sum::<usize>() * size_of::<f32>() + SUM;
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::with_capacity(size);
    (&mut *file).take(size as u64).read_to_end(&mut bytes)?;
    if bytes.len() == size {
        let (said, sum) = bytes.split_at(size - SUM);
        let (head, numbers) = said.split_at(LENGTHS);
        if sum_of(said) == sum && head == lengths_of(lengths) {
            let each = numbers.as_chunks::<4>().0.iter();
            let mut values = each.map(|bytes| f32::from_le_bytes(*bytes));
            let piece = lengths.map(|n| values.by_ref().take(n).collect());
            return Ok(Some((piece, at + size as u64)));
        }
    }
    // Killed in the midst of it, or damaged since.
    file.set_len(at)?;
    file.seek(SeekFrom::Start(at))?;
    Ok(None)
}

fn lengths_of(lengths: [usize; 4]) -> Vec<u8> {
    let each = lengths.iter().map(|n| (*n as u64).to_le_bytes());
    each.flatten().collect()
}

fn sum_of(bytes: &[u8]) -> [u8; SUM] {
    let whole: [u8; 32] = Sha256::digest(bytes).into();
    std::array::from_fn(|i| whole[i])
}

fn bytes_of(piece: &Piece) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(
        LENGTHS + piece.iter().map(Vec::len).sum::<usize>() * size_of::<f32>() + SUM,
    );
    bytes.extend(lengths_of(piece.each_ref().map(Vec::len)));
    for value in piece.iter().flatten() {
        bytes.extend(value.to_le_bytes());
    }
    let sum = sum_of(&bytes);
    bytes.extend(sum);
    bytes
}

fn cannot(path: &Path, reason: io::Error) -> PhaseError {
    PhaseError::Kept {
        path: path.to_owned(),
        reason,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn piece(n: usize) -> Piece {
        let values = |kind: usize| (0..n * kind).map(move |i| (n * 10 + i) as f32 + 0.1);
        [
            values(1).collect(),
            values(2).collect(),
            Vec::new(),
            values(1).map(|v| -v).collect(),
        ]
    }

    /// Asks for pieces 1 to `count`; gives how many had to be made.
    fn made(path: &Path, of: &str, count: usize) -> usize {
        let mut kept = Kept::open(path, of).unwrap();
        let mut made = 0;
        for n in 1..=count {
            let got = kept.next(piece(n).map(|kind| kind.len()), || {
                made += 1;
                Ok(piece(n))
            });
            assert_eq!(got.unwrap(), piece(n));
        }
        made
    }

    #[test]
    fn what_is_whole_is_not_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("features");
        assert_eq!(made(&path, "a", 3), 3);
        assert_eq!(made(&path, "a", 3), 0);
        assert_eq!(made(&path, "a", 5), 2);
        assert_eq!(made(&path, "a", 2), 0, "fewer are asked for");
        assert_eq!(made(&path, "a", 5), 0, "and the others are still there");
        // Of another config.
        assert_eq!(made(&path, "b", 2), 2);
        assert_eq!(made(&path, "a", 2), 2);
    }

    #[test]
    fn what_a_kill_or_a_bad_disk_left_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("features");
        made(&path, "a", 4);
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            assert!(made(&path, "a", 4) > 0, "{cut}");
            assert_eq!(std::fs::read(&path).unwrap(), whole, "{cut}");
        }
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x80;
            std::fs::write(&path, &damaged).unwrap();
            assert!(made(&path, "a", 4) > 0, "{at}");
            assert_eq!(std::fs::read(&path).unwrap(), whole, "{at}");
        }
    }

    #[test]
    fn nothing_is_kept_nowhere_and_what_cannot_be_is_told() {
        let mut kept = Kept::default();
        for _ in 0..2 {
            let mut made = false;
            let got = kept.next([2, 4, 0, 2], || {
                made = true;
                Ok(piece(2))
            });
            assert_eq!((got.unwrap(), made), (piece(2), true));
        }
        let folder = tempfile::tempdir().unwrap();
        // Whole, and of other lengths than are wanted.
        let path = folder.path().join("features");
        made(&path, "a", 2);
        let mut kept = Kept::open(&path, "a").unwrap();
        let other = kept.next([1, 3, 0, 0], || {
            Ok([vec![1.0], vec![2.0; 3], vec![], vec![]])
        });
        assert_eq!(other.unwrap()[1], [2.0; 3]);
        let told = Kept::open(folder.path(), "a").unwrap_err().to_string();
        assert!(
            told.contains(&folder.path().display().to_string()),
            "{told}"
        );
        assert!(told.contains("space left"), "{told}");
    }
}
