//! Small networks that nobody trained, as teachers.

use super::*;
use crate::analysis::Crop;
use crate::model::config::CROP_SIDE_PX;
use crate::train::random::Rng;

/// Crops of noise, `[faces, 112, 112, 1]`.
pub(super) fn noise(faces: usize, rng: &mut Rng) -> Vec<u8> {
    (0..faces * CROP_SIDE_PX * CROP_SIDE_PX)
        .map(|_| (255.0 * rng.unit()) as u8)
        .collect()
}

#[test]
fn a_cnn_alone_teaches_what_it_says_of_each_step() {
    let teacher = made(2);
    let crops: Vec<Crop> = noise(3, &mut Rng::new(2))
        .chunks(CROP_SIDE_PX * CROP_SIDE_PX)
        .map(|pixels| Crop {
            face_id: 1,
            side_px: CROP_SIDE_PX,
            channels: 1,
            pixels: pixels.to_vec().into(),
        })
        .collect();
    let steps = teacher.student.features(&crops).unwrap();
    let expression: Vec<&[f32]> = steps.iter().map(|s| &*s.expression).collect();
    let affect: Vec<&[f32]> = steps.iter().map(|s| &*s.affect).collect();
    let said = teacher.window_logits([&expression, &affect]);
    let (expression, affect) = teacher.student.cnn_logits(&crops).unwrap();
    for (said, theirs) in [(said.expression, expression), (said.affect, affect)] {
        let theirs = theirs.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let said = said.concat();
        assert_eq!(said.len(), theirs.len());
        for (a, b) in said.iter().zip(&theirs) {
            assert!((a - b).abs() < 1e-4 * b.abs().max(1.0), "{a} {b}");
        }
    }
}

#[test]
fn a_cnn_is_known_by_its_numbers() {
    assert!(made(2).is_cnn_of(&made(2)));
    assert!(!made(2).is_cnn_of(&made(3)));
    assert_eq!(made(2).checksum(), made(2).checksum());
    assert_ne!(made(2).checksum(), made(3).checksum());
    // What a card says is no number of it; how sure it is does not change what it sees, and another way to cut faces out does.
    let carded = made_with(2, |c| c["trained_on"] = "faces".into());
    assert_eq!(carded.checksum(), made(2).checksum());
    let surer = made_with(2, |c| c["temperatures"]["expression"] = 0.3.into());
    assert_ne!(surer.checksum(), made(2).checksum());
    assert!(surer.is_cnn_of(&made(2)));
    let closer = made_with(2, |c| c["resize"] = 134.into());
    assert!(!closer.is_cnn_of(&made(2)));
}
