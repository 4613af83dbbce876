//! `affectscope devices`: cameras with their formats, and compute devices.

use std::fmt::Write as _;

use super::{Failure, print};
use crate::model::device::{DeviceChoice, choose};
use crate::source::camera;

/// Prints the lists.
///
/// # Errors
/// When the system's cameras cannot be listed.
pub fn run() -> Result<(), Failure> {
    let mut text = String::new();
    let cameras = camera::list()?;
    if cameras.is_empty() {
        text.push_str("cameras: none found. Connect one and run this again.\n");
    } else {
        text.push_str("cameras:\n");
    }
    for camera in &cameras {
        let _ = writeln!(text, "  {}  {}", camera.index, camera.name);
        let _ = writeln!(text, "     --source camera:{}", camera.id);
        for format in &camera.formats {
            let _ = writeln!(text, "     {format}");
        }
    }
    text.push_str("compute devices:\n");
    for (name, choice) in [
        ("cpu", DeviceChoice::Cpu),
        ("cuda", DeviceChoice::Cuda),
        ("metal", DeviceChoice::Metal),
    ] {
        let _ = match choose(choice) {
            Ok(chosen) => writeln!(text, "  {name:<6} {}", chosen.title),
            Err(e) => writeln!(text, "  {name:<6} not available: {e}"),
        };
    }
    print(&text);
    Ok(())
}
