//! `affectscope quantize`: what running in 8 bits needs, and whether it is worth it.

use std::path::Path;
use std::time::Instant;

use serde_json::{Map, Value};

use super::unread::Unread;
use super::{Failure, print, refuse_input_as_output, refuse_output_within, say};
use crate::cli::QuantizeArgs;
use crate::face::landmarks::LandmarkNet;
use crate::formats::output::{can_be_written, write_whole};
use crate::metrics::{Agreement, Confusion, written};
use crate::model::config::Int8Config;
use crate::model::student::{Kernels, Precision, Student};
use crate::model::weights::Weights;
use crate::numbers::counted;
use crate::train::faces::{self, Face, FacesError};

/// Faces that are calibrated on, at most.
const CALIBRATION_FACES: usize = 1024;
/// The most that 8 bits may cost: accuracy in parts, CCC of valence and of arousal.
const WORST_ACCURACY: f64 = 0.003;
const WORST_CCC: f64 = 0.005;
/// Without people's labels: the least share of faces that get the same expression.
const LEAST_SAME: f64 = 0.97;
/// Below this a check says little.
const FEW_FACES: usize = 500;
/// Below this a check without labels says nothing.
const FEW_UNLABELLED: usize = 50;
/// Faces in one call.
const BATCH: usize = 32;

impl From<FacesError> for Failure {
    fn from(error: FacesError) -> Self {
        Self::bad_input(error.to_string())
    }
}

/// Calibrates, checks, and writes the weights with what 8 bits need, if they cost little.
///
/// # Errors
/// When an input cannot be used, the output is there, or 8 bits cost too much.
pub fn run(args: &QuantizeArgs) -> Result<(), Failure> {
    let weights_path: Vec<_> = args.weights.iter().cloned().collect();
    refuse_input_as_output(&weights_path, &args.output)?;
    for folder in [Some(&args.calibrate), args.check.as_ref()] {
        refuse_output_within(folder.into_iter(), &args.output)?;
    }
    // Before the work, not after it.
    can_be_written(&args.output, args.force)?;
    let weights = Weights::load(args.weights.as_deref())?;
    let f32 = Student::with_kernels(&weights, Kernels::default())?;
    let mut unread = Unread::default();
    let mut landmarks = LandmarkNet::new()?;
    let mut faces = |folder: &Path, most, again: bool| {
        faces::read(folder, most, f32.config(), &mut landmarks, &mut |what| {
            if !again {
                unread.tell(what, None);
            }
        })
    };
    let calibration = faces(&args.calibrate, CALIBRATION_FACES, false)?;
    let check_folder = args.check.as_ref().unwrap_or(&args.calibrate);
    let check = faces(check_folder, args.faces, *check_folder == args.calibrate)?;
    let crops: Vec<_> = calibration.into_iter().map(|face| face.crop).collect();
    let units = f32.calibrate(&crops)?;
    say(&format!(
        "calibrated on {} faces of {}",
        crops.len(),
        args.calibrate.display()
    ));

    let with_units = |measured: String| -> Result<String, Failure> {
        let int8 = Int8Config {
            units: units.clone(),
            measured,
        };
        let mut config: Map<String, Value> =
            serde_json::from_str(&weights.config).map_err(|e| Failure::broken(e.to_string()))?;
        let int8 = serde_json::to_value(int8).map_err(|e| Failure::broken(e.to_string()))?;
        config.insert("int8".to_owned(), int8);
        Ok(Value::Object(config).to_string())
    };
    let bytes = weights.to_safetensors(&with_units(String::new())?)?;
    let calibrated = Weights::from_bytes(&bytes, &weights.origin, &weights.name)?;
    let kernels = Kernels {
        precision: Precision::Int8,
        ..Kernels::default()
    };
    let int8 = Student::with_kernels(&calibrated, kernels)?;
    let scores = Scores::of(&f32, &int8, &check)?;
    print(&scores.table(check_folder.display()))?;
    if args.check.is_none() {
        say("note: checked on the faces of the calibration; others (--check) say more");
    }
    if scores.faces < FEW_FACES {
        say(&format!(
            "note: {} faces are few; some thousand say what 8 bits really cost",
            scores.faces
        ));
    }
    if let Err(why) = scores.verdict() {
        return Err(Failure::broken(format!(
            "8 bits are not offered for these weights: {why}. Nothing was written."
        )));
    }
    let bytes = weights.to_safetensors(&with_units(scores.sentence())?)?;
    write_whole(&args.output, &bytes, args.force)?;
    say(&format!(
        "{} -> {}: --precision int8 runs it in 8 bits",
        weights.name,
        args.output.display()
    ));
    unread.end()
}

/// How one of the two did.
#[derive(Default)]
struct Side {
    confusion: Confusion,
    valence: Agreement,
    arousal: Agreement,
    seconds: f64,
}

/// Both beside each other.
struct Scores {
    faces: usize,
    sides: [Side; 2],
    same: usize,
    /// Of the two with each other.
    valence: Agreement,
    arousal: Agreement,
}

