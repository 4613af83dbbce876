//! Where slopes are taken, and that they are numbers.

use rayon::prelude::*;

use super::{CHUNK, Parts, Phase, PhaseError, Slopes, State};
use crate::train::net::Adam;

impl Phase<'_> {
    /// Slopes at the weights become those where the loss is worst, as far as the slopes tell, at the course's distance. The
    /// weights, and what the batch made of the running moments, stay as they are.
    pub(super) fn slopes_beside(
        &self,
        state: &mut State,
        grads: &mut [f32],
        slopes: &mut Slopes<'_>,
    ) -> Result<Parts, PhaseError> {
        let steep = |grads: &[f32]| grads.iter().map(|&g| f64::from(g).powi(2)).sum::<f64>();
        // In order: the sum is the same whoever takes a part of it.
        let sums: Vec<f64> = grads.par_chunks(CHUNK).map(steep).collect();
        let steepness = sums.iter().sum::<f64>().sqrt();
        let way = (self.course.sharpness / steepness) as f32;
        if !way.is_finite() {
            return Ok(Parts::default());
        }
        // A copy: what is added and taken off again is not the same to the last bit.
        let before = state.store.values.clone();
        let learnt = state.store.values[..grads.len()].par_chunks_mut(CHUNK);
        learnt
            .zip(grads.par_chunks_mut(CHUNK))
            .for_each(|(values, grads)| {
                for (value, slope) in values.iter_mut().zip(&*grads) {
                    *value += way * slope;
                }
                grads.fill(0.0);
            });
        let parts = slopes(&mut state.store, grads);
        state.store.values = before;
        parts
    }

    /// That a step's loss and slopes are numbers. With them epoch and step from 0, and the learning rate; `beside`: they are
    /// those at the distance of the course's sharpness.
    pub(super) fn are_numbers(
        &self,
        names: &[&str],
        parts: &Parts,
        (adam, grads): (&Adam, &[f32]),
        (epoch, step, rate): (usize, usize, f64),
        beside: bool,
    ) -> Result<(), PhaseError> {
        let all = names.iter().copied().zip(*parts);
        let bad = all
            .chain([("all of it", parts[4])])
            .find(|(_, part)| !part.is_finite());
        let what = match bad {
            Some((name, _)) => format!("the loss ({name})"),
            None if !adam.are_numbers(grads) => "a slope".to_owned(),
            None => return Ok(()),
        };
        let (what, lower) = match beside {
            true => (
                format!("{what}, where `sharpness` takes it,"),
                "the sharpness or the rate",
            ),
            false => (what, "the rate"),
        };
        Err(PhaseError::NotANumber {
            phase: self.name.to_owned(),
            what,
            lower,
            epoch: epoch + 1,
            step: step + 1,
            rate,
            checkpoint: Some(self.checkpoint()).filter(|path| path.is_file()),
        })
    }
}
