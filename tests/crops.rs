//! Faces that come already cropped, against numbers made without the program: `losses-metrics-preprocess.json` (the
//! reference code's own), `crops-reference.json` (by `crops-reference.py` beside it: PyTorch 2.15 and PIL 13 alone).

mod refused;

use std::path::{Path, PathBuf};

use affectscope::analysis::Crop;
use affectscope::face::align::{TEMPLATE_PX, crop};
use affectscope::face::cropped::prepare;
use affectscope::face::gray::Gray;
use affectscope::frame::{Frame, FrameStamp, PixelPool};
use affectscope::model::config::{Color, StudentConfig};
use affectscope::model::weights::Weights;
use serde_json::Value;

use super::checkpoints::made::Made;
use super::checkpoints::{cnn_gru_file, frames};
use super::cli::Scratch;

fn stamp() -> FrameStamp {
    FrameStamp {
        index: 0,
        time_s: 0.0,
    }
}

/// The paper's colour, means and resize.
fn config() -> StudentConfig {
    let weights = Weights::from_bytes(&Made::default().bytes(), "made", "made").unwrap();
    StudentConfig::parse(&weights.config).unwrap()
}

#[test]
fn a_crop_is_prepared_as_the_reference_prepares_it() {
    let golden: Value =
        serde_json::from_str(include_str!("data/losses-metrics-preprocess.json")).unwrap();
    let golden = &golden["preprocess"];
    let mut rgb = Vec::new();
    for y in 0..112 {
        for x in 0..112 {
            for c in 0..3 {
                rgb.push(((3 * x + 5 * y + 40 * c + (x * y) % 97) % 256) as u8);
            }
        }
    }
    let crop = prepare(&Frame::new(stamp(), 112, 112, rgb).unwrap(), &config());
    assert_eq!((crop.side_px, crop.channels), (112, 3));
    let rows: Vec<Vec<[u8; 3]>> = serde_json::from_value(golden["rows_0_55_111"].clone()).unwrap();
    for (y, row) in [0, 55, 111].into_iter().zip(rows) {
        for (x, wanted) in row.iter().enumerate() {
            let at = (y * 112 + x) * 3;
            assert_eq!(&crop.pixels[at..at + 3], wanted, "pixel {x}, {y}");
        }
    }
    let sum: u64 = crop.pixels.iter().map(|&v| u64::from(v)).sum();
    assert_eq!(Some(sum), golden["sum"].as_u64());
}

#[test]
fn a_face_in_a_picture_is_cut_as_its_crop_would_be_resized() {
    // A picture in which the face lies just as in a crop: what the live way samples at once, the reference gets in two.
    let Crop { pixels, .. } = frames().remove(0);
    let frame = Frame::new(stamp(), 112, 112, pixels).unwrap();
    let mut gray = Gray::default();
    gray.fill(&frame);
    let once = crop(
        &frame,
        &gray,
        &TEMPLATE_PX,
        (Color::Rgb, 134),
        &mut PixelPool::new(1),
    )
    .unwrap();
    let twice = prepare(&frame, &config()).pixels;
    let off: f64 = once
        .iter()
        .zip(&twice)
        .map(|(a, b)| f64::from(a.abs_diff(*b)))
        .sum::<f64>()
        / once.len() as f64;
    assert!(off < 0.5, "{off} grey levels on average");
}

