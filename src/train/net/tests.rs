//! The backbone's slopes against candle's own, and against what a small step really changes.

use candle_core::{Device, Result, Tensor, Var};

use super::*;
use crate::model::config::StudentConfig;
use crate::model::conv::isa::InstructionSet;
use crate::train::random::Rng;

pub(super) const BATCH: usize = 3;

/// A small network of odd widths: channels are filled up with zeros on every machine.
pub(super) fn config(channels: usize) -> StudentConfig {
    let color = if channels == 1 { "gray" } else { "rgb" };
    let json = serde_json::json!({
        "kind": "student",
        "backbone": {
            "input": [channels, 112, 112], "color": color, "mean": 120.0, "scale": 60.0,
            "stem": 10, "widths": [6, 34, 8, 9], "blocks": [2, 2, 1, 1], "expansion": 2,
        },
        "heads": {"hidden": 16, "expression": 7, "affect": 40},
    });
    StudentConfig::parse(&json.to_string()).unwrap()
}

pub(super) fn store(config: &StudentConfig) -> Store {
    let mut rng = Rng::new(5);
    let mut store = Store::new(config);
    store.begin(|| rng.unit() as f32);
    // Norms that are not as they began.
    for i in 0..store.learnt() {
        if store.values[i] == 1.0 {
            store.values[i] = 0.5 + rng.unit() as f32;
        }
    }
    store
}

pub(super) fn pixels(config: &StudentConfig) -> Vec<u8> {
    let mut rng = Rng::new(9);
    let count = BATCH * 112 * 112 * config.backbone.input[0];
    // Smooth enough for neighbours to have something in common.
    let mut level = 128.0;
    (0..count)
        .map(|_| {
            level = (level + 30.0 * (rng.unit() - 0.5) + 0.02 * (128.0 - level)).clamp(0.0, 255.0);
            level as u8
        })
        .collect()
}

/// The same network in candle's operations, in training mode.
struct Reference<'a> {
    store: &'a Store,
    vars: Vec<(String, Var)>,
}

impl Reference<'_> {
    fn var(&mut self, name: &str) -> Result<Tensor> {
        let entry = self.store.entry(name).unwrap().clone();
        let values = self.store.in_file_order(&entry, &self.store.values);
        let var = Var::from_vec(values, &entry.shape[..], &Device::Cpu)?;
        self.vars.push((name.to_owned(), var.clone()));
        Ok(var.as_tensor().clone())
    }

    /// Convolution and norm.
    fn unit(&mut self, x: &Tensor, name: &str, pad: usize, step: usize) -> Result<Tensor> {
        let weight = self.var(&format!("{name}.conv.weight"))?;
        let y = x.conv2d(&weight, pad, step, 1, 1)?; // [B, C, H, W]
        let mean = y.mean_keepdim((0, 2, 3))?;
        let off = y.broadcast_sub(&mean)?;
        let variance = off.sqr()?.mean_keepdim((0, 2, 3))?;
        let shape = (1, y.dim(1)?, 1, 1);
        let scale = self.var(&format!("{name}.bn.weight"))?.reshape(shape)?;
        let shift = self.var(&format!("{name}.bn.bias"))?.reshape(shape)?;
        off.broadcast_div(&(variance + 1e-5)?.sqrt()?)?
            .broadcast_mul(&scale)?
            .broadcast_add(&shift)
    }

    /// 3x3 step 2 in ceil mode: the largest of nine shifted pictures.
    fn pool(x: &Tensor) -> Result<Tensor> {
        let side = x.dim(2)?;
        let to = (side - 3).div_ceil(2) + 1;
        let x = x.pad_with_same(2, 0, 1)?.pad_with_same(3, 0, 1)?;
        let every_second = |x: &Tensor, dim: usize, from: usize| {
            let places: Vec<u32> = (0..to).map(|i| (2 * i + from).min(side) as u32).collect();
            x.index_select(&Tensor::new(&places[..], &Device::Cpu)?, dim)
        };
        let mut best: Option<Tensor> = None;
        for y in 0..3 {
            for k in 0..3 {
                let part = every_second(&every_second(&x, 2, y)?, 3, k)?;
                best = Some(match best {
                    Some(best) => best.maximum(&part)?,
                    None => part,
                });
            }
        }
        Ok(best.unwrap())
    }

    fn pooled(&mut self, config: &StudentConfig, pixels: &[u8]) -> Result<Tensor> {
        let backbone = &config.backbone;
        let channels = backbone.input[0];
        let values: Vec<f32> = pixels
            .iter()
            .map(|&v| (f32::from(v) - 120.0) / 60.0)
            .collect();
        let x = Tensor::from_vec(values, (BATCH, 112, 112, channels), &Device::Cpu)?
            .permute((0, 3, 1, 2))?;
        let mut x = Self::pool(&self.unit(&x.contiguous()?, "backbone.stem", 3, 2)?.relu()?)?;
        for (stage, &count) in backbone.blocks.iter().enumerate() {
            for block in 0..count {
                let name = |part: &str| format!("backbone.stages.{stage}.{block}.{part}");
                let step = if block == 0 && stage > 0 { 2 } else { 1 };
                let narrow = self.unit(&x, &name("reduce"), 0, step)?.relu()?;
                let wide = self.unit(&narrow, &name("spatial"), 1, 1)?.relu()?;
                let out = self.unit(&wide, &name("expand"), 0, 1)?;
                let beside = if block == 0 {
                    self.unit(&x, &name("project"), 0, step)?
                } else {
                    x
                };
                x = (out + beside)?.relu()?;
            }
        }
        x.mean((2, 3))
    }
}

