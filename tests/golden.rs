//! The network against numbers made elsewhere.
//!
//! `student-thin.samples.json` was made in PyTorch 2 (CPU, f32) from `weights/student-thin.safetensors`: 32 grey frames
//! of 112x112 with `pixel[t][y][x] = (7x + 13y + 29t + (x*y mod 97)) mod 256`, then (v - 127.5) / 64.

use affectscope::analysis::Crop;
use affectscope::model::conv::isa::InstructionSet;
use affectscope::model::student::{Features, Kernels, Student};
use affectscope::model::weights::Weights;
use candle_core::{Device, Tensor};
use serde_json::Value;

fn samples() -> Value {
    serde_json::from_str(include_str!("data/student-thin.samples.json")).unwrap()
}

fn student() -> Student {
    Student::new(&Weights::load(None).unwrap(), &Device::Cpu).unwrap()
}

fn on(weights: &Weights, set: InstructionSet, threads: usize) -> Student {
    let kernels = Kernels {
        set,
        threads,
        ..Kernels::default()
    };
    Student::with_kernels(weights, kernels).unwrap()
}

fn frames() -> Vec<Crop> {
    (0..32)
        .map(|t| Crop {
            face_id: 1,
            side_px: 112,
            channels: 1,
            pixels: (0..112 * 112)
                .map(|i| {
                    let (x, y) = (i % 112, i / 112);
                    ((7 * x + 13 * y + 29 * t + (x * y) % 97) % 256) as u8
                })
                .collect(),
        })
        .collect()
}

/// Compares with numbers rounded to a few digits: 1e-4 of the larger of 1 and the value.
#[track_caller]
fn close(name: &str, got: &[f32], wanted: &Value) {
    let wanted: Vec<f64> = wanted
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v.as_f64().unwrap())
        .collect();
    assert_eq!(got.len(), wanted.len(), "{name}");
    for (i, (g, w)) in got.iter().zip(&wanted).enumerate() {
        let off = (f64::from(*g) - w).abs();
        assert!(
            off <= 1e-4 * w.abs().max(1.0),
            "{name}[{i}]: {g}, wanted {w}"
        );
    }
}

fn rows(t: &Tensor) -> Vec<Vec<f32>> {
    t.to_vec2().unwrap()
}

#[test]
fn the_student_agrees_with_its_samples() {
    let (samples, student, frames) = (samples(), student(), frames());
    let sum: f64 = frames
        .iter()
        .flat_map(|f| &f.pixels)
        .map(|&v| f64::from(v))
        .sum();
    assert_eq!(
        sum,
        samples["pixel_sum"].as_f64().unwrap(),
        "the input's formula"
    );

    for (t, row) in rows(&student.pooled(&frames).unwrap()).iter().enumerate() {
        close("pooled", &row[..8], &samples["pooled_first8"][t]);
    }
    let (expression, affect) = student.cnn_logits(&frames).unwrap();
    for (t, row) in rows(&expression).iter().enumerate() {
        close("cnn expression", row, &samples["cnn_expression_logits"][t]);
    }
    close(
        "cnn affect",
        &rows(&affect)[0],
        &samples["cnn_affect_logits_frame0"],
    );

    let features = student.features(&frames).unwrap();
    let steps: Vec<&Features> = features.iter().collect();
    let logits = student.window_logits(&steps).unwrap().expression;
    let estimates = student.read_sequence(&features).unwrap();
    assert_eq!(estimates.len(), 32);
    for t in 0..32 {
        close(
            "gru expression",
            &logits[t],
            &samples["gru_expression_logits"][t],
        );
        close(
            "probabilities",
            &estimates[t].probabilities,
            &samples["gru_expression_probabilities"][t],
        );
        close(
            "valence, arousal",
            &[estimates[t].valence, estimates[t].arousal],
            &samples["gru_valence_arousal"][t],
        );
        assert_eq!(
            student.read_at(&steps, t).unwrap(),
            estimates[t],
            "one step alone, {t}"
        );
    }
}

