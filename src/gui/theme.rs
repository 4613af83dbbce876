//! Colours, type and spacing: the tokens of the look, and egui's style made from them.

use std::collections::BTreeMap;
use std::sync::Arc;

use eframe::egui::{
    self, Color32, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Margin, Shadow,
    Stroke, TextStyle, Theme, Visuals, vec2,
};

use crate::colours::Colours;
use crate::fonts;
use crate::labels::Expression;
use crate::settings::ThemeChoice;

/// The colours of one theme. Each means one thing: the seven only expressions, valence and arousal only those, the
/// accent "this face, selected", the record colour recording and alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Palette {
    /// True for the dark theme.
    pub dark: bool,
    /// Behind everything.
    pub background: Color32,
    /// Bars at the top and bottom, cards, menus.
    pub panel: Color32,
    /// One-pixel lines, the troughs of bars.
    pub line: Color32,
    /// Text that is read.
    pub text: Color32,
    /// Text that explains.
    pub muted: Color32,
    /// Text and lines that only orient.
    pub faint: Color32,
    /// This face; selected.
    pub accent: Color32,
    /// Recording, and alarm.
    pub record: Color32,
    /// All is well: the dot of a source that runs.
    pub live: Color32,
    /// The seven expressions, in their order.
    pub expression: [Color32; Expression::COUNT],
    /// Valence.
    pub valence: Color32,
    /// Arousal.
    pub arousal: Color32,
}

const fn hex(rgb: u32) -> Color32 {
    Color32::from_rgb((rgb >> 16) as u8, (rgb >> 8) as u8, rgb as u8)
}

impl Palette {
    /// The dark theme.
    pub const DARK: Self = Self::of_colours(true, &Colours::DARK);

    /// The light theme.
    pub const LIGHT: Self = Self::of_colours(false, &Colours::LIGHT);

    const fn of_colours(dark: bool, c: &Colours) -> Self {
        let [neutral, anger, disgust, fear, happiness, sadness, surprise] = c.expression;
        Self {
            dark,
            background: hex(c.background),
            panel: hex(c.panel),
            line: hex(c.line),
            text: hex(c.text),
            muted: hex(c.muted),
            faint: hex(c.faint),
            accent: hex(c.accent),
            record: hex(c.record),
            live: hex(c.live),
            expression: [
                hex(neutral),
                hex(anger),
                hex(disgust),
                hex(fear),
                hex(happiness),
                hex(sadness),
                hex(surprise),
            ],
            valence: hex(c.valence),
            arousal: hex(c.arousal),
        }
    }

    /// The palette in use.
    pub fn of(ctx: &egui::Context) -> Self {
        match ctx.theme() {
            Theme::Dark => Self::DARK,
            Theme::Light => Self::LIGHT,
        }
    }

    /// The colour of one expression.
    pub fn of_expression(&self, expression: Expression) -> Color32 {
        self.expression[expression.index()]
    }

    /// A button at rest: a shade off the panel.
    pub fn raised(&self) -> Color32 {
        if self.dark {
            hex(0x001d_222a)
        } else {
            hex(0x00f3_f5f8)
        }
    }

    /// A button under the pointer.
    pub fn hovered(&self) -> Color32 {
        if self.dark {
            hex(0x0027_2e38)
        } else {
            hex(0x00e6_eaf0)
        }
    }
}

/// Radius of buttons and menus.
pub const RADIUS: u8 = 6;
/// Radius of the picture and of cards.
pub const RADIUS_LARGE: u8 = 8;

/// Text of 13 points.
pub fn body() -> FontId {
    FontId::new(13.0, FontFamily::Proportional)
}

/// Captions of 12 points.
pub fn caption() -> FontId {
    FontId::new(12.0, FontFamily::Proportional)
}

/// Words that only orient: 11 points.
pub fn small() -> FontId {
    FontId::new(11.0, FontFamily::Proportional)
}

/// Semibold of a size in points.
pub fn semibold(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name("semibold".into()))
}

/// Digits of a size in points.
pub fn digits(size: f32) -> FontId {
    FontId::new(size, FontFamily::Monospace)
}

/// Digits that stand out, of a size in points.
pub fn digits_medium(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name("digits-medium".into()))
}

/// Gives the context its fonts and both themes, and chooses one of them.
pub fn install(ctx: &egui::Context, choice: ThemeChoice) {
    ctx.set_fonts(definitions());
    for (theme, palette) in [(Theme::Dark, Palette::DARK), (Theme::Light, Palette::LIGHT)] {
        ctx.style_mut_of(theme, |style| apply(style, &palette));
    }
    choose(ctx, choice);
}

