//! What the bench does to labels: every step through the editor, so that it can be taken back and is kept.

use std::path::Path;
use std::time::SystemTime;

use super::Bench;
use super::act::Act;
use crate::clock::utc_text;
use crate::review::rating::{RatingRun, Stick};
use crate::review::save::{self, SaveFormat, Saved};
use crate::review::session::JournalWord;
use crate::review::{Changed, Edit, SegmentState, Start, Stroke};

impl Bench {
    /// Does it, if it concerns labels.
    pub(super) fn annotate(&mut self, act: &Act) -> bool {
        let when = utc_text(SystemTime::now());
        let Some(state) = &mut self.state else {
            return false;
        };
        let frames = state.edited();
        let edit = match act {
            Act::Label(to) => Edit::Expression { frames, to: *to },
            Act::Clear => Edit::Clear { frames },
            Act::Restore => Edit::Restore { frames },
            Act::Place(v, a) => Edit::Values(Stroke {
                start: frames.start,
                valence: vec![Some(*v); frames.len()],
                arousal: vec![Some(*a); frames.len()],
            }),
            Act::Drawn(stroke) => Edit::Values(stroke.clone()),
            Act::Undo | Act::Redo => {
                let undo = *act == Act::Undo;
                if let Some(run) = &mut state.rating {
                    run.begin_anew();
                }
                let changed = if undo {
                    self.editor.undo(&mut state.project, &when)
                } else {
                    self.editor.redo(&mut state.project, &when)
                };
                match changed {
                    Some(changed) => {
                        let word = if undo { "Undone" } else { "Redone" };
                        self.words
                            .push((format!("{word}: {}", changed.title), false));
                        self.changed(&changed);
                    }
                    None => {
                        let word = if undo {
                            "Nothing to undo"
                        } else {
                            "Nothing to redo"
                        };
                        self.words.push((word.to_owned(), false));
                    }
                }
                return true;
            }
            Act::Rename(rater, name) => {
                let project = &mut state.project;
                if let Some(changed) = self.editor.rename(project, *rater, name, &when) {
                    self.changed(&changed);
                }
                return true;
            }
            Act::Offset(rater, by) => {
                if let Some(changed) =
                    self.editor
                        .set_offset(&mut state.project, *rater, *by, &when)
                {
                    self.changed(&changed);
                }
                return true;
            }
            Act::Segment(frames, peak) => {
                state.select(frames.start, frames.end.saturating_sub(1));
                state.go(*peak as i64);
                if state.view.end - state.view.start < frames.len() as f64
                    || !state.view.contains(&(frames.start as f64))
                {
                    state.show_range(frames);
                }
                return true;
            }
            Act::Walk(forwards) => {
                let next = self.worst.walk(*forwards, self.editor.marks());
                if let Some((frames, peak)) = next.map(|s| (s.frames.clone(), s.peak)) {
                    return self.annotate(&Act::Segment(frames, peak));
                }
                return true;
            }
            Act::Settle(spot, to, note) => {
                // The mark of a stretch that has moved a little stays that mark; one of old, of no reason, stays for the others.
                let known = self.editor.marks().nearest(spot).map(|m| m.0);
                let known = known.filter(|(_, reason)| *reason == spot.1);
                let spot = known.unwrap_or_else(|| spot.clone());
                self.editor.mark(spot, *to, note, &when);
                return true;
            }
            Act::SettleNext => {
                let Some(segment) = self.worst.segment() else {
                    return true;
                };
                let spot = segment.spot();
                let (now, note) = self
                    .editor
                    .marks()
                    .nearest(&spot)
                    .map_or((SegmentState::Open, String::new()), |m| {
                        (m.1.state, m.1.note.clone())
                    });
                let at = SegmentState::ALL
                    .iter()
                    .position(|s| *s == now)
                    .unwrap_or(0);
                let next = SegmentState::ALL[(at + 1) % SegmentState::ALL.len()];
                return self.annotate(&Act::Settle(spot, next, note));
            }
            Act::NewRater(start) => {
                self.new_rater(*start, &when);
                return true;
            }
            Act::Blind => {
                state.blind = !state.blind;
                self.editor.set_blind(state.blind);
                return true;
            }
            Act::Rate => {
                self.toggle_rating(&when);
                return true;
            }
            _ => return false,
        };
        if state.project.raters().is_empty() {
            // The first label makes somebody who gives it.
            self.new_rater(Start::Empty, &when);
        }
        self.apply(edit, &when);
        true
    }

