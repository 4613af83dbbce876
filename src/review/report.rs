//! The report: one page that needs nothing beside it, and its figures.
//!
//! [`page`] makes the text from a [`Project`] and from what was found out about its files ([`Facts`]); it reads no file
//! and no clock. Its scores are those of [`Project::scores`], written by [`crate::metrics::written`], as `evaluate` and
//! the window write them.

mod agreement;
mod facts;
mod html;
mod made;
mod scores;
mod worst;

use std::collections::BTreeMap;

pub use self::facts::{FileFacts, VideoFacts, files, when};
use self::html::{Cell, Html};
pub use self::scores::format_name;
pub use self::worst::{SHOWN, Worst, settled, wanted, worst};
use super::agreement::{Who, agreement};
use super::figure::raster::{self, RasterError};
use super::figure::{Apart, Cloud, circumplex, confusion, ticks, timeline};
use super::{FaceChoice, Model, Project, Rater};
use crate::evaluate::matching::Scores;
use crate::formats::labels::Person;
use crate::numbers::counted;

/// What a report says beside what the project knows.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The video.
    pub video: VideoFacts,
    /// The files that all of it was made from.
    pub files: Vec<FileFacts>,
    /// JPEG of frames: the faces of the worst segments. None where they are not wanted or could not be had.
    pub faces: BTreeMap<usize, Vec<u8>>,
    /// When it is made, as people write it.
    pub when: String,
}

/// A figure of the report as a file of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Figure {
    /// The file's name.
    pub name: &'static str,
    /// SVG.
    pub text: String,
}

/// Which of two people.
fn side(person: Person) -> &'static str {
    match person {
        Person::Left => "left",
        Person::Right => "right",
    }
}

/// Each rater's scores over the whole video.
fn scores_of(project: &Project) -> Vec<(&Rater, Scores)> {
    let raters = project.raters().iter().enumerate();
    raters
        .map(|(i, rater)| (rater, project.scores(i, 0..project.frames())))
        .collect()
}

impl Figure {
    /// The files of a figure, by their names: the SVG, and the same as PNG, two pixels a unit.
    ///
    /// # Errors
    /// [`RasterError`], which would be a mistake of this program.
    pub fn files(self) -> Result<[(String, Vec<u8>); 2], RasterError> {
        let png = raster::png(&self.text, raster::PRINT)?;
        let stem = self.name.trim_end_matches(".svg");
        Ok([
            (format!("{stem}.png"), png),
            (self.name.to_owned(), self.text.into_bytes()),
        ])
    }
}

/// Names of all files that [`figures`] may give.
pub const FIGURE_FILES: [&str; 6] = [
    "timeline.svg",
    "timeline.png",
    "circumplex.svg",
    "circumplex.png",
    "confusion.svg",
    "confusion.png",
];

/// The timeline, the circumplex and, where expressions are compared, the confusion.
pub fn figures(project: &Project) -> Vec<Figure> {
    let mut figures = vec![
        Figure {
            name: "timeline.svg",
            text: whole_timeline(project),
        },
        Figure {
            name: "circumplex.svg",
            text: whole_circumplex(project),
        },
    ];
    let all = scores_of(project);
    let compared = all.iter().filter(|(_, s)| s.expression.count() > 0);
    let names: Vec<(String, &Scores)> = compared
        .map(|(rater, s)| (format!("{} and the model", rater.name), s))
        .collect();
    if !names.is_empty() {
        let matrices: Vec<_> = names
            .iter()
            .map(|(name, s)| (name.as_str(), &s.expression))
            .collect();
        figures.push(Figure {
            name: "confusion.svg",
            text: confusion(&matrices),
        });
    }
    figures
}

fn whole_timeline(project: &Project) -> String {
    let apart = worst::apart(project);
    let apart = apart.as_ref().map(|values| Apart {
        values,
        what: match project.raters().len() {
            1 => "the model and the labels",
            _ => "the model and the rater it is furthest from",
        },
    });
    timeline(project, 0..project.frames(), apart)
}

fn whole_circumplex(project: &Project) -> String {
    let model = project.model().map(|m| Cloud {
        name: "model",
        track: m.track(),
    });
    let raters = project.raters().iter().map(|r| Cloud {
        name: &r.name,
        track: r.track(),
    });
    let both = |c: &Cloud<'_>| {
        let [_, valence, arousal] = c.track.counts();
        valence > 0 && arousal > 0
    };
    let clouds: Vec<Cloud<'_>> = model.into_iter().chain(raters).filter(both).collect();
    circumplex("Where valence and arousal lie", &clouds)
}

