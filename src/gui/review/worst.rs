//! Worst first: the stretches that should be looked at, with how each was settled.

use std::time::Duration;

use eframe::egui::{
    Align2, Color32, Context, Margin, Popup, PopupCloseBehavior, Rect, Role, ScrollArea, Sense,
    Stroke, StrokeKind, TextEdit, Ui, UiBuilder, WidgetInfo, pos2, vec2,
};

use super::act::Act;
use super::pictures::Pictures;
use super::state::{Below, State, clock};
use crate::gui::layout::MARGIN;
use crate::gui::menu;
use crate::gui::theme::{self, Palette};
use crate::gui::widgets;
use crate::review::{Marks, Segment, SegmentState};

/// Height of one entry.
const ROW: f32 = 74.0;
/// The list is made anew this long after the last change, seconds.
const AFTER_S: f64 = 0.7;
/// And no later than so long after the first: an analysis changes it all the time.
const AT_LEAST_S: f64 = 4.0;

/// The list and what belongs to it.
#[derive(Default)]
pub struct Worst {
    segments: Vec<Segment>,
    /// The version and the rater of which it was asked for last.
    asked: Option<(u64, usize)>,
    /// Whether agreement was asked for with it.
    with_agreement: bool,
    /// It has come at least once.
    ranked: bool,
    /// The state that was seen last, since when, and when the first change came that is not ranked yet.
    changed_s: Option<(u64, f64, f64)>,
    /// The chosen one.
    pub chosen: Option<usize>,
    /// Only those that nobody has settled.
    open_only: bool,
    /// The note being written.
    note: Option<(usize, String)>,
}

impl Worst {
    /// Whether the list is to be made anew now: at once when it was never made, or is of another rater; after an edit when
    /// nothing more has changed for a while.
    pub fn is_due(&mut self, state: &State, now_s: f64, ctx: &Context) -> bool {
        let now = (state.version(), state.rater);
        let agreement = state.below == Below::Agreement;
        let more = agreement && !self.with_agreement;
        if self.asked == Some(now) && !more {
            return false;
        }
        let same_rater = self.asked.is_some_and(|asked| asked.1 == now.1);
        if same_rater && !more {
            let (version, mut since_s, first_s) =
                *self.changed_s.get_or_insert((now.0, now_s, now_s));
            if version != now.0 {
                since_s = now_s;
                self.changed_s = Some((now.0, now_s, first_s));
            }
            if now_s - since_s < AFTER_S && now_s - first_s < AT_LEAST_S {
                ctx.request_repaint_after(Duration::from_secs_f64(AFTER_S));
                return false;
            }
        }
        self.asked = Some(now);
        self.with_agreement = agreement;
        self.changed_s = None;
        true
    }

    /// Takes the list.
    pub fn rank(&mut self, segments: Vec<Segment>) {
        self.ranked = true;
        let kept = self.segment().map(|s| s.peak);
        self.segments = segments;
        self.chosen = kept.and_then(|peak| self.segments.iter().position(|s| s.peak == peak));
    }

    /// The whole list, the worst first.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Something else is open.
    pub fn clear(&mut self) {
        *self = Self {
            open_only: self.open_only,
            ..Self::default()
        };
    }

    /// The next or the one before, of those that are shown.
    pub fn walk(&mut self, forwards: bool, marks: &Marks) -> Option<&Segment> {
        let shown = self.shown(marks);
        let at = self.chosen.and_then(|c| shown.iter().position(|&i| i == c));
        let next = match (at, forwards) {
            (None, _) => 0,
            (Some(at), true) => (at + 1).min(shown.len().saturating_sub(1)),
            (Some(at), false) => at.saturating_sub(1),
        };
        self.chosen = shown.get(next).copied();
        self.chosen.and_then(|i| self.segments.get(i))
    }

    /// The chosen one.
    pub fn segment(&self) -> Option<&Segment> {
        self.segments.get(self.chosen?)
    }

    fn shown(&self, marks: &Marks) -> Vec<usize> {
        let all = 0..self.segments.len();
        all.filter(|&i| {
            !self.open_only
                || Some(i) == self.chosen
                || state_of(&self.segments[i], marks) == SegmentState::Open
        })
        .collect()
    }

