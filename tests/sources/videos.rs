use std::fs;

use affectscope::source::video::VideoSource;
use affectscope::source::{FrameSource, Pace};

use super::clips::{assert_exact, clip, ffmpeg, number_in, probed_times, read};

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
