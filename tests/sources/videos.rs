use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use affectscope::frame::Frame;
use affectscope::source::video::VideoSource;
use affectscope::source::{self, FrameSource, Next, Pace, SourceError};

use super::{Given, is_a_sentence, read_all};

/// The frame's number is drawn as eight bars, one a bit, black or white: no codec loses it.
fn numbered(number: usize, width: usize, height: usize) -> Vec<u8> {
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

fn number_in(frame: &Frame) -> usize {
    let (width, row) = (frame.width_px(), frame.height_px() / 2);
    (0..8)
        .filter(|bit| frame.rgb()[(row * width + (bit * 2 + 1) * width / 16) * 3] > 128)
        .map(|bit| 1 << bit)
        .sum()
}

fn ffmpeg<S: AsRef<OsStr>>(args: &[S], input: Option<&[u8]>) {
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
fn clip(file: &Path, (width, height): (usize, usize), frames: usize, options: &str) {
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
fn probed_times(file: &Path) -> Vec<f64> {
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

fn read(file: &Path) -> Given {
    read_all(&mut VideoSource::open(file).unwrap())
}

/// Each frame once, in order, with the number that was drawn in it and the time that the container gives.
fn assert_exact(file: &Path, given: &Given, frames: usize) {
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

fn error_of(file: &Path) -> SourceError {
    let error = VideoSource::open(file).err().expect("it must not open");
    is_a_sentence(&error);
    assert!(error.is_bad_input());
    error
}

#[test]
fn every_frame_comes_once_with_its_own_time() {
    let folder = tempfile::tempdir().unwrap();
    for (name, options) in [
        ("b-frames.mp4", "-c:v libx264 -bf 3 -g 12 -pix_fmt yuv420p"),
        ("b-frames.mkv", "-c:v libx264 -bf 3 -g 12 -pix_fmt yuv420p"),
        (
            "ntsc.mp4",
            "-r 30000/1001 -c:v libx264 -bf 2 -pix_fmt yuv420p",
        ),
        ("ten-bit.mkv", "-c:v libx264 -pix_fmt yuv420p10le"),
        ("full-range.mov", "-c:v mjpeg -q:v 3 -pix_fmt yuvj422p"),
        ("old.avi", "-c:v mpeg4 -q:v 3"),
        ("alpha.mov", "-c:v png -pix_fmt rgba"),
        (
            "web.webm",
            "-c:v libvpx -b:v 1M -auto-alt-ref 0 -pix_fmt yuva420p",
        ),
        (
            "late.ts",
            "-c:v libx264 -bf 2 -pix_fmt yuv420p -muxdelay 3 -output_ts_offset 100",
        ),
        ("moving.gif", "-r 25"),
    ] {
        let file = folder.path().join(name);
        clip(&file, (96, 64), 40, options);
        let frames = probed_times(&file).len();
        let given = read(&file);
        if options.contains("-r ") {
            // Made of fewer or more frames than were drawn: their number is what ffprobe counts.
            assert_eq!(given.frames.len(), frames, "{name}");
        } else {
            assert_exact(&file, &given, 40);
        }
        let info = VideoSource::open(&file).unwrap().info().clone();
        assert_eq!((info.width_px, info.height_px), (96, 64), "{name}");
        assert_eq!((info.pace, info.title.as_str()), (Pace::File, name));
        assert!(
            given.frames[0].stamp.time_s.abs() < 0.05,
            "{name}: {}",
            given.frames[0].stamp.time_s
        );
        assert!(info.format.is_some());
    }
}

#[test]
fn a_variable_rate_keeps_its_times() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["varied.mkv", "varied.mp4"] {
        let file = folder.path().join(name);
        // Frame n is shown at n * n / 300 seconds.
        clip(
            &file,
            (96, 64),
            30,
            "-vf settb=1/90000,setpts=N*N*300 -fps_mode passthrough -enc_time_base 1:90000 -c:v libx264 -bf 2 -pix_fmt yuv420p -video_track_timescale 90000",
        );
        let given = read(&file);
        assert_exact(&file, &given, 30);
        for (n, frame) in given.frames.iter().enumerate() {
            let time_s = (n * n) as f64 / 300.0;
            // Matroska counts milliseconds.
            assert!(
                (frame.stamp.time_s - time_s).abs() < 1e-3,
                "{n}: {}",
                frame.stamp.time_s
            );
        }
    }
}

#[test]
fn a_stream_without_a_clock_follows_its_nominal_rate() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("elementary.h264");
    clip(&file, (96, 64), 20, "-c:v libx264 -bf 0 -pix_fmt yuv420p");
    let given = read(&file);
    let numbers: Vec<usize> = given.frames.iter().map(number_in).collect();
    assert_eq!(numbers, (0..20).collect::<Vec<_>>());
    let rate_hz = VideoSource::open(&file).unwrap().info().rate_hz.unwrap();
    for (index, frame) in given.frames.iter().enumerate() {
        assert!(
            (frame.stamp.time_s - index as f64 / rate_hz).abs() < 1e-5,
            "{index}: {}",
            frame.stamp.time_s
        );
    }
}

#[test]
fn a_turned_video_comes_upright() {
    let folder = tempfile::tempdir().unwrap();
    let (flat, turned) = (
        folder.path().join("flat.mp4"),
        folder.path().join("turned.mp4"),
    );
    clip(&flat, (96, 64), 5, "-c:v libx264 -pix_fmt yuv420p");
    let (from, to) = (flat.to_str().unwrap(), turned.to_str().unwrap());
    // ffmpeg before 6 writes the matrix from the tag, later ones by an input option.
    ffmpeg(
        &["-i", from, "-c", "copy", "-metadata:s:v:0", "rotate=90", to],
        None,
    );
    if VideoSource::open(&turned).unwrap().info().width_px != 64 {
        ffmpeg(
            &["-display_rotation", "90", "-i", from, "-c", "copy", to],
            None,
        );
    }
    let source = VideoSource::open(&turned).unwrap();
    assert_eq!((source.info().width_px, source.info().height_px), (64, 96));
    let given = read(&turned);
    assert_eq!(given.frames.len(), 5);
    let frame = &given.frames[3];
    assert_eq!((frame.width_px(), frame.height_px()), (64, 96));
    // The bars lie now: a row has one level, a column has two.
    let level = |x: usize, y: usize| frame.rgb()[(y * 64 + x) * 3] > 128;
    for y in [6, 18, 30, 66, 90] {
        assert_eq!(level(4, y), level(60, y), "row {y}");
    }
    assert!((0..96).any(|y| level(32, y)) && !(0..96).all(|y| level(32, y)));
}

#[test]
fn odd_sizes_and_odd_names_are_read() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "-dash.mkv",
        "a:b.mkv",
        "100%d.mkv",
        "two words.mkv",
        "ümläut 顔.mkv",
        "quo'te\"s.mkv",
        "[x]#?.mkv",
    ] {
        let file = folder.path().join(name);
        clip(&file, (321, 243), 3, "-c:v ffv1");
        assert_eq!(read(&file).frames.len(), 3, "{name}");
        let frame = &read(&file).frames[2];
        assert_eq!((frame.width_px(), frame.height_px()), (321, 243));
        assert_eq!(number_in(frame), 2);
    }
}

#[test]
fn colours_keep_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("red.mp4");
    let args = "-f lavfi -i color=red:s=64x64:r=10:d=0.3 -c:v libx264 -pix_fmt yuv420p";
    let mut args: Vec<&str> = args.split(' ').collect();
    args.push(file.to_str().unwrap());
    ffmpeg(&args, None);
    let [r, g, b] = read(&file).frames[0].rgb()[..3] else {
        unreachable!()
    };
    assert!(r > 200 && g < 40 && b < 40, "{r} {g} {b}");
}

