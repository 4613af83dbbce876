//! The cards that ask before a session is renamed or deleted.

use std::path::PathBuf;

use eframe::egui::{Color32, Context, Frame, Id, Key, Modal, RichText, ScrollArea, TextEdit, Ui};

use super::Shelf;
use crate::gui::review::act::Act;
use crate::gui::theme::{self, Palette};
use crate::review::session::SessionOrder;
use crate::review::sessions::{Kind, Session, name_fault};

/// What is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Card {
    /// The new name of the session of this table, as far as it is typed; `true`: the field is to have the keys.
    Rename(PathBuf, String, bool),
    /// Whether that session is to be deleted.
    Delete(PathBuf),
}

impl Shelf {
    /// Shows the card that is open.
    pub(super) fn card(&mut self, ctx: &Context) -> Option<Act> {
        let mut card = self.card.take()?;
        let table = match &card {
            Card::Rename(table, ..) | Card::Delete(table) => table.clone(),
        };
        let session = self.by_table(&table)?.clone();
        let p = Palette::of(ctx);
        let room = ctx.content_rect().size();
        let modal = Modal::new(Id::unique("session card"))
            .backdrop_color(Color32::from_black_alpha(if p.dark { 150 } else { 90 }))
            .frame(Frame::popup(&ctx.global_style()).inner_margin(20))
            .show(ctx, |ui| {
                ui.set_width(460.0_f32.min(room.x - 80.0));
                ui.spacing_mut().item_spacing.y = 8.0;
                match &mut card {
                    Card::Rename(_, text, fresh) => self.ask_name(ui, &session, text, fresh),
                    Card::Delete(_) => ask_deletion(ui, &session),
                }
            });
        let closed = modal.should_close();
        match modal.inner {
            Answer::Yes(order) => Some(Act::Order(Box::new(order))),
            Answer::No => None,
            Answer::Open if closed => None,
            Answer::Open => {
                self.card = Some(card);
                None
            }
        }
    }

    fn ask_name(
        &self,
        ui: &mut Ui,
        session: &Session,
        text: &mut String,
        fresh: &mut bool,
    ) -> Answer {
        title(ui, &format!("Rename {}", session.name));
        let field = TextEdit::singleline(text).desired_width(f32::INFINITY);
        let field = ui.add(field).accessible_name("New name");
        if std::mem::take(fresh) {
            field.request_focus();
        }
        let entered = field.lost_focus() && ui.input(|i| i.key_pressed(Key::Enter));
        let begin = |path: &&PathBuf| {
            let name = path.file_name().and_then(|n| n.to_str());
            name.is_some_and(|n| n.starts_with(&*session.name))
        };
        let files = session.own.iter().filter(begin).count();
        let what = match files {
            1 => "Its file is renamed.".to_owned(),
            n => format!("Its {n} files are renamed together."),
        };
        let more = match session.kind {
            Kind::Recording => "",
            Kind::Analysis => " The video that was analysed keeps its name.",
        };
        muted(ui, &format!("{what}{more}"));
        let new = text.trim();
        let taken = |s: &&Session| s.name == new && s.table.parent() == session.table.parent();
        let fault = if new.is_empty() || new == session.name {
            None
        } else if self.sessions().iter().find(taken).is_some() {
            Some("another session here is called so")
        } else {
            name_fault(new)
        };
        // The line is kept free, so that the card does not grow while somebody types.
        let words = fault.map_or(String::new(), |why| {
            format!("This cannot be its name: {why}.")
        });
        let p = Palette::of(ui.ctx());
        ui.label(RichText::new(words).color(p.record));
        let fits = fault.is_none() && !new.is_empty() && new != session.name;
        let (yes, no) = buttons(ui, "Rename", fits);
        if entered && !fits {
            // What is typed is not lost, and can be mended at once.
            *fresh = true;
        }
        if no {
            Answer::No
        } else if (yes || entered) && fits {
            let others = self.sessions().iter().filter(|s| s.table != session.table);
            Answer::Yes(SessionOrder::Rename {
                session: Box::new(session.clone()),
                name: new.to_owned(),
                others: others.filter(|s| s.video.is_some()).cloned().collect(),
            })
        } else {
            Answer::Open
        }
    }
}

enum Answer {
    Yes(SessionOrder),
    No,
    Open,
}

fn ask_deletion(ui: &mut Ui, session: &Session) -> Answer {
    title(ui, &format!("Move {} to the bin?", session.name));
    let folder = session.table.parent().map(|f| f.display().to_string());
    muted(ui, &format!("From {}:", folder.unwrap_or_default()));
    ScrollArea::vertical().max_height(150.0).show(ui, |ui| {
        for path in &session.own {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            ui.label(RichText::new(name).font(theme::digits(12.0)));
        }
    });
    let kept = match (session.kind, &session.video) {
        (Kind::Analysis, Some(video)) => format!(
            "The video {} and its labels stay. ",
            video.file_name().unwrap_or_default().to_string_lossy()
        ),
        _ => String::new(),
    };
    muted(
        ui,
        &format!("{kept}From the bin they can be put back; nothing is deleted for good."),
    );
    match buttons(ui, "Move to the bin", true) {
        (_, true) => Answer::No,
        (true, _) => Answer::Yes(SessionOrder::Delete(Box::new(session.clone()))),
        _ => Answer::Open,
    }
}

fn title(ui: &mut Ui, text: &str) {
    ui.label(RichText::new(text).font(theme::semibold(17.0)));
}

fn muted(ui: &mut Ui, text: &str) {
    let p = Palette::of(ui.ctx());
    ui.label(RichText::new(text).color(p.muted));
}

/// The one that does it, and the one that does not.
fn buttons(ui: &mut Ui, word: &str, on: bool) -> (bool, bool) {
    ui.add_space(4.0);
    let row = ui.horizontal(|ui| {
        let yes = ui
            .add_enabled(on, eframe::egui::Button::new(word))
            .clicked();
        (yes, ui.button("Cancel").clicked())
    });
    row.inner
}
