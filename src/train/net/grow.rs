//! A wider or deeper network that begins with what a smaller one knows.

use std::collections::BTreeMap;

use super::store::{Store, StoreError};
use crate::model::weights::Weights;

/// How far a channel's double is put off its original, as a part of each value: two that are the same would get the same
/// slopes and stay one.
const APART: f32 = 0.05;

impl Store {
    /// Begins as a smaller network of the same kind, and says what that says: each of its channels stands as often as there
    /// is room for, what reads a channel and its doubles reads each with its share, and blocks that it has not begin by
    /// letting everything through ("Net2Net", Chen, Goodfellow and Shlens, ICLR 2016; the blocks as Goyal et al. 2017 begin
    /// theirs, with a last norm of zero). Doubles are put 5 % off, so that they learn different things; the answers are
    /// off by as little.
    ///
    /// `unit` gives numbers from 0 to below 1. What stood here before stays where the smaller network has nothing: in the
    /// added blocks. Gives whether there was anything to grow: a network of the same size is taken as it is.
    ///
    /// # Errors
    /// When the other is larger somewhere, has another input or other outputs, or lacks a tensor outside of added blocks.
    pub fn grow(
        &mut self,
        weights: &Weights,
        mut unit: impl FnMut() -> f32,
    ) -> Result<bool, StoreError> {
        let mut grown = false;
        let there: BTreeMap<String, Vec<usize>> = weights.listing().into_iter().collect();
        let wanted: Vec<(String, Vec<usize>)> = self
            .entries()
            .iter()
            .map(|e| (e.name.clone(), e.shape.clone()))
            .collect();
        for (name, shape) in wanted {
            let Some(small) = there.get(&name) else {
                if !added(&name, &there) {
                    // Says which one is missing, of which file.
                    weights.values(&name, &shape)?;
                }
                grown = true;
                if name.ends_with("expand.bn.weight") {
                    self.put(&name, &vec![0.0; shape[0]])?;
                }
                continue;
            };
            let values = weights.values(&name, small)?;
            let values = if *small == shape {
                values
            } else if fits(&name, small, &shape) {
                grown = true;
                spread(&values, small, &shape, &mut unit)
            } else {
                return Err(StoreError::Weights(weights.wrong(format!(
                    "the tensor `{name}` is {small:?}; a network where it is {shape:?} cannot grow out of that."
                ))));
            };
            self.put(&name, &values)?;
        }
        Ok(grown)
    }
}

/// Whether a tensor is of a block that the smaller network has not, in a stage that it has: those after a stage's first,
/// which alone has a projection.
fn added(name: &str, there: &BTreeMap<String, Vec<usize>>) -> bool {
    let parts: Vec<&str> = name.split('.').collect();
    let ["backbone", "stages", stage, block, ..] = parts[..] else {
        return false;
    };
    let has = |block: &str| {
        there.contains_key(&format!(
            "backbone.stages.{stage}.{block}.reduce.conv.weight"
        ))
    };
    block != "0" && has("0") && !has(block)
}

/// Whether one shape can be spread over the other: channels may be more; taps, colours and outputs are the same.
fn fits(name: &str, small: &[usize], large: &[usize]) -> bool {
    let fixed = |at: usize| match at {
        // What the network says, and hidden units of recurrent heads, whose gates lie one after another.
        0 => name.contains(".fc1.") || name.starts_with("temporal."),
        1 => name == "backbone.stem.conv.weight" || name.starts_with("temporal."),
        _ => true,
    };
    small.len() == large.len()
        && (small.iter().zip(large).enumerate()).all(|(at, (s, l))| s == l || (s < l && !fixed(at)))
}

/// Values of `[to, from, taps...]` or `[to]` over a larger shape.
fn spread(
    values: &[f32],
    small: &[usize],
    large: &[usize],
    unit: &mut impl FnMut() -> f32,
) -> Vec<f32> {
    let taps: usize = small.iter().skip(2).product();
    let (from, wide) = match (small.get(1), large.get(1)) {
        (Some(&from), Some(&wide)) => (from, wide),
        _ => (1, 1),
    };
    let mut all = Vec::with_capacity(large.iter().product());
    for to in 0..large[0] {
        for c in 0..wide {
            let at = (to % small[0] * from + c % from) * taps;
            // As many as read the same channel share what one read.
            let doubles = (wide - c % from).div_ceil(from);
            all.extend(values[at..at + taps].iter().map(|value| {
                // Two uniform numbers less their mean: a triangle of standard deviation 0.41.
                let off = if small.len() > 1 && to >= small[0] {
                    APART * 2.45 * (unit() + unit() - 1.0)
                } else {
                    0.0
                };
                value / doubles as f32 * (1.0 + off)
            }));
        }
    }
    all
}
