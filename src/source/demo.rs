//! The built-in demo: a portrait set in motion.
use super::{FrameSource, Next, SourceError, SourceInfo};
/// x
pub struct DemoSource;
impl DemoSource {
    /// x
    pub fn new() -> Self {
        Self
    }
}
impl FrameSource for DemoSource {
    fn info(&self) -> &SourceInfo {
        unreachable!()
    }
    fn next(&mut self) -> Result<Next, SourceError> {
        unreachable!()
    }
}
