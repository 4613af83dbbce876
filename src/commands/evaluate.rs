//! `affectscope evaluate`: predictions against annotations, scored as the field scores them.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::{Failure, print, refuse_input_as_output, say};
use crate::cli::{EvaluateArgs, FaceArg};
use crate::evaluate::files::Side;
use crate::evaluate::matching::Options;
use crate::evaluate::report::Report;
use crate::evaluate::table;
use crate::formats::labels::{LabelError, LabelFormat};
use crate::formats::output::{OutputError, write_whole};
use crate::review::Faces;

impl From<LabelError> for Failure {
    fn from(error: LabelError) -> Self {
        Self::bad_input(error.to_string())
    }
}

/// Of many wrong files so many are named.
const SAID: usize = 10;

/// Scores them.
///
/// # Errors
/// With code 2 when a side cannot be read or nothing matches; also, after the scores are out, when some files of a folder
/// were wrong.
pub fn run(args: &EvaluateArgs) -> Result<(), Failure> {
    let to_stdout = args
        .out
        .as_deref()
        .is_some_and(|out| out.as_os_str() == "-");
    let out_file = args.out.as_ref().filter(|_| !to_stdout);
    if let Some(out) = out_file {
        let inputs = [args.predictions.clone(), args.annotations.clone()];
        refuse_input_as_output(&inputs, out)?;
        if out.exists() && !args.force {
            return Err(OutputError::Exists(out.clone()).into());
        }
    }
    let mut predictions = Side::load(&args.predictions, None)?;
    let face = match &args.face {
        Some(face) => Some(chosen_face(face, &mut predictions)?),
        None => None,
    };
    let mut annotations = Side::load(&args.annotations, args.format)?;
    apart(&mut predictions, &mut annotations);
    let mut broken = 0;
    for (what, side) in [("predictions", &predictions), ("annotations", &annotations)] {
        for error in side.broken.iter().take(SAID) {
            say(&format!("affectscope: {error}"));
        }
        if side.broken.len() > SAID {
            say(&format!("and {} more", side.broken.len() - SAID));
        }
        broken += side.broken.len();
        if let Some(first) = side.unknown.first() {
            say(&format!(
                "{what}: {} passed over, which hold no labels: {}{}",
                match side.unknown.len() {
                    1 => "1 file".to_owned(),
                    n => format!("{n} files"),
                },
                first.display(),
                if side.unknown.len() > 1 { ", ..." } else { "" }
            ));
        }
    }
    if let Some(out) = out_file {
        let read = [&predictions, &annotations];
        let files: Vec<_> = read
            .iter()
            .flat_map(|side| side.series.iter().map(|l| l.path.clone()))
            .collect();
        refuse_input_as_output(&files, out)?;
    }
    let options = Options {
        face,
        fill: args.fill,
    };
    let report = Report::new(&predictions, &annotations, options);
    if report.set.counts.matched == 0 {
        return Err(Failure::bad_input(nothing(
            args,
            &predictions,
            &annotations,
            &report,
        )));
    }
    for note in &report.notes {
        say(note);
    }
    if !to_stdout {
        print(&table::text(&report))?;
    }
    if args.out.is_some() {
        let given = json!({
            "predictions": args.predictions.display().to_string(),
            "annotations": args.annotations.display().to_string(),
            "face": match &args.face {
                Some(FaceArg::Id(id)) => json!(id),
                Some(FaceArg::Name(name)) => json!(name),
                None => json!(null),
            },
            "fill": args.fill,
        });
        let mut text = serde_json::to_string_pretty(&report.json(&given))
            .map_err(|e| Failure::broken(e.to_string()))?;
        text.push('\n');
        match out_file {
            Some(out) => write_whole(out, text.as_bytes(), args.force)?,
            None => print(&text)?,
        }
    }
    if broken > 0 {
        return Err(Failure::bad_input(format!(
            "{broken} {} could not be used; the lines above say why, and the scores are without {}",
            if broken == 1 { "file" } else { "files" },
            if broken == 1 { "it" } else { "them" }
        )));
    }
    Ok(())
}

