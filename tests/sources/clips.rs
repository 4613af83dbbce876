//! Made clips, and what ffprobe says of them.

use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use affectscope::frame::Frame;
use affectscope::source::video::VideoSource;

use super::{Given, read_all};

/// The frame's number is drawn as eight bars, one a bit, black or white: no codec loses it.
pub fn numbered(number: usize, width: usize, height: usize) -> Vec<u8> {
    let mut rgb = Vec::with_capacity(width * height * 3);
    for _ in 0..height {
        for x in 0..width {
            let level = if number >> (x * 8 / width) & 1 == 1 {
                235
            } else {
                20
            };
            rgb.extend([level; 3]);
        }
    }
    rgb
}

pub fn number_in(frame: &Frame) -> usize {
    let (width, row) = (frame.width_px(), frame.height_px() / 2);
    (0..8)
        .filter(|bit| frame.rgb()[(row * width + (bit * 2 + 1) * width / 16) * 3] > 128)
        .map(|bit| 1 << bit)
        .sum()
}

pub fn ffmpeg<S: AsRef<OsStr>>(args: &[S], input: Option<&[u8]>) {
    let mut child = Command::new("ffmpeg")
        .args(["-nostdin", "-hide_banner", "-loglevel", "error", "-y"])
        .args(args)
        .stdin(if input.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .spawn()
        .expect("ffmpeg must be installed: the program reads videos with it");
    if let Some(input) = input {
        child.stdin.take().unwrap().write_all(input).unwrap();
    }
    assert!(child.wait().unwrap().success());
}

/// A clip of numbered frames, encoded as `options` say.
pub fn clip(file: &Path, (width, height): (usize, usize), frames: usize, options: &str) {
    let pixels: Vec<u8> = (0..frames)
        .flat_map(|number| numbered(number, width, height))
        .collect();
    let size = format!("{width}x{height}");
    let mut args = vec![
        "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", &size, "-r", "30", "-i", "pipe:0",
    ];
    args.extend(options.split_whitespace());
    let url = format!("file:{}", file.display());
    args.push(&url);
    ffmpeg(&args, Some(&pixels));
}

/// What ffprobe counts, one line a frame in the order of showing.
pub fn probed_times(file: &Path) -> Vec<f64> {
    let output = Command::new("ffprobe")
        .args([
            "-v",
            "error",
            "-select_streams",
            "v:0",
            "-show_entries",
            "frame=best_effort_timestamp_time",
        ])
        .args(["-of", "csv=p=0"])
        .arg(file)
        .output()
        .unwrap();
    String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter_map(|line| line.trim_end_matches(',').parse().ok())
        .collect()
}

pub fn read(file: &Path) -> Given {
    read_all(&mut VideoSource::open(file).unwrap())
}

/// Each frame once, in order, with the number that was drawn in it and the time that the container gives.
pub fn assert_exact(file: &Path, given: &Given, frames: usize) {
    let numbers: Vec<usize> = given.frames.iter().map(number_in).collect();
    assert_eq!(
        numbers,
        (0..frames).collect::<Vec<_>>(),
        "{}",
        file.display()
    );
    let times = probed_times(file);
    assert_eq!(times.len(), frames);
    let start_s = times[0] - given.frames[0].stamp.time_s;
    for (index, (frame, time_s)) in given.frames.iter().zip(&times).enumerate() {
        assert_eq!(frame.stamp.index, index as u64);
        assert!(
            (frame.stamp.time_s + start_s - time_s).abs() < 2e-6,
            "{}: frame {index} at {} for {time_s}",
            file.display(),
            frame.stamp.time_s
        );
        assert_eq!(frame.captured_s, None);
    }
    assert_eq!(given.note, None, "{}", file.display());
}
