//! `affectscope train eval`: how good weights are, and how far they can be believed.

mod calibrate;
mod table;

use std::borrow::Cow;
use std::path::Path;

use serde_json::{Map, Value};

use self::calibrate::calibrate;
use self::table::table;
use super::super::unread::Unread;
use super::super::{Failure, load, print, refuse_input_as_output, refuse_output_within};
use crate::analysis::{Crop, Landmarks};
use crate::cli::train::{EvalArgs, SplitArg};
use crate::commands::progress::Progress;
use crate::face::landmarks::LandmarkNet;
use crate::formats::output::{can_be_written, write_whole};
use crate::model::calibration::Calibration;
use crate::model::student::{Features, Precision, Student};
use crate::model::weights::Weights;
use crate::train::eval::{self, Answer, Logits};
use crate::train::faces::{self, VOTES_FILE};
use crate::train::loader::Place;
use crate::train::prepare::unfinished;
use crate::train::score;
use crate::train::set::{Labels, MANIFEST_FILE, PerExpression, Set, Split};

/// Faces in one call.
const BATCH: usize = 32;

/// Scores weights.
///
/// # Errors
/// When the data or the weights cannot be used, or an output is there already.
pub fn run(args: &EvalArgs) -> Result<(), Failure> {
    let files = [
        args.json.as_ref().filter(|f| f.as_os_str() != "-"),
        args.calibrate.as_ref(),
    ];
    let inputs: Vec<_> = [&args.network.weights, &args.landmarks]
        .into_iter()
        .flatten()
        .cloned()
        .collect();
    if args.calibrate.is_some() && args.network.precision == Precision::Int8 {
        return Err(Failure::bad_input(
            "--calibrate fits what f32 says, and 8 bits follow it. Leave --precision int8 out.",
        ));
    }
    for file in files.into_iter().flatten() {
        // Before the work, not after it.
        refuse_output_within([&args.data].into_iter(), file)?;
        refuse_input_as_output(&inputs, file)?;
        can_be_written(file, args.force)?;
    }
    let (student, _) = load(&args.network)?;
    let mut unread = Unread::default();
    let data = data(args, &student, &mut unread)?;
    let own = [false, true].map(|temporal| student.config().calibration(temporal));
    let own = own.each_ref();
    let report = report(args, &student, &data, own);
    if let Some(file) = &args.calibrate {
        calibrate(args, file, &data, own, &report)?;
    }
    match &args.json {
        Some(file) if file.as_os_str() == "-" => print(&format!("{:#}\n", Value::from(report)))?,
        Some(file) => {
            print(&table(&report))?;
            write_whole(
                file,
                format!("{:#}\n", Value::from(report)).as_bytes(),
                args.force,
            )?;
        }
        None => print(&table(&report))?,
    }
    unread.end()
}

/// What was scored.
struct Data {
    /// What the network says of every labelled face.
    answers: Vec<Answer>,
    /// Faces of each expression in a set's training split.
    training: Option<PerExpression>,
}

/// The name that cards call the data by.
fn name(args: &EvalArgs) -> Cow<'_, str> {
    let name = args.data.file_name().unwrap_or(args.data.as_os_str());
    name.to_string_lossy()
}

fn report(
    args: &EvalArgs,
    student: &Student,
    data: &Data,
    own: [&Calibration; 2],
) -> Map<String, Value> {
    let mut report = eval::report(&data.answers, own, data.training.as_ref());
    let card = eval::sentences(&name(args), &report);
    report.insert("card".to_owned(), card.json().into());
    report.insert("data".to_owned(), args.data.display().to_string().into());
    report.insert("weights".to_owned(), student.card().name.clone().into());
    report.insert("sha256".to_owned(), student.sha256().into());
    report.insert(
        "program".to_owned(),
        format!("affectscope {}", env!("CARGO_PKG_VERSION")).into(),
    );
    report
}

fn data(args: &EvalArgs, student: &Student, unread: &mut Unread) -> Result<Data, Failure> {
    if args.data.join(MANIFEST_FILE).is_file() || unfinished(&args.data).is_some() {
        return of_set(args, student);
    }
    if !args.data.join(VOTES_FILE).is_file() {
        return Err(Failure::bad_input(neither(&args.data)));
    }
    if args.split.is_some() {
        return Err(Failure::bad_input(format!(
            "--split: {} is one split of FER+ as distributed. Give a packed set, or leave --split out.",
            args.data.display()
        )));
    }
    let mut landmarks = match &args.landmarks {
        Some(file) => LandmarkNet::of(&Weights::load(Some(file))?)?,
        None => LandmarkNet::new()?,
    };
    let config = student.config();
    let faces = faces::read(
        &args.data,
        usize::MAX,
        config,
        &mut landmarks,
        &mut |what| {
            unread.tell(what, None);
        },
    )?;
    let mut answers = Vec::with_capacity(faces.len());
    let progress = Progress::new(&args.data, Some(faces.len() as u64));
    for part in faces.chunks(BATCH) {
        let crops: Vec<Crop> = part.iter().map(|face| face.crop.clone()).collect();
        let labelled = part.iter().map(|face| {
            let labels = Labels {
                expression: face.target.map(|t| t.expression),
                votes: face.target.map(|t| t.votes),
                affect: face.target.map(|t| [t.valence, t.arousal]),
            };
            (labels, face.file.clone(), face.landmarks_px, None)
        });
        answers.extend(answer(student, &crops, labelled)?);
        progress.at(answers.len() as u64);
    }
    progress.end();
    answers.retain(|a: &Answer| a.labels.any());
    if answers.is_empty() {
        return Err(Failure::bad_input(format!(
            "{}: no face in it is labelled. Give a packed set, or a split of FER+ with its label.csv.",
            args.data.display()
        )));
    }
    Ok(Data {
        answers,
        training: None,
    })
}

