//! `affectscope devices`: cameras with their formats, and compute devices.

use std::fmt::Write as _;

use super::{Failure, print};
use crate::model::device::{DeviceChoice, choose, leaves_nvidia_unused};
use crate::source::camera;
use crate::train::net::{Gpu, GpuError};

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
        for line in by_size(&camera.formats) {
            let _ = writeln!(text, "     {line}");
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
    if leaves_nvidia_unused() {
        text.push_str("  an NVIDIA GPU is in this machine: `cargo build --release --features cuda` makes a build that reads faces on it\n");
    }
    let _ = match Gpu::found() {
        Ok(name) => writeln!(text, "training (`train run`, in any build): {name}"),
        Err(GpuError::None) => writeln!(text, "training: the CPU"),
        Err(e) => writeln!(text, "training: the CPU; {e}"),
    };
    print(&text)?;
    Ok(())
}

/// One line a size, in the order given: `640x480  up to 30/s  YUYV, MJPEG`. A format without that form stays as it is.
fn by_size(formats: &[String]) -> Vec<String> {
    let mut sizes: Vec<(&str, u32, Vec<&str>)> = Vec::new();
    let mut others = Vec::new();
    for format in formats {
        let parts: Vec<&str> = format.split_whitespace().collect();
        let rate = parts
            .get(1)
            .and_then(|r| r.strip_suffix("/s")?.parse::<u32>().ok());
        let (&[size, _, code], Some(rate)) = (parts.as_slice(), rate) else {
            others.push(format.clone());
            continue;
        };
        match sizes.iter_mut().find(|(s, ..)| *s == size) {
            Some((_, best, codes)) => {
                *best = rate.max(*best);
                if !codes.contains(&code) {
                    codes.push(code);
                }
            }
            None => sizes.push((size, rate, vec![code])),
        }
    }
    let lines = sizes
        .into_iter()
        .map(|(size, rate, codes)| format!("{size:<10} up to {rate}/s  {}", codes.join(", ")));
    lines.chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::by_size;

    #[test]
    fn formats_are_one_line_a_size() {
        let formats = [
            "640x480 30/s MJPEG",
            "640x480 60/s YUYV",
            "1280x720 30/s MJPEG",
            "odd",
        ];
        assert_eq!(
            by_size(&formats.map(String::from)),
            [
                "640x480    up to 60/s  MJPEG, YUYV",
                "1280x720   up to 30/s  MJPEG",
                "odd"
            ]
        );
    }
}
