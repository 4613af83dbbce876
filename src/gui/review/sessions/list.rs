//! How the list of sessions is drawn.

use eframe::egui::{
    Align2, Button, Key, Popup, PopupCloseBehavior, Rect, Response, RichText, ScrollArea, Sense,
    Stroke, StrokeKind, TextEdit, Ui, UiBuilder, WidgetInfo, pos2, vec2,
};

use super::Shelf;
use super::cards::Card;
use super::row::{Columns, draw, short, spoken};
use crate::gui::menu;
use crate::gui::review::act::Act;
use crate::gui::theme::{self, Palette};
use crate::gui::widgets::{self, ToolButton};
use crate::numbers::grouped;
use crate::review::session::SessionOrder;
use crate::review::sessions::words::{against, faces};
use crate::review::sessions::{Session, Whole};

/// Height of a row.
const ROW: f32 = 46.0;
/// Height of the row of filter and folders.
const BAR: f32 = 40.0;
/// Height of the row of columns' names.
const HEAD: f32 = 24.0;
/// The widest that the list is.
const WIDEST: f32 = 1160.0;

impl Shelf {
    /// Whether there is something to list, or will be.
    pub(in crate::gui::review) fn is_worth_showing(&self) -> bool {
        !self.sessions().is_empty()
    }

    /// Whether folders are being looked through for the first time.
    pub(in crate::gui::review) fn is_looking(&self) -> bool {
        self.looking && self.found.is_none()
    }

    /// The whole page, beside a video that stays open.
    pub(super) fn page(&mut self, ui: &mut Ui, rect: Rect, open: &str) -> Vec<Act> {
        let p = Palette::of(ui.ctx());
        let mut acts = Vec::new();
        let inner = middle(rect);
        let head = Rect::from_min_size(inner.min + vec2(0.0, 14.0), vec2(inner.width(), 30.0));
        ui.painter().text(
            head.left_center(),
            Align2::LEFT_CENTER,
            "Sessions",
            theme::semibold(17.0),
            p.text,
        );
        let row = UiBuilder::new()
            .max_rect(head)
            .layout(eframe::egui::Layout::right_to_left(
                eframe::egui::Align::Center,
            ));
        ui.scope_builder(row, |ui| {
            let title = format!("Back to {open}");
            let label = widgets::elided(ui, &title, 260.0);
            let back = ToolButton {
                name: &title,
                label: &label,
                key: "Esc",
                ..ToolButton::default()
            };
            if back.show(ui).clicked() {
                acts.push(Act::Sessions(false));
            }
        });
        let free =
            self.card.is_none() && !ui.ctx().text_edit_focused() && !Popup::is_any_open(ui.ctx());
        if free && ui.input(|i| i.key_pressed(Key::Escape)) {
            acts.push(Act::Sessions(false));
        }
        let mut body = inner;
        body.min.y = head.bottom() + 6.0;
        acts.extend(self.list(ui, body));
        acts
    }

