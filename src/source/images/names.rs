//! Names of pictures: which endings count, their natural order, and numbered patterns such as `frame_%05d.png`.

use std::cmp::Ordering;

/// Endings of still pictures that are read.
pub(super) const ENDINGS: [&str; 13] = [
    "jpg", "jpeg", "jpe", "jfif", "png", "bmp", "tif", "tiff", "webp", "pnm", "ppm", "pgm", "pbm",
];

/// Compares names as people do: runs of digits by their value, so that `2` comes before `10`.
/// Names that differ only in leading zeros are ordered by their bytes, so that the order is total.
pub(super) fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut rest_a, mut rest_b) = (a.as_bytes(), b.as_bytes());
    while let (Some(&first_a), Some(&first_b)) = (rest_a.first(), rest_b.first()) {
        let order = if first_a.is_ascii_digit() && first_b.is_ascii_digit() {
            let (digits_a, after_a) = split_digits(rest_a);
            let (digits_b, after_b) = split_digits(rest_b);
            (rest_a, rest_b) = (after_a, after_b);
            // Without leading zeros a longer number is a larger one, however many digits it has.
            digits_a
                .len()
                .cmp(&digits_b.len())
                .then_with(|| digits_a.cmp(digits_b))
        } else {
            (rest_a, rest_b) = (&rest_a[1..], &rest_b[1..]);
            first_a.cmp(&first_b)
        };
        if order.is_ne() {
            return order;
        }
    }
    rest_a.len().cmp(&rest_b.len()).then_with(|| a.cmp(b))
}

/// The run of digits in front, without its leading zeros, and what follows.
fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let zeros = digits
        .iter()
        .position(|byte| *byte != b'0')
        .unwrap_or(digits.len());
    (&digits[zeros..], rest)
}

/// A file name with one number in it, as C's `printf` writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    before: String,
    /// Zeros are put in front up to so many digits; 0 or 1 for a plain `%d`.
    digits: usize,
    after: String,
}

impl Pattern {
    /// Reads `frame_%05d.png`; `%%` stands for a percent sign. `None` for a name without exactly one number, or
    /// with any other `%`.
    pub fn parse(name: &str) -> Option<Self> {
        let mut number = None;
        let mut text = String::new();
        let mut before = String::new();
        let mut rest = name;
        while let Some(at) = rest.find('%') {
            text.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('%') {
                text.push('%');
                rest = after;
                continue;
            }
            let end = rest.find('d')?;
            let digits = match &rest[..end] {
                "" => 0,
                // Ten digits and more are no picture's number.
                width if width.len() == 2 && width.starts_with('0') => width[1..].parse().ok()?,
                _ => return None,
            };
            if number.replace(digits).is_some() {
                return None;
            }
            before = std::mem::take(&mut text);
            rest = &rest[end + 1..];
        }
        text.push_str(rest);
        Some(Self {
            before,
            digits: number?,
            after: text,
        })
    }

    /// The name with this number.
    pub fn name(&self, number: u64) -> String {
        let Self {
            before,
            digits,
            after,
        } = self;
        format!("{before}{number:0digits$}{after}")
    }

    /// The number in a name, when [`Self::name`] writes it exactly so.
    pub fn number(&self, name: &str) -> Option<u64> {
        let digits = name
            .strip_prefix(self.before.as_str())?
            .strip_suffix(self.after.as_str())?;
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number = digits.parse().ok()?;
        (self.name(number) == name).then_some(number)
    }

    /// Whether the name ends as a still picture's does.
    pub fn is_picture(&self) -> bool {
        let ending = self
            .after
            .rsplit_once('.')
            .map(|(_, ending)| ending.to_ascii_lowercase());
        ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sorted(mut names: Vec<&str>) -> Vec<&str> {
        names.sort_by(|a, b| natural_order(a, b));
        names
    }

    #[test]
    fn two_comes_before_ten() {
        assert_eq!(
            sorted(vec![
                "a10.png", "a2.png", "a1.png", "a02.png", "b1", "a", "a2b10", "a2b9"
            ]),
            [
                "a", "a1.png", "a02.png", "a2.png", "a2b9", "a2b10", "a10.png", "b1"
            ]
        );
        // Numbers that fit no integer type.
        assert_eq!(
            natural_order("99999999999999999999998", "99999999999999999999999"),
            Ordering::Less
        );
    }

    #[test]
    fn patterns_are_those_of_printf() {
        let pattern = Pattern::parse("f_%05d.png").unwrap();
        assert_eq!(pattern.name(7), "f_00007.png");
        assert_eq!(pattern.number("f_00007.png"), Some(7));
        assert_eq!(pattern.number("f_123456.png"), Some(123_456));
        assert_eq!(pattern.number("f_7.png"), None);
        assert_eq!(pattern.number("f_000007.png"), None);
        assert_eq!(pattern.number("f_-0007.png"), None);
        let plain = Pattern::parse("%d.JPG").unwrap();
        assert_eq!(plain.number("12.JPG"), Some(12));
        assert_eq!(plain.number("012.JPG"), None);
        assert!(plain.is_picture());
        assert_eq!(
            Pattern::parse("100%%_%02d.png").unwrap().name(3),
            "100%_03.png"
        );
        for not_one in [
            "a.png",
            "%d_%d.png",
            "50%.png",
            "%s.png",
            "%99d.png",
            "%5d.png",
            "%",
        ] {
            assert_eq!(Pattern::parse(not_one), None, "{not_one}");
        }
        assert!(!Pattern::parse("%d.mp4").unwrap().is_picture());
    }

    proptest! {
        #[test]
        fn the_order_is_total(a in "[a-b0-2./é]{0,8}", b in "[a-b0-2./é]{0,8}", c in "[a-b0-2./é]{0,8}") {
            prop_assert_eq!(natural_order(&a, &b), natural_order(&b, &a).reverse());
            prop_assert_eq!(natural_order(&a, &b) == Ordering::Equal, a == b);
            if natural_order(&a, &b).is_le() && natural_order(&b, &c).is_le() {
                prop_assert!(natural_order(&a, &c).is_le());
            }
        }

        #[test]
        fn numbers_order_as_numbers(a: u64, b: u64, name in "[a-z_]{0,5}") {
            prop_assume!(a != b);
            prop_assert_eq!(natural_order(&format!("{name}{a}.png"), &format!("{name}{b}.png")), a.cmp(&b));
        }

        #[test]
        fn a_pattern_reads_what_it_wrote(number: u64, digits in 0usize..10, name in "[a-zé_ 0-9]{0,6}") {
            let width = if digits == 0 { String::new() } else { format!("0{digits}") };
            let pattern = Pattern::parse(&format!("{name}%{width}d.png")).unwrap();
            prop_assert_eq!(pattern.number(&pattern.name(number)), Some(number));
        }

        #[test]
        fn no_name_breaks_the_parser(name in "[%d0-9a.é]{0,12}", other in ".{0,12}") {
            if let Some(pattern) = Pattern::parse(&name) {
                pattern.number(&other);
            }
            let _ = Pattern::parse(&other);
        }
    }
}
