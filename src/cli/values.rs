//! Values of flags that have a range.

pub(super) fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("must be a whole number above 0".to_owned()),
        Ok(n) => Ok(n),
    }
}

pub(super) fn positive_seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if seconds > 0.0 && seconds <= 1e7 {
        Ok(seconds)
    } else {
        Err("must be above 0, and at most 10000000".to_owned())
    }
}

/// A whole number from 1 to 256.
pub(super) fn up_to_256(text: &str) -> Result<usize, String> {
    whole(text, 1..=256)
}

pub(super) fn rounds(text: &str) -> Result<usize, String> {
    whole(text, 3..=100_000)
}

pub(super) fn frame_count(text: &str) -> Result<usize, String> {
    whole(text, 2..=100_000)
}

fn whole(text: &str, range: std::ops::RangeInclusive<usize>) -> Result<usize, String> {
    match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(format!(
            "must be a whole number from {} to {}",
            range.start(),
            range.end()
        )),
    }
}

pub(super) fn camera_rate(text: &str) -> Result<f64, String> {
    let rate_hz: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (1.0..=1000.0).contains(&rate_hz) {
        Ok(rate_hz)
    } else {
        Err("must be between 1 and 1000".to_owned())
    }
}

pub(super) fn min_face(text: &str) -> Result<f32, String> {
    let part: f32 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.02..=0.9).contains(&part) {
        Ok(part)
    } else {
        Err("must be between 0.02 and 0.9".to_owned())
    }
}

pub(super) fn window_size(text: &str) -> Result<(f32, f32), String> {
    let sides = text
        .split_once('x')
        .and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    match sides {
        Some((w, h)) if (200.0..=8000.0).contains(&w) && (200.0..=8000.0).contains(&h) => {
            Ok((w, h))
        }
        _ => Err("must look like 1280x800".to_owned()),
    }
}

/// `--face`: an id of the predictions, or a name that was given to one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FaceArg {
    /// The face of this id.
    Id(u32),
    /// The face of this name.
    Name(String),
}

impl std::str::FromStr for FaceArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "" => Err("must be a face's id or its name".to_owned()),
            text => Ok(text
                .parse()
                .map_or_else(|_| Self::Name(text.to_owned()), Self::Id)),
        }
    }
}

impl std::fmt::Display for FaceArg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id}"),
            Self::Name(name) => write!(f, "{name}"),
        }
    }
}

/// The size of a rendered frame.
pub(super) fn frame_size(text: &str) -> Result<(u32, u32), String> {
    let sides = text.split_once('x');
    let sides = sides.and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    let size = sides.ok_or("must look like 1280x720")?;
    crate::render::check_size(size).map(|()| size)
}

/// A time of a video: `83.5`, `1:23.5`, `0:01:23.5`.
pub(super) fn time_s(text: &str) -> Result<f64, String> {
    let wrong = || "must be seconds, or look like 1:23.5 or 0:01:23.5".to_owned();
    let parts: Vec<&str> = text.trim().split(':').collect();
    if parts.len() > 3 {
        return Err(wrong());
    }
    let mut total = 0.0;
    for (i, part) in parts.iter().enumerate() {
        let plain = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let value: f64 = part.parse().map_err(|_| wrong())?;
        if !plain || (i > 0 && value >= 60.0) {
            return Err(wrong());
        }
        total = total * 60.0 + value;
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_people_write_them() {
        assert_eq!(time_s("83.5"), Ok(83.5));
        assert_eq!(time_s("1:23.5"), Ok(83.5));
        assert_eq!(time_s("1:01:00"), Ok(3660.0));
        for wrong in ["", "1:75", "-3", "1:2:3:4", "x", "1:", "inf", "1e3", "+4"] {
            assert!(time_s(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_are_checked_where_they_are_given() {
        assert_eq!(frame_size("1920x1080"), Ok((1920, 1080)));
        for wrong in ["1920", "1921x1080", "100x100", "x", "-2x4"] {
            assert!(frame_size(wrong).is_err(), "{wrong}");
        }
    }
}
