//! The GPU's numbers against the CPU's. Without a GPU there is nothing to compare, and the tests say so.

use std::sync::Arc;

use super::super::tests::{BATCH, config, pixels, store};
use super::super::{Backbone, Heads};
use super::*;
use crate::analysis::Crop;
use crate::model::config::StudentConfig;
use crate::model::conv::isa::InstructionSet;
use crate::train::learner::Learner;
use crate::train::loader::Batch;
use crate::train::objective::{Targets, Task};
use crate::train::phase::student_of;
use crate::train::random::Rng;

fn gpu(products: Products) -> Option<Arc<Gpu>> {
    match Gpu::open(products) {
        Ok(gpu) => Some(gpu),
        Err(e) => {
            eprintln!("not compared: {e}");
            None
        }
    }
}

/// The largest difference of two tensors, as a part of the second one's largest value.
fn apart(mine: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(mine.len(), theirs.len());
    let largest = theirs.iter().fold(0.0f32, |a, b| a.max(b.abs()));
    let apart = mine.iter().zip(theirs).map(|(a, b)| (a - b).abs());
    apart.fold(0.0, f32::max) / largest.max(1e-6)
}

/// Slopes of every tensor differ by at most this part of the largest, which counts as this much at least.
fn same_slopes(store: &Store, [mine, theirs]: [&[f32]; 2], (part, least): (f32, f32)) {
    for entry in store
        .entries()
        .iter()
        .filter(|e| e.range.end <= store.learnt())
    {
        let [mine, theirs] = [mine, theirs].map(|grads| store.in_file_order(entry, grads));
        let largest = theirs.iter().fold(0.0f32, |a, b| a.max(b.abs()));
        let off = apart(&mine, &theirs) * largest;
        assert!(
            off < part * largest.max(least),
            "{}: {off} of {largest}",
            entry.name
        );
    }
}

/// Features, running moments and slopes of two batches, one after the other, are the CPU's: what is left of the first must
/// not be in the second.
fn compare(gpu: &Arc<Gpu>, config: &StudentConfig, batch: usize) {
    let store = store(config);
    let mut rng = Rng::new(7);
    let count = batch * CROP_SIDE_PX * CROP_SIDE_PX * config.backbone.input[0];
    let smooth = pixels(config);
    let batches: [Vec<u8>; 2] = std::array::from_fn(|_| {
        let from = (rng.unit() * smooth.len() as f64) as usize;
        smooth
            .iter()
            .cycle()
            .skip(from)
            .step_by(3)
            .take(count)
            .copied()
            .collect()
    });
    let set = InstructionSet::chosen();
    let mut backbone = Backbone::new(set, &store, &config.backbone, batch).unwrap();
    let mut there = GpuBackbone::new(gpu, &store, &config.backbone, (batch, None)).unwrap();
    for (round, pixels) in batches.iter().enumerate() {
        let parts: Vec<f32> = (0..batch * config.backbone.pooled())
            .map(|_| rng.normal() as f32)
            .collect();
        let mut cpu = store.clone();
        let theirs = backbone.forward(&mut cpu, pixels);
        let mut their_grads = vec![0.0; cpu.learnt()];
        backbone.backward(&cpu, &parts, &mut their_grads);

        let mut mine = store.clone();
        let pooled = there.forward(&mut mine, pixels).unwrap();
        assert!(apart(&pooled, &theirs) < 1e-4, "batch {round}: features");
        let moments = store.learnt()..;
        let off = apart(&mine.values[moments.clone()], &cpu.values[moments]);
        assert!(
            off < 1e-5,
            "batch {round}: running moments are off by {off}"
        );
        // Slopes are added to what is there.
        let mut grads = vec![0.25; store.learnt()];
        there.backward(&parts, &mut grads).unwrap();
        grads.iter_mut().for_each(|g| *g -= 0.25);
        // What is 0 on one side of a ReLU and not on the other makes a few thousandths; another batch's are all off.
        same_slopes(&store, [&grads, &their_grads], (1e-2, 1.0));
    }
}

#[test]
fn features_slopes_and_moments_are_the_cpus() {
    let Some(gpu) = gpu(Products::F32) else {
        return;
    };
    for channels in [1, 3] {
        compare(&gpu, &config(channels), BATCH);
    }
}

#[test]
fn slopes_of_a_large_batch_are_waited_for() {
    let Some(gpu) = gpu(Products::F32) else {
        return;
    };
    // Long enough on any GPU for what does not wait to be seen.
    let json = serde_json::json!({
        "kind": "student",
        "backbone": {
            "input": [1, 112, 112], "color": "gray", "mean": 120.0, "scale": 60.0,
            "stem": 32, "widths": [64, 64, 128, 128], "blocks": [2, 2, 2, 2], "expansion": 4,
        },
        "heads": {"hidden": 32, "expression": 7, "affect": 40},
    });
    compare(&gpu, &StudentConfig::parse(&json.to_string()).unwrap(), 32);
}

