//! Values of frames that follow one another as a text: `0.25*3 - -0.5` are three times 0.25, none, and -0.5. A number is
//! written with as many digits as it takes to read back the very same, which JSON's own numbers do not promise.

use std::fmt::{Display, Write as _};

use serde::{Deserialize as _, Deserializer, Serializer, de};

use super::model::MOST_FRAMES;

/// What stands for none.
const NONE: &str = "-";

/// The text of values.
pub(super) fn text<T: Display + PartialEq + Copy>(
    values: impl Iterator<Item = Option<T>>,
) -> String {
    let mut text = String::new();
    let mut run: Option<(Option<T>, usize)> = None;
    for value in values {
        match &mut run {
            Some((last, n)) if *last == value => *n += 1,
            _ => {
                word(&mut text, run);
                run = Some((value, 1));
            }
        }
    }
    word(&mut text, run);
    text
}

fn word<T: Display>(text: &mut String, run: Option<(Option<T>, usize)>) {
    let Some((value, n)) = run else {
        return;
    };
    if !text.is_empty() {
        text.push(' ');
    }
    // Writing to a text cannot fail.
    let _ = match value {
        Some(value) => write!(text, "{value}"),
        None => write!(text, "{NONE}"),
    };
    if n > 1 {
        let _ = write!(text, "*{n}");
    }
}

/// The values of a text; the word that cannot be.
pub(super) fn values<T: Copy>(
    text: &str,
    read: impl Fn(&str) -> Option<T>,
) -> Result<Vec<Option<T>>, String> {
    let mut values = Vec::new();
    for word in text.split_ascii_whitespace() {
        let (value, n) = match word.split_once('*') {
            Some((value, n)) => (value, n.parse::<usize>().ok()),
            None => (word, Some(1)),
        };
        let room = MOST_FRAMES - values.len();
        let n = n.filter(|n| *n <= room).ok_or_else(|| word.to_owned())?;
        let value = match value {
            NONE => None,
            value => Some(read(value).ok_or_else(|| word.to_owned())?),
        };
        values.resize(values.len() + n, value);
    }
    Ok(values)
}

/// A number of a text.
pub(super) fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|v: &f64| v.is_finite())
}

pub(super) fn serialize<S: Serializer>(
    values: &[Option<f64>],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&text(values.iter().copied()))
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Option<f64>>, D::Error> {
    let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
    values(&text, number).map_err(|word| de::Error::custom(format!("{word} is no value")))
}

/// An expression by its name.
pub(super) mod expression {
    use serde::{Deserialize as _, Deserializer, Serializer, de};

    use crate::labels::Expression;

    pub(in crate::review) fn serialize<S: Serializer>(
        expression: &Option<Expression>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match expression {
            Some(expression) => serializer.serialize_some(expression.name()),
            None => serializer.serialize_none(),
        }
    }

    pub(in crate::review) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Expression>, D::Error> {
        let name = Option::<String>::deserialize(deserializer)?;
        let known = |name: String| {
            Expression::from_name(&name)
                .ok_or_else(|| de::Error::custom(format!("{name} is no expression")))
        };
        name.map(known).transpose()
    }
}

/// Everything that is said of a video, kind by kind.
pub(super) mod track {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

    use super::super::track::{Rating, Track};
    use crate::labels::Expression;

    #[derive(Serialize, Deserialize)]
    struct Columns {
        expression: String,
        valence: String,
        arousal: String,
    }

    pub(in crate::review) fn serialize<S: Serializer>(
        track: &Option<Track>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let columns = track.as_ref().map(|track| {
            let ratings = || (0..track.len()).map(|frame| track.get(frame));
            Columns {
                expression: super::text(ratings().map(|r| r.expression)),
                valence: super::text(ratings().map(|r| r.valence)),
                arousal: super::text(ratings().map(|r| r.arousal)),
            }
        });
        columns.serialize(serializer)
    }

    pub(in crate::review) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Track>, D::Error> {
        let Some(columns) = Option::<Columns>::deserialize(deserializer)? else {
            return Ok(None);
        };
        let wrong = |word: String| de::Error::custom(format!("{word} is no value"));
        let expressions = super::values(&columns.expression, Expression::from_name);
        let expressions = expressions.map_err(wrong)?;
        let valences = super::values(&columns.valence, super::number).map_err(wrong)?;
        let arousals = super::values(&columns.arousal, super::number).map_err(wrong)?;
        let frames = expressions.len();
        if valences.len() != frames || arousals.len() != frames {
            return Err(de::Error::custom("columns of different lengths"));
        }
        let mut track = Track::empty(frames);
        let pairs = valences.into_iter().zip(arousals);
        for (frame, (expression, (valence, arousal))) in
            expressions.into_iter().zip(pairs).enumerate()
        {
            track.set(
                frame,
                Rating {
                    expression,
                    valence,
                    arousal,
                },
            );
        }
        Ok(Some(track))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn runs_are_counted() {
        let values_ = [Some(0.25), Some(0.25), Some(0.25), None, Some(-0.5)];
        assert_eq!(text(values_.into_iter()), "0.25*3 - -0.5");
        assert_eq!(values("0.25*3 - -0.5", number), Ok(values_.to_vec()));
        for wrong in [
            "x",
            "0.5*",
            "0.5*-1",
            "nan",
            "inf",
            "0.5*99999999999",
            "0.5*18446744073709551616",
            "--",
        ] {
            assert_eq!(values(wrong, number), Err(wrong.to_owned()));
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_to_the_bit(
            list in prop::collection::vec(prop::option::of(prop_oneof![-1.0f64..=1.0, Just(0.0), Just(1e-300)]), 0..40),
        ) {
            let text = text(list.iter().copied());
            prop_assert_eq!(values(&text, number), Ok(list));
        }
    }
}
