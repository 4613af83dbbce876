//! Pictures: one file, a folder, or a numbered sequence.
use super::{FrameSource, Next, SourceError, SourceInfo};
use std::path::Path;
/// x
pub fn is_images(_: &Path) -> bool {
    false
}
/// x
pub struct ImageSource;
impl ImageSource {
    /// x
    pub fn open(_: &Path) -> Result<Self, SourceError> {
        Ok(Self)
    }
}
impl FrameSource for ImageSource {
    fn info(&self) -> &SourceInfo {
        unreachable!()
    }
    fn next(&mut self) -> Result<Next, SourceError> {
        unreachable!()
    }
}
