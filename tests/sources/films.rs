//! Every frame of a film is the frame of that number that the same file gives when it is read from its start.

use std::fs;
use std::path::Path;
use std::process::Command;

use affectscope::frame::Frame;
use affectscope::source::film::{CACHE_BYTES, Film, Numbering};
use affectscope::source::images::crops::CropSource;
use affectscope::source::{FrameSource, Next, SourceError};

use super::clips::{ffmpeg, number_in, read};
use super::{Given, is_a_sentence};

const SIZE: (usize, usize) = (96, 96);
pub const FRAMES: usize = 72;
/// The packet without a frame.
const HOLLOW: usize = 57;

/// Numbered frames whose lower third is noise: a frame that is decoded without what it refers to shows it.
pub fn busy_clip(file: &Path, frames: usize, options: &str) {
    let (width, height) = SIZE;
    let mut state = 1u32;
    let mut rgb = Vec::new();
    for number in 0..frames {
        let numbered = super::clips::numbered(number, width, height);
        rgb.extend(&numbered[..width * 3 * height * 2 / 3]);
        // Blocks that move, on top of noise: something to predict, and something that cannot be.
        for y in height * 2 / 3..height {
            for x in 0..width {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = (state >> 28) as u8;
                let block = if (x + number * 3) / 16 % 2 == 0 {
                    60
                } else {
                    180
                };
                rgb.extend([block + noise, block, 255 - block - (y as u8 & 15)]);
            }
        }
    }
    let size = format!("{width}x{height}");
    let mut args = vec![
        "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", &size, "-r", "30", "-i", "pipe:0",
    ];
    args.extend(options.split_whitespace());
    let url = format!("file:{}", file.display());
    args.push(&url);
    ffmpeg(&args, Some(&rgb));
}

/// Whether this ffmpeg has an encoder; says so where it does not.
#[allow(clippy::print_stdout)]
fn has(encoder: &str) -> bool {
    let output = Command::new("ffmpeg")
        .args(["-hide_banner", "-encoders"])
        .output()
        .unwrap();
    let has = String::from_utf8_lossy(&output.stdout)
        .split_whitespace()
        .any(|word| word == encoder);
    if !has {
        println!("skipped: this ffmpeg has no {encoder}");
    }
    has
}

fn film(file: &Path, room: usize) -> Film {
    Film::open_watched(file, room * SIZE.0 * SIZE.1 * 3, Box::new(|_| true)).unwrap()
}

fn same(film: &mut Film, index: usize, given: &[Frame], name: &str) {
    let frame = film.frame(index).unwrap_or_else(|e| panic!("{name}: {e}"));
    let wanted = &given[index];
    assert_eq!(frame.stamp, wanted.stamp, "{name}");
    assert!(frame == *wanted, "{name}: frame {index} has other pixels");
}

/// Numbers that look random and are the same each time.
fn jumps(count: usize, below: usize) -> impl Iterator<Item = usize> {
    let mut state = 12_345u64;
    (0..count).map(move |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % below
    })
}

/// Forwards, backwards and at random, with room for only so many frames.
fn assert_any_way(file: &Path, room: usize, seeks: usize) -> Given {
    let name = file.file_name().unwrap().to_string_lossy().into_owned();
    let given = read(file);
    let frames = &given.frames;
    let mut film = film(file, room);
    let times_s: Vec<f64> = frames.iter().map(|f| f.stamp.time_s).collect();
    assert_eq!(film.times_s(), times_s, "{name}");
    assert_eq!(film.frames(), frames.len(), "{name}");
    assert_eq!(film.info().frames, Some(frames.len() as u64), "{name}");
    assert!(film.pictures().is_none());
    for index in jumps(seeks, frames.len()) {
        same(&mut film, index, frames, &name);
    }
    for index in (0..frames.len()).rev() {
        same(&mut film, index, frames, &name);
    }
    for index in 0..frames.len() {
        same(&mut film, index, frames, &name);
    }
    let error = film.frame(frames.len()).unwrap_err();
    is_a_sentence(&error);
    let text = error.to_string();
    assert!(
        text.contains(&format!("there are {}", frames.len())),
        "{text}"
    );
    given
}

