//! What the network says of one face: seven expression probabilities, valence and arousal.

/// The seven expressions, in the paper's order (its section 3; also the order of the rows on screen and in files).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Expression {
    /// No expression.
    Neutral,
    /// Anger.
    Anger,
    /// Disgust.
    Disgust,
    /// Fear.
    Fear,
    /// Happiness.
    Happiness,
    /// Sadness.
    Sadness,
    /// Surprise.
    Surprise,
}

impl Expression {
    /// How many there are.
    pub const COUNT: usize = 7;

    /// All of them, in order.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Neutral,
        Self::Anger,
        Self::Disgust,
        Self::Fear,
        Self::Happiness,
        Self::Sadness,
        Self::Surprise,
    ];

    /// Its place in the order, 0..7.
    pub fn index(self) -> usize {
        self as usize
    }

    /// The name in files: lower case English.
    pub fn name(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Anger => "anger",
            Self::Disgust => "disgust",
            Self::Fear => "fear",
            Self::Happiness => "happiness",
            Self::Sadness => "sadness",
            Self::Surprise => "surprise",
        }
    }

    /// The expression of this name, capitals or not; the adjectives in common use are understood too.
    pub fn from_name(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "neutral" => Some(Self::Neutral),
            "anger" | "angry" => Some(Self::Anger),
            "disgust" | "disgusted" => Some(Self::Disgust),
            "fear" | "fearful" | "afraid" => Some(Self::Fear),
            "happiness" | "happy" => Some(Self::Happiness),
            "sadness" | "sad" => Some(Self::Sadness),
            "surprise" | "surprised" => Some(Self::Surprise),
            _ => None,
        }
    }

    /// The name on screen: as [`Expression::name`], with a capital.
    pub fn title(self) -> &'static str {
        match self {
            Self::Neutral => "Neutral",
            Self::Anger => "Anger",
            Self::Disgust => "Disgust",
            Self::Fear => "Fear",
            Self::Happiness => "Happiness",
            Self::Sadness => "Sadness",
            Self::Surprise => "Surprise",
        }
    }
}

impl std::fmt::Display for Expression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// The network's reading of one face at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Softmax over the seven expressions, in the order of [`Expression::ALL`]; sums to 1.
    pub probabilities: [f32; Expression::COUNT],
    /// Unpleasant -1 to pleasant +1: the expectation over the head's 20 bins.
    pub valence: f32,
    /// Calm -1 to active +1, likewise.
    pub arousal: f32,
    /// Standard deviation of the valence bins' distribution: the model's own uncertainty.
    pub valence_sd: f32,
    /// Standard deviation of the arousal bins' distribution.
    pub arousal_sd: f32,
}

impl Estimate {
    /// The most probable expression; the first in order where two are equal.
    pub fn expression(&self) -> Expression {
        let mut best = Expression::Neutral;
        for expression in Expression::ALL {
            if self.probabilities[expression.index()] > self.probabilities[best.index()] {
                best = expression;
            }
        }
        best
    }

    /// The probability of [`Estimate::expression`].
    pub fn confidence(&self) -> f32 {
        self.probabilities[self.expression().index()]
    }
}
