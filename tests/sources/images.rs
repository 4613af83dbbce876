use std::fs;
use std::path::{Path, PathBuf};

use affectscope::source::images::{ImageSource, is_images};
use affectscope::source::{self, FrameSource, Next, Pace, SourceError};
use image::{DynamicImage, ImageBuffer, ImageFormat, Rgb, RgbImage};

use super::{is_a_sentence, read_all};

/// Left half red, right half blue, the upper left pixel white.
fn two_halves(width: u32, height: u32) -> RgbImage {
    let mut picture = RgbImage::from_fn(width, height, |x, _| {
        if x < width / 2 {
            Rgb([250, 0, 0])
        } else {
            Rgb([0, 0, 250])
        }
    });
    picture.put_pixel(0, 0, Rgb([255, 255, 255]));
    picture
}

fn save(folder: &Path, name: &str, picture: &RgbImage) -> PathBuf {
    let path = folder.join(name);
    picture.save(&path).unwrap();
    path
}

fn files(source: &mut ImageSource) -> Vec<String> {
    read_all(source)
        .frames
        .iter()
        .map(|frame| frame.file.as_deref().unwrap().to_owned())
        .collect()
}

fn error_of(path: &Path) -> SourceError {
    let error = ImageSource::open(path).err().expect("it must not open");
    is_a_sentence(&error);
    assert!(error.is_bad_input());
    error
}

#[test]
fn a_single_picture_is_one_frame() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.png", "b.bmp", "c.tiff", "d.webp", "e.ppm"] {
        let path = save(folder.path(), name, &two_halves(7, 5));
        assert!(is_images(&path));
        let mut source = ImageSource::open(&path).unwrap();
        assert_eq!((source.info().width_px, source.info().height_px), (7, 5));
        assert_eq!(
            (source.info().pace, source.info().frames),
            (Pace::File, Some(1))
        );
        assert_eq!(source.info().title, name);
        let given = read_all(&mut source);
        assert_eq!(given.frames.len(), 1, "{name}");
        assert_eq!(
            given.frames[0].rgb(),
            two_halves(7, 5).as_raw().as_slice(),
            "{name}"
        );
        assert_eq!(given.frames[0].file.as_deref(), Some(name));
        assert_eq!(given.frames[0].stamp.time_s, 0.0);
    }
}

#[test]
fn a_folder_comes_in_natural_order_without_what_is_no_picture() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["img10.png", "img2.png", "img1.JPG", ".hidden.png"] {
        save(folder.path(), name, &two_halves(4, 4));
    }
    fs::write(folder.path().join("notes.txt"), "no picture").unwrap();
    fs::write(folder.path().join("README"), "no picture").unwrap();
    two_halves(4, 4)
        .save_with_format(folder.path().join("plain"), ImageFormat::Png)
        .unwrap();
    fs::create_dir(folder.path().join("sub.png")).unwrap();
    save(
        &folder.path().join("sub.png"),
        "deep.png",
        &two_halves(4, 4),
    );
    let mut source = ImageSource::open(folder.path()).unwrap();
    assert_eq!(source.info().frames, Some(4));
    assert_eq!(
        files(&mut source),
        ["img1.JPG", "img2.png", "img10.png", "plain"]
    );
    let times: Vec<f64> = read_all(&mut ImageSource::open(folder.path()).unwrap())
        .frames
        .iter()
        .map(|frame| frame.stamp.time_s)
        .collect();
    assert_eq!(times, [0.0, 1.0, 2.0, 3.0]);
}

#[test]
fn sizes_may_differ_in_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    save(folder.path(), "1.png", &two_halves(4, 6));
    save(folder.path(), "2.png", &two_halves(9, 3));
    let given = read_all(&mut ImageSource::open(folder.path()).unwrap());
    let sizes: Vec<_> = given
        .frames
        .iter()
        .map(|frame| (frame.width_px(), frame.height_px()))
        .collect();
    assert_eq!(sizes, [(4, 6), (9, 3)]);
}

