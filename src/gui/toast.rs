//! Short words over the picture that go by themselves.

use std::time::Duration;

use eframe::egui::{Align2, Area, Context, Frame, Id, Order, Rect, RichText, Stroke, vec2};

use super::theme::{self, Palette};

/// How long a word stays, seconds; an alarm stays twice as long.
const STAYS_S: f64 = 5.0;
/// The most that are shown at once.
const MOST: usize = 3;

struct Toast {
    text: String,
    alarm: bool,
    until_s: Option<f64>,
}

/// The words on screen now.
#[derive(Default)]
pub struct Toasts {
    toasts: Vec<Toast>,
}

impl Toasts {
    /// Says something; `alarm` in the colour of alarm and for longer.
    pub fn add(&mut self, text: String, alarm: bool) {
        if self.toasts.len() == MOST {
            self.toasts.remove(0);
        }
        self.toasts.push(Toast {
            text,
            alarm,
            until_s: None,
        });
    }

    /// Shows them in the upper part of `over`.
    pub fn show(&mut self, ctx: &Context, over: Rect) {
        let now_s = ctx.input(|i| i.time);
        for toast in &mut self.toasts {
            let stays_s = if toast.alarm { 2.0 * STAYS_S } else { STAYS_S };
            toast.until_s.get_or_insert(now_s + stays_s);
        }
        self.toasts.retain(|t| t.until_s.is_none_or(|u| now_s < u));
        let Some(next_s) = self
            .toasts
            .iter()
            .filter_map(|t| t.until_s)
            .min_by(f64::total_cmp)
        else {
            return;
        };
        let wait_s = (next_s - now_s).clamp(0.02, 60.0);
        ctx.request_repaint_after(Duration::from_secs_f64(wait_s));
        let p = Palette::of(ctx);
        Area::new(Id::unique("toasts"))
            .order(Order::Foreground)
            .interactable(false)
            .pivot(Align2::CENTER_TOP)
            .fixed_pos(over.center_top() + vec2(0.0, 44.0))
            .show(ctx, |ui| {
                // As wide as the widest of the words and no wider: what is below is a face.
                let most = (over.width() - 64.0).max(120.0);
                let width = |toast: &Toast| {
                    let galley =
                        ui.painter()
                            .layout(toast.text.clone(), theme::body(), p.text, most);
                    galley.size().x.ceil() + 1.0
                };
                let widest = self.toasts.iter().map(width).fold(0.0, f32::max);
                ui.set_max_width(widest + 26.0);
                ui.vertical_centered(|ui| {
                    for toast in &self.toasts {
                        let line = if toast.alarm { p.record } else { p.line };
                        Frame::popup(ui.style())
                            .stroke(Stroke::new(1.0, line))
                            .corner_radius(theme::RADIUS_LARGE)
                            .inner_margin(vec2(12.0, 8.0))
                            .show(ui, |ui| {
                                let text = RichText::new(&toast.text).color(p.text);
                                ui.add(eframe::egui::Label::new(text).wrap());
                            });
                    }
                });
            });
    }
}
