//! Cameras, through nokhwa.

/// A camera that is connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CameraInfo {
    /// Stays the same while the machine runs, and where the system allows it, after: what `camera:ID` takes.
    pub id: String,
    /// Its number in the system.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// What it offers, best first: `640x480 30/s MJPEG`.
    pub formats: Vec<String>,
}
use super::{FrameSource, Next, SourceError, SourceInfo};
use crate::clock::Clock;
/// x
pub struct CameraSource;
impl CameraSource {
    /// x
    pub fn open(_: Option<&str>, _: &Clock) -> Result<Self, SourceError> {
        Err(SourceError::NoCamera(String::new()))
    }
}
impl FrameSource for CameraSource {
    fn info(&self) -> &SourceInfo {
        unreachable!()
    }
    fn next(&mut self) -> Result<Next, SourceError> {
        unreachable!()
    }
}
/// x
pub fn list() -> Result<Vec<CameraInfo>, SourceError> {
    Ok(vec![])
}