/// Made, and gone through in any way; every frame shows its own number.
fn assert_numbered(name: &str, encoder: &str, options: &str, seeks: usize) {
    if !has(encoder) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    busy_clip(&file, FRAMES, &format!("-c:v {encoder} {options}"));
    let given = assert_any_way(&file, 40, seeks);
    let numbers: Vec<usize> = given.frames.iter().map(number_in).collect();
    assert_eq!(numbers, (0..FRAMES).collect::<Vec<_>>(), "{name}");
}

const X264: &str = "-preset veryfast -pix_fmt yuv420p -bf 3 -g 12";

#[test]
fn every_seek_in_h264_lands_on_its_frame() {
    assert_numbered("closed.mp4", "libx264", X264, 60);
    // Frames that are shown before a key and refer to what lies before it.
    let open = format!("{X264} -x264-params open-gop=1:scenecut=0");
    assert_numbered("open.mp4", "libx264", &open, 10);
    // Nearly no place to begin at: parts of each picture are renewed one after the other.
    let refresh =
        "-pix_fmt yuv420p -bf 0 -x264-params intra-refresh=1:keyint=12:scenecut=0".to_owned();
    assert_numbered("refresh.mkv", "libx264", &refresh, 8);
    let stream = format!("{X264} -muxdelay 3 -output_ts_offset 100");
    assert_numbered("stream.ts", "libx264", &stream, 8);
}

#[test]
fn every_seek_lands_on_its_frame_whatever_the_codec() {
    let hidden = "-b:v 300k -auto-alt-ref 1 -lag-in-frames 16 -g 20 -deadline realtime -speed 8";
    assert_numbered("web.webm", "libvpx-vp9", hidden, 10);
    assert_numbered("hidden.webm", "libvpx", hidden, 8);
    assert_numbered("old.avi", "mpeg4", "-bf 2 -g 12 -q:v 3", 10);
    assert_numbered("dvd.ts", "mpeg2video", "-bf 2 -g 12 -q:v 3", 8);
    assert_numbered("each.mov", "mjpeg", "-q:v 3 -pix_fmt yuvj422p", 5);
}

#[test]
fn a_variable_rate_and_a_hidden_beginning_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    // Frame n is shown at n * n / 300 seconds.
    busy_clip(
        &at("varied.mp4"),
        FRAMES,
        "-vf settb=1/90000,setpts=N*N*300 -fps_mode passthrough -enc_time_base 1:90000 -c:v libx264 -bf 2 -g 12 -pix_fmt yuv420p -video_track_timescale 90000",
    );
    let given = assert_any_way(&at("varied.mp4"), 40, 10);
    let numbers: Vec<usize> = given.frames.iter().map(number_in).collect();
    assert_eq!(numbers, (0..FRAMES).collect::<Vec<_>>());

    busy_clip(
        &at("whole.mp4"),
        FRAMES,
        "-c:v libx264 -bf 3 -g 12 -pix_fmt yuv420p",
    );
    let whole = at("whole.mp4").display().to_string();
    // An edit list that begins within a group: what lies before is decoded and not shown.
    let cut = at("cut.mp4").display().to_string();
    ffmpeg(&["-ss", "0.55", "-i", &whole, "-c", "copy", &cut], None);
    let given = assert_any_way(&at("cut.mp4"), 40, 8);
    assert!(given.frames.len() < FRAMES);
    // An empty edit: the picture begins later than the sound.
    let late = at("late.mp4").display().to_string();
    ffmpeg(
        &[
            "-f",
            "lavfi",
            "-i",
            "sine=d=2",
            "-itsoffset",
            "0.7",
            "-i",
            &whole,
            "-map",
            "0",
            "-map",
            "1",
            "-c:v",
            "copy",
            "-c:a",
            "aac",
            &late,
        ],
        None,
    );
    let given = assert_any_way(&at("late.mp4"), 40, 8);
    assert!(given.frames[0].stamp.time_s > 0.5, "{:?}", given.frames[0]);
}

#[test]
fn two_streams_in_one_whose_clock_starts_again_are_read_right() {
    let folder = tempfile::tempdir().unwrap();
    let part = folder.path().join("part.ts");
    busy_clip(&part, 40, "-c:v mpeg2video -bf 2 -g 12 -q:v 3");
    let part = fs::read(part).unwrap();
    let both = folder.path().join("both.ts");
    fs::write(&both, [&part[..], &part[..]].concat()).unwrap();
    assert_any_way(&both, 60, 3);
}

