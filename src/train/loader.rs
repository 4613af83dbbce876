//! Batches of the training split, made ahead on threads of their own so that augmentation hides behind the network.
//!
//! A batch depends on the seed, the phase, the epoch and the step alone, never on what was made before or by whom: a run
//! that goes on from a checkpoint makes the same ones.

use super::ahead::ahead;
use super::augment::{Augment, view};
use super::config::Phase;
use super::objective::{Targets, Task};
use super::random::Rng;
use super::sampler::{Weighted, affect_weights, expression_weights, joint_weights};
use super::set::{Labels, Set, Split};
use crate::labels::Expression;
use crate::model::config::{CROP_SIDE_PX, StudentConfig};

/// What the numbers of a stream are for: no two uses share one.
mod stream {
    pub const ORDER: u64 = 1;
    pub const VIEW: u64 = 2;
    pub const MIX: u64 = 3;
}

/// A face of one of the sets.
pub type Place = (usize, usize);

/// One task's faces.
#[derive(Debug, Clone)]
struct Pool {
    task: Task,
    places: Vec<Place>,
    /// With replacement, by these weights; without: every face once an epoch.
    weighted: Option<Weighted>,
}

/// A batch, ready for the network.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// `[B, 112, 112, channels]`
    pub pixels: Vec<u8>,
    /// What it is to learn.
    pub targets: Targets,
}

impl Batch {
    /// How many faces it has.
    fn faces(&self) -> usize {
        self.targets.expression.len().max(self.targets.affect.len())
    }
}

/// Which faces a phase learns from, and how.
pub struct Plan<'a> {
    sets: &'a [Set],
    pools: Vec<Pool>,
    phase: &'a Phase,
    augment: &'a Augment,
    config: &'a StudentConfig,
    seed: u64,
    /// Threads that make batches.
    threads: usize,
}

/// Which task a face with these labels belongs to.
pub fn task_of(labels: &Labels) -> Option<Task> {
    match (labels.expression.is_some(), labels.affect.is_some()) {
        (true, true) => Some(Task::Both),
        (true, false) => Some(Task::Expression),
        (false, true) => Some(Task::Affect),
        (false, false) => None,
    }
}

/// Faces of a split that belong to a task.
pub fn places(sets: &[Set], split: Split, task: Task) -> Vec<Place> {
    let wants = |labels: &Labels| task_of(labels) == Some(task);
    let mut all = Vec::new();
    for (s, set) in sets.iter().enumerate() {
        all.extend(set.indices(split, wants).into_iter().map(|i| (s, i)));
    }
    all
}

/// By which weights some faces of a task are drawn: the rarity of their labels to this power. `None`: as they come, at 0
/// or where there is nothing to draw.
pub fn weights_of(task: Task, sets: &[Set], places: &[Place], balance: f64) -> Option<Weighted> {
    if balance == 0.0 {
        return None;
    }
    let labels = || places.iter().map(|&(s, i)| sets[s].sample(i).labels);
    let expressions: Vec<Expression> = labels().filter_map(|l| l.expression).collect();
    let affects: Vec<[f32; 2]> = labels().filter_map(|l| l.affect).collect();
    let weights = match task {
        Task::Expression => expression_weights(&expressions),
        Task::Affect => affect_weights(&affects),
        Task::Both => joint_weights(&expressions, &affects),
    };
    let weights: Vec<f64> = weights.into_iter().map(|w| w.powf(balance)).collect();
    Weighted::new(&weights).ok()
}

/// What the expression head is to say of a face: people's votes, where these are learnt, or the label. Where no label is,
/// as of a face that another lies over, it is the votes all the same; nothing where neither is.
pub(super) fn shares(labels: &Labels, votes: bool) -> [f32; Expression::COUNT] {
    match (labels.votes, labels.expression) {
        (Some(shares), None) => shares,
        (Some(shares), _) if votes => shares,
        (_, Some(e)) => std::array::from_fn(|i| if i == e.index() { 1.0 } else { 0.0 }),
        (None, None) => [0.0; Expression::COUNT],
    }
}

