//! Files that are no student, damaged, or hostile: an error in words, never more.

use std::sync::LazyLock;

use affectscope::model::student::Student;
use affectscope::model::weights::Weights;
use candle_core::Device;
use proptest::prelude::*;

use super::CNN_GRU;
use super::made::{self, Made};

/// What is said of bytes that are no student.
#[track_caller]
fn refused(bytes: &[u8]) -> String {
    match Weights::from_bytes(bytes, "bad.pth", "bad") {
        Err(error) => error.to_string(),
        Ok(_) => panic!("it was taken"),
    }
}

#[test]
fn tensors_that_do_not_fit_are_named() {
    let missing = refused(
        &Made {
            without: &["classifier.1.fc_1.bias"],
            ..Made::default()
        }
        .bytes(),
    );
    assert!(
        missing.contains("1 missing: `classifier.1.fc_1.bias`"),
        "{missing}"
    );
    let spatial = "backbone.backbone.model.conv2_1_3x3.weight";
    let missing = refused(
        &Made {
            without: &["backbone.backbone.model.conv2_1_3x3.weight"],
            ..Made::default()
        }
        .bytes(),
    );
    assert!(
        missing.contains(&format!("1 missing: `{spatial}`")),
        "{missing}"
    );
    let surplus = refused(
        &Made {
            surplus: &["backbone.backbone.model.classifier.weight"],
            ..Made::default()
        }
        .bytes(),
    );
    assert!(
        surplus.contains("1 surplus: `backbone.backbone.model.classifier.weight`"),
        "{surplus}"
    );
    let misshapen = refused(
        &Made {
            misshapen: "backbone.classifier.0.fc_0.bias",
            ..Made::default()
        }
        .bytes(),
    );
    assert!(
        misshapen.contains("1 of a wrong shape: `backbone.classifier.0.fc_0.bias` is [9], not [8]"),
        "{misshapen}"
    );
    let other = refused(
        &Made {
            prefix: "encoder.",
            ..Made::default()
        }
        .bytes(),
    );
    assert!(
        other.contains("`encoder.backbone") && other.contains("CNN-GRU"),
        "{other}"
    );
}

#[test]
fn a_safetensors_file_with_surplus_or_missing_tensors_is_refused_by_name() {
    let weights = Weights::from_bytes(&Made::default().bytes(), "made", "made").unwrap();
    let config = weights
        .config
        .replace(r#""blocks":[1,1,1,1]"#, r#""blocks":[1,1,1,2]"#);
    assert_ne!(config, weights.config);
    let bytes = weights.to_safetensors(&config).unwrap();
    let weights = Weights::from_bytes(&bytes, "other", "other").unwrap();
    let error = Student::new(&weights, &Device::Cpu)
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("missing: `backbone.stages.3.1.expand.bn.bias`"),
        "{error}"
    );
    let config = weights
        .config
        .replace(r#""blocks":[1,1,1,2]"#, r#""blocks":[1,1,1,1]"#)
        .replace("\"temporal\"", "\"x\"");
    let weights =
        Weights::from_bytes(&weights.to_safetensors(&config).unwrap(), "other", "other").unwrap();
    let error = Student::new(&weights, &Device::Cpu)
        .err()
        .unwrap()
        .to_string();
    assert!(
        error.contains("20 surplus: `temporal.affect.fc.bias`"),
        "{error}"
    );
}

#[test]
fn files_that_are_no_state_dict_say_so() {
    for (bytes, words) in [
        (
            b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.".to_vec(),
            "old format",
        ),
        (b"PK\x05\x06".to_vec(), "cut off or damaged"),
        (
            Made {
                nest: &["weights"],
                ..Made::default()
            }
            .bytes(),
            "`weights`",
        ),
        (
            made::archive(&[("a/data.pkl", b"\x80\x02cmodels\nNet\n)\x81.")]),
            "whole PyTorch object",
        ),
        (
            made::archive(&[("a/data.pkl", b"\x80\x02}."), ("a/constants.pkl", b"")]),
            "TorchScript",
        ),
        (
            made::archive(&[("a/data.pkl", b"\x80\x02}."), ("a/byteorder", b"big")]),
            "big-endian",
        ),
        (
            made::archive(&[("a/readme.txt", b"hello")]),
            "without `data.pkl`",
        ),
        (
            made::archive(&[("a/data.pkl", b"\x80\x02}.")]),
            "with nothing in it",
        ),
        (
            made::archive(&[(
                "a/data.pkl",
                b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R.",
            )]),
            "whole PyTorch object",
        ),
    ] {
        let said = refused(&bytes);
        assert!(
            said.contains(words) && said.contains("bad.pth"),
            "`{words}`: {said}"
        );
    }
}

#[test]
fn a_file_cut_anywhere_is_an_error() {
    for whole in [&*CNN_GRU, &Made::default().bytes()] {
        for cut in 0..50 {
            refused(&whole[..whole.len() * cut / 50]);
        }
        refused(&whole[..whole.len() - 1]);
    }
}

#[test]
fn absurd_shapes_cost_nothing() {
    for shape in [
        vec![u64::MAX / 2, 2],
        vec![1 << 40],
        vec![1 << 20, 1 << 20, 1 << 20],
        vec![1; 9],
        vec![i64::MAX as u64; 8],
    ] {
        let said = refused(
            &Made {
                absurd: Some(shape.clone()),
                ..Made::default()
            }
            .bytes(),
        );
        assert!(!said.is_empty(), "{shape:?}");
    }
    // Strides of zero show a single value as many.
    let said = refused(
        &Made {
            absurd: Some(vec![1 << 34]),
            zero_strides: true,
            ..Made::default()
        }
        .bytes(),
    );
    assert!(
        said.contains("more values than the file has bytes"),
        "{said}"
    );
}

proptest! {
    #[test]
    fn flipped_bytes_are_an_error_or_the_same_kind_of_network(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..6)
    ) {
        static WHOLE: LazyLock<Vec<u8>> = LazyLock::new(|| Made::default().bytes());
        let mut bytes = WHOLE.clone();
        for (at, by) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= by;
        }
        if let Ok(weights) = Weights::from_bytes(&bytes, "flipped", "flipped") {
            let _ = Student::new(&weights, &Device::Cpu);
        }
    }

    #[test]
    fn a_flipped_byte_in_the_pickle_or_the_directory_breaks_nothing(
        at in any::<prop::sample::Index>(), by in 1u8.., second in any::<prop::sample::Index>(), to in any::<u8>()
    ) {
        // The pickle lies in front, the directory at the end; the values between are most of the file.
        static WHOLE: LazyLock<(Vec<u8>, Vec<usize>)> = LazyLock::new(|| {
            let bytes = Made::default().bytes();
            let start = bytes.windows(2).position(|w| w == b"\x80\x02").unwrap();
            let end = bytes.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
            let places = (start..start + made::pickle_length(&bytes)).chain(end..bytes.len()).collect();
            (bytes, places)
        });
        let (bytes, places) = &*WHOLE;
        let mut bytes = bytes.clone();
        bytes[*at.get(places)] ^= by;
        bytes[*second.get(places)] = to;
        // As a hostile writer would: the checksum says nothing about the pickle.
        made::repair_checksum(&mut bytes);
        if let Ok(weights) = Weights::from_bytes(&bytes, "flipped", "flipped") {
            let _ = Student::new(&weights, &Device::Cpu);
        }
    }
}
