//! The student's convolutional half on the CPU: backbone and both heads as one network of our own kernels.

use super::backbone::Layers;
use super::config::{BackboneConfig, CROP_SIDE_PX};
use super::conv::isa::InstructionSet;
use super::conv::{Builder, Network, Outputs};
use super::heads::HeadWeights;
use super::kernels::{Kernels, Precision};
use crate::analysis::Crop;

/// Pictures that the late stages take together.
const GROUP: usize = 8;
/// Stages that run picture by picture: their pictures are large, their weights small.
const STAGES_ALONE: usize = 2;

/// Which output of the network is which.
pub(super) mod output {
    /// Pooled features, `[pooled]`.
    pub const POOLED: usize = 0;
    /// Features of the heads, expression and affect, `[hidden]` each.
    pub const FEATURES: [usize; 2] = [1, 3];
    /// Logits of the heads, `[7]` and `[40]`.
    pub const LOGITS: [usize; 2] = [2, 4];
}

/// The parts that a run is timed by.
pub const PARTS: [&str; 7] = [
    "input", "stem", "stage_1", "stage_2", "stage_3", "stage_4", "heads",
];

/// Backbone and heads, ready to run.
pub(super) struct CpuNetwork {
    network: Network,
    /// The part that each step belongs to, in [`PARTS`].
    part_of_step: Vec<usize>,
    channels: usize,
    /// What a byte of each channel stands for: `(v - mean) / scale`.
    levels: Vec<[f32; 256]>,
    set: InstructionSet,
    precision: Precision,
}

impl CpuNetwork {
    /// Lays it out for an instruction set that this machine has, and a number of threads; in 8 bits where it is told
    /// what a byte is worth at each of [`BackboneConfig::points`].
    pub fn new(
        layers: &Layers,
        config: &BackboneConfig,
        heads: [&HeadWeights; 2],
        (set, threads): (InstructionSet, usize),
        units: Option<&[f32]>,
    ) -> Self {
        let [channels, height, width] = config.input;
        let widest = config.widths.iter().copied().max().unwrap_or_default();
        let mut b = Builder::new(set, GROUP, threads, widest);
        if let Some(units) = units {
            b.in_bytes(units);
        }
        let input = b.input(channels, (height, width), layers.stem.pad);
        let mut x = b.area(config.stem, layers.stem.out_size(&input), false);
        b.layer(&[(&layers.stem, input)], x);
        let pooled = b.max_pool(x);
        b.release(&x);
        x = b.quantise(pooled);
        let mut part_of_step = vec![1; b.steps()];
        let stage_of = |block: usize| {
            let ends = config.blocks.iter().scan(0, |sum, n| {
                *sum += n;
                Some(*sum)
            });
            ends.take_while(|end| *end <= block).count()
        };
        for (i, block) in layers.blocks.iter().enumerate() {
            let stage = stage_of(i);
            if stage == STAGES_ALONE {
                b.together();
            }
            let together = stage >= STAGES_ALONE;
            let narrow = b.area(block.reduce.c_out, block.reduce.out_size(&x), together);
            let narrow = b.conv(&[(&block.reduce, x)], narrow, false, true);
            let wide = b.area(
                block.spatial.c_out,
                block.spatial.out_size(&narrow),
                together,
            );
            let wide = b.conv(&[(&block.spatial, narrow)], wide, false, true);
            b.release(&narrow);
            match &block.project {
                Some(project) => {
                    // The last stage of single pictures leaves one for each of the group.
                    let kept = stage + 1 >= STAGES_ALONE;
                    let next = b.area(block.expand.c_out, (wide.height, wide.width), kept);
                    let next = b.conv(&[(&block.expand, wide), (project, x)], next, false, true);
                    b.release(&x);
                    x = next;
                }
                // On top of the residual, in its place.
                None => x = b.conv(&[(&block.expand, wide)], x, true, true),
            }
            b.release(&wide);
            part_of_step.resize(b.steps(), 2 + stage);
        }
        b.together();
        let pooled = b.mean(x);
        part_of_step.resize(b.steps(), PARTS.len() - 2);
        let mut outputs = vec![pooled];
        for head in heads {
            let feature = b.area(head.fc0.c_out, (1, 1), true);
            b.layer(&[(&head.fc0, pooled)], feature);
            b.affine(feature, head.scale.clone(), head.shift.clone());
            let logits = b.area(head.fc1.c_out, (1, 1), true);
            b.conv(&[(&head.fc1, feature)], logits, false, false);
            outputs.extend([feature, logits]);
        }
        let levels = config
            .means()
            .iter()
            .map(|mean| std::array::from_fn(|v| (v as f32 - mean) / config.scale))
            .collect();
        part_of_step.resize(b.steps(), PARTS.len() - 1);
        Self {
            network: b.finish(outputs),
            part_of_step,
            channels,
            levels,
            set,
            precision: if units.is_some() {
                Precision::Int8
            } else {
                Precision::F32
            },
        }
    }

    /// How it runs.
    pub fn kernels(&self) -> Kernels {
        Kernels {
            set: self.set,
            threads: self.network.threads(),
            precision: self.precision,
        }
    }

    /// Reads one crop in f32, and shows the values at each point as they come.
    pub fn trace(&self, crop: &Crop, look: impl FnMut(usize, &[f32])) {
        let crop = std::slice::from_ref(crop);
        self.network
            .trace(|row, values| self.fill(crop, 0, row, values), look);
    }

    /// Reads crops of the network's size and colour model, and gives each one's outputs in order.
    pub fn run(&self, crops: &[Crop], take: impl FnMut(usize, &Outputs<'_>)) {
        self.network.run(crops.len(), self.filler(crops), take);
    }

    /// Reads crops and throws away what comes out; `done(part)` is told whenever a step of that part of [`PARTS`] is
    /// over.
    pub fn run_watched(&self, crops: &[Crop], mut done: impl FnMut(usize)) {
        self.network.run_watched(
            crops.len(),
            self.filler(crops),
            |_, _| {},
            |step| done(step.map_or(0, |step| self.part_of_step[step])),
        );
    }

    fn filler<'a>(&'a self, crops: &'a [Crop]) -> impl FnMut(usize, usize, &mut [f32]) + 'a {
        |picture, row, values| self.fill(crops, picture, row, values)
    }

    /// A row of a crop as the network takes it.
    fn fill(&self, crops: &[Crop], picture: usize, row: usize, values: &mut [f32]) {
        let channels = self.channels;
        let bytes = CROP_SIDE_PX * channels;
        let pixels = &crops[picture].pixels[row * bytes..(row + 1) * bytes];
        for (to, from) in values
            .chunks_exact_mut(channels)
            .zip(pixels.chunks_exact(channels))
        {
            for ((to, &from), levels) in to.iter_mut().zip(from).zip(&self.levels) {
                *to = levels[usize::from(from)];
            }
        }
    }
}