#[test]
fn a_jpeg_crop_is_read_as_pil_reads_it() {
    // `crop.jpg`: a part of the portrait, quality 90, colours at half size, written by PIL 13; the png is what PIL
    // reads back from it.
    let (jpeg, png) = (
        include_bytes!("data/crop.jpg").as_slice(),
        include_bytes!("data/crop-decoded-by-pil.png").as_slice(),
    );
    let scratch = Scratch::new();
    let crops = |name: &str, ending: &str, bytes: &[u8]| {
        std::fs::create_dir_all(scratch.path(name)).unwrap();
        std::fs::write(scratch.path(&format!("{name}/00001.{ending}")), bytes).unwrap();
        let out = format!("{name}.csv");
        let done = scratch.run(&["analyze", "--crops", name, "--out", &out]);
        assert!(done.status.success());
        table(scratch.path(&out)).remove(0)
    };
    assert_eq!(crops("j", "jpg", jpeg), crops("p", "png", png));
    // Damaged, it is read as far as it goes or is unreadable, and nothing worse.
    for step in [7, 31, 97, 301] {
        let mut damaged = jpeg.to_vec();
        for i in (200..damaged.len()).step_by(step) {
            damaged[i] ^= 0x55;
        }
        std::fs::write(scratch.path("j/00001.jpg"), damaged).unwrap();
        let done = scratch.run(&["analyze", "--crops", "j", "--out", "d.csv", "--force"]);
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(matches!(done.status.code(), Some(0 | 2)), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    }
    std::fs::write(scratch.path("j/00001.jpg"), jpeg).unwrap();
    std::fs::write(scratch.path("j/00002.jpg"), &jpeg[..jpeg.len() / 2]).unwrap();
    let done = scratch.run(&["analyze", "--crops", "j", "--out", "cut.csv"]);
    assert_eq!(
        done.status.code(),
        Some(2),
        "the rows are there, and a picture is not read"
    );
    assert_eq!(&table(scratch.path("cut.csv"))[1][3], "unreadable");
}

/// The crops of `crops-reference.py`: number `n` as a picture.
fn picture(n: u32) -> image::RgbImage {
    let (w, h) = (112 + n % 3 * 9, 112 - n % 4 * 5);
    image::RgbImage::from_fn(w, h, |x, y| {
        image::Rgb(
            [0, 1, 2].map(|c| ((3 * x + 2 * y + 40 * c + 11 * n + (x * y) % 97) % 256) as u8),
        )
    })
}

const MISSING: [u32; 5] = [7, 20, 21, 22, 49];

fn write_crops(folder: &Path, numbers: impl Iterator<Item = u32>) {
    std::fs::create_dir_all(folder).unwrap();
    for n in numbers {
        picture(n).save(folder.join(format!("{n:05}.png"))).unwrap();
    }
}

fn table(path: PathBuf) -> Vec<csv::StringRecord> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    reader.records().map(Result::unwrap).collect()
}

#[test]
fn forty_five_crops_through_the_papers_weights_give_the_reference_numbers() {
    let golden: Value = serde_json::from_str(include_str!("data/crops-reference.json")).unwrap();
    let numbers = || (1..=50).filter(|n| !MISSING.contains(n));
    let sum: u64 = numbers()
        .flat_map(|n| picture(n).into_raw())
        .map(u64::from)
        .sum();
    assert_eq!(Some(sum), golden["sum_of_all_pixels"].as_u64());
    let scratch = Scratch::new();
    write_crops(&scratch.path("some_video"), numbers());
    let weights = cnn_gru_file();
    let output = scratch.run(&[
        "analyze",
        "--weights",
        weights.to_str().unwrap(),
        "--crops",
        "some_video",
    ]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("50 frames, 45 with a face, 5 missing"),
        "{said}"
    );

    let rows = table(scratch.path("some_video.affect.csv"));
    assert_eq!(rows.len(), 50);
    let mut wanted = golden["rows"].as_array().unwrap().iter();
    for (frame, row) in rows.iter().enumerate() {
        assert_eq!(row[0], frame.to_string());
        if MISSING.contains(&(frame as u32 + 1)) {
            assert_eq!(&row[3], "missing");
            assert!(row.iter().skip(4).all(str::is_empty), "{row:?}");
            continue;
        }
        assert_eq!((&row[2], &row[3], &row[4], &row[5]), ("1", "ok", "", ""));
        let wanted: Vec<f64> = serde_json::from_value(wanted.next().unwrap().clone()).unwrap();
        assert_eq!(wanted[0] as usize, frame + 1);
        let got = (9..16)
            .chain([17, 18])
            .map(|i| row[i].parse::<f64>().unwrap());
        for (got, wanted) in got.zip(&wanted[1..]) {
            // Six decimals are written.
            let off = (got - wanted).abs();
            assert!(
                off <= 1e-4 * wanted.abs() + 1e-6,
                "frame {frame}: {got}, wanted {wanted}"
            );
        }
    }
    let sidecar: Value =
        serde_json::from_slice(&std::fs::read(scratch.path("some_video.affect.json")).unwrap())
            .unwrap();
    assert_eq!(sidecar["protocol"]["name"], "crops");
    assert_eq!(sidecar["protocol"]["resize_px"], 134);
    assert_eq!(sidecar["counts"]["frames_missing"], 5);
}