impl<'a> Plan<'a> {
    /// Of the training split of some sets. Tasks that no face is labelled for are left out.
    pub fn new(
        sets: &'a [Set],
        phase: &'a Phase,
        augment: &'a Augment,
        config: &'a StudentConfig,
        (seed, threads): (u64, usize),
    ) -> Self {
        let pools = Task::ALL
            .into_iter()
            .map(|task| (task, places(sets, Split::Train, task)))
            .filter(|(_, places)| places.len() >= phase.batch)
            .map(|(task, places)| Pool {
                task,
                weighted: weights_of(task, sets, &places, phase.balance),
                places,
            })
            .collect();
        Self {
            sets,
            pools,
            phase,
            augment,
            config,
            seed,
            threads,
        }
    }

    /// Steps of an epoch: it ends with the smallest task. 0 where there is nothing to learn from.
    pub fn steps(&self) -> usize {
        let sizes = self.pools.iter().map(|p| p.places.len() / self.phase.batch);
        sizes.min().unwrap_or(0)
    }

    /// Faces of each task.
    pub fn faces(&self) -> Vec<(Task, usize)> {
        self.pools
            .iter()
            .map(|p| (p.task, p.places.len()))
            .collect()
    }

    /// Which faces an epoch takes of each task, in order.
    fn order(&self, epoch: usize) -> Vec<Vec<Place>> {
        let count = self.steps() * self.phase.batch;
        let each = self.pools.iter().map(|pool| {
            let place = [stream::ORDER, pool.task as u64, epoch as u64];
            let mut rng = Rng::stream(self.seed, &place);
            match &pool.weighted {
                Some(weighted) => (0..count)
                    .map(|_| pool.places[weighted.draw(&mut rng)])
                    .collect(),
                None => {
                    let mut places = pool.places.clone();
                    rng.shuffle(&mut places);
                    places.truncate(count);
                    places
                }
            }
        });
        each.collect()
    }

    /// The batches of one step, one for each task.
    fn step(&self, order: &[Vec<Place>], epoch: usize, step: usize) -> Vec<Batch> {
        let size = self.phase.batch;
        let pools = self.pools.iter().zip(order);
        pools
            .map(|(pool, order)| {
                self.batch(
                    pool.task,
                    &order[step * size..(step + 1) * size],
                    [epoch, step],
                )
            })
            .collect()
    }

    fn batch(&self, task: Task, places: &[Place], [epoch, step]: [usize; 2]) -> Batch {
        let (color, resize_px) = (self.config.backbone.color, self.config.resize_px());
        let bytes = CROP_SIDE_PX * CROP_SIDE_PX * color.channels();
        let mut pixels = vec![0; places.len() * bytes];
        for (i, (out, &(s, face))) in pixels.chunks_exact_mut(bytes).zip(places).enumerate() {
            let place = [
                stream::VIEW,
                task as u64,
                epoch as u64,
                step as u64,
                i as u64,
            ];
            let mut rng = Rng::stream(self.seed, &place);
            view(
                &self.sets[s].sample(face),
                color,
                resize_px,
                self.augment,
                &mut rng,
                out,
            );
        }
        let labels = || places.iter().map(|&(s, i)| self.sets[s].sample(i).labels);
        let mut batch = Batch {
            pixels,
            targets: Targets {
                task,
                expression: if task.has_expression() {
                    labels().map(|l| self.shares(l)).collect()
                } else {
                    Vec::new()
                },
                affect: if task.has_affect() {
                    labels().map(|l| l.affect.unwrap_or_default()).collect()
                } else {
                    Vec::new()
                },
            },
        };
        if self.phase.mix > 0.0 {
            let place = [stream::MIX, task as u64, epoch as u64, step as u64];
            mix(
                &mut batch,
                self.phase.mix,
                &mut Rng::stream(self.seed, &place),
            );
        }
        if self.phase.from_teacher {
            batch.targets.expression.clear();
            batch.targets.affect.clear();
        }
        batch
    }

    /// What the expression head is to say of a face.
    fn shares(&self, labels: &Labels) -> [f32; Expression::COUNT] {
        let shares = shares(labels, self.phase.votes);
        let spread = self.phase.smoothing as f32;
        shares.map(|s| s * (1.0 - spread) + spread / Expression::COUNT as f32)
    }

