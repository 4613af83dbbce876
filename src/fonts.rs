//! The fonts in the binary: those of the window, of figures as pixels and of rendered videos. Nothing of the system's is
//! asked for, so that a picture is the same on every machine.

use std::sync::{Arc, OnceLock};

use resvg::usvg::fontdb::{Database, Language, Source};

/// Inter, for words.
pub const INTER: &[u8] = include_bytes!("../assets/fonts/Inter-Regular.otf");
/// Inter, semibold: headings, what is chosen.
pub const INTER_SEMIBOLD: &[u8] = include_bytes!("../assets/fonts/Inter-SemiBold.otf");
/// JetBrains Mono, for digits.
pub const MONO: &[u8] = include_bytes!("../assets/fonts/JetBrainsMono-Regular.ttf");
/// JetBrains Mono, medium: digits that stand out.
pub const MONO_MEDIUM: &[u8] = include_bytes!("../assets/fonts/JetBrainsMono-Medium.ttf");

/// Those that are tried, in this order, for letters that the fonts above do not have: Latin, Greek and Cyrillic, then
/// signs. They are egui's own.
pub const FALLBACKS: [&[u8]; 2] = [
    epaint_default_fonts::UBUNTU_LIGHT,
    epaint_default_fonts::HACK_REGULAR,
];

/// The name that figures mean by `sans-serif`.
const SANS: &str = "Inter";
/// The name that they mean by `monospace`.
const DIGITS: &str = "JetBrains Mono";

/// All of them, for SVG. `sans-serif`, and every family that is not here, is Inter.
pub fn database() -> Arc<Database> {
    static DATABASE: OnceLock<Arc<Database>> = OnceLock::new();
    let made = DATABASE.get_or_init(|| {
        let mut database = Database::new();
        for font in [INTER, MONO].into_iter().chain(FALLBACKS) {
            database.load_font_data(font.to_vec());
        }
        // These call themselves families of their own: a weight of another one is what they are.
        for (font, family) in [(INTER_SEMIBOLD, SANS), (MONO_MEDIUM, DIGITS)] {
            let source = Source::Binary(Arc::new(font));
            for id in database.load_font_source(source) {
                let Some(mut face) = database.face(id).cloned() else {
                    continue;
                };
                database.remove_face(id);
                face.families = vec![(family.to_owned(), Language::English_UnitedStates)];
                database.push_face_info(face);
            }
        }
        database.set_sans_serif_family(SANS);
        database.set_serif_family(SANS);
        database.set_monospace_family(DIGITS);
        Arc::new(database)
    });
    made.clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use resvg::usvg::fontdb::{Family, Query, Weight};

    #[test]
    fn figures_find_both_weights_of_their_font() {
        let database = database();
        let of = |weight| {
            let query = Query {
                families: &[Family::SansSerif],
                weight: Weight(weight),
                ..Query::default()
            };
            let id = database.query(&query);
            id.and_then(|id| database.face(id))
                .map(|face| (face.families[0].0.clone(), face.weight.0))
        };
        assert_eq!(of(400), Some((SANS.to_owned(), 400)));
        assert_eq!(of(600), Some((SANS.to_owned(), 600)));
    }
}
