//! `affectscope render` through the binary: which frame is where, what is drawn, the sound, and what is refused.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use affectscope::colours::Colours;
use affectscope::frame::Frame;
use affectscope::labels::Expression;

use super::cli::{Scratch, stderr};
use super::sources::{ffmpeg, number_in, numbered, read};

const FRAMES: usize = 40;

/// Rows for every frame: a face, whose expression changes half way, and nobody on the last ten.
fn predictions() -> String {
    let names = Expression::ALL.map(Expression::name).join(",");
    let mut text = format!(
        "frame,time_s,face_id,status,box_x_px,box_y_px,box_w_px,box_h_px,{names},expression,valence,arousal,valence_sd,arousal_sd\n"
    );
    for i in 0..FRAMES {
        let time_s = i as f64 / 20.0;
        if i >= 30 {
            writeln!(text, "{i},{time_s:.6},,no_face{}", ",".repeat(16)).unwrap();
            continue;
        }
        let said = if i < 15 { 4 } else { 5 };
        let sure: Vec<&str> = (0..7)
            .map(|e| if e == said { "0.94" } else { "0.01" })
            .collect();
        let name = Expression::ALL[said].name();
        let valence = 0.8 - i as f64 * 0.05;
        writeln!(
            text,
            "{i},{time_s:.6},1,ok,60,40,80,80,{},{name},{valence:.3},0.3,0.1,0.1",
            sure.join(",")
        )
        .unwrap();
    }
    text
}

/// Forty numbered frames at twenty a second with two seconds of sound.
fn scene() -> Scratch {
    let scratch = Scratch::new();
    let pixels: Vec<u8> = (0..FRAMES).flat_map(|n| numbered(n, 320, 240)).collect();
    let clip = scratch.path("talk.mp4");
    let url = format!("file:{}", clip.display());
    let args = "-f rawvideo -pix_fmt rgb24 -s 320x240 -r 20 -i pipe:0 -f lavfi -i sine=frequency=440:duration=2 \
                -pix_fmt yuv420p -c:v libx264 -bf 2 -c:a aac -b:a 64k";
    let mut args: Vec<&str> = args.split_whitespace().collect();
    args.push(&url);
    ffmpeg(&args, Some(&pixels));
    scratch.write("talk.affect.csv", &predictions());
    let mut labels = "frame,expression,valence,arousal\n".to_owned();
    for i in 0..FRAMES {
        writeln!(
            labels,
            "{i},neutral,{:.2},-0.5",
            (i as f64 / 9.0).sin() * 0.6
        )
        .unwrap();
    }
    scratch.write("talk.anna.csv", &labels);
    scratch
}

fn asked(path: &Path, entries: &str) -> String {
    let done = Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", entries, "-of", "csv=p=0"])
        .arg(path)
        .output();
    String::from_utf8(done.unwrap().stdout).unwrap()
}

/// The colours near to one of a theme, in a part of a frame: left, top, right, bottom.
fn near(frame: &Frame, colour: u32, [left, top, right, bottom]: [usize; 4]) -> usize {
    let wanted = [colour >> 16 & 0xff, colour >> 8 & 0xff, colour & 0xff];
    let mut count = 0;
    for y in top..bottom {
        for x in left..right {
            let at = (y * frame.width_px() + x) * 3;
            let pixel = &frame.rgb()[at..at + 3];
            let off = pixel
                .iter()
                .zip(wanted)
                .map(|(a, b)| u32::from(*a).abs_diff(b));
            count += usize::from(off.max().unwrap() < 28);
        }
    }
    count
}

/// The number in the picture within a rendered frame of 1280x720 whose timeline has so many rows of expressions: a picture
/// of 4 to 3 in the middle of what the panel leaves, from below the bar to the timeline.
fn inner_number(frame: &Frame, rows: usize) -> usize {
    let height = 474 - 14 * rows;
    let width = height * 4 / 3;
    let left = 12 + (852 - width) / 2;
    let light = |x: usize| frame.rgb()[(200 * frame.width_px() + x) * 3];
    (0..8)
        .filter(|bit| light(left + (bit * 2 + 1) * width / 16) > 128)
        .map(|bit| 1 << bit)
        .sum()
}