#[test]
fn a_size_that_changes_on_the_way_is_brought_to_the_first() {
    let folder = tempfile::tempdir().unwrap();
    let (small, large) = (
        folder.path().join("small.ts"),
        folder.path().join("large.ts"),
    );
    clip(&small, (96, 64), 20, "-c:v mpeg2video -q:v 2 -f mpegts");
    clip(&large, (192, 128), 20, "-c:v mpeg2video -q:v 2 -f mpegts");
    let both = folder.path().join("both.ts");
    fs::write(
        &both,
        [fs::read(&small).unwrap(), fs::read(&large).unwrap()].concat(),
    )
    .unwrap();
    let given = read(&both);
    assert_eq!(given.frames.len(), probed_times(&both).len());
    assert!(given.frames.len() >= 38);
    assert!(
        given
            .frames
            .iter()
            .all(|frame| (frame.width_px(), frame.height_px()) == (96, 64))
    );
    for pair in given.frames.windows(2) {
        assert!(
            pair[1].stamp.time_s > pair[0].stamp.time_s,
            "{:?} {:?}",
            pair[0],
            pair[1]
        );
    }
    assert_eq!(number_in(given.frames.last().unwrap()), 19);
}

fn cut(file: &Path, name: &str, part: f64) -> PathBuf {
    let bytes = fs::read(file).unwrap();
    let to = file.with_file_name(name);
    fs::write(&to, &bytes[..(bytes.len() as f64 * part) as usize | 1]).unwrap();
    to
}

