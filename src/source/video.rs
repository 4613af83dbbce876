//! Videos, through the ffmpeg and ffprobe programs.
use super::{FrameSource, Next, SourceError, SourceInfo};
use std::path::Path;
/// x
pub struct VideoSource;
impl VideoSource {
    /// x
    pub fn open(_: &Path) -> Result<Self, SourceError> {
        Ok(Self)
    }
}
impl FrameSource for VideoSource {
    fn info(&self) -> &SourceInfo {
        unreachable!()
    }
    fn next(&mut self) -> Result<Next, SourceError> {
        unreachable!()
    }
}