/// What each pooled feature counts in the loss.
fn parts(count: usize) -> Vec<f32> {
    let mut rng = Rng::new(3);
    (0..count).map(|_| rng.normal() as f32).collect()
}

#[test]
fn slopes_are_candles_own() {
    for channels in [1, 3] {
        let config = config(channels);
        let store = store(&config);
        let pixels = pixels(&config);
        let parts = parts(BATCH * config.backbone.pooled());
        let mut reference = Reference {
            store: &store,
            vars: Vec::new(),
        };
        let pooled = reference.pooled(&config, &pixels).unwrap();
        let theirs = pooled.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        let loss = (pooled
            * Tensor::from_slice(&parts, (BATCH, parts.len() / BATCH), &Device::Cpu).unwrap())
        .unwrap();
        let slopes = loss.sum_all().unwrap().backward().unwrap();
        for set in InstructionSet::here() {
            let mut ours = store.clone();
            let mut backbone = Backbone::new(set, &ours, &config.backbone, BATCH).unwrap();
            let mut grads = vec![0.0; ours.learnt()];
            // Twice: buffers that were used must not matter.
            for round in 0..2 {
                let mut fresh = store.clone();
                let pooled = backbone.forward(&mut fresh, &pixels);
                let apart = pooled
                    .iter()
                    .zip(&theirs)
                    .map(|(a, b)| (a - b).abs())
                    .fold(0.0, f32::max);
                assert!(
                    apart < 1e-4,
                    "{set:?}, round {round}: features differ by {apart}"
                );
                grads.fill(0.0);
                backbone.backward(&fresh, &parts, &mut grads);
                ours = fresh;
            }
            for (name, var) in &reference.vars {
                let entry = ours.entry(name).unwrap();
                let mine = ours.in_file_order(entry, &grads);
                let theirs = slopes
                    .get(var)
                    .unwrap()
                    .flatten_all()
                    .unwrap()
                    .to_vec1::<f32>()
                    .unwrap();
                let largest = theirs.iter().fold(0.0f32, |a, b| a.max(b.abs()));
                let apart = mine
                    .iter()
                    .zip(&theirs)
                    .map(|(a, b)| (a - b).abs())
                    .fold(0.0, f32::max);
                assert!(
                    apart < 1e-3 * largest.max(1.0),
                    "{set:?} {name}: {apart} of {largest}"
                );
            }
        }
    }
}

