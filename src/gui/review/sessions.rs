//! The list of sessions in the bench: what it knows, and what is done with it.

mod cards;
mod list;
mod row;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use eframe::egui::{Rect, Ui};

use self::cards::Card;
pub(super) use self::list::middle;
use super::act::Act;
use super::{Bench, start};
use crate::review::session::{Phase, Request, SessionOrder, SessionWord};
use crate::review::sessions::{Detail, Found, Session};

/// What the list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Column {
    Name,
    #[default]
    When,
    Length,
    Frames,
    Faces,
    Weights,
    Scores,
}

/// The list.
#[derive(Default)]
pub struct Shelf {
    /// Folders that are looked through.
    folders: Vec<PathBuf>,
    /// They are to be looked through when the list is seen.
    stale: bool,
    /// They are being looked through.
    looking: bool,
    found: Option<Found>,
    details: HashMap<PathBuf, Detail>,
    filter: String,
    column: Column,
    /// Against the column's usual order.
    turned: bool,
    /// Places in [`Found::sessions`], filtered and sorted.
    shown: Vec<usize>,
    /// What `shown` was made of has changed.
    resort: bool,
    /// The table of the chosen session.
    chosen: Option<PathBuf>,
    /// The chosen one is to be scrolled to.
    scroll: bool,
    card: Option<Card>,
    /// It was asked for while something is open.
    open: bool,
    /// Where something was opened from, until the app has heard.
    from: Option<PathBuf>,
}

impl Shelf {
    /// Whether it has the window although something is open.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Whether the bench's keys are not for the bench.
    pub fn covers(&self, shown: bool) -> bool {
        self.card.is_some() || (self.open && shown)
    }

    /// Takes up what has been heard.
    pub fn take(&mut self, news: Vec<SessionWord>, words: &mut Vec<(String, bool)>) {
        for word in news {
            match word {
                SessionWord::Found(found) => {
                    self.looking = false;
                    let known = |p: &PathBuf| found.sessions.iter().any(|s| s.table == *p);
                    self.chosen = self.chosen.take().filter(known);
                    self.found = Some(found);
                }
                SessionWord::Detail(table, detail) => {
                    self.details.insert(table, *detail);
                }
                SessionWord::Done(Ok(said)) => {
                    // The list comes anew by itself.
                    words.push((said, false));
                }
                SessionWord::Done(Err(reason)) => words.push((reason, true)),
            }
            self.resort = true;
        }
    }

    /// Something was opened.
    pub fn opened(&mut self, request: &Request) {
        self.open = false;
        // New files may lie there.
        self.stale = true;
        let path = request.predictions.as_ref().or(request.video.as_ref());
        self.from = path.and_then(|p| p.parent()).map(Path::to_owned);
    }

    fn sessions(&self) -> &[Session] {
        self.found.as_ref().map_or(&[], |f| &f.sessions)
    }

    fn by_table(&self, table: &Path) -> Option<&Session> {
        self.sessions().iter().find(|s| s.table == table)
    }

    /// Filters and sorts, where something has changed.
    fn sort(&mut self) {
        if !std::mem::take(&mut self.resort) {
            return;
        }
        let (filter, details) = (self.filter.trim().to_owned(), &self.details);
        let sessions = self.found.as_ref().map_or(&[][..], |f| &f.sessions);
        let named = |s: &Session| {
            let names = details.get(&s.table).map(|d| d.names.join(" "));
            names.is_some_and(|n| n.to_lowercase().contains(&filter.to_lowercase()))
        };
        let fits = |s: &Session| filter.is_empty() || s.fits(&filter) || named(s);
        let mut shown: Vec<usize> = (0..sessions.len())
            .filter(|&i| fits(&sessions[i]))
            .collect();
        let score = |s: &Session| {
            let scores = details.get(&s.table)?.scores.first()?;
            let ccc = scores.ccc_valence.zip(scores.ccc_arousal);
            ccc.map(|(v, a)| (v + a) / 2.0).or(scores.macro_f1)
        };
        let number = |s: &Session| match self.column {
            Column::Length => s.length_s.unwrap_or(-1.0),
            Column::Frames => s.frames.map_or(-1.0, |n| n as f64),
            Column::Faces => details.get(&s.table).map_or(-1.0, |d| d.faces as f64),
            _ => score(s).unwrap_or(f64::NEG_INFINITY),
        };
        // Sessions come newest first, which then orders those that are alike.
        match self.column {
            Column::When => {}
            Column::Name => shown.sort_by_cached_key(|&i| sessions[i].name.to_lowercase()),
            Column::Weights => shown.sort_by_cached_key(|&i| sessions[i].weights.clone()),
            _ => shown.sort_by(|&a, &b| number(&sessions[b]).total_cmp(&number(&sessions[a]))),
        }
        if self.turned {
            shown.reverse();
        }
        self.shown = shown;
    }
}

