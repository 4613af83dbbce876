//! The whole video at a glance: expressions of model and raters, probabilities, valence and arousal, where they differ.

mod paint;
mod rows;
mod strip;

use std::collections::BTreeMap;
use std::time::Duration;

use eframe::egui::{
    Context, CursorIcon, Painter, PointerButton, Pos2, Rect, Sense, Stroke, Ui, pos2, vec2,
};

use self::paint::{axis, columns_of, gaps, head, markers, row, selection, y_of};
use self::rows::{Row, What, rows};
use super::act::Act;
use super::levels::Levels;
use super::pictures::Pictures;
use super::state::{State, clock};
use crate::gui::circumplex::signed;
use crate::gui::layout::MARGIN;
use crate::gui::theme::{self, Palette};
use crate::gui::widgets;
use crate::numbers::grouped;
use crate::review::{Marks, Segment, Stroke as Curve};

/// Room for the names at the left.
const NAMES: f32 = 92.0;
/// Height of the axis and of the bar below it.
const AXIS: f32 = 18.0;
const BAR: f32 = 12.0;
/// Pictures of the strip are asked for once the view has been still for so long, seconds.
const STILL_S: f64 = 0.2;

/// What the timeline remembers from frame to frame.
#[derive(Default)]
pub struct Timeline {
    levels: Levels,
    /// Where a selection was begun.
    anchor: Option<usize>,
    /// Values being drawn: whether of valence, and by frame.
    drawn: Option<(bool, BTreeMap<usize, f64>)>,
    /// Where the pen was last.
    last: Option<(usize, f64)>,
    /// The frames of the strip of pictures,
    strip: Vec<usize>,
    /// and those that it has shown since a moment, seconds.
    still: (Vec<usize>, f64),
    /// The bar below is being dragged: by how many frames its middle is off the pointer.
    grip: Option<f64>,
}

/// Frames to points.
#[derive(Clone, Copy)]
struct Scale {
    from: f64,
    per_point: f64,
    left: f32,
    right: f32,
}

impl Scale {
    fn x(&self, frame: f64) -> f32 {
        self.left + ((frame - self.from) / self.per_point) as f32
    }

    fn frame(&self, x: f32) -> f64 {
        self.from + f64::from(x - self.left) * self.per_point
    }
}

impl Timeline {
    /// Takes how far model and labels are apart on each frame; nothing while that is not known.
    pub fn rank(&mut self, apart: Vec<f64>) {
        self.levels.rank(apart);
    }

    /// The frames whose pictures the strip shows, once the view has been still for a moment.
    pub fn strip(&mut self, now_s: f64, ctx: &Context) -> Vec<usize> {
        if self.strip != self.still.0 {
            self.still = (self.strip.clone(), now_s);
        }
        if now_s - self.still.1 < STILL_S {
            ctx.request_repaint_after(Duration::from_secs_f64(STILL_S));
            return Vec::new();
        }
        self.strip.clone()
    }