    /// The list with its filter, in the whole of `rect`.
    pub(in crate::gui::review) fn list(&mut self, ui: &mut Ui, rect: Rect) -> Vec<Act> {
        self.sort();
        let mut acts = Vec::new();
        let bar = Rect::from_min_size(rect.min, vec2(rect.width(), BAR));
        self.bar(ui, bar, &mut acts);
        let head = Rect::from_min_size(bar.left_bottom(), vec2(rect.width(), HEAD));
        let mut body = Rect::from_min_max(head.left_bottom(), rect.max);
        let p = Palette::of(ui.ctx());
        if self.shown.is_empty() {
            let words = if self.looking && self.found.is_none() {
                "Looking through the folders…".to_owned()
            } else if self.sessions().is_empty() {
                "No recordings and no analysed files in these folders. Record in the scope, or analyse a video; or add the folder they are in."
                    .to_owned()
            } else {
                format!("No session fits “{}”.", self.filter.trim())
            };
            let galley = ui
                .painter()
                .layout(words.clone(), theme::body(), p.muted, rect.width());
            let area = Rect::from_min_size(bar.left_bottom() + vec2(0.0, 10.0), galley.size());
            ui.painter().galley(area.min, galley, p.muted);
            widgets::described(ui, area, "no sessions", || words.clone());
            return acts;
        }
        let columns = Columns::of((rect.left(), rect.right()));
        self.head(ui, head, &columns);
        self.keys(ui, &mut acts);
        // Notes stand below, where they take nothing from the list's beginning.
        let notes = self.found.as_ref().map_or(&[][..], |f| &f.notes);
        if !notes.is_empty() {
            let words = notes.join("\n");
            let galley =
                ui.painter()
                    .layout(words.clone(), theme::caption(), p.muted, rect.width());
            let top = rect.bottom() - galley.size().y - 6.0;
            body.max.y = top - 6.0;
            let area = Rect::from_min_size(pos2(rect.left(), top), galley.size());
            ui.painter().galley(area.min, galley, p.muted);
            widgets::described(ui, area, "notes of sessions", || words.clone());
        }
        ui.painter()
            .hline(rect.x_range(), head.bottom(), Stroke::new(1.0, p.line));
        let scroll = std::mem::take(&mut self.scroll);
        ui.scope_builder(UiBuilder::new().max_rect(body), |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            let mut area = ScrollArea::vertical().auto_shrink([false, false]);
            if let Some(at) = self.place().filter(|_| scroll) {
                let top = (at as f32 * ROW - body.height() / 2.0).max(0.0);
                area = area.vertical_scroll_offset(top);
            }
            area.show_rows(ui, ROW, self.shown.len(), |ui, rows| {
                for row in rows {
                    let session = self.sessions()[self.shown[row]].clone();
                    self.row(ui, &session, &columns, &mut acts);
                }
            });
        });
        acts
    }

    fn bar(&mut self, ui: &mut Ui, rect: Rect, acts: &mut Vec<Act>) {
        let p = Palette::of(ui.ctx());
        let row = |layout| UiBuilder::new().max_rect(rect).layout(layout);
        let center = eframe::egui::Align::Center;
        let left = row(eframe::egui::Layout::left_to_right(center));
        ui.scope_builder(left, |ui| {
            ui.spacing_mut().item_spacing.x = 10.0;
            let field = TextEdit::singleline(&mut self.filter)
                .hint_text("Filter by name, folder, face …")
                .desired_width(220.0_f32.min(rect.width() * 0.35));
            let field = ui.add(field).accessible_name("Filter sessions");
            self.resort |= field.changed();
            let (all, shown) = (self.sessions().len(), self.shown.len());
            let words = match (all, self.looking) {
                (_, true) => "looking …".to_owned(),
                (1, _) => "1 session".to_owned(),
                (n, _) if n == shown => format!("{} sessions", grouped(n as u64)),
                (n, _) => format!("{} of {}", grouped(shown as u64), grouped(n as u64)),
            };
            ui.label(RichText::new(words).color(p.muted));
        });
        let right = row(eframe::egui::Layout::right_to_left(center));
        ui.scope_builder(right, |ui| {
            ui.spacing_mut().item_spacing.x = 8.0;
            let folders = ToolButton {
                name: "Folders of sessions",
                label: "Folders",
                opens: true,
                ..ToolButton::default()
            };
            let response = folders.show(ui);
            self.folders_menu(&response, acts);
            let again = ToolButton {
                name: "Look again",
                label: "Look again",
                ..ToolButton::default()
            };
            if again.show(ui).clicked() {
                acts.push(Act::Order(Box::new(SessionOrder::Look(Vec::new()))));
            }
        });
    }

    fn folders_menu(&self, response: &Response, acts: &mut Vec<Act>) {
        let popup = Popup::menu(response)
            .gap(4.0)
            .width(360.0)
            .close_behavior(PopupCloseBehavior::CloseOnClickOutside);
        popup.show(|ui| {
            ui.set_min_width(360.0);
            menu::caption(ui, "Looked through, and two levels of folders in them");
            for (i, folder) in self.folders.iter().enumerate() {
                ui.horizontal(|ui| {
                    let text = folder.display().to_string();
                    let label = widgets::elided(ui, &short(folder), 270.0);
                    ui.label(label).on_hover_text(&text);
                    if i == 0 {
                        ui.label(RichText::new("recordings").size(12.0).weak());
                    } else {
                        let forget = ui.small_button("×");
                        let forget = forget.accessible_name(format!("Look no more in {text}"));
                        let hint = "Look no more in it; the folder itself stays as it is";
                        if forget.on_hover_text(hint).clicked() {
                            acts.push(Act::ForgetFolder(folder.clone()));
                        }
                    }
                });
            }
            ui.separator();
            let add = Button::selectable(false, "Add a folder…");
            if ui.add(add).clicked() {
                acts.push(Act::AddFolder);
                ui.close();
            }
        });
    }

    fn head(&mut self, ui: &mut Ui, rect: Rect, columns: &Columns) {
        let p = Palette::of(ui.ctx());
        for (column, left, right) in columns.all() {
            let area = Rect::from_min_max(pos2(left, rect.top()), pos2(right, rect.bottom()));
            let on = self.column == column;
            let word = column.title();
            let sign = match (on, self.turned) {
                (true, false) => " ↓",
                (true, true) => " ↑",
                _ => "",
            };
            let response = ui.interact(area, ui.scope_id().with(word), Sense::CLICK);
            response.widget_info(|| {
                let name = format!("Sort by {}", word.to_lowercase());
                WidgetInfo::selected(eframe::egui::Role::Button, true, on, name)
            });
            let color = if on || response.hovered() {
                p.text
            } else {
                p.muted
            };
            let text = format!("{word}{sign}");
            let (at, align) = if column.is_number() {
                (area.right_center(), Align2::RIGHT_CENTER)
            } else {
                (area.left_center(), Align2::LEFT_CENTER)
            };
            ui.painter()
                .text(at, align, text, theme::semibold(12.0), color);
            if response.has_focus() {
                let stroke = Stroke::new(1.0, p.accent);
                ui.painter()
                    .rect_stroke(area, 4.0, stroke, StrokeKind::Inside);
            }
            if response.clicked() {
                self.turned = on && !self.turned;
                self.column = column;
                self.resort = true;
            }
            if !column.hint().is_empty() {
                response.on_hover_text(column.hint());
            }
        }
    }

    /// Where the chosen session stands in the list.
    fn place(&self) -> Option<usize> {
        let chosen = self.chosen.as_ref()?;
        let sessions = self.sessions();
        self.shown
            .iter()
            .position(|&i| sessions[i].table == *chosen)
    }

    fn keys(&mut self, ui: &Ui, acts: &mut Vec<Act>) {
        let focused = ui.ctx().memory(|m| m.focused());
        if self.card.is_some() || ui.ctx().text_edit_focused() || Popup::is_any_open(ui.ctx()) {
            return;
        }
        let (step, enter, rename, delete) = ui.input(|i| {
            let step =
                i64::from(i.key_pressed(Key::ArrowDown)) - i64::from(i.key_pressed(Key::ArrowUp));
            (
                step,
                i.key_pressed(Key::Enter),
                i.key_pressed(Key::F2),
                i.key_pressed(Key::Delete),
            )
        });
        if step != 0 {
            let last = self.shown.len() as i64 - 1;
            let to = self
                .place()
                .map_or(0, |at| (at as i64 + step).clamp(0, last));
            let table = self.sessions()[self.shown[to as usize]].table.clone();
            self.chosen = Some(table);
            self.scroll = true;
        }
        let chosen = self.place().map(|at| self.shown[at]);
        let Some(session) = chosen.map(|i| &self.sessions()[i]) else {
            return;
        };
        // Enter on a button presses that button.
        if enter && focused.is_none() {
            acts.extend(open(session));
        }
        let table = session.table.clone();
        if rename {
            self.card = Some(Card::Rename(table, session.name.clone(), true));
        } else if delete {
            self.card = Some(Card::Delete(table));
        }
    }

    fn row(&mut self, ui: &mut Ui, session: &Session, columns: &Columns, acts: &mut Vec<Act>) {
        let p = Palette::of(ui.ctx());
        let detail = self.details.get(&session.table);
        let (rect, response) =
            ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::CLICK);
        let on = self.chosen.as_ref() == Some(&session.table);
        response.widget_info(|| {
            let name = spoken(session, detail);
            WidgetInfo::selected(eframe::egui::Role::Button, true, on, name)
        });
        if on || response.hovered() {
            let fill = if on { p.raised() } else { p.hovered() };
            ui.painter().rect_filled(rect, 6.0, fill);
        }
        if on || response.has_focus() {
            let stroke = Stroke::new(1.0, p.accent);
            ui.painter()
                .rect_stroke(rect, 6.0, stroke, StrokeKind::Inside);
        }
        draw(ui, rect, session, detail, columns, &p);
        let entered = response.has_focus() && ui.input(|i| i.key_pressed(Key::Enter));
        if response.clicked() || response.secondary_clicked() {
            self.chosen = Some(session.table.clone());
        }
        if response.double_clicked() || entered {
            acts.extend(open(session));
        }
        self.row_menu(&response, session, acts);
        let mut lines = vec![session.table.display().to_string()];
        lines.extend(session.trouble.clone());
        lines.extend(
            session
                .missing()
                .map(|m| format!("Its video is not there: {m}")),
        );
        if let Some(detail) = self.details.get(&session.table) {
            lines.extend((!detail.names.is_empty()).then(|| faces(detail)));
            lines.extend(detail.scores.iter().map(against));
            lines.extend(detail.failed.clone());
        }
        response.on_hover_text(lines.join("\n"));
    }

    fn row_menu(&mut self, response: &Response, session: &Session, acts: &mut Vec<Act>) {
        Popup::context_menu(response).width(220.0).show(|ui| {
            ui.set_min_width(220.0);
            let table = || session.table.clone();
            let row = |ui: &mut Ui, on: bool, label: &str, key: &str| {
                let button = Button::selectable(false, label).right_text(menu::key(key));
                ui.add_enabled(on, button).clicked()
            };
            if row(ui, session.can_be_opened(), "Open", "Enter") {
                acts.extend(open(session));
            }
            let still = session.whole != Whole::Running;
            if row(ui, still, "Rename…", "F2") {
                self.card = Some(Card::Rename(table(), session.name.clone(), true));
            }
            if row(ui, true, "Copy its path", "") {
                ui.ctx().copy_text(session.table.display().to_string());
            }
            ui.separator();
            if row(ui, still, "Move to the bin…", "Del") {
                self.card = Some(Card::Delete(table()));
            }
        });
    }
}

/// The part of a page that the list takes.
pub(in crate::gui::review) fn middle(rect: Rect) -> Rect {
    let width = (rect.width() - 48.0).min(WIDEST);
    Rect::from_center_size(rect.center(), vec2(width, rect.height()))
}

fn open(session: &Session) -> Option<Act> {
    session
        .can_be_opened()
        .then(|| Act::OpenSession(Box::new(session.request())))
}