impl Bench {
    /// These folders are looked through for sessions.
    pub fn look_in(&mut self, folders: Vec<PathBuf>) {
        if self.shelf.folders != folders {
            self.shelf.folders = folders;
            self.shelf.stale = true;
        }
    }

    /// The folder that something was opened from, once.
    pub fn take_opened(&mut self) -> Option<PathBuf> {
        self.shelf.from.take()
    }

    /// Shows what stands in the window while nothing is open, or the list of sessions.
    pub(super) fn start(&mut self, ui: &mut Ui, rect: Rect) -> Vec<Act> {
        if matches!(self.phase, Phase::Opening { .. } | Phase::Failed { .. }) {
            return start::show(ui, rect, &self.phase, &self.opening.title(), None);
        }
        if std::mem::take(&mut self.shelf.stale) {
            self.look();
        }
        let before = self.state.as_ref().map(|s| s.project.name.clone());
        let before = before.filter(|_| self.shelf.open);
        let mut acts = match before {
            Some(name) => self.shelf.page(ui, rect, &name),
            None => start::show(ui, rect, &self.phase, "", Some(&mut self.shelf)),
        };
        acts.extend(self.shelf.card(ui.ctx()));
        acts
    }

    fn look(&mut self) {
        self.shelf.looking = true;
        let folders = self.shelf.folders.clone();
        self.engine.sessions(SessionOrder::Look(folders));
    }

    /// Does it, if it concerns sessions or the names of faces.
    pub(super) fn shelve(&mut self, act: &Act) -> bool {
        match act {
            Act::Sessions(open) => {
                self.shelf.open = *open;
                self.shelf.stale |= *open;
                if let Some(state) = &mut self.state {
                    state.pause();
                }
            }
            Act::OpenSession(request) => {
                self.shelf.open = false;
                self.open(request.as_ref().clone());
            }
            Act::Order(order) => self.order(order.as_ref().clone()),
            Act::Names(names) => {
                let table = self.table();
                let Some(state) = &mut self.state else {
                    return true;
                };
                let Some(table) = table else {
                    let words = "Faces can be named once their rows are in a file.";
                    self.words.push((words.to_owned(), true));
                    return true;
                };
                state.project.set_names(names.as_ref().clone());
                state.changed();
                let order = SessionOrder::Names(table, names.as_ref().clone());
                self.engine.sessions(order);
            }
            _ => return false,
        }
        true
    }

    /// The table that the predictions lie in, once it is whole.
    fn table(&self) -> Option<PathBuf> {
        let model = self.state.as_ref()?.project.model()?;
        let analysed = self
            .analysis
            .as_ref()
            .filter(|a| self.grown == Some(a.run) && matches!(a.ended, Some(Ok(_))));
        let path = model.path.clone();
        path.or_else(|| analysed.map(|a| a.path.clone()))
    }

    fn order(&mut self, order: SessionOrder) {
        let session = match &order {
            SessionOrder::Rename { session, .. } | SessionOrder::Delete(session) => Some(session),
            _ => None,
        };
        let asked = &self.opening.asked;
        let open = asked.video.iter().chain(&asked.predictions);
        let mut open = open.chain(&asked.annotations);
        if self.state.is_some() && session.is_some_and(|s| open.any(|path| s.own.contains(path))) {
            let words =
                "It is open here: open something else first, or leave the bench and come back.";
            self.words.push((words.to_owned(), true));
            return;
        }
        if matches!(order, SessionOrder::Look(_)) {
            self.look();
            return;
        }
        self.shelf.looking = true;
        self.engine.sessions(order);
    }
}
