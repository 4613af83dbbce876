//! What is known of a run before anything is learnt: mistakes that would else show hours later.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Run, Who};
use crate::model::config::StudentConfig;
use crate::model::weights::Weights;
use crate::train::cnn::has_faces;
use crate::train::config::{BUILT_IN, NOTHING, Phase as CnnPhase, Shape, Teacher as TeacherConfig};
use crate::train::gru::{Shown, has_room, has_windows};
use crate::train::net::StoreError;
use crate::train::phase::PhaseError;
use crate::train::teacher::Teacher;

impl Run<'_> {
    /// That the phases have the faces, the windows and the memory they need is known before hours are spent on the first.
    pub(super) fn can_be_learnt(&self) -> Result<(), PhaseError> {
        let config = self.config;
        let until = |phases: &[&str]| self.until.is_some_and(|last| phases.contains(&last));
        let own = (&config.cnn, config.gru.as_ref());
        let teacher = config.teacher.as_ref();
        // The CNN that stays as it is, and teaches its own recurrent heads.
        let is_cnn = |t: &TeacherConfig| {
            config.cnn.epochs == 0
                && matches!(&t.weights[..], [one] if one == Path::new(&config.start))
        };
        let another = teacher.is_some_and(|t| !is_cnn(t));
        let mut networks = Vec::new();
        if let Some(learnt) = teacher.filter(|t| t.weights.is_empty()) {
            let cnn = match &learnt.cnn {
                Some(cnn) => (cnn, "teacher.cnn"),
                None => (own.0, "cnn"),
            };
            let gru = match &learnt.gru {
                Some(gru) => Some((gru, "teacher.gru")),
                None => own.1.map(|gru| (gru, "gru")),
            };
            let gru = gru.filter(|_| !until(&["teacher-cnn"]));
            networks.push((cnn, gru, &learnt.shape, false));
        }
        if !until(&["teacher-cnn", "teacher-gru"]) {
            let gru = own.1.map(|gru| (gru, "gru"));
            let gru = gru.filter(|_| !until(&["student-cnn"]));
            networks.push(((own.0, "cnn"), gru, &config.student, another));
        }
        for ((cnn, at), gru, shape, another) in networks {
            if cnn.epochs > 0 {
                has_faces(self.sets, (cnn.batch, at))?;
            }
            let Some((phase, at)) = gru else { continue };
            has_windows(self.sets, (phase, at))?;
            let shown = Shown {
                phase,
                seed: 0,
                augment: &config.augment,
            };
            has_room(
                self.sets,
                (&shown, at),
                shape.config(true).heads.hidden,
                another,
            )?;
        }
        Ok(())
    }

    /// Finished networks that see what the student sees, each loaded once, however often it is named.
    pub(super) fn teachers(&self, files: &[PathBuf]) -> Result<Vec<Arc<Teacher>>, PhaseError> {
        each_once(files, |file| {
            let teacher = Teacher::new(Weights::load(Some(file))?)?;
            let its = teacher.student.config().backbone.color;
            let own = self.config.student.color;
            if its != own {
                return Err(PhaseError::NoFaces(format!(
                    "{}: it reads {} pictures, and the student {}; both see the same.",
                    file.display(),
                    its.name(),
                    own.name()
                )));
            }
            Ok(teacher)
        })
    }

    /// Why a network cannot begin with these weights.
    pub(super) fn is_no_start(
        &self,
        who: &Who<'_>,
        weights: &Weights,
        error: &StoreError,
    ) -> PhaseError {
        let shape = match StudentConfig::parse(&weights.config) {
            Ok(config) => format!(
                " Its own shape is `{}`.",
                Shape::of(&config).written(who.shape_key)
            ),
            Err(_) => String::new(),
        };
        PhaseError::NoFaces(format!(
            "`{}start`, and the shape that `{}` gives: {error}{shape}",
            who.before, who.shape_key
        ))
    }

    /// A CNN without epochs is the network that it begins with.
    pub(super) fn stays(&self, who: &Who<'_>, phase: &CnnPhase) -> Result<(), PhaseError> {
        if phase.epochs > 0 || who.start == NOTHING {
            return Ok(());
        }
        let weights = Weights::load((who.start != BUILT_IN).then(|| Path::new(who.start)))?;
        let Ok(config) = StudentConfig::parse(&weights.config) else {
            return Ok(());
        };
        let shape = Shape::of(&config);
        if shape == *who.shape {
            return Ok(());
        }
        let whose = match who.before {
            "" => "`[student]`",
            _ => "`[teacher.shape]`",
        };
        Err(PhaseError::NoFaces(format!(
            "`{}.epochs` is 0, so that the CNN stays what it begins with; but `{}start` is another network than `{}` says (which, \
             left out, is the thin student). Say its shape: in the place of {whose}, if there is one, and before all tables, \
             `{}`.",
            self.key(who, "cnn"),
            who.before,
            who.shape_key,
            shape.written(who.shape_key)
        )))
    }
}

/// What files hold, in their order; one that is named again is not loaded again.
fn each_once<T, E>(
    files: &[PathBuf],
    mut load: impl FnMut(&Path) -> Result<T, E>,
) -> Result<Vec<Arc<T>>, E> {
    let mut all: Vec<Arc<T>> = Vec::with_capacity(files.len());
    for (at, file) in files.iter().enumerate() {
        let before = files[..at].iter().position(|f| f == file);
        let one = match before {
            Some(before) => all[before].clone(),
            None => Arc::new(load(file)?),
        };
        all.push(one);
    }
    Ok(all)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_named_again_is_not_loaded_again() {
        let files = ["a", "b", "a", "a"].map(PathBuf::from);
        let mut loaded = Vec::new();
        let all = each_once(&files, |file| {
            loaded.push(file.to_owned());
            Ok::<_, ()>(file.display().to_string())
        })
        .unwrap();
        assert_eq!(loaded, files[..2]);
        assert_eq!(
            all.iter().map(|s| &***s).collect::<Vec<_>>(),
            ["a", "b", "a", "a"]
        );
        assert!(Arc::ptr_eq(&all[0], &all[3]) && !Arc::ptr_eq(&all[0], &all[1]));
        assert_eq!(each_once(&files, |_| Err::<(), _>("no")), Err("no"));
    }
}