    /// Shows it in the whole of `rect`.
    pub fn show(
        &mut self,
        ui: &mut Ui,
        rect: Rect,
        state: &mut State,
        (segments, marks): (&[Segment], &Marks),
        pictures: &mut Pictures,
    ) -> Vec<Act> {
        let p = Palette::of(ui.ctx());
        let mut acts = Vec::new();
        self.levels.update(state);
        let state = &*state;
        ui.painter().rect_filled(rect, 0.0, p.panel);
        ui.painter()
            .hline(rect.x_range(), rect.top() + 0.5, Stroke::new(1.0, p.line));
        let area = Rect::from_min_max(
            pos2(rect.left() + NAMES + 6.0, rect.top() + 8.0),
            pos2(
                rect.right() - MARGIN - 8.0,
                rect.bottom() - AXIS - BAR - 4.0,
            ),
        );
        if area.width() < 40.0 || area.height() < 30.0 {
            return acts;
        }
        // Whole frames, as the columns have them.
        let frames = super::levels::view(state);
        let scale = Scale {
            from: frames.start as f64,
            per_point: frames.len().max(1) as f64 / f64::from(area.width()),
            left: area.left(),
            right: area.right(),
        };
        let rows = rows(area, &self.levels, state);
        if rows.is_empty() {
            let words = "Predictions and labels are drawn here, frame by frame: open a file of them, or analyse the video.";
            let galley = ui.painter().layout(
                words.to_owned(),
                theme::body(),
                p.muted,
                area.width() - 40.0,
            );
            let at = area.center() - galley.size() / 2.0;
            widgets::described(
                ui,
                Rect::from_min_size(at, galley.size()),
                "no rows",
                || words.to_owned(),
            );
            ui.painter().galley(at, galley, p.muted);
        }
        let painter = ui.painter().with_clip_rect(area.expand2(vec2(0.5, 0.0)));
        let place = rows.iter().find(|r| r.what == What::Pictures);
        self.strip = place.map_or(Vec::new(), |row| {
            let shown = strip::frames(&frames, &scale, row.rect.height());
            strip::show(&painter, &p, &scale, (row.rect, &shown), pictures);
            shown
        });
        let columns = self.levels.columns(state, columns_of(area));
        if !state.blind {
            gaps(&painter, &p, area, columns);
        }
        for one in &rows {
            row(ui, &painter, &p, one, (columns, state));
        }
        if state.cell.is_some() {
            self.cell_marks(&painter, &p, &scale, area, state);
        }
        selection(&painter, &p, &scale, area, state);
        axis(ui.painter(), &p, &scale, area, state);
        if !state.blind {
            markers(ui, &p, (&scale, area), segments, marks);
        }
        self.bar(ui, &p, area, state, &mut acts);
        head(ui.painter(), &p, &scale, area, state);
        self.drawing(&painter, &p, &scale, &rows);
        self.pointer(ui, &scale, (area, &rows), state, &mut acts);
        acts
    }

    /// What is being drawn, above everything.
    fn drawing(&self, painter: &Painter, p: &Palette, scale: &Scale, rows: &[Row]) {
        let Some((row, values)) = self
            .drawn
            .as_ref()
            .and_then(|(valence, values)| Some((line_row(rows, *valence)?, values)))
        else {
            return;
        };
        let points: Vec<Pos2> = values
            .iter()
            .map(|(&frame, &v)| pos2(scale.x(frame as f64 + 0.5), y_of(row.rect, v)))
            .collect();
        if let [one] = points.as_slice() {
            painter.circle_filled(*one, 2.5, p.accent);
        } else {
            painter.line(points, Stroke::new(2.0, p.accent));
        }
    }

    /// Takes the pointer's place into what is drawn; the frames that were jumped over lie on the way.
    fn draw(&mut self, rows: &[Row], at: Pos2, frame: usize) {
        if self.drawn.is_none() {
            let row = rows.iter().find(|r| {
                matches!(r.what, What::Valence | What::Arousal)
                    && r.rect.expand2(vec2(0.0, 3.0)).contains(at)
            });
            let Some(row) = row else { return };
            self.drawn = Some((row.what == What::Valence, BTreeMap::new()));
        }
        let Some((valence, values)) = &mut self.drawn else {
            return;
        };
        let Some(row) = line_row(rows, *valence) else {
            return;
        };
        let reach = (row.rect.height() / 2.0 - 1.0).max(1.0);
        let value = f64::from((row.rect.center().y - at.y) / reach).clamp(-1.0, 1.0);
        if let Some((from, was)) = self.last {
            let (a, b) = (from.min(frame), from.max(frame));
            for f in a..=b {
                let part = if from == frame {
                    1.0
                } else {
                    (f as f64 - from as f64) / (frame as f64 - from as f64)
                };
                values.insert(f, was + (value - was) * part);
            }
        }
        values.insert(frame, value);
        self.last = Some((frame, value));
    }