#[test]
fn a_truncated_video_gives_what_is_there_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    for (name, options) in [
        ("whole.mkv", "-c:v libx264 -g 6 -pix_fmt yuv420p"),
        ("whole.ts", "-c:v libx264 -g 6 -pix_fmt yuv420p"),
        ("whole.avi", "-c:v mjpeg -q:v 3"),
        (
            "first.mp4",
            "-c:v libx264 -g 6 -pix_fmt yuv420p -movflags +faststart",
        ),
    ] {
        let file = folder.path().join(name);
        clip(&file, (96, 64), 90, options);
        let half = cut(&file, &format!("half-{name}"), 0.6);
        let given = read(&half);
        let count = given.frames.len();
        assert!((10..90).contains(&count), "{name}: {count}");
        for (index, frame) in given.frames.iter().take(count - 1).enumerate() {
            assert_eq!(number_in(frame), index, "{name}");
        }
        let note = given.note.unwrap_or_else(|| panic!("{name}: no note"));
        assert!(
            note.contains(&format!("half-{name} ends early after {count}")),
            "{note}"
        );
        assert!(note.contains("truncated"), "{note}");
    }
}

#[test]
fn an_mp4_without_its_index_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("whole.mp4");
    clip(&file, (96, 64), 30, "-c:v libx264 -pix_fmt yuv420p");
    let error = error_of(&cut(&file, "half.mp4", 0.5));
    assert!(matches!(error, SourceError::NotMedia { .. }));
    assert!(error.to_string().contains("cut off"), "{error}");
}

#[test]
fn damage_in_the_middle_neither_stops_nor_hangs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("whole.mkv");
    clip(&file, (96, 64), 90, "-c:v libx264 -g 10 -pix_fmt yuv420p");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    for (at, byte) in bytes[middle..middle + 60].iter_mut().enumerate() {
        *byte = (at * 37) as u8;
    }
    fs::write(&file, bytes).unwrap();
    let given = read(&file);
    assert!(given.frames.len() > 10, "{}", given.frames.len());
    assert_eq!(given.frames.len(), probed_times(&file).len());
}

#[test]
fn what_is_no_video_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("text.mp4"), "This is not a video.\n".repeat(100)).unwrap();
    fs::write(at("text.txt"), "This is not a video.\n".repeat(100)).unwrap();
    fs::write(at("empty.mp4"), "").unwrap();
    fs::write(at("zeros.mkv"), [0; 5000]).unwrap();
    let sound = "-f lavfi -i sine=d=0.3 -f lavfi -i color=red:s=64x64:d=1";
    let to = |name: &str, more: &str| {
        let mut args: Vec<String> = sound
            .split(' ')
            .chain(more.split_whitespace())
            .map(str::to_owned)
            .collect();
        args.push(at(name).to_str().unwrap().to_owned());
        ffmpeg(&args, None);
    };
    to("sound.m4a", "-map 0 -c:a aac");
    to(
        "cover.mp3",
        "-map 0 -map 1 -frames:v 1 -c:v png -disposition:v attached_pic -c:a libmp3lame",
    );
    for (name, word) in [
        ("text.mp4", "not a video that ffmpeg can read"),
        ("text.txt", "text file"),
        ("empty.mp4", "empty"),
        ("zeros.mkv", "not a video"),
        ("sound.m4a", "sound and no video"),
        ("cover.mp3", "sound and no video"),
        ("", "folder"),
    ] {
        let error = error_of(&at(name));
        assert!(
            matches!(error, SourceError::NotMedia { .. }),
            "{name}: {error}"
        );
        assert!(error.to_string().contains(word), "{name}: {error}");
    }
    assert!(matches!(
        error_of(&at("none.mp4")),
        SourceError::NotFound(_)
    ));
    // The same through the front door.
    assert!(source::open_path(&at("text.mp4")).is_err());
}

#[test]
fn a_source_dropped_in_the_middle_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("long.mkv");
    clip(&file, (320, 240), 200, "-c:v mjpeg -q:v 3");
    for _ in 0..3 {
        let mut source = VideoSource::open(&file).unwrap();
        assert!(matches!(source.next(), Ok(Next::Frame(_))));
    }
    #[cfg(target_os = "linux")]
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let command = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let name = file.as_os_str().as_encoded_bytes();
        assert!(
            !command.windows(name.len()).any(|part| part == name),
            "ffmpeg still runs"
        );
    }
}
