//! The bottleneck ResNet over a fixed batch, forth and back.

use std::collections::HashMap;
use std::sync::Arc;

use rayon::prelude::*;

use super::plane::{CHUNK, Plane, Spare};
use super::shape::{self, BlockShape, pooled_stem_side};
use super::store::{Store, StoreError, padded};
use super::unit::{Shape, Unit};
use crate::model::config::{BackboneConfig, CROP_SIDE_PX, pooled_side};
use crate::model::conv::isa::InstructionSet;
use crate::model::conv::passes;
use crate::model::conv::products::{Gather, Geometry};

/// Padding of the stem, stored around each picture.
const STEM_PAD: usize = 3;

/// A block: 1x1, 3x3, 1x1, and its input (projected where it has another shape) on top.
struct Block {
    reduce: Unit,
    spatial: Unit,
    expand: Unit,
    project: Option<Unit>,
    /// Step of `reduce` and `project`.
    step: usize,
    /// Side of what it reads.
    side: usize,
    narrow: Plane,
    wide: Plane,
    out: Plane,
}

/// The backbone with room for a batch.
pub struct Backbone {
    set: InstructionSet,
    batch: usize,
    channels: usize,
    pooled: usize,
    /// What a byte of each channel stands for.
    levels: Vec<[f32; 256]>,
    /// Pictures with their padding.
    input: Vec<f32>,
    stem: Unit,
    stem_out: Plane,
    pool: Plane,
    blocks: Vec<Block>,
    spare: Spare,
    last_side: usize,
}

/// Tables that units of the same geometry share.
#[derive(Default)]
struct Gathers(HashMap<Geometry, Arc<Gather>>);

impl Gathers {
    fn of(&mut self, geometry: Geometry) -> Arc<Gather> {
        let made = self.0.entry(geometry);
        made.or_insert_with(|| Arc::new(Gather::new(&geometry)))
            .clone()
    }
}

impl Backbone {
    /// Room for batches of just this many pictures.
    ///
    /// # Errors
    /// When the store is not of this config.
    pub fn new(
        set: InstructionSet,
        store: &Store,
        config: &BackboneConfig,
        batch: usize,
    ) -> Result<Self, StoreError> {
        let mut gathers = Gathers::default();
        let channels = config.input[0];
        let stem_geometry = Geometry {
            batch,
            from: (CROP_SIDE_PX, CROP_SIDE_PX),
            stride: channels,
            head: 0,
            kernel: 7,
            step: 2,
            pad: STEM_PAD,
            stored: true,
        };
        let stem = Unit::new(
            set,
            store,
            "backbone.stem",
            &Shape {
                from: channels,
                to: config.stem,
                geometry: stem_geometry,
            },
            &gathers.of(stem_geometry),
            None,
        )?;
        let stem_out = Plane::new(stem.rows(), stem.channels());
        let mut last_side = pooled_stem_side();
        let pool = Plane::new(batch * last_side * last_side, padded(config.stem));
        let mut unit =
            |name: &str, from: usize, to: usize, side: usize, kernel: usize, step: usize| {
                let geometry = Geometry {
                    batch,
                    from: (side, side),
                    stride: from,
                    head: from,
                    kernel,
                    step,
                    pad: kernel / 2,
                    stored: false,
                };
                let to_stored = padded(to);
                let back = Geometry {
                    from: geometry.to(),
                    stride: to_stored,
                    head: to_stored,
                    step: 1,
                    ..geometry
                };
                let shape = Shape { from, to, geometry };
                let (gather, back) = (gathers.of(geometry), gathers.of(back));
                Unit::new(set, store, name, &shape, &gather, Some(&back))
            };
        let mut blocks = Vec::new();
        for shape in shape::blocks(config) {
            let BlockShape {
                from,
                width,
                wide,
                side,
                to,
                step,
                ..
            } = shape;
            let reduce = unit(&shape.part("reduce"), from, width, side, 1, step)?;
            let spatial = unit(&shape.part("spatial"), padded(width), width, to, 3, 1)?;
            let expand = unit(&shape.part("expand"), padded(width), wide, to, 1, 1)?;
            let project = if shape.projects {
                Some(unit(&shape.part("project"), from, wide, side, 1, step)?)
            } else {
                None
            };
            blocks.push(Block {
                narrow: Plane::new(reduce.rows(), reduce.channels()),
                wide: Plane::new(spatial.rows(), spatial.channels()),
                out: Plane::new(expand.rows(), expand.channels()),
                reduce,
                spatial,
                expand,
                project,
                step,
                side,
            });
            last_side = to;
        }
        let wide = CROP_SIDE_PX + 2 * STEM_PAD;
        let levels = config
            .means()
            .iter()
            .map(|mean| std::array::from_fn(|v| (v as f32 - mean) / config.scale))
            .collect();
        Ok(Self {
            set,
            batch,
            channels,
            pooled: config.pooled(),
            levels,
            input: vec![0.0; batch * wide * wide * channels],
            stem,
            stem_out,
            pool,
            blocks,
            spare: Spare::default(),
            last_side,
        })
    }

