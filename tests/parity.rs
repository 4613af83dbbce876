//! Ten steps of each of the four phases beside PyTorch's, which were written down (tests/data/parity.py says how).

use affectscope::analysis::Crop;
use affectscope::labels::Expression;
use affectscope::model::config::StudentConfig;
use affectscope::model::student::{Features, Student};
use affectscope::train::config::Shape;
use affectscope::train::learner::Learner;
use affectscope::train::loader::Batch;
use affectscope::train::net::{Adam, AdamConfig, Store, Temporal};
use affectscope::train::objective::{Targets, Task, TeacherLogits, of_batch};
use affectscope::train::phase::student_of;
use serde_json::Value;

const BATCH: usize = 16;
const STEPS: usize = 10;
const CNN_RATE: f64 = 2e-6;
const GRU_RATE: f64 = 1e-4;
/// Losses agree to this part of themselves,
const PART: f64 = 1e-3;
/// and how far each tensor went to this part of how far it went: the first steps of Adam go by a slope's sign, and a
/// slope that is nearly nothing has either.
const CHANGE: f64 = 0.15;

/// Between -1 and 1, as parity.py has it.
fn made(index: usize) -> f64 {
    let index = index as f64;
    (index * 12.9898 + 78.233).sin() * (index * 0.3171).cos()
}

fn begin(config: &StudentConfig, seed: usize) -> Store {
    let mut store = Store::new(config);
    let learnt: Vec<_> = store
        .entries()
        .iter()
        .filter(|e| e.range.end <= store.learnt())
        .cloned()
        .collect();
    let mut names: Vec<&str> = learnt.iter().map(|e| &*e.name).collect();
    names.sort_unstable();
    for entry in &learnt {
        let place = names.iter().position(|name| *name == entry.name).unwrap();
        let count: usize = entry.shape.iter().product();
        let from: usize = entry.shape[1..].iter().product();
        let value = |i: usize| {
            let value = made(seed + 31 * place + 7 * i) as f32;
            if !entry.name.contains("bn") {
                value * (3.0 / from.max(1) as f64).sqrt() as f32
            } else if entry.name.ends_with("weight") {
                1.0 + 0.1 * value
            } else {
                0.1 * value
            }
        };
        store
            .put(&entry.name, &(0..count).map(value).collect::<Vec<_>>())
            .unwrap();
    }
    for entry in store.entries().to_vec() {
        if entry.name.ends_with("running_var") {
            store.put(&entry.name, &vec![1.0; entry.shape[0]]).unwrap();
        }
    }
    store
}

fn pictures(seed: usize, count: usize) -> Vec<u8> {
    let slope = |k: usize, at: usize| (k + at) % 200;
    let level = |k: usize, row: usize, column: usize| {
        let down = slope(k * 29, row * (1 + k % 4)).abs_diff(100);
        let across = slope(k * 53, column * (1 + k % 3)).abs_diff(100);
        (down * (k % 5) + across * (4 - k % 5)) / 4 + (k * 37) % 150
    };
    let picture = |n: usize| (0..112 * 112).map(move |i| level(seed + n, i / 112, i % 112) as u8);
    (0..count).flat_map(picture).collect()
}

fn targets(task: Task, seed: usize, count: usize) -> Targets {
    let one = |n: usize| {
        std::array::from_fn(|i| {
            if i == (seed + 3 * n) % Expression::COUNT {
                1.0
            } else {
                0.0
            }
        })
    };
    let affect = |n: usize| {
        [
            (seed as f64 + n as f64).sin() as f32,
            (0.7 * seed as f64 - n as f64).cos() as f32,
        ]
    };
    Targets {
        task,
        expression: if task.has_expression() {
            (0..count).map(one).collect()
        } else {
            Vec::new()
        },
        affect: if task.has_affect() {
            (0..count).map(affect).collect()
        } else {
            Vec::new()
        },
    }
}

fn crops(pixels: &[u8]) -> Vec<Crop> {
    let crop = |pixels: &[u8]| Crop {
        face_id: 1,
        side_px: 112,
        channels: 1,
        pixels: pixels.to_vec().into(),
    };
    pixels.chunks_exact(112 * 112).map(crop).collect()
}

/// The CNN's phase: one batch of every task a step.
fn cnn(
    config: &StudentConfig,
    store: &mut Store,
    seed: usize,
    teacher: Option<&Student>,
) -> Vec<f64> {
    let mut learner = Learner::new(config, store, BATCH, None).unwrap();
    let mut adam = Adam::new(AdamConfig::default(), store, |name| {
        !name.starts_with("temporal")
    });
    let mut losses = Vec::new();
    for step in 0..STEPS {
        let mut grads = vec![0.0; store.learnt()];
        let mut sum = 0.0;
        for (t, task) in Task::ALL.into_iter().enumerate() {
            let k = seed + 100 * step + 10 * t;
            let batch = Batch {
                pixels: pictures(k, BATCH),
                targets: targets(task, k, BATCH),
            };
            let taught = teacher.map(|teacher| -> TeacherLogits {
                let (expression, affect) = teacher.cnn_logits(&crops(&batch.pixels)).unwrap();
                let flat = |t: candle_core::Tensor| t.flatten_all().unwrap().to_vec1().unwrap();
                (flat(expression), flat(affect))
            });
            sum += learner
                .slopes(store, &batch, taught.as_ref(), &mut grads)
                .unwrap()[4];
        }
        adam.step(store, &grads, CNN_RATE);
        losses.push(sum);
    }
    losses
}

