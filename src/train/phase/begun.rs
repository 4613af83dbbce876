//! What a run was begun with, and how far that is from what it is told now.

use serde::Serialize;
use serde_json::Value;

/// Differences that are told; more than these say no more.
const TOLD: usize = 6;

/// One thing that a phase depends on: its place in the config (or a name in words), and its value as JSON.
pub fn known(key: &str, value: &impl Serialize) -> String {
    // Numbers as they were written: a JSON value would make an f32's 0.9 an f64's 0.8999999761581421.
    let text = serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned());
    format!("{}:{text}", Value::from(key))
}

/// All that a phase depends on, as one JSON object.
pub fn all(known: &[String]) -> String {
    format!("{{{}}}", known.join(","))
}

/// How much of what a phase depends on is known.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Now {
    /// All of it.
    All,
    /// All but the weights that phases before it will have made: for them stands [`TO_BE_MADE`].
    BeforeItsTime,
}

/// How the keys of weights begin that a phase builds on.
pub const WEIGHTS: &str = "weights of";
/// What stands for their checksum before they are made.
pub const TO_BE_MADE: &str = "to be made";

/// How the two differ, in words; `None` where one of them does not say what it depends on (an older version's hash).
pub(super) fn differences(then: &str, now: &str, known: Now) -> Option<String> {
    let object = |text: &str| {
        let value: Value = serde_json::from_str(text.lines().next()?).ok()?;
        value.is_object().then_some(value)
    };
    let mut found = Vec::new();
    let (mut then, now) = (object(then)?, object(now)?);
    if let (Now::BeforeItsTime, Some(then)) = (known, then.as_object_mut()) {
        for (key, weights) in then {
            if now.get(key).and_then(Value::as_str) == Some(TO_BE_MADE) {
                *weights = TO_BE_MADE.into();
            }
        }
    }
    compare("", &then, &now, &mut found);
    let more = found.len().saturating_sub(TOLD);
    found.truncate(TOLD);
    if more > 0 {
        found.push(format!("{more} more"));
    }
    (!found.is_empty()).then(|| found.join("; "))
}

fn compare(key: &str, then: &Value, now: &Value, found: &mut Vec<String>) {
    if then == now {
        return;
    }
    match (then, now) {
        (Value::Object(a), Value::Object(b)) => {
            let new = b.keys().filter(|k| !a.contains_key(*k));
            for name in a.keys().chain(new) {
                let inner = match key {
                    "" => name.clone(),
                    _ => format!("{key}.{name}"),
                };
                let at = |map: &serde_json::Map<String, Value>| map.get(name).cloned();
                compare(
                    &inner,
                    &at(a).unwrap_or_default(),
                    &at(b).unwrap_or_default(),
                    found,
                );
            }
        }
        // Of sets, more than their number can differ.
        (Value::Array(a), Value::Array(b)) if a.iter().chain(b).any(Value::is_object) => {
            if a.len() != b.len() {
                found.push(format!("`{key}` were {} and are {}", a.len(), b.len()));
            }
            let others = a.iter().zip(b).enumerate().filter(|(_, (a, b))| a != b);
            let others: Vec<String> = others.map(|(i, _)| (i + 1).to_string()).collect();
            if !others.is_empty() {
                found.push(format!(
                    "of `{key}` another is number {}",
                    others.join(", ")
                ));
            }
        }
        _ if is_checksum(then) || is_checksum(now) => found.push(format!("another `{key}`")),
        _ => found.push(format!("`{key}` was {then} and is {now}")),
    }
}

/// A file's content: its value tells nobody anything.
fn is_checksum(value: &Value) -> bool {
    let hex = |text: &str| text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    value.as_str().is_some_and(hex)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_that_differs_is_named() {
        let file = |c: &str| c.repeat(64);
        let of = |seed: u32, rate: f32, sets: &[u32], start: &str| {
            let sets: Vec<Value> = sets
                .iter()
                .map(|n| serde_json::json!({"faces": n}))
                .collect();
            let known = [
                known("seed", &seed),
                known("cnn", &serde_json::json!({"rate": rate, "batch": 32})),
                known("sets", &sets),
                known("start", &start),
            ];
            all(&known) + "\nhash"
        };
        let one = of(3, 0.5, &[7, 8], "nothing");
        assert_eq!(differences(&one, &one, Now::All), None);
        let told = |other: String| differences(&one, &other, Now::All).unwrap_or_default();
        assert_eq!(
            told(of(4, 0.25, &[7, 8], "nothing")),
            "`seed` was 3 and is 4; `cnn.rate` was 0.5 and is 0.25"
        );
        assert_eq!(
            told(of(3, 0.5, &[7, 9], &file("a"))),
            "of `sets` another is number 2; another `start`"
        );
        assert_eq!(told(of(3, 0.5, &[7], "nothing")), "`sets` were 2 and are 1");
        assert_eq!(
            differences(&file("b"), &one, Now::All),
            None,
            "an older version's"
        );

        // Weights that are still to be made are not compared before their time; that there are some is.
        let made = all(&[known("seed", &3), known("weights of the CNN", &file("c"))]);
        let told = |seed: u32, weights: Option<&str>| {
            let mut now = vec![known("seed", &seed)];
            now.extend(weights.map(|weights| known("weights of the CNN", &weights)));
            differences(&made, &all(&now), Now::BeforeItsTime)
        };
        assert_eq!(told(3, Some(TO_BE_MADE)), None);
        assert_eq!(
            told(4, Some(TO_BE_MADE)).as_deref(),
            Some("`seed` was 3 and is 4")
        );
        for other in [None, Some(&*file("d"))] {
            assert_eq!(
                told(3, other).as_deref(),
                Some("another `weights of the CNN`")
            );
        }
    }
}