/// Sees to it that nothing is compared with itself where both sides lie in one folder: tables of ours are predictions, the
/// rest of what is on both sides are labels.
fn apart(predictions: &mut Side, annotations: &mut Side) {
    let theirs: Vec<PathBuf> = predictions.series.iter().map(|l| l.path.clone()).collect();
    for table in annotations.without_predictions(&theirs) {
        say(&format!(
            "annotations: {} passed over: predictions, not labels",
            table.display()
        ));
    }
    if predictions.single_file {
        return;
    }
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let labels: HashSet<PathBuf> = annotations.series.iter().map(|l| real(&l.path)).collect();
    let before = predictions.series.len();
    predictions
        .series
        .retain(|l| !labels.contains(&real(&l.path)));
    match before - predictions.series.len() {
        0 => {}
        n => say(&format!(
            "predictions: {n} passed over that {} on the side of the annotations, too",
            if n == 1 { "is" } else { "are" }
        )),
    }
}

/// The id that the rows of this face go by, now that those of ids that are one person's have it, too. A name is looked for
/// beside each of the files.
fn chosen_face(face: &FaceArg, predictions: &mut Side) -> Result<u32, Failure> {
    let mut named = None;
    let tables = predictions.series.iter_mut();
    for loaded in tables.filter(|l| l.format == LabelFormat::Affectscope) {
        let names = Faces::read(&loaded.path).unwrap_or_else(|e| {
            say(&e.to_string());
            Faces::default()
        });
        let (one, id) = match face {
            FaceArg::Id(id) => (Some(names.one(*id)), *id),
            FaceArg::Name(name) => {
                let one = names.named(name);
                named = named.or(one);
                // Whoever has another id elsewhere goes by the first one's.
                (one, named.unwrap_or(u32::MAX))
            }
        };
        names.gather(&mut loaded.series.labels, one, id);
    }
    match face {
        FaceArg::Id(id) => Ok(*id),
        FaceArg::Name(name) => named.ok_or_else(|| {
            Failure::bad_input(format!(
                "no face of the predictions is called {name}. Names are given in the bench's menu of predictions, and lie in NAME.faces.json beside the table; give the face's id, or a name that is there."
            ))
        }),
    }
}

/// Why nothing matches.
fn nothing(args: &EvaluateArgs, predictions: &Side, annotations: &Side, report: &Report) -> String {
    let side = |what: &str, path: &Path, side: &Side| {
        let videos: Vec<&str> = side
            .series
            .iter()
            .map(|l| l.series.video.as_str())
            .take(3)
            .collect();
        let valid: usize = side.series.iter().map(|l| l.series.valid()).sum();
        match videos.len() {
            0 => format!("no {what} in {}", path.display()),
            _ => format!(
                "{valid} {what} ({}{})",
                videos.join(", "),
                if side.series.len() > 3 { ", ..." } else { "" }
            ),
        }
    };
    let empty = |side: &Side| {
        let mut labels = side.series.iter().map(|l| l.series.labels.len());
        !side.series.is_empty() && labels.all(|n| n == 0)
    };
    let c = report.set.counts;
    let why = if empty(predictions) {
        "the predictions have a header and no rows".to_owned()
    } else if empty(annotations) {
        "the annotations have a header and no rows".to_owned()
    } else if c.valid > 0 {
        format!(
            "the videos' names fit, but none of {} valid rows has a prediction at its frame, picture or time that speaks of the same thing",
            c.valid
        )
    } else if c.rows > 0 {
        "every annotation is marked as invalid".to_owned()
    } else {
        "no video is on both sides".to_owned()
    };
    format!(
        "nothing matches: {why}. {}; {}. Check that both are of the same videos (names are compared without their endings).",
        side("predictions", &args.predictions, predictions),
        side("annotations", &args.annotations, annotations)
    )
}
