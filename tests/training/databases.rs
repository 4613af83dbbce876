//! The databases as they are distributed, in little.

use std::fs;
use std::path::Path;

use affectscope::labels::Expression;
use affectscope::model::config::Color;
use affectscope::train::augment::plain;
use affectscope::train::prepare::{Database, Options, PrepareError};
use affectscope::train::set::{Set, Split};
use image::{RgbImage, imageops};

use super::{attempt, options, portrait, whole};

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// An aligned crop, another for every number.
fn crop(number: u32) -> RgbImage {
    let portrait = portrait();
    let face = imageops::crop_imm(&portrait, 165 + number % 9, 60 + number / 9 % 9, 120, 120);
    imageops::resize(&face.to_image(), 112, 112, imageops::FilterType::Triangle)
}

fn files(set: &Set, split: Split) -> Vec<&str> {
    let all = set.indices(split, |_| true);
    all.into_iter().map(|i| set.sample(i).file).collect()
}

#[test]
fn aff_wild2_joins_both_labels_and_keeps_videos_apart() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let expr = "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise\n";
    write(
        &at("a/EXPR_Set/Train_Set/v1.txt"),
        &format!("{expr}0\n4\n-1\n6\n"),
    );
    write(
        &at("a/VA_Set/Train_Set/v1.txt"),
        "valence,arousal\n0.5,-0.25\n-5,-5\n-5,-5\n0.1,0.2\n",
    );
    write(
        &at("a/VA_Set/Validation_Set/v2_left.txt"),
        "valence,arousal\n0.5,0.5\n0.25,0.5\n",
    );
    // The other kind of labels of the same video, in the other split.
    write(
        &at("a/EXPR_Set/Train_Set/v2_left.txt"),
        &format!("{expr}1\n1\n"),
    );
    write(&at("a/EXPR_Set/Train_Set/v3.txt"), &format!("{expr}1\n"));
    for (video, frames) in [("v1", 1..=3), ("v2_left", 1..=2)] {
        fs::create_dir_all(at("crops").join(video)).unwrap();
        for frame in frames {
            let path = at("crops").join(video).join(format!("{frame:05}.png"));
            crop(frame + 10 * video.len() as u32).save(path).unwrap();
        }
    }
    let options = Options {
        annotations: Some(at("a")),
        crops: true,
        color: Color::Rgb,
        ..options(Database::AffWild2, &at("crops"), &at("set"))
    };
    let (manifest, set) = whole(&options);
    assert_eq!(files(&set, Split::Train), ["v1/00001.png", "v1/00002.png"]);
    assert_eq!(
        files(&set, Split::Validation),
        ["v2_left/00001.png", "v2_left/00002.png"]
    );
    let first = set.sample(0);
    assert_eq!(first.labels.expression, Some(Expression::Neutral));
    assert_eq!(first.labels.affect, Some([0.5, -0.25]));
    assert_eq!(set.sample(1).labels.affect, None);
    let official = set.sample(2);
    assert_eq!(official.labels.expression, None);
    assert_eq!(set.subject(official.subject), "v2");
    let left_out: Vec<(&str, u64)> = manifest
        .left_out
        .iter()
        .map(|(reason, out)| (&**reason, out.count))
        .collect();
    assert_eq!(
        left_out,
        [
            (
                "a label of a video that other labels put into a stricter split",
                2
            ),
            ("no label, or one that is none of ours", 3),
            ("there are no crops of this video", 1),
            ("there is no crop of this frame", 1),
        ]
    );
    // A crop comes out as it went in.
    let mut out = vec![0; 112 * 112 * 3];
    plain(&first, Color::Rgb, 112, &mut out);
    assert!(out == *crop(21).as_raw());
    assert_eq!(
        set.sequences(Split::Validation, |l| l.affect.is_some(), 1),
        [[2, 3]]
    );
    assert_eq!(set.sequences(Split::Train, |_| true, 1).len(), 1);
}

