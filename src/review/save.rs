//! A rater's labels as a file that other programs read, with a sidecar that says how they came to be.
//!
//! [`prepare`] takes what is to be saved out of the project, so that [`Job::write`] can be done beside the window; then
//! [`Editor::saved`] is told.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::editor::{Editor, Summary};
use super::entry::{FileId, name_of};
use super::project::Project;
use super::track::Track;
use crate::formats::labels::Person;
use crate::formats::labels::abaw_write::{EXPR_HEADER, VA_HEADER};
use crate::formats::output::{OutputError, Whole, write_together};
use crate::formats::sidecar::sidecar_path;

/// What labels are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SaveFormat {
    /// As Aff-Wild2: a line a frame, expressions in one file, valence and arousal in another. Where a rater has both,
    /// they go into the folders `EXPR_Set` and `VA_Set` beside the name that was given.
    AffWild2,
    /// A plain csv: `frame,time_s,expression,valence,arousal`, a row a frame.
    #[default]
    Csv,
    /// As DARMA: valence and arousal by the clock. It has no expressions.
    Darma,
}

impl SaveFormat {
    /// All of them, in the order of the menu.
    pub const ALL: [Self; 3] = [Self::Csv, Self::AffWild2, Self::Darma];

    /// The name on screen.
    pub fn title(self) -> &'static str {
        match self {
            Self::AffWild2 => "Aff-Wild2",
            Self::Csv => "csv",
            Self::Darma => "DARMA",
        }
    }

    /// The ending of its files.
    pub fn ending(self) -> &'static str {
        match self {
            Self::AffWild2 => "txt",
            Self::Csv | Self::Darma => "csv",
        }
    }
}

/// Why labels cannot be saved. Nothing has been written then.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// It is one of the files that were opened.
    #[error("{path}: this file was opened here, and originals are never written over. Save as another file: {suggested}", path = path.display(), suggested = suggested.display())]
    Original {
        /// Which.
        path: PathBuf,
        /// A name that is free.
        suggested: PathBuf,
    },
    /// There is nobody of that number, or nothing is said.
    #[error("there are no labels to save yet.")]
    Nothing,
    /// The format has no place for what is said.
    #[error("{0}")]
    Unfit(String),
    /// The file cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Saved {
    /// The files of labels.
    pub files: Vec<PathBuf>,
    /// The sidecar of each.
    pub sidecars: Vec<PathBuf>,
    /// What the format has no place for, in words.
    pub left_out: Vec<String>,
}

/// Labels that are to be saved, taken out of the project.
#[derive(Debug, Clone)]
pub struct Job {
    path: PathBuf,
    format: SaveFormat,
    force: bool,
    when: String,
    saved_by: String,
    rater: String,
    offset_frames: i64,
    mended_places: usize,
    track: Track,
    times_s: Vec<f64>,
    rate_hz: f64,
    video: String,
    predictions: Option<String>,
    files: Vec<FileId>,
    summary: Summary,
    originals: Vec<PathBuf>,
}

/// Takes a rater's labels out to be saved as `path`, with `force` over a file that is there. `when` is UTC. The name is
/// only looked at by [`Job::write`].
///
/// # Errors
/// [`SaveError::Nothing`].
pub fn prepare(
    project: &Project,
    editor: &mut Editor,
    rater: usize,
    format: SaveFormat,
    path: &Path,
    force: bool,
    when: &str,
) -> Result<Job, SaveError> {
    let r = project.raters().get(rater).ok_or(SaveError::Nothing)?;
    if r.track().said() == 0 {
        return Err(SaveError::Nothing);
    }
    editor.begin_save(project, rater, when);
    let model = project.model().and_then(|m| m.path.as_deref());
    Ok(Job {
        path: path.to_owned(),
        format,
        force,
        when: when.to_owned(),
        saved_by: editor.who().to_owned(),
        rater: r.name.clone(),
        offset_frames: r.offset_frames(),
        mended_places: r.mended_places(),
        track: r.track().clone(),
        times_s: project.times_s().to_vec(),
        rate_hz: project.rate_hz(),
        video: project.name.clone(),
        predictions: model.map(name_of),
        files: editor.files(rater).to_vec(),
        summary: editor.summary(rater),
        originals: originals(project),
    })
}

/// The files that were opened: none of them is ever written to.
pub fn originals(project: &Project) -> Vec<PathBuf> {
    let model = project.model().and_then(|m| m.path.clone());
    let sidecar = model.as_deref().map(sidecar_path);
    let labels = project.raters().iter().flat_map(|r| &r.origins);
    let labels = labels.map(|origin| origin.path.clone());
    let all = project.video.clone().into_iter().chain(model);
    all.chain(sidecar).chain(labels).collect()
}

/// So much of a rater's name is in the name of their file.
const MOST_LETTERS: usize = 32;