#[test]
fn every_frame_of_the_source_is_in_the_video_with_what_is_said_of_it() {
    let scratch = scene();
    let out = scratch.path("out.mp4");
    let done = scratch.run(&[
        "render",
        "talk.mp4",
        "--annotations",
        "talk.anna.csv",
        "--out",
        "out.mp4",
    ]);
    assert!(done.status.success(), "{}", stderr(&done));
    let stream = asked(
        &out,
        "stream=codec_name,width,height,pix_fmt,avg_frame_rate,nb_frames",
    );
    assert!(stream.contains("h264,1280,720,yuv420p,20/1,40"), "{stream}");
    assert!(stream.contains("aac"), "the sound goes along: {stream}");
    let given = read(&out);
    let numbers: Vec<usize> = given.frames.iter().map(|f| inner_number(f, 2)).collect();
    assert_eq!(numbers, (0..FRAMES).collect::<Vec<_>>());

    let c = Colours::DARK;
    let bars = [960, 52, 1230, 230];
    let (happy, sad, nobody) = (&given.frames[5], &given.frames[20], &given.frames[35]);
    let [happiness, sadness] = [c.expression[4], c.expression[5]];
    assert!(near(happy, happiness, bars) > 1500 && near(happy, sadness, bars) < 300);
    assert!(near(sad, sadness, bars) > 1500 && near(sad, happiness, bars) < 300);
    assert!(near(nobody, happiness, bars) + near(nobody, sadness, bars) < 20);
    // The box about the face, and the point in the circumplex, are there while a face is.
    for area in [[12, 52, 864, 500], [1000, 236, 1280, 500]] {
        assert!(near(happy, c.accent, area) > 30, "{area:?}");
        assert!(near(nobody, c.accent, area) < 10, "{area:?}");
    }
    // The play-head goes from left to right.
    let head = |frame: &Frame| {
        let light = |x: usize, y: usize| usize::from(frame.rgb()[(y * 1280 + x) * 3]);
        let column = |x: &usize| (640..648).map(|y| light(*x, y)).sum::<usize>() > 8 * 140;
        (100..1270).find(column).unwrap()
    };
    let places: Vec<usize> = [0, 10, 20, 39].map(|i| head(&given.frames[i])).to_vec();
    assert!(places.windows(2).all(|w| w[1] > w[0] + 100), "{places:?}");

    // A part of it, in another size and on a light ground, from predictions in Parquet.
    scratch.run(&["convert", "talk.affect.csv", "rows.parquet"]);
    let done = scratch.run(&[
        "render",
        "talk.mp4",
        "--predictions",
        "rows.parquet",
        "--from",
        "0:00.5",
        "--to",
        "1",
        "--size",
        "540x960",
        "--light",
        "--out",
        "part.mkv",
    ]);
    assert!(done.status.success(), "{}", stderr(&done));
    let part = read(&scratch.path("part.mkv"));
    assert_eq!(part.frames.len(), 10);
    let first = &part.frames[0];
    assert_eq!((first.width_px(), first.height_px()), (540, 960));
    assert!(near(first, Colours::LIGHT.panel, [0, 0, 540, 20]) > 9000);
    let length: f64 = asked(&scratch.path("part.mkv"), "format=duration")
        .trim()
        .parse()
        .unwrap();
    assert!((0.5..0.6).contains(&length), "{length}");
    let starts = asked(&scratch.path("part.mkv"), "stream=start_time");
    for start in starts.split_whitespace() {
        let start: f64 = start.trim_end_matches(',').parse().unwrap();
        assert!(
            start.abs() < 0.05,
            "the sound begins with the picture: {starts}"
        );
    }
}

#[test]
fn frames_of_an_uneven_source_are_held_as_long_as_they_last() {
    let scratch = scene();
    // Every frame twice as late as the one before, up to half a second.
    let url = format!("file:{}", scratch.path("uneven.mkv").display());
    let source = scratch.path("talk.mp4").display().to_string();
    let filter = "setpts='if(lt(N,5),N*0.5,2.5+(N-5)*0.05)/TB'";
    let args = [
        "-i",
        &source,
        "-an",
        "-vf",
        filter,
        "-fps_mode",
        "passthrough",
        "-c:v",
        "libx264",
        &url,
    ];
    ffmpeg(&args, None);
    let done = scratch.run(&[
        "render",
        "uneven.mkv",
        "--predictions",
        "talk.affect.csv",
        "--out",
        "even.mp4",
    ]);
    let said = stderr(&done);
    assert!(
        done.status.success() && said.contains("no even rate"),
        "{said}"
    );
    let given = read(&scratch.path("even.mp4"));
    let source = read(&scratch.path("uneven.mkv"));
    assert_eq!(source.frames.iter().map(number_in).max(), Some(FRAMES - 1));
    // At every moment the frame of the source that is on screen then.
    for frame in &given.frames {
        let time_s = frame.stamp.time_s + source.frames[0].stamp.time_s + 0.5 / 20.0;
        let on_screen = source
            .frames
            .iter()
            .rfind(|f| f.stamp.time_s <= time_s)
            .unwrap();
        assert_eq!(inner_number(frame, 1), number_in(on_screen), "at {time_s}");
    }
    let length = given.frames.len() as f64 / 20.0;
    assert!((4.1..4.4).contains(&length), "{length}");
}