#[test]
fn faces_of_one_picture_stay_together_and_boxes_find_them() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("in/image")).unwrap();
    let portrait = portrait();
    let mut table = String::new();
    for i in 0..12u32 {
        let mut picture = RgbImage::new(520, 260);
        let left = imageops::crop_imm(&portrait, 100 + i, 0, 240, 240).to_image();
        imageops::replace(&mut picture, &left, 10, 10);
        imageops::replace(&mut picture, &left, 270, 10);
        // Pictures that are the same would be left out.
        for pixel in picture.pixels_mut() {
            pixel.0 = pixel.0.map(|v| (u32::from(v) * (40 - i) / 40) as u8);
        }
        picture
            .save(at("in/image").join(format!("p{i}.png")))
            .unwrap();
        // The face is about 110 wide, at (168, 68) of the portrait.
        let x = 10 + 165 - 100 - i as i32;
        for shift in [0, 260] {
            table.push_str(&format!(
                "p{i}.png {} {} {} {} {} 50.0 3\n",
                shift / 260,
                75,
                x + shift,
                x + shift + 112,
                190
            ));
        }
    }
    write(&at("in/label/label.lst"), &table);
    let (manifest, set) = whole(&options(Database::Expw, &at("in"), &at("set")));
    assert_eq!(manifest.faces, 24);
    let subjects: u64 = Split::ALL
        .map(|s| manifest.splits.of(s).subjects)
        .iter()
        .sum();
    assert_eq!(subjects, 12);
    for i in 0..set.len() {
        let sample = set.sample(i);
        assert_eq!(sample.labels.expression, Some(Expression::Happiness));
        let [eye, other, ..] = sample.landmarks;
        let wide = other[0] - eye[0];
        assert!((30.0..60.0).contains(&wide), "{:?}", sample.landmarks);
        assert!(sample.width_px.max(sample.height_px) <= 168);
    }
}

#[test]
fn a_table_may_say_split_subject_and_group() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("in")).unwrap();
    for i in 0..4 {
        crop(i).save(at("in").join(format!("{i}.png"))).unwrap();
    }
    let rows = "0.png,happy,,,train,anna,old\n1.png,,0.5,0.25,valid,bert,young\n2.png,sad,0.1,,train,anna,\n3.png,,0.5,,test,carl,old\n";
    let header = "picture,expression,valence,arousal,split,subject,group\n";
    write(&at("labels.csv"), &format!("{header}{rows}"));
    let options = Options {
        annotations: Some(at("labels.csv")),
        crops: true,
        ..options(Database::Table, &at("in"), &at("set"))
    };
    let (manifest, set) = whole(&options);
    assert_eq!(files(&set, Split::Train), ["0.png", "2.png"]);
    assert_eq!(files(&set, Split::Validation), ["1.png"]);
    assert_eq!(
        manifest.left_out["valence or arousal without the other"].count,
        1
    );
    assert_eq!(set.sample(0).group, Some("old"));
    assert_eq!(set.sample(2).group, None);
    assert_eq!(set.subject(set.sample(0).subject), "anna");

    // The same person on both sides is refused.
    write(
        &at("labels.csv"),
        &format!("{header}{}", rows.replace("bert", "anna")),
    );
    let options = Options {
        out: at("other"),
        ..options
    };
    let refused = attempt(&options).unwrap_err();
    assert!(
        matches!(refused, PrepareError::TwoSplits { .. }),
        "{refused}"
    );
    assert!(refused.to_string().contains("\"anna\""), "{refused}");
    write(
        &at("labels.csv"),
        &format!("{header}{}", rows.replace("valid", "vallid")),
    );
    let options = Options {
        out: at("third"),
        ..options
    };
    let refused = attempt(&options).unwrap_err().to_string();
    assert!(
        refused.contains("line 3") && refused.contains("vallid"),
        "{refused}"
    );
}

#[test]
fn faces13k_takes_its_own_landmarks_and_splits_by_person() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("in/img")).unwrap();
    let mut table = "image,expression,right_eye_x,right_eye_y,left_eye_x,left_eye_y,nose_x,nose_y,mouth_right_x,mouth_right_y,mouth_left_x,mouth_left_y,p0_x,source\n".to_owned();
    for i in 0..60 {
        crop(i).save(at("in/img").join(format!("{i}.png"))).unwrap();
        let name = ["happiness", "contempt", "neutral"][i as usize % 3];
        table.push_str(&format!(
            "{i}.png,{name},38.5,51.5,73.5,51.25,56,71.5,41.5,92,70.5,92,0,Some_Body_{}_000{}.jpg\n",
            i / 3,
            i % 3
        ));
    }
    write(&at("in/labels.csv"), &table);
    let (manifest, set) = whole(&options(Database::Faces13k, &at("in"), &at("set")));
    assert_eq!(manifest.faces, 40);
    assert_eq!(
        manifest.left_out["contempt is none of the seven expressions"].count,
        20
    );
    let subjects: u64 = Split::ALL
        .map(|s| manifest.splits.of(s).subjects)
        .iter()
        .sum();
    assert_eq!(subjects, 20);
    assert!(manifest.splits.validation.faces > 0 && manifest.splits.validation.faces < 20);
    let first = set.sample(0);
    assert_eq!(first.landmarks[0], [38.5, 51.5]);
    assert_eq!(first.landmarks[1], [73.5, 51.25]);
    assert_eq!(first.labels.affect, Some([0.81, 0.51]));
    assert_eq!(set.subject(first.subject), "Some_Body_0");
}

