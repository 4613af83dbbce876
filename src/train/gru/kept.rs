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
    /// In this file, which is begun anew where it is of something else. `of`: all that the pieces depend on.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn open(path: &Path, of: &str) -> Result<Self, PhaseError> {
        let open = || -> io::Result<Self> {
            let mut file = File::options()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)?;
            let mut wanted = MAGIC.to_vec();
            wanted.extend(Sha256::digest(of));
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

    /// The next piece: what was kept of it, or what `make` makes of it, which is then kept.
    ///
    /// # Errors
    /// What `make` says, or that the file cannot be read or written.
    pub fn next(
        &mut self,
        make: impl FnOnce() -> Result<Piece, PhaseError>,
    ) -> Result<Piece, PhaseError> {
        let Some((path, file)) = &mut self.file else {
            return make();
        };
        if let Some(at) = self.next {
            match read(file, at).map_err(|e| cannot(path, e))? {
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

/// The piece that begins here, and where the next one does. Where none is whole, the file ends here from now on.
fn read(file: &mut File, at: u64) -> io::Result<Option<(Piece, u64)>> {
    let left = file.metadata()?.len().saturating_sub(at);
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = vec![0; LENGTHS];
    let numbers = match left < (LENGTHS + SUM) as u64 {
        true => None,
        false => {
            file.read_exact(&mut bytes)?;
            let lengths = lengths_in(&bytes);
            let all = lengths
                .into_iter()
                .try_fold(0u64, |sum, n| sum.checked_add(n));
            // As long as the file says, and no longer than the file.
            let size = all.and_then(|all| all.checked_mul(size_of::<f32>() as u64));
            size.filter(|size| *size <= left - (LENGTHS + SUM) as u64)
        }
    };
    if let Some(numbers) = numbers {
        // It fits into the file, and so into memory.
        bytes.resize(LENGTHS + numbers as usize + SUM, 0);
        file.read_exact(&mut bytes[LENGTHS..])?;
        let (said, sum) = bytes.split_at(LENGTHS + numbers as usize);
        if sum_of(said) == sum {
            let mut values = said[LENGTHS..]
                .as_chunks::<4>()
                .0
                .iter()
                .map(|bytes| f32::from_le_bytes(*bytes));
            let lengths = lengths_in(said);
            let piece = lengths.map(|n| values.by_ref().take(n as usize).collect());
            return Ok(Some((piece, at + bytes.len() as u64)));
        }
    }
    // Killed in the midst of it, or damaged since.
    file.set_len(at)?;
    file.seek(SeekFrom::Start(at))?;
    Ok(None)
}

fn lengths_in(bytes: &[u8]) -> [u64; 4] {
    let words = bytes.as_chunks::<8>().0;
    std::array::from_fn(|i| words.get(i).map_or(0, |word| u64::from_le_bytes(*word)))
}

fn sum_of(bytes: &[u8]) -> [u8; SUM] {
    let whole: [u8; 32] = Sha256::digest(bytes).into();
    std::array::from_fn(|i| whole[i])
}

fn bytes_of(piece: &Piece) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(
        LENGTHS + piece.iter().map(Vec::len).sum::<usize>() * size_of::<f32>() + SUM,
    );
    for kind in piece {
        bytes.extend((kind.len() as u64).to_le_bytes());
    }
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
            let got = kept.next(|| {
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
            let got = kept.next(|| {
                made = true;
                Ok(piece(2))
            });
            assert_eq!((got.unwrap(), made), (piece(2), true));
        }
        let folder = tempfile::tempdir().unwrap();
        let told = Kept::open(folder.path(), "a").unwrap_err().to_string();
        assert!(
            told.contains(&folder.path().display().to_string()),
            "{told}"
        );
        assert!(told.contains("space left"), "{told}");
    }
}
