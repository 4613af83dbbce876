//! The kernels and stages one by one: `cargo bench`. `affectscope bench` measures them by turns and on any machine;
//! this is for whoever works on one of them.

#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;

use affectscope::analysis::Crop;
use affectscope::face::align;
use affectscope::face::detect::Detector;
use affectscope::face::finder::Schedule;
use affectscope::face::gray::Gray;
use affectscope::face::landmarks::LandmarkNet;
use affectscope::frame::Frame;
use affectscope::model::config::Color;
use affectscope::model::student::Student;
use affectscope::model::weights::Weights;
use affectscope::pipeline::{Observed, Pipeline};
use affectscope::session::Tuning;
use affectscope::source::demo::DemoSource;
use affectscope::source::{FrameSource, Next};
use affectscope::train::augment::{Augment, view};
use affectscope::train::config::Shape;
use affectscope::train::learner::Learner;
use affectscope::train::loader::Batch;
use affectscope::train::net::{Adam, AdamConfig, Store};
use affectscope::train::objective::{Targets, Task};
use affectscope::train::random::Rng;
use affectscope::train::set::{Labels, Sample, Split};
use criterion::{Criterion, criterion_group, criterion_main};

/// The network, a frame of the demo, and the face on it.
fn scene() -> (Arc<Student>, Frame, Observed) {
    let weights = Weights::load(None).unwrap();
    let student = Arc::new(Student::new(&weights, &candle_core::Device::Cpu).unwrap());
    let Next::Frame(frame) = DemoSource::new().next().unwrap() else {
        panic!("the demo has no frame");
    };
    let mut pipeline =
        Pipeline::new(student.clone(), Schedule::Thorough, Tuning::default()).unwrap();
    let face = pipeline.observe(&frame).unwrap().remove(0);
    (student, frame, face)
}

fn network(c: &mut Criterion) {
    let (student, _, face) = scene();
    let crops: &[Crop] = std::slice::from_ref(&face.crop);
    c.bench_function("network, thin, batch 1", |b| {
        b.iter(|| student.features(crops).unwrap());
    });
    let window = vec![&face.features; 32];
    c.bench_function("GRU, window of 32", |b| {
        b.iter(|| student.read_at(&window, 31).unwrap());
    });
}

fn faces(c: &mut Criterion) {
    let (student, frame, face) = scene();
    let place = face.place.unwrap();
    let color = student.config().backbone.color;
    let resize_px = student.config().resize_px();
    let mut gray = Gray::default();
    c.bench_function("grey, 640x480", |b| b.iter(|| gray.fill(&frame)));
    let mut net = LandmarkNet::new().unwrap();
    c.bench_function("landmarks", |b| {
        b.iter(|| net.find(&gray, place.box_px));
    });
    c.bench_function("align", |b| {
        let mut pool = affectscope::frame::PixelPool::new(2);
        b.iter(|| {
            align::crop(
                &frame,
                &gray,
                &place.landmarks_px,
                (color, resize_px),
                &mut pool,
            )
            .unwrap()
        });
    });
    let mut detector = Detector::new().unwrap();
    c.bench_function("detector, near a face", |b| {
        b.iter(|| detector.near(&gray, place.box_px));
    });
    c.bench_function("detector, full scan", |b| {
        b.iter(|| detector.scan(&gray, Tuning::default().min_face * 480.0));
    });
}

fn training(c: &mut Criterion) {
    const BATCH: usize = 32;
    let config = Shape::default().config(false);
    let mut store = Store::new(&config);
    let mut rng = Rng::new(1);
    store.begin(|| rng.unit() as f32);
    let mut learner = Learner::new(&config, &store, BATCH, None).unwrap();
    let mut adam = Adam::new(AdamConfig::default(), &store, |_| true);
    let mut grads = vec![0.0; store.learnt()];
    let batch = Batch {
        pixels: (0..BATCH * 112 * 112)
            .map(|_| rng.below(256) as u8)
            .collect(),
        targets: Targets {
            task: Task::Both,
            expression: vec![[1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]; BATCH],
            affect: (0..BATCH).map(|i| [i as f32 / 32.0, -0.5]).collect(),
        },
    };
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    let mut group = c.benchmark_group("training");
    group.sample_size(10);
    group.bench_function("a step of 32, thin, one thread", |b| {
        pool.install(|| {
            b.iter(|| {
                grads.fill(0.0);
                learner
                    .slopes(&mut store, &batch, None, &mut grads)
                    .unwrap();
                adam.step(&mut store, &grads, 1e-4);
            });
        });
    });
    group.finish();
}

/// What a training step asks of the threads that make its views: a picture of a set's usual size, and one as small and
/// tight as FER+'s, whose crops leave it.
fn views(c: &mut Criterion) {
    for (name, side, scale) in [("168", 168usize, 1.0f32), ("48, tight", 48, 0.45)] {
        let pixels: Vec<u8> = (0..side * side).map(|i| (i * i % 251) as u8).collect();
        let labels = Labels::default();
        let off = (side as f32 - scale * 112.0) / 2.0;
        let sample = Sample {
            pixels: &pixels,
            width_px: side,
            height_px: side,
            channels: 1,
            landmarks: align::TEMPLATE_PX.map(|[x, y]| [x * scale + off, y * scale + off]),
            labels: &labels,
            subject: 0,
            split: Split::Train,
            group: None,
            file: "",
        };
        let mut out = vec![0; 112 * 112];
        let mut rng = Rng::new(1);
        c.bench_function(&format!("view of a picture of {name}"), |b| {
            b.iter(|| {
                view(
                    &sample,
                    Color::Gray,
                    112,
                    &Augment::default(),
                    &mut rng,
                    &mut out,
                );
            });
        });
    }
}

criterion_group!(benches, network, faces, training, views);
criterion_main!(benches);
