//! PyTorch checkpoints: the paper's own numbers from its own kind of file, and every way a file may be wrong.
//!
//! `abaw2021-pattern*.pth.xz` are real `torch.save` state dicts of the reference's CNN-GRU and CNN students (weights in
//! a repeating pattern); `abaw2021-pattern.json` holds what the reference code (its heads, GRU heads and sequence model
//! around the FER+ ResNet-50; PyTorch 2.15, CPU, f32) says of 32 RGB frames given by formula:
//! `u8 = clip(128 + 60 sin(0.11x + 0.3f + c) + 50 cos(0.07y(1 + 0.1c) - 0.2f) + ((7x + 13y + 5c + 3f) mod 17), 0, 255)`,
//! rounded half to even, minus (131.0912, 103.8827, 91.4953).

mod faults;
pub mod made;

use std::io::Read as _;
use std::path::PathBuf;
use std::sync::{LazyLock, OnceLock};

use affectscope::analysis::Crop;
use affectscope::model::student::{Features, Student};
use affectscope::model::weights::Weights;
use candle_core::Device;
use serde_json::Value;

use self::made::{Dtype, Made};

/// The golden CNN-GRU checkpoint.
pub static CNN_GRU: LazyLock<Vec<u8>> =
    LazyLock::new(|| unpack(include_bytes!("data/abaw2021-pattern.pth.xz")));
static CNN: LazyLock<Vec<u8>> =
    LazyLock::new(|| unpack(include_bytes!("data/abaw2021-pattern-cnn.pth.xz")));

fn unpack(packed: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    lzma_rust2::XzReader::new(packed, true)
        .read_to_end(&mut bytes)
        .unwrap();
    bytes
}

/// The golden CNN-GRU checkpoint as a file, for the binary.
pub fn cnn_gru_file() -> PathBuf {
    static FILE: OnceLock<tempfile::TempPath> = OnceLock::new();
    FILE.get_or_init(|| {
        let file = tempfile::Builder::new()
            .prefix("abaw2021-pattern-")
            .suffix(".pth")
            .tempfile()
            .unwrap();
        std::fs::write(file.path(), &*CNN_GRU).unwrap();
        file.into_temp_path()
    })
    .to_path_buf()
}

fn student(bytes: &[u8]) -> Student {
    Student::new(
        &Weights::from_bytes(bytes, "test", "test").unwrap(),
        &Device::Cpu,
    )
    .unwrap()
}

/// The 32 frames of the formula above, RGB.
pub fn frames() -> Vec<Crop> {
    (0..32)
        .map(|f| {
            let mut pixels = Vec::with_capacity(112 * 112 * 3);
            for y in 0..112 {
                for x in 0..112 {
                    for c in 0..3 {
                        let (xf, yf, ff, cf) =
                            (f64::from(x), f64::from(y), f64::from(f), f64::from(c));
                        let value = 128.0
                            + 60.0 * (0.11 * xf + 0.3 * ff + cf).sin()
                            + 50.0 * (0.07 * yf * (1.0 + 0.1 * cf) - 0.2 * ff).cos()
                            + f64::from((7 * x + 13 * y + 5 * c + 3 * f) % 17);
                        pixels.push(value.clamp(0.0, 255.0).round_ties_even() as u8);
                    }
                }
            }
            Crop {
                face_id: 1,
                side_px: 112,
                channels: 3,
                pixels: pixels.into(),
            }
        })
        .collect()
}

/// 1e-4 relative. What comes near zero as the sum of larger terms is held to a tenth of the largest beside it, and
/// the numbers were written with seven digits.
#[track_caller]
fn close(name: &str, got: &[f32], wanted: &Value) {
    let wanted: Vec<f64> = serde_json::from_value(wanted.clone()).unwrap();
    assert_eq!(got.len(), wanted.len(), "{name}");
    let scale = wanted.iter().fold(0.0f64, |m, w| m.max(w.abs()));
    for (i, (g, w)) in got.iter().zip(&wanted).enumerate() {
        let off = (f64::from(*g) - w).abs();
        assert!(
            off <= 1e-4 * w.abs().max(0.1 * scale) + 1e-6,
            "{name}[{i}]: {g}, wanted {w}"
        );
    }
}

fn golden() -> Value {
    serde_json::from_str(include_str!("data/abaw2021-pattern.json")).unwrap()
}