/// Features of two windows of 32 pictures: of the expression head and of the affect head.
fn features(student: &Student, seed: usize) -> (Vec<Features>, [Vec<f32>; 2]) {
    let steps = student.features(&crops(&pictures(seed, 64))).unwrap();
    let expression = steps.iter().flat_map(|s| s.expression.to_vec()).collect();
    let affect = steps.iter().flat_map(|s| s.affect.to_vec()).collect();
    (steps, [expression, affect])
}

/// The recurrent phase on frozen features.
fn gru(
    config: &StudentConfig,
    store: &mut Store,
    seed: usize,
    teacher: Option<&Student>,
) -> Vec<f64> {
    let student = student_of(store, &store.values, config).unwrap();
    let heads = Temporal::new(store, config).unwrap();
    let mut adam = Adam::new(AdamConfig::default(), store, |name| {
        name.starts_with("temporal")
    });
    let mut losses = Vec::new();
    for step in 0..STEPS {
        let k = seed + 7 * step;
        let taught = teacher.map(|teacher| -> TeacherLogits {
            let (steps, _) = features(teacher, k);
            let mut all = (Vec::new(), Vec::new());
            for window in steps.chunks(32) {
                let said = teacher
                    .window_logits(&window.iter().collect::<Vec<_>>())
                    .unwrap();
                all.0.extend(said.expression.concat());
                all.1.extend(said.affect.concat());
            }
            all
        });
        let (_, [expression, affect]) = features(&student, k);
        let pass = heads.forward(store, [&expression, &affect], 2).unwrap();
        let loss = of_batch(
            &pass.expression,
            &pass.affect,
            &targets(Task::Both, k, 64),
            taught.as_ref(),
        )
        .unwrap();
        let mut grads = vec![0.0; store.learnt()];
        pass.backward(&loss.total, &mut grads).unwrap();
        adam.step(store, &grads, GRU_RATE);
        losses.push(f64::from(loss.total.to_scalar::<f32>().unwrap()));
    }
    losses
}

/// PyTorch's names for ours.
fn torch_name(name: &str) -> String {
    match name.split_once(".gru.") {
        Some((head, part)) => match part.strip_suffix("_reverse") {
            Some(part) => format!("{head}.gru.{part}_l0_reverse"),
            None => format!("{head}.gru.{part}_l0"),
        },
        None => name.to_owned(),
    }
}

#[test]
fn ten_steps_of_every_phase_are_pytorchs() {
    let golden: Value = serde_json::from_str(include_str!("data/parity.json")).unwrap();
    let agree = |phase: &str, losses: &[f64]| {
        let theirs: Vec<f64> = golden[phase]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_f64().unwrap())
            .collect();
        assert_eq!(losses.len(), theirs.len());
        for (step, (a, b)) in losses.iter().zip(&theirs).enumerate() {
            assert!(
                (a - b).abs() < PART * b.abs(),
                "{phase}, step {step}: {a}, PyTorch {b}"
            );
        }
    };
    let shape = |stem, widths, blocks| Shape {
        stem,
        widths,
        blocks,
        ..Shape::default()
    };
    let networks = [
        ("teacher", shape(8, [8, 8, 8, 16], [1, 2, 1, 1]), 1),
        ("student", shape(8, [4, 8, 8, 8], [1, 1, 1, 1]), 2),
    ];
    let mut teacher: Option<Student> = None;
    for (who, shape, number) in networks {
        let config = shape.config(true);
        let mut store = begin(&config, number);
        let began = store.clone();
        agree(
            &format!("{who}-cnn"),
            &cnn(&config, &mut store, 1000 * number, teacher.as_ref()),
        );
        agree(
            &format!("{who}-gru"),
            &gru(&config, &mut store, 1000 * number + 2000, teacher.as_ref()),
        );
        // A bias before a batch norm changes nothing where no ReLU is between: its slope is rounding alone.
        let sure = |name: &str| !name.ends_with("fc0.bias");
        for entry in store.entries().iter().filter(|e| sure(&e.name)) {
            let [before, after] =
                [&began.values, &store.values].map(|values| store.in_file_order(entry, values));
            let went: f64 = before
                .iter()
                .zip(&after)
                .map(|(a, b)| f64::from((b - a).abs()))
                .sum();
            let theirs = &golden["changes"][format!("{who}.{}", torch_name(&entry.name))][1];
            let theirs = theirs.as_f64().unwrap();
            assert!(
                (went - theirs).abs() < CHANGE * theirs + 1e-6,
                "{who}.{} went {went}, PyTorch's {theirs}",
                entry.name
            );
        }
        teacher = Some(student_of(&store, &store.values, &config).unwrap());
    }
}
