//! Edits that are not on the disk: asked about before the first is made, and before the bench or the window is left.

use eframe::egui::{Color32, Context, Frame, Id, Modal, RichText, Ui};

use super::Bench;
use super::act::Act;
use crate::gui::theme::{self, Palette};
use crate::review::save::SaveFormat;
use crate::review::session::JournalWord;

/// What is asked about edits that are not kept.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unkept {
    /// The card that is open.
    card: Option<Card>,
    /// The user knows, and goes on.
    known: bool,
    /// The user lets them go.
    lost: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Card {
    /// The first edit.
    First,
    /// Leaving for the scope.
    Leave,
    /// Closing the window.
    Close,
}

impl Bench {
    /// Whether nothing keeps the edits of what is open, and nothing will.
    pub(super) fn is_kept_nowhere(&self) -> bool {
        self.journal.as_ref().is_none_or(JournalWord::is_nowhere)
    }

    /// Edits that would be lost if the bench ended now; `None`: none.
    fn would_lose(&self) -> Option<u64> {
        let journal = self.journal.as_ref()?;
        journal.failed.as_ref()?;
        let loses = journal.is_nowhere() || journal.waiting > 0;
        // Labels that were saved as a file are lost nowhere.
        (loses && self.editor.is_dirty() && self.is_still()).then_some(journal.waiting)
    }

    /// Whether the window may close now. Where edits would be lost, the user is asked first.
    pub fn may_close(&mut self) -> bool {
        self.may_go(Card::Close)
    }

    fn may_go(&mut self, card: Card) -> bool {
        if self.unkept.lost || self.would_lose().is_none() {
            return true;
        }
        self.unkept.card = Some(card);
        false
    }

    /// Whether a card lies over the bench.
    pub(super) fn asks_about_edits(&self) -> bool {
        self.unkept.card.is_some()
    }

    /// Something is open anew.
    pub(super) fn forget_unkept(&mut self) {
        self.unkept = Unkept::default();
    }

    /// Holds back the first edit that nothing would keep, and leaving before it is known what becomes of edits.
    pub(super) fn holds_back(&mut self, act: &Act) -> bool {
        let nowhere = self.journal.as_ref().is_some_and(JournalWord::is_nowhere);
        if act == &Act::Leave {
            return !self.may_go(Card::Leave);
        }
        let holds = nowhere && !self.unkept.known && act.makes_labels();
        if holds {
            self.unkept.card = Some(Card::First);
        }
        holds
    }

    /// Shows the card that is open; gives what was chosen.
    pub(super) fn ask_about_edits(&mut self, ctx: &Context) -> Vec<Act> {
        let Some(card) = self.unkept.card else {
            return Vec::new();
        };
        let journal = self.journal.clone().unwrap_or_default();
        let Some(reason) = journal.failed else {
            // They are on the disk now: nothing is left to ask.
            self.unkept.card = None;
            return match card {
                Card::First => Vec::new(),
                Card::Leave => vec![Act::Leave],
                Card::Close => vec![Act::CloseWindow],
            };
        };
        let p = Palette::of(ctx);
        let room = ctx.content_rect().size();
        let modal = Modal::new(Id::unique("edits that are not kept"))
            .backdrop_color(Color32::from_black_alpha(if p.dark { 150 } else { 90 }))
            .frame(Frame::popup(&ctx.global_style()).inner_margin(20))
            .show(ctx, |ui| {
                ui.set_width(480.0_f32.min(room.x - 80.0));
                ui.spacing_mut().item_spacing.y = 8.0;
                let title = match (card, journal.waiting) {
                    (Card::First, _) => "Edits would not be kept".to_owned(),
                    (_, 0) => "Edits are kept nowhere".to_owned(),
                    (_, 1) => "1 edit is not on the disk".to_owned(),
                    (_, n) => format!("{n} edits are not on the disk"),
                };
                ui.label(RichText::new(title).font(theme::semibold(15.0)));
                ui.label(RichText::new(reason).color(p.muted));
                ui.horizontal(|ui| buttons(ui, card)).inner
            });
        let closed = modal.should_close();
        match modal.inner {
            None if !closed => return Vec::new(),
            None | Some(Answer::Back) => {}
            Some(Answer::Again) => {
                self.unkept.card = None;
                return vec![Act::OpenAgain];
            }
            Some(Answer::Save) => {
                self.unkept.card = None;
                return vec![Act::Save(SaveFormat::Csv)];
            }
            Some(Answer::GoOn) => {
                self.unkept.card = None;
                if card == Card::First {
                    self.unkept.known = true;
                    return Vec::new();
                }
                self.unkept.lost = true;
                return vec![match card {
                    Card::Close => Act::CloseWindow,
                    _ => Act::Leave,
                }];
            }
        }
        self.unkept.card = None;
        Vec::new()
    }
}

enum Answer {
    Again,
    Save,
    GoOn,
    Back,
}

fn buttons(ui: &mut Ui, card: Card) -> Option<Answer> {
    let mut answer = None;
    let mut button = |word: &str, of: Answer| {
        if ui.button(word).clicked() {
            answer = Some(of);
        }
    };
    match card {
        Card::First => {
            button("Try again", Answer::Again);
            button("Label all the same", Answer::GoOn);
            button("Cancel", Answer::Back);
        }
        Card::Leave | Card::Close => {
            button("Save the labels…", Answer::Save);
            button("Lose them", Answer::GoOn);
            button("Go back", Answer::Back);
        }
    }
    answer
}
