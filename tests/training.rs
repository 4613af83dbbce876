//! Training from outside: databases to packed sets, and what is read from them.

mod databases;
mod heads;
mod landmarks;
mod mistakes;
mod offsets;
mod prepare;
mod run;
mod samplers;
mod sets;
mod teachers;
mod told;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use affectscope::model::config::Color;
use affectscope::train::prepare::{Database, Options, Outcome, PrepareError, prepare};
use affectscope::train::set::{Manifest, Set};
use image::{GrayImage, Luma, RgbImage, imageops};

/// A face of 48x48, another for every number.
pub fn face(number: u32) -> GrayImage {
    let portrait = portrait();
    let (x, y) = (168 + number % 7, 68 + number / 7 % 7);
    let face = imageops::crop_imm(&portrait, x, y, 112, 112).to_image();
    let mut face = imageops::grayscale(&imageops::resize(
        &face,
        48,
        48,
        imageops::FilterType::Triangle,
    ));
    for Luma(pixel) in face.pixels_mut() {
        *pixel = pixel.map(|v| (u32::from(v) * (64 - number / 49 % 32) / 64) as u8);
    }
    face
}

/// The portrait with one large face.
pub fn portrait() -> RgbImage {
    image::open("assets/astronaut.png").unwrap().into_rgb8()
}

/// FER+'s folders with so many faces each; every fifth face is one that its votes leave out.
pub fn ferplus(folder: &Path, counts: [u32; 3]) {
    let votes = [
        "0,8,0,0,0,0,0,0,1,0",
        "6,0,1,3,0,0,0,0,0,0",
        "0,0,2,0,0,0,7,0,1,0",
        "1,0,0,0,8,1,0,0,0,0",
        "2,0,0,0,0,0,0,8,0,0",
    ];
    let mut number = 0;
    for (name, count) in ["FER2013Train", "FER2013Valid", "FER2013Test"]
        .iter()
        .zip(counts)
    {
        if count == 0 {
            continue;
        }
        let split = folder.join(name);
        std::fs::create_dir_all(&split).unwrap();
        let mut table = String::new();
        for _ in 0..count {
            let file = format!("fer{number:07}.png");
            face(number).save(split.join(&file)).unwrap();
            let votes = votes[number as usize % votes.len()];
            table.push_str(&format!("{file},\"(0, 0, 48, 48)\",{votes}\n"));
            number += 1;
        }
        std::fs::write(split.join("label.csv"), table).unwrap();
    }
}

/// What is asked for when nothing else is said.
pub fn options(database: Database, input: &Path, out: &Path) -> Options {
    Options {
        database,
        input: input.to_owned(),
        annotations: None,
        out: out.to_owned(),
        crops: false,
        color: Color::Gray,
        force: false,
    }
}

/// A whole run.
#[track_caller]
pub fn whole(options: &Options) -> (Manifest, Set) {
    match attempt(options) {
        Ok(Outcome::Whole(manifest)) => (*manifest, Set::open(&options.out).unwrap()),
        other => panic!("{other:?}"),
    }
}

/// A run, however it ends.
pub fn attempt(options: &Options) -> Result<Outcome, PrepareError> {
    prepare(options, &AtomicBool::new(false), &mut |_| {})
}

/// The content of every file of a set.
pub fn content(set: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(set)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|path| {
            (
                path.file_name().unwrap().into(),
                std::fs::read(&path).unwrap(),
            )
        })
        .collect()
}