/// The report as HTML; `worst` are its segments, as [`worst`](worst()) gives them.
pub fn page(project: &Project, worst: &[Worst], facts: &Facts) -> String {
    let all = scores_of(project);
    let mut page = Html::new(&format!("{}: predictions and labels", project.name));
    page.section("overview", &project.name, |page| {
        page.say(
            "p",
            "What a face shows to a trained network, not what a person feels.",
        );
        scores::overview(page, &all);
        video(page, project, &facts.video);
        let mut notes = project.notes();
        let mended = project.raters().iter().filter(|r| r.mended_places() > 0);
        notes.extend(mended.map(|rater| {
            let places = counted(rater.mended_places() as u64, "place");
            match rater.origins.is_empty() {
                true => format!(
                    "{}: made in this program, in {places}; from no file.",
                    rater.name
                ),
                false => format!(
                    "{}: mended in {places}; the files below are as they were.",
                    rater.name
                ),
            }
        }));
        if !notes.is_empty() {
            page.say("h3", "To know");
            page.list(&notes);
        }
        list_files(page, &facts.files);
    });
    page.section("scores", "Scores", |page| {
        scores::meaning(page);
        for (rater, s) in &all {
            page.div("keep", |page| scores::rater(page, rater, s));
        }
    });
    if project.raters().len() > 1 {
        let all = agreement(project, &Who::of(project), 0..project.frames());
        page.section("agreement", "Agreement", |page| {
            agreement::section(page, &all);
        });
    }
    page.section("time", "Over time", |page| {
        let caption = "Lines: valence and arousal as the model reads them and as people rate them. A gap is where nobody \
                       said anything, or where there was no face.";
        page.figure(&whole_timeline(project), caption);
        page.figure(
            &whole_circumplex(project),
            "Frames by valence and arousal; darker where there are more of them.",
        );
    });
    page.section("worst", "Worst segments", |page| {
        worst::section(page, project, worst, &facts.faces);
    });
    page.section("made", "How it was made", |page| {
        if let Some(model) = project.model() {
            page.say("p", &face(model));
            made::with(page, model);
        }
        page.explain(&format!(
            "Report by affectscope {} on {}.",
            env!("CARGO_PKG_VERSION"),
            facts.when
        ));
    });
    page.finish()
}

/// Which face's predictions these are.
fn face(model: &Model) -> String {
    let faces = model.faces().len();
    let of = match faces {
        0 | 1 => String::new(),
        n => format!(" (the predictions know {n})"),
    };
    match model.choice() {
        FaceChoice::Largest => format!("Predictions of the largest face of each frame{of}."),
        FaceChoice::Side(person) => {
            format!(
                "Predictions of the face on the {} of each frame{of}.",
                side(person)
            )
        }
        FaceChoice::Id(id) => {
            let names = model.names();
            let joined: Vec<String> = names.joined_to(id).map(|i| i.to_string()).collect();
            let ids = match (names.name(id), joined.is_empty()) {
                (None, true) => String::new(),
                (Some(_), true) => format!(", face {id}"),
                (_, false) => format!(
                    ", face {id} and what was joined to it: {}",
                    joined.join(", ")
                ),
            };
            format!("Predictions of {}{ids}{of}.", names.title(id))
        }
    }
}

fn video(page: &mut Html, project: &Project, video: &VideoFacts) {
    let mut rows = Vec::new();
    let mut row = |name: &str, text: String| rows.push(vec![Cell::text(name), Cell::text(text)]);
    if let Some((w, h)) = video.size_px {
        row("size", format!("{w} × {h} px"));
    }
    if let Some(format) = &video.format {
        row("coded as", format.clone());
    }
    if let Some(rate_hz) = video.rate_hz {
        row("rate", format!("{rate_hz:.2} frames a second"));
    }
    let own = if video.frames.is_some() {
        ""
    } else {
        ", as the predictions have it"
    };
    let frames = video.frames.unwrap_or_else(|| project.frames());
    row("frames", format!("{frames}{own}"));
    if let Some(length_s) = video.length_s {
        row("length", ticks::length(length_s));
    }
    if let Some(model) = project.model() {
        let said = model.track().said();
        let weights = match &model.weights {
            Some(name) => format!(", by {name}"),
            None => String::new(),
        };
        row(
            "predictions",
            format!("{said} frames with a face that was read{weights}"),
        );
    }
    for rater in project.raters() {
        let [expression, valence, arousal] = rater.track().counts();
        let counts = [
            (expression, "with an expression"),
            (valence, "with valence"),
            (arousal, "with arousal"),
        ];
        let counts = counts.iter().filter(|c| c.0 > 0);
        let counts: Vec<String> = counts.map(|(n, what)| format!("{n} {what}")).collect();
        let said = match counts.is_empty() {
            true => "no frame of this video".to_owned(),
            false => format!("frames: {}", counts.join(", ")),
        };
        row(&rater.name, said);
    }
    page.table("The video and what is said of it", &[], &rows);
    if let Some(note) = &video.note {
        page.say("p", note);
    }
}

fn list_files(page: &mut Html, files: &[FileFacts]) {
    let rows: Vec<Vec<Cell>> = files
        .iter()
        .map(|file| {
            vec![
                Cell::text(&file.role),
                Cell::text(file.name()),
                Cell::text(file.format.clone().unwrap_or_default()),
                Cell::number(file.bytes.map_or("folder".to_owned(), |b| b.to_string())),
                Cell::Code(file.sha256.clone().unwrap_or_default()),
            ]
        })
        .collect();
    page.div("wide keep", |page| {
        page.table(
            "Files",
            &["", "name", "written in", "bytes", "SHA-256"],
            &rows,
        );
    });
}