/// A name for a rater's labels that is free: the video's with the rater's behind a dot, by which both are known again.
pub fn suggested_path(
    project: &Project,
    rater: usize,
    format: SaveFormat,
    folder: &Path,
) -> PathBuf {
    let r = project.raters().get(rater);
    let plain = |c: char| {
        if c.is_alphanumeric() || matches!(c, '-' | '.') {
            c
        } else {
            '_'
        }
    };
    // Half of what a file's name may have, in letters of up to four bytes; the video's name needs room, too.
    let letters = r.map_or("", |r| &r.name).chars().take(MOST_LETTERS);
    let name: String = letters.map(plain).collect();
    let person = match r.and_then(|r| r.person) {
        Some(Person::Left) => "_left",
        Some(Person::Right) => "_right",
        None => "",
    };
    let stem = project.stem();
    let name = if name.is_empty() { "labels" } else { &name };
    free(
        folder,
        &format!("{stem}.{name}"),
        &format!("{person}.{}", format.ending()),
    )
}

fn free(folder: &Path, stem: &str, ending: &str) -> PathBuf {
    let first = folder.join(format!("{stem}{ending}"));
    let numbered = (2..10_000).map(|n| folder.join(format!("{stem}_{n}{ending}")));
    let mut names = std::iter::once(first.clone()).chain(numbered);
    names
        .find(|p| p.symlink_metadata().is_err())
        .unwrap_or(first)
}

/// Whether two names are of one file, be it by links.
fn same_file(a: &Path, b: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        if let (Ok(a), Ok(b)) = (a.metadata(), b.metadata()) {
            return (a.dev(), a.ino()) == (b.dev(), b.ino());
        }
    }
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => a == b,
    }
}

impl Job {
    /// Writes it, all its files or none.
    ///
    /// # Errors
    /// [`SaveError`]: when the name is that of an original or taken, the format cannot hold the labels, or the system
    /// refuses.
    pub fn write(&self) -> Result<Saved, SaveError> {
        let mut left_out = Vec::new();
        let texts = self.texts(&mut left_out)?;
        let mut files: Vec<(PathBuf, String, bool)> = Vec::new();
        let mut saved = Saved {
            files: Vec::new(),
            sidecars: Vec::new(),
            left_out: left_out.clone(),
        };
        for (path, text) in texts {
            self.refuse_original(&path)?;
            let sidecar = self.sidecar_of(&path);
            let mut said = serde_json::to_string_pretty(&self.sidecar(&path, &left_out))
                .map_err(|e| SaveError::Unfit(e.to_string()))?;
            said.push('\n');
            saved.files.push(path.clone());
            saved.sidecars.push(sidecar.clone());
            files.push((path, text, self.force));
            files.push((sidecar, said, true));
        }
        let whole = files.iter().map(|(path, text, force)| Whole {
            path,
            bytes: text.as_bytes(),
            force: *force,
        });
        write_together(&whole.collect::<Vec<_>>())?;
        Ok(saved)
    }

    fn is_original(&self, path: &Path) -> bool {
        self.originals.iter().any(|o| same_file(o, path))
    }

    fn refuse_original(&self, path: &Path) -> Result<(), SaveError> {
        if !self.is_original(path) {
            return Ok(());
        }
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let ending = path
            .extension()
            .map_or(String::new(), |e| format!(".{}", e.to_string_lossy()));
        let folder = path.parent().unwrap_or(Path::new(""));
        Err(SaveError::Original {
            path: path.to_owned(),
            suggested: free(folder, &format!("{stem}_mended"), &ending),
        })
    }

