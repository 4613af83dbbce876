//! 8-bit arithmetic from outside: calibrated, checked, offered, refused.

use image::{Rgb, RgbImage, imageops};

use super::cli::{Scratch, stderr};

/// Pictures of the astronaut's face, shifted, mirrored and darkened; a head of FER+'s votes beside them.
fn faces(scratch: &Scratch, folder: &str, votes: Option<&str>) {
    let portrait = image::open("assets/astronaut.png").unwrap().into_rgb8();
    let folder = scratch.path(folder);
    std::fs::create_dir(&folder).unwrap();
    let mut table = String::new();
    for i in 0..12u32 {
        let face = imageops::crop_imm(&portrait, 168 + i % 4 * 3, 68 + i / 4 * 3, 112, 112);
        let mut face: RgbImage =
            imageops::resize(&face.to_image(), 48, 48, imageops::FilterType::Triangle);
        if i % 2 == 1 {
            imageops::flip_horizontal_in_place(&mut face);
        }
        for Rgb(pixel) in face.pixels_mut() {
            *pixel = pixel.map(|v| (u32::from(v) * (16 - i) / 16) as u8);
        }
        let name = format!("face{i:02}.png");
        face.save(folder.join(&name)).unwrap();
        if let Some(votes) = votes {
            table.push_str(&format!("{name},\"(0, 0, 48, 48)\",{votes}\n"));
        }
    }
    if votes.is_some() {
        std::fs::write(folder.join("label.csv"), table).unwrap();
    }
}

#[test]
fn weights_are_calibrated_checked_and_run_in_8_bits() {
    let scratch = Scratch::new();
    faces(&scratch, "faces", Some("1,8,0,0,0,0,0,0,0,1"));
    let done = scratch.run(&["quantize", "--calibrate", "faces", "eight.safetensors"]);
    let said = String::from_utf8(done.stdout.clone()).unwrap();
    assert!(done.status.success(), "{}", stderr(&done));
    for word in ["12 faces of", "accuracy, %", "CCC valence", "ms a face"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    std::fs::copy("assets/astronaut.png", scratch.path("portrait.png")).unwrap();
    let happiness = |more: &[&str]| -> f64 {
        let args = [
            &["analyze", "portrait.png", "--out", "-", "--format", "jsonl"],
            more,
        ]
        .concat();
        let done = scratch.run(&args);
        assert!(done.status.success(), "{}", stderr(&done));
        let row: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
        row["happiness"].as_f64().unwrap()
    };
    let f32 = happiness(&[]);
    // The built-in weights are calibrated already; those just calibrated run too.
    for more in [
        &["--precision", "int8"][..],
        &["--precision", "int8", "--weights", "eight.safetensors"][..],
    ] {
        let int8 = happiness(more);
        assert!((int8 - f32).abs() < 0.05, "{more:?}: {int8} {f32}");
    }
    let info = scratch.run(&["info", "eight.safetensors"]);
    let card = String::from_utf8(info.stdout).unwrap();
    assert!(
        card.contains("8 bits") && card.contains("12 faces"),
        "{card}"
    );
}

#[test]
fn what_cannot_be_calibrated_is_told() {
    let scratch = Scratch::new();
    std::fs::create_dir(scratch.path("empty")).unwrap();
    scratch.refuses(
        &["quantize", "--calibrate", "empty", "x.safetensors"],
        &["empty"],
    );
    scratch.refuses(
        &["quantize", "--calibrate", "nowhere", "x.safetensors"],
        &["nowhere"],
    );
    faces(&scratch, "bad", Some("1,8,0,0,0,0,0,0,0,many"));
    scratch.refuses(
        &["quantize", "--calibrate", "bad", "x.safetensors"],
        &["label.csv", "line 1", "many"],
    );
    faces(&scratch, "faces", None);
    // A dozen faces without labels say nothing of what 8 bits cost.
    let output = scratch.run(&["quantize", "--calibrate", "faces", "x.safetensors"]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("8 bits are not offered"), "{said}");
    assert!(!scratch.path("x.safetensors").exists());
    // What it reads is not written over.
    let picture = "faces/face00.png";
    let args = ["quantize", "--calibrate", "faces", picture, "--force"];
    scratch.refuses(&args, &[picture, "is an input"]);
    std::fs::write(scratch.path("there.safetensors"), "mine").unwrap();
    scratch.refuses(
        &["quantize", "--calibrate", "faces", "there.safetensors"],
        &["there.safetensors", "--force"],
    );
    assert_eq!(
        std::fs::read(scratch.path("there.safetensors")).unwrap(),
        b"mine"
    );
}