#[test]
fn a_folder_of_videos_gives_each_its_table_and_submissions_have_a_line_a_frame() {
    let scratch = Scratch::new();
    write_crops(&scratch.path("crops/a"), 2..=4);
    write_crops(&scratch.path("crops/b_left"), [1, 2, 5].into_iter());
    std::fs::create_dir_all(scratch.path("crops/empty")).unwrap();
    let done = scratch.run(&["analyze", "--crops", "crops", "--out", "tables"]);
    assert!(done.status.success());
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(said.contains("1 of its folders passed over"), "{said}");
    let status = |name: &str| -> Vec<String> {
        let rows = table(scratch.path(name));
        rows.iter().map(|row| row[3].to_owned()).collect()
    };
    assert_eq!(status("tables/a.affect.csv"), ["missing", "ok", "ok", "ok"]);
    assert_eq!(
        status("tables/b_left.affect.csv"),
        ["ok", "ok", "missing", "missing", "ok"]
    );

    // The video has two frames more than there are crops.
    let video = scratch.clip("b.mkv", 7, false, &[]);
    let done = scratch.run(&[
        "analyze",
        "--crops",
        "crops/b_left",
        "--video",
        video.to_str().unwrap(),
        "--format",
        "abaw2021",
        "--out",
        "sub",
    ]);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{said}");
    assert!(
        said.contains("4 frames without a face were given the nearest estimate before them"),
        "{said}"
    );
    let text = |name: &str| std::fs::read_to_string(scratch.path(name)).unwrap();
    let expression = text("sub/EXPR_Set/b_left.txt");
    let lines: Vec<&str> = expression.split('\n').collect();
    assert_eq!(
        lines.len(),
        8,
        "a header and a line a frame, no newline at the end"
    );
    assert_eq!(
        lines[0],
        "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise"
    );
    assert_eq!(
        (lines[2], lines[5]),
        (lines[3], lines[7]),
        "filled from before"
    );
    let affect = text("sub/VA_Set/b_left.txt");
    let lines: Vec<&str> = affect.split('\n').collect();
    assert_eq!((lines.len(), lines[0]), (8, "valence,arousal"));
    for line in &lines[1..] {
        let (valence, arousal) = line.split_once(',').unwrap();
        for number in [valence, arousal] {
            assert_eq!(number.split_once('.').unwrap().1.len(), 4, "{line}");
        }
    }
    assert_eq!((lines[2], lines[5]), (lines[3], lines[7]));

    let done = scratch.run(&[
        "analyze",
        "--crops",
        "crops",
        "--format",
        "abaw-flat",
        "--out",
        "flat",
    ]);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(
        done.status.success() && said.contains("the video may have more frames"),
        "{said}"
    );
    let flat = text("flat/predictions_EXPR.txt");
    let lines: Vec<&str> = flat.lines().collect();
    assert_eq!(
        lines[0],
        "image_location,Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other"
    );
    assert_eq!(lines.len(), 1 + 4 + 5);
    assert!(lines[1].starts_with("a/00001.jpg,") && lines[9].starts_with("b_left/00005.jpg,"));
    let flat = text("flat/predictions_VA.txt");
    assert!(flat.starts_with("image_location,valence,arousal\na/00001.jpg,"));
    std::fs::remove_dir(scratch.path("crops/empty")).unwrap();
    // Nothing is written over unasked.
    scratch.refuses(
        &[
            "analyze",
            "--crops",
            "crops",
            "--format",
            "abaw-flat",
            "--out",
            "flat",
        ],
        &["predictions_EXPR.txt", "--force"],
    );
}

#[test]
fn a_submission_of_a_video_has_its_frames_and_tells_of_a_header_that_is_wrong() {
    let scratch = Scratch::new();
    let clip = scratch.clip("talk.mkv", 12, true, &[]);
    let done = scratch.run(&[
        "analyze",
        clip.to_str().unwrap(),
        "--format",
        "abaw2021",
        "--out",
        "sub",
    ]);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{said}");
    let text = std::fs::read_to_string(scratch.path("sub/VA_Set/talk.txt")).unwrap();
    assert_eq!(text.split('\n').count(), 13);
    assert!(said.contains("6 frames without a face"), "{said}");
    scratch.refuses(
        &[
            "analyze",
            clip.to_str().unwrap(),
            "--format",
            "abaw2021",
            "--out",
            "-",
        ],
        &["several files"],
    );
}