#[test]
fn a_broken_picture_does_not_end_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let whole = fs::read(save(folder.path(), "2.png", &two_halves(64, 64))).unwrap();
    fs::write(folder.path().join("1.png"), "").unwrap();
    fs::write(folder.path().join("3.png"), &whole[..whole.len() / 2]).unwrap();
    fs::write(folder.path().join("4.jpg"), "text").unwrap();
    save(folder.path(), "5.png", &two_halves(4, 4));
    let mut source = ImageSource::open(folder.path()).unwrap();
    assert_eq!((source.info().width_px, source.info().height_px), (64, 64));
    let given = read_all(&mut source);
    let read: Vec<u64> = given.frames.iter().map(|frame| frame.stamp.index).collect();
    assert_eq!(read, [1, 4]);
    let broken: Vec<u64> = given.unreadable.iter().map(|(index, _)| *index).collect();
    assert_eq!(broken, [0, 2, 3]);
    assert!(
        given.unreadable[0].1.contains("empty"),
        "{:?}",
        given.unreadable
    );
    assert!(
        given.unreadable[1].1.contains("damaged"),
        "{:?}",
        given.unreadable
    );
}

#[test]
fn what_cannot_be_read_is_refused_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let whole = fs::read(save(folder.path(), "whole.png", &two_halves(64, 64))).unwrap();
    fs::write(at("empty.png"), "").unwrap();
    fs::write(at("half.png"), &whole[..whole.len() / 2]).unwrap();
    fs::write(at("text.jpg"), "text").unwrap();
    // A header of 100000 x 100000 pixels.
    let mut huge = whole.clone();
    huge[16..24].copy_from_slice(&[0, 1, 0x86, 0xA0, 0, 1, 0x86, 0xA0]);
    fs::write(at("huge.png"), huge).unwrap();
    fs::create_dir(at("bare")).unwrap();
    fs::create_dir(at("broken")).unwrap();
    fs::write(at("broken/1.png"), "").unwrap();
    for name in [
        "empty.png",
        "half.png",
        "text.jpg",
        "huge.png",
        "bare",
        "broken",
        "none_%03d.png",
    ] {
        let error = error_of(&at(name));
        assert!(
            matches!(error, SourceError::NotMedia { .. }),
            "{name}: {error}"
        );
    }
    let bare = error_of(&at("bare")).to_string();
    assert!(
        bare.contains("no pictures") && bare.contains("webp"),
        "{bare}"
    );
    assert!(matches!(
        error_of(&at("none.png")),
        SourceError::NotFound(_)
    ));
    assert!(matches!(
        error_of(&at("nowhere/%d.png")),
        SourceError::NotFound(_)
    ));
}

#[test]
fn a_numbered_sequence_shows_its_holes() {
    let folder = tempfile::tempdir().unwrap();
    for name in [
        "f_0007.png",
        "f_0008.png",
        "f_0010.png",
        "f_11.png",
        "g_0009.png",
    ] {
        save(folder.path(), name, &two_halves(4, 4));
    }
    let path = folder.path().join("f_%04d.png");
    assert!(is_images(&path));
    let mut source = ImageSource::open(&path).unwrap();
    assert_eq!(
        (source.info().frames, source.info().rate_hz),
        (Some(4), Some(30.0))
    );
    let given = read_all(&mut source);
    let names: Vec<_> = given
        .frames
        .iter()
        .map(|frame| frame.file.as_deref().unwrap())
        .collect();
    assert_eq!(names, ["f_0007.png", "f_0008.png", "f_0010.png"]);
    assert_eq!(given.unreadable, [(2, "it is not there".to_owned())]);
    assert!((given.frames[2].stamp.time_s - 0.1).abs() < 1e-12);
    // A number far behind is no part of it.
    save(folder.path(), "f_99999999.png", &two_halves(4, 4));
    let given = read_all(&mut ImageSource::open(&path).unwrap());
    assert_eq!(given.frames.len(), 3);
    assert!(given.note.unwrap().contains("f_99999999.png"));
}

#[test]
fn a_file_named_like_a_pattern_is_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = save(folder.path(), "a%d.png", &two_halves(4, 4));
    assert_eq!(files(&mut ImageSource::open(&path).unwrap()), ["a%d.png"]);
}

/// A JPEG with an EXIF block that says how it is to be turned.
fn jpeg_turned(picture: &RgbImage, orientation: u8) -> Vec<u8> {
    let mut jpeg = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
    let jpeg = jpeg.into_inner();
    let mut exif = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
    exif.extend([orientation, 0, 0, 0, 0, 0, 0]);
    let length = (exif.len() + 2) as u16;
    [
        &jpeg[..2],
        &[0xFF, 0xE1],
        &length.to_be_bytes(),
        &exif,
        &jpeg[2..],
    ]
    .concat()
}