#[test]
fn a_small_step_changes_what_the_slopes_say() {
    let config = config(1);
    let store = store(&config);
    let pixels = pixels(&config);
    let set = InstructionSet::here().next().unwrap();
    let mut backbone = Backbone::new(set, &store, &config.backbone, BATCH).unwrap();
    let parts = parts(BATCH * config.backbone.pooled());
    let mut loss = |values: &[f32]| -> (f64, Vec<f32>) {
        let mut at = store.clone();
        at.values.copy_from_slice(values);
        let pooled = backbone.forward(&mut at, &pixels);
        let mut grads = vec![0.0; at.learnt()];
        backbone.backward(&at, &parts, &mut grads);
        (
            pooled
                .iter()
                .zip(&parts)
                .map(|(a, b)| f64::from(a * b))
                .sum(),
            grads,
        )
    };
    let (_, grads) = loss(&store.values);
    let mut rng = Rng::new(1);
    for entry in store
        .entries()
        .iter()
        .filter(|e| e.name.starts_with("backbone.") && e.range.end <= store.learnt())
    {
        // Along the slopes themselves, turned a little: where something changes.
        let along: Vec<f32> = grads[entry.range.clone()]
            .iter()
            .map(|g| g * (0.5 + rng.unit() as f32))
            .collect();
        let length = along.iter().map(|v| v * v).sum::<f32>().sqrt();
        if length == 0.0 {
            continue;
        }
        let size = store.values[entry.range.clone()]
            .iter()
            .map(|v| v * v)
            .sum::<f32>()
            .sqrt();
        let step = 2e-4 * size.max(0.1) / length;
        let moved = |by: f32| {
            let mut values = store.values.clone();
            for (value, a) in values[entry.range.clone()].iter_mut().zip(&along) {
                *value += by * a;
            }
            values
        };
        let change = (loss(&moved(step)).0 - loss(&moved(-step)).0) / (2.0 * f64::from(step));
        let said: f64 = grads[entry.range.clone()]
            .iter()
            .zip(&along)
            .map(|(g, a)| f64::from(g * a))
            .sum();
        assert!(
            (change - said).abs() < 0.05 * said.abs() + 1e-3,
            "{}: {change} against {said}",
            entry.name
        );
    }
}

#[test]
fn numbers_do_not_depend_on_threads() {
    let config = config(1);
    let store = store(&config);
    let pixels = pixels(&config);
    let of = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| {
            let mut at = store.clone();
            let mut backbone =
                Backbone::new(InstructionSet::chosen(), &at, &config.backbone, BATCH).unwrap();
            let pooled = backbone.forward(&mut at, &pixels);
            let mut grads = vec![0.0; at.learnt()];
            backbone.backward(&at, &parts(pooled.len()), &mut grads);
            (pooled, grads, at.values)
        })
    };
    assert!(of(1) == of(3));
}

#[test]
fn a_network_that_grew_says_what_the_smaller_one_said() {
    use crate::analysis::Crop;
    use crate::model::student::Student;
    use crate::model::weights::Weights;

    let small = config(1);
    let mut large = small.clone();
    large.backbone.stem = 16;
    large.backbone.widths = [8, 34, 16, 27];
    large.backbone.blocks = [2, 3, 1, 2];
    large.heads.hidden = 24;
    let file = |store: &Store, config: &StudentConfig| {
        let text = serde_json::to_string(config).unwrap();
        let bytes = store.to_safetensors(&store.values, &text).unwrap();
        Weights::from_bytes(&bytes, "test", "test").unwrap()
    };
    let weights = file(&store(&small), &small);
    let mut rng = Rng::new(3);
    let mut grown = Store::new(&large);
    grown.begin(|| rng.unit() as f32);
    // A unit of a half is no distance: 2.45 * (0.5 + 0.5 - 1.0) is 0.
    assert!(grown.grow(&weights, || 0.5).unwrap());
    let faces = pixels(&small);
    let crops: Vec<Crop> = faces
        .chunks(112 * 112)
        .map(|pixels| Crop {
            face_id: 1,
            side_px: 112,
            channels: 1,
            pixels: pixels.to_vec().into(),
        })
        .collect();
    let answers = |weights: &Weights| {
        let student = Student::on_graph(weights, &Device::Cpu).unwrap();
        let (expression, affect) = student.cnn_logits(&crops).unwrap();
        let both = Tensor::cat(&[expression, affect], 1).unwrap();
        both.flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    let (before, after) = (answers(&weights), answers(&file(&grown, &large)));
    let worst = before.iter().zip(&after).map(|(a, b)| (a - b).abs());
    let worst = worst.fold(0.0, f32::max);
    assert!(worst < 1e-3, "{worst}: {before:?} {after:?}");
    // The doubles begin apart.
    let mut apart = Store::new(&large);
    apart.begin(|| rng.unit() as f32);
    apart.grow(&weights, || rng.unit() as f32).unwrap();
    let range = apart
        .range("backbone.stages.0.0.reduce.conv.weight")
        .unwrap();
    assert_ne!(apart.values[range.clone()], grown.values[range]);
    // Never the other way, and no other input.
    for other in [small, config(3)] {
        let error = Store::new(&other).grow(&file(&grown, &large), || 0.5);
        assert!(
            error
                .unwrap_err()
                .to_string()
                .contains("cannot grow out of that")
        );
    }
}