#[test]
fn every_kernel_agrees_with_candles_own_operations() {
    let frames = frames();
    let weights = Weights::load(None).unwrap();
    let graph = Student::on_graph(&weights, &Device::Cpu).unwrap();
    let wanted = rows(&graph.pooled(&frames[..3]).unwrap());
    let logits = graph.cnn_logits(&frames[..3]).unwrap();
    for set in InstructionSet::here() {
        for threads in [1, 2, 3] {
            let student = on(&weights, set, threads);
            let close = |got: &Tensor, wanted: &[Vec<f32>]| {
                for (a, b) in rows(got).iter().flatten().zip(wanted.iter().flatten()) {
                    assert!((a - b).abs() <= 1e-4 * b.abs().max(1.0), "{set:?}: {a} {b}");
                }
            };
            close(&student.pooled(&frames[..3]).unwrap(), &wanted);
            let (expression, affect) = student.cnn_logits(&frames[..3]).unwrap();
            close(&expression, &rows(&logits.0));
            close(&affect, &rows(&logits.1));
        }
    }
}

#[test]
fn batches_of_changing_sizes_on_several_threads_never_mix() {
    let frames = frames();
    let weights = Weights::load(None).unwrap();
    let alone = on(&weights, InstructionSet::chosen(), 1);
    let wanted = alone.features(&frames[..9]).unwrap();
    // More helpers than cores: some are always late, and find a run that is over.
    let several = on(&weights, InstructionSet::chosen(), 5);
    for round in 0..40 {
        for count in [1, 8, 2, 9, 1, 5] {
            let got = several.features(&frames[..count]).unwrap();
            assert_eq!(got, wanted[..count], "round {round}, {count} faces");
        }
    }
}

#[test]
fn a_face_gets_the_same_bits_alone_and_in_any_batch() {
    let frames = frames();
    let weights = Weights::load(None).unwrap();
    for set in InstructionSet::here() {
        let alone = on(&weights, set, 1);
        let several = on(&weights, set, 3);
        let wanted: Vec<Features> = frames[..19]
            .iter()
            .flat_map(|frame| alone.features(std::slice::from_ref(frame)).unwrap())
            .collect();
        assert_eq!(alone.features(&frames[..19]).unwrap(), wanted, "{set:?}");
        assert_eq!(several.features(&frames[..19]).unwrap(), wanted, "{set:?}");
    }
}

#[test]
fn a_sequence_shorter_than_the_window_repeats_its_last_frame() {
    let (student, frames) = (student(), frames());
    let features = student.features(&frames[..5]).unwrap();
    let mut repeated = features.clone();
    while repeated.len() < 32 {
        repeated.push(features[4].clone());
    }
    assert_eq!(
        student.read_sequence(&features).unwrap(),
        student.read_sequence(&repeated).unwrap()[..5]
    );
}

#[test]
fn damaged_weights_are_an_error_with_a_name() {
    let good = affectscope::model::weights::STUDENT;
    for cut in 0..50 {
        let part = &good[..good.len() * cut / 50];
        assert!(
            Weights::from_bytes(part, "cut", "cut").is_err(),
            "cut at {cut}/50"
        );
    }
    let landmarks = Weights::from_bytes(affectscope::model::weights::LANDMARKS, "l", "l").unwrap();
    let error = Student::new(&landmarks, &Device::Cpu)
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("config"), "{error}");
}

#[test]
fn a_crop_of_the_wrong_size_is_an_error() {
    let mut crop = frames().remove(0);
    crop.pixels = crop.pixels[..100].iter().copied().collect();
    assert!(student().features(&[crop]).is_err());
}

#[test]
#[ignore = "prints times; run with --nocapture"]
#[allow(clippy::print_stderr)]
fn times() {
    let (student, frames) = (student(), frames());
    let features = student.features(&frames).unwrap();
    let steps: Vec<&Features> = features.iter().collect();
    for _ in 0..3 {
        let t = std::time::Instant::now();
        for frame in &frames {
            student.pooled(std::slice::from_ref(frame)).unwrap();
        }
        let backbone = t.elapsed().as_secs_f64() / 32.0 * 1e3;
        let t = std::time::Instant::now();
        for frame in &frames {
            student.features(std::slice::from_ref(frame)).unwrap();
        }
        let all = t.elapsed().as_secs_f64() / 32.0 * 1e3;
        let t = std::time::Instant::now();
        for _ in 0..32 {
            student.read_at(&steps, 31).unwrap();
        }
        eprintln!(
            "backbone {backbone:.2} ms, with heads {all:.2} ms, gru {:.2} ms",
            t.elapsed().as_secs_f64() / 32.0 * 1e3
        );
    }
}