    /// Hands the batches of an epoch from a step on to `work`, in order, while threads make the next ones. `work` says
    /// whether to go on.
    pub fn epoch<E>(
        &self,
        epoch: usize,
        from: usize,
        mut work: impl FnMut(usize, &[Batch]) -> Result<bool, E>,
    ) -> Result<(), E> {
        let order = self.order(epoch);
        ahead(
            self.threads,
            from..self.steps(),
            |step| self.step(&order, epoch, step),
            |step, batches| work(step, batches),
        )
    }
}

/// Lays the next face of the batch over each, by this chance and by any part up to a half, and its labels over the face's.
fn mix(batch: &mut Batch, chance: f64, rng: &mut Rng) {
    let parts: Vec<f32> = (0..batch.faces())
        .map(|_| {
            let (mixed, part) = (rng.chance(chance), rng.between(0.0, 0.5));
            if mixed { part as f32 } else { 0.0 }
        })
        .collect();
    let Targets {
        expression, affect, ..
    } = &mut batch.targets;
    over(expression.as_flattened_mut(), &parts, |value| value);
    over(affect.as_flattened_mut(), &parts, |value| value);
    over(&mut batch.pixels, &parts, |level| (level + 0.5) as u8);
}

/// Puts a part of the next row's values into each row, the first's into the last.
pub(super) fn over<T: Copy + Into<f32>>(
    values: &mut [T],
    parts: &[f32],
    as_value: impl Fn(f32) -> T,
) {
    let width = values.len() / parts.len();
    if width == 0 {
        return;
    }
    let first = values[..width].to_vec();
    for (row, &part) in parts.iter().enumerate() {
        if part == 0.0 {
            continue;
        }
        let (own, others) = values[row * width..].split_at_mut(width);
        let other = if others.is_empty() {
            &first[..]
        } else {
            &others[..width]
        };
        for (own, &other) in own.iter_mut().zip(other) {
            *own = as_value((1.0 - part) * (*own).into() + part * other.into());
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn batch(faces: usize) -> Batch {
        let row = |i: usize| {
            let mut shares = [0.0; Expression::COUNT];
            shares[i % Expression::COUNT] = 1.0;
            shares
        };
        Batch {
            pixels: (0..faces).flat_map(|i| [(40 * i) as u8; 6]).collect(),
            targets: Targets {
                task: Task::Both,
                expression: (0..faces).map(row).collect(),
                affect: (0..faces)
                    .map(|i| [0.1 * i as f32, -0.1 * i as f32])
                    .collect(),
            },
        }
    }

    #[test]
    fn pixels_and_labels_are_mixed_by_the_same_part() {
        let before = batch(5);
        let mut after = before.clone();
        mix(&mut after, 1.0, &mut Rng::new(9));
        for i in 0..5 {
            let next = (i + 1) % 5;
            let part = after.targets.expression[i][next];
            assert!((0.0..=0.5).contains(&part), "{part}");
            assert!((after.targets.expression[i].iter().sum::<f32>() - 1.0).abs() < 1e-6);
            let between = |a: f32, b: f32| (1.0 - part) * a + part * b;
            for d in 0..2 {
                let [own, other] = [i, next].map(|i| before.targets.affect[i][d]);
                assert!((after.targets.affect[i][d] - between(own, other)).abs() < 1e-6);
            }
            for (at, &level) in after.pixels[6 * i..6 * (i + 1)].iter().enumerate() {
                let [own, other] = [i, next].map(|i| f32::from(before.pixels[6 * i + at]));
                assert!(
                    (f32::from(level) - between(own, other)).abs() <= 0.5,
                    "{level}"
                );
            }
        }
    }

    #[test]
    fn the_others_of_a_batch_are_left_alone() {
        let before = batch(2000);
        let mut after = before.clone();
        mix(&mut after, 0.3, &mut Rng::new(2));
        let rows = after
            .targets
            .expression
            .iter()
            .zip(&before.targets.expression);
        let mixed = rows.filter(|(a, b)| a != b).count();
        assert!((540..660).contains(&mixed), "{mixed}");
        let mut none = before.clone();
        mix(&mut none, 0.0, &mut Rng::new(2));
        assert_eq!(none, before);
        // Valence and arousal alone are a task, too.
        let mut affect = batch(3);
        affect.targets.expression.clear();
        mix(&mut affect, 1.0, &mut Rng::new(2));
        assert_ne!(affect.targets.affect, batch(3).targets.affect);
    }
}
