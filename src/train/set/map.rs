//! A file's bytes as they lie on disk, mapped into memory.

#![allow(unsafe_code)] // mapping a file: its bytes may change under the reader, which the compiler cannot know

use std::fs::File;
use std::io;

use memmap2::Mmap;

/// Maps a file for reading. `None` for an empty file, which cannot be mapped.
///
/// # Errors
/// The system's word.
pub(super) fn map(file: &File) -> io::Result<Option<Mmap>> {
    if file.metadata()?.len() == 0 {
        return Ok(None);
    }
    // SAFETY: the map is read as plain bytes, of which every value is a pixel. Finished sets are never written to, only
    // replaced by rename; a program that cuts the file while it is mapped ends this one (SIGBUS), as with any map.
    unsafe { Mmap::map(file) }.map(Some)
}