#[test]
fn the_papers_cnn_gru_gives_the_papers_numbers() {
    let (golden, student, frames) = (golden(), student(&CNN_GRU), frames());
    let sum: u64 = frames
        .iter()
        .flat_map(|f| &f.pixels)
        .map(|&v| u64::from(v))
        .sum();
    assert_eq!(
        Some(sum),
        golden["input_sum"].as_u64(),
        "the input's formula"
    );

    let (cnn, gru) = (&golden["cnn"], &golden["gru"]);
    let pooled: Vec<Vec<f32>> = student.pooled(&frames).unwrap().to_vec2().unwrap();
    for (t, row) in pooled.iter().enumerate() {
        close("pooled", &row[..8], &cnn["cross_task_first8"][t]);
    }
    let features = student.features(&frames).unwrap();
    close(
        "expression feature",
        &features[0].expression,
        &cnn["EXPR_feature_frame0"],
    );
    close(
        "affect feature",
        &features[0].affect,
        &cnn["VA_feature_frame0"],
    );
    let (expression, affect) = student.cnn_logits(&frames).unwrap();
    let (expression, affect): (Vec<Vec<f32>>, Vec<Vec<f32>>) =
        (expression.to_vec2().unwrap(), affect.to_vec2().unwrap());
    let steps: Vec<&Features> = features.iter().collect();
    let window = student.window_logits(&steps).unwrap();
    let estimates = student.read_sequence(&features).unwrap();
    for t in 0..32 {
        close("cnn expression", &expression[t], &cnn["EXPR"][t]);
        close("cnn affect", &affect[t], &cnn["VA"][t]);
        close(
            "cnn valence, arousal",
            &[features[t].alone.valence, features[t].alone.arousal],
            &cnn["valence_arousal"][t],
        );
        close("gru expression", &window.expression[t], &gru["EXPR"][t]);
        close("gru affect", &window.affect[t], &gru["VA"][t]);
        close(
            "probabilities",
            &estimates[t].probabilities,
            &gru["expr_prob"][t],
        );
        close(
            "valence, arousal",
            &[estimates[t].valence, estimates[t].arousal],
            &gru["valence_arousal"][t],
        );
    }
}

#[test]
fn the_cnn_alone_gives_the_papers_numbers_and_has_no_window() {
    let (golden, student, frames) = (golden(), student(&CNN), &frames()[..4]);
    assert_eq!(student.window(), None);
    let features = student.features(frames).unwrap();
    for (t, estimate) in student.read_sequence(&features).unwrap().iter().enumerate() {
        close(
            "valence, arousal",
            &[estimate.valence, estimate.arousal],
            &golden["cnn"]["valence_arousal"][t],
        );
    }
}

#[test]
fn the_order_of_the_channels_matters_and_is_rgb() {
    let (golden, student) = (golden(), student(&CNN));
    let frame = frames().remove(0);
    let mut swapped = frame.clone();
    let pixels = frame.pixels.chunks_exact(3);
    swapped.pixels = pixels.flat_map(|p| [p[2], p[1], p[0]]).collect();
    let read = |crop: &Crop| {
        student
            .pooled(std::slice::from_ref(crop))
            .unwrap()
            .to_vec2::<f32>()
            .unwrap()
            .remove(0)
    };
    let (rgb, bgr) = (read(&frame), read(&swapped));
    close("RGB", &rgb[..8], &golden["cnn"]["cross_task_first8"][0]);
    let far = rgb
        .iter()
        .zip(&bgr)
        .any(|(a, b)| (a - b).abs() > 0.05 * a.abs().max(0.1));
    assert!(far, "BGR must not give what RGB gives");
    // The means too are in the order R, G, B.
    let input: Vec<f32> = student
        .input(std::slice::from_ref(&frame))
        .unwrap()
        .flatten_all()
        .unwrap()
        .to_vec1()
        .unwrap();
    for (channel, mean) in [131.0912f32, 103.8827, 91.4953].into_iter().enumerate() {
        let wanted = f32::from(frame.pixels[channel]) - mean;
        assert!((input[channel * 112 * 112] - wanted).abs() < 1e-4);
    }
}

#[test]
fn every_way_of_saving_it_gives_the_same_network() {
    let plain = student(&Made::default().bytes());
    let crops = frames().into_iter().take(2).collect::<Vec<_>>();
    let wanted = plain.features(&crops).unwrap();
    assert_eq!(plain.window(), Some((32, 30.0)));
    let ways = [
        Made {
            nest: &["state_dict"],
            ..Made::default()
        },
        Made {
            nest: &["model"],
            prefix: "module.",
            ..Made::default()
        },
        Made {
            nest: &["model", "state_dict"],
            ..Made::default()
        },
        Made {
            prefix: "module.module.",
            ..Made::default()
        },
        Made {
            dtype: Dtype::F64,
            ..Made::default()
        },
        Made {
            dtype: Dtype::F16,
            ..Made::default()
        },
        Made {
            dtype: Dtype::Bf16,
            ..Made::default()
        },
        Made {
            channels_last: true,
            ..Made::default()
        },
        Made {
            parameters: true,
            ..Made::default()
        },
        Made {
            counters: false,
            ..Made::default()
        },
    ];
    for way in ways {
        let got = student(&way.bytes()).features(&crops).unwrap();
        assert_eq!(got, wanted, "{way:?}");
    }
    let cnn = student(
        &Made {
            temporal: false,
            ..Made::default()
        }
        .bytes(),
    );
    assert_eq!(cnn.window(), None);
    assert_eq!(cnn.features(&crops).unwrap(), wanted);
}
