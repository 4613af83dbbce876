//! What the phases of a run depend on: by it a checkpoint is known as theirs, or as another run's.

use std::sync::Arc;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Run, Who};
use crate::train::config::{GruPhase, Phase as CnnPhase};
use crate::train::phase::PhaseError;
use crate::train::phase::begun::{self, TO_BE_MADE, WEIGHTS, known};
use crate::train::random::Rng;
use crate::train::set::Manifest;
use crate::train::teacher::Teacher;

impl Run<'_> {
    /// What the CNN's phase alone depends on.
    pub(super) fn of_cnn(&self, who: &Who<'_>, start: &str, phase: &CnnPhase) -> Vec<String> {
        let course = CnnPhase {
            keep: 0.0,
            ..phase.clone()
        };
        vec![
            known(&format!("{}start", who.before), &start),
            known(&self.key(who, "cnn"), &course),
        ]
    }

    /// That no phase of a network finds another run's checkpoint is known before the first of them begins. `to_be_made`: its
    /// teacher is one that this run trains first.
    pub(super) fn is_free(
        &self,
        who: &Who<'_>,
        (cnn, gru): (&CnnPhase, Option<&GruPhase>),
        (teachers, to_be_made): (&[Arc<Teacher>], bool),
    ) -> Result<(), PhaseError> {
        let later = |of: &str| known(&format!("{WEIGHTS} {of}"), &TO_BE_MADE);
        let taught_later = to_be_made.then(|| later("the teacher"));
        let name = format!("{}-cnn", who.name);
        let (_, start, _) = self.begin(&name, who, &who.shape.config(false))?;
        let mut own = self.of_cnn(who, &start, cnn);
        own.extend(taught_later.clone());
        let of = self.depends_on(who, own, teachers);
        self.phase(&name, cnn.course(), self.config.checkpoint_steps, of)
            .is_another()?;
        if let Some(gru) = gru.filter(|_| self.until != Some(&*name)) {
            let mut own = vec![known(&self.key(who, "gru"), gru), later("the CNN")];
            own.extend(taught_later);
            let of = self.depends_on(who, own, teachers);
            let name = format!("{}-gru", who.name);
            self.phase(&name, gru.course(), usize::MAX, of)
                .is_another()?;
        }
        Ok(())
    }

    /// All that a phase's numbers depend on, and no more: neither threads nor where things lie, nor another phase's course.
    pub(super) fn depends_on(
        &self,
        who: &Who<'_>,
        own: Vec<String>,
        teachers: &[Arc<Teacher>],
    ) -> String {
        let sets: Vec<Value> = self
            .sets
            .iter()
            .map(|set| {
                let Manifest {
                    faces, made, files, ..
                } = set.manifest();
                json!({
                    "format": made.format, "faces": faces,
                    "pictures": files.pictures_sha256, "table": files.faces_sha256,
                })
            })
            .collect();
        let config = self.config;
        let mut all = vec![
            known("seed", &config.seed),
            known(who.shape_key, who.shape),
            known("augment", &config.augment),
            known("adam", &config.adam),
            known("sets", &sets),
        ];
        for (at, teacher) in teachers.iter().enumerate() {
            let which = match at {
                0 => format!("{WEIGHTS} the teacher"),
                _ => format!("{WEIGHTS} teacher {}", at + 1),
            };
            all.push(known(&which, &teacher.checksum()));
        }
        all.extend(own);
        begun::all(&all)
    }

    /// Where a phase of a network stands in the config.
    pub(super) fn key(&self, who: &Who<'_>, phase: &str) -> String {
        let teacher = self.config.teacher.as_ref();
        let own = match phase {
            "cnn" => teacher.is_some_and(|t| t.cnn.is_some()),
            _ => teacher.is_some_and(|t| t.gru.is_some()),
        };
        if own {
            format!("{}{phase}", who.before)
        } else {
            phase.to_owned()
        }
    }

    pub(super) fn seed(&self, name: &str) -> u64 {
        let digest = Sha256::digest(name);
        let of_name = digest
            .iter()
            .take(8)
            .fold(0u64, |sum, byte| (sum << 8) | u64::from(*byte));
        self.config.seed ^ of_name
    }

    pub(super) fn rng(&self, name: &str) -> Rng {
        Rng::stream(self.seed(name), &[0])
    }
}