/// A network whose heads fit the GPU, too.
fn whole_config() -> StudentConfig {
    let json = serde_json::json!({
        "kind": "student",
        "backbone": {
            "input": [1, 112, 112], "color": "gray", "mean": 120.0, "scale": 60.0,
            "stem": 10, "widths": [6, 34, 8, 32], "blocks": [1, 2, 1, 1], "expansion": 2,
        },
        "heads": {"hidden": 32, "expression": 7, "affect": 40},
    });
    StudentConfig::parse(&json.to_string()).unwrap()
}

#[test]
fn heads_learn_as_on_the_cpu() {
    let Some(gpu) = gpu(Products::F32) else {
        return;
    };
    let config = whole_config();
    let store = store(&config);
    let batch = Batch {
        pixels: pixels(&config),
        targets: Targets {
            task: Task::Both,
            expression: (0..BATCH)
                .map(|i| std::array::from_fn(|e| if e == i { 0.7 } else { 0.05 }))
                .collect(),
            affect: (0..BATCH).map(|i| [0.3 * i as f32 - 0.4, 0.1]).collect(),
        },
    };
    let taught = (
        (0..BATCH * 7).map(|i| (i as f32 * 0.7).sin()).collect(),
        (0..BATCH * 40).map(|i| (i as f32 * 0.3).cos()).collect(),
    );
    let [theirs, mine] = [None, Some(&gpu)].map(|gpu| {
        let mut learner = Learner::new(&config, &store, BATCH, gpu).unwrap();
        let mut store = store.clone();
        let mut slopes = |store: &mut Store| {
            let mut grads = vec![0.0; store.learnt()];
            let parts = learner.slopes(store, &batch, Some(&taught), &mut grads);
            (parts.unwrap(), grads, store.clone())
        };
        let here = slopes(&mut store);
        // A step may ask again beside the weights.
        let learnt = store.learnt();
        store.values[..learnt].iter_mut().for_each(|v| *v *= 1.05);
        [here, slopes(&mut store)]
    });
    for (mine, theirs) in mine.iter().zip(&theirs) {
        for (mine, theirs) in mine.0.iter().zip(theirs.0) {
            assert!(
                (mine - theirs).abs() < 1e-4 * theirs.abs().max(1.0),
                "{mine} {theirs}"
            );
        }
        let off = apart(&mine.2.values, &theirs.2.values);
        assert!(off < 1e-5, "running moments are off by {off}");
        same_slopes(&store, [&mine.1, &theirs.1], (2e-3, 0.1));
    }
    let [here, beside] = &mine;
    assert!(
        apart(&beside.1, &here.1) > 1e-3,
        "other weights, other slopes"
    );
}

#[test]
fn products_of_tf32_are_near() {
    let Some(gpu) = gpu(Products::Tf32) else {
        return;
    };
    let config = config(1);
    let mut store = store(&config);
    let pixels = pixels(&config);
    let mut cpu = store.clone();
    let set = InstructionSet::chosen();
    let mut backbone = Backbone::new(set, &cpu, &config.backbone, BATCH).unwrap();
    let theirs = backbone.forward(&mut cpu, &pixels);
    let mut there = GpuBackbone::new(&gpu, &store, &config.backbone, (BATCH, None)).unwrap();
    let off = apart(&there.forward(&mut store, &pixels).unwrap(), &theirs);
    assert!(off < 2e-2, "{off}");
}

#[test]
fn a_settled_network_says_what_the_program_says() {
    let Some(gpu) = gpu(Products::F32) else {
        return;
    };
    for config in [config(1), whole_config()] {
        settled_as_the_program(&gpu, &config);
    }
}

fn settled_as_the_program(gpu: &Arc<Gpu>, config: &StudentConfig) {
    let mut store = store(config);
    let pixels = pixels(config);
    let heads = Heads::new(&store, config).unwrap();
    let room = (BATCH, Some(&heads));
    let mut there = GpuBackbone::new(gpu, &store, &config.backbone, room).unwrap();
    for _ in 0..30 {
        there.forward(&mut store, &pixels).unwrap();
    }
    let student = student_of(&store, &store.values, config).unwrap();
    let crops: Vec<Crop> = pixels
        .chunks_exact(CROP_SIDE_PX * CROP_SIDE_PX)
        .map(|pixels| Crop {
            face_id: 1,
            side_px: CROP_SIDE_PX,
            channels: 1,
            pixels: pixels.to_vec().into(),
        })
        .collect();
    let (expression, affect) = student.cnn_logits(&crops).unwrap();
    there.load(&store.values).unwrap();
    let whole = there.settled_whole(&pixels).unwrap();
    assert_eq!(whole.is_some(), config.heads.hidden == 32);
    let pooled = there.settled(&pixels).unwrap();
    let mine = whole.unwrap_or_else(|| heads.settled(&store.values, &pooled).unwrap());
    for (mine, theirs) in mine.iter().zip([expression, affect]) {
        let theirs = theirs.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let off = apart(mine, &theirs);
        assert!(off < 1e-3, "{off}");
    }
}