/// What is wrong with a folder that is neither a set nor a split.
fn neither(data: &Path) -> String {
    let path = data.display();
    let Ok(entries) = std::fs::read_dir(data) else {
        return format!(
            "{path}: there is no such folder. Give a packed set (`affectscope train prepare` makes one), or a split of FER+."
        );
    };
    let mut inside: Vec<String> = entries
        .flatten()
        .filter(|entry| {
            let files = [MANIFEST_FILE, VOTES_FILE];
            files.iter().any(|file| entry.path().join(file).is_file())
        })
        .map(|entry| entry.path().display().to_string())
        .collect();
    inside.sort();
    let give = match &*inside {
        [] => "Make a set of it with `affectscope train prepare`".to_owned(),
        inside => format!("Give what lies in it: {}", inside.join(", ")),
    };
    format!(
        "{path}: neither a packed set (no {MANIFEST_FILE} in it) nor a split of FER+ (no {VOTES_FILE} beside its pictures). {give}."
    )
}

fn of_set(args: &EvalArgs, student: &Student) -> Result<Data, Failure> {
    if args.landmarks.is_some() {
        return Err(Failure::bad_input(format!(
            "--landmarks: {} is a packed set, which has its landmarks already. Give a split of FER+, or leave --landmarks out.",
            args.data.display()
        )));
    }
    let set = Set::open(&args.data).map_err(|e| Failure::bad_input(e.to_string()))?;
    let split = match args.split.unwrap_or_default() {
        SplitArg::Train => Split::Train,
        SplitArg::Validation => Split::Validation,
        SplitArg::Test => Split::Test,
    };
    let places: Vec<Place> = set
        .indices(split, Labels::any)
        .into_iter()
        .map(|i| (0, i))
        .collect();
    if places.is_empty() {
        return Err(Failure::bad_input(format!(
            "{}: no labelled face in its {} split. Give another --split.",
            args.data.display(),
            split.name()
        )));
    }
    let training = set.manifest().splits.train.expressions;
    let mut answers = Vec::with_capacity(places.len());
    let progress = Progress::new(&args.data, Some(places.len() as u64));
    let sets = [set];
    score::crops(
        &sets,
        &places,
        student,
        |part, crops| -> Result<(), Failure> {
            let labelled = part.iter().map(|&(s, i)| {
                let set = &sets[s];
                let sample = set.sample(i);
                let subject = set.subject(sample.subject).to_owned();
                (
                    *sample.labels,
                    subject,
                    sample.landmarks,
                    sample.group.map(str::to_owned),
                )
            });
            answers.extend(answer(student, crops, labelled)?);
            progress.at(answers.len() as u64);
            Ok(())
        },
    )?;
    progress.end();
    Ok(Data {
        answers,
        training: Some(training),
    })
}

/// Answers of some faces, with their labels, subject, landmarks and group.
fn answer(
    student: &Student,
    crops: &[Crop],
    labelled: impl Iterator<Item = (Labels, String, Landmarks, Option<String>)>,
) -> Result<Vec<Answer>, Failure> {
    let wrong = |e: candle_core::Error| Failure::broken(e.to_string());
    let (expression, affect) = student.cnn_logits(crops)?;
    let (expression, affect) = (
        expression.to_vec2::<f32>().map_err(wrong)?,
        affect.to_vec2::<f32>().map_err(wrong)?,
    );
    let features = student.features(crops)?;
    let alone = expression
        .into_iter()
        .zip(affect)
        .map(|(expression, affect)| Logits { expression, affect });
    let rows = alone.zip(&features).zip(crops).zip(labelled);
    Ok(rows
        .map(
            |(((alone, features), crop), (labels, subject, landmarks_px, group))| {
                let mut groups = eval::groups(&crop.pixels, &landmarks_px, labels.votes.as_ref());
                groups.extend(group.map(|group| ("group".to_owned(), group)));
                Answer {
                    labels,
                    subject,
                    groups,
                    alone,
                    window: still(student, features),
                }
            },
        )
        .collect())
}

/// What the recurrent heads say of a face that does not move: of the first step, as the offline protocol takes it.
fn still(student: &Student, features: &Features) -> Option<Logits> {
    let (steps, _) = student.window()?;
    let mut said = student.window_logits(&vec![features; steps])?;
    (!said.expression.is_empty()).then(|| Logits {
        expression: said.expression.swap_remove(0),
        affect: said.affect.swap_remove(0),
    })
}