    /// The bar below: what part of the video is in view.
    fn bar(&mut self, ui: &Ui, p: &Palette, area: Rect, state: &State, acts: &mut Vec<Act>) {
        let bar = Rect::from_min_max(
            pos2(area.left(), area.bottom() + AXIS + 2.0),
            pos2(area.right(), area.bottom() + AXIS + 2.0 + BAR - 4.0),
        );
        let frames = state.frames().max(1) as f64;
        let x = |f: f64| bar.left() + (f / frames) as f32 * bar.width();
        ui.painter()
            .rect_filled(bar, 4.0, p.line.gamma_multiply(0.6));
        let mut thumb = Rect::from_min_max(
            pos2(x(state.view.start), bar.top()),
            pos2(x(state.view.end), bar.bottom()),
        );
        if thumb.width() < 14.0 {
            thumb = Rect::from_center_size(thumb.center(), vec2(14.0, bar.height()));
        }
        let response = ui.interact(
            bar.expand2(vec2(0.0, 3.0)),
            ui.scope_id().with("timeline bar"),
            Sense::click_and_drag(),
        );
        let color = if response.hovered() || response.dragged() {
            p.muted
        } else {
            p.faint
        };
        ui.painter().rect_filled(thumb, 4.0, color);
        let Some(at) = response.interact_pointer_pos() else {
            self.grip = None;
            return;
        };
        let frame = f64::from((at.x - bar.left()) / bar.width()) * frames;
        let middle = (state.view.start + state.view.end) / 2.0;
        let grip = *self.grip.get_or_insert(if thumb.contains(at) {
            middle - frame
        } else {
            0.0
        });
        acts.push(Act::Pan(frame + grip - middle));
    }

    fn pointer(
        &mut self,
        ui: &Ui,
        scale: &Scale,
        (area, rows): (Rect, &[Row]),
        state: &State,
        acts: &mut Vec<Act>,
    ) {
        let sensed = Rect::from_min_max(area.min, pos2(area.right(), area.bottom() + AXIS));
        let response = ui.interact(
            sensed,
            ui.scope_id().with("timeline"),
            Sense::click_and_drag(),
        );
        response.widget_info(|| {
            let name = format!("Timeline, frame {} of {}", state.at(), state.frames());
            eframe::egui::WidgetInfo::labeled(eframe::egui::Role::Slider, true, name)
        });
        let last = state.frames().saturating_sub(1) as f64;
        let frame_at = |x: f32| scale.frame(x).floor().clamp(0.0, last) as usize;
        let (shift, secondary) = ui.input(|i| {
            (
                i.modifiers.shift,
                i.pointer.button_down(PointerButton::Secondary),
            )
        });
        if let Some(at) = response.interact_pointer_pos() {
            let frame = frame_at(at.x);
            let pressed = ui.input(|i| i.pointer.press_origin()).unwrap_or(at);
            let on_line = |r: &Row| {
                matches!(r.what, What::Valence | What::Arousal) && r.rect.contains(pressed)
            };
            // A selection that was begun stays one when shift is let go of first.
            let draws = state.draw && !shift && self.anchor.is_none();
            if draws && (self.drawn.is_some() || rows.iter().any(on_line)) {
                self.draw(rows, at, frame);
            } else if shift || secondary || self.anchor.is_some() {
                let anchor = *self.anchor.get_or_insert(frame);
                if anchor != frame || state.selection.is_some() {
                    acts.push(Act::Select(anchor, frame));
                }
            } else if ui.input(|i| i.pointer.primary_down()) || response.clicked() {
                acts.push(Act::Go(frame as i64));
            }
        }
        if !ui.input(|i| i.pointer.any_down()) {
            self.anchor = None;
            self.last = None;
            if let Some((valence, values)) = self.drawn.take()
                && let (Some((&first, _)), Some((&last, _))) =
                    (values.first_key_value(), values.last_key_value())
            {
                let values = (first..=last).map(|f| values.get(&f).copied()).collect();
                let stroke = Curve {
                    start: first,
                    ..Curve::default()
                };
                acts.push(Act::Drawn(if valence {
                    Curve {
                        valence: values,
                        ..stroke
                    }
                } else {
                    Curve {
                        arousal: values,
                        ..stroke
                    }
                }));
            }
        }
        if state.draw && response.hovered() {
            ui.ctx().set_cursor_icon(CursorIcon::Crosshair);
        }
        if !response.hovered() {
            return;
        }
        if shift {
            ui.ctx().set_cursor_icon(CursorIcon::Text);
        }
        let Some(at) = ui.ctx().pointer_hover_pos() else {
            return;
        };
        let (scroll, pinch) = ui.input(|i| (i.smooth_scroll_delta(), i.zoom_delta()));
        if pinch != 1.0 {
            acts.push(Act::Zoom(f64::from(pinch), scale.frame(at.x)));
        } else if scroll.x.abs() > scroll.y.abs() {
            acts.push(Act::Pan(-f64::from(scroll.x) * scale.per_point));
        } else if scroll.y != 0.0 {
            acts.push(Act::Zoom(
                f64::from(scroll.y / 120.0).exp2(),
                scale.frame(at.x),
            ));
        }
        let frame = frame_at(at.x);
        let line = Stroke::new(1.0, Palette::of(ui.ctx()).muted.gamma_multiply(0.5));
        ui.painter().vline(at.x, area.y_range(), line);
        if response.dragged() {
            return;
        }
        response.on_hover_ui_at_pointer(|ui| {
            for (i, text) in values(state, frame).into_iter().enumerate() {
                let font = if i == 0 {
                    theme::digits_medium(12.0)
                } else {
                    theme::digits(12.0)
                };
                ui.label(eframe::egui::RichText::new(text).font(font));
            }
        });
    }
}

