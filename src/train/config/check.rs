//! Whether every value of a config is in its range.

use std::ops::{Bound, RangeBounds, RangeInclusive};

use super::{BUILT_IN, GruPhase, NOTHING, Phase, RunConfig, Shape, Teacher};
use crate::model::config::{CROP_SIDE_PX, Mean, StudentConfig};
use crate::train::augment::Augment;
use crate::train::net::AdamConfig;

/// More epochs, patience and so on are a mistake.
pub(in crate::train) const MOST: usize = 10_000;

impl RunConfig {
    /// Whether every value can be.
    ///
    /// # Errors
    /// Names the first that cannot, with its value and its range.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.sets.is_empty() {
            return Err(
                "`sets` names no set; make one with `affectscope train prepare`.".to_owned(),
            );
        }
        whole("threads", self.threads, 0..=256)?;
        whole("checkpoint_steps", self.checkpoint_steps, 1..=1_000_000)?;
        augment(&self.augment)?;
        self.adam.check()?;
        self.cnn.check("cnn")?;
        if let Some(gru) = &self.gru {
            gru.check("gru")?;
        }
        self.student.check("student", self.gru.is_some())?;
        begins_with_something("cnn", &self.cnn, ("start", &self.start))?;
        keeps_something("cnn", &self.cnn, ("start", &self.start))?;
        self.teacher_is_one_or_the_other()?;
        self.teachers_can_be_asked()?;
        self.somebody_teaches()?;
        if let Some(teacher) = &self.teacher {
            if let Some(cnn) = &teacher.cnn {
                cnn.check("teacher.cnn")?;
            }
            if let Some(gru) = &teacher.gru {
                gru.check("teacher.gru")?;
            }
            if teacher.weights.is_empty() {
                let (at, cnn) = match &teacher.cnn {
                    Some(cnn) => ("teacher.cnn", cnn),
                    None => ("cnn", &self.cnn),
                };
                begins_with_something(at, cnn, ("teacher.start", &teacher.start))?;
                if teacher.cnn.is_some() {
                    keeps_something(at, cnn, ("teacher.start", &teacher.start))?;
                }
                if teacher.shape.color != self.student.color {
                    return Err(format!(
                        "`teacher.shape.color` is {}, and the student's {}; both see the same pictures.",
                        teacher.shape.color.name(),
                        self.student.color.name()
                    ));
                }
            }
            if let (2.., Some(_)) = (teacher.weights.len(), &self.gru) {
                return Err(format!(
                    "`teacher.weights` has {} files, and recurrent heads have one teacher: leave `gru` out, and let the heads \
                     learn in a run of their own (`cnn.epochs = 0`).",
                    teacher.weights.len()
                ));
            }
            let gru = teacher.gru.is_some() || self.gru.is_some();
            teacher.shape.check("teacher.shape", gru)?;
        }
        Ok(())
    }

    /// A teacher is finished, or it is to be trained.
    fn teacher_is_one_or_the_other(&self) -> Result<(), String> {
        let Some(teacher) = self.teacher.as_ref().filter(|t| !t.weights.is_empty()) else {
            return Ok(());
        };
        let of_training = [
            ("shape", teacher.shape != Shape::default()),
            ("start", teacher.start != NOTHING),
            ("cnn", teacher.cnn.is_some()),
            ("gru", teacher.gru.is_some()),
        ];
        match of_training.iter().find(|(_, there)| *there) {
            Some((key, _)) => Err(format!(
                "`teacher.weights` names teachers that are finished, and `teacher.{key}` says how one is to be trained; leave \
                 either out."
            )),
            None => Ok(()),
        }
    }

    /// What learns from a teacher alone has one.
    fn somebody_teaches(&self) -> Result<(), String> {
        let own = self.teacher.as_ref();
        let cnn = (self.cnn.from_teacher, own.and_then(|t| t.cnn.as_ref()));
        let gru = (
            self.gru.as_ref().is_some_and(|gru| gru.from_teacher),
            own.and_then(|t| t.gru.as_ref()),
        );
        self.somebody_teaches_it("cnn", "CNN", cnn.0, cnn.1.map(|cnn| cnn.from_teacher))?;
        self.somebody_teaches_it(
            "gru",
            "recurrent heads",
            gru.0,
            gru.1.map(|gru| gru.from_teacher),
        )
    }

    /// Of one kind of phase, by its table: whether the student's asks for it, and the teacher's own, where it has one.
    fn somebody_teaches_it(
        &self,
        table: &str,
        what: &str,
        student: bool,
        teachers: Option<bool>,
    ) -> Result<(), String> {
        let nobody = |at: &str, or: &str| {
            Err(format!(
                "`{at}.from_teacher` leaves the labels out, and that phase has no teacher; leave it out{or}."
            ))
        };
        let learns = |teacher: &Teacher| teacher.weights.is_empty();
        match (&self.teacher, student, teachers) {
            (_, _, Some(true)) => nobody(&format!("teacher.{table}"), ""),
            (None, true, _) => nobody(table, ", or name a teacher by `teacher.weights`"),
            (Some(teacher), true, None) if learns(teacher) => Err(format!(
                "`{table}.from_teacher` leaves the labels out, and the teacher's own {what} would go by `{table}` too, with nobody \
                 to learn from; say by `teacher.{table}` how the teacher learns, or name a finished one by `teacher.weights`."
            )),
            _ => Ok(()),
        }
    }

    /// How teachers are asked is said of a phase that has some.
    fn teachers_can_be_asked(&self) -> Result<(), String> {
        let own = self.teacher.as_ref().and_then(|t| t.cnn.as_ref());
        for (at, cnn) in [("cnn", Some(&self.cnn)), ("teacher.cnn", own)] {
            let (asked, taught) = match cnn {
                Some(cnn) if cnn.in_turn => ("in_turn", cnn.mirrored),
                Some(cnn) if cnn.mirrored => ("mirrored", true),
                _ => continue,
            };
            let teachers = match (&self.teacher, at) {
                (Some(teacher), "cnn") => teacher.weights.len().max(1),
                _ => 0,
            };
            if teachers == 0 {
                let or = match at {
                    "cnn" => ", or name them as `teacher.weights`",
                    _ => "",
                };
                return Err(format!(
                    "`{at}.{asked}` says how teachers are asked, and that phase has none; leave it out{or}."
                ));
            }
            if teachers == 1 && !taught {
                return Err(format!(
                    "`{at}.{asked}` asks several teachers by turns, and there is one; leave it out, name more as \
                     `teacher.weights`, or ask it of the faces mirrored, too (`mirrored = true`)."
                ));
            }
        }
        Ok(())
    }
}

