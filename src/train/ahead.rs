//! Work that is made ahead on threads of its own, and taken in order.

use std::ops::Range;
use std::sync::mpsc::{Receiver, sync_channel};

/// Pieces that are made ahead.
const AHEAD: usize = 4;

/// Hands the pieces of some steps to `work`, in order, while `makers` threads make the next ones. `work` says whether to
/// go on. What a piece is must depend on its step alone.
///
/// # Errors
/// What `work` says.
pub fn ahead<T: Send, E>(
    makers: usize,
    steps: Range<usize>,
    make: impl Fn(usize) -> T + Sync,
    mut work: impl FnMut(usize, &T) -> Result<bool, E>,
) -> Result<(), E> {
    let makers = makers.max(1);
    let make = &make;
    std::thread::scope(|scope| {
        // Each maker has its own steps and its own short queue: they are taken in turn, so that order is kept.
        let queues: Vec<Receiver<T>> = (0..makers)
            .map(|maker| {
                let (give, take) = sync_channel(AHEAD.div_ceil(makers));
                let steps = (steps.start + maker..steps.end).step_by(makers);
                let name = format!("batches {maker}");
                let made = std::thread::Builder::new()
                    .name(name)
                    .spawn_scoped(scope, move || {
                        for step in steps {
                            // Nobody wants it any more: the epoch was left.
                            if give.send(make(step)).is_err() {
                                return;
                            }
                        }
                    });
                if let Err(e) = made {
                    tracing::warn!("no thread for batches ({e}); they are made in between");
                }
                take
            })
            .collect();
        for step in steps.clone() {
            let piece = match queues[(step - steps.start) % makers].recv() {
                Ok(piece) => piece,
                Err(_) => make(step),
            };
            if !work(step, &piece)? {
                break;
            }
        }
        drop(queues);
        Ok(())
    })
}
