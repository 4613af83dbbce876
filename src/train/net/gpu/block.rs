//! A bottleneck block on the GPU, and what slopes need on their way back.

use super::device::{Gpu, GpuError, Values};
use super::norms::Beside;
use super::unit::{Norming, Scratch, Unit};

/// A block: 1x1, 3x3, 1x1, and its input (projected where it has another shape) on top.
pub(super) struct Block {
    pub reduce: Unit,
    pub spatial: Unit,
    pub expand: Unit,
    pub project: Option<Unit>,
    pub narrow: Values,
    pub wide: Values,
    pub out: Values,
}

/// What slopes need on their way back.
pub(super) struct Back<'a> {
    pub gpu: &'a Gpu,
    pub values: &'a Values,
    pub grads: &'a mut Values,
    pub scratch: &'a mut Scratch,
    pub spare: &'a mut Vec<Values>,
}

/// A buffer of at least this many values, with anything in it.
pub(super) fn take(spare: &mut Vec<Values>, gpu: &Gpu, len: usize) -> Result<Values, GpuError> {
    let fitting = (0..spare.len()).filter(|&i| spare[i].len() >= len);
    match fitting.min_by_key(|&i| spare[i].len()) {
        Some(i) => Ok(spare.swap_remove(i)),
        None => gpu.zeros(len),
    }
}

impl Block {
    pub fn forward(
        &mut self,
        gpu: &Gpu,
        values: &mut Values,
        from: &Values,
        scratch: &mut Scratch,
        by: Norming,
    ) -> Result<(), GpuError> {
        self.reduce.forward(gpu, values, from, scratch, by)?;
        self.reduce.relu(gpu, Beside::Nothing, &mut self.narrow)?;
        self.spatial
            .forward(gpu, values, &self.narrow, scratch, by)?;
        self.spatial.relu(gpu, Beside::Nothing, &mut self.wide)?;
        self.expand.forward(gpu, values, &self.wide, scratch, by)?;
        let beside = match &mut self.project {
            Some(project) => {
                project.forward(gpu, values, from, scratch, by)?;
                project.beside()
            }
            None => Beside::Values(from),
        };
        self.expand.relu(gpu, beside, &mut self.out)
    }

    /// From slopes of what came out to slopes of what was read.
    pub fn backward(
        &mut self,
        back: &mut Back<'_>,
        from: &Values,
        mut slopes: Values,
    ) -> Result<Values, GpuError> {
        let gpu = back.gpu;
        gpu.mask(&self.out, self.expand.len(), &mut slopes)?;

        let mut of_expand = take(back.spare, gpu, self.expand.len())?;
        self.expand
            .norm_back(back, &slopes, false, &mut of_expand)?;
        self.expand.weight_back(back, &self.wide, &of_expand)?;
        let mut of_wide = take(back.spare, gpu, self.spatial.len())?;
        self.expand.back(back, &of_expand, (&mut of_wide, false))?;

        let mut of_spatial = take(back.spare, gpu, self.spatial.len())?;
        self.spatial
            .norm_back(back, &of_wide, true, &mut of_spatial)?;
        self.spatial.weight_back(back, &self.narrow, &of_spatial)?;
        let mut of_narrow = take(back.spare, gpu, self.reduce.len())?;
        self.spatial
            .back(back, &of_spatial, (&mut of_narrow, false))?;

        let mut of_reduce = take(back.spare, gpu, self.reduce.len())?;
        self.reduce
            .norm_back(back, &of_narrow, true, &mut of_reduce)?;
        self.reduce.weight_back(back, from, &of_reduce)?;
        let all = if let Some(project) = &mut self.project {
            project.norm_back(back, &slopes, false, &mut of_expand)?;
            project.weight_back(back, from, &of_expand)?;
            let mut of_read = take(back.spare, gpu, project.read_len())?;
            project.back(back, &of_expand, (&mut of_read, false))?;
            self.reduce.back(back, &of_reduce, (&mut of_read, true))?;
            back.spare.push(slopes);
            of_read
        } else {
            // The input went on beside: its slopes are there already.
            self.reduce.back(back, &of_reduce, (&mut slopes, true))?;
            slopes
        };
        back.spare
            .extend([of_expand, of_wide, of_spatial, of_narrow, of_reduce]);
        Ok(all)
    }
}