    /// Shows it in the whole of `rect`.
    pub fn show(
        &mut self,
        ui: &mut Ui,
        rect: Rect,
        (state, marks): (&State, &Marks),
        pictures: &mut Pictures,
    ) -> Vec<Act> {
        let p = Palette::of(ui.ctx());
        let mut acts = Vec::new();
        ui.painter()
            .vline(rect.right() - 0.5, rect.y_range(), Stroke::new(1.0, p.line));
        let head = Rect::from_min_max(rect.min, pos2(rect.right(), rect.top() + 32.0));
        self.head(ui, head, marks, &p);
        let body = Rect::from_min_max(pos2(rect.left(), head.bottom()), rect.max);
        if state.blind {
            words(ui, body, "Hidden while you rate.", &p);
            return acts;
        }
        let shown = self.shown(marks);
        if shown.is_empty() {
            let text = if !self.segments.is_empty() {
                "All are settled."
            } else if (state.project.model().is_none() && state.project.raters().len() < 2)
                || (state.project.raters().is_empty() && !self.ranked)
            {
                "With predictions, and labels beside them, the stretches where they differ most are listed here."
            } else if !self.ranked {
                "…"
            } else {
                "No stretch where they are far apart for long enough."
            };
            words(ui, body, text, &p);
            return acts;
        }
        ui.scope_builder(UiBuilder::new().max_rect(body), |ui| {
            ui.spacing_mut().item_spacing.y = 0.0;
            let area = ScrollArea::vertical().auto_shrink([false, false]);
            area.show_rows(ui, ROW, shown.len(), |ui, rows| {
                for row in rows {
                    self.entry(ui, shown[row], (marks, pictures), &mut acts);
                }
            });
        });
        acts
    }

    fn head(&mut self, ui: &mut Ui, rect: Rect, marks: &Marks, p: &Palette) {
        let y = rect.center().y + 2.0;
        let left = rect.left() + MARGIN;
        ui.painter().text(
            pos2(left, y),
            Align2::LEFT_CENTER,
            "Worst first",
            theme::semibold(12.0),
            p.muted,
        );
        let open = self
            .segments
            .iter()
            .filter(|s| state_of(s, marks) == SegmentState::Open)
            .count();
        let text = format!("{open} open of {}", self.segments.len());
        let galley = widgets::layout(
            ui,
            &text,
            theme::semibold(12.0),
            if self.open_only { p.accent } else { p.muted },
        );
        let at = pos2(
            rect.right() - MARGIN - galley.size().x,
            y - galley.size().y / 2.0,
        );
        let area = Rect::from_min_size(at, galley.size()).expand(3.0);
        ui.painter().galley(at, galley, p.muted);
        let response = ui.interact(area, ui.scope_id().with("open only"), Sense::CLICK);
        let on = self.open_only;
        response.widget_info(|| WidgetInfo::selected(Role::Button, true, on, text.clone()));
        if response
            .on_hover_text("Click: show only those that are open, or all")
            .clicked()
        {
            self.open_only = !self.open_only;
        }
    }