#[test]
fn a_cut_off_video_gives_what_is_there_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    for (name, options) in [
        ("whole.mkv", "-c:v libx264 -g 6 -pix_fmt yuv420p"),
        (
            "first.mp4",
            "-c:v libx264 -g 6 -pix_fmt yuv420p -movflags +faststart",
        ),
    ] {
        let file = folder.path().join(name);
        busy_clip(&file, FRAMES, options);
        let bytes = fs::read(&file).unwrap();
        fs::write(&file, &bytes[..bytes.len() * 6 / 10]).unwrap();
        let given = read(&file).frames;
        let mut film = Film::open(&file).unwrap();
        assert!(film.counted());
        assert!((10..FRAMES).contains(&film.frames()));
        // What ffmpeg makes of the last pictures before the cut is not always the same.
        let sound = given.len().min(film.frames()) - 6;
        for index in (0..sound).rev().chain(0..sound) {
            same(&mut film, index, &given, name);
        }
        for index in sound..film.frames() {
            if let Err(error) = film.frame(index) {
                is_a_sentence(&error);
            }
        }
        assert!(film.note().unwrap().contains("ends early after"));
        let text = film.frame(FRAMES - 1).unwrap_err().to_string();
        assert!(
            text.contains("ends early after") && text.contains("truncated"),
            "{text}"
        );
    }
}

/// A file in which one packet holds no frame, while nothing in the container says so; there are [`FRAMES`] packets.
pub fn with_a_hollow_packet(file: &Path) {
    busy_clip(file, FRAMES, "-c:v mjpeg -q:v 3 -pix_fmt yuvj422p");
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "packet=pos,size"])
        .args(["-of", "csv=p=0"])
        .arg(file)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let numbers: Vec<usize> = text
        .lines()
        .nth(HOLLOW)
        .unwrap()
        .split(',')
        .filter_map(|word| word.parse().ok())
        .collect();
    let (size, at) = (numbers[0].min(numbers[1]), numbers[0].max(numbers[1]));
    let mut bytes = fs::read(file).unwrap();
    bytes[at..at + size].fill(0x1e);
    fs::write(file, bytes).unwrap();
}

#[test]
fn a_container_that_is_wrong_about_its_frames_is_found_out() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hollow.mov");
    with_a_hollow_packet(&file);
    let given = read(&file);
    assert_eq!(given.frames.len(), FRAMES - 1);
    // By what comes, while it is played.
    let mut played = film(&file, 24);
    assert!(!played.counted());
    assert_eq!(played.frames(), FRAMES);
    for index in 0..FRAMES - 1 {
        same(&mut played, index, &given.frames, "hollow.mov");
    }
    assert!(played.counted());
    assert_eq!((played.frames(), played.numbering()), (FRAMES - 1, 1));
    let note = played.note().unwrap();
    assert!(
        note.contains("has 71 frames") && note.contains("tells of 72"),
        "{note}"
    );
    // By a count beside it.
    let mut beside = film(&file, 24);
    let count = beside.count().unwrap();
    assert!(beside.settle(count.run(&mut |_| true).unwrap()));
    assert!(beside.count().is_none());
    for index in jumps(10, FRAMES - 1) {
        same(&mut beside, index, &given.frames, "hollow.mov");
    }
    // A count that finds nothing else changes nothing.
    let fine = folder.path().join("fine.mp4");
    busy_clip(&fine, FRAMES, "-c:v libx264 -bf 3 -g 12 -pix_fmt yuv420p");
    let mut fine = film(&fine, 24);
    let times_s = fine.times_s().to_vec();
    let count = fine.count().unwrap();
    assert!(!fine.settle(count.run(&mut |_| true).unwrap()));
    assert_eq!((fine.times_s(), fine.note()), (times_s.as_slice(), None));
}

