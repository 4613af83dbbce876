//! AFEW-VA (Kossaifi, Tzimiropoulos, Todorovic, Pantic 2017): one json a clip, every frame with valence and arousal in
//! whole steps of -10..=10.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::text::{MAX_FRAME, Source, series, short};
use super::{Label, LabelError, LabelFormat, Labels};

/// The ends of its scale.
const SCALE: f64 = 10.0;

#[derive(Deserialize)]
struct Clip {
    #[serde(deserialize_with = "once")]
    frames: BTreeMap<String, Frame>,
    #[serde(default)]
    video_id: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Frame {
    valence: Option<f64>,
    arousal: Option<f64>,
}

/// The frames by name. A name that comes twice is an error; by itself the map would keep the last.
fn once<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, Frame>, D::Error> {
    struct Frames;
    impl<'de> Visitor<'de> for Frames {
        type Value = BTreeMap<String, Frame>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object with an entry for every frame")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut frames = BTreeMap::new();
            while let Some((name, frame)) = map.next_entry::<String, Frame>()? {
                if frames.contains_key(&name) {
                    return Err(A::Error::custom(format!(
                        "frame {} is there twice",
                        short(&name)
                    )));
                }
                frames.insert(name, frame);
            }
            Ok(frames)
        }
    }
    from.deserialize_map(Frames)
}

/// Reads it. A frame's name is its number, from 0. There are no lines to speak of: a label's line is the record's
/// number, in the order of the names.
pub(super) fn read(source: Source<'_>) -> Result<Labels, LabelError> {
    let clip: Clip = serde_json::from_str(source.text).map_err(|e| source.json_error(0, &e))?;
    let name = match &clip.video_id {
        Some(serde_json::Value::String(name)) if !name.is_empty() => Some(name.clone()),
        _ => None,
    };
    // The file's own name where the clip says none.
    let mut out = source.series();
    if let Some(name) = name.filter(|_| out.video.is_empty()) {
        out = series(&name);
    }
    for (record, (name, frame)) in (1..).zip(&clip.frames) {
        let error = |column: String, reason: String| source.error(record, column, reason);
        let number = name
            .parse::<u64>()
            .ok()
            .filter(|n| *n <= MAX_FRAME)
            .ok_or_else(|| {
                let reason = format!("{} is no frame's number", short(name));
                error("frames".to_owned(), reason)
            })?;
        let value = |value: Option<f64>, what: &str| match value {
            Some(v) if !(-SCALE..=SCALE).contains(&v) => Err(error(
                format!("frames.{name}.{what}"),
                format!("{v} is outside of -{SCALE} to {SCALE}"),
            )),
            other => Ok(other.map(|v| v / SCALE)),
        };
        out.labels.push(Label {
            line: record,
            frame: Some(number),
            valence: value(frame.valence, "valence")?,
            arousal: value(frame.arousal, "arousal")?,
            ..Label::default()
        });
    }
    out.labels.sort_by_key(|l| l.frame);
    if let Some(twice) = out.labels.windows(2).find(|w| w[0].frame == w[1].frame) {
        let reason = "the same frame is there twice, written differently. Keep one of the two.";
        return Err(source.error(twice[1].line, "frames", reason));
    }
    out.frames = super::table::complete(&out.labels);
    Ok(Labels {
        format: LabelFormat::AfewVa,
        series: vec![out],
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::parse;
    use super::*;

    #[test]
    fn a_frame_that_a_clip_has_twice_is_an_error() {
        let twice = r#"{"frames": {"00000": {"valence": 1, "arousal": 5},
 "00000": {"valence": 0.0, "arousal": 10.0}}}"#;
        match parse(twice.as_bytes(), Path::new("v.json")) {
            Err(LabelError::Value { line, reason, .. }) => {
                assert_eq!(line, 2);
                assert!(reason.contains("'00000' is there twice"), "{reason}");
            }
            other => panic!("{other:?}"),
        }
    }
}