    fn apply(&mut self, edit: Edit, when: &str) {
        let Some(state) = &mut self.state else { return };
        let rater = state.rater;
        if let Some(changed) = self.editor.apply(&mut state.project, rater, edit, when) {
            self.changed(&changed);
        }
    }

    fn new_rater(&mut self, start: Start, when: &str) {
        self.end_rating(when);
        let Some(state) = &mut self.state else { return };
        let name = self.editor.who().to_owned();
        if let Some(rater) = self
            .editor
            .new_rater(&mut state.project, &name, start, when)
        {
            state.rater = rater;
            state.changed();
            let name = &state.project.raters()[rater].name;
            self.words.push((
                format!("New labels: {name}. 1 to 7 label the selection, else this frame."),
                false,
            ));
        }
    }

    /// Takes up what a step changed.
    fn changed(&mut self, changed: &Changed) {
        let Some(state) = &mut self.state else { return };
        match changed.rater {
            Some(rater) => state.labels_changed(rater, changed.frames.clone()),
            None => state.changed(),
        }
    }

    fn toggle_rating(&mut self, when: &str) {
        let Some(state) = &mut self.state else { return };
        if state.rating.is_some() {
            self.end_rating(when);
            return;
        }
        if state.project.raters().is_empty() {
            self.new_rater(Start::Empty, when);
        }
        if let Some(state) = &mut self.state {
            state.rating = Some(RatingRun::new(state.rate_hz));
            (state.pointer, state.by_stick) = (None, false);
        }
    }

    /// Takes how a gamepad stands while somebody rates; its buttons play and end.
    pub(super) fn take_stick(&mut self, stick: Option<Stick>, now_s: f64) {
        let Some(state) = &mut self.state else { return };
        let rates = state.rating.is_some();
        self.engine.watch_stick(rates);
        if !rates {
            state.stick = None;
            return;
        }
        let held = |pressed: fn(&Stick) -> bool, s: &Option<Stick>| s.as_ref().is_some_and(pressed);
        let pressed =
            |which| held(which, &stick) && !held(which, &state.stick) && state.stick.is_some();
        let (play, end) = (pressed(|s| s.play), pressed(|s| s.end));
        state.take_stick(stick);
        if play {
            state.toggle(now_s);
        }
        if end {
            self.end_rating_now();
        }
    }

    /// A rating ends with the video, or when it is paused with something rated.
    pub(super) fn end_rating_when_stopped(&mut self) {
        let ended = self.state.as_ref().is_some_and(|s| {
            !s.is_playing() && s.rating.as_ref().is_some_and(|r| !r.samples().is_empty())
        });
        if ended {
            self.end_rating_now();
        }
    }

    /// What was rated so far becomes part of the labels, and of the journal: nobody's minutes hang on how this ends.
    pub(super) fn keep_rating(&mut self, now_s: f64) {
        let Some(state) = &mut self.state else { return };
        let Some(run) = &mut state.rating else { return };
        let more = run.has_pieces();
        if let Some(edit) = run.piece(now_s, state.project.times_s()) {
            self.apply_rated(edit, more, &utc_text(SystemTime::now()));
        }
    }

    fn apply_rated(&mut self, edit: Edit, more: bool, when: &str) {
        let Some(state) = &mut self.state else { return };
        let (rater, project) = (state.rater, &mut state.project);
        let changed = match more {
            true => self.editor.apply_more(project, rater, edit, when),
            false => self.editor.apply(project, rater, edit, when),
        };
        if let Some(changed) = changed {
            self.changed(&changed);
        }
    }

