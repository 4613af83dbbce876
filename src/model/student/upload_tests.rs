//! The path to a GPU, run on the CPU: input made from bytes on the device, batches, one copy back.

use super::*;
use crate::model::config::Mean;
use crate::model::upload::Upload;

/// A student that runs as on a GPU, on the CPU.
fn uploading(weights: &Weights) -> Student {
    Student::on_graph(weights, &Device::Cpu).expect("is a student")
}

fn crops(count: usize, channels: usize) -> Vec<Crop> {
    let crop = |n: usize| Crop {
        face_id: 1,
        side_px: CROP_SIDE_PX,
        channels,
        pixels: (0..CROP_SIDE_PX * CROP_SIDE_PX * channels)
            .map(|i| ((31 * i + i / 7 + 29 * n) % 256) as u8)
            .collect(),
    };
    (0..count).map(crop).collect()
}

#[test]
fn the_input_made_on_a_device_is_the_hosts() {
    let mut host = Student::new(&Weights::load(None).expect("it is built in"), &Device::Cpu)
        .expect("is a student");
    for (channels, mean, scale) in [
        (1, Mean::One(127.5), 64.0),
        (1, Mean::One(100.3), 57.1),
        (3, Mean::PerChannel(vec![131.0912, 103.8827, 91.4953]), 1.0),
    ] {
        host.config.backbone.input[0] = channels;
        host.config.backbone.mean = mean;
        host.config.backbone.scale = scale;
        let upload = Upload::new(&host.config.backbone, &Device::Cpu).expect("fits");
        let crops = crops(3, channels);
        let (a, b) = (
            host.input(&crops).expect("runs"),
            upload.input(&crops).expect("runs"),
        );
        assert_eq!(a.dims(), b.dims());
        let values = |t: &Tensor| t.flatten_all().and_then(|t| t.to_vec1::<f32>());
        let (a, b) = (values(&a).expect("f32"), values(&b).expect("f32"));
        for (a, b) in a.iter().zip(&b) {
            assert!((a - b).abs() <= 1e-6 * a.abs().max(1.0), "{a} {b}");
        }
    }
}

#[test]
fn a_crop_of_another_size_is_refused_before_it_is_uploaded() {
    let student = uploading(&Weights::load(None).expect("it is built in"));
    let error = student.features(&crops(1, 3)).expect_err("is no grey crop");
    assert!(matches!(error, NetworkError::Crop { .. }), "{error}");
}

#[test]
fn more_faces_than_a_batch_holds_are_read_in_their_order() {
    let student = uploading(&Weights::load(None).expect("it is built in"));
    let crops = crops(LARGEST_BATCH + 2, 1);
    let together = student.features(&crops).expect("runs");
    assert_eq!(together.len(), crops.len());
    for n in [0, LARGEST_BATCH - 1, LARGEST_BATCH, LARGEST_BATCH + 1] {
        let alone = student.features(&crops[n..=n]).expect("runs");
        for (a, b) in together[n].expression.iter().zip(&alone[0].expression) {
            assert!((a - b).abs() <= 1e-4 * b.abs().max(1.0), "{n}: {a} {b}");
        }
    }
}