#[test]
fn what_cannot_be_is_said_in_a_line_and_leaves_nothing() {
    let scratch = scene();
    let refuses = |more: &[&str], words: &[&str]| {
        scratch.refuses(&[&["render", "talk.mp4"], more].concat(), words);
    };
    refuses(&["--out", "out.avi"], &["out.avi", ".mp4"]);
    refuses(
        &["--out", "talk.mp4", "--force"],
        &["talk.mp4", "is an input"],
    );
    refuses(&["--out", "talk.anna.csv"], &["talk.anna.csv", ".mp4"]);
    refuses(
        &["--out", "o.mp4", "--from", "9"],
        &["--from 9", "last frame"],
    );
    refuses(&["--out", "o.mp4", "--from", "1", "--to", "0.5"], &["--to"]);
    refuses(&["--out", "o.mp4", "--face", "7"], &["no face 7"]);
    scratch.write("there.mp4", "x");
    refuses(&["--out", "there.mp4"], &["there.mp4", "--force"]);
    // Refused by the options themselves, in more than a line.
    for (size, word) in [
        ("641x480", "even"),
        ("640x480", "too small"),
        ("1x", "look like"),
    ] {
        let done = scratch.run(&["render", "talk.mp4", "--out", "o.mp4", "--size", size]);
        assert_eq!(done.status.code(), Some(2));
        assert!(stderr(&done).contains(word), "{}", stderr(&done));
    }
    std::fs::rename(scratch.path("talk.affect.csv"), scratch.path("away.csv")).unwrap();
    refuses(
        &["--out", "o.mp4"],
        &["no predictions", "affectscope analyze talk.mp4"],
    );
    scratch.refuses(
        &["render", "none.mp4", "--out", "o.mp4"],
        &["none.mp4", "no such file"],
    );
}

/// A folder with an `ffmpeg` that does this, and with the real `ffprobe`.
#[cfg(unix)]
fn programs(scratch: &Scratch, script: &str) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt as _;
    let found = |name: &str| {
        let path = std::env::var_os("PATH").unwrap();
        let all = std::env::split_paths(&path).map(|folder| folder.join(name));
        all.into_iter().find(|path| path.is_file()).unwrap()
    };
    let folder = scratch.path("programs");
    std::fs::create_dir_all(&folder).unwrap();
    let real = found("ffmpeg");
    let text = format!("#!/bin/sh\nREAL='{}'\n{script}\n", real.display());
    let fake = folder.join("ffmpeg");
    std::fs::write(&fake, text).unwrap();
    std::fs::set_permissions(&fake, std::fs::Permissions::from_mode(0o755)).unwrap();
    let _ = std::os::unix::fs::symlink(found("ffprobe"), folder.join("ffprobe"));
    folder
}

#[cfg(unix)]
#[test]
fn without_libx264_it_is_mpeg4_and_a_failing_ffmpeg_is_told_and_leaves_nothing() {
    let scratch = scene();
    let bin = programs(
        &scratch,
        "case \"$*\" in *-encoders*) echo ' V.S... mpeg4 MPEG-4 part 2';; *) exec \"$REAL\" \"$@\";; esac",
    );
    let run = |out: &str| {
        let path = format!("{}:/usr/bin:/bin", bin.display());
        let mut command = scratch.command();
        command.env("PATH", path);
        command
            .args(["render", "talk.mp4", "--out", out])
            .output()
            .unwrap()
    };
    let done = run("old.mp4");
    let said = stderr(&done);
    assert!(
        done.status.success() && said.contains("no libx264"),
        "{said}"
    );
    assert!(asked(&scratch.path("old.mp4"), "stream=codec_name").contains("mpeg4"));

    // Reads as ever; says that the disk is full when it is to write.
    let words = "file:out.mp4: No space left on device";
    let full = format!(
        "case \"$*\" in *-encoders*|*passthrough*) exec \"$REAL\" \"$@\";; *) head -c 100000 >/dev/null; echo '{words}' >&2; exit 1;; esac"
    );
    programs(&scratch, &full);
    let before = scratch.listing();
    let done = run("full.mp4");
    assert_eq!(done.status.code(), Some(1));
    assert!(stderr(&done).contains("no space left"), "{}", stderr(&done));
    assert_eq!(scratch.listing(), before);
}

#[cfg(unix)]
#[test]
fn a_render_that_is_stopped_leaves_no_half_file() {
    let scratch = scene();
    // Half a second a frame.
    let bin = programs(
        &scratch,
        "case \"$*\" in *rgb24*pipe:0*) while [ $(head -c 2764800 | wc -c) -gt 0 ]; do sleep 0.5; done;; *) exec \"$REAL\" \"$@\";; esac",
    );
    let before = scratch.listing();
    let mut child = scratch
        .command()
        .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
        .args(["render", "talk.mp4", "--out", "out.mp4"])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !scratch.path("out.mp4.part").exists() && std::time::Instant::now() < end {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    std::thread::sleep(std::time::Duration::from_millis(200));
    let signal = ["-INT", &child.id().to_string()];
    Command::new("kill").args(signal).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(scratch.listing(), before);
}