    /// A rating that goes on is over.
    pub(super) fn end_rating_now(&mut self) {
        self.end_rating(&utc_text(SystemTime::now()));
    }

    fn end_rating(&mut self, when: &str) {
        let Some(state) = &mut self.state else { return };
        let Some(run) = state.rating.take() else {
            return;
        };
        state.pause();
        let samples = run.samples().len();
        match run.edit(state.project.times_s()) {
            Some(edit) => {
                self.apply_rated(edit, run.has_pieces(), when);
                self.words.push((
                    format!("Rated: {samples} samples. Ctrl+Z takes them back."),
                    false,
                ));
            }
            None => self.words.push((
                "Nothing was rated: play the video with the pointer in the circumplex.".to_owned(),
                false,
            )),
        }
    }

    /// The journal's newest word; a change for the worse or better is told.
    pub(super) fn take_journal(&mut self, word: Option<JournalWord>) {
        let failed = |j: &Option<JournalWord>| j.as_ref().and_then(|j| j.failed.clone());
        let (before, now) = (failed(&self.journal), failed(&word));
        let nowhere = word.as_ref().is_some_and(JournalWord::is_nowhere);
        if let Some(reason) = now.as_ref().filter(|_| before.is_none()) {
            let what = match nowhere {
                true => "Edits are not kept",
                false => "Edits are not on the disk",
            };
            self.words.push((format!("{what}: {reason}"), true));
        }
        let was_nowhere = self.journal.as_ref().is_some_and(JournalWord::is_nowhere);
        if before.is_some() && now.is_none() && word.is_some() && !was_nowhere {
            self.words
                .push(("Edits are on the disk again.".to_owned(), false));
        }
        self.journal = word;
    }

    /// Labels are to be saved in a format; gives a name for them that is free.
    pub fn begin_save(&mut self, format: SaveFormat) -> Option<std::path::PathBuf> {
        self.to_save = Some(format);
        let state = self.state.as_ref()?;
        let beside = state
            .project
            .video
            .as_deref()
            .or(self.opening.asked.predictions.as_deref());
        let folder = beside.and_then(Path::parent).unwrap_or(Path::new("."));
        Some(save::suggested_path(
            &state.project,
            state.rater,
            format,
            folder,
        ))
    }

    /// Saves under the name that was chosen.
    pub fn save_as(&mut self, path: &Path) {
        let when = utc_text(SystemTime::now());
        let format = self.to_save.take().unwrap_or_default();
        let Some(state) = &self.state else { return };
        // The dialog has asked before an existing file is replaced; not before one that it did not know of.
        let named = path.extension().is_some();
        let path = match named {
            true => path.to_owned(),
            false => path.with_extension(format.ending()),
        };
        match save::prepare(
            &state.project,
            &mut self.editor,
            state.rater,
            format,
            &path,
            named,
            &when,
        ) {
            Ok(job) => self.engine.save(state.rater, job),
            Err(e) => self.words.push((e.to_string(), true)),
        }
    }

    pub(super) fn take_saved(&mut self, rater: usize, saved: Result<Saved, String>) {
        match saved {
            Ok(saved) => {
                let when = utc_text(SystemTime::now());
                let files: Vec<&Path> = saved.files.iter().map(|f| f.as_path()).collect();
                if let Some(state) = &self.state {
                    self.editor.saved(&state.project, rater, &files, &when);
                }
                let names: Vec<String> = saved
                    .files
                    .iter()
                    .map(|f| f.display().to_string())
                    .collect();
                let mut words = format!("Saved: {}", names.join(", "));
                if !saved.left_out.is_empty() {
                    words = format!("{words}. {}", saved.left_out.join(" "));
                }
                self.words.push((words, false));
            }
            Err(reason) => self.words.push((reason, true)),
        }
    }
}
