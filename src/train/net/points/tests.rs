//! The landmark network's slopes against candle's own.

use candle_core::{Device, Result, Tensor, Var};

use super::*;
use crate::model::points::{KIND, Layer};
use crate::train::random::Rng;

const BATCH: usize = 3;

/// Odd widths, both steps, one after the other.
fn config() -> PointsConfig {
    let layer = |(channels, step)| Layer { channels, step };
    PointsConfig {
        kind: KIND.to_owned(),
        layers: [(10, 2), (18, 1), (7, 2), (33, 2), (9, 1), (20, 2)]
            .map(layer)
            .to_vec(),
        hidden: 24,
        face_score: true,
        origin: String::new(),
        trained_on: String::new(),
        licence: String::new(),
        scores: Default::default(),
    }
}

fn reference(
    store: &Store,
    config: &PointsConfig,
    pixels: &[u8],
    vars: &mut Vec<(String, Var)>,
) -> Result<Tensor> {
    let mut var = |name: String| -> Result<Tensor> {
        let entry = store.entry(&name).unwrap().clone();
        let values = store.in_file_order(&entry, &store.values);
        let var = Var::from_vec(values, &entry.shape[..], &Device::Cpu)?;
        vars.push((name, var.clone()));
        Ok(var.as_tensor().clone())
    };
    let values: Vec<f32> = pixels.iter().map(|&v| level(v)).collect();
    let mut x = Tensor::from_vec(values, (BATCH, 1, SIDE_PX, SIDE_PX), &Device::Cpu)?;
    for (i, layer) in config.layers.iter().enumerate() {
        let weight = var(format!("layers.{i}.conv.weight"))?;
        let y = x.conv2d(&weight, 1, layer.step, 1, 1)?; // [B, C, H, W]
        let off = y.broadcast_sub(&y.mean_keepdim((0, 2, 3))?)?;
        let variance = off.sqr()?.mean_keepdim((0, 2, 3))?;
        let shape = (1, layer.channels, 1, 1);
        let scale = var(format!("layers.{i}.bn.weight"))?.reshape(shape)?;
        let shift = var(format!("layers.{i}.bn.bias"))?.reshape(shape)?;
        let normal = off.broadcast_div(&(variance + 1e-5)?.sqrt()?)?;
        x = normal
            .broadcast_mul(&scale)?
            .broadcast_add(&shift)?
            .relu()?;
    }
    let mut full = |x: &Tensor, name: &str| -> Result<Tensor> {
        let weight = var(format!("{name}.weight"))?;
        let bias = var(format!("{name}.bias"))?;
        x.matmul(&weight.t()?)?.broadcast_add(&bias)
    };
    let x = full(&x.flatten_from(1)?, "fc0")?.relu()?;
    full(&x, "fc1")
}

#[test]
fn slopes_are_candles_own_at_every_step() {
    let config = config();
    let mut rng = Rng::new(7);
    let mut store = Store::of_points(&config);
    store.begin(|| rng.unit() as f32);
    let pixels: Vec<u8> = (0..BATCH * SIDE_PX * SIDE_PX)
        .map(|_| rng.below(256) as u8)
        .collect();
    let counts: Vec<f32> = (0..BATCH * config.outputs())
        .map(|_| rng.normal() as f32)
        .collect();
    let counts = Tensor::from_vec(counts, (BATCH, config.outputs()), &Device::Cpu).unwrap();
    let loss = |out: &Tensor| (out * &counts).unwrap().sum_all().unwrap();
    let mut vars = Vec::new();
    let theirs = reference(&store, &config, &pixels, &mut vars).unwrap();
    let slopes = loss(&theirs).backward().unwrap();
    let theirs = theirs.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let apart = |a: &[f32], b: &[f32]| {
        assert_eq!(a.len(), b.len());
        let pairs = a.iter().zip(b);
        pairs.map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    };
    for set in InstructionSet::here() {
        let mut net = Points::new(set, &store, &config, BATCH).unwrap();
        let mut grads = Vec::new();
        // Twice: buffers that were used must not matter.
        for _ in 0..2 {
            let mut at = store.clone();
            let pass = net.forward(&mut at, &pixels).unwrap();
            let ours = pass.out.flatten_all().unwrap().to_vec1::<f32>().unwrap();
            let off = apart(&ours, &theirs);
            assert!(off < 1e-4, "{set:?}: what comes out differs by {off}");
            grads = vec![0.0; at.learnt()];
            net.backward(&at, &pass, &loss(&pass.out), &mut grads)
                .unwrap();
        }
        for (name, var) in &vars {
            let mine = store.in_file_order(store.entry(name).unwrap(), &grads);
            let theirs = slopes.get(var).unwrap().flatten_all().unwrap();
            let theirs = theirs.to_vec1::<f32>().unwrap();
            let largest = theirs.iter().fold(0.0f32, |a, b| a.max(b.abs()));
            let off = apart(&mine, &theirs);
            assert!(
                off < 1e-3 * largest.max(1.0),
                "{set:?} {name}: {off} of {largest}"
            );
        }
    }
}
