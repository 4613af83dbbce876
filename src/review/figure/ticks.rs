//! Times in words, and where an axis of time is marked.

/// Steps between marks that people read easily, seconds.
const STEPS_S: [f64; 23] = [
    0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0,
    900.0, 1800.0, 3600.0, 7200.0, 10_800.0, 21_600.0, 43_200.0,
];

/// Marks of an axis from one time to another, seconds: at most `most`, at multiples of a step that people read easily.
/// None where the range is empty.
pub fn ticks(from_s: f64, to_s: f64, most: usize) -> Vec<f64> {
    let span_s = to_s - from_s;
    if span_s.is_nan() || span_s <= 0.0 || most == 0 {
        return Vec::new();
    }
    let wanted_s = span_s / most as f64;
    let step_s = STEPS_S
        .into_iter()
        .find(|s| *s >= wanted_s)
        .unwrap_or_else(|| (wanted_s / 86_400.0).ceil() * 86_400.0);
    let first = (from_s / step_s - 1e-9).ceil() as i64;
    let last = (to_s / step_s + 1e-9).floor() as i64;
    (first..=last).map(|i| i as f64 * step_s).collect()
}

/// A time as people write it, seconds to `05:31`, `1:05:31`, and with `decimals` to `05:31.48`. Cut, not rounded, as
/// clocks do; `-` in front of one before 0.
pub fn clock(time_s: f64, decimals: usize) -> String {
    if !time_s.is_finite() {
        return "-".to_owned();
    }
    let decimals = decimals.min(6);
    let unit = 10u64.pow(decimals as u32);
    // A hair, for times that are a multiple of the unit but for their last bit.
    let units = (time_s.abs() * unit as f64 + 1e-6).floor() as u64;
    let (seconds, rest) = (units / unit, units % unit);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let sign = if time_s < 0.0 && units > 0 { "-" } else { "" };
    let rest = match decimals {
        0 => String::new(),
        n => format!(".{rest:0n$}"),
    };
    match hours {
        0 => format!("{sign}{minutes:02}:{seconds:02}{rest}"),
        _ => format!("{sign}{hours}:{minutes:02}:{seconds:02}{rest}"),
    }
}

/// Decimals that tell marks a step apart from each other.
pub fn decimals_of(ticks: &[f64]) -> usize {
    let step_s = ticks.windows(2).map(|w| w[1] - w[0]).fold(1.0, f64::min);
    match step_s {
        s if s >= 0.999 => 0,
        s if s >= 0.0999 => 1,
        _ => 2,
    }
}

/// A length of time in words: `4.2 s`, `12 min 3 s`, `2 h 5 min`.
pub fn length(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "-".to_owned();
    }
    if seconds < 9.95 {
        return format!("{seconds:.1} s");
    }
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, 0) => format!("{m} min"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, 0, _) => format!("{h} h"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn times_are_written_as_clocks_show_them() {
        assert_eq!(clock(331.48, 0), "05:31");
        assert_eq!(clock(331.48, 2), "05:31.48");
        assert_eq!(clock(3931.0, 0), "1:05:31");
        assert_eq!(clock(-1.5, 1), "-00:01.5");
        assert_eq!(clock(0.3 * 3.0, 1), "00:00.9");
        assert_eq!(clock(f64::NAN, 1), "-");
        assert_eq!(length(4.24), "4.2 s");
        assert_eq!(length(723.0), "12 min 3 s");
        assert_eq!(length(7500.0), "2 h 5 min");
    }

    #[test]
    fn marks_are_round() {
        assert_eq!(ticks(0.0, 713.0, 12).len(), 12);
        assert_eq!(ticks(0.0, 713.0, 12)[1], 60.0);
        assert_eq!(ticks(0.02, 0.33, 4), [0.1, 0.2, 0.30000000000000004]);
        assert_eq!(decimals_of(&ticks(0.02, 0.33, 4)), 1);
        assert!(ticks(1.0, 1.0, 5).is_empty() && ticks(0.0, f64::NAN, 5).is_empty());
    }

    proptest! {
        #[test]
        fn there_are_never_too_many_and_they_lie_within(from in -10f64..1e5, span in 1e-2f64..1e6, most in 2usize..20) {
            let ticks = ticks(from, from + span, most);
            prop_assert!(ticks.len() <= most + 1);
            prop_assert!(ticks.iter().all(|t| *t >= from - 1e-3 && *t <= from + span + 1e-3));
            let decimals = decimals_of(&ticks);
            let mut words: Vec<String> = ticks.iter().map(|t| clock(*t, decimals)).collect();
            words.dedup();
            prop_assert_eq!(words.len(), ticks.len(), "no two are written alike");
        }
    }
}