/// Of so many raters the values of a frame are listed.
const MOST_SAID: usize = 8;

/// The row of valence, or of arousal.
fn line_row(rows: &[Row], valence: bool) -> Option<&Row> {
    let what = if valence {
        What::Valence
    } else {
        What::Arousal
    };
    rows.iter().find(|row| row.what == what)
}

/// What is said of a frame, in lines.
fn values(state: &State, frame: usize) -> Vec<String> {
    let project = &state.project;
    let time_s = project.times_s().get(frame).copied().unwrap_or(0.0);
    let mut lines = vec![format!(
        "frame {}  {}",
        grouped(frame as u64),
        clock(time_s)
    )];
    let said = |name: &str, r: crate::review::Rating, more: String| {
        let expression = r
            .expression
            .map_or(String::new(), |e| format!(" {e}{more}"));
        let number = |letter: &str, v: Option<f64>| {
            v.map_or(String::new(), |v| {
                format!("  {letter} {}", signed(v as f32))
            })
        };
        format!(
            "{name}:{expression}{}{}",
            number("V", r.valence),
            number("A", r.arousal)
        )
    };
    if let Some(model) = project.model().filter(|_| !state.blind) {
        let sure = model
            .confidence(frame)
            .map_or(String::new(), |c| format!(" {c:.2}"));
        let rating = model.track().get(frame);
        if rating.is_empty() {
            let why = model.status(frame).map_or("no prediction", |s| s.name());
            lines.push(format!("model: {}", why.replace('_', " ")));
        } else {
            lines.push(said("model", rating, sure));
        }
    }
    let mut raters: Vec<_> = project.raters().iter().enumerate().collect();
    // Whose labels are chosen comes first where not all have room.
    raters.sort_by_key(|(i, _)| *i != state.rater);
    let spoken = |r: &(usize, &crate::review::Rater)| !r.1.track().get(frame).is_empty();
    let all = raters.iter().filter(|r| spoken(r)).count();
    raters.retain(spoken);
    raters.truncate(MOST_SAID);
    raters.sort_by_key(|(i, _)| *i);
    for (_, rater) in &raters {
        lines.push(said(&rater.name, rater.track().get(frame), String::new()));
    }
    if all > raters.len() {
        lines.push(format!("and {} more", all - raters.len()));
    }
    lines
}
