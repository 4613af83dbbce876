//! An analysis in the background, as it grows on screen.

use std::time::Duration;

use eframe::egui::Context;

use super::Bench;
use crate::review::model::Model;
use crate::review::session::Update;

/// Rows of an analysis are taken up this often at most, seconds: the scores of all frames are made anew with them.
const GROW_EVERY_S: f64 = 0.5;
/// The same for a long video.
const GROW_LONG_S: f64 = 2.0;
/// A long video has more frames.
const LONG: usize = 200_000;

impl Bench {
    /// Takes up what an analysis has read.
    pub(super) fn grow(&mut self, ctx: &Context, update: &mut Update, now_s: f64) {
        let run = update.analysis.as_ref().map(|a| a.run);
        if run.is_some() && run != self.analysis.as_ref().map(|a| a.run) {
            self.rows.clear();
        }
        self.rows.append(&mut update.records);
        let ended = update.analysis.as_ref().is_some_and(|a| a.ended.is_some());
        if let (Some(state), false) = (&mut self.state, self.rows.is_empty()) {
            let every_s = if state.frames() > LONG {
                GROW_LONG_S
            } else {
                GROW_EVERY_S
            };
            let run = run.or(self.analysis.as_ref().map(|a| a.run));
            let wait_s = self.grew_s + every_s - now_s;
            if ended || wait_s <= 0.0 || self.grown != run {
                // The predictions before stay until there are others.
                if self.grown != run {
                    self.grown = run;
                    state.project.set_model(Model::default());
                }
                state.project.extend_model(&std::mem::take(&mut self.rows));
                state.changed();
                self.grew_s = now_s;
            } else {
                ctx.request_repaint_after(Duration::from_secs_f64(wait_s));
            }
        }
        let Some(new) = update.analysis.take() else {
            return;
        };
        let heard = self
            .analysis
            .as_ref()
            .is_some_and(|old| old.run == new.run && old.ended.is_some());
        match &new.ended {
            Some(Ok(note)) if !heard => {
                let mut words = format!("Analysed to {}", new.path.display());
                if let Some(note) = note {
                    words = format!("{words}. {note}");
                }
                self.words.push((words, false));
                self.opening.analysed(&new.path);
                // Faces are known now that pictures can be cut around.
                self.pictures.clear();
            }
            Some(Err(reason)) if !heard => self.words.push((reason.clone(), true)),
            _ => {}
        }
        self.analysis = Some(new);
    }
}
