//! A row of the list of sessions: its columns and their words.

use std::path::Path;

use eframe::egui::{Rect, Ui, pos2};

use super::Column;
use crate::gui::theme::{self, Palette};
use crate::gui::widgets;
use crate::metrics::{CLASS_DECIMALS, written};
use crate::numbers::{counted, grouped};
use crate::review::sessions::words::{against, day_and_minute, faces, length};
use crate::review::sessions::{Detail, Session, Whole};

/// Where the columns stand.
pub(super) struct Columns(Vec<(Column, f32, f32)>);

impl Columns {
    pub(super) fn of(range: (f32, f32)) -> Self {
        let width = range.1 - range.0;
        let mut widths = vec![
            (Column::When, 122.0),
            (Column::Length, 62.0),
            (Column::Frames, 72.0),
            (Column::Faces, 56.0),
            (Column::Weights, 120.0),
            (Column::Scores, 170.0),
        ];
        // What is known elsewhere goes first where there is no room.
        for (column, least) in [(Column::Weights, 1000.0), (Column::Frames, 800.0)] {
            if width < least {
                widths.retain(|(c, _)| *c != column);
            }
        }
        // Words that follow figures stand further from them: those end where they begin.
        let gap = |column: Column| {
            let wide = matches!(column, Column::Weights | Column::Scores);
            if wide { 24.0 } else { 14.0 }
        };
        let others: f32 = widths.iter().map(|&(c, w)| w + gap(c)).sum();
        let mut x = range.0 + 10.0;
        let name = (width - 20.0 - others).max(120.0);
        let mut all = vec![(Column::Name, x, x + name)];
        x += name;
        for (column, width) in widths {
            x += gap(column);
            all.push((column, x, x + width));
            x += width;
        }
        Self(all)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (Column, f32, f32)> + '_ {
        self.0.iter().copied()
    }
}

impl Column {
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Name => "Name",
            Self::When => "When, UTC",
            Self::Length => "Length",
            Self::Frames => "Frames",
            Self::Faces => "Faces",
            Self::Weights => "Weights",
            Self::Scores => "Against labels",
        }
    }

    pub(super) fn hint(self) -> &'static str {
        match self {
            Self::When => "By a recording's name, else the table's own time; UTC",
            Self::Faces => "Ids of the tracker; those that were joined are one",
            Self::Scores => {
                "Concordance (CCC) of valence V and arousal A, and macro F1 of the expressions: the largest face of each frame against the labels beside it, as evaluate scores them"
            }
            _ => "",
        }
    }

    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Length | Self::Frames | Self::Faces)
    }
}

/// Two lines of a column, or one and an empty one.
type Lines = (String, String);

/// Draws a row's words.
pub(super) fn draw(
    ui: &Ui,
    rect: Rect,
    session: &Session,
    detail: Option<&Detail>,
    columns: &Columns,
    p: &Palette,
) {
    let broken = session.whole == Whole::No;
    for (column, left, right) in columns.all() {
        let room = right - left;
        if column == Column::Name {
            let color = if broken { p.muted } else { p.text };
            let name =
                widgets::layout_elided(ui, &session.name, theme::semibold(13.0), color, room);
            ui.painter()
                .galley(pos2(left, rect.top() + 6.0), name, color);
            let (words, alarm) = below(session);
            let color = if alarm { p.record } else { p.muted };
            let words = widgets::layout_elided(ui, &words, theme::caption(), color, room);
            ui.painter()
                .galley(pos2(left, rect.top() + 24.0), words, color);
            continue;
        }
        let (first, second) = cell(column, session, detail);
        let two = !second.is_empty();
        let font = if column == Column::Weights {
            theme::caption()
        } else {
            theme::digits(12.0)
        };
        for (text, font, y) in [
            (&first, font, if two { -9.0 } else { 0.0 }),
            (&second, theme::caption(), 9.0),
        ] {
            let galley = widgets::layout_elided(ui, text, font, p.muted, room);
            let x = if column.is_number() {
                right - galley.size().x
            } else {
                left
            };
            let at = pos2(x, rect.center().y + y - galley.size().y / 2.0);
            ui.painter().galley(at, galley, p.muted);
        }
    }
}

