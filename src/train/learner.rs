//! A CNN that learns, on the CPU or on a GPU.

use std::sync::Arc;

use candle_core::{Device, Var};

use super::loader::Batch;
use super::net::{Backbone, Gpu, GpuBackbone, GpuBackboneError, Heads, Store};
use super::objective::{self, Loss, TeacherLogits};
use super::phase::{Parts, PhaseError};
use crate::model::config::StudentConfig;
use crate::model::conv::isa::InstructionSet;

/// Where a backbone is.
enum Eyes {
    Cpu(Box<Backbone>),
    Gpu(Box<GpuBackbone>),
}

impl Eyes {
    fn new(
        config: &StudentConfig,
        store: &Store,
        (batch, heads): (usize, &Heads),
        gpu: Option<&Arc<Gpu>>,
    ) -> Result<Self, PhaseError> {
        let config = &config.backbone;
        Ok(match gpu {
            Some(gpu) => {
                let room = (batch, Some(heads));
                Self::Gpu(Box::new(GpuBackbone::new(gpu, store, config, room)?))
            }
            None => {
                let set = InstructionSet::chosen();
                Self::Cpu(Box::new(Backbone::new(set, store, config, batch)?))
            }
        })
    }
}

/// The CNN, forth and back over a batch.
pub struct Learner {
    eyes: Eyes,
    heads: Heads,
    batch: usize,
}

impl Learner {
    /// Room for batches of just this many faces, on the CPU or this GPU; `config` is without recurrent heads.
    ///
    /// # Errors
    /// When the store is of another config, or the GPU has no room.
    pub fn new(
        config: &StudentConfig,
        store: &Store,
        batch: usize,
        gpu: Option<&Arc<Gpu>>,
    ) -> Result<Self, PhaseError> {
        let heads = Heads::new(store, config)?;
        Ok(Self {
            eyes: Eyes::new(config, store, (batch, &heads), gpu)?,
            heads,
            batch,
        })
    }

    /// Faces of a batch.
    pub fn batch(&self) -> usize {
        self.batch
    }

    /// Whether [`Learner::settled`] can be asked.
    pub fn is_on_gpu(&self) -> bool {
        matches!(self.eyes, Eyes::Gpu(_))
    }

    /// Adds a batch's slopes to `grads`, as long as what the store learns; gives the loss and its parts. The batch moves
    /// the running moments in the store.
    ///
    /// # Errors
    /// When heads, loss or the GPU fail.
    pub fn slopes(
        &mut self,
        store: &mut Store,
        batch: &Batch,
        taught: Option<&TeacherLogits>,
        grads: &mut [f32],
    ) -> Result<Parts, PhaseError> {
        if let Eyes::Gpu(backbone) = &mut self.eyes
            && let Some(logits) = backbone.forward_whole(store, &batch.pixels)?
        {
            let [expression, affect] = variables(logits, self.batch)?;
            let loss = objective::of_batch(&expression, &affect, &batch.targets, taught)?;
            let slopes = loss.total.backward()?;
            let slopes_of = |logits: &Var| match slopes.get(logits) {
                Some(slopes) => slopes.flatten_all()?.to_vec1(),
                None => Ok(vec![0.0; logits.elem_count()]),
            };
            let of = [slopes_of(&expression)?, slopes_of(&affect)?];
            backbone.backward_whole([&of[0], &of[1]], grads)?;
            return parts(&loss);
        }
        let pooled = match &mut self.eyes {
            Eyes::Cpu(backbone) => backbone.forward(store, &batch.pixels),
            Eyes::Gpu(backbone) => backbone.forward(store, &batch.pixels)?,
        };
        let pass = self.heads.forward(store, &pooled)?;
        let loss = objective::of_batch(&pass.expression, &pass.affect, &batch.targets, taught)?;
        let slopes = pass.backward(&loss.total, grads)?;
        match &mut self.eyes {
            Eyes::Cpu(backbone) => backbone.backward(store, &slopes, grads),
            Eyes::Gpu(backbone) => backbone.backward(&slopes, grads)?,
        }
        parts(&loss)
    }

    /// The values that [`Learner::settled`] goes by. Nothing on the CPU.
    ///
    /// # Errors
    /// The GPU's.
    pub fn load(&mut self, values: &[f32]) -> Result<(), PhaseError> {
        match &mut self.eyes {
            Eyes::Cpu(_) => Ok(()),
            Eyes::Gpu(backbone) => Ok(backbone.load(values)?),
        }
    }

    /// Logits of a whole batch of crops on the GPU, by the running moments of the values that were loaded: `[B * 7]`,
    /// `[B * 40]`. `None` on the CPU, where a [`crate::model::student::Student`] is faster.
    ///
    /// # Errors
    /// The GPU's.
    pub fn settled(
        &mut self,
        values: &[f32],
        pixels: &[u8],
    ) -> Result<Option<TeacherLogits>, PhaseError> {
        match &mut self.eyes {
            Eyes::Cpu(_) => Ok(None),
            Eyes::Gpu(backbone) => {
                let [expression, affect] = match backbone.settled_whole(pixels)? {
                    Some(logits) => logits,
                    None => self.heads.settled(values, &backbone.settled(pixels)?)?,
                };
                Ok(Some((expression, affect)))
            }
        }
    }
}

/// A loss and what it is made of.
fn parts(loss: &Loss) -> Result<Parts, PhaseError> {
    let total: f32 = loss.total.to_scalar()?;
    let [a, b, c, d] = loss.parts.map(f64::from);
    Ok([a, b, c, d, total.into()])
}

/// Logits to differentiate by, `[B, 7]` and `[B, 40]`.
fn variables(logits: [Vec<f32>; 2], batch: usize) -> Result<[Var; 2], PhaseError> {
    let [expression, affect] = logits.map(|logits| {
        let width = logits.len() / batch;
        Var::from_vec(logits, (batch, width), &Device::Cpu)
    });
    Ok([expression?, affect?])
}

impl From<GpuBackboneError> for PhaseError {
    fn from(error: GpuBackboneError) -> Self {
        match error {
            GpuBackboneError::Gpu(e) => e.into(),
            GpuBackboneError::Store(e) => e.into(),
        }
    }
}