    /// Where the sidecar of a file goes: never over anything but the sidecar of an earlier save of the same file.
    fn sidecar_of(&self, path: &Path) -> PathBuf {
        let name = name_of(path);
        let may = |sidecar: &Path| {
            sidecar.symlink_metadata().is_err() || {
                let text = std::fs::read_to_string(sidecar).unwrap_or_default();
                serde_json::from_str::<Value>(&text).is_ok_and(|v| {
                    v["program"] == "affectscope" && v["holds"] == "labels" && v["file"] == *name
                })
            }
        };
        let usual = sidecar_path(path);
        if may(&usual) && !self.is_original(&usual) {
            return usual;
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        let own = folder.join(format!("{name}.json"));
        if may(&own) && !self.is_original(&own) {
            return own;
        }
        free(folder, &format!("{name}_sidecar"), ".json")
    }

    fn texts(&self, left_out: &mut Vec<String>) -> Result<Vec<(PathBuf, String)>, SaveError> {
        let [expressions, valences, arousals] = self.track.counts();
        let affect = valences + arousals > 0;
        match self.format {
            SaveFormat::Csv => Ok(vec![(self.path.clone(), self.csv())]),
            SaveFormat::AffWild2 if expressions > 0 && affect => {
                let name = self.path.file_name().unwrap_or_default();
                let folder = self.path.parent().unwrap_or(Path::new(""));
                Ok(vec![
                    (folder.join("EXPR_Set").join(name), self.expressions()),
                    (folder.join("VA_Set").join(name), self.affect()),
                ])
            }
            SaveFormat::AffWild2 if affect => Ok(vec![(self.path.clone(), self.affect())]),
            SaveFormat::AffWild2 => Ok(vec![(self.path.clone(), self.expressions())]),
            SaveFormat::Darma if affect => {
                if expressions > 0 {
                    left_out.push(format!(
                        "{expressions} expressions: DARMA's format has none. Save them as csv or Aff-Wild2."
                    ));
                }
                Ok(vec![(self.path.clone(), self.darma()?)])
            }
            SaveFormat::Darma => Err(SaveError::Unfit(
                "there is no valence or arousal to save, and DARMA's format has no expressions. Save as csv or Aff-Wild2."
                    .to_owned(),
            )),
        }
    }

    /// Numbers have as many digits as it takes to read back the very same.
    fn csv(&self) -> String {
        let mut text = "frame,time_s,expression,valence,arousal\n".to_owned();
        for frame in 0..self.track.len() {
            let r = self.track.get(frame);
            let time_s = self.times_s.get(frame).copied();
            let time_s = time_s.filter(|t| t.is_finite());
            // Writing to a text cannot fail.
            let _ = writeln!(
                text,
                "{frame},{},{},{},{}",
                number(time_s, ""),
                r.expression.map_or("", |e| e.name()),
                number(r.valence, ""),
                number(r.arousal, "")
            );
        }
        text
    }

    fn expressions(&self) -> String {
        let mut text = EXPR_HEADER.to_owned();
        for frame in 0..self.track.len() {
            let _ = match self.track.expression(frame) {
                Some(expression) => write!(text, "\n{}", expression.index()),
                None => write!(text, "\n-1"),
            };
        }
        text
    }

    fn affect(&self) -> String {
        let mut text = VA_HEADER.to_owned();
        for frame in 0..self.track.len() {
            let r = self.track.get(frame);
            let _ = write!(
                text,
                "\n{},{}",
                number(r.valence, "-5"),
                number(r.arousal, "-5")
            );
        }
        text
    }

    /// The layout of DARMA's own files; a moment of every frame, and the scale -1..=1.
    fn darma(&self) -> Result<String, SaveError> {
        let times = self.times_s.iter().take(self.track.len());
        let before = times
            .clone()
            .filter(|t| !t.is_finite() || **t < 0.0)
            .count();
        let disordered = self.times_s.windows(2).any(|w| w[1] <= w[0]);
        if before > 0 || disordered {
            return Err(SaveError::Unfit(
                "the video's times begin before 0 or do not ascend, and DARMA's format goes by the clock. Save as csv or Aff-Wild2."
                    .to_owned(),
            ));
        }
        let in_field = |c: char| {
            if matches!(c, ',' | ';' | '"') || c.is_control() {
                '_'
            } else {
                c
            }
        };
        let name: String = self.video.chars().map(in_field).collect();
        let mut text = format!(
            "Time of Rating,{},\nMultimedia File,{name},\nMagnitude,1,\nSecond,X,Y\n%%%%%%,%%%%%%,%%%%%%\n",
            self.when
        );
        for (frame, time_s) in times.enumerate() {
            let r = self.track.get(frame);
            let _ = writeln!(
                text,
                "{time_s},{},{}",
                number(r.valence, "NaN"),
                number(r.arousal, "NaN")
            );
        }
        Ok(text)
    }

    fn sidecar(&self, path: &Path, left_out: &[String]) -> Value {
        let s = &self.summary;
        let (first, last) = match &s.first_and_last {
            Some((first, last)) => (Some(first), Some(last)),
            None => (None, None),
        };
        let hidden = match (s.blind, s.edits) {
            (_, 0) => "no edits",
            (0, _) => "never",
            (blind, edits) if blind == edits => "always",
            _ => "for some edits",
        };
        json!({
            "program": "affectscope",
            "version": env!("CARGO_PKG_VERSION"),
            "holds": "labels",
            "file": name_of(path),
            "format": self.format.title(),
            "saved_at": self.when,
            "saved_by": self.saved_by,
            "rater": self.rater,
            "video": {"name": self.video, "frames": self.track.len(), "rate_hz": self.rate_hz},
            "made_from": self.files,
            "started_from": s.copied_from,
            "offset_frames": self.offset_frames,
            "edits": {
                "count": s.edits,
                "places": self.mended_places,
                "by": s.who,
                "first_at": first,
                "last_at": last,
            },
            "live_ratings": {"count": s.rated_hz.len(), "wanted_rates_hz": s.rated_hz},
            "predictions": {"file": self.predictions, "hidden_while_annotating": hidden, "edits_while_hidden": s.blind},
            "left_out": left_out,
            "note": "What people see in a face, not what the person felt.",
        })
    }
}

/// A number, or what stands for none. Never an exponent.
fn number(value: Option<f64>, none: &str) -> String {
    value.map_or_else(|| none.to_owned(), |v| v.to_string())
}