/// A CNN that learns nothing has to know something. `start`: its key, and its value.
fn begins_with_something(at: &str, cnn: &Phase, start: (&str, &str)) -> Result<(), String> {
    if cnn.epochs > 0 || start.1 != NOTHING {
        return Ok(());
    }
    Err(format!(
        "`{at}.epochs` is 0, so that the CNN stays what it begins with, and `{}` says nothing; give it a weights file, or \
         \"{BUILT_IN}\".",
        start.0
    ))
}

/// Part of what a CNN began with is kept where it began with something.
fn keeps_something(at: &str, cnn: &Phase, start: (&str, &str)) -> Result<(), String> {
    let of_start = [("keep", cnn.keep), ("forget", cnn.forget)];
    match of_start.iter().find(|(_, part)| *part > 0.0) {
        Some((key, part)) if start.1 == NOTHING => Err(format!(
            "`{at}.{key}` is {part}, part of the weights that the CNN begins with, and `{}` says nothing: these are random. Leave \
             it out, or give it a weights file.",
            start.0
        )),
        _ => Ok(()),
    }
}

impl Phase {
    fn check(&self, at: &str) -> Result<(), String> {
        let key = |name: &str| format!("{at}.{name}");
        whole(&key("batch"), self.batch, 2..=1024)?;
        whole(&key("epochs"), self.epochs, 0..=MOST)?;
        whole(&key("patience"), self.patience, 1..=MOST)?;
        number(&key("rate"), self.rate, above(0.0, 10.0))?;
        number(&key("warm_up"), self.warm_up, 0.0..=MOST as f64)?;
        if self.epochs > 0 && self.warm_up > self.epochs as f64 {
            return Err(format!(
                "`{}` is {}, and there are {} epochs (`{}`): the rate would never rise to its height.",
                key("warm_up"),
                self.warm_up,
                self.epochs,
                key("epochs")
            ));
        }
        let set = [
            ("keep", self.keep > 0.0),
            ("forget", self.forget > 0.0),
            ("sharpness", self.sharpness > 0.0),
            ("from_teacher", self.from_teacher),
        ];
        if let (0, Some((name, _))) = (self.epochs, set.iter().find(|(_, set)| *set)) {
            return Err(format!(
                "`{}` says how the CNN learns, and `{}` is 0: it stays what it begins with. Leave either out.",
                key(name),
                key("epochs")
            ));
        }
        labels_are_learnt(at, self.from_teacher, self.votes, self.smoothing)?;
        number(&key("balance"), self.balance, 0.0..=1.0)?;
        number(&key("smoothing"), self.smoothing, 0.0..1.0)?;
        number(&key("mix"), self.mix, 0.0..=1.0)?;
        number(&key("sharpness"), self.sharpness, 0.0..=10.0)?;
        number(&key("forget"), self.forget, 0.0..1.0)?;
        number(&key("average"), self.average, 0.0..1.0)?;
        number(&key("keep"), self.keep, 0.0..1.0)
    }
}