#[test]
fn affectnet_and_afew_va_are_read_as_they_come() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("in/Manually_Annotated_Images/1")).unwrap();
    for i in 0..3 {
        crop(i)
            .save(at("in/Manually_Annotated_Images/1").join(format!("{i}.png")))
            .unwrap();
    }
    let header = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal\n";
    write(
        &at("in/training.csv"),
        &format!("{header}1/0.png,0,0,112,112,1;2,1,0.5,0.25\n1/1.png,0,0,112,112,1;2,9,-2,-2\n"),
    );
    write(
        &at("in/validation.csv"),
        &format!("{header}1/2.png,0,0,112,112,1;2,2,-0.5,-0.25\n"),
    );
    let affectnet = Options {
        crops: true,
        ..options(Database::Affectnet, &at("in"), &at("set"))
    };
    let (manifest, set) = whole(&affectnet);
    assert_eq!(files(&set, Split::Train), ["1/0.png"]);
    assert_eq!(files(&set, Split::Validation), ["1/2.png"]);
    assert_eq!(set.sample(0).labels.affect, Some([0.5, 0.25]));
    assert_eq!(manifest.left_out.len(), 1);

    for clip in ["001", "002"] {
        fs::create_dir_all(at("va").join(clip)).unwrap();
        for frame in 0..2u32 {
            let i = frame + if clip == "001" { 20 } else { 30 };
            crop(i)
                .save(at("va").join(clip).join(format!("{frame:05}.png")))
                .unwrap();
        }
        let json = r#"{"actor": "x", "video_id": "001", "frames": {"00000": {"valence": 5, "arousal": -2}, "00001": {"valence": 0.0, "arousal": 10.0}, "00002": {"valence": 1, "arousal": 1}}}"#;
        write(&at("va").join(clip).join(format!("{clip}.json")), json);
    }
    let afew = Options {
        crops: true,
        ..options(Database::AfewVa, &at("va"), &at("va-set"))
    };
    let (manifest, set) = whole(&afew);
    assert_eq!(manifest.faces, 4);
    assert_eq!(manifest.left_out["the picture is not there"].count, 2);
    assert_eq!(set.sample(0).labels.affect, Some([0.5, -0.2]));
    let runs: usize = Split::ALL
        .map(|s| set.sequences(s, |_| true, 1).len())
        .iter()
        .sum();
    assert_eq!(runs, 2);
}

#[test]
fn a_video_gives_its_labelled_frames() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir_all(at("frames")).unwrap();
    let portrait = portrait();
    for i in 0..4 {
        let mut picture = RgbImage::new(320, 240);
        let part = imageops::crop_imm(&portrait, 90 + i * 2, 0, 300, 240).to_image();
        imageops::replace(&mut picture, &part, 10, 0);
        picture
            .save(at("frames").join(format!("{i:03}.png")))
            .unwrap();
    }
    fs::create_dir_all(at("in")).unwrap();
    let made = std::process::Command::new("ffmpeg")
        .args(["-loglevel", "error", "-framerate", "25", "-i"])
        .arg(at("frames/%03d.png"))
        .args(["-c:v", "mpeg4", "-q:v", "2"])
        .arg(at("in/v1.mp4"))
        .status()
        .unwrap();
    assert!(made.success());
    let rows = "frame,valence,arousal,split,subject\n0,0.5,0.5,test,anna\n1,,,test,anna\n2,0.25,0.5,test,anna\n9,0.1,0.1,test,anna\n";
    write(&at("labels/v1.csv"), rows);
    write(&at("labels/v7.csv"), "frame,valence,arousal\n0,0.5,0.5\n");
    let options = Options {
        annotations: Some(at("labels")),
        ..options(Database::Table, &at("in"), &at("set"))
    };
    let (manifest, set) = whole(&options);
    assert_eq!(set.len(), 2);
    assert_eq!(
        manifest.left_out["the video ends before this frame"].count,
        1
    );
    assert_eq!(manifest.left_out["the video is not there"].count, 1);
    assert_eq!(set.sample(1).labels.affect, Some([0.25, 0.5]));
    let split = set.sample(0).split;
    assert_eq!(
        (split, set.subject(set.sample(0).subject)),
        (Split::Test, "anna")
    );
    assert_eq!(set.sequences(split, |_| true, 2), [[0, 1]]);
    assert_eq!(set.sequences(split, |_| true, 1).len(), 2);
    assert!(set.sample(0).width_px <= 168);
}