    /// Pictures of a batch.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// A batch of crops, `pixels [batch, 112, 112, channels]`, to pooled features `[batch, pooled]`. Moments are the
    /// batch's own, and move the running ones in the store.
    pub fn forward(&mut self, store: &mut Store, pixels: &[u8]) -> Vec<f32> {
        self.fill(pixels);
        self.stem.forward(store, &self.input);
        self.stem.relu(&mut self.stem_out);
        let set = self.set;
        let (side, stem_channels) = (CROP_SIDE_PX / 2, self.stem.channels());
        let to = pooled_side(side);
        self.pool
            .values_mut()
            .par_chunks_mut(to * to * stem_channels)
            .zip(
                self.stem_out
                    .values()
                    .par_chunks(side * side * stem_channels),
            )
            .for_each(|(out, values)| passes::pool(set, values, (side, side, stem_channels), out));
        for i in 0..self.blocks.len() {
            let (before, rest) = self.blocks.split_at_mut(i);
            let from = before.last().map_or(&self.pool, |b| &b.out);
            rest[0].forward(store, from);
        }
        let last = self.blocks.last().map_or(&self.pool, |b| &b.out);
        let channels = last.channels();
        let pixels = self.last_side * self.last_side;
        let mut pooled = Vec::with_capacity(self.batch * self.pooled);
        for picture in last.values().chunks_exact(pixels * channels) {
            let mut sums = vec![0.0f32; channels];
            for pixel in picture.chunks_exact(channels) {
                sums.iter_mut().zip(pixel).for_each(|(sum, v)| *sum += v);
            }
            pooled.extend(sums[..self.pooled].iter().map(|sum| sum / pixels as f32));
        }
        pooled
    }

    /// Slopes of the last batch's pooled features, `[batch, pooled]`, back through all of it: those of the store's values
    /// are added to `grads`.
    pub fn backward(&mut self, store: &Store, pooled: &[f32], grads: &mut [f32]) {
        let pixels = self.last_side * self.last_side;
        let channels = self.blocks.last().map_or(&self.pool, |b| &b.out).channels();
        let mut slopes = self.spare.take(self.batch * pixels, channels);
        for (picture, from) in slopes
            .values_mut()
            .chunks_exact_mut(pixels * channels)
            .zip(pooled.chunks_exact(self.pooled))
        {
            for pixel in picture.chunks_exact_mut(channels) {
                pixel[self.pooled..].fill(0.0);
                for (slope, from) in pixel.iter_mut().zip(from) {
                    *slope = from / pixels as f32;
                }
            }
        }
        for i in (0..self.blocks.len()).rev() {
            let (before, rest) = self.blocks.split_at_mut(i);
            let from = before.last().map_or(&self.pool, |b| &b.out);
            slopes = rest[0].backward(store, from, slopes, grads, &mut self.spare);
        }
        let set = self.set;
        let (side, channels) = (CROP_SIDE_PX / 2, self.stem.channels());
        let to = pooled_side(side);
        let mut stem = self.spare.take(self.stem.rows(), channels);
        let of = (
            self.pool.values().par_chunks(to * to * channels),
            slopes.values().par_chunks(to * to * channels),
        );
        stem.values_mut()
            .par_chunks_mut(side * side * channels)
            .zip(self.stem_out.values().par_chunks(side * side * channels))
            .zip(of)
            .for_each(|((back, values), (out, slopes))| {
                back.fill(0.0);
                let mut left = vec![0.0; channels];
                passes::pool_back(
                    set,
                    values,
                    (side, side, channels),
                    out,
                    slopes,
                    &mut left,
                    back,
                );
            });
        self.spare.give(slopes);
        self.stem.norm_back(store, true, &mut stem, grads);
        self.stem.weight_back(&self.input, &stem, grads);
        self.spare.give(stem);
    }