impl GruPhase {
    fn check(&self, at: &str) -> Result<(), String> {
        let key = |name: &str| format!("{at}.{name}");
        whole(&key("batch"), self.batch, 1..=1024)?;
        whole(&key("epochs"), self.epochs, 1..=MOST)?;
        whole(&key("patience"), self.patience, 1..=MOST)?;
        number(&key("rate"), self.rate, above(0.0, 10.0))?;
        number(&key("average"), self.average, 0.0..1.0)?;
        whole(&key("made"), self.made, 0..=1_000_000)?;
        whole(&key("looks"), self.looks, 1..=100)?;
        whole(&key("moves"), self.moves, 1..=100)?;
        number(&key("balance"), self.balance, 0.0..=1.0)?;
        number(&key("mix"), self.mix, 0.0..=1.0)?;
        labels_are_learnt(at, self.from_teacher, self.votes, 0.0)?;
        whole(&key("bank_mib"), self.bank_mib, 1..=1 << 20)
    }
}

/// How labels are learnt is said of a phase that learns them.
fn labels_are_learnt(
    at: &str,
    from_teacher: bool,
    votes: bool,
    smoothing: f64,
) -> Result<(), String> {
    let how = match (votes, smoothing > 0.0) {
        (true, _) => "votes",
        (_, true) => "smoothing",
        _ => return Ok(()),
    };
    if !from_teacher {
        return Ok(());
    }
    Err(format!(
        "`{at}.{how}` says how labels are learnt, and `{at}.from_teacher` that they are not; leave either out."
    ))
}

/// Whether views can be made so.
pub(in crate::train) fn augment(augment: &Augment) -> Result<(), String> {
    match augment.check() {
        Ok(()) => Ok(()),
        Err(e) => number(&format!("augment.{}", e.field), e.value, e.least..=e.most),
    }
}

impl AdamConfig {
    pub(in crate::train) fn check(&self) -> Result<(), String> {
        number("adam.beta1", self.beta1.into(), 0.0..1.0)?;
        number("adam.beta2", self.beta2.into(), 0.0..1.0)?;
        number("adam.epsilon", self.epsilon.into(), above(0.0, 1.0))?;
        number("adam.weight_decay", self.weight_decay.into(), 0.0..=1.0)
    }
}

impl Shape {
    fn check(&self, at: &str, temporal: bool) -> Result<(), String> {
        let key = |name: &str| format!("{at}.{name}");
        let means = match &self.mean {
            Mean::One(mean) => std::slice::from_ref(mean),
            Mean::PerChannel(means) => means,
        };
        for mean in means {
            number(&key("mean"), (*mean).into(), 0.0..=255.0)?;
        }
        number(&key("scale"), self.scale.into(), 1e-3..=1e3)?;
        if let Some(side) = self.resize {
            whole(&key("resize"), side, CROP_SIDE_PX..=4 * CROP_SIDE_PX)?;
        }
        whole(&key("stem"), self.stem, 1..=4096)?;
        for width in self.widths {
            whole(&key("widths"), width, 1..=4096)?;
        }
        for blocks in self.blocks {
            whole(&key("blocks"), blocks, 1..=64)?;
        }
        // What is left is of several values together.
        let json =
            serde_json::to_string(&self.config(temporal)).map_err(|e| format!("`{at}`: {e}."))?;
        StudentConfig::parse(&json).map_err(|e| format!("`{at}`: {e}."))?;
        Ok(())
    }
}

/// Above the first number, and below the second.
pub(in crate::train) fn above(least: f64, most: f64) -> (Bound<f64>, Bound<f64>) {
    (Bound::Excluded(least), Bound::Excluded(most))
}

pub(in crate::train) fn whole(
    key: &str,
    value: usize,
    range: RangeInclusive<usize>,
) -> Result<(), String> {
    if range.contains(&value) {
        return Ok(());
    }
    let (least, most) = range.into_inner();
    Err(format!(
        "`{key}` is {value}; it must be a whole number from {least} to {most}."
    ))
}

pub(in crate::train) fn number(
    key: &str,
    value: f64,
    range: impl RangeBounds<f64>,
) -> Result<(), String> {
    if range.contains(&value) {
        return Ok(());
    }
    let from = match range.start_bound() {
        Bound::Included(least) => format!(" from {least}"),
        Bound::Excluded(least) => format!(" above {least}"),
        Bound::Unbounded => String::new(),
    };
    let to = match range.end_bound() {
        Bound::Included(most) => format!(" to {most}"),
        Bound::Excluded(most) => format!(" and below {most}"),
        Bound::Unbounded => String::new(),
    };
    Err(format!(
        "`{key}` is {value}; it must be a number{from}{to}."
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