#[test]
fn the_search_for_frames_tells_how_far_it_is_and_can_be_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("long.avi");
    busy_clip(&file, FRAMES, "-c:v mpeg4 -q:v 3");
    let (told, heard) = std::sync::mpsc::channel();
    let watch = move |part| told.send(part).is_ok();
    Film::open_watched(&file, CACHE_BYTES, Box::new(watch)).unwrap();
    let parts: Vec<f64> = heard.iter().collect();
    assert!(parts.windows(2).all(|pair| pair[0] <= pair[1]));
    assert!(
        parts.first().is_some_and(|&part| part < 0.1)
            && parts.last().is_some_and(|&part| part > 0.9)
    );
    let stopped = Film::open_watched(&file, CACHE_BYTES, Box::new(|part| part < 0.5));
    assert!(matches!(stopped.err(), Some(SourceError::Failed(_))));
    assert!(matches!(
        Film::open(&folder.path().join("none.mp4")).err(),
        Some(SourceError::NotFound(_))
    ));
}

fn picture(path: &Path, side: u32, level: u8) {
    image::RgbImage::from_pixel(side, side, image::Rgb([level; 3]))
        .save(path)
        .unwrap();
}

#[test]
fn pictures_of_a_folder_come_by_number_and_a_broken_one_is_an_error_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..30u8 {
        picture(
            &folder.path().join(format!("p{n}.png")),
            20 + u32::from(n),
            n * 8,
        );
    }
    fs::write(folder.path().join("p7.png"), "no picture").unwrap();
    // Room for the least: four pictures.
    let mut film = Film::open_watched(folder.path(), 1, Box::new(|_| true)).unwrap();
    assert_eq!(film.frames(), 30);
    assert_eq!(film.times_s()[29], 29.0);
    assert_eq!(film.pictures().unwrap()[10], "p10.png");
    for index in (0..30).chain((0..30).rev()).chain(jumps(60, 30)) {
        match film.frame(index) {
            Ok(frame) => {
                assert_eq!(frame.stamp.index, index as u64);
                assert_eq!(
                    (frame.width_px(), frame.rgb()[0]),
                    (20 + index, index as u8 * 8)
                );
                assert_eq!(
                    frame.file.as_deref(),
                    Some(format!("p{index}.png").as_str())
                );
            }
            Err(error) => {
                is_a_sentence(&error);
                assert!(
                    index == 7 && error.to_string().contains("p7.png"),
                    "{error}"
                );
            }
        }
    }
    // One picture is a film of one frame.
    let mut one = Film::open(&folder.path().join("p3.png")).unwrap();
    assert_eq!((one.frames(), one.frame(0).unwrap().rgb()[0]), (1, 24));
    assert_eq!(one.frame(0).unwrap().rgb()[0], 24);
}

#[test]
fn crops_come_by_their_numbers_and_a_missing_one_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    for n in [1u8, 2, 4] {
        picture(&folder.path().join(format!("{n:05}.jpg")), 112, n * 20);
    }
    let mut film = Film::open(folder.path()).unwrap();
    assert_eq!(film.frames(), 4);
    assert_eq!(
        film.pictures().unwrap(),
        ["00001.jpg", "00002.jpg", "", "00004.jpg"]
    );
    let mut source = CropSource::open(folder.path(), None).unwrap();
    for index in 0..4 {
        match source.next().unwrap() {
            Next::Frame(frame) => {
                assert_eq!(film.times_s()[index], frame.stamp.time_s);
                assert!(film.frame(index).unwrap() == frame);
            }
            Next::Missing { .. } => {
                let error = film.frame(index).unwrap_err();
                is_a_sentence(&error);
                assert!(error.to_string().contains("no picture of it"), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
    let timed = Film::open_numbered(
        folder.path(),
        (Numbering::ByName, Some(vec![0.0, 0.5, 0.7, 0.9, 1.0])),
        CACHE_BYTES,
        Box::new(|_| true),
    )
    .unwrap();
    assert_eq!(timed.times_s(), [0.0, 0.5, 0.7, 0.9, 1.0]);
    // Predictions that count the pictures keep counting them.
    let sidecar = serde_json::json!({"protocol": {"name": "stills"}});
    let way = Numbering::of_predictions(Some(&sidecar));
    let watch = Box::new(|_| true);
    let counted = Film::open_numbered(folder.path(), (way, None), CACHE_BYTES, watch).unwrap();
    assert_eq!(
        counted.pictures().unwrap(),
        ["00001.jpg", "00002.jpg", "00004.jpg"]
    );
}
