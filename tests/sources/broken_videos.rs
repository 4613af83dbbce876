use std::fs;
use std::path::{Path, PathBuf};

use affectscope::source::film::Film;
use affectscope::source::video::VideoSource;
use affectscope::source::{self, FrameSource, Next, SourceError};

use super::clips::{clip, ffmpeg, number_in, probed_times, read};
use super::is_a_sentence;

fn error_of(file: &Path) -> SourceError {
    let error = VideoSource::open(file).err().expect("it must not open");
    is_a_sentence(&error);
    assert!(error.is_bad_input());
    error
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
fn frames_that_damage_takes_away_are_told_and_the_others_keep_their_times() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("hurt.mp4");
    let options = "-c:v libx264 -g 30 -bf 2 -pix_fmt yuv420p -movflags +faststart";
    clip(&file, (192, 128), 90, options);
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    let hurt = bytes.len() / 12;
    bytes[middle..middle + hurt].fill(0);
    fs::write(&file, bytes).unwrap();
    let given = read(&file);
    let lost = 90 - given.frames.len();
    assert!((1..40).contains(&lost), "{lost}");
    // What ffmpeg says of the damage stands between the time stamps, and takes none of them away.
    for frame in given.frames.iter().rev().take(15) {
        let time_s = number_in(frame) as f64 / 30.0;
        assert!((frame.stamp.time_s - time_s).abs() < 1e-3, "{time_s}");
    }
    let note = given.note.unwrap();
    assert!(
        note.contains("hurt.mp4 is damaged") && note.contains("do not fit"),
        "{note}"
    );
    // Whoever looks at single frames finds as many.
    let mut reel = Film::open(&file).unwrap();
    let last = (0..90).rev().find(|i| reel.frame(*i).is_ok()).unwrap();
    assert_eq!(
        (reel.frames(), last + 1),
        (given.frames.len(), given.frames.len())
    );
    assert!(
        reel.note().unwrap().contains("is damaged"),
        "{:?}",
        reel.note()
    );
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
