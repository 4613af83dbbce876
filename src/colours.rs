//! The program's colours as numbers: those of the window, and of figures on paper.

use crate::labels::Expression;

/// The colours of one theme, `0xRRGGBB`. Each means one thing: the seven only expressions, valence and arousal only
/// those, the accent "this face, selected", the record colour recording and alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Colours {
    /// Behind everything.
    pub background: u32,
    /// Bars at the top and bottom, cards, menus; the paper of a figure.
    pub panel: u32,
    /// One-pixel lines, the troughs of bars.
    pub line: u32,
    /// Text that is read.
    pub text: u32,
    /// Text that explains.
    pub muted: u32,
    /// Text and lines that only orient.
    pub faint: u32,
    /// This face; selected.
    pub accent: u32,
    /// Recording, and alarm.
    pub record: u32,
    /// All is well.
    pub live: u32,
    /// The seven expressions, in their order.
    pub expression: [u32; Expression::COUNT],
    /// Valence.
    pub valence: u32,
    /// Arousal.
    pub arousal: u32,
}

impl Colours {
    /// The dark theme.
    pub const DARK: Self = Self {
        background: 0x0010_1317,
        panel: 0x0017_1b21,
        line: 0x0026_2c35,
        text: 0x00e7_ebf0,
        muted: 0x008b_95a3,
        faint: 0x004a_5361,
        accent: 0x004c_c2ff,
        record: 0x00ff_5a52,
        live: 0x003f_cf6b,
        expression: [
            0x009a_a4b1,
            0x00e5_632b,
            0x001f_b08a,
            0x00d4_88b8,
            0x00f2_cf3b,
            0x004a_90d9,
            0x007f_d1f5,
        ],
        valence: 0x00f2_a33b,
        arousal: 0x00a9_8bf0,
    };

    /// The light theme.
    pub const LIGHT: Self = Self {
        background: 0x00f3_f5f8,
        panel: 0x00ff_ffff,
        line: 0x00dd_e2e9,
        text: 0x001a_2029,
        muted: 0x005d_6875,
        faint: 0x00aa_b3bf,
        accent: 0x0000_77c2,
        record: 0x00d6_362e,
        live: 0x001f_a34a,
        expression: [
            0x007b_8694,
            0x00c9_480f,
            0x0000_805f,
            0x00b2_5a92,
            0x00b9_8a00,
            0x001f_66b0,
            0x002a_93c4,
        ],
        valence: 0x00b8_6a00,
        arousal: 0x006a_4bc4,
    };
}
