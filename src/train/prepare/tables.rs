//! Files of labels, and the columns of plain tables.

use std::collections::BTreeMap;
use std::path::Path;

use super::databases::wrong;
use super::{Database, Options, PrepareError};
use crate::evaluate::files::{Loaded, Side};
use crate::formats::labels::{self, Label, LabelFormat};
use crate::train::set::Split;

/// The database's files of labels, of one format where it has one.
pub(super) fn annotations(
    options: &Options,
    format: Option<LabelFormat>,
) -> Result<Side, PrepareError> {
    let path = options.annotations.as_ref().unwrap_or(&options.input);
    let mut side = Side::load(path, None)?;
    if let Some(format) = format {
        side.series.retain(|loaded| loaded.format == format);
    }
    if let Some(broken) = side.broken.into_iter().next() {
        return Err(broken.into());
    }
    if options.database == Database::Table
        && side.series.is_empty()
        && let Some(unknown) = side.unknown.iter().find(|path| is_table(path))
    {
        // Why the first of them is none that is known.
        labels::read(unknown)?;
    }
    if side.series.is_empty() {
        let reason = "there are no labels of this database in it. Check --format, or name its file or folder of labels \
                      with --annotations.";
        return Err(wrong(path, reason));
    }
    side.broken = Vec::new();
    Ok(side)
}

fn is_table(path: &Path) -> bool {
    let ending = path.extension().map(|e| e.to_ascii_lowercase());
    ending.is_some_and(|e| e == "csv" || e == "tsv")
}

/// Whether rows name pictures; else they name frames.
///
/// # Errors
/// When those of some tables do, and those of others do not.
pub(super) fn of_pictures(side: &Side) -> Result<bool, PrepareError> {
    let all = |loaded: &&Loaded| loaded.series.labels.iter().all(|l| l.picture.is_some());
    let tables = side.series.iter().filter(|l| !l.series.labels.is_empty());
    let (pictures, frames): (Vec<&Loaded>, Vec<&Loaded>) = tables.partition(all);
    match (pictures.first(), frames.first()) {
        (Some(pictures), Some(frames)) => Err(wrong(
            &frames.path,
            format!(
                "its rows do not all name a picture, and those of {} do. Prepare tables of pictures and tables of frames one after \
                 the other, into a set each.",
                pictures.path.display()
            ),
        )),
        (_, frames) => Ok(frames.is_none()),
    }
}

/// Files that are told one by one, at most.
const TOLD: usize = 5;

/// Files that are no labels, and tables without a row. Of a table that is not known, why.
pub(super) fn passed_over(side: &Side) -> Vec<String> {
    let (tables, others): (Vec<_>, Vec<_>) = side.unknown.iter().partition(|path| is_table(path));
    let told = tables.iter().take(TOLD);
    let mut notes: Vec<String> = told
        .filter_map(|path| labels::read(path).err())
        .map(|why| format!("passed over: {why}"))
        .collect();
    let empty = side.series.iter().filter(|l| l.series.labels.is_empty());
    notes.extend(empty.take(TOLD).map(|loaded| {
        let path = loaded.path.display();
        format!("passed over: {path}: it has a header, and no row")
    }));
    if let (Some(first), n) = (others.first(), others.len()) {
        notes.push(format!(
            "{} and passed over (the first: {})",
            match n {
                1 => "1 file is no labels".to_owned(),
                n => format!("{n} files are no labels"),
            },
            first.display()
        ));
    }
    if tables.len() > TOLD {
        notes.push(format!(
            "{} more tables are passed over",
            tables.len() - TOLD
        ));
    }
    notes
}

/// Columns that are named in a note, at most.
const NAMED: usize = 6;
/// Letters of a column's name that are.
const LONGEST_NAME: usize = 40;

/// Columns of plain tables that nothing is read from: perhaps something was to be, by another name. A note for all tables that
/// have the same ones.
pub(super) fn not_read(side: &Side) -> Vec<String> {
    let mut tables: BTreeMap<Vec<&str>, Vec<&Path>> = BTreeMap::new();
    for loaded in side
        .series
        .iter()
        .filter(|l| l.format == LabelFormat::Plain)
    {
        let names = loaded.series.passed_over.iter().map(String::as_str);
        let names: Vec<&str> = names
            .filter(|name| !name.is_empty() && !EXTRA.contains(name))
            .collect();
        if !names.is_empty() {
            tables.entry(names).or_default().push(&loaded.path);
        }
    }
    let note = |(names, paths): (Vec<&str>, Vec<&Path>)| {
        let mut quoted: Vec<String> = names
            .iter()
            .take(NAMED)
            .map(|name| {
                let short: String = name.chars().take(LONGEST_NAME).collect();
                format!("'{}'", short.escape_debug())
            })
            .collect();
        if names.len() > NAMED {
            quoted.push(format!("{} more", names.len() - NAMED));
        }
        let first = paths
            .first()
            .map_or_else(String::new, |path| path.display().to_string());
        format!(
            "{first}{}: nothing is read from the {} {}; what is read: frame, picture or file, expression, valence, arousal, {}",
            match paths.len() {
                0 | 1 => String::new(),
                n => format!(" and {} more like it", n - 1),
            },
            if names.len() == 1 {
                "column"
            } else {
                "columns"
            },
            quoted.join(", "),
            EXTRA.join(", "),
        )
    };
    tables.into_iter().map(note).collect()
}

/// The split that a row of a table names.
pub(super) fn split_named(
    text: &str,
    loaded: &Loaded,
    label: &Label,
) -> Result<Split, PrepareError> {
    Split::from_name(text).ok_or_else(|| {
        let reason = format!(
            "line {}: {text:?} is no split; wanted is train, validation or test",
            label.line
        );
        wrong(&loaded.path, reason)
    })
}

/// Columns that are read beside the labels.
const EXTRA: [&str; 3] = ["split", "subject", "group"];

/// The columns of a plain table beside the labels.
pub(super) struct Extra([Option<Vec<String>>; 3]);

impl Extra {
    pub fn of(loaded: &Loaded) -> Result<Self, PrepareError> {
        Ok(Self(match loaded.format {
            LabelFormat::Plain => labels::plain_columns(&loaded.path, EXTRA)?,
            _ => [const { None }; 3],
        }))
    }

    /// Split, subject and group of a row, where they are there.
    pub fn row(&self, row: usize) -> [Option<&str>; 3] {
        self.0.each_ref().map(|column| {
            let text = column.as_ref()?.get(row)?.as_str();
            (!text.is_empty()).then_some(text)
        })
    }
}
