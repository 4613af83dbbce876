//! The circumplex of the bench: where model and labels lie over the selection, and a place to rate with the pointer.

use eframe::egui::{
    Align2, Button, Color32, CursorIcon, DragValue, Mesh, Pos2, Rect, RichText, Role, Sense, Shape,
    Stroke, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use super::act::Act;
use super::state::State;
use crate::gui::circumplex::signed;
use crate::gui::theme::{self, Palette};
use crate::gui::widgets;
use crate::review::rating::RATES_HZ;
use crate::review::{Rating, Track};

/// The most points of either kind.
const MOST_POINTS: usize = 1500;

/// Shows it in the whole of `rect`. While a rating runs the pointer over it is the rating; else a drag is an edit of the
/// selection, or of the frame at the play-head.
pub fn show(ui: &mut Ui, rect: Rect, state: &State) -> Vec<Act> {
    let p = Palette::of(ui.ctx());
    let mut acts = Vec::new();
    let radius = (rect.width().min(rect.height()) / 2.0 - 14.0).max(20.0);
    let center = rect.center();
    let line = Stroke::new(1.0, p.line);
    let painter = ui.painter().with_clip_rect(rect);
    painter.circle_stroke(center, radius, Stroke::new(1.5, p.line));
    painter.circle_stroke(center, radius / 2.0, line);
    painter.hline((center.x - radius)..=(center.x + radius), center.y, line);
    painter.vline(center.x, (center.y - radius)..=(center.y + radius), line);
    let mut words = vec![(vec2(0.0, radius + 7.0), Align2::CENTER_CENTER, "calm")];
    // What is said of a rating stands there.
    if state.rating.is_none() {
        words.push((vec2(0.0, -radius - 7.0), Align2::CENTER_CENTER, "active"));
    }
    if radius < 70.0 {
        // Beside the circle, where it is narrow.
        let (side, up) = (rect.width() / 2.0, -0.75 * radius);
        words.push((vec2(-side, up), Align2::LEFT_CENTER, "unpleasant"));
        words.push((vec2(side, up), Align2::RIGHT_CENTER, "pleasant"));
    } else {
        words.push((vec2(4.0 - radius, -8.0), Align2::LEFT_CENTER, "unpleasant"));
        words.push((vec2(radius - 4.0, -8.0), Align2::RIGHT_CENTER, "pleasant"));
    }
    let at = |v: f64, a: f64| center + vec2(v as f32, -a as f32) * radius;
    let range = state.selection.clone().unwrap_or(0..state.frames());
    let cloud = |track: &Track, color: Color32| {
        let step = (range.len() / MOST_POINTS).max(1);
        let mut mesh = Mesh::default();
        for frame in range.clone().step_by(step) {
            if let (Some(v), Some(a)) = place(track.get(frame)) {
                mesh.add_colored_rect(Rect::from_center_size(at(v, a), vec2(2.0, 2.0)), color);
            }
        }
        painter.add(Shape::mesh(mesh));
    };
    let rater = state.project.raters().get(state.rater);
    if let Some(rater) = rater {
        cloud(rater.track(), p.text.gamma_multiply(0.45));
    }
    let model = state.project.model().filter(|_| !state.blind);
    if let Some(model) = model {
        cloud(model.track(), p.accent.gamma_multiply(0.45));
    }
    // On the points, and readable among them.
    for (at, align, word) in words {
        let word = painter.layout_no_wrap(word.to_owned(), theme::small(), p.muted);
        let area = align.anchor_size(center + at, word.size());
        painter.rect_filled(
            area.expand2(vec2(2.0, 0.0)),
            3.0,
            p.background.gamma_multiply(0.8),
        );
        painter.galley(area.min, word, p.muted);
    }
    let mut spoken = Vec::new();
    let mut dot = |name: &str, rating: Rating, color: Color32| {
        if let (Some(v), Some(a)) = place(rating) {
            painter.circle(at(v, a), 5.0, color, Stroke::new(2.0, p.background));
            spoken.push(format!("{name} {} {}", signed(v as f32), signed(a as f32)));
        }
    };
    if let Some(rater) = rater {
        dot(&rater.name, rater.track().get(state.at()), p.text);
    }
    if let Some(model) = model {
        dot("model", model.track().get(state.at()), p.accent);
    }
    let disc = Rect::from_center_size(center, vec2(radius, radius) * 2.2);
    let response = ui.interact(
        disc,
        ui.scope_id().with("bench circumplex"),
        Sense::click_and_drag(),
    );
    response.widget_info(|| {
        let words = if spoken.is_empty() {
            "nothing at the play-head".to_owned()
        } else {
            spoken.join(", ")
        };
        WidgetInfo::labeled(Role::Image, true, format!("Circumplex: {words}"))
    });
    let to_values = |at: Pos2| {
        let v = (at - center) / radius;
        // Outside the circle the nearest place on it.
        let v = if v.length() > 1.0 { v.normalized() } else { v };
        (f64::from(v.x), f64::from(-v.y))
    };
    if state.rating.is_some() {
        let over = ui.ctx().pointer_hover_pos().filter(|at| disc.contains(*at));
        let moved = ui.input(|i| i.pointer.delta() != Vec2::ZERO);
        acts.push(Act::Pointer(over.map(to_values), moved));
        if let (Some((v, a)), true) = (state.rated(), state.by_stick) {
            painter.circle_stroke(at(v, a), 7.0, Stroke::new(2.0, p.record));
        } else if let Some(over) = over {
            ui.ctx().set_cursor_icon(CursorIcon::Crosshair);
            painter.circle_stroke(over, 7.0, Stroke::new(2.0, p.record));
        }
        let words = match (&state.stick, state.is_playing()) {
            (Some(stick), _) => format!("rating: pointer here, or {}", stick.name),
            (None, true) => "rating: keep the pointer here".to_owned(),
            (None, false) => "Space plays, and rates with the pointer here".to_owned(),
        };
        let words = widgets::layout_elided(ui, &words, theme::small(), p.record, rect.width());
        let area = Rect::from_min_size(rect.left_top() + vec2(0.0, 2.0), words.size());
        let spoken = words.text().to_owned();
        widgets::described(ui, area, "rating words", || spoken.clone());
        painter.galley(area.min, words, p.record);
        return acts;
    }
    if let Some(at) = response.interact_pointer_pos()
        && rater.is_some()
    {
        let (v, a) = to_values(at);
        painter.circle_stroke(at, 7.0, Stroke::new(2.0, p.accent));
        painter.text(
            pos2(rect.left(), rect.top() + 2.0),
            Align2::LEFT_TOP,
            format!("V {}  A {}", signed(v as f32), signed(a as f32)),
            theme::digits(11.5),
            p.text,
        );
        if response.drag_stopped() || response.clicked() {
            acts.push(Act::Place(v, a));
        }
    }
    rate(ui, rect, state, &mut acts);
    response.on_hover_text(
        "Points: model and labels over the selection, else over everything. Drag: set valence and arousal of the labels over \
         the selection, else of this frame. R: rate live while it plays.",
    );
    acts
}

/// The corners below: a button that begins a live rating, and how often it looks.
fn rate(ui: &mut Ui, rect: Rect, state: &State, acts: &mut Vec<Act>) {
    let size = vec2(58.0, 22.0);
    let left = Rect::from_min_size(rect.left_bottom() - vec2(0.0, size.y), size);
    let right = Rect::from_min_size(rect.right_bottom() - size, size);
    let spacing = ui.spacing().clone();
    ui.spacing_mut().interact_size = size;
    ui.spacing_mut().button_padding = vec2(6.0, 2.0);
    let button = Button::new(RichText::new("Rate  R").font(theme::caption()));
    let response = ui.put(left, button);
    if response
        .on_hover_text(
            "Rate live: keep the pointer in the circle, or move a gamepad's left stick, while the video plays. A or cross: \
             play, stop. B or circle: end.",
        )
        .clicked()
    {
        acts.push(Act::Rate);
    }
    let mut rate_hz = state.rate_hz;
    let field = DragValue::new(&mut rate_hz)
        .range(RATES_HZ)
        .speed(0.2)
        .fixed_decimals(0)
        .suffix(" Hz");
    let response = ui
        .put(right, field)
        .accessible_name("Samples a second of a live rating");
    if response.changed() {
        acts.push(Act::RateHz(rate_hz.round()));
    }
    response.on_hover_text("How often a live rating looks where you stand");
    *ui.spacing_mut() = spacing;
}

fn place(rating: Rating) -> (Option<f64>, Option<f64>) {
    (rating.valence, rating.arousal)
}
