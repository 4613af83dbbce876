//! Whether recurrent heads can be learnt from some sets: windows enough, and room for what is kept of the stills.

use super::films::split_up;
use super::pictures::Pictures;
use super::{Shown, WINDOW};
use crate::train::augment::Augment;
use crate::train::cnn::has_validation;
use crate::train::config::GruPhase;
use crate::train::objective::Task;
use crate::train::phase::PhaseError;
use crate::train::set::{Set, Split};

/// Networks whose features are kept.
pub(super) fn networks(another: bool) -> usize {
    1 + usize::from(another)
}

/// The pictures that a split's stills are shown in.
pub(super) fn pictures<'a>(split: Split, shown: &Shown<'a>) -> Pictures<'a> {
    let phase = shown.phase;
    let training = split == Split::Train;
    let views = training && phase.views;
    Pictures {
        looks: if views { phase.looks } else { 1 },
        moves: if training { phase.moves } else { 1 },
        mix: if training { phase.mix } else { 0.0 },
        seen_as: if views { shown.augment } else { &Augment::NONE },
        seed: shown.seed,
    }
}

/// Whether what a CNN makes of the still faces has room in the memory that it may take: `width` values of either head's
/// feature, and as much of a teacher's that is another network (`another`). `at`: where in a config the phase stands.
///
/// # Errors
/// When it has not.
pub fn has_room(
    sets: &[Set],
    (shown, at): (&Shown<'_>, &str),
    width: usize,
    another: bool,
) -> Result<(), PhaseError> {
    let phase = shown.phase;
    if phase.made == 0 {
        return Ok(());
    }
    let (mut faces, mut bytes) = (0, 0);
    for split in [Split::Train, Split::Validation] {
        for task in Task::ALL {
            let stills = split_up(sets, split, task).1.len();
            let networks = networks(another && split == Split::Train);
            bytes += pictures(split, shown).bytes(stills, width, networks);
            faces += stills;
        }
    }
    if bytes <= (phase.bank_mib as u64) << 20 {
        return Ok(());
    }
    let Pictures { looks, moves, .. } = pictures(Split::Train, shown);
    Err(PhaseError::NoFaces(format!(
        "What the network makes of {faces} still faces, {} pictures of each that is learnt from, needs {} MiB of memory; \
         `{at}.bank_mib` allows {}. Lower `{at}.looks` or `{at}.moves`, or raise it.",
        looks * moves,
        bytes.div_ceil(1 << 20),
        phase.bank_mib
    )))
}

/// Whether there will be windows enough, of videos or composed of stills, to learn from and to validate on. `at`: where in a config
/// the phase stands.
///
/// # Errors
/// When there will not.
pub fn has_windows(sets: &[Set], (phase, at): (&GruPhase, &str)) -> Result<(), PhaseError> {
    has_validation(sets)?;
    let most = |split: Split| {
        let windows = Task::ALL.into_iter().map(|task| {
            let (films, stills) = split_up(sets, split, task);
            let of_stills = match split {
                _ if phase.made == 0 || stills.is_empty() => 0,
                Split::Train => phase.made,
                _ => stills.len(),
            };
            films.len() + of_stills
        });
        windows.max().unwrap_or_default()
    };
    if most(Split::Train) < phase.batch || most(Split::Validation) == 0 {
        return Err(too_few(phase, at));
    }
    Ok(())
}

pub(super) fn too_few(phase: &GruPhase, at: &str) -> PhaseError {
    PhaseError::NoFaces(format!(
        "The sets have too few windows of {WINDOW} frames for the recurrent heads: a step takes {} (`{at}.batch`), of videos or, \
         {} an epoch (`{at}.made`), composed of still faces, and some are needed to validate on. Raise `{at}.made`, lower \
         `{at}.batch`, or add a set.",
        phase.batch, phase.made
    ))
}