impl Scores {
    fn of(f32: &Student, int8: &Student, faces: &[Face]) -> Result<Self, Failure> {
        let mut scores = Self {
            faces: faces.len(),
            sides: Default::default(),
            same: 0,
            valence: Agreement::default(),
            arousal: Agreement::default(),
        };
        for part in faces.chunks(BATCH) {
            let crops: Vec<_> = part.iter().map(|face| face.crop.clone()).collect();
            let mut read = Vec::with_capacity(2);
            for (student, side) in [f32, int8].into_iter().zip(&mut scores.sides) {
                let start = Instant::now();
                let features = student.features(&crops)?;
                side.seconds += start.elapsed().as_secs_f64();
                for (face, features) in part.iter().zip(&features) {
                    if let Some(target) = &face.target {
                        let said = &features.alone;
                        side.confusion.push(said.expression(), target.expression);
                        side.valence
                            .push(said.valence.into(), target.valence.into());
                        side.arousal
                            .push(said.arousal.into(), target.arousal.into());
                    }
                }
                read.push(features);
            }
            for (a, b) in read[0].iter().zip(&read[1]) {
                let (a, b) = (&a.alone, &b.alone);
                scores.same += usize::from(a.expression() == b.expression());
                scores.valence.push(a.valence.into(), b.valence.into());
                scores.arousal.push(a.arousal.into(), b.arousal.into());
            }
        }
        Ok(scores)
    }

    /// Whether 8 bits may be offered.
    fn verdict(&self) -> Result<(), String> {
        let [f32, int8] = &self.sides;
        // A score that f32 does not have (one label alone, say) measures nothing; one that only 8 bits lack is all lost.
        let loss = |a: Option<f64>, b: Option<f64>| a.map_or(0.0, |a| a - b.unwrap_or(-1.0));
        if f32.confusion.count() > 0 {
            let accuracy = loss(f32.confusion.accuracy(), int8.confusion.accuracy());
            if accuracy > WORST_ACCURACY {
                return Err(format!(
                    "they cost {:.2} points of accuracy",
                    accuracy * 100.0
                ));
            }
            for (what, a, b) in [
                ("valence", &f32.valence, &int8.valence),
                ("arousal", &f32.arousal, &int8.arousal),
            ] {
                let lost = loss(a.ccc(), b.ccc());
                if lost > WORST_CCC {
                    return Err(format!("they cost {lost:.4} of the CCC of {what}"));
                }
            }
        }
        // Without labels all that can be said is how far it is from f32.
        if f32.confusion.count() == 0 {
            for (what, both) in [("valence", &self.valence), ("arousal", &self.arousal)] {
                let Some(ccc) = both.ccc() else { continue };
                if ccc < 1.0 - WORST_CCC {
                    return Err(format!(
                        "{what} is not that of f32 (CCC with it {ccc:.4}, and {:.3} is wanted where there are no labels)",
                        1.0 - WORST_CCC
                    ));
                }
            }
            if self.faces < FEW_UNLABELLED {
                return Err(format!(
                    "{} without labels are too few to tell; give a folder of {FEW_UNLABELLED} or more with --check, or a split of FER+",
                    counted(self.faces as u64, "face")
                ));
            }
        }
        let same = self.same as f64 / self.faces as f64;
        if same < LEAST_SAME {
            return Err(format!(
                "{:.1} % of the faces get another expression",
                (1.0 - same) * 100.0
            ));
        }
        Ok(())
    }

    fn table(&self, folder: impl std::fmt::Display) -> String {
        let mut text = format!("{} faces of {folder}\n", self.faces);
        let number =
            |v: Option<f64>, digits: usize| v.map_or("-".to_owned(), |v| format!("{v:.digits$}"));
        let mut line = |what: &str, values: [String; 2]| {
            text.push_str(&format!("{what:<26}{:>10}{:>10}\n", values[0], values[1]));
        };
        line("", ["f32".to_owned(), "int8".to_owned()]);
        let each = |f: &dyn Fn(&Side) -> String| [f(&self.sides[0]), f(&self.sides[1])];
        if self.sides[0].confusion.count() > 0 {
            line(
                "accuracy, %",
                each(&|s| number(s.confusion.accuracy().map(|v| v * 100.0), 2)),
            );
            line("macro F1", each(&|s| number(s.confusion.macro_f1(), 4)));
            line("CCC valence", each(&|s| number(s.valence.ccc(), 4)));
            line("CCC arousal", each(&|s| number(s.arousal.ccc(), 4)));
        }
        line(
            "ms a face",
            each(&|s| format!("{:.2}", s.seconds * 1e3 / self.faces as f64)),
        );
        text.push_str(&format!("{}\n", self.sentence()));
        text
    }

    /// For the file: what it costs.
    fn sentence(&self) -> String {
        let [f32, int8] = &self.sides;
        let mut text = format!(
            "{}: the same expression on {:.2} %, CCC with f32 {} (valence) and {} (arousal)",
            counted(self.faces as u64, "face"),
            self.same as f64 / self.faces as f64 * 100.0,
            written(self.valence.ccc(), 4),
            written(self.arousal.ccc(), 4),
        );
        if let (Some(a), Some(b)) = (f32.confusion.accuracy(), int8.confusion.accuracy()) {
            text.push_str(&format!(
                "; accuracy {:.2} % in 8 bits, {:.2} % in f32",
                b * 100.0,
                a * 100.0
            ));
        }
        text
    }
}