    fn entry(
        &mut self,
        ui: &mut Ui,
        i: usize,
        (marks, pictures): (&Marks, &mut Pictures),
        acts: &mut Vec<Act>,
    ) {
        let p = Palette::of(ui.ctx());
        let segment = self.segments[i].clone();
        let (whole, response) =
            ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::CLICK);
        let rect = whole.shrink2(vec2(8.0, 3.0));
        let settled = state_of(&segment, marks);
        let on = self.chosen == Some(i);
        let times = format!(
            "{} – {}",
            short(segment.start_s),
            short(segment.start_s + segment.length_s)
        );
        response.widget_info(|| {
            let name = format!(
                "Segment {times}, {}, {:.2}, {}",
                segment.words(),
                segment.score,
                settled.title()
            );
            WidgetInfo::selected(Role::Button, true, on, name)
        });
        if response.clicked() {
            self.chosen = Some(i);
            self.note = None;
            acts.push(Act::Segment(segment.frames.clone(), segment.peak));
        }
        let fill = if response.hovered() && !on {
            p.hovered()
        } else {
            p.panel
        };
        if on || response.hovered() {
            ui.painter().rect_filled(rect, 6.0, fill);
        }
        if on || response.has_focus() {
            ui.painter()
                .rect_stroke(rect, 6.0, Stroke::new(1.0, p.accent), StrokeKind::Inside);
        }
        let narrow = rect.width() < 240.0;
        let side = if narrow { 44.0 } else { 56.0 };
        let thumb = Rect::from_min_size(rect.min + vec2(6.0, 6.0), vec2(side, side));
        match pictures.get(segment.peak) {
            Some(texture) => {
                let size = texture.size_vec2();
                let scale = side / size.x.max(size.y);
                let area = Rect::from_center_size(thumb.center(), size * scale);
                let uv = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
                ui.painter().image(texture.id(), area, uv, Color32::WHITE);
            }
            None => {
                ui.painter().rect_filled(thumb, 4.0, p.line);
            }
        }
        let x = thumb.right() + 8.0;
        let room = rect.right() - 8.0 - x;
        let dim = settled != SegmentState::Open;
        let text = if dim { p.muted } else { p.text };
        let score = widgets::layout(
            ui,
            &format!("{:.2}", segment.score),
            theme::digits(11.5),
            p.muted,
        );
        let score_at = pos2(rect.right() - 8.0 - score.size().x, rect.top() + 8.0);
        let mut y = rect.top() + 6.0;
        // Where beginning and end have no room beside the score, the length stands for the end.
        let mut drawn = widgets::layout(ui, &times, theme::digits(12.0), text);
        if x + drawn.size().x > score_at.x - 4.0 {
            let less = format!("{} +{:.1}s", short(segment.start_s), segment.length_s);
            drawn = widgets::layout(ui, &less, theme::digits(12.0), text);
        }
        ui.painter().galley(pos2(x, y), drawn, text);
        ui.painter().galley(score_at, score, p.muted);
        y += 17.0;
        for line in [segment.title, segment.detail.as_str()] {
            let galley = widgets::layout_elided(ui, line, theme::caption(), p.muted, room);
            ui.painter().galley(pos2(x, y), galley, p.muted);
            y += 16.0;
        }
        let mark = marks.nearest(&segment.spot()).map(|m| m.1.clone());
        let mark = mark.unwrap_or_default();
        let note = mark.note.clone();
        if !mark.is_empty() {
            let words = mark.words();
            let galley = widgets::layout_elided(ui, &words, theme::small(), p.accent, room);
            ui.painter().galley(pos2(x, y), galley, p.accent);
        }
        let was_shut = response.secondary_clicked();
        let popup = Popup::context_menu(&response)
            .width(250.0)
            .close_behavior(PopupCloseBehavior::CloseOnClickOutside);
        popup.show(|ui| {
            ui.set_min_width(250.0);
            menu::caption(ui, "How it was settled");
            let on = SegmentState::ALL
                .iter()
                .position(|s| *s == settled)
                .unwrap_or(0);
            for (n, choice) in SegmentState::ALL.into_iter().enumerate() {
                if ui.selectable_label(n == on, choice.title()).clicked() {
                    acts.push(Act::Settle(segment.spot(), choice, note.clone()));
                }
            }
            menu::caption(ui, "Note");
            let (of, text) = self.note.get_or_insert_with(|| (i, note.clone()));
            let fresh = was_shut || *of != i;
            if fresh {
                (*of, *text) = (i, note.clone());
            }
            let field = ui
                .add(
                    TextEdit::singleline(text)
                        .desired_width(230.0)
                        .margin(Margin::symmetric(8, 4))
                        .align(Align2::LEFT_CENTER),
                )
                .accessible_name("Note");
            if fresh {
                // What is typed next is the note, and no key of the bench's.
                field.request_focus();
            }
            if (field.lost_focus() || field.clicked_elsewhere()) && *text != note {
                acts.push(Act::Settle(segment.spot(), settled, text.clone()));
            }
        });
        let why = segment.ccc_loss.map_or(String::new(), |part| {
            format!(
                "\n{:.1} % of what the video lacks to a CCC of 1 is lost here.",
                part * 100.0
            )
        });
        response.on_hover_text(format!(
            "{}, {:.1} s.{why}\nN: the next. E: settle it. Right click: settle it, with a note.",
            segment.words(),
            segment.length_s
        ));
    }
}

/// How a segment was settled.
pub(super) fn state_of(segment: &Segment, marks: &Marks) -> SegmentState {
    marks
        .nearest(&segment.spot())
        .map_or(SegmentState::Open, |m| m.1.state)
}

/// A time with its tenth, or after the first hour, which takes more room, without.
fn short(time_s: f64) -> String {
    let text = clock(time_s);
    let less = if time_s < 3600.0 { 2 } else { 4 };
    text[..text.len() - less].to_owned()
}

fn words(ui: &Ui, rect: Rect, text: &str, p: &Palette) {
    let galley = ui.painter().layout(
        text.to_owned(),
        theme::body(),
        p.muted,
        rect.width() - 2.0 * MARGIN,
    );
    let at = pos2(rect.left() + MARGIN, rect.top() + 8.0);
    widgets::described(
        ui,
        Rect::from_min_size(at, galley.size()),
        "worst words",
        || text.to_owned(),
    );
    ui.painter().galley(at, galley, p.muted);
}