fn cell(column: Column, session: &Session, detail: Option<&Detail>) -> Lines {
    let one = |text: String| (text, String::new());
    match column {
        Column::Name => one(session.name.clone()),
        Column::When => one(day_and_minute(&session.when)),
        Column::Length => one(session.length_s.map_or("–".to_owned(), length)),
        Column::Frames => one(session.frames.map_or("–".to_owned(), grouped)),
        Column::Faces => one(match detail {
            Some(detail) if detail.failed.is_empty() || detail.faces > 0 => {
                detail.faces.to_string()
            }
            Some(_) => "–".to_owned(),
            None if session.can_be_opened() => "…".to_owned(),
            None => "–".to_owned(),
        }),
        Column::Weights => one(session.weights.clone().unwrap_or_default()),
        Column::Scores => scores(session, detail),
    }
}

fn scores(session: &Session, detail: Option<&Detail>) -> Lines {
    let none = String::new;
    if session.labels.is_empty() {
        return (none(), none());
    }
    let Some(detail) = detail else {
        let waiting = if session.can_be_opened() { "…" } else { "" };
        return (waiting.to_owned(), none());
    };
    let Some(first) = detail.scores.first() else {
        return (none(), "labels cannot be read".to_owned());
    };
    let value = |v: Option<f64>| written(v, CLASS_DECIMALS);
    let mut parts = Vec::new();
    if first.ccc_valence.is_some() || first.ccc_arousal.is_some() {
        parts.push(format!(
            "CCC V {} A {}",
            value(first.ccc_valence),
            value(first.ccc_arousal)
        ));
    }
    if first.macro_f1.is_some() {
        parts.push(format!("F1 {}", value(first.macro_f1)));
    }
    let others = match detail.scores.len() {
        1 => String::new(),
        n => format!(" and {} more", n - 1),
    };
    let rater = format!("{}{others}", first.rater);
    match parts.as_slice() {
        [] => (none(), format!("{rater}: nothing to compare")),
        [one] => (one.clone(), rater),
        [ccc, rest @ ..] => (ccc.clone(), format!("{} · {rater}", rest.join(" "))),
    }
}

/// A folder as people write it: `~` for their home.
pub(super) fn short(folder: &Path) -> String {
    let home = dirs::home_dir().filter(|home| home.parent().is_some());
    match home.and_then(|home| folder.strip_prefix(home).ok().map(Path::to_owned)) {
        Some(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
        Some(rest) => Path::new("~").join(rest).display().to_string(),
        None => folder.display().to_string(),
    }
}

/// What stands below the name, and whether it is an alarm.
fn below(session: &Session) -> (String, bool) {
    if let Some(trouble) = &session.trouble {
        return (trouble.clone(), session.whole == Whole::No);
    }
    if let Some(missing) = session.missing() {
        return (format!("its video is not there: {missing}"), false);
    }
    let name = |path: &Path| path.file_name().map(|n| n.to_string_lossy().into_owned());
    let video = session.video.as_deref().and_then(name);
    let source = video.or_else(|| session.source.clone());
    let folder = session.table.parent().map(short);
    let parts = [source, folder.map(|f| format!("in {f}"))];
    (
        parts.into_iter().flatten().collect::<Vec<_>>().join(" · "),
        false,
    )
}

/// A row as it is spoken.
pub(super) fn spoken(session: &Session, detail: Option<&Detail>) -> String {
    let mut parts = vec![format!("Session {}", session.name)];
    parts.push(day_and_minute(&session.when));
    parts.extend(session.length_s.map(length));
    parts.extend(session.frames.map(|n| counted(n, "frame")));
    parts.extend(detail.map(faces));
    parts.extend(session.weights.clone());
    parts.extend(session.trouble.clone());
    parts.extend(
        session
            .missing()
            .map(|m| format!("its video is not there: {m}")),
    );
    parts.extend(detail.iter().flat_map(|d| &d.scores).map(against));
    parts.join(", ")
}