    /// Writes the input within its padding.
    fn fill(&mut self, pixels: &[u8]) {
        let channels = self.channels;
        let wide = CROP_SIDE_PX + 2 * STEM_PAD;
        let row_len = CROP_SIDE_PX * channels;
        assert_eq!(pixels.len(), self.batch * CROP_SIDE_PX * row_len);
        let levels = &self.levels;
        self.input
            .par_chunks_mut(wide * wide * channels)
            .zip(pixels.par_chunks(CROP_SIDE_PX * row_len))
            .for_each(|(to, from)| {
                for (y, row) in from.chunks_exact(row_len).enumerate() {
                    let at = ((y + STEM_PAD) * wide + STEM_PAD) * channels;
                    for (to, from) in to[at..at + row_len]
                        .chunks_exact_mut(channels)
                        .zip(row.chunks_exact(channels))
                    {
                        for ((to, from), levels) in to.iter_mut().zip(from).zip(levels) {
                            *to = levels[usize::from(*from)];
                        }
                    }
                }
            });
    }
}

impl Block {
    fn forward(&mut self, store: &mut Store, from: &Plane) {
        self.reduce.forward(store, from.all());
        self.reduce.relu(&mut self.narrow);
        self.spatial.forward(store, self.narrow.all());
        self.spatial.relu(&mut self.wide);
        self.expand.forward(store, self.wide.all());
        match &mut self.project {
            Some(project) => {
                project.forward(store, from.all());
                self.expand.relu_of_sum(Err(project), &mut self.out);
            }
            None => self.expand.relu_of_sum(Ok(from.values()), &mut self.out),
        }
    }

    /// From slopes of what came out to slopes of what was read.
    fn backward(
        &mut self,
        store: &Store,
        from: &Plane,
        mut slopes: Plane,
        grads: &mut [f32],
        spare: &mut Spare,
    ) -> Plane {
        let set = self.expand.set();
        let channels = self.out.channels();
        slopes
            .values_mut()
            .par_chunks_mut(CHUNK * channels)
            .zip(self.out.values().par_chunks(CHUNK * channels))
            .for_each(|(slopes, out)| passes::mask(set, out, slopes));

        let mut of_expand = spare.take(self.expand.rows(), channels);
        self.expand
            .norm_back_to(store, &slopes, &mut of_expand, grads);
        self.expand.weight_back(self.wide.all(), &of_expand, grads);
        let mut of_wide = spare.take(self.spatial.rows(), self.spatial.channels());
        self.expand.back(store, &of_expand, false, &mut of_wide);
        spare.give(of_expand);

        self.spatial.norm_back(store, true, &mut of_wide, grads);
        self.spatial.weight_back(self.narrow.all(), &of_wide, grads);
        let mut of_narrow = spare.take(self.reduce.rows(), self.reduce.channels());
        self.spatial.back(store, &of_wide, false, &mut of_narrow);
        spare.give(of_wide);

        self.reduce.norm_back(store, true, &mut of_narrow, grads);
        self.reduce.weight_back(from.all(), &of_narrow, grads);
        let Some(project) = &mut self.project else {
            // The input went on beside: its slopes are there already.
            self.reduce.back(store, &of_narrow, true, &mut slopes);
            spare.give(of_narrow);
            return slopes;
        };
        project.norm_back(store, false, &mut slopes, grads);
        project.weight_back(from.all(), &slopes, grads);
        let read = from.channels();
        let mut of_read = spare.take(project.rows(), read);
        project.back(store, &slopes, false, &mut of_read);
        self.reduce.back(store, &of_narrow, true, &mut of_read);
        spare.give(of_narrow);
        spare.give(slopes);
        if self.step == 1 {
            return of_read;
        }
        // Only every second pixel was read.
        let (side, to) = (self.side, self.side.div_ceil(self.step));
        let pictures = project.rows() / (to * to);
        let mut all = spare.take(pictures * side * side, read);
        all.values_mut()
            .par_chunks_mut(side * side * read)
            .zip(of_read.values().par_chunks(to * to * read))
            .for_each(|(all, some)| {
                all.fill(0.0);
                for (i, pixel) in some.chunks_exact(read).enumerate() {
                    let at = (i / to * self.step * side + i % to * self.step) * read;
                    all[at..at + read].copy_from_slice(pixel);
                }
            });
        spare.give(of_read);
        all
    }
}