/// Changes the theme.
pub fn choose(ctx: &egui::Context, choice: ThemeChoice) {
    ctx.options_mut(|o| o.fallback_theme = Theme::Dark);
    ctx.set_theme(match choice {
        ThemeChoice::Dark => egui::ThemePreference::Dark,
        ThemeChoice::Light => egui::ThemePreference::Light,
        ThemeChoice::System => egui::ThemePreference::System,
    });
}

fn definitions() -> FontDefinitions {
    let mut all = FontDefinitions::default();
    let fallbacks = all
        .families
        .get(&FontFamily::Proportional)
        .cloned()
        .unwrap_or_default();
    let own: [(&str, &'static [u8], FontFamily); 4] = [
        ("inter", fonts::INTER, FontFamily::Proportional),
        (
            "inter-semibold",
            fonts::INTER_SEMIBOLD,
            FontFamily::Name("semibold".into()),
        ),
        ("jetbrains-mono", fonts::MONO, FontFamily::Monospace),
        (
            "jetbrains-mono-medium",
            fonts::MONO_MEDIUM,
            FontFamily::Name("digits-medium".into()),
        ),
    ];
    let mut families = BTreeMap::new();
    for (name, bytes, family) in own {
        let data = FontData::from_static(bytes);
        all.font_data.insert(name.to_owned(), Arc::new(data));
        let mut chain = vec![name.to_owned()];
        chain.extend(fallbacks.iter().cloned());
        families.insert(family, chain);
    }
    all.families = families;
    all
}

fn apply(style: &mut egui::Style, p: &Palette) {
    style.text_styles = [
        (TextStyle::Small, small()),
        (TextStyle::Body, body()),
        (TextStyle::Button, body()),
        (TextStyle::Monospace, digits(12.0)),
        (TextStyle::Heading, semibold(17.0)),
    ]
    .into();
    style.spacing.item_spacing = vec2(8.0, 8.0);
    style.spacing.button_padding = vec2(10.0, 5.0);
    style.spacing.interact_size = vec2(28.0, 28.0);
    style.spacing.menu_margin = Margin::same(8);
    style.spacing.window_margin = Margin::same(16);
    style.spacing.tooltip_width = 320.0;
    style.interaction.selectable_labels = false;
    style.interaction.tooltip_delay = 0.4;
    // A menu that fades in asks for a dozen repaints each time; software OpenGL has better things to do.
    style.animation_time = 0.0;

    let v = &mut style.visuals;
    *v = if p.dark {
        Visuals::dark()
    } else {
        Visuals::light()
    };
    v.panel_fill = p.background;
    v.window_fill = p.panel;
    v.window_stroke = Stroke::new(1.0, p.line);
    v.window_corner_radius = CornerRadius::same(RADIUS_LARGE);
    v.menu_corner_radius = CornerRadius::same(RADIUS_LARGE);
    v.extreme_bg_color = p.background;
    v.faint_bg_color = p.raised();
    v.hyperlink_color = p.accent;
    v.error_fg_color = p.record;
    v.warn_fg_color = p.valence;
    v.weak_text_color = Some(p.muted);
    v.override_text_color = None;
    v.text_cursor.blink = false;
    let shadow = Shadow {
        offset: [0, 6],
        blur: 20,
        spread: 0,
        color: Color32::from_black_alpha(if p.dark { 110 } else { 36 }),
    };
    v.popup_shadow = shadow;
    v.window_shadow = shadow;
    v.slider_trailing_fill = true;
    v.handle_shape = egui::style::HandleShape::Circle;
    v.selection.bg_fill = p.accent.gamma_multiply(if p.dark { 0.32 } else { 0.18 });
    v.selection.stroke = Stroke::new(1.0, p.text);
    let radius = CornerRadius::same(RADIUS);
    for (w, fill, line, text) in [
        (&mut v.widgets.noninteractive, p.panel, p.line, p.text),
        (&mut v.widgets.inactive, p.raised(), p.line, p.text),
        (&mut v.widgets.hovered, p.hovered(), p.faint, p.text),
        (&mut v.widgets.active, p.line, p.accent, p.text),
        (&mut v.widgets.open, p.hovered(), p.faint, p.text),
    ] {
        // Rails of sliders and boxes to tick lie on the panel, and must differ from it.
        w.bg_fill = if fill == p.raised() { p.line } else { fill };
        w.weak_bg_fill = fill;
        w.bg_stroke = Stroke::new(1.0, line);
        w.fg_stroke = Stroke::new(1.0, text);
        w.corner_radius = radius;
        w.expansion = 0.0;
    }
}