#[test]
fn exif_orientation_turns_the_picture_upright() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("turned.jpg");
    // Orientation 6: to be turned a quarter clockwise, so that the left half (red) ends on top.
    for (orientation, size, top_is_red, left_is_red) in [
        (1, (32, 16), None, Some(true)),
        (3, (32, 16), None, Some(false)),
        (6, (16, 32), Some(true), None),
        (8, (16, 32), Some(false), None),
    ] {
        fs::write(&path, jpeg_turned(&two_halves(32, 16), orientation)).unwrap();
        let mut source = ImageSource::open(&path).unwrap();
        assert_eq!(
            (source.info().width_px, source.info().height_px),
            size,
            "{orientation}"
        );
        let frame = read_all(&mut source).frames.remove(0);
        let red_at = |x: usize, y: usize| {
            let at = (y * size.0 + x) * 3;
            frame.rgb()[at] > frame.rgb()[at + 2]
        };
        if let Some(red) = top_is_red {
            assert_eq!((red_at(8, 3), red_at(8, 28)), (red, !red), "{orientation}");
        }
        if let Some(red) = left_is_red {
            assert_eq!((red_at(3, 8), red_at(28, 8)), (red, !red), "{orientation}");
        }
        // A folder tells the size from the header alone.
        let folder_info = ImageSource::open(folder.path()).unwrap().info().clone();
        assert_eq!((folder_info.width_px, folder_info.height_px), size);
    }
}

#[test]
fn every_kind_of_pixel_becomes_rgb() {
    let folder = tempfile::tempdir().unwrap();
    let first_pixel = |picture: DynamicImage| {
        let path = folder.path().join("pixel.png");
        picture.save(&path).unwrap();
        let frame = read_all(&mut ImageSource::open(&path).unwrap())
            .frames
            .remove(0);
        [frame.rgb()[0], frame.rgb()[1], frame.rgb()[2]]
    };
    let grey = ImageBuffer::from_pixel(3, 3, image::Luma([77u8]));
    assert_eq!(first_pixel(grey.into()), [77; 3]);
    let deep_grey = ImageBuffer::from_pixel(3, 3, image::Luma([0x4D4Du16]));
    assert_eq!(first_pixel(deep_grey.into()), [77; 3]);
    let deep = ImageBuffer::from_pixel(3, 3, Rgb([0xFFFFu16, 0x8080, 0]));
    assert_eq!(first_pixel(deep.into()), [255, 128, 0]);
    // Over mid-grey.
    let clear = ImageBuffer::from_pixel(3, 3, image::Rgba([255u8, 0, 0, 0]));
    assert_eq!(first_pixel(clear.into()), [128; 3]);
    let solid = ImageBuffer::from_pixel(3, 3, image::Rgba([255u8, 0, 0, 255]));
    assert_eq!(first_pixel(solid.into()), [255, 0, 0]);
    let half = ImageBuffer::from_pixel(3, 3, image::LumaA([255u8, 128]));
    assert_eq!(first_pixel(half.into()), [192; 3]);
}

#[test]
fn a_path_finds_its_way_to_pictures_or_video() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    two_halves(4, 4)
        .save_with_format(at("plain"), ImageFormat::Png)
        .unwrap();
    two_halves(4, 4)
        .save_with_format(at("moving"), ImageFormat::Gif)
        .unwrap();
    fs::write(at("notes"), "text").unwrap();
    for (name, pictures) in [
        ("", true),
        ("plain", true),
        ("a.jpeg", true),
        ("a.PNG", true),
        ("%05d.png", true),
        ("moving", false),
        ("notes", false),
        ("a.gif", false),
        ("a.mp4", false),
        ("nothing", false),
    ] {
        assert_eq!(is_images(&at(name)), pictures, "{name}");
    }
    // A picture whose ending is another kind's is read by its content.
    two_halves(4, 4)
        .save_with_format(at("wrong.jpg"), ImageFormat::Png)
        .unwrap();
    let mut source = source::open_path(&at("wrong.jpg")).unwrap();
    assert!(matches!(source.next(), Ok(Next::Frame(_))));
}
